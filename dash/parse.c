// SPDX-License-Identifier: GPL-2.0
/*
 * Headers of a packet -> struct dash_pkt.
 */

/**
 * DOC: Theory of operation
 *
 * Everything that is read from a packet is read here, once, so that the rest
 * of the module never looks at bytes that a stranger chose:
 *
 *	Ethernet | IPv4/IPv6 | UDP VXLAN | Ethernet | IPv4/IPv6 | TCP, UDP, ...
 *	                     | GRE (key) |
 *	         ^skb->data  ^outer_l4   ^inner_eth ^inner_l3   ^inner_l4
 *
 * Two limits guard each read. dash_parse_at() makes bytes that the skb has
 * linear; it may move the head, hence every pointer is used up before the next
 * call and only offsets are kept. The @end of the innermost container so far
 * (what its length field says, having been found within its own container)
 * bounds what belongs to the packet. Behind it the skb is trimmed, so that
 * from then on skb->len and headers agree.
 *
 * The length of a GRO or TSO packet describes all of it, so the same checks
 * hold for it, but it cannot be trimmed; one with surplus is refused.
 *
 * The work per packet is bounded by DASH_MAX_EXTHDRS extension headers and
 * the 40 bytes of TCP options of a SYN, plus the UDP checksum when there is
 * one that the device did not verify.
 *
 * Nearly all packets have the same headers, with nothing optional in any of
 * them, all linear. struct dash_usual is what these look like. Such a packet is
 * read without a walk; one that is not quite like that, be it valid or not, goes
 * the long way, with the same result.
 */
#include <linux/dash.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/sctp.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/unaligned.h>
#include <net/checksum.h>
#include <net/dsfield.h>
#include <net/gre.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>
#include <net/ndisc.h>
#include <net/tcp.h>
#include <net/vxlan.h>

#include "addr.h"
#include "parse.h"

/* Bytes behind the IP header that an ICMP error quotes at least. */
#define DASH_QUOTE_MIN		8
/* What DCCP has of ports, checksum and the like in every packet. */
#define DASH_DCCP_HLEN		12

/* Bits of GRE that NVGRE does not have: checksum, routing, sequence, strict
 * source route, recursion control and version; the others are reserved and
 * ignored (RFC 2784, RFC 7637).
 */
#define DASH_GRE_BITS		(GRE_CSUM | GRE_ROUTING | GRE_KEY | GRE_SEQ | \
				 GRE_STRICT | GRE_REC | GRE_VERSION)

/**
 * struct dash_ip - what the walk over an IP header yields
 */
struct dash_ip {
	/** @l4: offset of the transport header */
	u32 l4;
	/** @id: identification, when @frag says fragment */
	u32 id;
	/** @offset: fragment offset in bytes */
	u32 offset;
	/** @proto: transport protocol */
	u8 proto;
	/** @frag: enum dash_frag */
	u8 frag;
};

/**
 * struct dash_usual - the headers of the usual packet
 */
struct dash_usual {
	/** @ip: outer IP header */
	struct iphdr ip;
	/** @udp: outer UDP header */
	struct udphdr udp;
	/** @vxlan: VXLAN header */
	struct vxlanhdr vxlan;
	/** @eth: inner Ethernet header */
	struct ethhdr eth;
	/** @iip: inner IP header */
	struct iphdr iip;
	union {
		/** @iudp: inner UDP header */
		struct udphdr iudp;
		/** @itcp: inner TCP header, which may end behind the linear part */
		struct tcphdr itcp;
	};
} __packed;

/* Of UDP; what TCP has more is not there in any case. */
#define DASH_USUAL_LEN	offsetofend(struct dash_usual, iudp)

static void *dash_parse_at(struct sk_buff *skb, u32 off, u32 len)
{
	if (!pskb_may_pull(skb, off + len))
		return NULL;

	return skb->data + off;
}

static void dash_parse_frag(struct dash_ip *ip, u32 offset, bool more)
{
	ip->offset = offset;
	if (offset)
		ip->frag = DASH_FRAG_LATER;
	else if (more)
		ip->frag = DASH_FRAG_FIRST;
}

/* Walks IPv6 extension headers from ip->l4 on, where ip->proto is the type of
 * the first. Stops at a header that is none of those known, or at the fragment
 * header of a fragment that has not the beginning of the datagram.
 */
static enum dash_drop dash_parse_exthdrs(struct sk_buff *skb, u32 end,
					 struct dash_ip *ip)
{
	bool fragmented = false;
	int n;

