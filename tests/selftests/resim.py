#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What a change of policy makes of connections, and how many there may be:
SPEC 4 (policy changes, limits, timeouts) and 8 (7, 8, 12)."""

import random
import time

from dashtest import (SLOW, VNI, Net, base, bind, ca, case, cases,
                      check, delete, equal, eventually, group, mac, main,
                      mapping, pa, route_rule, row)
from frames import (be16, echo, from_peer, from_vm, inner, patch, peer_frame, tcp,
                    to_peer, to_vm, udp, vm_frame, vxlan)
from genl import NLM_F_ACK, NLM_F_DUMP, N, attr

net = Net(quick=True)

ALLOW = (1, "allow", True, {})
RULE = route_rule("eni1", VNI, "100.0.0.0/24", 1, vnet="v1")
DENY_OUT = [*group("deny"), bind("eni1", "out", 1, "deny")]


def change(*rows, policy=None):
    """One transaction on top of what is loaded."""
    flat = []
    for r in rows:
        flat += r if isinstance(r, list) else [r]
    return net.load(flat, "--ignore-unknown",
                    *(("--policy", policy) if policy else ()))


def flow_stats(eni="eni1"):
    return net.eni_stats(eni)["flows"]


def delta(before, *names, eni="eni1"):
    after = flow_stats(eni)
    return tuple(after[n] - before[n] for n in names)


class Udp:
    """A connection between VM 1 and VM n, opened by the VM unless inbound.

    to: more about how packets to the peer leave; back: how they come."""

    def __init__(self, n=2, inbound=False, answered=True, open_=True, **to):
        self.n, self.inbound, self.to, self.back = n, inbound, to, {}
        self.port = net.sport()
        if open_:
            self.first()
            if answered:
                self.reply()

    def vm(self, drop=None, **kw):
        ports = (53, self.port) if self.inbound else (self.port, 53)
        f = vm_frame(self.n, udp(*ports))
        if drop:
            return net.drop(from_vm(f, **kw), drop, "eni1")
        to = {"n": self.n, "dmac": not self.inbound, **self.to}
        return net.forwards(from_vm(f, **kw), to_peer(frame=f, **to))

    def peer(self, drop=None, src=None, out=None):
        ports = (self.port, 53) if self.inbound else (53, self.port)
        f = peer_frame(self.n, udp(*ports))
        packet = from_peer(src or self.n, f, **self.back)
        if drop:
            return net.drop(packet, drop, "eni1")
        return net.forwards(packet, to_vm(f, **(out or {})))

    def first(self, **kw):
        return (self.peer if self.inbound else self.vm)(**kw)

    def reply(self, **kw):
        return (self.vm if self.inbound else self.peer)(**kw)

    def both(self):
        self.vm()
        self.peer()

    def flow(self):
        flows = net.flows("sport", str(self.port))
        return flows[0] if flows else None


def stale(*filters):
    """How many connections are marked; filters: more attributes."""
    return len(net.nl.talk(N["DASH_CMD_FLOW_GET"],
                           attr(N["DASH_A_FLOW_STALE"], b"\1") +
                           b"".join(filters), NLM_F_DUMP | NLM_F_ACK))


# -- keep ---------------------------------------------------------------------

MOVE = mapping("v1", ca(2), pa(22), mac(12))

KEEPS = {
    "an ACL": (DENY_OUT, "acl_deny", None),
    "a route that is gone": ([delete("ROUTE", "rg", "10.0.0.0/24")],
                             "no_route", None),
    "a mapping that is gone": ([delete("VNET_MAPPING", "v1", "10.0.0.2")],
                               "no_mapping", None),
    "a mapping that moves": ([MOVE], None, {"n": 12, "dst": pa(22)}),
    "the binding of a route group": (
        [row("ROUTE_GROUP", "rg2"), row("ENI_ROUTE", "eni1", group_id="rg2")],
        "no_route", None),
    "the ENI's VNET": (
        [row("VNET", "v9", vni=909),
         row("ENI", "eni1", mac_address=mac(1), underlay_ip=pa(1),
             admin_state="enabled", vnet="v9")], None, {"n": 2, "vni": 909}),
}


@cases({f"keep: {name}": v for name, v in KEEPS.items()})
def keep(rows, reason, moved):
    """What is alive goes on, what is new does not, until policy has its way
    again."""
    net.load(base())
    a, b = Udp(), Udp()
    idle = Udp()
    before = flow_stats()
    change(rows, policy="keep")
    equal(stale(), 0, "stale")
    for _ in range(2):
        a.both()
        b.peer()
        b.vm()
    if reason:
        Udp(open_=False).vm(drop=reason)
    else:
        new = Udp(open_=False)
        new.to = moved
        new.vm()
    # A change that has nothing to do with it.
    change(row("QOS", "q", qos_id="q"), policy="keep")
    a.both()
    equal(delta(before, "redecided", "cut"), (0, 0), "redecided, cut")
    # The ENI's policy is to count again: for all of it, also those that had
    # no packet since.
    change(row("QOS", "q", qos_id="q", cps=10 ** 6))
    equal(stale(), len(net.flows()), "stale")
    equal(net.dashctl("flow", "count", "stale", "false").stdout, "0\n",
          "not stale")
    if reason:
        a.vm(drop=reason)
        equal(a.flow(), None, "flow")
        b.peer(drop=reason)
        equal(b.flow(), None, "flow")
        idle.vm(drop=reason)
        return
    for c in (a, idle):
        c.to = moved
        c.vm()
        c.peer(src=22 if "dst" in moved else None)


@case("keep: inbound connections, without rule, PA or ACL any more")
def keep_inbound():
    net.load(base(RULE))
    c = Udp(inbound=True)
    change(delete("ROUTE_RULE", "eni1", VNI, "100.0.0.0/24", 1),
           delete("VNET_MAPPING", "v1", ca(2)), group("g"),
           bind("eni1", "in", 1, "g"), policy="keep")
    c.both()
    Udp(inbound=True, open_=False).first(drop="no_route_rule")
    # Whoever sends from elsewhere has to be allowed by what there is now.
    c.peer(src=3, drop="no_route_rule")
    c.both()
    change(row("QOS", "q", qos_id="q"))
    c.vm(drop="no_route_rule")
    equal(c.flow(), None, "flow")


@case("keep: what the connection points to goes")
def keep_deleted():
    """VNET, mappings, route group: none of them is needed."""
    net.load(base())
    c, d = Udp(), Udp(3)
    for _ in range(3):
        change(delete("ENI_ROUTE", "eni1"), delete("ROUTE_GROUP", "rg"),
               row("ENI", "eni1", mac_address=mac(1), underlay_ip=pa(1),
                   admin_state="enabled"), delete("VNET", "v1"),
               policy="keep")
        c.both()
        # No other PA of the VNET, which there is not.
        c.peer(src=3, drop="pa_invalid")
        # The VNET is another one; the connection does not know it.
        change(row("VNET", "v1", vni=VNI), mapping("v1", ca(2), pa(29)),
               policy="keep")
        c.both()
    d.both()
    change(mapping("v1", ca(2), pa(28)))
    c.both()
    change(delete("VNET", "v1"))
    c.vm(drop="no_route")
    d.peer(drop="no_route")


@case("keep: endpoints of a static encapsulation")
def keep_static():
    route = {"routing_type": "vnet_encap", "vni": 555,
             "mac_address": mac(2)}
    net.load(base(row("ROUTE", "rg", "10.0.0.2/32",
                      underlay_ip=[pa(2)], **route)))
    c = Udp(vni=555)
    c.peer(src=33, drop="pa_invalid")
    change(delete("VNET_MAPPING", "v1", ca(3)),
           row("ROUTE", "rg", "10.0.0.2/32", underlay_ip=[pa(31), pa(32)],
               **route), policy="keep")
    c.both()
    # Replies may come from where the route leads now, too.
    c.peer(src=31)
    c.peer(src=33, drop="pa_invalid")
    change(delete("ROUTE", "rg", "10.0.0.2/32"), policy="keep")
    c.both()
    c.peer(src=31, drop="pa_invalid")


@case("keep: a later change of mappings, with and without")
def keep_mappings():
    net.load(base())
    kept, other = Udp(), Udp(3)
    change(MOVE, policy="keep")
    kept.both()
    change(mapping("v1", ca(4), pa(44), mac(4)), policy="keep")
    kept.both()
    before = flow_stats()
    # Another mapping is not other's; that kept is concerned is documented.
    change(mapping("v1", ca(4), pa(45), mac(4)))
    equal(stale(), 1, "stale")
    kept.to = {"n": 12, "dst": pa(22)}
    kept.vm()
    other.both()
    equal(delta(before, "redecided"), (1,), "redecided")


@case("keep: no new connection shares what was kept")
def keep_shared():
    net.load(base())
    old = [Udp() for _ in range(3)]
    change(MOVE, policy="keep")
    new = [Udp(n=2, answered=False, open_=False) for _ in range(3)]
    for c, d in zip(old, new):
        d.to = {"n": 12, "dst": pa(22)}
        d.vm()
        c.both()
        d.vm()
    # Back to what it was: old ones and new ones do the same.
    change(mapping("v1", ca(2), pa(2), mac(2)), policy="keep")
    Udp().both()
    for c, d in zip(old, new):
        c.both()
        d.vm()


@case("keep: a VIP that is gone: no_vip", stock=True)
def keep_vip():
    net.load(base(RULE))
    c, d = Udp(), Udp(3, inbound=True)
    rows = base()
    rows[0]["DASH_APPLIANCE_TABLE:1"]["sip"] = ["100.0.0.253"]
    change(rows[0], policy="keep")
    # The old one is nobody's; by the new one the connection has none.
    net.passes(from_vm(vm_frame(2, udp(c.port, 53))))
    for _ in range(2):
        c.vm(drop="no_vip", dst="100.0.0.253")
        c.back = d.back = {"dst": "100.0.0.253"}
        c.peer(drop="no_vip")
        d.vm(drop="no_vip", dst="100.0.0.253")
    check(c.flow() and d.flow(), "connections")
    # It comes back in time.
    change(base()[0], policy="keep")
    c.back = d.back = {}
    c.both()
    d.both()
    change(rows[0])
    c.to = {"src": "100.0.0.253"}
    c.vm(dst="100.0.0.253")


@case("keep: explain says what happens, changing nothing")
def keep_explain():
    net.load(base())
    c = Udp()

    def ask():
        ex = net.json("explain", "eni", "eni1", "outbound", "src", ca(1),
                      "dst", ca(2), "proto", "udp", "sport", str(c.port),
                      "dport", "53")
        return ex["packet"]["outer_dst"] if ex["verdict"] == "allow" else \
            ex["reason"]
    change(MOVE, DENY_OUT, policy="keep")
    equal(ask(), pa(2), "kept")
    c.both()
    change(row("QOS", "q", qos_id="q"))
    equal(ask(), "acl_deny", "to be decided again")
    check(c.flow()["stale"], "stale")
    change(group("deny", ALLOW), policy="cut")
    equal(ask(), pa(22), "new")


@case("keep: the ENI's deletion and admin_state", stock=True)
def keep_eni():
    net.load(base())
    c = Udp()
    eni = {"mac_address": mac(1), "underlay_ip": pa(1), "vnet": "v1"}
    change(row("ENI", "eni1", admin_state="disabled", **eni), policy="keep")
    c.vm(drop="eni_down")
    change(row("ENI", "eni1", admin_state="enabled", **eni), policy="keep")
    c.both()
    change(delete("ENI", "eni1"), policy="keep")
    equal(net.flows(), [], "flows")


@case("policy of single commands")
def commands():
    net.load(base())
    c = Udp()
    net.dashctl("acl", "group", "add", "g", "ip_version", "ipv4")
    net.dashctl("--policy", "keep", "acl", "bind", "eni1", "out", "1", "v4",
                "g")
    c.both()
    net.dashctl("--policy=cut", "acl", "unbind", "eni1", "out", "1", ok=False)
    net.dashctl("--policy", "cut", "acl", "unbind", "eni1", "out", "1")
    equal(c.flow(), None, "flow")
    for words in (("--policy", "maybe", "save"), ("load", "-", "--policy"),
                  ("load", "/dev/null", "--policy", "Keep2")):
        p = net.dashctl(*words, ok=False)
        equal(p.returncode, 1, "exit status")
        check("resimulate, keep or cut" in p.stderr, p.stderr)


# -- cut ----------------------------------------------------------------------

def two_enis():
    """Besides eni1, an ENI with VM 5, of the same VNET, and its routes."""
    return [row("ENI", "eni5", mac_address=mac(5), underlay_ip=pa(5),
                admin_state="enabled", vnet="v1"),
            row("ENI_ROUTE", "eni5", group_id="rg")]


def open_eni5(n=2):
    f = inner(ca(5), ca(n), udp(net.sport(), 53), mac(5))
    net.forwards(vxlan(f, 9000, pa(5), "100.0.0.254"), to_peer(n, f))


@case("cut: an ACL ends the ENI's, not another one's", stock=True)
def cut_acl():
    net.load(base(two_enis()))
    conns = [Udp(n) for n in (2, 3, 4)]
    open_eni5()
    before = flow_stats()
    change(group("g", ALLOW), bind("eni1", "out", 1, "g"), policy="cut")
    equal([f["eni"] for f in net.flows()], ["eni5"], "left")
    equal(delta(before, "cut", "removed", "redecided"), (3, 3, 0),
          "cut, removed, redecided")
    # What comes next is a new connection.
    conns[0].vm()
    conns[1].peer(drop="no_route_rule")
    equal(delta(before, "created"), (1,), "created")
    # One that stays the same concerns nobody.
    change(group("unbound"), policy="cut")
    equal(len(net.flows()), 2, "left")


@case("cut: a mapping ends its own, of all ENIs")
def cut_mapping():
    net.load(base(RULE, two_enis(), row("VNET", "v2", vni=200),
                  mapping("v2", "10.7.0.2", pa(7), mac(7)),
                  row("ROUTE", "rg", "10.7.0.0/24", routing_type="vnet",
                      vnet="v2")))
    Udp(2)
    three, four = Udp(3), Udp(4)
    open_eni5(2)
    open_eni5(3)
    change(MOVE, policy="cut")
    equal(sorted((f["eni"], f["dst"]) for f in net.flows()),
          [("eni1", ca(3)), ("eni1", ca(4)), ("eni5", ca(3))], "left")
    three.both()
    four.both()
    # An address that is mapped first, and another VNET.
    change(mapping("v1", ca(77), pa(77)), policy="cut")
    change(mapping("v2", "10.7.0.2", pa(8)), policy="cut")
    equal(len(net.flows()), 3, "left")
    # Connections from the VNET depend on all of its PAs.
    Udp(3, inbound=True)
    change(mapping("v1", ca(78), pa(78)), policy="cut")
    equal(sorted(f["direction"] for f in net.flows()), ["outbound"] * 3,
          "left")
    change(delete("VNET_MAPPING", "v1", ca(3)), policy="cut")
    equal([f["dst"] for f in net.flows()], [ca(4)], "left")


@case("cut: many, with packets meanwhile")
def cut_many():
    net.load(base(app={"max_flows": 1 << 20}))
    n = 2000
    # Ports are patched in: building so many frames would take most of the time.
    frames = [from_vm(vm_frame(v, udp(1, 99))) for v in (2, 3)]
    off = frames[0].index(b"\0\1\0\x63")
    for i in range(0, n, 200):
        net.send(*[patch(frames[j % 2], off, be16(1024 + j))
                   for j in range(i, i + 200)])
    equal(flow_stats()["current"], n, "connections")
    change(MOVE, policy="cut")
    equal(flow_stats()["current"], n // 2, "after a mapping")
    change(group("g", ALLOW), bind("eni1", "out", 1, "g"), policy="cut")
    equal(flow_stats()["current"], 0, "after an ACL")


# -- what a change concerns ----------------------------------------------------

CONCERNS = {
    "a rule of its group": (
        [row("ACL_RULE", "g", "r7", priority=7, action="deny")], (1, 0)),
    "a tag of its group": (
        [row("PREFIX_TAG", "t", ip_version="ipv4",
             prefix_list=["9.0.0.0/8"])], (1, 0)),
    "a group's binding": ([bind("eni1", "out", 2, "g")], (1, 0)),
    "a route of its group": (
        [row("ROUTE", "rg", "10.9.0.0/16", routing_type="drop")], (1, 0)),
    "its route group's binding": (
        [row("ROUTE_GROUP", "rgx"),
         row("ROUTE", "rgx", "10.0.0.0/8", routing_type="vnet", vnet="v1"),
         row("ENI_ROUTE", "eni1", group_id="rgx")], (1, 0)),
    "a route of another's group": (
        [row("ROUTE", "rg5", "10.9.0.0/16", routing_type="drop")], (0, 1)),
    "a route rule": ([RULE], (1, 0)),
    "the ENI": (
        [row("ENI", "eni1", mac_address=mac(1), underlay_ip=pa(1),
             admin_state="enabled", vnet="v1", half_open=50)], (1, 0)),
    "a mapping of another address": (
        [mapping("v1", ca(99), pa(99), mac(9))], (0, 0)),
    "its mapping": ([mapping("v1", ca(2), pa(2), mac(2))], (1, 1)),
    "valid PAs": (
        [{"DASH_PA_VALIDATION_TABLE:100": {"addresses": ["100.0.9.0/24"]},
          "OP": "SET"}], (1, 1)),
    "a routing type": (
        [{"DASH_ROUTING_TYPE_TABLE:vnet":
          [{"name": "a", "action_type": "maprouting"}], "OP": "SET"}],
        (1, 1)),
    "settings": ([base(app={"tcp_loose": True})[0]], (1, 1)),
    "a VNET": ([row("VNET", "v1", vni=VNI)], (1, 1)),
    "a group that nobody has": (group("nobody", ALLOW), (0, 0)),
    "a tag that nobody has": (
        [row("PREFIX_TAG", "u", ip_version="ipv4",
             prefix_list=["9.0.0.0/8"])], (0, 0)),
    "routes of nobody": (
        [row("ROUTE_GROUP", "rgn"),
         row("ROUTE", "rgn", "10.0.0.0/8", routing_type="drop")], (0, 0)),
}


@cases({f"concerned by {name}": v for name, v in CONCERNS.items()})
def concerned(rows, want):
    """Which of two ENIs' connections, to one and the same VM, are marked."""
    net.load(base(two_enis()[0], row("ROUTE_GROUP", "rg5"),
                  row("ROUTE", "rg5", "10.0.0.0/24", routing_type="vnet",
                      vnet="v1"), row("ENI_ROUTE", "eni5", group_id="rg5"),
                  row("PREFIX_TAG", "t", ip_version="ipv4", prefix_list=[]),
                  group("g", ALLOW, (5, "deny", True, {"src_tag": ["t"]})),
                  bind("eni1", "out", 1, "g")))
    Udp(2)
    open_eni5(2)
    change(rows)
    equal(tuple(stale(attr(N["DASH_A_FLOW_ENI"], eni))
                for eni in ("eni1", "eni5")), want, "stale of eni1, eni5")


