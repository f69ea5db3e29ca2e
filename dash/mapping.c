// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * The mappings of a VNET change together. The set has a generation, which a
 * reader reads once, and those that a change concerns are marked::
 *
 *   gen 7:   10.0.0.2 removed by 8 -> A     visible
 *            10.0.0.2 added by 8   -> B     not yet
 *   gen := 8 makes B visible and A invisible, at once
 *
 * So a change of any size is one store for readers, and an aborted one was
 * never visible. A grace period later nobody reads in generation 7: marks are
 * taken off, so that a bit of the generation is enough to tell whose they are,
 * and removed mappings are unlinked. Another one later their place is used
 * again, or given back, from a work.
 *
 * Memory: 41 bytes per mapping in struct dash_pool, 11 per mapping for the
 * buckets, and what hosts need, which are few.
 */
#include <linux/prefetch.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/ipv6.h>

#include "addr.h"
#include "config.h"
#include "counter.h"
#include "mapping.h"
#include "vnet.h"

#define DASH_MAPPING_MARKS	(DASH_MAPPING_ADDED | DASH_MAPPING_REMOVED | \
				 DASH_MAPPING_ODD)

/* Sets are freed and places given back where nobody waits. */
static struct workqueue_struct *dash_mapping_wq;

/* Is a mapping valid in a generation, the present one or the next? */
static bool dash_mapping_is_in(const struct dash_mapping *m, u32 gen)
{
	u8 flags = READ_ONCE(m->flags);

	if (likely(!(flags & (DASH_MAPPING_ADDED | DASH_MAPPING_REMOVED))))
		return true;
	if (!(flags & DASH_MAPPING_ODD) == !(gen & 1))
		return !(flags & DASH_MAPPING_REMOVED);
	return !(flags & DASH_MAPPING_ADDED);
}

static u32 dash_mapping_hash(const struct in6_addr *ip, u32 seed)
{
	return __ipv6_addr_jhash(ip, seed);
}

static u32 dash_mapping_hash_node(const struct dash_htab_node *node, u32 seed)
{
	return dash_mapping_hash(&container_of(node, struct dash_mapping,
					       node)->ip, seed);
}

/* All at once: the table does not look at its entries any more. */
static void dash_mapping_set_free_work(struct work_struct *work)
{
	struct dash_mapping_set *set;
	struct dash_ptrs_chunk *c;

	set = container_of(work, struct dash_mapping_set, free);
	dash_htab_fini(&set->table);
	dash_pool_fini(&set->pool);
	dash_hosts_fini(&set->hosts);
	while ((c = dash_ptrs_take(&set->added)) ||
	       (c = dash_ptrs_take(&set->removed)) ||
	       (c = dash_ptrs_take(&set->buried))) {
		dash_ptrs_free(c);
		cond_resched();
	}
	kvfree(set);
}

struct dash_mapping_set *dash_mapping_set_alloc(void)
{
	struct dash_mapping_set *set;

	BUILD_BUG_ON(sizeof(struct dash_mapping) != 40);

	set = kvzalloc(sizeof(*set), GFP_KERNEL_ACCOUNT);
	if (!set)
		return NULL;
	if (dash_htab_init(&set->table, dash_mapping_hash_node))
		goto free_set;
	if (dash_hosts_init(&set->hosts))
		goto fini_table;
	dash_pool_init(&set->pool, sizeof(struct dash_mapping));
	INIT_LIST_HEAD(&set->grave);
	INIT_WORK(&set->free, dash_mapping_set_free_work);
	xa_init(&set->counters);
	set->gen = 1;
	return set;

fini_table:
	dash_htab_fini(&set->table);
free_set:
	kvfree(set);
	return NULL;
}

void dash_mapping_set_free(struct dash_mapping_set *set)
{
	struct dash_counter *counter;
	unsigned long id;

	if (!set)
		return;
	xa_for_each(&set->counters, id, counter)
		dash_counter_drop(counter);
	xa_destroy(&set->counters);
	list_del(&set->grave);
	queue_work(dash_mapping_wq, &set->free);
}

