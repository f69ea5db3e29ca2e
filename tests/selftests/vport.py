#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Host mode: VMs on a device of this host (SPEC 1, 8.9, 8.15).

The VM of eni1 is behind t1, a veth pair whose other end is ours, where frames
are compared byte by byte; later cases put a namespace with a kernel's own
stack there."""

import socket
import struct
import tempfile
import time

from dashtest import (APP_MAC, EXACT, FAKE_MAC, PEER_MAC, SLOW, VIP, VIP6, VNI, Net,
                      Wire, base, ca, case, cases, check, equal, eventually,
                      ip_batch, mac, mac_bytes, main, mapping, pa, route_rule,
                      row, run, same)
from frames import (Outer, csum, echo, from_peer, from_vm, inner, patch,
                    peer_frame, sent, tcp, udp, vm_frame, with_dmac)
from nets import FAST, Flood, Space, rounds

FIB = {**EXACT, "underlay_mode": "fib"}
GW, GW6 = "172.16.0.254", "fd00:172::fe"

net = Net(config="addr add fd00:172::1/64 dev u0 nodad\n"
          f"neigh add {GW} lladdr {PEER_MAC} nud permanent dev u0\n"
          f"neigh add {GW6} lladdr {PEER_MAC} nud permanent dev u0\n"
          f"route add 100.0.0.0/24 via {GW} dev u0\n"
          f"route add fd00:100::/64 via {GW6} dev u0\n")
there = Space("vms")        # another namespace for vports


def port(name="t1", eni="eni1", **fields):
    return {f"PORT:{name}": {"role": "vport", "eni": eni, **fields},
            "OP": "SET"}


def config(*extra, app=None, eni=None, dev="t1", **fields):
    """One VM here, three elsewhere."""
    return base(*extra, port(dev, **fields), app={**FIB, **(app or {})},
                eni={"underlay_ip": None, **(eni or {})})


class Vport:
    """A veth pair, one end of which is for a vport, the other one ours."""

    def __init__(self, name="t1", space=net.app, n=1, mtu=1500):
        self.name, self.space, self.n = name, space, n
        self.peer = f"vm{net.num}{name}"
        ip_batch(f"link add {self.peer} address {mac(n)} mtu {mtu} type veth "
                 f"peer name {name} address fe:00:00:00:00:{n:02x} mtu {mtu} "
                 f"netns {space}\nlink set {self.peer} up\n")
        ip_batch(f"link set {name} up\n", space)
        run("ip", "netns", "exec", space, "ethtool", "-K", name, "tx", "off",
            ok=False)
        net.wires[name] = Wire(self.peer)

    def close(self):
        net.wires.pop(self.name).close()
        run("ip", "link", "del", self.peer, ok=False)


t1 = Vport()


def send(*frames, port="t1"):
    """Frames of the VM; what came out, by port, without the kernel's own."""
    out = {}
    for name, frame in net.send_any(*frames, port=port):
        out.setdefault(name, []).append(frame)
    return out


def answers(*frames, port="t1"):
    """The same for those ARP frames that send_any() leaves out."""
    wire = net.wires[port]
    for frame in frames:
        wire.send(frame)
    net.mark()
    net.mark()
    out = []
    while True:
        frame = wire.recv(0)
        if not frame:
            return out
        out.append(frame)


def counts(reason, eni="eni1"):
    d = net.eni_stats(eni)
    return (d["outbound"]["rx_packets"], d["outbound"]["drops"].get(reason, 0),
            d["inbound"]["generated_packets"])


def counted(before, reason, n, generated=0, eni="eni1"):
    after = counts(reason, eni)
    equal(tuple(b - a for a, b in zip(before, after)), (n, n, generated),
          f"received, dropped as {reason}, generated")


# -- configuration ------------------------------------------------------------

@case("dashctl port add, show, save and load", stock=True)
def control():
    net.load(base(app=FIB, eni={"underlay_ip": None}))
    net.dashctl("port", "add", "t1", "vport", "eni", "eni1")
    text = net.dashctl("port", "show").stdout
    check("vport" in text and "eni1" in text, text)
    saved = net.save()
    check(port() in saved, f"saved: {saved}")
    equal(net.load(saved, "--sync").returncode, 0, "load")
    equal(net.save(), saved, "save, load, save")
    equal(sorted(p["port"] for p in net.stats()["ports"]), ["t1", "u0"],
          "ports")
    net.dashctl("port", "del", "t1")
    check("t1" not in net.dashctl("port", "show").stdout, "is still there")


