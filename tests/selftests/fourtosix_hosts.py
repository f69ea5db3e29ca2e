#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A VM and a service that are the kernel's own: one speaks IPv4 by a VXLAN
device, the other IPv6 by a device for NVGRE or VXLAN, and between them is an
appliance with a service tunnel.

     VM, 10.0.0.1                                  service, 2603:…:3201:201
         |                                                  |
        vm0 ---- VNI 9000 ----.               .---- VNI 100 - svc0
       100.0.0.1               appliance, VIP          100.0.0.80

Segmentation, checksums and path MTU are as they are between such hosts."""

import socket

from dashtest import (FAKE_MAC, SLOW, VIP, VM_VNI, Failure, ca, cases, check,
                      equal, ip_batch, mac, main, pa, row)
from nets import FAST, Space, SwitchNet, listen, ping, transfer

BULK = 16 << 20 if FAST else 1 << 19
SERVICE, PREFIX = "50.1.2.1", "50.1.2.0/24"
SRC6, DST6 = "fd00:108:0:d204:0:200:a00:1", "2603:10e1:100:2::3201:201"
SIP, DIP = "fd00:108:0:d204:0:200::/96", "2603:10e1:100:2::/96"
VNI = 100


class Hosts(SwitchNet):
    """The VM's host and the service."""

    def __init__(self):
        super().__init__()
        self.vm, self.svc = Space("vm"), Space("svc")
        for n, space in ((1, self.vm), (80, self.svc)):
            self.plug_in(n, space)
            space.ip("link set eth0 up\n"
                     f"addr add {pa(n)}/24 dev eth0\n")
        self.vm.ip(
            f"link add vm0 address {mac(1)} mtu 1500 type vxlan id {VM_VNI} "
            f"nolearning local {pa(1)} remote {VIP} dstport 4789\n"
            "link set vm0 up\n"
            f"addr add {ca(1)}/24 dev vm0\n"
            f"route add {PREFIX} dev vm0 src {ca(1)}\n"
            f"neigh add {SERVICE} lladdr {FAKE_MAC} dev vm0\n")
        self.encap = self.state = None
        self.attach("u0")

    def setup(self, encap, offloads="on"):
        if self.encap != encap:
            kind = (f"gretap key {VNI << 8} nopmtudisc" if encap == "nvgre"
                    else f"vxlan id {VNI} nolearning dstport 4789")
            self.svc.ip(
                ("link del svc0\n" if self.encap else "") +
                f"link add svc0 address {mac(80)} mtu 1500 type {kind} "
                f"local {pa(80)} remote {VIP}\n"
                "link set svc0 up\n"
                f"addr add {DST6}/128 dev svc0 nodad\n"
                f"route add {SIP} dev svc0\n"
                f"neigh add {SRC6} lladdr {mac(1)} dev svc0\n")
            self.encap = encap
        if self.state != offloads:
            for space, devs in ((self.vm, ("eth0", "vm0")),
                                (self.svc, ("eth0",))):
                for dev in devs:
                    space.run("ethtool", "-K", dev, "tso", offloads, "gso",
                              offloads, ok=False)
            self.state = offloads
        steps = [{"name": "a", "action_type": "4to6"},
                 {"name": "b", "action_type": "staticencap",
                  "encap_type": encap, "vni": VNI}]
        self.load([
            row("APPLIANCE", "1", sip=VIP, vm_vni=VM_VNI),
            {"DASH_ROUTING_TYPE_TABLE:servicetunnel": steps, "OP": "SET"},
            row("ENI", "eni1", mac_address=mac(1), underlay_ip=pa(1),
                admin_state="enabled"),
            row("ROUTE_GROUP", "rg"),
            row("ROUTE", "rg", PREFIX, routing_type="servicetunnel",
                overlay_sip_prefix=SIP, overlay_dip_prefix=DIP,
                underlay_dip=pa(80), mac_address=mac(80)),
            row("ENI_ROUTE", "eni1", group_id="rg")])

    def connect(self):
        with listen(self.svc, DST6) as ls:
            ls.settimeout(10 * SLOW)
            c = self.vm.socket(socket.AF_INET, socket.SOCK_STREAM)
            c.settimeout(10 * SLOW)
            try:
                c.connect((SERVICE, ls.getsockname()[1]))
                s, peer = ls.accept()
            except OSError as e:
                raise Failure(f"TCP: {e}; drops {dict(self.drops())}") from None
        equal(peer[0], SRC6, "address of the VM as the service sees it")
        return c, s

    def tx(self, direction):
        return self.eni_stats()[direction]["tx_packets"]

    def close(self):
        self.vm.close()
        self.svc.close()
        super().close()


