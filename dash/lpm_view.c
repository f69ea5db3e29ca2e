// SPDX-License-Identifier: GPL-2.0
/*
 * Asking a version of a prefix table other things than a packet does: what is
 * there exactly, what comes next, what covers a prefix. See lpm.c.
 */

#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/minmax.h>

#include "lpm_impl.h"

/* 2^l + (i >> (6 - l)) for l from 0 to 5 */
const u64 dash_lpm_cover[1 << LPM_STRIDE] = {
	0x0000000100010116ULL, 0x0000000100010116ULL, 0x0000000200010116ULL,
	0x0000000200010116ULL, 0x0000000400020116ULL, 0x0000000400020116ULL,
	0x0000000800020116ULL, 0x0000000800020116ULL, 0x0000001000040216ULL,
	0x0000001000040216ULL, 0x0000002000040216ULL, 0x0000002000040216ULL,
	0x0000004000080216ULL, 0x0000004000080216ULL, 0x0000008000080216ULL,
	0x0000008000080216ULL, 0x0000010000100426ULL, 0x0000010000100426ULL,
	0x0000020000100426ULL, 0x0000020000100426ULL, 0x0000040000200426ULL,
	0x0000040000200426ULL, 0x0000080000200426ULL, 0x0000080000200426ULL,
	0x0000100000400826ULL, 0x0000100000400826ULL, 0x0000200000400826ULL,
	0x0000200000400826ULL, 0x0000400000800826ULL, 0x0000400000800826ULL,
	0x0000800000800826ULL, 0x0000800000800826ULL, 0x000100000100104aULL,
	0x000100000100104aULL, 0x000200000100104aULL, 0x000200000100104aULL,
	0x000400000200104aULL, 0x000400000200104aULL, 0x000800000200104aULL,
	0x000800000200104aULL, 0x001000000400204aULL, 0x001000000400204aULL,
	0x002000000400204aULL, 0x002000000400204aULL, 0x004000000800204aULL,
	0x004000000800204aULL, 0x008000000800204aULL, 0x008000000800204aULL,
	0x010000001000408aULL, 0x010000001000408aULL, 0x020000001000408aULL,
	0x020000001000408aULL, 0x040000002000408aULL, 0x040000002000408aULL,
	0x080000002000408aULL, 0x080000002000408aULL, 0x100000004000808aULL,
	0x100000004000808aULL, 0x200000004000808aULL, 0x200000004000808aULL,
	0x400000008000808aULL, 0x400000008000808aULL, 0x800000008000808aULL,
	0x800000008000808aULL,
};

/* The prefix that an entry is; @base is the address before the entry. */
void dash_lpm_item_get(u64 e, unsigned int p, struct dash_lpm_key base,
		       struct lpm_item *item)
{
	const struct lpm_leaf *leaf;
	u32 rest;

	if (lpm_kind(e) == LPM_LEAF) {
		leaf = lpm_leaf(e);
		item->key = leaf->key;
		item->plen = leaf->plen;
		item->value = leaf->value;
		return;
	}
	rest = (u32)e & ~7U;
	item->key = dash_lpm_key_mask(base, p);
	item->plen = p + 31 - __ffs(rest);
	item->value = e >> 32;
	lpm_bits_put(&item->key, p, (u64)(rest & (rest - 1)) << 32);
}

/**
 * dash_lpm_view_exact() - value of exactly one prefix
 * @view: version
 * @key: prefix, host bits zero
 * @plen: its length
 *
 * Return: the value, or DASH_LPM_NONE.
 */
u32 dash_lpm_view_exact(const struct lpm_view *view, struct dash_lpm_key key,
			unsigned int plen)
{
	unsigned int p = 0, idx, bit;
	const struct lpm_node *n;
	struct lpm_item item;
	u64 e;

	if (!view->root)
		return DASH_LPM_NONE;
	if (plen < view->root->bits) {
		e = lpm_view_get(view, LPM_AT_UPPER);
	} else {
		e = lpm_view_get(view, lpm_root_index(view->root, key));
		p = view->root->bits;
	}
	while (e && lpm_kind(e) == LPM_NODE) {
		n = lpm_node(e);
		p = n->pos;
		if (plen < p || !lpm_on_path(n, lpm_bits_to(key, p)))
			return DASH_LPM_NONE;
		idx = lpm_index(key, p);
		if (plen < p + LPM_STRIDE) {
			bit = lpm_in_bit(idx, plen - p);
			return n->in >> bit & 1 ? *lpm_value(n, bit) :
						  DASH_LPM_NONE;
		}
		if (!(n->ext >> idx & 1))
			return DASH_LPM_NONE;
		e = *lpm_child(n, idx);
		p += LPM_STRIDE;
	}
	if (!e)
		return DASH_LPM_NONE;
	dash_lpm_item_get(e, p, key, &item);
	return item.plen == plen && item.key.hi == key.hi &&
	       item.key.lo == key.lo ? item.value : DASH_LPM_NONE;
}

