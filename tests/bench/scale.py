# SPDX-License-Identifier: GPL-2.0
"""Size: loading and deleting, memory per object, ageing, the "baby hero"."""

import json
import os
import subprocess
import tempfile
import threading
import time

from benchlib import (FULL, QUICK, TABLE, Failure, Samples, chase, interleaved,
                      kernel, note, settle)
from new import NewDash
from peers import PA, Dash
from policy import Policy, quad


def dashctl(dash, *args):
    """Return: seconds, largest memory of the tool in MB."""
    start, peak = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as out:
        # not wait4(): what that calls the largest is ours, before the exec
        with subprocess.Popen(["dashctl", "-n", dash.name, *args], stdout=out,
                              stderr=subprocess.STDOUT) as p:
            while p.poll() is None:
                peak = max(peak, high_water(p.pid))
                time.sleep(0.02)
            seconds = time.monotonic() - start
        if p.returncode:
            out.seek(0)
            raise Failure(f"dashctl {' '.join(args)}: {out.read()}")
    return seconds, peak / 1024


def high_water(pid):
    """kB of memory that a process had at most."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            text = f.read()
    except OSError:
        return 0
    if not text.startswith("Name:\tdashctl"):
        return 0
    at = text.find("VmHWM:")
    return int(text[at + 6:].split()[0]) if at >= 0 else 0


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
    n = 20000 if QUICK else 400000
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
    idle = cpu_share(6)
    before = settle()
    dash.run(n, packets=n, order="seq")
    per = (settle() - before) / n
    TABLE.add("scale", f"a connection of {n:,}", per, "B",
              goal="P8: <= 272 B", met=per <= 272)
    time.sleep(2)
    share = cpu_share(6) - idle
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
    time.sleep(4.5)
    while True:
        # counting takes a while itself
        late = time.monotonic() - end - 4
        if not int(dash.dashctl("flow", "count").stdout.split()[0]):
            break
        if late > 30:
            raise Failure("scale: connections do not age")
        time.sleep(0.2)
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


def changes():
    """A rule of a bound group is replaced again and again, while every packet
    is a new connection that this group decides; none may be refused."""
    n = 30 if QUICK else 300
    note(f"scale: {n:,} changes of a rule")
    policy = Policy("small")
    dash = NewDash("dash", policy)
    rule = next(r for r in policy.group_rows("G0-OUT-0", 0) if "RULE" in r)
    fields = json.loads(rule)["DASH_ACL_RULE_TABLE:G0-OUT-0:0"]
    line = " ".join(["acl rule replace G0-OUT-0:0"] +
                    [f"{k} {','.join(v) if isinstance(v, list) else v}".lower()
                     for k, v in fields.items()])
    with open("/tmp/changes", "w", encoding="ascii") as f:
        f.write(f"{line}\n" * n)
    seconds, _ = dashctl(dash, "-b", "/tmp/changes")
    ms = seconds * 1000 / n
    TABLE.add("scale", "change of a rule of 1,000, dashctl -b", ms, "ms",
              goal="P6: <= 1 ms", met=ms <= 1)
    got = {}
    sender = threading.Thread(target=lambda: got.update(kernel(
        "run", dev=dash.src, order="new", ms=int(max(300, 1500 * seconds)))))
    sender.start()
    dashctl(dash, "-b", "/tmp/changes")
    sender.join()
    lost = got["sent"] - got["ok"] if got else -1
    TABLE.add("scale", f"refused of {got['sent']:,} new connections meanwhile",
              lost, "packets", goal="P6: 0", met=not lost)
    dash.close()


PARTS = {"routes": routes, "mappings": mappings, "changes": changes,
         "connections": connections, "hero": hero}


def main(sizes=None):
    for name in sizes or PARTS:
        PARTS[name]()
