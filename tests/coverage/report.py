#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Print which lines of dash/ were executed, list those that were not.

usage: report.py COUNTS-DIR LIST-FILE

COUNTS-DIR has the *.gcda files of an instrumented kernel's debugfs, by the
paths of the objects; the compiler's *.gcno are where the objects are. A source
file that was compiled more than once (into dash.ko, into dash_kunit.ko, a
header) is one: a line counts as executed if it was in any of them.
"""

import collections
import json
import os
import re
import subprocess
import sys

# What gcov attributes to these is code that macros of the kernel's made.
GENERATED = {"dash/trace.h"}


class Source:
    """Counts of one file."""

    def __init__(self, path):
        self.path = path
        self.lines = collections.Counter()
        self.functions = {}     # (first line, last line, name): calls

    def add(self, doc):
        for line in doc["lines"]:
            self.lines[line["line_number"]] += line["count"]
        for func in doc["functions"]:
            # GCC's own clones: foo.part.0, foo.constprop.0
            name = func["name"].split(".")[0]
            key = func["start_line"], func["end_line"], name
            self.functions[key] = (self.functions.get(key, 0) +
                                   func["execution_count"])

    @property
    def executed(self):
        return sum(n > 0 for n in self.lines.values())

    def never_called(self):
        return sorted(f for f, calls in self.functions.items() if not calls)

    def never_executed(self):
        """[(first line, last line)] of lines that were not; lines without
        code do not separate them."""
        out, open_ = [], False
        for n in sorted(self.lines):
            if self.lines[n]:
                open_ = False
            elif open_:
                out[-1][1] = n
            else:
                out.append([n, n])
                open_ = True
        return out

    def function_of(self, line):
        inside = [f for f in self.functions if f[0] <= line <= f[1]]
        return max(inside)[2] if inside else "?"


def gcov(gcda, gcno):
    """The documents of gcov about one object."""
    link = gcda[:-len(".gcda")] + ".gcno"
    if not os.path.exists(link):
        os.symlink(gcno, link)
    # gcov reads the sources, by paths that are absolute.
    p = subprocess.run(["gcov", "--json-format", "--stdout", gcda],
                       capture_output=True, text=True, check=False,
                       cwd=os.path.dirname(gcda))
    if p.returncode or not p.stdout.strip():
        sys.exit(f"gcov {gcda}: {p.stderr or 'nothing'}")
    if "stamp mismatch" in p.stderr:
        sys.exit(f"{gcno} is not what was run: {p.stderr}")
    return [json.loads(line) for line in p.stdout.splitlines() if line]


def collect(top):
    sources = {}
    for where, _, names in sorted(os.walk(top)):
        for name in sorted(names):
            if not name.endswith(".gcda"):
                continue
            gcda = os.path.join(where, name)
            gcno = "/" + os.path.relpath(gcda, top)[:-len(".gcda")] + ".gcno"
            for doc in gcov(gcda, gcno):
                for entry in doc["files"]:
                    # also .../tests/kunit/../../dash/flow.c
                    path = os.path.normpath(entry["file"])
                    m = re.search(r"/(dash/\w+\.[ch])$", path)
                    if not m or m[1] in GENERATED:
                        continue
                    source = sources.setdefault(m[1], Source(path))
                    source.add(entry)
    return dict(sorted(sources.items()))


def percent(part, whole):
    # Rounded down: 100.0 is all of it.
    return f"{part * 1000 // whole / 10 if whole else 100:6.1f}"


def table(sources):
    print(f"{'file':28} {'lines':>6} {'executed':>8} {'%':>6} "
          f"{'functions':>9} {'never called':>12}")
    total = [0] * 4
    for name, s in sources.items():
        numbers = (len(s.lines), s.executed, len(s.functions),
                   len(s.never_called()))
        total = [a + b for a, b in zip(total, numbers)]
        print_line(name, *numbers)
    print_line("total", *total)


def print_line(name, lines, executed, functions, uncalled):
    print(f"{name:28} {lines:6} {executed:8} {percent(executed, lines)} "
          f"{functions:9} {uncalled or '':>12}")


def listing(sources, out):
    for name, s in sources.items():
        ranges = s.never_executed()
        if not ranges:
            continue
        print(f"{name}: {s.executed} of {len(s.lines)} lines", file=out)
        for first, last, func in s.never_called():
            print(f"    never called: {func}, lines {first}-{last}", file=out)
        with open(s.path, encoding="utf-8") as f:
            text = f.read().split("\n")
        for first, last in ranges:
            print(f"    {s.function_of(first)}:", file=out)
            for n in range(first, last + 1):
                code = text[n - 1].expandtabs()
                print(f"{n:8}{'|' if n in s.lines else ' '} {code}".rstrip(),
                      file=out)
        print(file=out)


def main():
    sources = collect(os.path.abspath(sys.argv[1]))
    if not sources:
        sys.exit(f"{sys.argv[1]}: nothing of dash/ was counted")
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        listing(sources, out)
    table(sources)


main()
