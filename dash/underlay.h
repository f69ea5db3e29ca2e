/* SPDX-License-Identifier: GPL-2.0 */
/* Where packets leave: route and neighbour of an outer destination. */
#ifndef _DASH_UNDERLAY_H
#define _DASH_UNDERLAY_H

#include <linux/types.h>

#include "drop.h"

struct dash_net;
struct dash_pkt;
struct dash_underlay;
struct dash_xform;
struct dst_entry;
struct in6_addr;

/**
 * dash_underlay_init - prepare the next hops of an instance
 * @dn: instance
 *
 * Return: 0 or -ENOMEM.
 */
int dash_underlay_init(struct dash_net *dn);

/**
 * dash_underlay_fini - the reverse; no flow may be left
 * @dn: instance
 */
void dash_underlay_fini(struct dash_net *dn);

/**
 * dash_underlay_get - next hop object of a destination, shared by flows
 * @dn: instance
 * @xf: transform to find @saddr, @daddr and kind in
 *
 * Routes are looked up by packets, and again when they are no longer valid;
 * nothing here depends on a route being there already.
 * Context: RCU, softirq or BH off.
 *
 * Return: the object with a reference, NULL without memory.
 */
struct dash_underlay *dash_underlay_get(struct dash_net *dn,
					const struct dash_xform *xf);

/**
 * dash_underlay_put - drop a reference
 * @nh: object or NULL
 *
 * Context: any; the object goes after a grace period.
 */
void dash_underlay_put(struct dash_underlay *nh);

/**
 * dash_underlay_dst - route of a packet
 * @pkt: packet, without skb in explain
 * @xf: its transform
 * @ownedp: set when the caller gets a reference, which xf->nh cannot hold
 *
 * Context: RCU, softirq or BH off.
 * Return: route, or NULL; unless owned it stays for as long as RCU is held.
 */
struct dst_entry *dash_underlay_dst(const struct dash_pkt *pkt,
				    const struct dash_xform *xf, bool *ownedp);

/**
 * dash_underlay_xmit - send a transformed packet
 * @pkt: packet as dash_xform_apply() left it
 * @xf: its transform
 *
 * By the underlay mode: through @xf->nh by the namespace's FIB and
 * neighbours, back where it came from (VLAN tags kept), or to the static
 * next hop. Context: RCU, softirq.
 *
 * Return: DASH_DROP_NONE when the skb was consumed, else the skb stays the
 * caller's: DASH_DROP_NO_NEXTHOP, DASH_DROP_TOO_BIG with pkt->mtu set,
 * DASH_DROP_NO_MEMORY.
 */
enum dash_drop dash_underlay_xmit(struct dash_pkt *pkt,
				  const struct dash_xform *xf);

/**
 * dash_underlay_dev - name of the device a transform's packets leave by
 * @pkt: packet, without skb in explain
 * @xf: transform
 * @name: IFNAMSIZ bytes
 *
 * Return: false when there is no route now.
 */
bool dash_underlay_dev(const struct dash_pkt *pkt, const struct dash_xform *xf,
		       char *name);

#endif /* _DASH_UNDERLAY_H */
