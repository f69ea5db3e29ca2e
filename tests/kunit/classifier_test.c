// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of dash/classifier.c against a linear scan over the rules.
 */
#include <kunit/test.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "classifier.h"

#define SEED 20240602

#define MAX_SETS 4
#define MAX_LIST 6

/* a rule and all that it may point to */
struct rule_space {
	struct dash_prefix prefixes[2][MAX_SETS][MAX_LIST];
	struct dash_prefix_set sets[2][MAX_SETS];
	struct dash_port_range ports[2][MAX_LIST];
	u8 protos[MAX_LIST];
};

struct cls_ctx {
	struct rnd_state rnd;
	unsigned int bits;
	struct dash_cls_rule *rules;
	struct rule_space *space;
	/* sets that many rules share: tags */
	struct dash_prefix tags[4][16];
	struct dash_prefix_set tag[4];
	u32 n_rules;
	/* how often a rule matched, to see that the test tests */
	u32 hits;
	u32 misses;
};

static const unsigned int cls_bits[] = { 32, 128 };

static void cls_bits_desc(const unsigned int *bits, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u bits", *bits);
}

KUNIT_ARRAY_PARAM(cls_bits, cls_bits, cls_bits_desc);

/* the next of the random sequence below n */
static u32 rnd(struct cls_ctx *c, u32 n)
{
	return prandom_u32_state(&c->rnd) % n;
}

static void cls_ctx_seed(struct cls_ctx *c, unsigned int bits)
{
	c->bits = bits;
	prandom_seed_state(&c->rnd, SEED);
}

static struct cls_ctx *cls_ctx_new(struct kunit *test, u32 max_rules)
{
	struct cls_ctx *c = kvzalloc(sizeof(*c), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, c);
	cls_ctx_seed(c, *(const unsigned int *)test->param_value);
	c->n_rules = max_rules;
	c->rules = kvcalloc(max_rules + 1, sizeof(*c->rules), GFP_KERNEL);
	c->space = kvcalloc(max_rules + 1, sizeof(*c->space), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, c->rules);
	KUNIT_ASSERT_NOT_NULL(test, c->space);
	return c;
}

static void cls_ctx_free(struct cls_ctx *c)
{
	kvfree(c->space);
	kvfree(c->rules);
	kvfree(c);
}

/* --- the oracle --- */

