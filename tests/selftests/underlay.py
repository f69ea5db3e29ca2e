#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Devices that go, come and change while connections use them, and large
packets that stay whole: SPEC 1, PERFORMANCE P3."""

import hashlib
import os
import socket
import subprocess
import time

from dashtest import (FAKE_MAC, SLOW, VIP, VIP6, VM_VNI, VNI, InNetns, Net,
                      Wire, base, ca, case, cases, check, equal, eventually,
                      ip_batch, mac, main, pa, run)
from frames import Outer, from_vm, udp, vm_frame

GW, GW6 = "172.16.0.254", "fd00:172::fe"
FIB = {"underlay_mode": "fib"}

net = Net(config="addr add fd00:172::1/64 dev u0 nodad\n")


def ip_cmd(text):
    ip_batch(text, net.app)


def waiting():
    """Does the kernel wait for someone to let go of a device?"""
    return "waiting for" in run("dmesg").stdout


class Egress:
    """A device that packets leave by, and that is no port."""

    def __init__(self, name="e0"):
        self.name = name
        self.peer = f"p{net.num}{name}"
        ip_batch(f"link add {self.peer} address 02:00:5e:00:00:e1 type veth "
                 f"peer name {name} address 02:00:5e:00:00:e0 "
                 f"netns {net.app}\nlink set {self.peer} up\n")
        ip_cmd(f"link set {name} up\n"
               f"addr add 172.18.0.1/24 dev {name}\n"
               f"addr add fd00:18::1/64 dev {name} nodad\n"
               "neigh add 172.18.0.2 lladdr 02:00:5e:00:00:e1 nud permanent "
               f"dev {name}\n"
               "neigh add fd00:18::2 lladdr 02:00:5e:00:00:e1 nud permanent "
               f"dev {name}\n")
        run("ip", "netns", "exec", net.app, "ethtool", "-K", name, "tx", "off",
            ok=False)
        self.wire = Wire(self.peer)

    def delete(self):
        """Must not wait for anyone, with connections or without."""
        self.wire.close()
        begin = time.monotonic()
        ip_cmd(f"link del {self.name}\n")
        check(time.monotonic() - begin < 2 + SLOW, "deletion took "
              f"{time.monotonic() - begin:.1f} s")
        check(not waiting(), "the kernel waits for references to a device")

    def got(self):
        """What came out, without the kernel's own chatter."""
        frames = []
        while True:
            frame = self.wire.recv(0.1)
            if not frame:
                return frames
            if frame[:1] == b"\x02" and frame[12:14] in (b"\x08\x00",
                                                         b"\x86\xdd"):
                frames.append(Outer(frame))


def flows_by(egress, n):
    """n connections whose packets leave by egress."""
    frames = [from_vm(vm_frame(2, udp(net.sport(), 53))) for _ in range(n)]
    net.send(*frames)
    equal(len(egress.got()), n, "frames out of the egress device")
    return frames


WAYS = {
    "IPv4": ("100.0.0.0/24 via 172.18.0.2 dev e0", False),
    "IPv4 by an IPv6 next hop": ("100.0.0.0/24 via inet6 fd00:18::2 dev e0",
                                 False),
    "IPv6": ("fd00:100::/64 via fd00:18::2 dev e0", True),
}


@cases({f"an egress device is deleted under connections: {k}": v
        for k, v in WAYS.items()})
def deleted(route, v6):
    net.load(base(app=FIB, *[] if not v6 else [
        {f"VNET_MAPPING:v1:{ca(2)}": {
            "routing_type": "vnet_encap", "underlay_ip": pa(2, True),
            "mac_address": mac(2)}, "OP": "SET"}]))
    # the way back to the VM needs a route only when it is used
    egress = Egress()
    ip_cmd(f"route add {route}\n")
    frames = flows_by(egress, 20)
    equal(len(net.flows()), 20, "connections")
    egress.delete()
    net.drop(frames, "no_nexthop", "eni1")
    # another one of that name is used by the connections that there are
    egress = Egress()
    ip_cmd(f"route add {route}\n")
    net.send(*frames)
    equal(len(egress.got()), 20, "frames out of the new device")
    egress.delete()


@case("an egress device goes down and up under connections")
def down():
    net.load(base(app=FIB))
    egress = Egress()
    ip_cmd("route add 100.0.0.0/24 via 172.18.0.2 dev e0\n")
    frames = flows_by(egress, 3)
    ip_cmd("link set e0 down\n")
    net.drop(frames, "no_nexthop", "eni1")
    ip_cmd("link set e0 up\nroute add 100.0.0.0/24 via 172.18.0.2 dev e0\n"
           "neigh replace 172.18.0.2 lladdr 02:00:5e:00:00:e1 nud permanent "
           "dev e0\n")
    net.send(*frames)
    equal(len(egress.got()), 3, "frames")
    egress.delete()


