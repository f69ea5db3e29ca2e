#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The scenarios of the public DASH packet tests, in this configuration.

Of sonic-net/DASH test/test-cases/functional/ptf and sonic-net/sonic-mgmt
tests/dash: their networks, packets and expectations, as far as this datapath
has the feature; Documentation/conformance.rst has the table of both. Whatever
comes out is compared to the last byte, and nothing else may come out of any
port. Header knobs are those of the P4 model, or (Net of two ports) those that
the tests have for other targets: a fixed source port and UDP checksums.
"""

import collections
import copy
import time

from dashtest import (APP_MAC, EXACT, SLOW, Failure, InNetns, Net, bind, case,
                      cases, check, delete, describe, equal, eventually, group,
                      ip_batch, main, mapping, route_rule, row, rule, same)
from frames import (echo, inner, nvgre, sent, sent_nvgre, tcp, udp, vxlan,
                    with_dmac)

net = Net(("u0", "u1"), quick=True)

ZERO = "00:00:00:00:00:00"
FAKE = "aa:12:44:69:05:aa"      # what a VM has for the MAC of its peer
VIP = "10.1.1.1"
PORT = 1234                     # the tests' source port, where it is not 0

# A host, its VM, and what is ours on its link. ca: of the VM, (IPv4, IPv6).
Host = collections.namedtuple("Host", "port mac pa prefix dut cmac ca vni")

HOST1 = Host("u0", "10:22:33:aa:bb:cc", "10.10.1.10", "10.10.1.0/24",
             "00:66:55:44:33:00", "00:01:00:00:03:14",
             ("192.168.0.1", "aaaa::10"), 1)
HOST2 = Host("u1", "aa:bb:cc:11:22:33", "10.10.2.10", "10.10.2.0/24",
             "00:77:66:55:44:00", "00:02:00:00:04:15",
             ("192.168.1.1", "bbbb::20"), 2)


def beside(host, last, ca, **kw):
    """Another VM like host's: behind the same link."""
    return host._replace(cmac=f"00:03:00:00:05:{last:02x}", ca=ca, **kw)


class Lab:
    """The two hosts on one port or on two, and the family of the overlay."""

    def __init__(self, ports, v6):
        self.v6 = v6
        self.two = ports == 2
        self.one, self.other = HOST1, HOST2
        if not self.two:
            self.other = HOST2._replace(port=HOST1.port, mac=HOST1.mac,
                                        dut=HOST1.dut)

    def ca(self, host):
        return host.ca[self.v6]

    def pick(self, v4, v6):
        return v6 if self.v6 else v4

    # -- configuration --

    def rows(self, outbound, *extra, hosts=None, trusted=(), vip=VIP):
        """An appliance for which these VNIs are from VMs. Next hops: by host
        with two ports, else all of them behind the port where it came in."""
        hops = [{"prefix": h.prefix, "dst_mac": h.mac, "src_mac": h.dut,
                 "port": h.port} for h in hosts or (self.one, self.other)]
        if not self.two:
            hops = [{"prefix": "0.0.0.0/0", "dst_mac": self.one.mac,
                     "src_mac": self.one.dut}]
        knobs = {**EXACT, "underlay_mode": "static", "nexthops": hops,
                 "accept_any_mac": True}
        if self.two:
            knobs.update(udp_sport=PORT, udp_csum="on")
        if trusted:
            knobs["trusted_vnis"] = [str(v) for v in trusted]
        out = [row("APPLIANCE", "1", sip=vip, vm_vni=list(outbound), **knobs)]
        for item in extra:
            out += item if isinstance(item, list) else [item]
        return out

    # -- packets --

    def out_kw(self):
        return {"sport": PORT, "csum": True} if self.two else {}

    def as_sent(self, sender, frame, vni=None, vip=VIP, **kw):
        """frame by sender's host to the appliance."""
        return vxlan(frame, sender.vni if vni is None else vni,
                     kw.pop("src", sender.pa), vip, sport=PORT,
                     smac=sender.mac, dmac=sender.dut,
                     csum=True if self.two else 0, **kw)

    def as_got(self, receiver, frame, vni=None, vip=VIP):
        return sent(frame, receiver.vni if vni is None else vni, vip,
                    receiver.pa, smac=receiver.dut, dmac=receiver.mac,
                    **self.out_kw())

    def steps(self, kind, client, server, fake):
        """[(does the client send it, inner frame)] of a conversation."""
        port = net.sport()

        def c2s(l4):
            return True, inner(self.ca(client), self.ca(server), l4,
                               client.cmac, FAKE if fake else server.cmac)

        def s2c(l4):
            return False, inner(self.ca(server), self.ca(client), l4,
                                server.cmac, client.cmac)
        if kind == "udp":
            return [c2s(udp(port, 80)), s2c(udp(80, port))]
        if kind == "icmp":
            return [c2s(echo(port, self.v6)), s2c(echo(port, self.v6, True))]
        return [c2s(tcp(port, 80, "S", 1)),
                s2c(tcp(80, port, "SA", 10, 2)),
                c2s(tcp(port, 80, "A", 2, 11)),
                c2s(tcp(port, 80, "FA", 2, 11)),
                s2c(tcp(80, port, "A", 11, 3)),
                s2c(tcp(80, port, "FA", 11, 3)),
                c2s(tcp(port, 80, "A", 3, 12))]

    def talks(self, client, server, fake, both=True, vni=None, **kw):
        """TCP, UDP and ICMP: every packet comes out, as it should and where
        it should; without both just the first. fake: the client is the ENI's
        VM. vni: that the server's host gets, if not its own."""
        for kind in ("tcp", "udp", "icmp"):
            steps = self.steps(kind, client, server, fake)
            for by_client, frame in steps if both else steps[:1]:
                if by_client:
                    want = with_dmac(frame, server.cmac)
                    comes_out(self.as_sent(client, frame, **kw), client.port,
                              self.as_got(server, want, vni, **kw),
                              server.port)
                else:
                    comes_out(self.as_sent(server, frame, **kw), server.port,
                              self.as_got(client, frame, **kw), client.port)

    def first(self, client, server, fake, kind="tcp", **inner_kw):
        """The first inner frame of a conversation."""
        l4 = tcp(net.sport(), 80, "S", 1) if kind == "tcp" else \
            udp(net.sport(), 80)
        return inner(inner_kw.pop("src", self.ca(client)),
                     inner_kw.pop("dst", self.ca(server)), l4,
                     inner_kw.pop("smac", client.cmac),
                     inner_kw.pop("dmac", FAKE if fake else server.cmac),
                     **inner_kw)

    def wrong(self, client, server, fake, **bad):
        """Each of these alone is wrong, and nothing comes out: {what:
        (value, reason)}; reason None: not ours."""
        for what, (value, reason) in bad.items():
            for kind in ("tcp", "udp"):
                f = self.first(client, server, fake, kind, **(
                    {what: value} if what in ("smac", "dmac", "dst") else {}))
                if what == "vip":
                    lost(self.as_sent(client, f, vip=value), client.port,
                         reason)
                elif what in ("vni", "src"):
                    lost(self.as_sent(client, f, **{what: value}),
                         client.port, reason)
                else:
                    lost(self.as_sent(client, f), client.port, reason)


def comes_out(frame, port, want, where=None):
    """Frame in by port; just want comes out, by the port where."""
    out = net.send_any(frame, port=port)
    if len(out) != 1:
        raise Failure(f"{len(out)} frames came out instead of one; drops so "
                      f"far: {dict(net.drops())}\nsent {describe(frame)}\n" +
                      "\n".join(describe(f) for _, f in out))
    equal(out[0][0], where or port, "port")
    same(out[0][1], want)


def lost(frame, port, reason):
    """Frame in, nothing out of any port; counted for the reason, or none of
    ours if that is None."""
    before = net.stats()
    out = net.send_any(frame, port=port)
    check(not out, f"not lost ({reason}):\n" +
          "\n".join(describe(f) for _, f in out))
    equal(dict(net.drops() - net.drops(before)), {reason: 1} if reason else {},
          "drops")


def vnet(vni):
    return row("VNET", f"n{vni}", vni=vni)


def eni(name, host, **fields):
    return row("ENI", name, **{"mac_address": host.cmac, "vnet": f"n{host.vni}",
                               "underlay_ip": host.pa, "vm_vni": host.vni,
                               "admin_state": "enabled", **fields})


def inbound(name, host, validate=True):
    """What of host's VNET and prefix may come in to an ENI."""
    if validate:
        return route_rule(name, host.vni, host.prefix, 1,
                          vnet=f"n{host.vni}")
    return route_rule(name, host.vni, host.prefix, 1, pa_validation=False)


def valid(*hosts):
    """PAs that are valid for their VNETs."""
    by_vni = {}
    for h in hosts:
        by_vni.setdefault(h.vni, []).append(h.pa)
    return [row("PA_VALIDATION", vni, addresses=pas)
            for vni, pas in by_vni.items()]


def routes(name, *table):
    """A route group and its binding: (prefix, kind, VNI of the VNET,
    fields)."""
    out = [row("ROUTE_GROUP", f"rg-{name}"),
           row("ENI_ROUTE", name, group_id=f"rg-{name}")]
    for prefix, kind, *rest in table:
        fields = dict(rest[1]) if len(rest) > 1 else {}
        if rest and rest[0]:
            fields["vnet"] = f"n{rest[0]}"
        out.append(row("ROUTE", f"rg-{name}", prefix, routing_type=kind,
                       **fields))
    return out


def to_host(lab, host, ca=None, dst_vni=True, vnet_vni=None):
    """A mapping of host's VM."""
    return mapping(f"n{vnet_vni or host.vni}", ca or lab.ca(host), host.pa,
                   host.cmac, use_dst_vni=dst_vni)


