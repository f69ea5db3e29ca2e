// SPDX-License-Identifier: GPL-2.0
/*
 * Changing a prefix table: transactions, root arrays and versions of lpm.c;
 * lpm_node.c has what lies under a slot.
 */

#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "lpm_impl.h"

/* bits of the first root array, and by how many it grows and shrinks */
#define LPM_ROOT_BITS 4

/* a root array grows when there are so many prefixes for each slot, as shift */
#define LPM_ROOT_LOAD 3

static size_t lpm_root_bytes(const struct dash_lpm_root *root)
{
	return sizeof(*root) + (sizeof(u64) << root->bits);
}

static struct dash_lpm_root *lpm_root_alloc(unsigned int bits,
					    const struct dash_lpm_root *from)
{
	struct dash_lpm_root *root = kzalloc(sizeof(*root), GFP_KERNEL_ACCOUNT);

	if (!root)
		return NULL;
	root->bits = bits;
	root->slot = kvmalloc_array(1UL << bits, sizeof(u64),
				    GFP_KERNEL_ACCOUNT);
	if (!root->slot) {
		kfree(root);
		return NULL;
	}
	if (from) {
		root->upper = from->upper;
		memcpy(root->slot, from->slot, sizeof(u64) << bits);
	} else {
		memset(root->slot, 0, sizeof(u64) << bits);
	}
	return root;
}

static void lpm_root_free(struct dash_lpm_root *root)
{
	if (!root)
		return;
	kvfree(root->slot);
	kfree(root);
}

static void lpm_version_free(struct dash_lpm_root *root, u64 owner)
{
	unsigned int done = 0;
	u32 i;

	dash_lpm_tree_free(root->upper, owner, &done);
	for (i = 0; i < 1U << root->bits; i++)
		dash_lpm_tree_free(root->slot[i], owner, &done);
}

/**
 * dash_lpm_fini() - free the memory of a table at once
 * @lpm: the table; empty and usable again afterwards
 *
 * Context: Process context, may sleep. The caller guarantees that a grace
 * period has passed since the last reader could reach @lpm, and that no
 * transaction is open.
 */
void dash_lpm_fini(struct dash_lpm *lpm)
{
	struct dash_lpm_root *root;

	root = rcu_dereference_protected(lpm->root, true);
	RCU_INIT_POINTER(lpm->root, NULL);
	if (root)
		lpm_version_free(root, 0);
	lpm_root_free(root);
	lpm->count = 0;
	lpm->bytes = 0;
}

/**
 * dash_lpm_begin() - open a transaction
 * @txn: the transaction
 * @lpm: the table to change
 *
 * Context: Any. The caller serialises writers from here to dash_lpm_commit(),
 * dash_lpm_abort(), or dash_lpm_publish() and dash_lpm_reap().
 */
void dash_lpm_begin(struct dash_lpm_txn *txn, struct dash_lpm *lpm)
{
	txn->lpm = lpm;
	txn->root = rcu_dereference_protected(lpm->root, true);
	txn->old = NULL;
	/* 48 bits are enough for nine years of a transaction per microsecond */
	txn->id = ++lpm->txn_id;
	txn->bytes = lpm->bytes;
	if (txn->root)
		txn->bytes -= lpm_root_bytes(txn->root);
	txn->count = lpm->count;
	txn->at = LPM_AT_NONE;
	txn->own = false;
	txn->replaced = false;
	txn->n_few = 0;
	txn->many = NULL;
}

static struct lpm_view lpm_staged(const struct dash_lpm_txn *txn)
{
	return (struct lpm_view){
		.root = txn->root,
		.at = txn->at,
		.e = txn->e,
	};
}

/* Make room to note as many dead entries as one operation can leave. */
static int lpm_dead_reserve(struct dash_lpm_txn *txn)
{
	const unsigned int most = LPM_DEPTH + 2;
	struct lpm_dead *d = txn->many;

	BUILD_BUG_ON(LPM_DEPTH + 2 > DASH_LPM_FEW_DEAD);

	if (d ? d->n + most <= LPM_DEAD_MAX :
		txn->n_few + most <= DASH_LPM_FEW_DEAD)
		return 0;
	d = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!d)
		return -ENOMEM;
	d->next = txn->many;
	d->n = 0;
	txn->many = d;
	return 0;
}

static void lpm_dead_forget(struct dash_lpm_txn *txn)
{
	struct lpm_dead *d;

	txn->n_few = 0;
	while ((d = txn->many)) {
		txn->many = d->next;
		kfree(d);
	}
}

