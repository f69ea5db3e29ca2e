// SPDX-License-Identifier: GPL-2.0
/*
 * Next hops: routes of outer destinations.
 */

/**
 * DOC: Theory of operation
 *
 * Many connections lead to few destinations, so a connection does not have a
 * route but a reference to a next hop object, found by (outer source, outer
 * destination, kind) in a hash table. The object keeps the routes that the FIB
 * gave for it, valid for as long as a route itself says so (dst_check()), which
 * any change of routes, addresses or links ends; then the next packet looks it
 * up again. A multipath route gives different paths to different connections,
 * so there are several, looked up with ports of different connections, and
 * each connection takes one by its hash. The neighbour is not kept but taken
 * from the stack's table, which costs one lockless lookup.
 *
 *	flow --> dash_underlay --> [hash] --> dst_entry (FIB) --> device
 *	flow -/                       |             \--> gateway --> neighbour
 *	                              \- dst_check() fails: ip_route_output_key()
 *
 * A packet takes no reference to the route. Routes are freed a grace period
 * after their last reference is gone (dst_release()), and the stack takes
 * a reference where it queues a packet, as it does for forwarded ones, whose
 * routes are not counted either. So CPUs that use one object write nothing.
 *
 * Nor does a route kept here keep a device: when a device goes, the stack has
 * every route through it, also those it no longer finds itself, let go of the
 * device and point to blackhole_netdev (dst_dev_put(), rt_flush_dev(),
 * rt6_uncached_list_flush_dev()). Such a route fails dst_check().
 */
#include <linux/inetdevice.h>
#include <linux/jhash.h>
#include <linux/netdevice.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "addr.h"
#include "inst.h"
#include "netns.h"
#include "parse.h"
#include "underlay.h"
#include "xform.h"

#define DASH_UNDERLAY_PATHS	8

struct dash_underlay_key {
	/* outer source */
	struct in6_addr saddr;
	/* outer destination; the inner one when sent directly */
	struct in6_addr daddr;
	/* enum dash_xform_kind, enum dash_encap_type, none */
	u8 kind, encap, pad[2];
};

/**
 * struct dash_underlay_path - route that some of the flows take
 */
struct dash_underlay_path {
	/** @dst: route, RCU, written under dash_underlay.lock */
	struct dst_entry __rcu *dst;
	/** @cookie: of @dst, for dst_check() */
	u32 cookie;
};

/**
 * struct dash_underlay - next hop of one destination
 */
struct dash_underlay {
	/** @node: in the table, hashed by @key */
	struct rhash_head node;
	/** @key: constant */
	struct dash_underlay_key key;
	/** @hashed: it is in the table, constant */
	bool hashed;
	/** @refs: of decisions */
	refcount_t refs;
	/** @lock: serialises changes of @path; BH off */
	spinlock_t lock;
	/** @table: its home */
	struct dash_underlay_table *table;
	/** @rcu: for freeing */
	struct rcu_head rcu;
	/** @path: by the flow's hash */
	struct dash_underlay_path path[DASH_UNDERLAY_PATHS];
};

/**
 * struct dash_underlay_table - all next hops of an instance
 */
struct dash_underlay_table {
	/** @ht: struct dash_underlay */
	struct rhashtable ht;
};

/* What rhashtable's own would say, by bytes on some. */
static int dash_underlay_cmpfn(struct rhashtable_compare_arg *arg,
			       const void *obj)
{
	const struct dash_underlay_key *a = arg->key;
	const struct dash_underlay_key *b =
		&((const struct dash_underlay *)obj)->key;

	return !ipv6_addr_equal(&a->daddr, &b->daddr) ||
	       !ipv6_addr_equal(&a->saddr, &b->saddr) ||
	       a->kind != b->kind || a->encap != b->encap;
}

static const struct rhashtable_params dash_underlay_params = {
	.key_len = sizeof(struct dash_underlay_key),
	.key_offset = offsetof(struct dash_underlay, key),
	.head_offset = offsetof(struct dash_underlay, node),
	.obj_cmpfn = dash_underlay_cmpfn,
	.automatic_shrinking = true,
};

