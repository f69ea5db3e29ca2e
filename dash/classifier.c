// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * Bit vector packet classification (T.V. Lakshman and D. Stiliadis,
 * "High-speed policy-based packet forwarding using efficient multi-dimensional
 * range matching", SIGCOMM 1998) with aggregated vectors (F. Baboescu and
 * G. Varghese, "Scalable packet classification", SIGCOMM 2001). Each of the
 * five fields is looked up alone and gives a class: the bitmap of the rules
 * that this field alone would let match. A bitmap is cut in at most 64 blocks
 * of one to three words. A class is a summary, with a bit for each block that
 * is not zero, and these blocks. Summaries are intersected first, then only
 * the blocks that all fields have::
 *
 *   source 10.1.2.3 --- LPM -----> class  [0 1 0 0 1] .10.. 11..1
 *                   --- tags ----> class  [0 0 0 0 1] ..1..
 *   destination     --- LPM -----> class  [0 1 1 0 0] 1..1. .1.1.
 *   source port     --- rank ----> class  [0 0 0 0 0]
 *   destination port -- rank ----> class  [1 0 0 0 1] ....1 .1...
 *   protocol        --- table ---> class  [0 1 0 0 0] 11...
 *
 *                    partition:            both src dst none
 *   rules:                                 ---- --- --- ----
 *                    blocks:                0 3  1   4   2
 *
 * Where a rule's bit is has nothing to do with its number (classifier_order.c):
 * rules about neighbouring addresses share a block, so that a class of an
 * address has few blocks, and two classes few in common. Within a block the
 * best rule comes first, and the blocks are in the order of their first rules.
 * So the first bit of a block is the best of it, and the search is over when
 * the next block's first rule is worse than what was found.
 *
 * A class of an address would be dense if it had all rules that take any
 * address. So rules are put in four partitions, by which of the two sides they
 * say something about; where a side says nothing, all its bits are ones and
 * none is stored. A block belongs to one partition.
 *
 * Rules with any protocol or any port of a direction are not in the classes of
 * that field either, but in one word per 64 rules beside them (struct
 * cls_word), together with the rules that are there at all and with what rules
 * say to whom they match. That is one cache line.
 *
 * - Prefixes (classifier_addr.c): the class of a prefix is that of the next
 *   shorter prefix that covers it plus the rules that name it, so that the
 *   longest match knows all rules. A prefix that adds nothing to its covering
 *   one is left out.
 * - Tags (classifier_tag.c): which tags an address has is not known here, it
 *   comes with the key. Each tag is a class, found by a hash; those of all tags
 *   of the address and of the prefix are united. So tags may change without a
 *   new classifier, and their prefixes are not stored in each.
 * - Ports (classifier_port.c): classes change only where a range begins or has
 *   ended. A bit for each port marks these places, and the number of marks
 *   before every 32 ports turns a port into the number of its interval.
 *
 * Equal classes are stored once (classifier_class.c). A value in the LPM, a
 * table of ports or tags is the place of a class in the arena of all classes.
 *
 * The lookup (classifier_match.c) goes in steps, each of which prefetches what
 * the next one needs, for several classifiers at once, such as the ACL stages
 * of a packet.
 *
 * The compiler sorts the prefixes of a side by (address, length) with a radix
 * sort and sweeps over them with the stack of covering prefixes, at most one
 * per prefix length.
 *
 * Rules can be taken out of a classifier without compiling it again: the copy
 * that dash_classifier_without() makes shares everything with the original but
 * the words beside the classes.
 *
 * With R rules, W = R / 64 + 4 words, P prefixes, M mentions of tags, B port
 * boundaries and C classes:
 *
 * - match takes two LPM lookups, a probe per tag of the two addresses, and at
 *   most 5 words for each of W, one more for each further tag
 * - compile takes O(R + P * (LPM + W) + M + B * W) at worst, and for prefixes not
 *   nested O(P * LPM)
 * - memory is LPM + C * (8 + 8 * nonzero words) + 64 * W + 4 * R
 *   + 16 kB + 4 * B per side with ports + 32 * tags per side.
 *   DASH_CLS_MAX_BYTES bounds it.
 */

#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "classifier_impl.h"

/**
 * dash_cls_fail() - say why rules cannot be compiled
 * @b: compiler
 * @err: returned
 * @why: text
 *
 * Return: @err.
 */
int dash_cls_fail(struct cls_build *b, int err, const char *why)
{
	b->why = why;
	return err;
}

/**
 * dash_cls_bytes() - memory that the result takes so far
 * @b: compiler
 *
 * Return: bytes, those of an LPM once it is committed.
 */
size_t dash_cls_bytes(const struct cls_build *b)
{
	const struct cls_body *body = b->cls->body;

	return sizeof(*b->cls) + sizeof(*body) +
	       dash_lpm_bytes(&body->src) + dash_lpm_bytes(&body->dst) +
	       b->used * sizeof(u64) + b->ports + b->tags +
	       b->n_words * (sizeof(*b->cls->word) +
			     64 * sizeof(*b->cls->rank)) +
	       b->n_rules * sizeof(*body->slot);
}

