// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of dash/xlat.c: packets of one family as those of the other, and
 * back again as they were; in every place that a packet's bytes may be in, and
 * as GSO packets that are then cut.
 */
#include <kunit/test.h>
#include <linux/etherdevice.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/tcp.h>
#include <net/gso.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>

#include "eni.h"
#include "frag.h"
#include "frame.h"
#include "to6.h"
#include "xlat.h"
#include "xlat_icmp.h"

#define XL_MAX		1500
#define XL_GSO_SIZE	700
#define XL_GSO_SEGS	4
#define XL_GSO_PAYLOAD	(XL_GSO_SIZE * XL_GSO_SEGS - 100)

/* What dash/to6.c asks when an answer comes, which none does here. */
enum dash_drop dash_frag_first(const struct dash_pkt *pkt,
			       const struct dash_flow_key *flow)
{
	return DASH_DROP_FRAG_LIMIT;
}

void dash_frag_verdict(const struct dash_pkt *pkt, enum dash_drop reason)
{
}

enum dash_drop dash_frag_later(struct dash_pkt *pkt,
			       struct dash_flow_key *flow)
{
	return DASH_DROP_FRAG_NO_PARENT;
}

struct xl {
	struct frame *f;
	struct frame_spec s;
	struct in6_addr v4[2], v6[2];
	struct dash_xlat x;
};

static struct xl *xl_new(struct kunit *test, u32 size)
{
	struct xl *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, c);
	c->f = frame_new(test, size);
	for (i = 0; i < 2; i++) {
		c->v4[i] = frame_addr(false, 3 + i);
		c->v6[i] = frame_addr(true, 3 + i);
		memset(&c->v6[i].s6_addr[4], 0xe1 + i, 8);
	}
	return c;
}

/* Sum of the transport part with what belongs to it: 0 when it is right. */
static __sum16 xl_sum(const u8 *l3, const u8 *l4, u32 len, u8 proto)
{
	__wsum sum = csum_partial(l4, len, 0);

	if (l3[0] >> 4 == 6)
		return csum_ipv6_magic((struct in6_addr *)(l3 + 8),
				       (struct in6_addr *)(l3 + 24), len,
				       proto, sum);
	if (proto == IPPROTO_ICMP)
		return csum_fold(sum);
	return csum_tcpudp_magic(get_unaligned((__be32 *)(l3 + 12)),
				 get_unaligned((__be32 *)(l3 + 16)), len,
				 proto, sum);
}

/* As it stands in a checksum that is partial. */
static __sum16 xl_pseudo(const u8 *l3, u32 len, u8 proto)
{
	if (l3[0] >> 4 == 6)
		return ~csum_ipv6_magic((struct in6_addr *)(l3 + 8),
					(struct in6_addr *)(l3 + 24), len,
					proto, 0);
	return ~csum_tcpudp_magic(get_unaligned((__be32 *)(l3 + 12)),
				  get_unaligned((__be32 *)(l3 + 16)), len,
				  proto, 0);
}

static u32 xl_check_offset(const struct xl *c)
{
	switch (c->s.l4) {
	case L4_TCP:
		return offsetof(struct tcphdr, check);
	case L4_UDP:
		return offsetof(struct udphdr, check);
	default:
		return offsetof(struct icmphdr, checksum);
	}
}

/* Flags of an IPv4 packet that was IPv6 (RFC 7915, 5.1). */
static u16 xl_df(u32 len)
{
	return len > 1260 ? IP_DF : 0;
}

/* The frame that @c->s says, from its Ethernet header on, with right checksums. */
static void xl_build(struct xl *c)
{
	u8 *l3, *l4;

	frame_build(c->f, &c->s);
	l3 = c->f->b + c->f->inner_l3;
	l4 = c->f->b + c->f->inner_l4;
	/* the only way to get an IPv4 packet back as it was */
	if (!c->s.i6 && !c->s.ifrag && !c->s.imf) {
		put_unaligned_be16(0, l3 + 4);
		put_unaligned_be16(xl_df(get_unaligned_be16(l3 + 2)), l3 + 6);
		memset(l3 + 10, 0, 2);
		put_unaligned(ip_fast_csum(l3, l3[0] & 0xf),
			      (__sum16 *)(l3 + 10));
	}
	if (c->s.i6)
		/* no flow label comes back */
		put_unaligned_be32(0x6b900000, l3);
	if (c->s.l4 == L4_OTHER)
		return;
	put_unaligned(xl_sum(l3, l4, c->f->len - c->f->inner_l4, c->f->proto),
		      (__sum16 *)(l4 + xl_check_offset(c)));
}