# -- resim_rate ---------------------------------------------------------------

@case("resim_rate: the others go by what was decided", stock=True)
def resim_rate():
    net.load(base(eni={"resim_rate": 4}))
    conns = [Udp() for _ in range(12)]
    time.sleep(1.1)             # a full bucket
    before = flow_stats()
    change(MOVE)
    equal(stale(), 12, "stale")
    start = time.monotonic()
    frames = [vm_frame(2, udp(c.port, 53)) for c in conns]
    out = net.send(*[from_vm(f) for f in frames])
    took = time.monotonic() - start
    equal(len(out), 12, "sent")
    old = sum(to_peer(2, f) in out for f in frames)
    new = sum(to_peer(12, f, dst=pa(22)) in out for f in frames)
    equal(old + new, 12, "by either decision")
    check(4 <= new <= 4 + 4 * took + 1, f"{new} decided again in {took} s")
    redecided, deferred = delta(before, "redecided", "resim_deferred")
    equal((redecided, deferred), (new, old), "redecided, deferred")
    equal(stale(), old, "stale")
    # Progress, without anything lost.
    def step():
        for c in conns:
            f = vm_frame(2, udp(c.port, 53))
            equal(len(net.send(from_vm(f))), 1, "sent")
        return not stale()
    eventually(step, "all decided again", 6)
    equal(delta(before, "redecided"), (12,), "redecided")


