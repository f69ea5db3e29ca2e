// SPDX-License-Identifier: GPL-2.0
/*
 * Where in the bitmaps each rule has its bit: partitions, blocks, and rules
 * about the same addresses close together. See classifier.c for the theory of
 * operation.
 */

#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/math.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "classifier_impl.h"
#include "radix.h"

/* CLS_ORDER_DIGITS: bytes of what struct cls_place is sorted by */
#define CLS_ORDER_DIGITS 17

/**
 * enum cls_part - partitions: which sides of a rule say something
 * @CLS_PART_BOTH: source and destination
 * @CLS_PART_SRC: source only
 * @CLS_PART_DST: destination only
 * @CLS_PART_NONE: neither
 * @CLS_PARTS: number of partitions
 */
enum cls_part {
	CLS_PART_BOTH,
	CLS_PART_SRC,
	CLS_PART_DST,
	CLS_PART_NONE,
	CLS_PARTS,
};

/**
 * struct cls_place - a rule and by what it finds its place
 */
struct cls_place {
	/** @hi: address of the first side that has one, or what else there is */
	u64 hi;
	/** @lo: address of the other side, or what else there is */
	u64 lo;
	/** @rule: its number */
	u16 rule;
	/** @port: something of the destination port */
	u8 port;
};

/**
 * struct cls_order - state of giving each rule a bit
 *
 * A heap is what will be a block: rules that are neighbours when sorted. The
 * heaps of a partition follow one another.
 */
struct cls_order {
	/** @heap: the first one of each partition */
	u32 heap[CLS_PARTS + 1];
	/** @block: of each heap */
	u32 block[CLS_BLOCKS];
	/** @fill: rules in it so far */
	u32 fill[CLS_BLOCKS];
};

/* A list that has a /0 takes any address. */
static bool cls_side_is_any(const struct dash_cls_side *side)
{
	u32 i;

	if (side->any)
		return true;
	for (i = 0; i < side->n_prefix; i++)
		if (!side->prefix[i].plen)
			return true;
	return false;
}

static enum cls_part cls_rule_part(const struct dash_cls_rule *r)
{
	if (cls_side_is_any(&r->src))
		return cls_side_is_any(&r->dst) ? CLS_PART_NONE : CLS_PART_DST;
	return cls_side_is_any(&r->dst) ? CLS_PART_SRC : CLS_PART_BOTH;
}

/* How many words a block must have for all rules, so many of each partition */
static u32 cls_layout(struct cls_order *o, const u32 *n)
{
	u32 stride, part;

	BUILD_BUG_ON(DIV_ROUND_UP(DASH_CLS_MAX_RULES, 64 * CLS_STRIDE) +
		     CLS_PARTS > CLS_BLOCKS);
	for (stride = 1; ; stride++) {
		for (part = 0, o->heap[0] = 0; part < CLS_PARTS; part++)
			o->heap[part + 1] = o->heap[part] +
					    DIV_ROUND_UP(n[part], 64 * stride);
		if (o->heap[CLS_PARTS] <= CLS_BLOCKS)
			return stride;
	}
}

/* Addresses of a side, as a number; of a list the first prefix has to do. */
static u64 cls_side_key(const struct cls_build *b,
			const struct dash_cls_side *side)
{
	const struct dash_prefix *p = side->prefix;
	u64 key;

	if (!side->n_prefix)
		return side->n_tag ? side->tag[0] : 0;
	key = dash_lpm_key_load(p->b, b->bits, p->plen).hi;
	/* before what it covers, if there is room to say so */
	return p->plen <= 56 ? key | p->plen : key;
}

static u64 cls_rest_key(const struct dash_cls_rule *r)
{
	u64 key = r->n_dport ? r->dport->lo + 1 : 0;

	key = key << 24 | (r->n_sport ? r->sport->lo + 1 : 0);
	return key << 16 | (r->n_protos ? r->protos[0] + 1 : 0);
}

static void cls_find_place(const struct cls_build *b, u32 rule,
			   enum cls_part part, struct cls_place *p)
{
	const struct dash_cls_rule *r = &b->rules[rule];
	u64 rest = cls_rest_key(r);

	p->rule = rule;
	p->port = rest >> (40 + 9);
	p->lo = rest;
	switch (part) {
	case CLS_PART_BOTH:
		p->hi = cls_side_key(b, &r->src);
		p->lo = cls_side_key(b, &r->dst);
		break;
	case CLS_PART_SRC:
		p->hi = cls_side_key(b, &r->src);
		break;
	case CLS_PART_DST:
		p->hi = cls_side_key(b, &r->dst);
		break;
	default:
		p->hi = 0;
	}
}

