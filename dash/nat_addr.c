// SPDX-License-Identifier: GPL-2.0
/*
 * NAT addresses: which there are, which a source gets, and the packets that come
 * to them from outside.
 */
#include <linux/jhash.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "addr.h"
#include "config.h"
#include "eni.h"
#include "flow.h"
#include "frag.h"
#include "inst.h"
#include "nat.h"
#include "netns.h"
#include "nl_gen.h"
#include "parse.h"
#include "route.h"
#include "rows.h"
#include "xform.h"

/* --- the initiator's side --- */

const struct in6_addr *dash_nat_choose(const struct dash_pkt *pkt,
				       const struct dash_nat_pool *pool)
{
	const struct dash_nat *nat = pkt->flow ? pkt->flow->nat : NULL;
	u32 i;

	for (i = 0; nat && i < pool->n; i++)
		if (ipv6_addr_equal(&pool->addr[i].addr, &nat->key.laddr))
			return &pool->addr[i].addr;

	/* no secret, so that it is the same after a restart */
	i = __ipv6_addr_jhash(&pkt->t.src, jhash(pkt->ecfg->mac, ETH_ALEN, 0));
	return &pool->addr[reciprocal_scale(i, pool->n)].addr;
}

/* --- the responder's side --- */

static struct hlist_head *nat_bucket(struct dash_net *dn,
				     const struct in6_addr *addr)
{
	return &dn->nat_hash[__ipv6_addr_jhash(addr, 0) %
			     ARRAY_SIZE(dn->nat_hash)];
}

static bool nat_is_address(struct dash_net *dn, const struct in6_addr *addr)
{
	const struct dash_nat_addr *a;

	hlist_for_each_entry_rcu(a, nat_bucket(dn, addr), node)
		if (ipv6_addr_equal(&a->addr, addr))
			return true;
	return false;
}

bool dash_nat_is_ours(struct dash_pkt *pkt)
{
	/* a tag that dash_parse_outer() pulled, when it was to no VIP */
	dash_parse_undo(pkt);
	if (!dash_parse_plain_outer(pkt) ||
	    !nat_is_address(pkt->dn, &pkt->outer.daddr))
		return false;
	pkt->plain = true;
	return true;
}

/* The connection, and what its packets look like inside. */
static void nat_found(struct dash_pkt *pkt, const struct dash_flow_key *key,
		      struct dash_eni *eni)
{
	const struct dash_eni_cfg *ecfg = rcu_dereference(eni->cfg);

	if (!ecfg)
		return;
	pkt->ecfg = ecfg;
	pkt->eni = eni;
	pkt->dir = DASH_DIRECTION_INBOUND;
	pkt->t.dst = key->laddr;
	if (pkt->icmp_err) {
		pkt->quoted.src = key->laddr;
		if (dash_tuple_has_ports(&pkt->quoted))
			pkt->quoted.sport = key->lport;
	} else if (pkt->has_ports) {
		pkt->t.dport = key->lport;
	}
}

enum dash_drop dash_nat_begin(struct dash_pkt *pkt, struct dash_flow_table *ft)
{
	struct in6_addr addr = pkt->outer.daddr;
	enum dash_drop reason;
	struct dash_flow_key key;
	struct dash_flow *flow;
	struct dash_eni *eni;

	reason = dash_parse_plain(pkt);
	if (reason)
		return reason;
	if (!ft)
		return DASH_DROP_NO_NAT_FLOW;

	if (pkt->frag == DASH_FRAG_LATER) {
		reason = dash_frag_nat_later(pkt, &key, &eni);
		if (reason)
			return reason;
		nat_found(pkt, &key, eni);
		return pkt->eni ? DASH_DROP_NONE : DASH_DROP_NO_NAT_FLOW;
	}

	if (!pkt->icmp_err) {
		dash_flow_key_init(&key, 0, &pkt->t, DASH_DIRECTION_INBOUND);
	} else {
		/* the quoted packet went the other way */
		if (!ipv6_addr_equal(&pkt->quoted.src, &addr))
			return DASH_DROP_ICMP_NO_FLOW;
		dash_flow_key_init(&key, 0, &pkt->quoted,
				   DASH_DIRECTION_OUTBOUND);
	}
	flow = dash_nat_find(ft, &key);
	if (flow)
		nat_found(pkt, &flow->key, flow->eni);
	if (!pkt->eni)
		return pkt->icmp_err ? DASH_DROP_ICMP_NO_FLOW :
				       DASH_DROP_NO_NAT_FLOW;
	if (pkt->frag == DASH_FRAG_FIRST)
		return dash_frag_nat_first(pkt, &addr, &flow->key);
	return DASH_DROP_NONE;
}

/* --- configuration --- */

