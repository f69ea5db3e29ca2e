// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * All ACL groups of an instance ask one table which tags an address has, once
 * per packet and side; a group itself knows only which rules name which tag.
 * So a tag's prefixes are stored once however many groups use it, and a change
 * of a tag recompiles no group::
 *
 *   own:   10/8 {web}       10.1/16 {db}       10.1.2/24 {web, vip}
 *            |                 |                   |
 *            v  union with what covers it          v
 *   lpm:   10/8 -> #1       10.1/16 -> #2      10.1.2/24 -> #3
 *   sets:  #1 {web}         #2 {db, web}       #3 {db, vip, web}
 *
 * The longest prefix of an address names the set of all tags that the address
 * has by any prefix. Sets are interned: their number is that of combinations,
 * not of prefixes.
 *
 * The writer keeps a second table with the tags of each prefix proper. A
 * change is made there first; then the part of the readers' table that lies
 * under the prefixes changed is made anew, in the order of addresses, with a
 * stack of the prefixes that cover the present one. Both tables are changed by
 * transactions, so nothing is seen before all of it.
 *
 * Complexity: lookup that of the prefix table and two memory accesses. Change
 * of a prefix O(prefixes under it * tags of a set).
 *
 * Memory: two prefix tables and sizeof(struct dash_tag_set) + 4 bytes per tag
 * for each set, which is limited as a whole.
 */

#include <linux/jhash.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "tag.h"

/* how many prefixes are made between two cond_resched() */
#define TAG_CHUNK 256

#define TAG_HASH_BITS 10
#define TAG_MEMOS 256
#define TAG_MIN_SETS 64

/**
 * struct tag_sum - a union made lately
 */
struct tag_sum {
	/** @a: a set */
	u32 a;
	/** @b: another one; DASH_LPM_NONE in an empty place */
	u32 b;
	/** @sum: their union */
	u32 sum;
};

/**
 * struct tag_cover - a prefix that covers the present one
 */
struct tag_cover {
	/** @key: prefix */
	struct dash_lpm_key key;
	/** @plen: its length */
	unsigned int plen;
	/** @set: all its tags */
	u32 set;
};

/**
 * struct dash_tag_memo - what making a table anew has to remember
 */
struct dash_tag_memo {
	/** @sum: by a hash of the two sets */
	struct tag_sum sum[TAG_MEMOS];
	/** @cover: stack, the longest prefix on top */
	struct tag_cover cover[DASH_LPM_MAX_BITS + 2];
};

/**
 * dash_tag_init() - make an empty table
 * @t: the table
 * @bits: address length, 32 or 128
 *
 * Context: Any. No reader may know @t yet.
 */
void dash_tag_init(struct dash_tag_table *t, unsigned int bits)
{
	dash_lpm_init(&t->lpm, bits);
	dash_lpm_init(&t->own, bits);
	RCU_INIT_POINTER(t->sets, NULL);
	t->by_content = NULL;
	ida_init(&t->ids);
	t->bytes = 0;
}

static struct dash_tag_sets *tag_sets(const struct dash_tag_table *t)
{
	return rcu_dereference_protected(t->sets, true);
}

static struct dash_tag_set *tag_set(const struct dash_tag_table *t, u32 id)
{
	return rcu_dereference_protected(tag_sets(t)->set[id], true);
}

static size_t tag_set_size(u32 n)
{
	return sizeof(struct dash_tag_set) + n * sizeof(u32);
}

static void tag_set_free(struct dash_tag_table *t, struct dash_tag_set *set)
{
	hlist_del(&set->node);
	RCU_INIT_POINTER(tag_sets(t)->set[set->id], NULL);
	t->bytes -= tag_set_size(set->n);
	ida_free(&t->ids, set->id);
	kvfree(set);
}

/**
 * dash_tag_fini() - free the memory of a table at once
 * @t: the table; empty and usable again afterwards
 *
 * Context: Process context, may sleep. No reader is left, no change is open.
 */
