// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * All that follows the IP header stays where it is; the new header and the
 * Ethernet header are written so that they end there. That needs up to 28 bytes
 * more than there were before (an IPv6 header and one for fragments), or less::
 *
 *	outer headers | Ethernet | IPv4 | TCP ...
 *	      | Ethernet | IPv6         | TCP ...
 *
 * An ICMP error has a second IP header in what it quotes. There everything up to
 * the quoted transport header is written anew.
 *
 * What is said how in which family is that of RFC 7915, but for addresses, which
 * the caller knows, and what concerns one hop of a router, which this is not:
 * TTL and hop limit are equal. Where RFC 7915 leaves a choice:
 *
 * - IPv4 packets that are not fragments get no fragment header, be DF set or
 *   not. IPv6 packets that are not fragments get DF and no identification.
 * - A UDP checksum is made where IPv4 had none and IPv6 needs one; of a
 *   fragment that cannot be done.
 * - The sender of what cannot be translated is told nothing.
 *
 * Checksums are sums, see rewrite.c: a transport header's changes by the
 * difference of what is added up, which is the addresses, and of ICMPv6 the rest
 * of the pseudo header, too.
 */
#include <linux/etherdevice.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/dsfield.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>

#include "addr.h"
#include "csum.h"
#include "parse.h"
#include "xlat.h"
#include "xlat_icmp.h"

/* An IPv4 packet that was IPv6 has DF if it is longer (RFC 7915, 5.1). */
#define DASH_XLAT_DF_MIN	1260

/**
 * struct xlat_ip - what one IP header says in both families
 */
struct xlat_ip {
	/** @src: source, NULL until known in the new family */
	const struct in6_addr *src;
	/** @dst: the same */
	const struct in6_addr *dst;
	/** @l4: offset of what follows it */
	u32 l4;
	/** @len: length of that, as the header claims */
	u32 len;
	/** @id: identification of fragments */
	u32 id;
	/** @offset: as in IPv4: in units of eight bytes, with IP_MF */
	u16 offset;
	/** @is_frag: it has a fragment header in IPv6 */
	bool is_frag;
	/** @tos: TOS or traffic class */
	u8 tos;
	/** @ttl: TTL or hop limit */
	u8 ttl;
	/** @proto: transport protocol */
	u8 proto;
	/** @old_sum: sum of the old addresses */
	__wsum old_sum;
	/** @new_sum: sum of the new ones */
	__wsum new_sum;
};

int dash_xlat_proto(u8 proto, bool to6)
{
	switch (proto) {
	case IPPROTO_ICMP:
		return to6 ? IPPROTO_ICMPV6 : -1;
	case IPPROTO_ICMPV6:
		return to6 ? -1 : IPPROTO_ICMP;
	case NEXTHDR_HOP:
	case NEXTHDR_ROUTING:
	case NEXTHDR_FRAGMENT:
	case NEXTHDR_DEST:
	case NEXTHDR_NONE:
		/* would be taken for part of an IPv6 header, or were */
	case NEXTHDR_AUTH:
		/* covers the header that changes */
	case IPPROTO_IGMP:
		return -1;
	}
	return proto;
}

int dash_xlat_echo(u8 type, bool to6)
{
	if (to6) {
		if (type == ICMP_ECHO)
			return ICMPV6_ECHO_REQUEST;
		return type == ICMP_ECHOREPLY ? ICMPV6_ECHO_REPLY : -1;
	}
	if (type == ICMPV6_ECHO_REQUEST)
		return ICMP_ECHO;
	return type == ICMPV6_ECHO_REPLY ? ICMP_ECHOREPLY : -1;
}

/* --- reading --- */

/* Is there a source route with addresses left? Other options go unnoticed. */
static bool xlat_has_route(const u8 *opt, u32 len)
{
	while (len) {
		if (opt[0] == IPOPT_END)
			break;
		if (opt[0] == IPOPT_NOOP) {
			opt++;
			len--;
			continue;
		}
		if (len < 2 || opt[1] < 2 || opt[1] > len)
			break;
		if ((opt[0] == IPOPT_LSRR || opt[0] == IPOPT_SSRR) &&
		    opt[1] > 2 && opt[2] <= opt[1])
			return true;
		len -= opt[1];
		opt += opt[1];
	}
	return false;
}

