#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Connections from user space: saved and restored, made and removed by hand,
filtered, counted, the first of an order: SPEC 4, 6."""

import json
import os
import random
import struct
import subprocess
import tempfile
import time

from dashtest import (SLOW, VNI, Net, base, bind, ca, case, cases, check,
                      equal, eventually, group, mac, main, pa, route_rule, row,
                      run)
from frames import (echo, from_peer, from_vm, patch, peer_frame, tcp, to_peer,
                    to_vm, udp, vm_frame)

net = Net()

RULE = route_rule("eni1", VNI, "100.0.0.0/24", 1, vnet="v1")
SEED = int(os.environ.get("DASH_SEED", "20261124"))

HEAD = struct.Struct("=8sII")
NLA = struct.Struct("=HH")


def dashctl(*args, data=None):
    """Exit status, what it printed, what it complained; bytes in and out."""
    p = subprocess.run([os.environ.get("DASHCTL", "dashctl"), "-n", net.app,
                        *args], input=data, capture_output=True, check=False)
    return p.returncode, p.stdout, p.stderr.decode()


def save():
    status, out, err = dashctl("save", "--flows")
    equal((status, err), (0, ""), "save --flows")
    return out


def load(data, status=0):
    """Load a file of connections; return (what became of them, complaints)."""
    got, out, err = dashctl("-j", "load", "--flows", "-", data=data)
    equal(got, status, f"exit status of load --flows ({err.strip()})")
    return json.loads(out) if out else None, err


def result(restored=0, existing=0, expired=0, **failed):
    return {"restored": restored, "existing": existing, "expired": expired,
            "failed": failed}


def records(data):
    """[(offset, type, content)] of a file."""
    out, at = [], HEAD.size
    while at < len(data):
        size, kind = NLA.unpack_from(data, at)
        out.append((at, kind, data[at + 4:at + size]))
        at += (size + 3) & ~3
    return out


def reload():
    """The module is another one, with the same configuration."""
    rows = net.save()
    if net.genl:
        net.genl.sock.close()
        net.genl = None
    run("rmmod", "dash")
    ko = os.environ.get("DASH_KO")
    run(*(["insmod", ko] if ko else ["modprobe", "dash"]))
    net.loaded = None
    net.load(rows, "--ignore-unknown")
    equal(net.flows(), [], "connections of the new module")


def nvgre(frame):
    """A VXLAN packet as NVGRE: same inner frame, VSID for VNI."""
    ip = bytearray(frame[14:34])
    vni, inner = frame[46:49], frame[50:]
    ip[2:4] = (20 + 8 + len(inner)).to_bytes(2, "big")
    ip[9] = 47
    ip[10:12] = b"\0\0"
    total = sum(struct.unpack("!10H", ip))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    ip[10:12] = (~total & 0xffff).to_bytes(2, "big")
    return frame[:14] + bytes(ip) + b"\x20\0\x65\x58" + vni + b"\0" + inner


def kinds(v6=False):
    """{name: (packets that open it, packets that only it lets pass)}."""
    port = net.sport()

    def vm(l4, **kw):
        return from_vm(vm_frame(2, l4, v6, **kw))

    def peer(l4, **kw):
        return from_peer(2, peer_frame(2, l4, v6, **kw))
    nh = "nh" if v6 else "proto"
    out = {
        "TCP": ([vm(tcp(port, 80, "S", 5)),
                 peer(tcp(80, port, "SA", 9, 6)),
                 vm(tcp(port, 80, "A", 6, 10))],
                [peer(tcp(80, port, "A", 10, 6, b"hello")),
                 vm(tcp(port, 80, "A", 6, 15, b"you"))]),
        "TCP, inbound": ([peer(tcp(port, 81, "S", 5)),
                          vm(tcp(81, port, "SA", 9, 6)),
                          peer(tcp(port, 81, "A", 6, 10))],
                         [vm(tcp(81, port, "A", 10, 6, b"hello")),
                          peer(tcp(port, 81, "A", 6, 15, b"you"))]),
        "UDP": ([vm(udp(port, 53)), peer(udp(53, port))],
                [peer(udp(53, port))]),
        "ICMP": ([vm(echo(port, v6)), peer(echo(port, v6, True))],
                 [peer(echo(port, v6, True))]),
        "ESP": ([vm(bytes(24), **{nh: 50})], [peer(bytes(24), **{nh: 50})]),
    }
    if not v6:
        out["timestamp"] = ([patch(vm(echo(port)), 50 + 34, 13)],
                            [patch(peer(echo(port)), 50 + 34, 14)])
        out["NVGRE, inbound"] = ([nvgre(peer(udp(port, 82)))],
                                 [vm(udp(82, port))])
    return out


# -- saving and restoring -----------------------------------------------------

@cases({"connections outlive the module, IPv4": False,
        "connections outlive the module, IPv6": True}, stock=True)
def outlive(v6):
    net.load(base(RULE, routes=True))
    known = kinds(v6)
    before = {}
    for name, (first, later) in known.items():
        for f in first:
            equal(len(net.send(f)), 1, f"{name}: packets sent")
        before[name] = [net.send(f) for f in later]
        equal([len(x) for x in before[name]], [1] * len(later), name)
    flows = {(f["proto"], f["dport"]): f for f in net.flows()}
    equal(len(flows), len(known) - ("timestamp" in known), "connections")
    data = save()

    reload()
    # Nothing of that passes by itself (TCP: it has no SYN; the rest: it is
    # a reply, for which there is no rule in this direction).
    net.dashctl("eni", "set", "eni1", "admin_state", "enabled")
    for name in ("TCP", "TCP, inbound"):
        net.drop(known[name][1][0],
                 "tcp_no_syn", "eni1")
    equal(load(data)[0], result(restored=len(known)), "restored")
    for name, (_, later) in known.items():
        equal([net.send(f) for f in later], before[name],
              f"{name}: what comes out, now and before")
    for f in net.flows():
        old = flows[f["proto"], f["dport"]]
        for key in ("eni", "direction", "src", "dst", "sport", "state", "pa",
                    "vni"):
            equal(f[key], old[key], f"{f['proto']}: {key}")
        check(f["forward"]["packets"] >= old["forward"]["packets"] > 0,
              f"packets: {f}")
    # Those that are there win.
    equal(load(data)[0], result(existing=len(known)), "restored again")


@case("restored TCP: the state goes on, an RST has to fit")
def tcp_state():
    net.load(base(RULE))
    port = net.sport()
    vm, peer = (lambda *a: net.send(from_vm(vm_frame(2, tcp(port, 80, *a)))),
                lambda *a: net.send(from_peer(2, peer_frame(
                    2, tcp(80, port, *a)))))
    vm("S", 5)
    peer("SA", 900, 6)
    vm("A", 6, 901)
    data = save()
    net.flush()
    equal(load(data)[0], result(restored=1), "restored")
    state = lambda: net.flows("sport", str(port))[0]["state"]  # noqa: E731
    equal(state(), "established", "state")
    peer("R", 900 + 1_000_000, 6)
    equal(state(), "established", "state after a forged RST")
    vm("FA", 6, 901)
    equal(state(), "established", "half closed")
    data = save()
    net.flush()
    load(data)
    peer("FA", 901, 7)
    equal(state(), "fin", "after the second FIN")
    data = save()
    net.flush()
    load(data)
    vm("A", 7, 902)
    equal(state(), "time_wait", "after its ACK")
    # A SYN that waits for its answer still does.
    net.flush()
    port = net.sport()
    vm("S", 5)
    data = save()
    net.flush()
    load(data)
    equal(state(), "syn_sent", "state")
    peer("SA", 900, 6)
    equal(state(), "syn_recv", "state")
    peer("R", 901, 6)
    equal(state(), "closed", "state")


@case("restoring asks the policy that there is now")
def policy():
    net.load(base(RULE))
    for port in (1001, 1002, 1003):
        net.send(from_vm(vm_frame(2, udp(port, 53))))
        net.send(from_vm(vm_frame(3, udp(port, 53))))
    data = save()
    net.load(base(RULE, *group("g", (1, "deny", True,
                                     {"src_port": "1001"}),
                               (2, "allow", True, {})),
                  bind("eni1", "out", 1, "g"),
                  row("VNET_MAPPING", "v1", ca(3), op="DEL")))
    got, _ = load(data)
    equal(got, result(restored=2, acl_deny=2, no_mapping=2), "restored")
    # Another name of the ENI: they are nobody's.
    net.load(json.loads(json.dumps(base(RULE)).replace("eni1", "eni7")))
    equal(load(data)[0], result(no_eni=6), "restored")
    # Its VIP is another one: what there is, as for connections that exist.
    net.load(base(RULE, app={"sip": ["100.0.0.253"]}))
    equal(load(data)[0], result(restored=6), "restored")
    f = from_vm(vm_frame(2, udp(1001, 53)), dst="100.0.0.253")
    net.forwards(f, to_peer(2, vm_frame(2, udp(1001, 53)), src="100.0.0.253"))


@case("limits hold, nobody makes room, nothing is charged twice")
def limits():
    net.load(base(RULE))
    for port in range(8):
        net.send(from_vm(vm_frame(2, udp(2000 + port, 53))))
    data = save()
    net.load(base(RULE, row("QOS", "q", flows=5, cps=1), eni={"qos": "q"}))
    equal(load(data)[0], result(restored=5, flow_limit=3), "restored")
    equal(net.json("flow", "count")["count"], 5, "connections")
    equal(net.eni_stats()["flows"]["current"], 5, "connections")
    # One that is there stays, though nobody answered it.
    net.load(base(RULE, row("QOS", "q", flows=3), eni={"qos": "q"}))
    net.send(from_vm(vm_frame(3, udp(7, 7))))
    equal(load(data)[0], result(restored=2, flow_limit=6), "restored")
    equal(len(net.flows("dport", "7")), 1, "the one that was there")
    net.load(base(RULE, app={"max_flows": 4}))
    equal(load(data)[0], result(restored=4, max_flows=4), "restored")
    net.load(base(RULE))
    equal(load(data)[0], result(restored=8), "restored")
    net.flush()
    net.load(base(RULE, app={"timeout_udp_new": 1}))
    net.send(from_vm(vm_frame(2, udp(2000, 53))))
    equal(len(net.flows()), 1, "connections")
    eventually(lambda: not net.flows(), "gone", 3)


@case("an idle connection expires as if nothing had been")
def expires():
    net.load(base(RULE))
    net.send(from_vm(vm_frame(2, udp(3000, 53))))
    eventually(lambda: net.flows()[0]["idle"] >= 2, "idle", 4)
    data = save()
    net.load(base(RULE, app={"timeout_udp_new": 2}))
    equal(load(data)[0], result(expired=1), "restored")
    net.load(base(RULE, app={"timeout_udp_new": 4}))
    equal(load(data)[0], result(restored=1), "restored")
    check(net.flows()[0]["age"] >= 2, "age")
    eventually(lambda: not net.flows(), "gone", 4)


@case("files that are none, cut off, of another version")
def files():
    net.load(base(RULE))
    for port in range(3):
        net.send(from_vm(vm_frame(2, udp(4000 + port, 53))))
    data = save()
    net.flush()
    recs = records(data)
    equal([kind for _, kind, _ in recs], [1, 1, 1, 2], "records")
    for what, bad, words in (
            ("empty", b"", "at byte 0: this is no file of connections"),
            ("JSON", b'{"flows": []}' * 9, "at byte 0: this is no file"),
            ("version", patch(data, 8, struct.pack("=I", 2)),
             "at byte 8: version 2, this dashctl knows version 1"),
            ("order", patch(data, 12, data[12:16][::-1]),
             "at byte 12: written by a machine of the other byte order"),
            ("cut in a record", data[:recs[1][0] + 20],
             f"at byte {recs[1][0]}: the file ends within this record"),
            ("cut between", data[:recs[2][0]],
             f"at byte {recs[2][0]}: the file ends too early"),
            ("one missing", data[:recs[2][0]] + data[recs[3][0]:],
             "2 connections instead of 3"),
            ("more", data + b"\0", f"at byte {len(data)}: something behind"),
            ("length", patch(data, recs[1][0], b"\2\0"),
             f"at byte {recs[1][0]}: a record without a length")):
        _, err = load(bad, status=1)
        check(words in err, f"{what}: {err!r}")
        equal(net.flows(), [], f"{what}: connections")
    # What is not known is skipped: an attribute, a record.
    more = NLA.pack(12, 999) + bytes(8)
    at, _, content = recs[0]
    new = (data[:at] + NLA.pack(4 + len(content) + 12, 1) + content + more +
           NLA.pack(8, 77) + bytes(4) + data[recs[1][0]:])
    equal(load(new)[0], result(restored=3), "restored")
    # As files, too, whole or not at all.
    with tempfile.TemporaryDirectory(dir=os.environ.get("DASH_OUT")) as d:
        path = f"{d}/flows"
        net.dashctl("save", "--flows", "-o", path)
        equal(os.listdir(d), ["flows"], "files")
        net.flush()
        net.dashctl("load", "--flows", path)
        equal(len(net.flows()), 3, "connections")
        p = net.dashctl("save", "--flows", "-o", f"{d}/no/flows", ok=False)
        equal(p.returncode, 1, "exit status")
    p = net.dashctl("load", "--flows", "/no/such/file", ok=False)
    check(p.returncode == 1 and "No such file" in p.stderr, p.stderr)
    p = net.dashctl("load", "--flows", "--sync", "/dev/null", ok=False)
    check(p.returncode == 1 and "--flows" in p.stderr, p.stderr)


@case("damaged files do no harm")
def fuzz():
    """Bits of the contents flipped: the frame is whole, so that they get to
    the kernel. It has to stay alive, and sums right."""
    net.load(base(RULE))
    for first, _ in list(kinds().values()) + list(kinds(True).values()):
        for f in first:
            net.send(f)
    data = save()
    recs = records(data)
    rand = random.Random(SEED)
    print(f"# DASH_SEED={SEED}")
    for _ in range(25):
        bad = bytearray(data)
        for _ in range(rand.randrange(1, 40)):
            at, kind, content = rand.choice(recs[:-1])
            if rand.randrange(2):   # an attribute's header
                pos = 0
                for _ in range(rand.randrange(18)):
                    size = NLA.unpack_from(content, pos)[0]
                    if pos + ((size + 3) & ~3) + 4 > len(content):
                        break
                    pos += (size + 3) & ~3
                pos += rand.randrange(4)
            else:
                pos = rand.randrange(len(content))
            bad[at + 4 + pos] ^= 1 << rand.randrange(8)
        net.flush()
        status, out, err = dashctl("-j", "load", "--flows", "-",
                                   data=bytes(bad))
        check(status in (0, 1), f"exit status {status}: {err}")
        got = json.loads(out)
        equal(got["restored"] + got["existing"] + got["expired"] +
              sum(got["failed"].values()), len(recs) - 1, "sum")
        equal(len(net.flows()), got["restored"], "connections")
    # And any bytes at all, for the tool.
    for _ in range(15):
        bad = bytearray(data)
        for _ in range(rand.randrange(1, 4)):
            bad[rand.randrange(len(bad))] ^= 1 << rand.randrange(8)
        status, _, err = dashctl("load", "--flows", "-",
                                 data=bytes(bad[:rand.randrange(len(bad))]))
        equal(status, 1, f"exit status: {err}")
    net.flush()
    equal(load(data)[0], result(restored=len(recs) - 1), "restored")


# -- by hand ------------------------------------------------------------------

def add(*more, ok=True):
    return net.dashctl("flow", "add", *more, ok=ok)


OUT = ("eni", "eni1", "direction", "outbound", "src", ca(1), "dst", ca(9))
FWD = ("forward", "outer_dst", "100.0.0.99", "vni", "4711", "dst_mac", mac(9))
REV = ("reverse", "outer_dst", pa(1), "vni", "9000")


@case("add and del: a connection with transforms of its own", stock=True)
def by_hand():
    net.load(base())
    add(*OUT, "proto", "tcp", "sport", "5000", "dport", "80", *FWD, *REV)
    f = vm_frame(9, tcp(5000, 80, "A", 1, 1, b"x"))
    net.forwards(from_vm(f), to_peer(9, f, dst="100.0.0.99", vni=4711))
    f = peer_frame(9, tcp(80, 5000, "A", 1, 2, b"y"))
    net.forwards(from_peer(99, f, vni=4711), to_vm(f))
    flow, = net.json("flow", "get", "sport", "5000")["flows"]
    equal((flow["state"], flow["forward"]["vni"], flow["forward"]["outer_dst"],
           flow["forward"]["packets"], flow["reverse"]["packets"]),
          ("established", 4711, "100.0.0.99", 1, 1), "connection")
    # It is one as any other: the first change has it decided by policy.
    p = add(*OUT, "proto", "tcp", "sport", "5000", "dport", "80", *FWD, *REV,
            ok=False)
    check(p.returncode == 2 and "there is such a connection" in p.stderr,
          p.stderr)
    name = ("eni", "eni1", "src", ca(1), "dst", ca(9), "proto", "tcp",
            "sport", "5000", "dport", "80")
    net.dashctl("flow", "del", *name)
    p = net.dashctl("flow", "del", *name, ok=False)
    check(p.returncode == 2 and "no such connection" in p.stderr, p.stderr)
    equal(net.flows(), [], "connections")

    add(*OUT, "proto", "udp", "sport", "1", "dport", "2", *FWD, *REV)
    net.dashctl("vnet", "set", "v1", "vni", "101")
    f = vm_frame(9, udp(1, 2))
    net.drop(from_vm(f), "no_mapping", "eni1")
    equal(net.flows(), [], "connections")

    # Inbound, of another protocol, answered in NVGRE.
    add("eni", "eni1", "direction", "inbound", "src", ca(8), "dst", ca(1),
        "proto", "icmp", "sport", "77", "pa", "100.0.0.8", "vni", "88",
        "forward", "outer_dst", pa(1), "vni", "9000",
        "reverse", "outer_dst", "100.0.0.8", "vni", "88", "encap", "nvgre")
    f = peer_frame(8, echo(77))
    net.forwards(from_peer(8, f, vni=88), to_vm(f))
    out, = net.send(from_vm(vm_frame(8, echo(77, reply=True))))
    equal((out[23], out[34:42]), (47, b"\x20\0\x65\x58\0\0\x58\0"), "GRE")
    net.dashctl("flow", "del", "eni", "eni1", "src", ca(8), "dst", ca(1),
                "proto", "icmp", "sport", "77")
    equal(net.flows(), [], "connections")


TUPLE = (*OUT, "proto", "udp", "sport", "1", "dport", "2")


@cases({f"add: {words}": (args, status, words) for args, status, words in (
    ((), 2, "eni is missing"),
    (("eni", "eni1"), 2, "direction is missing"),
    (OUT, 2, "proto is missing"),
    ((*OUT, "proto", "udp", "dport", "1"), 2, "sport is missing"),
    (TUPLE, 2, "forward is missing"),
    ((*TUPLE, *FWD), 2, "reverse is missing"),
    ((*TUPLE, "forward", "vni", "5", *REV), 2,
     "forward: outer_dst is missing"),
    ((*TUPLE, *FWD, "reverse", "outer_dst", pa(1)), 2,
     "reverse: vni is missing"),
    ((*TUPLE, "state", "established", *FWD, *REV), 2,
     "not a state of this protocol"),
    ((*TUPLE, *FWD, "reverse", "outer_src", "fd00::1", "outer_dst", pa(1),
      "vni", "1"), 2, "reverse: outer_src and outer_dst are of different"),
    (("eni", "eniX", *TUPLE[2:], *FWD, *REV), 2, "no such ENI"),
    ((*OUT, "proto", "50", "sport", "1", *FWD, *REV), 2, "has no ports"),
    (("colour", "red"), 1, 'no field "colour"'),
    ((*TUPLE, "forward", "vni", "16777216"), 1, "vni: \"16777216\": not in"),
)})
def add_wrong(args, status, words):
    net.load(base())
    p = add(*args, ok=False)
    equal(p.returncode, status, f"exit status ({p.stderr.strip()})")
    check(words in p.stderr, p.stderr)
    equal(net.flows(), [], "connections")


@case("add: a VIP that packets leave from is one, when it is removed")
def add_vip():
    other = "100.0.0.253"
    net.load(base(row("APPLIANCE", "2", sip=[other])))
    add(*TUPLE, *FWD, "outer_src", other, *REV)
    f = vm_frame(9, udp(1, 2))
    net.forwards(from_vm(f), to_peer(9, f, src=other, dst="100.0.0.99",
                                     vni=4711))
    net.load([row("APPLIANCE", "2", op="DEL")], "--ignore-unknown",
             "--policy", "keep")
    net.drop(from_vm(f), "no_vip", "eni1")
    equal(len(net.flows()), 1, "connections")


# -- finding ------------------------------------------------------------------

def population():
    """Ten connections that the filters tell apart; ports of VM 1."""
    net.load(base(
        RULE, *group("g", (1, "allow", True, {"dst_port": "80"}),
                     (2, "allow", False, {"protocol": "17"}),
                     (3, "allow", True, {})),
        *group("g2", (5, "allow", True, {"dst_port": "53"}),
               default_action="allow"),
        bind("eni1", "out", 1, "g"), bind("eni1", "out", 2, "g2"),
        row("ENI", "eni2", mac_address=mac(9), underlay_ip=pa(9),
            admin_state="enabled", vnet="v1"),
        row("ENI_ROUTE", "eni2", group_id="rg"),
        app={"timeout_syn": 300, "timeout_udp_new": 300, "timeout_icmp": 300}))
    for n, port in ((2, 100), (2, 101), (3, 102), (4, 103)):
        net.send(from_vm(vm_frame(n, tcp(port, 80))))
    net.send(from_peer(2, peer_frame(2, tcp(80, 100, "SA", 1, 1001))))
    for port in (53, 54):
        net.send(from_vm(vm_frame(2, udp(200 + port, port))))
    net.send(from_vm(vm_frame(2, udp(300, 54), True)))
    net.send(from_peer(3, peer_frame(3, udp(80, 400))))
    net.send(from_vm(vm_frame(2, echo(500))))
    net.send(from_vm(patch(vm_frame(2, udp(600, 9)), 6,
                           bytes.fromhex(mac(9).replace(":", ""))),
                     src=pa(9)))


def ports(*filt):
    return sorted(f["sport"] for f in net.flows(*filt))


FILTERS = {
    ("eni", "eni2"): [600],
    ("src", ca(1)): [100, 101, 102, 103, 253, 254, 500, 600],
    ("src", "10.0.0.0/30"): [80, 100, 101, 102, 103, 253, 254, 500, 600],
    ("src", "10.0.0.2/31"): [80],
    ("dst", "10.0.0.4"): [103],
    ("dst", "10.0.0.2/31"): [100, 101, 102, 253, 254, 500, 600],
    ("src", "0.0.0.0/0"): [80, 100, 101, 102, 103, 253, 254, 500, 600],
    ("dst", "::/0"): [80, 100, 101, 102, 103, 253, 254, 300, 500, 600],
    ("dst", "fd00:10::/64"): [300],
    ("proto", "tcp"): [100, 101, 102, 103],
    ("proto", "icmp"): [500],
    ("sport", "80"): [80],
    ("dport", "80"): [100, 101, 102, 103],
    ("port", "80"): [80, 100, 101, 102, 103],
    ("state", "syn_recv"): [100],
    ("state", "icmp", "proto", "udp"): [],
    ("age", "0"): [80, 100, 101, 102, 103, 253, 254, 300, 500, 600],
    ("age", "100"): [],
    ("rule", "g:r1"): [100, 101, 102, 103],
    ("rule", "g:r2"): [],
    ("rule", "g2:r5"): [253],
    ("rule", "g2"): [253, 254],
    ("rule", "g"): [100, 101, 102, 103, 500],
    ("rule", "g:r"): [],
    ("rule", "nosuch"): [],
    ("proto", "tcp", "dst", ca(2), "state", "syn_sent"): [101],
}


@case("every filter selects what it says", stock=True)
def filters():
    population()
    for filt, want in FILTERS.items():
        equal(ports(*filt), want, " ".join(filt))
        equal(net.json("flow", "count", *filt)["count"], len(want),
              f"count {' '.join(filt)}")
    equal(net.json("flow", "flush", "rule", "g2")["removed"], 2, "removed")
    equal(net.json("flow", "flush", "port", "80")["removed"], 5, "removed")
    equal(ports(), [300, 500, 600], "left")
    for wrong, words in ((("src", "10.0.0.0/33"), "not a prefix"),
                         (("rule",), "value of \"rule\" is missing"),
                         (("colour", "red"), 'no filter "colour"')):
        p = net.dashctl("flow", "count", *wrong, ok=False)
        check(p.returncode == 1 and words in p.stderr, p.stderr)


@case("age selects the old")
def age():
    net.load(base())
    net.send(from_vm(vm_frame(2, udp(1, 1))))
    eventually(lambda: ports("age", "1") == [1], "old enough", 3)
    net.send(from_vm(vm_frame(2, udp(2, 1))))
    equal(ports("age", "1"), [1], "old ones")


@case("the rule that decides is told")
def rule_told():
    population()
    f, = net.json("flow", "get", "sport", "253")["flows"]
    equal(f["rule"], "g2:r5", "rule")
    f, = net.json("flow", "get", "sport", "254")["flows"]
    equal(f["rule"], "g2", "rule")
    f, = net.json("flow", "get", "eni", "eni2")["flows"]
    check("rule" not in f, "a rule though nothing is bound")
    told = {f["sport"]: f.get("rule")
            for f in net.json("-d", "flow", "show")["flows"]}
    equal((told[100], told[500], told[600]), ("g:r1", "g:r3", None), "rules")
    check("rule" not in net.flows()[0], "told without being asked")


@case("get by name", stock=True)
def get():
    population()
    for name, want in (
            (("src", ca(1), "dst", ca(2), "proto", "tcp", "sport", "100",
              "dport", "80"), 100),
            (("eni", "eni2", "src", ca(1), "dst", ca(2), "proto", "udp",
              "sport", "600", "dport", "9"), 600),
            (("src", ca(3), "dst", ca(1), "proto", "udp", "sport", "80",
              "dport", "400"), 80),
            (("src", ca(1, True), "dst", ca(2, True), "proto", "udp",
              "sport", "300", "dport", "54"), 300),
            (("src", ca(1), "dst", ca(2), "proto", "icmp", "sport", "500"),
             500)):
        f, = net.json("flow", "get", *name)["flows"]
        equal(f["sport"], want, "connection")
        p = net.dashctl("flow", "get", *name, "state", "closed", ok=False)
        check(p.returncode == 2 and "no such connection" in p.stderr, p.stderr)
    # The words are the initiator's.
    p = net.dashctl("flow", "get", "src", ca(2), "dst", ca(1), "proto", "tcp",
                    "sport", "80", "dport", "100", ok=False)
    equal(p.returncode, 2, "exit status")


@case("the first by bytes, packets, age and idle time", stock=True)
def top():
    net.load(base())
    for n in range(30):
        for _ in range(1 + (n * 7) % 30):
            net.wires["u0"].send(from_vm(vm_frame(2, udp(1000 + n, 9))))
    big = from_vm(vm_frame(2, udp(999, 9, b"x" * 8000)))
    net.send(big)

    def first(n, by, *filt):
        return [f["sport"] for f in
                net.json("flow", "show", "top", str(n), "by", by,
                         *filt)["flows"]]
    order = [1000 + n for n in sorted(range(30), key=lambda n: -(n * 7 % 30))]
    equal(first(5, "packets"), order[:5], "by packets")
    equal(first(1000, "packets", "dst", ca(2)), order[:-1] +
          [f for f in first(1000, "packets")[-2:]], "all by packets")
    equal(first(3, "bytes"), [999, *order[:2]], "by bytes")
    equal(first(2, "bytes", "sport", "1003"), [1003], "of a filter")
    time.sleep(0.3 * SLOW)
    net.send(from_vm(vm_frame(2, udp(2000, 9))))
    equal(first(31, "age")[-1:] != [2000] and
          first(32, "age")[-1], 2000, "by age")
    net.send(from_vm(vm_frame(2, udp(1004, 9))))
    check(set(first(32, "idle")[-2:]) == {2000, 1004}, "by idle time")
    for wrong in (("top",), ("top", "0", "by", "age"), ("top", "5"),
                  ("top", "1001", "by", "age"), ("top", "5", "by", "luck")):
        p = net.dashctl("flow", "show", *wrong, ok=False)
        equal(p.returncode, 1, f"exit status of {wrong}")


main(net)