@case("an egress device moves to another namespace under connections")
def moved():
    net.load(base(app=FIB))
    egress = Egress()
    ip_cmd("route add 100.0.0.0/24 via 172.18.0.2 dev e0\n")
    frames = flows_by(egress, 3)
    other = f"{net.app}-x"
    run("ip", "netns", "add", other)
    ip_cmd(f"link set e0 netns {other}\n")
    net.drop(frames, "no_nexthop", "eni1")
    egress.wire.close()
    run("ip", "netns", "del", other)
    check(not waiting(), "the kernel waits for references to a device")


@case("the namespace goes with connections in it")
def namespace():
    global net
    old = net
    net = Net(config="addr add 172.16.0.2/24 dev u0\n"
              f"neigh add {GW} lladdr 02:00:5e:00:00:b0 nud permanent dev u0\n"
              f"route add default via {GW}\n")
    try:
        net.load(base(app=FIB))
        frames = [from_vm(vm_frame(2, udp(net.sport(), 53)))
                  for _ in range(20)]
        equal(len(net.send(*frames)), 20, "frames")
        net.close()
        eventually(lambda: not os.path.exists(
            f"/sys/class/net/{net.peer_name('u0')}"), "deletion", 10 * SLOW)
        check(not waiting(), "the kernel waits for references to a device")
    finally:
        net = old


@case("a PA of the host itself")
def local():
    """The packet comes out of a socket of the host."""
    net.load(base(app=FIB))
    ip_cmd(f"addr add {pa(2)}/32 dev lo\n")
    with InNetns(net.app), socket.socket(socket.AF_INET,
                                         socket.SOCK_DGRAM) as s:
        s.bind((pa(2), 4789))
        s.settimeout(2 * SLOW)
        f = vm_frame(2, udp(net.sport(), 53))
        net.send(from_vm(f))
        data, addr = s.recvfrom(9000)
    equal(addr[0], VIP, "outer source")
    equal(data[4:7], VNI.to_bytes(3, "big"), "VNI")
    equal(data[14:].hex(), f[6:].hex(), "inner frame")
    ip_cmd(f"addr del {pa(2)}/32 dev lo\n")


def ports():
    return {p["port"] for p in net.stats()["ports"]}


@case("a port is renamed, moved, deleted under connections")
def port():
    net.load(base())
    ip_batch(f"link add q0 type veth peer name w0 netns {net.app}\n"
             "link set q0 up\n")
    ip_cmd("link set w0 up\n")
    net.dashctl("port", "add", "w0", "underlay")
    check("w0" in ports(), "no port w0")
    wire = Wire("q0")
    with open(f"/proc/{os.getpid()}/net/dev", encoding="ascii") as f:
        check("q0" in f.read())
    addr = run("ip", "-n", net.app, "-br", "link", "show",
               "w0").stdout.split()[2]
    f = from_vm(vm_frame(2, udp(net.sport(), 53)), dmac=addr)

    def out():
        wire.send(f)
        end = time.monotonic() + 2 * SLOW
        while time.monotonic() < end:
            frame = wire.recv(0.2)
            if frame and frame[12:14] == b"\x08\x00":
                return True
        return False

    check(out(), "nothing came back")
    ip_cmd("link set w0 down\nlink set w0 name w1\nlink set w1 up\n")
    check("w1" in ports() and "w0" not in ports(), f"ports: {ports()}")
    check(any("PORT:w1" in r for r in net.save()), "no row of the new name")
    check(out(), "nothing came back after the renaming")
    other = f"{net.app}-y"
    run("ip", "netns", "add", other)
    ip_cmd(f"link set w1 netns {other}\n")
    check("w1" not in ports(), "a port that moved is still one")
    run("ip", "-n", other, "link", "set", "w1", "netns", net.app)
    ip_cmd("link set w1 up\n")
    net.dashctl("port", "add", "w1", "underlay")
    check(out(), "nothing came back after the return")
    ip_cmd("link del w1\n")
    wire.close()
    check("w1" not in ports(), "a port that is gone is still one")
    check(not any("PORT:w1" in r for r in net.save()), "its row is there")
    run("ip", "netns", "del", other)
    check(not waiting(), "the kernel waits for references to a device")


# -- large packets --------------------------------------------------------------

