// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of dash/parse.c: valid frames of every kind, and what becomes of
 * them when they are cut, extended, or altered.
 */
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "frame.h"

/* "not ours" among the reasons of drops */
#define NOT_OURS	((enum dash_drop)(DASH_DROP_MAX + 1))

#define SEED		20240602
#define FRAME_MAX	1024
#define FUZZ_ROUNDS	3000

/* An answer, without what may differ between two runs. */
struct verdict {
	struct dash_pkt pkt;
	enum dash_drop drop;
	u32 len;
	bool outer;
};

/* --- running the parser --- */

/* What must hold for an accepted packet, read from its bytes anew. */
static void check_sound(struct kunit *test, const struct dash_pkt *pkt,
			const struct sk_buff *skb)
{
	const u8 *b = skb->data;
	u32 len = skb->len, l4len;
	const u8 *l4, *i, *o = b;

	KUNIT_ASSERT_GE(test, pkt->outer_l4, 20);
	KUNIT_ASSERT_GT(test, pkt->inner_eth, pkt->outer_l4);
	KUNIT_ASSERT_EQ(test, pkt->inner_l3, pkt->inner_eth + 14);
	KUNIT_ASSERT_GE(test, pkt->inner_l4, pkt->inner_l3 + 20);
	KUNIT_ASSERT_LE(test, pkt->inner_l4, len);
	/* all headers are linear */
	KUNIT_ASSERT_LE(test, pkt->inner_l4, skb_headlen(skb));

	i = b + pkt->inner_l3;
	if (pkt->t.v6) {
		KUNIT_EXPECT_EQ(test, i[0] >> 4, 6);
		KUNIT_EXPECT_EQ(test, get_unaligned_be16(i + 4) + 40,
				len - pkt->inner_l3);
	} else {
		KUNIT_EXPECT_EQ(test, i[0] >> 4, 4);
		KUNIT_EXPECT_EQ(test, get_unaligned_be16(i + 2),
				len - pkt->inner_l3);
		KUNIT_EXPECT_EQ(test, (i[0] & 15) * 4,
				pkt->inner_l4 - pkt->inner_l3);
	}
	/* the outer headers may have had surplus, never less */
	if (dash_addr_is_v4(&pkt->outer.daddr))
		KUNIT_EXPECT_GE(test, get_unaligned_be16(o + 2), len);
	else
		KUNIT_EXPECT_GE(test, get_unaligned_be16(o + 4) + 40, len);
	if (pkt->outer.encap == DASH_ENCAP_TYPE_VXLAN) {
		o += pkt->outer_l4;
		KUNIT_EXPECT_GE(test, get_unaligned_be16(o + 4),
				len - pkt->outer_l4);
		KUNIT_EXPECT_TRUE(test, o[8] & 8);
	}

	if (pkt->frag == DASH_FRAG_LATER) {
		KUNIT_EXPECT_FALSE(test, pkt->has_ports);
		KUNIT_EXPECT_FALSE(test, pkt->icmp_err);
		return;
	}

	l4 = b + pkt->inner_l4;
	l4len = len - pkt->inner_l4;
	if (pkt->has_ports) {
		KUNIT_ASSERT_GE(test, l4len, 8);
		KUNIT_EXPECT_EQ(test, get_unaligned_be16(l4),
				ntohs(pkt->t.sport));
		KUNIT_EXPECT_EQ(test, get_unaligned_be16(l4 + 2),
				ntohs(pkt->t.dport));
	}
	switch (pkt->t.proto) {
	case IPPROTO_TCP:
		KUNIT_ASSERT_GE(test, l4len, 20);
		KUNIT_EXPECT_EQ(test, (l4[12] >> 4) * 4 + pkt->tcp.len, l4len);
		KUNIT_EXPECT_GE(test, l4[12] >> 4, 5);
		KUNIT_EXPECT_LE(test, pkt->tcp.wscale, 14);
		break;
	case IPPROTO_UDP:
		KUNIT_EXPECT_GE(test, get_unaligned_be16(l4 + 4), 8);
		if (pkt->frag == DASH_FRAG_NONE)
			KUNIT_EXPECT_LE(test, get_unaligned_be16(l4 + 4),
					l4len);
		break;
	case IPPROTO_SCTP:
		KUNIT_EXPECT_GE(test, l4len, 12);
		break;
	}
}

static void run_skb(struct kunit *test, struct sk_buff *skb,
		    const struct frame *f, struct verdict *v)
{
	const u8 *data = skb->data;
	int off = data - skb->head;
	u32 len = skb->len, i;
	u8 byte;

	memset(v, 0, sizeof(*v));
	v->pkt.skb = skb;
	v->outer = dash_parse_outer(&v->pkt, htons(FRAME_PORT));
	if (!v->outer) {
		/* nothing is different for the host's stack */
		KUNIT_EXPECT_EQ(test, skb->len, len);
		KUNIT_EXPECT_EQ(test, skb->data - skb->head, off);
		for (i = 0; i < len; i++) {
			skb_copy_bits(skb, i, &byte, 1);
			if (byte != f->b[i])
				break;
		}
		KUNIT_EXPECT_EQ(test, i, len);
		memset(&v->pkt, 0, sizeof(v->pkt));
		return;
	}

	v->drop = dash_parse_inner(&v->pkt);
	v->len = skb->len;
	switch (v->drop) {
	case DASH_DROP_NONE:
		check_sound(test, &v->pkt, skb);
		break;
	case DASH_DROP_MALFORMED:
	case DASH_DROP_FRAG_OUTER:
	case DASH_DROP_FRAG_TINY:
	case DASH_DROP_FRAG_OVERLAP:
	case DASH_DROP_MULTICAST:
		/* its remains mean nothing */
		memset(&v->pkt, 0, sizeof(v->pkt));
		break;
	default:
		KUNIT_FAIL(test, "reason %d", v->drop);
	}
	v->pkt.skb = NULL;
}

/* Parse the first @len bytes of @f in three layouts. The answer may depend
 * neither on what is behind the packet nor on where its bytes lie.
 */
