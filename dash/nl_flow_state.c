// SPDX-License-Identifier: GPL-2.0
/* Connections taken away and brought back. */
#include <linux/if_ether.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <net/genetlink.h>

#include "addr.h"
#include "config.h"
#include "eni.h"
#include "flow_state.h"
#include "netns.h"
#include "nl.h"
#include "nl_flow.h"
#include "nl_gen.h"
#include "parse.h"

/* Tries of one connection while the table is being enlarged. */
#define DASH_RESTORE_TRIES	3

/* --- saving --- */

static int dash_put_tcp_end(struct sk_buff *skb, int attr,
			    const struct dash_tcp_dir *d)
{
	struct nlattr *nest = nla_nest_start(skb, attr);

	if (!nest)
		return -EMSGSIZE;
	if (d->seen && nla_put_u32(skb, DASH_A_TCP_END_NEXT, d->next))
		return -EMSGSIZE;
	if (d->acked && (nla_put_u32(skb, DASH_A_TCP_END_ACK, d->ack) ||
			 nla_put_u32(skb, DASH_A_TCP_END_WIN, d->win)))
		return -EMSGSIZE;
	if (d->scaled && nla_put_u8(skb, DASH_A_TCP_END_WSCALE, d->wscale))
		return -EMSGSIZE;
	if (d->fin && nla_put_u8(skb, DASH_A_TCP_END_FIN, 1))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int dash_put_tcp(struct sk_buff *skb, const struct dash_tcp *tcp)
{
	struct nlattr *nest = nla_nest_start(skb, DASH_A_FLOW_TCP);

	if (!nest ||
	    dash_put_tcp_end(skb, DASH_A_TCP_STATE_INITIATOR, &tcp->dir[0]) ||
	    dash_put_tcp_end(skb, DASH_A_TCP_STATE_RESPONDER, &tcp->dir[1]))
		return -EMSGSIZE;
	if (tcp->fin_end &&
	    nla_put_u32(skb, DASH_A_TCP_STATE_FIN_END, tcp->fin_end))
		return -EMSGSIZE;
	if (tcp->fin_dir &&
	    nla_put_u8(skb, DASH_A_TCP_STATE_FIN_DIR, tcp->fin_dir))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* What is to be known about the packets of a direction. */
static int dash_put_saved_xform(struct sk_buff *skb, int attr,
				const struct dash_flow_saved *s)
{
	struct nlattr *nest = nla_nest_start(skb, attr);
	bool back = attr == DASH_A_FLOW_REVERSE;

	if (!nest ||
	    dash_nl_put_u64(skb, DASH_A_XFORM_PACKETS, s->packets[back]) ||
	    dash_nl_put_u64(skb, DASH_A_XFORM_BYTES, s->bytes[back]))
		return -EMSGSIZE;
	if (!back && s->has_nat &&
	    (dash_nl_put_addr(skb, DASH_A_XFORM_NAT_SRC, &s->nat_addr) ||
	     nla_put_u16(skb, DASH_A_XFORM_NAT_SPORT, ntohs(s->nat_port))))
		return -EMSGSIZE;
	if (back && s->has_smac &&
	    nla_put(skb, DASH_A_XFORM_DST_MAC, ETH_ALEN, s->smac))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* How the initiator's packets come; nothing of it is true of a vport's. */
static int dash_put_saved_outer(struct sk_buff *skb,
				const struct dash_flow_saved *s)
{
	if (s->encap == DASH_ENCAP_NONE)
		return 0;
	if (dash_nl_put_addr(skb, DASH_A_FLOW_PA, &s->pa) ||
	    nla_put_u32(skb, DASH_A_FLOW_VNI, s->vni) ||
	    nla_put_u8(skb, DASH_A_FLOW_ENCAP, s->encap))
		return -EMSGSIZE;
	return 0;
}

static int dash_put_saved(struct sk_buff *skb, const struct dash_flow *flow)
{
	struct dash_flow_saved s;
	bool icmp;

	dash_flow_save(flow, &s);
	icmp = dash_tuple_is_icmp(&s.t);
	if (nla_put_string(skb, DASH_A_FLOW_ENI, flow->eni->name) ||
	    nla_put_u8(skb, DASH_A_FLOW_DIRECTION, s.dir) ||
	    dash_nl_put_addr(skb, DASH_A_FLOW_SRC, &s.t.src) ||
	    dash_nl_put_addr(skb, DASH_A_FLOW_DST, &s.t.dst) ||
	    nla_put_u8(skb, DASH_A_FLOW_PROTO, s.t.proto) ||
	    nla_put_u16(skb, DASH_A_FLOW_SPORT, ntohs(s.t.sport)) ||
	    nla_put_u8(skb, DASH_A_FLOW_STATE, s.state) ||
	    nla_put_u32(skb, DASH_A_FLOW_AGE, s.age) ||
	    nla_put_u32(skb, DASH_A_FLOW_IDLE, s.idle) ||
	    dash_put_saved_xform(skb, DASH_A_FLOW_FORWARD, &s) ||
	    dash_put_saved_xform(skb, DASH_A_FLOW_REVERSE, &s) ||
	    dash_put_saved_outer(skb, &s) ||
	    dash_nl_put_addr(skb, DASH_A_FLOW_VIP, &s.vip) ||
	    nla_put_u8(skb, DASH_A_FLOW_ANSWERED, s.answered))
		return -EMSGSIZE;
	if (icmp ? nla_put_u8(skb, DASH_A_FLOW_ICMP_TYPE, ntohs(s.t.dport)) :
		   nla_put_u16(skb, DASH_A_FLOW_DPORT, ntohs(s.t.dport)))
		return -EMSGSIZE;
	return s.t.proto == IPPROTO_TCP ? dash_put_tcp(skb, &s.tcp) : 0;
}

static int dash_flow_save_cb(struct dash_flow *flow, void *arg)
{
	struct dash_flow_put *put = arg;
	void *hdr;

	if (!dash_flow_match(&put->filter->f, flow))
		return dash_nl_flow_go_on();
	hdr = dash_nl_put_hdr(put->skb, put->cb, DASH_CMD_FLOW_SAVE);
	if (!hdr)
		return -EMSGSIZE;
	if (dash_put_saved(put->skb, flow)) {
		genlmsg_cancel(put->skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(put->skb, hdr);
	return 0;
}

int dash_nl_flow_save_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dash_nl_flow_dump(skb, cb, dash_flow_save_cb);
}

static int dash_flow_save_one(struct dash_flow *flow, void *arg)
{
	return dash_put_saved(arg, flow);
}

int dash_nl_flow_save_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dash_net *dn = dash_net(genl_info_net(info));
	struct dash_nl_filter filter;
	struct sk_buff *reply;
	void *hdr;
	int err;

	reply = dash_nl_reply(info, &hdr);
	if (!reply)
		return -ENOMEM;
	err = dash_nl_filter_init(dn, info->attrs, info->extack,
				  &filter);
	if (!err)
		err = dash_nl_flow_one(dn, &filter.f, info->extack,
				       dash_flow_save_one, reply);
	dash_nl_filter_fini(&filter);
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);
}

/* --- restoring --- */

/* Those of newer versions are ignored, as is what they do not need. */
static const struct nla_policy dash_saved_policy[DASH_A_FLOW_TCP + 1] = {
	[DASH_A_FLOW_ENI] = { .type = NLA_NUL_STRING, .len = 63 },
	[DASH_A_FLOW_DIRECTION] = { .type = NLA_U8 },
	[DASH_A_FLOW_SRC] = { .type = NLA_BINARY, .len = 16 },
	[DASH_A_FLOW_DST] = { .type = NLA_BINARY, .len = 16 },
	[DASH_A_FLOW_PROTO] = { .type = NLA_U8 },
	[DASH_A_FLOW_SPORT] = { .type = NLA_U16 },
	[DASH_A_FLOW_DPORT] = { .type = NLA_U16 },
	[DASH_A_FLOW_STATE] = { .type = NLA_U8 },
	[DASH_A_FLOW_AGE] = { .type = NLA_U32 },
	[DASH_A_FLOW_IDLE] = { .type = NLA_U32 },
	[DASH_A_FLOW_FORWARD] = { .type = NLA_NESTED },
	[DASH_A_FLOW_REVERSE] = { .type = NLA_NESTED },
	[DASH_A_FLOW_PA] = { .type = NLA_BINARY, .len = 16 },
	[DASH_A_FLOW_VIP] = { .type = NLA_BINARY, .len = 16 },
	[DASH_A_FLOW_VNI] = { .type = NLA_U32 },
	[DASH_A_FLOW_ENCAP] = { .type = NLA_U8 },
	[DASH_A_FLOW_ICMP_TYPE] = { .type = NLA_U8 },
	[DASH_A_FLOW_ANSWERED] = { .type = NLA_U8 },
	[DASH_A_FLOW_TCP] = { .type = NLA_NESTED },
};

static const struct nla_policy
dash_saved_xform_policy[DASH_A_XFORM_NAT_SPORT + 1] = {
	[DASH_A_XFORM_DST_MAC] = NLA_POLICY_EXACT_LEN(ETH_ALEN),
	[DASH_A_XFORM_PACKETS] = { .type = NLA_U64 },
	[DASH_A_XFORM_BYTES] = { .type = NLA_U64 },
	[DASH_A_XFORM_NAT_SRC] = { .type = NLA_BINARY, .len = 16 },
	[DASH_A_XFORM_NAT_SPORT] = { .type = NLA_U16 },
};

static const struct nla_policy
dash_saved_tcp_policy[DASH_A_TCP_STATE_FIN_DIR + 1] = {
	[DASH_A_TCP_STATE_INITIATOR] = { .type = NLA_NESTED },
	[DASH_A_TCP_STATE_RESPONDER] = { .type = NLA_NESTED },
	[DASH_A_TCP_STATE_FIN_END] = { .type = NLA_U32 },
	[DASH_A_TCP_STATE_FIN_DIR] = { .type = NLA_U8 },
};

static const struct nla_policy
dash_saved_end_policy[DASH_A_TCP_END_FIN + 1] = {
	[DASH_A_TCP_END_NEXT] = { .type = NLA_U32 },
	[DASH_A_TCP_END_ACK] = { .type = NLA_U32 },
	[DASH_A_TCP_END_WIN] = { .type = NLA_U32 },
	[DASH_A_TCP_END_WSCALE] = { .type = NLA_U8 },
	[DASH_A_TCP_END_FIN] = { .type = NLA_U8 },
};

static bool dash_saved_addr(struct nlattr *nla, struct in6_addr *addr)
{
	if (!nla || (nla_len(nla) != 4 && nla_len(nla) != 16))
		return false;
	dash_nla_addr(nla, addr);
	return true;
}

static bool dash_saved_end(struct nlattr *nest, struct dash_tcp_dir *d)
{
	struct nlattr *tb[DASH_A_TCP_END_FIN + 1];

	if (!nest)
		return true;
	if (nla_parse_nested_deprecated(tb, DASH_A_TCP_END_FIN, nest,
					dash_saved_end_policy, NULL))
		return false;
	d->seen = tb[DASH_A_TCP_END_NEXT];
	d->next = dash_nl_u32(tb[DASH_A_TCP_END_NEXT]);
	d->acked = tb[DASH_A_TCP_END_ACK] && tb[DASH_A_TCP_END_WIN];
	d->ack = dash_nl_u32(tb[DASH_A_TCP_END_ACK]);
	d->win = dash_nl_u32(tb[DASH_A_TCP_END_WIN]);
	d->scaled = tb[DASH_A_TCP_END_WSCALE];
	d->wscale = dash_nl_u8(tb[DASH_A_TCP_END_WSCALE]);
	d->fin = dash_nl_u8(tb[DASH_A_TCP_END_FIN]);
	return true;
}

static bool dash_saved_tcp(struct nlattr *nest, struct dash_tcp *tcp)
{
	struct nlattr *tb[DASH_A_TCP_STATE_FIN_DIR + 1];

	if (!nest)
		return true;
	if (nla_parse_nested_deprecated(tb, DASH_A_TCP_STATE_FIN_DIR, nest,
					dash_saved_tcp_policy, NULL))
		return false;
	tcp->fin_end = dash_nl_u32(tb[DASH_A_TCP_STATE_FIN_END]);
	tcp->fin_dir = dash_nl_u8(tb[DASH_A_TCP_STATE_FIN_DIR]);
	return dash_saved_end(tb[DASH_A_TCP_STATE_INITIATOR], &tcp->dir[0]) &&
	       dash_saved_end(tb[DASH_A_TCP_STATE_RESPONDER], &tcp->dir[1]);
}

static bool dash_saved_xform(struct nlattr *nest, bool back,
			     struct dash_flow_saved *s)
{
	struct nlattr *tb[DASH_A_XFORM_NAT_SPORT + 1];

	if (!nest)
		return true;
	if (nla_parse_nested_deprecated(tb, DASH_A_XFORM_NAT_SPORT, nest,
					dash_saved_xform_policy, NULL))
		return false;
	if (tb[DASH_A_XFORM_PACKETS])
		s->packets[back] = nla_get_u64(tb[DASH_A_XFORM_PACKETS]);
	if (tb[DASH_A_XFORM_BYTES])
		s->bytes[back] = nla_get_u64(tb[DASH_A_XFORM_BYTES]);
	if (back) {
		s->has_smac = tb[DASH_A_XFORM_DST_MAC];
		if (s->has_smac)
			nla_memcpy(s->smac, tb[DASH_A_XFORM_DST_MAC], ETH_ALEN);
		return true;
	}
	s->has_nat = tb[DASH_A_XFORM_NAT_SRC];
	if (!s->has_nat)
		return true;
	if (tb[DASH_A_XFORM_NAT_SPORT])
		s->nat_port = htons(nla_get_u16(tb[DASH_A_XFORM_NAT_SPORT]));
	return dash_saved_addr(tb[DASH_A_XFORM_NAT_SRC], &s->nat_addr);
}

/* Without an outer source the initiator is the VM of a vport. */
static bool dash_saved_outer(struct nlattr **tb, struct dash_flow_saved *s)
{
	if (!dash_saved_addr(tb[DASH_A_FLOW_VIP], &s->vip))
		return false;
	if (!tb[DASH_A_FLOW_PA]) {
		s->encap = DASH_ENCAP_NONE;
		return true;
	}
	s->encap = dash_nl_u8(tb[DASH_A_FLOW_ENCAP]);
	s->vni = dash_nl_u32(tb[DASH_A_FLOW_VNI]);
	return s->encap != DASH_ENCAP_NONE &&
	       dash_saved_addr(tb[DASH_A_FLOW_PA], &s->pa);
}

/* Return: false when it misses something, or what is there is none. */
static bool dash_saved_parse(struct nlattr **tb, struct dash_flow_saved *s)
{
	memset(s, 0, sizeof(*s));
	if (!tb[DASH_A_FLOW_ENI] || !tb[DASH_A_FLOW_PROTO] ||
	    !tb[DASH_A_FLOW_DIRECTION] || !tb[DASH_A_FLOW_STATE] ||
	    !dash_saved_addr(tb[DASH_A_FLOW_SRC], &s->t.src) ||
	    !dash_saved_addr(tb[DASH_A_FLOW_DST], &s->t.dst) ||
	    !dash_saved_outer(tb, s))
		return false;

	s->t.v6 = !dash_addr_is_v4(&s->t.src);
	s->t.proto = nla_get_u8(tb[DASH_A_FLOW_PROTO]);
	if (tb[DASH_A_FLOW_SPORT])
		s->t.sport = htons(nla_get_u16(tb[DASH_A_FLOW_SPORT]));
	if (tb[DASH_A_FLOW_ICMP_TYPE])
		s->t.dport = htons(nla_get_u8(tb[DASH_A_FLOW_ICMP_TYPE]));
	else if (tb[DASH_A_FLOW_DPORT])
		s->t.dport = htons(nla_get_u16(tb[DASH_A_FLOW_DPORT]));
	s->dir = nla_get_u8(tb[DASH_A_FLOW_DIRECTION]);
	s->state = nla_get_u8(tb[DASH_A_FLOW_STATE]);
	s->answered = dash_nl_u8(tb[DASH_A_FLOW_ANSWERED]);
	s->age = dash_nl_u32(tb[DASH_A_FLOW_AGE]);
	s->idle = dash_nl_u32(tb[DASH_A_FLOW_IDLE]);
	return dash_saved_xform(tb[DASH_A_FLOW_FORWARD], false, s) &&
	       dash_saved_xform(tb[DASH_A_FLOW_REVERSE], true, s) &&
	       dash_saved_tcp(tb[DASH_A_FLOW_TCP], &s->tcp);
}

struct dash_restore {
	struct dash_net *dn;
	struct nlattr *tb[DASH_A_FLOW_TCP + 1];
	u32 n[DASH_FLOW_EXPIRED + 1];
	u32 drops[DASH_DROP_MAX + 1];
	struct dash_flow_work w;
};

static enum dash_drop dash_restore_try(struct dash_restore *r,
				       enum dash_flow_restored *res)
{
	enum dash_drop reason = DASH_DROP_NO_ENI;
	struct dash_eni *eni;

	local_bh_disable();
	rcu_read_lock();
	eni = dash_nl_flow_eni(r->dn, r->tb[DASH_A_FLOW_ENI]);
	if (eni)
		reason = dash_flow_resume(r->dn, eni, &r->w, res);
	rcu_read_unlock();
	local_bh_enable();
	return reason;
}

static void dash_restore_one(struct dash_restore *r, const struct nlattr *nla)
{
	enum dash_drop reason = DASH_DROP_MALFORMED;
	int tries = DASH_RESTORE_TRIES;
	enum dash_flow_restored res;

	if (!nla_parse_nested_deprecated(r->tb, DASH_A_FLOW_TCP, nla,
					 dash_saved_policy, NULL) &&
	    dash_saved_parse(r->tb, &r->w.saved))
		reason = dash_restore_try(r, &res);
	/* the hash table grows in another process, which needs its turn */
	while (reason == DASH_DROP_NO_MEMORY && --tries) {
		schedule_timeout_uninterruptible(1);
		reason = dash_restore_try(r, &res);
	}
	if (reason)
		r->drops[reason]++;
	else
		r->n[res]++;
}

static int dash_restore_reply(struct genl_info *info,
			      const struct dash_restore *r)
{
	struct sk_buff *reply;
	struct nlattr *nest;
	void *hdr;
	int i;

	reply = dash_nl_reply(info, &hdr);
	if (!reply)
		return -ENOMEM;
	nla_put_u32(reply, DASH_A_FLOW_RESTORED, r->n[DASH_FLOW_RESTORED]);
	nla_put_u32(reply, DASH_A_FLOW_EXISTING, r->n[DASH_FLOW_EXISTING]);
	nla_put_u32(reply, DASH_A_FLOW_EXPIRED, r->n[DASH_FLOW_EXPIRED]);
	for (i = 0; i < ARRAY_SIZE(r->drops); i++) {
		if (!r->drops[i])
			continue;
		nest = nla_nest_start(reply, DASH_A_FLOW_DROP);
		if (!nest || nla_put_u32(reply, DASH_A_DROP_REASON, i) ||
		    dash_nl_put_u64(reply, DASH_A_DROP_PACKETS, r->drops[i])) {
			nlmsg_free(reply);
			return -EMSGSIZE;
		}
		nla_nest_end(reply, nest);
	}
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);
}

/* Without the mutex: as packets do, of which each may make a connection too. */
int dash_nl_flow_restore_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dash_restore *r = kzalloc(sizeof(*r), GFP_KERNEL);
	const struct nlattr *pos;
	int rem, err;

	if (!r)
		return -ENOMEM;
	r->dn = dash_net(genl_info_net(info));
	nla_for_each_attr(pos, genlmsg_data(info->genlhdr),
			  genlmsg_len(info->genlhdr), rem) {
		if (nla_type(pos) != DASH_A_FLOW_CONNECTION)
			continue;
		dash_restore_one(r, pos);
		cond_resched();
	}
	err = dash_restore_reply(info, r);
	kfree(r);
	return err;
}
