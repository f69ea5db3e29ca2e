// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <linux/dash.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dashctl.h"
#include "encode.h"
#include "netns.h"
#include "value.h"

#define NAME_MAX_LEN	63

/* A long row is cut into parts when one has so many bytes. */
#define PART_LEN	(32 * 1024)

/* Note why the row is bad, after the names of row and field; returns false. */
static bool __attribute__((format(printf, 2, 3)))
bad(struct encoder *e, const char *fmt, ...)
{
	size_t n = 0;
	va_list ap;

	if (e->name)
		n = snprintf(e->why, sizeof(e->why), "%.150s: ", e->name);
	if (e->field)
		n += snprintf(e->why + n, sizeof(e->why) - n, "%.60s: ", e->field);
	va_start(ap, fmt);
	vsnprintf(e->why + n, sizeof(e->why) - n, fmt, ap);
	va_end(ap);
	return false;
}

static void remark(struct encoder *e, const char *value, const char *text)
{
	char saved[sizeof(e->why)];

	if (!e->warn)
		return;
	memcpy(saved, e->why, sizeof(saved));
	bad(e, "\"%.60s\": %s", value, text);
	e->warn(e->warn_arg, e->why);
	memcpy(e->why, saved, sizeof(saved));
}

static bool bad_name(struct encoder *e, const struct names *names, const char *text)
{
	char list[256] = "";
	size_t n = 0;
	unsigned int i;

	for (i = 0; names->name[i] && n < sizeof(list); i++)
		n += snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "",
			      names->name[i]);
	return bad(e, "\"%.60s\": not one of %s", text, list);
}

static bool encode_number(struct encoder *e, const struct field *f, const char *text)
{
	static const uint64_t type_max[] = {
		[T_U8] = UINT8_MAX, [T_U16] = UINT16_MAX,
		[T_U32] = UINT32_MAX, [T_U64] = UINT64_MAX,
	};
	uint64_t max = f->max ? f->max : type_max[f->type];
	uint64_t v;

	if (f->flags & F_VNI)
		max = 0xffffff;
	if (!parse_number(text, &v))
		return bad(e, "\"%.60s\": not a whole number", text);
	if (v < f->min || v > max)
		return bad(e, "\"%.60s\": not in %" PRIu64 "..%" PRIu64, text, f->min, max);
	switch (f->type) {
	case T_U8:
		attr_u8(&e->buf, f->attr, v);
		break;
	case T_U16:
		attr_u16(&e->buf, f->attr, v);
		break;
	case T_U32:
		attr_u32(&e->buf, f->attr, v);
		break;
	default:
		attr_u64(&e->buf, f->attr, v);
	}
	return true;
}

static bool encode_prefix(struct encoder *e, const struct field *f, const char *text)
{
	char addr[ADDR_TEXT], canonical[PREFIX_TEXT];
	struct addr a;
	size_t nest;
	uint8_t len;

	if (!parse_prefix(text, &a, &len) || (f->flags & F_V6 && a.size != 16))
		return bad(e, "\"%.60s\": not a%s prefix", text, f->flags & F_V6 ? "n IPv6" : "");
	if (mask_prefix(&a, len))
		remark(e, text, "the bits beyond the prefix length are ignored");
	if (f->type == T_PREFIX_STR) {
		snprintf(canonical, sizeof(canonical), "%s/%u",
			 format_addr(a.b, a.size, addr), len);
		attr_str(&e->buf, f->attr, canonical);
	} else if (f->len_attr) {
		attr_put(&e->buf, f->attr, a.b, a.size);
		attr_u8(&e->buf, f->len_attr, len);
	} else {
		nest = attr_nest(&e->buf, f->attr);
		attr_put(&e->buf, DASH_A_PREFIX_ADDR, a.b, a.size);
		attr_u8(&e->buf, DASH_A_PREFIX_LEN, len);
		attr_nest_end(&e->buf, nest);
	}
	return true;
}

static bool encode_masked(struct encoder *e, const struct field *f, const char *text)
{
	struct addr value, mask;

	if (!parse_masked(text, &value, &mask))
		return bad(e, "\"%.90s\": not a value and a mask, IPv6 addresses or 0x...", text);
	attr_put(&e->buf, f->attr, value.b, value.size);
	attr_put(&e->buf, f->len_attr, mask.b, mask.size);
	return true;
}

