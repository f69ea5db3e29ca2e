// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Theory of operation
 *
 * A connection is one object for both directions. Its key is written from the
 * ENI's point of view, so that packets of either direction have the same key
 * and there is one entry to find, in flow_table.c, to insert and to age.
 *
 * A packet that finds its connection takes no lock. It writes the counters, the
 * TCP numbers, and the time where that is older than HZ / 8.
 *
 * Ageing is a wheel per shard: 1024 slots of HZ / 4. A connection is linked
 * into the slot in which it goes if no packet comes; packets do not touch the
 * wheel. When its time comes and there were packets, it is linked anew. So the
 * cost is one visit per connection and idle time (or 256 s), at any size. Only
 * when a change of state leaves it less time it is linked anew at once.
 *
 * The time stamp may be too old by HZ / 8, which is added to the timeout; a
 * slot's end and the worker's period add HZ / 4 each. An idle connection is
 * gone less than a second after its time, and never before.
 *
 * Removal: whoever gets a connection out of the rhashtable is the one who
 * removed it. So nobody finds it there after a call of dash_flow_remove(),
 * whatever that returned.
 *
 * Memory: 256 bytes of the connection, 11 to 21 of the hash table. What is done
 * to packets, see flow_act.c, is shared.
 */
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "eni.h"
#include "event.h"
#include "flow_impl.h"
#include "inst.h"
#include "nat.h"
#include "netns.h"
#include "stats.h"

#define FLOW_MIN_SHARDS		16
#define FLOW_MAX_SHARDS		512
/* connections per shard that the number of shards is chosen for */
#define FLOW_SHARD_LOAD		65536

static struct kmem_cache *flow_cache;

/* --- decisions --- */

enum dash_drop dash_flow_redecide(struct dash_flow_table *ft,
				  struct dash_flow *flow,
				  const struct dash_pkt *pkt,
				  const struct dash_flow_act *what)
{
	struct dash_flow_act *act, *old;

	act = dash_flow_act_get(ft, what, pkt);
	if (!act)
		return DASH_DROP_NO_MEMORY;

	spin_lock(&flow->lock);
	old = rcu_replace_pointer(flow->act, act,
				  lockdep_is_held(&flow->lock));
	spin_unlock(&flow->lock);
	dash_flow_act_put(old);
	return DASH_DROP_NONE;
}

/* --- removal --- */

/* Those of a protocol: @of_udp, or what follows it for TCP. */
static void flow_count_proto(const struct dash_flow *flow,
			     enum dash_flow_stat of_udp)
{
	u8 proto = dash_flow_proto(flow);

	if (proto == IPPROTO_TCP || proto == IPPROTO_UDP)
		dash_stats_flow(flow->eni->stats,
				of_udp + (proto == IPPROTO_TCP));
}

static void flow_free(struct dash_flow *flow)
{
	kmem_cache_free(flow_cache, flow);
}

static void flow_free_rcu(struct rcu_head *rcu)
{
	struct dash_flow *flow = container_of(rcu, struct dash_flow, rcu);

	dash_flow_act_put(rcu_dereference_protected(flow->act, true));
	flow_free(flow);
}

static void flow_unlink(struct dash_flow_shard *shard, struct dash_flow *flow)
{
	lockdep_assert_held(&shard->lock);
	WRITE_ONCE(flow->dead, true);
	hlist_del_init(&flow->wheel);
}

/* Free what was removed, with a break now and then. Process context. */
void dash_flow_dead_free(struct dash_flow_dead *dead)
{
	struct rcu_head *rcu = dead->first, *next;
	u32 n = 0;

	if (!rcu)
		return;
	synchronize_rcu();
	local_bh_disable();
	for (; rcu; rcu = next) {
		next = rcu->next;
		flow_free_rcu(rcu);
		if (++n % DASH_FLOW_BATCH)
			continue;
		local_bh_enable();
		cond_resched();
		local_bh_disable();
	}
	local_bh_enable();
	*dead = (struct dash_flow_dead){};
}

