/* SPDX-License-Identifier: GPL-2.0 */
/* Multicast groups of the generic netlink family. */
#ifndef _DASH_NL_EVENT_H
#define _DASH_NL_EVENT_H

#include <linux/types.h>

struct dash_net;
struct sk_buff;

/**
 * dash_nl_events_up - the family has been registered, or is about to go
 * @up: which of them
 *
 * Context: process, may sleep; after it said "about to go", no event is sent.
 */
void dash_nl_events_up(bool up);

/**
 * dash_nl_event_wanted - does anybody listen?
 * @dn: instance
 * @group: DASH_NLGRP_*
 *
 * Return: false when nobody in any namespace does.
 */
bool dash_nl_event_wanted(const struct dash_net *dn, u8 group);

/**
 * dash_nl_event_send - send messages to a group
 * @dn: instance
 * @skb: messages; consumed
 * @group: DASH_NLGRP_*
 */
void dash_nl_event_send(const struct dash_net *dn, struct sk_buff *skb,
			u8 group);

#endif /* _DASH_NL_EVENT_H */
