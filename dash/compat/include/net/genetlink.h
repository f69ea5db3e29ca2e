/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _DASH_COMPAT_NET_GENETLINK_H
#define _DASH_COMPAT_NET_GENETLINK_H

#include_next <net/genetlink.h>

#ifndef DASH_HAVE_GENL_INFO_DUMP
/*
 * Not a struct genl_info, but it has the one member that a dump wants of it:
 * genl_info_dump(cb)->attrs. For extack there is cb->extack everywhere.
 */
#define genl_info_dump(cb)	genl_dumpit_info(cb)
#endif

#endif /* _DASH_COMPAT_NET_GENETLINK_H */
