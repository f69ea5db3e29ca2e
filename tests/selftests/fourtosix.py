#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Service tunnel and private link: IPv4 of VMs that is IPv6 outside. SPEC 3 and
8.16, HLD 3.6.2 and 3.6.3."""

import json
import os
import subprocess
from ipaddress import IPv4Address, IPv6Address

from scapy.layers.inet import IPOption_LSRR, IPOption_NOP, fragment
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoReply,
                                ICMPv6EchoRequest, ICMPv6PacketTooBig,
                                ICMPv6ParamProblem, ICMPv6TimeExceeded,
                                IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                                IPv6ExtHdrRouting, fragment6)
from scapy.layers.sctp import SCTP

from dashtest import (FAKE_MAC, MTU, VIP, VNI, Net, base, ca, case, cases,
                      check, delete, equal, mac, main, mapping, pa, route_rule,
                      row, vip)
from frames import (DATA, ICMP, IP, TCP, UDP, Ether, IPv6, Raw, echo, from_vm,
                    inner, is6, nvgre, patch, peer_frame, sent, sent_nvgre,
                    tcp, to_peer, to_vm, udp, vm_frame, vxlan, with_dmac)

net = Net(quick=True)

ST = "50.1.2.0/24"
SERVICE = "50.1.2.1"
SIP = "fd00:108:0:d204:0:200::/96"
DIP = "2603:10e1:100:2::/96"
WHOLE = "2603:10e1:100:2::3401:203"
PL = "10.0.0.8"
ENCODING = "::cb3a:16e5:ff71:0:0/::ffff:ffff:ffff:0:0"


def st(prefix=ST, **fields):
    fields = {"overlay_sip_prefix": SIP, "overlay_dip_prefix": DIP,
              "underlay_dip": pa(80), **fields}
    return row("ROUTE", "rg", prefix, routing_type="servicetunnel",
               **{k: v for k, v in fields.items() if v is not None})


def pl(ca_=PL, **fields):
    fields = {"overlay_sip_prefix": "fd41:108:20:d204::/96",
              "overlay_dip_prefix": WHOLE + "/128", "underlay_ip": pa(80),
              "mac_address": mac(8), **fields}
    return row("VNET_MAPPING", "v1", ca_, routing_type="privatelink",
               **{k: v for k, v in fields.items() if v is not None})


def types(encap="nvgre", vni=None):
    """Rows of both routing types."""
    step = {"name": "b", "action_type": "staticencap", "encap_type": encap}
    if vni is not None:
        step["vni"] = vni
    return [{f"DASH_ROUTING_TYPE_TABLE:{t}":
             [{"name": "a", "action_type": "4to6"}, step], "OP": "SET"}
            for t in ("servicetunnel", "privatelink")]


def overlay(prefix, v4):
    """The IPv4 address as the end of the prefix."""
    addr = int(IPv6Address(prefix.split("/")[0]))
    return str(IPv6Address(addr >> 32 << 32 | int(IPv4Address(v4))))


SRC6 = overlay(SIP, ca(1))
DST6 = overlay(DIP, SERVICE)
PL_SRC6 = overlay("fd41:108:20:d204::", ca(1))


# -- what is expected, by scapy -----------------------------------------------

def l4_of(p, to6):
    """The transport layer in the other family, its checksum left out."""
    if ICMP in p and to6:
        kind = {8: ICMPv6EchoRequest, 0: ICMPv6EchoReply}[p[ICMP].type]
        return kind(id=p[ICMP].id, seq=p[ICMP].seq,
                    data=bytes(p[ICMP].payload))
    for layer, v4 in ((ICMPv6EchoRequest, 8), (ICMPv6EchoReply, 0)):
        if layer in p:
            return (ICMP(type=v4, id=p[layer].id, seq=p[layer].seq) /
                    Raw(p[layer].data))
    l4 = p.payload.copy()
    while isinstance(l4, (IPv6ExtHdrDestOpt, IPv6ExtHdrRouting)):
        l4 = l4.payload
    if isinstance(l4, (TCP, UDP)):
        l4.chksum = None
    return l4


def six(frame, src=SRC6, dst=DST6, l4=None):
    """An inner IPv4 frame as IPv6."""
    p = IP(frame[14:])
    out = IPv6(src=src, dst=dst, tc=p.tos, hlim=p.ttl)
    if isinstance(l4 or p.payload, Raw) or not isinstance(
            l4 or l4_of(p, True), (TCP, UDP, Raw)) and p.proto != 1:
        out.nh = p.proto
    return bytes(Ether(src=frame[6:12], dst=frame[:6]) / out /
                 (l4 or l4_of(p, True)))


def four(frame, src=SERVICE, dst=None, l4=None):
    """An inner IPv6 frame as IPv4."""
    p = IPv6(frame[14:])
    out = IP(src=src, dst=dst or ca(1), tos=p.tc, ttl=p.hlim, id=0,
             flags="DF" if p.plen > 1240 else 0)
    if isinstance(l4 or p.payload, Raw):
        out.proto = p.nh
    return bytes(Ether(src=frame[6:12], dst=frame[:6]) / out /
                 (l4 or l4_of(p, False)))


def to_service(f, vni=VNI, src=None, dst=None, encap="nvgre", tos=0):
    """The inner frame f as the appliance sends it."""
    dst = dst or pa(80)
    src = src or vip(is6(dst))
    wrap = sent if encap == "vxlan" else sent_nvgre
    return wrap(f, vni, src, dst, tos=tos)


def from_service(f, vni=VNI, src=None, encap="nvgre", **kw):
    """The inner frame f as the service's host sends it."""
    src = src or pa(80)
    wrap = vxlan if encap == "vxlan" else nvgre
    return wrap(f, vni, src, vip(is6(src)), **kw)


def vm(l4, dst=SERVICE, **kw):
    return inner(kw.pop("src", ca(1)), dst, l4, mac(1), **kw)


def answer(l4, src=DST6, dst=SRC6, **kw):
    """Inner frame of the service, to the ENI's MAC."""
    return inner(src, dst, l4, mac(80), mac(1), **kw)


def there(f=None, want=None, **kw):
    """A packet of the VM leaves translated."""
    f = f or vm(udp(net.sport(), 53))
    net.forwards(from_vm(f), to_service(want or six(f), **kw))
    return f


