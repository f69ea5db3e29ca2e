/* SPDX-License-Identifier: GPL-2.0 */
/* What an instance takes of memory. */
#ifndef _DASH_MEMORY_H
#define _DASH_MEMORY_H

#include <linux/dash.h>
#include <linux/types.h>

struct dash_net;
struct dash_row;
struct dash_sym;
struct dash_txn;

/**
 * struct dash_memory - memory of a kind of objects
 */
struct dash_memory {
	/** @objects: how many there are */
	u64 objects;
	/** @bytes: what they take, with the tables that find them */
	u64 bytes;
};

/**
 * dash_memory_sum - count objects and their memory
 * @dn: instance
 * @m: by enum dash_memory_kind; filled
 *
 * Visits named objects, but neither mappings nor routes.
 * Context: may sleep; takes dash_net.lock.
 */
void dash_memory_sum(struct dash_net *dn,
		     struct dash_memory m[DASH_MEMORY_KIND_MAX + 1]);

/**
 * dash_memory_of_row - memory of a row and its name
 * @sym: name
 * @row: row or NULL
 *
 * Return: bytes, 0 without a row.
 */
size_t dash_memory_of_row(const struct dash_sym *sym,
			  const struct dash_row *row);

/**
 * dash_memory_check - may a transaction take the memory that it does?
 * @txn: transaction; all of it is prepared
 *
 * One that only deletes always may. Visits VNETs and groups, but no rows.
 * Context: dash_net.lock held.
 * Return: 0 or -EDQUOT.
 */
int dash_memory_check(struct dash_txn *txn);

#endif /* _DASH_MEMORY_H */
