// SPDX-License-Identifier: GPL-2.0
/* Counters of ENIs and ports. */
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "config.h"
#include "eni.h"
#include "netns.h"
#include "nl.h"
#include "nl_gen.h"
#include "port.h"
#include "stats.h"

static int dash_put_drops(struct sk_buff *skb, int attr, const u64 *drops)
{
	struct nlattr *nest;
	int i;

	for (i = 1; i <= DASH_DROP_MAX; i++) {
		if (!drops[i])
			continue;
		nest = nla_nest_start(skb, attr);
		if (!nest || nla_put_u32(skb, DASH_A_DROP_REASON, i) ||
		    dash_nl_put_u64(skb, DASH_A_DROP_PACKETS, drops[i]))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return 0;
}

static int dash_put_dir(struct sk_buff *skb, int attr,
			const struct dash_eni_totals *t, int dir)
{
	struct nlattr *nest = nla_nest_start(skb, attr), *stage;
	int i;

	if (!nest ||
	    dash_nl_put_u64(skb, DASH_A_DIR_STATS_RX_PACKETS,
			    t->dir[dir].rx_packets) ||
	    dash_nl_put_u64(skb, DASH_A_DIR_STATS_RX_BYTES,
			    t->dir[dir].rx_bytes) ||
	    dash_nl_put_u64(skb, DASH_A_DIR_STATS_TX_PACKETS,
			    t->dir[dir].tx_packets) ||
	    dash_nl_put_u64(skb, DASH_A_DIR_STATS_TX_BYTES,
			    t->dir[dir].tx_bytes) ||
	    dash_nl_put_u64(skb, DASH_A_DIR_STATS_GENERATED_PACKETS,
			    t->dir[dir].generated_packets) ||
	    dash_put_drops(skb, DASH_A_DIR_STATS_DROP, t->dir[dir].drops))
		return -EMSGSIZE;
	for (i = 0; i < DASH_ACL_STAGES; i++) {
		if (!t->dir[dir].acl_drops[i])
			continue;
		stage = nla_nest_start(skb, DASH_A_DIR_STATS_ACL_DROP);
		if (!stage || nla_put_u8(skb, DASH_A_ACL_DROP_STAGE, i + 1) ||
		    dash_nl_put_u64(skb, DASH_A_ACL_DROP_PACKETS,
				    t->dir[dir].acl_drops[i]))
			return -EMSGSIZE;
		nla_nest_end(skb, stage);
	}
	nla_nest_end(skb, nest);
	return 0;
}

/* What began and did not end; both go on being counted meanwhile. */
static u64 dash_now(const struct dash_eni_totals *t, enum dash_flow_stat begun,
		    enum dash_flow_stat ended)
{
	s64 n = t->flow[begun] - t->flow[ended];

	return max_t(s64, n, 0);
}

static int dash_put_flow_stats(struct sk_buff *skb, const struct dash_eni *eni,
			       const struct dash_eni_totals *t)
{
	static const struct {
		u16 attr;
		u8 stat;
	} map[] = {
		{ DASH_A_FLOW_STATS_CREATED, DASH_FLOW_CREATED },
		{ DASH_A_FLOW_STATS_REMOVED, DASH_FLOW_REMOVED },
		{ DASH_A_FLOW_STATS_TIMED_OUT, DASH_FLOW_TIMED_OUT },
		{ DASH_A_FLOW_STATS_MATCHED_UDP, DASH_FLOW_MATCHED_UDP },
		{ DASH_A_FLOW_STATS_MATCHED_TCP, DASH_FLOW_MATCHED_TCP },
		{ DASH_A_FLOW_STATS_REDECIDED, DASH_FLOW_REDECIDED },
		{ DASH_A_FLOW_STATS_TCP_SYN, DASH_FLOW_TCP_SYN },
		{ DASH_A_FLOW_STATS_TCP_SYN_ACK, DASH_FLOW_TCP_SYN_ACK },
		{ DASH_A_FLOW_STATS_TCP_FIN, DASH_FLOW_TCP_FIN },
		{ DASH_A_FLOW_STATS_TCP_RST, DASH_FLOW_TCP_RST },
		{ DASH_A_FLOW_STATS_TCP_ESTABLISHED, DASH_FLOW_TCP_ESTABLISHED },
		{ DASH_A_FLOW_STATS_TCP_RESET, DASH_FLOW_TCP_RESET },
		{ DASH_A_FLOW_STATS_TCP_CLOSED, DASH_FLOW_TCP_CLOSED },
		{ DASH_A_FLOW_STATS_TCP_REPLACED, DASH_FLOW_TCP_REPLACED },
		{ DASH_A_FLOW_STATS_TCP_SYN_TIMED_OUT,
		  DASH_FLOW_TCP_SYN_TIMED_OUT },
		{ DASH_A_FLOW_STATS_TCP_TIMED_OUT, DASH_FLOW_TCP_TIMED_OUT },
		{ DASH_A_FLOW_STATS_DENIED, DASH_FLOW_DENIED },
		{ DASH_A_FLOW_STATS_CREATED_UDP, DASH_FLOW_CREATED_UDP },
		{ DASH_A_FLOW_STATS_CREATED_TCP, DASH_FLOW_CREATED_TCP },
		{ DASH_A_FLOW_STATS_RESIM_DEFERRED, DASH_FLOW_RESIM_DEFERRED },
		{ DASH_A_FLOW_STATS_CUT, DASH_FLOW_CUT },
		{ DASH_A_FLOW_STATS_EVICTED, DASH_FLOW_EVICTED },
	};
	struct nlattr *nest = nla_nest_start(skb, DASH_A_STATS_FLOWS);
	u32 n = atomic_read(&eni->flows);
	int i;

	if (!nest ||
	    dash_nl_put_u64(skb, DASH_A_FLOW_STATS_CURRENT, n) ||
	    dash_nl_put_u64(skb, DASH_A_FLOW_STATS_BYTES,
			    (u64)n * sizeof(struct dash_flow)) ||
	    dash_nl_put_u64(skb, DASH_A_FLOW_STATS_HALF_OPEN,
			    READ_ONCE(eni->n_half)) ||
	    dash_nl_put_u64(skb, DASH_A_FLOW_STATS_PEAK,
			    READ_ONCE(eni->flows_max)) ||
	    dash_nl_put_u64(skb, DASH_A_FLOW_STATS_MATCHED,
			    t->flow[DASH_FLOW_MATCHED] +
			    t->flow[DASH_FLOW_MATCHED_UDP] +
			    t->flow[DASH_FLOW_MATCHED_TCP]) ||
	    dash_nl_put_u64(skb, DASH_A_FLOW_STATS_CURRENT_UDP,
			    dash_now(t, DASH_FLOW_CREATED_UDP,
				     DASH_FLOW_REMOVED_UDP)) ||
	    dash_nl_put_u64(skb, DASH_A_FLOW_STATS_CURRENT_TCP,
			    dash_now(t, DASH_FLOW_CREATED_TCP,
				     DASH_FLOW_REMOVED_TCP)) ||
	    dash_nl_put_u64(skb, DASH_A_FLOW_STATS_RATE_MAX,
			    max_t(u32, READ_ONCE(eni->rate_max),
				  atomic_read(&eni->rate))))
		return -EMSGSIZE;
	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (dash_nl_put_u64(skb, map[i].attr, t->flow[map[i].stat]))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int dash_put_eni_stats(struct sk_buff *skb, const struct dash_eni *eni)
{
	struct dash_eni_totals *t = kzalloc(sizeof(*t), GFP_ATOMIC);
	int err = -EMSGSIZE;

	if (!t)
		return -ENOMEM;
	dash_stats_sum_eni(eni->stats, t);
	if (!nla_put_string(skb, DASH_A_STATS_ENI, eni->name) &&
	    !dash_put_dir(skb, DASH_A_STATS_OUTBOUND, t,
			  DASH_DIRECTION_OUTBOUND) &&
	    !dash_put_dir(skb, DASH_A_STATS_INBOUND, t,
			  DASH_DIRECTION_INBOUND) &&
	    !dash_put_flow_stats(skb, eni, t))
		err = 0;
	kfree(t);
	return err;
}

static int dash_put_port_stats(struct sk_buff *skb,
			       const struct dash_port *port)
{
	struct dash_port_totals t = {};

	dash_stats_sum_port(port->stats, &t);
	if (nla_put_string(skb, DASH_A_STATS_PORT, port->dev->name) ||
	    dash_nl_put_u64(skb, DASH_A_STATS_OURS, t.ours) ||
	    dash_nl_put_u64(skb, DASH_A_STATS_TO_ENI, t.to_eni) ||
	    dash_nl_put_u64(skb, DASH_A_STATS_PASSED, t.passed))
		return -EMSGSIZE;
	return dash_put_drops(skb, DASH_A_STATS_DROP, t.drops);
}

int dash_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dash_net *dn = dash_net(genl_info_net(info));
	struct nlattr *name = info->attrs[DASH_A_STATS_ENI];
	struct nlattr *dev = info->attrs[DASH_A_STATS_PORT];
	struct dash_port *port;
	char buf[IFNAMSIZ];
	struct sk_buff *reply;
	struct dash_sym *sym;
	int err = -ENOENT;
	void *hdr;

	if (!name && !dev) {
		dash_err(info->extack, NULL, "neither eni nor port is given");
		return -EINVAL;
	}
	reply = dash_nl_reply(info, &hdr);
	if (!reply)
		return -ENOMEM;

	mutex_lock(&dn->lock);
	rcu_read_lock();
	if (name) {
		sym = dash_sym_of_nla(dn, DASH_OBJECT_TYPE_ENI, name);
		if (sym && rcu_access_pointer(sym->cur))
			err = dash_put_eni_stats(reply, sym->data);
		else
			dash_err(info->extack, name, "no such ENI");
	} else {
		nla_strscpy(buf, dev, sizeof(buf));
		port = dash_port_find(dn, buf);
		if (port)
			err = dash_put_port_stats(reply, port);
		else
			dash_err(info->extack, dev, "no such port");
	}
	rcu_read_unlock();
	mutex_unlock(&dn->lock);
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);
}

