#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What is not ours on an attached port belongs to the host, as if the datapath
were not there: SPEC 1. Attaching and detaching, and what is refused."""

import socket
import tempfile
import time

from dashtest import (APP_MAC, MARKER_IP, PEER_MAC, SLOW, VIP, VIP6, VNI,
                      InNetns, Net, Wire, base, case, cases, check, equal,
                      ip_batch, main, run)
from frames import (Ether, IP, UDP, be16, from_peer, from_vm, inner, patch,
                    to_peer, udp, vm_frame)
from nets import FAST, Flood, listen, ping, tcp_exchange, udp_exchange

# Addresses on u0, in the datapath's namespace, and of its peer: ours.
OURS4, OURS6 = "172.16.0.2", "fd00:16::2"
APP6 = "fd00:16::1"
VIP_PEER, VIP_PEER6 = "100.0.0.7", "fd00:100::7"


class HostNet(Net):
    """While hosts talk nothing is captured; at the next send() it is again."""

    def load(self, *args, **kw):
        self.deaf()
        return super().load(*args, **kw)

    def deaf(self):
        for wire in self.wires.values():
            wire.close()
        self.wires = {}

    def send_any(self, *args, **kw):
        if not self.wires:
            self.wires["u0"] = Wire(PEER)
        return super().send_any(*args, **kw)


net = HostNet(config=f"addr add {APP6}/64 dev u0\n"
                 f"addr add {VIP}/24 dev u0\n"
                 f"addr add {VIP6}/64 dev u0\n")
PEER = net.peer_name("u0")


def setup():
    for key, value in (("disable_ipv6", 0), ("accept_dad", 0)):
        with open(f"/proc/sys/net/ipv6/conf/{PEER}/{key}", "w",
                  encoding="ascii") as f:
            f.write(str(value))
    ip_batch(f"addr add {OURS4}/24 dev {PEER}\n"
             f"addr add {OURS6}/64 dev {PEER}\n"
             f"addr add {VIP_PEER}/24 dev {PEER}\n"
             f"addr add {VIP_PEER6}/64 dev {PEER}\n"
             "link set lo up\n")


setup()


class App:
    """The datapath's namespace, as the helpers of nets.py want it."""
    name = net.app

    @staticmethod
    def socket(*args):
        with InNetns(net.app):
            return socket.socket(*args)


app = App()
HOST = {"IPv4": (OURS4, MARKER_IP), "IPv6": (OURS6, APP6),
        "IPv4, the VIP": (VIP_PEER, VIP), "IPv6, the VIP": (VIP_PEER6, VIP6)}


def nothing_ours(func):
    """Run func; all packets of it must have been left to the host."""
    net.deaf()
    before = net.port_stats()
    func()
    after = net.port_stats()
    equal(after["ours"], before["ours"], "packets of ours")
    equal(after["drops"], before["drops"], "drops")
    check(after["passed"] > before["passed"], "no packet was counted")


@cases({f"ping to the host: {k}": v for k, v in HOST.items()},
       stock=("ping to the host: IPv6, the VIP",))
def host_ping(src, dst):
    net.load(base())
    nothing_ours(lambda: ping(dst, extra=("-I", src)))


@cases({f"UDP to the host: {k}": v for k, v in HOST.items()},
       stock=("UDP to the host: IPv4, the VIP",))
def host_udp(src, dst):
    net.load(base())
    nothing_ours(lambda: udp_exchange(None, app, src, dst))
    # 4789 is VXLAN only at a VIP.
    if dst in (MARKER_IP, APP6):
        nothing_ours(lambda: udp_exchange(None, app, src, dst, 4789))


@cases({f"TCP to the host: {k}": v for k, v in HOST.items()},
       stock=("TCP to the host: IPv4, the VIP",))
def host_tcp(src, dst):
    """Also to the VXLAN port's number."""
    net.load(base())
    nothing_ours(lambda: tcp_exchange(None, app, src, dst,
                                      1 << 20 if SLOW == 1 else 1 << 17))
    nothing_ours(lambda: tcp_exchange(None, app, src, dst, 10000, 4789))


@case("TCP from the host")
def host_connects():
    net.load(base())
    nothing_ours(lambda: tcp_exchange(app, None, MARKER_IP, OURS4, 1 << 17))


@case("ARP and ND work, for VIPs too")
def neighbours():
    net.load(base())
    # Those we know go, so that both sides must ask.
    run("ip", "neigh", "flush", "dev", PEER)
    run("ip", "-n", net.app, "neigh", "flush", "dev", "u0")
    for src, dst in HOST.values():
        ping(dst, 1, extra=("-I", src))
    known = run("ip", "neigh", "show", "dev", PEER).stdout
    for _, dst in HOST.values():
        line = [x for x in known.splitlines() if x.split()[0] == dst]
        check(line and APP_MAC in line[0], f"no neighbour {dst}: {known}")
    known = run("ip", "-n", net.app, "neigh", "show", "dev", "u0").stdout
    check(PEER_MAC in known, f"the host does not know us: {known}")


