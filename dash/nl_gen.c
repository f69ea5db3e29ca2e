// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/dash.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "nl_gen.h"

#include <uapi/linux/dash.h>

/* Common nested types */
const struct nla_policy dash_acl_bind_nl_policy[DASH_A_ACL_BIND_V6_GROUP + 1] = {
	[DASH_A_ACL_BIND_ENI] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ACL_BIND_DIRECTION] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_ACL_BIND_STAGE] = NLA_POLICY_RANGE(NLA_U8, 1, 5),
	[DASH_A_ACL_BIND_V4_GROUP] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ACL_BIND_V6_GROUP] = { .type = NLA_NUL_STRING, .len = 63, },
};

const struct nla_policy dash_acl_group_nl_policy[DASH_A_ACL_GROUP_VERSION + 1] = {
	[DASH_A_ACL_GROUP_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ACL_GROUP_IP_VERSION] = NLA_POLICY_RANGE(NLA_U8, 1, 2),
	[DASH_A_ACL_GROUP_DEFAULT_ACTION] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_ACL_GROUP_GUID] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ACL_GROUP_VERSION] = { .type = NLA_NUL_STRING, .len = 63, },
};

const struct nla_policy dash_acl_rule_nl_policy[DASH_A_ACL_RULE_REPLY_BYTES + 1] = {
	[DASH_A_ACL_RULE_GROUP] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ACL_RULE_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ACL_RULE_PRIORITY] = { .type = NLA_U32, },
	[DASH_A_ACL_RULE_ACTION] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_ACL_RULE_TERMINATING] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_ACL_RULE_PROTOCOL] = { .type = NLA_U8, },
	[DASH_A_ACL_RULE_SRC_ADDR] = NLA_POLICY_NESTED(dash_prefix_nl_policy),
	[DASH_A_ACL_RULE_DST_ADDR] = NLA_POLICY_NESTED(dash_prefix_nl_policy),
	[DASH_A_ACL_RULE_SRC_TAG] = { .type = NLA_STRING, .len = 63, },
	[DASH_A_ACL_RULE_DST_TAG] = { .type = NLA_STRING, .len = 63, },
	[DASH_A_ACL_RULE_SRC_PORT] = NLA_POLICY_NESTED(dash_port_range_nl_policy),
	[DASH_A_ACL_RULE_DST_PORT] = NLA_POLICY_NESTED(dash_port_range_nl_policy),
	[DASH_A_ACL_RULE_COUNTER] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_ACL_RULE_HITS] = { .type = NLA_U64, },
	[DASH_A_ACL_RULE_APPEND] = { .type = NLA_FLAG, },
	[DASH_A_ACL_RULE_PACKETS] = { .type = NLA_U64, },
	[DASH_A_ACL_RULE_BYTES] = { .type = NLA_U64, },
	[DASH_A_ACL_RULE_REPLY_PACKETS] = { .type = NLA_U64, },
	[DASH_A_ACL_RULE_REPLY_BYTES] = { .type = NLA_U64, },
};

const struct nla_policy dash_appliance_nl_policy[DASH_A_APPLIANCE_MAX_MEMORY + 1] = {
	[DASH_A_APPLIANCE_ID] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_APPLIANCE_SIP] = { .type = NLA_BINARY, },
	[DASH_A_APPLIANCE_VM_VNI] = { .type = NLA_U32, },
	[DASH_A_APPLIANCE_TRUSTED_VNI] = NLA_POLICY_NESTED(dash_vni_range_nl_policy),
	[DASH_A_APPLIANCE_LOCAL_REGION_ID] = { .type = NLA_U32, },
	[DASH_A_APPLIANCE_ENI_KEY] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_APPLIANCE_VXLAN_PORT] = NLA_POLICY_MIN(NLA_U16, 1),
	[DASH_A_APPLIANCE_FAKE_MAC] = NLA_POLICY_EXACT_LEN(6),
	[DASH_A_APPLIANCE_MAX_FLOWS] = NLA_POLICY_MIN(NLA_U32, 1),
	[DASH_A_APPLIANCE_TCP_LOOSE] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_APPLIANCE_TIMEOUTS] = NLA_POLICY_NESTED(dash_timeouts_nl_policy),
	[DASH_A_APPLIANCE_UDP_SPORT] = { .type = NLA_U16, },
	[DASH_A_APPLIANCE_DF] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_APPLIANCE_IP_ID] = { .type = NLA_U16, },
	[DASH_A_APPLIANCE_UDP_CSUM] = NLA_POLICY_MAX(NLA_U8, 2),
	[DASH_A_APPLIANCE_UNDERLAY_MODE] = NLA_POLICY_MAX(NLA_U8, 2),
	[DASH_A_APPLIANCE_NEXTHOP] = NLA_POLICY_NESTED(dash_nexthop_nl_policy),
	[DASH_A_APPLIANCE_NEXT_HOP_MAC] = NLA_POLICY_EXACT_LEN(6),
	[DASH_A_APPLIANCE_NEXT_HOP_SRC_MAC] = NLA_POLICY_EXACT_LEN(6),
	[DASH_A_APPLIANCE_ACCEPT_ANY_MAC] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_APPLIANCE_APPEND] = { .type = NLA_FLAG, },
	[DASH_A_APPLIANCE_MAX_MEMORY] = { .type = NLA_U64, },
};

