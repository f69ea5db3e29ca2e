#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Write what comes from Documentation/netlink/specs/dash.yaml anew:
#
#   scripts/ynl-gen.sh            include/uapi/linux/dash.h, dash/nl_gen.[ch]
#   scripts/ynl-gen.sh --check    only say whether they are up to date
#
# The generator is ynl-gen-c.py of the kernel's source.
set -euo pipefail

TOP=$(cd "$(dirname "$0")/.." && pwd -P)
SPEC=Documentation/netlink/specs/dash.yaml

usage()
{
	echo "usage: $0 [--check]" >&2
	exit 2
}

# generate SOURCE DIR: the generator looks for its schemas beside specs/, and
# for the top of the tree by climbing until there is a MAINTAINERS, for ever.
# What it names its output decides what the sources include.
generate()
{
	local gen=$1/tools/net/ynl/ynl-gen-c.py dir=$2

	mkdir -p "$dir/${SPEC%/*}"
	touch "$dir/MAINTAINERS"
	cp "$1"/Documentation/netlink/*.yaml "$dir/Documentation/netlink/"
	cp "$TOP/$SPEC" "$dir/$SPEC"
	cd "$dir"
	ynl "$gen" --mode uapi --header -o dash.h
	ynl "$gen" --mode kernel --header -o nl_gen.h
	ynl "$gen" --mode kernel --source -o nl_gen.c
	share_mcgrps
}

# The family, which nl.c has because of older kernels, needs the groups.
share_mcgrps()
{
	local last

	last=$(sed -n 's/^\t\(DASH_NLGRP_[A-Z_]*\),$/\1/p' nl_gen.h | tail -n 1)
	[ -n "$last" ] || return 0
	sed -i 's/^static \(const struct genl_multicast_group\)/\1/' nl_gen.c
	sed -i "s|^#endif /\\* _LINUX_DASH_GEN_H.*|extern const struct genl_multicast_group dash_nl_mcgrps[$last + 1];\\n\\n&|" \
		nl_gen.h
}

ynl()
{
	local gen=$1

	shift
	timeout 60 /usr/bin/python3 "$gen" --spec "$SPEC" "$@"
}

check=
case $#:${1:-} in
0:) ;;
1:--check) check=1 ;;
*) usage ;;
esac

source=$("$TOP/tests/vm/kernel.sh" --source)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
(generate "$source" "$tmp")

stale=0
for file in include/uapi/linux/dash.h dash/nl_gen.h dash/nl_gen.c; do
	new=$tmp/${file##*/}
	[ -s "$new" ] || { echo "$0: nothing was generated for $file" >&2; exit 1; }
	cmp -s "$new" "$TOP/$file" && continue
	if [ -n "$check" ]; then
		echo "$file is not what $SPEC says; run $0" >&2
		diff -u "$TOP/$file" "$new" | head -n 40 >&2 || true
		stale=1
	else
		cp "$new" "$TOP/$file"
		echo "$file"
	fi
done
exit $stale