	for (n = 0; ; n++) {
		const u8 *hdr;
		u32 len;

		switch (ip->proto) {
		case NEXTHDR_HOP:
		case NEXTHDR_ROUTING:
		case NEXTHDR_DEST:
		case NEXTHDR_FRAGMENT:
		case NEXTHDR_AUTH:
			break;
		default:
			return DASH_DROP_NONE;
		}

		if (n == DASH_MAX_EXTHDRS)
			return DASH_DROP_MALFORMED;
		if (ip->l4 + 8 > end)
			goto truncated;
		hdr = dash_parse_at(skb, ip->l4, 8);
		if (!hdr)
			goto truncated;

		switch (ip->proto) {
		case NEXTHDR_FRAGMENT:
			if (fragmented)
				return DASH_DROP_MALFORMED;
			fragmented = true;
			len = get_unaligned_be16(hdr + 2);
			dash_parse_frag(ip, len & IP6_OFFSET, len & IP6_MF);
			ip->id = get_unaligned_be32(hdr + 4);
			len = sizeof(struct frag_hdr);
			break;
		case NEXTHDR_AUTH:
			len = (hdr[1] + 2) * 4;
			break;
		default:
			len = (hdr[1] + 1) * 8;
			break;
		}

		ip->proto = hdr[0];
		if (ip->l4 + len > end)
			goto truncated;
		ip->l4 += len;
		if (ip->frag == DASH_FRAG_LATER)
			return DASH_DROP_NONE;
	}

truncated:
	/* a first fragment has to have all headers (RFC 7112) */
	return ip->frag == DASH_FRAG_FIRST ? DASH_DROP_FRAG_TINY :
					     DASH_DROP_MALFORMED;
}

static bool dash_parse_is_ext(u8 proto)
{
	return proto == NEXTHDR_HOP || proto == NEXTHDR_ROUTING ||
	       proto == NEXTHDR_DEST || proto == NEXTHDR_FRAGMENT;
}

/* --- outer headers --- */

/* Outer extension headers are walked on the way to telling whether a packet
 * is ours. What the host's own stack has to handle first is not: a routing
 * header that leads on, authentication, encryption.
 */
static bool dash_parse_outer6_ext(struct sk_buff *skb, struct dash_ip *ip)
{
	int n;

	for (n = 0; dash_parse_is_ext(ip->proto); n++) {
		const u8 *hdr;
		u32 len;

		if (n == DASH_MAX_EXTHDRS)
			return false;
		hdr = dash_parse_at(skb, ip->l4, 8);
		if (!hdr)
			return false;

		if (ip->proto == NEXTHDR_FRAGMENT) {
			len = get_unaligned_be16(hdr + 2);
			dash_parse_frag(ip, len & IP6_OFFSET, len & IP6_MF);
			len = sizeof(struct frag_hdr);
		} else {
			/* segments left */
			if (ip->proto == NEXTHDR_ROUTING && hdr[3])
				return false;
			len = (hdr[1] + 1) * 8;
		}

		ip->proto = hdr[0];
		ip->l4 += len;
		if (ip->frag == DASH_FRAG_LATER)
			return true;
	}

	return true;
}

static bool dash_parse_outer4(struct dash_pkt *pkt, struct dash_ip *ip)
{
	const struct iphdr *iph;
	u16 off;

	iph = dash_parse_at(pkt->skb, 0, sizeof(*iph));
	if (!iph || iph->version != 4 || iph->ihl < 5)
		return false;

	dash_addr_from_v4(&pkt->outer.saddr, iph->saddr);
	dash_addr_from_v4(&pkt->outer.daddr, iph->daddr);
	pkt->outer.tos = iph->tos;
	off = ntohs(iph->frag_off);
	dash_parse_frag(ip, (off & IP_OFFSET) * 8, off & IP_MF);
	ip->proto = iph->protocol;
	ip->l4 = iph->ihl * 4;
	return true;
}

static bool dash_parse_outer6(struct dash_pkt *pkt, struct dash_ip *ip)
{
	const struct ipv6hdr *ip6h;

	ip6h = dash_parse_at(pkt->skb, 0, sizeof(*ip6h));
	if (!ip6h || ip6h->version != 6)
		return false;
	/* a v4-mapped address is an IPv4 address in our form */
	if (ipv6_addr_v4mapped(&ip6h->saddr) || ipv6_addr_v4mapped(&ip6h->daddr))
		return false;

	pkt->outer.saddr = ip6h->saddr;
	pkt->outer.daddr = ip6h->daddr;
	pkt->outer.tos = ipv6_get_dsfield(ip6h);
	ip->proto = ip6h->nexthdr;
	ip->l4 = sizeof(*ip6h);
	return dash_parse_outer6_ext(pkt->skb, ip);
}

static bool dash_parse_outer_l4(struct dash_pkt *pkt, const struct dash_ip *ip,
				__be16 vxlan_port)
{
	const struct dash_nvgre_hdr *gre;
	const __be16 *ports;

	if (ip->proto == IPPROTO_UDP)
		pkt->outer.encap = DASH_ENCAP_TYPE_VXLAN;
	else if (ip->proto == IPPROTO_GRE)
		pkt->outer.encap = DASH_ENCAP_TYPE_NVGRE;
	else
		return false;

	pkt->outer_l4 = ip->l4;
	pkt->outer_frag = ip->frag != DASH_FRAG_NONE;
	if (pkt->outer_frag)
		return true;

	if (ip->proto == IPPROTO_UDP) {
		ports = dash_parse_at(pkt->skb, ip->l4, 2 * sizeof(*ports));
		return ports && ports[1] == vxlan_port;
	}

	gre = dash_parse_at(pkt->skb, ip->l4, sizeof(gre->flags) +
			    sizeof(gre->protocol));
	return gre && gre->protocol == htons(ETH_P_TEB);
}

