// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * Configuration is a set of named objects, each the row of a table as it was
 * set. A name (struct dash_sym) exists as soon as anything mentions it, so
 * rows may come in any order; whether it also has an object is a question
 * that is asked once, of the end state::
 *
 *   rows ──stage──> names with next objects ──check──> prepare ──> publish
 *                          │ refs, children      │         │
 *                          └──────── on any error: unstage ┘
 *
 * Staging changes nothing that packets or dumps can see. Preparing builds all
 * that packets will see (classifiers, snapshots of ENIs and settings), so that
 * publishing is a series of pointer swaps and cannot fail. What was replaced
 * is freed after one grace period for the whole transaction.
 *
 * While that goes on, others may take dash_net.lock in between. They see names
 * that are staged, but their present objects only; and what happens to devices
 * may change the present object of a port, nothing else.
 *
 * Routes and mappings are too many to be objects with names. They are staged
 * in the tables of their group or VNET, which know versions themselves.
 */
#include <linux/rhashtable.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "aclgroup.h"
#include "config.h"
#include "counter.h"
#include "eni.h"
#include "event.h"
#include "flow.h"
#include "inst.h"
#include "mapping.h"
#include "memory.h"
#include "meter.h"
#include "nat.h"
#include "port.h"
#include "port_config.h"
#include "resim.h"
#include "route.h"
#include "tag_config.h"
#include "tunnel.h"
#include "vnet.h"

static u32 dash_sym_obj_hashfn(const void *data, u32 len, u32 seed)
{
	const struct dash_sym *sym = data;

	return dash_name_hash(sym->type, sym->name, seed);
}

static int dash_sym_cmpfn(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct dash_sym *sym = obj;

	return !dash_name_is(arg->key, sym->type, sym->name);
}

static const struct rhashtable_params dash_sym_params = {
	.head_offset = offsetof(struct dash_sym, node),
	.hashfn = dash_name_hashfn,
	.obj_hashfn = dash_sym_obj_hashfn,
	.obj_cmpfn = dash_sym_cmpfn,
	.automatic_shrinking = true,
};

/* A row's object as the change under way will leave it. */
struct dash_row *dash_sym_next(const struct dash_sym *sym)
{
	if (sym->staged)
		return sym->next;
	/* dash_net.lock is held, but a name does not know its instance */
	return rcu_dereference_protected(sym->cur, true);
}

struct dash_sym *dash_sym_find(struct dash_net *dn, u8 type, const char *name)
{
	struct dash_name_key key = { .type = type, .name = name };

	return rhashtable_lookup_fast(&dn->syms, &key, dash_sym_params);
}

/* The name, made if it is new; an unused one goes with dash_sym_put(). */
struct dash_sym *dash_sym_get(struct dash_net *dn, u8 type, const char *name)
{
	struct dash_sym *sym = dash_sym_find(dn, type, name);
	size_t len = strlen(name) + 1;
	int err;

	if (sym)
		return sym;

	sym = kzalloc(struct_size(sym, name, len), GFP_KERNEL_ACCOUNT);
	if (!sym)
		return ERR_PTR(-ENOMEM);
	sym->type = type;
	INIT_LIST_HEAD(&sym->refs);
	INIT_LIST_HEAD(&sym->children);
	INIT_LIST_HEAD(&sym->sibling);
	memcpy(sym->name, name, len);

	err = rhashtable_insert_fast(&dn->syms, &sym->node, dash_sym_params);
	if (err) {
		kfree(sym);
		return ERR_PTR(err);
	}
	return sym;
}

void dash_sym_put(struct dash_net *dn, struct dash_sym *sym)
{
	struct dash_sym *parent;

	while (sym && !sym->staged && !sym->data && list_empty(&sym->refs) &&
	       list_empty(&sym->children) && !dash_sym_next(sym)) {
		parent = sym->parent;
		if (parent)
			list_del(&sym->sibling);
		if (sym->id)
			xa_erase(&dn->by_id[sym->type], sym->id);
		rhashtable_remove_fast(&dn->syms, &sym->node, dash_sym_params);
		kfree_rcu(sym, rcu);
		sym = parent;
	}
}