@case("resim_rate: replies, and connections that are denied by now")
def resim_denied():
    net.load(base(eni={"resim_rate": 1}))
    conns = [Udp() for _ in range(4)]
    time.sleep(1.1)
    # That what they point to is gone does not matter to those that wait.
    change(delete("ENI_ROUTE", "eni1"), delete("ROUTE_GROUP", "rg"),
           delete("VNET", "v1"), row("ENI", "eni1", mac_address=mac(1),
                                     underlay_ip=pa(1), resim_rate=1,
                                     admin_state="enabled"))
    out = net.send(*[from_peer(2, peer_frame(2, udp(53, c.port)))
                     for c in conns])
    gone = 4 - len(net.flows())
    check(1 <= gone <= 3, f"{gone} gone")
    equal(len(out), 4 - gone, "sent")
    for c in conns:
        if c.flow():
            net.dashctl("explain", "eni", "eni1", "outbound", "src", ca(1),
                        "dst", ca(2), "proto", "udp", "sport", str(c.port),
                        "dport", "53")

    def all_gone():
        for c in conns:
            net.send(from_vm(vm_frame(2, udp(c.port, 53))))
        return not net.flows()
    eventually(all_gone, "no connection", 6)


@case("resim_rate: explain does not wait, a VIP that is gone neither")
def resim_explain():
    net.load(base(eni={"resim_rate": 1}))
    conns = [Udp() for _ in range(6)]
    change(MOVE)
    before = net.stats()
    for c in conns:
        ex = net.json("explain", "eni", "eni1", "outbound", "src", ca(1),
                      "dst", ca(2), "proto", "udp", "sport", str(c.port),
                      "dport", "53")
        equal(ex["packet"]["outer_dst"], pa(22), "outer_dst")
    equal((net.stats(), stale()), (before, 6), "what there is")
    rows = base()
    rows[0]["DASH_APPLIANCE_TABLE:1"]["sip"] = ["100.0.0.253"]
    change(rows[0])
    for c in conns:
        c.to = {"n": 12, "dst": pa(22), "src": "100.0.0.253"}
        c.vm(dst="100.0.0.253")


