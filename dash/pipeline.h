/* SPDX-License-Identifier: GPL-2.0 */
/* The journey of a packet, as the DASH documents tell it. */
#ifndef _DASH_PIPELINE_H
#define _DASH_PIPELINE_H

#include <linux/rcupdate.h>

#include "drop.h"
#include "inst.h"
#include "nat.h"
#include "netns.h"
#include "parse.h"

struct dash_flow_act;

/**
 * dash_pipeline_is_ours - does the pipeline take a packet?
 * @pkt: as dash_pkt_init() left it; outer headers are parsed
 *
 * Context: RCU, BH off.
 * Return: false when it belongs to the host stack; dash_parse_undo() makes it
 * what it was.
 */
static inline bool dash_pipeline_is_ours(struct dash_pkt *pkt)
{
	pkt->inst = rcu_dereference(pkt->dn->inst);
	if (dash_parse_outer(pkt, pkt->inst->vxlan_port) &&
	    dash_inst_is_vip(pkt->inst, &pkt->outer.daddr))
		return true;
	return unlikely(READ_ONCE(pkt->dn->n_nat)) && dash_nat_is_ours(pkt);
}

/**
 * dash_pipeline_rx - take packets of ours through the pipeline
 * @pkts: as dash_pipeline_is_ours() left them, possibly earlier in time
 * @acts: room for as many decisions; not needed for one packet
 * @n: how many, DASH_BATCH_MAX at most
 *
 * One after the other as far as anybody can tell; they are consumed.
 * Context: RCU, BH off.
 */
void dash_pipeline_rx(struct dash_pkt *pkts, struct dash_flow_act *acts,
		      unsigned int n);

/**
 * dash_pipeline_explain - what would become of a packet
 * @pkt: rec, dn, inst, eni, ecfg, dir, outer and t set; no skb
 *
 * Runs the stages from the flow lookup on, without any effect.
 * Context: RCU, BH off.
 * Return: reason of the drop.
 */
enum dash_drop dash_pipeline_explain(struct dash_pkt *pkt);

#endif /* _DASH_PIPELINE_H */