struct dash_sym *dash_sym_of_nla(struct dash_net *dn, u8 type,
				 const struct nlattr *nla)
{
	char name[DASH_NAME_LEN];

	if (!nla)
		return NULL;
	nla_strscpy(name, nla, sizeof(name));
	return dash_sym_find(dn, type, name);
}

int dash_txn_fail(struct dash_txn *txn, int err, const char *fmt, ...)
{
	char name[DASH_NAME_LEN];
	struct va_format vaf;
	va_list args;

	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	if (!txn->row) {
		dash_err(txn->extack, NULL, "%pV", &vaf);
	} else {
		dash_row_name(txn->row, name);
		if (txn->numbered)
			dash_err(txn->extack, NULL, "row %u: %s%s: %pV",
				 txn->row->seq, dash_types[txn->row->type].table,
				 name, &vaf);
		else
			dash_err(txn->extack, NULL, "%s%s: %pV",
				 dash_types[txn->row->type].table, name, &vaf);
	}
	va_end(args);
	return err;
}

static void dash_refs_link(struct dash_txn *txn, struct dash_row *row,
			   int *err)
{
	const struct dash_ref_desc *desc;
	char name[DASH_NAME_LEN];
	const struct nlattr *nla;
	struct dash_ref *ref;
	int rem, i = 0;

	*err = 0;
	if (!row->n_refs)
		return;
	dash_row_for_each(nla, row, rem) {
		for (desc = dash_types[row->type].refs; desc->attr; desc++) {
			if (desc->attr != nla_type(nla))
				continue;
			ref = &row->refs[i];
			nla_strscpy(name, nla, sizeof(name));
			ref->sym = dash_sym_get(txn->dn, desc->type, name);
			if (IS_ERR(ref->sym)) {
				*err = PTR_ERR(ref->sym);
				row->n_refs = i;
				return;
			}
			list_add_tail(&ref->list, &ref->sym->refs);
			i++;
		}
	}
}

void dash_refs_unlink(struct dash_net *dn, struct dash_row *row)
{
	int i;

	for (i = 0; i < row->n_refs; i++) {
		list_del(&row->refs[i].list);
		dash_sym_put(dn, row->refs[i].sym);
	}
	row->n_refs = 0;
}

static void dash_sym_stage_first(struct dash_txn *txn, struct dash_sym *sym)
{
	sym->staged = true;
	list_add_tail(&sym->staged_list, &txn->syms);
	txn->types |= BIT(sym->type);
	if (sym->parent)
		sym->parent->dirty |= BIT(sym->type);
}

static void dash_sym_unstage(struct dash_sym *sym)
{
	list_del(&sym->staged_list);
	sym->staged = false;
	if (sym->parent)
		sym->parent->dirty = 0;
}

/* Ends in the list of rows that were never seen, or @row takes its place. */
static void dash_sym_stage(struct dash_txn *txn, struct dash_sym *sym,
			   struct dash_row *row)
{
	struct dash_sym *child;

	if (!sym->staged) {
		dash_sym_stage_first(txn, sym);
	} else if (sym->next) {
		dash_refs_unlink(txn->dn, sym->next);
		dash_row_free(sym->next);
	}
	sym->next = row;
	if (row)
		return;

	/* No type has grandchildren. */
	list_for_each_entry(child, &sym->children, sibling) {
		if (!dash_sym_next(child))
			continue;
		if (!child->staged) {
			dash_sym_stage_first(txn, child);
		} else {
			dash_refs_unlink(txn->dn, child->next);
			dash_row_free(child->next);
		}
		child->next = NULL;
	}
}

/* A rule's name without its priority means all priorities. */
static void dash_stage_del_rules(struct dash_txn *txn, struct dash_row *row,
				 const char *prefix)
{
	struct dash_sym *eni, *sym;

	eni = dash_sym_of_nla(txn->dn, DASH_OBJECT_TYPE_ENI,
			      dash_row_get(row, DASH_A_ROUTE_RULE_ENI));
	if (!eni)
		return;
	list_for_each_entry(sym, &eni->children, sibling)
		if (sym->type == DASH_OBJECT_TYPE_ROUTE_RULE &&
		    !strncmp(sym->name, prefix, strlen(prefix)) &&
		    dash_sym_next(sym))
			dash_sym_stage(txn, sym, NULL);
}

