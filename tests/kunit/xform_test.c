// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of dash/xform.c: packets of every kind into packets of every
 * kind, in every state of checksums that the stack knows, and as GSO packets
 * that are then cut as the last device would have it.
 */
#include <kunit/test.h>
#include <linux/etherdevice.h>
#include <linux/tcp.h>
#include <net/dsfield.h>
#include <net/gso.h>

#include "eni.h"
#include "frame.h"
#include "inst.h"
#include "xform.h"

#define FRAME_MAX	1024
#define GSO_SIZE	700
#define GSO_SEGS	5
/* the last one is shorter */
#define GSO_PAYLOAD	(GSO_SIZE * GSO_SEGS - 100)

#define XF_SPORT	0xc123
#define XF_VNI		0x123456

static const u8 xf_dmac[ETH_ALEN] = { 2, 0, 0, 0, 0, 9 };

/* checksum notes that a packet may come with */
enum summed {
	SUM_NONE,
	SUM_UNNECESSARY,
	SUM_COMPLETE,
	SUM_PARTIAL_OUTER,
	SUM_PARTIAL_INNER,
	/* of a tunnel within the inner packet */
	SUM_PARTIAL_DEEP,
	SUM_KINDS
};

struct ctx {
	struct dash_inst inst;
	struct dash_eni_cfg ecfg;
	struct dash_pkt pkt;
	struct dash_xform xf;
	struct frame *f;
	struct frame_spec s;
};

static struct ctx *ctx_new(struct kunit *test, u32 size)
{
	struct ctx *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, c);
	c->f = frame_new(test, size);
	c->inst.vxlan_port = htons(FRAME_PORT);
	c->inst.df = true;
	return c;
}

static void ctx_parse(struct kunit *test, struct ctx *c, struct sk_buff *skb)
{
	memset(&c->pkt, 0, sizeof(c->pkt));
	c->pkt.skb = skb;
	c->pkt.inst = &c->inst;
	c->pkt.ecfg = &c->ecfg;
	KUNIT_ASSERT_TRUE(test, dash_parse_outer(&c->pkt, c->inst.vxlan_port));
	KUNIT_ASSERT_EQ(test, dash_parse_inner(&c->pkt), DASH_DROP_NONE);
}

static void ctx_xform(struct ctx *c, bool direct, bool nvgre, bool v6,
		      bool dmac)
{
	memset(&c->xf, 0, sizeof(c->xf));
	c->xf.kind = direct ? DASH_XFORM_DIRECT : DASH_XFORM_ENCAP;
	c->xf.encap = nvgre ? DASH_ENCAP_TYPE_NVGRE : DASH_ENCAP_TYPE_VXLAN;
	c->xf.saddr = direct ? c->pkt.t.src : frame_addr(v6, 7);
	c->xf.daddr = direct ? c->pkt.t.dst : frame_addr(v6, 8);
	c->xf.vni = XF_VNI;
	c->xf.sport = htons(XF_SPORT);
	c->xf.set_dmac = dmac;
	ether_addr_copy(c->xf.dmac, xf_dmac);
}

/* sum of pseudo header and what lies from @l4 to the end: 0 when right */
static __sum16 l4_sum(const u8 *ip, const u8 *l4, u32 len, u8 proto)
{
	__wsum sum = csum_partial(l4, len, 0);

	if (ip[0] >> 4 == 6)
		return csum_ipv6_magic((struct in6_addr *)(ip + 8),
				       (struct in6_addr *)(ip + 24), len,
				       proto, sum);
	return csum_tcpudp_magic(get_unaligned((__be32 *)(ip + 12)),
				 get_unaligned((__be32 *)(ip + 16)), len,
				 proto, sum);
}

/* the pseudo header's sum, as it stands in a partial checksum */
static __sum16 l4_pseudo(const u8 *ip, u32 len, u8 proto)
{
	if (ip[0] >> 4 == 6)
		return ~csum_ipv6_magic((struct in6_addr *)(ip + 8),
					(struct in6_addr *)(ip + 24), len,
					proto, 0);
	return ~csum_tcpudp_magic(get_unaligned((__be32 *)(ip + 12)),
				  get_unaligned((__be32 *)(ip + 16)), len,
				  proto, 0);
}

