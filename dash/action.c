// SPDX-License-Identifier: GPL-2.0
#include <linux/etherdevice.h>

#include "action.h"
#include "addr.h"
#include "counter.h"
#include "eni.h"
#include "explain.h"
#include "flow.h"
#include "inst.h"
#include "mapping.h"
#include "meter.h"
#include "nat.h"
#include "parse.h"
#include "route.h"
#include "to6.h"
#include "tunnel.h"
#include "vnet.h"
#include "vport.h"
#include "xform.h"

/* An encapsulation towards @pa; the source is a VIP of its family. */
static enum dash_drop dash_action_encap(const struct dash_pkt *pkt,
					struct dash_xform *xf,
					const struct in6_addr *pa,
					const struct in6_addr *sip)
{
	bool v6 = !dash_addr_is_v4(pa);

	if (sip && !ipv6_addr_any(&sip[v6]))
		xf->saddr = sip[v6];
	else if (v6 == !dash_addr_is_v4(&pkt->outer.daddr))
		xf->saddr = pkt->outer.daddr;
	else if (pkt->inst->first_vip[v6])
		xf->saddr = *pkt->inst->first_vip[v6];
	else
		return DASH_DROP_NO_NEXTHOP;

	xf->kind = dash_vport_is_here(pkt, pa) ? DASH_XFORM_LOCAL :
						 DASH_XFORM_ENCAP;
	xf->encap = DASH_ENCAP_TYPE_VXLAN;
	xf->daddr = *pa;
	xf->hash_sport = !pkt->inst->fixed_sport;
	xf->sport = pkt->inst->udp_sport;
	return DASH_DROP_NONE;
}

static enum dash_drop dash_action_to_vm(const struct dash_pkt *pkt,
					struct dash_xform *xf)
{
	const struct dash_eni_cfg *ecfg = pkt->ecfg;
	const struct in6_addr *pa = &ecfg->underlay_ip;

	/* Where its frames came from they go, be that gone at the moment. */
	if (dash_vport_has(pkt->eni) ||
	    (!ecfg->has_underlay_ip && dash_pkt_is_frame(pkt))) {
		xf->kind = DASH_XFORM_VPORT;
		return DASH_DROP_NONE;
	}
	if (!ecfg->has_underlay_ip) {
		/* where the VM is, is where its packets come from */
		if (pkt->dir == DASH_DIRECTION_INBOUND)
			return DASH_DROP_NO_NEXTHOP;
		pa = &pkt->outer.saddr;
	}
	xf->vni = ecfg->vm_vni;
	return dash_action_encap(pkt, xf, pa, NULL);
}

/* Which VNI an encapsulation gets, most specific first. */
static u32 dash_action_vni(const struct dash_pkt *pkt,
			   const struct dash_host *host,
			   const struct dash_inst_encap *encap,
			   const struct dash_vnet *dst_vnet)
{
	if (host->has_vni)
		return host->vni;
	if (encap->has_vni)
		return encap->vni;
	if (host->use_dst_vni || !pkt->ecfg->vnet)
		return READ_ONCE(dst_vnet->vni);
	return READ_ONCE(pkt->ecfg->vnet->vni);
}

/* Whose mapping is used. */
static const struct in6_addr *dash_action_ip(const struct dash_pkt *pkt,
					     const struct dash_route_act *ra)
{
	if (ra->action == DASH_ROUTE_ACTION_VNET_DIRECT && ra->has_overlay_ip)
		return &ra->overlay_ip;
	return &pkt->t.dst;
}

const void *dash_action_ahead(const struct dash_pkt *pkt,
			      const struct dash_route *route)
{
	const struct dash_route_act *ra = route->action;

	if (ra->action != DASH_ROUTE_ACTION_VNET &&
	    ra->action != DASH_ROUTE_ACTION_VNET_DIRECT)
		return NULL;
	return dash_mapping_ahead(ra->vnet, dash_action_ip(pkt, ra));
}

/* Outer sources by family, of which that of @pa will be used: what the route
 * says goes before what the ENI has for private links. Of other mappings, an
 * underlay_sip of the route does not matter.
 */
static void dash_action_sip(const struct dash_pkt *pkt,
			    const struct dash_route_act *ra,
			    const struct dash_to6 *to6,
			    const struct in6_addr *pa, struct in6_addr sip[2])
{
	const struct dash_eni_cfg *ecfg = pkt->ecfg;
	bool v6 = !dash_addr_is_v4(pa);

	sip[v6] = ecfg->encap_sip[v6];
	if (likely(!to6))
		return;
	if (to6->pl && !ipv6_addr_any(&ecfg->pl_underlay_sip[v6]))
		sip[v6] = ecfg->pl_underlay_sip[v6];
	if (ra->has_sip && v6 == !dash_addr_is_v4(&ra->sip))
		sip[v6] = ra->sip;
}

