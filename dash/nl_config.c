// SPDX-License-Identifier: GPL-2.0
/* Rows as replies and dumps. */
#include <linux/sizes.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "config.h"
#include "counter.h"
#include "addr.h"
#include "lpm.h"
#include "mapping.h"
#include "netns.h"
#include "nl.h"
#include "nl_gen.h"
#include "port.h"
#include "route.h"
#include "rows.h"
#include "vnet.h"

/* An attribute holds 64 kB; a part of a row stays well below that. */
#define DASH_ROW_PART	SZ_32K

/**
 * struct dash_dump - where a dump of rows goes on, in netlink_callback.ctx
 */
struct dash_dump {
	/** @pos: last route, when @inside a group */
	struct dash_lpm_entry pos;
	/** @inner: id of the last mapping, or offset of the next part of a row */
	unsigned long inner;
	/** @id: id of the last object of the table, or of the current group */
	u32 id;
	/** @gen: of the row that @inner is within */
	u32 gen;
	/** @type: table */
	u8 type;
	/** @v6: family of @pos */
	u8 v6;
	/** @inside: @pos is valid */
	bool inside;
};

/* What an object with a counter tells. */
static int dash_put_counter(struct sk_buff *skb, u8 type,
			    const struct dash_counter *counter)
{
	int i, attr = dash_types[type].counts;
	struct dash_meter_sum sum;

	if (!counter)
		return 0;
	dash_meter_read(&counter->meter, &sum);
	for (i = 0; i < 2; i++, attr += 2)
		if (dash_nl_put_u64(skb, attr, sum.packets[i]) ||
		    dash_nl_put_u64(skb, attr + 1, sum.bytes[i]))
			return -EMSGSIZE;
	if (type != DASH_OBJECT_TYPE_ACL_RULE)
		return 0;
	return dash_nl_put_u64(skb, DASH_A_ACL_RULE_HITS,
			       atomic64_read(&counter->hits));
}

