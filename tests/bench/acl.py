# SPDX-License-Identifier: GPL-2.0
"""The ACL's classifier alone, every result compared with a walk through the
rules before anything is measured."""

import random
import struct

from benchlib import (QUICK, TABLE, Failure, chase, interleaved, kernel, note)

TCP, UDP, ICMP = 6, 17, 1
KEYS = 4096


class Rule:
    """Prefixes are (address, length) as numbers; no list: any."""

    def __init__(self, src=(), dst=(), proto=(), sport=(), dport=()):
        self.src, self.dst = src, dst
        self.proto, self.sport, self.dport = proto, sport, dport

    def pack(self, bits):
        out = struct.pack("=6I", len(self.src), len(self.dst), len(self.proto),
                          len(self.sport), len(self.dport),
                          (not self.src) | (not self.dst) << 1)
        for addr, plen in (*self.src, *self.dst):
            out += (addr.to_bytes(bits // 8, "big") + bytes(16 - bits // 8) +
                    struct.pack("=I", plen))
        for p in self.proto:
            out += struct.pack("=I", p)
        for lo, hi in (*self.sport, *self.dport):
            out += struct.pack("=I", lo << 16 | hi)
        return out


def write(rules, packets, bits):
    with open("/tmp/rules", "wb") as f:
        f.write(struct.pack("=I", len(rules)))
        for r in rules:
            f.write(r.pack(bits))
    with open("/tmp/keys", "wb") as f:
        for src, dst, proto, sport, dport in packets:
            f.write(src.to_bytes(bits // 8, "big") + bytes(16 - bits // 8) +
                    dst.to_bytes(bits // 8, "big") + bytes(16 - bits // 8) +
                    struct.pack("=HHB3x", sport, dport, proto))


def prefix_lists(n_rules, n_prefixes, bits=32, seed=1):
    """DASH's own kind: each rule has a list of destinations, disjoint."""
    rnd = random.Random(seed)
    plen = 26 if bits == 32 else 64
    base = 10 << 24 if bits == 32 else 0x20010db8 << 96
    blocks = rnd.sample(range(1 << 18), n_prefixes)
    addrs = [base | b << (bits - plen) for b in blocks]
    per = n_prefixes // n_rules
    rules, packets = [], []
    for r in range(n_rules):
        lo = 1000 + r % 50 * 1000
        rules.append(Rule(dst=[(a, plen) for a in addrs[r * per:(r + 1) * per]],
                          proto=(TCP, UDP), dport=[(lo, lo + 999)]))
    for _ in range(KEYS):
        b = rnd.randrange(per * n_rules)
        lo = 1000 + b // per % 50 * 1000
        packets.append((base | rnd.getrandbits(16), addrs[b] | rnd.getrandbits(6),
                        rnd.choice((TCP, UDP)), rnd.randrange(65536),
                        rnd.randrange(lo, lo + 1000)))
    return rules, packets


# What Taylor and Turner ("ClassBench: A Packet Classification Benchmark", 2007)
# give for three kinds of filter sets, coarsely: share of wildcard addresses,
# lengths of the others, kinds of ports (WC any, HI 1024-65535, LO 0-1023, AR
# any range, EM one port) and protocols.
CLASSBENCH = {
    "acl": {"src_any": .02, "dst_any": .01,
            "src": {32: 55, 28: 10, 24: 25, 16: 10},
            "dst": {32: 60, 28: 10, 24: 20, 16: 10},
            "sport": {"WC": 100}, "dport": {"WC": 30, "HI": 3, "AR": 12, "EM": 55},
            "proto": {TCP: 75, UDP: 20, ICMP: 3, 0: 2}},
    "fw": {"src_any": .3, "dst_any": .2,
           "src": {32: 50, 24: 25, 16: 15, 8: 10},
           "dst": {32: 60, 24: 25, 16: 15},
           "sport": {"WC": 75, "HI": 10, "EM": 15},
           "dport": {"WC": 30, "HI": 10, "LO": 2, "AR": 13, "EM": 45},
           "proto": {TCP: 60, UDP: 25, ICMP: 5, 0: 10}},
    "ipc": {"src_any": .05, "dst_any": .05,
            "src": {32: 60, 28: 10, 24: 20, 16: 10},
            "dst": {32: 65, 28: 10, 24: 15, 16: 10},
            "sport": {"WC": 80, "AR": 5, "EM": 15},
            "dport": {"WC": 40, "HI": 5, "AR": 10, "EM": 45},
            "proto": {TCP: 55, UDP: 30, ICMP: 5, 0: 10}},
}


def draw(rnd, shares):
    return rnd.choices(list(shares), list(shares.values()))[0]


def classbench(kind, n_rules, seed=1):
    spec = CLASSBENCH[kind]
    rnd = random.Random(seed)
    # few networks, many rules about each, as in the original
    nets = [rnd.getrandbits(32) for _ in range(max(4, n_rules // 40))]
    services = [rnd.randrange(1, 10000) for _ in range(60)]

    def address(side):
        if rnd.random() < spec[side + "_any"]:
            return ()
        plen = draw(rnd, spec[side])
        addr = nets[min(int(rnd.expovariate(8 / len(nets))), len(nets) - 1)]
        addr ^= rnd.getrandbits(16)
        return ((addr >> (32 - plen) << (32 - plen), plen),)

    def port(side):
        kind = draw(rnd, spec[side])
        if kind == "WC":
            return ()
        if kind == "HI":
            return ((1024, 65535),)
        if kind == "LO":
            return ((0, 1023),)
        lo = rnd.choice(services)
        return ((lo, lo),) if kind == "EM" else ((lo, lo + rnd.randrange(1, 2000)),)

    rules = []
    for _ in range(n_rules):
        proto = draw(rnd, spec["proto"])
        ports = proto in (TCP, UDP)
        rules.append(Rule(address("src"), address("dst"),
                          (proto,) if proto else (),
                          port("sport") if ports else (),
                          port("dport") if ports else ()))
    packets = []
    for _ in range(KEYS):
        r = rnd.choice(rules)

        def inside(prefix):
            if not prefix:
                return rnd.getrandbits(32)
            addr, plen = prefix[0]
            return addr | rnd.getrandbits(32 - plen)

        def port_in(ranges):
            return rnd.randrange(ranges[0][0], ranges[0][1] + 1) if ranges \
                else rnd.randrange(65536)

        packets.append((inside(r.src), inside(r.dst),
                        r.proto[0] if r.proto else TCP, port_in(r.sport),
                        port_in(r.dport)))
    return rules, packets


def adversarial(n_rules):
    """Every field alone matches half of the rules, all together none but the
    last: protocol the even ones, destination port the odd ones."""
    rules = [Rule(src=((10 << 24, 8),), dst=((11 << 24, 8),),
                  proto=(TCP,) if n % 2 else (TCP, UDP),
                  dport=((1, 1000),) if n % 2 else ((1001, 2000),))
             for n in range(n_rules - 1)]
    rules.append(Rule())
    rnd = random.Random(1)
    packets = [((10 << 24) | rnd.getrandbits(24), (11 << 24) | rnd.getrandbits(24),
                UDP, rnd.randrange(65536), rnd.randrange(1, 1001))
               for _ in range(KEYS)]
    return rules, packets


def one(name, rules, packets, bits=32, copies=1, n_prefixes=0, build_ms=None,
        warm_ns=None, stages=False):
    note(f"acl: {name}")
    write(rules, packets, bits)
    got = kernel("rules_load", file="/tmp/rules", keys="/tmp/keys", bits=bits,
                 copies=copies)
    if got["wrong"]:
        raise Failure(f"acl: {name}: {got}")
    ms = got["build_ns"] / 1e6
    TABLE.add("acl", f"{name}: compile", ms, "ms",
              goal=build_ms and f"P6: <= {build_ms} ms",
              met=ms <= build_ms if build_ms else None)
    if n_prefixes:
        per = got["bytes"] / n_prefixes
        v4 = bits == 32
        TABLE.add("acl", f"{name}: memory", per, "B/prefix",
                  goal="P8: <= 60 B" if v4 else None,
                  met=per <= 60 if v4 else None)
    else:
        TABLE.add("acl", f"{name}: memory", got["bytes"] / len(rules), "B/rule")
    miss = chase()[0]
    n = 100000
    kernel("rules_run", n=n)
    run = {"warm": lambda: kernel("rules_run", n=n)["ps"] / 1000}
    if stages:
        kernel("rules_run", n=n, stages=1)
        run["cold"] = lambda: kernel("rules_run", n=n, stages=1)["ps"] / 1000
    res = interleaved(run)
    TABLE.add("acl", f"{name}: one stage, warm", res["warm"], "ns",
              calibration=miss, goal=warm_ns and f"P5: <= {warm_ns} ns",
              met=res["warm"].median <= warm_ns if warm_ns else None)
    if stages:
        r = res["cold"].median / miss
        TABLE.add("acl", f"{name}: three stages, cold", res["cold"], "ns",
                  calibration=miss, ratio=r, to="a miss",
                  goal="P5: <= 6 misses", met=r <= 6)


def main(sizes=None):
    if sizes:
        raise Failure("acl: there are no sizes")
    prefixes = 10000 if QUICK else 100000
    copies = 8 if QUICK else 24
    one(f"1,000 rules, {prefixes:,} prefixes", *prefix_lists(1000, prefixes),
        copies=copies, n_prefixes=prefixes, build_ms=50, warm_ns=150,
        stages=True)
    one(f"1,000 rules, {prefixes:,} IPv6 prefixes",
        *prefix_lists(1000, prefixes, 128), bits=128, n_prefixes=prefixes,
        build_ms=100)
    for kind in CLASSBENCH:
        one(f"ClassBench-style {kind}, 10,000 rules", *classbench(kind, 10000),
            warm_ns=200)
    for n in (1000, 10000):
        one(f"adversarial, {n:,} rules", *adversarial(n))
