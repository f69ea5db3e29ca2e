#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Many packets at once: order, sums, and what changes meanwhile: the batches
of dash/batch.c, and connections that end while others are at work on them."""

import struct
import time

from dashtest import (VNI, Net, base, bind, case, check, describe, equal,
                      eventually, group, mac, main, pa, route_rule, row, run)
from frames import (from_peer, from_vm, inner, peer_frame, tcp, to_peer, udp,
                    vm_frame)

net = Net(quick=True)

RULE = route_rule("eni1", VNI, "100.0.0.0/24", 1, vnet="v1")
CONNS = 12
EACH = 20


def numbered(conn, n):
    return vm_frame(2, udp(20000 + conn, 53, struct.pack("!HH", conn, n)))


def burst(frames):
    """Send frames such that they reach the port in one go: netem holds them
    back, and lets them go in one run of the queue."""
    dev = net.peer_name("u0")
    run("tc", "qdisc", "add", "dev", dev, "root", "netem", "delay", "200ms",
        "limit", "5000")
    try:
        return net.send(*frames)
    finally:
        run("tc", "qdisc", "del", "dev", dev, "root")


@case("bursts: all come out, in order")
def order():
    net.load(base(RULE))
    net.flush()
    before = net.eni_stats()["outbound"]
    # The first of a connection and those that follow, of all connections by
    # turns, and between them what is not ours.
    sent, ours = [], []
    for n in range(EACH):
        for conn in range(CONNS):
            frame = numbered(conn, n)
            ours.append(to_peer(2, frame))
            sent.append(from_vm(frame))
            if (n + conn) % 5 == 0:
                sent.append(from_vm(frame, dst="100.0.0.99"))
    out = burst(sent)
    seen = {}
    for frame in out:
        conn, n = struct.unpack("!HH", frame[-4:])
        seen.setdefault(conn, []).append(n)
    equal(len(out), len(ours), "frames")
    for conn in range(CONNS):
        equal(seen[conn], list(range(EACH)), f"order in connection {conn}")
    after = net.eni_stats()["outbound"]
    equal(after["tx_packets"] - before["tx_packets"], len(ours), "tx")
    equal(after["rx_packets"] - before["rx_packets"], len(ours), "rx")
    equal(len(net.flows("dport", "53")), CONNS, "connections")
    for flow in net.flows("dport", "53"):
        equal(flow["forward"]["packets"], EACH, "packets of a connection")


@case("bursts: drops and both directions, sums hold")
def mixed():
    net.load(base(RULE))
    net.flush()
    sent = []
    for n in range(60):
        frame = vm_frame(2, udp(21000 + n, 53))
        sent.append(from_vm(frame))
        # of no ENI, no mapping, and cut short
        sent.append(from_vm(vm_frame(2, udp(22000 + n, 53)), vni=77))
        sent.append(from_vm(frame)[:-9])
        sent.append(from_peer(2, peer_frame(2, udp(53, 21000 + n))))
    out = burst(sent)
    equal(len(out), 120, "frames")
    net.check_sums()


def verdicts(before):
    """What was counted since: reasons of drops, denials by stage."""
    after = net.eni_stats()
    out = {}
    for way in ("outbound", "inbound"):
        for kind in ("drops", "acl_drops"):
            was = before[way].get(kind, {})
            for key, n in after[way].get(kind, {}).items():
                if n != was.get(key, 0):
                    out[way, kind, key] = n - was.get(key, 0)
    return out


@case("bursts: first packets get the verdicts that they get alone")
def first():
    """Of every kind of them, those of two families, twice each: the second
    packet of a connection has to find what the first of them made."""
    rules = [(1, "deny", True, {"dst_port": ["2000-2999"]}),
             (2, "deny", True, {"dst_tag": ["t4"]}),
             (3, "allow", False, {})]
    second = [(1, "deny", True, {"dst_port": ["3000-3999"]}),
              (2, "allow", False, {})]
    net.load(base(
        RULE, row("PREFIX_TAG", "t4", ip_version="ipv4",
                  prefix_list=["10.0.0.4/32", "10.0.0.128/25"]),
        row("ROUTE", "rg", "10.0.0.64/26", routing_type="drop"),
        row("ROUTE", "rg", "10.0.0.8/29", routing_type="vnet_encap",
            underlay_ip=pa(3), vni=VNI),
        row("ROUTE", "rg", "10.9.0.0/16", routing_type="vnet_direct",
            vnet="v1", overlay_ip="10.0.0.3"),
        group("g1", *rules), group("g2", *second),
        bind("eni1", "out", 1, "g1"), bind("eni1", "out", 3, "g2")))
    frames = []
    for i in range(6):
        for n in (2, 3, 4, 9, 20, 70, 130):
            for dport in (53, 2000, 3000):
                frames.append(from_vm(vm_frame(n, udp(24000 + i, dport))))
        frames += [
            from_vm(inner("10.0.0.1", "10.9.1.2", udp(24000 + i, 53), mac(1))),
            from_vm(inner("10.0.0.1", "10.8.1.2", udp(24000 + i, 53), mac(1))),
            from_vm(vm_frame(2, tcp(24000 + i, 80))),
            from_vm(vm_frame(2, tcp(25000 + i, 80, "A"))),
            from_vm(vm_frame(2, tcp(26000 + i, 80, "SF"))),
            from_vm(vm_frame(3, udp(24000 + i, 53), v6=True)),
            from_vm(vm_frame(7, udp(24000 + i, 53), v6=True)),
            from_peer(2, peer_frame(2, udp(27000 + i, 53))),
            from_peer(2, peer_frame(2, udp(27000 + i, 53)), vni=77)]

    net.flush()
    before, alone = net.eni_stats(), []
    for frame in frames:
        alone += net.send(frame)
        alone += net.send(frame)
    want, flows = verdicts(before), len(net.flows())
    check(len(alone) > 60 and len(want) > 5, f"{len(alone)}, {want}")

    net.flush()
    before = net.eni_stats()
    together = burst([f for frame in frames for f in (frame, frame)])
    equal(verdicts(before), want, "verdicts")
    equal(len(net.flows()), flows, "connections")
    equal(sorted(map(describe, together)), sorted(map(describe, alone)),
          "frames")
    net.check_sums()


def memory():
    """(number, bytes) of connections."""
    row, = (m for m in net.json("stats", "memory")["memory"]
            if m["kind"] == "flow")
    return row["objects"], row["bytes"]


@case("what is decided alike is stored once")
def shared():
    net.load(base(RULE))
    net.flush()
    n, table = memory()
    equal(n, 0, "connections")
    net.send(from_vm(vm_frame(2, udp(23000, 53))))
    n, one = memory()
    equal(n, 1, "connections")
    net.send(*(from_vm(vm_frame(2, udp(23000 + i, 53))) for i in range(1, 64)))
    n, many = memory()
    equal(n, 64, "connections")
    check(many - table < 64 * (one - table),
          f"64 take {many - table} bytes, one takes {one - table}")


@case("ENIs that go while their connections time out")
def eni_goes():
    """Deleted when the first of them are about to go, and a bit later each
    time."""
    short = {"timeout_udp_new": 1}
    frames = [from_vm(vm_frame(2, udp(port, 53)))
              for port in range(1000, 1200)]
    for i in range(4):
        net.load(base(RULE, eni=short))
        burst(frames)
        time.sleep(0.7 + i / 5)
        net.load([row("VNET", "v1", vni=VNI)])
    net.load(base(RULE, eni=short))
    equal(net.flows(), [], "connections")
    burst(frames)
    eventually(lambda: not net.flows(), "connections are gone", 30)
    net.check_sums()


main(net)