/* Pulls a VLAN tag in the data. Return: what follows, 0 if that is not IP. */
static __be16 dash_parse_vlan(struct dash_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;
	__be16 proto = skb->protocol;
	const struct vlan_hdr *vh;

	pkt->outer.vlan_proto = 0;
	if (likely(!eth_type_vlan(proto)))
		return proto;

	vh = dash_parse_at(skb, 0, VLAN_HLEN);
	if (!vh)
		return 0;
	proto = vh->h_vlan_encapsulated_proto;
	if (proto != htons(ETH_P_IP) && proto != htons(ETH_P_IPV6))
		return 0;
	pkt->outer.vlan_proto = skb->protocol;
	pkt->outer.vlan_tci = vh->h_vlan_TCI;
	skb_pull_rcsum(skb, VLAN_HLEN);
	return proto;
}

static bool dash_parse_usual_ip(const struct iphdr *iph)
{
	return *(const u8 *)iph == 0x45 &&
	       !(iph->frag_off & htons(IP_MF | IP_OFFSET));
}

static __always_inline void dash_parse_outer_done(struct dash_pkt *pkt)
{
	ether_addr_copy(pkt->outer.smac, eth_hdr(pkt->skb)->h_source);
	ether_addr_copy(pkt->outer.dmac, eth_hdr(pkt->skb)->h_dest);
	pkt->rx_len = pkt->skb->len;
}

static __always_inline bool dash_parse_outer_ip(struct dash_pkt *pkt,
						struct dash_ip *ip)
{
	__be16 proto = dash_parse_vlan(pkt);

	if (proto == htons(ETH_P_IP))
		return dash_parse_outer4(pkt, ip);
	return proto == htons(ETH_P_IPV6) && dash_parse_outer6(pkt, ip);
}

/* dash_parse_outer() of what looks usual so far */
static __always_inline bool dash_parse_usual_outer(struct dash_pkt *pkt,
						   __be16 vxlan_port)
{
	const struct dash_usual *u = (const void *)pkt->skb->data;

	if (pkt->skb->protocol != htons(ETH_P_IP) ||
	    skb_headlen(pkt->skb) < DASH_USUAL_LEN ||
	    !dash_parse_usual_ip(&u->ip) || u->ip.protocol != IPPROTO_UDP ||
	    u->udp.dest != vxlan_port)
		return false;

	dash_addr_from_v4(&pkt->outer.saddr, u->ip.saddr);
	dash_addr_from_v4(&pkt->outer.daddr, u->ip.daddr);
	pkt->outer.tos = u->ip.tos;
	pkt->outer.encap = DASH_ENCAP_TYPE_VXLAN;
	pkt->outer.vlan_proto = 0;
	pkt->outer_l4 = sizeof(u->ip);
	pkt->outer_frag = false;
	dash_parse_outer_done(pkt);
	return true;
}

bool dash_parse_outer(struct dash_pkt *pkt, __be16 vxlan_port)
{
	struct dash_ip ip = {};

	if (likely(dash_parse_usual_outer(pkt, vxlan_port)))
		return true;
	if (!dash_parse_outer_ip(pkt, &ip) ||
	    !dash_parse_outer_l4(pkt, &ip, vxlan_port)) {
		dash_parse_undo(pkt);
		return false;
	}

	dash_parse_outer_done(pkt);
	return true;
}

/* Of neighbour discovery, which a NAT address of this host's needs, too. */
static bool dash_parse_is_ndisc(struct dash_pkt *pkt, const struct dash_ip *ip)
{
	const u8 *type;

	if (dash_addr_is_v4(&pkt->outer.daddr) ||
	    ip->proto != IPPROTO_ICMPV6 || ip->frag == DASH_FRAG_LATER)
		return false;
	type = dash_parse_at(pkt->skb, ip->l4, 1);
	return type && *type >= NDISC_ROUTER_SOLICITATION &&
	       *type <= NDISC_REDIRECT;
}

bool dash_parse_plain_outer(struct dash_pkt *pkt)
{
	struct dash_ip ip = {};

	if (!dash_parse_outer_ip(pkt, &ip) || dash_parse_is_ndisc(pkt, &ip)) {
		dash_parse_undo(pkt);
		return false;
	}

	pkt->outer_l4 = ip.l4;
	pkt->outer.encap = DASH_ENCAP_TYPE_VXLAN;
	pkt->outer.vni = 0;
	dash_parse_outer_done(pkt);
	return true;
}

void dash_parse_undo(struct dash_pkt *pkt)
{
	if (!pkt->outer.vlan_proto)
		return;

	skb_push_rcsum(pkt->skb, VLAN_HLEN);
	pkt->outer.vlan_proto = 0;
}

