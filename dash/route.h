/* SPDX-License-Identifier: GPL-2.0 */
/* Outbound routes of a group, by longest prefix; inbound rules of an ENI. */
#ifndef _DASH_ROUTE_H
#define _DASH_ROUTE_H

#include <linux/if_ether.h>
#include <linux/in6.h>
#include <linux/list.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "drop.h"
#include "lpm.h"
#include "rows.h"
#include "tunnel.h"

struct dash_counter;
struct dash_eni;
struct dash_nat_pool;
struct dash_pkt;
struct dash_to6;
struct dash_vnet;

/**
 * struct dash_route_act - what routes do; shared by those that do the same
 *
 * Constant but for @touched, @count and @before, which dash_net.lock guards. Freed a grace period
 * after its last route.
 */
struct dash_route_act {
	/** @node: in dash_route_group.by_content */
	struct rhash_head node;
	/** @touched: in dash_route_group.touched, or empty */
	struct list_head touched;
	/** @ref: mention of the VNET */
	struct dash_ref ref;
	/** @tunnel_ref: mention of the tunnel */
	struct dash_ref tunnel_ref;
	/** @appliance_ref: mention of the routing appliance */
	struct dash_ref appliance_ref;
	/** @group: whose routes */
	struct dash_route_group *group;
	/** @vnet: VNET whose mappings decide, or NULL */
	struct dash_vnet *vnet;
	/** @tunnel: tunnel that it leads into, or NULL */
	struct dash_tunnel *tunnel;
	/** @counter: of its one route, or NULL */
	struct dash_counter *counter;
	/** @overlay_ip: mapping to use instead of the destination's */
	struct in6_addr overlay_ip;
	/** @mac: inner destination MAC for vnet_encap, when @has_mac */
	u8 mac[ETH_ALEN];
	/** @action: enum dash_route_action */
	u8 action;
	/** @underlay: enum dash_underlay_family */
	u8 underlay;
	/** @has_overlay_ip: @overlay_ip is set */
	bool has_overlay_ip;
	/** @has_mac: @mac is set */
	bool has_mac;
	/** @has_vni: @vni is set */
	bool has_vni;
	/** @meter_policy: the ENI's metering policy goes before the bits */
	bool meter_policy;
	/** @vni: VNI for vnet_encap */
	u32 vni;
	/** @meter_or: bits set in the metering class */
	u32 meter_or;
	/** @meter_and: bits kept of it */
	u32 meter_and;
	/** @id: value in the group's prefix tables */
	u32 id;
	/** @count: routes after the change under way */
	u32 count;
	/** @before: routes without that change, when touched */
	u32 before;
	/** @hash: of @attrs */
	u32 hash;
	/** @to: endpoints for vnet_encap; underlay_dip for servicetunnel */
	struct dash_endpoints to;
	/** @to6: how servicetunnel translates, behind @attrs, or NULL */
	struct dash_to6 *to6;
	/** @sip: underlay_sip, when @has_sip */
	struct in6_addr sip;
	/** @has_sip: @sip is set */
	bool has_sip;
	/** @nat: what snat translates to, or NULL */
	struct dash_nat_pool *nat;
	/** @len: length of @attrs */
	u32 len;
	/** @attrs: the attributes that are not part of a route's key */
	u8 attrs[] __aligned(NLA_ALIGNTO);
};

/**
 * struct dash_route_group - routes that ENIs share
 */
struct dash_route_group {
	/** @sym: its name */
	struct dash_sym *sym;
	/** @name: the same for readers */
	const char *name;
	/** @lpm: prefix -> id of action, [v4, v6] */
	struct dash_lpm lpm[2];
	/** @actions: id -> action, RCU */
	struct xarray actions;
	/** @by_content: finds equal actions */
	struct rhashtable by_content;
	/** @touched: actions that the change under way gives or takes routes */
	struct list_head touched;
	/** @bytes: memory of the actions, under dash_net.lock */
	size_t bytes;
	/** @txn: change under way, when @staged */
	struct dash_lpm_txn txn[2];
	/** @staged: in a transaction */
	bool staged;
	/** @list: in dash_txn.route_groups */
	struct list_head list;
};

/**
 * dash_route_group_alloc - make a group without routes
 * @sym: its name
 *
 * Context: process.
 * Return: group or NULL.
 */
struct dash_route_group *dash_route_group_alloc(struct dash_sym *sym);

/**
 * dash_route_group_free - free a group and its routes
 * @group: group; no reader is left
 *
 * Context: may sleep.
 */
void dash_route_group_free(struct dash_route_group *group);

/**
 * struct dash_route - what a lookup found
 */
struct dash_route {
	/** @action: what to do */
	const struct dash_route_act *action;
	/** @plen: length of the prefix that matched */
	u8 plen;
};

/**
 * dash_route_lookup - find the longest prefix of an inner destination
 * @group: routes, or NULL
 * @dst: address
 * @route: filled
 *
 * Context: RCU.
 * Return: DASH_DROP_NONE or DASH_DROP_NO_ROUTE.
 */
enum dash_drop dash_route_lookup(const struct dash_route_group *group,
				 const struct in6_addr *dst,
				 struct dash_route *route);