/* Longest prefix of at most @plen bits that an address has below an entry. */
static bool lpm_entry_cover(u64 e, unsigned int p, struct dash_lpm_key key,
			    unsigned int plen, struct lpm_item *item)
{
	const struct lpm_node *n;
	struct lpm_item last;
	bool found = false;
	unsigned int idx;
	u64 in;

	while (e && lpm_kind(e) == LPM_NODE) {
		n = lpm_node(e);
		p = n->pos;
		if (p > plen || !lpm_on_path(n, lpm_bits_to(key, p)))
			return found;
		idx = lpm_index(key, p);
		in = n->in & dash_lpm_cover[idx];
		/* none that is longer */
		if (plen - p < LPM_STRIDE - 1)
			in &= BIT_ULL(2 << (plen - p)) - 1;
		if (in) {
			item->plen = p + __fls(__fls(in));
			item->key = dash_lpm_key_mask(key, item->plen);
			item->value = *lpm_value(n, __fls(in));
			found = true;
		}
		if (!(n->ext >> idx & 1))
			return found;
		e = *lpm_child(n, idx);
		p += LPM_STRIDE;
	}
	if (!e)
		return found;
	dash_lpm_item_get(e, p, key, &last);
	if (last.plen > plen || dash_lpm_key_common(last.key, key) < last.plen)
		return found;
	*item = last;
	return true;
}

/**
 * dash_lpm_view_cover() - longest prefix of an address up to a length
 * @view: version
 * @key: address
 * @plen: longest length that counts
 * @item: the prefix found
 *
 * Return: true if there is one.
 */
bool dash_lpm_view_cover(const struct lpm_view *view, struct dash_lpm_key key,
			 unsigned int plen, struct lpm_item *item)
{
	unsigned int bits;

	if (!view->root)
		return false;
	bits = view->root->bits;
	if (plen >= bits &&
	    lpm_entry_cover(lpm_view_get(view, lpm_root_index(view->root, key)),
			    bits, key, plen, item))
		return true;
	return lpm_entry_cover(lpm_view_get(view, LPM_AT_UPPER), 0, key, plen,
			       item);
}

/*
 * Next in the order of (address, length) among what a node has: a prefix of
 * @len bits at index @idx, or, if @len is LPM_STRIDE, the entry at @idx.
 */
static bool lpm_node_next(const struct lpm_node *n, unsigned int *idx,
			  int *len)
{
	unsigned int i = *idx;
	int l = *len;

	for (; i < 1 << LPM_STRIDE; i++, l = -1) {
		for (l++; l < LPM_STRIDE; l++) {
			/* a shorter prefix begins at fewer indexes */
			if (i & ((1 << (LPM_STRIDE - l)) - 1))
				continue;
			if (n->in >> lpm_in_bit(i, l) & 1)
				goto found;
		}
		if (l == LPM_STRIDE && n->ext >> i & 1)
			goto found;
	}
	return false;
found:
	*idx = i;
	*len = l;
	return true;
}

/* A place in a node, and the address that leads to it */
struct lpm_place {
	const struct lpm_node *n;
	struct dash_lpm_key base;
	unsigned int idx;
	int len;
};

static struct dash_lpm_key lpm_place_key(const struct lpm_place *at)
{
	struct dash_lpm_key key = at->base;

	lpm_bits_put(&key, at->n->pos, (u64)at->idx << (64 - LPM_STRIDE));
	return key;
}

static bool lpm_item_after(const struct lpm_item *item,
			   struct dash_lpm_key key, int plen)
{
	if (item->key.hi != key.hi)
		return item->key.hi > key.hi;
	if (item->key.lo != key.lo)
		return item->key.lo > key.lo;
	return (int)item->plen > plen;
}

