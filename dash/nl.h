/* SPDX-License-Identifier: GPL-2.0 */
/* The generic netlink family. */
#ifndef _DASH_NL_H
#define _DASH_NL_H

#include <linux/types.h>
#include <net/netlink.h>

struct dash_explain_acl;
struct dash_mapping;
struct dash_net;
struct dash_pkt;
struct dash_route;
struct dash_route_group;
struct dash_row;
struct dash_vnet;
struct dash_xform;
struct genl_family;
struct genl_info;
struct in6_addr;
struct netlink_callback;
struct sk_buff;

extern struct genl_family dash_nl_family;

int dash_nl_init(void);
void dash_nl_exit(void);

/**
 * dash_nl_reply - begin a reply to a request
 * @info: request
 * @hdr: filled, for genlmsg_end()
 *
 * Context: process.
 * Return: message or NULL.
 */
struct sk_buff *dash_nl_reply(struct genl_info *info, void **hdr);

/**
 * dash_nl_put_hdr - begin a message of a dump
 * @skb: dump
 * @cb: dump; says whether it is consistent
 * @cmd: command
 *
 * Return: for genlmsg_end(), NULL without room.
 */
void *dash_nl_put_hdr(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd);

/**
 * dash_nl_put_addr - add an address of 4 or 16 bytes
 * @skb: message
 * @attr: attribute
 * @addr: address, v4-mapped if IPv4
 *
 * Return: 0 or -EMSGSIZE.
 */
int dash_nl_put_addr(struct sk_buff *skb, int attr,
		     const struct in6_addr *addr);

/**
 * dash_nl_put_u64 - add a number of 64 bits, not aligned
 * @skb: message
 * @attr: attribute
 * @value: number
 *
 * Return: 0 or -EMSGSIZE.
 */
int dash_nl_put_u64(struct sk_buff *skb, int attr, u64 value);

/**
 * dash_nl_put_counters - add packets and bytes of one direction
 * @skb: message
 * @attr: attribute to nest them in, a transform's
 * @packets: number
 * @bytes: number
 *
 * Return: 0 or -EMSGSIZE.
 */
int dash_nl_put_counters(struct sk_buff *skb, int attr, u64 packets, u64 bytes);

/* Numbers that are 0 when absent. */
static inline u8 dash_nl_u8(const struct nlattr *nla)
{
	return nla ? nla_get_u8(nla) : 0;
}

static inline u32 dash_nl_u32(const struct nlattr *nla)
{
	return nla ? nla_get_u32(nla) : 0;
}

/**
 * dash_nl_put_row - add a row as it was set
 * @skb: message
 * @attr: attribute to nest it in
 * @row: row
 *
 * Return: 0 or -EMSGSIZE.
 */
int dash_nl_put_row(struct sk_buff *skb, int attr, const struct dash_row *row);

/**
 * dash_nl_get_addr - read an address of a request
 * @info: request, for errors
 * @nla: attribute
 * @addr: filled, v4-mapped if IPv4
 *
 * Return: false when it is none.
 */
bool dash_nl_get_addr(struct genl_info *info, const struct nlattr *nla,
		      struct in6_addr *addr);

/**
 * dash_nl_txn_drop_all - forget the open transactions of an instance that goes
 * @dn: instance
 *
 * Context: process.
 */
void dash_nl_txn_drop_all(struct dash_net *dn);

/**
 * dash_nl_txn_release - forget the open transactions of a closed socket
 * @dn: instance
 * @portid: socket
 *
 * Context: process.
 */
void dash_nl_txn_release(struct dash_net *dn, u32 portid);

/**
 * dash_nl_put_overlay - add inner addresses of another family than before
 * @skb: message, within the attributes of a transform
 * @overlay: source and destination
 *
 * Return: 0 or -EMSGSIZE.
 */
int dash_nl_put_overlay(struct sk_buff *skb,
			const struct in6_addr *const overlay[2]);

/**
 * dash_nl_put_xform - add what happens to packets
 * @skb: message
 * @attr: attribute to nest it in
 * @xf: transform
 * @overlay: inner source and destination, when it changes the family
 * @dev: device that they leave by, or NULL for counters instead
 * @packets: counter
 * @bytes: counter
 *
 * Return: 0 or -EMSGSIZE.
 */
int dash_nl_put_xform(struct sk_buff *skb, int attr,
		      const struct dash_xform *xf,
		      const struct in6_addr *const overlay[2], const char *dev,
		      u64 packets, u64 bytes);

/**
 * dash_nl_put_explain_pkt - add a packet that is explained
 * @skb: message
 * @pkt: packet
 * @parsed: tuple and VNI are known; an ENI may be
 *
 * Context: RCU.
 * Return: 0 or -EMSGSIZE.
 */
int dash_nl_put_explain_pkt(struct sk_buff *skb, const struct dash_pkt *pkt,
			    bool parsed);

/**
 * dash_nl_put_explain - add what a packet in thought met
 * @skb: message
 * @pkt: packet; rec is what dash_pipeline_explain() left
 *
 * Everything but the verdict.
 * Context: RCU.
 * Return: 0 or -EMSGSIZE.
 */
int dash_nl_put_explain(struct sk_buff *skb, const struct dash_pkt *pkt);

/**
 * dash_nl_put_acl_step - add what a stage said
 * @skb: message
 * @attr: attribute to nest it in
 * @acl: stage
 *
 * Context: RCU.
 * Return: 0 or -EMSGSIZE.
 */
int dash_nl_put_acl_step(struct sk_buff *skb, int attr,
			 const struct dash_explain_acl *acl);

/**
 * dash_nl_put_route - add the route of a destination as a row
 * @skb: message
 * @attr: attribute to nest it in
 * @group: routes
 * @dst: destination
 * @route: what dash_route_lookup() found
 *
 * Context: RCU.
 * Return: 0 or -EMSGSIZE.
 */
int dash_nl_put_route(struct sk_buff *skb, int attr,
		      const struct dash_route_group *group,
		      const struct in6_addr *dst,
		      const struct dash_route *route);

/**
 * dash_nl_put_mapping - add a mapping as a row
 * @skb: message
 * @attr: attribute to nest it in
 * @vnet: its VNET
 * @m: mapping
 *
 * Context: RCU.
 * Return: 0 or -EMSGSIZE.
 */
int dash_nl_put_mapping(struct sk_buff *skb, int attr,
			const struct dash_vnet *vnet,
			const struct dash_mapping *m);

#endif /* _DASH_NL_H */
