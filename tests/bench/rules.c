// SPDX-License-Identifier: GPL-2.0
/*
 * The ACL's classifier alone. A set of rules comes in a file of u32:
 *
 *   number of rules, and for each:
 *     n_src n_dst n_proto n_sport n_dport any (1: source, 2: destination)
 *     n_src + n_dst times (address of 4 words in network order, length)
 *     n_proto protocols, n_sport + n_dport times (low << 16 | high)
 *
 * and packets in one of struct bench_rules_key. Before anything is measured
 * each packet's rule is compared with what a walk through all rules finds.
 */
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "../../dash/classifier.h"
#include "bench.h"

/* as in the file */
struct bench_rules_key {
	u8 src[16];
	u8 dst[16];
	u16 sport;
	u16 dport;
	u8 proto;
	u8 pad[3];
};

struct bench_rule {
	const u32 *src;
	const u32 *dst;
	const u32 *proto;
	const u32 *sport;
	const u32 *dport;
	u32 n_src, n_dst, n_proto, n_sport, n_dport;
	bool src_any, dst_any;
};

#define RULES_STAGES	3

static struct bench_rules {
	struct dash_classifier **cls;
	struct dash_cls_key *key;
	u32 copies;
	u32 n_keys;
} bench_rules;

void bench_rules_fini(void)
{
	u32 i;

	for (i = 0; i < bench_rules.copies; i++)
		dash_classifier_free(bench_rules.cls[i]);
	kvfree(bench_rules.cls);
	kvfree(bench_rules.key);
	memset(&bench_rules, 0, sizeof(bench_rules));
}

static struct bench_rule *bench_rules_parse(const u32 *w, size_t size, u32 *n)
{
	struct bench_rule *rule;
	u32 i;

	*n = *w++;
	rule = kvcalloc(*n, sizeof(*rule), GFP_KERNEL);
	for (i = 0; rule && i < *n; i++) {
		struct bench_rule *r = &rule[i];

		r->n_src = w[0];
		r->n_dst = w[1];
		r->n_proto = w[2];
		r->n_sport = w[3];
		r->n_dport = w[4];
		r->src_any = w[5] & 1;
		r->dst_any = w[5] & 2;
		r->src = w + 6;
		r->dst = r->src + 5 * r->n_src;
		r->proto = r->dst + 5 * r->n_dst;
		r->sport = r->proto + r->n_proto;
		r->dport = r->sport + r->n_sport;
		w = r->dport + r->n_dport;
	}
	return rule;
}

static bool bench_in_prefix(const u32 *p, u32 n, const u8 *addr)
{
	for (; n; n--, p += 5) {
		const u8 *a = (const u8 *)p;
		u32 whole = p[4] / 8, rest = p[4] % 8;

		if (!memcmp(a, addr, whole) &&
		    (!rest || !((a[whole] ^ addr[whole]) >> (8 - rest))))
			return true;
	}
	return false;
}

static bool bench_in_ports(const u32 *p, u32 n, u16 port)
{
	bool any = !n;

	for (; n; n--, p++)
		any |= port >= *p >> 16 && port <= (*p & 0xffff);
	return any;
}

static u32 bench_rules_walk(const struct bench_rule *r, u32 n,
			    const struct bench_rules_key *k)
{
	u32 i, j;

	for (i = 0; i < n; i++, r++) {
		for (j = 0; j < r->n_proto && r->proto[j] != k->proto; j++)
			;
		if ((!r->n_proto || j < r->n_proto) &&
		    bench_in_ports(r->dport, r->n_dport, k->dport) &&
		    bench_in_ports(r->sport, r->n_sport, k->sport) &&
		    (r->src_any || bench_in_prefix(r->src, r->n_src, k->src)) &&
		    (r->dst_any || bench_in_prefix(r->dst, r->n_dst, k->dst)))
			return i;
	}
	return DASH_CLS_NONE;
}