def back(f, want=None, tos=0, **kw):
    """A packet of the service comes to the VM translated."""
    net.forwards(from_service(f, **kw), to_vm(want or four(f), tos=tos))
    return f


def load(*rows, **kw):
    # on a busy machine five seconds are soon over
    net.load(base(*(rows or (st(),)), app={"timeout_syn": 120}, **kw))


# -- where packets go, and as what --------------------------------------------

class Way:
    """A route or mapping with the addresses that it makes."""

    def __init__(self, rows, dst, src6, dst6, dmac=None, eni=None):
        self.rows, self.dst, self.src6, self.dst6 = rows, dst, src6, dst6
        self.dmac, self.eni = dmac, eni


MASKED = int(IPv6Address("fd41:108:20:d204::"))
VALUE, MASK = (int(IPv6Address(a)) for a in ENCODING.split("/"))
ENCODED = overlay(str(IPv6Address(MASKED & ~MASK | VALUE)), ca(1))

WAYS = {
    "service tunnel": Way([st()], SERVICE, SRC6, DST6),
    "service tunnel, prefixes as addresses": Way(
        [st(overlay_sip_prefix=SIP[:-3], overlay_dip_prefix=DIP[:-3])],
        SERVICE, SRC6, DST6),
    "service tunnel to a full address": Way(
        [st(overlay_dip_prefix=WHOLE + "/128", mac_address=mac(7))], SERVICE,
        SRC6, WHOLE, mac(7)),
    "service tunnel, shorter prefixes": Way(
        [st(overlay_sip_prefix="fd00:108::/32",
            overlay_dip_prefix="2603:10e1::/64")], SERVICE,
        overlay("fd00:108::", ca(1)), overlay("2603:10e1::", SERVICE)),
    "private link": Way([pl()], PL, PL_SRC6, WHOLE, mac(8)),
    "private link to a prefix": Way(
        [pl(overlay_dip_prefix=DIP, mac_address=None)], PL, PL_SRC6,
        overlay(DIP, PL)),
    "private link to an address that ends in zeros": Way(
        [pl(overlay_dip_prefix="2603:10e1::")], PL, PL_SRC6, "2603:10e1::",
        mac(8)),
    "private link, pl_sip_encoding": Way(
        [pl()], PL, ENCODED, WHOLE, mac(8), {"pl_sip_encoding": ENCODING}),
    "private link, pl_sip_encoding in hexadecimal": Way(
        [pl()], PL, overlay("fd41:108:20:d204:a0b:c0d::", ca(1)), WHOLE,
        mac(8), {"pl_sip_encoding": "0x00000000000000000a0b0c0d/"
                                    "0x0000000000000000ffffffff"}),
    "private link, use_pl_sip_eni": Way(
        [pl(use_pl_sip_eni=True, overlay_sip_prefix=None)], PL,
        overlay("::cb3a:16e5:ff71:0:0", ca(1)), WHOLE, mac(8),
        {"pl_sip_encoding": ENCODING}),
}
KINDS = {"UDP": (lambda s: udp(s, 53), lambda s: udp(53, s, b"odd")),
         "TCP": (lambda s: tcp(s, 80),
                 lambda s: tcp(80, s, "SA", seq=7, ack=1001)),
         "ICMP": (echo, lambda s: echo(s, True, reply=True))}


@cases({f"{name}, {encap}": (way, encap) for name, way in WAYS.items()
        for encap in ("nvgre", "vxlan")},
       stock=("service tunnel, nvgre", "service tunnel, vxlan",
              "private link, pl_sip_encoding, nvgre"))
def ways(way, encap):
    load(*way.rows, types(encap, 700), eni=way.eni)
    for name, (l4, reply) in KINDS.items():
        sport = net.sport()
        f = vm(l4(sport), way.dst)
        want = six(f, way.src6, way.dst6)
        if way.dmac:
            want = with_dmac(want, way.dmac)
        for _ in range(2):
            there(f, want, vni=700, encap=encap)
        r = answer(reply(sport), way.dst6, way.src6)
        for _ in range(2):
            back(r, four(r, way.dst), vni=700, encap=encap)
        flow, = [x for x in net.flows("proto", name.lower())
                 if x["sport"] == sport]
        equal((flow["src"], flow["dst"]), (ca(1), way.dst), "flow")
        equal((flow["forward"]["packets"], flow["reverse"]["packets"]), (2, 2),
              "packets")
        equal((flow["forward"]["overlay_src"], flow["forward"]["overlay_dst"],
               flow["reverse"]["overlay_src"], flow["reverse"]["overlay_dst"]),
              (way.src6, way.dst6, way.dst, ca(1)), "overlay addresses")
        equal(flow["forward"]["encap"], encap, "encapsulation")
    net.check_sums()


@case("the HLD's example of a service tunnel", stock=True)
def hld():
    load(st("50.1.2.0/24", underlay_sip="40.1.2.1", underlay_dip=None),
         st("60.1.2.1/32", underlay_sip="30.1.2.1", underlay_dip="25.1.2.1"),
         st("70.1.2.0/24", underlay_sip="34.1.2.1", underlay_dip=None,
            overlay_dip_prefix="2603:10e1:100:2::4601:203/128"),
         types("nvgre", 100))
    for dst, dst6, src, outer in (
            ("50.1.2.1", "2603:10e1:100:2::3201:201", "40.1.2.1", "50.1.2.1"),
            ("60.1.2.1", "2603:10e1:100:2::3c01:201", "30.1.2.1", "25.1.2.1"),
            ("70.1.2.1", "2603:10e1:100:2::4601:203", "34.1.2.1", "70.1.2.1")):
        f = vm(udp(net.sport(), 443), dst, src="10.1.1.1")
        there(f, six(f, "fd00:108:0:d204:0:200:a01:101", dst6), vni=100,
              src=src, dst=outer)


@case("a path over IPv6", stock=True)
def underlay6():
    load(st(underlay_dip=pa(80, True)),
         pl(underlay_ip=pa(80, True)))
    f = there(dst=pa(80, True))
    back(answer(udp(53, net.next_port)), src=pa(80, True))
    f = vm(udp(net.sport(), 53), PL)
    there(f, with_dmac(six(f, PL_SRC6, WHOLE), mac(8)), dst=pa(80, True))


