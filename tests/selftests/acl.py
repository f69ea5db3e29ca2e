#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""ACLs: what rules match, what stages make of it, groups and tags: SPEC 3."""

import ipaddress
import os
import random
import subprocess
import tempfile
import json
import time

from dashtest import (VNI, Net, base, bind, ca, case, cases, check,
                      delete, diag, equal, group, mac, main, mapping, pa,
                      route_rule, row)
from frames import (Outer, echo, from_peer, from_vm, inner, patch, tcp, udp)

net = Net(quick=True)

NT, T = False, True
ANY = [row("ROUTE", "rg", "0.0.0.0/0", routing_type="vnet_encap",
           underlay_ip=pa(2), vni=VNI),
       row("ROUTE", "rg", "::/0", routing_type="vnet_encap",
           underlay_ip=pa(2), vni=VNI)]


def packet(dst=ca(2), proto="tcp", dport=80, sport=None, src=None):
    """An outbound packet that policy has to decide."""
    v6 = ":" in dst
    sport = sport or net.sport()
    if proto == "tcp":
        l4, kw = tcp(sport, dport), {}
    elif proto == "udp":
        l4, kw = udp(sport, dport), {}
    elif proto == "icmp":
        l4, kw = echo(sport, v6), {}
    else:
        l4, kw = bytes(40), {"nh" if v6 else "proto": proto}
    return inner(src or ca(1, v6), dst, l4, mac(1), **kw)


def decide(frames, send=from_vm):
    """Send inner frames; say for each whether it passed. What did not must
    have been counted as denied, and nothing else."""
    before = net.drops()
    out = net.send(*[send(f) for f in frames])
    after = net.drops()
    passed = [Outer(f).inner[14:] for f in out]
    got = [f[14:] in passed for f in frames]
    equal(len(passed), sum(got), "frames out")
    equal(dict(after - before),
          {"acl_deny": got.count(False)} if False in got else {}, "drops")
    return got


def expect(*what):
    """(allowed, packet) each."""
    net.flush()
    got = decide([p for _, p in what])
    for (want, p), g in zip(what, got):
        equal(g, want, f"allowed: {inner_text(p)}")


def inner_text(frame):
    from frames import summary  # pylint: disable=import-outside-toplevel
    return summary(frame)


def acl(*rules, **fields):
    """Load one outbound group at stage 1, of both families."""
    v4 = [r for r in rules if not is6(r)]
    v6 = [r for r in rules if is6(r)]
    rows = group("g4", *v4, **fields) + [bind("eni1", "out", 1, "g4")]
    if v6:
        rows = group("g4", *v4, **fields) + \
            group("g6", *v6, ver="ipv6", **fields) + \
            [bind("eni1", "out", 1, "g4", "g6")]
    net.load(base(ANY, rows))


def is6(rule):
    return ":" in json.dumps([v for k, v in rule[3].items()
                              if k.endswith("addr")])


# -- the DASH elements document's example -------------------------------------

LEVEL1 = group(
    "L1",
    (1, "deny", T, {"dst_addr": ["10.0.0.201/32"]}),
    (2, "allow", T, {"dst_addr": ["10.0.0.202/32"]}),
    (3, "allow", NT, {"dst_addr": ["10.0.0.0/24"]}),
    (5, "deny", T, {"dst_addr": ["8.8.8.8/32"]}),
    (6, "allow", T, {"dst_addr": ["8.8.8.8/32"]}),
    (7, "deny", NT, {}))
LEVEL2 = group(
    "L2",
    (1, "deny", T, {"dst_addr": ["10.0.0.202/32"]}),
    (2, "deny", T, {"dst_addr": ["10.0.0.203/32"]}),
    (3, "allow", NT, {"dst_addr": ["10.0.0.0/24"]}),
    (4, "allow", NT, {"dst_addr": ["8.8.8.8/32"]}),
    (5, "allow", NT, {"dst_addr": ["9.9.9.9/32"]}),
    (6, "allow", NT, {"dst_addr": ["1.1.1.2/32"]}),
    (7, "deny", NT, {}))
