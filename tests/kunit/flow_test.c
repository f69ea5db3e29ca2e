// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of dash/flow.c: keys, limits, walks and ageing.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <net/ipv6.h>

#include "addr.h"
#include "eni.h"
#include "event.h"
#include "flow.h"
#include "inst.h"
#include "nat.h"
#include "netns.h"
#include "underlay.h"

#define OUT	DASH_DIRECTION_OUTBOUND
#define IN	DASH_DIRECTION_INBOUND

struct flow_ctx {
	struct dash_net dn;
	struct dash_inst inst;
	struct dash_eni eni[2];
	struct dash_eni_cfg cfg[2];
	struct dash_flow_table *ft;
	struct sk_buff skb;
};

/* next hops that decisions hold */
static atomic_t flow_nexthops;

#define A_NEXTHOP	((struct dash_underlay *)8)

/* Nobody listens. */
void dash_event_flow_new(const struct dash_flow *flow,
			 const struct dash_pkt *pkt)
{
}

void dash_event_flow_end(const struct dash_flow *flow, enum dash_flow_end why)
{
}

void dash_event_limit(struct dash_eni *eni, enum dash_drop which)
{
}

/* Stand in for dash/underlay_route.c. */
struct dash_underlay *dash_underlay_get(struct dash_net *dn,
					const struct dash_xform *xf)
{
	atomic_inc(&flow_nexthops);
	return A_NEXTHOP;
}

void dash_underlay_put(struct dash_underlay *nh)
{
	if (nh)
		atomic_dec(&flow_nexthops);
}

static int flow_test_init(struct kunit *test)
{
	struct flow_ctx *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	int i, j;

	if (!c)
		return -ENOMEM;
	if (dash_flow_module_init())
		return -ENOMEM;
	atomic_set(&flow_nexthops, 0);
	mutex_init(&c->dn.lock);
	c->inst.max_flows = 1 << 20;
	RCU_INIT_POINTER(c->dn.inst, &c->inst);
	for (i = 0; i < 2; i++) {
		dash_flow_eni_init(&c->eni[i]);
		c->eni[i].id = i + 1;
		c->eni[i].stats = alloc_percpu(struct dash_eni_stats);
		if (!c->eni[i].stats)
			return -ENOMEM;
		RCU_INIT_POINTER(c->eni[i].cfg, &c->cfg[i]);
		for (j = 0; j < DASH_TIMEOUTS; j++)
			c->cfg[i].timeout[j] = 60 * HZ;
	}
	c->skb.len = 114;

	mutex_lock(&c->dn.lock);
	c->ft = dash_flow_table_alloc(&c->dn);
	mutex_unlock(&c->dn.lock);
	test->priv = c;
	return c->ft ? 0 : -ENOMEM;
}

static void flow_test_exit(struct kunit *test)
{
	struct flow_ctx *c = test->priv;
	int i;

	if (!c)
		return;
	dash_flow_table_free(c->ft);
	dash_flow_module_exit();
	KUNIT_EXPECT_EQ(test, atomic_read(&flow_nexthops), 0);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, atomic_read(&c->eni[i].flows), 0);
		KUNIT_EXPECT_TRUE(test, list_empty(&c->eni[i].half));
		free_percpu(c->eni[i].stats);
	}
}

/* --- helpers --- */

static u64 flow_stat(struct flow_ctx *c, enum dash_flow_stat what)
{
	struct dash_eni_totals sum;

	dash_stats_sum_eni(c->eni[0].stats, &sum);
	return sum.flow[what];
}

/* Connection i of a protocol, as its initiator's packet or the answer. */
static struct dash_pkt flow_pkt(struct flow_ctx *c, u8 proto, u32 i, u8 dir,
				bool answer)
{
	struct dash_pkt pkt = {
		.skb = &c->skb,
		.dn = &c->dn,
		.inst = &c->inst,
		.eni = &c->eni[0],
		.ecfg = &c->cfg[0],
		.inner_eth = 50,
		.dir = answer ? !dir : dir,
		.t.proto = proto,
	};

	dash_addr_from_v4(&pkt.t.src, htonl(0x0a000000 | i >> 16));
	dash_addr_from_v4(&pkt.t.dst, htonl(0x0b000001));
	pkt.t.sport = htons(i);
	pkt.t.dport = htons(80);
	pkt.tcp = (struct dash_tcp_seg){
		.flags = DASH_TCP_SYN,
		.win = 1000,
		.wscale = -1,
	};
	if (proto == IPPROTO_ICMP)
		pkt.t.dport = htons(answer ? ICMP_ECHOREPLY : ICMP_ECHO);
	if (answer) {
		swap(pkt.t.src, pkt.t.dst);
		if (proto != IPPROTO_ICMP)
			swap(pkt.t.sport, pkt.t.dport);
	}
	return pkt;
}

static struct dash_flow *flow_find(struct flow_ctx *c,
				   const struct dash_pkt *pkt)
{
	struct dash_flow_key key;

	dash_flow_key_init(&key, pkt->eni->id, &pkt->t, pkt->dir);
	return dash_flow_lookup(c->ft, &key, dash_flow_hash(c->ft, &key));
}

static enum dash_drop flow_make_as(struct kunit *test,
				   const struct dash_pkt *pkt,
				   const struct dash_flow_act *act,
				   struct dash_flow **flowp)
{
	struct flow_ctx *c = test->priv;
	struct dash_flow_act what = *act;
	struct dash_flow *flow = NULL;
	struct dash_pkt p = *pkt;
	enum dash_drop drop;

	what.hash = dash_flow_act_hash(c->ft, act);
	dash_flow_key_init(&p.key, p.eni->id, &p.t, p.dir);
	p.hash = dash_flow_hash(c->ft, &p.key);
	local_bh_disable();
	rcu_read_lock();
	drop = dash_flow_create(c->ft, &p, &what, &flow);
	if (!drop)
		dash_flow_touch(c->ft, flow, &p);
	rcu_read_unlock();
	local_bh_enable();
	if (flowp)
		*flowp = flow;
	return drop;
}

static enum dash_drop flow_make(struct kunit *test, const struct dash_pkt *pkt,
				struct dash_flow **flowp)
{
	static const struct dash_flow_act act;

	return flow_make_as(test, pkt, &act, flowp);
}

/* Find and touch. */
static bool flow_hit(struct kunit *test, const struct dash_pkt *pkt)
{
	struct flow_ctx *c = test->priv;
	struct dash_flow *flow;
	bool end = false;

	local_bh_disable();
	rcu_read_lock();
	flow = flow_find(c, pkt);
	KUNIT_EXPECT_NOT_NULL(test, flow);
	if (flow)
		end = dash_flow_touch(c->ft, flow, pkt);
	rcu_read_unlock();
	local_bh_enable();
	return end;
}

static bool flow_there(struct flow_ctx *c, const struct dash_pkt *pkt)
{
	bool there;

	rcu_read_lock();
	there = flow_find(c, pkt);
	rcu_read_unlock();
	return there;
}

static int flow_state(struct flow_ctx *c, const struct dash_pkt *pkt)
{
	struct dash_flow *flow;
	int state = -1;

	rcu_read_lock();
	flow = flow_find(c, pkt);
	if (flow)
		state = flow->state;
	rcu_read_unlock();
	return state;
}

