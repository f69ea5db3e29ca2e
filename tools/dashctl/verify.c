// SPDX-License-Identifier: GPL-2.0
/*
 * verify: compare the kernel's state with a file, as load --sync does: names
 * and digests first. Of rows that differ the kernel's are kept, until the file
 * is read once more to say in what.
 */
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "load.h"
#include "print.h"

struct verify {
	struct load l;
	struct json_object *rows;	/* of the kernel that differ, by name */
	struct json_object *missing;
	struct json_object *extra;
	struct json_object *different;
};

/* The row's name and fields in their canonical form. */
static struct json_object *new_row(const struct abuf *attr, const char **name)
{
	struct json_object *o = decode_row(attr, DECODE_SORTED | DECODE_KEYS);

	*name = row_name(o);
	return o;
}

static void kernel_row(void *arg, const struct abuf *row)
{
	struct verify *v = arg;
	uint64_t content;
	char *key = load_row_name(row, &content);
	struct entry *e = keyset_find(&v->l.file, key);
	const char *name;
	struct json_object *o;

	if (e && !e->dropped) {
		e->there = true;
		e->same = e->content == content;
	}
	if (!e || e->dropped || !e->same) {
		o = new_row(row, &name);
		if (e && !e->dropped)
			json_object_object_add(v->rows, key,
					       json_object_get(member(o, name)));
		else
			json_object_array_add(v->extra, json_object_new_string(name));
		json_object_put(o);
	}
	free(key);
}

static void compare_member(struct json_object *fields, const char *name, struct json_object *file,
			   struct json_object *kernel)
{
	struct json_object *o;

	if (json_object_equal(file, kernel))
		return;
	o = json_object_new_object();
	json_object_object_add(o, "file", json_object_get(file));
	json_object_object_add(o, "kernel", json_object_get(kernel));
	json_object_object_add(fields, name, o);
}

static void compare_row(struct verify *v, const char *key, const char *name,
			struct json_object *file)
{
	struct json_object *fields = json_object_new_object();
	struct json_object *kernel = member(v->rows, key), *o = json_object_new_object();

	/* Most tables' rows are objects, those of some are lists. */
	if (!json_object_is_type(file, json_type_object) ||
	    !json_object_is_type(kernel, json_type_object)) {
		compare_member(fields, "value", file, kernel);
	} else {
		json_object_object_foreach(file, f, x)
			compare_member(fields, f, x, member(kernel, f));
		json_object_object_foreach(kernel, k, y)
			if (!json_object_object_get_ex(file, k, NULL))
				compare_member(fields, k, NULL, y);
	}
	json_object_object_add(o, "name", json_object_new_string(name));
	json_object_object_add(o, "fields", fields);
	json_object_array_add(v->different, o);
}

/* Of rows with the same name in the file, the last one counts. */
static void file_row(struct verify *v)
{
	const struct abuf *row = &v->l.enc.buf;
	uint64_t content;
	char *key = load_row_name(row, &content);
	struct entry *e = keyset_find(&v->l.file, key);
	struct json_object *o;
	const char *name;

	if (!v->l.enc.del && e && !e->dropped && !e->same && !e->told && e->content == content) {
		e->told = true;
		o = new_row(row, &name);
		if (e->there)
			compare_row(v, key, name, member(o, name));
		else
			json_object_array_add(v->missing, json_object_new_string(name));
		json_object_put(o);
	}
	free(key);
}

static int compare_all(struct verify *v)
{
	struct row_reader reader = { kernel_row, v, { 0 } };
	struct nl_error err;
	int ret = load_read(&v->l);
	bool ok, there;

	if (ret != DONE)
		return ret;
	ok = load_dump(v->l.nl, &reader, -1, &err);
	row_reader_end(&reader);
	if (!ok)
		return nl_refused(&err, "verify");
	if (!source_rewind(v->l.src))
		return WRONG_CALL;
	while ((ret = load_next(&v->l, &there)) == DONE && there)
		file_row(v);
	return ret;
}

static void print_names(const char *what, struct json_object *list)
{
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++)
		printf("%s %s\n", what, json_object_get_string(json_object_array_get_idx(list, i)));
}

static void print_text(const struct verify *v)
{
	size_t i;

	print_names("missing", v->missing);
	print_names("extra", v->extra);
	for (i = 0; i < json_object_array_length(v->different); i++) {
		struct json_object *o = json_object_array_get_idx(v->different, i);

		json_object_object_foreach(member(o, "fields"), name, f) {
			char *file = plain_text(member(f, "file"));
			char *kernel = plain_text(member(f, "kernel"));

			printf("different %s %s: file %s, kernel %s\n", member_text(o, "name"),
			       name, *file ? file : "-", *kernel ? kernel : "-");
			free(file);
			free(kernel);
		}
	}
}

static bool is_equal(const struct verify *v)
{
	return !json_object_array_length(v->missing) && !json_object_array_length(v->extra) &&
	       !json_object_array_length(v->different);
}

int cmd_verify(struct args *a)
{
	struct verify v = { .l.sync = true };
	struct json_object *doc;
	const char *path = NULL;
	int ret = WRONG_CALL;

	while (a->n) {
		const char *word = args_next(a);

		if (!strcmp(word, "--ignore-unknown")) {
			v.l.enc.ignore_unknown = true;
			continue;
		}
		if (path || (word[0] == '-' && word[1]))
			return wrong_call("verify: \"%s\"? verify FILE [--ignore-unknown]", word);
		path = word;
	}
	if (!path)
		return wrong_call("verify: which file? \"-\" is the standard input");
	doc = json_object_new_object();
	v.rows = json_object_new_object();
	v.missing = json_object_new_array();
	v.extra = json_object_new_array();
	v.different = json_object_new_array();
	json_object_object_add(doc, "missing", v.missing);
	json_object_object_add(doc, "extra", v.extra);
	json_object_object_add(doc, "different", v.different);
	if (load_open(&v.l, source_open(path)))
		ret = v.l.nl ? compare_all(&v) : REFUSED;
	if (ret == DONE) {
		if (opt.json)
			print_json(doc);
		else
			print_text(&v);
		ret = is_equal(&v) ? DONE : WRONG_CALL;
	}
	load_close(&v.l);
	json_object_put(v.rows);
	json_object_put(doc);
	return ret;
}