@case("VXLAN to another address passes to the host's own device", stock=True)
def other_vxlan():
    net.load(base())
    try:
        ip_batch(f"link add hvx type vxlan id {VNI} local {OURS4} "
                 f"remote {MARKER_IP} dstport 4789\n"
                 "addr add 192.168.77.2/24 dev hvx\nlink set hvx up\n")
        ip_batch(f"link add hvx type vxlan id {VNI} local {MARKER_IP} "
                 f"remote {OURS4} dstport 4789\n"
                 "addr add 192.168.77.1/24 dev hvx\nlink set hvx up\n",
                 net.app)
        nothing_ours(lambda: ping("192.168.77.1"))
        # With the device there, what goes to a VIP is still the datapath's.
        f = vm_frame(2, udp(net.sport(), 80))
        net.forwards(from_vm(f), to_peer(2, f))
    finally:
        run("ip", "link", "del", "hvx", ok=False)
        run("ip", "-n", net.app, "link", "del", "hvx", ok=False)


@case("VLAN device on the port works")
def vlan():
    net.load(base())
    try:
        ip_batch(f"link add link {PEER} name hv5 type vlan id 5\n"
                 "addr add 192.168.5.2/24 dev hv5\nlink set hv5 up\n")
        ip_batch("link add link u0 name u0.5 type vlan id 5\n"
                 "addr add 192.168.5.1/24 dev u0.5\nlink set u0.5 up\n",
                 net.app)
        ping("192.168.5.1")
        tcp_exchange(None, app, "192.168.5.2", "192.168.5.1", 1 << 17)
    finally:
        run("ip", "link", "del", "hv5", ok=False)
        run("ip", "-n", net.app, "link", "del", "u0.5", ok=False)


@case("a VLAN device can be a port")
def vlan_port():
    try:
        ip_batch("link add link u0 name u0.6 type vlan id 6\n"
                 "link set u0.6 up\n", net.app)
        net.dashctl("port", "del", "u0")
        net.attached.remove("u0")
        net.attach("u0.6")
        net.load(base())
        f = vm_frame(2, udp(net.sport(), 80))
        tag = b"\x81\x00\x00\x06"

        def tagged(frame):
            return frame[:12] + tag + frame[12:]
        net.forwards(tagged(from_vm(f)), tagged(to_peer(2, f)))
        net.check_sums()
    finally:
        run("ip", "-n", net.app, "link", "del", "u0.6", ok=False)
        if "u0.6" in net.attached:
            net.attached.remove("u0.6")
        net.attach("u0")


@case("what is for another MAC or to no VIP is not ours")
def not_ours():
    net.load(base())
    f = vm_frame(2, udp(net.sport(), 80))
    for frame in (from_vm(f, dst="100.0.0.253"),
                  bytes.fromhex("02005e0000cc") + from_vm(f)[6:]):
        net.passes(frame)
    f = vm_frame(2, udp(net.sport(), 80))
    net.forwards(from_vm(f), to_peer(2, f))


@case("fragments to the host are reassembled as ever")
def fragments():
    net.load(base())
    for src, dst in HOST.values():
        ping(dst, 2, size=4000, extra=("-I", src))


@case("detaching restores all, attaching again takes it", stock=True)
def detach():
    net.load(base())
    f = vm_frame(2, udp(net.sport(), 80))
    packet = from_vm(f)
    net.forwards(packet, to_peer(2, f))
    with listen(app, VIP, 4789, socket.SOCK_DGRAM) as s:
        s.settimeout(5 * SLOW)
        net.dashctl("port", "del", "u0")
        try:
            equal(net.json("port", "show"), [], "ports")
            equal(net.send(packet), [], "frames without a port")
            # The host's own socket gets VXLAN header and inner frame.
            equal(s.recv(2000)[-len(f):], f, "what the host got")
            net.deaf()
            ping(MARKER_IP)
        finally:
            net.dashctl("port", "add", "u0", "underlay")
        net.forwards(packet, to_peer(2, f))
        s.setblocking(False)
        try:
            s.recv(2000)
            check(False, "the host got a packet of ours")
        except BlockingIOError:
            pass


# -- what is refused ----------------------------------------------------------