VARIANTS = {f"{text}, {fam} overlay": (ports, v6)
            for ports, text in ((1, "one port"), (2, "two ports"))
            for v6, fam in ((False, "IPv4"), (True, "IPv6"))}


def each(name, stock=()):
    """Declare a case per variant: ports and family of the overlay."""
    def declare(func):
        return cases({f"{name}: {text}": args
                      for text, args in VARIANTS.items()},
                     stock={f"{name}: {text}" for text in stock})(
                         lambda ports, v6: func(Lab(ports, v6)))
    return declare


# -- VNET to VNET, inbound ----------------------------------------------------

@each("inbound, PA validation", ("one port, IPv4 overlay",
                                 "two ports, IPv6 overlay"))
def inbound_validate(lab):
    one, other = lab.one, lab.other
    net.load(lab.rows([other.vni], vnet(one.vni), vnet(other.vni),
                      eni("e", other), inbound("e", one), valid(one),
                      trusted=[one.vni]))
    lab.talks(one, other, fake=False)
    lab.wrong(one, other, False, vni=(1000, "untrusted_vni"),
              vip=("10.10.10.10", None),
              dmac=("9e:ba:ce:98:d9:e2", "no_eni"))
    for src, why in (("10.10.5.1", "no_route_rule"),
                     ("10.10.1.25", "pa_invalid")):
        lab.wrong(one, other, False, src=(src, why))
    # without a list of trusted VNIs it is the rules that do not know it
    net.load(lab.rows([other.vni], vnet(one.vni), vnet(other.vni),
                      eni("e", other), inbound("e", one), valid(one)))
    lab.wrong(one, other, False, vni=(1000, "no_route_rule"))


@each("inbound, no PA validation", ("two ports, IPv4 overlay",))
def inbound_decap(lab):
    one, other = lab.one, lab.other
    net.load(lab.rows([other.vni], vnet(other.vni), eni("e", other),
                      inbound("e", one, False)))
    lab.talks(one, other, fake=False)
    lab.wrong(one, other, False, vni=(1000, "no_route_rule"),
              vip=("10.10.10.10", None),
              dmac=("9e:ba:ce:98:d9:e2", "no_eni"))
    lab.wrong(one, other, False, src=("10.10.3.22", "no_route_rule"))


@each("inbound, several sources to one ENI")
def inbound_sources(lab):
    """Three with validation, each in its VNET, one without."""
    other = lab.other
    hosts = [lab.one] + [
        beside(lab.one, i, ca, pa=f"{net8}.0.0.1", prefix=f"{net8}.0.0.0/24",
               vni=vni)
        for i, net8, ca, vni in (
            (1, 8, ("192.168.2.1", "cccc::60"), 10),
            (2, 9, ("192.168.3.1", "dddd::14"), 30),
            (3, 11, ("192.168.4.1", "eeee::80"), 40))]
    net.load(lab.rows(
        [other.vni], *(vnet(h.vni) for h in hosts[:3]), vnet(other.vni),
        eni("e", other), *(inbound("e", h, h is not hosts[3]) for h in hosts),
        valid(*hosts[:3]), hosts=[*hosts, other],
        trusted=[h.vni for h in hosts]))
    for h in hosts:
        lab.talks(h, other, fake=False)
    lab.wrong(hosts[0], other, False, vni=(200, "untrusted_vni"))
    lab.wrong(hosts[1], other, False, dmac=("9e:ba:ce:98:d9:e2", "no_eni"))
    lab.wrong(hosts[2], other, False, src=("10.10.5.1", "no_route_rule"))
    lab.wrong(hosts[3], other, False, vip=("10.10.10.10", None))
    # one's VNET does not make it another's
    lab.wrong(hosts[0], other, False, vni=(10, "no_route_rule"))


@each("inbound, several ENIs")
def inbound_enis(lab):
    tx0, rx0 = lab.one, lab.other
    tx1 = beside(tx0, 1, ("192.168.2.1", "cccc::30"), vni=10)
    tx2 = beside(tx0, 2, ("192.168.3.1", "dddd::40"), pa="9.0.0.1",
                 prefix="9.0.0.0/24", vni=30)
    rx1 = beside(rx0, 3, ("192.168.4.1", "eeee::50"), vni=20)
    net.load(lab.rows(
        [rx0.vni, rx1.vni], *(vnet(h.vni) for h in (tx0, tx1, rx0, rx1)),
        eni("e0", rx0), inbound("e0", tx0), inbound("e0", tx2, False),
        eni("e1", rx1), inbound("e1", tx1), valid(tx0, tx1),
        hosts=[tx0, tx2, rx0]))
    for client, server in ((tx0, rx0), (tx1, rx1), (tx2, rx0)):
        lab.talks(client, server, fake=False)
    for client, server in ((tx0, rx1), (tx1, rx0), (tx2, rx1)):
        for kind in ("tcp", "udp"):
            lost(lab.as_sent(client, lab.first(client, server, False, kind)),
                 client.port, "no_route_rule")


@each("inbound, several PAs by one rule")
def inbound_pas(lab):
    other = lab.other
    hosts = [lab.one] + [
        beside(lab.one, i, ca, pa=pa) for i, pa, ca in (
            (1, "10.10.1.20", ("192.168.2.1", "cccc::40")),
            (2, "10.10.1.189", ("192.168.3.1", "dddd::50")),
            (3, "10.10.1.200", ("192.168.4.1", "eeee::60")),
            (4, "10.10.12.20", ("192.168.4.1", "2603::10")))]
    net.load(lab.rows([other.vni], vnet(lab.one.vni), vnet(other.vni),
                      eni("e", other), inbound("e", lab.one),
                      valid(*hosts[:3])))
    for h in hosts[:3]:
        lab.talks(h, other, fake=False)
    for h, why in ((hosts[3], "pa_invalid"), (hosts[4], "no_route_rule")):
        for kind in ("tcp", "udp"):
            lost(lab.as_sent(h, lab.first(h, other, False, kind)), h.port, why)


def up_and_down(lab, rows, client, server, fake):
    """Forwarded, not while the ENI is disabled, whoever sends, forwarded."""
    net.load(rows)
    lab.talks(client, server, fake)
    steps = lab.steps("udp", client, server, fake)
    for by_client, f in steps:
        who = client if by_client else server
        equal(len(net.send_any(lab.as_sent(who, f), port=who.port)), 1,
              "frames")
    net.dashctl("eni", "set", "e", "admin_state", "disabled")
    for by_client, f in steps:
        who = client if by_client else server
        lost(lab.as_sent(who, f), who.port, "eni_down")
    for kind in ("tcp", "udp"):
        lost(lab.as_sent(client, lab.first(client, server, fake, kind)),
             client.port, "eni_down")
    net.dashctl("eni", "set", "e", "admin_state", "enabled")
    lab.talks(client, server, fake)


@each("inbound, ENI disabled and enabled", ("one port, IPv4 overlay",))
def inbound_state(lab):
    one, other = lab.one, lab.other
    up_and_down(lab, lab.rows([other.vni], vnet(other.vni), eni("e", other),
                              inbound("e", one, False)), one, other, False)


# -- VNET to VNET, outbound ---------------------------------------------------

def outbound_rows(lab, *table, dst=None, **kw):
    """The ENI of host one, with these routes and the VNETs of both."""
    one, other = lab.one, dst or lab.other
    return lab.rows([one.vni], vnet(one.vni), vnet(other.vni), eni("e", one),
                    routes("e", *table), trusted=[one.vni], **kw)


@each("outbound, vnet", ("one port, IPv4 overlay", "two ports, IPv6 overlay"))
def outbound_vnet(lab):
    one, other = lab.one, lab.other
    net.load(outbound_rows(lab, (lab.pick("192.168.1.0/24", "bbbb::/64"),
                                 "vnet", other.vni)) + [to_host(lab, other)])
    lab.talks(one, other, fake=True)
    lab.wrong(one, other, True, vip=("10.10.10.10", None),
              dst=(lab.pick("192.168.200.200", "dddd::dc"), "no_route"),
              smac=("00:aa:00:aa:00:aa", "no_eni"))
    lab.wrong(one, other, True, dst=(lab.pick("192.168.1.200", "bbbb::dc"),
                                     "no_mapping"))


@each("outbound, vnet_direct", ("two ports, IPv4 overlay",))
def outbound_vnet_direct(lab):
    """The mapping of another address is asked, the packet keeps its own."""
    one, other = lab.one, lab.other
    lookup = lab.pick("192.168.1.10", "bbbb::bc")
    net.load(outbound_rows(lab, (
        lab.pick("192.168.1.0/24", "bbbb::/64"), "vnet_direct", other.vni,
        {"overlay_ip": lookup})) + [to_host(lab, other, lookup)])
    lab.talks(one, other, fake=True)
    lab.wrong(one, other, True, vip=("10.10.10.10", None),
              dst=(lab.pick("192.168.200.200", "dddd::dc"), "no_route"),
              smac=("00:aa:00:aa:00:aa", "no_eni"))


