/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _DASH_COMPAT_LINUX_UNALIGNED_H
#define _DASH_COMPAT_LINUX_UNALIGNED_H

#ifdef DASH_HAVE_LINUX_UNALIGNED_H
#include_next <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#endif /* _DASH_COMPAT_LINUX_UNALIGNED_H */