static int dash_stage_del(struct dash_txn *txn, struct dash_row *row,
			  const char *name)
{
	struct dash_sym *sym;
	int err = 0;

	if (row->type == DASH_OBJECT_TYPE_ROUTE_RULE &&
	    name[strlen(name) - 1] == ':') {
		dash_stage_del_rules(txn, row, name);
		return 0;
	}

	sym = dash_sym_find(txn->dn, row->type, name);
	if (!sym)
		return 0;
	if (row->type == DASH_OBJECT_TYPE_ROUTE_GROUP)
		err = dash_route_stage_clear(txn, sym);
	else if (row->type == DASH_OBJECT_TYPE_VNET)
		err = dash_mapping_stage_clear(txn, sym);
	if (err)
		return err;
	if (dash_sym_next(sym) || !list_empty(&sym->children))
		dash_sym_stage(txn, sym, NULL);
	return 0;
}

/* Let those go ahead who wait for what is not being changed. */
static void dash_breathe(struct dash_txn *txn)
{
	mutex_unlock(&txn->dn->lock);
	cond_resched();
	mutex_lock(&txn->dn->lock);
}

/* so many rows are staged between */
#define DASH_STAGE_CHUNK	256

/* The rows of a table without objects. */
static int dash_stage_many(struct dash_txn *txn, const struct dash_row *many)
{
	const struct dash_type *type = &dash_types[many->type];
	struct dash_row row = {
		.type = many->type,
		.del = many->del,
		.seq = many->seq,
	};
	const struct nlattr *pos;
	int rem, err = 0;
	u32 n = 0;

	txn->row = &row;
	dash_row_for_each_row(pos, many, rem) {
		row.attrs = nla_data(pos);
		row.len = nla_len(pos);
		err = dash_counter_stage(txn, &row);
		if (!err)
			err = type->stage(txn, &row);
		dash_counter_drop(row.counter);
		row.counter = NULL;
		if (err == -ENOMEM)
			dash_txn_fail(txn, err, "out of memory");
		if (err)
			break;
		dash_event_config_row(txn->events, &row);
		row.seq++;
		if (!(++n % DASH_STAGE_CHUNK))
			dash_breathe(txn);
	}
	txn->row = NULL;
	return err;
}

/* Consumes @row also on errors. */
static int dash_stage_row(struct dash_txn *txn, struct dash_row *row)
{
	const struct dash_type *type = &dash_types[row->type];
	struct dash_sym *sym, *parent;
	char name[DASH_NAME_LEN];
	char up[DASH_NAME_LEN];
	int err;

	txn->adds |= !row->del;
	if (row->many) {
		err = dash_stage_many(txn, row);
		goto free_row;
	}

	txn->row = row;
	dash_row_name(row, name);
	if (row->del) {
		err = dash_stage_del(txn, row, name);
		goto free_row;
	}

	sym = dash_sym_get(txn->dn, row->type, name);
	if (IS_ERR(sym)) {
		err = PTR_ERR(sym);
		goto free_row;
	}
	if (type->parent_attr && !sym->parent) {
		nla_strscpy(up, dash_row_get(row, type->parent_attr),
			    sizeof(up));
		parent = dash_sym_get(txn->dn, type->parent, up);
		if (IS_ERR(parent)) {
			err = PTR_ERR(parent);
			goto put_sym;
		}
		sym->parent = parent;
		/* of an ENI, which has very many rules, what else it has first */
		if (row->type == DASH_OBJECT_TYPE_ACL_BIND ||
		    row->type == DASH_OBJECT_TYPE_ENI_ROUTE)
			list_add(&sym->sibling, &parent->children);
		else
			list_add_tail(&sym->sibling, &parent->children);
	}
	err = dash_counter_stage(txn, row);
	if (err)
		goto put_sym;
	dash_refs_link(txn, row, &err);
	if (err)
		goto unlink_refs;
	row->sym = sym;
	dash_sym_stage(txn, sym, row);
	txn->row = NULL;
	return 0;

unlink_refs:
	dash_refs_unlink(txn->dn, row);
put_sym:
	dash_sym_put(txn->dn, sym);
free_row:
	dash_row_free(row);
	txn->row = NULL;
	return err;
}