# -- limits -------------------------------------------------------------------

@case("half_open: a SYN flood leaves the established ones", stock=True)
def half_open():
    net.load(base(RULE, row("QOS", "q", qos_id="q", flows=40),
                  eni={"qos": "q", "half_open": 25}))
    conns = [Udp(n) for n in (2, 3, 4)]
    before = flow_stats()
    flood = [from_peer(2, peer_frame(2, tcp(1024 + i, 22)))
             for i in range(60)]
    equal(len(net.send(*flood)), 60, "SYNs sent on")
    now = flow_stats()
    equal((now["half_open"], now["current"]), (10, 13), "half open, current")
    equal(delta(before, "created", "evicted"), (60, 50), "created, evicted")
    for c in conns:
        c.both()
    # The youngest are those that are left, and can be answered.
    f = vm_frame(2, tcp(22, 1024 + 59, "SA", 5, 1001))
    net.forwards(from_vm(f), to_peer(2, f, dmac=False))
    equal(flow_stats()["half_open"], 9, "half open")
    # What is new is answered in time, in the midst of it.
    for i in range(5):
        net.send(*flood[:20])
        c = Udp(2 + i % 3)
        conns.append(c)
    for c in conns:
        c.both()
    equal(net.eni_stats()["inbound"]["drops"].get("half_open_limit", 0), 0,
          "half_open_limit")