/* Makes the packet end at @end, which is not behind its end. */
static enum dash_drop dash_parse_trim(struct sk_buff *skb, u32 end)
{
	if (likely(skb->len == end))
		return DASH_DROP_NONE;
	if (skb_is_gso(skb))
		return DASH_DROP_MALFORMED;

	return pskb_trim_rcsum(skb, end) ? DASH_DROP_NO_MEMORY : DASH_DROP_NONE;
}

/* Checks the lengths of the outer IP header, and the checksum of IPv4. Ports
 * or GRE protocol were read, but may turn out to lie behind the packet's end.
 */
static enum dash_drop dash_parse_outer_len(struct dash_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;
	u32 end;

	if (dash_addr_is_v4(&pkt->outer.daddr)) {
		const struct iphdr *iph = dash_parse_at(skb, 0, pkt->outer_l4);

		if (!iph || ip_fast_csum(iph, iph->ihl))
			return DASH_DROP_MALFORMED;
		end = ntohs(iph->tot_len);
	} else {
		const struct ipv6hdr *ip6h;

		ip6h = dash_parse_at(skb, 0, sizeof(*ip6h));
		if (!ip6h)
			return DASH_DROP_MALFORMED;
		end = sizeof(*ip6h) + ntohs(ip6h->payload_len);
	}

	if (end > skb->len || end < pkt->outer_l4)
		return DASH_DROP_MALFORMED;

	return dash_parse_trim(skb, end);
}

/* The skb ends with the UDP datagram. */
static bool dash_parse_udp_csum_ok(const struct dash_pkt *pkt)
{
	const struct dash_outer *o = &pkt->outer;
	struct sk_buff *skb = pkt->skb;
	u32 len = skb->len - pkt->outer_l4;
	__wsum sum;

	/* what is partial comes from this host */
	if (skb->ip_summed == CHECKSUM_UNNECESSARY ||
	    skb->ip_summed == CHECKSUM_PARTIAL)
		return true;

	if (dash_addr_is_v4(&o->daddr))
		sum = csum_tcpudp_nofold(dash_addr_v4(&o->saddr),
					 dash_addr_v4(&o->daddr), len,
					 IPPROTO_UDP, 0);
	else
		sum = ~csum_unfold(csum_ipv6_magic(&o->saddr, &o->daddr, len,
						   IPPROTO_UDP, 0));

	if (skb->ip_summed == CHECKSUM_COMPLETE) {
		__wsum hdr = skb_checksum(skb, 0, pkt->outer_l4, 0);

		if (!csum_fold(csum_add(csum_sub(skb->csum, hdr), sum)))
			return true;
	}

	/* devices err, too */
	return !csum_fold(skb_checksum(skb, pkt->outer_l4, len, sum));
}

/* The same of a header that was read before. */
static enum dash_drop dash_parse_udp_csum(const struct dash_pkt *pkt)
{
	const struct udphdr *uh;

	uh = (const struct udphdr *)(pkt->skb->data + pkt->outer_l4);
	return uh->check && !dash_parse_udp_csum_ok(pkt) ?
	       DASH_DROP_MALFORMED : DASH_DROP_NONE;
}

static enum dash_drop dash_parse_vxlan(struct dash_pkt *pkt)
{
	const u32 hlen = sizeof(struct udphdr) + sizeof(struct vxlanhdr);
	struct sk_buff *skb = pkt->skb;
	const struct vxlanhdr *vh;
	const struct udphdr *uh;
	enum dash_drop drop;
	u32 len;

	if (pkt->outer_l4 + hlen > skb->len)
		return DASH_DROP_MALFORMED;
	uh = dash_parse_at(skb, pkt->outer_l4, hlen);
	if (!uh)
		return DASH_DROP_MALFORMED;

	vh = (const struct vxlanhdr *)(uh + 1);
	len = ntohs(uh->len);
	if (len < hlen || pkt->outer_l4 + len > skb->len ||
	    !(vh->vx_flags & VXLAN_HF_VNI))
		return DASH_DROP_MALFORMED;
	pkt->outer.vni = be32_to_cpu(vh->vx_vni) >> 8;
	pkt->inner_eth = pkt->outer_l4 + hlen;

	drop = dash_parse_trim(skb, pkt->outer_l4 + len);
	return drop ?: dash_parse_udp_csum(pkt);
}

static enum dash_drop dash_parse_nvgre(struct dash_pkt *pkt)
{
	const struct dash_nvgre_hdr *gre;

	if (pkt->outer_l4 + sizeof(*gre) > pkt->skb->len)
		return DASH_DROP_MALFORMED;
	gre = dash_parse_at(pkt->skb, pkt->outer_l4, sizeof(*gre));
	if (!gre || (gre->flags & DASH_GRE_BITS) != GRE_KEY)
		return DASH_DROP_MALFORMED;

	pkt->outer.vni = be32_to_cpu(gre->key) >> 8;
	pkt->inner_eth = pkt->outer_l4 + sizeof(*gre);
	return DASH_DROP_NONE;
}

/* --- inner headers; from here on the skb ends with the inner frame --- */

