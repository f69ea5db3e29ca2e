#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Configurations by size, streamed as JSON rows, and the flows that fit them.

policy.py small|tags|inline|hero [key=value...] > FILE

  small   one ENI, 3 groups of 1,000 rules and 1k prefixes: fits the cache
  tags    64 ENIs, each 3 groups of 1,000 rules with tags over 100k prefixes
          and a route group of its own; mappings
  inline  the same with the prefixes in the rules
  hero    "baby hero": 32 ENIs, 320 groups, 320,000 rules, 5k routes per ENI,
          80,320 mappings

Keys: enis groups rules prefixes routes mappings tag_prefixes seed. Everything
is drawn from the seed.
"""

import random
import socket
import struct
import sys

VIP = "172.16.0.1"
HYPERVISOR = "172.16.0.2"
VNI_IN, VNI_OUT = 100, 200
OUT_MAC = "02:00:00:00:00:bb"
N_PA = 16
STAGES = 3

SETS = {
    "small": {"enis": 1, "rules": 1000, "prefixes": 1000, "routes": 1000,
              "mappings": 16000, "kind": "inline"},
    "tags": {"enis": 64, "rules": 1000, "prefixes": 100000, "routes": 100000,
             "mappings": 1000000, "kind": "tags"},
    "inline": {"enis": 64, "rules": 1000, "prefixes": 100000,
               "routes": 100000, "mappings": 1000000, "kind": "inline"},
    "hero": {"enis": 32, "rules": 1000, "prefixes": 8000, "routes": 5000,
             "mappings": 80320, "kind": "inline", "in_and_out": True},
}


def quad(n):
    return f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"


class Policy:
    """Prefixes are /26 blocks of 10.0.0.0/8, drawn at random, each rule's its
    own; a rule also has a range of destination ports. So exactly one rule of a
    group matches, and which one is known."""

    def __init__(self, name, **more):
        spec = {**SETS[name], **more}
        self.rnd = random.Random(spec.get("seed", 1))
        self.kind = spec["kind"]
        self.enis = spec["enis"]
        self.rules = spec["rules"]
        self.prefixes = max(spec["prefixes"], self.rules)
        self.routes = spec["routes"]
        self.mappings = spec["mappings"]
        self.in_and_out = spec.get("in_and_out", False)
        self.stages = 5 if self.in_and_out else STAGES
        self.blocks = self.rnd.sample(range(1 << 18), self.prefixes)
        self.per_rule = self.prefixes // self.rules
        self.per_block = max(1, min(62, self.mappings // self.prefixes))

    @staticmethod
    def eni(e):
        return f"0200000{e >> 8:03x}{e & 255:02x}"

    @staticmethod
    def mac(e):
        return bytes([2, 0, 0, 0, e >> 8, e & 255])

    def block(self, b):
        return 0x0a000000 | self.blocks[b] << 6

    @staticmethod
    def pa(addr):
        return f"172.16.1.{16 + addr % N_PA}"

    def ports(self, rule):
        """Of a rule: a range, of 50 different ones."""
        lo = 1000 + rule % 50 * 1000
        return lo, lo + 999

    def rule_of(self, block, stage):
        """Whose a block is: another one's in each stage."""
        return (block // self.per_rule * 7 + stage * 13) % self.rules \
            if self.rules % 7 else block // self.per_rule

    def group_rows(self, group, stage, family="ipv4"):
        yield f'{{"DASH_ACL_GROUP_TABLE:{group}": {{"ip_version": "{family}"}}}}'
        by_rule = {}
        for n in range(0, self.rules * self.per_rule, self.per_rule):
            by_rule[self.rule_of(n, stage)] = n
        for r in range(self.rules):
            first = by_rule[r]
            lo, hi = self.ports(first // self.per_rule)
            if self.kind == "tags":
                addr = f'"dst_tag": ["T{first // self.per_rule}"]'
            else:
                addr = '"dst_addr": [' + ", ".join(
                    f'"{quad(self.block(b))}/26"'
                    for b in range(first, first + self.per_rule)) + "]"
            yield (f'{{"DASH_ACL_RULE_TABLE:{group}:{r}": {{"priority": {r + 1}, '
                   f'"action": "allow", "terminating": false, {addr}, '
                   f'"protocol": ["6", "17"], "dst_port": ["{lo}-{hi}"]}}}}')

    def rows(self):
        """All rows, one string each."""
        yield (f'{{"DASH_APPLIANCE_TABLE:1": {{"sip": "{VIP}", '
               f'"vm_vni": {VNI_IN}, "max_flows": {4 << 20}, '
               f'"timeout_udp_new": 86400, "timeout_syn": 86400}}}}')
        yield f'{{"DASH_VNET_TABLE:V": {{"vni": {VNI_OUT}}}}}'
        if self.kind == "tags":
            for r in range(self.rules):
                prefixes = ", ".join(
                    f'"{quad(self.block(b))}/26"' for b in
                    range(r * self.per_rule, (r + 1) * self.per_rule))
                yield (f'{{"DASH_PREFIX_TAG_TABLE:T{r}": {{"ip_version": "ipv4", '
                       f'"prefix_list": [{prefixes}]}}}}')
        for e in range(self.enis):
            name = self.eni(e)
            yield (f'{{"DASH_ENI_TABLE:{name}": {{"mac_address": "{name}", '
                   f'"underlay_ip": "{HYPERVISOR}", "admin_state": "enabled", '
                   f'"vnet": "V", "half_open": 100}}}}')
            for way in ("OUT", "IN") if self.in_and_out else ("OUT",):
                for s in range(self.stages):
                    group = f"G{e}-{way}-{s}"
                    yield from self.group_rows(group, s)
                    yield (f'{{"DASH_ACL_{way}_TABLE:{name}:{s + 1}": '
                           f'{{"v4_acl_group_id": "{group}"}}}}')
            yield f'{{"DASH_ROUTE_GROUP_TABLE:R{e}": {{"guid": "R{e}"}}}}'
            yield (f'{{"DASH_ROUTE_TABLE:R{e}:10.0.0.0/8": '
                   f'{{"routing_type": "vnet", "vnet": "V"}}}}')
            rnd = random.Random(e)
            for block in rnd.sample(range(1 << 18), self.routes - 1):
                yield (f'{{"DASH_ROUTE_TABLE:R{e}:{quad(0x0a000000 | block << 6)}'
                       f'/26": {{"routing_type": "vnet", "vnet": "V"}}}}')
            yield f'{{"DASH_ENI_ROUTE_TABLE:{name}": {{"group_id": "R{e}"}}}}'
        yield from self.mapping_rows()

    def mapping_rows(self):
        left = self.mappings
        for k in range(63):
            for b in range(self.prefixes):
                if not left:
                    return
                left -= 1
                addr = self.block(b) + 1 + k
                yield (f'{{"DASH_VNET_MAPPING_TABLE:V:{quad(addr)}": '
                       f'{{"routing_type": "vnet_encap", '
                       f'"underlay_ip": "{self.pa(addr)}", '
                       f'"mac_address": "{OUT_MAC}"}}}}')

    def objects(self):
        """How many rows there are."""
        groups = self.enis * self.stages * (2 if self.in_and_out else 1)
        return {"enis": self.enis, "groups": groups,
                "rules": groups * self.rules,
                "routes": self.enis * self.routes, "mappings": self.mappings,
                "tags": self.rules if self.kind == "tags" else 0}

    def write(self, path):
        with open(path, "w", encoding="ascii") as f:
            self.stream(f)

    def stream(self, f):
        f.write("[\n")
        sep = ""
        for row in self.rows():
            f.write(sep)
            f.write(row)
            sep = ",\n"
        f.write("\n]\n")

    def flows(self, count):
        """Flows that pass, as dash_bench.ko's struct bench_pool: ENI, mapped
        destination and the port of the rule at random."""
        rnd = random.Random(7)
        out = bytearray()
        for _ in range(count):
            e = rnd.randrange(self.enis)
            b = rnd.randrange(self.rules * self.per_rule)
            dst = self.block(b) + 1 + rnd.randrange(self.per_block)
            src = 0x0b000000 | e << 16 | rnd.randrange(1 << 16)
            lo, hi = self.ports(b // self.per_rule)
            out += struct.pack("!II4s", src, dst, socket.inet_aton(self.pa(dst)))
            out += struct.pack("=I", VNI_OUT) + self.mac(e)
            out += struct.pack("!H8x", rnd.randrange(lo, hi + 1))
        return bytes(out)


def main(args):
    more = dict(arg.split("=", 1) for arg in args[1:])
    kind = more.pop("kind", None)
    more = {k: int(v) for k, v in more.items()}
    if kind:
        more["kind"] = kind
    Policy(args[0], **more).stream(sys.stdout)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in SETS:
        sys.exit(__doc__)
    main(sys.argv[1:])