@case("the outer source: route, ENI, VIP")
def source():
    rows = (st(), st("50.1.3.0/24", underlay_sip=pa(60)), pl(),
            row("ROUTE", "rg", "10.0.1.0/24", routing_type="vnet", vnet="v1",
                underlay_sip=pa(61)), pl("10.0.1.8"),
            mapping("v1", "10.0.1.9", pa(80), mac(9)))
    load(*rows)
    f = there()
    f = vm(udp(net.sport(), 53), "50.1.3.1")
    there(f, six(f, dst=overlay(DIP, "50.1.3.1")), src=pa(60))
    for eni, other in (({}, VIP), ({"encap_sip": pa(55)}, pa(55)),
                       ({"encap_sip": pa(55), "pl_underlay_sip": pa(56)},
                        pa(56)),
                       ({"pl_underlay_sip": pa(56, True)}, VIP)):
        load(*rows, eni=eni)
        f = vm(udp(net.sport(), 53), PL)
        there(f, with_dmac(six(f, PL_SRC6, WHOLE), mac(8)), src=other)
        # the route's goes before it, for private links only
        f = vm(udp(net.sport(), 53), "10.0.1.8")
        there(f, with_dmac(six(f, PL_SRC6, WHOLE), mac(8)), src=pa(61))
        f = vm(udp(net.sport(), 53), "10.0.1.9")
        net.forwards(from_vm(f), to_peer(80, with_dmac(f, mac(9)), dmac=False,
                                         src=eni.get("encap_sip", VIP)))


@case("the VNI: mapping or route, routing type, VNET")
def vni():
    rows = (row("VNET", "v2", vni=222),
            row("ROUTE", "rg", "30.0.0.0/24", routing_type="vnet", vnet="v2"))

    def leaves(dst, dst6, vni, dmac=None, src6=SRC6):
        f = vm(udp(net.sport(), 53), dst)
        want = six(f, src6, dst6)
        there(f, with_dmac(want, dmac) if dmac else want, vni=vni)
    for typed in (None, 700):
        load(*rows, st(), st("50.1.3.0/24", vni=55), pl(), pl("10.0.0.9", vni=66),
             row("VNET_MAPPING", "v2", "30.0.0.8", routing_type="privatelink",
                 underlay_ip=pa(80), overlay_sip_prefix="fd41:108:20:d204::/96",
                 overlay_dip_prefix=WHOLE, use_dst_vni=True),
             types("nvgre", typed))
        leaves(SERVICE, DST6, typed or VNI)
        leaves("50.1.3.1", overlay(DIP, "50.1.3.1"), 55)
        leaves(PL, WHOLE, typed or VNI, mac(8), PL_SRC6)
        leaves("10.0.0.9", WHOLE, 66, mac(8), PL_SRC6)
        leaves("30.0.0.8", WHOLE, typed or 222, None, PL_SRC6)


# -- packets ------------------------------------------------------------------

@case("TTL and TOS are taken over, in both directions")
def ttl():
    load()
    sport = net.sport()
    for n, tos in ((1, 0), (64, 0xb8), (255, 0xff)):
        f = vm(udp(sport, 53), ttl=n, tos=tos)
        there(f)
        back(answer(udp(53, sport), ttl=n, tos=tos))
    # what is outside goes its own way
    f = vm(udp(sport, 53), tos=4)
    net.forwards(from_vm(f, ip_kw={"tos": 0x28}), to_service(six(f), tos=0x28))


@case("a wrong checksum stays wrong, by as much", stock=True)
def wrong():
    load()
    sport = net.sport()
    for l4 in (udp(sport, 53), tcp(sport, 80), echo(sport)):
        f = vm(l4)
        at = {17: 40, 6: 50, 1: 36}[f[23]]
        bad = patch(f, at, bytes([f[at], (f[at + 1] + 1) & 255]))
        good = six(f)
        out, = net.send(from_vm(bad))
        got = out[42:]
        at6 = at + 20
        equal(got[:at6] + got[at6 + 2:], good[:at6] + good[at6 + 2:], "rest")
        wrong_by = (int.from_bytes(bad[at:at + 2], "big") -
                    int.from_bytes(f[at:at + 2], "big")) % 0xffff
        equal((int.from_bytes(got[at6:at6 + 2], "big") -
               int.from_bytes(good[at6:at6 + 2], "big")) % 0xffff, wrong_by,
              "error")


@case("UDP without a checksum gets one, and loses none on the way back")
def udp_zero():
    load()
    for size in (0, 1, 17, 1000):
        sport = net.sport()
        f = vm(UDP(sport=sport, dport=53, chksum=0) / Raw(b"x" * size))
        want = six(f)
        check(want[60:62] != b"\0\0", "scapy made no checksum")
        there(f, want)
        r = answer(UDP(sport=53, dport=sport, chksum=0) / Raw(b"y" * size))
        want = four(r, l4=UDP(sport=53, dport=sport, chksum=0) /
                    Raw(b"y" * size))
        back(r, want)


@case("a UDP checksum that comes to zero is sent as ffff")
def udp_ffff():
    load()
    sport = net.sport()
    probe = six(vm(UDP(sport=sport, dport=53) / Raw(b"\0\0")))
    data = IPv6(probe[14:])[UDP].chksum.to_bytes(2, "big")
    f = vm(UDP(sport=sport, dport=53) / Raw(data))
    out, = net.send(from_vm(f))
    equal(out[42 + 60:42 + 62].hex(), "ffff", "checksum")


@case("other protocols: SCTP and what is not known as they are")
def others():
    load()
    f = vm(SCTP(sport=4000, dport=5000) / Raw(b"data"))
    there(f, six(f, l4=Raw(f[34:])))
    f = vm(b"whatever", proto=99)
    there(f)
    back(answer(b"answer", nh=99))
    # ESP is
    f = vm(b"\0\0\0\1\0\0\0\2" + bytes(32), proto=50)
    there(f)


