// SPDX-License-Identifier: GPL-2.0
/* Connections made by hand. */
#include <linux/etherdevice.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/slab.h>
#include <net/genetlink.h>

#include "addr.h"
#include "config.h"
#include "eni.h"
#include "flow_state.h"
#include "inst.h"
#include "netns.h"
#include "nl.h"
#include "nl_flow.h"
#include "nl_gen.h"
#include "parse.h"

static const char *dash_flow_attr_name(int attr)
{
	switch (attr) {
	case DASH_A_FLOW_ENI:
		return "eni";
	case DASH_A_FLOW_DIRECTION:
		return "direction";
	case DASH_A_FLOW_SRC:
		return "src";
	case DASH_A_FLOW_DST:
		return "dst";
	case DASH_A_FLOW_PROTO:
		return "proto";
	case DASH_A_FLOW_SPORT:
		return "sport";
	case DASH_A_FLOW_DPORT:
		return "dport";
	case DASH_A_FLOW_FORWARD:
		return "forward";
	case DASH_A_FLOW_REVERSE:
		return "reverse";
	case DASH_A_FLOW_PA:
		return "pa";
	case DASH_A_FLOW_VNI:
		return "vni";
	}
	return "";
}

int dash_nl_flow_needs(struct genl_info *info, int attr)
{
	if (info->attrs[attr])
		return 0;
	dash_err(info->extack, NULL, "%s is missing",
		 dash_flow_attr_name(attr));
	return -EINVAL;
}

int dash_nl_flow_needs_tuple(struct genl_info *info)
{
	int err;

	err = dash_nl_flow_needs(info, DASH_A_FLOW_SRC) ?:
	      dash_nl_flow_needs(info, DASH_A_FLOW_DST) ?:
	      dash_nl_flow_needs(info, DASH_A_FLOW_PROTO);
	if (err)
		return err;
	switch (nla_get_u8(info->attrs[DASH_A_FLOW_PROTO])) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		return dash_nl_flow_needs(info, DASH_A_FLOW_SPORT) ?:
		       dash_nl_flow_needs(info, DASH_A_FLOW_DPORT);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return dash_nl_flow_needs(info, DASH_A_FLOW_SPORT);
	}
	return 0;
}

static u16 dash_add_u16(struct genl_info *info, int attr)
{
	return info->attrs[attr] ? nla_get_u16(info->attrs[attr]) : 0;
}

static int dash_add_tuple(struct genl_info *info, struct dash_flow_saved *s)
{
	struct dash_tuple *t = &s->t;
	bool icmp;

	if (!dash_nl_get_addr(info, info->attrs[DASH_A_FLOW_SRC], &t->src) ||
	    !dash_nl_get_addr(info, info->attrs[DASH_A_FLOW_DST], &t->dst))
		return -EINVAL;
	t->v6 = !dash_addr_is_v4(&t->src);
	if (t->v6 == dash_addr_is_v4(&t->dst)) {
		dash_err(info->extack, info->attrs[DASH_A_FLOW_DST],
			 "src and dst are of different families");
		return -EINVAL;
	}
	t->proto = nla_get_u8(info->attrs[DASH_A_FLOW_PROTO]);
	t->sport = htons(dash_add_u16(info, DASH_A_FLOW_SPORT));
	t->dport = htons(dash_add_u16(info, DASH_A_FLOW_DPORT));
	icmp = dash_tuple_is_icmp(t);
	if (icmp)
		t->dport = htons(t->v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO);
	if (icmp && info->attrs[DASH_A_FLOW_ICMP_TYPE])
		t->dport = htons(nla_get_u8(info->attrs[DASH_A_FLOW_ICMP_TYPE]));

	if (!icmp && !dash_tuple_has_ports(t) && (t->sport || t->dport)) {
		dash_err(info->extack, info->attrs[DASH_A_FLOW_PROTO],
			 "sport, dport: the protocol has no ports");
		return -EINVAL;
	}
	s->state = DASH_FLOW_STATE_NEW;
	if (icmp)
		s->state = DASH_FLOW_STATE_ICMP;
	else if (t->proto == IPPROTO_TCP)
		s->state = DASH_FLOW_STATE_ESTABLISHED;
	if (info->attrs[DASH_A_FLOW_STATE])
		s->state = nla_get_u8(info->attrs[DASH_A_FLOW_STATE]);
	s->answered = s->state != DASH_FLOW_STATE_SYN_SENT && !icmp;
	return 0;
}

