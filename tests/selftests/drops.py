#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What is not ours, what is malformed, and every other reason to drop a packet
before policy: SPEC 3 and 8 (3, 4, 11), each with its counter."""

from scapy.layers.inet import IPOption_NOP
from scapy.layers.inet6 import (IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                                IPv6ExtHdrHopByHop, IPv6ExtHdrRouting)
from scapy.layers.sctp import SCTP, SCTPChunkInit

from dashtest import (FAKE_MAC, VIP, Net, base, ca, case, cases, check,
                      equal, mac, main, pa, row)
from frames import (UDP, Dot1Q, Ether, Raw, be16, echo,
                    fix_ip, from_peer, from_vm, icmp_error, inner, ip, patch,
                    peer_frame, tcp, to_peer, udp, vm_frame)

net = Net(quick=True)

# Offsets in an outer frame without VLAN tags: IPv4, IPv6.
ETH = 14
UDP4, UDP6 = ETH + 20, ETH + 40
VX4, VX6 = UDP4 + 8, UDP6 + 8
IN4, IN6 = VX4 + 8, VX6 + 8         # inner Ethernet


def good(v6=False, u6=False, l4=None, **kw):
    """A packet that is forwarded, to be spoiled."""
    return from_vm(vm_frame(2, l4 or udp(net.sport(), 53), v6), u6, **kw)


def start():
    net.load(base())


def ip_len(frame, n):
    """frame with the total length of the outer IPv4 header set."""
    return fix_ip(patch(frame, ETH + 2, be16(n)))


# -- outer headers ------------------------------------------------------------

def short(frame, n):
    return frame[:n]


def outer_tcp(flags="S"):
    return bytes(Ether(src="02:00:5e:00:00:b0", dst="02:00:5e:00:00:a0") /
                 ip(pa(1), VIP) / tcp(1, 4789, flags))


# Left to the host stack, not counted as ours.
PASSED = {
    "another destination": lambda: good(dst="100.0.0.253"),
    "another destination, IPv6": lambda: good(u6=True, dst="fd00:100::fd"),
    "another UDP port": lambda: good(dport=4790),
    "source port 4789 only": lambda: good(dport=5000, sport=4789),
    "TCP to the VXLAN port": outer_tcp,
    "ICMP to a VIP": lambda: bytes(
        Ether(src="02:00:5e:00:00:b0", dst="02:00:5e:00:00:a0") /
        ip(pa(1), VIP) / echo(1)),
    "GRE that is no NVGRE": lambda: bytes(
        Ether(src="02:00:5e:00:00:b0", dst="02:00:5e:00:00:a0") /
        ip(pa(1), VIP, proto=47) / Raw(b"\0\0\x08\0" + bytes(28))),
    "a foreign Ethernet destination": lambda: good(dmac="02:00:5e:00:00:77"),
    "no IP at all": lambda: patch(good(), 12, b"\x88\xb5"),
}


@cases({f"not ours: {name}": build for name, build in PASSED.items()},
       stock=("not ours: another destination", "not ours: TCP to the VXLAN port"))
def not_ours(build):
    start()
    net.passes(build())


MALFORMED_OUTER = {
    "IPv4 total length beyond the frame":
        lambda: ip_len(good(), len(good()) - ETH + 1),
    "IPv4 total length ends in the UDP header": lambda: ip_len(good(), 24),
    "IPv4 total length ends in the VXLAN header": lambda: ip_len(good(), 30),
    "IPv4 total length below the header's": lambda: ip_len(good(), 19),
    "IPv4 header checksum": lambda: patch(good(), ETH + 10, b"\xba\xad"),
    "frame ends in the VXLAN header": lambda: short(good(), VX4 + 4),
    "frame ends in the inner headers": lambda: short(good(), IN4 + 20),
    "IPv6 payload length beyond the frame": lambda: patch(
        good(u6=True), ETH + 4, be16(len(good(u6=True)) - ETH - 40 + 1)),
    "IPv6 payload length ends in the VXLAN header":
        lambda: patch(good(u6=True), ETH + 4, be16(12)),
    "UDP length beyond the packet":
        lambda: patch(good(), UDP4 + 4, be16(len(good()) - UDP4 + 1)),
    "UDP length below its header": lambda: patch(good(), UDP4 + 4, be16(7)),
    "UDP length 0": lambda: patch(good(), UDP4 + 4, be16(0)),
    "UDP length ends in the VXLAN header":
        lambda: patch(good(), UDP4 + 4, be16(15)),
    "UDP length cuts the inner packet":
        lambda: patch(good(), UDP4 + 4, be16(8 + 8 + 14 + 19)),
    "UDP checksum wrong": lambda: good(csum=0x1234),
    "UDP checksum wrong, IPv6": lambda: good(u6=True, csum=0x1234),
    "VXLAN without the I flag": lambda: good(vx_flags=0),
}


@cases({f"malformed: {name}": build
        for name, build in MALFORMED_OUTER.items()},
       stock=("malformed: UDP checksum wrong",
              "malformed: UDP length beyond the packet",
              "malformed: VXLAN without the I flag"))
def malformed_outer(build):
    start()
    net.drop(build(), "malformed", "port")


@case("outer: broken IP versions and header lengths are never forwarded")
def broken_ip():
    """Whether such a packet still is one to a VIP is a matter of taste."""
    start()
    for first in (0x44, 0x40, 0x55, 0x05, 0x4f):
        frame = fix_ip(patch(good(), ETH, first)) if first & 15 >= 5 else \
            patch(good(), ETH, first)
        equal(net.send(frame), [], f"frames with first byte {first:#x}")
    equal(net.send(patch(good(u6=True), ETH, 0x40)), [], "IPv6 of version 4")


@case("outer: accepted variants", stock=True)
def accepted_outer():
    """IPv4 options, checksums that are right, surplus bytes, reserved bits."""
    start()

    def ok(name, build):
        inner_frame = vm_frame(2, udp(net.sport(), 53))
        try:
            net.forwards(build(inner_frame), to_peer(2, inner_frame))
        except Exception as e:
            raise type(e)(f"{name}: {e}") from None

    ok("UDP checksum right", lambda f: from_vm(f, csum=True))
    ok("IPv4 options", lambda f: from_vm(
        f, ip_kw={"options": [IPOption_NOP()] * 8}))
    ok("Ethernet padding", lambda f: from_vm(f) + bytes(23))
    ok("bytes after the UDP datagram", lambda f: fix_ip(patch(
        from_vm(f) + bytes(8), ETH + 2, be16(len(from_vm(f)) + 8 - ETH))))
    ok("VXLAN reserved bits", lambda f: patch(
        patch(from_vm(f), VX4 + 1, b"\xff\xff\xff"), VX4 + 7, 0xff))
    ok("any source port", lambda f: from_vm(f, sport=1))
    ok("TTL 1", lambda f: from_vm(f, ip_kw={"ttl": 1}))


@case("outer: accepted variants, IPv6")
def accepted_outer6():
    net.load(base(eni={"underlay_ip": pa(1, True)}))
    f = vm_frame(2, udp(net.sport(), 53))
    # A checksum of 0 is one that is not there, as RFC 6935 allows it.
    out = net.send(from_vm(f, True, csum=0))
    equal(len(out), 1, "frames with an IPv6 UDP checksum of 0")
    f = vm_frame(2, udp(net.sport(), 53))
    out = net.send(from_vm(f, True) + bytes(9))
    equal(len(out), 1, "frames with Ethernet padding")


@cases({"outer fragment: first": (1, 0), "outer fragment: middle": (1, 100),
        "outer fragment: last": (0, 100)}, stock=True)
def outer_fragment(more, offset):
    start()
    frame = good()
    frame = fix_ip(patch(frame, ETH + 6, be16(more << 13 | offset)))
    net.drop(frame, "frag_outer", "port")


@cases({"outer fragment, IPv6: first": (1, 0),
        "outer fragment, IPv6: last": (0, 100)})
def outer_fragment6(more, offset):
    start()
    frame = good(u6=True)
    frag = bytes(IPv6ExtHdrFragment(nh=17, m=more, offset=offset, id=7))
    frame = frame[:UDP6] + frag + frame[UDP6:]
    frame = patch(frame, ETH + 6, 44)
    frame = patch(frame, ETH + 4, be16(len(frame) - UDP6))
    net.drop(frame, "frag_outer", "port")


@cases({"outer VLAN tags: one": ([5],), "outer VLAN tags: two": ([6, 7],)},
       stock=True)
def vlan(tags):
    """Read over, and kept on the way back."""
    start()
    f = vm_frame(2, udp(net.sport(), 53))
    net.forwards(from_vm(f, vlan=tags), to_peer(2, f, vlan=tags))
    net.drop(patch(from_vm(f, vlan=tags), VX4 + 4 * len(tags), 0), "malformed",
             "port")


@case("outer VLAN tags: three are not forwarded")
def vlan3():
    start()
    frame = good(vlan=[6, 7])
    frame = frame[:12] + b"\x81\x00\x00\x08" + frame[12:]
    equal(net.send(frame), [], "frames")


# -- inner packets ------------------------------------------------------------

def l3(frame, off, new, u6=False):
    """frame with a byte or more of the inner IP header replaced."""
    return patch(frame, (IN6 if u6 else IN4) + 14 + off, new)


def raw(data, v6=False):
    """An outer frame around inner bytes that may be anything; the outer
    lengths fit."""
    del v6
    return from_vm(data)


def cut(l4, keep, v6=False):
    """An inner packet whose IP lengths are right, cut to keep bytes of its
    transport header."""
    n = keep + (54 if v6 else 34)
    frame = vm_frame(2, l4, v6)[:n]
    if v6:
        return raw(patch(frame, 14 + 4, be16(keep)))
    return raw(fix_ip(patch(frame, 14 + 2, be16(20 + keep))))


def ext(*headers):
    """An inner IPv6 packet with extension headers and UDP."""
    layer = headers[0]
    for h in headers[1:]:
        layer = layer / h
    return layer / udp(net.sport(), 53)


def doff(n, total=20):
    """A TCP segment with data offset n in a segment of total bytes."""
    frame = vm_frame(2, tcp(net.sport(), 80, data=bytes(max(0, total - 20))))
    return raw(patch(frame, 14 + 20 + 12, n << 4))


MALFORMED_INNER = {
    "nothing": lambda: raw(b""),
    "Ethernet cut": lambda: raw(vm_frame(2, udp(1, 2))[:13]),
    "Ethernet only": lambda: raw(vm_frame(2, udp(1, 2))[:14]),
    "ARP": lambda: raw(patch(vm_frame(2, udp(1, 2)), 12, b"\x08\x06")),
    "LLC": lambda: raw(patch(vm_frame(2, udp(1, 2)), 12, be16(40))),
    "unknown EtherType": lambda: raw(patch(vm_frame(2, udp(1, 2)), 12,
                                           b"\x88\xb5")),
    "VLAN tag": lambda: raw(bytes(
        Ether(src=mac(1), dst=FAKE_MAC) / Dot1Q(vlan=5) /
        ip(ca(1), ca(2)) / udp(1, 2))),
    "group source MAC": lambda: raw(patch(vm_frame(2, udp(1, 2)), 6,
                                          b"\x01\0\x5e\0\0\1")),
    "IPv4 header cut": lambda: raw(vm_frame(2, udp(1, 2))[:14 + 19]),
    "IPv4 version 6": lambda: l3(good(), 0, 0x65),
    "IPv4 IHL 4": lambda: l3(good(), 0, 0x44),
    "IPv4 IHL beyond the packet": lambda: l3(cut(udp(1, 2), 8), 0, 0x4f),
    "IPv4 total length beyond the packet": lambda: l3(good(), 2, be16(1000)),
    "IPv4 total length below the header's": lambda: l3(good(), 2, be16(19)),
    "IPv6 header cut": lambda: raw(vm_frame(2, udp(1, 2), True)[:14 + 39]),
    "IPv6 version 4": lambda: l3(good(v6=True), 0, 0x40),
    "IPv6 payload length beyond the packet":
        lambda: l3(good(v6=True), 4, be16(1000)),
    "IPv6 extension header cut": lambda: raw(patch(
        vm_frame(2, ext(IPv6ExtHdrHopByHop()), True)[:14 + 40 + 1],
        14 + 4, be16(1))),
    "IPv6 extension header beyond the packet": lambda: raw(patch(
        vm_frame(2, ext(IPv6ExtHdrDestOpt()), True), 14 + 40 + 1, 200)),
    "IPv6 with 9 extension headers": lambda: raw(vm_frame(
        2, ext(*[IPv6ExtHdrDestOpt() for _ in range(9)]), True)),
    "TCP header cut": lambda: cut(tcp(1, 2), 19),
    "TCP header missing": lambda: cut(tcp(1, 2), 0),
    "TCP data offset 4": lambda: doff(4),
    "TCP data offset 0": lambda: doff(0),
    "TCP data offset beyond the segment": lambda: doff(6),
    "TCP header cut, IPv6": lambda: cut(tcp(1, 2), 19, True),
    "UDP header cut": lambda: cut(udp(1, 2), 7),
    "UDP length below its header": lambda: l3(good(), 24, be16(7)),
    "UDP length beyond the packet": lambda: l3(good(), 24, be16(999)),
    "UDP header cut, IPv6": lambda: cut(udp(1, 2), 7, True),
    "ICMP header cut": lambda: cut(echo(1), 7),
    "ICMPv6 header cut": lambda: cut(echo(1, True), 7, True),
    "SCTP header cut": lambda: cut(SCTP(sport=1, dport=2) / SCTPChunkInit(),
                                   11),
}


@cases({f"malformed inner: {name}": build
        for name, build in MALFORMED_INNER.items()},
       stock=("malformed inner: VLAN tag", "malformed inner: ARP",
              "malformed inner: IPv4 IHL 4",
              "malformed inner: TCP data offset 4",
              "malformed inner: IPv6 extension header beyond the packet"))
def malformed_inner(build):
    start()
    net.drop(build(), "malformed", "port")


def vm6(*headers):
    return vm_frame(2, ext(*headers), True)


ACCEPTED_INNER = {
    "IPv4 options": lambda: vm_frame(2, udp(net.sport(), 53),
                                     options=[IPOption_NOP()] * 12),
    "IPv4 checksum wrong": lambda: patch(vm_frame(2, udp(net.sport(), 53)),
                                         14 + 10, b"\xba\xad"),
    "UDP checksum wrong": lambda: patch(vm_frame(2, udp(net.sport(), 53)),
                                        14 + 20 + 6, b"\xba\xad"),
    "TTL 0": lambda: vm_frame(2, udp(net.sport(), 53), ttl=0),
    "UDP without data": lambda: vm_frame(2, udp(net.sport(), 53, b"")),
    "IPv6 extension headers": lambda: vm6(
        IPv6ExtHdrHopByHop(), IPv6ExtHdrRouting(addresses=[]),
        IPv6ExtHdrDestOpt()),
    "IPv6 with 8 extension headers": lambda: vm6(
        *[IPv6ExtHdrDestOpt() for _ in range(8)]),
    "IPv6 atomic fragment": lambda: vm6(IPv6ExtHdrFragment(id=net.sport())),
    "IPv6 without next header": lambda: vm_frame(2, b"", True, nh=59),
    "SCTP": lambda: vm_frame(2, SCTP(sport=net.sport(), dport=5) /
                             SCTPChunkInit()),
    "ESP": lambda: vm_frame(2, bytes(40), proto=50),
    "protocol 255": lambda: vm_frame(3, b"x", proto=255),
    "TCP with options": lambda: vm_frame(2, tcp(
        net.sport(), 80, options=[("MSS", 1460), ("WScale", 7)])),
    "surplus after the inner packet": lambda: vm_frame(2, udp(net.sport(), 53)),
}


@cases({f"accepted inner: {name}": (name, build)
        for name, build in ACCEPTED_INNER.items()},
       stock=("accepted inner: IPv4 options",
              "accepted inner: IPv6 extension headers",
              "accepted inner: SCTP",
              "accepted inner: surplus after the inner packet"))
def accepted_inner(name, build):
    """Unchanged, but for bytes behind the inner packet, which are cut."""
    start()
    frame = build()
    pad = bytes(7) if name.startswith("surplus") else b""
    net.forwards(from_vm(frame + pad), to_peer(2 if "255" not in name else 3,
                                               frame))


@cases({
    "multicast: IPv4": ("224.0.0.5", FAKE_MAC),
    "multicast: IPv4 broadcast": ("255.255.255.255", FAKE_MAC),
    "multicast: IPv6": ("ff02::1", FAKE_MAC),
    "multicast: broadcast MAC": ("10.0.0.2", "ff:ff:ff:ff:ff:ff"),
    "multicast: group MAC": ("10.0.0.2", "01:00:5e:00:00:05"),
}, stock=("multicast: IPv4", "multicast: broadcast MAC"))
def multicast(dst, dmac):
    start()
    src = ca(1, ":" in dst)
    net.drop(from_vm(inner(src, dst, udp(net.sport(), 53), mac(1), dmac)),
             "multicast")


@case("multicast: inbound")
def multicast_in():
    start()
    f = inner(ca(2), "10.0.0.1", udp(net.sport(), 53), mac(2),
              "ff:ff:ff:ff:ff:ff")
    net.drop(from_peer(2, f), "multicast")


@case("multicast: an ENI's own MAC may be a group address")
def group_eni():
    """As the DASH project's tests have it."""
    group = "01:01:01:00:00:01"
    net.load(base(eni={"mac_address": group},
                  *[row("ROUTE_RULE", "eni1", 100, "100.0.0.0/24", 1,
                        action_type="decap", vnet="v1")]))
    f = inner(ca(1), ca(2), udp(net.sport(), 53), group)
    net.forwards(from_vm(f), to_peer(2, f))
    f = inner(ca(2), ca(1), udp(net.sport(), 53), mac(2), group)
    out = net.send(from_peer(2, f))
    equal(len(out), 1, "inbound frames")


