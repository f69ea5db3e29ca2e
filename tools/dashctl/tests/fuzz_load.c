// SPDX-License-Identifier: GPL-2.0
/* libFuzzer: any text as a configuration file; what encodes must decode, to the same. */
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "encode.h"
#include "print.h"
#include "source.h"

static void check_row(struct encoder *e)
{
	struct json_object *row = decode_row(&e->buf, 0), *again;
	struct encoder second = { 0 };

	if (e->del) {
		json_object_put(row);
		return;
	}
	if (encode_object(&second, row) != ROW_OK)
		abort();
	again = decode_row(&second.buf, 0);
	if (strcmp(json_line(row), json_line(again)))
		abort();
	json_object_put(again);
	json_object_put(row);
	encoder_free(&second);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *text = malloc(size + 1);
	struct encoder e = { 0 };
	const struct jnode *row;
	struct source *src;

	memcpy(text, data, size);
	text[size] = '\0';
	e.ignore_unknown = size & 1;
	src = source_text("fuzz", text);
	while ((row = source_next(src)))
		if (encode_row(&e, row) == ROW_OK)
			check_row(&e);
	source_close(src);
	encoder_free(&e);
	free(text);
	return 0;
}
