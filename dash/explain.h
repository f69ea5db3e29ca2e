/* SPDX-License-Identifier: GPL-2.0 */
/* A recorder that the stages of the pipeline tell what they found. */
#ifndef _DASH_EXPLAIN_H
#define _DASH_EXPLAIN_H

#include <linux/in6.h>
#include <linux/string.h>
#include <linux/types.h>

#include "route.h"
#include "stats.h"
#include "xform.h"

struct dash_acl_group;
struct dash_acl_rule;
struct dash_flow;
struct dash_mapping;
struct dash_meter_rule;
struct dash_tunnel_cfg;
struct dash_vnet;

/**
 * struct dash_explain_acl - what one bound stage said
 */
struct dash_explain_acl {
	/** @group: group asked */
	const struct dash_acl_group *group;
	/** @rule: first rule that matched, or NULL */
	const struct dash_acl_rule *rule;
	/** @stage: 1 to 5 */
	u8 stage;
	/** @allow: its verdict */
	bool allow;
	/** @terminating: no later stage is asked */
	bool terminating;
};

/**
 * struct dash_explain - what happened to a packet on its way
 *
 * Everything pointed to is guarded by the RCU section that the packet runs in.
 */
struct dash_explain {
	/** @acl: stages asked, in order */
	struct dash_explain_acl acl[DASH_ACL_STAGES];
	/** @n_acl: how many */
	u8 n_acl;
	/** @flow: connection that decided, or NULL */
	const struct dash_flow *flow;
	/** @rule: inbound route rule, or NULL */
	const struct dash_rule *rule;
	/** @pa_checked: the outer source was checked */
	bool pa_checked;
	/** @pa_valid: with this result */
	bool pa_valid;
	/** @route: outbound route; its action is NULL when none was found */
	struct dash_route route;
	/** @tunnel: tunnel that the route leads into, or NULL */
	const struct dash_tunnel_cfg *tunnel;
	/** @vnet: VNET whose mappings were asked, or NULL */
	const struct dash_vnet *vnet;
	/** @ip: for this address */
	struct in6_addr ip;
	/** @mapping: what they answered, or NULL */
	const struct dash_mapping *mapping;
	/** @meter_rule: rule of a metering policy that decided, or NULL */
	const struct dash_meter_rule *meter_rule;
	/** @metering_class: class, 0 for none */
	u32 metering_class;
	/** @sent: @xf was applied */
	bool sent;
	/** @xf: transform */
	struct dash_xform xf;
	/** @overlay: inner source and destination, where it changes the family */
	struct in6_addr overlay[2];
};

/* Forget the stages of a decision that another one takes the place of. */
static inline void dash_explain_anew(struct dash_explain *rec)
{
	rec->n_acl = 0;
	rec->rule = NULL;
	rec->pa_checked = false;
	rec->pa_valid = false;
	memset(&rec->route, 0, sizeof(rec->route));
	rec->meter_rule = NULL;
	rec->metering_class = 0;
	rec->tunnel = NULL;
	rec->vnet = NULL;
	rec->mapping = NULL;
}

static inline void dash_explain_acl(struct dash_explain *rec, u8 stage,
				    const struct dash_acl_group *group,
				    const struct dash_acl_rule *rule,
				    bool allow, bool terminating)
{
	rec->acl[rec->n_acl++] = (struct dash_explain_acl){
		.group = group,
		.rule = rule,
		.stage = stage,
		.allow = allow,
		.terminating = terminating,
	};
}

static inline void dash_explain_mapping(struct dash_explain *rec,
					const struct dash_vnet *vnet,
					const struct in6_addr *ip,
					const struct dash_mapping *mapping)
{
	rec->vnet = vnet;
	rec->ip = *ip;
	rec->mapping = mapping;
}

static inline void dash_explain_xform(struct dash_explain *rec,
				      const struct dash_xform *xf, u32 hash)
{
	rec->xf = *xf;
	rec->xf.sport = dash_xform_sport(xf, hash);
	rec->xf.hash_sport = false;
	rec->sent = true;
}

#endif /* _DASH_EXPLAIN_H */