static int dash_stage(struct dash_txn *txn, struct dash_rows *rows)
{
	struct dash_row *row;
	u32 n = 0;
	int err;

	while ((row = list_first_entry_or_null(&rows->list, struct dash_row,
					       list))) {
		list_del(&row->list);
		err = dash_stage_row(txn, row);
		if (err)
			return err;
		if (!(++n % DASH_STAGE_CHUNK))
			dash_breathe(txn);
	}
	return 0;
}

static bool dash_ref_is_live(const struct dash_ref *ref)
{
	if (!ref->row)
		return dash_route_ref_is_live(ref);
	return dash_sym_next(ref->row->sym) == ref->row;
}

static int dash_check_unused(struct dash_txn *txn, const struct dash_sym *sym)
{
	const struct dash_ref *ref;
	char name[DASH_NAME_LEN];
	const char *table;

	list_for_each_entry(ref, &sym->refs, list) {
		if (!dash_ref_is_live(ref))
			continue;
		if (ref->row) {
			dash_row_name(ref->row, name);
			table = dash_types[ref->row->type].table;
		} else {
			dash_route_ref_name(ref, name);
			table = dash_types[DASH_OBJECT_TYPE_ROUTE].table;
		}
		/* a mention by a new row is that row's mistake */
		if (ref->row && ref->row->sym->staged) {
			txn->row = ref->row;
			return dash_txn_fail(txn, -ENOENT,
					     "%s: %s%s does not exist",
					     ref->field,
					     dash_types[sym->type].table,
					     sym->name);
		}
		txn->row = NULL;
		return dash_txn_fail(txn, -EBUSY,
				     "%s%s cannot be deleted: %s%s refers to it (%s)",
				     dash_types[sym->type].table, sym->name,
				     table, name, ref->field);
	}
	return 0;
}

static int dash_check_refs(struct dash_txn *txn, struct dash_sym *sym)
{
	struct dash_row *row = dash_sym_next(sym);
	int i;

	if (!row)
		return dash_check_unused(txn, sym);

	txn->row = row;
	if (sym->parent && !dash_sym_next(sym->parent))
		return dash_txn_fail(txn, -ENOENT, "%s%s does not exist",
				     dash_types[sym->parent->type].table,
				     sym->parent->name);
	for (i = 0; i < row->n_refs; i++) {
		if (dash_sym_next(row->refs[i].sym))
			continue;
		return dash_txn_fail(txn, -ENOENT, "%s: %s%s does not exist",
				     row->refs[i].field,
				     dash_types[row->refs[i].sym->type].table,
				     row->refs[i].sym->name);
	}
	return 0;
}

static int dash_check_sym(struct dash_txn *txn, struct dash_sym *sym)
{
	if (!dash_sym_next(sym))
		return 0;

	txn->row = dash_sym_next(sym);
	switch (sym->type) {
	case DASH_OBJECT_TYPE_APPLIANCE:
		return dash_inst_check(txn, sym);
	case DASH_OBJECT_TYPE_ENI:
		return dash_eni_check(txn, sym);
	case DASH_OBJECT_TYPE_ACL_GROUP:
		return dash_aclgroup_check(txn, sym);
	case DASH_OBJECT_TYPE_ACL_BIND:
		return dash_aclgroup_check_bind(txn, sym);
	case DASH_OBJECT_TYPE_PORT:
		return dash_port_config_check(txn, sym);
	}
	return 0;
}

static int dash_check(struct dash_txn *txn)
{
	struct dash_sym *sym;
	int err;

	list_for_each_entry(sym, &txn->syms, staged_list) {
		err = dash_check_refs(txn, sym);
		if (err)
			return err;
		cond_resched();
	}
	list_for_each_entry(sym, &txn->syms, staged_list) {
		err = dash_check_sym(txn, sym);
		if (err)
			return err;
		cond_resched();
	}
	txn->row = NULL;
	err = dash_route_check(txn);
	if (err)
		return err;
	return dash_mapping_check(txn);
}

