// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * The mappings of a VNET change together. Each carries the generations in
 * which it is valid, and a reader compares them with the set's generation,
 * which it reads once::
 *
 *   gen 7:   10.0.0.2 [3,∞) -> A     visible
 *            10.0.0.2 [8,∞) -> B     staged by a change under way
 *   gen := 8 makes B visible and A (now [3,8)) invisible, at once
 *
 * So a change of any size is one store for readers, and an aborted one was
 * never visible. What a change replaced is unlinked a grace period later.
 *
 * Mappings that lead to the same host share it. The provider addresses of all
 * hosts are the set that inbound packets' outer sources are checked against.
 */
#include <linux/jhash.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "addr.h"
#include "config.h"
#include "mapping.h"
#include "vnet.h"

#define DASH_ALIVE	U32_MAX

struct dash_mapping_key {
	struct in6_addr ip;
	u32 gen;
};

static int dash_mapping_cmpfn(struct rhashtable_compare_arg *arg,
			      const void *obj)
{
	const struct dash_mapping_key *key = arg->key;
	const struct dash_mapping *m = obj;

	return !ipv6_addr_equal(&key->ip, &m->ip) || key->gen < m->born ||
	       key->gen >= READ_ONCE(m->died);
}

static const struct rhashtable_params dash_mapping_params = {
	.head_offset = offsetof(struct dash_mapping, node),
	.key_offset = offsetof(struct dash_mapping, ip),
	.key_len = sizeof(struct in6_addr),
	.obj_cmpfn = dash_mapping_cmpfn,
	.automatic_shrinking = true,
};

static const struct rhashtable_params dash_pa_params = {
	.head_offset = offsetof(struct dash_pa, node),
	.key_offset = offsetof(struct dash_pa, addr),
	.key_len = sizeof(struct in6_addr),
	.automatic_shrinking = true,
};

struct dash_mapping_set *dash_mapping_set_alloc(void)
{
	struct dash_mapping_set *set;

	set = kvzalloc(sizeof(*set), GFP_KERNEL_ACCOUNT);
	if (!set)
		return NULL;
	if (rhashtable_init(&set->table, &dash_mapping_params))
		goto free_set;
	if (rhashtable_init(&set->pas, &dash_pa_params))
		goto destroy_table;
	xa_init(&set->by_id);
	hash_init(set->by_content);
	set->gen = 1;
	return set;

destroy_table:
	rhashtable_destroy(&set->table);
free_set:
	kvfree(set);
	return NULL;
}

static void dash_mapping_free_fn(void *ptr, void *arg)
{
	kfree(ptr);
}

/* No reader is left. */
void dash_mapping_set_free(struct dash_mapping_set *set)
{
	struct hlist_node *tmp;
	struct dash_host *host;
	int bkt;

	if (!set)
		return;
	rhashtable_free_and_destroy(&set->table, dash_mapping_free_fn, NULL);
	rhashtable_free_and_destroy(&set->pas, dash_mapping_free_fn, NULL);
	hash_for_each_safe(set->by_content, bkt, tmp, host, node)
		kfree(host);
	xa_destroy(&set->by_id);
	kvfree(set);
}

static struct dash_mapping *dash_mapping_find(struct dash_mapping_set *set,
					      const struct in6_addr *ip,
					      u32 gen)
{
	struct dash_mapping_key key = { .ip = *ip, .gen = gen };

	return rhashtable_lookup(&set->table, &key, dash_mapping_params);
}

const struct dash_mapping *dash_mapping_lookup(const struct dash_vnet *vnet,
					       const struct in6_addr *ip)
{
	struct dash_mapping_set *set = rcu_dereference(vnet->set);

	/* pairs with the store in dash_mapping_publish() */
	return dash_mapping_find(set, ip, smp_load_acquire(&set->gen));
}

bool dash_mapping_has_pa(const struct dash_vnet *vnet,
			 const struct in6_addr *addr)
{
	struct dash_mapping_set *set = rcu_dereference(vnet->set);
	struct dash_pa *pa;

	pa = rhashtable_lookup(&set->pas, addr, dash_pa_params);
	return pa && READ_ONCE(pa->count);
}

const struct dash_mapping *dash_mapping_next(const struct dash_vnet *vnet,
					     unsigned long *id)
{
	struct dash_mapping_set *set = rcu_dereference(vnet->set);
	/* pairs with the store in dash_mapping_publish() */
	u32 gen = smp_load_acquire(&set->gen);
	struct dash_mapping *m;

	/* ids begin with 1 */
	while ((m = xa_find_after(&set->by_id, id, ULONG_MAX, XA_PRESENT)))
		if (gen >= m->born && gen < READ_ONCE(m->died))
			return m;
	return NULL;
}

