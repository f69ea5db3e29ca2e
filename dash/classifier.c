// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * Bit vector packet classification (T.V. Lakshman and D. Stiliadis,
 * "High-speed policy-based packet forwarding using efficient multi-dimensional
 * range matching", SIGCOMM 1998). Each of the five fields is looked up alone
 * and gives a class; a class is the bitmap of the rules that this field alone
 * would let match. Rules are numbered best first, so the first bit set in the
 * intersection of the five bitmaps is the answer::
 *
 *   source 10.1.2.3 --- LPM -----------> class 7 ---> 0 1 1 0 1 0 ...
 *   destination     --- LPM -----------> class 2 ---> 1 1 0 0 1 1 ...
 *   source port     --- boundaries ----> class 0 ---> 1 1 1 1 1 1 ...
 *   destination port -- boundaries ----> class 9 ---> 0 1 0 0 1 0 ...
 *   protocol        --- table of 256 --> class 0 ---> 1 1 1 1 1 1 ...
 *                                             AND     -----------
 *                                                     0 1 0 0 1 0 ...
 *                                                       ^ rule 1 matches
 *
 * - Addresses: the class of a prefix is that of the next shorter prefix that
 *   covers it plus the rules that name it, so that the longest match knows all
 *   rules. The root class, of addresses in no prefix, holds the rules with any
 *   address. A prefix that adds nothing to its covering one is left out.
 * - Ports: the classes change only where a range begins or has ended. These
 *   boundaries are sorted and searched. One more class, of the rules with any
 *   port, is for packets that have no ports.
 *
 * Equal bitmaps are stored once. Of each only the words from the first to the
 * last that is not zero are stored, and only words that all five have are
 * looked at.
 *
 * The compiler sorts the prefixes of a side by (address, length) with a radix
 * sort and sweeps over them with the stack of covering prefixes, at most one
 * per prefix length. It sees a prefix set that many rules share as one set
 * with many rules: sets are never expanded into (prefix, rule) pairs.
 *
 * With R rules, W = R / 64 words, P prefixes (shared sets once), B port
 * boundaries and C classes:
 *
 * - match takes two LPM lookups, two binary searches and at most 5 * W words
 * - compile takes O(P * (LPM depth + W) + B * W) at worst
 * - memory is at most 128 * P (LPM) + 8 * B + C * (8 + 8 * W) bytes, where
 *   C <= P + B + 260, but usually about the number of distinct address lists.
 *   DASH_CLS_MAX_BYTES bounds it.
 */

#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/jhash.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "classifier.h"
#include "lpm.h"

#define CLS_NO_ID U32_MAX

/* how many prefixes, sets or classes are handled between two cond_resched() */
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
 * struct cls_set - a distinct prefix set of one side, while compiling
 */
struct cls_set {
	/** @p: identity of the set: its array */
	const struct dash_prefix *p;
	/** @n: length of @p */
	u32 n;
	/** @rules: index of its first rule in cls_build.set_rules */
	u32 rules;
	/** @n_rules: number of rules that name it */
	u32 n_rules;
	/** @bitmap: the same rules, if they are many, or NULL */
	u64 *bitmap;
	/** @memo_from: covering class last seen */
	u32 memo_from;
	/** @memo_to: class of @memo_from plus the rules of this set */
	u32 memo_to;
};

/**
 * struct cls_elem - a prefix of a set, while compiling
 */
struct cls_elem {
	/** @key: the prefix, host bits zero */
	struct dash_lpm_key key;
	/** @set: number of the set */
	u32 set;
	/** @plen: prefix length */
	u8 plen;
};

/**
 * struct cls_cover - a prefix on the stack of covering prefixes
 */
struct cls_cover {
	/** @key: as cls_elem.key */
	struct dash_lpm_key key;
	/** @class: its class */
	u32 class;
	/** @plen: prefix length */
	u8 plen;
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

	/** @sets: distinct sets of the side being compiled */
	struct cls_set *sets;
	/** @n_sets: number of @sets */
	u32 n_sets;
	/** @set_rules: rules of all sets, grouped by set */
	u32 *set_rules;
	/** @bitmaps: memory of all cls_set.bitmap */
	u64 *bitmaps;
	/** @elems: prefixes of all sets */
	struct cls_elem *elems;
	/** @n_elems: number of @elems */
	u32 n_elems;
	/** @count: histogram of the radix sort */
	u32 count[256];
	/** @cover: stack of covering prefixes, the root and one per length */
	struct cls_cover cover[DASH_LPM_MAX_BITS + 2];
};

