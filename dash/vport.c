// SPDX-License-Identifier: GPL-2.0
/*
 * Host mode: the device of a VM, whose frames have no outer headers.
 */

/**
 * DOC: Theory of operation
 *
 * A vport is the host's end of a VM's interface: a tap, or one of a veth pair.
 * It stands for one ENI. What comes from it is outbound; no VNI and no MAC
 * address have to be looked up, only checked. From the connection on a frame is
 * like any other packet, one that has come with outer headers of no length::
 *
 *   VM --> vport --> frame -+-> is it the VM's own? --> connection --> encap
 *                           `-> ARP, neighbour discovery: answered (proxy.c)
 *
 *   underlay --> inbound packet --> connection --> decap --> vport --> VM
 *
 * All that comes from a vport is ours, so it counts as received by the ENI in
 * any case. Offloads go through in both directions: a large segment from the VM
 * gets its outer headers once, and one that GRO made of tunnel packets loses
 * them once.
 *
 * Where a connection leads to a VIP of this host, the other VM may be here too.
 * Its packet is encapsulated and taken in again at once, so that policy of the
 * destination's ENI is asked as if it came from the network (dash_batch_loop()).
 *
 * While an ENI has a vport, its VM is here, and outbound packets that come from
 * the underlay in its name are not its own.
 */
#include <linux/etherdevice.h>
#include <linux/icmpv6.h>
#include <linux/if_vlan.h>
#include <linux/igmp.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <net/gso.h>
#include <net/ndisc.h>

#include "addr.h"
#include "batch.h"
#include "netns.h"
#include "port.h"
#include "proxy.h"
#include "split.h"
#include "vport.h"

/* What may be in one large frame; the rest is cut before. */
#define DASH_VPORT_GSO		(SKB_GSO_TCPV4 | SKB_GSO_TCPV6 | \
				 SKB_GSO_TCP_ECN | SKB_GSO_TCP_FIXEDID | \
				 SKB_GSO_UDP_L4 | SKB_GSO_DODGY)

#define DASH_PORT_DHCP_SERVER	67
#define DASH_PORT_DHCP_CLIENT	68
#define DASH_PORT_DHCP6_CLIENT	546
#define DASH_PORT_DHCP6_SERVER	547

/* --- from the VM --- */

static bool dash_vport_is_whole(const struct sk_buff *skb)
{
	return !skb_is_gso(skb) ||
	       !(skb_shinfo(skb)->gso_type & ~DASH_VPORT_GSO);
}

static void dash_vport_take(struct dash_port *port, struct sk_buff *skb)
{
	dash_port_count(port, true);
	dash_batch_rx_frame(port, skb);
}

/* Data is at the Ethernet header. What cannot be cut becomes malformed. */
static void dash_vport_segment(struct dash_port *port, struct sk_buff *skb)
{
	struct sk_buff *segs, *next;

	segs = __skb_gso_segment(skb, NETIF_F_SG, false);
	if (IS_ERR_OR_NULL(segs)) {
		dash_vport_take(port, skb);
		return;
	}

	consume_skb(skb);
	skb_list_walk_safe(segs, skb, next) {
		skb_mark_not_on_list(skb);
		dash_vport_take(port, skb);
	}
}

rx_handler_result_t dash_vport_rx(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	struct dash_port *port = rcu_dereference(skb->dev->rx_handler_data);

	if (unlikely(skb->pkt_type == PACKET_LOOPBACK))
		return RX_HANDLER_PASS;

	skb = skb_share_check(skb, GFP_ATOMIC);
	if (unlikely(!skb))
		return RX_HANDLER_CONSUMED;

	__skb_push(skb, skb->data - skb_mac_header(skb));
	/* over other bytes than from here on */
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->ip_summed = CHECKSUM_NONE;
	if (port->foreign)
		skb_scrub_packet(skb, true);

	if (unlikely(!dash_vport_is_whole(skb)))
		dash_vport_segment(port, skb);
	else
		dash_vport_take(port, skb);
	return RX_HANDLER_CONSUMED;
}

enum dash_drop dash_vport_eni(struct dash_pkt *pkt)
{
	struct dash_eni *eni = pkt->port->eni;

	pkt->dir = DASH_DIRECTION_OUTBOUND;
	pkt->ecfg = rcu_dereference(eni->cfg);
	if (!pkt->ecfg)
		return DASH_DROP_NO_ENI;
	pkt->eni = eni;
	return DASH_DROP_NONE;
}

bool dash_vport_vip(struct dash_pkt *pkt)
{
	const struct in6_addr *vip;

	vip = pkt->inst->first_vip[0] ?: pkt->inst->first_vip[1];
	if (!vip)
		return false;
	pkt->outer.daddr = *vip;
	return true;
}

static bool dash_vport_is_nd(const struct dash_pkt *pkt)
{
	return pkt->t.v6 && pkt->t.proto == IPPROTO_ICMPV6 &&
	       pkt->frag == DASH_FRAG_NONE &&
	       ntohs(pkt->t.dport) >= NDISC_ROUTER_SOLICITATION &&
	       ntohs(pkt->t.dport) <= NDISC_REDIRECT;
}

/* What a VM sends to its link rather than to somebody, as far as it goes to a
 * group: configuration and group membership.
 */
