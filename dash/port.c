// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that packets come from.
 *
 * A port is a device whose rx_handler we are: behind taps, VLAN devices and
 * ingress filters, before the host's protocols. What is not ours goes on to
 * these as if nobody had looked at it.
 *
 * A port is an underlay port, or the vport of an ENI, see vport.c.
 *
 * Ports are attached and detached under RTNL, of which the stack also says
 * when a device is renamed or goes (to another namespace, too).
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/gso.h>

#include "batch.h"
#include "inst.h"
#include "netns.h"
#include "parse.h"
#include "pipeline.h"
#include "port.h"
#include "port_config.h"
#include "vport.h"

/* What a packet that stays whole may be: a tunnel, in which there is TCP or UDP,
 * or these alone, to a NAT address. Everything else, such as datagrams that the
 * device or its driver merged without knowing what they carry, is taken apart
 * before.
 */
#define DASH_GSO_TUNNEL		(SKB_GSO_UDP_TUNNEL | SKB_GSO_UDP_TUNNEL_CSUM | \
				 SKB_GSO_GRE | SKB_GSO_GRE_CSUM)
#define DASH_GSO_INNER		(SKB_GSO_TCPV4 | SKB_GSO_TCPV6 | \
				 SKB_GSO_TCP_ECN | SKB_GSO_TCP_FIXEDID | \
				 SKB_GSO_UDP_L4 | SKB_GSO_DODGY)

/* --- packets --- */

static bool dash_port_is_whole(const struct sk_buff *skb)
{
	unsigned int type;

	if (likely(!skb_is_gso(skb)))
		return true;

	type = skb_shinfo(skb)->gso_type;
	return skb->encapsulation && (type & DASH_GSO_TUNNEL) &&
	       !(type & ~(DASH_GSO_TUNNEL | DASH_GSO_INNER));
}

/* Would the pipeline take it? And is it one to a NAT address? */
static bool dash_port_is_ours(struct dash_port *port, struct sk_buff *skb,
			      bool *plain)
{
	struct dash_pkt pkt;
	bool ours;

	dash_pkt_init(&pkt, skb, port->dn, port);
	ours = dash_pipeline_is_ours(&pkt);
	dash_parse_undo(&pkt);
	*plain = ours && pkt.plain;
	return ours;
}

/* One that the pipeline has to take. */
static void dash_port_take(struct dash_port *port, struct sk_buff *skb)
{
	if (!dash_batch_rx(port, skb))
		kfree_skb(skb);
	dash_port_count(port, true);
}

static bool dash_port_is_whole_plain(const struct sk_buff *skb)
{
	return !skb->encapsulation && skb->ip_summed == CHECKSUM_PARTIAL &&
	       !(skb_shinfo(skb)->gso_type & ~DASH_GSO_INNER);
}

/* Take apart a packet that several were merged into. Return: false when it is
 * not ours.
 */
static bool dash_port_segment(struct dash_port *port, struct sk_buff *skb)
{
	struct sk_buff *segs, *next;
	int mac_len;
	bool plain;

	if (!dash_port_is_ours(port, skb, &plain))
		return false;
	if (plain && dash_port_is_whole_plain(skb)) {
		dash_port_take(port, skb);
		return true;
	}

	mac_len = skb->data - skb_mac_header(skb);
	__skb_push(skb, mac_len);
	segs = __skb_gso_segment(skb, NETIF_F_SG, false);
	if (IS_ERR_OR_NULL(segs)) {
		/* what nothing can be made of becomes malformed */
		__skb_pull(skb, mac_len);
		dash_port_take(port, skb);
		return true;
	}

	consume_skb(skb);
	skb_list_walk_safe(segs, skb, next) {
		skb_mark_not_on_list(skb);
		__skb_pull(skb, mac_len);
		dash_port_take(port, skb);
	}
	return true;
}

static rx_handler_result_t dash_port_rx(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	struct dash_port *port = rcu_dereference(skb->dev->rx_handler_data);
	bool ours;

	if (unlikely(skb->pkt_type == PACKET_LOOPBACK))
		return RX_HANDLER_PASS;
	if (skb->pkt_type != PACKET_HOST &&
	    !rcu_dereference(port->dn->inst)->accept_any_mac)
		goto pass;
	if (skb->protocol != htons(ETH_P_IP) &&
	    skb->protocol != htons(ETH_P_IPV6) &&
	    !eth_type_vlan(skb->protocol))
		goto pass;

	skb = skb_share_check(skb, GFP_ATOMIC);
	if (unlikely(!skb))
		return RX_HANDLER_CONSUMED;
	*pskb = skb;

	if (unlikely(!dash_port_is_whole(skb))) {
		if (dash_port_segment(port, skb))
			return RX_HANDLER_CONSUMED;
		goto pass;
	}

	ours = dash_batch_rx(port, skb);
	dash_port_count(port, ours);
	return ours ? RX_HANDLER_CONSUMED : RX_HANDLER_PASS;

pass:
	dash_port_count(port, false);
	return RX_HANDLER_PASS;
}

