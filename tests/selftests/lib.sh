# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the selftests in bash share. A script defines functions, lists them in
# TESTS as "function description" and ends with run_tests. Within one, "fail
# TEXT" and "skip WHY" end it; a command that fails does so as well when it is
# run by "must".

set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034 # used by the scripts
TOP=$(cd "$HERE/../.." && pwd)

# How much slower than natively things may take, for deadlines only.
case ${DASH_KERNEL:-} in
uml) SLOW=1 ;;
uml-debug) SLOW=4 ;;
6.*) SLOW=12 ;;
*) SLOW=2 ;;
esac

# As in dashtest.py
# shellcheck disable=SC2034 # used by the scripts
VIP=100.0.0.254 VIP6=fd00:100::fe VM_VNI=9000

# Namespaces of this script begin with it, so that they are found again.
NS=dt$$

TMP=$(mktemp -d)
TESTS=()
STOCK=()

ns_name()
{
	echo "$NS-$1"
}

# ns_add NAME...: namespaces with lo up, without addresses that come by
# themselves.
ns_add()
{
	local n

	for n; do
		ip netns add "$NS-$n" || return
		ns "$n" sysctl -qw net.ipv6.conf.default.accept_dad=0 \
			net.ipv6.conf.all.accept_dad=0 \
			net.ipv6.conf.default.accept_ra=0 \
			net.ipv6.conf.default.router_solicitations=0 || return
		ns "$n" ip link set lo up || return
	done
}

# ns NAME COMMAND...
ns()
{
	local n=$1

	shift
	ip netns exec "$NS-$n" "$@"
}

ns_del()
{
	local n

	for n; do
		ip netns del "$NS-$n" 2>/dev/null
	done
}

# ctl NAME ARGUMENTS...: dashctl in that namespace
ctl()
{
	local n=$1

	shift
	"${DASHCTL:-dashctl}" -n "$NS-$n" "$@"
}

# veth NS DEV MAC NS DEV MAC: connect two namespaces
veth()
{
	ip -n "$NS-$1" link add "$2" address "$3" type veth \
		peer name "$5" address "$6" netns "$NS-$4" &&
		ip -n "$NS-$1" link set "$2" up &&
		ip -n "$NS-$4" link set "$5" up
}

diag()
{
	printf '# %s\n' "${*//$'\n'/$'\n'# }"
}

fail()
{
	diag "$*"
	exit 1
}

skip()
{
	echo "$*" >"$TMP/skip"
	exit 4
}

# must COMMAND...: it succeeds, or the test fails and shows its output
must()
{
	local out

	out=$("$@" 2>&1) || fail "$*: exit status $?"$'\n'"$out"
	[ -z "$out" ] || printf '%s\n' "$out" >&2
}

# must_fail STATUS COMMAND...: it fails with just that exit status
must_fail()
{
	local want=$1 out rc=0

	shift
	out=$("$@" 2>&1) || rc=$?
	[ $rc = "$want" ] ||
		fail "$*: exit status $rc instead of $want"$'\n'"$out"
	printf '%s\n' "$out"
}

# eventually SECONDS COMMAND...: it succeeds within that time
eventually()
{
	local end=$((SECONDS + $1 * SLOW))

	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# stat NS JQ: a number of dashctl's statistics
stat()
{
	ctl "$1" -j stats | jq "$2"
}

# check_sums NS: every packet was sent or is counted as dropped, once.
check_sums()
{
	local wrong

	wrong=$(ctl "$1" -j stats | jq -c '
		(.ports[] | select(.ours != .to_eni + ([.drops[]] | add // 0))),
		(.enis[] | .eni as $e | .outbound, .inbound |
		 select(.rx_packets != .tx_packets + ([.drops[]] | add // 0)) |
		 {eni: $e} + .)') || fail "no statistics of $1"
	[ -z "$wrong" ] || fail "counters do not add up: $wrong"
}

end_test()
{
	# What runs in the background within a test ends with it.
	local pids

	pids=$(jobs -p)
	# shellcheck disable=SC2086 # a list
	[ -z "$pids" ] || { kill $pids; wait $pids; } 2>/dev/null
}

cleanup()
{
	local n

	for n in $(ip netns list | awk -v p="$NS-" 'index($1, p) == 1 {print $1}'); do
		ip netns del "$n" 2>/dev/null
	done
	rm -rf "$TMP"
}

run_tests()
{
	local n=0 bad=0 skipped=0 todo=() t name rc

	trap cleanup EXIT
	for t in "${TESTS[@]}"; do
		[ "${DASH_SUBSET:-}" != stock ] ||
			[[ " ${STOCK[*]} " == *" ${t%% *} "* ]] || continue
		todo+=("$t")
	done
	echo "KTAP version 1"
	echo "1..${#todo[@]}"
	for t in "${todo[@]}"; do
		n=$((n + 1))
		name=${t#* }
		rm -f "$TMP/skip"
		rc=0
		# A subshell of its own each, whose output is all diagnostics.
		(
			trap end_test EXIT
			"${t%% *}"
		) >"$TMP/out" 2>&1 || rc=$?
		if [ $rc = 4 ] && [ -e "$TMP/skip" ]; then
			skipped=$((skipped + 1))
			echo "ok $n $name # SKIP $(<"$TMP/skip")"
		elif [ $rc = 0 ]; then
			# figures that are of interest in any case
			grep '^# figure: ' "$TMP/out"
			echo "ok $n $name"
		else
			bad=$((bad + 1))
			sed 's/^\(# \)*/# /' "$TMP/out"
			echo "not ok $n $name"
		fi
	done
	[ $bad = 0 ] || exit 1
	[ "$skipped" -lt $n ] || [ $n = 0 ] || exit 4
	exit 0
}
