/* SPDX-License-Identifier: GPL-2.0 */
/* An IPv4 packet becomes an IPv6 packet, and the other way round. */
#ifndef _DASH_XLAT_H
#define _DASH_XLAT_H

#include <linux/in6.h>
#include <linux/types.h>

#include "drop.h"

struct sk_buff;

/**
 * struct dash_xlat - a frame whose packet is to be one of the other family
 */
struct dash_xlat {
	/** @src: new source, v4-mapped if IPv4 */
	const struct in6_addr *src;
	/** @dst: new destination */
	const struct in6_addr *dst;
	/** @eth: offset of the Ethernet header from skb->data; updated */
	u32 eth;
	/** @l3: of the IP header; updated */
	u32 l3;
	/** @l4: of what follows the IP header; updated */
	u32 l4;
	/** @to6: IPv4 becomes IPv6 */
	bool to6;
	/** @icmp_err: it is an ICMP error; what it quotes went the other way */
	bool icmp_err;
};

/**
 * dash_xlat - make a packet one of the other family
 * @skb: packet, not shared; headers up to @x->l4, and what is needed behind it,
 *	were found to be there by the parser
 * @x: how
 *
 * Written are the Ethernet header with the new type, the IP header and, of ICMP,
 * the header and what an error quotes. TTL and TOS are taken over, IPv4 options
 * and IPv6 extension headers are not; fragments stay fragments. Transport
 * checksums are updated by what changes, so that a wrong one stays wrong. Of a
 * GSO packet the type changes, the size of segments does not.
 *
 * The room for a longer header is what precedes the frame, be it old outer
 * headers or headroom.
 * Context: softirq. May reallocate the skb's head.
 *
 * Return: DASH_DROP_NONE; DASH_DROP_UNTRANSLATABLE or DASH_DROP_TOO_BIG with the
 * packet as it was; DASH_DROP_NO_MEMORY.
 */
enum dash_drop dash_xlat(struct sk_buff *skb, struct dash_xlat *x);

/**
 * dash_xlat_proto - what carries the same as a protocol in the other family
 * @proto: transport protocol
 * @to6: the other family is IPv6
 *
 * Return: protocol, or -1 when none does.
 */
int dash_xlat_proto(u8 proto, bool to6);

/**
 * dash_xlat_echo - type of ICMP echo in the other family
 * @type: of a request or reply
 * @to6: the other family is IPv6
 *
 * Return: type, or -1 when it is neither.
 */
int dash_xlat_echo(u8 type, bool to6);

#endif /* _DASH_XLAT_H */
