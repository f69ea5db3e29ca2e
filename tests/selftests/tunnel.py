#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Overlay tunnels, NVGRE, routing appliances: SPEC 2, 3 and 8 (2, 15)."""

import struct

from dashtest import (VM_VNI, VNI, Net, base, ca, case, cases, check, delete,
                      equal, mac, main, pa, route_rule, row, vip)
from frames import (Outer, from_peer, from_vm, inner, is6, nvgre, peer_frame,
                    sent_nvgre, to_peer, to_vm, udp, with_dmac)

net = Net(quick=True)
DST, DST6 = "20.0.0.9", "2001:db8::9"


def route(prefix, kind="tunnel", rg="rg", **fields):
    return row("ROUTE", rg, prefix, routing_type=kind, **fields)


def tunnel(name, *endpoints, vni=808, **fields):
    return row("TUNNEL", name, endpoints=list(endpoints), vni=vni, **fields)


def routes(name="t1", **fields):
    return [route("20.0.0.0/24", tunnel=name, **fields),
            route("2001:db8::/32", tunnel=name, **fields)]


def to(dst, l4=None, **kw):
    """Inner frame from VM 1 to any address."""
    return inner(ca(1, is6(dst)), dst, l4 or udp(net.sport(), 53), mac(1), **kw)


def reply(f, n, dst=DST):
    """What answers f, from the host of VM n."""
    sport = struct.unpack("!H", f[54:56] if is6(dst) else f[34:36])[0]
    return from_peer(n, inner(dst, ca(1, is6(dst)), udp(53, sport), mac(2),
                              mac(1)))


def leaves(dst, n, vni=808, f=None, **kw):
    f = f or to(dst)
    net.forwards(from_vm(f), to_peer(n, f, dmac=False, vni=vni, **kw))
    return f


def to_end(f, vni, dst):
    """The frame that the appliance makes of it, to an end of NVGRE."""
    return sent_nvgre(f, vni, vip(is6(dst)), dst)


# -- where packets go ---------------------------------------------------------

@case("one endpoint, both families inside and outside", stock=True)
def one():
    for u6 in (False, True):
        net.load(base(tunnel("t1", pa(80, u6)), routes()))
        for dst in (DST, DST6):
            f = leaves(dst, 80, u6=u6)
            net.forwards(from_peer(80, inner(dst, ca(1, is6(dst)), udp(
                53, net.next_port), mac(2), mac(1)), u6=u6),
                to_vm(inner(dst, ca(1, is6(dst)), udp(53, net.next_port),
                            mac(2), mac(1))))
            check(f, "frame")


@case("the inner frame stays as it is, unless the route has a MAC")
def dmac():
    net.load(base(tunnel("t1", pa(80)),
                  route("20.0.0.0/25", tunnel="t1"),
                  route("20.0.0.128/25", tunnel="t1", mac_address=mac(80))))
    leaves("20.0.0.1", 80)
    f = to("20.0.0.200")
    net.forwards(from_vm(f), to_peer(80, f, vni=808))


@case("the outer source: the tunnel's, the ENI's, the VIP")
def source():
    net.load(base(tunnel("t1", pa(80), sip=[pa(66), pa(67, True)]),
                  tunnel("t2", pa(80, True), sip=[pa(66), pa(67, True)]),
                  tunnel("t3", pa(80)), tunnel("t4", pa(80, True), sip=pa(66)),
                  [route(f"20.0.{i}.0/24", tunnel=f"t{i}")
                   for i in (1, 2, 3, 4)],
                  eni={"encap_sip": pa(55)}))
    leaves("20.0.1.1", 80, src=pa(66))
    leaves("20.0.2.1", 80, u6=True, src=pa(67, True))
    leaves("20.0.3.1", 80, src=pa(55))
    leaves("20.0.4.1", 80, u6=True)     # neither has an IPv6 source