# -- ENI, state, VNI ----------------------------------------------------------

@case("no_eni: unknown source MAC", stock=True)
def no_eni():
    start()
    f = inner(ca(1), ca(2), udp(net.sport(), 53), "02:00:00:00:00:99")
    net.drop(from_vm(f), "no_eni", "port")


@case("no_eni: unknown destination MAC, inbound", stock=True)
def no_eni_in():
    start()
    f = inner(ca(2), ca(1), udp(net.sport(), 53), mac(2), "02:00:00:00:00:99")
    net.drop(from_peer(2, f), "no_eni", "port")


@case("no_eni: the VNI tells the direction")
def direction():
    """An ENI's packet with another VNI is not outbound, and its destination
    MAC no ENI's."""
    start()
    net.drop(good(vni=9001), "no_eni", "port")


@cases({"eni_down: disabled": {"admin_state": "disabled"},
        "eni_down: by default": {"admin_state": None}}, stock=True)
def eni_down(fields):
    rows = base()
    for r in rows:
        if "DASH_ENI_TABLE:eni1" in r:
            r["DASH_ENI_TABLE:eni1"].pop("admin_state")
            if fields["admin_state"]:
                r["DASH_ENI_TABLE:eni1"].update(fields)
    net.load(rows)
    net.drop(good(), "eni_down", "eni1")
    net.drop(from_peer(2, peer_frame(2, udp(53, net.sport()))), "eni_down",
             "eni1")


