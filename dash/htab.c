// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * A table of 8 million entries that doubles has to allocate and clear 128 MB
 * at once and then to move everything. Linear hashing (Litwin 1980) does the
 * same one bucket at a time. With N = 2^k + s buckets, an entry is in bucket
 * hash mod 2^(k+1) if there is one, else in bucket hash mod 2^k. A new bucket
 * N takes its entries from bucket N - 2^k alone::
 *
 *	size 6:  0  1 | 2  3 | 4  5          0, 1: split, 2, 3: not yet
 *	size 7:  0  1  2 | 3 | 4  5  6       some of 2 went to 6
 *
 * Buckets are in segments, which a directory finds, so growing costs an
 * allocation of half a kilobyte now and then. The directory, a 64th of the
 * size of the buckets, is copied when it is full.
 *
 * Readers take no lock. One that stands at an entry while it is moved goes on
 * in the other chain, and may so miss what it looks for, but finds nothing
 * wrong. Those that find nothing look again if something was moved meanwhile.
 * Moves are short and with BH off; a reader waits for one at most as long as
 * the writer is adding or removing at full speed.
 *
 * Memory: 8.4 bytes per bucket, the directory included, and 4/3 buckets per
 * entry; up to 3 once entries have gone.
 */
#include <linux/bitops.h>
#include <linux/bottom_half.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "htab.h"

#define HTAB_DIR_MIN	4
/* buckets that adding an entry adds at most, and removing one removes */
#define HTAB_SPLITS	2
#define HTAB_MERGES	4

static struct kmem_cache *seg_cache;

static struct dash_htab_dir *htab_dir(const struct dash_htab *h)
{
	/* who writes sees to it that nobody else does */
	return rcu_dereference_protected(h->dir, true);
}

static struct dash_htab_node __rcu **htab_slot(const struct dash_htab *h,
					       u32 bucket)
{
	return &htab_dir(h)->seg[bucket / DASH_HTAB_SEG]
			->bucket[bucket % DASH_HTAB_SEG];
}

static struct dash_htab_node *htab_deref(struct dash_htab_node __rcu *node)
{
	/* as htab_dir() */
	return rcu_dereference_protected(node, true);
}

static struct dash_htab_dir *htab_dir_alloc(u32 n)
{
	struct dash_htab_dir *dir;

	dir = kvzalloc(struct_size(dir, seg, n), GFP_KERNEL_ACCOUNT);
	if (dir)
		dir->n = n;
	return dir;
}

int dash_htab_init(struct dash_htab *h,
		   u32 (*hash)(const struct dash_htab_node *node, u32 seed))
{
	struct dash_htab_dir *dir;

	dir = htab_dir_alloc(HTAB_DIR_MIN);
	if (!dir)
		return -ENOMEM;
	dir->seg[0] = kmem_cache_zalloc(seg_cache, GFP_KERNEL);
	if (!dir->seg[0]) {
		kvfree(dir);
		return -ENOMEM;
	}
	RCU_INIT_POINTER(h->dir, dir);
	h->size = DASH_HTAB_SEG;
	h->seed = get_random_u32();
	seqlock_init(&h->move);
	h->count = 0;
	h->hash = hash;
	return 0;
}

static u32 htab_segs(u32 size)
{
	return DIV_ROUND_UP(size, DASH_HTAB_SEG);
}

void dash_htab_fini(struct dash_htab *h)
{
	struct dash_htab_dir *dir = htab_dir(h);
	u32 i;

	for (i = 0; i < htab_segs(h->size); i++) {
		kmem_cache_free(seg_cache, dir->seg[i]);
		cond_resched();
	}
	kvfree(dir);
}

size_t dash_htab_bytes(const struct dash_htab *h)
{
	const struct dash_htab_dir *dir = htab_dir(h);

	return struct_size(dir, seg, dir->n) +
	       htab_segs(h->size) * sizeof(struct dash_htab_seg);
}

