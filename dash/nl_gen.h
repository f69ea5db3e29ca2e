/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/dash.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_DASH_GEN_H
#define _LINUX_DASH_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/dash.h>

/* Common nested types */
extern const struct nla_policy dash_acl_bind_nl_policy[DASH_A_ACL_BIND_V6_GROUP + 1];
extern const struct nla_policy dash_acl_group_nl_policy[DASH_A_ACL_GROUP_VERSION + 1];
extern const struct nla_policy dash_acl_rule_nl_policy[DASH_A_ACL_RULE_REPLY_BYTES + 1];
extern const struct nla_policy dash_appliance_nl_policy[DASH_A_APPLIANCE_MAX_MEMORY + 1];
extern const struct nla_policy dash_eni_nl_policy[DASH_A_ENI_PL_UNDERLAY_SIP + 1];
extern const struct nla_policy dash_eni_route_nl_policy[DASH_A_ENI_ROUTE_GROUP + 1];
extern const struct nla_policy dash_mapping_nl_policy[DASH_A_MAPPING_USE_PL_SIP_ENI + 1];
extern const struct nla_policy dash_meter_nl_policy[DASH_A_METER_RX_PACKETS + 1];
extern const struct nla_policy dash_meter_policy_nl_policy[DASH_A_METER_POLICY_IP_VERSION + 1];
extern const struct nla_policy dash_meter_rule_nl_policy[DASH_A_METER_RULE_CLASS + 1];
extern const struct nla_policy dash_nexthop_nl_policy[DASH_A_NEXTHOP_PORT + 1];
extern const struct nla_policy dash_pa_validation_nl_policy[DASH_A_PA_VALIDATION_APPEND + 1];
extern const struct nla_policy dash_port_nl_policy[DASH_A_PORT_NSID + 1];
extern const struct nla_policy dash_port_range_nl_policy[DASH_A_PORT_RANGE_HI + 1];
extern const struct nla_policy dash_prefix_nl_policy[DASH_A_PREFIX_LEN + 1];
extern const struct nla_policy dash_qos_nl_policy[DASH_A_QOS_FLOWS + 1];
extern const struct nla_policy dash_route_nl_policy[DASH_A_ROUTE_UNDERLAY_DIP + 1];
extern const struct nla_policy dash_route_group_nl_policy[DASH_A_ROUTE_GROUP_VERSION + 1];
extern const struct nla_policy dash_route_rule_nl_policy[DASH_A_ROUTE_RULE_REPLY_BYTES + 1];
extern const struct nla_policy dash_routing_appliance_nl_policy[DASH_A_ROUTING_APPLIANCE_VNI + 1];
extern const struct nla_policy dash_routing_type_nl_policy[DASH_A_ROUTING_TYPE_STEP + 1];
extern const struct nla_policy dash_tag_nl_policy[DASH_A_TAG_APPEND + 1];
extern const struct nla_policy dash_timeouts_nl_policy[DASH_A_TIMEOUTS_OTHER + 1];
extern const struct nla_policy dash_tunnel_nl_policy[DASH_A_TUNNEL_METERING_CLASS_OR + 1];
extern const struct nla_policy dash_type_step_nl_policy[DASH_A_TYPE_STEP_VNI + 1];
extern const struct nla_policy dash_vnet_nl_policy[DASH_A_VNET_APPEND + 1];
extern const struct nla_policy dash_vni_range_nl_policy[DASH_A_VNI_RANGE_HI + 1];
extern const struct nla_policy dash_xform_nl_policy[DASH_A_XFORM_OVERLAY_DST + 1];

extern const struct nla_policy dash_config_set_nl_policy[DASH_A_CONFIG_POLICY + 1];

extern const struct nla_policy dash_config_del_nl_policy[DASH_A_CONFIG_POLICY + 1];

extern const struct nla_policy dash_config_get_nl_policy[DASH_A_CONFIG_ROUTING_APPLIANCE + 1];

extern const struct nla_policy dash_txn_begin_nl_policy[DASH_A_CONFIG_SEQ + 1];

extern const struct nla_policy dash_txn_commit_nl_policy[DASH_A_CONFIG_POLICY + 1];

extern const struct nla_policy dash_txn_check_nl_policy[DASH_A_CONFIG_TXN + 1];

extern const struct nla_policy dash_txn_abort_nl_policy[DASH_A_CONFIG_TXN + 1];

extern const struct nla_policy dash_stats_get_nl_policy[DASH_A_STATS_PORT + 1];

extern const struct nla_policy dash_memory_get_nl_policy[DASH_A_MEMORY_KIND + 1];

extern const struct nla_policy dash_flow_get_nl_policy[DASH_A_FLOW_STALE + 1];

extern const struct nla_policy dash_flow_flush_nl_policy[DASH_A_FLOW_STALE + 1];

extern const struct nla_policy dash_explain_nl_policy[DASH_A_EXPLAIN_PA + 1];

extern const struct nla_policy dash_flow_count_nl_policy[DASH_A_FLOW_STALE + 1];

extern const struct nla_policy dash_flow_top_nl_policy[DASH_A_FLOW_STALE + 1];

extern const struct nla_policy dash_flow_add_nl_policy[DASH_A_FLOW_ICMP_TYPE + 1];

extern const struct nla_policy dash_flow_del_nl_policy[DASH_A_FLOW_DPORT + 1];

extern const struct nla_policy dash_flow_save_nl_policy[DASH_A_FLOW_STALE + 1];

extern const struct nla_policy dash_flow_restore_nl_policy[DASH_A_FLOW_CONNECTION + 1];

extern const struct nla_policy dash_meter_get_nl_policy[DASH_A_CONFIG_METER + 1];

extern const struct nla_policy dash_explain_live_nl_policy[DASH_A_EXPLAIN_RATE + 1];

/* Ops table for dash */
extern const struct genl_ops dash_nl_ops[20];

int dash_nl_config_set_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_config_del_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_config_get_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_config_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int dash_nl_txn_begin_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_txn_commit_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_txn_check_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_txn_abort_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_stats_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int dash_nl_memory_get_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_memory_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int dash_nl_flow_get_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_flow_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int dash_nl_flow_flush_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_explain_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_flow_count_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_flow_top_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_flow_add_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_flow_del_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_flow_save_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_flow_save_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int dash_nl_flow_restore_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_meter_get_doit(struct sk_buff *skb, struct genl_info *info);
int dash_nl_meter_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int dash_nl_explain_live_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	DASH_NLGRP_CONFIG,
	DASH_NLGRP_FLOWS,
	DASH_NLGRP_DROPS,
};

extern const struct genl_multicast_group dash_nl_mcgrps[DASH_NLGRP_DROPS + 1];

#endif /* _LINUX_DASH_GEN_H */
