// SPDX-License-Identifier: GPL-2.0
/*
 * A group is compiled whole whenever one of its rules, one of the tags they
 * name or the group itself changes, and swapped by one pointer.
 */
#include <linux/slab.h>
#include <linux/sort.h>

#include "aclgroup.h"
#include "classifier.h"
#include "config.h"
#include "nl_gen.h"

struct dash_acl_group *dash_aclgroup_alloc(struct dash_sym *sym)
{
	struct dash_acl_group *group;

	group = kzalloc(sizeof(*group), GFP_KERNEL_ACCOUNT);
	if (!group)
		return NULL;
	group->sym = sym;
	group->name = sym->name;
	return group;
}

static void dash_acl_version_free(struct dash_acl_version *ver)
{
	if (!ver)
		return;
	dash_classifier_free(ver->cls);
	kvfree(ver);
}

void dash_aclgroup_free(struct dash_acl_group *group)
{
	dash_acl_version_free(group->next);
	dash_acl_version_free(rcu_dereference_protected(group->cur, true));
	kfree(group);
}

/* Everything that building a version needs, freed when it is built. */
struct dash_acl_build {
	struct dash_txn *txn;
	/* rules in order, as rows */
	struct dash_row **row;
	/* the same as the classifier wants them */
	struct dash_cls_rule *rule;
	u32 n;
	/* arrays that the rules point to */
	void **mem;
	u32 n_mem, max_mem;
	bool v6;
};

static void *dash_build_alloc(struct dash_acl_build *b, size_t n, size_t size)
{
	void *p;

	if (b->n_mem == b->max_mem)
		return NULL;
	p = kvcalloc(n, size, GFP_KERNEL_ACCOUNT);
	if (p)
		b->mem[b->n_mem++] = p;
	return p;
}

static bool dash_acl_row_is_v6(const struct dash_row *row, int attr)
{
	return dash_row_u8(row, attr, 0) == DASH_IP_VERSION_IPV6;
}

static u32 dash_row_count(const struct dash_row *row, int attr)
{
	const struct nlattr *nla;
	int rem;
	u32 n = 0;

	dash_row_for_each(nla, row, rem)
		n += nla_type(nla) == attr;
	return n;
}

/* The prefixes in attributes @attr of @row; -EINVAL for the other family. */
static int dash_build_prefixes(struct dash_acl_build *b,
			       const struct dash_row *row, int attr,
			       struct dash_prefix_set *set)
{
	struct nlattr *tb[DASH_A_PREFIX_MAX + 1];
	unsigned int len = b->v6 ? 16 : 4;
	const struct nlattr *nla;
	struct dash_prefix *p;
	u32 n;
	int rem;

	n = dash_row_count(row, attr);
	set->n = 0;
	set->p = NULL;
	if (!n)
		return 0;
	p = dash_build_alloc(b, n, sizeof(*p));
	if (!p)
		return -ENOMEM;
	set->p = p;

	dash_row_for_each(nla, row, rem) {
		if (nla_type(nla) != attr)
			continue;
		/* checked when the row came */
		nla_parse_nested(tb, DASH_A_PREFIX_MAX, nla,
				 dash_prefix_nl_policy, NULL);
		if (nla_len(tb[DASH_A_PREFIX_ADDR]) != len)
			return -EINVAL;
		memcpy(p->b, nla_data(tb[DASH_A_PREFIX_ADDR]), len);
		p->plen = nla_get_u8(tb[DASH_A_PREFIX_LEN]);
		p++;
		set->n++;
	}
	return 0;
}