/* --- classes --- */

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

static int cls_grow_words(struct cls_build *b, size_t more)
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

/* Number of the class with the bitmap in scratch, a new one if need be. */
static int cls_intern(struct cls_build *b, u32 *id)
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

	err = cls_grow_words(b, n);
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

static void cls_scratch_load(struct cls_build *b, u32 id)
{
	const struct cls_class *c = &b->cls->classes[id];

	memset(b->scratch, 0, b->n_words * sizeof(*b->scratch));
	memcpy(b->scratch + c->first, cls_words(b->cls, id),
	       c->n * sizeof(*b->scratch));
}

static void cls_set_bit(u64 *words, u32 rule)
{
	words[rule / 64] |= BIT_ULL(rule % 64);
}

static void cls_clear_bit(u64 *words, u32 rule)
{
	words[rule / 64] &= ~BIT_ULL(rule % 64);
}

/* --- addresses --- */

static void cls_rule_side(const struct dash_cls_rule *r, bool dst,
			  const struct dash_prefix_set **sets, u32 *n)
{
	*sets = dst ? r->dst : r->src;
	*n = dst ? r->n_dst_sets : r->n_src_sets;
	if (dst ? r->dst_any : r->src_any)
		*n = 0;
}

/* Number of a set; sets are the same when they are the same array. */
static u32 cls_set_id(struct cls_build *b, u32 *table, u32 mask,
		      const struct dash_prefix_set *set)
{
	u32 i = jhash(&set->p, sizeof(set->p), b->seed + set->n) & mask;
	struct cls_set *s;

	for (; table[i] != CLS_NO_ID; i = (i + 1) & mask) {
		s = &b->sets[table[i]];
		if (s->p == set->p && s->n == set->n)
			return table[i];
	}
	table[i] = b->n_sets;
	s = &b->sets[b->n_sets];
	s->p = set->p;
	s->n = set->n;
	s->memo_from = CLS_NO_ID;
	return b->n_sets++;
}

/* Find the distinct sets of a side and the rules of each. */
static int cls_collect_sets(struct cls_build *b, bool dst)
{
	const struct dash_prefix_set *set;
	u32 rule, n, i, id, at, n_refs = 0;
	u32 *table, *ref, *refs;
	u64 total = 0;
	u32 mask;
	int err;

	for (rule = 0; rule < b->n_rules; rule++) {
		cls_rule_side(&b->rules[rule], dst, &set, &n);
		total += n;
		if (total > DASH_CLS_MAX_PREFIXES)
			return -E2BIG;
	}

	mask = roundup_pow_of_two(2 * (u32)total + 1) - 1;
	b->sets = kvcalloc(total + 1, sizeof(*b->sets), GFP_KERNEL);
	b->set_rules = kvmalloc_array(total + 1, sizeof(u32), GFP_KERNEL);
	refs = kvmalloc_array(total + 1, sizeof(*refs), GFP_KERNEL);
	table = kvmalloc_array(mask + 1, sizeof(*table), GFP_KERNEL);
	err = -ENOMEM;
	if (!b->sets || !b->set_rules || !refs || !table)
		goto out_free;
	memset(table, 0xff, (mask + 1) * sizeof(*table));

	for (rule = 0; rule < b->n_rules; rule++) {
		cls_rule_side(&b->rules[rule], dst, &set, &n);
		for (i = 0; i < n; i++, set++) {
			id = cls_set_id(b, table, mask, set);
			b->sets[id].n_rules++;
			refs[n_refs++] = id;
			if (n_refs % CLS_CHUNK == 0)
				cond_resched();
		}
	}

	/* counting sort of the references by set */
	for (id = 0, at = 0; id < b->n_sets; id++) {
		b->sets[id].rules = at;
		at += b->sets[id].n_rules;
		b->sets[id].n_rules = 0;
	}
	for (rule = 0, ref = refs; rule < b->n_rules; rule++) {
		cls_rule_side(&b->rules[rule], dst, &set, &n);
		for (i = 0; i < n; i++) {
			struct cls_set *s = &b->sets[*ref++];

			b->set_rules[s->rules + s->n_rules++] = rule;
		}
		if (rule % CLS_CHUNK == 0)
			cond_resched();
	}
	err = 0;
out_free:
	kvfree(table);
	kvfree(refs);
	return err;
}

