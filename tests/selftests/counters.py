#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Counters of single objects, "counter: true": SPEC 2 and 5.

A counted object counts the packets that policy puts by it, and those that
follow them in their connections, both ways."""

import socket
import struct
import tempfile

from confnet import ConfNet
from dashtest import (PEER_MAC, VNI, base, bind, ca, case, check, delete,
                      equal, group, ip_batch, mac, main, mapping, pa,
                      route_rule, row, rule, run)
from frames import (echo, from_peer, from_vm, icmp_error, inner, peer_frame,
                    tcp, udp, vm_frame)
from genl import N, Refused, attr

# for packets of vports, which have no port to go back to
GW = "172.16.0.254"
net = ConfNet(config=f"neigh add {GW} lladdr {PEER_MAC} nud permanent dev u0\n"
              f"route add 100.0.0.0/24 via {GW} dev u0\n")

OBJECTS = {"ROUTE": ("route",), "ROUTE_RULE": ("rule",),
           "VNET_MAPPING": ("mapping",), "ACL_RULE": ("acl", "rule")}
COUNTS = ("packets", "bytes", "reply_packets", "reply_bytes")
LIMIT = 16384       # DASH_COUNTERS_MAX


def shown(table, key):
    """The fields of one object, as dashctl -j shows them."""
    for item in net.json(*OBJECTS[table], "show", key):
        fields = item.get(f"DASH_{table}_TABLE:{key}")
        if fields is not None:
            return fields
    raise AssertionError(f"{table} {key}: not shown")


def counts(table, key):
    """(packets, bytes, reply packets, reply bytes), None without a counter."""
    fields = shown(table, key)
    if "packets" not in fields:
        check(not any(c in fields for c in COUNTS + ("hits",)), f"{fields}")
        return None
    return tuple(fields[c] for c in COUNTS)


class Counts:
    """with Counts({(table, key): (…)}): the counters of these objects grow
    so."""

    def __init__(self, want):
        self.want = want

    def __enter__(self):
        self.before = {k: counts(*k) for k in self.want}

    def __exit__(self, kind, *_):
        if kind:
            return
        for k, want in self.want.items():
            got = tuple(b - a for a, b in zip(self.before[k], counts(*k)))
            equal(got, want, f"counts of {k[0]} {k[1]}")


def n_of(*frames):
    """Packets and bytes that inner frames count as."""
    return len(frames), sum(map(len, frames))


NONE = (0, 0)
R10 = "ROUTE", "rg:10.0.0.0/24"
R20 = "ROUTE", "rg:20.0.0.0/24"
M2 = "VNET_MAPPING", f"v1:{ca(2)}"
M3 = "VNET_MAPPING", f"v1:{ca(3)}"
RULE = "ROUTE_RULE", f"eni1:{VNI}:100.0.0.0/24:1"


def route(prefix, **fields):
    kind = fields.setdefault("routing_type", "vnet")
    if kind in ("vnet", "vnet_direct"):
        fields.setdefault("vnet", "v1")
    return row("ROUTE", "rg", prefix, **fields)


def counted_route(prefix="10.0.0.0/24", **fields):
    return route(prefix, counter=True, **fields)


def counted_mapping(n=2, **fields):
    return mapping("v1", ca(n), pa(n), mac(n), counter=True, **fields)


def counted_rule(**fields):
    return route_rule("eni1", VNI, "100.0.0.0/24", 1, vnet="v1", counter=True,
                      **fields)


def fresh(*extra, **kw):
    """Load that; nothing has counted yet."""
    net.load(base())
    net.load(base(*extra, **kw))


def talk(n=2, out=3, back=2):
    """A connection of the VM: its inner frames each way, and all of them as
    they come to the appliance."""
    port = net.sport()
    there = [vm_frame(n, udp(port, 53, bytes(100 + i))) for i in range(out)]
    here = [peer_frame(n, udp(53, port, bytes(200 + i))) for i in range(back)]
    return there, here, ([from_vm(f) for f in there[:1]] +
                         [from_peer(n, f) for f in here] +
                         [from_vm(f) for f in there[1:]])


def sends(frames, n=None):
    equal(len(net.send(*frames)), len(frames) if n is None else n,
          "frames that came out")


# -- what is counted ----------------------------------------------------------

@case("routes and mappings: every packet of a connection, both ways",
      stock=True)
def outbound():
    net.load(base(counted_route(), counted_mapping(2), counted_mapping(3)))
    there, here, frames = talk(2)
    with Counts({R10: n_of(*there) + n_of(*here),
                 M2: n_of(*there) + n_of(*here), M3: NONE + NONE}):
        sends(frames)
    # another one adds to the route's; more of the first one to both
    more, _, frames3 = talk(3, 4, 0)
    with Counts({R10: n_of(*there[1:], *more) + NONE, M3: n_of(*more) + NONE,
                 M2: n_of(*there[1:]) + NONE}):
        sends([from_vm(f) for f in there[1:]] + frames3)
    # what has no counter shows none
    equal(counts("VNET_MAPPING", f"v1:{ca(4)}"), None, "without counter")
    sends(talk(4)[2])


@case("routes and mappings of IPv6", stock=True)
def outbound_v6():
    net.load(base(counted_route("fd00:10::/64"),
                  mapping("v1", ca(2, True), pa(2), mac(2), counter=True)))
    port = net.sport()
    f = vm_frame(2, udp(port, 53), v6=True)
    back = peer_frame(2, udp(53, port), v6=True)
    with Counts({("ROUTE", "rg:fd00:10::/64"): n_of(f, f) + n_of(back),
                 ("VNET_MAPPING", f"v1:{ca(2, True)}"):
                 n_of(f, f) + n_of(back)}):
        sends([from_vm(f), from_peer(2, back), from_vm(f)])


@case("every routing type")
def kinds():
    table = {
        "20.0.0.0/24": {"routing_type": "vnet_encap", "underlay_ip": pa(80)},
        "20.0.1.0/24": {"routing_type": "vnet_direct", "overlay_ip": ca(2)},
        "20.0.2.0/24": {"routing_type": "tunnel", "tunnel": "t1"},
        "20.0.3.0/24": {"routing_type": "direct"},
    }
    fresh(row("TUNNEL", "t1", endpoints=[pa(81), pa(82)], vni=7),
          counted_mapping(2),
          [counted_route(k, **v) for k, v in table.items()])
    for prefix in table:
        dst = prefix.replace("0/24", "9")
        f = inner(ca(1), dst, udp(net.sport(), 53), mac(1))
        with Counts({("ROUTE", f"rg:{prefix}"): n_of(f, f) + NONE}):
            sends([from_vm(f), from_vm(f)])
    equal(counts(*M2), n_of(f, f) + NONE, "the mapping of vnet_direct")


@case("route rules: every packet of an inbound connection", stock=True)
def inbound():
    net.load(base(counted_rule(),
                  route_rule("eni1", VNI, "0.0.0.0/0", 5, vnet="v1")))
    port = net.sport()
    f = peer_frame(2, udp(port, 53, bytes(300)))
    back = vm_frame(2, udp(53, port, bytes(77)))
    with Counts({RULE: n_of(f, f, f) + n_of(back, back)}):
        sends([from_peer(2, f), from_vm(back), from_peer(2, f),
               from_vm(back), from_peer(2, f)])
    # replies to a connection of the VM do not go by route rules
    with Counts({RULE: NONE + NONE}):
        sends(talk(3)[2])


@case("ACL rules: allowed packets and those that follow, denied ones",
      stock=True)
def acl():
    fresh(
        group("g1", (10, "allow", False, {"dst_addr": [ca(2)],
                                          "counter": True}),
              (20, "deny", True, {"dst_addr": [ca(3)], "counter": True}),
              (30, "deny", False, {"dst_addr": [ca(4)], "counter": True}),
              default_action="allow"),
        group("g2", (10, "allow", True, {"counter": True})),
        bind("eni1", "out", 1, "g1"), bind("eni1", "out", 2, "g2"))
    first = {p: ("ACL_RULE", f"g1:r{p}") for p in (10, 20, 30)}
    second = "ACL_RULE", "g2:r10"

    def hits():
        return [shown(*k)["hits"] for k in [*first.values(), second]]
    # all rules that matched on the way, in each stage that was asked
    there, here, frames = talk(2)
    with Counts({first[10]: n_of(*there) + n_of(*here),
                 second: n_of(*there) + n_of(*here),
                 first[20]: NONE + NONE}):
        sends(frames)
    equal(hits(), [1, 0, 0, 1], "hits")
    # no connection comes of what is denied: each packet is a decision
    f = vm_frame(3, udp(net.sport(), 53))
    with Counts({first[20]: n_of(f, f, f) + NONE, second: NONE + NONE}):
        net.drop([from_vm(f)] * 3, "acl_deny")
    equal(hits(), [1, 3, 0, 1], "hits")
    # overruled, it has matched all the same
    there, here, frames = talk(4)
    with Counts({first[30]: n_of(*there) + n_of(*here),
                 second: n_of(*there) + n_of(*here)}):
        sends(frames)
    equal(hits(), [1, 3, 1, 2], "hits")


@case("dropped by policy: what it came by until then")
def dropped():
    net.load(base(
        counted_route(), counted_route("20.0.0.0/24", routing_type="drop"),
        group("g", (10, "deny", True, {"dst_addr": ["10.0.0.9/32"]}),
              default_action="allow"),
        bind("eni1", "out", 1, "g"), counted_rule(action="drop")))
    f = inner(ca(1), "20.0.0.1", udp(net.sport(), 53), mac(1))
    with Counts({R20: n_of(f, f) + NONE}):
        net.drop([from_vm(f)] * 2, "route_drop")
    # no mapping: the route was met
    f = vm_frame(7, udp(net.sport(), 53))
    with Counts({R10: n_of(f) + NONE}):
        net.drop(from_vm(f), "no_mapping")
    # the ACL comes first
    f = vm_frame(9, udp(net.sport(), 53))
    with Counts({R10: NONE + NONE}):
        net.drop(from_vm(f), "acl_deny")
    f = peer_frame(2, udp(net.sport(), 53))
    with Counts({RULE: n_of(f) + NONE}):
        net.drop(from_peer(2, f), "route_drop")
    # what never comes to policy counts nowhere
    with Counts({R10: NONE + NONE, RULE: NONE + NONE}):
        net.drop(from_vm(vm_frame(2, tcp(net.sport(), 80, "A"))), "tcp_no_syn")


@case("limits: what they refuse has come by")
def limits():
    net.load(base(counted_route(), row("QOS", "q", qos_id="q", cps=1),
                  eni={"qos": "q"}))
    frames = [vm_frame(2, udp(net.sport(), 53)) for _ in range(20)]
    with Counts({R10: n_of(*frames) + NONE}):
        check(len(net.send(*map(from_vm, frames))) < 20, "none was refused")


@case("ICMP errors, TCP, fragments: all that belongs to the connection")
def belongs():
    net.load(base(counted_route(), counted_mapping(2)))
    port = net.sport()
    syn = vm_frame(2, tcp(port, 80))
    back = peer_frame(2, tcp(80, port, "SA", seq=5, ack=1001))
    err = inner("10.9.9.9", ca(1), icmp_error(syn), mac(2), mac(1))
    with Counts({R10: n_of(syn) + n_of(back, err),
                 M2: n_of(syn) + n_of(back, err)}):
        sends([from_vm(syn), from_peer(2, back), from_peer(2, err)])
    f = vm_frame(2, echo(net.sport()))
    with Counts({M2: n_of(f) + NONE}):
        sends([from_vm(f)])
    # a first fragment and one that follows
    data = bytes(64)
    first = vm_frame(2, udp(net.sport(), 53, data), flags="MF", id=77)
    later = vm_frame(2, bytes(40), id=77, frag=9, proto=17)
    with Counts({R10: n_of(first, later) + NONE}):
        sends([from_vm(first), from_vm(later)])


@case("explain counts nothing")
def explain():
    fresh(counted_route(), counted_mapping(2), counted_rule(),
          group("g", (10, "allow", True, {"counter": True})),
          bind("eni1", "out", 1, "g"))
    r = "ACL_RULE", "g:r10"
    with Counts({R10: NONE * 2, M2: NONE * 2, RULE: NONE * 2, r: NONE * 2}):
        for way in (("outbound", "src", ca(1), "dst", ca(2)),
                    ("inbound", "src", ca(2), "dst", ca(1), "vni", str(VNI),
                     "pa", pa(2))):
            net.json("explain", "eni", "eni1", *way, "proto", "udp", "sport",
                     "7", "dport", "9")
    equal(shown(*r)["hits"], 0, "hits")


# -- large packets ------------------------------------------------------------

@case("a GSO packet counts as the frames that it is cut into")
def gso():
    """The VM's frame with a virtio_net header, by a vport."""
    peer = f"vg{net.num}"
    ip_batch(f"link add {peer} address {mac(1)} mtu 1500 type veth peer name "
             f"tg netns {net.app}\nlink set {peer} up\n")
    ip_batch("link set tg up\n", net.app)
    net.load(base(counted_route(), counted_mapping(2),
                  {"PORT:tg": {"role": "vport", "eni": "eni1"}, "OP": "SET"},
                  app={"underlay_mode": "fib"}, eni={"underlay_ip": None}))
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.bind((peer, 0))
    sock.setsockopt(263, 15, 1)             # PACKET_VNET_HDR
    port = net.sport()

    def vm(f, mss=0):
        """flags, gso_type, hdr_len, gso_size, csum_start, csum_offset"""
        hdr = (struct.pack("=BBHHHH", 1, 1, 54, mss, 34, 16) if mss else
               bytes(10))
        if mss:     # the checksum is to be completed: a pseudo header's
            pseudo = f[26:34] + struct.pack("!BBH", 0, 6, len(f) - 34)
            s = sum(struct.unpack("!6H", pseudo))
            s = (s & 0xffff) + (s >> 16)
            f = f[:50] + struct.pack("!H", (s & 0xffff) + (s >> 16)) + f[52:]
        sock.send(hdr + f)
        return len(net.mark()) + len(net.mark())

    try:
        syn = vm_frame(2, tcp(port, 80))
        with Counts({R10: n_of(syn) + NONE}):
            equal(vm(syn), 1, "frames of the SYN")
        # 3 full segments and a short one, each with its headers
        big = vm_frame(2, tcp(port, 80, "A", seq=1001, ack=1,
                              data=bytes(3 * 1000 + 10)))
        want = (4, len(big) + 3 * 54, 0, 0)
        with Counts({R10: want, M2: want}):
            equal(vm(big, 1000), 4, "frames that came out")
    finally:
        sock.close()
        net.load(base())
        run("ip", "link", "del", peer)


