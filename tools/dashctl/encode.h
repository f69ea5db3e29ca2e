/* SPDX-License-Identifier: GPL-2.0 */
/* From a row of a configuration file to its netlink attribute, by the schema. */
#ifndef DASHCTL_ENCODE_H
#define DASHCTL_ENCODE_H

#include <json-c/json.h>
#include <stdbool.h>

#include "abuf.h"
#include "jtree.h"
#include "schema.h"

enum encoded {
	ROW_OK,
	ROW_IGNORED,	/* of an unknown table, and that is fine */
	ROW_BAD,	/* @why says why */
};

struct encoder {
	bool ignore_unknown;
	/* Called with a remark on the row that does not stop it. */
	void (*warn)(void *arg, const char *text);
	void *warn_arg;

	/* Results, good until the next row; @name as long as the row. */
	struct abuf buf;		/* the row's attribute; several of a long row */
	const struct table *table;
	const char *name;		/* "TABLE:key" */
	bool del;
	char why[512];			/* "TABLE:key: field: "value": reason" */

	/* Private. */
	const char *field;
	struct abuf key;			/* cut into its parts */
	struct jtree tree;			/* of rows that come as json-c objects */
	size_t part;			/* where the attribute under way begins */
	size_t keys, keys_len;		/* where its key attributes are */
	bool nested;			/* it is inside another one there */
};

/* Encode {"TABLE:key": {…}, "OP": …}. */
enum encoded encode_row(struct encoder *e, const struct jnode *row);

/* The same of a row that this program made. */
enum encoded encode_object(struct encoder *e, struct json_object *row);

/* Encode one value of @field from text; false: @e->why says why. */
bool encode_text(struct encoder *e, const struct field *field, const char *text);

/* Name of an ENI in its canonical form, in @name if it has to change. */
const char *eni_name(const char *text, char name[13]);

void encoder_free(struct encoder *e);

#endif
