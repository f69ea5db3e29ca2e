/* SPDX-License-Identifier: GPL-2.0 */
/* The journey of a packet, as the DASH documents tell it. */
#ifndef _DASH_PIPELINE_H
#define _DASH_PIPELINE_H

#include "drop.h"

struct dash_pkt;

/**
 * dash_pipeline_rx - take a packet from a port through the pipeline
 * @pkt: skb, dn and port set, everything else zero
 *
 * Context: RCU, softirq.
 * Return: true when the packet was ours and is gone, false when it belongs to
 * the host stack; dash_parse_undo() makes it what it was.
 */
bool dash_pipeline_rx(struct dash_pkt *pkt);

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