VECTORS = {"10.0.0.200": True, "10.0.0.201": False, "10.0.0.202": True,
           "10.0.0.203": False, "8.8.8.8": False, "1.1.1.1": False,
           "1.1.1.2": True}


@case("the seven vectors of the DASH elements document", stock=True)
def vectors():
    net.load(base(ANY, LEVEL1, LEVEL2, bind("eni1", "out", 1, "L1"),
                  bind("eni1", "out", 2, "L2")) +
             [mapping("v1", dst, pa(2)) for dst in VECTORS
              if dst.startswith("10.")])
    expect(*[(want, packet(dst)) for dst, want in VECTORS.items()])
    for dst, want in VECTORS.items():
        ex = net.json("explain", "eni", "eni1", "outbound", "src", ca(1),
                      "dst", dst, "proto", "tcp", "dport", "80")
        equal(ex["verdict"], "allow" if want else "drop", f"explain {dst}")


# -- what a rule matches ------------------------------------------------------

@case("protocol lists", stock=True)
def protocols():
    acl((1, "allow", T, {"protocol": ["6", "50"]}), (2, "deny", T, {}))
    expect((True, packet()), (False, packet(proto="udp")),
           (False, packet(proto="icmp")), (True, packet(proto=50)),
           (False, packet(proto=51)))
    acl((1, "deny", T, {"protocol": [17]}), (2, "allow", T, {}))
    expect((True, packet()), (False, packet(proto="udp")),
           (True, packet(proto="icmp")))


@case("prefix lists and their edges", stock=True)
def prefixes():
    # Host bits are masked.
    acl((1, "allow", T, {"dst_addr": ["20.1.16.0/20", "30.0.0.1/32",
                                      "40.0.0.77/8"]}))
    expect((False, packet("20.1.15.255")), (True, packet("20.1.16.0")),
           (True, packet("20.1.31.255")), (False, packet("20.1.32.0")),
           (True, packet("30.0.0.1")), (False, packet("30.0.0.0")),
           (False, packet("30.0.0.2")), (True, packet("40.0.0.1")),
           (True, packet("40.255.255.255")), (False, packet("41.0.0.0")))


@case("source and destination must both match")
def both_sides():
    acl((1, "allow", T, {"src_addr": ["10.0.0.0/31"],
                         "dst_addr": ["20.0.0.0/8", "10.0.0.0/8"]}))
    expect((True, packet("20.0.0.1", src="10.0.0.1")),
           (False, packet("20.0.0.1", src="10.0.0.2")),
           (False, packet("30.0.0.1", src="10.0.0.1")))


@case("/0 and an empty list match any")
def any_address():
    acl((1, "allow", T, {"dst_addr": ["0.0.0.0/0"], "src_addr": []}))
    expect((True, packet("1.2.3.4")), (True, packet("254.0.0.1", "icmp")))


@case("port ranges and their edges", stock=True)
def ports():
    acl((1, "allow", T, {"dst_port": ["80", "1000-2000", "65535"],
                         "src_port": ["5000-6000", "0-10"]}))
    expect(*[(want, packet(proto=proto, sport=sport, dport=dport))
             for proto in ("tcp", "udp") for want, sport, dport in (
                 (True, 5000, 80), (True, 6000, 80), (False, 4999, 80),
                 (False, 6001, 80), (True, 10, 80), (False, 11, 80),
                 (False, 5000, 79), (False, 5000, 81), (True, 5000, 1000),
                 (True, 5000, 2000), (False, 5000, 999), (False, 5000, 2001),
                 (True, 5000, 65535), (False, 5000, 65534),
                 (False, 5000, 0))])