REFUSED = {
    "without an ENI": ([{"PORT:t1": {"role": "vport"}, "OP": "SET"}],
                       ["PORT:t1", "eni"]),
    "an ENI that is none": ([port(eni="eni9")],
                            ["PORT:t1", "eni", "eni9", "does not exist"]),
    "a device that is none": ([port("nodev")], ["PORT:nodev", "device"]),
    "a namespace that is none": ([port(netns="nosuch")],
                                 ["PORT:t1", "netns", "nosuch"]),
    "an underlay port with an ENI": ([{"PORT:t1": {
        "role": "underlay", "eni": "eni1"}, "OP": "SET"}], ["PORT:t1", "vport"]),
    "two vports of one ENI": ([port(), port("t2")],
                              ["eni1", "PORT:t1", "PORT:t2"]),
    "an ENI that goes": ([port(), row("ENI_ROUTE", "eni1", op="DEL"),
                          row("ENI", "eni1", op="DEL")],
                         ["eni1", "PORT:t1", "eni"]),
}


@cases({f"refused: {k}": v for k, v in REFUSED.items()})
def refused(rows, words):
    net.load(base(app=FIB))
    before = net.save()
    p = net.load(rows, "--check", ok=False)
    equal(p.returncode != 0, True, "refused")
    p = net.load(rows, "--ignore-unknown", ok=False)
    for word in words:
        check(word in p.stderr, f"no {word} in: {p.stderr}")
    equal(net.save(), before, "configuration")


@case("an ENI with a vport is not deleted; the vport goes first")
def referred():
    net.load(config())
    p = net.dashctl("eni", "del", "eni1", ok=False)
    check(p.returncode == 2 and "PORT:t1" in p.stderr, p.stderr)
    net.load([row("ENI", "eni1", op="DEL"),
              {"PORT:t1": {}, "OP": "DEL"}], "--ignore-unknown")
    equal([p["port"] for p in net.stats()["ports"]], ["u0"], "ports")


@case("a row is replaced: role, ENI")
def replaced():
    other = row("ENI", "eni2", mac_address=mac(2), admin_state="enabled",
                vnet="v1")
    net.load(config(other))
    f = vm_frame(3, udp(net.sport(), 53))
    equal(len(send(f).get("u0", [])), 1, "frames")
    net.load([port(eni="eni2")], "--ignore-unknown")
    before = counts("spoof", "eni2")
    equal(send(f), {}, "frames of another")
    counted(before, "spoof", 1, eni="eni2")
    net.load([{"PORT:t1": {"role": "underlay"}, "OP": "SET"}],
             "--ignore-unknown")
    equal(send(f), {}, "frames that are not ours")
    equal(net.port_stats("t1")["passed"], 1, "passed")
    net.load([port()], "--ignore-unknown")
    equal(len(send(f).get("u0", [])), 1, "frames")


# -- frames -------------------------------------------------------------------

WAYS = {f"IPv{6 if o else 4} over IPv{6 if u else 4}": (o, u)
        for o in (False, True) for u in (False, True)}


def far(v6, u6, n=2):
    return mapping("v1", ca(n, v6), pa(n, u6), mac(n))


@cases({f"to a VM elsewhere and back: {k}": v for k, v in WAYS.items()},
       stock=True)
def exchange(v6, u6):
    net.load(config(far(v6, u6)))
    for l4, back in ((udp(net.sport(), 53), udp(53, net.next_port)),
                     (tcp(net.sport(), 80), tcp(80, net.next_port, "SA", ack=9)),
                     (echo(77, v6), echo(77, v6, True))):
        f = vm_frame(2, l4, v6, tos=0x2a << 2)
        out = send(f)
        equal(list(out), ["u0"], "devices")
        equal(len(out["u0"]), 1, "frames")
        same(out["u0"][0], sent(with_dmac(f, mac(2)), VNI, VIP6 if u6 else VIP,
                                pa(2, u6), tos=0x2a << 2))
        f = peer_frame(2, back, v6)
        out = send(from_peer(2, f, u6), port="u0")
        equal(list(out), ["t1"], "devices")
        same(out["t1"][0], f)
    flows = net.flows()
    equal(len(flows), 3, "connections")
    for flow in flows:
        equal(flow.get("dev"), "t1", "device")
        check("pa" not in flow and "vni" not in flow, f"outer source: {flow}")
        equal((flow["forward"]["outer_dst"], flow["reverse"]["outer_dst"]),
              (pa(2, u6), None), "transforms")
    net.flush()


