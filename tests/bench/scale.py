# SPDX-License-Identifier: GPL-2.0
"""Size: loading and deleting, memory per object, ageing, the "baby hero"."""

import os
import subprocess
import time

from benchlib import (FULL, QUICK, TABLE, Failure, Samples, chase, interleaved,
                      kernel, memory, note)
from new import NewDash
from peers import PA, Dash
from policy import Policy, quad


def dashctl(dash, *args):
    """Return: seconds, largest memory of the tool in MB."""
    start = time.monotonic()
    with subprocess.Popen(["dashctl", "-n", dash.name, *args],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as p:
        out = p.stdout.read()
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = status
    if status:
        raise Failure(f"dashctl {' '.join(args)}: {out}")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def settle():
    """What is freed after a grace period or by a worker is freed then."""
    last = memory()
    for _ in range(40):
        time.sleep(0.25)
        now = memory()
        if abs(now - last) < 1 << 16:
            break
        last = now
    return now


def load(name, dash, rows, n, what):
    """Load rows; their time, memory, and that of the tool; and no stall."""
    path = f"/tmp/{name}.json"
    with open(path, "w", encoding="ascii") as f:
        f.write("[\n")
        f.write(",\n".join(rows))
        f.write("\n]\n")
    before = settle()
    kernel("stall", on=1)
    seconds, tool = dashctl(dash, "load", path)
    stall = kernel("stall", on=0)["max_ns"] / 1e6
    per = (settle() - before) / n
    os.unlink(path)
    TABLE.add("scale", f"load {n:,} {what}", n / seconds, "objects/s",
              goal="P9: >= 500k/s", met=n / seconds >= 5e5)
    TABLE.add("scale", f"load {n:,} {what}: dashctl", tool, "MB")
    TABLE.add("scale", f"load {n:,} {what}: longest stall", stall, "ms",
              goal="P9: <= 10 ms", met=stall <= 10)
    return per


def mappings():
    n = 8 << 20 if FULL else 20000 if QUICK else 1 << 20
    note(f"scale: {n:,} mappings")
    dash = Dash("dash")
    per = load("mappings", dash, (
        f'{{"DASH_VNET_MAPPING_TABLE:V:{quad(0x0a000000 + i)}": '
        f'{{"routing_type": "vnet_encap", "underlay_ip": "{PA}", '
        f'"mac_address": "02:00:{i >> 24:02x}:{i >> 16 & 255:02x}:'
        f'{i >> 8 & 255:02x}:{i & 255:02x}"}}}}' for i in range(n)),
        n, "mappings")
    TABLE.add("scale", "a mapping, all in", per, "B", goal="P8: <= 64 B",
              met=per <= 64)
    note("scale: delete")
    kernel("stall", on=1)
    seconds, _ = dashctl(dash, "flush")
    stall = kernel("stall", on=0)["max_ns"] / 1e6
    TABLE.add("scale", f"delete {n:,} mappings", seconds * 1000, "ms")
    TABLE.add("scale", f"delete {n:,} mappings: longest stall", stall, "ms",
              goal="P9: <= 10 ms", met=stall <= 10)
    dash.close()


def routes():
    n = 20000 if QUICK else 100000
    note(f"scale: {n:,} routes")
    dash = Dash("dash")
    per = load("routes", dash, (
        f'{{"DASH_ROUTE_TABLE:R:{quad(0x0b000000 + (i << 4))}/28": '
        f'{{"routing_type": "vnet", "vnet": "V"}}}}' for i in range(n)),
        n, "routes")
    TABLE.add("scale", "a route, all in", per, "B")
    dash.close()


def connections():
    """Bytes of a connection, time to remove them, ageing."""
    n = 4 << 20 if FULL else 1 << 16 if QUICK else 1 << 20
    note(f"scale: {n:,} connections")
    dash = Dash("dash")
    dash.dashctl("appliance", "set", "max_flows", str(n + (n >> 2)))
    idle = cpu_share(2)
    before = settle()
    dash.run(n, packets=n, order="seq")
    per = (settle() - before) / n
    TABLE.add("scale", f"a connection of {n:,}", per, "B",
              goal="P8: <= 272 B", met=per <= 272)
    time.sleep(2)
    share = cpu_share(5) - idle
    at32m = share * (32 << 20) / n * 100
    TABLE.add("scale", f"ageing of {n:,} idle connections", share * 100,
              "% of a core", ratio=at32m, to="at 32M",
              goal="P10: <= 10 % at 32M", met=at32m <= 10)
    kernel("stall", on=1)
    seconds, _ = dashctl(dash, "flow", "flush")
    stall = kernel("stall", on=0)["max_ns"] / 1e6
    TABLE.add("scale", f"remove {n:,} connections", seconds * 1000, "ms")
    TABLE.add("scale", f"remove {n:,} connections: longest stall", stall, "ms")

    # all at once: how late are the last?
    dash.dashctl("appliance", "set", "timeout_udp_new", "4")
    start = time.monotonic()
    dash.run(n, packets=n, order="seq")
    end = time.monotonic()
    while int(dash.dashctl("flow", "count").stdout.split()[0]):
        if time.monotonic() > end + 30:
            raise Failure("scale: connections do not age")
        time.sleep(0.05)
    late = time.monotonic() - end - 4
    TABLE.add("scale", f"{n:,} connections made in {end - start:.1f} s: "
              "the last is late by", late, "s", goal="P10: <= 1 s",
              met=late <= 1)
    dash.close()


def cpu_share(seconds):
    a, start = kernel("cpu")["ns"], time.monotonic()
    time.sleep(seconds)
    return (kernel("cpu")["ns"] - a) / 1e9 / (time.monotonic() - start)


def hero():
    """DASH's test of scale, in small."""
    policy = Policy("hero", **({"enis": 2} if QUICK else {}))
    objects = policy.objects()
    note(f"scale: baby hero: {objects}")
    before = settle()
    dash = NewDash("dash", policy)
    n = sum(objects.values())
    TABLE.add("scale", f"baby hero: load {n:,} objects", dash.load_s, "s",
              **objects)
    TABLE.add("scale", "baby hero: memory", (settle() - before) / 1e6, "MB")
    count = 1 << 16
    miss = chase()[0]
    got = Samples()
    for _ in range(3):
        got.add(1e9 / dash.new(count))
    TABLE.add("scale", "baby hero: new connections", got, "new/s",
              calibration=miss)
    dash.run(1, packets=count, order="new", first=0)
    got = interleaved({"hit": lambda: dash.ns(count, 300000)})
    TABLE.add("scale", "baby hero: 64k flows", got["hit"], "ns/packet",
              calibration=miss)
    seconds, _ = dashctl(dash, "flush")
    TABLE.add("scale", "baby hero: delete", seconds, "s")
    dash.close()


PARTS = {"mappings": mappings, "routes": routes, "connections": connections,
         "hero": hero}


def main(sizes=None):
    for name in sizes or PARTS:
        PARTS[name]()
