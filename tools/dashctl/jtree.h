/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Parsing rows
 *
 * Millions of small JSON objects have to be read and forgotten again, one after
 * the other. Each becomes a tree in an arena, which the next one reuses; so a
 * row costs no allocations, and numbers stay the text that they were. (json-c
 * takes three times as long for this; documents that are printed are its.)
 */
#ifndef DASHCTL_JTREE_H
#define DASHCTL_JTREE_H

#include <stdbool.h>
#include <stddef.h>

enum jtype {
	J_NULL,
	J_BOOL,
	J_NUMBER,
	J_STRING,
	J_LIST,
	J_OBJECT,
};

/* A value. Texts end with a zero byte and contain none. */
struct jnode {
	enum jtype type;
	unsigned int n;		/* of elements or members */
	const char *name;	/* of a member of an object */
	const char *text;	/* of a scalar; NULL for lists and objects */
	struct jnode *first;	/* element or member */
	struct jnode *next;	/* to this one */
};

struct jblock;

struct jtree {
	struct jblock *block;	/* the arena; the one in use first */
	size_t used;		/* bytes of that */

	/* The text being parsed. */
	const char *pos;
	const char *end;
	unsigned long line;	/* of @pos */
	unsigned int depth;
	bool cut;		/* the text ended too early */
	const char *error;	/* what is wrong with it otherwise */
};

/*
 * Parse one value at @text. NULL: t->cut, the text ends within it, or t->error.
 * t->pos is where it ends or is wrong, t->line the line, counted from what it
 * was before. The value is good until the next one.
 */
struct jnode *jtree_parse(struct jtree *t, const char *text, size_t len);

/* The member of @object, or NULL. */
const struct jnode *jnode_member(const struct jnode *object, const char *name);

bool jnode_equal(const struct jnode *a, const struct jnode *b);

void jtree_free(struct jtree *t);

#endif
