// SPDX-License-Identifier: GPL-2.0
/*
 * Walks over all connections; see flow.c for the order.
 */
#include <linux/bitrev.h>
#include <linux/log2.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sort.h>
#include <linux/string.h>

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

static int flow_walk(struct dash_flow_table *ft, struct dash_flow_pos *pos,
		     int (*fn)(struct dash_flow *flow, void *arg), void *arg,
		     struct dash_flow_dead *dead)
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
		if (dead && dead->n >= DASH_FLOW_DEAD_MAX)
			dash_flow_dead_free(dead);
	}
	return err;
}

int dash_flow_walk(struct dash_flow_table *ft, struct dash_flow_pos *pos,
		   int (*fn)(struct dash_flow *flow, void *arg), void *arg)
{
	return flow_walk(ft, pos, fn, arg, NULL);
}

struct flow_removal {
	struct dash_flow_table *ft;
	bool (*fn)(const struct dash_flow *flow, const void *arg);
	const void *arg;
	enum dash_flow_end why;
	struct dash_flow_dead dead;
	u32 n;
};

static int flow_remove_one(struct dash_flow *flow, void *arg)
{
	struct flow_removal *r = arg;

	if (r->fn(flow, r->arg) &&
	    dash_flow_end_into(r->ft, flow, r->why, &r->dead))
		r->n++;
	return 0;
}

u32 dash_flow_remove_if(struct dash_flow_table *ft,
			bool (*fn)(const struct dash_flow *flow,
				   const void *arg),
			const void *arg, enum dash_flow_end why)
{
	struct flow_removal r = { .ft = ft, .fn = fn, .arg = arg, .why = why };
	struct dash_flow_pos pos = {};

	flow_walk(ft, &pos, flow_remove_one, &r, &r.dead);
	dash_flow_dead_free(&r.dead);
	return r.n;
}

static bool flow_matches(const struct dash_flow *flow, const void *arg)
{
	return dash_flow_match(arg, flow);
}

u32 dash_flow_flush(struct dash_flow_table *ft,
		    const struct dash_flow_filter *f)
{
	return dash_flow_remove_if(ft, flow_matches, f, DASH_FLOW_END_FLUSHED);
}

void dash_flow_flush_eni(struct dash_flow_table *ft, struct dash_eni *eni)
{
	struct dash_flow_filter filter = { .eni = eni };

	if (atomic_read(&eni->flows))
		dash_flow_remove_if(ft, flow_matches, &filter,
				    DASH_FLOW_END_ENI_GONE);
	/* Ageing may have taken one out that it is not yet done with. Pairs
	 * with flow_release().
	 */
	while (atomic_read_acquire(&eni->flows))
		cond_resched();
}

/* Of a large table, nobody has to wait for the end. */
static int flow_go_on(void)
{
	return fatal_signal_pending(current) ? -EINTR : 0;
}

struct flow_count {
	const struct dash_flow_filter *filter;
	u32 n;
};

static int flow_count_one(struct dash_flow *flow, void *arg)
{
	struct flow_count *count = arg;

	count->n += dash_flow_match(count->filter, flow);
	return flow_go_on();
}

int dash_flow_count(struct dash_flow_table *ft,
		    const struct dash_flow_filter *f)
{
	struct flow_count count = { .filter = f };
	struct dash_flow_pos pos = {};

	return dash_flow_walk(ft, &pos, flow_count_one, &count) ?: count.n;
}

/* --- the first of an order --- */

/* A heap, the lowest of those that are the highest so far on top. */
struct flow_top {
	const struct dash_flow_filter *filter;
	struct dash_flow_rank *rank;
	unsigned int n;
	unsigned int max;
	u8 order;
};

static u64 flow_value(const struct dash_flow *flow, u8 order)
{
	switch (order) {
	case DASH_FLOW_ORDER_BYTES:
		return READ_ONCE(flow->bytes[0]) + READ_ONCE(flow->bytes[1]);
	case DASH_FLOW_ORDER_PACKETS:
		return READ_ONCE(flow->packets[0]) +
		       READ_ONCE(flow->packets[1]);
	case DASH_FLOW_ORDER_AGE:
		return jiffies - flow->created;
	}
	return max(0L, (long)(jiffies - dash_flow_last(flow)));
}

static void flow_top_up(struct flow_top *top, unsigned int i)
{
	struct dash_flow_rank *rank = top->rank;

	for (; i && rank[i].value < rank[(i - 1) / 2].value; i = (i - 1) / 2)
		swap(rank[i], rank[(i - 1) / 2]);
}

static void flow_top_down(struct flow_top *top)
{
	struct dash_flow_rank *rank = top->rank;
	unsigned int i = 0, low;

	while ((low = 2 * i + 1) < top->n) {
		if (low + 1 < top->n && rank[low + 1].value < rank[low].value)
			low++;
		if (rank[i].value <= rank[low].value)
			break;
		swap(rank[i], rank[low]);
		i = low;
	}
}

static int flow_top_one(struct dash_flow *flow, void *arg)
{
	struct flow_top *top = arg;
	struct dash_flow_rank new;

	new.value = flow_value(flow, top->order);
	if ((top->n == top->max && new.value <= top->rank[0].value) ||
	    !dash_flow_match(top->filter, flow))
		return flow_go_on();
	new.key = flow->key;
	new.hash = flow->hash;
	if (top->n < top->max) {
		top->rank[top->n] = new;
		flow_top_up(top, top->n++);
	} else {
		top->rank[0] = new;
		flow_top_down(top);
	}
	return flow_go_on();
}

static int flow_rank_cmp(const void *a, const void *b)
{
	const struct dash_flow_rank *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? 1 : -1;
	return memcmp(&x->key, &y->key, sizeof(x->key));
}

int dash_flow_top(struct dash_flow_table *ft, const struct dash_flow_filter *f,
		  u8 order, struct dash_flow_rank *rank, unsigned int n)
{
	struct flow_top top = {
		.filter = f,
		.rank = rank,
		.max = n,
		.order = order,
	};
	struct dash_flow_pos pos = {};
	int err;

	err = dash_flow_walk(ft, &pos, flow_top_one, &top);
	if (err)
		return err;
	sort(rank, top.n, sizeof(*rank), flow_rank_cmp, NULL);
	return top.n;
}
