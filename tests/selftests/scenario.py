# SPDX-License-Identifier: GPL-2.0
"""Random configurations and traffic for differential.py, from a seed: small
enough that things meet, and mostly of the kind that means something."""

import struct

from dashtest import (APP_MAC, EXACT, FAKE_MAC, PEER_MAC, VIP, VIP6, bind, ca,
                      mac, mac_bytes, mapping, pa, route_rule, row)
from modelconf import addr
from modelframe import ACK, FIN, ICMP, ICMP6, RST, SCTP, SYN, TCP, UDP, csum, pseudo

VNETS = {"v1": 100, "v2": 200, "v3": 300}
VM_VNIS = (9000, 9001)
PEERS = (11, 12, 13, 14)        # have mappings; 15 and 16 have none
STRANGERS = (15, 16)
FAR = ("20.0.0.1", "20.0.0.200", "20.7.0.1", "30.0.0.1"), \
    ("fd00:20::1", "fd00:20::c8", "fd00:20:7::1", "fd00:30::1")
PORTS = (22, 53, 80, 443, 1000, 1001, 4789)
LONG = {f"timeout_{n}": 600 for n in (
    "syn", "established", "fin", "closed", "time_wait", "udp_new",
    "udp_stream", "icmp", "other")}


def chance(rnd, percent):
    return rnd.random() * 100 < percent


# -- configuration ------------------------------------------------------------

def prefixes(rnd, v6, count):
    """Prefixes around the addresses in use."""
    out = []
    for _ in range(count):
        kind = rnd.randrange(6)
        n = rnd.choice((1, 2, 3, 4) + PEERS + STRANGERS)
        if kind < 3:
            base = ca(n, v6)
            plen = rnd.choice((126, 125, 127, 128, 64) if v6 else
                              (30, 29, 31, 32, 24))
        elif kind < 5:
            base = rnd.choice(FAR[v6])
            plen = rnd.choice((128, 120, 64, 32) if v6 else (32, 25, 16, 8))
        else:
            base, plen = ("::", 0) if v6 else ("0.0.0.0", 0)
        out.append(masked(base, plen))
    return out


def masked(base, plen):
    data = addr(base)
    bits = len(data) * 8
    value = int.from_bytes(data, "big") >> (bits - plen) << (bits - plen)
    raw = value.to_bytes(len(data), "big")
    return f"{text(raw)}/{plen}"


def text(raw):
    import ipaddress            # pylint: disable=import-outside-toplevel
    return str(ipaddress.ip_address(raw))


def port_ranges(rnd):
    out = []
    for _ in range(rnd.randrange(1, 3)):
        lo = rnd.choice(PORTS)
        out.append(str(lo) if chance(rnd, 60) else
                   f"{lo}-{lo + rnd.choice((0, 1, 500))}")
    return out


def acl_rule(rnd, group, v6, prio):
    f = {}
    if chance(rnd, 30):
        f["protocol"] = rnd.sample((TCP, UDP, ICMP6 if v6 else ICMP, SCTP, 50),
                                   rnd.randrange(1, 3))
    for side in ("src", "dst"):
        if chance(rnd, 35):
            f[f"{side}_addr"] = prefixes(rnd, v6, rnd.randrange(1, 3))
        if chance(rnd, 15):
            tags = ["t6a", "t6b"] if v6 else ["t4a", "t4b"]
            f[f"{side}_tag"] = rnd.sample(tags, rnd.randrange(1, 3))
        if chance(rnd, 20):
            f[f"{side}_port"] = port_ranges(rnd)
    return row("ACL_RULE", group, f"r{prio}", priority=prio,
               action="allow" if chance(rnd, 65) else "deny",
               terminating=chance(rnd, 40), **f)


def acl_group(rnd, name, v6):
    rows = [row("ACL_GROUP", name, ip_version="ipv6" if v6 else "ipv4",
                **({"default_action": "allow"} if chance(rnd, 60) else
                   {"default_action": "deny"} if chance(rnd, 30) else {}))]
    prios = rnd.sample(range(1, 40), rnd.randrange(0, 6))
    return rows + [acl_rule(rnd, name, v6, p) for p in prios]