static struct dash_mapping *dash_mapping_find(struct dash_mapping_set *set,
					      const struct in6_addr *ip,
					      u32 gen)
{
	u32 hash = dash_mapping_hash(ip, set->table.seed);
	struct dash_htab_node *node;
	struct dash_mapping *m;
	unsigned int seq;

	do {
		seq = read_seqbegin(&set->table.move);
		dash_htab_for_each(node, &set->table, hash) {
			m = container_of(node, struct dash_mapping, node);
			if (ipv6_addr_equal(&m->ip, ip) &&
			    dash_mapping_is_in(m, gen))
				return m;
		}
	} while (read_seqretry(&set->table.move, seq));
	return NULL;
}

const struct dash_mapping *dash_mapping_lookup(const struct dash_vnet *vnet,
					       const struct in6_addr *ip)
{
	struct dash_mapping_set *set = rcu_dereference(vnet->set);

	/* pairs with the store in dash_mapping_publish() */
	return dash_mapping_find(set, ip, smp_load_acquire(&set->gen));
}

const void *dash_mapping_ahead(const struct dash_vnet *vnet,
			       const struct in6_addr *ip)
{
	const struct dash_mapping_set *set = rcu_dereference(vnet->set);
	const void *slot;

	slot = dash_htab_slot(&set->table,
			      dash_mapping_hash(ip, set->table.seed));
	prefetch(slot);
	return slot;
}

void dash_mapping_prefetch(const void *slot)
{
	struct dash_htab_node __rcu *const *head = slot;

	prefetch(container_of(rcu_access_pointer(*head), struct dash_mapping,
			      node));
}

static struct dash_mapping_set *dash_mapping_set_of(const struct dash_mapping *m)
{
	return container_of(dash_pool_of(m), struct dash_mapping_set, pool);
}

/* Under RCU, or of a mapping that is counted. */
static struct dash_host *dash_mapping_get_host(const struct dash_mapping *m)
{
	return xa_load(&dash_mapping_set_of(m)->hosts.by_id, m->host);
}

const struct dash_host *dash_mapping_host(const struct dash_mapping *m)
{
	return dash_mapping_get_host(m);
}

struct dash_counter *dash_mapping_counter(const struct dash_mapping *m)
{
	if (likely(!(READ_ONCE(m->flags) & DASH_MAPPING_COUNTED)))
		return NULL;
	return xa_load(&dash_mapping_set_of(m)->counters, m->id);
}

bool dash_mapping_has_pa(const struct dash_vnet *vnet,
			 const struct in6_addr *addr)
{
	struct dash_mapping_set *set = rcu_dereference(vnet->set);

	return dash_hosts_has_pa(&set->hosts, addr);
}

const struct dash_mapping *dash_mapping_next(const struct dash_vnet *vnet,
					     unsigned long *pos)
{
	struct dash_mapping_set *set = rcu_dereference(vnet->set);
	/* pairs with the store in dash_mapping_publish() */
	u32 gen = smp_load_acquire(&set->gen);
	struct dash_mapping *m;

	while ((m = dash_pool_next(&set->pool, pos)))
		/* pairs with dash_mapping_new(): all else was set before */
		if (smp_load_acquire(&m->host) && dash_mapping_is_in(m, gen))
			return m;
	return NULL;
}

/* Have places used again when no reader can be there any more. */
static void dash_mapping_bury(struct dash_net *dn,
			      struct dash_mapping_set *set,
			      struct dash_ptrs *dead)
{
	if (!dead->head)
		return;
	dash_ptrs_splice(&set->buried, dead);
	set->cookie = get_state_synchronize_rcu();
	if (list_empty(&set->grave))
		list_add_tail(&set->grave, &dn->graves);
	queue_rcu_work(dash_mapping_wq, &dn->undertaker);
}