static bool encode_range(struct encoder *e, const struct field *f, const char *text)
{
	uint64_t max = f->type == T_PORTS ? UINT16_MAX : 0xffffff;
	uint32_t lo, hi;
	size_t nest;

	if (!parse_range(text, max, &lo, &hi))
		return bad(e, "\"%.60s\": not a number or range in 0..%" PRIu64, text, max);
	nest = attr_nest(&e->buf, f->attr);
	if (f->type == T_PORTS) {
		attr_u16(&e->buf, DASH_A_PORT_RANGE_LO, lo);
		attr_u16(&e->buf, DASH_A_PORT_RANGE_HI, hi);
	} else {
		attr_u32(&e->buf, DASH_A_VNI_RANGE_LO, lo);
		attr_u32(&e->buf, DASH_A_VNI_RANGE_HI, hi);
	}
	attr_nest_end(&e->buf, nest);
	return true;
}

/*
 * An ENI may be named by its MAC, and that may be spelled with separators; a
 * name with colons could not be part of other keys.
 */
const char *eni_name(const char *text, char name[13])
{
	uint8_t mac[6];
	char *p = name;

	if (!parse_mac(text, mac))
		return text;
	for (; *text; text++)
		if (*text != ':' && *text != '-')
			*p++ = *text;
	*p = '\0';
	return name;
}

static bool encode_string(struct encoder *e, const struct field *f, const char *text)
{
	char name[13];
	size_t max = f->max ? f->max : NAME_MAX_LEN;

	if (!*text) {
		/* An empty word of a field is none. */
		return f->flags & F_KEY ? bad(e, "is empty") : true;
	}
	if (f->flags & F_ENI)
		text = eni_name(text, name);
	if (strlen(text) > max)
		return bad(e, "\"%.80s\": longer than %zu bytes", text, max);
	attr_str(&e->buf, f->attr, text);
	return true;
}

/* The kernel knows namespaces by ids, which mean nothing after a restart. */
static bool encode_netns(struct encoder *e, const struct field *f, const char *text)
{
	uint32_t id;

	if (!*text)
		return true;
	if (!encode_string(e, f, text))
		return false;
	if (!netns_id(text, &id))
		return bad(e, "network namespace \"%.60s\": %s", text, strerror(errno));
	attr_u32(&e->buf, DASH_A_PORT_NSID, id);
	return true;
}

bool encode_text(struct encoder *e, const struct field *f, const char *text)
{
	struct addr a;
	uint8_t byte, mac[6];
	bool yes;
	int n;

	if (f->absent && !strcmp(text, f->absent))
		return true;
	switch (f->type) {
	case T_STR:
		return encode_string(e, f, text);
	case T_U8:
	case T_U16:
	case T_U32:
	case T_U64:
		return encode_number(e, f, text);
	case T_BOOL:
		if (!parse_bool(text, &yes))
			return bad(e, "\"%.60s\": neither true nor false", text);
		attr_u8(&e->buf, f->attr, yes);
		return true;
	case T_ENUM:
		n = name_find(f->names, text);
		if (n == NAME_UNSUPPORTED)
			return bad(e, "\"%.60s\": not supported yet", text);
		if (n < 0)
			return bad_name(e, f->names, text);
		attr_u8(&e->buf, f->attr, n);
		return true;
	case T_PROTO:
		if (!parse_proto(text, &byte))
			return bad(e, "\"%.60s\": not an IP protocol", text);
		attr_u8(&e->buf, f->attr, byte);
		return true;
	case T_ADDR:
		if (!parse_addr(text, &a) || (f->flags & F_V6 && a.size != 16))
			return bad(e, "\"%.60s\": not an %s address", text,
				   f->flags & F_V6 ? "IPv6" : "IP");
		attr_put(&e->buf, f->attr, a.b, a.size);
		return true;
	case T_MAC:
		if (!parse_mac(text, mac))
			return bad(e, "\"%.60s\": not a MAC address", text);
		attr_put(&e->buf, f->attr, mac, sizeof(mac));
		return true;
	case T_PREFIX:
	case T_PREFIX_STR:
		return encode_prefix(e, f, text);
	case T_MASKED:
		return encode_masked(e, f, text);
	case T_PORTS:
	case T_VNIS:
		return encode_range(e, f, text);
	case T_NETNS:
		return encode_netns(e, f, text);
	case T_NEST:
		return bad(e, "\"%.60s\": not an object", text);
	case T_IGNORED:
	case T_UNSUPPORTED:
		break;
	}
	return true;
}

static bool encode_fields(struct encoder *e, const struct field *fields,
			  const struct jnode *object);

