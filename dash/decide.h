/* SPDX-License-Identifier: GPL-2.0 */
/* Policy's decision about the packets of a connection. */
#ifndef _DASH_DECIDE_H
#define _DASH_DECIDE_H

#include <linux/types.h>

#include "drop.h"

struct dash_flow_act;
struct dash_pkt;
struct dash_vnet;

/**
 * dash_decide - what is to be done with a connection
 * @pkt: its initiator's packet
 * @act: filled; not what belongs to a stored decision
 *
 * Context: RCU, BH off.
 * Return: reason of the drop.
 */
enum dash_drop dash_decide(struct dash_pkt *pkt, struct dash_flow_act *act);

/**
 * dash_decide_many - the same for packets of several connections, together
 * @pkts: packets, DASH_BATCH_MAX at most
 * @acts: room for as many decisions
 * @mask: which of them, by bits
 *
 * Sets pkt->act and pkt->verdict, and has the cache fetch what creating the
 * connections needs.
 * Context: RCU, BH off.
 */
void dash_decide_many(struct dash_pkt *pkts, struct dash_flow_act *acts,
		      unsigned long mask);

/**
 * dash_decide_note - note what is asked of a decision when policy has changed
 * @pkt: the initiator's packet
 * @act: decision, complete but for that and for its hash
 *
 * See resim.c. Context: RCU.
 */
void dash_decide_note(const struct dash_pkt *pkt, struct dash_flow_act *act);

/**
 * dash_pa_is_valid - may packets with a VNI come from an outer source?
 * @pkt: packet
 * @vnet: VNET whose mappings tell, or NULL; its VNI counts, else the packet's
 *
 * Context: RCU.
 * Return: whether they may.
 */
bool dash_pa_is_valid(const struct dash_pkt *pkt, const struct dash_vnet *vnet);

#endif /* _DASH_DECIDE_H */