static u8 cls_place_digit(const void *elem, unsigned int d)
{
	const struct cls_place *p = elem;

	if (!d--)
		return p->port;
	return (d < 8 ? p->lo : p->hi) >> (8 * (d % 8));
}

/* Sort each partition, cut it into heaps. @slot: partitions, then heaps */
static int cls_make_heaps(struct cls_build *b, struct cls_order *o, u32 *n,
			  u16 *slot)
{
	u32 at[CLS_PARTS], rule, part, i;
	struct cls_place *places, *spare, *p;
	int err = -ENOMEM;

	places = kvmalloc_array(b->n_rules + 1, sizeof(*places), GFP_KERNEL);
	spare = kvmalloc_array(b->n_rules + 1, sizeof(*spare), GFP_KERNEL);
	if (!places || !spare)
		goto out_free;
	for (part = 0, i = 0; part < CLS_PARTS; i += n[part++])
		at[part] = i;
	for (rule = 0; rule < b->n_rules; rule++) {
		part = slot[rule];
		cls_find_place(b, rule, part, &places[at[part]++]);
		if (rule % CLS_CHUNK == 0)
			cond_resched();
	}
	for (part = 0; part < CLS_PARTS; part++) {
		at[part] -= n[part];
		p = dash_radix_sort(places + at[part], spare + at[part],
				    n[part], sizeof(*p), CLS_ORDER_DIGITS,
				    cls_place_digit);
		for (i = 0; i < n[part]; i++)
			slot[p[i].rule] = o->heap[part] + i / (64 * b->stride);
	}
	err = 0;
out_free:
	kvfree(spare);
	kvfree(places);
	return err;
}

/* Heaps become blocks by their best rules, rules go in best first. */
static void cls_fill_blocks(struct cls_build *b, struct cls_order *o, u16 *slot)
{
	struct dash_classifier *cls = b->cls;
	u32 rule, heap, block, n_blocks = 0;

	for (rule = 0; rule < b->n_rules; rule++) {
		heap = slot[rule];
		if (!o->fill[heap]) {
			block = n_blocks++;
			o->block[heap] = block;
			cls->first[block] = rule;
			if (heap >= o->heap[CLS_PART_DST])
				cls->any_src |= BIT_ULL(block);
			if (heap >= o->heap[CLS_PART_NONE] ||
			    (heap >= o->heap[CLS_PART_SRC] &&
			     heap < o->heap[CLS_PART_DST]))
				cls->any_dst |= BIT_ULL(block);
		}
		slot[rule] = o->block[heap] * b->stride * 64 + o->fill[heap]++;
		cls->rank[slot[rule]] = rule;
	}
}

/**
 * dash_cls_order() - give each rule a bit
 * @b: compiler
 *
 * Context: Process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int dash_cls_order(struct cls_build *b)
{
	struct dash_classifier *cls = b->cls;
	u32 n[CLS_PARTS] = {}, rule;
	struct cls_order *o;
	int err = -ENOMEM;
	u16 *slot;

	slot = kvmalloc_array(b->n_rules + 1, sizeof(*slot), b->gfp);
	if (!slot)
		return -ENOMEM;
	cls->body->slot = slot;
	cls->body->n_rules = b->n_rules;
	b->slot = slot;

	o = kvzalloc(sizeof(*o), GFP_KERNEL);
	if (!o)
		return -ENOMEM;
	for (rule = 0; rule < b->n_rules; rule++) {
		slot[rule] = cls_rule_part(&b->rules[rule]);
		n[slot[rule]]++;
		if (rule % CLS_CHUNK == 0)
			cond_resched();
	}
	b->stride = cls_layout(o, n);
	b->n_words = o->heap[CLS_PARTS] * b->stride;
	cls->stride = b->stride;
	cls->n_words = b->n_words;
	cls->word = kvcalloc(b->n_words + 1, sizeof(*cls->word), b->gfp);
	cls->rank = kvcalloc(b->n_words + 1, 64 * sizeof(*cls->rank), b->gfp);
	if (cls->word && cls->rank)
		err = cls_make_heaps(b, o, n, slot);
	if (!err)
		cls_fill_blocks(b, o, slot);
	kvfree(o);
	return err;
}
