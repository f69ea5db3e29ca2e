// SPDX-License-Identifier: GPL-2.0
/*
 * A packet as received -> the packet as sent.
 */

/**
 * DOC: Theory of operation
 *
 * What is kept of a received packet is its inner frame (or, sent directly, its
 * inner IP packet). The outer headers are stripped by moving skb->data behind
 * them, and new ones written before it, into the room that the old ones left;
 * as those have the same size in the common case, nothing is copied.
 *
 * Most packets are neither GSO packets nor have a checksum that somebody else
 * is to finish. Of these nothing has to be noted but where the new headers are.
 *
 * The stack has notes about a packet's headers beside the packet, and most of
 * this file is about getting these right:
 *
 *	ip_summed  COMPLETE is over bytes that no longer exist, and UNNECESSARY
 *		   was partly about the outer checksum: NONE. PARTIAL at the
 *		   inner transport header stays, for the egress device or the
 *		   stack to fill in; at the outer one it goes with that.
 *	gso_type   what says tunnel is taken off and put on anew. The part
 *		   about the inner TCP or UDP stays, so a 64 kB packet is cut
 *		   only by the last device, or just before.
 *	inner_*	   header offsets, by which devices find the inner headers.
 */
#include <linux/dash.h>
#include <linux/etherdevice.h>
#include <linux/hash.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/dsfield.h>
#include <net/gre.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/udp.h>
#include <net/vxlan.h>

#include "addr.h"
#include "eni.h"
#include "inst.h"
#include "nat.h"
#include "parse.h"
#include "to6.h"
#include "xform.h"

#define DASH_TTL		64
#define DASH_FLOWLABEL_BITS	20

/* Room for a link-layer header with two VLAN tags, as neighbours align it. */
#define DASH_LL_HEADROOM	32

/* UDP and VXLAN */
#define DASH_VXLAN_HLEN		(sizeof(struct udphdr) + sizeof(struct vxlanhdr))

static __wsum dash_xform_fold64(u64 sum)
{
	sum = (sum & U32_MAX) + (sum >> 32);
	return (__force __wsum)((u32)sum + (u32)(sum >> 32));
}

static u32 dash_xform_hlen(const struct dash_xform *xf)
{
	u32 hlen;

	hlen = xf->encap == DASH_ENCAP_TYPE_VXLAN ? DASH_VXLAN_HLEN :
						    sizeof(struct dash_nvgre_hdr);
	return hlen + (dash_addr_is_v4(&xf->saddr) ? sizeof(struct iphdr) :
						     sizeof(struct ipv6hdr));
}

u32 dash_xform_overhead(const struct dash_xform *xf)
{
	switch (xf->kind) {
	case DASH_XFORM_DIRECT:
		return 0;
	case DASH_XFORM_VPORT:
		return ETH_HLEN;
	default:
		return dash_xform_hlen(xf) + ETH_HLEN;
	}
}

static u8 dash_xform_tos(const struct dash_pkt *pkt)
{
	if (!pkt->ecfg->dscp_pipe)
		return pkt->outer.tos;

	return pkt->ecfg->dscp << 2 | (pkt->outer.tos & INET_ECN_MASK);
}

/* Routers balance IPv6 by the flow label; it has as much entropy as the source
 * port, and none where the user wants none.
 */
static __be32 dash_xform_flowlabel(const struct dash_pkt *pkt,
				   const struct dash_xform *xf)
{
	if (pkt->inst->fixed_sport)
		return 0;

	return htonl(hash_32(ntohs(dash_xform_sport(xf, pkt->hash)),
			     DASH_FLOWLABEL_BITS));
}

static bool dash_xform_udp_csum(const struct dash_pkt *pkt,
				const struct dash_xform *xf)
{
	switch (pkt->inst->udp_csum) {
	case DASH_UDP_CSUM_ON:
		return true;
	case DASH_UDP_CSUM_OFF:
		return false;
	default:
		return !dash_addr_is_v4(&xf->saddr);
	}
}

/* Forget what was noted about checksums of headers that are gone now; data is
 * at the inner frame or packet. A partial checksum behind the inner transport
 * header belongs to a tunnel within the inner packet, and no device or GSO
 * handler could tell where from our headers; that is rare and done here.
 */
static int dash_xform_fix_csum(struct sk_buff *skb, int l3, int l4)
{
	int start;

	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		start = skb_checksum_start_offset(skb);
		if (start == l4)
			return 0;
		if (start > l3)
			return pskb_may_pull(skb, start + skb->csum_offset +
					     sizeof(__sum16)) ?
			       skb_checksum_help(skb) : -ENOMEM;
	}

	skb->ip_summed = CHECKSUM_NONE;
	skb->csum_valid = 0;
	return 0;
}

