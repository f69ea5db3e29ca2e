# SPDX-License-Identifier: GPL-2.0
"""TCP in packets of 60 kB, as GRO makes them: whole through the appliance, and
cut into segments before it."""

from benchlib import QUICK, TABLE, Failure, interleaved, kernel, note, ratio
from peers import Dash, Forwarding

FLOWS = 16
WHOLE, SEGMENTS = 1, 2


def rate(peer, gso, packets):
    """Bytes of TCP a second."""
    got = kernel("run", dev=peer.src, flows=FLOWS, packets=packets, gso=gso)
    want = packets if gso == WHOLE else None
    if got["bad"] or not got["ok"] or (want and got["ok"] != want):
        raise Failure(f"gso: {peer.title}: {got}")
    if gso == SEGMENTS and got["ok"] < 40 * packets:
        raise Failure(f"gso: {peer.title}: {got}: segments are missing")
    return got["bytes"] / got["ns"]


def main(sizes=None):
    if sizes:
        raise Failure("gso: there are no sizes")
    note("gso")
    peers = {}
    for name, make in (("dash", Dash), ("fwd", Forwarding)):
        p = peers[name] = make(name)
        p.set_source(proto="tcp")
        kernel("run", dev=p.src, flows=FLOWS, packets=FLOWS, order="seq",
               gso=WHOLE, syn=1)
    packets = 500 if QUICK else 3000
    todo = {}
    for name, p in peers.items():
        todo[name, WHOLE] = lambda p=p: rate(p, WHOLE, packets)
    # Linux' vxlan merges segments again, so the peer has only the one row
    todo["dash", SEGMENTS] = lambda: rate(peers["dash"], SEGMENTS, packets // 20)
    got = interleaved(todo)
    for (name, gso), samples in got.items():
        r = goal = met = None
        if gso == WHOLE and name == "dash":
            r = ratio(samples, got[name, SEGMENTS])
            goal, met = "P3: >= 5 x", r >= 5
        TABLE.add("gso", f"{peers[name].title}, 60 kB of TCP, "
                  f"{'whole' if gso == WHOLE else 'cut before'}", samples,
                  "GB/s", ratio=r, to=r and "cut before", goal=goal, met=met)
    for p in peers.values():
        p.close()