def route(rnd, group, prefix, v6):
    kind = rnd.choice(("vnet",) * 5 + ("vnet_direct", "vnet_encap", "direct",
                                       "drop"))
    f = {"routing_type": kind}
    if kind in ("vnet", "vnet_direct"):
        f["vnet"] = rnd.choice(list(VNETS))
        if chance(rnd, 15):
            f["underlay"] = rnd.choice(("ipv4", "ipv6"))
    if kind == "vnet_direct" and chance(rnd, 80):
        f["overlay_ip"] = ca(rnd.choice(PEERS + STRANGERS), v6)
    if kind == "vnet_encap":
        u6 = chance(rnd, 25)
        f["underlay_ip"] = [pa(n, u6) for n in rnd.sample(
            range(60, 68), rnd.choice((1, 1, 2, 3)))]
        if chance(rnd, 50):
            f["mac_address"] = mac(60)
        if chance(rnd, 60):
            f["vni"] = rnd.randrange(1, 1 << 24)
    return row("ROUTE", group, prefix, **f)


def one_mapping(rnd, vnet, n, v6):
    f = {}
    if chance(rnd, 25):
        f["vni"] = 1000 + n
    if chance(rnd, 40):
        f["use_dst_vni"] = True
    if chance(rnd, 25):
        f["underlay_ip6"] = pa(n, True)
    # One PA for a CA in most VNETs, so that replies are often right.
    host = n if chance(rnd, 70) else n + 20
    u6 = chance(rnd, 20) and "underlay_ip6" not in f
    return mapping(vnet, ca(n, v6), pa(host, u6),
                   mac(n) if chance(rnd, 80) else None, **f)


def eni_row(rnd, i):
    f = {"mac_address": mac(i), "underlay_ip": pa(i, chance(rnd, 20)),
         "admin_state": "enabled" if chance(rnd, 97) else "disabled",
         "vnet": rnd.choice(("v1", "v1", "v2"))}
    if chance(rnd, 30):
        f["vm_vni"] = rnd.choice((9001, 9500))
    if chance(rnd, 25):
        f["addresses"] = [ca(i), ca(i, True)]
    if chance(rnd, 15):
        f["trusted_vnis"] = ["9000-9001", rnd.choice(("100", "200-300"))]
    if chance(rnd, 15):
        f["encap_sip"] = rnd.choice((["100.0.0.66"], ["fd00:100::66"],
                                     ["100.0.0.66", "fd00:100::66"]))
    if chance(rnd, 15):
        f["dscp_mode"], f["dscp"] = "pipe", rnd.randrange(64)
    if chance(rnd, 15):
        f["check_reply_pa"] = False
    return row("ENI", f"eni{i}", **f)


def rule(rnd, eni, prio):
    vni = rnd.choice((100, 100, 200, 300, 400))
    prefix = rnd.choice(("100.0.0.0/24", "100.0.0.8/29", "0.0.0.0/0",
                         "fd00:100::/64", "::/0", f"{pa(12)}/32",
                         f"{pa(12, True)}/128"))
    f = {}
    if chance(rnd, 85):
        f["vnet"] = rnd.choice(list(VNETS))
    if chance(rnd, 20):
        f["protocol"] = rnd.choice((TCP, UDP, ICMP))
    if chance(rnd, 25):
        f["pa_validation"] = False
    return route_rule(eni, vni, prefix, prio,
                      "drop" if chance(rnd, 12) else "decap", **f)


def tag(rnd, name, v6):
    return row("PREFIX_TAG", name, ip_version="ipv6" if v6 else "ipv4",
               prefix_list=prefixes(rnd, v6, rnd.randrange(0, 4)))


