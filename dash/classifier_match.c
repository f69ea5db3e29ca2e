// SPDX-License-Identifier: GPL-2.0
/*
 * The way of packets through compiled rules. See classifier.c for the theory
 * of operation.
 */

#include <linux/bitops.h>
#include <linux/compiler_attributes.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/prefetch.h>

#include "classifier_impl.h"

/* CLS_CLASSES: so many classes of a side are kept apart, see cls_side_word() */
#define CLS_CLASSES 6

/* CLS_GROUP: so many lookups go in step; what they need is on the stack */
#define CLS_GROUP 5

/**
 * struct cls_side_walk - classes of one side
 */
struct cls_side_walk {
	/** @class: of the prefix and of tags, but CLS_EMPTY ones */
	u32 class[CLS_CLASSES];
	/** @n: length of @class */
	u32 n;
	/** @more: there are more, look at the tags again */
	bool more;
};

/**
 * struct cls_walk - a lookup under way
 */
struct cls_walk {
	/** @src: classes of the source address */
	struct cls_side_walk src;
	/** @dst: classes of the destination address */
	struct cls_side_walk dst;
	/** @sport: interval, then class of the source port */
	u32 sport;
	/** @dport: interval, then class of the destination port */
	u32 dport;
	/** @proto: class of the protocol */
	u32 proto;
	/** @todo: blocks that every field has */
	u64 todo;
};

static void cls_prefetch_lines(const void *p, size_t n)
{
	const char *c = p;
	size_t i;

	for (i = 0; i < n; i += L1_CACHE_BYTES)
		prefetch(c + i);
}

static u32 cls_tag_class(const struct cls_tags *tags, u32 id)
{
	u32 mask = cls_tag_mask(tags);
	u32 i = cls_tag_hash(tags, id);

	while (tags->slot[i].class != CLS_EMPTY) {
		if (tags->slot[i].id == id)
			return tags->slot[i].class;
		i = (i + 1) & mask;
	}
	return CLS_EMPTY;
}

/* Interval of a port; the table is there. */
static u32 cls_port_interval(const struct cls_ports *ports, u16 port)
{
	u64 rank = ports->rank[port / 32];

	/* up to and with the port's own bit, of which the first is interval 0 */
	return (rank >> 32) + hweight32((u32)rank << (31 - port % 32)) - 1;
}

static void cls_add_class(const struct dash_classifier *cls,
			  struct cls_side_walk *side, u32 class)
{
	if (class == CLS_EMPTY)
		return;
	if (side->n == CLS_CLASSES) {
		side->more = true;
		return;
	}
	prefetch(cls->arena + class);
	side->class[side->n++] = class;
}

static void cls_add_classes(const struct dash_classifier *cls,
			    struct cls_side_walk *side, u32 prefix,
			    const struct cls_tags *tags,
			    const struct dash_cls_tags *has)
{
	u32 i;

	side->n = 0;
	side->more = false;
	if (prefix != DASH_LPM_NONE)
		cls_add_class(cls, side, prefix);
	if (!tags->slot)
		return;
	for (i = 0; i < has->n; i++)
		cls_add_class(cls, side, cls_tag_class(tags, has->id[i]));
}

/* Request the places where the search for tags begins. */
static void cls_prefetch_tags(const struct cls_tags *tags,
			      const struct dash_cls_tags *has)
{
	u32 i;

	if (!tags->slot)
		return;
	for (i = 0; i < min_t(u32, has->n, CLS_CLASSES); i++)
		prefetch(&tags->slot[cls_tag_hash(tags, has->id[i])]);
}

/* Blocks that a side has, those of rules with any address left out. */
static u64 cls_side_summary(const struct dash_classifier *cls,
			    const struct cls_side_walk *side,
			    const struct cls_tags *tags,
			    const struct dash_cls_tags *has)
{
	u64 summary = 0;
	u32 i;

	for (i = 0; i < side->n; i++)
		summary |= cls->arena[side->class[i]];
	if (unlikely(side->more))
		for (i = 0; i < has->n; i++)
			summary |= cls->arena[cls_tag_class(tags, has->id[i])];
	return summary;
}

/* Words of a block, which is @bit of the summary, of a class. */
static const u64 *cls_class_block(const struct dash_classifier *cls, u32 class,
				  u64 bit)
{
	static const u64 none[CLS_STRIDE];
	const u64 *rec = cls->arena + class;
	u64 before = rec[0] & (bit - 1);
	u32 at;

	if (!(rec[0] & bit))
		return none;
	/* dense classes are where there is most to do, and need no counting */
	at = before == bit - 1 ? __ffs64(bit) : hweight64(before);
	return rec + 1 + at * cls->stride;
}

