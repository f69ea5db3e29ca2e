# SPDX-License-Identifier: GPL-2.0
"""Building the frames of the selftests, with scapy.

Only the layers in use are imported: scapy.all takes seconds on an emulated
machine. Functions return bytes, so that what a test compares or corrupts is
what is on the wire.
"""

import struct

from scapy.config import conf
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoReply,
                                ICMPv6EchoRequest, ICMPv6PacketTooBig, IPv6)
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

from dashtest import (APP_MAC, FAKE_MAC, PEER_MAC, VM_VNI, VNI, ca, mac,
                      mac_bytes, pa, vip)

conf.verb = 0

DATA = b"dash selftest payload"


def is6(addr):
    return ":" in addr


def ip(src, dst, **kw):
    """IPv4 or IPv6 header; tos and ttl mean their counterparts in IPv6."""
    if is6(src):
        for old, new in (("tos", "tc"), ("ttl", "hlim")):
            if old in kw:
                kw[new] = kw.pop(old)
        return IPv6(src=src, dst=dst, **kw)
    return IP(src=src, dst=dst, **kw)


def inner(src, dst, l4, smac, dmac=FAKE_MAC, **kw):
    """Inner Ethernet frame. l4: scapy layers or bytes (then give proto/nh)."""
    kw.setdefault("ttl", 61)
    if not is6(src):
        kw.setdefault("id", 0x1234)
    if isinstance(l4, bytes):
        l4 = Raw(l4)
    return bytes(Ether(src=smac, dst=dmac) / ip(src, dst, **kw) / l4)


def udp(sport, dport, data=DATA):
    return UDP(sport=sport, dport=dport) / data


def tcp(sport, dport, flags="S", seq=1000, ack=0, data=b"", **kw):
    if "A" not in flags:
        ack = 0
    layer = TCP(sport=sport, dport=dport, flags=flags, seq=seq, ack=ack, **kw)
    return layer / data if data else layer


def echo(ident, v6=False, reply=False, data=DATA, seq=1):
    if v6:
        kind = ICMPv6EchoReply if reply else ICMPv6EchoRequest
        return kind(id=ident, seq=seq, data=data)
    return ICMP(type=0 if reply else 8, id=ident, seq=seq) / data


def icmp_error(quoted, v6=False, mtu=None):
    """Destination unreachable, or too big when mtu is given, about the IP
    packet in quoted (bytes of an inner frame: its Ethernet header is cut)."""
    quote = quoted[14:]
    if v6:
        layer = (ICMPv6PacketTooBig(mtu=mtu) if mtu else
                 ICMPv6DestUnreach(code=4))
        return layer / Raw(quote)
    layer = ICMP(type=3, code=4, nexthopmtu=mtu) if mtu else ICMP(type=3, code=3)
    return layer / Raw(quote)


def vlan_tags(vlan):
    """Layers for a list of VLAN ids; the outer of two is an 802.1ad tag."""
    layers = [Dot1Q(vlan=v) for v in vlan]
    if len(layers) > 1:
        layers[0] = Dot1AD(vlan=vlan[0])
    out = None
    for layer in layers:
        out = out / layer if out else layer
    return out


def vxlan(frame, vni, src, dst, *, sport=50123, dport=4789, smac=PEER_MAC,
          dmac=APP_MAC, vlan=(), csum=None, vx_flags=8, ip_kw=None, udp_kw=None):
    """Outer frame around an inner one (bytes). csum: None for the default,
    0 on IPv4 and valid on IPv6; True for valid; else the number."""
    eth = Ether(src=smac, dst=dmac)
    if vlan:
        eth = eth / vlan_tags(vlan)
    u = UDP(sport=sport, dport=dport, **(udp_kw or {}))
    if csum is None:
        if not is6(src):
            u.chksum = 0
    elif csum is not True:
        u.chksum = csum
    ip_kw = dict(ip_kw or {})
    if not is6(src):
        ip_kw.setdefault("id", 0x4242)
    return bytes(eth / ip(src, dst, **ip_kw) / u /
                 VXLAN(flags=vx_flags, vni=vni) / Raw(frame))


def sent(frame, vni, src, dst, *, tos=0, smac=APP_MAC, dmac=PEER_MAC, **kw):
    """The frame that the appliance makes of an inner one, with dashtest.EXACT
    set: the P4 model's, but for the TOS."""
    ip_kw = {"tos": tos, "ttl": 64}
    if not is6(src):
        ip_kw.update(id=1, flags=0)
    ip_kw.update(kw.pop("ip_kw", {}))
    kw.setdefault("sport", 0)
    return vxlan(frame, vni, src, dst, smac=smac, dmac=dmac, ip_kw=ip_kw, **kw)


def nvgre(f, vni, src, dst, *, smac=PEER_MAC, dmac=APP_MAC, **kw):
    """The same in NVGRE, as somebody sends it."""
    if not is6(src):
        kw.setdefault("id", 0x4242)
    gre = struct.pack("!HHI", 0x2000, 0x6558, vni << 8)
    return bytes(Ether(src=smac, dst=dmac) /
                 ip(src, dst, **{"nh" if is6(src) else "proto": 47}, **kw) /
                 Raw(gre + f))


