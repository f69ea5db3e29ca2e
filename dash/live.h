/* SPDX-License-Identifier: GPL-2.0 */
/* Explanations of packets as they pass. */
#ifndef _DASH_LIVE_H
#define _DASH_LIVE_H

#include <linux/dash.h>
#include <linux/jump_label.h>

struct dash_net;
struct dash_pkt;
struct sk_buff;

/* Somebody, in some namespace, wants packets explained. */
DECLARE_STATIC_KEY_FALSE(dash_live_key);

/**
 * dash_live_begin - explain a packet to those who want that
 * @pkt: as it is before its journey; reason is set if that is over already
 *
 * The packet is sent through the pipeline in thought, see pkt->rec, so what is
 * found is what it will meet but for what others do meanwhile.
 * Context: RCU, BH off.
 * Return: explanations for dash_live_end(), NULL without any.
 */
struct sk_buff *dash_live_begin(const struct dash_pkt *pkt);

/**
 * dash_live_end - send explanations
 * @notes: what dash_live_begin() returned, not NULL
 * @reason: what became of the packet
 *
 * Context: RCU, BH off.
 */
void dash_live_end(struct sk_buff *notes, enum dash_drop reason);

/**
 * dash_live_release - forget what a closed socket wanted
 * @dn: instance
 * @portid: socket
 *
 * Context: process.
 */
void dash_live_release(struct dash_net *dn, u32 portid);

/**
 * dash_live_init - prepare a new instance
 * @dn: instance
 */
void dash_live_init(struct dash_net *dn);

/**
 * dash_live_fini - forget what anybody wanted of an instance that goes
 * @dn: instance; no packet uses it any more
 *
 * Context: process.
 */
void dash_live_fini(struct dash_net *dn);

#endif /* _DASH_LIVE_H */