static void dash_xform_push_vxlan(const struct dash_pkt *pkt,
				  const struct dash_xform *xf, bool csum)
{
	struct sk_buff *skb = pkt->skb;
	struct vxlanhdr *vh;
	struct udphdr *uh;

	uh = __skb_push(skb, DASH_VXLAN_HLEN);
	skb_reset_transport_header(skb);
	vh = (struct vxlanhdr *)(uh + 1);
	vh->vx_flags = VXLAN_HF_VNI;
	vh->vx_vni = cpu_to_be32(xf->vni << 8);

	uh->source = dash_xform_sport(xf, pkt->hash);
	uh->dest = pkt->inst->vxlan_port;
	uh->len = htons(skb->len);
	if (!csum)
		uh->check = 0;
	else if (dash_addr_is_v4(&xf->saddr))
		udp_set_csum(false, skb, dash_addr_v4(&xf->saddr),
			     dash_addr_v4(&xf->daddr), skb->len);
	else
		udp6_set_csum(false, skb, &xf->saddr, &xf->daddr, skb->len);
}

static void dash_xform_push_nvgre(struct sk_buff *skb,
				  const struct dash_xform *xf)
{
	struct dash_nvgre_hdr *gre;

	gre = __skb_push(skb, sizeof(*gre));
	skb_reset_transport_header(skb);
	gre->flags = GRE_KEY;
	gre->protocol = htons(ETH_P_TEB);
	gre->key = cpu_to_be32(xf->vni << 8);
}

/* The header is made of words and so is its checksum: adding up what was just
 * written, in other sizes even, would have the CPU wait for its own writes.
 */
static void dash_xform_push_ipv4(const struct dash_pkt *pkt,
				 const struct dash_xform *xf, u8 proto)
{
	__be32 saddr = dash_addr_v4(&xf->saddr);
	__be32 daddr = dash_addr_v4(&xf->daddr);
	struct sk_buff *skb = pkt->skb;
	__be32 *word, len, frag, ttl;
	u64 sum;

	word = __skb_push(skb, sizeof(struct iphdr));
	skb_reset_network_header(skb);
	len = htonl(0x45000000 | dash_xform_tos(pkt) << 16 | skb->len);
	frag = htonl(ntohs(pkt->inst->ip_id) << 16 |
		     (pkt->inst->df ? IP_DF : 0));
	ttl = htonl(DASH_TTL << 24 | proto << 16);
	sum = (u64)(__force u32)len + (__force u32)frag + (__force u32)ttl +
	      (__force u32)saddr + (__force u32)daddr;
	ttl |= htonl(ntohs((__force __be16)csum_fold(dash_xform_fold64(sum))));
	word[0] = len;
	word[1] = frag;
	word[2] = ttl;
	word[3] = saddr;
	word[4] = daddr;
	skb->protocol = htons(ETH_P_IP);
}

static void dash_xform_push_ipv6(const struct dash_pkt *pkt,
				 const struct dash_xform *xf, u8 proto)
{
	struct sk_buff *skb = pkt->skb;
	struct ipv6hdr *ip6h;

	ip6h = __skb_push(skb, sizeof(*ip6h));
	skb_reset_network_header(skb);
	ip6_flow_hdr(ip6h, dash_xform_tos(pkt), dash_xform_flowlabel(pkt, xf));
	ip6h->payload_len = htons(skb->len - sizeof(*ip6h));
	ip6h->nexthdr = proto;
	ip6h->hop_limit = DASH_TTL;
	ip6h->saddr = xf->saddr;
	ip6h->daddr = xf->daddr;
	skb->protocol = htons(ETH_P_IPV6);
}

/* Note for devices and GSO what is about to become inner headers. */
static int dash_xform_inner(struct dash_pkt *pkt, const struct dash_xform *xf,
			    bool csum)
{
	int gso;

	if (xf->encap != DASH_ENCAP_TYPE_VXLAN)
		gso = SKB_GSO_GRE;
	else
		gso = csum ? SKB_GSO_UDP_TUNNEL_CSUM : SKB_GSO_UDP_TUNNEL;
	if (iptunnel_handle_offloads(pkt->skb, gso))
		return -ENOMEM;
	skb_set_inner_protocol(pkt->skb, htons(ETH_P_TEB));
	return 0;
}

/* Data is at the inner Ethernet header. What is translated gets a new one. */
static void dash_xform_set_dmac(struct dash_pkt *pkt,
				const struct dash_xform *xf)
{
	struct ethhdr *eth = (struct ethhdr *)pkt->skb->data;

	if (unlikely(xf->nat == DASH_XFORM_NAT_DST))
		dash_nat_apply(pkt, xf, pkt->inner_eth);
	else
		ether_addr_copy(eth->h_dest, xf->dmac);
}

