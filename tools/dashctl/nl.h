/* SPDX-License-Identifier: GPL-2.0 */
/* Talking to the kernel's "dash" generic netlink family. */
#ifndef DASHCTL_NL_H
#define DASHCTL_NL_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "abuf.h"

struct nl;

/* What the kernel said when it refused. */
struct nl_error {
	int code;		/* errno, 0: it did not refuse */
	char text[512];		/* extended acknowledgement, or the errno's text */
	uint32_t offset;	/* of the attribute it means in the request, 0: unknown */
	uint32_t miss_nest;	/* offset of the nest, 0: top level, … */
	uint32_t miss_type;	/* … that lacks this attribute; 0: none */
	uint32_t seq;		/* of the request */
};

typedef void (*nl_cb)(const struct nlmsghdr *msg, void *arg);

/* NULL, after a complaint, when there is no such family. */
struct nl *nl_open(void);
void nl_close(struct nl *nl);

/*
 * Instead of nl_close(), when all that was asked has been answered and nothing
 * in the kernel hangs on the socket: the next nl_open() takes it.
 */
void nl_keep(struct nl *nl);

/* Begin a message in @b; returns where it is, for nl_end(). */
size_t nl_begin(struct nl *nl, struct abuf *b, uint8_t cmd, uint16_t flags);
void nl_end(struct abuf *b, size_t at);

/* Sequence number of the message at @at. */
uint32_t nl_seq(const struct abuf *b, size_t at);

/* Send all messages of @b at once; false: @err says why. */
bool nl_send(struct nl *nl, const struct abuf *b, struct nl_error *err);

/* Read @n acknowledgements and the replies before them; false: the first refusal. */
bool nl_acks(struct nl *nl, unsigned int n, nl_cb cb, void *arg, struct nl_error *err);

/* Send one message and take its answer. */
bool nl_talk(struct nl *nl, const struct abuf *b, nl_cb cb, void *arg, struct nl_error *err);

/*
 * Ask for a dump. With @whole nothing is given out before everything was
 * received, and an interrupted dump is repeated: @cb sees one state.
 */
bool nl_dump(struct nl *nl, const struct abuf *b, bool whole, nl_cb cb, void *arg,
	     struct nl_error *err);

/* Become a member of a multicast group. */
bool nl_join(struct nl *nl, const char *group, struct nl_error *err);

/* How many messages are wanted. */
struct nl_wanted {
	bool counted;		/* otherwise there is no end */
	unsigned long left;
};

/* Are there enough? */
bool nl_enough(const struct nl_wanted *w);

/* One more was taken. */
void nl_taken(struct nl_wanted *w);

/*
 * Give out messages as they come, until there are enough or nl_quit(). With
 * details wanted, say first that from now on nothing is missed. Returns DONE, or
 * REFUSED after a complaint about @what. Of those that the socket had no room for
 * the callback has to learn by itself.
 */
int nl_follow(struct nl *nl, nl_cb cb, void *arg, const struct nl_wanted *w, const char *what);

/* From now on SIGINT and SIGTERM do not end the program, but make this true. */
void nl_catch_signals(void);
bool nl_quit(void);

/* First attribute behind the headers, and the bytes of all. */
const struct nlattr *nl_attrs(const struct nlmsghdr *msg, unsigned int *len);

/* Does the kernel's text name the row already? */
bool nl_names_row(const char *text);

/* Complain about a refusal and return REFUSED. */
int nl_refused(const struct nl_error *err, const char *what);

/* Where attributes begin in a message. */
#define NL_HEADERS	(NLMSG_HDRLEN + 4u)

#endif
