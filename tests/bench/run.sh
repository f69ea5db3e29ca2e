#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Measure, and print one table:
#
#   tests/bench/run.sh [PART[=SIZE,...]]...
#
# Without arguments all parts are run; README.rst tells what they are. The part
# "smoke" stands alone: KTAP, and it fails if the fast path is slower than those
# that it must not be slower than. In the environment:
#
#   BENCH_JSON=FILE     write the results there, too
#   BENCH_QUICK=1       a look that takes seconds; the figures say little
#   BENCH_ROUNDS=N      interleaved rounds (5)
#   BENCH_MEM=MB        memory of the machine (8192)
#   BENCH_CPU=N         CPU to be on (the last one)
#   BENCH_KERNEL=NAME   kernel of tests/vm/run.sh (uml)
set -euo pipefail
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

out=$(mktemp -d "$CACHE/run/bench.XXXXXX")
huge=
# shellcheck disable=SC2317 # called by trap
cleanup()
{
	[ -z "$huge" ] || umount -l "$huge" 2>/dev/null || true
	rm -rf "$out"
}
trap cleanup EXIT

command=(python3 tests/bench/bench.py "$@")
if [ "$*" = smoke ]; then
	command=(python3 tests/bench/smoke.py)
	: "${BENCH_MEM:=1024}"
fi

# UML's memory is a file. On huge pages a TLB miss costs what it costs a kernel
# on the bare machine.
mem=${BENCH_MEM:-8192}
mkdir "$out/mem"
if mount -t tmpfs -o "huge=always,size=$((mem + 64))m" tmpfs "$out/mem" 2>/dev/null; then
	huge=$out/mem
	export TMPDIR=$huge BENCH_HUGE=1
fi

export DASH_BENCH=1 DASH_OUT=$out
BENCH_HOST=$(sed -n 's/^model name[^:]*: //p;T;q' /proc/cpuinfo)
export BENCH_HOST
cpu=${BENCH_CPU:-$(($(nproc) - 1))}
rc=0
taskset -c "$cpu" "$VMDIR/run.sh" "${BENCH_KERNEL:-uml}" --mem "$mem" \
	--timeout "${BENCH_TIMEOUT:-1800}" -- "${command[@]}" || rc=$?
if [ -n "${BENCH_JSON:-}" ] && [ -f "$out/bench.json" ]; then
	cp "$out/bench.json" "$BENCH_JSON"
fi
exit $rc