/* How the initiator's packets come; as they usually do, unless said. */
static int dash_add_outer(struct genl_info *info, const struct dash_eni *eni,
			  const struct dash_inst *inst,
			  struct dash_flow_saved *s)
{
	const struct dash_eni_cfg *ecfg = rcu_dereference(eni->cfg);
	struct nlattr *pa = info->attrs[DASH_A_FLOW_PA];
	struct nlattr *vip = info->attrs[DASH_A_FLOW_VIP];
	bool out = s->dir == DASH_DIRECTION_OUTBOUND;

	if (pa) {
		if (!dash_nl_get_addr(info, pa, &s->pa))
			return -EINVAL;
	} else if (out && ecfg && ecfg->has_underlay_ip) {
		s->pa = ecfg->underlay_ip;
	} else {
		return dash_nl_flow_needs(info, DASH_A_FLOW_PA);
	}
	if (!out && !info->attrs[DASH_A_FLOW_VNI])
		return dash_nl_flow_needs(info, DASH_A_FLOW_VNI);
	s->vni = dash_nl_u32(info->attrs[DASH_A_FLOW_VNI]) ?:
		 inst->first_vm_vni;
	if (s->vni > DASH_MAX_VNI) {
		dash_err(info->extack, info->attrs[DASH_A_FLOW_VNI],
			 "vni of more than 24 bits");
		return -EINVAL;
	}
	s->encap = dash_nl_u8(info->attrs[DASH_A_FLOW_ENCAP]);
	if (vip)
		return dash_nl_get_addr(info, vip, &s->vip) ? 0 : -EINVAL;
	/* a VIP of this family, see dash_inst_vip_for() */
	s->vip = s->pa;
	return 0;
}

/* A transform: an encapsulation when it has a destination, else direct. */
static int dash_add_xform(struct genl_info *info, int attr,
			  const struct dash_inst *inst,
			  const struct in6_addr *src,
			  const struct in6_addr *dst, struct dash_xform *xf)
{
	struct nlattr *tb[DASH_A_XFORM_BYTES + 1];
	const struct in6_addr *vip;
	const char *name = dash_flow_attr_name(attr);
	bool v6;

	if (nla_parse_nested_deprecated(tb, DASH_A_XFORM_BYTES,
					info->attrs[attr], NULL, info->extack))
		return -EINVAL;
	if (tb[DASH_A_XFORM_DST_MAC]) {
		ether_addr_copy(xf->dmac, nla_data(tb[DASH_A_XFORM_DST_MAC]));
		xf->set_dmac = true;
	}
	if (!tb[DASH_A_XFORM_OUTER_DST]) {
		if (tb[DASH_A_XFORM_VNI] || tb[DASH_A_XFORM_OUTER_SRC]) {
			dash_err(info->extack, info->attrs[attr],
				 "%s: outer_dst is missing", name);
			return -EINVAL;
		}
		xf->kind = DASH_XFORM_DIRECT;
		xf->saddr = *src;
		xf->daddr = *dst;
		return 0;
	}

	xf->kind = DASH_XFORM_ENCAP;
	if (!dash_nl_get_addr(info, tb[DASH_A_XFORM_OUTER_DST], &xf->daddr))
		return -EINVAL;
	v6 = !dash_addr_is_v4(&xf->daddr);
	vip = inst->first_vip[v6];
	if (tb[DASH_A_XFORM_OUTER_SRC]) {
		if (!dash_nl_get_addr(info, tb[DASH_A_XFORM_OUTER_SRC],
				      &xf->saddr))
			return -EINVAL;
	} else if (vip) {
		xf->saddr = *vip;
	} else {
		dash_err(info->extack, info->attrs[attr],
			 "%s: outer_src is missing, there is no VIP of its family",
			 name);
		return -EINVAL;
	}
	if (v6 == dash_addr_is_v4(&xf->saddr)) {
		dash_err(info->extack, tb[DASH_A_XFORM_OUTER_SRC],
			 "%s: outer_src and outer_dst are of different families",
			 name);
		return -EINVAL;
	}
	if (!tb[DASH_A_XFORM_VNI]) {
		dash_err(info->extack, info->attrs[attr], "%s: vni is missing",
			 name);
		return -EINVAL;
	}
	xf->vni = nla_get_u32(tb[DASH_A_XFORM_VNI]);
	if (xf->vni > DASH_MAX_VNI) {
		dash_err(info->extack, tb[DASH_A_XFORM_VNI],
			 "%s: vni of more than 24 bits", name);
		return -EINVAL;
	}
	xf->encap = dash_nl_u8(tb[DASH_A_XFORM_ENCAP]);
	xf->hash_sport = !tb[DASH_A_XFORM_UDP_SPORT] && !inst->fixed_sport;
	xf->sport = inst->udp_sport;
	if (tb[DASH_A_XFORM_UDP_SPORT])
		xf->sport = htons(nla_get_u16(tb[DASH_A_XFORM_UDP_SPORT]));
	return 0;
}

