// SPDX-License-Identifier: GPL-2.0
/* Connections: dump and flush. */
#include <linux/jiffies.h>
#include <linux/sched/signal.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "addr.h"
#include "config.h"
#include "eni.h"
#include "flow.h"
#include "netns.h"
#include "nl.h"
#include "nl_gen.h"

/* How a dump of connections goes on, in netlink_callback.ctx. */
struct dash_flow_dump {
	struct dash_flow_pos pos;
	bool done;
};

struct dash_flow_put {
	struct sk_buff *skb;
	const struct dash_flow_filter *filter;
	struct netlink_callback *cb;
	int err;
};

static u32 dash_seconds(unsigned long from, unsigned long to)
{
	return time_after(to, from) ? (to - from) / HZ : 0;
}

static int dash_put_flow(struct sk_buff *skb, const struct dash_flow *flow)
{
	const struct dash_flow_act *act = rcu_dereference(flow->act);
	struct dash_xform xf[2] = { act->xf[0], act->xf[1] };
	unsigned long now = jiffies;
	struct dash_tuple t;
	int i;

	for (i = 0; i < 2; i++)
		xf[i].sport = dash_xform_sport(&xf[i], flow->hash);
	dash_flow_tuple(flow, &t);
	if (nla_put_string(skb, DASH_A_FLOW_ENI, flow->eni->name) ||
	    nla_put_u8(skb, DASH_A_FLOW_DIRECTION, flow->dir) ||
	    dash_nl_put_addr(skb, DASH_A_FLOW_SRC, &t.src) ||
	    dash_nl_put_addr(skb, DASH_A_FLOW_DST, &t.dst) ||
	    nla_put_u8(skb, DASH_A_FLOW_PROTO, t.proto) ||
	    nla_put_u16(skb, DASH_A_FLOW_SPORT, ntohs(t.sport)) ||
	    nla_put_u16(skb, DASH_A_FLOW_DPORT, ntohs(t.dport)) ||
	    nla_put_u8(skb, DASH_A_FLOW_STATE, READ_ONCE(flow->state)) ||
	    nla_put_u32(skb, DASH_A_FLOW_AGE, dash_seconds(flow->created, now)) ||
	    nla_put_u32(skb, DASH_A_FLOW_IDLE,
			dash_seconds(dash_flow_last(flow), now)) ||
	    nla_put_u32(skb, DASH_A_FLOW_EXPIRES,
			dash_seconds(now, dash_flow_expires(flow))) ||
	    dash_nl_put_xform(skb, DASH_A_FLOW_FORWARD, &xf[0], NULL,
			      READ_ONCE(flow->packets[0]),
			      READ_ONCE(flow->bytes[0])) ||
	    dash_nl_put_xform(skb, DASH_A_FLOW_REVERSE, &xf[1], NULL,
			      READ_ONCE(flow->packets[1]),
			      READ_ONCE(flow->bytes[1])) ||
	    dash_nl_put_addr(skb, DASH_A_FLOW_PA, &act->pa) ||
	    nla_put_u32(skb, DASH_A_FLOW_VNI, act->vni))
		return -EMSGSIZE;
	return 0;
}

/* The ENI of the filter is compared only, so it may go meanwhile. */
static int dash_filter_parse(struct dash_net *dn, struct nlattr **attrs,
			     struct netlink_ext_ack *extack,
			     struct dash_flow_filter *f)
{
	struct nlattr *nla;
	struct dash_sym *sym;
	int i;
	static const u16 addr[] = { DASH_A_FLOW_SRC, DASH_A_FLOW_DST };

	memset(f, 0, sizeof(*f));
	nla = attrs[DASH_A_FLOW_ENI];
	if (nla) {
		rcu_read_lock();
		sym = dash_sym_of_nla(dn, DASH_OBJECT_TYPE_ENI, nla);
		if (sym && rcu_access_pointer(sym->cur))
			f->eni = READ_ONCE(sym->data);
		rcu_read_unlock();
		if (!f->eni) {
			dash_err(extack, nla, "no such ENI");
			return -ENOENT;
		}
	}
	for (i = 0; i < ARRAY_SIZE(addr); i++) {
		nla = attrs[addr[i]];
		if (!nla)
			continue;
		if (nla_len(nla) != 4 && nla_len(nla) != 16) {
			dash_err(extack, nla, "address of %d bytes",
				 nla_len(nla));
			return -EINVAL;
		}
		dash_nla_addr(nla, i ? &f->dst : &f->src);
	}
	f->by_src = !!attrs[DASH_A_FLOW_SRC];
	f->by_dst = !!attrs[DASH_A_FLOW_DST];
	f->by_proto = !!attrs[DASH_A_FLOW_PROTO];
	if (f->by_proto)
		f->proto = nla_get_u8(attrs[DASH_A_FLOW_PROTO]);
	f->by_sport = !!attrs[DASH_A_FLOW_SPORT];
	if (f->by_sport)
		f->sport = htons(nla_get_u16(attrs[DASH_A_FLOW_SPORT]));
	f->by_dport = !!attrs[DASH_A_FLOW_DPORT];
	if (f->by_dport)
		f->dport = htons(nla_get_u16(attrs[DASH_A_FLOW_DPORT]));
	f->by_state = !!attrs[DASH_A_FLOW_STATE];
	if (f->by_state)
		f->state = nla_get_u8(attrs[DASH_A_FLOW_STATE]);
	if (attrs[DASH_A_FLOW_AGE])
		f->age = nla_get_u32(attrs[DASH_A_FLOW_AGE]);
	return 0;
}