/* Outer headers of what was sent, all of it linear; returns their length. */
static u32 check_outer(struct kunit *test, struct ctx *c, const u8 *b, u32 len,
		       bool csum, u8 tos)
{
	bool v6 = !dash_addr_is_v4(&c->xf.saddr);
	bool nvgre = c->xf.encap == DASH_ENCAP_TYPE_NVGRE;
	u8 proto = nvgre ? IPPROTO_GRE : IPPROTO_UDP;
	u32 hlen = v6 ? 40 : 20;
	const u8 *l4 = b + hlen;

	if (v6) {
		KUNIT_EXPECT_EQ(test, b[0] >> 4, 6);
		KUNIT_EXPECT_EQ(test, get_unaligned_be16(b) >> 4 & 0xff, tos);
		KUNIT_EXPECT_EQ(test,
				!(get_unaligned_be32(b) & 0xfffff),
				c->inst.fixed_sport);
		KUNIT_EXPECT_EQ(test, get_unaligned_be16(b + 4), len - 40);
		KUNIT_EXPECT_EQ(test, b[6], proto);
		KUNIT_EXPECT_EQ(test, b[7], 64);
		KUNIT_EXPECT_EQ(test, memcmp(b + 8, &c->xf.saddr, 16), 0);
		KUNIT_EXPECT_EQ(test, memcmp(b + 24, &c->xf.daddr, 16), 0);
	} else {
		KUNIT_EXPECT_EQ(test, b[0], 0x45);
		KUNIT_EXPECT_EQ(test, b[1], tos);
		KUNIT_EXPECT_EQ(test, get_unaligned_be16(b + 2), len);
		KUNIT_EXPECT_EQ(test, get_unaligned_be16(b + 6),
				c->inst.df ? 0x4000 : 0);
		KUNIT_EXPECT_EQ(test, b[8], 64);
		KUNIT_EXPECT_EQ(test, b[9], proto);
		KUNIT_EXPECT_EQ(test, ip_fast_csum(b, 5), 0);
		KUNIT_EXPECT_EQ(test, memcmp(b + 12, &c->xf.saddr.s6_addr[12],
					     4), 0);
		KUNIT_EXPECT_EQ(test, memcmp(b + 16, &c->xf.daddr.s6_addr[12],
					     4), 0);
	}

	if (nvgre) {
		KUNIT_EXPECT_EQ(test, get_unaligned_be32(l4), 0x20006558);
		KUNIT_EXPECT_EQ(test, get_unaligned_be32(l4 + 4), XF_VNI << 8);
		return hlen + 8;
	}

	KUNIT_EXPECT_EQ(test, get_unaligned_be16(l4), XF_SPORT);
	KUNIT_EXPECT_EQ(test, get_unaligned_be16(l4 + 2), FRAME_PORT);
	KUNIT_EXPECT_EQ(test, get_unaligned_be16(l4 + 4), len - hlen);
	KUNIT_EXPECT_EQ(test, !!get_unaligned_be16(l4 + 6), csum);
	if (csum)
		KUNIT_EXPECT_EQ(test, l4_sum(b, l4, len - hlen, proto), 0);
	KUNIT_EXPECT_EQ(test, get_unaligned_be32(l4 + 8), 0x08000000);
	KUNIT_EXPECT_EQ(test, get_unaligned_be32(l4 + 12), XF_VNI << 8);
	return hlen + 16;
}

/* --- packets --- */

/* The inner frame has a TCP header: give it a checksum. */
static void frame_tcp_csum(struct frame *f, struct frame_spec *s)
{
	u8 *l4 = f->b + f->inner_l4;
	__sum16 sum;

	memset(l4 + 16, 0, 2);
	sum = l4_sum(f->b + f->inner_l3, l4, f->len - f->inner_l4,
		     IPPROTO_TCP);
	put_unaligned(sum, (__sum16 *)(l4 + 16));
	frame_fix(f, s);
}

static void skb_sum(struct ctx *c, struct sk_buff *skb, enum summed how)
{
	struct frame *f = c->f;
	u32 l3, l4;
	__sum16 p;

	switch (how) {
	case SUM_UNNECESSARY:
		skb->ip_summed = CHECKSUM_UNNECESSARY;
		skb->csum_level = 1;
		break;
	case SUM_COMPLETE:
		skb->ip_summed = CHECKSUM_COMPLETE;
		skb->csum = skb_checksum(skb, 0, skb->len, 0);
		break;
	case SUM_PARTIAL_OUTER:
	case SUM_PARTIAL_INNER:
		l3 = how == SUM_PARTIAL_OUTER ? f->outer_l3 : f->inner_l3;
		l4 = how == SUM_PARTIAL_OUTER ? f->outer_l4 : f->inner_l4;
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = skb_headroom(skb) + l4;
		skb->csum_offset = how == SUM_PARTIAL_OUTER ? 6 : 16;
		p = l4_pseudo(f->b + l3, f->len - l4,
			      how == SUM_PARTIAL_OUTER ? IPPROTO_UDP :
							 IPPROTO_TCP);
		skb_store_bits(skb, l4 + skb->csum_offset, &p, 2);
		break;
	case SUM_PARTIAL_DEEP:
		/* two bytes of TCP's payload are to become a checksum */
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = skb_headroom(skb) + f->inner_l4 + 32;
		skb->csum_offset = 4;
		break;
	default:
		break;
	}
}

