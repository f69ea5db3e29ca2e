# SPDX-License-Identifier: GPL-2.0
"""Frames of the reference model (model.py): taken apart and put together, byte
by byte."""

import struct

from dashtest import APP_MAC, mac_bytes

ICMP, TCP, UDP, GRE, ICMP6, SCTP = 1, 6, 17, 47, 58, 132
FIN, SYN, RST, ACK = 1, 2, 4, 16
PORT_MAC = mac_bytes(APP_MAC)


class Passed(Exception):
    """None of ours."""


class Drop(Exception):
    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class Packet:
    """What is to be known of a packet of ours."""

    def __init__(self):
        self.follower = False   # a fragment that is not the first one
        self.frag_id = None     # of any fragment but an atomic one
        self.tup = None         # source, destination, protocol, ports
        self.flags = self.seq = self.ack = self.window = self.data_len = 0
        self.scale = None
        self.about = None       # the tuple that an ICMP error is about


def csum(data):
    """Internet checksum, to be put into a header."""
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H",
                              data + bytes(len(data) % 2)))
    return ~(total % 0xffff or (total and 0xffff)) & 0xffff


def be16(data, off):
    return data[off] << 8 | data[off + 1]


def check(cond, reason="malformed"):
    if not cond:
        raise Drop(reason)


def parse(frame, cfg):
    """8.11."""
    pkt = Packet()
    if frame[:6] != PORT_MAC:
        raise Passed
    off = 12
    while off < 20 and frame[off:off + 2] in (b"\x81\0", b"\x88\xa8"):
        off += 4
    pkt.eth = frame[:off + 2]
    kind, packet = frame[off:off + 2], frame[off + 2:]
    if kind == b"\x08\0":
        payload, proto = outer4(pkt, packet, cfg)
    elif kind == b"\x86\xdd":
        payload, proto = outer6(pkt, packet, cfg)
    else:
        raise Passed
    if proto == UDP:
        tunnelled = outer_udp(pkt, payload)
    else:
        check(payload[:2] == b"\x20\0" and len(payload) >= 8)
        pkt.encap, pkt.vni = "nvgre", int.from_bytes(payload[4:7], "big")
        tunnelled = payload[8:]
    parse_inner(pkt, tunnelled, cfg)
    return pkt


def ours(proto, l4, cfg):
    if proto == UDP:
        return be16(l4, 2) == cfg.vxlan_port
    return proto == GRE and l4[2:4] == b"\x65\x58"


def outer4(pkt, data, cfg):
    pkt.outer_src, pkt.outer_dst = data[12:16], data[16:20]
    proto, hlen = data[9], (data[0] & 15) * 4
    pkt.tos = data[1]
    if pkt.outer_dst not in cfg.vips or proto not in (UDP, GRE):
        raise Passed
    frag = be16(data, 6)
    if not frag & 0x1fff and not ours(proto, data[hlen:], cfg):
        raise Passed
    total = be16(data, 2)
    check(hlen <= total <= len(data) and csum(data[:hlen]) == 0)
    check(not frag & 0x3fff, "frag_outer")
    return data[hlen:total], proto


def outer6(pkt, data, cfg):
    pkt.outer_src, pkt.outer_dst = data[8:24], data[24:40]
    pkt.tos = (be16(data, 0) >> 4) & 0xff
    proto, off, fragment = data[6], 40, False
    if proto == 44:
        proto, off, fragment = data[40], 48, be16(data, 42) & 0xfff9
    if pkt.outer_dst not in cfg.vips or proto not in (UDP, GRE):
        raise Passed
    if not (fragment and fragment >> 3) and not ours(proto, data[off:], cfg):
        raise Passed
    length = be16(data, 4)
    check(off <= 40 + length <= len(data))
    check(not fragment, "frag_outer")
    return data[off:40 + length], proto


def pseudo(src, dst, length, proto):
    if len(src) == 4:
        return src + dst + struct.pack("!BBH", 0, proto, length)
    return src + dst + struct.pack("!II", length, proto)


