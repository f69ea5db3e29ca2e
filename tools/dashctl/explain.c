// SPDX-License-Identifier: GPL-2.0
/*
 * explain: what would happen to a packet, and why. The kernel's own pipeline
 * answers; the text is the summary table of the VNET-to-VNET document.
 */
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

/* The document printed with -j. */
static struct json_object *new_doc(const void *attrs, unsigned int len)
{
	struct json_object *o = decode_attrs(explain_fields, attrs, len,
					     DECODE_REPLY | DECODE_KEYS);
	struct json_object *doc = json_object_new_object();
	const struct nlattr *attr;
	const char *reason = NULL;

	mnl_attr_for_each_payload(attrs, len)
		if (mnl_attr_get_type(attr) == DASH_A_EXPLAIN_DROP && mnl_attr_get_u32(attr)) {
			reason = name_of(&drop_names, mnl_attr_get_u32(attr));
			reason = reason ? reason : "unknown";
		}
	json_object_object_foreach(o, name, v) {
		struct json_object *list = NULL;

		/* The verdict goes between the packet and its journey. */
		if (!strcmp(name, "stages") || (!strcmp(name, "route_rule") &&
						!member(doc, "verdict"))) {
			json_object_object_add(doc, "verdict",
					       json_object_new_string(reason ? "drop" : "allow"));
			json_object_object_add(doc, "reason",
					       reason ? json_object_new_string(reason) : NULL);
			if (strcmp(name, "stages"))
				list = json_object_new_array();
		}
		if (list)
			json_object_object_add(doc, "stages", list);
		json_object_object_add(doc, name, json_object_get(v));
	}
	/* A dropped packet is not sent in any form. */
	v = member(doc, "packet");
	if (reason) {
		json_object_object_add(doc, "packet", NULL);
	} else if (v) {
		struct json_object *mac = member(v, "dst_mac");

		json_object_object_add(v, "inner_dst_mac", json_object_get(mac));
		json_object_object_del(v, "dst_mac");
		if (!member(v, "dev"))
			json_object_object_add(v, "dev", NULL);
	}
	json_object_put(o);
	return doc;
}

static void reply_cb(const struct nlmsghdr *msg, void *arg)
{
	struct json_object **doc = arg;
	unsigned int len;
	const struct nlattr *attrs = nl_attrs(msg, &len);

	json_object_put(*doc);
	*doc = new_doc(attrs, len);
}

/* Text: step, what decided, outcome. */

static const char * const head[] = { "STEP", "DECIDED BY", "OUTCOME" };

static void line(struct grid *g, const char *step, char *by, char *outcome)
{
	grid_cell(g, 0, step);
	grid_cell(g, 1, by);
	grid_cell(g, 2, outcome);
	grid_row_end(g);
	free(by);
	free(outcome);
}

static void append(char **text, const char *name, const char *value)
{
	char *longer;

	if (!*value)
		return;
	longer = xasprintf("%s%s%s %s", *text, **text ? ", " : "", name, value);
	free(*text);
	*text = longer;
}

static void packet_line(struct grid *g, struct json_object *doc)
{
	char *by = xasprintf("eni %s, %s", member_text(doc, "eni"), member_text(doc, "direction"));
	char *what = xasprintf("%s %s -> %s", member_text(doc, "proto"), member_text(doc, "src"),
			       member_text(doc, "dst"));

	append(&what, "sport", member_text(doc, "sport"));
	append(&what, "dport", member_text(doc, "dport"));
	append(&what, "vni", member_text(doc, "vni"));
	append(&what, "from", member_text(doc, "pa"));
	line(g, "packet", by, what);
}

static void acl_lines(struct grid *g, struct json_object *stages)
{
	size_t i;

	for (i = 0; i < json_object_array_length(stages); i++) {
		struct json_object *s = json_object_array_get_idx(stages, i);
		char *step = xasprintf("acl stage %s", member_text(s, "stage"));
		char *by = xasprintf("group %s, ", member_text(s, "group"));
		char *longer;

		if (member(s, "rule"))
			longer = xasprintf("%srule %s (priority %s)", by, member_text(s, "rule"),
					   member_text(s, "priority"));
		else
			longer = xasprintf("%sits default", by);
		free(by);
		line(g, step, longer,
		     xasprintf("%s%s", member_text(s, "action"),
			       json_object_get_boolean(member(s, "terminating")) ?
			       ", final" : ""));
		free(step);
	}
}

static void rule_line(struct grid *g, struct json_object *doc)
{
	struct json_object *r = member(doc, "route_rule"), *valid = member(doc, "pa_valid");
	char *by;

	if (r) {
		by = xasprintf("%s vni %s", member_text(r, "eni"), member_text(r, "vni"));
		append(&by, "prefix", member_text(r, "prefix"));
		append(&by, "priority", member_text(r, "priority"));
		line(g, "route rule", by, xstrdup(member_text(r, "action_type")));
	}
	if (valid)
		line(g, "source check", xasprintf("vnet %s", member_text(r, "vnet")),
		     xasprintf("%s is %s", member_text(doc, "pa"),
			       json_object_get_boolean(valid) ? "valid" : "not valid"));
}