static struct dash_pa *dash_pa_get(struct dash_mapping_set *set,
				   const struct in6_addr *addr)
{
	struct dash_pa *pa;

	pa = rhashtable_lookup_fast(&set->pas, addr, dash_pa_params);
	if (!pa) {
		pa = kzalloc(sizeof(*pa), GFP_KERNEL_ACCOUNT);
		if (!pa)
			return NULL;
		pa->addr = *addr;
		if (rhashtable_insert_fast(&set->pas, &pa->node,
					   dash_pa_params)) {
			kfree(pa);
			return NULL;
		}
	}
	pa->next++;
	return pa;
}

static void dash_pa_put(struct dash_mapping_set *set, struct dash_pa *pa)
{
	if (!pa || --pa->next)
		return;
	rhashtable_remove_fast(&set->pas, &pa->node, dash_pa_params);
	kfree_rcu(pa, rcu);
}

static void dash_host_free(struct dash_mapping_set *set,
			   struct dash_host *host)
{
	dash_pa_put(set, host->pa[0]);
	dash_pa_put(set, host->pa[1]);
	hash_del(&host->node);
	kfree_rcu(host, rcu);
}

static bool dash_mapping_is_host_attr(int attr)
{
	return attr != DASH_A_MAPPING_VNET && attr != DASH_A_MAPPING_IP &&
	       attr != DASH_A_MAPPING_MAC;
}

static int dash_host_add_pa(struct dash_mapping_set *set,
			    struct dash_host *host, const struct nlattr *nla)
{
	struct in6_addr addr;
	struct dash_pa **pa;

	dash_nla_addr(nla, &addr);
	pa = &host->pa[!dash_addr_is_v4(&addr)];
	if (*pa)
		return 0;
	*pa = dash_pa_get(set, &addr);
	return *pa ? 0 : -ENOMEM;
}

static int dash_host_parse(struct dash_mapping_set *set,
			   struct dash_host *host, const struct dash_row *row)
{
	const struct nlattr *nla;
	int rem, err;

	dash_row_for_each(nla, row, rem) {
		switch (nla_type(nla)) {
		case DASH_A_MAPPING_UNDERLAY_IP:
		case DASH_A_MAPPING_UNDERLAY_IP6:
			err = dash_host_add_pa(set, host, nla);
			if (err)
				return err;
			break;
		case DASH_A_MAPPING_VNI:
			host->vni = nla_get_u32(nla);
			host->has_vni = true;
			break;
		case DASH_A_MAPPING_USE_DST_VNI:
			host->use_dst_vni = nla_get_u8(nla);
			break;
		}
	}
	return 0;
}

/* The host of a row, shared with mappings that agree in everything else. */
static struct dash_host *dash_host_get(struct dash_mapping_set *set,
				       const struct dash_row *row)
{
	struct dash_host *host, *old;
	const struct nlattr *nla;
	u32 len = 0, hash;
	int rem;

	dash_row_for_each(nla, row, rem)
		if (dash_mapping_is_host_attr(nla_type(nla)))
			len += NLA_ALIGN(nla->nla_len);
	host = kzalloc(struct_size(host, attrs, len), GFP_KERNEL_ACCOUNT);
	if (!host)
		return NULL;
	dash_row_for_each(nla, row, rem) {
		if (!dash_mapping_is_host_attr(nla_type(nla)))
			continue;
		memcpy(host->attrs + host->len, nla, nla->nla_len);
		host->len += NLA_ALIGN(nla->nla_len);
	}

	hash = jhash(host->attrs, host->len, 0);
	hash_for_each_possible(set->by_content, old, node, hash) {
		if (old->len == host->len &&
		    !memcmp(old->attrs, host->attrs, host->len)) {
			kfree(host);
			return old;
		}
	}
	hash_add(set->by_content, &host->node, hash);
	if (dash_host_parse(set, host, row)) {
		dash_host_free(set, host);
		return NULL;
	}
	return host;
}

static void dash_mapping_unlink(struct dash_mapping_set *set,
				struct dash_mapping *m)
{
	xa_erase(&set->by_id, m->id);
	rhashtable_remove_fast(&set->table, &m->node, dash_mapping_params);
	kfree_rcu(m, rcu);
}