void dash_tag_fini(struct dash_tag_table *t)
{
	struct dash_tag_set *set;
	struct hlist_node *tmp;
	unsigned int i;

	dash_lpm_fini(&t->lpm);
	dash_lpm_fini(&t->own);
	for (i = 0; t->by_content && i < 1 << TAG_HASH_BITS; i++) {
		hlist_for_each_entry_safe(set, tmp, &t->by_content[i], node)
			tag_set_free(t, set);
		cond_resched();
	}
	kvfree(t->by_content);
	t->by_content = NULL;
	kvfree(tag_sets(t));
	RCU_INIT_POINTER(t->sets, NULL);
	ida_destroy(&t->ids);
	WARN_ON_ONCE(t->bytes);
}

/**
 * dash_tag_bytes() - memory of a table
 * @t: the table
 *
 * Context: Any.
 * Return: bytes, without what waits for a grace period.
 */
size_t dash_tag_bytes(const struct dash_tag_table *t)
{
	return dash_lpm_bytes(&t->lpm) + dash_lpm_bytes(&t->own) +
	       READ_ONCE(t->bytes);
}

/**
 * dash_tag_txn_bytes() - memory the table will have after a change
 * @txn: the change, prepared
 *
 * Context: Process context, may sleep.
 * Return: bytes, without what waits for a grace period.
 */
size_t dash_tag_txn_bytes(const struct dash_tag_txn *txn)
{
	size_t bytes = dash_lpm_txn_bytes(&txn->lpm) +
		       dash_lpm_txn_bytes(&txn->own) + txn->t->bytes;
	const struct dash_tag_set *set;
	u32 done = 0;

	/* new sets are counted already, those that go still are */
	list_for_each_entry(set, &txn->touched, touched) {
		if (!(set->uses + set->delta))
			bytes -= tag_set_size(set->n);
		if (++done % TAG_CHUNK == 0)
			cond_resched();
	}
	return bytes;
}

/**
 * dash_tag_begin() - open a change
 * @txn: the change
 * @t: the table
 *
 * Context: Process context, may sleep. The caller serialises writers until the
 * change is reaped or aborted.
 * Return: 0, or -ENOMEM, and then no change is open.
 */
int dash_tag_begin(struct dash_tag_txn *txn, struct dash_tag_table *t)
{
	unsigned int i;

	if (!t->by_content) {
		t->by_content = kvcalloc(1 << TAG_HASH_BITS,
					 sizeof(*t->by_content),
					 GFP_KERNEL_ACCOUNT);
		if (!t->by_content)
			return -ENOMEM;
	}
	txn->memo = kvmalloc(sizeof(*txn->memo), GFP_KERNEL);
	if (!txn->memo)
		return -ENOMEM;
	for (i = 0; i < TAG_MEMOS; i++)
		txn->memo->sum[i].b = DASH_LPM_NONE;
	txn->t = t;
	dash_lpm_begin(&txn->lpm, &t->lpm);
	dash_lpm_begin(&txn->own, &t->own);
	dash_lpm_init(&txn->changed, t->lpm.bits);
	dash_lpm_begin(&txn->changes, &txn->changed);
	INIT_LIST_HEAD(&txn->touched);
	txn->old_sets = NULL;
	return 0;
}

/* Make room for the set with an id. */
static int tag_sets_grow(struct dash_tag_txn *txn, u32 id)
{
	struct dash_tag_sets *old = tag_sets(txn->t), *sets;
	u32 size = old ? old->size : 0;

	if (id < size)
		return 0;
	size = max_t(u32, 2 * size, TAG_MIN_SETS);
	sets = kvzalloc(struct_size(sets, set, size), GFP_KERNEL_ACCOUNT);
	if (!sets)
		return -ENOMEM;
	sets->size = size;
	if (old) {
		memcpy(sets->set, old->set, old->size * sizeof(old->set[0]));
		old->next = txn->old_sets;
		txn->old_sets = old;
	}
	rcu_assign_pointer(txn->t->sets, sets);
	return 0;
}

