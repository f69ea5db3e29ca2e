// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * A decision has the generation of its ENI's policy that it was made in, and
 * that of its VNET's mappings. A change begins the next generation of each ENI
 * and each VNET that it concerns, and says what becomes of decisions made
 * before::
 *
 *	gen      5      6      7      8      9
 *	         | resim| keep | keep | cut  |
 *	marks    resim=6              resim=cut=9
 *	             ^-- in 8, a decision made in 5 is stale, in 6 or 7 kept
 *
 * So a change is one store per ENI and VNET, whatever the number of
 * connections, and a connection that a packet comes for is where the work is
 * done. As long as a decision's generations are the present ones that is none
 * at all. Else it stands in one of these ways:
 *
 * current:  only other mappings of the VNET changed than the one used; noted.
 * kept:     by all changes since. It is written anew in the present generation,
 *           with the transforms that it has ("adopted").
 * stale:    it is made again, at the ENI's rate (resim_rate). Meanwhile packets
 *           go by the old one: a connection that policy would deny by now lives
 *           a little longer, but a change does not stop all others, and cannot
 *           be made to take all the CPU. The rate is per ENI, so one VM's
 *           packets do not spend another one's. Packets that come to or leave
 *           from a VIP that is no more do not wait.
 * cut:      the connection is removed, and the packet is one without it. A walk
 *           after the change removes those that no packet comes for.
 *
 * A new decision is made in the present generation and shared only with
 * decisions of that, so it never finds a stale one. It may find one that was
 * adopted, if that says the same: then that is what it is.
 *
 * What a decision points to (VNET, route) is there as long as its ENI's
 * generation is the present one: no change takes these away without a new
 * generation. In an older one the pointers are not to be followed. The VNET is
 * found again by the number of its name, the endpoints of a static
 * encapsulation are those of the route that there is now.
 *
 * A decision made on another CPU while a change is published is marked with
 * the generation before, and stands as those made before: that is what it is.
 * One made by settings taken when the batch began, where those were replaced
 * before the generation was read, knows (again) that it is stale.
 *
 * A mapping has no memory of who changed it. A connection that was kept though
 * its own mapping changed, or that was marked and has had no packet since, is
 * therefore concerned by the next change of any mapping of that VNET.
 */
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "config.h"
#include "eni.h"
#include "flow.h"
#include "inst.h"
#include "mapping.h"
#include "netns.h"
#include "parse.h"
#include "policy.h"
#include "resim.h"
#include "route.h"
#include "stats.h"
#include "tunnel.h"
#include "vnet.h"

/* Are a packet's settings, taken when its batch began, still those there are? */
static bool resim_is_up_to_date(const struct dash_pkt *pkt)
{
	return pkt->ecfg == rcu_access_pointer(pkt->eni->cfg) &&
	       pkt->inst == rcu_access_pointer(pkt->dn->inst);
}

void dash_resim_begin(const struct dash_pkt *pkt, struct dash_flow_act *act)
{
	/* pairs with dash_policy_advance(): what is read below is not older */
	act->gen = smp_load_acquire(&pkt->eni->gen);
	/* If others have been published since, have the decision made again by
	 * the next packet.
	 */
	if (unlikely(!resim_is_up_to_date(pkt))) {
		act->gen--;
		act->again = true;
	}
}

/* A VNET goes a grace period after its row. */
static const struct dash_vnet *resim_vnet(struct dash_net *dn, u32 id)
{
	struct dash_sym *sym;

	if (!id)
		return NULL;
	sym = xa_load(&dn->by_id[DASH_OBJECT_TYPE_VNET], id);
	if (!sym || !rcu_access_pointer(sym->cur))
		return NULL;
	return READ_ONCE(sym->data);
}

static enum dash_standing_kind resim_by_eni(const struct dash_eni *eni,
					    const struct dash_flow_act *act)
{
	/* pairs with dash_policy_advance(): what is read afterwards is not
	 * older
	 */
	u32 resim = smp_load_acquire(&eni->marks.resim);

	if (act->again)
		return DASH_STANDING_STALE;
	if (!dash_policy_before(act->gen, resim))
		return DASH_STANDING_KEPT;
	return dash_policy_before(act->gen, READ_ONCE(eni->marks.cut)) ?
	       DASH_STANDING_CUT : DASH_STANDING_STALE;
}