static void check_packet(struct kunit *test, struct ctx *c, enum summed how,
			 bool clone)
{
	struct sk_buff *skb, *tap = NULL;
	bool direct = c->xf.kind == DASH_XFORM_DIRECT;
	struct frame *f = c->f;
	int off, l4;
	u32 len;
	bool csum;
	u8 *b, *in;

	frame_build(f, &c->s);
	if (direct) {
		/* DSCP 0 and an ECN of its own */
		if (c->s.i6)
			put_unaligned_be16(0x6010, f->b + f->inner_l3);
		else
			f->b[f->inner_l3 + 1] = 0x01;
	}
	frame_tcp_csum(f, &c->s);
	skb = frame_skb(test, f, f->len, clone ? 60 : U32_MAX, 0);
	skb_sum(c, skb, how);
	/* the bytes now, which a tap has to see still */
	in = kunit_kmalloc(test, f->len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, in);
	skb_copy_bits(skb, 0, in, f->len);
	if (clone) {
		tap = skb_clone(skb, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, tap);
	}

	ctx_parse(test, c, skb);
	if (direct) {
		c->xf.saddr = c->pkt.t.src;
		c->xf.daddr = c->pkt.t.dst;
	}
	KUNIT_ASSERT_EQ(test, dash_xform_apply(&c->pkt, &c->xf),
			DASH_DROP_NONE);
	KUNIT_EXPECT_GE(test, skb_headroom(skb), 18);
	KUNIT_EXPECT_PTR_EQ(test, skb_network_header(skb), skb->data);
	KUNIT_EXPECT_TRUE(test, skb->ip_summed == CHECKSUM_NONE ||
			  skb->ip_summed == CHECKSUM_PARTIAL);

	/* what the device would do */
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		KUNIT_ASSERT_EQ(test, skb_checksum_help(skb), 0);

	len = skb->len;
	b = kunit_kmalloc(test, len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b);
	KUNIT_ASSERT_EQ(test, skb_copy_bits(skb, 0, b, len), 0);

	csum = c->inst.udp_csum == DASH_UDP_CSUM_ON ||
	       (c->inst.udp_csum == DASH_UDP_CSUM_DEFAULT &&
		!dash_addr_is_v4(&c->xf.saddr));
	if (!direct) {
		KUNIT_EXPECT_EQ(test, ntohs(skb->protocol),
				dash_addr_is_v4(&c->xf.saddr) ? ETH_P_IP :
								ETH_P_IPV6);
		off = check_outer(test, c, b, len, csum,
				  c->ecfg.dscp_pipe ? 10 << 2 | 1 : 0xb9);
		KUNIT_ASSERT_EQ(test, len - off, f->len - f->inner_eth);

		/* the inner frame, byte for byte */
		if (c->xf.set_dmac)
			memcpy(f->b + f->inner_eth, xf_dmac, ETH_ALEN);
		off -= f->inner_eth;
	} else {
		KUNIT_ASSERT_EQ(test, len, f->len - f->inner_l3);
		KUNIT_EXPECT_EQ(test, ntohs(skb->protocol),
				c->s.i6 ? ETH_P_IPV6 : ETH_P_IP);
		off = -f->inner_l3;
		/* DSCP is now that of the outer header, and nothing else */
		if (!c->s.i6) {
			KUNIT_EXPECT_EQ(test, b[1], 0xb9);
			KUNIT_EXPECT_EQ(test, ip_fast_csum(b, 5), 0);
			memcpy(f->b + f->inner_l3 + 1, b + 1, 1);
			memcpy(f->b + f->inner_l3 + 10, b + 10, 2);
		} else {
			KUNIT_EXPECT_EQ(test, get_unaligned_be16(b) >> 4 & 0xff,
					0xb9);
			memcpy(f->b + f->inner_l3, b, 2);
		}
	}

	l4 = f->inner_l4 + off;
	if (how == SUM_PARTIAL_DEEP) {
		/* its checksum was filled in, the rest is as it was */
		KUNIT_EXPECT_NE(test, memcmp(b + l4 + 36,
					     f->b + f->inner_l4 + 36, 2), 0);
		memcpy(b + l4 + 36, f->b + f->inner_l4 + 36, 2);
	}
	KUNIT_EXPECT_EQ(test, memcmp(b + f->inner_l3 + off,
				     f->b + f->inner_l3, f->len - f->inner_l3),
			0);
	if (!direct)
		KUNIT_EXPECT_EQ(test, memcmp(b + f->inner_eth + off,
					     f->b + f->inner_eth, ETH_HLEN),
				0);

	if (tap) {
		u8 *seen = kunit_kmalloc(test, f->len, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, seen);
		KUNIT_EXPECT_EQ(test, tap->len, f->len);
		skb_copy_bits(tap, 0, seen, f->len);
		KUNIT_EXPECT_EQ(test, memcmp(seen, in, f->len), 0);
		kfree_skb(tap);
		kunit_kfree(test, seen);
	}
	kunit_kfree(test, in);
	kunit_kfree(test, b);
	kfree_skb(skb);
}

