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
	uint64_t n;
	bool print;
};

static const char * const head[] = {
	"ENI", "DIR", "PROTO", "SOURCE", "DESTINATION", "STATE", "AGE", "IDLE", "EXPIRES",
	"PACKETS", "BYTES", "REPLY PACKETS", "REPLY BYTES", "TO", "REPLY TO",
};

enum {
	C_ENI, C_DIR, C_PROTO, C_SRC, C_DST, C_STATE, C_AGE, C_IDLE, C_EXPIRES,
	C_PACKETS, C_BYTES, C_RPACKETS, C_RBYTES, C_TO, C_RTO, COLUMNS,
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
	if (!*member_text(xform, "outer_dst"))
		return xstrdup("direct");
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
	grid_row_end(f->grid);
}

static void flow_cb(const struct nlmsghdr *msg, void *arg)
{
	struct flows *f = arg;
	unsigned int len;
	const struct nlattr *attrs = nl_attrs(msg, &len);
	struct json_object *o;

	f->n++;
	if (!f->print)
		return;
	o = decode_attrs(flow_fields, attrs, len, DECODE_REPLY);
	if (opt.json) {
		json_list_add(&f->list, o);
		return;
	}
	print_flow(f, o);
	json_object_put(o);
}

static void removed_cb(const struct nlmsghdr *msg, void *arg)
{
	uint64_t *removed = arg;
	unsigned int len;
	const struct nlattr *attr = nl_attrs(msg, &len);

	for (; mnl_attr_ok(attr, len); len -= NLA_ALIGN(attr->nla_len),
	     attr = mnl_attr_next(attr))
		if (mnl_attr_get_type(attr) == DASH_A_FLOW_REMOVED)
			*removed = mnl_attr_get_u32(attr);
}

/* FILTER VALUE … into attributes. */
static bool take_filters(struct args *a, struct encoder *e)
{
	while (a->n) {
		const char *name = args_next(a), *text = args_next(a);
		const struct field *f = field_find(flow_fields, name);

		if (!f || f->flags & F_REPLY) {
			complain("flow: no filter \"%s\"; there are eni, src, dst, proto, sport, dport, state and age",
				 name);
			return false;
		}
		if (!text) {
			complain("flow: the value of \"%s\" is missing", name);
			return false;
		}
		e->field = f->name;
		if (!encode_text(e, f, text)) {
			complain("flow: %s", e->why);
			return false;
		}
	}
	return true;
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

static void print_end(struct flows *f)
{
	if (f->grid)
		grid_end(f->grid);
	if (opt.json && f->print)
		json_list_end(&f->list);
	else if (!f->print)
		print_count("count", f->n);
}

static int dump(struct nl *nl, const struct abuf *filter, bool print)
{
	struct flows f = { .print = print, .list = { "{\"flows\": ", "}", 0 } };
	struct abuf b = { 0 };
	struct nl_error err;
	size_t at;
	bool ok;

	at = nl_begin(nl, &b, DASH_CMD_FLOW_GET, NLM_F_DUMP | NLM_F_ACK);
	abuf_append(&b, filter->data, filter->len);
	nl_end(&b, at);
	ok = nl_dump(nl, &b, false, flow_cb, &f, &err);
	abuf_free(&b);
	if (!ok)
		return nl_refused(&err, "flow");
	print_end(&f);
	return DONE;
}

static int get(struct nl *nl, const struct abuf *filter)
{
	struct flows f = { .print = true, .list = { "{\"flows\": ", "}", 0 } };
	struct abuf b = { 0 };
	struct nl_error err;
	size_t at;
	bool ok;

	at = nl_begin(nl, &b, DASH_CMD_FLOW_GET, NLM_F_ACK);
	abuf_append(&b, filter->data, filter->len);
	nl_end(&b, at);
	ok = nl_talk(nl, &b, flow_cb, &f, &err);
	abuf_free(&b);
	if (!ok)
		return nl_refused(&err, "flow");
	print_end(&f);
	return DONE;
}

static int flush(struct nl *nl, const struct abuf *filter)
{
	struct abuf b = { 0 };
	uint64_t removed = 0;
	struct nl_error err;
	size_t at;
	bool ok;

	at = nl_begin(nl, &b, DASH_CMD_FLOW_FLUSH, NLM_F_ACK);
	abuf_append(&b, filter->data, filter->len);
	nl_end(&b, at);
	ok = nl_talk(nl, &b, removed_cb, &removed, &err);
	abuf_free(&b);
	if (!ok)
		return nl_refused(&err, "flow");
	print_count("removed", removed);
	return DONE;
}

int cmd_flow(struct args *a)
{
	const char *verb = a->n ? args_next(a) : "show";
	struct encoder e = { 0 };
	struct nl *nl;
	int ret;

	if (strcmp(verb, "show") && strcmp(verb, "list") && strcmp(verb, "count") &&
	    strcmp(verb, "flush") && strcmp(verb, "get"))
		return wrong_call("flow: unknown command \"%s\"; there are show, count, flush and get",
				  verb);
	if (!take_filters(a, &e)) {
		encoder_free(&e);
		return WRONG_CALL;
	}
	nl = nl_open();
	if (!nl)
		ret = REFUSED;
	else if (!strcmp(verb, "flush"))
		ret = flush(nl, &e.buf);
	else if (!strcmp(verb, "get"))
		ret = get(nl, &e.buf);
	else
		ret = dump(nl, &e.buf, strcmp(verb, "count"));
	encoder_free(&e);
	nl_close(nl);
	return ret;
}
