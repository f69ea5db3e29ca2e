/* SPDX-License-Identifier: GPL-2.0 */
/* Source NAT: what a translated connection has besides, and the addresses. */
#ifndef _DASH_NAT_H
#define _DASH_NAT_H

#include <linux/in6.h>
#include <linux/list.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>

#include "drop.h"
#include "flow_key.h"

struct dash_flow;
struct dash_flow_act;
struct dash_flow_table;
struct dash_net;
struct dash_pkt;
struct dash_route_act;
struct dash_row;
struct dash_txn;
struct dash_xform;

/* Ports that are tried for a connection before there is none. */
#define DASH_NAT_TRIES	64

/**
 * struct dash_nat - second name of a translated connection
 *
 * Constant but for @flow. Freed a grace period after it left the table.
 */
struct dash_nat {
	/** @node: in dash_flow_table.nat */
	struct rhash_head node;
	/**
	 * @key: what the responder takes the connection for: @laddr and @lport
	 * are the NAT address and port, and the ENI has the id 0. When the
	 * family changes, the addresses are of that, and the ENI has its id.
	 */
	struct dash_flow_key key;
	/** @hash: keyed hash of @key */
	u32 hash;
	/** @to6: the family changes */
	bool to6;
	/** @flow: connection, NULL until that can be found itself */
	struct dash_flow *flow;
	/** @rcu: for freeing */
	struct rcu_head rcu;
};

/**
 * struct dash_nat_addr - a NAT address of a route
 */
struct dash_nat_addr {
	/** @node: in dash_net.nat_hash while the pool is live, RCU */
	struct hlist_node node;
	/** @addr: address, v4-mapped if IPv4 */
	struct in6_addr addr;
	/** @act: whose */
	const struct dash_route_act *act;
};

/**
 * struct dash_nat_pool - what a route with the action snat translates to
 */
struct dash_nat_pool {
	/** @dn: instance */
	struct dash_net *dn;
	/** @live: packets to its addresses are ours; under dash_net.lock */
	bool live;
	/** @keep: ports are kept */
	bool keep;
	/** @lo: first port, unless @keep */
	u16 lo;
	/** @hi: last port */
	u16 hi;
	/** @n: number of addresses */
	u32 n;
	/** @addr: addresses, of the family of the route's prefix */
	struct dash_nat_addr addr[];
};

int dash_nat_module_init(void);
void dash_nat_module_exit(void);
int dash_nat_table_init(struct dash_flow_table *ft);
void dash_nat_table_fini(struct dash_flow_table *ft);

/**
 * dash_nat_create - give a new connection its second name
 * @ft: table
 * @flow: connection, not in the table yet
 * @pkt: its first packet
 * @what: its decision, which translates
 * @port: the only one that will do, or NULL
 *
 * Context: RCU, BH off.
 * Return: DASH_DROP_NONE, DASH_DROP_NAT_EXHAUSTED or DASH_DROP_NO_MEMORY.
 */
enum dash_drop dash_nat_create(struct dash_flow_table *ft,
			       struct dash_flow *flow,
			       const struct dash_pkt *pkt,
			       const struct dash_flow_act *what,
			       const __be16 *port);

/**
 * dash_nat_publish - packets of the responder may find the connection
 * @flow: connection, in the table
 */
void dash_nat_publish(struct dash_flow *flow);

/**
 * dash_nat_remove - give up the second name of a connection
 * @ft: table
 * @flow: connection that has one, on its way out
 *
 * Context: BH off. Its memory stays for a grace period.
 */
void dash_nat_remove(struct dash_flow_table *ft, struct dash_flow *flow);

/**
 * dash_nat_try - which name would a new connection get?
 * @ft: table
 * @pkt: its first packet
 * @what: its decision, which translates
 * @name: set, see struct dash_nat; the port is the identifier of ICMP, 0 without
 *	ports
 *
 * Context: RCU.
 * Return: DASH_DROP_NONE or DASH_DROP_NAT_EXHAUSTED.
 */
enum dash_drop dash_nat_try(struct dash_flow_table *ft,
			    const struct dash_pkt *pkt,
			    const struct dash_flow_act *what,
			    struct dash_flow_key *name);

