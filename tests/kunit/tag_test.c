// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of dash/tag.c against a list of (tag, prefix). The unit is part
 * of this file, so that its allocations can be made to fail.
 */
#include <kunit/test.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "tag.h"

#include "alloc_fail.h"
#include "../../dash/tag.c"

#define SEED 20240602

#define MAX_PAIRS 400
#define MAX_TAG 40

struct pair {
	u32 tag;
	u8 addr[16];
	u8 plen;
};

struct pairs {
	struct pair p[MAX_PAIRS];
	unsigned int n;
};

struct tag_ctx {
	struct dash_tag_table t;
	struct dash_tag_txn txn;
	struct rnd_state rnd;
	unsigned int bits;
	/* published and staged */
	struct pairs pub, staged;
};

static const unsigned int tag_bits[] = { 32, 128 };

static void tag_bits_desc(const unsigned int *bits, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u bits", *bits);
}

KUNIT_ARRAY_PARAM(tag_bits, tag_bits, tag_bits_desc);

static const struct dash_tag_set *tag_lookup(const struct dash_tag_table *t,
					     const void *addr)
{
	return dash_tag_set_of(t, dash_lpm_lookup(&t->lpm, addr, NULL));
}

static struct tag_ctx *tag_ctx_new(struct kunit *test)
{
	struct tag_ctx *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, c);
	alloc_fail = -1;
	c->bits = *(const unsigned int *)test->param_value;
	prandom_seed_state(&c->rnd, SEED);
	dash_tag_init(&c->t, c->bits);
	return c;
}

