#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Large packets of TCP and UDP (GSO) stay whole all the way, are counted and
metered right, and the last device cuts them right: PERFORMANCE P3, SPEC 8 (17).

A packet socket with a virtio header makes them, as a VM's kernel does."""

import socket
import struct

from dashtest import (APP_MAC, EXACT, FAKE_MAC, PEER_MAC, SOL_PACKET, VIP,
                      VIP6, VNI, Net, Wire, base, ca, case, cases, check, equal,
                      ip_batch, mac, main, mapping, pa, route_rule, row, run)
from frames import (Ether, Outer, csum, from_vm, inner, is6, patch, tcp, udp,
                    with_dmac)

GW, GW6 = "172.16.0.254", "fd00:172::fe"
EXT = {False: "20.0.0.9", True: "2001:db8::9"}
NAT = {False: "192.0.2.1", True: "2001:db8:2::1"}
DATA = bytes(i * 7 % 256 for i in range(40000))
SIZE = 1300             # bytes of it in a segment
CLASS, RULE_CLASS = 7, 9

PACKET_VNET_HDR = 15
VIRTIO_TCP4, VIRTIO_TCP6, VIRTIO_UDP = 1, 4, 5

net = Net(config="addr add fd00:172::1/64 dev u0 nodad\n"
          f"neigh add {GW} lladdr {PEER_MAC} nud permanent dev u0\n"
          f"neigh add {GW6} lladdr {PEER_MAC} nud permanent dev u0\n"
          f"route add default via {GW} dev u0\n"
          f"route add default via {GW6} dev u0\n")


class Vm:
    """A VM of this host: a veth pair, one end of which is a vport."""

    def __init__(self, n):
        self.name, self.peer = f"t{n}", f"vm{net.num}t{n}"
        ip_batch(f"link add {self.peer} address {mac(n)} type veth peer name "
                 f"{self.name} netns {net.app}\nlink set {self.peer} up\n")
        ip_batch(f"link set {self.name} up\n", net.app)
        net.wires[self.name] = Wire(self.peer)


vms = {n: Vm(n) for n in (1, 2)}


def whole(on=True):
    """Do devices take large packets? Otherwise they are cut before."""
    for dev in net.wires:
        run("ip", "netns", "exec", net.app, "ethtool", "-K", dev, "tx",
            "on" if on else "off")


def config(*extra, app=None, vport=True, **eni):
    """VMs 1 and 2 are here, VM 3 is elsewhere, and there is an outside."""
    rows = [row("ENI", "eni2", mac_address=mac(2), admin_state="enabled",
                vnet="v1"),
            row("ENI_ROUTE", "eni2", group_id="rg"),
            {"PORT:t2": {"role": "vport", "eni": "eni2"}, "OP": "SET"}]
    if vport:
        rows += [{"PORT:t1": {"role": "vport", "eni": "eni1"}, "OP": "SET"}]
        eni.setdefault("underlay_ip", None)
    for v6 in (False, True):
        plen = 64 if v6 else 24
        net_of = {False: "10.0.0.0", True: "fd00:10::"}[v6]
        rows += [mapping("v1", ca(2, v6), VIP, mac(2)),
                 mapping("v1", ca(3, v6), pa(3), mac(3)),
                 mapping("v1", ca(4, v6), pa(4, True), mac(4)),
                 row("ROUTE", "rg", f"{net_of}/{plen}", routing_type="vnet",
                     vnet="v1", metering_class_or=CLASS),
                 row("ROUTE", "rg", "::/0" if v6 else "0.0.0.0/0",
                     routing_type="snat", nat_ip=NAT[v6],
                     nat_ports="2000-2999", metering_class_or=CLASS)]
    rows += [route_rule("eni2", VNI, f"{VIP}/32", 1, vnet="v1",
                        metering_class_or=RULE_CLASS)]
    return base(rows, *extra, app={**EXACT, "underlay_mode": "fib",
                                   "tcp_loose": True, **(app or {})}, eni=eni)


KINDS = {f"{kind.__name__.upper()} IPv{6 if v6 else 4}": (kind, v6)
         for kind in (tcp, udp) for v6 in (False, True)}


def l4(kind, sport, dport, data):
    return tcp(sport, dport, "A", 1, 1, data) if kind is tcp else \
        udp(sport, dport, data)