@case("connections begun elsewhere", stock=True)
def inbound():
    net.load(config(route_rule("eni1", VNI, "100.0.0.0/24", 1, vnet="v1")))
    f = peer_frame(2, tcp(net.sport(), 22))
    out = send(from_peer(2, f, ip_kw={"tos": 3}), port="u0")
    equal(list(out), ["t1"], "devices")
    same(out["t1"][0], f)
    f = inner(ca(1), ca(2), tcp(22, net.next_port, "SA", ack=1001), mac(1),
              mac(2))
    out = send(f)
    same(out["u0"][0], sent(f, VNI, VIP, pa(2)))
    equal(net.flows()[0]["dev"], "t1", "device")


@case("congestion outside is told inside")
def ecn():
    net.load(config())
    sport = net.sport()
    send(vm_frame(2, udp(sport, 53), tos=2))
    f = peer_frame(2, udp(53, sport), tos=2)
    out = send(from_peer(2, f, ip_kw={"tos": 3}), port="u0")
    same(out["t1"][0], peer_frame(2, udp(53, sport), tos=3))


@case("answers from a foreign PA")
def foreign_pa():
    net.load(config())
    sport = net.sport()
    send(vm_frame(2, udp(sport, 53)))
    f = peer_frame(2, udp(53, sport))
    net.drop(from_peer(2, f, src="100.0.0.77"), "pa_invalid", "eni1")
    equal(list(send(from_peer(2, f), port="u0")), ["t1"], "devices")


@case("trusted VNIs concern the underlay only")
def trusted():
    net.load(config(eni={"trusted_vnis": ["4711"]}))
    equal(list(send(vm_frame(2, udp(net.sport(), 53)))), ["u0"], "devices")


def eth(proto, data, dmac=FAKE_MAC, smac=None):
    return (mac_bytes(dmac) + mac_bytes(smac or mac(1)) +
            struct.pack("!H", proto) + data + bytes(max(0, 46 - len(data))))


def vm_group(dst, l4, v6, **kw):
    src = "fe80::1" if v6 else "0.0.0.0"
    return inner(src, dst, l4, mac(1), "33:33:00:00:00:01" if v6 else
                 "ff:ff:ff:ff:ff:ff", **kw)


# reason, frame
OTHERS = {
    "DHCP": ("control", vm_group("255.255.255.255", udp(68, 67), False)),
    "DHCPv6": ("control", vm_group("ff02::1:2", udp(546, 547), True)),
    "a router solicitation": ("control", vm_group(
        "ff02::2", b"\x85" + bytes(7), True, nh=58, ttl=255)),
    "MLD": ("control", vm_group("ff02::16", b"\x8f" + bytes(7), True, nh=58)),
    "IGMP": ("control", vm_group("224.0.0.22", b"\x22" + bytes(7), False,
                                 proto=2)),
    "LLDP": ("control", eth(0x88cc, b"\x02\x07", "01:80:c2:00:00:0e")),
    "STP": ("control", eth(39, b"\x42\x42\x03", "01:80:c2:00:00:00")),
    "any other protocol": ("control", eth(0x1234, b"")),
    "multicast DNS": ("multicast", vm_group("224.0.0.251", udp(5353, 5353),
                                            False)),
    "a VLAN tag": ("malformed", vm_frame(2, udp(1, 2))[:12] +
                   b"\x81\x00\x00\x05" + vm_frame(2, udp(1, 2))[12:]),
    "truncated": ("malformed", vm_frame(2, udp(1, 2))[:30]),
    "a foreign MAC": ("spoof", inner(ca(1), ca(2), udp(1, 2), mac(7))),
    "a foreign address": ("spoof", inner("10.0.0.99", ca(2), udp(1, 2),
                                         mac(1))),
    "no route": ("no_route", inner(ca(1), "99.0.0.1", udp(1, 2), mac(1))),
}


@cases({f"dropped: {k}": v for k, v in OTHERS.items()})
def others(reason, frame):
    net.load(config(eni={"addresses": [ca(1)]} if "address" in reason or
                    frame[26:30] == socket.inet_aton("10.0.0.99") else None))
    before = counts(reason)
    equal(send(frame), {}, "frames")
    counted(before, reason, 1)


@case("dropped: the ENI is disabled")
def down():
    net.load(config(eni={"admin_state": "disabled"}))
    before = counts("eni_down")
    equal(answers(vm_frame(2, udp(1, 2)), arp()), [], "frames")
    counted(before, "eni_down", 2)


@case("dropped: no VIP")
def no_vip():
    net.load(config(app={"sip": []}))
    before = counts("no_vip")
    equal(send(vm_frame(2, udp(1, 2))), {}, "frames")
    counted(before, "no_vip", 1)


@case("the VM's packets do not come from elsewhere")
def elsewhere():
    net.load(config())
    f = vm_frame(2, udp(net.sport(), 53))
    net.drop(from_vm(f), "spoof", "eni1")
    equal(len(send(f).get("u0", [])), 1, "frames")
    net.drop(from_vm(f), "spoof", "eni1")
    equal(len(net.flows()), 1, "connections")