static void flow_del(struct flow_ctx *c, struct dash_flow *flow)
{
	local_bh_disable();
	rcu_read_lock();
	dash_flow_remove(c->ft, flow);
	rcu_read_unlock();
	local_bh_enable();
}

/* --- keys --- */

static void flow_test_key(struct kunit *test)
{
	static const u8 protos[] = {
		IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP,
		/* in IPv4 it is nothing special */
		IPPROTO_ICMPV6,
	};
	struct dash_flow_key a, b, rev;
	struct flow_ctx *c = test->priv;
	struct dash_flow flow = {};
	struct dash_pkt pkt, reply;
	struct dash_tuple t;
	int i, dir;

	for (i = 0; i < ARRAY_SIZE(protos); i++) {
		for (dir = 0; dir < 2; dir++) {
			pkt = flow_pkt(c, protos[i], 7, dir, false);
			reply = flow_pkt(c, protos[i], 7, dir, true);
			dash_flow_key_init(&a, 5, &pkt.t, pkt.dir);
			dash_flow_key_init(&b, 5, &reply.t, reply.dir);
			KUNIT_EXPECT_EQ(test, memcmp(&a, &b, sizeof(a)), 0);
			KUNIT_EXPECT_EQ(test, dash_flow_hash(c->ft, &a),
					dash_flow_hash(c->ft, &b));

			/* the same packet in the other direction or of
			 * another ENI is something else
			 */
			dash_flow_key_init(&rev, 5, &pkt.t, !pkt.dir);
			KUNIT_EXPECT_NE(test, memcmp(&a, &rev, sizeof(a)), 0);
			dash_flow_key_init(&b, 6, &pkt.t, pkt.dir);
			KUNIT_EXPECT_NE(test, memcmp(&a, &b, sizeof(a)), 0);

			flow.key = a;
			flow.dir = dir;
			dash_flow_tuple(&flow, &t);
			KUNIT_EXPECT_EQ(test, memcmp(&t.src, &pkt.t.src, 16), 0);
			KUNIT_EXPECT_EQ(test, memcmp(&t.dst, &pkt.t.dst, 16), 0);
			KUNIT_EXPECT_EQ(test, t.sport, pkt.t.sport);
			KUNIT_EXPECT_EQ(test, t.dport,
					protos[i] == IPPROTO_ICMP ?
					0 : pkt.t.dport);
			KUNIT_EXPECT_EQ(test, t.proto, protos[i]);
			KUNIT_EXPECT_FALSE(test, t.v6);
		}
	}
}

static bool icmp_pair(u8 proto, int request, int reply)
{
	if (proto == IPPROTO_ICMPV6)
		return request == ICMPV6_ECHO_REQUEST &&
		       reply == ICMPV6_ECHO_REPLY;
	return (request == 8 && reply == 0) ||
	       (request == 13 && reply == 14) ||
	       (request == 15 && reply == 16) ||
	       (request == 17 && reply == 18);
}

/* Two ICMP packets are of one connection if they are of the same type and
 * direction, or a pair and opposed; for all of them.
 */
static void flow_test_icmp_classes(struct kunit *test)
{
	static const u8 protos[] = { IPPROTO_ICMP, IPPROTO_ICMPV6 };
	struct flow_ctx *c = test->priv;
	int i, a, b, bad = 0;
	u32 *class;

	class = kunit_kcalloc(test, 2 * 256, sizeof(*class), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, class);
	for (i = 0; i < ARRAY_SIZE(protos); i++) {
		for (a = 0; a < 512; a++) {
			u8 dir = a >> 8;
			struct dash_pkt pkt = flow_pkt(c, protos[i], 7, OUT,
						       dir == IN);
			struct dash_flow_key key;

			pkt.t.v6 = protos[i] == IPPROTO_ICMPV6;
			pkt.t.sport = htons(99);
			pkt.t.dport = htons(a & 0xff);
			dash_flow_key_init(&key, 1, &pkt.t, dir);
			KUNIT_EXPECT_EQ(test, key.lport, htons(99));
			class[a] = ntohs(key.rport);
		}
		for (a = 0; a < 512; a++) {
			for (b = 0; b < 512; b++) {
				bool opposed = (a ^ b) >> 8;
				bool same = a == b || (opposed &&
					(icmp_pair(protos[i], a & 255, b & 255) ||
					 icmp_pair(protos[i], b & 255, a & 255)));

				bad += same != (class[a] == class[b]);
			}
		}
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
}

static void flow_test_filter(struct kunit *test)
{
	struct flow_ctx *c = test->priv;
	struct dash_flow *flow;
	struct dash_flow_filter f;
	int dir;

	for (dir = 0; dir < 2; dir++) {
		struct dash_pkt pkt = flow_pkt(c, IPPROTO_UDP, 7, dir, false);

		KUNIT_ASSERT_EQ(test, flow_make(test, &pkt, &flow), 0);
#define MATCH(...) (f = (struct dash_flow_filter){ __VA_ARGS__ },	\
		    dash_flow_match(&f, flow))
		KUNIT_EXPECT_TRUE(test, MATCH());
		KUNIT_EXPECT_TRUE(test, MATCH(.eni = &c->eni[0]));
		KUNIT_EXPECT_FALSE(test, MATCH(.eni = &c->eni[1]));
		KUNIT_EXPECT_TRUE(test, MATCH(.by_src = 1, .src = pkt.t.src,
					      .src_len = 128));
		KUNIT_EXPECT_FALSE(test, MATCH(.by_src = 1, .src = pkt.t.dst,
					      .src_len = 128));
		KUNIT_EXPECT_TRUE(test, MATCH(.by_dst = 1, .dst = pkt.t.dst,
					      .dst_len = 128));
		KUNIT_EXPECT_FALSE(test, MATCH(.by_dst = 1, .dst = pkt.t.src,
					      .dst_len = 128));
		KUNIT_EXPECT_TRUE(test, MATCH(.by_sport = 1, .sport = htons(7)));
		KUNIT_EXPECT_FALSE(test, MATCH(.by_sport = 1));
		KUNIT_EXPECT_TRUE(test, MATCH(.by_dport = 1, .dport = htons(80)));
		KUNIT_EXPECT_FALSE(test, MATCH(.by_dport = 1, .dport = 1));
		KUNIT_EXPECT_TRUE(test, MATCH(.by_port = 1, .port = htons(7)));
		KUNIT_EXPECT_TRUE(test, MATCH(.by_port = 1, .port = htons(80)));
		KUNIT_EXPECT_FALSE(test, MATCH(.by_port = 1, .port = 80));
		pkt.t.src.s6_addr[15] ^= 1;
		KUNIT_EXPECT_TRUE(test, MATCH(.by_src = 1, .src = pkt.t.src,
					      .src_len = 127));
		KUNIT_EXPECT_FALSE(test, MATCH(.by_src = 1, .src = pkt.t.src,
					       .src_len = 128));
		KUNIT_EXPECT_TRUE(test, MATCH(.by_proto = 1, .proto = 17));
		KUNIT_EXPECT_FALSE(test, MATCH(.by_proto = 1, .proto = 6));
		KUNIT_EXPECT_TRUE(test, MATCH(.by_state = 1,
					      .state = DASH_FLOW_STATE_NEW));
		KUNIT_EXPECT_FALSE(test, MATCH(.by_state = 1));
		KUNIT_EXPECT_FALSE(test, MATCH(.age = 10));
		flow->created -= 10 * HZ;
		KUNIT_EXPECT_TRUE(test, MATCH(.age = 10));
		KUNIT_EXPECT_FALSE(test, MATCH(.age = 12));
#undef MATCH
		flow_del(c, flow);
	}
}

