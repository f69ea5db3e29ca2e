# SPDX-License-Identifier: GPL-2.0
"""For selftests with real hosts around the datapath: namespaces, floods of
frames, exchanges between sockets in different namespaces."""

import errno
import hashlib
import os
import selectors
import signal
import socket
import time

from dashtest import SLOW, VIP, Failure, InNetns, Net, check, ip_batch, run

# Scale of what is repeated and transferred: emulated machines get less.
FAST = SLOW == 1


def rounds(many, few=2, seconds=3):
    """Count to many; where that takes too long, only as far as the time goes
    but at least few."""
    end = time.monotonic() + seconds
    for n in range(many):
        if n >= few and time.monotonic() > end:
            return
        yield n


class Space:
    """A namespace without addresses that come by themselves."""

    def __init__(self, label):
        self.name = f"dt{os.getpid()}-{label}"
        run("ip", "netns", "add", self.name)
        for key, value in (("autoconf", "0"), ("accept_ra", "0"),
                           ("accept_dad", "0"), ("dad_transmits", "0"),
                           ("addr_gen_mode", "1")):
            self.sysctl(f"net/ipv6/conf/default/{key}", value)
        self.ip("link set lo up\n")

    def sysctl(self, key, value):
        with InNetns(self.name):
            with open(f"/proc/sys/{key}", "w", encoding="ascii") as f:
                f.write(str(value))

    def ip(self, text):
        ip_batch(text, self.name)

    def run(self, *cmd, **kw):
        return run("ip", "netns", "exec", self.name, *cmd, **kw)

    def socket(self, *args):
        with InNetns(self.name):
            return socket.socket(*args)

    def close(self):
        run("ip", "netns", "del", self.name, ok=False)


class SwitchNet(Net):
    """The script's own namespace is a switch between the appliance's port and
    what else is there."""

    def __init__(self, config=""):
        super().__init__(config=f"addr add {VIP}/24 dev u0\n{config}"
                                "link set u0 mtu 1600\n", attach=False)
        self.wires.pop("u0").close()
        ip_batch("link add sw0 type bridge forward_delay 0 mcast_snooping 0\n"
                 "link set sw0 mtu 1600 up\n"
                 f"link set {self.peer_name('u0')} mtu 1600 master sw0\n")

    @staticmethod
    def plug_in(n, space):
        """A host, by its device eth0."""
        ip_batch(f"link add sw{n} mtu 1600 type veth "
                 f"peer name eth0 mtu 1600 netns {space.name}\n"
                 f"link set sw{n} up master sw0\n")


def ping(dst, count=3, space=None, ok=True, size=56, extra=()):
    """Send echo requests; with ok all must be answered."""
    cmd = ["ping", "-q", "-c", str(count), "-i", "0.01", "-s", str(size),
           "-W", str(2 * SLOW if ok else 1), *extra, dst]
    p = space.run(*cmd, ok=False) if space else run(*cmd, ok=False)
    if ok and p.returncode:
        raise Failure(f"{' '.join(cmd)}: {p.stdout}{p.stderr}")
    return p.returncode == 0


class Flood:
    """with Flood(dev, frames): a process sends them all the time. Nothing
    keeps it from going on when the device is down, gone or a new one."""

    def __init__(self, dev, frames):
        self.dev, self.frames = dev, frames
        self.pid = 0

    def __enter__(self):
        r, w = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            try:
                # Sockets of namespaces that are to be deleted.
                os.closerange(3, w)
                os.closerange(w + 1, 1024)
                self.child(w)
            finally:
                os._exit(1)
        os.close(w)
        os.read(r, 1)       # it has begun
        os.close(r)
        return self

    def child(self, w):
        sock = None
        n = 0
        while True:
            try:
                if not sock:
                    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
                    sock.bind((self.dev, 0))
                sock.send(self.frames[n % len(self.frames)])
            except OSError as e:
                if e.errno not in (errno.ENODEV, errno.ENXIO, errno.ENETDOWN,
                                   errno.ENOBUFS, errno.EAGAIN):
                    raise
                if e.errno != errno.ENOBUFS and sock:
                    sock.close()
                    sock = None
                time.sleep(0.001)
            n += 1
            if n == 64:
                os.write(w, b"!")
                os.close(w)
            # Most of the CPU is for those who are tested meanwhile.
            if not n % 32:
                time.sleep(0.01)

    def __exit__(self, *exc):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


