/* SPDX-License-Identifier: GPL-2.0 */
/* Service tunnel and private link: IPv4 of VMs is IPv6 outside. */
#ifndef _DASH_TO6_H
#define _DASH_TO6_H

#include <linux/in6.h>
#include <linux/types.h>

#include "drop.h"
#include "xform.h"

struct dash_eni_cfg;
struct dash_flow_act;
struct dash_flow_key;
struct dash_pkt;
struct dash_route_act;
struct dash_row;
struct netlink_ext_ack;
struct nlattr;

/**
 * struct dash_to6 - how IPv4 addresses become IPv6 addresses
 */
struct dash_to6 {
	/** @sip: overlay_sip_prefix, without its last 32 bits */
	struct in6_addr sip;
	/** @dip: overlay_dip_prefix */
	struct in6_addr dip;
	/** @whole_dip: that is an address: IPv4 destinations do not show */
	bool whole_dip;
	/** @pl: a private link: pl_sip_encoding of the ENI goes into @sip */
	bool pl;
	/** @by_eni: nothing else does */
	bool by_eni;
};

/**
 * dash_to6_parse - read what a row says about it
 * @to6: filled
 * @row: of the route or mapping table
 */
void dash_to6_parse(struct dash_to6 *to6, const struct dash_row *row);

/**
 * dash_to6_room - what a row takes for that
 * @row: of the route or mapping table
 *
 * Return: bytes, 0 when it does not translate.
 */
size_t dash_to6_room(const struct dash_row *row);

/**
 * dash_to6_parse_route - read where a route leads, and how
 * @a: action of the route, with dash_to6_room() bytes behind its attributes
 * @row: the route's row
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int dash_to6_parse_route(struct dash_route_act *a, const struct dash_row *row);

/**
 * dash_to6_check_row - is that possible?
 * @tb: attributes of a row
 * @mapping: of the mapping table, else of that of routes
 * @wanted: the row's routing type translates
 * @extack: told what is wrong
 *
 * Return: 0 or -EINVAL.
 */
int dash_to6_check_row(struct nlattr **tb, bool mapping, bool wanted,
		       struct netlink_ext_ack *extack);

/**
 * dash_to6_check_type - may a routing type have these steps?
 * @tb: attributes of the row
 * @attrs: the same
 * @len: their length
 * @extack: told what is wrong
 *
 * Return: 0 or -EINVAL.
 */
int dash_to6_check_type(struct nlattr **tb, const struct nlattr *attrs,
			int len, struct netlink_ext_ack *extack);

/**
 * dash_to6_decide - have the packets of a connection translated
 * @pkt: the initiator's packet
 * @to6: how
 * @act: decision under way; its outbound transform is an encapsulation
 *
 * Context: RCU.
 * Return: DASH_DROP_NONE, DASH_DROP_UNTRANSLATABLE or, when the ENI lacks the
 * pl_sip_encoding asked for, DASH_DROP_NO_MAPPING.
 */
enum dash_drop dash_to6_decide(const struct dash_pkt *pkt,
			       const struct dash_to6 *to6,
			       struct dash_flow_act *act);

/**
 * dash_to6_name - what the responder takes a connection for
 * @key: the VM's name of it; becomes the other one
 * @to6: how addresses are translated
 * @ecfg: configuration of the ENI
 */
void dash_to6_name(struct dash_flow_key *key, const struct dash_to6 *to6,
		   const struct dash_eni_cfg *ecfg);

/**
 * dash_to6_begin - see whether an inbound packet answers a translated one
 * @pkt: parsed IPv6 packet of an ENI that has translated connections. If it
 *	does, its tuple becomes the one that the VM knows, so that everything
 *	after it works as with other packets, but that it begins no connection.
 *
 * Context: RCU, BH off.
 */
void dash_to6_begin(struct dash_pkt *pkt);

/**
 * dash_to6_apply - translate a packet of a connection
 * @pkt: packet; its flow is set. Its frame may come to be elsewhere in the skb,
 *	which may be another one: see below.
 * @xf: transform that says so
 *
 * A GSO packet that would become longer than IP can say is cut, and all but the
 * last segment is sent from here.
 * Context: RCU, softirq.
 *
 * Return: DASH_DROP_NONE, DASH_DROP_UNTRANSLATABLE, DASH_DROP_TOO_BIG or
 * DASH_DROP_NO_MEMORY.
 */
enum dash_drop dash_to6_apply(struct dash_pkt *pkt, const struct dash_xform *xf);

/**
 * dash_to6_addrs - addresses of translated packets
 * @pkt: packet; its flow is set
 * @xf: transform that translates
 * @addr: set to source and destination
 */
void dash_to6_addrs(const struct dash_pkt *pkt, const struct dash_xform *xf,
		    const struct in6_addr *addr[2]);

#endif /* _DASH_TO6_H */