static bool encode_one(struct encoder *e, const struct field *f, const struct jnode *v)
{
	size_t nest;

	if (f->type == T_NEST && v->type == J_OBJECT) {
		nest = attr_nest(&e->buf, f->attr);
		e->nested = true;
		if (!encode_fields(e, f->sub, v))
			return false;
		e->nested = false;
		attr_nest_end(&e->buf, nest);
		return true;
	}
	if (!v->text || v->type == J_NULL)
		return bad(e, "neither a string nor a number");
	return encode_text(e, f, v->text);
}

/*
 * An attribute holds 64 kB: begin another one that continues the row, with the
 * same key, if the one under way is large.
 */
static void cut_long_row(struct encoder *e)
{
	size_t keys = e->keys;
	void *p;

	if (e->nested || !e->table || !e->table->append || e->buf.len - e->part < PART_LEN)
		return;
	attr_nest_end(&e->buf, e->part);
	e->part = attr_nest(&e->buf, e->table->attr);
	e->keys = e->buf.len;
	p = abuf_add(&e->buf, e->keys_len);
	memcpy(p, e->buf.data + keys, e->keys_len);
	attr_put(&e->buf, e->table->append, NULL, 0);
}

/* "a, b,c" */
static bool encode_commas(struct encoder *e, const struct field *f, const char *text)
{
	char *copy = xstrdup(text), *save = NULL, *word;
	bool ok = true;

	for (word = strtok_r(copy, ",", &save); ok && word; word = strtok_r(NULL, ",", &save)) {
		size_t n;

		word += strspn(word, " \t");
		n = strcspn(word, " \t");
		if (word[n + strspn(word + n, " \t")])
			ok = bad(e, "\"%.60s\": blanks within a value", word);
		word[n] = '\0';
		if (ok && *word) {
			ok = encode_text(e, f, word);
			cut_long_row(e);
		}
	}
	free(copy);
	return ok;
}

static bool encode_value(struct encoder *e, const struct field *f, const struct jnode *v)
{
	e->field = f->name;
	if (v->type == J_LIST) {
		if (!(f->flags & F_LIST) && v->n != 1)
			return bad(e, "a list of %u values instead of one", v->n);
		for (v = v->first; v; v = v->next) {
			if (!encode_one(e, f, v))
				return false;
			cut_long_row(e);
		}
		return true;
	}
	if (f->flags & F_LIST && v->type == J_STRING)
		return encode_commas(e, f, v->text);
	return encode_one(e, f, v);
}

/* May this field be left out without loss? Says why not. */
static bool skip_field(struct encoder *e, const struct field *f, const struct jnode *v)
{
	if (f->type != T_UNSUPPORTED || e->ignore_unknown)
		return true;
	if (f->def && v->text && !strcmp(f->def, v->text))
		return true;
	e->field = f->name;
	return bad(e, "not supported yet");
}

/* Sort the members of @object by the fields they belong to. */
static bool collect(struct encoder *e, const struct field *fields,
		    const struct jnode *object, const struct jnode **value)
{
	const struct jnode *v;

	for (v = object->first; v; v = v->next) {
		const struct field *f = field_find(fields, v->name);
		unsigned int i;

		if (!f && (e->ignore_unknown || e->del))
			continue;
		if (!f) {
			e->field = NULL;
			return bad(e, "unknown field \"%.60s\"", v->name);
		}
		if (v->type == J_NULL || f->flags & F_REPLY || (e->del && !(f->flags & F_KEY)))
			continue;
		if (f->type == T_IGNORED || f->type == T_UNSUPPORTED) {
			if (!skip_field(e, f, v))
				return false;
			continue;
		}
		i = f - fields;
		if (value[i] && !jnode_equal(value[i], v)) {
			e->field = v->name;
			return bad(e, "given twice");
		}
		value[i] = v;
	}
	return true;
}

/* Encode @fields[i] from value[i], opening and closing what encloses them. */
static bool encode_values(struct encoder *e, const struct field *fields,
			  const struct jnode **value)
{
	const struct field *f;
	size_t token = 0;
	uint16_t nest = 0;
	bool ok = true;

	for (f = fields; f->name && ok; f++) {
		const struct jnode *v = value[f - fields];

		if (nest && f->nest != nest) {
			attr_nest_end(&e->buf, token);
			nest = 0;
		}
		if (!v)
			continue;
		if (f->nest && !nest) {
			nest = f->nest;
			token = attr_nest(&e->buf, nest);
		}
		ok = encode_value(e, f, v);
	}
	if (nest)
		attr_nest_end(&e->buf, token);
	return ok;
}

static bool encode_fields(struct encoder *e, const struct field *fields,
			  const struct jnode *object)
{
	const struct jnode *value[MAX_FIELDS] = { NULL };

	return collect(e, fields, object, value) && encode_values(e, fields, value);
}

