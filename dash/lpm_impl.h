/* SPDX-License-Identifier: GPL-2.0 */
/* Layout of a prefix table in memory; see lpm.c for the theory of operation. */
#ifndef _DASH_LPM_IMPL_H
#define _DASH_LPM_IMPL_H

#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/types.h>

#include "lpm.h"

/* LPM_STRIDE: bits of the address that a node looks at */
#define LPM_STRIDE 6

/* LPM_DEPTH: more nodes than any path has, 128 / 6 rounded up and the root */
#define LPM_DEPTH 24

/* LPM_SKIP: most bits a node can skip; a multiple of the stride */
#define LPM_SKIP 60

/* LPM_MAX_BITS: most bits of the root array's index */
#define LPM_MAX_BITS 16

/* What an entry is: its two lowest bits. An entry of zero is empty. */
#define LPM_NODE 0
#define LPM_INLINE 1
#define LPM_LEAF 2
#define LPM_TAG 3

/* LPM_INLINE_BITS: bits of the prefix that an inline entry has room for */
#define LPM_INLINE_BITS 28

/* LPM_FREE_CHUNK: so many allocations are freed between two cond_resched() */
#define LPM_FREE_CHUNK 1024

/* LPM_AT_UPPER, LPM_AT_NONE: no index of dash_lpm_root.slot */
#define LPM_AT_UPPER (U32_MAX - 1)
#define LPM_AT_NONE U32_MAX

/**
 * struct dash_lpm_root - a version of a table
 *
 * One entry per transaction may be replaced in place, else it is constant.
 */
struct dash_lpm_root {
	/** @slot: entries of the prefixes of @bits and more */
	u64 *slot;
	/** @upper: entry of the prefixes shorter than @bits */
	u64 upper;
	/** @bits: bits of the address that index @slot */
	u8 bits;
};

/**
 * struct lpm_dead - published entries that the staged version does not use
 */
struct lpm_dead {
	/** @next: further ones */
	struct lpm_dead *next;
	/** @n: length of @e */
	unsigned int n;
	/** @e: entries */
	u64 e[];
};

/* LPM_DEAD_MAX: length of lpm_dead.e */
#define LPM_DEAD_MAX ((PAGE_SIZE - sizeof(struct lpm_dead)) / sizeof(u64))

/**
 * struct lpm_view - a published or staged version
 */
struct lpm_view {
	/** @root: the version, or NULL when empty */
	const struct dash_lpm_root *root;
	/** @at: slot that has @e instead, or LPM_AT_* */
	u32 at;
	/** @e: entry at @at */
	u64 e;
};

/**
 * struct lpm_node - a step of six bits
 *
 * Constant once published. After the header come the entries, one u64 for
 * each bit of @ext, then the values, one u32 for each bit of @in.
 */
struct lpm_node {
	/** @ext: which of the 64 continuations there are */
	u64 ext;
	/**
	 * @in: which prefixes end here: bit (1 << l) + i is the one of l more
	 * bits, 0 to 5, that are the number i
	 */
	u64 in;
	/** @path: the 64 address bits before @pos */
	u64 path;
	/** @owner: transaction that allocated it */
	u64 owner:48;
	/** @pos: first address bit looked at */
	u64 pos:8;
	/** @skip: how many of the bits before @pos are to be compared */
	u64 skip:8;
	/** @slot: entries, then values */
	u64 slot[];
};

/**
 * struct lpm_leaf - a prefix with too many bits for an inline entry
 *
 * Constant once published.
 */
struct lpm_leaf {
	/** @key: the prefix */
	struct dash_lpm_key key;
	/** @owner: transaction that allocated it */
	u64 owner:48;
	/** @plen: length of @key */
	u64 plen:8;
	/** @value: value of the prefix */
	u32 value;
};

static inline unsigned int lpm_kind(u64 e)
{
	return e & LPM_TAG;
}

static inline struct lpm_node *lpm_node(u64 e)
{
	return (struct lpm_node *)(unsigned long)e;
}

static inline struct lpm_leaf *lpm_leaf(u64 e)
{
	return (struct lpm_leaf *)(unsigned long)(e - LPM_LEAF);
}

static inline u64 lpm_entry(const void *p, unsigned int kind)
{
	return (u64)(unsigned long)p + kind;
}

/* The 64 bits of the address from bit @pos on, zeros after the end. */
static inline u64 lpm_bits_at(struct dash_lpm_key key, unsigned int pos)
{
	if (pos >= 128)
		return 0;
	if (pos >= 64)
		return key.lo << (pos - 64);
	return pos ? key.hi << pos | key.lo >> (64 - pos) : key.hi;
}

/* Put 64 bits at bit @pos of an address that has zeros there. */
static inline void lpm_bits_put(struct dash_lpm_key *key, unsigned int pos,
				u64 bits)
{
	if (pos >= 128)
		return;
	if (pos >= 64) {
		key->lo |= bits >> (pos - 64);
	} else {
		key->hi |= bits >> pos;
		if (pos)
			key->lo |= bits << (64 - pos);
	}
}