/* Some places at a time, so that changes need not wait. Return: false when
 * there is nothing to do at present.
 */
static bool dash_mapping_dig(struct dash_net *dn)
{
	struct dash_mapping_set *set, *tmp;
	struct dash_ptrs_chunk *c = NULL;
	unsigned long i;

	mutex_lock(&dn->lock);
	list_for_each_entry_safe(set, tmp, &dn->graves, grave) {
		if (!poll_state_synchronize_rcu(set->cookie)) {
			queue_rcu_work(dash_mapping_wq, &dn->undertaker);
			continue;
		}
		c = dash_ptrs_take(&set->buried);
		for (i = 0; i < c->n; i++)
			dash_pool_free(&set->pool, c->ptr[i]);
		if (!set->buried.head)
			list_del_init(&set->grave);
		break;
	}
	mutex_unlock(&dn->lock);
	if (!c)
		return false;
	dash_ptrs_free(c);
	return true;
}

static void dash_mapping_undertaker(struct work_struct *work)
{
	struct dash_net *dn = container_of(to_rcu_work(work), struct dash_net,
					   undertaker);

	while (dash_mapping_dig(dn))
		cond_resched();
}

void dash_mapping_net_init(struct dash_net *dn)
{
	INIT_LIST_HEAD(&dn->graves);
	INIT_RCU_WORK(&dn->undertaker, dash_mapping_undertaker);
}

void dash_mapping_net_fini(struct dash_net *dn)
{
	/* sets that are freed leave the list; one run may have been due */
	flush_rcu_work(&dn->undertaker);
}

int dash_mapping_module_init(void)
{
	int err = dash_htab_module_init();

	if (err)
		return err;
	dash_mapping_wq = alloc_workqueue("dash_mapping", WQ_UNBOUND, 0);
	if (!dash_mapping_wq) {
		dash_htab_module_exit();
		return -ENOMEM;
	}
	return 0;
}

void dash_mapping_module_exit(void)
{
	destroy_workqueue(dash_mapping_wq);
	dash_htab_module_exit();
}

/* Nobody finds it any more, neither by address nor in walks. */
static void dash_mapping_unlink(struct dash_mapping_set *set,
				struct dash_mapping *m)
{
	if (m->flags & DASH_MAPPING_COUNTED)
		dash_counter_drop(xa_erase(&set->counters, m->id));
	WRITE_ONCE(m->host, 0);
	dash_htab_del(&set->table, &m->node);
}

static struct dash_mapping_set *dash_vnet_stage(struct dash_txn *txn,
						struct dash_vnet *vnet)
{
	if (!vnet->staged) {
		vnet->staged = true;
		vnet->next = dash_dereference(txn->dn, vnet->set);
		list_add(&vnet->list, &txn->vnets);
	} else {
		list_move(&vnet->list, &txn->vnets);
	}
	txn->types |= BIT(DASH_OBJECT_TYPE_MAPPING);
	return vnet->next;
}

/* Mark a mapping as one that the change under way adds or removes. */
static void dash_mapping_mark(const struct dash_mapping_set *set,
			      struct dash_mapping *m, u8 mark)
{
	u8 odd = set->gen & 1 ? 0 : DASH_MAPPING_ODD;

	WRITE_ONCE(m->flags, m->flags | mark | odd);
}

static void dash_mapping_unmark(struct dash_mapping *m)
{
	WRITE_ONCE(m->flags, m->flags & ~DASH_MAPPING_MARKS);
}

