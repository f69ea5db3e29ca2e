#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Build dash.ko (and dash_kunit.ko where the kernel has KUnit, and dash_bench.ko
# with DASH_BENCH=1 in the environment) for one of the kernels, and dashctl for
# this machine, from the tree as it is now. For uml-gcov, modules that count what
# is executed:
#
#   tests/vm/module.sh KERNEL DESTDIR
#
# The results are copied to DESTDIR. Everything is built in a copy of the tree
# in the cache, incrementally: the tree itself stays clean, and a run that has
# its modules is not disturbed by the next build. Warnings are errors, those of
# sparse too for Debian's kernels, for then what make does not do again was in
# order.
#
# A copy is brought up to date by contents, not by times, and a checkout that
# has none takes over one that nobody used lately: so a fresh clone compiles
# what differs.
set -euo pipefail
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# A copy that another checkout has not used for so many minutes is free.
IDLE=15

# copy_of NAME: a copy for this checkout, called by its lock's holder
copy_of()
{
	local copy owner free='' n

	for copy in "$CACHE/build/$1".*.owner; do
		[ -f "$copy" ] || continue
		owner=$(<"$copy")
		if [ "$owner" = "$TOP" ]; then
			free=$copy
			break
		fi
		if [ ! -d "$owner" ] || [ -n "$(find "$copy" -mmin +$IDLE)" ]; then
			[ -n "$free" ] && [ ! "$copy" -nt "$free" ] || free=$copy
		fi
	done
	for ((n = 1; ; n++)); do
		[ -z "$free" ] || break
		[ -e "$CACHE/build/$1.$n.owner" ] || free=$CACHE/build/$1.$n.owner
	done
	echo "$TOP" >"$free"
	echo "${free%.owner}"
}

sync_tree()
{
	local dest=$1

	mkdir -p "$dest"
	# What a build makes, here or there, is neither copied nor deleted.
	# A file that vanishes meanwhile (24) is somebody's editor at work.
	rsync -rlpc --delete --exclude=/.git --exclude='*.o' --exclude='*.ko' \
		--exclude='*.mod' --exclude='*.mod.c' --exclude='.*.cmd' \
		--exclude='*.a' --exclude='*.d' --exclude='*.gcno' \
		--exclude=/Module.symvers \
		--exclude=/modules.order --exclude=modules.order \
		--exclude='.module-common*' --exclude=/dash/compat/generated/ \
		--exclude='/tests/*/unit_*.c' --exclude=__pycache__/ \
		--exclude=/tools/dashctl/dashctl \
		"$TOP/" "$dest/" || [ $? = 24 ]
}

build_module()
{
	local name=$1 kernel=$2 dest=$3 build=$4 kunit=() bench=() more=()

	sync_tree "$build"
	# Another kernel than last time: nothing of the old build holds.
	if [ "$(cat "$build.kernel" 2>/dev/null)" != "$kernel" ]; then
		rm -rf "$build"
		sync_tree "$build"
		echo "$kernel" >"$build.kernel"
	fi
	if [ -f "$build/tests/kunit/Kbuild" ] &&
	   grep -qs '^CONFIG_KUNIT=y' "$kernel/build/.config"; then
		kunit=(DASH_KUNIT=m)
	fi
	[ -z "${DASH_BENCH:-}" ] || bench=(DASH_BENCH=m)
	# The unit tests' assertions mix types in a way that sparse minds.
	case $name in
	6.*) more=(C=1 CF=-Wsparse-error) ;;
	uml-gcov) more=(DASH_GCOV=y) ;;
	esac
	unset MAKEFLAGS MFLAGS MAKELEVEL
	# modpost has its say every time
	rm -f "$build"/{Module.symvers,dash.ko,tests/kunit/dash_kunit.ko,tests/bench/dash_bench.ko}
	quietly "$build.log" make -C "$kernel/build" "M=$build" \
		"ARCH=$(cat "$kernel/arch")" "-j$JOBS" "${kunit[@]}" "${bench[@]}" \
		"${more[@]}" W=1 KCFLAGS=-Werror modules ||
		die "dash.ko does not build for $name"
	! grep 'WARNING: modpost' "$build.log" >&2 ||
		die "dash.ko for $name is not in order"
	cp "$build/dash.ko" "$dest/"
	[ ! -f "$build/tests/kunit/dash_kunit.ko" ] ||
		cp "$build/tests/kunit/dash_kunit.ko" "$dest/"
	[ ! -f "$build/tests/bench/dash_bench.ko" ] ||
		cp "$build/tests/bench/dash_bench.ko" "$dest/"
}

build_dashctl()
{
	local dest=$1 build=$2

	sync_tree "$build"
	unset MAKEFLAGS MFLAGS MAKELEVEL
	quietly "$build.log" make -C "$build/tools/dashctl" "-j$JOBS" ||
		die "dashctl does not build"
	mkdir -p "$dest/bin"
	cp "$build/tools/dashctl/dashctl" "$dest/bin/"
}

[ $# = 2 ] || die "usage: $0 KERNEL DESTDIR"
kernel=$("$VMDIR/kernel.sh" "$1")
if [ -f "$TOP/Kbuild" ]; then
	build=$(with_lock "build-$1" copy_of "$1")
	with_lock "build-${build##*/}" build_module "$1" "$kernel" "$2" "$build"
fi
if [ -f "$TOP/tools/dashctl/Makefile" ]; then
	build=$(with_lock build-host copy_of host)
	with_lock "build-${build##*/}" build_dashctl "$2" "$build"
fi
