// SPDX-License-Identifier: GPL-2.0
/*
 * Names of connections: keys, tuples and filters.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/jiffies.h>
#include <linux/siphash.h>

#include "addr.h"
#include "flow_impl.h"
#include "resim.h"

/* The request that an ICMP type answers or is, else -1. */
static int flow_icmp_request(u8 proto, u8 type)
{
	if (proto == IPPROTO_ICMPV6) {
		switch (type) {
		case ICMPV6_ECHO_REQUEST:
		case ICMPV6_ECHO_REPLY:
			return ICMPV6_ECHO_REQUEST;
		}
		return -1;
	}

	switch (type) {
	case ICMP_ECHO:
	case ICMP_ECHOREPLY:
		return ICMP_ECHO;
	case ICMP_TIMESTAMP:
	case ICMP_TIMESTAMPREPLY:
		return ICMP_TIMESTAMP;
	case ICMP_INFO_REQUEST:
	case ICMP_INFO_REPLY:
		return ICMP_INFO_REQUEST;
	case ICMP_ADDRESS:
	case ICMP_ADDRESSREPLY:
		return ICMP_ADDRESS;
	}
	return -1;
}

/* Class of an ICMP packet: who asks or speaks << 8 | type of the question, or
 * of what is none. Both kinds have different types, so they never meet.
 */
static u16 flow_icmp_class(const struct dash_tuple *t, u8 dir)
{
	u8 type = ntohs(t->dport);
	int req = flow_icmp_request(t->proto, type);

	if (req < 0)
		return dir << 8 | type;
	return (type == req ? dir : !dir) << 8 | req;
}

static __always_inline void flow_key_init(struct dash_flow_key *key, u32 eni_id,
					  const struct dash_tuple *t, u8 dir)
{
	if (dir == DASH_DIRECTION_OUTBOUND) {
		key->laddr = t->src;
		key->raddr = t->dst;
		key->lport = t->sport;
		key->rport = t->dport;
	} else {
		key->laddr = t->dst;
		key->raddr = t->src;
		key->lport = t->dport;
		key->rport = t->sport;
	}
	key->eni_proto = eni_id << 8 | t->proto;

	if (dash_tuple_is_icmp(t)) {
		key->lport = t->sport;
		key->rport = htons(flow_icmp_class(t, dir));
	}
}

void dash_flow_key_init(struct dash_flow_key *key, u32 eni_id,
			const struct dash_tuple *t, u8 dir)
{
	flow_key_init(key, eni_id, t, dir);
}

/* IPv4, which is half as long, takes two thirds of the time. */
u32 dash_flow_hash(const struct dash_flow_table *ft,
		   const struct dash_flow_key *key)
{
	/* no padding may get into the hash */
	BUILD_BUG_ON(sizeof(*key) != 40);
	if (dash_addr_is_v4(&key->laddr))
		return hsiphash_4u32((__force u32)dash_addr_v4(&key->laddr),
				     (__force u32)dash_addr_v4(&key->raddr),
				     (__force u32)key->lport << 16 |
				     (__force u32)key->rport,
				     key->eni_proto, &ft->key);
	return hsiphash(key, sizeof(*key), &ft->key);
}

u32 dash_flow_name(const struct dash_flow_table *ft, struct dash_flow_key *key,
		   u32 eni_id, const struct dash_tuple *t, u8 dir)
{
	flow_key_init(key, eni_id, t, dir);
	return dash_flow_hash(ft, key);
}

void dash_flow_tuple(const struct dash_flow *flow, struct dash_tuple *t)
{
	const struct dash_flow_key *key = &flow->key;

	*t = (struct dash_tuple){
		.proto = dash_flow_proto(flow),
		.v6 = !dash_addr_is_v4(&key->laddr),
	};
	if (flow->dir == DASH_DIRECTION_OUTBOUND) {
		t->src = key->laddr;
		t->dst = key->raddr;
		t->sport = key->lport;
		t->dport = key->rport;
	} else {
		t->src = key->raddr;
		t->dst = key->laddr;
		t->sport = key->rport;
		t->dport = key->lport;
	}
	if (dash_tuple_is_icmp(t)) {
		t->sport = key->lport;
		t->dport = 0;
	}
}

/* The other of a pair of ICMP types. */
static u8 flow_icmp_reply(u8 proto, u8 req)
{
	if (proto == IPPROTO_ICMPV6)
		return ICMPV6_ECHO_REPLY;
	return req == ICMP_ECHO ? ICMP_ECHOREPLY : req + 1;
}

u8 dash_flow_icmp_type(const struct dash_flow *flow)
{
	u16 class = ntohs(flow->key.rport);

	if (class >> 8 == flow->dir)
		return class;
	return flow_icmp_reply(dash_flow_proto(flow), class);
}

static bool flow_match_tuple(const struct dash_flow_filter *f,
			     const struct dash_tuple *t)
{
	if (f->by_proto && t->proto != f->proto)
		return false;
	if (f->by_sport && t->sport != f->sport)
		return false;
	if (f->by_dport && t->dport != f->dport)
		return false;
	if (f->by_port && t->sport != f->port && t->dport != f->port)
		return false;
	if (f->by_src && !ipv6_prefix_equal(&t->src, &f->src, f->src_len))
		return false;
	return !f->by_dst || ipv6_prefix_equal(&t->dst, &f->dst, f->dst_len);
}

bool dash_flow_match(const struct dash_flow_filter *f,
		     const struct dash_flow *flow)
{
	struct dash_tuple t;

	if (f->eni && flow->eni != f->eni)
		return false;
	if (f->by_state && READ_ONCE(flow->state) != f->state)
		return false;
	if (f->by_stale && dash_resim_is_stale(flow) != f->stale)
		return false;
	if (f->age && (jiffies - flow->created) / HZ < f->age)
		return false;

	dash_flow_tuple(flow, &t);
	return flow_match_tuple(f, &t) && (!f->more || f->more(f, flow));
}
