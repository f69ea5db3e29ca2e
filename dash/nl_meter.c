// SPDX-License-Identifier: GPL-2.0
/* Counters of metering classes, in the form of rows. */
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "config.h"
#include "eni.h"
#include "meter.h"
#include "netns.h"
#include "nl.h"
#include "nl_gen.h"
#include "rows.h"

static int dash_put_counters(struct sk_buff *skb, const struct dash_meter *meter)
{
	struct dash_meter_sum sum;

	dash_meter_read(meter, &sum);
	if (dash_nl_put_u64(skb, DASH_A_METER_TX_COUNTER,
			    sum.bytes[DASH_DIRECTION_OUTBOUND]) ||
	    dash_nl_put_u64(skb, DASH_A_METER_RX_COUNTER,
			    sum.bytes[DASH_DIRECTION_INBOUND]) ||
	    dash_nl_put_u64(skb, DASH_A_METER_TX_PACKETS,
			    sum.packets[DASH_DIRECTION_OUTBOUND]) ||
	    dash_nl_put_u64(skb, DASH_A_METER_RX_PACKETS,
			    sum.packets[DASH_DIRECTION_INBOUND]))
		return -EMSGSIZE;
	return 0;
}

/* A class with a row, or, without one, as if there were one that says nothing.
 */
static int dash_put_meter(struct sk_buff *skb, const struct dash_row *row,
			  const char *eni, u32 class,
			  const struct dash_meter *meter)
{
	struct nlattr *nest = nla_nest_start(skb, DASH_A_CONFIG_METER);

	if (!nest)
		return -EMSGSIZE;
	if (row ? nla_put_nohdr(skb, row->len, row->attrs) :
		  (nla_put_string(skb, DASH_A_METER_ENI, eni) ||
		   nla_put_u32(skb, DASH_A_METER_CLASS, class)))
		return -EMSGSIZE;
	if (dash_put_counters(skb, meter))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* Rows of a change under way do not count yet. */
static const struct dash_row *dash_meter_cur(struct dash_net *dn,
					     const struct dash_sym *sym)
{
	return sym ? dash_dereference(dn, sym->cur) : NULL;
}

/* The ENI that a row names by its name or its eni_id. */
static struct dash_eni *dash_meter_eni(struct dash_net *dn, const char *name)
{
	const struct nlattr *id_attr;
	struct dash_sym *sym;
	unsigned long id;

	sym = dash_sym_find(dn, DASH_OBJECT_TYPE_ENI, name);
	if (dash_meter_cur(dn, sym))
		return sym->data;
	xa_for_each(&dn->by_id[DASH_OBJECT_TYPE_ENI], id, sym) {
		if (!dash_meter_cur(dn, sym))
			continue;
		id_attr = dash_row_get(dash_meter_cur(dn, sym),
				       DASH_A_ENI_ENI_ID);
		if (id_attr && !nla_strcmp(id_attr, name))
			return sym->data;
	}
	return NULL;
}

static const struct dash_meter *dash_meter_find(const struct dash_eni *eni,
						u32 class)
{
	if (!eni)
		return NULL;
	return class ? xa_load((struct xarray *)&eni->meters.by_class, class) :
		       eni->meters.rest;
}

/* The row of an ENI's class; the ENI's name goes before its eni_id. */
static const struct dash_row *dash_meter_row(struct dash_net *dn,
					     const struct dash_eni *eni,
					     u32 class)
{
	const struct nlattr *id = dash_row_get(dash_meter_cur(dn, eni->sym),
					       DASH_A_ENI_ENI_ID);
	char name[DASH_NAME_LEN], key[DASH_NAME_LEN + 16];
	const struct dash_row *row;
	struct dash_sym *sym;

	snprintf(key, sizeof(key), "%s:%u", eni->name, class);
	sym = dash_sym_find(dn, DASH_OBJECT_TYPE_METER, key);
	row = dash_meter_cur(dn, sym);
	if (row || !id)
		return row;
	nla_strscpy(name, id, sizeof(name));
	if (dash_sym_find(dn, DASH_OBJECT_TYPE_ENI, name))
		return NULL;
	snprintf(key, sizeof(key), "%s:%u", name, class);
	sym = dash_sym_find(dn, DASH_OBJECT_TYPE_METER, key);
	return dash_meter_cur(dn, sym);
}

int dash_nl_meter_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dash_net *dn = dash_net(genl_info_net(info));
	struct nlattr *nest = info->attrs[DASH_A_CONFIG_METER];
	char name[DASH_NAME_LEN];
	const struct dash_row *row;
	struct dash_row *key;
	struct sk_buff *reply;
	struct dash_eni *eni;
	int err = -EMSGSIZE;
	void *hdr;
	u32 class;

	if (!nest) {
		dash_err(info->extack, NULL, "no key of a class is given");
		return -EINVAL;
	}
	key = dash_row_alloc(nest, DASH_OBJECT_TYPE_METER, true, 0, false,
			     info->extack);
	if (IS_ERR(key))
		return PTR_ERR(key);
	nla_strscpy(name, dash_row_get(key, DASH_A_METER_ENI), sizeof(name));
	class = dash_row_u32(key, DASH_A_METER_CLASS, 0);
	dash_row_free(key);
	reply = dash_nl_reply(info, &hdr);
	if (!reply)
		return -ENOMEM;

	mutex_lock(&dn->lock);
	rcu_read_lock();
	eni = dash_meter_eni(dn, name);
	row = eni ? dash_meter_row(dn, eni, class) : NULL;
	if (eni)
		err = dash_put_meter(reply, row, eni->name, class,
				     dash_meter_find(eni, class));
	rcu_read_unlock();
	mutex_unlock(&dn->lock);
	if (!eni) {
		dash_err(info->extack, nest, "no such ENI");
		err = -ENOENT;
	}
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);
}

