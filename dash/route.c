// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * A route group is two prefix tables whose values are ids of actions. Routes
 * that do the same share an action, so a route costs its prefix only; its row
 * is put together again from prefix and action when somebody asks::
 *
 *   10.0.0.0/16 ──┐
 *   10.2.0.0/16 ──┼──> #0 {vnet: Vnet1}
 *   10.1.0.0/16 ──│──> #1 {vnet: Vnet2, overlay_ip: 10.0.0.6}
 *   10.3.0.0/16 ──┘
 *
 * A transaction works on copies of the tables' touched paths and publishes
 * them by one store per family. It keeps a list of the actions that it gave or
 * took routes, so that its cost is that of its own routes, not of the group's.
 * An action that no route of the end state uses stays until a grace period
 * later, when no reader can hold its id.
 */
#include <linux/jhash.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "addr.h"
#include "config.h"
#include "counter.h"
#include "nat.h"
#include "route.h"
#include "to6.h"
#include "vnet.h"

static bool dash_route_is_key(int attr)
{
	return attr == DASH_A_ROUTE_GROUP || attr == DASH_A_ROUTE_ADDR ||
	       attr == DASH_A_ROUTE_LEN;
}

/**
 * struct dash_route_content - what a row says besides its key
 */
struct dash_route_content {
	/** @row: row */
	const struct dash_row *row;
	/** @len: bytes of the attributes */
	u32 len;
	/** @hash: of them */
	u32 hash;
};

static void dash_route_content_get(struct dash_route_content *c,
				   const struct dash_row *row)
{
	const struct nlattr *nla;
	int rem;

	c->row = row;
	c->len = 0;
	c->hash = (unsigned long)row->counter;
	dash_row_for_each(nla, row, rem) {
		if (dash_route_is_key(nla_type(nla)))
			continue;
		c->len += NLA_ALIGN(nla->nla_len);
		c->hash = jhash(nla, nla->nla_len, c->hash);
	}
}

static u32 dash_route_content_hashfn(const void *data, u32 len, u32 seed)
{
	return ((const struct dash_route_content *)data)->hash ^ seed;
}

static u32 dash_route_act_hashfn(const void *data, u32 len, u32 seed)
{
	return ((const struct dash_route_act *)data)->hash ^ seed;
}

static int dash_route_content_cmpfn(struct rhashtable_compare_arg *arg,
				    const void *obj)
{
	const struct dash_route_content *c = arg->key;
	const struct dash_route_act *a = obj;
	const struct nlattr *nla;
	const u8 *at = a->attrs;
	int rem;

	if (a->hash != c->hash || a->len != c->len ||
	    a->counter != c->row->counter)
		return 1;
	dash_row_for_each(nla, c->row, rem) {
		if (dash_route_is_key(nla_type(nla)))
			continue;
		if (memcmp(at, nla, nla->nla_len))
			return 1;
		at += NLA_ALIGN(nla->nla_len);
	}
	return 0;
}

static const struct rhashtable_params dash_route_act_params = {
	.head_offset = offsetof(struct dash_route_act, node),
	.hashfn = dash_route_content_hashfn,
	.obj_hashfn = dash_route_act_hashfn,
	.obj_cmpfn = dash_route_content_cmpfn,
	.min_size = 4,
	.automatic_shrinking = true,
};

struct dash_route_group *dash_route_group_alloc(struct dash_sym *sym)
{
	struct dash_route_group *group;

	group = kzalloc(sizeof(*group), GFP_KERNEL_ACCOUNT);
	if (!group)
		return NULL;
	if (rhashtable_init(&group->by_content, &dash_route_act_params)) {
		kfree(group);
		return NULL;
	}
	group->sym = sym;
	group->name = sym->name;
	dash_lpm_init(&group->lpm[0], 32);
	dash_lpm_init(&group->lpm[1], 128);
	xa_init_flags(&group->actions, XA_FLAGS_ALLOC);
	INIT_LIST_HEAD(&group->touched);
	return group;
}