/* Return: false when it cannot be translated. */
static bool xlat_read4(const struct sk_buff *skb, u32 l3, struct xlat_ip *ip)
{
	const struct iphdr *iph = (const struct iphdr *)(skb->data + l3);
	u32 hlen = iph->ihl * 4;

	ip->l4 = l3 + hlen;
	ip->len = max_t(u32, ntohs(iph->tot_len), hlen) - hlen;
	ip->tos = iph->tos;
	ip->ttl = iph->ttl;
	ip->proto = iph->protocol;
	ip->offset = ntohs(iph->frag_off) & (IP_OFFSET | IP_MF);
	ip->is_frag = ip->offset;
	ip->id = ntohs(iph->id);
	ip->old_sum = csum_partial(&iph->saddr, 2 * sizeof(iph->saddr), 0);
	return !xlat_has_route((const u8 *)(iph + 1), hlen - sizeof(*iph));
}

/* The parser has been here, for a quote as well: there are no more headers than
 * it takes, and all bytes up to the last one are.
 */
static bool xlat_read6(struct sk_buff *skb, u32 l3, struct xlat_ip *ip)
{
	const struct ipv6hdr *ip6h = (const struct ipv6hdr *)(skb->data + l3);
	const u8 *hdr;
	u32 len;
	int n;

	ip->l4 = l3 + sizeof(*ip6h);
	ip->len = ntohs(ip6h->payload_len);
	ip->tos = ipv6_get_dsfield(ip6h);
	ip->ttl = ip6h->hop_limit;
	ip->proto = ip6h->nexthdr;
	ip->old_sum = csum_partial(&ip6h->saddr, 2 * sizeof(ip6h->saddr), 0);

	for (n = 0; n < DASH_MAX_EXTHDRS; n++) {
		if (ip->proto != NEXTHDR_HOP && ip->proto != NEXTHDR_ROUTING &&
		    ip->proto != NEXTHDR_DEST && ip->proto != NEXTHDR_FRAGMENT)
			break;
		if (!pskb_may_pull(skb, ip->l4 + sizeof(struct frag_hdr)))
			return false;
		hdr = skb->data + ip->l4;
		len = (hdr[1] + 1) * 8;
		if (ip->proto == NEXTHDR_FRAGMENT) {
			const struct frag_hdr *fh = (const void *)hdr;
			u16 off = ntohs(fh->frag_off);

			ip->is_frag = true;
			ip->id = ntohl(fh->identification);
			ip->offset = off >> 3 | (off & IP6_MF ? IP_MF : 0);
			len = sizeof(*fh);
		} else if (ip->proto == NEXTHDR_ROUTING && hdr[3]) {
			/* it has still to go somewhere else */
			return false;
		}
		ip->proto = hdr[0];
		ip->l4 += len;
		ip->len -= min(ip->len, len);
		if (ip->offset & IP_OFFSET)
			break;
	}
	return true;
}

static bool xlat_read(struct sk_buff *skb, u32 l3, bool to6,
		      struct xlat_ip *ip)
{
	int proto;

	if (!(to6 ? xlat_read4(skb, l3, ip) : xlat_read6(skb, l3, ip)))
		return false;
	proto = dash_xlat_proto(ip->proto, to6);
	if (proto < 0)
		return false;
	ip->proto = proto;
	return true;
}

/* --- writing --- */

static u32 xlat_hlen(const struct xlat_ip *ip, bool to6)
{
	if (!to6)
		return sizeof(struct iphdr);
	return sizeof(struct ipv6hdr) +
	       (ip->is_frag ? sizeof(struct frag_hdr) : 0);
}

static void xlat_write4(void *p, const struct xlat_ip *ip)
{
	u32 len = sizeof(struct iphdr) + ip->len;
	struct iphdr *iph = p;
	u16 off = ip->offset;

	if (!ip->is_frag && len > DASH_XLAT_DF_MIN)
		off = IP_DF;
	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	iph->tos = ip->tos;
	iph->tot_len = htons(len);
	iph->id = htons(ip->is_frag ? ip->id : 0);
	iph->frag_off = htons(off);
	iph->ttl = ip->ttl;
	iph->protocol = ip->proto;
	iph->saddr = dash_addr_v4(ip->src);
	iph->daddr = dash_addr_v4(ip->dst);
	iph->check = 0;
	iph->check = ip_fast_csum(iph, iph->ihl);
}

