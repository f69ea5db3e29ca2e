// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Locking
 *
 * Packets take RCU and nothing else, but for a lock of their own connection
 * where its state changes, its shard's where it begins or ends, and its ENI's
 * where a limit is charged.
 *
 * Changes of an instance's configuration are one at a time: dash_net.change.
 * What they change is guarded by dash_net.lock, which those who read names,
 * what happens to devices, and removals of connections take, too. It is let go
 * while rules are compiled, now and then while rows are staged, and for the
 * grace period, so none of the others waits for a large change. RTNL, which
 * attaching devices needs, is taken between the two, once everything else is
 * ready. dash_net.txn_lock guards the rows that transactions collect, and
 * nothing is taken inside it.
 *
 * DOC: Lifetimes
 *
 * What packets see is unlinked under dash_net.lock, then one grace period
 * passes per transaction, then it is freed. An ENI first loses its
 * configuration, so that no packet finds it, and after the grace period its
 * connections; only then it goes. An instance goes with its namespace: ports
 * first, after which no packet can come in.
 */
#include <linux/slab.h>
#include <net/netns/generic.h>

#include "config.h"
#include "event.h"
#include "frag.h"
#include "live.h"
#include "mapping.h"
#include "netns.h"
#include "nl.h"
#include "underlay.h"

static unsigned int dash_net_id;

struct dash_net *dash_net(const struct net *net)
{
	return net_generic(net, dash_net_id);
}

static int __net_init dash_net_init(struct net *net)
{
	struct dash_net *dn = dash_net(net);
	int err;

	dn->net = net;
	/* 0 is what dumps take for "not known yet" */
	dn->gen = 1;
	INIT_LIST_HEAD(&dn->ports);
	mutex_init(&dn->change);
	mutex_init(&dn->lock);
	mutex_init(&dn->txn_lock);
	INIT_LIST_HEAD(&dn->txns);
	dash_frag_init(dn);
	dash_live_init(dn);
	dash_mapping_net_init(dn);
	err = dash_events_init(dn);
	if (err)
		return err;
	err = dash_underlay_init(dn);
	if (err)
		goto fini_events;
	err = dash_config_init(dn);
	if (err)
		goto fini_underlay;
	return 0;

fini_underlay:
	dash_underlay_fini(dn);
fini_events:
	dash_events_fini(dn);
	return err;
}

static void __net_exit dash_net_exit(struct net *net)
{
	struct dash_net *dn = dash_net(net);

	dash_nl_txn_drop_all(dn);
	dash_config_clear(dn);
	dash_mapping_net_fini(dn);
	dash_config_fini(dn);
	dash_underlay_fini(dn);
	dash_live_fini(dn);
	dash_events_fini(dn);
	mutex_destroy(&dn->txn_lock);
	mutex_destroy(&dn->lock);
	mutex_destroy(&dn->change);
}

static struct pernet_operations dash_net_ops = {
	.init = dash_net_init,
	.exit = dash_net_exit,
	.id = &dash_net_id,
	.size = sizeof(struct dash_net),
};

int dash_netns_init(void)
{
	return register_pernet_device(&dash_net_ops);
}

void dash_netns_exit(void)
{
	unregister_pernet_device(&dash_net_ops);
}
