// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * A connection that is to live on in another table, after the module was
 * loaded anew or elsewhere, is its name, its state, and how its initiator's
 * packets come. What is done to packets is not part of it: ids, generations and
 * next hops mean nothing elsewhere, and policy may be another. So policy is
 * asked again about the initiator's packet, as by a connection that is
 * re-decided::
 *
 *   dash_flow_save()   --> name, state, TCP numbers, pa, vip, vni, encap, NAT
 *   dash_flow_resume() <-- the same; lookup, decide, insert
 *
 * A record is as much the work of a stranger as a packet is: whatever it says,
 * the worst that comes of it is a connection that policy allows.
 */
#include <linux/etherdevice.h>
#include <linux/jiffies.h>
#include <linux/string.h>

#include "action.h"
#include "addr.h"
#include "decide.h"
#include "eni.h"
#include "flow_impl.h"
#include "flow_state.h"
#include "inst.h"
#include "nat.h"
#include "netns.h"
#include "parse.h"
#include "resim.h"

/* RFC 7323, 2.3 */
#define STATE_MAX_WSCALE	14

void dash_flow_save(const struct dash_flow *flow, struct dash_flow_saved *saved)
{
	const struct dash_flow_act *act = rcu_dereference(flow->act);
	unsigned long now = jiffies;
	int i;

	memset(saved, 0, sizeof(*saved));
	dash_flow_tuple(flow, &saved->t);
	if (dash_tuple_is_icmp(&saved->t))
		saved->t.dport = htons(dash_flow_icmp_type(flow));
	saved->dir = flow->dir;
	saved->state = READ_ONCE(flow->state);
	saved->answered = READ_ONCE(flow->answered);
	saved->encap = act->encap;
	/* what answers go to, if that was remembered */
	saved->has_smac = act->xf[1].set_dmac &&
			  act->xf[1].nat != DASH_XFORM_NAT_DST;
	if (saved->has_smac)
		ether_addr_copy(saved->smac, act->xf[1].dmac);
	/* names of the other family follow from policy */
	saved->has_nat = act->xf[0].nat == DASH_XFORM_NAT_SRC;
	if (saved->has_nat) {
		saved->nat_addr = flow->nat->key.laddr;
		saved->nat_port = flow->nat->key.lport;
	}
	saved->vni = act->vni;
	saved->pa = act->pa;
	saved->vip = act->vip;
	saved->age = dash_flow_seconds(flow->created, now);
	saved->idle = dash_flow_seconds(dash_flow_last(flow), now);
	for (i = 0; i < 2; i++) {
		saved->packets[i] = READ_ONCE(flow->packets[i]);
		saved->bytes[i] = READ_ONCE(flow->bytes[i]);
	}
	/* packets may change it meanwhile: each number is one that was */
	if (saved->t.proto == IPPROTO_TCP)
		memcpy(&saved->tcp, &flow->tcp, sizeof(saved->tcp));
}

static bool state_fits(const struct dash_flow_saved *s)
{
	if (s->t.proto == IPPROTO_TCP)
		return s->state <= DASH_FLOW_STATE_CLOSED;
	if (dash_tuple_is_icmp(&s->t))
		return s->state == DASH_FLOW_STATE_ICMP;
	return s->state == DASH_FLOW_STATE_NEW ||
	       s->state == DASH_FLOW_STATE_STREAM;
}

static bool state_tcp_fits(const struct dash_tcp *tcp)
{
	return tcp->dir[0].wscale <= STATE_MAX_WSCALE &&
	       tcp->dir[1].wscale <= STATE_MAX_WSCALE && tcp->fin_dir <= 1;
}

/* What a vport sends is outbound, without outer headers. */
static bool state_outer_fits(const struct dash_flow_saved *s)
{
	if (s->encap == DASH_ENCAP_NONE)
		return s->dir == DASH_DIRECTION_OUTBOUND && !s->vni &&
		       ipv6_addr_any(&s->pa);
	return s->encap <= DASH_ENCAP_TYPE_NVGRE && s->vni <= DASH_MAX_VNI;
}

/* Can there be a connection like this? */
static bool state_is_valid(const struct dash_flow_saved *s)
{
	const struct dash_tuple *t = &s->t;

	if (s->dir > DASH_DIRECTION_INBOUND || !state_outer_fits(s) ||
	    t->v6 == dash_addr_is_v4(&t->src) ||
	    t->v6 == dash_addr_is_v4(&t->dst))
		return false;
	if (dash_tuple_is_icmp(t) ? ntohs(t->dport) > U8_MAX :
	    !dash_tuple_has_ports(t) && (t->sport || t->dport))
		return false;
	return state_fits(s) && state_tcp_fits(&s->tcp);
}

/* The initiator's packet, named.
 * Return: false when the ENI is going.
 */