def outer_udp(pkt, data):
    check(len(data) >= 8)
    length = be16(data, 4)
    check(16 <= length <= len(data))
    data = data[:length]
    if data[6:8] != b"\0\0":
        check(csum(pseudo(pkt.outer_src, pkt.outer_dst, length, UDP) +
                   data) == 0)
    check(data[8] & 8)
    pkt.encap, pkt.vni = "vxlan", int.from_bytes(data[12:15], "big")
    return data[16:]


def parse_inner(pkt, data, cfg):
    check(len(data) >= 14)
    check(not data[6] & 1)
    group = data[0] & 1 and not cfg.eni_by_mac(data[:6])
    kind, packet = data[12:14], data[14:]
    if kind == b"\x08\0":
        total = inner4(pkt, packet)
    elif kind == b"\x86\xdd":
        total = inner6(pkt, packet)
    else:
        raise Drop("multicast" if group else "malformed")
    pkt.inner = data[:14 + total]
    check(not group and not is_group(pkt.tup[1]), "multicast")


def is_group(ip):
    if len(ip) == 4:
        return ip[0] >> 4 == 14 or ip == b"\xff" * 4
    return ip[0] == 255


def inner4(pkt, data):
    check(len(data) >= 20 and data[0] >> 4 == 4)
    hlen, total = (data[0] & 15) * 4, be16(data, 2)
    check(20 <= hlen <= total <= len(data))
    frag = be16(data, 6)
    transport(pkt, data[12:16], data[16:20], data[9], data[hlen:total],
              (frag & 0x1fff) * 8, bool(frag & 0x2000), be16(data, 4))
    return total


EXTENSIONS = (0, 43, 44, 60)


def inner6(pkt, data):
    check(len(data) >= 40 and data[0] >> 4 == 6)
    total = 40 + be16(data, 4)
    check(total <= len(data))
    proto, off, count = data[6], 40, 0
    frag_off, more, ident = 0, False, 0
    while proto in EXTENSIONS and not frag_off:
        count += 1
        check(count <= 8 and off + 8 <= total)
        size = 8 + data[off + 1] * 8
        if proto == 44:
            size = 8
            frag = be16(data, off + 2)
            frag_off, more = frag & 0xfff8, bool(frag & 1)
            ident = int.from_bytes(data[off + 4:off + 8], "big")
        check(off + size <= total)
        proto, off = data[off], off + size
    transport(pkt, data[8:24], data[24:40], proto, data[off:total], frag_off,
              more, ident)
    return total


ERRORS = {ICMP: (3, 4, 5, 11, 12), ICMP6: (1, 2, 3, 4)}
LEAST = {TCP: 20, UDP: 8, SCTP: 12, ICMP: 8, ICMP6: 8}


def transport(pkt, src, dst, proto, l4, frag_off, more, ident):
    fragment = frag_off or more
    if fragment:
        pkt.frag_id = ident
    pkt.tup = src, dst, proto, 0, 0
    least = LEAST.get(proto, 0)
    if frag_off:
        pkt.follower = True
        check(frag_off >= least, "frag_overlap")
        return
    if len(l4) < least:
        raise Drop("frag_tiny" if fragment else "malformed")
    sport = dport = 0
    if proto in (TCP, UDP, SCTP):
        sport, dport = be16(l4, 0), be16(l4, 2)
    if proto == TCP:
        doff = (l4[12] >> 4) * 4
        check(20 <= doff and (fragment or doff <= len(l4)))
        pkt.seq, pkt.ack = struct.unpack("!II", l4[4:12])
        pkt.flags, pkt.window = l4[13], be16(l4, 14)
        pkt.data_len = len(l4) - doff
        pkt.scale = window_scale(l4[20:doff])
    elif proto == UDP:
        check(8 <= be16(l4, 4) and (fragment or be16(l4, 4) <= len(l4)))
    elif proto in (ICMP, ICMP6):
        sport, dport = l4[0], be16(l4, 4)
        if sport in ERRORS[proto]:
            pkt.about = quoted_tuple(l4[8:], len(src) == 16)
    pkt.tup = src, dst, proto, sport, dport


