/* SPDX-License-Identifier: GPL-2.0 */
/* Very many small objects of one kind, in order of creation. */
#ifndef _DASH_POOL_H
#define _DASH_POOL_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/xarray.h>

/**
 * struct dash_pool - objects of one size, packed in pages
 *
 * One writer at a time; dash_pool_next() needs RCU only.
 */
struct dash_pool {
	/** @pages: by number, in order of creation; RCU */
	struct xarray pages;
	/** @room: pages with room */
	struct list_head room;
	/** @next: number of the next page */
	u32 next;
	/** @n_pages: pages there are */
	u32 n_pages;
	/** @size: of an object, a multiple of 8, such that a page has < 128 */
	u16 size;
	/** @per_page: objects in a page */
	u16 per_page;
};

/**
 * dash_pool_init - prepare a pool without objects
 * @pool: pool
 * @size: of an object in bytes, a multiple of 8
 */
void dash_pool_init(struct dash_pool *pool, u16 size);

/**
 * dash_pool_fini - free a pool and what is in it
 * @pool: pool; no reader is left
 *
 * Context: may sleep.
 */
void dash_pool_fini(struct dash_pool *pool);

/**
 * dash_pool_alloc - take an object
 * @pool: pool
 *
 * Its content is zero when it is new, else what it was when freed.
 * Context: may sleep.
 * Return: object or NULL.
 */
void *dash_pool_alloc(struct dash_pool *pool);

/**
 * dash_pool_free - give an object back
 * @pool: pool
 * @obj: object; readers that found it are gone, but for dash_pool_next()
 */
void dash_pool_free(struct dash_pool *pool, void *obj);

/**
 * dash_pool_of - the pool of an object
 * @obj: object
 *
 * Return: pool.
 */
struct dash_pool *dash_pool_of(const void *obj);

/**
 * dash_pool_next - walk over all objects
 * @pool: pool
 * @pos: 0 at first; updated
 *
 * Also finds objects that are not taken, which the caller must be able to
 * tell.
 * Context: RCU.
 * Return: object or NULL at the end.
 */
void *dash_pool_next(struct dash_pool *pool, unsigned long *pos);

/**
 * dash_pool_bytes - memory of a pool
 * @pool: pool
 *
 * Return: bytes.
 */
size_t dash_pool_bytes(const struct dash_pool *pool);

/* Pointers in a dash_ptrs_chunk, which is a page. */
#define DASH_PTRS	((PAGE_SIZE - 2 * sizeof(long)) / sizeof(void *))

/**
 * struct dash_ptrs_chunk - some pointers
 */
struct dash_ptrs_chunk {
	/** @next: more of them */
	struct dash_ptrs_chunk *next;
	/** @n: length of @ptr */
	unsigned long n;
	/** @ptr: the pointers */
	void *ptr[];
};

/**
 * struct dash_ptrs - a list of any number of pointers, the last one first
 */
struct dash_ptrs {
	/** @head: chunks, the last one first */
	struct dash_ptrs_chunk *head;
};

/**
 * dash_ptrs_add - add a pointer
 * @list: list
 * @ptr: pointer
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int dash_ptrs_add(struct dash_ptrs *list, void *ptr);

/**
 * dash_ptrs_take - take a chunk out
 * @list: list
 *
 * Return: chunk, for dash_ptrs_free(), or NULL.
 */
struct dash_ptrs_chunk *dash_ptrs_take(struct dash_ptrs *list);
void dash_ptrs_free(struct dash_ptrs_chunk *chunk);

/**
 * dash_ptrs_splice - move all pointers from one list to another
 * @to: where to
 * @from: where from; empty afterwards
 */
void dash_ptrs_splice(struct dash_ptrs *to, struct dash_ptrs *from);

#endif /* _DASH_POOL_H */
