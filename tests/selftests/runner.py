#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Runs the test scripts, one after the other, and prints KTAP: run.sh.

Scripts in Python are run in a fork of this process, which has scapy imported
already: on an emulated machine that alone takes seconds.
"""

import glob
import os
import re
import runpy
import signal
import subprocess
import sys
import time

import dashtest
from frames import conf

NOT_TESTS = {"run.sh", "lib.sh", "runner.py", "dashtest.py", "frames.py",
             "genl.py", "confnet.py", "nets.py", "model.py", "modelconf.py",
             "modelframe.py", "scenario.py"}

# The first ones are those that tell most.
ORDER = ["seed", "ptf", "drops", "acl", "route", "inbound", "families",
         "headers", "flow", "resim", "nat", "differential", "batch", "tunnel",
         "fourtosix", "meter", "counters", "vport", "gso", "config", "control",
         "monitor", "host", "e2e", "fourtosix_hosts", "ynl"]
LAST = ["flowctl", "netns"]     # reload the module

# Of one script.
TIMEOUT = int(os.environ.get("DASH_TEST_TIMEOUT") or
              240 + 60 * dashtest.SLOW)

TAINT_TROUBLE = 1 << 7 | 1 << 9     # oops, warning


def scripts():
    """{name: path}, in the order in which they are run."""
    found = {}
    for path in glob.glob(os.path.join(dashtest.HERE, "*.py")) + \
            glob.glob(os.path.join(dashtest.HERE, "*.sh")):
        base = os.path.basename(path)
        if base not in NOT_TESTS and os.access(path, os.X_OK):
            found[base.rsplit(".", 1)[0]] = path

    def place(name):
        if name in ORDER:
            return ORDER.index(name), name
        return 100 + (name in LAST), name
    return {name: found[name] for name in sorted(found, key=place)}


def say(text=""):
    print(text, flush=True)


def tainted():
    with open("/proc/sys/kernel/tainted", encoding="ascii") as f:
        return int(f.read()) & TAINT_TROUBLE


def module_loaded():
    return os.path.isdir("/sys/module/dash")


def load_module():
    """An error text, or None."""
    if module_loaded():
        return None
    ko = os.environ.get("DASH_KO")
    if not ko:
        return "the module is not loaded and DASH_KO does not say where it is"
    # What it may depend on; not an error when that is built in.
    for dep in ("udp_tunnel", "ip6_udp_tunnel", "libcrc32c"):
        subprocess.run(["modprobe", "-q", dep], check=False)
    p = subprocess.run(["insmod", ko], capture_output=True, text=True,
                       check=False)
    return p.stderr.strip() if p.returncode else None


def start(path):
    """Start a script; return its pid and the reading end of its output."""
    r, w = os.pipe()
    pid = os.fork()
    if pid:
        os.close(w)
        return pid, r
    os.setsid()
    os.close(r)
    os.dup2(w, 1)
    os.dup2(w, 2)
    os.close(w)
    if path.endswith(".sh"):
        os.execv(path, [path])
    sys.stdout = open(1, "w", buffering=1, closefd=False, encoding="utf-8")
    status = 1
    try:
        sys.argv = [path]
        runpy.run_path(path, run_name="__main__")
        status = 0
    except SystemExit as e:
        status = e.code if isinstance(e.code, int) else e.code is not None
    except dashtest.Failure as why:
        print(f"# {why}".replace("\n", "\n# "))
    except BaseException:       # pylint: disable=broad-except
        import traceback        # pylint: disable=import-outside-toplevel
        dashtest.diag(traceback.format_exc())
    sys.stdout.flush()
    os._exit(status)            # nothing of the parent's to clean up


def run(name, path, timeout):
    """Run one script; return (status, ok lines, not ok lines)."""
    pid, r = start(path)
    good = bad = 0
    timed_out = False

    def on_alarm(*_):
        nonlocal timed_out
        timed_out = True
        os.killpg(pid, signal.SIGKILL)

    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(timeout)
    with open(r, encoding="utf-8", errors="replace") as out:
        for line in out:
            say("    " + line.rstrip("\n"))
            good += bool(re.match(r"ok \d", line))
            bad += bool(re.match(r"not ok \d", line))
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    signal.alarm(0)
    try:                        # what it left behind
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    dashtest.remove_namespaces(pid)
    if timed_out:
        say(f"# {name}: killed after {timeout} s")
    elif status not in (0, 1, 4):
        say(f"# {name}: exit status {status}")
    return status, good, bad


def main():
    assert conf             # scapy is there, for the forks
    known = scripts()
    names = sys.argv[1:] or list(known)
    wrong = [n for n in names if n not in known]
    if wrong:
        sys.exit(f"no such test: {' '.join(wrong)}; "
                 f"there are: {' '.join(known)}")
    part, parts = map(int, os.environ.get("DASH_PART", "1/1").split("/"))
    names = names[part - 1::parts]
    say("KTAP version 1")
    say(f"1..{len(names) + 1}")
    error = load_module()
    if error:
        say(f"Bail out! insmod: {error}")
        sys.exit(1)
    failed = cases = 0
    before = tainted()
    begin = time.monotonic()
    for i, name in enumerate(names, 1):
        say(f"# {name}")
        t = time.monotonic()
        status, good, bad = run(name, known[name], TIMEOUT)
        cases += good + bad
        now = tainted()
        if now & ~before:
            say("# the kernel complained, see its console")
            status = status or 1
        before |= now
        if status == 4:
            say(f"ok {i} {name} # SKIP")
        else:
            if not status and not good:
                status = 1      # said nothing: that is no success
            failed += status != 0
            say(f"{'not ' if status else ''}ok {i} {name} "
                f"# {good} of {good + bad}, {time.monotonic() - t:.1f} s")
    p = subprocess.run(["rmmod", "dash"], capture_output=True, text=True,
                       check=False)
    if p.returncode:
        failed += 1
        say(f"# {p.stderr.strip()}")
    say(f"{'not ' if p.returncode else ''}ok {len(names) + 1} rmmod")
    say(f"# {cases} cases, {failed} failed tests, "
        f"{time.monotonic() - begin:.1f} s")
    sys.exit(bool(failed))


main()