/* Keys. */

/* How far a name at the beginning of a key goes: MACs may contain colons. */
static size_t name_length(const char *key)
{
	char mac_text[18];
	uint8_t mac[6];

	if (strlen(key) >= 17 && (key[17] == ':' || !key[17])) {
		memcpy(mac_text, key, 17);
		mac_text[17] = '\0';
		if (parse_mac(mac_text, mac))
			return 17;
	}
	return strcspn(key, ":");
}

/* Where the prefix of a route rule's key ends and ":priority" begins, if at all. */
static char *priority_of(char *rest)
{
	char *slash = strchr(rest, '/');
	struct addr a;
	uint64_t n;
	char *p;

	if (slash)
		return strchr(slash, ':');
	if (parse_addr(rest, &a))
		return NULL;
	p = strrchr(rest, ':');
	return p && parse_number(p + 1, &n) ? p : NULL;
}

/* eni:vni[:prefix][:priority], or with the last two as fields. */
static void split_route_rule(char *key, char **part)
{
	char *p = key + name_length(key);
	uint64_t n;

	part[0] = key;
	if (!*p)
		return;
	*p++ = '\0';
	part[1] = p;
	p += strcspn(p, ":");
	if (!*p)
		return;
	*p++ = '\0';
	if (parse_number(p, &n)) {
		part[3] = p;
		return;
	}
	if (*p == ':' && parse_number(p + 1, &n)) {	/* an empty prefix */
		part[3] = p + 1;
		return;
	}
	part[2] = p;
	p = priority_of(p);
	if (p) {
		*p = '\0';
		part[3] = p + 1;
	}
}

/* Set part[i] to the text of @fields[i] in @key, which is cut up. */
static void split_key(const struct table *table, char *key, char **part)
{
	const struct field *f = table->field;
	char *p;

	if (!*key)
		return;
	if (table->type == DASH_OBJECT_TYPE_ROUTE_RULE) {
		split_route_rule(key, part);
		return;
	}
	part[0] = key;
	if (!(f[1].flags & F_KEY))
		return;
	/* Names go before the first colon, unless a number follows the last. */
	p = f[1].type == T_U8 || f[1].type == T_U32 ? strrchr(key, ':') : strchr(key, ':');
	if (p) {
		*p = '\0';
		part[1] = p + 1;
	}
}

/* Key and fields may both give a part of the key, if they agree. */
static bool encode_key(struct encoder *e, const struct field *f, const char *part,
		       const struct jnode *v)
{
	size_t start = e->buf.len, middle;
	bool same;

	e->field = f->name;
	if (!part && !v && f->flags & F_OPT_KEY)
		return e->del || !(f->flags & F_NEEDED) ? true : bad(e, "is missing");
	if (!part && !v)
		return bad(e, "missing from the key");
	if (part && !encode_text(e, f, part))
		return false;
	if (!v)
		return true;
	middle = e->buf.len;
	if (!encode_value(e, f, v))
		return false;
	if (!part)
		return true;
	same = middle - start == e->buf.len - middle &&
	       !memcmp(e->buf.data + start, e->buf.data + middle, middle - start);
	e->buf.len = middle;
	return same ? true : bad(e, "differs from \"%.60s\" in the key", part);
}

/* A field that the key is the default of. */
static bool default_to_key(struct encoder *e, const struct field *f, const char *key,
			   const struct jnode *v)
{
	uint8_t mac[6], given[6];

	if (!parse_mac(key, mac))
		return true;
	e->field = f->name;
	if (!v) {
		attr_put(&e->buf, f->attr, mac, sizeof(mac));
		return true;
	}
	if (v->text && parse_mac(v->text, given) && memcmp(mac, given, sizeof(mac)))
		return bad(e, "\"%.60s\": differs from the key", v->text);
	return true;
}

/* What the row must have and neither key nor fields give. */
static bool check_needed(struct encoder *e, const char *key, const struct jnode **value)
{
	const struct field *f;
	uint8_t mac[6];

	for (f = e->table->field; f->name; f++) {
		if (!(f->flags & F_NEEDED) || f->flags & F_KEY || value[f - e->table->field] ||
		    (f->flags & F_OF_KEY && parse_mac(key, mac)))
			continue;
		e->field = f->name;
		return bad(e, "is missing");
	}
	return true;
}

/* Rows. */