# -- ARP and neighbour discovery ----------------------------------------------

def arp(op=1, sip=ca(1), tip="10.0.0.254", sha=mac(1), dst="ff:ff:ff:ff:ff:ff",
        smac=mac(1)):
    return eth(0x806, struct.pack("!HHBBH", 1, 0x800, 6, 4, op) +
               mac_bytes(sha) + socket.inet_aton(sip) + bytes(6) +
               socket.inet_aton(tip), dst, smac)


def arp_reply(tip="10.0.0.254", sip=ca(1), fake=FAKE_MAC):
    return (mac_bytes(mac(1)) + mac_bytes(fake) + b"\x08\x06" +
            struct.pack("!HHBBH", 1, 0x800, 6, 4, 2) + mac_bytes(fake) +
            socket.inet_aton(tip) + mac_bytes(mac(1)) + socket.inet_aton(sip))


@case("ARP: answered with the fake MAC", stock=True)
def arp_answered():
    net.load(config())
    before = counts("control")
    equal([f.hex() for f in answers(arp())], [arp_reply().hex()], "answer")
    counted(before, "control", 1, 1)
    net.load(config(app={"fake_mac": "02-11-22-33-44-55"},
                    eni={"addresses": [ca(1)]}))
    equal([f.hex() for f in answers(arp(tip=ca(9), dst=FAKE_MAC))],
          [arp_reply(ca(9), fake="02:11:22:33:44:55").hex()], "answer")


ARP_NOT = {
    "a probe": {"sip": "0.0.0.0"},
    "an announcement": {"tip": ca(1)},
    "a reply": {"op": 2},
    "a foreign sender": {"sha": mac(5)},
    "for a group": {"tip": "224.0.0.1"},
    "for a broadcast": {"tip": "255.255.255.255"},
    "by an address that is not the VM's": {"sip": ca(8)},
}


@cases({f"ARP: not answered: {k}": v for k, v in ARP_NOT.items()})
def arp_not(fields):
    net.load(config(eni={"addresses": [ca(1)]}))
    before = counts("control")
    equal(answers(arp(**fields)), [], "answers")
    counted(before, "control", 1)


def ns(src=ca(1, True), target="fd00:10::fe", dst=None, hlim=255, opts=True,
       bad=0):
    """A neighbour solicitation by hand, for its checksum."""
    t = socket.inet_pton(socket.AF_INET6, target)
    d = socket.inet_pton(socket.AF_INET6, dst) if dst else \
        bytes.fromhex("ff02" + "00" * 9 + "01ff") + t[13:]
    s = socket.inet_pton(socket.AF_INET6, src)
    body = b"\x87\x00\x00\x00" + bytes(4) + t
    if opts:
        body += b"\x01\x01" + mac_bytes(mac(1))
    return nd_frame(s, d, body, hlim, mac_bytes(mac(1)), b"\x33\x33\xff" +
                    t[13:], bad)


def nd_frame(s, d, body, hlim, smac, dmac, bad=0):
    pseudo = s + d + struct.pack("!II", len(body), 58)
    body = patch(body, 2, struct.pack("!H", csum(pseudo + body) ^ bad))
    return (dmac + smac + b"\x86\xdd" +
            struct.pack("!IHBB", 6 << 28, len(body), 58, hlim) + s + d + body)


def na(target="fd00:10::fe", dst=ca(1, True)):
    t = socket.inet_pton(socket.AF_INET6, target)
    d = socket.inet_pton(socket.AF_INET6, dst)
    body = (b"\x88\x00\x00\x00\xe0\x00\x00\x00" + t + b"\x02\x01" +
            mac_bytes(FAKE_MAC))
    return nd_frame(t, d, body, 255, mac_bytes(FAKE_MAC), mac_bytes(mac(1)))


ND = {
    "a solicitation": {},
    "one to a single address": {"dst": "fd00:10::fe"},
    "without options": {"opts": False},
    "by a link-local address": {"src": "fe80::1"},
}


@cases({f"ND: answered: {k}": v for k, v in ND.items()}, stock=True)
def nd_answered(fields):
    net.load(config(eni={"addresses": [ca(1, True)]}))
    before = counts("control")
    equal([f.hex() for f in answers(ns(**fields))],
          [na(dst=fields.get("src", ca(1, True))).hex()], "answer")
    counted(before, "control", 1, 1)


