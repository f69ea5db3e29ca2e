// SPDX-License-Identifier: GPL-2.0
/*
 * Real packets explained, to sockets that ask for it. As long as there is one
 * each packet is compared with what it asks for; else a static key keeps
 * everything here away from packets.
 */
#include <linux/rculist.h>
#include <linux/slab.h>
#include <net/genetlink.h>

#include "addr.h"
#include "bucket.h"
#include "config.h"
#include "eni.h"
#include "event.h"
#include "explain.h"
#include "live.h"
#include "netns.h"
#include "nl.h"
#include "nl_gen.h"
#include "parse.h"
#include "pipeline.h"
#include "port.h"

/* Sockets that may ask at the same time. */
#define DASH_LIVE_MAX	16
/* Explanations a second unless told otherwise, and at most. */
#define DASH_LIVE_RATE	1000
#define DASH_LIVE_RATE_MAX	100000
/* A packet's explanation; the longest row in it is one of these. */
#define DASH_LIVE_ROOM	SZ_8K

DEFINE_STATIC_KEY_FALSE(dash_live_key);

/**
 * struct dash_live - packets that a socket wants explained
 */
struct dash_live {
	/** @list: in dash_net.lives, RCU, written under dash_net.lock */
	struct list_head list;
	/** @dn: instance */
	struct dash_net *dn;
	/** @portid: socket */
	u32 portid;
	/** @seq: of its request */
	u32 seq;
	/** @eni: name, "" for any */
	char eni[64];
	/** @src: inner source, when @by_src */
	struct in6_addr src;
	/** @dst: inner destination, when @by_dst */
	struct in6_addr dst;
	/** @sport: when @by_sport */
	__be16 sport;
	/** @dport: when @by_dport */
	__be16 dport;
	/** @proto: when @by_proto */
	u8 proto;
	/** @dir: enum dash_direction, when @by_dir */
	u8 dir;
	/** @by_src: compare @src */
	bool by_src:1;
	/** @by_dst: compare @dst */
	bool by_dst:1;
	/** @by_sport: compare @sport */
	bool by_sport:1;
	/** @by_dport: compare @dport */
	bool by_dport:1;
	/** @by_proto: compare @proto */
	bool by_proto:1;
	/** @by_dir: compare @dir */
	bool by_dir:1;
	/** @rate: explanations a second */
	u32 rate;
	/** @lock: guards what follows; BH off */
	spinlock_t lock;
	/** @counted: there is an end to @left */
	bool counted;
	/** @left: explanations that are still wanted */
	u32 left;
	/** @bucket: of @rate */
	struct dash_bucket bucket;
	/** @lost: packets that were not explained */
	u64 lost;
	/** @rcu: for freeing */
	struct rcu_head rcu;
};

/* What dash_live_end() needs to know, in skb->cb. */
struct dash_live_note {
	struct dash_live *live;
	void *hdr;
};

static struct dash_live_note *dash_live_note(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct dash_live_note) > sizeof(skb->cb));
	return (struct dash_live_note *)skb->cb;
}

static bool dash_live_match(const struct dash_live *live,
			    const struct dash_pkt *pkt, bool parsed)
{
	const struct dash_tuple *t = &pkt->t;

	if (*live->eni && (!pkt->eni || strcmp(live->eni, pkt->eni->name)))
		return false;
	if (live->by_dir && (!pkt->eni || pkt->dir != live->dir))
		return false;
	if (!parsed)
		return !live->by_src && !live->by_dst && !live->by_proto &&
		       !live->by_sport && !live->by_dport;
	return (!live->by_src || ipv6_addr_equal(&t->src, &live->src)) &&
	       (!live->by_dst || ipv6_addr_equal(&t->dst, &live->dst)) &&
	       (!live->by_proto || t->proto == live->proto) &&
	       (!live->by_sport || t->sport == live->sport) &&
	       (!live->by_dport || t->dport == live->dport);
}

/* May one more be explained? Also says how many were not before it. */
static bool dash_live_charge(struct dash_live *live, u64 *lost)
{
	bool ok = false;

	spin_lock(&live->lock);
	if (live->counted && !live->left)
		goto unlock;
	if (!dash_bucket_take(&live->bucket, live->rate)) {
		live->lost++;
		goto unlock;
	}
	if (live->counted)
		live->left--;
	*lost = live->lost;
	live->lost = 0;
	ok = true;
unlock:
	spin_unlock(&live->lock);
	return ok;
}

