// SPDX-License-Identifier: GPL-2.0
/*
 * Prefixes of one side compiled: lists of rules -> LPM of classes. See
 * classifier.c for the theory of operation.
 */

#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "classifier_impl.h"
#include "radix.h"

/**
 * struct cls_elem - a prefix of a rule, while compiling
 */
struct cls_elem {
	/** @key: the prefix, host bits zero */
	struct dash_lpm_key key;
	/** @slot: of the rule */
	u16 slot;
	/** @plen: prefix length */
	u8 plen;
};

/**
 * struct cls_memo - what a rule last made of a class
 *
 * A rule's prefixes mostly lie in the same place, often in no other prefix.
 */
struct cls_memo {
	/** @from: covering class */
	u32 from;
	/** @to: class of @from and the rule; CLS_EMPTY if not known */
	u32 to;
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
	/** @elems: prefixes of all rules */
	struct cls_elem *elems;
	/** @n_elems: number of @elems */
	u32 n_elems;
	/** @memo: by slot */
	struct cls_memo *memo;
	/** @cover: stack of covering prefixes, the root and one per length */
	struct cls_cover cover[DASH_LPM_MAX_BITS + 2];
};

static void cls_collect_elems(struct cls_addr *a, bool dst)
{
	struct cls_build *b = a->b;
	const struct dash_cls_side *side;
	struct cls_elem *e = a->elems;
	const struct dash_prefix *p;
	u32 rule, i;

	for (rule = 0; rule < b->n_rules; rule++) {
		side = dst ? &b->rules[rule].dst : &b->rules[rule].src;
		if (cls_rule_any(b, rule, dst))
			continue;
		p = side->prefix;
		for (i = 0; i < side->n_prefix; i++, p++, e++) {
			e->key = dash_lpm_key_load(p->b, b->bits, p->plen);
			e->plen = p->plen;
			e->slot = b->slot[rule];
		}
		cond_resched();
	}
	a->n_elems = e - a->elems;
}

/* Digits of the radix sort, least significant first: length, then address, of
 * which IPv4 has the uppermost bytes.
 */
static u8 cls_digit6(const void *elem, unsigned int d)
{
	const struct cls_elem *e = elem;

	if (!d--)
		return e->plen;
	return (d < 8 ? e->key.lo : e->key.hi) >> (8 * (d % 8));
}

static u8 cls_digit4(const void *elem, unsigned int d)
{
	return cls_digit6(elem, d ? d + 12 : 0);
}

static void cls_sort_elems(struct cls_addr *a, struct cls_elem *spare)
{
	a->elems = a->b->bits == 32 ?
		   dash_radix_sort(a->elems, spare, a->n_elems,
				   sizeof(*spare), 5, cls_digit4) :
		   dash_radix_sort(a->elems, spare, a->n_elems,
				   sizeof(*spare), 17, cls_digit6);
}

/* Class @from and the rules of equal prefixes e up to end. */
static int cls_extend(struct cls_addr *a, u32 from, const struct cls_elem *e,
		      const struct cls_elem *end, u32 *class)
{
	struct cls_memo *memo = &a->memo[e->slot];
	int err = 0;

	if (e + 1 == end && memo->to != CLS_EMPTY && memo->from == from) {
		*class = memo->to;
		return 0;
	}
	memo->from = from;
	for (*class = from; e < end && !err; e++) {
		dash_cls_class_extend(a->b, *class, e->slot);
		err = dash_cls_class_intern(a->b, class);
	}
	memo->to = end[-1].slot == memo - a->memo ? *class : CLS_EMPTY;
	return err;
}

static bool cls_same_prefix(const struct cls_elem *a, const struct cls_elem *b)
{
	return a->key.hi == b->key.hi && a->key.lo == b->key.lo &&
	       a->plen == b->plen;
}

/* Visit the sorted prefixes with the stack of those that cover the next. */
static int cls_sweep(struct cls_addr *a, struct dash_lpm_txn *txn)
{
	const struct cls_elem *e = a->elems, *end = e + a->n_elems, *next;
	struct cls_cover *top = a->cover;
	u32 n = 0, class;
	u8 addr[16];
	int err;

	top->key = (struct dash_lpm_key){};
	top->plen = 0;
	top->class = CLS_EMPTY;

	for (; e < end; e = next) {
		for (next = e + 1; next < end; next++)
			if (!cls_same_prefix(e, next))
				break;
		/* the root, at the bottom, covers everything */
		while (dash_lpm_key_common(top->key, e->key) < top->plen)
			top--;
		err = cls_extend(a, top->class, e, next, &class);
		if (err)
			return err;
		if (class != top->class) {
			dash_lpm_key_store(e->key, addr);
			err = dash_lpm_set(txn, addr, e->plen, class, NULL);
			if (err)
				return err;
			top++;
			top->key = e->key;
			top->plen = e->plen;
			top->class = class;
		}
		if (++n % CLS_CHUNK == 0) {
			if (dash_cls_bytes(a->b) + dash_lpm_txn_bytes(txn) >
			    DASH_CLS_MAX_BYTES)
				return dash_cls_fail(a->b, -E2BIG,
						"the prefixes need more memory than a group may have");
			cond_resched();
		}
	}
	return 0;
}

static int cls_build_lpm(struct cls_addr *a, struct dash_lpm *lpm)
{
	struct dash_lpm_txn txn;
	int err;

	dash_lpm_begin(&txn, lpm);
	err = dash_lpm_reserve(&txn, a->n_elems);
	if (!err)
		err = cls_sweep(a, &txn);
	if (err)
		dash_lpm_abort(&txn);
	else
		dash_lpm_commit(&txn);
	return err;
}

/**
 * dash_cls_addr_build() - compile the prefixes of one side
 * @b: compiler
 * @dst: the destination side, not the source
 *
 * Context: Process context, may sleep.
 * Return: 0, -E2BIG or -ENOMEM.
 */
int dash_cls_addr_build(struct cls_build *b, bool dst)
{
	struct cls_body *body = b->cls->body;
	struct cls_elem *elems, *spare;
	u32 n = b->n_prefix[dst];
	struct cls_addr *a;
	int err = -ENOMEM;

	if (!n)
		return 0;
	a = kvzalloc(sizeof(*a), GFP_KERNEL);
	if (!a)
		return -ENOMEM;
	elems = kvmalloc_array(n, sizeof(*elems), GFP_KERNEL);
	spare = kvmalloc_array(n, sizeof(*spare), GFP_KERNEL);
	a->memo = kvcalloc(b->n_words * 64, sizeof(*a->memo), GFP_KERNEL);
	if (elems && spare && a->memo) {
		a->b = b;
		a->elems = elems;
		cls_collect_elems(a, dst);
		cls_sort_elems(a, spare);
		err = cls_build_lpm(a, dst ? &body->dst : &body->src);
	}
	kvfree(a->memo);
	kvfree(spare);
	kvfree(elems);
	kvfree(a);
	return err;
}