/* Give a name that gets an object what packets will see of it. */
static int dash_prepare_data(struct dash_txn *txn, struct dash_sym *sym)
{
	if (!sym->next || sym->data)
		return 0;

	switch (sym->type) {
	case DASH_OBJECT_TYPE_VNET:
		sym->data = dash_vnet_alloc(txn->dn, sym);
		break;
	case DASH_OBJECT_TYPE_ENI:
		sym->data = dash_eni_alloc(txn->dn, sym);
		break;
	case DASH_OBJECT_TYPE_ACL_GROUP:
		sym->data = dash_aclgroup_alloc(sym);
		break;
	case DASH_OBJECT_TYPE_ROUTE_GROUP:
		sym->data = dash_route_group_alloc(sym);
		break;
	case DASH_OBJECT_TYPE_TUNNEL:
		sym->data = dash_tunnel_alloc(sym);
		break;
	case DASH_OBJECT_TYPE_METER_POLICY:
		sym->data = dash_meter_policy_alloc(sym);
		break;
	default:
		return 0;
	}
	return sym->data ? 0 : -ENOMEM;
}

static bool dash_txn_has(const struct dash_txn *txn, u32 types)
{
	return txn->types & types;
}

#define DASH_TYPES_INST	(BIT(DASH_OBJECT_TYPE_APPLIANCE) |		\
			 BIT(DASH_OBJECT_TYPE_ROUTING_TYPE) |		\
			 BIT(DASH_OBJECT_TYPE_PA_VALIDATION))
#define DASH_TYPES_ENI	(DASH_TYPES_INST |				\
			 BIT(DASH_OBJECT_TYPE_VNET) |			\
			 BIT(DASH_OBJECT_TYPE_QOS) |			\
			 BIT(DASH_OBJECT_TYPE_METER_POLICY) |		\
			 BIT(DASH_OBJECT_TYPE_ENI) |			\
			 BIT(DASH_OBJECT_TYPE_ACL_BIND) |		\
			 BIT(DASH_OBJECT_TYPE_ACL_GROUP) |		\
			 BIT(DASH_OBJECT_TYPE_ENI_ROUTE) |		\
			 BIT(DASH_OBJECT_TYPE_ROUTE_GROUP))

#define dash_for_each_eni(dn, id, sym)					\
	xa_for_each(&(dn)->by_id[DASH_OBJECT_TYPE_ENI], id, sym)

static int dash_prepare_names(struct dash_txn *txn)
{
	struct dash_net *dn = txn->dn;
	struct dash_sym *sym;
	int err;

	list_for_each_entry(sym, &txn->syms, staged_list) {
		err = dash_prepare_data(txn, sym);
		if (err)
			return err;
		/* a place in dumps, which show nothing without an object */
		if (sym->next && !sym->id) {
			err = xa_insert(&dn->by_id[sym->type],
					dn->next_id[sym->type] + 1, sym,
					GFP_KERNEL_ACCOUNT);
			if (err)
				return err;
			sym->id = ++dn->next_id[sym->type];
		}
		cond_resched();
	}
	return 0;
}

/* What takes long, without dn->lock. */
static int dash_compile(struct dash_txn *txn)
{
	int err = dash_tags_prepare(txn);

	return err ?: dash_aclgroup_prepare(txn);
}

