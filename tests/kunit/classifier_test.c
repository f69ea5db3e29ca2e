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

#include "alloc_fail.h"
#include "../../dash/classifier.c"
#include "../../dash/classifier_addr.c"
#include "../../dash/classifier_class.c"
#include "../../dash/classifier_order.c"
#include "../../dash/classifier_port.c"
#include "../../dash/classifier_tag.c"

#define SEED 20240602

#define MAX_LIST 6

/* tags that random rules name, and how many of them a rule names at most */
#define N_TAGS 16
#define MAX_TAGS 12

/* a rule and all that it may point to */
struct rule_space {
	struct dash_prefix prefix[2][MAX_LIST];
	u32 tag[2][MAX_TAGS];
	struct dash_port_range ports[2][MAX_LIST];
	u8 protos[MAX_LIST];
};

struct cls_ctx {
	struct rnd_state rnd;
	unsigned int bits;
	struct dash_cls_rule *rules;
	struct rule_space *space;
	/* prefixes of tags; the first tag is empty */
	struct dash_prefix tag[N_TAGS][MAX_LIST];
	u32 n_tag[N_TAGS];
	/* tags of the last random key */
	u32 key_tags[2][N_TAGS];
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

static bool in_side(const union dash_cls_addr *addr,
		    const struct dash_cls_tags *tags,
		    const struct dash_cls_side *side)
{
	u32 i, j;

	if (side->any)
		return true;
	for (i = 0; i < side->n_prefix; i++)
		if (in_prefix(addr, &side->prefix[i]))
			return true;
	for (i = 0; i < side->n_tag; i++)
		for (j = 0; j < tags->n; j++)
			if (tags->id[j] == side->tag[i])
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

/* @out: rules that are left out, or NULL */
static u32 oracle_match(const struct dash_cls_rule *r, u32 n_rules,
			const struct dash_cls_key *key, const bool *out)
{
	u32 i;

	for (i = 0; i < n_rules; i++, r++)
		if (!(out && out[i]) &&
		    in_protos(key->proto, r->protos, r->n_protos) &&
		    in_ports(key, key->sport, r->sport, r->n_sport) &&
		    in_ports(key, key->dport, r->dport, r->n_dport) &&
		    in_side(&key->src, &key->src_tags, &r->src) &&
		    in_side(&key->dst, &key->dst_tags, &r->dst))
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
	switch (rnd(c, 36)) {
	case 0:
		p->plen = 0;
		break;
	case 1 ... 4:
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

static u32 tag_number(u32 i)
{
	return 1 + i * 7919;
}

static void random_tags(struct cls_ctx *c)
{
	u32 i, j;

	for (i = 0; i < N_TAGS; i++) {
		c->n_tag[i] = i ? rnd(c, MAX_LIST + 1) : 0;
		for (j = 0; j < c->n_tag[i]; j++)
			random_prefix(c, &c->tag[i][j]);
	}
}

static void random_side(struct cls_ctx *c, struct rule_space *s, bool dst,
			struct dash_cls_side *side)
{
	u32 i;

	side->any = rnd(c, 4) == 0;
	side->prefix = s->prefix[dst];
	side->n_prefix = rnd(c, MAX_LIST + 1);
	for (i = 0; i < side->n_prefix; i++)
		random_prefix(c, &s->prefix[dst][i]);
	side->tag = s->tag[dst];
	side->n_tag = rnd(c, 2) ? rnd(c, MAX_TAGS + 1) : 0;
	/* may be the same twice */
	for (i = 0; i < side->n_tag; i++)
		s->tag[dst][i] = tag_number(rnd(c, N_TAGS));
}

static void random_rules(struct cls_ctx *c, u32 n_rules)
{
	struct dash_cls_rule *r = c->rules;
	struct rule_space *s = c->space;
	u32 i, j;

	random_tags(c);
	c->n_rules = n_rules;
	for (i = 0; i < n_rules; i++, r++, s++) {
		memset(r, 0, sizeof(*r));
		r->flags = rnd(c, 1 << DASH_CLS_FLAGS);
		r->protos = s->protos;
		r->n_protos = rnd(c, 2) ? rnd(c, MAX_LIST + 1) : 0;
		for (j = 0; j < r->n_protos; j++)
			s->protos[j] = rnd(c, 4) ? 1 + rnd(c, 20) : rnd(c, 256);
		r->sport = s->ports[0];
		r->n_sport = random_ports(c, s->ports[0]);
		r->dport = s->ports[1];
		r->n_dport = random_ports(c, s->ports[1]);
		random_side(c, s, false, &r->src);
		random_side(c, s, true, &r->dst);
	}
}

/* an address in or near a prefix of a rule */
static void random_addr(struct cls_ctx *c, const struct dash_cls_side *side,
			union dash_cls_addr *addr)
{
	struct dash_prefix p;
	unsigned int i;

	random_prefix(c, &p);
	memcpy(addr->b, p.b, sizeof(addr->b));
	if (!side->n_prefix)
		return;
	p = side->prefix[rnd(c, side->n_prefix)];
	if (p.plen && rnd(c, 8) == 0)
		p.plen--;
	for (i = 0; i < p.plen; i++) {
		addr->b[i / 8] &= ~(0x80 >> i % 8);
		addr->b[i / 8] |= p.b[i / 8] & (0x80 >> i % 8);
	}
}

/* what a table of tags would say */
static void find_tags(const struct cls_ctx *c, const union dash_cls_addr *addr,
		      u32 *id, struct dash_cls_tags *tags)
{
	u32 i, j;

	tags->id = id;
	tags->n = 0;
	for (i = 0; i < N_TAGS; i++) {
		for (j = 0; j < c->n_tag[i]; j++) {
			if (!in_prefix(addr, &c->tag[i][j]))
				continue;
			id[tags->n++] = tag_number(i);
			break;
		}
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
	random_addr(c, &r->src, &key->src);
	random_addr(c, &r->dst, &key->dst);
	find_tags(c, &key->src, c->key_tags[0], &key->src_tags);
	find_tags(c, &key->dst, c->key_tags[1], &key->dst_tags);
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

	cls = dash_classifier_build(c->bits, c->rules, c->n_rules, GFP_KERNEL,
				    NULL);
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
		want = oracle_match(c->rules, c->n_rules, &key, NULL);
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

/* Several in one call, one of them with rules left out; and the flags. */
static void check_many(struct kunit *test, struct cls_ctx *c,
		       const struct dash_classifier *cls, u32 n_keys)
{
	struct dash_cls_hit hit[12];
	struct dash_classifier *few;
	struct dash_cls_key key;
	u32 *list, n, i, want, want_few;
	bool *out;

	list = kvcalloc(c->n_rules + 1, sizeof(*list), GFP_KERNEL);
	out = kvcalloc(c->n_rules + 1, sizeof(*out), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, list);
	KUNIT_ASSERT_NOT_NULL(test, out);
	for (i = 0, n = 0; i < c->n_rules; i++) {
		if (rnd(c, 4))
			continue;
		out[i] = true;
		list[n++] = i;
	}
	few = dash_classifier_without(cls, list, n, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, few);
	for (i = 0; i < c->n_rules; i++)
		KUNIT_ASSERT_EQ(test, dash_classifier_has(few, i), !out[i]);

	while (n_keys--) {
		random_key(c, &key);
		want = oracle_match(c->rules, c->n_rules, &key, NULL);
		want_few = oracle_match(c->rules, c->n_rules, &key, out);
		n = 1 + rnd(c, ARRAY_SIZE(hit));
		for (i = 0; i < n; i++)
			hit[i].cls = i & 1 ? few : cls;
		rcu_read_lock();
		dash_classifier_match_many(hit, n, &key);
		rcu_read_unlock();
		for (i = 0; i < n; i++) {
			u32 rule = dash_classifier_rule(hit[i].cls, hit[i].slot);

			KUNIT_ASSERT_EQ(test, rule, i & 1 ? want_few : want);
			if (rule != DASH_CLS_NONE)
				KUNIT_ASSERT_EQ(test, hit[i].flags,
						c->rules[rule].flags);
		}
		cond_resched();
	}
	dash_classifier_free(few);
	kvfree(out);
	kvfree(list);
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
	cls = dash_classifier_build(c->bits, NULL, 0, GFP_KERNEL_ACCOUNT, NULL);
	KUNIT_EXPECT_FALSE(test, IS_ERR_OR_NULL(cls));
	dash_classifier_free(cls);
	dash_classifier_free(NULL);
	cls_ctx_free(c);
}

/* An error has a text, but for the lack of memory. */
static int build_error(struct kunit *test, unsigned int bits,
		       const struct dash_cls_rule *rules, u32 n)
{
	struct dash_classifier *cls;
	const char *why;

	cls = dash_classifier_build(bits, rules, n, GFP_KERNEL, &why);
	if (IS_ERR(cls)) {
		KUNIT_EXPECT_EQ(test, !why, PTR_ERR(cls) == -ENOMEM);
		return PTR_ERR(cls);
	}
	KUNIT_EXPECT_NULL(test, why);
	dash_classifier_free(cls);
	return 0;
}

static void cls_bad_arguments_test(struct kunit *test)
{
	struct cls_ctx *c = cls_ctx_new(test, 2);
	struct dash_port_range range = { .lo = 2, .hi = 1 };
	struct dash_cls_rule *r = c->rules;
	struct dash_prefix p = {};
	u32 tag = 1;

	r[0].src.any = true;
	r[0].dst.any = true;
	r[1] = r[0];
	KUNIT_EXPECT_EQ(test, build_error(test, c->bits, r, 2), 0);
	KUNIT_EXPECT_EQ(test, build_error(test, 0, r, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, build_error(test, 64, r, 2), -EINVAL);
	/* refused before anything is read */
	KUNIT_EXPECT_EQ(test, build_error(test, c->bits, r,
					  DASH_CLS_MAX_RULES + 1), -E2BIG);

	r[1].sport = &range;
	r[1].n_sport = 1;
	KUNIT_EXPECT_EQ(test, build_error(test, c->bits, r, 2), -EINVAL);
	r[1].n_sport = 0;
	r[1].dport = &range;
	r[1].n_dport = 1;
	KUNIT_EXPECT_EQ(test, build_error(test, c->bits, r, 2), -EINVAL);
	r[1].n_dport = DASH_CLS_MAX_PORT_RANGES + 1;
	KUNIT_EXPECT_EQ(test, build_error(test, c->bits, r, 2), -E2BIG);
	r[1].n_dport = U32_MAX;
	KUNIT_EXPECT_EQ(test, build_error(test, c->bits, r, 2), -E2BIG);
	r[1].n_dport = 0;

	p.plen = c->bits + 1;
	r[1].dst.any = false;
	r[1].dst.prefix = &p;
	r[1].dst.n_prefix = 1;
	KUNIT_EXPECT_EQ(test, build_error(test, c->bits, r, 2), -EINVAL);
	p.plen = c->bits;
	KUNIT_EXPECT_EQ(test, build_error(test, c->bits, r, 2), 0);
	r[1].dst.n_prefix = DASH_CLS_MAX_PREFIXES + 1;
	KUNIT_EXPECT_EQ(test, build_error(test, c->bits, r, 2), -E2BIG);
	r[0].dst = r[1].dst;
	r[0].dst.n_prefix = 1;
	r[1].dst.n_prefix = DASH_CLS_MAX_PREFIXES;
	KUNIT_EXPECT_EQ(test, build_error(test, c->bits, r, 2), -E2BIG);
	r[0].dst.any = true;
	r[1].dst.n_prefix = 1;
	r[1].dst.tag = &tag;
	r[1].dst.n_tag = DASH_CLS_MAX_PREFIXES + 1;
	KUNIT_EXPECT_EQ(test, build_error(test, c->bits, r, 2), -E2BIG);
	/* not looked at */
	r[1].dst.any = true;
	KUNIT_EXPECT_EQ(test, build_error(test, c->bits, r, 2), 0);
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

	r[0].src.any = true;
	r[0].dst.any = true;
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

	r[0].src.any = true;
	r[0].dst.any = true;
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

static void cls_empty_list_test(struct kunit *test)
{
	struct dash_prefix host = { .b = { 1, 2, 3, 4 } };
	struct cls_ctx *c = cls_ctx_new(test, 3);
	static const u32 tags[] = { 7, 9 };
	struct dash_cls_rule *r = c->rules;
	struct dash_cls_key key = {};
	struct dash_classifier *cls;

	host.plen = c->bits;
	memcpy(key.src.b, host.b, 16);
	memcpy(key.dst.b, host.b, 16);

	/* nothing; a tag; another tag and a prefix */
	r[0].dst.any = true;
	r[1] = r[0];
	r[1].src.tag = &tags[0];
	r[1].src.n_tag = 1;
	r[2] = r[0];
	r[2].src.tag = &tags[1];
	r[2].src.n_tag = 1;
	r[2].src.prefix = &host;
	r[2].src.n_prefix = 1;
	cls = build(test, c);
	KUNIT_EXPECT_TRUE(test, dash_classifier_has_tags(cls, false));
	KUNIT_EXPECT_FALSE(test, dash_classifier_has_tags(cls, true));
	KUNIT_EXPECT_EQ(test, match(cls, &key), 2);
	key.src.b[3] ^= 1;
	KUNIT_EXPECT_EQ(test, match(cls, &key), DASH_CLS_NONE);
	key.src_tags.id = &tags[1];
	key.src_tags.n = 1;
	KUNIT_EXPECT_EQ(test, match(cls, &key), 2);
	key.src_tags.id = tags;
	key.src_tags.n = 2;
	KUNIT_EXPECT_EQ(test, match(cls, &key), 1);
	key.src_tags.n = 0;
	key.dst_tags.id = tags;
	key.dst_tags.n = 2;
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
			c->rules[i].src.any = true;
			c->rules[i].dst.any = true;
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
		p = c->space[i].prefix[0];
		memset(p->b, 0xff, 16);
		p->plen = plen;
		r->src.prefix = p;
		r->src.n_prefix = 1;
		r->dst.any = true;
	}
	cls = build(test, c);
	for (i = 0; i <= c->bits; i++) {
		/* the first i bits are ones */
		memset(key.src.b, 0xff, 16);
		if (i < c->bits)
			key.src.b[i / 8] ^= 0x80 >> i % 8;
		KUNIT_ASSERT_EQ(test, match(cls, &key), c->bits - i);
		KUNIT_ASSERT_EQ(test, match(cls, &key),
				oracle_match(c->rules, c->n_rules, &key, NULL));
	}
	dash_classifier_free(cls);
	cls_ctx_free(c);
}

static void cls_random_test(struct kunit *test)
{
	static const u32 sizes[] = { 1, 2, 5, 30, 63, 64, 65, 128, 200, 300 };
	struct cls_ctx *c = cls_ctx_new(test, 300);
	struct dash_classifier *cls;
	unsigned int i, round, tags;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			random_rules(c, sizes[i]);
			cls = build(test, c);
			/* tags change, the classifier does not */
			for (tags = 0; tags < 2; tags++) {
				check_keys(test, c, cls, 500);
				check_many(test, c, cls, 50);
				random_tags(c);
			}
			dash_classifier_free(cls);
		}
	}
	/* both outcomes have been seen often */
	KUNIT_EXPECT_GT(test, c->hits, 30000);
	KUNIT_EXPECT_GT(test, c->misses, 5000);
	cls_ctx_free(c);
}

/*
 * Many rules: the wide ones of random_rules() would answer before the others
 * are reached, so every rule but the last few gets a port of its own.
 */
static void cls_many_rules(struct kunit *test, u32 n, u32 n_keys)
{
	struct cls_ctx *c = cls_ctx_new(test, n);
	struct dash_classifier *cls;
	u32 i;

	random_rules(c, n);
	for (i = 0; i < n - 30; i++) {
		c->space[i].ports[1][0].lo = 1000 + i * 6;
		c->space[i].ports[1][0].hi = 1000 + i * 6 + rnd(c, 20);
		c->rules[i].n_dport = 1;
	}
	cls = build(test, c);
	check_keys(test, c, cls, n_keys);
	check_many(test, c, cls, n_keys / 10);
	KUNIT_EXPECT_GT(test, c->hits, n_keys / 4);
	dash_classifier_free(cls);
	cls_ctx_free(c);
}

static void cls_many_rules_test(struct kunit *test)
{
	cls_many_rules(test, 2500, 4000);
	/* blocks of two words, and of three */
	cls_many_rules(test, 4200, 500);
	cls_many_rules(test, DASH_CLS_MAX_RULES, 500);
}

/* Rules about the same network share a block, far apart as they may be. */
static void cls_neighbours_test(struct kunit *test)
{
	const u32 n = 4096, same = 16;
	struct cls_ctx *c = cls_ctx_new(test, n);
	struct dash_cls_rule *r = c->rules;
	struct dash_cls_key key = {};
	struct dash_classifier *cls;
	struct dash_prefix *p;
	u32 i, net, class;

	for (i = 0; i < n; i++, r++) {
		net = i * 3841 % n / same;
		p = c->space[i].prefix[0];
		p->b[0] = 10;
		p->b[2] = net;
		p->plen = 24;
		r->src.prefix = p;
		r->src.n_prefix = 1;
		/* in another order, every second one's */
		p = c->space[i].prefix[1];
		p->b[0] = 11;
		p->b[2] = i / same;
		p->plen = 24;
		r->dst.prefix = p;
		r->dst.n_prefix = 1;
		r->dst.any = i % 2;
	}
	cls = build(test, c);
	for (i = 0; i < n; i += 5) {
		net = i * 3841 % n / same;
		key.src.b[0] = 10;
		key.src.b[2] = net;
		key.dst.b[0] = 11;
		key.dst.b[2] = i / same;
		rcu_read_lock();
		class = dash_lpm_get(&cls->src, key.src.b, 24);
		rcu_read_unlock();
		/* one or two of each partition; without order they were 16 */
		KUNIT_ASSERT_LE(test, hweight64(cls->arena[class]), 4);
		KUNIT_ASSERT_EQ(test, match(cls, &key),
				oracle_match(c->rules, n, &key, NULL));
	}
	dash_classifier_free(cls);
	cls_ctx_free(c);
}

/* An address with more tags than a lookup keeps apart, each in a rule. */
static void cls_many_tags_test(struct kunit *test)
{
	const u32 n = 1000;
	struct cls_ctx *c = cls_ctx_new(test, n);
	struct dash_cls_rule *r = c->rules;
	struct dash_cls_key key = {};
	struct dash_classifier *cls;
	u32 *tags, i, j;

	tags = kvcalloc(n, sizeof(*tags), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, tags);
	for (i = 0; i < n; i++, r++) {
		tags[i] = i + 1;
		c->space[i].tag[0][0] = i + 1;
		c->space[i].tag[1][0] = n - i;
		r->src.tag = c->space[i].tag[0];
		r->src.n_tag = 1;
		r->dst.tag = c->space[i].tag[1];
		r->dst.n_tag = 1;
	}
	cls = build(test, c);
	for (i = 0; i < n; i += 13) {
		for (j = 1; j < 20 && i + j <= n; j++) {
			key.src_tags.id = tags + i;
			key.src_tags.n = j;
			key.dst_tags.id = tags + n / 2;
			key.dst_tags.n = n / 2;
			KUNIT_ASSERT_EQ(test, match(cls, &key),
					oracle_match(c->rules, n, &key, NULL));
		}
	}
	key.src_tags.id = tags;
	key.src_tags.n = n;
	KUNIT_EXPECT_EQ(test, match(cls, &key), 0);
	dash_classifier_free(cls);
	kvfree(tags);
	cls_ctx_free(c);
}

/* Ranges that contain each other: every boundary makes another class. */
static void cls_port_limit_test(struct kunit *test)
{
	/* coprime to the number of the other rules */
	static const u32 step[] = { 3, 7, 11, 13, 17, 19, 23, 29, 31, 37 };
	const u32 n = DASH_CLS_MAX_RULES, wide = 8000;
	const u32 single = ARRAY_SIZE(step);
	struct cls_ctx *c = cls_ctx_new(test, n);
	struct dash_cls_key key = { .proto = 6, .has_ports = true };
	struct dash_cls_rule *r = c->rules;
	struct dash_classifier *cls;
	struct dash_port_range *range;
	u32 i, j;

	range = kvcalloc(n * single, sizeof(*range), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, range);
	for (i = 0; i < n; i++, r++) {
		r->dport = range + i * single;
		r->n_dport = 1;
		r->src.any = true;
		r->dst.any = true;
		range[i * single].lo = wide - i;
		range[i * single].hi = 65535 - wide + i;
		if (i < wide)
			continue;
		/* within all of those, always in another order */
		r->n_dport = single;
		for (j = 0; j < single; j++) {
			u32 at = (i - wide) * step[j] % (n - wide);

			range[i * single + j].lo = 10000 + 4000 * j + 2 * at;
			range[i * single + j].hi = 11998 + 4000 * j + 2 * at;
		}
	}
	c->n_rules = wide;
	cls = build(test, c);
	for (i = 0; i < 65536; i += 41) {
		key.dport = i;
		KUNIT_ASSERT_EQ(test, match(cls, &key),
				oracle_match(c->rules, wide, &key, NULL));
	}
	dash_classifier_free(cls);
	/* about 40,000 classes of 1 kB */
	KUNIT_EXPECT_EQ(test, build_error(test, c->bits, c->rules, n), -E2BIG);
	kvfree(range);
	cls_ctx_free(c);
}

/* Whatever allocation fails: no classifier, and nothing leaks. */
static void cls_no_memory_test(struct kunit *test)
{
	struct cls_ctx *c = cls_ctx_new(test, 300);
	struct dash_classifier *cls, *old, *few;
	u32 fail, failed = 0, list = 1;

	random_rules(c, 300);
	old = build(test, c);
	for (fail = 0; ; fail++) {
		alloc_fail = fail;
		cls = dash_classifier_build(c->bits, c->rules, c->n_rules,
					    GFP_KERNEL, NULL);
		if (alloc_fail >= 0)
			break;
		/* the last one, of the arena, only saves memory */
		if (!IS_ERR(cls)) {
			check_keys(test, c, cls, 100);
			dash_classifier_free(cls);
			continue;
		}
		failed++;
		KUNIT_ASSERT_EQ(test, PTR_ERR(cls), -ENOMEM);
	}
	alloc_fail = -1;
	KUNIT_EXPECT_GT(test, failed, 20);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cls));
	check_keys(test, c, cls, 100);
	dash_classifier_free(cls);

	for (fail = 0; fail < 2; fail++) {
		alloc_fail = fail;
		few = dash_classifier_without(old, &list, 1, GFP_KERNEL);
		KUNIT_EXPECT_NULL(test, few);
	}
	alloc_fail = -1;
	check_keys(test, c, old, 500);
	dash_classifier_free(old);
	cls_ctx_free(c);
}

/* Beyond the memory limit the compiler must say so and free everything. */
static void cls_memory_limit_test(struct kunit *test)
{
	const u32 n_rules = DASH_CLS_MAX_RULES, per = 100;
	struct cls_ctx *c = cls_ctx_new(test, n_rules);
	struct dash_prefix *p;
	u32 i, j, k;

	/* a /24 has a class of its own, of as many rules as it has bits */
	p = kvcalloc(n_rules * per, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < n_rules; i++) {
		for (j = 0; j < per; j++) {
			k = rnd(c, 20000);
			p[i * per + j].b[0] = k >> 16;
			p[i * per + j].b[1] = k >> 8;
			p[i * per + j].b[2] = k;
			p[i * per + j].plen = 24;
		}
		c->rules[i].src.prefix = p + i * per;
		c->rules[i].src.n_prefix = per;
		c->rules[i].dst.any = true;
	}
	KUNIT_EXPECT_EQ(test, build_error(test, c->bits, c->rules, 1000), 0);
	/* 1M prefixes make only 20,000 classes, but of all words */
	for (i = 0; i < n_rules; i++)
		c->rules[i].dst = c->rules[n_rules - 1 - i].src;
	for (i = 0; i < n_rules; i++)
		c->rules[i].dst.any = false;
	KUNIT_EXPECT_EQ(test, build_error(test, c->bits, c->rules, n_rules),
			-E2BIG);
	kvfree(p);
	cls_ctx_free(c);
}

/* Times of what goes through a list of keys again and again. */
static u64 time_match(const struct dash_classifier *cls,
		      const struct dash_cls_key *keys, u32 n_keys, u32 n)
{
	u64 best = U64_MAX, start;
	u32 round, i;

	for (round = 0; round < 5; round++) {
		start = ktime_get_ns();
		rcu_read_lock();
		for (i = 0; i < n; i++)
			dash_classifier_match(cls, &keys[i % n_keys]);
		rcu_read_unlock();
		best = min(best, ktime_get_ns() - start);
		cond_resched();
	}
	return div_u64(best, n);
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
	u64 compile, without;
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
		range[i].hi = range[i].lo + rnd(c, 100);
	}
	for (i = 0; i < n_rules; i++) {
		struct dash_cls_rule *r = &c->rules[i];
		struct dash_cls_side *side = i & 1 ? &r->dst : &r->src;

		r->src.any = i & 1;
		r->dst.any = !(i & 1);
		side->prefix = p + i * per_rule;
		side->n_prefix = per_rule;
		r->dport = range + i * 10;
		r->n_dport = 10;
	}
	for (i = 0; i < n_keys; i++) {
		random_key(c, &keys[i]);
		keys[i].src_tags.n = 0;
		keys[i].dst_tags.n = 0;
		/* no any-address default in the key's other side */
		prandom_bytes_state(&c->rnd, keys[i].dst.b, 16);
		j = rnd(c, n_rules / 2) * 2;
		memcpy(keys[i].src.b, p[j * per_rule + rnd(c, per_rule)].b, 16);
		keys[i].has_ports = true;
		keys[i].dport = range[j * 10].lo;
	}

	compile = ktime_get_ns();
	cls = build(test, c);
	compile = ktime_get_ns() - compile;
	for (i = 0; i < n_keys; i += 200) {
		j = oracle_match(c->rules, n_rules, &keys[i], NULL);
		KUNIT_ASSERT_EQ(test, match(cls, &keys[i]), j);
		hits += j != DASH_CLS_NONE;
	}
	without = ktime_get_ns();
	i = 500;
	dash_classifier_free(dash_classifier_without(cls, &i, 1, GFP_KERNEL));
	without = ktime_get_ns() - without;

	kunit_info(test,
		   "%u rules, %u prefixes, %u port ranges: compile %llu us, without one %llu us, %zu bytes, match %llu ns, warm %llu ns (%u of %u hit)\n",
		   n_rules, n_rules * per_rule, n_rules * 10,
		   div_u64(compile, 1000), div_u64(without, 1000),
		   dash_classifier_bytes(cls),
		   time_match(cls, keys, n_keys, n_keys),
		   time_match(cls, keys, 64, n_keys), hits, n_keys / 200);
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
	KUNIT_CASE_PARAM(cls_empty_list_test, cls_bits_gen_params),
	KUNIT_CASE_PARAM(cls_priority_test, cls_bits_gen_params),
	KUNIT_CASE_PARAM(cls_nested_test, cls_bits_gen_params),
	KUNIT_CASE_PARAM(cls_random_test, cls_bits_gen_params),
	KUNIT_CASE_PARAM(cls_many_rules_test, cls_bits_gen_params),
	KUNIT_CASE_PARAM(cls_neighbours_test, cls_bits_gen_params),
	KUNIT_CASE_PARAM(cls_many_tags_test, cls_bits_gen_params),
	KUNIT_CASE_PARAM(cls_port_limit_test, cls_bits_gen_params),
	KUNIT_CASE_PARAM(cls_no_memory_test, cls_bits_gen_params),
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
