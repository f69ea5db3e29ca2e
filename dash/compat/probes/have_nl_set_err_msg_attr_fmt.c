// SPDX-License-Identifier: GPL-2.0
/* NL_SET_ERR_MSG_ATTR_FMT: since 6.5 */
#include <linux/netlink.h>

#ifndef NL_SET_ERR_MSG_ATTR_FMT
#error NL_SET_ERR_MSG_ATTR_FMT is missing
#endif