@case("untrusted_vni: appliance's list and ranges", stock=True)
def trusted():
    net.load(base(app={"trusted_vnis": ["9000", "200-210"]},
                  *[row("ROUTE_RULE", "eni1", vni, "100.0.0.0/24", 1,
                        action_type="decap", vnet="v1")
                    for vni in (100, 199, 200, 210, 211)]))
    net.forwards(*pair_out())
    for vni in (100, 199, 211):
        f = peer_frame(2, udp(net.sport(), 53))
        net.drop(from_peer(2, f, vni=vni), "untrusted_vni", "eni1")
    for vni in (200, 210):
        f = peer_frame(2, udp(net.sport(), 53))
        equal(len(net.send(from_peer(2, f, vni=vni))), 1, f"frames of VNI {vni}")


def pair_out():
    """An outbound packet and what becomes of it."""
    f = vm_frame(2, udp(net.sport(), 53))
    return from_vm(f), to_peer(2, f)


@case("untrusted_vni: ENI's list")
def trusted_eni():
    net.load(base(eni={"trusted_vnis": ["100"]}))
    net.drop(good(), "untrusted_vni", "eni1")
    net.load(base(eni={"trusted_vnis": ["9000"]}))
    net.forwards(*pair_out())
    # Both lists count.
    net.load(base(app={"trusted_vnis": ["9000"]},
                  eni={"trusted_vnis": ["100"]}))
    net.forwards(*pair_out())


