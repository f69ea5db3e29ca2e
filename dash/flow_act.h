/* SPDX-License-Identifier: GPL-2.0 */
/* What was decided about the packets of a connection. */
#ifndef _DASH_FLOW_ACT_H
#define _DASH_FLOW_ACT_H

#include <linux/cache.h>
#include <linux/in6.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>

#include "xform.h"

struct dash_counter;
struct dash_endpoints;
struct dash_meter;
struct dash_nat_pool;
struct dash_to6;
struct dash_vnet;

/* Most objects with counters that decide: a rule per ACL stage, route, mapping */
#define DASH_FLOW_COUNTERS	7

/**
 * struct dash_flow_act - what is done to packets of a connection
 *
 * Shared by all connections that were decided alike, as most of an ENI to one
 * destination are. Immutable but for @vnet_gen; a re-decision replaces it
 * whole. Guarded by RCU. A new decision, which is compared with those that there
 * are, lives on the stack or in a batch.
 */
struct dash_flow_act {
	/** @xf: [0] for the initiator's packets, [1] for the responder's */
	struct dash_xform xf[2];
	/** @gen: policy generation of the ENI, read before deciding */
	u32 gen;
	/** @eni_id: id of the ENI */
	u32 eni_id;
	/** @vni: VNI that the initiator's packets come with */
	u32 vni;
	/** @encap: enum dash_encap_type that they come in, or DASH_ENCAP_NONE */
	u8 encap;
	/** @again: it was made by settings that are no more */
	bool again;
	/** @from_vip: bits of @xf whose source is a VIP */
	u8 from_vip:2;
	/** @n_counters: how many @counters there are */
	u8 n_counters:6;
	/** @counted: there is a @meter, or there are @counters */
	bool counted;
	/** @pa: outer source that they come from */
	struct in6_addr pa;
	/** @vip: VIP that they come to */
	struct in6_addr vip;
	/**
	 * @vnet: VNET whose mappings decided, or NULL; valid for a packet that
	 * found @gen to be the ENI's
	 */
	const struct dash_vnet *vnet;
	/** @endpoints: where else replies may come from; the same holds */
	const struct dash_endpoints *endpoints;
	/** @meter: counters of the metering class, or NULL; lives with the ENI */
	struct dash_meter *meter;
	/** @pool: NAT addresses and ports of a new connection, or NULL; as @vnet */
	const struct dash_nat_pool *pool;
	/** @to6: how addresses of a new connection change their family; as @vnet */
	const struct dash_to6 *to6;
	/** @ip: address mapped */
	struct in6_addr ip;
	/** @mapping: id of the mapping used; 0 when any change of @vnet counts */
	u32 mapping;
	/** @hash: dash_flow_act_hash() of it */
	u32 hash;
	/** @vnet_gen: generation of its mappings that the decision still holds in */
	u32 vnet_gen;
	/** @vnet_id: number of @vnet's name, to find it in another @gen */
	u32 vnet_id;
	/** @counters: of the objects that decided; a new decision's are @met */
	struct dash_counter **counters;

	union {
		struct {
			/** @refs: connections; away from what packets read */
			refcount_t refs;
			/** @hashed: it is in @table, constant */
			bool hashed;
			/** @table: of all decisions */
			struct rhashtable *table;
			/** @node: in there */
			struct rhash_head node;
			/** @rcu: for freeing */
			struct rcu_head rcu;
		};
		/** @met: counters that a decision under way came by */
		struct dash_counter *met[DASH_FLOW_COUNTERS];
	} ____cacheline_aligned;
};

#endif /* _DASH_FLOW_ACT_H */