static enum dash_standing_kind resim_by_vnet(const struct dash_vnet *vnet,
					     const struct dash_flow_act *act,
					     u32 *gen)
{
	const struct dash_mapping *m;
	u32 was, resim;

	/* pairs with dash_policy_advance(): mappings are not older */
	*gen = smp_load_acquire(&vnet->gen);
	was = READ_ONCE(act->vnet_gen);
	if (was == *gen)
		return DASH_STANDING_CURRENT;
	/* the same */
	resim = smp_load_acquire(&vnet->marks.resim);
	if (!dash_policy_before(was, resim))
		return DASH_STANDING_KEPT;
	if (act->mapping) {
		m = dash_mapping_lookup(vnet, &act->ip);
		if (m && m->id == act->mapping)
			return DASH_STANDING_CURRENT;
	}
	return dash_policy_before(was, READ_ONCE(vnet->marks.cut)) ?
	       DASH_STANDING_CUT : DASH_STANDING_STALE;
}

void dash_resim_standing(const struct dash_eni *eni,
			 const struct dash_flow_act *act,
			 struct dash_standing *st)
{
	enum dash_standing_kind kind;

	st->kind = DASH_STANDING_CURRENT;
	/* not newer or older than what else is in there */
	st->gen = smp_load_acquire(&eni->gen);
	st->vnet_gen = 0;
	if (act->gen == st->gen) {
		st->vnet = act->vnet;
	} else {
		st->vnet = resim_vnet(eni->dn, act->vnet_id);
		st->kind = resim_by_eni(eni, act);
	}
	if (!st->vnet)
		return;
	kind = resim_by_vnet(st->vnet, act, &st->vnet_gen);
	if (kind > st->kind)
		st->kind = kind;
}

bool dash_resim_is_stale(const struct dash_flow *flow)
{
	struct dash_standing st;

	dash_resim_standing(flow->eni, rcu_dereference(flow->act), &st);
	return st.kind >= DASH_STANDING_STALE;
}

/* An older generation noted by another CPU means no more than one more look. */
void dash_resim_note(struct dash_flow_act *act, const struct dash_standing *st)
{
	if (st->vnet)
		WRITE_ONCE(act->vnet_gen, st->vnet_gen);
}

bool dash_resim_vip_gone(const struct dash_pkt *pkt,
			 const struct dash_flow_act *act)
{
	int i;

	if (!dash_inst_is_vip(pkt->inst, &act->vip))
		return true;
	for (i = 0; i < 2; i++)
		if (act->from_vip & BIT(i) &&
		    !dash_inst_is_vip(pkt->inst, &act->xf[i].saddr))
			return true;
	return false;
}

bool dash_resim_may(const struct dash_pkt *pkt,
		    const struct dash_flow_act *act)
{
	return !pkt->ecfg->resim_rate || dash_resim_vip_gone(pkt, act) ||
	       dash_bucket_take(&pkt->eni->resim, pkt->ecfg->resim_rate);
}

/* Where else replies may come from, by the route that there is now. */
static const struct dash_endpoints *
resim_endpoints(const struct dash_pkt *pkt, const struct dash_flow *flow)
{
	const struct dash_route_act *ra;
	struct dash_route route;
	struct dash_tuple t;

	dash_flow_tuple(flow, &t);
	if (dash_route_lookup(pkt->ecfg->routes, &t.dst, &route))
		return NULL;
	ra = route.action;
	if (ra->tunnel)
		return &rcu_dereference(ra->tunnel->cfg)->to;
	return ra->to.n ? &ra->to : NULL;
}

bool dash_resim_adopt(const struct dash_pkt *pkt, const struct dash_flow *flow,
		      const struct dash_flow_act *old,
		      const struct dash_standing *st,
		      struct dash_flow_act *act)
{
	memcpy(act, old, offsetof(struct dash_flow_act, refs));
	act->xf[0].nh = NULL;
	act->xf[1].nh = NULL;
	act->gen = st->gen;
	act->vnet = st->vnet;
	act->vnet_gen = st->vnet_gen;
	if (!st->vnet)
		act->vnet_id = 0;
	/* compared with NULL only: it may be gone */
	if (old->endpoints)
		act->endpoints = resim_endpoints(pkt, flow);
	/* the connection has its port, or its addresses of the other family */
	act->pool = NULL;
	act->to6 = NULL;
	act->again = false;
	act->hash = dash_flow_act_hash(rcu_dereference(pkt->dn->ft), act);
	/* the routes were taken when the batch began */
	return resim_is_up_to_date(pkt);
}

static bool resim_is_cut(const struct dash_flow *flow, const void *unused)
{
	struct dash_standing st;

	dash_resim_standing(flow->eni, rcu_dereference(flow->act), &st);
	return st.kind == DASH_STANDING_CUT;
}

void dash_resim_cut(struct dash_flow_table *ft)
{
	dash_flow_remove_if(ft, resim_is_cut, NULL, DASH_FLOW_END_CUT);
}