@case("a rule with ports never matches what has none", stock=True)
def no_ports():
    acl((1, "deny", T, {"dst_port": ["0-65535"]}),
        (2, "deny", T, {"src_port": ["0-65535"]}), (3, "allow", T, {}))
    expect((True, packet(proto="icmp")), (True, packet(proto=50)),
           (False, packet()), (False, packet(proto="udp")))
    # SCTP has ports.
    acl((1, "deny", T, {"dst_port": ["99"]}), (2, "allow", T, {}))
    sctp = inner(ca(1), ca(2), (7).to_bytes(2, "big") + (99).to_bytes(2, "big")
                 + bytes(8) + b"\x01\0\0\4", mac(1), proto=132)
    expect((False, sctp))


@case("the lowest priority number wins, whatever the order of rows")
def priority():
    rules = [(30, "deny", T, {}), (10, "allow", T, {"dst_port": ["80"]}),
             (20, "deny", T, {"dst_port": ["80-90"]}),
             (25, "allow", T, {"dst_port": ["85"]}),
             (4294967295, "allow", T, {})]
    for _ in range(2):
        acl(*rules)
        expect((True, packet(dport=80)), (False, packet(dport=85)),
               (False, packet(dport=100)))
        rules.reverse()


# -- stages -------------------------------------------------------------------

def stages(*groups, direction="out", ver="ipv4", extra=()):
    """Bind groups, None or a rule each, to the stages from 1 on."""
    rows = []
    for i, g in enumerate(groups, 1):
        if g is None:
            continue
        rows += group(f"s{i}", *g, ver=ver)
        rows.append(bind("eni1", direction, i, *(
            (f"s{i}", None) if ver == "ipv4" else (None, f"s{i}"))))
    net.load(base(ANY, rows, *extra))


A_T, A_NT = [(1, "allow", T, {})], [(1, "allow", NT, {})]
D_T, D_NT = [(1, "deny", T, {})], [(1, "deny", NT, {})]

STAGES = {
    "nothing bound": ((), True, None),
    "allow": ((A_T,), True, None),
    "soft allow is the last word": ((A_NT,), True, None),
    "soft deny is the last word": ((D_NT,), False, 1),
    "soft deny, then allow": ((D_NT, A_NT), True, None),
    "soft deny, then allow three stages on": ((D_NT, None, None, A_T), True,
                                              None),
    "soft allow, then soft deny": ((A_NT, D_NT), False, 2),
    "allow ends it": ((A_T, D_T), True, None),
    "deny ends it": ((D_T, A_T), False, 1),
    "unbound stages are skipped": ((None, None, A_NT, None, D_T), False, 5),
    "only the last stage": ((None, None, None, None, A_T), True, None),
    "five soft denies": ((D_NT,) * 5, False, 5),
    "five stages, the last one allows": ((D_NT,) * 4 + (A_NT,), True, None),
    "an empty group denies for good": (([], A_T), False, 1),
    "no match denies for good": (([(1, "allow", T, {"dst_port": ["1"]})], A_T),
                                 False, 1),
}


@cases({f"stages: {k}": v for k, v in STAGES.items()},
       stock=("stages: soft deny, then allow", "stages: deny ends it",
              "stages: an empty group denies for good",
              "stages: unbound stages are skipped"))
def stage(groups, want, where):
    stages(*groups)
    before = net.eni_stats()["outbound"]["acl_drops"]
    expect((want, packet()))
    after = net.eni_stats()["outbound"]["acl_drops"]
    got = [int(s) for s in after if after[s] != before.get(s, 0)]
    equal(got, [where] if where else [], "stage that counted a drop")


@case("stages: inbound ones, and those of IPv6, apart")
def stage_inbound():
    rule = route_rule("eni1", VNI, "100.0.0.0/24", 1, vnet="v1")
    stages(D_T, direction="in", extra=(rule,))
    expect((True, packet()), (True, packet(ca(2, True))))
    f = inner(ca(2), ca(1), tcp(net.sport(), 80), mac(2), mac(1))
    net.drop(from_peer(2, f), "acl_deny", "eni1")
    f = inner(ca(2, True), ca(1, True), tcp(net.sport(), 80), mac(2), mac(1))
    equal(len(net.send(from_peer(2, f))), 1, "IPv6 frames")
    stages(D_T, ver="ipv6", extra=(rule,))
    expect((True, packet()), (False, packet(ca(2, True))))
    # Prefixes are matched the way the packet goes.
    net.load(base(rule, group("g", (1, "allow", T, {
        "src_addr": [ca(2) + "/32"], "dst_addr": [ca(1) + "/32"],
        "dst_port": ["22"]})), bind("eni1", "in", 1, "g")))
    for n, port, want in ((2, 22, True), (3, 22, False), (2, 23, False)):
        f = inner(ca(n), ca(1), tcp(net.sport(), port), mac(n), mac(1))
        equal(decide([f], lambda f, n=n: from_peer(n, f)), [want],
              f"from VM {n} to port {port}")


