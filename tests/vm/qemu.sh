# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# Sourced by run.sh: how Debian's stock kernels are booted under QEMU. Sets
# vm_cmd; uses and sets run.sh's variables.
#
# The root is the host's, over 9p. Standard output, standard error each have a
# virtio-serial port, the exit status comes as a file over a second 9p share.

# What the initramfs has to load before there is a root
QEMU_MODULES="virtio_pci virtio_console virtio_rng 9pnet_virtio 9p overlay"

# qemu_initramfs FILE [INIT]
qemu_initramfs()
{
	local file=$1 init=${2:-$VMDIR/init-qemu.sh} dir=$run/initramfs
	local ko n=100 rel

	rel=$(<"$kdir/release")
	mkdir -p "$dir"/{bin,dev,proc,sys,mnt,modules}
	cp /bin/busybox "$dir/bin/"
	ln -s busybox "$dir/bin/sh"
	install -m 755 "$init" "$dir/init"
	# modprobe knows the order; busybox insmod takes no compressed ones
	# shellcheck disable=SC2086 # a list of words
	modprobe -d "$kdir" -S "$rel" -a --show-depends $QEMU_MODULES |
		awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
		while read -r ko; do
			n=$((n + 1))
			case $ko in
			*.xz) xz -dc "$ko" >"$dir/modules/$n.ko" ;;
			*.zst) zstd -qdc "$ko" >"$dir/modules/$n.ko" ;;
			*) cp "$ko" "$dir/modules/$n.ko" ;;
			esac
		done
	(cd "$dir" && find . | cpio -o -H newc --quiet) >"$file"
	rm -rf "$dir"
}

# A /dev/kvm that exists may yet be unable to run an ordinary kernel (nested in
# some sandboxes): believe it when it has done so once since this machine's boot.
qemu_kvm_works()
{
	local memo

	[ -w /dev/kvm ] || return 1
	memo=$CACHE/kvm-$(</proc/sys/kernel/random/boot_id)
	if [ ! -e "$memo" ]; then
		cat >"$run/probe-init" <<'INIT'
#!/bin/sh
echo kvm-probe-alive
busybox poweroff -f
INIT
		qemu_initramfs "$run/probe.cpio" "$run/probe-init"
		timeout -s KILL 30 qemu-system-x86_64 -accel kvm -cpu host \
			-m 512 -nodefaults -display none -no-reboot \
			-serial stdio -kernel "$kdir/image" \
			-initrd "$run/probe.cpio" \
			-append "console=ttyS0 panic=-1" \
			</dev/null >"$run/probe.log" 2>&1 || true
		if grep -aq kvm-probe-alive "$run/probe.log"; then
			echo yes >"$memo"
		else
			echo no >"$memo"
		fi
		rm -f "$run"/probe*
	fi
	[ "$(<"$memo")" = yes ]
}

qemu_prepare()
{
	local accel append

	: "${smp:=2}" "${mem:=1536}"
	if qemu_kvm_works; then
		accel=(-accel kvm -cpu host)
	else
		# 5-level page tables only make TCG's walks longer
		accel=(-accel "tcg,thread=multi" -cpu "max,la57=off")
	fi
	log "$kernel: $(<"$kdir/release") with ${accel[*]}, $smp CPUs, $mem MB"
	qemu_initramfs "$run/initramfs.cpio"

	# Mitigations cost much under TCG and protect from nothing here. The
	# watchdogs get patience: a busy host is not a lockup.
	append="console=ttyS0 loglevel=8 panic=-1 oops=panic mitigations=off"
	append+=" nokaslr audit=0 random.trust_cpu=on watchdog_thresh=60"
	append+=" rcupdate.rcu_cpu_stall_timeout=120 dashvm.run=$run dashvm.top=$TOP"
	vm_cmd=(qemu-system-x86_64 "${accel[@]}" -M q35 -smp "$smp" -m "$mem"
		-nodefaults -no-user-config -display none -no-reboot
		-serial stdio
		-kernel "$kdir/image" -initrd "$run/initramfs.cpio"
		-append "$append"
		-device virtio-rng-pci
		-virtfs "local,path=/,mount_tag=host,readonly=on,security_model=none,multidevs=remap"
		-virtfs "local,path=$run,mount_tag=run,security_model=none,multidevs=remap"
		-device virtio-serial-pci
		-chardev "file,id=out,path=$run/out"
		-device "virtserialport,nr=1,chardev=out,name=dash.out"
		-chardev "file,id=err,path=$run/err"
		-device "virtserialport,nr=2,chardev=err,name=dash.err")
}
