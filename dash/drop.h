/* SPDX-License-Identifier: GPL-2.0 */
/* Why packets are dropped. The reasons and their names are API: SPEC 5. */
#ifndef _DASH_DROP_H
#define _DASH_DROP_H

#include <linux/dash.h>
#include <linux/skbuff.h>

/* Not a drop: the packet is none of ours and goes on to the host stack. */
#define DASH_DROP_NOT_OURS	((enum dash_drop)(DASH_DROP_MAX + 1))

#endif /* _DASH_DROP_H */