/* --- attaching --- */

static struct dash_port *dash_port_of(const struct net_device *dev)
{
	rx_handler_func_t *rx = rtnl_dereference(dev->rx_handler);

	if (rx != dash_port_rx && rx != dash_vport_rx)
		return NULL;

	return rtnl_dereference(dev->rx_handler_data);
}

struct dash_port *dash_port_alloc(struct dash_net *dn, struct net *net,
				  const char *name, const struct dash_port *instead,
				  const char **errp)
{
	struct dash_port *port, *old;
	struct net_device *dev;
	int cpu;

	ASSERT_RTNL();

	/* by its name, not by another one that it also has */
	dev = __dev_get_by_name(net, name);
	if (!dev || strcmp(dev->name, name)) {
		*errp = "no such device";
		return ERR_PTR(-ENODEV);
	}
	old = dash_port_of(dev);
	if (dev->flags & IFF_LOOPBACK || dev->type != ARPHRD_ETHER) {
		*errp = "not an Ethernet device";
		return ERR_PTR(-EINVAL);
	}
	if (netdev_is_rx_handler_busy(dev) && (!old || old != instead)) {
		*errp = "device is in use by a bridge, bond or the like";
		return ERR_PTR(-EBUSY);
	}
	if (dev->priv_flags & IFF_NO_RX_HANDLER) {
		*errp = "device cannot be attached to";
		return ERR_PTR(-EINVAL);
	}

	port = kzalloc(sizeof(*port), GFP_KERNEL_ACCOUNT);
	if (!port)
		goto err_nomem;
	port->stats = alloc_percpu(struct dash_port_stats);
	if (!port->stats)
		goto err_free_port;
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(port->stats, cpu)->syncp);
	port->dn = dn;
	port->dev = dev;
	port->foreign = !net_eq(net, dn->net);
	dash_icmp_limit_init(&port->answers);
	return port;

err_free_port:
	kfree(port);
err_nomem:
	*errp = "out of memory";
	return ERR_PTR(-ENOMEM);
}

void dash_port_attach(struct dash_port *port, struct dash_eni *eni)
{
	ASSERT_RTNL();

	port->eni = eni;
	/* dash_port_alloc() saw that it can, and RTNL was held since */
	if (WARN_ON(netdev_rx_handler_register(port->dev,
					       eni ? dash_vport_rx : dash_port_rx,
					       port)))
		return;
	/* what is merged in hardware cannot be taken apart for forwarding */
	dev_disable_lro(port->dev);
	netdev_hold(port->dev, &port->dev_tracker, GFP_KERNEL);
	list_add_tail_rcu(&port->list, &port->dn->ports);
	if (eni)
		dash_vport_bind(eni, port);
	port->attached = true;
}

void dash_port_free(struct dash_port *port)
{
	free_percpu(port->stats);
	kfree(port);
}

static void dash_port_free_rcu(struct rcu_head *rcu)
{
	dash_port_free(container_of(rcu, struct dash_port, rcu));
}

void dash_port_detach(struct dash_port *port)
{
	ASSERT_RTNL();

	list_del_rcu(&port->list);
	if (port->eni)
		dash_vport_bind(port->eni, NULL);
	/* waits for packets on their way through dash_port_rx() */
	netdev_rx_handler_unregister(port->dev);
	/* and for those that wait for others of their batch */
	dash_batch_drain();
	/* A packet may still leave by it; a device that goes outlives those by
	 * a grace period of its own.
	 */
	netdev_put(port->dev, &port->dev_tracker);
	call_rcu(&port->rcu, dash_port_free_rcu);
}

struct dash_port *dash_port_find(const struct dash_net *dn, const char *name)
{
	struct dash_port *port;

	list_for_each_entry_rcu(port, &dn->ports, list, lockdep_rtnl_is_held())
		if (!strncmp(port->dev->name, name, IFNAMSIZ))
			return port;

	return NULL;
}

/* --- what happens to devices --- */

static int dash_port_event(struct notifier_block *nb, unsigned long event,
			   void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct dash_port *port = dash_port_of(dev);

	if (!port)
		return NOTIFY_DONE;

	switch (event) {
	case NETDEV_UNREGISTER:
		dash_port_config_gone(port);
		break;
	case NETDEV_CHANGENAME:
		dash_port_config_renamed(port);
		break;
	}

	return NOTIFY_DONE;
}

static struct notifier_block dash_port_notifier = {
	.notifier_call = dash_port_event,
};

int dash_port_module_init(void)
{
	return register_netdevice_notifier(&dash_port_notifier);
}

void dash_port_module_exit(void)
{
	unregister_netdevice_notifier(&dash_port_notifier);
	/* ports detached before */
	rcu_barrier();
}