const struct nla_policy dash_eni_nl_policy[DASH_A_ENI_PL_UNDERLAY_SIP + 1] = {
	[DASH_A_ENI_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ENI_ENI_ID] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ENI_MAC] = NLA_POLICY_EXACT_LEN(6),
	[DASH_A_ENI_ADMIN_STATE] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_ENI_VNET] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ENI_UNDERLAY_IP] = { .type = NLA_BINARY, },
	[DASH_A_ENI_VM_VNI] = { .type = NLA_U32, },
	[DASH_A_ENI_QOS] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ENI_ENCAP_SIP] = { .type = NLA_BINARY, },
	[DASH_A_ENI_ADDRESS] = { .type = NLA_BINARY, },
	[DASH_A_ENI_TRUSTED_VNI] = NLA_POLICY_NESTED(dash_vni_range_nl_policy),
	[DASH_A_ENI_DSCP_MODE] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_ENI_DSCP] = NLA_POLICY_MAX(NLA_U8, 63),
	[DASH_A_ENI_CHECK_REPLY_PA] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_ENI_HALF_OPEN] = NLA_POLICY_MAX(NLA_U8, 100),
	[DASH_A_ENI_RESIM_RATE] = { .type = NLA_U32, },
	[DASH_A_ENI_TIMEOUTS] = NLA_POLICY_NESTED(dash_timeouts_nl_policy),
	[DASH_A_ENI_V4_METER_POLICY] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ENI_V6_METER_POLICY] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ENI_APPEND] = { .type = NLA_FLAG, },
	[DASH_A_ENI_PL_SIP] = NLA_POLICY_EXACT_LEN(16),
	[DASH_A_ENI_PL_SIP_MASK] = NLA_POLICY_EXACT_LEN(16),
	[DASH_A_ENI_PL_UNDERLAY_SIP] = { .type = NLA_BINARY, },
};

const struct nla_policy dash_eni_route_nl_policy[DASH_A_ENI_ROUTE_GROUP + 1] = {
	[DASH_A_ENI_ROUTE_ENI] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ENI_ROUTE_GROUP] = { .type = NLA_NUL_STRING, .len = 63, },
};

const struct nla_policy dash_mapping_nl_policy[DASH_A_MAPPING_USE_PL_SIP_ENI + 1] = {
	[DASH_A_MAPPING_VNET] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_MAPPING_IP] = { .type = NLA_BINARY, },
	[DASH_A_MAPPING_ROUTING_TYPE] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_MAPPING_UNDERLAY_IP] = { .type = NLA_BINARY, },
	[DASH_A_MAPPING_UNDERLAY_IP6] = NLA_POLICY_EXACT_LEN(16),
	[DASH_A_MAPPING_MAC] = NLA_POLICY_EXACT_LEN(6),
	[DASH_A_MAPPING_USE_DST_VNI] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_MAPPING_VNI] = { .type = NLA_U32, },
	[DASH_A_MAPPING_METERING_CLASS_OR] = { .type = NLA_U32, },
	[DASH_A_MAPPING_COUNTER] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_MAPPING_PACKETS] = { .type = NLA_U64, },
	[DASH_A_MAPPING_BYTES] = { .type = NLA_U64, },
	[DASH_A_MAPPING_REPLY_PACKETS] = { .type = NLA_U64, },
	[DASH_A_MAPPING_REPLY_BYTES] = { .type = NLA_U64, },
	[DASH_A_MAPPING_OVERLAY_SIP] = NLA_POLICY_EXACT_LEN(16),
	[DASH_A_MAPPING_OVERLAY_SIP_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[DASH_A_MAPPING_OVERLAY_DIP] = NLA_POLICY_EXACT_LEN(16),
	[DASH_A_MAPPING_OVERLAY_DIP_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[DASH_A_MAPPING_USE_PL_SIP_ENI] = NLA_POLICY_MAX(NLA_U8, 1),
};

const struct nla_policy dash_meter_nl_policy[DASH_A_METER_RX_PACKETS + 1] = {
	[DASH_A_METER_ENI] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_METER_CLASS] = { .type = NLA_U32, },
	[DASH_A_METER_METADATA] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_METER_TX_COUNTER] = { .type = NLA_U64, },
	[DASH_A_METER_RX_COUNTER] = { .type = NLA_U64, },
	[DASH_A_METER_TX_PACKETS] = { .type = NLA_U64, },
	[DASH_A_METER_RX_PACKETS] = { .type = NLA_U64, },
};

const struct nla_policy dash_meter_policy_nl_policy[DASH_A_METER_POLICY_IP_VERSION + 1] = {
	[DASH_A_METER_POLICY_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_METER_POLICY_IP_VERSION] = NLA_POLICY_RANGE(NLA_U8, 1, 2),
};

const struct nla_policy dash_meter_rule_nl_policy[DASH_A_METER_RULE_CLASS + 1] = {
	[DASH_A_METER_RULE_POLICY] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_METER_RULE_NUM] = { .type = NLA_U32, },
	[DASH_A_METER_RULE_PRIORITY] = { .type = NLA_U32, },
	[DASH_A_METER_RULE_ADDR] = { .type = NLA_BINARY, },
	[DASH_A_METER_RULE_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[DASH_A_METER_RULE_CLASS] = { .type = NLA_U32, },
};

const struct nla_policy dash_nexthop_nl_policy[DASH_A_NEXTHOP_PORT + 1] = {
	[DASH_A_NEXTHOP_ADDR] = { .type = NLA_BINARY, },
	[DASH_A_NEXTHOP_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[DASH_A_NEXTHOP_DST_MAC] = NLA_POLICY_EXACT_LEN(6),
	[DASH_A_NEXTHOP_SRC_MAC] = NLA_POLICY_EXACT_LEN(6),
	[DASH_A_NEXTHOP_PORT] = { .type = NLA_NUL_STRING, .len = 15, },
};

const struct nla_policy dash_pa_validation_nl_policy[DASH_A_PA_VALIDATION_APPEND + 1] = {
	[DASH_A_PA_VALIDATION_VNI] = { .type = NLA_U32, },
	[DASH_A_PA_VALIDATION_PREFIX] = NLA_POLICY_NESTED(dash_prefix_nl_policy),
	[DASH_A_PA_VALIDATION_APPEND] = { .type = NLA_FLAG, },
};

const struct nla_policy dash_port_nl_policy[DASH_A_PORT_NSID + 1] = {
	[DASH_A_PORT_NAME] = { .type = NLA_NUL_STRING, .len = 15, },
	[DASH_A_PORT_ROLE] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_PORT_IFINDEX] = { .type = NLA_U32, },
	[DASH_A_PORT_ENI] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_PORT_NETNS] = { .type = NLA_NUL_STRING, .len = 255, },
	[DASH_A_PORT_NSID] = { .type = NLA_U32, },
};