static void run(struct kunit *test, const struct frame *f, u32 len,
		struct verdict *v)
{
	static const struct {
		u32 linear;
		u8 fill;
	} layout[] = { { U32_MAX, 0x00 }, { U32_MAX, 0xff }, { 1, 0x45 } };
	struct sk_buff *skb;
	struct verdict w;
	int i;

	for (i = 0; i < ARRAY_SIZE(layout); i++) {
		skb = frame_skb(test, f, len, layout[i].linear, layout[i].fill);
		run_skb(test, skb, f, i ? &w : v);
		kfree_skb(skb);
		if (i)
			KUNIT_EXPECT_EQ(test, memcmp(v, &w, sizeof(w)), 0);
	}
}

static enum dash_drop run_drop(struct kunit *test, const struct frame *f)
{
	struct verdict v;

	run(test, f, f->len, &v);
	return v.outer ? v.drop : NOT_OURS;
}

/* --- all kinds --- */

#define KINDS	(2 * 2 * 2 * 2 * L4_KINDS)

static void kind_spec(struct frame_spec *s, int n)
{
	memset(s, 0, sizeof(*s));
	s->o6 = n & 1;
	s->i6 = n & 2;
	s->nvgre = n & 4;
	s->vlan = n & 8;
	s->l4 = n >> 4;
}

static void expect_tuple(struct kunit *test, const struct dash_tuple *t,
			 bool v6, u32 src, u32 dst, u8 proto, u16 sport,
			 u16 dport)
{
	struct in6_addr sa = frame_addr(v6, src), da = frame_addr(v6, dst);

	KUNIT_EXPECT_EQ(test, t->v6, v6);
	KUNIT_EXPECT_TRUE(test, ipv6_addr_equal(&t->src, &sa));
	KUNIT_EXPECT_TRUE(test, ipv6_addr_equal(&t->dst, &da));
	KUNIT_EXPECT_EQ(test, t->proto, proto);
	KUNIT_EXPECT_EQ(test, ntohs(t->sport), sport);
	KUNIT_EXPECT_EQ(test, ntohs(t->dport), dport);
}

static void expect_valid(struct kunit *test, const struct frame *f,
			 const struct frame_spec *s)
{
	struct in6_addr sa = frame_addr(s->o6, 1), da = frame_addr(s->o6, 2);
	u32 vlan = s->vlan ? VLAN_HLEN : 0;
	const struct dash_pkt *p;
	struct verdict v;

	run(test, f, f->len, &v);
	KUNIT_ASSERT_TRUE(test, v.outer);
	KUNIT_ASSERT_EQ(test, v.drop, DASH_DROP_NONE);

	p = &v.pkt;
	KUNIT_EXPECT_TRUE(test, ipv6_addr_equal(&p->outer.saddr, &sa));
	KUNIT_EXPECT_TRUE(test, ipv6_addr_equal(&p->outer.daddr, &da));
	KUNIT_EXPECT_TRUE(test, ether_addr_equal(p->outer.smac, frame_osmac));
	KUNIT_EXPECT_TRUE(test, ether_addr_equal(p->outer.dmac, frame_odmac));
	KUNIT_EXPECT_TRUE(test, ether_addr_equal(p->smac, frame_smac));
	KUNIT_EXPECT_TRUE(test, ether_addr_equal(p->dmac, frame_dmac));
	KUNIT_EXPECT_EQ(test, p->outer.vni, FRAME_VNI);
	KUNIT_EXPECT_EQ(test, p->outer.tos, 0xb9);
	KUNIT_EXPECT_EQ(test, p->outer.encap, s->nvgre);
	KUNIT_EXPECT_EQ(test, ntohs(p->outer.vlan_proto),
			s->vlan ? ETH_P_8021Q : 0);
	KUNIT_EXPECT_EQ(test, ntohs(p->outer.vlan_tci), s->vlan ? 0x2064 : 0);
	KUNIT_EXPECT_EQ(test, p->rx_len, f->len - vlan);
	KUNIT_EXPECT_EQ(test, v.len, f->len - vlan);
	KUNIT_EXPECT_EQ(test, p->outer_l4, f->outer_l4 - vlan);
	KUNIT_EXPECT_EQ(test, p->inner_eth, f->inner_eth - vlan);
	KUNIT_EXPECT_EQ(test, p->inner_l3, f->inner_l3 - vlan);
	KUNIT_EXPECT_EQ(test, p->inner_l4, f->inner_l4 - vlan);
	KUNIT_EXPECT_EQ(test, !!p->df, s->i6);
	KUNIT_EXPECT_EQ(test, p->frag, DASH_FRAG_NONE);
	KUNIT_EXPECT_EQ(test, !!p->has_ports, s->l4 == L4_TCP ||
			s->l4 == L4_UDP || s->l4 == L4_SCTP);
	KUNIT_EXPECT_EQ(test, !!p->icmp_err, s->l4 == L4_ICMP_ERR);

	switch (s->l4) {
	case L4_TCP:
		KUNIT_EXPECT_EQ(test, p->tcp.seq, 0x01020304);
		KUNIT_EXPECT_EQ(test, p->tcp.ack, 0x05060708);
		KUNIT_EXPECT_EQ(test, p->tcp.len, FRAME_PAYLOAD);
		KUNIT_EXPECT_EQ(test, p->tcp.win, 0x1000);
		KUNIT_EXPECT_EQ(test, p->tcp.flags, DASH_TCP_SYN);
		KUNIT_EXPECT_EQ(test, p->tcp.wscale, 7);
		fallthrough;
	case L4_UDP:
	case L4_SCTP:
		expect_tuple(test, &p->t, s->i6, 3, 4, f->proto, FRAME_SPORT,
			     FRAME_DPORT);
		break;
	case L4_ECHO:
		expect_tuple(test, &p->t, s->i6, 3, 4, f->proto, FRAME_ICMP_ID,
			     s->i6 ? 128 : 8);
		break;
	case L4_ICMP_ERR:
		expect_tuple(test, &p->t, s->i6, 3, 4, f->proto, 0,
			     s->i6 ? 1 : 3);
		expect_tuple(test, &p->quoted, s->i6, 4, 3, IPPROTO_UDP,
			     FRAME_DPORT, FRAME_SPORT);
		break;
	default:
		expect_tuple(test, &p->t, s->i6, 3, 4, f->proto, 0, 0);
		break;
	}
}

