// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Theory of operation
 *
 * A connection is charged to its ENI's rate, to the numbers of the ENI and of
 * the instance, and while it is unanswered to the ENI's share of those.
 *
 * Each ENI has its unanswered connections in a list in the order in which they
 * began. When a limit is reached the first of them makes room, but one that had
 * packets since goes to the end first: a list in the order of the last packets
 * would cost each of these three lines of the cache.
 */
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/spinlock.h>

#include "eni.h"
#include "event.h"
#include "flow_impl.h"
#include "inst.h"
#include "stats.h"

/* connections with packets that are passed over when one has to go */
#define FLOW_HALF_CHANCES	16

/* --- unanswered connections --- */

void dash_flow_eni_init(struct dash_eni *eni)
{
	spin_lock_init(&eni->half_lock);
	INIT_LIST_HEAD(&eni->half);
	dash_bucket_init(&eni->cps);
	dash_bucket_init(&eni->resim);
}

/* @charged: it is counted already, as ENIs with a limit do */
void dash_flow_half_add(struct dash_flow *flow, bool charged)
{
	struct dash_eni *eni = flow->eni;
	bool add;

	spin_lock(&eni->half_lock);
	flow->half_last = READ_ONCE(flow->last);
	add = !flow->answered && !READ_ONCE(flow->dead);
	if (add)
		list_add_tail(&flow->half, &eni->half);
	WRITE_ONCE(eni->n_half, eni->n_half + add - charged);
	spin_unlock(&eni->half_lock);
}

static void flow_half_unlink(struct dash_eni *eni, struct dash_flow *flow)
{
	lockdep_assert_held(&eni->half_lock);
	if (list_empty(&flow->half))
		return;
	list_del_init(&flow->half);
	WRITE_ONCE(eni->n_half, eni->n_half - 1);
}

/* Answered or removed; once and for all. */
void dash_flow_half_del(struct dash_flow *flow)
{
	struct dash_eni *eni = flow->eni;

	spin_lock(&eni->half_lock);
	WRITE_ONCE(flow->answered, true);
	flow_half_unlink(eni, flow);
	spin_unlock(&eni->half_lock);
}

/* Take the one that has been idle for longest, or nearly so, out of them, so
 * that nobody else takes it, too.
 * Return: NULL without any.
 */
static struct dash_flow *flow_half_take(struct dash_eni *eni)
{
	int chances = FLOW_HALF_CHANCES;
	struct dash_flow *flow;
	u32 last;

	spin_lock(&eni->half_lock);
	while ((flow = list_first_entry_or_null(&eni->half, struct dash_flow,
						half))) {
		last = READ_ONCE(flow->last);
		if (flow->half_last == last || !chances--)
			break;
		flow->half_last = last;
		list_move_tail(&flow->half, &eni->half);
	}
	if (flow)
		flow_half_unlink(eni, flow);
	spin_unlock(&eni->half_lock);
	return flow;
}

/* --- limits --- */

static bool flow_take(atomic_t *count, u32 max)
{
	if ((u32)atomic_inc_return(count) <= max)
		return true;
	atomic_dec(count);
	return false;
}

/* Remove the longest idle of the ENI's unanswered connections.
 * Return: false when there is none.
 */
static bool flow_evict(struct dash_flow_table *ft, struct dash_eni *eni,
		       enum dash_drop limit)
{
	struct dash_flow *flow = flow_half_take(eni);

	if (!flow)
		return false;
	dash_event_limit(eni, limit);
	/* or somebody else does just now; there is room either way */
	if (dash_flow_end(ft, flow, DASH_FLOW_END_EVICTED))
		dash_stats_flow(eni->stats, DASH_FLOW_EVICTED);
	return true;
}

static void flow_uncharge_half(struct dash_eni *eni)
{
	spin_lock(&eni->half_lock);
	WRITE_ONCE(eni->n_half, eni->n_half - 1);
	spin_unlock(&eni->half_lock);
}

/* Whoever comes when there are as many as may be makes room for itself, and
 * for one more after the limit was lowered.
 */
static bool flow_charge_half(struct dash_flow_table *ft, struct dash_eni *eni,
			     u32 max)
{
	u32 n;

	spin_lock(&eni->half_lock);
	n = eni->n_half;
	WRITE_ONCE(eni->n_half, n + 1);
	spin_unlock(&eni->half_lock);
	if (n < max)
		return true;
	/* all of them are about to be linked by others */
	if (!flow_evict(ft, eni, DASH_DROP_HALF_OPEN_LIMIT)) {
		flow_uncharge_half(eni);
		return false;
	}
	if (n > max)
		flow_evict(ft, eni, DASH_DROP_HALF_OPEN_LIMIT);
	return true;
}

/* Does an ENI have to count the connection of a packet as unanswered before it
 * is one?
 */
bool dash_flow_is_half_charged(const struct dash_pkt *pkt)
{
	return pkt->ecfg->max_half && (pkt->t.proto != IPPROTO_TCP ||
				       dash_tcp_is_syn(pkt->tcp.flags));
}

void dash_flow_uncharge(struct dash_flow_table *ft, const struct dash_pkt *pkt)
{
	struct dash_eni *eni = pkt->eni;

	atomic_dec(&ft->count);
	if (unlikely(dash_flow_is_half_charged(pkt)))
		flow_uncharge_half(eni);
	atomic_dec(&eni->flows);
	dash_bucket_give(&eni->cps, pkt->ecfg->max_cps);
}

/* A connection that is refused for another reason costs no token. */
enum dash_drop dash_flow_charge(struct dash_flow_table *ft,
				const struct dash_pkt *pkt)
{
	u32 eni_max = pkt->ecfg->max_flows ?: INT_MAX;
	u32 max = pkt->inst->max_flows;
	struct dash_eni *eni = pkt->eni;
	bool half = dash_flow_is_half_charged(pkt);
	enum dash_drop drop;

	if (!dash_bucket_take(&eni->cps, pkt->ecfg->max_cps))
		return DASH_DROP_CPS_LIMIT;

	drop = DASH_DROP_FLOW_LIMIT;
	if (!flow_take(&eni->flows, eni_max) &&
	    !(flow_evict(ft, eni, drop) && flow_take(&eni->flows, eni_max)))
		goto uncharge_cps;

	drop = DASH_DROP_HALF_OPEN_LIMIT;
	if (unlikely(half) && !flow_charge_half(ft, eni, pkt->ecfg->max_half))
		goto uncharge_eni;

	drop = DASH_DROP_MAX_FLOWS;
	if (!flow_take(&ft->count, max) &&
	    !(flow_evict(ft, eni, drop) && flow_take(&ft->count, max)))
		goto uncharge_half;
	return DASH_DROP_NONE;

uncharge_half:
	if (half)
		flow_uncharge_half(eni);
uncharge_eni:
	atomic_dec(&eni->flows);
uncharge_cps:
	dash_bucket_give(&eni->cps, pkt->ecfg->max_cps);
	return drop;
}

/* As dash_flow_charge(), but nobody has to make room. */
enum dash_drop dash_flow_charge_room(struct dash_flow_table *ft,
				     const struct dash_pkt *pkt)
{
	struct dash_eni *eni = pkt->eni;

	if (!flow_take(&eni->flows, pkt->ecfg->max_flows ?: INT_MAX))
		return DASH_DROP_FLOW_LIMIT;
	if (flow_take(&ft->count, pkt->inst->max_flows))
		return DASH_DROP_NONE;
	atomic_dec(&eni->flows);
	return DASH_DROP_MAX_FLOWS;
}
