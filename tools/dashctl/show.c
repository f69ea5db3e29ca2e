// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/dash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "decode.h"
#include "encode.h"
#include "nl.h"
#include "print.h"

struct show {
	const struct table *table;	/* NULL: all */
	const char *key;		/* "TABLE:key" to look for; NULL: any */
	struct json_list list;
	struct grid *grid;
	char **head;
	unsigned long n;
	unsigned int flags;
	bool titles;			/* several tables: say which */
	unsigned int titled;
};

/* Rows of a message, each given to @row. */
static void for_rows(const struct nlmsghdr *msg, struct show *s,
		     void (*row)(struct show *s, const struct nlattr *row))
{
	unsigned int len;
	const struct nlattr *attr = nl_attrs(msg, &len);

	for (; mnl_attr_ok(attr, len); len -= NLA_ALIGN(attr->nla_len),
	     attr = mnl_attr_next(attr))
		if (decode_table(attr))
			row(s, attr);
}

static void save_row(struct show *s, const struct nlattr *row)
{
	json_list_add(&s->list, decode_row(row, 0));
}

static void save_cb(const struct nlmsghdr *msg, void *arg)
{
	for_rows(msg, arg, save_row);
}

/* Is "TABLE:a:b:c" the one asked for, or below it? */
static bool name_matches(const char *name, const char *key)
{
	size_t n = strlen(key);

	return !strncmp(name, key, n) && (!name[n] || name[n] == ':');
}

static bool wanted(struct show *s, const struct nlattr *row)
{
	struct json_object *o;
	bool yes;

	if (decode_table(row) != s->table)
		return false;
	if (!s->key)
		return true;
	o = decode_row(row, 0);
	yes = name_matches(row_name(o), s->key);
	json_object_put(o);
	return yes;
}

static unsigned int columns(const struct table *table)
{
	unsigned int n = 0;

	while (table->field[n].name)
		n++;
	return n;
}

static void show_text(struct show *s, const struct nlattr *row)
{
	const struct table *table = s->table;
	unsigned int i, n = columns(table);
	struct json_object *o;

	if (!s->grid) {
		if (s->titles)
			printf("%s%s%s%s:\n", s->titled++ ? "\n" : "", table->object,
			       table->kind ? " " : "", table->kind ? table->kind : "");
		s->head = calloc(n, sizeof(*s->head));
		if (!s->head)
			abort();
		for (i = 0; i < n; i++) {
			char *p = xstrdup(table->field[i].name);

			s->head[i] = p;
			for (; *p; p++)
				*p = toupper((unsigned char)*p);
		}
		s->grid = grid_new((const char *const *)s->head, n);
	}
	o = decode_nest(table->field, row, s->flags | DECODE_KEYS);
	for (i = 0; i < n; i++) {
		struct json_object *v = member(o, table->field[i].name);
		char *text = v ? plain_text(v) : NULL;

		grid_cell(s->grid, i, text);
		free(text);
	}
	grid_row_end(s->grid);
	json_object_put(o);
}

static void show_row(struct show *s, const struct nlattr *row)
{
	if (!wanted(s, row))
		return;
	s->n++;
	if (opt.json)
		json_list_add(&s->list, decode_row(row, s->flags));
	else
		show_text(s, row);
}

static void show_cb(const struct nlmsghdr *msg, void *arg)
{
	for_rows(msg, arg, show_row);
}

static void text_end(struct show *s)
{
	unsigned int i;

	if (!s->grid)
		return;
	grid_end(s->grid);
	for (i = 0; i < columns(s->table); i++)
		free(s->head[i]);
	free(s->head);
	s->grid = NULL;
	s->head = NULL;
}

/* Ask for the one row of @key, encoded in @e. */
static bool get_row(struct nl *nl, const struct encoder *e, struct show *s, struct nl_error *err)
{
	struct abuf b = { 0 };
	size_t at = nl_begin(nl, &b, DASH_CMD_CONFIG_GET, NLM_F_ACK);
	bool ok;

	abuf_append(&b, e->buf.data, e->buf.len);
	nl_end(&b, at);
	ok = nl_talk(nl, &b, show_cb, s, err);
	abuf_free(&b);
	return ok;
}

