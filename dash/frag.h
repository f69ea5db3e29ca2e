/* SPDX-License-Identifier: GPL-2.0 */
/* Inner fragments: later ones go where the first one, which has ports, went. */
#ifndef _DASH_FRAG_H
#define _DASH_FRAG_H

#include "drop.h"

struct dash_eni;
struct dash_flow_key;
struct dash_net;
struct dash_pkt;

/**
 * dash_frag_init - prepare an instance
 * @dn: instance
 */
void dash_frag_init(struct dash_net *dn);

/**
 * dash_frag_first - remember a first fragment before its verdict is known
 * @pkt: first fragment, with its ENI
 * @key: connection that it belongs to
 *
 * Context: BH off.
 * Return: DASH_DROP_NONE, DASH_DROP_FRAG_LIMIT or
 * DASH_DROP_NO_MEMORY.
 */
enum dash_drop dash_frag_first(const struct dash_pkt *pkt,
			       const struct dash_flow_key *key);

/**
 * dash_frag_verdict - remember what became of a first fragment
 * @pkt: as dash_frag_first()
 * @reason: verdict for those that follow
 */
void dash_frag_verdict(const struct dash_pkt *pkt, enum dash_drop reason);

/**
 * dash_frag_later - find what a later fragment follows
 * @pkt: later fragment, with its ENI
 * @key: filled with the connection of the first one
 *
 * Return: the first one's verdict, or DASH_DROP_FRAG_NO_PARENT.
 */
enum dash_drop dash_frag_later(struct dash_pkt *pkt,
			       struct dash_flow_key *key);

/**
 * dash_frag_flush_eni - forget the fragments of an ENI that goes
 * @eni: ENI, no packet finds it any more; NULL for those of all
 * @dn: instance
 */
void dash_frag_flush_eni(struct dash_net *dn, const struct dash_eni *eni);

/**
 * dash_frag_nat_first - remember whose a fragmented packet to a NAT address is
 * @pkt: first fragment; eni set
 * @dst: NAT address
 * @flow: name of its connection
 *
 * Besides dash_frag_first(), which is about what is inside.
 * Context: softirq.
 * Return: DASH_DROP_NONE, DASH_DROP_FRAG_LIMIT or DASH_DROP_NO_MEMORY.
 */
enum dash_drop dash_frag_nat_first(const struct dash_pkt *pkt,
				   const struct in6_addr *dst,
				   const struct dash_flow_key *flow);

/**
 * dash_frag_nat_later - whose a later fragment to a NAT address is
 * @pkt: fragment; t as it came
 * @flow: name of its connection
 * @eni: ENI of that, RCU
 *
 * Context: RCU, softirq.
 * Return: DASH_DROP_NONE or DASH_DROP_FRAG_NO_PARENT.
 */
enum dash_drop dash_frag_nat_later(const struct dash_pkt *pkt,
				   struct dash_flow_key *flow,
				   struct dash_eni **eni);

#endif /* _DASH_FRAG_H */
