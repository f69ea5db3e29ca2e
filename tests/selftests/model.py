# SPDX-License-Identifier: GPL-2.0
"""A reference model of the datapath, written from what it is said to do and
not from how dash.ko does it: a configuration, packets one after the other, and
for each what becomes of it, to the last byte. It is meant to be read; nothing
is indexed, cached or clever. What a section number stands beside is that of
Documentation/conformance.rst.

Not in it: what depends on the clock (timeouts, cps), on the egress's MTU, and
limits. Where an endpoint is chosen by a hash, the model knows the set and
learns from what is seen which one it was."""

from modelconf import Config, matches
from modelframe import (ACK, FIN, ICMP, ICMP6, RST, SYN, TCP, UDP, Drop, Passed,
                        bare, encapsulate, parse)

INITIATOR, RESPONDER = 0, 1
OTHER = {"outbound": "inbound", "inbound": "outbound"}
# ICMP types that ask and those that answer: 4, connections.
PAIRS = {ICMP: ((8, 0), (13, 14), (15, 16), (17, 18)), ICMP6: ((128, 129),)}


def flow_keys(tup):
    """The key of a packet's connection and of the answers to it; None if
    nothing can be one. tup: (src, dst, proto, a, b), a and b being ports, or
    ICMP's type and identifier."""
    src, dst, proto, a, b = tup
    if proto not in PAIRS:
        return tup, (dst, src, proto, b, a)
    for ask, answer in PAIRS[proto]:
        if a in (ask, answer):
            other = answer if a == ask else ask
            return tup, (dst, src, proto, other, b)
    return (src, dst, proto, a, 0), None


def later(a, b):
    """Of sequence numbers: is a behind b?"""
    return 0 < (a - b) & 0xffffffff < 1 << 31


class Way:
    """How packets of one direction leave."""

    def __init__(self, src, dst, vni, encap="vxlan", mac=None, direct=False):
        self.src, self.dst, self.vni = src, dst, vni
        self.encap, self.mac, self.direct = encap, mac, direct
        self.choice = None      # endpoints, while it is not known which


class Side:
    """What TCP tracking knows of one side."""

    def __init__(self):
        self.end = None         # the sequence number that comes next
        self.ack = None         # the last one it acknowledged
        self.window = 0
        self.scale = None
        self.fin = None         # the sequence number behind its FIN


class Conn:
    """A connection: SPEC 4."""

    def __init__(self, eni, direction, pkt):
        self.eni, self.direction = eni, direction
        self.tup = pkt.tup
        self.keys = flow_keys(pkt.tup)
        self.ways = [None, None]
        self.vnet = None        # whose PAs may reply
        self.endpoints = ()
        self.decided = None     # the generation of the configuration
        self.state = {TCP: "syn_sent", UDP: "new", ICMP: "icmp",
                      ICMP6: "icmp"}.get(pkt.tup[2], "new")
        self.sides = [Side(), Side()]
        self.last_fin = None
        self.move(pkt)

    def move(self, pkt):
        self.pa, self.vni = pkt.outer_src, pkt.vni
        self.encap, self.vip = pkt.encap, pkt.outer_dst

    def came(self, pkt):
        """Does the initiator's packet come from where we know it to be?"""
        return (self.pa, self.vni, self.encap) == (pkt.outer_src, pkt.vni,
                                                   pkt.encap)

    # -- TCP: 8.4 --

    def track(self, pkt, side):
        """Returns whether the connection goes on to exist."""
        if pkt.tup[2] == UDP or pkt.tup[2] not in (TCP, ICMP, ICMP6):
            if side == RESPONDER:
                self.state = "stream"
        if pkt.tup[2] != TCP:
            return True
        me, other = self.sides[side], self.sides[1 - side]
        flags = pkt.flags
        if self.state == "syn_sent" and flags & (FIN | RST):
            return False
        if self.state in ("closed", "time_wait"):
            return True         # what comes late changes nothing
        if flags & RST:
            if self.in_window(pkt.seq, me, other):
                self.state = "closed"
            return True
        if flags & SYN:
            # A simultaneous open ends in SYN-ACKs of both.
            if self.state == "syn_sent" and side == RESPONDER:
                self.note(me, pkt)
                me.scale = pkt.scale
                if flags & ACK:
                    self.state = "syn_recv"
            elif self.state == "syn_recv" and side == INITIATOR and flags & ACK:
                self.note(me, pkt)
                self.state = "established"
            return True
        if self.state == "syn_sent":
            return True
        self.note(me, pkt)
        if self.state == "syn_recv" and side == INITIATOR and flags & ACK:
            self.state = "established"
        if flags & FIN and me.fin is None:
            me.fin = pkt.end
            if other.fin is not None:
                self.state = "fin"
                self.last_fin = side
                return True
        if (self.state == "fin" and side != self.last_fin and flags & ACK and
                not later(other.fin, pkt.ack)):
            self.state = "time_wait"
        return True

    def note(self, me, pkt):
        """Segments may come late: only what goes forward counts."""
        pkt.end = (pkt.seq + pkt.data_len + bool(pkt.flags & SYN) +
                   bool(pkt.flags & FIN)) & 0xffffffff
        if me.end is None or later(pkt.end, me.end):
            me.end = pkt.end
        if pkt.flags & ACK and (me.ack is None or not later(me.ack, pkt.ack)):
            me.ack, me.window = pkt.ack, pkt.window
            if not pkt.flags & SYN and None not in (s.scale
                                                    for s in self.sides):
                me.window <<= me.scale

    @staticmethod
    def in_window(seq, me, other):
        if other.ack is None:
            return seq == me.end
        # A closed window takes exactly the next one.
        return (seq - other.ack) & 0xffffffff < max(1, other.window)

    def begin(self, pkt):
        """The first packet."""
        if pkt.tup[2] == TCP:
            self.state = ("syn_sent" if pkt.flags & (SYN | ACK) == SYN else
                          "established")
            self.note(self.sides[0], pkt)
            self.sides[0].scale = pkt.scale if pkt.flags & SYN else None
            if pkt.flags & FIN:
                self.sides[0].fin = pkt.end


