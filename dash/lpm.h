/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Longest prefix match: prefix -> 32-bit value, read under RCU, changed by
 * copy-on-write transactions. See lpm.c for the theory of operation.
 */
#ifndef _DASH_LPM_H
#define _DASH_LPM_H

#include <linux/bitops.h>
#include <linux/limits.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/byteorder.h>

/* DASH_LPM_NONE: the value that means "no prefix"; it cannot be stored */
#define DASH_LPM_NONE U32_MAX

/* DASH_LPM_MAX_BITS: longest supported address, IPv6 */
#define DASH_LPM_MAX_BITS 128

/**
 * struct dash_lpm_key - an address as two host-order words
 *
 * IPv4 uses the upper 32 bits of @hi, so bit 0 is the first bit on the wire
 * for both families.
 */
struct dash_lpm_key {
	/** @hi: bits 0 to 63 */
	u64 hi;
	/** @lo: bits 64 to 127 */
	u64 lo;
};

struct dash_lpm_root;
struct lpm_dead;

/**
 * struct dash_lpm - a table of prefixes of one address family
 *
 * Embedded in the object that owns it. Lookups and iteration need RCU only;
 * transactions and dash_lpm_fini() are serialised by the owner.
 */
struct dash_lpm {
	/** @root: published version, or NULL when empty; RCU, set by publish */
	struct dash_lpm_root __rcu *root;
	/** @txn_id: number of the latest transaction; writer side only */
	u64 txn_id;
	/** @bytes: memory of the published version; written by publish */
	size_t bytes;
	/** @count: prefixes in the published version; written by publish */
	u32 count;
	/** @bits: address length, 32 or 128; constant */
	u8 bits;
};

/* DASH_LPM_FEW_DEAD: entries that a small transaction replaces at most */
#define DASH_LPM_FEW_DEAD 32

/**
 * struct dash_lpm_txn - one writer's transaction, on its stack or embedded
 *
 * Between dash_lpm_begin() and dash_lpm_publish() or dash_lpm_abort() it holds
 * the staged version, which no reader sees; from dash_lpm_publish() to
 * dash_lpm_reap() what readers may still see of the version before.
 */
struct dash_lpm_txn {
	/** @lpm: the table being changed */
	struct dash_lpm *lpm;
	/** @root: staged version, may be the published one but for @at */
	struct dash_lpm_root *root;
	/** @old: version to free once readers have left it */
	struct dash_lpm_root *old;
	/** @id: owner mark of what this transaction allocated */
	u64 id;
	/** @bytes: memory of the staged version's entries */
	size_t bytes;
	/** @count: prefixes in the staged version */
	u32 count;
	/** @at: the one slot that has @e instead, if any */
	u32 at;
	/** @e: staged entry at @at */
	u64 e;
	/** @own: @root belongs to the transaction */
	bool own;
	/** @replaced: nothing of the published version is used any more */
	bool replaced;
	/** @n_few: length of @few */
	u8 n_few;
	/** @few: published entries that the staged version does not use */
	u64 few[DASH_LPM_FEW_DEAD];
	/** @many: more of them */
	struct lpm_dead *many;
};

/**
 * struct dash_lpm_entry - one prefix, and a position in an iteration
 */
struct dash_lpm_entry {
	/** @addr: network-order address, 4 or 16 bytes used; host bits zero */
	u8 addr[16];
	/** @plen: prefix length */
	u8 plen;
	/** @value: value of the prefix; ignored as a position */
	u32 value;
};

/**
 * dash_lpm_key_mask() - make the host bits zero
 * @key: address
 * @plen: prefix length, up to 128
 *
 * Return: the first @plen bits of @key.
 */
static inline struct dash_lpm_key dash_lpm_key_mask(struct dash_lpm_key key,
						    unsigned int plen)
{
	if (plen <= 64) {
		key.hi &= plen ? ~0ULL << (64 - plen) : 0;
		key.lo = 0;
	} else {
		key.lo &= ~0ULL << (128 - plen);
	}
	return key;
}

/**
 * dash_lpm_key_load() - convert a prefix from network order
 * @addr: address of 4 or 16 bytes, any alignment
 * @bits: address length, 32 or 128
 * @plen: prefix length, up to @bits; bits beyond it are ignored
 *
 * Return: the prefix.
 */
static inline struct dash_lpm_key dash_lpm_key_load(const void *addr,
						    unsigned int bits,
						    unsigned int plen)
{
	struct dash_lpm_key key = {};
	__be64 b64[2];
	__be32 b32;

	if (bits == 32) {
		memcpy(&b32, addr, sizeof(b32));
		key.hi = (u64)be32_to_cpu(b32) << 32;
	} else {
		memcpy(b64, addr, sizeof(b64));
		key.hi = be64_to_cpu(b64[0]);
		key.lo = be64_to_cpu(b64[1]);
	}
	return plen == bits ? key : dash_lpm_key_mask(key, plen);
}

