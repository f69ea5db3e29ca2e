# SPDX-License-Identifier: GPL-2.0
# bash completion for dashctl(8). The words are dashctl's own: see --complete.

_dashctl_live() { # OBJECT: keys of the rows there are
	dashctl "${netns[@]}" -j "$@" show 2>/dev/null |
		sed -n 's/^[^"]*"[A-Z_]*:\([^"]*\)".*/\1/p'
}

_dashctl() {
	local cur prev word object="" kind="" verb="" words=() netns=() list="" i
	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()

	# What stands before the word, without options.
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-n | -b | --netns | --batch | --policy)
			if ((i + 1 == COMP_CWORD)); then
				break
			fi
			[[ $word == -n || $word == --netns ]] && netns=(-n "${COMP_WORDS[i + 1]}")
			((i++))
			;;
		-*) [[ ${#words[@]} -gt 0 ]] && words+=("$word") ;;
		*) words+=("$word") ;;
		esac
	done

	case $prev in
	-n | --netns)
		list=$(ls /run/netns 2>/dev/null)
		;;
	--policy)
		list="resimulate keep cut"
		;;
	-b | --batch)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	eni)
		[[ ${#words[@]} -gt 1 ]] && list=$(_dashctl_live eni)
		;;
	vnet)
		[[ ${#words[@]} -gt 1 ]] && list=$(_dashctl_live vnet)
		;;
	tunnel)
		[[ ${#words[@]} -gt 1 ]] && list=$(_dashctl_live tunnel)
		;;
	qos)
		[[ ${#words[@]} -gt 1 ]] && list=$(_dashctl_live qos)
		;;
	group_id | group)
		[[ ${words[0]:-} == route ]] && list=$(_dashctl_live route group)
		;;
	v4 | v6 | v4_acl_group_id | v6_acl_group_id)
		list=$(_dashctl_live acl group)
		;;
	proto | protocol)
		list="tcp udp icmp icmpv6 sctp"
		;;
	state)
		list=$(dashctl --complete states)
		;;
	by)
		list=$(dashctl --complete orders)
		;;
	direction)
		[[ ${words[0]:-} == flow ]] && list="outbound inbound"
		;;
	encap)
		[[ ${words[0]:-} == flow ]] && list="vxlan nvgre"
		;;
	esac
	if [[ -n $list ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$list" -- "$cur")
		return
	fi

	if [[ ${#words[@]} -eq 0 ]]; then
		if [[ $cur == -* ]]; then
			list="-j -p -s -d -n -b -V --policy"
		else
			list=$(dashctl --complete top 2>/dev/null)
		fi
		mapfile -t COMPREPLY < <(compgen -W "$list" -- "$cur")
		return
	fi

	object=${words[0]}
	case $object in
	load)
		if [[ $cur == -* ]]; then
			list="--sync --check --policy --ignore-unknown --flows"
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return
		fi
		;;
	save)
		if [[ $prev == -o ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return
		fi
		list="--flows"
		[[ ${words[1]:-} == --flows ]] && list="-o"
		;;
	flush) ;;
	help) list=$(dashctl --complete top) ;;
	stats) list="eni port drops memory" ;;
	flow)
		if [[ ${#words[@]} -eq 1 ]]; then
			list="show get count flush add del"
		elif [[ ${words[1]} == add || ${words[1]} == del ]]; then
			list=$(dashctl --complete flow)
		elif [[ ${words[2]:-} == top ]]; then
			# flow show top N by ORDER filter value …
			if [[ ${#words[@]} -eq 4 ]]; then
				list=by
			elif [[ ${#words[@]} -gt 5 ]] && ((${#words[@]} % 2 == 0)); then
				list=$(dashctl --complete filters)
			fi
		elif ((${#words[@]} % 2 == 0)); then
			list=$(dashctl --complete filters)
			[[ ${words[1]} == show && ${#words[@]} -eq 2 ]] && list+=" top"
		fi
		;;
	monitor) list="config flows drops -c" ;;
	top) list="packets bytes drops -i -c" ;;
	verify)
		if [[ $cur == -* ]]; then
			list="--ignore-unknown"
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return
		fi
		;;
	explain) list="--live -c -r eni outbound inbound src dst proto sport dport vni pa" ;;
	*)
		if [[ ${#words[@]} -eq 1 ]]; then
			list=$(dashctl --complete commands "$object" 2>/dev/null)
		else
			verb=${words[1]}
			i=2
			case $verb in
			add | replace | set | del | show | bind | unbind | help) ;;
			*)
				kind=$verb
				verb=${words[2]:-}
				i=3
				;;
			esac
			if [[ -z $verb ]]; then
				list="add replace set del show"
			elif [[ ${#words[@]} -eq $i ]]; then
				case $verb in
				bind | unbind) list=$(_dashctl_live eni) ;;
				add) [[ $object == port ]] && list=$(ls /sys/class/net 2>/dev/null) ;;
				*) list=$(_dashctl_live "$object" ${kind:+"$kind"}) ;;
				esac
			elif [[ $object == port && $verb == add && ${#words[@]} -eq $((i + 1)) ]]; then
				list="underlay vport"
			elif [[ $object == port && $prev == eni ]]; then
				list=$(_dashctl_live eni)
			elif [[ $object == port && $prev == netns ]]; then
				list=$(ls /run/netns 2>/dev/null)
			elif [[ $object == acl && $verb == *bind ]]; then
				list="in out v4 v6"
			else
				list=$(dashctl --complete values "$object" "$kind" "$prev" 2>/dev/null)
				[[ -z $list ]] &&
					list=$(dashctl --complete fields "$object" ${kind:+"$kind"} 2>/dev/null)
			fi
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$list" -- "$cur")
	# Keys have colons, which are word breaks.
	if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]] && declare -F __ltrim_colon_completions >/dev/null; then
		__ltrim_colon_completions "$cur"
	fi
}

complete -F _dashctl dashctl
