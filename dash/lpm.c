// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * A path-compressed binary trie (Morrison's PATRICIA, JACM 15(4), 1968) that
 * is persistent: a node is never changed once readers can see it. A writer
 * copies the nodes from the root down to the place of the change and publishes
 * all of it with one rcu_assign_pointer(), so a reader works on one complete
 * version, before or after a whole transaction, never between::
 *
 *         published root                staged root
 *               |                            |
 *           0.0.0.0/0                    0.0.0.0/0'
 *            /     \                      /     \
 *       10.0/14   192.168/16         10.0/14'  (192.168/16)
 *        /    \                       /    \
 *   10.0/16  10.2/16           (10.0/16)  10.2/16'
 *
 *   x' = copy made by the transaction that changes 10.2/16
 *   (x) = the very node of the published version
 *
 * A node stands for a prefix. It either has a value or is a mere fork with two
 * children; a child's prefix is longer than its parent's and begins with it,
 * and the bit after the parent's prefix says which child it is. So there are
 * at most bits + 1 nodes on a path and fewer than two nodes per prefix.
 *
 * A node carries the number of the transaction that allocated it. A node of
 * the running transaction is not visible to readers yet and is changed in
 * place, so loading many prefixes in one transaction copies nothing twice.
 * Everything above such a node belongs to the transaction too.
 *
 * A published node that the staged version no longer uses goes to a list
 * linked through its rcu_head, which readers do not touch. Commit gives the
 * list to kfree_rcu(), abort forgets it. Subtrees are freed with a work list
 * linked the same way: no recursion, no stack, no allocation.
 *
 * Complexity: lookup, set, clear and next take O(depth), depth being at most
 * bits + 1 and about log2(prefixes) + 2 for typical tables. Commit and abort
 * take O(nodes replaced).
 *
 * Memory: nodes * sizeof(struct dash_lpm_node), which is 64 bytes, one cache
 * line; prefixes <= nodes < 2 * prefixes. So 64 to 128 bytes per prefix, v4
 * and v6 alike. Until a grace period after commit, replaced nodes add to that.
 */

#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "lpm.h"

/* how many nodes are freed between two cond_resched() */
#define LPM_FREE_CHUNK 1024

/**
 * struct dash_lpm_node - a prefix in the trie
 *
 * Constant once published, but for the union, which readers do not look at.
 */
struct dash_lpm_node {
	/** @child: longer prefixes, by the bit after this prefix */
	struct dash_lpm_node *child[2];
	/** @key: the prefix, host bits zero */
	struct dash_lpm_key key;
	/** @value: DASH_LPM_NONE in a fork */
	u32 value;
	/** @plen: prefix length */
	u8 plen;
	/** @owner: dash_lpm_txn.id of the transaction that allocated it */
	u64 owner;
	union {
		/** @link: next on a dead list or work list; writer side only */
		struct dash_lpm_node *link;
		/** @rcu: from commit on, for nodes that commit frees */
		struct rcu_head rcu;
	};
};

static_assert(sizeof(struct dash_lpm_node) <= 64 || !IS_ENABLED(CONFIG_64BIT));

static unsigned int lpm_bit(struct dash_lpm_key key, unsigned int i)
{
	return (i < 64 ? key.hi >> (63 - i) : key.lo >> (127 - i)) & 1;
}

static bool lpm_covers(const struct dash_lpm_node *n, struct dash_lpm_key key)
{
	return dash_lpm_key_common(n->key, key) >= n->plen;
}

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
	lpm->count = 0;
	lpm->nodes = 0;
	lpm->bits = bits;
}

static struct dash_lpm_node *lpm_push(struct dash_lpm_node *list,
				      struct dash_lpm_node *n)
{
	if (!n)
		return list;
	n->link = list;
	return n;
}

/**
 * dash_lpm_fini() - free the nodes of a table at once
 * @lpm: the table; empty and usable again afterwards
 *
 * Needs no rcu_barrier(): nodes replaced earlier are freed by the kernel alone.
 *
 * Context: Process context, may sleep. The caller guarantees that a grace
 * period has passed since the last reader could reach @lpm, and that no
 * transaction is open.
 */
