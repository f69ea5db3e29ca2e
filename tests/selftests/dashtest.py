# SPDX-License-Identifier: GPL-2.0
"""What the selftests in Python share: KTAP, namespaces, frames in and out.

A script declares its cases with @case and ends in main(). Most of them use one
Net: a namespace "app" with the datapath, whose port u0 is one end of a veth
pair; the other end stays in the script's own, anonymous namespace, where
frames are sent and captured by packet sockets.

Nothing here waits for a packet that may not come. Everything between the two
ends runs in softirq context of the sending CPU, in order, and the script is
pinned to one. So Net.send() sends an ARP request after the frames under test:
once its reply is there, all that was going to come out is there as well.
"""

import collections
import ctypes
import errno
import functools
import inspect
import json
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

from genl import Genl

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

# How much slower than natively things may take, for deadlines only.
SLOW = {"uml": 1, "uml-debug": 4, "6.1": 12, "6.12": 12}.get(
    os.environ.get("DASH_KERNEL", ""), 2)

APP_MAC = "02:00:5e:00:00:a0"       # u0, the appliance's port
PEER_MAC = "02:00:5e:00:00:b0"      # its peer, the next hop of everything
MARKER_IP = "172.16.0.1"            # of u0; its ARP replies mark the end
MTU = 9000                          # of both
FAKE_MAC = "12:34:56:78:9a:bc"      # DMAC_FAKE of the DASH glossary

# Connections live as long as a test needs them, however slow the machine is.
PATIENT = {} if SLOW < 4 else {
    f"timeout_{name}": seconds * SLOW for name, seconds in (
        ("syn", 5), ("udp_new", 30), ("icmp", 30), ("other", 60))}

# The header knobs that make the output predictable to the last byte.
EXACT = {"underlay_mode": "hairpin", "udp_sport": 0, "df": False, "ip_id": 1}


class Failure(Exception):
    """A check did not hold."""


class Skip(Exception):
    """The case cannot be run here."""


def check(cond, text="check failed"):
    if not cond:
        raise Failure(text)


def equal(got, want, what="value"):
    if got != want:
        raise Failure(f"{what}: got {got!r}, want {want!r}")


def eventually(cond, what, seconds=5):
    """Poll until cond() is true; a deadline, not a delay."""
    end = time.monotonic() + seconds * SLOW
    while not cond():
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds * SLOW} s")
        time.sleep(0.02)


# -- KTAP ---------------------------------------------------------------------

_cases = []


def case(name, stock=False):
    """Declare a case. Those with stock=True are in the subset that is run
    with the slow stock kernels, too."""
    def declare(func):
        _cases.append((name, stock, func))
        return func
    return declare


def cases(table, stock=()):
    """Declare a case per entry of a table {name: arguments}; those named in
    stock (or all, if True) belong to the stock subset."""
    def declare(func):
        for name, args in table.items():
            if not isinstance(args, tuple):
                args = (args,)
            _cases.append((name, stock is True or name in stock,
                           functools.partial(func, *args)))
        return func
    return declare


def diag(text):
    for line in str(text).rstrip("\n").split("\n"):
        print(f"# {line}")


def main(*nets):
    """Run all cases; then the counters of every Net must add up."""
    todo = [(n, f) for n, stock, f in _cases
            if stock or os.environ.get("DASH_SUBSET") != "stock"]
    for net in nets:
        todo.append(("counters add up: rx = tx + drops", net.check_sums))
    only = os.environ.get("DASH_CASE")
    if only:
        todo = [(n, f) for n, f in todo if only in n]
    print(f"KTAP version 1\n1..{len(todo)}", flush=True)
    bad = skipped = 0
    for i, (name, func) in enumerate(todo, 1):
        start = time.monotonic()
        try:
            func()
            line = f"ok {i} {name}"
        except Skip as why:
            skipped += 1
            line = f"ok {i} {name} # SKIP {why}"
        except Failure as why:
            bad += 1
            diag(why)
            frame = traceback.extract_tb(sys.exc_info()[2])
            diag("at " + " < ".join(f"{os.path.basename(f.filename)}:{f.lineno}"
                                    for f in reversed(frame)
                                    if f.name != "main"))
            line = f"not ok {i} {name}"
        except Exception:  # pylint: disable=broad-except
            bad += 1
            diag(traceback.format_exc())
            line = f"not ok {i} {name}"
        if os.environ.get("DASH_TIMES"):
            diag(f"{name}: {time.monotonic() - start:.2f} s")
        print(line, flush=True)
    for net in nets:
        net.close()
    sys.stdout.flush()
    if bad:
        sys.exit(1)
    sys.exit(4 if todo and skipped == len(todo) else 0)


