// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of dash/lpm*.c against a linear scan over a plain array. What
 * allocates is part of this file, so that allocations can be made to fail.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include "lpm.h"

#include "alloc_fail.h"
#include "../../dash/lpm_node.c"
#include "../../dash/lpm_txn.c"

#define SEED 20240601

/* most prefixes of the oracle */
#define MAX_PREFIXES 1200

struct oracle {
	struct dash_lpm_entry e[MAX_PREFIXES];
	unsigned int n;
};

struct lpm_ctx {
	struct dash_lpm lpm;
	struct rnd_state rnd;
	unsigned int bits;
	/* the published and the staged version */
	struct oracle *pub, *staged;
	struct dash_lpm_walk walk[16];
	/* of 8 operations so many remove a prefix */
	unsigned int fewer;
};

static const unsigned int lpm_bits[] = { 32, 128 };

static void lpm_bits_desc(const unsigned int *bits, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u bits", *bits);
}

KUNIT_ARRAY_PARAM(lpm_bits, lpm_bits, lpm_bits_desc);

static struct lpm_ctx *lpm_ctx_new(struct kunit *test)
{
	struct lpm_ctx *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, c);
	c->pub = kunit_kzalloc(test, sizeof(*c->pub), GFP_KERNEL);
	c->staged = kunit_kzalloc(test, sizeof(*c->staged), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, c->pub);
	KUNIT_ASSERT_NOT_NULL(test, c->staged);
	c->bits = *(const unsigned int *)test->param_value;
	alloc_fail = -1;
	alloc_failed = false;
	prandom_seed_state(&c->rnd, SEED);
	dash_lpm_init(&c->lpm, c->bits);
	return c;
}

/* --- the oracle: one after the other, on purpose --- */

static bool addr_bit(const u8 *addr, unsigned int i)
{
	return addr[i / 8] >> (7 - i % 8) & 1;
}

static bool addr_in(const u8 *addr, const u8 *prefix, unsigned int plen)
{
	unsigned int i;

	if (memcmp(addr, prefix, plen / 8))
		return false;
	for (i = plen & ~7; i < plen; i++)
		if (addr_bit(addr, i) != addr_bit(prefix, i))
			return false;
	return true;
}

static void oracle_copy(struct oracle *to, const struct oracle *from)
{
	to->n = from->n;
	memcpy(to->e, from->e, from->n * sizeof(from->e[0]));
}

static int oracle_find(const struct oracle *o, const u8 *addr, u8 plen)
{
	unsigned int i;

	for (i = 0; i < o->n; i++)
		if (o->e[i].plen == plen && addr_in(addr, o->e[i].addr, plen))
			return i;
	return -1;
}

static u32 oracle_get(const struct oracle *o, const u8 *addr, u8 plen)
{
	int i = oracle_find(o, addr, plen);

	return i < 0 ? DASH_LPM_NONE : o->e[i].value;
}

static u32 oracle_set(struct oracle *o, const u8 *addr, u8 plen, u32 value)
{
	int i = oracle_find(o, addr, plen);
	struct dash_lpm_entry *e;
	u32 old;

	if (i >= 0) {
		old = o->e[i].value;
		o->e[i].value = value;
		return old;
	}
	e = &o->e[o->n++];
	memset(e, 0, sizeof(*e));
	for (i = 0; i < plen; i++)
		if (addr_bit(addr, i))
			e->addr[i / 8] |= 0x80 >> i % 8;
	e->plen = plen;
	e->value = value;
	return DASH_LPM_NONE;
}

static u32 oracle_clear(struct oracle *o, const u8 *addr, u8 plen)
{
	int i = oracle_find(o, addr, plen);
	u32 old;

	if (i < 0)
		return DASH_LPM_NONE;
	old = o->e[i].value;
	o->e[i] = o->e[--o->n];
	return old;
}

static u32 oracle_lookup(const struct oracle *o, const u8 *addr, u8 *plen)
{
	const struct dash_lpm_entry *e, *best = NULL;

	for (e = o->e; e < o->e + o->n; e++)
		if (addr_in(addr, e->addr, e->plen))
			if (!best || e->plen > best->plen)
				best = e;
	if (!best)
		return DASH_LPM_NONE;
	*plen = best->plen;
	return best->value;
}

static int entry_cmp(const struct dash_lpm_entry *a,
		     const struct dash_lpm_entry *b)
{
	return memcmp(a->addr, b->addr, 16) ?: a->plen - b->plen;
}

/* smallest prefix after pos, or the smallest of all */
static const struct dash_lpm_entry *
oracle_next(const struct oracle *o, const struct dash_lpm_entry *pos)
{
	const struct dash_lpm_entry *e, *best = NULL;

	for (e = o->e; e < o->e + o->n; e++)
		if (!pos || entry_cmp(e, pos) > 0)
			if (!best || entry_cmp(e, best) < 0)
				best = e;
	return best;
}

/* --- random prefixes: few different ones, much nesting --- */