@case("default_action allow", stock=True)
def default_action():
    acl((1, "deny", T, {"dst_port": ["80"]}), default_action="allow")
    expect((False, packet(dport=80)), (True, packet(dport=81)))
    # It is terminating, as the deny it replaces.
    net.load(base(ANY, group("g1", default_action="allow"), group("g2"),
                  bind("eni1", "out", 1, "g1"), bind("eni1", "out", 2, "g2")))
    expect((True, packet()))


@case("a family for which nothing is bound passes", stock=True)
def family():
    p = net.load(base(ANY, group("g"), bind("eni1", "out", 1, "g")))
    expect((False, packet()), (True, packet(ca(2, True))))
    check("g" in p.stderr or "ipv6" in p.stderr.lower() or
          "eni1" in p.stderr, "load did not warn that IPv6 is not covered")


@case("IPv6: prefixes, ports, protocols")
def ipv6():
    acl((1, "allow", T, {"dst_addr": ["2001:db8:0:10::/60",
                                      "2001:db8::1/128"]}),
        (2, "allow", T, {"dst_addr": ["::/0"], "protocol": [17],
                         "dst_port": ["53"]}),
        (3, "allow", T, {"src_addr": ["fd00:10::5/128"], "protocol": ["58"]}))
    expect((True, packet("2001:db8:0:10::")),
           (True, packet("2001:db8:0:1f:ffff:ffff:ffff:ffff")),
           (False, packet("2001:db8:0:20::")),
           (False, packet("2001:db8:0:f:ffff:ffff:ffff:ffff")),
           (True, packet("2001:db8::1")), (False, packet("2001:db8::2")),
           (True, packet("2001:db8::2", "udp", 53)),
           (False, packet("2001:db8::2", "udp", 54)),
           (False, packet("2001:db8::2", "icmp")),
           (True, packet("2001:db8::2", "icmp", src="fd00:10::5")))


# -- tags ---------------------------------------------------------------------

def tag(name, *prefix, ver="ipv4"):
    return {f"DASH_PREFIX_TAG_TABLE:{name}":
            {"ip_version": ver, "prefix_list": list(prefix)}, "OP": "SET"}


@case("tags", stock=True)
def tags():
    net.load(base(
        ANY, tag("web", "20.0.0.0/24", "30.0.0.1/32"), tag("db", "40.0.0.0/8"),
        tag("me", "10.0.0.1/32"), tag("empty"),
        group("g", (1, "deny", T, {"dst_tag": ["empty"]}),
              (2, "allow", T, {"dst_tag": ["web", "db"], "src_tag": ["me"]}),
              (3, "allow", T, {"dst_tag": "empty", "dst_port": ["99"]})),
        bind("eni1", "out", 1, "g")))
    expect((True, packet("20.0.0.5")), (True, packet("30.0.0.1")),
           (False, packet("30.0.0.2")), (True, packet("40.9.9.9")),
           (False, packet("20.0.0.5", src="10.0.0.9")),
           (False, packet("50.0.0.1", dport=99)))
    # A tag may change at any time.
    net.load([tag("db", "50.0.0.0/8"), tag("empty", "60.0.0.1/32")],
             "--ignore-unknown")
    expect((False, packet("40.9.9.9")), (True, packet("50.0.0.1")),
           (True, packet("20.0.0.5")), (False, packet("60.0.0.1")))