@case("untrusted_vni: not asked when a connection matches")
def trusted_flow():
    net.load(base(app={"trusted_vnis": ["9000"]}))
    port = net.sport()
    f = vm_frame(2, udp(port, 53))
    net.forwards(from_vm(f), to_peer(2, f))
    f = peer_frame(2, udp(53, port))
    equal(len(net.send(from_peer(2, f))), 1, "replies")


@case("untrusted_vni: before what else is wrong without a connection")
def trusted_order():
    net.load(base(app={"trusted_vnis": ["100"]}))
    quoted = peer_frame(2, udp(net.sport(), 53))
    for f in (vm_frame(2, icmp_error(quoted)), fragment(1480, 0, 1480, 0x66),
              vm_frame(2, tcp(net.sport(), 80, "SF")),
              vm_frame(2, tcp(net.sport(), 80, "A"))):
        net.drop(from_vm(f), "untrusted_vni", "eni1")


@case("spoof: only the ENI's addresses may be a source", stock=True)
def spoof():
    net.load(base(eni={"addresses": [ca(1), ca(1, True), "10.0.0.77"]}))
    net.forwards(*pair_out())
    f = vm_frame(2, udp(net.sport(), 53), True)
    net.forwards(from_vm(f), to_peer(2, f))
    for src in ("10.0.0.9", "10.0.0.3", "fd00:10::9"):
        f = inner(src, ca(2, ":" in src), udp(net.sport(), 53), mac(1))
        net.drop(from_vm(f), "spoof", "eni1")
    f = inner("10.0.0.77", ca(2), udp(net.sport(), 53), mac(1))
    net.forwards(from_vm(f), to_peer(2, f))


