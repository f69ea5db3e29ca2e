// SPDX-License-Identifier: GPL-2.0
/*
 * Where packets leave. Routes are found in underlay_route.c.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <net/dst.h>
#include <net/gso.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6_stubs.h>
#include <net/neighbour.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "addr.h"
#include "batch.h"
#include "inst.h"
#include "netns.h"
#include "parse.h"
#include "port.h"
#include "underlay.h"
#include "vport.h"
#include "xform.h"

/* --- sending by the FIB --- */

static int dash_underlay_neigh4(struct sk_buff *skb, struct dst_entry *dst)
{
	struct rtable *rt = container_of(dst, struct rtable, dst);
	struct neighbour *neigh;
	bool is_v6gw = false;

	neigh = ip_neigh_for_gw(rt, skb, &is_v6gw);
	if (IS_ERR(neigh))
		return PTR_ERR(neigh);

	/* the hardware header kept by a neighbour is one of its own family */
	neigh_output(neigh, skb, is_v6gw);
	return 0;
}

static int dash_underlay_neigh6(struct sk_buff *skb, struct dst_entry *dst)
{
#if IS_ENABLED(CONFIG_IPV6)
	struct rt6_info *rt = container_of(dst, struct rt6_info, dst);
	const struct in6_addr *nexthop;
	struct neighbour *neigh;

	nexthop = rt6_nexthop(rt, &ipv6_hdr(skb)->daddr);
	neigh = ip_neigh_gw6(dst->dev, nexthop);
	if (IS_ERR(neigh))
		return PTR_ERR(neigh);

	neigh_output(neigh, skb, false);
	return 0;
#else
	return -EAFNOSUPPORT;
#endif
}

/* Hand a packet that fits to its neighbour. On an error it stays with the
 * caller.
 */
static int dash_underlay_neigh(struct sk_buff *skb)
{
	struct dst_entry *dst = skb_dst(skb);
	struct net_device *dev = dst->dev;

	if (skb_cow_head(skb, LL_RESERVED_SPACE(dev)))
		return -ENOMEM;

	skb->dev = dev;
	return skb->protocol == htons(ETH_P_IP) ?
	       dash_underlay_neigh4(skb, dst) : dash_underlay_neigh6(skb, dst);
}

/* for ip_do_fragment() and the like: consumes the packet in any case */
static int dash_underlay_frag_out(struct net *net, struct sock *sk,
				  struct sk_buff *skb)
{
	int err = dash_underlay_neigh(skb);

	if (err)
		kfree_skb(skb);
	return err;
}

/* Fragments are told apart by the identification, so it has to be unique from
 * now on, whatever was set for whole packets. That of a packet sent directly
 * is its sender's.
 */
static void dash_underlay_may_frag(struct net *net, struct sk_buff *skb,
				   bool direct)
{
	struct iphdr *iph = ip_hdr(skb);

	if (skb->protocol != htons(ETH_P_IP) || direct)
		return;

	iph->frag_off = 0;
	__ip_select_ident(net, iph, 1);
	ip_send_check(iph);
}

static void dash_underlay_frag_one(struct net *net, struct sk_buff *skb,
				   u32 mtu, bool direct)
{
	if (skb->len <= mtu) {
		dash_underlay_frag_out(net, NULL, skb);
		return;
	}

	dash_underlay_may_frag(net, skb, direct);
	if (skb->protocol == htons(ETH_P_IP)) {
		memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
		ip_do_fragment(net, NULL, skb, dash_underlay_frag_out);
		return;
	}

#if IS_ENABLED(CONFIG_IPV6)
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	/* is not taken for forwarded, which must not be fragmented */
	skb->ignore_df = 1;
	ipv6_stub->ipv6_fragment(net, NULL, skb, dash_underlay_frag_out);
#else
	kfree_skb(skb);
#endif
}

static bool dash_underlay_fits(const struct sk_buff *skb, u32 mtu)
{
	return skb->len <= mtu ||
	       (skb_is_gso(skb) && skb_gso_validate_network_len(skb, mtu));
}

static enum dash_drop dash_underlay_too_big(struct dash_pkt *pkt, u32 mtu)
{
	pkt->mtu = mtu;
	return DASH_DROP_TOO_BIG;
}

/* May it be sent in fragments? Not when its sender wants to know that it does
 * not fit. But IPv6 takes it for granted that every link carries 1280 bytes,
 * so a tunnel over less has to see to that itself (RFC 2473, 7.1).
 */