static enum dash_drop dash_action_map(struct dash_pkt *pkt,
				      const struct dash_route_act *ra,
				      struct dash_flow_act *act,
				      struct dash_metering *meter)
{
	const struct dash_inst_encap *encap =
		&pkt->inst->encap[DASH_INST_VNET_ENCAP];
	const struct in6_addr *ip = dash_action_ip(pkt, ra);
	struct dash_xform *xf = &act->xf[0];
	const struct dash_mapping *m;
	const struct dash_host *host;
	struct in6_addr sip[2];
	enum dash_drop reason;
	struct dash_pa *pa;

	act->vnet = ra->vnet;
	/* pairs with dash_mapping_publish(): the mapping is not older */
	act->vnet_gen = smp_load_acquire(&ra->vnet->gen);
	m = dash_mapping_lookup(ra->vnet, ip);
	if (pkt->rec)
		dash_explain_mapping(pkt->rec, ra->vnet, ip, m);
	if (!m)
		return DASH_DROP_NO_MAPPING;

	dash_counter_meet(act, dash_mapping_counter(m));
	host = dash_mapping_host(m);
	if (ra->underlay == DASH_UNDERLAY_FAMILY_ANY)
		pa = host->pa[0] ?: host->pa[1];
	else
		pa = host->pa[ra->underlay == DASH_UNDERLAY_FAMILY_IPV6];
	if (!pa)
		return DASH_DROP_NO_MAPPING;

	dash_action_sip(pkt, ra, host->to6, &pa->addr, sip);
	reason = dash_action_encap(pkt, xf, &pa->addr, sip);
	if (!reason && host->to6) {
		encap = &pkt->inst->encap[DASH_INST_PRIVATELINK];
		reason = dash_to6_decide(pkt, host->to6, act);
	}
	if (reason)
		return reason;
	xf->encap = encap->type;
	xf->vni = dash_action_vni(pkt, host, encap, ra->vnet);
	if (m->flags & DASH_MAPPING_HAS_MAC) {
		ether_addr_copy(xf->dmac, m->mac);
		xf->set_dmac = true;
	}
	meter->or |= host->meter_or;
	act->mapping = m->id;
	act->ip = *ip;
	return DASH_DROP_NONE;
}

/* Towards one of several endpoints, from the source of its family in @sip. */
static enum dash_drop dash_action_ecmp(const struct dash_pkt *pkt,
				       const struct dash_route_act *ra,
				       const struct dash_endpoints *to,
				       const struct in6_addr *sip, u32 hash,
				       struct dash_flow_act *act)
{
	struct dash_xform *xf = &act->xf[0];
	const struct in6_addr *pa;

	/* the low bits are those of the source port */
	pa = &to->pa[(hash >> 14) % to->n];
	if (ra->has_mac) {
		ether_addr_copy(xf->dmac, ra->mac);
		xf->set_dmac = true;
	}
	act->endpoints = to;
	if (!sip || ipv6_addr_any(&sip[!dash_addr_is_v4(pa)]))
		sip = pkt->ecfg->encap_sip;
	return dash_action_encap(pkt, xf, pa, sip);
}

/* Type and VNI of an encapsulation that no mapping decides. */
static enum dash_drop dash_action_type(const struct dash_pkt *pkt,
				       const struct dash_route_act *ra,
				       enum dash_inst_type type,
				       struct dash_xform *xf)
{
	const struct dash_inst_encap *encap = &pkt->inst->encap[type];

	xf->encap = encap->type;
	if (ra->has_vni)
		xf->vni = ra->vni;
	else if (encap->has_vni)
		xf->vni = encap->vni;
	else if (pkt->ecfg->vnet)
		xf->vni = READ_ONCE(pkt->ecfg->vnet->vni);
	else
		return DASH_DROP_NO_MAPPING;
	return DASH_DROP_NONE;
}

static enum dash_drop dash_action_static(const struct dash_pkt *pkt,
					 const struct dash_route_act *ra,
					 u32 hash, struct dash_flow_act *act)
{
	enum dash_drop reason;

	reason = dash_action_ecmp(pkt, ra, &ra->to, NULL, hash, act);
	return reason ?: dash_action_type(pkt, ra, DASH_INST_VNET_ENCAP,
					  &act->xf[0]);
}

/* Without an underlay_dip the service is where its IPv4 address is. */
static enum dash_drop dash_action_service(const struct dash_pkt *pkt,
					  const struct dash_route_act *ra,
					  struct dash_flow_act *act)
{
	const struct in6_addr *pa = ra->to.n ? ra->to.pa : &pkt->t.dst;
	struct dash_xform *xf = &act->xf[0];
	struct in6_addr sip[2];
	enum dash_drop reason;

