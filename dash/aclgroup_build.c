// SPDX-License-Identifier: GPL-2.0
/*
 * Rules as the classifier takes them. All lists of a kind and side, of all
 * rules, are in one array, the size of which is known from a first look at the
 * rows. So a list is one piece although others may stand between its members
 * in the row.
 */
#include <linux/slab.h>

#include "aclgroup.h"
#include "aclgroup_build.h"
#include "classifier.h"
#include "config.h"
#include "nl_gen.h"

/* Everything that a classifier is made from, freed when it is built. */
struct dash_acl_build {
	struct dash_txn *txn;
	/* address family, and bytes of an address */
	bool v6;
	unsigned int len;
	struct dash_cls_rule *rule;
	/* what is left of each array: sources, destinations */
	struct dash_prefix *prefix[2];
	struct dash_port_range *range[2];
	u32 *tag[2];
	u8 *proto;
	/* sizes of the arrays */
	size_t n_prefix[2], n_range[2], n_tag[2], n_proto;
};

static void dash_build_count(struct dash_acl_build *b,
			     const struct dash_row *row)
{
	const struct nlattr *nla;
	int rem;

	dash_row_for_each(nla, row, rem) {
		switch (nla_type(nla)) {
		case DASH_A_ACL_RULE_SRC_ADDR:
			b->n_prefix[0]++;
			break;
		case DASH_A_ACL_RULE_DST_ADDR:
			b->n_prefix[1]++;
			break;
		case DASH_A_ACL_RULE_SRC_TAG:
			b->n_tag[0]++;
			break;
		case DASH_A_ACL_RULE_DST_TAG:
			b->n_tag[1]++;
			break;
		case DASH_A_ACL_RULE_SRC_PORT:
			b->n_range[0]++;
			break;
		case DASH_A_ACL_RULE_DST_PORT:
			b->n_range[1]++;
			break;
		case DASH_A_ACL_RULE_PROTOCOL:
			b->n_proto++;
			break;
		}
	}
}

/* Checked when the row came, but for the family. */
static int dash_build_prefix(struct dash_acl_build *b,
			     struct dash_cls_side *side, bool dst,
			     const struct nlattr *nest)
{
	struct dash_prefix *p = b->prefix[dst]++;
	const struct nlattr *nla;
	int rem;

	nla_for_each_nested(nla, nest, rem) {
		if (nla_type(nla) == DASH_A_PREFIX_LEN)
			p->plen = nla_get_u8(nla);
		if (nla_type(nla) != DASH_A_PREFIX_ADDR)
			continue;
		if (nla_len(nla) != b->len)
			return dash_txn_fail(b->txn, -EINVAL,
					     "%s_addr is not of the group's ip_version",
					     dst ? "dst" : "src");
		memcpy(p->b, nla_data(nla), b->len);
	}
	if (!side->n_prefix++)
		side->prefix = p;
	return 0;
}

static int dash_build_tag(struct dash_acl_build *b, struct dash_cls_side *side,
			  bool dst, const struct nlattr *nla)
{
	struct dash_sym *tag;

	tag = dash_sym_of_nla(b->txn->dn, DASH_OBJECT_TYPE_TAG, nla);
	if (WARN_ON_ONCE(!tag || !dash_sym_next(tag)))
		return -ENOENT;
	if (dash_row_is_v6(dash_sym_next(tag), DASH_A_TAG_IP_VERSION) !=
	    b->v6)
		return dash_txn_fail(b->txn, -EINVAL,
				     "%s_tag: %s is not of the group's ip_version",
				     dst ? "dst" : "src", tag->name);
	if (!side->n_tag++)
		side->tag = b->tag[dst];
	*b->tag[dst]++ = tag->id;
	return 0;
}

static void dash_build_range(struct dash_acl_build *b, bool dst,
			     const struct dash_port_range **first, u32 *n,
			     const struct nlattr *nest)
{
	struct dash_port_range *range = b->range[dst]++;
	const struct nlattr *nla;
	int rem;

	nla_for_each_nested(nla, nest, rem) {
		if (nla_type(nla) == DASH_A_PORT_RANGE_LO)
			range->lo = nla_get_u16(nla);
		if (nla_type(nla) == DASH_A_PORT_RANGE_HI)
			range->hi = nla_get_u16(nla);
	}
	if (!(*n)++)
		*first = range;
}

static int dash_build_lists(struct dash_acl_build *b,
			    const struct dash_row *row,
			    struct dash_cls_rule *r)
{
	const struct nlattr *nla;
	int rem, err = 0;