static int cls_collect_elems(struct cls_build *b)
{
	const struct dash_prefix *p;
	struct cls_elem *e;
	u64 total = 0;
	u32 id, i;

	for (id = 0; id < b->n_sets; id++) {
		total += b->sets[id].n;
		if (total > DASH_CLS_MAX_PREFIXES)
			return -E2BIG;
	}
	b->elems = kvmalloc_array(total + 1, sizeof(*b->elems), GFP_KERNEL);
	if (!b->elems)
		return -ENOMEM;

	e = b->elems;
	for (id = 0; id < b->n_sets; id++) {
		p = b->sets[id].p;
		for (i = 0; i < b->sets[id].n; i++, p++, e++) {
			if (p->plen > b->bits)
				return -EINVAL;
			e->key = dash_lpm_key_load(p->b, b->bits, p->plen);
			e->plen = p->plen;
			e->set = id;
			if (i % CLS_CHUNK == 0)
				cond_resched();
		}
	}
	b->n_elems = total;
	return 0;
}

/* Digit of the radix sort, least significant first: length, then address. */
static u8 cls_digit(const struct cls_elem *e, unsigned int digit)
{
	if (!digit)
		return e->plen;
	digit--;
	return (digit < 8 ? e->key.lo : e->key.hi) >> (8 * (digit % 8));
}

/* sort() would be several times slower: indirect calls and O(n log n) */
static int cls_sort_elems(struct cls_build *b)
{
	u32 n = b->n_elems, sum, i, c;
	struct cls_elem *to;
	unsigned int d;

	to = kvmalloc_array(n + 1, sizeof(*to), GFP_KERNEL);
	if (!to)
		return -ENOMEM;

	for (d = 0; d <= 16; d++) {
		memset(b->count, 0, sizeof(b->count));
		for (i = 0; i < n; i++)
			b->count[cls_digit(&b->elems[i], d)]++;
		cond_resched();
		/* the same everywhere: nothing to do */
		if (n && b->count[cls_digit(&b->elems[0], d)] == n)
			continue;
		for (c = 0, sum = 0; c < 256; c++) {
			swap(b->count[c], sum);
			sum += b->count[c];
		}
		for (i = 0; i < n; i++) {
			c = cls_digit(&b->elems[i], d);
			to[b->count[c]++] = b->elems[i];
		}
		swap(b->elems, to);
		cond_resched();
	}
	kvfree(to);
	return 0;
}

/*
 * A set that many rules name, such as a tag, would cost a bit operation per
 * rule at each of its prefixes; as a bitmap it costs n_words.
 */
static int cls_make_bitmaps(struct cls_build *b)
{
	u32 id, i, n = 0;
	struct cls_set *s;

	for (id = 0; id < b->n_sets; id++)
		if (b->sets[id].n_rules > b->n_words)
			n++;
	b->bitmaps = kvcalloc((size_t)n * b->n_words + 1, sizeof(u64),
			      GFP_KERNEL);
	if (!b->bitmaps)
		return -ENOMEM;

	for (id = 0, n = 0; id < b->n_sets; id++) {
		s = &b->sets[id];
		if (s->n_rules <= b->n_words)
			continue;
		s->bitmap = b->bitmaps + (size_t)n++ * b->n_words;
		for (i = 0; i < s->n_rules; i++)
			cls_set_bit(s->bitmap, b->set_rules[s->rules + i]);
		cond_resched();
	}
	return 0;
}

static void cls_scratch_add_set(struct cls_build *b, const struct cls_set *s)
{
	u32 i;

	if (s->bitmap) {
		for (i = 0; i < b->n_words; i++)
			b->scratch[i] |= s->bitmap[i];
		return;
	}
	for (i = 0; i < s->n_rules; i++)
		cls_set_bit(b->scratch, b->set_rules[s->rules + i]);
}

