// SPDX-License-Identifier: GPL-2.0
/* Setting and deleting rows, at once or collected in transactions. */
#include <linux/slab.h>
#include <net/genetlink.h>

#include "config.h"
#include "netns.h"
#include "nl.h"
#include "nl_gen.h"
#include "rows.h"

/* Sockets that hold one each are enough to collect in parallel. */
#define DASH_MAX_TXNS	64

/**
 * struct dash_nl_txn - a transaction that collects rows
 */
struct dash_nl_txn {
	/** @list: in dash_net.txns */
	struct list_head list;
	/** @rows: rows in order */
	struct dash_rows rows;
	/** @id: chosen by us */
	u32 id;
	/** @portid: socket that opened it */
	u32 portid;
};

static struct dash_nl_txn *dash_nl_txn_find(struct dash_net *dn,
					    struct genl_info *info)
{
	struct nlattr *nla = info->attrs[DASH_A_CONFIG_TXN];
	struct dash_nl_txn *txn;

	if (!nla) {
		dash_err(info->extack, NULL, "txn is missing");
		return NULL;
	}
	list_for_each_entry(txn, &dn->txns, list)
		if (txn->id == nla_get_u32(nla) &&
		    txn->portid == info->snd_portid)
			return txn;
	dash_err(info->extack, nla, "no transaction %u of this socket is open",
		 nla_get_u32(nla));
	return NULL;
}

static void dash_nl_txn_unlink(struct dash_net *dn, struct dash_nl_txn *txn)
{
	list_del(&txn->list);
	dn->n_txns--;
}

static void dash_nl_txn_free(struct dash_nl_txn *txn)
{
	dash_rows_free(&txn->rows);
	kfree(txn);
}

static void dash_nl_txn_drop(struct dash_net *dn, u32 portid, bool all)
{
	struct dash_nl_txn *txn, *tmp;
	LIST_HEAD(dropped);

	mutex_lock(&dn->txn_lock);
	list_for_each_entry_safe(txn, tmp, &dn->txns, list) {
		if (!all && txn->portid != portid)
			continue;
		dash_nl_txn_unlink(dn, txn);
		list_add(&txn->list, &dropped);
	}
	mutex_unlock(&dn->txn_lock);
	list_for_each_entry_safe(txn, tmp, &dropped, list)
		dash_nl_txn_free(txn);
}

void dash_nl_txn_drop_all(struct dash_net *dn)
{
	dash_nl_txn_drop(dn, 0, true);
}

void dash_nl_txn_release(struct dash_net *dn, u32 portid)
{
	dash_nl_txn_drop(dn, portid, false);
}

static int dash_nl_parse_rows(struct genl_info *info, bool del,
			      struct dash_rows *rows)
{
	struct nlattr *nla = info->attrs[DASH_A_CONFIG_SEQ];
	bool numbered = info->attrs[DASH_A_CONFIG_TXN];
	u32 seq = nla ? nla_get_u32(nla) : 0;
	const struct nlattr *pos;
	struct dash_row *row;
	int rem, type, err;

	nla_for_each_attr(pos, genlmsg_data(info->genlhdr),
			  genlmsg_len(info->genlhdr), rem) {
		type = dash_type_of_attr(nla_type(pos));
		if (type < 0)
			continue;
		if (dash_types[type].stage) {
			row = dash_row_alloc_many(&pos, &rem, del, &seq,
						  numbered, info->extack);
		} else {
			row = dash_row_alloc(pos, type, del, seq, numbered,
					     info->extack);
			/* a later part has the number of the first one */
			if (!IS_ERR(row))
				seq += !dash_row_goes_on(row);
		}
		if (IS_ERR(row))
			return PTR_ERR(row);
		err = dash_rows_add(rows, row, info->extack);
		if (err) {
			dash_row_free(row);
			return err;
		}
		cond_resched();
	}
	return 0;
}

static u8 dash_nl_policy(struct genl_info *info)
{
	struct nlattr *nla = info->attrs[DASH_A_CONFIG_POLICY];

	return nla ? nla_get_u8(nla) : DASH_POLICY_RESIMULATE;
}