def sent_nvgre(f, vni, src, dst, *, tos=0, smac=APP_MAC, dmac=PEER_MAC, **kw):
    """The same in NVGRE, as the appliance sends it, see sent()."""
    if not is6(src):
        kw = {"id": 1, "flags": 0, **kw}
    return nvgre(f, vni, src, dst, smac=smac, dmac=dmac, ttl=64, tos=tos, **kw)


def with_dmac(frame, mac):
    return mac_bytes(mac) + frame[6:]


# -- the network of dashtest.base() --------------------------------------------

def vm_frame(n, l4, v6=False, **kw):
    """Inner frame of VM 1 to VM n."""
    return inner(ca(1, v6), ca(n, v6), l4, mac(1), FAKE_MAC, **kw)


def peer_frame(n, l4, v6=False, **kw):
    """Inner frame of VM n to VM 1."""
    return inner(ca(n, v6), ca(1, v6), l4, mac(n), mac(1), **kw)


def from_vm(frame, u6=False, **kw):
    """frame as the host of VM 1 sends it to the appliance; u6: IPv6
    underlay."""
    return vxlan(frame, kw.pop("vni", VM_VNI), kw.pop("src", pa(1, u6)),
                 kw.pop("dst", vip(u6)), **kw)


def from_peer(n, frame, u6=False, **kw):
    """frame as the host of VM n sends it to the appliance."""
    return vxlan(frame, kw.pop("vni", VNI), kw.pop("src", pa(n, u6)),
                 kw.pop("dst", vip(u6)), **kw)


def to_vm(frame, u6=False, **kw):
    """frame as it leaves towards VM 1."""
    return sent(frame, kw.pop("vni", VM_VNI), kw.pop("src", vip(u6)),
                kw.pop("dst", pa(1, u6)), **kw)


def to_peer(n, frame, u6=False, dmac=True, **kw):
    """frame as it leaves towards VM n, by its mapping; without dmac as the
    reply to what VM n began."""
    return sent(with_dmac(frame, mac(n)) if dmac else frame,
                kw.pop("vni", VNI), kw.pop("src", vip(u6)),
                kw.pop("dst", pa(n, u6)), **kw)


# -- corrupting ---------------------------------------------------------------

def patch(frame, off, new):
    """frame with the bytes at off replaced; new: bytes, or an int that is one
    byte."""
    if isinstance(new, int):
        new = bytes([new])
    return frame[:off] + new + frame[off + len(new):]


def be16(value):
    return struct.pack("!H", value)


def csum(data):
    """Internet checksum."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def fix_ip(frame, off=14):
    """frame with the checksum of the IPv4 header at off made right."""
    ihl = (frame[off] & 15) * 4
    frame = patch(frame, off + 10, b"\0\0")
    return patch(frame, off + 10, be16(csum(frame[off:off + ihl])))


def fix_len(frame, off=14):
    """An outer IPv4/UDP header's lengths made to fit the frame."""
    n = len(frame) - off
    frame = patch(frame, off + 2, be16(n))
    frame = patch(frame, off + 20 + 4, be16(n - 20))
    return fix_ip(frame, off)


# -- reading ------------------------------------------------------------------

class Outer:
    """Fields of a frame that came out."""

    def __init__(self, frame):
        self.frame = frame
        self.eth = Ether(frame)
        off = 14
        self.vlan = []
        while frame[off - 2:off] in (b"\x81\x00", b"\x88\xa8"):
            self.vlan.append(struct.unpack("!H", frame[off:off + 2])[0] & 0xfff)
            off += 4
        self.v6 = frame[off - 2:off] == b"\x86\xdd"
        self.ip = (IPv6 if self.v6 else IP)(frame[off:])
        self.tos = self.ip.tc if self.v6 else self.ip.tos
        self.ttl = self.ip.hlim if self.v6 else self.ip.ttl
        self.src, self.dst = self.ip.src, self.ip.dst
        self.l3 = off
        off += 40 if self.v6 else 20
        self.sport, self.dport, self.ulen, self.ucsum = struct.unpack(
            "!4H", frame[off:off + 8])
        self.l4 = off
        self.vni = int.from_bytes(frame[off + 12:off + 15], "big")
        self.inner = frame[off + 16:]

    def csum_ok(self):
        """Is the UDP checksum right?"""
        l4 = self.frame[self.l4:]
        l4 = l4[:self.ulen]
        if self.v6:
            pseudo = self.frame[self.l3 + 8:self.l3 + 40] + struct.pack(
                "!II", len(l4), 17)
        else:
            pseudo = self.frame[self.l3 + 12:self.l3 + 20] + struct.pack(
                "!HH", 17, len(l4))
        return csum(pseudo + l4) == 0


def summary(frame):
    return Ether(frame).summary()
