/* SPDX-License-Identifier: GPL-2.0 */
/* Answers to a VM that asks its link who is there. */
#ifndef _DASH_PROXY_H
#define _DASH_PROXY_H

struct dash_pkt;

/**
 * dash_proxy_arp - answer an ARP request, if it is to be answered
 * @pkt: frame of a vport with its ENI, whose source address is the ENI's
 *
 * Context: RCU, softirq. May reallocate the skb's head.
 */
void dash_proxy_arp(struct dash_pkt *pkt);

/**
 * dash_proxy_nd - answer a neighbour solicitation, if it is to be answered
 * @pkt: parsed ICMPv6 packet of neighbour discovery, as above
 *
 * Context: RCU, softirq. May reallocate the skb's head.
 */
void dash_proxy_nd(struct dash_pkt *pkt);

#endif /* _DASH_PROXY_H */