static int cls_check_side(struct cls_build *b, const struct dash_cls_side *side,
			  bool dst)
{
	u32 i;

	if (side->any)
		return 0;
	if (side->n_prefix > DASH_CLS_MAX_PREFIXES - b->n_prefix[dst])
		return dash_cls_fail(b, -E2BIG, "too many prefixes");
	if (side->n_tag > DASH_CLS_MAX_PREFIXES - b->n_tag[dst])
		return dash_cls_fail(b, -E2BIG, "too many mentions of tags");
	b->n_prefix[dst] += side->n_prefix;
	b->n_tag[dst] += side->n_tag;
	for (i = 0; i < side->n_prefix; i++)
		if (side->prefix[i].plen > b->bits)
			return dash_cls_fail(b, -EINVAL, "a prefix is too long");
	return 0;
}

static int cls_check_ports(struct cls_build *b,
			   const struct dash_port_range *range, u32 n, bool dst)
{
	if (n > DASH_CLS_MAX_PORT_RANGES - b->n_port[dst])
		return dash_cls_fail(b, -E2BIG, "too many port ranges");
	b->n_port[dst] += n;
	for (; n; n--, range++)
		if (range->lo > range->hi)
			return dash_cls_fail(b, -EINVAL,
					     "a port range ends before it begins");
	return 0;
}