def configuration(rnd):
    """Rows of all there is."""
    # No gap between "syn-sent" rules and the clock: nothing is to time out.
    app = {"sip": [VIP, VIP6], "vm_vni": list(VM_VNIS), **EXACT, **LONG}
    if chance(rnd, 30):
        app["sip"].append("100.0.0.253")
    if chance(rnd, 25):
        app["trusted_vnis"] = ["9000-9001", "100"]
    if chance(rnd, 25):
        app["tcp_loose"] = True
    if chance(rnd, 20):
        app["udp_csum"] = rnd.choice(("on", "off", "default"))
    if chance(rnd, 5):
        app["outbound_direction_lookup"] = "dst_mac"
    if chance(rnd, 10):
        app["udp_sport"], app["ip_id"] = 55555, 4711
    elif chance(rnd, 20):
        # As it is by default: masks come into play.
        for key in ("udp_sport", "df", "ip_id"):
            del app[key]
    rows = [row("APPLIANCE", "1", **app)]
    rows += [row("VNET", v, vni=n) for v, n in VNETS.items()]
    if chance(rnd, 20):
        rows.append(row("ROUTING_TYPE", "vnet_encap", name="a",
                        action_type="staticencap",
                        encap_type=rnd.choice(("vxlan", "nvgre")),
                        **({"vni": 777} if chance(rnd, 40) else {})))
    enis = range(1, rnd.randrange(3, 6))
    rows += [eni_row(rnd, i) for i in enis]
    for v in VNETS:
        for n in PEERS:
            for v6 in (False, True):
                if chance(rnd, 85):
                    rows.append(one_mapping(rnd, v, n, v6))
    for name, v6 in (("t4a", 0), ("t4b", 0), ("t6a", 1), ("t6b", 1)):
        rows.append(tag(rnd, name, bool(v6)))
    for name in ("g4a", "g4b", "g6a", "g6b"):
        rows += acl_group(rnd, name, name[1] == "6")
    for group in ("rg1", "rg2"):
        rows.append(row("ROUTE_GROUP", group))
        want = {"10.0.0.0/24", "fd00:10::/64"}
        for v6 in (False, True):
            want |= set(prefixes(rnd, v6, rnd.randrange(1, 5)))
        rows += [route(rnd, group, p, ":" in p) for p in sorted(want)]
    for vni in (100, 200, 400):
        if chance(rnd, 40):
            rows.append({f"DASH_PA_VALIDATION_TABLE:{vni}": {
                "addresses": rnd.sample(
                    ("100.0.0.40/29", f"{pa(31)}/32", "fd00:100::/120",
                     f"{pa(31, True)}/128", "::/0", "100.0.0.8/29"), 2)},
                "OP": "SET"})
    for i in enis:
        if chance(rnd, 90):
            rows.append(row("ENI_ROUTE", f"eni{i}",
                            group_id=rnd.choice(("rg1", "rg2"))))
        for d in ("in", "out"):
            for stage in rnd.sample(range(1, 6), rnd.choice((0, 0, 1, 2, 3))):
                rows.append(acl_bind(rnd, i, d, stage))
        seen = {}
        for prio in rnd.sample(range(1, 30), rnd.randrange(1, 6)):
            r = rule(rnd, f"eni{i}", prio)
            key = next(iter(r)).rsplit(":", 1)[0]
            seen[key] = r
        rows += seen.values()
    return rows


def acl_bind(rnd, i, direction, stage):
    v4 = rnd.choice(("g4a", "g4b", None))
    v6 = rnd.choice(("g6a", "g6b", None))
    if not v4 and not v6:
        v4 = "g4a"
    return bind(f"eni{i}", direction, stage, v4, v6)