@each("outbound, direct")
def outbound_direct(lab):
    """The packet of the VM itself, to the next hop of its destination."""
    one = lab.one
    other = lab.other._replace(prefix=lab.pick("192.168.1.0/24", "bbbb::/64"))
    rows = outbound_rows(lab, (other.prefix, "direct"), hosts=[one, other])
    if not lab.two:
        hop = dict(rows[0]["DASH_APPLIANCE_TABLE:1"]["nexthops"][0],
                   prefix="::/0")
        rows[0]["DASH_APPLIANCE_TABLE:1"]["nexthops"].append(hop)
    net.load(rows)
    for kind in ("tcp", "udp"):
        f = lab.first(one, other, True, kind)
        want = bytes.fromhex((other.mac + other.dut).replace(":", "")) + f[12:]
        comes_out(lab.as_sent(one, f), one.port, want, other.port)
    lab.wrong(one, other, True, vip=("10.10.10.10", None),
              dst=(lab.pick("192.168.200.200", "dddd::dc"), "no_route"),
              smac=("00:aa:00:aa:00:aa", "no_eni"))


@each("outbound, several mappings")
def outbound_mappings(lab):
    one, other = lab.one, lab.other
    peers = [other] + [beside(other, i, ca) for i, ca in (
        (1, ("192.168.1.17", "bbbb::1234:0:0:0")),
        (2, ("192.168.1.199", "bbbb::ab12:0:0")),
        (3, ("192.168.1.77", "bbbb::40")))]
    net.load(outbound_rows(lab, (lab.pick("192.168.1.0/24", "bbbb::/64"),
                                 "vnet", other.vni)) +
             [to_host(lab, h, dst_vni=h is not peers[3]) for h in peers])
    for h in peers[:3]:
        lab.talks(one, h, fake=True)
    # The ENI's own VNET's VNI, which is that of VMs: a reply with it is not
    # one of the far side's, as in the model.
    lab.talks(one, peers[3], fake=True, both=False, vni=one.vni)
    f = lab.first(peers[3], one, False)
    lost(lab.as_sent(peers[3], f, vni=one.vni), other.port, "no_eni")
    lab.wrong(one, other, True, vip=("10.10.10.10", None),
              dst=(lab.pick("192.168.200.200", "bbbb:0:0:1111::"), "no_route"),
              smac=("00:aa:00:aa:00:aa", "no_eni"))
    lab.wrong(one, other, True, dst=(lab.pick("192.168.1.200", "bbbb::33"),
                                     "no_mapping"))


def dst_vni(lab, kind, lookups=(None, None)):
    one, other = lab.one, lab.other
    peer = beside(other, 1, ("192.168.2.1", "cccc::30"), vni=3)
    prefixes = (lab.pick("192.168.1.0/24", "bbbb::/64"),
                lab.pick("192.168.2.0/24", "cccc::/64"))
    fields = [{"overlay_ip": ip} if ip else {} for ip in lookups]
    net.load(outbound_rows(lab, (prefixes[0], kind, other.vni, fields[0]),
                           (prefixes[1], kind, peer.vni, fields[1])) +
             [vnet(peer.vni), to_host(lab, other, lookups[0]),
              to_host(lab, peer, lookups[1], dst_vni=False)])
    lab.talks(one, other, fake=True)
    lab.talks(one, peer, fake=True, both=False, vni=one.vni)


@each("outbound, use_dst_vni, vnet")
def dst_vni_vnet(lab):
    dst_vni(lab, "vnet")


@each("outbound, use_dst_vni, vnet_direct")
def dst_vni_direct(lab):
    dst_vni(lab, "vnet_direct", (lab.pick("192.168.1.111", "bbbb::bc"),
                                 lab.pick("192.168.2.222", "cccc::bc")))


@each("outbound, ENI disabled and enabled")
def outbound_state(lab):
    one, other = lab.one, lab.other
    up_and_down(lab, outbound_rows(
        lab, (lab.pick("192.168.1.0/24", "bbbb::/64"), "vnet", other.vni)) +
        [to_host(lab, other)], one, other, True)


@each("outbound, ENIs with the same addresses")
def outbound_same(lab):
    """Three ENIs of one address and prefix each, with ways of their own."""
    tx = [lab.one] + [beside(lab.one, i, lab.one.ca, vni=vni)
                      for i, vni in ((1, 10), (2, 100))]
    rx = [lab.other] + [beside(lab.other, i, lab.other.ca, vni=vni)
                        for i, vni in ((3, 20), (4, 200))]
    prefix = lab.pick("192.168.1.0/24", "bbbb::/64")
    lookup = lab.pick("192.168.1.111", "bbbb::bc")
    net.load(lab.rows(
        [h.vni for h in tx], *(vnet(h.vni) for h in tx + rx),
        *(eni(f"e{i}", h) for i, h in enumerate(tx)),
        routes("e0", (prefix, "vnet", rx[0].vni)),
        routes("e1", (prefix, "vnet", rx[1].vni)),
        routes("e2", (prefix, "vnet_direct", rx[2].vni,
                      {"overlay_ip": lookup})),
        to_host(lab, rx[0]), to_host(lab, rx[1], dst_vni=False),
        to_host(lab, rx[2], lookup), trusted=[h.vni for h in tx]))
    lab.talks(tx[0], rx[0], fake=True)
    lab.talks(tx[1], rx[1], fake=True, both=False, vni=tx[1].vni)
    lab.talks(tx[2], rx[2], fake=True)


@each("outbound, overlapping prefixes", ("one port, IPv4 overlay",))
def outbound_lpm(lab):
    one = lab.one._replace(pa="192.168.0.1", prefix="192.168.0.0/24",
                           ca=("9.0.0.1", "aaaa::10"))
    base = lab.other._replace(pa="192.168.1.1", prefix="192.168.1.0/24",
                              ca=("10.5.4.4", "2001:db8:cad::1"))
    rx = [base,
          beside(base, 1, ("10.0.1.2", "2001:db8:cad:800::1"), vni=20),
          beside(base, 2, ("10.1.1.1", "2001:db8:cad:810::1"), vni=200)]
    lab.one = one
    net.load(outbound_rows(lab, *zip(
        lab.pick(("10.0.0.0/8", "10.0.1.0/24", "10.1.1.1/32"),
                 ("2001:db8:cad::/48", "2001:db8:cad:800::/53",
                  "2001:db8:cad:810::/62")),
        ("vnet",) * 3, [h.vni for h in rx]), dst=base, hosts=[one, base],
        vip="12.1.1.1") + [vnet(20), vnet(200)] +
        [to_host(lab, h) for h in rx])
    for h in rx:
        lab.talks(one, h, fake=True, vip="12.1.1.1")


@each("outbound, CAs that are PAs, too")
def outbound_ca_pa(lab):
    one = lab.one._replace(pa="192.168.0.1", prefix="192.168.0.0/24")
    other = lab.other._replace(pa="192.168.1.1", prefix="192.168.1.0/24")
    lab.one = one
    net.load(outbound_rows(lab, (lab.pick("192.168.1.0/24", "bbbb::/64"),
                                 "vnet", other.vni), hosts=[one, other]) +
             [to_host(lab, other)])
    lab.talks(one, other, fake=True)


@each("both directions, several ENIs", ("two ports, IPv4 overlay",))
def both_ways(lab):
    h0, h2 = lab.one, lab.other
    h1 = beside(h0, 1, ("192.168.2.1", "cccc::30"), vni=10)
    h3 = beside(h2, 2, ("192.168.3.1", "dddd::40"), vni=20)
    net.load(lab.rows(
        [h0.vni, h3.vni], *(vnet(h.vni) for h in (h0, h1, h2, h3)),
        eni("e0", h0), inbound("e0", h2), valid(h2, h1),
        routes("e0", (lab.pick("192.168.1.0/24", "bbbb::/64"), "vnet",
                      h2.vni)), to_host(lab, h2),
        eni("e3", h3), inbound("e3", h1),
        routes("e3", (lab.pick("192.168.2.0/24", "cccc::/64"), "vnet",
                      h1.vni)), to_host(lab, h1)))
    for _ in range(2):
        lab.talks(h0, h2, fake=True)
        lab.talks(h2, h0, fake=False)
        lab.talks(h3, h1, fake=True)
        lab.talks(h1, h3, fake=False)


@case("underlay: what is not for a VIP is routed by the host")
def underlay():
    lab = Lab(2, False)
    one, other = lab.one, lab.other
    net.load(outbound_rows(lab, ("192.168.1.0/24", "vnet", other.vni)) +
             [to_host(lab, other)])
    lab.talks(one, other, fake=True)
    app = [net.macs(i)[0] for i in range(2)]
    ip_batch(f"route add {one.prefix} dev u0\nroute add {other.prefix} dev u1\n"
             f"neigh add {one.pa} lladdr {one.mac} nud permanent dev u0\n"
             f"neigh add {other.pa} lladdr {other.mac} nud permanent dev u1\n",
             net.app)
    knob = "/proc/sys/net/ipv4/ip_forward"
    with InNetns(net.app), open(knob, "w", encoding="ascii") as f:
        f.write("1")
    try:
        for src, dst, i, o in ((one, other, 0, 1), (other, one, 1, 0)):
            f = inner(src.pa, dst.pa, udp(PORT, 80), src.mac, app[i], ttl=64)
            comes_out(f, src.port, inner(src.pa, dst.pa, udp(PORT, 80),
                                         app[o], dst.mac, ttl=63), dst.port)
        lab.talks(one, other, fake=True)
    finally:
        with InNetns(net.app), open(knob, "w", encoding="ascii") as f:
            f.write("0")
        ip_batch(f"route del {one.prefix} dev u0\n"
                 f"route del {other.prefix} dev u1\n", net.app)


# -- the sanity tests: one port, MACs of zeros --------------------------------

SANITY = {
    False: Host("u0", "00:00:05:06:06:06", "172.16.1.1", "0.0.0.0/0",
                "00:00:02:03:04:05", "00:cc:cc:cc:cc:cc", ("10.1.1.10",) * 2,
                100),
    True: Host("u0", "00:00:03:06:06:06", "172.16.1.2", "0.0.0.0/0",
               "00:00:06:07:08:09", "00:aa:aa:aa:aa:aa",
               ("2000:aaaa::10a",) * 2, 50),
}


