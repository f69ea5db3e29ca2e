// SPDX-License-Identifier: GPL-2.0
#include <libmnl/libmnl.h>
#include <linux/dash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dashctl.h"
#include "decode.h"
#include "nl.h"
#include "value.h"

static uint64_t number(const struct nlattr *a)
{
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;

	switch (mnl_attr_get_payload_len(a)) {
	case 1:
		return *(uint8_t *)mnl_attr_get_payload(a);
	case 2:
		memcpy(&v16, mnl_attr_get_payload(a), sizeof(v16));
		return v16;
	case 4:
		memcpy(&v32, mnl_attr_get_payload(a), sizeof(v32));
		return v32;
	case 8:
		memcpy(&v64, mnl_attr_get_payload(a), sizeof(v64));
		return v64;
	}
	return 0;
}

static const struct nlattr *inner(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, nest)
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

static struct json_object *new_text(const struct nlattr *a)
{
	return json_object_new_string_len(mnl_attr_get_payload(a),
					  strnlen(mnl_attr_get_payload(a),
						  mnl_attr_get_payload_len(a)));
}

static struct json_object *new_prefix(const struct nlattr *addr, const struct nlattr *len)
{
	char text[ADDR_TEXT], prefix[PREFIX_TEXT];

	if (!addr)
		return NULL;
	format_addr(mnl_attr_get_payload(addr), mnl_attr_get_payload_len(addr), text);
	snprintf(prefix, sizeof(prefix), "%s/%d", text,
		 len ? (uint8_t)number(len) : (uint8_t)mnl_attr_get_payload_len(addr) * 8);
	return json_object_new_string(prefix);
}

static struct json_object *new_masked(const struct nlattr *value, const struct nlattr *mask)
{
	char text[2][ADDR_TEXT], both[2 * ADDR_TEXT + 1];

	if (!mask)
		return NULL;
	format_addr(mnl_attr_get_payload(value), mnl_attr_get_payload_len(value), text[0]);
	format_addr(mnl_attr_get_payload(mask), mnl_attr_get_payload_len(mask), text[1]);
	snprintf(both, sizeof(both), "%s/%s", text[0], text[1]);
	return json_object_new_string(both);
}

static struct json_object *new_range(const struct nlattr *nest)
{
	const struct nlattr *lo = inner(nest, DASH_A_PORT_RANGE_LO);
	const struct nlattr *hi = inner(nest, DASH_A_PORT_RANGE_HI);
	char text[32];

	if (!lo)
		return NULL;
	if (!hi || number(hi) == number(lo))
		snprintf(text, sizeof(text), "%u", (unsigned int)number(lo));
	else
		snprintf(text, sizeof(text), "%u-%u", (unsigned int)number(lo),
			 (unsigned int)number(hi));
	return json_object_new_string(text);
}

static struct json_object *new_name(const struct names *names, uint64_t v)
{
	const char *name = name_of(names, v);

	return name ? json_object_new_string(name) : json_object_new_uint64(v);
}

static struct json_object *decode_value(const struct field *f, const struct nlattr *a,
					unsigned int flags)
{
	const void *data = mnl_attr_get_payload(a);
	unsigned int len = mnl_attr_get_payload_len(a);
	char text[ADDR_TEXT];

	switch (f->type) {
	case T_STR:
	case T_PREFIX_STR:
	case T_NETNS:
		return new_text(a);
	case T_U8:
	case T_U16:
	case T_U32:
	case T_U64:
		return json_object_new_uint64(number(a));
	case T_BOOL:
		return json_object_new_boolean(number(a) != 0);
	case T_ENUM:
		return new_name(f->names, number(a));
	case T_PROTO:
		if (f->flags & F_NAMED && proto_name(number(a)))
			return json_object_new_string(proto_name(number(a)));
		return json_object_new_uint64(number(a));
	case T_ADDR:
		return json_object_new_string(format_addr(data, len, text));
	case T_MAC:
		return len == 6 ? json_object_new_string(format_mac(data, text)) : NULL;
	case T_PREFIX:
		return new_prefix(inner(a, DASH_A_PREFIX_ADDR), inner(a, DASH_A_PREFIX_LEN));
	case T_PORTS:
	case T_VNIS:
		return new_range(a);
	case T_NEST:
		return decode_nest(f->sub, a, flags);
	case T_MASKED:
	case T_IGNORED:
	case T_UNSUPPORTED:
		break;
	}
	return NULL;
}

/* The field an attribute belongs to; split prefixes are done with their address. */
static const struct field *field_of(const struct field *fields, uint16_t attr, uint16_t nest)
{
	const struct field *f;

	for (f = fields; f->name; f++)
		if (f->attr == attr && f->nest == nest && f->type < T_IGNORED)
			return f;
	return NULL;
}

