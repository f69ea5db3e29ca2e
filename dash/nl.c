// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/netlink.h>
#include <net/genetlink.h>

#include "addr.h"
#include "live.h"
#include "netns.h"
#include "nl.h"
#include "nl_event.h"
#include "nl_gen.h"
#include "rows.h"
#include "xform.h"

struct genl_family dash_nl_family __ro_after_init = {
	.name = DASH_FAMILY_NAME,
	.version = DASH_FAMILY_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = dash_nl_ops,
	.n_ops = ARRAY_SIZE(dash_nl_ops),
	.resv_start_op = __DASH_CMD_MAX,
	.mcgrps = dash_nl_mcgrps,
	.n_mcgrps = ARRAY_SIZE(dash_nl_mcgrps),
};

static int dash_nl_event(struct notifier_block *nb, unsigned long event,
			 void *ptr)
{
	struct netlink_notify *n = ptr;

	if (event != NETLINK_URELEASE || n->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	dash_nl_txn_release(dash_net(n->net), n->portid);
	if (static_key_enabled(&dash_live_key))
		dash_live_release(dash_net(n->net), n->portid);
	return NOTIFY_DONE;
}

static struct notifier_block dash_nl_notifier = {
	.notifier_call = dash_nl_event,
};

int __init dash_nl_init(void)
{
	int err;

	err = netlink_register_notifier(&dash_nl_notifier);
	if (err)
		return err;
	err = genl_register_family(&dash_nl_family);
	if (err) {
		netlink_unregister_notifier(&dash_nl_notifier);
		return err;
	}
	dash_nl_events_up(true);
	return 0;
}

void dash_nl_exit(void)
{
	dash_nl_events_up(false);
	genl_unregister_family(&dash_nl_family);
	netlink_unregister_notifier(&dash_nl_notifier);
}

struct sk_buff *dash_nl_reply(struct genl_info *info, void **hdr)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);

	if (!skb)
		return NULL;
	*hdr = genlmsg_put_reply(skb, info, &dash_nl_family, 0,
				 info->genlhdr->cmd);
	if (!*hdr) {
		nlmsg_free(skb);
		return NULL;
	}
	return skb;
}

void *dash_nl_put_hdr(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	void *hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				cb->nlh->nlmsg_seq, &dash_nl_family,
				NLM_F_MULTI, cmd);

	if (hdr)
		genl_dump_check_consistent(cb, hdr);
	return hdr;
}

int dash_nl_put_addr(struct sk_buff *skb, int attr,
		     const struct in6_addr *addr)
{
	return nla_put(skb, attr, dash_addr_len(addr), dash_addr_bytes(addr));
}

/* The family has no padding attributes, as new ones should not. */
int dash_nl_put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put(skb, attr, sizeof(value), &value);
}

int dash_nl_put_counters(struct sk_buff *skb, int attr, u64 packets, u64 bytes)
{
	struct nlattr *nest = nla_nest_start(skb, attr);

	if (!nest || dash_nl_put_u64(skb, DASH_A_XFORM_PACKETS, packets) ||
	    dash_nl_put_u64(skb, DASH_A_XFORM_BYTES, bytes))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

int dash_nl_put_row(struct sk_buff *skb, int attr, const struct dash_row *row)
{
	return nla_put(skb, attr | NLA_F_NESTED, row->len, row->attrs);
}

bool dash_nl_get_addr(struct genl_info *info, const struct nlattr *nla,
		      struct in6_addr *addr)
{
	if (nla_len(nla) != sizeof(__be32) && nla_len(nla) != sizeof(*addr)) {
		dash_err(info->extack, nla, "address of %d bytes", nla_len(nla));
		return false;
	}
	dash_nla_addr(nla, addr);
	return true;
}

int dash_nl_put_overlay(struct sk_buff *skb,
			const struct in6_addr *const overlay[2])
{
	return dash_nl_put_addr(skb, DASH_A_XFORM_OVERLAY_SRC, overlay[0]) ?:
	       dash_nl_put_addr(skb, DASH_A_XFORM_OVERLAY_DST, overlay[1]);
}

int dash_nl_put_xform(struct sk_buff *skb, int attr,
		      const struct dash_xform *xf,
		      const struct in6_addr *const overlay[2], const char *dev,
		      u64 packets, u64 bytes)
{
	struct nlattr *nest = nla_nest_start(skb, attr);

	if (!nest)
		return -EMSGSIZE;
	if (dash_xform_is_encap(xf) &&
	    (dash_nl_put_addr(skb, DASH_A_XFORM_OUTER_SRC, &xf->saddr) ||
	     dash_nl_put_addr(skb, DASH_A_XFORM_OUTER_DST, &xf->daddr) ||
	     nla_put_u32(skb, DASH_A_XFORM_VNI, xf->vni) ||
	     nla_put_u8(skb, DASH_A_XFORM_ENCAP, xf->encap) ||
	     nla_put_u16(skb, DASH_A_XFORM_UDP_SPORT, ntohs(xf->sport))))
		goto cancel;
	if (xf->nat == DASH_XFORM_NAT_SRC &&
	    (dash_nl_put_addr(skb, DASH_A_XFORM_NAT_SRC, &xf->saddr) ||
	     nla_put_u16(skb, DASH_A_XFORM_NAT_SPORT, ntohs(xf->sport))))
		goto cancel;
	if (dash_xform_is_xlat(xf) && dash_nl_put_overlay(skb, overlay))
		goto cancel;
	if (xf->set_dmac &&
	    nla_put(skb, DASH_A_XFORM_DST_MAC, ETH_ALEN, xf->dmac))
		goto cancel;
	if (dev && nla_put_string(skb, DASH_A_XFORM_DEV, dev))
		goto cancel;
	if (!dev && (dash_nl_put_u64(skb, DASH_A_XFORM_PACKETS, packets) ||
		     dash_nl_put_u64(skb, DASH_A_XFORM_BYTES, bytes)))
		goto cancel;
	nla_nest_end(skb, nest);
	return 0;

cancel:
	nla_nest_cancel(skb, nest);
	return -EMSGSIZE;
}
