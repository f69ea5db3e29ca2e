// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
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

struct flows {
	struct json_list list;
	struct grid *grid;
};

static const char * const head[] = {
	"ENI", "DIR", "PROTO", "SOURCE", "DESTINATION", "STATE", "AGE", "IDLE", "EXPIRES",
	"PACKETS", "BYTES", "REPLY PACKETS", "REPLY BYTES", "TO", "REPLY TO", "RULE",
};

enum {
	C_ENI, C_DIR, C_PROTO, C_SRC, C_DST, C_STATE, C_AGE, C_IDLE, C_EXPIRES,
	C_PACKETS, C_BYTES, C_RPACKETS, C_RBYTES, C_TO, C_RTO, C_RULE, COLUMNS,
};

static void set_cell(struct grid *g, unsigned int column, char *text)
{
	grid_cell(g, column, text);
	free(text);
}

/* "10.0.0.1:80", "[2001:db8::1]:80" */
static char *endpoint(struct json_object *flow, const char *addr, const char *port)
{
	const char *text = member_text(flow, addr);

	return xasprintf(strchr(text, ':') ? "[%s]:%s" : "%s:%s", text,
			 member_text(flow, port));
}

/* "100.0.0.2 vni 200" */
static char *outer(struct json_object *xform)
{
	if (*member_text(xform, "nat_src"))
		return xasprintf("nat %s port %s", member_text(xform, "nat_src"),
				 member_text(xform, "nat_sport"));
	if (!*member_text(xform, "outer_dst"))
		return xstrdup("direct");
	if (*member_text(xform, "overlay_dst"))
		return xasprintf("%s vni %s as %s > %s", member_text(xform, "outer_dst"),
				 member_text(xform, "vni"), member_text(xform, "overlay_src"),
				 member_text(xform, "overlay_dst"));
	return xasprintf("%s vni %s", member_text(xform, "outer_dst"), member_text(xform, "vni"));
}

static void print_flow(struct flows *f, struct json_object *o)
{
	struct json_object *fwd = member(o, "forward"), *rev = member(o, "reverse");
	unsigned int col;

	if (!f->grid) {
		f->grid = grid_new(head, COLUMNS);
		for (col = C_AGE; col <= C_RBYTES; col++)
			grid_right(f->grid, col);
	}
	grid_cell(f->grid, C_ENI, member_text(o, "eni"));
	grid_cell(f->grid, C_DIR, !strcmp(member_text(o, "direction"), "inbound") ? "in" : "out");
	grid_cell(f->grid, C_PROTO, member_text(o, "proto"));
	set_cell(f->grid, C_SRC, endpoint(o, "src", "sport"));
	set_cell(f->grid, C_DST, endpoint(o, "dst", "dport"));
	grid_cell(f->grid, C_STATE, member_text(o, "state"));
	grid_cell(f->grid, C_AGE, member_text(o, "age"));
	grid_cell(f->grid, C_IDLE, member_text(o, "idle"));
	grid_cell(f->grid, C_EXPIRES, member_text(o, "expires"));
	grid_cell(f->grid, C_PACKETS, member_text(fwd, "packets"));
	grid_cell(f->grid, C_BYTES, member_text(fwd, "bytes"));
	grid_cell(f->grid, C_RPACKETS, member_text(rev, "packets"));
	grid_cell(f->grid, C_RBYTES, member_text(rev, "bytes"));
	if (fwd)
		set_cell(f->grid, C_TO, outer(fwd));
	if (rev)
		set_cell(f->grid, C_RTO, outer(rev));
	if (member(o, "rule"))
		grid_cell(f->grid, C_RULE, member_text(o, "rule"));
	grid_row_end(f->grid);
}

static void add_flow(struct flows *f, const void *attrs, unsigned int len)
{
	struct json_object *o = decode_attrs(flow_fields, attrs, len, DECODE_REPLY);

	if (opt.json) {
		json_list_add(&f->list, o);
		return;
	}
	print_flow(f, o);
	json_object_put(o);
}