static struct dash_mapping_set *dash_vnet_stage(struct dash_txn *txn,
						struct dash_vnet *vnet)
{
	if (!vnet->staged) {
		vnet->staged = true;
		vnet->next = dash_dereference(txn->dn, vnet->set);
		list_add_tail(&vnet->list, &txn->vnets);
	}
	txn->types |= BIT(DASH_OBJECT_TYPE_MAPPING);
	return vnet->next;
}

/* Take the address's mapping, if any, out of the end state. */
static void dash_mapping_stage_del(struct dash_mapping_set *set,
				   const struct in6_addr *ip)
{
	u32 gen = set->gen + 1;
	struct dash_mapping *m;

	rcu_read_lock();
	m = dash_mapping_find(set, ip, gen);
	rcu_read_unlock();
	if (!m)
		return;
	m->host->count--;
	set->count--;
	if (m->born == gen) {
		/* still in the list of added ones, but out of a table that
		 * bears few entries of one address
		 */
		WRITE_ONCE(m->died, gen);
		rhashtable_remove_fast(&set->table, &m->node,
				       dash_mapping_params);
		return;
	}
	WRITE_ONCE(m->died, gen);
	m->link = set->removed;
	set->removed = m;
}

static int dash_mapping_stage_set(struct dash_mapping_set *set,
				  const struct in6_addr *ip,
				  const struct dash_row *row)
{
	const struct nlattr *mac = dash_row_get(row, DASH_A_MAPPING_MAC);
	struct dash_host *host;
	struct dash_mapping *m;
	int err;

	m = kzalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);
	if (!m)
		return -ENOMEM;
	host = dash_host_get(set, row);
	if (!host) {
		err = -ENOMEM;
		goto free_mapping;
	}

	m->ip = *ip;
	m->host = host;
	m->born = set->gen + 1;
	m->died = DASH_ALIVE;
	m->id = set->next_id + 1;
	if (mac) {
		memcpy(m->mac, nla_data(mac), ETH_ALEN);
		m->has_mac = true;
	}

	err = xa_insert(&set->by_id, m->id, m, GFP_KERNEL_ACCOUNT);
	if (err)
		goto put_host;
	dash_mapping_stage_del(set, ip);
	err = rhashtable_insert_fast(&set->table, &m->node,
				     dash_mapping_params);
	if (err)
		goto erase_id;
	set->next_id++;
	m->link = set->added;
	set->added = m;
	host->count++;
	set->count++;
	return 0;

erase_id:
	xa_erase(&set->by_id, m->id);
put_host:
	if (!host->count && !host->live)
		dash_host_free(set, host);
free_mapping:
	kfree(m);
	return err;
}

int dash_mapping_stage(struct dash_txn *txn, struct dash_row *row)
{
	struct dash_mapping_set *set;
	char name[DASH_NAME_LEN];
	struct in6_addr ip;
	struct dash_sym *sym;

	nla_strscpy(name, dash_row_get(row, DASH_A_MAPPING_VNET), sizeof(name));
	sym = row->del ? dash_sym_find(txn->dn, DASH_OBJECT_TYPE_VNET, name) :
			 dash_sym_get(txn->dn, DASH_OBJECT_TYPE_VNET, name);
	if (IS_ERR(sym))
		return PTR_ERR(sym);
	if (!sym || (row->del && !sym->data))
		return 0;
	if (!sym->data) {
		sym->data = dash_vnet_alloc(txn->dn, sym);
		if (!sym->data) {
			dash_sym_put(txn->dn, sym);
			return -ENOMEM;
		}
	}

	set = dash_vnet_stage(txn, sym->data);
	dash_nla_addr(dash_row_get(row, DASH_A_MAPPING_IP), &ip);
	if (!row->del)
		return dash_mapping_stage_set(set, &ip, row);
	dash_mapping_stage_del(set, &ip);
	return 0;
}

int dash_mapping_stage_clear(struct dash_txn *txn, struct dash_sym *sym)
{
	struct dash_vnet *vnet = sym->data;
	struct dash_mapping_set *set;

	if (!vnet)
		return 0;
	set = dash_mapping_set_alloc();
	if (!set)
		return -ENOMEM;
	dash_vnet_stage(txn, vnet);
	if (vnet->next != rcu_access_pointer(vnet->set))
		dash_mapping_set_free(vnet->next);
	vnet->next = set;
	return 0;
}

