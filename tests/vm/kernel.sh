#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Make a kernel ready in the cache and print its directory:
#
#   tests/vm/kernel.sh uml|uml-debug|uml-gcov|6.1|6.12
#   tests/vm/kernel.sh --source        the source tree of linux-source-6.12
#
# A kernel's directory holds
#
#   image           what to boot: UML's executable or a bzImage
#   build           a symlink, what kbuild calls KDIR
#   release         what uname -r says
#   lib/modules/    its modules, if it has any
#   arch            ARCH= for kbuild
#
# The directory's name contains the Debian package version and, where we
# configure the kernel, a hash of the configuration; it appears by one rename
# when it is complete, so whoever sees it can use it.
set -euo pipefail
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

UML_SOURCE=linux-source-6.12

apt_update()
{
	local sudo=()

	[ "$(id -u)" = 0 ] || sudo=(sudo)
	"${sudo[@]}" apt-get -q -o DPkg::Lock::Timeout=600 update >&2 || true
}

apt_version()
{
	# Not "exit" in awk: apt-cache would die of SIGPIPE.
	apt-cache show --no-all-versions "$1" 2>/dev/null |
		awk '$1 == "Version:" && !v { v = $2 } END { print v }' || true
}

# The version that apt would install.
candidate()
{
	local v

	v=$(apt_version "$1")
	if [ -z "$v" ]; then
		apt_update
		v=$(apt_version "$1")
	fi
	[ -n "$v" ] || die "apt knows no package $1"
	echo "$v"
}

