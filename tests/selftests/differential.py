#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Random configurations and traffic, the module against the reference model
(model.py): what comes out, byte by byte, what is counted for which reason, and
the connections there are in the end.

    DASH_SEQUENCES=N    how many sequences of 20 to 50 packets
    DASH_SEED=TEXT      what to make them of; a failure says which it was
    DASH_SEQUENCE=N     only that one
    DASH_FAILURES=N     go on until that many have failed

A failure is played again packet by packet, without the packets that it does
not need, and printed."""

import collections
import json
import os
import pty
import random
import subprocess
import tempfile
import time
import tty

import scenario
from dashtest import (MARKERS, SLOW, Failure, Net, case, check, describe, diag,
                      main)
from genl import N, NLM_F_ACK, NLM_F_DUMP, number
from model import Model
from modelframe import ICMP, ICMP6, TCP, UDP

# The same for everybody, so that a change is to blame for what a change breaks;
# "make differential" takes new ones.
SEED = os.environ.get("DASH_SEED") or "20261124"
COUNT = int(os.environ.get("DASH_SEQUENCES") or
            {1: 2000, 4: 60}.get(SLOW, 40))
ONLY = os.environ.get("DASH_SEQUENCE")
# Sequences that share one configuration.
SHARE = 10
verdicts = collections.Counter()
# What fragments are remembered; a sequence that takes longer proves nothing.
FRAGMENT_LIFE = 2

net = Net()


class Control:
    """One dashctl that does it all: to start one takes longer than a
    sequence."""

    def __init__(self):
        self.proc = None
        # What it reads must be there in whole.
        self.dir = tempfile.mkdtemp(dir="/tmp")

    def start(self):
        ours, theirs = pty.openpty()
        tty.setraw(theirs)
        self.proc = subprocess.Popen(
            [os.environ.get("DASHCTL", "dashctl"), "-n", net.app, "-b", "-"],
            stdin=subprocess.PIPE, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.out = open(ours, "rb", buffering=0)

    def load(self, rows, *opts):
        if not self.proc or self.proc.poll() is not None:
            self.start()
        path = f"{self.dir}/rows.json"
        with open(path, "w", encoding="ascii") as f:
            json.dump(rows, f)
        self.proc.stdin.write(f"load {path} {' '.join(opts)}\n"
                              "flow count\n".encode())
        self.proc.stdin.flush()
        got = b""
        while not got.endswith(b"\n") or not got.strip().split(
                b"\n")[-1].split()[-1].isdigit():
            try:
                data = self.out.read(4096)
            except OSError:
                data = b""
            if not data:
                raise Failure(f"dashctl load: {got.decode()}\n"
                              f"{json.dumps(rows)}")
            got += data


control = Control()
PORT = [{"PORT:u0": {"role": "underlay"}, "OP": "SET"}]


def kernel_flows():
    """{what identifies a connection: what else is to be the same}"""
    out = {}
    states = {v: k[len("DASH_FLOW_STATE_"):].lower() for k, v in N.items()
              if k.startswith("DASH_FLOW_STATE_")}
    for reply in net.nl.talk(N["DASH_CMD_FLOW_GET"],
                             flags=NLM_F_DUMP | NLM_F_ACK):
        d = dict(reply)

        def get(name, d=d):
            return d.get(N[f"DASH_A_FLOW_{name}"], b"")
        proto = number(get("PROTO"))
        key = (get("ENI").rstrip(b"\0").decode(),
               ("outbound", "inbound")[number(get("DIRECTION"))],
               get("SRC"), get("DST"), proto,
               int.from_bytes(get("SPORT"), "little"),
               int.from_bytes(get("DPORT"), "little"))
        state = states[number(get("STATE"))]
        out[key] = (state if proto in (TCP, UDP) else None, get("PA"),
                    number(get("VNI")))
    return out


def model_flows(model):
    out = {}
    for c in model.connections():
        src, dst, proto, a, b = c.keys[0]
        sport, dport = (a, b) if proto not in (ICMP, ICMP6) else (b, 0)
        out[c.eni, c.direction, src, dst, proto, sport, dport] = (
            c.state if proto in (TCP, UDP) else None, c.pa, c.vni)
    return out


def counted(stats):
    """{(where, direction, reason): packets}; "tx" and "passed", too."""
    out = collections.Counter()
    for port in stats["ports"]:
        for reason, n in port["drops"].items():
            out["port", None, reason] += n
        out["port", None, "passed"] += port["passed"]
    for eni in stats["enis"]:
        for d in ("outbound", "inbound"):
            for reason, n in eni[d]["drops"].items():
                out[eni["eni"], d, reason] += n
            out[eni["eni"], d, "tx"] += eni[d]["tx_packets"]
    return out


def same(got, want, hashed):
    """Byte equality, but for what is a hash by a secret key."""
    return mask(got, hashed) == mask(want, hashed)


def mask(frame, hashed):
    off = 12
    while frame[off:off + 2] in (b"\x81\0", b"\x88\xa8"):
        off += 4
    off += 2
    if frame[off - 2:off] == b"\x86\xdd":
        frame = frame[:off + 1] + bytes([frame[off + 1] & 0xf0, 0, 0]) + \
            frame[off + 4:]
        proto, l4 = frame[off + 6], off + 40
    else:
        proto, l4 = frame[off + 9], off + 20
    sport = int.from_bytes(frame[l4:l4 + 2], "big")
    if (hashed and proto == UDP and frame[l4 + 2:l4 + 4] == b"\x12\xb5" and
            (sport >= 49152 or not sport)):
        # The checksum covers the port.
        frame = frame[:l4] + b"\0\0" + frame[l4 + 2:l4 + 6] + \
            (b"\0\0" if frame[l4 + 6:l4 + 8] == b"\0\0" else b"\xff\xff") + \
            frame[l4 + 8:]
    return frame


class Run:
    """One sequence after a configuration, and what differs."""

    def __init__(self, rows, items, fragments=True):
        self.rows, self.items = rows, items
        # Fragments of the last time are to be forgotten.
        self.pause = FRAGMENT_LIFE + 0.1 if fragments else 0

    def start(self):
        """The first state."""
        net.flush()
        self.model = Model()
        self.model.load(self.rows)
        self.hashed = self.model.config.sport == "hash"
        self.before = counted(net.stats())
        self.want = collections.Counter()
        self.sent = []

    def predict(self, frames, out):
        """What the model says about them, compared with what came out.
        Returns a difference, or None."""
        out = list(out)
        notes = []
        for frame in frames:
            r = self.model.packet(frame, lambda f: bool(out) and same(
                out[0], f, self.hashed))
            notes.append(str(r))
            verdicts[r.reason or r.verdict] += 1
            if r.verdict == "pass":
                self.want["port", None, "passed"] += 1
            elif r.verdict == "drop":
                self.want[(*r.where, r.reason)] += 1
            else:
                self.want[(*r.where, "tx")] += 1
                if not out:
                    return f"nothing came out, want {describe(r.frame)}"
                if not same(out[0], r.frame, self.hashed):
                    return (f"got  {describe(out[0])}\n"
                            f"want {describe(r.frame)}\n({notes[-1]})")
                out.pop(0)
        if out:
            return (f"{len(out)} too many, want {notes[-1]}, got "
                    f"{describe(out[0])}")
        return None

    def send(self, frames):
        wire = net.wires["u0"]
        for f in frames:
            wire.send(f)
        out = []
        for _ in range(MARKERS):
            out += [f for _, f in net.mark()]
        self.want["port", None, "passed"] += MARKERS
        return out

    def counters(self):
        got = counted(net.stats())
        got.subtract(self.before)
        got = {k: v for k, v in got.items() if v}
        want = {k: v for k, v in self.want.items() if v}
        if got == want:
            return None
        return (f"counted: {got_only(got, want)}\nwant:    "
                f"{got_only(want, got)}")

    def flows(self):
        got, want = kernel_flows(), model_flows(self.model)
        if got == want:
            return None
        return (f"connections: {got_only(got, want)}\n"
                f"want:        {got_only(want, got)}")

    def go(self):
        """All at once."""
        self.start()
        frames = []
        for what, item in self.items + [("end", None)]:
            if what == "packet":
                frames.append(item)
                continue
            if frames:
                bad = self.predict(frames, self.send(frames))
                if bad:
                    return bad
            frames = []
            if what == "change":
                control.load(item, "--ignore-unknown")
                self.model.change(item)
        return self.counters() or self.flows()

    def steps(self):
        """One by one; (index of the first that differs, how), or None."""
        time.sleep(self.pause)
        control.load(self.rows + PORT, "--sync")
        self.start()
        for i, (what, item) in enumerate(self.items):
            if what == "change":
                control.load(item, "--ignore-unknown")
                self.model.change(item)
                continue
            bad = self.predict([item], self.send([item]))
            more = self.counters() or self.flows()
            if bad or more:
                return i, "\n".join(filter(None, (bad, more)))
        return None


def got_only(a, b):
    return {k: v for k, v in a.items() if b.get(k) != v}


def shrink(rows, items):
    """As few packets and changes as show it."""
    first = Run(rows, items).steps()
    if not first:
        return None
    items = items[:first[0] + 1]
    fragments = first[1].find("frag") >= 0
    end = time.monotonic() + 20 * SLOW
    i = 0
    while i < len(items) - 1 and time.monotonic() < end:
        fewer = items[:i] + items[i + 1:]
        found = Run(rows, fewer, fragments).steps()
        if found and found[0] == len(fewer) - 1:
            items, first = fewer, found
        else:
            i += 1
    return items, first[1]


def report(n, rows, items, how):
    diag(f"DASH_SEED={SEED} DASH_SEQUENCE={n}: {how}")
    found = shrink(rows, items)
    if not found:
        diag("It does not happen when packets are sent one by one.")
        return
    items, how = found
    diag("configuration:")
    for r in rows:
        diag(json.dumps(r))
    diag("then:")
    model = Model()
    model.load(rows)
    for what, item in items:
        if what == "change":
            diag(f"change {json.dumps(item)}")
            model.change(item)
        else:
            diag(f"packet {describe(item)}\n  model: {model.packet(item)}")
    diag(how)


@case(f"the module and the model agree, DASH_SEED={SEED}", stock=True)
def differential():
    packets = slow = 0
    begin = time.monotonic()
    loaded = None
    todo = [int(ONLY)] if ONLY else range(COUNT)
    bad = []
    for n in todo:
        group = n // SHARE
        rows = scenario.configuration(random.Random(f"{SEED}/{group}"))
        items = scenario.sequence(random.Random(f"{SEED}/{group}/{n}"), rows,
                                  n % SHARE < 3)
        if loaded != group:
            control.load(rows + PORT, "--sync")
            loaded = group
        start = time.monotonic()
        how = Run(rows, items).go()
        if time.monotonic() - start > FRAGMENT_LIFE:
            slow += 1
            how = None
        if how or any(what == "change" for what, _ in items):
            loaded = None
        packets += len(items)
        if how:
            report(n, rows, items, how)
            bad.append(n)
            if len(bad) >= int(os.environ.get("DASH_FAILURES") or 1):
                break
    seconds = time.monotonic() - begin
    diag(f"{len(todo)} sequences, {packets} packets in {seconds:.1f} s, "
         f"{slow} too slow to count")
    diag(", ".join(f"{v} {n}" for v, n in verdicts.most_common()))
    check(not bad, f"sequences {bad} differ; to see one again: "
          f"DASH_SEED={SEED} DASH_SEQUENCE={bad and bad[0]}")
    check(slow * 2 < len(todo), "this machine is too slow")


main(net)
