#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Good and bad rows through loader, encoder and decoder; prints TAP.
#
#	run.sh PROGRAM EXAMPLES
#
# PROGRAM is the test program of the Makefile. See rows.c for what it does.

set -u
program=$1
examples=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0
failed=0

result() { # OK NAME [DETAIL]
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n $2"
	else
		echo "not ok $n $2"
		[ -n "${3:-}" ] && printf '%s\n' "$3" | sed 's/^/# /'
		failed=$((failed + 1))
	fi
}

rows() { "$program" rows "$@" 2>"$tmp/err"; }

# said LINE TEXT: so it was on stderr.
said() { grep -F -- "$tmp/in:$1: " "$tmp/err" | grep -qF -- "$2"; }

# good ROW EXPECTED: the row comes out as expected, and stays so.
good() {
	printf '[\n%s\n]\n' "$1" >"$tmp/in"
	rows "$tmp/in" >"$tmp/out"
	local rc=$? got
	got=$(sed -n '2s/^ //p' "$tmp/out" | sed 's/{ /{/g; s/ }/}/g; s/\[ /[/g; s/ \]/]/g')
	rows "$tmp/out" >"$tmp/again"
	[ $rc = 0 ] && [ "$got" = "$2" ] && cmp -s "$tmp/out" "$tmp/again"
	result $? "good: $1" "got:      $got
expected: $2
$(cat "$tmp/err")"
}

# warns ROW TEXT: the row is accepted with a remark.
warns() {
	printf '[\n%s\n]\n' "$1" >"$tmp/in"
	rows "$tmp/in" >"$tmp/out" && grep -qF -- "$tmp/in:2: warning: $2" "$tmp/err"
	result $? "warns: $1" "$(cat "$tmp/err")"
}

# bad ROW TEXT: the row is refused with that text, naming line 2.
bad() {
	printf '[\n%s\n]\n' "$1" >"$tmp/in"
	rows "$tmp/in" >"$tmp/out"
	[ $? = 1 ] && [ "$(wc -l <"$tmp/err")" = 1 ] && said 2 "$2"
	result $? "bad: $1" "expected: $2
$(cat "$tmp/err")"
}

# broken TEXT LINE MESSAGE: the file is no list of rows.
broken() {
	printf '%b' "$1" >"$tmp/in"
	rows "$tmp/in" >"$tmp/out"
	[ $? = 1 ] && said "$2" "$3"
	result $? "broken: $1" "$(cat "$tmp/err")"
}

# call STATUS TEXT ARGUMENT…: the tool refuses the call before it asks the kernel.
call() {
	local status=$1 text=$2
	shift 2
	"$program" "$@" >"$tmp/out" 2>"$tmp/err"
	[ $? = "$status" ] && grep -qF -- "$text" "$tmp/err" "$tmp/out"
	result $? "call: $*" "$(cat "$tmp/err")"
}

echo "TAP version 13"

# Tables, names, spellings.
good '{"DASH_VNET_TABLE:v": {"vni": 1}, "OP": "SET"}' '{"DASH_VNET_TABLE:v": {"vni": 1}, "OP": "SET"}'
good '{"DASH_VNET:v": {"vni": "1"}}' '{"DASH_VNET_TABLE:v": {"vni": 1}, "OP": "SET"}'
good '{"OP": "DEL", "DASH_VNET_TABLE:v": {}}' '{"DASH_VNET_TABLE:v": {}, "OP": "DEL"}'
good '{"DASH_VNET_TABLE:v": {"what": "ever"}, "OP": "DEL"}' '{"DASH_VNET_TABLE:v": {}, "OP": "DEL"}'
good '{"DASH_VNET:v": {"vni": 1, "version": 2, "guid": null, "peer_list": "a, b", "address_spaces": "10.0.0.0/8,fd00::/8"}}' \
	'{"DASH_VNET_TABLE:v": {"vni": 1, "version": "2", "address_spaces": ["10.0.0.0/8", "fd00::/8"], "peer_list": ["a", "b"]}, "OP": "SET"}'
