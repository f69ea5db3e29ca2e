#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Two VMs behind hypervisors that are the kernel's own VXLAN devices, and
between them an appliance with the datapath.

         VM 1                                                VM 2
          |                                                   |
        bridge --- VNI 9000 --.               .-- VNI 200 - bridge
     hypervisor 1              \\             /          hypervisor 2
     100.0.0.1                  appliance, VIP          100.0.0.2
                                100.0.0.254

What VM 1 says to VM 2 goes to the appliance by VNI 9000, on to hypervisor 2 by
the VNI of VM 2's mapping, 200. Answers go to the VIP by VNI 200, on to
hypervisor 1 by VNI 9000. The other way it is the same with VNI 100. A second
address of each VM, 1n, is for connections that VM 2 begins: in SPEC 3 the
fabric's fake MAC stands for all VMs that are not here, and one address cannot
have two MACs."""

import ctypes
import errno
import fcntl
import socket
import struct
import time

from dashtest import (FAKE_MAC, SLOW, VIP, VIP6, VM_VNI, InNetns, bind, ca,
                      case, cases, check, delete, equal, group, ip_batch, mac,
                      main, mapping, pa, route_rule, row, run)
from nets import (FAST, Space, SwitchNet, connect, listen, ping, tcp_exchange,
                  transfer, udp_exchange)

BULK = 24 << 20 if FAST else 1 << 19
SMALL = 1 << 19 if FAST else 1 << 16

SIOCETHTOOL = 0x8946
ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO = 0x17, 0x1f, 0x24

BEHIND = "10.0.0.33"     # behind VM 2 and a narrow link


def far(n):
    return f"10.0.0.{10 + n}"


class EndToEnd(SwitchNet):
    """The whole of it."""

    def __init__(self):
        super().__init__(f"addr add {VIP6}/64 dev u0\n")
        self.host = {n: Space(f"host{n}") for n in (1, 2)}
        self.vm = {n: Space(f"vm{n}") for n in (1, 2)}
        for n in (1, 2):
            self.build(n)
        self.underlay = self.state = None
        self.tunnels(False)
        self.attach("u0")

    def build(self, n):
        """Hypervisor n and its VM."""
        other = 3 - n
        self.plug_in(n, self.host[n])
        self.host[n].ip(
            "link set eth0 up\n"
            f"addr add {pa(n)}/24 dev eth0\n"
            f"addr add {pa(n, True)}/64 dev eth0\n"
            "link add br0 type bridge forward_delay 0 mcast_snooping 0\n"
            "link set br0 up\n"
            f"link add vm0 mtu 1500 type veth peer name eth0 mtu 1500 "
            f"address {mac(n)} netns {self.vm[n].name}\n"
            "link set vm0 up master br0\n")
        # The first addresses talk from 1 to 2, the others from 2 to 1.
        near, away = (FAKE_MAC, mac(other))[::1 if n == 1 else -1]
        self.vm[n].ip(
            "link set eth0 up\n"
            f"addr add {ca(n)}/24 dev eth0\n"
            f"addr add {ca(n, True)}/64 dev eth0\n"
            f"addr add {far(n)}/24 dev eth0\n"
            f"neigh add {ca(other)} lladdr {near} dev eth0\n"
            f"neigh add {ca(other, True)} lladdr {near} dev eth0\n"
            f"neigh add {far(other)} lladdr {away} dev eth0\n")

    def tunnels(self, v6):
        """VXLAN devices of the hypervisors: over IPv4 or IPv6."""
        if self.underlay == v6:
            return
        for n, host in self.host.items():
            old = "" if self.underlay is None else \
                "link del vxvip\nlink del vxmap\n"
            # To the VIP goes what VM n begins (fake MAC) by its ENI's VNI and
            # what it answers (the other's MAC) by that of its own mapping.
            host.ip(old + "".join(
                f"link add {dev} mtu 1500 type vxlan id {vni} nolearning "
                f"local {pa(n, v6)} remote {VIP6 if v6 else VIP} "
                "dstport 4789\n"
                f"link set {dev} up master br0\n"
                # No loops, whatever MAC comes back, and no learning: that
                # moves static entries, too.
                f"link set {dev} type bridge_slave isolated on learning off\n"
                for dev, vni in (("vxvip", VM_VNI), ("vxmap", n * 100))))
            host.run("bridge", "fdb", "add", FAKE_MAC, "dev", "vxvip",
                     "master", "static")
            host.run("bridge", "fdb", "add", mac(3 - n), "dev", "vxmap",
                     "master", "static")
        self.underlay = v6

    def setup(self, *extra, v6=False, app=None, eni=None):
        """Tunnels and configuration: both VMs have an ENI."""
        self.tunnels(v6)
        rows = [row("APPLIANCE", "1", sip=[VIP, VIP6], vm_vni=VM_VNI,
                    **(app or {})),
                row("VNET", "v1", vni=50),
                row("ROUTE_GROUP", "rg"),
                row("ROUTE", "rg", "10.0.0.0/24", routing_type="vnet",
                    vnet="v1"),
                row("ROUTE", "rg", "fd00:10::/64", routing_type="vnet",
                    vnet="v1")]
        for n in (1, 2):
            rows += [row("ENI", f"eni{n}", mac_address=mac(n), vnet="v1",
                         underlay_ip=pa(n, v6), admin_state="enabled",
                         **(eni or {})),
                     row("ENI_ROUTE", f"eni{n}", group_id="rg")]
            rows += [mapping("v1", addr, pa(n, v6), mac(n), vni=n * 100)
                     for addr in (ca(n), ca(n, True), far(n))]
        rows.append(mapping("v1", BEHIND, pa(2, v6), mac(2), vni=200))
        for item in extra:
            rows += item if isinstance(item, list) else [item]
        self.load(rows)

    def offloads(self, state):
        """Segmentation offloads of every veth on the way, "on" or "off"."""
        if state == self.state:
            return
        self.state = state
        for space, devs in ((None, (self.peer_name("u0"), "sw1", "sw2")),
                            (self, ("u0",)),
                            *((self.host[n], ("eth0", "vm0")) for n in (1, 2)),
                            *((self.vm[n], ("eth0",)) for n in (1, 2))):
            with space.socket() if space else socket.socket() as s:
                for dev in devs:
                    for feature in ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO:
                        # Checksums stay; the library had turned one's off.
                        value = struct.pack("II", feature, state == "on" or
                                            feature == ETHTOOL_STXCSUM)
                        buf = ctypes.create_string_buffer(value)
                        fcntl.ioctl(s, SIOCETHTOOL, struct.pack(
                            "16sP8x", dev.encode(), ctypes.addressof(buf)))

    def socket(self, *args):
        with InNetns(self.app):
            return socket.socket(*args)

    def tx(self, eni, direction):
        return self.eni_stats(eni)[direction]["tx_packets"]

    def close(self):
        for space in (*self.host.values(), *self.vm.values()):
            space.close()
        super().close()


net = EndToEnd()
vm1, vm2 = net.vm[1], net.vm[2]


# -- all kinds of traffic -----------------------------------------------------

FAMILIES = {f"IPv{6 if o else 4} over IPv{6 if u else 4}": (o, u)
            for u in (False, True) for o in (False, True)}


@cases({f"ping, {k}": v for k, v in FAMILIES.items()},
       stock=("ping, IPv4 over IPv4",))
def pings(v6, u6):
    net.setup(v6=u6)
    before = net.tx("eni1", "outbound"), net.tx("eni1", "inbound")
    ping(ca(2, v6), 5, vm1)
    # As large as the VM's MTU allows.
    ping(ca(2, v6), 2, vm1, size=1452 if v6 else 1472, extra=("-M", "do"))
    equal((net.tx("eni1", "outbound") - before[0],
           net.tx("eni1", "inbound") - before[1]), (7, 7),
          "packets through the datapath")
    flow = [f for f in net.flows("proto", "58" if v6 else "1")
            if f["src"] == ca(1, v6)]
    check(len(flow) == 2, f"flows: {flow}")
    # In fragments, too.
    ping(ca(2, v6), 2, vm1, size=5000)


@cases({f"UDP, {k}": v for k, v in FAMILIES.items()},
       stock=("UDP, IPv4 over IPv4",))
def udps(v6, u6):
    net.setup(v6=u6)
    udp_exchange(vm1, vm2, ca(1, v6), ca(2, v6), 5000)
    # Fragments.
    udp_exchange(vm1, vm2, ca(1, v6), ca(2, v6), 5001, 3, 7000)


@cases({f"TCP, offloads {how}, {k}": (how,) + v for k, v in FAMILIES.items()
        for how in ("on", "off") if how == "on" or v[0] == v[1]},
       stock=("TCP, offloads on, IPv4 over IPv4",
              "TCP, offloads on, IPv6 over IPv6"))
def tcps(how, v6, u6):
    """Bulk data in both directions."""
    net.setup(v6=u6)
    net.offloads(how)
    before = net.drops()
    first = not (v6 or u6)
    tcp_exchange(vm1, vm2, ca(1, v6), ca(2, v6), BULK if first else SMALL)
    equal(dict(net.drops() - before), {}, "drops")


@case("TCP: large packets stay whole on their way")
def whole():
    """With GSO there are far fewer packets than segments."""
    net.setup()
    net.offloads("on")
    before = net.tx("eni1", "outbound")
    c, s = connect(vm1, vm2, ca(1), ca(2))
    with c, s:
        transfer(c, s, SMALL)
    sent = net.tx("eni1", "outbound") - before
    check(sent < SMALL // 1448 // 2 + 20,
          f"{sent} packets for {SMALL // 1448} segments")


@case("connections that VM 2 begins")
def other_way():
    """Its own ENI's outbound policy and answers by the other mapping."""
    net.setup()
    net.offloads("on")
    before = net.tx("eni2", "outbound"), net.tx("eni2", "inbound")
    ping(far(1), 2, vm2, extra=("-I", far(2)))
    tcp_exchange(vm2, vm1, far(2), far(1), SMALL)
    udp_exchange(vm2, vm1, far(2), far(1), 5002)
    check(net.tx("eni2", "outbound") > before[0] and
          net.tx("eni2", "inbound") > before[1], "not through ENI 2")