static void random_addr(struct lpm_ctx *c, u8 *addr)
{
	static const u8 bytes[] = { 0x00, 0x0a, 0x80, 0xff };
	u32 r = prandom_u32_state(&c->rnd);
	unsigned int i;

	/* beyond the address length too: it must not be looked at */
	for (i = 0; i < 16; i++) {
		if (i % 8 == 0)
			r = prandom_u32_state(&c->rnd);
		addr[i] = bytes[r & 3];
		r >>= 2;
	}
	if (r & 1)
		addr[prandom_u32_state(&c->rnd) % (c->bits / 8)] ^= r >> 8;
}

static u8 random_plen(struct lpm_ctx *c)
{
	u32 r = prandom_u32_state(&c->rnd);

	switch (r % 16) {
	case 0:
		return 0;
	case 1:
		return c->bits;
	case 2:
		return c->bits / 2 + (r >> 4) % 3 - 1;
	default:
		return (r >> 4) % (c->bits + 1);
	}
}

/* an address near a prefix of the oracle, else any */
static void random_probe(struct lpm_ctx *c, const struct oracle *o, u8 *addr)
{
	const struct dash_lpm_entry *e;
	u32 r = prandom_u32_state(&c->rnd);
	u8 plen, i;

	random_addr(c, addr);
	if (!o->n || r % 4 == 0)
		return;
	e = &o->e[(r >> 2) % o->n];
	plen = e->plen;
	/* now and then just outside */
	if (plen && r >> 24 < 64)
		plen--;
	for (i = 0; i < plen; i++) {
		addr[i / 8] &= ~(0x80 >> i % 8);
		addr[i / 8] |= e->addr[i / 8] & (0x80 >> i % 8);
	}
}

/* --- comparisons --- */

static void check_entry(struct kunit *test, const struct dash_lpm_entry *got,
			const struct dash_lpm_entry *want)
{
	KUNIT_ASSERT_NOT_NULL(test, want);
	KUNIT_ASSERT_EQ_MSG(test, entry_cmp(got, want), 0,
			    "seed %u: got %16ph/%u, want %16ph/%u", SEED,
			    got->addr, got->plen, want->addr, want->plen);
	KUNIT_ASSERT_EQ(test, got->value, want->value);
}

/* What the table says it takes, counted anew; and no node without need. */
static size_t check_tree(struct kunit *test, u64 e, unsigned int depth)
{
	unsigned int i, n_ext;
	struct lpm_node *n;
	size_t sum;

	KUNIT_EXPECT_LT(test, depth, (unsigned int)LPM_DEPTH);
	sum = dash_lpm_entry_size(e);
	if (!e || lpm_kind(e) != LPM_NODE)
		return sum;
	n = lpm_node(e);
	n_ext = lpm_n_ext(n);
	if (n_ext + lpm_n_in(n) < 2 && !alloc_failed)
		KUNIT_EXPECT_TRUE(test, n_ext && n->skip == LPM_SKIP);
	for (i = 0; i < n_ext; i++) {
		KUNIT_EXPECT_TRUE(test, n->slot[i] != 0);
		sum += check_tree(test, n->slot[i], depth + 1);
	}
	return sum;
}

static void check_memory(struct kunit *test, struct lpm_ctx *c)
{
	struct dash_lpm_root *root;
	size_t sum;
	u32 i;

	root = rcu_dereference_protected(c->lpm.root, true);
	if (!root)
		return;
	sum = lpm_root_bytes(root) + check_tree(test, root->upper, 0);
	for (i = 0; i < 1U << root->bits; i++)
		sum += check_tree(test, root->slot[i], 0);
	KUNIT_ASSERT_EQ(test, dash_lpm_bytes(&c->lpm), sum);
}

static void check_published(struct kunit *test, struct lpm_ctx *c,
			    unsigned int probes)
{
	u8 addr[16], want_plen[ARRAY_SIZE(c->walk)], plen, wlen;
	u32 got, expect, want_value[ARRAY_SIZE(c->walk)];
	struct dash_lpm_walk *walk = c->walk, *w;
	unsigned int n = 0;

	rcu_read_lock();
	while (probes--) {
		random_probe(c, c->pub, addr);
		plen = 0xff;
		wlen = 0xff;
		expect = oracle_lookup(c->pub, addr, &wlen);
		got = dash_lpm_lookup(&c->lpm, addr, &plen);
		KUNIT_ASSERT_EQ_MSG(test, got, expect,
				    "seed %u: address %16ph", SEED, addr);
		KUNIT_ASSERT_EQ(test, plen, wlen);
		KUNIT_ASSERT_EQ(test, dash_lpm_lookup(&c->lpm, addr, NULL),
				expect);
		/* the same in steps, in batches of up to 16 */
		w = &walk[n];
		dash_lpm_walk_init(w, &c->lpm, addr);
		want_value[n] = expect;
		want_plen[n++] = wlen;
		if (probes && n < ARRAY_SIZE(c->walk))
			continue;
		dash_lpm_walk_all(walk, n);
		while (n--) {
			KUNIT_ASSERT_EQ(test, dash_lpm_walk_value(&walk[n]),
					want_value[n]);
			if (want_value[n] != DASH_LPM_NONE)
				KUNIT_ASSERT_EQ(test, walk[n].plen,
						want_plen[n]);
		}
		n = 0;
	}
	rcu_read_unlock();

	cond_resched();
	check_memory(test, c);
	KUNIT_ASSERT_EQ(test, dash_lpm_count(&c->lpm), c->pub->n);
	KUNIT_ASSERT_EQ(test, !dash_lpm_bytes(&c->lpm), !c->pub->n);
}