/* Class @from plus the rules of the sets of equal prefixes e up to end. */
static int cls_extend(struct cls_build *b, u32 from, const struct cls_elem *e,
		      const struct cls_elem *end, u32 *id)
{
	struct cls_set *s = &b->sets[e->set];
	/* the sort is stable and began with the sets in order */
	bool one = e->set == end[-1].set;
	int err;

	if (one && s->memo_from == from) {
		*id = s->memo_to;
		return 0;
	}
	cls_scratch_load(b, from);
	for (; e < end; e++)
		cls_scratch_add_set(b, &b->sets[e->set]);
	err = cls_intern(b, id);
	if (!err && one) {
		s->memo_from = from;
		s->memo_to = *id;
	}
	return err;
}

static size_t cls_bytes(const struct cls_build *b, size_t lpm_bytes)
{
	const struct dash_classifier *cls = b->cls;
	size_t ports = (size_t)cls->sport.max + cls->dport.max;

	return sizeof(*cls) + lpm_bytes +
	       b->n_classes * sizeof(*cls->classes) +
	       b->used_words * sizeof(*cls->words) +
	       ports * (sizeof(*cls->sport.lo) + sizeof(*cls->sport.class));
}

static bool cls_same_prefix(const struct cls_elem *a, const struct cls_elem *b)
{
	return a->key.hi == b->key.hi && a->key.lo == b->key.lo &&
	       a->plen == b->plen;
}

/* Visit the sorted prefixes with the stack of those that cover the next. */
static int cls_sweep(struct cls_build *b, struct cls_side *side,
		     struct dash_lpm_txn *txn)
{
	const struct cls_elem *e = b->elems, *end = e + b->n_elems, *next;
	size_t before = dash_lpm_bytes(&b->cls->src.lpm);
	struct cls_cover *top = b->cover;
	u8 addr[16];
	u32 n = 0, id;
	int err;

	top->key = (struct dash_lpm_key){};
	top->plen = 0;
	top->class = side->root;

	for (; e < end; e = next) {
		for (next = e + 1; next < end; next++)
			if (!cls_same_prefix(e, next))
				break;
		/* the root, at the bottom, covers everything */
		while (dash_lpm_key_common(top->key, e->key) < top->plen)
			top--;
		err = cls_extend(b, top->class, e, next, &id);
		if (err)
			return err;
		if (id != top->class) {
			dash_lpm_key_store(e->key, addr);
			err = dash_lpm_set(txn, addr, e->plen, id, NULL);
			if (err)
				return err;
			top++;
			top->key = e->key;
			top->plen = e->plen;
			top->class = id;
		}
		if (++n % CLS_CHUNK == 0) {
			if (cls_bytes(b, before + dash_lpm_txn_bytes(txn)) >
			    DASH_CLS_MAX_BYTES)
				return -E2BIG;
			cond_resched();
		}
	}
	return 0;
}

static void cls_free_sets(struct cls_build *b)
{
	kvfree(b->sets);
	kvfree(b->set_rules);
	kvfree(b->bitmaps);
	kvfree(b->elems);
	b->sets = NULL;
	b->set_rules = NULL;
	b->bitmaps = NULL;
	b->elems = NULL;
	b->n_sets = 0;
	b->n_elems = 0;
}

static int cls_build_side(struct cls_build *b, bool dst)
{
	struct cls_side *side = dst ? &b->cls->dst : &b->cls->src;
	const struct dash_cls_rule *r = b->rules;
	struct dash_lpm_txn txn;
	u32 i;
	int err;

	memset(b->scratch, 0, b->n_words * sizeof(*b->scratch));
	for (i = 0; i < b->n_rules; i++, r++)
		if (dst ? r->dst_any : r->src_any)
			cls_set_bit(b->scratch, i);
	err = cls_intern(b, &side->root);
	if (err)
		return err;

	err = cls_collect_sets(b, dst);
	if (err)
		goto out_free_sets;
	err = cls_make_bitmaps(b);
	if (err)
		goto out_free_sets;
	err = cls_collect_elems(b);
	if (err)
		goto out_free_sets;
	err = cls_sort_elems(b);
	if (err)
		goto out_free_sets;

	dash_lpm_begin(&txn, &side->lpm);
	err = cls_sweep(b, side, &txn);
	if (err)
		dash_lpm_abort(&txn);
	else
		dash_lpm_commit(&txn);
out_free_sets:
	cls_free_sets(b);
	return err;
}