/* Take the address's mapping, if any, out of the end state. */
static int dash_mapping_stage_del(struct dash_mapping_set *set,
				  const struct in6_addr *ip)
{
	struct dash_mapping *m;
	int err;

	rcu_read_lock();
	m = dash_mapping_find(set, ip, set->gen + 1);
	rcu_read_unlock();
	if (!m)
		return 0;

	if (!(m->flags & DASH_MAPPING_ADDED)) {
		err = dash_ptrs_add(&set->removed, m);
		if (err)
			return err;
	}
	dash_mapping_mark(set, m, DASH_MAPPING_REMOVED);
	dash_host_count(&set->hosts, dash_mapping_get_host(m), -1);
	set->count--;
	/* One that was added just now stays in the list of those, but not in the
	 * chain, which many of one address would make long.
	 */
	if (m->flags & DASH_MAPPING_ADDED)
		dash_mapping_unlink(set, m);
	return 0;
}

static struct dash_mapping *dash_mapping_new(struct dash_mapping_set *set,
					     const struct in6_addr *ip,
					     const struct nlattr *mac,
					     const struct dash_host *host,
					     struct dash_counter *counter)
{
	struct dash_mapping *m = dash_pool_alloc(&set->pool);

	if (!m)
		return NULL;
	if (dash_ptrs_add(&set->added, m)) {
		dash_pool_free(&set->pool, m);
		return NULL;
	}
	m->ip = *ip;
	m->id = ++set->next_id;
	m->flags = 0;
	if (mac) {
		memcpy(m->mac, nla_data(mac), ETH_ALEN);
		m->flags = DASH_MAPPING_HAS_MAC;
	}
	if (counter) {
		/* without, the place waits for the end of the change */
		if (xa_err(xa_store(&set->counters, m->id, counter,
				    GFP_KERNEL_ACCOUNT)))
			return NULL;
		dash_counter_use(counter);
		m->flags |= DASH_MAPPING_COUNTED;
	}
	dash_mapping_mark(set, m, DASH_MAPPING_ADDED);
	/* pairs with dash_mapping_next() */
	smp_store_release(&m->host, host->id);
	return m;
}

static int dash_mapping_stage_set(struct dash_mapping_set *set,
				  const struct in6_addr *ip,
				  const struct dash_row *row)
{
	const struct nlattr *mac = dash_row_get(row, DASH_A_MAPPING_MAC);
	struct dash_host *host;
	struct dash_mapping *m;
	int err;

	host = dash_host_get(&set->hosts, row);
	if (!host)
		return -ENOMEM;
	err = dash_mapping_stage_del(set, ip);
	if (err)
		return err;
	m = dash_mapping_new(set, ip, mac, host, row->counter);
	if (!m)
		return -ENOMEM;
	dash_htab_add(&set->table, &m->node);
	dash_host_count(&set->hosts, host, 1);
	set->count++;
	return 0;
}

