# SPDX-License-Identifier: GPL-2.0
"""On the host: the results of the machines as one table.

report.py IN.json... [-o OUT.json]"""

import json
import sys

from benchlib import Table


def main(args):
    out = None
    if "-o" in args:
        at = args.index("-o")
        out = args[at + 1]
        del args[at:at + 2]
    table, all_conditions = Table(), []
    for path in args:
        with open(path, encoding="ascii") as f:
            data = json.load(f)
        table.rows += data["rows"]
        c = data["conditions"]
        all_conditions.append(c)
        print(f"kernel {c['kernel']} ({c['machine']}) on {c['host']}, memory "
              f"{'' if c['huge_pages'] else 'not '}on huge pages")
        if c["machine"].startswith("uml"):
            print(f"calibration, 64 MB: a dependent miss "
                  f"{c['miss_dependent_ns']:.0f} ns at the beginning, "
                  f"{c['end_dependent_ns']:.0f} ns at the end; overlapped "
                  f"{c['miss_overlapped_ns']:.1f} and "
                  f"{c['end_overlapped_ns']:.1f} ns")
        for why in c["failed"]:
            print(f"FAILED: {why}")
    print()
    print(table.text())
    if out:
        table.save(out, all_conditions)


if __name__ == "__main__":
    main(sys.argv[1:])
