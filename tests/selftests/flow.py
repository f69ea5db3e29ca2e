#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Connections: what belongs to one, how it lives and ends, what a change of
policy does to it: SPEC 4 and 8 (1 - 4, 10, 12)."""

import time

from dashtest import (SLOW, VNI, Failure, Net, Skip, base, bind, ca, case,
                      cases, check, delete, equal, eventually, group, mac,
                      main, mapping, pa, route_rule, row)
from frames import (echo, from_peer, from_vm, icmp_error, inner, patch,
                    peer_frame, tcp, to_peer, to_vm, udp, vm_frame)

net = Net(quick=True)

# Whoever VM 2 to 4 send from may open connections to VM 1.
RULE = route_rule("eni1", VNI, "100.0.0.0/24", 1, vnet="v1")
# Nothing passes by policy: what still does has a connection.
DENY_IN = [*group("deny4", ver="ipv4"), *group("deny6", ver="ipv6"),
           bind("eni1", "in", 1, "deny4", "deny6")]
DENY_OUT = [*group("deny4", ver="ipv4"), *group("deny6", ver="ipv6"),
            bind("eni1", "out", 1, "deny4", "deny6")]


class Conn:
    """A connection between VM 1 and VM n, packet by packet.

    vm() and peer() send one from that side and check what comes out."""

    def __init__(self, n=2, inbound=False, sport=None, dport=80, v6=False):
        self.n, self.inbound, self.v6 = n, inbound, v6
        self.cport, self.sport = sport or net.sport(), dport
        self.seq = {"vm": 1000, "peer": 7_000_000}
        # What peers use; a test that moves a connection changes these.
        self.out = {"n": n}
        self.back = {}
        self.last = None

    def frame(self, side, l4):
        if side == "vm":
            return vm_frame(self.n, l4, self.v6)
        return peer_frame(self.n, l4, self.v6)

    def ports(self, side):
        client = (side == "vm") != self.inbound
        ports = self.cport, self.sport
        return ports if client else ports[::-1]

    def send(self, side, l4, drop=None, src=None, out=None):
        """A packet of side. src: number of the VM whose host it comes from;
        out: more about how it leaves."""
        f = self.last = self.frame(side, l4)
        if side == "vm":
            packet = from_vm(f, src=pa(src or 1))
            want = to_peer(**{"frame": f, "dmac": not self.inbound,
                              **self.out, **(out or {})})
        else:
            packet = from_peer(src or self.n, f, **self.back)
            want = to_vm(f, **(out or {}))
        if drop:
            net.drop(packet, drop, "eni1")
        else:
            net.forwards(packet, want)

    def tcp(self, side, flags, data=b"", seq=None, ack=None, drop=None,
            src=None, out=None, **kw):
        other = "peer" if side == "vm" else "vm"
        sport, dport = self.ports(side)
        own = self.seq[side] if seq is None else seq
        self.send(side, tcp(sport, dport, flags, own,
                            self.seq[other] if ack is None else ack, data,
                            **kw), drop, src, out)
        if seq is None and not drop:
            self.seq[side] += len(data) + ("S" in flags) + ("F" in flags)

    def vm(self, flags, data=b"", **kw):
        self.tcp("vm", flags, data, **kw)

    def peer(self, flags, data=b"", **kw):
        self.tcp("peer", flags, data, **kw)

    def client(self, flags, data=b"", **kw):
        self.tcp("peer" if self.inbound else "vm", flags, data, **kw)

    def server(self, flags, data=b"", **kw):
        self.tcp("vm" if self.inbound else "peer", flags, data, **kw)

    def udp(self, side, **kw):
        self.send(side, udp(*self.ports(side)), **kw)

    def open(self, **kw):
        self.client("S", **kw)
        self.server("SA", **kw)
        self.client("A", **kw)
        return self

    def flow(self):
        flows = net.flows("sport", str(self.cport), "dport", str(self.sport))
        check(len(flows) <= 1, f"several flows: {flows}")
        return flows[0] if flows else None

    def state(self):
        flow = self.flow()
        return flow["state"] if flow else None


def both_ways(func):
    """A case for connections begun by the VM and for those towards it."""
    def declare(name):
        cases({f"{name}, outbound": False, f"{name}, inbound": True})(func)
    return declare


# -- replies ------------------------------------------------------------------

REPLIES = {f"{what}, {'IPv6' if v6 else 'IPv4'}": (what, v6)
           for what in ("TCP", "UDP", "ICMP echo", "SCTP", "ESP")
           for v6 in (False, True)}


def request_reply(what, v6):
    """(request, reply) as l4 and the header fields they need."""
    port = net.sport()
    nh = "nh" if v6 else "proto"
    if what == "TCP":
        return ((tcp(port, 80, "S", 5), {}),
                (tcp(80, port, "SA", 9, 6), {}))
    if what == "UDP":
        return (udp(port, 53), {}), (udp(53, port), {})
    if what == "ICMP echo":
        return (echo(port, v6), {}), (echo(port, v6, True), {})
    if what == "SCTP":
        def sctp(sport, dport):
            return (sport.to_bytes(2, "big") + dport.to_bytes(2, "big") +
                    bytes(8) + b"\x01\0\0\4")
        return ((sctp(port, 99), {nh: 132}), (sctp(99, port), {nh: 132}))
    return (bytes(24), {nh: 50}), (bytes(24), {nh: 50})


@cases({f"reply passes without rule or ACL, outbound: {k}": v
        for k, v in REPLIES.items()},
       stock=[f"reply passes without rule or ACL, outbound: {k}"
              for k in ("TCP, IPv4", "UDP, IPv6", "ICMP echo, IPv4",
                        "ESP, IPv4")])
def reply_outbound(what, v6):
    net.load(base(DENY_IN))
    (req, rk), (rep, pk) = request_reply(what, v6)
    answer = from_peer(2, peer_frame(2, rep, v6, **pk))
    # On its own it does not: this is what the connection changes.
    before = net.drops()
    equal(net.send(answer), [], "replies without a connection")
    check(net.drops() != before, "the reply without a connection not counted")
    f = vm_frame(2, req, v6, **rk)
    net.forwards(from_vm(f), to_peer(2, f))
    f = peer_frame(2, rep, v6, **pk)
    net.forwards(answer, to_vm(f))


@cases({f"reply passes without route or ACL, inbound: {k}": v
        for k, v in REPLIES.items()},
       stock=[f"reply passes without route or ACL, inbound: {k}"
              for k in ("TCP, IPv4", "UDP, IPv6", "ICMP echo, IPv4")])
def reply_inbound(what, v6):
    """To the PA and by the VNI that the request had, MACs unchanged."""
    net.load(base(DENY_OUT, RULE, routes=False))
    (req, rk), (rep, pk) = request_reply(what, v6)
    answer = vm_frame(2, rep, v6, **pk)
    equal(net.send(from_vm(answer)), [], "replies without a connection")
    f = peer_frame(2, req, v6, **rk)
    net.forwards(from_peer(2, f), to_vm(f))
    net.forwards(from_vm(answer), to_peer(2, answer, dmac=False))


@case("ICMP: an echo reply needs its request", stock=True)
def echo_reply():
    net.load(base())
    ident = net.sport()
    f = vm_frame(2, echo(ident))
    net.forwards(from_vm(f), to_peer(2, f))
    # Another identifier, and a request of the other side, are not its reply.
    net.drop(from_peer(2, peer_frame(2, echo(ident + 1, reply=True))),
             "no_route_rule", "eni1")
    net.drop(from_peer(2, peer_frame(2, echo(ident))), "no_route_rule", "eni1")
    f = peer_frame(2, echo(ident, reply=True))
    net.forwards(from_peer(2, f), to_vm(f))
    # By itself it is a new connection by policy.
    net.sport()
    f = vm_frame(2, echo(net.sport(), reply=True))
    net.forwards(from_vm(f), to_peer(2, f))
    equal(len(net.flows("proto", "icmp")), 2, "ICMP connections")


@case("ICMP: both sides may ping with one identifier")
def echo_both():
    net.load(base(RULE))
    ident = net.sport()
    f = vm_frame(2, echo(ident))
    net.forwards(from_vm(f), to_peer(2, f))
    f = peer_frame(2, echo(ident))
    net.forwards(from_peer(2, f), to_vm(f))
    equal(len(net.flows("proto", "icmp")), 2, "connections")
    f = vm_frame(2, echo(ident, reply=True))
    net.forwards(from_vm(f), to_peer(2, f, dmac=False))
    f = peer_frame(2, echo(ident, reply=True))
    net.forwards(from_peer(2, f), to_vm(f))
    equal(len(net.flows("proto", "icmp")), 2, "connections")


@case("ICMP: nothing is the reply to a type without a pair")
def icmp_types():
    net.load(base())
    for kind in (9, 10, 42):
        f = patch(vm_frame(2, echo(1)), 34, kind)
        net.forwards(from_vm(f), to_peer(2, f))
        f = patch(peer_frame(2, echo(1)), 34, kind)
        net.drop(from_peer(2, f), "no_route_rule", "eni1")
    # Timestamp request and reply are one.
    f = patch(vm_frame(2, echo(77)), 34, 13)
    net.forwards(from_vm(f), to_peer(2, f))
    f = patch(peer_frame(2, echo(77)), 34, 14)
    net.forwards(from_peer(2, f), to_vm(f))


@case("one tuple of two ENIs is two connections")
def two_enis():
    net.load(base(
        row("ENI", "eni2", mac_address=mac(9), underlay_ip=pa(9),
            admin_state="enabled", vnet="v1"),
        row("ENI_ROUTE", "eni2", group_id="rg")))
    port = net.sport()
    f = vm_frame(2, udp(port, 53))
    net.forwards(from_vm(f), to_peer(2, f))
    f9 = inner(ca(1), ca(2), udp(port, 53), mac(9))
    net.forwards(from_vm(f9, src=pa(9)), to_peer(2, f9))
    equal(sorted(x["eni"] for x in net.flows("sport", str(port))),
          ["eni1", "eni2"], "ENIs of the flows")
    f = inner(ca(2), ca(1), udp(53, port), mac(2), mac(9))
    net.forwards(from_peer(2, f), to_vm(f, dst=pa(9)))


# -- TCP ----------------------------------------------------------------------

@both_ways
def tcp_life(inbound):
    net.load(base(RULE))
    c = Conn(inbound=inbound)
    c.client("S")
    equal(c.state(), "syn_sent", "state after SYN")
    c.client("S", seq=c.seq["peer" if inbound else "vm"] - 1)  # retransmitted
    equal(c.state(), "syn_sent", "state after SYN again")
    c.server("SA")
    equal(c.state(), "syn_recv", "state after SYN-ACK")
    c.client("A")
    equal(c.state(), "established", "state after ACK")
    c.client("PA", b"GET /")
    c.server("PA", b"hello")
    c.client("A")
    # A SYN on a live connection changes nothing.
    c.client("S", seq=1234)
    c.server("SA", seq=4321)
    equal(c.state(), "established", "state after a SYN in between")
    # Half closed: the other side goes on as long as it likes.
    c.client("FA")
    c.server("A")
    equal(c.state(), "established", "state half closed")
    for _ in range(3):
        c.server("PA", b"more")
        c.client("A")
    equal(c.state(), "established", "state half closed, after data")
    c.server("FA")
    equal(c.state(), "fin", "state after the second FIN")
    c.client("A")
    equal(c.state(), "time_wait", "state after its ACK")
    # The last ones may be repeated.
    c.server("FA", seq=c.seq["vm" if inbound else "peer"] - 1)
    c.client("A")
    equal(c.state(), "time_wait", "state after repeated ones")
    # A SYN starts anew.
    c.seq = {"vm": 55_000, "peer": 66_000}
    c.client("S")
    equal(c.state(), "syn_sent", "state after a new SYN")
    c.server("SA")
    c.client("A")
    equal(c.state(), "established", "state anew")


tcp_life("TCP: from SYN to time_wait, and anew")


@case("TCP: both close at once, FINs cross", stock=True)
def tcp_cross():
    net.load(base())
    c = Conn().open()
    c.vm("FA")
    c.peer("FA", ack=c.seq["vm"] - 1)
    equal(c.state(), "fin", "state after both FINs")
    c.vm("A")
    c.peer("A")
    equal(c.state(), "time_wait", "state after their ACKs")


@case("TCP: FIN with the last data, ACK of the second FIN missing it")
def tcp_fin_data():
    net.load(base())
    c = Conn().open()
    c.vm("FPA", b"bye")
    c.peer("FPA", b"bye, too")
    equal(c.state(), "fin", "state after both FINs")
    # An old ACK does not finish it.
    c.vm("A", ack=c.seq["peer"] - 1)
    equal(c.state(), "fin", "state after an old ACK")
    c.vm("A")
    equal(c.state(), "time_wait", "state after the ACK")


@both_ways
def rst_in_window(inbound):
    net.load(base(RULE))
    for side in ("vm", "peer"):
        other = "peer" if side == "vm" else "vm"
        # Both edges of the window that the other side advertised: 8192 from
        # its last ACK on.
        for offset, state in ((-1, "established"), (8192, "established"),
                              (100_000, "established"), (1 << 31, "established"),
                              (0, "closed")):
            c = Conn(inbound=inbound).open()
            c.tcp(other, "A")
            c.tcp(side, "R", seq=(c.seq[side] + offset) & 0xffffffff)
            equal(c.state(), state, f"state after RST of {side} at {offset:+}")
        c = Conn(inbound=inbound).open()
        c.tcp(other, "A")
        c.tcp(side, "RA", seq=c.seq[side] + 8191)
        equal(c.state(), "closed", "state after RST at the window's end")
        # Further ones, and late data, still pass.
        c.tcp(side, "R")
        c.tcp(other, "A")
        equal(c.state(), "closed", "state after packets behind RST")
        c.seq = {"vm": 123_000, "peer": 456_000}
        c.client("S")
        equal(c.state(), "syn_sent", "state after SYN behind RST")
        c.server("SA")
        c.client("A")
        equal(c.state(), "established", "state after SYN behind RST")


rst_in_window("TCP: RST in and out of the window")


@case("TCP: RST and scaled windows")
def rst_scaled():
    net.load(base())

    def conn(vm_scale, peer_scale):
        c = Conn()
        c.vm("S", **scale(vm_scale))
        c.peer("SA", **scale(peer_scale))
        c.vm("A", window=100)
        c.peer("A", window=100)
        return c

    def scale(n):
        return {} if n is None else {"options": [("WScale", n)],
                                     "window": 1000}

    # Window 100 << 7 from the last ACK on, when both scale.
    c = conn(3, 7)
    c.vm("R", seq=c.seq["vm"] + (100 << 7))
    equal(c.state(), "established", "state after RST beyond a scaled window")
    c.vm("R", seq=c.seq["vm"] + (100 << 7) - 1)
    equal(c.state(), "closed", "state after RST in a scaled window")
    c = conn(None, 7)
    c.vm("R", seq=c.seq["vm"] + 100)
    equal(c.state(), "established", "state, when only one side scales")
    c.vm("R", seq=c.seq["vm"] + 99)
    equal(c.state(), "closed", "state, when only one side scales")


@cases({"TCP: RST answers SYN": ("server", "RA"),
        "TCP: RST behind one's own SYN": ("client", "R"),
        "TCP: FIN behind one's own SYN": ("client", "FA"),
        "TCP: bare FIN behind one's own SYN": ("client", "F"),
        "TCP: FIN answers SYN": ("server", "FA")},
       stock=("TCP: RST answers SYN",))
def end_in_syn_sent(side, flags):
    net.load(base())
    c = Conn()
    c.vm("S")
    getattr(c, side)(flags)
    equal(c.flow(), None, f"flow after {flags} in syn_sent")
    c.vm("A", drop="tcp_no_syn")


@case("TCP: invalid flags do not get in by a connection")
def tcp_flags():
    net.load(base())
    c = Conn().open()
    for flags in ("", "SF", "SR", "P"):
        c.vm(flags, drop="tcp_flags")
        c.peer(flags, drop="tcp_flags")
    equal(c.state(), "established", "state")


@case("TCP: tcp_loose takes up what goes on already", stock=True)
def tcp_loose():
    net.load(base(RULE, app={"tcp_loose": True}))
    for inbound in (False, True):
        c = Conn(inbound=inbound)
        c.client("PA", b"data", ack=77)
        equal(c.state(), "established", "state")
        c.server("A")
        c.client("FA")
        c.server("FA")
        c.client("A")
        equal(c.state(), "time_wait", "state after FINs")
        Conn(inbound=inbound).server("R", drop="tcp_no_syn")
        c = Conn(inbound=inbound)
        c.client("R", drop="tcp_no_syn")
        equal(c.flow(), None, "flow after RST")
    net.load(base(RULE, DENY_OUT, app={"tcp_loose": True}))
    Conn().client("A", drop="acl_deny")


# -- ageing -------------------------------------------------------------------

def timeouts(unit, **more):
    """Fields for the unit of these tests, which grows until it suffices for
    making one connection of each kind."""
    names = ("syn", "fin", "closed", "time_wait", "udp_new", "icmp", "other")
    return {**{f"timeout_{n}": unit for n in names},
            "timeout_established": 2 * unit, "timeout_udp_stream": 2 * unit,
            **more}


def in_time(func):
    """Declare a case func(unit) that returns None if it took so long that the
    first timeouts were over before it began to look."""
    def run():
        for unit in (1, 2, 4, 8, 16):
            if func(unit) is not None:
                return
        raise Failure("this machine is too slow")
    return run


def populate(unit):
    """One connection in every state; {what: (seconds to live, sport or
    filter, time)}."""
    out = {}

    def add(what, seconds, *filt):
        out[what] = (seconds, filt, time.monotonic())

    def by(c):
        return "sport", str(c.cport)

    c = Conn()
    c.vm("S")
    add("syn_sent", unit, *by(c))
    c = Conn().open()
    add("established", 2 * unit, *by(c))
    c = Conn().open()
    c.vm("FA")
    c.peer("FA")
    add("fin", unit, *by(c))
    c = Conn().open()
    c.vm("FA")
    c.peer("FA")
    c.vm("A")
    add("time_wait", unit, *by(c))
    c = Conn().open()
    c.vm("R")
    add("closed", unit, *by(c))
    c = Conn()
    c.udp("vm")
    add("new", unit, *by(c))
    c = Conn()
    c.udp("vm")
    c.udp("peer")
    add("stream", 2 * unit, *by(c))
    ident = net.sport()
    f = vm_frame(2, echo(ident))
    net.forwards(from_vm(f), to_peer(2, f))
    f = peer_frame(2, echo(ident, reply=True))
    net.forwards(from_peer(2, f), to_vm(f))
    add("icmp", unit, "proto", "icmp", "sport", str(ident))
    f = vm_frame(3, bytes(20), proto=50)
    net.forwards(from_vm(f), to_peer(3, f))
    add("other", unit, "proto", "50")
    return out


def watch(todo, unit):
    """Wait until all of them are gone; each within a second of its time."""
    left = dict(todo)
    for what, (_, filt, _) in todo.items():
        flows = net.flows(*filt)
        if not flows and time.monotonic() > min(
                start for _, _, start in todo.values()) + unit - 0.2:
            return None
        equal(len(flows), 1, f"connections of {what}")
        if what not in ("other", "icmp"):
            equal(flows[0]["state"], what, "state")
    slack = 0.5 * SLOW
    while left:
        for what, (seconds, filt, start) in list(left.items()):
            before = time.monotonic()
            gone = not net.flows(*filt)
            after = time.monotonic()
            if gone:
                # jiffies and the coarse time of the last packet
                check(after - start >= seconds - 0.2,
                      f"{what} gone after {after - start:.2f} s of {seconds}")
                del left[what]
            else:
                check(before - start <= seconds + 1 + slack,
                      f"{what} still there after {before - start:.2f} s of "
                      f"{seconds}")
        time.sleep(0.02)
    return True


@case("ageing: every state by its timeout, within a second", stock=True)
@in_time
def ageing(unit):
    net.load(base(app=timeouts(unit)))
    before = net.eni_stats()["flows"]
    start = time.monotonic()
    todo = populate(unit)
    if time.monotonic() - start > 0.7 * unit or not watch(todo, unit):
        return None
    after = net.eni_stats()["flows"]
    equal(after["current"], 0, "connections")
    equal(after["timed_out"] - before["timed_out"], len(todo), "timed out")
    return True


@case("ageing: the ENI's own timeouts")
@in_time
def ageing_eni(unit):
    net.load(base(eni={"timeout_udp_new": unit, "timeout_syn": unit}))
    c = Conn()
    c.udp("vm")
    start = time.monotonic()
    c2 = Conn()
    c2.vm("S")
    return watch({"new": (unit, ("sport", str(c.cport)), start),
                  "syn_sent": (unit, ("sport", str(c2.cport)),
                               time.monotonic())}, unit)


@case("ageing: packets refresh, but not what is closed")
@in_time
def ageing_refresh(unit):
    net.load(base(app=timeouts(unit, timeout_udp_stream=unit,
                               timeout_established=unit)))
    begin = time.monotonic()
    stream, live = Conn(), Conn().open()
    stream.udp("vm")
    stream.udp("peer")
    # The end of two others.
    closed = Conn().open()
    closed.vm("R")
    waiting = Conn().open()
    waiting.vm("FA")
    waiting.peer("FA")
    waiting.vm("A")
    if time.monotonic() > begin + 0.6 * unit:
        return None
    ends = [from_vm(vm_frame(2, tcp(c.cport, 80, "A", c.seq["vm"],
                                    c.seq["peer"]))) for c in (closed, waiting)]
    lives = [from_vm(vm_frame(2, l4)) for l4 in (
        udp(stream.cport, 80), tcp(live.cport, 80, "A", live.seq["vm"],
                                   live.seq["peer"]))]
    start = last = time.monotonic()
    while time.monotonic() < start + 2.2 * unit + 0.4:
        if time.monotonic() > last + 0.8 * unit:
            return None
        last = time.monotonic()
        check(len(net.send(*lives)) == 2, "a connection with traffic is gone")
        net.send(*ends)
        time.sleep(0.3)
    check(stream.flow() and live.flow(), "a connection with traffic is gone")
    check(not closed.flow(), "a reset connection was refreshed")
    check(not waiting.flow(), "a connection in time_wait was refreshed")
    return True


# -- show and flush -----------------------------------------------------------

@case("flow show: filters", stock=True)
def show():
    # longer than it takes to ask so often on an emulated machine
    net.load(base(RULE, eni={"timeout_syn": 600, "timeout_udp_new": 600}))
    t2, t3 = Conn(2).open(), Conn(3)
    t3.vm("S")
    u6 = Conn(2, dport=53, v6=True)
    u6.udp("vm")
    i4 = Conn(4, inbound=True, dport=22).open()
    for filt, want in {
        (): 4,
        ("eni", "eni1"): 4,
        ("proto", "tcp"): 3,
        ("proto", "17"): 1,
        ("dst", ca(2)): 1,
        ("dst", ca(2, True)): 1,
        ("src", ca(1)): 2,
        ("src", ca(4)): 1,
        ("sport", str(t3.cport)): 1,
        ("dport", "80"): 2,
        ("dport", "22"): 1,
        ("state", "established"): 2,
        ("state", "syn_sent"): 1,
        ("state", "new"): 1,
        ("age", "1000"): 0,
        ("age", "0"): 4,
        ("proto", "tcp", "state", "established", "dport", "22"): 1,
        ("proto", "udp", "state", "established"): 0,
    }.items():
        equal(len(net.flows(*filt)), want, f"flows by {filt}")
    flow = i4.flow()
    equal((flow["direction"], flow["src"], flow["dst"], flow["pa"],
           flow["vni"]), ("inbound", ca(4), ca(1), pa(4), VNI), "flow")
    fwd, rev = flow["forward"], flow["reverse"]
    equal((fwd["outer_dst"], fwd["vni"]), (pa(1), 9000), "forward")
    equal((rev["outer_dst"], rev["vni"]), (pa(4), VNI), "reverse")
    fwd = t2.flow()["forward"]
    equal((fwd["outer_src"], fwd["outer_dst"], fwd["vni"],
           fwd["dst_mac"].lower().replace("-", ":")),
          ("100.0.0.254", pa(2), VNI, mac(2)), "forward")
    equal((fwd["packets"], t2.flow()["reverse"]["packets"]), (2, 1), "packets")
    equal(int(net.dashctl("flow", "count").stdout.split()[-1]),
          len(net.flows()), "count")


@case("flow flush: by filter, and all", stock=True)
def flush():
    net.load(base(RULE))
    conns = [Conn(n).open() for n in (2, 3, 4)]
    u = Conn(2, dport=53)
    u.udp("vm")
    net.dashctl("flow", "flush", "dst", ca(2), "proto", "tcp")
    equal([bool(c.flow()) for c in conns], [False, True, True], "flows")
    check(u.flow(), "another one went along")
    conns[0].vm("A", drop="tcp_no_syn")
    conns[1].vm("A")
    net.dashctl("flow", "flush")
    equal(net.flows(), [], "flows")
    conns[1].vm("A", drop="tcp_no_syn")


@case("flow count keeps up with many")
def many():
    """More than one message of a dump; no flow is missed or met twice."""
    net.load(base(app={"timeout_udp_new": 300}))
    want = set()
    frames = []
    proto = vm_frame(2, udp(1, 53))
    for i in range(3000):
        port = 20000 + i
        want.add(port)
        frames.append(from_vm(patch(proto, 34, port.to_bytes(2, "big"))))
    for i in range(0, len(frames), 100):
        equal(len(net.send(*frames[i:i + 100])), 100, "frames")
    got = [f["sport"] for f in net.flows()]
    equal(len(got), 3000, "flows shown")
    equal(set(got), want, "their ports")
    equal(net.eni_stats()["flows"]["current"], 3000, "current")
    net.flush()
    equal(net.eni_stats()["flows"]["current"], 0, "current after flush")


@case("counters of connections")
def counters():
    net.load(base())
    before = net.eni_stats()["flows"]
    c = Conn().open()
    c.vm("FA")
    c.peer("FA")
    c.vm("A")
    c = Conn().open()
    c.peer("R")
    after = net.eni_stats()["flows"]
    for name, want in (("created", 2), ("tcp_syn", 2), ("tcp_syn_ack", 2),
                       ("tcp_fin", 2), ("tcp_rst", 1), ("tcp_established", 2),
                       ("matched", 8), ("current", 2)):
        equal(after[name] - before[name], want, name)


# -- limits -------------------------------------------------------------------

def fill(n, answered=True):
    conns = []
    for _ in range(n):
        c = Conn()
        c.udp("vm")
        if answered:
            c.udp("peer")
        conns.append(c)
    return conns


LIMITS = {
    "max_flows": (lambda n: base(app={"max_flows": n}), "max_flows"),
    "QOS flows": (lambda n: base(row("QOS", "q", qos_id="q", flows=n),
                                 eni={"qos": "q"}), "flow_limit"),
}


@cases({f"limit: {k}": v for k, v in LIMITS.items()}, stock=True)
def limit(rows, reason):
    net.load(rows(8))
    conns = fill(8)
    Conn().udp("vm", drop=reason)
    Conn().vm("S", drop=reason)
    for c in conns:             # established ones do not suffer
        c.udp("vm")
        c.udp("peer")
    net.dashctl("flow", "flush", "sport", str(conns[0].cport))
    Conn().udp("vm")
    change(*rows(100))
    fill(5)


@cases({f"limit: {k}, unanswered ones go first": v for k, v in LIMITS.items()})
def limit_victim(rows, reason):
    net.load(rows(6))
    fill(3)
    old, young = fill(1, False)[0], None
    time.sleep(0.3)
    young = fill(1, False)[0]
    fill(1)
    Conn().udp("vm")            # takes the place of the longest idle one
    equal((old.flow(), bool(young.flow())), (None, True), "victim")
    equal(len(net.flows()), 6, "connections")
    del reason


@case("limit: cps", stock=True)
def limit_cps():
    net.load(base(row("QOS", "q", qos_id="q", cps=5), eni={"qos": "q"}))
    before = time.monotonic()
    conns = fill(5, False)
    if time.monotonic() - before > 0.15:
        # too slow a machine to exceed 5 a second one by one
        frames = [from_vm(vm_frame(2, udp(net.sport(), 53)))
                  for _ in range(20)]
        equal(len(net.send(*frames)) < 20, True, "something was refused")
        return
    Conn().udp("vm", drop="cps_limit")
    conns[0].udp("vm")          # only creation is charged
    conns[0].udp("peer")

    def again():
        f = vm_frame(2, udp(net.sport(), 53))
        return len(net.send(from_vm(f))) == 1
    eventually(again, "a new connection", 1)


# -- replies and where they come from -----------------------------------------

@case("check_reply_pa: replies come from the PA, or another of the VNET",
      stock=True)
def reply_pa():
    net.load(base())
    c = Conn()
    c.udp("vm")
    c.udp("peer", src=77, drop="pa_invalid")
    c.udp("peer")
    c.udp("peer", src=3)
    net.load(base({"DASH_PA_VALIDATION_TABLE:100":
                   {"addresses": ["100.0.0.64/26"]}, "OP": "SET"}))
    c = Conn()
    c.udp("vm")
    c.udp("peer", src=77)
    c.udp("peer", src=63, drop="pa_invalid")
    net.load(base(eni={"check_reply_pa": False}))
    c = Conn()
    c.udp("vm")
    c.udp("peer", src=77)


@cases({f"check_reply_pa: {k}, the ENI's VNET may reply": v for k, v in {
    "vnet_encap": {"underlay_ip": pa(80)}, "direct": {}}.items()})
def reply_pa_static(fields):
    kind = "vnet_encap" if fields else "direct"
    net.load(base(row("ROUTE", "rg", ca(3) + "/32", routing_type=kind,
                      **fields)))
    c = Conn(3)
    f = vm_frame(3, udp(c.cport, 80))
    equal(len(net.send(from_vm(f))), 1, "frames")
    c.udp("peer", src=2)
    c.udp("peer", src=77, drop="pa_invalid")
    if fields:
        c.udp("peer", src=80)


@case("tunnel learning: an inbound connection follows its far side")
def learning():
    net.load(base(RULE, row("VNET", "v2", vni=500),
                  route_rule("eni1", 500, "100.0.0.4/32", 1, vnet="v1")))
    c = Conn(2, inbound=True).open()
    c.client("A", b"x", src=3)
    c.out = {"n": 3}
    c.server("A")
    equal(c.flow()["pa"], pa(3), "pa")
    # Another VNI is another tunnel, too.
    c.back = {"vni": 500}
    c.client("A", b"x", src=4)
    c.out = {"n": 4, "vni": 500}
    c.server("A")


@case("tunnel learning: a spoofed source moves nothing", stock=True)
def spoofed():
    net.load(base(RULE))
    c = Conn(2, inbound=True).open()
    c.client("A", b"x", src=77, drop="pa_invalid")
    c.client("A", b"x", src=200, drop="pa_invalid")
    c.server("A")
    c.client("A", b"x")
    equal(c.state(), "established", "state")
    # Nor when policy has changed meanwhile.
    net.load([mapping("v1", ca(3), pa(3), mac(13))], "--ignore-unknown")
    c.client("A", b"x", src=77, drop="pa_invalid")
    c.server("A")


# -- changes ------------------------------------------------------------------

def change(*rows):
    """Rows on top of what is loaded, as one transaction; flows stay."""
    net.load(rows, "--ignore-unknown")


DENIES = {
    "an ACL that is bound": (
        [*group("g"), bind("eni1", "out", 1, "g")], "acl_deny"),
    "a route that drops": (
        [row("ROUTE", "rg", "10.0.0.2/32", routing_type="drop")],
        "route_drop"),
    "a route that is gone": ([delete("ROUTE", "rg", "10.0.0.0/24")],
                             "no_route"),
    "a mapping that is gone": ([delete("VNET_MAPPING", "v1", "10.0.0.2")],
                               "no_mapping"),
}


@cases({f"change: {name}": v for name, v in DENIES.items()},
       stock=("change: an ACL that is bound", "change: a mapping that is gone"))
def now_denied(rows, reason):
    """The connection goes, whichever side sends next."""
    net.load(base())
    a, b, other = Conn().open(), Conn().open(), Conn(3).open()
    change(*rows)
    a.vm("A", drop=reason)
    equal(a.flow(), None, "flow after a packet of the initiator")
    b.peer("A", drop=reason)
    equal(b.flow(), None, "flow after a packet of the responder")
    if reason in ("route_drop", "no_mapping"):
        other.vm("A")
        other.peer("A")


@case("change: inbound rules and ACLs, too")
def now_denied_inbound():
    net.load(base(RULE))
    a = Conn(inbound=True).open()
    b = Conn(inbound=True).open()
    change(*group("g"), bind("eni1", "in", 1, "g"))
    a.vm("A", drop="acl_deny")
    a.peer("A", drop="tcp_no_syn")
    change(delete("ACL_IN", "eni1", 1))
    c = Conn(inbound=True).open()
    change(delete("ROUTE_RULE", "eni1", VNI, "100.0.0.0/24", 1))
    c.peer("A", drop="no_route_rule")
    b.vm("A", drop="no_route_rule")


@case("change: a group's rule, a tag", stock=True)
def group_changes():
    rules = group("g", (1, "deny", True, {"dst_tag": ["bad"]}),
                  (2, "allow", True, {}))
    net.load(base({"DASH_PREFIX_TAG_TABLE:bad":
                   {"ip_version": "ipv4", "prefix_list": []}, "OP": "SET"},
                  rules, bind("eni1", "out", 1, "g")))
    a, b = Conn(2).open(), Conn(3).open()
    change({"DASH_PREFIX_TAG_TABLE:bad":
            {"ip_version": "ipv4", "prefix_list": ["10.0.0.2/32"]},
            "OP": "SET"})
    a.vm("A", drop="acl_deny")
    b.vm("A")
    change(row("ACL_RULE", "g", "r2", priority=2, action="deny",
               terminating=True))
    b.peer("A", drop="acl_deny")


@case("change: the same verdict keeps the connection", stock=True)
def kept():
    net.load(base())
    before = net.eni_stats()["flows"]
    c = Conn().open()
    c.vm("PA", b"x")
    change(*group("g", (1, "allow", True, {})), bind("eni1", "out", 1, "g"))
    c.vm("PA", b"y")
    c.peer("A")
    flow = c.flow()
    equal(flow["state"], "established", "state")
    equal((flow["forward"]["packets"], flow["reverse"]["packets"]), (4, 2),
          "packets")
    after = net.eni_stats()["flows"]
    for name in ("created", "redecided"):
        equal(after[name] - before[name], 1, name)


@case("change: a mapping moves its connections", stock=True)
def moved():
    net.load(base())
    a, b = Conn(2).open(), Conn(3).open()
    change(mapping("v1", ca(2), pa(22), mac(12), vni=777))
    a.out = {"n": 12, "dst": pa(22), "vni": 777}
    a.vm("A")
    a.peer("A", src=22)
    equal(a.flow()["forward"]["outer_dst"], pa(22), "outer_dst")
    b.vm("A")
    # The responder's packet may be the first one, too.
    change(mapping("v1", ca(2), pa(23), mac(12), vni=777))
    a.peer("A", src=23)
    a.out["dst"] = pa(23)
    a.vm("A")
    equal(a.state(), "established", "state")


@case("change: a mapping concerns its own connections only")
def unrelated():
    net.load(base())
    c = Conn(2).open()
    before = net.eni_stats()["flows"]["redecided"]
    change(mapping("v1", ca(3), pa(33), mac(3)))
    c.vm("A")
    c.peer("A")
    equal(net.eni_stats()["flows"]["redecided"], before, "redecided")
    change(mapping("v1", ca(2), pa(33), mac(2)))
    c.out["dst"] = pa(33)
    c.vm("A")
    equal(net.eni_stats()["flows"]["redecided"], before + 1, "redecided")


@case("change: the ENI's host moves")
def vm_moved():
    net.load(base(RULE))
    a, b = Conn(2).open(), Conn(3, inbound=True).open()
    change(row("ENI", "eni1", mac_address=mac(1), underlay_ip=pa(55),
               admin_state="enabled", vnet="v1", vm_vni=9055))
    for c in (a, b):
        c.peer("A", out={"dst": pa(55), "vni": 9055})
        c.vm("A", src=55)


@case("change: --policy keep and cut")
def policies():
    net.load(base())
    c = Conn().open()
    p = net.load([*group("g"), bind("eni1", "out", 1, "g")], "--policy",
                 "keep", ok=False)
    if p.returncode:
        raise Skip("--policy: " + p.stderr.strip())
    c.vm("A")
    c.peer("A")
    Conn().vm("S", drop="acl_deny")
    net.load(group("g", (1, "allow", True, {})), "--policy", "cut")
    equal(c.flow(), None, "flow")


@case("ENI down: a live connection stops, both ways", stock=True)
def eni_down():
    net.load(base())
    c = Conn().open()
    fields = {"mac_address": mac(1), "underlay_ip": pa(1), "vnet": "v1"}
    change(row("ENI", "eni1", admin_state="disabled", **fields))
    c.vm("A", drop="eni_down")
    c.peer("A", drop="eni_down")
    change(row("ENI", "eni1", admin_state="enabled", **fields))
    c.vm("A")
    c.peer("A")


@case("ENI deleted: its connections go along")
def eni_deleted():
    net.load(base())
    c = Conn().open()
    rows = base()
    change(delete("ENI", "eni1"))
    equal(net.flows(), [], "flows")
    net.drop(from_vm(vm_frame(2, tcp(c.cport, 80, "A"))), "no_eni", "port")
    net.load(rows)
    c.vm("A", drop="tcp_no_syn")


@case("VIP removed: packets to it are none of ours")
def vip_removed():
    net.load(base())
    c = Conn().open()
    rows = base()
    rows[0]["DASH_APPLIANCE_TABLE:1"]["sip"] = ["100.0.0.253"]
    change(*rows)
    net.passes(from_vm(vm_frame(2, tcp(c.cport, 80, "A"))))
    # By the new one the connection is decided again and goes on.
    f = vm_frame(2, tcp(c.cport, 80, "A", c.seq["vm"], c.seq["peer"]))
    net.forwards(from_vm(f, dst="100.0.0.253"),
                 to_peer(2, f, src="100.0.0.253"))
    f = peer_frame(2, tcp(80, c.cport, "A", c.seq["peer"], c.seq["vm"]))
    net.forwards(from_peer(2, f, dst="100.0.0.253"),
                 to_vm(f, src="100.0.0.253"))


# -- ICMP errors --------------------------------------------------------------

@cases({f"ICMP error: {d}, {f}": (d == "inbound", f == "IPv6")
        for d in ("outbound", "inbound") for f in ("IPv4", "IPv6")},
       stock=("ICMP error: outbound, IPv4", "ICMP error: inbound, IPv6"))
def icmp_errors(inbound, v6):
    """Each side gets those about its own packets, from whomever, and they
    change nothing."""
    net.load(base(RULE))
    c = Conn(inbound=inbound, v6=v6).open()
    c.vm("PA", b"x" * 40)
    about_vm = c.last
    c.peer("PA", b"y" * 40)
    about_peer = c.last
    flow = c.flow()
    router = "fd00:99::1" if v6 else "192.0.2.1"
    # A router at the peer's side about a packet of the VM.
    for mtu in (None, 1300):
        f = inner(router, ca(1, v6), icmp_error(about_vm, v6, mtu), mac(2),
                  mac(1))
        net.forwards(from_peer(2, f), to_vm(f))
    # One at the VM's side about a packet of the peer.
    f = inner(router, ca(2, v6), icmp_error(about_peer, v6), mac(1))
    net.forwards(from_vm(f), to_peer(2, f, dmac=not inbound))
    # Cut to the 8 bytes that every ICMP implementation must quote.
    if not v6:
        f = inner(router, ca(1), icmp_error(about_vm[:14 + 28]), mac(2),
                  mac(1))
        net.forwards(from_peer(2, f), to_vm(f))
    equal(len(net.flows()), 1, "connections")
    now = c.flow()
    equal((now["forward"]["packets"], now["reverse"]["packets"]),
          (flow["forward"]["packets"], flow["reverse"]["packets"]),
          "packets of the connection")
    # About somebody else's connection.
    stranger = vm_frame(2, udp(net.sport(), 53), v6)
    f = inner(router, ca(1, v6), icmp_error(stranger, v6), mac(2), mac(1))
    net.drop(from_peer(2, f), "icmp_no_flow", "eni1")


@case("ICMP errors: outer sources are judged, and a VM's own", stock=True)
def icmp_sources():
    """As those of data are, although any router may be the inner source."""
    net.load(base(RULE, eni={"addresses": [ca(1)]}))
    router = "192.0.2.1"
    for inbound in (False, True):
        c = Conn(inbound=inbound).open()
        c.vm("PA", b"x" * 40)
        to_us = inner(router, ca(1), icmp_error(c.last), mac(2), mac(1))
        c.peer("PA", b"y" * 40)
        error = icmp_error(c.last)
        # Another PA of the VNET has one word for the VM, but moves nothing.
        net.forwards(from_peer(2, to_us), to_vm(to_us))
        net.forwards(from_peer(3, to_us), to_vm(to_us))
        net.drop(from_peer(77, to_us), "pa_invalid", "eni1")
        c.vm("A")
        f = inner(router, ca(2), error, mac(1))
        net.drop(from_vm(f), "spoof", "eni1")
        f = inner(ca(1), ca(2), error, mac(1))
        net.forwards(from_vm(f), to_peer(2, f, dmac=not inbound))
        equal(c.state(), "established", "state")
    net.load(base(RULE, eni={"addresses": [ca(1)], "check_reply_pa": False}))
    c = Conn().open()
    c.vm("PA", b"x" * 40)
    f = inner(router, ca(1), icmp_error(c.last), mac(2), mac(1))
    net.forwards(from_peer(77, f), to_vm(f))


@case("ICMP errors: a change of policy concerns them, too")
def icmp_change():
    net.load(base())
    c = Conn().open()
    c.vm("PA", b"x" * 40)
    f = inner("192.0.2.1", ca(1), icmp_error(c.last), mac(2), mac(1))
    change(*group("g"), bind("eni1", "out", 1, "g"))
    net.drop(from_peer(2, f), "acl_deny", "eni1")
    equal(c.flow(), None, "flow")


@case("explain: a connection's packets as they are judged", stock=True)
def explain_known():
    """Whoever sends them; asking changes nothing."""
    net.load(base(RULE))

    def ask(c, side, n, **kw):
        """What becomes of a packet of that side that VM n's host sends."""
        sport, dport = c.ports(side)
        ends = ca(1), ca(c.n)
        src, dst = ends if side == "vm" else ends[::-1]
        more = [x for k, v in kw.items() for x in (k, str(v))]
        ex = net.json("explain", "eni", "eni1",
                      "outbound" if side == "vm" else "inbound", "src", src,
                      "dst", dst, "proto", "tcp", "sport", str(sport), "dport",
                      str(dport), "pa", pa(n), *more)
        check("flow" in ex, f"no connection: {ex}")
        return ex["packet"]["outer_dst"] if ex["verdict"] == "allow" else \
            ex["reason"]

    out, into = Conn().open(), Conn(inbound=True).open()
    before = out.flow()["pa"], into.flow()["pa"], net.stats()
    equal(ask(out, "vm", 1), pa(2), "from the VM")
    equal(ask(out, "vm", 9), pa(2), "from the VM on another host")
    equal(ask(out, "peer", 2), pa(1), "reply")
    equal(ask(out, "peer", 3), pa(1), "reply from the VNET")
    equal(ask(out, "peer", 77), "pa_invalid", "reply from elsewhere")
    equal(ask(into, "peer", 2), pa(1), "to the VM")
    equal(ask(into, "peer", 3), pa(1), "to the VM from another host")
    equal(ask(into, "peer", 77), "pa_invalid", "to the VM from elsewhere")
    equal(ask(into, "peer", 2, vni=4711), "no_route_rule", "by another VNI")
    equal(ask(into, "vm", 1), pa(2), "reply of the VM")
    # Decided twice in thought: policy has changed, and the sender moved.
    change(*[r for s in range(1, 6)
             for r in (*group(f"a{s}", (1, "allow", False, {})),
                       bind("eni1", "in", s, f"a{s}"))])
    equal(ask(into, "peer", 3), pa(1), "after a change")
    equal(ask(into, "peer", 77), "pa_invalid", "after a change, elsewhere")
    equal((out.flow()["pa"], into.flow()["pa"], net.stats()), before,
          "what is there")
    into.peer("A")
    out.peer("A")


