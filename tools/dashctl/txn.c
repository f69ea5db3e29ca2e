// SPDX-License-Identifier: GPL-2.0
#include <libmnl/libmnl.h>
#include <linux/dash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dashctl.h"
#include "decode.h"
#include "txn.h"

#define MESSAGE_MAX	(32 * 1024)

/* Is there a row at @attr, and is it the next part of the one before? */
static bool goes_on(const struct nlattr *attr, const char *end)
{
	const struct table *table;
	const struct nlattr *in;

	if (!mnl_attr_ok(attr, end - (const char *)attr))
		return false;
	table = decode_table(attr);
	if (!table || !table->append)
		return false;
	mnl_attr_for_each_nested(in, attr)
		if (mnl_attr_get_type(in) == table->append)
			return true;
	return false;
}

bool refusal_locate(const char *msg, const struct nl_error *err, uint32_t *row,
		    char field[FIELD_TEXT])
{
	uint32_t offset = err->miss_type ? err->miss_nest : err->offset;
	unsigned int len = ((const struct nlmsghdr *)msg)->nlmsg_len;
	const struct nlattr *attr, *in, *next;
	const struct table *table = NULL;
	const struct field *f;

	if (!offset)
		return false;
	for (attr = (const void *)(msg + NL_HEADERS);
	     mnl_attr_ok(attr, msg + len - (const char *)attr); attr = mnl_attr_next(attr)) {
		table = decode_table(attr);
		if (table && offset < (const char *)attr - msg + NLA_ALIGN(attr->nla_len))
			break;
		/* A row that goes on has one number. */
		next = mnl_attr_next(attr);
		*row += table && !goes_on(next, msg + len);
		table = NULL;
	}
	if (!table || offset < (const char *)attr - msg)
		return false;
	if (err->miss_type) {
		for (f = table->field; f->name; f++)
			if (f->attr == err->miss_type && !f->nest)
				snprintf(field, FIELD_TEXT, "%s", f->name);
		return true;
	}
	mnl_attr_for_each_nested(in, attr) {
		uint32_t from = (const char *)in - msg;

		if (offset < from || offset >= from + NLA_ALIGN(in->nla_len))
			continue;
		for (f = table->field; f->name; f++)
			if ((f->nest ? f->nest : f->attr) == mnl_attr_get_type(in)) {
				snprintf(field, FIELD_TEXT, "%s", f->name);
				return true;
			}
	}
	return true;
}

/*
 * What is wrong with which field of which row. The kernel says "row N: name: text"
 * or points at an attribute, or both.
 */
static void explain(const struct txn *t, const struct nl_error *err, struct refusal *why)
{
	const char *text = err->text, *end;
	unsigned int m;
	int n = 0;

	memset(why, 0, sizeof(*why));
	why->has_row = sscanf(text, "row %u: %n", &why->row, &n) == 1 && n;
	text += n;
	for (m = 0; m < t->n; m++) {
		uint32_t row = t->msg[m].first;
		bool found;

		if (nl_seq(&t->buf, t->msg[m].at) != err->seq)
			continue;
		found = refusal_locate(t->buf.data + t->msg[m].at, err, &row, why->field);
		if (!why->has_row) {
			why->row = row;
			why->has_row = found || t->msg[m].rows == 1;
		}
	}
	/* The field goes between the name and the text. */
	end = strstr(text, ": ");
	if (why->field[0] && nl_names_row(text) && end)
		text = end + 2;
	if (err->miss_type && why->field[0])
		text = "is missing";
	snprintf(why->text, sizeof(why->text), "%s", text);
}

static void close_message(struct txn *t)
{
	if (t->open)
		nl_end(&t->buf, t->msg[t->n - 1].at);
	t->open = false;
}

static bool flush(struct txn *t, struct refusal *why)
{
	struct nl_error err;

	close_message(t);
	if (!t->n)
		return true;
	if (!nl_send(t->nl, &t->buf, &err) || !nl_acks(t->nl, t->n, NULL, NULL, &err)) {
		explain(t, &err, why);
		return false;
	}
	t->n = 0;
	t->buf.len = 0;
	return true;
}

static void open_message(struct txn *t, bool del, uint32_t row)
{
	unsigned int m = t->n++;

	t->msg[m].at = nl_begin(t->nl, &t->buf, del ? DASH_CMD_CONFIG_DEL : DASH_CMD_CONFIG_SET,
				NLM_F_ACK);
	t->msg[m].first = row;
	t->msg[m].rows = 0;
	t->msg[m].del = del;
	attr_u32(&t->buf, DASH_A_CONFIG_TXN, t->id);
	attr_u32(&t->buf, DASH_A_CONFIG_SEQ, row);
	t->open = true;
}

bool txn_row(struct txn *t, bool del, uint32_t row, const void *data, size_t len,
	     struct refusal *why)
{
	unsigned int m = t->n - 1;

	if (t->open && (t->msg[m].del != del || t->msg[m].first + t->msg[m].rows != row ||
			t->buf.len - t->msg[m].at + len > MESSAGE_MAX))
		close_message(t);
	if (!t->open) {
		if (t->n == TXN_MESSAGES && !flush(t, why))
			return false;
		open_message(t, del, row);
	}
	t->msg[t->n - 1].rows++;
	abuf_append(&t->buf, data, len);
	return true;
}

static void take_id(const struct nlmsghdr *msg, void *arg)
{
	unsigned int len;
	const struct nlattr *attr = nl_attrs(msg, &len);
	uint32_t *id = arg;

	for (; mnl_attr_ok(attr, len); len -= NLA_ALIGN(attr->nla_len),
	     attr = mnl_attr_next(attr))
		if (mnl_attr_get_type(attr) == DASH_A_CONFIG_TXN)
			*id = mnl_attr_get_u32(attr);
}

static bool command(struct txn *t, uint8_t cmd, struct nl_error *err)
{
	struct abuf b = { 0 };
	size_t at = nl_begin(t->nl, &b, cmd, NLM_F_ACK);
	bool ok;

	if (t->id)
		attr_u32(&b, DASH_A_CONFIG_TXN, t->id);
	if (cmd == DASH_CMD_TXN_COMMIT)
		attr_u8(&b, DASH_A_CONFIG_POLICY, opt.policy);
	nl_end(&b, at);
	ok = nl_talk(t->nl, &b, take_id, &t->id, err);
	abuf_free(&b);
	return ok;
}

bool txn_begin(struct txn *t, struct nl *nl, struct refusal *why)
{
	struct nl_error err;

	*t = (struct txn){ .nl = nl };
	if (command(t, DASH_CMD_TXN_BEGIN, &err))
		return true;
	explain(t, &err, why);
	return false;
}

bool txn_commit(struct txn *t, bool check, struct refusal *why)
{
	struct nl_error err;

	if (!flush(t, why))
		return false;
	if (!command(t, check ? DASH_CMD_TXN_CHECK : DASH_CMD_TXN_COMMIT, &err)) {
		explain(t, &err, why);
		return false;
	}
	t->id = 0;
	return true;
}

void txn_end(struct txn *t)
{
	struct nl_error err;

	if (t->id)
		command(t, DASH_CMD_TXN_ABORT, &err);
	t->id = 0;
	abuf_free(&t->buf);
}
