#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Outbound routes, mappings, and the VNI that results: SPEC 3."""

import ipaddress
import random
import time

from dashtest import (FAKE_MAC, VNI, Net, base, ca, case, cases, check, delete,
                      equal, mac, main, mapping, pa, row)
from frames import (Ether, IP, IPv6, Outer, from_vm, inner, patch, tcp, to_peer,
                    udp, vm_frame)

net = Net(quick=True)


def route(prefix, kind, rg="rg", **fields):
    return row("ROUTE", rg, prefix, routing_type=kind, **fields)


def to(dst, l4=None, **kw):
    """Inner frame from VM 1 to any address."""
    return inner(ca(1, ":" in dst), dst, l4 or udp(net.sport(), 53), mac(1),
                 **kw)


def goes(addr, n=2, **kw):
    """A packet to addr leaves as if to VM n."""
    f = to(addr)
    net.forwards(from_vm(f), to_peer(n, f, **kw))


def drops(dst, reason):
    net.drop(from_vm(to(dst)), reason, "eni1")


# -- prefixes -----------------------------------------------------------------

@case("LPM: the longest prefix wins", stock=True)
def longest():
    net.load(base(
        route("0.0.0.0/0", "vnet_encap", underlay_ip=pa(90), vni=1),
        route("20.0.0.0/8", "vnet_encap", underlay_ip=pa(90), vni=2),
        route("20.1.0.0/16", "vnet_encap", underlay_ip=pa(90), vni=3),
        route("20.1.2.0/24", "drop"),
        route("20.1.2.3/32", "vnet_encap", underlay_ip=pa(90), vni=5),
        route("20.1.128.0/17", "vnet_encap", underlay_ip=pa(90), vni=6)))
    for dst, vni in {"1.2.3.4": 1, "255.0.0.1": 1, "20.0.0.1": 2,
                     "20.255.255.255": 2, "21.0.0.0": 1, "20.1.0.0": 3,
                     "20.1.127.255": 3, "20.1.128.0": 6, "20.1.2.3": 5,
                     "20.1.3.0": 3}.items():
        goes(dst, 90, dmac=False, vni=vni)
    for dst in ("20.1.2.2", "20.1.2.4", "20.1.2.255"):
        drops(dst, "route_drop")


@case("LPM: IPv6")
def longest6():
    net.load(base(
        route("::/0", "vnet_encap", underlay_ip=pa(90), vni=1),
        route("2001:db8::/32", "vnet_encap", underlay_ip=pa(90), vni=2),
        route("2001:db8:0:8000::/49", "vnet_encap", underlay_ip=pa(90), vni=3),
        route("2001:db8:0:8000::1/128", "drop"),
        route("0.0.0.0/0", "vnet_encap", underlay_ip=pa(90), vni=4)))
    for dst, vni in {"2001:db9::": 1, "2001:db8:ffff::1": 2,
                     "2001:db8:0:7fff:ffff:ffff:ffff:ffff": 2,
                     "2001:db8:0:8000::": 3, "2001:db8:0:8000::2": 3,
                     "2001:db8:0:ffff:ffff:ffff:ffff:ffff": 3,
                     # no IPv4 route covers what merely looks like IPv4
                     "::102:304": 1, "9.9.9.9": 4}.items():
        goes(dst, 90, dmac=False, vni=vni)
    drops("2001:db8:0:8000::1", "route_drop")


@case("LPM: no default route of the other family")
def family():
    net.load(base(route("0.0.0.0/0", "vnet_encap", underlay_ip=pa(90))))
    drops("2001:db8::1", "no_route")
    net.load(base(route("::/0", "vnet_encap", underlay_ip=pa(90))))
    drops("9.9.9.9", "no_route")