/* Out of the rhashtable and the wheel; the rest. @dead: or NULL */
static void flow_release(struct dash_flow_table *ft, struct dash_flow *flow,
			 enum dash_flow_end why, struct dash_flow_dead *dead)
{
	struct dash_eni *eni = flow->eni;

	dash_event_flow_end(flow, why);
	flow_count_proto(flow, DASH_FLOW_REMOVED_UDP);
	if (why == DASH_FLOW_END_POLICY)
		dash_stats_flow(eni->stats, DASH_FLOW_DENIED);
	else if (why == DASH_FLOW_END_CUT)
		dash_stats_flow(eni->stats, DASH_FLOW_CUT);
	else if (why == DASH_FLOW_END_REPLACED)
		dash_stats_flow(eni->stats, DASH_FLOW_TCP_REPLACED);
	/* dead was set before, so that it cannot be linked any more */
	if (!READ_ONCE(flow->answered))
		dash_flow_half_del(flow);
	if (unlikely(flow->nat))
		dash_nat_remove(ft, flow);
	atomic_dec(&ft->count);
	dash_stats_flow(eni->stats, DASH_FLOW_REMOVED);
	/* the last use of the ENI; pairs with dash_flow_flush_eni() */
	smp_mb__before_atomic();
	atomic_dec(&eni->flows);
	if (!dead) {
		call_rcu(&flow->rcu, flow_free_rcu);
		return;
	}
	flow->rcu.next = dead->first;
	dead->first = &flow->rcu;
	dead->n++;
}

/* @dead: where to put it, for dash_flow_dead_free(); NULL: it is freed */
bool dash_flow_end_into(struct dash_flow_table *ft, struct dash_flow *flow,
			enum dash_flow_end why, struct dash_flow_dead *dead)
{
	struct dash_flow_shard *shard = dash_flow_shard(ft, flow->hash);

	if (!dash_flow_unhash(shard, flow))
		return false;

	spin_lock(&shard->lock);
	flow_unlink(shard, flow);
	spin_unlock(&shard->lock);
	flow_release(ft, flow, why, dead);
	return true;
}

bool dash_flow_end(struct dash_flow_table *ft, struct dash_flow *flow,
		   enum dash_flow_end why)
{
	return dash_flow_end_into(ft, flow, why, NULL);
}

/* The time that those are kept is no idle time. */
static bool flow_is_closed(const struct dash_flow *flow)
{
	return dash_flow_is_over(flow) ||
	       READ_ONCE(flow->state) == DASH_FLOW_STATE_FIN;
}

static void flow_count_timeout(const struct dash_flow *flow)
{
	struct dash_eni_stats __percpu *stats = flow->eni->stats;

	switch (READ_ONCE(flow->state)) {
	case DASH_FLOW_STATE_SYN_SENT:
	case DASH_FLOW_STATE_SYN_RECV:
		dash_stats_flow(stats, DASH_FLOW_TCP_SYN_TIMED_OUT);
		break;
	case DASH_FLOW_STATE_ESTABLISHED:
		dash_stats_flow(stats, DASH_FLOW_TCP_TIMED_OUT);
		break;
	}
}

/* The same under the shard's lock, by ageing. */
bool dash_flow_expire(struct dash_flow_table *ft,
		      struct dash_flow_shard *shard, struct dash_flow *flow,
		      struct dash_flow_dead *dead)
{
	if (!dash_flow_unhash(shard, flow))
		return false;

	flow_unlink(shard, flow);
	dash_stats_flow(flow->eni->stats, DASH_FLOW_TIMED_OUT);
	flow_count_timeout(flow);
	flow_release(ft, flow, flow_is_closed(flow) ? DASH_FLOW_END_CLOSED :
						      DASH_FLOW_END_TIMEOUT,
		     dead);
	return true;
}

