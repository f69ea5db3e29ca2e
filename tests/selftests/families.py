#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""IPv4 and IPv6, under- and overlay, in every combination: SPEC 3 and 8.7."""

import itertools

from dashtest import (VIP, VIP6, VNI, Net, base, ca, case, cases, check, equal,
                      mac, main, mapping, pa, route_rule, row)
from frames import (Outer, echo, from_peer, from_vm, inner, patch, peer_frame,
                    tcp, to_peer, to_vm, udp, vm_frame)

net = Net(quick=True)

FAMILIES = {f"overlay {a}, from {b}, to {c}": (a == "v6", b == "v6", c == "v6")
            for a, b, c in itertools.product(("v4", "v6"), repeat=3)}
STOCK = ("overlay v4, from v6, to v6", "overlay v6, from v4, to v6",
         "overlay v6, from v6, to v4")


def rows(peer6, **kw):
    """VM 2 to 4 behind PAs of one family; packets of either may come in."""
    out = base(route_rule("eni1", VNI, "0.0.0.0/0", 1, pa_validation=False),
               route_rule("eni1", VNI, "::/0", 1, pa_validation=False), **kw)
    for n, v6 in itertools.product((2, 3, 4), (False, True)):
        out.append(mapping("v1", ca(n, v6), pa(n, peer6), mac(n)))
    return out


@cases({f"outbound: {k}": v for k, v in FAMILIES.items()},
       stock=[f"outbound: {k}" for k in STOCK])
def outbound(v6, vm6, peer6):
    """The request and its reply; the outer source is the VIP of the family."""
    net.load(rows(peer6, eni={"underlay_ip": pa(1, vm6)}))
    port = net.sport()
    for req, rep in ((tcp(port, 80), tcp(80, port, "SA", 7, 1001)),
                     (udp(port, 53), udp(53, port)),
                     (echo(port, v6), echo(port, v6, True))):
        f = vm_frame(2, req, v6)
        net.forwards(from_vm(f, vm6), to_peer(2, f, peer6))
        f = peer_frame(2, rep, v6)
        net.forwards(from_peer(2, f, peer6), to_vm(f, vm6))


@cases({f"inbound: {k}": v for k, v in FAMILIES.items()},
       stock=[f"inbound: {k}" for k in STOCK])
def inbound(v6, peer6, vm6):
    net.load(rows(peer6, eni={"underlay_ip": pa(1, vm6)}))
    port = net.sport()
    for req, rep in ((tcp(port, 80), tcp(80, port, "SA", 7, 1001)),
                     (udp(port, 53), udp(53, port))):
        f = peer_frame(2, req, v6)
        net.forwards(from_peer(2, f, peer6), to_vm(f, vm6))
        f = vm_frame(2, rep, v6)
        net.forwards(from_vm(f, vm6), to_peer(2, f, peer6, dmac=False))


@case("VIP: only the configured ones, of either family", stock=True)
def vips():
    net.load(base(app={"sip": [VIP6]}, eni={"underlay_ip": pa(1, True)}))
    f = vm_frame(2, udp(net.sport(), 53))
    net.passes(from_vm(f))
    # The only VIP is IPv6, the PA is IPv4.
    net.drop(from_vm(f, True), "no_nexthop", "eni1")
    net.load(base(app={"sip": VIP}))
    net.passes(from_vm(f, True))
    net.forwards(from_vm(f), to_peer(2, f))
    # The same, with the VM's host behind IPv6.
    net.load(base(route_rule("eni1", VNI, "100.0.0.0/24", 1, vnet="v1"),
                  app={"sip": VIP}, eni={"underlay_ip": pa(1, True)}))
    net.drop(from_peer(2, peer_frame(2, udp(net.sport(), 53))), "no_nexthop",
             "eni1")


@case("VIP: the first one of the other family")
def first_vip():
    net.load(rows(True, app={"sip": [VIP, "fd00:100::aa", "fd00:100::bb",
                                     "100.0.0.253"]}))
    f = vm_frame(2, udp(net.sport(), 53))
    net.forwards(from_vm(f), to_peer(2, f, True, src="fd00:100::aa"))
    # The one that was asked, when it has the family.
    f = vm_frame(2, udp(net.sport(), 53))
    net.forwards(from_vm(f, True, dst="fd00:100::bb"),
                 to_peer(2, f, True, src="fd00:100::bb"))


