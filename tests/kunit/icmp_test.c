// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of dash/icmp.c: which packets are answered, how often, and what
 * the answer looks like when it leaves.
 */
#include <kunit/test.h>
#include <linux/etherdevice.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/percpu.h>

#include "eni.h"
#include "frame.h"
#include "icmp.h"
#include "inst.h"
#include "underlay.h"
#include "xform.h"

#define PAYLOAD		1600
#define BACK_VNI	0x424242

/* Instead of the real one, which needs routes. */
static struct sk_buff *sent;
static enum dash_drop refuse;

enum dash_drop dash_underlay_xmit(struct dash_pkt *pkt,
				  const struct dash_xform *xf)
{
	if (refuse)
		return refuse;
	sent = pkt->skb;
	return DASH_DROP_NONE;
}

struct ctx {
	struct dash_inst inst;
	struct dash_eni_cfg ecfg;
	struct dash_eni eni;
	struct dash_pkt pkt;
	/* of the packet and of its answer */
	struct dash_xform xf, back;
	struct frame *f;
	struct frame_spec s;
};

static int icmp_init(struct kunit *test)
{
	struct ctx *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, c);
	c->f = frame_new(test, PAYLOAD + 400);
	c->inst.vxlan_port = htons(FRAME_PORT);
	c->eni.stats = alloc_percpu(struct dash_eni_stats);
	KUNIT_ASSERT_NOT_NULL(test, c->eni.stats);
	dash_icmp_limit_init(&c->eni.icmp[0]);
	dash_icmp_limit_init(&c->eni.icmp[1]);
	sent = NULL;
	refuse = DASH_DROP_NONE;
	test->priv = c;
	return 0;
}

static void icmp_exit(struct kunit *test)
{
	struct ctx *c = test->priv;

	free_percpu(c->eni.stats);
}

/* The packet that c->s says, parsed; IPv4 with DF. */
static void ctx_packet(struct kunit *test, struct ctx *c)
{
	frame_build(c->f, &c->s);
	if (!c->s.i6) {
		c->f->b[c->f->inner_l3 + 6] |= 0x40;
		frame_fix(c->f, &c->s);
	}
	memset(&c->pkt, 0, sizeof(c->pkt));
	c->pkt.skb = frame_skb(test, c->f, c->f->len, 100, 0);
	c->pkt.inst = &c->inst;
	c->pkt.eni = &c->eni;
	c->pkt.ecfg = &c->ecfg;
	KUNIT_ASSERT_TRUE(test, dash_parse_outer(&c->pkt, c->inst.vxlan_port));
	KUNIT_ASSERT_EQ(test, dash_parse_inner(&c->pkt), DASH_DROP_NONE);
}

static void ctx_xform(struct dash_xform *xf, bool v6, u32 n)
{
	memset(xf, 0, sizeof(*xf));
	xf->kind = DASH_XFORM_ENCAP;
	xf->encap = DASH_ENCAP_TYPE_VXLAN;
	xf->saddr = frame_addr(v6, n);
	xf->daddr = frame_addr(v6, n + 1);
	xf->vni = BACK_VNI;
}

static int burst(struct dash_icmp_limit *limit, unsigned long now)
{
	int n = 0;

	local_bh_disable();
	while (n < 1000 && dash_icmp_allow(limit, now))
		n++;
	local_bh_enable();
	return n;
}

static void icmp_limit(struct kunit *test)
{
	struct dash_icmp_limit limit;
	unsigned long now;

	dash_icmp_limit_init(&limit);
	now = limit.last;
	KUNIT_EXPECT_EQ(test, burst(&limit, now), DASH_ICMP_BURST);
	KUNIT_EXPECT_EQ(test, burst(&limit, now), 0);
	now += HZ / 10;
	KUNIT_EXPECT_EQ(test, burst(&limit, now), DASH_ICMP_RATE / 10);
	now += HZ / 5;
	KUNIT_EXPECT_EQ(test, burst(&limit, now), DASH_ICMP_RATE / 5);
	/* what is not used is not saved up */
	now += 1000 * HZ;
	KUNIT_EXPECT_EQ(test, burst(&limit, now), DASH_ICMP_BURST);

	/* the same when jiffies wrap in between */
	limit.last = -1UL;
	KUNIT_EXPECT_EQ(test, burst(&limit, HZ / 10 - 1), DASH_ICMP_RATE / 10);
}