static bool encloses(const struct field *fields, uint16_t attr)
{
	for (; fields->name; fields++)
		if (fields->nest == attr)
			return true;
	return false;
}

static const struct nlattr *find(const void *attrs, unsigned int len, uint16_t type)
{
	const struct nlattr *attr;

	mnl_attr_for_each_payload(attrs, len)
		if (mnl_attr_get_type(attr) == type)
			return attr;
	return NULL;
}

/* Set value[i] to what the attributes say of @fields[i]. */
static void collect(const struct field *fields, const void *attrs, unsigned int len,
		    uint16_t nest, unsigned int flags, struct json_object **value)
{
	const struct nlattr *attr;

	mnl_attr_for_each_payload(attrs, len) {
		const struct field *f = field_of(fields, mnl_attr_get_type(attr), nest);
		struct json_object *v;

		if (!f) {
			if (!nest && encloses(fields, mnl_attr_get_type(attr)))
				collect(fields, mnl_attr_get_payload(attr),
					mnl_attr_get_payload_len(attr),
					mnl_attr_get_type(attr), flags, value);
			continue;
		}
		if (f->type == T_PREFIX && f->len_attr)
			v = new_prefix(attr, find(attrs, len, f->len_attr));
		else if (f->type == T_MASKED)
			v = new_masked(attr, find(attrs, len, f->len_attr));
		else
			v = decode_value(f, attr, flags);
		if (f->flags & F_LIST) {
			if (!value[f - fields])
				value[f - fields] = json_object_new_array();
			json_object_array_add(value[f - fields], v);
		} else {
			json_object_put(value[f - fields]);
			value[f - fields] = v;
		}
	}
}

static int compare_elements(const void *a, const void *b)
{
	return strcmp(json_object_get_string(*(struct json_object * const *)a),
		      json_object_get_string(*(struct json_object * const *)b));
}

static struct json_object *polish(const struct field *f, struct json_object *v,
				  unsigned int flags)
{
	struct json_object *only;

	if (!(f->flags & F_LIST))
		return v;
	if (flags & DECODE_SORTED && f->flags & F_SET)
		json_object_array_sort(v, compare_elements);
	if (f->flags & F_SCALAR && json_object_array_length(v) == 1) {
		only = json_object_get(json_object_array_get_idx(v, 0));
		json_object_put(v);
		return only;
	}
	return v;
}

static bool is_default(const struct field *f, struct json_object *v)
{
	if (json_object_is_type(v, json_type_string) && !json_object_get_string_len(v))
		return true;
	return f->def && !strcmp(f->def, json_object_get_string(v));
}

static struct json_object *missing_value(const struct field *f)
{
	uint64_t n;

	if (f->absent)
		return json_object_new_string(f->absent);
	if (!f->def || f->type >= T_IGNORED)
		return NULL;
	if (f->type == T_BOOL)
		return json_object_new_boolean(!strcmp(f->def, "true"));
	if (f->type <= T_U64 && f->type != T_STR) {
		n = strtoull(f->def, NULL, 10);
		return json_object_new_uint64(n);
	}
	return json_object_new_string(f->def);
}

/* Make an object of value[], which is used up. */
static struct json_object *make_object(const struct field *fields, struct json_object **value,
				       unsigned int flags)
{
	struct json_object *object = json_object_new_object();
	const struct field *f;

	for (f = fields; f->name; f++) {
		struct json_object *v = value[f - fields];
		bool keep = !(f->flags & F_KEY) || flags & DECODE_KEYS;

		if (f->flags & F_REPLY && !(flags & DECODE_REPLY))
			keep = false;
		if (!v && flags & DECODE_DEFAULTS && !(f->flags & F_KEY))
			v = missing_value(f);
		if (v && !(flags & DECODE_DEFAULTS) && !(f->flags & F_KEY) && is_default(f, v))
			keep = false;
		if (v && keep)
			json_object_object_add(object, f->name, polish(f, v, flags));
		else if (v)
			json_object_put(v);
		else if (f->flags & F_NULL)
			json_object_object_add(object, f->name, NULL);
		value[f - fields] = NULL;
	}
	return object;
}

struct json_object *decode_attrs(const struct field *fields, const void *attrs,
				 unsigned int len, unsigned int flags)
{
	struct json_object *value[MAX_FIELDS] = { NULL };

	collect(fields, attrs, len, 0, flags, value);
	return make_object(fields, value, flags);
}

struct json_object *decode_nest(const struct field *fields, const struct nlattr *nest,
				unsigned int flags)
{
	return decode_attrs(fields, mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest),
			    flags);
}