/**
 * dash_nat_explain - tell a packet in thought what it is translated into
 * @pkt: packet, whose transform is explained
 * @name: what the responder takes its connection for
 */
void dash_nat_explain(const struct dash_pkt *pkt,
		      const struct dash_flow_key *name);

/**
 * dash_nat_holds - may a connection go on by a new decision?
 * @flow: connection
 * @pkt: packet that was decided about
 * @what: decision
 *
 * What the other side knows a connection by cannot change.
 * Context: RCU.
 * Return: false when it was translated otherwise than it should be now.
 */
bool dash_nat_holds(const struct dash_flow *flow, const struct dash_pkt *pkt,
		    const struct dash_flow_act *what);

/**
 * dash_nat_bytes - memory of all second names
 * @ft: table
 *
 * Return: bytes, without what the hash table needs.
 */
size_t dash_nat_bytes(struct dash_flow_table *ft);

/**
 * dash_nat_find - the connection that a packet of the responder is of
 * @ft: table
 * @key: as in struct dash_nat
 *
 * Context: RCU.
 * Return: connection or NULL.
 */
struct dash_flow *dash_nat_find(struct dash_flow_table *ft,
				const struct dash_flow_key *key);

/**
 * dash_nat_apply - translate a packet of a connection
 * @pkt: packet; its flow is set, its headers are linear and its own
 * @xf: transform that says so
 * @strip: how far skb->data was moved since it was parsed
 *
 * Of the initiator's packets the source is translated; of the responder's the
 * destination, and the Ethernet header is written. The same goes for what ICMP
 * errors quote, the other way round.
 * Context: RCU.
 */
void dash_nat_apply(struct dash_pkt *pkt, const struct dash_xform *xf,
		    u32 strip);

/**
 * dash_nat_choose - the NAT address of a packet's source
 * @pkt: the initiator's packet; its flow is set in a re-decision
 * @pool: addresses
 *
 * The same for all connections of the same source, but a connection that there
 * is keeps its own for as long as it is among them.
 * Context: RCU.
 * Return: address.
 */
const struct in6_addr *dash_nat_choose(const struct dash_pkt *pkt,
				       const struct dash_nat_pool *pool);

/**
 * dash_nat_is_ours - is an unencapsulated packet one to a NAT address?
 * @pkt: packet that dash_parse_outer() did not take or that is to no VIP
 *
 * Context: RCU, softirq.
 * Return: if so, and then pkt->plain is set.
 */
bool dash_nat_is_ours(struct dash_pkt *pkt);

/**
 * dash_nat_begin - parse a packet to a NAT address and find whose it is
 * @pkt: packet; ENI and direction are set, and its tuple is the one that the
 *	VM knows, so that everything after it works as with other packets
 * @ft: connections or NULL
 *
 * Context: RCU, softirq.
 * Return: DASH_DROP_NONE, DASH_DROP_NO_NAT_FLOW, or why it is malformed. When
 * the ENI is set it is the one that counts the packet.
 */
enum dash_drop dash_nat_begin(struct dash_pkt *pkt, struct dash_flow_table *ft);

/**
 * dash_nat_pool_alloc - read what a route translates to
 * @dn: instance
 * @act: action of the route; @nat is set, or stays NULL without addresses
 * @row: the route's row
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int dash_nat_pool_alloc(struct dash_net *dn, struct dash_route_act *act,
			const struct dash_row *row);

/**
 * dash_nat_pool_publish - let packets to the addresses of a route be ours
 * @pool: addresses
 * @live: or no longer
 *
 * Context: dash_net.lock held. Freeing the pool takes a grace period then.
 */
void dash_nat_pool_publish(struct dash_nat_pool *pool, bool live);

/**
 * dash_nat_check - is no address NAT address and VIP at once?
 * @txn: transaction; settings are prepared
 *
 * Context: dash_net.lock held.
 * Return: 0 or -EEXIST.
 */
int dash_nat_check(struct dash_txn *txn);

#endif /* _DASH_NAT_H */