class Host:
    """A host with a VXLAN device, at a port of its own."""

    def __init__(self, n, vni, peer, v6, u6):
        self.ns = f"{net.app}-h{n}"
        self.port = f"h{n}"
        run("ip", "netns", "add", self.ns)
        plen, bits = (64, 128) if u6 else (24, 32)
        me = pa(n, u6)
        own, app = (f"02:00:5e:00:0{n}:01", f"02:00:5e:00:0{n}:02")
        ip_batch(f"link add {self.port} address {app} netns {net.app} mtu 1600 "
                 f"type veth peer name eth0 address {own} netns {self.ns} "
                 "mtu 1600\n")
        vip = VIP6 if u6 else VIP
        ip_batch("link set lo up\nlink set eth0 up\n"
                 f"addr add {me}/{plen} dev eth0{' nodad' if u6 else ''}\n"
                 f"neigh add {vip} lladdr {app} nud permanent dev eth0\n"
                 f"link add vx0 address {mac(n)} type vxlan id {vni} local "
                 f"{me} remote {vip} dstport 4789 dev eth0\n"
                 f"link set vx0 up mtu 1500\n"
                 f"addr add {ca(n, v6)}/{64 if v6 else 24} dev vx0"
                 f"{' nodad' if v6 else ''}\n"
                 f"neigh add {ca(peer, v6)} lladdr "
                 f"{FAKE_MAC if n == 1 else mac(peer)} nud permanent dev vx0\n",
                 self.ns)
        ip_cmd(f"link set {self.port} up\n"
               f"route add {me}/{bits} dev {self.port}\n"
               f"neigh add {me} lladdr {own} nud permanent dev {self.port}\n")
        net.dashctl("port", "add", self.port, "underlay")

    def close(self):
        net.dashctl("port", "del", self.port)
        run("ip", "netns", "del", self.ns)


SERVER = """
import hashlib, socket, sys
s = socket.create_server((sys.argv[1], 5001), family=socket.AF_INET6
                         if ":" in sys.argv[1] else socket.AF_INET)
print("ready", flush=True)
c, _ = s.accept()
h, n = hashlib.sha256(), 0
while True:
    d = c.recv(1 << 20)
    if not d:
        break
    h.update(d)
    n += len(d)
print(n, h.hexdigest(), flush=True)
"""


def transfer(one, two, addr, data):
    """Send data by TCP; returns the packets that took and the seconds."""
    def packets():
        return sum(p["ours"] for p in net.stats()["ports"])

    with subprocess.Popen(["ip", "netns", "exec", two.ns, "python3", "-c",
                           SERVER, addr], stdout=subprocess.PIPE,
                          text=True) as server:
        equal(server.stdout.readline(), "ready\n", "server")
        before, begin = packets(), time.monotonic()
        with InNetns(one.ns), socket.create_connection((addr, 5001),
                                                       10 * SLOW) as s:
            s.sendall(data)
        answer = server.stdout.readline()
        end = time.monotonic()
    equal(answer.split(), [str(len(data)), hashlib.sha256(data).hexdigest()],
          "what arrived")
    return packets() - before, end - begin


LARGE = {f"IPv{6 if v6 else 4} in IPv{6 if u6 else 4}": (v6, u6, False)
         for v6 in (False, True) for u6 in (False, True)}
LARGE["IPv4 in IPv4 with checksum"] = (False, False, True)


@cases({f"TCP in large packets: {k}": v for k, v in LARGE.items()})
def large(v6, u6, csum):
    rows = base(app={**FIB, "udp_csum": "on" if csum else "default"},
                eni={"underlay_ip": pa(1, u6)})
    rows += [{f"VNET_MAPPING:v1:{ca(2, v6)}": {
        "routing_type": "vnet_encap", "underlay_ip": pa(2, u6),
        "mac_address": mac(2)}, "OP": "SET"}]
    net.load(rows)
    one = Host(1, VM_VNI, 2, v6, u6)
    two = Host(2, VNI, 1, v6, u6)
    try:
        data = os.urandom(1 << 20) * 8
        # acknowledgments count, too; a sender that was kept waiting sends
        # less at once, but not every time
        for _ in range(5):
            n, _ = transfer(one, two, ca(2, v6), data)
            if len(data) / n > 10000:
                break
        check(len(data) / n > 10000, f"{n} packets for {len(data)} bytes")
        net.flush()
        for host in (one, two):
            run("ip", "netns", "exec", host.ns, "ethtool", "-K", "vx0",
                "tso", "off", "gso", "off")
        n, _ = transfer(one, two, ca(2, v6), data[:1 << 20])
        check((1 << 20) / n < 1500, f"{n} packets")
    finally:
        one.close()
        two.close()


main(net)
