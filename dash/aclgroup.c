// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: ACL groups
 *
 * A version of a group is made of one or two parts, each with a classifier. It
 * is compiled whole into one part, which takes time for each prefix. Where that
 * would be long and little has changed since, the next version takes the part
 * over without the rules that went or changed, and compiles the new ones alone
 * into a second part::
 *
 *   version 1:  part 0: 10 20 30 40 50
 *   version 2:  part 0: 10 20  - 40 50   part 1: 25      (30 gone, 25 new)
 *   version 3:  part 0: 10  -  - 40 50   part 1: 20' 25  (20 changed)
 *
 * The best match of the two is the one with the lower priority number. When
 * part 1 has grown to a share of part 0, the group is compiled whole again, so
 * a change costs a share of that. Whatever changed, packets see it by one
 * pointer.
 */
#include <linux/minmax.h>
#include <linux/slab.h>

#include "aclgroup.h"
#include "aclgroup_build.h"
#include "classifier.h"
#include "config.h"
#include "nl_gen.h"
#include "radix.h"

/* Bytes of rows that are always compiled whole: it takes about a millisecond */
#define DASH_ACL_SMALL	(128 << 10)

/* Part 1 is at most this share of part 0 */
#define DASH_ACL_SHARE	32

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
	struct dash_acl_part *part;

	if (!ver)
		return;
	for (part = ver->part; part < ver->part + ver->n_parts; part++) {
		dash_classifier_free(part->cls);
		if (refcount_dec_and_test(&part->rules->ref))
			kvfree(part->rules);
	}
	kfree(ver);
}

void dash_aclgroup_free(struct dash_acl_group *group)
{
	dash_acl_version_free(group->next);
	dash_acl_version_free(rcu_dereference_protected(group->cur, true));
	kfree(group);
}

/* Rules of the end state, not in order. */
static int dash_acl_list(struct dash_txn *txn, struct dash_sym *group,
			 struct dash_acl_rule **rules, u32 *np)
{
	struct dash_acl_rule *r;
	struct dash_row *row;
	struct dash_sym *sym;
	u32 n = 0;

	list_for_each_entry(sym, &group->children, sibling)
		n += !!dash_sym_next(sym);
	if (n > DASH_CLS_MAX_RULES)
		return dash_txn_fail(txn, -E2BIG,
				     "%u rules, more than the %u possible",
				     n, DASH_CLS_MAX_RULES);
	r = kvcalloc(n + 1, sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (!r)
		return -ENOMEM;
	*rules = r;
	*np = n;
	list_for_each_entry(sym, &group->children, sibling) {
		row = dash_sym_next(sym);
		if (!row)
			continue;
		r->row = row;
		r->priority = dash_row_u32(row, DASH_A_ACL_RULE_PRIORITY, 0);
		r++;
	}
	return 0;
}

static u8 dash_acl_digit(const void *elem, unsigned int d)
{
	return ((const struct dash_acl_rule *)elem)->priority >> (8 * d);
}

static int dash_acl_sort(struct dash_acl_rule *rules, u32 n)
{
	struct dash_acl_rule *spare;

	spare = kvmalloc_array(n + 1, sizeof(*spare), GFP_KERNEL_ACCOUNT);
	if (!spare)
		return -ENOMEM;
	if (dash_radix_sort(rules, spare, n, sizeof(*rules), sizeof(u32),
			    dash_acl_digit) == spare)
		memcpy(rules, spare, n * sizeof(*rules));
	kvfree(spare);
	return 0;
}

/* Rules of the end state in order; a priority twice is an error. */
static int dash_acl_order(struct dash_txn *txn, struct dash_sym *group,
			  struct dash_acl_rule **rules, u32 *np)
{
	struct dash_row *row, *other;
	struct dash_acl_rule *r;
	u32 n, i;
	int err;

	err = dash_acl_list(txn, group, rules, np);
	if (err)
		return err;
	r = *rules;
	n = *np;
	err = dash_acl_sort(r, n);
	for (i = 1; i < n && !err; i++) {
		if (r[i - 1].priority != r[i].priority)
			continue;
		row = r[i].row;
		other = r[i - 1].row;
		/* blame the one that the change brings */
		if (!row->sym->staged)
			swap(row, other);
		txn->row = row;
		err = dash_txn_fail(txn, -EEXIST,
				    "priority %u is also that of rule %s",
				    r[i].priority, other->sym->name);
	}
	if (err)
		kvfree(r);
	return err;
}

/*
 * What differs from the rules of a part: its @dead ones, by index, and @fresh
 * ones. All are in order of priority.
 */
static void dash_acl_diff(const struct dash_acl_part *part,
			  const struct dash_acl_rule *rules, u32 n,
			  u32 *dead, u32 *n_dead,
			  struct dash_acl_rule *fresh, u32 *n_fresh)
{
	const struct dash_acl_rule *end = rules + n, *old;
	u32 i;

