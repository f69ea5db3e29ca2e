// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of dash/rewrite.c: whatever is changed in a packet, its checksums
 * are those that it would have had from the beginning.
 */
#include <kunit/test.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ip6_checksum.h>

#include "addr.h"
#include "rewrite.h"

#define RW_PORT		0x8765

struct rw_case {
	const char *name;
	u8 proto;
	bool v6, dst;
	/* bytes of payload; an odd number of them makes the sum one of its own */
	u32 len;
};

static const struct rw_case rw_cases[] = {
	{ "tcp4 src", IPPROTO_TCP, false, false, 100 },
	{ "tcp4 dst odd", IPPROTO_TCP, false, true, 101 },
	{ "tcp6 src odd", IPPROTO_TCP, true, false, 7 },
	{ "tcp6 dst", IPPROTO_TCP, true, true, 0 },
	{ "udp4 src odd", IPPROTO_UDP, false, false, 1 },
	{ "udp4 dst", IPPROTO_UDP, false, true, 0 },
	{ "udp6 src", IPPROTO_UDP, true, false, 64 },
	{ "udp6 dst odd", IPPROTO_UDP, true, true, 63 },
	{ "icmp6 src", IPPROTO_ICMPV6, true, false, 33 },
	{ "icmp4 dst", IPPROTO_ICMP, false, true, 33 },
};

