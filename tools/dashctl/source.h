/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Reading configuration files
 *
 * A file is a JSON list of rows. It is read in chunks and given out row by row,
 * so that memory does not grow with its length.
 */
#ifndef DASHCTL_SOURCE_H
#define DASHCTL_SOURCE_H

#include <stdbool.h>

#include "jtree.h"

struct source;

/* @path may be "-"; NULL, after a complaint, when it cannot be opened. */
struct source *source_open(const char *path);

/* A source of the rows in @text. */
struct source *source_text(const char *name, const char *text);
void source_close(struct source *s);

/* Name for messages. */
const char *source_name(const struct source *s);

/* The next row, good until the next call; NULL at the end or on an error. */
const struct jnode *source_next(struct source *s);

/* Line on which the row given last begins, or where the error is. */
unsigned long source_line(const struct source *s);

/* What is wrong with the file; NULL while nothing is. */
const char *source_error(const struct source *s);

/*
 * Begin again. A pipe can be read twice only as far as it was kept in memory,
 * or if source_keep() was called before.
 */
bool source_rewind(struct source *s);

/* The source will be read more than once: pipes go to a temporary file. */
bool source_keep(struct source *s);

#endif
