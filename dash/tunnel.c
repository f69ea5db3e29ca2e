// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * A tunnel is a list of endpoints with an encapsulation, which routes of any
 * group lead into by its name::
 *
 *   route ──> dash_tunnel ──> dash_tunnel_cfg {endpoints, encap, VNI, source}
 *
 * Routes point to the tunnel, which stays; packets take one snapshot of it. So
 * a change costs a pointer however many routes there are. It concerns the
 * connections of all ENIs whose route group has a route into the tunnel: these
 * groups are staged as if a route had changed.
 *
 * Which endpoint a connection gets follows from its hash, so it stays the same
 * as long as the list does.
 */
#include <linux/slab.h>

#include "addr.h"
#include "config.h"
#include "route.h"
#include "tunnel.h"

int dash_endpoints_parse(struct dash_endpoints *to, const struct dash_row *row,
			 int attr)
{
	const struct nlattr *nla;
	u32 n = 0;
	int rem;

	to->n = 0;
	to->pa = NULL;
	dash_row_for_each(nla, row, rem)
		n += nla_type(nla) == attr;
	if (!n)
		return 0;
	to->pa = kcalloc(n, sizeof(*to->pa), GFP_KERNEL_ACCOUNT);
	if (!to->pa)
		return -ENOMEM;
	dash_row_for_each(nla, row, rem)
		if (nla_type(nla) == attr)
			dash_nla_addr(nla, &to->pa[to->n++]);
	return 0;
}

bool dash_endpoints_have(const struct dash_endpoints *to,
			 const struct in6_addr *pa)
{
	u32 i;

	for (i = 0; i < to->n; i++)
		if (ipv6_addr_equal(pa, &to->pa[i]))
			return true;
	return false;
}

struct dash_tunnel *dash_tunnel_alloc(struct dash_sym *sym)
{
	struct dash_tunnel *tunnel;

	tunnel = kzalloc(sizeof(*tunnel), GFP_KERNEL_ACCOUNT);
	if (tunnel)
		tunnel->sym = sym;
	return tunnel;
}

static void dash_tunnel_cfg_free(struct dash_tunnel_cfg *cfg)
{
	if (!cfg)
		return;
	kfree(cfg->to.pa);
	kfree(cfg);
}

void dash_tunnel_free(struct dash_tunnel *tunnel)
{
	dash_tunnel_cfg_free(tunnel->old);
	dash_tunnel_cfg_free(tunnel->next);
	dash_tunnel_cfg_free(rcu_dereference_protected(tunnel->cfg, true));
	kfree(tunnel);
}

static void dash_tunnel_parse(struct dash_tunnel_cfg *cfg,
			      const struct dash_row *row)
{
	const struct nlattr *nla;
	struct in6_addr addr;
	int rem;

	cfg->row = row;
	dash_row_for_each(nla, row, rem) {
		switch (nla_type(nla)) {
		case DASH_A_TUNNEL_ENCAP:
			cfg->encap = nla_get_u8(nla);
			break;
		case DASH_A_TUNNEL_VNI:
			cfg->vni = nla_get_u32(nla);
			break;
		case DASH_A_TUNNEL_SIP:
			dash_nla_addr(nla, &addr);
			cfg->sip[!dash_addr_is_v4(&addr)] = addr;
			break;
		case DASH_A_TUNNEL_METERING_CLASS_OR:
			cfg->meter_or = nla_get_u32(nla);
			break;
		}
	}
}

int dash_tunnel_prepare(struct dash_txn *txn, struct dash_sym *sym)
{
	const struct dash_row *row = dash_sym_next(sym);
	struct dash_tunnel *tunnel = sym->data;
	struct dash_tunnel_cfg *cfg;
	int err;

	cfg = kzalloc(sizeof(*cfg), GFP_KERNEL_ACCOUNT);
	if (!cfg)
		return -ENOMEM;
	err = dash_endpoints_parse(&cfg->to, row, DASH_A_TUNNEL_ENDPOINT);
	if (err) {
		kfree(cfg);
		return err;
	}
	dash_tunnel_parse(cfg, row);
	tunnel->next = cfg;
	return dash_route_stage_users(txn, sym);
}

void dash_tunnel_unprepare(struct dash_tunnel *tunnel)
{
	dash_tunnel_cfg_free(tunnel->next);
	tunnel->next = NULL;
}

void dash_tunnel_publish(struct dash_txn *txn)
{
	struct dash_tunnel *tunnel;
	struct dash_sym *sym;

	list_for_each_entry(sym, &txn->syms, staged_list) {
		if (sym->type != DASH_OBJECT_TYPE_TUNNEL || !sym->data)
			continue;
		tunnel = sym->data;
		if (!tunnel->next)
			continue;
		tunnel->old = dash_dereference(txn->dn, tunnel->cfg);
		rcu_assign_pointer(tunnel->cfg, tunnel->next);
		tunnel->next = NULL;
	}
}

void dash_tunnel_reap(struct dash_tunnel *tunnel)
{
	dash_tunnel_cfg_free(tunnel->old);
	tunnel->old = NULL;
}

void dash_tunnel_put_unused(struct dash_net *dn, struct dash_sym *sym)
{
	struct dash_tunnel *tunnel = sym->data;

	if (tunnel && !sym->staged && list_empty(&sym->refs) &&
	    !dash_sym_next(sym)) {
		sym->data = NULL;
		dash_tunnel_free(tunnel);
	}
	dash_sym_put(dn, sym);
}