/* Whose mention it is. */
static struct dash_route_act *dash_route_act_of(const struct dash_ref *ref)
{
	switch (ref->sym->type) {
	case DASH_OBJECT_TYPE_TUNNEL:
		return container_of(ref, struct dash_route_act, tunnel_ref);
	case DASH_OBJECT_TYPE_ROUTING_APPLIANCE:
		return container_of(ref, struct dash_route_act, appliance_ref);
	default:
		return container_of(ref, struct dash_route_act, ref);
	}
}

static size_t dash_route_act_bytes(const struct dash_route_act *a)
{
	size_t nat = a->nat ? struct_size(a->nat, addr, a->nat->n) : 0;

	return struct_size(a, attrs, a->len) + a->to.n * sizeof(*a->to.pa) +
	       (a->to6 ? sizeof(*a->to6) : 0) + nat;
}

static void dash_route_action_free(struct dash_route_act *a)
{
	struct dash_route_group *group = a->group;

	rhashtable_remove_fast(&group->by_content, &a->node,
			       dash_route_act_params);
	xa_erase(&group->actions, a->id);
	group->bytes -= dash_route_act_bytes(a);
	list_del(&a->touched);
	if (a->ref.sym)
		list_del(&a->ref.list);
	if (a->tunnel_ref.sym)
		list_del(&a->tunnel_ref.list);
	if (a->appliance_ref.sym)
		list_del(&a->appliance_ref.list);
	if (a->nat)
		dash_nat_pool_publish(a->nat, false);
	dash_counter_drop(a->counter);
	kfree(a->nat);
	kfree(a->to.pa);
	kvfree(a);
}

void dash_route_group_free(struct dash_route_group *group)
{
	struct dash_route_act *a;
	unsigned long id;

	dash_lpm_fini(&group->lpm[0]);
	dash_lpm_fini(&group->lpm[1]);
	xa_for_each(&group->actions, id, a) {
		dash_route_action_free(a);
		cond_resched();
	}
	xa_destroy(&group->actions);
	rhashtable_destroy(&group->by_content);
	kfree(group);
}

static const struct dash_lpm *
dash_route_lpm(const struct dash_route_group *group, const struct in6_addr *dst)
{
	return &group->lpm[!dash_addr_is_v4(dst)];
}

static enum dash_drop dash_route_of(const struct dash_route_group *group,
				    u32 id, struct dash_route *route)
{
	if (id == DASH_LPM_NONE)
		return DASH_DROP_NO_ROUTE;
	/* the action was stored before the version that has its id */
	smp_rmb();
	route->action = xa_load((struct xarray *)&group->actions, id);
	if (WARN_ON_ONCE(!route->action))
		return DASH_DROP_NO_ROUTE;
	return DASH_DROP_NONE;
}

enum dash_drop dash_route_lookup(const struct dash_route_group *group,
				 const struct in6_addr *dst,
				 struct dash_route *route)
{
	if (!group)
		return DASH_DROP_NO_ROUTE;
	return dash_route_of(group, dash_lpm_lookup(dash_route_lpm(group, dst),
						    dash_addr_bytes(dst),
						    &route->plen), route);
}

bool dash_route_walk_init(const struct dash_route_group *group,
			  const struct in6_addr *dst, struct dash_lpm_walk *walk)
{
	if (!group)
		return false;
	dash_lpm_walk_init(walk, dash_route_lpm(group, dst),
			   dash_addr_bytes(dst));
	return true;
}

enum dash_drop dash_route_walk_end(const struct dash_route_group *group,
				   const struct dash_lpm_walk *walk,
				   struct dash_route *route)
{
	enum dash_drop reason;

	reason = dash_route_of(group, dash_lpm_walk_value(walk), route);
	if (!reason)
		route->plen = walk->plen;
	return reason;
}

