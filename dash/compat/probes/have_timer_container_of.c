// SPDX-License-Identifier: GPL-2.0
/* timer_container_of(): since 6.16, from_timer() before */
#include <linux/timer.h>

#ifndef timer_container_of
#error timer_container_of is missing
#endif
