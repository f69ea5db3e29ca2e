/* SPDX-License-Identifier: GPL-2.0 */
/* Connections seen from outside: taken away, brought back, made by hand. */
#ifndef _DASH_FLOW_STATE_H
#define _DASH_FLOW_STATE_H

#include <linux/types.h>

#include "explain.h"
#include "flow.h"
#include "nat.h"
#include "parse.h"

struct dash_eni;
struct dash_net;

/**
 * struct dash_flow_work - room for a question to policy, too much for a stack
 */
struct dash_flow_work {
	/** @pkt: packet in thought */
	struct dash_pkt pkt;
	/** @act: decision about it */
	struct dash_flow_act act;
	/** @rec: what the stages said */
	struct dash_explain rec;
	/** @saved: connection */
	struct dash_flow_saved saved;
	/** @flow: one in thought, for what a decision asks the connection */
	struct dash_flow flow;
	/** @nat: the responder's name of it */
	struct dash_nat nat;
};

/**
 * dash_flow_save - all that another table needs to go on with a connection
 * @flow: connection
 * @saved: filled
 *
 * Context: RCU.
 */
void dash_flow_save(const struct dash_flow *flow,
		    struct dash_flow_saved *saved);

/**
 * dash_flow_resume - bring a saved connection back, if policy allows it now
 * @dn: instance
 * @eni: ENI
 * @w: the connection in @saved; the rest is overwritten
 * @res: what became of it, without a drop
 *
 * Context: RCU, BH off.
 * Return: DASH_DROP_NONE, DASH_DROP_MALFORMED for what no connection can be,
 * DASH_DROP_NO_ENI, or why it is refused.
 */
enum dash_drop dash_flow_resume(struct dash_net *dn, struct dash_eni *eni,
				struct dash_flow_work *w,
				enum dash_flow_restored *res);

/**
 * dash_flow_add - make a connection with given transforms
 * @dn: instance
 * @eni: ENI
 * @w: the connection in @saved, its transforms in @act; the rest is overwritten
 * @res: what became of it, without a drop
 *
 * The next change of policy that concerns the ENI has it decided anew.
 * Context: RCU, BH off.
 * Return: as dash_flow_resume().
 */
enum dash_drop dash_flow_add(struct dash_net *dn, struct dash_eni *eni,
			     struct dash_flow_work *w,
			     enum dash_flow_restored *res);

/**
 * dash_flow_acl - which ACL rule decides about a connection now
 * @flow: connection
 * @w: overwritten
 *
 * Decisions do not remember that: policy is asked once more.
 * Context: RCU, BH off.
 * Return: what the last stage asked said, in @w, or NULL without any.
 */
const struct dash_explain_acl *dash_flow_acl(const struct dash_flow *flow,
					     struct dash_flow_work *w);

#endif /* _DASH_FLOW_STATE_H */