static u32 xl_len(const struct xl *c)
{
	return c->f->len - c->f->inner_eth;
}

/* In a head with @room bytes before it and, of the rest, @linear in it. */
static struct sk_buff *xl_skb(struct kunit *test, struct xl *c, u32 room,
			      u32 linear)
{
	const u8 *b = c->f->b + c->f->inner_eth;
	u32 len = xl_len(c), off;
	struct sk_buff *skb;

	linear = min(linear, len);
	skb = alloc_skb(room + linear, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_reserve(skb, room);
	skb_put_data(skb, b, linear);
	for (off = linear; off < len; ) {
		u32 n = min_t(u32, len - off, PAGE_SIZE);
		struct page *page = alloc_page(GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, page);
		memcpy(page_address(page), b + off, n);
		skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, page, 0, n,
				PAGE_SIZE);
		off += n;
	}
	return skb;
}

static enum dash_drop xl_apply(struct xl *c, struct sk_buff *skb, bool to6)
{
	c->x.src = to6 ? &c->v6[0] : &c->v4[0];
	c->x.dst = to6 ? &c->v6[1] : &c->v4[1];
	c->x.to6 = to6;
	return dash_xlat(skb, &c->x);
}

static void xl_start(struct xl *c)
{
	c->x = (struct dash_xlat){
		.l3 = ETH_HLEN,
		.l4 = c->f->inner_l4 - c->f->inner_eth,
		.icmp_err = c->s.l4 == L4_ICMP_ERR,
	};
}

static void xl_copy(struct kunit *test, const struct xl *c,
		    const struct sk_buff *skb, u8 *b, u32 *len)
{
	*len = skb->len - c->x.eth;
	KUNIT_ASSERT_LE(test, *len, XL_MAX);
	KUNIT_ASSERT_EQ(test, skb_copy_bits(skb, c->x.eth, b, *len), 0);
}

/* What has become of @c's IPv4 packet. */
static void xl_check6(struct kunit *test, const struct xl *c, const u8 *b,
		      u32 len)
{
	u32 data = c->f->len - c->f->inner_l4;
	const struct ipv6hdr *ip6h = (const struct ipv6hdr *)(b + ETH_HLEN);

	KUNIT_EXPECT_EQ(test, memcmp(b, c->f->b + c->f->inner_eth, 12), 0);
	KUNIT_EXPECT_EQ(test, get_unaligned_be16(b + 12), ETH_P_IPV6);
	KUNIT_EXPECT_EQ(test, get_unaligned_be32(b + ETH_HLEN), 0x6b900000);
	KUNIT_EXPECT_EQ(test, get_unaligned_be16(&ip6h->payload_len), data);
	KUNIT_EXPECT_EQ(test, ip6h->nexthdr, frame_proto(true, c->s.l4));
	KUNIT_EXPECT_EQ(test, ip6h->hop_limit, 63);
	KUNIT_EXPECT_EQ(test, memcmp(&ip6h->saddr, &c->v6[0], 16), 0);
	KUNIT_EXPECT_EQ(test, memcmp(&ip6h->daddr, &c->v6[1], 16), 0);
	KUNIT_ASSERT_EQ(test, len, ETH_HLEN + sizeof(*ip6h) + data);
	if (c->s.l4 != L4_OTHER)
		KUNIT_EXPECT_EQ(test, (u16)xl_sum(b + ETH_HLEN,
						  b + ETH_HLEN + 40, data,
						  ip6h->nexthdr), 0);
}

