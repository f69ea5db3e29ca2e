// SPDX-License-Identifier: GPL-2.0
/*
 * Walks over all connections; see flow.c for the order.
 */
#include <linux/bitrev.h>
#include <linux/log2.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>

#include "eni.h"
#include "flow_impl.h"

/* The connections of one bucket.
 *
 * A growing rhashtable moves entries from the end of a chain, one after the
 * other. Following one that is moved leads into the chain where it is now, but
 * there was nothing behind it in the old.
 */
static int flow_walk_bucket(struct dash_flow_pos *pos, u32 *seen,
			    struct bucket_table *tbl, u32 bucket,
			    int (*fn)(struct dash_flow *flow, void *arg),
			    void *arg)
{
	struct rhash_head *he;
	int err;

	rht_for_each_rcu(he, tbl, bucket) {
		if ((*seen)++ < pos->skip)
			continue;
		err = fn(container_of(he, struct dash_flow, node), arg);
		if (err)
			return err;
		pos->skip++;
	}
	return 0;
}

/* The bucket at pos->slot, and what became of it in the tables that the
 * rhashtable is growing into.
 */
static int flow_walk_slot(struct dash_flow_shard *shard,
			  struct dash_flow_pos *pos,
			  int (*fn)(struct dash_flow *flow, void *arg),
			  void *arg)
{
	struct bucket_table *tbl = rht_dereference_rcu(shard->ht.tbl,
						       &shard->ht);
	u32 last = pos->slot | U32_MAX >> ilog2(tbl->size);
	u32 seen = 0;
	int err;

	if (pos->size != tbl->size) {
		pos->size = tbl->size;
		pos->skip = 0;
	}

	do {
		u64 step = BIT_ULL(32 - ilog2(tbl->size));
		u64 slot;

		for (slot = pos->slot & -step; slot <= last; slot += step) {
			err = flow_walk_bucket(pos, &seen, tbl,
					       bitrev32(slot), fn, arg);
			if (err)
				return err;
		}
		/* what is moved to the next table is seen there */
		smp_rmb();
		tbl = rht_dereference_rcu(tbl->future_tbl, &shard->ht);
	} while (tbl);

	pos->skip = 0;
	pos->slot = last + 1;
	return 0;
}

int dash_flow_walk(struct dash_flow_table *ft, struct dash_flow_pos *pos,
		   int (*fn)(struct dash_flow *flow, void *arg), void *arg)
{
	int budget, err = 0;

	while (!err && ft && pos->shard < ft->n_shards) {
		local_bh_disable();
		rcu_read_lock();
		for (budget = DASH_FLOW_BATCH; budget; budget--) {
			err = flow_walk_slot(&ft->shards[pos->shard], pos, fn,
					     arg);
			if (err)
				break;
			if (!pos->slot && ++pos->shard == ft->n_shards)
				break;
		}
		rcu_read_unlock();
		local_bh_enable();
		cond_resched();
	}
	return err;
}

struct flow_flush {
	struct dash_flow_table *ft;
	const struct dash_flow_filter *filter;
	u32 n;
};

static int flow_flush_one(struct dash_flow *flow, void *arg)
{
	struct flow_flush *flush = arg;

	if (dash_flow_match(flush->filter, flow) &&
	    dash_flow_remove(flush->ft, flow))
		flush->n++;
	return 0;
}

u32 dash_flow_flush(struct dash_flow_table *ft,
		    const struct dash_flow_filter *f)
{
	struct flow_flush flush = { .ft = ft, .filter = f };
	struct dash_flow_pos pos = {};

	dash_flow_walk(ft, &pos, flow_flush_one, &flush);
	return flush.n;
}

void dash_flow_flush_eni(struct dash_flow_table *ft, struct dash_eni *eni)
{
	struct dash_flow_filter filter = { .eni = eni };

	if (atomic_read(&eni->flows))
		dash_flow_flush(ft, &filter);
	/* Ageing may have taken one out that it is not yet done with. Pairs
	 * with flow_release().
	 */
	while (atomic_read_acquire(&eni->flows))
		cond_resched();
}
