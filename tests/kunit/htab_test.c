// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of dash/htab.c: what is in the table is found, at any size and on
 * every way there.
 */
#include <kunit/test.h>
#include <linux/hash.h>
#include <linux/prandom.h>
#include <linux/vmalloc.h>

#include "alloc_fail.h"

/* The unit, with allocations that fail when a test wants it. */
#include "../../dash/htab.c"

struct htab_obj {
	struct dash_htab_node node;
	u32 key;
	bool in;
};

/* Few different hashes make long chains. */
static u32 hash_mask = U32_MAX;

static u32 obj_hash_key(u32 key, u32 seed)
{
	return hash_32(key, 32) & hash_mask;
}

static u32 obj_hash(const struct dash_htab_node *node, u32 seed)
{
	return obj_hash_key(container_of(node, struct htab_obj, node)->key,
			    seed);
}

static struct htab_obj *htab_find(struct dash_htab *h, u32 key)
{
	struct dash_htab_node *node;
	struct htab_obj *obj;
	unsigned int seq;

	do {
		seq = read_seqbegin(&h->move);
		dash_htab_for_each(node, h, obj_hash_key(key, h->seed)) {
			obj = container_of(node, struct htab_obj, node);
			if (obj->key == key)
				return obj;
		}
	} while (read_seqretry(&h->move, seq));
	return NULL;
}

/* Everything that is in is found, nothing else is, and nothing is lost. */
static bool htab_is_right(struct dash_htab *h, struct htab_obj *obj, u32 n)
{
	u32 i, in = 0, len = 0;
	struct dash_htab_node *node;
	bool right = true;

	rcu_read_lock();
	for (i = 0; i < n && right; i++) {
		in += obj[i].in;
		right = htab_find(h, obj[i].key) == (obj[i].in ? &obj[i] : NULL);
	}
	for (i = 0; i < h->size; i++)
		for (node = htab_deref(*htab_slot(h, i)); node;
		     node = htab_deref(node->next))
			len++;
	rcu_read_unlock();
	return right && in == h->count && len == in;
}

static struct htab_obj *htab_objs(struct kunit *test, u32 n)
{
	struct htab_obj *obj = vzalloc(array_size(n, sizeof(*obj)));
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < n; i++)
		obj[i].key = i;
	return obj;
}

static void htab_put(struct dash_htab *h, struct htab_obj *obj, bool in)
{
	if (obj->in == in)
		return;
	obj->in = in;
	if (in)
		dash_htab_add(h, &obj->node);
	else
		dash_htab_del(h, &obj->node);
}

/* Up and down through sizes around the powers of two. */
static void htab_grow_shrink(struct kunit *test)
{
	const u32 n = 1500;
	struct htab_obj *obj = htab_objs(test, n);
	struct dash_htab h;
	u32 i;

	KUNIT_ASSERT_EQ(test, dash_htab_init(&h, obj_hash), 0);
	for (i = 0; i < n; i++) {
		htab_put(&h, &obj[i], true);
		if (i < 200 || i % 16 == 0)
			KUNIT_ASSERT_TRUE(test, htab_is_right(&h, obj, n));
	}
	/* no more than 3 entries to 4 buckets, nearly */
	KUNIT_EXPECT_GE(test, h.size, n * 4 / 3 - 4);
	KUNIT_EXPECT_LE(test, h.size, n * 4 / 3 + 4);
	for (i = 0; i < n; i++) {
		htab_put(&h, &obj[i], false);
		if (i % 16 == 0)
			KUNIT_ASSERT_TRUE(test, htab_is_right(&h, obj, n));
	}
	KUNIT_EXPECT_EQ(test, h.size, DASH_HTAB_SEG);
	dash_htab_fini(&h);
	vfree(obj);
}

/* Entries come and go at random, mostly one of both for some time. */
static void htab_random(struct kunit *test)
{
	const u32 n = 20000;
	struct htab_obj *obj = htab_objs(test, n);
	struct rnd_state rnd;
	struct dash_htab h;
	u32 i, j;

	prandom_seed_state(&rnd, 20261124);
	KUNIT_ASSERT_EQ(test, dash_htab_init(&h, obj_hash), 0);
	for (i = 0; i < rounds(24); i++) {
		for (j = 0; j < n; j++)
			htab_put(&h, &obj[prandom_u32_state(&rnd) % n],
				 prandom_u32_state(&rnd) % 8 < 7 * (i / 4 % 2));
		KUNIT_ASSERT_TRUE(test, htab_is_right(&h, obj, n));
	}
	dash_htab_fini(&h);
	vfree(obj);
}

/* All in a few chains, of which those that move are parts. */
static void htab_chains(struct kunit *test)
{
	const u32 n = 400;
	struct htab_obj *obj = htab_objs(test, n);
	struct dash_htab h;
	u32 i;

	hash_mask = 0x141;
	KUNIT_ASSERT_EQ(test, dash_htab_init(&h, obj_hash), 0);
	for (i = 0; i < n; i++)
		htab_put(&h, &obj[i], true);
	KUNIT_EXPECT_TRUE(test, htab_is_right(&h, obj, n));
	for (i = 0; i < n; i += 2)
		htab_put(&h, &obj[i], false);
	KUNIT_EXPECT_TRUE(test, htab_is_right(&h, obj, n));
	dash_htab_fini(&h);
	hash_mask = U32_MAX;
	vfree(obj);
}

/* Without memory nothing is refused, and later the table grows after all. */
static void htab_no_memory(struct kunit *test)
{
	const u32 n = 3000;
	struct htab_obj *obj = htab_objs(test, n);
	struct dash_htab h;
	u32 i, stuck;

	for (i = 0; i < 2; i++) {
		alloc_fail = i;
		KUNIT_EXPECT_EQ(test, dash_htab_init(&h, obj_hash), -ENOMEM);
	}
	alloc_fail = -1;
	KUNIT_ASSERT_EQ(test, dash_htab_init(&h, obj_hash), 0);
	for (i = 0; i < n / 2; i++) {
		alloc_fail = 0;
		htab_put(&h, &obj[i], true);
	}
	alloc_fail = -1;
	stuck = h.size;
	KUNIT_EXPECT_EQ(test, stuck, DASH_HTAB_SEG);
	KUNIT_EXPECT_TRUE(test, htab_is_right(&h, obj, n));
	for (; i < n; i++)
		htab_put(&h, &obj[i], true);
	KUNIT_EXPECT_GT(test, h.size, stuck);
	KUNIT_EXPECT_TRUE(test, htab_is_right(&h, obj, n));
	dash_htab_fini(&h);
	vfree(obj);
}

static int htab_suite_init(struct kunit_suite *suite)
{
	return dash_htab_module_init();
}

static void htab_suite_exit(struct kunit_suite *suite)
{
	dash_htab_module_exit();
}

static struct kunit_case htab_cases[] = {
	KUNIT_CASE(htab_grow_shrink),
	KUNIT_CASE(htab_random),
	KUNIT_CASE(htab_chains),
	KUNIT_CASE(htab_no_memory),
	{}
};

static struct kunit_suite htab_suite = {
	.name = "dash_htab",
	.suite_init = htab_suite_init,
	.suite_exit = htab_suite_exit,
	.test_cases = htab_cases,
};

kunit_test_suite(htab_suite);
