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
#include <linux/sort.h>

#include "addr.h"
#include "config.h"
#include "eni.h"
#include "parse.h"
#include "route.h"
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
	c->hash = 0;
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

	if (a->hash != c->hash || a->len != c->len)
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

static size_t dash_route_act_bytes(const struct dash_route_act *a)
{
	return struct_size(a, attrs, a->len) + a->n_pa * sizeof(*a->pa);
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
	kfree(a->pa);
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

u32 dash_route_exact(struct dash_route_group *group, const struct nlattr *addr,
		     u8 plen)
{
	u32 id;

	rcu_read_lock();
	id = dash_lpm_get(&group->lpm[nla_len(addr) == 16], nla_data(addr),
			  plen);
	rcu_read_unlock();
	return id;
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
	case DASH_A_ROUTE_UNDERLAY_IP:
		dash_nla_addr(nla, &a->pa[a->n_pa++]);
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

/* Link the action to its VNET, which may be defined later in the change. */
static int dash_route_action_link(struct dash_txn *txn,
				  struct dash_route_act *a,
				  const struct nlattr *vnet)
{
	char name[DASH_NAME_LEN];
	struct dash_sym *sym;

	nla_strscpy(name, vnet, sizeof(name));
	sym = dash_sym_get(txn->dn, DASH_OBJECT_TYPE_VNET, name);
	if (IS_ERR(sym))
		return PTR_ERR(sym);
	if (!sym->data) {
		sym->data = dash_vnet_alloc(txn->dn, sym);
		if (!sym->data) {
			dash_sym_put(txn->dn, sym);
			return -ENOMEM;
		}
	}
	a->vnet = sym->data;
	a->ref.sym = sym;
	a->ref.field = "vnet";
	list_add_tail(&a->ref.list, &sym->refs);
	return 0;
}

static struct dash_route_act *
dash_route_action_alloc(struct dash_txn *txn, struct dash_route_group *group,
			const struct dash_route_content *c)
{
	const struct nlattr *nla, *vnet = NULL;
	struct dash_route_act *a;
	u32 n_pa = 0;
	int rem, err;

	a = kvzalloc(struct_size(a, attrs, c->len), GFP_KERNEL_ACCOUNT);
	if (!a)
		return ERR_PTR(-ENOMEM);
	a->group = group;
	a->hash = c->hash;
	dash_row_for_each(nla, c->row, rem) {
		if (dash_route_is_key(nla_type(nla)))
			continue;
		memcpy(a->attrs + a->len, nla, nla->nla_len);
		a->len += NLA_ALIGN(nla->nla_len);
		n_pa += nla_type(nla) == DASH_A_ROUTE_UNDERLAY_IP;
		if (nla_type(nla) == DASH_A_ROUTE_VNET)
			vnet = nla;
	}
	if (n_pa) {
		err = -ENOMEM;
		a->pa = kcalloc(n_pa, sizeof(*a->pa), GFP_KERNEL_ACCOUNT);
		if (!a->pa)
			goto free_action;
	}
	dash_row_for_each(nla, c->row, rem)
		dash_route_action_parse(a, nla);

	err = xa_alloc(&group->actions, &a->id, a,
		       XA_LIMIT(0, DASH_LPM_NONE - 1), GFP_KERNEL_ACCOUNT);
	if (err)
		goto free_action;
	err = rhashtable_insert_fast(&group->by_content, &a->node,
				     dash_route_act_params);
	if (err)
		goto erase_id;
	if (vnet) {
		err = dash_route_action_link(txn, a, vnet);
		if (err)
			goto remove_content;
	}
	group->bytes += dash_route_act_bytes(a);
	/* should it get no route, it goes at the end of the change */
	list_add_tail(&a->touched, &group->touched);
	return a;

remove_content:
	rhashtable_remove_fast(&group->by_content, &a->node,
			       dash_route_act_params);
erase_id:
	xa_erase(&group->actions, a->id);
free_action:
	kfree(a->pa);
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
	return container_of(ref, struct dash_route_act, ref)->count;
}

void dash_route_ref_name(const struct dash_ref *ref, char *buf)
{
	rcu_read_lock();
	dash_route_name_of(container_of(ref, struct dash_route_act, ref), buf);
	rcu_read_unlock();
}

int dash_route_check(struct dash_txn *txn)
{
	struct dash_route_group *group;
	struct dash_route_act *a;
	char name[DASH_NAME_LEN];

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
			if (a->ref.sym && !dash_sym_next(a->ref.sym)) {
				dash_route_name_of(a, name);
				return dash_txn_fail(txn, -ENOENT,
						     "DASH_ROUTE_TABLE:%s: vnet: DASH_VNET_TABLE:%s does not exist",
						     name, a->ref.sym->name);
			}
		}
	}
	return 0;
}