/* Ports come first, then ENIs; cb->args[0] tells which, [1] how far. */
static int dash_dump_port_stats(struct sk_buff *skb,
				struct netlink_callback *cb,
				struct dash_net *dn)
{
	struct dash_port *port;
	long n = 0;
	void *hdr;

	list_for_each_entry_rcu(port, &dn->ports, list) {
		if (n++ < cb->args[1])
			continue;
		hdr = dash_nl_put_hdr(skb, cb, DASH_CMD_STATS_GET);
		if (!hdr)
			return -EMSGSIZE;
		if (dash_put_port_stats(skb, port)) {
			genlmsg_cancel(skb, hdr);
			return -EMSGSIZE;
		}
		genlmsg_end(skb, hdr);
		cb->args[1] = n;
	}
	cb->args[0] = 1;
	cb->args[1] = 0;
	return 0;
}

static int dash_dump_eni_stats(struct sk_buff *skb,
			       struct netlink_callback *cb,
			       struct dash_net *dn)
{
	unsigned long id = cb->args[1];
	struct dash_sym *sym;
	int err = 0;
	void *hdr;

	/* the mutex keeps ENIs; a dump of counters is short and rare */
	mutex_lock(&dn->lock);
	xa_for_each_start(&dn->by_id[DASH_OBJECT_TYPE_ENI], id, sym, id) {
		if (!rcu_access_pointer(sym->cur))
			continue;
		cb->args[1] = id;
		hdr = dash_nl_put_hdr(skb, cb, DASH_CMD_STATS_GET);
		err = hdr ? dash_put_eni_stats(skb, sym->data) : -EMSGSIZE;
		if (err) {
			if (hdr)
				genlmsg_cancel(skb, hdr);
			goto unlock;
		}
		genlmsg_end(skb, hdr);
		cb->args[1] = id + 1;
	}
	cb->args[0] = 2;
unlock:
	mutex_unlock(&dn->lock);
	return err;
}

int dash_nl_stats_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dash_net *dn = dash_net(sock_net(skb->sk));

	cb->seq = READ_ONCE(dn->gen);
	if (cb->args[0] == 0) {
		int err;

		rcu_read_lock();
		err = dash_dump_port_stats(skb, cb, dn);
		rcu_read_unlock();
		if (err)
			return skb->len ?: err;
	}
	if (cb->args[0] == 1) {
		int err = dash_dump_eni_stats(skb, cb, dn);

		if (err)
			return skb->len ?: err;
	}
	return skb->len;
}
