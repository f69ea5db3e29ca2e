/* SPDX-License-Identifier: GPL-2.0 */
/* Why packets are dropped: enum dash_drop, whose names are API. */
#ifndef _DASH_DROP_H
#define _DASH_DROP_H

#include <linux/dash.h>
#include <linux/skbuff.h>

/**
 * dash_drop_skb_reason - the kernel's own reason nearest to one of ours
 * @reason: ours
 *
 * Return: the kernel's.
 */
enum skb_drop_reason dash_drop_skb_reason(enum dash_drop reason);

#endif /* _DASH_DROP_H */
