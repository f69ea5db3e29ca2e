/* SPDX-License-Identifier: GPL-2.0 */
/* The instance of a network namespace. */
#ifndef _DASH_NETNS_H
#define _DASH_NETNS_H

#include <linux/hash.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>
#include <linux/seqlock.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>

#include <linux/dash.h>

#include "tag.h"

struct dash_events;
struct dash_flow_table;
struct dash_inst;
struct dash_underlay_table;

#define DASH_ENI_HASH_BITS	8
#define DASH_OBJECT_TYPES	(DASH_OBJECT_TYPE_ROUTING_APPLIANCE + 1)

/**
 * struct dash_frags - inner datagrams whose first fragment was seen
 */
struct dash_frags {
	/** @lock: guards everything here; BH off */
	spinlock_t lock;
	/** @seed: of the hash */
	u32 seed;
	/** @age: entries, the oldest first */
	struct list_head age;
	/** @hash: entries by what their fragments have in common */
	struct hlist_head hash[256];
};

/**
 * struct dash_net - an instance: everything of one network namespace
 */
struct dash_net {
	/** @net: the namespace */
	struct net *net;
	/** @inst: settings, RCU, written under @lock; never NULL */
	struct dash_inst __rcu *inst;
	/** @n_nat: entries of @nat_hash, written under @lock */
	u32 n_nat;
	/** @eni_hash: dash_eni_cfg by MAC, RCU, written under @lock */
	struct hlist_head eni_hash[1 << DASH_ENI_HASH_BITS];
	/** @ft: connections, RCU, set once under @lock */
	struct dash_flow_table __rcu *ft;
	/** @nat_hash: struct dash_nat_addr, RCU, written under @lock */
	struct hlist_head nat_hash[256];
	/** @tags: tags of addresses [v4, v6]; written under @lock */
	struct dash_tag_table tags[2];
	/** @tags_seq: odd while a change of @tags is being published */
	seqcount_t tags_seq[2];
	/** @underlay: next hops, set once */
	struct dash_underlay_table *underlay;
	/** @frags: fragmented datagrams under way */
	struct dash_frags frags;
	/** @ports: attached devices, RCU list, written under RTNL */
	struct list_head ports;

	/** @change: held from the beginning of a change to its end */
	struct mutex change;
	/** @lock: guards configuration; let go in the long parts of a change */
	struct mutex lock;
	/** @syms: names of objects, RCU, written under @lock */
	struct rhashtable syms;
	/** @by_id: the same by table and order of creation, for dumps */
	struct xarray by_id[DASH_OBJECT_TYPES];
	/** @next_id: of @by_id */
	u32 next_id[DASH_OBJECT_TYPES];
	/** @gen: counts changes of configuration, for dumps */
	u32 gen;
	/** @row_bytes: memory of all rows with their names, under @lock */
	u64 row_bytes;
	/** @counters: struct dash_counter by object, under @lock */
	struct rhashtable counters;
	/** @counter_bytes: memory of @counters */
	u64 counter_bytes;
	/** @next_inst: settings about to be published, under @lock */
	struct dash_inst *next_inst;
	/** @next_eni_id: of dash_eni.id, under @lock */
	u32 next_eni_id;
	/** @graves: dash_mapping_set with mappings to free, under @lock */
	struct list_head graves;
	/** @undertaker: frees them */
	struct rcu_work undertaker;

	/** @events: of packets and connections, set once */
	struct dash_events *events;
	/** @events_seq: number of the last event of configuration, under @lock */
	u32 events_seq;
	/** @events_lost: events since that were lost, under @lock */
	u64 events_lost;

	/** @lives: who wants packets explained, RCU, written under @lock */
	struct list_head lives;
	/** @n_lives: how many */
	u32 n_lives;

	/** @txn_lock: guards @txns and the rows of open transactions */
	struct mutex txn_lock;
	/** @txns: open transactions */
	struct list_head txns;
	/** @n_txns: how many */
	u32 n_txns;
	/** @next_txn: id of the next one */
	u32 next_txn;
};

struct dash_net *dash_net(const struct net *net);

#define dash_dereference(dn, p) \
	rcu_dereference_protected(p, lockdep_is_held(&(dn)->lock))

/* what only changes write, which are one at a time */
#define dash_change_dereference(dn, p) \
	rcu_dereference_protected(p, lockdep_is_held(&(dn)->change))

int dash_netns_init(void);
void dash_netns_exit(void);

/**
 * dash_eni_bucket - where in dash_net.eni_hash an ENI is
 * @mac: its MAC address
 *
 * The address is read as it was written, in pairs of bytes or more: a CPU would
 * wait for its own writes otherwise.
 *
 * Return: index.
 */
static inline u32 dash_eni_bucket(const u8 *mac)
{
	const u16 *m = (const u16 *)mac;

	return hash_64(m[0] | (u64)m[1] << 16 | (u64)m[2] << 32,
		       DASH_ENI_HASH_BITS);
}

#endif /* _DASH_NETNS_H */
