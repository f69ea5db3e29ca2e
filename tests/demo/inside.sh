#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The demo's part inside of the virtual machine. Called by scripts/demo.sh.
set -uo pipefail

CONFIG=${DASH_DEMO_CONFIG:-Documentation/examples/seed-consistent.json}
ENI=020000000001
dir=/tmp/demo
failed=0 checks=0
mkdir -p $dir

head1()
{
	printf '\n=== %s\n' "$1"
}

say()
{
	printf '%s\n' "$@"
}

# show COMMAND...: print it as one types it, run it; the output also to $out.
show()
{
	printf '$ %s\n' "$*"
	out=$("$@" 2>&1)
	rc=$?
	[ -z "$out" ] || printf '%s\n' "$out"
	return $rc
}

# check WHAT COMMAND...: does the command succeed?
check()
{
	local what=$1

	shift
	checks=$((checks + 1))
	if "$@" >/dev/null 2>&1; then
		say "  [ok] $what"
	else
		failed=$((failed + 1))
		say "  [NOT AS PROMISED] $what"
	fi
}

has()
{
	[[ $out == *"$1"* ]]
}

# jq's exit status tells whether the filter is true of the JSON in $json.
json()
{
	jq -e "$1" <<<"$json"
}

in_ns()
{
	local ns=$1

	shift
	ip netns exec "$ns" "$@"
}

say "kernel       $(uname -r) ($(uname -m))"
cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
case $cpu in
*TCG*) say "accelerator  none: QEMU emulates the CPU (TCG, \"$cpu\")" ;;
*UML*) say "accelerator  none: User Mode Linux, native code" ;;
'') say "accelerator  none: User Mode Linux, native code" ;;
*) say "accelerator  KVM ($cpu)" ;;
esac

# ---------------------------------------------------------------------------
head1 "1. The network"
cat <<'EOF'
   namespace vm1                                         namespace vm2
   10.0.0.1, Mac1 = 02:00:00:00:00:01                    10.0.0.2, Mac2 = ..:02
        |                                                     |
   namespace hv1, 100.0.0.1                              namespace hv2, 100.0.0.2
   the kernel's vxlan device:                            the kernel's vxlan device:
   VNI 9000 to the appliance                             VNI 200 to the appliance
        |             underlay 100.0.0.0/24, a bridge         |
        +-------------------------+---------------------------+
                                  |
                     namespace app, VIP 100.0.0.254
                     dash.ko attached to up0

   Outbound: what vm1 sends arrives with VNI 9000, the one reserved for "from a
   VM"; policy decides about a connection's first packet, and the packet goes
   to hypervisor 2 with the VNI of vm2's mapping, 200.
   Back: hypervisor 2 answers to the appliance, with VNI 200. That belongs to
   the connection; it goes to hypervisor 1, which has VNI 9000.
EOF

# Without IPv6 nobody looks for neighbours and routers between the packets shown.
no_ipv6='echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
bash -c "$no_ipv6"
for ns in app hv1 hv2 vm1 vm2; do
	echo "netns add $ns"
done >"$dir/namespaces"
cat >"$dir/all" <<'EOF'
link add underlay type bridge
link set underlay up
link add w-app type veth peer name up0 netns app
link add w-hv1 type veth peer name up0 netns hv1
link add w-hv2 type veth peer name up0 netns hv2
link set w-app master underlay up
link set w-hv1 master underlay up
link set w-hv2 master underlay up
EOF
cat >"$dir/app" <<'EOF'
addr add 100.0.0.254/24 dev up0
link set up0 up
EOF
for i in 1 2; do
	[ $i = 1 ] && vni=9000 || vni=200
	cat >"$dir/hv$i" <<EOF
addr add 100.0.0.$i/24 dev up0
link set up0 up
link add vx type vxlan id $vni local 100.0.0.$i remote 100.0.0.254 dstport 4789 nolearning
link add br0 type bridge
link add tap0 mtu 1450 type veth peer name eth0 mtu 1450 address 02:00:00:00:00:0$i netns vm$i
link set vx master br0 up
link set tap0 master br0 up
link set br0 up
EOF
	cat >"$dir/vm$i" <<EOF