static void route_lines(struct grid *g, struct json_object *doc)
{
	struct json_object *r = member(doc, "route"), *m = member(doc, "mapping");
	struct json_object *t = member(doc, "tunnel");
	char *text, *ends;

	if (r) {
		text = xstrdup(member_text(r, "routing_type"));
		append(&text, "vnet", member_text(r, "vnet"));
		append(&text, "overlay_ip", member_text(r, "overlay_ip"));
		append(&text, "tunnel", member_text(r, "tunnel"));
		append(&text, "overlay_sip_prefix", member_text(r, "overlay_sip_prefix"));
		append(&text, "overlay_dip_prefix", member_text(r, "overlay_dip_prefix"));
		line(g, "route", xasprintf("group %s, %s", member_text(r, "group"),
					   member_text(r, "prefix")), text);
	}
	if (t) {
		text = xstrdup(member_text(t, "encap_type"));
		ends = plain_text(member(t, "endpoints"));
		append(&text, "to", ends);
		free(ends);
		append(&text, "vni", member_text(t, "vni"));
		append(&text, "from", member_text(t, "sip"));
		line(g, "tunnel", xstrdup(member_text(t, "tunnel")), text);
	}
	if (m) {
		text = xstrdup("");
		append(&text, "pa", member_text(m, "underlay_ip"));
		append(&text, "pa6", member_text(m, "underlay_ip6"));
		append(&text, "mac", member_text(m, "mac_address"));
		append(&text, "vni", member_text(m, "vni"));
		if (!strcmp(member_text(m, "routing_type"), "privatelink")) {
			append(&text, "overlay_sip_prefix", member_text(m, "overlay_sip_prefix"));
			append(&text, "overlay_dip_prefix", member_text(m, "overlay_dip_prefix"));
		}
		line(g, "mapping", xasprintf("vnet %s, %s", member_text(m, "vnet"),
					     member_text(m, "ip")), text);
	}
}

static void meter_line(struct grid *g, struct json_object *doc)
{
	struct json_object *r = member(doc, "meter_rule");
	const char *class = member_text(doc, "metering_class");

	if (!*class || !strcmp(class, "0"))
		return;
	line(g, "metering", !r ? xstrdup(member(doc, "flow") ? "the connection" : "the above") :
	     xasprintf("policy %s, rule %s, %s", member_text(r, "meter_policy_id"),
		       member_text(r, "rule_num"), member_text(r, "ip_prefix")),
	     xasprintf("class %s", class));
}

static void result_line(struct grid *g, struct json_object *doc)
{
	struct json_object *p = member(doc, "packet");
	char *text;

	if (member(doc, "flow"))
		line(g, "flow", xasprintf("a connection in state %s", member_text(doc, "flow")),
		     xstrdup("no policy is asked"));
	if (!p) {
		line(g, "result", xstrdup(member_text(doc, "reason")),
		     xstrdup(member(doc, "reason") ? "DROPPED" : "ALLOWED"));
		return;
	}
	text = *member_text(p, "encap") ?
	       xasprintf("ALLOWED: %s %s -> %s", member_text(p, "encap"),
			 member_text(p, "outer_src"), member_text(p, "outer_dst")) :
	       xstrdup("ALLOWED: without encapsulation");
	append(&text, "nat src", member_text(p, "nat_src"));
	append(&text, "nat sport", member_text(p, "nat_sport"));
	append(&text, "overlay src", member_text(p, "overlay_src"));
	append(&text, "overlay dst", member_text(p, "overlay_dst"));
	append(&text, "vni", member_text(p, "vni"));
	append(&text, "udp sport", member_text(p, "udp_sport"));
	append(&text, "inner dst mac", member_text(p, "inner_dst_mac"));
	append(&text, "dev", member_text(p, "dev"));
	line(g, "result", NULL, text);
}

static void print_text(struct json_object *doc)
{
	struct grid *g = grid_new(head, 3);

	packet_line(g, doc);
	/* Inbound, the outer source is checked before the ACLs. */
	rule_line(g, doc);
	acl_lines(g, member(doc, "stages"));
	route_lines(g, doc);
	meter_line(g, doc);
	result_line(g, doc);
	grid_end(g);
}

/* Words of the call into attributes: of a packet, or of a filter of packets. */
static bool take_words(struct args *a, struct encoder *e, unsigned int *given)
{
	while (a->n) {
		const char *name = args_next(a), *text;
		const struct field *f = field_find(explain_fields, name);

		if (!f && name_find(&direction_names, name) >= 0) {
			text = name;
			f = field_find(explain_fields, "direction");
		} else {
			text = args_next(a);
		}
		if (!f || f->flags & F_REPLY) {
			complain("explain: \"%s\"? explain eni NAME {outbound|inbound} src A dst B proto P [sport N] [dport N] [vni N] [pa A]",
				 name);
			return false;
		}
		if (!text) {
			complain("explain: the value of \"%s\" is missing", name);
			return false;
		}
		e->field = f->name;
		if (*given & 1u << (f - explain_fields)) {
			complain("explain: %s is given twice", f->name);
			return false;
		}
		*given |= 1u << (f - explain_fields);
		if (!encode_text(e, f, text)) {
			complain("explain: %s", e->why);
			return false;
		}
	}
	return true;
}