static void rw_desc(const struct rw_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(rw, rw_cases, rw_desc);

static u32 rw_l3len(const struct rw_case *c)
{
	return c->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
}

static u32 rw_l4len(const struct rw_case *c)
{
	switch (c->proto) {
	case IPPROTO_TCP:
		return sizeof(struct tcphdr);
	default:
		return sizeof(struct udphdr);
	}
}

static __sum16 *rw_check(const struct rw_case *c, u8 *l4)
{
	switch (c->proto) {
	case IPPROTO_TCP:
		return &((struct tcphdr *)l4)->check;
	case IPPROTO_UDP:
		return &((struct udphdr *)l4)->check;
	default:
		return &((struct icmphdr *)l4)->checksum;
	}
}

/* The sum of the transport part, 0 when the checksum is right. */
static __sum16 rw_sum(const struct rw_case *c, const u8 *l3, u32 len)
{
	const struct ipv6hdr *ip6h = (const struct ipv6hdr *)l3;
	const struct iphdr *iph = (const struct iphdr *)l3;
	__wsum sum = csum_partial(l3 + rw_l3len(c), len, 0);

	if (c->v6)
		return csum_ipv6_magic(&ip6h->saddr, &ip6h->daddr, len,
				       c->proto, sum);
	if (c->proto == IPPROTO_ICMP)
		return csum_fold(sum);
	return csum_tcpudp_magic(iph->saddr, iph->daddr, len, c->proto, sum);
}

/* A packet with right checksums at @l3, of which @c->len is payload. */
static u32 rw_fill(const struct rw_case *c, u8 *l3, u8 seed)
{
	u32 l4len = rw_l4len(c) + c->len, i;
	struct ipv6hdr *ip6h = (struct ipv6hdr *)l3;
	struct iphdr *iph = (struct iphdr *)l3;
	u8 *l4 = l3 + rw_l3len(c);
	__sum16 sum;

	for (i = 0; i < l4len; i++)
		l4[i] = i * 7 + seed;
	if (c->v6) {
		memset(ip6h, 0, sizeof(*ip6h));
		ip6h->version = 6;
		ip6h->payload_len = htons(l4len);
		ip6h->nexthdr = c->proto;
		ip6h->hop_limit = 9;
		memset(&ip6h->saddr, 0x21, sizeof(ip6h->saddr));
		memset(&ip6h->daddr, 0x9e, sizeof(ip6h->daddr));
	} else {
		memset(iph, 0, sizeof(*iph));
		iph->version = 4;
		iph->ihl = 5;
		iph->ttl = 9;
		iph->protocol = c->proto;
		iph->tot_len = htons(sizeof(*iph) + l4len);
		iph->saddr = htonl(0x0a000001);
		iph->daddr = htonl(0xfffefd03);
		iph->check = ip_fast_csum(iph, iph->ihl);
	}
	*rw_check(c, l4) = 0;
	sum = rw_sum(c, l3, l4len);
	*rw_check(c, l4) = c->proto == IPPROTO_UDP && !sum ? CSUM_MANGLED_0 :
							     sum;
	return rw_l3len(c) + l4len;
}

static struct sk_buff *rw_skb(struct kunit *test, u32 len)
{
	struct sk_buff *skb = alloc_skb(len + 64, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_reserve(skb, 32);
	skb_put(skb, len);
	return skb;
}

static void rw_addr(const struct rw_case *c, u8 seed, struct in6_addr *addr)
{
	if (c->v6)
		memset(addr, seed, sizeof(*addr));
	else
		dash_addr_from_v4(addr, htonl(0x01010101 * seed));
}

static struct dash_rewrite rw_make(const struct rw_case *c, u32 l3,
				   const struct in6_addr *addr)
{
	return (struct dash_rewrite){
		.addr = addr,
		.l3 = l3,
		.l4 = l3 + rw_l3len(c),
		.port = htons(RW_PORT),
		.proto = c->proto,
		.v6 = c->v6,
		.dst = c->dst,
		.set_port = c->proto == IPPROTO_TCP || c->proto == IPPROTO_UDP,
	};
}

static void rw_expect(struct kunit *test, const struct rw_case *c,
		      const u8 *l3, const struct dash_rewrite *rw)
{
	const struct ipv6hdr *ip6h = (const struct ipv6hdr *)l3;
	const struct iphdr *iph = (const struct iphdr *)l3;
	u32 len = rw_l4len(c) + c->len;
	struct in6_addr addr;

	if (c->v6) {
		addr = c->dst ? ip6h->daddr : ip6h->saddr;
	} else {
		dash_addr_from_v4(&addr, c->dst ? iph->daddr : iph->saddr);
		KUNIT_EXPECT_EQ(test, ip_fast_csum(iph, iph->ihl), 0);
	}
	KUNIT_EXPECT_TRUE(test, ipv6_addr_equal(&addr, rw->addr));
	if (rw->set_port)
		KUNIT_EXPECT_EQ(test, ((__be16 *)(l3 + rw_l3len(c)))[c->dst],
				htons(RW_PORT));
	KUNIT_EXPECT_EQ(test, rw_sum(c, l3, len), 0);
}

static void rw_packet(struct kunit *test)
{
	const struct rw_case *c = test->param_value;
	struct sk_buff *skb = rw_skb(test, 256);
	struct dash_rewrite rw;
	struct in6_addr addr;
	int i;

	for (i = 1; i < 256; i++) {
		skb_trim(skb, rw_fill(c, skb->data, i));
		rw_addr(c, i, &addr);
		rw = rw_make(c, 0, &addr);
		dash_rewrite(skb, &rw);
		rw_expect(test, c, skb->data, &rw);
		skb_put(skb, 256 - skb->len);
	}
	kfree_skb(skb);
}

/* Data such that the new checksum is 0, or would be. */
static void rw_udp_zero(struct kunit *test)
{
	static const struct rw_case c = { "", IPPROTO_UDP, false, false, 2 };
	struct sk_buff *skb = rw_skb(test, 64);
	struct udphdr *uh;
	struct dash_rewrite rw;
	struct in6_addr addr;
	__sum16 sum;
	u8 *data;

	rw_addr(&c, 5, &addr);
	rw = rw_make(&c, 0, &addr);
	rw_fill(&c, skb->data, 1);
	uh = (struct udphdr *)(skb->data + sizeof(struct iphdr));
	data = (u8 *)(uh + 1);

	/* none stays none */
	uh->check = 0;
	dash_rewrite(skb, &rw);
	KUNIT_EXPECT_EQ(test, uh->check, 0);

	/* what is missing to zero becomes part of the data */
	rw_fill(&c, skb->data, 1);
	memset(data, 0, 2);
	uh->check = 0;
	uh->check = rw_sum(&c, skb->data, sizeof(*uh) + 2);
	dash_rewrite(skb, &rw);
	sum = uh->check;
	rw_fill(&c, skb->data, 1);
	memcpy(data, &sum, 2);
	uh->check = 0;
	uh->check = rw_sum(&c, skb->data, sizeof(*uh) + 2);
	dash_rewrite(skb, &rw);
	KUNIT_EXPECT_EQ(test, uh->check, CSUM_MANGLED_0);
	KUNIT_EXPECT_EQ(test, rw_sum(&c, skb->data, sizeof(*uh) + 2), 0);
	kfree_skb(skb);
}

/* A partial checksum is the sum of the pseudo header, the port is not in it. */
static void rw_partial(struct kunit *test)
{
	const struct rw_case *c = test->param_value;
	struct sk_buff *skb = rw_skb(test, 256);
	u32 len = rw_l4len(c) + c->len, off;
	const struct ipv6hdr *ip6h;
	const struct iphdr *iph;
	struct dash_rewrite rw;
	struct in6_addr addr;
	u8 *l4;

	if (c->proto == IPPROTO_ICMP)
		goto free;
	rw_fill(c, skb->data, 3);
	skb_trim(skb, rw_l3len(c) + len);
	l4 = skb->data + rw_l3len(c);
	off = (u8 *)rw_check(c, l4) - l4;
	ip6h = (const struct ipv6hdr *)skb->data;
	iph = (const struct iphdr *)skb->data;
	if (c->v6)
		*rw_check(c, l4) = ~csum_ipv6_magic(&ip6h->saddr, &ip6h->daddr,
						    len, c->proto, 0);
	else
		*rw_check(c, l4) = ~csum_tcpudp_magic(iph->saddr, iph->daddr,
						      len, c->proto, 0);
	KUNIT_ASSERT_TRUE(test, skb_partial_csum_set(skb, rw_l3len(c), off));
	rw_addr(c, 0xc7, &addr);
	rw = rw_make(c, 0, &addr);
	dash_rewrite(skb, &rw);
	KUNIT_EXPECT_EQ(test, skb_checksum_help(skb), 0);
	rw_expect(test, c, skb->data, &rw);
free:
	kfree_skb(skb);
}

/* In the quote of an ICMP error, of which there are @left bytes less. */
static void rw_quote_of(struct kunit *test, const struct rw_case *c, u32 left)
{
	const u32 at = sizeof(struct icmphdr);
	struct sk_buff *skb = rw_skb(test, 256);
	struct icmphdr *h = (struct icmphdr *)skb->data;
	struct dash_rewrite rw;
	struct in6_addr addr;
	u32 len;

	len = rw_fill(c, skb->data + at, 11);
	skb_trim(skb, at + min(len, rw_l3len(c) + left));
	memset(h, 0, sizeof(*h));
	h->type = 3;
	h->checksum = ip_compute_csum(h, skb->len);
	rw_addr(c, 0xd3, &addr);
	rw = rw_make(c, at, &addr);
	dash_rewrite_quote(skb, 0, &rw);
	KUNIT_EXPECT_EQ(test, ip_compute_csum(h, skb->len), 0);
	if (left > 60 + c->len)
		rw_expect(test, c, skb->data + at, &rw);
	kfree_skb(skb);
}

static void rw_quote(struct kunit *test)
{
	const struct rw_case *c = test->param_value;

	rw_quote_of(test, c, 8);
	rw_quote_of(test, c, 9);
	rw_quote_of(test, c, 17);
	rw_quote_of(test, c, 18);
	rw_quote_of(test, c, 200);
}

static struct kunit_case rw_test_cases[] = {
	KUNIT_CASE_PARAM(rw_packet, rw_gen_params),
	KUNIT_CASE_PARAM(rw_partial, rw_gen_params),
	KUNIT_CASE_PARAM(rw_quote, rw_gen_params),
	KUNIT_CASE(rw_udp_zero),
	{}
};

static struct kunit_suite rw_suite = {
	.name = "dash_rewrite",
	.test_cases = rw_test_cases,
};

kunit_test_suite(rw_suite);
