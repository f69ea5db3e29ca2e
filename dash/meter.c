// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * The class of a connection belongs to the decision about it. Each table that
 * decides adds bits (or) or keeps some (and); where nothing is left, the ENI's
 * policy tells by the address of the other side::
 *
 *   route, mapping, tunnel -+
 *   route rule (inbound)   -+-> or & and --0--> policy --> class --> counters
 *
 * A decision points to the counters, so a packet without a class costs nothing,
 * and one with a class a line of the cache that no other CPU writes.
 *
 * Which classes will arise cannot be told from the tables. Counters are made
 * when a class is met for the first time, as many as DASH wants of an ENI; all
 * further ones share one. They belong to the ENI and go with it: what changes
 * policies does not concern them.
 *
 * A policy decides by priority, not by the longest prefix, but those that match
 * an address are nested. So every prefix is compiled to the best rule among
 * itself and those around it, and a lookup is that of the longest prefix.
 */
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ipv6.h>

#include "addr.h"
#include "config.h"
#include "eni.h"
#include "explain.h"
#include "meter.h"
#include "parse.h"

/* --- counters --- */

static struct dash_meter *dash_meter_new(u32 class, gfp_t gfp)
{
	struct dash_meter *meter;
	unsigned int i;

	meter = kzalloc(struct_size(meter, cpu, nr_cpu_ids), gfp);
	if (!meter)
		return NULL;
	meter->class = class;
	for (i = 0; i < nr_cpu_ids; i++)
		u64_stats_init(&meter->cpu[i].syncp);
	return meter;
}

int dash_meters_init(struct dash_meters *meters)
{
	xa_init_flags(&meters->by_class, XA_FLAGS_LOCK_BH);
	atomic_set(&meters->n, 0);
	meters->rest = dash_meter_new(0, GFP_KERNEL_ACCOUNT);
	return meters->rest ? 0 : -ENOMEM;
}

void dash_meters_fini(struct dash_meters *meters)
{
	struct dash_meter *meter;
	unsigned long class;

	xa_for_each(&meters->by_class, class, meter) {
		kfree(meter);
		cond_resched();
	}
	xa_destroy(&meters->by_class);
	kfree(meters->rest);
}

void dash_meter_read(const struct dash_meter *meter,
		     struct dash_meter_sum *sum)
{
	const struct dash_meter_cpu *c;
	struct dash_meter_sum part;
	unsigned int start;
	int cpu, i;

	memset(sum, 0, sizeof(*sum));
	if (!meter)
		return;
	for_each_possible_cpu(cpu) {
		c = &meter->cpu[cpu];
		do {
			start = u64_stats_fetch_begin(&c->syncp);
			for (i = 0; i < 2; i++) {
				part.packets[i] = u64_stats_read(&c->packets[i]);
				part.bytes[i] = u64_stats_read(&c->bytes[i]);
			}
		} while (u64_stats_fetch_retry(&c->syncp, start));
		for (i = 0; i < 2; i++) {
			sum->packets[i] += part.packets[i];
			sum->bytes[i] += part.bytes[i];
		}
	}
}

u32 dash_meter_len(const struct dash_pkt *pkt, u32 *frames)
{
	u32 len = pkt->skb->len - pkt->inner_eth, hlen, size;
	struct skb_shared_info *info = skb_shinfo(pkt->skb);
	const struct tcphdr *th;

	*frames = 1;
	if (!skb_is_gso(pkt->skb) || info->gso_size == GSO_BY_FRAGS)
		return len;
	hlen = pkt->inner_l4 - pkt->inner_eth;
	if (info->gso_type & (SKB_GSO_TCPV4 | SKB_GSO_TCPV6)) {
		th = (struct tcphdr *)(pkt->skb->data + pkt->inner_l4);
		hlen += th->doff * 4;
	} else if (info->gso_type & SKB_GSO_UDP_L4) {
		hlen += sizeof(struct udphdr);
	} else {
		return len;
	}
	size = info->gso_size;
	if (len > hlen)
		*frames = DIV_ROUND_UP(len - hlen, size);
	return len + (*frames - 1) * hlen;
}

/* The first connection of a class. */
static noinline struct dash_meter *dash_meter_add(struct dash_meters *meters,
						  u32 class)
{
	struct dash_meter *meter;

	if (atomic_inc_return(&meters->n) > DASH_METER_CLASSES)
		goto uncharge;
	meter = dash_meter_new(class, GFP_ATOMIC | __GFP_NOWARN);
	if (!meter)
		goto uncharge;
	if (!xa_insert_bh(&meters->by_class, class, meter,
			  GFP_ATOMIC | __GFP_NOWARN))
		return meter;
	kfree(meter);

uncharge:
	atomic_dec(&meters->n);
	/* maybe another CPU was first */
	return xa_load(&meters->by_class, class) ?: meters->rest;
}

