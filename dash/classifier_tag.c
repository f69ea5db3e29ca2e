// SPDX-License-Identifier: GPL-2.0
/*
 * Tags of one side compiled: tag -> class. See classifier.c for the theory of
 * operation.
 */

#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "classifier_impl.h"
#include "radix.h"

/**
 * struct cls_mention - a rule names a tag, while compiling
 */
struct cls_mention {
	/** @tag: the tag */
	u32 tag;
	/** @slot: of the rule */
	u16 slot;
};

static u32 cls_collect_mentions(struct cls_build *b, bool dst,
				struct cls_mention *m)
{
	const struct cls_mention *first = m;
	const struct dash_cls_side *side;
	u32 rule, i;

	for (rule = 0; rule < b->n_rules; rule++) {
		side = dst ? &b->rules[rule].dst : &b->rules[rule].src;
		if (cls_rule_any(b, rule, dst))
			continue;
		for (i = 0; i < side->n_tag; i++, m++) {
			m->tag = side->tag[i];
			m->slot = b->slot[rule];
		}
	}
	return m - first;
}

static u8 cls_tag_digit(const void *elem, unsigned int d)
{
	return ((const struct cls_mention *)elem)->tag >> (8 * d);
}

static void cls_tag_insert(struct cls_tags *tags, u32 id, u32 class)
{
	u32 mask = cls_tag_mask(tags);
	u32 i = cls_tag_hash(tags, id);

	while (tags->slot[i].class != CLS_EMPTY)
		i = (i + 1) & mask;
	tags->slot[i].id = id;
	tags->slot[i].class = class;
}

static int cls_fill_tags(struct cls_build *b, struct cls_tags *tags,
			 const struct cls_mention *m, u32 n)
{
	const struct cls_mention *end = m + n;
	u32 id, class;
	int err;

	while (m < end) {
		memset(b->scratch, 0, b->n_words * sizeof(u64));
		for (id = m->tag; m < end && m->tag == id; m++)
			cls_set_bit(b->scratch, m->slot);
		dash_cls_class_pack(b);
		err = dash_cls_class_intern(b, &class);
		if (err)
			return err;
		cls_tag_insert(tags, id, class);
		cond_resched();
	}
	return 0;
}

/**
 * dash_cls_tag_build() - compile the tags of one side
 * @b: compiler
 * @dst: the destination side, not the source
 *
 * Context: Process context, may sleep.
 * Return: 0, -E2BIG or -ENOMEM.
 */
int dash_cls_tag_build(struct cls_build *b, bool dst)
{
	struct cls_tags *tags = dst ? &b->cls->dst_tags : &b->cls->src_tags;
	struct cls_mention *m, *spare, *sorted;
	u32 n = b->n_tag[dst], n_tags = 1, i, order;
	int err = -ENOMEM;

	if (!n)
		return 0;
	m = kvmalloc_array(n, sizeof(*m), GFP_KERNEL);
	spare = kvmalloc_array(n, sizeof(*spare), GFP_KERNEL);
	if (!m || !spare)
		goto out_free;

	n = cls_collect_mentions(b, dst, m);
	if (!n) {
		err = 0;
		goto out_free;
	}
	sorted = dash_radix_sort(m, spare, n, sizeof(*m), sizeof(u32),
				 cls_tag_digit);
	for (i = 1; i < n; i++)
		n_tags += sorted[i].tag != sorted[i - 1].tag;

	order = ilog2(roundup_pow_of_two(2 * n_tags));
	tags->slot = kvcalloc(1 << order, sizeof(*tags->slot), b->gfp);
	if (!tags->slot)
		goto out_free;
	tags->mult = get_random_u32() | 1;
	tags->shift = 32 - order;
	b->tags += sizeof(*tags->slot) << order;
	err = cls_fill_tags(b, tags, sorted, n);
out_free:
	kvfree(spare);
	kvfree(m);
	return err;
}