void dash_lpm_fini(struct dash_lpm *lpm)
{
	struct dash_lpm_node *todo, *n;
	unsigned int freed = 0;

	todo = lpm_push(NULL, rcu_dereference_protected(lpm->root, true));
	RCU_INIT_POINTER(lpm->root, NULL);
	while (todo) {
		n = todo;
		todo = n->link;
		todo = lpm_push(todo, n->child[0]);
		todo = lpm_push(todo, n->child[1]);
		kfree(n);
		lpm->nodes--;
		if (++freed % LPM_FREE_CHUNK == 0)
			cond_resched();
	}
	WARN_ON_ONCE(lpm->nodes);
	lpm->count = 0;
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
	const struct dash_lpm_node *n, *best = NULL;
	struct dash_lpm_key key;

	key = dash_lpm_key_load(addr, lpm->bits, lpm->bits);
	n = rcu_dereference_check(lpm->root, rcu_read_lock_bh_held());
	while (n && lpm_covers(n, key)) {
		if (n->value != DASH_LPM_NONE)
			best = n;
		if (n->plen == lpm->bits)
			break;
		n = n->child[lpm_bit(key, n->plen)];
	}
	if (!best)
		return DASH_LPM_NONE;
	if (plen)
		*plen = best->plen;
	return best->value;
}

/* First node that has a value in the subtree; forks have two children. */
static const struct dash_lpm_node *lpm_first(const struct dash_lpm_node *n)
{
	while (n && n->value == DASH_LPM_NONE)
		n = n->child[0];
	return n;
}

/* First node after the prefix (key, plen) in the order of (address, length) */
static const struct dash_lpm_node *
lpm_after(const struct dash_lpm_node *n, struct dash_lpm_key key, unsigned int plen)
{
	const struct dash_lpm_node *later = NULL;
	unsigned int common, bit;

	while (n) {
		common = min3(dash_lpm_key_common(n->key, key), plen,
			      (unsigned int)n->plen);
		if (common < plen && common < n->plen) {
			/* all of the subtree lies on one side */
			if (lpm_bit(n->key, common))
				later = n;
			break;
		}
		if (n->plen > plen) {
			later = n;
			break;
		}
		if (n->plen == plen) {
			if (n->child[0] || n->child[1])
				later = n->child[0] ?: n->child[1];
			break;
		}
		bit = lpm_bit(key, n->plen);
		if (!bit && n->child[1])
			later = n->child[1];
		n = n->child[bit];
	}
	return lpm_first(later);
}

static bool lpm_next(const struct dash_lpm_node *root, unsigned int bits,
		     struct dash_lpm_entry *pos, bool first)
{
	const struct dash_lpm_node *n;

	if (first)
		n = lpm_first(root);
	else if (pos->plen > bits)
		n = NULL;
	else
		n = lpm_after(root, dash_lpm_key_load(pos->addr, bits, pos->plen),
			      pos->plen);
	if (!n)
		return false;

	dash_lpm_key_store(n->key, pos->addr);
	pos->plen = n->plen;
	pos->value = n->value;
	return true;
}

/**
 * dash_lpm_next() - step to the next prefix of the published version
 * @lpm: the table
 * @pos: position, becomes the prefix found; unchanged if there is none. The
 *       prefix it names need not exist (any more).
 * @first: start with the first prefix, whatever @pos holds
 *
 * The order is that of (address, length), a covering prefix first. Steps of
 * one iteration may see different versions when a writer commits in between;
 * a prefix present in all of them is seen exactly once.
 *
 * Context: RCU read side (rcu_read_lock() or softirqs disabled), which may be
 * left between two steps.
 * Return: true if there was a prefix after @pos.
 */
bool dash_lpm_next(const struct dash_lpm *lpm, struct dash_lpm_entry *pos,
		   bool first)
{
	const struct dash_lpm_node *root;

	root = rcu_dereference_check(lpm->root, rcu_read_lock_bh_held());
	return lpm_next(root, lpm->bits, pos, first);
}

/**
 * dash_lpm_count() - number of prefixes in the published version
 * @lpm: the table
 *
 * Context: Any.
 * Return: the number, possibly of the version before during a commit.
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
 * Return: bytes of the nodes, without what waits for a grace period.
 */
size_t dash_lpm_bytes(const struct dash_lpm *lpm)
{
	return READ_ONCE(lpm->nodes) * sizeof(struct dash_lpm_node);
}

/**
 * dash_lpm_begin() - open a transaction
 * @txn: the transaction, on the caller's stack
 * @lpm: the table to change
 *
 * Context: Any. The caller serialises writers from here to dash_lpm_commit()
 * or dash_lpm_abort(), one of which must follow.
 */
