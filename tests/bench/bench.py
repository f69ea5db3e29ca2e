# SPDX-License-Identifier: GPL-2.0
"""Run inside the machine by run.sh: the parts named, then the table.

bench.py PART[=SIZE,SIZE...]..."""

import importlib
import os
import sys

from benchlib import HERE, TABLE, Failure, chase, note, run

# In the order in which they are run; "smp" is for a machine with two CPUs
PARTS = ["fast", "new", "acl", "lpm", "gso", "overload", "scale", "smp"]


def conditions():
    with open("/proc/sys/kernel/osrelease", encoding="ascii") as f:
        release = f.read().strip()
    dependent, overlapped = chase()
    return {"kernel": release, "machine": os.environ.get("DASH_KERNEL"),
            "host": os.environ.get("BENCH_HOST", ""),
            "huge_pages": os.environ.get("BENCH_HUGE", "") == "1",
            "miss_dependent_ns": dependent, "miss_overlapped_ns": overlapped,
            "failed": []}


def main(args):
    run("insmod", os.environ["DASH_KO"])
    run("insmod", os.environ["DASH_BENCH_KO"])
    begin = conditions()
    for arg in args:
        name, _, sizes = arg.partition("=")
        if name not in PARTS:
            sys.exit(f"{name}: no such part; there are: {' '.join(PARTS)}")
        note(f"part {name}")
        try:
            importlib.import_module(name).main(
                **({"sizes": sizes.split(",")} if sizes else {}))
        except Failure as why:
            note(f"{name}: FAILED: {why}")
            begin["failed"].append(f"{name}: {why}")
            run("ip", "-all", "netns", "delete", ok=False)
    begin["end_dependent_ns"], begin["end_overlapped_ns"] = chase()
    TABLE.save(os.path.join(os.environ["DASH_OUT"], "bench.json"), begin)
    return bool(begin["failed"])


if __name__ == "__main__":
    sys.path.insert(0, HERE)
    sys.exit(main(sys.argv[1:]))
