// SPDX-License-Identifier: GPL-2.0
/*
 * A tag's row is its list of prefixes. Only the difference of two rows goes
 * into the table, so that a prefix more in a long list is a small change.
 */
#include <linux/slab.h>

#include "config.h"
#include "netns.h"
#include "nl_gen.h"
#include "rows.h"
#include "tag.h"
#include "tag_config.h"

/* so many prefixes are done between two cond_resched() */
#define DASH_TAGS_CHUNK 256

void dash_tags_init(struct dash_net *dn)
{
	dash_tag_init(&dn->tags[0], 32);
	dash_tag_init(&dn->tags[1], 128);
	seqcount_init(&dn->tags_seq[0]);
	seqcount_init(&dn->tags_seq[1]);
}

void dash_tags_fini(struct dash_net *dn)
{
	dash_tag_fini(&dn->tags[0]);
	dash_tag_fini(&dn->tags[1]);
}

static int dash_tags_v6(const struct dash_row *row)
{
	return dash_row_is_v6(row, DASH_A_TAG_IP_VERSION);
}

/* The change of a family, opened when it is first needed. */
static struct dash_tag_txn *dash_tags_open(struct dash_txn *txn, int v6)
{
	struct dash_tag_txn *change;
	int err;

	if (txn->tags[v6])
		return txn->tags[v6];
	change = kzalloc(sizeof(*change), GFP_KERNEL_ACCOUNT);
	if (!change)
		return ERR_PTR(-ENOMEM);
	err = dash_tag_begin(change, &txn->dn->tags[v6]);
	if (err) {
		kfree(change);
		return ERR_PTR(err);
	}
	txn->tags[v6] = change;
	return change;
}

/* Address and length of a prefix of a row; rows were checked. */
static const void *dash_tags_prefix(const struct nlattr *nest, u8 *plen)
{
	const struct nlattr *nla;
	const void *addr = NULL;
	int rem;

	nla_for_each_nested(nla, nest, rem) {
		if (nla_type(nla) == DASH_A_PREFIX_ADDR)
			addr = nla_data(nla);
		if (nla_type(nla) == DASH_A_PREFIX_LEN)
			*plen = nla_get_u8(nla);
	}
	return addr;
}

/* Call a function for each prefix of a row, until it returns an error. */
static int dash_tags_each(const struct dash_row *row,
			  int (*fn)(void *arg, const void *addr, u8 plen),
			  void *arg)
{
	const struct nlattr *nla;
	const void *addr;
	u32 done = 0;
	int rem, err;
	u8 plen;

	dash_row_for_each(nla, row, rem) {
		if (nla_type(nla) != DASH_A_TAG_PREFIX)
			continue;
		addr = dash_tags_prefix(nla, &plen);
		err = fn(arg, addr, plen);
		if (err)
			return err;
		if (++done % DASH_TAGS_CHUNK == 0)
			cond_resched();
	}
	return 0;
}

static int dash_tags_collect(void *arg, const void *addr, u8 plen)
{
	return dash_lpm_set(arg, addr, plen, 0, NULL);
}

/**
 * struct dash_tags_edit - what is to be done to each prefix of a row
 */
struct dash_tags_edit {
	/** @txn: change of the table */
	struct dash_tag_txn *txn;
	/** @keep: prefixes that do not lose the tag, or NULL */
	const struct dash_lpm_txn *keep;
	/** @tag: number of the tag */
	u32 tag;
};

static int dash_tags_del_one(void *arg, const void *addr, u8 plen)
{
	const struct dash_tags_edit *edit = arg;

	if (edit->keep &&
	    dash_lpm_txn_get(edit->keep, addr, plen) != DASH_LPM_NONE)
		return 0;
	return dash_tag_del(edit->txn, edit->tag, addr, plen);
}

