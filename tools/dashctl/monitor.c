// SPDX-License-Identifier: GPL-2.0
/*
 * monitor: what happens, as it happens: one line an event. Losses are told,
 * those in the kernel by its count, those of our socket by the gaps in the
 * numbers of its messages.
 */
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/dash.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "decode.h"
#include "nl.h"
#include "print.h"

static const struct {
	const char *name;
	uint8_t cmd;
} groups[] = {
	{ DASH_MCGRP_CONFIG, DASH_CMD_CONFIG_EVENT },
	{ DASH_MCGRP_FLOWS, DASH_CMD_FLOW_EVENT },
	{ DASH_MCGRP_DROPS, DASH_CMD_DROP_EVENT },
};

#define GROUPS	(sizeof(groups) / sizeof(groups[0]))

struct monitor {
	bool seen[GROUPS];
	uint32_t seq[GROUPS];	/* number of the last message, if seen */
	struct nl_wanted wanted;
};

static void print_line(struct json_object *o)
{
	static const char * const first[] = {
		"event", "reason", "gen", "name", "group", "lost", "eni", "direction", "proto",
	};
	const char *src = member_text(o, "src");
	unsigned int i;

	if (opt.json) {
		print_json(o);
		fflush(stdout);
		return;
	}
	for (i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		if (*member_text(o, first[i]))
			printf("%s%s", i ? " " : "", member_text(o, first[i]));
	if (*src)
		printf(" %s -> %s", src, member_text(o, "dst"));
	json_object_object_foreach(o, name, v) {
		char *text;

		for (i = 0; i < sizeof(first) / sizeof(first[0]); i++)
			if (!strcmp(name, first[i]))
				break;
		if (i < sizeof(first) / sizeof(first[0]) || !strcmp(name, "src") ||
		    !strcmp(name, "dst"))
			continue;
		if (json_object_is_type(v, json_type_object)) {
			printf(" %s", name);
			json_object_object_foreach(v, sub, w)
				if (w)
					printf(" %s %s", sub, json_object_get_string(w));
			continue;
		}
		text = plain_text(v);
		printf(" %s %s", name, text);
		free(text);
	}
	putchar('\n');
	fflush(stdout);
}

static void print_lost(const char *group, uint64_t n)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "event", json_object_new_string("lost"));
	json_object_object_add(o, "group", json_object_new_string(group));
	json_object_object_add(o, "lost", json_object_new_uint64(n));
	print_line(o);
	json_object_put(o);
}

static void event_cb(const struct nlmsghdr *msg, void *arg)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(msg);
	struct monitor *m = arg;
	const struct nlattr *attrs, *attr;
	uint64_t lost = 0;
	uint8_t kind = 0;
	struct json_object *o;
	unsigned int len, i;

	for (i = 0; i < GROUPS; i++)
		if (groups[i].cmd == genl->cmd)
			break;
	if (i == GROUPS || nl_enough(&m->wanted))
		return;
	if (m->seen[i])
		lost = (uint32_t)(msg->nlmsg_seq - m->seq[i] - 1);
	m->seen[i] = true;
	m->seq[i] = msg->nlmsg_seq;
	attrs = nl_attrs(msg, &len);
	mnl_attr_for_each_payload((const void *)attrs, len) {
		if (mnl_attr_get_type(attr) == DASH_A_EVENT_LOST)
			lost += mnl_attr_get_u64(attr);
		else if (mnl_attr_get_type(attr) == DASH_A_EVENT_KIND)
			kind = mnl_attr_get_u8(attr);
	}
	if (lost)
		print_lost(groups[i].name, lost);
	if (kind == DASH_EVENT_KIND_LOST)
		return;
	o = decode_attrs(event_fields, attrs, len, DECODE_KEYS);
	print_line(o);
	json_object_put(o);
	nl_taken(&m->wanted);
}

static bool join(struct nl *nl, unsigned int which, struct nl_error *err)
{
	unsigned int i;

	for (i = 0; i < GROUPS; i++)
		if (which & 1u << i && !nl_join(nl, groups[i].name, err))
			return false;
	return true;
}

int cmd_monitor(struct args *a)
{
	struct monitor m = { 0 };
	unsigned int which = 0, i;
	struct nl_error err;
	struct nl *nl;
	int ret;

	while (a->n) {
		const char *word = args_next(a);

		if (!strcmp(word, "-c")) {
			if (!args_number(a, "monitor: -c", &m.wanted.left))
				return WRONG_CALL;
			m.wanted.counted = true;
			continue;
		}
		for (i = 0; i < GROUPS; i++)
			if (!strcmp(groups[i].name, word))
				break;
		if (i == GROUPS)
			return wrong_call("monitor: \"%s\"? monitor [config] [flows] [drops] [-c N]",
					  word);
		which |= 1u << i;
	}
	nl = nl_open();
	if (!nl)
		return REFUSED;
	nl_catch_signals();
	/* After an overrun the next number says how many were lost. */
	ret = join(nl, which ? which : (1u << GROUPS) - 1, &err) ?
	      nl_follow(nl, event_cb, &m, &m.wanted, "monitor") :
	      nl_refused(&err, "monitor");
	nl_close(nl);
	return ret;
}