int dash_mapping_stage(struct dash_txn *txn, struct dash_row *row)
{
	struct dash_mapping_set *set;
	const struct nlattr *nla = dash_row_get(row, DASH_A_MAPPING_VNET);
	struct dash_vnet *last;
	char name[DASH_NAME_LEN];
	struct in6_addr ip;
	struct dash_sym *sym;

	/* mostly that of the row before */
	last = list_first_entry_or_null(&txn->vnets, struct dash_vnet, list);
	if (last && !nla_strcmp(nla, last->name)) {
		set = last->next;
		goto stage;
	}

	nla_strscpy(name, nla, sizeof(name));
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
stage:
	dash_nla_addr(dash_row_get(row, DASH_A_MAPPING_IP), &ip);
	return row->del ? dash_mapping_stage_del(set, &ip) :
			  dash_mapping_stage_set(set, &ip, row);
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

/* Some mapping of the end state that the change adds. */
static struct dash_mapping *dash_mapping_some(struct dash_mapping_set *set)
{
	struct dash_ptrs_chunk *c;
	struct dash_mapping *m;
	unsigned long i;

	for (c = set->added.head; c; c = c->next) {
		for (i = c->n; i; i--) {
			m = c->ptr[i - 1];
			if (m->host)
				return m;
		}
	}
	return NULL;
}

int dash_mapping_check(struct dash_txn *txn)
{
	struct dash_mapping *m;
	struct dash_vnet *vnet;

	list_for_each_entry(vnet, &txn->vnets, list) {
		if (dash_sym_next(vnet->sym) || !vnet->next->count)
			continue;
		m = dash_mapping_some(vnet->next);
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

static void dash_mapping_set_undo(struct dash_net *dn,
				  struct dash_mapping_set *set)
{
	struct dash_ptrs_chunk *c;
	struct dash_mapping *m;
	unsigned long i;

	for (; (c = dash_ptrs_take(&set->removed)); dash_ptrs_free(c)) {
		for (i = 0; i < c->n; i++) {
			m = c->ptr[i];
			dash_mapping_unmark(m);
			dash_host_count(&set->hosts, dash_mapping_get_host(m),
					1);
			set->count++;
		}
		cond_resched();
	}
	for (c = set->added.head; c; c = c->next) {
		for (i = 0; i < c->n; i++) {
			m = c->ptr[i];
			if (!m->host)
				continue;
			dash_host_count(&set->hosts, dash_mapping_get_host(m),
					-1);
			set->count--;
			dash_mapping_unlink(set, m);
		}
		cond_resched();
	}
	dash_mapping_bury(dn, set, &set->added);
	dash_hosts_reap(&set->hosts);
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
		dash_mapping_set_undo(txn->dn, set);
		dash_vnet_put_unused(txn->dn, vnet->sym);
	}
}

void dash_mapping_publish(struct dash_txn *txn)
{
	struct dash_mapping_set *set;
	struct dash_vnet *vnet;

	list_for_each_entry(vnet, &txn->vnets, list) {
		set = vnet->next;
		dash_hosts_publish(&set->hosts);
		/* pairs with readers' load: what it makes visible is there */
		smp_store_release(&set->gen, set->gen + 1);
		vnet->old = dash_dereference(txn->dn, vnet->set);
		if (vnet->old == set)
			vnet->old = NULL;
		else
			rcu_assign_pointer(vnet->set, set);
		vnet->next = NULL;
		/* pairs with dash_action_map() and dash_decide_inbound() */
		dash_policy_advance(&vnet->gen, &vnet->marks, txn->policy);
		txn->marked = true;
	}
}

/* Nobody reads in the generation before any more. */
static void dash_mapping_set_reap(struct dash_net *dn,
				  struct dash_mapping_set *set)
{
	struct dash_ptrs dead = {}, live;
	struct dash_ptrs_chunk *c;
	struct dash_mapping *m;
	unsigned long i, n;

	for (c = set->removed.head; c; c = c->next) {
		for (i = 0; i < c->n; i++)
			dash_mapping_unlink(set, c->ptr[i]);
		cond_resched();
	}
	dash_ptrs_splice(&dead, &set->removed);

	live = set->added;
	set->added.head = NULL;
	while ((c = dash_ptrs_take(&live))) {
		/* what was removed again is kept in the chunk */
		for (i = 0, n = 0; i < c->n; i++) {
			m = c->ptr[i];
			if (m->host)
				dash_mapping_unmark(m);
			else
				c->ptr[n++] = m;
		}
		c->n = n;
		if (n) {
			c->next = dead.head;
			dead.head = c;
		} else {
			dash_ptrs_free(c);
		}
		cond_resched();
	}
	dash_mapping_bury(dn, set, &dead);
	dash_hosts_reap(&set->hosts);
}

void dash_mapping_reap(struct dash_txn *txn)
{
	struct dash_vnet *vnet, *tmp;

	list_for_each_entry_safe(vnet, tmp, &txn->vnets, list) {
		list_del(&vnet->list);
		vnet->staged = false;
		dash_mapping_set_reap(txn->dn,
				      dash_dereference(txn->dn, vnet->set));
		dash_mapping_set_free(vnet->old);
		vnet->old = NULL;
	}
}