static void dash_route_action_parse(struct dash_route_act *a,
				    const struct nlattr *nla)
{
	switch (nla_type(nla)) {
	case DASH_A_ROUTE_ACTION:
		a->action = nla_get_u8(nla);
		break;
	case DASH_A_ROUTE_OVERLAY_IP:
		dash_nla_addr(nla, &a->overlay_ip);
		a->has_overlay_ip = true;
		break;
	case DASH_A_ROUTE_UNDERLAY:
		a->underlay = nla_get_u8(nla);
		break;
	case DASH_A_ROUTE_METERING_CLASS_OR:
		a->meter_or = nla_get_u32(nla);
		break;
	case DASH_A_ROUTE_METERING_CLASS_AND:
		a->meter_and = nla_get_u32(nla);
		break;
	case DASH_A_ROUTE_METERING_POLICY:
		a->meter_policy = nla_get_u8(nla);
		break;
	case DASH_A_ROUTE_MAC:
		memcpy(a->mac, nla_data(nla), ETH_ALEN);
		a->has_mac = true;
		break;
	case DASH_A_ROUTE_VNI:
		a->vni = nla_get_u32(nla);
		a->has_vni = true;
		break;
	}
}

static int dash_route_ref_link(struct dash_txn *txn, struct dash_ref *ref,
			       u8 type, const char *field,
			       const struct nlattr *nla)
{
	char name[DASH_NAME_LEN];
	struct dash_sym *sym;

	nla_strscpy(name, nla, sizeof(name));
	sym = dash_sym_get(txn->dn, type, name);
	if (IS_ERR(sym))
		return PTR_ERR(sym);
	if (!sym->data && type == DASH_OBJECT_TYPE_VNET)
		sym->data = dash_vnet_alloc(txn->dn, sym);
	else if (!sym->data && type == DASH_OBJECT_TYPE_TUNNEL)
		sym->data = dash_tunnel_alloc(sym);
	if (!sym->data && type != DASH_OBJECT_TYPE_ROUTING_APPLIANCE) {
		dash_sym_put(txn->dn, sym);
		return -ENOMEM;
	}
	ref->sym = sym;
	ref->field = field;
	list_add_tail(&ref->list, &sym->refs);
	return 0;
}

/* The mention was the last one, maybe. */
static void dash_route_ref_put(struct dash_txn *txn, struct dash_sym *sym)
{
	if (!sym)
		return;
	switch (sym->type) {
	case DASH_OBJECT_TYPE_VNET:
		dash_vnet_put_unused(txn->dn, sym);
		break;
	case DASH_OBJECT_TYPE_TUNNEL:
		dash_tunnel_put_unused(txn->dn, sym);
		break;
	default:
		dash_sym_put(txn->dn, sym);
	}
}

/* Link the action to what it names, which may be defined later in the change.
 */
static int dash_route_action_link(struct dash_txn *txn,
				  struct dash_route_act *a,
				  const struct dash_row *row)
{
	const struct nlattr *vnet = dash_row_get(row, DASH_A_ROUTE_VNET);
	const struct nlattr *tunnel = dash_row_get(row, DASH_A_ROUTE_TUNNEL);
	const struct nlattr *appliance = dash_row_get(row,
						      DASH_A_ROUTE_APPLIANCE);
	int err;

	if (vnet) {
		err = dash_route_ref_link(txn, &a->ref, DASH_OBJECT_TYPE_VNET,
					  "vnet", vnet);
		if (err)
			return err;
		a->vnet = a->ref.sym->data;
	}
	if (tunnel) {
		err = dash_route_ref_link(txn, &a->tunnel_ref,
					  DASH_OBJECT_TYPE_TUNNEL, "tunnel",
					  tunnel);
		if (err)
			return err;
		a->tunnel = a->tunnel_ref.sym->data;
	}
	if (!appliance)
		return 0;
	return dash_route_ref_link(txn, &a->appliance_ref,
				   DASH_OBJECT_TYPE_ROUTING_APPLIANCE,
				   "appliance", appliance);
}