/* Where the staged entry of a slot is; NULL without memory. */
static u64 *lpm_txn_slot(struct dash_lpm_txn *txn, u32 at)
{
	struct dash_lpm_root *root = txn->root;

	if (!txn->own) {
		if (txn->at == LPM_AT_NONE) {
			txn->e = at == LPM_AT_UPPER ? root->upper :
						      root->slot[at];
			txn->at = at;
		}
		if (txn->at == at)
			return &txn->e;
		/* the second slot: nothing can be replaced in place */
		root = lpm_root_alloc(root->bits, root);
		if (!root)
			return NULL;
		if (txn->at == LPM_AT_UPPER)
			root->upper = txn->e;
		else
			root->slot[txn->at] = txn->e;
		txn->at = LPM_AT_NONE;
		txn->root = root;
		txn->own = true;
	}
	return at == LPM_AT_UPPER ? &root->upper : &root->slot[at];
}

/* The staged version may be freed: it goes to another root array. */
static void lpm_txn_release(struct dash_lpm_txn *txn)
{
	unsigned int done = 0;

	if (txn->own) {
		lpm_version_free(txn->root, txn->id);
		lpm_root_free(txn->root);
	} else if (txn->at != LPM_AT_NONE) {
		dash_lpm_tree_free(txn->e, txn->id, &done);
	}
	txn->root = NULL;
	txn->at = LPM_AT_NONE;
	txn->own = false;
	lpm_dead_forget(txn);
}

static int lpm_txn_set(struct dash_lpm_txn *txn, const struct lpm_item *item,
		       u32 *old)
{
	unsigned int bits = txn->root->bits;
	bool upper = item->plen < bits;
	u64 *ep;
	int err;

	err = lpm_dead_reserve(txn);
	if (err)
		return err;
	ep = lpm_txn_slot(txn, upper ? LPM_AT_UPPER :
				       lpm_root_index(txn->root, item->key));
	if (!ep)
		return -ENOMEM;
	err = dash_lpm_entry_set(txn, ep, upper ? 0 : bits, item, old);
	if (!err && *old == DASH_LPM_NONE)
		txn->count++;
	return err;
}

/* Build the staged version anew with another root array. */
static int lpm_resize(struct dash_lpm_txn *txn, unsigned int bits)
{
	struct dash_lpm_txn to = {
		.lpm = txn->lpm,
		.id = txn->id,
		.at = LPM_AT_NONE,
		.own = true,
	};
	struct lpm_view view = lpm_staged(txn);
	struct dash_lpm_key key = {};
	unsigned int done = 0;
	struct lpm_item item;
	int plen = -1, err;
	u32 old;

	to.root = lpm_root_alloc(bits, NULL);
	if (!to.root)
		return -ENOMEM;
	while (dash_lpm_view_next(&view, key, plen, &item)) {
		old = DASH_LPM_NONE;
		err = lpm_txn_set(&to, &item, &old);
		if (err) {
			lpm_txn_release(&to);
			return err;
		}
		key = item.key;
		plen = item.plen;
		lpm_pause(&done);
	}
	lpm_txn_release(txn);
	txn->root = to.root;
	txn->own = true;
	txn->replaced = true;
	txn->bytes = to.bytes;
	return 0;
}

/* Bits of a root array that grows only beyond @count prefixes. */
static unsigned int lpm_root_bits_for(u32 count)
{
	unsigned int bits = LPM_ROOT_BITS;

	while (bits < LPM_MAX_BITS && count > 1U << (bits + LPM_ROOT_LOAD))
		bits += LPM_ROOT_BITS;
	return bits;
}

/**
 * dash_lpm_reserve() - say how many prefixes are about to be set
 * @txn: open transaction
 * @n: number of prefixes
 *
 * Saves the growing in steps; not needed, and allowed to be wrong.
 *
 * Context: Process context, may sleep; writers serialised. Takes O(prefixes)
 * if the table has some.
 * Return: 0 or -ENOMEM, in which case nothing is changed.
 */
int dash_lpm_reserve(struct dash_lpm_txn *txn, u32 n)
{
	u32 count = n <= U32_MAX - txn->count ? n + txn->count : U32_MAX;
	unsigned int bits = lpm_root_bits_for(count);

	if (txn->root && txn->root->bits >= bits)
		return 0;
	return lpm_resize(txn, bits);
}

