// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes, leaves and entries of a prefix table: what dash/lpm_txn.c does to the
 * tree under one slot.
 *
 * What a transaction allocated carries its number and is changed in place,
 * for no reader sees it. Everything above such a node belongs to the
 * transaction too. What is published is copied before it changes, and the
 * original noted as dead; room for such notes was made before anything else,
 * so that a failed allocation leaves the staged prefixes as they were.
 */

#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "lpm_impl.h"

/* What kmalloc() makes of a size. */
static size_t lpm_class(size_t size)
{
	if (size <= 64)
		return 64;
	if (size <= 96)
		return 96;
	if (size <= 128)
		return 128;
	if (size <= 192)
		return 192;
	return roundup_pow_of_two(size);
}

static size_t lpm_node_size(u64 ext, u64 in)
{
	return lpm_class(sizeof(struct lpm_node) + hweight64(ext) * sizeof(u64) +
			 hweight64(in) * sizeof(u32));
}

/* Bytes of what an entry points to, not of what is below that. */
size_t dash_lpm_entry_size(u64 e)
{
	if (!e || lpm_kind(e) == LPM_INLINE)
		return 0;
	if (lpm_kind(e) == LPM_LEAF)
		return sizeof(struct lpm_leaf);
	return lpm_node_size(lpm_node(e)->ext, lpm_node(e)->in);
}

static u64 lpm_entry_owner(u64 e)
{
	if (!e || lpm_kind(e) == LPM_INLINE)
		return 0;
	return lpm_kind(e) == LPM_LEAF ? lpm_leaf(e)->owner :
					 lpm_node(e)->owner;
}

void dash_lpm_entry_free(u64 e)
{
	if (lpm_kind(e) == LPM_LEAF)
		kfree(lpm_leaf(e));
	else
		kfree(lpm_node(e));
}

/* Free what is under an entry, or, if @owner, only what belongs to that. */
void dash_lpm_tree_free(u64 e, u64 owner, unsigned int *done)
{
	struct {
		struct lpm_node *n;
		unsigned int i;
	} path[LPM_DEPTH], *top = path;

	for (;;) {
		if (e && lpm_kind(e) != LPM_INLINE &&
		    (!owner || lpm_entry_owner(e) == owner)) {
			if (lpm_kind(e) == LPM_LEAF) {
				dash_lpm_entry_free(e);
				lpm_pause(done);
			} else {
				top->n = lpm_node(e);
				top->i = 0;
				top++;
			}
		}
		while (top > path && top[-1].i == lpm_n_ext(top[-1].n)) {
			top--;
			kfree(top->n);
			lpm_pause(done);
		}
		if (top == path)
			return;
		e = top[-1].n->slot[top[-1].i++];
	}
}

/* The staged version does not use the entry itself any more. */
static void lpm_drop(struct dash_lpm_txn *txn, u64 e)
{
	if (!e || lpm_kind(e) == LPM_INLINE)
		return;
	txn->bytes -= dash_lpm_entry_size(e);
	if (lpm_entry_owner(e) == txn->id)
		dash_lpm_entry_free(e);
	else if (txn->many)
		txn->many->e[txn->many->n++] = e;
	else
		txn->few[txn->n_few++] = e;
}

static struct lpm_node *lpm_node_alloc(struct dash_lpm_txn *txn, u64 ext,
				       u64 in)
{
	size_t size = lpm_node_size(ext, in);
	struct lpm_node *n;

	n = kmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!n)
		return NULL;
	txn->bytes += size;
	n->ext = ext;
	n->in = in;
	n->owner = txn->id;
	return n;
}

/*
 * Copy the arrays for bitmaps that have one bit more or less in one of them;
 * @to may be @from. What is copied last is what lies in the other's way.
 */