static bool row_op(struct encoder *e, const struct jnode *v)
{
	e->del = v->type == J_STRING && !strcmp(v->text, "DEL");
	if (e->del || v->type == J_NULL || (v->type == J_STRING && !strcmp(v->text, "SET")))
		return true;
	return bad(e, "OP \"%.60s\": neither SET nor DEL", v->text ? v->text : "{}");
}

/* Name, operation and value of a row. */
static const struct jnode *row_head(struct encoder *e, const struct jnode *row)
{
	const struct jnode *v, *value = NULL;
	bool ok = true;

	e->name = NULL;
	e->field = NULL;
	e->del = false;
	if (row->type != J_OBJECT) {
		bad(e, "a row must be an object {\"TABLE:key\": {…}, \"OP\": …}");
		return NULL;
	}
	for (v = row->first; v && ok; v = v->next) {
		if (!strcmp(v->name, "OP")) {
			ok = row_op(e, v);
		} else if (value) {
			ok = bad(e, "two tables in one row, the other is \"%.60s\"", v->name);
		} else {
			value = v;
			e->name = v->name;
		}
	}
	if (ok && !value)
		bad(e, "a row without a table");
	return ok ? value : NULL;
}

static bool row_values(struct encoder *e, const struct jnode *v, const struct jnode **value)
{
	const struct field *fields = e->table->field;

	if (e->table->value_list && !e->del &&
	    !(v->type == J_OBJECT && (jnode_member(v, fields[1].name) ||
				      jnode_member(v, fields[1].alias[0])))) {
		if (v->type != J_OBJECT && v->type != J_LIST)
			return bad(e, "the value must be an object or a list of objects");
		value[1] = v;
		return true;
	}
	if (v->type == J_OBJECT)
		return collect(e, fields, v, value);
	return e->del ? true : bad(e, "the value must be an object");
}

/* The key @key of the row whose value is @v, and the rest. */
static bool row_body(struct encoder *e, const char *key, const struct jnode *v)
{
	const struct field *fields = e->table->field, *f;
	const struct jnode *value[MAX_FIELDS] = { NULL };
	char *part[MAX_FIELDS] = { NULL };
	size_t len;
	bool ok;

	e->key.len = 0;
	abuf_append(&e->key, key, strlen(key) + 1);
	split_key(e->table, e->key.data, part);
	ok = row_values(e, v, value);
	e->part = attr_nest(&e->buf, e->table->attr);
	e->nested = false;
	e->keys = e->buf.len;
	for (f = fields; ok && f->name && f->flags & F_KEY; f++) {
		ok = encode_key(e, f, part[f - fields], value[f - fields]);
		value[f - fields] = NULL;
	}
	if (ok && e->table->fixed_attr)
		attr_u8(&e->buf, e->table->fixed_attr, e->table->fixed);
	e->keys_len = e->buf.len - e->keys;
	for (f = fields; ok && !e->del && f->name; f++)
		if (f->flags & F_OF_KEY)
			ok = default_to_key(e, f, key, value[f - fields]);
	ok = ok && encode_values(e, fields, value);
	ok = ok && (e->del || check_needed(e, key, value));
	len = attr_nest_end(&e->buf, e->part);
	e->field = NULL;
	if (ok && len > UINT16_MAX)
		return bad(e, "too big: %zu bytes, the kernel takes %d in a row",
			   len, UINT16_MAX);
	return ok;
}

enum encoded encode_row(struct encoder *e, const struct jnode *row)
{
	const struct jnode *v;
	size_t table_len;

	e->buf.len = 0;
	v = row_head(e, row);
	if (!v)
		return ROW_BAD;
	table_len = strcspn(e->name, ":");
	e->table = table_find(e->name, table_len);
	if (!e->table || !e->table->object) {
		if (e->ignore_unknown)
			return ROW_IGNORED;
		bad(e, e->table ? "this table is not supported yet" : "unknown table");
		return ROW_BAD;
	}
	table_len += e->name[table_len] == ':';
	return row_body(e, e->name + table_len, v) ? ROW_OK : ROW_BAD;
}

enum encoded encode_object(struct encoder *e, struct json_object *row)
{
	const char *text = json_object_to_json_string_ext(row, JSON_C_TO_STRING_PLAIN);
	const struct jnode *node = jtree_parse(&e->tree, text, strlen(text));

	if (node)
		return encode_row(e, node);
	e->name = NULL;
	e->field = NULL;
	bad(e, "not JSON: %s", e->tree.error ? e->tree.error : "it ends too early");
	return ROW_BAD;
}

void encoder_free(struct encoder *e)
{
	abuf_free(&e->key);
	abuf_free(&e->buf);
	jtree_free(&e->tree);
}