@case("half_open: of max_flows without QOS; lowered; without")
def half_open_share():
    net.load(base(app={"max_flows": 20}, eni={"half_open": 30}))
    for _ in range(9):
        Udp(answered=False)
    equal(flow_stats()["half_open"], 6, "half open")
    eni = {"mac_address": mac(1), "underlay_ip": pa(1), "vnet": "v1",
           "admin_state": "enabled"}
    change(row("ENI", "eni1", half_open=5, **eni))
    for _ in range(6):
        Udp(answered=False)
    equal(flow_stats()["half_open"], 1, "half open")
    change(row("ENI", "eni1", **eni))
    for _ in range(6):
        Udp(answered=False)
    equal(flow_stats()["half_open"], 7, "half open")
    # They are counted down however they go.
    net.flush()
    equal(flow_stats()["half_open"], 0, "half open")


@case("half_open: IPv6, ICMP and timeouts count, too")
def half_open_kinds():
    net.load(base(RULE, eni={"half_open": 50, "timeout_udp_new": 1},
                  app={"max_flows": 20}))
    for _ in range(3):
        f = vm_frame(2, echo(net.sport(), True), True)
        net.forwards(from_vm(f), to_peer(2, f))
        Udp(answered=False)
    equal(flow_stats()["half_open"], 6, "half open")
    eventually(lambda: flow_stats()["half_open"] == 3, "timeouts", 4)