static void dash_route_action_destroy(struct dash_txn *txn,
				      struct dash_route_act *a)
{
	struct dash_sym *vnet = a->ref.sym, *tunnel = a->tunnel_ref.sym;
	struct dash_sym *appliance = a->appliance_ref.sym;

	dash_route_action_free(a);
	dash_route_ref_put(txn, vnet);
	dash_route_ref_put(txn, tunnel);
	dash_route_ref_put(txn, appliance);
}

static struct dash_route_act *
dash_route_action_alloc(struct dash_txn *txn, struct dash_route_group *group,
			const struct dash_route_content *c)
{
	const struct nlattr *nla;
	struct dash_route_act *a;
	int rem, err;

	a = kvzalloc(struct_size(a, attrs, c->len) + dash_to6_room(c->row),
		     GFP_KERNEL_ACCOUNT);
	if (!a)
		return ERR_PTR(-ENOMEM);
	a->group = group;
	a->counter = dash_counter_use(c->row->counter);
	a->hash = c->hash;
	a->meter_and = U32_MAX;
	dash_row_for_each(nla, c->row, rem) {
		if (dash_route_is_key(nla_type(nla)))
			continue;
		memcpy(a->attrs + a->len, nla, nla->nla_len);
		a->len += NLA_ALIGN(nla->nla_len);
		dash_route_action_parse(a, nla);
	}
	err = dash_to6_parse_route(a, c->row);
	if (err)
		goto free_action;
	err = dash_nat_pool_alloc(txn->dn, a, c->row);
	if (err)
		goto free_action;
	err = xa_alloc(&group->actions, &a->id, a,
		       XA_LIMIT(0, DASH_LPM_NONE - 1), GFP_KERNEL_ACCOUNT);
	if (err)
		goto free_action;
	err = rhashtable_insert_fast(&group->by_content, &a->node,
				     dash_route_act_params);
	if (err)
		goto erase_id;
	group->bytes += dash_route_act_bytes(a);
	/* should it get no route, it goes at the end of the change */
	list_add_tail(&a->touched, &group->touched);
	err = dash_route_action_link(txn, a, c->row);
	return err ? ERR_PTR(err) : a;

erase_id:
	xa_erase(&group->actions, a->id);
free_action:
	dash_counter_drop(a->counter);
	kfree(a->nat);
	kfree(a->to.pa);
	kvfree(a);
	return ERR_PTR(err);
}

/* The action of a row, shared with routes that do the same. */
static struct dash_route_act *
dash_route_action_get(struct dash_txn *txn, struct dash_route_group *group,
		      const struct dash_row *row)
{
	struct dash_route_content c;
	struct dash_route_act *a;

	dash_route_content_get(&c, row);
	a = rhashtable_lookup_fast(&group->by_content, &c,
				   dash_route_act_params);
	return a ?: dash_route_action_alloc(txn, group, &c);
}

/* The change under way gives an action routes, or takes them. */
static void dash_route_action_count(struct dash_route_act *a, u32 count)
{
	if (list_empty(&a->touched)) {
		a->before = a->count;
		list_add_tail(&a->touched, &a->group->touched);
	}
	a->count = count;
}

static struct dash_route_group *dash_route_group_stage(struct dash_txn *txn,
						       struct dash_sym *sym)
{
	struct dash_route_group *group;

	if (!sym->data) {
		sym->data = dash_route_group_alloc(sym);
		if (!sym->data)
			return NULL;
	}
	group = sym->data;
	if (!group->staged) {
		group->staged = true;
		dash_lpm_begin(&group->txn[0], &group->lpm[0]);
		dash_lpm_begin(&group->txn[1], &group->lpm[1]);
		list_add_tail(&group->list, &txn->route_groups);
	}
	return group;
}

