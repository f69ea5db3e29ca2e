#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Inside of uml-gcov: run the tests, leave what was counted in $DASH_OUT/gcov.
# The kernel keeps the counts of modules that are gone (gcov_persist).
set -uo pipefail

# Half of what the kernel uml does of it, which takes most of the time.
export DASH_SEQUENCES=${DASH_SEQUENCES:-1000}
rc=0
tests/kunit/run.sh || rc=1
tests/selftests/run.sh "$@" || rc=1

cd /sys/kernel/debug/gcov || exit 1
# These files have no size that cp could go by.
find . -name '*.gcda' | while read -r file; do
	mkdir -p "$DASH_OUT/gcov/${file%/*}"
	cat "$file" >"$DASH_OUT/gcov/$file" || exit
done || rc=1
exit $rc