static void xlat_write6(void *p, const struct xlat_ip *ip)
{
	u16 off = ip->offset << 3 | (ip->offset & IP_MF ? IP6_MF : 0);
	struct ipv6hdr *ip6h = p;
	struct frag_hdr *fh = p + sizeof(*ip6h);

	ip6_flow_hdr(ip6h, ip->tos, 0);
	ip6h->payload_len = htons(ip->len + (ip->is_frag ? sizeof(*fh) : 0));
	ip6h->nexthdr = ip->is_frag ? NEXTHDR_FRAGMENT : ip->proto;
	ip6h->hop_limit = ip->ttl;
	ip6h->saddr = *ip->src;
	ip6h->daddr = *ip->dst;
	if (!ip->is_frag)
		return;
	fh->nexthdr = ip->proto;
	fh->reserved = 0;
	fh->frag_off = htons(off);
	fh->identification = htonl(ip->id);
}

static void xlat_write(u8 *p, const struct xlat_ip *ip, bool to6)
{
	if (to6)
		xlat_write6(p, ip);
	else
		xlat_write4(p, ip);
}

static void xlat_set_addrs(struct xlat_ip *ip, bool to6,
			   const struct in6_addr *src,
			   const struct in6_addr *dst)
{
	ip->src = src;
	ip->dst = dst;
	if (to6)
		ip->new_sum = csum_add(csum_partial(src, sizeof(*src), 0),
				       csum_partial(dst, sizeof(*dst), 0));
	else
		ip->new_sum = csum_add((__force __wsum)dash_addr_v4(src),
				       (__force __wsum)dash_addr_v4(dst));
}

/* --- transport checksums --- */

/* Of a checksum that is partial only the pseudo header has been added up, and it
 * is not the complement.
 */
static void xlat_csum_update(__sum16 *sum, __wsum before, __wsum after,
			     bool partial)
{
	if (partial)
		*sum = ~csum_fold(csum_add(csum_sub(csum_unfold(*sum), before),
					   after));
	else
		*sum = csum_fold(csum_add(csum_sub(~csum_unfold(*sum), before),
					  after));
}

/* What of the pseudo header is added to ICMPv6, besides addresses. */
static __wsum xlat_pseudo(const struct xlat_ip *ip)
{
	return csum_add((__force __wsum)htonl(ip->len),
			(__force __wsum)htonl(IPPROTO_ICMPV6));
}

