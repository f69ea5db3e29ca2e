#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""How long connections pause while the module is replaced:

    tests/vm/run.sh uml --mem 3072 -- tests/bench/restore.py [COUNT...]

Connections come from a file made here. Then what an upgrade does is done, and
each step timed: save, rmmod, insmod, load of the configuration, load --flows.
Connections pause from rmmod on until their record is loaded. With DASH_TIMES=1
each step is told when it is done."""

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


def probe(n):
    f = inner(ca(1), socket.inet_ntoa(address(n)),
              tcp(1024 + n % 50000, 80, "A", 1000, 1000, b"x"), mac(1))
    return from_vm(f)


def dashctl(*args):
    subprocess.run(["dashctl", "-n", net.app, *args], check=True,
                   stdout=subprocess.DEVNULL)


class Steps:
    """Times of what is done, {name: ms}; told as they are known, for those who
    measure from outside."""

    def __init__(self):
        self.took = {}

    def do(self, name, func, *args):
        start = time.monotonic()
        func(*args)
        self.took[name] = (time.monotonic() - start) * 1000
        if os.environ.get("DASH_TIMES"):
            print(f"# {name}: {self.took[name]:.0f} ms", flush=True)


def forget():
    if net.genl:
        net.genl.sock.close()
        net.genl = None


def measure(count, folder):
    made, saved = f"{folder}/made", f"{folder}/saved"
    conf = f"{folder}/config.json"
    make_file(made, count)
    net.load(config(count))
    with open(conf, "w", encoding="ascii") as f:
        json.dump(net.save(), f)
    s = Steps()
    s.do("a dashctl", dashctl, "vnet", "show")
    s.do("first load", dashctl, "load", "--flows", made)
    there = net.json("flow", "count")["count"]
    assert there == count, there
    s.do("count", dashctl, "flow", "count", "proto", "udp")
    s.do("top 10", dashctl, "flow", "show", "top", "10", "by", "bytes")
    s.do("get", dashctl, "flow", "get", "src", ca(1), "dst", "10.1.0.1",
         "proto", "tcp", "sport", "1024", "dport", "80")
    s.do("save", dashctl, "save", "--flows", "-o", saved)
    forget()
    s.do("rmmod", run, "rmmod", "dash")
    s.do("insmod", run, "insmod", os.environ["DASH_KO"])
    s.do("configuration", dashctl, "load", conf)
    s.do("load", dashctl, "load", "--flows", saved)
    for n in (0, count // 2, count - 1):
        assert len(net.send(probe(n))) == 1, f"connection {n} is not there"
    print(f"{count} connections, {os.path.getsize(saved) >> 20} MB: " +
          ", ".join(f"{name} {ms:.0f} ms" for name, ms in s.took.items()),
          flush=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        for count in map(int, sys.argv[1:] or ["100000", "1000000"]):
            measure(count, folder)
            net.dashctl("flow", "flush")
    net.close()


main()