/* One side's prefix list and tags together. */
static int dash_build_side(struct dash_acl_build *b, struct dash_row *row,
			   int addr_attr, int tag_attr,
			   const struct dash_prefix_set **setp, u32 *np,
			   bool *any)
{
	const char *side = addr_attr == DASH_A_ACL_RULE_SRC_ADDR ? "src" : "dst";
	u32 n_tags = dash_row_count(row, tag_attr);
	struct dash_prefix_set *set;
	const struct nlattr *nla;
	struct dash_sym *tag;
	int rem, err;
	u32 n = 0;

	*any = !n_tags && !dash_row_get(row, addr_attr);
	if (*any)
		return 0;

	set = dash_build_alloc(b, n_tags + 1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	*setp = set;

	b->txn->row = row;
	err = dash_build_prefixes(b, row, addr_attr, &set[n++]);
	if (err == -EINVAL)
		return dash_txn_fail(b->txn, err,
				     "%s_addr is not of the group's ip_version",
				     side);
	if (err)
		return err;

	dash_row_for_each(nla, row, rem) {
		if (nla_type(nla) != tag_attr)
			continue;
		tag = dash_sym_of_nla(b->txn->dn, DASH_OBJECT_TYPE_TAG, nla);
		if (WARN_ON_ONCE(!tag || !dash_sym_next(tag)))
			return -ENOENT;
		err = dash_build_prefixes(b, dash_sym_next(tag),
					  DASH_A_TAG_PREFIX, &set[n]);
		if (err == -EINVAL ||
		    (!err && dash_acl_row_is_v6(dash_sym_next(tag),
						DASH_A_TAG_IP_VERSION) != b->v6))
			return dash_txn_fail(b->txn, -EINVAL,
					     "%s_tag: %s is not of the group's ip_version",
					     side, tag->name);
		if (err)
			return err;
		n++;
	}
	*np = n;
	return 0;
}

static int dash_build_ports(struct dash_acl_build *b, struct dash_row *row,
			    int attr, const struct dash_port_range **rangep,
			    u32 *np)
{
	struct nlattr *tb[DASH_A_PORT_RANGE_MAX + 1];
	struct dash_port_range *range;
	const struct nlattr *nla;
	int rem;

	*np = dash_row_count(row, attr);
	if (!*np)
		return 0;
	range = dash_build_alloc(b, *np, sizeof(*range));
	if (!range)
		return -ENOMEM;
	*rangep = range;
	dash_row_for_each(nla, row, rem) {
		if (nla_type(nla) != attr)
			continue;
		nla_parse_nested(tb, DASH_A_PORT_RANGE_MAX, nla,
				 dash_port_range_nl_policy, NULL);
		range->lo = nla_get_u16(tb[DASH_A_PORT_RANGE_LO]);
		range->hi = nla_get_u16(tb[DASH_A_PORT_RANGE_HI]);
		range++;
	}
	return 0;
}

static int dash_build_rule(struct dash_acl_build *b, struct dash_row *row,
			   struct dash_cls_rule *rule)
{
	const struct nlattr *nla;
	u8 *proto;
	int rem, err;
	u32 n;

	n = dash_row_count(row, DASH_A_ACL_RULE_PROTOCOL);
	if (n) {
		proto = dash_build_alloc(b, n, sizeof(*proto));
		if (!proto)
			return -ENOMEM;
		rule->protos = proto;
		rule->n_protos = n;
		dash_row_for_each(nla, row, rem)
			if (nla_type(nla) == DASH_A_ACL_RULE_PROTOCOL)
				*proto++ = nla_get_u8(nla);
	}

	err = dash_build_side(b, row, DASH_A_ACL_RULE_SRC_ADDR,
			      DASH_A_ACL_RULE_SRC_TAG, &rule->src,
			      &rule->n_src_sets, &rule->src_any);
	if (!err)
		err = dash_build_side(b, row, DASH_A_ACL_RULE_DST_ADDR,
				      DASH_A_ACL_RULE_DST_TAG, &rule->dst,
				      &rule->n_dst_sets, &rule->dst_any);
	if (!err)
		err = dash_build_ports(b, row, DASH_A_ACL_RULE_SRC_PORT,
				       &rule->sport, &rule->n_sport);
	if (!err)
		err = dash_build_ports(b, row, DASH_A_ACL_RULE_DST_PORT,
				       &rule->dport, &rule->n_dport);
	return err;
}

static int dash_row_cmp_priority(const void *a, const void *b)
{
	u32 pa = dash_row_u32(*(struct dash_row **)a, DASH_A_ACL_RULE_PRIORITY, 0);
	u32 pb = dash_row_u32(*(struct dash_row **)b, DASH_A_ACL_RULE_PRIORITY, 0);

	return pa < pb ? -1 : pa > pb;
}

/* Rules of the end state in order; a priority twice is an error. */
static int dash_build_order(struct dash_acl_build *b, struct dash_sym *group)
{
	struct dash_row *row, *other;
	struct dash_sym *sym;
	u32 n = 0, i;

	list_for_each_entry(sym, &group->children, sibling)
		n += !!dash_sym_next(sym);
	if (n > DASH_CLS_MAX_RULES)
		return dash_txn_fail(b->txn, -E2BIG,
				     "%u rules, more than the %u possible",
				     n, DASH_CLS_MAX_RULES);

	b->n = n;
	b->row = kvcalloc(n + 1, sizeof(*b->row), GFP_KERNEL_ACCOUNT);
	b->rule = kvcalloc(n + 1, sizeof(*b->rule), GFP_KERNEL_ACCOUNT);
	if (!b->row || !b->rule)
		return -ENOMEM;

	n = 0;
	list_for_each_entry(sym, &group->children, sibling) {
		row = dash_sym_next(sym);
		if (!row)
			continue;
		b->row[n++] = row;
		/* protocols, ports of two sides, sets and prefixes of two */
		b->max_mem += 7 + dash_row_count(row, DASH_A_ACL_RULE_SRC_TAG) +
			      dash_row_count(row, DASH_A_ACL_RULE_DST_TAG);
	}
	b->mem = kvcalloc(b->max_mem + 1, sizeof(*b->mem), GFP_KERNEL_ACCOUNT);
	if (!b->mem)
		return -ENOMEM;
	sort(b->row, n, sizeof(*b->row), dash_row_cmp_priority, NULL);

	for (i = 1; i < n; i++) {
		if (dash_row_cmp_priority(&b->row[i - 1], &b->row[i]))
			continue;
		row = b->row[i];
		other = b->row[i - 1];
		/* blame the one that the change brings */
		if (!row->sym->staged)
			swap(row, other);
		b->txn->row = row;
		return dash_txn_fail(b->txn, -EEXIST,
				     "priority %u is also that of rule %s",
				     dash_row_u32(row, DASH_A_ACL_RULE_PRIORITY, 0),
				     other->sym->name);
	}
	return 0;
}

static struct dash_acl_version *dash_build(struct dash_acl_build *b,
					   struct dash_row *group)
{
	struct dash_acl_version *ver;
	struct dash_acl_rule *r;
	u32 i;
	int err;

	for (i = 0; i < b->n; i++) {
		err = dash_build_rule(b, b->row[i], &b->rule[i]);
		if (err)
			return ERR_PTR(err);
		cond_resched();
	}

	ver = kvzalloc(struct_size(ver, rule, b->n), GFP_KERNEL_ACCOUNT);
	if (!ver)
		return ERR_PTR(-ENOMEM);
	ver->n = b->n;
	ver->allow = dash_row_u8(group, DASH_A_ACL_GROUP_DEFAULT_ACTION,
				 DASH_ACL_ACTION_DENY) == DASH_ACL_ACTION_ALLOW;
	for (i = 0; i < b->n; i++) {
		r = &ver->rule[i];
		r->row = b->row[i];
		r->priority = dash_row_u32(r->row, DASH_A_ACL_RULE_PRIORITY, 0);
		r->allow = dash_row_u8(r->row, DASH_A_ACL_RULE_ACTION, 0) ==
			   DASH_ACL_ACTION_ALLOW;
		r->terminating = dash_row_u8(r->row,
					     DASH_A_ACL_RULE_TERMINATING, 0);
		r->counter = dash_row_u8(r->row, DASH_A_ACL_RULE_COUNTER, 0);
	}

	ver->cls = dash_classifier_build(b->v6 ? 128 : 32, b->rule, b->n,
					 GFP_KERNEL_ACCOUNT);
	if (IS_ERR(ver->cls)) {
		err = PTR_ERR(ver->cls);
		kvfree(ver);
		b->txn->row = group;
		return ERR_PTR(dash_txn_fail(b->txn, err, err == -E2BIG ?
					     "the rules need more memory than a group may have" :
					     "the rules cannot be compiled"));
	}
	return ver;
}

static int dash_aclgroup_compile(struct dash_txn *txn,
				 struct dash_acl_group *group)
{
	struct dash_row *row = dash_sym_next(group->sym);
	struct dash_acl_version *ver;
	struct dash_acl_build b = {
		.txn = txn,
		.v6 = dash_acl_row_is_v6(row, DASH_A_ACL_GROUP_IP_VERSION),
	};
	int err;

	txn->row = row;
	err = dash_build_order(&b, group->sym);
	if (!err) {
		ver = dash_build(&b, row);
		if (IS_ERR(ver))
			err = PTR_ERR(ver);
		else
			group->next = ver;
	}
	txn->row = NULL;

	while (b.n_mem)
		kvfree(b.mem[--b.n_mem]);
	kvfree(b.mem);
	kvfree(b.rule);
	kvfree(b.row);
	return err;
}

int dash_aclgroup_check_bind(struct dash_txn *txn, struct dash_sym *bind)
{
	static const u16 attr[2] = { DASH_A_ACL_BIND_V4_GROUP,
				     DASH_A_ACL_BIND_V6_GROUP };
	struct dash_row *row = dash_sym_next(bind);
	struct dash_sym *group;
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		group = dash_sym_of_nla(txn->dn, DASH_OBJECT_TYPE_ACL_GROUP,
					dash_row_get(row, attr[v6]));
		if (group && dash_acl_row_is_v6(dash_sym_next(group),
						DASH_A_ACL_GROUP_IP_VERSION) != v6)
			return dash_txn_fail(txn, -EINVAL,
					     "%s_acl_group_id: group %s is of the other ip_version",
					     v6 ? "v6" : "v4", group->name);
	}
	return 0;
}