static bool take_packet(struct args *a, struct encoder *e)
{
	static const char * const need[] = { "eni", "direction", "src", "dst", "proto" };
	unsigned int given = 0, needed, i;

	if (!take_words(a, e, &given))
		return false;
	for (i = 0; i < sizeof(need) / sizeof(need[0]); i++) {
		needed = 1u << (field_find(explain_fields, need[i]) - explain_fields);
		if (!(given & needed)) {
			complain("explain: %s is missing", need[i]);
			return false;
		}
	}
	return true;
}

/* Packets as they pass. */

static void live_cb(const struct nlmsghdr *msg, void *arg)
{
	unsigned int len;
	const struct nlattr *attrs = nl_attrs(msg, &len), *attr;
	struct nl_wanted *wanted = arg;
	struct json_object *doc;
	uint64_t lost = 0;

	mnl_attr_for_each_payload((const void *)attrs, len)
		if (mnl_attr_get_type(attr) == DASH_A_EXPLAIN_LOST)
			lost = mnl_attr_get_u64(attr);
	if (lost && opt.json)
		printf("{\"lost\":%llu}\n", (unsigned long long)lost);
	else if (lost)
		printf("%llu packets were not explained\n\n", (unsigned long long)lost);
	if (nl_enough(wanted))
		return;
	doc = new_doc(attrs, len);
	if (opt.json) {
		print_json(doc);
	} else {
		print_text(doc);
		putchar('\n');
	}
	fflush(stdout);
	json_object_put(doc);
	nl_taken(wanted);
}

/* Options that are no fields of a packet, from wherever they stand. */
static bool take_live_options(struct args *a, struct nl_wanted *wanted, unsigned long *rate)
{
	struct args rest = { .n = 0, .v = a->v };

	while (a->n) {
		char *word = (char *)args_next(a);

		if (!strcmp(word, "-c")) {
			wanted->counted = true;
			if (!args_number(a, "explain: -c", &wanted->left))
				return false;
		} else if (!strcmp(word, "-r")) {
			if (!args_number(a, "explain: -r", rate))
				return false;
		} else {
			rest.v[rest.n++] = word;
		}
	}
	*a = rest;
	return true;
}

static int explain_live(struct args *a)
{
	struct nl_wanted wanted = { 0 };
	unsigned int given = 0;
	unsigned long rate = 0;
	struct encoder e = { 0 };
	struct abuf b = { 0 };
	struct nl_error err;
	struct nl *nl;
	int ret;
	size_t at;

	if (!take_live_options(a, &wanted, &rate) || !take_words(a, &e, &given)) {
		encoder_free(&e);
		return WRONG_CALL;
	}
	nl = nl_open();
	if (!nl) {
		encoder_free(&e);
		return REFUSED;
	}
	nl_catch_signals();
	at = nl_begin(nl, &b, DASH_CMD_EXPLAIN_LIVE, NLM_F_ACK);
	abuf_append(&b, e.buf.data, e.buf.len);
	if (wanted.counted)
		attr_u32(&b, DASH_A_EXPLAIN_COUNT, wanted.left);
	if (rate)
		attr_u32(&b, DASH_A_EXPLAIN_RATE, rate);
	nl_end(&b, at);
	/* The kernel counts what it has no room for. */
	ret = nl_talk(nl, &b, live_cb, &wanted, &err) ?
	      nl_follow(nl, live_cb, &wanted, &wanted, "explain") :
	      nl_refused(&err, "explain");
	encoder_free(&e);
	abuf_free(&b);
	nl_close(nl);
	return ret;
}

int cmd_explain(struct args *a)
{
	struct json_object *doc = NULL;
	struct encoder e = { 0 };
	struct abuf b = { 0 };
	struct nl_error err;
	int ret = DONE;
	struct nl *nl;
	size_t at;

	if (args_take(a, "--live"))
		return explain_live(a);
	if (!take_packet(a, &e)) {
		encoder_free(&e);
		return WRONG_CALL;
	}
	nl = nl_open();
	if (!nl) {
		encoder_free(&e);
		return REFUSED;
	}
	at = nl_begin(nl, &b, DASH_CMD_EXPLAIN, NLM_F_ACK);
	abuf_append(&b, e.buf.data, e.buf.len);
	nl_end(&b, at);
	if (!nl_talk(nl, &b, reply_cb, &doc, &err)) {
		ret = nl_refused(&err, "explain");
	} else if (!doc) {
		complain("explain: no answer");
		ret = REFUSED;
	} else if (opt.json) {
		print_json(doc);
	} else {
		print_text(doc);
	}
	json_object_put(doc);
	encoder_free(&e);
	abuf_free(&b);
	nl_close(nl);
	return ret;
}
