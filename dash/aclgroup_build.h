/* SPDX-License-Identifier: GPL-2.0 */
/* Rows of ACL rules made into what the classifier takes. */
#ifndef _DASH_ACLGROUP_BUILD_H
#define _DASH_ACLGROUP_BUILD_H

#include <linux/types.h>

struct dash_acl_rule;
struct dash_classifier;
struct dash_row;
struct dash_txn;

/**
 * dash_acl_build - compile rules of a group
 * @txn: transaction
 * @group: group
 * @v6: address family
 * @rules: rules in order of priority
 * @n: number of rules
 *
 * Context: dash_net.change held, may sleep.
 * Return: classifier or ERR_PTR; -EINVAL or -E2BIG for rules that make none.
 */
struct dash_classifier *dash_acl_build(struct dash_txn *txn,
				       struct dash_row *group, bool v6,
				       const struct dash_acl_rule *rules,
				       u32 n);

#endif /* _DASH_ACLGROUP_BUILD_H */