/* --- creation and removal --- */

static void flow_test_create(struct kunit *test)
{
	struct flow_ctx *c = test->priv;
	struct dash_pkt pkt = flow_pkt(c, IPPROTO_UDP, 7, OUT, false);
	struct dash_pkt reply = flow_pkt(c, IPPROTO_UDP, 7, OUT, true);
	struct dash_flow *flow, *again;

	KUNIT_EXPECT_FALSE(test, flow_there(c, &pkt));
	KUNIT_ASSERT_EQ(test, flow_make(test, &pkt, &flow), 0);
	KUNIT_EXPECT_TRUE(test, flow_there(c, &pkt));
	KUNIT_EXPECT_TRUE(test, flow_there(c, &reply));
	KUNIT_EXPECT_EQ(test, flow->state, DASH_FLOW_STATE_NEW);
	KUNIT_EXPECT_EQ(test, flow_stat(c, DASH_FLOW_MATCHED_UDP), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&c->eni[0].flows), 1);

	/* another CPU's: that one is given, ours goes */
	KUNIT_ASSERT_EQ(test, flow_make(test, &reply, &again), 0);
	KUNIT_EXPECT_PTR_EQ(test, again, flow);
	KUNIT_EXPECT_EQ(test, atomic_read(&c->eni[0].flows), 1);
	KUNIT_EXPECT_EQ(test, flow->dir, OUT);
	KUNIT_EXPECT_EQ(test, flow->state, DASH_FLOW_STATE_STREAM);

	flow_hit(test, &pkt);
	flow_hit(test, &reply);
	KUNIT_EXPECT_EQ(test, flow_stat(c, DASH_FLOW_MATCHED_UDP), 3);
	KUNIT_EXPECT_EQ(test, flow->packets[0], 2);
	KUNIT_EXPECT_EQ(test, flow->packets[1], 2);
	KUNIT_EXPECT_EQ(test, flow->bytes[0], 2 * 64);

	local_bh_disable();
	rcu_read_lock();
	KUNIT_EXPECT_TRUE(test, dash_flow_remove(c->ft, flow));
	KUNIT_EXPECT_FALSE(test, dash_flow_remove(c->ft, flow));
	KUNIT_EXPECT_TRUE(test, flow->dead);
	rcu_read_unlock();
	local_bh_enable();
	KUNIT_EXPECT_FALSE(test, flow_there(c, &pkt));
	KUNIT_EXPECT_EQ(test, atomic_read(&c->eni[0].flows), 0);
	KUNIT_EXPECT_EQ(test, c->eni[0].flows_max, 1);
	KUNIT_EXPECT_EQ(test, flow_stat(c, DASH_FLOW_CREATED), 1);
	KUNIT_EXPECT_EQ(test, flow_stat(c, DASH_FLOW_REMOVED), 1);
	KUNIT_EXPECT_EQ(test, flow_stat(c, DASH_FLOW_TIMED_OUT), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&flow_nexthops), 2);
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, atomic_read(&flow_nexthops), 0);
}

/* --- decisions --- */

static const struct dash_flow_act *flow_act_of(struct kunit *test,
					       const struct dash_flow *flow)
{
	const struct dash_flow_act *act;

	rcu_read_lock();
	act = rcu_dereference(flow->act);
	rcu_read_unlock();
	return act;
}

static enum dash_drop flow_redecide(struct kunit *test, struct dash_flow *flow,
				    struct dash_flow_act *what)
{
	struct flow_ctx *c = test->priv;
	struct dash_pkt pkt = flow_pkt(c, IPPROTO_UDP, 7, OUT, false);
	enum dash_drop drop;

	what->hash = dash_flow_act_hash(c->ft, what);
	local_bh_disable();
	rcu_read_lock();
	drop = dash_flow_redecide(c->ft, flow, &pkt, what);
	rcu_read_unlock();
	local_bh_enable();
	return drop;
}

/* What is decided alike is stored once, whatever is different is not. */
static void flow_test_acts(struct kunit *test)
{
	static const size_t differ[] = {
		offsetof(struct dash_flow_act, xf[0].saddr),
		offsetof(struct dash_flow_act, xf[0].daddr),
		offsetof(struct dash_flow_act, xf[0].sport),
		offsetof(struct dash_flow_act, xf[0].dmac) + 5,
		offsetof(struct dash_flow_act, xf[0].kind),
		offsetof(struct dash_flow_act, xf[0].encap),
		offsetof(struct dash_flow_act, xf[0].set_dmac),
		offsetof(struct dash_flow_act, xf[0].hash_sport),
		offsetof(struct dash_flow_act, xf[1].daddr) + 15,
		offsetof(struct dash_flow_act, xf[1].vni),
		offsetof(struct dash_flow_act, gen),
		offsetof(struct dash_flow_act, eni_id),
		offsetof(struct dash_flow_act, vni),
		offsetof(struct dash_flow_act, encap),
		offsetof(struct dash_flow_act, pa),
		offsetof(struct dash_flow_act, vip),
		offsetof(struct dash_flow_act, vnet),
		offsetof(struct dash_flow_act, endpoints),
		offsetof(struct dash_flow_act, ip),
		offsetof(struct dash_flow_act, mapping),
	};
	struct flow_ctx *c = test->priv;
	struct dash_flow_act what = {};
	struct dash_flow *flow[ARRAY_SIZE(differ) + 2];
	struct dash_pkt pkt;
	int i, j;

	for (i = 0; i < ARRAY_SIZE(flow); i++) {
		/* the last one is like the first */
		memset(&what, 0, sizeof(what));
		if (i && i <= ARRAY_SIZE(differ))
			((u8 *)&what)[differ[i - 1]] = 1;
		what.vnet_gen = i;
		pkt = flow_pkt(c, IPPROTO_UDP, i, OUT, false);
		KUNIT_ASSERT_EQ(test, flow_make_as(test, &pkt, &what, &flow[i]),
				0);
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_EQ(test, flow_act_of(test, flow[i]) ==
					flow_act_of(test, flow[j]),
					i == ARRAY_SIZE(flow) - 1 && !j);
	}
	/* it holds for both at the later generation of mappings */
	KUNIT_EXPECT_EQ(test, flow_act_of(test, flow[0])->vnet_gen,
			ARRAY_SIZE(flow) - 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&flow_nexthops),
			2 * (1 + ARRAY_SIZE(differ)));

	/* one goes over to the other's */
	memset(&what, 0, sizeof(what));
	KUNIT_EXPECT_EQ(test, flow_redecide(test, flow[1], &what), 0);
	KUNIT_EXPECT_PTR_EQ(test, flow_act_of(test, flow[1]),
			    flow_act_of(test, flow[0]));
	KUNIT_EXPECT_EQ(test, flow_act_of(test, flow[0])->vnet_gen,
			ARRAY_SIZE(flow) - 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&flow_nexthops),
			2 * ARRAY_SIZE(differ));

	/* and it stays until the last of them is gone */
	flow_del(c, flow[0]);
	flow_del(c, flow[1]);
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, atomic_read(&flow_nexthops),
			2 * ARRAY_SIZE(differ));
	flow_del(c, flow[ARRAY_SIZE(flow) - 1]);
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, atomic_read(&flow_nexthops),
			2 * (ARRAY_SIZE(differ) - 1));
}

