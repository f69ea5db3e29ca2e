/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Longest prefix match: prefix -> 32-bit value, read under RCU, changed by
 * copy-on-write transactions. See lpm.c for the theory of operation.
 */
#ifndef _DASH_LPM_H
#define _DASH_LPM_H

#include <linux/limits.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

/** DASH_LPM_NONE - the value that means "no prefix"; it cannot be stored */
#define DASH_LPM_NONE U32_MAX

/** DASH_LPM_MAX_BITS - longest supported address, IPv6 */
#define DASH_LPM_MAX_BITS 128

struct dash_lpm_node;

/**
 * struct dash_lpm - a table of prefixes of one address family
 *
 * Embedded in the object that owns it. Lookups and iteration need RCU only;
 * transactions and dash_lpm_fini() are serialised by the owner.
 */
struct dash_lpm {
	/** @root: published version, or NULL when empty; RCU, set by commit */
	struct dash_lpm_node __rcu *root;
	/** @txn_id: number of the latest transaction; writer side only */
	u64 txn_id;
	/** @count: prefixes in the published version; written by commit */
	u32 count;
	/** @nodes: nodes of the published version; written by commit */
	u32 nodes;
	/** @bits: address length, 32 or 128; constant */
	u8 bits;
};

/**
 * struct dash_lpm_txn - one writer's transaction, usually on its stack
 *
 * Between dash_lpm_begin() and dash_lpm_commit() or dash_lpm_abort() it holds
 * the staged version, which no reader sees.
 */
struct dash_lpm_txn {
	/** @lpm: the table being changed */
	struct dash_lpm *lpm;
	/** @root: staged version */
	struct dash_lpm_node *root;
	/** @dead: published nodes that the staged version no longer uses */
	struct dash_lpm_node *dead;
	/** @id: owner mark of the nodes this transaction allocated */
	u64 id;
	/** @count: prefixes in the staged version */
	u32 count;
	/** @nodes: nodes of the staged version */
	u32 nodes;
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

void dash_lpm_init(struct dash_lpm *lpm, unsigned int bits);
void dash_lpm_fini(struct dash_lpm *lpm);

u32 dash_lpm_lookup(const struct dash_lpm *lpm, const void *addr, u8 *plen);
bool dash_lpm_next(const struct dash_lpm *lpm, struct dash_lpm_entry *pos,
		   bool first);
u32 dash_lpm_count(const struct dash_lpm *lpm);
size_t dash_lpm_bytes(const struct dash_lpm *lpm);

void dash_lpm_begin(struct dash_lpm_txn *txn, struct dash_lpm *lpm);
int dash_lpm_set(struct dash_lpm_txn *txn, const void *addr, u8 plen,
		 u32 value, u32 *old);
int dash_lpm_clear(struct dash_lpm_txn *txn, const void *addr, u8 plen,
		   u32 *old);
void dash_lpm_clear_all(struct dash_lpm_txn *txn);
u32 dash_lpm_txn_get(const struct dash_lpm_txn *txn, const void *addr,
		     u8 plen);
bool dash_lpm_txn_next(const struct dash_lpm_txn *txn,
		       struct dash_lpm_entry *pos, bool first);
size_t dash_lpm_txn_bytes(const struct dash_lpm_txn *txn);
void dash_lpm_commit(struct dash_lpm_txn *txn);
void dash_lpm_abort(struct dash_lpm_txn *txn);

#endif /* _DASH_LPM_H */
