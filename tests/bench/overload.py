# SPDX-License-Identifier: GPL-2.0
"""What others do to connections that are there: their time a packet before,
and between floods that are stopped by a limit. None of their packets may be
lost."""

from benchlib import (QUICK, TABLE, Failure, Samples, chase, ip_batch, kernel,
                      note, ratio)
from peers import (HYPERVISOR, IN_MAC, OUT_MAC, PA, VIP, VM_MAC, VNI_IN,
                   VNI_OUT, Dash, row)

GOOD = 1 << 12      # connections that are there, answered
EVIL_MAC = "02:00:00:00:00:02"
MAX_FLOWS = 1 << 17


class Victim(Dash):
    title = "dash under a flood"

    def config(self):
        """Two ENIs; the second floods and has limits."""
        evil = EVIL_MAC.replace(":", "")
        rows = [r for r in super().config()]
        rows[0] = row("DASH_APPLIANCE_TABLE", "1", sip=VIP, vm_vni=VNI_IN,
                      max_flows=MAX_FLOWS, timeout_udp_new=86400,
                      timeout_udp_stream=86400, timeout_syn=86400)
        return rows + [
            row("DASH_QOS_TABLE", "limits", cps=1000),
            row("DASH_ENI_TABLE", evil, mac_address=EVIL_MAC,
                underlay_ip=HYPERVISOR, admin_state="enabled", vnet="V",
                **self.evil),
            row("DASH_ENI_ROUTE_TABLE", evil, group_id="R"),
        ]

    def __init__(self, name, evil):
        self.evil = evil
        super().__init__(name)

    def setup(self):
        super().setup()
        self.dashctl("port", "add", self.sink, "underlay")
        # the flood comes from a device of its own
        ip_batch(f"link add f_{self.name} address 02:00:00:00:01:02 "
                 "type dash_bench\n"
                 f"link set f_{self.name} up\n", self.name)
        self.flood_dev = f"f_{self.name}"
        self.dashctl("port", "add", self.flood_dev, "underlay")
        # answers, so that the good ones are not half open
        kernel("source", dev=self.sink, reverse=1, odst=VIP, osrc=PA,
               vni=VNI_OUT, idmac=VM_MAC, ismac=OUT_MAC)
        kernel("sink", dev=self.src, src=self.sink, saddr=VIP,
               daddr=HYPERVISOR, vni=VNI_IN)

    def good(self):
        self.run(GOOD, packets=GOOD, order="seq")
        got = kernel("run", dev=self.sink, flows=GOOD, packets=GOOD,
                     order="seq")
        if got["ok"] != GOOD:
            raise Failure(f"overload: answers: {got}")
        for _ in range(3):
            self.run(GOOD, packets=GOOD, order="seq")

    def flood(self, proto, packets, ismac=EVIL_MAC, **more):
        kernel("source", dev=self.flood_dev, odst=VIP, osrc=HYPERVISOR,
               vni=VNI_IN, idmac=IN_MAC, ismac=ismac, src="10.7.0.1",
               proto=proto, **more)
        kernel("run", dev=self.flood_dev, packets=packets, order="new")


FLOODS = {
    "SYN flood, 10 x the cps limit": ({"qos": "limits"}, "tcp", {}),
    "a tuple a packet, all denied by no route": (
        {}, "udp", {"dst": "99.0.0.0", "ndst": 1 << 20}),
    "full flow table": ({}, "udp", {}),
}


def main(sizes=None):
    if sizes:
        raise Failure("overload: there are no sizes")
    for name, (evil, proto, how) in FLOODS.items():
        note(f"overload: {name}")
        dash = Victim("dash", evil)
        dash.good()
        if name.startswith("full"):
            dash.flood(proto, 2 * MAX_FLOWS, **how)
        miss = chase()[0]
        alone, beside = Samples(), Samples()
        packets = 20000
        for _ in range(3 if QUICK else 15):
            # the first run after the pause finds cold caches, with or
            # without a flood before
            kernel("chase", bytes=1 << 22, steps=1000)
            dash.run(GOOD, packets=packets)
            alone.add(dash.ns(GOOD, packets))
            dash.flood(proto, 10000, **how)
            dash.run(GOOD, packets=packets)
            beside.add(dash.ns(GOOD, packets))
        r = ratio(beside, alone)
        TABLE.add("overload", f"established: {name}", beside, "ns/packet",
                  ratio=r, to="before", goal="P11: <= 1.05 x", met=r <= 1.05,
                  calibration=miss)
        dash.close()
