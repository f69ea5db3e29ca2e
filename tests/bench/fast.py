# SPDX-License-Identifier: GPL-2.0
"""The fast path: packets of connections that are there, in random order."""

import os

from benchlib import QUICK, TABLE, Alone, chase, interleaved, note, ratio
from peers import (Conntrack, Contender, Dash, Flower, Flowtable, Forwarding,
                   Ovs, OvsExact)

SIZES = {"1": 1, "1k": 1 << 10, "64k": 1 << 16, "1M": 1 << 20}

CONTENDERS = {
    "drop": lambda: Contender("drop", "drop", "source + drop"),
    "rewrite": lambda: Contender("rewrite", "rewrite", "rewrite"),
    "lookup": lambda: Contender("lookup", "lookup", "lookup + rewrite"),
    "pipe": lambda: Contender("pipe", "pipelined", "pipelined"),
    "dash": lambda: Dash("dash"),
    "ovs": lambda: Ovs("ovs"),
    "ovse": lambda: OvsExact("ovse"),
    "flower": lambda: Flower("flower"),
    "fwd": lambda: Forwarding("fwd"),
    "ct": lambda: Conntrack("ct"),
    "ft": lambda: Flowtable("ft"),
}


def goals(size, got):
    """(goal, contender, bound as text, ratio, met?) of P1 and P2."""
    dash = got["dash"]
    if size in ("1", "1k"):
        limit, bound, peers = "lookup", 1.3, ("ovse", "flower", "ct", "ft")
        factors = {n: 4.5 for n in peers}
    else:
        limit, bound, factors = "pipe", 1.6, {"ovse": 5, "ft": 4}
    goal = "P1" if limit == "lookup" else "P2"
    if limit in got:
        r = ratio(dash, got[limit])
        yield goal, limit, f"<= {bound} x its time", r, r <= bound
    for name, factor in factors.items():
        if name in got:
            r = ratio(got[name], dash)
            yield goal, name, f">= {factor} x faster", r, r >= factor


def main(sizes=None):
    only = os.environ.get("BENCH_PEERS", "").split()
    peers = {name: make() for name, make in CONTENDERS.items()
             if not only or name in only or name == "dash"}
    for size, flows in SIZES.items():
        if sizes and size not in sizes:
            continue
        here = {n: p for n, p in peers.items() if flows <= p.max_flows}
        for p in here.values():
            note(f"fast: {size} flows: {p.title}")
            p.prepare(flows)
        packets = 100000 if QUICK else 300000
        miss = chase()[0]
        with Alone():
            got = interleaved({n: (lambda p=p: p.ns(flows, packets))
                               for n, p in here.items()})
        for n, p in here.items():
            TABLE.add("fast", f"{p.title}, {size} flows", got[n], "ns/packet",
                      calibration=miss)
        for goal, n, text, r, met in goals(size, got):
            TABLE.add("fast", f"dash, {size} flows", got["dash"], "ns/packet",
                      ratio=r, to=here[n].title, goal=f"{goal}: {text}",
                      met=met, calibration=miss)
    for p in peers.values():
        p.close()
