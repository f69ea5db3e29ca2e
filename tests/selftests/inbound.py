#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The way to the VM: route rules, PA validation, ACLs, encapsulation, and the
way back of what came in: SPEC 3, 4 and 8 (1, 2, 7, 8, 13)."""

from dashtest import (VIP, VNI, Net, base, bind, ca, case, check, delete,
                      equal, group, mac, main, mapping, pa, route_rule, row)
from frames import (echo, from_peer, from_vm, inner, patch, peer_frame, tcp,
                    to_peer, to_vm, udp, vm_frame, vxlan)

net = Net(quick=True)


def rule(prefix="100.0.0.0/24", prio=1, action="decap", vni=VNI, **fields):
    fields.setdefault("vnet", "v1")
    return route_rule("eni1", vni, prefix, prio, action, **fields)


def pa_rows(vni, *prefixes):
    return {f"DASH_PA_VALIDATION_TABLE:{vni}": {"addresses": list(prefixes)},
            "OP": "SET"}


def comes(n=2, l4=None, drop=None, v6=False, out=None, **kw):
    """A packet from VM n, by its host, arrives, or is dropped for a reason."""
    f = peer_frame(n, l4 or udp(net.sport(), 53), v6)
    if drop:
        net.drop(from_peer(n, f, **kw), drop, "eni1")
    else:
        net.forwards(from_peer(n, f, **kw), to_vm(f, **(out or {})))


@case("to the VM: unchanged, to its host, with vm_vni", stock=True)
def to_host():
    net.load(base(rule()))
    comes()
    comes(3, tcp(net.sport(), 80), v6=True)
    comes(4, echo(net.sport()))


@case("to the VM: vm_vni of the ENI, else the first of the appliance")
def vm_vni():
    net.load(base(rule(), app={"vm_vni": [9000, 9001, 8000]}))
    comes()
    for vni in (9000, 9001, 8000):      # all of these mean outbound
        f = vm_frame(2, udp(net.sport(), 53))
        net.forwards(from_vm(f, vni=vni), to_peer(2, f))
    net.load(base(rule(), eni={"vm_vni": 4711}))
    comes(out={"vni": 4711})


@case("rules: lowest priority number first", stock=True)
def priority():
    net.load(base(rule("100.0.0.0/24", 10, "drop"),
                  rule("100.0.0.2/31", 5),
                  rule("100.0.0.3/32", 1, "drop"),
                  rule("100.0.0.4/32", 20)))
    comes(2)
    comes(3, drop="route_drop")
    comes(4, drop="route_drop")         # 10 before 20, though shorter


@case("rules: longest prefix among equals")
def ties():
    net.load(base(rule("100.0.0.0/24", 5, "drop"), rule("100.0.0.2/31", 5),
                  rule("100.0.0.3/32", 5, "drop")))
    comes(2)
    comes(3, drop="route_drop")
    comes(4, drop="route_drop")


@case("rules: none matches", stock=True)
def no_rule():
    net.load(base())
    comes(drop="no_route_rule")
    net.load(base(rule("100.0.0.3/32")))
    comes(2, drop="no_route_rule")
    comes(3)
    comes(3, drop="no_route_rule", vni=101)
    comes(3, drop="no_route_rule", src=pa(3, True), dst="fd00:100::fe")


@case("rules: by VNI")
def by_vni():
    net.load(base(rule(vni=500), rule(vni=501, action="drop")))
    comes(vni=500)
    comes(vni=501, drop="route_drop")
    comes(vni=502, drop="no_route_rule")


@case("rules: by inner protocol")
def by_protocol():
    net.load(base(rule(prio=1, action="drop", protocol=17),
                  rule(prio=2, protocol=6)))
    comes(l4=udp(net.sport(), 53), drop="route_drop")
    comes(l4=tcp(net.sport(), 80))
    comes(l4=tcp(net.sport(), 80), v6=True)
    comes(l4=echo(net.sport()), drop="no_route_rule")
    net.load(base(rule(prio=1, protocol=0)))
    comes(l4=echo(net.sport()))


@case("rules: IPv6 sources")
def by_v6():
    net.load(base(rule("fd00:100::2/127"),
                  mapping("v1", ca(2), pa(2, True), mac(2)),
                  mapping("v1", ca(3), pa(3, True), mac(3)),
                  mapping("v1", ca(4), pa(4, True), mac(4))))
    for n in (2, 3):
        f = peer_frame(n, udp(net.sport(), 53))
        # The VM's host is reached by IPv4, from the VIP of that family.
        net.forwards(from_peer(n, f, True), to_vm(f))
    f = peer_frame(4, udp(net.sport(), 53))
    net.drop(from_peer(4, f, True), "no_route_rule", "eni1")
    comes(2, drop="no_route_rule")


@case("rules: /0")
def default():
    net.load(base(rule("0.0.0.0/0", pa_validation=False)))
    comes(src="9.9.9.9")


@case("rules: ::/0 is no rule for IPv4 sources, nor 0.0.0.0/0 for IPv6")
def default_family():
    net.load(base(rule("::/0", 1, pa_validation=False)))
    comes(drop="no_route_rule")
    f = peer_frame(2, udp(net.sport(), 53))
    net.forwards(from_peer(2, f, True), to_vm(f))
    net.load(base(rule("::/0", 1, "drop"),
                  rule("0.0.0.0/0", 2, pa_validation=False)))
    comes()
    comes(drop="route_drop", src=pa(2, True), dst="fd00:100::fe")


@case("rules: priority as a field of the row")
def priority_field():
    net.load(base(row("ROUTE_RULE", "eni1", VNI, "100.0.0.0/24", priority=3,
                      action_type="drop"),
                  rule("100.0.0.2/32", 7)))
    comes(drop="route_drop")
    net.load(base(row("ROUTE_RULE", "eni1", VNI, "100.0.0.0/24", priority=9,
                      action_type="drop"),
                  rule("100.0.0.2/32", 7)))
    comes()


@case("rules: deleted without a priority, all of them go")
def delete_all():
    net.load(base(rule("100.0.0.0/24", 1, "drop"), rule("100.0.0.0/24", 2)))
    net.load([delete("ROUTE_RULE", "eni1", VNI, "100.0.0.0/24", 1)],
             "--ignore-unknown")
    comes()
    net.load([rule("100.0.0.0/24", 1, "drop")], "--ignore-unknown")
    net.load([delete("ROUTE_RULE", "eni1", VNI, "100.0.0.0/24")],
             "--ignore-unknown")
    comes(drop="no_route_rule")


@case("PA validation: the VNET's mappings", stock=True)
def validation():
    net.load(base(rule("100.0.0.0/16")))
    comes(2)
    comes(2, src=pa(3))
    comes(2, src=pa(9), drop="pa_invalid")
    comes(2, src="100.0.1.2", drop="pa_invalid")


@case("PA validation: second PAs and other VNETs")
def validation_more():
    net.load(base(rule("fd00:100::/64", vni=7), rule("100.0.0.0/24", vni=7),
                  rule("100.0.0.0/24", vni=8, vnet="v2"),
                  row("VNET", "v2", vni=222),
                  mapping("v1", ca(7), pa(7), mac(7),
                          underlay_ip6=pa(77, True)),
                  mapping("v2", "20.0.0.1", pa(31), mac(31))))
    f = peer_frame(7, udp(net.sport(), 53))
    net.forwards(from_peer(77, f, True, vni=7), to_vm(f))
    f = peer_frame(7, udp(net.sport(), 53))
    net.drop(from_peer(7, f, True, vni=7), "pa_invalid", "eni1")
    comes(2, vni=7, src=pa(31), drop="pa_invalid")
    comes(2, vni=8, src=pa(31))
    comes(2, vni=8, drop="pa_invalid")


@case("PA validation: rows of PA_VALIDATION", stock=True)
def validation_rows():
    """Those of the VNET's VNI; of the rule's own VNI when it has no VNET."""
    net.load(base(rule("0.0.0.0/0", vni=7),
                  route_rule("eni1", 8, "0.0.0.0/0", 1),
                  pa_rows(VNI, "60.0.0.0/8", "61.0.0.1/32"),
                  pa_rows(8, "70.0.0.0/8"), pa_rows(7, "80.0.0.0/8")))
    comes(vni=7, src="60.1.2.3")
    comes(vni=7, src="61.0.0.1")
    comes(vni=7)
    comes(vni=7, src="61.0.0.2", drop="pa_invalid")
    comes(vni=7, src="70.0.0.1", drop="pa_invalid")
    comes(vni=7, src="80.0.0.1", drop="pa_invalid")
    comes(vni=8, src="70.0.0.1")
    comes(vni=8, src="60.0.0.1", drop="pa_invalid")
    comes(vni=8, drop="pa_invalid")


@case("PA validation: ::/0 is no row for IPv4 sources")
def validation_family():
    net.load(base(rule("0.0.0.0/0", 1), rule("::/0", 2), pa_rows(VNI, "::/0")))
    comes(src="9.9.9.9", drop="pa_invalid")
    f = peer_frame(2, udp(net.sport(), 53))
    net.forwards(from_peer(99, f, True), to_vm(f))


@case("PA validation: off")
def validation_off():
    net.load(base(rule("0.0.0.0/0", pa_validation=False)))
    comes(src="9.9.9.9")


@case("PA validation: follows the mappings")
def validation_moves():
    net.load(base(rule()))
    comes(2)
    net.load([delete("VNET_MAPPING", "v1", ca(2))], "--ignore-unknown")
    comes(2)                    # the IPv6 CA still is behind that PA
    net.load([delete("VNET_MAPPING", "v1", ca(2, True))], "--ignore-unknown")
    comes(2, drop="pa_invalid")
    net.load([mapping("v1", ca(9), pa(2))], "--ignore-unknown")
    comes(2)


@case("order of reasons: rule, PA, ACL", stock=True)
def order():
    acl = [*group("g"), bind("eni1", "in", 1, "g")]
    net.load(base(acl, rule("100.0.0.0/25")))
    comes(2, src="100.0.0.200", drop="no_route_rule")
    comes(2, src=pa(9), drop="pa_invalid")
    comes(2, drop="acl_deny")


@case("ACL: inbound groups, on the packet as it is")
def acl():
    net.load(base(rule(), group("g", (1, "allow", True, {
        "src_addr": [ca(2) + "/32"], "dst_addr": [ca(1) + "/32"],
        "protocol": [17], "dst_port": ["53"]})), bind("eni1", "in", 3, "g")))
    comes(2)
    comes(3, drop="acl_deny")
    comes(2, tcp(net.sport(), 53), drop="acl_deny")
    equal(net.eni_stats()["inbound"]["acl_drops"].get("3", 0) >= 2, True,
          "drops of stage 3")


@case("back: to where the request came from, without a route", stock=True)
def back():
    """The ENI has no route group; the mapping would say something else."""
    net.load(base(rule("0.0.0.0/0", pa_validation=False),
                  mapping("v1", ca(2), pa(22), mac(22), vni=999),
                  routes=False))
    port = net.sport()
    f = peer_frame(2, tcp(port, 80))
    net.forwards(from_peer(2, f, src="9.9.9.9"), to_vm(f))
    f = vm_frame(2, tcp(80, port, "SA", 5, 1001))
    net.forwards(from_vm(f), to_peer(2, f, dmac=False, dst="9.9.9.9"))
    # What the VM begins itself has no way to go.
    net.drop(from_vm(vm_frame(2, tcp(net.sport(), 80))), "no_route", "eni1")


@case("back: from the VIP that was asked", stock=True)
def back_vip():
    net.load(base(rule(), app={"sip": [VIP, "100.0.0.253"]},
                  eni={"encap_sip": ["100.0.0.99"]}))
    for vip in ("100.0.0.253", VIP):
        port = net.sport()
        f = peer_frame(2, udp(port, 53))
        net.forwards(from_peer(2, f, dst=vip), to_vm(f, src=vip))
        f = vm_frame(2, udp(53, port))
        # encap_sip is for what is routed, not for this.
        net.forwards(from_vm(f), to_peer(2, f, dmac=False, src=vip))
    f = vm_frame(2, udp(net.sport(), 53))
    net.forwards(from_vm(f), to_peer(2, f, src="100.0.0.99"))


@case("the ENI by its source MAC, when the appliance says so")
def lookup():
    """outbound_direction_lookup dst_mac: outbound packets carry the ENI's MAC
    as destination."""
    net.load(base(rule(), app={"outbound_direction_lookup": "dst_mac"}))
    f = inner(ca(1), ca(2), udp(net.sport(), 53), mac(55), mac(1))
    net.forwards(from_vm(f), to_peer(2, f))
    f = vm_frame(2, udp(net.sport(), 53))
    net.drop(from_vm(f), "no_eni", "port")


@case("two ENIs: each has rules of its own")
def two():
    net.load(base(rule(), row("ENI", "eni2", mac_address=mac(8),
                              underlay_ip=pa(8), admin_state="enabled",
                              vnet="v1", vm_vni=8888),
                  route_rule("eni2", VNI, "100.0.0.3/32", 1, vnet="v1")))
    for n, ok in ((2, False), (3, True)):
        f = inner(ca(n), ca(8), udp(net.sport(), 53), mac(n), mac(8))
        if ok:
            net.forwards(from_peer(n, f), to_vm(f, vni=8888, dst=pa(8)))
        else:
            net.drop(from_peer(n, f), "no_route_rule", "eni2")


@case("one VM to the other by the same appliance")
def hairpin():
    """Outbound of one and inbound of the other are two passes, whose
    connections do not get in each other's way."""
    net.load(base(rule(), row("ENI", "eni2", mac_address=mac(2),
                              underlay_ip=pa(2), admin_state="enabled",
                              vnet="v1"),
                  row("ENI_ROUTE", "eni2", group_id="rg"),
                  mapping("v1", ca(1), pa(1), mac(1)),
                  mapping("v1", ca(2), VIP, mac(2)),
                  route_rule("eni2", VNI, "100.0.0.0/24", 1, vnet="v1",
                             pa_validation=False)))
    port = net.sport()
    f = vm_frame(2, udp(port, 53))
    first = to_peer(2, f, dst=VIP)
    net.forwards(from_vm(f), first)
    # It comes back as somebody else's packet.
    f2 = patch(f, 0, bytes.fromhex("020000000002"))
    net.forwards(vxlan(f2, VNI, VIP, VIP),
                 to_vm(f2, dst=pa(2)))
    equal({(x["eni"], x["direction"]) for x in net.flows("sport", str(port))},
          {("eni1", "outbound"), ("eni2", "inbound")}, "connections")