/* --- ports --- */

/**
 * struct cls_event - a range begins, or has ended just before
 */
struct cls_event {
	/** @next: number of another event at the same port, or CLS_NO_ID */
	u32 next;
	/** @rule: the range's rule */
	u32 rule;
	/** @step: 1 if it begins, -1 if it has ended */
	s32 step;
};

#define CLS_PORTS 65536

static const struct dash_port_range *
cls_rule_ports(const struct dash_cls_rule *r, bool dst, u32 *n)
{
	*n = dst ? r->n_dport : r->n_sport;
	return dst ? r->dport : r->sport;
}

/* Put a rule without ports into scratch, count and check the ranges. */
static int cls_scan_ports(struct cls_build *b, bool dst, u32 *total)
{
	const struct dash_port_range *range;
	u64 sum = 0;
	u32 rule, n;

	memset(b->scratch, 0, b->n_words * sizeof(*b->scratch));
	for (rule = 0; rule < b->n_rules; rule++) {
		range = cls_rule_ports(&b->rules[rule], dst, &n);
		if (!n)
			cls_set_bit(b->scratch, rule);
		sum += n;
		if (sum > DASH_CLS_MAX_PORT_RANGES)
			return -E2BIG;
		for (; n; n--, range++)
			if (range->lo > range->hi)
				return -EINVAL;
	}
	*total = sum;
	return 0;
}

/* Chain the events of each port; return how many ports have some. */
static u32 cls_chain_events(struct cls_build *b, bool dst, u32 *head,
			    struct cls_event *ev)
{
	const struct dash_port_range *range;
	u32 rule, n, n_ev = 0, used = 0, i, port;

	memset(head, 0xff, CLS_PORTS * sizeof(*head));
	for (rule = 0; rule < b->n_rules; rule++) {
		range = cls_rule_ports(&b->rules[rule], dst, &n);
		for (; n; n--, range++) {
			for (i = 0; i < 2; i++) {
				port = i ? range->hi + 1 : range->lo;
				if (port == CLS_PORTS)
					continue;
				used += head[port] == CLS_NO_ID;
				ev[n_ev].next = head[port];
				ev[n_ev].rule = rule;
				ev[n_ev].step = i ? -1 : 1;
				head[port] = n_ev++;
			}
		}
		if (rule % CLS_CHUNK == 0)
			cond_resched();
	}
	return used;
}

/* Sweep over the ports; scratch holds the rules without ports. */
static int cls_sweep_ports(struct cls_build *b, struct cls_ports *ports,
			   const u32 *head, const struct cls_event *ev,
			   s32 *open)
{
	u32 port, i, id, rule;
	int err;

	for (port = 0; port < CLS_PORTS; port++) {
		if (port && head[port] == CLS_NO_ID)
			continue;
		for (i = head[port]; i != CLS_NO_ID; i = ev[i].next) {
			/* ranges of one rule may overlap */
			rule = ev[i].rule;
			open[rule] += ev[i].step;
			if (open[rule])
				cls_set_bit(b->scratch, rule);
			else
				cls_clear_bit(b->scratch, rule);
		}
		err = cls_intern(b, &id);
		if (err)
			return err;
		/* adjacent ranges of one rule make no difference */
		if (ports->n && ports->class[ports->n - 1] == id)
			continue;
		ports->lo[ports->n] = port;
		ports->class[ports->n] = id;
		if (++ports->n % CLS_CHUNK == 0)
			cond_resched();
	}
	return 0;
}