const struct nla_policy dash_port_range_nl_policy[DASH_A_PORT_RANGE_HI + 1] = {
	[DASH_A_PORT_RANGE_LO] = { .type = NLA_U16, },
	[DASH_A_PORT_RANGE_HI] = { .type = NLA_U16, },
};

const struct nla_policy dash_prefix_nl_policy[DASH_A_PREFIX_LEN + 1] = {
	[DASH_A_PREFIX_ADDR] = { .type = NLA_BINARY, },
	[DASH_A_PREFIX_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
};

const struct nla_policy dash_qos_nl_policy[DASH_A_QOS_FLOWS + 1] = {
	[DASH_A_QOS_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_QOS_QOS_ID] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_QOS_BW] = { .type = NLA_U64, },
	[DASH_A_QOS_CPS] = { .type = NLA_U32, },
	[DASH_A_QOS_FLOWS] = { .type = NLA_U32, },
};

const struct nla_policy dash_route_nl_policy[DASH_A_ROUTE_UNDERLAY_DIP + 1] = {
	[DASH_A_ROUTE_GROUP] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ROUTE_ADDR] = { .type = NLA_BINARY, },
	[DASH_A_ROUTE_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[DASH_A_ROUTE_ACTION] = NLA_POLICY_MAX(NLA_U8, 7),
	[DASH_A_ROUTE_VNET] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ROUTE_OVERLAY_IP] = { .type = NLA_BINARY, },
	[DASH_A_ROUTE_UNDERLAY] = NLA_POLICY_MAX(NLA_U8, 2),
	[DASH_A_ROUTE_UNDERLAY_IP] = { .type = NLA_BINARY, },
	[DASH_A_ROUTE_MAC] = NLA_POLICY_EXACT_LEN(6),
	[DASH_A_ROUTE_VNI] = { .type = NLA_U32, },
	[DASH_A_ROUTE_METERING_CLASS_OR] = { .type = NLA_U32, },
	[DASH_A_ROUTE_METERING_CLASS_AND] = { .type = NLA_U32, },
	[DASH_A_ROUTE_METERING_POLICY] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_ROUTE_TUNNEL] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ROUTE_APPLIANCE] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ROUTE_NAT_IP] = { .type = NLA_BINARY, },
	[DASH_A_ROUTE_NAT_PORTS] = NLA_POLICY_NESTED(dash_port_range_nl_policy),
	[DASH_A_ROUTE_COUNTER] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_ROUTE_PACKETS] = { .type = NLA_U64, },
	[DASH_A_ROUTE_BYTES] = { .type = NLA_U64, },
	[DASH_A_ROUTE_REPLY_PACKETS] = { .type = NLA_U64, },
	[DASH_A_ROUTE_REPLY_BYTES] = { .type = NLA_U64, },
	[DASH_A_ROUTE_OVERLAY_SIP] = NLA_POLICY_EXACT_LEN(16),
	[DASH_A_ROUTE_OVERLAY_SIP_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[DASH_A_ROUTE_OVERLAY_DIP] = NLA_POLICY_EXACT_LEN(16),
	[DASH_A_ROUTE_OVERLAY_DIP_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[DASH_A_ROUTE_UNDERLAY_SIP] = { .type = NLA_BINARY, },
	[DASH_A_ROUTE_UNDERLAY_DIP] = { .type = NLA_BINARY, },
};

const struct nla_policy dash_route_group_nl_policy[DASH_A_ROUTE_GROUP_VERSION + 1] = {
	[DASH_A_ROUTE_GROUP_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ROUTE_GROUP_GUID] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ROUTE_GROUP_VERSION] = { .type = NLA_NUL_STRING, .len = 63, },
};

const struct nla_policy dash_route_rule_nl_policy[DASH_A_ROUTE_RULE_REPLY_BYTES + 1] = {
	[DASH_A_ROUTE_RULE_ENI] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ROUTE_RULE_VNI] = { .type = NLA_U32, },
	[DASH_A_ROUTE_RULE_ADDR] = { .type = NLA_BINARY, },
	[DASH_A_ROUTE_RULE_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[DASH_A_ROUTE_RULE_PRIORITY] = { .type = NLA_U32, },
	[DASH_A_ROUTE_RULE_ACTION] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_ROUTE_RULE_PROTOCOL] = { .type = NLA_U8, },
	[DASH_A_ROUTE_RULE_VNET] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ROUTE_RULE_PA_VALIDATION] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_ROUTE_RULE_METERING_CLASS_OR] = { .type = NLA_U32, },
	[DASH_A_ROUTE_RULE_METERING_CLASS_AND] = { .type = NLA_U32, },
	[DASH_A_ROUTE_RULE_REGION] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ROUTE_RULE_COUNTER] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_ROUTE_RULE_PACKETS] = { .type = NLA_U64, },
	[DASH_A_ROUTE_RULE_BYTES] = { .type = NLA_U64, },
	[DASH_A_ROUTE_RULE_REPLY_PACKETS] = { .type = NLA_U64, },
	[DASH_A_ROUTE_RULE_REPLY_BYTES] = { .type = NLA_U64, },
};

const struct nla_policy dash_routing_appliance_nl_policy[DASH_A_ROUTING_APPLIANCE_VNI + 1] = {
	[DASH_A_ROUTING_APPLIANCE_ID] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ROUTING_APPLIANCE_GUID] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ROUTING_APPLIANCE_ADDRESS] = { .type = NLA_BINARY, },
	[DASH_A_ROUTING_APPLIANCE_ENCAP] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_ROUTING_APPLIANCE_VNI] = { .type = NLA_U32, },
};

const struct nla_policy dash_routing_type_nl_policy[DASH_A_ROUTING_TYPE_STEP + 1] = {
	[DASH_A_ROUTING_TYPE_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_ROUTING_TYPE_STEP] = NLA_POLICY_NESTED(dash_type_step_nl_policy),
};

const struct nla_policy dash_tag_nl_policy[DASH_A_TAG_APPEND + 1] = {
	[DASH_A_TAG_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_TAG_IP_VERSION] = NLA_POLICY_RANGE(NLA_U8, 1, 2),
	[DASH_A_TAG_PREFIX] = NLA_POLICY_NESTED(dash_prefix_nl_policy),
	[DASH_A_TAG_APPEND] = { .type = NLA_FLAG, },
};

