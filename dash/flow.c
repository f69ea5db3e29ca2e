// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Theory of operation
 *
 * A connection is one object for both directions. Its key is written from the
 * ENI's point of view, so that packets of either direction have the same key
 * and there is one entry to find, to insert and to age.
 *
 *	keyed hash of the key, 32 bits
 *	+---------+--------------------------+
 *	| shard   |               ... bucket |
 *	+---------+--------------------------+
 *	     |                         |
 *	     v                         v
 *	  shard: lock, ageing wheel, rhashtable of at most 2^17 buckets
 *
 * One rhashtable can neither be made large at once nor grow to millions of
 * entries without stalling whoever waits for it, hence up to 512 of them. They
 * never shrink, and the bucket of a key depends on nothing but its hash and
 * their size. Growing therefore only splits buckets, and a walk in the order
 * of the bucket's bits reversed, most significant first, can stop and go on
 * although the table grew: what was behind it stays behind.
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
 * Each ENI has its unanswered connections in a list in the order of their last
 * packets. When a limit is reached the first of them makes room.
 *
 * Removal: whoever gets a connection out of the rhashtable is the one who
 * removed it. So nobody finds it there after a call of dash_flow_remove(),
 * whatever that returned.
 *
 * Memory: 256 bytes of the connection, 192 of what it does, 11 to 21 of the
 * hash table.
 */
#include <linux/bitrev.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "addr.h"
#include "eni.h"
#include "flow.h"
#include "inst.h"
#include "netns.h"
#include "stats.h"
#include "underlay.h"

#define FLOW_MIN_SHARDS		16
#define FLOW_MAX_SHARDS		512
#define FLOW_SHARD_BUCKETS	131072
/* connections per shard that the number of shards is chosen for */
#define FLOW_SHARD_LOAD		65536

#define FLOW_WHEEL_SLOTS	1024
#define FLOW_TICK		(HZ / 4)
/* error of the time stamp */
#define FLOW_STAMP		(HZ / 8)

/* connections or buckets looked at before others get their turn */
#define FLOW_BATCH		64

/**
 * struct dash_flow_shard - part of the connections
 */
struct dash_flow_shard {
	/** @ht: connections by key */
	struct rhashtable ht;
	/** @lock: guards what follows; BH off */
	spinlock_t lock ____cacheline_aligned_in_smp;
	/** @tick: number of the next slot to age */
	u32 tick;
	/** @due: jiffies when that is to happen: all in it have expired */
	unsigned long due;
	/** @wheel: connections by the time when they are to be looked at */
	struct hlist_head wheel[FLOW_WHEEL_SLOTS];
} ____cacheline_aligned_in_smp;

/**
 * struct dash_flow_table - connections of an instance
 */
struct dash_flow_table {
	/** @key: of the hash */
	hsiphash_key_t key;
	/** @shift: shard = hash >> shift */
	u32 shift;
	/** @n_shards: how many; a power of two */
	u32 n_shards;
	/** @shards: these */
	struct dash_flow_shard *shards;
	/** @age: ageing */
	struct delayed_work age;
	/** @count: connections */
	atomic_t count ____cacheline_aligned_in_smp;
};

/* What rhashtable gets as key, so that the hash is computed once. */
struct flow_search {
	const struct dash_flow_key *key;
	u32 hash;
};

static struct kmem_cache *flow_cache;
static struct kmem_cache *flow_act_cache;

/* --- table --- */

/* The seed is left out for walks to be resumable; the hash is keyed anyway. */
static u32 flow_hashfn(const void *data, u32 len, u32 seed)
{
	const struct flow_search *s = data;

	return s->hash;
}

static u32 flow_obj_hashfn(const void *data, u32 len, u32 seed)
{
	const struct dash_flow *flow = data;

	return flow->hash;
}

static int flow_obj_cmpfn(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct flow_search *s = arg->key;
	const struct dash_flow *flow = obj;

	if (flow->hash != s->hash)
		return 1;
	return memcmp(&flow->key, s->key, sizeof(flow->key));
}