static void parse_valid(struct kunit *test)
{
	struct frame *f = frame_new(test, FRAME_MAX);
	struct frame_spec s;
	int n;

	for (n = 0; n < KINDS; n++) {
		kind_spec(&s, n);
		frame_build(f, &s);
		expect_valid(test, f, &s);
		s.csum = true;
		frame_build(f, &s);
		expect_valid(test, f, &s);
		s.oopt = s.o6 ? 0 : 10;
		s.iopt = s.i6 ? 0 : 3;
		frame_build(f, &s);
		expect_valid(test, f, &s);
	}
}

/* A packet that ends early was one of ours or not, but is never accepted. */
static void parse_truncated(struct kunit *test)
{
	struct frame *f = frame_new(test, FRAME_MAX);
	struct frame_spec s;
	struct verdict v;
	u32 len;
	int n;

	for (n = 0; n < KINDS; n++) {
		kind_spec(&s, n);
		frame_build(f, &s);
		for (len = 0; len < f->len; len++) {
			run(test, f, len, &v);
			if (v.outer)
				KUNIT_EXPECT_EQ(test, v.drop,
						DASH_DROP_MALFORMED);
			/* once there are ports, it is ours */
			KUNIT_EXPECT_EQ(test, v.outer,
					len >= f->outer_l4 + 4);
		}
	}
}

/* The same with all lengths and checksums right: the inner packet is short. */
static void parse_short(struct kunit *test)
{
	struct frame *f = frame_new(test, FRAME_MAX);
	struct frame_spec s;
	u32 full, min;
	int n;

	for (n = 0; n < KINDS; n++) {
		kind_spec(&s, n);
		s.csum = true;
		frame_build(f, &s);
		full = f->len;
		switch (s.l4) {
		case L4_TCP:
			min = f->inner_l4 + 32;
			break;
		case L4_SCTP:
			min = f->inner_l4 + 12;
			break;
		case L4_ECHO:
			min = f->inner_l4 + 8;
			break;
		case L4_OTHER:
			min = f->inner_l4;
			break;
		default:
			/* their own lengths no longer fit */
			min = full;
			break;
		}
		for (f->len = f->inner_l4; f->len <= full; f->len++) {
			frame_fix(f, &s);
			KUNIT_EXPECT_EQ_MSG(test, run_drop(test, f),
					    f->len < min ? DASH_DROP_MALFORMED :
							   DASH_DROP_NONE,
					    "kind %d, %u of %u", n, f->len,
					    full);
		}
	}
}

/* Padding behind a packet is cut off, whoever it belongs to. */
static void parse_surplus(struct kunit *test)
{
	struct frame *f = frame_new(test, FRAME_MAX);
	struct frame_spec s;
	struct verdict v;
	u32 pad, vlan;
	u8 *p;
	int n;

	for (n = 0; n < KINDS; n++) {
		kind_spec(&s, n);
		s.csum = n % 3;
		frame_build(f, &s);
		vlan = s.vlan ? VLAN_HLEN : 0;
		for (pad = 1; pad < 40; pad += 7) {
			memset(f->b + f->len, 0xaa, pad);
			run(test, f, f->len + pad, &v);
			KUNIT_EXPECT_EQ(test, v.drop, DASH_DROP_NONE);
			KUNIT_EXPECT_EQ(test, v.len, f->len - vlan);
			KUNIT_EXPECT_EQ(test, v.pkt.rx_len,
					f->len + pad - vlan);
		}

		/* behind the inner packet, within the outer one */
		frame_put(f, NULL, 9);
		frame_fix(f, &s);
		p = f->b + f->inner_l3;
		if (s.i6)
			put_unaligned_be16(get_unaligned_be16(p + 4) - 9, p + 4);
		else
			put_unaligned_be16(get_unaligned_be16(p + 2) - 9, p + 2);
		run(test, f, f->len, &v);
		/* the checksum is over what was sent, not over what remains */
		if (s.csum && !s.nvgre) {
			KUNIT_EXPECT_EQ(test, v.drop, DASH_DROP_MALFORMED);
			continue;
		}
		KUNIT_EXPECT_EQ(test, v.drop, DASH_DROP_NONE);
		KUNIT_EXPECT_EQ(test, v.len, f->len - 9 - vlan);
	}
}

/* --- lengths --- */

static void outer_ip_fix(struct frame *f)
{
	u8 *o = f->b + f->outer_l3;

	if (f->o6 || (o[0] & 15) < 5)
		return;
	memset(o + 10, 0, 2);
	put_unaligned(ip_fast_csum(o, o[0] & 15), (__sum16 *)(o + 10));
}

/* Every length field, to values that cannot be and some that can. */
static void parse_lengths(struct kunit *test)
{
	struct frame *f = frame_new(test, FRAME_MAX);
	struct frame_spec s;
	enum dash_drop drop;
	int n, i, k;

	for (n = 0; n < KINDS; n++) {
		kind_spec(&s, n);
		frame_build(f, &s);
		for (i = 0; i < 4; i++) {
			static const int delta[] = { 1, -1, 2, -2, -8, 100 };
			bool own = false;
			u32 at;
			u16 old;

			switch (i) {
			case 0:
				at = f->outer_l3 + (s.o6 ? 4 : 2);
				break;
			case 1:
				if (s.nvgre)
					continue;
				at = f->outer_l4 + 4;
				break;
			case 2:
				at = f->inner_l3 + (s.i6 ? 4 : 2);
				own = s.l4 != L4_UDP && s.l4 != L4_ICMP_ERR;
				break;
			default:
				if (s.l4 != L4_UDP)
					continue;
				at = f->inner_l4 + 4;
				own = true;
				break;
			}
			old = get_unaligned_be16(f->b + at);
			for (k = 0; k < ARRAY_SIZE(delta) + 3; k++) {
				u16 v = k < ARRAY_SIZE(delta) ? old + delta[k] :
					k == ARRAY_SIZE(delta) ? 0 :
					k == ARRAY_SIZE(delta) + 1 ? 7 : 0xffff;

				put_unaligned_be16(v, f->b + at);
				outer_ip_fix(f);
				drop = run_drop(test, f);
				/* shorter payload is a packet like others */
				if (own && v < old && v >= old - 8)
					KUNIT_EXPECT_EQ(test, drop,
							DASH_DROP_NONE);
				else if (!(own && v < old))
					KUNIT_EXPECT_EQ(test, drop,
							DASH_DROP_MALFORMED);
			}
			put_unaligned_be16(old, f->b + at);
			outer_ip_fix(f);
			KUNIT_EXPECT_EQ(test, run_drop(test, f),
					DASH_DROP_NONE);
		}
	}
}