/* Whoever sends chooses the outer source, but not which others it meets in the
 * table: these share a bucket when the hash is one that can be foretold, until
 * there is no room in it.
 */
static void flow_test_act_sources(struct kunit *test)
{
	struct flow_ctx *c = test->priv;
	struct dash_flow_act what = {};
	u32 init = __ipv6_addr_jhash(&what.xf[0].daddr, 0);
	struct dash_flow *flow;
	struct dash_pkt pkt;
	u32 i, n = 0, h;

	for (i = 0; n < 48; i++) {
		what.pa.s6_addr32[3] = cpu_to_be32(i);
		h = jhash_2words(0, 0, __ipv6_addr_jhash(&what.pa, init));
		if (h & 0xfff)
			continue;
		pkt = flow_pkt(c, IPPROTO_UDP, n++, OUT, false);
		KUNIT_ASSERT_EQ(test, flow_make_as(test, &pkt, &what, &flow), 0);
		KUNIT_ASSERT_TRUE_MSG(test, flow_act_of(test, flow)->hashed,
				      "source %u", n);
	}
}

/* --- TCP through a table --- */

static bool flow_seg(struct kunit *test, bool answer, u8 flags, u32 seq,
		     u32 ack)
{
	struct dash_pkt pkt = flow_pkt(test->priv, IPPROTO_TCP, 7, OUT, answer);

	pkt.tcp.flags = flags;
	pkt.tcp.seq = seq;
	pkt.tcp.ack = ack;
	return flow_hit(test, &pkt);
}

static void flow_test_tcp(struct kunit *test)
{
	struct flow_ctx *c = test->priv;
	struct dash_pkt pkt = flow_pkt(c, IPPROTO_TCP, 7, OUT, false);
	struct dash_pkt frag = flow_pkt(c, IPPROTO_TCP, 7, OUT, false);
	struct dash_flow *flow;
	unsigned long last;

	KUNIT_ASSERT_EQ(test, flow_make(test, &pkt, &flow), 0);
	KUNIT_EXPECT_EQ(test, flow->state, DASH_FLOW_STATE_SYN_SENT);
	KUNIT_EXPECT_FALSE(test, flow->answered);
	KUNIT_EXPECT_FALSE(test, flow_seg(test, true, 0x12, 0, 1));
	KUNIT_EXPECT_EQ(test, flow->state, DASH_FLOW_STATE_SYN_RECV);
	KUNIT_EXPECT_TRUE(test, flow->answered);
	flow_seg(test, false, 0x10, 1, 1);
	KUNIT_EXPECT_EQ(test, flow->state, DASH_FLOW_STATE_ESTABLISHED);
	KUNIT_EXPECT_FALSE(test, dash_flow_is_over(flow));

	/* a later fragment has no header; its old numbers mean nothing */
	frag.frag = DASH_FRAG_LATER;
	frag.tcp.flags = DASH_TCP_RST;
	frag.tcp.seq = 1;
	flow_hit(test, &frag);
	KUNIT_EXPECT_EQ(test, flow->state, DASH_FLOW_STATE_ESTABLISHED);

	flow->last -= HZ;
	last = flow->last;
	flow_seg(test, false, 0x10, 1, 1);
	KUNIT_EXPECT_NE(test, flow->last, last);
	flow->last -= HZ;
	flow_seg(test, false, 0x14, 1, 1);
	KUNIT_EXPECT_EQ(test, flow->state, DASH_FLOW_STATE_CLOSED);
	KUNIT_EXPECT_LT(test, jiffies - flow->last, HZ / 2);
	KUNIT_EXPECT_TRUE(test, dash_flow_is_over(flow));

	/* from now on nothing keeps it */
	flow->last -= HZ;
	last = flow->last;
	flow_seg(test, true, 0x10, 1, 1);
	KUNIT_EXPECT_EQ(test, flow->last, last);

	KUNIT_EXPECT_EQ(test, flow_stat(c, DASH_FLOW_TCP_SYN), 1);
	KUNIT_EXPECT_EQ(test, flow_stat(c, DASH_FLOW_TCP_SYN_ACK), 1);
	KUNIT_EXPECT_EQ(test, flow_stat(c, DASH_FLOW_TCP_RST), 1);
	KUNIT_EXPECT_EQ(test, flow_stat(c, DASH_FLOW_TCP_FIN), 0);
	KUNIT_EXPECT_EQ(test, flow_stat(c, DASH_FLOW_TCP_ESTABLISHED), 1);

	flow_del(c, flow);
	KUNIT_ASSERT_EQ(test, flow_make(test, &pkt, &flow), 0);
	KUNIT_EXPECT_TRUE(test, flow_seg(test, true, 0x14, 0, 1));
}

/* --- limits --- */

static void flow_test_limits(struct kunit *test)
{
	struct flow_ctx *c = test->priv;
	struct dash_pkt pkt;
	u32 i;

	/* the longest idle unanswered one makes room, not the oldest */
	c->cfg[0].max_flows = 4;
	for (i = 0; i < 4; i++) {
		pkt = flow_pkt(c, IPPROTO_UDP, i, OUT, false);
		KUNIT_ASSERT_EQ(test, flow_make(test, &pkt, NULL), 0);
	}
	pkt = flow_pkt(c, IPPROTO_UDP, 0, OUT, true);
	flow_hit(test, &pkt);
	msleep(200);
	pkt = flow_pkt(c, IPPROTO_UDP, 1, OUT, false);
	flow_hit(test, &pkt);
	pkt = flow_pkt(c, IPPROTO_UDP, 4, OUT, false);
	KUNIT_EXPECT_EQ(test, flow_make(test, &pkt, NULL), 0);
	for (i = 0; i < 5; i++) {
		pkt = flow_pkt(c, IPPROTO_UDP, i, OUT, false);
		KUNIT_EXPECT_EQ(test, flow_there(c, &pkt), i != 2);
		pkt = flow_pkt(c, IPPROTO_UDP, i, OUT, true);
		if (i != 2)
			flow_hit(test, &pkt);
	}
	/* answered ones never suffer */
	pkt = flow_pkt(c, IPPROTO_UDP, 5, OUT, false);
	KUNIT_EXPECT_EQ(test, flow_make(test, &pkt, NULL),
			DASH_DROP_FLOW_LIMIT);
	KUNIT_EXPECT_EQ(test, atomic_read(&c->eni[0].flows), 4);
	KUNIT_EXPECT_EQ(test, c->eni[0].flows_max, 4);

	c->cfg[0].max_flows = 0;
	c->inst.max_flows = 4;
	KUNIT_EXPECT_EQ(test, flow_make(test, &pkt, NULL),
			DASH_DROP_MAX_FLOWS);
	KUNIT_EXPECT_EQ(test, atomic_read(&c->eni[0].flows), 4);
	c->inst.max_flows = 5;
	KUNIT_EXPECT_EQ(test, flow_make(test, &pkt, NULL), 0);
	pkt = flow_pkt(c, IPPROTO_UDP, 6, OUT, false);
	KUNIT_EXPECT_EQ(test, flow_make(test, &pkt, NULL), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&c->eni[0].flows), 5);
	/* another ENI's unanswered ones are not for us */
	pkt.eni = &c->eni[1];
	pkt.ecfg = &c->cfg[1];
	KUNIT_EXPECT_EQ(test, flow_make(test, &pkt, NULL),
			DASH_DROP_MAX_FLOWS);
}