class Result:
    """What becomes of a packet: verdict "pass", "drop" or "send"."""

    def __init__(self, verdict, reason=None, where=("port", None), frame=None,
                 note=""):
        self.verdict, self.reason, self.where = verdict, reason, where
        self.frame, self.note = frame, note

    def __str__(self):
        if self.verdict == "drop":
            return f"drop {self.reason} at {self.where}"
        return self.verdict


class Model:
    def __init__(self):
        self.config = Config()
        self.flows = {}         # (eni, direction, key): (Conn, side)
        self.fragments = {}     # (eni, src, dst, proto, id): (Conn, side)

    # -- configuration --

    def load(self, rows):
        """The configuration becomes that."""
        self.config = Config()
        self.change(rows)

    def change(self, rows):
        self.config.change(rows)
        for conn in {c for c, _ in self.flows.values()}:
            if conn.eni not in self.config.enis:
                self.remove(conn)

    def flush(self):
        self.flows.clear()
        self.fragments.clear()

    def remove(self, conn):
        for key in list(self.flows):
            if self.flows[key][0] is conn:
                del self.flows[key]

    def connections(self):
        return {c for c, _ in self.flows.values()}

    # -- the journey: 3 --

    def packet(self, frame, seen=None):
        """seen(frame): is it what came out? It is asked only which endpoint a
        hash chose."""
        try:
            pkt = parse(frame, self.config)
        except Passed:
            return Result("pass")
        except Drop as d:
            return Result("drop", d.reason)
        cfg = self.config
        direction = "outbound" if pkt.vni in cfg.vm_vnis else "inbound"
        by_source = direction == "outbound" and cfg.eni_key == "src_mac"
        mac = pkt.inner[6:12] if by_source else pkt.inner[:6]
        eni = cfg.eni_by_mac(mac)
        if not eni:
            return Result("drop", "no_eni")
        where = (eni.name, direction)
        try:
            way = self.judge(pkt, eni, direction)
        except Drop as d:
            return Result("drop", d.reason, where)
        if way.choice:
            for dst in way.choice:
                way.dst = dst
                if seen and seen(self.build(pkt, eni, way)):
                    way.choice = None
                    break
        return Result("send", where=where, frame=self.build(pkt, eni, way))

    def build(self, pkt, eni, way):
        tos = pkt.tos
        if way.direct:
            return bare(pkt, tos)
        if eni.dscp is not None:
            tos = eni.dscp << 2 | tos & 3
        return encapsulate(pkt, way, tos, self.config)

    def judge(self, pkt, eni, direction):
        """The Way of a packet of that ENI; raises Drop. The order is that of
        8.3."""
        if not eni.up:
            raise Drop("eni_down")
        conn, side = self.match(pkt, eni, direction)
        if not conn and not self.trusted(pkt, eni):
            raise Drop("untrusted_vni")
        if pkt.follower:
            if not conn:
                raise Drop(side or "frag_no_parent")
            return self.known(pkt, eni, conn, side)
        if pkt.frag_id is None:
            return self.whole(pkt, eni, direction, conn, side)[0]
        # What becomes of the first one, becomes of those that follow.
        key = eni.name, *pkt.tup[:3], pkt.frag_id
        try:
            way, *self.fragments[key] = self.whole(pkt, eni, direction, conn,
                                                   side)
        except Drop as d:
            self.fragments[key] = None, d.reason
            raise
        return way

    def whole(self, pkt, eni, direction, conn, side):
        """(Way, connection, side) of a packet, or of its first fragment."""
        if pkt.about:
            if not conn:
                raise Drop("icmp_no_flow")
            # A VM speaks for itself only, whichever router reports.
            if direction == "outbound":
                self.spoof(pkt, eni)
            return self.known(pkt, eni, conn, side, False), conn, side
        tcp = pkt.tup[2] == TCP
        if tcp and self.bad_flags(pkt.flags):
            raise Drop("tcp_flags")
        if conn and not (tcp and pkt.flags & (SYN | ACK) == SYN and
                         conn.state in ("closed", "time_wait")):
            way = self.known(pkt, eni, conn, side)
            if not conn.track(pkt, side):
                self.remove(conn)
        else:
            if conn:
                self.remove(conn)
            conn, side, way = self.new(pkt, eni, direction)
        return way, conn, side

    def match(self, pkt, eni, direction):
        """(connection, side), or (None, None); (None, reason) when a
        datagram's first fragment was dropped."""
        none = None, None
        if pkt.follower:
            found = self.fragments.get((eni.name, *pkt.tup[:3], pkt.frag_id),
                                       none)
            if not found[0] or found[0] in self.connections():
                return found
            return none
        about = pkt.about
        if not about:
            return self.flows.get((eni.name, direction,
                                   flow_keys(pkt.tup)[0]), none)
        if about[0] != pkt.tup[1]:
            return none
        # It travels against the packet that it is about.
        conn, side = self.flows.get((eni.name, OTHER[direction],
                                     flow_keys(about)[0]), none)
        return (conn, 1 - side) if conn else none

    @staticmethod
    def bad_flags(flags):
        ends = [f for f in (SYN, FIN, RST) if flags & f]
        return not ends and not flags & ACK or len(ends) > 1

    def trusted(self, pkt, eni):
        lists = self.config.trusted_vnis + eni.trusted_vnis
        return not lists or any(lo <= pkt.vni <= hi for lo, hi in lists)

    @staticmethod
    def spoof(pkt, eni):
        if eni.addresses and not any(matches(p, pkt.tup[0])
                                     for p in eni.addresses):
            raise Drop("spoof")

    # -- connections: 4, 8.1 and 8.2 --

    def new(self, pkt, eni, direction):
        if pkt.tup[2] == TCP and (pkt.flags & SYN == 0 or pkt.flags & ACK):
            if not self.config.tcp_loose or pkt.flags & RST:
                raise Drop("tcp_no_syn")
        conn = Conn(eni.name, direction, pkt)
        self.decide(conn, eni, pkt)
        conn.begin(pkt)
        for side, key in enumerate(conn.keys):
            if key:
                way = OTHER[direction] if side else direction
                self.flows[eni.name, way, key] = conn, side
        return conn, INITIATOR, conn.ways[0]

    def known(self, pkt, eni, conn, side, moves=True):
        if conn.decided != self.config.generation:
            try:
                self.decide(conn, eni, conn)
            except Drop:
                self.remove(conn)
                raise
        if side == INITIATOR and not conn.came(pkt):
            trial = Conn(eni.name, conn.direction, conn_packet(conn, pkt))
            self.decide(trial, eni, trial)
            if not moves:
                return trial.ways[side]
            conn.move(pkt)
            self.adopt(conn, trial)
        if (side == RESPONDER and conn.direction == "outbound" and
                eni.check_reply_pa and pkt.outer_src not in conn.endpoints and
                not self.config.valid_pa(conn.vnet, pkt.outer_src)):
            raise Drop("pa_invalid")
        return conn.ways[side]

    def adopt(self, conn, other):
        """The decision of another one."""
        before = conn.ways[0]
        same = before and conn.endpoints == other.endpoints
        conn.ways, conn.vnet = other.ways, other.vnet
        conn.endpoints, conn.decided = other.endpoints, other.decided
        if same and conn.ways[0].choice:
            # The hash has not changed.
            conn.ways[0].dst = before.dst
            conn.ways[0].choice = before.choice

    # -- policy: 3 --

    def decide(self, conn, eni, source):
        """Decide a connection by the policy of its initiator's side. source:
        a packet or Conn with the tuple."""
        trial = conn
        if conn.decided:
            trial = Conn(eni.name, conn.direction, conn_packet(conn, None))
        if conn.direction == "outbound":
            self.outbound(trial, eni, source)
        else:
            self.inbound(trial, eni, source)
        trial.decided = self.config.generation
        if trial is not conn:
            self.adopt(conn, trial)

    def outbound(self, conn, eni, pkt):
        cfg = self.config
        self.spoof(pkt, eni)
        self.acl(eni, "out", pkt)
        route = cfg.route(eni, pkt.tup[1])
        if not route:
            raise Drop("no_route")
        kind = route["routing_type"]
        conn.vnet = eni.vnet
        back = self.to_vm(eni, conn.vip)
        if kind == "drop":
            raise Drop("route_drop")
        if kind == "direct":
            conn.ways = [Way(None, None, 0, direct=True), back]
            return
        if kind == "vnet_encap":
            pas = route["pas"]
            way = Way(None, pas[0], route.get("vni") or cfg.type_vni(kind) or
                      cfg.vnets[eni.vnet],
                      cfg.type_encap(kind), route.get("mac"))
        else:
            conn.vnet = route["vnet"]
            ca = route.get("overlay", pkt.tup[1]) \
                if kind == "vnet_direct" else pkt.tup[1]
            m = cfg.mappings.get((conn.vnet, ca))
            pa = m and self.underlay(m, route.get("underlay"))
            if not pa:
                raise Drop("no_mapping")
            pas = [pa]
            vni = m.get("vni") or cfg.type_vni(m["routing_type"]) or \
                cfg.vnets[conn.vnet if m["use_dst_vni"] else eni.vnet]
            way = Way(None, pa, vni, cfg.type_encap(m["routing_type"]),
                      m.get("mac"))
        sips = [a for a in eni.encap_sip if len(a) == len(pas[0])]
        way.src = sips[0] if sips else self.vip(conn.vip, pas[0])
        conn.endpoints = tuple(pas)
        if len(pas) > 1:
            way.choice = pas
        conn.ways = [way, back]

    @staticmethod
    def underlay(mapping, want):
        for pa in (mapping.get("pa"), mapping.get("pa6")):
            if pa and want in (None, {4: "ipv4", 16: "ipv6"}[len(pa)]):
                return pa
        return None

    def inbound(self, conn, eni, pkt):
        cfg = self.config
        rules = [r for r in cfg.rules.get(eni.name, ())
                 if r["vni"] == conn.vni and matches(r["prefix"], conn.pa) and
                 r["protocol"] in (0, pkt.tup[2])]
        if not rules:
            raise Drop("no_route_rule")
        rule = min(rules, key=lambda r: (r["priority"], -r["prefix"][1]))
        if rule["action"] == "drop":
            raise Drop("route_drop")
        if rule["pa_validation"]:
            ok = (cfg.valid_pa(rule["vnet"], conn.pa) if rule["vnet"] else
                  cfg.valid_row(rule["vni"], conn.pa))
            if not ok:
                raise Drop("pa_invalid")
        self.acl(eni, "in", pkt)
        conn.ways = [self.to_vm(eni, conn.vip),
                     Way(conn.vip, conn.pa, conn.vni, conn.encap)]

    def to_vm(self, eni, vip):
        return Way(self.vip(vip, eni.underlay), eni.underlay, eni.vm_vni)

    def vip(self, vip, pa):
        """8.7: the VIP to send to pa from."""
        if len(vip) == len(pa) and vip in self.config.vips:
            return vip
        for other in self.config.vips:
            if len(other) == len(pa):
                return other
        raise Drop("no_nexthop")

    def acl(self, eni, direction, pkt):
        src, dst, proto, sport, dport = pkt.tup
        verdict = "allow"
        for stage in range(1, 6):
            group = self.config.group(eni.name, direction, stage, len(src))
            if not group:
                continue
            verdict, terminating = group.default, True
            for rule in group.rules:
                if rule.matches(src, dst, proto, sport, dport):
                    verdict, terminating = rule.action, rule.terminating
                    break
            if terminating:
                break
        if verdict == "deny":
            raise Drop("acl_deny")


class conn_packet:
    """What Conn() wants of a packet: a connection's tuple, coming from where
    pkt, or else the connection itself, comes from."""

    def __init__(self, conn, pkt):
        self.tup = conn.tup
        self.outer_src = pkt.outer_src if pkt else conn.pa
        self.outer_dst = pkt.outer_dst if pkt else conn.vip
        self.vni = pkt.vni if pkt else conn.vni
        self.encap = pkt.encap if pkt else conn.encap
