/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the classifier share: the compiled form and the compiler's
 * state. For them only; users include classifier.h.
 */
#ifndef _DASH_CLASSIFIER_IMPL_H
#define _DASH_CLASSIFIER_IMPL_H

#include <linux/bits.h>
#include <linux/gfp_types.h>
#include <linux/types.h>

#include "classifier.h"
#include "lpm.h"

/* CLS_NO_ID: no class, no set, end of a list */
#define CLS_NO_ID U32_MAX

/* CLS_CHUNK: so many small steps are done between two cond_resched() */
#define CLS_CHUNK 1024

/**
 * struct cls_class - a bitmap of rules without its zero words at both ends
 */
struct cls_class {
	/** @off: index of its first word in dash_classifier.words */
	u32 off;
	/** @first: number of the first word: rule / 64 */
	u16 first;
	/** @n: number of words; 0 = no rule */
	u16 n;
};

/**
 * struct cls_side - addresses of one direction
 */
struct cls_side {
	/** @lpm: prefix -> class */
	struct dash_lpm lpm;
	/** @root: class of addresses in no prefix */
	u32 root;
};

/**
 * struct cls_ports - ports of one direction
 */
struct cls_ports {
	/** @lo: first port of each interval, ascending, begins with 0 */
	u16 *lo;
	/** @class: class of each interval */
	u32 *class;
	/** @n: number of intervals; 0 = no rule has ports, @none is for all */
	u32 n;
	/** @max: size of @lo and @class */
	u32 max;
	/** @none: class of packets without ports */
	u32 none;
};

/**
 * struct dash_classifier - compiled rules; constant once built
 */
struct dash_classifier {
	/** @src: source addresses */
	struct cls_side src;
	/** @dst: destination addresses */
	struct cls_side dst;
	/** @sport: source ports */
	struct cls_ports sport;
	/** @dport: destination ports */
	struct cls_ports dport;
	/** @classes: all classes, of all fields */
	struct cls_class *classes;
	/** @words: bitmap words of all classes */
	u64 *words;
	/** @bytes: memory of all of this */
	size_t bytes;
	/** @proto: class of each protocol */
	u32 proto[256];
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
	/** @bits: address length */
	unsigned int bits;
	/** @gfp: for all that the result keeps */
	gfp_t gfp;

	/** @scratch: full bitmap of the class being made */
	u64 *scratch;
	/** @n_classes: classes so far */
	u32 n_classes;
	/** @max_classes: size of cls->classes and @hash */
	u32 max_classes;
	/** @hash: hash of each class */
	u32 *hash;
	/** @table: open addressing, hash -> class; 2 * @max_classes slots */
	u32 *table;
	/** @used_words: words so far */
	size_t used_words;
	/** @max_words: size of cls->words */
	size_t max_words;
	/** @seed: of @hash, so that collisions cannot be prepared */
	u32 seed;
};

static inline void cls_set_bit(u64 *words, u32 rule)
{
	words[rule / 64] |= BIT_ULL(rule % 64);
}

static inline void cls_clear_bit(u64 *words, u32 rule)
{
	words[rule / 64] &= ~BIT_ULL(rule % 64);
}

size_t dash_cls_bytes(const struct cls_build *b);

int dash_cls_class_reserve(struct cls_build *b, size_t more);
int dash_cls_class_intern(struct cls_build *b, u32 *id);
void dash_cls_class_load(struct cls_build *b, u32 id);
void dash_cls_class_shrink(struct cls_build *b);

int dash_cls_addr_build(struct cls_build *b, bool dst);
int dash_cls_port_build(struct cls_build *b, bool dst);

#endif /* _DASH_CLASSIFIER_IMPL_H */