/* IHL and data offset, which have few values: all of them. */
static void parse_header_lengths(struct kunit *test)
{
	struct frame *f = frame_new(test, FRAME_MAX);
	struct frame_spec s = { .l4 = L4_TCP };
	u8 *b = f->b;
	int i;

	frame_build(f, &s);
	for (i = 0; i < 16; i++) {
		b[f->inner_l3] = 0x40 | i;
		KUNIT_EXPECT_EQ(test, i < 5, run_drop(test, f) ==
				DASH_DROP_MALFORMED && i < 5);
		b[f->inner_l3] = i << 4 | 5;
		KUNIT_EXPECT_EQ(test, run_drop(test, f), i == 4 ?
				DASH_DROP_NONE : DASH_DROP_MALFORMED);
		b[f->inner_l3] = 0x45;
		b[f->inner_l4 + 12] = i << 4;
		KUNIT_EXPECT_EQ(test, run_drop(test, f), i < 5 || i > 13 ?
				DASH_DROP_MALFORMED : DASH_DROP_NONE);
		b[f->inner_l4 + 12] = 8 << 4;

		/* outer: not even an IP packet, so none of ours */
		b[f->outer_l3] = i << 4 | 5;
		KUNIT_EXPECT_EQ(test, run_drop(test, f) == NOT_OURS,
				i != 4);
		b[f->outer_l3] = 0x40 | i;
		if (i < 5)
			KUNIT_EXPECT_EQ(test, run_drop(test, f),
					NOT_OURS);
		b[f->outer_l3] = 0x45;
	}
}

/* --- fuzzing --- */

static void parse_fuzz(struct kunit *test)
{
	static const u8 exts[] = { 0, 60, 44, 43, 51, 0xff };
	struct frame *f = frame_new(test, FRAME_MAX);
	unsigned int accepted = 0, refused = 0;
	struct frame_spec s;
	struct verdict v;
	struct rnd_state rnd;
	u8 *orig;
	int n, i, k;

	orig = kunit_kzalloc(test, FRAME_MAX, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, orig);
	prandom_seed_state(&rnd, SEED);
	for (n = 0; n < KINDS; n++) {
		kind_spec(&s, n);
		s.oext = exts + 2 * (n % 2 ? 1 : 0);
		if (s.oext[0] == 44)
			s.oext = NULL;
		s.iext = exts;
		frame_build(f, &s);
		memcpy(orig, f->b, f->len);
		for (i = 0; i < FUZZ_ROUNDS / KINDS * 8; i++) {
			u32 len = f->len;
			int flips = 1 + prandom_u32_state(&rnd) % 3;

			for (k = 0; k < flips; k++) {
				u32 r = prandom_u32_state(&rnd);
				u32 at = r % f->len;

				switch (r >> 16 & 3) {
				case 0:
					f->b[at] ^= 1 << (r >> 24 & 7);
					break;
				case 1:
					f->b[at] = r >> 24;
					break;
				case 2:
					f->b[at] += r & 0x1000000 ? 1 : -1;
					break;
				default:
					/* the inner headers are the most */
					at = f->inner_eth +
					     r % (f->len - f->inner_eth);
					f->b[at] = r >> 24;
					break;
				}
			}
			if (prandom_u32_state(&rnd) % 4 == 0)
				len -= prandom_u32_state(&rnd) % 30;
			outer_ip_fix(f);
			run(test, f, len, &v);
			if (v.outer && !v.drop)
				accepted++;
			else
				refused++;
			memcpy(f->b, orig, f->len);
		}
	}
	/* it would be no test if one of them hardly happened */
	KUNIT_EXPECT_GT(test, accepted, refused / 20);
	KUNIT_EXPECT_GT(test, refused, accepted / 20);
	kunit_info(test, "%u accepted, %u refused\n", accepted, refused);
}

/* Headers without anything optional are read at once when they are linear, and
 * step by step when they are not, which run() compares: with every bit of every
 * byte changed, the byte one more and one less, alone and beside another change.
 */
static void parse_usual(struct kunit *test)
{
	static const enum frame_l4 l4s[] = { L4_UDP, L4_TCP };
	struct frame *f = frame_new(test, FRAME_MAX);
	unsigned int accepted = 0, n, i;
	struct frame_spec s = {};
	struct rnd_state rnd;
	struct verdict w;
	u32 at, other;
	u8 old, beside;

	prandom_seed_state(&rnd, SEED);
	for (n = 0; n < 2 * ARRAY_SIZE(l4s); n++) {
		s.l4 = l4s[n / 2];
		s.csum = n & 1;
		frame_build(f, &s);
		for (at = 0; at < f->len; at++) {
			cond_resched();
			old = f->b[at];
			for (i = 0; i < 20; i++) {
				other = prandom_u32_state(&rnd) % f->len;
				beside = f->b[other];
				if (i >= 10)
					f->b[other]++;
				if (i % 10 < 8)
					f->b[at] ^= 1 << i % 10;
				else
					f->b[at] += i & 1 ? 1 : -1;
				if (at != 10 && at != 11)
					outer_ip_fix(f);
				run(test, f, f->len, &w);
				accepted += w.outer && !w.drop;
				f->b[other] = beside;
				f->b[at] = old;
			}
		}
	}
	KUNIT_EXPECT_GT(test, accepted, 0);
}