const struct nla_policy dash_timeouts_nl_policy[DASH_A_TIMEOUTS_OTHER + 1] = {
	[DASH_A_TIMEOUTS_SYN] = { .type = NLA_U32, },
	[DASH_A_TIMEOUTS_ESTABLISHED] = { .type = NLA_U32, },
	[DASH_A_TIMEOUTS_FIN] = { .type = NLA_U32, },
	[DASH_A_TIMEOUTS_CLOSED] = { .type = NLA_U32, },
	[DASH_A_TIMEOUTS_TIME_WAIT] = { .type = NLA_U32, },
	[DASH_A_TIMEOUTS_UDP_NEW] = { .type = NLA_U32, },
	[DASH_A_TIMEOUTS_UDP_STREAM] = { .type = NLA_U32, },
	[DASH_A_TIMEOUTS_ICMP] = { .type = NLA_U32, },
	[DASH_A_TIMEOUTS_OTHER] = { .type = NLA_U32, },
};

const struct nla_policy dash_tunnel_nl_policy[DASH_A_TUNNEL_METERING_CLASS_OR + 1] = {
	[DASH_A_TUNNEL_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_TUNNEL_ENDPOINT] = { .type = NLA_BINARY, },
	[DASH_A_TUNNEL_ENCAP] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_TUNNEL_VNI] = { .type = NLA_U32, },
	[DASH_A_TUNNEL_SIP] = { .type = NLA_BINARY, },
	[DASH_A_TUNNEL_METERING_CLASS_OR] = { .type = NLA_U32, },
};

const struct nla_policy dash_type_step_nl_policy[DASH_A_TYPE_STEP_VNI + 1] = {
	[DASH_A_TYPE_STEP_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_TYPE_STEP_ACTION] = NLA_POLICY_MAX(NLA_U8, 7),
	[DASH_A_TYPE_STEP_ENCAP] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_TYPE_STEP_VNI] = { .type = NLA_U32, },
};

const struct nla_policy dash_vnet_nl_policy[DASH_A_VNET_APPEND + 1] = {
	[DASH_A_VNET_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_VNET_VNI] = { .type = NLA_U32, },
	[DASH_A_VNET_GUID] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_VNET_VERSION] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_VNET_ADDRESS_SPACE] = { .type = NLA_STRING, .len = 63, },
	[DASH_A_VNET_PEER] = { .type = NLA_STRING, .len = 63, },
	[DASH_A_VNET_APPEND] = { .type = NLA_FLAG, },
};

const struct nla_policy dash_vni_range_nl_policy[DASH_A_VNI_RANGE_HI + 1] = {
	[DASH_A_VNI_RANGE_LO] = { .type = NLA_U32, },
	[DASH_A_VNI_RANGE_HI] = { .type = NLA_U32, },
};

const struct nla_policy dash_xform_nl_policy[DASH_A_XFORM_OVERLAY_DST + 1] = {
	[DASH_A_XFORM_OUTER_SRC] = { .type = NLA_BINARY, },
	[DASH_A_XFORM_OUTER_DST] = { .type = NLA_BINARY, },
	[DASH_A_XFORM_VNI] = { .type = NLA_U32, },
	[DASH_A_XFORM_ENCAP] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_XFORM_DST_MAC] = NLA_POLICY_EXACT_LEN(6),
	[DASH_A_XFORM_UDP_SPORT] = { .type = NLA_U16, },
	[DASH_A_XFORM_DEV] = { .type = NLA_NUL_STRING, },
	[DASH_A_XFORM_PACKETS] = { .type = NLA_U64, },
	[DASH_A_XFORM_BYTES] = { .type = NLA_U64, },
	[DASH_A_XFORM_NAT_SRC] = { .type = NLA_BINARY, },
	[DASH_A_XFORM_NAT_SPORT] = { .type = NLA_U16, },
	[DASH_A_XFORM_OVERLAY_SRC] = { .type = NLA_BINARY, },
	[DASH_A_XFORM_OVERLAY_DST] = { .type = NLA_BINARY, },
};

/* DASH_CMD_CONFIG_SET - do */
const struct nla_policy dash_config_set_nl_policy[DASH_A_CONFIG_POLICY + 1] = {
	[DASH_A_CONFIG_TXN] = { .type = NLA_U32, },
	[DASH_A_CONFIG_SEQ] = { .type = NLA_U32, },
	[DASH_A_CONFIG_APPLIANCE] = NLA_POLICY_NESTED(dash_appliance_nl_policy),
	[DASH_A_CONFIG_VNET] = NLA_POLICY_NESTED(dash_vnet_nl_policy),
	[DASH_A_CONFIG_QOS] = NLA_POLICY_NESTED(dash_qos_nl_policy),
	[DASH_A_CONFIG_ROUTING_TYPE] = NLA_POLICY_NESTED(dash_routing_type_nl_policy),
	[DASH_A_CONFIG_TAG] = NLA_POLICY_NESTED(dash_tag_nl_policy),
	[DASH_A_CONFIG_ACL_GROUP] = NLA_POLICY_NESTED(dash_acl_group_nl_policy),
	[DASH_A_CONFIG_ACL_RULE] = NLA_POLICY_NESTED(dash_acl_rule_nl_policy),
	[DASH_A_CONFIG_ROUTE_GROUP] = NLA_POLICY_NESTED(dash_route_group_nl_policy),
	[DASH_A_CONFIG_ROUTE] = NLA_POLICY_NESTED(dash_route_nl_policy),
	[DASH_A_CONFIG_MAPPING] = NLA_POLICY_NESTED(dash_mapping_nl_policy),
	[DASH_A_CONFIG_PA_VALIDATION] = NLA_POLICY_NESTED(dash_pa_validation_nl_policy),
	[DASH_A_CONFIG_METER_POLICY] = NLA_POLICY_NESTED(dash_meter_policy_nl_policy),
	[DASH_A_CONFIG_METER_RULE] = NLA_POLICY_NESTED(dash_meter_rule_nl_policy),
	[DASH_A_CONFIG_ENI] = NLA_POLICY_NESTED(dash_eni_nl_policy),
	[DASH_A_CONFIG_METER] = NLA_POLICY_NESTED(dash_meter_nl_policy),
	[DASH_A_CONFIG_ACL_BIND] = NLA_POLICY_NESTED(dash_acl_bind_nl_policy),
	[DASH_A_CONFIG_ENI_ROUTE] = NLA_POLICY_NESTED(dash_eni_route_nl_policy),
	[DASH_A_CONFIG_ROUTE_RULE] = NLA_POLICY_NESTED(dash_route_rule_nl_policy),
	[DASH_A_CONFIG_PORT] = NLA_POLICY_NESTED(dash_port_nl_policy),
	[DASH_A_CONFIG_TUNNEL] = NLA_POLICY_NESTED(dash_tunnel_nl_policy),
	[DASH_A_CONFIG_ROUTING_APPLIANCE] = NLA_POLICY_NESTED(dash_routing_appliance_nl_policy),
	[DASH_A_CONFIG_POLICY] = NLA_POLICY_MAX(NLA_U8, 2),
};