@case("tags: IPv6, and beside prefixes")
def tags6():
    net.load(base(
        ANY, tag("t6", "2001:db8:1::/48", ver="ipv6"),
        group("g6", (1, "allow", T, {"dst_tag": ["t6"],
                                     "dst_addr": ["2001:db8:2::/48"]}),
              ver="ipv6"),
        bind("eni1", "out", 1, None, "g6")))
    # Either of them is enough.
    expect((True, packet("2001:db8:1::1")), (True, packet("2001:db8:2::1")),
           (False, packet("2001:db8:3::1")), (True, packet("1.2.3.4")))


@case("tags: eight on either side of a rule", stock=True)
def tags8():
    """More than a lookup keeps apart, and each of them counts."""
    sides = {"s": 30, "d": 40}
    rows = [tag(f"{side}{i}", f"{net_}.{i}.0.0/16")
            for side, net_ in sides.items() for i in range(8)]
    net.load(base(ANY, *rows, group("g", (1, "allow", T, {
        "src_tag": [f"s{i}" for i in range(8)],
        "dst_tag": [f"d{i}" for i in range(8)]})),
        bind("eni1", "out", 1, "g")))
    expect(*[(i < 8 and j < 8, packet(f"40.{j}.0.1", src=f"30.{i}.0.1"))
             for i in range(9) for j in (i, 7, 8)])
    # One address in all of them.
    net.load([tag(f"{side}{i}", f"{net_}.0.0.0/{8 + i}")
              for side, net_ in sides.items() for i in range(8)],
             "--ignore-unknown")
    expect((True, packet("40.0.0.1", src="30.0.0.1")),
           (True, packet("40.255.0.1", src="30.128.0.1")),
           (False, packet("41.0.0.1", src="30.0.0.1")),
           (False, packet("40.0.0.1", src="31.0.0.1")))


@case("tags: nested ones, and changes of the table")
def tags_nested():
    rows = [tag("a", "20.0.0.0/8"), tag("b", "20.1.0.0/16"),
            tag("c", "20.1.2.0/24", "20.9.0.0/16")]
    net.load(base(
        ANY, *rows,
        group("g", (1, "deny", T, {"dst_tag": "c", "dst_port": ["1"]}),
              (2, "deny", T, {"dst_tag": "b", "dst_port": ["1-2"]}),
              (3, "allow", T, {"dst_tag": "a"})),
        bind("eni1", "out", 1, "g")))
    # The shorter prefix's tag is one of the address too.
    expect((False, packet("20.1.2.3", dport=1)),
           (False, packet("20.1.2.3", dport=2)),
           (True, packet("20.1.2.3", dport=3)),
           (False, packet("20.1.3.3", dport=2)),
           (True, packet("20.9.0.1", dport=2)),
           (False, packet("20.9.0.1", dport=1)))
    net.load([tag("b", "20.9.0.0/24"), tag("a", "20.0.0.0/8", "21.0.0.0/8")],
             "--ignore-unknown")
    expect((True, packet("20.1.2.3", dport=2)),
           (False, packet("20.9.0.1", dport=2)),
           (True, packet("20.9.1.1", dport=2)),
           (True, packet("21.0.0.1", dport=1)))
    p = net.load([tag("a", "2001:db8::/32", ver="ipv6")], "--ignore-unknown",
                 ok=False)
    check("ip_version" in p.stderr and "a" in p.stderr, p.stderr)
    expect((True, packet("21.0.0.1", dport=1)))


# -- the classifier against a linear search -----------------------------------