/**
 * dash_lpm_set() - create a prefix or replace its value
 * @txn: open transaction
 * @addr: network-order address; bits beyond @plen are ignored
 * @plen: prefix length
 * @value: new value, not DASH_LPM_NONE
 * @old: where to put the previous value, DASH_LPM_NONE if there was none; or
 *       NULL. Written only on success.
 *
 * Context: Process context, may sleep; writers serialised.
 * Return: 0; -EINVAL for a bad @plen or @value; -ENOMEM, in which case nothing
 * is changed and the transaction can go on, be committed or aborted.
 */
int dash_lpm_set(struct dash_lpm_txn *txn, const void *addr, u8 plen,
		 u32 value, u32 *old)
{
	struct lpm_item item = {
		.plen = plen,
		.value = value,
	};
	u32 prev = DASH_LPM_NONE;
	int err;

	if (plen > txn->lpm->bits || value == DASH_LPM_NONE)
		return -EINVAL;

	item.key = dash_lpm_key_load(addr, txn->lpm->bits, plen);
	err = dash_lpm_reserve(txn, 1);
	/* a small root array is better than no prefix */
	if (err && !txn->root)
		return err;
	err = lpm_txn_set(txn, &item, &prev);
	if (!err && old)
		*old = prev;
	return err;
}

/**
 * dash_lpm_clear() - remove a prefix
 * @txn: open transaction
 * @addr: network-order address; bits beyond @plen are ignored
 * @plen: prefix length
 * @old: where to put the value removed, DASH_LPM_NONE if there was none; or
 *       NULL. Written only on success.
 *
 * Context: Process context, may sleep; writers serialised.
 * Return: 0, also if there was no such prefix; -EINVAL for a bad @plen;
 * -ENOMEM (the path is copied) as for dash_lpm_set().
 */
int dash_lpm_clear(struct dash_lpm_txn *txn, const void *addr, u8 plen,
		   u32 *old)
{
	struct dash_lpm_key key;
	bool upper;
	u32 value;
	u64 *ep;
	int err;

	if (plen > txn->lpm->bits)
		return -EINVAL;

	value = dash_lpm_txn_get(txn, addr, plen);
	if (value == DASH_LPM_NONE)
		goto out;

	key = dash_lpm_key_load(addr, txn->lpm->bits, plen);
	err = lpm_dead_reserve(txn);
	if (err)
		return err;
	upper = plen < txn->root->bits;
	ep = lpm_txn_slot(txn, upper ? LPM_AT_UPPER :
				       lpm_root_index(txn->root, key));
	if (!ep)
		return -ENOMEM;
	err = dash_lpm_entry_clear(txn, ep, upper ? 0 : txn->root->bits, key, plen);
	if (err)
		return err;
	txn->count--;
	/* one prefix for eight slots; without memory it stays as large */
	if (txn->count && txn->root->bits > LPM_ROOT_BITS &&
	    txn->count < 1U << (txn->root->bits - LPM_ROOT_LOAD))
		lpm_resize(txn, lpm_root_bits_for(txn->count));
out:
	if (old)
		*old = value;
	return 0;
}

/**
 * dash_lpm_clear_all() - remove all prefixes
 * @txn: open transaction; prefixes can be set again in the same one
 *
 * Context: Process context, may sleep; writers serialised. Takes O(nodes).
 */
void dash_lpm_clear_all(struct dash_lpm_txn *txn)
{
	lpm_txn_release(txn);
	txn->replaced = true;
	txn->bytes = 0;
	txn->count = 0;
}

/**
 * dash_lpm_txn_get() - value of exactly this prefix in the staged version
 * @txn: open transaction
 * @addr: network-order address; bits beyond @plen are ignored
 * @plen: prefix length
 *
 * Context: Writers serialised.
 * Return: the value, or DASH_LPM_NONE.
 */
u32 dash_lpm_txn_get(const struct dash_lpm_txn *txn, const void *addr, u8 plen)
{
	struct lpm_view view = lpm_staged(txn);

	if (plen > txn->lpm->bits)
		return DASH_LPM_NONE;
	return dash_lpm_view_exact(&view, dash_lpm_key_load(addr, txn->lpm->bits,
						       plen), plen);
}

/**
 * dash_lpm_txn_cover() - longest staged prefix that covers a prefix
 * @txn: open transaction
 * @addr: network-order address
 * @plen: longest length that counts
 * @pos: the prefix found; unchanged if there is none
 *
 * Context: Writers serialised.
 * Return: true if there is one.
 */