/* --- objects --- */

int dash_underlay_init(struct dash_net *dn)
{
	struct dash_underlay_table *t;
	int err;

	t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);
	if (!t)
		return -ENOMEM;

	err = rhashtable_init(&t->ht, &dash_underlay_params);
	if (err) {
		kfree(t);
		return err;
	}

	dn->underlay = t;
	return 0;
}

static void dash_underlay_free(struct dash_underlay *nh)
{
	int i;

	for (i = 0; i < DASH_UNDERLAY_PATHS; i++)
		dst_release(rcu_dereference_protected(nh->path[i].dst, true));
	kfree(nh);
}

static void dash_underlay_free_rcu(struct rcu_head *rcu)
{
	dash_underlay_free(container_of(rcu, struct dash_underlay, rcu));
}

static void dash_underlay_free_fn(void *ptr, void *arg)
{
	WARN_ON_ONCE(1);
	dash_underlay_free(ptr);
}

void dash_underlay_fini(struct dash_net *dn)
{
	/* Flows drop their references after a grace period, which has the
	 * object freed after another one. Routes have to be gone before the
	 * namespace's routing is.
	 */
	rcu_barrier();
	rcu_barrier();
	rhashtable_free_and_destroy(&dn->underlay->ht, dash_underlay_free_fn,
				    NULL);
	kfree(dn->underlay);
	dn->underlay = NULL;
}

static struct dash_underlay *
dash_underlay_alloc(struct dash_underlay_table *t,
		    const struct dash_underlay_key *key)
{
	struct dash_underlay *nh;

	nh = kzalloc(sizeof(*nh), GFP_ATOMIC | __GFP_NOWARN);
	if (!nh)
		return NULL;

	nh->key = *key;
	nh->table = t;
	refcount_set(&nh->refs, 1);
	spin_lock_init(&nh->lock);
	return nh;
}

struct dash_underlay *dash_underlay_get(struct dash_net *dn,
					const struct dash_xform *xf)
{
	struct dash_underlay_table *t = dn->underlay;
	struct dash_underlay_key key = {
		.saddr = xf->saddr,
		.daddr = xf->daddr,
		.kind = xf->kind,
		.encap = xf->encap,
	};
	struct dash_underlay *nh, *old;

	nh = rhashtable_lookup(&t->ht, &key, dash_underlay_params);
	if (nh && refcount_inc_not_zero(&nh->refs))
		return nh;

	nh = dash_underlay_alloc(t, &key);
	if (!nh)
		return NULL;

	nh->hashed = true;
	old = rhashtable_lookup_get_insert_fast(&t->ht, &nh->node,
						dash_underlay_params);
	if (!old)
		return nh;
	if (!IS_ERR(old) && refcount_inc_not_zero(&old->refs)) {
		kfree(nh);
		return old;
	}

	/* The one in the table is going right now, or there is no room (the
	 * table is being enlarged): one of its own serves as well.
	 */
	nh->hashed = false;
	return nh;
}

void dash_underlay_put(struct dash_underlay *nh)
{
	if (!nh || !refcount_dec_and_test(&nh->refs))
		return;

	if (nh->hashed)
		rhashtable_remove_fast(&nh->table->ht, &nh->node,
				       dash_underlay_params);
	call_rcu(&nh->rcu, dash_underlay_free_rcu);
}

/* --- routes --- */

static struct dst_entry *dash_underlay_lookup4(struct net *net,
					       const struct dash_underlay_key *key,
					       u8 proto, __be16 sport,
					       __be16 dport)
{
	/* addresses need not be local, be it a VIP or that of a VM */
	struct flowi4 fl4 = {
		.flowi4_flags = FLOWI_FLAG_ANYSRC,
		.flowi4_proto = proto,
		.daddr = dash_addr_v4(&key->daddr),
		.fl4_sport = sport,
		.fl4_dport = dport,
	};
	struct rtable *rt;

	if (dash_addr_is_v4(&key->saddr))
		fl4.saddr = dash_addr_v4(&key->saddr);
	rt = ip_route_output_key(net, &fl4);
	return IS_ERR(rt) ? NULL : &rt->dst;
}

