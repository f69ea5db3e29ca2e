// SPDX-License-Identifier: GPL-2.0
/* Connections: finding, counting, dumping, flushing. */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/jiffies.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "aclgroup.h"
#include "addr.h"
#include "config.h"
#include "eni.h"
#include "flow.h"
#include "flow_state.h"
#include "nat.h"
#include "netns.h"
#include "nl.h"
#include "nl_flow.h"
#include "nl_gen.h"
#include "resim.h"
#include "rows.h"
#include "vport.h"

/* How a dump of connections goes on, in netlink_callback.ctx. */
struct dash_flow_dump {
	struct dash_flow_pos pos;
	bool done;
};

/* "group:rule" of what decided, or the group alone. */
static void dash_rule_name(const struct dash_explain_acl *acl,
			   char name[DASH_RULE_NAME])
{
	const struct nlattr *rule;

	if (acl->rule) {
		rule = dash_row_get(acl->rule->row, DASH_A_ACL_RULE_NAME);
		snprintf(name, DASH_RULE_NAME, "%s:%.*s", acl->group->name,
			 nla_len(rule), (const char *)nla_data(rule));
	} else {
		strscpy(name, acl->group->name, DASH_RULE_NAME);
	}
}

static bool dash_filter_by_rule(const struct dash_flow_filter *f,
				const struct dash_flow *flow)
{
	const struct dash_nl_filter *nf;
	const struct dash_explain_acl *acl;
	char name[DASH_RULE_NAME];
	size_t len;

	nf = container_of(f, struct dash_nl_filter, f);
	acl = dash_flow_acl(flow, nf->work);
	if (!acl)
		return false;
	dash_rule_name(acl, name);
	len = strlen(nf->rule);
	return !strncmp(name, nf->rule, len) &&
	       (!name[len] || (name[len] == ':' && !strchr(nf->rule, ':')));
}

static int dash_put_rule(struct sk_buff *skb, const struct dash_flow *flow,
			 struct dash_flow_work *w)
{
	const struct dash_explain_acl *acl = dash_flow_acl(flow, w);
	char name[DASH_RULE_NAME];

	if (!acl)
		return 0;
	dash_rule_name(acl, name);
	return nla_put_string(skb, DASH_A_FLOW_RULE, name);
}

static int dash_put_flow(struct sk_buff *skb, const struct dash_flow *flow,
			 const struct dash_nl_filter *f)
{
	const struct dash_flow_act *act = rcu_dereference(flow->act);
	struct dash_xform xf[2] = { act->xf[0], act->xf[1] };
	const struct in6_addr *vm[2] = { &flow->key.raddr, &flow->key.laddr };
	bool frames = act->encap == DASH_ENCAP_NONE;
	const struct in6_addr *overlay[2] = {};
	unsigned long now = jiffies;
	char dev[IFNAMSIZ];
	struct dash_tuple t;
	int i;

	for (i = 0; i < 2; i++)
		xf[i].sport = dash_xform_sport(&xf[i], flow->hash);
	if (xf[0].nat == DASH_XFORM_NAT_SRC)
		xf[0].sport = flow->nat->key.lport;
	if (dash_xform_is_xlat(&xf[0])) {
		overlay[0] = &flow->nat->key.laddr;
		overlay[1] = &flow->nat->key.raddr;
	}
	dash_flow_tuple(flow, &t);
	if (nla_put_string(skb, DASH_A_FLOW_ENI, flow->eni->name) ||
	    nla_put_u8(skb, DASH_A_FLOW_DIRECTION, flow->dir) ||
	    dash_nl_put_addr(skb, DASH_A_FLOW_SRC, &t.src) ||
	    dash_nl_put_addr(skb, DASH_A_FLOW_DST, &t.dst) ||
	    nla_put_u8(skb, DASH_A_FLOW_PROTO, t.proto) ||
	    nla_put_u16(skb, DASH_A_FLOW_SPORT, ntohs(t.sport)) ||
	    nla_put_u16(skb, DASH_A_FLOW_DPORT, ntohs(t.dport)) ||
	    nla_put_u8(skb, DASH_A_FLOW_STATE, READ_ONCE(flow->state)) ||
	    nla_put_u32(skb, DASH_A_FLOW_AGE, dash_flow_seconds(flow->created, now)) ||
	    nla_put_u32(skb, DASH_A_FLOW_IDLE,
			dash_flow_seconds(dash_flow_last(flow), now)) ||
	    nla_put_u32(skb, DASH_A_FLOW_EXPIRES,
			dash_flow_seconds(now, dash_flow_expires(flow))) ||
	    dash_nl_put_xform(skb, DASH_A_FLOW_FORWARD, &xf[0], overlay, NULL,
			      READ_ONCE(flow->packets[0]),
			      READ_ONCE(flow->bytes[0])) ||
	    dash_nl_put_xform(skb, DASH_A_FLOW_REVERSE, &xf[1], vm, NULL,
			      READ_ONCE(flow->packets[1]),
			      READ_ONCE(flow->bytes[1])) ||
	    nla_put_u8(skb, DASH_A_FLOW_STALE, dash_resim_is_stale(flow)))
		return -EMSGSIZE;
	if (!frames && (dash_nl_put_addr(skb, DASH_A_FLOW_PA, &act->pa) ||
			nla_put_u32(skb, DASH_A_FLOW_VNI, act->vni)))
		return -EMSGSIZE;
	if ((frames || act->xf[0].kind == DASH_XFORM_VPORT) &&
	    dash_vport_dev(flow->eni, dev) &&
	    nla_put_string(skb, DASH_A_FLOW_DEV, dev))
		return -EMSGSIZE;
	return f->details ? dash_put_rule(skb, flow, f->work) : 0;
}