static bool in_prefix(const union dash_cls_addr *addr,
		      const struct dash_prefix *p)
{
	unsigned int i;

	for (i = 0; i < p->plen; i++)
		if ((addr->b[i / 8] ^ p->b[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

static bool in_sets(const union dash_cls_addr *addr,
		    const struct dash_prefix_set *set, u32 n_sets)
{
	u32 i, j;

	for (i = 0; i < n_sets; i++)
		for (j = 0; j < set[i].n; j++)
			if (in_prefix(addr, &set[i].p[j]))
				return true;
	return false;
}

static bool in_ports(const struct dash_cls_key *key, u16 port,
		     const struct dash_port_range *range, u32 n)
{
	u32 i;

	if (!n)
		return true;
	for (i = 0; i < n; i++)
		if (key->has_ports && port >= range[i].lo && port <= range[i].hi)
			return true;
	return false;
}

static bool in_protos(u8 proto, const u8 *protos, u32 n)
{
	return !n || memchr(protos, proto, n);
}

static u32 oracle_match(const struct dash_cls_rule *r, u32 n_rules,
			const struct dash_cls_key *key)
{
	u32 i;

	for (i = 0; i < n_rules; i++, r++)
		if (in_protos(key->proto, r->protos, r->n_protos) &&
		    in_ports(key, key->sport, r->sport, r->n_sport) &&
		    in_ports(key, key->dport, r->dport, r->n_dport) &&
		    (r->src_any || in_sets(&key->src, r->src, r->n_src_sets)) &&
		    (r->dst_any || in_sets(&key->dst, r->dst, r->n_dst_sets)))
			return i;
	return DASH_CLS_NONE;
}

/* --- random rules and keys --- */

static void random_prefix(struct cls_ctx *c, struct dash_prefix *p)
{
	static const u8 bytes[] = { 0x0a, 0x0a, 0x00, 0xff };
	unsigned int i;

	for (i = 0; i < 16; i++)
		p->b[i] = bytes[rnd(c, 4)];
	switch (rnd(c, 12)) {
	case 0:
		p->plen = 0;
		break;
	case 1:
		p->plen = c->bits;
		break;
	default:
		p->plen = 1 + rnd(c, c->bits - 1);
	}
}

static u16 random_port(struct cls_ctx *c)
{
	switch (rnd(c, 6)) {
	case 0:
		return rnd(c, 2) ? 0 : 65535;
	case 1:
		return rnd(c, 65536);
	default:
		/* few different ones: equal, adjacent and overlapping */
		return 80 + rnd(c, 20);
	}
}

static u32 random_ports(struct cls_ctx *c, struct dash_port_range *range)
{
	u32 n = rnd(c, 2) ? rnd(c, MAX_LIST + 1) : 0, i;

	for (i = 0; i < n; i++) {
		range[i].lo = random_port(c);
		range[i].hi = random_port(c);
		if (range[i].lo > range[i].hi)
			swap(range[i].lo, range[i].hi);
	}
	return n;
}

static u32 random_sets(struct cls_ctx *c, struct rule_space *s, bool dst,
		       bool *any)
{
	u32 n = rnd(c, MAX_SETS + 1), i, j;

	*any = rnd(c, 4) == 0;
	for (i = 0; i < n; i++) {
		if (rnd(c, 3) == 0) {
			s->sets[dst][i] = c->tag[rnd(c, ARRAY_SIZE(c->tag))];
			continue;
		}
		/* may be empty */
		s->sets[dst][i].n = rnd(c, MAX_LIST + 1);
		s->sets[dst][i].p = s->prefixes[dst][i];
		for (j = 0; j < s->sets[dst][i].n; j++)
			random_prefix(c, &s->prefixes[dst][i][j]);
	}
	return n;
}

static void random_rules(struct cls_ctx *c, u32 n_rules)
{
	struct dash_cls_rule *r = c->rules;
	struct rule_space *s = c->space;
	u32 i, j;

	for (i = 0; i < ARRAY_SIZE(c->tag); i++) {
		c->tag[i].p = c->tags[i];
		/* the first is empty */
		c->tag[i].n = i ? 1 + rnd(c, 16) : 0;
		for (j = 0; j < c->tag[i].n; j++)
			random_prefix(c, &c->tags[i][j]);
	}
	c->n_rules = n_rules;
	for (i = 0; i < n_rules; i++, r++, s++) {
		memset(r, 0, sizeof(*r));
		r->protos = s->protos;
		r->n_protos = rnd(c, 2) ? rnd(c, MAX_LIST + 1) : 0;
		for (j = 0; j < r->n_protos; j++)
			s->protos[j] = rnd(c, 4) ? 1 + rnd(c, 20) : rnd(c, 256);
		r->sport = s->ports[0];
		r->n_sport = random_ports(c, s->ports[0]);
		r->dport = s->ports[1];
		r->n_dport = random_ports(c, s->ports[1]);
		r->src = s->sets[0];
		r->n_src_sets = random_sets(c, s, false, &r->src_any);
		r->dst = s->sets[1];
		r->n_dst_sets = random_sets(c, s, true, &r->dst_any);
	}
}

/* an address in or near a prefix of the sets */
static void random_addr(struct cls_ctx *c, const struct dash_prefix_set *set,
			u32 n_sets, union dash_cls_addr *addr)
{
	struct dash_prefix any;
	unsigned int i;

	random_prefix(c, &any);
	memcpy(addr->b, any.b, sizeof(addr->b));
	set += n_sets ? rnd(c, n_sets) : 0;
	if (!n_sets || !set->n)
		return;
	any = set->p[rnd(c, set->n)];
	if (any.plen && rnd(c, 8) == 0)
		any.plen--;
	for (i = 0; i < any.plen; i++) {
		addr->b[i / 8] &= ~(0x80 >> i % 8);
		addr->b[i / 8] |= any.b[i / 8] & (0x80 >> i % 8);
	}
}

static u16 random_key_port(struct cls_ctx *c,
			   const struct dash_port_range *range, u32 n)
{
	u16 port = random_port(c);

	if (!n || rnd(c, 8) == 0)
		return port;
	range += rnd(c, n);
	/* an end, or just beyond one, or inside */
	switch (rnd(c, 5)) {
	case 0:
		return range->lo;
	case 1:
		return range->hi;
	case 2:
		return range->lo - 1;
	case 3:
		return range->hi + 1;
	default:
		return range->lo + rnd(c, range->hi - range->lo + 1);
	}
}

static void random_key(struct cls_ctx *c, struct dash_cls_key *key)
{
	const struct dash_cls_rule *r = &c->rules[rnd(c, c->n_rules)];

	memset(key, 0, sizeof(*key));
	random_addr(c, r->src, r->n_src_sets, &key->src);
	random_addr(c, r->dst, r->n_dst_sets, &key->dst);
	key->sport = random_key_port(c, r->sport, r->n_sport);
	key->dport = random_key_port(c, r->dport, r->n_dport);
	key->has_ports = rnd(c, 5);
	key->proto = r->n_protos && rnd(c, 8) ?
		     r->protos[rnd(c, r->n_protos)] : rnd(c, 256);
}

static u32 match(const struct dash_classifier *cls,
		 const struct dash_cls_key *key)
{
	u32 got;

	rcu_read_lock();
	got = dash_classifier_match(cls, key);
	rcu_read_unlock();
	return got;
}

static struct dash_classifier *build(struct kunit *test, struct cls_ctx *c)
{
	struct dash_classifier *cls;

	cls = dash_classifier_build(c->bits, c->rules, c->n_rules, GFP_KERNEL);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(cls));
	KUNIT_EXPECT_GT(test, dash_classifier_bytes(cls), (size_t)0);
	KUNIT_EXPECT_LE(test, dash_classifier_bytes(cls),
			(size_t)DASH_CLS_MAX_BYTES);
	return cls;
}

static void check_keys(struct kunit *test, struct cls_ctx *c,
		       const struct dash_classifier *cls, u32 n_keys)
{
	struct dash_cls_key key;
	u32 want, got;

	while (n_keys--) {
		random_key(c, &key);
		want = oracle_match(c->rules, c->n_rules, &key);
		got = match(cls, &key);
		KUNIT_ASSERT_EQ_MSG(test, got, want,
				    "seed %u, %u rules: %16ph > %16ph proto %u ports %u %u > %u",
				    SEED, c->n_rules, key.src.b, key.dst.b,
				    key.proto, key.has_ports, key.sport,
				    key.dport);
		if (want == DASH_CLS_NONE)
			c->misses++;
		else
			c->hits++;
		if (n_keys % 256 == 0)
			cond_resched();
	}
}

/* --- the cases --- */

static void cls_empty_test(struct kunit *test)
{
	struct cls_ctx *c = cls_ctx_new(test, 0);
	struct dash_classifier *cls = build(test, c);
	struct dash_cls_key key = {};

	KUNIT_EXPECT_EQ(test, match(cls, &key), DASH_CLS_NONE);
	key.has_ports = true;
	KUNIT_EXPECT_EQ(test, match(cls, &key), DASH_CLS_NONE);
	dash_classifier_free(cls);
	cls = dash_classifier_build(c->bits, NULL, 0, GFP_KERNEL_ACCOUNT);
	KUNIT_EXPECT_FALSE(test, IS_ERR_OR_NULL(cls));
	dash_classifier_free(cls);
	dash_classifier_free(NULL);
	cls_ctx_free(c);
}

static int build_error(unsigned int bits, const struct dash_cls_rule *rules,
		       u32 n)
{
	struct dash_classifier *cls;

	cls = dash_classifier_build(bits, rules, n, GFP_KERNEL);
	if (IS_ERR(cls))
		return PTR_ERR(cls);
	dash_classifier_free(cls);
	return 0;
}

static void cls_bad_arguments_test(struct kunit *test)
{
	struct cls_ctx *c = cls_ctx_new(test, 2);
	struct dash_port_range range = { .lo = 2, .hi = 1 };
	struct dash_prefix p = {};
	struct dash_prefix_set sets[2] = { { .p = &p, .n = 1 } };
	struct dash_cls_rule *r = c->rules;

	r[0].src_any = true;
	r[0].dst_any = true;
	r[1] = r[0];
	KUNIT_EXPECT_EQ(test, build_error(c->bits, r, 2), 0);
	KUNIT_EXPECT_EQ(test, build_error(0, r, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, build_error(64, r, 2), -EINVAL);
	/* refused before anything is read */
	KUNIT_EXPECT_EQ(test, build_error(c->bits, r, DASH_CLS_MAX_RULES + 1),
			-E2BIG);

	r[1].sport = &range;
	r[1].n_sport = 1;
	KUNIT_EXPECT_EQ(test, build_error(c->bits, r, 2), -EINVAL);
	r[1].n_sport = 0;
	r[1].dport = &range;
	r[1].n_dport = 1;
	KUNIT_EXPECT_EQ(test, build_error(c->bits, r, 2), -EINVAL);
	r[1].n_dport = DASH_CLS_MAX_PORT_RANGES + 1;
	KUNIT_EXPECT_EQ(test, build_error(c->bits, r, 2), -E2BIG);
	r[1].n_dport = 0;

	p.plen = c->bits + 1;
	r[1].dst_any = false;
	r[1].dst = sets;
	r[1].n_dst_sets = 1;
	KUNIT_EXPECT_EQ(test, build_error(c->bits, r, 2), -EINVAL);
	p.plen = c->bits;
	KUNIT_EXPECT_EQ(test, build_error(c->bits, r, 2), 0);
	sets[0].n = DASH_CLS_MAX_PREFIXES + 1;
	KUNIT_EXPECT_EQ(test, build_error(c->bits, r, 2), -E2BIG);
	sets[0].n = 1;
	sets[1].p = &p;
	sets[1].n = DASH_CLS_MAX_PREFIXES;
	r[1].n_dst_sets = 2;
	KUNIT_EXPECT_EQ(test, build_error(c->bits, r, 2), -E2BIG);
	r[1].n_dst_sets = DASH_CLS_MAX_PREFIXES + 1;
	KUNIT_EXPECT_EQ(test, build_error(c->bits, r, 2), -E2BIG);
	/* not looked at */
	r[1].dst_any = true;
	KUNIT_EXPECT_EQ(test, build_error(c->bits, r, 2), 0);
	cls_ctx_free(c);
}

static void cls_ports_test(struct kunit *test)
{
	static const struct dash_port_range ranges[] = {
		{ 0, 0 }, { 65535, 65535 }, { 10, 19 }, { 20, 29 }, { 25, 40 },
		{ 25, 40 }, { 28, 28 },
	};
	static const struct dash_port_range all = { 0, 65535 };
	struct cls_ctx *c = cls_ctx_new(test, 3);
	struct dash_cls_key key = { .proto = 6, .has_ports = true };
	struct dash_cls_rule *r = c->rules;
	struct dash_classifier *cls;
	u32 port;

	r[0].src_any = true;
	r[0].dst_any = true;
	r[1] = r[0];
	r[2] = r[0];
	r[0].dport = ranges;
	r[0].n_dport = ARRAY_SIZE(ranges);
	r[1].dport = &all;
	r[1].n_dport = 1;
	cls = build(test, c);
	for (port = 0; port < 65536; port++) {
		bool in = port == 0 || port == 65535 ||
			  (port >= 10 && port <= 40);

		key.dport = port;
		KUNIT_ASSERT_EQ_MSG(test, match(cls, &key), in ? 0 : 1,
				    "port %u", port);
	}
	/* all ports is not the same as any ports */
	key.has_ports = false;
	key.dport = 10;
	KUNIT_EXPECT_EQ(test, match(cls, &key), 2);
	dash_classifier_free(cls);
	cls_ctx_free(c);
}

static void cls_proto_test(struct kunit *test)
{
	static const u8 protos[] = { 0, 6, 17, 17, 255 };
	struct cls_ctx *c = cls_ctx_new(test, 2);
	struct dash_cls_rule *r = c->rules;
	struct dash_cls_key key = {};
	struct dash_classifier *cls;
	u32 proto;

	r[0].src_any = true;
	r[0].dst_any = true;
	r[1] = r[0];
	r[0].protos = protos;
	r[0].n_protos = ARRAY_SIZE(protos);
	cls = build(test, c);
	for (proto = 0; proto < 256; proto++) {
		key.proto = proto;
		KUNIT_EXPECT_EQ(test, match(cls, &key),
				memchr(protos, proto, sizeof(protos)) ? 0 : 1);
	}
	dash_classifier_free(cls);
	cls_ctx_free(c);
}

static void cls_empty_set_test(struct kunit *test)
{
	struct dash_prefix host = { .b = { 1, 2, 3, 4 } };
	struct dash_prefix_set sets[2] = { { .p = &host } };
	struct cls_ctx *c = cls_ctx_new(test, 3);
	struct dash_cls_rule *r = c->rules;
	struct dash_cls_key key = {};
	struct dash_classifier *cls;

	host.plen = c->bits;
	memcpy(key.src.b, host.b, 16);
	memcpy(key.dst.b, host.b, 16);

	/* no set; an empty set; an empty set and one that has the address */
	r[0].dst_any = true;
	r[1] = r[0];
	r[1].src = sets;
	r[1].n_src_sets = 1;
	r[2] = r[1];
	r[2].n_src_sets = 2;
	sets[1].p = &host;
	sets[1].n = 1;
	cls = build(test, c);
	KUNIT_EXPECT_EQ(test, match(cls, &key), 2);
	key.src.b[3] ^= 1;
	KUNIT_EXPECT_EQ(test, match(cls, &key), DASH_CLS_NONE);
	dash_classifier_free(cls);
	cls_ctx_free(c);
}

/* Rules that all match: the first wins, at any place in the bitmap. */
static void cls_priority_test(struct kunit *test)
{
	struct cls_ctx *c = cls_ctx_new(test, 1500);
	struct dash_cls_key key = {};
	struct dash_classifier *cls;
	static const u8 tcp = 6;
	u32 i, first;

	for (first = 0; first < 1500; first += 37) {
		for (i = 0; i < 1500; i++) {
			memset(&c->rules[i], 0, sizeof(c->rules[i]));
			c->rules[i].src_any = true;
			c->rules[i].dst_any = true;
			/* those before it for another protocol */
			c->rules[i].protos = &tcp;
			c->rules[i].n_protos = i < first;
		}
		cls = build(test, c);
		key.proto = 17;
		KUNIT_ASSERT_EQ(test, match(cls, &key), first);
		key.proto = 6;
		KUNIT_ASSERT_EQ(test, match(cls, &key), 0);
		dash_classifier_free(cls);
	}
	cls_ctx_free(c);
}

/* Every length of one address, one per rule; longer is not better. */
static void cls_nested_test(struct kunit *test)
{
	struct cls_ctx *c = cls_ctx_new(test, 2 * 129);
	struct dash_cls_rule *r = c->rules;
	struct dash_classifier *cls;
	struct dash_cls_key key = {};
	struct dash_prefix *p;
	unsigned int i, plen;

	c->n_rules = 2 * (c->bits + 1);
	for (i = 0; i < c->n_rules; i++, r++) {
		/* twice, in either order */
		plen = i <= c->bits ? c->bits - i : i - c->bits - 1;
		p = &c->space[i].prefixes[0][0][0];
		memset(p->b, 0xff, 16);
		p->plen = plen;
		c->space[i].sets[0][0].p = p;
		c->space[i].sets[0][0].n = 1;
		r->src = c->space[i].sets[0];
		r->n_src_sets = 1;
		r->dst_any = true;
	}
	cls = build(test, c);
	for (i = 0; i <= c->bits; i++) {
		/* the first i bits are ones */
		memset(key.src.b, 0xff, 16);
		if (i < c->bits)
			key.src.b[i / 8] ^= 0x80 >> i % 8;
		KUNIT_ASSERT_EQ(test, match(cls, &key), c->bits - i);
		KUNIT_ASSERT_EQ(test, match(cls, &key),
				oracle_match(c->rules, c->n_rules, &key));
	}
	dash_classifier_free(cls);
	cls_ctx_free(c);
}

static void cls_random_test(struct kunit *test)
{
	static const u32 sizes[] = { 1, 2, 5, 30, 63, 64, 65, 128, 200, 300 };
	struct cls_ctx *c = cls_ctx_new(test, 300);
	struct dash_classifier *cls;
	unsigned int i, round;

	for (round = 0; round < 4; round++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			random_rules(c, sizes[i]);
			cls = build(test, c);
			check_keys(test, c, cls, 500);
			dash_classifier_free(cls);
		}
	}
	/* both outcomes have been seen often */
	KUNIT_EXPECT_GT(test, c->hits, 3000);
	KUNIT_EXPECT_GT(test, c->misses, 500);
	cls_ctx_free(c);
}

/*
 * Many rules: the wide ones of random_rules() would answer before the others
 * are reached, so every rule but the last few gets a port of its own.
 */
static void cls_many_rules_test(struct kunit *test)
{
	const u32 n = 2500;
	struct cls_ctx *c = cls_ctx_new(test, n);
	struct dash_classifier *cls;
	u32 i;

	random_rules(c, n);
	for (i = 0; i < n - 30; i++) {
		c->space[i].ports[1][0].lo = 1000 + i * 7;
		c->space[i].ports[1][0].hi = 1000 + i * 7 + rnd(c, 20);
		c->rules[i].n_dport = 1;
	}
	cls = build(test, c);
	check_keys(test, c, cls, 4000);
	KUNIT_EXPECT_GT(test, c->hits, 1500);
	dash_classifier_free(cls);
	cls_ctx_free(c);
}

/* A tag that all rules name twice, and as many rules as there may be. */
static void cls_max_rules_test(struct kunit *test)
{
	struct cls_ctx *c = cls_ctx_new(test, DASH_CLS_MAX_RULES);
	struct dash_cls_rule *r = c->rules;
	struct dash_classifier *cls;
	struct dash_cls_key key;
	u32 i;

	random_rules(c, 1);
	c->n_rules = DASH_CLS_MAX_RULES;
	for (i = 0; i < c->n_rules; i++, r++) {
		memset(r, 0, sizeof(*r));
		c->space[i].sets[0][0] = c->tag[1];
		c->space[i].sets[0][1] = c->tag[1];
		c->space[i].ports[1][0].lo = 10 + i;
		c->space[i].ports[1][0].hi = 10 + i;
		r->src = c->space[i].sets[0];
		r->n_src_sets = 2;
		r->dport = c->space[i].ports[1];
		r->n_dport = 1;
		r->dst_any = true;
	}
	cls = build(test, c);
	for (i = 0; i < c->n_rules; i += 97) {
		random_key(c, &key);
		random_addr(c, &c->tag[1], 1, &key.src);
		key.has_ports = true;
		key.dport = 10 + i;
		KUNIT_ASSERT_EQ(test, match(cls, &key),
				in_sets(&key.src, &c->tag[1], 1) ?
				i : DASH_CLS_NONE);
	}
	dash_classifier_free(cls);
	cls_ctx_free(c);
}

/* Beyond the memory limit the compiler must say so and free everything. */
static void cls_memory_limit_test(struct kunit *test)
{
	const u32 n_rules = DASH_CLS_MAX_RULES, n_prefixes = 300000;
	struct cls_ctx *c = cls_ctx_new(test, n_rules);
	struct dash_prefix *p;
	u32 i, j;

	/* each prefix in two rules, and nearly each in two others */
	p = kvcalloc(n_prefixes, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < n_prefixes; i++) {
		j = i / 2;
		p[i].b[0] = j >> 16;
		p[i].b[1] = j >> 8;
		p[i].b[2] = j;
		p[i].plen = 24;
	}
	for (i = 1; i < n_prefixes; i += 2) {
		j = rnd(c, n_prefixes) | 1;
		swap(p[i], p[j]);
	}
	for (i = 0; i < n_rules; i++) {
		c->space[i].sets[0][0].p = p + i * (n_prefixes / n_rules);
		c->space[i].sets[0][0].n = n_prefixes / n_rules;
		c->rules[i].src = c->space[i].sets[0];
		c->rules[i].n_src_sets = 1;
		c->rules[i].dst_any = true;
	}
	/* every bitmap reaches from the first rule to the last */
	c->rules[0].src_any = true;
	c->rules[n_rules - 1].src_any = true;
	KUNIT_EXPECT_EQ(test, build_error(c->bits, c->rules, n_rules), -E2BIG);
	kvfree(p);
	cls_ctx_free(c);
}

/* 1,000 rules with 100 prefixes and 10 port ranges each, ends shared. */
static void cls_speed_test(struct kunit *test)
{
	const u32 n_rules = 1000, per_rule = 100, n_keys = 20000;
	struct cls_ctx *c = cls_ctx_new(test, n_rules);
	struct dash_port_range *range;
	struct dash_classifier *cls;
	struct dash_cls_key *keys;
	struct dash_prefix *p;
	u64 compile, cold, warm;
	u32 i, j, hits = 0;

	p = kvcalloc(n_rules * per_rule, sizeof(*p), GFP_KERNEL);
	range = kvcalloc(n_rules * 10, sizeof(*range), GFP_KERNEL);
	keys = kvcalloc(n_keys, sizeof(*keys), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, range);
	KUNIT_ASSERT_NOT_NULL(test, keys);

	for (i = 0; i < n_rules * per_rule; i++) {
		prandom_bytes_state(&c->rnd, p[i].b, 16);
		p[i].plen = c->bits / 2 + rnd(c, c->bits / 2 + 1);
	}
	for (i = 0; i < n_rules * 10; i++) {
		range[i].lo = rnd(c, 60000);
		range[i].hi = range[i].lo + rnd(c, 1000);
	}
	for (i = 0; i < n_rules; i++) {
		bool dst = i & 1;

		c->space[i].sets[dst][0].p = p + i * per_rule;
		c->space[i].sets[dst][0].n = per_rule;
		c->rules[i].src = c->space[i].sets[0];
		c->rules[i].dst = c->space[i].sets[1];
		c->rules[i].n_src_sets = !dst;
		c->rules[i].n_dst_sets = dst;
		c->rules[i].src_any = dst;
		c->rules[i].dst_any = !dst;
		c->rules[i].dport = range + i * 10;
		c->rules[i].n_dport = 10;
	}
	for (i = 0; i < n_keys; i++) {
		random_key(c, &keys[i]);
		/* no any-address default in the key's other side */
		prandom_bytes_state(&c->rnd, keys[i].dst.b, 16);
		j = rnd(c, n_rules * per_rule);
		memcpy(keys[i].src.b, p[j].b, 16);
		keys[i].has_ports = true;
	}

	compile = ktime_get_ns();
	cls = build(test, c);
	compile = ktime_get_ns() - compile;

	cold = ktime_get_ns();
	rcu_read_lock();
	for (i = 0; i < n_keys; i++)
		hits += dash_classifier_match(cls, &keys[i]) != DASH_CLS_NONE;
	rcu_read_unlock();
	cold = ktime_get_ns() - cold;

	/* few keys, again and again: what a cache holds */
	warm = ktime_get_ns();
	rcu_read_lock();
	for (i = 0; i < n_keys; i++)
		dash_classifier_match(cls, &keys[i % 64]);
	rcu_read_unlock();
	warm = ktime_get_ns() - warm;

	kunit_info(test,
		   "%u rules, %u prefixes, %u port ranges: compile %llu us, %zu bytes, match %llu ns, warm %llu ns (%u of %u hit)\n",
		   n_rules, n_rules * per_rule, n_rules * 10,
		   div_u64(compile, 1000), dash_classifier_bytes(cls),
		   div_u64(cold, n_keys), div_u64(warm, n_keys), hits, n_keys);

	for (i = 0; i < n_keys; i += 200)
		KUNIT_ASSERT_EQ(test, match(cls, &keys[i]),
				oracle_match(c->rules, n_rules, &keys[i]));
	dash_classifier_free(cls);
	kvfree(keys);
	kvfree(range);
	kvfree(p);
	cls_ctx_free(c);
}

static struct kunit_case cls_cases[] = {
	KUNIT_CASE_PARAM(cls_empty_test, cls_bits_gen_params),
	KUNIT_CASE_PARAM(cls_bad_arguments_test, cls_bits_gen_params),
	KUNIT_CASE_PARAM(cls_ports_test, cls_bits_gen_params),
	KUNIT_CASE_PARAM(cls_proto_test, cls_bits_gen_params),
	KUNIT_CASE_PARAM(cls_empty_set_test, cls_bits_gen_params),
	KUNIT_CASE_PARAM(cls_priority_test, cls_bits_gen_params),
	KUNIT_CASE_PARAM(cls_nested_test, cls_bits_gen_params),
	KUNIT_CASE_PARAM(cls_random_test, cls_bits_gen_params),
	KUNIT_CASE_PARAM(cls_many_rules_test, cls_bits_gen_params),
	KUNIT_CASE_PARAM(cls_max_rules_test, cls_bits_gen_params),
	KUNIT_CASE_PARAM_ATTR(cls_memory_limit_test, cls_bits_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_PARAM(cls_speed_test, cls_bits_gen_params),
	{}
};

static struct kunit_suite cls_suite = {
	.name = "dash_classifier",
	.test_cases = cls_cases,
};

kunit_test_suite(cls_suite);
