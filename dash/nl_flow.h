/* SPDX-License-Identifier: GPL-2.0 */
/* What the nl_flow*.c share. */
#ifndef _DASH_NL_FLOW_H
#define _DASH_NL_FLOW_H

#include <linux/types.h>

#include "flow.h"

struct dash_eni;
struct dash_flow_work;
struct dash_net;
struct genl_info;
struct netlink_callback;
struct netlink_ext_ack;
struct nlattr;
struct sk_buff;

/* two names and a colon */
#define DASH_RULE_NAME	128
/* bytes of a connection in a message, more than any has */
#define DASH_FLOW_ROOM	640

/**
 * struct dash_nl_filter - a filter of a request
 */
struct dash_nl_filter {
	/** @f: filter */
	struct dash_flow_filter f;
	/** @work: for questions about rules, or NULL */
	struct dash_flow_work *work;
	/** @rule: rule that decides, when f.more is set */
	char rule[DASH_RULE_NAME];
	/** @details: say the rule in replies */
	bool details;
};

/**
 * struct dash_flow_put - a reply being filled with connections
 */
struct dash_flow_put {
	/** @skb: reply */
	struct sk_buff *skb;
	/** @filter: which of them */
	const struct dash_nl_filter *filter;
	/** @cb: of a dump */
	struct netlink_callback *cb;
};

/**
 * dash_nl_filter_init - read the filter of a request
 * @dn: instance
 * @attrs: its attributes, up to details
 * @extack: for errors
 * @nf: filled; its ENI is compared only, so it may go meanwhile
 *
 * Context: process.
 * Return: 0 or an error; dash_nl_filter_fini() in either case.
 */
int dash_nl_filter_init(struct dash_net *dn, struct nlattr **attrs,
			struct netlink_ext_ack *extack,
			struct dash_nl_filter *nf);

void dash_nl_filter_fini(struct dash_nl_filter *nf);

struct dash_flow_table *dash_nl_flow_table(struct dash_net *dn);

/**
 * dash_nl_flow_eni - the ENI that an attribute names
 * @dn: instance
 * @nla: attribute
 *
 * Context: RCU.
 * Return: ENI or NULL.
 */
struct dash_eni *dash_nl_flow_eni(struct dash_net *dn, const struct nlattr *nla);

/* 0, or an error once nobody waits for the answer any more. */
int dash_nl_flow_go_on(void);

/**
 * dash_nl_flow_one - do something with the first connection selected
 * @dn: instance
 * @f: filter; what it names in full is looked up, else all are walked over
 * @extack: for errors
 * @fn: called under RCU with BH off
 * @arg: for @fn
 *
 * Context: process.
 * Return: what @fn returned, or an error.
 */
int dash_nl_flow_one(struct dash_net *dn, const struct dash_flow_filter *f,
		     struct netlink_ext_ack *extack,
		     int (*fn)(struct dash_flow *flow, void *arg), void *arg);

/**
 * dash_nl_flow_dump - one call of a dump of connections
 * @skb: dump
 * @cb: dump
 * @fn: see dash_flow_walk(); its arg is a struct dash_flow_put
 *
 * Return: as a dump shall.
 */
int dash_nl_flow_dump(struct sk_buff *skb, struct netlink_callback *cb,
		      int (*fn)(struct dash_flow *flow, void *arg));

/* Complain unless a request has an attribute, or all those of a tuple. */
int dash_nl_flow_needs(struct genl_info *info, int attr);
int dash_nl_flow_needs_tuple(struct genl_info *info);

#endif /* _DASH_NL_FLOW_H */