static void lpm_node_copy(struct lpm_node *to, const struct lpm_node *from,
			  u64 ext, u64 in)
{
	unsigned int n_ext = lpm_n_ext(from), n_in = lpm_n_in(from);
	const u32 *vfrom = (const u32 *)&from->slot[n_ext];
	u32 *vto = (u32 *)&to->slot[hweight64(ext)];
	u64 change = from->ext ^ ext;
	unsigned int r = n_ext;

	if (change)
		r = lpm_rank(ext, __ffs64(change));
	if (ext & change) {
		memmove(vto, vfrom, n_in * sizeof(u32));
		memmove(&to->slot[r + 1], &from->slot[r],
			(n_ext - r) * sizeof(u64));
	}
	if (to != from)
		memcpy(to->slot, from->slot, r * sizeof(u64));
	if (ext & change) {
		to->slot[r] = 0;
		return;
	}
	if (change) {
		memmove(&to->slot[r], &from->slot[r + 1],
			(n_ext - r - 1) * sizeof(u64));
		memmove(vto, vfrom, n_in * sizeof(u32));
		return;
	}

	change = from->in ^ in;
	r = change ? lpm_rank(in, __ffs64(change)) : n_in;
	if (in & change)
		memmove(vto + r + 1, vfrom + r, (n_in - r) * sizeof(u32));
	if (to != from)
		memcpy(vto, vfrom, r * sizeof(u32));
	if (change & ~in)
		memmove(vto + r, vfrom + r + 1, (n_in - r - 1) * sizeof(u32));
}

/*
 * Give the node in a staged entry other bitmaps, by one bit, or the same ones,
 * and make it one that may be changed. A new entry is 0, a new value is unset.
 * One that may be changed can lose a bit without memory.
 */
static struct lpm_node *lpm_node_edit(struct dash_lpm_txn *txn, u64 *ep,
				      u64 ext, u64 in)
{
	struct lpm_node *old = lpm_node(*ep), *n = old;
	size_t was = lpm_node_size(old->ext, old->in);
	size_t size = lpm_node_size(ext, in);

	if (old->owner != txn->id || size != was) {
		n = lpm_node_alloc(txn, ext, in);
		if (n) {
			n->path = old->path;
			n->pos = old->pos;
			n->skip = old->skip;
		} else if (old->owner == txn->id && size < was) {
			n = old;
			txn->bytes -= was - size;
		} else {
			return NULL;
		}
	}
	lpm_node_copy(n, old, ext, in);
	if (n != old)
		lpm_drop(txn, *ep);
	n->ext = ext;
	n->in = in;
	*ep = lpm_entry(n, LPM_NODE);
	return n;
}

static struct lpm_node *lpm_node_own(struct dash_lpm_txn *txn, u64 *ep)
{
	struct lpm_node *n = lpm_node(*ep);

	return n->owner == txn->id ? n :
	       lpm_node_edit(txn, ep, n->ext, n->in);
}

static u64 *lpm_node_child(struct lpm_node *n, unsigned int idx)
{
	return (u64 *)lpm_child(n, idx);
}

static void lpm_node_set_value(struct lpm_node *n, unsigned int bit, u32 value)
{
	*(u32 *)lpm_value(n, bit) = value;
}

/* An entry for bit @p that is one prefix; 0 without memory. */
static u64 lpm_leaf_make(struct dash_lpm_txn *txn, unsigned int p,
			 const struct lpm_item *item)
{
	struct lpm_leaf *leaf;

	if (item->plen - p <= LPM_INLINE_BITS)
		return lpm_inline(lpm_bits_at(item->key, p), item->plen - p,
				  item->value);
	leaf = kmalloc(sizeof(*leaf), GFP_KERNEL_ACCOUNT);
	if (!leaf)
		return 0;
	txn->bytes += sizeof(*leaf);
	leaf->key = item->key;
	leaf->plen = item->plen;
	leaf->value = item->value;
	leaf->owner = txn->id;
	return lpm_entry(leaf, LPM_LEAF);
}

/* The entry @e of one prefix moves from bit @from to @to; 0 without memory. */
static u64 lpm_leaf_move(struct dash_lpm_txn *txn, u64 e, unsigned int to,
			 const struct lpm_item *item)
{
	u64 moved;

	if (lpm_kind(e) == LPM_LEAF && item->plen - to > LPM_INLINE_BITS)
		return e;
	moved = lpm_leaf_make(txn, to, item);
	if (moved)
		lpm_drop(txn, e);
	return moved;
}