@case("LPM: random routes against a linear search")
def randomly():
    """The VNI tells by which route a packet went."""
    seed = time.time_ns() & 0xffffff
    rnd = random.Random(seed)
    for v6 in (False, True):
        nets = set()
        while len(nets) < 250:
            if v6:
                addr = (0x2001 << 112) + (rnd.getrandbits(3) << 100) + \
                    (rnd.getrandbits(6) << 60) + rnd.getrandbits(4)
                plen = rnd.choice([15, 16, 28, 29, 31, 64, 66, 68, 127, 128])
                nets.add(ipaddress.ip_network((addr, plen), strict=False))
            else:
                addr = (20 << 24) + (rnd.getrandbits(3) << 18) + \
                    (rnd.getrandbits(2) << 12) + rnd.getrandbits(4)
                plen = rnd.choice([7, 8, 13, 14, 16, 19, 21, 24, 28, 30, 31,
                                   32])
                nets.add(ipaddress.ip_network((addr, plen), strict=False))
        nets = list(nets)
        net.load(base([route(str(n), "vnet_encap", underlay_ip=pa(90),
                             vni=1000 + i) for i, n in enumerate(nets)]))
        dsts = set()
        while len(dsts) < 200:
            n = rnd.choice(nets)
            off = rnd.getrandbits(7) if rnd.random() < 0.5 else \
                rnd.getrandbits(40)
            dsts.add(str(n.network_address +
                         off % min(n.num_addresses, 1 << 62)))
        dsts = [d for d in sorted(dsts)
                if not ipaddress.ip_address(d).is_multicast]
        frames = [to(d) for d in dsts]
        out = net.send(*[from_vm(f) for f in frames])
        equal(len(out), len(dsts), f"frames (seed {seed})")
        for dst, got in zip(dsts, out):
            a = ipaddress.ip_address(dst)
            want = max((n.prefixlen, 1000 + i) for i, n in enumerate(nets)
                       if a in n)[1]
            equal(Outer(got).vni, want, f"route of {dst} (seed {seed})")


@case("no route, no route group, an empty group", stock=True)
def none():
    net.load(base())
    drops("30.0.0.1", "no_route")
    net.load(base(routes=False))
    drops(ca(2), "no_route")
    net.load(base(row("ROUTE_GROUP", "empty"),
                  row("ENI_ROUTE", "eni1", group_id="empty"), routes=False))
    drops(ca(2), "no_route")


@case("rebinding another route group")
def rebind():
    net.load(base(row("ROUTE_GROUP", "rg2"),
                  route("10.0.0.0/24", "vnet_encap", "rg2",
                        underlay_ip=pa(90), vni=77)))
    goes(ca(2))
    net.load([row("ENI_ROUTE", "eni1", group_id="rg2")], "--ignore-unknown")
    goes(ca(2), 90, dmac=False, vni=77)
    net.load([delete("ENI_ROUTE", "eni1")], "--ignore-unknown")
    drops(ca(2), "no_route")


# -- actions ------------------------------------------------------------------

@case("vnet: by the mapping of the destination", stock=True)
def vnet():
    net.load(base())
    for n in (2, 3, 4):
        goes(ca(n), n)
        goes(ca(n, True), n)
    drops(ca(9), "no_mapping")
    drops(ca(9, True), "no_mapping")


@case("vnet: peering, a route into another VNET", stock=True)
def peering():
    """Mappings are the other VNET's; the VNI stays the ENI's own, unless the
    mapping says use_dst_vni."""
    net.load(base(
        row("VNET", "v2", vni=222),
        route("20.0.0.0/24", "vnet", vnet="v2"),
        route("10.0.0.3/32", "vnet", vnet="v2"),
        mapping("v2", "20.0.0.1", pa(31), mac(31)),
        mapping("v2", "20.0.0.2", pa(32), mac(32), use_dst_vni=True),
        mapping("v2", "10.0.0.3", pa(33), mac(33), use_dst_vni=True)))
    goes("20.0.0.1", 31)
    goes("20.0.0.2", 32, vni=222)
    goes(ca(3), 33, vni=222)
    goes(ca(2), 2)
    drops("20.0.0.3", "no_mapping")


@case("vnet_direct: by the mapping of overlay_ip", stock=True)
def vnet_direct():
    net.load(base(
        route("20.0.0.0/24", "vnet_direct", vnet="v1", overlay_ip=ca(3)),
        route("2001:db8::/32", "vnet_direct", vnet="v1",
              overlay_ip=ca(4, True)),
        route("20.0.1.0/24", "vnet_direct", vnet="v1", overlay_ip=ca(99)),
        route("10.0.0.4/32", "vnet_direct", vnet="v1")))
    goes("20.0.0.9", 3)         # its destination stays as it is
    goes("2001:db8::9", 4)
    drops("20.0.1.9", "no_mapping")
    goes(ca(4), 4)