class Sanity:
    """An appliance of one ENI whose VNET has the VNI of VMs."""

    def __init__(self, v6=False, vm_vni=None, **app):
        self.vm = vm = SANITY[v6]
        self.vip = "172.16.1.200" if v6 else "172.16.1.100"
        self.ca = "2000:aaaa::232" if v6 else "10.1.2.50"
        self.pa = "172.16.1.30" if v6 else "172.16.1.20"
        self.mac = "00:bb:bb:bb:bb:bb" if v6 else "00:dd:dd:dd:dd:dd"
        self.vm_vni = vm_vni or vm.vni
        self.rows = [
            row("APPLIANCE", "1", sip=self.vip, vm_vni=self.vm_vni,
                **{**EXACT, "underlay_mode": "static", "accept_any_mac": True,
                   "nexthops": [{"prefix": "0.0.0.0/0", "dst_mac": ZERO,
                                 "src_mac": ZERO}], **app}),
            vnet(vm.vni), eni("e", vm, vm_vni=9),
            *routes("e", ("2000:aaaa::/112" if v6 else "10.1.0.0/16", "vnet",
                          vm.vni)),
            mapping(f"n{vm.vni}", self.ca, self.pa, self.mac,
                    use_dst_vni=True)]

    def frame(self, l4, src=None, dst=None, **kw):
        return inner(src or self.vm.ca[0], dst or self.ca, l4, self.vm.cmac,
                     "02:02:02:02:02:02", **kw)

    def as_sent(self, frame, **kw):
        return vxlan(frame, self.vm_vni, self.vm.pa, kw.pop("vip", self.vip),
                     sport=11638, smac=self.vm.mac,
                     dmac=kw.pop("dmac", self.vm.dut), **kw)

    def forwards(self, frame, **kw):
        comes_out(self.as_sent(frame, **kw), "u0",
                  sent(with_dmac(frame, self.mac), self.vm.vni, self.vip,
                       self.pa, smac=ZERO, dmac=ZERO))

    def loses(self, frame, reason, **kw):
        lost(self.as_sent(frame, **kw), "u0", reason)

    def flow(self, port, proto="udp"):
        return net.flows("eni", "e", "src", self.vm.ca[0], "dst", self.ca,
                         "proto", proto, "sport", str(port))


@cases({"sanity: IPv4 overlay": (False,), "sanity: IPv6 overlay": (True,)},
       stock=True)
def sanity(v6):
    net.load((s := Sanity(v6)).rows)
    s.loses(s.frame(udp(PORT, 80)), None, vip="172.16.100.100")
    s.loses(s.frame(udp(PORT, 80), dst="2000:bbbb::232" if v6 else
                    "10.200.2.50"), "no_route")
    s.loses(s.frame(udp(PORT, 80), dst="2000:aaaa::d3d3" if v6 else
                    "10.1.211.211"), "no_mapping")
    s.forwards(s.frame(udp(PORT, 80)))
    # outer MACs of zeros in, a TTL that is used up: it is for us
    s.forwards(s.frame(udp(PORT, 80)), dmac=ZERO)
    s.forwards(s.frame(udp(PORT, 80)), ip_kw={"ttl": 0})


# -- flows --------------------------------------------------------------------

@case("flows: UDP, SYN and FIN, as the data plane application has them",
      stock=True)
def dpapp():
    net.load((s := Sanity(vm_vni=60)).rows)
    s.forwards(s.frame(udp(PORT, 80)))
    equal(len(s.flow(PORT)), 1, "connections")
    s.forwards(s.frame(tcp(0x1234, 0x50, "S")))
    equal([f["state"] for f in s.flow(0x1234, "tcp")], ["syn_sent"], "state")
    s.forwards(s.frame(tcp(0x1234, 0x50, "F")))
    equal(s.flow(0x1234, "tcp"), [], "connections after FIN")
    equal(len(s.flow(PORT)), 1, "of UDP")
    # the second conversation by the same ports is a new one
    s.forwards(s.frame(tcp(0x1234, 0x50, "S")))
    s.forwards(s.frame(tcp(0x1234, 0x50, "R")))
    equal(s.flow(0x1234, "tcp"), [], "connections after RST")


@case("flows: gone when they are not used any more")
def ageing():
    net.load((s := Sanity(vm_vni=60, timeout_udp_new=1, timeout_syn=1)).rows)
    s.forwards(s.frame(udp(PORT, 80)))
    s.forwards(s.frame(tcp(PORT, 80, "S")))
    equal(len(net.flows()), 2, "connections")
    begin = time.monotonic()
    eventually(lambda: not net.flows(), "ageing", 3)
    check(time.monotonic() - begin > 0.5, "too soon")


@case("flows: an idle one goes, one kept alive stays")
def keep_alive():
    net.load((s := Sanity(vm_vni=60, timeout_udp_new=2 * SLOW)).rows)
    keep, idle = s.frame(udp(PORT, 80)), s.frame(udp(PORT, 81))
    s.forwards(keep)
    s.forwards(idle)
    end = time.monotonic() + 2 * SLOW + 2
    while time.monotonic() < end:
        s.forwards(keep)
        time.sleep(0.3)
    equal([f["dport"] for f in net.flows()], [80], "what stayed")


@case("flows: made by hand, hit, missed and removed", stock=True)
def by_hand():
    """Policy denies (groups without rules), so that only what the entry says
    can come out."""
    vm = SANITY[False]._replace(cmac="00:00:02:03:04:05",
                                ca=("10.1.2.51",) * 2)
    mac, other_mac = "00:ee:ee:ee:ee:ee", "00:bb:bb:bb:bb:bb"
    hop = {"prefix": "0.0.0.0/0", "dst_mac": "00:dd:dd:dd:dd:dd",
           "src_mac": "00:cc:cc:cc:cc:cc"}
    groups = []
    for way in ("in", "out"):
        for stage in (1, 2, 3):
            groups += group(f"{way}{stage}") + group(f"{way}{stage}v6",
                                                     ver="ipv6")
            groups.append(bind("e", way, stage, f"{way}{stage}",
                               f"{way}{stage}v6"))
    net.load([row("APPLIANCE", "1", sip="172.16.1.100", vm_vni=60,
                  **{**EXACT, "underlay_mode": "static", "nexthops": [hop],
                     "accept_any_mac": True}),
              vnet(100), eni("e", vm, vm_vni=9),
              *routes("e", ("10.1.0.0/16", "vnet", 100)),
              mapping("n100", "10.1.2.50", "172.16.1.20", mac,
                      use_dst_vni=True), *groups])
    f = inner("10.1.2.51", "10.1.2.50", udp(PORT, 90), vm.cmac, mac)
    packet = vxlan(f, 60, vm.pa, "172.16.1.100", sport=11638, smac=ZERO,
                   dmac=ZERO)
    name = ("eni", "e", "src", "10.1.2.51", "dst", "10.1.2.50", "proto", "udp",
            "sport", str(PORT), "dport", "90")
    encap = ("outer_dst", "172.16.1.20", "outer_src", "172.16.1.1", "vni",
             "100")
    direct = bytes.fromhex("00dddddddddd00cccccccccc") + f[12:]

    def encapped(dmac):
        return sent(with_dmac(f, dmac), 100, "172.16.1.1", "172.16.1.20",
                    smac=hop["src_mac"], dmac=hop["dst_mac"])
    for forward, want in ((("direct",), direct), (None, None),
                          (encap, encapped(mac)),
                          ((*encap, "dst_mac", other_mac),
                           encapped(other_mac))):
        if forward is None:
            lost(packet, "u0", "acl_deny")
            continue
        net.dashctl("flow", "add", *name, "direction", "outbound", "forward",
                    *forward, "reverse", "outer_dst", vm.pa, "vni", "9")
        equal(len(net.flows()), 1, "connections")
        comes_out(packet, "u0", want)
        # another tuple, another ENI's MAC: no hit
        lost(vxlan(inner("10.1.2.51", "10.1.2.50", udp(PORT, 91), vm.cmac,
                         mac), 60, vm.pa, "172.16.1.100"), "u0", "acl_deny")
        net.dashctl("flow", "del", *name)
        lost(packet, "u0", "acl_deny")
    equal(net.flows(), [], "connections")


# -- ACL ----------------------------------------------------------------------

@case("ACL: rules and tags of the PTF test", stock=True)
def acl_tags():
    """Stages 2 and 3 are bound, too, without rules: what stage 1 allows ends
    the ACL. The model's tags are bits of a mask, ours have names, and no two
    rules of a group have the same priority."""
    s = Sanity()
    t12 = {"10.1.2.4/31"}
    rows = [row("PREFIX_TAG", name, ip_version="ipv4", prefix_list=sorted(p))
            for name, p in (("t0", t12), ("t4", t12), ("t8", {f"{s.ca}/32"}))]
    rows += group("g1",
                  (1, "allow", True, {"protocol": 17, "src_addr": "10.1.1.1/32",
                                      "dst_addr": f"{s.ca}/32",
                                      "src_port": 1234, "dst_port": 80}),
                  (2, "deny", True, {"protocol": 17, "src_addr": "10.1.1.2/32",
                                     "dst_addr": f"{s.ca}/32",
                                     "src_port": 1234, "dst_port": 80}),
                  (3, "allow", True, {"protocol": 17, "src_tag": "t0",
                                      "src_port": 1234, "dst_port": 80}),
                  (4, "deny", True, {"protocol": 17, "src_tag": "t4",
                                     "src_port": 4321, "dst_port": 80}),
                  (5, "allow", True, {"protocol": 17, "dst_tag": "t8",
                                      "src_port": 2222, "dst_port": 80}))
    rows += group("g2") + group("g3")
    for way in ("in", "out"):
        rows += [bind("e", way, n, f"g{n}") for n in (1, 2, 3)]
    net.load(s.rows + rows)
    for src, port, ok in (("10.1.1.1", 1234, True), ("10.1.1.2", 1234, False),
                          ("10.1.2.4", 1234, True), ("10.1.2.5", 1234, True),
                          ("10.1.2.4", 4321, False), ("10.1.2.5", 4321, False),
                          ("10.1.2.4", 1111, False), ("10.1.2.6", 2222, True),
                          ("10.1.2.6", 1234, False)):
        f = s.frame(udp(port, 80), src=src)
        if ok:
            s.forwards(f)
        else:
            s.loses(f, "acl_deny")


