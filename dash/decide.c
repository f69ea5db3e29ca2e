// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * A decision takes the tables of policy one after the other, each of which may
 * have to be waited for::
 *
 *   outbound: source, ACL, route, mapping      inbound: route rule, PA, ACL
 *
 * New connections that come in one batch wait together: what one of them needs
 * next is fetched while the others are at the same step. The route is looked
 * up first because it leads to the mapping, yet its verdict counts only after
 * that of the ACL.
 *
 * Whatever is fetched ahead is but a hint; what is used is read afterwards,
 * within one RCU section and not before the generation of the policy that the
 * decision is marked with.
 */
#include <linux/bitops.h>
#include <linux/string.h>

#include "acl.h"
#include "action.h"
#include "batch.h"
#include "config.h"
#include "counter.h"
#include "decide.h"
#include "eni.h"
#include "explain.h"
#include "flow.h"
#include "inst.h"
#include "lpm.h"
#include "mapping.h"
#include "meter.h"
#include "netns.h"
#include "parse.h"
#include "resim.h"
#include "route.h"
#include "trace.h"
#include "vnet.h"
#include "vport.h"

/**
 * struct dash_decision - decision under way
 */
struct dash_decision {
	/** @route: of an outbound packet, when @reason is none */
	struct dash_route route;
	/** @reason: what the routes said */
	enum dash_drop reason;
	/** @slot: where what is needed next is found, or NULL */
	const void *slot;
};

bool dash_pa_is_valid(const struct dash_pkt *pkt, const struct dash_vnet *vnet)
{
	const struct in6_addr *pa = &pkt->outer.saddr;
	u32 vni = vnet ? READ_ONCE(vnet->vni) : pkt->outer.vni;

	return (vnet && dash_mapping_has_pa(vnet, pa)) ||
	       dash_inst_has_pa(pkt->inst, vni, pa);
}

static enum dash_drop dash_decide_outbound(struct dash_pkt *pkt,
					   const struct dash_decision *d,
					   struct dash_flow_act *act,
					   struct dash_metering *meter)
{
	enum dash_drop reason;

	if (!dash_eni_may_use(pkt->ecfg, &pkt->t.src) ||
	    dash_vport_is_elsewhere(pkt))
		return DASH_DROP_SPOOF;
	reason = dash_acl_check(pkt, act);
	if (reason)
		return reason;
	if (d->reason)
		return d->reason;
	if (pkt->rec)
		pkt->rec->route = d->route;
	return dash_action_route(pkt, &d->route, pkt->hash, act, meter);
}

static enum dash_drop dash_decide_inbound(struct dash_pkt *pkt,
					  struct dash_flow_act *act,
					  struct dash_metering *meter)
{
	const struct dash_rule *rule;
	enum dash_drop reason;
	bool valid;

	/* what it answers is over, and it is not what its tuple says */
	if (unlikely(pkt->answer6))
		return DASH_DROP_NO_NAT_FLOW;
	rule = dash_rule_lookup(pkt);
	if (pkt->rec)
		pkt->rec->rule = rule;
	if (!rule)
		return DASH_DROP_NO_ROUTE_RULE;
	dash_counter_meet(act, rule->counter);
	if (rule->drop)
		return DASH_DROP_ROUTE_DROP;
	meter->or |= rule->meter_or;
	meter->and &= rule->meter_and;
	if (rule->pa_validation) {
		act->vnet = rule->vnet;
		if (act->vnet)
			/* pairs with dash_mapping_publish(): PAs are not older */
			act->vnet_gen = smp_load_acquire(&act->vnet->gen);
		valid = dash_pa_is_valid(pkt, rule->vnet);
		if (pkt->rec) {
			pkt->rec->pa_checked = true;
			pkt->rec->pa_valid = valid;
		}
		if (!valid)
			return DASH_DROP_PA_INVALID;
	}
	reason = dash_acl_check(pkt, act);
	if (reason)
		return reason;
	return dash_action_decap(pkt, act);
}

static void dash_decide_start(const struct dash_pkt *pkt,
			      struct dash_flow_act *act)
{
	memset(act, 0, offsetof(struct dash_flow_act, refs));
	act->eni_id = pkt->eni->id;
	dash_resim_begin(pkt, act);
}

void dash_decide_note(const struct dash_pkt *pkt, struct dash_flow_act *act)
{
	int i;

	if (act->vnet)
		act->vnet_id = act->vnet->sym->id;
	for (i = 0; i < 2; i++)
		if (dash_xform_is_encap(&act->xf[i]) &&
		    dash_inst_is_vip(pkt->inst, &act->xf[i].saddr))
			act->from_vip |= BIT(i);
	act->hash = dash_flow_act_hash(rcu_dereference(pkt->dn->ft), act);
}