	if (ra->has_mac) {
		ether_addr_copy(xf->dmac, ra->mac);
		xf->set_dmac = true;
	}
	dash_action_sip(pkt, ra, ra->to6, pa, sip);
	reason = dash_action_encap(pkt, xf, pa, sip);
	if (reason)
		return reason;
	reason = dash_to6_decide(pkt, ra->to6, act);
	return reason ?: dash_action_type(pkt, ra, DASH_INST_SERVICETUNNEL,
					  xf);
}

static enum dash_drop dash_action_tunnel(struct dash_pkt *pkt,
					 const struct dash_route_act *ra,
					 u32 hash, struct dash_flow_act *act,
					 struct dash_metering *meter)
{
	const struct dash_tunnel_cfg *cfg = rcu_dereference(ra->tunnel->cfg);
	struct dash_xform *xf = &act->xf[0];
	enum dash_drop reason;

	if (pkt->rec)
		pkt->rec->tunnel = cfg;
	reason = dash_action_ecmp(pkt, ra, &cfg->to, cfg->sip, hash, act);
	if (reason)
		return reason;
	xf->encap = cfg->encap;
	xf->vni = cfg->vni;
	meter->or |= cfg->meter_or;
	return DASH_DROP_NONE;
}

static void dash_action_direct(const struct dash_pkt *pkt,
			       struct dash_xform *xf)
{
	xf->kind = DASH_XFORM_DIRECT;
	xf->saddr = pkt->t.src;
	xf->daddr = pkt->t.dst;
}

/* As direct, under another address. Answers come to that, without a tunnel. */
static void dash_action_snat(const struct dash_pkt *pkt,
			     const struct dash_route_act *ra,
			     struct dash_flow_act *act)
{
	dash_action_direct(pkt, &act->xf[0]);
	act->xf[0].saddr = *dash_nat_choose(pkt, ra->nat);
	act->xf[0].nat = DASH_XFORM_NAT_SRC;
	act->xf[1].nat = DASH_XFORM_NAT_DST;
	ether_addr_copy(act->xf[1].dmac, pkt->ecfg->mac);
	act->xf[1].set_dmac = true;
	act->pool = ra->nat;
}

void dash_action_learn(const struct dash_pkt *pkt, struct dash_flow_act *act)
{
	act->pa = pkt->outer.saddr;
	act->vip = pkt->outer.daddr;
	act->vni = pkt->outer.vni;
	act->encap = pkt->outer.encap;
}

enum dash_drop dash_action_route(struct dash_pkt *pkt,
				 const struct dash_route *route, u32 hash,
				 struct dash_flow_act *act,
				 struct dash_metering *meter)
{
	const struct dash_route_act *ra = route->action;
	enum dash_drop reason = DASH_DROP_NONE;

	dash_counter_meet(act, ra->counter);
	meter->or |= ra->meter_or;
	meter->and &= ra->meter_and;
	meter->policy = ra->meter_policy;

	switch (ra->action) {
	case DASH_ROUTE_ACTION_VNET:
	case DASH_ROUTE_ACTION_VNET_DIRECT:
		reason = dash_action_map(pkt, ra, act, meter);
		break;
	case DASH_ROUTE_ACTION_VNET_ENCAP:
		reason = dash_action_static(pkt, ra, hash, act);
		break;
	case DASH_ROUTE_ACTION_TUNNEL:
		reason = dash_action_tunnel(pkt, ra, hash, act, meter);
		break;
	case DASH_ROUTE_ACTION_DIRECT:
		if (ra->tunnel)
			reason = dash_action_tunnel(pkt, ra, hash, act, meter);
		else
			dash_action_direct(pkt, &act->xf[0]);
		break;
	case DASH_ROUTE_ACTION_SERVICETUNNEL:
		reason = dash_action_service(pkt, ra, act);
		break;
	case DASH_ROUTE_ACTION_SNAT:
		dash_action_snat(pkt, ra, act);
		break;
	default:
		return DASH_DROP_ROUTE_DROP;
	}
	if (reason)
		return reason;
	dash_action_learn(pkt, act);
	return dash_action_to_vm(pkt, &act->xf[1]);
}

enum dash_drop dash_action_decap(struct dash_pkt *pkt,
				 struct dash_flow_act *act)
{
	enum dash_drop reason;

	reason = dash_action_to_vm(pkt, &act->xf[0]);
	if (reason)
		return reason;
	reason = dash_action_encap(pkt, &act->xf[1], &pkt->outer.saddr, NULL);
	if (reason)
		return reason;
	/* A VM here answers to the fake MAC, which nobody else has. */
	if (dash_vport_has(pkt->eni) && is_valid_ether_addr(pkt->smac)) {
		ether_addr_copy(act->xf[1].dmac, pkt->smac);
		act->xf[1].set_dmac = true;
	}
	act->xf[1].encap = pkt->outer.encap;
	act->xf[1].vni = pkt->outer.vni;
	dash_action_learn(pkt, act);
	return DASH_DROP_NONE;
}
