# SPDX-License-Identifier: GPL-2.0
"""New connections: every packet is the first of one. It is decided by three
ACL stages, a route and a mapping, both directions are installed, it goes out."""

import os
import tempfile
import time

import bulk
from benchlib import (FULL, QUICK, TABLE, InNetns, Samples, chase, interleaved,
                      ip_batch, kernel, note, ratio)
from peers import Conntrack, Dash
from policy import N_PA, Policy

# Of the large sets what loads in reasonable time, unless BENCH_FULL=1.
SIZES = {
    "small": {},
    "tags": {} if FULL else {"enis": 16, "routes": 20000, "mappings": 200000},
    "inline": {} if FULL else {"enis": 2, "routes": 20000,
                               "mappings": 200000},
}
# Connections per second and core
GOALS = {"small": 1.2e6, "tags": 0.8e6, "inline": 0.5e6}
POOL = 1 << 16
NEIGHBOURS = "".join(
    f"neigh add 172.16.1.{16 + n} lladdr 02:00:00:00:00:99 nud permanent "
    "dev k_%(n)s\n" for n in range(N_PA))


class New:
    """What makes a peer one of new connections."""

    def new_setup(self, policy):
        ip_batch(NEIGHBOURS % {"n": self.name}, self.name)
        # the kernel does not read what somebody has open for writing
        path = f"/tmp/{self.name}.pool"
        with open(path, "wb") as f:
            f.write(policy.flows(POOL))
        self.set_source(pool=path)
        os.unlink(path)

    def new(self, count):
        """ns of each of that many new connections."""
        got = self.run(1, packets=count, order="new")
        self.forget()
        return got["ns"] / got["sent"]


class NewDash(Dash, New):
    def __init__(self, name, policy):
        self.policy = policy
        super().__init__(name)

    def setup(self):
        self.dashctl("port", "add", self.src, "underlay")
        with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
            self.policy.stream(f)
            f.flush()
            start = time.monotonic()
            self.dashctl("load", f.name)
            self.load_s = time.monotonic() - start
        self.new_setup(self.policy)

    def forget(self):
        self.dashctl("flow", "flush")


class NewConntrack(Conntrack, New):
    """One stage of nftables, as a chain of rules or as a set of ranges
    (pipapo); three of them, as dash has."""

    def __init__(self, name, policy, sets):
        self.policy = policy
        self.title = f"conntrack + nftables, {'sets' if sets else 'rules'}"
        self.nft = self.ruleset(policy, sets)
        super().__init__(name)

    @staticmethod
    def ruleset(policy, sets):
        chains, calls = [], []
        for s in range(policy.stages):
            lines = []
            for n in range(policy.rules):
                r = policy.rule_of(n * policy.per_rule, s)
                lo, hi = policy.ports(n)
                block = policy.block(n * policy.per_rule)
                addr = ".".join(str(block >> i & 255) for i in (24, 16, 8, 0))
                lines.append((r, f"{addr}/26", f"{lo}-{hi}"))
            lines.sort()
            if sets:
                elements = ",\n".join(f"{a} . {p}" for _, a, p in lines)
                chains.append(
                    f"set s{s} {{ type ipv4_addr . inet_service; "
                    f"flags interval; elements = {{ {elements} }} }}\n"
                    f"chain stage{s} {{ ip daddr . udp dport @s{s} return\n"
                    "drop\n}")
            else:
                chains.append(f"chain stage{s} {{\n" + "\n".join(
                    f"ip daddr {a} udp dport {p} return"
                    for _, a, p in lines) + "\ndrop\n}")
            calls.append(f"jump stage{s}")
        return ("table ip f {\n" + "\n".join(chains) + """
            chain forward {
                type filter hook forward priority 0
                ct state established,related accept
                """ + "\n".join(calls) + "\naccept\n}\n}")

    def setup(self):
        super().setup()
        ip_batch("route add 10.0.0.0/8 via 10.9.0.2 dev vxb\n"
                 "addr del 10.1.255.254/16 dev vxa\n"
                 "route del 10.2.0.0/16\n", self.inner)
        kernel("sink", dev=self.sink, src=self.src, saddr="172.16.0.1",
               vni=200, idmac=self.out_mac, any_daddr=1)
        self.new_setup(self.policy)

    def forget(self):
        with InNetns(self.inner):
            nl = bulk.Bulk(12)
            nl.sock.send(nl.message(1 << 8 | 2, bytes(4),
                                    bulk.REQUEST | bulk.ACK))
            nl.sock.recv(4096)
            nl.sock.close()


def one_set(size):
    policy = Policy(size, **SIZES[size])
    note(f"new: {size}: {policy.objects()}")
    dash = NewDash("dash", policy)
    note(f"new: {size}: loaded in {dash.load_s:.1f} s")
    n_objects = sum(policy.objects().values())
    TABLE.add("new", f"{size}: load {n_objects:,} objects",
              n_objects / dash.load_s, "objects/s", **policy.objects())
    peers = {"dash": dash}
    if size == "small":
        peers["rules"] = NewConntrack("ctr", policy, False)
        peers["sets"] = NewConntrack("cts", policy, True)
    count = 20000 if QUICK else 200000
    many = {n: min(count, 20000) if n == "rules" else count for n in peers}
    for n, p in peers.items():
        p.new(many[n])
    miss = chase()[0]
    got = interleaved({n: (lambda n=n, p=p: p.new(many[n]))
                       for n, p in peers.items()})
    for n, p in peers.items():
        rate = Samples(1e9 / x for x in got[n].values)
        goal = GOALS[size] if n == "dash" else None
        if goal and SIZES[size]:
            text = f"P4: >= {goal / 1e6} M/s (full size)"
        else:
            text = goal and f"P4: >= {goal / 1e6} M/s"
        TABLE.add("new", f"{p.title}, {size}", rate, "new/s", goal=text,
                  met=goal and rate.median >= goal, calibration=miss)
    for n, factor in (("rules", 10), ("sets", 2.5)):
        if n in got:
            r = ratio(got[n], got["dash"])
            TABLE.add("new", f"dash, {size}", got["dash"], "ns", ratio=r,
                      to=peers[n].title, goal=f"P4: >= {factor} x faster",
                      met=r >= factor, calibration=miss)
    for p in peers.values():
        p.close()


def main(sizes=None):
    for size in sizes or SIZES:
        one_set(size)
