/* SPDX-License-Identifier: GPL-2.0 */
/* A virtual network: its VNI and its mappings. */
#ifndef _DASH_VNET_H
#define _DASH_VNET_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "policy.h"

struct dash_mapping_set;
struct dash_net;
struct dash_row;
struct dash_sym;

/**
 * struct dash_vnet - a VNET
 *
 * Exists as soon as a route mentions it. Freed a grace period after nothing
 * does any more.
 */
struct dash_vnet {
	/** @dn: instance */
	struct dash_net *dn;
	/** @sym: its name */
	struct dash_sym *sym;
	/** @name: the same for readers */
	const char *name;
	/** @vni: VNI */
	u32 vni;
	/** @gen: counts changes of its mappings */
	u32 gen;
	/** @marks: since which of them decisions hold */
	struct dash_policy_marks marks;
	/** @set: mappings, RCU, written under dash_net.lock */
	struct dash_mapping_set __rcu *set;
	/** @next: the set after the change under way, when @staged */
	struct dash_mapping_set *next;
	/** @old: replaced, until a grace period has passed */
	struct dash_mapping_set *old;
	/** @staged: in a transaction */
	bool staged;
	/** @list: in dash_txn.vnets */
	struct list_head list;
};

/**
 * dash_vnet_alloc - make a VNET without mappings
 * @dn: instance
 * @sym: its name
 *
 * Context: process.
 * Return: VNET or NULL.
 */
struct dash_vnet *dash_vnet_alloc(struct dash_net *dn, struct dash_sym *sym);

/**
 * dash_vnet_free - free a VNET and its mappings
 * @vnet: VNET; no reader is left
 *
 * Context: may sleep.
 */
void dash_vnet_free(struct dash_vnet *vnet);

/**
 * dash_vnet_publish - let packets see a new row
 * @vnet: VNET
 * @row: its row
 *
 * Context: dash_net.lock held.
 */
void dash_vnet_publish(struct dash_vnet *vnet, const struct dash_row *row);

/**
 * dash_vnet_put_unused - free a VNET that nothing mentions any more
 * @dn: instance
 * @sym: name of a VNET; may be gone after this
 *
 * Does nothing while it exists, is staged or still mentioned.
 * Context: dash_net.lock held, may sleep.
 */
void dash_vnet_put_unused(struct dash_net *dn, struct dash_sym *sym);

#endif /* _DASH_VNET_H */