@case("vnet_encap: static", stock=True)
def static():
    net.load(base(
        route("20.0.0.0/24", "vnet_encap", underlay_ip=pa(80),
              mac_address=mac(80), vni=808),
        route("20.0.1.0/24", "vnet_encap", underlay_ip=pa(81))))
    goes("20.0.0.9", 80, vni=808)
    goes("20.0.1.9", 81, dmac=False)    # the ENI's VNET's VNI


@case("vnet_encap: several endpoints")
def ecmp():
    """Each connection keeps to one of them, all are used, and replies may come
    from any."""
    net.load(base(route("20.0.0.0/24", "vnet_encap",
                        underlay_ip=[pa(80), pa(81), pa(82)], vni=808)))
    seen = {}
    for _ in range(60):
        port = net.sport()
        f = to("20.0.0.9", udp(port, 53))
        out = net.send(from_vm(f), from_vm(f))
        dsts = {Outer(o).dst for o in out}
        equal((len(out), len(dsts)), (2, 1), "frames and endpoints")
        seen.setdefault(dsts.pop(), []).append(port)
    equal(set(seen), {pa(80), pa(81), pa(82)}, "endpoints")
    check(min(len(p) for p in seen.values()) >= 5, f"uneven: {seen}")
    port = seen[pa(80)][0]
    f = inner("20.0.0.9", ca(1), udp(53, port), mac(2), mac(1))
    from frames import from_peer  # pylint: disable=import-outside-toplevel
    equal(len(net.send(from_peer(81, f))), 1, "replies from another endpoint")
    net.drop(from_peer(83, f), "pa_invalid", "eni1")


@cases({"direct: IPv4": False, "direct: IPv6": True}, stock=("direct: IPv4",))
def direct(v6):
    """The inner packet as it is, but for the DSCP: that of the outer header."""
    dst = "2001:db8::9" if v6 else "20.0.0.9"
    net.load(base(route("20.0.0.0/24", "direct"),
                  route("2001:db8::/32", "direct")))
    for tos, inner_tos in ((0, 0), (0xb8, 0), (0, 0x28), (0x48, 0xb8)):
        f = to(dst, tcp(net.sport(), 80), ttl=7, tos=inner_tos)
        layer = (IPv6 if v6 else IP)(f[14:])
        if v6:
            layer.tc = tos
        else:
            layer.tos = tos
            del layer.chksum
        want = bytes(Ether(src="02:00:5e:00:00:a0", dst="02:00:5e:00:00:b0") /
                     layer)
        net.forwards(from_vm(f, ip_kw={"tos": tos}), want)


@case("drop: its own reason, and the same to a live connection's tuple")
def drop():
    net.load(base(route("10.0.0.2/32", "drop"), route("::/0", "drop")))
    drops(ca(2), "route_drop")
    drops("2001:db8::1", "route_drop")
    goes(ca(3), 3)


@case("the same by explain")
def explain():
    net.load(base(route("20.0.0.0/8", "vnet_encap", underlay_ip=pa(80),
                        vni=808), route("20.1.0.0/16", "drop")))

    def ask(dst):
        return net.json("explain", "eni", "eni1", "outbound", "src", ca(1),
                        "dst", dst, "proto", "udp", "dport", "53")
    ex = ask("20.0.0.1")
    equal((ex["verdict"], ex["route"]["prefix"], ex["packet"]["outer_dst"],
           ex["packet"]["vni"]), ("allow", "20.0.0.0/8", pa(80), 808), "20.0")
    ex = ask("20.1.0.1")
    equal((ex["verdict"], ex["reason"], ex["route"]["prefix"]),
          ("drop", "route_drop", "20.1.0.0/16"), "20.1")
    ex = ask(ca(3))
    equal((ex["mapping"]["ip"], ex["packet"]["outer_dst"]), (ca(3), pa(3)),
          "mapping")
    equal(ask(ca(9))["reason"], "no_mapping", "reason")
    equal(ask("9.9.9.9")["reason"], "no_route", "reason")


