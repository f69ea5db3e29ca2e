// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Commands on objects
 *
 * "OBJECT [KIND] add KEY FIELD VALUE …" builds the row that a file would have
 * and sends it the same way. The words of a command are those of the schema.
 */
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
#include "txn.h"

static const struct table *find_kind(const char *object, const char *kind)
{
	unsigned int i;

	for (i = 0; i < n_tables; i++) {
		const struct table *t = &tables[i];

		if (!t->object || strcmp(t->object, object))
			continue;
		if (!kind ? !t->kind : t->kind && !strcmp(t->kind, kind))
			return t;
	}
	return NULL;
}

static const struct table *table_of_type(uint32_t type)
{
	unsigned int i;

	for (i = 0; i < n_tables; i++)
		if (tables[i].object && tables[i].type == type)
			return &tables[i];
	return NULL;
}

static unsigned int key_parts(const struct table *table)
{
	unsigned int n = 0;

	while (table->field[n].name && table->field[n].flags & F_KEY)
		n++;
	return n;
}

/* The key may be one word, a:b, or several, a b. */
static char *take_key(const struct table *table, struct args *a)
{
	const char *word = args_next(a);
	unsigned int n = key_parts(table), i;
	char *key, *longer;

	if (!word)
		return NULL;
	key = xstrdup(word);
	if (strchr(key, ':'))
		n = 1;
	for (i = 1; i < n && a->n && !field_find(table->field, args_peek(a)); i++) {
		longer = xasprintf("%s:%s", key, args_next(a));
		free(key);
		key = longer;
	}
	return key;
}

/* A word that the command line takes for a value of the table's first enum. */
static bool take_positional(const struct table *table, struct args *a,
			    struct json_object *fields)
{
	const struct field *f;
	const char *word = args_peek(a);

	if (!word || field_find(table->field, word))
		return false;
	for (f = table->field; f->name; f++)
		if (f->type == T_ENUM && name_find(f->names, word) != NAME_UNKNOWN)
			break;
	if (!f->name)
		return false;
	json_object_object_add(fields, f->name, json_object_new_string(args_next(a)));
	return true;
}

/* Text of a value; lists and objects may be given in JSON. */
static struct json_object *new_value(const char *text)
{
	struct json_object *v = NULL;

	if (*text == '[' || *text == '{')
		v = json_tokener_parse(text);
	return v ? v : json_object_new_string(text);
}

/* FIELD VALUE …; a list field may come several times. */
static bool take_fields(const struct table *table, struct args *a, struct json_object *fields)
{
	while (a->n) {
		const char *name = args_next(a), *text = args_next(a);
		const struct field *f = field_find(table->field, name);
		struct json_object *old, *list;

		/* The fields of a list of objects, without the list. */
		if (!f && table->value_list)
			f = field_find(table->field[1].sub, name);
		if (!f) {
			complain("%s: no field \"%s\"; there are those that \"dashctl help %s\" lists",
				 table->name, name, table->object);
			return false;
		}
		if (!text) {
			complain("%s: the value of \"%s\" is missing", table->name, name);
			return false;
		}
		if (!json_object_object_get_ex(fields, f->name, &old)) {
			json_object_object_add(fields, f->name, new_value(text));
			continue;
		}
		if (!(f->flags & F_LIST)) {
			complain("%s: \"%s\" is given twice", table->name, name);
			return false;
		}
		if (!json_object_is_type(old, json_type_array)) {
			list = json_object_new_array();
			json_object_array_add(list, json_object_get(old));
			json_object_object_add(fields, f->name, list);
			old = list;
		}
		json_object_array_add(old, new_value(text));
	}
	return true;
}

static struct json_object *new_row(const struct table *table, const char *key,
				   struct json_object *fields, bool del)
{
	struct json_object *row = json_object_new_object();
	char *name = xasprintf("%s:%s", table->name, key);

	json_object_object_add(row, name, fields);
	json_object_object_add(row, "OP", json_object_new_string(del ? "DEL" : "SET"));
	free(name);
	return row;
}

static void warn(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "dashctl: warning: %s\n", text);
}

/* Encode the row, whose reference is taken; complains. */
static bool encode(struct encoder *e, struct json_object *row)
{
	bool ok;

	e->warn = warn;
	ok = encode_object(e, row) == ROW_OK;
	if (!ok)
		complain("%s", e->why);
	json_object_put(row);
	return ok;
}

/* Send the row of @e; @err tells why it is refused. */
static bool talk(struct nl *nl, const struct encoder *e, uint8_t cmd, nl_cb cb, void *arg,
		 struct nl_error *err)
{
	struct abuf b = { 0 };
	size_t at = nl_begin(nl, &b, cmd, NLM_F_ACK);
	char field[FIELD_TEXT] = "", *text;
	uint32_t row = 0;
	bool ok;

