# SPDX-License-Identifier: GPL-2.0
"""A few lines of generic netlink, for what tests ask often (starting dashctl
for each counter would take most of their time) and for messages that dashctl
would never send. Numbers are read from include/uapi/linux/dash.h."""

import os
import re
import socket
import struct

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

NETLINK_GENERIC = 16
SOL_NETLINK, NETLINK_EXT_ACK = 270, 11
GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x100, 0x200
NLA_F_NESTED, NLA_TYPE_MASK = 0x8000, 0x3fff


def uapi():
    """{name: number} of all enums of the header."""
    out = {}
    path = os.path.join(TOP, "include/uapi/linux/dash.h")
    with open(path, encoding="utf-8") as f:
        text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    for body in re.findall(r"\benum\b[^{]*{([^}]*)}", text):
        value = -1
        for entry in filter(None, (e.strip() for e in body.split(","))):
            name, _, expr = (x.strip() for x in entry.partition("="))
            if re.fullmatch(r"\d+", expr):
                value = int(expr)
            elif expr:
                continue
            else:
                value += 1
            out[name] = value
    return out


N = uapi()
DROPS = {v: k[len("DASH_DROP_"):].lower() for k, v in N.items()
         if k.startswith("DASH_DROP_") and k != "DASH_DROP_MAX"}


class Refused(Exception):
    """The kernel's error, and its words."""

    def __init__(self, err, text, attr):
        super().__init__(f"{os.strerror(err)}: {text}")
        self.err, self.text, self.attr = err, text, attr


def attr(kind, data, nested=False):
    """One attribute; data: bytes, a str, or a (format, number) pair."""
    if isinstance(data, str):
        data = data.encode() + b"\0"
    elif isinstance(data, tuple):
        data = struct.pack(*data)
    if nested:
        kind |= NLA_F_NESTED
    out = struct.pack("HH", len(data) + 4, kind) + data
    return out + bytes(-len(out) % 4)


def parse(data):
    """[(type, payload)]"""
    out = []
    while len(data) >= 4:
        n, kind = struct.unpack("HH", data[:4])
        if n < 4:
            break
        out.append((kind & NLA_TYPE_MASK, data[4:n]))
        data = data[(n + 3) & ~3:]
    return out


def number(data):
    return int.from_bytes(data, "little")


class Genl:
    """A socket in the present namespace."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                  NETLINK_GENERIC)
        self.sock.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self.sock.bind((0, 0))
        self.seq = 0
        reply, = self.talk(CTRL_CMD_GETFAMILY, attr(2, "dash"),
                           family=GENL_ID_CTRL)
        self.family = number(dict(reply)[1])

    def send(self, cmd, attrs=b"", flags=NLM_F_ACK, family=None):
        self.seq += 1
        data = struct.pack("BBH", cmd, 1, 0) + attrs
        self.sock.send(struct.pack("IHHII", len(data) + 16,
                                   family or self.family,
                                   NLM_F_REQUEST | flags, self.seq, 0) + data)

    def talk(self, cmd, attrs=b"", flags=NLM_F_ACK, family=None):
        """Replies as lists of attributes; raises Refused."""
        self.send(cmd, attrs, flags, family)
        out = []
        while True:
            data = self.sock.recv(1 << 17)
            while data:
                n, kind, mflags, seq, _ = struct.unpack("IHHII", data[:16])
                msg, data = data[16:n], data[(n + 3) & ~3:]
                if seq != self.seq:
                    continue
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    self.check_error(kind, mflags, msg)
                    return out
                out.append(parse(msg[4:]))

    @staticmethod
    def check_error(kind, mflags, msg):
        err = struct.unpack("i", msg[:4])[0] if len(msg) >= 4 else 0
        if err >= 0:
            return
        tlvs = {}
        if mflags & NLM_F_ACK_TLVS:
            skip = 4
            if kind == NLMSG_ERROR:
                length = struct.unpack("I", msg[4:8])[0]
                skip += 16 if mflags & NLM_F_CAPPED else (length + 3) & ~3
            tlvs = dict(parse(msg[skip:]))
        raise Refused(-err, tlvs.get(1, b"").rstrip(b"\0").decode(),
                      tlvs.get(2))

    # -- what tests ask --

    def stats(self):
        """The document that dashctl -j stats prints."""
        doc = {"ports": [], "enis": []}
        for reply in self.talk(N["DASH_CMD_STATS_GET"],
                               flags=NLM_F_DUMP | NLM_F_ACK):
            d = dict(reply)
            if N["DASH_A_STATS_ENI"] in d:
                doc["enis"].append({
                    "eni": d[N["DASH_A_STATS_ENI"]].rstrip(b"\0").decode(),
                    "outbound": direction(d[N["DASH_A_STATS_OUTBOUND"]]),
                    "inbound": direction(d[N["DASH_A_STATS_INBOUND"]]),
                    "flows": numbers(parse(d[N["DASH_A_STATS_FLOWS"]]),
                                     "DASH_A_FLOW_STATS_")})
            else:
                port = numbers(reply, "DASH_A_STATS_",
                               ("OURS", "TO_ENI", "PASSED"))
                port["port"] = d[N["DASH_A_STATS_PORT"]].rstrip(b"\0").decode()
                port["drops"] = drops(reply, N["DASH_A_STATS_DROP"])
                doc["ports"].append(port)
        return doc

    def flush(self):
        """Remove all connections; return how many there were."""
        reply, = self.talk(N["DASH_CMD_FLOW_FLUSH"])
        return number(dict(reply)[N["DASH_A_FLOW_REMOVED"]])


def numbers(attrs, prefix, names=None):
    """{name: number} of the attributes with that prefix."""
    by_kind = {v: k[len(prefix):] for k, v in N.items()
               if k.startswith(prefix)}
    out = {}
    for kind, data in attrs:
        name = by_kind.get(kind)
        if name and (not names or name in names):
            # "max" is taken in C
            out["max" if name == "PEAK" else name.lower()] = number(data)
    return out


def drops(attrs, kind):
    out = {}
    for k, data in attrs:
        if k == kind:
            d = dict(parse(data))
            n = number(d[N["DASH_A_DROP_PACKETS"]])
            if n:
                out[DROPS[number(d[N["DASH_A_DROP_REASON"]])]] = n
    return out


def direction(data):
    attrs = parse(data)
    out = numbers(attrs, "DASH_A_DIR_STATS_",
                  ("RX_PACKETS", "RX_BYTES", "TX_PACKETS", "TX_BYTES",
                   "GENERATED_PACKETS"))
    out["drops"] = drops(attrs, N["DASH_A_DIR_STATS_DROP"])
    out["acl_drops"] = {}
    for kind, inner in attrs:
        if kind == N["DASH_A_DIR_STATS_ACL_DROP"]:
            d = dict(parse(inner))
            n = number(d[N["DASH_A_ACL_DROP_PACKETS"]])
            if n:
                out["acl_drops"][str(number(d[N["DASH_A_ACL_DROP_STAGE"]]))] = n
    return out
