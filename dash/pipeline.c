// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * The journey of a packet reads from the bottom of this file upwards::
 *
 *   parse -> VIP -> direction (VNI) -> ENI (MAC) -> connection?
 *     known:    re-decide if policy changed -> state -> transform -> send
 *     unknown:  outbound: source, ACL, route, mapping
 *               inbound:  route rule, outer source, ACL
 *               -> connection, both directions -> transform -> send
 *
 * What policy says to the first packet of a connection is in decide.c.
 *
 * Every stage returns the reason of a drop, 0 to go on. A packet is counted as
 * received once its ENI is known, and from then on ends as sent or dropped in
 * the ENI's counters; before that, in the port's.
 */
#include <linux/bitops.h>
#include <linux/etherdevice.h>
#include <linux/skbuff.h>

#include "addr.h"
#include "batch.h"
#include "counter.h"
#include "decide.h"
#include "eni.h"
#include "event.h"
#include "explain.h"
#include "flow.h"
#include "frag.h"
#include "icmp.h"
#include "inst.h"
#include "live.h"
#include "lookup.h"
#include "mapping.h"
#include "meter.h"
#include "nat.h"
#include "netns.h"
#include "parse.h"
#include "pipeline.h"
#include "port.h"
#include "resim.h"
#include "route.h"
#include "stats.h"
#include "trace.h"
#include "tunnel.h"
#include "underlay.h"
#include "vnet.h"
#include "vport.h"
#include "xform.h"

static struct dash_dir_stats *dash_count_begin(const struct dash_pkt *pkt)
{
	struct dash_eni_stats *s = this_cpu_ptr(pkt->eni->stats);

	u64_stats_update_begin(&s->syncp);
	return &s->dir[pkt->dir];
}

static void dash_count_end(const struct dash_pkt *pkt)
{
	u64_stats_update_end(&this_cpu_ptr(pkt->eni->stats)->syncp);
}

/* Transform and send; the last stage of every packet that is not dropped. @d
 * says which of a connection's directions it is of.
 */
static __always_inline enum dash_drop
dash_send(struct dash_pkt *pkt, const struct dash_flow_act *act, int d)
{
	const struct dash_xform *xf = &act->xf[d];
	u32 len, frames = 0, metered = 0;
	struct dash_dir_stats *s;
	enum dash_drop reason;

	if (unlikely(pkt->rec)) {
		if (act->meter)
			pkt->rec->metering_class = act->meter->class;
		dash_explain_xform(pkt->rec, xf, pkt->hash);
		if (xf->nat && pkt->flow)
			dash_nat_explain(pkt, &pkt->flow->nat->key);
		return DASH_DROP_NONE;
	}

	if (unlikely(act->counted))
		metered = dash_counters_count(pkt, act, d, &frames);
	if (unlikely(pkt->ecfg->bw &&
		     !dash_eni_may_send(pkt->eni, pkt->ecfg, pkt->rx_len)))
		return DASH_DROP_BW_LIMIT;
	reason = dash_xform_apply(pkt, xf);
	if (reason)
		return reason;
	len = pkt->skb->len;
	reason = dash_underlay_xmit(pkt, xf);
	if (unlikely(reason == DASH_DROP_TOO_BIG))
		dash_icmp_too_big(pkt, xf, &act->xf[!d]);
	if (reason)
		return reason;

	s = dash_count_begin(pkt);
	u64_stats_inc(&s->tx_packets);
	u64_stats_add(&s->tx_bytes, len);
	dash_count_end(pkt);
	if (unlikely(metered))
		dash_meter_count(act->meter, pkt->dir, frames, metered);
	return DASH_DROP_NONE;
}

/* A new decision for a connection, about its initiator's packets as @init
 * says they come, because of @pkt. It becomes the connection's if @keep.
 */
static enum dash_drop dash_redecide(const struct dash_pkt *pkt,
				    struct dash_flow_table *ft,
				    struct dash_flow *flow,
				    struct dash_pkt *init, bool keep,
				    struct dash_flow_act *act)
{
	enum dash_drop reason;

