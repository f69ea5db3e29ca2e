// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * Only the first fragment of an inner datagram names its ports. Its verdict
 * and connection are kept for two seconds under what all fragments have::
 *
 *   (ENI, direction, source, destination, protocol, id) -> connection, reason
 *
 * All entries are in a list in order of age, of which each new one takes the
 * expired head away, so there is no timer and no entry outlives its time by
 * more than the next fragment. An ENI has at most DASH_FRAGS_PER_ENI. One lock
 * guards it all: fragments are rare, and who sends many slows down only those.
 */
#include <linux/jhash.h>
#include <linux/slab.h>

#include "eni.h"
#include "flow.h"
#include "frag.h"
#include "netns.h"
#include "parse.h"

#define DASH_FRAG_LIFETIME	(2 * HZ)
#define DASH_FRAGS_PER_ENI	1024

struct dash_frag_key {
	struct in6_addr src;
	struct in6_addr dst;
	u32 eni_id;
	u32 id;
	u8 proto;
	u8 dir;
	u16 zero;
};

struct dash_frag_entry {
	struct hlist_node node;
	struct list_head age;
	struct dash_frag_key key;
	struct dash_flow_key flow;
	struct dash_eni *eni;
	unsigned long expires;
	enum dash_drop reason;
	u8 acl_stage;
};

static void dash_frag_key_init(struct dash_frag_key *key,
			       const struct dash_pkt *pkt)
{
	*key = (struct dash_frag_key){
		.src = pkt->t.src,
		.dst = pkt->t.dst,
		.eni_id = pkt->eni->id,
		.id = pkt->frag_id,
		.proto = pkt->t.proto,
		.dir = pkt->dir,
	};
}

static struct hlist_head *dash_frag_bucket(struct dash_frags *f,
					   const struct dash_frag_key *key)
{
	u32 hash = jhash2((const u32 *)key, sizeof(*key) / sizeof(u32),
			  f->seed);

	return &f->hash[hash % ARRAY_SIZE(f->hash)];
}

static struct dash_frag_entry *dash_frag_find(struct dash_frags *f,
					      const struct dash_frag_key *key)
{
	struct dash_frag_entry *e;

	hlist_for_each_entry(e, dash_frag_bucket(f, key), node)
		if (!memcmp(&e->key, key, sizeof(*key)) &&
		    time_before(jiffies, e->expires))
			return e;
	return NULL;
}

static void dash_frag_del(struct dash_frag_entry *e)
{
	e->eni->frags--;
	hlist_del(&e->node);
	list_del(&e->age);
	kfree(e);
}

static void dash_frag_expire(struct dash_frags *f)
{
	struct dash_frag_entry *e, *tmp;

	list_for_each_entry_safe(e, tmp, &f->age, age) {
		if (time_before(jiffies, e->expires))
			break;
		dash_frag_del(e);
	}
}

void dash_frag_init(struct dash_net *dn)
{
	struct dash_frags *f = &dn->frags;
	int i;

	spin_lock_init(&f->lock);
	INIT_LIST_HEAD(&f->age);
	for (i = 0; i < ARRAY_SIZE(f->hash); i++)
		INIT_HLIST_HEAD(&f->hash[i]);
	f->seed = get_random_u32();
}

static enum dash_drop dash_frag_add(const struct dash_pkt *pkt,
				    const struct dash_frag_key *key,
				    const struct dash_flow_key *flow)
{
	struct dash_frags *f = &pkt->dn->frags;
	enum dash_drop reason = DASH_DROP_NONE;
	struct dash_frag_entry *e;

	spin_lock(&f->lock);
	dash_frag_expire(f);
	e = dash_frag_find(f, key);
	if (!e && pkt->eni->frags >= DASH_FRAGS_PER_ENI) {
		reason = DASH_DROP_FRAG_LIMIT;
		goto unlock;
	}
	if (!e) {
		e = kmalloc(sizeof(*e), GFP_ATOMIC);
		if (!e) {
			reason = DASH_DROP_NO_MEMORY;
			goto unlock;
		}
		e->key = *key;
		e->eni = pkt->eni;
		e->eni->frags++;
		hlist_add_head(&e->node, dash_frag_bucket(f, key));
		list_add_tail(&e->age, &f->age);
	}
	e->flow = *flow;
	e->reason = DASH_DROP_FRAG_NO_PARENT;
	e->expires = jiffies + DASH_FRAG_LIFETIME;
	list_move_tail(&e->age, &f->age);
unlock:
	spin_unlock(&f->lock);
	return reason;
}