/* DASH_CMD_CONFIG_DEL - do */
const struct nla_policy dash_config_del_nl_policy[DASH_A_CONFIG_POLICY + 1] = {
	[DASH_A_CONFIG_TXN] = { .type = NLA_U32, },
	[DASH_A_CONFIG_SEQ] = { .type = NLA_U32, },
	[DASH_A_CONFIG_APPLIANCE] = NLA_POLICY_NESTED(dash_appliance_nl_policy),
	[DASH_A_CONFIG_VNET] = NLA_POLICY_NESTED(dash_vnet_nl_policy),
	[DASH_A_CONFIG_QOS] = NLA_POLICY_NESTED(dash_qos_nl_policy),
	[DASH_A_CONFIG_ROUTING_TYPE] = NLA_POLICY_NESTED(dash_routing_type_nl_policy),
	[DASH_A_CONFIG_TAG] = NLA_POLICY_NESTED(dash_tag_nl_policy),
	[DASH_A_CONFIG_ACL_GROUP] = NLA_POLICY_NESTED(dash_acl_group_nl_policy),
	[DASH_A_CONFIG_ACL_RULE] = NLA_POLICY_NESTED(dash_acl_rule_nl_policy),
	[DASH_A_CONFIG_ROUTE_GROUP] = NLA_POLICY_NESTED(dash_route_group_nl_policy),
	[DASH_A_CONFIG_ROUTE] = NLA_POLICY_NESTED(dash_route_nl_policy),
	[DASH_A_CONFIG_MAPPING] = NLA_POLICY_NESTED(dash_mapping_nl_policy),
	[DASH_A_CONFIG_PA_VALIDATION] = NLA_POLICY_NESTED(dash_pa_validation_nl_policy),
	[DASH_A_CONFIG_METER_POLICY] = NLA_POLICY_NESTED(dash_meter_policy_nl_policy),
	[DASH_A_CONFIG_METER_RULE] = NLA_POLICY_NESTED(dash_meter_rule_nl_policy),
	[DASH_A_CONFIG_ENI] = NLA_POLICY_NESTED(dash_eni_nl_policy),
	[DASH_A_CONFIG_METER] = NLA_POLICY_NESTED(dash_meter_nl_policy),
	[DASH_A_CONFIG_ACL_BIND] = NLA_POLICY_NESTED(dash_acl_bind_nl_policy),
	[DASH_A_CONFIG_ENI_ROUTE] = NLA_POLICY_NESTED(dash_eni_route_nl_policy),
	[DASH_A_CONFIG_ROUTE_RULE] = NLA_POLICY_NESTED(dash_route_rule_nl_policy),
	[DASH_A_CONFIG_PORT] = NLA_POLICY_NESTED(dash_port_nl_policy),
	[DASH_A_CONFIG_TUNNEL] = NLA_POLICY_NESTED(dash_tunnel_nl_policy),
	[DASH_A_CONFIG_ROUTING_APPLIANCE] = NLA_POLICY_NESTED(dash_routing_appliance_nl_policy),
	[DASH_A_CONFIG_POLICY] = NLA_POLICY_MAX(NLA_U8, 2),
};

/* DASH_CMD_CONFIG_GET - do */
const struct nla_policy dash_config_get_nl_policy[DASH_A_CONFIG_ROUTING_APPLIANCE + 1] = {
	[DASH_A_CONFIG_TYPE] = NLA_POLICY_MAX(NLA_U32, 20),
	[DASH_A_CONFIG_PARENT] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_CONFIG_APPLIANCE] = NLA_POLICY_NESTED(dash_appliance_nl_policy),
	[DASH_A_CONFIG_VNET] = NLA_POLICY_NESTED(dash_vnet_nl_policy),
	[DASH_A_CONFIG_QOS] = NLA_POLICY_NESTED(dash_qos_nl_policy),
	[DASH_A_CONFIG_ROUTING_TYPE] = NLA_POLICY_NESTED(dash_routing_type_nl_policy),
	[DASH_A_CONFIG_TAG] = NLA_POLICY_NESTED(dash_tag_nl_policy),
	[DASH_A_CONFIG_ACL_GROUP] = NLA_POLICY_NESTED(dash_acl_group_nl_policy),
	[DASH_A_CONFIG_ACL_RULE] = NLA_POLICY_NESTED(dash_acl_rule_nl_policy),
	[DASH_A_CONFIG_ROUTE_GROUP] = NLA_POLICY_NESTED(dash_route_group_nl_policy),
	[DASH_A_CONFIG_ROUTE] = NLA_POLICY_NESTED(dash_route_nl_policy),
	[DASH_A_CONFIG_MAPPING] = NLA_POLICY_NESTED(dash_mapping_nl_policy),
	[DASH_A_CONFIG_PA_VALIDATION] = NLA_POLICY_NESTED(dash_pa_validation_nl_policy),
	[DASH_A_CONFIG_METER_POLICY] = NLA_POLICY_NESTED(dash_meter_policy_nl_policy),
	[DASH_A_CONFIG_METER_RULE] = NLA_POLICY_NESTED(dash_meter_rule_nl_policy),
	[DASH_A_CONFIG_ENI] = NLA_POLICY_NESTED(dash_eni_nl_policy),
	[DASH_A_CONFIG_METER] = NLA_POLICY_NESTED(dash_meter_nl_policy),
	[DASH_A_CONFIG_ACL_BIND] = NLA_POLICY_NESTED(dash_acl_bind_nl_policy),
	[DASH_A_CONFIG_ENI_ROUTE] = NLA_POLICY_NESTED(dash_eni_route_nl_policy),
	[DASH_A_CONFIG_ROUTE_RULE] = NLA_POLICY_NESTED(dash_route_rule_nl_policy),
	[DASH_A_CONFIG_PORT] = NLA_POLICY_NESTED(dash_port_nl_policy),
	[DASH_A_CONFIG_TUNNEL] = NLA_POLICY_NESTED(dash_tunnel_nl_policy),
	[DASH_A_CONFIG_ROUTING_APPLIANCE] = NLA_POLICY_NESTED(dash_routing_appliance_nl_policy),
};

