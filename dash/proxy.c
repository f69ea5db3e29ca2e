// SPDX-License-Identifier: GPL-2.0
/*
 * Answers to a VM that asks its link who is there.
 */

/**
 * DOC: Theory of operation
 *
 * A VM's link is an illusion: whatever address it asks for, it is told the one
 * fake MAC address, and where its packets go is decided by their IP addresses.
 * Not answered is who asks for itself, that is whether anybody else uses its
 * address (probes, announcements, duplicate address detection): nobody does.
 *
 * An answer is as long as its request and goes only to the VM that asked, and
 * there are at most so many per second.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/in.h>
#include <linux/ipv6.h>
#include <linux/jiffies.h>
#include <linux/skbuff.h>
#include <net/arp.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>
#include <net/ndisc.h>

#include "addr.h"
#include "eni.h"
#include "icmp.h"
#include "inst.h"
#include "parse.h"
#include "port.h"
#include "proxy.h"
#include "stats.h"

#define DASH_ND_HLIM		255
/* router, as all that it asks for is behind us; solicited; override */
#define DASH_NA_FLAGS		0xe0000000

/* ARP for IPv4 over Ethernet */
struct dash_arp {
	struct arphdr hdr;
	u8 sha[ETH_ALEN];
	u8 sip[4];
	u8 tha[ETH_ALEN];
	u8 tip[4];
};

/* A solicitation up to its options; what the answer is, with one of them. */
struct dash_nd {
	__u8 type;
	__u8 code;
	__sum16 cksum;
	__be32 flags;
	struct in6_addr target;
};

struct dash_na {
	struct dash_nd nd;
	u8 opt_type;
	u8 opt_len;
	u8 lladdr[ETH_ALEN];
};

/* May the VM that has @src be told about @target? */
static bool dash_proxy_may(const struct dash_pkt *pkt,
			   const struct in6_addr *src,
			   const struct in6_addr *target)
{
	const struct dash_eni_cfg *ecfg = pkt->ecfg;

	/* with link-local addresses a VM reaches nobody else */
	if (!dash_eni_may_use(ecfg, src) &&
	    !(ipv6_addr_type(src) & IPV6_ADDR_LINKLOCAL))
		return false;
	/* as far as we know, nobody else has that */
	return !(ecfg->n_addr && dash_eni_may_use(ecfg, target));
}

static void dash_proxy_send(const struct dash_pkt *pkt, struct sk_buff *skb)
{
	struct dash_port *port = pkt->port;

	skb->dev = port->dev;
	dev_queue_xmit(skb);
	dash_stats_generated(pkt->eni->stats, DASH_DIRECTION_INBOUND);
}

static bool dash_proxy_is_host4(__be32 addr)
{
	return !ipv4_is_zeronet(addr) && !ipv4_is_loopback(addr) &&
	       !ipv4_is_multicast(addr) && !ipv4_is_lbcast(addr);
}

void dash_proxy_arp(struct dash_pkt *pkt)
{
	const struct dash_arp *arp;
	struct in6_addr src, dst;
	struct sk_buff *skb;
	__be32 sip, tip;

	if (!pskb_may_pull(pkt->skb, ETH_HLEN + sizeof(*arp)))
		return;
	arp = (const struct dash_arp *)(pkt->skb->data + ETH_HLEN);
	if (arp->hdr.ar_hrd != htons(ARPHRD_ETHER) ||
	    arp->hdr.ar_pro != htons(ETH_P_IP) ||
	    arp->hdr.ar_hln != ETH_ALEN || arp->hdr.ar_pln != 4 ||
	    arp->hdr.ar_op != htons(ARPOP_REQUEST) ||
	    memcmp(arp->sha, pkt->ecfg->mac, ETH_ALEN))
		return;

	memcpy(&sip, arp->sip, sizeof(sip));
	memcpy(&tip, arp->tip, sizeof(tip));
	dash_addr_from_v4(&src, sip);
	dash_addr_from_v4(&dst, tip);
	if (sip == tip || !dash_proxy_is_host4(sip) ||
	    !dash_proxy_is_host4(tip) || !dash_proxy_may(pkt, &src, &dst) ||
	    !dash_icmp_allow(&pkt->port->answers, jiffies))
		return;

	skb = arp_create(ARPOP_REPLY, ETH_P_ARP, sip, pkt->port->dev, tip,
			 pkt->ecfg->mac, pkt->inst->fake_mac, pkt->ecfg->mac);
	if (skb)
		dash_proxy_send(pkt, skb);
}

/* Every option has a length, or nobody has read any (RFC 4861, 7.1.1). */
static bool dash_proxy_opts_ok(const u8 *opt, u32 len)
{
	while (len) {
		if (len < 2 || !opt[1] || opt[1] * 8 > len)
			return false;
		len -= opt[1] * 8;
		opt += opt[1] * 8;
	}
	return true;
}