# -- changes ------------------------------------------------------------------

@case("replaced objects go on counting, connections go on being counted",
      stock=True)
def replaced():
    fresh(counted_route(), counted_mapping(2), counted_rule(),
          group("g", (10, "allow", True, {"counter": True})),
          bind("eni1", "out", 1, "g"))
    r = "ACL_RULE", "g:r10"
    f = vm_frame(2, udp(net.sport(), 53))
    g = peer_frame(3, udp(net.sport(), 53))
    sends([from_vm(f), from_peer(3, g)])
    n = 1
    for rows in ([counted_route(metering_class_or=4)],
                 [counted_mapping(2, vni=77)],
                 [counted_rule(metering_class_or=3)],
                 [rule("g", 10, "allow", counter=True, protocol=[17])],
                 # deleted and set again within one change
                 [delete("ROUTE", "rg", "10.0.0.0/24"), counted_route()],
                 [delete("VNET_MAPPING", "v1", ca(2)), counted_mapping(2)],
                 [delete("ROUTE_RULE", "eni1", VNI, "100.0.0.0/24", 1),
                  counted_rule()],
                 [delete("ACL_RULE", "g", "r10"),
                  rule("g", 10, "allow", counter=True)],
                 # set twice
                 [counted_mapping(2, vni=5), counted_mapping(2, vni=6),
                  counted_route(metering_class_or=9), counted_route()],
                 # nothing of theirs
                 [mapping("v1", ca(9), pa(9)), route("30.0.0.0/8")]):
        net.change(*rows)
        sends([from_vm(f), from_peer(3, g)])
        n += 1
        for key, frame in ((R10, f), (M2, f), (r, f), (RULE, g)):
            equal(counts(*key), (n, n * len(frame), 0, 0),
                  f"{key[0]} after {rows}")
    # all of it again, as save has it
    net.load(net.save(), "--sync")
    for key, frame in ((R10, f), (M2, f), (RULE, g)):
        equal(counts(*key), (n, n * len(frame), 0, 0), f"{key[0]} after sync")


