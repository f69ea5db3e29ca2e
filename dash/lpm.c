// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * A tree bitmap (Eatherton, Varghese and Dittia: Tree Bitmap: Hardware/Software
 * IP Lookups with Incremental Updates, ACM CCR 34(2), 2004) with skipped paths
 * and a root array. It is persistent: what readers can see is not changed, but
 * copied from the root down to the place of the change and published at once::
 *
 *            address   | root bits | skipped | 6 bits | skipped | 6 bits | ...
 *
 *   slot[2^bits]
 *   +------+
 *   | leaf |  "value, and the rest of the prefix" in the entry itself
 *   +------+      +-----------------------------------+
 *   | node | ---> | ext: which of 64 entries there are|
 *   +------+      | in:  which of 63 prefixes end here|
 *   |  -   |      | path, pos, skip                   |
 *   +------+      | entry, entry, ...  value, value   |
 *                 +---|-------------------------------+
 *   upper --> same    +--> node
 *
 * An entry is one u64: nothing, a prefix alone (with its value, if the rest of
 * it fits into 28 bits, which all of IPv4 does, else as a pointer to a leaf),
 * or a pointer to a node. A node exists only where at least two prefixes meet.
 * It has an entry for each continuation by six bits, and a value for each
 * prefix that ends within them; the place of either in its array is the number
 * of bits before it in the bitmap.
 *
 * A lookup goes down as far as the address matches, remembers the node with
 * the longest prefix that ended on the way, and reads that prefix's value at
 * the end. Every node lies at least six bits deeper than the one before, so
 * there are at most 22 steps, whatever the prefixes are.
 *
 * Prefixes shorter than the root array's index are not spread over its slots;
 * they stand in a tree of their own, @upper, that is asked when the slot has no
 * match. So such a prefix costs one entry too, its removal uncovers the next
 * shorter one by itself, and length and value always come from one entry.
 *
 * The array has 2^4 slots at first, then 2^8, 2^12 and 2^16: it grows when
 * there are eight prefixes for each slot, which is O(prefixes) then, and
 * shrinks when there is one for eight.
 *
 * Transactions (lpm_txn.c): a transaction that touches a single slot replaces
 * it in place, one that touches more copies the array and replaces that.
 * Either is a single store, and a reader works on the table before or after a
 * whole transaction. What it replaced is freed after a grace period. So a
 * change of one prefix costs its path, and one of several prefixes 8 bytes per
 * slot on top, 512 kB for a large table.
 *
 * Complexity: lookup, get, set and clear O(bits / 6), 2 to 4 steps for typical
 * tables; next the same plus the scan of a node or of the root array.
 *
 * Memory: 8 bytes per slot, 32 per node, 8 per entry, 4 per value of a node,
 * 32 per leaf (IPv6 only), rounded up to the sizes of kmalloc(). In tables of
 * 100k prefixes that is 22 to 27 bytes per IPv4 prefix and 27 to 57 per IPv6
 * prefix, the latter where all are spread at random.
 */

#include <linux/build_bug.h>
#include <linux/kernel.h>
#include <linux/prefetch.h>

#include "lpm_impl.h"

/**
 * dash_lpm_init() - make an empty table
 * @lpm: the table, embedded in its owner
 * @bits: address length, 32 (IPv4) or 128 (IPv6)
 *
 * Context: Any. No reader may know @lpm yet.
 */
void dash_lpm_init(struct dash_lpm *lpm, unsigned int bits)
{
	WARN_ON_ONCE(bits != 32 && bits != 128);

	RCU_INIT_POINTER(lpm->root, NULL);
	lpm->txn_id = 0;
	lpm->bytes = 0;
	lpm->count = 0;
	lpm->bits = bits;
}

static const struct dash_lpm_root *lpm_root(const struct dash_lpm *lpm)
{
	return rcu_dereference_check(lpm->root, rcu_read_lock_bh_held());
}