static enum dash_drop flow_make_udp(struct kunit *test, u32 i)
{
	struct dash_pkt pkt = flow_pkt(test->priv, IPPROTO_UDP, i, OUT, false);

	return flow_make(test, &pkt, NULL);
}

static void flow_test_half(struct kunit *test)
{
	struct flow_ctx *c = test->priv;
	struct dash_eni *eni = &c->eni[0];
	struct dash_pkt pkt;
	u32 i;

	/* those there are already count when a limit comes */
	for (i = 0; i < 4; i++)
		KUNIT_ASSERT_EQ(test, flow_make_udp(test, i), 0);
	KUNIT_EXPECT_EQ(test, eni->n_half, 4);
	c->cfg[0].max_half = 2;
	/* two go for each that comes while there are too many */
	KUNIT_EXPECT_EQ(test, flow_make_udp(test, 4), 0);
	KUNIT_EXPECT_EQ(test, eni->n_half, 3);
	KUNIT_EXPECT_EQ(test, flow_make_udp(test, 5), 0);
	KUNIT_EXPECT_EQ(test, eni->n_half, 2);
	KUNIT_EXPECT_EQ(test, flow_make_udp(test, 6), 0);
	KUNIT_EXPECT_EQ(test, eni->n_half, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&eni->flows), 2);
	KUNIT_EXPECT_EQ(test, flow_stat(c, DASH_FLOW_EVICTED), 5);

	/* answered ones are none, and stay */
	pkt = flow_pkt(c, IPPROTO_UDP, 6, OUT, true);
	flow_hit(test, &pkt);
	KUNIT_EXPECT_EQ(test, eni->n_half, 1);
	for (i = 7; i < 20; i++)
		KUNIT_EXPECT_EQ(test, flow_make_udp(test, i), 0);
	KUNIT_EXPECT_TRUE(test, flow_there(c, &pkt));
	KUNIT_EXPECT_EQ(test, eni->n_half, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&eni->flows), 3);

	/* neither are those taken up in their middle */
	pkt = flow_pkt(c, IPPROTO_TCP, 1, OUT, false);
	pkt.tcp.flags = 0x10;
	KUNIT_EXPECT_EQ(test, flow_make(test, &pkt, NULL), 0);
	KUNIT_EXPECT_EQ(test, eni->n_half, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&eni->flows), 4);

	/* as long as others are about to link all of them there is no room */
	pkt = flow_pkt(c, IPPROTO_UDP, 18, OUT, true);
	flow_hit(test, &pkt);
	pkt = flow_pkt(c, IPPROTO_UDP, 19, OUT, true);
	flow_hit(test, &pkt);
	KUNIT_EXPECT_EQ(test, eni->n_half, 0);
	eni->n_half = 2;
	KUNIT_EXPECT_EQ(test, flow_make_udp(test, 20),
			DASH_DROP_HALF_OPEN_LIMIT);
	KUNIT_EXPECT_EQ(test, eni->n_half, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&eni->flows), 4);
	eni->n_half = 0;

	/* what is refused for another reason, or there already, costs nothing */
	c->inst.max_flows = 4;
	KUNIT_EXPECT_EQ(test, flow_make_udp(test, 21), DASH_DROP_MAX_FLOWS);
	KUNIT_EXPECT_EQ(test, eni->n_half, 0);
	c->inst.max_flows = 100;
	KUNIT_EXPECT_EQ(test, flow_make_udp(test, 21), 0);
	KUNIT_EXPECT_EQ(test, flow_make_udp(test, 21), 0);
	KUNIT_EXPECT_EQ(test, eni->n_half, 1);
}

static void flow_test_cps(struct kunit *test)
{
	struct flow_ctx *c = test->priv;
	struct dash_eni *eni = &c->eni[0];
	struct dash_flow *flow;
	struct dash_pkt pkt;
	u32 i;

	/* a full bucket at first, filled by time; stop the clock for that */
	c->cfg[0].max_cps = 10;
	for (i = 0; i < 10; i++) {
		pkt = flow_pkt(c, IPPROTO_UDP, i, OUT, false);
		KUNIT_EXPECT_EQ(test, flow_make(test, &pkt, &flow), 0);
	}
	eni->cps.last = jiffies;
	pkt = flow_pkt(c, IPPROTO_UDP, i, OUT, false);
	KUNIT_EXPECT_EQ(test, flow_make(test, &pkt, NULL),
			DASH_DROP_CPS_LIMIT);
	eni->cps.last = jiffies - HZ / 10 - 1;
	KUNIT_EXPECT_EQ(test, flow_make(test, &pkt, NULL), 0);
	pkt = flow_pkt(c, IPPROTO_UDP, 20, OUT, false);
	KUNIT_EXPECT_EQ(test, flow_make(test, &pkt, NULL),
			DASH_DROP_CPS_LIMIT);

	/* never more than one second's */
	eni->cps.last = jiffies - 100 * HZ;
	KUNIT_EXPECT_EQ(test, flow_make(test, &pkt, NULL), 0);
	KUNIT_EXPECT_EQ(test, eni->cps.tokens, 9 * HZ);

	/* other refusals cost nothing, and come after */
	for (i = 0; i <= 20; i++) {
		pkt = flow_pkt(c, IPPROTO_UDP, i, OUT, true);
		if (flow_there(c, &pkt))
			flow_hit(test, &pkt);
	}
	c->cfg[0].max_flows = 1;
	pkt = flow_pkt(c, IPPROTO_UDP, 21, OUT, false);
	eni->cps.tokens = 5 * HZ;
	eni->cps.last = jiffies;
	KUNIT_EXPECT_EQ(test, flow_make(test, &pkt, NULL),
			DASH_DROP_FLOW_LIMIT);
	KUNIT_EXPECT_GE(test, eni->cps.tokens, 5 * HZ);
	KUNIT_EXPECT_LT(test, eni->cps.tokens, 6 * HZ);
	eni->cps.tokens = 0;
	eni->cps.last = jiffies;
	KUNIT_EXPECT_EQ(test, flow_make(test, &pkt, NULL),
			DASH_DROP_CPS_LIMIT);
}

/* --- walks --- */

#define WALK_FLOWS	30000

struct walk_ctx {
	u8 *seen;
	u32 n, stop_after;
};

static int walk_mark(struct dash_flow *flow, void *arg)
{
	struct walk_ctx *w = arg;
	struct dash_tuple t;
	u32 i;

	if (w->stop_after && !--w->stop_after)
		return -EMSGSIZE;
	dash_flow_tuple(flow, &t);
	i = (ntohl(dash_addr_v4(&t.src)) & 0xffff) << 16 | ntohs(t.sport);
	if (w->seen[i] < 255)
		w->seen[i]++;
	w->n++;
	return 0;
}

static void flow_fill(struct kunit *test, u32 from, u32 to)
{
	struct dash_pkt pkt;

	for (; from < to; from++) {
		pkt = flow_pkt(test->priv, IPPROTO_UDP, from, OUT, false);
		KUNIT_ASSERT_EQ(test, flow_make(test, &pkt, NULL), 0);
	}
}