@case("a refused change leaves counters alone")
def refused():
    fresh(counted_route(), counted_mapping(2), counted_rule())
    f = vm_frame(2, udp(net.sport(), 53))
    sends([from_vm(f)])
    p = net.change(
        route("10.0.0.0/24"), mapping("v1", ca(2), pa(2)),
        counted_mapping(3), counted_route("40.0.0.0/8"),
        delete("ROUTE_RULE", "eni1", VNI, "100.0.0.0/24", 1),
        row("ENI_ROUTE", "eni1", group_id="none"), ok=False)
    equal(p.returncode, 2, "exit status")
    sends([from_vm(f)])
    equal((counts(*R10), counts(*M2)), ((2, 2 * len(f), 0, 0),) * 2, "counts")
    equal(counts(*M3), None, "a counter that was not set")
    equal(used(), 3, "counters in use")
    # the same, only tried
    net.load([route("10.0.0.0/24"), counted_mapping(3)], "--check")
    equal((used(), counts(*R10)), (3, (2, 2 * len(f), 0, 0)), "after --check")


def used():
    """How many counters the instance has."""
    return next(m["objects"] for m in net.json("stats", "memory")["memory"]
                if m["kind"] == "counter")


@case("switched off: gone; on again: from zero", stock=True)
def off():
    fresh(counted_route(), counted_mapping(2), counted_rule(),
          group("g", (10, "allow", True, {"counter": True})),
          bind("eni1", "out", 1, "g"))
    r = "ACL_RULE", "g:r10"
    keys = {R10: counted_route(), M2: counted_mapping(2), RULE: counted_rule(),
            r: rule("g", 10, "allow", counter=True)}
    f = vm_frame(2, udp(net.sport(), 53))
    g = peer_frame(3, udp(net.sport(), 53))
    frames = [from_vm(f), from_peer(3, g)]
    sends(frames)
    equal(used(), 4, "counters in use")
    for flag in (False, None):
        for what in keys.values():
            name = next(k for k in what if k != "OP")
            net.change({name: {k: v for k, v in what[name].items()
                               if k != "counter"} |
                        ({} if flag is None else {"counter": flag}),
                        "OP": "SET"})
        sends(frames)
        for key in keys:
            equal(counts(*key), None, f"{key[0]} without counter")
        equal(used(), 0, "counters in use")
        net.change(*keys.values())
        for key in keys:
            equal(counts(*key), NONE * 2, f"{key[0]} with it again")
        sends(frames)
        for key in keys:
            equal(counts(*key)[0], 1, f"{key[0]} after a packet")