addr add 10.0.0.$i/24 dev eth0
link set eth0 up
EOF
done
# The hypervisor gives its VM the appliance's fake MAC for everybody else.
for i in 2 10 11; do
	echo "neigh add 10.0.0.$i lladdr 12:34:56:78:9a:bc dev eth0"
done >>"$dir/vm1"
echo "neigh add 10.0.0.1 lladdr 02:00:00:00:00:01 dev eth0" >>"$dir/vm2"
ip -batch "$dir/namespaces" || exit 1
ip -all netns exec bash -c "$no_ipv6" >/dev/null
ip -batch "$dir/all" || exit 1
for ns in app hv1 hv2 vm1 vm2; do
	ip -n $ns -batch "$dir/$ns" || exit 1
done

# ---------------------------------------------------------------------------
head1 "2. The module, a port, the worked example of the VNET-to-VNET document"
show insmod "$DASH_KO" || exit 1
show dashctl -n app load "$CONFIG" || exit 1
show dashctl -n app port add up0 underlay || exit 1
say "Connections that are over shall stay long enough to be looked at:"
show dashctl -n app appliance set timeout_time_wait 120 timeout_icmp 120 || exit 1

# The first packet on the wire of each side, with IPv4 in VXLAN
tcpdump -Z root -i w-hv1 -U -c 1 -w "$dir/before.pcap" \
	'src host 100.0.0.1 and udp dst port 4789 and udp[28:2] = 0x0800' 2>"$dir/log1" &
tcpdump -Z root -i w-hv2 -U -c 1 -w "$dir/after.pcap" \
	'src host 100.0.0.254 and udp dst port 4789 and udp[28:2] = 0x0800' 2>"$dir/log2" &
in_ns vm2 socat TCP-LISTEN:7000,reuseaddr EXEC:sha256sum &
for _ in {1..100}; do
	grep -q listening "$dir/log1" && grep -q listening "$dir/log2" && break
	sleep 0.2
done

# ---------------------------------------------------------------------------
head1 "3. vm1 pings vm2"
show ip netns exec vm1 ping -c 3 -i 0.3 -W 5 10.0.0.2
check "3 of 3 pings answered" has "3 received"

# ---------------------------------------------------------------------------
head1 "4. One packet before and after the appliance, on the wires"
say "On the wire of hypervisor 1:"
show tcpdump -nn -e -t -r "$dir/before.pcap"
check "outer 100.0.0.1 -> 100.0.0.254, UDP port 4789" \
	has " > 100.0.0.254.4789: VXLAN"
check "VNI 9000" has "vni 9000"
check "inner Mac1 -> 12:34:56:78:9a:bc" \
	has "02:00:00:00:00:01 > 12:34:56:78:9a:bc"
say "" "On the wire of hypervisor 2:"
show tcpdump -nn -e -t -r "$dir/after.pcap"
check "outer: the VIP 100.0.0.254 -> 100.0.0.2, the PA in vm2's mapping" \
	has "100.0.0.2.4789: VXLAN"
check "VNI 200, that of vm2's mapping" has "vni 200"
check "inner Mac1 kept, destination rewritten to Mac2" \
	has "02:00:00:00:00:01 > 02:00:00:00:00:02"
# 24 + 16 bytes of the file, 50 of outer headers, 6 of the inner destination
check "everything behind the inner destination MAC is the same, byte for byte" \
	cmp <(tail -c +97 "$dir/before.pcap") <(tail -c +97 "$dir/after.pcap")

# ---------------------------------------------------------------------------
head1 "5. A TCP connection, half a megabyte; vm2 answers with the checksum"
head -c 524288 /dev/urandom >"$dir/data"
sum=$(sha256sum <"$dir/data")
say "sent         $sum"
for _ in {1..100}; do
	in_ns vm2 grep -q ':1B58 .* 0A ' /proc/net/tcp && break
	sleep 0.2
done
say "\$ ip netns exec vm1 socat -t 60 - TCP:10.0.0.2:7000,sourceport=40000 <data"
out=$(timeout 120 ip netns exec vm1 socat -t 60 - TCP:10.0.0.2:7000,sourceport=40000 <"$dir/data" 2>&1)
say "vm2 answers  $out"
check "vm2 received what vm1 sent, and its answer came back" test "$out" = "$sum"