/* An address, or with a length a prefix; return its length in the v4-mapped
 * form.
 */
static int dash_filter_addr(struct nlattr **attrs, int attr, int len_attr,
			    struct netlink_ext_ack *extack,
			    struct in6_addr *addr)
{
	struct nlattr *nla = attrs[attr], *len = attrs[len_attr];
	u8 bits;

	if (nla_len(nla) != 4 && nla_len(nla) != 16) {
		dash_err(extack, nla, "address of %d bytes", nla_len(nla));
		return -EINVAL;
	}
	dash_nla_addr(nla, addr);
	bits = len ? nla_get_u8(len) : 8 * nla_len(nla);
	if (bits > 8 * nla_len(nla)) {
		dash_err(extack, len, "longer than the address");
		return -EINVAL;
	}
	return nla_len(nla) == 4 ? 96 + bits : bits;
}

static int dash_filter_addrs(struct nlattr **attrs,
			     struct netlink_ext_ack *extack,
			     struct dash_flow_filter *f)
{
	int len;

	f->by_src = !!attrs[DASH_A_FLOW_SRC];
	if (f->by_src) {
		len = dash_filter_addr(attrs, DASH_A_FLOW_SRC,
				       DASH_A_FLOW_SRC_LEN, extack, &f->src);
		if (len < 0)
			return len;
		f->src_len = len;
	}
	f->by_dst = !!attrs[DASH_A_FLOW_DST];
	if (f->by_dst) {
		len = dash_filter_addr(attrs, DASH_A_FLOW_DST,
				       DASH_A_FLOW_DST_LEN, extack, &f->dst);
		if (len < 0)
			return len;
		f->dst_len = len;
	}
	return 0;
}

static void dash_filter_ports(struct nlattr **attrs,
			      struct dash_flow_filter *f)
{
	f->by_sport = !!attrs[DASH_A_FLOW_SPORT];
	if (f->by_sport)
		f->sport = htons(nla_get_u16(attrs[DASH_A_FLOW_SPORT]));
	f->by_dport = !!attrs[DASH_A_FLOW_DPORT];
	if (f->by_dport)
		f->dport = htons(nla_get_u16(attrs[DASH_A_FLOW_DPORT]));
	f->by_port = !!attrs[DASH_A_FLOW_PORT];
	if (f->by_port)
		f->port = htons(nla_get_u16(attrs[DASH_A_FLOW_PORT]));
}

