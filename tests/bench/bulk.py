# SPDX-License-Identifier: GPL-2.0
"""Netlink in bulk, for peers whose own tools take an hour for a million flows:
one message is built, then only the tuple in it is changed."""

import errno
import os
import socket
import struct

from benchlib import Failure

NETLINK_ROUTE, NETLINK_GENERIC = 0, 16
REQUEST, ACK, EXCL, CREATE = 1, 4, 0x200, 0x400
NESTED = 0x8000


def attr(kind, data):
    if isinstance(data, list):
        data, kind = b"".join(data), kind | NESTED
    return struct.pack("=HH", len(data) + 4, kind) + data + bytes(-len(data) % 4)


def u8(n):
    return struct.pack("=B", n)


def u32(n):
    return struct.pack("=I", n)


def be16(n):
    return struct.pack("!H", n)


def be64(n):
    return struct.pack("!Q", n)


def ip(text):
    return socket.inet_aton(text)


class Bulk:
    """A netlink socket that sends many messages at once."""

    def __init__(self, proto):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, proto)
        self.sock.setsockopt(socket.SOL_SOCKET, 32, 8 << 20)  # SNDBUFFORCE
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # RCVBUFFORCE
        self.sock.bind((0, 0))
        self.queue = []
        self.size = 0

    @staticmethod
    def message(kind, payload, flags=REQUEST | CREATE | EXCL):
        return struct.pack("=IHHII", 16 + len(payload), kind, flags, 0,
                           0) + payload

    def put(self, message):
        self.queue.append(message)
        self.size += len(message)
        if self.size > 200000:
            self.flush()

    def flush(self):
        if self.queue:
            self.sock.send(b"".join(self.queue))
        self.queue.clear()
        self.size = 0
        # without ACK only errors are answered
        try:
            got = self.sock.recv(1 << 16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        kind, = struct.unpack_from("=H", got, 4)
        if kind == 2:
            err = -struct.unpack_from("=i", got, 16)[0]
            if err:
                raise Failure(f"netlink: {os.strerror(err)} "
                              f"{errno.errorcode.get(err)}")

    def family(self, name):
        """Number of a generic netlink family."""
        self.sock.send(self.message(16, struct.pack("=BBH", 3, 1, 0) +
                                    attr(2, name.encode() + b"\0"), REQUEST))
        got = self.sock.recv(1 << 16)
        if struct.unpack_from("=H", got, 4)[0] == 2:
            raise Failure(f"no generic netlink family {name}")
        at = 20
        while at < len(got):
            size, kind = struct.unpack_from("=HH", got, at)
            if kind == 1:
                return struct.unpack_from("=H", got, at + 4)[0]
            at += (size + 3) & ~3
        raise Failure(f"no number of {name}")


def patcher(message, *marks):
    """Where the marks (unlikely bytes) are in a message."""
    where = []
    for mark in marks:
        at = message.find(mark)
        if at < 0 or message.find(mark, at + 1) >= 0:
            raise Failure(f"mark {mark!r} is not once in the message")
        where.append(at)
    return where


# Stand for source and destination address and source port.
SRC, DST = bytes.fromhex("f1e2d3c4"), bytes.fromhex("e5d6c7b8")
SPORT = bytes.fromhex("9ab7")


def ovs_flows(dp_ifindex, port, tunnel_in, tunnel_out, tuples):
    """Exact flows. tunnel_*: (VNI, source, destination)."""
    nl = Bulk(NETLINK_GENERIC)
    family = nl.family("ovs_flow")

    def key(eth_type, inner, tunnel, in_port):
        return [attr(16, tunnel), attr(3, u32(in_port)), attr(4, bytes(12)),
                attr(6, eth_type), *inner]

    vni, src, dst = tunnel_in
    match = key(be16(0x0800),
                [attr(7, SRC + DST + bytes([17, 0, 64, 0])),
                 attr(10, SPORT + be16(80))],
                [attr(0, be64(vni)), attr(1, ip(src)), attr(2, ip(dst)),
                 attr(3, u8(0)), attr(4, u8(64))], port)
    mask = key(b"\xff\xff",
               [attr(7, b"\xff" * 8 + bytes([255, 0, 0, 255])),
                attr(10, b"\xff" * 4)],
               [attr(0, b"\xff" * 8), attr(1, b"\xff" * 4),
                attr(2, b"\xff" * 4), attr(3, u8(0)), attr(4, u8(0))],
               0xffffffff)
    vni, src, dst = tunnel_out
    actions = [attr(3, [attr(16, [attr(0, be64(vni)), attr(1, ip(src)),
                                  attr(2, ip(dst)), attr(4, u8(64)),
                                  attr(5, b""), attr(10, be16(4789))])]),
               attr(1, u32(port))]
    m = bytearray(nl.message(family, struct.pack("=BBH", 1, 1, 0) +
                             u32(dp_ifindex) + attr(1, match) +
                             attr(7, mask) + attr(2, actions)))
    s, d, p = patcher(m, SRC, DST, SPORT)
    for src, dst, sport in tuples:
        struct.pack_into("!I", m, s, src)
        struct.pack_into("!I", m, d, dst)
        struct.pack_into("!H", m, p, sport)
        nl.put(bytes(m))
    nl.flush()


def flower_filters(ifindex, first, tunnel_in, tuples):
    """Filters with the actions tunnel_key 1 and mirred 1, which exist."""
    nl = Bulk(NETLINK_ROUTE)
    vni, src, dst = tunnel_in
    full = b"\xff" * 4

    def action(order, kind, params, options):
        # struct tc_gen and what the kind has behind it; an index that exists
        return attr(order, [attr(1, kind + b"\0"),
                            attr(2, [attr(params, options)])])

    options = [
        attr(8, be16(0x0800)), attr(9, u8(17)),
        attr(10, SRC), attr(11, full), attr(12, DST), attr(13, full),
        attr(20, SPORT), attr(37, b"\xff\xff"),
        attr(21, be16(80)), attr(38, b"\xff\xff"),
        attr(26, struct.pack("!I", vni)),
        attr(27, ip(src)), attr(28, full), attr(29, ip(dst)), attr(30, full),
        attr(3, [
            # tcf index, capab, action, refcnt, bindcnt, t_action
            action(1, b"tunnel_key", 2, struct.pack("=IIiiii", 1, 0, 3, 0, 0, 1)),
            # ..., eaction redirect, ifindex
            action(2, b"mirred", 2,
                   struct.pack("=IIiiiiI", 1, 0, 4, 0, 0, 1, ifindex)),
        ]),
    ]
    mark = 0x7a6b5c4d
    info = 1 << 16 | socket.htons(0x0800)
    m = bytearray(nl.message(44, struct.pack("=BxxxiIII", 0, ifindex, mark,
                                             0xfffffff2, info) +
                             attr(1, b"flower\0") + attr(2, options)))
    s, d, p, h = patcher(m, SRC, DST, SPORT, u32(mark))
    for n, (src, dst, sport) in enumerate(tuples):
        struct.pack_into("=I", m, h, first + n + 1)
        struct.pack_into("!I", m, s, src)
        struct.pack_into("!I", m, d, dst)
        struct.pack_into("!H", m, p, sport)
        nl.put(bytes(m))
    nl.flush()