# -- exchanges ----------------------------------------------------------------

def listen(space, addr, port=0, kind=socket.SOCK_STREAM):
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    make = space.socket if space else socket.socket
    s = make(family, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((addr, port))
    if kind == socket.SOCK_STREAM:
        s.listen(8)
    return s


def connect(client, server, src, dst, port=0):
    """A TCP connection between two spaces (None: our own); returns both
    ends."""
    family = socket.AF_INET6 if ":" in dst else socket.AF_INET
    with listen(server, dst, port) as ls:
        make = client.socket if client else socket.socket
        c = make(family, socket.SOCK_STREAM)
        ls.settimeout(10 * SLOW)
        c.settimeout(10 * SLOW)
        if src:
            c.bind((src, 0))
        try:
            c.connect((dst, ls.getsockname()[1]))
            s, _ = ls.accept()
        except OSError as e:
            raise Failure(f"TCP {src} > {dst}: {e}") from None
    return c, s


def transfer(a, b, size, both=False):
    """size bytes from socket a to b, and at the same time back if both."""
    seed = os.urandom(1 << 16) * 4
    # Of a length that is no multiple of anything, so that data out of order
    # or twice cannot look right.
    seed = seed[:-7]
    sel = selectors.DefaultSelector()
    state = {}
    for me, to in ((a, b), (b, a)) if both else ((a, b),):
        me.setblocking(False)
        to.setblocking(False)
        state[me] = {"sent": 0, "got": 0, "out": hashlib.sha256(),
                     "in": hashlib.sha256(), "peer": to}
    for s in (a, b):
        sel.register(s, selectors.EVENT_READ |
                     (selectors.EVENT_WRITE if s in state else 0))
    by_peer = {st["peer"]: st for st in state.values()}
    quiet = time.monotonic()
    while any(st["got"] < size for st in state.values()):
        events = sel.select(1)
        if not events:
            check(time.monotonic() - quiet < 15 * SLOW,
                  f"the transfer stalls: {[(st['sent'], st['got']) for st in state.values()]}")
        for key, mask in events:
            s = key.fileobj
            if mask & selectors.EVENT_READ:
                data = s.recv(1 << 18)
                check(data and s in by_peer, "the connection ended")
                by_peer[s]["in"].update(data)
                by_peer[s]["got"] += len(data)
                quiet = time.monotonic()
            if mask & selectors.EVENT_WRITE:
                st = state[s]
                off = st["sent"] % len(seed)
                n = s.send(memoryview(seed)[off:][:size - st["sent"]])
                st["out"].update(memoryview(seed)[off:off + n])
                st["sent"] += n
                if st["sent"] == size:
                    sel.modify(s, selectors.EVENT_READ)
    for st in state.values():
        check(st["got"] == size and
              st["in"].digest() == st["out"].digest(), "data differ")
    sel.close()


def tcp_exchange(client, server, src, dst, size, port=0):
    """A connection, bulk data in either direction and in both."""
    c, s = connect(client, server, src, dst, port)
    with c, s:
        transfer(c, s, size)
        transfer(s, c, size)
        transfer(c, s, size // 4, True)
    return c


def udp_exchange(client, server, src, dst, port=0, count=20, size=1000):
    """Datagrams there and back, each when the one before has come back."""
    with listen(server, dst, port, socket.SOCK_DGRAM) as s, \
            listen(client, src, 0, socket.SOCK_DGRAM) as c:
        s.settimeout(5 * SLOW)
        c.settimeout(5 * SLOW)
        for n in range(count):
            data = os.urandom(size - n)
            try:
                c.sendto(data, s.getsockname())
                got, peer = s.recvfrom(65536)
                check(got == data, "a datagram was changed")
                s.sendto(data[::-1], peer)
                check(c.recv(65536) == data[::-1], "an answer was changed")
            except OSError as e:
                raise Failure(f"UDP {src} > {dst}, number {n}: {e}") from None