struct dash_eni *dash_nl_flow_eni(struct dash_net *dn, const struct nlattr *nla)
{
	struct dash_sym *sym = dash_sym_of_nla(dn, DASH_OBJECT_TYPE_ENI, nla);

	return sym && rcu_access_pointer(sym->cur) ? READ_ONCE(sym->data) : NULL;
}

int dash_nl_filter_init(struct dash_net *dn, struct nlattr **attrs,
			struct netlink_ext_ack *extack,
			struct dash_nl_filter *nf)
{
	struct dash_flow_filter *f = &nf->f;
	struct nlattr *nla;
	int err;

	/* attributes past an operation's own have no place in @attrs */
	BUILD_BUG_ON(ARRAY_SIZE(dash_flow_get_nl_policy) <= DASH_A_FLOW_STALE ||
		     ARRAY_SIZE(dash_flow_flush_nl_policy) <= DASH_A_FLOW_STALE ||
		     ARRAY_SIZE(dash_flow_count_nl_policy) <= DASH_A_FLOW_STALE ||
		     ARRAY_SIZE(dash_flow_top_nl_policy) <= DASH_A_FLOW_STALE ||
		     ARRAY_SIZE(dash_flow_save_nl_policy) <= DASH_A_FLOW_STALE);
	memset(nf, 0, sizeof(*nf));
	nla = attrs[DASH_A_FLOW_ENI];
	if (nla) {
		rcu_read_lock();
		f->eni = dash_nl_flow_eni(dn, nla);
		rcu_read_unlock();
		if (!f->eni) {
			dash_err(extack, nla, "no such ENI");
			return -ENOENT;
		}
	}
	err = dash_filter_addrs(attrs, extack, f);
	if (err)
		return err;
	f->by_proto = !!attrs[DASH_A_FLOW_PROTO];
	if (f->by_proto)
		f->proto = nla_get_u8(attrs[DASH_A_FLOW_PROTO]);
	dash_filter_ports(attrs, f);
	f->by_state = !!attrs[DASH_A_FLOW_STATE];
	if (f->by_state)
		f->state = nla_get_u8(attrs[DASH_A_FLOW_STATE]);
	f->by_stale = !!attrs[DASH_A_FLOW_STALE];
	if (f->by_stale)
		f->stale = nla_get_u8(attrs[DASH_A_FLOW_STALE]);
	if (attrs[DASH_A_FLOW_AGE])
		f->age = nla_get_u32(attrs[DASH_A_FLOW_AGE]);
	nf->details = !!attrs[DASH_A_FLOW_DETAILS];
	nla = attrs[DASH_A_FLOW_RULE];
	if (nla) {
		nla_strscpy(nf->rule, nla, sizeof(nf->rule));
		f->more = dash_filter_by_rule;
	}
	if (!nla && !nf->details)
		return 0;
	nf->work = kmalloc(sizeof(*nf->work), GFP_KERNEL);
	return nf->work ? 0 : -ENOMEM;
}

void dash_nl_filter_fini(struct dash_nl_filter *nf)
{
	kfree(nf->work);
}

/* The table is set once, and goes with the namespace of the socket that asks. */
struct dash_flow_table *dash_nl_flow_table(struct dash_net *dn)
{
	return rcu_dereference_raw(dn->ft);
}

