// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * An address is part of the IPv4 header's checksum and, by the pseudo header,
 * of that of TCP, UDP, UDP-Lite, DCCP and ICMPv6; a port only of the latter. All
 * of them are sums, so a change of what is added up changes them by the
 * difference (RFC 1624), however much of the packet is there: also in the first
 * fragment of a datagram and in the quote of an ICMP error.
 *
 * The checksum of an ICMP error covers its quote, so it changes by what the
 * quote's bytes changed by, the checksums in there included.
 */
#include <linux/icmp.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <net/checksum.h>

#include "addr.h"
#include "csum.h"
#include "rewrite.h"

/* Where the checksum with the pseudo header is in a transport header; 0: there
 * is none.
 */
static u32 rewrite_csum_offset(const struct dash_rewrite *rw)
{
	if (rw->v6 && rw->proto == IPPROTO_ICMPV6)
		return offsetof(struct icmphdr, checksum);
	return dash_csum_offset(rw->proto);
}

/* The transport checksum, if there is one and the packet has it. */
static __sum16 *rewrite_csum(const struct sk_buff *skb,
			     const struct dash_rewrite *rw, bool partial)
{
	u32 off = rw->l4 ? rewrite_csum_offset(rw) : 0;
	__sum16 *sum;

	if (!off || rw->l4 + off + sizeof(*sum) > skb_headlen(skb))
		return NULL;
	sum = (__sum16 *)(skb->data + rw->l4 + off);
	/* zero says that there is none */
	if (rw->proto == IPPROTO_UDP && !*sum && !partial)
		return NULL;
	return sum;
}

/* Of a checksum that is partial only the pseudo header has been added up. */
static void rewrite_csum4(__sum16 *sum, __be32 from, __be32 to, bool partial)
{
	if (!sum)
		return;
	if (partial)
		*sum = ~csum_fold(csum_add(csum_sub(csum_unfold(*sum),
						    (__force __wsum)from),
					   (__force __wsum)to));
	else
		csum_replace4(sum, from, to);
}

static void rewrite_addr4(u8 *l3, const struct dash_rewrite *rw, __sum16 *sum,
			  bool partial)
{
	struct iphdr *iph = (struct iphdr *)l3;
	__be32 *field = rw->dst ? &iph->daddr : &iph->saddr;
	__be32 to = dash_addr_v4(rw->addr);

	csum_replace4(&iph->check, *field, to);
	rewrite_csum4(sum, *field, to, partial);
	*field = to;
}

static void rewrite_addr6(u8 *l3, const struct dash_rewrite *rw, __sum16 *sum,
			  bool partial)
{
	struct ipv6hdr *ip6h = (struct ipv6hdr *)l3;
	struct in6_addr *field = rw->dst ? &ip6h->daddr : &ip6h->saddr;
	int i;

	for (i = 0; i < 4; i++)
		rewrite_csum4(sum, field->s6_addr32[i], rw->addr->s6_addr32[i],
			      partial);
	*field = *rw->addr;
}

static void rewrite(struct sk_buff *skb, const struct dash_rewrite *rw,
		    bool partial)
{
	__sum16 *sum = rewrite_csum(skb, rw, partial);
	u8 *l3 = skb->data + rw->l3;
	__be16 *port;

	if (rw->v6)
		rewrite_addr6(l3, rw, sum, partial);
	else
		rewrite_addr4(l3, rw, sum, partial);
	if (rw->l4 && rw->set_port) {
		port = (__be16 *)(skb->data + rw->l4) + rw->dst;
		if (sum && !partial)
			csum_replace2(sum, *port, rw->port);
		*port = rw->port;
	}
	/* zero would say that there is none */
	if (sum && rw->proto == IPPROTO_UDP && !*sum && !partial)
		*sum = CSUM_MANGLED_0;
}

/* Is the checksum of the transport header at @l4 somebody else's to fill in? */
static bool rewrite_is_partial(const struct sk_buff *skb, u32 l4)
{
	return l4 && skb->ip_summed == CHECKSUM_PARTIAL &&
	       skb_checksum_start_offset(skb) == l4;
}

void dash_rewrite(struct sk_buff *skb, const struct dash_rewrite *rw)
{
	rewrite(skb, rw, rewrite_is_partial(skb, rw->l4));
}

/* Of all that may change; both parts begin at even offsets from the error. */
static __wsum rewrite_quote_sum(const struct sk_buff *skb,
				const struct dash_rewrite *rw)
{
	u32 len = rw->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	__wsum sum = csum_partial(skb->data + rw->l3, len, 0);

	if (!rw->l4)
		return sum;
	len = min_t(u32, skb_headlen(skb) - rw->l4, DASH_CSUM_QUOTE);
	return csum_partial(skb->data + rw->l4, len, sum);
}

void dash_rewrite_quote(struct sk_buff *skb, u32 icmp,
			const struct dash_rewrite *rw)
{
	__wsum before = rewrite_quote_sum(skb, rw), after;
	struct icmphdr *h = (struct icmphdr *)(skb->data + icmp);

	rewrite(skb, rw, false);
	after = rewrite_quote_sum(skb, rw);
	/* a device will add the quote up as it is then */
	if (rewrite_is_partial(skb, icmp))
		return;
	h->checksum = csum_fold(csum_add(csum_sub(~csum_unfold(h->checksum),
						  before), after));
}
