/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _DASH_COMPAT_NET_DST_H
#define _DASH_COMPAT_NET_DST_H

#include_next <net/dst.h>

#ifndef DASH_HAVE_DST_INIT
/* There is one more argument: how many references there are at first. */
#define dst_init(dst, ops, dev, obsolete, flags)	\
	dst_init(dst, ops, dev, 1, obsolete, flags)
#endif

#endif /* _DASH_COMPAT_NET_DST_H */
