#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The initramfs' init (busybox): load what it takes to see the host's tree, put
# a tmpfs above it, so that everything can be written and nothing stays, and go
# on with guest.sh in there.

fail()
{
	echo "dash-vm: cannot $*"
	poweroff -f
}

/bin/busybox --install -s /bin
export PATH=/bin

mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for ko in /modules/*.ko; do
	insmod "$ko" || fail "load $ko"
done
# shellcheck disable=SC2013 # words are what is wanted
for word in $(cat /proc/cmdline); do
	case $word in
	dashvm.run=*) run=${word#*=} ;;
	dashvm.top=*) top=${word#*=} ;;
	esac
done

mount -t tmpfs -o mode=755,size=60% overlay /mnt || fail "mount tmpfs"
mkdir /mnt/lower /mnt/upper /mnt/work /mnt/root
opt=trans=virtio,version=9p2000.L,msize=524288
# Nobody writes what a test reads: cache=loose asks the host only once.
mount -t 9p -o $opt,ro,cache=loose,access=any host /mnt/lower ||
	fail "mount the host's tree"
mount -t overlay overlay /mnt/root \
	-o lowerdir=/mnt/lower,upperdir=/mnt/upper,workdir=/mnt/work ||
	fail "mount overlay"
mount -t 9p -o $opt,access=any run "/mnt/root$run" || fail "mount $run"
# Which number the ports' device got depends on the other devices.
for port in /sys/class/virtio-ports/*; do
	case $(cat "$port/name") in
	dash.out) out=/dev/${port##*/} ;;
	dash.err) err=/dev/${port##*/} ;;
	esac
done
[ -c "$out" ] || fail "find the port for standard output"
[ -c "$err" ] || fail "find the port for standard error"

# guest.sh mounts these anew
exec </dev/console >/dev/console 2>&1
umount /proc /sys /dev
exec switch_root /mnt/root /bin/bash "$top/tests/vm/guest.sh" "$run" \
	"$out" "$err"