net = Hosts()
ENCAPS = ("nvgre", "vxlan")


@cases({f"ping, {e}": e for e in ENCAPS}, stock=True)
def pings(encap):
    net.setup(encap)
    ping(SERVICE, 3, net.vm)
    # as large as the answer may be: ICMP in fragments is not translated
    ping(SERVICE, 2, net.vm, size=1452, extra=("-M", "do"))


@cases({f"UDP, {e}": e for e in ENCAPS}, stock=("UDP, nvgre",))
def udps(encap):
    net.setup(encap)
    with listen(net.svc, DST6, 0, socket.SOCK_DGRAM) as s, \
            listen(net.vm, ca(1), 0, socket.SOCK_DGRAM) as c:
        s.settimeout(5 * SLOW)
        c.settimeout(5 * SLOW)
        # the larger ones in fragments
        for size in (0, 1, 100, 1400, 1472, 3000, 7000):
            data = bytes(i * 7 & 255 for i in range(size))
            c.sendto(data, (SERVICE, s.getsockname()[1]))
            got, peer = s.recvfrom(65536)
            equal((got, peer[0]), (data, SRC6), f"datagram of {size}")
            s.sendto(data[::-1], peer)
            got, peer = c.recvfrom(65536)
            equal((got, peer[0]), (data[::-1], SERVICE), f"answer of {size}")


@cases({f"TCP, {e}, offloads {o}": (e, o) for e in ENCAPS
        for o in ("on", "off")},
       stock=("TCP, nvgre, offloads on", "TCP, vxlan, offloads on"))
def tcps(encap, offloads):
    net.setup(encap, offloads)
    before, sent = net.drops(), net.tx("outbound")
    c, s = net.connect()
    with c, s:
        transfer(c, s, BULK)
        if offloads == "on":
            sent = net.tx("outbound") - sent
            check(sent < BULK // 1448 // 2 + 20,
                  f"{sent} packets for {BULK // 1448} segments")
        transfer(s, c, BULK)
        transfer(c, s, BULK // 4, True)
    after = net.drops() - before
    # multicast listeners report
    del after["multicast"]
    equal(dict(after), {}, "drops")
    net.check_sums()


@cases({f"TCP over a narrow path, {e}": e for e in ENCAPS},
       stock=("TCP over a narrow path, nvgre",))
def narrow(encap):
    """The VM learns what fits of IPv4, and the service of IPv6."""
    net.setup(encap)
    hosts = pa(1), pa(80)
    # a device with that MTU would not let larger ones in
    ip_batch("".join(f"route add {a}/32 dev u0 mtu 1460\n" for a in hosts),
             net.app)
    try:
        c, s = net.connect()
        with c, s:
            for a, b in ((c, s), (s, c)):
                before = net.drops()["too_big"]
                transfer(a, b, BULK // 8)
                check(net.drops()["too_big"] > before, "nothing was too big")
    finally:
        ip_batch("".join(f"route del {a}/32 dev u0\n" for a in hosts),
                 net.app)
        net.vm.run("ip", "route", "flush", "cache")
        net.svc.run("ip", "-6", "route", "flush", "cache")


@cases({f"nobody listens, {e}": e for e in ENCAPS}, stock=True)
def refused(encap):
    """An RST, and an ICMP error, find their way back."""
    net.setup(encap)
    with net.vm.socket(socket.AF_INET, socket.SOCK_STREAM) as c:
        c.settimeout(5 * SLOW)
        try:
            c.connect((SERVICE, 4))
            raise Failure("connected")
        except ConnectionRefusedError:
            pass
    with net.vm.socket(socket.AF_INET, socket.SOCK_DGRAM) as c:
        c.settimeout(5 * SLOW)
        c.connect((SERVICE, 5))
        c.send(b"x")
        try:
            c.recv(1)
            raise Failure("answered")
        except ConnectionRefusedError:
            pass


main()
