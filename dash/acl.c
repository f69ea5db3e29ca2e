// SPDX-License-Identifier: GPL-2.0
/*
 * All groups that may be asked about a packet are looked at together, so that
 * what one waits for in memory the others wait for at the same time. Their
 * answers are then taken in the order of the stages, as if one had been asked
 * after the other.
 */
#include <linux/prefetch.h>

#include "acl.h"
#include "aclgroup.h"
#include "addr.h"
#include "classifier.h"
#include "counter.h"
#include "eni.h"
#include "explain.h"
#include "netns.h"
#include "parse.h"
#include "rows.h"
#include "stats.h"
#include "tag.h"

/**
 * struct dash_acl_stage - a bound group and what it says
 */
struct dash_acl_stage {
	/** @ver: its rules */
	const struct dash_acl_version *ver;
	/** @hit: lookups, one for each part of @ver */
	struct dash_cls_hit *hit;
};

static void dash_acl_key(struct dash_cls_key *key, const struct dash_pkt *pkt)
{
	const struct dash_tuple *t = &pkt->t;

	memset(key, 0, sizeof(*key));
	memcpy(&key->src, dash_addr_bytes(&t->src), dash_addr_len(&t->src));
	memcpy(&key->dst, dash_addr_bytes(&t->dst), dash_addr_len(&t->dst));
	key->proto = t->proto;
	key->has_ports = pkt->has_ports;
	if (pkt->has_ports) {
		key->sport = ntohs(t->sport);
		key->dport = ntohs(t->dport);
	}
}

static void dash_acl_set_tags(struct dash_cls_tags *tags,
			      const struct dash_tag_set *set)
{
	tags->id = set ? set->tag : NULL;
	tags->n = set ? set->n : 0;
}

/* Ids of the sets of tags of the two addresses */
struct dash_acl_tag_ids {
	u32 src;
	u32 dst;
};

static struct dash_acl_tag_ids
dash_acl_tag_walk(const struct dash_tag_table *t,
		  const struct dash_cls_key *key)
{
	struct dash_lpm_walk walk[2];

	dash_lpm_walk_init(&walk[0], &t->lpm, &key->src);
	dash_lpm_walk_init(&walk[1], &t->lpm, &key->dst);
	dash_lpm_walk_all(walk, 2);
	return (struct dash_acl_tag_ids){
		.src = dash_lpm_walk_value(&walk[0]),
		.dst = dash_lpm_walk_value(&walk[1]),
	};
}

/*
 * Both addresses must be seen as one version of the tags has them. Waiting for
 * a writer is out of the question, but a writer waits for readers after each
 * change, so that there is one change at most meanwhile. If a second look at
 * both finds the same, the first one was before the change, or after it, or it
 * made no difference; else all of it is new from now on.
 */
static struct dash_acl_tag_ids
dash_acl_tag_ids(const struct dash_net *dn, bool v6,
		 const struct dash_cls_key *key)
{
	const struct dash_tag_table *t = &dn->tags[v6];
	struct dash_acl_tag_ids first, second;
	unsigned int seq;

	seq = raw_read_seqcount(&dn->tags_seq[v6]);
	first = dash_acl_tag_walk(t, key);
	if (likely(!(seq & 1) && !read_seqcount_retry(&dn->tags_seq[v6], seq)))
		return first;

	/* each look begins after the one before, see above */
	smp_rmb();
	second = dash_acl_tag_walk(t, key);
	if (first.src == second.src && first.dst == second.dst)
		return first;
	/* likewise */
	smp_rmb();
	return dash_acl_tag_walk(t, key);
}

static void dash_acl_tags(const struct dash_net *dn, bool v6, const bool *want,
			  struct dash_cls_key *key)
{
	const struct dash_tag_table *t = &dn->tags[v6];
	struct dash_acl_tag_ids ids = { DASH_LPM_NONE, DASH_LPM_NONE };

	if (want[0] && want[1])
		ids = dash_acl_tag_ids(dn, v6, key);
	else if (want[0])
		ids.src = dash_lpm_lookup(&t->lpm, &key->src, NULL);
	else
		ids.dst = dash_lpm_lookup(&t->lpm, &key->dst, NULL);
	dash_acl_set_tags(&key->src_tags, dash_tag_set_of(t, ids.src));
	dash_acl_set_tags(&key->dst_tags, dash_tag_set_of(t, ids.dst));
}

/* The rule of a hit costs memory accesses that most packets do without. */
static const struct dash_acl_rule *
dash_acl_rule(const struct dash_acl_stage *stage, u32 part)
{
	const struct dash_acl_part *p = &stage->ver->part[part];
	u32 i = dash_classifier_rule(p->cls, stage->hit[part].slot);

	return i == DASH_CLS_NONE ? NULL : &p->rules->rule[i];
}