/* There and back, wherever its bytes are and whoever else looks at them. */
static void xl_roundtrip(struct kunit *test, struct xl *c, u8 *b, u8 *again)
{
	static const u32 rooms[] = { 0, 8, 20, 28, 128 };
	u32 len, len2, linear = ETH_HLEN + 20 + 40 + c->s.iopt * 4;
	struct sk_buff *skb, *tap = NULL;
	int i;

	for (i = 0; i < 4 * ARRAY_SIZE(rooms); i++) {
		xl_build(c);
		skb = xl_skb(test, c, rooms[i / 4], i & 1 ? linear : U32_MAX);
		if (i & 2) {
			tap = skb_clone(skb, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, tap);
		}
		xl_start(c);
		KUNIT_ASSERT_EQ(test, xl_apply(c, skb, true), DASH_DROP_NONE);
		xl_copy(test, c, skb, b, &len);
		xl_check6(test, c, b, len);
		KUNIT_ASSERT_EQ(test, xl_apply(c, skb, false), DASH_DROP_NONE);
		xl_copy(test, c, skb, again, &len2);
		if (!c->s.iopt) {
			KUNIT_EXPECT_EQ(test, len2, xl_len(c));
			KUNIT_EXPECT_EQ(test, memcmp(again, c->f->b +
						     c->f->inner_eth, len2), 0);
		}
		if (tap) {
			KUNIT_ASSERT_EQ(test, skb_copy_bits(tap, 0, b, tap->len),
					0);
			KUNIT_EXPECT_EQ(test, memcmp(b, c->f->b +
						     c->f->inner_eth,
						     tap->len), 0);
			kfree_skb(tap);
			tap = NULL;
		}
		kfree_skb(skb);
	}
}

static void xlat_packets(struct kunit *test)
{
	static const enum frame_l4 l4s[] = { L4_TCP, L4_UDP, L4_ECHO, L4_OTHER };
	struct xl *c = xl_new(test, XL_MAX);
	u8 *b = kunit_kzalloc(test, 2 * XL_MAX, GFP_KERNEL);
	int i, opt;
	u16 n;

	KUNIT_ASSERT_NOT_NULL(test, b);
	for (i = 0; i < ARRAY_SIZE(l4s); i++)
		for (opt = 0; opt < 11; opt += 5)
			for (n = 1; n < 1000; n += 333) {
				c->s = (struct frame_spec){
					.l4 = l4s[i], .iopt = opt, .payload = n,
				};
				xl_roundtrip(test, c, b, b + XL_MAX);
			}
}

/* IPv6 first; extension headers do not come back. */
static void xlat_answers(struct kunit *test)
{
	static const enum frame_l4 l4s[] = { L4_TCP, L4_UDP, L4_ECHO, L4_OTHER };
	static const u8 ext[] = { 0, 60, 43, 0xff };
	struct xl *c = xl_new(test, XL_MAX);
	u8 *b = kunit_kzalloc(test, XL_MAX, GFP_KERNEL);
	struct sk_buff *skb;
	u32 len, data;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, b);
	for (i = 0; i < 2 * ARRAY_SIZE(l4s); i++) {
		c->s = (struct frame_spec){
			.i6 = true, .l4 = l4s[i / 2], .payload = 99,
			.iext = i & 1 ? ext : NULL,
		};
		xl_build(c);
		data = c->f->len - c->f->inner_l4;
		skb = xl_skb(test, c, 0, U32_MAX);
		xl_start(c);
		KUNIT_ASSERT_EQ(test, xl_apply(c, skb, false), DASH_DROP_NONE);
		xl_copy(test, c, skb, b, &len);
		KUNIT_ASSERT_EQ(test, len, ETH_HLEN + 20 + data);
		KUNIT_EXPECT_EQ(test, get_unaligned_be16(b + 12), ETH_P_IP);
		KUNIT_EXPECT_EQ(test, get_unaligned_be32(b + ETH_HLEN),
				0x45b90000 | (20 + data));
		KUNIT_EXPECT_EQ(test, get_unaligned_be32(b + ETH_HLEN + 4),
				xl_df(20 + data));
		KUNIT_EXPECT_EQ(test, b[ETH_HLEN + 8], 63);
		KUNIT_EXPECT_EQ(test, b[ETH_HLEN + 9],
				frame_proto(false, c->s.l4));
		KUNIT_EXPECT_EQ(test, (u16)ip_fast_csum(b + ETH_HLEN, 5), 0);
		if (c->s.l4 != L4_OTHER)
			KUNIT_EXPECT_EQ(test, (u16)xl_sum(b + ETH_HLEN,
							  b + ETH_HLEN + 20,
							  data,
							  b[ETH_HLEN + 9]), 0);
		kfree_skb(skb);
	}
}