@cases({"ICMP timestamp": (ICMP(type=13, id=7, seq=1), {}),
        "IGMP": (b"\x16\0\xff\xff\1\2\3\4", {"proto": 2}),
        "an authentication header": (bytes(24), {"proto": 51}),
        "ICMPv6 in IPv4": (bytes(8), {"proto": 58}),
        "what would be an extension header": (bytes(8), {"proto": 60})})
def untranslatable(l4, kw):
    """No connection begins."""
    load()
    net.drop(from_vm(vm(l4, **kw)), "untranslatable", "eni1")
    equal(net.flows(), [], "connections")
    net.check_sums()


@case("IPv6 to a private link by another route's overlay_ip")
def by_overlay_ip():
    load(pl(), row("ROUTE", "rg", "2001:db8::/32", routing_type="vnet_direct",
                   vnet="v1", overlay_ip=PL))
    net.drop(from_vm(inner(ca(1, True), "2001:db8::9", udp(1, 2), mac(1))),
             "untranslatable", "eni1")


@case("IPv4 options are left out, but a source route is refused")
def options():
    load()
    f = vm(udp(net.sport(), 53), options=[IPOption_NOP()] * 4)
    there(f, six(vm(udp(net.next_port, 53))))
    f = vm(udp(net.sport(), 53), options=[IPOption_LSRR(
        routers=["9.9.9.9"])])
    net.drop(from_vm(f), "untranslatable", "eni1")
    # that has nowhere left to go; scapy takes its end for the destination
    done = IPOption_LSRR(routers=["9.9.9.9"], pointer=8)
    plain = vm(udp(net.sport(), 53))
    f = vm(UDP(sport=net.next_port, dport=53, chksum=IP(plain[14:])[UDP].chksum)
           / Raw(DATA), options=[done])
    there(f, six(plain))


@case("IPv6 extension headers are left out, but a route is refused")
def extensions():
    load()
    sport = net.sport()
    there(vm(udp(sport, 53)))
    l4 = udp(53, sport)
    ext = IPv6ExtHdrDestOpt()
    back(answer(ext / l4), four(answer(l4)))
    back(answer(IPv6ExtHdrRouting(addresses=["fd00::9"], segleft=0) / l4),
         four(answer(l4)))
    net.drop(from_service(answer(IPv6ExtHdrRouting(
        addresses=["fd00::9"], segleft=1) / l4)), "untranslatable", "eni1")
    # an atomic fragment is none
    r = answer(IPv6ExtHdrFragment(id=0x12345678, offset=0, m=0) / l4)
    want = bytearray(four(answer(l4)))
    p = IP(bytes(want[14:]))
    p.id, p.flags, p.chksum = 0x5678, 0, None
    back(r, bytes(want[:14]) + bytes(p))


def frag6(frame, size):
    """Of an inner IPv6 frame: its fragments, in frames."""
    p = IPv6(frame[14:])
    p = IPv6(src=p.src, dst=p.dst, hlim=p.hlim) / IPv6ExtHdrFragment(
        id=0xabcd1234) / p.payload
    return [frame[:14] + bytes(x) for x in fragment6(p, size)]


@cases({"fragments, UDP": "udp", "fragments, TCP": "tcp"}, stock=True)
def fragments(kind):
    load()
    sport = net.sport()
    data = bytes(range(256)) * 12
    l4 = udp(sport, 53, data) if kind == "udp" else tcp(sport, 80, data=data)
    f = vm(l4)
    whole = six(f)[54:]
    parts = [bytes(Ether(f[:14])) [:14] + bytes(x) for x in
             fragment(IP(f[14:]), 1000)]
    out = net.send(*[from_vm(p) for p in parts])
    equal(len(out), len(parts), f"fragments; drops {dict(net.drops())}")
    got = b""
    for n, o in enumerate(out):
        p = IPv6(o[42 + 14:])
        equal((p.src, p.dst, p.nh, p.hlim), (SRC6, DST6, 44, 61), "header")
        fh = p[IPv6ExtHdrFragment]
        equal((fh.id, fh.offset * 8, fh.m, fh.nh),
              (0x1234, len(got), int(n < len(out) - 1),
               17 if kind == "udp" else 6), "fragment header")
        got += bytes(o[42 + 14 + 48:])
        equal(p.plen, len(o) - 42 - 14 - 40, "length")
    equal(got.hex(), whole.hex(), "datagram")
    # and back
    l4 = udp(53, sport, data) if kind == "udp" else \
        tcp(80, sport, "SA", data=data)
    r = answer(l4)
    whole = four(r)[34:]
    out = net.send(*[from_service(x) for x in frag6(r, 1000)])
    got = b""
    for n, o in enumerate(out):
        p = IP(o[50 + 14:])
        equal((p.src, p.dst, p.id, p.frag * 8, int(p.flags)),
              (SERVICE, ca(1), 0x1234, len(got), int(n < len(out) - 1)),
              "header")
        got += bytes(o[50 + 34:])
        equal(p.len, len(o) - 64, "length")
    equal(got.hex(), whole.hex(), "datagram back")
    flow, = net.flows("sport", str(sport))
    equal(flow["reverse"]["packets"], len(out), "packets")


@case("fragments that have no form in IPv6")
def bad_fragments():
    load()
    for l4 in (UDP(sport=net.sport(), dport=53, chksum=0) / Raw(bytes(2000)),
               echo(net.sport(), data=bytes(2000))):
        f = vm(l4)
        parts = [f[:14] + bytes(x) for x in fragment(IP(f[14:]), 1000)]
        net.drop(from_vm(parts[0]), "untranslatable", "eni1")
    # one that follows nothing
    r = frag6(answer(udp(53, 1, bytes(2000))), 1000)
    there()
    net.drop(from_service(r[1]), "frag_no_parent", "eni1")


# -- answers ------------------------------------------------------------------

@case("answers come from where the connection goes", stock=True)
def reply_pa():
    load()
    there()
    r = answer(udp(53, net.next_port))
    net.drop(from_service(r, src=pa(81)), "pa_invalid", "eni1")
    back(r)
    # a PA of the VNET
    back(r, src=pa(2))
    load(eni={"check_reply_pa": False})
    there()
    back(answer(udp(53, net.next_port)), src=pa(81))
    # by any encapsulation, VNI
    r = answer(udp(53, net.next_port))
    back(r, vni=4711, encap="vxlan")


