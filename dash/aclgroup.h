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

struct dash_acl_group *dash_aclgroup_alloc(struct dash_sym *sym);
void dash_aclgroup_free(struct dash_acl_group *group);

int dash_aclgroup_check(struct dash_txn *txn, struct dash_sym *sym);
int dash_aclgroup_check_bind(struct dash_txn *txn, struct dash_sym *bind);
int dash_aclgroup_prepare(struct dash_txn *txn);
void dash_aclgroup_unprepare(struct dash_txn *txn);
void dash_aclgroup_publish(struct dash_txn *txn);
void dash_aclgroup_reap(struct dash_txn *txn);

#endif /* _DASH_ACLGROUP_H */
