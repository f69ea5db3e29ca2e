/* SPDX-License-Identifier: GPL-2.0 */
/* Devices that packets come from and leave by. */
#ifndef _DASH_PORT_H
#define _DASH_PORT_H

#include <linux/if.h>
#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>

#include "icmp.h"
#include "stats.h"

struct dash_eni;
struct dash_net;
struct net;

/**
 * struct dash_port - an attached device
 */
struct dash_port {
	/** @dev: the device; a reference is held while attached */
	struct net_device *dev;
	/** @dev_tracker: of that reference */
	netdevice_tracker dev_tracker;
	/** @dn: instance */
	struct dash_net *dn;
	/** @eni: whose vport it is, NULL of an underlay port; set once */
	struct dash_eni *eni;
	/** @list: in dash_net.ports, RCU, written under RTNL */
	struct list_head list;
	/** @stats: counters */
	struct dash_port_stats __percpu *stats;
	/** @answers: limit of answers to the VM's requests, of a vport */
	struct dash_icmp_limit answers;
	/** @foreign: its device is in another namespace than the instance */
	bool foreign;
	/** @attached: it takes packets, under RTNL */
	bool attached;
	/** @next: what takes its place with the change under way, under RTNL */
	struct dash_port *next;
	/** @rcu: for freeing */
	struct rcu_head rcu;
};

/**
 * dash_port_alloc - prepare to take a device's packets
 * @dn: instance
 * @net: namespace of the device
 * @name: name of the device in it
 * @instead: port that goes before this one is attached, or NULL
 * @errp: on error a text about the reason
 *
 * Nothing happens to the device yet. Whoever holds RTNL until then may attach
 * the port without an error.
 * Context: RTNL.
 * Return: port or ERR_PTR: -ENODEV, -EBUSY (another rx_handler, such as a
 * bridge's), -EINVAL (loopback or not Ethernet), -ENOMEM.
 */
struct dash_port *dash_port_alloc(struct dash_net *dn, struct net *net,
				  const char *name, const struct dash_port *instead,
				  const char **errp);

/**
 * dash_port_attach - take a device's packets
 * @port: port, alone for its device
 * @eni: ENI whose vport it is, or NULL
 *
 * Context: RTNL, held since dash_port_alloc(); dash_net.lock.
 */
void dash_port_attach(struct dash_port *port, struct dash_eni *eni);

/**
 * dash_port_free - free a port that was never attached
 * @port: port
 */
void dash_port_free(struct dash_port *port);

/**
 * dash_port_detach - leave a device alone
 * @port: attached port; freed after a grace period
 *
 * On return no packet is taken from the device any more, though one may still
 * be in the pipeline until a grace period ends.
 * Context: RTNL, dash_net.lock.
 */
void dash_port_detach(struct dash_port *port);

/**
 * dash_port_find - an attached port by its device's name
 * @dn: instance
 * @name: name
 *
 * Context: RCU or RTNL.
 * Return: port or NULL.
 */
struct dash_port *dash_port_find(const struct dash_net *dn, const char *name);

/**
 * dash_port_count - count a packet that came in
 * @port: port
 * @ours: it was taken
 *
 * Context: BH off.
 */
static inline void dash_port_count(struct dash_port *port, bool ours)
{
	struct dash_port_stats *s = this_cpu_ptr(port->stats);

	u64_stats_update_begin(&s->syncp);
	u64_stats_inc(ours ? &s->ours : &s->passed);
	u64_stats_update_end(&s->syncp);
}

int dash_port_module_init(void);
void dash_port_module_exit(void);

#endif /* _DASH_PORT_H */
