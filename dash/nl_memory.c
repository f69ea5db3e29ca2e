// SPDX-License-Identifier: GPL-2.0
/* Memory by kinds of objects. */
#include <net/genetlink.h>
#include <net/sock.h>

#include "inst.h"
#include "memory.h"
#include "netns.h"
#include "nl.h"
#include "nl_gen.h"
#include "rows.h"

static int dash_put_memory(struct sk_buff *skb, struct dash_net *dn, u32 kind,
			   const struct dash_memory *m)
{
	u64 limit;

	rcu_read_lock();
	limit = rcu_dereference(dn->inst)->max_memory;
	rcu_read_unlock();
	if (kind != DASH_MEMORY_KIND_FLOW && limit &&
	    dash_nl_put_u64(skb, DASH_A_MEMORY_LIMIT, limit))
		return -EMSGSIZE;
	if (nla_put_u32(skb, DASH_A_MEMORY_KIND, kind) ||
	    dash_nl_put_u64(skb, DASH_A_MEMORY_OBJECTS, m->objects) ||
	    dash_nl_put_u64(skb, DASH_A_MEMORY_BYTES, m->bytes))
		return -EMSGSIZE;
	return 0;
}

int dash_nl_memory_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *kind = info->attrs[DASH_A_MEMORY_KIND];
	struct dash_net *dn = dash_net(genl_info_net(info));
	struct dash_memory m[DASH_MEMORY_KIND_MAX + 1];
	struct sk_buff *reply;
	void *hdr;
	u32 i;

	if (!kind) {
		dash_err(info->extack, NULL, "kind is missing");
		return -EINVAL;
	}
	reply = dash_nl_reply(info, &hdr);
	if (!reply)
		return -ENOMEM;
	dash_memory_sum(dn, m);
	i = nla_get_u32(kind);
	if (dash_put_memory(reply, dn, i, &m[i])) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);
}

/* All kinds fit one message buffer, so this is called once more at the most. */
int dash_nl_memory_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dash_memory m[DASH_MEMORY_KIND_MAX + 1];
	struct dash_net *dn = dash_net(sock_net(skb->sk));
	void *hdr;

	if (cb->args[0] > DASH_MEMORY_KIND_MAX)
		return 0;
	cb->seq = READ_ONCE(dn->gen);
	dash_memory_sum(dn, m);
	for (; cb->args[0] <= DASH_MEMORY_KIND_MAX; cb->args[0]++) {
		hdr = dash_nl_put_hdr(skb, cb, DASH_CMD_MEMORY_GET);
		if (!hdr)
			break;
		if (dash_put_memory(skb, dn, cb->args[0],
				    &m[cb->args[0]])) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
	}
	return skb->len;
}