/* The change is over, and packets have left what it replaced. */
static void dash_route_untouch(struct dash_txn *txn,
			       struct dash_route_group *group)
{
	struct dash_route_act *a, *tmp;
	struct dash_sym *vnet;

	list_for_each_entry_safe(a, tmp, &group->touched, touched) {
		list_del_init(&a->touched);
		if (a->count)
			continue;
		vnet = a->ref.sym;
		dash_route_action_free(a);
		if (vnet)
			dash_vnet_put_unused(txn->dn, vnet);
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

	list_for_each_entry(group, &txn->route_groups, list) {
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

const struct dash_rule *dash_rule_lookup(const struct dash_pkt *pkt)
{
	const struct dash_rule_table *table = rcu_dereference(pkt->eni->rules);
	const struct dash_rule *rule;
	u32 lo = 0, hi, mid;

	if (!table)
		return NULL;
	for (hi = table->n; lo < hi;) {
		mid = lo + (hi - lo) / 2;
		if (table->rule[mid].vni < pkt->outer.vni)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < table->n && table->rule[lo].vni == pkt->outer.vni; lo++) {
		rule = &table->rule[lo];
		if (rule->protocol && rule->protocol != pkt->t.proto)
			continue;
		if (!rule->any && !dash_addr_in(&pkt->outer.saddr, &rule->addr,
						rule->plen))
			continue;
		return rule;
	}
	return NULL;
}

static int dash_rule_cmp(const void *a, const void *b)
{
	const struct dash_rule *x = a, *y = b;

	if (x->vni != y->vni)
		return x->vni < y->vni ? -1 : 1;
	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return (int)y->plen - x->plen;
}

static void dash_rule_parse(struct dash_txn *txn, struct dash_rule *rule,
			    struct dash_row *row)
{
	const struct nlattr *addr = dash_row_get(row, DASH_A_ROUTE_RULE_ADDR);
	struct dash_sym *vnet;

	rule->row = row;
	rule->any = !addr;
	if (addr) {
		dash_nla_addr(addr, &rule->addr);
		rule->plen = dash_row_u8(row, DASH_A_ROUTE_RULE_LEN, 0) +
			     (nla_len(addr) == 4 ? 96 : 0);
	}
	rule->vni = dash_row_u32(row, DASH_A_ROUTE_RULE_VNI, 0);
	rule->priority = dash_row_u32(row, DASH_A_ROUTE_RULE_PRIORITY, 0);
	rule->protocol = dash_row_u8(row, DASH_A_ROUTE_RULE_PROTOCOL, 0);
	rule->drop = dash_row_u8(row, DASH_A_ROUTE_RULE_ACTION, 0) ==
		     DASH_RULE_ACTION_DROP;
	rule->pa_validation = dash_row_u8(row, DASH_A_ROUTE_RULE_PA_VALIDATION,
					  1);
	vnet = dash_sym_of_nla(txn->dn, DASH_OBJECT_TYPE_VNET,
			       dash_row_get(row, DASH_A_ROUTE_RULE_VNET));
	rule->vnet = vnet ? vnet->data : NULL;
}

/* Compile the inbound rules of an ENI from those of the end state. */
int dash_rules_prepare(struct dash_txn *txn, struct dash_eni *eni)
{
	struct dash_rule_table *table;
	struct dash_sym *sym;
	u32 n = 0;

	list_for_each_entry(sym, &eni->sym->children, sibling)
		n += sym->type == DASH_OBJECT_TYPE_ROUTE_RULE &&
		     dash_sym_next(sym);

	table = kvzalloc(struct_size(table, rule, n), GFP_KERNEL_ACCOUNT);
	if (!table)
		return -ENOMEM;
	list_for_each_entry(sym, &eni->sym->children, sibling)
		if (sym->type == DASH_OBJECT_TYPE_ROUTE_RULE &&
		    dash_sym_next(sym))
			dash_rule_parse(txn, &table->rule[table->n++],
					dash_sym_next(sym));
	sort(table->rule, n, sizeof(table->rule[0]), dash_rule_cmp, NULL);
	eni->next_rules = table;
	return 0;
}
