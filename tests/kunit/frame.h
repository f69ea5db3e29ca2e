/* SPDX-License-Identifier: GPL-2.0 */
/* Frames for the tests of parse.c and xform.c. */
#ifndef _DASH_KUNIT_FRAME_H
#define _DASH_KUNIT_FRAME_H

#include <kunit/test.h>
#include <linux/dash.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <linux/unaligned.h>
#include <net/checksum.h>
#include <net/ip6_checksum.h>

#include "addr.h"
#include "parse.h"

#define FRAME_PORT	4789
#define FRAME_VNI	0xabcdef
#define FRAME_SPORT	1111
#define FRAME_DPORT	2222
#define FRAME_ICMP_ID	0x1234
#define FRAME_FRAG_ID	0x4321
#define FRAME_PAYLOAD	20

/* what is in the inner packet */
enum frame_l4 {
	L4_TCP,
	L4_UDP,
	L4_SCTP,
	L4_ECHO,
	L4_ICMP_ERR,
	L4_OTHER,
	L4_KINDS
};

struct frame_spec {
	/* outer and inner IPv6, NVGRE, a VLAN tag in the data, UDP checksum */
	bool o6, i6, nvgre, vlan, csum;
	enum frame_l4 l4;
	/* 32-bit words of IPv4 options */
	u8 oopt, iopt;
	/* IPv6 extension headers, ending with 0xff, or NULL */
	const u8 *oext, *iext;
	/* fragments: offset in bytes and MF, of IPv4 header or IPv6 header */
	u16 ofrag, ifrag;
	bool omf, imf;
	/* replaces transport header and payload */
	const u8 *body;
	u16 body_len;
	/* replaces the length of the payload */
	u16 payload;
};

struct frame {
	u8 *b;
	u32 size;
	u32 len;
	/* from the outer network header (or a VLAN tag) on */
	u32 outer_l3, outer_l4, inner_eth, inner_l3, inner_l4;
	/* where the protocol of the outer and inner packet is named */
	u8 proto;
	bool vlan;
	bool o6;
};

static const u8 frame_osmac[ETH_ALEN] = { 2, 0, 0, 0, 0, 0xa };
static const u8 frame_odmac[ETH_ALEN] = { 2, 0, 0, 0, 0, 0xb };
static const u8 frame_smac[ETH_ALEN] = { 2, 0, 0, 0, 0, 1 };
static const u8 frame_dmac[ETH_ALEN] = { 2, 0, 0, 0, 0, 2 };

static inline struct in6_addr frame_addr(bool v6, u32 n)
{
	struct in6_addr a = {};

	if (!v6) {
		dash_addr_from_v4(&a, htonl(0x0a000000 + n));
		return a;
	}
	a.s6_addr[0] = 0xfd;
	a.s6_addr32[3] = htonl(n);
	return a;
}

static inline void *frame_put(struct frame *f, const void *data, u32 len)
{
	u8 *p = f->b + f->len;

	if (WARN_ON(f->len + len > f->size))
		return f->b;
	if (data)
		memcpy(p, data, len);
	else
		memset(p, 0, len);
	f->len += len;
	return p;
}

static inline void frame_put8(struct frame *f, u8 v)
{
	frame_put(f, &v, 1);
}

static inline void frame_put16(struct frame *f, u16 v)
{
	put_unaligned_be16(v, frame_put(f, NULL, 2));
}

static inline void frame_put32(struct frame *f, u32 v)
{
	put_unaligned_be32(v, frame_put(f, NULL, 4));
}

static inline u8 frame_proto(bool v6, enum frame_l4 l4)
{
	switch (l4) {
	case L4_TCP:
		return IPPROTO_TCP;
	case L4_UDP:
		return IPPROTO_UDP;
	case L4_SCTP:
		return IPPROTO_SCTP;
	case L4_ECHO:
	case L4_ICMP_ERR:
		return v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	default:
		return 253;
	}
}