good '{"PORT:eth0": {"role": "underlay"}}' '{"PORT:eth0": {"role": "underlay"}, "OP": "SET"}'
bad '{"DASH_FOO_TABLE:v": {}}' 'DASH_FOO_TABLE:v: unknown table'
bad '{"DASH_OUTBOUND_PORT_MAP_TABLE:t": {"guid": "g"}}' 'DASH_OUTBOUND_PORT_MAP_TABLE:t: this table is not supported yet'
bad '{"DASH_VNET_TABLE:v": {"vin": 1}}' 'DASH_VNET_TABLE:v: unknown field "vin"'
bad '{"DASH_VNET_TABLE:v": {"vni": 1}, "DASH_VNET_TABLE:w": {"vni": 2}}' 'two tables in one row'
bad '{"DASH_VNET_TABLE:v": {"vni": 1}, "OP": "ADD"}' 'OP "ADD": neither SET nor DEL'
bad '{"DASH_VNET_TABLE": {"vni": 1}}' 'vnet: missing from the key'
bad '{"DASH_VNET_TABLE:v": [1]}' 'the value must be an object'
bad '{"OP": "SET"}' 'a row without a table'
bad '3' 'a row must be an object'

# Numbers, ranges, truth values.
bad '{"DASH_VNET_TABLE:v": {"vni": 16777216}}' 'DASH_VNET_TABLE:v: vni: "16777216": not in 0..16777215'
bad '{"DASH_VNET_TABLE:v": {"vni": -1}}' 'vni: "-1": not a whole number'
bad '{"DASH_VNET_TABLE:v": {"vni": 1.5}}' 'vni: "1.5": not a whole number'
bad '{"DASH_VNET_TABLE:v": {"vni": "12x"}}' 'vni: "12x": not a whole number'
bad '{"DASH_VNET_TABLE:v": {"vni": {}}}' 'vni: neither a string nor a number'
bad '{"DASH_VNET_TABLE:v": {"vni": [1, 2]}}' 'vni: a list of 2 values instead of one'
good '{"DASH_VNET_TABLE:v": {"vni": ["0x10"]}}' '{"DASH_VNET_TABLE:v": {"vni": 16}, "OP": "SET"}'
good '{"DASH_QOS:q": {"bw": "18446744073709551615", "cps": 0, "flows": 4294967295}}' \
	'{"DASH_QOS_TABLE:q": {"bw": 18446744073709551615, "flows": 4294967295}, "OP": "SET"}'
bad '{"DASH_QOS:q": {"flows": 4294967296}}' 'flows: "4294967296": not in 0..4294967295'

# Appliances.
good '{"DASH_APPLIANCE:1": {"sip": ["1.1.1.1", "::1"], "vm_vni": "5,6", "trusted_vnis": [1, "2-3"]}}' \
	'{"DASH_APPLIANCE_TABLE:1": {"sip": ["1.1.1.1", "::1"], "vm_vni": [5, 6], "trusted_vnis_list": ["1", "2-3"]}, "OP": "SET"}'
good '{"DASH_APPLIANCE:1": {"udp_sport": "hash", "df": true, "ip_id": 0, "vxlan_port": 4789}}' \
	'{"DASH_APPLIANCE_TABLE:1": {}, "OP": "SET"}'
good '{"DASH_APPLIANCE:1": {"udp_sport": 0, "df": "off", "ip_id": "1", "underlay_mode": "hairpin", "udp_csum": "off"}}' \
	'{"DASH_APPLIANCE_TABLE:1": {"udp_sport": 0, "df": false, "ip_id": 1, "udp_csum": "off", "underlay_mode": "hairpin"}, "OP": "SET"}'
good '{"DASH_APPLIANCE:1": {"timeout_other": 9, "timeout_syn": "3"}}' \
	'{"DASH_APPLIANCE_TABLE:1": {"timeout_syn": 3, "timeout_other": 9}, "OP": "SET"}'
good '{"DASH_APPLIANCE:1": {"nexthops": [{"prefix": "0.0.0.0/0", "dst_mac": "000000000000", "port": "eth1"}]}}' \
	'{"DASH_APPLIANCE_TABLE:1": {"nexthops": [{"prefix": "0.0.0.0/0", "dst_mac": "00:00:00:00:00:00", "port": "eth1"}]}, "OP": "SET"}'
