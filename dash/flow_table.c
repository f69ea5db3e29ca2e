// SPDX-License-Identifier: GPL-2.0
/*
 * Where connections are found.
 */

/**
 * DOC: Theory of operation
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
 * A lookup waits for memory once for the bucket and once for each entry of its
 * chain. The lookups of a batch of packets are made step by step together, so
 * that the waits of all of them overlap.
 */
#include <linux/bitops.h>
#include <linux/prefetch.h>
#include <linux/rhashtable.h>
#include <net/ipv6.h>

#include "flow_impl.h"
#include "netns.h"

#define FLOW_SHARD_BUCKETS	131072
/* entries of a chain that are looked at together; few chains are longer */
#define FLOW_CHAIN		4

/* What rhashtable gets as key, so that the hash is computed once. */
struct flow_search {
	const struct dash_flow_key *key;
	u32 hash;
};

/* The seed is left out for walks to be resumable; the hash is keyed anyway. */
static __always_inline u32 flow_hashfn(const void *data, u32 len, u32 seed)
{
	const struct flow_search *s = data;

	return s->hash;
}

static u32 flow_obj_hashfn(const void *data, u32 len, u32 seed)
{
	const struct dash_flow *flow = data;

	return flow->hash;
}

/* What memcmp() would say, which is a function and goes by bytes on some. */
static __always_inline bool
flow_key_equal(const struct dash_flow_key *a,
	       const struct dash_flow_key *b)
{
	return ipv6_addr_equal(&a->laddr, &b->laddr) &&
	       ipv6_addr_equal(&a->raddr, &b->raddr) &&
	       !((a->lport ^ b->lport) | (a->rport ^ b->rport)) &&
	       a->eni_proto == b->eni_proto;
}

/* rhashtable's are inline functions with constant parameters */
static __always_inline int
flow_obj_cmpfn(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct flow_search *s = arg->key;
	const struct dash_flow *flow = obj;

	if (flow->hash != s->hash)
		return 1;
	return !flow_key_equal(&flow->key, s->key);
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

int dash_flow_shard_init(struct dash_flow_shard *shard)
{
	return rhashtable_init(&shard->ht, &flow_params);
}

struct dash_flow *dash_flow_lookup(struct dash_flow_table *ft,
				   const struct dash_flow_key *key, u32 hash)
{
	struct flow_search s = { key, hash };

	return rhashtable_lookup(&dash_flow_shard(ft, hash)->ht, &s, flow_params);
}

/**
 * dash_flow_insert - put a connection into the table
 * @ft: table
 * @flow: connection
 *
 * Context: RCU, BH off.
 * Return: NULL; the connection of that name that there is; or an error.
 */
struct dash_flow *dash_flow_insert(struct dash_flow_table *ft,
				   struct dash_flow *flow)
{
	struct dash_flow_shard *shard = dash_flow_shard(ft, flow->hash);
	struct flow_search s = { &flow->key, flow->hash };

	return rhashtable_lookup_get_insert_key(&shard->ht, &s, &flow->node,
						flow_params);
}

/**
 * dash_flow_unhash - take a connection out of the table
 * @shard: its shard
 * @flow: connection
 *
 * Context: RCU, BH off.
 * Return: true for the one who did it.
 */
bool dash_flow_unhash(struct dash_flow_shard *shard, struct dash_flow *flow)
{
	return !rhashtable_remove_fast(&shard->ht, &flow->node, flow_params);
}

static struct rhash_lock_head __rcu *const *
flow_slot(const struct dash_flow_table *ft, u32 hash)
{
	const struct rhashtable *ht = &dash_flow_shard(ft, hash)->ht;
	const struct bucket_table *tbl = rcu_dereference_raw(ht->tbl);

	return rht_bucket(tbl, hash & (tbl->size - 1));
}

/* Have an entry of a chain fetched, if there is one. */
static struct dash_flow *flow_ahead(struct rhash_head *he)
{
	struct dash_flow *flow;

	if (rht_is_a_nulls(he))
		return NULL;
	flow = container_of(he, struct dash_flow, node);
	prefetch(flow);
	prefetchw(&flow->act);
	return flow;
}

/* Return: whether it has come to an end: the rest of the connection is on its
 * way, or pkt->flow is NULL.
 */
static bool flow_follow(struct dash_pkt *pkt)
{
	struct dash_flow *flow = pkt->flow;

	if (flow && (flow->hash != pkt->hash ||
		     !flow_key_equal(&flow->key, &pkt->key))) {
		pkt->flow = flow_ahead(rcu_dereference_raw(flow->node.next));
		return false;
	}
	if (flow && pkt->t.proto == IPPROTO_TCP)
		prefetchw(&flow->tcp);
	return true;
}

/* Take the lowest bit out. for_each_set_bit() would call a function for each,
 * which is worth several ns of a packet.
 */
static __always_inline unsigned int flow_next(unsigned long *todo)
{
	unsigned int i = __ffs(*todo);

	*todo &= *todo - 1;
	return i;
}

unsigned long dash_flow_find(struct dash_pkt *pkts, unsigned int n)
{
	struct rhash_lock_head __rcu *const *slot[BITS_PER_LONG];
	unsigned long todo, left = 0, found;
	const struct dash_flow_table *ft;
	unsigned int i, step;

	for (i = 0; i < n; i++) {
		if (!dash_pkt_is_named(&pkts[i]))
			continue;
		ft = rcu_dereference(pkts[i].dn->ft);
		slot[i] = flow_slot(ft, pkts[i].hash);
		prefetch(slot[i]);
		left |= BIT(i);
	}
	for (todo = left; todo; ) {
		i = flow_next(&todo);
		pkts[i].flow = flow_ahead(rht_ptr_rcu(slot[i]));
	}
	found = left;
	for (step = 0; step < FLOW_CHAIN && left; step++) {
		for (todo = left; todo; ) {
			i = flow_next(&todo);
			if (flow_follow(&pkts[i]))
				left &= ~BIT(i);
		}
	}
	found &= ~left;
	for (todo = left; todo; )
		pkts[flow_next(&todo)].flow = NULL;
	while (found) {
		i = flow_next(&found);
		if (pkts[i].flow)
			dash_flow_prefetch_act(pkts[i].flow);
		else
			left |= BIT(i);
	}
	return left;
}
