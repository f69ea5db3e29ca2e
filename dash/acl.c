// SPDX-License-Identifier: GPL-2.0
#include "acl.h"
#include "aclgroup.h"
#include "addr.h"
#include "classifier.h"
#include "eni.h"
#include "explain.h"
#include "parse.h"
#include "rows.h"
#include "stats.h"

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

enum dash_drop dash_acl_check(struct dash_pkt *pkt)
{
	const struct dash_acl_bind *bind = &pkt->ecfg->acl[pkt->dir][pkt->t.v6];
	const struct dash_acl_version *ver[DASH_ACL_STAGES];
	const struct dash_acl_rule *rule;
	bool allow = true, terminating;
	struct dash_cls_key key;
	u32 idx;
	int i;

	if (!bind->n)
		return DASH_DROP_NONE;

	/* all versions at one moment, before any is asked */
	for (i = 0; i < bind->n; i++)
		ver[i] = rcu_dereference(bind->group[i]->cur);
	dash_acl_key(&key, pkt);

	for (i = 0; i < bind->n; i++) {
		pkt->acl_stage = bind->stage[i];
		idx = dash_classifier_match(ver[i]->cls, &key);
		rule = idx == DASH_CLS_NONE ? NULL : &ver[i]->rule[idx];
		allow = rule ? rule->allow : ver[i]->allow;
		terminating = rule ? rule->terminating : true;
		if (unlikely(pkt->rec))
			dash_explain_acl(pkt->rec, bind->stage[i],
					 bind->group[i], rule, allow,
					 terminating);
		else if (rule && rule->counter)
			atomic64_inc(&rule->row->hits);
		if (terminating)
			break;
	}
	return allow ? DASH_DROP_NONE : DASH_DROP_ACL_DENY;
}
