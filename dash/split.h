/* SPDX-License-Identifier: GPL-2.0 */
/* Packets that are longer than a device takes, in pieces. */
#ifndef _DASH_SPLIT_H
#define _DASH_SPLIT_H

#include <linux/types.h>
#include <net/dst.h>
#include <net/ip6_fib.h>
#include <net/route.h>

#include "drop.h"

struct net;
struct net_device;
struct sk_buff;
struct sock;

/**
 * struct dash_split_route - stands for the route of packets that have none
 *
 * Lives on the stack, as part of what says where the pieces go: see
 * dash_split_route_of().
 */
struct dash_split_route {
	union {
		/** @dst: what both families have in common */
		struct dst_entry dst;
		/** @rt4: for IPv4 */
		struct rtable rt4;
		/** @rt6: for IPv6 */
		struct rt6_info rt6;
	};
};

/**
 * dash_split_route_set - have a packet go by a device, whatever routes say
 * @skb: packet
 * @route: filled; stays for as long as there are pieces
 * @dev: device; its MTU is what pieces are cut to
 *
 * Context: RCU.
 */
void dash_split_route_set(struct sk_buff *skb, struct dash_split_route *route,
			  struct net_device *dev);

/**
 * dash_split_route_of - take a piece's route off it
 * @skb: piece that came from a packet of dash_split_route_set()
 *
 * Return: that route.
 */
struct dash_split_route *dash_split_route_of(struct sk_buff *skb);

/**
 * dash_split - send a packet in pieces
 * @net: whose identifications they get
 * @skb: packet with a route, data at the network header; if IPv4, nothing in
 *	it forbids fragmentation but the DF bit of a header of ours
 * @mtu: of the route
 * @ours: its IP header is ours, and so is the identification
 * @out: consumes a piece in any case; data as above
 *
 * A GSO packet is cut into its segments, of which those are fragmented that do
 * not fit.
 * Context: RCU, softirq.
 *
 * Return: DASH_DROP_NONE when the packet was consumed, or DASH_DROP_NO_MEMORY.
 */
enum dash_drop dash_split(struct net *net, struct sk_buff *skb, u32 mtu,
			  bool ours,
			  int (*out)(struct net *net, struct sock *sk,
				     struct sk_buff *skb));

#endif /* _DASH_SPLIT_H */