const struct table *decode_table(const struct nlattr *row)
{
	const struct table *table = table_by_attr(mnl_attr_get_type(row));
	const struct nlattr *a;
	unsigned int i;

	if (!table || !table->fixed_attr)
		return table;
	a = inner(row, table->fixed_attr);
	for (i = 0; a && i < n_tables; i++)
		if (tables[i].attr == table->attr && tables[i].fixed_attr == table->fixed_attr &&
		    tables[i].fixed == number(a))
			return &tables[i];
	return NULL;
}

/* "TABLE:part:part"; the optional parts are in it if the first of them exists. */
static char *make_name(const struct table *table, struct json_object **value)
{
	const struct field *f;
	bool optional = false, first_optional = true;
	char *name = xstrdup(table->name);

	for (f = table->field; f->name && f->flags & F_KEY; f++) {
		struct json_object **v = &value[f - table->field];
		char *longer;

		if (f->flags & F_OPT_KEY) {
			if (first_optional)
				optional = *v;
			first_optional = false;
			if (!optional || !*v)
				continue;
		}
		longer = xasprintf("%s:%s", name, *v ? json_object_get_string(*v) : "");
		free(name);
		name = longer;
	}
	return name;
}

/* Set value[i] to what all parts of a row say. */
static void collect_parts(const struct table *table, const struct abuf *buf,
			  unsigned int flags, struct json_object **value)
{
	const char *part = buf->data;

	while (part < buf->data + buf->len) {
		const struct nlattr *nest = (const void *)part;

		collect(table->field, mnl_attr_get_payload(nest),
			mnl_attr_get_payload_len(nest), 0, flags, value);
		part += NLA_ALIGN(nest->nla_len);
	}
}

struct json_object *decode_members(const struct abuf *buf, unsigned int flags)
{
	const struct table *table = decode_table((const void *)buf->data);
	struct json_object *value[MAX_FIELDS] = { NULL };

	collect_parts(table, buf, flags, value);
	return make_object(table->field, value, flags);
}

struct json_object *decode_row(const struct abuf *buf, unsigned int flags)
{
	struct json_object *value[MAX_FIELDS] = { NULL }, *object, *v, *only;
	const struct table *table = decode_table((const void *)buf->data);
	const struct field *f;
	bool in_key = true;
	char *name;

	if (!table)
		return NULL;
	collect_parts(table, buf, flags, value);
	name = make_name(table, value);
	object = json_object_new_object();

	/* Parts of the key that did not get into it become fields. */
	for (f = table->field; f->name && f->flags & F_KEY; f++) {
		if (f->flags & F_OPT_KEY && !value[f - table->field])
			in_key = false;
		if (f->flags & F_OPT_KEY && !in_key && value[f - table->field] &&
		    !(flags & DECODE_KEYS))
			json_object_object_add(object, f->name,
					       json_object_get(value[f - table->field]));
	}
	v = make_object(table->field, value, flags);
	json_object_object_foreach(v, member, member_value)
		json_object_object_add(object, member, json_object_get(member_value));
	json_object_put(v);

	if (table->value_list && !(flags & DECODE_KEYS)) {
		if (json_object_object_get_ex(object, table->field[1].name, &v)) {
			only = json_object_array_length(v) == 1 ?
			       json_object_array_get_idx(v, 0) : v;
			json_object_get(only);
		} else {
			only = json_object_new_array();
		}
		json_object_put(object);
		object = only;
	}
	v = json_object_new_object();
	json_object_object_add(v, name, object);
	json_object_object_add(v, "OP", json_object_new_string("SET"));
	free(name);
	return v;
}

const char *row_name(struct json_object *row)
{
	json_object_object_foreach(row, name, v) {
		(void)v;
		if (strcmp(name, "OP"))
			return name;
	}
	return "";
}

static void give_out(struct row_reader *r)
{
	if (r->buf.len)
		r->row(r->arg, &r->buf);
	r->buf.len = 0;
}

void row_reader_cb(const struct nlmsghdr *msg, void *arg)
{
	struct row_reader *r = arg;
	unsigned int len;
	/* Not called attr: that moves, and the end would with it. */
	const void *attrs = nl_attrs(msg, &len);
	const struct nlattr *attr;

	mnl_attr_for_each_payload(attrs, len) {
		const struct table *table = decode_table(attr);

		if (!table)
			continue;
		if (!table->append || !inner(attr, table->append))
			give_out(r);
		abuf_append(&r->buf, attr, attr->nla_len);
		abuf_add(&r->buf, NLA_ALIGN(attr->nla_len) - attr->nla_len);
	}
}

void row_reader_end(struct row_reader *r)
{
	give_out(r);
	abuf_free(&r->buf);
}
