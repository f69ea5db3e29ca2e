// SPDX-License-Identifier: GPL-2.0
/*
 * Decisions, shared by the connections that were decided alike.
 */

/**
 * DOC: Theory of operation
 *
 * What is done to a connection's packets takes more room than the connection
 * itself, yet most connections of an ENI to one destination have all of it in
 * common: what differs, such as the UDP source port, follows from the
 * connection's hash. So a decision is made elsewhere first and then looked up
 * among those that there are, and only the first of its kind is stored:
 *
 *	flow -+
 *	flow -+-> dash_flow_act: transforms, outer source, ... -> 2 next hops
 *	flow -+
 *
 * That also saves all but the first connection the search for next hops.
 *
 * A decision found again at a newer generation of its VNET's mappings holds at
 * that generation for all of its connections, as it was just made from scratch
 * with the same result.
 *
 * The last connection frees the decision. There are never more of them than
 * connections.
 */
#include <linux/etherdevice.h>
#include <linux/jhash.h>
#include <linux/prefetch.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/ipv6.h>

#include "counter.h"
#include "flow_impl.h"
#include "inst.h"
#include "underlay.h"

static struct kmem_cache *act_cache;

/* What there may be many of in one instance; the rest is compared only. Who
 * sends chooses the outer source, but not what shares a bucket: the table's seed
 * comes first.
 */
u32 dash_flow_act_hash(const struct dash_flow_table *ft,
		       const struct dash_flow_act *act)
{
	u32 h = jhash_3words(act->eni_id, act->gen, act->mapping,
			     ft->act_seed);

	h = __ipv6_addr_jhash(&act->xf[0].daddr, h);
	return __ipv6_addr_jhash(&act->pa, h);
}

static u32 act_hashfn(const void *data, u32 len, u32 seed)
{
	const struct dash_flow_act *act = data;

	return act->hash;
}

static bool act_xform_equal(const struct dash_xform *a,
			    const struct dash_xform *b)
{
	return ipv6_addr_equal(&a->daddr, &b->daddr) &&
	       ipv6_addr_equal(&a->saddr, &b->saddr) &&
	       a->vni == b->vni && a->sport == b->sport &&
	       ether_addr_equal(a->dmac, b->dmac) && a->kind == b->kind &&
	       a->encap == b->encap && a->nat == b->nat &&
	       a->set_dmac == b->set_dmac &&
	       a->hash_sport == b->hash_sport;
}

/* All of it but next hops, which follow from the rest, and the generation of
 * the mappings.
 */
static int act_obj_cmpfn(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct dash_flow_act *a = arg->key, *b = obj;

	return !(a->hash == b->hash &&
		 a->gen == b->gen && a->eni_id == b->eni_id &&
		 a->mapping == b->mapping && a->vni == b->vni &&
		 a->encap == b->encap && a->again == b->again &&
		 a->from_vip == b->from_vip && a->vnet == b->vnet &&
		 a->endpoints == b->endpoints && a->meter == b->meter &&
		 a->pool == b->pool && a->to6 == b->to6 &&
		 ipv6_addr_equal(&a->ip, &b->ip) &&
		 ipv6_addr_equal(&a->pa, &b->pa) &&
		 ipv6_addr_equal(&a->vip, &b->vip) &&
		 act_xform_equal(&a->xf[0], &b->xf[0]) &&
		 act_xform_equal(&a->xf[1], &b->xf[1]) &&
		 a->n_counters == b->n_counters &&
		 !memcmp(a->counters, b->counters,
			 a->n_counters * sizeof(*a->counters)));
}

static const struct rhashtable_params act_params = {
	.head_offset = offsetof(struct dash_flow_act, node),
	.hashfn = act_hashfn,
	.obj_hashfn = act_hashfn,
	.obj_cmpfn = act_obj_cmpfn,
	.automatic_shrinking = true,
};

const void *dash_flow_act_ahead(const struct dash_flow_table *ft,
				const struct dash_flow_act *act)
{
	const struct bucket_table *tbl = rcu_dereference(ft->acts.tbl);
	const void *slot;

	slot = rht_bucket(tbl, act->hash & (tbl->size - 1));
	prefetch(slot);
	return slot;
}

void dash_flow_act_prefetch(const void *slot)
{
	struct rhash_lock_head __rcu *const *bkt = slot;
	const struct rhash_head *he = rht_ptr_rcu(bkt);
	const u8 *act;

	if (rht_is_a_nulls(he))
		return;
	act = (const u8 *)container_of(he, struct dash_flow_act, node);
	prefetch(act);
	prefetch(act + 64);
	prefetch(act + 128);
	prefetch(act + 192);
	prefetchw(act + 256);
}

static void act_free(struct dash_flow_act *act)
{
	kfree(act->counters);
	kmem_cache_free(act_cache, act);
}

static void act_free_rcu(struct rcu_head *rcu)
{
	act_free(container_of(rcu, struct dash_flow_act, rcu));
}