/* Of a large table, nobody has to wait for the end of a walk. */
int dash_nl_flow_go_on(void)
{
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* --- one --- */

/* Does a filter say all that a connection's name consists of? */
static bool dash_filter_names(const struct dash_flow_filter *f,
			      struct dash_tuple *t)
{
	if (!f->by_src || f->src_len != 128 || !f->by_dst ||
	    f->dst_len != 128 || !f->by_proto)
		return false;
	*t = (struct dash_tuple){
		.src = f->src,
		.dst = f->dst,
		.proto = f->proto,
		.v6 = !dash_addr_is_v4(&f->src),
		.sport = f->sport,
		.dport = f->dport,
	};
	switch (t->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return f->by_sport && f->by_dport;
	case IPPROTO_ICMP:
		t->dport = htons(ICMP_ECHO);
		return f->by_sport;
	case IPPROTO_ICMPV6:
		t->dport = htons(ICMPV6_ECHO_REQUEST);
		return f->by_sport;
	}
	t->sport = 0;
	t->dport = 0;
	return true;
}

static struct dash_flow *dash_flow_of_eni(struct dash_flow_table *ft,
					  const struct dash_flow_filter *f,
					  const struct dash_tuple *t,
					  u32 eni_id)
{
	struct dash_flow_key key;
	struct dash_flow *flow;
	u32 hash;
	int dir;

	for (dir = 0; dir < 2; dir++) {
		hash = dash_flow_name(ft, &key, eni_id, t, dir);
		flow = dash_flow_lookup(ft, &key, hash);
		if (flow && dash_flow_match(f, flow))
			return flow;
	}
	return NULL;
}

/* The same of any ENI, of which there are few in comparison. */
static struct dash_flow *dash_flow_named(struct dash_net *dn,
					 struct dash_flow_table *ft,
					 const struct dash_flow_filter *f,
					 const struct dash_tuple *t)
{
	const struct dash_eni *eni;
	struct dash_flow *flow;
	struct dash_sym *sym;
	unsigned long i;

	if (f->eni)
		return dash_flow_of_eni(ft, f, t, f->eni->id);
	xa_for_each(&dn->by_id[DASH_OBJECT_TYPE_ENI], i, sym) {
		eni = READ_ONCE(sym->data);
		if (!rcu_access_pointer(sym->cur) || !eni)
			continue;
		flow = dash_flow_of_eni(ft, f, t, eni->id);
		if (flow)
			return flow;
	}
	return NULL;
}

struct dash_flow_one {
	const struct dash_flow_filter *filter;
	int (*fn)(struct dash_flow *flow, void *arg);
	void *arg;
	int err;
};

static int dash_flow_one_cb(struct dash_flow *flow, void *arg)
{
	struct dash_flow_one *one = arg;

	if (!dash_flow_match(one->filter, flow))
		return dash_nl_flow_go_on();
	one->err = one->fn(flow, one->arg);
	return 1;
}

int dash_nl_flow_one(struct dash_net *dn, const struct dash_flow_filter *f,
		     struct netlink_ext_ack *extack,
		     int (*fn)(struct dash_flow *flow, void *arg), void *arg)
{
	struct dash_flow_one one = {
		.filter = f,
		.fn = fn,
		.arg = arg,
		.err = -ENOENT,
	};
	struct dash_flow_table *ft = dash_nl_flow_table(dn);
	struct dash_flow_pos pos = {};
	struct dash_flow *flow;
	struct dash_tuple t;
	int err = 0;

	if (ft && dash_filter_names(f, &t)) {
		local_bh_disable();
		rcu_read_lock();
		flow = dash_flow_named(dn, ft, f, &t);
		if (flow)
			one.err = fn(flow, arg);
		rcu_read_unlock();
		local_bh_enable();
		/* ICMP has more types than echo */
		if (!flow && (t.proto == IPPROTO_ICMP ||
			      t.proto == IPPROTO_ICMPV6))
			err = dash_flow_walk(ft, &pos, dash_flow_one_cb, &one);
	} else {
		err = dash_flow_walk(ft, &pos, dash_flow_one_cb, &one);
	}
	/* unless the walk was broken off */
	if (err >= 0)
		err = one.err;
	if (err == -ENOENT)
		dash_err(extack, NULL, "no such connection");
	return err;
}

static int dash_flow_get_one(struct dash_flow *flow, void *arg)
{
	struct dash_flow_put *put = arg;

	return dash_put_flow(put->skb, flow, put->filter);
}

int dash_nl_flow_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dash_net *dn = dash_net(genl_info_net(info));
	struct dash_nl_filter filter;
	struct dash_flow_put put = { .filter = &filter };
	void *hdr;
	int err;

	put.skb = dash_nl_reply(info, &hdr);
	if (!put.skb)
		return -ENOMEM;
	err = dash_nl_filter_init(dn, info->attrs, info->extack,
				  &filter);
	if (!err)
		err = dash_nl_flow_one(dn, &filter.f, info->extack,
				       dash_flow_get_one, &put);
	dash_nl_filter_fini(&filter);
	if (err) {
		nlmsg_free(put.skb);
		return err;
	}
	genlmsg_end(put.skb, hdr);
	return genlmsg_reply(put.skb, info);
}