@case("VIP: several, in several rows")
def several():
    net.load(base(row("APPLIANCE", "2", sip=["100.0.0.250"], vm_vni=9100)))
    for vip, vni in ((VIP, 9000), ("100.0.0.250", 9100), (VIP, 9100)):
        f = vm_frame(2, udp(net.sport(), 53))
        net.forwards(from_vm(f, dst=vip, vni=vni), to_peer(2, f, src=vip))


@case("VIP: many, and as many VNIs of VMs")
def many():
    vips = [f"100.0.1.{n}" for n in range(12, 0, -1)]
    vnis = [9000 + 7 * n for n in range(12, 0, -1)]
    net.load(base(app={"sip": vips, "vm_vni": vnis}))
    for vip, vni in zip(vips, vnis):
        f = vm_frame(2, udp(net.sport(), 53))
        net.forwards(from_vm(f, dst=vip, vni=vni), to_peer(2, f, src=vip))
    f = vm_frame(2, udp(net.sport(), 53))
    net.drop(from_vm(f, dst=vips[0], vni=9001), "no_eni")
    net.passes(from_vm(f, dst="100.0.1.13", vni=vnis[0]))


@case("encap_sip: by family", stock=True)
def encap_sip():
    sips = ["100.0.0.66", "fd00:100::66"]
    for peer6 in (False, True):
        net.load(rows(peer6, eni={"encap_sip": sips}))
        f = vm_frame(2, udp(net.sport(), 53))
        net.forwards(from_vm(f), to_peer(2, f, peer6, src=sips[peer6]))
    # One of the other family does not count.
    net.load(rows(True, eni={"encap_sip": sips[:1]}))
    f = vm_frame(2, udp(net.sport(), 53))
    net.forwards(from_vm(f), to_peer(2, f, True))


CSUM = {
    "default": (False, True),
    "on": (True, True),
    "off": (False, False),
}


@cases({f"UDP checksum: {k}": (k,) + v for k, v in CSUM.items()},
       stock=("UDP checksum: default",))
def checksum(setting, on4, on6):
    """None on IPv4 and a right one on IPv6, unless told otherwise; for odd and
    even lengths."""
    for v6, want in ((False, on4), (True, on6)):
        net.load(rows(v6, app={"udp_csum": setting}))
        for size in (0, 1, 2, 777):
            f = vm_frame(2, udp(net.sport(), 53, b"z" * size))
            out = net.send(from_vm(f, csum=True))
            equal(len(out), 1, "frames")
            o = Outer(out[0])
            equal(o.ucsum != 0, want, f"a checksum, IPv6 {v6}")
            check(not want or o.csum_ok(), f"wrong checksum, {size} bytes")
            equal(o.inner[6:], f[6:], "inner frame")


@case("UDP checksum: never 0 on IPv6, though it be computed as 0")
def checksum_zero():
    """Among all values of two bytes of data one makes the sum 0, which is sent
    as 0xffff: RFC 768."""
    net.load(rows(True))
    port = net.sport()
    f = vm_frame(2, udp(port, 53, b"\0\0"))
    o = Outer(net.send(from_vm(f))[0])
    # What to add so that the checksum becomes 0.
    f = patch(f, len(f) - 2, (o.ucsum).to_bytes(2, "big"))
    o = Outer(net.send(from_vm(f))[0])
    equal(o.ucsum, 0xffff, "checksum")


@case("an IPv4-mapped IPv6 overlay address is no IPv4 one")
def mapped():
    """The tables hold IPv4 as mapped addresses: packets must not mix them."""
    net.load(base(route_rule("eni1", VNI, "0.0.0.0/0", 1,
                             pa_validation=False)))
    f = inner("::ffff:10.0.0.1", "::ffff:10.0.0.2", udp(net.sport(), 53),
              mac(1))
    equal(net.send(from_vm(f)), [], "frames by the IPv4 route")
    port = net.sport()
    f = vm_frame(2, udp(port, 53))
    net.forwards(from_vm(f), to_peer(2, f))
    f = inner("::ffff:10.0.0.2", "::ffff:10.0.0.1", udp(53, port), mac(2),
              mac(1))
    before = len(net.flows())
    net.send(from_peer(2, f))
    check(len(net.flows()) in (before, before + 1), "flows")
    flow = net.flows("sport", str(port), "dport", "53")
    equal(flow[0]["state"], "new", "state of the IPv4 connection")


main(net)
