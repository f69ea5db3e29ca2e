// SPDX-License-Identifier: GPL-2.0
/* Inbound route rules of an ENI. */
#include <linux/slab.h>
#include <linux/sort.h>

#include "addr.h"
#include "config.h"
#include "eni.h"
#include "parse.h"
#include "route.h"

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
	rule->counter = row->counter;
	rule->any = !addr;
	if (addr) {
		dash_nla_addr(addr, &rule->addr);
		rule->plen = dash_row_u8(row, DASH_A_ROUTE_RULE_LEN, 0) +
			     (nla_len(addr) == 4 ? 96 : 0);
	}
	rule->vni = dash_row_u32(row, DASH_A_ROUTE_RULE_VNI, 0);
	rule->priority = dash_row_u32(row, DASH_A_ROUTE_RULE_PRIORITY, 0);
	rule->protocol = dash_row_u8(row, DASH_A_ROUTE_RULE_PROTOCOL, 0);
	rule->meter_or = dash_row_u32(row, DASH_A_ROUTE_RULE_METERING_CLASS_OR,
				      0);
	rule->meter_and = dash_row_u32(row,
				       DASH_A_ROUTE_RULE_METERING_CLASS_AND,
				       U32_MAX);
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