/**
 * dash_parse_ip - walk an inner or quoted IP header
 * @skb: packet
 * @l3: offset of the IP header
 * @v6: family
 * @ip: filled
 * @t: addresses, family and protocol filled
 * @lenp: length that the header claims, from @l3 on
 * @df: set when the packet must not be fragmented
 *
 * Return: DASH_DROP_NONE, DASH_DROP_MALFORMED or DASH_DROP_FRAG_TINY.
 */
static enum dash_drop dash_parse_ip(struct sk_buff *skb, u32 l3, bool v6,
				    struct dash_ip *ip, struct dash_tuple *t,
				    u32 *lenp, bool *df)
{
	const u32 end = skb->len;
	enum dash_drop drop;

	*ip = (struct dash_ip){};
	t->v6 = v6;
	if (!v6) {
		const struct iphdr *iph;
		u16 off;

		if (l3 + sizeof(*iph) > end)
			return DASH_DROP_MALFORMED;
		iph = dash_parse_at(skb, l3, sizeof(*iph));
		if (!iph || iph->version != 4 || iph->ihl < 5 ||
		    l3 + iph->ihl * 4 > end)
			return DASH_DROP_MALFORMED;

		dash_addr_from_v4(&t->src, iph->saddr);
		dash_addr_from_v4(&t->dst, iph->daddr);
		off = ntohs(iph->frag_off);
		dash_parse_frag(ip, (off & IP_OFFSET) * 8, off & IP_MF);
		ip->id = ntohs(iph->id);
		ip->proto = iph->protocol;
		ip->l4 = l3 + iph->ihl * 4;
		*lenp = ntohs(iph->tot_len);
		*df = off & IP_DF;
	} else {
		const struct ipv6hdr *ip6h;

		if (l3 + sizeof(*ip6h) > end)
			return DASH_DROP_MALFORMED;
		ip6h = dash_parse_at(skb, l3, sizeof(*ip6h));
		if (!ip6h || ip6h->version != 6)
			return DASH_DROP_MALFORMED;
		/* would be taken for IPv4 everywhere behind this */
		if (ipv6_addr_v4mapped(&ip6h->saddr) ||
		    ipv6_addr_v4mapped(&ip6h->daddr))
			return DASH_DROP_MALFORMED;

		t->src = ip6h->saddr;
		t->dst = ip6h->daddr;
		ip->proto = ip6h->nexthdr;
		ip->l4 = l3 + sizeof(*ip6h);
		*lenp = sizeof(*ip6h) + ntohs(ip6h->payload_len);
		*df = true;
		/* of a quote there may be less than claimed, but not more */
		drop = dash_parse_exthdrs(skb, min(end, l3 + *lenp), ip);
		if (drop)
			return drop;
	}
	t->proto = ip->proto;

	return DASH_DROP_NONE;
}

static bool dash_parse_icmp_has_id(u8 proto, u8 type)
{
	if (proto == IPPROTO_ICMPV6)
		return type == ICMPV6_ECHO_REQUEST || type == ICMPV6_ECHO_REPLY;

	switch (type) {
	case ICMP_ECHO:
	case ICMP_ECHOREPLY:
	case ICMP_TIMESTAMP:
	case ICMP_TIMESTAMPREPLY:
	case ICMP_INFO_REQUEST:
	case ICMP_INFO_REPLY:
	case ICMP_ADDRESS:
	case ICMP_ADDRESSREPLY:
		return true;
	default:
		return false;
	}
}

static bool dash_parse_icmp_is_err(u8 proto, u8 type)
{
	/* of other errors nobody knows that they quote something */
	if (proto == IPPROTO_ICMPV6)
		return type >= ICMPV6_DEST_UNREACH && type <= ICMPV6_PARAMPROB;

	switch (type) {
	case ICMP_DEST_UNREACH:
	case ICMP_SOURCE_QUENCH:
	case ICMP_REDIRECT:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		return true;
	default:
		return false;
	}
}

static void dash_parse_icmp_ports(struct dash_tuple *t, const u8 *hdr)
{
	t->dport = htons(hdr[0]);
	if (dash_parse_icmp_has_id(t->proto, hdr[0]))
		t->sport = get_unaligned((const __be16 *)(hdr + 4));
}

/* Length that a transport header has at least; 0 without ports or type. */
static u32 dash_parse_l4_min(const struct dash_tuple *t)
{
	switch (t->proto) {
	case IPPROTO_TCP:
		return sizeof(struct tcphdr);
	case IPPROTO_UDP:
		return sizeof(struct udphdr);
	case IPPROTO_SCTP:
		return sizeof(struct sctphdr);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return dash_tuple_is_icmp(t) ? DASH_ICMP_HLEN : 0;
	default:
		return 0;
	}
}

static enum dash_drop dash_parse_quote(struct dash_pkt *pkt, u32 l3)
{
	struct dash_tuple *q = &pkt->quoted;
	struct sk_buff *skb = pkt->skb;
	enum dash_drop drop;
	struct dash_ip ip;
	const u8 *hdr;
	u32 len;
	bool df;

