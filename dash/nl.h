/* SPDX-License-Identifier: GPL-2.0 */
/* The generic netlink family. */
#ifndef _DASH_NL_H
#define _DASH_NL_H

#include <linux/types.h>

struct dash_mapping;
struct dash_net;
struct dash_route;
struct dash_route_group;
struct dash_row;
struct dash_vnet;
struct dash_xform;
struct genl_family;
struct genl_info;
struct in6_addr;
struct netlink_callback;
struct nlattr;
struct sk_buff;

extern struct genl_family dash_nl_family;

int dash_nl_init(void);
void dash_nl_exit(void);

/* Begin a reply, or a message of a dump. NULL without room. */
struct sk_buff *dash_nl_reply(struct genl_info *info, void **hdr);
void *dash_nl_put_hdr(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd);

int dash_nl_put_addr(struct sk_buff *skb, int attr,
		     const struct in6_addr *addr);
int dash_nl_put_u64(struct sk_buff *skb, int attr, u64 value);
int dash_nl_put_row(struct sk_buff *skb, int attr, const struct dash_row *row);
/* An address attribute of a request: false, with an error, unless valid. */
bool dash_nl_get_addr(struct genl_info *info, const struct nlattr *nla,
		      struct in6_addr *addr);

/* Open transactions of an instance that goes. */
void dash_nl_txn_drop_all(struct dash_net *dn);

/* Open transactions of a socket that was closed. */
void dash_nl_txn_release(struct dash_net *dn, u32 portid);

int dash_nl_put_xform(struct sk_buff *skb, int attr,
		      const struct dash_xform *xf, const char *dev,
		      u64 packets, u64 bytes);
/* The route that was found for a destination, and a mapping, as rows. RCU. */
int dash_nl_put_route(struct sk_buff *skb, int attr,
		      const struct dash_route_group *group,
		      const struct in6_addr *dst,
		      const struct dash_route *route);
int dash_nl_put_mapping(struct sk_buff *skb, int attr,
			const struct dash_vnet *vnet,
			const struct dash_mapping *m);

#endif /* _DASH_NL_H */