static u32 walk_missed(const struct walk_ctx *w, u32 n)
{
	u32 i, missed = 0;

	for (i = 0; i < n; i++)
		missed += !w->seen[i];
	return missed;
}

static void flow_test_walk(struct kunit *test)
{
	struct dash_flow_filter f = { .by_sport = true };
	struct flow_ctx *c = test->priv;
	struct dash_flow_pos pos = {};
	struct walk_ctx w = {};
	u32 calls = 0;
	int err;

	w.seen = kunit_kzalloc(test, WALK_FLOWS, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w.seen);
	KUNIT_EXPECT_EQ(test, dash_flow_walk(NULL, &pos, walk_mark, &w), 0);
	KUNIT_EXPECT_EQ(test, dash_flow_walk(c->ft, &pos, walk_mark, &w), 0);
	KUNIT_EXPECT_EQ(test, w.n, 0);

	/* stop again and again, and let it grow in between */
	memset(&pos, 0, sizeof(pos));
	flow_fill(test, 0, 1000);
	do {
		w.stop_after = 17;
		err = dash_flow_walk(c->ft, &pos, walk_mark, &w);
		if (++calls < 30)
			flow_fill(test, calls * 1000, calls * 1000 + 1000);
	} while (err);
	KUNIT_EXPECT_GE(test, calls, 30);
	KUNIT_EXPECT_EQ(test, walk_missed(&w, 1000), 0);
	KUNIT_EXPECT_EQ(test, dash_flow_walk(c->ft, &pos, walk_mark, &w), 0);

	/* let the tables grow to the end, then every one is met once */
	msleep(500);
	memset(&pos, 0, sizeof(pos));
	memset(w.seen, 0, WALK_FLOWS);
	w.n = 0;
	w.stop_after = 0;
	KUNIT_EXPECT_EQ(test, dash_flow_walk(c->ft, &pos, walk_mark, &w), 0);
	KUNIT_EXPECT_EQ(test, w.n, WALK_FLOWS);
	KUNIT_EXPECT_EQ(test, walk_missed(&w, WALK_FLOWS), 0);

	f.sport = htons(77);
	KUNIT_EXPECT_EQ(test, dash_flow_flush(c->ft, &f), 1);
	KUNIT_EXPECT_EQ(test, dash_flow_flush(c->ft, &f), 0);
	dash_flow_flush_eni(c->ft, &c->eni[1]);
	KUNIT_EXPECT_EQ(test, atomic_read(&c->eni[0].flows), WALK_FLOWS - 1);
	dash_flow_flush_eni(c->ft, &c->eni[0]);
	KUNIT_EXPECT_EQ(test, atomic_read(&c->eni[0].flows), 0);
	KUNIT_EXPECT_EQ(test, flow_stat(c, DASH_FLOW_REMOVED), WALK_FLOWS);
	KUNIT_EXPECT_EQ(test, flow_stat(c, DASH_FLOW_TIMED_OUT), 0);
}

/* --- ageing --- */

/* Wait until connection i is gone, at most for so long. */
static unsigned long flow_wait_gone(struct kunit *test, u8 proto, u32 i,
				    unsigned long max)
{
	struct dash_pkt pkt = flow_pkt(test->priv, proto, i, OUT, false);
	unsigned long start = jiffies;

	while (flow_there(test->priv, &pkt) && jiffies - start < max)
		msleep(20);
	return jiffies - start;
}

static void flow_test_age(struct kunit *test)
{
	struct flow_ctx *c = test->priv;
	unsigned long start, took;
	struct dash_pkt pkt;
	u32 i;

	for (i = 0; i < DASH_TIMEOUTS; i++)
		c->cfg[0].timeout[i] = 60 * HZ;
	c->cfg[0].timeout[DASH_TIMEOUT_UDP_NEW] = HZ;
	c->cfg[0].timeout[DASH_TIMEOUT_ICMP] = 2 * HZ;

	/* UDP 0 is idle, 1 is refreshed, 2 answered; ICMP has its own time */
	start = jiffies;
	flow_fill(test, 0, 1000);
	pkt = flow_pkt(c, IPPROTO_ICMP, 0, OUT, false);
	KUNIT_ASSERT_EQ(test, flow_make(test, &pkt, NULL), 0);
	pkt = flow_pkt(c, IPPROTO_UDP, 2, OUT, true);
	flow_hit(test, &pkt);
	for (i = 0; i < 9; i++) {
		msleep(100);
		pkt = flow_pkt(c, IPPROTO_UDP, 1, OUT, false);
		flow_hit(test, &pkt);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&c->eni[0].flows), 1001);
	flow_wait_gone(test, IPPROTO_UDP, 0, 3 * HZ);
	took = jiffies - start;
	KUNIT_EXPECT_GE(test, took, HZ);
	KUNIT_EXPECT_LE(test, took, 2 * HZ);
	pkt = flow_pkt(c, IPPROTO_UDP, 1, OUT, false);
	KUNIT_EXPECT_TRUE(test, flow_there(c, &pkt));
	flow_wait_gone(test, IPPROTO_UDP, 1, 3 * HZ);
	took = jiffies - start;
	KUNIT_EXPECT_GE(test, took, 19 * HZ / 10);
	KUNIT_EXPECT_LE(test, took, 3 * HZ);

	flow_wait_gone(test, IPPROTO_ICMP, 0, 3 * HZ);
	took = jiffies - start;
	KUNIT_EXPECT_GE(test, took, 2 * HZ);
	KUNIT_EXPECT_LE(test, took, 3 * HZ);
	KUNIT_EXPECT_EQ(test, atomic_read(&c->eni[0].flows), 1);
	KUNIT_EXPECT_EQ(test, flow_stat(c, DASH_FLOW_TIMED_OUT), 1000);
	KUNIT_EXPECT_EQ(test, flow_stat(c, DASH_FLOW_REMOVED), 1000);

	/* an ENI that is deleted keeps nothing */
	RCU_INIT_POINTER(c->eni[0].cfg, NULL);
	pkt = flow_pkt(c, IPPROTO_UDP, 2, OUT, false);
	KUNIT_EXPECT_TRUE(test, flow_there(c, &pkt));
	dash_flow_retime(c->ft, &c->eni[0]);
	took = flow_wait_gone(test, IPPROTO_UDP, 2, 3 * HZ);
	KUNIT_EXPECT_LE(test, took, HZ);
}

