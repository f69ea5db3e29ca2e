/* SPDX-License-Identifier: GPL-2.0 */
/* Reading a file of rows, for those who load it or compare it. */
#ifndef DASHCTL_LOAD_H
#define DASHCTL_LOAD_H

#include "decode.h"
#include "encode.h"
#include "keyset.h"
#include "nl.h"
#include "source.h"
#include "txn.h"

struct load {
	struct source *src;
	struct encoder enc;
	struct nl *nl;
	struct txn txn;
	struct refusal why;
	bool sync;
	bool check;
	bool quiet;		/* warnings were given already */
	bool binds;		/* the file binds ACL groups */
	struct keyset file;	/* rows of the file */
	struct keyset gone;	/* rows that only the kernel has */
	uint32_t n_gone;
};

/* Begin with @src, which may be NULL; false: that cannot be read. l->nl may be NULL. */
bool load_open(struct load *l, struct source *src);
void load_close(struct load *l);

/* The next row of the file, encoded in l->enc; *@there says whether there is one. */
int load_next(struct load *l, bool *there);

/* Name of an encoded row, with the priority where that tells rows apart. */
char *load_row_name(const struct abuf *attr, uint64_t *content);

/* First pass: remember in l->file what the file has. */
int load_read(struct load *l);

/* Have the rows of a type dumped, or with a negative one those of all. */
bool load_dump(struct nl *nl, struct row_reader *reader, int type, struct nl_error *err);

#endif