static int dash_add(struct genl_info *info, struct dash_net *dn,
		    struct dash_flow_work *w)
{
	const struct dash_inst *inst = rcu_dereference(dn->inst);
	struct dash_flow_saved *s = &w->saved;
	enum dash_flow_restored res;
	enum dash_drop reason;
	struct dash_eni *eni;
	int err;

	eni = dash_nl_flow_eni(dn, info->attrs[DASH_A_FLOW_ENI]);
	if (!eni) {
		dash_err(info->extack, info->attrs[DASH_A_FLOW_ENI],
			 "no such ENI");
		return -ENOENT;
	}
	s->dir = nla_get_u8(info->attrs[DASH_A_FLOW_DIRECTION]);
	err = dash_add_tuple(info, s) ?:
	      dash_add_outer(info, eni, inst, s) ?:
	      dash_add_xform(info, DASH_A_FLOW_FORWARD, inst, &s->t.src,
			     &s->t.dst, &w->act.xf[0]) ?:
	      dash_add_xform(info, DASH_A_FLOW_REVERSE, inst, &s->t.dst,
			     &s->t.src, &w->act.xf[1]);
	if (err)
		return err;

	reason = dash_flow_add(dn, eni, w, &res);
	switch (reason) {
	case DASH_DROP_NONE:
		break;
	case DASH_DROP_MALFORMED:
		dash_err(info->extack, info->attrs[DASH_A_FLOW_STATE],
			 "not a state of this protocol");
		return -EINVAL;
	case DASH_DROP_NO_MEMORY:
		return -ENOMEM;
	default:
		dash_err(info->extack, NULL,
			 reason == DASH_DROP_FLOW_LIMIT ?
			 "the ENI has all the connections it may have" :
			 "the instance has all the connections it may have");
		return -ENOSPC;
	}
	if (res != DASH_FLOW_RESTORED) {
		dash_err(info->extack, NULL, "there is such a connection");
		return -EEXIST;
	}
	return 0;
}

int dash_nl_flow_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dash_net *dn = dash_net(genl_info_net(info));
	struct dash_flow_work *w;
	int err;

	err = dash_nl_flow_needs(info, DASH_A_FLOW_ENI) ?:
	      dash_nl_flow_needs(info, DASH_A_FLOW_DIRECTION) ?:
	      dash_nl_flow_needs_tuple(info) ?:
	      dash_nl_flow_needs(info, DASH_A_FLOW_FORWARD) ?:
	      dash_nl_flow_needs(info, DASH_A_FLOW_REVERSE);
	if (err)
		return err;
	w = kzalloc(sizeof(*w), GFP_KERNEL);
	if (!w)
		return -ENOMEM;
	local_bh_disable();
	rcu_read_lock();
	err = dash_add(info, dn, w);
	rcu_read_unlock();
	local_bh_enable();
	kfree(w);
	return err;
}