/* A change of state or configuration takes effect at once. */
static void flow_test_age_sooner(struct kunit *test)
{
	struct flow_ctx *c = test->priv;
	struct dash_pkt pkt = flow_pkt(c, IPPROTO_TCP, 7, OUT, false);
	struct dash_flow *flow;
	unsigned long took;

	c->cfg[0].timeout[DASH_TIMEOUT_ESTABLISHED] = 350 * HZ;
	c->cfg[0].timeout[DASH_TIMEOUT_CLOSED] = HZ;
	c->cfg[0].timeout[DASH_TIMEOUT_UDP_STREAM] = HZ / 2;

	KUNIT_ASSERT_EQ(test, flow_make(test, &pkt, &flow), 0);
	flow_seg(test, true, 0x12, 0, 1);
	flow_seg(test, false, 0x10, 1, 1);
	KUNIT_EXPECT_EQ(test, flow_state(c, &pkt), DASH_FLOW_STATE_ESTABLISHED);
	/* idle for long, which must not count for the state closed */
	flow->last -= 100 * HZ;
	flow_seg(test, false, 0x14, 1, 1);
	KUNIT_EXPECT_EQ(test, flow_state(c, &pkt), DASH_FLOW_STATE_CLOSED);
	took = flow_wait_gone(test, IPPROTO_TCP, 7, 3 * HZ);
	KUNIT_EXPECT_GE(test, took, HZ - 1);
	KUNIT_EXPECT_LE(test, took, 2 * HZ);

	pkt = flow_pkt(c, IPPROTO_UDP, 8, OUT, false);
	KUNIT_ASSERT_EQ(test, flow_make(test, &pkt, NULL), 0);
	pkt = flow_pkt(c, IPPROTO_UDP, 8, OUT, true);
	flow_hit(test, &pkt);
	took = flow_wait_gone(test, IPPROTO_UDP, 8, 3 * HZ);
	KUNIT_EXPECT_GE(test, took, HZ / 2 - 1);
	KUNIT_EXPECT_LE(test, took, 3 * HZ / 2);

	pkt = flow_pkt(c, IPPROTO_UDP, 9, OUT, false);
	KUNIT_ASSERT_EQ(test, flow_make(test, &pkt, NULL), 0);
	c->cfg[0].timeout[DASH_TIMEOUT_UDP_NEW] = HZ / 2;
	dash_flow_retime(c->ft, &c->eni[0]);
	took = flow_wait_gone(test, IPPROTO_UDP, 9, 3 * HZ);
	KUNIT_EXPECT_GE(test, took, HZ / 2 - 1);
	KUNIT_EXPECT_LE(test, took, 3 * HZ / 2);
}

static void flow_test_stats(struct kunit *test)
{
	struct dash_port_stats __percpu *ps = alloc_percpu(struct dash_port_stats);
	struct flow_ctx *c = test->priv;
	struct dash_port_totals port;
	struct dash_eni_totals sum;
	int cpu, n = 0;

	KUNIT_ASSERT_NOT_NULL(test, ps);
	for_each_possible_cpu(cpu) {
		struct dash_eni_stats *s = per_cpu_ptr(c->eni[0].stats, cpu);
		struct dash_port_stats *p = per_cpu_ptr(ps, cpu);

		n++;
		u64_stats_add(&s->dir[0].rx_packets, 1);
		u64_stats_add(&s->dir[1].tx_bytes, 10);
		u64_stats_add(&s->dir[1].drops[DASH_DROP_MAX], 100);
		u64_stats_add(&s->dir[0].acl_drops[4], 1000);
		u64_stats_add(&s->flow[DASH_FLOW_STATS - 1], 10000);
		u64_stats_add(&p->passed, 5);
		u64_stats_add(&p->drops[DASH_DROP_MAX], 50);
	}
	dash_stats_sum_eni(c->eni[0].stats, &sum);
	KUNIT_EXPECT_EQ(test, sum.dir[0].rx_packets, n);
	KUNIT_EXPECT_EQ(test, sum.dir[1].rx_packets, 0);
	KUNIT_EXPECT_EQ(test, sum.dir[1].tx_bytes, 10 * n);
	KUNIT_EXPECT_EQ(test, sum.dir[1].drops[DASH_DROP_MAX], 100 * n);
	KUNIT_EXPECT_EQ(test, sum.dir[0].acl_drops[4], 1000 * n);
	KUNIT_EXPECT_EQ(test, sum.flow[DASH_FLOW_STATS - 1], 10000 * n);
	dash_stats_sum_port(ps, &port);
	KUNIT_EXPECT_EQ(test, port.passed, 5 * n);
	KUNIT_EXPECT_EQ(test, port.ours, 0);
	KUNIT_EXPECT_EQ(test, port.drops[DASH_DROP_MAX], 50 * n);
	free_percpu(ps);
}

#define TOP_FLOWS	300

/* Connection i had i * 7 % TOP_FLOWS packets more, and is i seconds old. */
static void flow_test_top(struct kunit *test)
{
	struct dash_flow_filter f = {}, none = { .by_proto = true };
	struct flow_ctx *c = test->priv;
	struct dash_flow_rank *rank;
	struct dash_flow *flow;
	int i, n;

	rank = kunit_kcalloc(test, 1000, sizeof(*rank), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, rank);
	for (i = 0; i < TOP_FLOWS; i++) {
		struct dash_pkt pkt = flow_pkt(c, IPPROTO_UDP, i, OUT, false);

		KUNIT_ASSERT_EQ(test, flow_make(test, &pkt, &flow), 0);
		flow->packets[0] += i * 7 % TOP_FLOWS;
		flow->bytes[1] += i;
		flow->created -= i * HZ;
		flow->last -= (i % 10) * HZ;
	}
	KUNIT_EXPECT_EQ(test, dash_flow_count(c->ft, &f), TOP_FLOWS);
	KUNIT_EXPECT_EQ(test, dash_flow_count(c->ft, &none), 0);
	KUNIT_EXPECT_EQ(test, dash_flow_top(c->ft, &none, 0, rank, 10), 0);
	KUNIT_EXPECT_EQ(test, dash_flow_top(NULL, &f, 0, rank, 10), 0);

	for (n = 1; n < 1000; n = n * 5 + 1) {
		int want = min(n, TOP_FLOWS), bad = 0;

		KUNIT_EXPECT_EQ(test, dash_flow_top(c->ft, &f,
						    DASH_FLOW_ORDER_PACKETS,
						    rank, n), want);
		for (i = 0; i < want; i++)
			bad += rank[i].value != TOP_FLOWS - i;
		KUNIT_EXPECT_EQ(test, bad, 0);
	}
	n = dash_flow_top(c->ft, &f, DASH_FLOW_ORDER_BYTES, rank, 3);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_EQ(test, ntohs(rank[i].key.lport),
				TOP_FLOWS - 1 - i);
	n = dash_flow_top(c->ft, &f, DASH_FLOW_ORDER_AGE, rank, 3);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_EQ(test, ntohs(rank[i].key.lport),
				TOP_FLOWS - 1 - i);
	n = dash_flow_top(c->ft, &f, DASH_FLOW_ORDER_IDLE, rank, 30);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_EQ(test, ntohs(rank[i].key.lport) % 10, 9);
}

static enum dash_drop flow_bring(struct kunit *test, u32 i,
				 const struct dash_flow_saved *saved,
				 enum dash_flow_restored *res)
{
	struct flow_ctx *c = test->priv;
	struct dash_flow_act what = {};
	struct dash_pkt p = flow_pkt(c, IPPROTO_UDP, i, OUT, false);
	enum dash_drop drop;

	what.hash = dash_flow_act_hash(c->ft, &what);
	dash_flow_key_init(&p.key, p.eni->id, &p.t, p.dir);
	p.hash = dash_flow_hash(c->ft, &p.key);
	local_bh_disable();
	rcu_read_lock();
	drop = dash_flow_restore(c->ft, &p, &what, saved, res);
	rcu_read_unlock();
	local_bh_enable();
	return drop;
}