/**
 * dash_route_walk_init - start a lookup in steps, see dash_lpm_walk_all()
 * @group: routes, or NULL
 * @dst: address
 * @walk: steps
 *
 * Context: RCU until dash_route_walk_end().
 * Return: false without routes.
 */
bool dash_route_walk_init(const struct dash_route_group *group,
			  const struct in6_addr *dst,
			  struct dash_lpm_walk *walk);

/**
 * dash_route_walk_end - what dash_route_lookup() would say
 * @group: routes
 * @walk: finished steps
 * @route: filled
 *
 * Return: DASH_DROP_NONE or DASH_DROP_NO_ROUTE.
 */
enum dash_drop dash_route_walk_end(const struct dash_route_group *group,
				   const struct dash_lpm_walk *walk,
				   struct dash_route *route);

/**
 * dash_route_stage - stage a row of the route table
 * @txn: transaction
 * @row: row to set or delete
 *
 * Context: dash_net.lock held, may sleep.
 * Return: 0 or an error.
 */
int dash_route_stage(struct dash_txn *txn, struct dash_row *row);

/**
 * dash_route_stage_users - have connections decided anew that use an object
 * @txn: transaction
 * @sym: object that routes mention
 *
 * Context: dash_net.lock held.
 * Return: 0 or -ENOMEM.
 */
int dash_route_stage_users(struct dash_txn *txn, struct dash_sym *sym);

/**
 * dash_route_stage_clear - stage the removal of all routes of a group
 * @txn: transaction
 * @sym: name of the group
 *
 * Context: dash_net.lock held.
 * Return: 0.
 */
int dash_route_stage_clear(struct dash_txn *txn, struct dash_sym *sym);

/**
 * dash_route_check - does what staged routes mention exist in the end state?
 * @txn: transaction
 *
 * Context: dash_net.lock held.
 * Return: 0 or -ENOENT.
 */
int dash_route_check(struct dash_txn *txn);

/**
 * dash_route_unstage - undo what a refused transaction staged of routes
 * @txn: transaction
 *
 * Context: dash_net.lock held, may sleep.
 */
void dash_route_unstage(struct dash_txn *txn);

/**
 * dash_route_publish - let packets see the staged routes
 * @txn: transaction
 *
 * Context: dash_net.lock held.
 */
void dash_route_publish(struct dash_txn *txn);

/**
 * dash_route_reap - free what a transaction replaced of routes
 * @txn: transaction
 *
 * A grace period has passed since publishing.
 * Context: dash_net.lock held, may sleep.
 */
void dash_route_reap(struct dash_txn *txn);

/**
 * dash_route_ref_is_live - does a route of the end state mention the object?
 * @ref: mention by a route action
 *
 * Context: dash_net.lock held.
 * Return: whether one does.
 */
bool dash_route_ref_is_live(const struct dash_ref *ref);

/**
 * dash_route_act_name - name a route that has an action, for errors
 * @a: action of a route of the end state
 * @buf: DASH_NAME_LEN bytes
 *
 * Context: dash_net.lock held.
 */
void dash_route_act_name(const struct dash_route_act *a, char *buf);

/**
 * dash_route_ref_name - name a route that mentions an object, for errors
 * @ref: mention by a route action
 * @buf: DASH_NAME_LEN bytes
 *
 * Context: dash_net.lock held.
 */
void dash_route_ref_name(const struct dash_ref *ref, char *buf);

/**
 * struct dash_rule - an inbound route rule
 */
struct dash_rule {
	/** @row: as set; lives as long as the table does */
	struct dash_row *row;
	/** @vnet: VNET that the outer source must belong to, or NULL */
	struct dash_vnet *vnet;
	/** @counter: the one of @row */
	struct dash_counter *counter;
	/** @addr: prefix of the outer source, when not @any */
	struct in6_addr addr;
	/** @plen: its length, counted in the v4-mapped form */
	u8 plen;
	/** @any: any outer source of either family */
	bool any;
	/** @protocol: inner protocol, 0 is any */
	u8 protocol;
	/** @drop: action drop instead of decap */
	bool drop;
	/** @pa_validation: check the outer source */
	bool pa_validation;
	/** @vni: VNI of the packet */
	u32 vni;
	/** @priority: lowest first */
	u32 priority;
	/** @meter_or: bits set in the metering class */
	u32 meter_or;
	/** @meter_and: bits kept of it */
	u32 meter_and;
};

/**
 * struct dash_rule_table - the inbound rules of an ENI
 *
 * Sorted by VNI, then priority, then longest prefix. RCU, replaced whole.
 */
struct dash_rule_table {
	/** @n: number of rules */
	u32 n;
	/** @rule: the rules */
	struct dash_rule rule[];
};

/**
 * dash_rule_lookup - find the rule for an inbound packet
 * @pkt: packet; eni, outer and t set
 *
 * Context: RCU.
 * Return: rule or NULL.
 */
const struct dash_rule *dash_rule_lookup(const struct dash_pkt *pkt);

/**
 * dash_rules_prepare - compile the inbound rules of an ENI
 * @txn: transaction
 * @eni: ENI
 *
 * The result is dash_eni.next_rules.
 * Context: dash_net.lock held.
 * Return: 0 or -ENOMEM.
 */
int dash_rules_prepare(struct dash_txn *txn, struct dash_eni *eni);

#endif /* _DASH_ROUTE_H */
