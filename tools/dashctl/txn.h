/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Sending a transaction
 *
 * Rows are packed into messages of up to 32 kB, messages into sends of several,
 * whose acknowledgements are awaited together. Every message carries the number
 * of its first row, so that a refusal can be traced to a line of the file.
 */
#ifndef DASHCTL_TXN_H
#define DASHCTL_TXN_H

#include <stdbool.h>
#include <stdint.h>

#include "abuf.h"
#include "nl.h"

#define TXN_MESSAGES	8
#define FIELD_TEXT	64

struct txn {
	struct nl *nl;
	uint32_t id;
	struct abuf buf;
	struct {
		size_t at;
		uint32_t first;		/* number of its first row */
		uint32_t rows;
		bool del;
	} msg[TXN_MESSAGES];
	unsigned int n;			/* messages, the last one open if @open */
	bool open;
};

/* Why a transaction was refused. */
struct refusal {
	bool has_row;
	uint32_t row;
	char field[FIELD_TEXT];	/* "" unless known */
	char text[512];
};

/*
 * Find what a refusal of @msg means: adds to *@row how many rows are before the
 * one, and sets @field if it is about one. False: that is not known.
 */
bool refusal_locate(const char *msg, const struct nl_error *err, uint32_t *row,
		    char field[FIELD_TEXT]);

bool txn_begin(struct txn *t, struct nl *nl, struct refusal *why);

/* Add the row of number @row, whose attribute is @data. */
bool txn_row(struct txn *t, bool del, uint32_t row, const void *data, size_t len,
	     struct refusal *why);

/* Send what is left, then commit, or only check. */
bool txn_commit(struct txn *t, bool check, struct refusal *why);

/* Forget the transaction if it is open still. */
void txn_end(struct txn *t);

#endif