static bool state_packet(struct dash_net *dn, struct dash_eni *eni,
			 const struct dash_flow_saved *s,
			 struct dash_flow_table *ft, struct dash_pkt *pkt)
{
	memset(pkt, 0, sizeof(*pkt));
	pkt->dn = dn;
	pkt->inst = rcu_dereference(dn->inst);
	pkt->eni = eni;
	pkt->ecfg = rcu_dereference(eni->cfg);
	if (!pkt->ecfg)
		return false;

	pkt->dir = s->dir;
	pkt->t = s->t;
	pkt->hash = dash_flow_name(ft, &pkt->key, eni->id, &pkt->t, pkt->dir);
	/* as dash_flow_tuple() has it, which is what re-decisions are about */
	if (dash_tuple_is_icmp(&pkt->t))
		pkt->t.dport = 0;
	pkt->has_ports = dash_tuple_has_ports(&pkt->t);
	if (s->has_smac)
		ether_addr_copy(pkt->smac, s->smac);
	pkt->outer.saddr = s->pa;
	pkt->outer.daddr = *dash_inst_vip_for(pkt->inst, &s->vip);
	pkt->outer.vni = s->vni;
	pkt->outer.encap = s->encap;
	return true;
}

/* What goes for both ways to make one: is it possible, and is it new? */
static enum dash_drop state_begin(struct dash_net *dn, struct dash_eni *eni,
				  struct dash_flow_table *ft,
				  struct dash_flow_work *w,
				  enum dash_flow_restored *res)
{
	struct dash_flow_saved *s = &w->saved;

	if (!state_is_valid(s))
		return DASH_DROP_MALFORMED;
	/* elsewhere an answer decides about the state, too */
	if (s->state == DASH_FLOW_STATE_NEW)
		s->answered = false;
	else if (s->state == DASH_FLOW_STATE_STREAM)
		s->answered = true;
	if (!ft || !state_packet(dn, eni, s, ft, &w->pkt))
		return DASH_DROP_NO_ENI;

	*res = DASH_FLOW_RESTORED;
	if (dash_flow_lookup(ft, &w->pkt.key, w->pkt.hash))
		*res = DASH_FLOW_EXISTING;
	return DASH_DROP_NONE;
}

/* What the responder knows a connection by stays, or it does not go on: policy
 * is to see how it was translated.
 */
static void state_translation(struct dash_flow_work *w)
{
	const struct dash_flow_saved *s = &w->saved;
	struct dash_flow *flow = &w->flow;

	memset(flow, 0, sizeof(*flow));
	flow->key = w->pkt.key;
	if (s->has_nat) {
		w->nat.key = (struct dash_flow_key){
			.laddr = s->nat_addr,
			.lport = s->nat_port,
		};
		flow->nat = &w->nat;
	}
	w->pkt.flow = flow;
}

enum dash_drop dash_flow_resume(struct dash_net *dn, struct dash_eni *eni,
				struct dash_flow_work *w,
				enum dash_flow_restored *res)
{
	struct dash_flow_table *ft = rcu_dereference(dn->ft);
	enum dash_drop reason;

	reason = state_begin(dn, eni, ft, w, res);
	if (reason || *res != DASH_FLOW_RESTORED)
		return reason;
	state_translation(w);
	reason = dash_decide(&w->pkt, &w->act);
	if (reason)
		return reason;
	if (w->act.to6 ? w->saved.has_nat :
	    !dash_nat_holds(&w->flow, &w->pkt, &w->act))
		return DASH_DROP_NO_NAT_FLOW;
	return dash_flow_restore(ft, &w->pkt, &w->act, &w->saved, res);
}

enum dash_drop dash_flow_add(struct dash_net *dn, struct dash_eni *eni,
			     struct dash_flow_work *w,
			     enum dash_flow_restored *res)
{
	struct dash_flow_table *ft = rcu_dereference(dn->ft);
	struct dash_flow_act *act = &w->act;
	enum dash_drop reason;

	reason = state_begin(dn, eni, ft, w, res);
	if (reason || *res != DASH_FLOW_RESTORED)
		return reason;
	act->eni_id = eni->id;
	dash_resim_begin(&w->pkt, act);
	dash_action_learn(&w->pkt, act);
	dash_decide_note(&w->pkt, act);
	return dash_flow_restore(ft, &w->pkt, act, &w->saved, res);
}

const struct dash_explain_acl *dash_flow_acl(const struct dash_flow *flow,
					     struct dash_flow_work *w)
{
	struct dash_net *dn = flow->eni->dn;

	dash_flow_save(flow, &w->saved);
	if (!state_packet(dn, flow->eni, &w->saved, rcu_dereference(dn->ft),
			  &w->pkt))
		return NULL;
	memset(&w->rec, 0, sizeof(w->rec));
	w->pkt.rec = &w->rec;
	dash_decide(&w->pkt, &w->act);
	return w->rec.n_acl ? &w->rec.acl[w->rec.n_acl - 1] : NULL;
}
