# SPDX-License-Identifier: GPL-2.0
"""What the parts of the benchmark share: commands to dash_bench.ko, rounds,
the table of results."""

import json
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "selftests"))

# pylint: disable=wrong-import-position
try:
    import dashtest  # noqa: E402
except ImportError:     # what runs on the host needs none of it
    dashtest = None

# BENCH_QUICK: a smoke of some seconds; its figures say little
QUICK = bool(os.environ.get("BENCH_QUICK"))
# BENCH_FULL: the full sizes, however long they take to load
FULL = bool(os.environ.get("BENCH_FULL"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "1" if QUICK else "5"))
START = time.monotonic()

if dashtest:
    Failure, InNetns = dashtest.Failure, dashtest.InNetns
    run, ip_batch = dashtest.run, dashtest.ip_batch


def note(text):
    """Progress, not a result."""
    print(f"# {time.monotonic() - START:6.1f} s  {text}", file=sys.stderr,
          flush=True)


def kernel(word, **args):
    """A command to dash_bench.ko; what it answers as a dict."""
    text = " ".join([word] + [f"{k}={v}" for k, v in args.items()
                              if v is not None])
    fd = os.open("/proc/dash_bench", os.O_RDWR)
    try:
        os.write(fd, text.encode())
        answer = os.pread(fd, 4096, 0).decode()
    except OSError as e:
        raise Failure(f"dash_bench: {text}: {e.strerror}") from None
    finally:
        os.close(fd)
    out = {}
    for word in answer.replace(" why=", "\0why=").replace(" frame=", "\0frame=") \
                      .split("\0")[0].split():
        k, _, v = word.partition("=")
        out[k] = int(v)
    for word in answer.replace(" why=", "\0why=").replace(" frame=", "\0frame=") \
                      .split("\0")[1:]:
        k, _, v = word.partition("=")
        out[k] = v
    return out


def chase(megabytes=64):
    """Calibration: ns of a dependent cache miss, ns of an overlapped one."""
    got = kernel("chase", bytes=megabytes << 20)
    return got["dependent_ps"] / 1000, got["overlapped_ps"] / 1000


def meminfo():
    """kB by name."""
    with open("/proc/meminfo", encoding="ascii") as f:
        return {line.split(":")[0]: int(line.split()[1]) for line in f}


def memory():
    """Bytes of kernel memory in use, of whatever kind: what is neither free
    nor a process' nor a file's. Right to about a megabyte."""
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
        f.write("1")
    m = meminfo()
    return (m["MemTotal"] - m["MemFree"] - m["AnonPages"] - m["Cached"] -
            m["Buffers"] - m["PageTables"]) * 1024


def settle():
    """The same, when it no longer changes: what is freed after a grace period
    or by a worker is freed then."""
    last, still = memory(), 0
    for _ in range(40):
        time.sleep(0.25)
        now = memory()
        still = still + 1 if abs(now - last) < 1 << 17 else 0
        if still == 3:
            break
        last = now
    return now


class Alone:
    """with Alone(): softirqs go before everything else in the machine. The
    collectors of connections that some contenders have walk their tables in
    workers; what they take is not to be in whoever is measured meanwhile."""

    def __init__(self):
        self.pid = next(int(p) for p in os.listdir("/proc") if p.isdigit() and
                        self.name(p) == "ksoftirqd/0")

    @staticmethod
    def name(pid):
        try:
            with open(f"/proc/{pid}/comm", encoding="ascii") as f:
                return f.read().strip()
        except (OSError, ValueError):
            return ""

    def __enter__(self):
        with open("/proc/sys/kernel/sched_rt_runtime_us", "w",
                  encoding="ascii") as f:
            f.write("-1")
        os.sched_setscheduler(self.pid, os.SCHED_FIFO, os.sched_param(50))

    def __exit__(self, *exc):
        os.sched_setscheduler(self.pid, os.SCHED_OTHER, os.sched_param(0))


class Samples:
    """The figures of one contender, one a round."""

    def __init__(self, values=()):
        self.values = list(values)

    def add(self, value):
        self.values.append(value)

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def low(self):
        return min(self.values)

    @property
    def high(self):
        return max(self.values)


def ratio(a, b):
    """Of two contenders of the same rounds: the median of the rounds' ratios,
    so that a slow minute does not count for one of them."""
    return statistics.median(x / y for x, y in zip(a.values, b.values))


def interleaved(contenders, rounds=None):
    """contenders: {name: function that returns a figure}. Each in turn, round
    by round. Return: {name: Samples}."""
    got = {name: Samples() for name in contenders}
    for _ in range(rounds or ROUNDS):
        for name, func in contenders.items():
            got[name].add(func())
    return got


class Table:
    """Rows of results; printed once, at the end."""

    def __init__(self):
        self.rows = []

    def add(self, part, row, figure, unit, *, ratio=None, to=None, goal=None,
            met=None, calibration=None, **more):
        """figure: a number or Samples; ratio: number, compared with "to";
        goal: text such as "P1: <= 1.3"; met: whether it is reached."""
        entry = {"part": part, "row": row, "unit": unit, "goal": goal,
                 "met": met, "ratio": ratio, "to": to,
                 "calibration_ns": calibration, **more}
        if isinstance(figure, Samples):
            entry.update(figure=figure.median, low=figure.low,
                         high=figure.high, rounds=len(figure.values))
        else:
            entry.update(figure=figure)
        self.rows.append(entry)

    @staticmethod
    def number(x):
        if x is None:
            return ""
        if isinstance(x, str):
            return x
        if abs(x) >= 100:
            return f"{x:,.0f}"
        return f"{x:.3g}"

    def text(self):
        lines = [("part", "row", "figure", "range", "unit", "miss ns",
                  "ratio", "to", "goal", "")]
        for r in self.rows:
            span = ""
            if r.get("rounds", 0) > 1:
                span = f"{self.number(r['low'])}-{self.number(r['high'])}"
            met = {None: "", True: "met", False: "MISSED"}[r["met"]]
            lines.append((r["part"], r["row"], self.number(r["figure"]), span,
                          r["unit"], self.number(r["calibration_ns"]),
                          self.number(r["ratio"]), r["to"] or "",
                          r["goal"] or "", met))
        widths = [max(len(line[i]) for line in lines) for i in range(10)]
        out = []
        for n, line in enumerate(lines):
            out.append("  ".join(
                cell.rjust(w) if i in (2, 3, 5, 6) else cell.ljust(w)
                for i, (cell, w) in enumerate(zip(line, widths))).rstrip())
            if not n:
                out.append("-" * len(out[0]))
        return "\n".join(out)

    def save(self, path, conditions):
        with open(path, "w", encoding="ascii") as f:
            json.dump({"conditions": conditions, "rows": self.rows}, f, indent=1)
            f.write("\n")


TABLE = Table()
