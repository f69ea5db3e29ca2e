#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Metering classes and their counters: SPEC 5 and 8 (17), DASH metering.md."""

import random
import struct

from dashtest import (VNI, Net, base, ca, case, check, delete, equal, mac, main,
                      mapping, pa, route_rule, row)
from frames import (fix_ip, from_peer, from_vm, inner, is6, patch, peer_frame,
                    udp, vm_frame)

net = Net(quick=True)
ALL = 0xffffffff


def route(prefix, kind="vnet_encap", **fields):
    if kind == "vnet_encap":
        fields.setdefault("underlay_ip", pa(90))
    return row("ROUTE", "rg", prefix, routing_type=kind, **fields)


def table(name, *key, op="SET", **fields):
    """The tables of metering have no _TABLE in their names."""
    return {f"DASH_{name}:{':'.join(str(k) for k in key)}": fields, "OP": op}


def policy(name, *rules, ver="ipv4"):
    """rules: (number, priority, prefix, class)"""
    return [table("METER_POLICY", name, ip_version=ver)] + [
        table("METER_RULE", name, n, priority=prio, ip_prefix=prefix,
              metering_class=cls) for n, prio, prefix, cls in rules]


V4 = {"v4_meter_policy_id": "p4"}
V6 = {"v6_meter_policy_id": "p6"}


def meters(*key):
    """{(eni, class): (tx bytes, rx bytes, tx packets, rx packets)}"""
    found = {}
    for item in net.json("meter", "class", "show", *key):
        name = next(k for k in item if k != "OP")
        eni, cls = name[len("DASH_METER:"):].rsplit(":", 1)
        f = item[name]
        found[eni, int(cls)] = (f["tx_counter"], f["rx_counter"],
                                f["tx_packets"], f["rx_packets"])
    return found


class Grows:
    """with Grows({class: (tx bytes, rx bytes, tx packets, rx packets)}):
    these counters of eni1 grow so, and no other."""

    def __init__(self, want):
        self.want = {k: v for k, v in want.items() if any(v)}

    def __enter__(self):
        self.before = meters()

    def __exit__(self, kind, *_):
        if kind:
            return
        got = {}
        for (eni, cls), now in meters().items():
            old = self.before.get((eni, cls), (0, 0, 0, 0))
            diff = tuple(a - b for a, b in zip(now, old))
            if eni == "eni1" and any(diff):
                got[cls] = diff
        equal(got, self.want, "counters that grew")


def to(dst, l4=None):
    return inner(ca(1, is6(dst)), dst, l4 or udp(net.sport(), 53), mac(1))


def classes(want):
    """want: {destination: class}, one packet to each."""
    frames = {dst: to(dst) for dst in want}
    grow = {}
    for dst, f in frames.items():
        if want[dst]:
            old = grow.get(want[dst], (0, 0, 0, 0))
            grow[want[dst]] = (old[0] + len(f), 0, old[2] + 1, 0)
    with Grows(grow):
        equal(len(net.send(*map(from_vm, frames.values()))), len(frames),
              "frames sent")


# -- what is counted ----------------------------------------------------------

@case("inner frames with their Ethernet header, both directions", stock=True)
def both():
    """A connection's packets have its class whoever sends them; the VM's
    point of view tells tx from rx."""
    net.load(base(route("20.0.0.0/24", metering_class_or=7)))
    port = net.sport()
    out = to("20.0.0.9", udp(port, 53, b"x" * 100))
    back = inner("20.0.0.9", ca(1), udp(53, port, b"y" * 333), mac(2), mac(1))
    equal((len(out), len(back)), (142, 375), "lengths")
    with Grows({7: (3 * 142, 2 * 375, 3, 2)}):
        equal(len(net.send(from_vm(out), from_peer(90, back), from_vm(out),
                           from_peer(90, back), from_vm(out))), 5, "frames")
    # outer padding and VLAN tags are none of it
    with Grows({7: (142, 0, 1, 0)}):
        net.send(from_vm(out) + b"padding")
    # neither is what is dropped
    with Grows({}):
        net.drop(from_peer(91, back), "pa_invalid", "eni1")
        net.send(from_vm(vm_frame(2, udp(net.sport(), 53))))