	if (init->rec)
		dash_explain_anew(init->rec);
	reason = dash_decide(init, act);
	if (!reason && !dash_nat_holds(flow, init, act))
		reason = DASH_DROP_NO_NAT_FLOW;
	if (unlikely(reason == DASH_DROP_ACL_DENY && !init->rec))
		dash_event_deny(init);
	if (!reason && keep) {
		reason = dash_flow_redecide(ft, flow, init, act);
		if (!reason)
			dash_stats_flow(init->eni->stats, DASH_FLOW_REDECIDED);
	}
	if (reason)
		dash_counters_drop(pkt, act, dash_flow_dir(flow, pkt->dir));
	return reason;
}

/* The initiator's packet of a connection as it came when last decided. */
static void dash_flow_initiator(const struct dash_pkt *pkt,
				const struct dash_flow *flow,
				struct dash_pkt *init)
{
	const struct dash_flow_act *act = rcu_dereference(flow->act);

	memset(init, 0, sizeof(*init));
	init->dn = pkt->dn;
	init->inst = pkt->inst;
	init->eni = pkt->eni;
	init->ecfg = pkt->ecfg;
	init->rec = pkt->rec;
	init->dir = flow->dir;
	init->flow = (struct dash_flow *)flow;
	init->key = flow->key;
	init->hash = flow->hash;
	dash_flow_tuple(flow, &init->t);
	init->has_ports = dash_tuple_has_ports(&init->t);
	/* what answers go to, if that was remembered */
	if (act->xf[1].set_dmac)
		ether_addr_copy(init->smac, act->xf[1].dmac);
	init->outer.saddr = act->pa;
	/* A VIP that is gone: as if the packet had come to the one there is. */
	init->outer.daddr = *dash_inst_vip_for(init->inst, &act->vip);
	init->outer.vni = act->vni;
	init->outer.encap = act->encap;
}

/* Did policy change since? What that means, dash_known_anew() asks. */
static bool dash_has_changed(const struct dash_pkt *pkt,
			     const struct dash_flow_act *act)
{
	u32 gen;

	/* not newer or older than what else is in there */
	if (act->gen != smp_load_acquire(&pkt->eni->gen))
		return true;
	if (!act->vnet)
		return false;
	/* pairs with dash_policy_advance(): mappings are not older */
	gen = smp_load_acquire(&act->vnet->gen);
	return READ_ONCE(act->vnet_gen) != gen;
}

static enum dash_drop dash_unknown(struct dash_pkt *pkt,
				   struct dash_flow_table *ft);

static bool dash_initiator_moved(const struct dash_pkt *pkt,
				 const struct dash_flow_act *act)
{
	return !ipv6_addr_equal(&pkt->outer.saddr, &act->pa) ||
	       pkt->outer.vni != act->vni || pkt->outer.encap != act->encap;
}

/* Replies come from where the connection goes, or from its VNET; what no VNET
 * told the way of, belongs to the ENI's.
 */
static bool dash_reply_is_valid(const struct dash_pkt *pkt,
				const struct dash_flow_act *act)
{
	const struct dash_vnet *vnet = act->vnet ?: pkt->ecfg->vnet;
	const struct in6_addr *pa = &pkt->outer.saddr;

	if (dash_xform_is_encap(&act->xf[0]) &&
	    ipv6_addr_equal(pa, &act->xf[0].daddr))
		return true;
	if (act->xf[1].nat == DASH_XFORM_NAT_DST)
		return pkt->plain;
	if (act->endpoints && dash_endpoints_have(act->endpoints, pa))
		return true;
	return vnet && dash_pa_is_valid(pkt, vnet);
}

/* By a decision that holds now. What it points to is @now's, which is another
 * one when the decision is an old one.
 */
static __always_inline enum dash_drop
dash_known_by(struct dash_pkt *pkt, struct dash_flow_table *ft,
	      struct dash_flow *flow, const struct dash_flow_act *act,
	      const struct dash_flow_act *now)
{
	int d = dash_flow_dir(flow, pkt->dir);
	enum dash_drop reason;
	bool over = false;

	if (d && pkt->dir == DASH_DIRECTION_INBOUND &&
	    (pkt->ecfg->check_reply_pa ||
	     act->xf[1].nat == DASH_XFORM_NAT_DST) &&
	    !dash_reply_is_valid(pkt, now))
		return DASH_DROP_PA_INVALID;

	if (likely(!pkt->rec && !pkt->icmp_err))
		over = dash_flow_touch(ft, flow, pkt);
	reason = dash_send(pkt, act, d);
	if (unlikely(over))
		dash_flow_end(ft, flow, DASH_FLOW_END_CLOSED);
	return reason;
}