	abuf_append(&b, e->buf.data, e->buf.len);
	if (cmd != DASH_CMD_CONFIG_GET)
		attr_u8(&b, DASH_A_CONFIG_POLICY, opt.policy);
	nl_end(&b, at);
	ok = nl_talk(nl, &b, cb, arg, err);
	if (!ok && refusal_locate(b.data, err, &row, field) && field[0]) {
		text = xasprintf("%s: %s", field, err->miss_type ? "is missing" : err->text);
		if (!nl_names_row(err->text))
			snprintf(err->text, sizeof(err->text), "%s", text);
		free(text);
	}
	abuf_free(&b);
	return ok;
}

struct wanted {
	const char *name;		/* NULL: any */
	struct json_object *row;	/* the first such row */
};

static void keep_row(void *arg, const struct abuf *row)
{
	struct wanted *w = arg;
	struct json_object *o;

	if (w->row)
		return;
	o = decode_row(row, 0);
	if (!w->name || !strcmp(row_name(o), w->name))
		w->row = o;
	else
		json_object_put(o);
}

/* Look for a row among all of the table. */
static bool search(struct nl *nl, const struct table *table, struct wanted *w,
		   struct nl_error *err)
{
	struct row_reader reader = { keep_row, w, { 0 } };
	struct abuf b = { 0 };
	size_t at;
	bool ok;

	at = nl_begin(nl, &b, DASH_CMD_CONFIG_GET, NLM_F_DUMP | NLM_F_ACK);
	attr_u32(&b, DASH_A_CONFIG_TYPE, table->type);
	nl_end(&b, at);
	ok = nl_dump(nl, &b, true, row_reader_cb, &reader, err);
	row_reader_end(&reader);
	abuf_free(&b);
	return ok;
}

/* Parts of long rows are 32 kB at most; one that has more than half may be one. */
#define MAY_GO_ON	(16 * 1024)

/* The row of @key as it is now; *@old stays NULL when there is none. */
static int fetch(struct nl *nl, const struct table *table, const char *key,
		 struct json_object **old)
{
	struct wanted w = { NULL, NULL };
	struct row_reader reader = { keep_row, &w, { 0 } };
	struct encoder e = { 0 };
	struct nl_error err;
	bool long_row = false;
	int ret = DONE;

	if (!encode(&e, new_row(table, key, json_object_new_object(), true))) {
		encoder_free(&e);
		return WRONG_CALL;
	}
	if (!talk(nl, &e, DASH_CMD_CONFIG_GET, row_reader_cb, &reader, &err) && err.code != ENOENT)
		ret = nl_refused(&err, key);
	long_row = table->append && reader.buf.len > MAY_GO_ON;
	row_reader_end(&reader);
	encoder_free(&e);
	if (ret == DONE && long_row) {
		struct json_object *first = w.row;

		w = (struct wanted){ row_name(first), NULL };
		if (!search(nl, table, &w, &err))
			ret = nl_refused(&err, key);
		json_object_put(first);
	}
	*old = w.row;
	return ret;
}

/* Put what @old has and @fields has not into @fields. */
static void merge(struct json_object *fields, struct json_object *old)
{
	struct json_object *old_fields = NULL;
	const char *name = row_name(old);

	if (!name || !json_object_object_get_ex(old, name, &old_fields) ||
	    !json_object_is_type(old_fields, json_type_object))
		return;
	json_object_object_foreach(old_fields, field, v)
		if (!json_object_object_get_ex(fields, field, NULL))
			json_object_object_add(fields, field, json_object_get(v));
}

enum verb { ADD, REPLACE, SET, DEL };

/* Carry out @verb on the row; the reference to @fields is taken. */
static int change(const struct table *table, enum verb verb, const char *key,
		  struct json_object *fields)
{
	struct json_object *old = NULL;
	struct encoder e = { 0 };
	struct nl_error err;
	struct nl *nl;
	char *what;
	int ret = DONE;

	nl = nl_open();
	if (!nl) {
		json_object_put(fields);
		return REFUSED;
	}
	if (verb == ADD || verb == SET)
		ret = fetch(nl, table, key, &old);
	if (ret == DONE && verb == ADD && old) {
		complain("%s:%s: exists already", table->name, key);
		ret = REFUSED;
	}
	if (ret == DONE && verb == SET && old)
		merge(fields, old);
	json_object_put(old);
	if (ret != DONE) {
		json_object_put(fields);
		goto out;
	}
	if (!encode(&e, new_row(table, key, fields, verb == DEL))) {
		ret = WRONG_CALL;
		goto out;
	}
	if (!talk(nl, &e, verb == DEL ? DASH_CMD_CONFIG_DEL : DASH_CMD_CONFIG_SET, NULL, NULL,
		  &err)) {
		what = xasprintf("%s:%s", table->name, key);
		ret = nl_refused(&err, what);
		free(what);
	}
out:
	encoder_free(&e);
	if (ret == DONE)
		nl_keep(nl);
	else
		nl_close(nl);
	return ret;
}

/* "appliance set FIELD VALUE …" means the appliance there is. */
static int only_appliance(const struct table *table, char **key)
{
	struct wanted w = { NULL, NULL };
	struct nl *nl = nl_open();
	struct nl_error err;
	const char *name;
	bool ok;

	if (!nl)
		return REFUSED;
	ok = search(nl, table, &w, &err);
	nl_close(nl);
	if (!ok)
		return nl_refused(&err, "appliance");
	name = w.row ? row_name(w.row) : NULL;
	name = name ? strchr(name, ':') : NULL;
	*key = xstrdup(name ? name + 1 : "1");
	json_object_put(w.row);
	return DONE;
}