@case("several endpoints: spread, stable, replies from each", stock=True)
def ecmp():
    ends = [pa(80), pa(81), pa(82), pa(83, True)]
    net.load(base(tunnel("t1", *ends), routes()))
    seen = {}
    frames = [to(DST) for _ in range(100)]
    for f in frames:
        out = net.send(from_vm(f), from_vm(f))
        dsts = {Outer(o).dst for o in out}
        equal((len(out), len(dsts)), (2, 1), "frames and endpoints")
        seen.setdefault(dsts.pop(), []).append(f)
    equal(set(seen), set(ends), "endpoints")
    check(min(len(p) for p in seen.values()) >= 10,
          f"uneven: { {k: len(v) for k, v in seen.items()} }")
    for n in (80, 81, 82):
        equal(len(net.send(reply(seen[pa(80)][0], n))), 1, f"reply from {n}")
    net.drop(reply(seen[pa(80)][0], 84), "pa_invalid", "eni1")


@case("a route of type direct leads into a tunnel, others do not")
def direct():
    net.load(base(tunnel("t1", pa(80)),
                  route("20.0.0.0/24", "direct", tunnel="t1")))
    leaves(DST, 80)
    for kind, fields in (("vnet", {"vnet": "v1"}), ("drop", {}),
                         ("vnet_encap", {"underlay_ip": pa(1)})):
        p = net.load([route("20.0.0.0/24", kind, tunnel="t1", **fields)],
                     "--ignore-unknown", ok=False)
        equal(p.returncode, 2, kind)
        check("only routing types tunnel and direct" in p.stderr, p.stderr)


# -- changes ------------------------------------------------------------------

@case("a change moves the connections concerned, and those only", stock=True)
def change():
    net.load(base(tunnel("t1", pa(80)), routes(),
                  row("ENI", "eni2", mac_address=mac(9), underlay_ip=pa(9),
                      admin_state="enabled", vnet="v1"),
                  row("ROUTE_GROUP", "rg2"),
                  row("ENI_ROUTE", "eni2", group_id="rg2"),
                  route("20.0.0.0/24", "vnet_encap", "rg2",
                        underlay_ip=pa(90))))
    f = leaves(DST, 80)
    g = inner(ca(9), DST, udp(net.sport(), 53), mac(9))
    net.forwards(from_vm(g), to_peer(90, g, dmac=False))

    def redecided(eni):
        return net.eni_stats(eni)["flows"]["redecided"]
    before = redecided("eni1"), redecided("eni2")
    net.load([tunnel("t1", pa(81), vni=809)], "--ignore-unknown")
    leaves(DST, 81, vni=809, f=f)
    net.drop(reply(f, 80), "pa_invalid", "eni1")
    net.forwards(from_vm(g), to_peer(90, g, dmac=False))
    equal((redecided("eni1"), redecided("eni2")), (before[0] + 1, before[1]),
          "re-decided")
    equal(len(net.flows()), 2, "connections")
    net.load([tunnel("t1", pa(81), vni=809, encap_type="nvgre")],
             "--ignore-unknown")
    net.forwards(from_vm(f), to_end(f, 809, pa(81)))


@case("replaced again and again under traffic")
def under_traffic():
    net.load(base(tunnel("t1", pa(80)), routes()))
    frames = [to(DST) for _ in range(20)]
    for i in range(30):
        ends = [pa(80 + (i + k) % 7) for k in range(1 + i % 3)]
        net.load([tunnel("t1", *ends, vni=1000 + i)], "--ignore-unknown")
        out = [Outer(o) for o in net.send(*map(from_vm, frames))]
        equal(len(out), len(frames), "frames")
        equal({o.vni for o in out}, {1000 + i}, "VNI")
        check({o.dst for o in out} <= set(ends), "endpoints")