static void icmp_eligible(struct kunit *test)
{
	static const u8 fragment[] = { NEXTHDR_FRAGMENT, 0xff };
	static const u8 redirect[40] = { 137 };
	struct ctx *c = test->priv;
	int v6, l4;

	for (v6 = 0; v6 < 2; v6++) {
		for (l4 = 0; l4 < L4_KINDS; l4++) {
			c->s = (struct frame_spec){ .i6 = v6, .l4 = l4 };
			ctx_packet(test, c);
			KUNIT_EXPECT_EQ_MSG(test, dash_icmp_may_answer(&c->pkt),
					    l4 != L4_ICMP_ERR, "%d %d", v6, l4);
			kfree_skb(c->pkt.skb);
		}

		/* a first fragment and another one */
		c->s = (struct frame_spec){
			.i6 = v6, .l4 = L4_UDP, .iext = fragment, .imf = true,
		};
		ctx_packet(test, c);
		KUNIT_EXPECT_TRUE(test, dash_icmp_may_answer(&c->pkt));
		kfree_skb(c->pkt.skb);
		c->s.ifrag = 800;
		ctx_packet(test, c);
		KUNIT_EXPECT_FALSE(test, dash_icmp_may_answer(&c->pkt));
		kfree_skb(c->pkt.skb);
	}

	/* who redirects must not be told anything; without DF nobody asked */
	c->s = (struct frame_spec){
		.i6 = true, .l4 = L4_ECHO, .body = redirect,
		.body_len = sizeof(redirect),
	};
	ctx_packet(test, c);
	KUNIT_EXPECT_FALSE(test, dash_icmp_may_answer(&c->pkt));
	kfree_skb(c->pkt.skb);
	c->s = (struct frame_spec){ .l4 = L4_UDP };
	ctx_packet(test, c);
	c->pkt.df = false;
	KUNIT_EXPECT_FALSE(test, dash_icmp_may_answer(&c->pkt));
	kfree_skb(c->pkt.skb);
}

static void icmp_addresses(struct kunit *test)
{
	static const u32 bad4[] = {
		0, 0x7f000001, 0xe0000001, 0xffffffff,
	};
	static const struct in6_addr bad6[] = {
		{ }, { { { [15] = 1 } } }, { { { 0xff, 2, [15] = 1 } } },
	};
	struct dash_pkt pkt = { .df = true };
	int i, end;

	for (end = 0; end < 2; end++) {
		struct in6_addr *a = end ? &pkt.t.dst : &pkt.t.src;

		pkt.t.v6 = false;
		pkt.t.src = frame_addr(false, 1);
		pkt.t.dst = frame_addr(false, 2);
		KUNIT_EXPECT_TRUE(test, dash_icmp_may_answer(&pkt));
		for (i = 0; i < ARRAY_SIZE(bad4); i++) {
			dash_addr_from_v4(a, htonl(bad4[i]));
			KUNIT_EXPECT_FALSE(test, dash_icmp_may_answer(&pkt));
		}

		pkt.t.v6 = true;
		pkt.t.src = frame_addr(true, 1);
		pkt.t.dst = frame_addr(true, 2);
		KUNIT_EXPECT_TRUE(test, dash_icmp_may_answer(&pkt));
		for (i = 0; i < ARRAY_SIZE(bad6); i++) {
			*a = bad6[i];
			KUNIT_EXPECT_FALSE(test, dash_icmp_may_answer(&pkt));
		}
	}
}

/* The frame answers c->pkt, quotes @quote bytes of it and tells @mtu. */
static void check_frame(struct kunit *test, struct ctx *c, const u8 *b, u32 len,
			u32 quote, u32 mtu)
{
	const u8 *orig = c->f->b + c->f->inner_l3;
	u32 hlen = c->s.i6 ? 40 : 20;
	const u8 *ip = b + ETH_HLEN;
	const u8 *icmp = ip + hlen;

	KUNIT_ASSERT_EQ(test, len, ETH_HLEN + hlen + 8 + quote);
	KUNIT_EXPECT_EQ(test, memcmp(b, frame_smac, 6), 0);
	KUNIT_EXPECT_EQ(test, memcmp(b + 6, frame_dmac, 6), 0);
	KUNIT_EXPECT_EQ(test, memcmp(b + 12, c->f->b + c->f->inner_eth + 12, 2),
			0);
	len -= ETH_HLEN;
	if (c->s.i6) {
		KUNIT_EXPECT_EQ(test, ip[0] >> 4, 6);
		KUNIT_EXPECT_EQ(test, get_unaligned_be16(ip + 4), len - 40);
		KUNIT_EXPECT_EQ(test, ip[6], IPPROTO_ICMPV6);
		KUNIT_EXPECT_EQ(test, ip[7], 64);
		KUNIT_EXPECT_EQ(test, memcmp(ip + 8, orig + 24, 16), 0);
		KUNIT_EXPECT_EQ(test, memcmp(ip + 24, orig + 8, 16), 0);
		KUNIT_EXPECT_EQ(test, icmp[0], ICMPV6_PKT_TOOBIG);
		KUNIT_EXPECT_EQ(test, icmp[1], 0);
		KUNIT_EXPECT_EQ(test, get_unaligned_be32(icmp + 4), mtu);
		KUNIT_EXPECT_EQ(test,
				csum_ipv6_magic((struct in6_addr *)(ip + 8),
						(struct in6_addr *)(ip + 24),
						len - 40, IPPROTO_ICMPV6,
						csum_partial(icmp, len - 40, 0)),
				0);
	} else {
		KUNIT_EXPECT_EQ(test, ip[0], 0x45);
		KUNIT_EXPECT_EQ(test, ip[1], 0xc0);
		KUNIT_EXPECT_EQ(test, get_unaligned_be16(ip + 2), len);
		KUNIT_EXPECT_EQ(test, get_unaligned_be16(ip + 6), IP_DF);
		KUNIT_EXPECT_EQ(test, ip[8], 64);
		KUNIT_EXPECT_EQ(test, ip[9], IPPROTO_ICMP);
		KUNIT_EXPECT_EQ(test, ip_fast_csum(ip, 5), 0);
		KUNIT_EXPECT_EQ(test, memcmp(ip + 12, orig + 16, 4), 0);
		KUNIT_EXPECT_EQ(test, memcmp(ip + 16, orig + 12, 4), 0);
		KUNIT_EXPECT_EQ(test, icmp[0], ICMP_DEST_UNREACH);
		KUNIT_EXPECT_EQ(test, icmp[1], ICMP_FRAG_NEEDED);
		KUNIT_EXPECT_EQ(test, get_unaligned_be32(icmp + 4), mtu);
		KUNIT_EXPECT_EQ(test, ip_compute_csum(icmp, len - 20), 0);
	}
	KUNIT_EXPECT_EQ(test, memcmp(icmp + 8, orig, quote), 0);
}