@case("LAND: source and destination alike do no harm")
def land():
    net.load(base(*[row("VNET_MAPPING", "v1", ca(1), underlay_ip=pa(1),
                        routing_type="vnet_encap")]))
    for l4 in (tcp(80, 80), udp(80, 80), echo(1)):
        f = inner(ca(1), ca(1), l4, mac(1))
        check(len(net.send(from_vm(f), from_vm(f))) <= 2, "more out than in")
    net.forwards(*pair_out())


# -- TCP flags, ICMP errors, fragments ----------------------------------------

@cases({f"tcp_flags: {f or 'none'}": f for f in
        ("", "SF", "SR", "FR", "SFR", "P", "U", "PU", "E", "SFA", "SRA", "FRA",
         "FSRPAUEC")}, stock=("tcp_flags: SF", "tcp_flags: none"))
def tcp_flags(flags):
    start()
    net.drop(good(l4=tcp(net.sport(), 80, flags)), "tcp_flags", "eni1")


@cases({f"tcp_no_syn: {f}": f for f in
        ("A", "SA", "PA", "FA", "F", "R", "RA", "FPU")},
       stock=("tcp_no_syn: A", "tcp_no_syn: SA"))
def tcp_no_syn(flags):
    start()
    net.drop(good(l4=tcp(net.sport(), 80, flags)), "tcp_no_syn", "eni1")