bool dash_lpm_txn_cover(const struct dash_lpm_txn *txn, const void *addr,
			u8 plen, struct dash_lpm_entry *pos)
{
	struct lpm_view view = lpm_staged(txn);
	unsigned int bits = txn->lpm->bits;
	struct lpm_item item;

	if (plen > bits ||
	    !dash_lpm_view_cover(&view, dash_lpm_key_load(addr, bits, bits), plen,
			    &item))
		return false;
	dash_lpm_key_store(item.key, pos->addr);
	pos->plen = item.plen;
	pos->value = item.value;
	return true;
}

/**
 * dash_lpm_txn_next() - step to the next prefix of the staged version
 * @txn: open transaction
 * @pos: position, as for dash_lpm_next()
 * @first: start with the first prefix, whatever @pos holds
 *
 * Prefixes may be set and cleared between two steps.
 *
 * Context: Writers serialised.
 * Return: true if there was a prefix after @pos.
 */
bool dash_lpm_txn_next(const struct dash_lpm_txn *txn,
		       struct dash_lpm_entry *pos, bool first)
{
	struct lpm_view view = lpm_staged(txn);

	return dash_lpm_view_step(&view, txn->lpm->bits, pos, first);
}

/**
 * dash_lpm_txn_bytes() - memory the table will have after it is published
 * @txn: open transaction
 *
 * Context: Writers serialised.
 * Return: bytes of the staged version.
 */
size_t dash_lpm_txn_bytes(const struct dash_lpm_txn *txn)
{
	return txn->count ? txn->bytes + lpm_root_bytes(txn->root) : 0;
}

/**
 * dash_lpm_publish() - let readers see the staged version
 * @txn: open transaction
 *
 * Readers see either all of the transaction's changes or none.
 *
 * Context: Process context; writers serialised. Cannot fail. After a grace
 * period the caller frees what was replaced by dash_lpm_reap().
 */
void dash_lpm_publish(struct dash_lpm_txn *txn)
{
	struct dash_lpm *lpm = txn->lpm;
	struct dash_lpm_root *cur;
	u64 *slot;

	cur = rcu_dereference_protected(lpm->root, true);
	WRITE_ONCE(lpm->count, txn->count);
	WRITE_ONCE(lpm->bytes, dash_lpm_txn_bytes(txn));
	if (!txn->count) {
		/* an empty table has no root array */
		if (txn->own)
			lpm_root_free(txn->root);
		txn->root = NULL;
	} else if (!txn->own && txn->at != LPM_AT_NONE) {
		slot = txn->at == LPM_AT_UPPER ? &cur->upper :
						 &cur->slot[txn->at];
		/* pairs with the dependency of READ_ONCE() in a lookup */
		smp_store_release(slot, txn->e);
	}
	txn->at = LPM_AT_NONE;
	txn->own = false;
	if (txn->root != cur) {
		rcu_assign_pointer(lpm->root, txn->root);
		txn->old = cur;
	}
}

/**
 * dash_lpm_reap() - free what a published transaction replaced, and close it
 * @txn: transaction; a grace period has passed since dash_lpm_publish()
 *
 * Context: Process context, may sleep; writers serialised.
 */
void dash_lpm_reap(struct dash_lpm_txn *txn)
{
	unsigned int done = 0, i;
	struct lpm_dead *d;

	if (txn->replaced) {
		if (txn->old)
			lpm_version_free(txn->old, 0);
	} else {
		for (i = 0; i < txn->n_few; i++)
			dash_lpm_entry_free(txn->few[i]);
		for (d = txn->many; d; d = d->next) {
			for (i = 0; i < d->n; i++) {
				dash_lpm_entry_free(d->e[i]);
				lpm_pause(&done);
			}
		}
	}
	lpm_dead_forget(txn);
	lpm_root_free(txn->old);
	txn->old = NULL;
}

/**
 * dash_lpm_commit() - publish the staged version and close the transaction
 * @txn: open transaction
 *
 * Context: Process context, may sleep, for a grace period if the table was not
 * empty; writers serialised. Cannot fail.
 */
void dash_lpm_commit(struct dash_lpm_txn *txn)
{
	dash_lpm_publish(txn);
	if (txn->old || txn->n_few || txn->many)
		synchronize_rcu();
	dash_lpm_reap(txn);
}

/**
 * dash_lpm_abort() - close the transaction without any effect
 * @txn: open transaction
 *
 * Context: Process context, may sleep; writers serialised.
 */
void dash_lpm_abort(struct dash_lpm_txn *txn)
{
	lpm_txn_release(txn);
}
