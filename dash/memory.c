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
#include "flow_impl.h"
#include "lpm.h"
#include "mapping.h"
#include "memory.h"
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

static void dash_memory_row(const struct dash_sym *sym,
			    const struct dash_row *row, struct dash_memory *m)
{
	m->objects++;
	m->bytes += sizeof(*sym) + strlen(sym->name) + 1 +
		    struct_size(row, data, row->len) +
		    row->n_refs * sizeof(*row->refs);
}

static void dash_memory_vnet(struct dash_net *dn, const struct dash_vnet *vnet,
			     struct dash_memory *m)
{
	struct dash_mapping_set *set = dash_dereference(dn, vnet->set);
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
			       struct dash_memory *m)
{
	struct dash_memory *actions = &m[DASH_MEMORY_KIND_ACTION];
	struct dash_memory *routes = &m[DASH_MEMORY_KIND_ROUTE];
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		routes->objects += dash_lpm_count(&group->lpm[v6]);
		routes->bytes += dash_lpm_bytes(&group->lpm[v6]);
	}
	actions->objects += atomic_read(&group->by_content.nelems);
	actions->bytes += group->bytes +
			  dash_rhashtable_bytes(&group->by_content);
}

static void dash_memory_acl(struct dash_net *dn,
			    const struct dash_acl_group *group,
			    struct dash_memory *m)
{
	const struct dash_acl_version *ver = dash_dereference(dn, group->cur);
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
			    struct dash_memory *m)
{
	const struct dash_row *row = dash_dereference(dn, sym->cur);

	if (!row)
		return;
	dash_memory_row(sym, row, &m[DASH_MEMORY_KIND_ROW]);
	switch (sym->type) {
	case DASH_OBJECT_TYPE_VNET:
		dash_memory_vnet(dn, sym->data, m);
		break;
	case DASH_OBJECT_TYPE_ROUTE_GROUP:
		dash_memory_routes(sym->data, m);
		break;
	case DASH_OBJECT_TYPE_ACL_GROUP:
		dash_memory_acl(dn, sym->data, &m[DASH_MEMORY_KIND_ACL_GROUP]);
		break;
	}
}

static void dash_memory_flows(struct dash_flow_table *ft,
			      struct dash_memory *m)
{
	u32 i;

	m->objects = atomic_read(&ft->count);
	m->bytes = sizeof(*ft) + ft->n_shards * sizeof(*ft->shards) +
		   m->objects * sizeof(struct dash_flow) +
		   atomic_read(&ft->acts.nelems) * sizeof(struct dash_flow_act) +
		   dash_rhashtable_bytes(&ft->acts);
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
			dash_memory_sym(dn, sym, m);
			cond_resched();
		}
		mutex_unlock(&dn->lock);
	}
	mutex_lock(&dn->lock);
	ft = dash_dereference(dn, dn->ft);
	if (ft)
		dash_memory_flows(ft, &m[DASH_MEMORY_KIND_FLOW]);
	mutex_unlock(&dn->lock);
}
