#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Inside, as process 1, in the final root: make it a proper system, run the
# command, leave its exit status in $run/status, power off.
#
#   guest.sh RUNDIR STDOUT-DEVICE STDERR-DEVICE
run=$1
out=$2
err=$3

export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root TERM=dumb
export LC_ALL=C.UTF-8 SHELL=/bin/bash

kmsg()
{
	echo "dash-vm: $*" >/dev/kmsg
}

# kmemleak takes an object for leaked when two scans do not find a pointer to
# it and it is older than 5 s. That costs some 10 s, which is only spent when a
# module was loaded (the kernel is then tainted: out-of-tree, 1 << 12), and not
# when the command was run with DASH_KMEMLEAK=0. What is found the kernel
# reports on the console, where the host looks for it.
kmemleak()
{
	local leak=/sys/kernel/debug/kmemleak line

	[ -w $leak ] && [ "${DASH_KMEMLEAK:-1}" != 0 ] || return 0
	(($(</proc/sys/kernel/tainted) & 4096)) || return 0
	sleep 5.5
	echo scan >$leak
	echo scan >$leak
	# A line at a time: a write to kmsg is one message, of 1 KB at most.
	while IFS= read -r line; do
		echo "$line" >/dev/kmsg
	done <$leak
}

# Starting a process is slow in UML and under TCG: as few as possible, and
# busybox, which has no libraries to load, where it will do.
bb=/bin/busybox

mount -a -T "${0%/*}/fstab"
$bb umount -l /.old 2>/dev/null
$bb ln -sfn /proc/self/fd /dev/fd
$bb ln -sfn /proc/self/fd/0 /dev/stdin
$bb ln -sfn /proc/self/fd/1 /dev/stdout
$bb ln -sfn /proc/self/fd/2 /dev/stderr
# shellcheck source=/dev/null
. "$run/env"

# An empty /tmp, unless something that we need is in the host's.
case "$run $DASH_TOP $DASH_KERNEL_DIR" in
/tmp/* | *" /tmp/"*) ;;
*) $bb mount -t tmpfs -o mode=1777 tmpfs /tmp ;;
esac

# The kernel's own modules, where modprobe looks.
modules=lib/modules/$(</proc/sys/kernel/osrelease)
if [ -d "$DASH_KERNEL_DIR/$modules" ]; then
	$bb mkdir -p "/$modules"
	$bb mount --bind "$DASH_KERNEL_DIR/$modules" "/$modules"
fi

# Page faults are what makes UML slow: map more with each.
case $DASH_KERNEL in
uml*) echo 1048576 >/sys/kernel/debug/fault_around_bytes ;;
esac

echo dash-vm >/proc/sys/kernel/hostname
ip link set lo up
[ ! -x "$run/bin/dashctl" ] || PATH=$run/bin:$PATH

# The devices carry bytes, not lines of a terminal; held open, so that the
# setting stays. The command gets pipes: it shall not think it has a terminal.
exec 7>"$out" 8>"$err"
[ ! -t 7 ] || $bb stty -F "$out" raw -echo
[ ! -t 8 ] || $bb stty -F "$err" raw -echo
$bb mkfifo /run/dash-out /run/dash-err
$bb cat /run/dash-out >&7 &
cats=$!
$bb cat /run/dash-err >&8 &
cats+=" $!"

kmsg "command starts"
(
	cd "$DASH_TOP" || exit 125
	exec /bin/bash "$run/command" </dev/null \
		>/run/dash-out 2>/run/dash-err 7>&- 8>&-
)
status=$?
kmsg "command ends, exit status $status"

# Whatever the command left behind may hold the pipes open; it does not get to
# hold the run open as well.
for _ in {1..50}; do
	# shellcheck disable=SC2086 # a list of process ids
	kill -0 $cats 2>/dev/null || break
	sleep 0.1
done
# Wait until the devices have passed everything on: stty drains first.
[ ! -t 7 ] || $bb stty -F "$out" raw -echo
[ ! -t 8 ] || $bb stty -F "$err" raw -echo

kmemleak
# A module that was left loaded has its exit path tested by the way down only
# when somebody unloads it: that is for the tests to do.
echo "$status" >"$run/status"
$bb sync
$bb umount "$run" 2>/dev/null
exec $bb poweroff -f