/* The checksum is somebody else's to fill in, from where the header is. */
static void xlat_partial(struct kunit *test)
{
	static const enum frame_l4 l4s[] = { L4_TCP, L4_UDP, L4_ECHO };
	struct xl *c = xl_new(test, XL_MAX);
	u8 *b = kunit_kzalloc(test, XL_MAX, GFP_KERNEL), *l3, *l4, proto;
	struct sk_buff *skb;
	u32 len, n, hlen;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, b);
	for (i = 0; i < 2 * ARRAY_SIZE(l4s); i++) {
		c->s = (struct frame_spec){
			.i6 = i & 1, .l4 = l4s[i / 2], .payload = 77,
		};
		xl_build(c);
		proto = c->f->proto;
		l3 = c->f->b + c->f->inner_l3;
		l4 = c->f->b + c->f->inner_l4;
		n = c->f->len - c->f->inner_l4;
		/* the pseudo header alone */
		memset(l4 + xl_check_offset(c), 0, 2);
		if (proto != IPPROTO_ICMP)
			put_unaligned(xl_pseudo(l3, n, proto),
				      (__sum16 *)(l4 + xl_check_offset(c)));
		skb = xl_skb(test, c, 64, U32_MAX);
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = skb_headroom(skb) + c->f->inner_l4 -
				  c->f->inner_eth;
		skb->csum_offset = xl_check_offset(c);
		xl_start(c);
		KUNIT_ASSERT_EQ(test, xl_apply(c, skb, !c->s.i6),
				DASH_DROP_NONE);
		if (skb->ip_summed == CHECKSUM_PARTIAL)
			KUNIT_ASSERT_EQ(test, skb_checksum_help(skb), 0);
		xl_copy(test, c, skb, b, &len);
		hlen = c->s.i6 ? 20 : 40;
		proto = frame_proto(!c->s.i6, c->s.l4);
		KUNIT_EXPECT_EQ(test, (u16)xl_sum(b + ETH_HLEN,
						  b + ETH_HLEN + hlen, n,
						  proto), 0);
		kfree_skb(skb);
	}
}

