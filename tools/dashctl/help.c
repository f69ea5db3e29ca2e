// SPDX-License-Identifier: GPL-2.0
/* Help and the words for shell completion, both from the schema. */
#include <stdio.h>
#include <string.h>

#include "commands.h"

static const char usage[] =
	"Usage: dashctl [-j] [-p] [-s] [-d] [-n NETNS] [-V] [--policy POLICY] OBJECT COMMAND …\n"
	"       dashctl -b FILE                      commands from a file, one a line\n"
	"       dashctl load FILE [--sync] [--check] [--policy POLICY] [--ignore-unknown]\n"
	"               POLICY for connections concerned: resimulate (default), keep or cut\n"
	"       dashctl save | flush\n"
	"       dashctl save --flows [-o FILE]       connections, and back again:\n"
	"       dashctl load --flows FILE\n"
	"       dashctl OBJECT [KIND] add|replace|set KEY [FIELD VALUE]…\n"
	"       dashctl OBJECT [KIND] del KEY\n"
	"       dashctl OBJECT [KIND] show [KEY | PARENT]\n"
	"       dashctl port add DEVICE underlay\n"
	"       dashctl port add DEVICE vport eni ENI [netns NETNS]\n"
	"       dashctl acl bind ENI {in|out} STAGE [v4 GROUP] [v6 GROUP]\n"
	"       dashctl acl unbind ENI {in|out} STAGE\n"
	"       dashctl route bind ENI GROUP | route unbind ENI\n"
	"       dashctl stats [eni NAME | port DEVICE] [drops]\n"
	"       dashctl stats memory\n"
	"       dashctl flow {show|get|count|flush} [top N by {bytes|packets|age|idle}]\n"
	"               [{eni|src|dst|proto|sport|dport|port|state|age|rule|stale} VALUE]…\n"
	"       dashctl flow add eni NAME direction {outbound|inbound} src A dst B proto P\n"
	"               [sport N] [dport N] [state S] [pa A] [vni N] [vip A] [encap E]\n"
	"               {forward|reverse} {direct | outer_dst A vni N [outer_src A] [encap E]\n"
	"               [dst_mac M] [udp_sport N]}…\n"
	"       dashctl flow del eni NAME src A dst B proto P [sport N] [dport N]\n"
	"       dashctl explain eni NAME {outbound|inbound} src A dst B proto P\n"
	"               [sport N] [dport N] [vni N] [pa A]\n"
	"       dashctl explain --live [{eni|src|dst|proto|sport|dport} VALUE]… [outbound|inbound]\n"
	"               [-c N] [-r RATE]\n"
	"       dashctl monitor [config] [flows] [drops] [-c N]\n"
	"       dashctl top [packets|bytes|drops] [-i SECONDS] [-c N]\n"
	"       dashctl verify FILE [--ignore-unknown]\n"
	"       dashctl help [OBJECT]\n";

static bool first_of_object(unsigned int i)
{
	unsigned int j;

	if (!tables[i].object)
		return false;
	for (j = 0; j < i; j++)
		if (tables[j].object && !strcmp(tables[i].object, tables[j].object))
			return false;
	return true;
}

static const char *type_text(const struct field *f)
{
	switch (f->type) {
	case T_STR:
		return "name";
	case T_U8:
	case T_U16:
	case T_U32:
	case T_U64:
		return "number";
	case T_BOOL:
		return "true|false";
	case T_PROTO:
		return "protocol";
	case T_ADDR:
		return f->flags & F_V6 ? "IPv6 address" : "address";
	case T_MAC:
		return "MAC address";
	case T_PREFIX:
	case T_PREFIX_STR:
		return f->flags & F_V6 ? "IPv6 prefix" : "prefix";
	case T_MASKED:
		return "IPv6 address/mask";
	case T_PORTS:
	case T_VNIS:
		return "number or range";
	case T_NETNS:
		return "network namespace";
	case T_NEST:
		return "JSON object";
	default:
		return "";
	}
}

static bool settable(const struct field *f)
{
	return !(f->flags & F_REPLY) && f->type < T_IGNORED;
}

static void help_fields(const struct table *t)
{
	const struct field *f;
	unsigned int i;

	for (f = t->field; f->name; f++) {
		if (!settable(f))
			continue;
		printf("    %-26s ", f->name);
		if (f->flags & F_KEY)
			printf("(key) ");
		if (f->type == T_ENUM)
			for (i = 0; f->names->name[i]; i++)
				printf("%s%s", i ? "|" : "", f->names->name[i]);
		else
			fputs(type_text(f), stdout);
		if (f->absent)
			printf(" or %s", f->absent);
		if (f->flags & F_LIST)
			fputs(", a list", stdout);
		if (f->def)
			printf(", default %s", f->def);
		putchar('\n');
	}
}