/* The compiler's form of the rules; everything in one piece of memory. */
struct bench_rules_form {
	struct dash_cls_rule *rule;
	struct dash_prefix *prefix;
	struct dash_port_range *range;
	u8 *proto;
};

static void bench_form_free(struct bench_rules_form *form)
{
	kvfree(form->rule);
	kvfree(form->prefix);
	kvfree(form->range);
	kvfree(form->proto);
}

static const struct dash_prefix *
bench_form_prefixes(struct dash_prefix **at, const u32 *p, u32 n)
{
	struct dash_prefix *first = *at;

	for (; n; n--, p += 5, (*at)++) {
		memcpy((*at)->b, p, 16);
		(*at)->plen = p[4];
	}
	return first;
}

static const struct dash_port_range *
bench_form_ports(struct dash_port_range **at, const u32 *p, u32 n)
{
	struct dash_port_range *first = *at;

	for (; n; n--, p++, (*at)++) {
		(*at)->lo = *p >> 16;
		(*at)->hi = *p & 0xffff;
	}
	return first;
}

static int bench_form_make(struct bench_rules_form *form,
			   const struct bench_rule *r, u32 n)
{
	struct dash_port_range *range;
	struct dash_prefix *prefix;
	u32 i, j, n_prefix = 0, n_range = 0, n_proto = 0;
	u8 *proto;

	for (i = 0; i < n; i++) {
		n_prefix += r[i].n_src + r[i].n_dst;
		n_range += r[i].n_sport + r[i].n_dport;
		n_proto += r[i].n_proto;
	}
	form->rule = kvcalloc(n, sizeof(*form->rule), GFP_KERNEL);
	form->prefix = kvcalloc(n_prefix + 1, sizeof(*prefix), GFP_KERNEL);
	form->range = kvcalloc(n_range + 1, sizeof(*range), GFP_KERNEL);
	form->proto = kvcalloc(n_proto + 1, 1, GFP_KERNEL);
	if (!form->rule || !form->prefix || !form->range || !form->proto)
		return -ENOMEM;

	prefix = form->prefix;
	range = form->range;
	proto = form->proto;
	for (i = 0; i < n; i++, r++) {
		struct dash_cls_rule *c = &form->rule[i];

		c->src.prefix = bench_form_prefixes(&prefix, r->src, r->n_src);
		c->src.n_prefix = r->n_src;
		c->src.any = r->src_any;
		c->dst.prefix = bench_form_prefixes(&prefix, r->dst, r->n_dst);
		c->dst.n_prefix = r->n_dst;
		c->dst.any = r->dst_any;
		c->protos = proto;
		for (j = 0; j < r->n_proto; j++)
			*proto++ = r->proto[j];
		c->n_protos = r->n_proto;
		c->sport = bench_form_ports(&range, r->sport, r->n_sport);
		c->n_sport = r->n_sport;
		c->dport = bench_form_ports(&range, r->dport, r->n_dport);
		c->n_dport = r->n_dport;
	}
	return 0;
}

static int bench_rules_keys(const struct bench_rules_key *k, u32 n, u32 bits)
{
	struct dash_cls_key *key;
	u32 i;

	key = kvcalloc(n, sizeof(*key), GFP_KERNEL);
	if (!key)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		memcpy(key[i].src.b, k[i].src, bits / 8);
		memcpy(key[i].dst.b, k[i].dst, bits / 8);
		key[i].sport = k[i].sport;
		key[i].dport = k[i].dport;
		key[i].proto = k[i].proto;
		key[i].has_ports = true;
	}
	bench_rules.key = key;
	bench_rules.n_keys = n;
	return 0;
}

static u32 bench_rules_compare(const struct bench_rule *rule, u32 n,
			       const struct bench_rules_key *k, u32 *found)
{
	u32 i, got, bad = 0;

	for (i = 0; i < bench_rules.n_keys; i++) {
		got = dash_classifier_match(bench_rules.cls[0],
					    &bench_rules.key[i]);
		bad += got != bench_rules_walk(rule, n, &k[i]);
		*found += got != DASH_CLS_NONE;
		cond_resched();
	}
	return bad;
}