static int dash_put_route(struct sk_buff *skb, int attr,
			  const struct dash_route_group *group,
			  const struct dash_lpm_entry *e, bool v6)
{
	const struct dash_route_act *a;
	struct nlattr *nest;

	/* the version that has the id was read first */
	smp_rmb();
	a = xa_load((struct xarray *)&group->actions, e->value);
	if (!a)
		return 0;
	nest = nla_nest_start(skb, attr);
	if (!nest ||
	    nla_put_string(skb, DASH_A_ROUTE_GROUP, group->name) ||
	    nla_put(skb, DASH_A_ROUTE_ADDR, v6 ? 16 : 4, e->addr) ||
	    nla_put_u8(skb, DASH_A_ROUTE_LEN, e->plen) ||
	    nla_put_nohdr(skb, a->len, a->attrs) ||
	    dash_put_counter(skb, DASH_OBJECT_TYPE_ROUTE, a->counter))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

int dash_nl_put_mapping(struct sk_buff *skb, int attr,
			const struct dash_vnet *vnet,
			const struct dash_mapping *m)
{
	const struct dash_host *host = dash_mapping_host(m);
	struct nlattr *nest;

	/* a walk may have come across one that goes just now */
	if (!host)
		return 0;
	nest = nla_nest_start(skb, attr);
	if (!nest ||
	    nla_put_string(skb, DASH_A_MAPPING_VNET, vnet->name) ||
	    dash_nl_put_addr(skb, DASH_A_MAPPING_IP, &m->ip) ||
	    nla_put_nohdr(skb, host->len, host->attrs) ||
	    (m->flags & DASH_MAPPING_HAS_MAC &&
	     nla_put(skb, DASH_A_MAPPING_MAC, ETH_ALEN, m->mac)) ||
	    dash_put_counter(skb, DASH_OBJECT_TYPE_MAPPING,
			     dash_mapping_counter(m)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

int dash_nl_put_route(struct sk_buff *skb, int attr,
		      const struct dash_route_group *group,
		      const struct in6_addr *dst, const struct dash_route *route)
{
	struct dash_lpm_entry e = {
		.plen = route->plen,
		.value = route->action->id,
	};
	bool v6 = !dash_addr_is_v4(dst);
	struct in6_addr prefix;

	ipv6_addr_prefix(&prefix, dst, route->plen + (v6 ? 0 : 96));
	memcpy(e.addr, v6 ? (void *)&prefix : (void *)&prefix.s6_addr32[3],
	       v6 ? 16 : 4);
	return dash_put_route(skb, attr, group, &e, v6);
}

/* What a row tells beyond what was set. */
static int dash_put_extra(struct sk_buff *skb, const struct dash_sym *sym,
			  const struct dash_row *row)
{
	const struct dash_port *port;

	switch (row->type) {
	case DASH_OBJECT_TYPE_ACL_RULE:
	case DASH_OBJECT_TYPE_ROUTE_RULE:
		return dash_put_counter(skb, row->type, row->counter);
	case DASH_OBJECT_TYPE_PORT:
		port = READ_ONCE(sym->data);
		if (!port)
			return 0;
		return nla_put_u32(skb, DASH_A_PORT_IFINDEX,
				   port->dev->ifindex);
	}
	return 0;
}

/* Part of a row from @off on: all of it, or as much as fits, which @off tells.
 * The next part repeats the key and says that it goes on.
 */
static int dash_put_part(struct sk_buff *skb, const struct dash_sym *sym,
			 const struct dash_row *row, unsigned long *off)
{
	const struct dash_type *type = &dash_types[row->type];
	unsigned long start = *off;
	const struct nlattr *nla;
	struct nlattr *nest;
	int rem;

	nest = nla_nest_start(skb, type->attr);
	if (!nest)
		return -EMSGSIZE;
	if (start) {
		dash_row_for_each(nla, row, rem)
			if (type->keys & BIT_ULL(nla_type(nla)) &&
			    nla_put_nohdr(skb, nla->nla_len, nla))
				goto cancel;
		if (nla_put_flag(skb, type->append))
			goto cancel;
	} else if (dash_put_extra(skb, sym, row)) {
		goto cancel;
	}

	rem = row->len - start;
	for (nla = (void *)row->attrs + start; nla_ok(nla, rem);
	     nla = nla_next(nla, &rem)) {
		if (skb_tail_pointer(skb) - (u8 *)nest + nla_total_size(0) +
		    nla->nla_len > DASH_ROW_PART ||
		    nla_put_nohdr(skb, nla->nla_len, nla)) {
			if (!type->append || *off == start)
				goto cancel;
			nla_nest_end(skb, nest);
			return 0;
		}
		*off = (u8 *)nla + NLA_ALIGN(nla->nla_len) - row->attrs;
	}
	nla_nest_end(skb, nest);
	*off = 0;
	return 0;

cancel:
	*off = start;
	nla_nest_cancel(skb, nest);
	return -EMSGSIZE;
}

/* A message of a dump: header, one row. */
static int dash_dump_begin(struct sk_buff *skb, struct netlink_callback *cb,
			   void **hdr)
{
	*hdr = dash_nl_put_hdr(skb, cb, DASH_CMD_CONFIG_GET);
	return *hdr ? 0 : -EMSGSIZE;
}

static int dash_dump_end(struct sk_buff *skb, void *hdr, int err)
{
	if (err)
		genlmsg_cancel(skb, hdr);
	else
		genlmsg_end(skb, hdr);
	return err;
}

static int dash_dump_routes(struct sk_buff *skb, struct netlink_callback *cb,
			    struct dash_dump *d,
			    const struct dash_route_group *group)
{
	struct dash_lpm_entry next;
	void *hdr;
	int err;

	for (; d->v6 < 2; d->v6++, d->inside = false) {
		next = d->pos;
		while (dash_lpm_next(&group->lpm[d->v6], &next, !d->inside)) {
			err = dash_dump_begin(skb, cb, &hdr);
			if (!err)
				err = dash_dump_end(skb, hdr,
						    dash_put_route(skb, DASH_A_CONFIG_ROUTE,
								   group, &next,
								   d->v6));
			if (err)
				return err;
			d->pos = next;
			d->inside = true;
		}
	}
	d->v6 = 0;
	return 0;
}

static int dash_dump_mappings(struct sk_buff *skb, struct netlink_callback *cb,
			      struct dash_dump *d, const struct dash_vnet *vnet)
{
	const struct dash_mapping *m;
	unsigned long inner;
	void *hdr;
	int err;

	for (inner = d->inner; (m = dash_mapping_next(vnet, &inner));
	     d->inner = inner) {
		err = dash_dump_begin(skb, cb, &hdr);
		if (!err)
			err = dash_dump_end(skb, hdr,
					    dash_nl_put_mapping(skb, DASH_A_CONFIG_MAPPING,
								vnet, m));
		if (err)
			return err;
	}
	d->inner = 0;
	return 0;
}

static int dash_dump_sym(struct sk_buff *skb, struct netlink_callback *cb,
			 struct dash_dump *d, const struct dash_sym *sym)
{
	const struct dash_row *row = rcu_dereference(sym->cur);
	void *hdr;
	int err;

	if (!row)
		return 0;
	if (d->type == DASH_OBJECT_TYPE_ROUTE)
		return dash_dump_routes(skb, cb, d, sym->data);
	if (d->type == DASH_OBJECT_TYPE_MAPPING)
		return dash_dump_mappings(skb, cb, d, sym->data);
	/* a row that was replaced since its last part begins anew; the change
	 * is flagged, and offsets mean nothing within another row
	 */
	if (d->gen != row->gen)
		d->inner = 0;
	d->gen = row->gen;
	do {
		err = dash_dump_begin(skb, cb, &hdr);
		if (!err)
			err = dash_dump_end(skb, hdr,
					    dash_put_part(skb, sym, row,
							  &d->inner));
		if (err)
			return err;
	} while (d->inner);
	return 0;
}

/* The table whose objects are walked: routes and mappings have none. */
static u8 dash_dump_walk_type(u8 type)
{
	switch (type) {
	case DASH_OBJECT_TYPE_ROUTE:
		return DASH_OBJECT_TYPE_ROUTE_GROUP;
	case DASH_OBJECT_TYPE_MAPPING:
		return DASH_OBJECT_TYPE_VNET;
	}
	return type;
}

static bool dash_dump_wants(const struct dash_sym *sym, u8 type,
			    const struct nlattr *parent)
{
	if (!parent)
		return true;
	if (type != sym->type)
		return !nla_strcmp(parent, sym->name);
	return sym->parent && !nla_strcmp(parent, sym->parent->name);
}

static int dash_dump_table(struct sk_buff *skb, struct netlink_callback *cb,
			   struct dash_net *dn, struct dash_dump *d,
			   const struct nlattr *parent)
{
	struct xarray *ids = &dn->by_id[dash_dump_walk_type(d->type)];
	unsigned long id = d->id;
	struct dash_sym *sym;
	int err;

	/* a walk inside a group begins with that group again */
	for (sym = xa_find(ids, &id, ULONG_MAX, XA_PRESENT); sym;
	     sym = xa_find_after(ids, &id, ULONG_MAX, XA_PRESENT)) {
		if (d->id != id) {
			d->id = id;
			d->inside = false;
			d->v6 = 0;
			d->inner = 0;
		}
		if (dash_dump_wants(sym, d->type, parent)) {
			err = dash_dump_sym(skb, cb, d, sym);
			if (err)
				return err;
		}
		d->id = id + 1;
		d->inside = false;
		d->v6 = 0;
		d->inner = 0;
	}
	d->id = 0;
	return 0;
}

int dash_nl_config_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr **attrs = genl_info_dump(cb)->attrs;
	struct dash_net *dn = dash_net(sock_net(skb->sk));
	struct nlattr *type = attrs[DASH_A_CONFIG_TYPE];
	struct dash_dump *d = (void *)cb->ctx;
	int err = 0;

	BUILD_BUG_ON(sizeof(*d) > sizeof(cb->ctx));

	cb->seq = READ_ONCE(dn->gen);
	if (type && d->type <= nla_get_u32(type))
		d->type = nla_get_u32(type);

	rcu_read_lock();
	for (; d->type < DASH_OBJECT_TYPES; d->type++) {
		err = dash_dump_table(skb, cb, dn, d,
				      attrs[DASH_A_CONFIG_PARENT]);
		if (err)
			break;
		if (type) {
			d->type = DASH_OBJECT_TYPES;
			break;
		}
	}
	rcu_read_unlock();

	/* no row should be so large that it does not fit an empty message */
	return skb->len ?: err;
}

/* One row of a table without objects. */
static int dash_get_member(struct dash_net *dn, const struct dash_row *key,
			   struct sk_buff *skb)
{
	const struct nlattr *nla;
	const struct dash_mapping *m;
	const struct dash_route_group *group;
	struct dash_lpm_entry e = {};
	struct dash_route route;
	struct in6_addr addr;
	struct dash_sym *sym;
	u8 plen;

	if (key->type == DASH_OBJECT_TYPE_MAPPING) {
		sym = dash_sym_of_nla(dn, DASH_OBJECT_TYPE_VNET,
				      dash_row_get(key, DASH_A_MAPPING_VNET));
		if (!sym || !rcu_access_pointer(sym->cur))
			return -ENOENT;
		dash_nla_addr(dash_row_get(key, DASH_A_MAPPING_IP), &addr);
		m = dash_mapping_lookup(sym->data, &addr);
		return m ? dash_nl_put_mapping(skb, DASH_A_CONFIG_MAPPING,
					       sym->data, m) : -ENOENT;
	}

	sym = dash_sym_of_nla(dn, DASH_OBJECT_TYPE_ROUTE_GROUP,
			      dash_row_get(key, DASH_A_ROUTE_GROUP));
	if (!sym || !rcu_access_pointer(sym->cur))
		return -ENOENT;
	nla = dash_row_get(key, DASH_A_ROUTE_ADDR);
	plen = dash_row_u8(key, DASH_A_ROUTE_LEN, 0);
	group = sym->data;
	e.value = dash_lpm_get(&group->lpm[nla_len(nla) == sizeof(addr)],
			       nla_data(nla), plen);
	if (e.value == DASH_LPM_NONE)
		return -ENOENT;
	dash_nla_addr(nla, &addr);
	route.plen = plen;
	route.action = xa_load((struct xarray *)&group->actions, e.value);
	return dash_nl_put_route(skb, DASH_A_CONFIG_ROUTE, sym->data, &addr,
				 &route);
}

static int dash_get_row(struct dash_net *dn, const struct dash_row *key,
			struct sk_buff *skb)
{
	unsigned long off = 0;
	char name[DASH_NAME_LEN];
	struct dash_sym *sym;
	struct dash_row *row;

	if (dash_types[key->type].stage)
		return dash_get_member(dn, key, skb);
	dash_row_name(key, name);
	sym = dash_sym_find(dn, key->type, name);
	row = sym ? dash_dereference(dn, sym->cur) : NULL;
	if (!row)
		return -ENOENT;
	return dash_put_part(skb, sym, row, &off);
}

int dash_nl_config_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dash_net *dn = dash_net(genl_info_net(info));
	char name[DASH_NAME_LEN];
	struct dash_row *key = NULL;
	struct sk_buff *reply;
	int type, err;
	void *hdr;

	for (type = 0; type < DASH_OBJECT_TYPES && !key; type++)
		if (info->attrs[dash_types[type].attr])
			key = dash_row_alloc(info->attrs[dash_types[type].attr],
					     type, true, 0, false,
					     info->extack);
	if (IS_ERR(key))
		return PTR_ERR(key);
	if (!key) {
		dash_err(info->extack, NULL, "no key of a row is given");
		return -EINVAL;
	}

	/* of a longer row, the first part */
	reply = genlmsg_new(DASH_ROW_PART + NLMSG_GOODSIZE, GFP_KERNEL);
	err = -ENOMEM;
	if (!reply)
		goto free_key;
	hdr = genlmsg_put_reply(reply, info, &dash_nl_family, 0,
				DASH_CMD_CONFIG_GET);
	mutex_lock(&dn->lock);
	rcu_read_lock();
	err = dash_get_row(dn, key, reply);
	rcu_read_unlock();
	mutex_unlock(&dn->lock);
	if (!err) {
		genlmsg_end(reply, hdr);
		dash_row_free(key);
		return genlmsg_reply(reply, info);
	}
	nlmsg_free(reply);
	if (err == -ENOENT) {
		dash_row_name(key, name);
		dash_err(info->extack, NULL, "%s%s does not exist",
			 dash_types[key->type].table, name);
	}
free_key:
	dash_row_free(key);
	return err;
}