def window_scale(options):
    i = 0
    while i < len(options) and options[i]:
        if options[i] == 1:
            i += 1
            continue
        if options[i] == 3:
            return min(options[i + 2], 14)
        i += options[i + 1]
    return None


def quoted_tuple(data, v6):
    """The tuple of the packet that an ICMP error quotes, cut anywhere behind
    8 bytes of its transport header."""
    if v6:
        check(len(data) >= 40 and data[0] >> 4 == 6)
        src, dst, proto, off = data[8:24], data[24:40], data[6], 40
        while proto in EXTENSIONS:
            check(off + 8 <= len(data))
            size = 8 if proto == 44 else 8 + data[off + 1] * 8
            proto, off = data[off], off + size
            check(off <= len(data))
    else:
        check(len(data) >= 20 and data[0] >> 4 == 4)
        src, dst, proto, off = data[12:16], data[16:20], data[9], \
            (data[0] & 15) * 4
    l4 = data[off:]
    if proto not in LEAST:
        return src, dst, proto, 0, 0
    check(len(l4) >= 8)
    if proto in (ICMP, ICMP6):
        return src, dst, proto, l4[0], be16(l4, 4)
    return src, dst, proto, be16(l4, 0), be16(l4, 2)


# -- what leaves --------------------------------------------------------------

def outer_eth(pkt, kind):
    """Hairpin: to where it came from, with the VLAN tags it had."""
    eth = pkt.eth[6:12] + pkt.eth[:6] + pkt.eth[12:]
    return eth[:-2] + kind


def ip_header(src, dst, length, proto, tos, cfg):
    if len(src) == 4:
        head = struct.pack("!BBHHHBBH", 0x45, tos, length + 20, cfg.ip_id,
                           0x4000 if cfg.df else 0, 64, proto, 0) + src + dst
        return head[:10] + struct.pack("!H", csum(head)) + head[12:]
    return struct.pack("!IHBB", 6 << 28 | tos << 20, length, proto,
                       64) + src + dst


def encapsulate(pkt, way, tos, cfg):
    inner = (way.mac or pkt.inner[:6]) + pkt.inner[6:]
    vni = way.vni.to_bytes(3, "big") + b"\0"
    if way.encap == "nvgre":
        proto, data = GRE, b"\x20\0\x65\x58" + vni + inner
    else:
        sport = 0 if cfg.sport == "hash" else cfg.sport
        data = b"\x08\0\0\0" + vni + inner
        head = struct.pack("!HHHH", sport, cfg.vxlan_port, len(data) + 8, 0)
        on = {"on": True, "off": False, "default": len(way.dst) == 16}
        if on[cfg.udp_csum]:
            total = csum(pseudo(way.src, way.dst, len(data) + 8, UDP) + head +
                         data) or 0xffff
            head = head[:6] + struct.pack("!H", total)
        proto, data = UDP, head + data
    kind = b"\x08\0" if len(way.dst) == 4 else b"\x86\xdd"
    return (outer_eth(pkt, kind) +
            ip_header(way.src, way.dst, len(data), proto, tos, cfg) + data)


def bare(pkt, tos):
    """8.9: the inner packet, with the DSCP of the outer header."""
    ip = pkt.inner[14:]
    if ip[0] >> 4 == 4:
        ip = ip[:1] + bytes([tos & 0xfc | ip[1] & 3]) + ip[2:]
        hlen = (ip[0] & 15) * 4
        head = ip[:10] + b"\0\0" + ip[12:hlen]
        ip = head[:10] + struct.pack("!H", csum(head)) + head[12:] + ip[hlen:]
    else:
        old = be16(ip, 0) >> 4 & 0xff
        new = tos & 0xfc | old & 3
        word = 6 << 12 | new << 4 | ip[1] & 15
        ip = struct.pack("!H", word) + ip[2:]
    return outer_eth(pkt, pkt.inner[12:14]) + ip