	drop = dash_parse_ip(skb, l3, pkt->t.v6, &ip, q, &len, &df);
	if (drop)
		return DASH_DROP_MALFORMED;

	q->sport = 0;
	q->dport = 0;
	pkt->quoted_l4 = 0;
	/* A later fragment has no ports, others no meaning for us. */
	if (ip.frag == DASH_FRAG_LATER || !dash_parse_l4_min(q))
		return DASH_DROP_NONE;

	if (ip.l4 + DASH_QUOTE_MIN > skb->len)
		return DASH_DROP_MALFORMED;
	hdr = dash_parse_at(skb, ip.l4, DASH_QUOTE_MIN);
	if (!hdr)
		return DASH_DROP_MALFORMED;
	pkt->quoted_l4 = ip.l4;

	if (dash_tuple_is_icmp(q)) {
		dash_parse_icmp_ports(q, hdr);
	} else {
		q->sport = get_unaligned((const __be16 *)hdr);
		q->dport = get_unaligned((const __be16 *)(hdr + 2));
	}

	return DASH_DROP_NONE;
}

/* Window scale among @len bytes of options, -1 without. */
static s8 dash_parse_wscale(const u8 *opt, u32 len)
{
	while (len) {
		if (opt[0] == TCPOPT_EOL)
			break;
		if (opt[0] == TCPOPT_NOP) {
			opt++;
			len--;
			continue;
		}
		if (len < 2 || opt[1] < 2 || opt[1] > len)
			break;
		/* the larger are to be taken for the largest (RFC 7323) */
		if (opt[0] == TCPOPT_WINDOW && opt[1] == TCPOLEN_WINDOW)
			return min_t(u8, opt[2], TCP_MAX_WSCALE);
		len -= opt[1];
		opt += opt[1];
	}

	return -1;
}

static enum dash_drop dash_parse_tcp(struct dash_pkt *pkt, u32 l4len,
				     enum dash_drop trunc)
{
	struct sk_buff *skb = pkt->skb;
	const struct tcphdr *th;
	u32 hlen;

	th = dash_parse_at(skb, pkt->inner_l4, sizeof(*th));
	if (!th)
		return DASH_DROP_MALFORMED;
	hlen = th->doff * 4;
	if (hlen < sizeof(*th))
		return DASH_DROP_MALFORMED;
	if (hlen > l4len)
		return trunc;
	th = dash_parse_at(skb, pkt->inner_l4, hlen);
	if (!th)
		return DASH_DROP_MALFORMED;

	pkt->tcp.seq = get_unaligned_be32(&th->seq);
	pkt->tcp.ack = get_unaligned_be32(&th->ack_seq);
	pkt->tcp.win = get_unaligned_be16(&th->window);
	pkt->tcp.flags = ((const u8 *)th)[13];
	pkt->tcp.len = l4len - hlen;
	pkt->tcp.wscale = -1;
	if (pkt->tcp.flags & DASH_TCP_SYN)
		pkt->tcp.wscale = dash_parse_wscale((const u8 *)(th + 1),
						    hlen - sizeof(*th));
	return DASH_DROP_NONE;
}

static enum dash_drop dash_parse_icmp(struct dash_pkt *pkt, const u8 *hdr)
{
	u8 type = hdr[0];

	dash_parse_icmp_ports(&pkt->t, hdr);
	if (!dash_parse_icmp_is_err(pkt->t.proto, type))
		return DASH_DROP_NONE;

	pkt->icmp_err = true;
	return dash_parse_quote(pkt, pkt->inner_l4 + DASH_ICMP_HLEN);
}

static enum dash_drop dash_parse_l4(struct dash_pkt *pkt)
{
	enum dash_drop drop = DASH_DROP_NONE, trunc;
	struct sk_buff *skb = pkt->skb;
	u32 l4 = pkt->inner_l4;
	u32 l4len = skb->len - l4;
	u32 need = dash_parse_l4_min(&pkt->t);
	const u8 *hdr;

	trunc = pkt->frag == DASH_FRAG_FIRST ? DASH_DROP_FRAG_TINY :
					       DASH_DROP_MALFORMED;
	if (l4len < need)
		return trunc;

	switch (pkt->t.proto) {
	case IPPROTO_UDPLITE:
		need = sizeof(struct udphdr);
		break;
	case IPPROTO_DCCP:
		need = DASH_DCCP_HLEN;
		break;
	}
	/* nothing known about it, or one of the two above but too short */
	if (!need || l4len < need)
		return DASH_DROP_NONE;

	hdr = dash_parse_at(skb, l4, need);
	if (!hdr)
		return DASH_DROP_MALFORMED;
	if (dash_tuple_is_icmp(&pkt->t))
		return dash_parse_icmp(pkt, hdr);

	pkt->t.sport = get_unaligned((const __be16 *)hdr);
	pkt->t.dport = get_unaligned((const __be16 *)(hdr + 2));
	pkt->has_ports = true;