static int cls_build_ports(struct cls_build *b, bool dst)
{
	struct cls_ports *ports = dst ? &b->cls->dport : &b->cls->sport;
	struct cls_event *ev;
	u32 *head, total;
	s32 *open;
	int err;

	err = cls_scan_ports(b, dst, &total);
	if (err)
		return err;
	err = cls_intern(b, &ports->none);
	if (err || !total)
		return err;

	head = kvmalloc_array(CLS_PORTS, sizeof(*head), GFP_KERNEL);
	ev = kvmalloc_array(total, 2 * sizeof(*ev), GFP_KERNEL);
	open = kvcalloc(b->n_rules, sizeof(*open), GFP_KERNEL);
	err = -ENOMEM;
	if (!head || !ev || !open)
		goto out_free;

	/* one more for port 0, where the first interval begins */
	ports->max = cls_chain_events(b, dst, head, ev) + 1;
	ports->lo = kvmalloc_array(ports->max, sizeof(*ports->lo), b->gfp);
	ports->class = kvmalloc_array(ports->max, sizeof(*ports->class),
				      b->gfp);
	if (!ports->lo || !ports->class)
		goto out_free;
	err = cls_sweep_ports(b, ports, head, ev, open);
out_free:
	kvfree(open);
	kvfree(ev);
	kvfree(head);
	return err;
}

/* --- protocols --- */

static int cls_build_proto(struct cls_build *b)
{
	const struct dash_cls_rule *r;
	u64 *rows, *any;
	u32 rule, i, w;
	int err = 0;

	/* a row per protocol, and one for the rules with any protocol */
	rows = kvcalloc(257 * (b->n_words + 1), sizeof(*rows), GFP_KERNEL);
	if (!rows)
		return -ENOMEM;
	any = rows + 256 * b->n_words;

	for (rule = 0; rule < b->n_rules; rule++) {
		r = &b->rules[rule];
		if (!r->n_protos)
			cls_set_bit(any, rule);
		for (i = 0; i < r->n_protos; i++)
			cls_set_bit(rows + r->protos[i] * b->n_words, rule);
	}
	for (i = 0; i < 256 && !err; i++) {
		for (w = 0; w < b->n_words; w++)
			b->scratch[w] = rows[i * b->n_words + w] | any[w];
		err = cls_intern(b, &b->cls->proto[i]);
	}
	kvfree(rows);
	return err;
}

/* --- the whole --- */

/* Give back what growing by doubling took too much; failing is no harm. */
static void cls_shrink(struct cls_build *b)
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

/**
 * dash_classifier_build() - compile rules
 * @bits: address length of the rules, 32 (IPv4) or 128 (IPv6)
 * @rules: the rules, best first; NULL if there are none
 * @n_rules: number of @rules; with 0 nothing ever matches
 * @gfp: GFP_KERNEL or GFP_KERNEL_ACCOUNT; for what the result keeps, but the
 *       LPM nodes, which are accounted in any case
 *
 * Nothing of @rules is used after the return.
 *
 * Context: Process context, may sleep and take long; call it without a lock
 * that packets or other writers could wait for.
 * Return: the classifier, to be freed with dash_classifier_free(), or
 * ERR_PTR(): -EINVAL for a bad @bits, prefix length or port range; -E2BIG
 * beyond one of the DASH_CLS_MAX_* limits; -ENOMEM.
 */
struct dash_classifier *
dash_classifier_build(unsigned int bits, const struct dash_cls_rule *rules,
		      u32 n_rules, gfp_t gfp)
{
	struct dash_classifier *cls;
	struct cls_build *b;
	int err;

	if (bits != 32 && bits != 128)
		return ERR_PTR(-EINVAL);
	if (n_rules > DASH_CLS_MAX_RULES)
		return ERR_PTR(-E2BIG);

	cls = kzalloc(sizeof(*cls), gfp);
	if (!cls)
		return ERR_PTR(-ENOMEM);
	dash_lpm_init(&cls->src.lpm, bits);
	dash_lpm_init(&cls->dst.lpm, bits);

	err = -ENOMEM;
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		goto out_free_cls;
	b->cls = cls;
	b->rules = rules;
	b->n_rules = n_rules;
	b->n_words = DIV_ROUND_UP(n_rules, 64);
	b->bits = bits;
	b->gfp = gfp;
	b->seed = get_random_u32();
	b->scratch = kcalloc(b->n_words + 1, sizeof(*b->scratch), GFP_KERNEL);
	if (!b->scratch)
		goto out_free_build;

	/* the empty class points there too */
	err = cls_grow_words(b, 1);
	if (!err)
		err = cls_build_proto(b);
	if (!err)
		err = cls_build_ports(b, false);
	if (!err)
		err = cls_build_ports(b, true);
	if (!err)
		err = cls_build_side(b, false);
	if (!err)
		err = cls_build_side(b, true);
	if (err)
		goto out_free_build;

	cls_shrink(b);
	cls->bytes = cls_bytes(b, dash_lpm_bytes(&cls->src.lpm) +
				  dash_lpm_bytes(&cls->dst.lpm));
	if (cls->bytes > DASH_CLS_MAX_BYTES)
		err = -E2BIG;

out_free_build:
	kvfree(b->table);
	kvfree(b->hash);
	kfree(b->scratch);
	kfree(b);
out_free_cls:
	if (err) {
		dash_classifier_free(cls);
		return ERR_PTR(err);
	}
	return cls;
}