@case("references: who names whom, deletion, any order in a file")
def references():
    p = net.load(base(routes("none")), "--check", ok=False)
    check("DASH_TUNNEL_TABLE:none does not exist" in p.stderr and
          "tunnel" in p.stderr, p.stderr)
    net.load(base(routes(), tunnel("t1", pa(80))))      # defined after its use
    p = net.dashctl("tunnel", "del", "t1", ok=False)
    equal(p.returncode, 2, "exit status")
    check("DASH_TUNNEL_TABLE:t1 cannot be deleted: DASH_ROUTE_TABLE:rg:20.0.0"
          ".0/24 refers to it (tunnel)" in p.stderr, p.stderr)
    leaves(DST, 80)
    # all of it in one change, its own connections included
    net.load([delete("TUNNEL", "t1"), delete("ROUTE", "rg", "20.0.0.0/24"),
              delete("ROUTE", "rg", "2001:db8::/32")], "--ignore-unknown")
    net.drop(from_vm(to(DST)), "no_route", "eni1")
    equal(net.json("tunnel", "show"), [], "tunnels")
    net.dashctl("tunnel", "del", "t1")                  # missing: no error
    # named, refused, forgotten; then for real
    net.load([*routes("t9")], "--ignore-unknown", ok=False)
    net.load([*routes("t9"), tunnel("t9", pa(82))], "--ignore-unknown")
    leaves(DST, 82)


@case("errors name the field")
def errors():
    for fields, text in (
            ({"vni": 1}, "endpoints"), ({"endpoints": pa(80)}, "vni"),
            ({"endpoints": pa(80), "vni": 1 << 24}, "vni"),
            ({"endpoints": pa(80), "vni": 1, "sip": [pa(1), pa(2)]}, "sip"),
            ({"endpoints": [f"9.9.{i >> 8}.{i & 255}" for i in range(129)],
              "vni": 1}, "endpoints"),
            ({"endpoints": pa(80), "vni": 1, "encap_type": "ipip"},
             "encap_type")):
        p = net.load([row("TUNNEL", "bad", **fields)], "--ignore-unknown",
                     ok=False)
        check(p.returncode and text in p.stderr, f"{fields}: {p.stderr}")
    p = net.load([route("30.0.0.0/24")], "--ignore-unknown", ok=False)
    check("needs a tunnel" in p.stderr, p.stderr)


@case("dashctl tunnel, save, explain", stock=True)
def tool():
    net.load(base())
    net.dashctl("tunnel", "add", "t1", "endpoints", f"{pa(80)},{pa(81)}", "vni",
                "77", "encap_type", "vxlan")
    p = net.dashctl("tunnel", "add", "t1", "endpoints", pa(80), "vni", "1",
                    ok=False)
    equal(p.returncode, 2, "added twice")
    want = {"endpoints": [pa(80), pa(81)], "encap_type": "vxlan", "vni": 77}
    equal(net.json("tunnel", "show", "t1"),
          [{"DASH_TUNNEL_TABLE:t1": want, "OP": "SET"}], "show")
    net.dashctl("tunnel", "replace", "t1", "endpoints", pa(82), "vni", "78",
                "metering_class_or", "5", "sip", pa(66))
    want = {"endpoints": [pa(82)], "vni": 78, "sip": pa(66),
            "metering_class_or": 5}
    row_ = {"DASH_TUNNEL_TABLE:t1": want, "OP": "SET"}
    check(row_ in net.save(), f"{row_} in {net.save()}")
    net.load([*routes()], "--ignore-unknown")
    saved = net.save()
    net.load(saved, "--sync")
    equal(net.save(), saved, "save, load, save")
    args = ("eni", "eni1", "outbound", "src", ca(1), "dst", DST, "proto", "udp")
    ex = net.json("explain", *args)
    equal((ex["verdict"], ex["tunnel"]["tunnel"], ex["tunnel"]["endpoints"],
           ex["packet"]["outer_dst"], ex["packet"]["outer_src"],
           ex["packet"]["vni"]), ("allow", "t1", [pa(82)], pa(82), pa(66), 78),
          "explain")
    text = net.dashctl("explain", *args).stdout
    check("t1" in text and pa(82) in text, text)