/* DASH_CMD_TXN_BEGIN - do */
const struct nla_policy dash_txn_begin_nl_policy[DASH_A_CONFIG_SEQ + 1] = {
	[DASH_A_CONFIG_SEQ] = { .type = NLA_U32, },
};

/* DASH_CMD_TXN_COMMIT - do */
const struct nla_policy dash_txn_commit_nl_policy[DASH_A_CONFIG_POLICY + 1] = {
	[DASH_A_CONFIG_TXN] = { .type = NLA_U32, },
	[DASH_A_CONFIG_POLICY] = NLA_POLICY_MAX(NLA_U8, 2),
};

/* DASH_CMD_TXN_CHECK - do */
const struct nla_policy dash_txn_check_nl_policy[DASH_A_CONFIG_TXN + 1] = {
	[DASH_A_CONFIG_TXN] = { .type = NLA_U32, },
};

/* DASH_CMD_TXN_ABORT - do */
const struct nla_policy dash_txn_abort_nl_policy[DASH_A_CONFIG_TXN + 1] = {
	[DASH_A_CONFIG_TXN] = { .type = NLA_U32, },
};

/* DASH_CMD_STATS_GET - do */
const struct nla_policy dash_stats_get_nl_policy[DASH_A_STATS_PORT + 1] = {
	[DASH_A_STATS_ENI] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_STATS_PORT] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* DASH_CMD_MEMORY_GET - do */
const struct nla_policy dash_memory_get_nl_policy[DASH_A_MEMORY_KIND + 1] = {
	[DASH_A_MEMORY_KIND] = NLA_POLICY_MAX(NLA_U32, 7),
};