static bool sum_fits(const struct ctx *c, enum summed how)
{
	switch (how) {
	case SUM_UNNECESSARY:
		return true;
	case SUM_PARTIAL_OUTER:
		return !c->s.nvgre && c->s.csum;
	default:
		return true;
	}
}

static void xform_packets(struct kunit *test)
{
	struct ctx *c = ctx_new(test, FRAME_MAX);
	int n, how, mode;

	for (n = 0; n < 1 << 7; n++) {
		c->s = (struct frame_spec){
			.o6 = n & 1, .i6 = n & 2, .nvgre = n & 4,
			.csum = n & 8, .l4 = L4_TCP,
		};
		for (how = 0; how < SUM_KINDS; how++) {
			if (!sum_fits(c, how))
				continue;
			for (mode = 0; mode < 6; mode++) {
				c->inst.udp_csum = mode % 3;
				c->inst.df = mode & 1;
				c->inst.ip_id = htons(mode);
				c->inst.fixed_sport = mode == 5;
				c->ecfg.dscp_pipe = mode > 3;
				c->ecfg.dscp = 10;
				ctx_xform(c, false, n & 16, n & 32, n & 64);
				check_packet(test, c, how, mode & 1);
			}
		}
	}
}

static void xform_direct(struct kunit *test)
{
	struct ctx *c = ctx_new(test, FRAME_MAX);
	int n, how;

	for (n = 0; n < 1 << 4; n++) {
		c->s = (struct frame_spec){
			.o6 = n & 1, .i6 = n & 2, .nvgre = n & 4,
			.csum = n & 8, .l4 = L4_TCP,
		};
		for (how = 0; how < SUM_KINDS; how++) {
			if (!sum_fits(c, how))
				continue;
			ctx_xform(c, true, false, false, false);
			check_packet(test, c, how, how & 1);
		}
	}
}

/* A wrong checksum of the inner IPv4 header is not made right. */
static void xform_direct_bad_csum(struct kunit *test)
{
	struct ctx *c = ctx_new(test, FRAME_MAX);
	struct frame *f = c->f;
	struct sk_buff *skb;

	c->s.l4 = L4_UDP;
	frame_build(f, &c->s);
	f->b[f->inner_l3 + 1] = 0x02;
	skb = frame_skb(test, f, f->len, U32_MAX, 0);
	ctx_parse(test, c, skb);
	ctx_xform(c, true, false, false, false);
	KUNIT_ASSERT_EQ(test, dash_xform_apply(&c->pkt, &c->xf),
			DASH_DROP_NONE);
	/* DSCP of the outer, ECN of the inner header */
	KUNIT_EXPECT_EQ(test, ip_hdr(skb)->tos, 0xb8 | 0x02);
	KUNIT_EXPECT_NE(test, ip_fast_csum(skb->data, 5), 0);
	kfree_skb(skb);
}

