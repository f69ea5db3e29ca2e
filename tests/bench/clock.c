// SPDX-License-Identifier: GPL-2.0
/*
 * Time that we had a CPU. On a machine that others use too, User Mode Linux is
 * a process that is preempted; so ask the host for its thread's CPU time, which
 * the kernel of UML can do like any other process.
 */
#include <linux/ktime.h>
#include <linux/time64.h>

#include "bench.h"

#if defined(CONFIG_UML) && defined(CONFIG_64BIT)
#define HOST_CLOCK_GETTIME		228
#define HOST_CLOCK_THREAD_CPUTIME_ID	3

u64 bench_clock(void)
{
	struct {
		s64 sec;
		s64 nsec;
	} ts = {};
	long ret;

	asm volatile("syscall"
		     : "=a" (ret)
		     : "0" (HOST_CLOCK_GETTIME), "D" (HOST_CLOCK_THREAD_CPUTIME_ID),
		       "S" (&ts)
		     : "rcx", "r11", "memory");
	return ret ? ktime_get_ns() : ts.sec * NSEC_PER_SEC + ts.nsec;
}
#else
u64 bench_clock(void)
{
	return ktime_get_ns();
}
#endif