void dash_lpm_begin(struct dash_lpm_txn *txn, struct dash_lpm *lpm)
{
	txn->lpm = lpm;
	txn->root = rcu_dereference_protected(lpm->root, true);
	txn->dead = NULL;
	txn->id = ++lpm->txn_id;
	txn->count = lpm->count;
	txn->nodes = lpm->nodes;
}

static struct dash_lpm_node *lpm_node_alloc(struct dash_lpm_txn *txn,
					    struct dash_lpm_key key,
					    unsigned int plen, u32 value)
{
	struct dash_lpm_node *n;

	/* lookups rely on a node being one cache line, slab aligns 64 to 64 */
	n = kmalloc(sizeof(*n), GFP_KERNEL_ACCOUNT);
	if (!n)
		return NULL;
	n->child[0] = NULL;
	n->child[1] = NULL;
	n->key = key;
	n->value = value;
	n->plen = plen;
	n->owner = txn->id;
	txn->nodes++;
	return n;
}

/* The staged version does not use the node any more. */
static void lpm_node_drop(struct dash_lpm_txn *txn, struct dash_lpm_node *n)
{
	txn->nodes--;
	if (n->owner == txn->id)
		kfree(n);
	else
		txn->dead = lpm_push(txn->dead, n);
}

/* Make the node in a staged slot one that may be changed. */
static struct dash_lpm_node *lpm_node_own(struct dash_lpm_txn *txn,
					  struct dash_lpm_node **slot)
{
	struct dash_lpm_node *old = *slot, *n;

	if (old->owner == txn->id)
		return old;

	n = lpm_node_alloc(txn, old->key, old->plen, old->value);
	if (!n)
		return NULL;
	n->child[0] = old->child[0];
	n->child[1] = old->child[1];
	*slot = n;
	lpm_node_drop(txn, old);
	return n;
}

static struct dash_lpm_node *lpm_find(struct dash_lpm_node *n,
				      struct dash_lpm_key key, unsigned int plen)
{
	while (n && n->plen < plen && lpm_covers(n, key))
		n = n->child[lpm_bit(key, n->plen)];
	if (n && n->plen == plen && lpm_covers(n, key))
		return n;
	return NULL;
}

/* Put a new prefix in front of what the slot holds, which it may cover. */
static int lpm_insert(struct dash_lpm_txn *txn, struct dash_lpm_node **slot,
		      struct dash_lpm_key key, unsigned int plen, u32 value)
{
	struct dash_lpm_node *n = *slot, *leaf, *fork;
	unsigned int common = plen;

	leaf = lpm_node_alloc(txn, key, plen, value);
	if (!leaf)
		return -ENOMEM;

	if (n)
		common = min(dash_lpm_key_common(n->key, key), plen);
	if (common < plen) {
		fork = lpm_node_alloc(txn, dash_lpm_key_mask(key, common),
				      common, DASH_LPM_NONE);
		if (!fork) {
			lpm_node_drop(txn, leaf);
			return -ENOMEM;
		}
		fork->child[lpm_bit(leaf->key, common)] = leaf;
		fork->child[lpm_bit(n->key, common)] = n;
		*slot = fork;
	} else {
		if (n)
			leaf->child[lpm_bit(n->key, plen)] = n;
		*slot = leaf;
	}
	txn->count++;
	return 0;
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
	struct dash_lpm_node **slot = &txn->root, *n;
	u32 prev = DASH_LPM_NONE;
	struct dash_lpm_key key;
	int err;

	if (plen > txn->lpm->bits || value == DASH_LPM_NONE)
		return -EINVAL;

	key = dash_lpm_key_load(addr, txn->lpm->bits, plen);
	while ((n = *slot) && n->plen <= plen && lpm_covers(n, key)) {
		n = lpm_node_own(txn, slot);
		if (!n)
			return -ENOMEM;
		if (n->plen == plen) {
			prev = n->value;
			n->value = value;
			if (prev == DASH_LPM_NONE)
				txn->count++;
			goto out;
		}
		slot = &n->child[lpm_bit(key, n->plen)];
	}
	err = lpm_insert(txn, slot, key, plen, value);
	if (err)
		return err;
out:
	if (old)
		*old = prev;
	return 0;
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
	struct dash_lpm_node **slot = &txn->root, **up = NULL, *n, *parent;
	u32 prev = DASH_LPM_NONE;
	struct dash_lpm_key key;

