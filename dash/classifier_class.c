// SPDX-License-Identifier: GPL-2.0
/*
 * Classes while compiling: bitmaps of rules, trimmed at both ends, equal ones
 * stored once. See classifier.c for the theory of operation.
 */

#include <linux/jhash.h>
#include <linux/log2.h>
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

/**
 * dash_cls_class_reserve() - make room for bitmap words
 * @b: compiler
 * @more: number of words
 *
 * Context: Process context, may sleep.
 * Return: 0, -E2BIG or -ENOMEM.
 */
int dash_cls_class_reserve(struct cls_build *b, size_t more)
{
	struct dash_classifier *cls = b->cls;
	size_t need = b->used_words + more;
	u64 *words;
	size_t n;

	if (need <= b->max_words)
		return 0;
	if (need > DASH_CLS_MAX_BYTES / sizeof(*words))
		return -E2BIG;
	n = max_t(size_t, roundup_pow_of_two(need), 64);
	words = cls_resize(cls->words, b->used_words * sizeof(*words),
			   n * sizeof(*words), b->gfp);
	if (!words)
		return -ENOMEM;
	cls->words = words;
	b->max_words = n;
	return 0;
}

static void cls_table_add(struct cls_build *b, u32 id)
{
	u32 mask = 2 * b->max_classes - 1;
	u32 i = b->hash[id] & mask;

	while (b->table[i] != CLS_NO_ID)
		i = (i + 1) & mask;
	b->table[i] = id;
}

static int cls_grow_classes(struct cls_build *b)
{
	struct dash_classifier *cls = b->cls;
	struct cls_class *classes;
	u32 *hash, *table;
	u32 n, i;

	if (b->n_classes < b->max_classes)
		return 0;

	n = max(2 * b->max_classes, 64U);
	if (n > DASH_CLS_MAX_BYTES / sizeof(*classes))
		return -E2BIG;

	classes = cls_resize(cls->classes, b->n_classes * sizeof(*classes),
			     n * sizeof(*classes), b->gfp);
	if (!classes)
		return -ENOMEM;
	cls->classes = classes;

	hash = cls_resize(b->hash, b->n_classes * sizeof(*hash),
			  n * sizeof(*hash), GFP_KERNEL);
	if (!hash)
		return -ENOMEM;
	b->hash = hash;

	table = kvmalloc_array(n, 2 * sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	memset(table, 0xff, n * 2 * sizeof(*table));
	kvfree(b->table);
	b->table = table;
	b->max_classes = n;
	for (i = 0; i < b->n_classes; i++)
		cls_table_add(b, i);
	return 0;
}

static const u64 *cls_words(const struct dash_classifier *cls, u32 id)
{
	return cls->words + cls->classes[id].off;
}

/**
 * dash_cls_class_intern() - number of the class with the bitmap in scratch
 * @b: compiler; its scratch is left as it is
 * @id: where to put the number, of a new class if there was none
 *
 * Context: Process context, may sleep.
 * Return: 0, -E2BIG or -ENOMEM.
 */
int dash_cls_class_intern(struct cls_build *b, u32 *id)
{
	u32 first = 0, end = b->n_words, n, hash, mask, i;
	struct cls_class *c;
	const u64 *w;
	int err;

	while (end && !b->scratch[end - 1])
		end--;
	while (first < end && !b->scratch[first])
		first++;
	n = end - first;
	/* one way to write the empty bitmap */
	if (!n)
		first = 0;
	w = b->scratch + first;

	err = cls_grow_classes(b);
	if (err)
		return err;

	hash = jhash2((const u32 *)w, 2 * n, b->seed + first);
	mask = 2 * b->max_classes - 1;
	for (i = hash & mask; b->table[i] != CLS_NO_ID; i = (i + 1) & mask) {
		*id = b->table[i];
		c = &b->cls->classes[*id];
		if (b->hash[*id] == hash && c->first == first && c->n == n &&
		    !memcmp(cls_words(b->cls, *id), w, n * sizeof(*w)))
			return 0;
	}

	err = dash_cls_class_reserve(b, n);
	if (err)
		return err;
	*id = b->n_classes++;
	b->table[i] = *id;
	b->hash[*id] = hash;
	c = &b->cls->classes[*id];
	c->off = b->used_words;
	c->first = first;
	c->n = n;
	memcpy(b->cls->words + c->off, w, n * sizeof(*w));
	b->used_words += n;
	return 0;
}

/**
 * dash_cls_class_load() - copy a class to scratch
 * @b: compiler
 * @id: number of the class
 */
void dash_cls_class_load(struct cls_build *b, u32 id)
{
	const struct cls_class *c = &b->cls->classes[id];

	memset(b->scratch, 0, b->n_words * sizeof(*b->scratch));
	memcpy(b->scratch + c->first, cls_words(b->cls, id),
	       c->n * sizeof(*b->scratch));
}

/**
 * dash_cls_class_shrink() - give back what growing by doubling took too much
 * @b: compiler; no class can be added any more
 *
 * Context: Process context, may sleep. It is no harm if there is no memory.
 */
void dash_cls_class_shrink(struct cls_build *b)
{
	struct dash_classifier *cls = b->cls;
	size_t n = b->used_words * sizeof(*cls->words);
	void *p;

	p = n ? cls_resize(cls->words, n, n, b->gfp | __GFP_NOWARN) : NULL;
	if (p)
		cls->words = p;
	n = b->n_classes * sizeof(*cls->classes);
	p = cls_resize(cls->classes, n, n, b->gfp | __GFP_NOWARN);
	if (p)
		cls->classes = p;
}