class Large:
    """A large frame: what is sent, and what that is about."""

    def __init__(self, kind, src, dst, sport, dport, smac, dmac, data=DATA):
        self.v6 = is6(src)
        self.kind, self.l3 = kind, 14
        self.l4 = 54 if self.v6 else 34
        self.hlen = self.l4 + (20 if kind is tcp else 8)
        self.frame = self.partial(inner(src, dst, l4(kind, sport, dport, data),
                                        smac, dmac))
        self.data = data
        self.pieces = -(-len(data) // SIZE)
        # as the device would send it
        self.metered = len(data) + self.pieces * self.hlen

    def partial(self, frame):
        """The checksum as far as it is made before: that of the pseudo
        header."""
        n = len(frame) - self.l4
        addrs = frame[22:54] if self.v6 else frame[26:34]
        proto = 6 if self.kind is tcp else 17
        value = ~csum(addrs + struct.pack("!II", n, proto)) & 0xffff
        return patch(frame, self.l4 + (16 if self.kind is tcp else 6),
                     struct.pack("!H", value))

    def send(self, dev):
        tcp_kind = VIRTIO_TCP6 if self.v6 else VIRTIO_TCP4
        head = struct.pack("=BBHHHH", 1,
                           tcp_kind if self.kind is tcp else VIRTIO_UDP,
                           self.hlen, SIZE, self.l4,
                           16 if self.kind is tcp else 6)
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as s:
            s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
            s.bind((dev, 0))
            s.send(head + self.frame)
        out = {}
        for name, frame in net.send_any():
            out.setdefault(name, []).append(frame)
        return out


def counters(eni="eni1"):
    """(bytes received and sent) by direction; metered (tx, rx) bytes and
    packets."""
    d = net.eni_stats(eni)
    out = {w: tuple(d[w][k] for k in ("rx_packets", "rx_bytes", "tx_packets",
                                      "tx_bytes"))
           for w in ("outbound", "inbound")}
    for item in net.json("meter", "class", "show"):
        key = next(k for k in item if k != "OP")
        name, cls = key.split(":", 1)[1].rsplit(":", 1)
        if name == eni:
            f = item[key]
            out[int(cls)] = (f["tx_counter"], f["rx_counter"], f["tx_packets"],
                             f["rx_packets"])
    return out


def grew(before, want, eni="eni1"):
    """These counters grew so, and no other."""
    got = {}
    for key, now in counters(eni).items():
        diff = tuple(a - b for a, b in zip(now, before.get(key, (0,) * 4)))
        if any(diff):
            got[key] = diff
    equal(got, want, f"what counters of {eni} grew by")


def cut_right(frames, large, want):
    """Segments of a large frame: want(n) is the whole one if it had but the
    n-th piece of its data, at most."""
    equal(len(frames), large.pieces, "segments")
    at = 0
    for n, frame in enumerate(frames):
        data = large.data[at:at + SIZE]
        equal(frame[-len(data):], data, f"data of segment {n}")
        want(n, at, data, frame)
        at += len(data)
    equal(at, len(large.data), "data")


def segment_ok(large, at, frame):
    """Sequence number and checksums of an IP packet in an Ethernet frame."""
    n = len(frame)
    if large.v6:
        addrs = frame[22:54]
        equal(struct.unpack("!H", frame[18:20])[0], n - 54, "length")
    else:
        addrs = frame[26:34]
        equal(struct.unpack("!H", frame[16:18])[0], n - 14, "length")
        equal(csum(frame[14:34]), 0, "sum of the IPv4 header")
    if large.kind is tcp:
        seq, = struct.unpack("!I", frame[large.l4 + 4:large.l4 + 8])
        equal(seq, 1 + at, "sequence number")
    pseudo = addrs + struct.pack("!II", n - large.l4,
                                 6 if large.kind is tcp else 17)
    equal(csum(pseudo + frame[large.l4:]), 0, "sum of the segment")


# -- vports -------------------------------------------------------------------

@cases({f"from a vport: {name}, over IPv{6 if u6 else 4}": (*args, u6)
        for name, args in KINDS.items() for u6 in (False, True)})
def from_vport(kind, v6, u6):
    net.load(config())
    n = 4 if u6 else 3
    large = Large(kind, ca(1, v6), ca(n, v6), net.sport(), 80, mac(1), FAKE_MAC)
    f = large.frame
    head = 56 if u6 else 36         # of the outer packet
    whole()
    try:
        before = counters()
        out = large.send(vms[1].peer)
        equal({k: len(v) for k, v in out.items()}, {"u0": 1}, "frames")
        got = Outer(out["u0"][0])
        equal((got.src, got.dst, got.vni),
              (VIP6 if u6 else VIP, pa(n, u6), VNI), "tunnel")
        equal(got.inner, with_dmac(f, mac(n)), "inner frame")
        grew(before, {"outbound": (1, len(f), 1, len(f) + head),
                      CLASS: (large.metered, 0, large.pieces, 0)})
        flow, = net.flows()
        equal((flow["forward"]["packets"], flow["forward"]["bytes"]),
              (1, len(f)), "counters of the connection")
    finally:
        whole(False)

    def piece(_, at, data, frame):
        got = Outer(frame)
        equal(got.inner[:12], with_dmac(f, mac(n))[:12], "inner MACs")
        segment_ok(large, at, got.inner)
        equal(len(got.inner), large.hlen + len(data), "inner length")
        check(not got.ucsum or got.csum_ok(), "outer checksum")
    cut_right(large.send(vms[1].peer)["u0"], large, piece)


@cases({f"from one vport to another: {k}": v for k, v in KINDS.items()})
def to_vport(kind, v6):
    """As a packet in a tunnel on the way, so that is what the second VM gets
    from the underlay, too."""
    net.load(config())
    large = Large(kind, ca(1, v6), ca(2, v6), net.sport(), 80, mac(1), FAKE_MAC)
    f = large.frame
    whole()
    try:
        before = counters("eni2")
        out = large.send(vms[1].peer)
        equal({k: len(v) for k, v in out.items()}, {"t2": 1}, "frames")
        equal(out["t2"][0], with_dmac(f, mac(2)), "frame")
        grew(before, {"inbound": (1, len(f) + 36, 1, len(f)),
                      RULE_CLASS: (0, large.metered, 0, large.pieces)}, "eni2")
        flow, = net.flows("eni", "eni2")
        equal((flow["forward"]["packets"], flow["forward"]["bytes"]),
              (1, len(f)), "counters of the connection")
    finally:
        whole(False)
    cut_right(large.send(vms[1].peer)["t2"], large,
              lambda n, at, data, frame: segment_ok(large, at, frame))


@cases({"4to6, longer than what it would become may be: TCP": tcp,
        "4to6, longer than what it would become may be: UDP": udp})
def longest(kind):
    """It is cut first, into what any device would cut it into."""
    types = {"DASH_ROUTING_TYPE_TABLE:servicetunnel": [
        {"name": "a", "action_type": "4to6"},
        {"name": "b", "action_type": "staticencap", "encap_type": "vxlan"}],
        "OP": "SET"}
    net.load(config(types, row(
        "ROUTE", "rg", "30.0.0.0/8", routing_type="servicetunnel",
        overlay_sip_prefix="fd30::/96", overlay_dip_prefix="2603:10::/96",
        underlay_dip=pa(3), metering_class_or=CLASS)))
    data = DATA + DATA[:25450]
    large = Large(kind, ca(1), "30.0.0.9", net.sport(), 80, mac(1), FAKE_MAC,
                  data)
    whole()
    try:
        before = counters()
        frames = large.send(vms[1].peer)["u0"]
        # what it becomes
        large.v6, large.l4 = True, 54

        def piece(_, at, data, frame):
            got = Outer(frame)
            p = Ether(got.inner)
            equal((got.dst, p.type, p.payload.src, p.payload.dst),
                  (pa(3), 0x86dd, "fd30::a00:1", "2603:10::1e00:9"),
                  "addresses")
            segment_ok(large, at, got.inner)
            equal(len(got.inner), large.hlen + 20 + len(data), "inner length")
        cut_right(frames, large, piece)
        grew(before, {
            "outbound": (1, len(large.frame), 1,
                         sum(len(frame) - 14 for frame in frames)),
            CLASS: (large.metered, 0, large.pieces, 0)})
    finally:
        whole(False)


# -- source NAT ---------------------------------------------------------------

def translated(kind, v6, sport):
    """A large frame to the outside left: the port that it got."""
    large = Large(kind, ca(1, v6), EXT[v6], sport, 80, mac(1), FAKE_MAC)
    f = large.frame
    before = counters()
    out = large.send(vms[1].peer)
    equal({k: len(v) for k, v in out.items()}, {"u0": 1}, "frames")
    got = out["u0"][0]
    port, = struct.unpack("!H", got[large.l4:large.l4 + 2])
    check(2000 <= port <= 2999, f"port {port}")
    want = Large(kind, NAT[v6], EXT[v6], port, 80, APP_MAC, PEER_MAC)
    equal(got, want.frame, "frame")
    grew(before, {"outbound": (1, len(f), 1, len(f) - 14),
                  CLASS: (large.metered, 0, large.pieces, 0)})
    whole(False)
    cut_right(large.send(vms[1].peer)["u0"], want,
              lambda n, at, data, frame: segment_ok(want, at, frame))
    whole()
    return port


@cases({f"source NAT, there and back to a vport: {k}": v
        for k, v in KINDS.items()})
def snat(kind, v6):
    net.load(config())
    sport = net.sport()
    whole()
    try:
        port = translated(kind, v6, sport)
        back = Large(kind, EXT[v6], NAT[v6], 80, port, PEER_MAC, APP_MAC)
        want = Large(kind, EXT[v6], ca(1, v6), 80, sport, FAKE_MAC, mac(1))
        n = len(want.frame)
        before = counters()
        out = back.send(net.peer_name("u0"))
        equal({k: len(v) for k, v in out.items()}, {"t1": 1}, "frames")
        equal(out["t1"][0], want.frame, "frame")
        grew(before, {"inbound": (1, n - 14, 1, n),
                      CLASS: (0, want.metered, 0, want.pieces)})
        flow, = net.flows()
        equal((flow["reverse"]["packets"], flow["reverse"]["bytes"]),
              (1, n), "counters of the connection")
    finally:
        whole(False)
    cut_right(back.send(net.peer_name("u0"))["t1"], want,
              lambda n, at, data, frame: segment_ok(want, at, frame))


@cases({f"source NAT, back to a VM elsewhere: {k}": v
        for k, v in KINDS.items()})
def snat_elsewhere(kind, v6):
    net.load(config())
    sport = net.sport()
    whole()
    try:
        port = translated(kind, v6, sport)
        # it moves away
        net.load([{"PORT:t1": {}, "OP": "DEL"},
                  row("ENI", "eni1", mac_address=mac(1), underlay_ip=pa(1),
                      admin_state="enabled", vnet="v1")], "--ignore-unknown")
        back = Large(kind, EXT[v6], NAT[v6], 80, port, PEER_MAC, APP_MAC)
        want = Large(kind, EXT[v6], ca(1, v6), 80, sport, FAKE_MAC, mac(1))
        out = back.send(net.peer_name("u0"))
        equal({k: len(v) for k, v in out.items()}, {"u0": 1}, "frames")
        got = Outer(out["u0"][0])
        equal((got.dst, got.inner), (pa(1), want.frame), "packet")
    finally:
        whole(False)


@case("segments that do not fit are fragmented, in hairpin mode, too")
def too_long():
    for mode in ("fib", "hairpin"):
        net.load(config(app={"underlay_mode": mode}, vport=False,
                        underlay_ip=pa(1)))
        sport = net.sport()
        out, = net.send(from_vm(inner(ca(1), EXT[False], tcp(sport, 80),
                                      mac(1))))
        port, = struct.unpack("!H", out[34:36])
        back = Large(tcp, EXT[False], NAT[False], 80, port, PEER_MAC, APP_MAC)
        want = Large(tcp, EXT[False], ca(1), 80, sport, FAKE_MAC, mac(1))
        ip_batch("link set u0 mtu 1340\n", net.app)
        try:
            frames = back.send(net.peer_name("u0"))["u0"]
        finally:
            ip_batch("link set u0 mtu 9000\n", net.app)
        # the last one has less data
        fits = len(DATA) % SIZE + want.hlen + 36 <= 1340
        equal(len(frames), 2 * want.pieces - fits, f"{mode}: fragments")
        at, body, ident = 0, b"", None
        for frame in frames:
            check(len(frame) <= 1354, "too long")
            equal(frame[:12], Ether(dst=PEER_MAC, src=APP_MAC).build()[:12],
                  "MACs")
            flags, = struct.unpack("!H", frame[20:22])
            equal(flags & 0x1fff, len(body) // 8, "offset")
            check(ident in (None, frame[18:20]), "identification")
            body += frame[34:]
            ident = frame[18:20]
            if flags & 0x2000:
                continue
            segment_ok(want, at, body[16:])
            at += len(body) - 16 - want.hlen
            body, ident = b"", None
        equal((at, body), (len(DATA), b""), f"{mode}: data")


whole(False)
main(net)
