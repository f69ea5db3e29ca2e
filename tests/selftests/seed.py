#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The worked example of the VNET-to-VNET document, in both readings: SPEC 3."""

import json
import os

from dashtest import (EXACT, FAKE_MAC, HERE, TOP, Failure, Net, case, cases,
                      check, equal, main, row)
from frames import inner, sent, tcp, udp, vxlan, with_dmac

MAC = {n: f"02:00:00:00:00:0{n}" for n in (1, 2, 3)}
VM_VNI = 9000
HOST = "100.0.0.1"
VIP = "100.0.0.254"

net = Net()


def example(name):
    for where in ("examples", "Documentation/examples",
                  "Documentation/networking/examples", "tools/dashctl/examples",
                  "tests/selftests"):
        path = os.path.join(TOP, where, name)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                return json.load(f)
    raise Failure(f"{name}: no such example in {TOP}, nor in {HERE}")


def load(name):
    """The example as shipped, and the header knobs in a row of their own."""
    net.load(example(name) + [row("APPLIANCE", "knobs", **EXACT)])


def from_vm(dst, l4=None):
    """What VM 1 sends towards dst: the inner frame."""
    return inner("10.0.0.1", dst, l4 or udp(net.sport(), 80), MAC[1], FAKE_MAC)


def outbound(frame, vip=VIP):
    return vxlan(frame, VM_VNI, HOST, vip)


def explain(dst, proto="udp"):
    return net.json("explain", "eni", "020000000001", "outbound",
                    "src", "10.0.0.1", "dst", dst, "proto", proto,
                    "sport", "4000", "dport", "80")


# What becomes of packets from 10.0.0.1 to each destination: either the PA, VNI
# and row of the mapping, or why it is dropped, and the stage if by ACL.
EXAMPLE = {
    "10.0.0.10": ("acl_deny", 1, "ACL1"),
    "10.0.0.11": ("acl_deny", 2, "ACL2"),
    "10.0.0.2": ("100.0.0.2", 200, 2),
    "10.0.0.3": ("100.0.0.3", 300, 3),
    "10.0.0.1": ("100.0.0.1", 100, 1),
    "10.0.0.50": ("no_mapping", None, None),
    "20.0.0.9": ("no_mapping", None, None),
    "30.0.0.1": ("no_route", None, None),
}


@cases({f"consistent: to {dst}": (dst,) + what
        for dst, what in EXAMPLE.items()}, stock=True)
def consistent(dst, what, number, which):
    load("seed-consistent.json")
    frame = from_vm(dst)
    if isinstance(which, int):
        net.forwards(outbound(frame),
                     sent(with_dmac(frame, MAC[which]), number, VIP, what))
        return
    before = net.eni_stats("020000000001")["outbound"].get("acl_drops", {})
    net.drop(outbound(frame), what, "020000000001")
    after = net.eni_stats("020000000001")["outbound"].get("acl_drops", {})
    want = dict(before)
    if what == "acl_deny":
        want[str(number)] = want.get(str(number), 0) + 1
    equal({k: v for k, v in after.items() if v},
          {k: v for k, v in want.items() if v}, "ACL drops by stage")


@cases({f"consistent: explain to {dst}": (dst,) + what
        for dst, what in EXAMPLE.items()}, stock=("consistent: explain to "
                                                  "10.0.0.2",
                                                  "consistent: explain to "
                                                  "10.0.0.11"))
def explained(dst, what, number, which):
    """The same answers by explain, and nothing happens by asking."""
    load("seed-consistent.json")
    before = net.stats()
    ex = explain(dst)
    equal(net.stats(), before, "statistics after explain")
    equal(net.flows(), [], "flows after explain")
    if isinstance(which, int):
        equal(ex["verdict"], "allow", "verdict")
        p = ex["packet"]
        equal((p["outer_src"], p["outer_dst"], p["vni"]), (VIP, what, number),
              "packet")
        equal(p["inner_dst_mac"].replace("-", ":").lower(), MAC[which],
              "inner destination MAC")
        check("10.0.0.0/24" in json.dumps(ex["route"]),
              f"the route 10.0.0.0/24 in {ex['route']!r}")
        equal([s["stage"] for s in ex["stages"]], [1, 2, 3], "stages")
        return
    equal((ex["verdict"], ex["reason"]), ("drop", what), "verdict")
    if what != "acl_deny":
        return
    last = ex["stages"][-1]
    equal((last["stage"], last["group"], last["action"]),
          (number, which, "deny"), "deciding stage")
    equal(str(last["rule"]), "1", "deciding rule")


