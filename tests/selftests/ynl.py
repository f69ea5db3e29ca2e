#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The protocol by its specification: the kernel's own YNL tool, which knows
nothing but Documentation/netlink/specs/dash.yaml, reads and writes."""

import contextlib
import glob
import io
import json
import os
import socket
import subprocess
import sys

from dashtest import (TOP, VIP, VM_VNI, InNetns, Net, Skip, base,
                      bind, ca, case, cases, check, equal, group, mac, main,
                      pa)
from frames import from_vm, to_peer, udp, vm_frame

SPEC = os.path.join(TOP, "Documentation/netlink/specs/dash.yaml")

net = Net()


def tree():
    """The kernel source that has the tool."""
    name = "linux-source-6.12*"
    for path in [os.environ.get("DASH_KERNEL_SRC")] + sorted(
            glob.glob(os.path.expanduser(f"~/.cache/dash/src/{name}")) +
            glob.glob(f"/root/.cache/dash/src/{name}") +
            glob.glob(f"/usr/src/{name}")):
        if path and os.path.exists(f"{path}/tools/net/ynl/cli.py"):
            return path
    raise Skip("no kernel source with tools/net/ynl")


class Tool:
    """cli.py within this process: to read the specification takes seconds on
    an emulated machine, so that is done once."""

    def __init__(self):
        self.main = None

    def load(self):
        top = f"{tree()}/tools/net/ynl"
        sys.dont_write_bytecode = True
        sys.path.insert(0, top)
        try:
            import yaml     # pylint: disable=import-outside-toplevel
        except ImportError:
            raise Skip("no PyYAML") from None
        import cli          # pylint: disable=all
        loaded = {}
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

        def safe_load(stream):
            text = stream.read()
            if text not in loaded:
                loaded[text] = json.dumps(yaml.load(text, loader))
            return json.loads(loaded[text])
        yaml.safe_load = safe_load
        self.main = cli.main

    def __call__(self, how, op=None, args=None, ok=True, schema=False):
        """--do or --dump; returns the answer, or with ok=False the error's
        text."""
        if not self.main:
            self.load()
        argv = sys.argv
        sys.argv = ["cli.py", "--spec", SPEC, "--output-json", f"--{how}"]
        sys.argv += [op] if op else []
        sys.argv += ["--json", json.dumps(args)] if args is not None else []
        sys.argv += ["--schema", f"{tree()}/Documentation/netlink/"
                     "genetlink-legacy.yaml"] if schema else ["--no-schema"]
        out = io.StringIO()
        status = 0
        try:
            with InNetns(net.app), contextlib.redirect_stdout(out):
                self.main()
        except SystemExit as e:
            status = e.code
        finally:
            sys.argv = argv
        text = out.getvalue()
        check(bool(status) != ok, f"ynl --{how} {op} {args}: {text}")
        return json.loads(text) if ok and op else text


ynl = Tool()


def hexa(addr):
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    return socket.inet_pton(family, addr).hex()


def hexm(addr):
    return addr.replace(":", "")


# -- the tool itself ----------------------------------------------------------

@case("the specification keeps to its schema")
def schema():
    try:
        import jsonschema   # pylint: disable=import-outside-toplevel
    except ImportError:
        raise Skip("no jsonschema") from None
    assert jsonschema
    text = ynl("list-ops", schema=True)
    for op in ("config-set", "config-del", "config-get", "txn-begin",
               "txn-commit", "txn-check", "txn-abort", "stats-get", "flow-get",
               "flow-flush", "explain"):
        check(op in text, f"no {op} in {text}")


# -- reading ------------------------------------------------------------------

@case("do: one row of the configuration", stock=True)
def get_row():
    net.load(base())
    got, = ynl("do", "config-get", {"eni": {"name": "eni1"}})["eni"]
    equal((got["name"], got["mac"], got["underlay-ip"], got["vnet"],
           got["admin-state"]),
          ("eni1", hexm(mac(1)), hexa(pa(1)), "v1", 1), "ENI")
    got, = ynl("do", "config-get", {"mapping": {"vnet": "v1",
                                                "ip": hexa(ca(2))}})["mapping"]
    equal((got["underlay-ip"], got["mac"]), (hexa(pa(2)), hexm(mac(2))),
          "mapping")
    got, = ynl("do", "config-get", {"route": {
        "group": "rg", "addr": hexa("10.0.0.0"), "len": 24}})["route"]
    equal((got["action"], got["vnet"]), ("vnet", "v1"), "route")


@case("dump: tables of the configuration")
def dump_rows():
    net.load(base())
    rows = ynl("dump", "config-get", {"type": "mapping", "parent": "v1"})
    got = sorted(m["ip"] for r in rows for m in r["mapping"])
    equal(got, sorted(hexa(ca(n, v6)) for n in (2, 3, 4)
                      for v6 in (False, True)), "mappings")
    rows = ynl("dump", "config-get", {"type": "route"})
    equal(sorted((x["addr"], x["len"]) for r in rows for x in r["route"]),
          sorted([(hexa("10.0.0.0"), 24), (hexa("fd00:10::"), 64)]), "routes")
    for kind in ("appliance", "vnet", "eni", "eni-route", "route-group",
                 "port"):
        rows = ynl("dump", "config-get", {"type": kind})
        equal([len(r[kind]) for r in rows], [1], f"rows of {kind}")
    for kind in ("qos", "tag", "acl-group", "acl-rule", "acl-bind",
                 "route-rule", "pa-validation"):
        equal(ynl("dump", "config-get", {"type": kind}), [], kind)
    got, = ynl("dump", "config-get", {"type": "appliance"})
    got, = got["appliance"]
    check(hexa(VIP) in got["sip"] and got["vm-vni"] == [VM_VNI] and
          got["underlay-mode"] == "hairpin", f"appliance: {got}")


@case("dump: thousands of rows, in many messages")
def dump_many():
    net.load(base([{f"DASH_VNET_MAPPING_TABLE:v1:10.7.{n >> 8}.{n & 255}":
                    {"routing_type": "vnet_encap", "underlay_ip": pa(2)},
                    "OP": "SET"} for n in range(3000)]))
    rows = ynl("dump", "config-get", {"type": "mapping", "parent": "v1"})
    ips = [m["ip"] for r in rows for m in r["mapping"]]
    equal((len(ips), len(set(ips))), (3006, 3006), "mappings, different ones")


@case("do and dump: counters", stock=True)
def stats():
    net.load(base([*group("g4", (1, "deny", True, {"dst_port": "81"}),
                          (2, "allow", True, {})),
                   bind("eni1", "out", 2, "g4")]))
    before = net.eni_stats("eni1")
    f = vm_frame(2, udp(net.sport(), 80))
    net.forwards(from_vm(f), to_peer(2, f))
    net.drop(from_vm(vm_frame(2, udp(net.sport(), 81))), "acl_deny", "eni1")
    want = net.eni_stats("eni1")
    equal(want["outbound"]["rx_packets"] - before["outbound"]["rx_packets"], 2,
          "packets by dashctl")
    got = ynl("do", "stats-get", {"eni": "eni1"})
    equal((got["eni"], got["outbound"]["rx-packets"],
           got["outbound"]["tx-packets"]),
          ("eni1", want["outbound"]["rx_packets"],
           want["outbound"]["tx_packets"]), "counters")
    equal({d["reason"].replace("-", "_"): d["packets"]
           for d in got["outbound"]["drop"]}, want["outbound"]["drops"],
          "drops")
    equal({str(d["stage"]): d["packets"]
           for d in got["outbound"]["acl-drop"]},
          want["outbound"]["acl_drops"], "ACL drops")
    equal(got["flows"]["current"], 1, "connections")
    got = ynl("do", "stats-get", {"port": "u0"})
    equal(got["ours"], net.port_stats()["ours"], "ours")
    got = ynl("dump", "stats-get")
    equal([(s.get("port"), s.get("eni")) for s in got],
          [("u0", None), (None, "eni1")], "counters of whom")


@case("dump and flush: connections", stock=True)
def flows():
    net.load(base())
    ports = [net.sport() for _ in range(5)]
    for n, port in enumerate(ports):
        f = vm_frame(2 + n % 2, udp(port, 80))
        net.forwards(from_vm(f), to_peer(2 + n % 2, f))
    got = ynl("dump", "flow-get")
    equal(sorted(f["sport"] for f in got), sorted(ports), "ports")
    f = next(f for f in got if f["sport"] == ports[0])
    equal((f["eni"], f["direction"], f["src"], f["dst"], f["proto"],
           f["dport"], f["state"], f["forward"]["outer-dst"],
           f["forward"]["vni"], f["forward"]["encap"],
           f["forward"]["packets"], f["reverse"]["outer-dst"]),
          ("eni1", "outbound", hexa(ca(1)), hexa(ca(2)), 17, 80, "new",
           hexa(pa(2)), 100, "vxlan", 1, hexa(pa(1))), "connection")
    # A filter, by the name of a state.
    got = ynl("dump", "flow-get", {"dst": hexa(ca(3)), "state": "new"})
    equal(sorted(f["sport"] for f in got), sorted(ports[1::2]), "filtered")
    equal(ynl("dump", "flow-get", {"state": "established"}), [], "established")
    got = ynl("do", "flow-get", {"sport": ports[4]})
    equal(got["sport"], ports[4], "the one")
    equal(ynl("do", "flow-flush", {"dst": hexa(ca(3))}), {"removed": 2},
          "flush of some")
    equal(ynl("do", "flow-flush", {}), {"removed": 3}, "flush of all")
    equal(ynl("dump", "flow-get"), [], "connections left")


@case("do: explain", stock=True)
def explain():
    net.load(base([*group("g4", (1, "deny", True, {"dst_port": "81"}),
                          (2, "allow", True, {})),
                   bind("eni1", "out", 2, "g4")]))
    ask = {"eni": "eni1", "direction": "outbound", "src": hexa(ca(1)),
           "dst": hexa(ca(2)), "proto": 17, "sport": 4000, "dport": 80}
    got = ynl("do", "explain", ask)
    equal(got.get("drop", "none"), "none", "drop")
    equal((got["route"]["group"], got["route"]["len"],
           got["mapping"]["ip"], got["xform"]["outer-dst"],
           got["xform"]["vni"]),
          ("rg", 24, hexa(ca(2)), hexa(pa(2)), 100), "answer")
    step, = got["acl-step"]
    equal((step["stage"], step["group"], step["rule"], step["action"]),
          (2, "g4", "r2", "allow"), "ACL")
    got = ynl("do", "explain", {**ask, "dport": 81})
    equal((got["drop"], got["acl-step"][0]["rule"]), ("acl-deny", "r1"),
          "denied")


# -- writing ------------------------------------------------------------------

@case("do: set and delete rows")
def write():
    net.load(base())
    ynl("do", "config-set", {
        "vnet": [{"name": "v2", "vni": 777}],
        "mapping": [{"vnet": "v2", "ip": hexa("10.0.5.1"),
                     "routing-type": "vnet_encap",
                     "underlay-ip": hexa(pa(5)), "mac": hexm(mac(5))}]})
    got = net.save()
    check({"DASH_VNET_TABLE:v2"} & {k for r in got for k in r} and
          {"DASH_VNET_MAPPING_TABLE:v2:10.0.5.1"} & {k for r in got for k in r},
          f"rows: {got}")
    # A value of an enumeration by its name, a list of several values.
    ynl("do", "config-set", {
        "acl-group": [{"name": "g", "ip-version": "ipv4",
                       "default-action": "allow"}],
        "acl-rule": [{"group": "g", "name": "r", "priority": 1,
                      "action": "deny", "protocol": [6, 17],
                      "src-addr": [{"addr": hexa("10.1.0.0"), "len": 16},
                                   {"addr": hexa("10.2.0.0"), "len": 16}],
                      "dst-port": [{"lo": 1, "hi": 1023}]}]})
    got, = ynl("do", "config-get",
               {"acl-rule": {"group": "g", "name": "r"}})["acl-rule"]
    equal((got["action"], got["protocol"], len(got["src-addr"]),
           got["dst-port"]), ("deny", [6, 17], 2, [{"lo": 1, "hi": 1023}]),
          "rule")
    ynl("do", "config-del", {"vnet": [{"name": "v2"}],
                             "acl-group": [{"name": "g"}]})
    for kind in ("acl-rule", "acl-group"):
        equal(ynl("dump", "config-get", {"type": kind}), [], kind)
    # What is not there is deleted as well.
    ynl("do", "config-del", {"vnet": [{"name": "v2"}]})


# -- errors -------------------------------------------------------------------

ENI = {"name": "e9", "mac": "020000000099", "vnet": "v1",
       "underlay-ip": hexa(pa(9))}

refused = []    # the configuration that none of these changes

ERRORS = {      # name: (operation, arguments, texts in the error)
    "an ENI without a MAC":
    ("config-set", {"eni": [{"name": "e9", "vnet": "v1"}]},
     ["DASH_ENI_TABLE:e9: mac_address", "'miss-type': 3", "'miss-nest'"]),
    "a VNI of more than 24 bits":
    ("config-set", {"vnet": [{"name": "v9", "vni": 1 << 24}]},
     [".vnet.vni", "24"]),
    "a MAC of 5 bytes":
    ("config-set", {"eni": [{**ENI, "mac": "0200000000"}]}, [".eni.mac"]),
    "a value out of range":
    ("config-set", {"eni": [{**ENI, "dscp": 64}]}, [".eni.dscp"]),
    "an enumeration out of range":
    ("config-set", {"acl-group": [{"name": "g", "ip-version": 3}]},
     [".acl-group.ip-version"]),
    "a prefix longer than its address":
    ("config-set", {"route": [{"group": "rg", "addr": hexa("10.0.0.0"),
                               "len": 33, "action": "drop"}]}, [".route"]),
    "an address of 3 bytes":
    ("config-set", {"eni": [{**ENI, "underlay-ip": "0a0000"}]},
     [".eni.underlay-ip"]),
    "a VNET that is not there":
    ("config-set", {"eni": [{**ENI, "vnet": "nosuch"}]}, ["nosuch", "e9"]),
    "a MAC taken":
    ("config-set", {"eni": [{**ENI, "mac": hexm(mac(1))}]}, ["e9", "eni1"]),
    "deleting what is referred to":
    ("config-del", {"vnet": [{"name": "v1"}]}, ["v1"]),
    "a range that ends before it begins":
    ("config-set", {"acl-group": [{"name": "g", "ip-version": "ipv4"}],
                    "acl-rule": [{"group": "g", "name": "r", "priority": 1,
                                  "action": "deny",
                                  "dst-port": [{"lo": 5, "hi": 4}]}]},
     [".acl-rule.dst-port"]),
    "a transaction that is not there":
    ("txn-commit", {"txn": 4711}, ["txn|transaction"]),
    "a row for a transaction that is not there":
    ("config-set", {"txn": 4711, "vnet": [{"name": "v9", "vni": 1}]},
     ["txn|transaction"]),
    "a commit without a transaction": ("txn-commit", {}, ["txn"]),
    "a row that is not there": ("config-get", {"vnet": {"name": "nosuch"}},
                                []),
    "counters of an ENI that is not there":
    ("stats-get", {"eni": "nosuch"}, [".eni"]),
    "counters of nobody": ("stats-get", {}, ["eni"]),
    "connections of an ENI that is not there":
    ("flow-flush", {"eni": "nosuch"}, [".eni"]),
    "explain for an ENI that is not there":
    ("explain", {"eni": "nosuch", "direction": "outbound", "proto": 17,
                 "src": hexa(ca(1)), "dst": hexa(ca(2))}, [".eni"]),
}


@cases({f"error: {k}": v for k, v in ERRORS.items()},
       stock=("error: an ENI without a MAC",
              "error: a VNI of more than 24 bits",
              "error: a transaction that is not there"))
def errors(op, args, texts):
    """The error says why, and the tool can name the bad attribute."""
    if not refused:
        net.load(base())
        refused.append(net.save())
    text = ynl("do", op, args, ok=False)
    for want in texts:
        check(any(w in text for w in want.split("|")),
              f"{want!r} is not in the error: {text}")
    check("'msg'" in text or "'policy'" in text or "'miss-type'" in text,
          f"the error says nothing: {text}")
    equal(net.save(), refused[0], "configuration")


@case("error: filter of a dump")
def dump_error():
    net.load(base())
    text = ynl("dump", "flow-get", {"eni": "nosuch"}, ok=False)
    check("no such ENI" in text, text)


@case("a transaction ends with its socket", stock=True)
def txn():
    """Each call of the tool has a socket of its own."""
    net.load(base())
    got = ynl("do", "txn-begin", {})
    check(isinstance(got["txn"], int), f"answer: {got}")
    text = ynl("do", "txn-commit", {"txn": got["txn"]}, ok=False)
    check("txn" in text or "transaction" in text, text)


@case("a transaction by one socket", stock=True)
def txn_whole():
    net.load(base())
    if not ynl.main:
        ynl.load()
    from lib import YnlFamily   # pylint: disable=all
    with InNetns(net.app):
        fam = YnlFamily(SPEC, "")
    try:
        for commit in (False, True):
            n = fam.do("txn-begin", {})["txn"]
            fam.do("config-set", {"txn": n, "vnet": [{"name": "v5", "vni": 5}]})
            fam.do("config-set", {"txn": n, "mapping": [
                {"vnet": "v5", "ip": hexa("10.0.5.1"),
                 "routing-type": "vnet_encap", "underlay-ip": hexa(pa(5))}]})
            check("v5" not in str(net.save()), "rows before the commit")
            fam.do("txn-commit" if commit else "txn-abort", {"txn": n})
            equal("DASH_VNET_MAPPING_TABLE:v5:10.0.5.1" in str(net.save()),
                  commit, "rows after it")
    finally:
        fam.sock.close()


# -- as a user calls it -------------------------------------------------------

@case("cli.py by itself")
def by_cli():
    """In a process of its own, without anything of ours."""
    net.load(base())
    p = subprocess.run(
        ["ip", "netns", "exec", net.app, sys.executable,
         f"{tree()}/tools/net/ynl/cli.py", "--spec", SPEC, "--no-schema",
         "--output-json", "--do", "config-get",
         "--json", '{"vnet": {"name": "v1"}}'],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    equal(p.returncode, 0, f"exit status\n{p.stdout}{p.stderr}")
    got = json.loads(p.stdout)["vnet"]
    equal([(v["name"], v["vni"]) for v in got], [("v1", 100)], "VNETs")


main(net)