/* The connection was ended by a change of policy, only nobody said so yet. What
 * is no packet that might begin one is one without a connection.
 */
static enum dash_drop dash_known_cut(struct dash_pkt *pkt,
				     struct dash_flow_table *ft,
				     struct dash_flow *flow)
{
	enum dash_drop reason;

	if (pkt->rec)
		pkt->rec->flow = NULL;
	else
		dash_flow_end(ft, flow, DASH_FLOW_END_CUT);
	if (pkt->icmp_err)
		return DASH_DROP_ICMP_NO_FLOW;
	if (pkt->frag == DASH_FRAG_LATER)
		return DASH_DROP_FRAG_NO_PARENT;
	reason = dash_lookup_trusted(pkt);
	if (reason)
		return reason;
	return dash_unknown(pkt, ft);
}

/* What is decided anew is kept, except by a packet in thought; an ICMP error,
 * which anybody may send, does not make the connection follow it.
 *
 * Apart from dash_known(), lest each packet have a decision and a packet in
 * thought on the stack, which compilers clear.
 */
static noinline enum dash_drop
dash_known_anew(struct dash_pkt *pkt, struct dash_flow_table *ft,
		struct dash_flow *flow)
{
	struct dash_flow_act *act = rcu_dereference(flow->act);
	const struct dash_flow_act *by = act, *now = act;
	struct dash_standing st;
	struct dash_flow_act own;
	enum dash_drop reason;
	struct dash_pkt init;
	bool keep = !pkt->rec;

	dash_resim_standing(pkt->eni, act, &st);
	switch (st.kind) {
	case DASH_STANDING_CUT:
		return dash_known_cut(pkt, ft, flow);
	case DASH_STANDING_STALE:
		if (keep && !dash_resim_may(pkt, act)) {
			dash_stats_flow(pkt->eni->stats,
					DASH_FLOW_RESIM_DEFERRED);
			dash_resim_adopt(pkt, flow, act, &st, &own);
			now = &own;
			break;
		}
		dash_flow_initiator(pkt, flow, &init);
		reason = dash_redecide(pkt, ft, flow, &init, keep, &own);
		pkt->acl_stage = init.acl_stage;
		if (reason) {
			if (keep && reason != DASH_DROP_NO_MEMORY)
				dash_flow_end(ft, flow, DASH_FLOW_END_POLICY);
			return reason;
		}
		by = keep ? rcu_dereference(flow->act) : &own;
		now = by;
		break;
	default:
		if (act->gen == st.gen) {
			if (keep)
				dash_resim_note(act, &st);
			break;
		}
		if (dash_resim_vip_gone(pkt, act))
			return DASH_DROP_NO_VIP;
		now = &own;
		/* without memory the next packet tries again */
		if (!dash_resim_adopt(pkt, flow, act, &st, &own) || !keep ||
		    dash_flow_redecide(ft, flow, pkt, &own))
			break;
		by = rcu_dereference(flow->act);
		now = by;
		break;
	}
	if (!dash_flow_dir(flow, pkt->dir) && dash_initiator_moved(pkt, by)) {
		keep = !pkt->rec && !pkt->icmp_err;
		dash_flow_initiator(pkt, flow, &init);
		init.outer = pkt->outer;
		init.port = pkt->port;
		ether_addr_copy(init.smac, pkt->smac);
		reason = dash_redecide(pkt, ft, flow, &init, keep, &own);
		pkt->acl_stage = init.acl_stage;
		if (reason)
			return reason;
		by = keep ? rcu_dereference(flow->act) : &own;
		now = by;
	}
	return dash_known_by(pkt, ft, flow, by, now);
}

/* A packet of a connection that is there, or an ICMP error about it. */
static enum dash_drop dash_known(struct dash_pkt *pkt,
				 struct dash_flow_table *ft,
				 struct dash_flow *flow)
{
	const struct dash_flow_act *act = rcu_dereference(flow->act);

	pkt->flow = flow;
	if (unlikely(pkt->rec))
		pkt->rec->flow = flow;
	if (unlikely(dash_has_changed(pkt, act) ||
		     (!dash_flow_dir(flow, pkt->dir) &&
		      dash_initiator_moved(pkt, act))))
		return dash_known_anew(pkt, ft, flow);
	return dash_known_by(pkt, ft, flow, act, act);
}

