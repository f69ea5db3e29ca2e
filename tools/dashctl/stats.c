// SPDX-License-Identifier: GPL-2.0
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

struct stats {
	struct json_object *ports;
	struct json_object *enis;
};

static uint64_t attr_number(const struct nlattr *a)
{
	switch (mnl_attr_get_payload_len(a)) {
	case 1:
		return mnl_attr_get_u8(a);
	case 4:
		return mnl_attr_get_u32(a);
	case 8:
		return mnl_attr_get_u64(a);
	}
	return 0;
}

/* Add "name": packets for each of the nests of @type: drops by reason. */
static struct json_object *new_drops(const void *attrs, unsigned int len, uint16_t type)
{
	struct json_object *drops = json_object_new_object();
	const struct nlattr *attr;

	mnl_attr_for_each_payload(attrs, len) {
		const struct nlattr *in;
		uint64_t reason = 0, packets = 0;
		const char *name;
		char text[24];

		if (mnl_attr_get_type(attr) != type)
			continue;
		mnl_attr_for_each_nested(in, attr) {
			if (mnl_attr_get_type(in) == DASH_A_DROP_REASON)
				reason = attr_number(in);
			else if (mnl_attr_get_type(in) == DASH_A_DROP_PACKETS)
				packets = attr_number(in);
		}
		name = name_of(&drop_names, reason);
		if (!name) {
			snprintf(text, sizeof(text), "reason_%" PRIu64, reason);
			name = text;
		}
		if (packets)
			json_object_object_add(drops, name, json_object_new_uint64(packets));
	}
	return drops;
}

/* The same by ACL stage. */
static struct json_object *new_acl_drops(const void *attrs, unsigned int len)
{
	struct json_object *drops = json_object_new_object();
	const struct nlattr *attr;

	mnl_attr_for_each_payload(attrs, len) {
		const struct nlattr *in;
		uint64_t packets = 0;
		char stage[24] = "?";

		if (mnl_attr_get_type(attr) != DASH_A_DIR_STATS_ACL_DROP)
			continue;
		mnl_attr_for_each_nested(in, attr) {
			if (mnl_attr_get_type(in) == DASH_A_ACL_DROP_STAGE)
				snprintf(stage, sizeof(stage), "%" PRIu64, attr_number(in));
			else if (mnl_attr_get_type(in) == DASH_A_ACL_DROP_PACKETS)
				packets = attr_number(in);
		}
		if (packets)
			json_object_object_add(drops, stage, json_object_new_uint64(packets));
	}
	return drops;
}

static struct json_object *new_direction(const struct nlattr *nest)
{
	const void *attrs = mnl_attr_get_payload(nest);
	unsigned int len = mnl_attr_get_payload_len(nest);
	struct json_object *o = decode_nest(dir_stats_fields, nest, 0);

	json_object_object_add(o, "drops", new_drops(attrs, len, DASH_A_DIR_STATS_DROP));
	json_object_object_add(o, "acl_drops", new_acl_drops(attrs, len));
	return o;
}

static void add_eni(struct stats *s, const char *name, const struct nlattr *attrs,
		    unsigned int len)
{
	struct json_object *o = json_object_new_object();
	const struct nlattr *attr;

	json_object_object_add(o, "eni", json_object_new_string(name));
	mnl_attr_for_each_payload(attrs, len) {
		switch (mnl_attr_get_type(attr)) {
		case DASH_A_STATS_OUTBOUND:
			json_object_object_add(o, "outbound", new_direction(attr));
			break;
		case DASH_A_STATS_INBOUND:
			json_object_object_add(o, "inbound", new_direction(attr));
			break;
		case DASH_A_STATS_FLOWS:
			json_object_object_add(o, "flows",
					       decode_nest(flow_stats_fields, attr, 0));
			break;
		}
	}
	json_object_array_add(s->enis, o);
}

static void stats_cb(const struct nlmsghdr *msg, void *arg)
{
	struct stats *s = arg;
	unsigned int len;
	const struct nlattr *attrs = nl_attrs(msg, &len), *attr;
	struct json_object *o;

	mnl_attr_for_each_payload((const void *)attrs, len) {
		if (mnl_attr_get_type(attr) == DASH_A_STATS_ENI) {
			add_eni(s, mnl_attr_get_str(attr), attrs, len);
			return;
		}
	}
	o = decode_attrs(port_stats_fields, attrs, len, 0);
	json_object_object_add(o, "drops", new_drops(attrs, len, DASH_A_STATS_DROP));
	json_object_array_add(s->ports, o);
}

/* Text. */