/* --- the class of a connection --- */

static const struct dash_meter_rule *
dash_meter_lookup(const struct dash_pkt *pkt)
{
	const struct dash_meter_policy *policy;
	const struct dash_meter_rules *rules;
	const struct in6_addr *addr;
	u32 i;
	u8 plen;

	addr = pkt->dir == DASH_DIRECTION_OUTBOUND ? &pkt->t.dst : &pkt->t.src;
	policy = pkt->ecfg->meter[!dash_addr_is_v4(addr)];
	if (!policy)
		return NULL;
	rules = rcu_dereference(policy->rules);
	if (!rules)
		return NULL;
	i = dash_lpm_lookup(&rules->lpm, dash_addr_bytes(addr), &plen);
	return i == DASH_LPM_NONE ? NULL : &rules->rule[i];
}

struct dash_meter *dash_meter_get(const struct dash_pkt *pkt,
				  const struct dash_metering *m)
{
	struct dash_meters *meters = &pkt->eni->meters;
	const struct dash_meter_rule *rule = NULL;
	u32 class = m->or & m->and;
	struct dash_meter *meter;

	if (!class || m->policy) {
		rule = dash_meter_lookup(pkt);
		if (rule)
			class = rule->class;
	}
	if (unlikely(pkt->rec)) {
		pkt->rec->meter_rule = rule;
		pkt->rec->metering_class = class;
		return NULL;
	}
	if (!class)
		return NULL;
	meter = xa_load(&meters->by_class, class);
	return meter ?: dash_meter_add(meters, class);
}

/* --- policies --- */

struct dash_meter_policy *dash_meter_policy_alloc(struct dash_sym *sym)
{
	struct dash_meter_policy *policy;

	policy = kzalloc(sizeof(*policy), GFP_KERNEL_ACCOUNT);
	if (policy)
		policy->sym = sym;
	return policy;
}

static void dash_meter_rules_free(struct dash_meter_rules *rules)
{
	if (!rules)
		return;
	dash_lpm_fini(&rules->lpm);
	kvfree(rules);
}

void dash_meter_policy_free(struct dash_meter_policy *policy)
{
	dash_meter_rules_free(policy->old);
	dash_meter_rules_free(policy->next);
	dash_meter_rules_free(rcu_dereference_protected(policy->rules, true));
	kfree(policy);
}

static int dash_meter_rule_cmp(const void *a, const void *b)
{
	const struct dash_meter_rule *x = a, *y = b;

	return memcmp(&x->addr, &y->addr, sizeof(x->addr)) ?:
	       (int)x->plen - y->plen;
}

/* Lowest priority, longest prefix, lowest number. */
static bool dash_meter_is_better(const struct dash_meter_rule *a,
				 const struct dash_meter_rule *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority;
	if (a->plen != b->plen)
		return a->plen > b->plen;
	return a->num < b->num;
}

static int dash_meter_rule_parse(struct dash_txn *txn,
				 struct dash_meter_rule *rule,
				 const struct dash_row *row, bool v6)
{
	const struct nlattr *addr = dash_row_get(row, DASH_A_METER_RULE_ADDR);
	struct in6_addr whole;

	if (v6 != (nla_len(addr) == sizeof(whole))) {
		txn->row = row;
		return dash_txn_fail(txn, -EINVAL,
				     "ip_prefix: not of the policy's ip_version");
	}
	rule->row = row;
	rule->plen = dash_row_u8(row, DASH_A_METER_RULE_LEN, 0) + (v6 ? 0 : 96);
	dash_nla_addr(addr, &whole);
	ipv6_addr_prefix(&rule->addr, &whole, rule->plen);
	rule->class = dash_row_u32(row, DASH_A_METER_RULE_CLASS, 0);
	rule->priority = dash_row_u32(row, DASH_A_METER_RULE_PRIORITY, 0);
	rule->num = dash_row_u32(row, DASH_A_METER_RULE_NUM, 0);
	return 0;
}

/* Those before a prefix in order are around it, or over before it begins. */
static void dash_meter_nest(struct dash_meter_rules *rules, u32 i)
{
	struct dash_meter_rule *r = rules->rule, *rule = &r[i];
	u32 up = i ? i - 1 : i;

	rule->up = i;
	rule->best = i;
	while (up != i && !ipv6_prefix_equal(&r[up].addr, &rule->addr,
					     r[up].plen))
		up = r[up].up == up ? i : r[up].up;
	if (up == i)
		return;
	rule->up = up;
	if (dash_meter_is_better(&r[r[up].best], rule))
		rule->best = r[up].best;
}