REFUSED = {     # name: (how to make the device, its name, word in the reason)
    "a device that is not there": ("", "nosuch0", "no such device"),
    "loopback": ("", "lo", "Ethernet"),
    "a bridge port": ("link add br9 type bridge\n"
                      "link add d9 type dummy\n"
                      "link set d9 master br9\n", "d9", "in use"),
    "a device below macvlan": ("link add d9 type dummy\n"
                               "link add link d9 name mv9 type macvlan\n",
                               "d9", "in use"),
    "a device that is not Ethernet": ("tuntap add dev d9 mode tun\n", "d9",
                                      "Ethernet"),
}


@cases({f"refused: {k}": v for k, v in REFUSED.items()},
       stock=("refused: a device that is not there",))
def refused(make, dev, reason):
    net.load(base())
    try:
        if make:
            ip_batch(make, net.app)
        p = net.dashctl("port", "add", dev, "underlay", ok=False)
        equal(p.returncode, 2, "exit status")
        check(reason in p.stderr and dev in p.stderr,
              f"the message does not name {dev} and {reason!r}: {p.stderr!r}")
        equal([x for x in net.save() if dev in str(x)], [], "row")
        ping(MARKER_IP)
    finally:
        for name in ("d9", "br9"):
            if name in make:
                run("ip", "-n", net.app, "link", "del", name, ok=False)


@case("refused: the same device again")
def twice():
    net.load(base())
    p = net.dashctl("port", "add", "u0", "underlay", ok=False)
    equal(p.returncode, 2, "exit status")
    check("u0" in p.stderr, f"the message: {p.stderr!r}")
    f = vm_frame(2, udp(net.sport(), 80))
    net.forwards(from_vm(f), to_peer(2, f))
    # As a row it may be set again: SET is create or replace.
    net.dashctl("port", "replace", "u0", "underlay")
    net.forwards(from_vm(f), to_peer(2, f))


@case("refused: a file with a port that cannot be, whole")
def whole():
    net.load(base())
    before = net.save()
    p = net.load(base(app={"df": True}) +
                 [{"PORT:nosuch0": {"role": "underlay"}, "OP": "SET"}],
                 "--ignore-unknown", ok=False)
    equal(p.returncode, 2, "exit status")
    check("nosuch0" in p.stderr, f"the message: {p.stderr!r}")
    equal(net.save(), before, "configuration")


@case("a port cannot be enslaved to a bridge meanwhile")
def enslave():
    net.load(base())
    try:
        ip_batch("link add br9 type bridge\n", net.app)
        p = run("ip", "-n", net.app, "link", "set", "u0", "master", "br9",
                ok=False)
        check(p.returncode, "a bridge took the port")
        f = vm_frame(2, udp(net.sport(), 80))
        net.forwards(from_vm(f), to_peer(2, f))
        # Once detached it can be; then again it cannot be attached.
        net.dashctl("port", "del", "u0")
        run("ip", "-n", net.app, "link", "set", "u0", "master", "br9")
        equal(net.dashctl("port", "add", "u0", "underlay",
                          ok=False).returncode, 2, "exit status")
    finally:
        run("ip", "-n", net.app, "link", "del", "br9", ok=False)
        net.dashctl("port", "replace", "u0", "underlay")
    f = vm_frame(2, udp(net.sport(), 80))
    net.forwards(from_vm(f), to_peer(2, f))


# -- under traffic ------------------------------------------------------------

@case("attaching and detaching while packets flow", stock=True)
def under_traffic():
    net.load(base())
    f = from_vm(vm_frame(2, udp(1, 80)))
    frames = [patch(f, 14 + 20 + 8 + 8 + 14 + 20, be16(20000 + n))
              for n in range(50)]
    frames += [from_peer(2, inner("10.0.0.2", "10.0.0.9", udp(1, 2),
                                  "02:00:00:00:00:02", "02:00:00:00:00:77"))]
    # To the host: an echo reply that nobody waits for.
    frames += [bytes(Ether(dst=APP_MAC, src=PEER_MAC) /
                     IP(src=OURS4, dst=MARKER_IP) / UDP(sport=9, dport=4789))]
    batch = "port del u0\nport add u0 underlay\n" * (30 if FAST else 5)
    with Flood(PEER, frames):
        with tempfile.NamedTemporaryFile("w", suffix=".batch") as f:
            f.write(batch)
            f.flush()
            net.dashctl("-b", f.name)
        ping(MARKER_IP)
        before = net.port_stats()["ours"]
        end = time.monotonic() + 5 * SLOW
        while net.port_stats()["ours"] == before:
            check(time.monotonic() < end, "no packet is taken")
    net.check_sums()
    f = vm_frame(2, udp(net.sport(), 80))
    net.forwards(from_vm(f), to_peer(2, f))


main(net)
