// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "dashctl.h"
#include "keyset.h"

/* FNV-1a of 128 bits. */
static unsigned __int128 hash(const char *s)
{
	const unsigned __int128 prime = ((unsigned __int128)1 << 88) + 0x13b;
	unsigned __int128 h = ((unsigned __int128)0x6c62272e07bb0142ull << 64) |
			      0x62b821756295c58dull;

	for (; *s; s++) {
		h ^= (unsigned char)*s;
		h *= prime;
	}
	return h;
}

uint64_t keyset_digest(const char *text)
{
	unsigned __int128 h = hash(text);

	return (uint64_t)(h >> 64) ^ (uint64_t)h;
}

static struct entry *slot(const struct keyset *set, const uint64_t key[2])
{
	size_t i = (key[0] ^ key[1]) & (set->size - 1);

	while (set->entry[i].used && memcmp(set->entry[i].key, key, sizeof(uint64_t[2])))
		i = (i + 1) & (set->size - 1);
	return &set->entry[i];
}

struct entry *keyset_find(const struct keyset *set, const char *name)
{
	unsigned __int128 h = hash(name);
	uint64_t key[2] = { h >> 64, h };
	struct entry *e;

	if (!set->size)
		return NULL;
	e = slot(set, key);
	return e->used ? e : NULL;
}

static void grow(struct keyset *set)
{
	struct keyset bigger = { .size = set->size ? set->size * 2 : 1024, .n = set->n };
	size_t i;

	bigger.entry = calloc(bigger.size, sizeof(*bigger.entry));
	if (!bigger.entry)
		abort();
	for (i = 0; i < set->size; i++)
		if (set->entry[i].used)
			*slot(&bigger, set->entry[i].key) = set->entry[i];
	free(set->entry);
	*set = bigger;
}

struct entry *keyset_add(struct keyset *set, const char *name)
{
	unsigned __int128 h = hash(name);
	uint64_t key[2] = { h >> 64, h };
	struct entry *e;

	if (set->n * 4 >= set->size * 3)
		grow(set);
	e = slot(set, key);
	if (!e->used) {
		memcpy(e->key, key, sizeof(key));
		e->used = true;
		set->n++;
	}
	return e;
}

void keyset_free(struct keyset *set)
{
	free(set->entry);
	*set = (struct keyset){ 0 };
}
