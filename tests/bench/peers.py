# SPDX-License-Identifier: GPL-2.0
"""Those who forward: each in a namespace of its own, with a source s_NAME and
a sink k_NAME. VXLAN comes in, the inner 5-tuple decides, VXLAN goes out with
another VNI and destination."""

import json
import socket
import tempfile

import bulk
from benchlib import Failure, InNetns, ip_batch, kernel, run

VIP = "172.16.0.1"          # of the appliance, where VXLAN comes to
HYPERVISOR = "172.16.0.2"   # where it comes from
PA = "172.16.1.2"           # where it goes to
NEXT_HOP = "02:00:00:00:00:99"
VNI_IN, VNI_OUT = 100, 200
VM_MAC = "02:00:00:00:00:01"    # inner source: the ENI
IN_MAC = "02:00:00:00:00:aa"    # inner destination as it comes
OUT_MAC = "02:00:00:00:00:bb"   # and as it goes

UNDERLAY = f"""link set lo up
link add s_%(n)s address 02:00:00:00:01:00 type dash_bench
link add k_%(n)s address 02:00:00:00:01:01 type dash_bench
addr add {VIP}/24 dev s_%(n)s
addr add 172.16.1.1/24 dev k_%(n)s
link set s_%(n)s up
link set k_%(n)s up
neigh add {PA} lladdr {NEXT_HOP} nud permanent dev k_%(n)s
neigh add {HYPERVISOR} lladdr {NEXT_HOP} nud permanent dev s_%(n)s
"""

TWO_VXLANS = f"""link add vxa address {IN_MAC} type vxlan id {VNI_IN} dstport 4789 local {VIP} nolearning noudpcsum
link add vxb type vxlan id {VNI_OUT} dstport 4789 local {VIP} remote {PA} nolearning noudpcsum
"""

OVERLAY = f"""link set lo up
link set vxa up
link set vxb up
addr add 10.1.255.254/16 dev vxa
addr add 10.9.0.1/24 dev vxb
neigh add 10.9.0.2 lladdr {OUT_MAC} nud permanent dev vxb
route add 10.2.0.0/16 via 10.9.0.2 dev vxb
"""


def sysctl(key, value):
    with open(f"/proc/sys/{key}", "w", encoding="ascii") as f:
        f.write(str(value))


class Peer:
    """One contender."""

    title = ""
    # more than the underlay, for "ip -batch"
    links = ""
    # how the source's frames are
    source = {}
    # inner destination as it goes
    out_mac = OUT_MAC
    # more would take too long to install
    max_flows = 1 << 20

    def __init__(self, name):
        self.name = name
        self.src, self.sink = f"s_{name}", f"k_{name}"
        self.flows = 0
        self.add_netns(name)
        ip_batch(UNDERLAY % {"n": name} + self.links, name)
        self.set_source()
        kernel("sink", dev=self.sink, src=self.src, saddr=VIP, daddr=PA,
               vni=VNI_OUT, idmac=self.out_mac)
        self.setup()

    @staticmethod
    def add_netns(name):
        run("ip", "netns", "add", name)
        with InNetns(name):
            sysctl("net/ipv6/conf/default/disable_ipv6", 1)
            sysctl("net/ipv6/conf/all/disable_ipv6", 1)
            sysctl("net/ipv4/conf/default/rp_filter", 0)
            sysctl("net/ipv4/conf/all/rp_filter", 0)
            sysctl("net/ipv4/ip_forward", 1)

    def set_source(self, **more):
        args = {"dev": self.src, "odst": VIP, "osrc": HYPERVISOR,
                "vni": VNI_IN, "idmac": IN_MAC, "ismac": VM_MAC}
        kernel("source", **{**args, **self.source, **more})

    def setup(self):
        """Once."""

    def prepare(self, flows):
        """What it takes for that many flows; the first packet of each has
        been through afterwards."""
        self.flows = flows
        self.warm(flows)

    def warm(self, flows):
        for _ in range(2):
            self.run(flows, packets=flows, order="seq")
        self.run(flows, packets=min(flows, 20000))

    def run(self, flows, **args):
        """Send, and check that all came out right. Return: what the kernel
        says."""
        got = kernel("run", dev=self.src, flows=flows, **args)
        if got["ok"] != got["sent"] or got["bad"]:
            raise Failure(f"{self.title}: {got}")
        return got

    def ns(self, flows, packets, **args):
        got = self.run(flows, packets=packets, **args)
        return got["ns"] / got["sent"]

    def exec(self, *cmd, **kw):
        return run("ip", "netns", "exec", self.name, *cmd, **kw)

    def close(self):
        # at once, the rest may take its time: another peer of this name will
        # have devices of these names
        ip_batch(f"link del {self.src}\nlink del {self.sink}\n", self.name)
        run("ip", "netns", "del", self.name, ok=False)


