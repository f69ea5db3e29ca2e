#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Functional tests of dash.ko and dashctl: as root, in a machine of tests/vm.
#
#   tests/selftests/run.sh [--subset stock] [--part K/N] [NAME...]
#
# NAME is that of a script here, without .py or .sh; all are run unless told.
# --subset stock leaves only the cases that together touch every command and
# kind of packet, for machines that are emulated slowly. --part 2/3 leaves the
# second of every three scripts, for machines that share the work.
#
# Prints KTAP. $DASH_KO is loaded first, and unloaded at the end.
#
#   DASH_CASE=TEXT   only cases whose names contain TEXT (scripts in Python)
#   DASH_TIMES=1     how long each case took
#   DASH_TEST_TIMEOUT=SECONDS  the time of one script
set -euo pipefail
SELF=$(realpath "$0")
cd "${SELF%/*}"

usage()
{
	sed -n '4,18s/^# \?//p' "$SELF" >&2
	exit 2
}

names=()
while [ $# -gt 0 ]; do
	case $1 in
	--subset)
		[ "${2:-}" = stock ] || usage
		export DASH_SUBSET=$2
		shift
		;;
	--part)
		[[ ${2:-} =~ ^[1-9]/[1-9]$ ]] || usage
		export DASH_PART=$2
		shift
		;;
	-*)
		usage
		;;
	*)
		names+=("$1")
		;;
	esac
	shift
done

[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 4; }
exec /usr/bin/python3 runner.py "${names[@]}"