bad '{"DASH_APPLIANCE:1": {"vxlan_port": 0}}' 'vxlan_port: "0": not in 1..65535'
bad '{"DASH_APPLIANCE:1": {"trusted_vnis": "3-2"}}' 'trusted_vnis_list: "3-2": not a number or range'
bad '{"DASH_APPLIANCE:1": {"underlay_mode": "magic"}}' 'underlay_mode: "magic": not one of fib, hairpin, static'
bad '{"DASH_APPLIANCE:1": {"nexthops": [{"via": 1}]}}' 'unknown field "via"'
bad '{"DASH_APPLIANCE:1": {"sip": "1.1.1.256"}}' 'sip: "1.1.1.256": not an IP address'

# ENIs: the key may be the MAC.
good '{"DASH_ENI:F4939FEFC47E": {"admin_state": "enabled"}}' \
	'{"DASH_ENI_TABLE:F4939FEFC47E": {"mac_address": "f4:93:9f:ef:c4:7e", "admin_state": "enabled"}, "OP": "SET"}'
good '{"DASH_ENI:f4:93:9f:ef:c4:7e": {"mac_address": "F4-93-9F-EF-C4-7E"}}' \
	'{"DASH_ENI_TABLE:f4939fefc47e": {"mac_address": "f4:93:9f:ef:c4:7e"}, "OP": "SET"}'
good '{"DASH_ENI:vm1": {"mac_address": "020000000001", "pa_addr": "1.1.1.1", "mode": "vm_mode", "addresses": "10.0.0.1"}}' \
	'{"DASH_ENI_TABLE:vm1": {"mac_address": "02:00:00:00:00:01", "underlay_ip": "1.1.1.1", "addresses": ["10.0.0.1"]}, "OP": "SET"}'
bad '{"DASH_ENI:F4939FEFC47E": {"mac_address": "F4-93-9F-EF-C4-7F"}}' 'mac_address: "F4-93-9F-EF-C4-7F": differs from the key'
bad '{"DASH_ENI:e": {"mac_address": "F4-93-9F-EF-C4"}}' 'mac_address: "F4-93-9F-EF-C4": not a MAC address'
bad '{"DASH_ENI:e": {"mac_address": "F4-93:9F-EF-C4-7E"}}' 'not a MAC address'
good '{"DASH_ENI:e": {"mac_address": "020000000001", "pl_underlay_sip": "1.1.1.1", "pl_sip_encoding": "::cb3a:16e5:ff71:0:0/::ffff:ffff:ffff:0:0"}}' \
	'{"DASH_ENI_TABLE:e": {"mac_address": "02:00:00:00:00:01", "pl_sip_encoding": "::cb3a:16e5:ff71:0:0/::ffff:ffff:ffff:0:0", "pl_underlay_sip": "1.1.1.1"}, "OP": "SET"}'
good '{"DASH_ENI:e": {"mac_address": "020000000001", "pl_sip_encoding": "0x0020000000000a0b0c0d0a0b/0x002000000000ffffffffffff"}}' \
	'{"DASH_ENI_TABLE:e": {"mac_address": "02:00:00:00:00:01", "pl_sip_encoding": "20::a0b:c0d:a0b:0:0/20::ffff:ffff:ffff:0:0"}, "OP": "SET"}'
for text in ::1 ::1/64 1.1.1.1/::ffff 0x/0x00 0x123/0xfff 0x0g/0xff \
	    0x000000000000000000000000000000000000/0xff ::1/; do
	bad "{\"DASH_ENI:e\": {\"pl_sip_encoding\": \"$text\"}}" 'pl_sip_encoding: '
done
bad '{"DASH_ENI:e": {"mode": "floating_nic_mode"}}' 'mode: not supported yet'
bad '{"DASH_ENI:e": {"dscp": 64}}' 'dscp: "64": not in 0..63'
bad '{"DASH_ENI:e": {"admin_state": "maybe"}}' 'admin_state: "maybe": not one of disabled, enabled'

# ACLs.
good '{"DASH_ACL_RULE:g:1": {"priority": "7", "action": "permit", "terminating": "true", "protocol": "6,udp", "src_addr": "10.0.0.0/8", "dst_port": ["80", "90-95", 443]}}' \
	'{"DASH_ACL_RULE_TABLE:g:1": {"priority": 7, "action": "allow", "terminating": true, "protocol": [6, 17], "src_addr": ["10.0.0.0/8"], "dst_port": ["80", "90-95", "443"]}, "OP": "SET"}'