@case("the same by explain", stock=True)
def explain():
    net.load(base(rule("100.0.0.0/25", 4), *[group(
        "g", (1, "deny", True, {"dst_port": ["22"]}),
        (2, "allow", True, {}))], bind("eni1", "in", 1, "g")))

    def ask(dport, src):
        return net.json("explain", "eni", "eni1", "inbound", "src", ca(2),
                        "dst", ca(1), "proto", "tcp", "dport", str(dport),
                        "vni", str(VNI), "pa", src)
    ex = ask(80, pa(2))
    equal((ex["verdict"], ex["packet"]["outer_dst"], ex["packet"]["vni"]),
          ("allow", pa(1), 9000), "verdict")
    equal(ex["route_rule"]["priority"], 4, "rule")
    equal(ex["pa_valid"], True, "pa_valid")
    equal(ask(22, pa(2))["reason"], "acl_deny", "port 22")
    equal(ask(80, pa(9))["reason"], "pa_invalid", "another PA")
    equal(ask(80, "100.0.0.200")["reason"], "no_route_rule", "no rule")
    equal(net.flows(), [], "connections")


@case("nothing but rules and connections lets packets in")
def closed():
    net.load(base(app={"tcp_loose": True}))
    before = net.stats()
    frames = []
    for l4 in (tcp(net.sport(), 80), tcp(net.sport(), 80, "A"),
               udp(net.sport(), 53), echo(5), echo(6, reply=True)):
        frames.append(from_peer(2, peer_frame(2, l4)))
    equal(net.send(*frames), [], "frames")
    check(net.drops(net.stats()) - net.drops(before) ==
          {"no_route_rule": len(frames)}, "reasons")


main(net)
