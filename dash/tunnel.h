/* SPDX-License-Identifier: GPL-2.0 */
/* Overlay tunnels, which routes lead into. */
#ifndef _DASH_TUNNEL_H
#define _DASH_TUNNEL_H

#include <linux/in6.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include <linux/dash.h>

struct dash_net;
struct dash_row;
struct dash_sym;
struct dash_txn;

/**
 * struct dash_endpoints - where packets go, one of several by flow hash
 */
struct dash_endpoints {
	/** @n: how many */
	u32 n;
	/** @pa: provider addresses, v4-mapped if IPv4 */
	struct in6_addr *pa;
};

/**
 * dash_endpoints_parse - collect the addresses of an attribute that repeats
 * @to: filled
 * @row: row
 * @attr: attribute
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int dash_endpoints_parse(struct dash_endpoints *to, const struct dash_row *row,
			 int attr);

/**
 * dash_endpoints_have - is an address one of them?
 * @to: endpoints
 * @pa: address
 *
 * Return: whether it is.
 */
bool dash_endpoints_have(const struct dash_endpoints *to,
			 const struct in6_addr *pa);

/**
 * struct dash_tunnel_cfg - a tunnel at one time
 *
 * Immutable once published; replaced whole. RCU.
 */
struct dash_tunnel_cfg {
	/** @row: as set; lives as long */
	const struct dash_row *row;
	/** @to: endpoints */
	struct dash_endpoints to;
	/** @sip: outer source by family [v4, v6]; unspecified: the ENI's */
	struct in6_addr sip[2];
	/** @vni: VNI or VSID */
	u32 vni;
	/** @meter_or: bits of the metering class */
	u32 meter_or;
	/** @encap: enum dash_encap_type */
	u8 encap;
};

/**
 * struct dash_tunnel - a tunnel
 *
 * Exists as soon as a route mentions it. Freed a grace period after nothing
 * does any more. Guarded by dash_net.lock but for @cfg.
 */
struct dash_tunnel {
	/** @sym: its name */
	struct dash_sym *sym;
	/** @cfg: RCU; never NULL for a packet that was led here */
	struct dash_tunnel_cfg __rcu *cfg;
	/** @next: about to be published */
	struct dash_tunnel_cfg *next;
	/** @old: replaced, until a grace period has passed */
	struct dash_tunnel_cfg *old;
};

/**
 * dash_tunnel_alloc - make a tunnel that leads nowhere yet
 * @sym: its name
 *
 * Context: process.
 * Return: tunnel or NULL.
 */
struct dash_tunnel *dash_tunnel_alloc(struct dash_sym *sym);

/**
 * dash_tunnel_free - free a tunnel
 * @tunnel: tunnel; no reader is left
 */
void dash_tunnel_free(struct dash_tunnel *tunnel);

/**
 * dash_tunnel_prepare - build what packets will see of a tunnel
 * @txn: transaction
 * @sym: its name; it exists in the end state
 *
 * Connections of all ENIs that have a route into it will be decided anew.
 * Context: dash_net.lock held, may sleep.
 * Return: 0 or -ENOMEM.
 */
int dash_tunnel_prepare(struct dash_txn *txn, struct dash_sym *sym);

void dash_tunnel_unprepare(struct dash_tunnel *tunnel);

/**
 * dash_tunnel_publish - let packets see what was prepared
 * @txn: transaction
 *
 * Context: dash_net.lock held.
 */
void dash_tunnel_publish(struct dash_txn *txn);

/**
 * dash_tunnel_reap - free what a tunnel was before a change
 * @tunnel: tunnel; a grace period has passed since publishing
 */
void dash_tunnel_reap(struct dash_tunnel *tunnel);

/**
 * dash_tunnel_put_unused - free a tunnel that nothing mentions any more
 * @dn: instance
 * @sym: its name; may be gone after this
 *
 * Does nothing while it exists, is staged or still mentioned.
 * Context: dash_net.lock held.
 */
void dash_tunnel_put_unused(struct dash_net *dn, struct dash_sym *sym);

#endif /* _DASH_TUNNEL_H */