static int dash_dump_meter(struct sk_buff *skb, struct netlink_callback *cb,
			   const struct dash_row *row, const char *eni,
			   u32 class, const struct dash_meter *meter)
{
	void *hdr = dash_nl_put_hdr(skb, cb, DASH_CMD_METER_GET);

	if (!hdr)
		return -EMSGSIZE;
	if (dash_put_meter(skb, row, eni, class, meter)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/* cb->args: [0] rows are done, [1] id of the row or ENI, [2] class of the ENI
 */
static int dash_dump_meter_rows(struct sk_buff *skb,
				struct netlink_callback *cb,
				struct dash_net *dn)
{
	const struct dash_row *row;
	char name[DASH_NAME_LEN];
	struct dash_sym *sym;
	unsigned long id;
	u32 class;
	int err;

	xa_for_each_start(&dn->by_id[DASH_OBJECT_TYPE_METER], id, sym,
			  cb->args[1]) {
		cb->args[1] = id;
		row = dash_meter_cur(dn, sym);
		if (!row)
			continue;
		nla_strscpy(name, dash_row_get(row, DASH_A_METER_ENI),
			    sizeof(name));
		class = dash_row_u32(row, DASH_A_METER_CLASS, 0);
		err = dash_dump_meter(skb, cb, row, NULL, class,
				      dash_meter_find(dash_meter_eni(dn, name),
						      class));
		if (err)
			return err;
		cb->args[1] = id + 1;
	}
	cb->args[0] = 1;
	cb->args[1] = 0;
	return 0;
}

static int dash_dump_eni_meters(struct sk_buff *skb,
				struct netlink_callback *cb,
				struct dash_net *dn, struct dash_eni *eni)
{
	struct dash_meter *meter;
	struct dash_meter_sum sum;
	unsigned long class;
	int err;

	if (!cb->args[2]) {
		dash_meter_read(eni->meters.rest, &sum);
		if ((sum.packets[0] || sum.packets[1]) &&
		    !dash_meter_row(dn, eni, 0)) {
			err = dash_dump_meter(skb, cb, NULL, eni->name, 0,
					      eni->meters.rest);
			if (err)
				return err;
		}
		cb->args[2] = 1;
	}
	xa_for_each_start(&eni->meters.by_class, class, meter, cb->args[2]) {
		cb->args[2] = class;
		if (dash_meter_row(dn, eni, class))
			continue;
		err = dash_dump_meter(skb, cb, NULL, eni->name, class, meter);
		if (err)
			return err;
		cb->args[2] = class + 1;
	}
	cb->args[2] = 0;
	return 0;
}

int dash_nl_meter_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dash_net *dn = dash_net(sock_net(skb->sk));
	struct dash_sym *sym;
	unsigned long id;
	int err = 0;

	cb->seq = READ_ONCE(dn->gen);
	/* the mutex keeps ENIs and rows; a message's worth at a time */
	mutex_lock(&dn->lock);
	if (!cb->args[0])
		err = dash_dump_meter_rows(skb, cb, dn);
	if (err || cb->args[0] != 1)
		goto unlock;
	xa_for_each_start(&dn->by_id[DASH_OBJECT_TYPE_ENI], id, sym,
			  cb->args[1]) {
		if (cb->args[1] != id)
			cb->args[2] = 0;
		cb->args[1] = id;
		if (!dash_meter_cur(dn, sym))
			continue;
		err = dash_dump_eni_meters(skb, cb, dn, sym->data);
		if (err)
			goto unlock;
		cb->args[1] = id + 1;
	}
	cb->args[0] = 2;
unlock:
	mutex_unlock(&dn->lock);
	return skb->len ?: err;
}
