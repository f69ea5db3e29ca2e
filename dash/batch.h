/* SPDX-License-Identifier: GPL-2.0 */
/* Packets on their way into the pipeline, several at a time. */
#ifndef _DASH_BATCH_H
#define _DASH_BATCH_H

#include <linux/types.h>

/* What a first-level cache holds of packets and state of packets; nor are there
 * many more waits that a CPU can have overlap.
 */
#define DASH_BATCH_MAX		16

struct dash_port;
struct sk_buff;

/**
 * dash_batch_rx - take a packet, if it is ours
 * @port: where it came in
 * @skb: packet, the caller's alone; GSO packets are as the pipeline wants them
 *
 * Context: RCU, BH off.
 * Return: false when the packet belongs to the host stack, as it came.
 */
bool dash_batch_rx(struct dash_port *port, struct sk_buff *skb);

/**
 * dash_batch_rx_frame - take a frame of a vport
 * @port: vport
 * @skb: frame, the caller's alone, with data at its Ethernet header
 *
 * Context: RCU, BH off.
 */
void dash_batch_rx_frame(struct dash_port *port, struct sk_buff *skb);

/**
 * dash_batch_loop - take a packet that the pipeline sends to itself
 * @port: where it came in before
 * @skb: packet with outer headers, to a VIP
 *
 * A packet that is sent so again and again ends here soon.
 * Context: within the pipeline.
 * Return: false when the packet stays the caller's.
 */
bool dash_batch_loop(struct dash_port *port, struct sk_buff *skb);

/**
 * dash_batch_drain - wait until packets taken so far are gone
 *
 * Context: process, may sleep.
 */
void dash_batch_drain(void);

int dash_batch_module_init(void);
void dash_batch_module_exit(void);

#endif /* _DASH_BATCH_H */
