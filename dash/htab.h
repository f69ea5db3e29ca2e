/* SPDX-License-Identifier: GPL-2.0 */
/* A hash table of any size that grows and shrinks one bucket at a time. */
#ifndef _DASH_HTAB_H
#define _DASH_HTAB_H

#include <linux/log2.h>
#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/types.h>

/**
 * struct dash_htab_node - what an entry has
 */
struct dash_htab_node {
	/** @next: in the chain of its bucket */
	struct dash_htab_node __rcu *next;
};

/* Buckets of a segment: a power of two. */
#define DASH_HTAB_SEG	64

/**
 * struct dash_htab_seg - some buckets
 */
struct dash_htab_seg {
	/** @bucket: first entry of each */
	struct dash_htab_node __rcu *bucket[DASH_HTAB_SEG];
	/** @rcu: for freeing */
	struct rcu_head rcu;
};

/**
 * struct dash_htab_dir - where the segments are
 */
struct dash_htab_dir {
	/** @rcu: for freeing */
	struct rcu_head rcu;
	/** @n: room in @seg */
	u32 n;
	/** @seg: segments; those past the table's size are invalid */
	struct dash_htab_seg *seg[];
};

/**
 * struct dash_htab - the table
 *
 * One writer at a time; readers need RCU only.
 */
struct dash_htab {
	/** @dir: segments, RCU */
	struct dash_htab_dir __rcu *dir;
	/** @size: buckets */
	u32 size;
	/** @seed: of the hashes */
	u32 seed;
	/** @move: held while entries move from one bucket to another */
	seqlock_t move;
	/** @count: entries, for the writer */
	u32 count;
	/** @hash: of an entry, with the table's seed; constant */
	u32 (*hash)(const struct dash_htab_node *node, u32 seed);
};

/**
 * dash_htab_init - make an empty table
 * @h: table
 * @hash: hash of an entry
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int dash_htab_init(struct dash_htab *h,
		   u32 (*hash)(const struct dash_htab_node *node, u32 seed));

/**
 * dash_htab_fini - free a table; it does not look at its entries any more
 * @h: table; no reader is left
 *
 * Context: may sleep.
 */
void dash_htab_fini(struct dash_htab *h);

/**
 * dash_htab_add - add an entry
 * @h: table
 * @node: entry; there may be others that are equal
 *
 * Chains get longer when there is no memory, so this does not fail.
 * Context: process.
 */
void dash_htab_add(struct dash_htab *h, struct dash_htab_node *node);

/**
 * dash_htab_del - remove an entry
 * @h: table
 * @node: entry in it; readers may be there until a grace period has passed
 *
 * Context: process.
 */
void dash_htab_del(struct dash_htab *h, struct dash_htab_node *node);

/**
 * dash_htab_bytes - memory of a table
 * @h: table
 *
 * Context: the writer's.
 * Return: bytes.
 */
size_t dash_htab_bytes(const struct dash_htab *h);

/* Bucket of a hash in a table of @size buckets. */
static inline u32 dash_htab_bucket(u32 hash, u32 size)
{
	u32 mask = roundup_pow_of_two(size) - 1;
	u32 bucket = hash & mask;

	return bucket < size ? bucket : bucket & (mask >> 1);
}

/**
 * dash_htab_slot - the bucket of a hash
 * @h: table
 * @hash: hash
 *
 * Context: RCU.
 * Return: where its first entry is named.
 */
static inline struct dash_htab_node __rcu **
dash_htab_slot(const struct dash_htab *h, u32 hash)
{
	/* pairs with the stores of the size: segments are there before */
	u32 bucket = dash_htab_bucket(hash, smp_load_acquire(&h->size));
	const struct dash_htab_dir *dir = rcu_dereference(h->dir);
	struct dash_htab_seg *seg;

	seg = READ_ONCE(dir->seg[bucket / DASH_HTAB_SEG]);
	return &seg->bucket[bucket % DASH_HTAB_SEG];
}

/**
 * dash_htab_for_each - walk over the entries that may be looked for
 * @node: entry
 * @h: table
 * @hash: hash of what is looked for
 *
 * May miss one that is being moved: only what was found is certain. Those who
 * find nothing ask read_seqretry() of dash_htab.move.
 * Context: RCU.
 */
#define dash_htab_for_each(node, h, hash) \
	for (node = rcu_dereference(*dash_htab_slot(h, hash)); node; \
	     node = rcu_dereference(node->next))

int dash_htab_module_init(void);
void dash_htab_module_exit(void);

#endif /* _DASH_HTAB_H */