static bool in_prefix(const u8 *addr, const u8 *prefix, unsigned int plen)
{
	unsigned int i;

	for (i = 0; i < plen; i++)
		if ((addr[i / 8] ^ prefix[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static void pairs_copy(struct pairs *to, const struct pairs *from)
{
	to->n = from->n;
	memcpy(to->p, from->p, from->n * sizeof(from->p[0]));
}

static void pairs_change(struct pairs *s, const struct pair *p, bool add)
{
	unsigned int i;

	for (i = 0; i < s->n; i++) {
		if (s->p[i].tag != p->tag || s->p[i].plen != p->plen ||
		    !in_prefix(s->p[i].addr, p->addr, p->plen))
			continue;
		if (!add)
			s->p[i] = s->p[--s->n];
		return;
	}
	if (add)
		s->p[s->n++] = *p;
}

/* The same tags, ascending and each once? */
static void check_addr(struct kunit *test, struct tag_ctx *c, const u8 *addr)
{
	const struct dash_tag_set *set;
	bool want[MAX_TAG] = {};
	u32 i, n = 0;

	for (i = 0; i < c->pub.n; i++)
		if (in_prefix(addr, c->pub.p[i].addr, c->pub.p[i].plen))
			want[c->pub.p[i].tag] = true;
	for (i = 0; i < MAX_TAG; i++)
		n += want[i];

	rcu_read_lock();
	set = tag_lookup(&c->t, addr);
	KUNIT_ASSERT_EQ_MSG(test, set ? set->n : 0, n, "seed %u: %16ph", SEED,
			    addr);
	for (i = 0; i < n; i++) {
		KUNIT_ASSERT_TRUE(test, want[set->tag[i]]);
		if (i)
			KUNIT_ASSERT_GT(test, set->tag[i], set->tag[i - 1]);
	}
	rcu_read_unlock();
}

static void random_pair(struct tag_ctx *c, struct pair *p)
{
	static const u8 bytes[] = { 0x00, 0x0a, 0x80, 0xff };
	u32 r = prandom_u32_state(&c->rnd);
	unsigned int i;

	for (i = 0; i < 16; i++)
		p->addr[i] = bytes[prandom_u32_state(&c->rnd) & 3];
	p->plen = r % 8 ? (r >> 8) % (c->bits + 1) : (r & 8) * c->bits / 8;
	p->tag = prandom_u32_state(&c->rnd) % MAX_TAG;
}

static void check_all(struct kunit *test, struct tag_ctx *c, unsigned int n)
{
	struct pair p;
	u32 r, i;

	while (n--) {
		random_pair(c, &p);
		r = prandom_u32_state(&c->rnd);
		if (c->pub.n && r & 1) {
			const struct pair *near = &c->pub.p[r / 2 % c->pub.n];

			for (i = 0; i < near->plen; i++) {
				p.addr[i / 8] &= ~(0x80 >> i % 8);
				p.addr[i / 8] |= near->addr[i / 8] &
						 0x80 >> i % 8;
			}
		}
		check_addr(test, c, p.addr);
	}
}

static int random_changes(struct tag_ctx *c, unsigned int n, bool fewer)
{
	struct pair p;
	bool add;
	u32 r;
	int err;

	while (n--) {
		r = prandom_u32_state(&c->rnd);
		add = r % 4 ? !fewer : fewer;
		random_pair(c, &p);
		if (c->staged.n == MAX_PAIRS)
			add = false;
		if (!add && c->staged.n)
			p = c->staged.p[r / 4 % c->staged.n];
		err = add ? dash_tag_add(&c->txn, p.tag, p.addr, p.plen) :
			    dash_tag_del(&c->txn, p.tag, p.addr, p.plen);
		if (err)
			return err;
		pairs_change(&c->staged, &p, add);
	}
	return 0;
}

static void tag_random_test(struct kunit *test)
{
	struct tag_ctx *c = tag_ctx_new(test);
	unsigned int i, failed = 0;
	size_t bytes;
	int err;
	u32 r;

	for (i = 0; i < rounds(1600); i++) {
		r = prandom_u32_state(&c->rnd);
		bytes = dash_tag_bytes(&c->t);
		pairs_copy(&c->staged, &c->pub);
		/* every other time something fails, early or late */
		alloc_fail = r & 1 ? r / 2 % 64 : -1;
		err = dash_tag_begin(&c->txn, &c->t);
		if (err) {
			KUNIT_ASSERT_EQ(test, err, -ENOMEM);
			failed++;
			continue;
		}
		err = random_changes(c, r & 128 ? 1 : r / 256 % 30,
				     i / 200 % 2);
		if (!err)
			err = dash_tag_prepare(&c->txn);
		/* more after it */
		if (!err && r & 0x10000)
			err = random_changes(c, 3, i / 200 % 2) ?:
			      dash_tag_prepare(&c->txn);
		alloc_fail = -1;
		check_all(test, c, 5);
		if (err || r >> 24 < 32) {
			if (err)
				KUNIT_ASSERT_EQ(test, err, -ENOMEM);
			failed += !!err;
			dash_tag_abort(&c->txn);
			KUNIT_ASSERT_EQ(test, dash_tag_bytes(&c->t), bytes);
		} else {
			bytes = dash_tag_txn_bytes(&c->txn);
			dash_tag_publish(&c->txn);
			pairs_copy(&c->pub, &c->staged);
			check_all(test, c, 5);
			synchronize_rcu();
			dash_tag_reap(&c->txn);
			KUNIT_ASSERT_EQ(test, dash_tag_bytes(&c->t), bytes);
		}
		check_all(test, c, 10);
		KUNIT_ASSERT_EQ(test, dash_lpm_count(&c->t.lpm),
				dash_lpm_count(&c->t.own));
		cond_resched();
	}
	KUNIT_EXPECT_GT(test, failed, 20U);

	/* with the last prefix the last set goes */
	KUNIT_ASSERT_EQ(test, dash_tag_begin(&c->txn, &c->t), 0);
	for (i = 0; i < c->pub.n; i++)
		KUNIT_ASSERT_EQ(test, dash_tag_del(&c->txn, c->pub.p[i].tag,
						   c->pub.p[i].addr,
						   c->pub.p[i].plen), 0);
	KUNIT_ASSERT_EQ(test, dash_tag_prepare(&c->txn), 0);
	dash_tag_publish(&c->txn);
	synchronize_rcu();
	dash_tag_reap(&c->txn);
	c->pub.n = 0;
	check_all(test, c, 50);
	KUNIT_EXPECT_EQ(test, dash_tag_bytes(&c->t), (size_t)0);
	dash_tag_fini(&c->t);
}

/* Tags of thousands of prefixes, one of everything; a table freed whole */
static void tag_large_test(struct kunit *test)
{
	struct tag_ctx *c = tag_ctx_new(test);
	const u32 n = 20000;
	u64 load, one;
	u8 addr[16] = {};
	u32 i;

	load = ktime_get_ns();
	KUNIT_ASSERT_EQ(test, dash_tag_begin(&c->txn, &c->t), 0);
	for (i = 0; i < n; i++) {
		addr[0] = 10;
		addr[1] = i >> 8;
		addr[2] = i;
		KUNIT_ASSERT_EQ(test, dash_tag_add(&c->txn, i % 64, addr, 24),
				0);
	}
	KUNIT_ASSERT_EQ(test, dash_tag_prepare(&c->txn), 0);
	dash_tag_publish(&c->txn);
	synchronize_rcu();
	dash_tag_reap(&c->txn);
	load = ktime_get_ns() - load;
	KUNIT_EXPECT_EQ(test, dash_tag_bytes(&c->t),
			dash_lpm_bytes(&c->t.lpm) + dash_lpm_bytes(&c->t.own) +
			64 * (sizeof(struct dash_tag_set) + sizeof(u32)));

	one = ktime_get_ns();
	KUNIT_ASSERT_EQ(test, dash_tag_begin(&c->txn, &c->t), 0);
	KUNIT_ASSERT_EQ(test, dash_tag_add(&c->txn, 99, addr, 0), 0);
	KUNIT_ASSERT_EQ(test, dash_tag_prepare(&c->txn), 0);
	dash_tag_publish(&c->txn);
	synchronize_rcu();
	dash_tag_reap(&c->txn);
	one = ktime_get_ns() - one;

	rcu_read_lock();
	for (i = 0; i < n; i += 7) {
		const struct dash_tag_set *set;

		addr[1] = i >> 8;
		addr[2] = i;
		set = tag_lookup(&c->t, addr);
		KUNIT_ASSERT_NOT_NULL(test, set);
		KUNIT_ASSERT_EQ(test, set->n, 2U);
		KUNIT_ASSERT_EQ(test, set->tag[0], i % 64);
		KUNIT_ASSERT_EQ(test, set->tag[1], 99U);
	}
	rcu_read_unlock();
	kunit_info(test, "%u prefixes: load %llu us, a tag of everything %llu us, %zu bytes\n",
		   n, div_u64(load, 1000), div_u64(one, 1000),
		   dash_tag_bytes(&c->t));
	dash_tag_fini(&c->t);
	KUNIT_EXPECT_EQ(test, dash_tag_bytes(&c->t), (size_t)0);
}

static struct kunit_case tag_cases[] = {
	KUNIT_CASE_PARAM(tag_random_test, tag_bits_gen_params),
	KUNIT_CASE_PARAM(tag_large_test, tag_bits_gen_params),
	{}
};

static struct kunit_suite tag_suite = {
	.name = "dash_tag",
	.test_cases = tag_cases,
};

kunit_test_suite(tag_suite);
