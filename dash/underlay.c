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
#include <net/neighbour.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "addr.h"
#include "batch.h"
#include "inst.h"
#include "netns.h"
#include "parse.h"
#include "port.h"
#include "split.h"
#include "underlay.h"
#include "vport.h"
#include "xform.h"

/* --- sending by the FIB --- */

static struct neighbour *dash_underlay_neigh6(const struct sk_buff *skb,
					      struct dst_entry *dst)
{
#if IS_ENABLED(CONFIG_IPV6)
	struct rt6_info *rt = container_of(dst, struct rt6_info, dst);

	return ip_neigh_gw6(dst->dev, rt6_nexthop(rt, &ipv6_hdr(skb)->daddr));
#else
	return ERR_PTR(-EAFNOSUPPORT);
#endif
}

/* Hand a packet that fits to its neighbour. On an error it stays with the
 * caller.
 */
static int dash_underlay_neigh(struct sk_buff *skb)
{
	struct dst_entry *dst = skb_dst(skb);
	struct net_device *dev = dst->dev;
	struct neighbour *neigh;
	bool is_v6gw = false;

	if (skb_cow_head(skb, LL_RESERVED_SPACE(dev)))
		return -ENOMEM;

	skb->dev = dev;
	if (skb->protocol == htons(ETH_P_IP))
		neigh = ip_neigh_for_gw(container_of(dst, struct rtable, dst),
					skb, &is_v6gw);
	else
		neigh = dash_underlay_neigh6(skb, dst);
	if (IS_ERR(neigh))
		return PTR_ERR(neigh);

	/* the hardware header kept by a neighbour is one of its own family */
	neigh_output(neigh, skb, is_v6gw);
	return 0;
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
	if (unlikely(!dash_underlay_fits(skb, mtu))) {
		if (!dash_underlay_may_cut(pkt, xf))
			return dash_underlay_too_big(pkt, mtu);
		return dash_split(pkt->dn->net, skb, mtu,
				  xf->kind != DASH_XFORM_DIRECT,
				  dash_underlay_frag_out);
	}

	err = dash_underlay_neigh(skb);
	if (!err)
		return DASH_DROP_NONE;

	return err == -ENOMEM ? DASH_DROP_NO_MEMORY : DASH_DROP_NO_NEXTHOP;
}

/* --- sending with a given Ethernet header --- */

/**
 * struct dash_underlay_link - where packets go in one of these modes
 */
struct dash_underlay_link {
	/** @dev: device */
	struct net_device *dev;
	/** @dmac: Ethernet destination */
	const u8 *dmac;
	/** @smac: Ethernet source */
	const u8 *smac;
	/** @vlan_proto: TPID of a VLAN tag to write, 0 for none */
	__be16 vlan_proto;
	/** @vlan_tci: the rest of that tag */
	__be16 vlan_tci;
};

/**
 * struct dash_underlay_pieces - what pieces of a packet have in common
 */
struct dash_underlay_pieces {
	/** @route: their route */
	struct dash_split_route route;
	/** @link: where they go */
	const struct dash_underlay_link *link;
	/** @tag_proto: TPID of the VLAN tag beside their data, 0 without */
	__be16 tag_proto;
	/** @tag_tci: the rest of it */
	u16 tag_tci;
};

/* A packet that fits. On an error it stays with the caller. */
static int dash_underlay_link_xmit(const struct dash_underlay_link *link,
				   struct sk_buff *skb)
{
	struct ethhdr *eth;

	if (skb_cow_head(skb, LL_RESERVED_SPACE(link->dev) + VLAN_HLEN))
		return -ENOMEM;

	if (link->vlan_proto) {
		struct vlan_hdr *vh = __skb_push(skb, VLAN_HLEN);

		vh->h_vlan_TCI = link->vlan_tci;
		vh->h_vlan_encapsulated_proto = skb->protocol;
		skb->protocol = link->vlan_proto;
	}

	eth = __skb_push(skb, ETH_HLEN);
	ether_addr_copy(eth->h_dest, link->dmac);
	ether_addr_copy(eth->h_source, link->smac);
	eth->h_proto = skb->protocol;
	skb_reset_mac_header(skb);
	skb->dev = link->dev;
	dev_queue_xmit(skb);
	return 0;
}

/* for dash_split() */
static int dash_underlay_link_out(struct net *net, struct sock *sk,
				  struct sk_buff *skb)
{
	const struct dash_underlay_pieces *p;
	int err;

	p = container_of(dash_split_route_of(skb), struct dash_underlay_pieces,
			 route);
	if (p->tag_proto)
		__vlan_hwaccel_put_tag(skb, p->tag_proto, p->tag_tci);
	err = dash_underlay_link_xmit(p->link, skb);
	if (err)
		kfree_skb(skb);
	return err;
}

/* A packet that is longer than the device's MTU. Fragments do not inherit a tag
 * that is beside the data.
 */
static noinline enum dash_drop
dash_underlay_link_split(struct dash_pkt *pkt, const struct dash_xform *xf,
			 const struct dash_underlay_link *link, u32 mtu)
{
	struct dash_underlay_pieces p = { .link = link };
	struct sk_buff *skb = pkt->skb;

	if (!dash_underlay_may_cut(pkt, xf))
		return dash_underlay_too_big(pkt, mtu);
	if (skb_vlan_tag_present(skb)) {
		p.tag_proto = skb->vlan_proto;
		p.tag_tci = skb_vlan_tag_get(skb);
		__vlan_hwaccel_clear_tag(skb);
	}
	dash_split_route_set(skb, &p.route, link->dev);
	return dash_split(pkt->dn->net, skb, mtu, xf->kind != DASH_XFORM_DIRECT,
			  dash_underlay_link_out);
}

static enum dash_drop dash_underlay_xmit_eth(struct dash_pkt *pkt,
					     const struct dash_xform *xf,
					     const struct dash_underlay_link *link)
{
	struct net_device *dev = link->dev;
	u32 mtu = READ_ONCE(dev->mtu);

	if (!netif_running(dev) || !netif_carrier_ok(dev))
		return DASH_DROP_NO_NEXTHOP;
	if (unlikely(!dash_underlay_fits(pkt->skb, mtu)))
		return dash_underlay_link_split(pkt, xf, link, mtu);
	if (dash_underlay_link_xmit(link, pkt->skb))
		return DASH_DROP_NO_MEMORY;
	return DASH_DROP_NONE;
}

static enum dash_drop dash_underlay_xmit_hairpin(struct dash_pkt *pkt,
						 const struct dash_xform *xf)
{
	struct net_device *dev = pkt->port->dev;
	const struct dash_underlay_link link = {
		.dev = dev,
		.dmac = pkt->outer.smac,
		.smac = dev->dev_addr,
		.vlan_proto = pkt->outer.vlan_proto,
		.vlan_tci = pkt->outer.vlan_tci,
	};

	return dash_underlay_xmit_eth(pkt, xf, &link);
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
	struct dash_underlay_link link = {};
	const struct dash_nexthop *nh;
	struct dash_port *port;

	nh = dash_underlay_static(pkt->inst, &xf->daddr);
	if (!nh)
		return DASH_DROP_NO_NEXTHOP;
	port = dash_underlay_static_port(pkt, nh);
	if (!port)
		return DASH_DROP_NO_NEXTHOP;

	__vlan_hwaccel_clear_tag(pkt->skb);
	link.dev = port->dev;
	link.dmac = nh->dst_mac;
	link.smac = nh->src_mac;
	return dash_underlay_xmit_eth(pkt, xf, &link);
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
		return dash_underlay_xmit_hairpin(pkt, xf);
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