# The network of sonic-mgmt's tests: an ENI in one VNET, a mapping in another.
# Their MAC of the far VM is a group's, which frames may not have here; a
# mapping may.
MGMT = Host("u0", "00:00:05:06:06:06", "10.0.1.2", "0.0.0.0/0", APP_MAC,
            "f4:93:9f:ef:c4:7e", ("11.1.1.1",) * 2, 4321)
FAR = Host("u0", "00:00:05:06:06:06", "10.0.2.2", "0.0.0.0/0", APP_MAC,
           "f8:22:83:99:22:a2", ("20.2.2.2",) * 2, 2000)
FAR_MAC = "f9:22:83:99:22:a2"
MGMT_VIP = "10.1.0.32"


def mgmt(*extra, kind="vnet", app=None, **fields):
    """Its configuration; fields of the route."""
    if kind != "direct":
        fields["vnet"] = "Vnet2"
    rows = [row("APPLIANCE", "123", sip=MGMT_VIP, vm_vni=4321,
                **{**EXACT, "accept_any_mac": True, **(app or {})}),
            row("VNET", "Vnet1", vni=1000), row("VNET", "Vnet2", vni=2000),
            row("ENI", "F4939FEFC47E", eni_id="497f23d7", underlay_ip=MGMT.pa,
                admin_state="enabled", vnet="Vnet1", qos="q"),
            row("QOS", "q", qos_id="q", bw=0, cps=0, flows=0),
            row("ROUTE_GROUP", "g"),
            row("ROUTE", "g", "20.2.2.0/24", action_type=kind, **fields),
            row("ENI_ROUTE", "F4939FEFC47E", group_id="g"),
            row("ROUTE_RULE", "F4939FEFC47E", 2000, "10.0.2.0/24",
                action_type="decap", priority=1, vnet="Vnet2",
                pa_validation=True),
            mapping("Vnet2", fields.get("overlay_ip", "20.2.2.2"), FAR.pa,
                    FAR_MAC, use_dst_vni=True)]
    for item in extra:
        rows += item if isinstance(item, list) else [item]
    return rows


def mgmt_frame(l4, src=None, **kw):
    return inner(src or MGMT.ca[0], FAR.ca[0], l4, MGMT.cmac, FAR.cmac,
                 **{"ttl": 64, **kw})


def mgmt_sent(frame, **kw):
    return vxlan(frame, kw.pop("vni", 4321), MGMT.pa, MGMT_VIP, sport=PORT,
                 smac=MGMT.mac, dmac=MGMT.dut, **kw)


def mgmt_got(frame, **kw):
    return sent(with_dmac(frame, FAR_MAC), 2000, MGMT_VIP, FAR.pa,
                smac=MGMT.dut, dmac=MGMT.mac, **kw)


def packet_kinds():
    return (udp(PORT, 80), tcp(PORT, 80), echo(0), echo(0, reply=True))


@cases({"sonic-mgmt: outbound, vnet": ("vnet", {}),
        "sonic-mgmt: outbound, vnet_direct": ("vnet_direct",
                                              {"overlay_ip": "1.1.1.1"})},
       stock=True)
def mgmt_outbound(kind, fields):
    for dport in (4789, 13330):
        net.load(mgmt(kind=kind, app={"vxlan_port": dport}, **fields))
        for l4 in packet_kinds():
            f = mgmt_frame(l4)
            comes_out(mgmt_sent(f, dport=dport), "u0",
                      mgmt_got(f, dport=dport))
            net.flush()


@case("sonic-mgmt: outbound, direct")
def mgmt_direct():
    rows = mgmt(kind="direct")
    net.load(rows)
    for l4 in packet_kinds():
        f = mgmt_frame(l4)
        comes_out(mgmt_sent(f), "u0", bytes.fromhex(
            (MGMT.mac + MGMT.dut).replace(":", "")) + f[12:])
        net.flush()


@case("sonic-mgmt: inbound, PA validation by the mappings", stock=True)
def mgmt_inbound():
    net.load(mgmt())
    for l4 in packet_kinds():
        f = inner(FAR.ca[0], MGMT.ca[0], l4, FAR.cmac, MGMT.cmac, ttl=64)

        def by(pa, frame=f):
            return vxlan(frame, 2000, pa, MGMT_VIP, sport=PORT, smac=FAR.mac,
                         dmac=FAR.dut)
        comes_out(by(FAR.pa), "u0", sent(f, 4321, MGMT_VIP, MGMT.pa,
                                         smac=FAR.dut, dmac=FAR.mac))
        net.flush()
        lost(by("10.0.2.3"), "u0", "pa_invalid")


@case("sonic-mgmt: ENI disabled and enabled")
def mgmt_state():
    net.load(mgmt())
    f = mgmt_frame(udp(PORT, 80))
    comes_out(mgmt_sent(f), "u0", mgmt_got(f))
    net.dashctl("eni", "set", "F4939FEFC47E", "admin_state", "disabled")
    lost(mgmt_sent(f), "u0", "eni_down")
    net.dashctl("eni", "set", "F4939FEFC47E", "admin_state", "enabled")
    comes_out(mgmt_sent(f), "u0", mgmt_got(f))


@case("sonic-mgmt: the VXLAN port changes")
def mgmt_port():
    net.load(mgmt())
    f = mgmt_frame(udp(PORT, 80))
    for dport, works in ((4789, True), (13330, False), (4789, True)):
        net.dashctl("appliance", "set", "123", "vxlan_port", str(dport))
        if works:
            comes_out(mgmt_sent(f), "u0", mgmt_got(f))
        else:
            lost(mgmt_sent(f), "u0", None)
    lost(mgmt_sent(f, dport=13330), "u0", None)


# (source, source port, destination port, protocol; comes through?): None means
# as the group's last rule says.
ACL_PACKETS = [
    ("10.0.0.2", 1, 80, 17, False), ("10.0.0.2", 2, 80, 17, True),
    ("0.0.0.0", PORT, 80, 18, True), ("0.0.0.0", PORT, 80, 19, True),
    ("0.0.0.0", PORT, 80, 20, False),
    ("10.0.0.2", 6, 80, 17, True), ("10.0.0.3", 6, 80, 17, True),
    ("10.0.0.4", 6, 80, 17, None), ("10.0.1.0", 6, 80, 17, True),
    ("10.0.1.1", 6, 80, 17, True), ("10.0.1.3", 7, 80, 17, False),
    ("10.0.1.4", 7, 80, 17, True),
    ("10.0.0.2", 8, 80, 17, True), ("10.0.0.2", 9, 80, 17, True),
    ("10.0.0.2", 10, 80, 17, True), ("10.0.0.2", 11, 80, 17, None),
    ("10.0.0.2", 12, 80, 17, True), ("10.0.0.2", PORT, 7, 17, True),
    ("10.0.0.2", PORT, 8, 17, False),
]


def acl_fields(last):
    two = {"protocol": "17", "src_addr": "10.0.0.2/32"}
    far = {"protocol": "17", "dst_addr": "20.2.2.2/32", "src_port": "7"}
    return group(
        "g", (1, "deny", True, {**two, "src_port": "1"}),
        (2, "allow", True, {**two, "src_port": "1"}),
        (3, "allow", True, {**two, "src_port": "2"}),
        (4, "deny", True, {**two, "src_port": "2"}),
        (10, "allow", True, {"protocol": "18, 19", "src_addr": "0.0.0.0/0"}),
        (20, "allow", True, {"protocol": "17", "src_port": "6",
                             "src_addr": "10.0.0.2/32,10.0.0.3/32"}),
        (21, "allow", True, {"protocol": "17", "src_port": "6",
                             "src_addr": "10.0.1.0/30"}),
        (22, "deny", True, {**far, "src_addr": "10.0.1.3/32"}),
        (23, "allow", True, {**far, "src_addr": "10.0.1.4/32"}),
        (30, "allow", True, {**two, "src_port": "8-10,12"}),
        (31, "allow", True, {**two, "dst_port": "7"}),
        (32, "deny", True, {**two, "dst_port": "8"}),
        (255, last, False, {"protocol": "17"}))


@cases({f"sonic-mgmt: ACL fields, the rest is {text}": (last,)
        for last, text in (("allow", "allowed"), ("deny", "denied"))},
       stock=True)
def mgmt_acl(last):
    net.load(mgmt(acl_fields(last), bind("F4939FEFC47E", "out", 1, "g"),
                  bind("F4939FEFC47E", "in", 1, "g")))
    for src, sport, dport, proto, ok in ACL_PACKETS:
        f = mgmt_frame(udp(sport, dport), src, proto=proto)
        if ok if ok is not None else last == "allow":
            comes_out(mgmt_sent(f), "u0", mgmt_got(f))
        else:
            lost(mgmt_sent(f), "u0", "acl_deny")
        net.flush()