/* Limits and values, before anything is made of them. */
static int cls_check(struct cls_build *b)
{
	const struct dash_cls_rule *r = b->rules;
	u32 i;
	int err;

	if (b->bits != 32 && b->bits != 128)
		return dash_cls_fail(b, -EINVAL, "no such address length");
	if (b->n_rules > DASH_CLS_MAX_RULES)
		return dash_cls_fail(b, -E2BIG, "too many rules");
	for (i = 0; i < b->n_rules; i++, r++) {
		err = cls_check_side(b, &r->src, false);
		if (!err)
			err = cls_check_side(b, &r->dst, true);
		if (!err)
			err = cls_check_ports(b, r->sport, r->n_sport, false);
		if (!err)
			err = cls_check_ports(b, r->dport, r->n_dport, true);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

static void cls_mark_rules(struct cls_build *b)
{
	const struct dash_cls_rule *r = b->rules;
	struct cls_word *word;
	struct dash_classifier *cls = b->cls;
	u32 rule, slot, i;
	u64 bit, block;

	for (rule = 0; rule < b->n_rules; rule++, r++) {
		slot = b->slot[rule];
		word = &cls->word[slot / 64];
		bit = BIT_ULL(slot % 64);
		block = BIT_ULL(slot / 64 / b->stride);
		word->live |= bit;
		for (i = 0; i < DASH_CLS_FLAGS; i++)
			if (r->flags & BIT(i))
				word->flag[i] |= bit;
		if (!r->n_protos) {
			word->any_proto |= bit;
			cls->any_proto |= block;
		}
		if (!r->n_sport) {
			word->any_sport |= bit;
			cls->any_sport |= block;
		}
		if (!r->n_dport) {
			word->any_dport |= bit;
			cls->any_dport |= block;
		}
	}
}

static int cls_build_proto(struct cls_build *b)
{
	u32 rule, i, proto;
	int err = 0;
	u64 *rows;

	rows = kvcalloc(256 * b->n_words + 1, sizeof(*rows), GFP_KERNEL);
	if (!rows)
		return -ENOMEM;
	for (rule = 0; rule < b->n_rules; rule++) {
		for (i = 0; i < b->rules[rule].n_protos; i++) {
			proto = b->rules[rule].protos[i];
			cls_set_bit(rows + proto * b->n_words, b->slot[rule]);
		}
		if (rule % CLS_CHUNK == 0)
			cond_resched();
	}
	for (i = 0; i < 256 && !err; i++) {
		memcpy(b->scratch, rows + i * b->n_words,
		       b->n_words * sizeof(*rows));
		dash_cls_class_pack(b);
		err = dash_cls_class_intern(b, &b->cls->proto[i]);
	}
	kvfree(rows);
	return err;
}

static int cls_compile(struct cls_build *b)
{
	struct dash_classifier *cls = b->cls;
	int err;

	err = dash_cls_class_init(b);
	if (!err)
		err = dash_cls_order(b);
	if (err)
		return err;
	cls_mark_rules(b);
	err = cls_build_proto(b);
	if (!err)
		err = dash_cls_port_build(b, false);
	if (!err)
		err = dash_cls_port_build(b, true);
	if (!err)
		err = dash_cls_tag_build(b, false);
	if (!err)
		err = dash_cls_tag_build(b, true);
	if (!err)
		err = dash_cls_addr_build(b, false);
	if (!err)
		err = dash_cls_addr_build(b, true);
	if (err)
		return err;

	dash_cls_class_shrink(b);
	/* constant from here on, so that copies are as good */
	cls->src = cls->body->src;
	cls->dst = cls->body->dst;
	cls->body->bytes = dash_cls_bytes(b);
	if (cls->body->bytes > DASH_CLS_MAX_BYTES)
		return dash_cls_fail(b, -E2BIG,
				     "the rules need more memory than a group may have");
	return 0;
}

/**
 * dash_classifier_build() - compile rules
 * @bits: address length of the rules, 32 (IPv4) or 128 (IPv6)
 * @rules: the rules, best first; NULL if there are none
 * @n_rules: number of @rules; with 0 nothing ever matches
 * @gfp: GFP_KERNEL or GFP_KERNEL_ACCOUNT; for what the result keeps, but the
 *       LPM nodes, which are accounted in any case
 * @why: where to put a text about an error, or NULL
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
		      u32 n_rules, gfp_t gfp, const char **why)
{
	struct dash_classifier *cls = NULL;
	struct cls_build *b;
	int err;

	if (why)
		*why = NULL;
	b = kvzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return ERR_PTR(-ENOMEM);
	b->rules = rules;
	b->n_rules = n_rules;
	b->bits = bits;
	b->gfp = gfp;
	b->seed = get_random_u32();
	err = cls_check(b);
	if (err)
		goto out_free_build;

	err = -ENOMEM;
	cls = kzalloc(sizeof(*cls), gfp);
	if (!cls)
		goto out_free_build;
	b->cls = cls;
	cls->body = kzalloc(sizeof(*cls->body), gfp);
	if (cls->body) {
		refcount_set(&cls->body->ref, 1);
		dash_lpm_init(&cls->body->src, bits);
		dash_lpm_init(&cls->body->dst, bits);
		err = cls_compile(b);
	}
	if (err)
		dash_classifier_free(cls);

out_free_build:
	if (err && why)
		*why = b->why;
	kvfree(b->table);
	kvfree(b);
	return err ? ERR_PTR(err) : cls;
}

/**
 * dash_classifier_without() - a classifier with fewer rules
 * @cls: the classifier it is made from, which is not changed
 * @rules: indices of rules to leave out
 * @n_rules: length of @rules
 * @gfp: as for dash_classifier_build()
 *
 * Rules that @cls leaves out are left out too. Those that remain keep their
 * indices. The two share most of their memory; either may be freed first.
 *
 * Context: Process context, may sleep. Quick, does not depend on prefixes.
 * Return: the classifier, or NULL if there is no memory.
 */
struct dash_classifier *
dash_classifier_without(const struct dash_classifier *cls,
			const u32 *rules, u32 n_rules, gfp_t gfp)
{
	struct dash_classifier *copy;
	struct cls_word *word;
	u32 i, slot;

	copy = kmemdup(cls, sizeof(*cls), gfp);
	word = kvmalloc_array(cls->n_words + 1, sizeof(*word), gfp);
	if (!copy || !word) {
		kvfree(word);
		kfree(copy);
		return NULL;
	}
	memcpy(word, cls->word, (cls->n_words + 1) * sizeof(*word));
	for (i = 0; i < n_rules; i++) {
		slot = cls->body->slot[rules[i]];
		word[slot / 64].live &= ~BIT_ULL(slot % 64);
	}
	copy->word = word;
	refcount_inc(&copy->body->ref);
	return copy;
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
	struct cls_body *body = cls ? cls->body : NULL;

	if (!cls)
		return;
	kvfree(cls->word);
	if (body && refcount_dec_and_test(&body->ref)) {
		dash_lpm_fini(&body->src);
		dash_lpm_fini(&body->dst);
		kvfree(body->slot);
		kfree(body);
		kvfree(cls->src_tags.slot);
		kvfree(cls->dst_tags.slot);
		kvfree(cls->sport.rank);
		kvfree(cls->sport.class);
		kvfree(cls->dport.rank);
		kvfree(cls->dport.class);
		kvfree(cls->rank);
		kvfree(cls->arena);
	}
	kfree(cls);
}

/**
 * dash_classifier_has() - is a rule still there?
 * @cls: the classifier
 * @rule: index of the rule
 *
 * Context: Any, while @cls exists.
 * Return: false if dash_classifier_without() left it out.
 */
bool dash_classifier_has(const struct dash_classifier *cls, u32 rule)
{
	u32 slot = cls->body->slot[rule];

	return cls->word[slot / 64].live & BIT_ULL(slot % 64);
}

/**
 * dash_classifier_has_tags() - does it look at tags of a side?
 * @cls: the classifier
 * @dst: the destination, not the source
 *
 * Context: Any, while @cls exists.
 * Return: false if those tags of a key make no difference.
 */
bool dash_classifier_has_tags(const struct dash_classifier *cls, bool dst)
{
	return dst ? cls->dst_tags.slot : cls->src_tags.slot;
}

/**
 * dash_classifier_bytes() - memory of a classifier
 * @cls: the classifier
 *
 * Context: Any, while @cls exists.
 * Return: bytes it keeps, alone or shared, never more than DASH_CLS_MAX_BYTES.
 */
size_t dash_classifier_bytes(const struct dash_classifier *cls)
{
	return cls->body->bytes;
}