/* The part whose match is the group's; any one without a match. */
static u32 dash_acl_best_part(const struct dash_acl_stage *stage)
{
	if (likely(stage->ver->n_parts == 1) ||
	    stage->hit[1].slot == DASH_CLS_NONE)
		return 0;
	if (stage->hit[0].slot == DASH_CLS_NONE)
		return 1;
	return dash_acl_rule(stage, 1)->priority <
	       dash_acl_rule(stage, 0)->priority;
}

/* What is bound for packets like this one. */
static const struct dash_acl_bind *dash_acl_bind(const struct dash_pkt *pkt)
{
	return &pkt->ecfg->acl[pkt->dir][pkt->t.v6];
}

void dash_acl_prefetch(const struct dash_pkt *pkt)
{
	const struct dash_acl_bind *bind = dash_acl_bind(pkt);
	int i;

	for (i = 0; i < bind->n; i++)
		prefetch(&bind->group[i]->cur);
}

static void dash_acl_lookup(const struct dash_acl_bind *bind,
			    struct dash_acl_stage *stage,
			    struct dash_cls_hit *hit,
			    const struct dash_pkt *pkt)
{
	const struct dash_acl_version *ver;
	struct dash_cls_key key;
	bool tags[2] = {};
	u32 n_hits = 0;
	int i, j;

	dash_acl_prefetch(pkt);
	/* all versions at one moment, before any is asked */
	for (i = 0; i < bind->n; i++) {
		stage[i].ver = rcu_dereference(bind->group[i]->cur);
		prefetch(stage[i].ver);
	}
	dash_acl_key(&key, pkt);
	for (i = 0; i < bind->n; i++) {
		ver = stage[i].ver;
		stage[i].hit = hit + n_hits;
		for (j = 0; j < ver->n_parts; j++) {
			prefetch(ver->part[j].cls);
			hit[n_hits++].cls = ver->part[j].cls;
		}
		tags[0] |= ver->tags[0];
		tags[1] |= ver->tags[1];
	}
	if (tags[0] || tags[1])
		dash_acl_tags(pkt->dn, pkt->t.v6, tags, &key);
	dash_classifier_match_many(hit, n_hits, &key);
}

void dash_acl_prefetch_versions(const struct dash_pkt *pkt)
{
	const struct dash_acl_bind *bind = dash_acl_bind(pkt);
	int i;

	for (i = 0; i < bind->n; i++)
		prefetch(rcu_access_pointer(bind->group[i]->cur));
}

unsigned int dash_acl_walks(const struct dash_pkt *pkt,
			    struct dash_lpm_walk *walk)
{
	const struct dash_acl_bind *bind = dash_acl_bind(pkt);
	const struct dash_lpm *tags = &pkt->dn->tags[pkt->t.v6].lpm;
	const struct dash_acl_version *ver;
	bool want[2] = {};
	unsigned int n = 0;
	int i;

	for (i = 0; i < bind->n; i++) {
		ver = rcu_dereference(bind->group[i]->cur);
		want[0] |= ver->tags[0];
		want[1] |= ver->tags[1];
	}
	if (want[0])
		dash_lpm_walk_init(&walk[n++], tags,
				   dash_addr_bytes(&pkt->t.src));
	if (want[1])
		dash_lpm_walk_init(&walk[n++], tags,
				   dash_addr_bytes(&pkt->t.dst));
	return n;
}

enum dash_drop dash_acl_check(struct dash_pkt *pkt, struct dash_flow_act *act)
{
	const struct dash_acl_bind *bind = dash_acl_bind(pkt);
	struct dash_cls_hit hit[DASH_ACL_STAGES * DASH_ACL_PARTS];
	struct dash_acl_stage stage[DASH_ACL_STAGES];
	const struct dash_acl_rule *rule;
	bool allow = true, terminating;
	const struct dash_cls_hit *h;
	u32 part;
	int i;

	if (!bind->n)
		return DASH_DROP_NONE;

	dash_acl_lookup(bind, stage, hit, pkt);
	for (i = 0; i < bind->n; i++) {
		pkt->acl_stage = bind->stage[i];
		part = dash_acl_best_part(&stage[i]);
		h = &stage[i].hit[part];
		allow = stage[i].ver->allow;
		terminating = true;
		if (h->slot != DASH_CLS_NONE) {
			allow = h->flags & DASH_ACL_RULE_ALLOW;
			terminating = h->flags & DASH_ACL_RULE_TERMINATING;
		}
		if (unlikely(pkt->rec)) {
			rule = dash_acl_rule(&stage[i], part);
			dash_explain_acl(pkt->rec, bind->stage[i],
					 bind->group[i], rule, allow,
					 terminating);
		} else if (h->flags & DASH_ACL_RULE_COUNTER) {
			rule = dash_acl_rule(&stage[i], part);
			atomic64_inc(&rule->row->counter->hits);
			dash_counter_meet(act, rule->row->counter);
		}
		if (terminating)
			break;
	}
	return allow ? DASH_DROP_NONE : DASH_DROP_ACL_DENY;
}