ND_NOT = {
    "duplicate address detection": {"src": "::"},
    "for itself": {"target": ca(1, True)},
    "from another link": {"hlim": 254},
    "a wrong checksum": {"bad": 0x101},
    "for a group": {"target": "ff02::5"},
    "by an address that is not the VM's": {"src": ca(8, True)},
}


@cases({f"ND: not answered: {k}": v for k, v in ND_NOT.items()})
def nd_not(fields):
    net.load(config(eni={"addresses": [ca(1, True)]}))
    before = counts("control")
    equal(answers(ns(**fields)), [], "answers")
    counted(before, "control", 1)


@case("ARP and ND: so many and no more")
def limited():
    net.load(config())
    time.sleep(1)
    begin = time.monotonic()
    before = counts("control")
    n = len(answers(*[arp(tip=f"10.0.{i}.254") for i in range(100)],
                    *[ns() for i in range(100)]))
    passed = time.monotonic() - begin
    check(50 <= n <= 51 + 100 * passed, f"{n} answers in {passed:.3f} s")
    counted(before, "control", 200, n)


# -- lengths ------------------------------------------------------------------

@case("too long for the vport")
def narrow():
    rule = route_rule("eni1", VNI, "100.0.0.0/24", 1, vnet="v1")
    net.load(config(rule))
    ip_batch("link set t1 mtu 600\n", net.app)
    try:
        data = bytes(range(256)) * 4
        f = peer_frame(2, udp(53, net.sport(), data), flags="DF")
        out = send(from_peer(2, f), port="u0")
        equal(list(out), ["u0"], "devices")
        got = Outer(out["u0"][0])
        equal((got.ip.src, got.ip.dst), (VIP, pa(2)), "outer addresses")
        err = out["u0"][0][14 + 20 + 8 + 8 + 14:]
        equal((err[12:16], err[16:20], err[20:22], err[26:28]),
              (socket.inet_aton(ca(1)), socket.inet_aton(ca(2)), b"\x03\x04",
               struct.pack("!H", 600)), "ICMP error")
        f = peer_frame(2, udp(53, net.sport(), data))
        out = send(from_peer(2, f), port="u0")
        equal(list(out), ["t1"], "devices")
        body = b""
        for frag in out["t1"]:
            equal(frag[:14], f[:14], "Ethernet header")
            check(len(frag) <= 614, "too long")
            off = (struct.unpack("!H", frag[20:22])[0] & 0x1fff) * 8
            equal(off, len(body), "offset")
            body += frag[34:]
        equal(body, f[34:], "what the fragments carry")
        f = peer_frame(2, udp(53, net.sport(), data * 2), True)
        net.load(config(rule, mapping("v1", ca(2, True), pa(2), mac(2))))
        before = net.eni_stats()["inbound"]["drops"].get("too_big", 0)
        out = send(from_peer(2, f), port="u0")
        equal(list(out), ["u0"], "devices")
        equal(net.eni_stats()["inbound"]["drops"]["too_big"] - before, 1,
              "too_big")
    finally:
        ip_batch("link set t1 mtu 1500\n", net.app)


@case("too long for the underlay: the VM is told")
def told():
    net.load(config())
    ip_batch("link set u0 mtu 1400\n", net.app)
    try:
        f = vm_frame(2, udp(net.sport(), 53, bytes(1400)), flags="DF")
        out = send(f)
        equal(list(out), ["t1"], "devices")
        err = out["t1"][0]
        equal((err[:12], err[26:30], err[34:36], err[40:42]),
              (mac_bytes(mac(1)) + mac_bytes(FAKE_MAC), socket.inet_aton(ca(2)),
               b"\x03\x04", struct.pack("!H", 1350)), "ICMP error")
    finally:
        ip_batch("link set u0 mtu 9000\n", net.app)


# -- VMs of one host ----------------------------------------------------------

def pair(*extra):
    """Both VMs here: the second one is eni2 on t2."""
    rows = [row("ENI", "eni2", mac_address=mac(2), admin_state="enabled",
                vnet="v1"),
            row("ENI_ROUTE", "eni2", group_id="rg"),
            port("t2", "eni2")]
    for n in (1, 2):
        rows += [mapping("v1", ca(n, v6), VIP, mac(n)) for v6 in (False, True)]
        rows += [route_rule(f"eni{n}", VNI, f"{VIP}/32", 1, vnet="v1")]
    return config(rows, *extra)