/* Prefixes of @old that are not in @keep lose the tag. */
static int dash_tags_del(struct dash_txn *txn, u32 tag,
			 const struct dash_row *old,
			 const struct dash_lpm_txn *keep)
{
	struct dash_tags_edit edit = {
		.txn = dash_tags_open(txn, dash_tags_v6(old)),
		.keep = keep,
		.tag = tag,
	};

	if (IS_ERR(edit.txn))
		return PTR_ERR(edit.txn);
	return dash_tags_each(old, dash_tags_del_one, &edit);
}

static int dash_tags_add_one(void *arg, const void *addr, u8 plen)
{
	const struct dash_tags_edit *edit = arg;

	return dash_tag_add(edit->txn, edit->tag, addr, plen);
}

/* Those that have it already do not notice. */
static int dash_tags_add(struct dash_txn *txn, u32 tag,
			 const struct dash_row *row)
{
	struct dash_tags_edit edit = {
		.txn = dash_tags_open(txn, dash_tags_v6(row)),
		.tag = tag,
	};

	if (IS_ERR(edit.txn))
		return PTR_ERR(edit.txn);
	return dash_tags_each(row, dash_tags_add_one, &edit);
}

static int dash_tags_replace(struct dash_txn *txn, u32 tag,
			     const struct dash_row *old,
			     const struct dash_row *row)
{
	struct dash_lpm scratch;
	struct dash_lpm_txn keep;
	int err;

	dash_lpm_init(&scratch, dash_tags_v6(row) ? 128 : 32);
	dash_lpm_begin(&keep, &scratch);
	err = dash_tags_each(row, dash_tags_collect, &keep);
	if (!err)
		err = dash_tags_del(txn, tag, old, &keep);
	dash_lpm_abort(&keep);
	return err;
}

static int dash_tags_change(struct dash_txn *txn, const struct dash_sym *sym)
{
	const struct dash_row *old = dash_change_dereference(txn->dn, sym->cur);
	const struct dash_row *row = sym->next;
	int err = 0;

	if (old && row && dash_tags_v6(old) == dash_tags_v6(row))
		err = dash_tags_replace(txn, sym->id, old, row);
	else if (old)
		err = dash_tags_del(txn, sym->id, old, NULL);
	if (!err && row)
		err = dash_tags_add(txn, sym->id, row);
	return err;
}

int dash_tags_prepare(struct dash_txn *txn)
{
	struct dash_sym *sym;
	int err = 0, v6;

	list_for_each_entry(sym, &txn->syms, staged_list) {
		if (sym->type != DASH_OBJECT_TYPE_TAG)
			continue;
		txn->row = sym->next;
		err = dash_tags_change(txn, sym);
		if (err)
			goto out;
	}
	for (v6 = 0; v6 < 2 && !err; v6++)
		if (txn->tags[v6])
			err = dash_tag_prepare(txn->tags[v6]);
out:
	if (err == -E2BIG)
		dash_txn_fail(txn, err,
			      "the combinations of tags need too much memory");
	txn->row = NULL;
	return err;
}

void dash_tags_unprepare(struct dash_txn *txn)
{
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		if (!txn->tags[v6])
			continue;
		dash_tag_abort(txn->tags[v6]);
		kfree(txn->tags[v6]);
		txn->tags[v6] = NULL;
	}
}

void dash_tags_publish(struct dash_txn *txn)
{
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		if (!txn->tags[v6])
			continue;
		/* nobody spins on it, so preemption may stay on */
		raw_write_seqcount_begin(&txn->dn->tags_seq[v6]);
		dash_tag_publish(txn->tags[v6]);
		raw_write_seqcount_end(&txn->dn->tags_seq[v6]);
	}
}

void dash_tags_reap(struct dash_txn *txn)
{
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		if (!txn->tags[v6])
			continue;
		dash_tag_reap(txn->tags[v6]);
		kfree(txn->tags[v6]);
		txn->tags[v6] = NULL;
	}
}
