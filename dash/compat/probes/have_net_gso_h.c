// SPDX-License-Identifier: GPL-2.0
/* net/gso.h: since 6.5, in linux/netdevice.h before */
#include <net/gso.h>