# VM 2 connects to VM 1 by VM 1's MAC: hypervisor 2 sends that by VNI 200, as
# somebody without an ENI would, and ENI 1 has a route rule for it.
RULE = route_rule("eni1", 200, "100.0.0.0/24", 1, vnet="v1")
RULE6 = route_rule("eni1", 200, "fd00:100::/64", 1, vnet="v1")


def answer_mac(addr_mac, dev):
    """VM 1 answers to that MAC, and its hypervisor sends it there."""
    vm1.ip("".join(f"neigh replace {ca(2, v6)} lladdr {addr_mac} dev eth0\n"
                   for v6 in (False, True)))
    net.host[1].run("bridge", "fdb", "replace", mac(2), "dev", dev, "master",
                    "static")


@cases({"connections to VM 1 by a route rule, over IPv4": False,
        "connections to VM 1 by a route rule, over IPv6": True},
       stock=("connections to VM 1 by a route rule, over IPv4",))
def inbound(u6):
    """Answers leave with MACs unchanged, so they have VM 2's already."""
    net.setup(RULE, RULE6, v6=u6)
    net.offloads("on")
    answer_mac(mac(2), "vxvip")
    try:
        ping(ca(1), 3, vm2, extra=("-I", ca(2)))
        tcp_exchange(vm2, vm1, ca(2), ca(1), SMALL)
        tcp_exchange(vm2, vm1, ca(2, True), ca(1, True), SMALL)
        udp_exchange(vm2, vm1, ca(2), ca(1), 5003)
        equal({f["direction"] for f in net.flows("eni", "eni1")}, {"inbound"},
              "connections")
    finally:
        answer_mac(FAKE_MAC, "vxmap")


