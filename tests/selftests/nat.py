#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Route action snat: addresses and ports of connections that leave without a
tunnel, and the way back. SPEC 2, 3 and 8.9."""

import tempfile

from scapy.layers.inet import fragment
from scapy.layers.inet6 import IPv6ExtHdrFragment, ICMPv6ND_NS
from scapy.layers.sctp import SCTP

from dashtest import (APP_MAC, FAKE_MAC, PEER_MAC, VIP, Net, base, ca, case,
                      cases, check, equal, eventually, ip_batch, mac, main,
                      pa, row)
from frames import (ICMP, IP, TCP, UDP, Ether, IPv6, Outer, Raw, echo,
                    from_peer, from_vm, icmp_error, inner, ip, tcp, to_vm, udp)

EXT = {False: "20.0.0.9", True: "2001:db8::9"}
NAT = {False: "192.0.2.1", True: "2001:db8:2::1"}
NAT2 = {False: "192.0.2.2", True: "2001:db8:2::2"}
PREFIX = {False: "20.0.0.0/24", True: "2001:db8::/64"}

net = Net(("u0", "u1"), quick=True,
          config="addr add fd00:172::1/64 dev u0 nodad\n")


def route(v6=False, **fields):
    fields.setdefault("nat_ip", NAT[v6])
    return row("ROUTE", "rg", PREFIX[v6], routing_type="snat", **fields)


def both(**fields):
    return base(route(False, **fields), route(True, **fields))


def load(**fields):
    net.load(both(**fields))


def vm(l4, v6=False, dst=None, **kw):
    """Inner frame of VM 1 to somebody outside."""
    return inner(kw.pop("src", ca(1, v6)), dst or EXT[v6], l4, mac(1), **kw)


def plain(l4, v6=False, src=None, dst=None, **kw):
    """What somebody outside sends to the NAT address."""
    kw.setdefault("ttl", 61)
    if not v6:
        kw.setdefault("id", 0x4321)
    if isinstance(l4, bytes):
        l4 = Raw(l4)
    return bytes(Ether(src=PEER_MAC, dst=APP_MAC) /
                 ip(src or EXT[v6], dst or NAT[v6], **kw) / l4)


def changed(frame, ether=None, **fields):
    """frame with other fields, its checksums made anew by scapy."""
    p = (IPv6 if frame[12:14] == b"\x86\xdd" else IP)(frame[14:])
    for name in ("src", "dst"):
        if name in fields:
            setattr(p, name, fields[name])
    layer = p
    while layer:
        for name in ("sport", "dport"):
            if name in fields and isinstance(layer, (TCP, UDP)):
                setattr(layer, name, fields[name])
        for name in ("chksum", "cksum"):
            if name in getattr(layer, "fields", {}) and not (
                    isinstance(layer, UDP) and layer.chksum == 0):
                delattr(layer, name)
        layer = layer.payload
    ether = ether or Ether(src=APP_MAC, dst=PEER_MAC)
    return bytes(ether / p)


def outside(frame, v6=False, sport=None, nat=None):
    """An inner frame as it leaves."""
    fields = {"src": nat or NAT[v6]}
    if sport is not None:
        fields["sport"] = sport
    return changed(frame, **fields)


def inside(frame, v6=False, dport=None, n=1):
    """What came from outside as the VM gets it, in its frame."""
    fields = {"dst": ca(n, v6)}
    if dport is not None:
        fields["dport"] = dport
    return changed(frame, Ether(src=FAKE_MAC, dst=mac(1)), **fields)


def sport_of(frame):
    """Source port of what left."""
    p = (IPv6 if frame[12:14] == b"\x86\xdd" else IP)(frame[14:])
    return (p[TCP] if TCP in p else p[UDP]).sport


def leaves(frame, lo=None, hi=None, v6=False):
    """An inner frame leaves with a port of the range, or its own; return the
    port."""
    out = net.send(from_vm(frame))
    equal(len(out), 1, f"frames; drops so far: {dict(net.drops())}")
    port = sport_of(out[0])
    if lo:
        check(lo <= port <= hi, f"port {port}")
    else:
        equal(port, sport_of(frame), "port")
    equal(out[0].hex(), outside(frame, v6, port).hex(), "frame")
    return port


WAYS = {f"{name} IPv{6 if v6 else 4}, {'ports kept' if keep else 'port pool'}":
        (kind, v6, keep)
        for name, kind in (("UDP", "udp"), ("TCP", "tcp"))
        for v6 in (False, True) for keep in (True, False)}


@cases(WAYS, stock=True)
def there_and_back(kind, v6, keep):
    load(**({} if keep else {"nat_ports": "2000-2999"}))
    sport = net.sport()
    if kind == "udp":
        there, back = udp(sport, 53), lambda p: udp(53, p, b"answer")
    else:
        there = tcp(sport, 80)
        back = lambda p: tcp(80, p, "SA", seq=7, ack=1001)
    f = vm(there, v6, ttl=7)
    port = leaves(f, *(() if keep else (2000, 2999)), v6=v6)
    for tos in (0, 0xb8):
        r = plain(back(port), v6, tos=tos, ttl=9)
        net.forwards(r, to_vm(inside(r, v6, sport), tos=tos))
    # the same port again, and the states are those of others
    equal(leaves(f, *(() if keep else (2000, 2999)), v6=v6), port, "port")
    flow, = net.flows("sport", str(sport))
    equal(flow["state"], "stream" if kind == "udp" else "syn_recv", "state")
    equal((flow["forward"]["nat_src"], flow["forward"]["nat_sport"]),
          (NAT[v6], port), "shown")
    equal(flow["reverse"]["packets"], 2, "packets of the responder")
    equal(flow["reverse"]["bytes"], 2 * len(r), "bytes of the responder")


@cases({"ICMP echo: the identifier is kept, IPv4": False,
        "ICMP echo: the identifier is kept, IPv6": True}, stock=True)
def ping(v6):
    load(nat_ports="2000-2999")
    ident = net.sport()
    f = vm(echo(ident, v6), v6)
    net.forwards(from_vm(f), outside(f, v6))
    r = plain(echo(ident, v6, reply=True), v6)
    net.forwards(r, to_vm(inside(r, v6)))
    # a request from outside is no reply
    net.drop(plain(echo(ident, v6), v6), "no_nat_flow", "port")


@case("other protocols: addresses only")
def others():
    load(nat_ports="2000-2999")
    f = vm(b"whatever", proto=99)
    net.forwards(from_vm(f), outside(f))
    r = plain(b"answer", proto=99)
    net.forwards(r, to_vm(inside(r)))
    f = vm(SCTP(sport=4000, dport=5000) / Raw(b"data"))
    net.forwards(from_vm(f), outside(f))


@case("UDP without a checksum stays so, one of zero is sent as ffff")
def udp_zero():
    load()
    sport = net.sport()
    f = vm(UDP(sport=sport, dport=53, chksum=0) / Raw(b"x"))
    net.forwards(from_vm(f), outside(f))
    check(b"\0\0" == net.send(from_vm(f))[0][40:42], "a checksum")
    # data such that the sum of what leaves is zero
    probe = IP(outside(vm(UDP(sport=sport, dport=54) / Raw(b"\0\0")))[14:])
    data = probe[UDP].chksum.to_bytes(2, "big")
    f = vm(UDP(sport=sport, dport=54) / Raw(data))
    out, = net.send(from_vm(f))
    equal(out[40:42].hex(), "ffff", "checksum")


@case("a wrong checksum stays wrong")
def wrong():
    load(nat_ports="2000-2999")
    f = vm(UDP(sport=net.sport(), dport=53, chksum=0x1234) / Raw(b"x"))
    out, = net.send(from_vm(f))
    p = IP(out[14:])
    check(p[UDP].chksum != IP(outside(f, sport=p[UDP].sport)[14:])[UDP].chksum,
          "it became right")


@case("the same source gets the same address, others others")
def stable():
    net.load(base(route(nat_ip=[NAT[0], NAT2[0]])))
    seen = {}
    for n in range(1, 40):
        got = {IP(net.send(from_vm(vm(udp(net.sport(), p), src=ca(n))))[0]
                  [14:]).src for p in (53, 54)}
        equal(len(got), 1, f"addresses of source {n}")
        seen.setdefault(got.pop(), []).append(n)
    equal(set(seen), {NAT[0], NAT2[0]}, "addresses")
    check(min(len(v) for v in seen.values()) > 5, f"{seen}")


@case("a pool of ports: exhausted, for that destination", stock=True)
def exhausted():
    load(nat_ports="3000-3003")
    ports = {leaves(vm(udp(net.sport(), 53)), 3000, 3003) for _ in range(4)}
    equal(ports, {3000, 3001, 3002, 3003}, "ports")
    f = vm(udp(net.sport(), 53))
    net.drop(from_vm(f), "nat_exhausted", "eni1")
    # another one's ports are not used up, nor those of another protocol
    leaves(vm(udp(net.sport(), 54)), 3000, 3003)
    leaves(vm(udp(net.sport(), 53), dst="20.0.0.10"), 3000, 3003)
    leaves(vm(tcp(net.sport(), 53)), 3000, 3003)
    # flushing frees the port
    one = [x for x in net.flows("proto", "udp", "dport", "53",
                                "dst", EXT[0])][0]
    net.dashctl("flow", "flush", "proto", "udp", "sport", str(one["sport"]))
    equal(leaves(f, 3000, 3003), one["forward"]["nat_sport"], "port")


@case("ageing frees the port")
def aged():
    net.load(base(route(nat_ports="3000"), app={"timeout_udp_new": 1}))
    leaves(vm(udp(net.sport(), 53)), 3000, 3000)
    net.drop(from_vm(vm(udp(net.sport(), 53))), "nat_exhausted", "eni1")
    eventually(lambda: not net.flows(), "ageing")
    leaves(vm(udp(net.sport(), 53)), 3000, 3000)
    net.drop(plain(udp(53, 3001)), "no_nat_flow", "port")


@case("ports kept: one that is taken", stock=True)
def collision():
    load()
    sport = net.sport()
    leaves(vm(udp(sport, 53)))
    net.drop(from_vm(vm(udp(sport, 53), src=ca(7))), "nat_exhausted", "eni1")
    net.drop(from_vm(vm(udp(sport, 53), src=ca(7))), "nat_exhausted", "eni1")
    f = vm(udp(sport, 54), src=ca(7))
    net.forwards(from_vm(f), outside(f))
    r = plain(udp(54, sport))
    net.forwards(r, to_vm(inside(r, n=7)))
    net.flush()
    f = vm(udp(sport, 53), src=ca(7))
    net.forwards(from_vm(f), outside(f))


@case("many at once, each with a port of its own")
def many():
    load(nat_ports="2000-2099")
    frames = [vm(udp(net.sport(), 53)) for _ in range(60)]
    out = net.send(*[from_vm(f) for f in frames])
    equal(len(out), 60, "frames")
    ports = [sport_of(f) for f in out]
    equal(len(set(ports)), 60, "ports")
    for f, o, p in zip(frames, out, ports):
        equal(o.hex(), outside(f, sport=p).hex(), "frame")
    replies = [plain(udp(53, p, b"a")) for p in ports]
    net.forwards(replies, [to_vm(inside(r, dport=sport_of(f)))
                           for r, f in zip(replies, frames)])


@cases({"nobody's packets to a NAT address, IPv4": False,
        "nobody's packets to a NAT address, IPv6": True}, stock=True)
def nobody(v6):
    load(nat_ports="2000-2999")
    port = leaves(vm(udp(net.sport(), 53), v6), 2000, 2999, v6)
    for l4 in (udp(53, port + 1), udp(54, port), tcp(53, port)):
        net.drop(plain(l4, v6), "no_nat_flow", "port")
    net.drop(plain(udp(53, port), v6, src="2001:db8::a" if v6 else "20.0.0.10"),
             "no_nat_flow", "port")
    net.drop(plain(bytes(UDP(sport=53, dport=port, len=999, chksum=0)), v6,
                   **({"nh": 17} if v6 else {"proto": 17})), "malformed",
             "port")
    # those to others are the host's
    net.passes(plain(udp(53, port), v6,
                     dst="2001:db8:2::9" if v6 else "192.0.2.9"))


@case("neighbour discovery for a NAT address is the host's")
def ndisc():
    load()
    net.passes(plain(ICMPv6ND_NS(tgt=NAT[1]), True, src="fd00:172::2",
                     ttl=255))


@case("a VLAN tag")
def vlan():
    """Kept in hairpin mode, in both directions."""
    load(nat_ports="2000-2999")
    sport = net.sport()
    out, = net.send(from_vm(vm(udp(sport, 53)), vlan=(7,)))
    equal(out[12:16].hex(), "81000007", "tag")
    port = int.from_bytes(out[38:40], "big")
    r = plain(udp(53, port, b"answer of some length"))
    net.forwards(r[:12] + b"\x81\0\0\x07" + r[12:],
                 to_vm(inside(r, dport=sport), vlan=(7,)))


@case("an answer that gets too long for the device is fragmented")
def too_long():
    load(nat_ports="2000-2999")
    sport = net.sport()
    port = leaves(vm(udp(sport, 53)), 2000, 2999)
    r = plain(udp(53, port, bytes(range(250)) * 5))
    want = to_vm(inside(r, dport=sport))
    ip_batch("link set u0 mtu 1300\n", net.app)
    try:
        out = net.send(r)
        equal(len(out), 2, f"fragments; drops: {dict(net.drops())}")
        check(all(len(f) <= 1314 for f in out), "a fragment is too big")
        equal([f[:14] for f in out], [want[:14]] * 2, "Ethernet headers")
        equal(b"".join(f[34:] for f in out).hex(), want[34:].hex(),
              "packet, put together")
        equal(out[0][18:20] == out[1][18:20], True, "identifications")
    finally:
        ip_batch("link set u0 mtu 9000\n", net.app)


@case("a reply in a tunnel is none", stock=True)
def tunnelled():
    for check_pa in (True, False):
        net.load(base(route(), eni={"check_reply_pa": check_pa}))
        sport = net.sport()
        leaves(vm(udp(sport, 53)))
        f = inner(EXT[0], ca(1), udp(53, sport), mac(2), mac(1))
        net.drop(from_peer(2, f), "pa_invalid", "eni1")


@cases({"an ICMP error from outside, IPv4": False,
        "an ICMP error from outside, IPv6": True}, stock=True)
def error_in(v6):
    for ports in ({}, {"nat_ports": "2000-2999"}):
        load(**ports)
        for l4 in (udp(net.sport(), 53), tcp(net.sport(), 80),
                   echo(net.sport(), v6)):
            f = vm(l4, v6)
            out, = net.send(from_vm(f))
            router = "2001:db8:9::1" if v6 else "30.0.0.1"
            e = plain(icmp_error(out, v6), v6, src=router)
            want = plain(icmp_error(f, v6), v6, src=router, dst=ca(1, v6))
            want = bytes(Ether(src=FAKE_MAC, dst=mac(1),
                               type=0x86dd if v6 else 0x800)) + want[14:]
            net.forwards(e, to_vm(want))
            # the first eight bytes behind the header are enough
            short = out[:14 + (48 if v6 else 28)]
            e = plain(icmp_error(short, v6), v6, src=router)
            want = plain(icmp_error(f[:len(short)], v6), v6, src=router,
                         dst=ca(1, v6))
            want = bytes(Ether(src=FAKE_MAC, dst=mac(1),
                               type=0x86dd if v6 else 0x800)) + want[14:]
            net.forwards(e, to_vm(want))
        e = plain(icmp_error(plain(udp(9, 9), v6, src=NAT[v6], dst=EXT[v6]),
                             v6), v6)
        net.drop(e, "icmp_no_flow", "port")


@cases({"an ICMP error of the VM, IPv4": False,
        "an ICMP error of the VM, IPv6": True}, stock=True)
def error_out(v6):
    load(nat_ports="2000-2999")
    sport = net.sport()
    port = leaves(vm(udp(sport, 53), v6), 2000, 2999, v6)
    r = plain(udp(53, port), v6)
    e = vm(icmp_error(inside(r, v6, sport), v6), v6)
    want = vm(icmp_error(r, v6), v6, src=NAT[v6])
    net.forwards(from_vm(e), bytes(Ether(
        src=APP_MAC, dst=PEER_MAC, type=0x86dd if v6 else 0x800)) + want[14:])


def cut(frame, size=64):
    """Fragments of an inner or plain frame, as frames."""
    head = frame[:14]
    if head[12:14] == b"\x08\0":
        return [head + bytes(p) for p in fragment(IP(frame[14:]), size)]
    p = IPv6(frame[14:])
    data, out = bytes(p.payload), []
    for at in range(0, len(data), size):
        more = at + size < len(data)
        q = IPv6(src=p.src, dst=p.dst, hlim=p.hlim, tc=p.tc) / \
            IPv6ExtHdrFragment(nh=p.nh, offset=at // 8, m=more, id=0x77) / \
            Raw(data[at:at + size])
        out.append(head + bytes(q))
    return out


@cases({"fragments in both directions, IPv4": False,
        "fragments in both directions, IPv6": True}, stock=True)
def fragments(v6):
    load(nat_ports="2000-2999")
    sport = net.sport()
    f = vm(udp(sport, 53, bytes(range(200))), v6)
    out = net.send(*[from_vm(x) for x in cut(f)])
    equal(len(out), 4, f"fragments; drops: {dict(net.drops())}")
    port = int.from_bytes(out[0][62:64] if v6 else out[0][34:36], "big")
    check(2000 <= port <= 2999, f"port {port}")
    equal([x.hex() for x in out],
          [x.hex() for x in cut(outside(f, v6, port))], "fragments")
    r = plain(udp(53, port, bytes(range(100, 250))), v6)
    net.forwards(cut(r), [to_vm(x) for x in cut(inside(r, v6, sport))])
    late = cut(plain(udp(53, port, bytes(200)), v6, **(
        {} if v6 else {"id": 99})))[1:]
    if v6:
        late = [x.replace(b"\0\0\0\x77", b"\0\0\0\x78", 1) for x in late]
    net.drop(late, "frag_no_parent", "port")


@case("route changed: what is still allowed stays, the rest is cut", stock=True)
def change():
    load(nat_ports="2000-2999")
    f = vm(udp(net.sport(), 53))
    port = leaves(f, 2000, 2999)

    def to(**kw):
        net.load([route(**kw)], "--ignore-unknown")

    # another list with the address in it, and a range with the port in it
    to(nat_ip=[NAT2[0], NAT[0], "192.0.2.3"],
       nat_ports=f"{port}-{port + 1}")
    equal(leaves(f, port, port), port, "port")
    equal(net.flows()[0]["forward"]["nat_src"], NAT[0], "address")
    # the port is not allowed any more
    to(nat_ip=NAT[0], nat_ports="5000-5001")
    net.drop(from_vm(f), "no_nat_flow", "eni1")
    equal(net.flows(), [], "connections")
    leaves(f, 5000, 5001)
    # nor the address; and what is no translation
    to(nat_ip=NAT2[0], nat_ports="5000-5001")
    net.passes(plain(udp(53, 5000)))
    net.drop(from_vm(f), "no_nat_flow", "eni1")
    out, = net.send(from_vm(f))
    equal(IP(out[14:]).src, NAT2[0], "address")
    net.load([row("ROUTE", "rg", PREFIX[0], routing_type="direct")],
             "--ignore-unknown")
    net.drop(from_vm(f), "no_nat_flow", "eni1")
    out, = net.send(from_vm(f))
    equal(IP(out[14:]).src, ca(1), "address")
    to(nat_ip=NAT2[0])
    net.drop(from_vm(f), "no_nat_flow", "eni1")


@case("explain says which address and port")
def explain():
    load(nat_ports="3000-3001")
    sport = net.sport()
    words = ("explain", "eni", "eni1", "outbound", "src", ca(1), "dst", EXT[0],
             "proto", "udp", "sport", str(sport), "dport", "53")
    before = net.json(*words)["packet"]
    equal(before["nat_src"], NAT[0], "address")
    port = leaves(vm(udp(sport, 53)), 3000, 3001)
    equal(before["nat_sport"], port, "port foretold")
    equal(net.json(*words)["packet"]["nat_sport"], port, "port")
    check(f"nat src {NAT[0]}, nat sport {port}" in net.dashctl(*words).stdout,
          "text")
    leaves(vm(udp(net.sport(), 53)), 3000, 3001)
    equal(net.json(*words[:-4], "sport", "9", "dport", "53")["reason"],
          "nat_exhausted", "reason")
    check(f"nat {NAT[0]} port {port}" in net.dashctl("flow", "show").stdout,
          "flow show")


BAD = {
    "without nat_ip": ({"nat_ip": []}, "nat_ip"),
    "nat_ip of another family": ({"nat_ip": NAT[1]}, "nat_ip"),
    "nat_ip that is a group": ({"nat_ip": "224.0.0.1"}, "nat_ip"),
    "port 0": ({"nat_ports": "0-5"}, "nat_ports"),
    "a range that is none": ({"nat_ports": "9-5"}, "9"),
    "a word": ({"nat_ports": "some"}, "nat_ports"),
}


@cases({f"refused: {k}": v for k, v in BAD.items()})
def refused(fields, word):
    load()
    p = net.load([route(**fields)], "--ignore-unknown", ok=False)
    check(p.returncode, "accepted")
    check(word in p.stderr and "20.0.0.0/24" in p.stderr, p.stderr)


@case("refused: an address that is NAT address and VIP, either way")
def vip_too():
    load()
    p = net.load([route(nat_ip=[NAT[0], VIP])], "--ignore-unknown", ok=False)
    check(p.returncode and "DASH_ROUTE_TABLE:rg:20.0.0.0/24" in p.stderr and
          "DASH_APPLIANCE_TABLE:1" in p.stderr and VIP in p.stderr, p.stderr)
    p = net.load([row("APPLIANCE", "2", sip=[NAT[0]])], "--ignore-unknown",
                 ok=False)
    check(p.returncode and "DASH_ROUTE_TABLE:rg:20.0.0.0/24" in p.stderr and
          "DASH_APPLIANCE_TABLE:2" in p.stderr and NAT[0] in p.stderr, p.stderr)
    # both change in one: only the end counts
    net.load([route(nat_ip=NAT2[0]), row("APPLIANCE", "2", sip=[NAT[0]])],
             "--ignore-unknown")
    p = net.load([route(vnet="v1", nat_ports="1-5")], "--ignore-unknown",
                 ok=False)
    check(p.returncode, "accepted")


@case("saved and loaded again it is the same")
def fixed_point():
    load(nat_ports="2000-2999")
    net.load([row("ROUTE", "rg", "30.0.0.0/8", routing_type="snat",
                  nat_ip=[NAT[0], NAT2[0]], nat_ports="keep")],
             "--ignore-unknown")
    rows = net.save()
    text = [r for r in rows if "DASH_ROUTE_TABLE:rg:30.0.0.0/8" in r][0]
    equal(text["DASH_ROUTE_TABLE:rg:30.0.0.0/8"],
          {"routing_type": "snat", "nat_ip": [NAT[0], NAT2[0]]}, "row")
    text = [r for r in rows if "DASH_ROUTE_TABLE:rg:20.0.0.0/24" in r][0]
    equal(text["DASH_ROUTE_TABLE:rg:20.0.0.0/24"],
          {"routing_type": "snat", "nat_ip": NAT[0],
           "nat_ports": "2000-2999"}, "row")
    net.load(base())
    net.load(rows, "--sync")
    equal(net.save(), rows, "saved again")


def reloaded(**failed):
    """Connections are saved, forgotten and loaded; return how many."""
    with tempfile.TemporaryDirectory() as d:
        net.dashctl("save", "--flows", "-o", f"{d}/flows")
        yield
        got = net.json("load", "--flows", f"{d}/flows")
    equal(got["failed"], failed, "failed")
    yield got["restored"]


@cases({f"saved and restored: {k}": v for k, v in WAYS.items()}, stock=True)
def restored(kind, v6, keep):
    """Those outside know them by the same address and port, and nobody else
    gets that."""
    nat = [NAT[v6], NAT2[v6]]
    ports = {} if keep else {"nat_ports": "3000-3001"}
    net.load(base(route(v6, nat_ip=nat, **ports)))
    l4 = udp if kind == "udp" else tcp
    sources = [net.sport() for _ in range(2)]
    known = {}
    for sport in sources:
        out, = net.send(from_vm(vm(l4(sport, 80), v6)))
        p = (IPv6 if v6 else IP)(out[14:])
        known[sport] = (p.src, sport_of(out))
    steps = reloaded()
    next(steps)
    net.flush()
    net.drop(plain(l4(80, known[sources[0]][1]), v6, dst=known[sources[0]][0]),
             "no_nat_flow", "port")
    # another order of the addresses, by which a new one would get the other
    net.load([route(v6, nat_ip=nat[::-1], **ports)], "--ignore-unknown")
    equal(next(steps), 2, "restored")
    equal({f["sport"]: (f["forward"]["nat_src"], f["forward"]["nat_sport"])
           for f in net.flows()}, known, "addresses and ports")
    for sport, (addr, port) in known.items():
        r = plain(l4(80, port) if kind == "udp" else
                  tcp(80, port, "SA", 7, 1001), v6, dst=addr)
        net.forwards(r, to_vm(inside(r, v6, sport)))
        f = vm(l4(sport, 80) if kind == "udp" else
               tcp(sport, 80, "A", 1001, 8), v6)
        net.forwards(from_vm(f), outside(f, v6, port, addr))
    # all ports are taken again
    net.load([route(v6, nat_ip=known[sources[0]][0], **ports)],
             "--ignore-unknown")
    sport = sources[0] if keep else net.sport()
    net.drop(from_vm(vm(l4(sport, 80), v6, src=ca(7, v6))), "nat_exhausted",
             "eni1")


@case("saved and restored: not by another name")
def restored_not():
    load(nat_ports="3000")
    f = vm(udp(net.sport(), 53))
    leaves(f, 3000, 3000)
    for rows, failed in (([route(nat_ports="4000")], "no_nat_flow"),
                         ([route(nat_ip=NAT2[0], nat_ports="3000")],
                          "no_nat_flow"),
                         ([row("ROUTE", "rg", PREFIX[0],
                               routing_type="direct")], "no_nat_flow"),
                         ([route(nat_ports="3000")], "nat_exhausted")):
        steps = reloaded(**{failed: 1})
        next(steps)
        net.flush()
        net.load(rows, "--ignore-unknown")
        if failed == "nat_exhausted":
            leaves(vm(udp(net.sport(), 53)), 3000, 3000)
        equal(next(steps), 0, "restored")
        # as it was, for the next
        load(nat_ports="3000")
        leaves(f, 3000, 3000)
    # and what was not translated does not begin to be
    net.load(base(row("ROUTE", "rg", PREFIX[0], routing_type="direct")))
    net.send(from_vm(f))
    steps = reloaded(no_nat_flow=1)
    next(steps)
    load(nat_ports="3000")
    equal(next(steps), 0, "restored")


@cases({"TCP from the first to the last packet": False,
        "TCP: an RST ends it": True})
def whole_tcp(reset):
    load(nat_ports="2000-2999")
    sport = net.sport()

    def there(flags, seq, ack=0, data=b""):
        return leaves(vm(tcp(sport, 80, flags, seq, ack, data)), 2000, 2999)

    def back(flags, seq, ack, data=b""):
        r = plain(tcp(80, port, flags, seq, ack, data))
        net.forwards(r, to_vm(inside(r, dport=sport)))

    def state():
        return [x["state"] for x in net.flows()]

    port = there("S", 1000)
    back("SA", 5000, 1001)
    equal(there("A", 1001, 5001), port, "port")
    equal(state(), ["established"], "state")
    back("A", 5001, 1001, b"data")
    if reset:
        back("R", 5005, 0)
        equal(state(), ["closed"], "state")
        net.drop(plain(tcp(80, port)), "no_nat_flow", "eni1")
        # a new one of the same ports
        there("S", 9000)
        equal(state(), ["syn_sent"], "state")
        return
    there("FA", 1001, 5005)
    back("FA", 5005, 1002)
    there("A", 1002, 5006)
    equal(state(), ["time_wait"], "state")


@case("fib mode: routes of the host lead outside and back", stock=True)
def fib():
    net.load(base(route(nat_ports="2000-2999"), app={"underlay_mode": "fib"}))
    text = ("addr add 172.17.0.1/24 dev u1\n"
            "neigh replace 172.17.0.2 lladdr 02:00:5e:00:00:b1 nud permanent "
            "dev u1\nroute add 20.0.0.0/24 via 172.17.0.2 dev u1\n"
            "neigh replace 172.16.0.9 lladdr 02:00:5e:00:00:b9 nud permanent "
            f"dev u0\nroute add {pa(1)}/32 via 172.16.0.9 dev u0\n")
    ip_batch(text, net.app)
    sport = net.sport()
    f = vm(udp(sport, 53))
    (port, out), = net.send_any(from_vm(f))
    equal(port, "u1", "port")
    nat = sport_of(out)
    equal(out.hex(), changed(f, Ether(src=net.macs(1)[0], dst=net.macs(1)[1]),
                             src=NAT[0], sport=nat).hex(), "frame")
    r = plain(udp(53, nat, b"answer"))
    r = bytes.fromhex(net.macs(1)[0].replace(":", "")) + r[6:]
    (port, out), = net.send_any(r, port="u1")
    equal(port, "u0", "port")
    o = Outer(out)
    equal((o.src, o.dst), (VIP, pa(1)), "tunnel")
    equal(o.inner.hex(), inside(r, dport=sport).hex(), "inner frame")
    # too big outside: the VM is told about its own packet
    ip_batch("link set u1 mtu 1300\n", net.app)
    try:
        f = vm(udp(sport, 53, bytes(1300)), flags="DF")
        (port, out), = net.send_any(from_vm(f))
        o = Outer(out)
        p = IP(o.inner[14:])
        equal((p.src, p.dst, p[ICMP].nexthopmtu), (EXT[0], ca(1), 1300),
              "ICMP error")
        equal(bytes(p[ICMP].payload).hex(), f[14:14 + 548].hex(), "quote")
        got = p[ICMP].chksum
        del p[ICMP].chksum
        equal(got, IP(bytes(p))[ICMP].chksum, "ICMP checksum")
    finally:
        ip_batch("link set u1 mtu 9000\n", net.app)
    # and the other way
    ip_batch("link set u0 mtu 1300\n", net.app)
    try:
        r = plain(udp(53, nat, bytes(1300)), flags="DF")
        r = bytes.fromhex(net.macs(1)[0].replace(":", "")) + r[6:]
        (port, out), = net.send_any(r, port="u1")
        p = IP(out[14:])
        equal((port, p.src, p.dst, p[ICMP].nexthopmtu),
              ("u1", NAT[0], EXT[0], 1250), "ICMP error")
        equal(bytes(p[ICMP].payload).hex(), r[14:14 + 548].hex(), "quote")
        got = p[ICMP].chksum
        del p[ICMP].chksum
        equal(got, IP(bytes(p))[ICMP].chksum, "ICMP checksum")
    finally:
        ip_batch("link set u0 mtu 9000\n", net.app)
    ip_batch("route del 20.0.0.0/24\n", net.app)


@case("an ENI that is deleted takes its ports along")
def deleted():
    load(nat_ports="3000")
    leaves(vm(udp(net.sport(), 53)), 3000, 3000)
    net.load(base(route(nat_ports="3000"))[:2] + [route(nat_ports="3000"),
             row("ROUTE_GROUP", "rg")])
    net.drop(plain(udp(53, 3000)), "no_nat_flow", "port")
    load(nat_ports="3000")
    leaves(vm(udp(net.sport(), 53)), 3000, 3000)


main(net)
