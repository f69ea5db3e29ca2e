// SPDX-License-Identifier: GPL-2.0
/*
 * Classes while compiling: sparse bitmaps of rules, equal ones stored once. See
 * classifier.c for the theory of operation.
 */

#include <linux/jhash.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "classifier_impl.h"

/* kvrealloc() has other arguments in every second kernel */
static void *cls_resize(void *old, size_t used, size_t size, gfp_t gfp)
{
	void *p = kvmalloc(size, gfp);

	if (!p)
		return NULL;
	if (used)
		memcpy(p, old, used);
	kvfree(old);
	return p;
}

static u32 cls_len(const struct cls_build *b, u64 summary)
{
	return 1 + hweight64(summary) * b->stride;
}

static int cls_grow_arena(struct cls_build *b, size_t more)
{
	size_t limit = DASH_CLS_MAX_BYTES / sizeof(u64);
	size_t n = max_t(size_t, b->max, 256);
	u64 *arena;

	if (b->used + more <= b->max)
		return 0;
	while (n < b->used + more)
		n *= 2;
	n = min(n, limit);
	if (b->used + more > n)
		return dash_cls_fail(b, -E2BIG,
				"the rules need more memory than a group may have");
	arena = cls_resize(b->cls->arena, b->used * sizeof(*arena),
			   n * sizeof(*arena), b->gfp);
	if (!arena)
		return -ENOMEM;
	b->cls->arena = arena;
	b->max = n;
	return 0;
}

static int cls_grow_table(struct cls_build *b)
{
	struct cls_intern *table;
	u32 n = 2 * b->max_classes;
	u32 i, at;

	if (2 * b->n_classes < b->max_classes)
		return 0;
	table = kvcalloc(n, sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	for (i = 0; i < b->max_classes; i++) {
		if (b->table[i].class == CLS_EMPTY)
			continue;
		at = b->table[i].hash & (n - 1);
		while (table[at].class != CLS_EMPTY)
			at = (at + 1) & (n - 1);
		table[at] = b->table[i];
	}
	kvfree(b->table);
	b->table = table;
	b->max_classes = n;
	return 0;
}

/**
 * dash_cls_class_init() - begin with the class of no rule
 * @b: compiler
 *
 * Context: Process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int dash_cls_class_init(struct cls_build *b)
{
	int err = cls_grow_arena(b, 1);

	if (err)
		return err;
	b->cls->arena[b->used++] = 0;
	b->max_classes = 256;
	b->table = kvcalloc(b->max_classes, sizeof(*b->table), GFP_KERNEL);
	return b->table ? 0 : -ENOMEM;
}

/**
 * dash_cls_class_pack() - make the full bitmap the class to be interned
 * @b: compiler; from its scratch, which is left as it is
 */
void dash_cls_class_pack(struct cls_build *b)
{
	u32 n_blocks = b->n_words / b->stride;
	const u64 *w = b->scratch;
	u64 *to = b->rec + 1;
	u64 any, summary = 0;
	u32 i, j;

	for (i = 0; i < n_blocks; i++, w += b->stride) {
		for (j = 0, any = 0; j < b->stride; j++) {
			to[j] = w[j];
			any |= w[j];
		}
		if (any) {
			summary |= BIT_ULL(i);
			to += b->stride;
		}
	}
	b->rec[0] = summary;
}

/**
 * dash_cls_class_extend() - make a class and one more rule the one to intern
 * @b: compiler
 * @from: the class
 * @slot: of the rule
 */
void dash_cls_class_extend(struct cls_build *b, u32 from, u32 slot)
{
	const u64 *rec = b->cls->arena + from;
	u32 block = slot / 64 / b->stride;
	u64 bit = BIT_ULL(block);
	u32 before = hweight64(rec[0] & (bit - 1)) * b->stride;
	u32 n = cls_len(b, rec[0]) - 1;
	u64 *to = b->rec;

	to[0] = rec[0] | bit;
	memcpy(to + 1, rec + 1, before * sizeof(*to));
	if (rec[0] & bit) {
		memcpy(to + 1 + before, rec + 1 + before,
		       (n - before) * sizeof(*to));
	} else {
		memset(to + 1 + before, 0, b->stride * sizeof(*to));
		memcpy(to + 1 + before + b->stride, rec + 1 + before,
		       (n - before) * sizeof(*to));
	}
	cls_set_bit(to + 1 + before, slot - block * b->stride * 64);
}

/**
 * dash_cls_class_intern() - place of the class made last
 * @b: compiler
 * @class: where to put it, a new one if there was none like it
 *
 * Context: Process context, may sleep.
 * Return: 0, -E2BIG or -ENOMEM.
 */
int dash_cls_class_intern(struct cls_build *b, u32 *class)
{
	u32 n = cls_len(b, b->rec[0]);
	u32 hash, mask, i;
	int err;

	if (!b->rec[0]) {
		*class = CLS_EMPTY;
		return 0;
	}
	err = cls_grow_table(b);
	if (err)
		return err;

	hash = jhash2((const u32 *)b->rec, 2 * n, b->seed);
	mask = b->max_classes - 1;
	for (i = hash & mask; b->table[i].class != CLS_EMPTY;
	     i = (i + 1) & mask) {
		/* the summary first, which says how long it is */
		*class = b->table[i].class;
		if (b->table[i].hash == hash &&
		    b->cls->arena[*class] == b->rec[0] &&
		    !memcmp(b->cls->arena + *class, b->rec, n * sizeof(u64)))
			return 0;
	}

	err = cls_grow_arena(b, n);
	if (err)
		return err;
	*class = b->used;
	b->table[i].hash = hash;
	b->table[i].class = b->used;
	b->n_classes++;
	memcpy(b->cls->arena + b->used, b->rec, n * sizeof(u64));
	b->used += n;
	return 0;
}

/**
 * dash_cls_class_shrink() - give back what growing by doubling took too much
 * @b: compiler; no class can be added any more
 *
 * Context: Process context, may sleep. It is no harm if there is no memory.
 */
void dash_cls_class_shrink(struct cls_build *b)
{
	size_t n = b->used * sizeof(u64);
	void *p = cls_resize(b->cls->arena, n, n, b->gfp | __GFP_NOWARN);

	if (p)
		b->cls->arena = p;
}
