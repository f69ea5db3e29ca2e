/* SPDX-License-Identifier: GPL-2.0 */
/* Printing JSON documents and aligned text. */
#ifndef DASHCTL_PRINT_H
#define DASHCTL_PRINT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

/* Print one JSON document and a newline, pretty if asked for. */
void print_json(struct json_object *doc);

/* The text of a document on one line, good as long as the document. */
const char *json_line(struct json_object *doc);

/*
 * A JSON list that is printed element by element, one a line: begin, any number
 * of elements, whose references are taken, end.
 */
struct json_list {
	const char *before;	/* text around it, when it is a member … */
	const char *after;	/* … of an object; NULL: none */
	unsigned long n;
};

void json_list_add(struct json_list *list, struct json_object *element);
void json_list_end(struct json_list *list);

/* Columns of text. Empty ones are left out. */
struct grid;

struct grid *grid_new(const char *const *head, unsigned int columns);

/* A right-aligned column. */
void grid_right(struct grid *g, unsigned int column);

/* Set a cell of the row under way; NULL leaves it empty. */
void grid_cell(struct grid *g, unsigned int column, const char *text);
void grid_row_end(struct grid *g);

/* Print what there is and free it. */
void grid_end(struct grid *g);

/* Text of a JSON value for people; the caller frees it. */
char *plain_text(struct json_object *v);

/* A member's text or number, "" or 0 if there is none. */
const char *member_text(struct json_object *object, const char *name);
uint64_t member_number(struct json_object *object, const char *name);
struct json_object *member(struct json_object *object, const char *name);

#endif
