// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Loading
 *
 * A file is one transaction. It streams through: no row stays in memory. When
 * the kernel refuses row N, the file is read again to find N's line and name.
 *
 * With --sync the file is read once more before: the names of its rows and
 * digests of their contents are compared with a dump of the kernel's. Rows that
 * only the kernel has are deleted, rows that are the same are not sent.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/dash.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "decode.h"
#include "encode.h"
#include "keyset.h"
#include "load.h"
#include "nl.h"
#include "print.h"

/* Rows of the transaction that are in no file have numbers from here on. */
#define NOT_IN_FILE	0x80000000u

static void warn(void *arg, const char *text)
{
	struct load *l = arg;

	if (!l->quiet)
		fprintf(stderr, "%s:%lu: warning: %s\n", source_name(l->src),
			source_line(l->src), text);
}

static int bad_line(struct load *l, const char *text)
{
	fflush(stdout);
	fprintf(stderr, "%s:%lu: %s\n", source_name(l->src), source_line(l->src), text);
	return WRONG_CALL;
}

int load_next(struct load *l, bool *there)
{
	const struct jnode *row;

	*there = false;
	while ((row = source_next(l->src))) {
		switch (encode_row(&l->enc, row)) {
		case ROW_OK:
			*there = true;
			return DONE;
		case ROW_IGNORED:
			break;
		case ROW_BAD:
			return bad_line(l, l->enc.why);
		}
	}
	return source_error(l->src) ? bad_line(l, source_error(l->src)) : DONE;
}

/* Name and content of an encoded row in their canonical form. */
static void canonical(const struct abuf *attr, char **name, uint64_t *content)
{
	struct json_object *o = decode_row(attr, DECODE_SORTED | DECODE_KEYS);
	struct json_object *v = NULL;

	json_object_object_get_ex(o, row_name(o), &v);
	*content = keyset_digest(json_line(v));
	/* A route rule's priority may be in the content only. */
	*name = xasprintf("%s %s", row_name(o), member_text(v, "priority"));
	json_object_put(o);
}

char *load_row_name(const struct abuf *attr, uint64_t *content)
{
	const struct table *t = decode_table((const void *)attr->data);
	char *name, *p;

	canonical(attr, &name, content);
	if (t->type != DASH_OBJECT_TYPE_ROUTE_RULE) {
		p = strrchr(name, ' ');
		*p = '\0';
	}
	return name;
}

int load_read(struct load *l)
{
	bool there;
	int ret;

	while ((ret = load_next(l, &there)) == DONE && there) {
		uint64_t content;
		char *name = load_row_name(&l->enc.buf, &content);
		struct entry *e = keyset_add(&l->file, name);

		e->content = content;
		e->dropped = l->enc.del;
		free(name);
	}
	l->quiet = true;
	return ret;
}

struct sync_dump {
	struct load *l;
	bool failed;
};

/* The table whose rows take rows of that type along; NULL: none. */
static const char *parent_table(uint32_t type)
{
	switch (type) {
	case DASH_OBJECT_TYPE_ACL_RULE:
		return "DASH_ACL_GROUP_TABLE";
	case DASH_OBJECT_TYPE_ROUTE:
		return "DASH_ROUTE_GROUP_TABLE";
	case DASH_OBJECT_TYPE_MAPPING:
		return "DASH_VNET_TABLE";
	case DASH_OBJECT_TYPE_METER_RULE:
		return "DASH_METER_POLICY";
	case DASH_OBJECT_TYPE_ACL_BIND:
	case DASH_OBJECT_TYPE_ENI_ROUTE:
	case DASH_OBJECT_TYPE_ROUTE_RULE:
		return "DASH_ENI_TABLE";
	default:
		return NULL;
	}
}

/* Name of the object that a row goes with when that is deleted. */
static char *parent_name(const struct abuf *row)
{
	const struct table *t = decode_table((const void *)row->data);
	const char *table = parent_table(t->type);
	struct json_object *v;
	char *name;

	if (!table)
		return NULL;
	v = decode_members(row, DECODE_KEYS);
	name = xasprintf("%s:%s", table, member_text(v, t->field[0].name));
	json_object_put(v);
	return name;
}

/* Would deleting what the file lacks take this row along? */
static bool goes_along(struct load *l, const struct abuf *row)
{
	char *parent = l->gone.n ? parent_name(row) : NULL;
	bool yes = parent && keyset_find(&l->gone, parent);

	free(parent);
	return yes;
}

/* A row with its key attributes only, for config-del. */
static void encode_del(const struct abuf *buf, struct encoder *e)
{
	struct json_object *row = decode_row(buf, 0);

	json_object_object_add(row, "OP", json_object_new_string("DEL"));
	encode_object(e, row);
	json_object_put(row);
}