def random_rules(rnd, n):
    rules = []
    for prio in rnd.sample(range(1, 10 * n), n):
        match = {}
        if rnd.random() < 0.6:
            match["protocol"] = rnd.sample([1, 6, 17, 50], rnd.randint(1, 2))
        for side in ("src", "dst"):
            if rnd.random() < 0.7:
                match[f"{side}_addr"] = [
                    str(ipaddress.ip_network(
                        (f"20.{rnd.randint(0, 3)}.{rnd.randint(0, 3)}."
                         f"{rnd.randint(0, 255)}", rnd.choice(
                             [8, 14, 15, 22, 23, 24, 25, 28, 32])),
                        strict=False)) for _ in range(rnd.randint(1, 4))]
            if rnd.random() < 0.3:
                lo = rnd.randint(1, 60)
                match[f"{side}_port"] = [f"{lo}-{lo + rnd.randint(0, 20)}",
                                         str(rnd.randint(1, 80))]
        rules.append((prio, rnd.choice(["allow", "deny"]), T, match))
    return rules


def oracle(rules, src, dst, proto, sport, dport):
    """The documents' words, rule by rule."""
    for _, action, _, match in sorted(rules, key=lambda r: r[0]):
        if "protocol" in match and proto not in match["protocol"]:
            continue
        hit = True
        for addr, key in ((src, "src_addr"), (dst, "dst_addr")):
            if key in match and not any(
                    ipaddress.ip_address(addr) in ipaddress.ip_network(p)
                    for p in match[key]):
                hit = False
        for port, key in ((sport, "src_port"), (dport, "dst_port")):
            if key in match and (proto not in (6, 17) or not any(
                    int(r.split("-")[0]) <= port <= int(r.split("-")[-1])
                    for r in match[key])):
                hit = False
        if hit:
            return action == "allow"
    return False


@case("random rules against a linear search")
def randomly():
    seed = time.time_ns() & 0xffffff
    rnd = random.Random(seed)
    proto = {1: "icmp", 6: "tcp", 17: "udp", 50: 50}
    verdicts = set()
    for _ in range(4):
        rules = random_rules(rnd, 60)
        acl(*rules)
        seen, frames, want = set(), [], []
        while len(frames) < 100:
            p = rnd.choice(list(proto))
            addr = [f"20.{rnd.randint(0, 3)}.{rnd.randint(0, 3)}."
                    f"{rnd.randint(1, 254)}" for _ in range(2)]
            sport, dport = rnd.randint(1, 80), rnd.randint(1, 80)
            key = (p, *addr)
            if addr[0] == addr[1] or key in seen or \
                    (p, *reversed(addr)) in seen:
                continue
            seen.add(key)
            frames.append(packet(addr[1], proto[p], dport, sport, addr[0]))
            want.append(oracle(rules, addr[0], addr[1], p, sport, dport))
        got = decide(frames)
        for f, w, g in zip(frames, want, got):
            if w != g:
                equal(g, w, f"allowed (seed {seed}): {inner_text(f)}\n{rules}")
        verdicts.update(want)
    equal(verdicts, {True, False}, f"verdicts of seed {seed}")


# -- replacing under traffic --------------------------------------------------

@case("a group is replaced whole, under traffic", stock=True)
def atomic():
    """Before and after allow this packet; rules of both together, in the order
    of the file, would deny it."""
    before = [*group("g", (10, "allow", T, {"dst_port": ["80"]}),
                     (20, "deny", T, {"dst_port": ["80"]}))]
    after = [row("ACL_RULE", "g", "r10", priority=30, action="deny",
                 terminating=True, dst_port=["80"]),
             row("ACL_RULE", "g", "r20", priority=5, action="allow",
                 terminating=True, dst_port=["80"])]
    rows = base(ANY, before, bind("eni1", "out", 1, "g"))
    net.load(rows)
    template = packet(dport=80)
    sent = loads = 0
    begin = time.monotonic()
    port = 1024
    with tempfile.TemporaryDirectory() as tmp:
        files = []
        for i, r in enumerate((after, before)):
            files.append(f"{tmp}/{i}.json")
            with open(files[-1], "w", encoding="ascii") as f:
                json.dump(r, f)
        while loads < 4 or time.monotonic() < begin + 1:
            with subprocess.Popen(["dashctl", "-n", net.app, "load",
                                   files[loads % 2]],
                                  stderr=subprocess.PIPE, text=True) as p:
                while True:
                    frames = []
                    for _ in range(10):
                        port = 1024 + (port - 1023) % 60000
                        frames.append(from_vm(patch(
                            template, 34, port.to_bytes(2, "big"))))
                    equal(len(net.send(*frames)), len(frames),
                          "packets that passed")
                    sent += len(frames)
                    if p.poll() is not None:
                        break
                equal((p.returncode, p.stderr.read()), (0, ""), "load")
            loads += 1
            if loads % 8 == 0:
                net.flush()
    check(sent >= 10 * loads, f"{loads} loads, {sent} packets")