good '{"DASH_ACL_OUT:f4:93:9f:ef:c4:7e:3": {"v4_acl_group_id": "g"}}' \
	'{"DASH_ACL_OUT_TABLE:f4939fefc47e:3": {"v4_acl_group_id": "g"}, "OP": "SET"}'
good '{"DASH_ACL_IN_TABLE:e:5": {}, "OP": "DEL"}' '{"DASH_ACL_IN_TABLE:e:5": {}, "OP": "DEL"}'
good '{"DASH_PREFIX_TAG:t": {"ip_version": "ipv4", "prefix_list": []}}' \
	'{"DASH_PREFIX_TAG_TABLE:t": {"ip_version": "ipv4"}, "OP": "SET"}'
bad '{"DASH_ACL_OUT:e:6": {}}' 'stage: "6": not in 1..5'
bad '{"DASH_ACL_OUT:e": {}}' 'stage: missing from the key'
bad '{"DASH_ACL_RULE:g:1": {"dst_port": "70000"}}' 'dst_port: "70000": not a number or range in 0..65535'
bad '{"DASH_ACL_RULE:g:1": {"src_addr": "10.0.0.0/33"}}' 'src_addr: "10.0.0.0/33": not a prefix'
bad '{"DASH_ACL_RULE:g:1": {"src_addr": "10.0.0.0/"}}' 'not a prefix'
bad '{"DASH_ACL_RULE:g:1": {"protocol": 256}}' 'protocol: "256": not an IP protocol'
bad '{"DASH_ACL_RULE:g:1": {"src_addr": "10.0.0.0/8 11.0.0.0/8"}}' 'blanks within a value'
warns '{"DASH_ACL_RULE:g:1": {"priority": 1, "action": "deny", "src_addr": "10.0.0.1/8"}}' 'DASH_ACL_RULE:g:1: src_addr: "10.0.0.1/8": the bits beyond'

bad '{"DASH_ACL_RULE:g:1": {"priority": 1}}' 'action: is missing'

# Routes: prefixes in keys.
good '{"DASH_ROUTE:g:fd00::/8": {"action_type": "vnet", "vnet": "v"}}' \
	'{"DASH_ROUTE_TABLE:g:fd00::/8": {"routing_type": "vnet", "vnet": "v"}, "OP": "SET"}'
good '{"DASH_ROUTE:g:10.0.0.0/8": {"prefix": "10.0.0.0/8", "routing_type": "direct", "appliance": "x", "metering_class": 5}}' \
	'{"DASH_ROUTE_TABLE:g:10.0.0.0/8": {"routing_type": "direct", "metering_class_or": 5, "appliance": "x"}, "OP": "SET"}'
good '{"DASH_ROUTE:g:10.0.0.0/8": {"routing_type": "vnet-encap", "underlay_ip": "1.1.1.1,2.2.2.2", "underlay": "ipv4"}}' \
	'{"DASH_ROUTE_TABLE:g:10.0.0.0/8": {"routing_type": "vnet_encap", "underlay": "ipv4", "underlay_ip": ["1.1.1.1", "2.2.2.2"]}, "OP": "SET"}'
bad '{"DASH_ROUTE:g:10.0.0.0/8": {"prefix": "11.0.0.0/8"}}' 'prefix: differs from "10.0.0.0/8" in the key'
bad '{"DASH_ROUTE:g:10.0.0.0/8": {"action_type": "vnet", "routing_type": "drop"}}' 'given twice'
bad '{"DASH_ROUTE:g:10.0.0.0/8": {"routing_type": "appliance"}}' 'routing_type: "appliance": not supported yet'
good '{"DASH_ROUTE:g:10.0.0.0/8": {"action_type": "servicetunnel", "overlay_sip": "fd00::1:0:0", "overlay_dip_prefix": "2603::0/96", "underlay_sip": "40.1.2.1"}}' \
	'{"DASH_ROUTE_TABLE:g:10.0.0.0/8": {"routing_type": "servicetunnel", "overlay_sip_prefix": "fd00::1:0:0/128", "overlay_dip_prefix": "2603::/96", "underlay_sip": "40.1.2.1"}, "OP": "SET"}'
