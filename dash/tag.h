/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Prefix tags of one address family: address -> set of tags, one lookup for
 * all ACL groups of an instance. See tag.c for the theory of operation.
 */
#ifndef _DASH_TAG_H
#define _DASH_TAG_H

#include <linux/idr.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/types.h>

#include "lpm.h"

/* DASH_TAG_MAX_BYTES: most memory of all sets of a table */
#define DASH_TAG_MAX_BYTES SZ_128M

/**
 * struct dash_tag_set - tags that an address can have, all of them
 *
 * Sets are interned: there is one for each combination that exists. @id, @n
 * and @tag are constant, the rest is the writer's.
 */
struct dash_tag_set {
	/** @n: length of @tag */
	u32 n;
	/** @id: value in the prefix tables, index in dash_tag_sets.set */
	u32 id;
	/** @hash: of @tag */
	u32 hash;
	/** @uses: prefixes that have it, staged changes not counted */
	u32 uses;
	/** @delta: what staged changes add to @uses */
	s32 delta;
	/** @node: in dash_tag_table.by_content */
	struct hlist_node node;
	/** @touched: in dash_tag_txn.touched, or empty */
	struct list_head touched;
	/** @tag: numbers of the tags, ascending, each once */
	u32 tag[];
};

/**
 * struct dash_tag_sets - sets by id
 */
struct dash_tag_sets {
	/** @next: array replaced before it; writer side only */
	struct dash_tag_sets *next;
	/** @size: length of @set */
	u32 size;
	/** @set: the sets; NULL or stale where no prefix has the id */
	struct dash_tag_set __rcu *set[];
};

/**
 * struct dash_tag_table - tags of one address family
 *
 * Readers use @lpm and @sets under RCU; the owner serialises writers.
 */
struct dash_tag_table {
	/** @lpm: prefix -> id of the set of all tags of its addresses */
	struct dash_lpm lpm;
	/** @sets: id -> set, RCU */
	struct dash_tag_sets __rcu *sets;
	/** @own: prefix -> id of the set of the tags that name just it */
	struct dash_lpm own;
	/** @by_content: finds equal sets; NULL before the first one */
	struct hlist_head *by_content;
	/** @ids: those in use */
	struct ida ids;
	/** @bytes: memory of the sets */
	size_t bytes;
};

struct dash_tag_memo;

/**
 * struct dash_tag_txn - a change of tags under way
 */
struct dash_tag_txn {
	/** @t: table that is changed */
	struct dash_tag_table *t;
	/** @lpm: change of dash_tag_table.lpm */
	struct dash_lpm_txn lpm;
	/** @own: change of dash_tag_table.own */
	struct dash_lpm_txn own;
	/** @changed: prefixes with changes that @lpm does not have yet */
	struct dash_lpm changed;
	/** @changes: what is in it; never published */
	struct dash_lpm_txn changes;
	/** @touched: sets with changes of uses */
	struct list_head touched;
	/** @old_sets: arrays that became too small */
	struct dash_tag_sets *old_sets;
	/** @memo: unions made lately */
	struct dash_tag_memo *memo;
};

void dash_tag_init(struct dash_tag_table *t, unsigned int bits);
void dash_tag_fini(struct dash_tag_table *t);

/**
 * dash_tag_set_of() - the set that a lookup in the prefix table found
 * @t: table
 * @id: what dash_lpm_lookup() or a walk of @t->lpm returned
 *
 * Context: RCU read side, the one of the lookup.
 * Return: set, or NULL for DASH_LPM_NONE.
 */
static inline const struct dash_tag_set *
dash_tag_set_of(const struct dash_tag_table *t, u32 id)
{
	const struct dash_tag_sets *sets;

	if (id == DASH_LPM_NONE)
		return NULL;
	/* sets are there before a version that has their ids */
	smp_rmb();
	sets = rcu_dereference_check(t->sets, rcu_read_lock_bh_held());
	return rcu_dereference_check(sets->set[id], rcu_read_lock_bh_held());
}

/*
 * A change: dash_tag_begin(), any number of dash_tag_add() and dash_tag_del(),
 * dash_tag_prepare(), after which nothing can fail, dash_tag_publish(), a grace
 * period, dash_tag_reap(). Instead of publishing, or after an error,
 * dash_tag_abort() leaves everything as it was.
 */
int dash_tag_begin(struct dash_tag_txn *txn, struct dash_tag_table *t);
int dash_tag_add(struct dash_tag_txn *txn, u32 tag, const void *addr, u8 plen);
int dash_tag_del(struct dash_tag_txn *txn, u32 tag, const void *addr, u8 plen);
int dash_tag_prepare(struct dash_tag_txn *txn);
void dash_tag_publish(struct dash_tag_txn *txn);
void dash_tag_reap(struct dash_tag_txn *txn);
void dash_tag_abort(struct dash_tag_txn *txn);

size_t dash_tag_bytes(const struct dash_tag_table *t);
size_t dash_tag_txn_bytes(const struct dash_tag_txn *txn);

#endif /* _DASH_TAG_H */