static void nat_ports_parse(struct dash_nat_pool *pool,
			    const struct nlattr *nest)
{
	struct nlattr *tb[DASH_A_PORT_RANGE_MAX + 1];

	nla_parse_nested(tb, DASH_A_PORT_RANGE_MAX, nest,
			 dash_port_range_nl_policy, NULL);
	pool->keep = false;
	pool->lo = nla_get_u16(tb[DASH_A_PORT_RANGE_LO]);
	pool->hi = nla_get_u16(tb[DASH_A_PORT_RANGE_HI]);
}

int dash_nat_pool_alloc(struct dash_net *dn, struct dash_route_act *act,
			const struct dash_row *row)
{
	struct dash_nat_pool *pool;
	const struct nlattr *nla;
	u32 n = 0;
	int rem;

	dash_row_for_each(nla, row, rem)
		n += nla_type(nla) == DASH_A_ROUTE_NAT_IP;
	if (!n)
		return 0;
	pool = kzalloc(struct_size(pool, addr, n), GFP_KERNEL_ACCOUNT);
	if (!pool)
		return -ENOMEM;
	pool->dn = dn;
	pool->keep = true;
	dash_row_for_each(nla, row, rem) {
		if (nla_type(nla) == DASH_A_ROUTE_NAT_IP) {
			pool->addr[pool->n].act = act;
			dash_nla_addr(nla, &pool->addr[pool->n++].addr);
		} else if (nla_type(nla) == DASH_A_ROUTE_NAT_PORTS) {
			nat_ports_parse(pool, nla);
		}
	}
	act->nat = pool;
	return 0;
}

void dash_nat_pool_publish(struct dash_nat_pool *pool, bool live)
{
	struct dash_net *dn = pool->dn;
	u32 i;

	if (pool->live == live)
		return;
	pool->live = live;
	for (i = 0; i < pool->n; i++) {
		if (live)
			hlist_add_head_rcu(&pool->addr[i].node,
					   nat_bucket(dn, &pool->addr[i].addr));
		else
			hlist_del_rcu(&pool->addr[i].node);
	}
	WRITE_ONCE(dn->n_nat, live ? dn->n_nat + pool->n : dn->n_nat - pool->n);
}

/* Which row of the end state a VIP is of. */
static const char *nat_vip_row(struct dash_txn *txn, const struct in6_addr *vip)
{
	const struct nlattr *nla;
	struct in6_addr addr;
	struct dash_sym *sym;
	unsigned long id;
	int rem;

	xa_for_each(&txn->dn->by_id[DASH_OBJECT_TYPE_APPLIANCE], id, sym) {
		if (!dash_sym_next(sym))
			continue;
		dash_row_for_each(nla, dash_sym_next(sym), rem) {
			if (nla_type(nla) != DASH_A_APPLIANCE_SIP)
				continue;
			dash_nla_addr(nla, &addr);
			if (ipv6_addr_equal(&addr, vip))
				return sym->name;
		}
	}
	return "";
}

static int nat_fail(struct dash_txn *txn, const struct dash_nat_addr *a)
{
	const char *row = nat_vip_row(txn, &a->addr);
	char name[DASH_NAME_LEN], addr[48];

	dash_route_act_name(a->act, name);
	if (dash_addr_is_v4(&a->addr))
		snprintf(addr, sizeof(addr), "%pI4", dash_addr_bytes(&a->addr));
	else
		snprintf(addr, sizeof(addr), "%pI6c", &a->addr);
	txn->row = NULL;
	return dash_txn_fail(txn, -EEXIST,
			     "DASH_ROUTE_TABLE:%s: nat_ip: %s is the sip of DASH_APPLIANCE_TABLE:%s",
			     name, addr, row);
}

int dash_nat_check(struct dash_txn *txn)
{
	struct dash_net *dn = txn->dn;
	const struct dash_inst *inst = dn->next_inst ?:
				       dash_dereference(dn, dn->inst);
	const struct dash_route_group *group;
	const struct dash_nat_addr *nat;
	const struct dash_route_act *a;
	u32 i;

	list_for_each_entry(group, &txn->route_groups, list)
		list_for_each_entry(a, &group->touched, touched)
			for (i = 0; a->count && a->nat && i < a->nat->n; i++)
				if (dash_inst_is_vip(inst, &a->nat->addr[i].addr))
					return nat_fail(txn, &a->nat->addr[i]);
	if (!dn->next_inst)
		return 0;
	for (i = 0; i < inst->n_vip; i++)
		hlist_for_each_entry(nat, nat_bucket(dn, &inst->vip[i]), node)
			if (nat->act->count &&
			    ipv6_addr_equal(&nat->addr, &inst->vip[i]))
				return nat_fail(txn, nat);
	return 0;
}
