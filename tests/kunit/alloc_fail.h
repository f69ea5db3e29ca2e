/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocations that fail when a test wants it. For tests that include the unit
 * they test: first this, then the unit.
 */
#ifndef _DASH_KUNIT_ALLOC_FAIL_H
#define _DASH_KUNIT_ALLOC_FAIL_H

#include <linux/mm.h>
#include <linux/slab.h>

/* which allocation fails, counted down; -1 is none */
static int alloc_fail = -1;

/* some has failed */
static bool alloc_failed;

static bool alloc_fails(void)
{
	if (alloc_fail < 0 || alloc_fail--)
		return false;
	alloc_failed = true;
	return true;
}

static inline void *test_kmalloc(size_t size, gfp_t gfp)
{
	return alloc_fails() ? NULL : kmalloc(size, gfp);
}

static inline void *test_kzalloc(size_t size, gfp_t gfp)
{
	return alloc_fails() ? NULL : kzalloc(size, gfp);
}

static inline void *test_kmemdup(const void *p, size_t size, gfp_t gfp)
{
	return alloc_fails() ? NULL : kmemdup(p, size, gfp);
}

static inline void *test_kvmalloc(size_t size, gfp_t gfp)
{
	return alloc_fails() ? NULL : kvmalloc(size, gfp);
}

static inline void *test_kvzalloc(size_t size, gfp_t gfp)
{
	return alloc_fails() ? NULL : kvzalloc(size, gfp);
}

static inline void *test_kvmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	return alloc_fails() ? NULL : kvmalloc_array(n, size, gfp);
}

static inline void *test_kvcalloc(size_t n, size_t size, gfp_t gfp)
{
	return alloc_fails() ? NULL : kvcalloc(n, size, gfp);
}

static inline void *test_kmem_cache_zalloc(struct kmem_cache *cache, gfp_t gfp)
{
	return alloc_fails() ? NULL : kmem_cache_zalloc(cache, gfp);
}

#undef kmalloc
#undef kzalloc
#undef kmemdup
#undef kvmalloc
#undef kvzalloc
#undef kvmalloc_array
#undef kvcalloc
#undef kmem_cache_zalloc
#define kmalloc test_kmalloc
#define kzalloc test_kzalloc
#define kmemdup test_kmemdup
#define kvmalloc test_kvmalloc
#define kvzalloc test_kvzalloc
#define kvmalloc_array test_kvmalloc_array
#define kvcalloc test_kvcalloc
#define kmem_cache_zalloc test_kmem_cache_zalloc

/* KASAN and lockdep make everything ten times slower */
static inline unsigned int rounds(unsigned int n)
{
	return IS_ENABLED(CONFIG_KASAN) ? n / 4 : n;
}

#endif /* _DASH_KUNIT_ALLOC_FAIL_H */