@case("ICMP error about an echo request")
def icmp_about_echo():
    net.load(base())
    for v6 in (False, True):
        ident = net.sport()
        f = vm_frame(2, echo(ident, v6), v6)
        net.forwards(from_vm(f), to_peer(2, f))
        router = "fd00:99::1" if v6 else "192.0.2.1"
        e = inner(router, ca(1, v6), icmp_error(f, v6), mac(2), mac(1))
        net.forwards(from_peer(2, e), to_vm(e))


@case("ICMP errors do not keep a connection alive")
def icmp_no_refresh():
    net.load(base(app={"timeout_udp_new": 1}))
    c = Conn()
    c.udp("vm")
    about, start = c.last, time.monotonic()
    while time.monotonic() < start + 2.2 + SLOW * 0.5:
        f = inner("192.0.2.1", ca(1), icmp_error(about), mac(2), mac(1))
        net.send(from_peer(2, f))
        if not c.flow():
            break
        time.sleep(0.1)
    equal(c.flow(), None, "flow")


@case("UDP: the first reply makes a stream")
def udp_states():
    net.load(base())
    c = Conn()
    c.udp("vm")
    c.udp("vm")
    equal(c.state(), "new", "state")
    c.udp("peer")
    equal(c.state(), "stream", "state")


# -- bandwidth ----------------------------------------------------------------