/* Data is at the inner Ethernet header, with room for the outer headers. */
static void dash_xform_encap(struct dash_pkt *pkt, const struct dash_xform *xf,
			     bool csum)
{
	struct sk_buff *skb = pkt->skb;
	u8 proto;

	if (xf->set_dmac)
		dash_xform_set_dmac(pkt, xf);

	if (xf->encap == DASH_ENCAP_TYPE_VXLAN) {
		proto = IPPROTO_UDP;
		dash_xform_push_vxlan(pkt, xf, csum);
	} else {
		proto = IPPROTO_GRE;
		dash_xform_push_nvgre(skb, xf);
	}

	if (dash_addr_is_v4(&xf->saddr))
		dash_xform_push_ipv4(pkt, xf, proto);
	else
		dash_xform_push_ipv6(pkt, xf, proto);
}

/* Data is at the inner IP header. Its checksum is updated rather than made
 * anew, so that a wrong one stays wrong for the receiver to see.
 */
static void dash_xform_direct(const struct dash_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;
	u8 dscp = pkt->outer.tos & ~INET_ECN_MASK;

	if (pkt->t.v6) {
		ipv6_change_dsfield(ipv6_hdr(skb), INET_ECN_MASK, dscp);
		skb->protocol = htons(ETH_P_IPV6);
	} else {
		ipv4_change_dsfield(ip_hdr(skb), INET_ECN_MASK, dscp);
		skb->protocol = htons(ETH_P_IP);
	}
}

/* Data is at the inner Ethernet header. Where the tunnel ends, so does what
 * stood outside only: that routers were congested (RFC 6040, 4.2).
 */
static void dash_xform_decap(const struct dash_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;

	skb->protocol = pkt->t.v6 ? htons(ETH_P_IPV6) : htons(ETH_P_IP);
	if (INET_ECN_is_ce(pkt->outer.tos))
		INET_ECN_set_ce(skb);
}

static enum dash_drop dash_xform_one(struct dash_pkt *pkt,
				     const struct dash_xform *xf)
{
	bool encap = dash_xform_is_encap(xf);
	bool direct = xf->kind == DASH_XFORM_DIRECT;
	u32 strip = direct ? pkt->inner_l3 : pkt->inner_eth;
	u32 hlen = encap ? dash_xform_hlen(xf) : 0;
	int l3 = pkt->inner_l3 - strip;
	int l4 = pkt->inner_l4 - strip;
	struct sk_buff *skb = pkt->skb;
	u32 len, max = IP_MAX_MTU;
	bool plain, csum;

	/* payload_len of IPv6 does not count the header */
	if (encap && !dash_addr_is_v4(&xf->saddr))
		max += sizeof(struct ipv6hdr);
	len = skb->len - strip + hlen;
	if (len > max)
		return DASH_DROP_TOO_BIG;

	skb_orphan(skb);
	plain = !skb_is_gso(skb) && skb->ip_summed != CHECKSUM_PARTIAL;
	if (unlikely(!plain) && iptunnel_pull_offloads(skb))
		return DASH_DROP_NO_MEMORY;
	/* all at once: they share a word */
	skb->encapsulation = 0;
	if (plain) {
		skb->ip_summed = CHECKSUM_NONE;
		skb->csum_valid = 0;
	}
	__skb_pull(skb, strip);
	/* copies the headers if anyone else looks at them, a tap for one */
	if (skb_cow_head(skb, hlen + DASH_LL_HEADROOM) ||
	    (unlikely(!plain) && dash_xform_fix_csum(skb, l3, l4)))
		return DASH_DROP_NO_MEMORY;

	skb_scrub_packet(skb, false);
	skb_clear_tstamp(skb);
	skb_clear_hash_if_not_l4(skb);

	skb_reset_mac_header(skb);
	skb_set_network_header(skb, l3);
	skb_set_transport_header(skb, l4);
	if (!encap) {
		if (unlikely(xf->nat && !dash_xform_is_xlat(xf)))
			dash_nat_apply(pkt, xf, strip);
		if (direct)
			dash_xform_direct(pkt);
		else
			dash_xform_decap(pkt);
		return DASH_DROP_NONE;
	}

	csum = xf->encap == DASH_ENCAP_TYPE_VXLAN &&
	       dash_xform_udp_csum(pkt, xf);
	if (unlikely(!plain) && dash_xform_inner(pkt, xf, csum))
		return DASH_DROP_NO_MEMORY;
	dash_xform_encap(pkt, xf, csum);
	return DASH_DROP_NONE;
}

enum dash_drop dash_xform_apply(struct dash_pkt *pkt,
				const struct dash_xform *xf)
{
	enum dash_drop reason;

	if (unlikely(dash_xform_is_xlat(xf))) {
		reason = dash_to6_apply(pkt, xf);
		if (reason)
			return reason;
	}
	return dash_xform_one(pkt, xf);
}