/* --- extension headers and fragments --- */

#define EXT_HOP		0
#define EXT_ROUTING	43
#define EXT_FRAG	44
#define EXT_AH		51
#define EXT_DEST	60

static const struct ext_case {
	const u8 *ext;
	u16 off;
	bool mf;
	enum dash_drop drop;
	enum dash_frag frag;
} ext_cases[] = {
	{ (u8[]){ EXT_HOP, 0xff } },
	{ (u8[]){ EXT_HOP, EXT_DEST, EXT_ROUTING, EXT_AH, EXT_DEST, 0xff } },
	{ (u8[]){ 0, 60, 60, 60, 60, 60, 60, 60, 0xff } },
	{ (u8[]){ 0, 60, 60, 60, 60, 60, 60, 60, 60, 0xff }, 0, false,
	  DASH_DROP_MALFORMED },
	/* atomic fragments are whole packets */
	{ (u8[]){ EXT_FRAG, 0xff } },
	{ (u8[]){ EXT_HOP, EXT_FRAG, EXT_DEST, 0xff } },
	{ (u8[]){ EXT_FRAG, EXT_FRAG, 0xff }, 0, false, DASH_DROP_MALFORMED },
	{ (u8[]){ EXT_FRAG, 0xff }, 0, true, DASH_DROP_NONE, DASH_FRAG_FIRST },
	{ (u8[]){ EXT_FRAG, EXT_DEST, 0xff }, 0, true, DASH_DROP_NONE,
	  DASH_FRAG_FIRST },
	{ (u8[]){ EXT_FRAG, 0xff }, 800, true, DASH_DROP_NONE,
	  DASH_FRAG_LATER },
	{ (u8[]){ EXT_DEST, EXT_FRAG, 0xff }, 24, false, DASH_DROP_NONE,
	  DASH_FRAG_LATER },
	{ (u8[]){ EXT_FRAG, 0xff }, 8, false, DASH_DROP_FRAG_OVERLAP },
	{ (u8[]){ EXT_FRAG, 0xff }, 16, true, DASH_DROP_FRAG_OVERLAP },
};

static void parse_exthdrs(struct kunit *test)
{
	struct frame *f = frame_new(test, FRAME_MAX);
	struct verdict v;
	int i, o6;

	for (i = 0; i < ARRAY_SIZE(ext_cases) * 2; i++) {
		const struct ext_case *c = &ext_cases[i / 2];
		struct frame_spec s = {
			.i6 = true, .o6 = i & 1, .l4 = L4_TCP, .iext = c->ext,
			.ifrag = c->off, .imf = c->mf,
		};

		frame_build(f, &s);
		run(test, f, f->len, &v);
		KUNIT_EXPECT_TRUE(test, v.outer);
		KUNIT_EXPECT_EQ(test, v.drop, c->drop);
		if (v.drop)
			continue;
		KUNIT_EXPECT_EQ(test, v.pkt.frag, c->frag);
		KUNIT_EXPECT_EQ(test, v.pkt.t.proto, IPPROTO_TCP);
		if (c->frag)
			KUNIT_EXPECT_EQ(test, v.pkt.frag_id, FRAME_FRAG_ID);
		KUNIT_EXPECT_EQ(test, !!v.pkt.has_ports,
				c->frag != DASH_FRAG_LATER);
		if (c->frag != DASH_FRAG_LATER)
			KUNIT_EXPECT_EQ(test, v.pkt.inner_l4, f->inner_l4);
	}

	/* outer ones: up to 8 are walked over, what the host has to handle and
	 * what does not end is the host's
	 */
	for (i = 0; i < 4; i++) {
		const u8 *const ext[] = {
			(u8[]){ 0, 60, 60, 60, 60, 60, 60, 44, 0xff },
			(u8[]){ 0, 60, 60, 60, 60, 60, 60, 60, 60, 0xff },
			(u8[]){ EXT_AH, 0xff },
			(u8[]){ EXT_DEST, EXT_ROUTING, 0xff },
		};
		struct frame_spec s = { .o6 = true, .csum = true,
					.oext = ext[i] };

		frame_build(f, &s);
		/* segments left */
		if (i == 3)
			f->b[f->outer_l3 + 40 + 8 + 3] = 1;
		KUNIT_EXPECT_EQ(test, run_drop(test, f),
				i ? NOT_OURS : DASH_DROP_NONE);
	}

	for (o6 = 0; o6 < 2; o6++) {
		static const u8 frag[] = { EXT_FRAG, 0xff };
		struct frame_spec s = { .o6 = o6, .oext = frag };

		for (i = 0; i < 4; i++) {
			s.nvgre = i & 1;
			s.ofrag = i & 2 ? 64 : 0;
			s.omf = true;
			frame_build(f, &s);
			KUNIT_EXPECT_EQ(test, run_drop(test, f),
					DASH_DROP_FRAG_OUTER);
		}
	}
}

/* A header that says it is longer than the packet. */
static void parse_exthdr_len(struct kunit *test)
{
	static const u8 ext[] = { EXT_FRAG, EXT_DEST, 0xff };
	struct frame *f = frame_new(test, FRAME_MAX);
	struct frame_spec s = { .i6 = true, .iext = ext };

	frame_build(f, &s);
	f->b[f->inner_l3 + 40 + 8 + 1] = 255;
	KUNIT_EXPECT_EQ(test, run_drop(test, f), DASH_DROP_MALFORMED);
	/* in a fragment it is in the next one */
	s.imf = true;
	frame_build(f, &s);
	f->b[f->inner_l3 + 40 + 8 + 1] = 255;
	KUNIT_EXPECT_EQ(test, run_drop(test, f), DASH_DROP_FRAG_TINY);
}

