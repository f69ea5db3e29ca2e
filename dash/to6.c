// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * A service tunnel or a private link leads to a service that a VM knows by an
 * IPv4 address. The service sees IPv6: the VM's address is the end of a prefix
 * that names the VM's network, so that those of several networks may have the
 * same address, and its own is another prefix with the address that the VM
 * knows, or altogether another one::
 *
 *   VM   10.1.1.1:4000 -> 50.1.2.1:443
 *   out  fd00:108:0:d204:0:200:a01:101:4000 -> 2603:10e1:100:2::3201:201:443
 *
 * How packets are rewritten is in xlat.c, what the new addresses are here.
 *
 * A connection is that of the IPv4 packets; for answers it has a second name, as
 * one with source NAT has (see nat.c), among the same names but with the ENI in
 * it: the ENI's own packets, which come in its tunnel, are the only ones that are
 * asked about, and only while it has such connections. An answer gets the IPv4
 * addresses at once as far as its description goes (struct dash_pkt); its bytes
 * follow where it is sent. So state, policy, counters and limits have but one
 * name of a connection to do with.
 *
 * Two connections of an ENI may have the same second name, where several IPv4
 * addresses lead to one service. The later one does not come about.
 *
 * An ICMP error comes from the other end, whoever sent it: a router's address
 * has no IPv4 form.
 */
#include <linux/etherdevice.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/skbuff.h>
#include <net/gso.h>
#include <net/ip.h>

#include "addr.h"
#include "eni.h"
#include "flow.h"
#include "frag.h"
#include "nat.h"
#include "netns.h"
#include "parse.h"
#include "stats.h"
#include "to6.h"
#include "underlay.h"
#include "xform.h"
#include "xlat.h"

/* The longest outer headers, and what IPv6 is longer. */
#define TO6_OVERHEAD	128

/* --- decisions --- */

/* Can packets of the connection be translated at all? Its type of ICMP is in the
 * name only: a connection that is decided anew has none in its tuple.
 */
static bool to6_may(const struct dash_pkt *pkt)
{
	if (pkt->t.v6 || dash_xlat_proto(pkt->t.proto, true) < 0)
		return false;
	return !dash_tuple_is_icmp(&pkt->t) ||
	       (ntohs(pkt->key.rport) & 0xff) == ICMP_ECHO;
}

enum dash_drop dash_to6_decide(const struct dash_pkt *pkt,
			       const struct dash_to6 *to6,
			       struct dash_flow_act *act)
{
	if (!to6_may(pkt))
		return DASH_DROP_UNTRANSLATABLE;
	if (to6->by_eni && !pkt->ecfg->has_pl_sip)
		return DASH_DROP_NO_MAPPING;
	act->xf[0].nat = DASH_XFORM_NAT_4TO6;
	act->xf[1].nat = DASH_XFORM_NAT_6TO4;
	act->to6 = to6;
	return DASH_DROP_NONE;
}

void dash_to6_name(struct dash_flow_key *key, const struct dash_to6 *to6,
		   const struct dash_eni_cfg *ecfg)
{
	__be32 local = key->laddr.s6_addr32[3];
	__be32 remote = key->raddr.s6_addr32[3];
	int i;

	key->laddr = to6->sip;
	for (i = 0; to6->pl && i < 3; i++) {
		key->laddr.s6_addr32[i] &= ~ecfg->pl_mask.s6_addr32[i];
		key->laddr.s6_addr32[i] |= ecfg->pl_sip.s6_addr32[i];
	}
	key->laddr.s6_addr32[3] = local;
	key->raddr = to6->dip;
	if (!to6->whole_dip)
		key->raddr.s6_addr32[3] = remote;

	if ((u8)key->eni_proto != IPPROTO_ICMP)
		return;
	/* who asks, and the type of the question: see dash_flow_key_init() */
	key->eni_proto += IPPROTO_ICMPV6 - IPPROTO_ICMP;
	key->rport = htons((ntohs(key->rport) & 0xff00) | ICMPV6_ECHO_REQUEST);
}

/* --- answers --- */

/* In the VM's words. */
static void to6_rename(struct dash_tuple *t, const struct in6_addr *src,
		       const struct in6_addr *dst)
{
	int type;

	t->src = *src;
	t->dst = *dst;
	t->v6 = false;
	if (t->proto != IPPROTO_ICMPV6)
		return;
	t->proto = IPPROTO_ICMP;
	type = dash_xlat_echo(ntohs(t->dport), false);
	if (type >= 0)
		t->dport = htons(type);
}

static void to6_found(struct dash_pkt *pkt, const struct dash_flow_key *key)
{
	pkt->answer6 = true;
	to6_rename(&pkt->t, &key->raddr, &key->laddr);
	if (pkt->icmp_err)
		to6_rename(&pkt->quoted, &key->laddr, &key->raddr);
}