	if (plen > txn->lpm->bits)
		return -EINVAL;

	key = dash_lpm_key_load(addr, txn->lpm->bits, plen);
	n = lpm_find(txn->root, key, plen);
	if (!n || n->value == DASH_LPM_NONE)
		goto out;

	/* every node above is owned, then @slot holds the prefix itself */
	while ((*slot)->plen < plen) {
		parent = lpm_node_own(txn, slot);
		if (!parent)
			return -ENOMEM;
		up = slot;
		slot = &parent->child[lpm_bit(key, parent->plen)];
	}

	prev = n->value;
	if (n->child[0] && n->child[1]) {
		n = lpm_node_own(txn, slot);
		if (!n)
			return -ENOMEM;
		n->value = DASH_LPM_NONE;
	} else {
		*slot = n->child[0] ?: n->child[1];
		lpm_node_drop(txn, n);
		/* a fork with one child left is none */
		if (!*slot && up && (*up)->value == DASH_LPM_NONE) {
			parent = *up;
			*up = parent->child[0] ?: parent->child[1];
			lpm_node_drop(txn, parent);
		}
	}
	txn->count--;
out:
	if (old)
		*old = prev;
	return 0;
}

/*
 * Walk the staged tree and free what the transaction allocated. With @drop the
 * published nodes in it are put on the dead list, else they are left alone.
 */
static void lpm_txn_release(struct dash_lpm_txn *txn, bool drop)
{
	struct dash_lpm_node *todo, *n;
	unsigned int done = 0;

	todo = lpm_push(NULL, txn->root);
	txn->root = NULL;
	while (todo) {
		n = todo;
		todo = n->link;
		if (drop || n->owner == txn->id) {
			todo = lpm_push(todo, n->child[0]);
			todo = lpm_push(todo, n->child[1]);
			lpm_node_drop(txn, n);
		}
		if (++done % LPM_FREE_CHUNK == 0)
			cond_resched();
	}
}

/**
 * dash_lpm_clear_all() - remove all prefixes
 * @txn: open transaction; prefixes can be set again in the same one
 *
 * Context: Process context, may sleep; writers serialised. Takes O(nodes).
 */
void dash_lpm_clear_all(struct dash_lpm_txn *txn)
{
	lpm_txn_release(txn, true);
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
	const struct dash_lpm_node *n;
	struct dash_lpm_key key;

	if (plen > txn->lpm->bits)
		return DASH_LPM_NONE;
	key = dash_lpm_key_load(addr, txn->lpm->bits, plen);
	n = lpm_find(txn->root, key, plen);
	return n ? n->value : DASH_LPM_NONE;
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
	return lpm_next(txn->root, txn->lpm->bits, pos, first);
}

/**
 * dash_lpm_txn_bytes() - memory the table will have after commit
 * @txn: open transaction
 *
 * Context: Writers serialised.
 * Return: bytes of the nodes of the staged version.
 */
size_t dash_lpm_txn_bytes(const struct dash_lpm_txn *txn)
{
	return txn->nodes * sizeof(struct dash_lpm_node);
}

/**
 * dash_lpm_commit() - publish the staged version and close the transaction
 * @txn: open transaction
 *
 * Readers see either all of the transaction's changes or none. Nodes that it
 * replaced are freed after a grace period; nothing needs to be waited for.
 *
 * Context: Process context, may sleep; writers serialised. Cannot fail.
 */
void dash_lpm_commit(struct dash_lpm_txn *txn)
{
	struct dash_lpm *lpm = txn->lpm;
	struct dash_lpm_node *n, *next;
	unsigned int freed = 0;

	rcu_assign_pointer(lpm->root, txn->root);
	WRITE_ONCE(lpm->count, txn->count);
	WRITE_ONCE(lpm->nodes, txn->nodes);

	for (n = txn->dead; n; n = next) {
		next = n->link;
		kfree_rcu(n, rcu);
		if (++freed % LPM_FREE_CHUNK == 0)
			cond_resched();
	}
	txn->root = NULL;
	txn->dead = NULL;
}

/**
 * dash_lpm_abort() - close the transaction without any effect
 * @txn: open transaction
 *
 * Context: Process context, may sleep; writers serialised.
 */
void dash_lpm_abort(struct dash_lpm_txn *txn)
{
	lpm_txn_release(txn, false);
	/* nodes on the list are still part of the published version */
	txn->dead = NULL;
}