static void xlat_gso(struct kunit *test)
{
	struct xl *c = xl_new(test, 5000);
	struct sk_buff *skb, *segs, *seg, *next;
	u8 *b = kunit_kzalloc(test, XL_MAX, GFP_KERNEL), *l4;
	struct net_device *dev = alloc_etherdev(0);
	u32 i, n, hlen, payload, at;
	bool to6;

	KUNIT_ASSERT_NOT_NULL(test, b);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	for (i = 0; i < 2; i++) {
		to6 = !i;
		c->s = (struct frame_spec){
			.i6 = !to6, .l4 = L4_TCP, .payload = XL_GSO_PAYLOAD,
		};
		xl_build(c);
		l4 = c->f->b + c->f->inner_l4;
		l4[13] = DASH_TCP_ACK;
		skb = xl_skb(test, c, 64, 200);
		skb->ip_summed = CHECKSUM_PARTIAL;
		at = c->f->inner_l4 - c->f->inner_eth;
		skb->csum_start = skb_headroom(skb) + at;
		skb->csum_offset = offsetof(struct tcphdr, check);
		skb_set_transport_header(skb, at);
		tcp_hdr(skb)->check = xl_pseudo(skb->data + ETH_HLEN,
						skb->len - at, IPPROTO_TCP);
		skb_shinfo(skb)->gso_size = XL_GSO_SIZE;
		skb_shinfo(skb)->gso_segs = XL_GSO_SEGS;
		skb_shinfo(skb)->gso_type = to6 ? SKB_GSO_TCPV4 |
						  SKB_GSO_TCP_FIXEDID :
						  SKB_GSO_TCPV6;
		xl_start(c);
		KUNIT_ASSERT_EQ(test, xl_apply(c, skb, to6), DASH_DROP_NONE);
		KUNIT_EXPECT_EQ(test, skb_shinfo(skb)->gso_type,
				to6 ? SKB_GSO_TCPV6 : SKB_GSO_TCPV4);
		KUNIT_EXPECT_EQ(test, skb_shinfo(skb)->gso_size, XL_GSO_SIZE);

		__skb_pull(skb, c->x.eth);
		skb_reset_mac_header(skb);
		skb_set_network_header(skb, ETH_HLEN);
		skb_set_transport_header(skb, c->x.l4 - c->x.eth);
		skb->protocol = eth_hdr(skb)->h_proto;
		skb->dev = dev;
		segs = __skb_gso_segment(skb, NETIF_F_SG, true);
		KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(segs));
		kfree_skb(skb);
		n = 0;
		hlen = ETH_HLEN + (to6 ? 40 : 20);
		skb_list_walk_safe(segs, seg, next) {
			skb_mark_not_on_list(seg);
			payload = n == XL_GSO_SEGS - 1 ?
				  XL_GSO_PAYLOAD - n * XL_GSO_SIZE :
				  XL_GSO_SIZE;
			KUNIT_ASSERT_EQ(test, seg->len, hlen + 32 + payload);
			if (seg->ip_summed == CHECKSUM_PARTIAL)
				KUNIT_ASSERT_EQ(test, skb_checksum_help(seg),
						0);
			skb_copy_bits(seg, 0, b, seg->len);
			KUNIT_EXPECT_EQ(test, (u16)xl_sum(b + ETH_HLEN,
							  b + hlen,
							  seg->len - hlen,
							  IPPROTO_TCP), 0);
			KUNIT_EXPECT_EQ(test,
					get_unaligned_be32(b + hlen + 4),
					0x01020304 + n * XL_GSO_SIZE);
			KUNIT_EXPECT_EQ(test, memcmp(b + hlen + 32, l4 + 32 +
						     n * XL_GSO_SIZE,
						     payload), 0);
			kfree_skb(seg);
			n++;
		}
		KUNIT_EXPECT_EQ(test, n, XL_GSO_SEGS);
	}
	free_netdev(dev);
}

/* An error with its quote: all sums are right, and it comes back as it was. */
static void xlat_errors(struct kunit *test)
{
	struct xl *c = xl_new(test, XL_MAX);
	u8 *b = kunit_kzalloc(test, XL_MAX, GFP_KERNEL);
	struct sk_buff *skb;
	u32 len, data;
	u8 *l3, *q;

	KUNIT_ASSERT_NOT_NULL(test, b);
	c->s = (struct frame_spec){ .l4 = L4_ICMP_ERR };
	xl_build(c);
	/* the quote: without fragments, and the port unreachable */
	c->f->b[c->f->inner_l4 + 1] = ICMP_PORT_UNREACH;
	q = c->f->b + c->f->inner_l4 + DASH_ICMP_HLEN;
	put_unaligned_be16(20 + 500, q + 2);
	put_unaligned_be32(xl_df(20 + 500), q + 4);
	put_unaligned(ip_fast_csum(q, 5), (__sum16 *)(q + 10));
	l3 = c->f->b + c->f->inner_l4;
	memset(l3 + 2, 0, 2);
	data = c->f->len - c->f->inner_l4;
	put_unaligned(xl_sum(c->f->b + c->f->inner_l3, l3, data, IPPROTO_ICMP),
		      (__sum16 *)(l3 + 2));

	skb = xl_skb(test, c, 0, U32_MAX);
	xl_start(c);
	KUNIT_ASSERT_EQ(test, xl_apply(c, skb, true), DASH_DROP_NONE);
	xl_copy(test, c, skb, b, &len);
	KUNIT_ASSERT_EQ(test, len, ETH_HLEN + 40 + data + 20);
	KUNIT_EXPECT_EQ(test, (u16)xl_sum(b + ETH_HLEN, b + ETH_HLEN + 40,
					  data + 20, IPPROTO_ICMPV6), 0);
	q = b + ETH_HLEN + 40;
	KUNIT_EXPECT_EQ(test, q[0], ICMPV6_DEST_UNREACH);
	KUNIT_EXPECT_EQ(test, q[1], ICMPV6_PORT_UNREACH);
	q += DASH_ICMP_HLEN;
	KUNIT_EXPECT_EQ(test, get_unaligned_be16(q + 4), 500);
	KUNIT_EXPECT_EQ(test, memcmp(q + 8, &c->v6[1], 16), 0);
	KUNIT_EXPECT_EQ(test, memcmp(q + 24, &c->v6[0], 16), 0);

	KUNIT_ASSERT_EQ(test, xl_apply(c, skb, false), DASH_DROP_NONE);
	xl_copy(test, c, skb, b, &len);
	KUNIT_EXPECT_EQ(test, len, xl_len(c));
	KUNIT_EXPECT_EQ(test, memcmp(b, c->f->b + c->f->inner_eth, len), 0);
	kfree_skb(skb);
}