static u64 cls_side_word(const struct dash_classifier *cls,
			 const struct cls_side_walk *side,
			 const struct cls_tags *tags,
			 const struct dash_cls_tags *has, u64 bit, u32 j)
{
	u64 word = 0;
	u32 i;

	for (i = 0; i < side->n; i++)
		word |= cls_class_block(cls, side->class[i], bit)[j];
	if (unlikely(side->more))
		for (i = 0; i < has->n; i++)
			word |= cls_class_block(cls, cls_tag_class(tags, has->id[i]),
						bit)[j];
	return word;
}

/* First step: request what ports, protocol and tags are looked up in. */
static void cls_begin(const struct dash_classifier *cls, struct cls_walk *w,
		      const struct dash_cls_key *key)
{
	if (cls->sport.rank && key->has_ports)
		prefetch(&cls->sport.rank[key->sport / 32]);
	if (cls->dport.rank && key->has_ports)
		prefetch(&cls->dport.rank[key->dport / 32]);
	cls_prefetch_tags(&cls->src_tags, &key->src_tags);
	cls_prefetch_tags(&cls->dst_tags, &key->dst_tags);
	w->proto = cls->proto[key->proto];
	prefetch(cls->arena + w->proto);
}

/* Second step: intervals of the ports, classes of the addresses. */
static void cls_find(const struct dash_classifier *cls, struct cls_walk *w,
		     const struct dash_cls_key *key, u32 src, u32 dst)
{
	w->sport = U32_MAX;
	w->dport = U32_MAX;
	if (cls->sport.rank && key->has_ports) {
		w->sport = cls_port_interval(&cls->sport, key->sport);
		prefetch(&cls->sport.class[w->sport]);
	}
	if (cls->dport.rank && key->has_ports) {
		w->dport = cls_port_interval(&cls->dport, key->dport);
		prefetch(&cls->dport.class[w->dport]);
	}
	cls_add_classes(cls, &w->src, src, &cls->src_tags, &key->src_tags);
	cls_add_classes(cls, &w->dst, dst, &cls->dst_tags, &key->dst_tags);
}

/* Third step: the classes of the ports. */
static void cls_find_ports(const struct dash_classifier *cls,
			   struct cls_walk *w)
{
	w->sport = w->sport == U32_MAX ? CLS_EMPTY :
					 cls->sport.class[w->sport];
	w->dport = w->dport == U32_MAX ? CLS_EMPTY :
					 cls->dport.class[w->dport];
	prefetch(cls->arena + w->sport);
	prefetch(cls->arena + w->dport);
}

/* Fourth step: the blocks to look at. */
static void cls_summarise(const struct dash_classifier *cls,
			  struct cls_walk *w, const struct dash_cls_key *key)
{
	const u64 *arena = cls->arena;
	u64 todo;

	todo = cls->any_src | cls_side_summary(cls, &w->src, &cls->src_tags,
					       &key->src_tags);
	todo &= cls->any_dst | cls_side_summary(cls, &w->dst, &cls->dst_tags,
						&key->dst_tags);
	todo &= cls->any_proto | arena[w->proto];
	todo &= cls->any_sport | arena[w->sport];
	todo &= cls->any_dport | arena[w->dport];
	w->todo = todo;
	if (todo)
		prefetch(&cls->word[__ffs64(todo) * cls->stride]);
}

/* Words of a block of a side that is one class; NULL when it is several. */
static const u64 *cls_side_block(const struct dash_classifier *cls,
				 const struct cls_side_walk *side, u64 bit)
{
	if (side->n != 1 || side->more)
		return NULL;
	return cls_class_block(cls, side->class[0], bit);
}

/* First rule of a block that matches. */
static u32 cls_block_slot(const struct dash_classifier *cls,
			  const struct cls_walk *w,
			  const struct dash_cls_key *key, u32 block)
{
	const struct cls_word *word = &cls->word[block * cls->stride];
	u64 bit = BIT_ULL(block);
	const u64 *proto = cls_class_block(cls, w->proto, bit);
	const u64 *dport = cls_class_block(cls, w->dport, bit);
	const u64 *sport = cls_class_block(cls, w->sport, bit);
	const u64 *src = cls_side_block(cls, &w->src, bit);
	const u64 *dst = cls_side_block(cls, &w->dst, bit);
	u64 hits;
	u32 j;

	for (j = 0; j < cls->stride; j++, word++) {
		hits = word->live & (word->any_proto | proto[j]) &
		       (word->any_dport | dport[j]) &
		       (word->any_sport | sport[j]);
		if (hits && !(cls->any_src & bit))
			hits &= src ? src[j] :
				cls_side_word(cls, &w->src, &cls->src_tags,
					      &key->src_tags, bit, j);
		if (hits && !(cls->any_dst & bit))
			hits &= dst ? dst[j] :
				cls_side_word(cls, &w->dst, &cls->dst_tags,
					      &key->dst_tags, bit, j);
		if (hits)
			return (block * cls->stride + j) * 64 + __ffs64(hits);
	}
	return DASH_CLS_NONE;
}