static void sync_row(void *arg, const struct abuf *row)
{
	struct sync_dump *d = arg;
	struct load *l = d->l;
	uint64_t content;
	char *name = load_row_name(row, &content);
	struct entry *e = keyset_find(&l->file, name);

	if (e && !e->dropped) {
		e->same = e->content == content && !goes_along(l, row);
	} else if (!d->failed && !goes_along(l, row)) {
		struct encoder del = { 0 };

		keyset_add(&l->gone, name);
		encode_del(row, &del);
		d->failed = !txn_row(&l->txn, true, NOT_IN_FILE + l->n_gone++, del.buf.data,
				     del.buf.len, &l->why);
		encoder_free(&del);
	}
	free(name);
}

static int refused(struct load *l);

bool load_dump(struct nl *nl, struct row_reader *reader, int type, struct nl_error *err)
{
	struct abuf b = { 0 };
	size_t at;
	bool ok;

	at = nl_begin(nl, &b, DASH_CMD_CONFIG_GET, NLM_F_DUMP | NLM_F_ACK);
	if (type >= 0)
		attr_u32(&b, DASH_A_CONFIG_TYPE, type);
	nl_end(&b, at);
	ok = nl_dump(nl, &b, true, row_reader_cb, reader, err);
	abuf_free(&b);
	return ok;
}

/* Second pass of --sync: delete what the file lacks, mark what is the same. */
static int sync_compare(struct load *l)
{
	/* The transaction's socket is busy with the transaction. */
	struct nl *nl = nl_open();
	struct sync_dump d = { .l = l };
	struct row_reader reader = { sync_row, &d, { 0 } };
	struct nl_error err;
	bool ok = true;
	int type;

	if (!nl)
		return REFUSED;
	if (l->file.n)
		ok = load_dump(nl, &reader, -1, &err);
	/* All shall go: there is no need to look at what goes along. */
	for (type = 0; ok && !l->file.n && type <= DASH_OBJECT_TYPE_PORT; type++)
		if (!parent_table(type))
			ok = load_dump(nl, &reader, type, &err);
	row_reader_end(&reader);
	nl_close(nl);
	if (!ok)
		return nl_refused(&err, source_name(l->src));
	return d.failed ? refused(l) : DONE;
}

static bool is_same(struct load *l)
{
	uint64_t content;
	struct entry *e;
	char *name;

	if (!l->sync)
		return false;
	name = load_row_name(&l->enc.buf, &content);
	e = keyset_find(&l->file, name);
	free(name);
	return e && e->same && !e->dropped;
}

/* Does @text begin with the name of the row encoded last? */
static bool names_this_row(struct load *l, const char *text)
{
	struct json_object *o = decode_row(&l->enc.buf, 0);
	const char *name = row_name(o);
	size_t n = strlen(name);
	bool yes = !strncmp(text, name, n) && text[n] == ':' && text[n + 1] == ' ';

	json_object_put(o);
	return yes;
}

/*
 * Find row @n of the file again, or with NOT_IN_FILE the first one that @text
 * names, and say @text of it.
 */
static bool say_of_row(struct load *l, uint32_t n, const char *field, const char *text)
{
	bool by_name = n == NOT_IN_FILE;
	bool there;

	l->quiet = true;
	if (!source_rewind(l->src))
		return false;
	while (load_next(l, &there) == DONE && there) {
		if (by_name ? !names_this_row(l, text) : n-- != 0)
			continue;
		fprintf(stderr, "%s:%lu: ", source_name(l->src), source_line(l->src));
		if (!nl_names_row(text))
			fprintf(stderr, "%s: ", l->enc.name);
		fprintf(stderr, "%s%s%s\n", field, *field ? ": " : "", text);
		return true;
	}
	return false;
}

static int refused(struct load *l)
{
	fflush(stdout);
	if (!l->why.has_row && nl_names_row(l->why.text) &&
	    say_of_row(l, NOT_IN_FILE, "", l->why.text))
		return REFUSED;
	if (!l->why.has_row)
		fprintf(stderr, "%s: %s\n", source_name(l->src), l->why.text);
	else if (l->why.row >= NOT_IN_FILE)
		fprintf(stderr, "%s: deleting what is not in it: %s\n", source_name(l->src),
			l->why.text);
	else if (!say_of_row(l, l->why.row, l->why.field, l->why.text))
		fprintf(stderr, "%s: row %u: %s\n", source_name(l->src), l->why.row + 1,
			l->why.text);
	return REFUSED;
}

static int send_rows(struct load *l)
{
	bool ok = true, there;
	uint32_t n = 0;
	int ret;

	while ((ret = load_next(l, &there)) == DONE && there) {
		if (l->enc.table->type == DASH_OBJECT_TYPE_ACL_BIND && !l->enc.del)
			l->binds = true;
		if (!is_same(l))
			ok = txn_row(&l->txn, l->enc.del, n, l->enc.buf.data, l->enc.buf.len,
				     &l->why);
		if (!ok)
			return refused(l);
		if (++n == NOT_IN_FILE)
			return bad_line(l, "more rows than a transaction can have");
	}
	return ret;
}