/* Id of the set with these tags, which are @n, ascending. */
static int tag_intern(struct dash_tag_txn *txn, const u32 *tag, u32 n,
		      u32 *id)
{
	struct dash_tag_table *t = txn->t;
	u32 hash = jhash2(tag, n, 0);
	struct dash_tag_set *set;
	struct hlist_head *head;
	int err;

	head = &t->by_content[hash >> (32 - TAG_HASH_BITS)];
	hlist_for_each_entry(set, head, node) {
		if (set->hash == hash && set->n == n &&
		    !memcmp(set->tag, tag, n * sizeof(*tag))) {
			*id = set->id;
			return 0;
		}
	}

	if (t->bytes + tag_set_size(n) > DASH_TAG_MAX_BYTES)
		return -E2BIG;
	set = kvmalloc(tag_set_size(n), GFP_KERNEL_ACCOUNT);
	if (!set)
		return -ENOMEM;
	err = ida_alloc_max(&t->ids, DASH_LPM_NONE >> 1, GFP_KERNEL);
	if (err < 0)
		goto free_set;
	set->id = err;
	err = tag_sets_grow(txn, set->id);
	if (err)
		goto free_id;
	set->hash = hash;
	set->uses = 0;
	set->delta = 0;
	set->n = n;
	memcpy(set->tag, tag, n * sizeof(*tag));
	hlist_add_head(&set->node, head);
	/* one that comes to no use goes when the change is closed */
	list_add(&set->touched, &txn->touched);
	t->bytes += tag_set_size(n);
	rcu_assign_pointer(tag_sets(t)->set[set->id], set);
	*id = set->id;
	return 0;

free_id:
	ida_free(&t->ids, set->id);
free_set:
	kvfree(set);
	return err;
}

static void tag_use(struct dash_tag_txn *txn, u32 id, int delta)
{
	struct dash_tag_set *set;

	if (id == DASH_LPM_NONE)
		return;
	set = tag_set(txn->t, id);
	set->delta += delta;
	if (list_empty(&set->touched))
		list_add(&set->touched, &txn->touched);
}

/* Set a prefix's set in one of the tables, or remove it by DASH_LPM_NONE. */
static int tag_put(struct dash_tag_txn *txn, struct dash_lpm_txn *lpm,
		   const void *addr, u8 plen, u32 id)
{
	u32 old;
	int err;

	err = id == DASH_LPM_NONE ? dash_lpm_clear(lpm, addr, plen, &old) :
				    dash_lpm_set(lpm, addr, plen, id, &old);
	if (err)
		return err;
	tag_use(txn, id, 1);
	tag_use(txn, old, -1);
	return 0;
}