static void check_order(struct kunit *test, struct lpm_ctx *c)
{
	const struct dash_lpm_entry *want;
	struct dash_lpm_entry pos;
	bool more;

	rcu_read_lock();
	want = oracle_next(c->pub, NULL);
	memset(&pos, 0xff, sizeof(pos));
	more = dash_lpm_next(&c->lpm, &pos, true);
	while (more) {
		check_entry(test, &pos, want);
		want = oracle_next(c->pub, want);
		more = dash_lpm_next(&c->lpm, &pos, false);
	}
	KUNIT_ASSERT_NULL(test, want);
	rcu_read_unlock();
}

static void check_staged(struct kunit *test, struct lpm_ctx *c,
			 struct dash_lpm_txn *txn)
{
	const struct dash_lpm_entry *want;
	struct dash_lpm_entry pos;
	unsigned int i;
	u8 addr[16];
	bool more;
	u8 plen;

	for (i = 0; i < 20; i++) {
		random_probe(c, c->staged, addr);
		plen = random_plen(c);
		KUNIT_ASSERT_EQ_MSG(test, dash_lpm_txn_get(txn, addr, plen),
				    oracle_get(c->staged, addr, plen),
				    "seed %u: %16ph/%u", SEED, addr, plen);
	}
	for (i = 0; i < c->staged->n; i++)
		KUNIT_ASSERT_EQ(test, dash_lpm_txn_get(txn,
						       c->staged->e[i].addr,
						       c->staged->e[i].plen),
				c->staged->e[i].value);

	want = oracle_next(c->staged, NULL);
	more = dash_lpm_txn_next(txn, &pos, true);
	while (more) {
		check_entry(test, &pos, want);
		want = oracle_next(c->staged, want);
		more = dash_lpm_txn_next(txn, &pos, false);
	}
	KUNIT_ASSERT_NULL(test, want);
}

/* --- the cases --- */

static void lpm_empty_test(struct kunit *test)
{
	struct lpm_ctx *c = lpm_ctx_new(test);
	struct dash_lpm_entry pos = {};
	struct dash_lpm_txn txn;
	u8 addr[16] = {};
	u32 old = 1;

	check_published(test, c, 10);
	dash_lpm_begin(&txn, &c->lpm);
	KUNIT_EXPECT_EQ(test, dash_lpm_clear(&txn, addr, 0, &old), 0);
	KUNIT_EXPECT_EQ(test, old, DASH_LPM_NONE);
	KUNIT_EXPECT_FALSE(test, dash_lpm_txn_next(&txn, &pos, false));
	dash_lpm_clear_all(&txn);
	dash_lpm_commit(&txn);
	check_published(test, c, 10);
	dash_lpm_fini(&c->lpm);
	dash_lpm_fini(&c->lpm);
}

static void lpm_bad_arguments_test(struct kunit *test)
{
	struct lpm_ctx *c = lpm_ctx_new(test);
	struct dash_lpm_entry pos = { .plen = 255 };
	struct dash_lpm_txn txn;
	u8 addr[16] = {};
	u32 old = 77;

	dash_lpm_begin(&txn, &c->lpm);
	KUNIT_EXPECT_EQ(test, dash_lpm_set(&txn, addr, c->bits + 1, 1, &old),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, dash_lpm_set(&txn, addr, 0, DASH_LPM_NONE, &old),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, dash_lpm_clear(&txn, addr, c->bits + 1, &old),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, old, 77);
	KUNIT_EXPECT_EQ(test, dash_lpm_txn_get(&txn, addr, c->bits + 1),
			DASH_LPM_NONE);
	KUNIT_EXPECT_EQ(test, dash_lpm_set(&txn, addr, 0, 1, NULL), 0);
	KUNIT_EXPECT_FALSE(test, dash_lpm_txn_next(&txn, &pos, false));
	dash_lpm_abort(&txn);
	check_published(test, c, 1);
}

static void lpm_nested_test(struct kunit *test)
{
	struct lpm_ctx *c = lpm_ctx_new(test);
	struct dash_lpm_txn txn;
	u8 addr[16], plen;
	unsigned int i, j;
	u32 old;

	/* every length of one address, as deep as it gets; host bits set */
	memset(addr, 0xa5, sizeof(addr));
	dash_lpm_begin(&txn, &c->lpm);
	for (i = 0; i <= c->bits; i++) {
		/* alternately from both ends */
		j = i & 1 ? c->bits - i / 2 : i / 2;
		KUNIT_ASSERT_EQ(test, dash_lpm_set(&txn, addr, j, j, &old), 0);
		KUNIT_ASSERT_EQ(test, old, DASH_LPM_NONE);
		KUNIT_ASSERT_EQ(test, dash_lpm_set(&txn, addr, j, j, &old), 0);
		KUNIT_ASSERT_EQ(test, old, j);
		oracle_set(c->pub, addr, j, j);
	}
	dash_lpm_commit(&txn);
	check_published(test, c, 500);

	/* leaving any one bit gives the prefix that ends before it */
	rcu_read_lock();
	for (i = 0; i < c->bits; i++) {
		addr[i / 8] ^= 0x80 >> i % 8;
		KUNIT_ASSERT_EQ(test, dash_lpm_lookup(&c->lpm, addr, &plen), i);
		KUNIT_ASSERT_EQ(test, plen, i);
		addr[i / 8] ^= 0x80 >> i % 8;
	}
	KUNIT_ASSERT_EQ(test, dash_lpm_lookup(&c->lpm, addr, NULL), c->bits);
	rcu_read_unlock();

	/* clear every second one, then the rest */
	for (j = 0; j < 2; j++) {
		dash_lpm_begin(&txn, &c->lpm);
		for (i = j; i <= c->bits; i += 2) {
			KUNIT_ASSERT_EQ(test,
					dash_lpm_clear(&txn, addr, i, &old), 0);
			KUNIT_ASSERT_EQ(test, old, i);
			oracle_clear(c->pub, addr, i);
		}
		dash_lpm_commit(&txn);
		check_published(test, c, 500);
	}
	KUNIT_EXPECT_EQ(test, dash_lpm_bytes(&c->lpm), (size_t)0);
}

