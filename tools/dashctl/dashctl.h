/* SPDX-License-Identifier: GPL-2.0 */
/* What every file of dashctl shares: options, exit statuses, complaints. */
#ifndef DASHCTL_H
#define DASHCTL_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#define DASHCTL_VERSION	"0.1"

/* Exit statuses, and what every command returns. */
enum {
	DONE = 0,
	WRONG_CALL = 1,		/* usage, unreadable or malformed input */
	REFUSED = 2,		/* the kernel said no */
};

struct options {
	bool json;
	bool pretty;
	bool stats;
	bool details;
	uint8_t policy;		/* enum dash_policy */
};

extern struct options opt;

/* Say what went wrong on stderr, after "dashctl: " and, in a batch, the line. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, and return WRONG_CALL. */
int wrong_call(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Arguments left of a command line. */
struct args {
	int n;
	char **v;
};

/* The next argument, taken off; NULL when none is left. */
const char *args_next(struct args *a);

/* The next argument, left in place. */
const char *args_peek(const struct args *a);

/* Take off the next argument if it is @word. */
bool args_take(struct args *a, const char *word);

/* No argument may be left: complains when one is. */
bool args_done(const struct args *a);

#endif