static struct dst_entry *dash_underlay_lookup6(struct net *net,
					       const struct dash_underlay_key *key,
					       u8 proto, __be16 sport,
					       __be16 dport)
{
	struct flowi6 fl6 = {
		.flowi6_flags = FLOWI_FLAG_ANYSRC,
		.flowi6_proto = proto,
		.daddr = key->daddr,
		.fl6_sport = sport,
		.fl6_dport = dport,
	};
	struct dst_entry *dst;

	if (!IS_ENABLED(CONFIG_IPV6))
		return NULL;

	if (!dash_addr_is_v4(&key->saddr))
		fl6.saddr = key->saddr;
	dst = ip6_route_output(net, NULL, &fl6);
	if (!dst->error)
		dst = xfrm_lookup_route(net, dst, flowi6_to_flowi(&fl6), NULL,
					0);
	if (IS_ERR(dst))
		return NULL;
	if (dst->error) {
		dst_release(dst);
		return NULL;
	}

	return dst;
}

/* Return: a route with a reference, or NULL. */
static struct dst_entry *dash_underlay_lookup(const struct dash_pkt *pkt,
					      const struct dash_underlay_key *key,
					      __be16 sport)
{
	struct net *net = pkt->dn->net;
	u8 proto = 0;
	__be16 dport;

	if (key->kind != DASH_XFORM_ENCAP)
		proto = pkt->t.proto;
	else if (key->encap == DASH_ENCAP_TYPE_VXLAN)
		proto = IPPROTO_UDP;
	else
		proto = IPPROTO_GRE;
	dport = proto == IPPROTO_UDP ? pkt->inst->vxlan_port : 0;

	return dash_addr_is_v4(&key->daddr) ?
	       dash_underlay_lookup4(net, key, proto, sport, dport) :
	       dash_underlay_lookup6(net, key, proto, sport, dport);
}

static u32 dash_underlay_cookie(const struct dash_underlay *nh,
				struct dst_entry *dst)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (!dash_addr_is_v4(&nh->key.daddr) && !dst_xfrm(dst))
		return rt6_get_cookie(container_of(dst, struct rt6_info, dst));
#endif
	return 0;
}

struct dst_entry *dash_underlay_dst(const struct dash_pkt *pkt,
				    const struct dash_xform *xf, bool *ownedp)
{
	u32 i = pkt->hash % DASH_UNDERLAY_PATHS;
	struct dash_underlay *nh = xf->nh;
	struct dash_underlay_path *path;
	struct dst_entry *dst, *old;

	/* decided in another mode, or without memory */
	*ownedp = !nh;
	if (unlikely(!nh)) {
		struct dash_underlay_key key = {
			.saddr = xf->saddr,
			.daddr = xf->daddr,
			.kind = xf->kind,
			.encap = xf->encap,
		};

		return dash_underlay_lookup(pkt, &key,
					    dash_xform_sport(xf, pkt->hash));
	}

	path = &nh->path[i];
	dst = rcu_dereference(path->dst);
	if (likely(dst && dst_check(dst, READ_ONCE(path->cookie))))
		return dst;

	/* with the port that a flow of this path may have */
	dst = dash_underlay_lookup(pkt, &nh->key, dash_xform_sport(xf, i));
	spin_lock_bh(&nh->lock);
	old = rcu_dereference_protected(path->dst, lockdep_is_held(&nh->lock));
	if (dst)
		WRITE_ONCE(path->cookie, dash_underlay_cookie(nh, dst));
	rcu_assign_pointer(path->dst, dst);
	spin_unlock_bh(&nh->lock);
	dst_release(old);
	return dst;
}