@case("from one VM of this host to another", stock=True)
def local():
    t2 = Vport("t2", n=2)
    try:
        net.load(pair())
        for v6 in (False, True):
            f = vm_frame(2, udp(net.sport(), 53), v6)
            out = send(f)
            equal(list(out), ["t2"], "devices")
            same(out["t2"][0], with_dmac(f, mac(2)))
            f = inner(ca(2, v6), ca(1, v6), udp(53, net.next_port), mac(2),
                      FAKE_MAC)
            out = send(f, port="t2")
            equal(list(out), ["t1"], "devices")
            same(out["t1"][0], with_dmac(f, mac(1)))
        # one ICMP error comes back the same way
        ip_batch("link set t2 mtu 1280\n", net.app)
        f = vm_frame(2, udp(net.sport(), 53, bytes(1400)), flags="DF")
        out = send(f)
        equal([(k, len(v)) for k, v in out.items()], [("t1", 1)], "devices")
        # and a packet that would go round is one too many
        net.load(pair(row("APPLIANCE", "1", sip=[VIP, VIP6],
                          vm_vni=VNI, **FIB)))
        equal(send(vm_frame(2, udp(net.sport(), 53))), {}, "frames")
        net.check_sums()
    finally:
        net.load(config())
        t2.close()


# -- source NAT ---------------------------------------------------------------

@cases({"source NAT: there and back, IPv4": False,
        "source NAT: there and back, IPv6": True}, stock=True)
def snat(v6):
    """The way back is to the VM, from the fake MAC address."""
    ext, nat = (("2001:db8::9", "2001:db8:2::1") if v6 else
                ("100.0.0.77", "192.0.2.1"))
    net.load(config(row("ROUTE", "rg", f"{ext}/{128 if v6 else 32}",
                        routing_type="snat", nat_ip=nat,
                        nat_ports="2000-2000")))
    if v6:
        ip_batch(f"route replace {ext}/128 via {GW6} dev u0\n", net.app)
    for l4, answer in ((udp, udp),
                       (tcp, lambda *p: tcp(*p, "SA", 7, 1001))):
        sport = net.sport()
        out = send(inner(ca(1, v6), ext, l4(sport, 80), mac(1)))
        equal(list(out), ["u0"], "devices")
        same(out["u0"][0], inner(nat, ext, l4(2000, 80), APP_MAC, PEER_MAC))
        out = send(inner(ext, nat, answer(80, 2000), PEER_MAC, APP_MAC),
                   port="u0")
        equal(list(out), ["t1"], "devices")
        equal(out["t1"][0].hex(), inner(ext, ca(1, v6), answer(80, sport),
                                        FAKE_MAC, mac(1)).hex(), "frame")
    net.drop(inner(ext, nat, udp(80, 2001), PEER_MAC, APP_MAC), "no_nat_flow",
             "port")


# -- saved and restored -------------------------------------------------------

@case("connections are saved and restored, whoever began them", stock=True)
def restored():
    net.load(config(route_rule("eni1", VNI, "100.0.0.0/24", 1, vnet="v1")))
    port = net.sport()
    # one to answer, by connection only; one whose answer needs a MAC address
    ours = vm_frame(2, tcp(port, 80, "S", 5))
    theirs = peer_frame(2, tcp(port, 22, "S", 5))
    back = peer_frame(2, tcp(80, port, "SA", 9, 6))
    answer = inner(ca(1), ca(2), tcp(22, port, "SA", 9, 6), mac(1), FAKE_MAC)
    equal(list(send(ours)), ["u0"], "devices")
    equal(list(send(from_peer(2, theirs), port="u0")), ["t1"], "devices")
    before = {f["dport"]: f for f in net.flows()}
    with tempfile.TemporaryDirectory() as d:
        net.dashctl("save", "--flows", "-o", f"{d}/flows")
        net.flush()
        equal(net.json("load", "--flows", f"{d}/flows"),
              {"restored": 2, "existing": 0, "expired": 0, "failed": {}},
              "restored")
        for f in net.flows():
            for key in ("direction", "src", "sport", "state", "dev", "forward",
                        "reverse"):
                equal(f[key], before[f["dport"]][key], key)
            check(f["dport"] == 22 or "pa" not in f, f"outer source: {f}")
        out = send(from_peer(2, back), port="u0")
        equal(list(out), ["t1"], "devices")
        same(out["t1"][0], back)
        out = send(answer)
        equal(list(out), ["u0"], "devices")
        same(out["u0"][0], sent(with_dmac(answer, mac(2)), VNI, VIP, pa(2)))
        # the VM is elsewhere now: they are its connections all the same
        net.load(base(route_rule("eni1", VNI, "100.0.0.0/24", 1, vnet="v1"),
                      app=FIB))
        equal(net.json("load", "--flows", f"{d}/flows")["restored"], 2,
              "restored without the vport")
        equal(list(send(from_vm(ours), port="u0")), ["u0"], "devices")
        out = send(from_peer(2, back), port="u0")
        equal(Outer(out["u0"][0]).ip.dst, pa(1), "PA")


