// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * An object with a counter counts the packets that policy put by it, and all
 * further ones of the connections that came of these. Policy is asked about few
 * packets, so it is the decision that remembers the counters of what it came
 * by, and a packet of a connection counts where its decision says::
 *
 *   packet -> connection -> dash_flow_act -+-> ACL rule's    [CPU] packets, bytes
 *                            counted? ^    +-> route's       [CPU]
 *             (one byte, beside what       +-> mapping's     [CPU]
 *              each packet reads anyway)
 *
 * So one that came by no such object costs nothing, neither a packet nor a
 * connection: those that are decided alike share their decision, and only that
 * has a list. A packet that is dropped by policy has no connection; it counts
 * for what policy came by until then.
 *
 * A counter belongs to the name of an object, in dash_net.counters. While a
 * change replaces an object, the old one and the new one both use it; when none
 * does any more, it is forgotten, and an object of that name that comes later
 * begins with a new one. Decisions that outlive the object keep the memory, not
 * the name.
 */
#include <linux/overflow.h>
#include <linux/rhashtable.h>
#include <linux/string.h>

#include "config.h"
#include "counter.h"
#include "netns.h"
#include "parse.h"
#include "rows.h"

static u32 dash_counter_obj_hashfn(const void *data, u32 len, u32 seed)
{
	const struct dash_counter *c = data;

	return dash_name_hash(c->type, c->name, seed);
}

static int dash_counter_cmpfn(struct rhashtable_compare_arg *arg,
			      const void *obj)
{
	const struct dash_counter *c = obj;

	return !dash_name_is(arg->key, c->type, c->name);
}

static const struct rhashtable_params dash_counter_params = {
	.head_offset = offsetof(struct dash_counter, node),
	.hashfn = dash_name_hashfn,
	.obj_hashfn = dash_counter_obj_hashfn,
	.obj_cmpfn = dash_counter_cmpfn,
	.automatic_shrinking = true,
};

static size_t dash_counter_size(const char *name)
{
	const struct dash_counter *c;

	return struct_size(c, meter.cpu, nr_cpu_ids) + strlen(name) + 1;
}

static struct dash_counter *dash_counter_new(struct dash_txn *txn,
					     const struct dash_name_key *key)
{
	struct dash_net *dn = txn->dn;
	struct dash_counter *c;
	unsigned int i;
	int err;

	if (atomic_read(&dn->counters.nelems) >= DASH_COUNTERS_MAX) {
		dash_txn_fail(txn, -ENOSPC,
			      "counter: %u objects have one already, as many as possible",
			      DASH_COUNTERS_MAX);
		return ERR_PTR(-ENOSPC);
	}
	c = kzalloc(dash_counter_size(key->name), GFP_KERNEL_ACCOUNT);
	if (!c)
		return ERR_PTR(-ENOMEM);
	refcount_set(&c->refs, 1);
	c->type = key->type;
	c->dn = dn;
	c->name = memcpy(&c->meter.cpu[nr_cpu_ids], key->name,
			 strlen(key->name) + 1);
	for (i = 0; i < nr_cpu_ids; i++)
		u64_stats_init(&c->meter.cpu[i].syncp);
	err = rhashtable_insert_fast(&dn->counters, &c->node,
				     dash_counter_params);
	if (err) {
		kfree(c);
		return ERR_PTR(err);
	}
	dn->counter_bytes += dash_counter_size(c->name);
	return c;
}

int dash_counter_stage(struct dash_txn *txn, struct dash_row *row)
{
	u16 attr = dash_types[row->type].counter;
	struct dash_name_key key;
	char name[DASH_NAME_LEN];
	struct dash_counter *c;

	if (!attr || row->del || !dash_row_u8(row, attr, 0))
		return 0;
	dash_row_name(row, name);
	key.type = row->type;
	key.name = name;
	c = rhashtable_lookup_fast(&txn->dn->counters, &key,
				   dash_counter_params);
	if (!c)
		c = dash_counter_new(txn, &key);
	if (IS_ERR(c))
		return PTR_ERR(c);
	row->counter = dash_counter_use(c);
	return 0;
}

struct dash_counter *dash_counter_use(struct dash_counter *counter)
{
	if (counter)
		counter->users++;
	return counter;
}

void dash_counter_drop(struct dash_counter *counter)
{
	struct dash_net *dn;

	if (!counter || --counter->users)
		return;
	dn = counter->dn;
	rhashtable_remove_fast(&dn->counters, &counter->node,
			       dash_counter_params);
	dn->counter_bytes -= dash_counter_size(counter->name);
	dash_counter_put(counter);
}

u32 dash_counters_count(const struct dash_pkt *pkt,
			const struct dash_flow_act *act, int d, u32 *frames)
{
	u32 len = dash_meter_len(pkt, frames), i;

	for (i = 0; i < act->n_counters; i++)
		dash_meter_count(&act->counters[i]->meter, d, *frames, len);
	return act->meter ? len : 0;
}

void dash_counters_drop(const struct dash_pkt *pkt,
			const struct dash_flow_act *act, int d)
{
	u32 frames;

	if (act->n_counters && !pkt->rec)
		dash_counters_count(pkt, act, d, &frames);
}

int dash_counters_init(struct dash_net *dn)
{
	return rhashtable_init(&dn->counters, &dash_counter_params);
}

void dash_counters_fini(struct dash_net *dn)
{
	WARN_ON_ONCE(atomic_read(&dn->counters.nelems));
	rhashtable_destroy(&dn->counters);
}