struct xl_icmp {
	bool to6;
	u8 type, code;
	u32 rest;
	/* 0: there is none */
	u8 new_type, new_code;
	u32 new_rest;
};

static const struct xl_icmp xl_icmps[] = {
	{ true, 3, 0, 0, 1, 0, 0 },
	{ true, 3, 1, 0, 1, 0, 0 },
	{ true, 3, 2, 0, 4, 1, 6 },
	{ true, 3, 3, 0, 1, 4, 0 },
	{ true, 3, 4, 1400, 2, 0, 1420 },
	{ true, 3, 4, 0, 2, 0, 1280 },
	{ true, 3, 9, 0, 1, 1, 0 },
	{ true, 3, 13, 0, 1, 1, 0 },
	{ true, 3, 14, 0 },
	{ true, 3, 16, 0 },
	{ true, 4, 0, 0 },
	{ true, 5, 1, 0 },
	{ true, 11, 1, 0, 3, 1, 0 },
	{ true, 12, 0, 9U << 24, 4, 0, 6 },
	{ true, 12, 2, 12U << 24, 4, 0, 8 },
	{ true, 12, 0, 4U << 24 },
	{ true, 12, 0, 20U << 24 },
	{ true, 12, 1, 0 },
	{ false, 1, 0, 0, 3, 1, 0 },
	{ false, 1, 1, 0, 3, 10, 0 },
	{ false, 1, 4, 0, 3, 3, 0 },
	{ false, 1, 5, 0 },
	{ false, 2, 0, 1280, 3, 4, 1260 },
	{ false, 2, 0, 70, 3, 4, 68 },
	{ false, 2, 0, 0xffffffff, 3, 4, 65515 },
	{ false, 3, 0, 0, 11, 0, 0 },
	{ false, 4, 0, 7, 12, 0, 8U << 24 },
	{ false, 4, 0, 39, 12, 0, 16U << 24 },
	{ false, 4, 0, 8, 12, 0, 12U << 24 },
	{ false, 4, 0, 2 },
	{ false, 4, 0, 40 },
	{ false, 4, 1, 6, 3, 2, 0 },
	{ false, 4, 2, 6 },
};

static void xlat_icmp(struct kunit *test)
{
	u8 in[DASH_ICMP_HLEN] __aligned(4) = {};
	u8 out[DASH_ICMP_HLEN] __aligned(4);
	const struct xl_icmp *c;
	int i;

	for (i = 0; i < ARRAY_SIZE(xl_icmps); i++) {
		c = &xl_icmps[i];
		in[0] = c->type;
		in[1] = c->code;
		put_unaligned_be32(c->rest, in + 4);
		KUNIT_ASSERT_EQ_MSG(test, dash_xlat_icmp(in, out, c->to6),
				    !!c->new_type, "case %d", i);
		if (!c->new_type)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, out[0], c->new_type, "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, out[1], c->new_code, "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, get_unaligned_be32(out + 4),
				    c->new_rest, "case %d", i);
	}
}