/* May this packet open a connection? */
static bool dash_may_open(const struct dash_pkt *pkt)
{
	if (pkt->t.proto != IPPROTO_TCP || dash_tcp_is_syn(pkt->tcp.flags))
		return true;
	return pkt->inst->tcp_loose && !(pkt->tcp.flags & DASH_TCP_RST);
}

/* The first packet of a connection that is not made. */
static enum dash_drop dash_send_new(struct dash_pkt *pkt,
				    struct dash_flow_table *ft,
				    const struct dash_flow_act *act)
{
	enum dash_drop reason = DASH_DROP_NONE;
	struct dash_flow_key name;

	pkt->flow = NULL;
	if (act->xf[0].nat)
		reason = dash_nat_try(ft, pkt, act, &name);
	if (reason)
		return reason;
	reason = dash_send(pkt, act, 0);
	if (act->xf[0].nat)
		dash_nat_explain(pkt, &name);
	return reason;
}

/* The first packet of a connection, and what policy says to that. */
static enum dash_drop dash_open(struct dash_pkt *pkt,
				struct dash_flow_table *ft,
				const struct dash_flow_act *act,
				enum dash_drop verdict)
{
	struct dash_flow *flow;

	if (verdict == DASH_DROP_ACL_DENY && !pkt->rec)
		dash_event_deny(pkt);
	if (!verdict && pkt->rec)
		return dash_send_new(pkt, ft, act);
	if (!verdict)
		verdict = dash_flow_create(ft, pkt, act, &flow);
	if (!verdict)
		return dash_known(pkt, ft, flow);
	dash_counters_drop(pkt, act, 0);
	return verdict;
}

/* The first packet of a connection that nothing was decided about ahead. */
static noinline enum dash_drop
dash_unknown(struct dash_pkt *pkt, struct dash_flow_table *ft)
{
	struct dash_flow_act act;

	if (!dash_may_open(pkt))
		return DASH_DROP_TCP_NO_SYN;
	return dash_open(pkt, ft, &act, dash_decide(pkt, &act));
}

/* For what has no connection and cannot begin one: why it is dropped. That a
 * VNI is not trusted comes before that.
 */
static enum dash_drop dash_nobody(const struct dash_pkt *pkt,
				  enum dash_drop reason)
{
	return dash_lookup_trusted(pkt) ?: reason;
}

/* An ICMP error goes the way of the connection that it is about. Any router
 * may send one, so its source is not the connection's.
 */
static enum dash_drop dash_icmp_error(struct dash_pkt *pkt,
				      struct dash_flow_table *ft)
{
	struct dash_flow *flow;

	/* the packet quoted went the other way, from whom this one goes to */
	if (!ipv6_addr_equal(&pkt->quoted.src, &pkt->t.dst))
		return dash_nobody(pkt, DASH_DROP_ICMP_NO_FLOW);
	pkt->hash = dash_flow_name(ft, &pkt->key, pkt->eni->id, &pkt->quoted,
				   !pkt->dir);
	flow = dash_flow_lookup(ft, &pkt->key, pkt->hash);
	if (!flow)
		return dash_nobody(pkt, DASH_DROP_ICMP_NO_FLOW);
	if (pkt->dir == DASH_DIRECTION_OUTBOUND &&
	    !dash_eni_may_use(pkt->ecfg, &pkt->t.src))
		return DASH_DROP_SPOOF;
	return dash_known(pkt, ft, flow);
}

/* A later inner fragment goes where the first one went. */
static enum dash_drop dash_later(struct dash_pkt *pkt,
				 struct dash_flow_table *ft)
{
	enum dash_drop reason;
	struct dash_flow *flow;

	reason = dash_frag_later(pkt, &pkt->key);
	if (reason)
		return dash_nobody(pkt, reason);
	pkt->hash = dash_flow_hash(ft, &pkt->key);
	flow = dash_flow_lookup(ft, &pkt->key, pkt->hash);
	if (!flow)
		return dash_nobody(pkt, DASH_DROP_FRAG_NO_PARENT);
	return dash_known(pkt, ft, flow);
}

/* A first inner fragment, whose verdict is also that of those that follow. */
static enum dash_drop dash_first(struct dash_pkt *pkt,
				 struct dash_flow_table *ft,
				 struct dash_flow *flow)
{
	enum dash_drop reason;