static void random_ops(struct kunit *test, struct lpm_ctx *c,
		       struct dash_lpm_txn *txn, unsigned int n)
{
	u32 old, want, value, r;
	u8 addr[16], plen;

	while (n--) {
		r = prandom_u32_state(&c->rnd);
		value = prandom_u32_state(&c->rnd) >> 1;
		random_addr(c, addr);
		plen = random_plen(c);
		old = 0xdead;
		if (c->staged->n && r % 16 < 5) {
			/* one that exists */
			memcpy(addr, c->staged->e[r / 16 % c->staged->n].addr,
			       16);
			plen = c->staged->e[r / 16 % c->staged->n].plen;
		}
		if (r % 8 < c->fewer || c->staged->n == MAX_PREFIXES) {
			want = oracle_clear(c->staged, addr, plen);
			KUNIT_ASSERT_EQ(test, dash_lpm_clear(txn, addr, plen,
							     &old), 0);
		} else {
			want = oracle_set(c->staged, addr, plen, value);
			KUNIT_ASSERT_EQ(test, dash_lpm_set(txn, addr, plen,
							   value, &old), 0);
		}
		KUNIT_ASSERT_EQ_MSG(test, old, want, "seed %u: %16ph/%u", SEED,
				    addr, plen);
	}
}

static void lpm_random_test(struct kunit *test)
{
	struct lpm_ctx *c = lpm_ctx_new(test);
	struct dash_lpm_txn txn;
	unsigned int i, most = 0;
	size_t bytes;
	u32 r;

	for (i = 0; i < rounds(3000); i++) {
		r = prandom_u32_state(&c->rnd);
		bytes = dash_lpm_bytes(&c->lpm);
		/* it grows and shrinks */
		c->fewer = i / 200 % 2 ? 6 : 2;
		oracle_copy(c->staged, c->pub);
		dash_lpm_begin(&txn, &c->lpm);
		if (r % 128 == 0) {
			dash_lpm_clear_all(&txn);
			c->staged->n = 0;
		}
		/* often just one, which is published in place */
		random_ops(test, c, &txn, r & 256 ? 1 : r / 512 % 60);
		if (i % 32 == 0)
			check_staged(test, c, &txn);
		/* readers see nothing of it yet */
		check_published(test, c, 20);
		if (r / 4096 % 4 == 0) {
			dash_lpm_abort(&txn);
			KUNIT_ASSERT_EQ(test, dash_lpm_bytes(&c->lpm), bytes);
		} else {
			bytes = dash_lpm_txn_bytes(&txn);
			dash_lpm_commit(&txn);
			KUNIT_ASSERT_EQ(test, dash_lpm_bytes(&c->lpm), bytes);
			oracle_copy(c->pub, c->staged);
		}
		check_published(test, c, 50);
		if (i % 64 == 0)
			check_order(test, c);
		most = max(most, c->pub->n);
	}
	KUNIT_EXPECT_GT(test, most, 400);

	/* removed one by one nothing must be left, no fork either */
	dash_lpm_begin(&txn, &c->lpm);
	for (i = 0; i < c->pub->n; i++)
		KUNIT_ASSERT_EQ(test, dash_lpm_clear(&txn, c->pub->e[i].addr,
						     c->pub->e[i].plen, NULL),
				0);
	KUNIT_EXPECT_EQ(test, dash_lpm_txn_bytes(&txn), (size_t)0);
	dash_lpm_commit(&txn);
	c->pub->n = 0;
	check_published(test, c, 50);
}