static int dash_meter_compile(struct dash_meter_rules *rules)
{
	struct dash_meter_rule *rule;
	struct dash_lpm_txn lpm;
	int err = 0;
	u32 i, old;

	sort(rules->rule, rules->n, sizeof(rules->rule[0]), dash_meter_rule_cmp,
	     NULL);
	dash_lpm_begin(&lpm, &rules->lpm);
	for (i = 0; i < rules->n && !err; i++) {
		dash_meter_nest(rules, i);
		rule = &rules->rule[i];
		err = dash_lpm_set(&lpm, dash_addr_bytes(&rule->addr),
				   dash_addr_is_v4(&rule->addr) ?
				   rule->plen - 96 : rule->plen,
				   rule->best, &old);
		cond_resched();
	}
	if (err) {
		dash_lpm_abort(&lpm);
		return err;
	}
	/* nobody can be reading it yet */
	dash_lpm_publish(&lpm);
	dash_lpm_reap(&lpm);
	return 0;
}

static int dash_meter_prepare_policy(struct dash_txn *txn, struct dash_sym *sym)
{
	bool v6 = dash_row_is_v6(dash_sym_next(sym),
				 DASH_A_METER_POLICY_IP_VERSION);
	struct dash_meter_policy *policy = sym->data;
	struct dash_meter_rules *rules;
	struct dash_sym *child;
	u32 n = 0;
	int err;

	list_for_each_entry(child, &sym->children, sibling)
		n += !!dash_sym_next(child);
	rules = kvzalloc(struct_size(rules, rule, n), GFP_KERNEL_ACCOUNT);
	if (!rules)
		return -ENOMEM;
	dash_lpm_init(&rules->lpm, v6 ? 128 : 32);
	list_for_each_entry(child, &sym->children, sibling) {
		if (!dash_sym_next(child))
			continue;
		err = dash_meter_rule_parse(txn, &rules->rule[rules->n++],
					    dash_sym_next(child), v6);
		if (err)
			goto free_rules;
	}
	err = dash_meter_compile(rules);
	if (err)
		goto free_rules;
	policy->next = rules;
	return 0;

free_rules:
	dash_meter_rules_free(rules);
	return err;
}

#define dash_for_each_policy(dn, id, sym)				\
	xa_for_each(&(dn)->by_id[DASH_OBJECT_TYPE_METER_POLICY], id, sym)

/* Most transactions leave all policies alone. */
static bool dash_meter_is_concerned(const struct dash_txn *txn)
{
	return txn->types & (BIT(DASH_OBJECT_TYPE_METER_POLICY) |
			     BIT(DASH_OBJECT_TYPE_METER_RULE));
}

int dash_meter_prepare(struct dash_txn *txn)
{
	struct dash_sym *sym;
	unsigned long id;
	int err;

	if (!dash_meter_is_concerned(txn))
		return 0;
	dash_for_each_policy(txn->dn, id, sym) {
		if (!dash_sym_next(sym) || (!sym->staged && !sym->dirty))
			continue;
		err = dash_meter_prepare_policy(txn, sym);
		if (err)
			return err;
	}
	return 0;
}

void dash_meter_unprepare(struct dash_txn *txn)
{
	struct dash_meter_policy *policy;
	struct dash_sym *sym;
	unsigned long id;

	if (!dash_meter_is_concerned(txn))
		return;
	dash_for_each_policy(txn->dn, id, sym) {
		policy = sym->data;
		if (!policy)
			continue;
		dash_meter_rules_free(policy->next);
		policy->next = NULL;
	}
}

void dash_meter_publish(struct dash_txn *txn)
{
	struct dash_meter_policy *policy;
	struct dash_sym *sym;
	unsigned long id;

	if (!dash_meter_is_concerned(txn))
		return;
	dash_for_each_policy(txn->dn, id, sym) {
		policy = sym->data;
		if (!policy || !policy->next)
			continue;
		policy->old = dash_dereference(txn->dn, policy->rules);
		rcu_assign_pointer(policy->rules, policy->next);
		policy->next = NULL;
	}
}

void dash_meter_reap(struct dash_txn *txn)
{
	struct dash_meter_policy *policy;
	struct dash_sym *sym;
	unsigned long id;

	if (!dash_meter_is_concerned(txn))
		return;
	dash_for_each_policy(txn->dn, id, sym) {
		policy = sym->data;
		if (!policy)
			continue;
		dash_meter_rules_free(policy->old);
		policy->old = NULL;
	}
}