/* A group that stays bound keeps its family. */
int dash_aclgroup_check(struct dash_txn *txn, struct dash_sym *sym)
{
	const struct dash_ref *ref;
	int err;

	list_for_each_entry(ref, &sym->refs, list) {
		if (dash_sym_next(ref->row->sym) != ref->row)
			continue;
		err = dash_aclgroup_check_bind(txn, ref->row->sym);
		if (err)
			return err;
	}
	return 0;
}

static void dash_aclgroup_dirty(struct dash_txn *txn, struct dash_sym *sym)
{
	struct dash_acl_group *group = sym->data;

	if (!dash_sym_next(sym) || group->dirty)
		return;
	group->dirty = true;
	list_add_tail(&group->list, &txn->acl_groups);
}

int dash_aclgroup_prepare(struct dash_txn *txn)
{
	struct dash_acl_group *group;
	const struct dash_ref *ref;
	struct dash_sym *sym;
	int err;

	list_for_each_entry(sym, &txn->syms, staged_list) {
		switch (sym->type) {
		case DASH_OBJECT_TYPE_ACL_GROUP:
			dash_aclgroup_dirty(txn, sym);
			break;
		case DASH_OBJECT_TYPE_ACL_RULE:
			dash_aclgroup_dirty(txn, sym->parent);
			break;
		case DASH_OBJECT_TYPE_TAG:
			list_for_each_entry(ref, &sym->refs, list)
				if (dash_sym_next(ref->row->sym) == ref->row)
					dash_aclgroup_dirty(txn,
							    ref->row->sym->parent);
			break;
		}
	}

	list_for_each_entry(group, &txn->acl_groups, list) {
		err = dash_aclgroup_compile(txn, group);
		if (err)
			return err;
	}
	return 0;
}

void dash_aclgroup_unprepare(struct dash_txn *txn)
{
	struct dash_acl_group *group, *tmp;

	list_for_each_entry_safe(group, tmp, &txn->acl_groups, list) {
		list_del(&group->list);
		group->dirty = false;
		dash_acl_version_free(group->next);
		group->next = NULL;
	}
}

void dash_aclgroup_publish(struct dash_txn *txn)
{
	struct dash_acl_group *group;

	list_for_each_entry(group, &txn->acl_groups, list) {
		group->old = dash_dereference(txn->dn, group->cur);
		rcu_assign_pointer(group->cur, group->next);
		group->next = NULL;
	}
}

void dash_aclgroup_reap(struct dash_txn *txn)
{
	struct dash_acl_group *group, *tmp;

	list_for_each_entry_safe(group, tmp, &txn->acl_groups, list) {
		list_del(&group->list);
		group->dirty = false;
		dash_acl_version_free(group->old);
		group->old = NULL;
	}
}
