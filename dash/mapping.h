/* SPDX-License-Identifier: GPL-2.0 */
/* Mappings of a VNET: customer address -> provider address. */
#ifndef _DASH_MAPPING_H
#define _DASH_MAPPING_H

#include <linux/hashtable.h>
#include <linux/if_ether.h>
#include <linux/in6.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>
#include <linux/xarray.h>
#include <net/netlink.h>

struct dash_net;
struct dash_row;
struct dash_sym;
struct dash_txn;
struct dash_vnet;

/**
 * struct dash_pa - a provider address that mappings of a VNET name
 */
struct dash_pa {
	/** @node: in dash_mapping_set.pas */
	struct rhash_head node;
	/** @addr: the address, v4-mapped if IPv4 */
	struct in6_addr addr;
	/** @count: hosts that have it now; readers take it as valid if not 0 */
	u32 count;
	/** @next: hosts that have it, those of the change under way included */
	u32 next;
	/** @rcu: for freeing */
	struct rcu_head rcu;
};

/**
 * struct dash_host - where mappings lead; shared by those that agree
 *
 * Constant but for the counts.
 */
struct dash_host {
	/** @node: in dash_mapping_set.by_content */
	struct hlist_node node;
	/** @pa: provider addresses [v4, v6], or NULL */
	struct dash_pa *pa[2];
	/** @vni: VNI for this mapping, when @has_vni */
	u32 vni;
	/** @has_vni: @vni is set */
	bool has_vni;
	/** @use_dst_vni: use the mapping's VNET's VNI, else the ENI's VNET's */
	bool use_dst_vni;
	/** @live: counted in its PAs */
	bool live;
	/** @count: mappings after the change under way */
	u32 count;
	/** @rcu: for freeing */
	struct rcu_head rcu;
	/** @len: length of @attrs */
	u32 len;
	/** @attrs: attributes that are neither key nor MAC */
	u8 attrs[] __aligned(NLA_ALIGNTO);
};

/**
 * struct dash_mapping - a mapping
 *
 * Several for one address may stand side by side; a reader takes the one that
 * is valid in the generation of the set which it read first.
 */
struct dash_mapping {
	/** @node: in dash_mapping_set.table */
	struct rhash_head node;
	/** @ip: customer address, v4-mapped if IPv4 */
	struct in6_addr ip;
	/** @host: where it leads */
	struct dash_host *host;
	/** @link: next one that the change under way adds or removes */
	struct dash_mapping *link;
	/** @born: first generation in which it is valid */
	u32 born;
	/** @died: first generation in which it no longer is */
	u32 died;
	/** @id: in dash_mapping_set.by_id */
	u32 id;
	/** @mac: inner destination MAC, when @has_mac */
	u8 mac[ETH_ALEN];
	/** @has_mac: @mac is set */
	bool has_mac;
	/** @rcu: for freeing */
	struct rcu_head rcu;
};

/**
 * struct dash_mapping_set - the mappings of a VNET
 */
struct dash_mapping_set {
	/** @table: mappings by address, RCU */
	struct rhashtable table;
	/** @pas: dash_pa by address, RCU */
	struct rhashtable pas;
	/** @by_id: mappings in order of creation, for dumps */
	struct xarray by_id;
	/** @gen: generation, the one word that makes a change visible */
	u32 gen;
	/** @next_id: of @by_id */
	u32 next_id;
	/** @count: mappings */
	u32 count;
	/** @added: mappings that the change under way adds */
	struct dash_mapping *added;
	/** @removed: mappings that it removes */
	struct dash_mapping *removed;
	/** @by_content: finds equal hosts */
	DECLARE_HASHTABLE(by_content, 10);
};

/**
 * dash_mapping_set_alloc - make a set without mappings
 *
 * Context: process.
 * Return: set or NULL.
 */
struct dash_mapping_set *dash_mapping_set_alloc(void);

/**
 * dash_mapping_set_free - free mappings
 * @set: mappings or NULL; no reader is left
 *
 * Context: may sleep.
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
 * @id: of the last one, 0 at first; updated
 *
 * Context: RCU.
 * Return: mapping or NULL.
 */
const struct dash_mapping *dash_mapping_next(const struct dash_vnet *vnet,
					     unsigned long *id);

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

#endif /* _DASH_MAPPING_H */
