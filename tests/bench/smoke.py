# SPDX-License-Identifier: GPL-2.0
"""Part of "make check": is the fast path slower than what nobody would replace
by a slower thing? Ratios that no noise makes: normally there is a factor of two
between. All frames are checked, and that none overtakes another of its flow."""

import os
import sys

from benchlib import interleaved, kernel, ratio, run
from peers import OUT_MAC, PA, VIP, VNI_OUT, Dash, Forwarding, Ovs

FLOWS = 1 << 10


def slower(dash, peer):
    """dash's time : the peer's, after a second look if it is not below 1."""
    for rounds in (5, 25):
        got = interleaved({p.name: (lambda p=p: p.ns(FLOWS, 50000))
                           for p in (dash, peer)}, rounds)
        r = ratio(got["dash"], got[peer.name])
        print(f"# dash {got['dash'].median:.0f} ns, {peer.title} "
              f"{got[peer.name].median:.0f} ns a packet: {r:.2f}")
        if r <= 1:
            return False
    return True


def in_order(dash):
    """Through a NAPI of any batch."""
    kernel("sink", dev=dash.sink, src=dash.src, saddr=VIP, daddr=PA,
           vni=VNI_OUT, idmac=OUT_MAC, check_order=FLOWS)
    late = sum(dash.run(FLOWS, packets=20000, batch=b)["reordered"]
               for b in (1, 7, 64))
    print(f"# {late} of 60000 frames late")
    return not late


def main():
    run("insmod", os.environ["DASH_KO"])
    run("insmod", os.environ["DASH_BENCH_KO"])
    dash = Dash("dash")
    try:
        peer = Ovs("ovs")
    except Exception:  # pylint: disable=broad-except
        peer = Forwarding("fwd")    # a kernel without Open vSwitch
    for p in (dash, peer):
        p.prepare(FLOWS)
    print("KTAP version 1\n1..2")
    bad = 0
    for n, (name, ok) in enumerate((
            (f"fast path is not slower than {peer.title}",
             lambda: not slower(dash, peer)),
            ("frames of a flow stay in order", lambda: in_order(dash))), 1):
        good = ok()
        bad += not good
        print(f"{'ok' if good else 'not ok'} {n} {name}", flush=True)
    for p in (dash, peer):
        p.close()
    run("rmmod", "dash_bench")
    run("rmmod", "dash")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
