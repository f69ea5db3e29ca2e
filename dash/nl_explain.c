// SPDX-License-Identifier: GPL-2.0
/* What would happen to a packet, told by the pipeline itself. */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/slab.h>
#include <net/genetlink.h>

#include "aclgroup.h"
#include "addr.h"
#include "config.h"
#include "eni.h"
#include "explain.h"
#include "inst.h"
#include "mapping.h"
#include "meter.h"
#include "netns.h"
#include "nl.h"
#include "nl_gen.h"
#include "parse.h"
#include "pipeline.h"
#include "to6.h"
#include "tunnel.h"
#include "underlay.h"
#include "vnet.h"
#include "vport.h"

static u16 dash_explain_u16(struct genl_info *info, int attr, u16 absent)
{
	return info->attrs[attr] ? nla_get_u16(info->attrs[attr]) : absent;
}

/* The packet that the request describes; a first one, if TCP. */
static int dash_explain_tuple(struct genl_info *info, struct dash_pkt *pkt)
{
	struct dash_tuple *t = &pkt->t;
	u16 dport = 0;
	u8 proto;

	if (!info->attrs[DASH_A_EXPLAIN_SRC] ||
	    !info->attrs[DASH_A_EXPLAIN_DST] ||
	    !info->attrs[DASH_A_EXPLAIN_PROTO] ||
	    !info->attrs[DASH_A_EXPLAIN_DIRECTION]) {
		dash_err(info->extack, NULL,
			 "direction, src, dst and proto are required");
		return -EINVAL;
	}
	if (!dash_nl_get_addr(info, info->attrs[DASH_A_EXPLAIN_SRC], &t->src) ||
	    !dash_nl_get_addr(info, info->attrs[DASH_A_EXPLAIN_DST], &t->dst))
		return -EINVAL;
	if (dash_addr_is_v4(&t->src) != dash_addr_is_v4(&t->dst)) {
		dash_err(info->extack, info->attrs[DASH_A_EXPLAIN_DST],
			 "src and dst are of different families");
		return -EINVAL;
	}

	proto = nla_get_u8(info->attrs[DASH_A_EXPLAIN_PROTO]);
	t->v6 = !dash_addr_is_v4(&t->src);
	t->proto = proto;
	pkt->dir = nla_get_u8(info->attrs[DASH_A_EXPLAIN_DIRECTION]);
	pkt->tcp.flags = DASH_TCP_SYN;
	if (proto == (t->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		dport = t->v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO;
	t->sport = htons(dash_explain_u16(info, DASH_A_EXPLAIN_SPORT, 0));
	t->dport = htons(dash_explain_u16(info, DASH_A_EXPLAIN_DPORT, dport));
	pkt->has_ports = dash_tuple_has_ports(t);
	return 0;
}

/* How it comes: as packets of the direction usually do, unless said. */
static int dash_explain_outer(struct genl_info *info, struct dash_pkt *pkt)
{
	const struct dash_eni_cfg *ecfg = pkt->ecfg;
	const struct dash_inst *inst = pkt->inst;
	struct nlattr *pa = info->attrs[DASH_A_EXPLAIN_PA];
	struct nlattr *vni = info->attrs[DASH_A_EXPLAIN_VNI];
	bool out = pkt->dir == DASH_DIRECTION_OUTBOUND;
	bool v6;

	if (out && !pa && !vni && dash_vport_has(pkt->eni)) {
		pkt->outer.encap = DASH_ENCAP_NONE;
		dash_vport_vip(pkt);
		return 0;
	}
	if (pa) {
		if (!dash_nl_get_addr(info, pa, &pkt->outer.saddr))
			return -EINVAL;
	} else if (out && ecfg->has_underlay_ip) {
		pkt->outer.saddr = ecfg->underlay_ip;
	} else if (!out) {
		dash_err(info->extack, NULL, "an inbound packet needs pa");
		return -EINVAL;
	}
	if (vni)
		pkt->outer.vni = nla_get_u32(vni);
	else if (out)
		pkt->outer.vni = inst->first_vm_vni;
	else if (ecfg->vnet)
		pkt->outer.vni = READ_ONCE(ecfg->vnet->vni);

	v6 = !dash_addr_is_v4(&pkt->outer.saddr);
	if (inst->first_vip[v6])
		pkt->outer.daddr = *inst->first_vip[v6];
	else if (inst->first_vip[!v6])
		pkt->outer.daddr = *inst->first_vip[!v6];
	return 0;
}

int dash_nl_put_acl_step(struct sk_buff *skb, int attr,
			 const struct dash_explain_acl *acl)
{
	struct nlattr *nest = nla_nest_start(skb, attr);
	const struct nlattr *name;

	if (!nest || nla_put_u8(skb, DASH_A_ACL_STEP_STAGE, acl->stage) ||
	    nla_put_string(skb, DASH_A_ACL_STEP_GROUP, acl->group->name) ||
	    nla_put_u8(skb, DASH_A_ACL_STEP_ACTION,
		       acl->allow ? DASH_ACL_ACTION_ALLOW :
				    DASH_ACL_ACTION_DENY) ||
	    nla_put_u8(skb, DASH_A_ACL_STEP_TERMINATING, acl->terminating))
		return -EMSGSIZE;
	if (acl->rule) {
		name = dash_row_get(acl->rule->row, DASH_A_ACL_RULE_NAME);
		if (nla_put(skb, DASH_A_ACL_STEP_RULE, nla_len(name),
			    nla_data(name)) ||
		    nla_put_u32(skb, DASH_A_ACL_STEP_PRIORITY,
				acl->rule->priority))
			return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int dash_put_acl_steps(struct sk_buff *skb,
			      const struct dash_explain *rec)
{
	int i;

	for (i = 0; i < rec->n_acl; i++)
		if (dash_nl_put_acl_step(skb, DASH_A_EXPLAIN_ACL_STEP,
					 &rec->acl[i]))
			return -EMSGSIZE;
	return 0;
}

int dash_nl_put_explain_pkt(struct sk_buff *skb, const struct dash_pkt *pkt,
			    bool parsed)
{
	if (!dash_pkt_is_frame(pkt) &&
	    dash_nl_put_addr(skb, DASH_A_EXPLAIN_PA, &pkt->outer.saddr))
		return -EMSGSIZE;
	if (!parsed)
		return 0;
	if (pkt->eni &&
	    (nla_put_string(skb, DASH_A_EXPLAIN_ENI, pkt->eni->name) ||
	     nla_put_u8(skb, DASH_A_EXPLAIN_DIRECTION, pkt->dir)))
		return -EMSGSIZE;
	if (dash_nl_put_addr(skb, DASH_A_EXPLAIN_SRC, &pkt->t.src) ||
	    dash_nl_put_addr(skb, DASH_A_EXPLAIN_DST, &pkt->t.dst) ||
	    nla_put_u8(skb, DASH_A_EXPLAIN_PROTO, pkt->t.proto) ||
	    nla_put_u16(skb, DASH_A_EXPLAIN_SPORT, ntohs(pkt->t.sport)) ||
	    nla_put_u16(skb, DASH_A_EXPLAIN_DPORT, ntohs(pkt->t.dport)))
		return -EMSGSIZE;
	if (!dash_pkt_is_frame(pkt) &&
	    nla_put_u32(skb, DASH_A_EXPLAIN_VNI, pkt->outer.vni))
		return -EMSGSIZE;
	return 0;
}

int dash_nl_put_explain(struct sk_buff *skb, const struct dash_pkt *pkt)
{
	const struct dash_explain *rec = pkt->rec;
	const struct in6_addr *overlay[2] = {
		&rec->overlay[0], &rec->overlay[1]
	};
	char dev[IFNAMSIZ] = "";

	if (dash_nl_put_explain_pkt(skb, pkt, true))
		return -EMSGSIZE;
	if (rec->flow && nla_put_u8(skb, DASH_A_EXPLAIN_FLOW_STATE,
				    READ_ONCE(rec->flow->state)))
		return -EMSGSIZE;
	if (dash_put_acl_steps(skb, rec))
		return -EMSGSIZE;
	if (rec->rule && dash_nl_put_row(skb, DASH_A_EXPLAIN_ROUTE_RULE,
					 rec->rule->row))
		return -EMSGSIZE;
	if (rec->route.action &&
	    dash_nl_put_route(skb, DASH_A_EXPLAIN_ROUTE, pkt->ecfg->routes,
			      &pkt->t.dst, &rec->route))
		return -EMSGSIZE;
	if (rec->mapping &&
	    dash_nl_put_mapping(skb, DASH_A_EXPLAIN_MAPPING, rec->vnet,
				rec->mapping))
		return -EMSGSIZE;
	if (rec->tunnel && dash_nl_put_row(skb, DASH_A_EXPLAIN_TUNNEL,
					   rec->tunnel->row))
		return -EMSGSIZE;
	if (rec->pa_checked &&
	    nla_put_u8(skb, DASH_A_EXPLAIN_PA_VALID, rec->pa_valid))
		return -EMSGSIZE;
	if (rec->sent) {
		if (nla_put_u32(skb, DASH_A_EXPLAIN_METERING_CLASS,
				rec->metering_class) ||
		    (rec->meter_rule &&
		     dash_nl_put_row(skb, DASH_A_EXPLAIN_METER_RULE,
				     rec->meter_rule->row)))
			return -EMSGSIZE;
		dash_underlay_dev(pkt, &rec->xf, dev);
		if (dash_nl_put_xform(skb, DASH_A_EXPLAIN_XFORM, &rec->xf,
				      overlay, dev, 0, 0))
			return -EMSGSIZE;
	}
	return nla_put(skb, DASH_A_EXPLAIN_SMAC, ETH_ALEN, pkt->ecfg->mac);
}

int dash_nl_explain_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dash_net *dn = dash_net(genl_info_net(info));
	struct nlattr *name = info->attrs[DASH_A_EXPLAIN_ENI];
	struct dash_explain *rec;
	struct sk_buff *reply;
	struct dash_pkt *pkt;
	enum dash_drop reason;
	struct dash_sym *sym;
	int err = -ENOMEM;
	void *hdr;

	if (!name) {
		dash_err(info->extack, NULL, "eni is required");
		return -EINVAL;
	}
	pkt = kzalloc(sizeof(*pkt), GFP_KERNEL);
	rec = kzalloc(sizeof(*rec), GFP_KERNEL);
	reply = genlmsg_new(SZ_16K, GFP_KERNEL);
	if (!pkt || !rec || !reply)
		goto free_all;
	hdr = genlmsg_put_reply(reply, info, &dash_nl_family, 0,
				DASH_CMD_EXPLAIN);

	err = dash_explain_tuple(info, pkt);
	if (err)
		goto free_all;

	/* the mutex keeps names, RCU all that the pipeline meets */
	mutex_lock(&dn->lock);
	rcu_read_lock_bh();
	rcu_read_lock();
	sym = dash_sym_of_nla(dn, DASH_OBJECT_TYPE_ENI, name);
	if (!sym || !rcu_access_pointer(sym->cur)) {
		dash_err(info->extack, name, "no such ENI");
		err = -ENOENT;
		goto unlock;
	}
	pkt->dn = dn;
	pkt->rec = rec;
	pkt->inst = rcu_dereference(dn->inst);
	pkt->eni = sym->data;
	pkt->ecfg = rcu_dereference(pkt->eni->cfg);
	err = dash_explain_outer(info, pkt);
	if (err)
		goto unlock;
	if (pkt->t.v6 && pkt->dir == DASH_DIRECTION_INBOUND)
		dash_to6_begin(pkt);
	reason = dash_pipeline_explain(pkt);
	err = nla_put_u32(reply, DASH_A_EXPLAIN_DROP, reason) ?:
	      dash_nl_put_explain(reply, pkt);
unlock:
	rcu_read_unlock();
	rcu_read_unlock_bh();
	mutex_unlock(&dn->lock);
	if (!err) {
		genlmsg_end(reply, hdr);
		err = genlmsg_reply(reply, info);
		reply = NULL;
	}
free_all:
	nlmsg_free(reply);
	kfree(rec);
	kfree(pkt);
	return err;
}
