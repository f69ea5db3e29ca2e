// SPDX-License-Identifier: GPL-2.0
/*
 * Rows as they arrive: one by one, many in one piece, or one in many parts.
 * Parts hang behind the first one until all are there, so that a row costs
 * its length however it is cut. A message is added to those before whole or
 * not at all.
 */
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "counter.h"
#include "rows.h"

/* Half a million prefixes, which is more than a group may have. */
#define DASH_ROW_MAX	SZ_16M

static struct dash_row *dash_row_new(u8 type, bool del, u32 seq,
				     const void *data, size_t len)
{
	struct dash_row *row;

	row = kvmalloc(struct_size(row, data, len), GFP_KERNEL_ACCOUNT);
	if (!row)
		return ERR_PTR(-ENOMEM);
	memset(row, 0, sizeof(*row));
	row->type = type;
	row->del = del;
	row->seq = seq;
	row->len = len;
	row->whole = len;
	row->attrs = row->data;
	if (data)
		memcpy(row->data, data, len);
	return row;
}

struct dash_row *dash_row_alloc(const struct nlattr *nest, u8 type, bool del,
				u32 seq, bool numbered,
				struct netlink_ext_ack *extack)
{
	int err = dash_row_check(nest, type, del, numbered ? &seq : NULL,
				 extack);

	if (err)
		return ERR_PTR(err);
	return dash_row_new(type, del, seq, nla_data(nest), nla_len(nest));
}

struct dash_row *dash_row_alloc_many(const struct nlattr **nest, int *rem,
				     bool del, u32 *seq, bool numbered,
				     struct netlink_ext_ack *extack)
{
	const struct nlattr *first = *nest, *pos = first;
	int type = dash_type_of_attr(nla_type(first));
	int left = *rem, err;
	struct dash_row *row;
	u32 number = *seq;

	while (nla_ok(pos, left) && nla_type(pos) == nla_type(first)) {
		err = dash_row_check(pos, type, del, numbered ? seq : NULL,
				     extack);
		if (err)
			return ERR_PTR(err);
		++*seq;
		*nest = pos;
		*rem = left;
		pos = nla_next(pos, &left);
	}
	row = dash_row_new(type, del, number, first,
			   (void *)*nest + (*nest)->nla_len - (void *)first);
	if (!IS_ERR(row))
		row->many = true;
	return row;
}

bool dash_row_goes_on(const struct dash_row *row)
{
	const struct dash_type *type = &dash_types[row->type];

	return type->append && dash_row_get(row, type->append);
}

void dash_rows_init(struct dash_rows *rows)
{
	INIT_LIST_HEAD(&rows->list);
	rows->part = NULL;
}

void dash_rows_free(struct dash_rows *rows)
{
	struct dash_row *row, *tmp;

	list_for_each_entry_safe(row, tmp, &rows->list, list) {
		dash_row_free(row);
		cond_resched();
	}
	dash_rows_init(rows);
}

/* Put parts behind the last one of the last row. */
static int dash_rows_go_on(struct dash_rows *rows, struct dash_row *row,
			   const char *name, struct netlink_ext_ack *extack)
{
	const char *table = dash_types[row->type].table;
	struct dash_row *first;

	first = list_last_entry(&rows->list, struct dash_row, list);
	if (!rows->part || first->type != row->type || first->del != row->del ||
	    strcmp(rows->name, name)) {
		dash_err(extack, NULL,
			 "%s%s goes on, but is not the row before", table,
			 name);
		return -EINVAL;
	}
	if (first->whole + row->whole > DASH_ROW_MAX) {
		dash_err(extack, NULL, "%s%s is larger than %u MB", table,
			 name, DASH_ROW_MAX >> 20);
		return -E2BIG;
	}
	first->whole += row->whole;
	rows->part->more = row;
	return 0;
}

int dash_rows_add(struct dash_rows *rows, struct dash_row *row,
		  struct netlink_ext_ack *extack)
{
	char name[DASH_NAME_LEN];
	int err;

	if (!dash_types[row->type].append) {
		rows->part = NULL;
		list_add_tail(&row->list, &rows->list);
		return 0;
	}