@case("deleted objects: counters go; parents take them along")
def deleted():
    for gone in ([delete("ROUTE", "rg", "10.0.0.0/24"),
                  delete("VNET_MAPPING", "v1", ca(2)),
                  delete("ROUTE_RULE", "eni1", VNI, "100.0.0.0/24"),
                  delete("ACL_RULE", "g", "r10")],
                 [delete("ENI", "eni1"), delete("ROUTE_GROUP", "rg"),
                  delete("VNET", "v1"), delete("ACL_GROUP", "g")]):
        fresh(counted_route(), counted_mapping(2), counted_rule(),
              group("g", (10, "allow", True, {"counter": True})),
              bind("eni1", "out", 1, "g"))
        sends([from_vm(vm_frame(2, udp(net.sport(), 53)))])
        equal(used(), 4, "counters in use")
        net.change(*gone)
        equal(used(), 0, "counters after their objects")
        # connections decided by them may still be there, and go later
        net.send(from_vm(vm_frame(2, udp(net.sport(), 53))))
    net.load(base(counted_route(), counted_mapping(2)))
    equal((counts(*R10), counts(*M2)), (NONE * 2,) * 2, "of new objects")


@case("resimulation moves the counting to what decides now", stock=True)
def resim():
    net.load(base(counted_route(), counted_mapping(2)))
    there, here, frames = talk(2)
    sends(frames)
    was = counts(*R10)
    # a longer prefix takes the connection over
    net.change(counted_route(f"{ca(2)}/32"))
    key = "ROUTE", f"rg:{ca(2)}/32"
    with Counts({R10: NONE * 2, key: n_of(*there) + n_of(*here),
                 M2: n_of(*there) + n_of(*here)}):
        sends(frames)
    equal(counts(*R10), was, "of the route that does not decide any more")
    # and gives it back
    net.change(delete("ROUTE", "rg", f"{ca(2)}/32"))
    with Counts({R10: n_of(*there) + n_of(*here)}):
        sends(frames)
    # denied now: this packet has come by the rule that says so
    net.change(*group("g", (10, "deny", True, {"counter": True})),
               bind("eni1", "out", 1, "g"))
    with Counts({("ACL_RULE", "g:r10"): NONE + n_of(here[0]),
                 R10: NONE * 2}):
        net.drop(from_peer(2, here[0]), "acl_deny")
    equal(net.flows(), [], "connections")


