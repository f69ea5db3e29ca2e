// SPDX-License-Identifier: GPL-2.0
/*
 * dash_kunit.ko has no code of its own: loading it runs the suites of all the
 * files that it is made of.
 */
#include <linux/module.h>

MODULE_DESCRIPTION("KUnit tests of dash.ko");
MODULE_LICENSE("GPL");
