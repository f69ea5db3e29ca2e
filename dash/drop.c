// SPDX-License-Identifier: GPL-2.0
#include "drop.h"

enum skb_drop_reason dash_drop_skb_reason(enum dash_drop reason)
{
	switch (reason) {
	case DASH_DROP_MALFORMED:
		return SKB_DROP_REASON_IP_INHDR;
	case DASH_DROP_ACL_DENY:
		return SKB_DROP_REASON_NETFILTER_DROP;
	case DASH_DROP_SPOOF:
	case DASH_DROP_PA_INVALID:
		return SKB_DROP_REASON_IP_RPFILTER;
	case DASH_DROP_NO_ROUTE:
	case DASH_DROP_NO_MAPPING:
	case DASH_DROP_NO_NEXTHOP:
		return SKB_DROP_REASON_IP_OUTNOROUTES;
	case DASH_DROP_CONTROL:
	case DASH_DROP_UNTRANSLATABLE:
		return SKB_DROP_REASON_UNHANDLED_PROTO;
	case DASH_DROP_TOO_BIG:
		return SKB_DROP_REASON_PKT_TOO_BIG;
	case DASH_DROP_NO_MEMORY:
		return SKB_DROP_REASON_NOMEM;
	default:
		return SKB_DROP_REASON_NOT_SPECIFIED;
	}
}