@case("policy keep: the old decision goes on counting, if its object does")
def keep():
    net.load(base(counted_route(), counted_mapping(2)))
    there, _, frames = talk(2)
    sends(frames)
    net.load([counted_route(f"{ca(2)}/32")], "--policy", "keep")
    with Counts({R10: n_of(*there[1:]) + NONE,
                 ("ROUTE", f"rg:{ca(2)}/32"): NONE * 2}):
        sends([from_vm(f) for f in there[1:]])
    # its counter is no more, the connection is
    net.load([route("10.0.0.0/24")], "--policy", "keep")
    with Counts({M2: n_of(*there) + NONE}):
        sends([from_vm(f) for f in there])
    net.load([counted_route()], "--policy", "keep")
    with Counts({M2: n_of(*there) + NONE, R10: NONE * 2}):
        sends([from_vm(f) for f in there])


@case("connections that are restored count where they are decided")
def restored():
    net.load(base(counted_route(), counted_mapping(2)))
    there, here, frames = talk(2)
    sends(frames)
    with tempfile.NamedTemporaryFile() as saved:
        net.dashctl("save", "--flows", "-o", saved.name)
        net.flush()
        with Counts({R10: NONE * 2, M2: NONE * 2}):
            net.dashctl("load", "--flows", saved.name)
    with Counts({R10: n_of(there[1]) + n_of(here[0]),
                 M2: n_of(there[1]) + n_of(here[0])}):
        sends([from_vm(there[1]), from_peer(2, here[0])])


