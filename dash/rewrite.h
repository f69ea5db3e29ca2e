/* SPDX-License-Identifier: GPL-2.0 */
/* Other addresses and ports in a packet, and the checksums that cover them. */
#ifndef _DASH_REWRITE_H
#define _DASH_REWRITE_H

#include <linux/in6.h>
#include <linux/types.h>

struct sk_buff;

/**
 * struct dash_rewrite - one end of a packet is to be another
 */
struct dash_rewrite {
	/** @addr: new address, v4-mapped if IPv4 */
	const struct in6_addr *addr;
	/** @l3: offset of the IP header from skb->data */
	u32 l3;
	/** @l4: offset of the transport header, 0 when the packet has none */
	u32 l4;
	/** @port: new port, when @set_port */
	__be16 port;
	/** @proto: transport protocol */
	u8 proto;
	/** @v6: family */
	bool v6;
	/** @dst: the destination is meant, else the source */
	bool dst;
	/** @set_port: of TCP or UDP, which have ports at the same place */
	bool set_port;
};

/**
 * dash_rewrite - change address and port of a packet
 * @skb: packet; its headers are linear and nobody else's
 * @rw: how
 *
 * Checksums are updated rather than made anew, so that a wrong one stays wrong
 * for the receiver to see. What a device is to fill in gets the right start.
 */
void dash_rewrite(struct sk_buff *skb, const struct dash_rewrite *rw);

/**
 * dash_rewrite_quote - change what an ICMP error quotes
 * @skb: packet, as above
 * @icmp: offset of the header of the error from skb->data
 * @rw: where the quoted packet is, and how to change it
 *
 * Of the quoted packet there may be the first eight bytes behind its IP header
 * only; checksums behind those are updated when they are there. So is the
 * checksum of the error.
 */
void dash_rewrite_quote(struct sk_buff *skb, u32 icmp,
			const struct dash_rewrite *rw);

#endif /* _DASH_REWRITE_H */