static void lpm_isolation_test(struct kunit *test)
{
	struct lpm_ctx *c = lpm_ctx_new(test);
	struct dash_lpm_txn txn;
	u8 addr[16] = { 10, 1, 2, 3 };
	size_t bytes;

	dash_lpm_begin(&txn, &c->lpm);
	KUNIT_ASSERT_EQ(test, dash_lpm_set(&txn, addr, 8, 1, NULL), 0);
	KUNIT_ASSERT_EQ(test, dash_lpm_set(&txn, addr, 16, 2, NULL), 0);
	dash_lpm_commit(&txn);
	bytes = dash_lpm_bytes(&c->lpm);

	dash_lpm_begin(&txn, &c->lpm);
	KUNIT_ASSERT_EQ(test, dash_lpm_set(&txn, addr, 16, 3, NULL), 0);
	KUNIT_ASSERT_EQ(test, dash_lpm_set(&txn, addr, 24, 4, NULL), 0);
	KUNIT_ASSERT_EQ(test, dash_lpm_clear(&txn, addr, 8, NULL), 0);
	KUNIT_EXPECT_EQ(test, dash_lpm_txn_get(&txn, addr, 16), 3);
	rcu_read_lock();
	KUNIT_EXPECT_EQ(test, dash_lpm_lookup(&c->lpm, addr, NULL), 2);
	rcu_read_unlock();
	dash_lpm_clear_all(&txn);
	KUNIT_EXPECT_EQ(test, dash_lpm_txn_get(&txn, addr, 16), DASH_LPM_NONE);
	rcu_read_lock();
	KUNIT_EXPECT_EQ(test, dash_lpm_lookup(&c->lpm, addr, NULL), 2);
	rcu_read_unlock();
	dash_lpm_abort(&txn);
	KUNIT_EXPECT_EQ(test, dash_lpm_bytes(&c->lpm), bytes);
	KUNIT_EXPECT_EQ(test, dash_lpm_count(&c->lpm), 2);

	/* an aborted transaction leaves the next one a sound tree */
	dash_lpm_begin(&txn, &c->lpm);
	KUNIT_EXPECT_EQ(test, dash_lpm_txn_get(&txn, addr, 8), 1);
	KUNIT_ASSERT_EQ(test, dash_lpm_set(&txn, addr, 24, 4, NULL), 0);
	dash_lpm_commit(&txn);
	rcu_read_lock();
	KUNIT_EXPECT_EQ(test, dash_lpm_lookup(&c->lpm, addr, NULL), 4);
	rcu_read_unlock();

	/* cleared and refilled in one step */
	dash_lpm_begin(&txn, &c->lpm);
	dash_lpm_clear_all(&txn);
	KUNIT_ASSERT_EQ(test, dash_lpm_set(&txn, addr, 8, 5, NULL), 0);
	dash_lpm_commit(&txn);
	rcu_read_lock();
	KUNIT_EXPECT_EQ(test, dash_lpm_lookup(&c->lpm, addr, NULL), 5);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, dash_lpm_count(&c->lpm), 1);

	dash_lpm_fini(&c->lpm);
	KUNIT_EXPECT_EQ(test, dash_lpm_bytes(&c->lpm), (size_t)0);
	KUNIT_EXPECT_EQ(test, dash_lpm_count(&c->lpm), 0);
}

/* A dump stops anywhere; then the prefix it stopped at, or others, vanish. */
static void lpm_resume_test(struct kunit *test)
{
	struct lpm_ctx *c = lpm_ctx_new(test);
	const struct dash_lpm_entry *want;
	struct dash_lpm_entry pos;
	struct dash_lpm_txn txn;
	unsigned int i;
	bool more;

	dash_lpm_begin(&txn, &c->lpm);
	while (c->staged->n < 300) {
		random_addr(c, pos.addr);
		pos.plen = random_plen(c);
		oracle_set(c->staged, pos.addr, pos.plen, c->staged->n);
		KUNIT_ASSERT_EQ(test, dash_lpm_set(&txn, pos.addr, pos.plen,
						   oracle_get(c->staged,
							      pos.addr,
							      pos.plen),
						   NULL), 0);
	}
	dash_lpm_commit(&txn);
	oracle_copy(c->pub, c->staged);

	rcu_read_lock();
	more = dash_lpm_next(&c->lpm, &pos, true);
	rcu_read_unlock();
	for (i = 0; more; i++) {
		if (i % 2 == 0) {
			dash_lpm_begin(&txn, &c->lpm);
			KUNIT_ASSERT_EQ(test, dash_lpm_clear(&txn, pos.addr,
							     pos.plen, NULL),
					0);
			dash_lpm_commit(&txn);
			oracle_clear(c->pub, pos.addr, pos.plen);
		}
		want = oracle_next(c->pub, &pos);
		rcu_read_lock();
		more = dash_lpm_next(&c->lpm, &pos, false);
		rcu_read_unlock();
		KUNIT_ASSERT_EQ(test, more, !!want);
		if (more)
			check_entry(test, &pos, want);
	}
	KUNIT_EXPECT_EQ(test, i, 300);

	/* positions that never existed, host bits set */
	for (i = 0; i < 2000; i++) {
		struct dash_lpm_entry masked = {}, at = {};
		unsigned int bit;

		random_probe(c, c->pub, at.addr);
		at.plen = random_plen(c);
		for (bit = 0; bit < at.plen; bit++)
			if (addr_bit(at.addr, bit))
				masked.addr[bit / 8] |= 0x80 >> bit % 8;
		masked.plen = at.plen;
		want = oracle_next(c->pub, &masked);
		rcu_read_lock();
		more = dash_lpm_next(&c->lpm, &at, false);
		rcu_read_unlock();
		KUNIT_ASSERT_EQ_MSG(test, more, !!want,
				    "seed %u: after %16ph/%u", SEED,
				    masked.addr, masked.plen);
		if (more)
			check_entry(test, &at, want);
	}
	dash_lpm_fini(&c->lpm);
}