static int dash_flow_del_one(struct dash_flow *flow, void *arg)
{
	return dash_flow_remove(arg, flow) ? 0 : -ENOENT;
}

int dash_nl_flow_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attrs[DASH_A_FLOW_MAX + 1] = {};
	struct dash_net *dn = dash_net(genl_info_net(info));
	struct dash_nl_filter filter;
	int err;

	err = dash_nl_flow_needs(info, DASH_A_FLOW_ENI) ?:
	      dash_nl_flow_needs_tuple(info);
	if (err)
		return err;
	/* the request has no more of them than it may have */
	memcpy(attrs, info->attrs, (DASH_A_FLOW_DPORT + 1) * sizeof(*attrs));
	/* the mutex keeps an ENI that is going from waiting for what is gone */
	mutex_lock(&dn->lock);
	err = dash_nl_filter_init(dn, attrs, info->extack, &filter);
	if (!err)
		err = dash_nl_flow_one(dn, &filter.f, info->extack,
				       dash_flow_del_one,
				       dash_nl_flow_table(dn));
	mutex_unlock(&dn->lock);
	return err;
}

/* --- all --- */

static int dash_flow_put_cb(struct dash_flow *flow, void *arg)
{
	struct dash_flow_put *put = arg;
	void *hdr;

	if (!dash_flow_match(&put->filter->f, flow))
		return dash_nl_flow_go_on();
	hdr = dash_nl_put_hdr(put->skb, put->cb, DASH_CMD_FLOW_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (dash_put_flow(put->skb, flow, put->filter)) {
		genlmsg_cancel(put->skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(put->skb, hdr);
	return 0;
}

/* A filter that selects next to nothing makes one call see all of the table.
 * Others do not notice: the walk stops RCU and lets them run every few buckets,
 * and only the socket's own lock is held meanwhile.
 */
int dash_nl_flow_dump(struct sk_buff *skb, struct netlink_callback *cb,
		      int (*fn)(struct dash_flow *flow, void *arg))
{
	struct dash_net *dn = dash_net(sock_net(skb->sk));
	struct dash_flow_dump *d = (void *)cb->ctx;
	struct dash_nl_filter filter;
	struct dash_flow_put put = {
		.skb = skb,
		.cb = cb,
		.filter = &filter,
	};
	int err;

	BUILD_BUG_ON(sizeof(*d) > sizeof(cb->ctx));

	if (d->done)
		return 0;
	err = dash_nl_filter_init(dn, genl_info_dump(cb)->attrs, cb->extack,
				  &filter);
	if (!err)
		err = dash_flow_walk(dash_nl_flow_table(dn), &d->pos, fn, &put);
	dash_nl_filter_fini(&filter);
	if (!err)
		d->done = true;
	if (err && err != -EMSGSIZE)
		return err;
	return skb->len;
}

int dash_nl_flow_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dash_nl_flow_dump(skb, cb, dash_flow_put_cb);
}

static int dash_flow_reply_u32(struct genl_info *info, int attr, u32 value)
{
	struct sk_buff *reply;
	void *hdr;

	reply = dash_nl_reply(info, &hdr);
	if (!reply)
		return -ENOMEM;
	nla_put_u32(reply, attr, value);
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);
}

int dash_nl_flow_count_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dash_net *dn = dash_net(genl_info_net(info));
	struct dash_nl_filter filter;
	int n;

	n = dash_nl_filter_init(dn, info->attrs, info->extack, &filter);
	if (!n)
		n = dash_flow_count(dash_nl_flow_table(dn), &filter.f);
	dash_nl_filter_fini(&filter);
	return n < 0 ? n : dash_flow_reply_u32(info, DASH_A_FLOW_COUNT, n);
}