/* DASH_CMD_FLOW_GET - do */
const struct nla_policy dash_flow_get_nl_policy[DASH_A_FLOW_STALE + 1] = {
	[DASH_A_FLOW_ENI] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_FLOW_SRC] = { .type = NLA_BINARY, },
	[DASH_A_FLOW_DST] = { .type = NLA_BINARY, },
	[DASH_A_FLOW_PROTO] = { .type = NLA_U8, },
	[DASH_A_FLOW_SPORT] = { .type = NLA_U16, },
	[DASH_A_FLOW_DPORT] = { .type = NLA_U16, },
	[DASH_A_FLOW_STATE] = NLA_POLICY_MAX(NLA_U8, 8),
	[DASH_A_FLOW_AGE] = { .type = NLA_U32, },
	[DASH_A_FLOW_SRC_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[DASH_A_FLOW_DST_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[DASH_A_FLOW_PORT] = { .type = NLA_U16, },
	[DASH_A_FLOW_RULE] = { .type = NLA_NUL_STRING, .len = 127, },
	[DASH_A_FLOW_DETAILS] = { .type = NLA_FLAG, },
	[DASH_A_FLOW_STALE] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* DASH_CMD_FLOW_FLUSH - do */
const struct nla_policy dash_flow_flush_nl_policy[DASH_A_FLOW_STALE + 1] = {
	[DASH_A_FLOW_ENI] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_FLOW_SRC] = { .type = NLA_BINARY, },
	[DASH_A_FLOW_DST] = { .type = NLA_BINARY, },
	[DASH_A_FLOW_PROTO] = { .type = NLA_U8, },
	[DASH_A_FLOW_SPORT] = { .type = NLA_U16, },
	[DASH_A_FLOW_DPORT] = { .type = NLA_U16, },
	[DASH_A_FLOW_STATE] = NLA_POLICY_MAX(NLA_U8, 8),
	[DASH_A_FLOW_AGE] = { .type = NLA_U32, },
	[DASH_A_FLOW_SRC_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[DASH_A_FLOW_DST_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[DASH_A_FLOW_PORT] = { .type = NLA_U16, },
	[DASH_A_FLOW_RULE] = { .type = NLA_NUL_STRING, .len = 127, },
	[DASH_A_FLOW_DETAILS] = { .type = NLA_FLAG, },
	[DASH_A_FLOW_STALE] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* DASH_CMD_EXPLAIN - do */
const struct nla_policy dash_explain_nl_policy[DASH_A_EXPLAIN_PA + 1] = {
	[DASH_A_EXPLAIN_ENI] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_EXPLAIN_DIRECTION] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_EXPLAIN_SRC] = { .type = NLA_BINARY, },
	[DASH_A_EXPLAIN_DST] = { .type = NLA_BINARY, },
	[DASH_A_EXPLAIN_PROTO] = { .type = NLA_U8, },
	[DASH_A_EXPLAIN_SPORT] = { .type = NLA_U16, },
	[DASH_A_EXPLAIN_DPORT] = { .type = NLA_U16, },
	[DASH_A_EXPLAIN_VNI] = { .type = NLA_U32, },
	[DASH_A_EXPLAIN_PA] = { .type = NLA_BINARY, },
};

/* DASH_CMD_FLOW_COUNT - do */
const struct nla_policy dash_flow_count_nl_policy[DASH_A_FLOW_STALE + 1] = {
	[DASH_A_FLOW_ENI] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_FLOW_SRC] = { .type = NLA_BINARY, },
	[DASH_A_FLOW_DST] = { .type = NLA_BINARY, },
	[DASH_A_FLOW_PROTO] = { .type = NLA_U8, },
	[DASH_A_FLOW_SPORT] = { .type = NLA_U16, },
	[DASH_A_FLOW_DPORT] = { .type = NLA_U16, },
	[DASH_A_FLOW_STATE] = NLA_POLICY_MAX(NLA_U8, 8),
	[DASH_A_FLOW_AGE] = { .type = NLA_U32, },
	[DASH_A_FLOW_SRC_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[DASH_A_FLOW_DST_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[DASH_A_FLOW_PORT] = { .type = NLA_U16, },
	[DASH_A_FLOW_RULE] = { .type = NLA_NUL_STRING, .len = 127, },
	[DASH_A_FLOW_DETAILS] = { .type = NLA_FLAG, },
	[DASH_A_FLOW_STALE] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* DASH_CMD_FLOW_TOP - do */
const struct nla_policy dash_flow_top_nl_policy[DASH_A_FLOW_STALE + 1] = {
	[DASH_A_FLOW_ENI] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_FLOW_SRC] = { .type = NLA_BINARY, },
	[DASH_A_FLOW_DST] = { .type = NLA_BINARY, },
	[DASH_A_FLOW_PROTO] = { .type = NLA_U8, },
	[DASH_A_FLOW_SPORT] = { .type = NLA_U16, },
	[DASH_A_FLOW_DPORT] = { .type = NLA_U16, },
	[DASH_A_FLOW_STATE] = NLA_POLICY_MAX(NLA_U8, 8),
	[DASH_A_FLOW_AGE] = { .type = NLA_U32, },
	[DASH_A_FLOW_SRC_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[DASH_A_FLOW_DST_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[DASH_A_FLOW_PORT] = { .type = NLA_U16, },
	[DASH_A_FLOW_RULE] = { .type = NLA_NUL_STRING, .len = 127, },
	[DASH_A_FLOW_DETAILS] = { .type = NLA_FLAG, },
	[DASH_A_FLOW_STALE] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_FLOW_ORDER] = NLA_POLICY_MAX(NLA_U8, 3),
	[DASH_A_FLOW_TOP] = NLA_POLICY_RANGE(NLA_U16, 1, 1000),
};

/* DASH_CMD_FLOW_ADD - do */
const struct nla_policy dash_flow_add_nl_policy[DASH_A_FLOW_ICMP_TYPE + 1] = {
	[DASH_A_FLOW_ENI] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_FLOW_DIRECTION] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_FLOW_SRC] = { .type = NLA_BINARY, },
	[DASH_A_FLOW_DST] = { .type = NLA_BINARY, },
	[DASH_A_FLOW_PROTO] = { .type = NLA_U8, },
	[DASH_A_FLOW_SPORT] = { .type = NLA_U16, },
	[DASH_A_FLOW_DPORT] = { .type = NLA_U16, },
	[DASH_A_FLOW_STATE] = NLA_POLICY_MAX(NLA_U8, 8),
	[DASH_A_FLOW_FORWARD] = NLA_POLICY_NESTED(dash_xform_nl_policy),
	[DASH_A_FLOW_REVERSE] = NLA_POLICY_NESTED(dash_xform_nl_policy),
	[DASH_A_FLOW_PA] = { .type = NLA_BINARY, },
	[DASH_A_FLOW_VNI] = { .type = NLA_U32, },
	[DASH_A_FLOW_VIP] = { .type = NLA_BINARY, },
	[DASH_A_FLOW_ENCAP] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_FLOW_ICMP_TYPE] = { .type = NLA_U8, },
};

/* DASH_CMD_FLOW_DEL - do */
const struct nla_policy dash_flow_del_nl_policy[DASH_A_FLOW_DPORT + 1] = {
	[DASH_A_FLOW_ENI] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_FLOW_SRC] = { .type = NLA_BINARY, },
	[DASH_A_FLOW_DST] = { .type = NLA_BINARY, },
	[DASH_A_FLOW_PROTO] = { .type = NLA_U8, },
	[DASH_A_FLOW_SPORT] = { .type = NLA_U16, },
	[DASH_A_FLOW_DPORT] = { .type = NLA_U16, },
};