static int dash_prepare(struct dash_txn *txn)
{
	struct dash_net *dn = txn->dn;
	struct dash_flow_table *ft;
	struct dash_sym *sym;
	unsigned long id;
	int err;

	list_for_each_entry(sym, &txn->syms, staged_list) {
		if (sym->type != DASH_OBJECT_TYPE_PORT || !sym->next)
			continue;
		err = dash_port_config_prepare(txn, sym);
		if (err)
			return err;
	}
	list_for_each_entry(sym, &txn->syms, staged_list) {
		if (sym->type != DASH_OBJECT_TYPE_TUNNEL || !sym->next)
			continue;
		err = dash_tunnel_prepare(txn, sym);
		if (err)
			return err;
	}
	err = dash_meter_prepare(txn);
	if (err)
		return err;
	if (dash_txn_has(txn, DASH_TYPES_INST)) {
		err = dash_inst_prepare(txn);
		if (err)
			return err;
	}

	err = dash_nat_check(txn);
	if (err)
		return err;

	dash_for_each_eni(dn, id, sym) {
		if (!dash_sym_next(sym))
			continue;
		if (dash_txn_has(txn, DASH_TYPES_ENI)) {
			err = dash_eni_prepare(txn, sym->data);
			if (err)
				return err;
		}
		if (sym->dirty & BIT(DASH_OBJECT_TYPE_ROUTE_RULE)) {
			err = dash_rules_prepare(txn, sym->data);
			if (err)
				return err;
		}
	}

	err = dash_memory_check(txn);
	if (err)
		return err;

	if (!rcu_access_pointer(dn->ft) &&
	    dash_txn_has(txn, BIT(DASH_OBJECT_TYPE_ENI))) {
		ft = dash_flow_table_alloc(dn);
		if (!ft)
			return -ENOMEM;
		rcu_assign_pointer(dn->ft, ft);
	}
	return 0;
}

/* Free what stands behind a name that no packet can reach any more. */
static void dash_sym_free_data(struct dash_net *dn, struct dash_sym *sym)
{
	struct dash_port *port;
	void *data = sym->data;

	sym->data = NULL;
	sym->doomed = false;
	if (!data)
		return;

	switch (sym->type) {
	case DASH_OBJECT_TYPE_VNET:
		dash_vnet_free(data);
		break;
	case DASH_OBJECT_TYPE_ENI:
		dash_eni_free(data);
		break;
	case DASH_OBJECT_TYPE_ACL_GROUP:
		dash_aclgroup_free(data);
		break;
	case DASH_OBJECT_TYPE_ROUTE_GROUP:
		dash_route_group_free(data);
		break;
	case DASH_OBJECT_TYPE_TUNNEL:
		dash_tunnel_free(data);
		break;
	case DASH_OBJECT_TYPE_METER_POLICY:
		dash_meter_policy_free(data);
		break;
	case DASH_OBJECT_TYPE_PORT:
		port = data;
		if (port->attached)
			dash_port_detach(port);
		else
			dash_port_free(port);
		break;
	}
}

static void dash_unstage(struct dash_txn *txn)
{
	struct dash_net *dn = txn->dn;
	struct dash_sym *sym, *tmp;
	unsigned long id;

	dash_for_each_eni(dn, id, sym)
		if (sym->data)
			dash_eni_unprepare(sym->data);
	dash_inst_free(dn->next_inst);
	dn->next_inst = NULL;
	dash_aclgroup_unprepare(txn);
	dash_meter_unprepare(txn);
	dash_tags_unprepare(txn);
	dash_route_unstage(txn);
	dash_mapping_unstage(txn);

	list_for_each_entry_safe(sym, tmp, &txn->syms, staged_list) {
		if (sym->type == DASH_OBJECT_TYPE_TUNNEL && sym->data)
			dash_tunnel_unprepare(sym->data);
		dash_sym_unstage(sym);
		if (sym->next) {
			dash_refs_unlink(dn, sym->next);
			dash_row_free(sym->next);
			sym->next = NULL;
		}
		if (sym->type == DASH_OBJECT_TYPE_PORT)
			dash_port_config_unprepare(sym);
		if (!rcu_access_pointer(sym->cur))
			dash_sym_free_data(dn, sym);
		dash_sym_put(dn, sym);
		cond_resched();
	}
}

static void dash_publish_syms(struct dash_txn *txn)
{
	struct dash_sym *sym;
	struct dash_row *old;

	list_for_each_entry(sym, &txn->syms, staged_list) {
		old = dash_dereference(txn->dn, sym->cur);
		txn->dn->row_bytes += dash_memory_of_row(sym, sym->next);
		txn->dn->row_bytes -= dash_memory_of_row(sym, old);
		if (sym->next) {
			sym->next->sym = sym;
			sym->next->gen = txn->dn->gen + 1;
		}
		rcu_assign_pointer(sym->cur, sym->next);
		sym->doomed = !sym->next && sym->data;
		if (old) {
			dash_refs_unlink(txn->dn, old);
			list_add_tail(&old->list, &txn->dead_rows);
		}
	}
}

