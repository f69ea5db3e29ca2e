/* SPDX-License-Identifier: GPL-2.0 */
/* Whose packet it is: direction by VNI, ENI by MAC. */
#ifndef _DASH_LOOKUP_H
#define _DASH_LOOKUP_H

#include <linux/types.h>

#include "drop.h"

struct dash_pkt;

/**
 * dash_lookup_eni - find direction and ENI
 * @pkt: packet, parsed; dir, eni and ecfg are set
 *
 * A VNI of VMs means outbound and the ENI that has the inner source MAC, any
 * other inbound and the one that has the inner destination MAC. An answer of the
 * other family gets the tuple of its connection.
 * Context: RCU, BH off.
 *
 * Return: DASH_DROP_NONE, DASH_DROP_MULTICAST, DASH_DROP_MALFORMED (a group
 * address as source) or DASH_DROP_NO_ENI.
 */
enum dash_drop dash_lookup_eni(struct dash_pkt *pkt);

/**
 * dash_lookup_trusted - may packets with this VNI open connections?
 * @pkt: packet with its ENI
 *
 * Return: DASH_DROP_NONE or DASH_DROP_UNTRUSTED_VNI.
 */
enum dash_drop dash_lookup_trusted(const struct dash_pkt *pkt);

#endif /* _DASH_LOOKUP_H */