	dash_row_for_each(nla, row, rem) {
		switch (nla_type(nla)) {
		case DASH_A_ACL_RULE_SRC_ADDR:
			err = dash_build_prefix(b, &r->src, false, nla);
			break;
		case DASH_A_ACL_RULE_DST_ADDR:
			err = dash_build_prefix(b, &r->dst, true, nla);
			break;
		case DASH_A_ACL_RULE_SRC_TAG:
			err = dash_build_tag(b, &r->src, false, nla);
			break;
		case DASH_A_ACL_RULE_DST_TAG:
			err = dash_build_tag(b, &r->dst, true, nla);
			break;
		case DASH_A_ACL_RULE_SRC_PORT:
			dash_build_range(b, false, &r->sport, &r->n_sport, nla);
			break;
		case DASH_A_ACL_RULE_DST_PORT:
			dash_build_range(b, true, &r->dport, &r->n_dport, nla);
			break;
		case DASH_A_ACL_RULE_PROTOCOL:
			if (!r->n_protos++)
				r->protos = b->proto;
			*b->proto++ = nla_get_u8(nla);
			break;
		}
		if (err)
			return err;
	}
	return 0;
}

static int dash_build_rule(struct dash_acl_build *b, const struct dash_row *row,
			   struct dash_cls_rule *r)
{
	int err;

	b->txn->row = row;
	err = dash_build_lists(b, row, r);
	if (err)
		return err;
	r->src.any = !r->src.n_prefix && !r->src.n_tag;
	r->dst.any = !r->dst.n_prefix && !r->dst.n_tag;
	if (dash_row_u8(row, DASH_A_ACL_RULE_ACTION, 0) ==
	    DASH_ACL_ACTION_ALLOW)
		r->flags |= DASH_ACL_RULE_ALLOW;
	if (dash_row_u8(row, DASH_A_ACL_RULE_TERMINATING, 0))
		r->flags |= DASH_ACL_RULE_TERMINATING;
	if (dash_row_u8(row, DASH_A_ACL_RULE_COUNTER, 0))
		r->flags |= DASH_ACL_RULE_COUNTER;
	return 0;
}

static struct dash_classifier *
dash_build_classifier(struct dash_acl_build *b, const struct dash_row *group,
		      const struct dash_acl_rule *rules, u32 n)
{
	struct dash_classifier *cls;
	const char *why;
	u32 i;
	int err;

	for (i = 0; i < n; i++) {
		err = dash_build_rule(b, rules[i].row, &b->rule[i]);
		if (err)
			return ERR_PTR(err);
		cond_resched();
	}
	b->txn->row = group;
	cls = dash_classifier_build(b->v6 ? 128 : 32, b->rule, n,
				    GFP_KERNEL_ACCOUNT, &why);
	if (IS_ERR(cls) && why)
		dash_txn_fail(b->txn, PTR_ERR(cls), "%s", why);
	return cls;
}

struct dash_classifier *dash_acl_build(struct dash_txn *txn,
				       struct dash_row *group, bool v6,
				       const struct dash_acl_rule *rules,
				       u32 n)
{
	struct dash_classifier *cls = ERR_PTR(-ENOMEM);
	struct dash_acl_build b = {
		.txn = txn,
		.v6 = v6,
		.len = v6 ? sizeof(struct in6_addr) : sizeof(__be32),
	};
	struct dash_port_range *range;
	struct dash_prefix *prefix;
	u32 *tag, i;
	u8 *proto;

	for (i = 0; i < n; i++) {
		dash_build_count(&b, rules[i].row);
		cond_resched();
	}
	/* one more of each, for there may be none */
	prefix = kvcalloc(b.n_prefix[0] + b.n_prefix[1] + 1, sizeof(*prefix),
			  GFP_KERNEL_ACCOUNT);
	range = kvcalloc(b.n_range[0] + b.n_range[1] + 1, sizeof(*range),
			 GFP_KERNEL_ACCOUNT);
	tag = kvcalloc(b.n_tag[0] + b.n_tag[1] + 1, sizeof(*tag),
		       GFP_KERNEL_ACCOUNT);
	proto = kvcalloc(b.n_proto + 1, sizeof(*proto), GFP_KERNEL_ACCOUNT);
	b.rule = kvcalloc(n + 1, sizeof(*b.rule), GFP_KERNEL_ACCOUNT);
	if (prefix && range && tag && proto && b.rule) {
		b.prefix[0] = prefix;
		b.prefix[1] = prefix + b.n_prefix[0];
		b.range[0] = range;
		b.range[1] = range + b.n_range[0];
		b.tag[0] = tag;
		b.tag[1] = tag + b.n_tag[0];
		b.proto = proto;
		cls = dash_build_classifier(&b, group, rules, n);
	}
	kvfree(b.rule);
	kvfree(proto);
	kvfree(tag);
	kvfree(range);
	kvfree(prefix);
	return cls;
}