/*
 * First prefix after (key, plen), or first of all if @plen is -1, under the
 * entry @e that stands at bit @p of the address @base.
 */
static bool lpm_entry_next(u64 e, unsigned int p, struct dash_lpm_key base,
			   struct dash_lpm_key key, int plen,
			   struct lpm_item *item)
{
	struct lpm_place at, later = {};
	unsigned int common;

	for (;;) {
		if (!e)
			goto later;
		if (lpm_kind(e) != LPM_NODE) {
			dash_lpm_item_get(e, p, base, item);
			if (plen < 0 || lpm_item_after(item, key, plen))
				return true;
			goto later;
		}
		at.n = lpm_node(e);
		p = at.n->pos;
		at.base = base;
		if (at.n->skip)
			lpm_bits_put(&at.base, p - at.n->skip,
				     at.n->path << (64 - at.n->skip));
		if (plen >= 0) {
			common = min3(dash_lpm_key_common(at.base, key), p,
				      (unsigned int)plen);
			if (common < p && common < plen) {
				/* all of it lies on one side */
				if (!(lpm_bits_at(at.base, common) >> 63))
					goto later;
				plen = -1;
			} else if (p > plen) {
				plen = -1;
			}
		}
		at.idx = 0;
		at.len = -1;
		if (plen >= 0) {
			at.idx = lpm_index(key, p);
			at.len = min_t(int, plen - p, LPM_STRIDE);
			if (at.len == LPM_STRIDE) {
				/* look inside, but know what comes after it */
				base = lpm_place_key(&at);
				e = at.n->ext >> at.idx & 1 ?
				    *lpm_child(at.n, at.idx) : 0;
				p += LPM_STRIDE;
				if (lpm_node_next(at.n, &at.idx, &at.len))
					later = at;
				continue;
			}
		}
		if (!lpm_node_next(at.n, &at.idx, &at.len))
			goto later;
		goto take;
later:
		if (!later.n)
			return false;
		at = later;
		later.n = NULL;
		plen = -1;
take:
		base = lpm_place_key(&at);
		p = at.n->pos;
		if (at.len < LPM_STRIDE) {
			item->key = base;
			item->plen = p + at.len;
			item->value = *lpm_value(at.n, lpm_in_bit(at.idx,
								  at.len));
			return true;
		}
		e = *lpm_child(at.n, at.idx);
		p += LPM_STRIDE;
		plen = -1;
	}
}

/**
 * dash_lpm_view_next() - first prefix after another one
 * @view: version
 * @key: prefix, host bits zero
 * @plen: its length, or -1 to get the first of all
 * @item: the prefix found
 *
 * Return: true if there is one.
 */
bool dash_lpm_view_next(const struct lpm_view *view, struct dash_lpm_key key,
			int plen, struct lpm_item *item)
{
	const struct dash_lpm_root *root = view->root;
	struct dash_lpm_key base = {};
	struct lpm_item upper;
	bool have;
	u32 i;

	if (!root)
		return false;
	have = lpm_entry_next(lpm_view_get(view, LPM_AT_UPPER), 0, base, key,
			      plen, &upper);
	i = plen < 0 ? 0 : lpm_root_index(root, key);
	for (; i < 1U << root->bits; i++, plen = -1) {
		base.hi = (u64)i << (64 - root->bits);
		/* nothing from here on comes before it */
		if (have && (upper.key.hi < base.hi ||
			     (plen < 0 && upper.key.hi == base.hi)))
			break;
		if (!lpm_entry_next(lpm_view_get(view, i), root->bits, base,
				    key, plen, item))
			continue;
		if (have && lpm_item_after(item, upper.key, upper.plen))
			break;
		return true;
	}
	if (have)
		*item = upper;
	return have;
}

/* dash_lpm_next() and dash_lpm_txn_next() */
bool dash_lpm_view_step(const struct lpm_view *view, unsigned int bits,
			struct dash_lpm_entry *pos, bool first)
{
	struct dash_lpm_key key = {};
	struct lpm_item item;

	if (!first) {
		if (pos->plen > bits)
			return false;
		key = dash_lpm_key_load(pos->addr, bits, pos->plen);
	}
	if (!dash_lpm_view_next(view, key, first ? -1 : pos->plen, &item))
		return false;
	dash_lpm_key_store(item.key, pos->addr);
	pos->plen = item.plen;
	pos->value = item.value;
	return true;
}