@case("tcp_no_syn: inbound, before any rule")
def tcp_no_syn_in():
    start()
    f = peer_frame(2, tcp(net.sport(), 80, "A"))
    net.drop(from_peer(2, f), "tcp_no_syn", "eni1")


@cases({f"SYN with other bits opens: {f}": f for f in ("S", "SEC", "SP", "SU")})
def syn(flags):
    start()
    f = vm_frame(2, tcp(net.sport(), 80, flags))
    net.forwards(from_vm(f), to_peer(2, f))


@cases({"icmp_no_flow: IPv4": False, "icmp_no_flow: IPv6": True}, stock=True)
def icmp_no_flow(v6):
    start()
    quoted = vm_frame(2, udp(net.sport(), 53), v6)
    net.drop(from_peer(2, peer_frame(2, icmp_error(quoted, v6), v6)),
             "icmp_no_flow", "eni1")
    quoted = peer_frame(2, udp(net.sport(), 53), v6)
    net.drop(from_vm(vm_frame(2, icmp_error(quoted, v6), v6)), "icmp_no_flow",
             "eni1")


@case("icmp errors that quote too little")
def icmp_short():
    """Dropped one way or another."""
    start()
    quoted = vm_frame(2, udp(net.sport(), 53))
    for n in (0, 19, 20, 27):
        f = peer_frame(2, icmp_error(quoted[:14 + n]))
        equal(net.send(from_peer(2, f)), [], f"frames quoting {n} bytes")