static const struct rhashtable_params flow_params = {
	.nelem_hint = 384,
	.key_len = sizeof(struct flow_search),
	.head_offset = offsetof(struct dash_flow, node),
	.max_size = FLOW_SHARD_BUCKETS,
	.hashfn = flow_hashfn,
	.obj_hashfn = flow_obj_hashfn,
	.obj_cmpfn = flow_obj_cmpfn,
	.automatic_shrinking = false,
};

static struct dash_flow_shard *flow_shard(const struct dash_flow_table *ft,
					  u32 hash)
{
	return &ft->shards[hash >> ft->shift];
}

u32 dash_flow_hash(const struct dash_flow_table *ft,
		   const struct dash_flow_key *key)
{
	/* no padding may get into the hash */
	BUILD_BUG_ON(sizeof(*key) != 40);
	return hsiphash(key, sizeof(*key), &ft->key);
}

struct dash_flow *dash_flow_lookup(struct dash_flow_table *ft,
				   const struct dash_flow_key *key)
{
	struct flow_search s = { key, dash_flow_hash(ft, key) };

	return rhashtable_lookup(&flow_shard(ft, s.hash)->ht, &s, flow_params);
}

/* --- keys --- */

/* The request that an ICMP type answers or is, else -1. */
static int flow_icmp_request(u8 proto, u8 type)
{
	if (proto == IPPROTO_ICMPV6) {
		switch (type) {
		case ICMPV6_ECHO_REQUEST:
		case ICMPV6_ECHO_REPLY:
			return ICMPV6_ECHO_REQUEST;
		}
		return -1;
	}

	switch (type) {
	case ICMP_ECHO:
	case ICMP_ECHOREPLY:
		return ICMP_ECHO;
	case ICMP_TIMESTAMP:
	case ICMP_TIMESTAMPREPLY:
		return ICMP_TIMESTAMP;
	case ICMP_INFO_REQUEST:
	case ICMP_INFO_REPLY:
		return ICMP_INFO_REQUEST;
	case ICMP_ADDRESS:
	case ICMP_ADDRESSREPLY:
		return ICMP_ADDRESS;
	}
	return -1;
}