/* Last step: the best of the first matches of each block. */
static u32 cls_first(const struct dash_classifier *cls,
		     const struct cls_walk *w, const struct dash_cls_key *key)
{
	u32 best = DASH_CLS_NONE, rank = U32_MAX, slot, block;
	u64 todo = w->todo;

	while (todo) {
		block = __ffs64(todo);
		todo &= todo - 1;
		/* blocks are in the order of their first rules */
		if (best != DASH_CLS_NONE && cls->first[block] > rank)
			break;
		slot = cls_block_slot(cls, w, key, block);
		if (slot == DASH_CLS_NONE)
			continue;
		/* mostly it is the only one, and its rank is not asked for */
		if (best == DASH_CLS_NONE && !todo)
			return slot;
		if (cls->rank[slot] < rank) {
			rank = cls->rank[slot];
			best = slot;
		}
	}
	return best;
}

static void cls_finish(struct dash_cls_hit *hit, const struct cls_walk *w,
		       const struct dash_cls_key *key)
{
	const struct cls_word *word;
	u32 i;

	hit->slot = cls_first(hit->cls, w, key);
	hit->flags = 0;
	if (hit->slot == DASH_CLS_NONE)
		return;
	word = &hit->cls->word[hit->slot / 64];
	for (i = 0; i < DASH_CLS_FLAGS; i++)
		if (word->flag[i] & BIT_ULL(hit->slot % 64))
			hit->flags |= BIT(i);
}

static void cls_match_group(struct dash_cls_hit *hit, u32 n,
			    const struct dash_cls_key *key)
{
	struct dash_lpm_walk lpm[2 * CLS_GROUP] __uninitialized;
	struct cls_walk walk[CLS_GROUP] __uninitialized;
	u32 i;

	for (i = 0; i < n; i++) {
		dash_lpm_walk_init(&lpm[2 * i], &hit[i].cls->src, &key->src);
		dash_lpm_walk_init(&lpm[2 * i + 1], &hit[i].cls->dst,
				   &key->dst);
		cls_begin(hit[i].cls, &walk[i], key);
	}
	dash_lpm_walk_all(lpm, 2 * n);
	for (i = 0; i < n; i++)
		cls_find(hit[i].cls, &walk[i], key,
			 dash_lpm_walk_value(&lpm[2 * i]),
			 dash_lpm_walk_value(&lpm[2 * i + 1]));
	for (i = 0; i < n; i++)
		cls_find_ports(hit[i].cls, &walk[i]);
	for (i = 0; i < n; i++)
		cls_summarise(hit[i].cls, &walk[i], key);
	for (i = 0; i < n; i++)
		cls_finish(&hit[i], &walk[i], key);
}

/**
 * dash_classifier_match_many() - find the best rules of several classifiers
 * @hit: the classifiers, and where to put the results
 * @n: how many
 * @key: the packet
 *
 * They are asked step by step together, so that what one waits for in memory
 * the others wait for at the same time.
 *
 * Context: RCU read side (rcu_read_lock() or softirqs disabled). No writes, no
 * allocation; bounded by the number of rules, not by how many match.
 */
void dash_classifier_match_many(struct dash_cls_hit *hit, u32 n,
				const struct dash_cls_key *key)
{
	u32 i;

	for (i = 0; i < n; i++) {
		cls_prefetch_lines(hit[i].cls,
				   offsetof(struct dash_classifier, proto));
		prefetch(&hit[i].cls->proto[key->proto]);
	}
	for (i = 0; i < n; i += CLS_GROUP)
		cls_match_group(hit + i, min_t(u32, n - i, CLS_GROUP), key);
}

/**
 * dash_classifier_rule() - the rule of a hit
 * @cls: the classifier
 * @slot: of the hit
 *
 * Context: RCU read side, or who owns @cls.
 * Return: index of the rule, or DASH_CLS_NONE.
 */
u32 dash_classifier_rule(const struct dash_classifier *cls, u32 slot)
{
	return slot == DASH_CLS_NONE ? DASH_CLS_NONE : cls->rank[slot];
}

/**
 * dash_classifier_match() - find the best rule
 * @cls: the classifier
 * @key: the packet
 *
 * Context: As dash_classifier_match_many().
 * Return: index of the first rule that matches, or DASH_CLS_NONE.
 */
u32 dash_classifier_match(const struct dash_classifier *cls,
			  const struct dash_cls_key *key)
{
	struct dash_cls_hit hit = { .cls = cls };

	dash_classifier_match_many(&hit, 1, key);
	return dash_classifier_rule(cls, hit.slot);
}
