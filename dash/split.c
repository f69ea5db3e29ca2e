// SPDX-License-Identifier: GPL-2.0
/*
 * Packets that are longer than a device takes, in pieces. The stack fragments
 * packets by their routes; where ours have none, one is made up.
 */
#include <linux/if_ether.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/dst.h>
#include <net/gso.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/ipv6_stubs.h>

#include "split.h"

static unsigned int split_mtu(const struct dst_entry *dst)
{
	return READ_ONCE(dst->dev->mtu);
}

static struct dst_ops split_ops = {
	.family = AF_UNSPEC,
	.mtu = split_mtu,
};

void dash_split_route_set(struct sk_buff *skb, struct dash_split_route *route,
			  struct net_device *dev)
{
	memset(route, 0, sizeof(*route));
	/* Fragments of IPv6 hold references; with the first one, which nobody
	 * drops, none of theirs is the last.
	 */
	dst_init(&route->dst, &split_ops, NULL, DST_OBSOLETE_NONE, DST_NOCOUNT);
	route->dst.dev = dev;
	skb_dst_drop(skb);
	skb_dst_set_noref(skb, &route->dst);
}

struct dash_split_route *dash_split_route_of(struct sk_buff *skb)
{
	struct dash_split_route *route;

	route = container_of(skb_dst(skb), struct dash_split_route, dst);
	skb_dst_drop(skb);
	return route;
}

/* Fragments are told apart by the identification, so it has to be unique from
 * now on, whatever was set for whole packets.
 */
static void split_identify(struct net *net, struct sk_buff *skb)
{
	struct iphdr *iph = ip_hdr(skb);

	iph->frag_off = 0;
	__ip_select_ident(net, iph, 1);
	ip_send_check(iph);
}

static void split_one(struct net *net, struct sk_buff *skb, u32 mtu, bool ours,
		      int (*out)(struct net *net, struct sock *sk,
				 struct sk_buff *skb))
{
	if (skb->len <= mtu) {
		out(net, NULL, skb);
		return;
	}

	if (skb->protocol == htons(ETH_P_IP)) {
		if (ours)
			split_identify(net, skb);
		memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
		ip_do_fragment(net, NULL, skb, out);
		return;
	}

#if IS_ENABLED(CONFIG_IPV6)
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	/* is not taken for forwarded, which must not be fragmented */
	skb->ignore_df = 1;
	ipv6_stub->ipv6_fragment(net, NULL, skb, out);
#else
	kfree_skb(skb);
#endif
}

enum dash_drop dash_split(struct net *net, struct sk_buff *skb, u32 mtu,
			  bool ours,
			  int (*out)(struct net *net, struct sock *sk,
				     struct sk_buff *skb))
{
	struct sk_buff *segs, *next;

	skb->dev = skb_dst(skb)->dev;
	if (!skb_is_gso(skb)) {
		split_one(net, skb, mtu, ours, out);
		return DASH_DROP_NONE;
	}

	segs = skb_gso_segment(skb, NETIF_F_SG);
	if (IS_ERR_OR_NULL(segs)) {
		/* the route may go before the packet does */
		skb_dst_drop(skb);
		return DASH_DROP_NO_MEMORY;
	}
	consume_skb(skb);
	skb_list_walk_safe(segs, skb, next) {
		skb_mark_not_on_list(skb);
		split_one(net, skb, mtu, ours, out);
	}
	return DASH_DROP_NONE;
}