static void parse_fragments4(struct kunit *test)
{
	static const u8 min[L4_KINDS] = { 32, 8, 12, 8, 36, 0 };
	static const u8 body[64] = { [12] = 0x80, [5] = 100 };
	struct frame *f = frame_new(test, FRAME_MAX);
	struct verdict v;
	int l4, n;

	for (l4 = 0; l4 < L4_KINDS; l4++) {
		for (n = 0; n <= 40; n += 4) {
			struct frame_spec s = {
				.l4 = l4, .imf = true, .body = body,
				.body_len = n,
			};

			/* an error with no quote is no error */
			if (l4 == L4_ICMP_ERR)
				continue;
			frame_build(f, &s);
			run(test, f, f->len, &v);
			KUNIT_EXPECT_EQ(test, v.drop, n < min[l4] ?
					DASH_DROP_FRAG_TINY : DASH_DROP_NONE);
			if (!v.drop) {
				KUNIT_EXPECT_EQ(test, v.pkt.frag,
						DASH_FRAG_FIRST);
				KUNIT_EXPECT_EQ(test, v.pkt.frag_id,
						FRAME_FRAG_ID);
			}

			s.imf = false;
			for (s.ifrag = 8; s.ifrag < 32; s.ifrag += 8) {
				bool overlap = (l4 == L4_TCP && s.ifrag < 20) ||
					       (l4 == L4_SCTP && s.ifrag < 12);

				frame_build(f, &s);
				run(test, f, f->len, &v);
				KUNIT_EXPECT_EQ(test, v.drop, overlap ?
						DASH_DROP_FRAG_OVERLAP :
						DASH_DROP_NONE);
				if (!v.drop)
					KUNIT_EXPECT_EQ(test, v.pkt.frag,
							DASH_FRAG_LATER);
			}
		}
	}
}

/* --- addresses and ethertypes --- */

static void parse_addresses(struct kunit *test)
{
	static const struct {
		u32 at;
		u32 addr;
		enum dash_drop drop;
	} v4[] = {
		{ 16, 0xe0000001, DASH_DROP_MULTICAST },
		{ 16, 0xffffffff, DASH_DROP_MULTICAST },
		{ 16, 0xefffffff, DASH_DROP_MULTICAST },
		{ 16, 0xdfffffff, DASH_DROP_NONE },
		{ 12, 0xe0000001, DASH_DROP_MALFORMED },
		{ 12, 0xffffffff, DASH_DROP_MALFORMED },
		{ 12, 0x00000000, DASH_DROP_NONE },
	};
	struct frame *f = frame_new(test, FRAME_MAX);
	struct frame_spec s = { .l4 = L4_UDP };
	struct in6_addr mapped;
	int i;

	for (i = 0; i < ARRAY_SIZE(v4); i++) {
		frame_build(f, &s);
		put_unaligned_be32(v4[i].addr, f->b + f->inner_l3 + v4[i].at);
		KUNIT_EXPECT_EQ(test, run_drop(test, f), v4[i].drop);
	}

	s.i6 = true;
	frame_build(f, &s);
	f->b[f->inner_l3 + 24] = 0xff;
	KUNIT_EXPECT_EQ(test, run_drop(test, f), DASH_DROP_MULTICAST);
	frame_build(f, &s);
	f->b[f->inner_l3 + 8] = 0xff;
	KUNIT_EXPECT_EQ(test, run_drop(test, f), DASH_DROP_MALFORMED);

	/* would look like IPv4 */
	dash_addr_from_v4(&mapped, htonl(0x0a000001));
	frame_build(f, &s);
	memcpy(f->b + f->inner_l3 + 8, &mapped, 16);
	KUNIT_EXPECT_EQ(test, run_drop(test, f), DASH_DROP_MALFORMED);
	frame_build(f, &s);
	memcpy(f->b + f->inner_l3 + 24, &mapped, 16);
	KUNIT_EXPECT_EQ(test, run_drop(test, f), DASH_DROP_MALFORMED);
	s.o6 = true;
	frame_build(f, &s);
	memcpy(f->b + f->outer_l3 + 24, &mapped, 16);
	KUNIT_EXPECT_EQ(test, run_drop(test, f), NOT_OURS);
}

static void parse_ethertypes(struct kunit *test)
{
	static const u16 type[] = { ETH_P_ARP, ETH_P_8021Q, ETH_P_8021AD,
				    ETH_P_MPLS_UC, 46, 0 };
	struct frame *f = frame_new(test, FRAME_MAX);
	struct frame_spec s = { .l4 = L4_UDP };
	int i;

	for (i = 0; i < ARRAY_SIZE(type); i++) {
		frame_build(f, &s);
		put_unaligned_be16(type[i], f->b + f->inner_eth + 12);
		KUNIT_EXPECT_EQ(test, run_drop(test, f), DASH_DROP_MALFORMED);
		f->b[f->inner_eth] |= 1;
		KUNIT_EXPECT_EQ(test, run_drop(test, f), DASH_DROP_MULTICAST);
	}
	/* whether a group address is an ENI's is not known here */
	frame_build(f, &s);
	f->b[f->inner_eth] |= 1;
	KUNIT_EXPECT_EQ(test, run_drop(test, f), DASH_DROP_NONE);

	/* IPv4 in what says it is IPv6 */
	frame_build(f, &s);
	put_unaligned_be16(ETH_P_IPV6, f->b + f->inner_eth + 12);
	KUNIT_EXPECT_EQ(test, run_drop(test, f), DASH_DROP_MALFORMED);
}