/* DASH_CMD_FLOW_SAVE - do */
const struct nla_policy dash_flow_save_nl_policy[DASH_A_FLOW_STALE + 1] = {
	[DASH_A_FLOW_ENI] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_FLOW_SRC] = { .type = NLA_BINARY, },
	[DASH_A_FLOW_DST] = { .type = NLA_BINARY, },
	[DASH_A_FLOW_PROTO] = { .type = NLA_U8, },
	[DASH_A_FLOW_SPORT] = { .type = NLA_U16, },
	[DASH_A_FLOW_DPORT] = { .type = NLA_U16, },
	[DASH_A_FLOW_STATE] = NLA_POLICY_MAX(NLA_U8, 8),
	[DASH_A_FLOW_AGE] = { .type = NLA_U32, },
	[DASH_A_FLOW_SRC_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[DASH_A_FLOW_DST_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[DASH_A_FLOW_PORT] = { .type = NLA_U16, },
	[DASH_A_FLOW_RULE] = { .type = NLA_NUL_STRING, .len = 127, },
	[DASH_A_FLOW_DETAILS] = { .type = NLA_FLAG, },
	[DASH_A_FLOW_STALE] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* DASH_CMD_FLOW_RESTORE - do */
const struct nla_policy dash_flow_restore_nl_policy[DASH_A_FLOW_CONNECTION + 1] = {
	[DASH_A_FLOW_CONNECTION] = { .type = NLA_BINARY, },
};

/* DASH_CMD_METER_GET - do */
const struct nla_policy dash_meter_get_nl_policy[DASH_A_CONFIG_METER + 1] = {
	[DASH_A_CONFIG_METER] = NLA_POLICY_NESTED(dash_meter_nl_policy),
};

/* DASH_CMD_EXPLAIN_LIVE - do */
const struct nla_policy dash_explain_live_nl_policy[DASH_A_EXPLAIN_RATE + 1] = {
	[DASH_A_EXPLAIN_ENI] = { .type = NLA_NUL_STRING, .len = 63, },
	[DASH_A_EXPLAIN_DIRECTION] = NLA_POLICY_MAX(NLA_U8, 1),
	[DASH_A_EXPLAIN_SRC] = { .type = NLA_BINARY, },
	[DASH_A_EXPLAIN_DST] = { .type = NLA_BINARY, },
	[DASH_A_EXPLAIN_PROTO] = { .type = NLA_U8, },
	[DASH_A_EXPLAIN_SPORT] = { .type = NLA_U16, },
	[DASH_A_EXPLAIN_DPORT] = { .type = NLA_U16, },
	[DASH_A_EXPLAIN_COUNT] = NLA_POLICY_MIN(NLA_U32, 1),
	[DASH_A_EXPLAIN_RATE] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* Ops table for dash */
const struct genl_ops dash_nl_ops[20] = {
	{
		.cmd		= DASH_CMD_CONFIG_SET,
		.doit		= dash_nl_config_set_doit,
		.policy		= dash_config_set_nl_policy,
		.maxattr	= DASH_A_CONFIG_POLICY,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= DASH_CMD_CONFIG_DEL,
		.doit		= dash_nl_config_del_doit,
		.policy		= dash_config_del_nl_policy,
		.maxattr	= DASH_A_CONFIG_POLICY,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= DASH_CMD_CONFIG_GET,
		.doit		= dash_nl_config_get_doit,
		.dumpit		= dash_nl_config_get_dumpit,
		.policy		= dash_config_get_nl_policy,
		.maxattr	= DASH_A_CONFIG_ROUTING_APPLIANCE,
	},
	{
		.cmd		= DASH_CMD_TXN_BEGIN,
		.doit		= dash_nl_txn_begin_doit,
		.policy		= dash_txn_begin_nl_policy,
		.maxattr	= DASH_A_CONFIG_SEQ,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= DASH_CMD_TXN_COMMIT,
		.doit		= dash_nl_txn_commit_doit,
		.policy		= dash_txn_commit_nl_policy,
		.maxattr	= DASH_A_CONFIG_POLICY,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= DASH_CMD_TXN_CHECK,
		.doit		= dash_nl_txn_check_doit,
		.policy		= dash_txn_check_nl_policy,
		.maxattr	= DASH_A_CONFIG_TXN,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= DASH_CMD_TXN_ABORT,
		.doit		= dash_nl_txn_abort_doit,
		.policy		= dash_txn_abort_nl_policy,
		.maxattr	= DASH_A_CONFIG_TXN,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= DASH_CMD_STATS_GET,
		.doit		= dash_nl_stats_get_doit,
		.dumpit		= dash_nl_stats_get_dumpit,
		.policy		= dash_stats_get_nl_policy,
		.maxattr	= DASH_A_STATS_PORT,
	},
	{
		.cmd		= DASH_CMD_MEMORY_GET,
		.doit		= dash_nl_memory_get_doit,
		.dumpit		= dash_nl_memory_get_dumpit,
		.policy		= dash_memory_get_nl_policy,
		.maxattr	= DASH_A_MEMORY_KIND,
	},
	{
		.cmd		= DASH_CMD_FLOW_GET,
		.doit		= dash_nl_flow_get_doit,
		.dumpit		= dash_nl_flow_get_dumpit,
		.policy		= dash_flow_get_nl_policy,
		.maxattr	= DASH_A_FLOW_STALE,
	},
	{
		.cmd		= DASH_CMD_FLOW_FLUSH,
		.doit		= dash_nl_flow_flush_doit,
		.policy		= dash_flow_flush_nl_policy,
		.maxattr	= DASH_A_FLOW_STALE,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= DASH_CMD_EXPLAIN,
		.doit		= dash_nl_explain_doit,
		.policy		= dash_explain_nl_policy,
		.maxattr	= DASH_A_EXPLAIN_PA,
	},
	{
		.cmd		= DASH_CMD_FLOW_COUNT,
		.doit		= dash_nl_flow_count_doit,
		.policy		= dash_flow_count_nl_policy,
		.maxattr	= DASH_A_FLOW_STALE,
	},
	{
		.cmd		= DASH_CMD_FLOW_TOP,
		.doit		= dash_nl_flow_top_doit,
		.policy		= dash_flow_top_nl_policy,
		.maxattr	= DASH_A_FLOW_STALE,
	},
	{
		.cmd		= DASH_CMD_FLOW_ADD,
		.doit		= dash_nl_flow_add_doit,
		.policy		= dash_flow_add_nl_policy,
		.maxattr	= DASH_A_FLOW_ICMP_TYPE,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= DASH_CMD_FLOW_DEL,
		.doit		= dash_nl_flow_del_doit,
		.policy		= dash_flow_del_nl_policy,
		.maxattr	= DASH_A_FLOW_DPORT,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= DASH_CMD_FLOW_SAVE,
		.doit		= dash_nl_flow_save_doit,
		.dumpit		= dash_nl_flow_save_dumpit,
		.policy		= dash_flow_save_nl_policy,
		.maxattr	= DASH_A_FLOW_STALE,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= DASH_CMD_FLOW_RESTORE,
		.doit		= dash_nl_flow_restore_doit,
		.policy		= dash_flow_restore_nl_policy,
		.maxattr	= DASH_A_FLOW_CONNECTION,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= DASH_CMD_METER_GET,
		.doit		= dash_nl_meter_get_doit,
		.dumpit		= dash_nl_meter_get_dumpit,
		.policy		= dash_meter_get_nl_policy,
		.maxattr	= DASH_A_CONFIG_METER,
	},
	{
		.cmd		= DASH_CMD_EXPLAIN_LIVE,
		.doit		= dash_nl_explain_live_doit,
		.policy		= dash_explain_live_nl_policy,
		.maxattr	= DASH_A_EXPLAIN_RATE,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
};

const struct genl_multicast_group dash_nl_mcgrps[] = {
	[DASH_NLGRP_CONFIG] = { "config", },
	[DASH_NLGRP_FLOWS] = { "flows", },
	[DASH_NLGRP_DROPS] = { "drops", },
};