/* What has no form in the other family stays as it was. */
static void xlat_refused(struct kunit *test)
{
	static const u8 protos[] = { 0, 2, 43, 44, 51, 58, 59, 60 };
	struct xl *c = xl_new(test, XL_MAX);
	struct sk_buff *skb;
	int i;

	for (i = 0; i < ARRAY_SIZE(protos); i++) {
		c->s = (struct frame_spec){ .l4 = L4_OTHER };
		xl_build(c);
		skb = xl_skb(test, c, 64, U32_MAX);
		skb->data[ETH_HLEN + 9] = protos[i];
		xl_start(c);
		KUNIT_EXPECT_EQ(test, xl_apply(c, skb, true),
				DASH_DROP_UNTRANSLATABLE);
		KUNIT_EXPECT_EQ(test, skb->len, xl_len(c));
		KUNIT_EXPECT_EQ(test, c->x.eth, 0);
		kfree_skb(skb);
	}
	KUNIT_EXPECT_EQ(test, dash_xlat_proto(IPPROTO_ICMP, false), -1);
	KUNIT_EXPECT_EQ(test, dash_xlat_proto(IPPROTO_ESP, true), IPPROTO_ESP);
}

/* --- names --- */

static void to6_names(struct kunit *test)
{
	struct dash_eni_cfg *ecfg = kunit_kzalloc(test, sizeof(*ecfg),
						  GFP_KERNEL);
	struct dash_flow_key key, v4 = {
		.laddr = frame_addr(false, 5),
		.raddr = frame_addr(false, 6),
		.lport = htons(1), .rport = htons(2),
		.eni_proto = 7 << 8 | IPPROTO_UDP,
	};
	struct dash_to6 to6 = {};

	KUNIT_ASSERT_NOT_NULL(test, ecfg);
	to6.sip.s6_addr32[0] = htonl(0xfd001122);
	to6.dip.s6_addr32[1] = htonl(0x33445566);
	to6.dip.s6_addr32[3] = htonl(0x99);
	ecfg->pl_sip.s6_addr32[0] = htonl(0x00000a00);
	ecfg->pl_mask.s6_addr32[0] = htonl(0x0000ff00);
	ecfg->pl_mask.s6_addr32[3] = ~0;

	key = v4;
	dash_to6_name(&key, &to6, ecfg);
	KUNIT_EXPECT_EQ(test, ntohl(key.laddr.s6_addr32[0]), 0xfd001122);
	KUNIT_EXPECT_EQ(test, ntohl(key.laddr.s6_addr32[3]), 0x0a000005);
	KUNIT_EXPECT_EQ(test, ntohl(key.raddr.s6_addr32[1]), 0x33445566);
	KUNIT_EXPECT_EQ(test, ntohl(key.raddr.s6_addr32[3]), 0x0a000006);
	KUNIT_EXPECT_EQ(test, key.eni_proto, v4.eni_proto);
	KUNIT_EXPECT_EQ(test, ntohs(key.rport), 2);

	to6.whole_dip = true;
	to6.pl = true;
	v4.eni_proto = 7 << 8 | IPPROTO_ICMP;
	v4.rport = htons(ICMP_ECHO);
	key = v4;
	dash_to6_name(&key, &to6, ecfg);
	KUNIT_EXPECT_EQ(test, ntohl(key.laddr.s6_addr32[0]), 0xfd000a22);
	KUNIT_EXPECT_EQ(test, ntohl(key.laddr.s6_addr32[3]), 0x0a000005);
	KUNIT_EXPECT_EQ(test, ntohl(key.raddr.s6_addr32[3]), 0x99);
	KUNIT_EXPECT_EQ(test, key.eni_proto, 7 << 8 | IPPROTO_ICMPV6);
	KUNIT_EXPECT_EQ(test, ntohs(key.rport), ICMPV6_ECHO_REQUEST);
}

static struct kunit_case xlat_cases[] = {
	KUNIT_CASE(xlat_packets),
	KUNIT_CASE(xlat_answers),
	KUNIT_CASE(xlat_partial),
	KUNIT_CASE(xlat_gso),
	KUNIT_CASE(xlat_errors),
	KUNIT_CASE(xlat_icmp),
	KUNIT_CASE(xlat_refused),
	KUNIT_CASE(to6_names),
	{}
};

static struct kunit_suite xlat_suite = {
	.name = "dash_xlat",
	.test_cases = xlat_cases,
};

kunit_test_suite(xlat_suite);