@case("consistent: the reply goes back to the VM", stock=True)
def reply():
    load("seed-consistent.json")
    sport = net.sport()
    syn = from_vm("10.0.0.2", tcp(sport, 80, "S", 5000))
    net.forwards(outbound(syn),
                 sent(with_dmac(syn, MAC[2]), 200, VIP, "100.0.0.2"))
    flow, = net.flows()
    equal((flow["direction"], flow["src"], flow["dst"], flow["sport"],
           flow["dport"]), ("outbound", "10.0.0.1", "10.0.0.2", sport, 80),
          "flow")
    # There is no inbound rule: only the connection lets it through.
    answer = inner("10.0.0.2", "10.0.0.1", tcp(80, sport, "SA", 9000, 5001),
                   MAC[2], MAC[1])
    net.forwards(vxlan(answer, 100, "100.0.0.2", VIP),
                 sent(answer, VM_VNI, VIP, HOST))


def hexes(text):
    return bytes.fromhex("".join(line.split("#")[0] for line in
                                 text.splitlines()).replace(" ", ""))


# By hand, byte for byte: nothing here is computed by the code under test, nor
# by scapy. The inner packet is UDP with 4 bytes; its checksum is not checked
# by anybody (SPEC 8.4) and is 0 here.
INNER_L3 = """
    45 00 00 20 00 01 00 00 40 11 66 ca     # IPv4: 32 bytes, TTL 64, UDP
    0a 00 00 01 0a 00 00 02                 # 10.0.0.1 > 10.0.0.2
    10 00 00 50 00 0c 00 00                 # UDP 4096 > 80, 12 bytes
    64 61 73 68                             # "dash"
"""
LITERAL_IN = hexes("""
    02 00 5e 00 00 a0 02 00 5e 00 00 b0 08 00
    45 00 00 52 00 07 00 00 40 11 b2 91     # IPv4: 82 bytes
    64 00 00 01 64 00 00 02                 # 100.0.0.1 > 100.0.0.2, the VIP
    c0 00 12 b5 00 3e 00 00                 # UDP > 4789, 62 bytes, no checksum
    08 00 00 00 00 23 28 00                 # VXLAN, VNI 9000
    12 34 56 78 9a bc 02 00 00 00 00 01 08 00
""" + INNER_L3)
LITERAL_OUT = hexes("""
    02 00 5e 00 00 b0 02 00 5e 00 00 a0 08 00
    45 00 00 52 00 01 00 00 40 11 b2 97     # IPv4: id 1, no DF, TTL 64
    64 00 00 02 64 00 00 01                 # 100.0.0.2 > 100.0.0.1
    00 00 12 b5 00 3e 00 00                 # UDP 0 > 4789, 62 bytes
    08 00 00 00 00 00 c8 00                 # VXLAN, VNI 200
    02 00 00 00 00 01 02 00 00 00 00 01 08 00   # to Mac1, from Mac1
""" + INNER_L3)


@case("literal: the document's packet, byte for byte", stock=True)
def literal():
    load("seed-literal.json")
    out = net.send(LITERAL_IN)
    equal([f.hex(" ", 2) for f in out], [LITERAL_OUT.hex(" ", 2)], "frames")


@case("literal: .10 and .11 are blocked")
def literal_blocked():
    load("seed-literal.json")
    for dst in ("10.0.0.10", "10.0.0.11"):
        net.drop(outbound(from_vm(dst), "100.0.0.2"), "acl_deny",
                 "020000000001")


main(net)