	reason = dash_frag_first(pkt, &pkt->key);
	if (reason)
		return reason;
	reason = flow ? dash_known(pkt, ft, flow) : dash_unknown(pkt, ft);
	dash_frag_verdict(pkt, reason);
	return reason;
}

static void dash_name(struct dash_pkt *pkt, const struct dash_flow_table *ft)
{
	pkt->hash = dash_flow_name(ft, &pkt->key, pkt->eni->id, &pkt->t,
				   pkt->dir);
}

/* From the connection on; the part that explain shares. */
static enum dash_drop dash_forward(struct dash_pkt *pkt,
				   struct dash_flow_table *ft)
{
	struct dash_flow *flow = pkt->flow;
	enum dash_drop reason;

	if (!pkt->ecfg->enabled)
		return DASH_DROP_ENI_DOWN;

	/* A packet just before this one may have made or ended it. */
	if (dash_pkt_is_named(pkt) && (!flow || unlikely(READ_ONCE(flow->dead))))
		flow = dash_flow_lookup(ft, &pkt->key, pkt->hash);
	if (!flow && dash_pkt_is_named(pkt)) {
		reason = pkt->plain ? DASH_DROP_NO_NAT_FLOW :
				      dash_lookup_trusted(pkt);
		if (reason)
			return reason;
	}
	if (pkt->t.proto == IPPROTO_TCP && pkt->frag != DASH_FRAG_LATER &&
	    !dash_tcp_flags_valid(pkt->tcp.flags))
		return DASH_DROP_TCP_FLAGS;
	if (unlikely(pkt->frag == DASH_FRAG_LATER))
		return dash_later(pkt, ft);
	if (pkt->icmp_err)
		return dash_icmp_error(pkt, ft);

	if (flow && pkt->t.proto == IPPROTO_TCP &&
	    dash_tcp_is_syn(pkt->tcp.flags) && dash_flow_is_over(flow)) {
		/* the old connection is over, this is a new one */
		if (pkt->plain)
			return DASH_DROP_NO_NAT_FLOW;
		if (!pkt->rec)
			dash_flow_end(ft, flow, DASH_FLOW_END_REPLACED);
		flow = NULL;
	}
	if (unlikely(pkt->frag == DASH_FRAG_FIRST))
		return dash_first(pkt, ft, flow);
	if (flow)
		return dash_known(pkt, ft, flow);
	if (pkt->act)
		return dash_open(pkt, ft, pkt->act, pkt->verdict);
	return dash_unknown(pkt, ft);
}

enum dash_drop dash_pipeline_explain(struct dash_pkt *pkt)
{
	struct dash_flow_table *ft = rcu_dereference(pkt->dn->ft);

	if (WARN_ON_ONCE(!ft))
		return DASH_DROP_NO_MEMORY;
	if (dash_pkt_is_named(pkt))
		dash_name(pkt, ft);
	return dash_forward(pkt, ft);
}

static void dash_count_rx(const struct dash_pkt *pkt)
{
	struct dash_port_stats *p = this_cpu_ptr(pkt->port->stats);
	struct dash_dir_stats *s;

	u64_stats_update_begin(&p->syncp);
	u64_stats_inc(&p->to_eni);
	u64_stats_update_end(&p->syncp);

	s = dash_count_begin(pkt);
	u64_stats_inc(&s->rx_packets);
	u64_stats_add(&s->rx_bytes, pkt->rx_len);
	dash_count_end(pkt);
}

static void dash_count_drop(const struct dash_pkt *pkt, enum dash_drop reason)
{
	struct dash_port_stats *p;
	struct dash_dir_stats *s;

	if (pkt->eni) {
		s = dash_count_begin(pkt);
		u64_stats_inc(&s->drops[reason]);
		if (reason == DASH_DROP_ACL_DENY)
			u64_stats_inc(&s->acl_drops[pkt->acl_stage - 1]);
		dash_count_end(pkt);
		return;
	}
	p = this_cpu_ptr(pkt->port->stats);
	u64_stats_update_begin(&p->syncp);
	u64_stats_inc(&p->drops[reason]);
	u64_stats_update_end(&p->syncp);
}

