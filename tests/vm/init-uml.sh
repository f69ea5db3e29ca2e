#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The first process in UML: / is the host's tree, read only, by hostfs. Put a
# tmpfs above it, so that everything can be written and nothing stays, and go
# on with guest.sh in there. The command line tells where the run is.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
bb=/bin/busybox

fail()
{
	echo "dash-vm: cannot $*"
	$bb poweroff -f
	exit 1
}

# "dashvm.run=" is no valid name for an environment variable to bash; ask /proc.
$bb mount -t proc proc /proc || fail "mount proc"
for word in $(</proc/cmdline); do
	case $word in
	dashvm.run=*) run=${word#*=} ;;
	dashvm.top=*) top=${word#*=} ;;
	esac
done

$bb mount -t tmpfs -o mode=755,size=60% overlay /mnt || fail "mount tmpfs"
$bb mkdir /mnt/upper /mnt/work /mnt/root
$bb mount -t overlay overlay /mnt/root \
	-o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work ||
	fail "mount overlay"
# The one place that is really the host's: status, and what is to be kept.
$bb mount -t hostfs -o "$run" hostfs "/mnt/root$run" || fail "mount $run"

$bb mkdir /mnt/root/.old
cd /mnt/root || fail "enter the overlay"
$bb pivot_root . .old || fail "pivot_root"
exec $bb chroot . /bin/bash "$top/tests/vm/guest.sh" "$run" \
	/dev/ttyS0 /dev/ttyS1 </dev/console >/dev/console 2>&1