static void print_members(struct json_object *o, const char *indent, const char *what)
{
	unsigned int width = 0;

	if (!o || !json_object_object_length(o))
		return;
	json_object_object_foreach(o, name, v) {
		(void)v;
		if (strlen(name) > width)
			width = strlen(name);
	}
	printf("%s%s\n", indent, what);
	json_object_object_foreach(o, name2, v2)
		printf("%s    %-*s  %15" PRIu64 "\n", indent, (int)width, name2,
		       json_object_get_uint64(v2));
}

static void print_direction(struct json_object *o, const char *name, bool drops_only)
{
	if (!o)
		return;
	printf("    %s\n", name);
	if (!drops_only) {
		printf("        received  %15" PRIu64 " packets  %18" PRIu64 " bytes\n",
		       member_number(o, "rx_packets"), member_number(o, "rx_bytes"));
		printf("        sent      %15" PRIu64 " packets  %18" PRIu64 " bytes\n",
		       member_number(o, "tx_packets"), member_number(o, "tx_bytes"));
		printf("        generated %15" PRIu64 " packets\n",
		       member_number(o, "generated_packets"));
	}
	print_members(member(o, "drops"), "        ", "dropped");
	print_members(member(o, "acl_drops"), "        ", "denied at ACL stage");
}

static void print_text(const struct stats *s, bool drops_only)
{
	size_t i;

	for (i = 0; i < json_object_array_length(s->ports); i++) {
		struct json_object *o = json_object_array_get_idx(s->ports, i);

		printf("port %s\n", member_text(o, "port"));
		if (!drops_only)
			printf("    ours    %15" PRIu64 " packets\n"
			       "    to ENIs %15" PRIu64 " packets\n"
			       "    passed  %15" PRIu64 " packets\n",
			       member_number(o, "ours"), member_number(o, "to_eni"),
			       member_number(o, "passed"));
		print_members(member(o, "drops"), "    ", "dropped");
	}
	for (i = 0; i < json_object_array_length(s->enis); i++) {
		struct json_object *o = json_object_array_get_idx(s->enis, i);

		printf("eni %s\n", member_text(o, "eni"));
		print_direction(member(o, "outbound"), "outbound", drops_only);
		print_direction(member(o, "inbound"), "inbound", drops_only);
		if (!drops_only)
			print_members(member(o, "flows"), "    ", "flows");
	}
}

/* Leave what says why packets were dropped. */
static void keep_drops(struct json_object *list)
{
	static const char * const others[] = {
		"rx_packets", "rx_bytes", "tx_packets", "tx_bytes", "flows", "ours", "to_eni",
		"passed", "generated_packets",
	};
	static const char * const within[] = { "outbound", "inbound" };
	size_t i, j, k;

	for (i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		for (j = 0; j < sizeof(others) / sizeof(others[0]); j++) {
			json_object_object_del(o, others[j]);
			for (k = 0; k < 2; k++)
				if (member(o, within[k]))
					json_object_object_del(member(o, within[k]), others[j]);
		}
	}
}

/* Memory by kinds of objects. */

static void memory_cb(const struct nlmsghdr *msg, void *arg)
{
	unsigned int len;
	const struct nlattr *attrs = nl_attrs(msg, &len), *attr;
	uint64_t kind = 0, objects = 0, bytes = 0, limit = 0;
	struct json_object *list = arg, *o;
	const char *name;
	char text[24];

	mnl_attr_for_each_payload((const void *)attrs, len) {
		switch (mnl_attr_get_type(attr)) {
		case DASH_A_MEMORY_KIND:
			kind = attr_number(attr);
			break;
		case DASH_A_MEMORY_OBJECTS:
			objects = attr_number(attr);
			break;
		case DASH_A_MEMORY_BYTES:
			bytes = attr_number(attr);
			break;
		case DASH_A_MEMORY_LIMIT:
			limit = attr_number(attr);
			break;
		}
	}
	name = name_of(&memory_names, kind);
	if (!name) {
		snprintf(text, sizeof(text), "kind_%" PRIu64, kind);
		name = text;
	}
	o = json_object_new_object();
	json_object_object_add(o, "kind", json_object_new_string(name));
	json_object_object_add(o, "objects", json_object_new_uint64(objects));
	json_object_object_add(o, "bytes", json_object_new_uint64(bytes));
	if (limit)
		json_object_object_add(o, "limit", json_object_new_uint64(limit));
	json_object_array_add(list, o);
}