@case("bytes of an ENI's connections")
def eni_bytes():
    net.load(base())
    Udp()
    one = flow_stats()["bytes"]
    check(one >= 256, f"{one} bytes")
    Udp()
    equal(flow_stats()["bytes"], 2 * one, "bytes")


def memory():
    kinds = {m["kind"]: m for m in net.json("stats", "memory")["memory"]}
    total = sum(m["bytes"] for k, m in kinds.items() if k != "flow")
    return kinds, total


def scattered(n):
    """Prefixes that share nothing in a table."""
    rnd = random.Random(n)
    return [".".join(str(rnd.randrange(1, 224)) for _ in range(4)) + "/32"
            for _ in range(n)]


BIG = {
    "tags": ("ACL groups", [row("PREFIX_TAG", "t", ip_version="ipv4",
                                prefix_list=scattered(3000))]),
    "rows": ("rows", [row("PREFIX_TAG", f"tag{i}", ip_version="ipv4",
                          prefix_list=[]) for i in range(1000)]),
    "routes": ("routes", [row("ROUTE", "rg", f"20.{i >> 8}.{i & 255}.0/24",
                              routing_type="drop") for i in range(10000)]),
    "mappings": ("mappings", [mapping("v1", f"10.1.{i >> 8}.{i & 255}", pa(2))
                              for i in range(5000)]),
    "ACL groups": ("rows", [group("big", *(
        (i, "allow", True, {"src_addr": [f"30.{i >> 8}.{i & 255}.{j}/32"
                                         for j in range(8)]})
        for i in range(1, 200)))]),
}