@case("sonic-mgmt: ACL stages, rules added to bound groups", stock=True)
def mgmt_stages():
    enic = "F4939FEFC47E"
    net.load(mgmt(group("s1"), group("s2"),
                  *(bind(enic, way, n, f"s{n}") for way in ("out", "in")
                    for n in (1, 2))))

    def packet(port):
        return mgmt_frame(udp(port, 80), "10.0.0.2")
    for port in (13, 14, 15, 16):
        lost(mgmt_sent(packet(port)), "u0", "acl_deny")
    match = {"protocol": "17", "src_addr": "10.0.0.2/32"}
    for grp, prio, action, term, port in (
            ("s1", 2, "allow", False, 13), ("s2", 1, "deny", True, 13),
            ("s1", 4, "deny", False, 14), ("s2", 3, "allow", True, 14),
            ("s1", 6, "deny", True, 15), ("s2", 5, "allow", False, 15),
            ("s1", 8, "allow", True, 16), ("s2", 7, "deny", False, 16)):
        net.load([rule(grp, prio, action, term, src_port=port, **match)],
                 "--ignore-unknown")
    for port, ok in ((13, False), (14, True), (15, False), (16, True)):
        f = packet(port)
        if ok:
            comes_out(mgmt_sent(f), "u0", mgmt_got(f))
        else:
            lost(mgmt_sent(f), "u0", "acl_deny")
    # unbound, the other way round: first the groups, then the rules
    net.load([delete(f"ACL_{way}", enic, n) for way in ("OUT", "IN")
              for n in (1, 2)], "--ignore-unknown")
    for port in (13, 15):
        f = packet(port)
        comes_out(mgmt_sent(f), "u0", mgmt_got(f))
    net.load([delete("ACL_GROUP", "s1"), delete("ACL_GROUP", "s2")],
             "--ignore-unknown")


@case("sonic-mgmt: ACL tags, one and several, changed, missing")
def mgmt_tags():
    """The rest is denied. A rule may come before its tags, but not without
    them, in a file."""
    enic = "F4939FEFC47E"

    def tag(name, *addrs):
        return row("PREFIX_TAG", name, ip_version="ipv4",
                   prefix_list=[f"{a}/32" for a in addrs])

    def allow(prio, tags, port):
        return rule("g", prio, "allow", protocol="17", src_tag=tags,
                    src_port=port)

    def through(src, port, ok=True):
        f = mgmt_frame(udp(port, 80), src)
        if ok:
            comes_out(mgmt_sent(f), "u0", mgmt_got(f))
        else:
            lost(mgmt_sent(f), "u0", "acl_deny")
    net.load(mgmt(
        group("g", (255, "deny", False, {"protocol": "17"})),
        bind(enic, "out", 1, "g"), bind(enic, "in", 1, "g"),
        tag("t", "8.1.2.3", "8.1.2.4"), allow(1, "t", 13),
        allow(2, "m1,m2", 15), tag("m1", "8.1.2.5"), tag("m2", "8.1.2.6"),
        tag("u", "8.1.2.7"), allow(3, "u", 19),
        tag("d", "8.1.2.8", "8.1.2.9"), allow(4, "d", 20)))
    for src, port, ok in (("8.1.2.3", 13, True), ("8.1.2.4", 13, True),
                          ("8.1.2.5", 13, False), ("8.1.2.3", 14, False),
                          ("8.1.2.5", 15, True), ("8.1.2.6", 15, True),
                          ("8.1.2.7", 19, True), ("8.1.2.8", 20, True),
                          ("8.1.2.9", 20, True)):
        through(src, port, ok)
    net.load([tag("u", "8.1.2.1"), tag("d", "8.1.2.8")], "--ignore-unknown")
    for src, port, ok in (("8.1.2.7", 19, False), ("8.1.2.1", 19, True),
                          ("8.1.2.8", 20, True), ("8.1.2.9", 20, False)):
        through(src, port, ok)
    p = net.load([allow(5, "none", 17)], "--ignore-unknown", ok=False)
    check(p.returncode == 2 and "none" in p.stderr, p.stderr)
    net.load([allow(5, "none", 17), tag("none")], "--ignore-unknown")
    through("8.1.2.3", 17, False)


# -- trusted VNIs, route groups -----------------------------------------------

@cases({"trusted VNIs of the appliance": ("app",),
        "trusted VNIs of the ENI": ("eni",),
        "trusted VNIs of both": ("both",)})
def trusted(where):
    """They are asked for new connections, of either direction: a reply needs
    none."""
    s = Sanity(vm_vni=60)
    rows = s.rows + [route_rule("e", 100, "172.16.1.0/24", 1, vnet="n100")]
    if where in ("app", "both"):
        rows[0]["DASH_APPLIANCE_TABLE:1"]["trusted_vnis"] = (
            "60" if where == "app" else ["61-70", 60])
    if where in ("eni", "both"):
        rows[2]["DASH_ENI_TABLE:e"]["trusted_vnis"] = (
            ["60"] if where == "eni" else "200")
    net.load(copy.deepcopy(rows))
    s.forwards(s.frame(udp(PORT, 80)))

    def reply(port):
        return inner(s.ca, s.vm.ca[0], udp(80, port), s.mac, s.vm.cmac)

    def back(port):
        return vxlan(reply(port), 100, s.pa, s.vip, smac=s.vm.mac,
                     dmac=s.vm.dut)
    comes_out(back(PORT), "u0", sent(reply(PORT), 9, s.vip, s.vm.pa,
                                     smac=ZERO, dmac=ZERO))
    lost(back(PORT + 1), "u0", "untrusted_vni")
    # and when the request's is trusted no more
    for table, name in ((0, "APPLIANCE_TABLE:1"), (2, "ENI_TABLE:e")):
        if rows[table][f"DASH_{name}"].get("trusted_vnis"):
            rows[table][f"DASH_{name}"]["trusted_vnis"] = "100"
    net.load(rows)
    s.loses(s.frame(udp(PORT, 80)), "untrusted_vni")
    comes_out(back(PORT + 1), "u0", sent(reply(PORT + 1), 9, s.vip, s.vm.pa,
                                         smac=ZERO, dmac=ZERO))


@case("route groups: bound, exchanged, unbound", stock=True)
def route_groups():
    s = Sanity(vm_vni=60)
    net.load(s.rows + [
        row("ROUTE_GROUP", "second"),
        row("ROUTE", "second", "10.1.0.0/16", routing_type="vnet_direct",
            vnet="n100", overlay_ip="10.9.9.9"),
        row("ROUTE", "second", "10.200.0.0/16", routing_type="vnet_direct",
            vnet="n100", overlay_ip=s.ca),
        row("ROUTE_GROUP", "empty"),
        mapping("n100", "10.9.9.9", "172.16.1.99", "00:99:99:99:99:99",
                use_dst_vni=True)])
    f = s.frame(udp(PORT, 80))
    far = s.frame(udp(PORT, 80), dst="10.200.2.50")
    s.forwards(f)
    s.loses(far, "no_route")

    def to(name):
        net.load([row("ENI_ROUTE", "e", group_id=name)], "--ignore-unknown")
    to("second")
    comes_out(s.as_sent(f), "u0",
              sent(with_dmac(f, "00:99:99:99:99:99"), 100, s.vip,
                   "172.16.1.99", smac=ZERO, dmac=ZERO))
    s.forwards(far)
    to("empty")
    s.loses(f, "no_route")
    to("rg-e")
    s.forwards(f)
    s.loses(far, "no_route")
    net.load([delete("ENI_ROUTE", "e")], "--ignore-unknown")
    s.loses(f, "no_route")
    to("second")
    s.forwards(far)


# -- ENIs ---------------------------------------------------------------------

def eni_world(n):
    """An ENI with all that may refer to it and that it refers to."""
    rows = group(f"in{n}") + group(f"out{n}")
    rows += [vnet(n), vnet(1000 + n),
             row("ENI", f"e{n}", mac_address=f"01:01:01:00:00:{n:02x}",
                 underlay_ip="10.10.0.1", vm_vni=n, vnet=f"n{n}",
                 admin_state="enabled", qos="q")]
    rows += [bind(f"e{n}", way, stage, f"{way}{n}") for way in ("in", "out")
             for stage in range(1, 6)]
    rows.append(route_rule(f"e{n}", 1000 + n, "10.10.2.0/24", 1,
                           pa_validation=False))
    rows += routes(f"e{n}", ("192.168.1.0/24", "vnet_direct", 1000 + n,
                             {"overlay_ip": "192.168.1.10"}))
    return rows


def eni_app(*rows):
    out = [row("APPLIANCE", "1", sip=VIP, vm_vni=[1],
               **{**EXACT, "accept_any_mac": True}),
           row("QOS", "q", qos_id="q", bw=100000, cps=10000, flows=100000)]
    for item in rows:
        out += item
    return out


@case("ENIs: 64 of them, with group MACs, twice")
def eni_scale():
    for _ in range(2):
        net.load(eni_app(*(eni_world(n) for n in range(1, 65))))
        equal(len([r for r in net.save() if "DASH_ENI_TABLE" in next(iter(r))]),
              64, "ENIs")
        net.load([delete("ENI", f"e{n}") for n in range(1, 65)],
                 "--ignore-unknown")
        equal([r for r in net.save() if ":e1" in next(iter(r))], [],
              "what is left of an ENI")


