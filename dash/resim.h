/* SPDX-License-Identifier: GPL-2.0 */
/* What a change of policy means for connections decided before it. */
#ifndef _DASH_RESIM_H
#define _DASH_RESIM_H

#include <linux/types.h>

#include "drop.h"

struct dash_eni;
struct dash_flow;
struct dash_flow_act;
struct dash_flow_table;
struct dash_pkt;
struct dash_vnet;

/**
 * enum dash_standing_kind - how a decision stands, the worst last
 */
enum dash_standing_kind {
	/** @DASH_STANDING_CURRENT: it is what would be decided now */
	DASH_STANDING_CURRENT,
	/** @DASH_STANDING_KEPT: maybe not, but it is to be kept */
	DASH_STANDING_KEPT,
	/** @DASH_STANDING_STALE: it has to be made again */
	DASH_STANDING_STALE,
	/** @DASH_STANDING_CUT: the connection has to go */
	DASH_STANDING_CUT,
};

/**
 * struct dash_standing - how a decision stands
 */
struct dash_standing {
	/** @kind: how */
	enum dash_standing_kind kind;
	/** @gen: generation of the ENI's policy that this is so in */
	u32 gen;
	/** @vnet_gen: the same of the mappings of @vnet */
	u32 vnet_gen;
	/** @vnet: VNET whose mappings decided, NULL also when it is gone */
	const struct dash_vnet *vnet;
};

/**
 * dash_resim_begin - mark a decision that is about to be made
 * @pkt: packet
 * @act: decision
 *
 * Context: RCU; what policy says is read afterwards.
 */
void dash_resim_begin(const struct dash_pkt *pkt, struct dash_flow_act *act);

/**
 * dash_resim_standing - see how a decision stands
 * @eni: ENI
 * @act: decision about a connection of it
 * @st: filled
 *
 * Context: RCU.
 */
void dash_resim_standing(const struct dash_eni *eni,
			 const struct dash_flow_act *act,
			 struct dash_standing *st);

/**
 * dash_resim_is_stale - will the next packet have a connection decided again?
 * @flow: connection
 *
 * Context: RCU.
 * Return: whether it will, or that the connection goes with it.
 */
bool dash_resim_is_stale(const struct dash_flow *flow);

/**
 * dash_resim_note - do not ask again
 * @act: decision that stands in its ENI's generation
 * @st: how it does
 *
 * Context: RCU.
 */
void dash_resim_note(struct dash_flow_act *act, const struct dash_standing *st);

/**
 * dash_resim_vip_gone - was a VIP removed that a decision depends on?
 * @pkt: packet whose instance is meant
 * @act: decision
 *
 * Context: RCU.
 * Return: whether it was.
 */
bool dash_resim_vip_gone(const struct dash_pkt *pkt,
			 const struct dash_flow_act *act);

/**
 * dash_resim_may - may a decision be made again now?
 * @pkt: packet of the connection
 * @act: its decision
 *
 * Charges the ENI's rate. What cannot be sent by the old decision may always.
 * Context: RCU, BH off.
 * Return: whether it may.
 */
bool dash_resim_may(const struct dash_pkt *pkt,
		    const struct dash_flow_act *act);

/**
 * dash_resim_adopt - write an old decision in terms of today
 * @pkt: packet of the connection
 * @flow: connection
 * @old: decision
 * @st: how it stands
 * @act: filled; without next hops
 *
 * The transforms stay. What the decision points to, which may be gone, is
 * what there is under the same names.
 * Context: RCU.
 * Return: false when @act is for this packet only, as settings were replaced
 * since those of @pkt were taken.
 */
bool dash_resim_adopt(const struct dash_pkt *pkt, const struct dash_flow *flow,
		      const struct dash_flow_act *old,
		      const struct dash_standing *st,
		      struct dash_flow_act *act);

/**
 * dash_resim_cut - remove the connections that have to go
 * @ft: connections of an instance, or NULL
 *
 * Packets that come meanwhile remove what they find.
 * Context: process, may sleep.
 */
void dash_resim_cut(struct dash_flow_table *ft);

#endif /* _DASH_RESIM_H */