# ---------------------------------------------------------------------------
head1 "6. The connections"
show dashctl -n app flow show
json=$(dashctl -n app -j flow show)
check "ICMP: both directions counted, 3 packets each" json '
	[.flows[] | select(.proto == "icmp") | .forward.packets, .reverse.packets] == [3, 3]'
check "TCP: forward to 100.0.0.2 with VNI 200, back to 100.0.0.1 with VNI 9000" json '
	[.flows[] | select(.proto == "tcp") |
	 .forward.outer_dst, .forward.vni, .reverse.outer_dst, .reverse.vni] ==
	["100.0.0.2", 200, "100.0.0.1", 9000]'

# ---------------------------------------------------------------------------
head1 "7. The document's summary, as dashctl explain has it"
say "What would happen to packets of the VM to these addresses. It is the pipeline" \
    "itself that answers; nothing changes by asking."
: >"$dir/explain"
for dst in 10.0.0.10 10.0.0.11 10.0.0.2 10.0.0.3; do
	dashctl -n app -j explain eni $ENI outbound src 10.0.0.1 dst $dst \
		proto tcp dport 80 >>"$dir/explain"
done
json=$(jq -s . "$dir/explain")
jq -r 'def w($n): tostring | . + " " * ($n - length);
	(["TO", "ACL", "ROUTE", "PA", "VNI", "INNER DMAC", "RESULT"], (.[] |
	 [.dst,
	  (.stages | map("\(.stage):" + .action) | join(" ")),
	  (if .route then .route.prefix // (.route | tostring) else "-" end),
	  (.packet.outer_dst // "-"), (.packet.vni // "-"),
	  (.packet.inner_dst_mac // "-"), (.reason // "allowed")])) |
	(.[0] | w(11)) + (.[1] | w(25)) + (.[2] | w(13)) + (.[3] | w(11)) +
	(.[4] | w(5)) + (.[5] | w(19)) + .[6]' <<<"$json"
say ""
show dashctl -n app explain eni $ENI outbound src 10.0.0.1 dst 10.0.0.11 \
	proto tcp dport 80
check "10.0.0.10 is denied in stage 1, by ACL1" json '
	.[0] | .reason == "acl_deny" and (.stages | map(.group)) == ["ACL1"]'
check "10.0.0.11 is denied in stage 2, by ACL2" json '
	.[1] | .reason == "acl_deny" and (.stages | map(.group)) == ["ACL1", "ACL2"]'
check "10.0.0.2 goes to 100.0.0.2, VNI 200, Mac2" json '
	.[2].packet | [.outer_src, .outer_dst, .vni, .inner_dst_mac] ==
	["100.0.0.254", "100.0.0.2", 200, "02:00:00:00:00:02"]'
check "10.0.0.3 goes to 100.0.0.3, VNI 300, Mac3" json '
	.[3].packet | [.outer_src, .outer_dst, .vni, .inner_dst_mac] ==
	["100.0.0.254", "100.0.0.3", 300, "02:00:00:00:00:03"]'

# ---------------------------------------------------------------------------
head1 "8. A denied ping, and where it is counted"
show ip netns exec vm1 ping -c 2 -i 0.3 -W 1 10.0.0.10
check "no answer" has "0 received"
say ""
show dashctl -n app stats
json=$(dashctl -n app -j stats)
check "both packets were dropped, reason acl_deny" json '
	.enis[0].outbound.drops == {"acl_deny": 2}'
check "at ACL stage 1, where ACL1 is bound" json '
	.enis[0].outbound.acl_drops == {"1": 2}'
check "every packet sent or dropped: rx = tx + drops, in both directions" json '
	[.enis[0] | .outbound, .inbound |
	 .rx_packets == .tx_packets + ([.drops[]] | add // 0)] | all'
check "the port: ours = to ENIs + dropped before" json '
	.ports[0] | .ours == .to_eni + ([(.drops // {})[]] | add // 0)'

# ---------------------------------------------------------------------------
head1 "9. Away again"
ip -all netns del
show rmmod dash
check "the module is gone" test ! -e /sys/module/dash

rm -rf "$dir"
say "" "$checks promises checked, $failed not kept."
[ $failed = 0 ]