@case("nothing but answers: the rest has no way in", stock=True)
def no_way_in():
    load()
    there()
    for r in (answer(udp(54, net.next_port)), answer(udp(53, 9)),
              answer(tcp(53, net.next_port)),
              answer(udp(53, net.next_port), dst=overlay(SIP, ca(2))),
              answer(udp(53, net.next_port), src=WHOLE)):
        net.drop(from_service(r), "no_route_rule", "eni1")
    # as IPv4, that is another matter: it is the connection's
    back(answer(udp(53, net.next_port)))


@case("an answer to what is over begins nothing, whatever rules allow")
def over():
    load(st(), route_rule("eni1", VNI, "0.0.0.0/0", 1, vnet="v1",
                          pa_validation=False))
    sport = net.sport()
    there(vm(tcp(sport, 80)))
    back(answer(tcp(80, sport, "SA", seq=7, ack=1001)))
    there(vm(tcp(sport, 80, "R", seq=1001)))
    equal(net.flows()[0]["state"], "closed", "state")
    net.drop(from_service(answer(tcp(80, sport))), "no_nat_flow", "eni1")
    equal(net.flows(), [], "connections")


@case("IPv6 of the VM is not disturbed")
def dual():
    load()
    f = vm_frame(2, udp(net.sport(), 53), True)
    there()
    net.forwards(from_vm(f), to_peer(2, f))
    r = peer_frame(2, udp(53, IPv6(f[14:])[UDP].sport), True)
    net.forwards(vxlan(r, VNI, pa(2), VIP), to_vm(r))
    # in fragments
    parts = frag6(peer_frame(2, udp(53, IPv6(f[14:])[UDP].sport,
                                    bytes(2000)), True), 1000)
    net.forwards([vxlan(p, VNI, pa(2), VIP) for p in parts],
                 [to_vm(p) for p in parts])


@case("two mappings of one service: their connections do not meet", stock=True)
def collision():
    load(pl(), pl("10.0.0.9"))
    sport = net.sport()
    f = vm(udp(sport, 53), PL)
    there(f, with_dmac(six(f, PL_SRC6, WHOLE), mac(8)))
    g = vm(udp(sport, 53), "10.0.0.9")
    net.drop(from_vm(g), "nat_exhausted", "eni1")
    words = ("explain", "eni", "eni1", "outbound", "src", ca(1), "dst",
             "10.0.0.9", "proto", "udp", "sport", str(sport), "dport", "53")
    equal(net.json(*words)["reason"], "nat_exhausted", "explain")
    net.dashctl("flow", "flush")
    there(g, with_dmac(six(g, PL_SRC6, WHOLE), mac(8)))
    r = answer(udp(53, sport), WHOLE, PL_SRC6)
    back(r, four(r, "10.0.0.9"))


@case("many at once", stock=True)
def many():
    load()
    frames = [vm(udp(net.sport(), 53)) for _ in range(60)]
    net.forwards([from_vm(f) for f in frames],
                 [to_service(six(f)) for f in frames])
    replies = [answer(udp(53, IP(f[14:])[UDP].sport)) for f in frames]
    net.forwards([from_service(r) for r in replies],
                 [to_vm(four(r)) for r in replies])
    net.check_sums()


# -- ICMP errors --------------------------------------------------------------

def quote6(l4, n=None):
    """What the service got of the VM's packet, as an error quotes it."""
    return six(vm(l4))[14:][:n]


ERRORS6 = {
    "no route": (ICMPv6DestUnreach(code=0), ICMP(type=3, code=1)),
    "forbidden": (ICMPv6DestUnreach(code=1), ICMP(type=3, code=10)),
    "unreachable": (ICMPv6DestUnreach(code=3), ICMP(type=3, code=1)),
    "port": (ICMPv6DestUnreach(code=4), ICMP(type=3, code=3)),
    "too big": (ICMPv6PacketTooBig(mtu=1400),
                ICMP(type=3, code=4, nexthopmtu=1380)),
    "time": (ICMPv6TimeExceeded(code=0), ICMP(type=11, code=0)),
    "field": (ICMPv6ParamProblem(code=0, ptr=7), ICMP(type=12, ptr=8)),
    "protocol": (ICMPv6ParamProblem(code=1, ptr=6), ICMP(type=3, code=2)),
}


@cases({f"an ICMPv6 error, {k}": v for k, v in ERRORS6.items()},
       stock=("an ICMPv6 error, port", "an ICMPv6 error, too big"))
def error_in(six_, four_):
    load()
    for l4 in (udp(net.sport(), 53), tcp(net.sport(), 80), echo(net.sport())):
        f = there(vm(l4, id=0, flags=0))
        for size in (None, 48):
            quote = six(f)[14:][:size]
            e = answer(six_ / Raw(quote), src="fd00:99::1")
            want = four(e, l4=four_ / Raw(f[14:][:size and size - 20]))
            back(e, want)
    equal({x["reverse"]["packets"] for x in net.flows()}, {0}, "packets")


@case("ICMPv6 errors about nothing of ours, or that IPv4 has not", stock=True)
def error_in_bad():
    load()
    f = there(vm(udp(net.sport(), 53), id=0, flags=0))
    good = six(f)[14:]
    for n, quote in enumerate((six(vm(udp(9, 9)))[14:],
                               six(f, src=overlay(SIP, ca(2)))[14:],
                               six(f, dst=WHOLE)[14:])):
        e = answer(ICMPv6DestUnreach(code=4) / Raw(quote))
        net.drop(from_service(e), "icmp_no_flow", "eni1")
        check(n < 3, "cases")
    for odd in (ICMPv6DestUnreach(code=6), ICMPv6ParamProblem(code=2, ptr=6),
                ICMPv6ParamProblem(code=0, ptr=2)):
        net.drop(from_service(answer(odd / Raw(good))), "untranslatable",
                 "eni1")