@case("inbound connections: by their route rule", stock=True)
def inbound():
    net.load(base(route_rule("eni1", VNI, "100.0.0.2/32", 1, vnet="v1",
                             metering_class_or=12, metering_class_and=6),
                  route_rule("eni1", VNI, "100.0.0.0/24", 2, vnet="v1"),
                  policy("p4", (1, 1, f"{ca(3)}/32", 33),
                         (2, 1, f"{ca(1)}/32", 44)), eni=V4))
    port = net.sport()
    f = peer_frame(2, udp(port, 53))
    back = inner(ca(1), ca(2), udp(53, port), mac(1), mac(2))
    with Grows({4: (len(back), len(f), 1, 1)}):
        equal(len(net.send(from_peer(2, f), from_vm(back))), 2, "frames")
    # without bits, the policy tells by the source
    f = peer_frame(3, udp(net.sport(), 53))
    with Grows({33: (0, len(f), 0, 1)}):
        net.send(from_peer(3, f))
    with Grows({}):
        net.send(from_peer(4, peer_frame(4, udp(net.sport(), 53))))


# -- the class ----------------------------------------------------------------

@case("bits: routes, mappings, tunnels", stock=True)
def bits():
    net.load(base(
        route("20.0.0.0/24", metering_class_or=0x0f, metering_class_and=0x3c),
        route("20.0.1.0/24", metering_class_and=0xff),
        route("20.0.2.0/24", metering_class_or=ALL),
        route("20.0.3.0/24", metering_class_or=3, metering_class_and=0),
        route("20.0.4.0/24", "vnet", vnet="v1", metering_class_or=1,
              metering_class_and=5),
        route("20.0.5.0/24", "vnet", vnet="v1"),
        mapping("v1", "20.0.4.1", pa(5), metering_class_or=6),
        mapping("v1", "20.0.4.2", pa(5)),
        mapping("v1", "20.0.5.1", pa(5), metering_class_or=6),
        mapping("v1", "20.0.5.2", pa(5)),
        row("TUNNEL", "t1", endpoints=pa(80), vni=5, metering_class_or=0x30),
        route("20.0.6.0/24", "tunnel", tunnel="t1", metering_class_or=0x41),
        route("20.0.7.0/24", "vnet_encap", metering_class=77)))
    classes({"20.0.0.1": 0x0c, "20.0.1.1": 0, "20.0.2.1": ALL, "20.0.3.1": 0,
             "20.0.4.1": 5, "20.0.4.2": 1, "20.0.5.1": 6, "20.0.5.2": 0,
             "20.0.6.1": 0x71, "20.0.7.1": 77})


@case("policies: where the bits say nothing, of the packet's family",
      stock=True)
def policies():
    net.load(base(
        route("20.0.0.0/8", metering_class_or=9),
        route("20.1.0.0/16"), route("20.2.0.0/16", metering_class_or=9,
                                    metering_policy_en=True),
        route("2001:db8::/32"),
        policy("p4", (1, 1, "20.0.0.0/15", 41), (2, 1, "20.2.0.0/24", 42),
               (3, 1, "20.1.2.0/24", 0)),
        policy("p6", (1, 1, "2001:db8::/64", 61), ver="ipv6"),
        eni={**V4, **V6}))
    classes({"20.0.0.1": 9, "20.1.0.1": 41, "20.2.0.1": 42, "20.2.1.1": 9,
             "20.1.2.1": 0, "2001:db8::1": 61, "2001:db8:1::1": 0})
    net.load(base(route("20.1.0.0/16"), route("2001:db8::/32"), policy(
        "p4", (1, 1, "0.0.0.0/0", 41)), eni=V4))
    classes({"20.1.0.1": 41, "2001:db8::1": 0})


@case("policies: lowest priority number, then longest prefix, then number")
def priority():
    net.load(base(route("20.0.0.0/8"), policy(
        "p4", (1, 5, "20.0.0.0/8", 1), (2, 5, "20.1.0.0/16", 2),
        (3, 1, "20.1.1.0/24", 3), (4, 9, "20.1.1.1/32", 4),
        (5, 5, "20.2.0.0/16", 5), (6, 5, "20.2.0.0/16", 6),
        (7, 9, "20.3.0.0/16", 7), (8, 5, "20.3.3.0/24", 8)), eni=V4))
    classes({"20.9.0.1": 1, "20.1.0.1": 2, "20.1.1.9": 3, "20.1.1.1": 3,
             "20.2.0.1": 5, "20.3.0.1": 1, "20.3.3.1": 8})