/* an IP header without lengths; returns its offset */
static inline u32 frame_put_ip(struct frame *f, bool v6, u32 src, u32 dst,
			       u8 proto, u8 opt, const u8 *ext, u16 off,
			       bool mf)
{
	struct in6_addr sa = frame_addr(v6, src), da = frame_addr(v6, dst);
	u32 l3 = f->len;
	int i;

	if (!v6) {
		frame_put8(f, 0x45 + opt);
		frame_put8(f, 0xb9);
		frame_put16(f, 0);
		frame_put16(f, FRAME_FRAG_ID);
		frame_put16(f, off / 8 | (mf ? 0x2000 : 0));
		frame_put8(f, 63);
		frame_put8(f, proto);
		frame_put16(f, 0);
		frame_put(f, &sa.s6_addr32[3], 4);
		frame_put(f, &da.s6_addr32[3], 4);
		for (i = 0; i < opt; i++)
			frame_put32(f, 0x01010101);
		return l3;
	}

	frame_put32(f, 0x6b900000);
	frame_put16(f, 0);
	frame_put8(f, ext && ext[0] != 0xff ? ext[0] : proto);
	frame_put8(f, 63);
	frame_put(f, &sa, 16);
	frame_put(f, &da, 16);
	for (; ext && *ext != 0xff; ext++) {
		u8 next = ext[1] != 0xff ? ext[1] : proto;

		frame_put8(f, next);
		if (*ext == IPPROTO_FRAGMENT) {
			frame_put8(f, 0);
			frame_put16(f, off | mf);
			frame_put32(f, FRAME_FRAG_ID);
		} else if (*ext == IPPROTO_AH) {
			frame_put8(f, 1);
			frame_put(f, NULL, 10);
		} else {
			frame_put8(f, 0);
			frame_put(f, NULL, 6);
		}
	}
	return l3;
}

static inline void frame_put_l4(struct frame *f, const struct frame_spec *s)
{
	static const u8 opts[] = { 2, 4, 5, 0xb4, 1, 3, 3, 7, 1, 1, 1, 1 };
	u16 n = s->payload ?: FRAME_PAYLOAD;
	u32 l4 = f->len, i;

	switch (s->l4) {
	case L4_TCP:
		frame_put16(f, FRAME_SPORT);
		frame_put16(f, FRAME_DPORT);
		frame_put32(f, 0x01020304);
		frame_put32(f, 0x05060708);
		frame_put8(f, (20 + sizeof(opts)) / 4 << 4);
		frame_put8(f, DASH_TCP_SYN);
		frame_put16(f, 0x1000);
		frame_put32(f, 0);
		frame_put(f, opts, sizeof(opts));
		break;
	case L4_UDP:
		frame_put16(f, FRAME_SPORT);
		frame_put16(f, FRAME_DPORT);
		frame_put16(f, 8 + n);
		frame_put16(f, 0);
		break;
	case L4_SCTP:
		frame_put16(f, FRAME_SPORT);
		frame_put16(f, FRAME_DPORT);
		frame_put(f, NULL, 8);
		break;
	case L4_ECHO:
		frame_put8(f, s->i6 ? 128 : 8);
		frame_put(f, NULL, 3);
		frame_put16(f, FRAME_ICMP_ID);
		frame_put16(f, 1);
		break;
	case L4_ICMP_ERR:
		/* about what 10.0.0.4 got from 10.0.0.3, hence this direction */
		frame_put8(f, s->i6 ? 1 : 3);
		frame_put(f, NULL, 7);
		frame_put_ip(f, s->i6, 4, 3, IPPROTO_UDP, 0, NULL, 0, false);
		frame_put16(f, FRAME_DPORT);
		frame_put16(f, FRAME_SPORT);
		frame_put16(f, 500);
		frame_put16(f, 0);
		return;
	default:
		break;
	}
	for (i = 0; i < n; i++)
		frame_put8(f, f->len - l4);
}

/* Set lengths and checksums of the headers as they are. */
static inline void frame_fix(struct frame *f, const struct frame_spec *s)
{
	u8 *o = f->b + f->outer_l3, *i = f->b + f->inner_l3;
	u8 *u = f->b + f->outer_l4;
	u32 ulen = f->len - f->outer_l4;

	if (s->i6) {
		put_unaligned_be16(f->len - f->inner_l3 - 40, i + 4);
	} else {
		put_unaligned_be16(f->len - f->inner_l3, i + 2);
		memset(i + 10, 0, 2);
		put_unaligned(ip_fast_csum(i, i[0] & 0xf), (__sum16 *)(i + 10));
	}

	if (!s->nvgre) {
		put_unaligned_be16(ulen, u + 4);
		memset(u + 6, 0, 2);
	}
	if (s->o6) {
		put_unaligned_be16(f->len - f->outer_l3 - 40, o + 4);
	} else {
		put_unaligned_be16(f->len - f->outer_l3, o + 2);
		memset(o + 10, 0, 2);
		put_unaligned(ip_fast_csum(o, o[0] & 0xf), (__sum16 *)(o + 10));
	}
	if (!s->nvgre && s->csum) {
		__wsum sum = csum_partial(u, ulen, 0);
		__sum16 c;

		if (s->o6)
			c = csum_ipv6_magic((struct in6_addr *)(o + 8),
					    (struct in6_addr *)(o + 24), ulen,
					    IPPROTO_UDP, sum);
		else
			c = csum_tcpudp_magic(get_unaligned((__be32 *)(o + 12)),
					      get_unaligned((__be32 *)(o + 16)),
					      ulen, IPPROTO_UDP, sum);
		put_unaligned(c ?: CSUM_MANGLED_0, (__sum16 *)(u + 6));
	}
}

