#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What happens, told as it happens: events, explanations of real packets,
top, verify, tracepoints: SPEC 4, 5, 6."""

import ctypes
import json
import os
import select
import signal
import subprocess
import tempfile
import time

from confnet import ConfNet
from dashtest import (SLOW, VM_VNI, base, bind, ca, case, check, delete, equal,
                      eventually, group, mac, main, mapping, pa, row, run)
from frames import (echo, from_peer, from_vm, inner, peer_frame, tcp, to_peer,
                    udp, vm_frame)

net = ConfNet()
works, change = net.works, net.change

ACL = group("g1",
            (1, "deny", True, {"dst_addr": ["10.0.0.3/32"]}),
            (5, "allow", True, {"dst_addr": ["10.0.0.0/24"]})) + \
    [bind("eni1", "out", 2, "g1")]


class Reader:
    """with Reader("monitor", "flows") as m: lines of dashctl -j, as they
    come."""

    def __init__(self, *args, options=("-j",), prefix=()):
        self.args, self.options, self.prefix = args, options, prefix
        self.buf = b""

    def __enter__(self):
        self.p = subprocess.Popen(
            [*self.prefix, os.environ.get("DASHCTL", "dashctl"), "-n", net.app,
             "-d", *self.options, *self.args],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = self.p.stderr.readline()
        equal(line, b"# listening\n", "what it says first")
        return self

    def line(self, seconds=5):
        """The next line, or None when there is none in the time."""
        end = time.monotonic() + seconds * SLOW
        while b"\n" not in self.buf:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.p.stdout], [], [], left)[0]:
                return None
            data = os.read(self.p.stdout.fileno(), 1 << 16)
            if not data:
                return None
            self.buf += data
        line, _, self.buf = self.buf.partition(b"\n")
        return line.decode()

    def next(self):
        line = self.line()
        check(line, "nothing was told")
        return json.loads(line)

    def rest(self):
        """What comes until nothing has come for a while."""
        out = []
        while True:
            line = self.line(0.4)
            if line is None:
                return out
            out.append(json.loads(line))

    def stop(self, sig=signal.SIGINT):
        self.p.send_signal(sig)
        equal(self.p.wait(10 * SLOW), 0, "exit status after a signal")

    def __exit__(self, *exc):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()
        self.p.stdout.close()
        self.p.stderr.close()


def part(event, *keys):
    return {k: event[k] for k in keys}


def tuple_of(n, sport, dport, proto="udp"):
    return {"eni": "eni1", "direction": "outbound", "src": ca(1),
            "dst": ca(n), "proto": proto, "sport": sport, "dport": dport}


ALLOWED = {"stage": 2, "group": "g1", "rule": "r5", "priority": 5,
           "action": "allow", "terminating": True}
DENIED = {"stage": 2, "group": "g1", "rule": "r1", "priority": 1,
          "action": "deny", "terminating": True}


@case("flows: new, end and deny, with the rule that decided", stock=True)
def flows():
    net.load(base(ACL))
    with Reader("monitor", "flows") as m:
        s = net.sport()
        f = vm_frame(2, udp(s, 53))
        net.forwards(from_vm(f), to_peer(2, f))
        equal(m.next(), {"event": "new", **tuple_of(2, s, 53), "state": "new",
                         "acl": ALLOWED}, "event")
        net.forwards(from_vm(f), to_peer(2, f))
        net.drop(from_vm(vm_frame(3, udp(s, 54))), "acl_deny")
        equal(m.next(), {"event": "deny", **tuple_of(3, s, 54),
                         "acl": DENIED}, "event")
        equal(m.rest(), [], "events of packets of a known connection")
        net.flush()
        end = m.next()
        age = end.pop("age")
        check(age <= 5 * SLOW, f"age {age}")
        equal(end, {"event": "end", "reason": "flushed", **tuple_of(2, s, 53),
                    "state": "new",
                    "forward": {"packets": 2, "bytes": 2 * len(f)},
                    "reverse": {"packets": 0, "bytes": 0}}, "event")
        m.stop()


def end_of(m):
    while True:
        event = m.next()
        if event["event"] == "end":
            return event["reason"], event["state"]


@case("flows: why connections end")
def ends():
    rows = base(ACL, app={"timeout_udp_new": 1, "timeout_closed": 1},
                eni={"qos": "q"}) + [row("QOS", "q", flows=2)]
    net.load(rows)
    with Reader("monitor", "flows") as m:
        def syn(s, flags="S"):
            return from_vm(vm_frame(2, tcp(s, 80, flags)))
        # A RST for a connection that nobody answered ends it at once.
        s = net.sport()
        net.send(syn(s), syn(s, "R"))
        equal(end_of(m), ("closed", "syn_sent"), "RST in SYN-sent")
        # The third one of two allowed.
        s = [net.sport() for _ in range(3)]
        net.send(syn(s[0]), syn(s[1]))
        equal([m.next()["sport"] for _ in range(2)], s[:2], "new ones")
        net.send(syn(s[2]))
        equal([part(m.next(), "event", "reason", "eni")],
              [{"event": "limit", "reason": "flow_limit", "eni": "eni1"}],
              "limit")
        e = m.next()
        equal((e["event"], e["reason"], e["sport"]), ("end", "evicted", s[0]),
              "the one that made room")
        equal(m.next()["sport"], s[2], "the one that it made room for")
        # Once a second at most.
        net.send(*[syn(net.sport()) for _ in range(3)])
        equal([e for e in m.rest() if e["event"] == "limit"], [],
              "more events of the same limit")
        net.flush()
        m.rest()
        # Idle for a second.
        net.send(from_vm(vm_frame(2, udp(net.sport(), 53))))
        equal(end_of(m), ("timeout", "new"), "idle")
    net.load(base(ACL))
    with Reader("monitor", "flows") as m:
        # Denied since policy has changed.
        s = net.sport()
        net.send(from_vm(vm_frame(2, udp(s, 53))))
        change(*group("g1", (1, "deny", True, {})))
        net.drop(from_vm(vm_frame(2, udp(s, 53))), "acl_deny")
        equal(m.next()["event"], "new", "event")
        e = m.next()
        equal((e["event"], e["acl"]["rule"]), ("deny", "r1"), "denied now")
        equal(end_of(m), ("policy", "new"), "denied now")
    net.load(base())
    with Reader("monitor", "flows") as m:
        works()
        equal(m.next()["event"], "new", "event")
        rows = [r for r in base() if "ENI" not in json.dumps(r)]
        net.flush = lambda: 0
        try:
            net.load(rows)
        finally:
            del net.flush
        equal(end_of(m), ("eni_gone", "new"), "ENI deleted")


@case("drops: reason, packet and rule", stock=True)
def drops():
    net.load(base(ACL))
    with Reader("monitor", "drops") as m:
        s = net.sport()
        net.drop(from_vm(vm_frame(3, udp(s, 54))), "acl_deny")
        equal(m.next(), {"event": "drop", "reason": "acl_deny",
                         **tuple_of(3, s, 54), "vni": VM_VNI, "pa": pa(1),
                         "port": "u0", "acl": DENIED}, "event")
        f = inner(ca(9), ca(2), udp(s, 1), mac(77))
        net.drop(from_vm(f), "no_eni")
        e = m.next()
        equal(part(e, "event", "reason", "src", "dst", "port"),
              {"event": "drop", "reason": "no_eni", "src": ca(9),
               "dst": ca(2), "port": "u0"}, "event")
        check("eni" not in e, "it has an ENI")
        whole = from_vm(vm_frame(2, udp(s, 54)))
        net.drop(whole[:60], "malformed")
        equal(m.next(), {"event": "drop", "reason": "malformed", "pa": pa(1),
                         "port": "u0"}, "event")
        works()
        equal(m.rest(), [], "events of what is not dropped")
        m.stop(signal.SIGTERM)


class Mmsg(ctypes.Structure):
    """struct mmsghdr, its msg_iov the only one used."""
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint),
                ("iov", ctypes.c_void_p), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_long), ("len", ctypes.c_long)]


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("len", ctypes.c_size_t)]


def burst(frame, n):
    """Send a frame n times, in as little time as possible."""
    iov = Iovec(frame, len(frame))
    msgs = (Mmsg * n)(*[Mmsg(iov=ctypes.addressof(iov), iovlen=1)] * n)
    sock = net.wires[net.port].sock
    equal(ctypes.CDLL(None).sendmmsg(sock.fileno(), msgs, n, 0), n,
          "frames sent")


def told_and_lost(events):
    lost = sum(e["lost"] for e in events if e["event"] == "lost")
    return sum(e["event"] != "lost" for e in events), lost


@case("losses are told: what is too much at once")
def losses():
    net.load(base(ACL))
    frame = from_vm(vm_frame(3, udp(net.sport(), 54)))
    with Reader("monitor", "drops") as m:
        # Whether 1,000 are too many depends on how soon they are sent.
        for n in range(1, 20 if SLOW == 1 else 4):
            burst(frame, 1000)
            net.send()
            got = told_and_lost(m.rest())
            equal(sum(got), 1000, "told and lost")
            if got[1]:
                break
        # Where that cannot be soon enough, at least the numbers agree.
        check(got[1] or SLOW > 1, f"all of {n} bursts were told")


@case("losses are told: what the reader is too slow for")
def overrun():
    net.load(base(ACL))
    # Without privileges, also because the socket's buffer is small then.
    with Reader("monitor", "flows", prefix=("setpriv", "--bounding-set",
                                            "-net_admin")) as m:
        m.p.send_signal(signal.SIGSTOP)
        frames = [from_vm(vm_frame(2, udp(net.sport(), 53)))
                  for _ in range(500)]
        n = 0
        for _ in range(8):
            net.send(*frames)
            net.flush()
            n += 2 * len(frames)
            time.sleep(0.1)
        m.p.send_signal(signal.SIGCONT)
        got = m.rest()
        # The next one says how many there were before it.
        works()
        told, lost = told_and_lost(got + m.rest())
        check(lost, f"nothing was lost of {n} events")
        equal(told + lost, n + 1, "told and lost")


@case("nobody listens: nothing is kept for anybody")
def nobody():
    net.load(base(ACL))
    net.drop(from_vm(vm_frame(3, udp(net.sport(), 54))), "acl_deny")
    works()
    with Reader("monitor") as m:
        equal(m.rest(), [], "events of before")
        works()
        equal(m.next()["event"], "new", "event")


@case("config: what a transaction did", stock=True)
def config():
    net.load(base())
    with Reader("monitor", "config") as m:
        change(row("VNET", "v9", vni=900), mapping("v9", ca(9), pa(9)),
               row("ROUTE", "rg", "10.9.0.0/16", routing_type="drop"))
        e = m.next()
        gen = e.pop("gen")
        equal(e, {"event": "commit", "counts": [
            {"type": "vnet", "set": 1, "deleted": 0},
            {"type": "route", "set": 1, "deleted": 0},
            {"type": "mapping", "set": 1, "deleted": 0}]}, "commit")
        got = {m.next()["name"] for _ in range(3)}
        equal(got, {"DASH_VNET_TABLE:v9", "DASH_ROUTE_TABLE:rg:10.9.0.0/16",
                    f"DASH_VNET_MAPPING_TABLE:v9:{ca(9)}"}, "objects")
        change(delete("VNET", "v9"), delete("VNET", "nothing"))
        e = m.next()
        equal(e["gen"], gen + 1, "number of the change")
        equal(e["counts"], [{"type": "vnet", "set": 0, "deleted": 1}],
              "counts")
        equal(part(m.next(), "event", "name"),
              {"event": "delete", "name": "DASH_VNET_TABLE:v9"}, "object")
        # Refused, checked, empty: nothing happened.
        change(row("VNET", "v8", vni=1 << 24), ok=False)
        net.load([row("VNET", "v8", vni=8)], "--check")
        equal(m.rest(), [], "events of no change")
        # Of very many rows, only the numbers.
        change(*[mapping("v1", f"10.8.{i >> 8}.{i & 255}", pa(9))
                 for i in range(1500)])
        got = [m.next()] + m.rest()
        equal([e["counts"] for e in got],
              [[{"type": "mapping", "set": 1500, "deleted": 0}]], "a large one")
        run("ip", "-n", net.app, "link", "add", "d7", "type", "dummy")
        net.dashctl("port", "add", "d7", "underlay")
        m.rest()
        run("ip", "-n", net.app, "link", "del", "d7")
        equal([e.get("name") for e in m.rest()], [None, "PORT:d7"],
              "a device that is gone")


@case("monitor: text, -c, a wrong word")
def words():
    net.load(base(ACL))
    with Reader("monitor", "drops", "-c", "2", options=()) as m:
        s = net.sport()
        net.send(*[from_vm(vm_frame(3, udp(s, 54)))] * 3)
        lines = [m.line(), m.line()]
        equal(m.p.wait(5 * SLOW), 0, "exit status")
        equal(lines[0], lines[1], "lines")
        equal(lines[0], f"drop acl_deny eni1 outbound udp {ca(1)} -> {ca(3)} "
              f"sport {s} dport 54 vni {VM_VNI} pa {pa(1)} port u0 acl stage 2 "
              "group g1 rule r1 priority 1 action deny terminating true",
              "line")
    equal(net.dashctl("monitor", "nonsense", ok=False).returncode, 1, "status")
    equal(net.dashctl("monitor", "-c", "x", ok=False).returncode, 1, "status")


@case("explain --live: each packet and its verdict, whatever becomes of it",
      stock=True)
def live():
    net.load(base(ACL))
    with Reader("explain", "--live") as m:
        s = net.sport()
        f = vm_frame(2, udp(s, 53))
        net.forwards(from_vm(f), to_peer(2, f))
        e = m.next()
        equal({k: e[k] for k in tuple_of(2, s, 53)}, tuple_of(2, s, 53),
              "packet")
        equal((e["verdict"], e["reason"], e["vni"], e["pa"], e["port"]),
              ("allow", None, VM_VNI, pa(1), "u0"), "verdict")
        equal(e["stages"], [ALLOWED], "stages")
        equal(e["route"]["prefix"], "10.0.0.0/24", "route")
        equal(e["mapping"]["underlay_ip"], pa(2), "mapping")
        equal((e["packet"]["outer_dst"], e["packet"]["inner_dst_mac"]),
              (pa(2), mac(2).replace(":", "-")
               if "-" in e["packet"]["inner_dst_mac"] else mac(2)), "result")
        # Of a known connection, its state decides. Nothing has an effect
        # twice.
        before = net.eni_stats()["flows"]
        net.forwards(from_vm(f), to_peer(2, f))
        e = m.next()
        equal((e["verdict"], e["flow"], e["stages"]), ("allow", "new", []),
              "a known connection")
        after = net.eni_stats()["flows"]
        equal(after["matched"] - before["matched"], 1, "packets matched")
        equal(after["created"] - before["created"], 0, "connections")
        # What is dropped, known or not.
        net.drop(from_vm(vm_frame(3, udp(s, 54))), "acl_deny")
        e = m.next()
        equal((e["verdict"], e["reason"], e["stages"], e["packet"]),
              ("drop", "acl_deny", [DENIED], None), "denied")
        net.drop(from_vm(vm_frame(2, tcp(s, 80, "A"))), "tcp_no_syn")
        equal(m.next()["reason"], "tcp_no_syn", "reason")
        net.drop(from_vm(inner(ca(9), ca(2), udp(s, 1), mac(77))), "no_eni")
        e = m.next()
        equal((e["reason"], e["src"], e["packet"]), ("no_eni", ca(9), None),
              "without an ENI")
        net.drop(from_vm(f)[:60], "malformed")
        equal(m.next()["reason"], "malformed", "reason")
        m.stop()
    works()


@case("explain --live: filter, count, rate")
def live_filter():
    net.load(base(ACL))
    s = net.sport()
    frames = {n: from_vm(vm_frame(n, udp(s, 53))) for n in (2, 3, 4)}
    with Reader("explain", "--live", "dst", ca(4), "proto", "udp", "sport",
                str(s), "outbound", "eni", "eni1", "-c", "2") as m:
        net.send(*frames.values(), from_vm(vm_frame(4, udp(s + 1000, 53))),
                 from_vm(vm_frame(4, tcp(s, 53))), *frames.values(),
                 *frames.values())
        got = [m.next(), m.next()]
        equal(m.p.wait(5 * SLOW), 0, "exit status after -c")
        equal([e["dst"] for e in got], [ca(4)] * 2, "packets")
        equal([e["flow"] for e in got], [None, "new"], "their connection")
    for words_ in (["inbound"], ["src", ca(7)], ["dport", "1"]):
        with Reader("explain", "--live", *words_) as m:
            net.send(*frames.values())
            equal(m.rest(), [], f"explained with {words_}")
    with Reader("explain", "--live", "-r", "10") as m:
        net.send(*[frames[2]] * 50)
        got = m.rest()
        time.sleep(1.1)
        net.send(frames[2])
        got += m.rest()
        lost = sum(e.get("lost", 0) for e in got)
        told = sum("verdict" in e for e in got)
        equal(told + lost, 51, "told and lost")
        check(lost, "nothing was lost at 10 a second")
    # The rate is one of any time, not of seconds that begin together.
    with Reader("explain", "--live", "-r", "10") as m:
        net.send(*[frames[2]] * 50)
        m.rest()
        net.send(frames[2])
        check(any("verdict" in e for e in m.rest()), "none in the same second")
    p = net.dashctl("explain", "--live", "eni", "nobody", ok=False)
    equal(p.returncode, 2, "exit status of an unknown ENI")
    check("no such ENI" in p.stderr, p.stderr)


@case("explain --live: first fragments have an effect once")
def live_fragments():
    net.load(base(ACL))
    whole = bytes(udp(net.sport(), 53, bytes(100)))
    with Reader("explain", "--live") as m:
        f = inner(ca(1), ca(2), whole[:64], mac(1), proto=17, flags="MF",
                  id=7)
        net.send(from_vm(f))
        equal(m.next()["verdict"], "allow", "verdict")
        f = inner(ca(1), ca(2), whole[64:], mac(1), proto=17, frag=8, id=7)
        equal(len(net.send(from_vm(f))), 1, "later fragments that came out")
        equal(m.next()["verdict"], "allow", "verdict of the later one")


@case("top: rates of the ENIs")
def top():
    net.load(base(row("ENI", "eni2", mac_address=mac(9), vnet="v1",
                      underlay_ip=pa(9), admin_state="enabled")))
    p = subprocess.Popen([os.environ.get("DASHCTL", "dashctl"), "-n", net.app,
                          "-j", "top", "-c", "2"], stdout=subprocess.PIPE,
                         text=True)
    f = from_vm(vm_frame(2, udp(net.sport(), 53)))
    sent = 0
    end = time.monotonic() + 60
    while p.poll() is None and time.monotonic() < end:
        net.send(*[f] * 50)
        sent += 50
    docs = [json.loads(line) for line in p.stdout]
    equal(p.wait(), 0, "exit status")
    equal(len(docs), 2, "documents")
    for doc in docs:
        equal([e["eni"] for e in doc["enis"]], ["eni1", "eni2"], "ENIs")
        equal(doc["enis"][1]["rx_packets"], 0, "packets of the idle one")
    total = sum(d["enis"][0]["rx_packets"] * d["seconds"] for d in docs)
    check(0 < total <= sent + 2, f"{total} of {sent} packets")
    p = net.dashctl("top", "-c", "1", "drops")
    check(p.stdout.startswith("ENI ") and "eni2" in p.stdout, p.stdout)
    equal(net.dashctl("top", "nonsense", ok=False).returncode, 1, "status")


def verify(rows, *opts):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        json.dump(rows, f)
        f.flush()
        p = net.dashctl("-j", "verify", f.name, *opts, ok=False)
        check(p.stdout, p.stderr)
        doc = json.loads(p.stdout)
        text = net.dashctl("verify", f.name, ok=False)
        equal(text.returncode, p.returncode, "exit status")
        return p.returncode, doc, text.stdout


@case("verify: what the kernel has and the file has not, and what differs")
def verify_case():
    rows = base(ACL) + [{"PORT:u0": {"role": "underlay"}, "OP": "SET"}]
    net.load(base(ACL))
    equal(verify(rows), (0, {"missing": [], "extra": [], "different": []}, ""),
          "the same")
    # The order in the file, synonyms and repetitions make no difference.
    again = [row("VNET", "v1", vni=4711)] + rows[::-1] + \
        [row("VNET", "gone", vni=5), delete("VNET", "gone")]
    equal(verify(again)[0], 0, "exit status, the same in another order")
    want = [r for r in rows if f"DASH_VNET_MAPPING_TABLE:v1:{ca(4)}" not in r]
    want += [row("VNET", "v2", vni=200), mapping("v1", ca(2), pa(9), mac(2)),
             row("VNET", "v1", vni=101)]
    status, doc, text = verify(want)
    equal(status, 1, "exit status")
    different = {d["name"]: d["fields"] for d in doc["different"]}
    equal(doc["missing"], ["DASH_VNET_TABLE:v2"], "missing")
    equal(doc["extra"], [f"DASH_VNET_MAPPING_TABLE:v1:{ca(4)}"], "extra")
    equal(set(different), {"DASH_VNET_TABLE:v1",
                           f"DASH_VNET_MAPPING_TABLE:v1:{ca(2)}"}, "different")
    equal({k: (str(v["file"]), str(v["kernel"])) for k, v in
           different["DASH_VNET_TABLE:v1"].items()}, {"vni": ("101", "100")},
          "fields")
    equal({k: (v["file"], v["kernel"]) for k, v in
           different[f"DASH_VNET_MAPPING_TABLE:v1:{ca(2)}"].items()},
          {"underlay_ip": (pa(9), pa(2))}, "fields")
    equal(sorted(text.splitlines()), sorted([
        "missing DASH_VNET_TABLE:v2",
        f"extra DASH_VNET_MAPPING_TABLE:v1:{ca(4)}",
        "different DASH_VNET_TABLE:v1 vni: file 101, kernel 100",
        f"different DASH_VNET_MAPPING_TABLE:v1:{ca(2)} underlay_ip: "
        f"file {pa(9)}, kernel {pa(2)}"]), "text")
    equal(net.dashctl("verify", "/nonexistent", ok=False).returncode, 1,
          "exit status without a file")


@case("counters: connections by protocol, how they end, creation rate")
def counters():
    long = {f"timeout_{x}": 120 for x in ("syn", "fin", "closed", "time_wait",
                                          "udp_new", "icmp")}
    net.load(base(ACL, app=long))
    before = net.eni_stats()["flows"]

    def segment(s, flags, seq, ack=0, peer=False):
        f = tcp(*((80, s) if peer else (s, 80)), flags, seq, ack)
        net.send(from_peer(2, peer_frame(2, f)) if peer else
                 from_vm(vm_frame(2, f)))

    def handshake(s):
        segment(s, "S", 100)
        segment(s, "SA", 500, 101, True)
        segment(s, "A", 101, 501)

    s = net.sport()
    handshake(s)
    segment(s, "FA", 101, 501)
    segment(s, "FA", 501, 102, True)
    segment(s, "A", 102, 502)
    handshake(s)                        # begins it anew
    segment(s, "R", 101)
    segment(net.sport(), "S", 100)
    net.send(from_vm(vm_frame(2, udp(net.sport(), 53))),
             from_vm(vm_frame(2, echo(7))), from_vm(vm_frame(2, echo(7))))
    after = net.eni_stats()["flows"]
    now = {k: after[k] - before[k] for k in after}
    for name, want in {"created": 5, "created_tcp": 3, "created_udp": 1,
                       "removed": 1, "matched": 9, "matched_tcp": 8,
                       "matched_udp": 0, "tcp_established": 2,
                       "tcp_closed": 1, "tcp_reset": 1, "tcp_replaced": 1,
                       "denied": 0}.items():
        equal(now[name], want, name)
    for name, want in {"current": 4, "current_tcp": 2,
                       "current_udp": 1}.items():
        equal(after[name], want, name)
    check(1 <= after["rate_max"] <= after["created"], "creation rate")
    # Never established; then denied by what policy has become.
    net.load(base(ACL, app={"timeout_syn": 1}))
    segment(net.sport(), "S", 100)
    net.send(from_vm(vm_frame(2, echo(7))))
    eventually(lambda: net.eni_stats()["flows"]["tcp_syn_timed_out"] -
               before["tcp_syn_timed_out"] == 1, "a SYN times out", 8)
    change(*group("g1", (1, "deny", True, {})))
    net.drop(from_vm(vm_frame(2, echo(7))), "acl_deny")
    equal(net.eni_stats()["flows"]["denied"] - before["denied"], 1, "denied")


@case("tracepoints: connections, slow path, drops")
def tracepoints():
    tracefs = "/sys/kernel/tracing"
    if not os.path.isdir(f"{tracefs}/events"):
        run("mount", "-t", "tracefs", "tracefs", tracefs, ok=False)
    check(os.path.isdir(f"{tracefs}/events/dash"), "no tracepoints dash:*")

    def write(name, text):
        with open(f"{tracefs}/{name}", "w", encoding="ascii") as f:
            f.write(text)

    net.load(base(ACL))
    write("trace", "")
    write("events/dash/enable", "1")
    try:
        s = net.sport()
        f = vm_frame(2, udp(s, 53))
        net.forwards(from_vm(f), to_peer(2, f))
        net.forwards(from_vm(f), to_peer(2, f))
        net.drop(from_vm(vm_frame(3, udp(s, 54))), "acl_deny")
        net.flush()
    finally:
        write("events/dash/enable", "0")
    with open(f"{tracefs}/trace", encoding="ascii") as f:
        lines = [line.split(": ", 1)[1].strip() for line in f
                 if ": dash_" in line]
    names = [line.split(":")[0] for line in lines]
    equal(names, ["dash_slow_path", "dash_flow_create", "dash_slow_path",
                  "dash_drop", "dash_flow_end"], "tracepoints")
    check(f"eni=eni1 dir=0 proto=17 src=::ffff:{ca(1)} dst=::ffff:{ca(2)} "
          f"sport={s} dport=53" in lines[0], lines[0])
    check("packets=2" in lines[4], lines[4])


main(net)