# fetch PACKAGE VERSION: print the path of the .deb. apt verifies it against
# the archive's signature.
fetch()
{
	local pkg=$1 ver=$2 deb

	deb=$(find "$CACHE/debs" -maxdepth 1 -name "${pkg}_${ver//:/%3a}_*.deb" | head -n 1)
	if [ -z "$deb" ]; then
		local tmp
		tmp=$(mktemp -d "$CACHE/debs/tmp.XXXXXX")
		log "downloading $pkg $ver"
		# The sandbox user could not write to the cache.
		local get=(apt-get -qq -o APT::Sandbox::User=root
			   download "$pkg=$ver")
		(cd "$tmp" && { "${get[@]}" || { apt_update; "${get[@]}"; }; }) >&2 ||
			die "cannot download $pkg $ver"
		mv "$tmp"/*.deb "$CACHE/debs/"
		rmdir "$tmp"
		deb=$(find "$CACHE/debs" -maxdepth 1 -name "${pkg}_${ver//:/%3a}_*.deb" | head -n 1)
		[ -n "$deb" ] || die "$pkg $ver was not where it should be"
	fi
	echo "$deb"
}

# The source tree of the kernel we build ourselves.
source_tree()
{
	local ver=$1 dir deb

	dir=$CACHE/src/${UML_SOURCE}_$ver
	if [ ! -d "$dir" ]; then
		deb=$(fetch "$UML_SOURCE" "$ver") || die "no $UML_SOURCE"
		rm -rf "$dir.tmp"
		mkdir -p "$dir.tmp"
		log "unpacking $UML_SOURCE $ver"
		dpkg-deb --fsys-tarfile "$deb" |
			tar -xO "./usr/src/$UML_SOURCE.tar.xz" |
			tar -xJ -C "$dir.tmp" --strip-components=1 ||
			die "cannot unpack $deb"
		mv "$dir.tmp" "$dir"
	fi
	echo "$dir"
}

# One fragment: a later file's setting replaces an earlier file's.
merge_configs()
{
	awk '/^CONFIG_[A-Za-z0-9_]+=/ {
		name = substr($0, 1, index($0, "=") - 1)
		if (!(name in value))
			order[++n] = name
		value[name] = $0
	     }
	     END {
		for (i = 1; i <= n; i++)
			print value[order[i]]
	     }' "$@"
}

# Options that the fragment asks for and Kconfig did not grant.
check_config()
{
	local fragment=$1 config=$2 line bad=0

	while read -r line; do
		case $line in
		*=n)
			! grep -q "^${line%=n}=" "$config" && continue ;;
		*)
			grep -qxF -- "$line" "$config" && continue ;;
		esac
		log "configuration not granted: $line"
		bad=1
	done <"$fragment"
	return $bad
}

build_uml()
{
	local name=$1 ver=$2 dir=$3 src rel out

	src=$(with_lock source source_tree "$ver") || die "no source of $name"
	# kbuild writes the path of the build directory into its files, so
	# the kernel is built where it stays. A build that was interrupted is
	# continued.
	out=$dir/build
	mkdir -p "$out"

	local frags=("$VMDIR/configs/uml.config")
	[ "$name" = uml ] || frags+=("$VMDIR/configs/$name.config")
	merge_configs "${frags[@]}" >"$dir/fragment"

	# The make of a caller must not reach into this one.
	unset MAKEFLAGS MFLAGS MAKELEVEL
	local mk=(make -C "$src" "O=$out" ARCH=um)

	log "building kernel $name from $UML_SOURCE $ver (some minutes, once)"
	# "set -e" does not hold here: the caller looks at what this returns.
	quietly "$dir/config.log" "${mk[@]}" \
		KCONFIG_ALLCONFIG="$dir/fragment" allnoconfig ||
		die "no configuration for $name"
	check_config "$dir/fragment" "$out/.config" ||
		die "the configuration of $name asks for the impossible"
	quietly "$dir/build.log" "${mk[@]}" -s "-j$JOBS" linux modules ||
		die "kernel $name does not build"

	rel=$("${mk[@]}" -s kernelrelease) || die "kernel $name has no release"
	# An empty set of modules, but modules.builtin: modprobe of something
	# built in then succeeds.
	quietly "$dir/install.log" "${mk[@]}" -s \
		INSTALL_MOD_PATH="$dir" modules_install ||
		die "no modules of kernel $name"
	rm -f "$dir/lib/modules/$rel"/{build,source}
	ln -f "$out/linux" "$dir/image" || die "kernel $name has no image"
	# Objects of the kernel are of no use any more; those under scripts/
	# and tools/ are for building modules.
	find "$out" \( -path "$out/scripts" -o -path "$out/tools" \) -prune -o \
		\( -name '*.o' -o -name '*.a' -o -name '.*.cmd' \) \
		-exec rm -f {} +
	rm -f "$out"/{linux,vmlinux,.tmp_vmlinux*}
	echo um >"$dir/arch"
	echo "$rel" >"$dir/release"
	: >"$dir/complete"
}

unpack()
{
	local dir=$1 deb

	shift
	for deb; do
		dpkg-deb --fsys-tarfile "$deb" |
			tar -x -C "$dir" --exclude=./usr/share/doc || return 1
	done
}

# Stock kernels are unpacked, not installed: the machine's boot loader and
# initramfs are none of our business.
build_stock()
{
	local ver=$1 image=$2 dir=$3 rel tmp pkg common kbuild
	local debs=()

	rel=${image#linux-image-}
	rm -rf "$dir"
	tmp=$dir/pkg
	mkdir -p "$tmp"

	# linux-headers-X-common and linux-kbuild-X are named by the former
	pkg=linux-headers-$rel
	common=$(apt-cache depends "$pkg" |
		 sed -n 's/^ *Depends: \(linux-headers-.*-common\)$/\1/p')
	kbuild=$(apt-cache depends "$pkg" |
		 sed -n 's/^ *Depends: \(linux-kbuild-.*\)$/\1/p')
	if [ -z "$common" ] || [ -z "$kbuild" ]; then
		die "cannot make out what $pkg depends on"
	fi
	for pkg in "$image" "linux-headers-$rel" "$common" "$kbuild"; do
		debs+=("$(fetch "$pkg" "$(candidate "$pkg")")") || die "no $pkg"
	done
	log "unpacking kernel $rel ($ver)"
	unpack "$tmp" "${debs[@]}" || die "cannot unpack $rel"

	# The headers refer to one another by absolute paths.
	local usr=$tmp/usr f
	for f in "$usr/src/linux-headers-$rel/Makefile" \
		 "$usr/src/$common/Makefile"; do
		[ ! -f "$f" ] || sed -i "s|/usr/src/linux-headers|$usr/src/linux-headers|g;
			s|/usr/lib/linux-kbuild|$usr/lib/linux-kbuild|g" "$f"
	done
	# symlinks such as scripts -> ../../lib/linux-kbuild-6.1/scripts are
	# relative and stay right, absolute ones are moved
	find "$usr/src" -type l -lname '/usr/*' | while read -r f; do
		ln -sfn "$tmp$(readlink "$f")" "$f"
	done

	mkdir -p "$dir/lib"
	mv "$tmp/lib/modules" "$dir/lib/modules"
	mv "$tmp/boot/vmlinuz-$rel" "$dir/image"
	mv "$tmp/boot/config-$rel" "$dir/config"
	# where a user's make looks for it
	rm -f "$dir/lib/modules/$rel"/{build,source}
	ln -s "$dir/build" "$dir/lib/modules/$rel/build"
	depmod -b "$dir" "$rel"
	rm -rf "${tmp:?}/boot"
	ln -s "pkg/usr/src/linux-headers-$rel" "$dir/build"
	echo x86_64 >"$dir/arch"
	echo "$rel" >"$dir/release"
	: >"$dir/complete"
}

# apt-cache takes a third of a second for each question, and the answer only
# changes with apt's lists: keep it.
remember()
{
	local file=$CACHE/kernels/$1.current

	shift
	if [ ! -s "$file" ] || [ /var/lib/apt/lists -nt "$file" ]; then
		"$@" >"$file.tmp"
		mv "$file.tmp" "$file"
	fi
	cat "$file"
}

# The image package that a metapackage stands for, and its version
stock_current()
{
	local meta=$1 image

	candidate "$meta" >/dev/null
	image=$(apt-cache depends "$meta" |
		sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p')
	[ -n "$image" ] || die "cannot make out what $meta stands for"
	echo "$image $(candidate "$image")"
}

# once BUILD... DIR: unless somebody else did it meanwhile
once()
{
	[ -e "${!#}/complete" ] || "$@"
}

get_kernel()
{
	local name=$1 ver image dir hash

	case $name in
	uml | uml-debug | uml-gcov)
		ver=$(remember "$UML_SOURCE" candidate "$UML_SOURCE")
		hash=$({ cat "$VMDIR/configs/uml.config"
			 [ "$name" = uml ] || cat "$VMDIR/configs/$name.config"
		       } | sha256sum | cut -c 1-12)
		dir=$CACHE/kernels/$name-$ver-$hash
		[ -e "$dir/complete" ] ||
			with_lock "kernel-${dir##*/}" once build_uml "$name" "$ver" "$dir"
		;;
	6.1 | 6.12)
		local meta=linux-image-amd64
		[ "$name" = 6.1 ] || meta=linux-image-$name-amd64
		read -r image ver < <(remember "$meta" stock_current "$meta")
		[ -n "$ver" ] || die "no $meta"
		dir=$CACHE/kernels/$name-$ver
		[ -e "$dir/complete" ] ||
			with_lock "kernel-${dir##*/}" once build_stock "$ver" "$image" "$dir"
		;;
	*)
		die "no such kernel: $name (there are: $KERNELS)"
		;;
	esac
	# Versions and configurations of the past, unused for two weeks
	touch "$dir/complete"
	find "$CACHE/kernels" -mindepth 2 -maxdepth 2 -name complete -mtime +14 \
		-path "*/$name-[0-9]*" -print | while read -r old; do
		rm -rf "${old%/complete}"
	done
	echo "$dir"
}

case ${1:-} in
--source)
	ver=$(remember "$UML_SOURCE" candidate "$UML_SOURCE")
	with_lock source source_tree "$ver"
	;;
*)
	[ $# = 1 ] || die "usage: $0 KERNEL"
	"$TOP/scripts/setup.sh" build
	get_kernel "$1"
	;;
esac
