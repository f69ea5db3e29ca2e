/* SPDX-License-Identifier: GPL-2.0 */
/* What names a connection. */
#ifndef _DASH_FLOW_KEY_H
#define _DASH_FLOW_KEY_H

#include <linux/in6.h>
#include <linux/types.h>

/**
 * struct dash_flow_key - name of a connection
 *
 * Seen from the ENI, so both directions have the same key: the local end is
 * the source of outbound and the destination of inbound packets.
 */
struct dash_flow_key {
	/** @laddr: address at the ENI's side, v4-mapped if IPv4 */
	struct in6_addr laddr;
	/** @raddr: the other address */
	struct in6_addr raddr;
	/** @lport: port at the ENI's side; identifier of ICMP echo */
	__be16 lport;
	/** @rport: the other port; class of ICMP, see dash_flow_key_init() */
	__be16 rport;
	/** @eni_proto: id of the ENI << 8 | transport protocol */
	u32 eni_proto;
};

#endif /* _DASH_FLOW_KEY_H */
