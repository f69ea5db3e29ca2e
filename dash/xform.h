/* SPDX-License-Identifier: GPL-2.0 */
/* The transform that a connection stores and its packets undergo. */
#ifndef _DASH_XFORM_H
#define _DASH_XFORM_H

#include <linux/if_ether.h>
#include <linux/in6.h>
#include <linux/types.h>
#include <asm/byteorder.h>

#include "drop.h"

struct dash_pkt;
struct dash_underlay;

/**
 * enum dash_xform_kind - what becomes of the inner packet
 * @DASH_XFORM_ENCAP: sent in VXLAN or NVGRE
 * @DASH_XFORM_DIRECT: its IP packet is sent as it is by the host's FIB
 * @DASH_XFORM_LOCAL: sent in VXLAN or NVGRE to a VIP of ours, which takes it
 * in again at once
 * @DASH_XFORM_VPORT: its frame is sent as it is to the ENI's vport
 */
enum dash_xform_kind {
	DASH_XFORM_ENCAP,
	DASH_XFORM_DIRECT,
	DASH_XFORM_LOCAL,
	DASH_XFORM_VPORT,
};

/**
 * enum dash_xform_nat - what is translated before
 * @DASH_XFORM_NAT_NONE: nothing
 * @DASH_XFORM_NAT_SRC: the source, into @saddr of the transform and the port of
 * the connection's struct dash_nat; sent directly
 * @DASH_XFORM_NAT_DST: the destination, back into what the ENI knows; the frame
 * gets an Ethernet header, from the fake MAC to @dmac
 * @DASH_XFORM_NAT_4TO6: the family, into what the connection's struct dash_nat
 * says; sent in an encapsulation
 * @DASH_XFORM_NAT_6TO4: the family, back into what the ENI knows
 */
enum dash_xform_nat {
	DASH_XFORM_NAT_NONE,
	DASH_XFORM_NAT_SRC,
	DASH_XFORM_NAT_DST,
	DASH_XFORM_NAT_4TO6,
	DASH_XFORM_NAT_6TO4,
};

/**
 * struct dash_xform - transform of one direction of a connection
 */
struct dash_xform {
	/** @saddr: outer source, v4-mapped if IPv4: a VIP, encap_sip, NAT address */
	struct in6_addr saddr;
	/** @daddr: outer destination: PA; inner destination when direct */
	struct in6_addr daddr;
	/** @vni: VNI or VSID */
	u32 vni;
	/** @sport: outer UDP source port, unless @hash_sport */
	__be16 sport;
	/** @dmac: new inner destination MAC, when @set_dmac */
	u8 dmac[ETH_ALEN];
	/** @kind: enum dash_xform_kind */
	u8 kind;
	/** @encap: enum dash_encap_type */
	u8 encap;
	/** @nat: enum dash_xform_nat */
	u8 nat;
	/**
	 * @set_dmac: @dmac replaces the inner destination MAC; always with NAT
	 * of the destination
	 */
	bool set_dmac;
	/** @hash_sport: the source port is that of the connection's hash */
	bool hash_sport;
	/** @nh: next hop towards @daddr, NULL unless underlay mode is fib */
	struct dash_underlay *nh;
};

static inline bool dash_xform_is_encap(const struct dash_xform *xf)
{
	return xf->kind == DASH_XFORM_ENCAP || xf->kind == DASH_XFORM_LOCAL;
}

/**
 * dash_xform_is_xlat - does it change the family of the inner packet?
 * @xf: transform
 *
 * Return: whether it does.
 */
static inline bool dash_xform_is_xlat(const struct dash_xform *xf)
{
	return xf->nat >= DASH_XFORM_NAT_4TO6;
}

#define DASH_SPORT_MIN	49152
#define DASH_SPORT_MASK	0x3fff

/**
 * dash_xform_sport - outer UDP source port of a connection's packets
 * @xf: transform
 * @hash: keyed hash of the connection
 *
 * Return: port, network order.
 */
static inline __be16 dash_xform_sport(const struct dash_xform *xf, u32 hash)
{
	return xf->hash_sport ? htons(DASH_SPORT_MIN + (hash & DASH_SPORT_MASK)) :
				xf->sport;
}

/**
 * dash_xform_overhead - what a transform puts before the inner IP packet
 * @xf: transform
 *
 * Return: bytes from the network header sent, or the Ethernet header of a
 * frame to a vport, to the inner network header. That this may be longer or
 * shorter than it was, is not counted.
 */
u32 dash_xform_overhead(const struct dash_xform *xf);

/**
 * dash_xform_apply - turn a packet as received into one as sent
 * @pkt: parsed packet
 * @xf: transform
 *
 * Strips the outer headers and, for an encapsulation, pushes new ones: TTL
 * 64, DSCP and ECN of the received outer header unless the ENI is in pipe
 * mode, lengths, checksums, UDP source port. Works for GSO packets, which
 * stay whole. Afterwards skb->data is at the network header to send, or the
 * Ethernet header of a frame to a vport, skb->protocol names the former, and
 * the headroom suffices for an Ethernet header.
 * Context: RCU, softirq. The skb is the caller's alone; on a drop it stays so.
 *
 * Return: DASH_DROP_NONE, DASH_DROP_NO_MEMORY, DASH_DROP_TOO_BIG (the length
 * does not fit the IP header) or DASH_DROP_UNTRANSLATABLE.
 */
enum dash_drop dash_xform_apply(struct dash_pkt *pkt,
				const struct dash_xform *xf);

#endif /* _DASH_XFORM_H */