static void dash_publish(struct dash_txn *txn)
{
	struct dash_net *dn = txn->dn;
	struct dash_sym *sym;
	unsigned long id;

	/* What others point to goes first, so that they never see a gap. */
	list_for_each_entry(sym, &txn->syms, staged_list)
		if (sym->type == DASH_OBJECT_TYPE_VNET && sym->next)
			dash_vnet_publish(sym->data, sym->next);
	dash_tunnel_publish(txn);
	dash_meter_publish(txn);
	dash_mapping_publish(txn);
	dash_tags_publish(txn);
	dash_aclgroup_publish(txn);
	dash_route_publish(txn);
	if (dn->next_inst) {
		txn->old_inst = dash_dereference(dn, dn->inst);
		rcu_assign_pointer(dn->inst, dn->next_inst);
		dn->next_inst = NULL;
	}
	dash_for_each_eni(dn, id, sym) {
		if (dash_sym_next(sym))
			dash_eni_publish(sym->data);
		else if (sym->data)
			dash_eni_retire(sym->data);
	}
	dash_for_each_eni(dn, id, sym)
		if (sym->data)
			dash_eni_mark(txn, sym->data);
	dash_publish_syms(txn);
	WRITE_ONCE(dn->gen, dn->gen + 1);

	/* Devices come last, when everything is there that their packets need. */
	dash_port_config_publish(txn);
}

/* Free what was replaced; a grace period has passed. */
static void dash_reap(struct dash_txn *txn)
{
	struct dash_net *dn = txn->dn;
	struct dash_row *row, *next_row;
	struct dash_sym *sym, *tmp;
	struct dash_flow_table *ft;
	unsigned long id;

	dash_mapping_reap(txn);
	dash_aclgroup_reap(txn);
	dash_meter_reap(txn);
	dash_tags_reap(txn);
	dash_route_reap(txn);
	dash_inst_free(txn->old_inst);
	ft = dash_dereference(dn, dn->ft);
	dash_for_each_eni(dn, id, sym)
		if (sym->data)
			dash_eni_reap(sym->data, ft);
	list_for_each_entry_safe(sym, tmp, &txn->syms, staged_list) {
		if (sym->type == DASH_OBJECT_TYPE_TUNNEL && sym->data)
			dash_tunnel_reap(sym->data);
		dash_sym_unstage(sym);
		sym->next = NULL;
		if (sym->doomed)
			dash_sym_free_data(dn, sym);
		dash_sym_put(dn, sym);
		cond_resched();
	}
	list_for_each_entry_safe(row, next_row, &txn->dead_rows, list)
		dash_row_free(row);
}

static bool dash_rows_have_port(const struct dash_rows *rows)
{
	const struct dash_row *row;

	list_for_each_entry(row, &rows->list, list)
		if (row->type == DASH_OBJECT_TYPE_PORT)
			return true;
	return false;
}

static int dash_config_change(struct dash_net *dn, struct dash_rows *rows,
			      bool numbered, bool check, u8 policy,
			      struct netlink_ext_ack *extack)
{
	struct dash_txn txn = {
		.dn = dn,
		.extack = extack,
		.numbered = numbered,
		.policy = policy,
		.syms = LIST_HEAD_INIT(txn.syms),
		.dead_rows = LIST_HEAD_INIT(txn.dead_rows),
		.acl_groups = LIST_HEAD_INIT(txn.acl_groups),
		.route_groups = LIST_HEAD_INIT(txn.route_groups),
		.vnets = LIST_HEAD_INIT(txn.vnets),
	};
	bool rtnl = dash_rows_have_port(rows);
	int err;

	mutex_lock(&dn->lock);
	if (!check)
		txn.events = dash_event_config_begin(dn);
	err = dash_stage(&txn, rows);
	if (!err)
		err = dash_check(&txn);
	if (!err)
		err = dash_prepare_names(&txn);
	mutex_unlock(&dn->lock);