bad '{"DASH_ROUTE:g:10.0.0.0/8": {"routing_type": "servicetunnel", "overlay_sip_prefix": "10.0.0.0/8"}}' 'overlay_sip_prefix: "10.0.0.0/8": not an IPv6 prefix'
good '{"DASH_ROUTE:g:10.0.0.0/8": {"routing_type": "snat", "nat_ip": "1.1.1.1"}}' \
	'{"DASH_ROUTE_TABLE:g:10.0.0.0/8": {"routing_type": "snat", "nat_ip": "1.1.1.1"}, "OP": "SET"}'
good '{"DASH_ROUTE:g:10.0.0.0/255.128.0.0": {"routing_type": "drop"}}' \
	'{"DASH_ROUTE_TABLE:g:10.0.0.0/9": {"routing_type": "drop"}, "OP": "SET"}'
bad '{"DASH_ROUTE:g:10.0.0.0/255.1.0.0": {"routing_type": "drop"}}' 'prefix: "10.0.0.0/255.1.0.0": not a prefix'
good '{"DASH_VNET_MAPPING:v:10.0.0.1": {"routing_type": "privatelink", "underlay_ip": "1.1.1.1", "overlay_sip_prefix": "fd40:108::/ffff:ffff:ffff:ffff:ffff:ffff::", "overlay_dip_prefix": "2603::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}}' \
	'{"DASH_VNET_MAPPING_TABLE:v:10.0.0.1": {"routing_type": "privatelink", "underlay_ip": "1.1.1.1", "overlay_sip_prefix": "fd40:108::/96", "overlay_dip_prefix": "2603::1/128"}, "OP": "SET"}'
good '{"DASH_ROUTING_TYPE:t": {"items": [{"action_name": "a", "action_type": "static_encap", "encap_type": "nvgre", "vni": 1}, {"action_name": "b", "action_type": "4_to_6"}]}}' \
	'{"DASH_ROUTING_TYPE_TABLE:t": [{"name": "a", "action_type": "staticencap", "encap_type": "nvgre", "vni": 1}, {"name": "b", "action_type": "4to6"}], "OP": "SET"}'
bad '{"DASH_ROUTE:g": {"routing_type": "drop"}}' 'prefix: missing from the key'
warns '{"DASH_ROUTE:g:10.0.0.1/8": {"routing_type": "drop"}}' 'DASH_ROUTE:g:10.0.0.1/8: prefix: "10.0.0.1/8": the bits beyond'

# Route rules: prefix and priority may be anywhere.
rule() { good "{\"DASH_ROUTE_RULE:$1\": {\"action_type\": \"decap\"${2:-}}}" "$3"; }
rule F4939FEFC47E:45654:101.1.2.3/32:1 '' '{"DASH_ROUTE_RULE_TABLE:F4939FEFC47E:45654:101.1.2.3/32:1": {"action_type": "decap"}, "OP": "SET"}'
rule F4939FEFC47E:45654:101.1.2.3/32 ', "priority": 1' '{"DASH_ROUTE_RULE_TABLE:F4939FEFC47E:45654:101.1.2.3/32:1": {"action_type": "decap"}, "OP": "SET"}'
rule e:5:101.1.2.3:1 '' '{"DASH_ROUTE_RULE_TABLE:e:5:101.1.2.3/32:1": {"action_type": "decap"}, "OP": "SET"}'
rule e:5:2001:db8::/32:7 '' '{"DASH_ROUTE_RULE_TABLE:e:5:2001:db8::/32:7": {"action_type": "decap"}, "OP": "SET"}'
rule e:5:2001:db8::1 ', "priority": "7"' '{"DASH_ROUTE_RULE_TABLE:e:5:2001:db8::1/128:7": {"action_type": "decap"}, "OP": "SET"}'
rule e:5 ', "priority": 2' '{"DASH_ROUTE_RULE_TABLE:e:5": {"priority": 2, "action_type": "decap"}, "OP": "SET"}'
rule e:5:2 '' '{"DASH_ROUTE_RULE_TABLE:e:5": {"priority": 2, "action_type": "decap"}, "OP": "SET"}'
rule e:5::2 '' '{"DASH_ROUTE_RULE_TABLE:e:5": {"priority": 2, "action_type": "decap"}, "OP": "SET"}'
rule f4:93:9f:ef:c4:7e:5:10.0.0.0/8:1 '' '{"DASH_ROUTE_RULE_TABLE:f4939fefc47e:5:10.0.0.0/8:1": {"action_type": "decap"}, "OP": "SET"}'
rule e:5:10.0.0.0/8:1 ', "priority": "1", "protocol": 0, "pa_validation": "true"' '{"DASH_ROUTE_RULE_TABLE:e:5:10.0.0.0/8:1": {"action_type": "decap"}, "OP": "SET"}'
bad '{"DASH_ROUTE_RULE:e:5:10.0.0.0/8:1": {"priority": 2}}' 'priority: differs from "1" in the key'
bad '{"DASH_ROUTE_RULE:e": {"priority": 2}}' 'vni: missing from the key'
bad '{"DASH_ROUTE_RULE:e:x:10.0.0.0/8:1": {}}' 'vni: "x": not a whole number'
bad '{"DASH_ROUTE_RULE:e:5:tag1:1": {}}' 'prefix: "tag1": not a prefix'

