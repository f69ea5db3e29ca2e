// SPDX-License-Identifier: GPL-2.0
/*
 * Ageing of connections; see flow.c for the idea.
 */
#include <linux/jiffies.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "eni.h"
#include "flow_impl.h"
#include "stats.h"

static enum dash_timeout flow_timeout_of(u8 state, u8 proto)
{
	switch (state) {
	case DASH_FLOW_STATE_SYN_SENT:
	case DASH_FLOW_STATE_SYN_RECV:
		return DASH_TIMEOUT_SYN;
	case DASH_FLOW_STATE_ESTABLISHED:
		return DASH_TIMEOUT_ESTABLISHED;
	case DASH_FLOW_STATE_FIN:
		return DASH_TIMEOUT_FIN;
	case DASH_FLOW_STATE_TIME_WAIT:
		return DASH_TIMEOUT_TIME_WAIT;
	case DASH_FLOW_STATE_CLOSED:
		return DASH_TIMEOUT_CLOSED;
	case DASH_FLOW_STATE_ICMP:
		return DASH_TIMEOUT_ICMP;
	}
	if (proto != IPPROTO_UDP)
		return DASH_TIMEOUT_OTHER;
	return state == DASH_FLOW_STATE_NEW ? DASH_TIMEOUT_UDP_NEW :
					      DASH_TIMEOUT_UDP_STREAM;
}

/* 0 when the ENI is going. */
unsigned long dash_flow_timeout(const struct dash_flow *flow, u8 state)
{
	const struct dash_eni_cfg *cfg = rcu_dereference(flow->eni->cfg);

	if (!cfg)
		return 0;
	return cfg->timeout[flow_timeout_of(state, dash_flow_proto(flow))];
}

unsigned long dash_flow_expires(const struct dash_flow *flow)
{
	/* pairs with flow_set_state(): a new state's shorter time must not
	 * run from an old packet
	 */
	u8 state = smp_load_acquire(&flow->state);

	return dash_flow_last(flow) + dash_flow_timeout(flow, state);
}

/* The time stamp may be too old by this much. */
static unsigned long flow_goes_at(const struct dash_flow *flow)
{
	return dash_flow_expires(flow) + DASH_FLOW_STAMP;
}

void dash_flow_wheel_init(struct dash_flow_shard *shard, unsigned long due)
{
	int i;

	spin_lock_init(&shard->lock);
	shard->due = due;
	for (i = 0; i < DASH_FLOW_WHEEL_SLOTS; i++)
		INIT_HLIST_HEAD(&shard->wheel[i]);
}

static void flow_wheel_link_at(struct dash_flow_shard *shard,
			       struct dash_flow *flow, unsigned long at)
{
	long delay = at - shard->due;
	u32 ticks = 0;

	lockdep_assert_held(&shard->lock);
	if (delay > 0)
		ticks = min_t(unsigned long, DIV_ROUND_UP(delay, DASH_FLOW_TICK),
			      DASH_FLOW_WHEEL_SLOTS - 1);
	ticks += shard->tick;
	hlist_add_head(&flow->wheel,
		       &shard->wheel[ticks % DASH_FLOW_WHEEL_SLOTS]);
}

void dash_flow_wheel_link(struct dash_flow_shard *shard,
			  struct dash_flow *flow)
{
	flow_wheel_link_at(shard, flow, flow_goes_at(flow));
}

/* For a connection that may have to go earlier than before. */
void dash_flow_wheel_relink(struct dash_flow_table *ft,
			    struct dash_flow *flow)
{
	struct dash_flow_shard *shard = dash_flow_shard(ft, flow->hash);

	spin_lock_bh(&shard->lock);
	if (!hlist_unhashed(&flow->wheel)) {
		hlist_del_init(&flow->wheel);
		dash_flow_wheel_link(shard, flow);
	}
	spin_unlock_bh(&shard->lock);
}

static void flow_age_one(struct dash_flow_table *ft,
			 struct dash_flow_shard *shard, struct dash_flow *flow,
			 struct dash_flow_dead *dead)
{
	unsigned long at = flow_goes_at(flow);

	hlist_del_init(&flow->wheel);
	if (time_after(at, jiffies)) {
		/* later than this slot, so never back into it */
		flow_wheel_link_at(shard, flow, at);
		return;
	}
	/* else somebody is removing it and needs no wheel for that */
	dash_flow_expire(ft, shard, flow, dead);
}

/* Age one slot, or a part of it.
 * Return: false when nothing is due any more.
 */
static bool flow_age_some(struct dash_flow_table *ft,
			  struct dash_flow_shard *shard,
			  struct dash_flow_dead *dead)
{
	struct hlist_head *slot;
	int budget = DASH_FLOW_BATCH;
	bool due = false;

	spin_lock_bh(&shard->lock);
	rcu_read_lock();
	if (time_before(jiffies, shard->due))
		goto unlock;

	due = true;
	slot = &shard->wheel[shard->tick % DASH_FLOW_WHEEL_SLOTS];
	while (!hlist_empty(slot) && budget--)
		flow_age_one(ft, shard,
			     hlist_entry(slot->first, struct dash_flow, wheel),
			     dead);
	if (hlist_empty(slot)) {
		shard->tick++;
		shard->due += DASH_FLOW_TICK;
	}
unlock:
	rcu_read_unlock();
	spin_unlock_bh(&shard->lock);
	return due;
}

static void flow_age_work(struct work_struct *work)
{
	struct dash_flow_dead dead = {};
	struct dash_flow_table *ft;
	u32 i;

	ft = container_of(to_delayed_work(work), struct dash_flow_table, age);
	for (i = 0; i < ft->n_shards; i++) {
		while (flow_age_some(ft, &ft->shards[i], &dead)) {
			if (dead.n >= DASH_FLOW_DEAD_MAX)
				dash_flow_dead_free(&dead);
			cond_resched();
		}
	}
	dash_flow_dead_free(&dead);
	queue_delayed_work(system_unbound_wq, &ft->age, DASH_FLOW_TICK);
}

void dash_flow_age_start(struct dash_flow_table *ft)
{
	INIT_DELAYED_WORK(&ft->age, flow_age_work);
	queue_delayed_work(system_unbound_wq, &ft->age, DASH_FLOW_TICK);
}

void dash_flow_age_stop(struct dash_flow_table *ft)
{
	cancel_delayed_work_sync(&ft->age);
}

struct flow_retime {
	struct dash_flow_table *ft;
	const struct dash_eni *eni;
};

static int flow_retime_one(struct dash_flow *flow, void *arg)
{
	struct flow_retime *r = arg;

	if (flow->eni == r->eni)
		dash_flow_wheel_relink(r->ft, flow);
	return 0;
}

void dash_flow_retime(struct dash_flow_table *ft, const struct dash_eni *eni)
{
	struct flow_retime r = { ft, eni };
	struct dash_flow_pos pos = {};

	if (atomic_read(&eni->flows))
		dash_flow_walk(ft, &pos, flow_retime_one, &r);
}
