// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * Bit vector packet classification (T.V. Lakshman and D. Stiliadis,
 * "High-speed policy-based packet forwarding using efficient multi-dimensional
 * range matching", SIGCOMM 1998). Each of the five fields is looked up alone
 * and gives a class; a class is the bitmap of the rules that this field alone
 * would let match. Rules are numbered best first, so the first bit set in the
 * intersection of the five bitmaps is the answer::
 *
 *   source 10.1.2.3 --- LPM -----------> class 7 ---> 0 1 1 0 1 0 ...
 *   destination     --- LPM -----------> class 2 ---> 1 1 0 0 1 1 ...
 *   source port     --- boundaries ----> class 0 ---> 1 1 1 1 1 1 ...
 *   destination port -- boundaries ----> class 9 ---> 0 1 0 0 1 0 ...
 *   protocol        --- table of 256 --> class 0 ---> 1 1 1 1 1 1 ...
 *                                             AND     -----------
 *                                                     0 1 0 0 1 0 ...
 *                                                       ^ rule 1 matches
 *
 * - Addresses (classifier_addr.c): the class of a prefix is that of the next
 *   shorter prefix that covers it plus the rules that name it, so that the
 *   longest match knows all rules. The root class, of addresses in no prefix,
 *   holds the rules with any address. A prefix that adds nothing to its
 *   covering one is left out.
 * - Ports (classifier_port.c): the classes change only where a range begins or
 *   has ended. These boundaries are sorted and searched. One more class, of the
 *   rules with any port, is for packets that have no ports.
 *
 * Equal bitmaps are stored once (classifier_class.c). Of each only the words
 * from the first to the last that is not zero are stored, and only words that
 * all five have are looked at.
 *
 * The compiler sorts the prefixes of a side by (address, length) with a radix
 * sort and sweeps over them with the stack of covering prefixes, at most one
 * per prefix length. It sees a prefix set that many rules share as one set
 * with many rules: sets are never expanded into (prefix, rule) pairs.
 *
 * With R rules, W = R / 64 words, P prefixes (shared sets once), B port
 * boundaries and C classes:
 *
 * - match takes two LPM lookups, two binary searches and at most 5 * W words
 * - compile takes O(P * (LPM depth + W) + B * W) at worst
 * - memory is at most 128 * P (LPM) + 8 * B + C * (8 + 8 * W) bytes, where
 *   C <= P + B + 260, but usually about the number of distinct address lists.
 *   DASH_CLS_MAX_BYTES bounds it.
 */

#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "classifier_impl.h"

/**
 * dash_cls_bytes() - memory that the result takes so far
 * @b: compiler
 *
 * Return: bytes, those of an LPM once it is committed.
 */
size_t dash_cls_bytes(const struct cls_build *b)
{
	const struct dash_classifier *cls = b->cls;
	size_t ports = (size_t)cls->sport.max + cls->dport.max;

	return sizeof(*cls) + dash_lpm_bytes(&cls->src.lpm) +
	       dash_lpm_bytes(&cls->dst.lpm) +
	       b->n_classes * sizeof(*cls->classes) +
	       b->used_words * sizeof(*cls->words) +
	       ports * (sizeof(*cls->sport.lo) + sizeof(*cls->sport.class));
}

static int cls_build_proto(struct cls_build *b)
{
	const struct dash_cls_rule *r;
	u64 *rows, *any;
	u32 rule, i, w;
	int err = 0;

	/* a row per protocol, and one for the rules with any protocol */
	rows = kvcalloc(257 * (b->n_words + 1), sizeof(*rows), GFP_KERNEL);
	if (!rows)
		return -ENOMEM;
	any = rows + 256 * b->n_words;

	for (rule = 0; rule < b->n_rules; rule++) {
		r = &b->rules[rule];
		if (!r->n_protos)
			cls_set_bit(any, rule);
		for (i = 0; i < r->n_protos; i++)
			cls_set_bit(rows + r->protos[i] * b->n_words, rule);
		if (rule % CLS_CHUNK == 0)
			cond_resched();
	}
	for (i = 0; i < 256 && !err; i++) {
		for (w = 0; w < b->n_words; w++)
			b->scratch[w] = rows[i * b->n_words + w] | any[w];
		err = dash_cls_class_intern(b, &b->cls->proto[i]);
	}
	kvfree(rows);
	return err;
}

/**
 * dash_classifier_build() - compile rules
 * @bits: address length of the rules, 32 (IPv4) or 128 (IPv6)
 * @rules: the rules, best first; NULL if there are none
 * @n_rules: number of @rules; with 0 nothing ever matches
 * @gfp: GFP_KERNEL or GFP_KERNEL_ACCOUNT; for what the result keeps, but the
 *       LPM nodes, which are accounted in any case
 *
 * Nothing of @rules is used after the return.
 *
 * Context: Process context, may sleep and take long; call it without a lock
 * that packets or other writers could wait for.
 * Return: the classifier, to be freed with dash_classifier_free(), or
 * ERR_PTR(): -EINVAL for a bad @bits, prefix length or port range; -E2BIG
 * beyond one of the DASH_CLS_MAX_* limits; -ENOMEM.
 */