static void flow_cb(const struct nlmsghdr *msg, void *arg)
{
	unsigned int len;
	const struct nlattr *attrs = nl_attrs(msg, &len);

	add_flow(arg, attrs, len);
}

/* A message with many connections. */
static void top_cb(const struct nlmsghdr *msg, void *arg)
{
	unsigned int len;
	const struct nlattr *attr = nl_attrs(msg, &len);

	for (; mnl_attr_ok(attr, len); len -= NLA_ALIGN(attr->nla_len),
	     attr = mnl_attr_next(attr))
		if (mnl_attr_get_type(attr) == DASH_A_FLOW_CONNECTION)
			add_flow(arg, mnl_attr_get_payload(attr),
				 mnl_attr_get_payload_len(attr));
}

/* A message with one number. */
static void number_cb(const struct nlmsghdr *msg, void *arg)
{
	uint64_t *number = arg;
	unsigned int len;
	const struct nlattr *attr = nl_attrs(msg, &len);

	for (; mnl_attr_ok(attr, len); len -= NLA_ALIGN(attr->nla_len),
	     attr = mnl_attr_next(attr))
		if (mnl_attr_get_type(attr) == DASH_A_FLOW_REMOVED ||
		    mnl_attr_get_type(attr) == DASH_A_FLOW_COUNT)
			*number = mnl_attr_get_u32(attr);
}

/* "eni, src and dst" */
static char *names_of(const struct field *fields)
{
	char *all = xstrdup(""), *old;
	const struct field *f;

	for (f = fields; f->name; f++) {
		old = all;
		all = xasprintf("%s%s%s", old, f == fields ? "" : f[1].name ? ", " : " and ",
				f->name);
		free(old);
	}
	return all;
}

/* NAME VALUE into an attribute. */
static bool take_field(struct args *a, struct encoder *e, const struct field *fields,
		       const char *what)
{
	const char *name = args_next(a), *text = args_next(a);
	const struct field *f = field_find(fields, name);
	char *all;

	if (!f) {
		all = names_of(fields);
		complain("flow: no %s \"%s\"; there are %s", what, name, all);
		free(all);
		return false;
	}
	if (!text) {
		complain("flow: the value of \"%s\" is missing", name);
		return false;
	}
	e->field = f->name;
	if (encode_text(e, f, text))
		return true;
	complain("flow: %s", e->why);
	return false;
}

/* FILTER VALUE … into attributes. */
static bool take_filters(struct args *a, struct encoder *e)
{
	while (a->n)
		if (!take_field(a, e, flow_filter_fields, "filter"))
			return false;
	return true;
}

/* "top N by ORDER" */
static bool take_top(struct args *a, struct encoder *e)
{
	static const struct field top[] = {
		{ .name = "top", .type = T_U16, .attr = DASH_A_FLOW_TOP, .min = 1, .max = 1000 },
		{ .name = "by", .type = T_ENUM, .attr = DASH_A_FLOW_ORDER,
		  .names = &flow_order_names },
		{ .name = NULL },
	};

	if (!take_field(a, e, top, "field"))
		return false;
	if (!args_peek(a) || strcmp(args_peek(a), "by")) {
		complain("flow: show top N by bytes|packets|age|idle");
		return false;
	}
	return take_field(a, e, top, "field");
}

/* FIELD VALUE …, and the transforms behind "forward" and "reverse". */
static bool take_flow(struct args *a, struct encoder *e)
{
	const struct field *fields = flow_add_fields;
	bool in = false, ok = true;
	size_t token = 0;

	while (ok && a->n) {
		bool fwd = args_take(a, "forward");

		if (fwd || args_take(a, "reverse")) {
			if (in)
				attr_nest_end(&e->buf, token);
			token = attr_nest(&e->buf, fwd ? DASH_A_FLOW_FORWARD :
							 DASH_A_FLOW_REVERSE);
			fields = flow_xform_fields;
			in = true;
			args_take(a, "direct");
			continue;
		}
		ok = take_field(a, e, fields, "field");
	}
	if (in)
		attr_nest_end(&e->buf, token);
	return ok;
}