@case("without a route rule VM 2 does not reach VM 1")
def no_rule():
    net.setup()
    before = net.drops()
    ping(ca(1), 2, vm2, ok=False, extra=("-I", ca(2)))
    equal((net.drops() - before)["no_route_rule"], 2, "drops")


@case("a policy change closes a live connection, and another opens", stock=True)
def policy():
    net.setup()
    net.offloads("on")
    c, s = connect(vm1, vm2, ca(1), ca(2), 5010)
    with c, s:
        transfer(c, s, 100000)
        deny = [*group("g", (1, "deny", True, {"dst_port": "5010"}),
                       (2, "allow", True, {})),
                bind("eni1", "out", 1, "g")]
        net.load(deny, "--ignore-unknown")
        before = net.drops()
        c.setblocking(False)
        c.send(b"x" * 1000)
        s.settimeout(0.5)
        try:
            check(not s.recv(2000), "data passed a deny")
        except OSError:
            pass
        check((net.drops() - before)["acl_deny"] > 0, "no acl_deny")
        # Allowed again: TCP is not taken up from the middle.
        net.load([delete("ACL_OUT", "eni1", 1)], "--ignore-unknown")
        tcp_exchange(vm1, vm2, ca(1), ca(2), 100000, 5011)


@case("tcp_loose takes up a connection after a flush", stock=True)
def loose():
    net.setup(app={"tcp_loose": True})
    c, s = connect(vm1, vm2, ca(1), ca(2))
    with c, s:
        transfer(c, s, 100000)
        net.dashctl("flow", "flush")
        transfer(c, s, 100000)
        transfer(s, c, 100000)


