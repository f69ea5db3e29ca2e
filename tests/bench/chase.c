// SPDX-License-Identifier: GPL-2.0
/*
 * Calibration: what a cache line costs that is not in the cache, when the
 * address of the next one is in it (dependent), and when sixteen such chains
 * go at the same time (overlapped).
 */
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "bench.h"

#define CHASE_CHUNK	(4u << 20)
#define CHASE_LINES	(CHASE_CHUNK / 64)
#define CHASE_CHAINS	16

struct chase_line {
	struct chase_line *next;
	u8 pad[56];
};

static struct chase_line *chase_line(void **chunk, u32 i)
{
	return (struct chase_line *)chunk[i / CHASE_LINES] + i % CHASE_LINES;
}

/* One cycle through all lines, in random order (Sattolo). */
static void chase_link(void **chunk, u32 n, u32 *perm)
{
	u32 i, j;

	for (i = 0; i < n; i++)
		perm[i] = i;
	for (i = n - 1; i > 0; i--) {
		j = get_random_u32_below(i);
		swap(perm[i], perm[j]);
	}
	for (i = 0; i < n; i++)
		chase_line(chunk, i)->next = chase_line(chunk, perm[i]);
}

static u64 chase_run(struct chase_line **at, unsigned int chains, u32 steps)
{
	u64 start = bench_clock();
	unsigned int c;
	u32 i;

	for (i = 0; i < steps; i++)
		for (c = 0; c < chains; c++)
			at[c] = READ_ONCE(at[c]->next);
	return bench_clock() - start;
}

/* chase bytes= steps= */
int bench_chase(struct bench_cmd *cmd)
{
	u32 lines = bench_num(cmd, "bytes", 64 << 20) / 64;
	u32 steps = bench_num(cmd, "steps", 200000);
	u32 n = DIV_ROUND_UP(lines, CHASE_LINES), i;
	struct chase_line *at[CHASE_CHAINS];
	u64 one, many;
	void **chunk;
	u32 *perm;
	int err = -ENOMEM;

	if (!lines || !steps)
		return -EINVAL;
	perm = kvmalloc_array(lines, sizeof(*perm), GFP_KERNEL);
	chunk = kcalloc(n, sizeof(*chunk), GFP_KERNEL);
	if (!perm || !chunk)
		goto out;
	for (i = 0; i < n; i++) {
		chunk[i] = kmalloc(CHASE_CHUNK, GFP_KERNEL);
		if (!chunk[i])
			goto out;
	}
	chase_link(chunk, lines, perm);
	for (i = 0; i < CHASE_CHAINS; i++)
		at[i] = chase_line(chunk, perm[i * (lines / CHASE_CHAINS)]);
	chase_run(at, 1, min(steps, lines));
	one = chase_run(at, 1, steps);
	many = chase_run(at, CHASE_CHAINS, steps);
	bench_say(cmd, "dependent_ps=%llu overlapped_ps=%llu",
		  one * 1000 / steps, many * 1000 / steps / CHASE_CHAINS);
	err = 0;
out:
	for (i = 0; chunk && i < n; i++)
		kfree(chunk[i]);
	kfree(chunk);
	kvfree(perm);
	return err;
}