static enum dash_drop dash_decide_finish(struct dash_pkt *pkt,
					 const struct dash_decision *d,
					 struct dash_flow_act *act)
{
	struct dash_metering meter = DASH_METERING_INIT;
	enum dash_drop reason;

	BUILD_BUG_ON(DASH_ACL_STAGES + 2 > DASH_FLOW_COUNTERS);

	reason = pkt->dir == DASH_DIRECTION_OUTBOUND ?
		 dash_decide_outbound(pkt, d, act, &meter) :
		 dash_decide_inbound(pkt, act, &meter);
	if (!pkt->rec)
		trace_dash_slow_path(pkt, reason);
	if (reason)
		return reason;
	act->meter = dash_meter_get(pkt, &meter);
	act->counted = act->meter || act->n_counters;
	dash_decide_note(pkt, act);
	return DASH_DROP_NONE;
}

enum dash_drop dash_decide(struct dash_pkt *pkt, struct dash_flow_act *act)
{
	struct dash_decision d;

	dash_decide_start(pkt, act);
	if (pkt->dir == DASH_DIRECTION_OUTBOUND)
		d.reason = dash_route_lookup(pkt->ecfg->routes, &pkt->t.dst,
					     &d.route);
	return dash_decide_finish(pkt, &d, act);
}

/* --- several together --- */

/* The routes of outbound packets, and the first step to their mappings. */
static noinline void dash_decide_routes(const struct dash_pkt *pkts,
					struct dash_decision *d,
					unsigned long mask)
{
	struct dash_lpm_walk walk[DASH_BATCH_MAX];
	const struct dash_route_group *routes;
	unsigned int i, n = 0;

	for_each_set_bit(i, &mask, DASH_BATCH_MAX) {
		d[i].slot = NULL;
		d[i].reason = DASH_DROP_NO_ROUTE;
		if (pkts[i].dir != DASH_DIRECTION_OUTBOUND ||
		    !dash_route_walk_init(pkts[i].ecfg->routes, &pkts[i].t.dst,
					  &walk[n]))
			__clear_bit(i, &mask);
		else
			n++;
	}
	dash_lpm_walk_all(walk, n);
	n = 0;
	for_each_set_bit(i, &mask, DASH_BATCH_MAX) {
		routes = pkts[i].ecfg->routes;
		d[i].reason = dash_route_walk_end(routes, &walk[n++],
						  &d[i].route);
		if (!d[i].reason)
			d[i].slot = dash_action_ahead(&pkts[i], &d[i].route);
	}
}

/* What the ACL will look for among the tags. */
static noinline void dash_decide_tags(const struct dash_pkt *pkts,
				      unsigned long mask)
{
	struct dash_lpm_walk walk[DASH_BATCH_MAX + 1];
	unsigned int i, n = 0;

	for_each_set_bit(i, &mask, DASH_BATCH_MAX) {
		n += dash_acl_walks(&pkts[i], &walk[n]);
		if (n < DASH_BATCH_MAX)
			continue;
		dash_lpm_walk_all(walk, n);
		n = 0;
	}
	dash_lpm_walk_all(walk, n);
}

void dash_decide_many(struct dash_pkt *pkts, struct dash_flow_act *acts,
		      unsigned long mask)
{
	struct dash_decision d[DASH_BATCH_MAX];
	struct dash_flow_table *ft;
	unsigned int i;

	for_each_set_bit(i, &mask, DASH_BATCH_MAX) {
		dash_acl_prefetch(&pkts[i]);
		dash_decide_start(&pkts[i], &acts[i]);
	}
	dash_decide_routes(pkts, d, mask);
	for_each_set_bit(i, &mask, DASH_BATCH_MAX) {
		if (d[i].slot)
			dash_mapping_prefetch(d[i].slot);
		dash_acl_prefetch_versions(&pkts[i]);
	}
	dash_decide_tags(pkts, mask);
	for_each_set_bit(i, &mask, DASH_BATCH_MAX) {
		ft = rcu_dereference(pkts[i].dn->ft);
		pkts[i].act = &acts[i];
		pkts[i].verdict = dash_decide_finish(&pkts[i], &d[i], &acts[i]);
		d[i].slot = NULL;
		if (!pkts[i].verdict)
			d[i].slot = dash_flow_act_ahead(ft, &acts[i]);
	}
	for_each_set_bit(i, &mask, DASH_BATCH_MAX)
		if (d[i].slot)
			dash_flow_act_prefetch(d[i].slot);
}