	if (pkt->t.proto == IPPROTO_TCP) {
		drop = dash_parse_tcp(pkt, l4len, trunc);
	} else if (pkt->t.proto == IPPROTO_UDP) {
		u32 len = get_unaligned_be16(hdr + 4);

		/* that of a first fragment counts the others, too */
		if (len < sizeof(struct udphdr) ||
		    (len > l4len && pkt->frag == DASH_FRAG_NONE))
			drop = DASH_DROP_MALFORMED;
	}

	return drop;
}

static bool dash_parse_is_group4(__be32 a)
{
	return ipv4_is_multicast(a) || ipv4_is_lbcast(a);
}

static bool dash_parse_is_group(const struct in6_addr *a)
{
	return dash_addr_is_v4(a) ? dash_parse_is_group4(dash_addr_v4(a)) :
				    ipv6_addr_is_multicast(a);
}

/* Is a GSO packet of the protocol that it is said to be? A VM may have said it. */
static bool dash_parse_gso_kind_ok(const struct dash_pkt *pkt)
{
	switch (skb_shinfo(pkt->skb)->gso_type &
		(SKB_GSO_TCPV4 | SKB_GSO_TCPV6 | SKB_GSO_UDP_L4)) {
	case SKB_GSO_TCPV4:
		return !pkt->t.v6 && pkt->t.proto == IPPROTO_TCP;
	case SKB_GSO_TCPV6:
		return pkt->t.v6 && pkt->t.proto == IPPROTO_TCP;
	case SKB_GSO_UDP_L4:
		return pkt->t.proto == IPPROTO_UDP;
	default:
		return false;
	}
}

/* A GSO packet is cut where the stack believes its headers to be; that has to
 * be where they are.
 */
static bool dash_parse_gso_ok(const struct dash_pkt *pkt)
{
	const struct sk_buff *skb = pkt->skb;

	return dash_parse_gso_kind_ok(pkt) &&
	       skb->ip_summed == CHECKSUM_PARTIAL &&
	       skb_checksum_start_offset(skb) == pkt->inner_l4 &&
	       pkt->frag == DASH_FRAG_NONE;
}

/* Everything from the inner Ethernet header on. */
static enum dash_drop dash_parse_eth(struct dash_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;
	const struct ethhdr *eth;
	enum dash_drop drop;
	struct dash_ip ip;
	__be16 proto;
	u32 len;
	bool df;

	if (pkt->inner_eth + ETH_HLEN > skb->len)
		return DASH_DROP_MALFORMED;
	eth = dash_parse_at(skb, pkt->inner_eth, ETH_HLEN);
	if (!eth)
		return DASH_DROP_MALFORMED;
	ether_addr_copy(pkt->smac, eth->h_source);
	ether_addr_copy(pkt->dmac, eth->h_dest);
	proto = eth->h_proto;
	if (proto != htons(ETH_P_IP) && proto != htons(ETH_P_IPV6))
		return is_multicast_ether_addr(pkt->dmac) ?
		       DASH_DROP_MULTICAST : DASH_DROP_MALFORMED;

	pkt->inner_l3 = pkt->inner_eth + ETH_HLEN;
	drop = dash_parse_ip(skb, pkt->inner_l3, proto == htons(ETH_P_IPV6),
			     &ip, &pkt->t, &len, &df);
	/* A length that does not fit is worse than what follows from it. */
	if (drop != DASH_DROP_MALFORMED &&
	    (pkt->inner_l3 + len > skb->len || pkt->inner_l3 + len < ip.l4))
		return DASH_DROP_MALFORMED;
	if (drop)
		return drop;
	drop = dash_parse_trim(skb, pkt->inner_l3 + len);
	if (drop)
		return drop;

	if (dash_parse_is_group(&pkt->t.src))
		return DASH_DROP_MALFORMED;

	/* headers are looked at no further where nothing is known of them */
	if (!pskb_may_pull(skb, ip.l4))
		return DASH_DROP_MALFORMED;
	pkt->inner_l4 = ip.l4;
	pkt->frag = ip.frag;
	pkt->frag_id = ip.id;
	pkt->df = df;
	if (dash_parse_is_group(&pkt->t.dst))
		return DASH_DROP_MULTICAST;
	if (unlikely(skb_is_gso(skb)) && !dash_parse_gso_ok(pkt))
		return DASH_DROP_MALFORMED;

	if (pkt->frag != DASH_FRAG_LATER)
		return dash_parse_l4(pkt);

	/* A fragment that begins within a transport header is only ever made
	 * to replace the one that was let through (RFC 3128).
	 */
	return ip.offset < dash_parse_l4_min(&pkt->t) ? DASH_DROP_FRAG_OVERLAP :
							DASH_DROP_NONE;
}