static int cmd_change(const struct table *table, enum verb verb, struct args *a)
{
	struct json_object *fields;
	char *key = NULL;
	int ret = DONE;

	if (table->type == DASH_OBJECT_TYPE_APPLIANCE && verb == SET && a->n &&
	    field_find(table->field, args_peek(a)))
		ret = only_appliance(table, &key);
	else
		key = take_key(table, a);
	if (ret != DONE)
		return ret;
	if (!key)
		return wrong_call("%s%s%s: the key is missing", table->object,
				  table->kind ? " " : "", table->kind ? table->kind : "");
	fields = json_object_new_object();
	take_positional(table, a, fields);
	if (!take_fields(table, a, fields)) {
		json_object_put(fields);
		ret = WRONG_CALL;
	} else {
		ret = change(table, verb, key, fields);
	}
	free(key);
	return ret;
}

/* acl bind|unbind ENI {in|out} STAGE [v4 GROUP] [v6 GROUP] */
static int cmd_acl_bind(struct args *a, enum verb verb)
{
	const char *eni = args_next(a), *dir = args_next(a), *stage = args_next(a);
	struct json_object *fields;
	const struct table *table;
	char *key;
	int ret;

	if (!stage || (verb == SET && !a->n))
		return wrong_call("acl bind ENI {in|out} STAGE {v4|v6} GROUP …, acl unbind ENI {in|out} STAGE");
	ret = name_find(&direction_names, dir);
	if (ret < 0)
		return wrong_call("\"%s\": neither in nor out", dir);
	table = find_kind("acl", ret == DASH_DIRECTION_INBOUND ? "in" : "out");
	fields = json_object_new_object();
	if (!take_fields(table, a, fields)) {
		json_object_put(fields);
		return WRONG_CALL;
	}
	key = xasprintf("%s:%s", eni, stage);
	ret = change(table, verb, key, fields);
	free(key);
	return ret;
}

/* route bind ENI GROUP, route unbind ENI */
static int cmd_route_bind(struct args *a, enum verb verb)
{
	const char *eni = args_next(a), *group = verb == DEL ? "" : args_next(a);
	struct json_object *fields;

	if (!eni || !group)
		return wrong_call("route bind ENI GROUP, route unbind ENI");
	if (!args_done(a))
		return WRONG_CALL;
	fields = json_object_new_object();
	if (verb != DEL)
		json_object_object_add(fields, "group_id", json_object_new_string(group));
	return change(table_of_type(DASH_OBJECT_TYPE_ENI_ROUTE), verb, eni, fields);
}

static bool find_verb(const char *word, enum verb *verb)
{
	static const struct {
		const char *name;
		enum verb verb;
	} verbs[] = {
		{ "add", ADD }, { "replace", REPLACE }, { "set", SET }, { "change", SET },
		{ "del", DEL }, { "delete", DEL },
	};
	unsigned int i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!strcmp(verbs[i].name, word)) {
			*verb = verbs[i].verb;
			return true;
		}
	}
	return false;
}

static bool is_show(const char *word)
{
	return !strcmp(word, "show") || !strcmp(word, "list") || !strcmp(word, "get");
}

static int cmd_show(const char *object, const struct table *table, struct args *a)
{
	char *key = NULL, *longer;
	int ret;

	while (a->n) {
		longer = key ? xasprintf("%s:%s", key, args_next(a)) : xstrdup(args_next(a));
		free(key);
		key = longer;
	}
	ret = table ? show_table(table, key) : show_object(object, key);
	free(key);
	return ret;
}

int cmd_object(const char *object, struct args *a)
{
	const struct table *table = find_kind(object, NULL);
	const char *word = args_peek(a);
	enum verb verb;

	if (!word)
		return cmd_show(object, table, a);
	if (!strcmp(word, "help"))
		return help_object(object);
	if (!strcmp(object, "acl") && (args_take(a, "bind") || args_take(a, "unbind")))
		return cmd_acl_bind(a, !strcmp(word, "bind") ? SET : DEL);
	if (!strcmp(object, "route") && args_take(a, "unbind"))
		return cmd_route_bind(a, DEL);
	if (find_kind(object, word)) {
		table = find_kind(object, word);
		args_next(a);
		word = args_peek(a);
		if (!word || is_show(word)) {
			args_next(a);
			return cmd_show(object, table, a);
		}
	}
	if (is_show(word)) {
		args_next(a);
		return cmd_show(object, table, a);
	}
	if (find_verb(word, &verb)) {
		args_next(a);
		if (!table)
			return wrong_call("%s %s: of what kind? see dashctl help %s", object,
					  word, object);
		return cmd_change(table, verb, a);
	}
	if (table && table->type == DASH_OBJECT_TYPE_ENI_ROUTE)
		return cmd_route_bind(a, SET);
	return wrong_call("%s: unknown command \"%s\"; see dashctl help %s", object, word, object);
}