static bool dash_underlay_may_cut(const struct dash_pkt *pkt,
				  const struct dash_xform *xf)
{
	u32 overhead = dash_xform_overhead(xf), min = IPV6_MIN_MTU;
	bool v6 = pkt->t.v6;

	/* was IPv6 when it came, and is shorter by now */
	if (unlikely(xf->nat == DASH_XFORM_NAT_6TO4)) {
		v6 = true;
		min -= sizeof(struct ipv6hdr) - sizeof(struct iphdr);
	}
	return !pkt->df || (v6 && overhead &&
			    dash_underlay_fits(pkt->skb, min + overhead));
}

/* Send a packet that is longer than the route's MTU. */
static enum dash_drop dash_underlay_fragment(struct dash_pkt *pkt,
					     const struct dash_xform *xf,
					     u32 mtu)
{
	bool direct = xf->kind == DASH_XFORM_DIRECT;
	struct sk_buff *segs, *next, *skb = pkt->skb;
	struct net *net = pkt->dn->net;

	if (!dash_underlay_may_cut(pkt, xf))
		return dash_underlay_too_big(pkt, mtu);

	if (!skb_is_gso(skb)) {
		dash_underlay_frag_one(net, skb, mtu, direct);
		return DASH_DROP_NONE;
	}

	skb->dev = skb_dst(skb)->dev;
	segs = skb_gso_segment(skb, NETIF_F_SG);
	if (IS_ERR_OR_NULL(segs))
		return DASH_DROP_NO_MEMORY;
	consume_skb(skb);
	skb_list_walk_safe(segs, skb, next) {
		skb_mark_not_on_list(skb);
		dash_underlay_frag_one(net, skb, mtu, direct);
	}

	return DASH_DROP_NONE;
}

static enum dash_drop dash_underlay_xmit_fib(struct dash_pkt *pkt,
					     const struct dash_xform *xf)
{
	struct sk_buff *skb = pkt->skb;
	struct dst_entry *dst;
	bool owned;
	u32 mtu;
	int err;

	dst = dash_underlay_dst(pkt, xf, &owned);
	if (!dst)
		return DASH_DROP_NO_NEXTHOP;
	if (owned)
		skb_dst_set(skb, dst);
	else
		skb_dst_set_noref(skb, dst);
	if (!netif_running(dst->dev))
		return DASH_DROP_NO_NEXTHOP;
	__vlan_hwaccel_clear_tag(skb);

	/* IPsec or a lightweight tunnel comes first, with an MTU of its own */
	if (unlikely(dst_xfrm(dst) || dst->lwtstate)) {
		if (!dash_underlay_fits(skb, dst_mtu(dst)) &&
		    !dash_underlay_may_cut(pkt, xf))
			return dash_underlay_too_big(pkt, dst_mtu(dst));
		memset(skb->cb, 0, sizeof(skb->cb));
		skb->dev = dst->dev;
		skb->ignore_df = 1;
		if (!skb_dst_force(skb))
			return DASH_DROP_NO_NEXTHOP;
		dst_output(pkt->dn->net, NULL, skb);
		return DASH_DROP_NONE;
	}

	mtu = dst_mtu(dst);
	if (unlikely(!dash_underlay_fits(skb, mtu)))
		return dash_underlay_fragment(pkt, xf, mtu);

	err = dash_underlay_neigh(skb);
	if (!err)
		return DASH_DROP_NONE;

	return err == -ENOMEM ? DASH_DROP_NO_MEMORY : DASH_DROP_NO_NEXTHOP;
}

/* --- sending with a given Ethernet header --- */

static enum dash_drop dash_underlay_xmit_eth(struct dash_pkt *pkt,
					     struct net_device *dev,
					     const u8 *dmac, const u8 *smac,
					     bool keep_vlan)
{
	struct sk_buff *skb = pkt->skb;
	struct ethhdr *eth;

	if (!netif_running(dev) || !netif_carrier_ok(dev))
		return DASH_DROP_NO_NEXTHOP;
	if (!dash_underlay_fits(skb, READ_ONCE(dev->mtu)))
		return dash_underlay_too_big(pkt, READ_ONCE(dev->mtu));
	if (skb_cow_head(skb, LL_RESERVED_SPACE(dev) + VLAN_HLEN))
		return DASH_DROP_NO_MEMORY;

	if (!keep_vlan) {
		__vlan_hwaccel_clear_tag(skb);
	} else if (pkt->outer.vlan_proto) {
		struct vlan_hdr *vh = __skb_push(skb, VLAN_HLEN);

		vh->h_vlan_TCI = pkt->outer.vlan_tci;
		vh->h_vlan_encapsulated_proto = skb->protocol;
		skb->protocol = pkt->outer.vlan_proto;
	}

	eth = __skb_push(skb, ETH_HLEN);
	ether_addr_copy(eth->h_dest, dmac);
	ether_addr_copy(eth->h_source, smac);
	eth->h_proto = skb->protocol;
	skb_reset_mac_header(skb);
	skb->dev = dev;
	dev_queue_xmit(skb);
	return DASH_DROP_NONE;
}

