/* SPDX-License-Identifier: GPL-2.0 */
/* From netlink attributes to JSON, by the schema. */
#ifndef DASHCTL_DECODE_H
#define DASHCTL_DECODE_H

#include <json-c/json.h>
#include <linux/netlink.h>

#include "abuf.h"
#include "schema.h"

enum {
	DECODE_KEYS = 1,	/* key fields too */
	DECODE_DEFAULTS = 2,	/* defaults too */
	DECODE_SORTED = 4,	/* lists without a meaningful order in a fixed one */
	DECODE_REPLY = 8,	/* what only the kernel says, too */
};

/* The object of the attributes inside @nest. */
struct json_object *decode_nest(const struct field *fields, const struct nlattr *nest,
				unsigned int flags);

/* The same of @len bytes of attributes at @attrs. */
struct json_object *decode_attrs(const struct field *fields, const void *attrs,
				 unsigned int len, unsigned int flags);

/* Table of a row's attribute; NULL when unknown. */
const struct table *decode_table(const struct nlattr *row);

/* The row of @buf, of one attribute or, when it is long, several. */
struct json_object *decode_members(const struct abuf *buf, unsigned int flags);

/* The same as {"TABLE:key": {…}, "OP": "SET"}. */
struct json_object *decode_row(const struct abuf *buf, unsigned int flags);

/* "TABLE:key" of such a row. */
const char *row_name(struct json_object *row);

/* Joins the parts of long rows that come in messages, and gives out whole ones. */
struct row_reader {
	void (*row)(void *arg, const struct abuf *row);
	void *arg;
	struct abuf buf;	/* private: the row that may go on */
};

/* A callback for messages; @arg is the struct row_reader. */
void row_reader_cb(const struct nlmsghdr *msg, void *arg);

/* Give out the last row and tidy up. */
void row_reader_end(struct row_reader *r);

#endif
