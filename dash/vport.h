/* SPDX-License-Identifier: GPL-2.0 */
/* Host mode: the device of a VM, whose frames have no outer headers. */
#ifndef _DASH_VPORT_H
#define _DASH_VPORT_H

#include <linux/netdevice.h>
#include <linux/rcupdate.h>

#include "eni.h"
#include "inst.h"
#include "parse.h"

struct dash_port;

/**
 * dash_vport_rx - rx_handler of a vport
 * @pskb: frame
 *
 * Return: RX_HANDLER_CONSUMED, as all that a VM sends is ours.
 */
rx_handler_result_t dash_vport_rx(struct sk_buff **pskb);

/**
 * dash_vport_bind - give an ENI its vport, or take it
 * @eni: ENI
 * @port: vport or NULL
 *
 * Its connections are re-decided with their next packets.
 * Context: dash_net.lock held.
 */
void dash_vport_bind(struct dash_eni *eni, struct dash_port *port);

/**
 * dash_vport_has - is the VM of an ENI on this host?
 * @eni: ENI
 *
 * Return: whether it has a vport.
 */
static inline bool dash_vport_has(const struct dash_eni *eni)
{
	return rcu_access_pointer(eni->vport);
}

/**
 * dash_vport_is_elsewhere - does a packet pretend to be an ENI's?
 * @pkt: outbound packet, perhaps in thought
 *
 * Packets of a VM on this host come from its vport. That one which a connection
 * began with may be of the time before it was here; that has no port.
 *
 * Return: whether it comes from elsewhere.
 */
static inline bool dash_vport_is_elsewhere(const struct dash_pkt *pkt)
{
	return unlikely(dash_vport_has(pkt->eni)) && !dash_pkt_is_frame(pkt) &&
	       (pkt->port || pkt->rec);
}

/**
 * dash_vport_is_here - does an outer destination mean this host?
 * @pkt: packet; in modes that decide by its port only if it is of a VM here
 * @pa: outer destination
 *
 * Return: whether the packet comes in again, as that of another ENI.
 */
static inline bool dash_vport_is_here(const struct dash_pkt *pkt,
				      const struct in6_addr *pa)
{
	return (pkt->inst->underlay_mode == DASH_UNDERLAY_MODE_FIB ||
		dash_vport_has(pkt->eni)) &&
	       dash_inst_is_vip(pkt->inst, pa);
}

/**
 * dash_vport_vip - to what VIP would a frame have come?
 * @pkt: frame; outer.daddr is set to the first one
 *
 * Return: false when there is none.
 */
bool dash_vport_vip(struct dash_pkt *pkt);

/**
 * dash_vport_eni - whose frame is it?
 * @pkt: frame; dir, eni and ecfg are set
 *
 * Return: DASH_DROP_NONE or DASH_DROP_NO_ENI, when that is just going.
 */
enum dash_drop dash_vport_eni(struct dash_pkt *pkt);

/**
 * dash_vport_parse - check and read a frame
 * @pkt: frame with its ENI
 *
 * Answers requests that the network of the VM would answer.
 * Context: RCU, softirq.
 *
 * Return: DASH_DROP_NONE for what goes on to the connections,
 * DASH_DROP_MALFORMED, DASH_DROP_ENI_DOWN, DASH_DROP_SPOOF,
 * DASH_DROP_CONTROL, DASH_DROP_NO_VIP or one of dash_parse_frame().
 */
enum dash_drop dash_vport_parse(struct dash_pkt *pkt);

/**
 * dash_vport_xmit - send a frame to the VM
 * @pkt: packet as dash_xform_apply() left it
 *
 * Return: as dash_underlay_xmit().
 */
enum dash_drop dash_vport_xmit(struct dash_pkt *pkt);

/**
 * dash_vport_dev - name of an ENI's device
 * @eni: ENI
 * @name: IFNAMSIZ bytes
 *
 * Context: RCU.
 * Return: false when it has none.
 */
bool dash_vport_dev(const struct dash_eni *eni, char *name);

#endif /* _DASH_VPORT_H */
