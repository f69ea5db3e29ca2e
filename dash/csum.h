/* SPDX-License-Identifier: GPL-2.0 */
/* Checksums of transport headers that cover the addresses, too. */
#ifndef _DASH_CSUM_H
#define _DASH_CSUM_H

#include <linux/in.h>
#include <linux/stddef.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <linux/udp.h>

/* in DCCP's header, which <linux/dccp.h> is about more than */
#define DASH_CSUM_DCCP	6
/* of a quoted transport header: up to the checksum of TCP */
#define DASH_CSUM_QUOTE	20

/**
 * dash_csum_offset - where a transport header has its checksum
 * @proto: protocol, not of ICMP, whose checksums differ by family
 *
 * Return: offset, or 0 when there is none. SCTP has one that covers no addresses.
 */
static inline u32 dash_csum_offset(u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return offsetof(struct tcphdr, check);
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return offsetof(struct udphdr, check);
	case IPPROTO_DCCP:
		return DASH_CSUM_DCCP;
	default:
		return 0;
	}
}

#endif /* _DASH_CSUM_H */