/**
 * dash_lpm_key_store() - convert to network order
 * @key: address
 * @addr: where to put 16 bytes, of which IPv4 uses the first four
 */
static inline void dash_lpm_key_store(struct dash_lpm_key key, u8 addr[16])
{
	__be64 b64[2] = { cpu_to_be64(key.hi), cpu_to_be64(key.lo) };

	memcpy(addr, b64, sizeof(b64));
}

/**
 * dash_lpm_key_common() - length of the common prefix
 * @a: address
 * @b: address
 *
 * Return: number of leading bits that are the same, 128 for equal addresses
 * (of either family).
 */
static inline unsigned int dash_lpm_key_common(struct dash_lpm_key a,
					       struct dash_lpm_key b)
{
	if (a.hi != b.hi)
		return 64 - fls64(a.hi ^ b.hi);
	return 128 - fls64(a.lo ^ b.lo);
}

/**
 * struct dash_lpm_walk - a lookup in steps, so that several can wait for
 * memory at the same time
 *
 * Filled by dash_lpm_walk_init(); nothing in it is for the caller.
 */
struct dash_lpm_walk {
	/** @key: address */
	struct dash_lpm_key key;
	/** @at: what the next step reads: root, entry, node or value */
	const void *at;
	/** @root: version of the table */
	const struct dash_lpm_root *root;
	/** @best: node with the longest prefix so far, or NULL */
	const void *best;
	/** @value: result */
	u32 value;
	/** @state: what @at is */
	u8 state;
	/** @pos: address bits before the entry at @at */
	u8 pos;
	/** @bit: prefix of @best */
	u8 bit;
	/** @plen: length of the prefix found */
	u8 plen;
	/** @upper: the short prefixes are being searched */
	bool upper;
};

void dash_lpm_init(struct dash_lpm *lpm, unsigned int bits);
void dash_lpm_fini(struct dash_lpm *lpm);

u32 dash_lpm_lookup(const struct dash_lpm *lpm, const void *addr, u8 *plen);
void dash_lpm_walk_init(struct dash_lpm_walk *w, const struct dash_lpm *lpm,
			const void *addr);
bool dash_lpm_walk_step(struct dash_lpm_walk *w);
void dash_lpm_walk_all(struct dash_lpm_walk *w, unsigned int n);

/**
 * dash_lpm_walk_value() - result of a lookup in steps
 * @w: lookup whose last step has been made
 *
 * Return: the value of the longest prefix, or DASH_LPM_NONE. Its length is in
 * @w->plen unless there is none.
 */
static inline u32 dash_lpm_walk_value(const struct dash_lpm_walk *w)
{
	return w->value;
}

u32 dash_lpm_get(const struct dash_lpm *lpm, const void *addr, u8 plen);
bool dash_lpm_next(const struct dash_lpm *lpm, struct dash_lpm_entry *pos,
		   bool first);
u32 dash_lpm_count(const struct dash_lpm *lpm);
size_t dash_lpm_bytes(const struct dash_lpm *lpm);

void dash_lpm_begin(struct dash_lpm_txn *txn, struct dash_lpm *lpm);
int dash_lpm_reserve(struct dash_lpm_txn *txn, u32 n);
int dash_lpm_set(struct dash_lpm_txn *txn, const void *addr, u8 plen,
		 u32 value, u32 *old);
int dash_lpm_clear(struct dash_lpm_txn *txn, const void *addr, u8 plen,
		   u32 *old);
void dash_lpm_clear_all(struct dash_lpm_txn *txn);
u32 dash_lpm_txn_get(const struct dash_lpm_txn *txn, const void *addr,
		     u8 plen);
bool dash_lpm_txn_cover(const struct dash_lpm_txn *txn, const void *addr,
			u8 plen, struct dash_lpm_entry *pos);
bool dash_lpm_txn_next(const struct dash_lpm_txn *txn,
		       struct dash_lpm_entry *pos, bool first);
size_t dash_lpm_txn_bytes(const struct dash_lpm_txn *txn);
void dash_lpm_publish(struct dash_lpm_txn *txn);
void dash_lpm_reap(struct dash_lpm_txn *txn);
void dash_lpm_commit(struct dash_lpm_txn *txn);
void dash_lpm_abort(struct dash_lpm_txn *txn);

#endif /* _DASH_LPM_H */
