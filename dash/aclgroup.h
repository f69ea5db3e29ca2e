/* SPDX-License-Identifier: GPL-2.0 */
/* ACL groups and prefix tags: rules as configured and as compiled. */
#ifndef _DASH_ACLGROUP_H
#define _DASH_ACLGROUP_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>

struct dash_classifier;
struct dash_row;
struct dash_sym;
struct dash_txn;

/* What the classifier says about a rule that matches */
#define DASH_ACL_RULE_ALLOW		BIT(0)
#define DASH_ACL_RULE_TERMINATING	BIT(1)
#define DASH_ACL_RULE_COUNTER		BIT(2)

/* DASH_ACL_PARTS: most parts of a version */
#define DASH_ACL_PARTS	2

/**
 * struct dash_acl_rule - a compiled rule
 */
struct dash_acl_rule {
	/** @row: the rule as set; lives as long as versions that have it */
	struct dash_row *row;
	/** @priority: lowest first */
	u32 priority;
};

/**
 * struct dash_acl_rules - rules that were compiled together
 */
struct dash_acl_rules {
	/** @ref: parts of versions that use it */
	refcount_t ref;
	/** @n: number of rules */
	u32 n;
	/** @size: bytes of all rows, which compiling them took time for */
	size_t size;
	/** @rule: in order of priority */
	struct dash_acl_rule rule[];
};

/**
 * struct dash_acl_part - rules of a version, as compiled together
 */
struct dash_acl_part {
	/** @cls: finds the first rule that matches */
	struct dash_classifier *cls;
	/** @rules: the rules; @cls leaves out those that are no more */
	struct dash_acl_rules *rules;
};

/**
 * struct dash_acl_version - the rules of a group at one time
 *
 * Immutable once published; replaced whole. RCU.
 */
struct dash_acl_version {
	/** @part: what is left of the rules once compiled, and those since */
	struct dash_acl_part part[DASH_ACL_PARTS];
	/** @n_parts: length of @part */
	u8 n_parts;
	/** @v6: address family */
	bool v6;
	/** @tags: some rule names a tag [source, destination] */
	bool tags[2];
	/** @allow: verdict without a match; it is terminating */
	bool allow;
};

/**
 * struct dash_acl_group - an ACL group
 */
struct dash_acl_group {
	/** @sym: its name */
	struct dash_sym *sym;
	/** @name: the same for readers */
	const char *name;
	/** @cur: its rules, RCU, written under dash_net.lock */
	struct dash_acl_version __rcu *cur;
	/** @next: about to be published, under dash_net.lock */
	struct dash_acl_version *next;
	/** @old: replaced, until a grace period has passed */
	struct dash_acl_version *old;
	/** @list: in dash_txn.acl_groups */
	struct list_head list;
	/** @dirty: it is: its rules or tags of its rules change */
	bool dirty;
	/** @changed: its rules do */
	bool changed;
};

/**
 * dash_aclgroup_alloc - make a group without rules
 * @sym: its name
 *
 * Context: process.
 * Return: group or NULL.
 */
struct dash_acl_group *dash_aclgroup_alloc(struct dash_sym *sym);

/**
 * dash_aclgroup_free - free a group and its rules
 * @group: group; no reader is left
 */
void dash_aclgroup_free(struct dash_acl_group *group);

/**
 * dash_aclgroup_check - does a group fit where it is bound?
 * @txn: transaction
 * @sym: group; it exists in the end state
 *
 * Context: dash_net.lock held.
 * Return: 0, or -EINVAL when the group's family is not that of a bind.
 */
int dash_aclgroup_check(struct dash_txn *txn, struct dash_sym *sym);

/**
 * dash_aclgroup_check_bind - are the groups of a bind of its families?
 * @txn: transaction
 * @bind: bind; its groups exist in the end state
 *
 * Context: dash_net.lock held.
 * Return: 0 or -EINVAL.
 */
int dash_aclgroup_check_bind(struct dash_txn *txn, struct dash_sym *bind);

/**
 * dash_aclgroup_prepare - compile the groups that a transaction concerns
 * @txn: transaction
 *
 * These are groups that changed themselves or have changed rules. Those of
 * rules with changed tags are only noted, see dash_acl_group.dirty.
 * Context: dash_net.change held, not its lock; may sleep.
 * Return: 0; -EINVAL, -EEXIST or -E2BIG for rules that make no group; -ENOMEM.
 */
int dash_aclgroup_prepare(struct dash_txn *txn);

/**
 * dash_aclgroup_unprepare - forget what was compiled
 * @txn: transaction
 *
 * Context: dash_net.lock held.
 */
void dash_aclgroup_unprepare(struct dash_txn *txn);

/**
 * dash_aclgroup_publish - let packets see what was compiled
 * @txn: transaction
 *
 * Context: dash_net.lock held.
 */
void dash_aclgroup_publish(struct dash_txn *txn);

/**
 * dash_aclgroup_reap - free the versions that were replaced
 * @txn: transaction
 *
 * A grace period has passed since publishing.
 * Context: dash_net.lock held.
 */
void dash_aclgroup_reap(struct dash_txn *txn);

#endif /* _DASH_ACLGROUP_H */
