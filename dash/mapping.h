/* SPDX-License-Identifier: GPL-2.0 */
/* Mappings of a VNET: customer address -> provider address. */
#ifndef _DASH_MAPPING_H
#define _DASH_MAPPING_H

#include <linux/if_ether.h>
#include <linux/in6.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "host.h"
#include "htab.h"
#include "pool.h"

struct dash_counter;
struct dash_net;
struct dash_row;
struct dash_sym;
struct dash_txn;
struct dash_vnet;

/* There may be millions: 40 bytes each. */
#define DASH_MAPPING_HAS_MAC	BIT(0)	/* mac is set */
#define DASH_MAPPING_ADDED	BIT(1)	/* the change under way adds it */
#define DASH_MAPPING_REMOVED	BIT(2)	/* the change under way removes it */
#define DASH_MAPPING_ODD	BIT(3)	/* lowest bit of that change's gen */
#define DASH_MAPPING_COUNTED	BIT(4)	/* it has a counter */

/**
 * struct dash_mapping - a mapping
 *
 * Several for one address may stand side by side; a reader takes the one that
 * is valid in the generation of the set which it read first.
 */
struct dash_mapping {
	/** @node: in dash_mapping_set.table */
	struct dash_htab_node node;
	/** @ip: customer address, v4-mapped if IPv4 */
	struct in6_addr ip;
	/** @id: of this mapping, never used again in its set */
	u32 id;
	/** @host: id of the dash_host where it leads; 0 when there is no mapping */
	u32 host;
	/** @mac: inner destination MAC, with DASH_MAPPING_HAS_MAC */
	u8 mac[ETH_ALEN];
	/** @flags: DASH_MAPPING_* */
	u8 flags;
};

/**
 * struct dash_mapping_set - the mappings of a VNET
 */
struct dash_mapping_set {
	/** @table: mappings by address, RCU */
	struct dash_htab table;
	/** @pool: the mappings themselves, in order of creation */
	struct dash_pool pool;
	/** @hosts: where they lead */
	struct dash_hosts hosts;
	/** @counters: dash_counter by id of a mapping, RCU */
	struct xarray counters;
	/** @gen: generation, the one word that makes a change visible */
	u32 gen;
	/** @next_id: of mappings */
	u32 next_id;
	/** @count: mappings */
	u32 count;
	/** @added: mappings that the change under way adds */
	struct dash_ptrs added;
	/** @removed: mappings that it removes */
	struct dash_ptrs removed;
	/** @buried: mappings that readers may still pass by */
	struct dash_ptrs buried;
	/** @cookie: the grace period after which they no longer do */
	unsigned long cookie;
	/** @grave: in dash_net.graves, while there are @buried ones */
	struct list_head grave;
	/** @free: frees the set */
	struct work_struct free;
};

/**
 * dash_mapping_set_alloc - make a set without mappings
 *
 * Context: process.
 * Return: set or NULL.
 */
struct dash_mapping_set *dash_mapping_set_alloc(void);

/**
 * dash_mapping_set_free - free mappings, when there is time
 * @set: mappings or NULL; no reader is left
 *
 * Context: dash_net.lock held, or nobody else knows the set.
 */
void dash_mapping_set_free(struct dash_mapping_set *set);

/**
 * dash_mapping_lookup - find the mapping of a customer address
 * @vnet: VNET
 * @ip: address
 *
 * Context: RCU.
 * Return: mapping or NULL.
 */
const struct dash_mapping *dash_mapping_lookup(const struct dash_vnet *vnet,
					       const struct in6_addr *ip);

/**
 * dash_mapping_ahead - begin the search for a mapping
 * @vnet: VNET
 * @ip: address
 *
 * Context: RCU.
 * Return: for dash_mapping_prefetch().
 */
const void *dash_mapping_ahead(const struct dash_vnet *vnet,
			       const struct in6_addr *ip);

/**
 * dash_mapping_prefetch - have the cache fetch it
 * @slot: what dash_mapping_ahead() returned, fetched meanwhile
 *
 * Context: RCU.
 */
void dash_mapping_prefetch(const void *slot);

/**
 * dash_mapping_host - where a mapping leads
 * @m: mapping
 *
 * Context: RCU.
 * Return: host.
 */
const struct dash_host *dash_mapping_host(const struct dash_mapping *m);

/**
 * dash_mapping_counter - what counts for a mapping
 * @m: mapping
 *
 * Context: RCU.
 * Return: counter or NULL.
 */
struct dash_counter *dash_mapping_counter(const struct dash_mapping *m);

/**
 * dash_mapping_has_pa - is an address a provider address of a VNET's mappings?
 * @vnet: VNET
 * @pa: address
 *
 * Context: RCU.
 * Return: whether it is.
 */
bool dash_mapping_has_pa(const struct dash_vnet *vnet,
			 const struct in6_addr *pa);

/**
 * dash_mapping_next - the next mapping in order of creation, for dumps
 * @vnet: VNET
 * @pos: 0 at first; updated
 *
 * Context: RCU.
 * Return: mapping or NULL.
 */
const struct dash_mapping *dash_mapping_next(const struct dash_vnet *vnet,
					     unsigned long *pos);

/**
 * dash_mapping_stage - stage a row of the mapping table
 * @txn: transaction
 * @row: row to set or delete
 *
 * Context: dash_net.lock held, may sleep.
 * Return: 0 or an error.
 */
int dash_mapping_stage(struct dash_txn *txn, struct dash_row *row);

/**
 * dash_mapping_stage_clear - stage the removal of all mappings of a VNET
 * @txn: transaction
 * @sym: name of the VNET
 *
 * Context: dash_net.lock held, may sleep.
 * Return: 0 or -ENOMEM.
 */
int dash_mapping_stage_clear(struct dash_txn *txn, struct dash_sym *sym);

/**
 * dash_mapping_check - do the VNETs of staged mappings exist in the end state?
 * @txn: transaction
 *
 * Context: dash_net.lock held.
 * Return: 0 or -ENOENT.
 */
int dash_mapping_check(struct dash_txn *txn);

/**
 * dash_mapping_unstage - undo what a refused transaction staged of mappings
 * @txn: transaction
 *
 * Context: dash_net.lock held, may sleep.
 */
void dash_mapping_unstage(struct dash_txn *txn);

/**
 * dash_mapping_publish - let packets see the staged mappings
 * @txn: transaction
 *
 * Context: dash_net.lock held.
 */
void dash_mapping_publish(struct dash_txn *txn);

/**
 * dash_mapping_reap - free what a transaction replaced of mappings
 * @txn: transaction
 *
 * A grace period has passed since publishing.
 * Context: dash_net.lock held, may sleep.
 */
void dash_mapping_reap(struct dash_txn *txn);

void dash_mapping_net_init(struct dash_net *dn);

/**
 * dash_mapping_net_fini - free what was left for later
 * @dn: instance without mappings
 *
 * Context: may sleep; dash_net.lock not held.
 */
void dash_mapping_net_fini(struct dash_net *dn);

int dash_mapping_module_init(void);
void dash_mapping_module_exit(void);

#endif /* _DASH_MAPPING_H */