/* Have a segment for one more bucket. */
static bool htab_grow_segs(struct dash_htab *h)
{
	u32 i = h->size / DASH_HTAB_SEG;
	struct dash_htab_dir *dir = htab_dir(h);
	struct dash_htab_dir *bigger;
	struct dash_htab_seg *seg;

	if (h->size % DASH_HTAB_SEG)
		return true;
	if (i == dir->n) {
		bigger = htab_dir_alloc(2 * dir->n);
		if (!bigger)
			return false;
		memcpy(bigger->seg, dir->seg, dir->n * sizeof(dir->seg[0]));
		rcu_assign_pointer(h->dir, bigger);
		kvfree_rcu(dir, rcu);
		dir = bigger;
	}
	seg = kmem_cache_zalloc(seg_cache, GFP_KERNEL);
	if (!seg)
		return false;
	WRITE_ONCE(dir->seg[i], seg);
	return true;
}

/* Add a bucket, with what it takes from another. Return: false without memory. */
static bool htab_split(struct dash_htab *h)
{
	u32 size = h->size + 1;
	struct dash_htab_node __rcu **from, **to;
	struct dash_htab_node *node;

	if (!htab_grow_segs(h))
		return false;
	to = htab_slot(h, h->size);
	from = htab_slot(h, h->size - rounddown_pow_of_two(h->size));

	write_seqlock_bh(&h->move);
	/* pairs with dash_htab_slot(): the segment is there */
	smp_store_release(&h->size, size);
	while ((node = htab_deref(*from))) {
		if (dash_htab_bucket(h->hash(node, h->seed), size) != size - 1) {
			from = &node->next;
			continue;
		}
		rcu_assign_pointer(*from, htab_deref(node->next));
		rcu_assign_pointer(node->next, htab_deref(*to));
		rcu_assign_pointer(*to, node);
	}
	write_sequnlock_bh(&h->move);
	return true;
}

static void htab_seg_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(seg_cache,
			container_of(rcu, struct dash_htab_seg, rcu));
}

/* Remove the last bucket: the other way round. */
static void htab_merge(struct dash_htab *h)
{
	u32 size = h->size - 1;
	struct dash_htab_node __rcu **from, **to;

	from = htab_slot(h, size);
	to = htab_slot(h, size - rounddown_pow_of_two(size));

	write_seqlock_bh(&h->move);
	/* entries follow; the segment stays for those who saw it */
	smp_store_release(&h->size, size);
	while (htab_deref(*to))
		to = &htab_deref(*to)->next;
	rcu_assign_pointer(*to, htab_deref(*from));
	RCU_INIT_POINTER(*from, NULL);
	write_sequnlock_bh(&h->move);

	if (!(size % DASH_HTAB_SEG))
		call_rcu(&htab_dir(h)->seg[size / DASH_HTAB_SEG]->rcu,
			 htab_seg_free_rcu);
}

void dash_htab_add(struct dash_htab *h, struct dash_htab_node *node)
{
	u32 bucket = dash_htab_bucket(h->hash(node, h->seed), h->size);
	struct dash_htab_node __rcu **slot = htab_slot(h, bucket);
	int i;

	RCU_INIT_POINTER(node->next, htab_deref(*slot));
	rcu_assign_pointer(*slot, node);
	h->count++;
	for (i = 0; i < HTAB_SPLITS && h->size / 4 < h->count / 3; i++)
		if (!htab_split(h))
			break;
}

void dash_htab_del(struct dash_htab *h, struct dash_htab_node *node)
{
	u32 bucket = dash_htab_bucket(h->hash(node, h->seed), h->size);
	struct dash_htab_node __rcu **slot = htab_slot(h, bucket);
	int i;

	while (htab_deref(*slot) != node) {
		if (WARN_ON_ONCE(!htab_deref(*slot)))
			return;
		slot = &htab_deref(*slot)->next;
	}
	rcu_assign_pointer(*slot, htab_deref(node->next));
	h->count--;
	for (i = 0; i < HTAB_MERGES && h->size > DASH_HTAB_SEG &&
	     h->count < h->size / 3; i++)
		htab_merge(h);
}

int dash_htab_module_init(void)
{
	seg_cache = KMEM_CACHE(dash_htab_seg, SLAB_ACCOUNT);
	return seg_cache ? 0 : -ENOMEM;
}

void dash_htab_module_exit(void)
{
	/* what call_rcu() has still to free */
	rcu_barrier();
	kmem_cache_destroy(seg_cache);
}