static bool dump_rows(struct nl *nl, const char *parent, struct show *s, struct nl_error *err)
{
	struct abuf b = { 0 };
	size_t at = nl_begin(nl, &b, DASH_CMD_CONFIG_GET, NLM_F_DUMP | NLM_F_ACK);
	bool ok;

	attr_u32(&b, DASH_A_CONFIG_TYPE, s->table->type);
	if (parent)
		attr_str(&b, DASH_A_CONFIG_PARENT, parent);
	nl_end(&b, at);
	ok = nl_dump(nl, &b, true, show_cb, s, err);
	abuf_free(&b);
	return ok;
}

/* The first part of a key: the group, VNET or ENI above the row. */
static char *parent_of(const struct table *table, const char *key)
{
	char *parent = xstrdup(key);
	bool number = table->field[1].type == T_U8;
	char *p = number ? strrchr(parent, ':') : strchr(parent, ':');

	if (p && (!number || strspn(p + 1, "0123456789") == strlen(p + 1)))
		*p = '\0';
	return parent;
}

static bool has_parent(const struct table *table)
{
	return table->field[1].flags & F_KEY;
}

/* Encode the key attributes of "TABLE:key"; false: it is not a whole key. */
static bool encode_key_of(struct encoder *e, const char *name)
{
	struct json_object *row = json_object_new_object();
	bool whole;

	json_object_object_add(row, name, json_object_new_object());
	json_object_object_add(row, "OP", json_object_new_string("DEL"));
	whole = encode_row(e, row) == ROW_OK;
	json_object_put(row);
	return whole;
}

/* Show the row of @key of s->table, or the rows below it, or all. */
static int show_rows(struct nl *nl, struct show *s, const char *key, bool quiet)
{
	struct encoder e = { 0 };
	struct nl_error err = { 0 };
	char *name = NULL, *parent = NULL;
	int ret = DONE;
	bool ok;

	if (key)
		name = xasprintf("%s:%s", s->table->name, key);
	/* The last parts of a route rule's key may be missing: look for them. */
	if (key && encode_key_of(&e, name) && s->table->type != DASH_OBJECT_TYPE_ROUTE_RULE) {
		ok = get_row(nl, &e, s, &err);
	} else if (key && !has_parent(s->table)) {
		ret = wrong_call("%s", e.why);
		goto out;
	} else {
		if (key)
			parent = parent_of(s->table, key);
		s->key = name;
		ok = dump_rows(nl, parent, s, &err);
		s->key = NULL;
	}
	if (!ok && !(quiet && err.code == ENOENT))
		ret = nl_refused(&err, key);
out:
	encoder_free(&e);
	free(parent);
	free(name);
	return ret;
}

static int show_tables(const char *object, const struct table *only, const char *key)
{
	struct show s = { .flags = DECODE_REPLY, .titles = !only };
	bool quiet = !only && key;
	struct nl *nl = nl_open();
	unsigned int i;
	int ret = DONE;

	if (!nl)
		return REFUSED;
	if (opt.details)
		s.flags |= DECODE_DEFAULTS;
	for (i = 0; i < n_tables && ret == DONE; i++) {
		const struct table *t = &tables[i];

		if (only ? t != only : !t->object || strcmp(t->object, object))
			continue;
		s.table = t;
		ret = show_rows(nl, &s, key, quiet);
		text_end(&s);
	}
	nl_close(nl);
	if (ret != DONE)
		return ret;
	if (quiet && !s.n) {
		complain("%s %s: no such object", object, key);
		return REFUSED;
	}
	if (opt.json)
		json_list_end(&s.list);
	return DONE;
}

int show_table(const struct table *table, const char *key)
{
	return show_tables(NULL, table, key);
}

int show_object(const char *object, const char *key)
{
	return show_tables(object, NULL, key);
}

int cmd_save(struct args *a)
{
	struct show s = { .flags = 0 };
	struct abuf b = { 0 };
	struct nl_error err;
	struct nl *nl;
	size_t at;
	bool ok;

	if (args_take(a, "--flows"))
		return wrong_call("save: --flows is not supported yet");
	if (!args_done(a))
		return WRONG_CALL;
	nl = nl_open();
	if (!nl)
		return REFUSED;
	at = nl_begin(nl, &b, DASH_CMD_CONFIG_GET, NLM_F_DUMP | NLM_F_ACK);
	nl_end(&b, at);
	ok = nl_dump(nl, &b, true, save_cb, &s, &err);
	abuf_free(&b);
	nl_close(nl);
	if (!ok)
		return nl_refused(&err, "save");
	json_list_end(&s.list);
	return DONE;
}