static void parse_not_ours(struct kunit *test)
{
	struct frame *f = frame_new(test, FRAME_MAX);
	struct frame_spec s = { .l4 = L4_UDP };
	int i;

	for (i = 0; i < 4; i++) {
		s.o6 = i & 1;
		s.vlan = i & 2;
		s.nvgre = false;
		frame_build(f, &s);
		put_unaligned_be16(FRAME_PORT + 1, f->b + f->outer_l4 + 2);
		KUNIT_EXPECT_EQ(test, run_drop(test, f), NOT_OURS);

		s.nvgre = true;
		frame_build(f, &s);
		put_unaligned_be16(ETH_P_IP, f->b + f->outer_l4 + 2);
		KUNIT_EXPECT_EQ(test, run_drop(test, f), NOT_OURS);

		frame_build(f, &s);
		f->b[f->outer_l3 + (s.o6 ? 6 : 9)] = IPPROTO_TCP;
		KUNIT_EXPECT_EQ(test, run_drop(test, f), NOT_OURS);
	}

	/* a third VLAN tag, and what else may be in one */
	s.vlan = true;
	frame_build(f, &s);
	put_unaligned_be16(ETH_P_8021Q, f->b + 2);
	KUNIT_EXPECT_EQ(test, run_drop(test, f), NOT_OURS);
	put_unaligned_be16(ETH_P_ARP, f->b + 2);
	KUNIT_EXPECT_EQ(test, run_drop(test, f), NOT_OURS);
}

static void parse_tunnel_flags(struct kunit *test)
{
	struct frame *f = frame_new(test, FRAME_MAX);
	struct frame_spec s = { .l4 = L4_UDP };
	int i;

	frame_build(f, &s);
	f->b[f->outer_l4 + 8] = 0xf7;
	KUNIT_EXPECT_EQ(test, run_drop(test, f), DASH_DROP_MALFORMED);
	/* reserved ones are ignored */
	f->b[f->outer_l4 + 8] = 0xff;
	KUNIT_EXPECT_EQ(test, run_drop(test, f), DASH_DROP_NONE);

	s.nvgre = true;
	frame_build(f, &s);
	for (i = 0; i < 16; i++) {
		/* key alone is NVGRE; 0x0078 is reserved */
		bool good = (BIT(i) & 0x00f8) != 0 || BIT(i) == 0x2000;

		put_unaligned_be16(0x2000 | BIT(i), f->b + f->outer_l4);
		KUNIT_EXPECT_EQ(test, run_drop(test, f), good ?
				DASH_DROP_NONE : DASH_DROP_MALFORMED);
	}
	put_unaligned_be16(0, f->b + f->outer_l4);
	KUNIT_EXPECT_EQ(test, run_drop(test, f), DASH_DROP_MALFORMED);
}

/* --- checksums --- */

static enum dash_drop run_summed(struct kunit *test, const struct frame *f,
				 u8 summed, u32 pad, bool wrong)
{
	struct sk_buff *skb = frame_skb(test, f, f->len + pad, U32_MAX, 0);
	struct verdict v;

	skb->ip_summed = summed;
	if (summed == CHECKSUM_COMPLETE)
		skb->csum = csum_add(skb_checksum(skb, 0, skb->len, 0),
				     wrong ? (__force __wsum)htonl(1) : 0);
	run_skb(test, skb, f, &v);
	kfree_skb(skb);
	return v.drop;
}

static void parse_checksums(struct kunit *test)
{
	struct frame *f = frame_new(test, FRAME_MAX);
	int i, pad;

	for (i = 0; i < 8; i++) {
		struct frame_spec s = {
			.l4 = L4_TCP, .csum = true, .o6 = i & 1, .vlan = i & 2,
			.i6 = i & 4,
		};

		for (pad = 0; pad < 6; pad += 5) {
			frame_build(f, &s);
			KUNIT_EXPECT_EQ(test, run_summed(test, f,
				CHECKSUM_NONE, pad, false), DASH_DROP_NONE);
			KUNIT_EXPECT_EQ(test, run_summed(test, f,
				CHECKSUM_COMPLETE, pad, false),
				DASH_DROP_NONE);
			/* the device erred, the packet is right */
			KUNIT_EXPECT_EQ(test, run_summed(test, f,
				CHECKSUM_COMPLETE, pad, true),
				DASH_DROP_NONE);

			f->b[f->len - 1]++;
			KUNIT_EXPECT_EQ(test, run_summed(test, f,
				CHECKSUM_NONE, pad, false),
				DASH_DROP_MALFORMED);
			KUNIT_EXPECT_EQ(test, run_summed(test, f,
				CHECKSUM_COMPLETE, pad, false),
				DASH_DROP_MALFORMED);
			KUNIT_EXPECT_EQ(test, run_summed(test, f,
				CHECKSUM_UNNECESSARY, pad, false),
				DASH_DROP_NONE);
		}

		if (s.o6)
			continue;
		frame_build(f, &s);
		f->b[f->outer_l3 + 8]--;
		KUNIT_EXPECT_EQ(test, run_drop(test, f), DASH_DROP_MALFORMED);
	}
}

/* --- TCP options, ICMP --- */

static void parse_tcp_options(struct kunit *test)
{
	static const struct {
		u8 opt[8];
		s8 wscale;
	} c[] = {
		{ { 3, 3, 9 }, 9 },
		{ { 1, 1, 3, 3, 0 }, 0 },
		{ { 1, 1, 1, 1, 1, 3, 3, 14 }, 14 },
		{ { 3, 3, 200 }, 14 },
		{ { 2, 4, 0, 0, 1, 3, 3, 2 }, 2 },
		{ { 0, 3, 3, 9 }, -1 },
		/* lengths that lead nowhere */
		{ { 2, 0, 3, 3, 9 }, -1 },
		{ { 2, 1, 3, 3, 9 }, -1 },
		{ { 8, 9, 3, 3, 9 }, -1 },
		{ { 3, 2, 3, 3, 9 }, 9 },
		{ { 3, 4, 9, 0, 1, 1, 1, 1 }, -1 },
		{ { 1, 1, 1, 1, 1, 1, 3, 3 }, -1 },
		{ { 1, 1, 1, 1, 1, 1, 1, 3 }, -1 },
	};
	struct frame *f = frame_new(test, FRAME_MAX);
	u8 body[28] = { [12] = 7 << 4, [13] = DASH_TCP_SYN };
	struct frame_spec s = {
		.l4 = L4_TCP, .body = body, .body_len = sizeof(body),
	};
	struct verdict v;
	int i;

	for (i = 0; i < ARRAY_SIZE(c); i++) {
		memcpy(body + 20, c[i].opt, 8);
		body[13] = DASH_TCP_SYN;
		frame_build(f, &s);
		run(test, f, f->len, &v);
		KUNIT_EXPECT_EQ(test, v.drop, DASH_DROP_NONE);
		KUNIT_EXPECT_EQ_MSG(test, v.pkt.tcp.wscale, c[i].wscale,
				    "case %d", i);
		/* only a SYN has it */
		body[13] = DASH_TCP_ACK;
		frame_build(f, &s);
		run(test, f, f->len, &v);
		KUNIT_EXPECT_EQ(test, v.pkt.tcp.wscale, -1);
	}
}

