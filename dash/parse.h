/* SPDX-License-Identifier: GPL-2.0 */
/* Headers of a packet -> struct dash_pkt. */
#ifndef _DASH_PARSE_H
#define _DASH_PARSE_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/types.h>

#include "drop.h"
#include "flow_key.h"

struct dash_eni;
struct dash_eni_cfg;
struct dash_explain;
struct dash_flow;
struct dash_flow_act;
struct dash_inst;
struct dash_net;
struct dash_port;
struct sk_buff;

#define DASH_MAX_EXTHDRS	8
#define DASH_MAX_VLANS		2
/* of VXLAN and NVGRE alike */
#define DASH_MAX_VNI		0xffffff
/* struct icmphdr and struct icmp6hdr alike */
#define DASH_ICMP_HLEN		8

/**
 * struct dash_nvgre_hdr - GRE with the key that NVGRE wants (RFC 7637)
 */
struct dash_nvgre_hdr {
	/** @flags: GRE_KEY */
	__be16 flags;
	/** @protocol: ETH_P_TEB */
	__be16 protocol;
	/** @key: VSID and FlowID */
	__be32 key;
};

/**
 * struct dash_outer - how a packet reached us
 */
struct dash_outer {
	/** @saddr: outer source, v4-mapped if IPv4: the sender's PA */
	struct in6_addr saddr;
	/** @daddr: outer destination: a VIP */
	struct in6_addr daddr;
	/** @smac: Ethernet source */
	u8 smac[ETH_ALEN];
	/** @dmac: Ethernet destination */
	u8 dmac[ETH_ALEN];
	/** @vni: VXLAN VNI or NVGRE VSID */
	u32 vni;
	/** @vlan_proto: TPID of a VLAN tag in the packet data, 0 without */
	__be16 vlan_proto;
	/** @vlan_tci: the rest of that tag; the other one is in the skb */
	__be16 vlan_tci;
	/** @tos: IPv4 TOS or IPv6 traffic class, ECN included */
	u8 tos;
	/** @encap: enum dash_encap_type or DASH_ENCAP_NONE */
	u8 encap;
};

/* A frame of a vport has no outer header. Then addresses and VNI are zeros,
 * but for a VIP as destination; the TOS is that of its own IP header.
 */
#define DASH_ENCAP_NONE	0xff

/**
 * struct dash_tuple - whose connection a packet belongs to
 *
 * Ports are 0 for protocols without them. ICMP and ICMPv6 echo have the
 * identifier in @sport and the type in @dport, other ICMP 0 and the type;
 * see dash_flow_key_init() for how that becomes a key.
 */
struct dash_tuple {
	/** @src: inner source, v4-mapped if IPv4 */
	struct in6_addr src;
	/** @dst: inner destination */
	struct in6_addr dst;
	/** @sport: source port */
	__be16 sport;
	/** @dport: destination port */
	__be16 dport;
	/** @proto: transport protocol, after IPv6 extension headers */
	u8 proto;
	/** @v6: the inner packet is IPv6 */
	bool v6;
};

/**
 * dash_tuple_has_ports - does a connection's protocol have ports?
 * @t: tuple of the connection
 *
 * Packets of the last two may be too short to have them; those have zeros.
 *
 * Return: whether it has.
 */
static inline bool dash_tuple_has_ports(const struct dash_tuple *t)
{
	switch (t->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		return true;
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		return t->sport || t->dport;
	}
	return false;
}

/**
 * dash_tuple_is_icmp - is a connection's protocol its family's ICMP?
 * @t: tuple of the connection
 *
 * The other family's is nothing but another protocol.
 *
 * Return: whether it is.
 */