/* Return: the solicitation, complete and checked, or NULL. */
static const struct dash_nd *dash_proxy_ns(struct dash_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;
	const struct ipv6hdr *ip6h;
	const struct dash_nd *ns;
	u32 len;

	/* nothing before it, and of no unreasonable length */
	if (ntohs(pkt->t.dport) != NDISC_NEIGHBOUR_SOLICITATION ||
	    skb_is_gso(skb) ||
	    pkt->inner_l4 != pkt->inner_l3 + sizeof(*ip6h) ||
	    skb->len - pkt->inner_l4 < sizeof(*ns) ||
	    skb->len - pkt->inner_l4 > IPV6_MIN_MTU ||
	    skb_linearize(skb))
		return NULL;

	len = skb->len - pkt->inner_l4;
	ip6h = (const struct ipv6hdr *)(skb->data + pkt->inner_l3);
	ns = (const struct dash_nd *)(skb->data + pkt->inner_l4);
	if (ip6h->hop_limit != DASH_ND_HLIM || ns->code ||
	    !dash_proxy_opts_ok((const u8 *)(ns + 1), len - sizeof(*ns)))
		return NULL;
	if (skb->ip_summed != CHECKSUM_PARTIAL &&
	    csum_ipv6_magic(&ip6h->saddr, &ip6h->daddr, len, IPPROTO_ICMPV6,
			    csum_partial(ns, len, 0)))
		return NULL;
	return ns;
}

static void dash_proxy_fill_na(const struct dash_pkt *pkt, struct sk_buff *skb,
			       const struct in6_addr *target)
{
	struct ipv6hdr *ip6h;
	struct dash_na *na;
	struct ethhdr *eth;

	eth = skb_put(skb, sizeof(*eth));
	skb_reset_mac_header(skb);
	ether_addr_copy(eth->h_dest, pkt->ecfg->mac);
	ether_addr_copy(eth->h_source, pkt->inst->fake_mac);
	eth->h_proto = htons(ETH_P_IPV6);

	skb_set_network_header(skb, skb->len);
	ip6h = skb_put(skb, sizeof(*ip6h));
	ip6_flow_hdr(ip6h, 0, 0);
	ip6h->payload_len = htons(sizeof(*na));
	ip6h->nexthdr = IPPROTO_ICMPV6;
	ip6h->hop_limit = DASH_ND_HLIM;
	ip6h->saddr = *target;
	ip6h->daddr = pkt->t.src;

	skb_set_transport_header(skb, skb->len);
	na = skb_put_zero(skb, sizeof(*na));
	na->nd.type = NDISC_NEIGHBOUR_ADVERTISEMENT;
	na->nd.flags = htonl(DASH_NA_FLAGS);
	na->nd.target = *target;
	na->opt_type = ND_OPT_TARGET_LL_ADDR;
	na->opt_len = sizeof(*na) - offsetof(struct dash_na, opt_type);
	na->opt_len /= 8;
	memcpy(na->lladdr, pkt->inst->fake_mac, ETH_ALEN);
	na->nd.cksum = csum_ipv6_magic(&ip6h->saddr, &ip6h->daddr, sizeof(*na),
				       IPPROTO_ICMPV6,
				       csum_partial(na, sizeof(*na), 0));
	skb->protocol = htons(ETH_P_IPV6);
}

void dash_proxy_nd(struct dash_pkt *pkt)
{
	const struct dash_nd *ns = dash_proxy_ns(pkt);
	struct net_device *dev = pkt->port->dev;
	struct in6_addr target;
	struct sk_buff *skb;

	if (!ns)
		return;
	target = ns->target;
	/* who has no address yet is detecting duplicates */
	if (ipv6_addr_any(&pkt->t.src) || ipv6_addr_equal(&pkt->t.src, &target) ||
	    ipv6_addr_any(&target) || ipv6_addr_is_multicast(&target) ||
	    ipv6_addr_v4mapped(&target) || ipv6_addr_loopback(&target) ||
	    !dash_proxy_may(pkt, &pkt->t.src, &target) ||
	    !dash_icmp_allow(&pkt->port->answers, jiffies))
		return;

	skb = alloc_skb(LL_RESERVED_SPACE(dev) + ETH_HLEN +
			sizeof(struct ipv6hdr) + sizeof(struct dash_na),
			GFP_ATOMIC);
	if (!skb)
		return;
	skb_reserve(skb, LL_RESERVED_SPACE(dev));
	dash_proxy_fill_na(pkt, skb, &target);
	dash_proxy_send(pkt, skb);
}