@cases({f"max_memory: {name}": v for name, v in BIG.items()})
def max_memory(kind, rows):
    net.load(base())
    kinds, total = memory()
    check("limit" not in kinds["row"], "a limit")
    limit = total + 100000
    change(base(app={"max_memory": limit})[0])
    kinds, before = memory()
    equal(kinds["row"]["limit"], limit, "limit")
    check("limit" not in kinds["flow"], "a limit of flows")
    flat = []
    for r in rows:
        flat += r if isinstance(r, list) else [r]
    saved = net.save()
    p = net.load(flat, "--ignore-unknown", ok=False)
    equal(p.returncode, 2, "exit status")
    check(f"max_memory is {limit}" in p.stderr and f"which {kind}" in p.stderr,
          p.stderr)
    equal(net.save(), saved, "configuration")
    equal(net.load(flat, "--check", ok=False).returncode, 2, "exit status")
    # Small ones pass, and with another limit large ones.
    change(mapping("v1", ca(9), pa(9)))
    change(base(app={"max_memory": 10 ** 9})[0])
    change(*flat)
    kinds, total = memory()
    check(total > limit, f"{total} bytes")
    # What is there already would be too much; deleting helps at any time.
    p = net.load([base(app={"max_memory": limit})[0]], "--ignore-unknown",
                 ok=False)
    equal(p.returncode, 2, "exit status")
    net.load(base(), "--sync")