# -- namespaces ---------------------------------------------------------------

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _syscall(ret, what):
    if ret:
        err = ctypes.get_errno()
        raise OSError(err, f"{what}: {os.strerror(err)}")


def unshare_net():
    """Give this process a network namespace of its own."""
    _syscall(_libc.unshare(CLONE_NEWNET), "unshare")
    with open("/proc/sys/net/ipv6/conf/default/disable_ipv6", "w") as f:
        f.write("1")


class InNetns:
    """with InNetns(name): system calls happen in that namespace."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.old = os.open("/proc/self/ns/net", os.O_RDONLY)
        new = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        _syscall(_libc.setns(new, CLONE_NEWNET), "setns")
        os.close(new)

    def __exit__(self, *exc):
        _syscall(_libc.setns(self.old, CLONE_NEWNET), "setns")
        os.close(self.old)


def run(*cmd, data=None, ok=True):
    """Run a command; with ok, it must succeed."""
    p = subprocess.run(cmd, input=data, capture_output=True, text=True,
                       check=False)
    if ok and p.returncode:
        raise Failure(f"{' '.join(cmd)}: exit status {p.returncode}\n"
                      f"{p.stdout}{p.stderr}")
    return p


def ip_batch(text, netns=None):
    run("ip", *(("-n", netns) if netns else ()), "-batch", "-", data=text)


# -- sending and capturing ----------------------------------------------------

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_AUXDATA = 8
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6


def mac_bytes(mac):
    return bytes.fromhex(mac.replace(":", "").replace("-", ""))


# The first may overtake what waits for others of its batch, the second is sent
# when that is gone.
MARKERS = 2


class Wire:
    """Our end of a veth pair: frames as they would be on the wire."""

    def __init__(self, dev):
        self.dev = dev
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                  socket.htons(ETH_P_ALL))
        self.sock.bind((dev, ETH_P_ALL))
        self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # RCVBUFFORCE

    def send(self, frame):
        self.sock.send(frame)

    def recv(self, timeout):
        """One frame as bytes, the VLAN tag put back; None after the timeout."""
        end = time.monotonic() + timeout
        while True:
            left = max(0, end - time.monotonic())
            if not select.select([self.sock], [], [], left)[0]:
                return None
            try:
                data, anc, _, addr = self.sock.recvmsg(1 << 17, 256)
            except OSError as e:
                if e.errno == errno.ENETDOWN:
                    return None
                raise
            if addr[2] == socket.PACKET_OUTGOING:
                continue
            for level, kind, aux in anc:
                if (level, kind) != (SOL_PACKET, PACKET_AUXDATA):
                    continue
                status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH",
                                                              aux[:20])
                if status & TP_STATUS_VLAN_VALID:
                    if not status & TP_STATUS_VLAN_TPID_VALID:
                        tpid = 0x8100
                    data = (data[:12] + struct.pack("!HH", tpid, tci) +
                            data[12:])
            return data

    def close(self):
        self.sock.close()


def arp_request(seq):
    """A request for MARKER_IP by a sender that seq makes unique."""
    sha = b"\x02\xee" + struct.pack("!I", seq)
    return (mac_bytes(APP_MAC) + sha + b"\x08\x06" +
            struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) +
            sha + bytes([172, 16, 0, 2 + seq % 200]) +
            bytes(6) + socket.inet_aton(MARKER_IP)), sha


class Asker:
    """One dashctl -j for many commands: to start one takes longer than most of
    them, by far on an emulated machine."""

    def __init__(self, netns):
        self.netns = netns
        self.proc = None

    def start(self):
        self.proc = subprocess.Popen(
            [os.environ.get("DASHCTL", "dashctl"), "-j", "-n", self.netns,
             "-b", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, bufsize=0)
        os.set_blocking(self.proc.stderr.fileno(), False)

    def stop(self):
        if self.proc:
            self.proc.kill()
            self.proc.wait()
            for f in (self.proc.stdin, self.proc.stderr, self.proc.stdout):
                f.close()
            self.proc = None

    def ask(self, *lines):
        """Carry out commands, of which the last one prints a document. Return
        that and what was on stderr; or None when one failed."""
        if not self.proc:
            self.start()
        text = b""
        try:
            self.proc.stdin.write("".join(f"{' '.join(words)}\n"
                                          for words in lines).encode())
            while True:
                data = self.proc.stdout.read(1 << 16)
                if not data:
                    raise OSError
                text += data
                if text.endswith(b"\n"):
                    try:
                        return (json.loads(text),
                                (self.proc.stderr.read() or b"").decode())
                    except ValueError:
                        pass            # there is more to come
        except OSError:
            self.stop()
            return None


class Net:
    """A namespace with the datapath and a wire into it."""

    count = 0

    def __init__(self, ports=("u0",), config="", attach=True, quick=False):
        """config: lines for "ip -batch" inside the namespace. quick: a dashctl
        stays in there to be asked, so that the namespace stays, too."""
        if not Net.count:
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
            unshare_net()
        Net.count += 1
        self.num = Net.count
        self.app = f"dt{os.getpid()}-{self.num}"
        self.asker = Asker(self.app) if quick else None
        self.seq = 0
        self.next_port = 10000
        self.wires = {}
        self.genl = None
        self.loaded = None
        self.attached = []
        run("ip", "netns", "add", self.app)
        # Quiet: no addresses, advertisements or solicitations by themselves.
        with InNetns(self.app):
            for key, value in (("autoconf", "0"), ("accept_ra", "0"),
                               ("accept_dad", "0"), ("dad_transmits", "0"),
                               ("addr_gen_mode", "1")):
                path = f"/proc/sys/net/ipv6/conf/default/{key}"
                with open(path, "w") as f:
                    f.write(value)
        text = "link set lo up\n"
        for i, port in enumerate(ports):
            peer = self.peer_name(port)
            mac, pmac = self.macs(i)
            ip_batch(f"link add {peer} address {pmac} mtu {MTU} type veth "
                     f"peer name {port} address {mac} mtu {MTU} "
                     f"netns {self.app}\n"
                     f"link set {peer} up\n")
            text += f"link set {port} up\n"
        text += f"addr add {MARKER_IP}/24 dev {ports[0]}\n" + config
        ip_batch(text, self.app)
        for port in ports:
            # Checksums are to be complete when a frame reaches our socket.
            run("ip", "netns", "exec", self.app,
                "ethtool", "-K", port, "tx", "off", ok=False)
            self.wires[port] = Wire(self.peer_name(port))
        self.port = ports[0]
        if attach:
            for port in ports:
                self.attach(port)

    def peer_name(self, port):
        return f"p{self.num}{port}"

    @staticmethod
    def macs(i):
        """MACs of port i and its peer."""
        def nth(mac):
            return f"{mac[:-1]}{i:x}"
        return nth(APP_MAC), nth(PEER_MAC)

    def close(self):
        if self.asker:
            self.asker.stop()
        for wire in self.wires.values():
            wire.close()
        if self.genl:
            self.genl.sock.close()
        run("ip", "netns", "del", self.app, ok=False)

    # -- dashctl --

    def dashctl(self, *args, ok=True):
        if args[0] not in ("-j", "flow", "stats", "explain", "save"):
            self.loaded = None  # may change
        return run(os.environ.get("DASHCTL", "dashctl"), "-n", self.app,
                   *args, ok=ok)

    def attach(self, port):
        self.dashctl("port", "add", port, "underlay")
        self.attached.append(port)

    def ask(self, *lines):
        """See Asker.ask(); None, too, when there is none to be asked, or not
        about this: a policy would hold for all that comes."""
        if not self.asker or any(not w or set(w) & set(" \t\"'#") or
                                 w in ("--policy", "--live")
                                 for words in lines for w in words):
            return None
        return self.asker.ask(*lines)

    def json(self, *args):
        got = args[0] in ("flow", "stats", "explain") and self.ask(args)
        if got:
            return got[0]
        p = self.dashctl("-j", *args)
        try:
            return json.loads(p.stdout)
        except ValueError:
            raise Failure(f"dashctl -j {' '.join(args)}: no JSON: "
                          f"{p.stdout!r}") from None

    def load(self, rows, *opts, ok=True):
        """Load rows (dicts, see row()); without options the configuration
        becomes exactly that (and the attached ports), and no flow of former
        cases stays."""
        rows = list(rows)
        if not opts:
            opts = ("--sync",)
            self.flush()
            rows += [{f"PORT:{port}": {"role": "underlay"}, "OP": "SET"}
                     for port in self.attached]
            if rows == self.loaded:
                return None
            self.loaded = rows
        else:
            self.loaded = None
        with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
            json.dump(rows, f)
            f.flush()
            loaded, self.loaded = self.loaded, None
            got = ok and self.ask(("load", f.name, *opts), ("flow", "count"))
            if got:
                p = subprocess.CompletedProcess((), 0, "", got[1])
            else:
                p = self.dashctl("load", f.name, *opts, ok=ok)
            self.loaded = loaded
            return p

    def save(self):
        return json.loads(self.dashctl("save").stdout)

    def flows(self, *filt):
        return self.json("flow", "show", *filt)["flows"]

    @property
    def nl(self):
        if not self.genl:
            with InNetns(self.app):
                self.genl = Genl()
        return self.genl

    def stats(self):
        return self.nl.stats()

    def flush(self):
        return self.nl.flush()

    def eni_stats(self, name="eni1"):
        for eni in self.stats()["enis"]:
            if eni["eni"] == name:
                return eni
        raise Failure(f"stats of ENI {name}: missing")

    def port_stats(self, name=None):
        for port in self.stats()["ports"]:
            if port["port"] == (name or self.port):
                return port
        raise Failure(f"stats of port {name or self.port}: missing")

    def drops(self, stats=None):
        """Drops so far, {reason: packets}, wherever they were counted."""
        total = collections.Counter()
        stats = stats or self.stats()
        for port in stats["ports"]:
            total.update(port["drops"])
        for eni in stats["enis"]:
            total.update(eni["outbound"]["drops"])
            total.update(eni["inbound"]["drops"])
        return +total

    def check_sums(self):
        """SPEC 5: every packet that enters as ours is sent or counted as a
        drop, once."""
        stats = self.json("stats")
        equal(stats, self.stats(), "dashctl's statistics and the kernel's")
        for port in stats["ports"]:
            equal(port["ours"], port["to_eni"] + sum(port["drops"].values()),
                  f"port {port['port']}: packets of ours")
        for eni in stats["enis"]:
            for name in ("outbound", "inbound"):
                d = eni[name]
                equal(d["rx_packets"],
                      d["tx_packets"] + sum(d["drops"].values()),
                      f"ENI {eni['eni']} {name}: rx")
                equal(sum(d.get("acl_drops", {}).values()),
                      d["drops"].get("acl_deny", 0),
                      f"ENI {eni['eni']} {name}: ACL drops by stage")

    # -- packets --

    def sport(self):
        """A source port that no case used before."""
        self.next_port += 1
        return self.next_port

    def send(self, *frames, port=None):
        """Send frames; return what came out of the same port."""
        return [f for p, f in self.send_any(*frames, port=port)
                if p == (port or self.port)]

    def mark(self):
        """Wait for the answer to a marker by the first port, which has the
        address. Return what came out of there before, [(port, frame)]."""
        self.seq += 1
        marker, sha = arp_request(self.seq)
        self.wires[self.port].send(marker)
        out = []
        end = time.monotonic() + 5 * SLOW
        while True:
            frame = self.wires[self.port].recv(end - time.monotonic())
            check(frame, "the marker's ARP reply did not come")
            if frame[12:14] == b"\x08\x06":
                if frame[:6] == sha:
                    return out
                continue
            if not noise(frame):
                out.append((self.port, frame))

    def send_any(self, *frames, port=None):
        """Send frames; return what came out of any port, [(port, frame)]."""
        port = port or self.port
        wire = self.wires[port]
        for frame in frames:
            wire.send(frame)
        out = []
        for _ in range(MARKERS):
            out += self.mark()
        for name, other in self.wires.items():
            if name == self.port:
                continue
            while True:
                frame = other.recv(0)
                if not frame:
                    break
                if not noise(frame) and frame[12:14] != b"\x08\x06":
                    out.append((name, frame))
        return out

    def forwards(self, frame, want, **kw):
        """Frame in, exactly want out (see same())."""
        frames = frame if isinstance(frame, (list, tuple)) else [frame]
        wants = want if isinstance(want, (list, tuple)) else [want]
        out = self.send(*frames, **kw)
        if len(out) != len(wants):
            raise Failure(f"{len(out)} frames came out instead of "
                          f"{len(wants)}; drops so far: {dict(self.drops())}\n"
                          + "\n".join(describe(f) for f in out))
        for got, exp in zip(out, wants):
            same(got, exp)
        return out

    def drop(self, frame, reason, where=None, **kw):
        """Frame in (or several), nothing out, and just this reason counted
        once per frame. where: "port" or the name of an ENI."""
        frames = frame if isinstance(frame, (list, tuple)) else [frame]
        before = self.stats()
        out = self.send(*frames, **kw)
        check(not out, f"not dropped ({reason}):\n" +
              "\n".join(describe(f) for f in out))
        after = self.stats()
        equal(dict(self.drops(after) - self.drops(before)),
              {reason: len(frames)}, "drops")
        if where is None:
            return

        def count(stats):
            if where == "port":
                return sum(p["drops"].get(reason, 0) for p in stats["ports"])
            return sum(e[d]["drops"].get(reason, 0) for e in stats["enis"]
                       for d in ("outbound", "inbound") if e["eni"] == where)
        equal(count(after) - count(before), len(frames),
              f"{reason} counted by {where}")

    def passes(self, frame, **kw):
        """Frame in (or several); it is none of ours and goes to the stack."""
        frames = frame if isinstance(frame, (list, tuple)) else [frame]
        before = self.stats()
        out = self.send(*frames, **kw)
        after = self.stats()
        equal(dict(self.drops(after) - self.drops(before)), {}, "drops")

        def total(stats, key):
            return sum(p[key] for p in stats["ports"])
        equal(total(after, "ours") - total(before, "ours"), 0, "ours")
        equal(total(after, "passed") - total(before, "passed"),
              len(frames) + MARKERS, "passed")
        return out


def noise(frame):
    """Frames that a namespace sends by itself: MLD, router solicitations."""
    return (frame[:2] == b"\x33\x33" and frame[12:14] == b"\x86\xdd")


def same(got, want):
    """Byte equality, but for the flow label of an outer IPv6 header, which is
    a hash by a secret key."""
    def mask(f):
        if f[12:14] == b"\x86\xdd":
            return f[:14] + bytes([f[14], f[15] & 0xf0, 0, 0]) + f[18:]
        return f
    if mask(got) != mask(want):
        where = next((i for i, (a, b) in enumerate(zip(mask(got), mask(want)))
                      if a != b), min(len(got), len(want)))
        raise Failure(f"wrong from byte {where} on\ngot  {describe(got)}\n"
                      f"want {describe(want)}")


def describe(frame):
    """A frame for the log: what scapy makes of it, and the bytes."""
    try:
        from frames import summary  # pylint: disable=import-outside-toplevel
        text = summary(frame)
    except Exception as e:  # pylint: disable=broad-except
        text = f"({e})"
    return f"{len(frame)} bytes: {text}\n     {frame.hex(' ', 2)}"


# -- rows of the configuration ------------------------------------------------

def row(table, *key, op="SET", **fields):
    return {f"DASH_{table}_TABLE:{':'.join(str(k) for k in key)}": fields,
            "OP": op}


def delete(table, *key):
    return row(table, *key, op="DEL")


def rule(group, prio, action, terminating=True, **fields):
    """An ACL rule named after its priority."""
    return row("ACL_RULE", group, f"r{prio}", priority=prio, action=action,
               terminating=terminating, **fields)


def group(name, *rules, ver="ipv4", **fields):
    """An ACL group and its rules, each (priority, action, terminating,
    {fields})."""
    rows = [row("ACL_GROUP", name, ip_version=ver, **fields)]
    for prio, action, term, match in rules:
        rows.append(rule(name, prio, action, term, **match))
    return rows


def route_rule(eni, vni, prefix, prio, action="decap", **fields):
    return row("ROUTE_RULE", eni, vni, prefix, prio, action_type=action,
               **fields)


def mapping(vnet, ca, pa, mac=None, **fields):
    if mac:
        fields["mac_address"] = mac
    return row("VNET_MAPPING", vnet, ca, routing_type="vnet_encap",
               underlay_ip=pa, **fields)


def bind(eni, direction, stage, v4=None, v6=None):
    """direction: "in" or "out"."""
    fields = {}
    if v4:
        fields["v4_acl_group_id"] = v4
    if v6:
        fields["v6_acl_group_id"] = v6
    return row(f"ACL_{direction.upper()}", eni, stage, **fields)


# What most scripts start from: one VM in one VNET, three more VMs somewhere
# else. Number n of them has the CAs ca(n), ca6(n), lives behind the PAs pa(n),
# pa6(n) and has the MAC mac(n); the ENI's VM is number 1.

VIP, VIP6 = "100.0.0.254", "fd00:100::fe"
VM_VNI = 9000
VNI = 100


def ca(n, v6=False):
    return f"fd00:10::{n:x}" if v6 else f"10.0.0.{n}"


def pa(n, v6=False):
    return f"fd00:100::{n:x}" if v6 else f"100.0.0.{n}"


def vip(v6=False):
    return VIP6 if v6 else VIP


def mac(n):
    return f"02:00:00:00:00:{n:02x}"


def base(*extra, app=None, eni=None, routes=True):
    """The rows of that. app and eni: more fields of these rows. Among extra,
    lists of rows are taken apart."""
    rows = [
        row("APPLIANCE", "1", **{"sip": [VIP, VIP6], "vm_vni": VM_VNI,
                                 **EXACT, **PATIENT, **(app or {})}),
        row("VNET", "v1", vni=VNI),
        row("ENI", "eni1", **{"mac_address": mac(1), "underlay_ip": pa(1),
                              "admin_state": "enabled", "vnet": "v1",
                              **(eni or {})}),
    ]
    if routes:
        rows += [
            row("ROUTE_GROUP", "rg"),
            row("ROUTE", "rg", "10.0.0.0/24", routing_type="vnet", vnet="v1"),
            row("ROUTE", "rg", "fd00:10::/64", routing_type="vnet", vnet="v1"),
            row("ENI_ROUTE", "eni1", group_id="rg"),
        ]
    for n in (2, 3, 4):
        rows += [mapping("v1", ca(n), pa(n), mac(n)),
                 mapping("v1", ca(n, True), pa(n), mac(n))]
    for item in extra:
        rows += item if isinstance(item, list) else [item]
    return rows


def remove_namespaces(pid):
    """Remove what a script of that process left behind."""
    if not os.path.isdir("/run/netns"):
        return
    for name in os.listdir("/run/netns"):
        if name.startswith(f"dt{pid}-"):
            run("ip", "netns", "del", name, ok=False)


__all__ = [n for n, v in list(globals().items())
           if not n.startswith("_") and not inspect.ismodule(v)]