int dash_mapping_check(struct dash_txn *txn)
{
	struct dash_mapping *m;
	struct dash_vnet *vnet;

	list_for_each_entry(vnet, &txn->vnets, list) {
		if (dash_sym_next(vnet->sym) || !vnet->next->count)
			continue;
		for (m = vnet->next->added; m && m->died != DASH_ALIVE;)
			m = m->link;
		if (WARN_ON_ONCE(!m))
			return -ENOENT;
		if (dash_addr_is_v4(&m->ip))
			return dash_txn_fail(txn, -ENOENT,
					     "DASH_VNET_MAPPING_TABLE:%s:%pI4: DASH_VNET_TABLE:%s does not exist",
					     vnet->name, &m->ip.s6_addr32[3],
					     vnet->name);
		return dash_txn_fail(txn, -ENOENT,
				     "DASH_VNET_MAPPING_TABLE:%s:%pI6c: DASH_VNET_TABLE:%s does not exist",
				     vnet->name, &m->ip, vnet->name);
	}
	return 0;
}

static void dash_mapping_set_undo(struct dash_mapping_set *set)
{
	struct dash_mapping *m, *next;

	for (m = set->removed; m; m = next) {
		next = m->link;
		m->host->count++;
		set->count++;
		WRITE_ONCE(m->died, DASH_ALIVE);
	}
	set->removed = NULL;
	for (m = set->added; m; m = next) {
		next = m->link;
		if (m->died == DASH_ALIVE) {
			m->host->count--;
			set->count--;
		}
		dash_mapping_unlink(set, m);
		cond_resched();
	}
	set->added = NULL;
}

static void dash_mapping_drop_unused(struct dash_mapping_set *set)
{
	struct hlist_node *tmp;
	struct dash_host *host;
	int bkt;

	hash_for_each_safe(set->by_content, bkt, tmp, host, node)
		if (!host->count)
			dash_host_free(set, host);
}

void dash_mapping_unstage(struct dash_txn *txn)
{
	struct dash_mapping_set *set;
	struct dash_vnet *vnet, *tmp;

	list_for_each_entry_safe(vnet, tmp, &txn->vnets, list) {
		list_del(&vnet->list);
		vnet->staged = false;
		set = dash_dereference(txn->dn, vnet->set);
		if (vnet->next != set)
			dash_mapping_set_free(vnet->next);
		vnet->next = NULL;
		dash_mapping_set_undo(set);
		dash_mapping_drop_unused(set);
		dash_vnet_put_unused(txn->dn, vnet->sym);
	}
}

/* Count hosts in their PAs as the end state has them. */
static void dash_mapping_count_pas(struct dash_mapping_set *set)
{
	struct dash_host *host;
	int bkt, i;

	hash_for_each(set->by_content, bkt, host, node) {
		if (host->live == !!host->count)
			continue;
		host->live = host->count;
		for (i = 0; i < 2; i++)
			if (host->pa[i])
				WRITE_ONCE(host->pa[i]->count,
					   host->pa[i]->count +
					   (host->live ? 1 : -1));
	}
}

void dash_mapping_publish(struct dash_txn *txn)
{
	struct dash_mapping_set *set;
	struct dash_vnet *vnet;

	list_for_each_entry(vnet, &txn->vnets, list) {
		set = vnet->next;
		dash_mapping_count_pas(set);
		/* pairs with readers' load: what it makes visible is there */
		smp_store_release(&set->gen, set->gen + 1);
		vnet->old = dash_dereference(txn->dn, vnet->set);
		if (vnet->old == set)
			vnet->old = NULL;
		else
			rcu_assign_pointer(vnet->set, set);
		vnet->next = NULL;
		/* pairs with dash_action_map() and dash_decide_inbound() */
		smp_store_release(&vnet->gen, vnet->gen + 1);
	}
}

void dash_mapping_reap(struct dash_txn *txn)
{
	struct dash_mapping_set *set;
	struct dash_mapping *m, *next;
	struct dash_vnet *vnet, *tmp;

	list_for_each_entry_safe(vnet, tmp, &txn->vnets, list) {
		list_del(&vnet->list);
		vnet->staged = false;
		set = dash_dereference(txn->dn, vnet->set);
		for (m = set->removed; m; m = next) {
			next = m->link;
			dash_mapping_unlink(set, m);
			cond_resched();
		}
		set->removed = NULL;
		for (m = set->added; m; m = next) {
			next = m->link;
			m->link = NULL;
			if (m->died != DASH_ALIVE)
				dash_mapping_unlink(set, m);
			cond_resched();
		}
		set->added = NULL;
		dash_mapping_drop_unused(set);
		dash_mapping_set_free(vnet->old);
		vnet->old = NULL;
	}
}