/* The constant @v4 makes two functions of it, one without 128-bit shifts. */
static __always_inline u32 lpm_lookup(const struct dash_lpm_root *root,
				      struct dash_lpm_key key, bool v4,
				      u8 *plen)
{
	const struct lpm_node *n, *best = NULL;
	const struct lpm_leaf *leaf;
	unsigned int p, idx, bit = 0;
	bool upper = false;
	u64 e, in;
	int len;

	if (v4)
		key.lo = 0;
	p = root->bits;
	e = READ_ONCE(root->slot[lpm_root_index(root, key)]);
again:
	while (e) {
		if (lpm_kind(e) == LPM_INLINE) {
			len = lpm_inline_len(e, v4 ? key.hi << p :
						     lpm_bits_at(key, p));
			if (len < 0)
				break;
			if (plen)
				*plen = p + len;
			return e >> 32;
		}
		if (lpm_kind(e) == LPM_LEAF) {
			leaf = lpm_leaf(e);
			if (dash_lpm_key_common(leaf->key, key) < leaf->plen)
				break;
			if (plen)
				*plen = leaf->plen;
			return leaf->value;
		}
		n = lpm_node(e);
		p = n->pos;
		if (!lpm_on_path(n, v4 && p ? key.hi >> (64 - p) :
				    lpm_bits_to(key, p)))
			break;
		idx = (v4 ? key.hi << p : lpm_bits_at(key, p)) >>
		      (64 - LPM_STRIDE);
		in = n->in & dash_lpm_cover[idx];
		if (in) {
			best = n;
			bit = __fls(in);
		}
		if (!(n->ext >> idx & 1))
			break;
		e = *lpm_child(n, idx);
		p += LPM_STRIDE;
	}
	if (best) {
		if (plen)
			*plen = best->pos + __fls(bit);
		return *lpm_value(best, bit);
	}
	if (upper)
		return DASH_LPM_NONE;
	upper = true;
	p = 0;
	e = READ_ONCE(root->upper);
	goto again;
}

/**
 * dash_lpm_lookup() - find the longest prefix of an address
 * @lpm: the table
 * @addr: network-order address of 4 or 16 bytes, any alignment
 * @plen: where to put the length of the prefix found, or NULL; written only
 *        when one is found
 *
 * Context: RCU read side (rcu_read_lock() or softirqs disabled). No writes.
 * Return: the value of the prefix, or DASH_LPM_NONE.
 */
u32 dash_lpm_lookup(const struct dash_lpm *lpm, const void *addr, u8 *plen)
{
	const struct dash_lpm_root *root = lpm_root(lpm);

	if (!root)
		return DASH_LPM_NONE;
	if (lpm->bits == 32)
		return lpm_lookup(root, dash_lpm_key_load(addr, 32, 32), true,
				  plen);
	return lpm_lookup(root, dash_lpm_key_load(addr, 128, 128), false, plen);
}

enum {
	LPM_WALK_ROOT,
	LPM_WALK_ENTRY,
	LPM_WALK_NODE,
	LPM_WALK_LEAF,
	LPM_WALK_VALUE,
	LPM_WALK_DONE,
};

/**
 * dash_lpm_walk_init() - start a lookup in steps
 * @w: the lookup
 * @lpm: the table
 * @addr: network-order address of 4 or 16 bytes, any alignment
 *
 * Context: RCU read side until the last step. No writes.
 */
void dash_lpm_walk_init(struct dash_lpm_walk *w, const struct dash_lpm *lpm,
			const void *addr)
{
	w->root = lpm_root(lpm);
	w->key = dash_lpm_key_load(addr, lpm->bits, lpm->bits);
	w->best = NULL;
	w->value = DASH_LPM_NONE;
	w->upper = false;
	w->state = w->root ? LPM_WALK_ROOT : LPM_WALK_DONE;
	prefetch(w->root);
}

static bool lpm_walk_at(struct dash_lpm_walk *w, u8 state, const void *at)
{
	w->state = state;
	w->at = at;
	prefetch(at);
	return true;
}

static bool lpm_walk_end(struct dash_lpm_walk *w, u32 value, u8 plen)
{
	w->state = LPM_WALK_DONE;
	w->value = value;
	w->plen = plen;
	return false;
}

/* No longer match below */
static bool lpm_walk_back(struct dash_lpm_walk *w)
{
	if (w->best)
		return lpm_walk_at(w, LPM_WALK_VALUE,
				   lpm_value(w->best, w->bit));
	if (w->upper)
		return lpm_walk_end(w, DASH_LPM_NONE, 0);
	w->upper = true;
	w->pos = 0;
	return lpm_walk_at(w, LPM_WALK_ENTRY, &w->root->upper);
}

static bool lpm_walk_entry(struct dash_lpm_walk *w)
{
	u64 e = READ_ONCE(*(const u64 *)w->at);
	int len;

	if (lpm_kind(e) == LPM_INLINE) {
		len = lpm_inline_len(e, lpm_bits_at(w->key, w->pos));
		if (len < 0)
			return lpm_walk_back(w);
		return lpm_walk_end(w, e >> 32, w->pos + len);
	}
	if (!e)
		return lpm_walk_back(w);
	if (lpm_kind(e) == LPM_LEAF)
		return lpm_walk_at(w, LPM_WALK_LEAF, lpm_leaf(e));
	return lpm_walk_at(w, LPM_WALK_NODE, lpm_node(e));
}