static enum dash_drop dash_underlay_xmit_hairpin(struct dash_pkt *pkt)
{
	struct net_device *dev = pkt->port->dev;

	return dash_underlay_xmit_eth(pkt, dev, pkt->outer.smac, dev->dev_addr,
				      true);
}

static const struct dash_nexthop *
dash_underlay_static(const struct dash_inst *inst, const struct in6_addr *daddr)
{
	bool v4 = dash_addr_is_v4(daddr);
	u32 i;

	for (i = 0; i < inst->n_nexthop; i++) {
		const struct dash_nexthop *nh = &inst->nexthop[i];

		if (nh->any || (dash_addr_is_v4(&nh->addr) == v4 &&
				ipv6_prefix_equal(&nh->addr, daddr, nh->plen)))
			return nh;
	}

	return NULL;
}

static struct dash_port *dash_underlay_static_port(const struct dash_pkt *pkt,
						   const struct dash_nexthop *nh)
{
	struct dash_port *port = nh->port[0] ?
				 dash_port_find(pkt->dn, nh->port) : pkt->port;

	return port && !port->eni ? port : NULL;
}

static enum dash_drop dash_underlay_xmit_static(struct dash_pkt *pkt,
						const struct dash_xform *xf)
{
	const struct dash_nexthop *nh;
	struct dash_port *port;

	nh = dash_underlay_static(pkt->inst, &xf->daddr);
	if (!nh)
		return DASH_DROP_NO_NEXTHOP;
	port = dash_underlay_static_port(pkt, nh);
	if (!port)
		return DASH_DROP_NO_NEXTHOP;

	return dash_underlay_xmit_eth(pkt, port->dev, nh->dst_mac, nh->src_mac,
				      false);
}

/* What came from a VM cannot go back to where it came from. */
static u8 dash_underlay_mode(const struct dash_pkt *pkt)
{
	u8 mode = pkt->inst->underlay_mode;

	if (mode == DASH_UNDERLAY_MODE_HAIRPIN &&
	    (pkt->port ? !!pkt->port->eni : dash_pkt_is_frame(pkt)))
		return DASH_UNDERLAY_MODE_FIB;
	return mode;
}

/* What stays on this host. */
static noinline enum dash_drop dash_underlay_xmit_here(struct dash_pkt *pkt,
						       const struct dash_xform *xf)
{
	if (xf->kind == DASH_XFORM_VPORT)
		return dash_vport_xmit(pkt);
	if (!pkt->port || !dash_batch_loop(pkt->port, pkt->skb))
		return DASH_DROP_NO_NEXTHOP;
	return DASH_DROP_NONE;
}

enum dash_drop dash_underlay_xmit(struct dash_pkt *pkt,
				  const struct dash_xform *xf)
{
	if (unlikely(xf->kind >= DASH_XFORM_LOCAL))
		return dash_underlay_xmit_here(pkt, xf);

	switch (dash_underlay_mode(pkt)) {
	case DASH_UNDERLAY_MODE_HAIRPIN:
		return dash_underlay_xmit_hairpin(pkt);
	case DASH_UNDERLAY_MODE_STATIC:
		return dash_underlay_xmit_static(pkt, xf);
	default:
		return dash_underlay_xmit_fib(pkt, xf);
	}
}

bool dash_underlay_dev(const struct dash_pkt *pkt, const struct dash_xform *xf,
		       char *name)
{
	const struct dash_port *port = pkt->port;
	const struct net_device *dev = NULL;
	const struct dash_nexthop *nh;
	struct dst_entry *dst;
	bool owned;

	if (xf->kind == DASH_XFORM_VPORT)
		return dash_vport_dev(pkt->eni, name);

	switch (dash_underlay_mode(pkt)) {
	case DASH_UNDERLAY_MODE_STATIC:
		nh = dash_underlay_static(pkt->inst, &xf->daddr);
		port = nh ? dash_underlay_static_port(pkt, nh) : NULL;
		fallthrough;
	case DASH_UNDERLAY_MODE_HAIRPIN:
		dev = port ? port->dev : NULL;
		break;
	default:
		dst = dash_underlay_dst(pkt, xf, &owned);
		if (dst)
			strscpy(name, dst->dev->name, IFNAMSIZ);
		if (owned)
			dst_release(dst);
		return dst;
	}
	if (!dev)
		return false;

	strscpy(name, dev->name, IFNAMSIZ);
	return true;
}