ERRORS4 = {
    "host": (ICMP(type=3, code=1), ICMPv6DestUnreach(code=0)),
    "protocol": (ICMP(type=3, code=2), ICMPv6ParamProblem(code=1, ptr=6)),
    "port": (ICMP(type=3, code=3), ICMPv6DestUnreach(code=4)),
    "too big": (ICMP(type=3, code=4, nexthopmtu=1400),
                ICMPv6PacketTooBig(mtu=1420)),
    "too big for IPv6": (ICMP(type=3, code=4, nexthopmtu=600),
                         ICMPv6PacketTooBig(mtu=1280)),
    "forbidden": (ICMP(type=3, code=13), ICMPv6DestUnreach(code=1)),
    "time": (ICMP(type=11, code=1), ICMPv6TimeExceeded(code=1)),
    "field": (ICMP(type=12, code=0, ptr=9), ICMPv6ParamProblem(code=0, ptr=6)),
}


@cases({f"the VM's ICMP error, {k}": v for k, v in ERRORS4.items()},
       stock=("the VM's ICMP error, port",))
def error_out(four_, six_):
    load()
    sport = net.sport()
    for l4, reply in ((udp(sport, 53), udp(53, sport)),
                      (tcp(sport, 80), tcp(80, sport, "SA", ack=1001))):
        there(vm(l4))
        r = back(answer(reply))
        for size in (None, 28):
            e = vm(four_ / Raw(four(r)[14:][:size]))
            want = six(e, l4=six_ / Raw(r[14:][:size and size + 20]))
            there(e, want)
    for odd in (ICMP(type=4), ICMP(type=5), ICMP(type=3, code=14),
                ICMP(type=12, code=1)):
        e = vm(odd / Raw(four(r)[14:]))
        net.drop(from_vm(e), "untranslatable", "eni1")


# -- MTU ----------------------------------------------------------------------

def ip_cmd(text):
    subprocess.run(["ip", "-n", net.app, "-batch", "-"], input=text, text=True,
                   check=True)


OVERHEAD = {"nvgre": 20 + 8 + 14 + 20, "vxlan": 20 + 8 + 8 + 14 + 20}


@cases({f"MTU, {k}": k for k in OVERHEAD}, stock=True)
def mtu(encap):
    """The VM is told what fits of IPv4, and that fits."""
    load(st(), types(encap, 700))
    ip_cmd("link set u0 mtu 1500")
    try:
        fits = 1500 - OVERHEAD[encap]
        sport = net.sport()

        def big(size, flags="DF"):
            return vm(udp(sport, 53, b"b" * (size - 28)), flags=flags)
        there(big(fits), vni=700, encap=encap)
        # larger than its MTU by one does not come in by a device
        before = net.eni_stats()
        out, = net.send(from_vm(big(fits + 1)))
        f = big(fits + 1)
        equal(out[50:64], bytes(Ether(src=FAKE_MAC, dst=mac(1), type=0x800)),
              "Ethernet header")
        got = IP(out[64:])
        equal((got[ICMP].type, got[ICMP].code, got[ICMP].nexthopmtu),
              (3, 4, fits), "error")
        inside = IP(bytes(got[ICMP].payload))
        equal((inside.src, inside.dst, inside.proto, inside.len),
              (ca(1), SERVICE, 17, fits + 1), "quote")
        equal(bytes(inside.payload)[:8], f[34:42], "ports quoted")
        equal((got.src, got.dst), (SERVICE, ca(1)), "addresses")
        del got[ICMP].chksum
        equal(bytes(IP(bytes(got)))[20:], out[84:], "checksum of the error")
        after = net.eni_stats()
        equal(after["outbound"]["drops"].get("too_big", 0) -
              before["outbound"]["drops"].get("too_big", 0), 1, "too_big")
        equal(after["inbound"]["generated_packets"] -
              before["inbound"]["generated_packets"], 1, "generated")
    finally:
        ip_cmd(f"link set u0 mtu {MTU}")


@case("MTU: an answer that does not fit the way to the VM")
def mtu_back():
    load(st(), eni={"underlay_ip": pa(1, True)})
    there()
    ip_cmd("link set u0 mtu 1400")
    try:
        # 1350 of IPv6 are 1330 of IPv4, and 1400 outside, over IPv6
        r = answer(udp(53, net.next_port, b"b" * 1302))
        out, = net.send(from_service(r))
        equal(len(out), 14 + 70 + 1330, "length")
        r = answer(udp(53, net.next_port, b"b" * 1303))
        out, = net.send(from_service(r))
        # by NVGRE, as the connection goes
        p = IPv6(out[42 + 14:])
        equal((p.src, p.dst), (SRC6, DST6), "addresses")
        equal(p[ICMPv6PacketTooBig].mtu, 1350, "MTU")
        inside = IPv6(bytes(p[ICMPv6PacketTooBig].payload))
        equal((inside.src, inside.dst, inside.nh, inside.plen),
              (DST6, SRC6, 17, 1311), "quote")
        del p[ICMPv6PacketTooBig].cksum
        equal(bytes(IPv6(bytes(p)))[40:], out[42 + 54:], "checksum")
    finally:
        ip_cmd(f"link set u0 mtu {MTU}")


# -- changes ------------------------------------------------------------------

def change(*rows):
    net.load(list(rows), "--ignore-unknown")


@case("another underlay address: the connection goes on there", stock=True)
def moves():
    load(st(), pl())
    f, g = vm(udp(net.sport(), 53)), vm(udp(net.sport(), 53), PL)
    there(f)
    there(g, with_dmac(six(g, PL_SRC6, WHOLE), mac(8)))
    change(st(underlay_dip=pa(90)), pl(underlay_ip=pa(90)))
    r = answer(udp(53, IP(f[14:])[UDP].sport))
    there(f, dst=pa(90))
    there(g, with_dmac(six(g, PL_SRC6, WHOLE), mac(8)), dst=pa(90))
    back(r, src=pa(90))
    change(types("vxlan", 9)[0], types("vxlan", 9)[1])
    there(f, dst=pa(90), vni=9, encap="vxlan")
    equal(len(net.flows()), 2, "connections")


