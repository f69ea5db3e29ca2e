#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Many mappings and routes through dashctl and the kernel. What each step took
# is printed; the limits are generous, since machines that run this are slow.
#
# shellcheck disable=SC2317 # functions are called by their names in TESTS

# shellcheck source=tests/selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# So many of each; more than what a dump keeps in memory.
N=${DASH_SCALE:-100000}
case ${DASH_KERNEL:-} in
uml) ;;
*) N=${DASH_SCALE:-20000} ;;
esac

# generate FROM TO: rows of that many mappings and routes, and their parents
generate()
{
	awk -v from="$1" -v to="$2" 'BEGIN {
		print "[{\"DASH_VNET_TABLE:v\": {\"vni\": 7}, \"OP\": \"SET\"},"
		print "{\"DASH_ROUTE_GROUP_TABLE:g\": {}, \"OP\": \"SET\"}"
		for (i = from; i < to; i++) {
			ip = sprintf("%d.%d.%d", i / 65536 % 256,
				     i / 256 % 256, i % 256)
			printf ",{\"DASH_VNET_MAPPING_TABLE:v:10.%s\": {" \
			       "\"underlay_ip\": \"100.0.%d.%d\", " \
			       "\"mac_address\": \"02:00:00:%02x:%02x:%02x\"}, " \
			       "\"OP\": \"SET\"}\n", ip, i % 4, i % 250,
			       i / 65536 % 256, i / 256 % 256, i % 256
			printf ",{\"DASH_ROUTE_TABLE:g:20.%s/32\": {" \
			       "\"routing_type\": \"vnet\", \"vnet\": \"v\"}, " \
			       "\"OP\": \"SET\"}\n", ip
		}
		print "]"
	}'
}

# timed LIMIT TEXT COMMAND...: it succeeds within that many seconds
timed()
{
	local limit=$(($1 * SLOW)) what=$2 start=$EPOCHREALTIME ms

	shift 2
	must "$@"
	ms=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
	echo "# figure: $what: $ms ms"
	[ "$ms" -le $((limit * 1000)) ] || fail "$what took $ms ms"
}

# memory KIND FIELD: what stats memory says
memory()
{
	ctl a -j stats memory |
		jq --arg k "$1" ".memory[] | select(.kind == \$k).$2"
}

fresh()
{
	ns_del a
	must ns_add a
}

saved()
{
	ctl a save >"$TMP/saved"
}

many()
{
	fresh
	generate 0 "$N" >"$TMP/rows"
	timed 120 "load of $N mappings and $N routes" ctl a load "$TMP/rows"
	[ "$(memory mapping objects)" = "$N" ] || fail "$(memory mapping objects) mappings"
	[ "$(memory route objects)" = "$N" ] || fail "$(memory route objects) routes"
	echo "# figure: bytes per mapping: $(($(memory mapping bytes) / N)), per route: $(($(memory route bytes) / N))"
	[ $(($(memory mapping bytes) / N)) -le 64 ] || fail "a mapping takes more than 64 bytes"

	generate 5 6 >"$TMP/one"
	timed 20 "load of one of each" ctl a load "$TMP/one"
	timed 300 "save" saved
	[ "$(grep -c OP "$TMP/saved")" = $((2 * N + 2)) ] ||
		fail "$(grep -c OP "$TMP/saved") rows were saved"
	! grep -q 'TABLE:"' "$TMP/saved" || fail "a row without a name was saved"

	timed 60 "flush" ctl a flush
	[ "$(ctl a save)" = "[]" ] || fail "something is left"
	[ "$(memory mapping bytes)" = 0 ] || fail "memory of mappings is left"
}

# Mappings and routes that go one by one, and come back.
difference()
{
	local n=$((N / 10))

	fresh
	generate 0 "$n" >"$TMP/rows"
	must ctl a load "$TMP/rows"
	generate $((n / 2)) $((n * 3 / 2)) >"$TMP/other"
	timed 300 "sync that exchanges half of $n of each" ctl a load --sync "$TMP/other"
	[ "$(memory mapping objects)" = "$n" ] || fail "$(memory mapping objects) mappings"
	[ "$(memory route objects)" = "$n" ] || fail "$(memory route objects) routes"
	must saved
	grep -qF '"DASH_VNET_MAPPING_TABLE:v:10.0.0.0"' "$TMP/saved" && fail "a mapping is left"
	grep -qF "\"DASH_VNET_MAPPING_TABLE:v:10.$((n / 65536 % 256)).$((n / 256 % 256)).$((n % 256))\"" \
		"$TMP/saved" || fail "a mapping is not there"
	must ctl a load --sync "$TMP/rows"
	[ "$(memory mapping objects)" = "$n" ] || fail "$(memory mapping objects) mappings"
	[ $(($(memory mapping bytes) / n)) -le 100 ] || fail "memory is not used again"
	must ctl a flush
}

# shellcheck disable=SC2034 # used by run_tests
TESTS=(
	"many load, save, change, flush"
	"difference load --sync of many"
)
# shellcheck disable=SC2034 # used by run_tests
STOCK=(difference)
run_tests
