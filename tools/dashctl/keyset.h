/* SPDX-License-Identifier: GPL-2.0 */
/* A set of row names with a digest of each one's content: 32 bytes a row. */
#ifndef DASHCTL_KEYSET_H
#define DASHCTL_KEYSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct entry {
	uint64_t key[2];	/* 128 bits: names are not kept */
	uint64_t content;
	bool used;
	bool same;		/* the kernel has it with this content */
	bool dropped;		/* taken out */
	bool there;		/* the kernel has it, with whatever content */
	bool told;		/* that it differs has been said */
};

struct keyset {
	struct entry *entry;
	size_t size;		/* a power of two */
	size_t n;
};

/* Digest of a content. */
uint64_t keyset_digest(const char *text);

struct entry *keyset_find(const struct keyset *set, const char *name);
struct entry *keyset_add(struct keyset *set, const char *name);
void keyset_free(struct keyset *set);

#endif
