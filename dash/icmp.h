/* SPDX-License-Identifier: GPL-2.0 */
/* ICMP errors of our own: the packet is too big. */
#ifndef _DASH_ICMP_H
#define _DASH_ICMP_H

#include <linux/spinlock_types.h>
#include <linux/types.h>

struct dash_pkt;
struct dash_xform;
struct sk_buff;

/* Errors that an ENI's packets of one direction cause: per second, and at once
 * after a rest.
 */
#define DASH_ICMP_RATE	100
#define DASH_ICMP_BURST	50

/**
 * struct dash_icmp_limit - token bucket of an ENI and direction
 */
struct dash_icmp_limit {
	/** @lock: guards the others; BH off */
	spinlock_t lock;
	/** @tokens: errors that may be sent now, times HZ */
	u32 tokens;
	/** @last: jiffies of the last refill */
	unsigned long last;
};

/**
 * dash_icmp_limit_init - a full bucket
 * @limit: bucket
 */
void dash_icmp_limit_init(struct dash_icmp_limit *limit);

/**
 * dash_icmp_allow - charge a bucket
 * @limit: bucket
 * @now: jiffies
 *
 * Context: BH off.
 * Return: false when it is empty.
 */
bool dash_icmp_allow(struct dash_icmp_limit *limit, unsigned long now);

/**
 * dash_icmp_may_answer - is an error about this packet allowed and of use?
 * @pkt: packet
 *
 * Return: false for packets that may be fragmented, ICMP errors, fragments
 * other than the first, and addresses that are no single host's.
 */
bool dash_icmp_may_answer(const struct dash_pkt *pkt);

/**
 * dash_icmp_build - the frame that says that a packet is too big
 * @pkt: packet; eligible by dash_icmp_may_answer()
 * @at: offset of its inner IP header from skb->data
 * @mtu: size that would fit, of IP
 *
 * Context: softirq.
 * Return: a linear skb with data at the Ethernet header, or NULL.
 */
struct sk_buff *dash_icmp_build(const struct dash_pkt *pkt, u32 at, u32 mtu);

/**
 * dash_icmp_too_big - tell the sender that its packet is too big
 * @pkt: packet that dash_underlay_xmit() refused so; it stays the caller's
 * @xf: transform applied to it
 * @back: transform of the other direction, by which the answer goes
 *
 * Where the transform changed the family, it is told about the packet as it was
 * to be sent, and the answer gets its family as any other one does.
 * Context: RCU, softirq.
 */
void dash_icmp_too_big(struct dash_pkt *pkt, const struct dash_xform *xf,
		       const struct dash_xform *back);

#endif /* _DASH_ICMP_H */