/* Any allocation may fail: the operation has no effect, the rest goes on. */
static void lpm_fail_test(struct kunit *test)
{
	struct lpm_ctx *c = lpm_ctx_new(test);
	unsigned int i, j, fewer, failed = 0, fine = 0;
	struct dash_lpm_entry e;
	struct dash_lpm_txn txn;
	int err;
	u32 r;

	for (i = 0; i < rounds(1600); i++) {
		c->fewer = i / 200 % 2 ? 6 : 1;
		oracle_copy(c->staged, c->pub);
		dash_lpm_begin(&txn, &c->lpm);
		for (j = 0; j < 8; j++) {
			r = prandom_u32_state(&c->rnd);
			random_addr(c, e.addr);
			e.plen = random_plen(c);
			fewer = c->staged->n == MAX_PREFIXES ? 8 : c->fewer;
			if (c->staged->n && r % 8 < fewer)
				e = c->staged->e[r / 8 % c->staged->n];
			alloc_fail = r >> 16 & 3;
			if (r % 64 == 0) {
				err = dash_lpm_reserve(&txn, r >> 20);
			} else if (r % 8 < fewer) {
				err = dash_lpm_clear(&txn, e.addr, e.plen, NULL);
				if (!err)
					oracle_clear(c->staged, e.addr, e.plen);
			} else {
				err = dash_lpm_set(&txn, e.addr, e.plen, r >> 1,
						   NULL);
				if (!err)
					oracle_set(c->staged, e.addr, e.plen,
						   r >> 1);
			}
			alloc_fail = -1;
			if (err)
				KUNIT_ASSERT_EQ(test, err, -ENOMEM);
			failed += !!err;
			fine += !err;
			KUNIT_ASSERT_EQ(test, dash_lpm_txn_get(&txn, e.addr,
							       e.plen),
					oracle_get(c->staged, e.addr, e.plen));
		}
		if (i % 64 == 0)
			check_staged(test, c, &txn);
		check_published(test, c, 16);
		if (r % 3 == 0) {
			dash_lpm_abort(&txn);
		} else {
			dash_lpm_commit(&txn);
			oracle_copy(c->pub, c->staged);
		}
		check_published(test, c, 16);
		if (i % 64 == 0)
			check_order(test, c);
	}
	KUNIT_EXPECT_GT(test, failed, 500U);
	KUNIT_EXPECT_GT(test, fine, 500U);
	dash_lpm_fini(&c->lpm);
}

/* Prefix number i of a large table; all are different. */
static u8 big_prefix(const struct lpm_ctx *c, u32 i, u8 *addr)
{
	u32 x = i * 2654435761U;

	memset(addr, 0, 16);
	if (i < 64) {
		/* short ones: 16 of each length from 4 to 7 */
		addr[0] = i % 16 << 4;
		return 4 + i / 16;
	}
	if (i < 1024) {
		addr[0] = i >> 2;
		addr[1] = i << 6;
		return 10;
	}
	addr[0] = x >> 24;
	addr[1] = x >> 16;
	addr[2] = x >> 8;
	addr[3] = x;
	if (c->bits == 32)
		return i % 4 ? 32 : 31;
	addr[7] = i;
	addr[15] = i % 3;
	return i % 4 ? 128 : 64;
}

/* What covers an address, by asking for each length */
static u32 big_lookup(const struct lpm_ctx *c, const u8 *addr)
{
	int plen = c->bits;
	u32 value;

	do {
		value = dash_lpm_get(&c->lpm, addr, plen);
	} while (value == DASH_LPM_NONE && --plen >= 0);
	return value;
}

static void check_big(struct kunit *test, struct lpm_ctx *c, u32 from, u32 n)
{
	struct dash_lpm_entry pos;
	u32 i, seen = 0;
	u8 addr[16];

	for (i = from; i < n; i++) {
		u8 plen = big_prefix(c, i, addr);

		KUNIT_ASSERT_LE(test, dash_lpm_get(&c->lpm, addr, plen), i);
		if (i % 8)
			continue;
		addr[prandom_u32_state(&c->rnd) % (c->bits / 8)] ^=
			prandom_u32_state(&c->rnd);
		KUNIT_ASSERT_EQ(test, dash_lpm_lookup(&c->lpm, addr, NULL),
				big_lookup(c, addr));
	}
	check_memory(test, c);
	if (dash_lpm_next(&c->lpm, &pos, true))
		do {
			seen++;
		} while (dash_lpm_next(&c->lpm, &pos, false));
	KUNIT_ASSERT_EQ(test, seen, dash_lpm_count(&c->lpm));
}