static bool dash_vport_is_group_control(const struct dash_pkt *pkt)
{
	u16 dport = ntohs(pkt->t.dport);

	switch (pkt->t.proto) {
	case IPPROTO_IGMP:
		return !pkt->t.v6;
	case IPPROTO_ICMPV6:
		return dport == ICMPV6_MGM_QUERY ||
		       dport == ICMPV6_MGM_REPORT ||
		       dport == ICMPV6_MGM_REDUCTION ||
		       dport == ICMPV6_MLD2_REPORT;
	case IPPROTO_UDP:
		if (pkt->t.v6)
			return dport == DASH_PORT_DHCP6_CLIENT ||
			       dport == DASH_PORT_DHCP6_SERVER;
		return dport == DASH_PORT_DHCP_CLIENT ||
		       dport == DASH_PORT_DHCP_SERVER;
	}
	return false;
}

enum dash_drop dash_vport_parse(struct dash_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;
	/* the device's receive path has looked at it */
	const struct ethhdr *eth = (const struct ethhdr *)skb->data;
	enum dash_drop reason = DASH_DROP_NONE;
	__be16 proto = eth->h_proto;
	bool ip = proto == htons(ETH_P_IP) || proto == htons(ETH_P_IPV6);

	if (skb_vlan_tag_present(skb) || eth_type_vlan(proto))
		return DASH_DROP_MALFORMED;
	if (unlikely(!dash_vport_is_whole(skb)))
		return DASH_DROP_MALFORMED;
	if (ip) {
		reason = dash_parse_frame(pkt);
		if (reason && reason != DASH_DROP_MULTICAST)
			return reason;
		/* the head may be another one */
		eth = (const struct ethhdr *)skb->data;
	}
	if (!pkt->ecfg->enabled)
		return DASH_DROP_ENI_DOWN;
	if (!ether_addr_equal(eth->h_source, pkt->ecfg->mac))
		return DASH_DROP_SPOOF;

	if (!ip) {
		if (proto == htons(ETH_P_ARP))
			dash_proxy_arp(pkt);
		return DASH_DROP_CONTROL;
	}
	if (dash_vport_is_nd(pkt)) {
		dash_proxy_nd(pkt);
		return DASH_DROP_CONTROL;
	}
	if (reason)
		return dash_vport_is_group_control(pkt) ? DASH_DROP_CONTROL :
							  reason;
	return dash_vport_vip(pkt) ? DASH_DROP_NONE : DASH_DROP_NO_VIP;
}

/* --- to the VM --- */

void dash_vport_bind(struct dash_eni *eni, struct dash_port *port)
{
	rcu_assign_pointer(eni->vport, port);
	/* the vport is published */
	dash_policy_advance(&eni->gen, &eni->marks, DASH_POLICY_RESIMULATE);
}

static void dash_vport_out(const struct dash_port *port, struct sk_buff *skb)
{
	__vlan_hwaccel_clear_tag(skb);
	skb_scrub_packet(skb, port->foreign);
	skb->dev = port->dev;
	dev_queue_xmit(skb);
}

/**
 * struct dash_vport_pieces - what pieces of a packet have in common
 */
struct dash_vport_pieces {
	/** @route: their route */
	struct dash_split_route route;
	/** @port: where they go */
	const struct dash_port *port;
	/** @eth: header that each of them gets */
	struct ethhdr eth;
};

/* for dash_split() */
static int dash_vport_piece_out(struct net *net, struct sock *sk,
				struct sk_buff *skb)
{
	const struct dash_vport_pieces *p;

	p = container_of(dash_split_route_of(skb), struct dash_vport_pieces,
			 route);
	if (skb_cow_head(skb, ETH_HLEN)) {
		kfree_skb(skb);
		return -ENOMEM;
	}
	memcpy(__skb_push(skb, ETH_HLEN), &p->eth, ETH_HLEN);
	skb_reset_mac_header(skb);
	dash_vport_out(p->port, skb);
	return 0;
}

static noinline enum dash_drop dash_vport_split(struct dash_pkt *pkt,
						const struct dash_port *port,
						u32 mtu)
{
	struct dash_vport_pieces p = { .port = port };
	struct sk_buff *skb = pkt->skb;

	if (pkt->df) {
		/* what dash_xform_overhead() takes off again */
		pkt->mtu = mtu + ETH_HLEN;
		return DASH_DROP_TOO_BIG;
	}

	memcpy(&p.eth, skb->data, ETH_HLEN);
	__skb_pull(skb, ETH_HLEN);
	skb_reset_network_header(skb);
	dash_split_route_set(skb, &p.route, port->dev);
	return dash_split(dev_net(port->dev), skb, mtu, false,
			  dash_vport_piece_out);
}

enum dash_drop dash_vport_xmit(struct dash_pkt *pkt)
{
	const struct dash_port *port = rcu_dereference(pkt->eni->vport);
	struct sk_buff *skb = pkt->skb;
	u32 mtu;

	if (!port || !netif_running(port->dev) || !netif_carrier_ok(port->dev))
		return DASH_DROP_NO_NEXTHOP;

	mtu = READ_ONCE(port->dev->mtu);
	if (unlikely(skb->len > mtu + ETH_HLEN &&
		     !(skb_is_gso(skb) &&
		       skb_gso_validate_network_len(skb, mtu))))
		return dash_vport_split(pkt, port, mtu);

	dash_vport_out(port, skb);
	return DASH_DROP_NONE;
}

bool dash_vport_dev(const struct dash_eni *eni, char *name)
{
	const struct dash_port *port = rcu_dereference(eni->vport);

	if (!port)
		return false;
	strscpy(name, port->dev->name, IFNAMSIZ);
	return true;
}
