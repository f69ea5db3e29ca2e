#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Rules of change: a file is one transaction, references, errors, what
survives save and load; who may change anything; garbage from user space:
SPEC 2, 6 and 8.5. dashctl_config.sh looks at the tool itself."""

import glob
import json
import os
import random
import subprocess
import tempfile
import time

from confnet import ConfNet, begin, named, vnet_row
from dashtest import (EXACT, SLOW, TOP, VNI, Skip, base, bind, ca, case,
                      cases, check, delete, diag, equal, group, mac, main,
                      mapping, pa, route_rule, row, run)
from frames import from_vm, tcp, to_peer, udp, vm_frame
from genl import N, NLM_F_ACK, NLM_F_DUMP, Refused, attr, parse

net = ConfNet()
works, change = net.works, net.change
socket_in_net, vnets = net.socket, net.vnets
rnd = random.Random()
UNDERLAY = {"PORT:u0": {"role": "underlay"}, "OP": "SET"}


def without_order(rows):
    """Rows as a set; that of lists within them stays."""
    return sorted(json.dumps(r, sort_keys=True) for r in rows)


def refused(rows, *words, opts=("--ignore-unknown",), status=2):
    """Loading fails with that exit status, says each of the words, and leaves
    everything as it was."""
    before = net.save()
    p = net.load(rows, *opts, ok=False)
    equal(p.returncode, status, f"exit status ({p.stderr.strip()})")
    for word in words:
        check(word.lower() in p.stderr.lower(),
              f"the error does not name {word!r}: {p.stderr}")
    check("invalid argument" not in p.stderr.lower() or ":" in
          p.stderr.lower().split("invalid argument", 1)[1],
          f"not much of a reason: {p.stderr}")
    equal(net.save(), before, "configuration after a refusal")
    return p.stderr


# A configuration with a row of every table.
def everything():
    return base(
        row("QOS", "q1", qos_id="q1", bw=1000, cps=100, flows=1000),
        {"DASH_PREFIX_TAG_TABLE:t1": {"ip_version": "ipv4",
                                      "prefix_list": ["20.0.0.0/8"]},
         "OP": "SET"},
        group("g1", (1, "deny", True, {"dst_tag": ["t1"]}),
              (2, "allow", False, {"protocol": [6, 17],
                                   "dst_port": ["80", "1000-2000"],
                                   "src_addr": ["10.0.0.0/8"]}),
              (3, "allow", True, {})),
        group("g6", (1, "allow", True, {}), ver="ipv6"),
        bind("eni1", "out", 1, "g1", "g6"), bind("eni1", "in", 2, "g1"),
        row("VNET", "v2", vni=222, guid="0-1-2", address_spaces=["20.0.0.0/8"],
            peer_list=["v1"]),
        row("ROUTE", "rg", "20.0.0.0/8", routing_type="vnet", vnet="v2"),
        row("ROUTE", "rg", "30.0.0.0/8", routing_type="drop"),
        row("ROUTE", "rg", "40.0.0.0/8", routing_type="direct"),
        row("ROUTE", "rg", "50.0.0.0/8", routing_type="vnet_direct", vnet="v2",
            overlay_ip="20.0.0.1"),
        row("ROUTE", "rg", "60.0.0.0/8", routing_type="vnet_encap",
            underlay_ip=[pa(9), pa(10)], mac_address=mac(9), vni=7),
        mapping("v2", "20.0.0.1", pa(9), mac(9), use_dst_vni=True),
        route_rule("eni1", VNI, "100.0.0.0/24", 1, vnet="v1"),
        route_rule("eni1", 222, "100.0.0.0/24", 2, "drop"),
        row("ROUTING_TYPE", "vnet_encap", name="a", action_type="staticencap",
            encap_type="vxlan"),
        row("PA_VALIDATION", 222, addresses=["60.0.0.0/8"]),
        {"DASH_METER_POLICY:mp": {"ip_version": "ipv4"}, "OP": "SET"},
        {"DASH_METER_RULE:mp:1": {"priority": 1, "ip_prefix": "20.0.0.0/8",
                                  "metering_class": 5}, "OP": "SET"},
        eni={"qos": "q1", "v4_meter_policy_id": "mp", "dscp_mode": "pipe",
             "dscp": 0, "addresses": [ca(1), ca(1, True)],
             "timeout_syn": 7})


# -- one transaction ----------------------------------------------------------

# Rows that cannot be, what the refusal has to name, and 1 where dashctl itself
# sees that they make no sense.
BAD = {
    "a route to an unknown VNET": (
        row("ROUTE", "rg", "99.0.0.0/8", routing_type="vnet", vnet="nope"),
        ("99.0.0.0/8", "vnet", "nope")),
    "a route without its VNET": (
        row("ROUTE", "rg", "99.0.0.0/8", routing_type="vnet"),
        ("99.0.0.0/8", "vnet")),
    "a route in an unknown group": (
        row("ROUTE", "nogroup", "99.0.0.0/8", routing_type="drop"),
        ("nogroup",)),
    "an ENI in an unknown VNET": (
        row("ENI", "eni9", mac_address=mac(99), underlay_ip=pa(9),
            vnet="nope"), ("eni9", "vnet", "nope")),
    "an ENI with an unknown QOS": (
        row("ENI", "eni9", mac_address=mac(99), underlay_ip=pa(9), vnet="v1",
            qos="nope"), ("eni9", "qos", "nope")),
    "an ENI with another's MAC": (
        row("ENI", "eni9", mac_address=mac(1), underlay_ip=pa(9), vnet="v1"),
        ("eni9", "eni1")),
    "an ENI whose key is another MAC": (
        row("ENI", "02:00:00:00:00:98", mac_address=mac(97), vnet="v1",
            underlay_ip=pa(9)), ("mac",), 1),
    "a mapping in an unknown VNET": (
        mapping("nope", "1.1.1.1", pa(9)), ("1.1.1.1", "nope")),
    "a mapping without a PA": (
        row("VNET_MAPPING", "v1", "1.1.1.1", routing_type="vnet_encap"),
        ("1.1.1.1", "underlay_ip")),
    "a rule in an unknown group": (
        row("ACL_RULE", "nope", "r", priority=1, action="deny",
            terminating=True), ("nope",)),
    "a rule with another's priority": (
        row("ACL_RULE", "g1", "another", priority=2, action="deny",
            terminating=True), ("g1", "priority")),
    "a rule with an unknown tag": (
        row("ACL_RULE", "g1", "another", priority=9, action="deny",
            terminating=True, dst_tag=["nope"]), ("another", "nope")),
    "a rule with a tag of the other family": (
        row("ACL_RULE", "g6", "another", priority=9, action="deny",
            terminating=True, dst_tag=["t1"]), ("another", "t1")),
    "an unknown group bound": (
        bind("eni1", "out", 3, "nope"), ("nope",)),
    "a group bound to the other family": (
        bind("eni1", "out", 3, None, "g1"), ("g1",)),
    "a binding of an unknown ENI": (bind("nope", "out", 1, "g1"), ("nope",)),
    "an unknown route group bound": (
        row("ENI_ROUTE", "eni1", group_id="nope"), ("nope",)),
    "a route rule of an unknown ENI": (
        route_rule("nope", 1, "1.0.0.0/8", 1), ("nope",)),
    "a route rule with an unknown VNET": (
        route_rule("eni1", 1, "1.0.0.0/8", 1, vnet="nope"), ("vnet", "nope")),
    "a bound group's other family": (
        row("ACL_GROUP", "g6", ip_version="ipv4"), ("g6",)),
    "settings in a second appliance row": (
        row("APPLIANCE", "2", sip="100.0.0.250", udp_sport=7), ("APPLIANCE",)),
    "a VNI of more than 24 bits": (row("VNET", "v9", vni=1 << 24), ("vni",), 1),
    "a stage that is none": (bind("eni1", "out", 6, "g1"), ("stage",), 1),
    "a device that is none": ({"PORT:nodev0": {"role": "underlay"},
                               "OP": "SET"}, ("nodev0",)),
}


@cases({f"refused whole: {k}": v for k, v in BAD.items()},
       stock=("refused whole: a route to an unknown VNET",
              "refused whole: an ENI with another's MAC",
              "refused whole: a rule with another's priority"))
def bad_row(bad, words, status=2):
    """The bad row is in the middle of good ones that would change much."""
    net.load(everything())
    good = [row("VNET", "v1", vni=4444), row("ROUTE_GROUP", "rgx"),
            delete("ROUTE", "rg", "10.0.0.0/24"),
            mapping("v1", ca(2), pa(99), mac(99)),
            delete("VNET_MAPPING", "v1", ca(3)),
            *group("g1", (1, "deny", True, {}))]
    text = refused(good[:3] + [bad] + good[3:], *words, status=status)
    check(".json:1:" in text, f"no line is named: {text}")
    works()
    works(3)


@case("refused whole: what is wrong on its own line is named with it")
def line():
    net.load(base())
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        f.write('[\n{"DASH_VNET_TABLE:a": {"vni": 1}, "OP": "SET"},\n\n'
                '{"DASH_VNET_TABLE:b": {"vni": 2}, "OP": "SET"},\n'
                '{"DASH_VNET_MAPPING_TABLE:c:1.1.1.1": {"routing_type": '
                '"vnet_encap", "underlay_ip": "1.1.1.1"}, "OP": "SET"}\n]\n')
        f.flush()
        p = net.dashctl("load", f.name, ok=False)
        equal(p.returncode, 2, "exit status")
        check(f"{f.name}:5:" in p.stderr, f"not line 5: {p.stderr}")


@case("the order of rows does not matter", stock=True)
def order():
    rows = everything()
    net.load(rows)
    want = without_order(net.save())
    for _ in range(3 if SLOW < 10 else 1):
        net.dashctl("flush")
        rnd.shuffle(rows)
        net.load(rows + [UNDERLAY], "--ignore-unknown")
        equal(without_order(net.save()), want, "configuration")
        works()


@case("operations on one object take effect in file order")
def file_order():
    net.load(base())
    v = "DASH_VNET_TABLE:x"
    change(row("VNET", "x", vni=1), row("VNET", "x", vni=2))
    equal(named(net.save(), v)["vni"], 2, "vni")
    change(row("VNET", "x", vni=3), delete("VNET", "x"))
    equal(named(net.save(), v), None, "row")
    change(delete("VNET", "x"), row("VNET", "x", vni=4))
    equal(named(net.save(), v)["vni"], 4, "vni")
    # Gone and back within one transaction, with a reference to it.
    change(delete("VNET_MAPPING", "v1", ca(2)),
           mapping("v1", ca(2), pa(2), mac(2)))
    works()


@case("SET replaces the whole object", stock=True)
def replaces():
    net.load(everything())
    change(row("VNET", "v2", vni=333))
    got = named(net.save(), "DASH_VNET_TABLE:v2")
    equal(got, {"vni": 333}, "VNET")
    change(row("ACL_RULE", "g1", "r2", priority=2, action="deny",
               terminating=True))
    got = named(net.save(), "DASH_ACL_RULE_TABLE:g1:r2")
    check("dst_port" not in got and "protocol" not in got and
          "src_addr" not in got, f"rule: {got}")
    change(row("ENI", "eni1", mac_address=mac(1), underlay_ip=pa(1),
               admin_state="enabled", vnet="v1"))
    got = named(net.save(), "DASH_ENI_TABLE:eni1")
    for gone in ("qos", "addresses", "timeout_syn", "dscp_mode",
                 "v4_meter_policy_id"):
        check(gone not in got, f"{gone} is still there: {got}")
    # What belongs to it by another row stays.
    check(named(net.save(), "DASH_ENI_ROUTE_TABLE:eni1"), "the route binding")
    check(named(net.save(), "DASH_ACL_OUT_TABLE:eni1:1"), "the ACL binding")


@case("DEL of what is not there succeeds, in every table", stock=True)
def missing():
    net.load(everything())
    before = net.save()
    change(*[delete(*k) for k in (
        ("APPLIANCE", "77"), ("VNET", "x"), ("QOS", "x"), ("ENI", "x"),
        ("PREFIX_TAG", "x"), ("ACL_GROUP", "x"), ("ACL_RULE", "g1", "x"),
        ("ACL_RULE", "x", "x"), ("ACL_IN", "eni1", 5), ("ACL_OUT", "x", 1),
        ("ROUTING_TYPE", "servicetunnel"), ("ENI_ROUTE", "x"),
        ("ROUTE_GROUP", "x"), ("ROUTE", "x", "1.0.0.0/8"),
        ("ROUTE", "rg", "99.0.0.0/8"), ("ROUTE_RULE", "eni1", 5, "1.0.0.0/8"),
        ("ROUTE_RULE", "x", 5, "1.0.0.0/8", 1), ("VNET_MAPPING", "v1", "9.9.9.9"),
        ("VNET_MAPPING", "x", "9.9.9.9"), ("PA_VALIDATION", 777))],
        {"DASH_METER_POLICY:x": {}, "OP": "DEL"},
        {"DASH_METER_RULE:x:1": {}, "OP": "DEL"},
        {"PORT:nodev0": {}, "OP": "DEL"})
    equal(net.save(), before, "configuration")


# -- references ---------------------------------------------------------------

REFERRED = {
    "VNET of an ENI": (("VNET", "v1"), ("v1",)),
    "VNET of a route": (("VNET", "v2"), ("v2", "rg")),
    "QOS of an ENI": (("QOS", "q1"), ("q1", "eni1")),
    "tag of a rule": (("PREFIX_TAG", "t1"), ("t1", "g1")),
    "group that is bound": (("ACL_GROUP", "g1"), ("g1", "eni1")),
    "route group that is bound": (("ROUTE_GROUP", "rg"), ("rg", "eni1")),
}


@cases({f"in use: {k}": v for k, v in REFERRED.items()},
       stock=("in use: VNET of a route", "in use: group that is bound"))
def in_use(key, words):
    """Deleting it fails and names a referrer."""
    net.load(everything())
    refused([delete(*key)], *words)
    works()
    # Together with the referrers it goes.
    if key[0] == "QOS":
        change(row("ENI", "eni1", mac_address=mac(1), underlay_ip=pa(1),
                   admin_state="enabled", vnet="v1"), delete(*key))
    elif key[0] in ("ACL_GROUP", "PREFIX_TAG"):
        change(delete(*key), delete("ACL_OUT", "eni1", 1),
               delete("ACL_IN", "eni1", 2), delete("ACL_GROUP", "g1"))
    elif key == ("VNET", "v2"):
        change(delete(*key), delete("ROUTE", "rg", "20.0.0.0/8"),
               delete("ROUTE", "rg", "50.0.0.0/8"))
    elif key[0] == "ROUTE_GROUP":
        change(delete("ENI_ROUTE", "eni1"), delete(*key))
    else:
        change(delete("ENI", "eni1"), delete("ROUTE_GROUP", "rg"),
               delete(*key))
    equal(named(net.save(), f"DASH_{key[0]}_TABLE:{key[1]}"), None, "row")


@case("children go along", stock=True)
def children():
    net.load(everything())

    def left(text):
        return [k for r in net.save() for k in r if text in k]
    change(delete("ENI", "eni1"))
    equal(left("eni1"), [], "rows of the ENI")
    change(delete("ACL_GROUP", "g1"))
    equal(left("ACL_RULE_TABLE:g1:"), [], "rules of the group")
    check(left("ACL_RULE_TABLE:g6:"), "rules of another group are gone, too")
    change(delete("ROUTE_GROUP", "rg"))
    equal(left("ROUTE_TABLE:rg:"), [], "routes of the group")
    change(delete("VNET", "v2"))
    equal(left("MAPPING_TABLE:v2:"), [], "mappings of the VNET")
    check(left("MAPPING_TABLE:v1:"), "mappings of another VNET are gone, too")
    # And come back with it empty.
    change(row("ACL_GROUP", "g1", ip_version="ipv4"))
    equal(left("ACL_RULE_TABLE:g1:"), [], "rules of the new group")


# -- save, load, sync, check --------------------------------------------------

def fixed_point(rows, opts=()):
    """save -> load -> save changes nothing, whether by sync or afresh."""
    net.load([], "--sync")
    net.load(rows, *(opts or ("--ignore-unknown",)))
    first = net.save()
    net.load(first, "--sync")
    equal(net.save(), first, "after load --sync of what was saved")
    net.load([], "--sync")
    equal(net.save(), [], "after load --sync of []")
    net.load(first, "--ignore-unknown")
    equal(without_order(net.save()), without_order(first), "loaded afresh")
    return first


EXAMPLES = glob.glob(os.path.join(TOP, "Documentation/examples/*.json"))


@cases({f"fixed point: {os.path.basename(p)}": p for p in EXAMPLES},
       stock=("fixed point: hld-vnet-to-vnet.json",))
def examples(path):
    with open(path, encoding="utf-8") as f:
        rows = json.load(f)
    saved = fixed_point(rows)
    # Each row is there.
    for r in rows:
        key = next(k for k in r if k != "OP")
        table, _, name = key.partition(":")
        check(any(name.lower().replace("-", "").replace(":", "") in
                  k.lower().replace("-", "").replace(":", "")
                  for s in saved for k in s), f"{key} was not saved")
        check(table, key)


def random_config(n):
    """Rows of all kinds with random names, references and fields."""
    vnets = [f"vnet-{i}" for i in range(n)]
    tags = [f"tag.{i}" for i in range(n)]
    groups = {f"grp_{i}": rnd.choice(["ipv4", "ipv6"]) for i in range(n)}
    rgs = [f"rg{i}" for i in range(n)]

    def addr(v6=None):
        if v6 or (v6 is None and rnd.random() < 0.3):
            return f"2001:db8:{rnd.getrandbits(16):x}::{rnd.getrandbits(16):x}"
        return (f"{rnd.choice([10, 20, 30, 172])}.{rnd.randint(0, 255)}."
                f"{rnd.randint(0, 255)}.{rnd.randint(1, 254)}")

    def prefix(v6=None):
        a = addr(v6)
        import ipaddress    # pylint: disable=import-outside-toplevel
        return str(ipaddress.ip_network((a, rnd.randint(
            0, 128 if ":" in a else 32)), strict=False))

    def some(what, k=4):
        return rnd.sample(what, rnd.randint(0, min(k, len(what))))

    rows = [row("APPLIANCE", "7", sip=[addr(False), addr(True)],
                vm_vni=[rnd.randint(1, 1000), 9000],
                trusted_vnis=["1-9000", str(rnd.randint(9001, 10000))],
                max_flows=rnd.randint(1000, 10000), timeout_udp_new=77,
                tcp_loose=True, **EXACT)]
    rows += [row("VNET", v, vni=rnd.randint(1, 0xffffff), guid=f"guid {v}")
             for v in vnets]
    rows += [row("QOS", f"qos{i}", qos_id=f"id{i}", bw=i, cps=i, flows=i)
             for i in range(n)]
    tag_family = {}
    for t in tags:
        v6 = tag_family[t] = rnd.random() < 0.3
        rows.append({f"DASH_PREFIX_TAG_TABLE:{t}": {
            "ip_version": "ipv6" if v6 else "ipv4",
            "prefix_list": sorted({prefix(v6) for _ in range(
                rnd.randint(0, 6))})}, "OP": "SET"})
    for name, ver in groups.items():
        v6 = ver == "ipv6"
        rows.append(row("ACL_GROUP", name, ip_version=ver,
                        default_action=rnd.choice(["allow", "deny"])))
        for prio in rnd.sample(range(1, 1000), rnd.randint(0, 8)):
            fields = {}
            for side in ("src", "dst"):
                if rnd.random() < 0.5:
                    fields[f"{side}_addr"] = list({prefix(v6)
                                                   for _ in range(3)})
                mine = [t for t in tags if tag_family[t] == v6]
                if some(mine, 2):
                    fields[f"{side}_tag"] = rnd.sample(mine, 1)
                if rnd.random() < 0.5:
                    lo = rnd.randint(0, 60000)
                    fields[f"{side}_port"] = [f"{lo}-{lo + rnd.randint(1, 99)}",
                                              str(rnd.randint(62000, 65535))]
            if rnd.random() < 0.5:
                fields["protocol"] = rnd.sample(range(256), 3)
            rows.append(row("ACL_RULE", name, f"rule {prio}", priority=prio,
                            action=rnd.choice(["allow", "deny"]),
                            terminating=rnd.random() < 0.5, **fields))
    for rg in rgs:
        rows.append(row("ROUTE_GROUP", rg, guid=rg))
        for p in {prefix() for _ in range(8)}:
            kind = rnd.choice(["vnet", "vnet_direct", "direct", "drop",
                               "vnet_encap"])
            fields = {}
            if kind in ("vnet", "vnet_direct"):
                fields["vnet"] = rnd.choice(vnets)
            if kind == "vnet_direct":
                fields["overlay_ip"] = addr()
            if kind == "vnet_encap":
                fields.update(underlay_ip=[addr(False)], vni=5)
            rows.append(row("ROUTE", rg, p, routing_type=kind, **fields))
    for i in range(n):
        name = f"F4939FEF{i:04X}" if i % 2 else f"eni {i}"
        rows.append(row(
            "ENI", name, mac_address=f"F4-93-9F-EF-{i >> 8:02X}-{i & 255:02X}",
            underlay_ip=addr(), admin_state=rnd.choice(["enabled", "disabled"]),
            vnet=rnd.choice(vnets), qos=f"qos{i}", eni_id=f"id-{i}",
            addresses=[addr() for _ in range(3)], dscp_mode="pipe",
            dscp=rnd.randint(0, 63)))
        rows.append(row("ENI_ROUTE", name, group_id=rnd.choice(rgs)))
        for direction in ("in", "out"):
            for stage in some([1, 2, 3, 4, 5]):
                g = rnd.choice(list(groups))
                rows.append(bind(name, direction, stage, *(
                    (g, None) if groups[g] == "ipv4" else (None, g))))
        for prio in some(range(1, 100)):
            rows.append(route_rule(
                name, rnd.randint(1, 0xffffff), prefix(), prio,
                **({"vnet": rnd.choice(vnets)} if prio % 2 else {}),
                pa_validation=prio % 3 == 0, protocol=rnd.choice([0, 6, 17])))
    for ip_ in {(rnd.choice(vnets), addr()) for _ in range(20 * n)}:
        fields = {}
        if rnd.random() < 0.5:
            fields["vni"] = rnd.randint(1, 0xffffff)
        if rnd.random() < 0.3:
            fields["use_dst_vni"] = True
        rows.append(mapping(*ip_, addr(), mac(rnd.randint(1, 99)), **fields))
    rows += [row("PA_VALIDATION", i + 1, addresses=sorted(
        {prefix() for _ in range(3)})) for i in range(n)]
    return rows


@case("fixed point: every table")
def fixed_everything():
    fixed_point(everything())


@case("fixed point: a large random configuration", stock=True)
def fixed_random():
    seed = time.time_ns() & 0xffffff
    rnd.seed(seed)
    diag(f"seed {seed}")
    rows = random_config(20 if SLOW < 10 else 6)
    saved = fixed_point(rows)
    equal(len(saved), len(rows), f"rows of seed {seed}")


@case("load --sync: exactly the difference, without touching flows",
      stock=True)
def sync():
    net.load(everything())
    f = vm_frame(2, udp(net.sport(), 1000))
    net.forwards(from_vm(f), to_peer(2, f))
    before = net.eni_stats()["flows"]
    rows = everything() + [UNDERLAY]
    net.load(rows, "--sync")
    net.load([r for r in rows if "30.0.0.0/8" not in json.dumps(r)] +
             [mapping("v2", "20.0.0.77", pa(77))], "--sync")
    got = net.save()
    equal(named(got, "DASH_ROUTE_TABLE:rg:30.0.0.0/8"), None, "route")
    check(named(got, "DASH_VNET_MAPPING_TABLE:v2:20.0.0.77"), "no mapping")
    net.forwards(from_vm(f), to_peer(2, f))
    after = net.eni_stats()["flows"]
    equal((after["created"], after["current"]),
          (before["created"], before["current"]), "connections")


@case("load --check: says the same and changes nothing", stock=True)
def check_only():
    net.load(base())
    before = net.save()
    net.load(everything(), "--check")
    equal(net.save(), before, "configuration")
    refused([row("ENI_ROUTE", "eni1", group_id="nope")], "nope",
            opts=("--check",))
    works()


@case("the notations of the HLD", stock=True)
def notations():
    """Strings for numbers, lists joined by commas, three kinds of MAC, names
    of former versions."""
    net.load([
        {"DASH_APPLIANCE:1": {"sip": "100.0.0.254,fd00:100::fe",
                              "vm_vni": "9000", "df": "false", "ip_id": "1",
                              "udp_sport": "0", "underlay_mode": "hairpin"},
         "OP": "SET"},
        {"DASH_VNET:v1": {"vni": "100"}, "OP": "SET"},
        {"DASH_ENI:020000000001": {"pa_addr": pa(1), "vnet": "v1",
                                   "admin_state": "enabled"}, "OP": "SET"},
        {"DASH_ROUTE_GROUP:rg": {}, "OP": "SET"},
        {"DASH_ROUTE:rg:10.0.0.0/24": {"action_type": "vnet", "vnet": "v1"},
         "OP": "SET"},
        {"DASH_ENI_ROUTE:020000000001": {"group_id": "rg"}, "OP": "SET"},
        {"DASH_VNET_MAPPING:v1:10.0.0.2": {
            "action_type": "vnet_encap", "underlay_ip": pa(2),
            "mac_address": "02-00-00-00-00-02"}, "OP": "SET"},
        {"DASH_VNET_MAPPING:v1:10.0.0.3": {
            "routing_type": "vnet_encap", "pa_addr": pa(3),
            "mac_address": "020000000003", "use_dst_vni": "true"},
         "OP": "SET"},
        {"DASH_ACL_GROUP:g": {"ip_version": "ipv4"}, "OP": "SET"},
        {"DASH_ACL_RULE:g:1": {
            "priority": "1", "action": "permit", "terminating": "true",
            "protocol": "6,17", "dst_addr": "10.0.0.2/32,10.0.0.3/32",
            "dst_port": "53,80-90"}, "OP": "SET"},
        {"DASH_ACL_OUT:020000000001:1": {"v4_acl_group_id": "g"},
         "OP": "SET"}])
    works(2)
    works(3)
    net.drop(from_vm(vm_frame(2, tcp(net.sport(), 91))), "acl_deny",
             "020000000001")


@case("defaults", stock=True)
def defaults():
    """Rule not terminating, mapping vnet_encap, validation on, ENI down."""
    net.load(base(
        {"DASH_ACL_GROUP_TABLE:g": {"ip_version": "ipv4"}, "OP": "SET"},
        {"DASH_ACL_RULE_TABLE:g:1": {"priority": 1, "action": "deny"},
         "OP": "SET"},
        group("h", (1, "allow", True, {})),
        bind("eni1", "out", 1, "g"), bind("eni1", "out", 2, "h"),
        {"DASH_VNET_MAPPING_TABLE:v1:10.0.0.9": {
            "underlay_ip": pa(9), "mac_address": mac(9)}, "OP": "SET"}))
    works(9)


@case("rows are masked and normalised alike")
def normal():
    net.load(base(row("ROUTE", "rg", "77.1.2.3/8", routing_type="drop")))
    check(named(net.save(), "DASH_ROUTE_TABLE:rg:77.0.0.0/8"),
          f"saved: {[k for r in net.save() for k in r if ':77' in k]}")
    change(delete("ROUTE", "rg", "77.9.9.9/8"))
    equal(named(net.save(), "DASH_ROUTE_TABLE:rg:77.0.0.0/8"), None, "row")


# -- netlink ------------------------------------------------------------------

@case("transactions: nothing before commit, all after, nothing by abort",
      stock=True)
def txn():
    net.load(base())
    nl = socket_in_net()
    t = begin(nl)
    nl.talk(N["DASH_CMD_CONFIG_SET"], t + vnet_row("a", 1))
    nl.talk(N["DASH_CMD_CONFIG_SET"], t + vnet_row("b", 2))
    equal(vnets(), {"v1"}, "VNETs before commit")
    nl.talk(N["DASH_CMD_TXN_COMMIT"], t)
    equal(vnets(), {"v1", "a", "b"}, "VNETs after commit")
    for cmd in ("DASH_CMD_TXN_COMMIT", "DASH_CMD_TXN_ABORT",
                "DASH_CMD_CONFIG_SET"):
        try:
            nl.talk(N[cmd], t + (vnet_row("c", 3) if "SET" in cmd else b""))
            check(False, f"{cmd} of a transaction that is over")
        except Refused as e:
            check(e.text, f"{cmd}: no text")
    t = begin(nl)
    nl.talk(N["DASH_CMD_CONFIG_SET"], t + vnet_row("d", 1))
    nl.talk(N["DASH_CMD_TXN_ABORT"], t)
    # It ends with its socket, too.
    t = begin(nl)
    nl.talk(N["DASH_CMD_CONFIG_SET"], t + vnet_row("e", 1))
    nl.sock.close()
    equal(vnets(), {"v1", "a", "b"}, "VNETs")
    net.dashctl("vnet", "add", "f", "vni", "9")
    equal(vnets(), {"v1", "a", "b", "f"}, "VNETs")


@case("transactions: of two sockets, and nobody else's")
def txn_two():
    net.load(base())
    one, two = socket_in_net(), socket_in_net()
    t1, t2 = begin(one), begin(two)
    one.talk(N["DASH_CMD_CONFIG_SET"], t1 + vnet_row("a", 1))
    two.talk(N["DASH_CMD_CONFIG_SET"], t2 + vnet_row("b", 2))
    two.talk(N["DASH_CMD_CONFIG_SET"], t2 + vnet_row("a", 7))
    two.talk(N["DASH_CMD_TXN_COMMIT"], t2)
    equal(vnets(), {"v1", "a", "b"}, "VNETs")
    one.talk(N["DASH_CMD_TXN_COMMIT"], t1)
    equal(named(net.save(), "DASH_VNET_TABLE:a")["vni"], 1, "the last one")
    t1 = begin(one)
    try:
        two.talk(N["DASH_CMD_TXN_COMMIT"], t1)
        check(False, "another socket's transaction was committed")
    except Refused:
        pass
    one.sock.close()
    two.sock.close()


@case("transactions: the error of a commit tells the row")
def txn_error():
    net.load(base())
    nl = socket_in_net()
    t = begin(nl)

    def seq(n):
        return attr(N["DASH_A_CONFIG_SEQ"], ("I", n))
    nl.talk(N["DASH_CMD_CONFIG_SET"], t + seq(40) + vnet_row("a", 1))
    nl.talk(N["DASH_CMD_CONFIG_SET"], t + seq(41) + attr(
        N["DASH_A_CONFIG_ENI_ROUTE"],
        attr(N["DASH_A_ENI_ROUTE_ENI"], "eni1") +
        attr(N["DASH_A_ENI_ROUTE_GROUP"], "nope"), nested=True))
    try:
        nl.talk(N["DASH_CMD_TXN_COMMIT"], t)
        check(False, "committed")
    except Refused as e:
        check("41" in e.text and "nope" in e.text, f"text: {e.text}")
    equal(vnets(), {"v1"}, "VNETs")
    nl.sock.close()


@case("without CAP_NET_ADMIN one may look, not change", stock=True)
def rights():
    net.load(base())
    before = net.save()
    ctl = os.environ.get("DASHCTL", "dashctl")
    plain = ["ip", "netns", "exec", net.app, "setpriv", "--reuid", "65534",
             "--regid", "65534", "--clear-groups", "--bounding-set=-all",
             "--inh-caps=-all", ctl]
    equal(run(*plain, "-j", "stats", ok=False).returncode, 0, "stats")
    for args in (("vnet", "add", "x", "vni", "5"), ("flow", "flush"),
                 ("port", "del", "u0"), ("flush",)):
        p = run(*plain, *args, ok=False)
        equal(p.returncode, 2, f"exit status of {args}: {p.stderr}")
    equal(net.save(), before, "configuration")


@case("rights over another user namespace are none over this one")
def user_namespace():
    net.load(base())
    before = net.save()
    ctl = os.environ.get("DASHCTL", "dashctl")
    # Root in there, but the network namespace belongs to the outer one.
    inside = ["ip", "netns", "exec", net.app, "unshare", "-U", "-r"]
    p = run(*inside, "true", ok=False)
    if p.returncode:
        raise Skip("no user namespaces")
    equal(run(*inside, ctl, "vnet", "add", "x", "vni", "5",
              ok=False).returncode, 2, "exit status")
    equal(net.save(), before, "configuration")
    # In a network namespace of one's own, it is allowed.
    p = run("unshare", "-U", "-r", "-n", ctl, "vnet", "add", "x", "vni", "5",
            ok=False)
    equal(p.returncode, 0, f"exit status in one's own: {p.stderr}")


def config_messages():
    """Netlink messages of real rows, as dashctl sends them: taken from a dump,
    whose replies are what config-set takes."""
    net.load(everything())
    nl = socket_in_net()
    nl.send(N["DASH_CMD_CONFIG_GET"], flags=NLM_F_DUMP | NLM_F_ACK)
    out = []
    while True:
        data = nl.sock.recv(1 << 17)
        while data:
            n = int.from_bytes(data[:4], "little")
            kind = int.from_bytes(data[4:6], "little")
            if kind in (2, 3):
                nl.sock.close()
                return out
            out += [attr(k, v, nested=True) for k, v in parse(data[20:n])]
            data = data[(n + 3) & ~3:]


@case("what a dump gives, config-set takes")
def dump_set():
    rows = config_messages()
    before = net.save()
    check(len(rows) >= 20, f"{len(rows)} rows")
    nl = socket_in_net()
    t = begin(nl)
    for r in rows:
        nl.talk(N["DASH_CMD_CONFIG_SET"], t + r)
    nl.talk(N["DASH_CMD_TXN_COMMIT"], t)
    nl.sock.close()
    equal(net.save(), before, "configuration")


def mutate(data):
    data = bytearray(data)
    for _ in range(rnd.randint(1, 4)):
        what = rnd.randint(0, 4)
        at = rnd.randrange(len(data)) if data else 0
        if what == 0 and data:
            data[at] ^= 1 << rnd.randint(0, 7)
        elif what == 1 and data:
            data[at] = rnd.choice([0, 1, 3, 4, 127, 128, 255])
        elif what == 2:
            data = data[:at]
        elif what == 3:
            data[at:at] = rnd.randbytes(rnd.choice([1, 4, 8]))
        elif data:
            data += data[at:at + 40]
    return bytes(data[:60000])


@case("garbage by netlink does no harm", stock=True)
def fuzz():
    """Random bytes, and rows of every table with a few bytes changed, by every
    command, as root."""
    seed = time.time_ns() & 0xffffff
    rnd.seed(seed)
    diag(f"seed {seed}")
    rows = config_messages()
    ours = [v for k, v in N.items() if k.startswith("DASH_CMD_")
            and not k.endswith("MAX")]
    nl = socket_in_net()
    nl.sock.setblocking(False)
    # Devices of the namespace may get attached or not, but ports of nobody
    # else.
    count = accepted = 0
    end = time.monotonic() + (4 if SLOW < 10 else 6)
    while time.monotonic() < end:
        cmd = rnd.choice(ours + [N["DASH_CMD_CONFIG_SET"]] * 8 +
                         [N["DASH_CMD_CONFIG_DEL"], 0, 77])
        kind = rnd.random()
        if kind < 0.1:
            body = rnd.randbytes(rnd.randint(0, 200))
        elif kind < 0.25:
            body = b"".join(attr(rnd.randint(0, 60), rnd.randbytes(
                rnd.choice([0, 1, 2, 3, 4, 8, 16, 40])),
                nested=rnd.random() < 0.3) for _ in range(rnd.randint(0, 5)))
        else:
            body = mutate(b"".join(rnd.choices(rows, k=rnd.randint(1, 3))))
        flags = rnd.choice([NLM_F_ACK, NLM_F_ACK, NLM_F_DUMP, 0])
        try:
            nl.send(cmd, body, flags)
        except OSError:
            pass
        count += 1
        try:
            while True:
                data = nl.sock.recv(1 << 17)
                accepted += data[4:6] == b"\2\0" and data[16:20] == bytes(4)
        except BlockingIOError:
            pass
        except OSError:
            pass
    nl.sock.close()
    diag(f"{count} messages, {accepted} of them accepted")
    check(count > 100, f"only {count} messages")
    # Whatever it looks like now, it can be read, and made right again.
    json.loads(net.dashctl("save").stdout)
    net.load(base())
    works()
    net.check_sums()


@case("writers and readers at the same time")
def concurrent():
    """Four tools change different objects while dumps are read and packets
    pass; all succeed, nothing is lost."""
    net.load(base())
    ctl = os.environ.get("DASHCTL", "dashctl")
    with tempfile.TemporaryDirectory() as tmp:
        procs = []
        for w in range(4):
            rows = [row("VNET", f"w{w}", vni=w + 1)]
            rows += [mapping(f"w{w}", f"20.{w}.{i >> 8}.{i & 255}", pa(2))
                     for i in range(300)]
            with open(f"{tmp}/{w}", "w", encoding="ascii") as f:
                json.dump(rows, f)
            procs.append(subprocess.Popen(
                [ctl, "-n", net.app, "load", f"{tmp}/{w}"],
                stderr=subprocess.PIPE, text=True))
        while any(p.poll() is None for p in procs):
            works()
            json.loads(net.dashctl("save").stdout)
        for p in procs:
            equal((p.returncode, p.stderr.read()), (0, ""), "load")
            p.stderr.close()
    got = net.save()
    for w in range(4):
        equal(sum(k.startswith(f"DASH_VNET_MAPPING_TABLE:w{w}:")
                  for r in got for k in r), 300, "mappings")


@case("exit status: 1 for a wrong call, 2 for a refusal")
def status():
    net.load(base())
    for args, want in ((("fly",), 1), (("vnet", "add"), 1),
                       (("load", "/nonexistent"), 1),
                       (("vnet", "del", "v1"), 2),
                       (("port", "add", "nodev0", "underlay"), 2),
                       (("eni", "show", "nope"), 2), (("stats",), 0),
                       (("vnet", "add", "x", "vni", "zzz"), 1)):
        p = net.dashctl(*args, ok=False)
        equal(p.returncode, want, f"exit status of {args}: {p.stderr}")
        check(want == 0 or p.stderr, f"{args}: nothing was said")


main(net)