@case("transfer while the configuration is loaded again and again")
def reload():
    net.setup()
    net.offloads("on")
    c, s = connect(vm1, vm2, ca(1), ca(2))
    rows = net.save()
    with c, s:
        for n in range(10):
            transfer(c, s, 200000)
            net.load([r for r in rows if "MAPPING" in str(r)] +
                     [mapping("v1", "10.0.0.99", pa(9), mac(9), vni=900 + n)],
                     "--ignore-unknown")
        transfer(s, c, 200000)


# -- path MTU -----------------------------------------------------------------

IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_MTU = 10, 2, 14
IPV6_MTU_DISCOVER, IPV6_MTU = 23, 24


def path_mtu(src, dst, want):
    """Datagrams of the MTU known that must not be fragmented, until the kernel
    has learnt the right one."""
    v6 = ":" in dst
    with listen(vm1, src, 0, socket.SOCK_DGRAM) as s:
        if v6:
            s.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, 2)
        else:
            s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        s.connect((dst, 9))
        end = time.monotonic() + 5 * SLOW
        while True:
            mtu = (s.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU) if v6 else
                   s.getsockopt(socket.IPPROTO_IP, IP_MTU))
            if mtu <= want:
                break
            try:
                s.send(bytes(mtu - (48 if v6 else 28)))
            except OSError as e:
                # Refused: it got through, which is no news.
                if e.errno not in (errno.EMSGSIZE, errno.ECONNREFUSED):
                    raise
            check(time.monotonic() < end, "no ICMP error came: "
                  f"drops {dict(net.drops())}")
            time.sleep(0.02)
        equal(mtu, want, "path MTU")


def forget_pmtu():
    for vm in (vm1, vm2):
        for family in "ipv4", "ipv6":
            vm.sysctl(f"net/{family}/route/flush", "1")


@case("a router's ICMP error gets to the VM", stock=True)
def router_error():
    """VM 2 is a router to a link of 1300 bytes: what it tells VM 1 belongs to
    the connection."""
    net.setup()
    vm2.sysctl("net/ipv4/ip_forward", "1")
    behind = Space("behind")
    try:
        vm2.ip("link add narrow mtu 1300 type veth "
               f"peer name eth0 mtu 1300 netns {behind.name}\n"
               "link set narrow up\n"
               f"addr add 10.0.9.1/24 dev narrow\n"
               f"route add {BEHIND}/32 via 10.0.9.2\n")
        behind.ip("link set eth0 up\naddr add 10.0.9.2/24 dev eth0\n"
                  f"addr add {BEHIND}/32 dev lo\n"
                  "route add default via 10.0.9.1\n")
        vm1.ip(f"neigh replace {BEHIND} lladdr {FAKE_MAC} dev eth0\n")
        ping(BEHIND, 2, vm1)
        path_mtu(ca(1), BEHIND, 1300)
        forget_pmtu()
        # TCP finds its way by that alone.
        c, s = connect(vm1, behind, ca(1), BEHIND)
        with c, s:
            transfer(c, s, 300000)
    finally:
        behind.close()
        run("ip", "-n", vm2.name, "link", "del", "narrow", ok=False)
        forget_pmtu()