static void xform_too_big(struct kunit *test)
{
	struct ctx *c = ctx_new(test, 70000);
	int o6, extra;

	/* from IPv4 into IPv4 with the same size, and into IPv6, whose header
	 * does not count
	 */
	for (o6 = 0; o6 < 2; o6++) {
		for (extra = 0; extra < 2; extra++) {
			u32 hlen = 8 + 20 + 14 + 8;
			struct sk_buff *skb;

			/* NVGRE in, VXLAN out: 8 bytes more */
			c->s = (struct frame_spec){
				.l4 = L4_UDP, .nvgre = true, .o6 = o6,
				.payload = 65535 - hlen - 8 + extra -
					   (o6 ? 0 : 20),
			};
			frame_build(c->f, &c->s);
			skb = frame_skb(test, c->f, c->f->len, 100, 0);
			ctx_parse(test, c, skb);
			ctx_xform(c, false, false, o6, false);
			KUNIT_EXPECT_EQ(test, dash_xform_apply(&c->pkt, &c->xf),
					extra ? DASH_DROP_TOO_BIG :
						DASH_DROP_NONE);
			kfree_skb(skb);
		}
	}
}

/* --- GSO --- */

static void check_segment(struct kunit *test, struct ctx *c,
			  struct sk_buff *seg, u32 n, bool csum)
{
	bool last = n == GSO_SEGS - 1, direct = c->xf.kind == DASH_XFORM_DIRECT;
	u32 payload = last ? GSO_PAYLOAD - n * GSO_SIZE : GSO_SIZE;
	u32 len, off, l4, i;
	u8 *b;

	KUNIT_EXPECT_FALSE(test, skb_is_gso(seg));
	__skb_pull(seg, ETH_HLEN);
	if (seg->ip_summed == CHECKSUM_PARTIAL)
		KUNIT_ASSERT_EQ(test, skb_checksum_help(seg), 0);
	len = seg->len;
	b = kunit_kmalloc(test, len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b);
	skb_copy_bits(seg, 0, b, len);

	off = 0;
	if (!direct) {
		off = check_outer(test, c, b, len, csum, 0xb9);
		KUNIT_EXPECT_EQ(test, memcmp(b + off, c->xf.set_dmac ?
					     xf_dmac : frame_dmac, 6), 0);
		KUNIT_EXPECT_EQ(test, memcmp(b + off + 6, frame_smac, 6), 0);
		off += ETH_HLEN;
	}

	/* inner IP */
	if (c->s.i6) {
		KUNIT_EXPECT_EQ(test, get_unaligned_be16(b + off + 4),
				len - off - 40);
	} else {
		KUNIT_EXPECT_EQ(test, get_unaligned_be16(b + off + 2),
				len - off);
		KUNIT_EXPECT_EQ(test, ip_fast_csum(b + off, 5), 0);
	}

	/* TCP */
	l4 = off + (c->s.i6 ? 40 : 20);
	KUNIT_ASSERT_EQ(test, len - l4 - 32, payload);
	KUNIT_EXPECT_EQ(test, get_unaligned_be32(b + l4 + 4),
			0x01020304 + n * GSO_SIZE);
	KUNIT_EXPECT_EQ(test, l4_sum(b + off, b + l4, len - l4, IPPROTO_TCP),
			0);
	for (i = 0; i < payload; i++)
		if (b[l4 + 32 + i] != c->f->b[c->f->inner_l4 + 32 +
					      n * GSO_SIZE + i])
			break;
	KUNIT_EXPECT_EQ(test, i, payload);
	kunit_kfree(test, b);
}