@case("ENIs: group MACs in packets, both directions")
def eni_group_mac():
    net.load(eni_app(eni_world(1)) + [
        mapping("n1001", "192.168.1.10", "10.10.2.9", "01:01:01:00:00:99"),
        *(row("ACL_RULE", f"{way}1", "r", priority=1, action="allow",
              terminating=True) for way in ("in", "out"))])
    f = inner("192.168.0.1", "192.168.1.7", udp(PORT, 80), "01:01:01:00:00:01",
              FAKE)
    comes_out(vxlan(f, 1, "10.10.0.1", VIP), "u0",
              sent(with_dmac(f, "01:01:01:00:00:99"), 1, VIP, "10.10.2.9"))
    f = inner("192.168.1.8", "192.168.0.1", udp(PORT, 80), "00:01:02:03:04:05",
              "01:01:01:00:00:01")
    comes_out(vxlan(f, 1001, "10.10.2.8", VIP), "u0",
              sent(f, 1, VIP, "10.10.0.1"))


@case("ENIs: what may be removed, what not, and a MAC twice", stock=True)
def eni_remove():
    net.load(eni_app(eni_world(1)))

    def refused(rows, *words):
        p = net.load(rows, "--ignore-unknown", ok=False)
        check(p.returncode == 2 and all(w in p.stderr for w in words),
              f"{words}: {p.stderr}")
    refused([delete("VNET", "n1")], "DASH_VNET_TABLE:n1", "DASH_ENI_TABLE:e1")
    refused([delete("ACL_GROUP", "in1")], "in1", "e1")
    refused([delete("ROUTE_GROUP", "rg-e1")], "rg-e1", "e1")
    refused([delete("QOS", "q")], "q", "e1")
    refused([row("ENI", "e2", mac_address="01:01:01:00:00:01",
                 underlay_ip="10.10.1.10", vm_vni=1, vnet="n1")],
            "01:01:01:00:00:01")
    net.load([delete("ENI", "e1"), delete("ENI", "e1")], "--ignore-unknown")
    left = [next(iter(r)) for r in net.save()]
    equal([k for k in left if ":e1" in k], [], "of the ENI")
    net.load([delete("VNET", "n1"), delete("VNET", "n1001"),
              delete("ACL_GROUP", "in1"), delete("ACL_GROUP", "out1"),
              delete("ROUTE_GROUP", "rg-e1"), delete("QOS", "q")],
             "--ignore-unknown")


@case("ENIs: every field is set, read back and set again")
def eni_fields():
    """With the ENI's connections at work: a field of it counts at once."""
    net.load(eni_app(eni_world(1)) + group("g4") + group("g6", ver="ipv6") +
             [vnet(632), row("QOS", "q2", qos_id="q2", bw=1, cps=500,
                             flows=500)])

    def show(table, key):
        name = f"DASH_{table}_TABLE:{key}"
        return next(r[name] for r in net.save() if name in r)
    before = show("ENI", "e1")
    for field, value in (("underlay_ip", "172.0.15.15"), ("vm_vni", 77),
                         ("vnet", "n632"), ("admin_state", "disabled"),
                         ("qos", "q2"), ("dscp_mode", "pipe"), ("dscp", 46)):
        net.dashctl("eni", "set", "e1", field, str(value))
        equal(str(show("ENI", "e1")[field]), str(value), field)
    net.load([row("ENI", "e1", **before)], "--ignore-unknown")
    equal(show("ENI", "e1"), before, "ENI as before")
    for stage in range(1, 6):
        for way in ("in", "out"):
            net.load([bind("e1", way, stage, "g4", "g6")], "--ignore-unknown")
            equal(show(f"ACL_{way.upper()}", f"e1:{stage}"),
                  {"v4_acl_group_id": "g4", "v6_acl_group_id": "g6"},
                  "binding")
    for table, key, fields in (
            ("VNET", "n1", {"vni": 5632}),
            ("ROUTE", "rg-e1:192.168.1.0/24",
             {"routing_type": "vnet", "vnet": "n632"}),
            ("ROUTE_RULE", "e1:1001:10.10.2.0/24:1",
             {"action_type": "decap", "vnet": "n632"})):
        net.load([row(table, *key.split(":"), **fields)], "--ignore-unknown")
        got = show(table, key)
        equal({k: got.get(k) for k in fields}, fields, f"{table} {key}")
    # a MAC goes over to another ENI, in one transaction
    net.load([row("ENI", "e1", **{**before, "mac_address":
                                  "01:01:01:00:00:77"}),
              row("ENI", "e2", **{**before, "vm_vni": 500})],
             "--ignore-unknown")
    equal(show("ENI", "e2")["mac_address"], before["mac_address"], "MAC of e2")


# -- metering -----------------------------------------------------------------

def meter_rows(*rules):
    """A policy: (number, priority, prefix, class)."""
    return [{"DASH_METER_POLICY:p": {"ip_version": "ipv4"}, "OP": "SET"}] + [
        {f"DASH_METER_RULE:p:{n}": {"priority": prio, "ip_prefix": prefix,
                                    "metering_class": cls}, "OP": "SET"}
        for n, prio, prefix, cls in rules]


def meters():
    """{class: (tx bytes, rx bytes)} of the ENI."""
    out = {}
    for item in net.json("meter", "class", "show"):
        for name, f in item.items():
            if name != "OP":
                out[int(name.rsplit(":", 1)[1])] = (f["tx_counter"],
                                                    f["rx_counter"])
    return out


def metered(want):
    """Five connections, a packet each way: only this class counts them."""
    before = meters()
    tx = rx = 0
    for _ in range(5):
        port = net.sport()
        f = mgmt_frame(udp(port, 80, b"x" * 58))
        back = inner(FAR.ca[0], MGMT.ca[0], udp(80, port, b"y" * 38),
                     FAR.cmac, MGMT.cmac)
        tx += len(f)
        rx += len(back)
        comes_out(mgmt_sent(f), "u0", mgmt_got(f))
        comes_out(vxlan(back, 2000, FAR.pa, MGMT_VIP, smac=FAR.mac,
                        dmac=FAR.dut), "u0",
                  sent(back, 4321, MGMT_VIP, MGMT.pa, smac=FAR.dut,
                       dmac=FAR.mac))
    equal((tx, rx), (500, 400), "bytes sent")
    got = {}
    for cls, now in meters().items():
        old = before.get(cls, (0, 0))
        if now != old:
            got[cls] = (now[0] - old[0], now[1] - old[1])
    equal(got, {want: (tx, rx)} if want else {}, "what was counted")


V4 = "v4_meter_policy_id"


@cases({f"metering: {text}": args for text, args in {
    "policy": ({}, {}, 520),
    "mapping": ({}, {"metering_class_or": 1038}, 1038),
    "route": ({"metering_class_or": 2566}, {}, 2566),
    "route or mapping": ({"metering_class_or": 2566},
                         {"metering_class_or": 1038}, 3598),
    "route, and mask": ({"metering_class_or": 2566,
                         "metering_class_and": 0xff0}, {}, 2560),
    "route or mapping, and mask": ({"metering_class_or": 2566,
                                    "metering_class_and": 0xff0},
                                   {"metering_class_or": 1038}, 3584),
    "the policy, because the route says so": (
        {"metering_class_or": 103, "metering_policy_en": True},
        {"metering_class_or": 102}, 520),
}.items()}, stock=("metering: route or mapping, and mask",))
def metering(route, mapped, want):
    rows = mgmt(meter_rows((1, 10, "48.10.5.0/24", 1),
                           (2, 10, "20.2.2.0/24", 520)), **route)
    rows[3]["DASH_ENI_TABLE:F4939FEFC47E"][V4] = "p"
    rows[9]["DASH_VNET_MAPPING_TABLE:Vnet2:20.2.2.2"].update(mapped)
    net.load(rows)
    metered(want)


@case("metering: priorities of a policy's rules, as they come and go")
def meter_priority():
    rules = [(1, 300, "20.2.2.0/24", 111), (2, 1, "20.2.2.0/28", 122),
             (3, 0, "20.2.2.0/27", 133)]
    rows = mgmt(meter_rows(*rules))
    rows[3]["DASH_ENI_TABLE:F4939FEFC47E"][V4] = "p"
    net.load(rows)
    metered(133)
    net.load([{"DASH_METER_RULE:p:3": {}, "OP": "DEL"}], "--ignore-unknown")
    metered(122)
    net.load(meter_rows(rules[2])[1:], "--ignore-unknown")
    metered(133)
    net.load([{f"DASH_METER_RULE:p:{n}": {}, "OP": "DEL"} for n in (2, 3)],
             "--ignore-unknown")
    metered(111)
    net.load([{"DASH_METER_RULE:p:1": {}, "OP": "DEL"}] +
             meter_rows((4, 1, "192.168.100.0/24", 110))[1:],
             "--ignore-unknown")
    metered(0)


@case("metering: policies and rules are made, changed, removed")
def meter_crud():
    net.load(mgmt(meter_rows((1, 1, "192.168.1.4/30", 10000))))

    def refused(rows, text):
        p = net.load(rows, "--ignore-unknown", ok=False)
        check(p.returncode in (1, 2) and text in p.stderr, p.stderr)
    net.load(meter_rows((1, 1, "192.168.1.4/30", 20000)), "--ignore-unknown")
    check(any(r.get("DASH_METER_RULE:p:1", {}).get("metering_class") == 20000
              for r in net.save()), "class of the rule")
    refused([{"DASH_METER_POLICY:x": {"ip_version": "ipv7"}, "OP": "SET"}],
            "ip_version")
    refused([{"DASH_METER_RULE:none:1": {"priority": 1, "ip_prefix":
                                         "1.0.0.0/8", "metering_class": 1},
              "OP": "SET"}], "none")
    net.load([{"DASH_METER_POLICY:p": {"ip_version": "ipv6"}, "OP": "SET"},
              {"DASH_METER_RULE:p:1": {}, "OP": "DEL"}], "--ignore-unknown")
    net.load([{"DASH_METER_POLICY:p": {}, "OP": "DEL"},
              {"DASH_METER_POLICY:p": {}, "OP": "DEL"}], "--ignore-unknown")