@case("policies: random ones against a linear search")
def randomly():
    rnd = random.Random(4711)
    rules = []
    for n in range(300):
        plen = rnd.choice([8, 12, 14, 16, 20, 23, 24, 28, 30, 32])
        addr = 20 << 24 | rnd.getrandbits(4) << 16 | rnd.getrandbits(3) << 8 | \
            rnd.getrandbits(3)
        addr &= ALL << (32 - plen)
        rules.append((n, rnd.randrange(20), addr, plen, n + 1))

    def text(addr):
        return ".".join(str(b) for b in struct.pack("!I", addr))
    net.load(base(route("20.0.0.0/8"), policy(
        "p4", *[(n, prio, f"{text(a)}/{plen}", cls)
                for n, prio, a, plen, cls in rules]), eni=V4))
    want = {}
    for _ in range(80):
        dst = 20 << 24 | rnd.getrandbits(4) << 16 | rnd.getrandbits(3) << 8 | \
            rnd.getrandbits(3)
        hits = [(prio, -plen, n, cls) for n, prio, a, plen, cls in rules
                if dst >> (32 - plen) == a >> (32 - plen)]
        want[text(dst)] = min(hits)[3] if hits else 0
    classes(want)


LIMIT = 4095            # classes of an ENI


@case("so many classes have counters of their own, the rest one for all")
def limit():
    n = LIMIT + 105
    dsts = [(20, 0, i >> 8, i & 255) for i in range(n)]
    net.load([])        # a new ENI: no other case's classes
    net.load(base([route(f"{'.'.join(map(str, d))}/32", metering_class_or=i + 1)
                   for i, d in enumerate(dsts)]))
    f = from_vm(to("20.0.0.0"))
    frames = [fix_ip(patch(f, 50 + 30, bytes(d)), 50 + 14) for d in dsts]
    size = len(f) - 50
    for at in range(0, n, 500):
        part = frames[at:at + 500]
        equal(len(net.send(*part)), len(part), "frames sent")
    got = meters()
    equal(len(got), LIMIT + 1, "classes")
    equal([c for c in range(1, LIMIT + 1)
           if got["eni1", c] != (size, 0, 1, 0)], [], "wrong classes")
    equal(got["eni1", 0], (105 * size, 0, 105, 0), "all others")
    # those that were met go on, whatever comes
    with Grows({1: (size, 0, 1, 0), 0: (size, 0, 1, 0)}):
        net.send(frames[0], frames[-1])


# -- changes ------------------------------------------------------------------

@case("changes: the next packet has the new class, counters stay", stock=True)
def changes():
    net.load(base(route("20.0.0.0/8"),
                  policy("p4", (1, 1, "20.0.0.0/8", 51)), eni=V4))
    f = to("20.0.0.1")

    def goes(cls):
        with Grows({cls: (len(f), 0, 1, 0)} if cls else {}):
            net.send(from_vm(f))
    goes(51)
    total = meters()["eni1", 51]
    for rows, cls in (
            ([table("METER_RULE", "p4", 1, priority=1, ip_prefix="20.0.0.0/8",
                    metering_class=52)], 52),
            ([table("METER_RULE", "p4", 2, priority=0, ip_prefix="20.0.0.0/7",
                    metering_class=53)], 53),
            ([table("METER_RULE", "p4", 2, op="DEL")], 52),
            (policy("q4", (1, 1, "0.0.0.0/0", 54)) +
             [row("ENI", "eni1", mac_address=mac(1), underlay_ip=pa(1),
                  admin_state="enabled", vnet="v1",
                  v4_meter_policy_id="q4")], 54),
            ([table("METER_POLICY", "p4", op="DEL")], 54),
            ([route("20.0.0.0/8", metering_class_or=55)], 55),
            ([route("20.0.0.0/8")], 54),
            ([table("METER_RULE", "q4", 1, op="DEL")], 0)):
        net.load(rows, "--ignore-unknown")
        goes(cls)
    equal(meters()["eni1", 51], total, "of a class that is not used any more")
    equal(len(net.flows()), 1, "connections")
    # they go with the ENI
    net.load([delete("ENI", "eni1")], "--ignore-unknown")
    equal(meters(), {}, "counters after the ENI")
    net.load(base(route("20.0.0.0/8")))
    equal(meters(), {}, "counters of a new ENI")