/* ACL groups of one family only leave the other family open: say so. */
struct families {
	char *eni;
	unsigned int direction;
	bool v4, v6;
};

struct bindings {
	struct families *of;
	size_t n;
};

static void note_binding(void *arg, const struct abuf *row)
{
	const struct table *t = decode_table((const void *)row->data);
	struct bindings *b = arg;
	struct json_object *v;
	const char *eni;
	size_t i;

	v = decode_members(row, DECODE_KEYS);
	eni = member_text(v, "eni");
	for (i = 0; i < b->n; i++)
		if (!strcmp(b->of[i].eni, eni) && b->of[i].direction == t->fixed)
			break;
	if (i == b->n) {
		b->of = xrealloc(b->of, ++b->n * sizeof(*b->of));
		b->of[i] = (struct families){ xstrdup(eni), t->fixed, false, false };
	}
	b->of[i].v4 |= *member_text(v, "v4_acl_group_id") != '\0';
	b->of[i].v6 |= *member_text(v, "v6_acl_group_id") != '\0';
	json_object_put(v);
}

static void warn_families(struct load *l)
{
	struct bindings b = { 0 };
	struct row_reader reader = { note_binding, &b, { 0 } };
	struct abuf msg = { 0 };
	struct nl_error err;
	size_t at, i;

	at = nl_begin(l->nl, &msg, DASH_CMD_CONFIG_GET, NLM_F_DUMP | NLM_F_ACK);
	attr_u32(&msg, DASH_A_CONFIG_TYPE, DASH_OBJECT_TYPE_ACL_BIND);
	nl_end(&msg, at);
	nl_dump(l->nl, &msg, true, row_reader_cb, &reader, &err);
	row_reader_end(&reader);
	for (i = 0; i < b.n; i++) {
		if (b.of[i].v4 != b.of[i].v6)
			fprintf(stderr,
				"%s: warning: ENI %s: only IPv%d ACL groups are bound %s; IPv%d packets pass\n",
				source_name(l->src), b.of[i].eni, b.of[i].v4 ? 4 : 6,
				name_of(&direction_names, b.of[i].direction),
				b.of[i].v4 ? 6 : 4);
		free(b.of[i].eni);
	}
	free(b.of);
	abuf_free(&msg);
}

static int run(struct load *l)
{
	int ret = DONE;

	if (l->sync)
		ret = load_read(l);
	if (ret != DONE)
		return ret;
	if (!txn_begin(&l->txn, l->nl, &l->why))
		return refused(l);
	if (l->sync) {
		ret = sync_compare(l);
		source_rewind(l->src);
	}
	if (ret == DONE)
		ret = send_rows(l);
	if (ret == DONE && !txn_commit(&l->txn, l->check, &l->why))
		ret = refused(l);
	txn_end(&l->txn);
	if (ret == DONE && l->binds && !l->check)
		warn_families(l);
	return ret;
}

bool load_open(struct load *l, struct source *src)
{
	l->enc.warn = warn;
	l->enc.warn_arg = l;
	l->src = src;
	if (!l->src || (l->sync && !source_keep(l->src)))
		return false;
	l->nl = nl_open();
	return true;
}

void load_close(struct load *l)
{
	nl_close(l->nl);
	source_close(l->src);
	encoder_free(&l->enc);
	keyset_free(&l->file);
	keyset_free(&l->gone);
}

/* Load @src, which is used up; NULL if there is none. */
static int load(struct load *l, struct source *src)
{
	int ret = WRONG_CALL;

	if (load_open(l, src))
		ret = l->nl ? run(l) : REFUSED;
	load_close(l);
	return ret;
}

int cmd_load(struct args *a)
{
	struct load l = { 0 };
	const char *path = NULL;
	bool flows = false;

	while (a->n) {
		const char *word = args_next(a);

		if (!strcmp(word, "--sync")) {
			l.sync = true;
		} else if (!strcmp(word, "--check")) {
			l.check = true;
		} else if (!strcmp(word, "--ignore-unknown")) {
			l.enc.ignore_unknown = true;
		} else if (!strcmp(word, "--flows")) {
			flows = true;
		} else if (!strcmp(word, "--policy")) {
			if (!take_policy(a))
				return WRONG_CALL;
		} else if (path || (word[0] == '-' && word[1])) {
			return wrong_call("load: \"%s\"? load FILE [--sync] [--check] [--policy POLICY] [--ignore-unknown] or [--flows]",
					  word);
		} else {
			path = word;
		}
	}
	if (!path)
		return wrong_call("load: which file? \"-\" is the standard input");
	if (flows && (l.sync || l.check || l.enc.ignore_unknown))
		return wrong_call("load: --flows loads connections only: no other option goes with it");
	if (flows)
		return load_flows(path);
	return load(&l, source_open(path));
}

/* Delete everything: be equal to an empty file. */
int cmd_flush(struct args *a)
{
	struct load l = { .sync = true };

	if (!args_done(a))
		return WRONG_CALL;
	return load(&l, source_text("flush", "[]"));
}