static int dash_nl_config(struct genl_info *info, bool del)
{
	struct dash_net *dn = dash_net(genl_info_net(info));
	struct dash_nl_txn *txn;
	struct dash_rows rows;
	int err;

	dash_rows_init(&rows);
	err = dash_nl_parse_rows(info, del, &rows);
	if (err)
		goto free_rows;
	if (!info->attrs[DASH_A_CONFIG_TXN]) {
		err = dash_config_apply(dn, &rows, false, false,
					dash_nl_policy(info), info->extack);
		goto free_rows;
	}

	mutex_lock(&dn->txn_lock);
	txn = dash_nl_txn_find(dn, info);
	err = txn ? dash_rows_splice(&txn->rows, &rows, info->extack) : -ENOENT;
	mutex_unlock(&dn->txn_lock);

free_rows:
	dash_rows_free(&rows);
	return err;
}

int dash_nl_config_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return dash_nl_config(info, false);
}

int dash_nl_config_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return dash_nl_config(info, true);
}

int dash_nl_txn_begin_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dash_net *dn = dash_net(genl_info_net(info));
	struct dash_nl_txn *txn;
	struct sk_buff *reply;
	void *hdr;

	txn = kzalloc(sizeof(*txn), GFP_KERNEL_ACCOUNT);
	if (!txn)
		return -ENOMEM;
	dash_rows_init(&txn->rows);
	txn->portid = info->snd_portid;

	reply = dash_nl_reply(info, &hdr);
	if (!reply) {
		kfree(txn);
		return -ENOMEM;
	}

	mutex_lock(&dn->txn_lock);
	if (dn->n_txns >= DASH_MAX_TXNS) {
		mutex_unlock(&dn->txn_lock);
		kfree(txn);
		nlmsg_free(reply);
		dash_err(info->extack, NULL, "%u transactions are open already",
			 DASH_MAX_TXNS);
		return -EBUSY;
	}
	/* 0 is no id, so that a forgotten one is noticed */
	if (!++dn->next_txn)
		dn->next_txn = 1;
	txn->id = dn->next_txn;
	nla_put_u32(reply, DASH_A_CONFIG_TXN, txn->id);
	list_add_tail(&txn->list, &dn->txns);
	dn->n_txns++;
	mutex_unlock(&dn->txn_lock);

	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);
}

/* Take a transaction out of those that collect; it ends here in any case. */
static struct dash_nl_txn *dash_nl_txn_take(struct dash_net *dn,
					    struct genl_info *info)
{
	struct dash_nl_txn *txn;

	mutex_lock(&dn->txn_lock);
	txn = dash_nl_txn_find(dn, info);
	if (txn)
		dash_nl_txn_unlink(dn, txn);
	mutex_unlock(&dn->txn_lock);
	return txn;
}

static int dash_nl_txn_end(struct genl_info *info, bool check)
{
	struct dash_net *dn = dash_net(genl_info_net(info));
	struct dash_nl_txn *txn = dash_nl_txn_take(dn, info);
	/* a check has no such attribute */
	u8 policy = check ? DASH_POLICY_RESIMULATE : dash_nl_policy(info);
	int err;

	if (!txn)
		return -ENOENT;
	err = dash_config_apply(dn, &txn->rows, true, check, policy,
				info->extack);
	dash_nl_txn_free(txn);
	return err;
}

int dash_nl_txn_commit_doit(struct sk_buff *skb, struct genl_info *info)
{
	return dash_nl_txn_end(info, false);
}

int dash_nl_txn_check_doit(struct sk_buff *skb, struct genl_info *info)
{
	return dash_nl_txn_end(info, true);
}

int dash_nl_txn_abort_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dash_nl_txn *txn = dash_nl_txn_take(dash_net(genl_info_net(info)),
						   info);

	if (!txn)
		return -ENOENT;
	dash_nl_txn_free(txn);
	return 0;
}
