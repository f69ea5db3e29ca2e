#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Instances beside each other, and what may happen to devices, namespaces and
the module while packets flow. That nothing hangs or leaks the kernel itself
says: tests/vm fails a run on whose console it complained."""

import functools
import json
import os
import socket
import subprocess
import time

from dashtest import (MARKER_IP, PEER_MAC, SLOW, VNI, Net, Wire, base, ca,
                      case, check, equal, eventually, ip_batch, mac, mac_bytes, main,
                      mapping, pa, route_rule, run)
from frames import (be16, echo, from_peer, from_vm, patch, peer_frame, tcp,
                    to_peer, to_vm, udp, vm_frame)
from nets import Flood, Space, rounds

net = Net()

RULE = route_rule("eni1", VNI, "100.0.0.0/24", 1, vnet="v1")


# scapy takes its time: one packet of each kind, and the ports are written into
# copies of it, at these offsets.
V4, V6 = 14 + 20 + 8 + 8 + 14 + 20, 14 + 20 + 8 + 8 + 14 + 40


@functools.lru_cache(None)
def kinds():
    """Connections of all kinds, both ways: (frame, offset of VM 1's port)."""
    return [(from_vm(vm_frame(2, udp(1, 80))), V4),
            (from_vm(vm_frame(3, udp(1, 80))), V4),
            (from_vm(vm_frame(2, tcp(1, 80))), V4),
            (from_peer(2, peer_frame(2, tcp(80, 1, "SA"))), V4 + 2),
            (from_vm(vm_frame(3, udp(1, 80), True)), V6),
            (from_peer(3, peer_frame(3, udp(90, 1))), V4 + 2)]


@functools.lru_cache(None)
def others():
    """Among them ICMP and what is dropped."""
    return [from_vm(vm_frame(2, echo(7))), from_vm(vm_frame(9, udp(1, 2))),
            from_peer(2, peer_frame(2, udp(1, 2)), vni=4711)]


def traffic(ports=60):
    return [patch(frame, off, be16(30000 + n)) for n in range(ports)
            for frame, off in kinds()] + others()


def forget(n=net):
    """No socket of the library's is left in that namespace (it would keep
    it), nor what it knows of the module that was."""
    if n.genl:
        n.genl.sock.close()
    n.genl = n.loaded = None


def works(n=net):
    """A new connection passes, both ways."""
    port = n.sport()
    f = vm_frame(2, udp(port, 80))
    n.forwards(from_vm(f), to_peer(2, f))
    f = peer_frame(2, udp(80, port))
    n.forwards(from_peer(2, f), to_vm(f))


def devices():
    return [name for _, name in socket.if_nameindex()]


def deaf(n=net):
    """Nothing needs to be captured while packets are flooded."""
    for wire in n.wires.values():
        wire.close()


def hear(n=net):
    for port in n.wires:
        n.wires[port] = Wire(n.peer_name(port))


class Deaf:
    """with Deaf(): ... and afterwards frames are captured again."""

    def __enter__(self):
        deaf()

    def __exit__(self, *exc):
        hear()


# -- instances ----------------------------------------------------------------

@case("two instances with one configuration do not know each other",
      stock=True)
def isolated():
    other = Net()
    try:
        for n in (net, other):
            n.load(base(RULE))
        f = vm_frame(2, udp(40000, 80))
        net.forwards(from_vm(f), to_peer(2, f))
        equal((len(net.flows()), len(other.flows())), (1, 0), "connections")
        equal(other.eni_stats()["outbound"]["rx_packets"], 0, "packets")
        # The reply of it is nobody's there: by policy, a new one.
        r = peer_frame(2, udp(80, 40000))
        other.forwards(from_peer(2, r), to_vm(r))
        equal([x["direction"] for x in other.flows()], ["inbound"], "flow")
        net.forwards(from_peer(2, r), to_vm(r))
        equal([x["direction"] for x in net.flows()], ["outbound"], "flow")

        # A change, a flush of connections and one of everything.
        other.dashctl("flow", "flush")
        equal((len(net.flows()), len(other.flows())), (1, 0), "connections")
        other.load(base(app={"vxlan_port": 4790}))
        works()
        saved = net.save()
        other.dashctl("flush")
        equal(other.json("eni", "show"), [], "ENIs after flush")
        equal(net.save(), saved, "configuration of the other")
        net.forwards(from_vm(f), to_peer(2, f))
        works()
    finally:
        other.close()
    works()


@case("a new namespace has nothing")
def empty():
    net.load(base())
    space = Space("empty")
    try:
        out = run("dashctl", "-n", space.name, "save").stdout.strip()
        check(out.replace("\n", "").replace(" ", "") == "[]", f"save: {out}")
        # The port's name means a device of that namespace only.
        p = run("dashctl", "-n", space.name, "port", "add", "u0", "underlay",
                ok=False)
        equal(p.returncode, 2, "exit status")
    finally:
        space.close()


@case("namespaces are deleted under traffic", stock=True)
def delete_netns():
    for n in rounds(10):
        other = Net()
        peer = other.peer_name("u0")
        other.load(base(RULE))
        deaf(other)
        with Flood(peer, traffic()):
            eventually(lambda o=other: o.port_stats()["ours"] > 20, "packets")
            # Half of them with the port, half after it went.
            if n % 2:
                other.dashctl("port", "del", "u0")
            forget(other)
            run("ip", "netns", "del", other.app)
            eventually(lambda p=peer: p not in devices(),
                       "the device goes with its namespace", 10)
        other.wires = {}
    net.load(base())
    works()


# -- devices ------------------------------------------------------------------

def port_up(name="u0"):
    ip_batch(f"link set {name} up\n"
             f"addr replace {MARKER_IP}/24 dev {name}\n", net.app)


@case("down and up under traffic")
def down_up():
    net.load(base(RULE))
    with Deaf(), Flood(net.peer_name("u0"), traffic()):
        for _ in rounds(30, 5):
            ip_batch("link set u0 down\nlink set u0 up\n", net.app)
        for _ in rounds(10, 2):
            dev = net.peer_name("u0")
            ip_batch(f"link set {dev} down\nlink set {dev} up\n")
    works()
    net.check_sums()


@case("rename under traffic: the port follows", stock=True)
def rename():
    net.load(base(RULE))
    with Deaf(), Flood(net.peer_name("u0"), traffic()):
        old = "u0"
        for n in rounds(20, 4):
            new = f"u0r{n}"
            # Older kernels rename only what is down.
            ip_batch(f"link set {old} down\nlink set {old} name {new}\n"
                     f"link set {new} up\n", net.app)
            check(new in str(net.json("port", "show")) and
                  f"PORT:{new}" in str(net.save()),
                  f"{new}: {net.json('port', 'show')}")
            equal([p["port"] for p in net.stats()["ports"]], [new], "stats")
            old = new
        ip_batch(f"link set {old} down\nlink set {old} name u0\n"
                 "link set u0 up\n", net.app)
    works()
    check("u0" in str(net.json("port", "show")), "the name it had")
    # Names that others have now are not confused with it.
    ip_batch("link add u0r0 type dummy\nlink set u0r0 up\n", net.app)
    try:
        net.dashctl("port", "add", "u0r0", "underlay")
        net.dashctl("port", "del", "u0r0")
    finally:
        run("ip", "-n", net.app, "link", "del", "u0r0")
    works()


@case("a port moves to another namespace and back under traffic")
def move():
    space = Space("other")
    net.load(base(RULE))
    try:
        with Deaf(), Flood(net.peer_name("u0"), traffic()):
            for _ in rounds(10):
                ip_batch(f"link set u0 netns {space.name}\n", net.app)
                equal(net.json("port", "show"), [], "ports")
                # There it is a device like any other, and can be a port.
                space.ip("link set u0 up\n")
                run("dashctl", "-n", space.name, "port", "add", "u0",
                    "underlay")
                space.ip(f"link set u0 netns {net.app}\n")
                out = run("dashctl", "-n", space.name, "-j", "port",
                          "show").stdout
                equal(out.strip(), "[]", "ports there")
                port_up()
                net.dashctl("port", "add", "u0", "underlay")
    finally:
        space.close()
    works()
    net.check_sums()


@case("a namespace ends with a port that came from another")
def move_and_end():
    net.load(base())
    for _ in rounds(5, 1):
        space = Space("ends")
        ip_batch(f"link add mv0 type veth peer name mv1 netns {space.name}\n"
                 "link set mv0 up\n")
        space.ip("link set mv1 up\n")
        run("dashctl", "-n", space.name, "port", "add", "mv1", "underlay")
        with Flood("mv0", traffic(5)):
            space.close()
    works()


def second(name="u1", num=1):
    """Another port of the datapath, whose device comes and goes."""
    port_mac, peer_mac = net.macs(num)
    peer = net.peer_name(name)
    ip_batch(f"link add {peer} address {peer_mac} type veth "
             f"peer name {name} address {port_mac} netns {net.app}\n"
             f"link set {peer} up\n")
    ip_batch(f"link set {name} up\naddr add 100.0.0.254/24 dev {name}\n"
             f"addr add fd00:100::fe/64 dev {name}\n"
             + "".join(
                 f"neigh replace {pa(n, v6)} lladdr {peer_mac} dev {name}\n"
                 for n in (1, 2, 3, 4) for v6 in (False, True)),
             net.app)
    return peer


@case("a port is deleted under traffic")
def delete_port():
    net.load(base(RULE))
    for n in rounds(15):
        peer = second()
        net.dashctl("port", "add", "u1", "underlay")
        frames = [mac_bytes(net.macs(1)[0]) + f[6:] for f in traffic(10)]
        with Flood(peer, frames):
            eventually(lambda: net.port_stats("u1")["ours"], "packets")
            # By either end of the pair.
            if n % 2:
                run("ip", "link", "del", peer)
            else:
                run("ip", "-n", net.app, "link", "del", "u1")
        check("u1" not in str(net.json("port", "show")),
              "the port outlives its device")
    net.send()
    works()
    net.check_sums()


def sent_by(dev):
    out = run("ip", "-n", net.app, "-s", "-j", "link", "show", dev).stdout
    return json.loads(out)[0]["stats64"]["tx"]["packets"]


@case("the egress device is deleted under live connections", stock=True)
def delete_egress():
    """What comes in by u0 leaves by u1, by the FIB."""
    try:
        for v6 in (False, True):
            net.load(base(RULE, app={"underlay_mode": "fib"},
                          eni={"underlay_ip": pa(1, v6)}) +
                     [mapping("v1", ca(n), pa(n, v6), mac(n))
                      for n in (2, 3, 4)])
            with Deaf(), Flood(net.peer_name("u0"), traffic(40)):
                for n in rounds(12):
                    second()
                    eventually(lambda: sent_by("u1") > 10,
                               "packets leave by u1")
                    if n % 3 == 2:
                        run("ip", "link", "del", net.peer_name("u1"))
                    else:
                        run("ip", "-n", net.app, "link", "del", "u1")
            check(net.flows(), "no connection")
    finally:
        run("ip", "-n", net.app, "link", "del", "u1", ok=False)
    net.load(base(RULE))
    works()
    net.check_sums()


@case("routes and neighbours change under live connections")
def routes_change():
    net.load(base(RULE, app={"underlay_mode": "fib"}))
    try:
        second()
        second("u2", 2)
        with Deaf(), Flood(net.peer_name("u0"), traffic(40)):
            for n in rounds(20, 4):
                dev = "u1" if n % 2 else "u2"
                ip_batch(f"route replace 100.0.0.2/32 dev {dev}\n"
                         f"route replace 100.0.0.1/32 dev {dev}\n"
                         f"neigh replace 100.0.0.3 lladdr {PEER_MAC} dev u1\n"
                         f"neigh del 100.0.0.3 dev u1\n", net.app)
            ip_batch("route del 100.0.0.2/32\nroute del 100.0.0.1/32\n",
                     net.app)
    finally:
        for dev in ("u1", "u2"):
            run("ip", "-n", net.app, "link", "del", dev, ok=False)
    net.load(base(RULE))
    works()
    net.check_sums()


# -- the module ---------------------------------------------------------------

def insmod():
    ko = os.environ.get("DASH_KO")
    p = subprocess.run(["insmod", ko] if ko else ["modprobe", "dash"],
                       capture_output=True, text=True, check=False)
    equal(p.returncode, 0, f"insmod: {p.stderr}")
    forget()


@case("the module is unloaded under traffic and loaded again", stock=True)
def reload():
    """Configured, with ports in two namespaces, connections and packets."""
    other = Net(attach=False)
    try:
        net.load(base(RULE))
        rows = net.save()
        with Deaf(), Flood(net.peer_name("u0"), traffic()):
            for _ in rounds(12):
                other.dashctl("port", "add", "u0", "underlay")
                eventually(net.flows, "connections")
                run("rmmod", "dash")
                check(not os.path.isdir("/sys/module/dash"), "still there")
                # Without it there is none of it, and the host is as it was.
                p = net.dashctl("eni", "show", ok=False)
                check(p.returncode, "dashctl works without the module")
                insmod()
                equal(net.save(), [], "configuration of the new one")
                net.load(rows, "--ignore-unknown")
    finally:
        other.close()
    works()
    net.check_sums()


@case("the module is unloaded while it is being configured")
def reload_busy():
    net.load(base(RULE))
    rows = net.save()
    batch = "\n".join(["vnet add vx vni 9", "vnet show", "flow show",
                       "vnet del vx", "stats"] * 400)
    path = f"/tmp/netns-batch-{os.getpid()}"
    with open(path, "w", encoding="ascii") as f:
        f.write(batch)
    try:
        for _ in rounds(5, 1):
            with subprocess.Popen(["dashctl", "-n", net.app, "-b", path],
                                  stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as p:
                time.sleep(0.2 * SLOW)
                # Within a request it is in use.
                eventually(lambda: not run("rmmod", "dash",
                                           ok=False).returncode, "rmmod")
                p.wait()
            insmod()
            equal(net.save(), [], "configuration of the new one")
            net.load(rows, "--ignore-unknown")
    finally:
        os.unlink(path)
    works()


main(net)
