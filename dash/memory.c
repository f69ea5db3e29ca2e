// SPDX-License-Identifier: GPL-2.0
/*
 * Memory by kinds of objects: what was asked for, without what allocators
 * round it up by, but for mappings, whose pages are counted whole.
 */
#include <linux/rhashtable.h>
#include <linux/sched.h>

#include "aclgroup.h"
#include "classifier.h"
#include "config.h"
#include "counter.h"
#include "flow_impl.h"
#include "inst.h"
#include "lpm.h"
#include "mapping.h"
#include "memory.h"
#include "nat.h"
#include "netns.h"
#include "route.h"
#include "rows.h"
#include "tag.h"
#include "vnet.h"

/* Buckets; of all tables while it is resized. */
static size_t dash_rhashtable_bytes(struct rhashtable *ht)
{
	const struct bucket_table *tbl;
	size_t bytes = 0;

	rcu_read_lock();
	for (tbl = rht_dereference_rcu(ht->tbl, ht); tbl;
	     tbl = rht_dereference_rcu(tbl->future_tbl, ht))
		bytes += struct_size(tbl, buckets, tbl->size);
	rcu_read_unlock();
	return bytes;
}

size_t dash_memory_of_row(const struct dash_sym *sym,
			  const struct dash_row *row)
{
	if (!row)
		return 0;
	return sizeof(*sym) + strlen(sym->name) + 1 +
	       struct_size(row, data, row->len) +
	       row->n_refs * sizeof(*row->refs);
}

/* Of what is being changed, others see what there is, a check what is to be. */
static void dash_memory_vnet(struct dash_net *dn, const struct dash_vnet *vnet,
			     struct dash_memory *m, bool next)
{
	struct dash_mapping_set *set = next && vnet->next ? vnet->next :
				       dash_dereference(dn, vnet->set);
	struct dash_memory *maps = &m[DASH_MEMORY_KIND_MAPPING];
	struct dash_memory *hosts = &m[DASH_MEMORY_KIND_HOST];

	maps->objects += set->count;
	maps->bytes += dash_pool_bytes(&set->pool) +
		       dash_htab_bytes(&set->table);
	hosts->objects += atomic_read(&set->hosts.by_content.nelems);
	hosts->bytes += set->hosts.bytes +
			dash_rhashtable_bytes(&set->hosts.by_content) +
			dash_rhashtable_bytes(&set->hosts.pas);
}

static void dash_memory_routes(struct dash_route_group *group,
			       struct dash_memory *m, bool next)
{
	struct dash_memory *actions = &m[DASH_MEMORY_KIND_ACTION];
	struct dash_memory *routes = &m[DASH_MEMORY_KIND_ROUTE];
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		routes->objects += dash_lpm_count(&group->lpm[v6]);
		routes->bytes += next && group->staged ?
				 dash_lpm_txn_bytes(&group->txn[v6]) :
				 dash_lpm_bytes(&group->lpm[v6]);
	}
	actions->objects += atomic_read(&group->by_content.nelems);
	actions->bytes += group->bytes +
			  dash_rhashtable_bytes(&group->by_content);
}

static void dash_memory_acl(struct dash_net *dn,
			    const struct dash_acl_group *group,
			    struct dash_memory *m, bool next)
{
	const struct dash_acl_version *ver = next && group->next ? group->next :
					     dash_dereference(dn, group->cur);
	const struct dash_acl_part *part;

	m->objects++;
	m->bytes += sizeof(*group);
	if (!ver)
		return;
	m->bytes += sizeof(*ver);
	for (part = ver->part; part < ver->part + ver->n_parts; part++)
		m->bytes += struct_size(part->rules, rule, part->rules->n) +
			    dash_classifier_bytes(part->cls);
}

static void dash_memory_sym(struct dash_net *dn, const struct dash_sym *sym,
			    struct dash_memory *m, bool next)
{
	const struct dash_row *row = next ? dash_sym_next(sym) :
					    dash_dereference(dn, sym->cur);

	if (!row)
		return;
	m[DASH_MEMORY_KIND_ROW].objects++;
	m[DASH_MEMORY_KIND_ROW].bytes += dash_memory_of_row(sym, row);
	switch (sym->type) {
	case DASH_OBJECT_TYPE_VNET:
		dash_memory_vnet(dn, sym->data, m, next);
		break;
	case DASH_OBJECT_TYPE_ROUTE_GROUP:
		dash_memory_routes(sym->data, m, next);
		break;
	case DASH_OBJECT_TYPE_ACL_GROUP:
		dash_memory_acl(dn, sym->data, &m[DASH_MEMORY_KIND_ACL_GROUP],
				next);
		break;
	}
}

static void dash_memory_counters(struct dash_net *dn, struct dash_memory *m)
{
	m->objects = atomic_read(&dn->counters.nelems);
	m->bytes = dn->counter_bytes + dash_rhashtable_bytes(&dn->counters);
}

static void dash_memory_flows(struct dash_flow_table *ft,
			      struct dash_memory *m)
{
	u32 i;