/* --- creation --- */

/* The most that began in a second, as seconds are counted from boot. */
static void flow_note_rate(struct dash_eni *eni)
{
	u32 now = (u32)jiffies / HZ, was = READ_ONCE(eni->rate_second), n;

	if (was != now && cmpxchg(&eni->rate_second, was, now) == was) {
		n = atomic_xchg(&eni->rate, 0);
		if (n > READ_ONCE(eni->rate_max))
			WRITE_ONCE(eni->rate_max, n);
	}
	atomic_inc(&eni->rate);
}

static void flow_note_max(struct dash_eni *eni)
{
	u32 max = READ_ONCE(eni->flows_max);
	u32 n = atomic_read(&eni->flows);

	/* another CPU's larger number must not be overwritten */
	while (unlikely(n > max)) {
		u32 was = cmpxchg(&eni->flows_max, max, n);

		if (was == max)
			break;
		max = was;
	}
}

static struct dash_flow *flow_new(const struct dash_pkt *pkt)
{
	struct dash_flow *flow;

	flow = kmem_cache_zalloc(flow_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!flow)
		return NULL;

	flow->key = pkt->key;
	flow->hash = pkt->hash;
	flow->eni = pkt->eni;
	flow->created = jiffies;
	flow->last = flow->created;
	flow->dir = pkt->dir;
	spin_lock_init(&flow->lock);
	INIT_HLIST_NODE(&flow->wheel);
	INIT_LIST_HEAD(&flow->half);

	if (pkt->t.proto == IPPROTO_TCP)
		flow->state = dash_tcp_open(&flow->tcp, &pkt->tcp);
	else if (dash_tuple_is_icmp(&pkt->t))
		flow->state = DASH_FLOW_STATE_ICMP;
	else
		flow->state = DASH_FLOW_STATE_NEW;
	/* nobody waits for an answer to what was taken up in its middle */
	flow->answered = flow->state == DASH_FLOW_STATE_ESTABLISHED;
	return flow;
}

/* Put a connection where packets find it, or find the one that is there.
 * Unless it returns 0 with *@flowp being @flow, that is still the caller's.
 * @half: it is counted as unanswered already; @saved: it had been there before,
 * or NULL.
 */
static enum dash_drop flow_enter(struct dash_flow_table *ft,
				 const struct dash_pkt *pkt,
				 const struct dash_flow_act *what,
				 struct dash_flow *flow, bool half,
				 const struct dash_flow_saved *saved,
				 struct dash_flow **flowp)
{
	struct dash_flow_shard *shard = dash_flow_shard(ft, flow->hash);
	struct dash_eni *eni = flow->eni;
	struct dash_flow_act *act;
	struct dash_flow *old;
	enum dash_drop drop;

	act = dash_flow_act_get(ft, what, pkt);
	if (!act)
		return DASH_DROP_NO_MEMORY;
	RCU_INIT_POINTER(flow->act, act);
	if (unlikely(what->xf[0].nat)) {
		drop = dash_nat_create(ft, flow, pkt, what,
				       saved && saved->has_nat ?
				       &saved->nat_port : NULL);
		if (drop)
			goto put_act;
	}

	old = dash_flow_insert(ft, flow);
	if (IS_ERR(old)) {
		drop = PTR_ERR(old) == -E2BIG ? DASH_DROP_MAX_FLOWS :
						DASH_DROP_NO_MEMORY;
		goto remove_nat;
	}
	if (old) {
		*flowp = old;
		drop = DASH_DROP_NONE;
		goto remove_nat;
	}
	if (unlikely(flow->nat))
		dash_nat_publish(flow);

	/* Others may have found, even removed it meanwhile. */
	spin_lock(&shard->lock);
	if (!flow->dead)
		dash_flow_wheel_link(shard, flow);
	spin_unlock(&shard->lock);
	if (half || !READ_ONCE(flow->answered))
		dash_flow_half_add(flow, half);

