// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dashctl.h"
#include "print.h"

const char *json_line(struct json_object *doc)
{
	return json_object_to_json_string_ext(doc, JSON_C_TO_STRING_SPACED |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
}

void print_json(struct json_object *doc)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

	flags |= opt.pretty ? JSON_C_TO_STRING_PRETTY : JSON_C_TO_STRING_PLAIN;
	puts(json_object_to_json_string_ext(doc, flags));
}

void json_list_add(struct json_list *list, struct json_object *element)
{
	if (!list->n++)
		printf("%s[\n ", list->before ? list->before : "");
	else
		fputs(",\n ", stdout);
	if (opt.pretty)
		fputs(json_object_to_json_string_ext(element, JSON_C_TO_STRING_NOSLASHESCAPE |
						     JSON_C_TO_STRING_PRETTY), stdout);
	else
		fputs(json_line(element), stdout);
	json_object_put(element);
}

void json_list_end(struct json_list *list)
{
	const char *after = list->after ? list->after : "";

	if (list->n)
		printf("\n]%s\n", after);
	else
		printf("%s[]%s\n", list->before ? list->before : "", after);
}

/* So many rows are aligned with each other. */
#define BLOCK	500

struct grid {
	unsigned int columns;
	unsigned int rows;
	const char *const *head;
	bool *right;
	char **cell;		/* BLOCK rows of columns */
};

struct grid *grid_new(const char *const *head, unsigned int columns)
{
	struct grid *g = calloc(1, sizeof(*g));

	if (!g)
		abort();
	g->columns = columns;
	g->head = head;
	g->right = calloc(columns, sizeof(*g->right));
	g->cell = calloc((size_t)columns * BLOCK, sizeof(*g->cell));
	if (!g->right || !g->cell)
		abort();
	return g;
}

void grid_right(struct grid *g, unsigned int column)
{
	g->right[column] = true;
}

void grid_cell(struct grid *g, unsigned int column, const char *text)
{
	char **cell = &g->cell[g->rows * g->columns + column];

	free(*cell);
	*cell = text && *text ? xstrdup(text) : NULL;
}

static void print_cell(const struct grid *g, unsigned int column, unsigned int width,
		       const char *text, bool last, bool first)
{
	if (!first)
		fputs("  ", stdout);
	if (g->right[column])
		printf("%*s", width, text);
	else if (last)
		fputs(text, stdout);
	else
		printf("%-*s", width, text);
}

static void print_block(struct grid *g)
{
	unsigned int row, col, last = 0;
	unsigned int *width = calloc(g->columns, sizeof(*width));

	if (!width)
		abort();
	for (col = 0; col < g->columns; col++) {
		for (row = 0; row < g->rows; row++) {
			const char *text = g->cell[row * g->columns + col];

			if (text && strlen(text) > width[col])
				width[col] = strlen(text);
		}
		if (!width[col])
			continue;
		if (strlen(g->head[col]) > width[col])
			width[col] = strlen(g->head[col]);
		last = col;
	}
	for (row = 0; row <= g->rows; row++) {
		bool first = true;

		for (col = 0; col < g->columns; col++) {
			const char *text = row ? g->cell[(row - 1) * g->columns + col]
					       : g->head[col];

			if (!width[col])
				continue;
			print_cell(g, col, width[col], text ? text : "-", col == last, first);
			first = false;
		}
		putchar('\n');
	}
	for (row = 0; row < g->rows * g->columns; row++) {
		free(g->cell[row]);
		g->cell[row] = NULL;
	}
	g->rows = 0;
	free(width);
}

void grid_row_end(struct grid *g)
{
	if (++g->rows == BLOCK)
		print_block(g);
}

void grid_end(struct grid *g)
{
	if (g->rows)
		print_block(g);
	free(g->right);
	free(g->cell);
	free(g);
}

char *plain_text(struct json_object *v)
{
	char *text, *longer, *one;
	size_t i;

	if (!v)
		return xstrdup("");
	if (!json_object_is_type(v, json_type_array))
		return xstrdup(json_object_is_type(v, json_type_object) ?
			       json_line(v) : json_object_get_string(v));
	text = xstrdup("");
	for (i = 0; i < json_object_array_length(v); i++) {
		one = plain_text(json_object_array_get_idx(v, i));
		longer = xasprintf("%s%s%s", text, i ? "," : "", one);
		free(one);
		free(text);
		text = longer;
	}
	return text;
}

struct json_object *member(struct json_object *object, const char *name)
{
	struct json_object *v = NULL;

	if (object)
		json_object_object_get_ex(object, name, &v);
	return v;
}

const char *member_text(struct json_object *object, const char *name)
{
	struct json_object *v = member(object, name);

	return v ? json_object_get_string(v) : "";
}

uint64_t member_number(struct json_object *object, const char *name)
{
	return json_object_get_uint64(member(object, name));
}
