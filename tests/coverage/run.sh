#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Which lines of dash/ the tests execute: all of tests/kunit and of
# tests/selftests, or of the latter only those named, in the kernel uml-gcov:
#
#   tests/coverage/run.sh [SELFTEST...]
#
# Results are printed as in tests/run-all.sh, then a table of all files. What
# was never executed is listed in ~/.cache/dash/coverage/never-executed.txt.
# The exit status is 1 if a test failed; the table is of use all the same.
set -euo pipefail
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

cd "$TOP"
unset MAKEFLAGS MFLAGS MAKELEVEL
out=$CACHE/coverage
# One run at a time; who waits here, on this machine, finds the other's results
# gone.
exec {lock}>"$CACHE/locks/coverage"
flock "$lock"
rm -rf "$out"
mkdir -p "$out"

tests/vm/kernel.sh uml-gcov >/dev/null
rc=0
{ DASH_OUT=$out tests/vm/run.sh uml-gcov --timeout 3600 -- \
	tests/coverage/inside.sh "$@" 2>"$out/tests.err" || echo $? >"$out/rc"; } |
	tee "$out/tests.log" | tests/vm/ktap.py "[coverage] " "$out/counts"
[ ! -s "$out/rc" ] || rc=$(<"$out/rc")
[ "$rc" = 0 ] || tail -n 60 "$out/tests.err" >&2
read -r passed failed skipped <"$out/counts"
echo "$passed passed, $failed failed, $skipped skipped"
[ -d "$out/gcov" ] || die "there are no counts"

tests/coverage/report.py "$out/gcov" "$out/never-executed.txt"
echo "never executed: $out/never-executed.txt"
[ "$rc" = 0 ]