def big_group(*rules):
    """A group that is not compiled whole when a rule changes: 8,000 prefixes
    that no packet has."""
    fill = [(1000 + i, "deny", T, {"dst_addr": [
        f"{100 + i}.{j}.0.0/24" for j in range(200)]}) for i in range(40)]
    return group("big", *fill, *rules)


def one_rule(prio, action, **match):
    return row("ACL_RULE", "big", f"r{prio}", priority=prio, action=action,
               terminating=True, **match)


@case("a big group changes rule by rule", stock=True)
def rule_by_rule():
    """All that can become of a rule, before and behind those that stay."""
    net.load(base(ANY, big_group(
        (100, "deny", T, {"dst_port": ["80"]}),
        (2000, "allow", T, {"dst_addr": ["20.0.0.0/8"]})),
        bind("eni1", "out", 1, "big")))

    def changed(*rows):
        net.load(list(rows), "--ignore-unknown")

    def now(p80, p81, fill=False):
        expect((p80, packet("20.0.0.1", dport=80)),
               (p81, packet("20.0.0.1", dport=81)),
               (fill, packet("139.199.0.1", dport=81)),
               (False, packet("50.0.0.1", dport=81)))

    now(False, True)
    changed(one_rule(50, "allow", dst_port=["80"], dst_addr=["20.0.0.0/16"]))
    now(True, True)
    changed(one_rule(150, "deny", dst_port=["81"]))
    now(True, False)
    # In front of part of the old rules, behind others; and in front of all.
    changed(delete("ACL_RULE", "big", "r50"), one_rule(1500, "deny"))
    now(False, False)
    changed(one_rule(10, "allow", dst_addr=["20.0.0.1/32", "139.0.0.0/8"]))
    now(True, True, True)
    # Rules that were there from the start go, and come again.
    changed(delete("ACL_RULE", "big", "r10"), delete("ACL_RULE", "big", "r100"),
            delete("ACL_RULE", "big", "r150"),
            delete("ACL_RULE", "big", "r1500"))
    now(True, True)
    changed(delete("ACL_RULE", "big", "r1039"))
    now(True, True)
    changed(one_rule(2000, "allow", dst_addr=["139.0.0.0/8"]))
    now(False, False, True)
    changed(one_rule(100, "deny", dst_port=["80"]),
            one_rule(2000, "allow", dst_addr=["20.0.0.0/8"]))
    now(False, True)
    # The same by priority number: its rule moves.
    changed(row("ACL_RULE", "big", "r2000", priority=99, action="allow",
                terminating=True, dst_addr=["20.0.0.0/8"]))
    now(True, True)
    p = net.load([one_rule(1005, "allow")] + [
        row("ACL_RULE", "big", "twice", priority=99, action="deny",
            terminating=True)], "--ignore-unknown", ok=False)
    check("99" in p.stderr, p.stderr)
    now(True, True)
    expect((False, packet("105.1.0.1")))


SWAPS = int(os.environ.get("DASH_SWAPS", "40"))