static void check_gso(struct kunit *test, struct ctx *c, struct net_device *dev,
		      bool clone)
{
	struct sk_buff *skb, *segs, *seg, *next, *tap = NULL;
	bool direct = c->xf.kind == DASH_XFORM_DIRECT;
	struct skb_shared_info *sh;
	bool csum;
	u32 n = 0;

	frame_build(c->f, &c->s);
	c->f->b[c->f->inner_l4 + 13] = DASH_TCP_ACK;
	skb = frame_skb(test, c->f, c->f->len, 300, 0);
	skb_sum(c, skb, SUM_PARTIAL_INNER);
	skb->encapsulation = 1;
	sh = skb_shinfo(skb);
	sh->gso_size = GSO_SIZE;
	sh->gso_segs = GSO_SEGS;
	sh->gso_type = (c->s.i6 ? SKB_GSO_TCPV6 : SKB_GSO_TCPV4) |
		       (c->s.nvgre ? SKB_GSO_GRE :
			c->s.csum ? SKB_GSO_UDP_TUNNEL_CSUM :
				    SKB_GSO_UDP_TUNNEL);
	if (clone) {
		tap = skb_clone(skb, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, tap);
	}

	ctx_parse(test, c, skb);
	if (direct) {
		c->xf.saddr = c->pkt.t.src;
		c->xf.daddr = c->pkt.t.dst;
	}
	KUNIT_ASSERT_EQ(test, dash_xform_apply(&c->pkt, &c->xf),
			DASH_DROP_NONE);
	KUNIT_EXPECT_TRUE(test, skb_is_gso(skb));
	KUNIT_EXPECT_TRUE(test, skb->ip_summed == CHECKSUM_PARTIAL);
	csum = c->inst.udp_csum == DASH_UDP_CSUM_ON ||
	       (c->inst.udp_csum == DASH_UDP_CSUM_DEFAULT &&
		!dash_addr_is_v4(&c->xf.saddr));
	if (tap) {
		/* the other owner's notes are its own */
		KUNIT_EXPECT_EQ(test, !!(skb_shinfo(tap)->gso_type &
					 SKB_GSO_GRE), c->s.nvgre);
		kfree_skb(tap);
	}
	/* the length of a segment, by which MTUs are kept */
	KUNIT_EXPECT_TRUE(test, skb_gso_validate_network_len(skb, 1000));
	KUNIT_EXPECT_FALSE(test, skb_gso_validate_network_len(skb, GSO_SIZE +
							      40));

	memset(__skb_push(skb, ETH_HLEN), 0, ETH_HLEN);
	skb_reset_mac_header(skb);
	eth_hdr(skb)->h_proto = skb->protocol;
	skb->dev = dev;
	segs = __skb_gso_segment(skb, NETIF_F_SG, true);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(segs));
	kfree_skb(skb);
	skb_list_walk_safe(segs, seg, next) {
		skb_mark_not_on_list(seg);
		check_segment(test, c, seg, n++, csum);
		kfree_skb(seg);
	}
	KUNIT_EXPECT_EQ(test, n, GSO_SEGS);
}

static void xform_gso(struct kunit *test)
{
	struct ctx *c = ctx_new(test, 5000);
	struct net_device *dev;
	int n, mode;

	dev = alloc_etherdev(0);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	for (n = 0; n < 1 << 8; n++) {
		c->s = (struct frame_spec){
			.o6 = n & 1, .i6 = n & 2, .nvgre = n & 4,
			.csum = n & 8, .l4 = L4_TCP, .payload = GSO_PAYLOAD,
		};
		for (mode = 0; mode < 3; mode++) {
			c->inst.udp_csum = mode;
			ctx_xform(c, n & 16, n & 32, n & 64, n & 128);
			check_gso(test, c, dev, mode & 1);
		}
	}
	free_netdev(dev);
}

/* Not where its notes say: such a packet is refused by the parser. */
static void xform_gso_inconsistent(struct kunit *test)
{
	struct ctx *c = ctx_new(test, 5000);
	struct sk_buff *skb;
	int i;

	for (i = 0; i < 4; i++) {
		c->s = (struct frame_spec){
			.l4 = L4_TCP, .payload = GSO_PAYLOAD,
		};
		frame_build(c->f, &c->s);
		skb = frame_skb(test, c->f, c->f->len + (i == 3), U32_MAX, 0);
		skb_sum(c, skb, SUM_PARTIAL_INNER);
		skb->encapsulation = 1;
		skb_shinfo(skb)->gso_size = GSO_SIZE;
		skb_shinfo(skb)->gso_type = SKB_GSO_TCPV4 | SKB_GSO_UDP_TUNNEL;
		if (i == 1)
			skb->csum_start += 4;
		if (i == 2)
			skb->ip_summed = CHECKSUM_NONE;

		memset(&c->pkt, 0, sizeof(c->pkt));
		c->pkt.skb = skb;
		KUNIT_ASSERT_TRUE(test, dash_parse_outer(&c->pkt,
							 htons(FRAME_PORT)));
		KUNIT_EXPECT_EQ(test, dash_parse_inner(&c->pkt),
				i ? DASH_DROP_MALFORMED : DASH_DROP_NONE);
		kfree_skb(skb);
	}
}

static struct kunit_case xform_cases[] = {
	KUNIT_CASE(xform_packets),
	KUNIT_CASE(xform_direct),
	KUNIT_CASE(xform_direct_bad_csum),
	KUNIT_CASE(xform_too_big),
	KUNIT_CASE(xform_gso),
	KUNIT_CASE(xform_gso_inconsistent),
	{}
};

static struct kunit_suite xform_suite = {
	.name = "dash_xform",
	.test_cases = xform_cases,
};

kunit_test_suite(xform_suite);
