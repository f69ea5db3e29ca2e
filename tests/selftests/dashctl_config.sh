#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# dashctl against the module: files, objects, refusals, exit statuses.
#
# shellcheck disable=SC2317 # functions are called by their names in TESTS

# shellcheck source=tests/selftests/lib.sh
. "$(dirname "$0")/lib.sh"

EXAMPLES=$TOP/Documentation/examples
SEED=$EXAMPLES/seed-consistent.json
ENI=020000000001

# fresh: a namespace "a" with one device u0 and no configuration
fresh()
{
	ns_del a
	must ns_add a
	must ip -n "$NS-a" link add u0 type dummy
}

# row NAME: its value in what save prints, or null
row()
{
	ctl a save | jq -c --arg n "$1" '[.[] | .[$n] // empty][0]'
}

# said FILE TEXT: a line of that file contains the text
said()
{
	grep -qF -- "$2" "$1" || fail "\"$2\" was not said but: $(<"$1")"
}

examples()
{
	local f

	for f in "$EXAMPLES"/*.json; do
		fresh
		must ctl a port add u0 underlay
		must ctl a load --check "$f"
		[ "$(ctl a save | jq length)" = 1 ] || fail "--check changed something"
		must ctl a load "$f"
		ctl a save >"$TMP/1"
		must ctl a load --sync "$TMP/1"
		ctl a save >"$TMP/2"
		cmp "$TMP/1" "$TMP/2" || fail "$f: sync with what was saved changes it"
		must ctl a flush
		[ "$(ctl a save)" = "[]" ] || fail "something is left: $(ctl a save)"
		must ctl a load "$TMP/1"
		ctl a save >"$TMP/3"
		cmp <(jq -S -c '.[]' "$TMP/1" | sort) <(jq -S -c '.[]' "$TMP/3" | sort) ||
			fail "$f: save and load lose something"
	done
}

sync()
{
	fresh
	must ctl a load "$SEED"
	must ctl a vnet add other vni 7
	must ctl a mapping add other:1.1.1.1 underlay_ip 2.2.2.2
	must ctl a load --sync "$SEED"
	[ "$(row DASH_VNET_TABLE:other)" = null ] || fail "a VNET that is not in the file stayed"

	# A child that is the same does not survive its parent unnoticed.
	jq 'map(select(has("DASH_VNET_TABLE:VNET1") | not))' "$SEED" >"$TMP/f"
	must_fail 2 ctl a load --sync "$TMP/f" >"$TMP/err"
	said "$TMP/err" "DASH_VNET_TABLE:VNET1"
	[ "$(row DASH_VNET_TABLE:VNET1)" != null ] || fail "VNET1 is gone"

	# A pipe is read twice as well.
	must ctl a load --sync - <"$SEED"
	jq 'map(.["DASH_VNET_TABLE:VNET2"] |= if . then .vni = 2001 else empty end)' "$SEED" |
		ctl a load --sync - || fail "a pipe"
	[ "$(row DASH_VNET_TABLE:VNET2 | jq .vni)" = 2001 ] || fail "a changed row was not sent"
	echo "[]" | ctl a load - --sync
	[ "$(ctl a save)" = "[]" ] || fail "not empty after sync with []"
}

atomic()
{
	fresh
	cat >"$TMP/f" <<-END
	[
	 {"DASH_VNET_TABLE:v": {"vni": 1}},
	 {"DASH_ROUTE_GROUP_TABLE:r": {}},
	 {"DASH_ROUTE_TABLE:r:1.0.0.0/8": {"routing_type": "vnet", "vnet": "nope"}},
	 {"DASH_ENI_TABLE:e": {"mac_address": "020000000009", "vnet": "v"}}
	]
	END
	must_fail 2 ctl a load "$TMP/f" >"$TMP/err"
	said "$TMP/err" "$TMP/f:4: DASH_ROUTE_TABLE:r:1.0.0.0/8: vnet: "
	[ "$(ctl a save)" = "[]" ] || fail "half of a file was loaded"

	sed 's/"nope"/"v"/; s/"vnet": "v"}}$/"vnet": "none"}}/' "$TMP/f" >"$TMP/g"
	must_fail 2 ctl a load "$TMP/g" >"$TMP/err"
	said "$TMP/err" "$TMP/g:5: DASH_ENI_TABLE:e: vnet: DASH_VNET_TABLE:none does not exist"

	sed 's/"vni": 1/"vni": "x"/' "$TMP/f" >"$TMP/g"
	must_fail 1 ctl a load "$TMP/g" >"$TMP/err"
	said "$TMP/err" "$TMP/g:2: DASH_VNET_TABLE:v: vni: \"x\": not a whole number"

	# What the kernel refuses at once, by the attribute.
	cat >"$TMP/f" <<-END
	[
	 {"DASH_VNET_TABLE:v": {"vni": 1}},
	 {"DASH_VNET_MAPPING_TABLE:v:1.1.1.1": {"underlay_ip": "1.1.1.1"}},
	 {"DASH_VNET_MAPPING_TABLE:v:1.1.1.2": {"routing_type": "privatelink",
	  "underlay_ip": "1.1.1.1"}}
	]
	END
	must_fail 2 ctl a load "$TMP/f" >"$TMP/err"
	said "$TMP/err" "$TMP/f:4: DASH_VNET_MAPPING_TABLE:v:1.1.1.2: routing_type: "
	[ "$(ctl a save)" = "[]" ] || fail "half of a file was loaded"

	must_fail 1 ctl a load <(echo '[{"DASH_FOO:x": {}}]') >"$TMP/err"
	said "$TMP/err" ":1: DASH_FOO:x: unknown table"
	must ctl a load --ignore-unknown <(echo '[{"DASH_FOO:x": {}}]')
}

families()
{
	fresh
	ctl a load "$SEED" 2>"$TMP/err" || fail "load"
	said "$TMP/err" "only IPv4 ACL groups are bound outbound"
}

objects()
{
	fresh
	must ctl a vnet add v vni 5
	must_fail 2 ctl a vnet add v vni 6 >"$TMP/err"
	said "$TMP/err" "DASH_VNET_TABLE:v: exists already"
	must ctl a vnet set v guid g
	[ "$(row DASH_VNET_TABLE:v)" = '{"vni":5,"guid":"g"}' ] || fail "set: $(row DASH_VNET_TABLE:v)"
	must ctl a vnet replace v vni 6
	[ "$(row DASH_VNET_TABLE:v)" = '{"vni":6}' ] || fail "replace: $(row DASH_VNET_TABLE:v)"
	must_fail 1 ctl a vnet replace v guid g
	must ctl a appliance set sip 100.0.0.254 vm_vni 9000
	must ctl a appliance set tcp_loose on
	[ "$(row DASH_APPLIANCE_TABLE:1)" = '{"sip":"100.0.0.254","vm_vni":9000,"tcp_loose":true}' ] ||
		fail "appliance set: $(row DASH_APPLIANCE_TABLE:1)"
	must ctl a eni add 02:00:00:00:00:01 vnet v underlay_ip 100.0.0.1 admin_state up
	must ctl a acl group add g ip_version ipv4
	must ctl a acl rule add g:1 priority 1 action deny protocol tcp,udp dst_port 80 dst_port 90-95
	[ "$(row DASH_ACL_RULE_TABLE:g:1 | jq -c '[.protocol, .dst_port]')" = '[[6,17],["80","90-95"]]' ] ||
		fail "lists: $(row DASH_ACL_RULE_TABLE:g:1)"
	must ctl a acl bind "$ENI" out 2 v4 g
	must_fail 2 ctl a acl group del g >"$TMP/err"
	said "$TMP/err" "DASH_ACL_OUT_TABLE:$ENI:2"
	must_fail 2 ctl a acl bind "$ENI" out 1 v4 nope
	must ctl a acl unbind "$ENI" out 2
	must ctl a acl group del g
	[ "$(row DASH_ACL_RULE_TABLE:g:1)" = null ] || fail "a rule survived its group"
	must ctl a route group add r
	must ctl a route add r 10.0.0.0/8 routing_type vnet vnet v
	must ctl a route add r:fd00::/8 drop
	must ctl a route bind "$ENI" r
	[ "$(ctl a -j route show r | jq length)" = 2 ] || fail "route show r"
	[ "$(ctl a -j route show r:10.0.0.0/8 | jq length)" = 1 ] || fail "route show r:10.0.0.0/8"
	must ctl a rule add "$ENI" 5 100.0.0.0/8 1 action_type decap
	must ctl a rule add "$ENI":5 priority 2 action_type drop
	[ "$(ctl a -j rule show "$ENI" 5 | jq length)" = 2 ] || fail "rule show"
	must ctl a rule del "$ENI":5:2
	[ "$(ctl a -j rule show | jq length)" = 1 ] || fail "rule del"
	must ctl a mapping add v 10.0.0.1 underlay_ip 100.0.0.1
	must ctl a eni del "$ENI"
	[ "$(ctl a -j rule show | jq length)" = 0 ] || fail "a route rule survived its ENI"
	must ctl a vnet del nonesuch
	must_fail 2 ctl a vnet show nonesuch
	must_fail 2 ctl a port add nonesuch underlay
	must_fail 1 ctl a fly
}

batch()
{
	fresh
	cat >"$TMP/b" <<-END
	# a comment
	vnet add v vni 5
	mapping add v:10.0.0.1 underlay_ip 100.0.0.1   # another

	vnet add v vni 6
	vnet add w vni 7
	END
	must_fail 2 ctl a -b "$TMP/b" >"$TMP/err"
	said "$TMP/err" "$TMP/b:5: "
	[ "$(ctl a -j vnet show | jq length)" = 1 ] || fail "the batch went on"
}

long_rows()
{
	fresh
	awk 'BEGIN {
		print "["
		printf " {\"DASH_PREFIX_TAG_TABLE:t\": {\"ip_version\": \"ipv4\", \"prefix_list\": ["
		for (i = 0; i < 24000; i++)
			printf "%s\"10.%d.%d.%d/32\"", i ? ", " : "", i / 65536, i / 256 % 256, i % 256
		print "]}},\n {\"DASH_ACL_GROUP_TABLE:g\": {\"ip_version\": \"ipv4\"}},"
		printf " {\"DASH_ACL_RULE_TABLE:g:1\": {\"priority\": 1, \"action\": \"allow\", \"dst_addr\": ["
		for (i = 0; i < 8000; i++)
			printf "%s\"11.%d.%d.%d/32\"", i ? ", " : "", i / 65536, i / 256 % 256, i % 256
		print "]}}\n]"
	}' >"$TMP/f"
	must ctl a load "$TMP/f"
	[ "$(row DASH_PREFIX_TAG_TABLE:t | jq '.prefix_list | unique | length')" = 24000 ] ||
		fail "the tag lost prefixes"
	[ "$(row DASH_ACL_RULE_TABLE:g:1 | jq '.dst_addr | unique | length')" = 8000 ] ||
		fail "the rule lost prefixes"
	ctl a save >"$TMP/1"
	must ctl a load --sync "$TMP/1"
	ctl a save >"$TMP/2"
	cmp "$TMP/1" "$TMP/2" || fail "not a fixed point"
	must ctl a acl rule set g:1 action deny
	[ "$(row DASH_ACL_RULE_TABLE:g:1 | jq '.dst_addr | unique | length')" = 8000 ] ||
		fail "set lost prefixes"
	[ "$(ctl a -j tag show t | jq '.[0]["DASH_PREFIX_TAG_TABLE:t"].prefix_list | length')" = 24000 ] ||
		fail "show lost prefixes"
}

# Memory of the tool while it loads so many mappings.
stream()
{
	local n=40000

	[ "${DASH_KERNEL:-}" = uml ] || n=10000
	fresh
	awk -v n="$n" 'BEGIN {
		print "[\n {\"DASH_VNET_TABLE:v\": {\"vni\": 1}}"
		for (i = 0; i < n; i++)
			printf ",\n {\"DASH_VNET_MAPPING_TABLE:v:10.%d.%d.%d\": {\"routing_type\": \"vnet_encap\", \"underlay_ip\": \"100.0.%d.%d\"}, \"OP\": \"SET\"}", i / 65536, i / 256 % 256, i % 256, i / 256 % 256, i % 256
		print "\n]"
	}' >"$TMP/f"
	(
		ulimit -v 20480
		ctl a load "$TMP/f"
	) || fail "does not stream in 20 MB"
	[ "$(ctl a -j mapping show v | wc -l)" = $((n + 2)) ] || fail "mappings are missing"
	[ "$(ctl a -j mapping show v:10.0.0.77 | jq length)" = 1 ] || fail "mapping show"

	# The last row is wrong: none is loaded.
	sed -i '$d' "$TMP/f"
	printf ',\n {"DASH_VNET_MAPPING_TABLE:w:1.1.1.1": {"underlay_ip": "1.1.1.1"}}\n]\n' >>"$TMP/f"
	must ctl a flush
	must_fail 2 ctl a load "$TMP/f" >"$TMP/err"
	said "$TMP/err" "$TMP/f:$((n + 5)): DASH_VNET_MAPPING_TABLE:w:1.1.1.1: "
	[ "$(ctl a save)" = "[]" ] || fail "something was loaded"
}

netns()
{
	fresh
	must ctl a vnet add v vni 5
	[ "$(ns a "${DASHCTL:-dashctl}" -j vnet show | jq length)" = 1 ] || fail "within the namespace"
	[ "$("${DASHCTL:-dashctl}" -n "/run/netns/$NS-a" -j vnet show | jq length)" = 1 ] ||
		fail "by path"
	must_fail 1 "${DASHCTL:-dashctl}" -n nonesuch vnet show
	# Who may not change the network may not change this.
	! setpriv --bounding-set=-all --inh-caps=-all ip netns exec "$NS-a" true 2>/dev/null || :
	ns a setpriv --bounding-set=-net_admin --inh-caps=-net_admin \
		"${DASHCTL:-dashctl}" vnet add w vni 6 >"$TMP/err" 2>&1
	[ $? = 2 ] || fail "without CAP_NET_ADMIN: $(<"$TMP/err")"
	said "$TMP/err" "permission denied"
}

# completes EXPECTED WORD…: what the last word, maybe empty, may become
completes()
{
	local want=$1 got

	shift
	# shellcheck disable=SC2016 # expanded by the shell that completes
	got=$(ns a bash --norc -c '
		dashctl() { command "${DASHCTL:-dashctl}" "$@"; }
		. "$0" && complete -p dashctl >/dev/null || exit
		COMP_WORDS=(dashctl "$@")
		COMP_CWORD=$#
		_dashctl
		printf "%s\n" "${COMPREPLY[@]}" | sort | paste -sd " "
		' "$TOP/tools/dashctl/dashctl.bash" "$@" 2>&1)
	[ "$got" = "$want" ] || fail "dashctl $*: \"$got\" instead of \"$want\""
}

completion()
{
	fresh
	must ctl a load "$SEED"
	must ctl a vnet add Vnet9 vni 9
	# words of commands
	completes 'verify vnet' v
	completes 'route routing-appliance routing-type rule' r
	completes '-n' -n
	completes 'add del help replace set show' vnet ''
	completes 'show' mapping sh
	completes 'add bind del group help in out replace rule set show unbind' acl ''
	completes 'add del replace set show' acl rule ''
	completes 'config' monitor c
	completes 'memory' stats m
	completes 'explain' help ex
	completes '--check' load --c
	completes 'resimulate' --policy r
	completes 'established' flow show state es
	completes 'bytes' flow show top 5 by b
	# fields, and the names of their values
	completes 'counter' route add rg:10.0.0.0/8 co
	completes 'counter' mapping replace v:10.0.0.1 routing_type vnet_encap cou
	completes 'false true' rule set e:5:10.0.0.0/8:1 counter ''
	completes 'direct drop' route add rg:10.0.0.0/8 routing_type d
	completes '' route add rg:10.0.0.0/8 pack
	# names of what there is
	completes 'Vnet9' vnet show Vnet9
	completes "$(ctl a -j vnet show | jq -r '.[] | keys[] | select(. != "OP")' |
		cut -d: -f2 | sort | paste -sd ' ')" vnet del ''
	completes "$ENI" eni show "${ENI:0:3}"
	completes 'Vnet9' eni add e vnet Vnet9
	completes "$NS-a" -n "$NS-a"
}

TESTS=(
	"examples the examples load, save, sync and flush"
	"sync load --sync makes the difference"
	"atomic a file is applied whole or not at all"
	"families ACL groups of one family only are remarked"
	"objects objects are added, set, shown and deleted"
	"batch a batch stops at the first error"
	"long_rows rows of more than 64 kB"
	"stream many rows stream in bounded memory"
	"netns namespaces and permissions"
	"completion bash completes commands, fields, values and names"
)
# shellcheck disable=SC2034 # used by lib.sh
STOCK=(examples objects)

run_tests