# -- timeouts -----------------------------------------------------------------

TIMEOUTS = ("syn", "established", "fin", "closed", "time_wait", "udp_new",
            "udp_stream", "icmp", "other")


@case("timeouts: each of the instance's and the ENI's")
def timeouts():
    """What flow show says about when a connection would go."""
    def expires():
        out = {}
        net.flush()
        c, p = Udp(answered=False), net.sport()
        out["udp_new"] = c.flow()["expires"]
        c.peer()
        out["udp_stream"] = c.flow()["expires"]

        def tcp_is(side, flags, seq, ack=0):
            if side == "vm":
                net.send(from_vm(vm_frame(2, tcp(p, 80, flags, seq, ack))))
            else:
                net.send(from_peer(2, peer_frame(2, tcp(80, p, flags, seq,
                                                        ack))))
            return net.flows("sport", str(p))[0]["expires"]
        out["syn"] = tcp_is("vm", "S", 1000)
        tcp_is("peer", "SA", 5000, 1001)
        out["established"] = tcp_is("vm", "A", 1001, 5001)
        tcp_is("vm", "FA", 1001, 5001)
        out["fin"] = tcp_is("peer", "FA", 5001, 1002)
        out["time_wait"] = tcp_is("vm", "A", 1002, 5002)
        p = net.sport()
        tcp_is("vm", "S", 1000)
        tcp_is("peer", "SA", 5000, 1001)
        tcp_is("vm", "A", 1001, 5001)
        out["closed"] = tcp_is("vm", "RA", 1001, 5001)
        f = vm_frame(2, echo(p := net.sport()))
        net.forwards(from_vm(f), to_peer(2, f))
        out["icmp"] = net.flows("proto", "icmp")[0]["expires"]
        f = vm_frame(2, bytes(24), proto=50)
        net.forwards(from_vm(f), to_peer(2, f))
        out["other"] = net.flows("proto", "50")[0]["expires"]
        return out

    def near(got, want):
        for name, n in want.items():
            check(n - 2 * SLOW <= got[name] <= n,
                  f"{name}: expires in {got[name]}, set to {n}")
    inst = {name: 100 + 10 * i for i, name in enumerate(TIMEOUTS)}
    eni = {name: 500 + 10 * i for i, name in enumerate(TIMEOUTS)}
    net.load(base(app={f"timeout_{k}": v for k, v in inst.items()}))
    near(expires(), inst)
    net.load(base(app={f"timeout_{k}": v for k, v in inst.items()},
                  eni={f"timeout_{k}": v for k, v in eni.items()}))
    near(expires(), eni)
    # One of the ENI's is one; the others are the instance's.
    net.load(base(app={f"timeout_{k}": v for k, v in inst.items()},
                  eni={"timeout_fin": 700}))
    near(expires(), {**inst, "fin": 700})


main(net)