class Contender(Peer):
    """Inside dash_bench.ko."""

    def __init__(self, name, kind, title):
        self.kind = kind
        self.title = title
        super().__init__(name)

    def prepare(self, flows):
        kernel("contend", dev=self.src, kind=self.kind, out=self.sink,
               flows=flows, daddr=PA, vni=VNI_OUT, dmac=NEXT_HOP,
               idmac=OUT_MAC)
        self.warm(flows)

    def run(self, flows, **args):
        if self.kind != "drop":
            return super().run(flows, **args)
        got = kernel("run", dev=self.src, flows=flows, **args)
        if got["ok"] or got["bad"]:
            raise Failure(f"{self.title}: {got}")
        return got


def row(table, key, **fields):
    return {f"{table}:{key}": fields, "OP": "SET"}


class Dash(Peer):
    title = "dash"
    ENI = VM_MAC.replace(":", "")

    def config(self):
        """As little as a connection takes."""
        return [
            row("DASH_APPLIANCE_TABLE", "1", sip=VIP, vm_vni=VNI_IN,
                max_flows=4 << 20, timeout_udp_new=86400,
                timeout_udp_stream=86400, timeout_syn=86400),
            row("DASH_VNET_TABLE", "V", vni=VNI_OUT),
            row("DASH_ENI_TABLE", self.ENI, mac_address=VM_MAC,
                underlay_ip=HYPERVISOR, admin_state="enabled", vnet="V",
                half_open=100),
            row("DASH_ROUTE_GROUP_TABLE", "R"),
            row("DASH_ROUTE_TABLE", "R:10.2.0.0/16", routing_type="vnet",
                vnet="V"),
            row("DASH_ENI_ROUTE_TABLE", self.ENI, group_id="R"),
        ] + [
            row("DASH_VNET_MAPPING_TABLE", f"V:10.2.{n >> 8}.{n & 255}",
                routing_type="vnet_encap", underlay_ip=PA,
                mac_address=OUT_MAC) for n in range(256)
        ]

    def setup(self):
        self.dashctl("port", "add", self.src, "underlay")
        self.load(self.config())

    def dashctl(self, *args, **kw):
        return run("dashctl", "-n", self.name, *args, **kw)

    def load(self, rows, *args):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
            json.dump(rows, f)
            f.flush()
            return self.dashctl("load", f.name, *args)

    def prepare(self, flows):
        self.dashctl("flow", "flush")
        super().prepare(flows)


class Forwarding(Peer):
    """IP forwarding from one vxlan device to another."""

    title = "vxlan -> vxlan"
    links = TWO_VXLANS + OVERLAY