	m->objects = atomic_read(&ft->count);
	m->bytes = sizeof(*ft) + ft->n_shards * sizeof(*ft->shards) +
		   m->objects * sizeof(struct dash_flow) +
		   atomic_read(&ft->acts.nelems) * sizeof(struct dash_flow_act) +
		   dash_rhashtable_bytes(&ft->acts) + dash_nat_bytes(ft) +
		   dash_rhashtable_bytes(&ft->nat);
	for (i = 0; i < ft->n_shards; i++)
		m->bytes += dash_rhashtable_bytes(&ft->shards[i].ht);
}

void dash_memory_sum(struct dash_net *dn,
		     struct dash_memory m[DASH_MEMORY_KIND_MAX + 1])
{
	struct dash_memory *groups = &m[DASH_MEMORY_KIND_ACL_GROUP];
	struct dash_flow_table *ft;
	struct dash_sym *sym;
	unsigned long id;
	int type;

	memset(m, 0, (DASH_MEMORY_KIND_MAX + 1) * sizeof(*m));
	/* what all groups look tags up in */
	groups->bytes = dash_tag_bytes(&dn->tags[0]) +
			dash_tag_bytes(&dn->tags[1]);
	for (type = 0; type < DASH_OBJECT_TYPES; type++) {
		mutex_lock(&dn->lock);
		xa_for_each(&dn->by_id[type], id, sym) {
			dash_memory_sym(dn, sym, m, false);
			cond_resched();
		}
		mutex_unlock(&dn->lock);
	}
	mutex_lock(&dn->lock);
	ft = dash_dereference(dn, dn->ft);
	if (ft)
		dash_memory_flows(ft, &m[DASH_MEMORY_KIND_FLOW]);
	dash_memory_counters(dn, &m[DASH_MEMORY_KIND_COUNTER]);
	mutex_unlock(&dn->lock);
}

/* What a kind is called in messages. */
static const char * const dash_memory_names[DASH_MEMORY_KIND_MAX + 1] = {
	[DASH_MEMORY_KIND_ROW] = "rows",
	[DASH_MEMORY_KIND_MAPPING] = "mappings",
	[DASH_MEMORY_KIND_HOST] = "hosts",
	[DASH_MEMORY_KIND_ROUTE] = "routes",
	[DASH_MEMORY_KIND_ACTION] = "actions of routes",
	[DASH_MEMORY_KIND_ACL_GROUP] = "ACL groups",
	[DASH_MEMORY_KIND_COUNTER] = "counters",
};

/* All kinds that are configuration, but rows, by their tables of objects. */
static void dash_memory_objects(struct dash_net *dn, struct dash_memory *m)
{
	static const u8 types[] = {
		DASH_OBJECT_TYPE_VNET, DASH_OBJECT_TYPE_ROUTE_GROUP,
		DASH_OBJECT_TYPE_ACL_GROUP,
	};
	struct dash_sym *sym;
	unsigned long id;
	int i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		xa_for_each(&dn->by_id[types[i]], id, sym) {
			dash_memory_sym(dn, sym, m, true);
			cond_resched();
		}
}

/* What all groups look tags up in, as it is to be. */
static size_t dash_memory_tags(const struct dash_txn *txn)
{
	size_t bytes = 0;
	int v6;

	for (v6 = 0; v6 < 2; v6++)
		bytes += txn->tags[v6] ? dash_tag_txn_bytes(txn->tags[v6]) :
					 dash_tag_bytes(&txn->dn->tags[v6]);
	return bytes;
}

int dash_memory_check(struct dash_txn *txn)
{
	struct dash_memory m[DASH_MEMORY_KIND_MAX + 1] = {};
	struct dash_net *dn = txn->dn;
	const struct dash_inst *inst = dn->next_inst ?:
				       dash_dereference(dn, dn->inst);
	struct dash_row *row;
	struct dash_sym *sym;
	u64 bytes = 0;
	int i, max = 0;

	if (!inst->max_memory || !txn->adds)
		return 0;
	m[DASH_MEMORY_KIND_ACL_GROUP].bytes = dash_memory_tags(txn);
	dash_memory_objects(dn, m);
	dash_memory_counters(dn, &m[DASH_MEMORY_KIND_COUNTER]);
	/* of rows there may be too many to visit them all */
	m[DASH_MEMORY_KIND_ROW].bytes = dn->row_bytes;
	list_for_each_entry(sym, &txn->syms, staged_list) {
		row = dash_dereference(dn, sym->cur);
		m[DASH_MEMORY_KIND_ROW].bytes -= dash_memory_of_row(sym, row);
		m[DASH_MEMORY_KIND_ROW].bytes += dash_memory_of_row(sym,
								    sym->next);
	}
	/* nothing was counted of connections, which are no configuration */
	for (i = 0; i <= DASH_MEMORY_KIND_MAX; i++) {
		bytes += m[i].bytes;
		if (m[i].bytes > m[max].bytes)
			max = i;
	}
	if (bytes <= inst->max_memory)
		return 0;
	return dash_txn_fail(txn, -EDQUOT,
			     "the configuration would take %llu bytes, of which %s %llu; max_memory is %llu",
			     bytes, dash_memory_names[max], m[max].bytes,
			     inst->max_memory);
}
