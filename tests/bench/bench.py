# SPDX-License-Identifier: GPL-2.0
"""Run inside the machine by run.sh: the parts named, then the table.

bench.py PART[=SIZE,SIZE...]..."""

import importlib
import os
import sys

from benchlib import HERE, TABLE, Failure, chase, note, run

# In the order in which they are run
PARTS = ["fast", "new", "acl", "lpm"]


def conditions():
    with open("/proc/sys/kernel/osrelease", encoding="ascii") as f:
        release = f.read().strip()
    dependent, overlapped = chase()
    return {"kernel": release, "machine": os.environ.get("DASH_KERNEL"),
            "host": os.environ.get("BENCH_HOST", ""),
            "huge_pages": os.environ.get("BENCH_HUGE", "") == "1",
            "miss_dependent_ns": dependent, "miss_overlapped_ns": overlapped}


def main(args):
    run("insmod", os.environ["DASH_KO"])
    run("insmod", os.environ["DASH_BENCH_KO"])
    begin = conditions()
    bad = 0
    for arg in args or PARTS:
        name, _, sizes = arg.partition("=")
        if name not in PARTS:
            sys.exit(f"{name}: no such part; there are: {' '.join(PARTS)}")
        note(f"part {name}")
        try:
            importlib.import_module(name).main(
                **({"sizes": sizes.split(",")} if sizes else {}))
        except Failure as why:
            bad += 1
            print(f"{name}: FAILED: {why}", flush=True)
    end = chase()
    print(f"kernel {begin['kernel']} ({begin['machine']}), on {begin['host']}, "
          f"memory {'on huge pages' if begin['huge_pages'] else 'NOT on huge pages'}\n"
          f"calibration, 64 MB: a dependent miss {begin['miss_dependent_ns']:.0f} ns "
          f"at the beginning, {end[0]:.0f} ns at the end; overlapped "
          f"{begin['miss_overlapped_ns']:.1f} and {end[1]:.1f} ns\n")
    print(TABLE.text())
    out = os.environ.get("DASH_OUT")
    if out:
        TABLE.save(os.path.join(out, "bench.json"), begin)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.path.insert(0, HERE)
    sys.exit(main(sys.argv[1:]))