# -- how many -----------------------------------------------------------------

def many(n, first=0):
    return [mapping("v1", f"10.{1 + i // 65536}.{i // 256 % 256}.{i % 256}",
                    pa(5), counter=True) for i in range(first, first + n)]


@case("limit: the object is named, nothing changes")
def limit():
    fresh(many(LIMIT - 1), counted_route())
    equal(used(), LIMIT, "counters in use")
    for one, name in ((many(1, LIMIT), "DASH_VNET_MAPPING_TABLE:v1:10.1.64.0"),
                      ([counted_route("20.0.0.0/24", routing_type="drop")],
                       "DASH_ROUTE_TABLE:rg:20.0.0.0/24"),
                      ([counted_rule()], "DASH_ROUTE_RULE_TABLE:eni1:"),
                      (group("g", (1, "deny", True, {"counter": True})),
                       "DASH_ACL_RULE_TABLE:g:r1")):
        p = net.change(*one, ok=False)
        check(p.returncode == 2 and name in p.stderr and
              "counter" in p.stderr and str(LIMIT) in p.stderr, p.stderr)
        equal(used(), LIMIT, "counters in use")
    # those that have one may be set again, others without
    net.change(counted_route(metering_class_or=1), route("20.0.0.0/8"),
               *many(1, 9))
    sends(talk(2)[2])
    net.change(delete("VNET_MAPPING", "v1", "10.1.0.0"))
    net.change(counted_rule())
    equal(used(), LIMIT, "counters in use")