struct dash_classifier *
dash_classifier_build(unsigned int bits, const struct dash_cls_rule *rules,
		      u32 n_rules, gfp_t gfp)
{
	struct dash_classifier *cls;
	struct cls_build *b;
	int err;

	if (bits != 32 && bits != 128)
		return ERR_PTR(-EINVAL);
	if (n_rules > DASH_CLS_MAX_RULES)
		return ERR_PTR(-E2BIG);

	cls = kzalloc(sizeof(*cls), gfp);
	if (!cls)
		return ERR_PTR(-ENOMEM);
	dash_lpm_init(&cls->src.lpm, bits);
	dash_lpm_init(&cls->dst.lpm, bits);

	err = -ENOMEM;
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		goto out_free_cls;
	b->cls = cls;
	b->rules = rules;
	b->n_rules = n_rules;
	b->n_words = DIV_ROUND_UP(n_rules, 64);
	b->bits = bits;
	b->gfp = gfp;
	b->seed = get_random_u32();
	b->scratch = kcalloc(b->n_words + 1, sizeof(*b->scratch), GFP_KERNEL);
	if (!b->scratch)
		goto out_free_build;

	/* the empty class points there too */
	err = dash_cls_class_reserve(b, 1);
	if (!err)
		err = cls_build_proto(b);
	if (!err)
		err = dash_cls_port_build(b, false);
	if (!err)
		err = dash_cls_port_build(b, true);
	if (!err)
		err = dash_cls_addr_build(b, false);
	if (!err)
		err = dash_cls_addr_build(b, true);
	if (err)
		goto out_free_build;

	dash_cls_class_shrink(b);
	cls->bytes = dash_cls_bytes(b);
	if (cls->bytes > DASH_CLS_MAX_BYTES)
		err = -E2BIG;

out_free_build:
	kvfree(b->table);
	kvfree(b->hash);
	kfree(b->scratch);
	kfree(b);
out_free_cls:
	if (err) {
		dash_classifier_free(cls);
		return ERR_PTR(err);
	}
	return cls;
}

static u32 cls_match_addr(const struct cls_side *side,
			  const union dash_cls_addr *addr)
{
	u32 id = dash_lpm_lookup(&side->lpm, addr, NULL);

	return id == DASH_LPM_NONE ? side->root : id;
}

static u32 cls_match_port(const struct cls_ports *ports, bool has_ports,
			  u16 port)
{
	u32 lo = 0, n = ports->n, half;

	if (!has_ports || !n)
		return ports->none;
	/* the last interval that begins at or before the port */
	while (n > 1) {
		half = n / 2;
		if (ports->lo[lo + half] <= port)
			lo += half;
		n -= half;
	}
	return ports->class[lo];
}

/**
 * dash_classifier_match() - find the best rule
 * @cls: the classifier
 * @key: the packet
 *
 * Context: RCU read side (rcu_read_lock() or softirqs disabled). No writes, no
 * allocation; bounded by the number of rules, not by how many match.
 * Return: index of the first rule that matches, or DASH_CLS_NONE.
 */
u32 dash_classifier_match(const struct dash_classifier *cls,
			  const struct dash_cls_key *key)
{
	const struct cls_class *c[5];
	u32 first = 0, end = U32_MAX;
	const u64 *words[5];
	u64 hits;
	u32 i, w;

	c[0] = &cls->classes[cls_match_addr(&cls->src, &key->src)];
	c[1] = &cls->classes[cls_match_addr(&cls->dst, &key->dst)];
	c[2] = &cls->classes[cls_match_port(&cls->sport, key->has_ports,
					    key->sport)];
	c[3] = &cls->classes[cls_match_port(&cls->dport, key->has_ports,
					    key->dport)];
	c[4] = &cls->classes[cls->proto[key->proto]];

	for (i = 0; i < ARRAY_SIZE(c); i++) {
		first = max_t(u32, first, c[i]->first);
		end = min_t(u32, end, c[i]->first + c[i]->n);
	}
	if (first >= end)
		return DASH_CLS_NONE;
	for (i = 0; i < ARRAY_SIZE(c); i++)
		words[i] = cls->words + c[i]->off + (first - c[i]->first);

	for (w = 0; w < end - first; w++) {
		hits = words[0][w] & words[1][w] & words[2][w] & words[3][w] &
		       words[4][w];
		if (hits)
			return (first + w) * 64 + __ffs64(hits);
	}
	return DASH_CLS_NONE;
}

/**
 * dash_classifier_free() - free a classifier
 * @cls: the classifier, or NULL
 *
 * Context: Process context, may sleep. The caller guarantees that a grace
 * period has passed since the last reader could reach @cls.
 */
void dash_classifier_free(struct dash_classifier *cls)
{
	if (!cls)
		return;

	dash_lpm_fini(&cls->src.lpm);
	dash_lpm_fini(&cls->dst.lpm);
	kvfree(cls->sport.lo);
	kvfree(cls->sport.class);
	kvfree(cls->dport.lo);
	kvfree(cls->dport.class);
	kvfree(cls->classes);
	kvfree(cls->words);
	kfree(cls);
}

/**
 * dash_classifier_bytes() - memory of a classifier
 * @cls: the classifier
 *
 * Context: Any, while @cls exists.
 * Return: bytes it keeps, never more than DASH_CLS_MAX_BYTES.
 */
size_t dash_classifier_bytes(const struct dash_classifier *cls)
{
	return cls->bytes;
}
