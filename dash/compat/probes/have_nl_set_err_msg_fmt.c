// SPDX-License-Identifier: GPL-2.0
/* NL_SET_ERR_MSG_FMT: since 6.2 */
#include <linux/netlink.h>

#ifndef NL_SET_ERR_MSG_FMT
#error NL_SET_ERR_MSG_FMT is missing
#endif
