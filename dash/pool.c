// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * Millions of objects of 40 bytes cost more in bookkeeping than they have
 * content, when each is allocated, accounted, listed and freed on its own.
 * Here they lie in pages, which are accounted, and found by number for walks::
 *
 *   pages: 0 -> [head|obj|obj|obj|...]     head: place among those with room,
 *          1 -> [head|obj| - |obj|...]     free objects, pool
 *          4 -> [head|obj| - | - |...]
 *
 * A page without objects goes; a pool goes page by page, whatever is in it.
 * An object's page, and so its pool, is found by its address.
 */
#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "pool.h"

/* Objects of a page at most; a position is number and place. */
#define DASH_POOL_PLACES	(2 * BITS_PER_LONG)

/**
 * struct dash_pool_page - a page of objects
 */
struct dash_pool_page {
	/** @pool: whose */
	struct dash_pool *pool;
	/** @list: in dash_pool.room, while there is room */
	struct list_head list;
	/** @rcu: for freeing */
	struct rcu_head rcu;
	/** @number: in dash_pool.pages */
	u32 number;
	/** @n: objects taken */
	u16 n;
	/** @taken: which; the first place that is free is taken next */
	unsigned long taken[2];
	/** @obj: objects */
	u8 obj[];
};

void dash_pool_init(struct dash_pool *pool, u16 size)
{
	xa_init(&pool->pages);
	INIT_LIST_HEAD(&pool->room);
	pool->next = 0;
	pool->n_pages = 0;
	pool->size = size;
	pool->per_page = min_t(size_t, DASH_POOL_PLACES - 1,
			       (PAGE_SIZE - sizeof(struct dash_pool_page)) /
			       size);
}

void dash_pool_fini(struct dash_pool *pool)
{
	struct dash_pool_page *page;
	unsigned long number;

	xa_for_each(&pool->pages, number, page) {
		free_page((unsigned long)page);
		cond_resched();
	}
	xa_destroy(&pool->pages);
}

static struct dash_pool_page *dash_pool_add(struct dash_pool *pool)
{
	struct dash_pool_page *page;

	page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!page)
		return NULL;
	page->pool = pool;
	page->number = pool->next;
	if (xa_insert(&pool->pages, page->number, page, GFP_KERNEL_ACCOUNT)) {
		free_page((unsigned long)page);
		return NULL;
	}
	pool->next++;
	pool->n_pages++;
	list_add_tail(&page->list, &pool->room);
	return page;
}

void *dash_pool_alloc(struct dash_pool *pool)
{
	struct dash_pool_page *page;
	unsigned int place;

	page = list_first_entry_or_null(&pool->room, struct dash_pool_page,
					list);
	if (!page)
		page = dash_pool_add(pool);
	if (!page)
		return NULL;

	place = find_first_zero_bit(page->taken, pool->per_page);
	__set_bit(place, page->taken);
	if (++page->n == pool->per_page)
		list_del(&page->list);
	return page->obj + place * pool->size;
}

static struct dash_pool_page *dash_pool_page_of(const void *obj)
{
	return (void *)((unsigned long)obj & PAGE_MASK);
}

static void dash_pool_free_rcu(struct rcu_head *rcu)
{
	free_page((unsigned long)container_of(rcu, struct dash_pool_page, rcu));
}

void dash_pool_free(struct dash_pool *pool, void *obj)
{
	struct dash_pool_page *page = dash_pool_page_of(obj);
	unsigned int place = ((u8 *)obj - page->obj) / pool->size;

	__clear_bit(place, page->taken);
	if (page->n-- == pool->per_page)
		list_add(&page->list, &pool->room);
	if (page->n)
		return;
	list_del(&page->list);
	xa_erase(&pool->pages, page->number);
	pool->n_pages--;
	call_rcu(&page->rcu, dash_pool_free_rcu);
}

struct dash_pool *dash_pool_of(const void *obj)
{
	return dash_pool_page_of(obj)->pool;
}

void *dash_pool_next(struct dash_pool *pool, unsigned long *pos)
{
	unsigned long number = *pos / DASH_POOL_PLACES;
	unsigned long place = *pos % DASH_POOL_PLACES;
	struct dash_pool_page *page;

	page = xa_load(&pool->pages, number);
	if (!page || place == pool->per_page) {
		page = xa_find_after(&pool->pages, &number, ULONG_MAX,
				     XA_PRESENT);
		place = 0;
	}
	if (!page)
		return NULL;
	*pos = number * DASH_POOL_PLACES + place + 1;
	return page->obj + place * pool->size;
}

size_t dash_pool_bytes(const struct dash_pool *pool)
{
	return pool->n_pages * PAGE_SIZE;
}

int dash_ptrs_add(struct dash_ptrs *list, void *ptr)
{
	struct dash_ptrs_chunk *chunk = list->head;

	if (!chunk || chunk->n == DASH_PTRS) {
		chunk = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
		if (!chunk)
			return -ENOMEM;
		chunk->next = list->head;
		chunk->n = 0;
		list->head = chunk;
	}
	chunk->ptr[chunk->n++] = ptr;
	return 0;
}

struct dash_ptrs_chunk *dash_ptrs_take(struct dash_ptrs *list)
{
	struct dash_ptrs_chunk *chunk = list->head;

	if (chunk)
		list->head = chunk->next;
	return chunk;
}

void dash_ptrs_free(struct dash_ptrs_chunk *chunk)
{
	free_page((unsigned long)chunk);
}

void dash_ptrs_splice(struct dash_ptrs *to, struct dash_ptrs *from)
{
	struct dash_ptrs_chunk **end = &from->head;

	while (*end)
		end = &(*end)->next;
	*end = to->head;
	to->head = from->head;
	from->head = NULL;
}
