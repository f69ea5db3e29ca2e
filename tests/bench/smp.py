# SPDX-License-Identifier: GPL-2.0
"""Two CPUs, each with a port, a sink and connections of its own: what they do
at the same time, compared with what one does alone. In QEMU, where nothing but
this ratio means anything; "rewrite", which shares nothing, tells what the
machine itself allows."""

import threading

from benchlib import QUICK, TABLE, Failure, Samples, ip_batch, kernel, note
from peers import (HYPERVISOR, IN_MAC, NEXT_HOP, OUT_MAC, VIP, VM_MAC, VNI_IN,
                   VNI_OUT, Contender, Dash, row)

FLOWS = 1 << 10
PA2 = "172.16.2.2"


def second(peer):
    """Another source and sink."""
    name = peer.name
    ip_batch(f"link add s2_{name} address 02:00:00:00:01:00 type dash_bench\n"
             f"link add k2_{name} address 02:00:00:00:01:01 type dash_bench\n"
             f"addr add 172.16.2.1/24 dev k2_{name}\n"
             f"link set s2_{name} up\nlink set k2_{name} up\n"
             f"neigh add {PA2} lladdr {NEXT_HOP} nud permanent dev k2_{name}\n",
             name)
    kernel("source", dev=f"s2_{name}", odst=VIP, osrc=HYPERVISOR, vni=VNI_IN,
           idmac=IN_MAC, ismac=VM_MAC, src="10.1.0.2", dst="10.3.0.0")
    kernel("sink", dev=f"k2_{name}", src=f"s2_{name}", saddr=VIP, daddr=PA2,
           vni=VNI_OUT, idmac=OUT_MAC)


class SmpDash(Dash):
    def config(self):
        return super().config() + [
            row("DASH_ROUTE_TABLE", "R:10.3.0.0/16", routing_type="vnet",
                vnet="V")
        ] + [
            row("DASH_VNET_MAPPING_TABLE", f"V:10.3.0.{n}",
                routing_type="vnet_encap", underlay_ip=PA2,
                mac_address=OUT_MAC) for n in range(256)]

    def setup(self):
        super().setup()
        second(self)
        self.dashctl("port", "add", f"s2_{self.name}", "underlay")


class SmpRewrite(Contender):
    def setup(self):
        second(self)
        for s, k, pa in ((self.src, self.sink, "172.16.1.2"),
                         (f"s2_{self.name}", f"k2_{self.name}", PA2)):
            kernel("contend", dev=s, kind="rewrite", out=k, daddr=pa,
                   vni=VNI_OUT, dmac=NEXT_HOP, idmac=OUT_MAC)


def measure(peer, cpus, ms):
    """Packets a second of those CPUs."""
    got, threads = {}, []

    def work(cpu):
        dev = peer.src if not cpu else f"s2_{peer.name}"
        got[cpu] = kernel("run", dev=dev, flows=FLOWS, ms=ms, cpu=cpu)

    for cpu in cpus:
        threads.append(threading.Thread(target=work, args=(cpu,)))
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for cpu in cpus:
        if cpu not in got or got[cpu]["ok"] != got[cpu]["sent"]:
            raise Failure(f"smp: {peer.title}: {got}")
    return sum(g["sent"] * 1e9 / g["ns"] for g in got.values())


def main(sizes=None):
    if sizes:
        raise Failure("smp: there are no sizes")
    peers = [SmpDash("dash"), SmpRewrite("rewrite", "rewrite", "rewrite")]
    for p in peers:
        for dev in (p.src, f"s2_{p.name}"):
            kernel("run", dev=dev, flows=FLOWS, packets=2 * FLOWS, order="seq")
    ratios = {p.name: Samples() for p in peers}
    note("smp: rounds")
    for _ in range(3 if QUICK else 9):
        for p in peers:
            one = measure(p, (0,), 500)
            other = measure(p, (1,), 500)
            both = measure(p, (0, 1), 500)
            ratios[p.name].add(2 * both / (one + other))
    # on a busy machine even "rewrite" does not get near 2, and says so
    limit = ratios["rewrite"].median
    r = ratios["dash"]
    TABLE.add("smp", "dash, 2 CPUs : 1 CPU", r, "x", ratio=r.median / limit,
              to="rewrite", goal="P12: >= 1.7",
              met=r.median >= 1.7 if limit > 1.85 or r.median >= 1.7 else None)
    TABLE.add("smp", "rewrite, 2 CPUs : 1 CPU", ratios["rewrite"], "x")
    for p in peers:
        p.close()