/* A list of its own of the counters that it came with. */
static bool act_get_counters(struct dash_flow_act *act)
{
	struct dash_counter **from = act->counters;
	u32 i, n = 0;

	act->counters = NULL;
	if (likely(!act->n_counters))
		return true;
	act->counters = kmalloc_array(act->n_counters, sizeof(*from),
				      GFP_ATOMIC | __GFP_NOWARN);
	if (!act->counters) {
		act->n_counters = 0;
		return false;
	}
	/* those of a decision that another CPU just replaced may be going */
	for (i = 0; i < act->n_counters; i++)
		if (dash_counter_get(from[i]))
			act->counters[n++] = from[i];
	act->n_counters = n;
	return true;
}

static void act_put_counters(const struct dash_flow_act *act)
{
	u32 i;

	for (i = 0; i < act->n_counters; i++)
		dash_counter_put(act->counters[i]);
}

static void act_put_nexthops(struct dash_flow_act *act)
{
	dash_underlay_put(act->xf[0].nh);
	dash_underlay_put(act->xf[1].nh);
}

/**
 * dash_flow_act_put - a connection does without a decision
 * @act: decision
 *
 * Context: BH off, or softirq. Those who still see it in RCU may use it.
 */
void dash_flow_act_put(struct dash_flow_act *act)
{
	if (!refcount_dec_and_test(&act->refs))
		return;
	if (act->hashed)
		rhashtable_remove_fast(act->table, &act->node, act_params);
	act_put_nexthops(act);
	act_put_counters(act);
	call_rcu(&act->rcu, act_free_rcu);
}

static struct dash_flow_act *act_alloc(struct dash_flow_table *ft,
				       const struct dash_flow_act *what,
				       const struct dash_pkt *pkt)
{
	struct dash_flow_act *act;
	int i;

	act = kmem_cache_alloc(act_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!act)
		return NULL;
	memcpy(act, what, offsetof(struct dash_flow_act, refs));
	refcount_set(&act->refs, 1);
	act->table = &ft->acts;
	act->hashed = true;
	if (!act_get_counters(act))
		goto free;
	if (pkt->inst->underlay_mode != DASH_UNDERLAY_MODE_FIB)
		return act;

	for (i = 0; i < 2; i++) {
		/* what does not leave by the underlay */
		if (act->xf[i].kind == DASH_XFORM_LOCAL ||
		    act->xf[i].kind == DASH_XFORM_VPORT)
			continue;
		act->xf[i].nh = dash_underlay_get(pkt->dn, &act->xf[i]);
		if (!act->xf[i].nh)
			goto free;
	}
	return act;

free:
	act_put_nexthops(act);
	act_put_counters(act);
	act_free(act);
	return NULL;
}

static void act_confirm(struct dash_flow_act *act,
			const struct dash_flow_act *what)
{
	if ((s32)(what->vnet_gen - READ_ONCE(act->vnet_gen)) > 0)
		WRITE_ONCE(act->vnet_gen, what->vnet_gen);
}

/**
 * dash_flow_act_get - the one decision that all connections like this share
 * @ft: table
 * @what: decision; without next hops
 * @pkt: packet whose instance is meant
 *
 * Context: RCU, BH off.
 * Return: decision with a reference, NULL without memory.
 */
struct dash_flow_act *dash_flow_act_get(struct dash_flow_table *ft,
					const struct dash_flow_act *what,
					const struct dash_pkt *pkt)
{
	struct dash_flow_act *act, *old;

	act = rhashtable_lookup(&ft->acts, what, act_params);
	if (likely(act && refcount_inc_not_zero(&act->refs))) {
		act_confirm(act, what);
		return act;
	}

	act = act_alloc(ft, what, pkt);
	if (!act)
		return NULL;
	old = rhashtable_lookup_get_insert_key(&ft->acts, act, &act->node,
					       act_params);
	if (!old)
		return act;
	if (!IS_ERR(old) && refcount_inc_not_zero(&old->refs)) {
		act->hashed = false;
		dash_flow_act_put(act);
		act_confirm(old, what);
		return old;
	}

	/* The one in the table is going right now, or there is no room (the
	 * table is being enlarged): one of its own serves as well.
	 */
	act->hashed = false;
	return act;
}

int dash_flow_acts_init(struct dash_flow_table *ft)
{
	return rhashtable_init(&ft->acts, &act_params);
}

/* All connections, and what call_rcu() had to do for them, are gone. */
void dash_flow_acts_fini(struct dash_flow_table *ft)
{
	WARN_ON_ONCE(atomic_read(&ft->acts.nelems));
	rhashtable_destroy(&ft->acts);
}

int dash_flow_act_module_init(void)
{
	act_cache = KMEM_CACHE(dash_flow_act, SLAB_HWCACHE_ALIGN);
	return act_cache ? 0 : -ENOMEM;
}

void dash_flow_act_module_exit(void)
{
	/* those of connections that were freed just before */
	rcu_barrier();
	kmem_cache_destroy(act_cache);
}