/* Replace a staged entry of one prefix by a node at bit @pos that has it. */
static int lpm_push_down(struct dash_lpm_txn *txn, u64 *ep, unsigned int p,
			 unsigned int pos, const struct lpm_item *item)
{
	unsigned int idx = lpm_index(item->key, pos), bit;
	bool in = item->plen < pos + LPM_STRIDE;
	struct lpm_node *n;
	u64 e = 0;

	bit = in ? lpm_in_bit(idx, item->plen - pos) : idx;
	n = lpm_node_alloc(txn, in ? 0 : BIT_ULL(bit), in ? BIT_ULL(bit) : 0);
	if (!n)
		return -ENOMEM;
	n->pos = pos;
	n->skip = pos - p;
	n->path = lpm_bits_to(item->key, pos);
	if (in) {
		lpm_node_set_value(n, bit, item->value);
		lpm_drop(txn, *ep);
	} else {
		/* fewer bits are left: it needs no memory */
		e = lpm_leaf_move(txn, *ep, pos + LPM_STRIDE, item);
		n->slot[0] = e;
	}
	*ep = lpm_entry(n, LPM_NODE);
	return 0;
}

/* Put a node at bit @pos above the one in a staged entry, for a prefix. */
static int lpm_split(struct dash_lpm_txn *txn, u64 *ep, unsigned int pos,
		     const struct lpm_item *item)
{
	struct lpm_node *below = lpm_node_own(txn, ep), *n;
	unsigned int gap, idx;

	if (!below)
		return -ENOMEM;
	gap = below->pos - pos;
	idx = below->path << (64 - gap) >> (64 - LPM_STRIDE);
	n = lpm_node_alloc(txn, BIT_ULL(idx), 0);
	if (!n)
		return -ENOMEM;
	n->pos = pos;
	n->skip = below->skip - gap;
	n->path = lpm_bits_to(item->key, pos);
	n->slot[0] = *ep;
	below->skip = gap - LPM_STRIDE;
	*ep = lpm_entry(n, LPM_NODE);
	return 0;
}

/* Bit @pos of a node between @p and @most, as deep as the grid allows. */
static unsigned int lpm_node_pos(unsigned int p, unsigned int most)
{
	return p + min_t(unsigned int, rounddown(most - p, LPM_STRIDE),
			 LPM_SKIP);
}

/* Set a prefix below a staged entry at bit @p; @old is the value before. */
int dash_lpm_entry_set(struct dash_lpm_txn *txn, u64 *ep, unsigned int p,
		       const struct lpm_item *item, u32 *old)
{
	unsigned int common, idx, bit;
	struct lpm_item other;
	struct lpm_node *n;
	u64 e;
	int err;

	for (;;) {
		if (!*ep) {
			e = lpm_leaf_make(txn, p, item);
			if (!e)
				return -ENOMEM;
			*ep = e;
			return 0;
		}
		if (lpm_kind(*ep) != LPM_NODE) {
			dash_lpm_item_get(*ep, p, item->key, &other);
			common = dash_lpm_key_common(other.key, item->key);
			common = min3(common, other.plen, item->plen);
			if (common == other.plen && common == item->plen) {
				e = lpm_leaf_make(txn, p, item);
				if (!e)
					return -ENOMEM;
				lpm_drop(txn, *ep);
				*ep = e;
				*old = other.value;
				return 0;
			}
			err = lpm_push_down(txn, ep, p,
					    lpm_node_pos(p, common), &other);
			if (err)
				return err;
		}
		n = lpm_node(*ep);
		common = n->pos;
		e = n->skip ? (n->path ^ lpm_bits_to(item->key, n->pos)) <<
			      (64 - n->skip) : 0;
		if (e)
			common = p + 64 - fls64(e);
		common = min(common, item->plen);
		if (common < n->pos) {
			err = lpm_split(txn, ep, lpm_node_pos(p, common), item);
			if (err)
				return err;
			n = lpm_node(*ep);
		}

		p = n->pos;
		idx = lpm_index(item->key, p);
		if (item->plen < p + LPM_STRIDE) {
			bit = lpm_in_bit(idx, item->plen - p);
			if (n->in >> bit & 1)
				*old = *lpm_value(n, bit);
			n = lpm_node_edit(txn, ep, n->ext,
					  n->in | BIT_ULL(bit));
			if (!n)
				return -ENOMEM;
			lpm_node_set_value(n, bit, item->value);
			return 0;
		}
		p += LPM_STRIDE;
		if (n->ext >> idx & 1) {
			n = lpm_node_own(txn, ep);
			if (!n)
				return -ENOMEM;
			ep = lpm_node_child(n, idx);
			continue;
		}
		e = lpm_leaf_make(txn, p, item);
		if (!e)
			return -ENOMEM;
		n = lpm_node_edit(txn, ep, n->ext | BIT_ULL(idx), n->in);
		if (!n) {
			lpm_drop(txn, e);
			return -ENOMEM;
		}
		*lpm_node_child(n, idx) = e;
		return 0;
	}
}

