#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# All tests, on all kernels:
#
#   tests/run-all.sh [JOB...]
#
# The jobs are, and without arguments all of them are run:
#
#   lint                 scripts/lint.sh
#   kunit kunit-debug    unit tests in the kernels uml, uml-debug
#   uml                  all selftests in this
#   uml-debug-1 .. -2    half of them each in uml-debug, which is slow
#   bench-smoke          the fast path is faster than what it must be faster than
#   6.1 6.12             those of the selftests that want no more than a stock
#                        kernel, in Debian's
#
# Each result is printed as it comes, behind the name of its job. The last line
# is "N passed, N failed, N skipped", where what counts are test cases; a job
# that fails for another reason (its kernel complains, hangs, does not start)
# is one more failure. The exit status is 1 if anything failed.
#
# Logs are left in ~/.cache/dash/logs/check-*. DASH_CHECK_JOBS is how many jobs
# run at the same time: one more than there are CPUs, for they wait a lot.
set -euo pipefail
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/vm/lib.sh"

# The longest first, for the end to be at about the same time.
ALL=(lint uml-debug-1 uml-debug-2 6.12 6.1 uml kunit-debug kunit bench-smoke)
SELFTESTS=tests/selftests/run.sh
# Generous: a selftest has its own time limit, this one is for what hangs.
TIMEOUT=${DASH_CHECK_TIMEOUT:-2100}

cd "$TOP"
unset MAKEFLAGS MFLAGS MAKELEVEL
jobs=("$@")
[ $# -gt 0 ] || jobs=("${ALL[@]}")
dir=$CACHE/logs/check-$(date +%Y%m%d-%H%M%S)-$$
mkdir -p "$dir"
ln -sfn "$dir" "$CACHE/logs/latest"
find "$CACHE/logs" -mindepth 1 -maxdepth 1 -mtime +7 -exec rm -rf {} + || true

# What a job runs; KTAP on stdout. 77: there is nothing to run.
job()
{
	case $1 in
	lint)
		[ -x scripts/lint.sh ] || return 77
		scripts/lint.sh
		;;
	kunit | kunit-debug)
		compgen -G 'tests/kunit/*_test.c' >/dev/null || return 77
		tests/vm/run.sh "uml${1#kunit}" --timeout "$TIMEOUT" -- \
			tests/kunit/run.sh
		;;
	uml)
		[ -x $SELFTESTS ] || return 77
		tests/vm/run.sh uml --timeout "$TIMEOUT" -- $SELFTESTS
		;;
	uml-debug-[12])
		[ -x $SELFTESTS ] || return 77
		tests/vm/run.sh uml-debug --timeout "$TIMEOUT" -- \
			$SELFTESTS --part "${1##*-}/2"
		;;
	bench-smoke)
		[ -x tests/bench/run.sh ] || return 77
		tests/bench/run.sh smoke
		;;
	6.1 | 6.12)
		[ -x $SELFTESTS ] || return 77
		tests/vm/run.sh "$1" --timeout "$TIMEOUT" --smp 2 -- \
			$SELFTESTS --subset stock
		;;
	*)
		echo "no such job" >&2
		return 2
		;;
	esac
}

run_job()
{
	local name=$1 rc=0 start=$SECONDS passed failed skipped note=

	echo "[$name] starts"
	{ job "$name" 2>"$dir/$name.err" || echo $? >"$dir/$name.rc"; } |
		tee "$dir/$name.log" |
		tests/vm/ktap.py "[$name] " "$dir/$name.counts" |
		tee "$dir/$name.out"
	[ ! -s "$dir/$name.rc" ] || rc=$(<"$dir/$name.rc")
	read -r passed failed skipped <"$dir/$name.counts"
	case $rc in
	0)
		# A linter may be silent about what is in order; that no test
		# ran at all is no success.
		if [ $((passed + failed + skipped)) = 0 ]; then
			if [ "$name" = lint ]; then
				passed=1
			else
				failed=1
				note=": no tests ran"
			fi
		fi
		;;
	77)
		skipped=$((skipped + 1))
		note=": there is nothing to run"
		;;
	1)
		# the usual way to say that a test failed
		if [ "$failed" = 0 ]; then
			failed=1
			note=": exit status 1, though no test failed"
		fi
		;;
	3)
		failed=$((failed + 1))
		note=": THE KERNEL COMPLAINED"
		;;
	124)
		failed=$((failed + 1))
		note=": TIMEOUT"
		;;
	*)
		failed=$((failed + 1))
		note=": exit status $rc"
		;;
	esac
	echo "$passed $failed $skipped" >"$dir/$name.counts"
	if [ "$failed" -gt 0 ]; then
		grep -av '^ *$' "$dir/$name.err" | tail -n 120 | sed "s/^/[$name] # /" || true
	fi
	echo "[$name] done in $((SECONDS - start)) s: $passed passed, $failed failed, $skipped skipped$note"
}

trap 'trap - EXIT; kill $(jobs -rp) 2>/dev/null || true; wait' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Kernels first, one after the other, each with all CPUs: the jobs' time limits
# are for the jobs. A failure shows itself again in the job.
for name in "${jobs[@]}"; do
	case $name in
	lint) ;;
	bench-smoke) tests/vm/kernel.sh uml >/dev/null || true ;;
	kunit*) tests/vm/kernel.sh "uml${name#kunit}" >/dev/null || true ;;
	uml-debug-*) tests/vm/kernel.sh uml-debug >/dev/null || true ;;
	*) tests/vm/kernel.sh "$name" >/dev/null || true ;;
	esac
done

max=${DASH_CHECK_JOBS:-$(($(nproc) + 1))}
for name in "${jobs[@]}"; do
	while [ "$(jobs -rp | wc -l)" -ge "$max" ]; do
		wait -n || true
	done
	run_job "$name" &
done
wait

passed=0 failed=0 skipped=0
for name in "${jobs[@]}"; do
	if ! read -r p f s <"$dir/$name.counts"; then
		p=0 f=1 s=0
	fi
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
done
# What failed once more, for those who see only the end of this.
for name in "${jobs[@]}"; do
	awk '/ not ok / { print diag $0 }
		/^\[[^]]*\] *#/ { diag = diag $0 "\n"; next } { diag = "" }' \
		"$dir/$name.out"
done | tail -n 60
echo "logs: $dir"
echo "$passed passed, $failed failed, $skipped skipped" | tee "$CACHE/logs/summary"
[ "$failed" = 0 ]