@case("references and errors")
def references():
    net.load(base(policy("p4"), policy("p6", ver="ipv6"), eni={**V4, **V6}))
    p = net.dashctl("meter", "policy", "del", "p4", ok=False)
    check(p.returncode == 2 and "DASH_ENI_TABLE:eni1 refers to it" in p.stderr,
          p.stderr)
    for rows, text in (
            (base(policy("p4"), eni={"v6_meter_policy_id": "p4"}),
             "v6_meter_policy_id"),
            (base(policy("p4", (1, 1, "2001:db8::/32", 1))), "ip_prefix"),
            (base([table("METER_RULE", "none", 1, priority=1,
                         ip_prefix="1.0.0.0/8", metering_class=1)]),
             "DASH_METER_POLICY:none does not exist"),
            (base(policy("p6", ver="ipv6"),
                  eni={"v4_meter_policy_id": "p6"}), "v4_meter_policy_id")):
        p = net.load(rows, "--check", ok=False)
        check(p.returncode == 2 and text in p.stderr, f"{text}: {p.stderr}")


# -- showing ------------------------------------------------------------------

@case("dashctl meter: rows without traffic, classes without rows", stock=True)
def show():
    net.load(base(route("20.0.0.0/8", metering_class_or=3),
                  route("21.0.0.0/8", metering_class_or=4),
                  table("METER", "eni1", 3, metadata="three"),
                  table("METER", "eni1", 5, metadata="five"),
                  table("METER", "an-id", 4, metadata="four"),
                  table("METER", "nobody", 4), eni={"eni_id": "an-id"}))
    f, g = to("20.0.0.1"), to("21.0.0.1")
    net.send(from_vm(f), from_vm(g))
    now = meters()
    equal((now["eni1", 5], now["nobody", 4]), ((0,) * 4, (0,) * 4), "no traffic")
    check(now["eni1", 3][0] and now["an-id", 4][0] and
          ("eni1", 4) not in now, f"{now}")
    equal(meters("eni1", "3"), {("eni1", 3): now["eni1", 3]}, "one class")
    text = net.dashctl("meter", "show").stdout
    check("three" in text and "TX_COUNTER" in text and
          str(now["eni1", 3][0]) in text, text)
    saved = net.save()
    check(not any("tx_counter" in str(r) for r in saved) and
          sum("DASH_METER:" in k for r in saved for k in r) == 4, f"{saved}")
    # what show prints can be loaded
    net.load(net.json("meter", "class", "show"), "--ignore-unknown")
    equal(net.save(), saved, "after loading what show prints")


@case("explain: the class, and the rule that says so")
def explain():
    net.load(base(route("20.0.0.0/8", metering_class_or=3),
                  route("21.0.0.0/8"), route("22.0.0.0/8"),
                  policy("p4", (8, 1, "21.0.0.0/8", 71)), eni=V4))

    def ask(dst, *more):
        args = ("eni", "eni1", "outbound", "src", ca(1), "dst", dst, "proto",
                "udp", *more)
        ex = net.json("explain", *args)
        rule = ex["meter_rule"]
        return (ex["metering_class"], rule and (rule["meter_policy_id"],
                                                rule["rule_num"])), \
            net.dashctl("explain", *args).stdout
    before = meters()
    equal(ask("20.0.0.1")[0], (3, None), "bits")
    got, text = ask("21.0.0.1")
    equal(got, (71, ("p4", 8)), "policy")
    check("policy p4, rule 8" in text and "class 71" in text, text)
    equal(ask("22.0.0.1")[0], (0, None), "none")
    equal(meters(), before, "counters after explain")
    port = net.sport()
    net.send(from_vm(to("21.0.0.1", udp(port, 53))))
    equal(ask("21.0.0.1", "sport", str(port), "dport", "53")[0], (71, None),
          "of a connection")


main(net)