int dash_route_stage(struct dash_txn *txn, struct dash_row *row)
{
	const struct nlattr *addr = dash_row_get(row, DASH_A_ROUTE_ADDR);
	u8 plen = dash_row_u8(row, DASH_A_ROUTE_LEN, 0);
	u32 old = DASH_LPM_NONE, id = DASH_LPM_NONE;
	struct dash_route_group *group;
	struct dash_route_act *a;
	struct dash_lpm_txn *lpm;
	char name[DASH_NAME_LEN];
	struct dash_sym *sym;
	int err;

	nla_strscpy(name, dash_row_get(row, DASH_A_ROUTE_GROUP), sizeof(name));
	sym = row->del ?
	      dash_sym_find(txn->dn, DASH_OBJECT_TYPE_ROUTE_GROUP, name) :
	      dash_sym_get(txn->dn, DASH_OBJECT_TYPE_ROUTE_GROUP, name);
	if (IS_ERR(sym))
		return PTR_ERR(sym);
	if (!sym || (row->del && !sym->data))
		return 0;
	group = dash_route_group_stage(txn, sym);
	if (!group) {
		dash_sym_put(txn->dn, sym);
		return -ENOMEM;
	}

	lpm = &group->txn[nla_len(addr) == 16];
	if (row->del) {
		err = dash_lpm_clear(lpm, nla_data(addr), plen, &old);
	} else {
		a = dash_route_action_get(txn, group, row);
		if (IS_ERR(a))
			return PTR_ERR(a);
		id = a->id;
		err = dash_lpm_set(lpm, nla_data(addr), plen, id, &old);
		if (!err)
			dash_route_action_count(a, a->count + 1);
	}
	if (err)
		return err;
	if (old != DASH_LPM_NONE) {
		a = xa_load(&group->actions, old);
		dash_route_action_count(a, a->count - 1);
	}
	txn->types |= BIT(DASH_OBJECT_TYPE_ROUTE);
	return 0;
}

/* As if a route had changed. */
int dash_route_stage_users(struct dash_txn *txn, struct dash_sym *sym)
{
	const struct dash_route_act *a;
	struct dash_ref *ref;

	list_for_each_entry(ref, &sym->refs, list) {
		if (ref->row)
			continue;
		a = dash_route_act_of(ref);
		if (!dash_route_group_stage(txn, a->group->sym))
			return -ENOMEM;
	}
	return 0;
}

int dash_route_stage_clear(struct dash_txn *txn, struct dash_sym *sym)
{
	struct dash_route_group *group;
	struct dash_route_act *a;
	unsigned long id;

	if (!sym->data)
		return 0;
	group = dash_route_group_stage(txn, sym);
	dash_lpm_clear_all(&group->txn[0]);
	dash_lpm_clear_all(&group->txn[1]);
	xa_for_each(&group->actions, id, a)
		dash_route_action_count(a, 0);
	return 0;
}

static void dash_route_entry_name(const struct dash_route_group *group,
				  const struct dash_lpm_entry *e, bool v6,
				  char *buf)
{
	if (v6)
		snprintf(buf, DASH_NAME_LEN, "%s:%pI6c/%u", group->name,
			 e->addr, e->plen);
	else
		snprintf(buf, DASH_NAME_LEN, "%s:%pI4/%u", group->name,
			 e->addr, e->plen);
}

/* Some route of the end state that has an action. */
static void dash_route_name_of(const struct dash_route_act *a, char *buf)
{
	struct dash_route_group *group = a->group;
	struct dash_lpm_entry e;
	bool more;
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		more = group->staged ?
		       dash_lpm_txn_next(&group->txn[v6], &e, true) :
		       dash_lpm_next(&group->lpm[v6], &e, true);
		while (more) {
			if (e.value == a->id) {
				dash_route_entry_name(group, &e, v6, buf);
				return;
			}
			more = group->staged ?
			       dash_lpm_txn_next(&group->txn[v6], &e, false) :
			       dash_lpm_next(&group->lpm[v6], &e, false);
		}
	}
	snprintf(buf, DASH_NAME_LEN, "%s", group->name);
}