# -- private link, service tunnel ----------------------------------------------

PL = Host("u0", "00:00:05:06:06:06", "25.1.1.1", "0.0.0.0/0",
          APP_MAC, "f4:93:9f:ef:c4:7e", ("10.0.0.11",) * 2, 2001)
PE_PA, PE_CA, PE_MAC = "101.1.2.3", "10.2.0.100", "42:be:65:25:fa:67"
PL_VIP, PL_VNI = "10.1.0.5", 100
PL_SRC, PL_DST = ("fd41:108:20:d107:64:ff71:a00:b",
                  "2603:10e1:100:2::3401:203")


def from_host(frame, vni, src):
    """An inner frame in NVGRE by a host on PL's link."""
    return nvgre(frame, vni, src, PL_VIP, smac=PL.mac, dmac=PL.dut)


def to_host_of(frame, vni, src, dst):
    """An inner frame in NVGRE to a host on PL's link."""
    return sent_nvgre(frame, vni, src, dst, smac=PL.dut, dmac=PL.mac, id=0)


def pl_rows(*extra):
    rows = [
        row("APPLIANCE", "100", sip=PL_VIP, vm_vni=[4321, 2001],
            local_region_id=100, trusted_vnis="100,2001",
            **{**EXACT, "ip_id": 0, "accept_any_mac": True}),
        row("VNET", "Vnet1", vni=2001),
        row("ENI", "497f23d7", mac_address=PL.cmac, vnet="Vnet1",
            underlay_ip=PL.pa, vm_vni=2001, admin_state="enabled",
            pl_underlay_sip=PL_VIP, pl_sip_encoding=
            "::d107:64:ff71:0:0/::ffff:ffff:ffff:0:0"),
        {"DASH_ROUTING_TYPE_TABLE:privatelink": [
            {"name": "a1", "action_type": "4to6"},
            {"name": "a2", "action_type": "staticencap",
             "encap_type": "nvgre", "vni": PL_VNI}], "OP": "SET"},
        row("ROUTE_GROUP", "g"), row("ENI_ROUTE", "497f23d7", group_id="g"),
        row("ROUTE", "g", "10.2.0.0/16", routing_type="vnet", vnet="Vnet1"),
        row("VNET_MAPPING", "Vnet1", PE_CA, routing_type="privatelink",
            underlay_ip=PE_PA, overlay_sip_prefix=
            "fd41:108:20:abc:abc::/ffff:ffff:ffff:ffff:ffff:ffff::",
            overlay_dip_prefix=f"{PL_DST}/"
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    for item in extra:
        rows += item if isinstance(item, list) else [item]
    return rows


@cases({f"private link: {kind} by {encap}": (kind, encap)
        for kind in ("udp", "tcp") for encap in ("vxlan", "nvgre")},
       stock={"private link: tcp by nvgre"})
def private_link(kind, encap):
    net.load(pl_rows())
    for _ in range(20):
        a, b = net.sport(), 4567
        l4, back = ((udp(a, b), udp(b, a)) if kind == "udp" else
                    (tcp(a, b, "S", 1), tcp(b, a, "S", 9)))
        f = inner(PL.ca[0], PE_CA, l4, PL.cmac, PE_MAC, ttl=64)
        v6 = inner(PL_SRC, PL_DST, l4, PL.cmac, PE_MAC, ttl=64)
        packet = (vxlan(f, 2001, PL.pa, PL_VIP, smac=PL.mac, dmac=PL.dut)
                  if encap == "vxlan" else
                  from_host(f, 2001, PL.pa))
        comes_out(packet, "u0",
                  to_host_of(v6, PL_VNI, PL_VIP, PE_PA))
        v6 = inner(PL_DST, PL_SRC, back, PE_MAC, PL.cmac, ttl=64)
        v4 = inner(PE_CA, PL.ca[0], back, PE_MAC, PL.cmac, ttl=64, id=0)
        comes_out(from_host(v6, PL_VNI, PE_PA), "u0",
                  sent(v4, 2001, PL_VIP, PL.pa, smac=PL.dut, dmac=PL.mac,
                       ip_kw={"id": 0}))
    # no connection, no way in
    v6 = inner(PL_DST, PL_SRC, udp(1, 2), PE_MAC, PL.cmac, ttl=64)
    lost(from_host(v6, PL_VNI, PE_PA), "u0",
         "no_route_rule")
    f = inner(PL.ca[0], "10.2.0.101", udp(1, 2), PL.cmac, PE_MAC)
    lost(vxlan(f, 2001, PL.pa, PL_VIP), "u0", "no_mapping")


@case("service tunnel: the HLD's three routes")
def service_tunnel():
    sip, dip = "fd00:108:0:d204:0:200::", "2603:10e1:100:2::"
    net.load(pl_rows(
        {"DASH_ROUTING_TYPE_TABLE:servicetunnel": [
            {"name": "a1", "action_type": "4to6"},
            {"name": "a2", "action_type": "staticencap",
             "encap_type": "nvgre", "vni": 100}], "OP": "SET"},
        row("ROUTE", "g", "50.1.2.0/24", routing_type="servicetunnel",
            overlay_sip=sip, overlay_dip=dip, underlay_sip="40.1.2.1"),
        row("ROUTE", "g", "60.1.2.1/32", routing_type="servicetunnel",
            overlay_sip=sip, overlay_dip=dip, underlay_sip="30.1.2.1",
            underlay_dip="25.1.2.1"),
        row("ROUTE", "g", "70.1.2.0/24", routing_type="servicetunnel",
            overlay_sip=sip, overlay_dip="2603:10e1:100:2::4601:203",
            underlay_sip="34.1.2.1")))
    for dst, dst6, src, to in (
            ("50.1.2.1", "2603:10e1:100:2::3201:201", "40.1.2.1", "50.1.2.1"),
            ("60.1.2.1", "2603:10e1:100:2::3c01:201", "30.1.2.1", "25.1.2.1"),
            ("70.1.2.1", "2603:10e1:100:2::4601:203", "34.1.2.1",
             "70.1.2.1")):
        for l4 in (udp(net.sport(), 80), tcp(net.sport(), 80)):
            f = inner("10.1.1.1", dst, l4, PL.cmac, PE_MAC, ttl=64)
            v6 = inner("fd00:108:0:d204:0:200:a01:101", dst6, l4, PL.cmac,
                       PE_MAC, ttl=64)
            comes_out(vxlan(f, 2001, PL.pa, PL_VIP, smac=PL.mac, dmac=PL.dut),
                      "u0", to_host_of(v6, 100, src, to))


# -- counters -----------------------------------------------------------------

def grows(what, *names):
    """What the ENI's counters (a path of names each) grow by, in that."""
    def get(stats, path):
        for name in path:
            stats = stats.get(name, 0) if stats else 0
        return stats
    before = net.eni_stats("F4939FEFC47E")
    what()
    after = net.eni_stats("F4939FEFC47E")
    return [get(after, n) - get(before, n) for n in names]


@case("counters: packets, flows made and gone, reasons, TCP flags",
      stock=True)
def counters():
    net.load(mgmt(app={"timeout_udp_new": 1}))
    rx = ("outbound", "rx_packets")
    f = mgmt_sent(mgmt_frame(udp(PORT, 80)))

    def ten():
        for _ in range(10):
            equal(len(net.send(f)), 1, "frames")
        eventually(lambda: not net.flows(), "ageing", 3)
    equal(grows(ten, rx, ("outbound", "tx_packets"), ("flows", "created"),
                ("flows", "timed_out")), [10, 10, 1, 1], "ten packets")
    for dst, why in (("10.3.3.4", "no_route"), ("20.2.2.3", "no_mapping")):
        g = inner(MGMT.ca[0], dst, udp(PORT, 80), MGMT.cmac, FAR.cmac)
        equal(grows(lambda g=g, why=why: lost(mgmt_sent(g), "u0", why), rx,
                    ("outbound", "drops", why)), [1, 1], why)
    for src, why in (("10.0.9.9", "no_route_rule"), ("10.0.2.3",
                                                     "pa_invalid")):
        g = inner(FAR.ca[0], MGMT.ca[0], udp(PORT, 80), FAR.cmac, MGMT.cmac)
        g = vxlan(g, 2000, src, MGMT_VIP)
        equal(grows(lambda g=g, why=why: lost(g, "u0", why),
                    ("inbound", "rx_packets"), ("inbound", "drops", why)),
              [1, 1], why)
    for flags, name in (("S", "tcp_syn"), ("SA", "tcp_syn_ack"),
                        ("F", "tcp_fin"), ("R", "tcp_rst")):
        for outbound in (True, False):
            port = net.sport()
            equal(len(net.send(mgmt_sent(mgmt_frame(tcp(port, 80))))), 1,
                  "frames")
            if outbound:
                g = mgmt_sent(mgmt_frame(tcp(port, 80, flags, 1000, 0)))
            else:
                g = vxlan(inner(FAR.ca[0], MGMT.ca[0],
                                tcp(80, port, flags, 1, 1001), FAR.cmac,
                                MGMT.cmac), 2000, FAR.pa, MGMT_VIP)
            equal(grows(lambda g=g: equal(len(net.send(g)), 1, "frames"),
                        ("flows", name)), [1], f"{flags}, outbound: {outbound}")
            net.flush()


main(net)