static void print_memory(struct json_object *list)
{
	uint64_t total = 0, limit = 0, limited = 0;
	size_t i;

	printf("%-10s %12s %15s %12s\n", "KIND", "OBJECTS", "BYTES", "BYTES/OBJECT");
	for (i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		uint64_t n = member_number(o, "objects"), bytes = member_number(o, "bytes");

		total += bytes;
		if (member(o, "limit")) {
			limit = member_number(o, "limit");
			limited += bytes;
		}
		printf("%-10s %12" PRIu64 " %15" PRIu64, member_text(o, "kind"), n, bytes);
		if (n)
			printf(" %12" PRIu64, bytes / n);
		putchar('\n');
	}
	printf("%-10s %12s %15" PRIu64 "\n", "total", "", total);
	if (limit)
		printf("configuration %24" PRIu64 " of %" PRIu64 " (max_memory)\n", limited,
		       limit);
}

static int cmd_memory(struct args *a)
{
	struct json_object *doc, *list;
	struct abuf b = { 0 };
	struct nl_error err;
	struct nl *nl;
	size_t at;
	bool ok;

	if (!args_done(a))
		return WRONG_CALL;
	nl = nl_open();
	if (!nl)
		return REFUSED;
	doc = json_object_new_object();
	list = json_object_new_array();
	json_object_object_add(doc, "memory", list);
	at = nl_begin(nl, &b, DASH_CMD_MEMORY_GET, NLM_F_ACK | NLM_F_DUMP);
	nl_end(&b, at);
	ok = nl_dump(nl, &b, false, memory_cb, list, &err);
	abuf_free(&b);
	if (ok && opt.json)
		print_json(doc);
	else if (ok)
		print_memory(list);
	json_object_put(doc);
	nl_close(nl);
	return ok ? DONE : nl_refused(&err, "stats memory");
}

static bool ask(struct nl *nl, uint16_t attr, const char *name, struct stats *s,
		struct nl_error *err)
{
	struct abuf b = { 0 };
	size_t at;
	bool ok;

	at = nl_begin(nl, &b, DASH_CMD_STATS_GET, NLM_F_ACK | (name ? 0 : NLM_F_DUMP));
	if (name)
		attr_str(&b, attr, name);
	nl_end(&b, at);
	ok = name ? nl_talk(nl, &b, stats_cb, s, err) : nl_dump(nl, &b, true, stats_cb, s, err);
	abuf_free(&b);
	return ok;
}

struct json_object *stats_all(struct nl *nl, struct nl_error *err)
{
	struct json_object *doc = json_object_new_object();
	struct stats s = { json_object_new_array(), json_object_new_array() };

	json_object_object_add(doc, "ports", s.ports);
	json_object_object_add(doc, "enis", s.enis);
	if (ask(nl, 0, NULL, &s, err))
		return doc;
	json_object_put(doc);
	return NULL;
}

int cmd_stats(struct args *a)
{
	const char *name = NULL, *what = "stats";
	struct stats s = { NULL, NULL };
	struct json_object *doc;
	struct nl_error err;
	char eni[13];
	bool drops = false;
	uint16_t attr = 0;
	struct nl *nl;
	bool ok;

	args_take(a, "show");
	if (args_take(a, "memory"))
		return cmd_memory(a);
	while (a->n) {
		if (args_take(a, "drops")) {
			drops = true;
			continue;
		}
		if (args_peek(a) && !name && (!strcmp(args_peek(a), "eni") ||
					      !strcmp(args_peek(a), "port"))) {
			what = args_next(a);
			attr = !strcmp(what, "eni") ? DASH_A_STATS_ENI : DASH_A_STATS_PORT;
			name = args_next(a);
			if (!name)
				return wrong_call("stats %s: which one?", what);
			if (attr == DASH_A_STATS_ENI)
				name = eni_name(name, eni);
			continue;
		}
		return wrong_call("stats: \"%s\"? stats [eni NAME | port DEVICE] [drops], stats memory",
				  args_peek(a));
	}
	nl = nl_open();
	if (!nl)
		return REFUSED;
	doc = json_object_new_object();
	s.ports = json_object_new_array();
	s.enis = json_object_new_array();
	json_object_object_add(doc, "ports", s.ports);
	json_object_object_add(doc, "enis", s.enis);
	ok = ask(nl, attr, name, &s, &err);
	if (ok && opt.json) {
		if (drops) {
			keep_drops(s.ports);
			keep_drops(s.enis);
		}
		print_json(doc);
	} else if (ok) {
		print_text(&s, drops);
	}
	json_object_put(doc);
	nl_close(nl);
	return ok ? DONE : nl_refused(&err, name ? name : what);
}
