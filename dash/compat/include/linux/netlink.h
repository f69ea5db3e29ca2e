/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _DASH_COMPAT_LINUX_NETLINK_H
#define _DASH_COMPAT_LINUX_NETLINK_H

#include_next <linux/netlink.h>

#if !defined(DASH_HAVE_NL_SET_ERR_MSG_FMT) || \
	!defined(DASH_HAVE_NL_SET_ERR_MSG_ATTR_FMT)

#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/stdarg.h>

/*
 * struct netlink_ext_ack has no room for a formatted text here, only a pointer
 * to one, which is read when the answer is sent, soon after. Hand out buffers
 * in turn: only when as many errors as there are buffers overtake one another
 * does one of them carry another one's text.
 */
static __maybe_unused __printf(1, 2)
const char *dash_compat_nl_msg(const char *fmt, ...)
{
	static char bufs[16][80];
	static atomic_t next;
	va_list args;
	char *buf;

	buf = bufs[(u32)atomic_inc_return(&next) % ARRAY_SIZE(bufs)];
	va_start(args, fmt);
	vsnprintf(buf, sizeof(bufs[0]), fmt, args);
	va_end(args);
	return buf;
}

#endif

#ifndef DASH_HAVE_NL_SET_ERR_MSG_FMT
#define NL_SET_ERR_MSG_FMT(extack, fmt, args...) do {			\
	struct netlink_ext_ack *__extack = (extack);			\
									\
	if (__extack)							\
		__extack->_msg = dash_compat_nl_msg(fmt, ##args);	\
} while (0)

#define NL_SET_ERR_MSG_FMT_MOD(extack, fmt, args...)			\
	NL_SET_ERR_MSG_FMT((extack), KBUILD_MODNAME ": " fmt, ##args)
#endif

#ifndef DASH_HAVE_NL_SET_ERR_MSG_ATTR_FMT
#define NL_SET_ERR_MSG_ATTR_FMT(extack, attr, fmt, args...) do {	\
	struct netlink_ext_ack *__extack = (extack);			\
									\
	if (__extack) {							\
		__extack->_msg = dash_compat_nl_msg(fmt, ##args);	\
		__extack->bad_attr = (attr);				\
		__extack->policy = NULL;				\
	}								\
} while (0)
#endif

#endif /* _DASH_COMPAT_LINUX_NETLINK_H */