/* The table is set once, and goes with the namespace of the socket that asks. */
static struct dash_flow_table *dash_flow_table_of(struct dash_net *dn)
{
	return rcu_dereference_raw(dn->ft);
}

/* Of a large table, nobody has to wait for the end of a walk. */
static int dash_flow_go_on(void)
{
	return fatal_signal_pending(current) ? -EINTR : 0;
}

static int dash_flow_put_cb(struct dash_flow *flow, void *arg)
{
	struct dash_flow_put *put = arg;
	void *hdr;

	if (!dash_flow_match(put->filter, flow))
		return dash_flow_go_on();
	hdr = dash_nl_put_hdr(put->skb, put->cb, DASH_CMD_FLOW_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (dash_put_flow(put->skb, flow)) {
		genlmsg_cancel(put->skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(put->skb, hdr);
	return 0;
}

int dash_nl_flow_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dash_net *dn = dash_net(sock_net(skb->sk));
	struct dash_flow_dump *d = (void *)cb->ctx;
	struct dash_flow_filter filter;
	struct dash_flow_put put = {
		.skb = skb,
		.cb = cb,
		.filter = &filter,
	};
	int err;

	BUILD_BUG_ON(sizeof(*d) > sizeof(cb->ctx));

	if (d->done)
		return 0;
	err = dash_filter_parse(dn, genl_info_dump(cb)->attrs, cb->extack,
				&filter);
	if (!err)
		err = dash_flow_walk(dash_flow_table_of(dn), &d->pos,
				     dash_flow_put_cb, &put);
	if (!err)
		d->done = true;
	if (err && err != -EMSGSIZE)
		return err;
	return skb->len;
}

static int dash_flow_get_cb(struct dash_flow *flow, void *arg)
{
	struct dash_flow_put *put = arg;

	if (!dash_flow_match(put->filter, flow))
		return dash_flow_go_on();
	put->err = dash_put_flow(put->skb, flow);
	return 1;
}

int dash_nl_flow_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dash_net *dn = dash_net(genl_info_net(info));
	struct dash_flow_filter filter;
	struct dash_flow_pos pos = {};
	struct dash_flow_put put = {
		.filter = &filter,
		.err = -ENOENT,
	};
	void *hdr;
	int err;

	put.skb = dash_nl_reply(info, &hdr);
	if (!put.skb)
		return -ENOMEM;
	err = dash_filter_parse(dn, info->attrs, info->extack, &filter);
	if (!err) {
		err = dash_flow_walk(dash_flow_table_of(dn), &pos,
				     dash_flow_get_cb, &put);
		/* unless the walk was broken off */
		if (err >= 0)
			err = put.err;
		if (err == -ENOENT)
			dash_err(info->extack, NULL, "no such connection");
	}
	if (err) {
		nlmsg_free(put.skb);
		return err;
	}
	genlmsg_end(put.skb, hdr);
	return genlmsg_reply(put.skb, info);
}

int dash_nl_flow_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dash_net *dn = dash_net(genl_info_net(info));
	struct dash_flow_filter filter;
	struct sk_buff *reply;
	u32 removed = 0;
	void *hdr;
	int err;

	reply = dash_nl_reply(info, &hdr);
	if (!reply)
		return -ENOMEM;
	mutex_lock(&dn->lock);
	err = dash_filter_parse(dn, info->attrs, info->extack, &filter);
	if (!err)
		removed = dash_flow_flush(dash_dereference(dn, dn->ft),
					  &filter);
	mutex_unlock(&dn->lock);
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	nla_put_u32(reply, DASH_A_FLOW_REMOVED, removed);
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);
}
