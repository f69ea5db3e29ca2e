/* SPDX-License-Identifier: GPL-2.0 */
/* From netlink attributes to JSON, by the schema. */
#ifndef DASHCTL_DECODE_H
#define DASHCTL_DECODE_H

#include <json-c/json.h>
#include <linux/netlink.h>

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

/* {"TABLE:key": {…}, "OP": "SET"} */
struct json_object *decode_row(const struct nlattr *row, unsigned int flags);

#endif