@case("max_memory takes them into account")
def max_memory():
    app = {"max_memory": 10 ** 9}
    net.load(base(app=app))

    def total():
        return sum(m["bytes"] for m in net.json("stats", "memory")["memory"]
                   if m["kind"] != "flow")
    net.change(*many(1000))
    kinds = {m["kind"]: m for m in net.json("stats", "memory")["memory"]}
    equal(kinds["counter"]["objects"], 1000, "counters")
    size = kinds["counter"]["bytes"]
    check(size >= 1000 * 64, f"{size} bytes of counters")
    net.load(base(app=app))
    # the mappings fit, with their counters they do not
    net.change(base(app={"max_memory": total() + size * 3 // 4})[0])
    plain = [{k: {**v, "counter": False} if k != "OP" else v
              for k, v in r.items()} for r in many(1000)]
    net.change(*plain)
    p = net.change(*many(1000), ok=False)
    check(p.returncode == 2 and "max_memory" in p.stderr, p.stderr)
    equal(used(), 0, "counters in use")


# -- showing ------------------------------------------------------------------

@case("show, save, load: a fixed point without counts", stock=True)
def show():
    fresh(counted_route(), counted_mapping(2), counted_rule(),
          group("g", (10, "allow", True, {"counter": True})),
          bind("eni1", "out", 1, "g"))
    before = net.save()
    f = vm_frame(2, udp(net.sport(), 53, bytes(1234 - 42)))
    sends([from_vm(f)] * 3)
    saved = net.save()
    equal(saved, before, "save, after packets")
    has = [k for r in saved for k, v in r.items() if k != "OP" and
           isinstance(v, dict) and v.get("counter") is True]
    equal(len(has), 4, f"rows with counter: {has}")
    check(not any(c in v for r in saved for k, v in r.items() if k != "OP"
                  for c in COUNTS + ("hits",)), f"{saved}")
    net.load(saved, "--sync")
    equal(net.save(), saved, "after load --sync")
    # what show prints can be loaded, too
    for kind in OBJECTS.values():
        net.load(net.json(*kind, "show"), "--ignore-unknown")
    equal(net.save(), saved, "after loading what show prints")
    for kind in OBJECTS.values():
        text = net.dashctl(*kind, "show").stdout
        check("PACKETS" in text and "REPLY_BYTES" in text, text)
        if kind != ("rule",):
            check("3702" in text, text)
    # explain shows the rows that decide, with what they have counted
    ex = net.json("explain", "eni", "eni1", "outbound", "src", ca(1), "dst",
                  ca(2), "proto", "udp", "sport", "7", "dport", "9")
    equal((ex["route"]["packets"], ex["mapping"]["packets"]), (3, 3),
          "of explain")


@case("a row that is set with counts is refused")
def set_counts():
    net.load(base(counted_mapping(2)))
    before = net.save()

    def put(*more):
        return attr(N["DASH_A_CONFIG_MAPPING"], b"".join(
            attr(N[f"DASH_A_MAPPING_{name}"], value) for name, value in (
                ("VNET", "v1"), ("IP", bytes([10, 0, 0, 2])),
                ("UNDERLAY_IP", bytes([100, 0, 0, 9])), *more)), nested=True)
    nl = net.socket()
    try:
        nl.talk(N["DASH_CMD_CONFIG_SET"], put(("PACKETS", ("Q", 7))))
    except Refused as e:
        check("counts are for replies" in e.text, e.text)
    else:
        raise AssertionError("was not refused")
    equal(net.save(), before, "configuration")
    nl.talk(N["DASH_CMD_CONFIG_SET"], put())
    equal(counts(*M2), None, "of one without counter")


main(net)
