// SPDX-License-Identifier: GPL-2.0
/*
 * rows FILE [--ignore-unknown] - read a configuration file as "load" does, encode
 * its rows for netlink, decode them again and print them as "save" does.
 *
 * This tests the loader without a kernel: what comes out must mean the same, and
 * going through it once more must change nothing.
 */
#include <stdio.h>
#include <string.h>

#include "dashctl.h"
#include "decode.h"
#include "encode.h"
#include "print.h"
#include "source.h"

static struct source *src;

static void warn(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "%s:%lu: warning: %s\n", source_name(src), source_line(src), text);
}

static struct json_object *output(const struct encoder *e)
{
	struct json_object *row = decode_row(&e->buf, 0);

	if (e->del)
		json_object_object_add(row, "OP", json_object_new_string("DEL"));
	return row;
}

int rows_main(int argc, char **argv);

int rows_main(int argc, char **argv)
{
	struct encoder e = { .warn = warn };
	struct json_list list = { 0 };
	const struct jnode *row;
	int ret = DONE;

	if (argc < 2)
		return WRONG_CALL;
	e.ignore_unknown = argc > 2 && !strcmp(argv[2], "--ignore-unknown");
	src = source_open(argv[1]);
	if (!src)
		return WRONG_CALL;
	while (ret == DONE && (row = source_next(src))) {
		switch (encode_row(&e, row)) {
		case ROW_OK:
			json_list_add(&list, output(&e));
			break;
		case ROW_IGNORED:
			break;
		case ROW_BAD:
			fprintf(stderr, "%s:%lu: %s\n", source_name(src), source_line(src), e.why);
			ret = WRONG_CALL;
		}
	}
	if (source_error(src)) {
		fprintf(stderr, "%s:%lu: %s\n", source_name(src), source_line(src),
			source_error(src));
		ret = WRONG_CALL;
	}
	if (ret == DONE)
		json_list_end(&list);
	encoder_free(&e);
	source_close(src);
	return ret;
}