enum lpm_collapsed {
	LPM_COLLAPSED_NOT,
	LPM_COLLAPSED_TO_NOTHING,
	LPM_COLLAPSED_TO_ONE,
};

/* A node that has one thing left is replaced by that, if memory allows. */
static enum lpm_collapsed lpm_collapse(struct dash_lpm_txn *txn, u64 *ep,
				       unsigned int p, struct dash_lpm_key key)
{
	struct lpm_node *n = lpm_node(*ep), *below;
	unsigned int n_ext = lpm_n_ext(n), n_in = lpm_n_in(n), bit;
	struct lpm_item item;
	u64 one = 0;

	if (n_ext + n_in > 1)
		return LPM_COLLAPSED_NOT;
	/* before the node, its prefixes are like the one removed */
	item.key = dash_lpm_key_mask(key, n->pos);
	if (n_in) {
		bit = __ffs64(n->in);
		item.plen = n->pos + __fls(bit);
		item.value = *lpm_value(n, bit);
		lpm_bits_put(&item.key, n->pos,
			     (u64)bit << 1 << (63 - __fls(bit)));
		one = lpm_leaf_make(txn, p, &item);
	} else if (n_ext && lpm_kind(n->slot[0]) != LPM_NODE) {
		bit = __ffs64(n->ext);
		lpm_bits_put(&item.key, n->pos, (u64)bit << (64 - LPM_STRIDE));
		dash_lpm_item_get(n->slot[0], n->pos + LPM_STRIDE, item.key, &item);
		one = lpm_leaf_move(txn, n->slot[0], p, &item);
	} else if (n_ext && lpm_node(n->slot[0])->pos - p <= LPM_SKIP) {
		below = lpm_node_own(txn, &n->slot[0]);
		if (below) {
			below->skip = below->pos - p;
			one = n->slot[0];
		}
	}
	if (n_ext + n_in && !one)
		return LPM_COLLAPSED_NOT;
	lpm_drop(txn, *ep);
	*ep = one;
	return one ? LPM_COLLAPSED_TO_ONE : LPM_COLLAPSED_TO_NOTHING;
}

/* Remove a prefix that exists below a staged entry at bit @p. */
int dash_lpm_entry_clear(struct dash_lpm_txn *txn, u64 *ep, unsigned int p,
			 struct dash_lpm_key key, unsigned int plen)
{
	struct {
		u64 *ep;
		unsigned int p;
	} path[LPM_DEPTH], *top = path;
	enum lpm_collapsed how = LPM_COLLAPSED_TO_NOTHING;
	struct lpm_node *n;
	unsigned int bit;

	/* once everything on the path may be changed, nothing can fail */
	while (lpm_kind(*ep) == LPM_NODE) {
		n = lpm_node_own(txn, ep);
		if (!n)
			return -ENOMEM;
		top->ep = ep;
		top->p = p;
		top++;
		if (plen < n->pos + LPM_STRIDE) {
			bit = lpm_in_bit(lpm_index(key, n->pos), plen - n->pos);
			lpm_node_edit(txn, ep, n->ext, n->in & ~BIT_ULL(bit));
			how = LPM_COLLAPSED_TO_ONE;
			goto collapse;
		}
		p = n->pos + LPM_STRIDE;
		ep = lpm_node_child(n, lpm_index(key, n->pos));
	}
	lpm_drop(txn, *ep);
	*ep = 0;
collapse:
	while (top-- > path && how != LPM_COLLAPSED_NOT) {
		n = lpm_node(*top->ep);
		if (how == LPM_COLLAPSED_TO_NOTHING) {
			bit = lpm_index(key, n->pos);
			lpm_node_edit(txn, top->ep, n->ext & ~BIT_ULL(bit),
				      n->in);
		}
		how = lpm_collapse(txn, top->ep, top->p, key);
	}
	return 0;
}
