/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the classifier share: the compiled form and the compiler's
 * state. For them only; users include classifier.h.
 */
#ifndef _DASH_CLASSIFIER_IMPL_H
#define _DASH_CLASSIFIER_IMPL_H

#include <linux/bitops.h>
#include <linux/cache.h>
#include <linux/gfp_types.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "classifier.h"
#include "lpm.h"

/* CLS_EMPTY: the class of no rule, at the begin of the arena */
#define CLS_EMPTY 0

/* CLS_CHUNK: so many small steps are done between two cond_resched() */
#define CLS_CHUNK 1024

/* CLS_BLOCKS: blocks of words, one for each bit of a class's summary */
#define CLS_BLOCKS 64

/* CLS_STRIDE: most words per block, enough for DASH_CLS_MAX_RULES */
#define CLS_STRIDE 3

/* CLS_REC_WORDS: longest class */
#define CLS_REC_WORDS (1 + CLS_BLOCKS * CLS_STRIDE)

/**
 * struct cls_word - what is known of 64 rules apart from classes
 *
 * One cache line, so that all of it costs one miss.
 */
struct cls_word {
	/** @live: rules that are there */
	u64 live;
	/** @any_sport: rules without source ports */
	u64 any_sport;
	/** @any_dport: rules without destination ports */
	u64 any_dport;
	/** @any_proto: rules without protocol */
	u64 any_proto;
	/** @flag: rules with each flag */
	u64 flag[DASH_CLS_FLAGS];
	/** @pad: for the cache line */
	u64 pad;
};

/**
 * struct cls_tag - a place in a table of tags
 */
struct cls_tag {
	/** @id: the tag */
	u32 id;
	/** @class: rules that name it; CLS_EMPTY in an empty place */
	u32 class;
};

/**
 * struct cls_tags - tags that rules name on one side
 */
struct cls_tags {
	/** @slot: open addressing, at most half full; NULL without tags */
	struct cls_tag *slot;
	/** @mult: of the hash; odd, random */
	u32 mult;
	/** @shift: 32 - log2(number of places) */
	u32 shift;
};

/**
 * struct cls_ports - ports of one direction
 */
struct cls_ports {
	/**
	 * @rank: for each 32 ports, those where an interval begins as the low
	 * half, the number of intervals begun before as the high one; NULL if
	 * no rule has ports
	 */
	u64 *rank;
	/** @class: class of each interval */
	u32 *class;
};

/**
 * struct cls_body - what classifiers that differ in @live only share
 */
struct cls_body {
	/** @ref: classifiers */
	refcount_t ref;
	/** @n_rules: number of rules */
	u32 n_rules;
	/** @src: prefix -> class, sources */
	struct dash_lpm src;
	/** @dst: prefix -> class, destinations */
	struct dash_lpm dst;
	/** @slot: of each rule */
	u16 *slot;
	/** @bytes: memory of all of this, and of one classifier */
	size_t bytes;
};

/**
 * struct dash_classifier - compiled rules; constant once built
 *
 * In the order a lookup needs it. The tables belong to @body; the pointers,
 * and the LPMs, which do not change, are repeated here to save misses.
 */
struct dash_classifier {
	/** @arena: all classes, each a summary and its blocks */
	u64 *arena;
	/** @word: per 64 rules; of this classifier alone */
	struct cls_word *word;
	/** @sport: source ports */
	struct cls_ports sport;
	/** @dport: destination ports */
	struct cls_ports dport;
	/** @any_src: blocks of rules with any source, as in a summary */
	u64 any_src;
	/** @any_dst: blocks of rules with any destination */
	u64 any_dst;

	/** @any_sport: blocks with a rule with any source port */
	u64 any_sport;
	/** @any_dport: blocks with a rule with any destination port */
	u64 any_dport;
	/** @any_proto: blocks with a rule with any protocol */
	u64 any_proto;
	/** @rank: rule of each slot */
	u16 *rank;
	/** @stride: words per block */
	u32 stride;
	/** @n_words: number of words */
	u32 n_words;