	*n_dead = 0;
	*n_fresh = 0;
	for (i = 0; i < part->rules->n; i++) {
		/* the row of a dead rule is gone, others are still there */
		if (!dash_classifier_has(part->cls, i))
			continue;
		old = &part->rules->rule[i];
		while (rules < end && rules->priority < old->priority)
			fresh[(*n_fresh)++] = *rules++;
		if (rules < end && rules->row == old->row)
			rules++;
		else
			dead[(*n_dead)++] = i;
	}
	while (rules < end)
		fresh[(*n_fresh)++] = *rules++;
}

static size_t dash_acl_size(const struct dash_acl_rule *rules, u32 n)
{
	size_t size = 0;
	u32 i;

	for (i = 0; i < n; i++)
		size += rules[i].row->len;
	return size;
}

static int dash_acl_add_part(struct dash_txn *txn, struct dash_row *group,
			     struct dash_acl_version *ver,
			     const struct dash_acl_rule *rules, u32 n)
{
	struct dash_acl_part *part = &ver->part[ver->n_parts];
	int err;

	part->rules = kvmalloc(struct_size(part->rules, rule, n),
			       GFP_KERNEL_ACCOUNT);
	if (!part->rules)
		return -ENOMEM;
	refcount_set(&part->rules->ref, 1);
	part->rules->n = n;
	part->rules->size = dash_acl_size(rules, n);
	memcpy(part->rules->rule, rules, n * sizeof(*rules));
	part->cls = dash_acl_build(txn, group, ver->v6, rules, n);
	if (IS_ERR(part->cls)) {
		err = PTR_ERR(part->cls);
		kvfree(part->rules);
		return err;
	}
	ver->n_parts++;
	ver->tags[0] |= dash_classifier_has_tags(part->cls, false);
	ver->tags[1] |= dash_classifier_has_tags(part->cls, true);
	return 0;
}

static int dash_acl_keep_part(struct dash_acl_version *ver,
			      const struct dash_acl_part *old,
			      const u32 *dead, u32 n_dead)
{
	struct dash_acl_part *part = &ver->part[ver->n_parts];

	part->cls = dash_classifier_without(old->cls, dead, n_dead,
					    GFP_KERNEL_ACCOUNT);
	if (!part->cls)
		return -ENOMEM;
	part->rules = old->rules;
	refcount_inc(&part->rules->ref);
	ver->n_parts++;
	ver->tags[0] |= dash_classifier_has_tags(part->cls, false);
	ver->tags[1] |= dash_classifier_has_tags(part->cls, true);
	return 0;
}

/* Parts of a new version, out of the old one if that saves time. */
static int dash_acl_make_parts(struct dash_txn *txn, struct dash_row *group,
			       struct dash_acl_version *ver,
			       const struct dash_acl_version *old,
			       const struct dash_acl_rule *rules, u32 n)
{
	const struct dash_acl_part *part;
	struct dash_acl_rule *fresh;
	u32 *dead, n_dead, n_fresh;
	int err = -ENOMEM;

	if (!old || old->v6 != ver->v6 ||
	    old->part[0].rules->size < DASH_ACL_SMALL)
		return dash_acl_add_part(txn, group, ver, rules, n);

	part = &old->part[0];
	fresh = kvmalloc_array(n + 1, sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	dead = kvmalloc_array(part->rules->n + 1, sizeof(*dead),
			      GFP_KERNEL_ACCOUNT);
	if (!fresh || !dead)
		goto out_free;
	dash_acl_diff(part, rules, n, dead, &n_dead, fresh, &n_fresh);
	/* what is left of part 0 is all but the fresh ones */
	if (n - n_fresh < part->rules->n / 2 ||
	    dash_acl_size(fresh, n_fresh) > part->rules->size / DASH_ACL_SHARE) {
		err = dash_acl_add_part(txn, group, ver, rules, n);
		goto out_free;
	}
	err = dash_acl_keep_part(ver, part, dead, n_dead);
	if (!err && n_fresh)
		err = dash_acl_add_part(txn, group, ver, fresh, n_fresh);
out_free:
	kvfree(dead);
	kvfree(fresh);
	return err;
}

static int dash_aclgroup_compile(struct dash_txn *txn,
				 struct dash_acl_group *group)
{
	struct dash_row *row = dash_sym_next(group->sym);
	struct dash_acl_version *ver, *old;
	struct dash_acl_rule *rules;
	int err;
	u32 n;

	txn->row = row;
	err = dash_acl_order(txn, group->sym, &rules, &n);
	if (err)
		goto out;

	err = -ENOMEM;
	ver = kzalloc(sizeof(*ver), GFP_KERNEL_ACCOUNT);
	if (!ver)
		goto out_free_rules;
	ver->v6 = dash_row_is_v6(row, DASH_A_ACL_GROUP_IP_VERSION);
	ver->allow = dash_row_u8(row, DASH_A_ACL_GROUP_DEFAULT_ACTION,
				 DASH_ACL_ACTION_DENY) == DASH_ACL_ACTION_ALLOW;
	old = dash_change_dereference(txn->dn, group->cur);
	err = dash_acl_make_parts(txn, row, ver, old, rules, n);
	if (err)
		dash_acl_version_free(ver);
	else
		group->next = ver;
out_free_rules:
	kvfree(rules);
out:
	txn->row = NULL;
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
		if (group && dash_row_is_v6(dash_sym_next(group),
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

static void dash_aclgroup_dirty(struct dash_txn *txn, struct dash_sym *sym,
				bool changed)
{
	struct dash_acl_group *group = sym->data;

	if (!dash_sym_next(sym))
		return;
	group->changed |= changed;
	if (group->dirty)
		return;
	group->dirty = true;
	list_add_tail(&group->list, &txn->acl_groups);
}

/* Groups of rules that name a tag; it stays of their family. */
static int dash_aclgroup_dirty_tag(struct dash_txn *txn, struct dash_sym *tag)
{
	struct dash_row *row = dash_sym_next(tag);
	const struct dash_ref *ref;
	struct dash_sym *group;

	list_for_each_entry(ref, &tag->refs, list) {
		if (dash_sym_next(ref->row->sym) != ref->row)
			continue;
		group = ref->row->sym->parent;
		if (row && dash_row_is_v6(row, DASH_A_TAG_IP_VERSION) !=
		    dash_row_is_v6(dash_sym_next(group),
				   DASH_A_ACL_GROUP_IP_VERSION)) {
			txn->row = ref->row;
			return dash_txn_fail(txn, -EINVAL,
					     "%s: %s is not of the group's ip_version",
					     ref->field, tag->name);
		}
		dash_aclgroup_dirty(txn, group, false);
	}
	return 0;
}

int dash_aclgroup_prepare(struct dash_txn *txn)
{
	struct dash_acl_group *group;
	struct dash_sym *sym;
	int err;

	list_for_each_entry(sym, &txn->syms, staged_list) {
		err = 0;
		if (sym->type == DASH_OBJECT_TYPE_ACL_GROUP)
			dash_aclgroup_dirty(txn, sym, true);
		else if (sym->type == DASH_OBJECT_TYPE_ACL_RULE)
			dash_aclgroup_dirty(txn, sym->parent, true);
		else if (sym->type == DASH_OBJECT_TYPE_TAG)
			err = dash_aclgroup_dirty_tag(txn, sym);
		if (err)
			return err;
	}

	list_for_each_entry(group, &txn->acl_groups, list) {
		if (!group->changed)
			continue;
		err = dash_aclgroup_compile(txn, group);
		if (err)
			return err;
	}
	return 0;
}

/* Nothing of the group is in the change any more. */
static void dash_aclgroup_clean(struct dash_acl_group *group)
{
	list_del(&group->list);
	group->dirty = false;
	group->changed = false;
}

void dash_aclgroup_unprepare(struct dash_txn *txn)
{
	struct dash_acl_group *group, *tmp;

	list_for_each_entry_safe(group, tmp, &txn->acl_groups, list) {
		dash_aclgroup_clean(group);
		dash_acl_version_free(group->next);
		group->next = NULL;
	}
}

void dash_aclgroup_publish(struct dash_txn *txn)
{
	struct dash_acl_group *group;

	list_for_each_entry(group, &txn->acl_groups, list) {
		if (!group->next)
			continue;
		group->old = dash_dereference(txn->dn, group->cur);
		rcu_assign_pointer(group->cur, group->next);
		group->next = NULL;
	}
}

void dash_aclgroup_reap(struct dash_txn *txn)
{
	struct dash_acl_group *group, *tmp;

	list_for_each_entry_safe(group, tmp, &txn->acl_groups, list) {
		dash_aclgroup_clean(group);
		dash_acl_version_free(group->old);
		group->old = NULL;
	}
}