static void dash_drop(struct dash_pkt *pkt, enum dash_drop reason)
{
	dash_count_drop(pkt, reason);
	dash_event_drop(pkt, reason);
	trace_dash_drop(pkt->skb, pkt->port->dev,
			pkt->eni ? pkt->eni->name : "", reason);
	kfree_skb_reason(pkt->skb, dash_drop_skb_reason(reason));
}

/* What came to a NAT address belongs to a connection or to nobody. */
static noinline enum dash_drop dash_begin_plain(struct dash_pkt *pkt,
						struct dash_flow_table *ft)
{
	enum dash_drop reason = dash_nat_begin(pkt, ft);

	if (pkt->eni)
		dash_count_rx(pkt);
	return reason;
}

/* The ENI of a frame is known before anything else. */
static noinline enum dash_drop dash_begin_frame(struct dash_pkt *pkt)
{
	enum dash_drop reason = dash_vport_eni(pkt);

	if (reason)
		return reason;
	dash_count_rx(pkt);
	return dash_vport_parse(pkt);
}

/* Up to the name of the connection. */
static enum dash_drop dash_begin(struct dash_pkt *pkt)
{
	struct dash_flow_table *ft = rcu_dereference(pkt->dn->ft);
	enum dash_drop reason;

	/* settings may have changed while it waited for others */
	pkt->inst = rcu_dereference(pkt->dn->inst);
	/* what comes from a vport has not come to a VIP yet */
	if (unlikely(!dash_inst_is_vip(pkt->inst, &pkt->outer.daddr))) {
		reason = DASH_DROP_NO_VIP;
		if (pkt->plain)
			reason = dash_begin_plain(pkt, ft);
		else if (dash_pkt_is_frame(pkt))
			reason = dash_begin_frame(pkt);
		if (reason)
			return reason;
	} else {
		reason = dash_parse_inner(pkt);
		if (reason)
			return reason;
		reason = dash_lookup_eni(pkt);
		if (reason)
			return reason;
		dash_count_rx(pkt);
	}
	if (WARN_ON_ONCE(!ft))
		return DASH_DROP_NO_MEMORY;
	if (dash_pkt_is_named(pkt))
		dash_name(pkt, ft);
	return DASH_DROP_NONE;
}

/* Might a packet without a connection begin one? */
static bool dash_is_first(const struct dash_pkt *pkt)
{
	if (!pkt->ecfg->enabled || pkt->frag != DASH_FRAG_NONE || pkt->plain ||
	    dash_lookup_trusted(pkt))
		return false;
	return pkt->t.proto != IPPROTO_TCP ||
	       (dash_tcp_flags_valid(pkt->tcp.flags) && dash_may_open(pkt));
}

/* Have policy decide about those of a batch that begin a connection. Which of
 * them belong to one and the same will be seen when the first of them has made
 * it; of two that might, only the first is decided now.
 */
static noinline void dash_decide_ahead(struct dash_pkt *pkts,
				       struct dash_flow_act *acts,
				       unsigned long news)
{
	unsigned long seen = 0, mask = 0;
	unsigned int i;

	for_each_set_bit(i, &news, DASH_BATCH_MAX) {
		if (!dash_is_first(&pkts[i]) ||
		    test_bit(pkts[i].hash % BITS_PER_LONG, &seen))
			continue;
		__set_bit(pkts[i].hash % BITS_PER_LONG, &seen);
		__set_bit(i, &mask);
	}
	dash_decide_many(pkts, acts, mask);
}

void dash_pipeline_rx(struct dash_pkt *pkts, struct dash_flow_act *acts,
		      unsigned int n)
{
	struct sk_buff *notes;
	unsigned long news;
	struct dash_pkt *pkt;

	for (pkt = pkts; pkt < pkts + n; pkt++)
		pkt->reason = dash_begin(pkt);
	if (n > 1) {
		news = dash_flow_find(pkts, n);
		if (unlikely(news))
			dash_decide_ahead(pkts, acts, news);
	}
	for (pkt = pkts; pkt < pkts + n; pkt++) {
		notes = NULL;
		if (static_branch_unlikely(&dash_live_key))
			notes = dash_live_begin(pkt);
		if (!pkt->reason)
			pkt->reason = dash_forward(pkt,
						   rcu_dereference(pkt->dn->ft));
		if (unlikely(pkt->reason))
			dash_drop(pkt, pkt->reason);
		if (unlikely(notes))
			dash_live_end(notes, pkt->reason);
	}
}