def change(rnd, rows):
    """A few rows on top of what is there."""
    kind = rnd.randrange(12)
    enis = [k.split(":", 1)[1] for r in rows for k in r
            if k.startswith("DASH_ENI_TABLE:")]
    i = int(rnd.choice(enis)[3:])
    v6 = chance(rnd, 40)
    if kind == 0:
        name = rnd.choice(("g6a", "g6b") if v6 else ("g4a", "g4b"))
        return [acl_rule(rnd, name, v6, rnd.randrange(50, 60))]
    if kind == 1:
        return [acl_bind(rnd, i, rnd.choice(("in", "out")),
                         rnd.randrange(1, 6))]
    if kind == 2:
        return [one_mapping(rnd, rnd.choice(list(VNETS)),
                            rnd.choice(PEERS), v6)]
    if kind == 3:
        return [row("VNET_MAPPING", rnd.choice(list(VNETS)),
                    ca(rnd.choice(PEERS), v6), op="DEL")]
    if kind == 4:
        return [route(rnd, rnd.choice(("rg1", "rg2")),
                      prefixes(rnd, v6, 1)[0], v6)]
    if kind == 5:
        return [eni_row(rnd, i)]
    if kind == 6:
        return [rule(rnd, f"eni{i}", rnd.randrange(31, 40))]
    if kind == 7:
        return [tag(rnd, rnd.choice(("t6a", "t6b") if v6 else
                                    ("t4a", "t4b")), v6)]
    if kind == 8:
        return [row("ENI_ROUTE", f"eni{i}",
                    group_id=rnd.choice(("rg1", "rg2")))]
    if kind == 9:
        # Settings of them all; perhaps a VIP goes.
        app = dict(next(iter(rows[0].values())))
        app["tcp_loose"] = chance(rnd, 50)
        app["sip"] = app["sip"][:2] + ["100.0.0.253"] * chance(rnd, 50)
        app["trusted_vnis"] = ["9000-9001", "200"]
        if chance(rnd, 50):
            del app["trusted_vnis"]
        return [row("APPLIANCE", "1", **app)]
    # Some rows go that nothing refers to.
    tables = ("ROUTE", "ROUTE_RULE", "ACL_RULE", "ACL_IN", "ACL_OUT",
              "PA_VALIDATION")
    keys = [k for r in rows for k in r if k != "OP" and
            k[len("DASH_"):k.index("_TABLE")] in tables]
    return [{k: {}, "OP": "DEL"} for k in rnd.sample(keys, 2)]


# -- packets ------------------------------------------------------------------

def ether(dst, src, kind, data):
    return mac_bytes(dst) + mac_bytes(src) + struct.pack("!H", kind) + data


def ip_packet(src, dst, proto, data, tos=0, ident=0x1234, frag=0, more=False,
              extra=False):
    """src, dst: text. extra: an option, or extension headers."""
    s, d = addr(src), addr(dst)
    if len(s) == 4:
        options = b"\1\1\1\0" if extra else b""
        head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, tos,
                           20 + len(options) + len(data), ident & 0xffff,
                           frag >> 3 | more << 13, 61, proto,
                           0) + s + d + options
        return head[:10] + struct.pack("!H", csum(head)) + head[12:] + data
    if frag or more:
        data = struct.pack("!BBHI", proto, 0, frag | more, ident) + data
        proto = 44
    elif extra:
        # Destination options, and a whole packet's fragment header.
        data = struct.pack("!BBHI", 44, 0, 0x0104, 0) + \
            struct.pack("!BBHI", proto, 0, 0, ident) + data
        proto = 60
    return struct.pack("!IHBB", 6 << 28 | tos << 20, len(data), proto,
                       61) + s + d + data


def inner(smac, dmac, src, dst, proto, l4, **kw):
    kind = 0x86dd if ":" in src else 0x800
    return ether(dmac, smac, kind, ip_packet(src, dst, proto, l4, **kw))


def tunnel(frame, vni, src, dst, tos=0, tags=(), encap="vxlan", summed=False,
           dmac=APP_MAC, port=4789):
    s, d = addr(src), addr(dst)
    key = vni.to_bytes(3, "big") + b"\0"
    if encap == "vxlan":
        proto = UDP
        data = b"\x08\0\0\0" + key + frame
        head = struct.pack("!HHHH", 50123, port, len(data) + 8, 0)
        if summed or len(s) == 16:
            total = csum(pseudo(s, d, len(data) + 8, UDP) + head + data)
            head = head[:6] + struct.pack("!H", total or 0xffff)
        data = head + data
    else:
        proto, data = 47, b"\x20\0\x65\x58" + key + frame
    eth = mac_bytes(dmac) + mac_bytes(PEER_MAC)
    for i, t in enumerate(tags):
        eth += struct.pack("!HH", 0x88a8 if len(tags) > 1 and not i else
                           0x8100, t)
    eth += b"\x08\0" if len(s) == 4 else b"\x86\xdd"
    return eth + ip_packet(src, dst, proto, data, tos, 0x4242)