int help_object(const char *object)
{
	bool found = false;
	unsigned int i;

	for (i = 0; i < n_tables; i++) {
		const struct table *t = &tables[i];

		if (!t->object || strcmp(t->object, object))
			continue;
		printf("%sdashctl %s%s%s: %s (%s)\n", found ? "\n" : "", object,
		       t->kind ? " " : "", t->kind ? t->kind : "", t->help, t->name);
		help_fields(t);
		found = true;
	}
	return found ? DONE : wrong_call("no object \"%s\"; see dashctl help", object);
}

int cmd_help(struct args *a)
{
	unsigned int i;

	if (a->n)
		return help_object(args_next(a));
	fputs(usage, stdout);
	fputs("Objects:\n", stdout);
	for (i = 0; i < n_tables; i++) {
		const struct table *t = &tables[i];

		if (t->object)
			printf("    %-13s %-8s %s\n", t->object, t->kind ? t->kind : "", t->help);
	}
	return DONE;
}

/* One word a line: what may stand for the last word of the command line. */

static void words(const char *const *list)
{
	for (; *list; list++)
		puts(*list);
}

static int complete_top(void)
{
	static const char * const commands[] = {
		"load", "save", "flush", "stats", "flow", "explain", "monitor", "top",
		"verify", "help", NULL,
	};
	unsigned int i;

	words(commands);
	for (i = 0; i < n_tables; i++)
		if (first_of_object(i))
			puts(tables[i].object);
	return DONE;
}

static int complete_commands(const char *object)
{
	static const char * const verbs[] = {
		"add", "replace", "set", "del", "show", "help", NULL,
	};
	unsigned int i;

	words(verbs);
	for (i = 0; i < n_tables; i++)
		if (tables[i].object && tables[i].kind && !strcmp(tables[i].object, object))
			puts(tables[i].kind);
	if (!strcmp(object, "acl"))
		puts("bind\nunbind");
	if (!strcmp(object, "route"))
		puts("unbind");
	return DONE;
}

static int complete_fields(const char *object, const char *kind)
{
	const struct field *f;
	unsigned int i;

	for (i = 0; i < n_tables; i++) {
		const struct table *t = &tables[i];

		if (!t->object || strcmp(t->object, object) ||
		    (kind ? !t->kind || strcmp(t->kind, kind) : t->kind != NULL))
			continue;
		for (f = t->field; f->name; f++)
			if (settable(f) && !(f->flags & F_KEY))
				puts(f->name);
		if (t->value_list)
			for (f = t->field[1].sub; f->name; f++)
				puts(f->name);
	}
	return DONE;
}

static int complete_values(const char *object, const char *kind, const char *name)
{
	unsigned int i;

	for (i = 0; i < n_tables; i++) {
		const struct table *t = &tables[i];
		const struct field *f;

		if (!t->object || strcmp(t->object, object) ||
		    (*kind ? !t->kind || strcmp(t->kind, kind) : t->kind != NULL))
			continue;
		f = field_find(t->field, name);
		if (f && f->type == T_ENUM)
			words(f->names->name);
		if (f && f->type == T_BOOL)
			puts("true\nfalse");
		if (f && f->absent)
			puts(f->absent);
	}
	return DONE;
}

/* --complete top | commands OBJECT | fields OBJECT [KIND] | values OBJECT KIND FIELD */
int cmd_complete(struct args *a)
{
	const char *what = args_next(a), *object = args_next(a);
	const char *kind = args_next(a), *name = args_next(a);
	const struct field *f;

	if (!what || !strcmp(what, "top"))
		return complete_top();
	if (!strcmp(what, "filters")) {
		for (f = flow_filter_fields; f->name; f++)
			puts(f->name);
		return DONE;
	}
	if (!strcmp(what, "flow")) {
		for (f = flow_add_fields; f->name; f++)
			puts(f->name);
		for (f = flow_xform_fields; f->name; f++)
			puts(f->name);
		puts("forward\nreverse\ndirect");
		return DONE;
	}
	if (!strcmp(what, "orders")) {
		words(flow_order_names.name);
		return DONE;
	}
	if (!strcmp(what, "states")) {
		words(flow_state_names.name);
		return DONE;
	}
	if (object && !strcmp(what, "commands"))
		return complete_commands(object);
	if (object && !strcmp(what, "fields"))
		return complete_fields(object, kind);
	if (name && !strcmp(what, "values"))
		return complete_values(object, kind, name);
	return WRONG_CALL;
}