# -- NVGRE --------------------------------------------------------------------

@cases({"NVGRE: a tunnel, IPv4": False, "NVGRE: a tunnel, IPv6": True},
       stock=True)
def nvgre_out(u6):
    """Key: VSID in the upper 24 bits, FlowID 0."""
    net.load(base(tunnel("t1", pa(80, u6), vni=0xabcdef, encap_type="nvgre"),
                  routes()))
    for dst in (DST, DST6):
        f = to(dst)
        net.forwards(from_vm(f), to_end(f, 0xabcdef, pa(80, u6)))
        # the reply may come in either
        port = net.next_port
        back = inner(dst, ca(1, is6(dst)), udp(53, port), mac(2), mac(1))
        net.forwards(nvgre(back, VNI, pa(80, u6), vip(u6)), to_vm(back))
        net.forwards(from_peer(80, back, u6=u6), to_vm(back))


@case("NVGRE: by the routing type")
def nvgre_type():
    net.load(base(row("ROUTING_TYPE", "vnet_encap", name="a",
                      action_type="staticencap", encap_type="nvgre"),
                  route("20.0.0.0/24", "vnet_encap", underlay_ip=pa(81))))
    f = inner(ca(1), ca(2), udp(net.sport(), 53), mac(1))
    net.forwards(from_vm(f), to_end(with_dmac(f, mac(2)), VNI, pa(2)))
    f = to(DST)
    net.forwards(from_vm(f), to_end(f, VNI, pa(81)))


@cases({"NVGRE: answered in NVGRE, IPv4": False,
        "NVGRE: answered in NVGRE, IPv6": True})
def nvgre_back(u6):
    """To the VM always VXLAN (SPEC 8.15)."""
    net.load(base(route_rule("eni1", VNI, "::/0" if u6 else "0.0.0.0/0", 1,
                             vnet="v1", pa_validation=False)))
    port = net.sport()
    f = peer_frame(2, udp(port, 53))
    net.forwards(nvgre(f, VNI, pa(2, u6), vip(u6)), to_vm(f))
    back = inner(ca(1), ca(2), udp(53, port), mac(1), mac(2))
    net.forwards(from_vm(back), to_end(back, VNI, pa(2, u6)))
    # the same connection by VXLAN: the answer follows
    net.forwards(from_peer(2, f, u6=u6), to_vm(f))
    net.forwards(from_vm(back), to_peer(2, back, dmac=False, u6=u6))


@case("NVGRE: from the VM's host")
def nvgre_vm():
    net.load(base())
    f = inner(ca(1), ca(2), udp(net.sport(), 53), mac(1))
    net.forwards(nvgre(f, VM_VNI, pa(1), vip()), to_peer(2, f))


# -- routing appliances -------------------------------------------------------

@case("routing appliances: kept, and their mentions checked")
def appliances():
    ra = row("ROUTING_APPLIANCE", "22", appliance_guid="g",
             addresses=[pa(70), pa(71)], encap_type="vxlan", vni=101)
    net.load(base(ra, route("20.0.0.0/24", "vnet_encap", underlay_ip=pa(81),
                            appliance="22")))
    leaves(DST, 81, vni=VNI)
    check(ra in net.save(), "saved")
    p = net.dashctl("routing-appliance", "del", "22", ok=False)
    equal(p.returncode, 2, "exit status")
    check("DASH_ROUTE_TABLE:rg:20.0.0.0/24 refers to it (appliance)" in
          p.stderr, p.stderr)
    p = net.load([route("20.0.1.0/24", "drop", appliance="23")],
                 "--ignore-unknown", ok=False)
    check("DASH_ROUTING_APPLIANCE_TABLE:23 does not exist" in p.stderr,
          p.stderr)
    net.load([route("20.0.0.0/24", "drop")], "--ignore-unknown")
    net.dashctl("routing-appliance", "del", "22")
    equal(net.json("routing-appliance", "show"), [], "appliances")


main(net)