/* Fragments that follow find the connection by the first one, twice: here by
 * their own addresses, then as the VM's fragments do.
 */
static void to6_first(struct dash_pkt *pkt, const struct dash_flow_key *key)
{
	/* what forbids that, forbids the other as well, and is said there */
	if (!dash_frag_first(pkt, key))
		dash_frag_verdict(pkt, DASH_DROP_NONE);
}

void dash_to6_begin(struct dash_pkt *pkt)
{
	struct dash_flow_table *ft = rcu_dereference(pkt->dn->ft);
	struct dash_flow_key key;
	struct dash_flow *flow;

	if (pkt->frag == DASH_FRAG_LATER) {
		if (!dash_frag_later(pkt, &key) && dash_addr_is_v4(&key.laddr))
			to6_found(pkt, &key);
		return;
	}

	if (!pkt->icmp_err)
		dash_flow_key_init(&key, pkt->eni->id, &pkt->t, pkt->dir);
	else if (ipv6_addr_equal(&pkt->quoted.src, &pkt->t.dst))
		/* the quoted packet went the other way */
		dash_flow_key_init(&key, pkt->eni->id, &pkt->quoted,
				   !pkt->dir);
	else
		return;
	flow = dash_nat_find(ft, &key);
	if (!flow)
		return;
	if (pkt->frag == DASH_FRAG_FIRST)
		to6_first(pkt, &flow->key);
	to6_found(pkt, &flow->key);
}

/* --- packets --- */

void dash_to6_addrs(const struct dash_pkt *pkt, const struct dash_xform *xf,
		    const struct in6_addr *addr[2])
{
	const struct dash_flow *flow = pkt->flow;

	if (xf->nat == DASH_XFORM_NAT_4TO6) {
		addr[0] = &flow->nat->key.laddr;
		addr[1] = &flow->nat->key.raddr;
	} else {
		addr[0] = &flow->key.raddr;
		addr[1] = &flow->key.laddr;
	}
}

static enum dash_drop to6_xlat(struct dash_pkt *pkt,
			       const struct dash_xform *xf)
{
	const struct in6_addr *addr[2];
	enum dash_drop reason;
	struct dash_xlat x = {
		.eth = pkt->inner_eth,
		.l3 = pkt->inner_l3,
		.l4 = pkt->inner_l4,
		.to6 = xf->nat == DASH_XFORM_NAT_4TO6,
		.icmp_err = pkt->icmp_err,
	};

	dash_to6_addrs(pkt, xf, addr);
	x.src = addr[0];
	x.dst = addr[1];
	reason = dash_xlat(pkt->skb, &x);
	pkt->inner_eth = x.eth;
	pkt->inner_l3 = x.l3;
	pkt->inner_l4 = x.l4;
	return reason;
}

/* One of several segments, which nobody else counts. */
static void to6_send(const struct dash_pkt *pkt, struct sk_buff *skb,
		     const struct dash_xform *xf)
{
	struct dash_pkt one = *pkt;
	struct dash_eni_stats *s;
	u32 len;

	one.skb = skb;
	if (dash_xform_apply(&one, xf)) {
		kfree_skb(one.skb);
		return;
	}
	len = one.skb->len;
	if (dash_underlay_xmit(&one, xf)) {
		kfree_skb(one.skb);
		return;
	}
	s = this_cpu_ptr(pkt->eni->stats);
	u64_stats_update_begin(&s->syncp);
	u64_stats_add(&s->dir[pkt->dir].tx_bytes, len);
	u64_stats_update_end(&s->syncp);
}

/* Send all segments but the last, which is what @pkt is then. */
static enum dash_drop to6_cut(struct dash_pkt *pkt, const struct dash_xform *xf)
{
	struct sk_buff *segs, *skb, *next;

	segs = dash_pkt_is_frame(pkt) ?
	       __skb_gso_segment(pkt->skb, NETIF_F_SG, false) :
	       skb_gso_segment(pkt->skb, NETIF_F_SG);
	if (IS_ERR_OR_NULL(segs))
		return DASH_DROP_NO_MEMORY;
	consume_skb(pkt->skb);
	skb_list_walk_safe(segs, skb, next) {
		skb_mark_not_on_list(skb);
		pkt->skb = skb;
		if (next)
			to6_send(pkt, skb, xf);
	}
	return DASH_DROP_NONE;
}

enum dash_drop dash_to6_apply(struct dash_pkt *pkt, const struct dash_xform *xf)
{
	enum dash_drop reason;

	if (unlikely(skb_is_gso(pkt->skb) && pkt->skb->len - pkt->inner_eth >
		     IP_MAX_MTU - TO6_OVERHEAD)) {
		reason = to6_cut(pkt, xf);
		if (reason)
			return reason;
	}
	return to6_xlat(pkt, xf);
}