def fragment(off, more, size, ident, dport=53, n=2):
    """Inner IPv4 fragment of a UDP datagram: size bytes at off."""
    data = bytes(UDP(sport=5353, dport=dport, chksum=0, len=3008) /
                 Raw(bytes(i & 0xff for i in range(3000))))
    return vm_frame(n, data[off:off + size], proto=17, id=ident,
                    flags="MF" if more else 0, frag=off // 8)


@case("fragments: the followers go where the first one went", stock=True)
def fragments():
    start()
    for off, more in ((0, 1), (1480, 1), (2960, 0)):
        f = fragment(off, more, 1480, 0x77)
        net.forwards(from_vm(f), to_peer(2, f))
    equal(len(net.flows("proto", "udp", "dport", "53")), 1, "connections")


@case("fragments: without their first one", stock=True)
def frag_no_parent():
    start()
    net.drop(from_vm(fragment(1480, 1, 1480, 0x78)), "frag_no_parent", "eni1")
    # Another identification, destination or protocol is another datagram.
    f = fragment(0, 1, 1480, 0x79)
    net.forwards(from_vm(f), to_peer(2, f))
    net.drop(from_vm(fragment(1480, 0, 1480, 0x80)), "frag_no_parent", "eni1")
    net.drop(from_vm(fragment(1480, 0, 1480, 0x79, n=3)), "frag_no_parent",
             "eni1")


@case("fragments: of a denied first one")
def frag_denied():
    net.load(base(row("ACL_GROUP", "g", ip_version="ipv4"),
                  row("ACL_OUT", "eni1", 1, v4_acl_group_id="g")))
    net.drop(from_vm(fragment(0, 1, 1480, 0x90)), "acl_deny", "eni1")
    equal(net.send(from_vm(fragment(1480, 0, 1480, 0x90))), [], "followers")


@case("fragments: too small for the transport header")
def frag_tiny():
    start()
    net.drop(from_vm(vm_frame(2, bytes(tcp(1, 2))[:16], proto=6, flags="MF")),
             "frag_tiny")


@case("fragments: over the transport header")
def frag_overlap():
    start()
    net.drop(from_vm(vm_frame(2, bytes(16), proto=6, flags="MF", frag=1)),
             "frag_overlap")


@case("fragments: IPv6")
def fragments6():
    start()
    data = bytes(UDP(sport=5353, dport=53, chksum=1, len=2008) /
                 Raw(bytes(2000)))
    ident = net.sport()

    def frag(off, more, end):
        return vm_frame(2, IPv6ExtHdrFragment(nh=17, offset=off // 8, m=more,
                                              id=ident) / Raw(data[off:end]),
                        True)
    for f in (frag(0, 1, 1000), frag(1000, 0, 2008)):
        net.forwards(from_vm(f), to_peer(2, f))
    ident += 1
    net.drop(from_vm(frag(1000, 0, 2008)), "frag_no_parent", "eni1")


@case("a storm of noise changes nothing", stock=True)
def noise_storm():
    """Each byte of a good packet's headers inverted, alone: whatever each
    means, the sums hold and good packets pass."""
    start()
    for v6, u6 in ((False, False), (True, True)):
        frame = good(v6, u6, tcp(net.sport(), 80))
        net.send(*[patch(frame, i, frame[i] ^ 0xff)
                   for i in range(len(frame))])
        net.send(*[frame[:i] for i in range(15, len(frame))])
    net.check_sums()
    net.forwards(*pair_out())


main(net)