# -- changes of policy --------------------------------------------------------

@case("keep: the VIP that a VM's packets to another one leave from is gone")
def keep_local_vip():
    """Not the one that they came to, nor the one that they go to."""
    t2 = Vport("t2", n=2)
    other = "100.0.0.253"
    rule = route_rule("eni2", VNI, f"{other}/32", 2, pa_validation=False)
    try:
        net.load([*pair(rule, row("ENI", "eni1", mac_address=mac(1),
                                  admin_state="enabled", vnet="v1",
                                  encap_sip=other)),
                  row("APPLIANCE", "2", sip=[other])])
        f = vm_frame(2, udp(net.sport(), 53))
        equal(list(send(f)), ["t2"], "devices")
        net.load([row("APPLIANCE", "2", op="DEL")], "--ignore-unknown",
                 "--policy", "keep")
        before = counts("no_vip")
        equal(send(f), {}, "frames")
        counted(before, "no_vip", 1)
        net.load([row("APPLIANCE", "2", sip=[other])], "--ignore-unknown",
                 "--policy", "keep")
        equal(list(send(f)), ["t2"], "devices")
    finally:
        net.load(config())
        t2.close()


# -- devices come and go ------------------------------------------------------

@case("connections follow the VM: it comes and goes")
def follows():
    net.load(base(app=FIB))
    sport = net.sport()
    f, b = vm_frame(2, udp(sport, 53)), peer_frame(2, udp(53, sport))
    equal(list(send(from_vm(f), port="u0")), ["u0"], "devices")
    # it is moved here
    net.dashctl("port", "add", "t1", "vport", "eni", "eni1")
    equal(list(send(from_peer(2, b), port="u0")), ["t1"], "devices")
    equal(list(send(f)), ["u0"], "devices")
    equal(list(send(from_peer(2, b), port="u0")), ["t1"], "devices")
    # and away again
    net.dashctl("port", "del", "t1")
    out = send(from_peer(2, b), port="u0")
    equal(list(out), ["u0"], "devices")
    equal(Outer(out["u0"][0]).ip.dst, pa(1), "PA")
    equal(list(send(from_vm(f), port="u0")), ["u0"], "devices")
    equal(len(net.flows()), 1, "connections")


@case("a vport that is down, or gone for a while")
def absent():
    net.load(config())
    sport = net.sport()
    f, b = vm_frame(2, udp(sport, 53)), peer_frame(2, udp(53, sport))
    equal(list(send(f)), ["u0"], "devices")
    ip_batch("link set t1 down\n", net.app)
    net.drop(from_peer(2, b), "no_nexthop", "eni1")
    ip_batch("link set t1 up\n", net.app)
    equal(list(send(from_peer(2, b), port="u0")), ["t1"], "devices")
    net.dashctl("port", "del", "t1")
    net.drop(from_peer(2, b), "no_nexthop", "eni1")
    net.dashctl("port", "add", "t1", "vport", "eni", "eni1")
    equal(list(send(from_peer(2, b), port="u0")), ["t1"], "devices")
    equal(list(send(f)), ["u0"], "devices")


def waiting():
    return "waiting for" in run("dmesg").stdout


def in_other(name="f1"):
    """A vport in another namespace."""
    return Vport(name, there.name)


def rename(old, new):
    """Before 6.2 a device that is up keeps its name."""
    ip_batch(f"link set {old} down\nlink set {old} name {new}\n"
             f"link set {new} up\n", there.name)


@case("a vport in another namespace", stock=True)
def other_netns():
    f1 = in_other()
    try:
        net.load(config(dev="f1", netns=there.name))
        saved = net.save()
        check(port("f1", netns=there.name) in saved, f"saved: {saved}")
        sport = net.sport()
        f, b = vm_frame(2, udp(sport, 53)), peer_frame(2, udp(53, sport))
        equal(list(send(f, port="f1")), ["u0"], "devices")
        equal(list(send(from_peer(2, b), port="u0")), ["f1"], "devices")
        equal([x.hex() for x in answers(arp(), port="f1")],
              [arp_reply().hex()], "answer")
        # its name is its own affair, unless the instance has another like it
        rename("f1", "f2")
        check(port("f2", netns=there.name) in net.save(), "renamed")
        equal(list(send(from_peer(2, b), port="u0")), ["f1"], "devices")
        p = net.dashctl("eni", "del", "eni1", ok=False)
        check("PORT:f2" in p.stderr, p.stderr)
        rename("f2", "u0")
        equal([p["port"] for p in net.stats()["ports"]], ["u0"], "ports")
        rename("u0", "f1")
        net.load(saved, "--sync")
        equal(net.save(), saved, "save, load, save")
        equal(list(send(from_peer(2, b), port="u0")), ["f1"], "devices")
        # it is moved into ours
        ip_batch(f"link set f1 netns {net.app}\n", there.name)
        equal([p["port"] for p in net.stats()["ports"]], ["u0"], "ports")
        check(not any("PORT:f1" in r for r in net.save()), "still a row")
    finally:
        f1.close()
    check(not waiting(), "the kernel waits for references to a device")