static void print_count(const char *name, uint64_t n)
{
	struct json_object *o;

	if (!opt.json) {
		printf("%" PRIu64 "\n", n);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, name, json_object_new_uint64(n));
	print_json(o);
	json_object_put(o);
}

static bool take_del(struct args *a, struct encoder *e)
{
	while (a->n)
		if (!take_field(a, e, flow_del_fields, "field"))
			return false;
	return true;
}

struct verb {
	const char *name;
	uint8_t cmd;
	uint16_t flags;
	bool (*take)(struct args *a, struct encoder *e);
	nl_cb cb;
	const char *number;	/* name of the one that is the answer, or NULL */
};

static const struct verb verbs[] = {
	{ "show", DASH_CMD_FLOW_GET, NLM_F_DUMP, take_filters, flow_cb, NULL },
	{ "list", DASH_CMD_FLOW_GET, NLM_F_DUMP, take_filters, flow_cb, NULL },
	{ "get", DASH_CMD_FLOW_GET, 0, take_filters, flow_cb, NULL },
	{ "count", DASH_CMD_FLOW_COUNT, 0, take_filters, number_cb, "count" },
	{ "flush", DASH_CMD_FLOW_FLUSH, 0, take_filters, number_cb, "removed" },
	{ "add", DASH_CMD_FLOW_ADD, 0, take_flow, NULL, NULL },
	{ "del", DASH_CMD_FLOW_DEL, 0, take_del, NULL, NULL },
	{ NULL, 0, 0, NULL, NULL, NULL },
};

static const struct verb top = {
	"top", DASH_CMD_FLOW_TOP, 0, take_filters, top_cb, NULL,
};

static void print_answer(const struct verb *v, struct flows *f, uint64_t number)
{
	if (v->number)
		print_count(v->number, number);
	else if (f->grid)
		grid_end(f->grid);
	else if (opt.json && v->cb)
		json_list_end(&f->list);
}

static int talk(struct nl *nl, const struct verb *v, const struct abuf *attrs)
{
	struct flows f = { .list = { "{\"flows\": ", "}", 0 } };
	struct abuf b = { 0 };
	struct nl_error err;
	uint64_t number = 0;
	void *arg = v->number ? (void *)&number : &f;
	size_t at;
	bool ok;

	at = nl_begin(nl, &b, v->cmd, v->flags | NLM_F_ACK);
	abuf_append(&b, attrs->data, attrs->len);
	nl_end(&b, at);
	if (v->flags & NLM_F_DUMP)
		ok = nl_dump(nl, &b, false, v->cb, arg, &err);
	else
		ok = nl_talk(nl, &b, v->cb, arg, &err);
	abuf_free(&b);
	if (!ok)
		return nl_refused(&err, "flow");
	print_answer(v, &f, number);
	return DONE;
}

int cmd_flow(struct args *a)
{
	const char *name = a->n ? args_next(a) : "show";
	const struct verb *v = verbs;
	struct encoder e = { 0 };
	int ret = WRONG_CALL;
	struct nl *nl = NULL;

	while (v->name && strcmp(v->name, name))
		v++;
	if (!v->name)
		return wrong_call("flow: unknown command \"%s\"; there are show, get, count, flush, add and del",
				  name);
	if (v == verbs && args_peek(a) && !strcmp(args_peek(a), "top")) {
		v = &top;
		if (!take_top(a, &e))
			goto out;
	}
	if (!v->take(a, &e))
		goto out;
	if (v->cmd == DASH_CMD_FLOW_GET && (opt.details || !v->flags))
		attr_put(&e.buf, DASH_A_FLOW_DETAILS, NULL, 0);
	ret = REFUSED;
	nl = nl_open();
	if (nl)
		ret = talk(nl, v, &e.buf);
out:
	encoder_free(&e);
	nl_close(nl);
	return ret;
}