static void flow_test_restore(struct kunit *test)
{
	struct dash_flow_saved s = {
		.state = DASH_FLOW_STATE_STREAM,
		.answered = true,
		.age = 100,
		.idle = 20,
		.packets = { 3, 4 },
	};
	struct flow_ctx *c = test->priv;
	enum dash_flow_restored res = 0;
	struct dash_flow *flow;
	struct dash_pkt pkt;

	c->cfg[0].max_flows = 3;
	c->cfg[0].max_cps = 1;
	pkt = flow_pkt(c, IPPROTO_UDP, 9, OUT, false);
	KUNIT_ASSERT_EQ(test, flow_make(test, &pkt, NULL), 0);

	KUNIT_EXPECT_EQ(test, flow_bring(test, 1, &s, &res), 0);
	KUNIT_EXPECT_EQ(test, res, DASH_FLOW_RESTORED);
	KUNIT_EXPECT_EQ(test, flow_bring(test, 1, &s, &res), 0);
	KUNIT_EXPECT_EQ(test, res, DASH_FLOW_EXISTING);
	pkt = flow_pkt(c, IPPROTO_UDP, 1, OUT, false);
	rcu_read_lock();
	flow = flow_find(c, &pkt);
	KUNIT_ASSERT_NOT_NULL(test, flow);
	KUNIT_EXPECT_EQ(test, flow->state, DASH_FLOW_STATE_STREAM);
	KUNIT_EXPECT_EQ(test, flow->packets[1], 4);
	KUNIT_EXPECT_TRUE(test, list_empty(&flow->half));
	KUNIT_EXPECT_EQ(test, (jiffies - flow->created) / HZ, 100);
	KUNIT_EXPECT_EQ(test, (jiffies - dash_flow_last(flow)) / HZ, 20);
	rcu_read_unlock();

	s.idle = 60;
	KUNIT_EXPECT_EQ(test, flow_bring(test, 2, &s, &res), 0);
	KUNIT_EXPECT_EQ(test, res, DASH_FLOW_EXPIRED);
	s.idle = U32_MAX;
	s.age = U32_MAX;
	KUNIT_EXPECT_EQ(test, flow_bring(test, 2, &s, &res), 0);
	KUNIT_EXPECT_EQ(test, res, DASH_FLOW_EXPIRED);
	s.idle = 0;
	s.state = DASH_FLOW_STATE_NEW;
	s.answered = false;
	KUNIT_EXPECT_EQ(test, flow_bring(test, 2, &s, &res), 0);
	KUNIT_EXPECT_EQ(test, res, DASH_FLOW_RESTORED);

	/* nobody makes room, neither here nor in the instance */
	KUNIT_EXPECT_EQ(test, flow_bring(test, 3, &s, &res),
			DASH_DROP_FLOW_LIMIT);
	c->cfg[0].max_flows = 0;
	c->inst.max_flows = 3;
	KUNIT_EXPECT_EQ(test, flow_bring(test, 3, &s, &res),
			DASH_DROP_MAX_FLOWS);
	KUNIT_EXPECT_EQ(test, atomic_read(&c->eni[0].flows), 3);
}

/* --- source NAT --- */

#define NAT_PORTS	16384

/* Connection i of a source, to a responder that all have in common. */
static struct dash_pkt flow_nat_pkt(struct flow_ctx *c, u32 i)
{
	struct dash_pkt pkt = flow_pkt(c, IPPROTO_UDP, i, OUT, false);

	dash_flow_key_init(&pkt.key, pkt.eni->id, &pkt.t, pkt.dir);
	pkt.hash = dash_flow_hash(c->ft, &pkt.key);
	return pkt;
}

/* Time of a search, and how many of 1000 are in vain, in per mille. */
static u32 flow_nat_search(struct kunit *test, const struct dash_flow_act *what,
			   u32 *ns)
{
	struct flow_ctx *c = test->priv;
	struct dash_flow_key name;
	u32 i, refused = 0;
	struct dash_pkt pkt;
	u64 t = 0;

	for (i = 0; i < 1000; i++) {
		pkt = flow_nat_pkt(c, 0x100000 + i);
		local_bh_disable();
		rcu_read_lock();
		t -= ktime_get_ns();
		refused += !!dash_nat_try(c->ft, &pkt, what, &name);
		t += ktime_get_ns();
		rcu_read_unlock();
		local_bh_enable();
	}
	*ns = div_u64(t, i);
	return refused;
}

/* Most of a range of ports can be used, and searches have an end. */
static void flow_test_nat(struct kunit *test)
{
	static const u32 percent[] = { 0, 50, 75, 90, 95, 99, 100 };
	struct flow_ctx *c = test->priv;
	u32 i = 0, n = 0, step, refused, ns;
	struct dash_flow_act what = {};
	struct dash_nat_pool *pool;

	pool = kunit_kzalloc(test, struct_size(pool, addr, 1), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pool);
	pool->n = 1;
	pool->lo = 1024;
	pool->hi = 1024 + NAT_PORTS - 1;
	what.pool = pool;
	what.xf[0].nat = DASH_XFORM_NAT_SRC;
	what.xf[1].nat = DASH_XFORM_NAT_DST;
	dash_addr_from_v4(&what.xf[0].saddr, htonl(0xc0000201));
	for (step = 0; step < ARRAY_SIZE(percent); step++) {
		while (n < NAT_PORTS / 100 * percent[step] ||
		       (percent[step] == 100 && n < NAT_PORTS)) {
			struct dash_pkt pkt = flow_nat_pkt(c, i++);
			enum dash_drop drop;

			drop = flow_make_as(test, &pkt, &what, NULL);
			if (drop)
				KUNIT_ASSERT_EQ(test, drop,
						DASH_DROP_NAT_EXHAUSTED);
			n += !drop;
			cond_resched();
		}
		refused = flow_nat_search(test, &what, &ns);
		kunit_info(test, "%u %% of %u ports taken: %u ns a search, %u of 1000 in vain\n",
			   percent[step], NAT_PORTS, ns, refused);
		if (percent[step] <= 75)
			KUNIT_EXPECT_EQ(test, refused, 0);
		/* 1.2 by reckoning */
		if (percent[step] == 90)
			KUNIT_EXPECT_LT(test, refused, 20);
		if (percent[step] == 100)
			KUNIT_EXPECT_EQ(test, refused, 1000);
	}
}

static struct kunit_case flow_cases[] = {
	KUNIT_CASE(flow_test_key),
	KUNIT_CASE(flow_test_icmp_classes),
	KUNIT_CASE(flow_test_filter),
	KUNIT_CASE(flow_test_create),
	KUNIT_CASE(flow_test_acts),
	KUNIT_CASE(flow_test_act_sources),
	KUNIT_CASE(flow_test_tcp),
	KUNIT_CASE(flow_test_limits),
	KUNIT_CASE(flow_test_half),
	KUNIT_CASE(flow_test_cps),
	KUNIT_CASE(flow_test_walk),
	KUNIT_CASE(flow_test_top),
	KUNIT_CASE(flow_test_restore),
	KUNIT_CASE(flow_test_nat),
	KUNIT_CASE_SLOW(flow_test_age),
	KUNIT_CASE_SLOW(flow_test_age_sooner),
	KUNIT_CASE(flow_test_stats),
	{}
};

static struct kunit_suite flow_suite = {
	.name = "dash_flow",
	.init = flow_test_init,
	.exit = flow_test_exit,
	.test_cases = flow_cases,
};

kunit_test_suite(flow_suite);