bad '{"DASH_ROUTE_RULE:e:5:10.0.0.0/8": {"action_type": "drop"}}' 'priority: is missing'
good '{"DASH_ROUTE_RULE:e:5:10.0.0.0/8": {}, "OP": "DEL"}' '{"DASH_ROUTE_RULE_TABLE:e:5:10.0.0.0/8": {}, "OP": "DEL"}'
bad '{"DASH_ROUTE_RULE:e:5:10.0.0.0/8:1": {}}' 'action_type: is missing'

# Mappings, types, meters.
good '{"DASH_VNET_MAPPING:v:fd00::1": {"action_type": "vnet_encap", "pa_addr": "1.1.1.1", "override_meter": true, "metering_class": 1}}' \
	'{"DASH_VNET_MAPPING_TABLE:v:fd00::1": {"routing_type": "vnet_encap", "underlay_ip": "1.1.1.1", "metering_class_or": 1}, "OP": "SET"}'
bad '{"DASH_VNET_MAPPING:v:10.0.0.1": {"underlay_ip6": "1.1.1.1"}}' 'underlay_ip6: "1.1.1.1": not an IPv6 address'
bad '{"DASH_VNET_MAPPING:v:10.0.0.1/32": {}}' 'ip: "10.0.0.1/32": not an IP address'
bad '{"DASH_VNET_MAPPING:v:10.0.0.1": {"tunnel": "t"}}' 'tunnel: not supported yet'

# Counters are asked for; what they have counted is no configuration.
good '{"DASH_VNET_MAPPING:v:10.0.0.1": {"underlay_ip": "1.1.1.1", "counter": "true", "packets": 1, "reply_bytes": 2}}' \
	'{"DASH_VNET_MAPPING_TABLE:v:10.0.0.1": {"underlay_ip": "1.1.1.1", "counter": true}, "OP": "SET"}'
good '{"DASH_ROUTE:g:10.0.0.0/8": {"routing_type": "drop", "counter": 1, "bytes": 3}}' \
	'{"DASH_ROUTE_TABLE:g:10.0.0.0/8": {"routing_type": "drop", "counter": true}, "OP": "SET"}'
good '{"DASH_ROUTE_RULE:e:5:10.0.0.0/8:1": {"action_type": "decap", "counter": true, "reply_packets": 1}}' \
	'{"DASH_ROUTE_RULE_TABLE:e:5:10.0.0.0/8:1": {"action_type": "decap", "counter": true}, "OP": "SET"}'
good '{"DASH_ACL_RULE:g:1": {"priority": 1, "action": "deny", "counter": true, "hits": 1, "packets": 1}}' \
	'{"DASH_ACL_RULE_TABLE:g:1": {"priority": 1, "action": "deny", "counter": true}, "OP": "SET"}'
good '{"DASH_ROUTE:g:10.0.0.0/8": {"routing_type": "drop", "counter": false}}' \
	'{"DASH_ROUTE_TABLE:g:10.0.0.0/8": {"routing_type": "drop"}, "OP": "SET"}'