/* All sizes of the root array, up and down, prefixes shorter than its index */
static void lpm_big_test(struct kunit *test)
{
	struct lpm_ctx *c = lpm_ctx_new(test);
	const u32 n = 40000, step = 8000;
	struct dash_lpm_txn txn;
	u32 i, j, old, dup = 0;
	u8 addr[16], plen;

	rcu_read_lock();
	for (i = 0; i < n; i += step) {
		rcu_read_unlock();
		dash_lpm_begin(&txn, &c->lpm);
		for (j = i; j < i + step; j++) {
			plen = big_prefix(c, j, addr);
			KUNIT_ASSERT_EQ(test, dash_lpm_set(&txn, addr, plen, j,
							   &old), 0);
			dup += old != DASH_LPM_NONE;
		}
		dash_lpm_commit(&txn);
		cond_resched();
		rcu_read_lock();
		KUNIT_ASSERT_EQ(test, dash_lpm_count(&c->lpm), i + step - dup);
		check_big(test, c, 0, i + step);
	}
	KUNIT_EXPECT_EQ(test, (u32)c->lpm.root->bits, (u32)LPM_MAX_BITS);
	for (i = 0; i < n; i += step) {
		rcu_read_unlock();
		dash_lpm_begin(&txn, &c->lpm);
		for (j = i; j < i + step; j++) {
			/* the short ones last, a default route in between */
			plen = big_prefix(c, n - 1 - j, addr);
			KUNIT_ASSERT_EQ(test, dash_lpm_clear(&txn, addr, plen,
							     NULL), 0);
			if (j % 1024 == 0)
				KUNIT_ASSERT_EQ(test, dash_lpm_set(&txn, addr,
								   0, 0, NULL),
						0);
		}
		dash_lpm_commit(&txn);
		cond_resched();
		rcu_read_lock();
		check_big(test, c, 0, 0);
		for (j = 0; j < n - i - step; j++) {
			plen = big_prefix(c, j, addr);
			KUNIT_ASSERT_NE(test, dash_lpm_get(&c->lpm, addr, plen),
					DASH_LPM_NONE);
		}
	}
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, dash_lpm_count(&c->lpm), 1U);
	KUNIT_EXPECT_EQ(test, (u32)c->lpm.root->bits, (u32)LPM_ROOT_BITS);
	dash_lpm_fini(&c->lpm);
}

/*
 * Readers in a timer, which interrupts the writer anywhere. A prefix and its
 * two halves take turns, each time in one transaction, so a lookup finds one
 * or the other, and the length that belongs to the value.
 */
struct lpm_race {
	struct lpm_ctx *c;
	struct timer_list timer;
	struct rnd_state rnd;
	unsigned long lookups;
	unsigned int wrong;
	bool stop;
};

#define RACE_PLEN 20

static void lpm_race_read(struct timer_list *timer)
{
	struct lpm_race *race = container_of(timer, struct lpm_race, timer);
	struct lpm_ctx *c = race->c;
	unsigned int i;
	u8 addr[16], plen;
	u32 value;

	rcu_read_lock();
	for (i = 0; i < 500; i++) {
		prandom_bytes_state(&race->rnd, addr, sizeof(addr));
		addr[0] = 10;
		addr[1] &= 3;
		value = dash_lpm_lookup(&c->lpm, addr, &plen);
		if (value % 256 != plen || plen < RACE_PLEN)
			race->wrong++;
		race->lookups++;
	}
	rcu_read_unlock();
	if (!READ_ONCE(race->stop))
		mod_timer(timer, jiffies + 1);
}

static void race_set(struct kunit *test, struct dash_lpm_txn *txn, u32 i,
		     bool halves)
{
	u8 addr[16] = { 10, i >> 4, i << 4 };
	unsigned int half;

	if (halves) {
		KUNIT_ASSERT_EQ(test, dash_lpm_clear(txn, addr, RACE_PLEN,
						     NULL), 0);
	} else {
		KUNIT_ASSERT_EQ(test, dash_lpm_set(txn, addr, RACE_PLEN,
						   RACE_PLEN, NULL), 0);
	}
	for (half = 0; half < 2; half++) {
		addr[2] |= half << 3;
		if (halves)
			KUNIT_ASSERT_EQ(test, dash_lpm_set(txn, addr,
							   RACE_PLEN + 1,
							   RACE_PLEN + 1,
							   NULL), 0);
		else
			KUNIT_ASSERT_EQ(test, dash_lpm_clear(txn, addr,
							     RACE_PLEN + 1,
							     NULL), 0);
	}
}

static void lpm_race_test(struct kunit *test)
{
	struct lpm_ctx *c = lpm_ctx_new(test);
	struct lpm_race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	unsigned long end = jiffies + HZ;
	u8 any[16] = { 10 }, addr[16];
	DECLARE_BITMAP(halves, 64);
	struct dash_lpm_txn txn;
	unsigned int n = 0;
	u32 i, j, r;

	KUNIT_ASSERT_NOT_NULL(test, race);
	dash_lpm_begin(&txn, &c->lpm);
	KUNIT_ASSERT_EQ(test, dash_lpm_set(&txn, any, 8, 8, NULL), 0);
	for (i = 0; i < 64; i++)
		race_set(test, &txn, i, false);
	dash_lpm_commit(&txn);
	bitmap_zero(halves, 64);

	race->c = c;
	prandom_seed_state(&race->rnd, SEED);
	timer_setup(&race->timer, lpm_race_read, 0);
	mod_timer(&race->timer, jiffies + 1);
	while (time_before(jiffies, end)) {
		r = prandom_u32_state(&c->rnd);
		dash_lpm_begin(&txn, &c->lpm);
		/* one, published in place as a rule, or several */
		for (j = 0; j <= r % 4; j++) {
			i = r >> (8 + 6 * j) & 63;
			change_bit(i, halves);
			race_set(test, &txn, i, test_bit(i, halves));
		}
		/* now and then another root array */
		for (j = 0; r >> 4 & 15 ? 0 : j < 400; j++) {
			memset(addr, j, sizeof(addr));
			addr[0] = 20;
			addr[2] = j >> 8;
			if (n & 1)
				dash_lpm_clear(&txn, addr, 24, NULL);
			else
				dash_lpm_set(&txn, addr, 24, 24, NULL);
		}
		n += !(r >> 4 & 15);
		dash_lpm_commit(&txn);
		cond_resched();
	}
	WRITE_ONCE(race->stop, true);
	timer_delete_sync(&race->timer);
	KUNIT_EXPECT_EQ(test, race->wrong, 0U);
	KUNIT_EXPECT_GT(test, race->lookups, 1000UL);
	dash_lpm_fini(&c->lpm);
}

