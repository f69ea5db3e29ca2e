#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Install the Debian packages that building and testing need, by group:
#
#   scripts/setup.sh [build|test|lint|bench|dkms|all]...
#
# Everything comes from Debian's own archives, whose signatures apt verifies.
# What is installed already is left alone, without asking the network.
set -euo pipefail

declare -A groups=(
	# kernel module and dashctl
	[build]="gcc make flex bison bc rsync kmod cpio xz-utils libc6-dev
		 libelf-dev libssl-dev pahole libmnl-dev libjson-c-dev pkg-config
		 python3 util-linux"
	# kernels to run in, and what the tests call inside
	[test]="qemu-system-x86 busybox-static iproute2 iputils-ping ethtool
		tcpdump nftables jq procps kmod psmisc socat python3-scapy
		python3-yaml python3-jsonschema"
	# static checks
	[lint]="sparse coccinelle shellcheck codespell clang clang-tidy
		cppcheck perl python3-ply python3-git python3-yaml
		python3-jsonschema python3-pyflakes yamllint mandoc
		python3-docutils"
	# peers to measure against
	[bench]="nftables openvswitch-switch ethtool jq"
	[dkms]="dkms"
)

usage()
{
	echo "usage: $0 [build|test|lint|bench|dkms|all]..." >&2
	exit 2
}

main()
{
	local wanted=() missing=() group pkg

	[ $# -gt 0 ] || set -- all
	for group; do
		case $group in
		all)
			# dkms drags in more than a test machine wants
			set -- build test lint bench
			break
			;;
		esac
	done
	for group; do
		[ -n "${groups[$group]:-}" ] || usage
		# shellcheck disable=SC2206 # a list of words on purpose
		wanted+=(${groups[$group]})
	done

	# One dpkg-query for all: a run with nothing to do takes milliseconds.
	declare -A have=()
	# shellcheck disable=SC2016 # dpkg-query's own variables
	while read -r pkg; do
		have[$pkg]=1
	done < <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' \
		 "${wanted[@]}" 2>/dev/null | sed -n 's/^installed //p')
	for pkg in "${wanted[@]}"; do
		[ -n "${have[$pkg]:-}" ] || missing+=("$pkg")
	done
	[ ${#missing[@]} -gt 0 ] || return 0

	local sudo=()
	[ "$(id -u)" = 0 ] || sudo=(sudo)
	export DEBIAN_FRONTEND=noninteractive
	local apt=("${sudo[@]}" apt-get -qq -o DPkg::Use-Pty=0 -o DPkg::Lock::Timeout=600)

	echo "setup: installing ${missing[*]}" >&2
	# Some other source of the machine may be out of order; what matters is
	# whether the packages can be installed.
	"${apt[@]}" update >&2 ||
		echo "setup: apt-get update failed, going on with what is known" >&2
	# Daemons that packages bring (Open vSwitch) are not wanted running.
	"${apt[@]}" install -y --no-install-recommends "${missing[@]}" >&2
}

main "$@"
