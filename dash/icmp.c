// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * A packet that does not fit where it should leave, and that must not be
 * fragmented, is dropped. Its sender learns the size that fits from an ICMP
 * error: it looks as if the inner destination had sent it, and goes by the
 * connection's transform of the other direction, into the tunnel by which
 * answers go::
 *
 *   Ethernet   addresses swapped
 *   IP         addresses swapped, TTL 64
 *   ICMP       fragmentation needed (RFC 1191) or packet too big (RFC 4443)
 *   quote      the packet from its IP header on, as much as fits 576 or 1280
 *              bytes
 *
 * The size told is the MTU of the path less what the encapsulation adds. It is
 * never less than IPv6 demands of links: a smaller path carries packets of that
 * size in fragments of the outer packet.
 *
 * Who sends such packets makes us send others, so their number is limited, per
 * ENI and direction, such that a VM and its peers do not use up each other's
 * share.
 */
#include <linux/etherdevice.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_vlan.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/jiffies.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <net/checksum.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>
#include <net/ndisc.h>

#include "addr.h"
#include "eni.h"
#include "icmp.h"
#include "parse.h"
#include "stats.h"
#include "to6.h"
#include "underlay.h"
#include "xform.h"

#define DASH_ICMP_TTL		64
/* of the whole packet (RFC 1812, 4.3.2.3) */
#define DASH_ICMP_MAX4		576
/* the least that every host has to cope with (RFC 791) */
#define DASH_ICMP_MTU4_MIN	68
/* room for outer headers of any kind */
#define DASH_ICMP_HEADROOM	128

void dash_icmp_limit_init(struct dash_icmp_limit *limit)
{
	spin_lock_init(&limit->lock);
	limit->tokens = DASH_ICMP_BURST * HZ;
	limit->last = jiffies;
}

bool dash_icmp_allow(struct dash_icmp_limit *limit, unsigned long now)
{
	unsigned long passed;
	bool ok;

	spin_lock(&limit->lock);
	/* after a second it is full anyway */
	passed = min_t(unsigned long, now - limit->last, HZ);
	limit->tokens = min_t(u32, limit->tokens + passed * DASH_ICMP_RATE,
			      DASH_ICMP_BURST * HZ);
	limit->last = now;
	ok = limit->tokens >= HZ;
	if (ok)
		limit->tokens -= HZ;
	spin_unlock(&limit->lock);
	return ok;
}

static bool dash_icmp_is_host(const struct in6_addr *a)
{
	__be32 v4;

	if (!dash_addr_is_v4(a))
		return !ipv6_addr_any(a) && !ipv6_addr_loopback(a) &&
		       !ipv6_addr_is_multicast(a);

	v4 = dash_addr_v4(a);
	return !ipv4_is_zeronet(v4) && !ipv4_is_loopback(v4) &&
	       !ipv4_is_multicast(v4) && !ipv4_is_lbcast(v4);
}

bool dash_icmp_may_answer(const struct dash_pkt *pkt)
{
	if (!pkt->df || pkt->icmp_err || pkt->frag == DASH_FRAG_LATER)
		return false;
	/* no error, yet not to be answered by one either (RFC 4443, 2.4) */
	if (pkt->t.v6 && pkt->t.proto == IPPROTO_ICMPV6 &&
	    pkt->t.dport == htons(NDISC_REDIRECT))
		return false;
	return dash_icmp_is_host(&pkt->t.src) && dash_icmp_is_host(&pkt->t.dst);
}

static void dash_icmp_fill4(const struct dash_pkt *pkt, u8 *b, u32 len,
			    u32 mtu)
{
	struct iphdr *iph = (struct iphdr *)b;
	struct icmphdr *icmp = (struct icmphdr *)(iph + 1);

	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	iph->tos = IPTOS_PREC_INTERNETCONTROL;
	iph->tot_len = htons(len);
	/* without fragments there is nothing to identify (RFC 6864) */
	iph->frag_off = htons(IP_DF);
	iph->ttl = DASH_ICMP_TTL;
	iph->protocol = IPPROTO_ICMP;
	iph->saddr = dash_addr_v4(&pkt->t.dst);
	iph->daddr = dash_addr_v4(&pkt->t.src);
	ip_send_check(iph);

	icmp->type = ICMP_DEST_UNREACH;
	icmp->code = ICMP_FRAG_NEEDED;
	icmp->un.frag.mtu = htons(mtu);
	icmp->checksum = ip_compute_csum(icmp, len - sizeof(*iph));
}

static void dash_icmp_fill6(const struct dash_pkt *pkt, u8 *b, u32 len,
			    u32 mtu)
{
	struct ipv6hdr *ip6h = (struct ipv6hdr *)b;
	struct icmp6hdr *icmp = (struct icmp6hdr *)(ip6h + 1);

	len -= sizeof(*ip6h);
	ip6_flow_hdr(ip6h, 0, 0);
	ip6h->payload_len = htons(len);
	ip6h->nexthdr = IPPROTO_ICMPV6;
	ip6h->hop_limit = DASH_ICMP_TTL;
	ip6h->saddr = pkt->t.dst;
	ip6h->daddr = pkt->t.src;

	icmp->icmp6_type = ICMPV6_PKT_TOOBIG;
	icmp->icmp6_mtu = htonl(mtu);
	icmp->icmp6_cksum = csum_ipv6_magic(&ip6h->saddr, &ip6h->daddr, len,
					    IPPROTO_ICMPV6,
					    csum_partial(icmp, len, 0));
}