def swap(first, second, wanted, swaps=SWAPS):
    """Load two files in turn, while packets flow of which both say the same;
    wanted: (allowed, template). Again, until there were enough packets."""
    port = 1024
    sent = rounds = 0
    with tempfile.TemporaryDirectory() as tmp:
        for i, rows in enumerate((first, second)):
            with open(f"{tmp}/{i}.json", "w", encoding="ascii") as f:
                json.dump(rows, f)
        with open(f"{tmp}/batch", "w", encoding="ascii") as f:
            for i in range(swaps):
                f.write(f"load {tmp}/{(i + 1) % 2}.json\n")
        while sent < 200 and rounds < 50:
            rounds += 1
            with subprocess.Popen(["dashctl", "-n", net.app, "-b",
                                   f"{tmp}/batch"],
                                  stderr=subprocess.PIPE, text=True) as p:
                while p.poll() is None:
                    frames, want = [], 0
                    for _ in range(20):
                        port = 1024 + (port - 1023) % 60000
                        for allowed, template in wanted:
                            frames.append(from_vm(patch(
                                template, 34, port.to_bytes(2, "big"))))
                            want += allowed
                    out = net.send(*frames)
                    equal(len(out), want, "packets that passed")
                    passed = {Outer(f).inner[30:34] for f in out}
                    equal(passed, {t[30:34] for a, t in wanted if a},
                          "whither")
                    sent += len(frames)
                    if sent % 4000 < len(frames):
                        net.flush()
                equal((p.returncode, p.stderr.read()), (0, ""), "loads")
    check(sent >= 200, f"{sent} packets during {rounds * swaps} swaps")
    diag(f"{rounds * swaps} swaps, {sent} packets")


@case("swaps: no packet is decided by a mixture")
def swap_rules():
    """What allows and what denies is in other rules, partitions and stages
    before than after."""
    one = [*group("g", (10, "allow", NT, {"dst_addr": ["20.0.0.1/32"]}),
                  (20, "deny", T, {"dst_addr": ["20.0.0.2/32"]}),
                  (30, "deny", T, {"src_addr": ["10.0.0.1/32"]})),
           *group("h", (10, "allow", T, {"src_addr": ["10.0.0.1/32"]}))]
    two = [*group("g", (10, "deny", T, {"dst_addr": ["20.0.0.2/31"]}),
                  (20, "deny", NT, {"dst_addr": ["20.0.0.0/24"]}),
                  (30, "deny", T, {"protocol": [17]})),
           *group("h", (10, "allow", T, {"dst_addr": ["20.0.0.1/32"],
                                         "src_addr": ["10.0.0.1/32"]}))]
    net.load(base(ANY, *one, bind("eni1", "out", 1, "g"),
                  bind("eni1", "out", 3, "h")))
    swap(one, two, [(True, packet("20.0.0.1")), (False, packet("20.0.0.2"))])


@case("swaps: one rule of a big group")
def swap_rule():
    rows = [one_rule(5, "allow", dst_addr=["20.0.0.1/32"]),
            one_rule(5, "allow", dst_port=["80"], dst_addr=["20.0.0.0/31"])]
    net.load(base(ANY, big_group((4, "deny", T, {"dst_port": ["81"]})),
                  rows[0], bind("eni1", "out", 1, "big")))
    swap([rows[0]], [rows[1]], [(True, packet("20.0.0.1")),
                                (False, packet("20.0.0.2"))])


@case("swaps: a tag moves from one address to the other")
def swap_tag():
    """The source has it, or the destination; never both."""
    net.load(base(ANY, tag("t", "10.0.0.1/32"),
                  group("g", (1, "deny", T, {"src_tag": "t", "dst_tag": "t"}),
                        (2, "allow", T, {"src_tag": "t"}),
                        (3, "allow", T, {"dst_tag": "t"})),
                  bind("eni1", "out", 1, "g")))
    swap([tag("t", "10.0.0.1/32")], [tag("t", "20.0.0.1/32")],
         [(True, packet("20.0.0.1")), (False, packet("20.0.0.2",
                                                     src="10.0.0.2"))])


@case("rebinding a stage")
def rebind():
    net.load(base(ANY, group("a", *A_T), group("d", *D_T),
                  bind("eni1", "out", 1, "a")))
    expect((True, packet()))
    net.load([bind("eni1", "out", 1, "d")], "--ignore-unknown")
    expect((False, packet()))
    net.load([delete("ACL_OUT", "eni1", 1)], "--ignore-unknown")
    expect((True, packet()))


main(net)