/* rules_load file= keys= bits= copies= */
int bench_rules_load(struct bench_cmd *cmd)
{
	u32 bits = bench_num(cmd, "bits", 32), n = 0, i, bad, found = 0;
	u32 copies = bench_num(cmd, "copies", 1);
	struct bench_rules_key *keys = NULL;
	struct bench_rule *rule = NULL;
	struct bench_rules_form form = {};
	u64 ns = 0, one;
	size_t size;
	u32 *file;
	int err;

	bench_rules_fini();
	file = bench_file(cmd, "file", &size);
	if (IS_ERR(file))
		return PTR_ERR(file);
	err = -ENOMEM;
	rule = bench_rules_parse(file, size, &n);
	if (!rule)
		goto out;
	err = bench_form_make(&form, rule, n);
	if (err)
		goto out;
	keys = bench_file(cmd, "keys", &size);
	if (IS_ERR(keys)) {
		err = PTR_ERR(keys);
		keys = NULL;
		goto out;
	}
	err = bench_rules_keys(keys, size / sizeof(*keys), bits);
	if (err)
		goto out;
	err = -ENOMEM;
	bench_rules.cls = kvcalloc(copies, sizeof(*bench_rules.cls), GFP_KERNEL);
	if (!bench_rules.cls)
		goto out;
	for (i = 0; i < copies; i++) {
		struct dash_classifier *cls;

		one = bench_clock();
		cls = dash_classifier_build(bits, form.rule, n, GFP_KERNEL,
					    NULL);
		one = bench_clock() - one;
		ns = i ? min(ns, one) : one;
		if (IS_ERR(cls)) {
			err = PTR_ERR(cls);
			goto out;
		}
		bench_rules.cls[bench_rules.copies++] = cls;
	}
	bad = bench_rules_compare(rule, n, keys, &found);
	bench_say(cmd, "build_ns=%llu bytes=%zu rules=%u wrong=%u found=%u keys=%u",
		  ns, dash_classifier_bytes(bench_rules.cls[0]), n, bad, found,
		  bench_rules.n_keys);
	err = 0;
out:
	vfree(keys);
	kvfree(rule);
	bench_form_free(&form);
	vfree(file);
	if (err)
		bench_rules_fini();
	return err;
}

/* Three stages of a packet: three of the copies, another three each time. */
static u64 bench_rules_stages(u32 n)
{
	struct dash_cls_hit hit[RULES_STAGES];
	u32 i, s, at = 0;
	u64 sum = 0;

	for (i = 0; i < n; i++) {
		const struct dash_cls_key *key =
			&bench_rules.key[i % bench_rules.n_keys];

		for (s = 0; s < RULES_STAGES; s++) {
			at = (at + 7) % bench_rules.copies;
			hit[s].cls = bench_rules.cls[at];
		}
		dash_classifier_match_many(hit, RULES_STAGES, key);
		for (s = 0; s < RULES_STAGES; s++)
			sum += hit[s].slot;
	}
	return sum;
}

/* rules_run n= stages=0|1 */
int bench_rules_run(struct bench_cmd *cmd)
{
	u32 n = bench_num(cmd, "n", 100000), i;
	u64 sum = 0, ns;

	if (!bench_rules.copies || !bench_rules.n_keys)
		return -EINVAL;
	ns = bench_clock();
	if (bench_num(cmd, "stages", 0))
		sum = bench_rules_stages(n);
	else
		for (i = 0; i < n; i++)
			sum += dash_classifier_match(bench_rules.cls[0],
					&bench_rules.key[i % bench_rules.n_keys]);
	ns = bench_clock() - ns;
	bench_say(cmd, "ps=%llu sum=%llu", ns * 1000 / n, sum);
	return 0;
}
