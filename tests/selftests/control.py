#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The control path by its netlink messages: rows in parts and in bulk,
transactions that are refused midway, dumps of what changes meanwhile."""

import subprocess
import threading
import time

from confnet import ConfNet, begin, named, vnet_row
from dashtest import (SLOW, base, case, check, delete, diag, equal, mac, main,
                      mapping, pa, row, run)
from genl import N, NLM_F_ACK, NLM_F_DUMP, Refused, attr, parse

net = ConfNet()
works, change = net.works, net.change
socket_in_net, vnets = net.socket, net.vnets


def refused(rows, *words):
    """The kernel refuses to load that, and says why."""
    p = change(*rows, ok=False)
    equal(p.returncode, 2, f"exit status ({p.stderr.strip()})")
    for word in words:
        check(word in p.stderr, f"the error does not name {word!r}: {p.stderr}")


def nest(table, *attrs):
    return attr(N[f"DASH_A_CONFIG_{table}"], b"".join(attrs), nested=True)


def prefix(addr, plen):
    return attr(N["DASH_A_TAG_PREFIX"],
                attr(N["DASH_A_PREFIX_ADDR"], addr) +
                attr(N["DASH_A_PREFIX_LEN"], ("B", plen)), nested=True)


def tag_part(name, *prefixes, first=False, v6=False):
    """A part of the row of a tag, the first one or one that goes on."""
    head = attr(N["DASH_A_TAG_IP_VERSION"],
                ("B", N["DASH_IP_VERSION_IPV6" if v6 else
                        "DASH_IP_VERSION_IPV4"])) if first else \
        attr(N["DASH_A_TAG_APPEND"], b"")
    return nest("TAG", attr(N["DASH_A_TAG_NAME"], name), head, *prefixes)


def v4_prefix(i):
    return prefix((i << 8).to_bytes(4, "big"), 24)


def nl_refused(nl, cmd, attrs, *words):
    try:
        nl.talk(N[cmd], attrs)
    except Refused as e:
        for word in words:
            check(word in str(e), f"{word!r} is not in {e}")
        return
    check(False, f"{cmd} was accepted, not refused with {words}")


def load_parts(nl, n):
    """Seconds that a tag takes which comes in n parts of one prefix."""
    messages = []
    for i in range(0, n, 500):
        messages.append(b"".join(
            tag_part("parts", v4_prefix(k + 1), first=not k)
            for k in range(i, i + 500)))
    t = begin(nl)
    start = time.monotonic()
    for m in messages:
        nl.talk(N["DASH_CMD_CONFIG_SET"], t + m)
    nl.talk(N["DASH_CMD_TXN_COMMIT"], t)
    return time.monotonic() - start


@case("rows in parts: the time is that of their length")
def parts():
    nl = socket_in_net()
    load_parts(nl, 1000)
    short = min(load_parts(nl, 3000) for _ in range(3))
    long = min(load_parts(nl, 48000) for _ in range(3))
    diag(f"3,000 parts: {short:.3f} s, 48,000: {long:.3f} s")
    check(long < 16 * 5 * max(short, 0.005), "16 times the parts: "
          f"{short:.3f} s become {long:.3f} s")
    nl.sock.close()
    tag = named(net.save(), "DASH_PREFIX_TAG_TABLE:parts")
    equal(len(tag["prefix_list"]), 48000, "prefixes")
    equal(tag["prefix_list"][-1], "0.187.128.0/24", "the last one")


@case("rows in parts: what does not go together is refused")
def parts_refused():
    net.load(base())
    nl = socket_in_net()
    text = "goes on, but is not the row before"
    nl_refused(nl, "DASH_CMD_CONFIG_SET", tag_part("a", v4_prefix(1)), text)
    t = begin(nl)
    nl_refused(nl, "DASH_CMD_CONFIG_SET", t + tag_part("a", v4_prefix(1)),
               text)
    nl.talk(N["DASH_CMD_CONFIG_SET"], t + tag_part("a", v4_prefix(1),
                                                   first=True))
    # Of a message that is refused nothing stays, whatever it began with.
    nl_refused(nl, "DASH_CMD_CONFIG_SET", t + vnet_row("x", 1) +
               tag_part("b", v4_prefix(1), first=True) +
               tag_part("c", v4_prefix(2)), "c goes on")
    nl_refused(nl, "DASH_CMD_CONFIG_SET", t + tag_part("a", v4_prefix(2)) +
               vnet_row("y", 1 << 24), "24 bits")
    nl_refused(nl, "DASH_CMD_CONFIG_DEL", t + tag_part("a", v4_prefix(2)),
               text)
    nl.talk(N["DASH_CMD_CONFIG_SET"], t + tag_part("a", v4_prefix(3)) +
            tag_part("a", v4_prefix(4)) + vnet_row("z", 9))
    nl_refused(nl, "DASH_CMD_CONFIG_SET", t + tag_part("a", v4_prefix(2)),
               text)
    nl.talk(N["DASH_CMD_TXN_COMMIT"], t)
    equal(vnets(), {"v1", "z"}, "VNETs")
    equal(named(net.save(), "DASH_PREFIX_TAG_TABLE:a")["prefix_list"],
          ["0.0.1.0/24", "0.0.3.0/24", "0.0.4.0/24"], "tag")
    nl.sock.close()


@case("a row that mentions too many objects is told as that")
def too_many_refs():
    tags = attr(N["DASH_A_ACL_RULE_SRC_TAG"], "t") * 2000
    key = attr(N["DASH_A_ACL_RULE_GROUP"], "g") + \
        attr(N["DASH_A_ACL_RULE_NAME"], "r")
    first = attr(N["DASH_A_ACL_RULE_PRIORITY"], ("I", 1)) + \
        attr(N["DASH_A_ACL_RULE_ACTION"], ("B", 0))
    append = attr(N["DASH_A_ACL_RULE_APPEND"], b"")
    nl = socket_in_net()
    t = begin(nl)
    for i in range(34):
        nl.talk(N["DASH_CMD_CONFIG_SET"],
                t + nest("ACL_RULE", key, append if i else first, tags))
    nl_refused(nl, "DASH_CMD_TXN_COMMIT", t, "g:r", "65535")
    nl.sock.close()


def dump_raw(nl, datagrams=None):
    """[(flags, attributes)] of the messages of so many datagrams of the dump
    under way, or of the rest; and whether it was interrupted."""
    out, interrupted = [], False
    while datagrams is None or datagrams > 0:
        data = nl.sock.recv(1 << 17)
        if datagrams is not None:
            datagrams -= 1
        while data:
            n = int.from_bytes(data[:4], "little")
            kind = int.from_bytes(data[4:6], "little")
            interrupted |= bool(int.from_bytes(data[6:8], "little") & 0x10)
            if kind in (2, 3):
                return out, interrupted
            out.append(data[20:n])
            data = data[(n + 3) & ~3:]
    return out, interrupted


@case("a row that is replaced during its own dump begins anew")
def dump_replaced():
    def tag(n, v6):
        return {"DASH_PREFIX_TAG_TABLE:big": {
            "ip_version": "ipv6" if v6 else "ipv4",
            "prefix_list": [f"fd00:{i:x}::/32" if v6 else
                            f"10.{i >> 8}.{i & 255}.0/24"
                            for i in range(n)]}, "OP": "SET"}

    change(tag(20000, True))
    nl = socket_in_net()
    nl.send(N["DASH_CMD_CONFIG_GET"],
            attr(N["DASH_A_CONFIG_TYPE"], ("I", N["DASH_OBJECT_TYPE_TAG"])),
            flags=NLM_F_DUMP | NLM_F_ACK)
    dump_raw(nl, 2)
    change(tag(40000, False))
    got, interrupted = dump_raw(nl)
    nl.sock.close()
    check(interrupted, "the dump is not flagged as interrupted")
    prefixes, begun = [], 0
    for msg in got:
        for _, row_ in parse(msg):
            attrs = parse(row_)
            kinds = {k for k, _ in attrs}
            if N["DASH_A_TAG_APPEND"] not in kinds:
                prefixes, begun = [], begun + 1
            check(kinds <= {N[f"DASH_A_TAG_{x}"] for x in
                            ("NAME", "IP_VERSION", "PREFIX", "APPEND")},
                  f"attributes {kinds}")
            prefixes += [dict(parse(v)) for k, v in attrs
                         if k == N["DASH_A_TAG_PREFIX"]]
    equal(begun, 1, "beginnings of the row after it was replaced")
    equal(len(prefixes), 40000, "prefixes of the row that replaced it")
    check(all(len(p[N["DASH_A_PREFIX_ADDR"]]) == 4 for p in prefixes),
          "prefixes of the row that was replaced among them")


@case("a mapping set again and again within a transaction is the last one")
def mapping_again():
    net.load(base(), "--ignore-unknown")
    before = net.save()
    rows = [mapping("v1", f"10.9.0.{i % 2}", pa(20 + i), mac(i)) if i % 7
            else delete("VNET_MAPPING", "v1", f"10.9.0.{i % 2}")
            for i in range(41)]
    change(*rows, row("VNET", "bad", vni=1 << 24), ok=False)
    equal(net.save(), before, "configuration after a refusal")
    nl = socket_in_net()
    nl.sock.close()
    net.load(rows, "--check")
    equal(net.save(), before, "configuration after a check")
    for last in (40, 39):
        change(*rows[:last + 1])
        got = {k: v for r in net.save() for k, v in r.items() if
               ":10.9.0." in k}
        equal(set(got), {"DASH_VNET_MAPPING_TABLE:v1:10.9.0.0",
                         "DASH_VNET_MAPPING_TABLE:v1:10.9.0.1"}, "mappings")
        equal(got[f"DASH_VNET_MAPPING_TABLE:v1:10.9.0.{last % 2}"]
              ["underlay_ip"], pa(20 + last), "the last one")
    change(*(delete("VNET_MAPPING", "v1", f"10.9.0.{i}") for i in range(2)))
    equal(net.save(), before, "configuration after they were deleted")
    works()


def acl_rule(i):
    """What rule i of a group is, but for the group's name. They overlap much,
    so it takes long to compile them."""
    src = (i * 2654435761 & 0xffffffff).to_bytes(4, "big")
    plen = 6 + i % 12
    return (attr(N["DASH_A_ACL_RULE_NAME"], str(i)) +
            attr(N["DASH_A_ACL_RULE_PRIORITY"], ("I", i)) +
            attr(N["DASH_A_ACL_RULE_ACTION"],
                 ("B", N["DASH_ACL_ACTION_ALLOW"])) +
            b"".join(attr(N[f"DASH_A_ACL_RULE_{side}_ADDR"],
                          attr(N["DASH_A_PREFIX_ADDR"], addr) +
                          attr(N["DASH_A_PREFIX_LEN"], ("B", plen)),
                          nested=True)
                     for side, addr in (("SRC", src), ("DST", src[::-1]))))


@case("nobody waits for a large change: counters, devices")
def large_change():
    net.load(base())
    run("ip", "-n", net.app, "link", "add", "d9", "type", "dummy")
    change({"PORT:d9": {"role": "underlay"}, "OP": "SET"})
    nl, other = socket_in_net(), socket_in_net()
    t = begin(nl)
    groups = [f"big{i}" for i in range(12 if SLOW == 1 else 3)]
    rules = [acl_rule(i) for i in range(5000)]
    for group in groups:
        nl.talk(N["DASH_CMD_CONFIG_SET"], t + nest(
            "ACL_GROUP", attr(N["DASH_A_ACL_GROUP_NAME"], group),
            attr(N["DASH_A_ACL_GROUP_IP_VERSION"],
                 ("B", N["DASH_IP_VERSION_IPV4"]))))
        of = attr(N["DASH_A_ACL_RULE_GROUP"], group)
        for i in range(0, len(rules), 200):
            nl.talk(N["DASH_CMD_CONFIG_SET"],
                    t + b"".join(nest("ACL_RULE", of, rule)
                                 for rule in rules[i:i + 200]))
    rename = subprocess.Popen(["ip", "-n", net.app, "-batch", "-"],
                              stdin=subprocess.PIPE, text=True)
    took = []

    def commit():
        start = time.monotonic()
        try:
            nl.talk(N["DASH_CMD_TXN_COMMIT"], t)
        except Refused as e:
            diag(str(e))
        took.append(time.monotonic() - start)

    thread = threading.Thread(target=commit)
    thread.start()
    waits, name = [], "d9"
    while thread.is_alive():
        start = time.monotonic()
        other.talk(N["DASH_CMD_STATS_GET"],
                   attr(N["DASH_A_STATS_PORT"], name))
        waits.append(time.monotonic() - start)
        if len(waits) == 2:
            rename.communicate("link set d9 name d10\n")
            renamed = thread.is_alive()
            name = "d10"
    thread.join()
    diag(f"change: {took[0]:.2f} s, {len(waits)} counters read meanwhile, "
         f"longest wait {max(waits):.3f} s")
    check(renamed, "renaming a port waited for the change")
    check(len(waits) > 4 and max(waits) < took[0] / 2,
          f"{len(waits)} reads, one took {max(waits):.3f} s")
    check(named(net.save(), "PORT:d10"), "it is not attached any more")
    run("ip", "-n", net.app, "link", "del", "d10")
    change(*(delete("ACL_GROUP", group) for group in groups))


@case("a device is attached by a transaction that is carried out only")
def port_last():
    net.load(base())
    run("ip", "-n", net.app, "link", "add", "d9", "type", "dummy")
    run("ip", "-n", net.app, "link", "property", "add", "dev", "d9",
        "altname", "another")
    port = {"PORT:d9": {"role": "underlay"}, "OP": "SET"}
    net.load([port], "--check")
    refused([port, row("ROUTE", "nogroup", "1.0.0.0/8",
                       routing_type="drop")], "nogroup")
    refused([{"PORT:another": {"role": "underlay"}, "OP": "SET"}],
            "another", "no such device")
    run("ip", "-n", net.app, "link", "add", "br9", "type", "bridge")
    run("ip", "-n", net.app, "link", "set", "d9", "master", "br9")
    refused([port], "d9", "in use")
    run("ip", "-n", net.app, "link", "set", "d9", "nomaster")
    change(port)
    check(named(net.save(), "PORT:d9"), "it is not attached")
    p = run("ip", "-n", net.app, "link", "set", "d9", "master", "br9",
            ok=False)
    check(p.returncode, "a device of ours became a bridge's")
    run("ip", "-n", net.app, "link", "del", "d9")
    equal(named(net.save(), "PORT:d9"), None, "port of a device that is gone")
    run("ip", "-n", net.app, "link", "del", "br9")


main(net)
