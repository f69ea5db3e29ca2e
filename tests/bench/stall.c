// SPDX-License-Identifier: GPL-2.0
/*
 * How long does the kernel keep the CPU to itself? A timer wakes a thread of
 * real-time priority every millisecond; what passes until it runs is how long
 * nothing else could, be it for a task that does not reschedule or softirqs
 * that go on and on. In CPU time, see clock.c.
 */
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#include "bench.h"

static struct {
	struct hrtimer timer;
	struct task_struct *task;
	u64 fired;
	u64 max;
	bool pending;
} stall;

static enum hrtimer_restart stall_fire(struct hrtimer *timer)
{
	if (!READ_ONCE(stall.pending)) {
		stall.fired = bench_clock();
		WRITE_ONCE(stall.pending, true);
		wake_up_process(stall.task);
	}
	hrtimer_forward_now(timer, ms_to_ktime(1));
	return HRTIMER_RESTART;
}

static int stall_thread(void *unused)
{
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		if (READ_ONCE(stall.pending)) {
			stall.max = max(stall.max, bench_clock() - stall.fired);
			WRITE_ONCE(stall.pending, false);
			continue;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

void bench_stall_fini(void)
{
	if (!stall.task)
		return;
	hrtimer_cancel(&stall.timer);
	kthread_stop(stall.task);
	stall.task = NULL;
}

/* stall on=1 begins, stall on=0 ends and tells */
int bench_stall(struct bench_cmd *cmd)
{
	bench_stall_fini();
	if (!bench_num(cmd, "on", 0)) {
		bench_say(cmd, "max_ns=%llu", stall.max);
		return 0;
	}
	stall.max = 0;
	stall.pending = false;
	stall.task = kthread_create(stall_thread, NULL, "bench_stall");
	if (IS_ERR(stall.task)) {
		int err = PTR_ERR(stall.task);

		stall.task = NULL;
		return err;
	}
	sched_set_fifo(stall.task);
	wake_up_process(stall.task);
	hrtimer_init(&stall.timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	stall.timer.function = stall_fire;
	hrtimer_start(&stall.timer, ms_to_ktime(1), HRTIMER_MODE_REL);
	return 0;
}

/* cpu: CPU time so far */
int bench_cpu(struct bench_cmd *cmd)
{
	bench_say(cmd, "ns=%llu", bench_clock());
	return 0;
}