bool dash_route_ref_is_live(const struct dash_ref *ref)
{
	return dash_route_act_of(ref)->count;
}

void dash_route_act_name(const struct dash_route_act *a, char *buf)
{
	rcu_read_lock();
	dash_route_name_of(a, buf);
	rcu_read_unlock();
}

void dash_route_ref_name(const struct dash_ref *ref, char *buf)
{
	dash_route_act_name(dash_route_act_of(ref), buf);
}

static int dash_route_check_ref(struct dash_txn *txn,
				const struct dash_route_act *a,
				const struct dash_ref *ref)
{
	char name[DASH_NAME_LEN];

	if (!ref->sym || dash_sym_next(ref->sym))
		return 0;
	dash_route_name_of(a, name);
	return dash_txn_fail(txn, -ENOENT,
			     "DASH_ROUTE_TABLE:%s: %s: %s%s does not exist",
			     name, ref->field,
			     dash_types[ref->sym->type].table,
			     ref->sym->name);
}

int dash_route_check(struct dash_txn *txn)
{
	struct dash_route_group *group;
	struct dash_route_act *a;
	char name[DASH_NAME_LEN];
	int err;

	list_for_each_entry(group, &txn->route_groups, list) {
		list_for_each_entry(a, &group->touched, touched) {
			if (!a->count)
				continue;
			if (!dash_sym_next(group->sym)) {
				dash_route_name_of(a, name);
				return dash_txn_fail(txn, -ENOENT,
						     "DASH_ROUTE_TABLE:%s: DASH_ROUTE_GROUP_TABLE:%s does not exist",
						     name, group->name);
			}
			err = dash_route_check_ref(txn, a, &a->ref) ?:
			      dash_route_check_ref(txn, a, &a->tunnel_ref) ?:
			      dash_route_check_ref(txn, a, &a->appliance_ref);
			if (err)
				return err;
		}
	}
	return 0;
}

/* The change is over, and packets have left what it replaced. */
static void dash_route_untouch(struct dash_txn *txn,
			       struct dash_route_group *group)
{
	struct dash_route_act *a, *tmp;

	list_for_each_entry_safe(a, tmp, &group->touched, touched) {
		list_del_init(&a->touched);
		if (a->count)
			continue;
		dash_route_action_destroy(txn, a);
		cond_resched();
	}
}

void dash_route_unstage(struct dash_txn *txn)
{
	struct dash_route_group *group, *tmp;
	struct dash_route_act *a;
	struct dash_sym *sym;

	list_for_each_entry_safe(group, tmp, &txn->route_groups, list) {
		list_del(&group->list);
		group->staged = false;
		dash_lpm_abort(&group->txn[0]);
		dash_lpm_abort(&group->txn[1]);
		list_for_each_entry(a, &group->touched, touched)
			a->count = a->before;
		dash_route_untouch(txn, group);
		sym = group->sym;
		if (!rcu_access_pointer(sym->cur)) {
			sym->data = NULL;
			dash_route_group_free(group);
			dash_sym_put(txn->dn, sym);
		}
	}
}

void dash_route_publish(struct dash_txn *txn)
{
	struct dash_route_group *group;
	struct dash_route_act *a;

	list_for_each_entry(group, &txn->route_groups, list) {
		list_for_each_entry(a, &group->touched, touched)
			if (a->nat)
				dash_nat_pool_publish(a->nat, a->count);
		dash_lpm_publish(&group->txn[0]);
		dash_lpm_publish(&group->txn[1]);
	}
}

void dash_route_reap(struct dash_txn *txn)
{
	struct dash_route_group *group, *tmp;

	list_for_each_entry_safe(group, tmp, &txn->route_groups, list) {
		list_del(&group->list);
		group->staged = false;
		dash_lpm_reap(&group->txn[0]);
		dash_lpm_reap(&group->txn[1]);
		dash_route_untouch(txn, group);
	}
}