static bool flow_is_icmp(u8 proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

/* Class of an ICMP packet: who asks or speaks << 8 | type of the question, or
 * of what is none. Both kinds have different types, so they never meet.
 */
static u16 flow_icmp_class(const struct dash_tuple *t, u8 dir)
{
	u8 type = ntohs(t->dport);
	int req = flow_icmp_request(t->proto, type);

	if (req < 0)
		return dir << 8 | type;
	return (type == req ? dir : !dir) << 8 | req;
}

void dash_flow_key_init(struct dash_flow_key *key, u32 eni_id,
			const struct dash_tuple *t, u8 dir)
{
	if (dir == DASH_DIRECTION_OUTBOUND) {
		key->laddr = t->src;
		key->raddr = t->dst;
		key->lport = t->sport;
		key->rport = t->dport;
	} else {
		key->laddr = t->dst;
		key->raddr = t->src;
		key->lport = t->dport;
		key->rport = t->sport;
	}
	key->eni_proto = eni_id << 8 | t->proto;

	if (flow_is_icmp(t->proto)) {
		key->lport = t->sport;
		key->rport = htons(flow_icmp_class(t, dir));
	}
}

static u8 flow_proto(const struct dash_flow *flow)
{
	return flow->key.eni_proto;
}

void dash_flow_tuple(const struct dash_flow *flow, struct dash_tuple *t)
{
	const struct dash_flow_key *key = &flow->key;
	bool icmp = flow_is_icmp(flow_proto(flow));

	*t = (struct dash_tuple){
		.proto = flow_proto(flow),
		.v6 = !dash_addr_is_v4(&key->laddr),
	};
	if (flow->dir == DASH_DIRECTION_OUTBOUND) {
		t->src = key->laddr;
		t->dst = key->raddr;
		t->sport = key->lport;
		t->dport = key->rport;
	} else {
		t->src = key->raddr;
		t->dst = key->laddr;
		t->sport = key->rport;
		t->dport = key->lport;
	}
	if (icmp) {
		t->sport = key->lport;
		t->dport = 0;
	}
}

/* --- time --- */

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
static unsigned long flow_timeout(const struct dash_flow *flow, u8 state)
{
	const struct dash_eni_cfg *cfg = rcu_dereference(flow->eni->cfg);

	if (!cfg)
		return 0;
	return cfg->timeout[flow_timeout_of(state, flow_proto(flow))];
}

unsigned long dash_flow_expires(const struct dash_flow *flow)
{
	/* pairs with flow_set_state(): a new state's shorter time must not
	 * run from an old packet
	 */
	u8 state = smp_load_acquire(&flow->state);

	return READ_ONCE(flow->last) + flow_timeout(flow, state);
}

static unsigned long flow_goes_at(const struct dash_flow *flow)
{
	return dash_flow_expires(flow) + FLOW_STAMP;
}

static void flow_wheel_link(struct dash_flow_shard *shard,
			    struct dash_flow *flow, unsigned long at)
{
	long delay = at - shard->due;
	u32 ticks = 0;

	lockdep_assert_held(&shard->lock);
	if (delay > 0)
		ticks = min_t(unsigned long, DIV_ROUND_UP(delay, FLOW_TICK),
			      FLOW_WHEEL_SLOTS - 1);
	ticks += shard->tick;
	hlist_add_head(&flow->wheel,
		       &shard->wheel[ticks % FLOW_WHEEL_SLOTS]);
}

/* For a connection that may have to go earlier than before. */
static void flow_wheel_relink(struct dash_flow_table *ft,
			      struct dash_flow *flow)
{
	struct dash_flow_shard *shard = flow_shard(ft, flow->hash);

	spin_lock_bh(&shard->lock);
	if (!hlist_unhashed(&flow->wheel)) {
		hlist_del_init(&flow->wheel);
		flow_wheel_link(shard, flow, flow_goes_at(flow));
	}
	spin_unlock_bh(&shard->lock);
}

/* --- unanswered connections --- */

void dash_flow_eni_init(struct dash_eni *eni)
{
	spin_lock_init(&eni->half_lock);
	INIT_LIST_HEAD(&eni->half);
	spin_lock_init(&eni->cps_lock);
	eni->cps_last = jiffies - HZ;
}

static void flow_half_add(struct dash_flow *flow)
{
	struct dash_eni *eni = flow->eni;

	spin_lock(&eni->half_lock);
	if (!flow->answered && !READ_ONCE(flow->dead))
		list_add_tail(&flow->half, &eni->half);
	spin_unlock(&eni->half_lock);
}

/* Answered or removed; once and for all. */
static void flow_half_del(struct dash_flow *flow)
{
	struct dash_eni *eni = flow->eni;

	spin_lock(&eni->half_lock);
	WRITE_ONCE(flow->answered, true);
	list_del_init(&flow->half);
	spin_unlock(&eni->half_lock);
}

static void flow_half_refresh(struct dash_flow *flow)
{
	struct dash_eni *eni = flow->eni;

	spin_lock(&eni->half_lock);
	if (!list_empty(&flow->half))
		list_move_tail(&flow->half, &eni->half);
	spin_unlock(&eni->half_lock);
}

/* --- decisions --- */

struct dash_flow_act *dash_flow_act_alloc(void)
{
	return kmem_cache_zalloc(flow_act_cache, GFP_ATOMIC | __GFP_NOWARN);
}

void dash_flow_act_free(struct dash_flow_act *act)
{
	if (!act)
		return;
	dash_underlay_put(act->xf[0].nh);
	dash_underlay_put(act->xf[1].nh);
	kmem_cache_free(flow_act_cache, act);
}

static void flow_act_free_rcu(struct rcu_head *rcu)
{
	dash_flow_act_free(container_of(rcu, struct dash_flow_act, rcu));
}

void dash_flow_act_replace(struct dash_flow *flow, struct dash_flow_act *act,
			   u32 gen)
{
	struct dash_flow_act *old;

	spin_lock(&flow->lock);
	old = rcu_replace_pointer(flow->act, act,
				  lockdep_is_held(&flow->lock));
	WRITE_ONCE(flow->gen, gen);
	spin_unlock(&flow->lock);
	if (old)
		call_rcu(&old->rcu, flow_act_free_rcu);
}

/* --- removal --- */

static void flow_free(struct dash_flow *flow)
{
	kmem_cache_free(flow_cache, flow);
}

static void flow_free_rcu(struct rcu_head *rcu)
{
	struct dash_flow *flow = container_of(rcu, struct dash_flow, rcu);

	dash_flow_act_free(rcu_dereference_protected(flow->act, true));
	flow_free(flow);
}

static void flow_release_locked(struct dash_flow_shard *shard,
				struct dash_flow *flow)
{
	lockdep_assert_held(&shard->lock);
	WRITE_ONCE(flow->dead, true);
	hlist_del_init(&flow->wheel);
}

/* Out of the rhashtable and the wheel; the rest. */
static void flow_release(struct dash_flow_table *ft, struct dash_flow *flow)
{
	struct dash_eni *eni = flow->eni;

	/* dead was set before, so that it cannot be linked any more */
	if (!READ_ONCE(flow->answered))
		flow_half_del(flow);
	atomic_dec(&ft->count);
	dash_stats_flow(eni->stats, DASH_FLOW_REMOVED);
	/* the last use of the ENI */
	atomic_dec(&eni->flows);
	call_rcu(&flow->rcu, flow_free_rcu);
}

bool dash_flow_remove(struct dash_flow_table *ft, struct dash_flow *flow)
{
	struct dash_flow_shard *shard = flow_shard(ft, flow->hash);

	if (rhashtable_remove_fast(&shard->ht, &flow->node, flow_params))
		return false;

	spin_lock(&shard->lock);
	flow_release_locked(shard, flow);
	spin_unlock(&shard->lock);
	flow_release(ft, flow);
	return true;
}

/* --- ageing --- */

static void flow_age_one(struct dash_flow_table *ft,
			 struct dash_flow_shard *shard, struct dash_flow *flow)
{
	unsigned long at = flow_goes_at(flow);

	hlist_del_init(&flow->wheel);
	if (time_after(at, jiffies)) {
		/* later than this slot, so never back into it */
		flow_wheel_link(shard, flow, at);
		return;
	}
	/* else somebody is removing it and needs no wheel for that */
	if (!rhashtable_remove_fast(&shard->ht, &flow->node, flow_params)) {
		flow_release_locked(shard, flow);
		dash_stats_flow(flow->eni->stats, DASH_FLOW_TIMED_OUT);
		flow_release(ft, flow);
	}
}

/* Age one slot, or a part of it.
 * Return: false when nothing is due any more.
 */
static bool flow_age_some(struct dash_flow_table *ft,
			  struct dash_flow_shard *shard)
{
	struct hlist_head *slot;
	int budget = FLOW_BATCH;
	bool due = false;

	spin_lock_bh(&shard->lock);
	rcu_read_lock();
	if (time_before(jiffies, shard->due))
		goto unlock;

	due = true;
	slot = &shard->wheel[shard->tick % FLOW_WHEEL_SLOTS];
	while (!hlist_empty(slot) && budget--)
		flow_age_one(ft, shard,
			     hlist_entry(slot->first, struct dash_flow, wheel));
	if (hlist_empty(slot)) {
		shard->tick++;
		shard->due += FLOW_TICK;
	}
unlock:
	rcu_read_unlock();
	spin_unlock_bh(&shard->lock);
	return due;
}

static void flow_age(struct work_struct *work)
{
	struct dash_flow_table *ft;
	u32 i;

	ft = container_of(to_delayed_work(work), struct dash_flow_table, age);
	for (i = 0; i < ft->n_shards; i++)
		while (flow_age_some(ft, &ft->shards[i]))
			cond_resched();
	queue_delayed_work(system_unbound_wq, &ft->age, FLOW_TICK);
}

/* --- creation --- */

static bool flow_charge(atomic_t *count, u32 max)
{
	if ((u32)atomic_inc_return(count) <= max)
		return true;
	atomic_dec(count);
	return false;
}

/* The bucket is one second deep. Tokens are counted in 1 / HZ, so that no
 * rate is too small and nothing gets lost in rounding.
 */
static bool flow_charge_cps(struct dash_eni *eni, u32 max)
{
	bool ok;

	if (!max)
		return true;

	spin_lock(&eni->cps_lock);
	eni->cps_tokens += (u64)min_t(unsigned long, jiffies - eni->cps_last,
				      HZ) * max;
	eni->cps_tokens = min_t(u64, eni->cps_tokens, (u64)max * HZ);
	eni->cps_last = jiffies;
	ok = eni->cps_tokens >= HZ;
	if (ok)
		eni->cps_tokens -= HZ;
	spin_unlock(&eni->cps_lock);
	return ok;
}

static void flow_uncharge_cps(struct dash_eni *eni, u32 max)
{
	if (!max)
		return;
	spin_lock(&eni->cps_lock);
	eni->cps_tokens += HZ;
	spin_unlock(&eni->cps_lock);
}

/* Remove the longest idle of the ENI's unanswered connections.
 * Return: false when there is none.
 */
static bool flow_evict(struct dash_flow_table *ft, struct dash_eni *eni)
{
	struct dash_flow *flow;

	spin_lock(&eni->half_lock);
	flow = list_first_entry_or_null(&eni->half, struct dash_flow, half);
	spin_unlock(&eni->half_lock);
	if (!flow)
		return false;
	/* or somebody else does just now; there is room either way */
	dash_flow_remove(ft, flow);
	return true;
}

static void flow_uncharge(struct dash_flow_table *ft, struct dash_eni *eni,
			  const struct dash_eni_cfg *ecfg)
{
	atomic_dec(&ft->count);
	atomic_dec(&eni->flows);
	flow_uncharge_cps(eni, ecfg->max_cps);
}

/* A connection that is refused for another reason costs no token. */
static enum dash_drop flow_charge_all(struct dash_flow_table *ft,
				      const struct dash_pkt *pkt)
{
	u32 eni_max = pkt->ecfg->max_flows ?: INT_MAX;
	u32 max = pkt->inst->max_flows;
	struct dash_eni *eni = pkt->eni;
	enum dash_drop drop;

	if (!flow_charge_cps(eni, pkt->ecfg->max_cps))
		return DASH_DROP_CPS_LIMIT;

	drop = DASH_DROP_FLOW_LIMIT;
	if (!flow_charge(&eni->flows, eni_max) &&
	    !(flow_evict(ft, eni) && flow_charge(&eni->flows, eni_max)))
		goto uncharge_cps;

	drop = DASH_DROP_MAX_FLOWS;
	if (!flow_charge(&ft->count, max) &&
	    !(flow_evict(ft, eni) && flow_charge(&ft->count, max)))
		goto uncharge_eni;
	return DASH_DROP_NONE;

uncharge_eni:
	atomic_dec(&eni->flows);
uncharge_cps:
	flow_uncharge_cps(eni, pkt->ecfg->max_cps);
	return drop;
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

static struct dash_flow *flow_new(const struct dash_flow_table *ft,
				  const struct dash_pkt *pkt,
				  const struct dash_flow_key *key,
				  struct dash_flow_act *act)
{
	struct dash_flow *flow;

	flow = kmem_cache_zalloc(flow_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!flow)
		return NULL;

	flow->key = *key;
	flow->hash = dash_flow_hash(ft, key);
	flow->gen = act->gen;
	flow->eni = pkt->eni;
	flow->last = jiffies;
	flow->created = flow->last;
	flow->dir = pkt->dir;
	RCU_INIT_POINTER(flow->act, act);
	spin_lock_init(&flow->lock);
	INIT_HLIST_NODE(&flow->wheel);
	INIT_LIST_HEAD(&flow->half);

	if (pkt->t.proto == IPPROTO_TCP)
		flow->state = dash_tcp_open(&flow->tcp, &pkt->tcp);
	else if (flow_is_icmp(pkt->t.proto))
		flow->state = DASH_FLOW_STATE_ICMP;
	else
		flow->state = DASH_FLOW_STATE_NEW;
	/* nobody waits for an answer to what was taken up in its middle */
	flow->answered = flow->state == DASH_FLOW_STATE_ESTABLISHED;
	return flow;
}

enum dash_drop dash_flow_create(struct dash_flow_table *ft,
				const struct dash_pkt *pkt,
				const struct dash_flow_key *key,
				struct dash_flow_act *act,
				struct dash_flow **flowp)
{
	struct dash_eni *eni = pkt->eni;
	struct dash_flow_shard *shard;
	struct dash_flow *flow, *old;
	struct flow_search s;
	enum dash_drop drop;

	drop = flow_charge_all(ft, pkt);
	if (drop)
		return drop;

	drop = DASH_DROP_NO_MEMORY;
	flow = flow_new(ft, pkt, key, act);
	if (!flow)
		goto uncharge;

	shard = flow_shard(ft, flow->hash);
	s.key = &flow->key;
	s.hash = flow->hash;
	old = rhashtable_lookup_get_insert_key(&shard->ht, &s, &flow->node,
					       flow_params);
	if (IS_ERR(old)) {
		if (PTR_ERR(old) == -E2BIG)
			drop = DASH_DROP_MAX_FLOWS;
		goto free;
	}
	if (old) {
		flow_free(flow);
		flow_uncharge(ft, eni, pkt->ecfg);
		dash_flow_act_free(act);
		*flowp = old;
		return DASH_DROP_NONE;
	}

	/* Others may have found, even removed it meanwhile. */
	spin_lock(&shard->lock);
	if (!flow->dead)
		flow_wheel_link(shard, flow, flow_goes_at(flow));
	spin_unlock(&shard->lock);
	if (!READ_ONCE(flow->answered))
		flow_half_add(flow);

	flow_note_max(eni);
	dash_stats_flow(eni->stats, DASH_FLOW_CREATED);
	*flowp = flow;
	return DASH_DROP_NONE;

free:
	flow_free(flow);
uncharge:
	flow_uncharge(ft, eni, pkt->ecfg);
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
	old = flow_timeout(flow, flow->state);
	WRITE_ONCE(flow->last, jiffies);
	/* pairs with dash_flow_expires(): ageing must not find the new state
	 * with the old time
	 */
	smp_store_release(&flow->state, state);
	if (flow_timeout(flow, state) < old)
		flow_wheel_relink(ft, flow);
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
	return end;
}

static void flow_touch_time(struct dash_flow *flow)
{
	unsigned long now = jiffies;

	if (likely(now - READ_ONCE(flow->last) < FLOW_STAMP))
		return;
	if (dash_flow_is_over(flow))
		return;
	WRITE_ONCE(flow->last, now);
	if (!READ_ONCE(flow->answered))
		flow_half_refresh(flow);
}

bool dash_flow_touch(struct dash_flow_table *ft, struct dash_flow *flow,
		     const struct dash_pkt *pkt)
{
	int dir = dash_flow_dir(flow, pkt->dir);
	bool end = false;

	if (dir == 1 && unlikely(!READ_ONCE(flow->answered))) {
		flow_half_del(flow);
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
		dash_stats_flow(flow->eni->stats, DASH_FLOW_MATCHED);
	WRITE_ONCE(flow->packets[dir], flow->packets[dir] + 1);
	WRITE_ONCE(flow->bytes[dir],
		   flow->bytes[dir] + pkt->skb->len - pkt->inner_eth);
	return end;
}

bool dash_flow_is_over(const struct dash_flow *flow)
{
	u8 state = READ_ONCE(flow->state);

	return state == DASH_FLOW_STATE_CLOSED ||
	       state == DASH_FLOW_STATE_TIME_WAIT;
}

/* --- all of them --- */

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
		for (budget = FLOW_BATCH; budget; budget--) {
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

bool dash_flow_match(const struct dash_flow_filter *f,
		     const struct dash_flow *flow)
{
	struct dash_tuple t;

	if (f->eni && flow->eni != f->eni)
		return false;
	if (f->by_state && READ_ONCE(flow->state) != f->state)
		return false;
	if (f->age && (jiffies - flow->created) / HZ < f->age)
		return false;

	dash_flow_tuple(flow, &t);
	if (f->by_proto && t.proto != f->proto)
		return false;
	if (f->by_sport && t.sport != f->sport)
		return false;
	if (f->by_dport && t.dport != f->dport)
		return false;
	if (f->by_src && !ipv6_addr_equal(&t.src, &f->src))
		return false;
	return !f->by_dst || ipv6_addr_equal(&t.dst, &f->dst);
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
}

static int flow_retime_one(struct dash_flow *flow, void *arg)
{
	struct flow_flush *flush = arg;

	if (flow->eni == flush->filter->eni)
		flow_wheel_relink(flush->ft, flow);
	return 0;
}

void dash_flow_retime(struct dash_flow_table *ft, const struct dash_eni *eni)
{
	struct dash_flow_filter filter = { .eni = eni };
	struct flow_flush flush = { .ft = ft, .filter = &filter };
	struct dash_flow_pos pos = {};

	if (atomic_read(&eni->flows))
		dash_flow_walk(ft, &pos, flow_retime_one, &flush);
}

/* --- life of the table --- */

static int flow_shard_init(struct dash_flow_shard *shard, unsigned long due)
{
	int i;

	spin_lock_init(&shard->lock);
	shard->due = due;
	for (i = 0; i < FLOW_WHEEL_SLOTS; i++)
		INIT_HLIST_HEAD(&shard->wheel[i]);
	return rhashtable_init(&shard->ht, &flow_params);
}

struct dash_flow_table *dash_flow_table_alloc(struct dash_net *dn)
{
	const struct dash_inst *inst = dn->next_inst ?:
				       dash_dereference(dn, dn->inst);
	unsigned long due = jiffies + FLOW_TICK;
	struct dash_flow_table *ft;
	u32 i, n;

	ft = kzalloc(sizeof(*ft), GFP_KERNEL);
	if (!ft)
		return NULL;

	n = clamp_t(u32, inst->max_flows / FLOW_SHARD_LOAD, FLOW_MIN_SHARDS,
		    FLOW_MAX_SHARDS);
	ft->n_shards = roundup_pow_of_two(n);
	ft->shift = 32 - ilog2(ft->n_shards);
	get_random_bytes(&ft->key, sizeof(ft->key));
	INIT_DELAYED_WORK(&ft->age, flow_age);

	ft->shards = kvcalloc(ft->n_shards, sizeof(*ft->shards), GFP_KERNEL);
	if (!ft->shards)
		goto free_table;
	for (i = 0; i < ft->n_shards; i++)
		if (flow_shard_init(&ft->shards[i], due))
			goto destroy_shards;

	queue_delayed_work(system_unbound_wq, &ft->age, FLOW_TICK);
	return ft;

destroy_shards:
	while (i--)
		rhashtable_destroy(&ft->shards[i].ht);
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

	cancel_delayed_work_sync(&ft->age);
	dash_flow_flush(ft, &all);
	for (i = 0; i < ft->n_shards; i++)
		rhashtable_destroy(&ft->shards[i].ht);
	kvfree(ft->shards);
	kfree(ft);
	/* the connections hold next hops, which are the next to go */
	rcu_barrier();
}

int dash_flow_module_init(void)
{
	flow_cache = KMEM_CACHE(dash_flow, SLAB_HWCACHE_ALIGN);
	if (!flow_cache)
		return -ENOMEM;
	flow_act_cache = KMEM_CACHE(dash_flow_act, SLAB_HWCACHE_ALIGN);
	if (!flow_act_cache) {
		kmem_cache_destroy(flow_cache);
		return -ENOMEM;
	}
	return 0;
}

void dash_flow_module_exit(void)
{
	/* what call_rcu() has still to free */
	rcu_barrier();
	kmem_cache_destroy(flow_act_cache);
	kmem_cache_destroy(flow_cache);
}
