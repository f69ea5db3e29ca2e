# SPDX-License-Identifier: GPL-2.0
"""The configuration of the reference model (model.py): rows of the DASH tables
as they are loaded, and what they mean."""

import ipaddress


def addr(text):
    """Bytes, 4 or 16 of them."""
    return ipaddress.ip_address(text).packed


def prefix(text):
    """(family, length, number)"""
    net = ipaddress.ip_network(text, strict=False)
    return (len(net.network_address.packed), net.prefixlen,
            int(net.network_address))


def matches(pfx, address):
    size, plen, value = pfx
    return (size == len(address) and
            (int.from_bytes(address, "big") ^ value) >> (size * 8 - plen) == 0)


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ranges(items):
    out = []
    for item in items:
        lo, _, hi = str(item).partition("-")
        out.append((int(lo), int(hi or lo)))
    return out


def listed(value):
    return value if isinstance(value, list) else [value]


class Eni:
    def __init__(self, name, fields, cfg):
        self.name = name
        self.mac = mac(fields["mac_address"])
        self.up = fields.get("admin_state") == "enabled"
        self.vnet = fields["vnet"]
        self.underlay = addr(fields["underlay_ip"])
        self.vm_vni = fields.get("vm_vni", cfg.vm_vnis[0])
        self.trusted_vnis = ranges(fields.get("trusted_vnis", []))
        self.addresses = [prefix(a) for a in fields.get("addresses", [])]
        self.encap_sip = [addr(a) for a in fields.get("encap_sip", [])]
        self.check_reply_pa = fields.get("check_reply_pa", True)
        self.dscp = None
        if fields.get("dscp_mode") == "pipe":
            self.dscp = fields["dscp"]


class Rule:
    """An ACL rule: 3, ACL."""

    def __init__(self, fields, tags):
        self.priority = fields["priority"]
        self.action = fields["action"]
        self.terminating = fields.get("terminating", False)
        self.protocols = fields.get("protocol", [])
        self.sides = []
        for side in ("src", "dst"):
            addrs = fields.get(f"{side}_addr", [])
            names = fields.get(f"{side}_tag", [])
            self.sides.append(
                (not addrs and not names,
                 [prefix(a) for a in addrs] +
                 [p for name in names for p in tags[name]],
                 ranges(fields.get(f"{side}_port", []))))

    def matches(self, src, dst, proto, sport, dport):
        if self.protocols and proto not in self.protocols:
            return False
        for (any_addr, prefixes, ports), address, port in zip(
                self.sides, (src, dst), (sport, dport)):
            if not any_addr and not any(matches(p, address) for p in prefixes):
                return False
            if ports and (proto not in (6, 17, 132) or
                          not any(lo <= port <= hi for lo, hi in ports)):
                return False
        return True


class Group:
    def __init__(self, fields, rules):
        self.default = fields.get("default_action", "deny")
        self.rules = sorted(rules, key=lambda r: r.priority)


# DEL of these takes along what is named after them: 2, rules of change.
CHILDREN = {"ACL_GROUP": ("ACL_RULE",), "ROUTE_GROUP": ("ROUTE",),
            "VNET": ("VNET_MAPPING",),
            "ENI": ("ACL_IN", "ACL_OUT", "ENI_ROUTE", "ROUTE_RULE")}