@case("other overlay addresses: the connection is over", stock=True)
def renamed():
    load(st())
    f = there()
    change(st(overlay_dip_prefix=WHOLE))
    net.drop(from_vm(f), "no_nat_flow", "eni1")
    there(f, six(f, dst=WHOLE))
    # no more translation, and some again
    change(row("ROUTE", "rg", ST, routing_type="vnet_encap",
               underlay_ip=pa(80)))
    net.drop(from_vm(f), "no_nat_flow", "eni1")
    net.forwards(from_vm(f), to_peer(80, f, dmac=False))
    change(st())
    net.drop(from_vm(f), "no_nat_flow", "eni1")
    there(f)
    # of the ENI
    load(pl(), eni={"pl_sip_encoding": ENCODING})
    f = vm(udp(net.sport(), 53), PL)
    there(f, with_dmac(six(f, ENCODED, WHOLE), mac(8)))
    change(base()[2])
    net.drop(from_vm(f), "no_nat_flow", "eni1")
    there(f, with_dmac(six(f, PL_SRC6, WHOLE), mac(8)))


@case("keep: a connection stays what it was")
def keep():
    load(st())
    f = there()
    net.load([st(overlay_dip_prefix=WHOLE, underlay_dip=pa(90))],
             "--ignore-unknown", "--policy", "keep")
    there(f)
    back(answer(udp(53, net.next_port)))
    f = vm(udp(net.sport(), 53))
    there(f, six(f, dst=WHOLE), dst=pa(90))


@case("the ENI lacks the encoding that a mapping asks for")
def lacking():
    load(pl(use_pl_sip_eni=True))
    net.drop(from_vm(vm(udp(net.sport(), 53), PL)), "no_mapping", "eni1")


@case("connections are saved and loaded", stock=True)
def saved():
    load(st(), pl())
    f, g = vm(tcp(net.sport(), 80)), vm(echo(net.sport()), PL)
    there(f)
    there(g, with_dmac(six(g, PL_SRC6, WHOLE), mac(8)))
    back(answer(tcp(80, IP(f[14:])[TCP].sport, "SA", seq=7, ack=1001)))
    dashctl = [os.environ.get("DASHCTL", "dashctl"), "-n", net.app]
    data = subprocess.run([*dashctl, "save", "--flows"], check=True,
                          capture_output=True).stdout
    net.dashctl("flow", "flush")
    p = subprocess.run([*dashctl, "-j", "load", "--flows", "-"], input=data,
                       check=True, capture_output=True)
    equal(json.loads(p.stdout)["restored"], 2, "restored")
    flow, = net.flows("proto", "tcp")
    equal((flow["state"], flow["forward"]["overlay_src"]), ("syn_recv", SRC6),
          "flow")
    there(vm(tcp(IP(f[14:])[TCP].sport, 80, "A", seq=1001, ack=8)))
    back(answer(tcp(80, IP(f[14:])[TCP].sport, "A", seq=8, ack=1001)))
    r = answer(echo(IP(g[14:])[ICMP].id, True, reply=True), WHOLE, PL_SRC6)
    back(r, four(r, PL))


@case("a closed connection, aged ones, an ENI that goes: nothing stays")
def ends():
    def memory():
        return next(m["bytes"] for m in net.json("stats", "memory")["memory"]
                    if m["kind"] == "flow")
    load(st(), row("ROUTE", "rg", "50.1.3.0/24", routing_type="vnet_encap",
                   underlay_ip=pa(80)))
    net.flush()
    none = memory()
    net.send(from_vm(vm(udp(net.sport(), 53), "50.1.3.1")))
    plain = memory() - none
    net.flush()
    f = there()
    # a second name in addition
    check(64 < memory() - none - plain < 128, f"{none} {plain} {memory()}")
    net.flush()
    equal(memory(), none, "memory")
    # what came later is nobody's answer any more
    net.drop(from_service(answer(udp(53, net.next_port))), "no_route_rule",
             "eni1")
    there(f)
    change(delete("ENI", "eni1"))
    equal(net.flows(), [], "connections")


# -- seeing -------------------------------------------------------------------

@case("explain: both directions, before and with a connection", stock=True)
def explain():
    load(st(), pl(), types("nvgre", 700))
    for dst, src6, dst6, what in ((SERVICE, SRC6, DST6, "route"),
                                  (PL, PL_SRC6, WHOLE, "mapping")):
        sport = net.sport()
        words = ("explain", "eni", "eni1", "outbound", "src", ca(1), "dst",
                 dst, "proto", "udp", "sport", str(sport), "dport", "53")
        first = net.json(*words)
        p = first["packet"]
        equal((p["overlay_src"], p["overlay_dst"], p["encap"], p["vni"],
               p["outer_dst"]), (src6, dst6, "nvgre", 700, pa(80)), "packet")
        check(first[what]["overlay_sip_prefix"], f"{what}: {first[what]}")
        text = net.dashctl(*words).stdout
        check(f"overlay src {src6}, overlay dst {dst6}" in text and
              "overlay_dip_prefix" in text, text)
        f = vm(udp(sport, 53), dst)
        want = six(f, src6, dst6)
        there(f, with_dmac(want, mac(8)) if dst == PL else want, vni=700)
        again = net.json(*words)
        equal((again["packet"], again["flow"]), (p, "new"), "again")
        reply = net.json("explain", "eni", "eni1", "inbound", "src", dst6,
                         "dst", src6, "proto", "udp", "sport", "53", "dport",
                         str(sport), "pa", pa(80), "vni", "700")
        equal((reply["packet"]["overlay_src"], reply["packet"]["overlay_dst"],
               reply["packet"]["outer_dst"]), (dst, ca(1), pa(1)), "reply")
        equal((reply["src"], reply["dst"]), (dst, ca(1)), "in the VM's words")
        check(f"as {src6} > {dst6}" in net.dashctl("flow", "show").stdout,
              "flow show")
    equal(net.json("explain", "eni", "eni1", "outbound", "src", ca(1), "dst",
                   SERVICE, "proto", "51")["reason"], "untranslatable", "AH")