	dash_row_name(row, name);
	if (dash_row_goes_on(row) && !list_empty(&rows->list)) {
		err = dash_rows_go_on(rows, row, name, extack);
		if (err)
			return err;
	} else {
		list_add_tail(&row->list, &rows->list);
		strscpy(rows->name, name, sizeof(rows->name));
	}
	rows->part = row;
	return 0;
}

int dash_rows_splice(struct dash_rows *rows, struct dash_rows *more,
		     struct netlink_ext_ack *extack)
{
	char name[DASH_NAME_LEN];
	struct dash_row *first;
	int err;

	first = list_first_entry_or_null(&more->list, struct dash_row, list);
	if (!first)
		return 0;
	if (dash_row_goes_on(first)) {
		dash_row_name(first, name);
		err = dash_rows_go_on(rows, first, name, extack);
		if (err)
			return err;
		list_del(&first->list);
	}
	list_splice_tail(&more->list, &rows->list);
	rows->part = more->part;
	strscpy(rows->name, more->name, sizeof(rows->name));
	dash_rows_init(more);
	return 0;
}

static int dash_row_refs(struct dash_row *row, struct netlink_ext_ack *extack)
{
	const struct dash_ref_desc *desc;
	char name[DASH_NAME_LEN];
	const struct nlattr *nla;
	int rem, n = 0;

	desc = dash_types[row->type].refs;
	if (!desc || row->del)
		return 0;

	dash_row_for_each(nla, row, rem)
		for (desc = dash_types[row->type].refs; desc->attr; desc++)
			n += desc->attr == nla_type(nla);
	if (!n)
		return 0;
	if (n > U16_MAX) {
		dash_row_name(row, name);
		dash_err(extack, NULL, "%s%s mentions more than %u objects",
			 dash_types[row->type].table, name, U16_MAX);
		return -E2BIG;
	}

	row->refs = kvcalloc(n, sizeof(*row->refs), GFP_KERNEL_ACCOUNT);
	if (!row->refs)
		return -ENOMEM;

	dash_row_for_each(nla, row, rem) {
		for (desc = dash_types[row->type].refs; desc->attr; desc++) {
			if (desc->attr != nla_type(nla))
				continue;
			row->refs[row->n_refs].row = row;
			row->refs[row->n_refs].field = desc->field;
			row->n_refs++;
		}
	}
	return 0;
}

/* One row of all its parts, the later ones' keys and marks left out. */
static struct dash_row *dash_row_join(const struct dash_row *first)
{
	const struct dash_type *type = &dash_types[first->type];
	const struct dash_row *part;
	const struct nlattr *nla;
	struct dash_row *row;
	int rem;

	row = dash_row_new(first->type, first->del, first->seq, NULL,
			   first->whole);
	if (IS_ERR(row))
		return row;
	row->len = NLA_ALIGN(first->len);
	memcpy(row->data, first->attrs, first->len);
	for (part = first->more; part; part = part->more) {
		dash_row_for_each(nla, part, rem) {
			if (nla_type(nla) == type->append ||
			    type->keys & BIT_ULL(nla_type(nla)))
				continue;
			memcpy(row->data + row->len, nla, nla->nla_len);
			row->len += NLA_ALIGN(nla->nla_len);
		}
		cond_resched();
	}
	row->whole = row->len;
	return row;
}

int dash_rows_finish(struct dash_rows *rows, struct netlink_ext_ack *extack)
{
	struct dash_row *row, *tmp, *joined;
	char name[DASH_NAME_LEN];
	int err;

	list_for_each_entry_safe(row, tmp, &rows->list, list) {
		if (dash_row_goes_on(row)) {
			dash_row_name(row, name);
			dash_err(extack, NULL, "%s%s goes on, but is not the row before",
				 dash_types[row->type].table, name);
			return -EINVAL;
		}
		if (row->more) {
			joined = dash_row_join(row);
			if (IS_ERR(joined))
				return PTR_ERR(joined);
			list_replace(&row->list, &joined->list);
			dash_row_free(row);
			row = joined;
		}
		err = dash_row_refs(row, extack);
		if (err)
			return err;
		cond_resched();
	}
	rows->part = NULL;
	return 0;
}

void dash_row_free(struct dash_row *row)
{
	struct dash_row *more;

	for (; row; row = more) {
		more = row->more;
		dash_counter_drop(row->counter);
		kvfree(row->refs);
		kvfree(row);
		if (more)
			cond_resched();
	}
}