	flow_note_max(eni);
	flow_note_rate(eni);
	flow_count_proto(flow, DASH_FLOW_CREATED_UDP);
	dash_stats_flow(eni->stats, DASH_FLOW_CREATED);
	dash_event_flow_new(flow, pkt);
	*flowp = flow;
	return DASH_DROP_NONE;

remove_nat:
	if (flow->nat)
		dash_nat_remove(ft, flow);
put_act:
	dash_flow_act_put(act);
	return drop;
}

enum dash_drop dash_flow_create(struct dash_flow_table *ft,
				const struct dash_pkt *pkt,
				const struct dash_flow_act *what,
				struct dash_flow **flowp)
{
	struct dash_flow *flow;
	enum dash_drop drop;

	drop = dash_flow_charge(ft, pkt);
	if (drop) {
		dash_event_limit(pkt->eni, drop);
		return drop;
	}

	drop = DASH_DROP_NO_MEMORY;
	flow = flow_new(pkt);
	if (!flow)
		goto uncharge;
	drop = flow_enter(ft, pkt, what, flow, dash_flow_is_half_charged(pkt),
			  NULL, flowp);
	if (drop || *flowp != flow)
		goto free;
	return DASH_DROP_NONE;

free:
	flow_free(flow);
uncharge:
	dash_flow_uncharge(ft, pkt);
	return drop;
}

/* --- connections of former times --- */

static void flow_set_saved(struct dash_flow *flow,
			   const struct dash_flow_saved *saved)
{
	unsigned long now = flow->created;
	int i;

	flow->state = saved->state;
	flow->answered = saved->answered;
	flow->tcp = saved->tcp;
	flow->created = now - min_t(u64, (u64)saved->age * HZ, LONG_MAX);
	flow->last = now - min_t(u64, (u64)saved->idle * HZ, DASH_TIMEOUT_MAX);
	for (i = 0; i < 2; i++) {
		flow->packets[i] = saved->packets[i];
		flow->bytes[i] = saved->bytes[i];
	}
}

enum dash_drop dash_flow_restore(struct dash_flow_table *ft,
				 const struct dash_pkt *pkt,
				 const struct dash_flow_act *what,
				 const struct dash_flow_saved *saved,
				 enum dash_flow_restored *res)
{
	struct dash_flow *flow, *there;
	enum dash_drop drop;

	drop = dash_flow_charge_room(ft, pkt);
	if (drop)
		return drop;

	drop = DASH_DROP_NO_MEMORY;
	flow = flow_new(pkt);
	if (!flow)
		goto uncharge;
	flow_set_saved(flow, saved);

	drop = DASH_DROP_NONE;
	*res = DASH_FLOW_EXPIRED;
	if ((u64)saved->idle * HZ >= dash_flow_timeout(flow, flow->state))
		goto free;
	drop = flow_enter(ft, pkt, what, flow, false, saved, &there);
	*res = DASH_FLOW_EXISTING;
	if (drop || there != flow)
		goto free;
	*res = DASH_FLOW_RESTORED;
	return DASH_DROP_NONE;

free:
	flow_free(flow);
uncharge:
	atomic_dec(&ft->count);
	atomic_dec(&pkt->eni->flows);
	return drop;
}

/* --- packets --- */

static void flow_set_state(struct dash_flow_table *ft, struct dash_flow *flow,
			   u8 state)
{
	unsigned long old;

	lockdep_assert_held(&flow->lock);
	if (state == flow->state)
		return;
	old = dash_flow_timeout(flow, flow->state);
	WRITE_ONCE(flow->last, jiffies);
	/* pairs with dash_flow_expires(): ageing must not find the new state
	 * with the old time
	 */
	smp_store_release(&flow->state, state);
	if (dash_flow_timeout(flow, state) < old)
		dash_flow_wheel_relink(ft, flow);
}

