#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Checks that need no running kernel:
#
#   scripts/lint.sh [GATE...]
#
# Without arguments all of them; "scripts/lint.sh --list" names them. KTAP on
# stdout, with what is wrong behind each "not ok". What is slow is remembered
# in ~/.cache/dash/lint, by the contents of the files.
set -euo pipefail
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/../tests/vm/lib.sh"
cd "$TOP"

GATES=(module-6.1 module-6.12 module-uml checkpatch kernel-doc generated
       includes file-size spdx shellcheck python codespell cppcheck mandoc
       dashctl)
LINT=$CACHE/lint
EXCEPTIONS=scripts/checkpatch-exceptions

# A concept that is longer than MAX_LINES: FILE REASON
MAX_LINES=700
LONG_FILES="
dash/config.c	a transaction, from its rows to its end
dash/parse.c	all of a packet's bounds checks in one place
dash/rows.c	the description of all tables
"

# files PATTERN...: those of the tree, new ones included
files()
{
	if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		git ls-files -co --exclude-standard -- "$@"
	else
		local pattern

		for pattern; do
			find . -type f -path "./$pattern" -printf '%P\n'
		done
	fi | sort -u | while read -r file; do
		[ ! -f "$file" ] || echo "$file"
	done
}

shell_scripts()
{
	files '*' | while read -r file; do
		case $file in
		*.sh | *.bash) echo "$file" ;;
		*.*) ;;
		*) ! head -c 64 "$file" | grep -qaE '^#!.*\<(ba|da)?sh\>' || echo "$file" ;;
		esac
	done
}

# module KERNEL: build as the tests do, with what sparse thinks of it
module()
{
	local dest rc=0

	dest=$(mktemp -d)
	tests/vm/module.sh "$1" "$dest" || rc=1
	rm -rf "$dest"
	return $rc
}

gate_module-6.1() { module 6.1; }
# benchmarks of two CPUs are run there, too
gate_module-6.12() { DASH_BENCH=1 module 6.12; }
gate_module-uml() { module uml; }

# checkpatch_file SOURCE FILE: what it says of one file, from the cache
checkpatch_file()
{
	local sum cached

	sum=$(cat "$1/scripts/checkpatch.pl" "$2" <(echo "$2") | sha256sum)
	cached=$LINT/checkpatch/${sum%% *}
	if [ ! -f "$cached" ]; then
		# it leaves files where it is called
		(cd "$LINT/checkpatch" && "$1/scripts/checkpatch.pl" --strict --no-tree \
			--no-summary --terse --show-types --max-line-length=100 \
			-f "$TOP/$2") >"$cached.$$" 2>&1 || true
		# it looks for names of the kernel, and there is no kernel here
		sed -e "s|^$TOP/||" -e "/^find: .*include/d" \
			-e "/uninitialized value .root in/d" "$cached.$$" >"$cached.$$.2"
		rm "$cached.$$"
		mv "$cached.$$.2" "$cached"
	fi
	cat "$cached"
}

gate_checkpatch()
{
	local source

	source=$("$VMDIR/kernel.sh" --source)
	mkdir -p "$LINT/checkpatch"
	find "$LINT/checkpatch" -type f -mtime +30 -delete
	export -f checkpatch_file
	export LINT TOP
	files 'dash/*.[ch]' 'include/*.h' 'tests/kunit/*.[ch]' 'tools/dashctl/*.[ch]' |
		grep -vxF -e dash/nl_gen.c -e dash/nl_gen.h -e include/uapi/linux/dash.h |
		xargs -P "$JOBS" -I {} bash -c 'checkpatch_file "$@"' _ "$source" {} |
		sort -t: -k1,1 -k2,2n | scripts/checkpatch-filter.py "$EXCEPTIONS"
}

gate_kernel-doc()
{
	local source out

	source=$("$VMDIR/kernel.sh" --source)
	out=$(files 'dash/*.[ch]' | grep -v nl_gen |
		xargs "$source/scripts/kernel-doc" -Wall -none 2>&1) || true
	[ -z "$out" ] || { echo "$out"; return 1; }
}

gate_generated() { scripts/ynl-gen.sh --check; }
gate_includes() { scripts/include-graph.py; }

gate_file-size()
{
	# shellcheck disable=SC2016 # awk's own variables
	files 'dash/*.[ch]' | grep -v nl_gen | xargs awk -v max=$MAX_LINES \
		-v long="$LONG_FILES" '
		{ lines[FILENAME] = FNR }
		END {
			for (i = 1; i < ARGC; i++) {
				file = ARGV[i]
				if (lines[file] <= max || index(long, "\n" file "\t"))
					continue
				print file ": " lines[file] " lines, more than " max \
					": more than one concept?"
				rc = 1
			}
			exit rc
		}'
}

gate_spdx()
{
	# shellcheck disable=SC2016 # awk's own variables
	files '*.c' '*.h' '*.py' '*.sh' '*.bash' '*Makefile' '*Kbuild' '*.yaml' |
		xargs awk '
		FNR > 3 { nextfile }
		/SPDX-License-Identifier: / { good[FILENAME] = 1 }
		END {
			for (i = 1; i < ARGC; i++)
				if (!(ARGV[i] in good)) {
					print ARGV[i] ": no SPDX-License-Identifier"
					rc = 1
				}
			exit rc
		}'
}

gate_shellcheck() { shell_scripts | xargs shellcheck; }
gate_python() { files '*.py' | xargs /usr/bin/python3 -m pyflakes; }

# nd: mandoc's date macro
gate_codespell() { files '*' | xargs codespell -L nd,tha; }

# It does not see json-c's and libmnl's headers, nor that no_memory() does not return.
gate_cppcheck()
{
	mkdir -p "$LINT/cppcheck"
	cat >"$LINT/cppcheck.h" <<-END
		#define json_object_object_foreach(o, k, v) \\
			char *k; struct json_object *v; for (; next(o, &k, &v);)
		#define mnl_attr_for_each_payload(p, len) \\
			for (attr = (const void *)(p); next(&attr, len);)
	END
	files 'tools/dashctl/*.c' |
		xargs cppcheck --quiet --inline-suppr --error-exitcode=1 -j "$JOBS" \
			--enable=warning,performance,portability \
			--suppress=missingIncludeSystem \
			--suppress=memleak:tools/dashctl/main.c \
			-Iinclude/uapi --include="$LINT/cppcheck.h" \
			--cppcheck-build-dir="$LINT/cppcheck" 2>&1
}

gate_mandoc() { files '*.8' | xargs mandoc -T lint -W warning; }

# the tool's own tests, with the sanitizers
gate_dashctl() { quietly "$LINT/dashctl.log" make -C tools/dashctl check; }

main()
{
	local gate line out n=0 rc=0

	if [ "${1:-}" = --list ]; then
		printf '%s\n' "${GATES[@]}"
		return
	fi
	[ $# -gt 0 ] || set -- "${GATES[@]}"
	for gate; do
		[ "$(type -t "gate_$gate")" = function ] ||
			{ echo "$0: no gate \"$gate\"" >&2; return 2; }
	done
	mkdir -p "$LINT"
	echo "KTAP version 1"
	echo "1..$#"
	for gate; do
		n=$((n + 1))
		if out=$(set -euo pipefail; with_lock "lint-$gate" "gate_$gate" 2>&1 </dev/null); then
			echo "ok $n $gate"
		else
			echo "not ok $n $gate"
			while IFS= read -r line; do
				echo "# $line"
			done <<<"$out"
			rc=1
		fi
	done
	return $rc
}

main "$@"