static inline bool dash_tuple_is_icmp(const struct dash_tuple *t)
{
	return t->proto == (t->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

/**
 * struct dash_tcp_seg - what the TCP state machine looks at
 */
struct dash_tcp_seg {
	/** @seq: sequence number */
	u32 seq;
	/** @ack: acknowledgment number */
	u32 ack;
	/** @len: payload bytes */
	u32 len;
	/** @win: window as in the header, unscaled */
	u16 win;
	/** @flags: byte 13 of the header, DASH_TCP_* */
	u8 flags;
	/** @wscale: window scale option, -1 when absent */
	s8 wscale;
};

#define DASH_TCP_FIN	0x01
#define DASH_TCP_SYN	0x02
#define DASH_TCP_RST	0x04
#define DASH_TCP_ACK	0x10

/**
 * enum dash_frag - place of an inner packet in its datagram
 * @DASH_FRAG_NONE: whole
 * @DASH_FRAG_FIRST: first fragment, has the transport header
 * @DASH_FRAG_LATER: another one, has no ports
 */
enum dash_frag {
	DASH_FRAG_NONE,
	DASH_FRAG_FIRST,
	DASH_FRAG_LATER,
};

/**
 * struct dash_pkt - state of one packet on its way through the pipeline
 *
 * Lives on the stack or in a batch. A packet that exists only in thought
 * (explain, re-decision of a connection) has no @skb.
 */
struct dash_pkt {
	/** @skb: the packet; data at the outer network header until xform */
	struct sk_buff *skb;
	/** @dn: the instance */
	struct dash_net *dn;
	/** @port: where it came in */
	struct dash_port *port;
	/** @inst: settings, taken once per packet, RCU */
	const struct dash_inst *inst;
	/** @eni: whose packet it is, RCU */
	struct dash_eni *eni;
	/** @ecfg: configuration of @eni, taken once per packet, RCU */
	const struct dash_eni_cfg *ecfg;
	/** @rec: recorder of explain, mostly NULL */
	struct dash_explain *rec;

	/** @outer: outer header */
	struct dash_outer outer;
	/** @t: inner addresses, protocol and ports */
	struct dash_tuple t;
	/** @tcp: valid when t.proto is TCP and the packet has its header */
	struct dash_tcp_seg tcp;
	/** @smac: inner Ethernet source */
	u8 smac[ETH_ALEN];
	/** @dmac: inner Ethernet destination */
	u8 dmac[ETH_ALEN];
	/** @key: name of its connection, unless a later fragment or ICMP error */
	struct dash_flow_key key;
	/** @hash: keyed hash of its connection's name */
	u32 hash;
	/**
	 * @rx_len: length as received, from the outer network header on, or
	 * from the Ethernet header of a frame
	 */
	u32 rx_len;
	/** @mtu: path MTU that it does not fit, when too_big is the verdict */
	u32 mtu;
	/** @frag_id: identification of a fragmented inner datagram */
	u32 frag_id;
	/** @outer_l4: offset of the outer UDP or GRE header from skb->data */
	u16 outer_l4;
	/** @inner_eth: offset of the inner Ethernet header from skb->data */
	u16 inner_eth;
	/** @inner_l3: offset of the inner IP header from skb->data */
	u16 inner_l3;
	/** @inner_l4: offset of the inner transport header from skb->data */
	u16 inner_l4;
	/** @quoted_l4: of the one that an ICMP error quotes, 0 without; @icmp_err */
	u16 quoted_l4;
	/** @dir: enum dash_direction */
	u8 dir;
	/** @frag: enum dash_frag */
	u8 frag;
	/** @acl_stage: ACL stage asked last, which denied if one did */
	u8 acl_stage;
	/** @outer_frag: the outer packet is a fragment */
	bool outer_frag:1;
	/** @has_ports: the packet carries t.sport and t.dport of its protocol */
	bool has_ports:1;
	/** @icmp_err: ICMP error; @quoted is valid */
	bool icmp_err:1;
	/** @df: the inner packet must not be fragmented (IPv6 or DF) */
	bool df:1;
	/** @plain: it came to a NAT address, without encapsulation */
	bool plain:1;
	/** @answer6: IPv6 with the tuple of the IPv4 connection that it answers */
	bool answer6:1;
	/** @reason: enum dash_drop found so far */
	u8 reason;
	/** @verdict: enum dash_drop that policy decided ahead, when @act is set */
	u8 verdict;
	/** @flow: its connection, if it was looked up ahead or is sent, RCU */
	struct dash_flow *flow;
	/** @act: what policy decided ahead about a first packet, or NULL */
	const struct dash_flow_act *act;
	/** @quoted: tuple of the packet that an ICMP error is about */
	struct dash_tuple quoted;
};

/**
 * dash_pkt_init - begin with a packet
 * @pkt: all that is not written by others in any case is set
 * @skb: packet
 * @dn: instance
 * @port: where it came in
 */
static inline void dash_pkt_init(struct dash_pkt *pkt, struct sk_buff *skb,
				 struct dash_net *dn, struct dash_port *port)
{
	pkt->skb = skb;
	pkt->dn = dn;
	pkt->port = port;
	pkt->eni = NULL;
	pkt->ecfg = NULL;
	pkt->rec = NULL;
	pkt->t.sport = 0;
	pkt->t.dport = 0;
	pkt->hash = 0;
	pkt->frag_id = 0;
	pkt->dir = 0;
	pkt->frag = DASH_FRAG_NONE;
	pkt->acl_stage = 0;
	pkt->outer_frag = false;
	pkt->has_ports = false;
	pkt->icmp_err = false;
	pkt->df = false;
	pkt->plain = false;
	pkt->answer6 = false;
	pkt->reason = DASH_DROP_NONE;
	pkt->flow = NULL;
	pkt->act = NULL;
}

/**
 * dash_pkt_init_frame - begin with a frame of a vport
 * @pkt: as above
 * @skb: frame, with data at its Ethernet header
 * @dn: instance
 * @port: the vport
 */
static inline void dash_pkt_init_frame(struct dash_pkt *pkt,
				       struct sk_buff *skb,
				       struct dash_net *dn,
				       struct dash_port *port)
{
	dash_pkt_init(pkt, skb, dn, port);
	pkt->outer = (struct dash_outer){ .encap = DASH_ENCAP_NONE };
	pkt->rx_len = skb->len;
}

/**
 * dash_pkt_is_frame - is it one of a vport?
 * @pkt: packet, or packet in thought
 *
 * Return: false when it came with outer headers.
 */
static inline bool dash_pkt_is_frame(const struct dash_pkt *pkt)
{
	return pkt->outer.encap == DASH_ENCAP_NONE;
}

/**
 * dash_pkt_is_named - does a packet itself say what connection it belongs to?
 * @pkt: parsed packet
 *
 * Return: false as well when it is to be dropped.
 */
static inline bool dash_pkt_is_named(const struct dash_pkt *pkt)
{
	return !pkt->reason && !pkt->icmp_err && pkt->frag != DASH_FRAG_LATER;
}

/**
 * dash_parse_outer - read just enough to tell whether a packet may be ours
 * @pkt: skb set, with data at the outer network header or at a VLAN tag
 * @vxlan_port: UDP port of VXLAN, network order
 *
 * Fills outer addresses, MACs and TOS, @outer_l4, @outer_frag and
 * outer.encap. A VLAN tag inside the data is pulled over.
 * Context: RCU, softirq. May reallocate the skb's head.
 *
 * Return: true when the packet is UDP to @vxlan_port or GRE carrying
 * Ethernet, or a fragment of UDP or GRE; whether it is ours depends on the
 * destination address alone then. False leaves the skb as it was.
 */
bool dash_parse_outer(struct dash_pkt *pkt, __be16 vxlan_port);

/**
 * dash_parse_undo - give a packet back as it came
 * @pkt: as dash_parse_outer() left it, when it is not ours after all
 */
void dash_parse_undo(struct dash_pkt *pkt);

/**
 * dash_parse_inner - check and read everything of a packet that is ours
 * @pkt: as dash_parse_outer() left it
 *
 * Checks lengths and checksum of the outer headers, reads VNI, inner MACs,
 * addresses and transport header, and trims what follows the inner packet.
 * Context: RCU, softirq. May reallocate the skb's head.
 *
 * Return: DASH_DROP_NONE, DASH_DROP_MALFORMED, DASH_DROP_FRAG_OUTER,
 * DASH_DROP_FRAG_TINY, DASH_DROP_FRAG_OVERLAP, DASH_DROP_MULTICAST (a group
 * address as inner IP destination, or as MAC of what is not IP; a group MAC
 * may belong to an ENI and is judged by lookup) or DASH_DROP_NO_MEMORY.
 */
enum dash_drop dash_parse_inner(struct dash_pkt *pkt);

/**
 * dash_parse_plain_outer - read the addresses of a packet without encapsulation
 * @pkt: skb set, as for dash_parse_outer(), which is not needed
 *
 * Return: true when the packet is IP and not for the host itself in any case,
 * as neighbour discovery is. False leaves the skb as it was.
 */
bool dash_parse_plain_outer(struct dash_pkt *pkt);

/**
 * dash_parse_plain - check and read a packet without encapsulation
 * @pkt: as dash_parse_plain_outer() left it
 *
 * The frame that it came in is what the inner frame is of other packets, and
 * from then on skb->data is at its Ethernet header.
 * Context: RCU, softirq. May reallocate the skb's head.
 *
 * Return: as dash_parse_inner(), without DASH_DROP_FRAG_OUTER.
 */
enum dash_drop dash_parse_plain(struct dash_pkt *pkt);

/**
 * dash_parse_frame - the same for a frame of a vport that carries IP
 * @pkt: as dash_pkt_init_frame() left it; its TOS is filled, too
 *
 * Of what goes to a group, which is refused, the ports or type are read, too.
 * Context: RCU, softirq. May reallocate the skb's head.
 *
 * Return: as above.
 */
enum dash_drop dash_parse_frame(struct dash_pkt *pkt);

#endif /* _DASH_PARSE_H */