static void flow_count_tcp(const struct dash_flow *flow, u8 flags)
{
	struct dash_eni_stats __percpu *stats = flow->eni->stats;

	if (flags & DASH_TCP_SYN)
		dash_stats_flow(stats, flags & DASH_TCP_ACK ?
				       DASH_FLOW_TCP_SYN_ACK :
				       DASH_FLOW_TCP_SYN);
	if (flags & DASH_TCP_FIN)
		dash_stats_flow(stats, DASH_FLOW_TCP_FIN);
	if (flags & DASH_TCP_RST)
		dash_stats_flow(stats, DASH_FLOW_TCP_RST);
}

static bool flow_touch_tcp(struct dash_flow_table *ft, struct dash_flow *flow,
			   const struct dash_tcp_seg *seg, int dir)
{
	u8 old, state;
	bool end;

	if (likely(dash_tcp_is_plain(seg->flags) &&
		   READ_ONCE(flow->state) == DASH_FLOW_STATE_ESTABLISHED)) {
		dash_tcp_advance(&flow->tcp, DASH_FLOW_STATE_ESTABLISHED, seg,
				 dir, &end);
		return false;
	}

	flow_count_tcp(flow, seg->flags);
	spin_lock(&flow->lock);
	old = flow->state;
	state = dash_tcp_advance(&flow->tcp, old, seg, dir, &end);
	flow_set_state(ft, flow, state);
	spin_unlock(&flow->lock);

	/* a FIN may come with the last ACK of the handshake */
	if (old == DASH_FLOW_STATE_SYN_RECV &&
	    (state == DASH_FLOW_STATE_ESTABLISHED ||
	     state == DASH_FLOW_STATE_FIN))
		dash_stats_flow(flow->eni->stats, DASH_FLOW_TCP_ESTABLISHED);
	/* a SYN that is not answered but by a RST, too */
	if (seg->flags & DASH_TCP_RST &&
	    (end || (state == DASH_FLOW_STATE_CLOSED && state != old)))
		dash_stats_flow(flow->eni->stats, DASH_FLOW_TCP_RESET);
	else if (state == DASH_FLOW_STATE_TIME_WAIT && state != old)
		dash_stats_flow(flow->eni->stats, DASH_FLOW_TCP_CLOSED);
	return end;
}

static void flow_touch_time(struct dash_flow *flow)
{
	unsigned long now = jiffies;

	if (likely((u32)now - READ_ONCE(flow->last) < DASH_FLOW_STAMP))
		return;
	if (dash_flow_is_over(flow))
		return;
	WRITE_ONCE(flow->last, now);
}

bool dash_flow_touch(struct dash_flow_table *ft, struct dash_flow *flow,
		     const struct dash_pkt *pkt)
{
	int dir = dash_flow_dir(flow, pkt->dir);
	bool end = false;

	if (dir == 1 && unlikely(!READ_ONCE(flow->answered))) {
		dash_flow_half_del(flow);
		spin_lock(&flow->lock);
		if (flow->state == DASH_FLOW_STATE_NEW)
			flow_set_state(ft, flow, DASH_FLOW_STATE_STREAM);
		spin_unlock(&flow->lock);
	}
	if (pkt->t.proto == IPPROTO_TCP && pkt->frag != DASH_FRAG_LATER)
		end = flow_touch_tcp(ft, flow, &pkt->tcp, dir);
	flow_touch_time(flow);

	/* the packet that made it found none */
	if (likely(flow->packets[0] || dir == 1))
		dash_stats_flow(flow->eni->stats, DASH_FLOW_MATCHED +
				(pkt->t.proto == IPPROTO_UDP) +
				2 * (pkt->t.proto == IPPROTO_TCP));
	WRITE_ONCE(flow->packets[dir], flow->packets[dir] + 1);
	WRITE_ONCE(flow->bytes[dir],
		   flow->bytes[dir] + pkt->skb->len - pkt->inner_eth);
	return end;
}