@case("limit: bw, bytes as received, both directions together", stock=True)
def limit_bw():
    """A bucket of bytes: never more goes than was saved and earned, and while
    there is always something to send, not much less."""
    rate, depth = 100000, 2 * 65536         # bytes a second, and the bucket
    net.load(base(row("QOS", "q", qos_id="q", bw=rate * 8 // 1000),
                  eni={"qos": "q"}))
    port = net.sport()
    out = from_vm(vm_frame(2, udp(port, 53, bytes(1400))))
    back = from_peer(2, peer_frame(2, udp(53, port, bytes(1400))))
    size = len(out)
    equal(len(back), size, "length of a reply")

    def flood(seconds):
        """Packets both ways for so long: how many were sent, by direction,
        and when that was; all others are dropped for this reason."""
        before = net.stats()
        n, start = 0, time.monotonic()
        while True:
            for _ in range(50):
                net.wires[net.port].send(out)
                net.wires[net.port].send(back)
            n += 100
            now = time.monotonic()
            if now - start > seconds:
                break
        frames = net.send()
        end = time.monotonic()
        after = net.stats()
        equal(dict(net.drops(after) - net.drops(before)),
              {"bw_limit": n - len(frames)}, "drops")
        eni = [next(e for e in s["enis"] if e["eni"] == "eni1")
               for s in (before, after)]
        sent = [eni[1][d]["tx_packets"] - eni[0][d]["tx_packets"]
                for d in ("outbound", "inbound")]
        equal(sum(sent), len(frames), "sent")
        return sent, start, now, end

    sent, start, empty, end = flood(0)
    # at first it has what a second brings
    low = rate - size
    high = depth + rate * (end - start) + size
    check(low <= sum(sent) * size <= high,
          f"{sum(sent) * size} bytes of at once, not in {low}..{high}")
    check(min(sent), f"one direction has all of it: {sent}")
    time.sleep(0.2)
    sent, _, now, last = flood(1)
    low = rate * (now - empty) * 0.97 - 2 * size
    high = rate * (last - empty) + 2 * size
    check(low <= sum(sent) * size <= high,
          f"{sum(sent) * size} bytes later, not in {low}..{high}")
    # another ENI's row, or none, is no limit
    net.load(base(row("QOS", "q", qos_id="q")))
    equal(len(net.send(*[out, back] * 100)), 200, "without a limit")


main(net)
