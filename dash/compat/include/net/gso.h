/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _DASH_COMPAT_NET_GSO_H
#define _DASH_COMPAT_NET_GSO_H

#ifdef DASH_HAVE_NET_GSO_H
#include_next <net/gso.h>
#else
#include <linux/netdevice.h>
#endif

#endif /* _DASH_COMPAT_NET_GSO_H */
