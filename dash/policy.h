/* SPDX-License-Identifier: GPL-2.0 */
/* Generations of policy, and since which of them decisions hold. */
#ifndef _DASH_POLICY_H
#define _DASH_POLICY_H

#include <linux/dash.h>
#include <linux/types.h>
#include <asm/barrier.h>

/**
 * struct dash_policy_marks - since when decisions hold
 *
 * Of what counts generations: an ENI its policy, a VNET its mappings. A
 * generation is before another one as jiffies are. @cut is never after @resim.
 */
struct dash_policy_marks {
	/** @resim: decisions of generations before this are to be made again */
	u32 resim;
	/** @cut: connections decided in generations before this are to go */
	u32 cut;
};

/**
 * dash_policy_before - is a generation before another one?
 * @a: generation
 * @b: generation
 *
 * Return: whether @a is before @b.
 */
static inline bool dash_policy_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

/**
 * dash_policy_advance - begin the next generation
 * @gen: generation
 * @marks: since when decisions hold
 * @policy: enum dash_policy: what becomes of connections decided before
 *
 * What packets are to find in the new generation is published already. Who
 * finds the new one finds its marks, too, and who finds these what is published.
 */
static inline void dash_policy_advance(u32 *gen,
				       struct dash_policy_marks *marks,
				       u8 policy)
{
	u32 next = *gen + 1;

	if (policy == DASH_POLICY_CUT)
		WRITE_ONCE(marks->cut, next);
	if (policy != DASH_POLICY_KEEP)
		/* pairs with dash_resim_standing() */
		smp_store_release(&marks->resim, next);
	/* pairs with whoever decides, who reads this first */
	smp_store_release(gen, next);
}

#endif /* _DASH_POLICY_H */
