/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dash

#if !defined(_DASH_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _DASH_TRACE_H

#include <linux/netdevice.h>
#include <linux/tracepoint.h>

#include "drop.h"
#include "eni.h"
#include "flow.h"

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

DECLARE_EVENT_CLASS(dash_flow,
	TP_PROTO(const struct dash_flow *flow, int why),
	TP_ARGS(flow, why),
	TP_STRUCT__entry(
		__field(u8, dir)
		__field(u8, proto)
		__field(u8, state)
		__field(u8, why)
		__field(u16, sport)
		__field(u16, dport)
		__field(u64, packets)
		__field(u64, bytes)
		__array(u8, src, 16)
		__array(u8, dst, 16)
		__array(char, eni, 64)
	),
	TP_fast_assign(
		struct dash_tuple t;

		dash_flow_tuple(flow, &t);
		__entry->dir = flow->dir;
		__entry->proto = t.proto;
		__entry->state = READ_ONCE(flow->state);
		__entry->why = why;
		__entry->sport = ntohs(t.sport);
		__entry->dport = ntohs(t.dport);
		__entry->packets = flow->packets[0] + flow->packets[1];
		__entry->bytes = flow->bytes[0] + flow->bytes[1];
		memcpy(__entry->src, &t.src, 16);
		memcpy(__entry->dst, &t.dst, 16);
		strscpy(__entry->eni, flow->eni->name, 64);
	),
	TP_printk("eni=%s dir=%u proto=%u src=%pI6c dst=%pI6c sport=%u dport=%u state=%u why=%u packets=%llu bytes=%llu",
		  __entry->eni, __entry->dir, __entry->proto, __entry->src,
		  __entry->dst, __entry->sport, __entry->dport, __entry->state,
		  __entry->why, __entry->packets, __entry->bytes)
);

/* A connection was inserted; IPv4 addresses are v4-mapped, why means nothing. */
DEFINE_EVENT(dash_flow, dash_flow_create,
	TP_PROTO(const struct dash_flow *flow, int why),
	TP_ARGS(flow, why)
);

/* A connection went; why is enum dash_flow_end. */
DEFINE_EVENT(dash_flow, dash_flow_end,
	TP_PROTO(const struct dash_flow *flow, int why),
	TP_ARGS(flow, why)
);

/* Policy was asked about a packet, and said so: 0 or the reason of a drop. */
TRACE_EVENT(dash_slow_path,
	TP_PROTO(const struct dash_pkt *pkt, enum dash_drop reason),
	TP_ARGS(pkt, reason),
	TP_STRUCT__entry(
		__field(u8, dir)
		__field(u8, proto)
		__field(u16, sport)
		__field(u16, dport)
		__field(u32, reason)
		__array(u8, src, 16)
		__array(u8, dst, 16)
		__array(char, eni, 64)
	),
	TP_fast_assign(
		__entry->dir = pkt->dir;
		__entry->proto = pkt->t.proto;
		__entry->sport = ntohs(pkt->t.sport);
		__entry->dport = ntohs(pkt->t.dport);
		__entry->reason = reason;
		memcpy(__entry->src, &pkt->t.src, 16);
		memcpy(__entry->dst, &pkt->t.dst, 16);
		strscpy(__entry->eni, pkt->eni->name, 64);
	),
	TP_printk("eni=%s dir=%u proto=%u src=%pI6c dst=%pI6c sport=%u dport=%u reason=%u",
		  __entry->eni, __entry->dir, __entry->proto, __entry->src,
		  __entry->dst, __entry->sport, __entry->dport, __entry->reason)
);

#endif /* _DASH_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