class Config:
    def __init__(self):
        self.rows = {}
        self.generation = 0
        self.compile()

    def change(self, rows):
        for row in rows:
            op = row["OP"]
            (name, fields), = ((k, v) for k, v in row.items() if k != "OP")
            table, _, key = name.partition(":")
            table = table.removeprefix("DASH_").removesuffix("_TABLE")
            if op == "SET":
                self.rows[table, key] = fields
                continue
            self.rows.pop((table, key), None)
            for child in CHILDREN.get(table, ()):
                for other in [k for k in self.rows if k[0] == child and
                              f"{k[1]}:".startswith(f"{key}:")]:
                    del self.rows[other]
        self.compile()

    def table(self, name):
        return [(key, fields) for (table, key), fields in self.rows.items()
                if table == name]

    def compile(self):
        self.generation += 1
        app = {}
        self.vips, self.vm_vnis, self.trusted_vnis = [], [], []
        for _, f in self.table("APPLIANCE"):
            app.update(f)
            self.vips += [addr(a) for a in listed(f.get("sip", []))]
            self.vm_vnis += listed(f.get("vm_vni", []))
            self.trusted_vnis += ranges(f.get("trusted_vnis", []))
        self.vxlan_port = app.get("vxlan_port", 4789)
        self.tcp_loose = app.get("tcp_loose", False)
        self.eni_key = app.get("outbound_direction_lookup", "src_mac")
        self.udp_csum = app.get("udp_csum", "default")
        self.sport = app.get("udp_sport", "hash")
        self.df = app.get("df", True)
        self.ip_id = app.get("ip_id", 0)
        self.vnets = {k: f["vni"] for k, f in self.table("VNET")}
        self.enis = {k: Eni(k, f, self) for k, f in self.table("ENI")}
        self.mappings = {}
        for key, f in self.table("VNET_MAPPING"):
            vnet, _, ca = key.partition(":")
            m = {"routing_type": f["routing_type"],
                 "use_dst_vni": f.get("use_dst_vni", False),
                 "vni": f.get("vni"), "pa": addr(f["underlay_ip"])}
            if "underlay_ip6" in f:
                m["pa6"] = addr(f["underlay_ip6"])
            if "mac_address" in f:
                m["mac"] = mac(f["mac_address"])
            self.mappings[vnet, addr(ca)] = m
        self.pa_rows = {int(k): [prefix(a) for a in f["addresses"]]
                        for k, f in self.table("PA_VALIDATION")}
        self.types = dict(self.table("ROUTING_TYPE"))
        self.compile_routes()
        tags = {k: [prefix(a) for a in f["prefix_list"]]
                for k, f in self.table("PREFIX_TAG")}
        rules = {}
        for key, f in self.table("ACL_RULE"):
            rules.setdefault(key.split(":")[0], []).append(Rule(f, tags))
        self.groups = {k: Group(f, rules.get(k, []))
                       for k, f in self.table("ACL_GROUP")}

    def compile_routes(self):
        self.routes, self.rules = {}, {}
        for key, f in self.table("ROUTE"):
            group, _, pfx = key.partition(":")
            r = {"routing_type": f["routing_type"], "vnet": f.get("vnet"),
                 "underlay": f.get("underlay"), "prefix": prefix(pfx)}
            if "underlay_ip" in f:
                r["pas"] = [addr(a) for a in listed(f["underlay_ip"])]
            if "overlay_ip" in f:
                r["overlay"] = addr(f["overlay_ip"])
            if "mac_address" in f:
                r["mac"] = mac(f["mac_address"])
            if "vni" in f:
                r["vni"] = f["vni"]
            self.routes.setdefault(group, []).append(r)
        self.eni_route = {k: f["group_id"] for k, f in self.table("ENI_ROUTE")}
        for key, f in self.table("ROUTE_RULE"):
            eni, vni, rest = key.split(":", 2)
            pfx, _, prio = rest.rpartition(":")
            self.rules.setdefault(eni, []).append(
                {"vni": int(vni), "prefix": prefix(pfx),
                 "priority": int(prio), "action": f["action_type"],
                 "protocol": f.get("protocol", 0), "vnet": f.get("vnet"),
                 "pa_validation": f.get("pa_validation", True)})

    # -- questions --

    def eni_by_mac(self, address):
        for eni in self.enis.values():
            if eni.mac == address:
                return eni
        return None

    def group(self, eni, direction, stage, family):
        f = self.rows.get((f"ACL_{direction.upper()}", f"{eni}:{stage}"), {})
        name = f.get("v4_acl_group_id" if family == 4 else "v6_acl_group_id")
        return self.groups[name] if name else None

    def route(self, eni, dst):
        found = [r for r in self.routes.get(self.eni_route.get(eni.name), ())
                 if matches(r["prefix"], dst)]
        return max(found, key=lambda r: r["prefix"][1]) if found else None

    def type_vni(self, name):
        return self.types.get(name, {}).get("vni")

    def type_encap(self, name):
        return self.types.get(name, {}).get("encap_type", "vxlan")

    def valid_row(self, vni, pa):
        return any(matches(p, pa) for p in self.pa_rows.get(vni, ()))

    def valid_pa(self, vnet, pa):
        """8.8: the PAs of a VNET."""
        return (any(pa in (m["pa"], m.get("pa6"))
                    for (v, _), m in self.mappings.items() if v == vnet) or
                self.valid_row(self.vnets[vnet], pa))