static bool xlat_is_icmp(u8 proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

/* Echo: type and checksum. Nothing else comes here but in a quote, where it stays
 * as it is.
 */
static void xlat_icmp(u8 *l4, const struct xlat_ip *ip, bool to6)
{
	__sum16 *sum = (__sum16 *)(l4 + offsetof(struct icmphdr, checksum));
	int type = dash_xlat_echo(l4[0], to6);
	__wsum before, after;

	if (type < 0)
		return;
	before = (__force __wsum)htons(l4[0] << 8);
	after = (__force __wsum)htons(type << 8);
	if (to6)
		after = csum_add(after, csum_add(ip->new_sum,
						 xlat_pseudo(ip)));
	else
		before = csum_add(before, csum_add(ip->old_sum,
						   xlat_pseudo(ip)));
	l4[0] = type;
	xlat_csum_update(sum, before, after, false);
}

/* The transport header at @l4, of which there are @avail bytes. Of UDP, a
 * checksum of zero stays: it says that there is none.
 */
static void xlat_l4(u8 *l4, u32 avail, const struct xlat_ip *ip, bool to6,
		    bool partial)
{
	u32 off = xlat_is_icmp(ip->proto) ?
		  offsetof(struct icmphdr, checksum) :
		  dash_csum_offset(ip->proto);
	__sum16 *sum = (__sum16 *)(l4 + off);

	if (!off || avail < off + sizeof(*sum))
		return;
	if (xlat_is_icmp(ip->proto)) {
		xlat_icmp(l4, ip, to6);
		return;
	}
	if (ip->proto == IPPROTO_UDP && !*sum && !partial)
		return;
	xlat_csum_update(sum, ip->old_sum, ip->new_sum, partial);
	if (ip->proto == IPPROTO_UDP && !*sum && !partial)
		*sum = CSUM_MANGLED_0;
}

/* Is the checksum of the transport header at @l4 somebody else's to fill in? */
static bool xlat_is_partial(const struct sk_buff *skb, u32 l4)
{
	return skb->ip_summed == CHECKSUM_PARTIAL &&
	       skb_checksum_start_offset(skb) == l4;
}

static bool xlat_lacks_csum(const struct sk_buff *skb, const struct xlat_ip *ip)
{
	const struct udphdr *uh = (const struct udphdr *)(skb->data + ip->l4);

	return ip->proto == IPPROTO_UDP && !(ip->offset & IP_OFFSET) &&
	       !uh->check && !xlat_is_partial(skb, ip->l4);
}

/* UDP, with the checksum that it came without. */
static void xlat_make_csum(struct sk_buff *skb, const struct xlat_ip *ip)
{
	struct udphdr *uh = (struct udphdr *)(skb->data + ip->l4);
	__wsum sum = skb_checksum(skb, ip->l4, ip->len, 0);

	uh->check = csum_ipv6_magic(ip->src, ip->dst, ip->len, IPPROTO_UDP,
				    sum);
	if (!uh->check)
		uh->check = CSUM_MANGLED_0;
}

/* --- ICMP errors --- */

/**
 * struct xlat_err - an ICMP error under way
 */
struct xlat_err {
	/** @quote: header of the packet quoted */
	struct xlat_ip quote;
	/** @hdr: new ICMP header, of either family */
	u8 hdr[DASH_ICMP_HLEN] __aligned(4);
	/** @before: sum of all that is to change */
	__wsum before;
	/** @csum: old checksum */
	__sum16 csum;
	/** @avail: bytes of the quoted transport header */
	u32 avail;
};

/* Lengths that say where extensions begin (RFC 4884) are left out: what follows
 * counts as part of the quote.
 */
static bool xlat_err_read(struct sk_buff *skb, const struct dash_xlat *x,
			  struct xlat_ip *ip, struct xlat_err *err)
{
	u32 at = ip->l4 + DASH_ICMP_HLEN;
	struct icmphdr *icmp;

	memset(err, 0, sizeof(*err));
	if (!xlat_read(skb, at, x->to6, &err->quote) ||
	    err->quote.l4 > skb->len)
		return false;

	if (!(err->quote.offset & IP_OFFSET))
		err->avail = min_t(u32, skb->len - err->quote.l4,
				   DASH_CSUM_QUOTE);
	if (!pskb_may_pull(skb, err->quote.l4 + err->avail))
		return false;
	icmp = (struct icmphdr *)(skb->data + ip->l4);
	err->csum = icmp->checksum;
	return dash_xlat_icmp(icmp, err->hdr, x->to6);
}

/* Of the old message all up to and with the quoted transport header. */
static void xlat_err_begin(struct sk_buff *skb, const struct dash_xlat *x,
			   const struct xlat_ip *ip, struct xlat_err *err)
{
	struct icmphdr *icmp = (struct icmphdr *)(skb->data + ip->l4);

	icmp->checksum = 0;
	err->before = csum_partial(icmp, err->quote.l4 + err->avail - ip->l4,
				   0);
	if (!x->to6)
		err->before = csum_add(err->before, csum_add(ip->old_sum,
							     xlat_pseudo(ip)));
}

/* The same of the new one, which ends at the same place. */
static void xlat_err_write(struct sk_buff *skb, const struct dash_xlat *x,
			   struct xlat_ip *ip, struct xlat_err *err, u8 *p)
{
	u8 *l4 = skb->data + err->quote.l4;
	struct icmphdr *icmp = (void *)p;
	__wsum after;

	memcpy(p, err->hdr, sizeof(err->hdr));
	xlat_write(p + DASH_ICMP_HLEN, &err->quote, x->to6);
	xlat_l4(l4, err->avail, &err->quote, x->to6, false);
	after = csum_partial(p, l4 + err->avail - p, 0);
	if (x->to6)
		after = csum_add(after, csum_add(ip->new_sum,
						 xlat_pseudo(ip)));
	icmp->checksum = err->csum;
	xlat_csum_update(&icmp->checksum, err->before, after, false);
}

/* --- all of it --- */

/* Return: false when the packet has no form in the other family. */
static bool xlat_check(struct sk_buff *skb, const struct dash_xlat *x,
		       const struct xlat_ip *ip)
{
	const u8 *l4 = skb->data + ip->l4;

	if (xlat_is_icmp(ip->proto))
		/* the sum covers a length that no fragment tells */
		return !(ip->is_frag && ip->offset) &&
		       skb->len >= ip->l4 + DASH_ICMP_HLEN &&
		       (x->icmp_err || dash_xlat_echo(*l4, x->to6) >= 0);
	/* nor are there all the bytes to add up */
	return !(x->to6 && ip->is_frag && xlat_lacks_csum(skb, ip));
}

static void xlat_gso(struct sk_buff *skb, bool to6)
{
	struct skb_shared_info *info = skb_shinfo(skb);

	if (to6 && info->gso_type & SKB_GSO_TCPV4) {
		info->gso_type &= ~(SKB_GSO_TCPV4 | SKB_GSO_TCP_FIXEDID);
		info->gso_type |= SKB_GSO_TCPV6;
	} else if (!to6 && info->gso_type & SKB_GSO_TCPV6) {
		info->gso_type &= ~SKB_GSO_TCPV6;
		info->gso_type |= SKB_GSO_TCPV4;
	}
}

/* Have at least @need bytes before @at, and the headers for ourselves.
 * Return: how far skb->data moved, or -ENOMEM.
 */
static int xlat_make_room(struct sk_buff *skb, u32 at, u32 need)
{
	int more = need > at ? need - at : 0;

	/* others may look at the same bytes, or at what is noted about GSO */
	if (skb_unclone(skb, GFP_ATOMIC) || skb_cow_head(skb, more))
		return -ENOMEM;
	__skb_push(skb, more);
	return more;
}

enum dash_drop dash_xlat(struct sk_buff *skb, struct dash_xlat *x)
{
	u32 need, icmp = x->icmp_err ? DASH_ICMP_HLEN : 0, end;
	struct xlat_ip ip = {};
	struct xlat_err err;
	u8 mac[2 * ETH_ALEN];
	bool lacks_csum;
	int moved;
	u8 *p;

	if (!xlat_read(skb, x->l3, x->to6, &ip) || ip.l4 != x->l4 ||
	    !xlat_check(skb, x, &ip))
		return DASH_DROP_UNTRANSLATABLE;
	/* whose header may come to be elsewhere */
	if (xlat_is_icmp(ip.proto) && xlat_is_partial(skb, ip.l4) &&
	    skb_checksum_help(skb))
		return DASH_DROP_NO_MEMORY;
	ip.len = skb->len - ip.l4;
	lacks_csum = x->to6 && xlat_lacks_csum(skb, &ip);
	xlat_set_addrs(&ip, x->to6, x->src, x->dst);

	end = ip.l4;
	need = ETH_HLEN + xlat_hlen(&ip, x->to6) + icmp;
	if (icmp) {
		if (!xlat_err_read(skb, x, &ip, &err))
			return DASH_DROP_UNTRANSLATABLE;
		/* what is quoted went the other way */
		xlat_set_addrs(&err.quote, x->to6, x->dst, x->src);
		end = err.quote.l4;
		need += xlat_hlen(&err.quote, x->to6);
	}
	if (!x->to6 && ip.len > IP_MAX_MTU - sizeof(struct iphdr))
		return DASH_DROP_TOO_BIG;

	moved = xlat_make_room(skb, end, need);
	if (moved < 0)
		return DASH_DROP_NO_MEMORY;
	end += moved;
	ip.l4 += moved;
	memcpy(mac, skb->data + x->eth + moved, sizeof(mac));

	x->eth = end - need;
	x->l3 = x->eth + ETH_HLEN;
	x->l4 = x->l3 + xlat_hlen(&ip, x->to6);
	p = skb->data + x->eth;
	if (icmp) {
		err.quote.l4 += moved;
		xlat_err_begin(skb, x, &ip, &err);
		ip.len = skb->len - x->l4;
		xlat_err_write(skb, x, &ip, &err, skb->data + x->l4);
	} else if (lacks_csum) {
		xlat_make_csum(skb, &ip);
	} else if (!(ip.offset & IP_OFFSET)) {
		xlat_l4(skb->data + ip.l4, skb_headlen(skb) - ip.l4, &ip,
			x->to6, xlat_is_partial(skb, ip.l4));
	}
	xlat_write(skb->data + x->l3, &ip, x->to6);
	memcpy(p, mac, sizeof(mac));
	((struct ethhdr *)p)->h_proto = x->to6 ? htons(ETH_P_IPV6) :
						 htons(ETH_P_IP);
	if (skb_is_gso(skb))
		xlat_gso(skb, x->to6);
	return DASH_DROP_NONE;
}