static void parse_icmp_types(struct kunit *test)
{
	struct frame *f = frame_new(test, FRAME_MAX);
	struct frame_spec s = {};
	struct verdict v;
	int type, i6;

	for (i6 = 0; i6 < 2; i6++) {
		s.i6 = i6;
		for (type = 0; type < 256; type++) {
			bool err = i6 ? type >= 1 && type <= 4 :
				   type == 3 || type == 4 || type == 5 ||
				   type == 11 || type == 12;
			bool id = i6 ? type == 128 || type == 129 :
				  type == 0 || type == 8 ||
				  (type >= 13 && type <= 18);

			s.l4 = err ? L4_ICMP_ERR : L4_ECHO;
			frame_build(f, &s);
			f->b[f->inner_l4] = type;
			run(test, f, f->len, &v);
			KUNIT_EXPECT_EQ(test, v.drop, DASH_DROP_NONE);
			KUNIT_EXPECT_EQ(test, !!v.pkt.icmp_err, err);
			KUNIT_EXPECT_FALSE(test, v.pkt.has_ports);
			KUNIT_EXPECT_EQ(test, ntohs(v.pkt.t.sport),
					id ? FRAME_ICMP_ID : 0);
			KUNIT_EXPECT_EQ(test, ntohs(v.pkt.t.dport), type);
		}
		/* the other family's number is just a number */
		s.l4 = L4_ECHO;
		frame_build(f, &s);
		f->b[f->inner_l3 + (i6 ? 6 : 9)] = i6 ? IPPROTO_ICMP :
							IPPROTO_ICMPV6;
		run(test, f, f->len, &v);
		KUNIT_EXPECT_EQ(test, v.drop, DASH_DROP_NONE);
		KUNIT_EXPECT_EQ(test, v.pkt.t.sport, 0);
		KUNIT_EXPECT_EQ(test, v.pkt.t.dport, 0);
	}
}

static void parse_quotes(struct kunit *test)
{
	struct frame *f = frame_new(test, FRAME_MAX);
	struct frame_spec s = { .l4 = L4_ICMP_ERR };
	u32 full, q, l4;
	struct verdict v;
	int i6;
	u8 *b;

	for (i6 = 0; i6 < 2; i6++) {
		s.i6 = i6;
		frame_build(f, &s);
		b = f->b;
		q = f->inner_l4 + 8;
		l4 = q + (i6 ? 40 : 20);
		full = f->len;
		KUNIT_EXPECT_EQ(test, run_drop(test, f), DASH_DROP_NONE);
		for (f->len = q - 8; f->len < full; f->len++) {
			frame_fix(f, &s);
			KUNIT_EXPECT_EQ(test, run_drop(test, f),
					DASH_DROP_MALFORMED);
		}
		frame_fix(f, &s);

		/* a quoted echo */
		b[q + (i6 ? 6 : 9)] = i6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		b[l4] = i6 ? 128 : 8;
		put_unaligned_be16(FRAME_ICMP_ID, b + l4 + 4);
		run(test, f, f->len, &v);
		expect_tuple(test, &v.pkt.quoted, i6, 4, 3,
			     i6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
			     FRAME_ICMP_ID, i6 ? 128 : 8);

		/* not IP, or not of the packet's family */
		frame_build(f, &s);
		b[q] ^= 0x20;
		KUNIT_EXPECT_EQ(test, run_drop(test, f), DASH_DROP_MALFORMED);

		/* what a later fragment has there are no ports */
		if (!i6) {
			frame_build(f, &s);
			b[q + 7] = 10;
			run(test, f, f->len, &v);
			KUNIT_EXPECT_EQ(test, v.drop, DASH_DROP_NONE);
			expect_tuple(test, &v.pkt.quoted, false, 4, 3,
				     IPPROTO_UDP, 0, 0);
			/* options to the end of the packet and beyond */
			b[q + 7] = 0;
			b[q] = 0x46;
			KUNIT_EXPECT_EQ(test, run_drop(test, f),
					DASH_DROP_MALFORMED);
			b[q] = 0x4f;
			KUNIT_EXPECT_EQ(test, run_drop(test, f),
					DASH_DROP_MALFORMED);
		}
	}
}

static struct kunit_case parse_cases[] = {
	KUNIT_CASE(parse_valid),
	KUNIT_CASE(parse_truncated),
	KUNIT_CASE(parse_short),
	KUNIT_CASE(parse_surplus),
	KUNIT_CASE(parse_lengths),
	KUNIT_CASE(parse_header_lengths),
	KUNIT_CASE(parse_fuzz),
	KUNIT_CASE(parse_usual),
	KUNIT_CASE(parse_exthdrs),
	KUNIT_CASE(parse_exthdr_len),
	KUNIT_CASE(parse_fragments4),
	KUNIT_CASE(parse_addresses),
	KUNIT_CASE(parse_ethertypes),
	KUNIT_CASE(parse_not_ours),
	KUNIT_CASE(parse_tunnel_flags),
	KUNIT_CASE(parse_checksums),
	KUNIT_CASE(parse_tcp_options),
	KUNIT_CASE(parse_icmp_types),
	KUNIT_CASE(parse_quotes),
	{}
};

static struct kunit_suite parse_suite = {
	.name = "dash_parse",
	.test_cases = parse_cases,
};

kunit_test_suite(parse_suite);