/* No assertion on time: it tells what the documentation may say. */
static void lpm_speed_test(struct kunit *test)
{
	struct lpm_ctx *c = lpm_ctx_new(test);
	const unsigned int n = rounds(100000);
	struct dash_lpm_txn txn;
	u64 load, look, warm, batch, one, t;
	u32 (*addr)[4], sum = 0;
	unsigned int i, j;

	addr = kvmalloc_array(n, sizeof(*addr), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	prandom_bytes_state(&c->rnd, addr, n * sizeof(*addr));

	t = ktime_get_ns();
	dash_lpm_begin(&txn, &c->lpm);
	for (i = 0; i < n; i++)
		if (dash_lpm_set(&txn, addr[i], c->bits / 4 + i % 17, i, NULL))
			break;
	dash_lpm_commit(&txn);
	load = ktime_get_ns() - t;
	KUNIT_EXPECT_EQ(test, i, n);

	t = ktime_get_ns();
	rcu_read_lock();
	for (i = 0; i < n; i++)
		sum += dash_lpm_lookup(&c->lpm, addr[i * 7919ULL % n], NULL);
	rcu_read_unlock();
	look = ktime_get_ns() - t;

	t = ktime_get_ns();
	rcu_read_lock();
	for (i = 0; i < n; i++)
		sum += dash_lpm_lookup(&c->lpm, addr[i % 256], NULL);
	rcu_read_unlock();
	warm = ktime_get_ns() - t;

	t = ktime_get_ns();
	rcu_read_lock();
	for (i = 0; i + 16 <= n; i += 16) {
		for (j = 0; j < 16; j++)
			dash_lpm_walk_init(&c->walk[j], &c->lpm,
					   addr[(i + j) * 7919ULL % n]);
		dash_lpm_walk_all(c->walk, 16);
		for (j = 0; j < 16; j++)
			sum += dash_lpm_walk_value(&c->walk[j]);
	}
	rcu_read_unlock();
	batch = ktime_get_ns() - t;

	t = ktime_get_ns();
	for (i = 0; i < 1000; i++) {
		dash_lpm_begin(&txn, &c->lpm);
		KUNIT_EXPECT_EQ(test, dash_lpm_set(&txn, addr[i], c->bits, i,
						   NULL), 0);
		dash_lpm_publish(&txn);
		/* no reader is left behind here */
		dash_lpm_reap(&txn);
	}
	one = ktime_get_ns() - t;

	kunit_info(test,
		   "%u prefixes, %zu bytes each: load %llu ns each, lookup %llu ns, by 16 %llu ns, warm %llu ns, transaction of one %llu ns (%u)\n",
		   dash_lpm_count(&c->lpm),
		   dash_lpm_bytes(&c->lpm) / dash_lpm_count(&c->lpm),
		   div_u64(load, n), div_u64(look, n), div_u64(batch, n),
		   div_u64(warm, n),
		   div_u64(one, 1000), sum);
	kvfree(addr);
	dash_lpm_fini(&c->lpm);
}

static struct kunit_case lpm_cases[] = {
	KUNIT_CASE_PARAM(lpm_empty_test, lpm_bits_gen_params),
	KUNIT_CASE_PARAM(lpm_bad_arguments_test, lpm_bits_gen_params),
	KUNIT_CASE_PARAM(lpm_nested_test, lpm_bits_gen_params),
	KUNIT_CASE_PARAM(lpm_random_test, lpm_bits_gen_params),
	KUNIT_CASE_PARAM(lpm_isolation_test, lpm_bits_gen_params),
	KUNIT_CASE_PARAM(lpm_resume_test, lpm_bits_gen_params),
	KUNIT_CASE_PARAM(lpm_fail_test, lpm_bits_gen_params),
	KUNIT_CASE_PARAM(lpm_big_test, lpm_bits_gen_params),
	KUNIT_CASE_PARAM(lpm_race_test, lpm_bits_gen_params),
	KUNIT_CASE_PARAM(lpm_speed_test, lpm_bits_gen_params),
	{}
};

static struct kunit_suite lpm_suite = {
	.name = "dash_lpm",
	.test_cases = lpm_cases,
};

kunit_test_suite(lpm_suite);
