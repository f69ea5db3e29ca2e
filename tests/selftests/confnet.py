# SPDX-License-Identifier: GPL-2.0
"""What the tests of changes of configuration share."""

from dashtest import InNetns, Net
from frames import from_vm, to_peer, udp, vm_frame
from genl import N, Genl, attr, number


def named(rows, key):
    """The fields of a row in a list of rows, None if it is not there."""
    for r in rows:
        if key in r:
            return r[key]
    return None


def vnet_row(name, vni):
    return attr(N["DASH_A_CONFIG_VNET"],
                attr(N["DASH_A_VNET_NAME"], name) +
                attr(N["DASH_A_VNET_VNI"], ("I", vni)), nested=True)


def begin(nl):
    reply, = nl.talk(N["DASH_CMD_TXN_BEGIN"])
    return attr(N["DASH_A_CONFIG_TXN"],
                ("I", number(dict(reply)[N["DASH_A_CONFIG_TXN"]])))


class ConfNet(Net):
    def works(self, n=2):
        """The base configuration is in force."""
        f = vm_frame(n, udp(self.sport(), 53))
        self.forwards(from_vm(f), to_peer(n, f))

    def change(self, *rows, ok=True):
        return self.load(rows, "--ignore-unknown", ok=ok)

    def socket(self):
        """A socket of our own."""
        self.loaded = None      # it may change things
        with InNetns(self.app):
            return Genl()

    def vnets(self):
        return {k.split(":")[1] for r in self.save() for k in r
                if k.startswith("DASH_VNET_TABLE:")}