good '{"DASH_ROUTING_TYPE:t": [{"action_name": "a", "action_type": "4to6"}, {"name": "b", "action_type": "staticencap", "encap_type": "nvgre", "vni": "100"}]}' \
	'{"DASH_ROUTING_TYPE_TABLE:t": [{"name": "a", "action_type": "4to6"}, {"name": "b", "action_type": "staticencap", "encap_type": "nvgre", "vni": 100}], "OP": "SET"}'
good '{"DASH_ROUTING_TYPE:t": {"name": "a", "action_type": "maprouting"}}' \
	'{"DASH_ROUTING_TYPE_TABLE:t": {"name": "a", "action_type": "maprouting"}, "OP": "SET"}'
bad '{"DASH_ROUTING_TYPE:t": [{"action_type": "fly"}]}' 'action_type: "fly": not one of maprouting'
bad '{"DASH_ROUTING_TYPE:t": "x"}' 'the value must be an object or a list of objects'
good '{"DASH_METER_POLICY": {"meter_policy_id": "p", "ip_version": "ipv4"}}' \
	'{"DASH_METER_POLICY:p": {"ip_version": "ipv4"}, "OP": "SET"}'
good '{"DASH_METER_RULE": {"meter_policy_id": "p", "rule_num": "1", "priority": 0, "ip_prefix": "1.1.1.1/32", "metering_class": 2}}' \
	'{"DASH_METER_RULE:p:1": {"priority": 0, "ip_prefix": "1.1.1.1/32", "metering_class": 2}, "OP": "SET"}'
good '{"DASH_METER_RULE": {"meter_policy_id": "p", "rule_num": 1}, "OP": "DEL"}' '{"DASH_METER_RULE:p:1": {}, "OP": "DEL"}'
good '{"DASH_METER:e:7": {"metadata": "m", "tx_counter": 1}}' '{"DASH_METER:e:7": {"metadata": "m"}, "OP": "SET"}'
good '{"DASH_PA_VALIDATION:100": {"prefixes": "1.0.0.0/8"}}' '{"DASH_PA_VALIDATION_TABLE:100": {"addresses": ["1.0.0.0/8"]}, "OP": "SET"}'
bad "{\"DASH_VNET_TABLE:$(printf 'x%.0s' {1..64})\": {}}" 'longer than 63 bytes'

# Files that are no lists of rows.
broken '' 1 'empty, not a JSON list'
broken '{}' 1 "not a JSON list of rows"
broken '\n[\n {"DASH_VNET:v": {"vni": 1}},\n]\n' 4 'a comma before the end of the list'
broken '[\n {"DASH_VNET:v": {"vni": 1}}\n {"DASH_VNET:w": {}}]' 3 "neither ',' nor ']' after a row"
broken '[\n {"DASH_VNET:v": {"vni": 1,}}]' 2 'not JSON'
broken '[\n {"DASH_VNET:v":\n  {"vni" 1}}]' 3 'not JSON'
broken '[\n {"DASH_VNET:v": {' 2 'the file ends within a row'
broken '[\n {"DASH_VNET:v": {"vni": 1}}\n' 3 'the file ends within the list'
broken '[]\nx' 2 'something follows the list'
broken '[{"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": {"j": {"k": {"l": {"m": {"n": {"o": {"p": {"q": 1}}}}}}}}}}}}}}}}}]' 1 'not JSON'

# What is unknown can be ignored.
cat >"$tmp/in" <<'END'
[
 {"DASH_FOO_TABLE:x": {"a": 1}, "OP": "SET"},
 {"DASH_VNET_TABLE:v": {"vni": 1, "colour": "red"}, "OP": "SET"},
 {"DASH_OUTBOUND_PORT_MAP_TABLE:t": {}, "OP": "SET"}
]
END
rows "$tmp/in" --ignore-unknown >"$tmp/out" && [ "$(grep -c DASH_ "$tmp/out")" = 1 ]
result $? "--ignore-unknown" "$(cat "$tmp/err" "$tmp/out")"

