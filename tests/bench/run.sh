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
cd "$TOP"

out=$(mktemp -d "$CACHE/run/bench.XXXXXX")
huge=
# shellcheck disable=SC2317 # called by trap
cleanup()
{
	[ -z "$huge" ] || umount -l "$huge" 2>/dev/null || true
	rm -rf "$out"
}
trap cleanup EXIT

export DASH_BENCH=1
BENCH_HOST=$(sed -n 's/^model name[^:]*: //p;T;q' /proc/cpuinfo)
export BENCH_HOST
cpu=${BENCH_CPU:-$(($(nproc) - 1))}

# in_uml COMMAND...: pinned, the memory on huge pages. UML's memory is a file;
# like this a TLB miss costs what it costs a kernel on the bare machine.
in_uml()
{
	mkdir "$out/mem"
	if mount -t tmpfs -o "huge=always,size=$((mem + 64))m" tmpfs \
		"$out/mem" 2>/dev/null; then
		huge=$out/mem
		export TMPDIR=$huge BENCH_HUGE=1
	fi
	DASH_OUT=$out/uml taskset -c "$cpu" "$VMDIR/run.sh" "${BENCH_KERNEL:-uml}" \
		--mem "$mem" --timeout "${BENCH_TIMEOUT:-1800}" -- "$@"
}

if [ "$*" = smoke ]; then
	mem=${BENCH_MEM:-1024}
	in_uml python3 tests/bench/smoke.py
	exit
fi

mem=${BENCH_MEM:-8192}
[ $# -gt 0 ] || set -- fast new acl lpm gso overload scale smp
one=() two=()
for part; do
	case $part in
	smp) two+=("$part") ;;
	*) one+=("$part") ;;
	esac
done
rc=0
if [ ${#one[@]} -gt 0 ]; then
	in_uml python3 tests/bench/bench.py "${one[@]}" || rc=$?
fi
if [ ${#two[@]} -gt 0 ]; then
	env -u TMPDIR -u BENCH_HUGE DASH_OUT="$out/qemu" "$VMDIR/run.sh" 6.12 \
		--smp 2 --timeout 600 -- \
		python3 tests/bench/bench.py "${two[@]}" || rc=$?
fi
results=()
for file in "$out"/{uml,qemu}/bench.json; do
	[ ! -f "$file" ] || results+=("$file")
done
if [ ${#results[@]} -gt 0 ]; then
	python3 tests/bench/report.py "${results[@]}" \
		${BENCH_JSON:+-o "$BENCH_JSON"}
fi
exit $rc