static void icmp_build(struct kunit *test)
{
	static const u16 payload[] = { 1, 100, 512, 1204, 1205, PAYLOAD };
	struct ctx *c = test->priv;
	struct sk_buff *skb;
	int v6, i;

	for (v6 = 0; v6 < 2; v6++) {
		for (i = 0; i < ARRAY_SIZE(payload); i++) {
			u32 len = (v6 ? 40 : 24) + 8 + payload[i];
			u32 max = v6 ? 1280 - 48 : 576 - 28;

			/* quoted with its options */
			c->s = (struct frame_spec){
				.i6 = v6, .l4 = L4_UDP, .payload = payload[i],
				.iopt = 1,
			};
			ctx_packet(test, c);
			skb = dash_icmp_build(&c->pkt, c->pkt.inner_l3, 1234);
			KUNIT_ASSERT_NOT_NULL(test, skb);
			KUNIT_EXPECT_FALSE(test, skb_is_nonlinear(skb));
			check_frame(test, c, skb->data, skb->len, min(len, max),
				    1234);
			kfree_skb(skb);
			kfree_skb(c->pkt.skb);
		}
	}
}

/* What leaves when a packet was sent by @c->xf over a path of @pmtu. */
static void check_answer(struct kunit *test, struct ctx *c, u32 pmtu, u32 mtu)
{
	bool o6 = !dash_addr_is_v4(&c->back.saddr);
	u32 outer = (o6 ? 40 : 20) + 16;
	struct dash_eni_totals sum;
	const u8 *b;
	int cpu;

	KUNIT_ASSERT_EQ(test, dash_xform_apply(&c->pkt, &c->xf),
			DASH_DROP_NONE);
	c->pkt.mtu = pmtu;
	local_bh_disable();
	dash_icmp_too_big(&c->pkt, &c->xf, &c->back);
	local_bh_enable();
	KUNIT_ASSERT_NOT_NULL(test, sent);

	KUNIT_ASSERT_EQ(test, skb_linearize(sent), 0);
	b = sent->data;
	KUNIT_EXPECT_EQ(test, sent->protocol,
			o6 ? htons(ETH_P_IPV6) : htons(ETH_P_IP));
	if (o6) {
		KUNIT_EXPECT_EQ(test, memcmp(b + 8, &c->back.saddr, 16), 0);
		KUNIT_EXPECT_EQ(test, memcmp(b + 24, &c->back.daddr, 16), 0);
	} else {
		/* DSCP of the packet received, without its ECN */
		KUNIT_EXPECT_EQ(test, b[1], 0xb8);
		KUNIT_EXPECT_EQ(test, memcmp(b + 12, &c->back.saddr.s6_addr32[3],
					     4), 0);
		KUNIT_EXPECT_EQ(test, memcmp(b + 16, &c->back.daddr.s6_addr32[3],
					     4), 0);
	}
	KUNIT_EXPECT_EQ(test, get_unaligned_be32(b + outer - 4) >> 8, BACK_VNI);
	check_frame(test, c, b + outer, sent->len - outer,
		    c->s.i6 ? 1280 - 48 : 576 - 28, mtu);
	dash_stats_sum_eni(c->eni.stats, &sum);
	KUNIT_EXPECT_EQ(test, sum.dir[0].generated_packets, 0);
	KUNIT_EXPECT_EQ(test, sum.dir[1].generated_packets, 1);
	KUNIT_EXPECT_EQ(test, sum.dir[1].tx_packets, 0);
	for_each_possible_cpu(cpu)
		u64_stats_set(&per_cpu_ptr(c->eni.stats, cpu)->dir[1]
				      .generated_packets, 0);
	kfree_skb(sent);
	sent = NULL;
	kfree_skb(c->pkt.skb);
}

