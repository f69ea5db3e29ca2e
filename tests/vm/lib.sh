# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # used by the scripts that source this
#
# Shared by the scripts in this directory.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
VMDIR=$TOP/tests/vm
CACHE=${DASH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dash}
KERNELS="uml uml-debug uml-gcov 6.1 6.12"
JOBS=${DASH_JOBS:-$(nproc)}

export LC_ALL=C.UTF-8
mkdir -p "$CACHE"/{debs,src,kernels,build,run,logs,locks}

log()
{
	echo "vm: $*" >&2
}

# What the runner itself cannot do, as opposed to what the command did.
die()
{
	log "error: $*"
	exit 125
}

# with_lock NAME COMMAND...: one at a time per NAME, on this machine. The lock
# goes with the process, so that a killed run leaves none behind; the command
# does not inherit it, so that a daemon it starts cannot keep it.
with_lock()
{
	local name=$1 fd rc=0

	shift
	exec {fd}>"$CACHE/locks/$name"
	flock "$fd"
	("$@" {fd}>&-) || rc=$?
	exec {fd}>&-
	return $rc
}

# quietly LOG COMMAND...: output goes to LOG and is shown only on failure.
quietly()
{
	local out=$1

	shift
	"$@" >"$out" 2>&1 && return
	tail -n 60 "$out" >&2
	log "failed: $* (all of it in $out)"
	return 1
}