/* The 64 bits of the address before bit @pos, zeros before the start. */
static inline u64 lpm_bits_to(struct dash_lpm_key key, unsigned int pos)
{
	if (pos > 64)
		return key.hi << (pos - 64) | key.lo >> (128 - pos);
	return pos ? key.hi >> (64 - pos) : 0;
}

static inline unsigned int lpm_index(struct dash_lpm_key key, unsigned int pos)
{
	return lpm_bits_at(key, pos) >> (64 - LPM_STRIDE);
}

/* Bit of lpm_node.in for the prefix of @len bits of an index. */
static inline unsigned int lpm_in_bit(unsigned int idx, unsigned int len)
{
	return 1U << len | idx >> (LPM_STRIDE - len);
}

static inline bool lpm_on_path(const struct lpm_node *n, u64 bits)
{
	return !n->skip || !((n->path ^ bits) << (64 - n->skip));
}

static inline unsigned int lpm_n_ext(const struct lpm_node *n)
{
	return hweight64(n->ext);
}

static inline unsigned int lpm_n_in(const struct lpm_node *n)
{
	return hweight64(n->in);
}

static inline unsigned int lpm_rank(u64 bitmap, unsigned int bit)
{
	return hweight64(bitmap & (BIT_ULL(bit) - 1));
}

static inline const u64 *lpm_child(const struct lpm_node *n, unsigned int idx)
{
	return &n->slot[lpm_rank(n->ext, idx)];
}

static inline const u32 *lpm_value(const struct lpm_node *n, unsigned int bit)
{
	return (const u32 *)&n->slot[lpm_n_ext(n)] + lpm_rank(n->in, bit);
}

/**
 * lpm_inline_len() - does an inline entry match an address?
 * @e: the entry
 * @bits: the address from where the entry stands
 *
 * The upper half of an inline entry is the value. The lower one is the rest of
 * the prefix, followed by a one that marks its end, zeros, and the kind.
 *
 * Return: length of the rest of the prefix, or -1.
 */
static inline int lpm_inline_len(u64 e, u64 bits)
{
	u32 rest = (u32)e & ~7U;
	unsigned int mark = __ffs(rest);

	if (((u32)(bits >> 32) ^ rest) >> mark >> 1)
		return -1;
	return 31 - mark;
}

/* What lpm_inline_len() decodes; @len up to LPM_INLINE_BITS. */
static inline u64 lpm_inline(u64 bits, unsigned int len, u32 value)
{
	u32 mark = 1U << (31 - len);

	return (u64)value << 32 | ((u32)(bits >> 32) & ~(mark - 1) & ~mark) |
	       mark | LPM_INLINE;
}

static inline u64 lpm_view_get(const struct lpm_view *view, u32 at)
{
	if (at == view->at)
		return view->e;
	/* a writer may replace it in place */
	return at == LPM_AT_UPPER ? READ_ONCE(view->root->upper) :
				    READ_ONCE(view->root->slot[at]);
}

static inline u32 lpm_root_index(const struct dash_lpm_root *root,
				 struct dash_lpm_key key)
{
	return key.hi >> (64 - root->bits);
}

static inline void lpm_pause(unsigned int *done)
{
	if (++*done % LPM_FREE_CHUNK == 0)
		cond_resched();
}

/* A prefix as the value of an entry or of a bit of lpm_node.in */
struct lpm_item {
	/** @key: prefix */
	struct dash_lpm_key key;
	/** @plen: length of @key */
	unsigned int plen;
	/** @value: its value */
	u32 value;
};

size_t dash_lpm_entry_size(u64 e);
void dash_lpm_entry_free(u64 e);
void dash_lpm_tree_free(u64 e, u64 owner, unsigned int *done);
int dash_lpm_entry_set(struct dash_lpm_txn *txn, u64 *ep, unsigned int p,
		       const struct lpm_item *item, u32 *old);
int dash_lpm_entry_clear(struct dash_lpm_txn *txn, u64 *ep, unsigned int p,
			 struct dash_lpm_key key, unsigned int plen);

/* The bits of lpm_node.in that an index is covered by */
extern const u64 dash_lpm_cover[1 << LPM_STRIDE];

void dash_lpm_item_get(u64 e, unsigned int p, struct dash_lpm_key base,
		       struct lpm_item *item);
u32 dash_lpm_view_exact(const struct lpm_view *view, struct dash_lpm_key key,
			unsigned int plen);
bool dash_lpm_view_cover(const struct lpm_view *view, struct dash_lpm_key key,
			 unsigned int plen, struct lpm_item *item);
bool dash_lpm_view_next(const struct lpm_view *view, struct dash_lpm_key key,
			int plen, struct lpm_item *item);
bool dash_lpm_view_step(const struct lpm_view *view, unsigned int bits,
			struct dash_lpm_entry *pos, bool first);

#endif /* _DASH_LPM_IMPL_H */