static void icmp_answer(struct kunit *test)
{
	/* what a path leaves to the inner packet: from, by, to it */
	static const struct {
		bool direct, nvgre, o6;
		u32 overhead;
	} way[] = {
		{ .overhead = 50 },
		{ .o6 = true, .overhead = 70 },
		{ .nvgre = true, .overhead = 42 },
		{ .nvgre = true, .o6 = true, .overhead = 62 },
		{ .direct = true },
	};
	struct ctx *c = test->priv;
	int v6, b6, i;

	for (i = 0; i < ARRAY_SIZE(way); i++) {
		for (v6 = 0; v6 < 2; v6++) {
			for (b6 = 0; b6 < 2; b6++) {
				c->s = (struct frame_spec){
					.i6 = v6, .l4 = L4_UDP,
					.payload = PAYLOAD,
				};
				ctx_packet(test, c);
				ctx_xform(&c->xf, way[i].o6, 7);
				if (way[i].nvgre)
					c->xf.encap = DASH_ENCAP_TYPE_NVGRE;
				if (way[i].direct)
					c->xf.kind = DASH_XFORM_DIRECT;
				ctx_xform(&c->back, b6, 17);
				check_answer(test, c, 1500,
					     1500 - way[i].overhead);
			}
		}
	}
}

static void icmp_least(struct kunit *test)
{
	struct ctx *c = test->priv;
	int v6;

	/* no less than the family's least, whatever the path */
	for (v6 = 0; v6 < 2; v6++) {
		c->s = (struct frame_spec){
			.i6 = v6, .l4 = L4_UDP, .payload = PAYLOAD,
		};
		ctx_packet(test, c);
		ctx_xform(&c->xf, false, 7);
		ctx_xform(&c->back, false, 17);
		check_answer(test, c, 100, v6 ? 1280 : 68);
		ctx_packet(test, c);
		check_answer(test, c, 40, v6 ? 1280 : 68);
	}
}

static void icmp_share(struct kunit *test)
{
	struct ctx *c = test->priv;
	struct dash_eni_totals sum;
	u64 first;
	int i;

	/* each direction has its own; what is not sent is freed */
	c->s = (struct frame_spec){ .l4 = L4_UDP, .payload = PAYLOAD };
	ctx_packet(test, c);
	ctx_xform(&c->xf, false, 7);
	ctx_xform(&c->back, false, 17);
	KUNIT_ASSERT_EQ(test, dash_xform_apply(&c->pkt, &c->xf),
			DASH_DROP_NONE);
	c->pkt.mtu = 1500;
	local_bh_disable();
	for (i = 0; i < 1000; i++) {
		dash_icmp_too_big(&c->pkt, &c->xf, &c->back);
		kfree_skb(sent);
		sent = NULL;
	}
	c->pkt.dir = 1;
	dash_icmp_too_big(&c->pkt, &c->xf, &c->back);
	KUNIT_EXPECT_NOT_NULL(test, sent);
	kfree_skb(sent);
	sent = NULL;
	refuse = DASH_DROP_NO_NEXTHOP;
	dash_icmp_too_big(&c->pkt, &c->xf, &c->back);
	local_bh_enable();
	KUNIT_EXPECT_NULL(test, sent);

	dash_stats_sum_eni(c->eni.stats, &sum);
	first = sum.dir[1].generated_packets;
	KUNIT_EXPECT_GE(test, first, DASH_ICMP_BURST);
	KUNIT_EXPECT_LT(test, first, 1000);
	KUNIT_EXPECT_EQ(test, sum.dir[0].generated_packets, 1);
	kfree_skb(c->pkt.skb);
}

static struct kunit_case icmp_cases[] = {
	KUNIT_CASE(icmp_limit),
	KUNIT_CASE(icmp_eligible),
	KUNIT_CASE(icmp_addresses),
	KUNIT_CASE(icmp_build),
	KUNIT_CASE(icmp_answer),
	KUNIT_CASE(icmp_least),
	KUNIT_CASE(icmp_share),
	{}
};

static struct kunit_suite icmp_suite = {
	.name = "dash_icmp",
	.init = icmp_init,
	.exit = icmp_exit,
	.test_cases = icmp_cases,
};

kunit_test_suite(icmp_suite);
