#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boot a kernel, run a command in it as root:
#
#   tests/vm/run.sh KERNEL [--smp N] [--mem MB] [--timeout S] [--no-module]
#                   [--] COMMAND...
#
# KERNEL is uml, uml-debug, uml-gcov (User Mode Linux, built from
# linux-source-6.12), 6.1 or 6.12 (Debian's kernels under QEMU). What is missing
# is downloaded and built first, into ~/.cache/dash.
#
# Inside, the host's whole tree is at its place, in its present state, and can
# be written: what is written vanishes with the machine, except below
# $DASH_OUT, which is copied to DIR when the caller sets DASH_OUT=DIR. The
# working directory is the project's top. $DASH_KO and $DASH_KUNIT_KO (with
# DASH_BENCH=1 $DASH_BENCH_KO, too) are the modules, built for that kernel;
# dashctl is in the PATH. CI and all variables
# DASH_* and BENCH_* are passed in. --no-module builds neither.
#
# Output and exit status are the command's, except:
#
#   3    the kernel had something to complain about (WARNING, KASAN, lockdep,
#        kmemleak, ... or a panic); what, is shown on stderr
#   124  the time was up (--timeout, 600 s unless given)
#   125  no such kernel, the module does not build, the machine did not start
#
# The kernel's console goes to a file in ~/.cache/dash/logs; the end of it is
# shown on stderr when the run fails. Set DASH_VM_CONSOLE=FILE to have it
# elsewhere, DASH_VM_VERBOSE=1 to have it on stderr as it comes.
set -euo pipefail
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# Lines that no run may leave on the console.
TROUBLE='WARNING: |BUG: |BUG at |kernel BUG |Oops|KASAN: |KCSAN: |UBSAN: '
TROUBLE+='|INFO: possible|possible [a-z ,>-]+ (detected|dependency)'
TROUBLE+='|suspicious RCU usage|inconsistent lock state|lock held when returning'
TROUBLE+='|held lock freed|bad unlock balance|DEBUG_LOCKS_WARN_ON'
TROUBLE+='|trying to register non-static key|sleeping function called'
TROUBLE+='|scheduling while atomic|unregister_netdevice: waiting'
TROUBLE+='|blocked for more than|detected stalls|self-detected stall|stall on CPU'
TROUBLE+='|soft lockup|hard LOCKUP|refcount_t: |ODEBUG: |[0-9]+ new suspected memory'
TROUBLE+='|unreferenced object|list_(add|del) corruption|general protection fault'
TROUBLE+='|unable to handle|Kernel panic|Kernel mode fault|stack-protector:'
TROUBLE+='|leaked reference|ref_tracker: |netdev_tracker|workqueue lockup'

usage()
{
	sed -n '5,7s/^# *//p' "$0" >&2
	exit 125
}

smp='' mem='' timeout=600 module=1
[ $# -gt 0 ] || usage
kernel=$1
shift
while [ $# -gt 0 ]; do
	case $1 in
	--smp | --mem | --timeout)
		[[ ${2:-} =~ ^[0-9]+$ ]] || usage
		printf -v "${1#--}" %s "$2"
		shift 2
		;;
	--no-module)
		module=
		shift
		;;
	--)
		shift
		break
		;;
	-*)
		usage
		;;
	*)
		break
		;;
	esac
