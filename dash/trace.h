/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dash

#if !defined(_DASH_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _DASH_TRACE_H

#include <linux/netdevice.h>
#include <linux/tracepoint.h>

#include "drop.h"

/* A packet of ours was dropped; eni is empty when it was not known yet. */
TRACE_EVENT(dash_drop,
	TP_PROTO(const struct sk_buff *skb, const struct net_device *dev,
		 const char *eni, enum dash_drop reason),
	TP_ARGS(skb, dev, eni, reason),
	TP_STRUCT__entry(
		__field(const void *, skb)
		__field(u32, reason)
		__array(char, dev, IFNAMSIZ)
		__array(char, eni, 64)
	),
	TP_fast_assign(
		__entry->skb = skb;
		__entry->reason = reason;
		strscpy(__entry->dev, dev->name, IFNAMSIZ);
		strscpy(__entry->eni, eni, 64);
	),
	TP_printk("dev=%s eni=%s skb=%p reason=%u", __entry->dev, __entry->eni,
		  __entry->skb, __entry->reason)
);

#endif /* _DASH_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