	/** @src_tags: tags, sources */
	struct cls_tags src_tags;
	/** @dst_tags: tags, destinations */
	struct cls_tags dst_tags;
	/** @src: see &cls_body.src */
	struct dash_lpm src;
	/** @dst: see &cls_body.dst */
	struct dash_lpm dst;
	/** @first: best rule of each block, ascending */
	u16 first[CLS_BLOCKS];
	/** @proto: class of each protocol */
	u32 proto[256];
	/** @body: the rest */
	struct cls_body *body;
};

/**
 * struct cls_intern - a place in the table of classes, while compiling
 */
struct cls_intern {
	/** @hash: of the class */
	u32 hash;
	/** @class: its place in the arena; CLS_EMPTY in an empty place */
	u32 class;
};

/**
 * struct cls_build - state of the compiler
 */
struct cls_build {
	/** @cls: what is being built */
	struct dash_classifier *cls;
	/** @rules: the rules */
	const struct dash_cls_rule *rules;
	/** @n_rules: number of rules */
	u32 n_rules;
	/** @n_words: words of a full bitmap */
	u32 n_words;
	/** @stride: words per block */
	u32 stride;
	/** @bits: address length */
	unsigned int bits;
	/** @gfp: for all that the result keeps */
	gfp_t gfp;
	/** @why: text of the error */
	const char *why;
	/** @n_prefix: prefixes of each side */
	u32 n_prefix[2];
	/** @n_tag: mentions of tags of each side */
	u32 n_tag[2];
	/** @n_port: port ranges of each side */
	u32 n_port[2];

	/** @slot: of each rule, see &cls_body.slot */
	const u16 *slot;
	/** @scratch: a full bitmap */
	u64 scratch[CLS_BLOCKS * CLS_STRIDE];
	/** @rec: the class being made */
	u64 rec[CLS_REC_WORDS];
	/** @used: words of the arena so far */
	size_t used;
	/** @max: its size */
	size_t max;
	/** @table: open addressing, at most half full */
	struct cls_intern *table;
	/** @n_classes: classes in @table */
	u32 n_classes;
	/** @max_classes: size of @table, a power of two */
	u32 max_classes;
	/** @seed: of hashes, so that collisions cannot be prepared */
	u32 seed;
	/** @ports: memory of &cls_ports so far */
	size_t ports;
	/** @tags: memory of &cls_tags so far */
	size_t tags;
};

static inline void cls_set_bit(u64 *words, u32 slot)
{
	words[slot / 64] |= BIT_ULL(slot % 64);
}

static inline void cls_clear_bit(u64 *words, u32 slot)
{
	words[slot / 64] &= ~BIT_ULL(slot % 64);
}

/* Does a rule take any address on a side? */
static inline bool cls_rule_any(const struct cls_build *b, u32 rule, bool dst)
{
	u64 any = dst ? b->cls->any_dst : b->cls->any_src;

	return any & BIT_ULL(b->slot[rule] / 64 / b->stride);
}

static inline u32 cls_tag_hash(const struct cls_tags *tags, u32 id)
{
	return (id * tags->mult) >> tags->shift;
}

static inline u32 cls_tag_mask(const struct cls_tags *tags)
{
	return U32_MAX >> tags->shift;
}

int dash_cls_fail(struct cls_build *b, int err, const char *why);
size_t dash_cls_bytes(const struct cls_build *b);

int dash_cls_class_init(struct cls_build *b);
void dash_cls_class_pack(struct cls_build *b);
void dash_cls_class_extend(struct cls_build *b, u32 from, u32 slot);
int dash_cls_class_intern(struct cls_build *b, u32 *class);
void dash_cls_class_shrink(struct cls_build *b);

int dash_cls_order(struct cls_build *b);
int dash_cls_addr_build(struct cls_build *b, bool dst);
int dash_cls_tag_build(struct cls_build *b, bool dst);
int dash_cls_port_build(struct cls_build *b, bool dst);

#endif /* _DASH_CLASSIFIER_IMPL_H */