static bool lpm_walk_node(struct dash_lpm_walk *w)
{
	const struct lpm_node *n = w->at;
	unsigned int idx;
	u64 in;

	if (!lpm_on_path(n, lpm_bits_to(w->key, n->pos)))
		return lpm_walk_back(w);
	idx = lpm_index(w->key, n->pos);
	in = n->in & dash_lpm_cover[idx];
	if (in) {
		w->best = n;
		w->bit = __fls(in);
	}
	if (!(n->ext >> idx & 1))
		return lpm_walk_back(w);
	w->pos = n->pos + LPM_STRIDE;
	return lpm_walk_at(w, LPM_WALK_ENTRY, lpm_child(n, idx));
}

/**
 * dash_lpm_walk_step() - go on until the next access to cold memory
 * @w: the lookup
 *
 * That memory has been requested on return; meanwhile others can be stepped.
 * At most 55 steps are needed.
 *
 * Context: RCU read side. No writes.
 * Return: true if another step is needed.
 */
bool dash_lpm_walk_step(struct dash_lpm_walk *w)
{
	const struct lpm_leaf *leaf;
	const struct lpm_node *n;

	switch (w->state) {
	case LPM_WALK_ROOT:
		w->pos = w->root->bits;
		return lpm_walk_at(w, LPM_WALK_ENTRY,
				   &w->root->slot[lpm_root_index(w->root,
								 w->key)]);
	case LPM_WALK_ENTRY:
		return lpm_walk_entry(w);
	case LPM_WALK_NODE:
		return lpm_walk_node(w);
	case LPM_WALK_LEAF:
		leaf = w->at;
		if (dash_lpm_key_common(leaf->key, w->key) < leaf->plen)
			return lpm_walk_back(w);
		return lpm_walk_end(w, leaf->value, leaf->plen);
	case LPM_WALK_VALUE:
		n = w->best;
		return lpm_walk_end(w, *(const u32 *)w->at,
				    n->pos + __fls(w->bit));
	}
	return false;
}

/**
 * dash_lpm_walk_all() - finish several lookups together
 * @w: lookups, of the same table or of different ones
 * @n: how many, at most 64
 *
 * Context: RCU read side. No writes.
 */
void dash_lpm_walk_all(struct dash_lpm_walk *w, unsigned int n)
{
	u64 todo = n < 64 ? BIT_ULL(n) - 1 : ~0ULL;
	unsigned int i;
	u64 left;

	while (todo) {
		for (left = todo; left; left &= left - 1) {
			i = __ffs(left);
			if (!dash_lpm_walk_step(&w[i]))
				todo &= ~BIT_ULL(i);
		}
	}
}

static struct lpm_view lpm_published(const struct dash_lpm *lpm)
{
	return (struct lpm_view){ .root = lpm_root(lpm), .at = LPM_AT_NONE };
}

/**
 * dash_lpm_next() - step to the next prefix of the published version
 * @lpm: the table
 * @pos: position, becomes the prefix found; unchanged if there is none. The
 *       prefix it names need not exist (any more).
 * @first: start with the first prefix, whatever @pos holds
 *
 * The order is that of (address, length), a covering prefix first. Steps of
 * one iteration may see different versions when a writer publishes in between;
 * a prefix present in all of them is seen exactly once.
 *
 * Context: RCU read side (rcu_read_lock() or softirqs disabled), which may be
 * left between two steps.
 * Return: true if there was a prefix after @pos.
 */
bool dash_lpm_next(const struct dash_lpm *lpm, struct dash_lpm_entry *pos,
		   bool first)
{
	struct lpm_view view = lpm_published(lpm);

	return dash_lpm_view_step(&view, lpm->bits, pos, first);
}

/**
 * dash_lpm_get() - value of exactly this prefix in the published version
 * @lpm: the table
 * @addr: network-order address; bits beyond @plen are ignored
 * @plen: prefix length
 *
 * Context: RCU read side (rcu_read_lock() or softirqs disabled).
 * Return: the value, or DASH_LPM_NONE.
 */
u32 dash_lpm_get(const struct dash_lpm *lpm, const void *addr, u8 plen)
{
	struct lpm_view view = lpm_published(lpm);

	if (plen > lpm->bits)
		return DASH_LPM_NONE;
	return dash_lpm_view_exact(&view, dash_lpm_key_load(addr, lpm->bits, plen),
			      plen);
}

/**
 * dash_lpm_count() - number of prefixes in the published version
 * @lpm: the table
 *
 * Context: Any.
 * Return: the number, possibly of the version before during a publish.
 */
u32 dash_lpm_count(const struct dash_lpm *lpm)
{
	return READ_ONCE(lpm->count);
}

/**
 * dash_lpm_bytes() - memory of the published version
 * @lpm: the table
 *
 * Context: Any.
 * Return: bytes as the allocator rounds them, without what waits for a grace
 * period.
 */
size_t dash_lpm_bytes(const struct dash_lpm *lpm)
{
	return READ_ONCE(lpm->bytes);
}