struct sk_buff *dash_icmp_build(const struct dash_pkt *pkt, u32 at, u32 mtu)
{
	u32 hlen, max, quote;
	struct sk_buff *skb;
	struct ethhdr *eth;
	u8 *b;

	if (pkt->t.v6) {
		hlen = sizeof(struct ipv6hdr) + sizeof(struct icmp6hdr);
		max = IPV6_MIN_MTU;
	} else {
		hlen = sizeof(struct iphdr) + sizeof(struct icmphdr);
		max = DASH_ICMP_MAX4;
	}
	quote = min(pkt->skb->len - at, max - hlen);

	skb = alloc_skb(DASH_ICMP_HEADROOM + ETH_HLEN + hlen + quote,
			GFP_ATOMIC);
	if (!skb)
		return NULL;
	skb_reserve(skb, DASH_ICMP_HEADROOM);

	eth = skb_put(skb, sizeof(*eth));
	ether_addr_copy(eth->h_dest, pkt->smac);
	ether_addr_copy(eth->h_source, pkt->dmac);
	eth->h_proto = pkt->t.v6 ? htons(ETH_P_IPV6) : htons(ETH_P_IP);

	b = skb_put_zero(skb, hlen);
	if (skb_copy_bits(pkt->skb, at, skb_put(skb, quote), quote)) {
		kfree_skb(skb);
		return NULL;
	}
	if (pkt->t.v6)
		dash_icmp_fill6(pkt, b, hlen + quote, mtu);
	else
		dash_icmp_fill4(pkt, b, hlen + quote, mtu);
	return skb;
}

/* The size to tell. A sender cannot go below the least of its family. */
static u32 dash_icmp_mtu(const struct dash_pkt *pkt,
			 const struct dash_xform *xf)
{
	u32 mtu = pkt->mtu - min(pkt->mtu, dash_xform_overhead(xf));

	/* of IPv4, behind a translation */
	if (xf->nat == DASH_XFORM_NAT_4TO6)
		return mtu;
	return pkt->t.v6 ? max_t(u32, mtu, IPV6_MIN_MTU) :
			   clamp_t(u32, mtu, DASH_ICMP_MTU4_MIN, U16_MAX);
}

static void dash_icmp_tell(const struct dash_pkt *pkt,
			   const struct dash_xform *xf,
			   const struct dash_xform *back,
			   const struct dash_tuple *t)
{
	/* From @back's view a packet that came in and is on its way out. It may
	 * be fragmented outside: nobody would answer an answer.
	 */
	struct dash_pkt answer = {
		.dn = pkt->dn,
		.port = pkt->port,
		.inst = pkt->inst,
		.eni = pkt->eni,
		.ecfg = pkt->ecfg,
		.outer = pkt->outer,
		.hash = pkt->hash,
		.flow = pkt->flow,
		.t.src = t->dst,
		.t.dst = t->src,
		.t.proto = t->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
		.t.v6 = t->v6,
		.inner_l3 = ETH_HLEN,
		.inner_l4 = ETH_HLEN + (pkt->t.v6 ? sizeof(struct ipv6hdr) :
						    sizeof(struct iphdr)),
		/* for what is translated to find the quote */
		.icmp_err = true,
		.dir = !pkt->dir,
	};

	if (!dash_icmp_may_answer(pkt) ||
	    !dash_icmp_allow(&pkt->eni->icmp[pkt->dir], jiffies))
		return;

	answer.skb = dash_icmp_build(pkt, dash_xform_overhead(xf),
				     dash_icmp_mtu(pkt, xf));
	if (!answer.skb)
		return;
	answer.quoted_l4 = answer.inner_l4 + DASH_ICMP_HLEN +
			   pkt->inner_l4 - pkt->inner_l3;
	answer.outer.tos &= ~INET_ECN_MASK;
	/* back into the VLAN that the packet came from */
	__vlan_hwaccel_copy_tag(answer.skb, pkt->skb);

	if (dash_xform_apply(&answer, back) ||
	    dash_underlay_xmit(&answer, back)) {
		kfree_skb(answer.skb);
		return;
	}
	dash_stats_generated(pkt->eni->stats, answer.dir);
}

void dash_icmp_too_big(struct dash_pkt *pkt, const struct dash_xform *xf,
		       const struct dash_xform *back)
{
	struct dash_tuple t = pkt->t;
	const struct in6_addr *addr[2];

	/* an answer is in the VM's words already, and is IPv4 by now */
	if (unlikely(xf->nat == DASH_XFORM_NAT_4TO6)) {
		dash_to6_addrs(pkt, xf, addr);
		pkt->t.src = *addr[0];
		pkt->t.dst = *addr[1];
		pkt->t.v6 = true;
	}
	dash_icmp_tell(pkt, xf, back, &t);
	pkt->t = t;
}