class Talk:
    """Two that talk: VM i and somebody else."""

    def __init__(self, rnd, enis, rows):
        self.rnd = rnd
        self.i = rnd.choice(enis)
        self.inbound = chance(rnd, 40)
        self.v6 = chance(rnd, 35)
        self.proto = rnd.choice((TCP,) * 6 + (UDP,) * 4 + (
            ICMP6 if self.v6 else ICMP,) * 2 + (SCTP, 50))
        n = rnd.choice(PEERS * 3 + STRANGERS)
        self.vm = ca(self.i, self.v6)
        if chance(rnd, 6):
            self.vm = ca(9, self.v6)
        self.peer = ca(n, self.v6) if chance(rnd, 80) else \
            rnd.choice(FAR[self.v6])
        u6 = chance(rnd, 20)
        self.peer_pa = pa(n if chance(rnd, 75) else
                          rnd.choice((n + 20, 31, 41, 99)), u6)
        self.vm_pa = pa(self.i, chance(rnd, 20))
        self.vni = rnd.choice((100, 200, 300, 400))
        known = [k.split(":")[2] for r in rows for k in r
                 if k.startswith(f"DASH_ROUTE_RULE_TABLE:eni{self.i}:")]
        if known and chance(rnd, 85):
            self.vni = int(rnd.choice(known))
        self.vm_vni = rnd.choice(VM_VNIS)
        self.encap = "nvgre" if chance(rnd, 8) else "vxlan"
        self.ports = [rnd.randrange(2000, 2004), rnd.choice(PORTS)]
        self.kind = rnd.choice(((8, 0),) * 3 + ((13, 14),) + ((42, 42),)) \
            if not self.v6 else rnd.choice(((128, 129),) * 4 + ((150, 150),))
        self.seq = [rnd.getrandbits(32), rnd.getrandbits(32)]
        self.scales = [rnd.choice((None, 0, 3, 7)) for _ in range(2)]
        self.step = 0
        self.last = [None, None]        # inner packets of each side

    # Side 0 is the initiator.

    def l4(self, side, flags=None):
        rnd = self.rnd
        sport, dport = self.ports if side == 0 else self.ports[::-1]
        data = bytes(rnd.randrange(0, 30))
        if self.proto == UDP:
            return struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
        if self.proto == SCTP:
            return struct.pack("!HHII", sport, dport, 0, 0) + data
        if self.proto in (ICMP, ICMP6):
            return struct.pack("!BBHHH", self.kind[side], 0, 0,
                               self.ports[0] if self.kind[0] != self.kind[1]
                               else 1, 7) + data
        if self.proto != TCP:
            return data
        return self.tcp(side, sport, dport, flags)

    def tcp(self, side, sport, dport, flags):
        rnd = self.rnd
        if flags is None:
            flags = self.tcp_flags(side)
        data = b""
        if not flags & (SYN | RST) and chance(rnd, 40):
            data = bytes(rnd.randrange(1, 20))
        seq, ack = self.seq[side], self.seq[1 - side]
        options = b""
        if flags & SYN and self.scales[side] is not None:
            options = bytes((1, 3, 3, self.scales[side]))
        if flags & RST and chance(rnd, 40):
            seq += rnd.choice((-1, 1, 99, 100, 799, 800, 12799, 12800, 1 << 31,
                               5000000))
        elif flags & (SYN | FIN) or data:
            self.seq[side] = (seq + len(data) + bool(flags & (SYN | FIN))) & \
                0xffffffff
            if chance(rnd, 10):
                self.seq[side] = seq            # to be sent again
        return struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff,
                           ack if flags & ACK else 0,
                           (20 + len(options)) << 2, flags, 100, 0,
                           0) + options + data

    def tcp_flags(self, side):
        """The handshake in order, mostly; then anything."""
        rnd = self.rnd
        self.step += 1
        if self.step <= 3 and chance(rnd, 90):
            return (SYN, SYN | ACK, ACK)[self.step - 1]
        return rnd.choice((ACK,) * 6 + (FIN | ACK,) * 5 + (
            RST, RST | ACK, SYN, SYN | ACK, FIN, 0x18, 0x18,
            rnd.choice((0, 8, SYN | FIN, SYN | RST, 0x20, 0xc2)))) & 0xff

    def side(self):
        if self.proto == TCP and self.step < 3 and chance(self.rnd, 85):
            return (0, 1, 0)[self.step]
        return self.rnd.randrange(2)

    def is_vm(self, side):
        return (side == 0) != self.inbound

    def ends(self, side):
        return (self.vm, self.peer) if self.is_vm(side) else \
            (self.peer, self.vm)

    def wrap(self, side, frame):
        """By the host of that side, to the appliance; or almost so."""
        rnd = self.rnd
        vm = self.is_vm(side)
        src, vni = (self.vm_pa, self.vm_vni) if vm else (self.peer_pa, self.vni)
        if chance(rnd, 7):
            src = pa(rnd.choice((11, 12, 31, 41, 60, 61, 62, 99)), ":" in src)
        if chance(rnd, 3):
            vni = rnd.choice(VM_VNIS if vm else (100, 200, 300))
        encap = self.encap if chance(rnd, 97) else "nvgre"
        tags = rnd.choice(((),) * 12 + ((5,), (6, 7)))
        if self.ends(0)[1] in FAR[0] + FAR[1]:
            tags = ()           # perhaps "direct"
        vip = VIP6 if ":" in src else VIP
        if chance(rnd, 4) and vip == VIP:
            vip = "100.0.0.253"
        return tunnel(frame, vni, src, vip, rnd.choice((0, 0, 0xb8, 0x2a, 3)),
                      tags, encap, chance(rnd, 20))

    def inner(self, side, proto, l4, **kw):
        kw.setdefault("extra", chance(self.rnd, 4))
        smac, dmac = (mac(self.i), FAKE_MAC) if self.is_vm(side) else \
            (mac(40), mac(self.i))
        return inner(smac, dmac, *self.ends(side), proto, l4,
                     tos=self.rnd.choice((0, 0, 0x28, 1)), **kw)

    def packet(self):
        side = self.side()
        frame = self.inner(side, self.proto, self.l4(side))
        self.last[side] = frame[14:]
        if chance(self.rnd, 2):
            # In the name of the other one: by the wrong way.
            frame = (mac_bytes(mac(self.i)) + mac_bytes(mac(40))
                     if self.is_vm(side) else
                     mac_bytes(FAKE_MAC) + mac_bytes(mac(self.i))) + frame[12:]
            side = 1 - side
        return self.wrap(side, frame)

    def error(self):
        """An ICMP error about what was sent last."""
        rnd = self.rnd
        side = rnd.randrange(2)         # whose packet it is about
        about = self.last[side]
        if not about:
            return self.packet()
        if chance(rnd, 30):
            about = about[:48 if self.v6 else 28]
        kind = rnd.choice((1, 2, 3) if self.v6 else (3, 11, 12))
        l4 = struct.pack("!BBHI", kind, 0, 0, 0) + about
        side = 1 - side
        src, dst = self.ends(side)
        if chance(rnd, 50):
            src = "fd00:99::1" if self.v6 else "192.0.2.1"
        smac, dmac = (mac(self.i), FAKE_MAC) if self.is_vm(side) else \
            (mac(40), mac(self.i))
        return self.wrap(side, inner(smac, dmac, src, dst,
                                     ICMP6 if self.v6 else ICMP, l4))

    def fragments(self, ident):
        """Of a datagram: the first one, followers, or some of them."""
        rnd = self.rnd
        if self.proto == TCP:
            return [self.packet()]
        side = rnd.randrange(2)
        data = self.l4(side)
        data += bytes(160 - len(data))
        if self.proto == UDP:
            data = data[:4] + struct.pack("!H", len(data)) + data[6:]
        parts = [(0, 80, True), (80, 120, True), (120, 160, False)]
        if chance(rnd, 20):
            parts.remove(rnd.choice(parts))
        if chance(rnd, 15):
            rnd.shuffle(parts)
        return [self.wrap(side, self.inner(
            side, self.proto, data[lo:hi], ident=ident, frag=lo, more=more))
            for lo, hi, more in parts]