# Rows and chunks: names the right line among many, whatever the chunk boundaries.
awk 'BEGIN {
	print "["
	for (i = 0; i < 20000; i++)
		printf " {\"DASH_VNET_MAPPING_TABLE:v:10.0.%d.%d\": {\"underlay_ip\": \"%s\"}},\n", i / 256, i % 256, i == 17000 ? "x" : "1.1.1.1"
	print "{}]"
}' >"$tmp/in"
rows "$tmp/in" >"$tmp/out"
grep -qF "$tmp/in:17002: DASH_VNET_MAPPING_TABLE:v:10.0.66.104: underlay_ip: \"x\": not an IP address" "$tmp/err"
result $? "line numbers in a long file" "$(cat "$tmp/err")"
"$program" rows - <"$tmp/in" >"$tmp/out" 2>"$tmp/err"
grep -qF "<stdin>:17002: " "$tmp/err"
result $? "line numbers of a pipe" "$(cat "$tmp/err")"

# Rows of more bytes than an attribute holds.
awk 'BEGIN {
	printf "[{\"DASH_PREFIX_TAG_TABLE:t\": {\"ip_version\": \"ipv4\", \"prefix_list\": ["
	for (i = 0; i < 24000; i++)
		printf "%s\"10.%d.%d.%d/32\"", i ? ", " : "", i / 65536, i / 256 % 256, i % 256
	print "]}}]"
}' >"$tmp/in"
rows "$tmp/in" >"$tmp/out" && [ "$(grep -o '10[.0-9]*/32' "$tmp/out" | sort -u | wc -l)" = 24000 ]
result $? "a tag of 24000 prefixes" "$(cat "$tmp/err")"

# The examples.
for f in "$examples"/*.json; do
	rows "$f" >"$tmp/out" && [ ! -s "$tmp/err" ] &&
		rows "$tmp/out" >"$tmp/again" && cmp -s "$tmp/out" "$tmp/again"
	result $? "example ${f##*/}" "$(cat "$tmp/err")"
done

# Calls.
call 1 'unknown object or command "nonsense"' nonsense
call 1 'unknown option "-x"' -x vnet show
call 1 'one word too many' save x
call 1 'which file?' load
call 1 'No such file' load /nonexistent
call 1 'is a directory' load /
call 1 'network namespace "nowhere"' -n nowhere vnet show
call 1 'the key is missing' vnet add
call 1 'no field "vin"' vnet add v vin 1
call 1 'the value of "vni" is missing' vnet add v vni
call 1 'given twice' vnet add v vni 1 vni 2
call 1 'of what kind?' acl add x
call 1 'neither in nor out' acl bind e sideways 1 v4 g
call 1 'unknown command "fly"' vnet fly
call 1 'no filter "colour"' flow show colour red
call 1 'state: "sleepy": not one of syn_sent' flow show state sleepy
call 1 'src: "10.0.0.0/40": not a prefix' flow show src 10.0.0.0/40
call 1 'no filter "by"' flow count by bytes
call 1 'top: "0": not in 1..1000' flow show top 0 by bytes
call 1 'show top N by bytes' flow show top 5
call 1 'by: "luck": not one of bytes' flow show top 5 by luck
call 1 'no field "packets"' flow add eni e forward packets 1
call 1 'no field "state"' flow del eni e state new
call 1 '-o: which file?' save --flows -o
call 1 '"x": one word too many' save --flows x
call 1 '--flows loads connections only' load --flows --check x
call 1 'No such file' load --flows "$tmp/none"
printf 'DASHFLOW\1\0\0\0\4\3\2\1' >"$tmp/flows"
call 1 'at byte 16: the file ends too early' load --flows "$tmp/flows"
printf '\10\0\1\0abc' >>"$tmp/flows"
call 1 'at byte 16: the file ends within this record' load --flows "$tmp/flows"
printf '[]' >"$tmp/flows"
call 1 'at byte 0: this is no file of connections' load --flows "$tmp/flows"
call 1 'explain: proto is missing' explain eni e outbound src 1.1.1.1 dst 2.2.2.2
call 1 'src: "x": not an IP address' explain eni e outbound src x dst 2.2.2.2 proto tcp
call 0 'Usage: dashctl' help
call 0 'trusted_vnis_list' help appliance
call 0 dashctl -V
printf '# comment\n\nvnet add "v\n' >"$tmp/batch"
call 1 "$tmp/batch:3: a quote is not closed" -b "$tmp/batch"
printf '# comment\n\nhelp vnet # more\nbogus\n' >"$tmp/batch"
call 1 "$tmp/batch:4: unknown object" -b "$tmp/batch"

echo "1..$n"
[ $failed = 0 ]
