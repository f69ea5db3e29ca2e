/* SPDX-License-Identifier: GPL-2.0 */
/* What policy decided -> the transforms that a connection stores. */
#ifndef _DASH_ACTION_H
#define _DASH_ACTION_H

#include <linux/types.h>

#include "drop.h"

struct dash_flow_act;
struct dash_metering;
struct dash_pkt;
struct dash_route;

/**
 * dash_action_ahead - begin the search for what an outbound route leads to
 * @pkt: packet
 * @route: its route
 *
 * Context: RCU.
 * Return: for dash_mapping_prefetch(), or NULL.
 */
const void *dash_action_ahead(const struct dash_pkt *pkt,
			      const struct dash_route *route);

/**
 * dash_action_route - carry out the action of an outbound route
 * @pkt: the initiator's packet
 * @route: its route
 * @hash: keyed hash of the connection
 * @act: transforms, filled but for next hops
 * @meter: what it says about the metering class is added
 *
 * Looks up the mapping where the action wants it. Context: RCU.
 *
 * Return: DASH_DROP_NONE, DASH_DROP_ROUTE_DROP, DASH_DROP_NO_MAPPING,
 * DASH_DROP_NO_NEXTHOP (no VIP of the family) or DASH_DROP_UNTRANSLATABLE.
 */
enum dash_drop dash_action_route(struct dash_pkt *pkt,
				 const struct dash_route *route, u32 hash,
				 struct dash_flow_act *act,
				 struct dash_metering *meter);

/**
 * dash_action_decap - deliver an inbound packet, and its replies the way back
 * @pkt: the initiator's packet
 * @act: transforms, filled but for next hops
 *
 * Return: DASH_DROP_NONE or DASH_DROP_NO_NEXTHOP.
 */
enum dash_drop dash_action_decap(struct dash_pkt *pkt,
				 struct dash_flow_act *act);

/**
 * dash_action_learn - remember how the initiator's packets come
 * @pkt: one of them
 * @act: where
 */
void dash_action_learn(const struct dash_pkt *pkt, struct dash_flow_act *act);

#endif /* _DASH_ACTION_H */