static u32 cls_match_addr(const struct cls_side *side,
			  const union dash_cls_addr *addr)
{
	u32 id = dash_lpm_lookup(&side->lpm, addr, NULL);

	return id == DASH_LPM_NONE ? side->root : id;
}

static u32 cls_match_port(const struct cls_ports *ports, bool has_ports,
			  u16 port)
{
	u32 lo = 0, n = ports->n, half;

	if (!has_ports || !n)
		return ports->none;
	/* the last interval that begins at or before the port */
	while (n > 1) {
		half = n / 2;
		if (ports->lo[lo + half] <= port)
			lo += half;
		n -= half;
	}
	return ports->class[lo];
}

/**
 * dash_classifier_match() - find the best rule
 * @cls: the classifier
 * @key: the packet
 *
 * Context: RCU read side (rcu_read_lock() or softirqs disabled). No writes, no
 * allocation; bounded by the number of rules, not by how many match.
 * Return: index of the first rule that matches, or DASH_CLS_NONE.
 */
u32 dash_classifier_match(const struct dash_classifier *cls,
			  const struct dash_cls_key *key)
{
	const struct cls_class *c[5];
	u32 first = 0, end = U32_MAX;
	const u64 *words[5];
	u64 hits;
	u32 i, w;

	c[0] = &cls->classes[cls_match_addr(&cls->src, &key->src)];
	c[1] = &cls->classes[cls_match_addr(&cls->dst, &key->dst)];
	c[2] = &cls->classes[cls_match_port(&cls->sport, key->has_ports,
					    key->sport)];
	c[3] = &cls->classes[cls_match_port(&cls->dport, key->has_ports,
					    key->dport)];
	c[4] = &cls->classes[cls->proto[key->proto]];

	for (i = 0; i < ARRAY_SIZE(c); i++) {
		first = max_t(u32, first, c[i]->first);
		end = min_t(u32, end, c[i]->first + c[i]->n);
	}
	if (first >= end)
		return DASH_CLS_NONE;
	for (i = 0; i < ARRAY_SIZE(c); i++)
		words[i] = cls->words + c[i]->off + (first - c[i]->first);

	for (w = 0; w < end - first; w++) {
		hits = words[0][w] & words[1][w] & words[2][w] & words[3][w] &
		       words[4][w];
		if (hits)
			return (first + w) * 64 + __ffs64(hits);
	}
	return DASH_CLS_NONE;
}

/**
 * dash_classifier_free() - free a classifier
 * @cls: the classifier, or NULL
 *
 * Context: Process context, may sleep. The caller guarantees that a grace
 * period has passed since the last reader could reach @cls.
 */
void dash_classifier_free(struct dash_classifier *cls)
{
	if (!cls)
		return;

	dash_lpm_fini(&cls->src.lpm);
	dash_lpm_fini(&cls->dst.lpm);
	kvfree(cls->sport.lo);
	kvfree(cls->sport.class);
	kvfree(cls->dport.lo);
	kvfree(cls->dport.class);
	kvfree(cls->classes);
	kvfree(cls->words);
	kfree(cls);
}

/**
 * dash_classifier_bytes() - memory of a classifier
 * @cls: the classifier
 *
 * Context: Any, while @cls exists.
 * Return: bytes it keeps, never more than DASH_CLS_MAX_BYTES.
 */
size_t dash_classifier_bytes(const struct dash_classifier *cls)
{
	return cls->bytes;
}