/* Inner TCP of @len bytes, for dash_parse_usual_inner(). A SYN has options. */
static bool dash_parse_usual_tcp(struct dash_pkt *pkt,
				 const struct dash_usual *u, u32 len)
{
	u32 hlen;

	if (skb_headlen(pkt->skb) < sizeof(*u))
		return false;
	hlen = u->itcp.doff * 4;
	if (hlen < sizeof(u->itcp) ||
	    hlen > skb_headlen(pkt->skb) - offsetof(struct dash_usual, itcp) ||
	    u->itcp.syn)
		return false;

	pkt->tcp.seq = ntohl(u->itcp.seq);
	pkt->tcp.ack = ntohl(u->itcp.ack_seq);
	pkt->tcp.win = ntohs(u->itcp.window);
	pkt->tcp.flags = ((const u8 *)&u->itcp)[13];
	pkt->tcp.len = len - hlen;
	pkt->tcp.wscale = -1;
	return true;
}

/* dash_parse_inner() of the usual packet, whose outer IP header is as long as
 * that of IPv4 without options, but for the UDP checksum. Otherwise nothing that
 * was set matters.
 */
static __always_inline bool dash_parse_usual_inner(struct dash_pkt *pkt)
{
	const struct dash_usual *u = (const void *)pkt->skb->data;
	const u32 l4 = offsetof(struct dash_usual, iudp);
	const struct sk_buff *skb = pkt->skb;
	u32 len = skb->len;

	if (pkt->outer_l4 != sizeof(u->ip) || pkt->outer_frag ||
	    pkt->outer.encap != DASH_ENCAP_TYPE_VXLAN ||
	    skb_headlen(skb) < DASH_USUAL_LEN ||
	    ip_fast_csum(&u->ip, sizeof(u->ip) / 4) ||
	    ntohs(u->ip.tot_len) != len ||
	    ntohs(u->udp.len) != len - sizeof(u->ip) ||
	    !(u->vxlan.vx_flags & VXLAN_HF_VNI) ||
	    u->eth.h_proto != htons(ETH_P_IP) ||
	    !dash_parse_usual_ip(&u->iip) ||
	    ntohs(u->iip.tot_len) != len - offsetof(struct dash_usual, iip) ||
	    dash_parse_is_group4(u->iip.saddr) ||
	    dash_parse_is_group4(u->iip.daddr) || skb_is_gso(skb))
		return false;
	if (u->iip.protocol == IPPROTO_TCP) {
		if (!dash_parse_usual_tcp(pkt, u, len - l4))
			return false;
	} else if (u->iip.protocol != IPPROTO_UDP ||
		   ntohs(u->iudp.len) < sizeof(u->iudp) ||
		   ntohs(u->iudp.len) > len - l4) {
		return false;
	}

	pkt->outer.vni = be32_to_cpu(u->vxlan.vx_vni) >> 8;
	pkt->inner_eth = offsetof(struct dash_usual, eth);
	pkt->inner_l3 = offsetof(struct dash_usual, iip);
	pkt->inner_l4 = l4;
	ether_addr_copy(pkt->smac, u->eth.h_source);
	ether_addr_copy(pkt->dmac, u->eth.h_dest);
	dash_addr_from_v4(&pkt->t.src, u->iip.saddr);
	dash_addr_from_v4(&pkt->t.dst, u->iip.daddr);
	pkt->t.v6 = false;
	pkt->t.proto = u->iip.protocol;
	pkt->t.sport = u->iudp.source;
	pkt->t.dport = u->iudp.dest;
	pkt->has_ports = true;
	pkt->frag_id = ntohs(u->iip.id);
	pkt->df = ntohs(u->iip.frag_off) & IP_DF;
	return true;
}

enum dash_drop dash_parse_inner(struct dash_pkt *pkt)
{
	enum dash_drop drop;

	if (likely(dash_parse_usual_inner(pkt)))
		return dash_parse_udp_csum(pkt);
	if (pkt->outer_frag)
		return DASH_DROP_FRAG_OUTER;

	drop = dash_parse_outer_len(pkt);
	if (drop)
		return drop;
	drop = pkt->outer.encap == DASH_ENCAP_TYPE_VXLAN ?
	       dash_parse_vxlan(pkt) : dash_parse_nvgre(pkt);
	if (drop)
		return drop;

	return dash_parse_eth(pkt);
}

enum dash_drop dash_parse_plain(struct dash_pkt *pkt)
{
	enum dash_drop drop;

	drop = dash_parse_outer_len(pkt);
	if (drop)
		return drop;

	/* it is still there, or the end of a VLAN tag, which looks the same */
	__skb_push(pkt->skb, ETH_HLEN);
	pkt->inner_eth = 0;
	return dash_parse_eth(pkt);
}

enum dash_drop dash_parse_frame(struct dash_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;
	enum dash_drop drop;

	pkt->inner_eth = 0;
	drop = dash_parse_eth(pkt);
	if (drop == DASH_DROP_MULTICAST && pkt->frag == DASH_FRAG_NONE)
		/* what it lacks, it need not have */
		dash_parse_l4(pkt);
	if (drop)
		return drop;

	/* the header was read before */
	pkt->outer.tos = pkt->t.v6 ?
		ipv6_get_dsfield((void *)(skb->data + pkt->inner_l3)) :
		ipv4_get_dsfield((void *)(skb->data + pkt->inner_l3));
	return DASH_DROP_NONE;
}
