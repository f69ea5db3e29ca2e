// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * The responder of a connection with source NAT knows it by another name: NAT
 * address and port instead of the VM's. So it has a companion in a second table,
 * where packets that come to a NAT address are looked up, and nothing else is::
 *
 *	10.0.0.1:4000 -> 9.9.9.9:53         9.9.9.9:53 -> 192.0.2.1:1024
 *	         |                                   |
 *	   [ connections ] ----> dash_flow <--- dash_nat [ by NAT address ]
 *	                            `------------> ^
 *
 * Being in that table is what owning a port means: the name has the responder in
 * it, so one port serves as many connections as there are responders, and the
 * search for a port that is free ends where an insertion succeeds. It follows
 * from the connection's keyed hash, which outsiders cannot guess, and ends after
 * DASH_NAT_TRIES. A bitmap of ports would know at once what is free, but only of
 * one responder.
 *
 * What all connections from a source to a destination have in common, the
 * addresses, is in their decision. The companion is made before the connection
 * can be found, leads nowhere until it can be, and is fixed for its life: with
 * another one the responder would not know it any more.
 *
 * The same goes for connections whose packets change the family, see to6.c. Their
 * names are found among those of the ENI that the packet came for.
 *
 * Memory: 96 bytes, and 8 to 16 in the table.
 */
#include <linux/bitops.h>
#include <linux/etherdevice.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "eni.h"
#include "explain.h"
#include "flow_impl.h"
#include "inst.h"
#include "nat.h"
#include "parse.h"
#include "rewrite.h"
#include "route.h"
#include "to6.h"

static struct kmem_cache *nat_cache;

static u32 nat_hashfn(const void *data, u32 len, u32 seed)
{
	return ((const struct dash_nat *)data)->hash;
}

static int nat_obj_cmpfn(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct dash_nat *a = arg->key, *b = obj;

	return a->hash != b->hash || memcmp(&a->key, &b->key, sizeof(a->key));
}

static const struct rhashtable_params nat_params = {
	.head_offset = offsetof(struct dash_nat, node),
	.hashfn = nat_hashfn,
	.obj_hashfn = nat_hashfn,
	.obj_cmpfn = nat_obj_cmpfn,
	.automatic_shrinking = true,
};

/* Whose ports are changed. */
static bool nat_has_ports(u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

/* The responder's name of a connection, but for a port that changes. */
static void nat_name(struct dash_nat *nat, const struct dash_pkt *pkt,
		     const struct dash_flow_act *what)
{
	nat->key = pkt->key;
	if (what->to6) {
		dash_to6_name(&nat->key, what->to6, pkt->ecfg);
		return;
	}
	nat->key.laddr = what->xf[0].saddr;
	nat->key.eni_proto = pkt->t.proto;
}

static struct dash_nat *nat_lookup(struct dash_flow_table *ft,
				   struct dash_nat *nat)
{
	nat->hash = dash_flow_hash(ft, &nat->key);
	return rhashtable_lookup(&ft->nat, nat, nat_params);
}

/* Return: 0, -EEXIST when somebody else has it, or another error. */
static int nat_insert(struct dash_flow_table *ft, struct dash_nat *nat)
{
	struct dash_nat *old;

	nat->hash = dash_flow_hash(ft, &nat->key);
	old = rhashtable_lookup_get_insert_key(&ft->nat, nat, &nat->node,
					       nat_params);
	if (IS_ERR(old))
		return PTR_ERR(old);
	return old ? -EEXIST : 0;
}

/* A search over the ports that a connection may have. The steps of a large range
 * are the connection's own and grow, else those that are taken would cluster:
 * with 9 of 10 taken in a row of steps of 1, one search in ten finds 128 of them.
 */
struct nat_search {
	u32 lo, n, tries, next, step, grow;
};

static void nat_search_init(struct nat_search *s, const struct dash_pkt *pkt,
			    const struct dash_flow_act *what)
{
	const struct dash_nat_pool *pool = what->pool;

	s->n = 0;
	s->tries = 1;
	if (!pool || pool->keep || !nat_has_ports(pkt->t.proto))
		return;
	s->lo = pool->lo;
	s->n = pool->hi - pool->lo + 1;
	s->tries = min_t(u32, s->n, DASH_NAT_TRIES);
	s->grow = s->n > DASH_NAT_TRIES;
	s->next = reciprocal_scale(pkt->hash, s->n);
	s->step = s->grow ? reciprocal_scale(ror32(pkt->hash, 16), s->n) : 1;
}

/* The next port to try. Return: false after the last. */
static bool nat_search_next(struct nat_search *s, __be16 *port)
{
	if (!s->tries--)
		return false;
	if (!s->n)
		return true;
	*port = htons(s->lo + s->next);
	s->next = (s->next + s->step) % s->n;
	s->step += s->grow;
	return true;
}

enum dash_drop dash_nat_create(struct dash_flow_table *ft,
			       struct dash_flow *flow,
			       const struct dash_pkt *pkt,
			       const struct dash_flow_act *what,
			       const __be16 *port)
{
	struct nat_search s = { .tries = 1 };
	struct dash_nat *nat;
	int err;

	nat = kmem_cache_zalloc(nat_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!nat)
		return DASH_DROP_NO_MEMORY;
	nat->to6 = what->to6;
	nat_name(nat, pkt, what);
	if (port)
		nat->key.lport = *port;
	else
		nat_search_init(&s, pkt, what);
	while (nat_search_next(&s, &nat->key.lport)) {
		err = nat_insert(ft, nat);
		if (!err) {
			flow->nat = nat;
			if (nat->to6)
				atomic_inc(&flow->eni->n_to6);
			return DASH_DROP_NONE;
		}
		if (err != -EEXIST) {
			kmem_cache_free(nat_cache, nat);
			return DASH_DROP_NO_MEMORY;
		}
	}
	kmem_cache_free(nat_cache, nat);
	return DASH_DROP_NAT_EXHAUSTED;
}

enum dash_drop dash_nat_try(struct dash_flow_table *ft,
			    const struct dash_pkt *pkt,
			    const struct dash_flow_act *what,
			    struct dash_flow_key *name)
{
	struct nat_search s;
	struct dash_nat nat;

	nat_name(&nat, pkt, what);
	nat_search_init(&s, pkt, what);
	while (nat_search_next(&s, &nat.key.lport)) {
		if (nat_lookup(ft, &nat))
			continue;
		*name = nat.key;
		return DASH_DROP_NONE;
	}
	return DASH_DROP_NAT_EXHAUSTED;
}

void dash_nat_explain(const struct dash_pkt *pkt,
		      const struct dash_flow_key *name)
{
	struct dash_explain *rec = pkt->rec;

	switch (rec->xf.nat) {
	case DASH_XFORM_NAT_SRC:
		rec->xf.sport = name->lport;
		break;
	case DASH_XFORM_NAT_4TO6:
		rec->overlay[0] = name->laddr;
		rec->overlay[1] = name->raddr;
		break;
	case DASH_XFORM_NAT_6TO4:
		rec->overlay[0] = pkt->key.raddr;
		rec->overlay[1] = pkt->key.laddr;
		break;
	}
}

void dash_nat_publish(struct dash_flow *flow)
{
	/* pairs with dash_nat_find(): it is all there */
	smp_store_release(&flow->nat->flow, flow);
}

static void nat_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(nat_cache, container_of(rcu, struct dash_nat, rcu));
}

void dash_nat_remove(struct dash_flow_table *ft, struct dash_flow *flow)
{
	rhashtable_remove_fast(&ft->nat, &flow->nat->node, nat_params);
	if (flow->nat->to6)
		atomic_dec(&flow->eni->n_to6);
	call_rcu(&flow->nat->rcu, nat_free_rcu);
}

struct dash_flow *dash_nat_find(struct dash_flow_table *ft,
				const struct dash_flow_key *key)
{
	struct dash_nat name = { .key = *key };
	struct dash_nat *nat = nat_lookup(ft, &name);

	/* pairs with dash_nat_publish() */
	return nat ? smp_load_acquire(&nat->flow) : NULL;
}

size_t dash_nat_bytes(struct dash_flow_table *ft)
{
	return atomic_read(&ft->nat.nelems) * sizeof(struct dash_nat);
}

bool dash_nat_holds(const struct dash_flow *flow, const struct dash_pkt *pkt,
		    const struct dash_flow_act *what)
{
	const struct dash_nat *nat = flow->nat;
	const struct dash_nat_pool *pool;
	struct dash_nat now;
	u16 port;

	if (!what->xf[0].nat)
		return !nat;
	if (what->to6) {
		nat_name(&now, pkt, what);
		return nat && !memcmp(&nat->key, &now.key, sizeof(now.key));
	}
	if (!nat || !ipv6_addr_equal(&nat->key.laddr, &what->xf[0].saddr))
		return false;
	pool = what->pool;
	if (pool->keep || !nat_has_ports(dash_flow_proto(flow)))
		return nat->key.lport == flow->key.lport;
	port = ntohs(nat->key.lport);
	return port >= pool->lo && port <= pool->hi;
}

static void nat_write_eth(struct dash_pkt *pkt, const struct dash_xform *xf)
{
	struct ethhdr *eth = (struct ethhdr *)pkt->skb->data;

	ether_addr_copy(eth->h_dest, xf->dmac);
	ether_addr_copy(eth->h_source, pkt->inst->fake_mac);
	eth->h_proto = pkt->t.v6 ? htons(ETH_P_IPV6) : htons(ETH_P_IP);
}

void dash_nat_apply(struct dash_pkt *pkt, const struct dash_xform *xf,
		    u32 strip)
{
	const struct dash_flow *flow = pkt->flow;
	bool dst = xf->nat == DASH_XFORM_NAT_DST;
	struct dash_rewrite rw = {
		.addr = dst ? &flow->key.laddr : &xf->saddr,
		.l3 = pkt->inner_l3 - strip,
		.l4 = pkt->frag == DASH_FRAG_LATER ? 0 : pkt->inner_l4 - strip,
		.port = dst ? flow->key.lport : flow->nat->key.lport,
		.proto = pkt->t.proto,
		.v6 = pkt->t.v6,
		.dst = dst,
		.set_port = nat_has_ports(pkt->t.proto),
	};
	u32 icmp = rw.l4;

	dash_rewrite(pkt->skb, &rw);
	if (pkt->icmp_err) {
		rw.l3 = icmp + DASH_ICMP_HLEN;
		rw.l4 = pkt->quoted_l4 ? pkt->quoted_l4 - strip : 0;
		rw.proto = dash_flow_proto(flow);
		rw.set_port = nat_has_ports(rw.proto);
		rw.dst = !dst;
		dash_rewrite_quote(pkt->skb, icmp, &rw);
	}
	if (dst)
		nat_write_eth(pkt, xf);
}

int dash_nat_table_init(struct dash_flow_table *ft)
{
	return rhashtable_init(&ft->nat, &nat_params);
}

void dash_nat_table_fini(struct dash_flow_table *ft)
{
	WARN_ON_ONCE(atomic_read(&ft->nat.nelems));
	rhashtable_destroy(&ft->nat);
}

int dash_nat_module_init(void)
{
	nat_cache = KMEM_CACHE(dash_nat, 0);
	return nat_cache ? 0 : -ENOMEM;
}

void dash_nat_module_exit(void)
{
	/* the caller has waited for call_rcu() */
	kmem_cache_destroy(nat_cache);
}
