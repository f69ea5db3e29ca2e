// SPDX-License-Identifier: GPL-2.0
/*
 * dashctl - configures the DASH datapath and looks into it
 *
 *	dashctl [OPTIONS] OBJECT COMMAND …
 *
 * Options and conventions are those of ip(8).
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "netns.h"

#define MAX_WORDS	1024

struct options opt;

/* The batch line that is being carried out. */
static const char *batch_name;
static unsigned long batch_line;

void complain(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("dashctl: ", stderr);
	if (batch_name)
		fprintf(stderr, "%s:%lu: ", batch_name, batch_line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int wrong_call(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("dashctl: ", stderr);
	if (batch_name)
		fprintf(stderr, "%s:%lu: ", batch_name, batch_line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return WRONG_CALL;
}

static void *no_memory(void)
{
	fputs("dashctl: out of memory\n", stderr);
	exit(WRONG_CALL);
}

void *xrealloc(void *p, size_t n)
{
	p = realloc(p, n);
	return p ? p : no_memory();
}

char *xstrdup(const char *s)
{
	char *copy = strdup(s);

	return copy ? copy : no_memory();
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return n < 0 ? no_memory() : s;
}

const char *args_next(struct args *a)
{
	if (!a->n)
		return NULL;
	a->n--;
	return *a->v++;
}

const char *args_peek(const struct args *a)
{
	return a->n ? *a->v : NULL;
}

bool args_take(struct args *a, const char *word)
{
	if (!a->n || strcmp(*a->v, word))
		return false;
	args_next(a);
	return true;
}

bool args_number(struct args *a, const char *option, unsigned long *n)
{
	const char *text = args_next(a);
	char *end = NULL;

	errno = 0;
	*n = text ? strtoul(text, &end, 10) : 0;
	if (text && isdigit((unsigned char)*text) && !*end && !errno && *n && *n <= UINT32_MAX)
		return true;
	complain("%s: %s%s%sa number from 1 on is wanted", option, text ? "\"" : "", text ? text : "",
		 text ? "\": " : "");
	return false;
}

bool args_done(const struct args *a)
{
	if (a->n)
		complain("\"%s\": one word too many", *a->v);
	return !a->n;
}

static bool is_object(const char *word)
{
	unsigned int i;

	for (i = 0; i < n_tables; i++)
		if (tables[i].object && !strcmp(tables[i].object, word))
			return true;
	return false;
}

static int run(struct args *a)
{
	static const struct {
		const char *name;
		int (*run)(struct args *a);
	} commands[] = {
		{ "load", cmd_load }, { "save", cmd_save }, { "flush", cmd_flush },
		{ "stats", cmd_stats }, { "flow", cmd_flow }, { "explain", cmd_explain },
		{ "monitor", cmd_monitor }, { "top", cmd_top }, { "verify", cmd_verify },
		{ "help", cmd_help }, { "--complete", cmd_complete },
	};
	const char *word = args_next(a);
	unsigned int i;

	if (!word) {
		cmd_help(a);
		return WRONG_CALL;
	}
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, word))
			return commands[i].run(a);
	if (is_object(word))
		return cmd_object(word, a);
	return wrong_call("unknown object or command \"%s\"; see dashctl help", word);
}

/* Cut a line into words, at blanks outside quotes; '#' begins a comment. */
static int split_line(char *line, char **word)
{
	int n = 0;
	char *out;

	for (;;) {
		char quote = 0;

		while (isspace((unsigned char)*line))
			line++;
		if (!*line || *line == '#')
			return n;
		if (n == MAX_WORDS)
			return -1;
		out = line;
		word[n++] = out;
		for (; *line && (quote || !isspace((unsigned char)*line)); line++) {
			if (quote ? *line == quote : *line == '"' || *line == '\'')
				quote = quote ? 0 : *line;
			else
				*out++ = *line;
		}
		if (quote)
			return -1;
		if (*line)
			line++;
		*out = '\0';
	}
}

static int run_batch(const char *name)
{
	FILE *f = strcmp(name, "-") ? fopen(name, "re") : stdin;
	char *word[MAX_WORDS], *line = NULL;
	size_t size = 0;
	int ret = DONE;

	if (!f)
		return wrong_call("%s: %s", name, strerror(errno));
	batch_name = f == stdin ? "<stdin>" : name;
	while (ret == DONE && getline(&line, &size, f) > 0) {
		struct args a = { .v = word };

		batch_line++;
		a.n = split_line(line, word);
		if (a.n < 0)
			ret = wrong_call("a quote is not closed, or too many words");
		else if (a.n)
			ret = run(&a);
		/* who asks one thing after the other waits for the answer */
		fflush(stdout);
	}
	if (ret == DONE && ferror(f))
		ret = wrong_call("%s", strerror(errno));
	free(line);
	if (f != stdin)
		fclose(f);
	return ret;
}

static bool enter_netns(const char *name)
{
	int fd = netns_open(name);

	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		complain("network namespace \"%s\": %s", name, strerror(errno));
		return false;
	}
	close(fd);
	return true;
}