int dash_nl_flow_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dash_net *dn = dash_net(genl_info_net(info));
	struct dash_nl_filter filter;
	u32 removed = 0;
	int err;

	mutex_lock(&dn->lock);
	err = dash_nl_filter_init(dn, info->attrs, info->extack,
				  &filter);
	if (!err)
		removed = dash_flow_flush(dash_dereference(dn, dn->ft),
					  &filter.f);
	mutex_unlock(&dn->lock);
	dash_nl_filter_fini(&filter);
	return err ?: dash_flow_reply_u32(info, DASH_A_FLOW_REMOVED, removed);
}

/* --- the first of an order --- */

/* A walk may have met a connection twice. */
static bool dash_rank_is_new(const struct dash_flow_rank *rank, int i)
{
	int j;

	for (j = 0; j < i; j++)
		if (rank[j].hash == rank[i].hash &&
		    !memcmp(&rank[j].key, &rank[i].key, sizeof(rank[i].key)))
			return false;
	return true;
}

static int dash_put_rank(struct sk_buff *skb, struct dash_flow_table *ft,
			 const struct dash_flow_rank *rank,
			 const struct dash_nl_filter *f)
{
	struct dash_flow *flow = dash_flow_lookup(ft, &rank->key, rank->hash);
	struct nlattr *nest;

	if (!flow)
		return 0;
	nest = nla_nest_start(skb, DASH_A_FLOW_CONNECTION);
	if (!nest || dash_put_flow(skb, flow, f))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static struct sk_buff *dash_top_reply(struct genl_info *info,
				      struct dash_flow_table *ft,
				      const struct dash_flow_rank *rank, int n,
				      const struct dash_nl_filter *f,
				      size_t size)
{
	struct sk_buff *reply = genlmsg_new(size, GFP_KERNEL);
	int i, err = 0;
	void *hdr;

	if (!reply)
		return ERR_PTR(-ENOMEM);
	hdr = genlmsg_put_reply(reply, info, &dash_nl_family, 0,
				DASH_CMD_FLOW_TOP);
	for (i = 0; i < n && !err; i++) {
		if (!dash_rank_is_new(rank, i))
			continue;
		local_bh_disable();
		rcu_read_lock();
		err = dash_put_rank(reply, ft, &rank[i], f);
		rcu_read_unlock();
		local_bh_enable();
		cond_resched();
	}
	if (err) {
		nlmsg_free(reply);
		return ERR_PTR(err);
	}
	genlmsg_end(reply, hdr);
	return reply;
}

int dash_nl_flow_top_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dash_net *dn = dash_net(genl_info_net(info));
	struct dash_flow_table *ft = dash_nl_flow_table(dn);
	struct dash_nl_filter filter;
	struct dash_flow_rank *rank;
	struct sk_buff *reply;
	u8 order = 0;
	u16 max = 10;
	int n;

	if (info->attrs[DASH_A_FLOW_ORDER])
		order = nla_get_u8(info->attrs[DASH_A_FLOW_ORDER]);
	if (info->attrs[DASH_A_FLOW_TOP])
		max = nla_get_u16(info->attrs[DASH_A_FLOW_TOP]);
	rank = kvmalloc_array(max, sizeof(*rank), GFP_KERNEL);
	if (!rank)
		return -ENOMEM;
	n = dash_nl_filter_init(dn, info->attrs, info->extack, &filter);
	if (!n)
		n = dash_flow_top(ft, &filter.f, order, rank, max);
	if (n < 0)
		goto free;

	/* most take less than half of the second size */
	reply = dash_top_reply(info, ft, rank, n, &filter,
			       SZ_1K + n * DASH_FLOW_ROOM / 2);
	if (reply == ERR_PTR(-EMSGSIZE))
		reply = dash_top_reply(info, ft, rank, n, &filter,
				       SZ_1K + n * DASH_FLOW_ROOM);
	n = PTR_ERR_OR_ZERO(reply);
	if (!n)
		n = genlmsg_reply(reply, info);
free:
	dash_nl_filter_fini(&filter);
	kvfree(rank);
	return n;
}