/* --- life of the table --- */

struct dash_flow_table *dash_flow_table_alloc(struct dash_net *dn)
{
	const struct dash_inst *inst = dn->next_inst ?:
				       dash_dereference(dn, dn->inst);
	unsigned long due = jiffies + DASH_FLOW_TICK;
	struct dash_flow_table *ft;
	u32 i, n;

	ft = kzalloc(sizeof(*ft), GFP_KERNEL_ACCOUNT);
	if (!ft)
		return NULL;

	n = clamp_t(u32, inst->max_flows / FLOW_SHARD_LOAD, FLOW_MIN_SHARDS,
		    FLOW_MAX_SHARDS);
	ft->n_shards = roundup_pow_of_two(n);
	ft->shift = 32 - ilog2(ft->n_shards);
	get_random_bytes(&ft->key, sizeof(ft->key));
	ft->act_seed = get_random_u32();

	ft->shards = kvcalloc(ft->n_shards, sizeof(*ft->shards),
			      GFP_KERNEL_ACCOUNT);
	if (!ft->shards)
		goto free_table;
	if (dash_flow_acts_init(ft))
		goto free_shards;
	if (dash_nat_table_init(ft))
		goto fini_acts;
	for (i = 0; i < ft->n_shards; i++) {
		dash_flow_wheel_init(&ft->shards[i], due);
		if (dash_flow_shard_init(&ft->shards[i]))
			goto destroy_shards;
	}

	dash_flow_age_start(ft);
	return ft;

destroy_shards:
	while (i--)
		rhashtable_destroy(&ft->shards[i].ht);
	dash_nat_table_fini(ft);
fini_acts:
	dash_flow_acts_fini(ft);
free_shards:
	kvfree(ft->shards);
free_table:
	kfree(ft);
	return NULL;
}

void dash_flow_table_free(struct dash_flow_table *ft)
{
	struct dash_flow_filter all = {};
	u32 i;

	if (!ft)
		return;

	dash_flow_age_stop(ft);
	dash_flow_flush(ft, &all);
	/* The connections hold decisions, and these next hops, which are the
	 * next to go.
	 */
	rcu_barrier();
	for (i = 0; i < ft->n_shards; i++)
		rhashtable_destroy(&ft->shards[i].ht);
	dash_flow_acts_fini(ft);
	dash_nat_table_fini(ft);
	kvfree(ft->shards);
	kfree(ft);
}

int dash_flow_module_init(void)
{
	int err;

	/* One more line is a miss per packet. Elsewhere locks or pointers have
	 * other sizes.
	 */
#if defined(CONFIG_64BIT) && L1_CACHE_BYTES == 64 && \
	!defined(CONFIG_DEBUG_SPINLOCK) && !defined(CONFIG_PREEMPT_RT)
	BUILD_BUG_ON(sizeof(struct dash_flow) != 256);
	BUILD_BUG_ON(offsetof(struct dash_flow, act) != 64);
	/* as dash_flow_act_prefetch() has it */
	BUILD_BUG_ON(offsetof(struct dash_flow_act, refs) != 256);
#endif
	err = dash_flow_act_module_init();
	if (err)
		return err;
	err = dash_nat_module_init();
	if (err)
		goto exit_act;
	flow_cache = KMEM_CACHE(dash_flow, SLAB_HWCACHE_ALIGN);
	if (flow_cache)
		return 0;

	err = -ENOMEM;
	dash_nat_module_exit();
exit_act:
	dash_flow_act_module_exit();
	return err;
}

void dash_flow_module_exit(void)
{
	/* what call_rcu() has still to free */
	rcu_barrier();
	kmem_cache_destroy(flow_cache);
	dash_nat_module_exit();
	dash_flow_act_module_exit();
}