/* Outer addresses are numbers 1 -> 2, inner ones 3 -> 4. */
static inline void frame_build(struct frame *f, const struct frame_spec *s)
{
	f->len = 0;
	f->vlan = s->vlan;
	f->o6 = s->o6;
	if (s->vlan) {
		frame_put16(f, 0x2064);
		frame_put16(f, s->o6 ? ETH_P_IPV6 : ETH_P_IP);
	}

	f->outer_l3 = frame_put_ip(f, s->o6, 1, 2,
				   s->nvgre ? IPPROTO_GRE : IPPROTO_UDP,
				   s->oopt, s->oext, s->ofrag, s->omf);
	f->outer_l4 = f->len;
	if (s->nvgre) {
		frame_put16(f, 0x2000);
		frame_put16(f, ETH_P_TEB);
		frame_put32(f, FRAME_VNI << 8);
	} else {
		frame_put16(f, 50000);
		frame_put16(f, FRAME_PORT);
		frame_put32(f, 0);
		frame_put32(f, 0x08000000);
		frame_put32(f, FRAME_VNI << 8);
	}

	f->inner_eth = f->len;
	frame_put(f, frame_dmac, ETH_ALEN);
	frame_put(f, frame_smac, ETH_ALEN);
	frame_put16(f, s->i6 ? ETH_P_IPV6 : ETH_P_IP);

	f->proto = frame_proto(s->i6, s->l4);
	f->inner_l3 = frame_put_ip(f, s->i6, 3, 4, f->proto, s->iopt, s->iext,
				   s->ifrag, s->imf);
	f->inner_l4 = f->len;
	if (s->body)
		frame_put(f, s->body, s->body_len);
	else
		frame_put_l4(f, s);
	frame_fix(f, s);
}

static inline struct frame *frame_new(struct kunit *test, u32 size)
{
	struct frame *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->size = size;
	f->b = kunit_kzalloc(test, size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->b);
	return f;
}

/* As a device would hand it up: data behind the Ethernet header. Only @linear
 * bytes are in the head, the others in pages; what follows it in the head is
 * @fill.
 */
static inline struct sk_buff *frame_skb(struct kunit *test,
					const struct frame *f, u32 len,
					u32 linear, u8 fill)
{
	struct sk_buff *skb;
	struct ethhdr *eth;
	u32 off;

	linear = min(linear, len);
	skb = alloc_skb(NET_SKB_PAD + ETH_HLEN + linear + 128, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	memset(skb->head, fill, skb_end_offset(skb));
	skb_reserve(skb, NET_SKB_PAD);

	eth = skb_put(skb, ETH_HLEN);
	ether_addr_copy(eth->h_dest, frame_odmac);
	ether_addr_copy(eth->h_source, frame_osmac);
	skb->protocol = htons(f->o6 ? ETH_P_IPV6 : ETH_P_IP);
	if (f->vlan)
		skb->protocol = htons(ETH_P_8021Q);
	eth->h_proto = skb->protocol;
	skb_put_data(skb, f->b, linear);
	for (off = linear; off < len; ) {
		u32 n = min_t(u32, len - off, PAGE_SIZE);
		struct page *page = alloc_page(GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, page);
		memset(page_address(page), fill, PAGE_SIZE);
		memcpy(page_address(page), f->b + off, n);
		skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, page, 0, n,
				PAGE_SIZE);
		off += n;
	}

	skb_reset_mac_header(skb);
	__skb_pull(skb, ETH_HLEN);
	skb_reset_network_header(skb);
	skb_reset_transport_header(skb);
	return skb;
}

#endif /* _DASH_KUNIT_FRAME_H */