# -- VNI and mapping ----------------------------------------------------------

VNI_RULES = {
    "the ENI's VNET": ({}, None, VNI),
    "use_dst_vni": ({"use_dst_vni": True}, None, 222),
    "the routing type's": ({}, 333, 333),
    "the routing type's before use_dst_vni": ({"use_dst_vni": True}, 333, 333),
    "the mapping's before all": ({"vni": 444, "use_dst_vni": True}, 333, 444),
    "the highest there is": ({"vni": 0xffffff}, None, 0xffffff),
}


@cases({f"VNI: {k}": v for k, v in VNI_RULES.items()},
       stock=("VNI: use_dst_vni", "VNI: the mapping's before all"))
def vni_of(fields, type_vni, want):
    kind = {"name": "a", "action_type": "staticencap", "encap_type": "vxlan"}
    if type_vni:
        kind["vni"] = type_vni
    net.load(base(row("VNET", "v2", vni=222), row("ROUTING_TYPE", "vnet_encap",
                                                  **kind),
                  route("20.0.0.0/24", "vnet", vnet="v2"),
                  mapping("v2", "20.0.0.1", pa(31), mac(31), **fields)))
    goes("20.0.0.1", 31, vni=want)


@case("mapping without MAC: the inner destination stays")
def no_mac():
    net.load(base(mapping("v1", ca(7), pa(7))))
    goes(ca(7), 7, dmac=False)
    f = vm_frame(7, udp(net.sport(), 53))
    f = patch(f, 0, b"\x02\x02\x02\x02\x02\x02")
    net.forwards(from_vm(f), to_peer(7, f, dmac=False))


@case("mapping: PAs of both families, and the route's choice", stock=True)
def underlay():
    both = {"underlay_ip6": pa(7, True)}
    net.load(base(
        mapping("v1", ca(7), pa(7), mac(7), **both),
        mapping("v1", ca(8), pa(8, True), mac(8)),
        mapping("v1", "20.0.0.7", pa(7), mac(7), **both),
        mapping("v1", "20.0.0.8", pa(8), mac(8)),
        mapping("v1", "20.0.1.7", pa(7), mac(7), **both),
        mapping("v1", "20.0.1.8", pa(8, True), mac(8)),
        route("20.0.0.0/24", "vnet", vnet="v1", underlay="ipv6"),
        route("20.0.1.0/24", "vnet", vnet="v1", underlay="ipv4")))
    goes(ca(7), 7)              # IPv4 first
    goes(ca(8), 8, u6=True)     # the one present
    goes("20.0.0.7", 7, u6=True)
    drops("20.0.0.8", "no_mapping")
    goes("20.0.1.7", 7)
    drops("20.0.1.8", "no_mapping")


@case("mapping: many, replaced, removed")
def many():
    rows = [mapping("v1", f"20.{i >> 8}.{i & 255}.1", pa(i % 200 + 1), mac(7),
                    vni=1000 + i) for i in range(2000)]
    rows.append(route("20.0.0.0/8", "vnet", vnet="v1"))
    net.load(base(rows))
    for i in (0, 1, 255, 256, 999, 1999):
        goes(f"20.{i >> 8}.{i & 255}.1", 7, dst=pa(i % 200 + 1), vni=1000 + i)
    net.load([mapping("v1", "20.0.5.1", pa(9), mac(9)),
              delete("VNET_MAPPING", "v1", "20.0.6.1")], "--ignore-unknown")
    goes("20.0.5.1", 9)
    drops("20.0.6.1", "no_mapping")
    goes("20.0.7.1", 7, dst=pa(8), vni=1007)


@case("the fake MAC as destination is not needed")
def any_dmac():
    """SPEC: the destination MAC that a VM uses does not matter."""
    net.load(base())
    for dmac in (FAKE_MAC, mac(77), mac(1)):
        f = vm_frame(2, udp(net.sport(), 53))
        f = patch(f, 0, bytes.fromhex(dmac.replace(":", "")))
        net.forwards(from_vm(f), to_peer(2, f))


main(net)
