#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The outer header and where it is sent: the knobs of APPLIANCE and ENI, next
hops, MTU: SPEC 2, 3 and 8 (6, 11)."""

import time

from dashtest import (APP_MAC, FAKE_MAC, MTU, PEER_MAC, SLOW, VIP, VIP6, VM_VNI,
                      VNI, InNetns, Net, base, ca, case, cases, check, describe,
                      equal, ip_batch, mac, mac_bytes, main, mapping, pa,
                      route_rule, row)
from frames import (ICMP, IP, Ether, IPv6, Outer, Raw, csum, echo, from_peer,
                    from_vm, icmp_error, ICMPv6PacketTooBig, inner, patch,
                    peer_frame, sent, tcp, to_peer, to_vm, udp, vm_frame)

GW, GW6 = "172.16.0.254", "fd00:172::fe"
GW2 = "172.16.0.253"
UNKNOWN = "172.16.0.230"        # which no marker of Net.send() comes from
MAC2 = "02:00:5e:00:00:b9"      # of a second next hop behind the same port

net = Net(("u0", "u1"), quick=True, config=f"""
addr add fd00:172::1/64 dev u0 nodad
neigh add {GW} lladdr {PEER_MAC} nud permanent dev u0
neigh add {GW2} lladdr {MAC2} nud permanent dev u0
neigh add {GW6} lladdr {PEER_MAC} nud permanent dev u0
addr add {VIP}/32 dev lo
addr add {VIP6}/128 dev lo nodad
route add default via {GW6} dev u0
""")

FIB = {"underlay_mode": "fib"}
RULE = route_rule("eni1", VNI, "100.0.0.0/24", 1, vnet="v1")
MAP6 = [mapping("v1", ca(5, v6), pa(5, True), mac(5)) for v6 in (False, True)]


def ip_cmd(text):
    ip_batch(text, net.app)


def routes(*lines):
    """The IPv4 routes of the namespace are these."""
    ip_cmd("route flush scope global\n" +
           "".join(f"{line}\n" for line in lines))


def one(frame, **kw):
    out = net.send(frame, **kw)
    equal(len(out), 1, "frames")
    return Outer(out[0])


def flow_frame(n=2, port=None, l4=None, v6=False):
    return vm_frame(n, l4 or udp(port or net.sport(), 53), v6)


# -- DSCP, TTL, IPv4 fields ---------------------------------------------------

@case("DSCP and ECN: as received", stock=True)
def tos():
    """Whatever the inner header says, which stays as it is; hit or miss."""
    net.load(base(RULE, MAP6))
    for value in (0, 0xb8, 0x28, 0x01, 0x02, 0x03, 0xff, 0xfc):
        f = vm_frame(2, udp(net.sport(), 53), tos=0x48)
        for _ in range(2):
            net.forwards(from_vm(f, ip_kw={"tos": value}),
                         to_peer(2, f, tos=value))
        f = flow_frame(5)
        net.forwards(from_vm(f, ip_kw={"tos": value}),
                     to_peer(5, f, True, tos=value))
        f = peer_frame(2, udp(net.sport(), 53))
        net.forwards(from_peer(2, f, ip_kw={"tos": value}),
                     to_vm(f, tos=value))


@case("DSCP: of each packet, not of the connection's first")
def tos_each():
    net.load(base())
    f = flow_frame()
    for value in (0xb8, 0x00, 0x61):
        net.forwards(from_vm(f, ip_kw={"tos": value}),
                     to_peer(2, f, tos=value))


@case("DSCP: from an IPv6 underlay")
def tos6():
    net.load(base(MAP6, eni={"underlay_ip": pa(1, True)}))
    for value in (0xb8, 0x05, 0xfe):
        f = flow_frame()
        net.forwards(from_vm(f, True, ip_kw={"tos": value}),
                     to_peer(2, f, tos=value))
        f = flow_frame(5)
        net.forwards(from_vm(f, True, ip_kw={"tos": value}),
                     to_peer(5, f, True, tos=value))


@case("DSCP: pipe mode", stock=True)
def pipe():
    net.load(base(RULE, MAP6, eni={"dscp_mode": "pipe", "dscp": 46}))
    for value in (0, 0x28, 0xff):
        for n in (2, 5):
            f = flow_frame(n)
            o = one(from_vm(f, ip_kw={"tos": value}))
            equal(o.tos >> 2, 46, "DSCP")
            equal(o.inner[14:], f[14:], "inner packet")
    f = peer_frame(2, udp(net.sport(), 53))
    equal(one(from_peer(2, f, ip_kw={"tos": 0x28})).tos >> 2, 46,
          "DSCP towards the VM")


@case("TTL: 64 outside, untouched inside")
def ttl():
    net.load(base(MAP6))
    for outer in (1, 2, 64, 255):
        f = vm_frame(2, udp(net.sport(), 53), ttl=outer)
        net.forwards(from_vm(f, ip_kw={"ttl": outer}), to_peer(2, f))
        f = vm_frame(5, udp(net.sport(), 53), ttl=outer)
        net.forwards(from_vm(f, ip_kw={"ttl": outer}), to_peer(5, f, True))


def defaults(**fields):
    """As shipped, except that packets go back where they came from."""
    rows = base(RULE, MAP6)
    app = rows[0]["DASH_APPLIANCE_TABLE:1"]
    for name in ("udp_sport", "df", "ip_id"):
        del app[name]
    app.update(fields)
    return rows


@case("IPv4: DF set and id 0 by default", stock=True)
def df():
    net.load(defaults())
    o = one(from_vm(flow_frame()))
    equal((int(o.ip.flags), o.ip.id, o.ip.frag, o.ip.ihl, o.ttl),
          (2, 0, 0, 5, 64), "flags, id, offset, header length, TTL")
    net.load(defaults(df=False, ip_id=4711))
    o = one(from_vm(flow_frame()))
    equal((int(o.ip.flags), o.ip.id), (0, 4711), "flags, id")
    # Whatever the one received had.
    net.load(defaults())
    o = one(from_vm(flow_frame(), ip_kw={"flags": 0, "id": 99}))
    equal((int(o.ip.flags), o.ip.id), (2, 0), "flags, id")


# -- UDP ----------------------------------------------------------------------

@case("UDP source port: a hash of the connection", stock=True)
def sport():
    """The same for all its packets, in the range of RFC 7348, and well
    spread."""
    net.load(defaults())
    ports, replies = [], []
    for _ in range(64):
        c = net.sport()
        f = flow_frame(l4=tcp(c, 80))
        out = net.send(from_vm(f), from_vm(f, sport=7), from_vm(f))
        seen = {Outer(o).sport for o in out}
        equal((len(out), len(seen)), (3, 1), "frames, source ports")
        f = flow_frame(l4=tcp(c, 80, "PA", 77, 88, b"later"))
        equal(one(from_vm(f)).sport in seen, True, "later packet's port")
        f = peer_frame(2, tcp(80, c, "SA", 5, 1001))
        replies.append(one(from_peer(2, f)).sport)
        ports.append(seen.pop())
    check(all(49152 <= p <= 65535 for p in ports + replies),
          f"range: {min(ports + replies)} - {max(ports + replies)}")
    check(len(set(ports)) >= 56, f"{len(set(ports))} ports of 64 connections")
    check(len(set(replies)) >= 56, f"{len(set(replies))} ports of 64 replies")


@case("UDP source port: a connection taken up anew has the same")
def sport_again():
    net.load(defaults())
    f = flow_frame()
    first = one(from_vm(f)).sport
    net.flush()
    equal(one(from_vm(f)).sport, first, "source port")


@case("UDP source port: fixed")
def sport_fixed():
    net.load(defaults(udp_sport=55555))
    for n in (2, 5):
        o = one(from_vm(flow_frame(n)))
        equal((o.sport, o.dport), (55555, 4789), "ports")


@case("IPv6 flow label: by connection, not 0")
def label():
    net.load(defaults())
    labels = set()
    for _ in range(16):
        f = flow_frame(5)
        seen = {one(from_vm(f)).ip.fl for _ in range(3)}
        equal(len(seen), 1, "labels of a connection")
        labels |= seen
    check(len(labels) >= 12 and 0 not in labels, f"labels: {labels}")


@case("vxlan_port", stock=True)
def vxlan_port():
    net.load(base(app={"vxlan_port": 8472}))
    f = flow_frame()
    net.forwards(from_vm(f, dport=8472), to_peer(2, f, dport=8472))
    net.passes(from_vm(f, dport=4789))


# -- Ethernet and next hops ---------------------------------------------------

@case("hairpin: back to the MAC and port it came from", stock=True)
def hairpin():
    net.load(base())
    f = flow_frame()
    for smac in (PEER_MAC, MAC2, "02:00:00:77:00:01"):
        net.forwards(from_vm(f, smac=smac), to_peer(2, f, dmac=True) if
                     smac == PEER_MAC else
                     patch(to_peer(2, f), 0, bytes.fromhex(
                         smac.replace(":", ""))))
    app, peer = net.macs(1)
    net.forwards(from_vm(f, smac=peer, dmac=app),
                 patch(patch(to_peer(2, f), 0, bytes.fromhex(
                     peer.replace(":", ""))), 6, bytes.fromhex(
                         app.replace(":", ""))), port="u1")


@case("accept_any_mac", stock=True)
def any_mac():
    other = "02:00:5e:00:00:cc"
    net.load(base())
    f = flow_frame()
    net.passes(from_vm(f, dmac=other))
    net.load(base(app={"accept_any_mac": True}))
    o = one(from_vm(f, dmac=other))
    equal((o.dst, o.inner[14:], o.eth.dst), (pa(2), f[14:], PEER_MAC),
          "frame")


def nexthop(prefix, dst, src=APP_MAC, **kw):
    return {"prefix": prefix, "dst_mac": dst, "src_mac": src, **kw}


@case("static: longest prefix, ports, zero MACs", stock=True)
def static():
    zero = "00:00:00:00:00:00"
    net.load(base(
        mapping("v1", ca(6), "101.0.0.6", mac(6)), MAP6,
        app={"underlay_mode": "static", "nexthops": [
            nexthop("0.0.0.0/0", "02:00:00:00:aa:01"),
            nexthop("100.0.0.0/24", "02:00:00:00:aa:02", "02:00:00:00:ab:02"),
            nexthop("100.0.0.3/32", "02:00:00:00:aa:03", port="u1"),
            nexthop("100.0.0.4/32", zero, zero),
            nexthop("::/0", "02:00:00:00:aa:06")]}))
    for n, dst, src, port, kw in (
            (6, "02:00:00:00:aa:01", APP_MAC, "u0", {"dst": "101.0.0.6"}),
            (2, "02:00:00:00:aa:02", "02:00:00:00:ab:02", "u0", {}),
            (3, "02:00:00:00:aa:03", APP_MAC, "u1", {}),
            (4, zero, zero, "u0", {}),
            (5, "02:00:00:00:aa:06", APP_MAC, "u0", {"u6": True})):
        f = flow_frame(n)
        u6 = kw.pop("u6", False)
        want = sent(patch(f, 0, bytes.fromhex(mac(n).replace(":", ""))), VNI,
                    VIP6 if u6 else VIP, kw.get("dst", pa(n, u6)),
                    smac=src, dmac=dst)
        out = net.send_any(from_vm(f))
        equal([(p, describe(x)) for p, x in
               [(p, patch(x, 14 + 1, x[15] & 0xf0)[:16] + bytes(2) + x[18:])
                if u6 else (p, x) for p, x in out]],
              [(port, describe(patch(want, 15, want[15] & 0xf0)[:16] + bytes(2)
                               + want[18:] if u6 else want))], f"VM {n}")


@case("static: next_hop_mac is the way for the rest")
def static_default():
    net.load(base(MAP6, app={
        "underlay_mode": "static", "next_hop_mac": "02:00:00:00:aa:01",
        "next_hop_src_mac": "02:00:00:00:ab:01",
        "nexthops": [nexthop("100.0.0.3/32", "02:00:00:00:aa:03")]}))
    for n, dst in ((2, "02:00:00:00:aa:01"), (3, "02:00:00:00:aa:03"),
                   (5, "02:00:00:00:aa:01")):
        o = one(from_vm(flow_frame(n)))
        equal(o.eth.dst, dst, f"MAC towards VM {n}")


@case("static: no next hop")
def static_none():
    net.load(base(app={"underlay_mode": "static", "nexthops": [
        nexthop("100.0.0.3/32", "02:00:00:00:aa:03")]}))
    net.drop(from_vm(flow_frame(2)), "no_nexthop", "eni1")
    equal(one(from_vm(flow_frame(3))).eth.dst, "02:00:00:00:aa:03", "MAC")


@case("fib: routes and neighbours of the namespace", stock=True)
def fib():
    net.load(base(RULE, MAP6, app=FIB))
    routes(f"route add default via {GW}")
    f = flow_frame()
    net.forwards(from_vm(f, smac=MAC2), to_peer(2, f))
    f = flow_frame(5)
    net.forwards(from_vm(f, smac=MAC2), to_peer(5, f, True))
    f = peer_frame(2, udp(net.sport(), 53))
    net.forwards(from_peer(2, f, smac=MAC2), to_vm(f))


@case("fib: a live connection follows routes and neighbours")
def fib_moves():
    net.load(base(app=FIB))
    routes(f"route add default via {GW}")
    f = flow_frame()
    net.forwards(from_vm(f), to_peer(2, f))
    routes(f"route add default via {GW2}")
    net.forwards(from_vm(f), patch(to_peer(2, f), 0, bytes.fromhex(
        MAC2.replace(":", ""))))
    ip_cmd(f"neigh change {GW2} lladdr 02:00:5e:00:00:ba nud permanent dev u0")
    equal(one(from_vm(f)).eth.dst, "02:00:5e:00:00:ba", "MAC")
    ip_cmd(f"neigh change {GW2} lladdr {MAC2} nud permanent dev u0")
    routes()
    net.drop(from_vm(f), "no_nexthop", "eni1")
    routes(f"route add default via {GW}")
    net.forwards(from_vm(f), to_peer(2, f))


@case("fib: another port, with its MAC", stock=True)
def fib_port():
    app, peer = net.macs(1)
    net.load(base(app=FIB))
    ip_cmd("addr replace 172.17.0.1/24 dev u1\nneigh replace 172.17.0.254 "
           f"lladdr {peer} nud permanent dev u1\n")
    routes(f"route add default via {GW}",
           "route add 100.0.0.3/32 via 172.17.0.254")
    f = flow_frame(3)
    out = net.send_any(from_vm(f))
    want = to_peer(3, f)
    want = patch(want, 0, bytes.fromhex((peer + app).replace(":", "")))
    equal([(p, describe(x)) for p, x in out], [("u1", describe(want))],
          "frames")
    # A host of the link itself.
    ip_cmd("neigh replace 172.17.0.77 lladdr 02:00:5e:00:00:bb nud permanent "
           "dev u1\n")
    net.load([mapping("v1", ca(3), "172.17.0.77", mac(3))],
             "--ignore-unknown")
    (port, frame), = net.send_any(from_vm(f))
    equal((port, Outer(frame).eth.dst), ("u1", "02:00:5e:00:00:bb"), "next hop")


@case("fib: unreachable, blackhole and prohibit routes")
def fib_refused():
    net.load(base(app=FIB))
    for kind in ("unreachable", "blackhole", "prohibit"):
        routes(f"route add default via {GW}", f"route add {kind} {pa(2)}/32")
        net.drop(from_vm(flow_frame(2)), "no_nexthop", "eni1")
        f = flow_frame(3)
        net.forwards(from_vm(f), to_peer(3, f))


@case("fib: multipath routes are used by all connections")
def fib_ecmp():
    net.load(base(app={**FIB, "udp_sport": "hash"}))
    # The kernel's hash looks at ports only when told so.
    with InNetns(net.app), open("/proc/sys/net/ipv4/fib_multipath_hash_policy",
                                "w", encoding="ascii") as f:
        f.write("1")
    routes(f"route add default nexthop via {GW} dev u0 nexthop via {GW2} "
           "dev u0")
    seen = set()
    for _ in range(64):
        f = flow_frame()
        macs = {one(from_vm(f)).eth.dst for _ in range(2)}
        equal(len(macs), 1, "next hops of a connection")
        seen |= macs
    equal(seen, {PEER_MAC, MAC2}, "next hops")
    routes(f"route add default via {GW}")


@case("fib: a neighbour that must be asked for first")
def fib_arp():
    """The packet waits for the answer, as any other of the host."""
    net.load(base(app=FIB))
    routes(f"route add default via {UNKNOWN}")
    wire = net.wires["u0"]
    f = flow_frame()
    asked_for = bytes(int(x) for x in UNKNOWN.split("."))
    wire.send(from_vm(f))
    end = time.monotonic() + 3 * SLOW
    asked = got = None
    while time.monotonic() < end and not got:
        frame = wire.recv(end - time.monotonic())
        if not frame:
            break
        if frame[12:14] == b"\x08\x06" and frame[38:42] == asked_for:
            asked = frame
            wire.send(frame[6:12] + bytes.fromhex("02005e0000c8") +
                      frame[12:20] + b"\0\2" + bytes.fromhex("02005e0000c8") +
                      asked_for + frame[22:32])
        elif frame[12:14] == b"\x08\x00":
            got = frame
    check(asked, "nobody asked for the next hop")
    check(got, "the packet did not come after the answer")
    equal(Outer(got).eth.dst, "02:00:5e:00:00:c8", "MAC")
    ip_cmd(f"neigh flush {UNKNOWN} dev u0")
    routes(f"route add default via {GW}")


# -- MTU ----------------------------------------------------------------------

def big(n=2, size=1000, v6=False, **kw):
    return vm_frame(n, udp(net.sport(), 53, b"b" * size), v6, **kw)


def with_mtu(mtu, host=2, **fields):
    """A decorator: the host of VM 2, or another one, is reached by port u1,
    which has that MTU. (What comes in by u0 is larger.)"""
    def wrap(func):
        def wrapped(*args):
            net.load(base(RULE, MAP6, app={**FIB, **fields}))
            ip_cmd("addr replace 172.17.0.1/24 dev u1\nneigh replace "
                   f"172.17.0.254 lladdr {net.macs(1)[1]} nud permanent dev "
                   f"u1\naddr replace fd00:173::1/64 dev u1 nodad\n"
                   "neigh replace fd00:173::fe lladdr "
                   f"{net.macs(1)[1]} nud permanent dev u1\n"
                   f"route replace {pa(5, True)}/128 via fd00:173::fe\n"
                   f"link set u1 mtu {mtu}\n")
            routes(f"route add default via {GW}",
                   f"route add {pa(host)}/32 via 172.17.0.254")
            try:
                func(*args)
            finally:
                ip_cmd(f"link set u1 mtu {MTU}")
        return wrapped
    return wrap


def by_u1(frame):
    """What leaves by u1 when frame comes in by u0."""
    out = net.send_any(frame)
    equal({p for p, _ in out}, {"u1"}, "ports that frames left by")
    return [f for _, f in out]


@case("MTU: what just fits, is sent", stock=True)
@with_mtu(1300)
def mtu_fits():
    # 20 IPv4 + 8 UDP + 8 VXLAN + 14 Ethernet + 20 + 8
    f = big(size=1300 - 78, flags="DF")
    app, peer = net.macs(1)
    want = patch(to_peer(2, f), 0, bytes.fromhex((peer + app).replace(":", "")))
    equal([describe(x) for x in by_u1(from_vm(f))], [describe(want)], "frames")


def generated(direction):
    return net.eni_stats()[direction]["generated_packets"]


def too_big(frame, n=2, vm=True, vlan=()):
    """A packet to VM n, or from there to VM 1 (vm=False), is dropped for being
    too big. Return the ICMP error that its sender gets, as the packet in its
    tunnel."""
    way = "inbound" if vm else "outbound"
    before = net.drops()
    count = generated(way)
    out = net.send(frame)
    equal(dict(net.drops() - before), {"too_big": 1}, "drops")
    equal(len(out), 1, "frames")
    equal(generated(way) - count, 1, "generated packets")
    o = Outer(out[0])
    equal((o.src, o.dst, o.vni, o.dport),
          (VIP, pa(1 if vm else n), VM_VNI if vm else VNI, 4789), "tunnel")
    equal(tuple(o.vlan), vlan, "VLAN tags")
    eth = Ether(o.inner)
    equal((eth.src, eth.dst), (FAKE_MAC if vm else mac(1),
                               mac(1 if vm else n)), "inner MACs")
    packet = (IPv6 if o.inner[12:14] == b"\x86\xdd" else IP)(o.inner[14:])
    v6 = packet.version == 6
    ends = (ca(n, v6), ca(1, v6))[::1 if vm else -1]
    equal((packet.src, packet.dst), ends, "inner addresses")
    # The checksum is right.
    again = packet.__class__(bytes(packet))
    layer = ICMPv6PacketTooBig if v6 else ICMP
    name = "cksum" if v6 else "chksum"
    got = getattr(again[layer], name)
    delattr(again[layer], name)
    again = packet.__class__(bytes(again))
    equal(got, getattr(again[layer], name), "ICMP checksum")
    return packet


@case("MTU: an inner DF packet is answered with the MTU", stock=True)
@with_mtu(1300)
def mtu_df():
    f = big(size=1300 - 78 + 1, flags="DF")
    icmp = too_big(from_vm(f))[ICMP]
    equal((icmp.type, icmp.code, icmp.nexthopmtu), (3, 4, 1250), "ICMP")
    check(bytes(icmp.payload)[:28] == f[14:42], "the packet is not quoted")


@case("MTU: an inner IPv6 packet is answered with the MTU")
@with_mtu(1400)
def mtu_v6():
    f = big(size=1400, v6=True)
    icmp = too_big(from_vm(f))[ICMPv6PacketTooBig]
    equal(icmp.mtu, 1350, "MTU")
    check(bytes(icmp.payload)[:48] == f[14:62], "the packet is not quoted")


@case("MTU: an IPv6 underlay takes 70 bytes")
@with_mtu(1400)
def mtu_overhead():
    icmp = too_big(from_vm(big(5, 1380, flags="DF")), 5)[ICMP]
    equal(icmp.nexthopmtu, 1330, "MTU")
    icmp = too_big(from_vm(big(5, 1380, True), ip_kw={"tos": 0xb9}), 5)
    equal(icmp[ICMPv6PacketTooBig].mtu, 1330, "MTU")


@case("MTU: the error is as long as RFC 1812 and RFC 4443 say", stock=True)
@with_mtu(1300)
def mtu_quote():
    for v6, size in ((False, 576), (True, 1280)):
        f = big(size=1400, v6=v6, **({} if v6 else {"flags": "DF"}))
        packet = too_big(from_vm(f))
        head = 48 if v6 else 28
        equal(bytes(packet)[head:], f[14:14 + size - head], "quote")
        equal(len(packet), size, "length")
        equal(packet.plen + 40 if v6 else packet.len, size, "length told")


@case("MTU: IPv6 packets of 1280 bytes pass any path", stock=True)
@with_mtu(1300)
def mtu_v6_least():
    """RFC 8200 promises these to every host; RFC 2473 has tunnels fragment
    their outer packets then."""
    f = big(size=1281 - 48, v6=True)
    equal(too_big(from_vm(f))[ICMPv6PacketTooBig].mtu, 1280, "MTU")
    f = big(size=1280 - 48, v6=True)
    packets = [IP(o[14:]) for o in by_u1(from_vm(f))]
    equal(len(packets), 2, "fragments")
    equal(b"".join(bytes(p.payload) for p in packets)[16:][14:], f[14:],
          "inner packet, put together")


@cases({"MTU: towards the VM the other side is told": False,
        "MTU: towards the VM in a connection that it began": True},
       stock=("MTU: towards the VM the other side is told",))
@with_mtu(1300, host=1)
def mtu_inbound(reply):
    """By the way of the packets that the VM sends to it."""
    for v6, mtu in ((False, 1250), (True, 1280)):
        port = net.sport()
        kw = {} if v6 else {"flags": "DF"}
        if reply:
            f = flow_frame(2, port, v6=v6)
            net.forwards(from_vm(f), to_peer(2, f))
            f = peer_frame(2, udp(53, port, b"b" * 1300), v6, **kw)
        else:
            f = peer_frame(2, udp(port, 53, b"b" * 1300), v6, **kw)
        packet = too_big(from_peer(2, f), vm=False)
        icmp = packet[ICMPv6PacketTooBig] if v6 else packet[ICMP]
        equal(icmp.mtu if v6 else icmp.nexthopmtu, mtu, "MTU")
        check(bytes(icmp.payload)[:48] == f[14:62], "the packet is not quoted")


def silent(frame, reason="too_big"):
    """Dropped, and nobody is told."""
    before = [generated(d) for d in ("outbound", "inbound")]
    net.drop(frame, reason, "eni1")
    equal([generated(d) for d in ("outbound", "inbound")], before,
          "generated packets")


@case("MTU: no error about errors, later fragments or redirects", stock=True)
@with_mtu(1300)
def mtu_silent():
    for v6 in (False, True):
        kw = {} if v6 else {"flags": "DF"}
        port = net.sport()
        f = peer_frame(2, udp(53, port), v6)
        net.forwards(from_peer(2, f), to_vm(f))
        error = icmp_error(peer_frame(2, udp(53, port, b"b" * 1400), v6), v6)
        silent(from_vm(vm_frame(2, error, v6, **kw)))
        # A ping of that size is answered.
        too_big(from_vm(vm_frame(2, echo(net.sport(), v6, data=b"b" * 1400),
                                 v6, **kw)))
    redirect = b"\x89\0\0\0" + bytes(1400)
    silent(from_vm(vm_frame(2, redirect, True, nh=58)))
    first = vm_frame(2, udp(net.sport(), 53, b"b" * 200), flags="DF+MF", id=77)
    equal(len(by_u1(from_vm(first))), 1, "frames")
    silent(from_vm(vm_frame(2, Raw(b"b" * 1400), flags="DF", id=77, proto=17,
                            frag=26)))


@case("MTU: errors are limited for an ENI and direction", stock=True)
@with_mtu(1300)
def mtu_limit():
    f = from_vm(big(size=1400, flags="DF"))
    time.sleep(0.6)                     # what cases before used comes back
    before = net.drops()
    start, count = time.monotonic(), generated("inbound")
    out = net.send(*[f] * 300)
    took = time.monotonic() - start
    equal(dict(net.drops() - before), {"too_big": 300}, "drops")
    equal(generated("inbound") - count, len(out), "generated packets")
    check(50 <= len(out) <= 51 + 100 * took,
          f"{len(out)} errors in {took:.2f} s")
    time.sleep(0.1)
    too_big(f)


@case("MTU: hairpin and static mode: that of the device")
def mtu_eth():
    """VLAN tags are kept as those of other packets."""
    net.load(base(MAP6))
    # More than its MTU does not come in by a device; IPv6 outside makes it so.
    f = big(5, 1290 - 78, flags="DF")
    ip_cmd("link set u0 mtu 1300")
    try:
        for vlan in ((), (7,), (7, 8)):
            packet = too_big(from_vm(f, vlan=vlan), 5, vlan=vlan)
            equal(packet[ICMP].nexthopmtu, 1230, "MTU")
    finally:
        ip_cmd(f"link set u0 mtu {MTU}")
    net.load(base(app={"underlay_mode": "static", "nexthops": [
        {"prefix": f"{pa(1)}/32", "dst_mac": PEER_MAC, "src_mac": APP_MAC},
        {"prefix": f"{pa(2)}/32", "dst_mac": PEER_MAC, "src_mac": APP_MAC,
         "port": "u1"}]}))
    ip_cmd("link set u1 mtu 1300")
    try:
        packet = too_big(from_vm(big(size=1400, flags="DF")))
        equal(packet[ICMP].nexthopmtu, 1250, "MTU")
    finally:
        ip_cmd(f"link set u1 mtu {MTU}")


@case("MTU: without DF the outer packet is fragmented", stock=True)
@with_mtu(1300)
def mtu_fragment():
    f = big(size=1400)
    out = by_u1(from_vm(f)) + by_u1(from_vm(f))
    equal(len(out), 4, "fragments")
    packets = [IP(o[14:]) for o in out]
    check(all(not int(p.flags) & 2 for p in packets), "DF is set")
    check(all(len(p) <= 1300 for p in packets), "a fragment is too big")
    ids = [p.id for p in packets]
    check(ids[0] == ids[1] != ids[2] == ids[3], f"ids: {ids}")
    data = b"".join(bytes(p.payload) for p in packets[:2])
    equal(data[16:][14:], f[14:], "inner packet, put together")


def together(frames, mtu, vlan=()):
    """What fragments carry, and their identification."""
    data, idents = b"", set()
    for i, f in enumerate(frames):
        o = Outer(f)
        equal(tuple(o.vlan), vlan, "VLAN tags")
        ip, last = f[o.l3:], i == len(frames) - 1
        check(len(ip) <= mtu, f"a fragment of {len(ip)} bytes")
        if o.v6:
            equal((ip[6], ip[40]), (44, 17), "next headers")
            equal(int.from_bytes(ip[4:6], "big"), len(ip) - 40, "length")
            off, more = ip[42:44], not last
            idents.add(ip[44:48])
            ip = ip[48:]
            equal(int.from_bytes(off, "big"), len(data) + more, "offset")
        else:
            equal(int.from_bytes(ip[2:4], "big"), len(ip), "length")
            equal(csum(ip[:20]), 0, "sum of the header")
            idents.add(ip[4:6])
            equal(int.from_bytes(ip[6:8], "big"),
                  len(data) // 8 + (0 if last else 0x2000), "offset, flags")
            ip = ip[20:]
        data += ip
    equal(len(idents), 1, "identifications of a packet")
    return data, idents.pop()


def in_pieces(frame, want, mtu, vlan=(), n=2, **kw):
    """A frame leaves in n fragments that make what is wanted, but for the
    header; return their identification."""
    out = [f for _, f in net.send_any(frame, **kw)]
    equal(len(out), n, f"fragments; drops so far: {dict(net.drops())}")
    l3 = 14 + 4 * len(vlan)
    for f in out:
        equal(f[:l3], want[:l3], "Ethernet header")
    data, ident = together(out, mtu, vlan)
    equal(data.hex(), want[l3 + (40 if Outer(want).v6 else 20):].hex(),
          "packet, put together")
    return ident


@case("MTU: hairpin mode: without DF the outer packet is fragmented",
      stock=True)
def mtu_hairpin_fragment():
    """VLAN tags are kept as those of other packets."""
    net.load(base(MAP6))
    ip_cmd("link set u0 mtu 1300")
    try:
        for vlan in ((), (7,), (7, 8)):
            # IPv6 outside makes it more than what can come in by the device
            f = big(5, 1290 - 78)
            idents = [in_pieces(from_vm(f, vlan=vlan),
                                to_peer(5, f, True, vlan=vlan), 1300, vlan)
                      for _ in range(2)]
            check(idents[0] != idents[1], f"identifications: {idents}")
    finally:
        ip_cmd(f"link set u0 mtu {MTU}")


@cases({"MTU: static mode: without DF the outer packet is fragmented, IPv4":
        False,
        "MTU: static mode: without DF the outer packet is fragmented, IPv6":
        True}, stock=True)
def mtu_static_fragment(u6):
    app, peer = net.macs(1)
    net.load(base(MAP6, app={"underlay_mode": "static", "nexthops": [
        {"prefix": p, "dst_mac": peer, "src_mac": app, "port": "u1"}
        for p in ("0.0.0.0/0", "::/0")]}))
    n = 5 if u6 else 2
    ip_cmd("link set u1 mtu 1300")
    try:
        for size, pieces in ((1300, 2), (2600, 3), (8000, 7)):
            f = big(n, size)
            want = patch(to_peer(n, f, u6), 0, mac_bytes(peer) + mac_bytes(app))
            idents = [in_pieces(from_vm(f, vlan=vlan), want, 1300, n=pieces)
                      for vlan in ((), (7,))]
            check(idents[0] != idents[1], f"identifications: {idents}")
        # one with DF has none
        before = net.drops()
        net.send(from_vm(big(n, 1400, flags="DF")))
        equal(dict(net.drops() - before), {"too_big": 1}, "drops")
    finally:
        ip_cmd(f"link set u1 mtu {MTU}")


@case("MTU: static mode: a packet sent directly keeps its identification")
def mtu_static_direct():
    app, peer = net.macs(1)
    net.load(base(row("ROUTE", "rg", "20.0.0.0/24", routing_type="direct"),
                  app={"underlay_mode": "static", "nexthops": [
                      {"prefix": "0.0.0.0/0", "dst_mac": peer, "src_mac": app,
                       "port": "u1"}]}))
    f = inner(ca(1), "20.0.0.9", udp(net.sport(), 53, bytes(range(256)) * 8),
              mac(1))
    want = mac_bytes(peer) + mac_bytes(app) + f[12:]
    ip_cmd("link set u1 mtu 1300")
    try:
        equal(in_pieces(from_vm(f), want, 1300), b"\x12\x34",
              "identification")
    finally:
        ip_cmd(f"link set u1 mtu {MTU}")


@case("MTU: room for everything up to 64 KiB on a large one")
def mtu_huge():
    net.load(base(app=FIB))
    routes(f"route add default via {GW}")
    peer = net.peer_name("u0")
    ip_batch(f"link set {peer} mtu 65535\n")
    ip_cmd("link set u0 mtu 65535\n")
    try:
        for v6 in (False, True):
            f = big(size=60000, v6=v6)
            net.forwards(from_vm(f), to_peer(2, f))
    finally:
        ip_batch(f"link set {peer} mtu {MTU}\n")
        ip_cmd(f"link set u0 mtu {MTU}\n")


main(net)
