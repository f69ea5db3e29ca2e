// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <net/genetlink.h>

#include "batch.h"
#include "flow.h"
#include "mapping.h"
#include "netns.h"
#include "nl.h"
#include "port.h"

static int __init dash_init(void)
{
	int err;

	err = dash_flow_module_init();
	if (err)
		return err;
	err = dash_mapping_module_init();
	if (err)
		goto exit_flow;
	err = dash_netns_init();
	if (err)
		goto exit_mapping;
	err = dash_batch_module_init();
	if (err)
		goto exit_netns;
	err = dash_port_module_init();
	if (err)
		goto exit_batch;
	err = dash_nl_init();
	if (err)
		goto exit_port;
	return 0;

exit_port:
	dash_port_module_exit();
exit_batch:
	dash_batch_module_exit();
exit_netns:
	dash_netns_exit();
exit_mapping:
	dash_mapping_module_exit();
exit_flow:
	dash_flow_module_exit();
	return err;
}

static void __exit dash_exit(void)
{
	dash_nl_exit();
	dash_port_module_exit();
	dash_netns_exit();
	dash_batch_module_exit();
	dash_mapping_module_exit();
	/* for what was given to call_rcu() with functions of ours */
	rcu_barrier();
	dash_flow_module_exit();
}

module_init(dash_init);
module_exit(dash_exit);

MODULE_DESCRIPTION("DASH VNET-to-VNET datapath");
MODULE_LICENSE("GPL");
MODULE_ALIAS_GENL_FAMILY("dash");
