#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Who may include whom in dash/.

What can be tested alone stays alone, a packet's journey begins in few places,
and netlink stays out of it. The sets below are the whole of it; a
file that is in none of them is on the packet's way.
"""

import re
import sys
from pathlib import Path

DASH = Path(__file__).resolve().parent.parent / "dash"

# Files that include kernel headers and, of ours, these only: KUnit builds
# them alone.
ALONE = {
    "addr.h": set(),
    "drop.[ch]": {"drop.h"},
    "lpm*.[ch]": {"lpm.h", "lpm_impl.h"},
    "tag.[ch]": {"tag.h", "lpm.h"},
    "classifier*.[ch]": {"classifier.h", "classifier_impl.h", "lpm.h",
                         "radix.h"},
    "radix.h": set(),
    "flow_key.h": set(),
    "parse.[ch]": {"parse.h", "drop.h", "addr.h", "flow_key.h"},
    "tcp.[ch]": {"tcp.h", "parse.h"},
    "stats.[ch]": {"stats.h"},
}

# The journey begins here: at a device, or with a question about a packet.
PIPELINE_USERS = {"pipeline.c", "batch.c", "port.c", "nl_explain.c",
                  "nl_live.c"}

# Handlers of requests. Besides them, netns.c ends what they keep of a
# namespace and main.c registers them.
NETLINK = "nl*.[ch]"
NL_USERS = {"main.c", "netns.c"}

# Control plane: made of attributes of rows, so they know the attributes.
# Their headers, which packets need too, do not.
NL_GEN_USERS = {
    "config.c", "rows.c", "aclgroup.c", "aclgroup_build.c", "eni.c", "inst.c",
    "meter.c", "nat_addr.c", "tag_config.c", "to6_config.c", "tunnel.c", "vnet.c",
}

# Registering the family takes it; the rest is for NETLINK.
GENETLINK_USERS = {"main.c"}


def includes(path):
    text = path.read_text()
    return (set(re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.M)),
            set(re.findall(r'^\s*#\s*include\s+<([^>]+)>', text, re.M)))


def reach(graph, name):
    """All of our headers that a file includes, with the way to each."""
    ways = {name: [name]}
    todo = [name]
    while todo:
        at = todo.pop()
        for header in sorted(graph.get(at, (set(), set()))[0]):
            if header not in ways:
                ways[header] = ways[at] + [header]
                todo.append(header)
    return ways


def check(graph):
    wrong = []
    for name in sorted(graph):
        path = Path(name)
        ways = reach(graph, name)

        for pattern, allowed in ALONE.items():
            if path.match(pattern):
                for header in sorted(graph[name][0] - allowed):
                    wrong.append(f"{name}: {header}: can no more be built alone")

        for header, way in ways.items():
            via = " -> ".join(way)
            if header == name:
                continue
            if header not in graph and header != "trace.h":
                wrong.append(f"{name}: {header}: no such file")
            elif header == "pipeline.h" and name not in PIPELINE_USERS:
                wrong.append(f"{via}: the journey does not begin there")
            elif path.match(NETLINK):
                continue
            elif header == "nl_gen.h" and name not in NL_GEN_USERS:
                wrong.append(f"{via}: netlink on the packet's way")
            elif (header != "nl_gen.h" and Path(header).match(NETLINK)
                  and name not in NL_USERS):
                wrong.append(f"{via}: netlink on the packet's way")

        if not path.match(NETLINK):
            allowed = name in GENETLINK_USERS
            # nl_gen.h is judged above, what it brings along is its own
            for at in set(ways) - {"nl_gen.h"}:
                system = graph.get(at, (set(), set()))[1]
                if "net/genetlink.h" in system and not allowed:
                    wrong.append(f"{' -> '.join(ways[at])}: "
                                 "net/genetlink.h on the packet's way")

        for header in graph[name][0]:
            if name.endswith(".h") and name in reach(graph, header):
                wrong.append(f"{name} -> {header} -> … -> {name}: a circle")
    return wrong


def main():
    graph = {p.name: includes(p) for p in sorted(DASH.glob("*.[ch]"))}
    wrong = check(graph)
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