@case("vports are renamed, moved, deleted under traffic")
def churn():
    net.load(config())
    frames = [vm_frame(2, udp(10000 + i, 53)) for i in range(16)] + [arp()]
    back = [from_peer(2, peer_frame(2, udp(53, 10000 + i))) for i in range(16)]
    with Flood(net.peer_name("u0"), back):
        for n in rounds(12 if FAST else 3):
            f1 = in_other("f1") if n % 2 else Vport("f1")
            space = f1.space
            with Flood(f1.peer, frames):
                net.load([{"PORT:t1": {}, "OP": "DEL"},
                          port("f1", **({"netns": space} if n % 2 else {}))],
                         "--ignore-unknown")
                ip_batch("link set f1 down\nlink set f1 name g1\n"
                         "link set g1 up\n", space)
                net.dashctl("port", "replace", "g1", "vport", "eni", "eni1",
                            *(("netns", space) if n % 2 else ()))
                time.sleep(0.02)
                if n % 3 == 0:
                    net.dashctl("port", "del", "g1")
                elif n % 3 == 1:
                    to = there.name if space == net.app else net.app
                    ip_batch(f"link set g1 netns {to}\n", space)
                f1.close()
            equal([p["port"] for p in net.stats()["ports"]], ["u0"], "ports")
    check(not waiting(), "the kernel waits for references to a device")
    net.load(config())
    net.check_sums()


@cases({"the VM's namespace first": True, "the instance's first": False})
def namespaces(vm_first):
    """Either goes while both are in use."""
    app, vms = Space("xapp"), Space("xvms")
    ip_batch(f"link add xvm address {mac(1)} type veth peer name x1 "
             f"netns {vms.name}\nlink set xvm up\n")
    vms.ip("link set x1 up\n")
    try:
        for text in (("appliance", "add", "1", "sip", VIP, "vm_vni", "9"),
                     ("eni", "add", "eni1", "mac_address", mac(1),
                      "admin_state", "enabled"),
                     ("port", "add", "x1", "vport", "eni", "eni1", "netns",
                      vms.name)):
            run("dashctl", "-n", app.name, *text)
        with Flood("xvm", [arp(), vm_frame(2, udp(1, 2))]):
            time.sleep(0.05)
            (vms if vm_first else app).close()
            if vm_first:
                eventually(lambda: "x1" not in run(
                    "dashctl", "-n", app.name, "port", "show").stdout,
                    "detached", 10 * SLOW)
                run("dashctl", "-n", app.name, "eni", "del", "eni1")
            else:
                time.sleep(0.1)
                vms.ip("link set x1 down\nlink set x1 up\n")
    finally:
        app.close()
        vms.close()
        run("ip", "link", "del", "xvm", ok=False)
    check(not waiting(), "the kernel waits for references to a device")


# -- explain ------------------------------------------------------------------

@case("explain", stock=True)
def explain():
    net.load(config(route_rule("eni1", VNI, "100.0.0.0/24", 1, vnet="v1")))
    doc = net.json("explain", "eni", "eni1", "outbound", "src", ca(1), "dst",
                   ca(2), "proto", "udp", "sport", "1", "dport", "2")
    equal((doc["verdict"], doc["packet"]["outer_dst"], doc["packet"]["dev"]),
          ("allow", pa(2), "u0"), "outbound")
    check("pa" not in doc and "vni" not in doc, f"outer source: {doc}")
    doc = net.json("explain", "eni", "eni1", "inbound", "src", ca(2), "dst",
                   ca(1), "proto", "udp", "pa", pa(2), "vni", str(VNI))
    equal((doc["verdict"], doc["packet"]["outer_dst"], doc["packet"]["dev"]),
          ("allow", None, "t1"), "inbound")
    text = net.dashctl("explain", "eni", "eni1", "inbound", "src", ca(2),
                       "dst", ca(1), "proto", "udp", "pa", pa(2)).stdout
    check("dev t1" in text, text)
    doc = net.json("explain", "eni", "eni1", "outbound", "src", ca(1), "dst",
                   ca(2), "proto", "udp", "pa", pa(1))
    equal((doc["verdict"], doc["reason"]), ("drop", "spoof"), "elsewhere")


main(net)
