#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Print what checkpatch said, on stdin, less the exceptions in a file."""

import re
import sys
from fnmatch import fnmatch
from pathlib import Path


def read_exceptions(path):
    exceptions = []
    for n, line in enumerate(Path(path).read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [f.strip() for f in line.split("|", 3)]
        if len(fields) != 4 or not fields[3]:
            sys.exit(f"{path}:{n}: not TYPE | files | text | reason")
        exceptions.append((n, *fields[:3]))
    return exceptions


def main():
    path = sys.argv[1]
    exceptions = read_exceptions(path)
    used = set()
    wrong = False
    for line in sys.stdin:
        m = re.match(r"([^:]+):(\d+): [A-Z]+:([A-Z0-9_]+): ", line)
        if m:
            name, kind = m[1], m[3]
            text = Path(name).read_text().splitlines()[int(m[2]) - 1]
            hits = {n for n, t, files, part in exceptions
                    if t == kind and fnmatch(name, files)
                    and (part in text or part in line)}
            if hits:
                used |= hits
                continue
        print(line, end="")
        wrong = True
    for n, kind, files, _ in exceptions:
        if n not in used:
            print(f"{path}:{n}: {kind} in {files}: no more needed")
            wrong = True
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