bool take_policy(struct args *a)
{
	const char *word = args_next(a);
	int policy = word ? name_find(&policy_names, word) : NAME_UNKNOWN;

	if (policy < 0) {
		complain("--policy: resimulate, keep or cut?");
		return false;
	}
	opt.policy = policy;
	return true;
}

/* One word of options in front; like ip(8) it may have one or two dashes. */
static int take_option(struct args *a, const char **netns, const char **batch)
{
	const char *word = args_next(a) + 1;
	const char *letter;

	if (*word == '-')
		word++;
	if (!strcmp(word, "json"))
		word = "j";
	else if (!strcmp(word, "pretty"))
		word = "p";
	else if (!strcmp(word, "stats") || !strcmp(word, "statistics"))
		word = "s";
	else if (!strcmp(word, "details"))
		word = "d";
	else if (!strcmp(word, "Version") || !strcmp(word, "version"))
		word = "V";
	else if (!strcmp(word, "netns"))
		word = "n";
	else if (!strcmp(word, "batch"))
		word = "b";
	else if (!strcmp(word, "help"))
		word = "h";
	else if (!strcmp(word, "policy"))
		return take_policy(a) ? DONE : WRONG_CALL;
	for (letter = word; *letter; letter++) {
		switch (*letter) {
		case 'j':
			opt.json = true;
			break;
		case 'p':
			opt.pretty = true;
			break;
		case 's':
			opt.stats = true;
			break;
		case 'd':
			opt.details = true;
			break;
		case 'V':
			puts("dashctl " DASHCTL_VERSION);
			exit(DONE);
		case 'h':
			cmd_help(a);
			exit(DONE);
		case 'n':
		case 'b':
			if (!a->n)
				return wrong_call("-%c: what?", *letter);
			*(*letter == 'n' ? netns : batch) = args_next(a);
			break;
		default:
			return wrong_call("unknown option \"-%s\"; see dashctl help", word);
		}
	}
	return *word ? DONE : wrong_call("\"-\" is no option");
}

int main(int argc, char **argv)
{
	struct args a = { .n = argc - 1, .v = argv + 1 };
	const char *netns = NULL, *batch = NULL;
	int ret;

	while (a.n && a.v[0][0] == '-' && strcmp(a.v[0], "--complete")) {
		ret = take_option(&a, &netns, &batch);
		if (ret != DONE)
			return ret;
	}
	if (netns && !enter_netns(netns))
		return WRONG_CALL;
	if (batch) {
		if (!args_done(&a))
			return WRONG_CALL;
		ret = run_batch(batch);
	} else {
		ret = run(&a);
	}
	if (fflush(stdout) || ferror(stdout)) {
		complain("writing: %s", strerror(errno));
		return ret == DONE ? WRONG_CALL : ret;
	}
	return ret;
}
