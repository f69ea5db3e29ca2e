/* SPDX-License-Identifier: GPL-2.0 */
/* ACL stages and their verdict. */
#ifndef _DASH_ACL_H
#define _DASH_ACL_H

#include "drop.h"

struct dash_flow_act;
struct dash_lpm_walk;
struct dash_pkt;

/**
 * dash_acl_prefetch - have the cache fetch what dash_acl_check() begins with
 * @pkt: packet
 *
 * Context: RCU.
 */
void dash_acl_prefetch(const struct dash_pkt *pkt);

/**
 * dash_acl_prefetch_versions - the same for what it needs next
 * @pkt: packet, fetched for by dash_acl_prefetch()
 *
 * Context: RCU.
 */
void dash_acl_prefetch_versions(const struct dash_pkt *pkt);

/**
 * dash_acl_walks - start those searches for tags that it will need
 * @pkt: packet, fetched for by dash_acl_prefetch_versions()
 * @walk: room for two; only what they leave in the cache is of use
 *
 * Context: RCU.
 * Return: how many there are.
 */
unsigned int dash_acl_walks(const struct dash_pkt *pkt,
			    struct dash_lpm_walk *walk);

/**
 * dash_acl_check - ask the ACL stages bound for a packet's direction
 * @pkt: packet; eni, ecfg, dir and t set
 * @act: gets the counters of rules that matched, but for one in thought
 *
 * The first rule that matches decides its stage. A terminating rule, and a
 * group in which none matches, end the ACL; else the next bound stage may
 * overrule, and the last one's verdict stands. Nothing bound allows.
 * pkt->acl_stage is the last stage asked. Context: RCU, BH off.
 *
 * Return: DASH_DROP_NONE or DASH_DROP_ACL_DENY.
 */
enum dash_drop dash_acl_check(struct dash_pkt *pkt, struct dash_flow_act *act);

#endif /* _DASH_ACL_H */
