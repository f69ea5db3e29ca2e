// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses of one side compiled: prefix sets -> LPM of classes. See
 * classifier.c for the theory of operation.
 */

#include <linux/jhash.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "classifier_impl.h"

/**
 * struct cls_set - a distinct prefix set of one side, while compiling
 */
struct cls_set {
	/** @p: identity of the set: its array */
	const struct dash_prefix *p;
	/** @n: length of @p */
	u32 n;
	/** @rules: index of its first rule in cls_addr.set_rules */
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
 * struct cls_addr - state of compiling one side
 */
struct cls_addr {
	/** @b: state of the whole compilation */
	struct cls_build *b;
	/** @dst: the side is the destination */
	bool dst;
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

/* The sets that a rule gives this side; none if it takes any address. */
static void cls_rule_sets(const struct cls_addr *a, u32 rule,
			  const struct dash_prefix_set **sets, u32 *n)
{
	const struct dash_cls_rule *r = &a->b->rules[rule];

	*sets = a->dst ? r->dst : r->src;
	*n = a->dst ? r->n_dst_sets : r->n_src_sets;
	if (a->dst ? r->dst_any : r->src_any)
		*n = 0;
}

/* Number of a set; sets are the same when they are the same array. */
static u32 cls_set_id(struct cls_addr *a, u32 *table, u32 mask,
		      const struct dash_prefix_set *set)
{
	u32 i = jhash(&set->p, sizeof(set->p), a->b->seed + set->n) & mask;
	struct cls_set *s;

	for (; table[i] != CLS_NO_ID; i = (i + 1) & mask) {
		s = &a->sets[table[i]];
		if (s->p == set->p && s->n == set->n)
			return table[i];
	}
	table[i] = a->n_sets;
	s = &a->sets[a->n_sets];
	s->p = set->p;
	s->n = set->n;
	s->memo_from = CLS_NO_ID;
	return a->n_sets++;
}

/* Find the distinct sets of a side and the rules of each. */
static int cls_collect_sets(struct cls_addr *a)
{
	const struct dash_prefix_set *set;
	u32 rule, n, i, id, at, n_refs = 0;
	u32 *table, *ref, *refs;
	u64 total = 0;
	u32 mask;
	int err;

	for (rule = 0; rule < a->b->n_rules; rule++) {
		cls_rule_sets(a, rule, &set, &n);
		total += n;
		if (total > DASH_CLS_MAX_PREFIXES)
			return -E2BIG;
	}

	mask = roundup_pow_of_two(2 * (u32)total + 1) - 1;
	a->sets = kvcalloc(total + 1, sizeof(*a->sets), GFP_KERNEL);
	a->set_rules = kvmalloc_array(total + 1, sizeof(u32), GFP_KERNEL);
	refs = kvmalloc_array(total + 1, sizeof(*refs), GFP_KERNEL);
	table = kvmalloc_array(mask + 1, sizeof(*table), GFP_KERNEL);
	err = -ENOMEM;
	if (!a->sets || !a->set_rules || !refs || !table)
		goto out_free;
	memset(table, 0xff, (mask + 1) * sizeof(*table));

	for (rule = 0; rule < a->b->n_rules; rule++) {
		cls_rule_sets(a, rule, &set, &n);
		for (i = 0; i < n; i++, set++) {
			id = cls_set_id(a, table, mask, set);
			a->sets[id].n_rules++;
			refs[n_refs++] = id;
			if (n_refs % CLS_CHUNK == 0)
				cond_resched();
		}
	}

	/* counting sort of the references by set */
	for (id = 0, at = 0; id < a->n_sets; id++) {
		a->sets[id].rules = at;
		at += a->sets[id].n_rules;
		a->sets[id].n_rules = 0;
	}
	for (rule = 0, ref = refs; rule < a->b->n_rules; rule++) {
		cls_rule_sets(a, rule, &set, &n);
		for (i = 0; i < n; i++) {
			struct cls_set *s = &a->sets[*ref++];

			a->set_rules[s->rules + s->n_rules++] = rule;
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

static int cls_collect_elems(struct cls_addr *a)
{
	const struct dash_prefix *p;
	struct cls_elem *e;
	u64 total = 0;
	u32 id, i;

	for (id = 0; id < a->n_sets; id++) {
		total += a->sets[id].n;
		if (total > DASH_CLS_MAX_PREFIXES)
			return -E2BIG;
	}
	a->elems = kvmalloc_array(total + 1, sizeof(*a->elems), GFP_KERNEL);
	if (!a->elems)
		return -ENOMEM;

	e = a->elems;
	for (id = 0; id < a->n_sets; id++) {
		p = a->sets[id].p;
		for (i = 0; i < a->sets[id].n; i++, p++, e++) {
			if (p->plen > a->b->bits)
				return -EINVAL;
			e->key = dash_lpm_key_load(p->b, a->b->bits,
						   p->plen);
			e->plen = p->plen;
			e->set = id;
			if (i % CLS_CHUNK == 0)
				cond_resched();
		}
	}
	a->n_elems = total;
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
static int cls_sort_elems(struct cls_addr *a)
{
	u32 n = a->n_elems, sum, i, c;
	struct cls_elem *to;
	unsigned int d;

	to = kvmalloc_array(n + 1, sizeof(*to), GFP_KERNEL);
	if (!to)
		return -ENOMEM;

	for (d = 0; d <= 16; d++) {
		memset(a->count, 0, sizeof(a->count));
		for (i = 0; i < n; i++)
			a->count[cls_digit(&a->elems[i], d)]++;
		cond_resched();
		/* the same everywhere: nothing to do */
		if (n && a->count[cls_digit(&a->elems[0], d)] == n)
			continue;
		for (c = 0, sum = 0; c < 256; c++) {
			swap(a->count[c], sum);
			sum += a->count[c];
		}
		for (i = 0; i < n; i++) {
			c = cls_digit(&a->elems[i], d);
			to[a->count[c]++] = a->elems[i];
		}
		swap(a->elems, to);
		cond_resched();
	}
	kvfree(to);
	return 0;
}

/*
 * A set that many rules name, such as a tag, would cost a bit operation per
 * rule at each of its prefixes; as a bitmap it costs n_words.
 */
static int cls_make_bitmaps(struct cls_addr *a)
{
	u32 id, i, n = 0;
	struct cls_set *s;

	for (id = 0; id < a->n_sets; id++)
		if (a->sets[id].n_rules > a->b->n_words)
			n++;
	a->bitmaps = kvcalloc((size_t)n * a->b->n_words + 1, sizeof(u64),
			      GFP_KERNEL);
	if (!a->bitmaps)
		return -ENOMEM;

	for (id = 0, n = 0; id < a->n_sets; id++) {
		s = &a->sets[id];
		if (s->n_rules <= a->b->n_words)
			continue;
		s->bitmap = a->bitmaps + (size_t)n++ * a->b->n_words;
		for (i = 0; i < s->n_rules; i++)
			cls_set_bit(s->bitmap, a->set_rules[s->rules + i]);
		cond_resched();
	}
	return 0;
}

static void cls_add_set(struct cls_addr *a, const struct cls_set *s)
{
	u32 i;

	if (s->bitmap) {
		for (i = 0; i < a->b->n_words; i++)
			a->b->scratch[i] |= s->bitmap[i];
		return;
	}
	for (i = 0; i < s->n_rules; i++)
		cls_set_bit(a->b->scratch, a->set_rules[s->rules + i]);
}

/* Class @from plus the rules of the sets of equal prefixes e up to end. */
static int cls_extend(struct cls_addr *a, u32 from, const struct cls_elem *e,
		      const struct cls_elem *end, u32 *id)
{
	struct cls_set *s = &a->sets[e->set];
	/* the sort is stable and began with the sets in order */
	bool one = e->set == end[-1].set;
	int err;

	if (one && s->memo_from == from) {
		*id = s->memo_to;
		return 0;
	}
	dash_cls_class_load(a->b, from);
	for (; e < end; e++)
		cls_add_set(a, &a->sets[e->set]);
	err = dash_cls_class_intern(a->b, id);
	if (!err && one) {
		s->memo_from = from;
		s->memo_to = *id;
	}
	return err;
}

static bool cls_same_prefix(const struct cls_elem *a, const struct cls_elem *b)
{
	return a->key.hi == b->key.hi && a->key.lo == b->key.lo &&
	       a->plen == b->plen;
}

/* Visit the sorted prefixes with the stack of those that cover the next. */
static int cls_sweep(struct cls_addr *a, struct cls_side *side,
		     struct dash_lpm_txn *txn)
{
	const struct cls_elem *e = a->elems, *end = e + a->n_elems, *next;
	struct cls_cover *top = a->cover;
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
		err = cls_extend(a, top->class, e, next, &id);
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
			if (dash_cls_bytes(a->b) + dash_lpm_txn_bytes(txn) >
			    DASH_CLS_MAX_BYTES)
				return -E2BIG;
			cond_resched();
		}
	}
	return 0;
}

/**
 * dash_cls_addr_build() - compile the addresses of one side
 * @b: compiler
 * @dst: the destination side, not the source
 *
 * Context: Process context, may sleep.
 * Return: 0, -EINVAL, -E2BIG or -ENOMEM.
 */
int dash_cls_addr_build(struct cls_build *b, bool dst)
{
	struct cls_side *side = dst ? &b->cls->dst : &b->cls->src;
	const struct dash_cls_rule *r = b->rules;
	struct dash_lpm_txn txn;
	struct cls_addr *a;
	u32 i;
	int err;

	memset(b->scratch, 0, b->n_words * sizeof(*b->scratch));
	for (i = 0; i < b->n_rules; i++, r++)
		if (dst ? r->dst_any : r->src_any)
			cls_set_bit(b->scratch, i);
	err = dash_cls_class_intern(b, &side->root);
	if (err)
		return err;

	a = kzalloc(sizeof(*a), GFP_KERNEL);
	if (!a)
		return -ENOMEM;
	a->b = b;
	a->dst = dst;
	err = cls_collect_sets(a);
	if (!err)
		err = cls_make_bitmaps(a);
	if (!err)
		err = cls_collect_elems(a);
	if (!err)
		err = cls_sort_elems(a);
	if (err)
		goto out_free;

	dash_lpm_begin(&txn, &side->lpm);
	err = cls_sweep(a, side, &txn);
	if (err)
		dash_lpm_abort(&txn);
	else
		dash_lpm_commit(&txn);
out_free:
	kvfree(a->sets);
	kvfree(a->set_rules);
	kvfree(a->bitmaps);
	kvfree(a->elems);
	kfree(a);
	return err;
}