enum dash_drop dash_frag_first(const struct dash_pkt *pkt,
			       const struct dash_flow_key *flow)
{
	struct dash_frag_key key;

	dash_frag_key_init(&key, pkt);
	return dash_frag_add(pkt, &key, flow);
}

/* From outside nobody sees whose they are; no ENI has the id 0. */
static void dash_frag_nat_key(struct dash_frag_key *key,
			      const struct dash_pkt *pkt,
			      const struct in6_addr *dst)
{
	*key = (struct dash_frag_key){
		.src = pkt->t.src,
		.dst = *dst,
		.id = pkt->frag_id,
		.proto = pkt->t.proto,
		.dir = DASH_DIRECTION_INBOUND,
	};
}

enum dash_drop dash_frag_nat_first(const struct dash_pkt *pkt,
				   const struct in6_addr *dst,
				   const struct dash_flow_key *flow)
{
	struct dash_frag_key key;

	dash_frag_nat_key(&key, pkt, dst);
	return dash_frag_add(pkt, &key, flow);
}

enum dash_drop dash_frag_nat_later(const struct dash_pkt *pkt,
				   struct dash_flow_key *flow,
				   struct dash_eni **eni)
{
	enum dash_drop reason = DASH_DROP_FRAG_NO_PARENT;
	struct dash_frags *f = &pkt->dn->frags;
	struct dash_frag_entry *e;
	struct dash_frag_key key;

	dash_frag_nat_key(&key, pkt, &pkt->t.dst);
	spin_lock(&f->lock);
	e = dash_frag_find(f, &key);
	if (e) {
		reason = DASH_DROP_NONE;
		*flow = e->flow;
		*eni = e->eni;
	}
	spin_unlock(&f->lock);
	return reason;
}

void dash_frag_verdict(const struct dash_pkt *pkt, enum dash_drop reason)
{
	struct dash_frags *f = &pkt->dn->frags;
	struct dash_frag_entry *e;
	struct dash_frag_key key;

	dash_frag_key_init(&key, pkt);
	spin_lock(&f->lock);
	e = dash_frag_find(f, &key);
	if (e) {
		e->reason = reason;
		e->acl_stage = pkt->acl_stage;
	}
	spin_unlock(&f->lock);
}

enum dash_drop dash_frag_later(struct dash_pkt *pkt,
			       struct dash_flow_key *flow)
{
	enum dash_drop reason = DASH_DROP_FRAG_NO_PARENT;
	struct dash_frags *f = &pkt->dn->frags;
	struct dash_frag_entry *e;
	struct dash_frag_key key;

	dash_frag_key_init(&key, pkt);
	spin_lock(&f->lock);
	e = dash_frag_find(f, &key);
	if (e) {
		reason = e->reason;
		pkt->acl_stage = e->acl_stage;
		*flow = e->flow;
	}
	spin_unlock(&f->lock);
	return reason;
}

void dash_frag_flush_eni(struct dash_net *dn, const struct dash_eni *eni)
{
	struct dash_frags *f = &dn->frags;
	struct dash_frag_entry *e, *tmp;

	spin_lock_bh(&f->lock);
	list_for_each_entry_safe(e, tmp, &f->age, age)
		if (!eni || e->eni == eni)
			dash_frag_del(e);
	spin_unlock_bh(&f->lock);
}