@cases({f"the VM is told the MTU of the underlay, {k}": v
        for k, v in FAMILIES.items()},
       stock=("the VM is told the MTU of the underlay, IPv4 over IPv4",))
def underlay_mtu(v6, u6):
    """The appliance's route towards hypervisor 2 has 1450 bytes."""
    net.setup(v6=u6)
    net.offloads("on")
    dst = f"{pa(2, u6)}/{128 if u6 else 32}"
    ip_batch(f"route add {dst} dev u0 mtu 1450\n", net.app)
    try:
        path_mtu(ca(1, v6), ca(2, v6), 1450 - (70 if u6 else 50))
        forget_pmtu()
        c, s = connect(vm1, vm2, ca(1, v6), ca(2, v6))
        with c, s:
            transfer(c, s, 300000)
            transfer(s, c, 300000)
    finally:
        ip_batch(f"route del {dst} dev u0\n", net.app)
        forget_pmtu()


@cases({f"whoever sends to the VM is told it, {k}": v
        for k, v in FAMILIES.items()},
       stock=("whoever sends to the VM is told it, IPv4 over IPv4",))
def underlay_mtu_back(v6, u6):
    """The appliance's route towards hypervisor 1 has 1450 bytes: VM 2 finds
    out, in a connection that VM 1 began."""
    net.setup(v6=u6)
    net.offloads("on")
    dst = f"{pa(1, u6)}/{128 if u6 else 32}"
    ip_batch(f"route add {dst} dev u0 mtu 1450\n", net.app)
    before = net.eni_stats()["outbound"]["generated_packets"]
    try:
        c, s = connect(vm1, vm2, ca(1, v6), ca(2, v6))
        with c, s:
            transfer(s, c, 300000)
            equal(s.getsockopt(*((socket.IPPROTO_IPV6, IPV6_MTU) if v6 else
                                 (socket.IPPROTO_IP, IP_MTU))),
                  1450 - (70 if u6 else 50), "path MTU")
    finally:
        ip_batch(f"route del {dst} dev u0\n", net.app)
        forget_pmtu()
    sent = net.eni_stats()["outbound"]["generated_packets"] - before
    check(1 <= sent <= 20, f"{sent} ICMP errors")


@case("without DF a packet too large goes in outer fragments")
def outer_fragments():
    net.setup()
    dst = f"{pa(2)}/32"
    ip_batch(f"route add {dst} dev u0 mtu 1450\n", net.app)
    try:
        # UDP sockets may send without DF: ping -M dont does.
        ping(ca(2), 3, vm1, size=1472, extra=("-M", "dont"))
    finally:
        ip_batch(f"route del {dst} dev u0\n", net.app)
        forget_pmtu()


# -- the appliance's route changes --------------------------------------------

@case("a connection outlives changes of the underlay's routes")
def reroute():
    net.setup()
    c, s = connect(vm1, vm2, ca(1), ca(2))
    dst = f"{pa(2)}/32"
    with c, s:
        transfer(c, s, 100000)
        ip_batch(f"route add blackhole {dst}\n", net.app)
        before = net.drops()
        ping(ca(2), 2, vm1, ok=False)
        check((net.drops() - before)["no_nexthop"] >= 2, "no_nexthop")
        ip_batch(f"route del {dst}\nneigh flush dev u0\n", net.app)
        transfer(c, s, 100000)
        transfer(s, c, 100000)


main(net)
