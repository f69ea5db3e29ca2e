/* SPDX-License-Identifier: GPL-2.0 */
/* What the flow*.c share: how connections are kept. */
#ifndef _DASH_FLOW_IMPL_H
#define _DASH_FLOW_IMPL_H

#include <linux/cache.h>
#include <linux/in.h>
#include <linux/jiffies.h>
#include <linux/rhashtable-types.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "flow.h"

#define DASH_FLOW_WHEEL_SLOTS	1024
#define DASH_FLOW_TICK		(HZ / 4)
/* error of the time stamp */
#define DASH_FLOW_STAMP		(HZ / 8)

/* connections or buckets looked at before others get their turn */
#define DASH_FLOW_BATCH		64

/* so many connections that are gone wait at most to be freed together */
#define DASH_FLOW_DEAD_MAX	32768

/**
 * struct dash_flow_dead - connections that are gone but not freed
 *
 * Who removes very many and may sleep frees them himself. Where RCU is tiny,
 * call_rcu() would free all of a tick in one go, for which everything else has
 * to wait.
 */
struct dash_flow_dead {
	/** @first: the last one, linked through its rcu */
	struct rcu_head *first;
	/** @n: how many */
	u32 n;
};

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
	struct hlist_head wheel[DASH_FLOW_WHEEL_SLOTS];
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
	/** @act_seed: of the hash of decisions */
	u32 act_seed;
	/** @acts: decisions by their content */
	struct rhashtable acts;
	/** @nat: struct dash_nat by the responder's name of a connection */
	struct rhashtable nat;
	/** @age: ageing */
	struct delayed_work age;
	/** @count: connections */
	atomic_t count ____cacheline_aligned_in_smp;
};

static inline struct dash_flow_shard *
dash_flow_shard(const struct dash_flow_table *ft, u32 hash)
{
	return &ft->shards[hash >> ft->shift];
}

static inline u8 dash_flow_proto(const struct dash_flow *flow)
{
	return flow->key.eni_proto;
}

int dash_flow_shard_init(struct dash_flow_shard *shard);
struct dash_flow *dash_flow_insert(struct dash_flow_table *ft,
				   struct dash_flow *flow);
bool dash_flow_unhash(struct dash_flow_shard *shard, struct dash_flow *flow);

bool dash_flow_expire(struct dash_flow_table *ft,
		      struct dash_flow_shard *shard, struct dash_flow *flow,
		      struct dash_flow_dead *dead);
bool dash_flow_end_into(struct dash_flow_table *ft, struct dash_flow *flow,
			enum dash_flow_end why, struct dash_flow_dead *dead);
void dash_flow_dead_free(struct dash_flow_dead *dead);

void dash_flow_half_add(struct dash_flow *flow, bool charged);
void dash_flow_half_del(struct dash_flow *flow);
bool dash_flow_is_half_charged(const struct dash_pkt *pkt);
enum dash_drop dash_flow_charge(struct dash_flow_table *ft,
				const struct dash_pkt *pkt);
enum dash_drop dash_flow_charge_room(struct dash_flow_table *ft,
				     const struct dash_pkt *pkt);
void dash_flow_uncharge(struct dash_flow_table *ft, const struct dash_pkt *pkt);

int dash_flow_acts_init(struct dash_flow_table *ft);
void dash_flow_acts_fini(struct dash_flow_table *ft);
int dash_flow_act_module_init(void);
void dash_flow_act_module_exit(void);
struct dash_flow_act *dash_flow_act_get(struct dash_flow_table *ft,
					const struct dash_flow_act *what,
					const struct dash_pkt *pkt);
void dash_flow_act_put(struct dash_flow_act *act);

unsigned long dash_flow_timeout(const struct dash_flow *flow, u8 state);
void dash_flow_wheel_init(struct dash_flow_shard *shard, unsigned long due);
void dash_flow_wheel_link(struct dash_flow_shard *shard,
			  struct dash_flow *flow);
void dash_flow_wheel_relink(struct dash_flow_table *ft,
			    struct dash_flow *flow);
void dash_flow_age_start(struct dash_flow_table *ft);
void dash_flow_age_stop(struct dash_flow_table *ft);

#endif /* _DASH_FLOW_IMPL_H */
