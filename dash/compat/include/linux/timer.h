/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _DASH_COMPAT_LINUX_TIMER_H
#define _DASH_COMPAT_LINUX_TIMER_H

#include_next <linux/timer.h>

#ifndef DASH_HAVE_TIMER_CONTAINER_OF
#define timer_container_of(var, callback_timer, timer_fieldname) \
	from_timer(var, callback_timer, timer_fieldname)
#endif

#endif /* _DASH_COMPAT_LINUX_TIMER_H */
