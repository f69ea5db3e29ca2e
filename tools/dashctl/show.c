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

static void save_row(void *arg, const struct abuf *row)
{
	struct show *s = arg;

	json_list_add(&s->list, decode_row(row, 0));
}

/* Is "TABLE:a:b:c" the one asked for, or below it? */
static bool name_matches(const char *name, const char *key)
{
	size_t n = strlen(key);

	return !strncmp(name, key, n) && (!name[n] || name[n] == ':');
}

static bool wanted(struct show *s, const struct abuf *row)
{
	struct json_object *o;
	bool yes;

	if (decode_table((const void *)row->data) != s->table)
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

static void show_text(struct show *s, const struct abuf *row)
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
	o = decode_members(row, s->flags | DECODE_KEYS);
	for (i = 0; i < n; i++) {
		struct json_object *v = member(o, table->field[i].name);
		char *text = v ? plain_text(v) : NULL;

		grid_cell(s->grid, i, text);
		free(text);
	}
	grid_row_end(s->grid);
	json_object_put(o);
}

static void show_row(void *arg, const struct abuf *row)
{
	struct show *s = arg;

	if (!wanted(s, row))
		return;
	s->n++;
	if (opt.json)
		json_list_add(&s->list, decode_row(row, s->flags));
	else
		show_text(s, row);
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

/* Ask for the row that @key encodes, or with none for those of the table. */
static bool ask(struct nl *nl, struct show *s, const struct abuf *key, const char *parent,
		struct nl_error *err)
{
	struct row_reader reader = { show_row, s, { 0 } };
	struct abuf b = { 0 };
	size_t at;
	bool ok;

	/* Classes have counters, and not all have a row. */
	if (s->table->type == DASH_OBJECT_TYPE_METER) {
		at = nl_begin(nl, &b, DASH_CMD_METER_GET, NLM_F_ACK | NLM_F_DUMP);
		nl_end(&b, at);
		ok = nl_dump(nl, &b, true, row_reader_cb, &reader, err);
		goto out;
	}
	at = nl_begin(nl, &b, DASH_CMD_CONFIG_GET, NLM_F_ACK | (key ? 0 : NLM_F_DUMP));
	if (key)
		abuf_append(&b, key->data, key->len);
	else
		attr_u32(&b, DASH_A_CONFIG_TYPE, s->table->type);
	if (parent)
		attr_str(&b, DASH_A_CONFIG_PARENT, parent);
	nl_end(&b, at);
	ok = key ? nl_talk(nl, &b, row_reader_cb, &reader, err) :
		   nl_dump(nl, &b, true, row_reader_cb, &reader, err);
out:
	row_reader_end(&reader);
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
	whole = encode_object(e, row) == ROW_OK;
	json_object_put(row);
	return whole;
}

/*
 * The kernel answers with the first part of a long row. And the last parts of a
 * route rule's key may be missing. Metering classes need no row.
 */
static bool only_in_dumps(const struct table *table)
{
	return table->append || table->type == DASH_OBJECT_TYPE_ROUTE_RULE ||
	       table->type == DASH_OBJECT_TYPE_METER;
}

/* Show the row of @key of s->table, or the rows below it, or all. */
static int show_rows(struct nl *nl, struct show *s, const char *key, bool quiet)
{
	struct encoder e = { 0 };
	struct nl_error err = { 0 };
	char *name = NULL, *parent = NULL;
	unsigned long before = s->n;
	int ret = DONE;
	bool ok, whole;

	if (key)
		name = xasprintf("%s:%s", s->table->name, key);
	whole = key && encode_key_of(&e, name);
	if (key && !whole && !has_parent(s->table)) {
		ret = wrong_call("%s", e.why);
		goto out;
	}
	if (whole && !only_in_dumps(s->table)) {
		ok = ask(nl, s, &e.buf, NULL, &err);
	} else {
		if (key && has_parent(s->table))
			parent = parent_of(s->table, key);
		s->key = name;
		ok = ask(nl, s, NULL, parent, &err);
		s->key = NULL;
		if (ok && whole && s->n == before && !quiet) {
			complain("%s does not exist", name);
			ret = REFUSED;
		}
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
	struct row_reader reader = { save_row, &s, { 0 } };
	struct abuf b = { 0 };
	struct nl_error err;
	struct nl *nl;
	size_t at;
	bool ok;

	if (args_take(a, "--flows"))
		return save_flows(a);
	if (!args_done(a))
		return WRONG_CALL;
	nl = nl_open();
	if (!nl)
		return REFUSED;
	at = nl_begin(nl, &b, DASH_CMD_CONFIG_GET, NLM_F_DUMP | NLM_F_ACK);
	nl_end(&b, at);
	ok = nl_dump(nl, &b, true, row_reader_cb, &reader, &err);
	row_reader_end(&reader);
	abuf_free(&b);
	nl_close(nl);
	if (!ok)
		return nl_refused(&err, "save");
	json_list_end(&s.list);
	return DONE;
}