done
[ $# -gt 0 ] || usage
[[ " $KERNELS " == *" $kernel "* ]] || die "no such kernel: $kernel (there are: $KERNELS)"

"$TOP/scripts/setup.sh" build test
kdir=$("$VMDIR/kernel.sh" "$kernel")

# Directories of runs that were killed the hard way: their lock is free.
for dir in "$CACHE"/run/*/; do
	[ ! -e "$dir/lock" ] || flock -n "$dir/lock" rm -rf "$dir" || true
done

run=$(mktemp -d "$CACHE/run/$kernel.XXXXXX")
exec {lock}>"$run/lock.new"
flock "$lock"
mv "$run/lock.new" "$run/lock"
vm='' tail=''
# shellcheck disable=SC2317 # called by trap
cleanup()
{
	trap - EXIT
	# The machine lives in a process id namespace of its own: with its
	# first process all others go.
	[ -z "$vm" ] || kill -KILL "$vm" 2>/dev/null || true
	[ -z "$tail" ] || kill "$tail" 2>/dev/null || true
	wait 2>/dev/null || true
	rm -rf "$run"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir "$run/keep"
[ -z "$module" ] || "$VMDIR/module.sh" "$kernel" "$run"

# The command and its environment travel as files: no quoting to get wrong.
{
	printf 'exec'
	printf ' %q' "$@"
	echo
} >"$run/command"
{
	while IFS= read -r -d '' var; do
		case $var in
		CI=* | DASH_*=* | BENCH_*=*)
			printf 'export %s=%q\n' "${var%%=*}" "${var#*=}" ;;
		esac
	done < <(env -0)
	printf 'export DASH_TOP=%q DASH_KERNEL=%q DASH_KERNEL_DIR=%q\n' \
		"$TOP" "$kernel" "$kdir"
	printf 'export DASH_OUT=%q\n' "$run/keep"
	[ ! -f "$run/dash.ko" ] ||
		printf 'export DASH_KO=%q\n' "$run/dash.ko"
	[ ! -f "$run/dash_kunit.ko" ] ||
		printf 'export DASH_KUNIT_KO=%q\n' "$run/dash_kunit.ko"
	[ ! -f "$run/dash_bench.ko" ] ||
		printf 'export DASH_BENCH_KO=%q\n' "$run/dash_bench.ko"
} >"$run/env"

console=${DASH_VM_CONSOLE:-$CACHE/logs/vm-$kernel-$(date +%Y%m%d-%H%M%S)-$$.log}
: >"$console"
mkfifo "$run/out" "$run/err"

# What to start, in vm_cmd; its stdout and stderr are the console.
prepare_uml()
{
	if [ -z "$mem" ]; then
		# KASAN's shadow is 1/8 of everything, stacks are kept for
		# every object, and freed memory is held back.
		[ "$kernel" = uml ] && mem=1024 || mem=2048
	fi
	[ "${smp:-1}" = 1 ] || log "UML has one CPU, --smp $smp is ignored"
	vm_cmd=("$kdir/image" "mem=${mem}M"
		root=/dev/root rootfstype=hostfs rootflags=/ ro
		"umid=dash" "uml_dir=$run/uml/"
		con=null "con0=null,fd:1"
		ssl=null "ssl0=null,fd:3" "ssl1=null,fd:4"
		console=tty0 loglevel=8 panic=-1
		# What modules would bring is built in: without the devices
		# that they make unasked, here and in each new namespace.
		dummy.numdummies=0 bonding.max_bonds=0 ifb.numifbs=0
		sysctl.net.core.fb_tunnels_only_for_init_net=2
		"init=$VMDIR/init-uml.sh" "dashvm.run=$run" "dashvm.top=$TOP")
}

prepare_qemu()
{
	# shellcheck source=tests/vm/qemu.sh
	. "$VMDIR/qemu.sh"
	qemu_prepare
}

# Readers first: the writers' open waits for them.
cat "$run/out" &
cats=$!
cat "$run/err" >&2 &
cats+=" $!"
if [ -n "${DASH_VM_VERBOSE:-}" ]; then
	tail -n +1 -f "$console" >&2 &
	tail=$!
fi

case $kernel in
uml*) prepare_uml ;;
*) prepare_qemu ;;
esac

# Nothing survives us: setpriv ties the namespace's life to ours, even if we
# are killed the hard way, and timeout is process 1 in it.
ns=(--pid --fork --kill-child=KILL)
[ "$(id -u)" = 0 ] || ns+=(--user --map-root-user)
start=$SECONDS
setpriv --pdeathsig KILL unshare "${ns[@]}" -- \
	timeout --foreground -s KILL "$timeout" "${vm_cmd[@]}" \
	<"/dev/null" >>"$console" 2>&1 3>"$run/out" 4>"$run/err" &
vm=$!
rc=0
wait $vm || rc=$?
vm=
elapsed=$((SECONDS - start))
# shellcheck disable=SC2086 # a list of process ids
wait $cats || true

fail()
{
	local status=$1

	shift
	log "$kernel: $*"
	exit "$status"
}

show_console()
{
	# From the command on, when it got so far.
	log "$kernel: the end of the console, $console:"
	{ sed -n '/dash-vm: command starts/,$p' "$console" | grep . ||
		cat "$console"; } | tail -n "${1:-60}" | sed 's/^/    /' >&2
}

if [ -n "${DASH_OUT:-}" ] && [ -n "$(ls -A "$run/keep")" ]; then
	mkdir -p "$DASH_OUT"
	cp -a "$run/keep/." "$DASH_OUT/"
fi

if grep -aqE "$TROUBLE" "$console"; then
	log "$kernel: kernel trouble, in $console:"
	# What comes first counts. (head leaves grep with SIGPIPE.)
	{ grep -aE -m 10 -A 30 "$TROUBLE" "$console" | head -n 120 |
		sed 's/^/    /' >&2; } || true
	if [ -s "$run/status" ]; then
		fail 3 "KERNEL TROUBLE (the command itself: exit status $(<"$run/status"))"
	elif [ "$elapsed" -ge "$timeout" ]; then
		fail 3 "KERNEL TROUBLE, and then the time of $timeout s was up"
	else
		fail 3 "KERNEL TROUBLE, the machine died"
	fi
fi
if [ ! -s "$run/status" ]; then
	show_console 80
	[ "$elapsed" -lt "$timeout" ] || fail 124 "TIMEOUT after $timeout s"
	if grep -aq 'dash-vm: command starts' "$console"; then
		fail 3 "the machine died while the command ran"
	fi
	fail 125 "the machine did not start (exit status $rc)"
fi
status=$(<"$run/status")
[ "$status" = 0 ] || show_console 30
exit "$status"