	if (!err)
		err = dash_compile(&txn);

	if (rtnl)
		rtnl_lock();
	mutex_lock(&dn->lock);
	if (!err)
		err = dash_prepare(&txn);
	if (err || check) {
		dash_unstage(&txn);
	} else {
		dash_event_config_syms(txn.events, &txn);
		dash_publish(&txn);
	}
	dash_event_config_end(txn.events, !err);
	mutex_unlock(&dn->lock);
	if (rtnl)
		rtnl_unlock();
	if (err || check)
		return err;

	synchronize_net();
	/* nobody has to wait for this, however many there are */
	if (txn.marked && policy == DASH_POLICY_CUT)
		dash_resim_cut(dash_change_dereference(dn, dn->ft));
	mutex_lock(&dn->lock);
	dash_reap(&txn);
	mutex_unlock(&dn->lock);
	return 0;
}

int dash_config_apply(struct dash_net *dn, struct dash_rows *rows,
		      bool numbered, bool check, u8 policy,
		      struct netlink_ext_ack *extack)
{
	int err = dash_rows_finish(rows, extack);

	if (!err) {
		mutex_lock(&dn->change);
		err = dash_config_change(dn, rows, numbered, check, policy,
					 extack);
		mutex_unlock(&dn->change);
	}
	dash_rows_free(rows);
	return err;
}

int dash_config_init(struct dash_net *dn)
{
	int type, err;

	dash_tags_init(dn);
	err = rhashtable_init(&dn->syms, &dash_sym_params);
	if (err)
		return err;
	err = dash_counters_init(dn);
	if (err)
		goto destroy_syms;
	for (type = 0; type < DASH_OBJECT_TYPES; type++)
		xa_init(&dn->by_id[type]);

	/* Settings always exist; without rows they are the defaults. */
	mutex_lock(&dn->lock);
	err = dash_inst_prepare(&(struct dash_txn){ .dn = dn });
	if (!err) {
		rcu_assign_pointer(dn->inst, dn->next_inst);
		dn->next_inst = NULL;
	}
	mutex_unlock(&dn->lock);
	if (!err)
		return 0;
	dash_counters_fini(dn);
destroy_syms:
	rhashtable_destroy(&dn->syms);
	return err;
}

static void dash_stage_del_all(struct dash_txn *txn)
{
	struct dash_sym *sym;
	unsigned long id;
	int type;

	for (type = DASH_OBJECT_TYPES - 1; type >= 0; type--)
		xa_for_each(&txn->dn->by_id[type], id, sym)
			if (dash_sym_next(sym))
				dash_sym_stage(txn, sym, NULL);
}

void dash_config_clear(struct dash_net *dn)
{
	struct dash_txn txn = {
		.dn = dn,
		.syms = LIST_HEAD_INIT(txn.syms),
		.dead_rows = LIST_HEAD_INIT(txn.dead_rows),
		.acl_groups = LIST_HEAD_INIT(txn.acl_groups),
		.route_groups = LIST_HEAD_INIT(txn.route_groups),
		.vnets = LIST_HEAD_INIT(txn.vnets),
	};

	mutex_lock(&dn->change);
	rtnl_lock();
	mutex_lock(&dn->lock);
	dash_stage_del_all(&txn);
	dash_publish(&txn);
	mutex_unlock(&dn->lock);
	rtnl_unlock();
	synchronize_net();
	mutex_lock(&dn->lock);
	dash_reap(&txn);
	mutex_unlock(&dn->lock);
	mutex_unlock(&dn->change);
}

void dash_config_fini(struct dash_net *dn)
{
	int type;

	dash_flow_table_free(rcu_dereference_protected(dn->ft, true));
	dash_inst_free(rcu_dereference_protected(dn->inst, true));
	dash_tags_fini(dn);
	for (type = 0; type < DASH_OBJECT_TYPES; type++)
		xa_destroy(&dn->by_id[type]);
	dash_counters_fini(dn);
	rhashtable_destroy(&dn->syms);
}
