// SPDX-License-Identifier: GPL-2.0
/* Compiles with every kernel, or the probes have no meaning. */
#include <linux/module.h>
#include <linux/netdevice.h>