@case("monitor: the addresses outside come with the event")
def monitor():
    load(st())
    with subprocess.Popen([os.environ.get("DASHCTL", "dashctl"), "-n", net.app,
                           "-d", "-j", "monitor", "flows", "-c", "1"],
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as p:
        equal(p.stderr.readline(), b"# listening\n", "what it says first")
        there()
        event = json.loads(p.stdout.readline())
    equal((event["event"], event["src"], event["forward"]),
          ("new", ca(1), {"overlay_src": SRC6, "overlay_dst": DST6}), "event")


@case("metering: classes of route and mapping, bytes of the frames that came")
def meter():
    load(st(metering_class_or=0x60), row("ROUTE", "rg", "10.0.0.8/32",
                                         routing_type="vnet", vnet="v1",
                                         metering_class_or=0x60),
         pl(metering_class_or=0x06))
    f, g = vm(udp(net.sport(), 53)), vm(udp(net.sport(), 53), PL)
    there(f)
    there(g, with_dmac(six(g, PL_SRC6, WHOLE), mac(8)))
    r = back(answer(udp(53, IP(f[14:])[UDP].sport)))
    got = {}
    for item in net.json("meter", "class", "show"):
        name = next(k for k in item if k != "OP")
        got[int(name.rsplit(":", 1)[1])] = (item[name]["tx_counter"],
                                            item[name]["rx_counter"])
    equal(got, {0x60: (len(f), len(r)), 0x66: (len(g), 0)}, "counters")


# -- configuration ------------------------------------------------------------

BAD = {
    "no overlay_sip_prefix": (st(overlay_sip_prefix=None), "overlay_sip_prefix"),
    "no overlay_dip_prefix": (st(overlay_dip_prefix=None), "overlay_dip_prefix"),
    "overlay_sip_prefix of IPv4": (st(overlay_sip_prefix="10.0.0.0/8"),
                                   "overlay_sip_prefix"),
    "overlay_dip_prefix that leaves too little": (
        st(overlay_dip_prefix="2603::/112"), "overlay_dip_prefix"),
    "overlay_dip_prefix of a group": (st(overlay_dip_prefix="ff02::/96"),
                                      "overlay_dip_prefix"),
    "v4-mapped overlay_sip_prefix": (st(overlay_sip_prefix="::ffff:0:0/96"),
                                     "overlay_sip_prefix"),
    "an IPv6 prefix": (st("2001:db8::/32"), "IPv4 prefixes"),
    "underlay_sip of another family": (st(underlay_sip="fd00::1"),
                                       "underlay_sip"),
    "underlay_sip of another family than the packet": (
        st(underlay_sip="fd00::1", underlay_dip=None), "underlay_sip"),
    "underlay_dip of a vnet": (row("ROUTE", "rg", ST, routing_type="vnet",
                                   vnet="v1", underlay_dip=pa(80)),
                               "underlay_dip"),
    "underlay_sip of direct": (row("ROUTE", "rg", ST, routing_type="direct",
                                   underlay_sip=pa(80)), "underlay_sip"),
    "overlay_sip_prefix of a vnet": (
        row("ROUTE", "rg", ST, routing_type="vnet", vnet="v1",
            overlay_sip_prefix=SIP), "overlay_sip_prefix"),
    "privatelink without overlay_dip_prefix": (pl(overlay_dip_prefix=None),
                                               "overlay_dip_prefix"),
    "privatelink without overlay_sip_prefix": (pl(overlay_sip_prefix=None),
                                               "overlay_sip_prefix"),
    "privatelink without underlay_ip": (pl(underlay_ip=None), "underlay_ip"),
    "privatelink of an IPv6 address": (pl("fd00:10::8"), "routing_type"),
    "use_pl_sip_eni of vnet_encap": (mapping("v1", PL, pa(8), mac(8),
                                             use_pl_sip_eni=True),
                                     "use_pl_sip_eni"),
    "overlay_dip_prefix of vnet_encap": (mapping("v1", PL, pa(8), mac(8),
                                                 overlay_dip_prefix=DIP),
                                         "overlay_dip_prefix"),
    "pl_sip_encoding without a mask": (
        row("ENI", "eni1", mac_address=mac(1), pl_sip_encoding="::1"),
        "pl_sip_encoding"),
    "a type without 4to6": (
        {"DASH_ROUTING_TYPE_TABLE:privatelink":
         {"name": "b", "action_type": "staticencap"}, "OP": "SET"}, "4to6"),
    "a type without staticencap": (
        {"DASH_ROUTING_TYPE_TABLE:servicetunnel":
         {"name": "a", "action_type": "4to6"}, "OP": "SET"}, "staticencap"),
    "a type with another step": (
        {"DASH_ROUTING_TYPE_TABLE:servicetunnel":
         [{"name": "a", "action_type": "4to6"},
          {"name": "b", "action_type": "staticencap"},
          {"name": "c", "action_type": "decap"}], "OP": "SET"}, "staticencap"),
}


@cases({f"refused: {k}": v for k, v in BAD.items()})
def refused(bad, word):
    load()
    before = net.save()
    p = net.load([bad], "--ignore-unknown", ok=False)
    check(p.returncode, "accepted")
    name = next(k for k in bad if k != "OP")
    check(word in p.stderr and name in p.stderr, p.stderr)
    equal(net.save(), before, "configuration")


@case("save and load: a fixed point", stock=True)
def fixed_point():
    load(st(underlay_sip=pa(60), mac_address=mac(7), vni=55),
         st("50.1.3.0/24", overlay_dip_prefix=WHOLE, underlay_dip=None),
         row("ROUTE", "rg", "10.0.1.0/24", routing_type="vnet", vnet="v1",
             underlay_sip=pa(61)),
         pl(), pl("10.0.0.9", use_pl_sip_eni=True, overlay_sip_prefix=None),
         types("nvgre", 700),
         eni={"pl_sip_encoding": ENCODING, "pl_underlay_sip": pa(56)})
    first = net.save()
    text = json.dumps(first)
    for word in (SIP, DIP, WHOLE + "/128", ENCODING, '"use_pl_sip_eni": true',
                 '"pl_underlay_sip": "%s"' % pa(56), "servicetunnel",
                 "privatelink", '"underlay_sip": "%s"' % pa(61)):
        check(word in text, f"{word} is not saved: {text}")
    net.load(first, "--sync")
    equal(net.save(), first, "saved again")
    # and the same by single words
    net.dashctl("route", "add", "rg:50.9.0.0/24", "routing_type",
                "servicetunnel", "overlay_sip_prefix", SIP,
                "overlay_dip_prefix", DIP)
    check("50.9.0.0/24" in json.dumps(net.save()), "route add")


main()
