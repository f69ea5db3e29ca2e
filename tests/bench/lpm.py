# SPDX-License-Identifier: GPL-2.0
"""Longest prefix match alone: dash's, the kernel's routing table, BPF's trie,
with the same prefixes and addresses."""

import ctypes
import os
import random
import socket
import struct

import bulk
from benchlib import (FULL, QUICK, TABLE, Failure, InNetns, Samples, chase,
                      interleaved, kernel, note, ratio, run, settle)

SIZES = {"10k": 10000, "100k": 100000, "1M": 1000000}
WARM, COLD = 512, 200000
NR_BPF = 321  # x86-64
libc = ctypes.CDLL(None, use_errno=True)

# Lengths as in the public routing tables: more than half /24, few short ones.
V4 = [(24, 60), (23, 10), (22, 12), (21, 5), (20, 5), (19, 3), (18, 2),
      (17, 1), (16, 2)]
V6 = [(48, 50), (44, 10), (40, 10), (36, 6), (32, 16), (56, 4), (64, 4)]


def prefixes(n, bits, seed=1):
    """n different (address as a number, length)."""
    rnd = random.Random(seed)
    lengths = rnd.choices([x for x, _ in (V4 if bits == 32 else V6)],
                          [w for _, w in (V4 if bits == 32 else V6)], k=3 * n)
    out = {}
    for plen in lengths:
        if bits == 32:
            # 1.0.0.0 to 223.255.255.255 without what is local
            addr = rnd.randrange(0x01000000, 0x7f000000)
        else:
            addr = 0x2 << 124 | rnd.getrandbits(124)
        out[addr >> (bits - plen) << (bits - plen), plen] = True
        if len(out) == n:
            break
    if len(out) < n:
        raise Failure("too few different prefixes")
    return list(out)


def keys(table, n, bits, seed=2):
    rnd = random.Random(seed)
    out = bytearray()
    for _ in range(n):
        addr, plen = table[rnd.randrange(len(table))]
        out += (addr | rnd.getrandbits(bits - plen)).to_bytes(bits // 8, "big")
    return bytes(out)


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def load_fib(table):
    nl = bulk.Bulk(bulk.NETLINK_ROUTE)
    index = bulk.attr(4, bulk.u32(socket.if_nametoindex("d0")))
    for addr, plen in table:
        nl.put(nl.message(24, struct.pack("=BBBBBBBBI", 2, plen, 0, 0, 254, 4,
                                          253, 1, 0) +
                          bulk.attr(1, addr.to_bytes(4, "big")) + index,
                          bulk.REQUEST | bulk.CREATE))
    nl.flush()


def bpf(cmd, data):
    buf = ctypes.create_string_buffer(bytes(data), max(len(data), 128))
    ret = libc.syscall(NR_BPF, cmd, buf, len(buf))
    if ret < 0:
        raise Failure(f"bpf({cmd}): {os.strerror(ctypes.get_errno())}")
    return ret


def load_bpf(table, bits):
    size = bits // 8
    fd = bpf(0, struct.pack("=IIIII", 11, 4 + size, 4, len(table), 1))
    key = ctypes.create_string_buffer(4 + size)
    value = ctypes.create_string_buffer(4)
    attr = ctypes.create_string_buffer(
        struct.pack("=IIQQQ", fd, 0, ctypes.addressof(key),
                    ctypes.addressof(value), 0), 128)
    for addr, plen in table:
        key.raw = struct.pack("=I", plen) + addr.to_bytes(size, "big")
        if libc.syscall(NR_BPF, 2, attr, 128) < 0:
            raise Failure(f"bpf: {os.strerror(ctypes.get_errno())}")
    return fd


def one(size, bits):
    run("ip", "netns", "add", "lpm")
    run("ip", "-n", "lpm", "link", "add", "d0", "up", "type", "dummy")
    n = SIZES[size]
    table = prefixes(n, bits)
    name = f"IPv{4 if bits == 32 else 6}, {size}"
    note(f"lpm: {name}")
    write("/tmp/prefixes", b"".join(
        addr.to_bytes(bits // 8, "big") + bytes(16 - bits // 8) +
        struct.pack("=I", plen) for addr, plen in table))
    write("/tmp/warm", keys(table, WARM, bits))
    write("/tmp/cold", keys(table, COLD, bits))
    got = kernel("prefix_load", file="/tmp/prefixes", bits=bits)
    if got["count"] != n:
        raise Failure(f"lpm: {got}")
    load_ms = got["load_ns"] / 1e6
    limit = 35 if bits == 32 else 60
    at100k = size == "100k"
    TABLE.add("lpm", f"dash, {name}: bytes", got["bytes"] / n, "B/route",
              goal=f"P7: <= {limit} B" if at100k else None,
              met=got["bytes"] / n <= limit if at100k else None)
    TABLE.add("lpm", f"dash, {name}: load", load_ms, "ms",
              goal="P7: <= 100 ms" if at100k else None,
              met=load_ms <= 100 if at100k else None)
    update = kernel("prefix_update", n=1000)["update_ps"] / 1e6
    TABLE.add("lpm", f"dash, {name}: one update", update, "us",
              goal="P7: <= 5 us", met=update <= 5)

    what = {"lpm": {}}
    before = settle()
    if bits == 32:
        with InNetns("lpm"):
            load_fib(table)
        what["fib"] = {}
        TABLE.add("lpm", f"fib, {name}: bytes", (settle() - before) / n,
                  "B/route")
    before = settle()
    what["bpf"] = {"fd": load_bpf(table, bits)}
    TABLE.add("lpm", f"BPF LPM trie, {name}: bytes", (settle() - before) / n,
              "B/route")

    def lookup(w, which, loops):
        with InNetns("lpm"):
            r = kernel("prefix_run", what=w, keys=f"/tmp/{which}", bits=bits,
                       loops=loops, **what[w])
        if r["found"] != r["done"]:
            raise Failure(f"lpm: {w}: {r}")
        return r["ps"] / 1000

    for which, loops in (("warm", 200), ("cold", 1)):
        miss = chase()[0]
        for w in what:
            lookup(w, which, 1)
        got = interleaved({w: (lambda w=w: lookup(w, which, loops))
                           for w in what})
        for w, title in (("lpm", "dash"), ("fib", "fib_lookup"),
                         ("bpf", "BPF LPM trie")):
            if w not in got:
                continue
            r = met = goal = None
            if w != "lpm":
                r = ratio(got[w], got["lpm"])
            if w == "fib" and which == "warm":
                goal, met = "P7: >= 3 x slower than dash", r >= 3
            TABLE.add("lpm", f"{title}, {name}, {which}", got[w], "ns",
                      ratio=r, to="dash" if r else None, goal=goal, met=met,
                      calibration=miss)
        if which == "cold":
            lines = Samples(x / miss for x in got["lpm"].values)
            limit = 4 if bits == 32 else 6
            TABLE.add("lpm", f"dash, {name}: cold, in misses", lines,
                      "miss times", calibration=miss,
                      goal=f"P7: <= {limit} lines" if at100k else None,
                      met=lines.median <= limit if at100k else None)
    os.close(what["bpf"]["fd"])
    run("ip", "netns", "del", "lpm")


def main(sizes=None):
    default = ["10k"] if QUICK else ["100k", "1M"] if FULL else ["100k"]
    for size in sizes or default:
        for bits in (32, 128):
            one(size, bits)
