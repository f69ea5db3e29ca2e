/* SPDX-License-Identifier: GPL-2.0 */
/* ACL groups and prefix tags: rules as configured and as compiled. */
#ifndef _DASH_ACLGROUP_H
#define _DASH_ACLGROUP_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct dash_classifier;
struct dash_row;
struct dash_sym;
struct dash_txn;

/**
 * struct dash_acl_rule - verdict of a rule
 */
struct dash_acl_rule {
	/** @row: the rule as set; lives as long as the version does */
	struct dash_row *row;
	/** @priority: lowest first */
	u32 priority;
	/** @allow: allow or deny */
	bool allow;
	/** @terminating: later stages are not asked */
	bool terminating;
	/** @counter: count decisions in row->hits */
	bool counter;
};

/**
 * struct dash_acl_version - the rules of a group at one time
 *
 * Immutable once published; replaced whole. RCU.
 */
struct dash_acl_version {
	/** @cls: finds the index of the first rule that matches */
	struct dash_classifier *cls;
	/** @n: number of rules */
	u32 n;
	/** @allow: verdict without a match; it is terminating */
	bool allow;
	/** @rule: in order of priority */
	struct dash_acl_rule rule[];
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
	/** @dirty: it is */
	bool dirty;
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
 * These are groups that changed themselves, have changed rules, or rules with
 * changed tags.
 * Context: dash_net.lock held, may sleep.
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
