#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""How long connections pause while the module is replaced:

    tests/vm/run.sh uml --mem 3072 -- tests/bench/restore.py [COUNT...]

Connections come from a file made here. Then what an upgrade does is done, and
each step timed: save, rmmod, insmod, load of the configuration, load --flows.
A packet of the first and the last connection in the file shows when each is
forwarded again."""

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../selftests"))

# pylint: disable=wrong-import-position
from dashtest import Net, base, ca, mac, mapping, pa, row, run   # noqa: E402
from frames import from_vm, inner, tcp                          # noqa: E402
from genl import N                                              # noqa: E402

if not os.path.isdir("/sys/module/dash"):
    run("insmod", os.environ["DASH_KO"])
net = Net()


def attr(kind, data):
    return (struct.pack("=HH", 4 + len(data), kind) + data +
            bytes(-len(data) % 4))


def nest(kind, *attrs):
    return attr(kind | 0x8000, b"".join(attrs))


def a(name):
    return N[f"DASH_A_{name}"]


def u32(value):
    return struct.pack("=I", value)


def address(n):
    """The responder of connection n: one of 50000 ports of an address."""
    return socket.inet_aton(f"10.1.{n // 50000}.1")


def make_file(path, count):
    """A file of established TCP connections; template and holes."""
    end = [nest(a(f"TCP_STATE_{who}"), attr(a("TCP_END_NEXT"), u32(1000)),
                attr(a("TCP_END_ACK"), u32(1000)),
                attr(a("TCP_END_WIN"), u32(65535)),
                attr(a("TCP_END_WSCALE"), b"\7"))
           for who in ("INITIATOR", "RESPONDER")]
    ctr = [nest(a(f"FLOW_{way}"),
                attr(a("XFORM_PACKETS"), struct.pack("=Q", 10)),
                attr(a("XFORM_BYTES"), struct.pack("=Q", 1000)))
           for way in ("FORWARD", "REVERSE")]
    rec = b"".join((
        attr(a("FLOW_SPORT"), struct.pack("=H", 0)),
        attr(a("FLOW_DST"), bytes(4)),
        attr(a("FLOW_ENI"), b"eni1\0"), attr(a("FLOW_DIRECTION"), b"\0"),
        attr(a("FLOW_SRC"), socket.inet_aton(ca(1))),
        attr(a("FLOW_PROTO"), b"\6"),
        attr(a("FLOW_DPORT"), struct.pack("=H", 80)),
        attr(a("FLOW_STATE"), b"\2"), attr(a("FLOW_AGE"), u32(9)),
        attr(a("FLOW_IDLE"), u32(0)), *ctr,
        attr(a("FLOW_PA"), socket.inet_aton(pa(1))),
        attr(a("FLOW_VIP"), socket.inet_aton("100.0.0.254")),
        attr(a("FLOW_VNI"), u32(9000)), attr(a("FLOW_ANSWERED"), b"\1"),
        nest(a("FLOW_TCP"), *end)))
    with open(path, "wb") as f:
        f.write(struct.pack("=8sII", b"DASHFLOW", 1, 0x01020304))
        head = struct.pack("=HH", 4 + len(rec), 1)
        for first in range(0, count, 50000):
            n = min(50000, count - first)
            tail = rec[8:12] + address(first) + rec[16:]
            f.write(b"".join(head + rec[:4] + struct.pack("=HH", 1024 + i, 0)
                             + tail for i in range(n)))
        f.write(struct.pack("=HHQ", 12, 2, count))


def config(count):
    rows = base(app={"max_flows": 4 << 20, "timeout_established": 3600})
    rows.append(row("ROUTE", "rg", "10.1.0.0/16", routing_type="vnet",
                    vnet="v1"))
    for first in range(0, count, 50000):
        rows.append(mapping("v1", socket.inet_ntoa(address(first)), pa(2),
                            mac(2)))
    return rows


class Clock:
    def __init__(self):
        self.last = self.start = time.monotonic()

    def lap(self):
        now = time.monotonic()
        took, self.last = now - self.last, now
        return took * 1000


def probe(n):
    f = inner(ca(1), socket.inet_ntoa(address(n)),
              tcp(1024 + n % 50000, 80, "A", 1000, 1000, b"x"), mac(1))
    return from_vm(f)


def dashctl(*args):
    before = os.times()
    subprocess.run(["dashctl", "-n", net.app, *args], check=True,
                   stdout=subprocess.DEVNULL)
    after = os.times()
    if os.environ.get("DASH_TIMES"):
        print(f"# {' '.join(args)}: user "
              f"{after.children_user - before.children_user:.2f} s, system "
              f"{after.children_system - before.children_system:.2f} s",
              flush=True)


def measure(count, folder):
    made, saved = f"{folder}/made", f"{folder}/saved"
    make_file(made, count)
    net.load(config(count))
    rows = net.save()
    conf = f"{folder}/config.json"
    with open(conf, "w", encoding="ascii") as f:
        json.dump(rows, f)
    c = Clock()
    dashctl("load", "--flows", made)
    first = c.lap()
    p = net.json("flow", "count")["count"]
    assert p == count, p
    c.lap()
    dashctl("flow", "count", "proto", "udp")
    t_count = c.lap()
    dashctl("flow", "show", "top", "10", "by", "bytes")
    t_top = c.lap()
    dashctl("flow", "get", "src", ca(1), "dst", "10.1.0.1", "proto", "tcp",
            "sport", "1024", "dport", "80")
    t_get = c.lap()
    c.lap()
    dashctl("save", "--flows", "-o", saved)
    t_save = c.lap()
    if net.genl:
        net.genl.sock.close()
        net.genl = None
    run("rmmod", "dash")
    t_rmmod = c.lap()
    run("insmod", os.environ["DASH_KO"])
    t_insmod = c.lap()
    dashctl("load", conf)
    t_conf = c.lap()
    with subprocess.Popen(["dashctl", "-n", net.app, "load", "--flows",
                           saved], stdout=subprocess.PIPE) as load:
        packet, began = probe(0), time.monotonic()
        while not net.send(packet):     # also every one of the last packets
            pass
        t_first = (time.monotonic() - began) * 1000
        out = load.communicate()[0].decode().strip()
    t_load = c.lap()
    assert len(net.send(probe(count - 1))) == 1, "the last one"
    size = os.path.getsize(saved)
    print(f"{count} connections, {size >> 20} MB: first load {first:.0f} ms, "
          f"count {t_count:.0f} ms, top 10 {t_top:.0f} ms, get {t_get:.0f} ms,"
          f" save {t_save:.0f} ms | rmmod {t_rmmod:.0f} ms, "
          f"insmod {t_insmod:.0f} ms, configuration {t_conf:.0f} ms, "
          f"load {t_load:.0f} ms (one of them after {t_first:.0f} ms); "
          f"pause {t_rmmod + t_insmod + t_conf:.0f} to "
          f"{t_rmmod + t_insmod + t_conf + t_load:.0f} ms; {out}", flush=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        for count in map(int, sys.argv[1:] or ["100000", "1000000"]):
            measure(count, folder)
            net.dashctl("flow", "flush")
    net.close()


main()