class Conntrack(Peer):
    """The vxlan devices are in a namespace of their own, which alone has rules
    and connections: the tunnels are none of its business."""

    title = "conntrack + nftables"
    links = TWO_VXLANS
    nft = """table ip f {
        chain forward {
            type filter hook forward priority 0
            ct state established,related accept
            accept
        }
    }"""

    def setup(self):
        self.inner = f"{self.name}-inner"
        self.add_netns(self.inner)
        ip_batch(f"link set vxa netns {self.inner}\n"
                 f"link set vxb netns {self.inner}\n", self.name)
        ip_batch(OVERLAY, self.inner)
        run("ip", "netns", "exec", self.inner, "nft", "-f", "-", data=self.nft)
        sysctl("net/netfilter/nf_conntrack_buckets", 1 << 20)
        sysctl("net/netfilter/nf_conntrack_max", 8 << 20)
        with InNetns(self.inner):
            sysctl("net/netfilter/nf_conntrack_udp_timeout", 86400)
            sysctl("net/netfilter/nf_conntrack_udp_timeout_stream", 86400)

    def close(self):
        run("ip", "netns", "del", self.inner, ok=False)
        super().close()


class Flowtable(Conntrack):
    title = "nftables flowtable"
    nft = """table ip f {
        flowtable ft {
            hook ingress priority 0
            devices = { vxa, vxb }
        }
        chain forward {
            type filter hook forward priority 0
            ip protocol udp flow add @ft
            accept
        }
    }"""

    def setup(self):
        super().setup()
        with InNetns(self.inner):
            sysctl("net/netfilter/nf_flowtable_udp_timeout", 86400)


class Ovs(Peer):
    """The kernel's datapath, flows put in by hand: no upcalls."""

    title = "Open vSwitch, wildcard"
    out_mac = IN_MAC  # left as it is: less work
    links = "link add vx type vxlan external dstport 4789 nolearning\n" \
            "link set vx up\n"
    exact = False
    PORT = 1

    def setup(self):
        self.dp = f"dp_{self.name}"
        self.exec("ovs-dpctl", "add-dp", self.dp)
        self.exec("ovs-dpctl", "add-if", self.dp, "vx")
        if not self.exact:
            self.exec("ovs-dpctl", "add-flow", self.dp,
                      self.match("ipv4()"), self.actions())

    def match(self, rest):
        return (f"recirc_id(0),tunnel(tun_id={VNI_IN},src={HYPERVISOR},"
                f"dst={VIP},ttl=64,flags(+key)),in_port({self.PORT}),eth(),"
                f"eth_type(0x0800),{rest}")

    def actions(self):
        return (f"set(tunnel(tun_id={VNI_OUT},src={VIP},dst={PA},ttl=64,"
                f"tp_dst=4789,flags(df|key))),{self.PORT}")


class OvsExact(Ovs):
    title = "Open vSwitch, exact"
    exact = True

    def prepare(self, flows):
        if flows > self.flows:
            with InNetns(self.name):
                bulk.ovs_flows(socket.if_nametoindex(self.dp), self.PORT,
                               (VNI_IN, HYPERVISOR, VIP), (VNI_OUT, VIP, PA),
                               map(tuple_of, range(self.flows, flows)))
        super().prepare(max(flows, self.flows))


class Flower(Peer):
    """All filters share the two actions."""

    title = "tc flower"
    out_mac = IN_MAC  # left as it is: less work
    links = "link add vx type vxlan external dstport 4789 nolearning\n" \
            "link set vx up\n"
    max_flows = 1 << 16

    def setup(self):
        self.exec("tc", "-batch", "-", data=f"""qdisc add dev vx clsact
action add action tunnel_key set id {VNI_OUT} src_ip {VIP} dst_ip {PA} dst_port 4789 nocsum index 1
action add action mirred egress redirect dev vx index 1
""")

    def prepare(self, flows):
        if flows > self.flows:
            with InNetns(self.name):
                bulk.flower_filters(socket.if_nametoindex("vx"), self.flows,
                                    (VNI_IN, HYPERVISOR, VIP),
                                    map(tuple_of, range(self.flows, flows)))
        super().prepare(max(flows, self.flows))


def tuple_of(i, n_dst=256):
    """Of flow i, as dash_bench.ko makes it by default: source, destination,
    source port; the destination port is 80."""
    n = i // n_dst
    return (0x0a010001 + n // 32768, 0x0a020000 + i % n_dst,
            1024 + n % 32768)