static u32 tag_find(const struct dash_tag_set *set, u32 tag)
{
	u32 lo = 0, hi = set->n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (set->tag[mid] < tag)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The set @id and @tag, or without @tag. */
static int tag_derive(struct dash_tag_txn *txn, u32 id, u32 tag, bool add,
		      u32 *to)
{
	const struct dash_tag_set *set;
	u32 *tags, n, at;
	int err;

	*to = id;
	if (id == DASH_LPM_NONE)
		return add ? tag_intern(txn, &tag, 1, to) : 0;
	set = tag_set(txn->t, id);
	at = tag_find(set, tag);
	if ((at < set->n && set->tag[at] == tag) == add)
		return 0;
	n = add ? set->n + 1 : set->n - 1;
	if (!n) {
		*to = DASH_LPM_NONE;
		return 0;
	}
	tags = kvmalloc_array(n, sizeof(*tags), GFP_KERNEL);
	if (!tags)
		return -ENOMEM;
	memcpy(tags, set->tag, at * sizeof(*tags));
	if (add) {
		tags[at] = tag;
		memcpy(tags + at + 1, set->tag + at,
		       (set->n - at) * sizeof(*tags));
	} else {
		memcpy(tags + at, set->tag + at + 1, (n - at) * sizeof(*tags));
	}
	err = tag_intern(txn, tags, n, to);
	kvfree(tags);
	return err;
}

static int tag_change(struct dash_tag_txn *txn, u32 tag, const void *addr,
		      u8 plen, bool add)
{
	u32 id, to;
	int err;

	if (plen > txn->t->lpm.bits)
		return -EINVAL;
	id = dash_lpm_txn_get(&txn->own, addr, plen);
	err = tag_derive(txn, id, tag, add, &to);
	if (err || to == id)
		return err;
	/* first what has no effect but to cost time */
	err = dash_lpm_set(&txn->changes, addr, plen, 0, NULL);
	if (err)
		return err;
	return tag_put(txn, &txn->own, addr, plen, to);
}

/**
 * dash_tag_add() - a prefix gets a tag
 * @txn: open change
 * @tag: number of the tag
 * @addr: network-order address; bits beyond @plen are ignored
 * @plen: prefix length
 *
 * No effect if it has it.
 *
 * Context: Process context, may sleep.
 * Return: 0; -EINVAL for a bad @plen; -E2BIG when sets need too much memory;
 * -ENOMEM. After the latter two abort the change.
 */
int dash_tag_add(struct dash_tag_txn *txn, u32 tag, const void *addr, u8 plen)
{
	return tag_change(txn, tag, addr, plen, true);
}

/**
 * dash_tag_del() - a prefix loses a tag
 * @txn: open change
 * @tag: number of the tag
 * @addr: network-order address; bits beyond @plen are ignored
 * @plen: prefix length
 *
 * No effect if it does not have it.
 *
 * Context: Process context, may sleep.
 * Return: as for dash_tag_add().
 */
int dash_tag_del(struct dash_tag_txn *txn, u32 tag, const void *addr, u8 plen)
{
	return tag_change(txn, tag, addr, plen, false);
}

/* Union of two sets, of which @a may be DASH_LPM_NONE. */
static int tag_union(struct dash_tag_txn *txn, u32 a, u32 b, u32 *sum)
{
	struct tag_sum *memo = &txn->memo->sum[(a * 31 + b) % TAG_MEMOS];
	const struct dash_tag_set *x, *y;
	u32 i = 0, j = 0, n = 0;
	u32 *tags;
	int err;

	if (a == DASH_LPM_NONE || a == b) {
		*sum = b;
		return 0;
	}
	if (memo->a == a && memo->b == b) {
		*sum = memo->sum;
		return 0;
	}
	x = tag_set(txn->t, a);
	y = tag_set(txn->t, b);
	tags = kvmalloc_array(x->n + y->n, sizeof(*tags), GFP_KERNEL);
	if (!tags)
		return -ENOMEM;
	while (i < x->n && j < y->n) {
		if (x->tag[i] == y->tag[j])
			j++;
		else if (x->tag[i] > y->tag[j])
			tags[n++] = y->tag[j++];
		else
			tags[n++] = x->tag[i++];
	}
	while (i < x->n)
		tags[n++] = x->tag[i++];
	while (j < y->n)
		tags[n++] = y->tag[j++];
	err = tag_intern(txn, tags, n, sum);
	kvfree(tags);
	if (err)
		return err;
	memo->a = a;
	memo->b = b;
	memo->sum = *sum;
	return 0;
}

/* Make anew what lies under a prefix, which has changed. */
static int tag_remake(struct dash_tag_txn *txn,
		      const struct dash_lpm_entry *changed,
		      struct dash_lpm_key key)
{
	unsigned int bits = txn->t->lpm.bits, top = 0, done = 0;
	struct tag_cover *cover = txn->memo->cover;
	struct dash_lpm_entry pos = *changed;
	struct dash_lpm_key at;
	u32 set;
	int err;

	/* the bottom of the stack: what covers all of it */
	cover[0].plen = 0;
	cover[0].set = DASH_LPM_NONE;
	if (changed->plen &&
	    dash_lpm_txn_cover(&txn->lpm, changed->addr, changed->plen - 1,
			       &pos))
		cover[0].set = pos.value;

	pos = *changed;
	pos.value = dash_lpm_txn_get(&txn->own, pos.addr, pos.plen);
	if (pos.value == DASH_LPM_NONE) {
		err = tag_put(txn, &txn->lpm, pos.addr, pos.plen,
			      DASH_LPM_NONE);
		if (err || !dash_lpm_txn_next(&txn->own, &pos, false))
			return err;
	}
	do {
		at = dash_lpm_key_load(pos.addr, bits, bits);
		if (dash_lpm_key_common(at, key) < changed->plen)
			break;
		while (top && dash_lpm_key_common(cover[top].key, at) <
			      cover[top].plen)
			top--;
		err = tag_union(txn, cover[top].set, pos.value, &set);
		if (!err && dash_lpm_txn_get(&txn->lpm, pos.addr,
					     pos.plen) != set)
			err = tag_put(txn, &txn->lpm, pos.addr, pos.plen, set);
		if (err)
			return err;
		top++;
		cover[top].key = at;
		cover[top].plen = pos.plen;
		cover[top].set = set;
		if (++done % TAG_CHUNK == 0)
			cond_resched();
	} while (dash_lpm_txn_next(&txn->own, &pos, false));
	return 0;
}

/**
 * dash_tag_prepare() - make of a change what readers will see
 * @txn: open change
 *
 * Context: Process context, may sleep. After it the change can be published,
 * or more can be changed and prepared.
 * Return: 0; -E2BIG when sets need too much memory; -ENOMEM. After an error
 * abort the change.
 */
int dash_tag_prepare(struct dash_tag_txn *txn)
{
	unsigned int bits = txn->t->lpm.bits, plen = 0, done = 0;
	struct dash_lpm_key last = {}, key;
	struct dash_lpm_entry pos;
	bool more, any = false;
	int err;

	more = dash_lpm_txn_next(&txn->changes, &pos, true);
	for (; more; more = dash_lpm_txn_next(&txn->changes, &pos, false)) {
		key = dash_lpm_key_load(pos.addr, bits, pos.plen);
		/* under one that was made anew: only an end is left to do */
		if (any && dash_lpm_key_common(key, last) >= plen) {
			err = 0;
			if (dash_lpm_txn_get(&txn->own, pos.addr, pos.plen) ==
			    DASH_LPM_NONE)
				err = tag_put(txn, &txn->lpm, pos.addr,
					      pos.plen, DASH_LPM_NONE);
		} else {
			err = tag_remake(txn, &pos, key);
			last = key;
			plen = pos.plen;
			any = true;
		}
		if (err)
			return err;
		if (++done % TAG_CHUNK == 0)
			cond_resched();
	}
	dash_lpm_clear_all(&txn->changes);
	return 0;
}

/**
 * dash_tag_publish() - let readers see a change
 * @txn: open change, prepared
 *
 * Readers see either all of it or nothing.
 *
 * Context: Process context. Cannot fail. After a grace period the caller
 * frees what was replaced by dash_tag_reap().
 */
void dash_tag_publish(struct dash_tag_txn *txn)
{
	struct dash_tag_set *set;

	dash_lpm_publish(&txn->lpm);
	dash_lpm_publish(&txn->own);
	list_for_each_entry(set, &txn->touched, touched) {
		set->uses += set->delta;
		set->delta = 0;
	}
}

/* Free sets and arrays that nobody uses any more. */
static void tag_close(struct dash_tag_txn *txn)
{
	struct dash_tag_set *set, *tmp;
	struct dash_tag_sets *sets;

	list_for_each_entry_safe(set, tmp, &txn->touched, touched) {
		list_del_init(&set->touched);
		set->delta = 0;
		if (!set->uses)
			tag_set_free(txn->t, set);
	}
	while ((sets = txn->old_sets)) {
		txn->old_sets = sets->next;
		kvfree(sets);
	}
	dash_lpm_abort(&txn->changes);
	kvfree(txn->memo);
	txn->memo = NULL;
}

/**
 * dash_tag_reap() - free what a published change replaced, and close it
 * @txn: change; a grace period has passed since dash_tag_publish()
 *
 * Context: Process context, may sleep.
 */
void dash_tag_reap(struct dash_tag_txn *txn)
{
	dash_lpm_reap(&txn->lpm);
	dash_lpm_reap(&txn->own);
	tag_close(txn);
}

/**
 * dash_tag_abort() - close a change without any effect
 * @txn: open change
 *
 * Context: Process context, may sleep, now and then for a grace period.
 */
void dash_tag_abort(struct dash_tag_txn *txn)
{
	dash_lpm_abort(&txn->lpm);
	dash_lpm_abort(&txn->own);
	/* readers may be at an array that became too small */
	if (txn->old_sets)
		synchronize_rcu();
	tag_close(txn);
}
