/* SPDX-License-Identifier: GPL-2.0 */
/* Counters of single objects: ACL rules, routes, route rules, mappings. */
#ifndef _DASH_COUNTER_H
#define _DASH_COUNTER_H

#include <linux/atomic.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/slab.h>
#include <linux/types.h>

#include "flow.h"
#include "meter.h"

struct dash_net;
struct dash_pkt;
struct dash_row;
struct dash_txn;

/* As many as an instance may have: each takes a line of the cache per CPU. */
#define DASH_COUNTERS_MAX	16384

/**
 * struct dash_counter - what goes by an object
 *
 * Belongs to the object's name: what replaces the object goes on counting.
 */
struct dash_counter {
	/** @refs: decisions, and one for all @users */
	refcount_t refs;
	/** @users: rows, routes or mappings of that name, under dash_net.lock */
	u32 users;
	/** @type: enum dash_object_type */
	u8 type;
	/** @dn: instance, valid as long as there are @users */
	struct dash_net *dn;
	/** @name: of the object, without table; behind @meter */
	const char *name;
	/** @node: in dash_net.counters */
	struct rhash_head node;
	/** @rcu: for freeing */
	struct rcu_head rcu;
	/** @hits: how often policy was asked and an ACL rule matched */
	atomic64_t hits;
	/** @meter: packets and bytes, by [initiator, responder] */
	struct dash_meter meter;
};

/**
 * dash_counter_get - a decision is going to count
 * @counter: counter, in RCU
 *
 * Return: false when it is about to be freed.
 */
static inline bool dash_counter_get(struct dash_counter *counter)
{
	return refcount_inc_not_zero(&counter->refs);
}

/**
 * dash_counter_put - nobody counts for a decision any more
 * @counter: counter; those who still see it in RCU may use it
 */
static inline void dash_counter_put(struct dash_counter *counter)
{
	if (refcount_dec_and_test(&counter->refs))
		kfree_rcu(counter, rcu);
}

/**
 * dash_counter_meet - policy comes by an object
 * @act: decision under way
 * @counter: the object's counter, or NULL
 */
static inline void dash_counter_meet(struct dash_flow_act *act,
				     struct dash_counter *counter)
{
	if (likely(!counter))
		return;
	act->met[act->n_counters++] = counter;
	act->counters = act->met;
}

/**
 * dash_counter_stage - give a row that is to be counted its counter
 * @txn: transaction, its row is @row
 * @row: row that is going to be staged; its counter is set, and used once
 *
 * It is the one that the object of the row's name has, if it has one.
 * Context: dash_net.lock held, may sleep.
 * Return: 0, -ENOMEM, or -ENOSPC when there are DASH_COUNTERS_MAX.
 */
int dash_counter_stage(struct dash_txn *txn, struct dash_row *row);

/**
 * dash_counter_use - one more object has a counter
 * @counter: counter or NULL
 *
 * Context: dash_net.lock held.
 * Return: @counter.
 */
struct dash_counter *dash_counter_use(struct dash_counter *counter);

/**
 * dash_counter_drop - an object goes; maybe it was the last one of its name
 * @counter: its counter or NULL
 *
 * Context: dash_net.lock held; no reader is left that finds the object.
 */
void dash_counter_drop(struct dash_counter *counter);

/**
 * dash_counters_count - count a packet for the objects that decided about it
 * @pkt: packet as received
 * @act: decision; counted
 * @d: whether it is the responder's
 * @frames: number of inner frames that it stands for
 *
 * Context: RCU, BH off.
 * Return: bytes to be metered when the packet was sent, or 0.
 */
u32 dash_counters_count(const struct dash_pkt *pkt,
			const struct dash_flow_act *act, int d, u32 *frames);

/**
 * dash_counters_drop - the same for a packet that is dropped with a decision
 * @pkt: packet as received; nothing is counted for one in thought
 * @act: decision, complete or not
 * @d: whether it is the responder's
 *
 * Context: RCU, BH off.
 */
void dash_counters_drop(const struct dash_pkt *pkt,
			const struct dash_flow_act *act, int d);

int dash_counters_init(struct dash_net *dn);
void dash_counters_fini(struct dash_net *dn);

#endif /* _DASH_COUNTER_H */