/* Nobody was told: neither of this packet nor of those lost before it. */
static void dash_live_uncharge(struct dash_live *live, u64 lost)
{
	spin_lock(&live->lock);
	live->lost += lost + 1;
	if (live->counted)
		live->left++;
	spin_unlock(&live->lock);
}

/* Through the pipeline in thought. A first fragment makes no difference to
 * policy, but would be remembered.
 */
static noinline int dash_live_explain(struct sk_buff *skb,
				      const struct dash_pkt *pkt)
{
	struct dash_explain rec = {};
	struct dash_pkt thought = *pkt;

	thought.rec = &rec;
	thought.skb = NULL;
	thought.flow = NULL;
	thought.act = NULL;
	if (thought.frag == DASH_FRAG_FIRST)
		thought.frag = DASH_FRAG_NONE;
	dash_pipeline_explain(&thought);
	return dash_nl_put_explain(skb, &thought);
}

static struct sk_buff *dash_live_tell(struct dash_live *live,
				      const struct dash_pkt *pkt, bool parsed)
{
	struct sk_buff *skb;
	u64 lost;
	void *hdr;
	int err;

	if (!dash_live_charge(live, &lost))
		return NULL;
	skb = genlmsg_new(DASH_LIVE_ROOM, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		goto uncharge;
	hdr = genlmsg_put(skb, live->portid, live->seq, &dash_nl_family, 0,
			  DASH_CMD_EXPLAIN_LIVE);
	if (!hdr)
		goto free;
	err = nla_put_string(skb, DASH_A_EXPLAIN_PORT, pkt->port->dev->name);
	if (!err && lost)
		err = dash_nl_put_u64(skb, DASH_A_EXPLAIN_LOST, lost);
	if (!err && !pkt->reason)
		err = dash_live_explain(skb, pkt);
	else if (!err)
		err = dash_nl_put_explain_pkt(skb, pkt, parsed);
	if (err)
		goto free;
	dash_live_note(skb)->live = live;
	dash_live_note(skb)->hdr = hdr;
	return skb;

free:
	kfree_skb(skb);
uncharge:
	dash_live_uncharge(live, lost);
	return NULL;
}

struct sk_buff *dash_live_begin(const struct dash_pkt *pkt)
{
	bool parsed = !pkt->reason || dash_pkt_is_parsed(pkt, pkt->reason);
	struct sk_buff *notes = NULL, *skb;
	struct dash_live *live;

	list_for_each_entry_rcu(live, &pkt->dn->lives, list) {
		if (!dash_live_match(live, pkt, parsed))
			continue;
		skb = dash_live_tell(live, pkt, parsed);
		if (!skb)
			continue;
		skb->next = notes;
		notes = skb;
	}
	return notes;
}

void dash_live_end(struct sk_buff *notes, enum dash_drop reason)
{
	struct dash_live *live;
	struct sk_buff *skb;
	void *hdr;

	while (notes) {
		skb = notes;
		notes = skb->next;
		skb_mark_not_on_list(skb);
		live = dash_live_note(skb)->live;
		hdr = dash_live_note(skb)->hdr;
		/* what netlink expects there of others than sockets */
		memset(skb->cb, 0, sizeof(skb->cb));
		if (nla_put_u32(skb, DASH_A_EXPLAIN_DROP, reason)) {
			kfree_skb(skb);
			dash_live_uncharge(live, 0);
			continue;
		}
		genlmsg_end(skb, hdr);
		if (genlmsg_unicast(live->dn->net, skb, live->portid))
			dash_live_uncharge(live, 0);
	}
}

/* --- who wants it --- */

void dash_live_init(struct dash_net *dn)
{
	INIT_LIST_HEAD(&dn->lives);
}

static void dash_live_drop(struct dash_net *dn, u32 portid, bool all)
{
	struct dash_live *live, *tmp;

	mutex_lock(&dn->lock);
	list_for_each_entry_safe(live, tmp, &dn->lives, list) {
		if (!all && live->portid != portid)
			continue;
		list_del_rcu(&live->list);
		dn->n_lives--;
		static_branch_dec(&dash_live_key);
		kfree_rcu(live, rcu);
	}
	mutex_unlock(&dn->lock);
}

void dash_live_release(struct dash_net *dn, u32 portid)
{
	dash_live_drop(dn, portid, false);
}

void dash_live_fini(struct dash_net *dn)
{
	dash_live_drop(dn, 0, true);
}

static int dash_live_addr(struct genl_info *info, int attr,
			  struct in6_addr *addr)
{
	struct nlattr *nla = info->attrs[attr];

	if (!nla)
		return 0;
	return dash_nl_get_addr(info, nla, addr) ? 1 : -EINVAL;
}

static int dash_live_parse(struct genl_info *info, struct dash_live *live)
{
	struct nlattr **attrs = info->attrs;
	int err;

	err = dash_live_addr(info, DASH_A_EXPLAIN_SRC, &live->src);
	if (err < 0)
		return err;
	live->by_src = err;
	err = dash_live_addr(info, DASH_A_EXPLAIN_DST, &live->dst);
	if (err < 0)
		return err;
	live->by_dst = err;
	live->by_dir = !!attrs[DASH_A_EXPLAIN_DIRECTION];
	if (live->by_dir)
		live->dir = nla_get_u8(attrs[DASH_A_EXPLAIN_DIRECTION]);
	live->by_proto = !!attrs[DASH_A_EXPLAIN_PROTO];
	if (live->by_proto)
		live->proto = nla_get_u8(attrs[DASH_A_EXPLAIN_PROTO]);
	live->by_sport = !!attrs[DASH_A_EXPLAIN_SPORT];
	if (live->by_sport)
		live->sport = htons(nla_get_u16(attrs[DASH_A_EXPLAIN_SPORT]));
	live->by_dport = !!attrs[DASH_A_EXPLAIN_DPORT];
	if (live->by_dport)
		live->dport = htons(nla_get_u16(attrs[DASH_A_EXPLAIN_DPORT]));
	live->counted = !!attrs[DASH_A_EXPLAIN_COUNT];
	if (live->counted)
		live->left = nla_get_u32(attrs[DASH_A_EXPLAIN_COUNT]);
	live->rate = DASH_LIVE_RATE;
	if (attrs[DASH_A_EXPLAIN_RATE])
		live->rate = min_t(u32, DASH_LIVE_RATE_MAX,
				   nla_get_u32(attrs[DASH_A_EXPLAIN_RATE]));
	return 0;
}

int dash_nl_explain_live_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *name = info->attrs[DASH_A_EXPLAIN_ENI];
	struct dash_net *dn = dash_net(genl_info_net(info));
	struct dash_live *live;
	struct dash_sym *sym;
	int err;

	live = kzalloc(sizeof(*live), GFP_KERNEL_ACCOUNT);
	if (!live)
		return -ENOMEM;
	spin_lock_init(&live->lock);
	live->dn = dn;
	live->portid = info->snd_portid;
	live->seq = info->snd_seq;
	dash_bucket_init(&live->bucket);
	err = dash_live_parse(info, live);
	if (err)
		goto free;

	mutex_lock(&dn->lock);
	err = -EBUSY;
	if (dn->n_lives >= DASH_LIVE_MAX) {
		dash_err(info->extack, NULL, "%u sockets ask for that already",
			 DASH_LIVE_MAX);
		goto unlock;
	}
	err = -ENOENT;
	if (name) {
		nla_strscpy(live->eni, name, sizeof(live->eni));
		sym = dash_sym_of_nla(dn, DASH_OBJECT_TYPE_ENI, name);
		if (!sym || !rcu_access_pointer(sym->cur)) {
			dash_err(info->extack, name, "no such ENI");
			goto unlock;
		}
	}
	list_add_tail_rcu(&live->list, &dn->lives);
	dn->n_lives++;
	static_branch_inc(&dash_live_key);
	mutex_unlock(&dn->lock);
	return 0;

unlock:
	mutex_unlock(&dn->lock);
free:
	kfree(live);
	return err;
}