def fix_ip(frame):
    """The outer IPv4 header's checksum made right."""
    if frame[12:14] != b"\x08\0":
        return frame
    n = 14 + (frame[14] & 15) * 4
    head = frame[14:24] + b"\0\0" + frame[26:n]
    return frame[:24] + struct.pack("!H", csum(head)) + frame[26:]


def be(value):
    return struct.pack("!H", value & 0xffff)


def spoil(rnd, frame):
    """Something wrong in a good packet without VLAN tags."""
    v4 = frame[12:14] == b"\x08\0"
    if frame[12:14] not in (b"\x08\0", b"\x86\xdd"):
        return frame
    udp = frame[23 if v4 else 20] == UDP
    l4 = 34 if v4 else 54
    eth = l4 + (16 if udp else 8)
    ip = eth + 14
    i4 = frame[eth + 12:ip] == b"\x08\0"

    def put(off, data):
        return frame[:off] + data + frame[off + len(data):]
    # A checksum would find the inner ones before anybody looks at them.
    def quiet(f):
        return f[:l4 + 6] + b"\0\0" + f[l4 + 8:] if udp else f
    kind = rnd.randrange(16)
    if kind == 0 and udp:
        return put(l4 + 6, be(rnd.randrange(1, 65536)))
    if kind == 1 and udp:
        return put(l4 + 4, be(rnd.choice((0, 7, 8, 15, len(frame)))))
    if kind == 2 and udp:
        return quiet(put(l4 + 8, b"\0"))
    if kind == 3:
        return fix_ip(put(16 if v4 else 18, be(
            len(frame) + rnd.choice((0, 1, 99)))))
    if kind == 4:
        return frame[:rnd.randrange(l4 + 9, len(frame) + 1)]
    if kind == 5:
        return frame + bytes(rnd.randrange(1, 20))
    if kind == 6:
        return quiet(put(eth + 12, rnd.choice((b"\x08\x06", b"\x81\0"))))
    if kind == 7:
        return quiet(put(eth + 6, b"\x01"))
    if kind == 8:
        return quiet(put(ip, bytes([rnd.choice((0x35, 0x44, 0x4f, 0x65)) if i4
                                    else 0x40])))
    if kind == 9:
        return quiet(put(ip + (2 if i4 else 4), be(
            rnd.choice((0, 19, 20, 27, 2000)))))
    if kind == 10:
        return quiet(put(eth, rnd.choice((b"\xff" * 6, b"\x01\0\x5e\0\0\5"))))
    if kind == 11:
        dst = rnd.choice((b"\xe0\0\0\5", b"\xff" * 4)) if i4 else \
            b"\xff\2" + bytes(13) + b"\1"
        return quiet(put(ip + (16 if i4 else 24), dst))
    if kind == 12 and v4:
        return fix_ip(put(20, be(rnd.choice((0x2000, 0x2001, 0x0010)))))
    if kind == 13 and v4:
        return put(24, b"\xba\xad")
    if kind == 14:
        return put(0, mac_bytes("02:00:5e:00:00:77"))
    # An unknown VM.
    return quiet(put(eth, bytes.fromhex("020000000063" * 2)))


def sequence(rnd, rows, changes):
    """[(what, frame or rows)]: what: "packet" or "change"."""
    enis = [int(k.split(":eni", 1)[1]) for r in rows for k in r
            if k.startswith("DASH_ENI_TABLE:")]
    talks = [Talk(rnd, enis, rows) for _ in range(rnd.randrange(2, 6))]
    out = []
    for _ in range(rnd.randrange(20, 51)):
        talk = rnd.choice(talks)
        kind = rnd.random() * 100
        if kind < 3:
            talks.append(Talk(rnd, enis, rows))
        elif kind < 8:
            out.append(("packet", spoil(rnd, talk.packet())))
        elif kind < 14:
            out.append(("packet", talk.error()))
        elif kind < 17:
            out += [("packet", f) for f in talk.fragments(rnd.getrandbits(32))]
        elif kind < 18:
            out.append(("packet", tunnel(b"", 1, "9.9.9.9", "100.0.0.1")))
        elif kind < 20 and changes:
            out.append(("change", change(rnd, rows)))
        else:
            out.append(("packet", talk.packet()))
    return out
