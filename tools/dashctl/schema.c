// SPDX-License-Identifier: GPL-2.0
#include <linux/dash.h>
#include <string.h>
#include <strings.h>

#include "schema.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define LIST(...)	((const char * const []){ __VA_ARGS__, NULL })
#define NAMES(...)	.name = LIST(__VA_ARGS__)

/* Names of values, in the order of the enums of <linux/dash.h>. */

const struct names drop_names = {
	NAMES("none", "malformed", "frag_outer", "multicast", "no_eni", "eni_down",
	      "untrusted_vni", "tcp_flags", "frag_no_parent", "frag_tiny",
	      "frag_overlap", "frag_limit", "icmp_no_flow", "tcp_no_syn", "spoof",
	      "no_route_rule", "pa_invalid", "acl_deny", "no_route", "route_drop",
	      "no_mapping", "cps_limit", "flow_limit", "half_open_limit",
	      "max_flows", "bw_limit", "no_vip", "no_nexthop", "too_big",
	      "no_memory", "nat_exhausted", "no_nat_flow", "control", "untranslatable"),
};

const struct names event_names = {
	NAMES("commit", "set", "delete", "new", "end", "deny", "limit", "drop", "lost")
};

static const struct names flow_end_names = {
	NAMES("timeout", "closed", "flushed", "evicted", "policy", "replaced", "eni_gone",
	      "cut")
};

static const struct names object_type_names = {
	NAMES("appliance", "vnet", "qos", "routing_type", "tag", "acl_group", "acl_rule",
	      "route_group", "route", "mapping", "pa_validation", "meter_policy", "meter_rule",
	      "eni", "meter", "acl_bind", "eni_route", "route_rule", "port", "tunnel",
	      "routing_appliance")
};

const struct names memory_names = {
	NAMES("row", "mapping", "host", "route", "action", "acl_group", "flow",
	      "counter"),
};

const struct names policy_names = { NAMES("resimulate", "keep", "cut") };

const struct names direction_names = {
	NAMES("outbound", "inbound"),
	.synonym = LIST("out", "outbound", "in", "inbound"),
};

const struct names flow_order_names = {
	NAMES("bytes", "packets", "age", "idle"),
};

const struct names flow_state_names = {
	NAMES("syn_sent", "syn_recv", "established", "fin", "time_wait", "closed",
	      "new", "stream", "icmp"),
};

const struct names acl_action_names = {
	NAMES("deny", "allow"),
	.synonym = LIST("permit", "allow"),
};

static const struct names port_role_names = {
	NAMES("underlay", "vport"),
};

static const struct names ip_version_names = {
	.first = DASH_IP_VERSION_IPV4,
	NAMES("ipv4", "ipv6"),
	.synonym = LIST("4", "ipv4", "6", "ipv6"),
};

static const struct names route_action_names = {
	NAMES("vnet", "vnet_direct", "vnet_encap", "direct", "drop", "tunnel", "snat",
	      "servicetunnel"),
	.unsupported = LIST("appliance"),
};

static const struct names rule_action_names = { NAMES("decap", "drop") };

static const struct names type_action_names = {
	NAMES("maprouting", "direct", "staticencap", "mapdecap", "decap", "drop",
	      "appliance", "4to6"),
	.synonym = LIST("map_routing", "maprouting", "static_encap", "staticencap",
			"map_decap", "mapdecap", "4_to_6", "4to6"),
};

static const struct names encap_type_names = { NAMES("vxlan", "nvgre") };
static const struct names underlay_family_names = { NAMES("any", "ipv4", "ipv6") };
static const struct names underlay_mode_names = { NAMES("fib", "hairpin", "static") };
static const struct names udp_csum_names = { NAMES("default", "on", "off") };
static const struct names dscp_mode_names = { NAMES("preserve", "pipe") };

static const struct names eni_key_names = { NAMES("src_mac", "dst_mac") };

static const struct names admin_state_names = {
	NAMES("disabled", "enabled"),
	.synonym = LIST("down", "disabled", "up", "enabled",
			"false", "disabled", "true", "enabled",
			"0", "disabled", "1", "enabled"),
};

/* Ways of writing a field. */

#define KEY(n, t, a, ...) \
	{ .name = n, .type = t, .flags = F_KEY, .attr = a, ##__VA_ARGS__ }
#define FIELD(n, t, a, ...)	{ .name = n, .type = t, .attr = a, ##__VA_ARGS__ }
#define ENUM(n, a, e, ...) \
	{ .name = n, .type = T_ENUM, .attr = a, .names = &e, ##__VA_ARGS__ }
#define OPT_KEY(n, t, a, ...) \
	{ .name = n, .type = t, .flags = F_KEY | F_OPT_KEY, .attr = a, ##__VA_ARGS__ }
#define VNI_KEY(n, a) \
	{ .name = n, .type = T_U32, .flags = F_KEY | F_VNI, .attr = a }
#define ENI_KEY(a) \
	{ .name = "eni", .type = T_STR, .flags = F_KEY | F_ENI, .attr = a }
#define NEEDED(n, t, a, ...) \
	{ .name = n, .type = t, .flags = F_NEEDED, .attr = a, ##__VA_ARGS__ }
#define NEEDED_ENUM(n, a, e, ...) \
	{ .name = n, .type = T_ENUM, .flags = F_NEEDED, .attr = a, .names = &e, ##__VA_ARGS__ }
#define REPLY(n, t, a, ...) \
	{ .name = n, .type = t, .flags = F_REPLY, .attr = a, ##__VA_ARGS__ }
#define ANSWER(n, t, a, ...) \
	{ .name = n, .type = t, .flags = F_REPLY | F_NULL, .attr = a, ##__VA_ARGS__ }
#define COUNTER(table) \
	FIELD("counter", T_BOOL, DASH_A_##table##_COUNTER, .def = "false"), \
	REPLY("packets", T_U64, DASH_A_##table##_PACKETS), \
	REPLY("bytes", T_U64, DASH_A_##table##_BYTES), \
	REPLY("reply_packets", T_U64, DASH_A_##table##_REPLY_PACKETS), \
	REPLY("reply_bytes", T_U64, DASH_A_##table##_REPLY_BYTES)
#define IGNORED(n, ...)		{ .name = n, .type = T_IGNORED, ##__VA_ARGS__ }
#define UNSUPPORTED(n, ...)	{ .name = n, .type = T_UNSUPPORTED, ##__VA_ARGS__ }
#define ALIAS(...)		.alias = { __VA_ARGS__ }
#define END			{ .name = NULL }

#define TIMEOUT(n, nest_, a) \
	{ .name = "timeout_" n, .type = T_U32, .attr = a, .nest = nest_ }
#define TIMEOUTS(nest) \
	TIMEOUT("syn", nest, DASH_A_TIMEOUTS_SYN), \
	TIMEOUT("established", nest, DASH_A_TIMEOUTS_ESTABLISHED), \
	TIMEOUT("fin", nest, DASH_A_TIMEOUTS_FIN), \
	TIMEOUT("closed", nest, DASH_A_TIMEOUTS_CLOSED), \
	TIMEOUT("time_wait", nest, DASH_A_TIMEOUTS_TIME_WAIT), \
	TIMEOUT("udp_new", nest, DASH_A_TIMEOUTS_UDP_NEW), \
	TIMEOUT("udp_stream", nest, DASH_A_TIMEOUTS_UDP_STREAM), \
	TIMEOUT("icmp", nest, DASH_A_TIMEOUTS_ICMP), \
	TIMEOUT("other", nest, DASH_A_TIMEOUTS_OTHER)

/*
 * The tables. Only optional fields have a default that is not saved: what the
 * HLD wants in every row stays there, so that others can read it.
 */

static const struct field nexthop_fields[] = {
	FIELD("prefix", T_PREFIX, DASH_A_NEXTHOP_ADDR, .len_attr = DASH_A_NEXTHOP_LEN),
	FIELD("dst_mac", T_MAC, DASH_A_NEXTHOP_DST_MAC),
	FIELD("src_mac", T_MAC, DASH_A_NEXTHOP_SRC_MAC),
	FIELD("port", T_STR, DASH_A_NEXTHOP_PORT, .max = 15),
	END
};

static const struct field appliance_fields[] = {
	KEY("id", T_STR, DASH_A_APPLIANCE_ID, ALIAS("appliance_id")),
	FIELD("sip", T_ADDR, DASH_A_APPLIANCE_SIP, .flags = F_LIST | F_SCALAR),
	FIELD("vm_vni", T_U32, DASH_A_APPLIANCE_VM_VNI,
	      .flags = F_LIST | F_SCALAR | F_VNI),
	FIELD("local_region_id", T_U32, DASH_A_APPLIANCE_LOCAL_REGION_ID),
	ENUM("outbound_direction_lookup", DASH_A_APPLIANCE_ENI_KEY, eni_key_names,
	     .def = "src_mac"),
	FIELD("trusted_vnis_list", T_VNIS, DASH_A_APPLIANCE_TRUSTED_VNI,
	      ALIAS("trusted_vnis"), .flags = F_LIST | F_SET),
	FIELD("vxlan_port", T_U16, DASH_A_APPLIANCE_VXLAN_PORT, .min = 1, .def = "4789"),
	FIELD("fake_mac", T_MAC, DASH_A_APPLIANCE_FAKE_MAC, .def = "12:34:56:78:9a:bc"),
	FIELD("max_flows", T_U32, DASH_A_APPLIANCE_MAX_FLOWS, .min = 1),
	FIELD("max_memory", T_U64, DASH_A_APPLIANCE_MAX_MEMORY, .def = "0"),
	FIELD("tcp_loose", T_BOOL, DASH_A_APPLIANCE_TCP_LOOSE, .def = "false"),
	TIMEOUTS(DASH_A_APPLIANCE_TIMEOUTS),
	FIELD("udp_sport", T_U16, DASH_A_APPLIANCE_UDP_SPORT, .absent = "hash"),
	FIELD("df", T_BOOL, DASH_A_APPLIANCE_DF, .def = "true"),
	FIELD("ip_id", T_U16, DASH_A_APPLIANCE_IP_ID, .def = "0"),
	ENUM("udp_csum", DASH_A_APPLIANCE_UDP_CSUM, udp_csum_names, .def = "default"),
	ENUM("underlay_mode", DASH_A_APPLIANCE_UNDERLAY_MODE, underlay_mode_names,
	     .def = "fib"),
	FIELD("nexthops", T_NEST, DASH_A_APPLIANCE_NEXTHOP, ALIAS("nexthop"),
	      .flags = F_LIST, .sub = nexthop_fields),
	FIELD("next_hop_mac", T_MAC, DASH_A_APPLIANCE_NEXT_HOP_MAC),
	FIELD("next_hop_src_mac", T_MAC, DASH_A_APPLIANCE_NEXT_HOP_SRC_MAC),
	FIELD("accept_any_mac", T_BOOL, DASH_A_APPLIANCE_ACCEPT_ANY_MAC, .def = "false"),
	END
};

static const struct field vnet_fields[] = {
	KEY("vnet", T_STR, DASH_A_VNET_NAME, ALIAS("name")),
	FIELD("vni", T_U32, DASH_A_VNET_VNI, .flags = F_VNI | F_NEEDED),
	FIELD("guid", T_STR, DASH_A_VNET_GUID),
	FIELD("version", T_STR, DASH_A_VNET_VERSION),
	FIELD("address_spaces", T_PREFIX_STR, DASH_A_VNET_ADDRESS_SPACE,
	      ALIAS("address_space"), .flags = F_LIST | F_SET),
	FIELD("peer_list", T_STR, DASH_A_VNET_PEER, ALIAS("peer"), .flags = F_LIST | F_SET),
	END
};

static const struct field qos_fields[] = {
	KEY("qos", T_STR, DASH_A_QOS_NAME, ALIAS("name")),
	FIELD("qos_id", T_STR, DASH_A_QOS_QOS_ID),
	FIELD("bw", T_U64, DASH_A_QOS_BW, .def = "0"),
	FIELD("cps", T_U32, DASH_A_QOS_CPS, .def = "0"),
	FIELD("flows", T_U32, DASH_A_QOS_FLOWS, .def = "0"),
	END
};

static const struct field eni_fields[] = {
	{ .name = "eni", .type = T_STR, .flags = F_KEY | F_ENI, .attr = DASH_A_ENI_NAME,
	  ALIAS("name") },
	FIELD("eni_id", T_STR, DASH_A_ENI_ENI_ID),
	FIELD("mac_address", T_MAC, DASH_A_ENI_MAC, ALIAS("mac"),
	      .flags = F_OF_KEY | F_NEEDED),
	ENUM("admin_state", DASH_A_ENI_ADMIN_STATE, admin_state_names),
	FIELD("vnet", T_STR, DASH_A_ENI_VNET),
	FIELD("underlay_ip", T_ADDR, DASH_A_ENI_UNDERLAY_IP, ALIAS("pa_addr")),
	FIELD("vm_vni", T_U32, DASH_A_ENI_VM_VNI, .flags = F_VNI),
	FIELD("qos", T_STR, DASH_A_ENI_QOS),
	FIELD("encap_sip", T_ADDR, DASH_A_ENI_ENCAP_SIP, .flags = F_LIST | F_SCALAR),
	FIELD("addresses", T_ADDR, DASH_A_ENI_ADDRESS, ALIAS("address"),
	      .flags = F_LIST | F_SET),
	FIELD("trusted_vnis_list", T_VNIS, DASH_A_ENI_TRUSTED_VNI,
	      ALIAS("trusted_vnis"), .flags = F_LIST | F_SET),
	ENUM("dscp_mode", DASH_A_ENI_DSCP_MODE, dscp_mode_names, .def = "preserve"),
	FIELD("dscp", T_U8, DASH_A_ENI_DSCP, .max = 63, .def = "0"),
	FIELD("check_reply_pa", T_BOOL, DASH_A_ENI_CHECK_REPLY_PA, .def = "true"),
	FIELD("half_open", T_U8, DASH_A_ENI_HALF_OPEN, .max = 100, .def = "0"),
	FIELD("resim_rate", T_U32, DASH_A_ENI_RESIM_RATE, .def = "0"),
	TIMEOUTS(DASH_A_ENI_TIMEOUTS),
	FIELD("v4_meter_policy_id", T_STR, DASH_A_ENI_V4_METER_POLICY),
	FIELD("v6_meter_policy_id", T_STR, DASH_A_ENI_V6_METER_POLICY),
	IGNORED("disable_fast_path_icmp_flow_redirection"),
	UNSUPPORTED("mode", ALIAS("eni_mode"), .def = "vm_mode"),
	FIELD("pl_sip_encoding", T_MASKED, DASH_A_ENI_PL_SIP, .len_attr = DASH_A_ENI_PL_SIP_MASK),
	FIELD("pl_underlay_sip", T_ADDR, DASH_A_ENI_PL_UNDERLAY_SIP),
	END
};

static const struct field tag_fields[] = {
	KEY("tag", T_STR, DASH_A_TAG_NAME, ALIAS("name")),
	NEEDED_ENUM("ip_version", DASH_A_TAG_IP_VERSION, ip_version_names),
	FIELD("prefix_list", T_PREFIX, DASH_A_TAG_PREFIX, ALIAS("prefix"),
	      .flags = F_LIST | F_SET),
	END
};

static const struct field acl_group_fields[] = {
	KEY("group", T_STR, DASH_A_ACL_GROUP_NAME, ALIAS("name")),
	NEEDED_ENUM("ip_version", DASH_A_ACL_GROUP_IP_VERSION, ip_version_names),
	ENUM("default_action", DASH_A_ACL_GROUP_DEFAULT_ACTION, acl_action_names,
	     .def = "deny"),
	FIELD("guid", T_STR, DASH_A_ACL_GROUP_GUID),
	FIELD("version", T_STR, DASH_A_ACL_GROUP_VERSION),
	END
};

static const struct field acl_rule_fields[] = {
	KEY("group", T_STR, DASH_A_ACL_RULE_GROUP, ALIAS("group_id")),
	KEY("rule", T_STR, DASH_A_ACL_RULE_NAME, ALIAS("name")),
	NEEDED("priority", T_U32, DASH_A_ACL_RULE_PRIORITY),
	NEEDED_ENUM("action", DASH_A_ACL_RULE_ACTION, acl_action_names),
	FIELD("terminating", T_BOOL, DASH_A_ACL_RULE_TERMINATING),
	FIELD("protocol", T_PROTO, DASH_A_ACL_RULE_PROTOCOL, .flags = F_LIST | F_SET),
	FIELD("src_addr", T_PREFIX, DASH_A_ACL_RULE_SRC_ADDR, .flags = F_LIST | F_SET),
	FIELD("dst_addr", T_PREFIX, DASH_A_ACL_RULE_DST_ADDR, .flags = F_LIST | F_SET),
	FIELD("src_tag", T_STR, DASH_A_ACL_RULE_SRC_TAG, .flags = F_LIST | F_SET),
	FIELD("dst_tag", T_STR, DASH_A_ACL_RULE_DST_TAG, .flags = F_LIST | F_SET),
	FIELD("src_port", T_PORTS, DASH_A_ACL_RULE_SRC_PORT, .flags = F_LIST | F_SET),
	FIELD("dst_port", T_PORTS, DASH_A_ACL_RULE_DST_PORT, .flags = F_LIST | F_SET),
	COUNTER(ACL_RULE),
	REPLY("hits", T_U64, DASH_A_ACL_RULE_HITS),
	END
};

static const struct field acl_bind_fields[] = {
	ENI_KEY(DASH_A_ACL_BIND_ENI),
	KEY("stage", T_U8, DASH_A_ACL_BIND_STAGE, .min = 1, .max = 5),
	FIELD("v4_acl_group_id", T_STR, DASH_A_ACL_BIND_V4_GROUP, ALIAS("v4", "acl_group_id")),
	FIELD("v6_acl_group_id", T_STR, DASH_A_ACL_BIND_V6_GROUP, ALIAS("v6")),
	END
};

static const struct field type_step_fields[] = {
	FIELD("name", T_STR, DASH_A_TYPE_STEP_NAME, ALIAS("action_name")),
	ENUM("action_type", DASH_A_TYPE_STEP_ACTION, type_action_names),
	ENUM("encap_type", DASH_A_TYPE_STEP_ENCAP, encap_type_names),
	FIELD("vni", T_U32, DASH_A_TYPE_STEP_VNI, .flags = F_VNI),
	END
};

static const struct field routing_type_fields[] = {
	KEY("routing_type", T_STR, DASH_A_ROUTING_TYPE_NAME),
	FIELD("steps", T_NEST, DASH_A_ROUTING_TYPE_STEP, ALIAS("items"),
	      .flags = F_LIST, .sub = type_step_fields),
	END
};

static const struct field eni_route_fields[] = {
	ENI_KEY(DASH_A_ENI_ROUTE_ENI),
	NEEDED("group_id", T_STR, DASH_A_ENI_ROUTE_GROUP, ALIAS("group")),
	END
};

static const struct field route_group_fields[] = {
	KEY("group", T_STR, DASH_A_ROUTE_GROUP_NAME, ALIAS("group_id", "name")),
	FIELD("guid", T_STR, DASH_A_ROUTE_GROUP_GUID),
	FIELD("version", T_STR, DASH_A_ROUTE_GROUP_VERSION),
	END
};

static const struct field route_fields[] = {
	KEY("group", T_STR, DASH_A_ROUTE_GROUP, ALIAS("group_id")),
	KEY("prefix", T_PREFIX, DASH_A_ROUTE_ADDR, .len_attr = DASH_A_ROUTE_LEN),
	NEEDED_ENUM("routing_type", DASH_A_ROUTE_ACTION, route_action_names,
		    ALIAS("action_type", "action")),
	FIELD("vnet", T_STR, DASH_A_ROUTE_VNET),
	FIELD("overlay_ip", T_ADDR, DASH_A_ROUTE_OVERLAY_IP),
	ENUM("underlay", DASH_A_ROUTE_UNDERLAY, underlay_family_names, .def = "any"),
	FIELD("underlay_ip", T_ADDR, DASH_A_ROUTE_UNDERLAY_IP, ALIAS("pa_addr"),
	      .flags = F_LIST | F_SCALAR),
	FIELD("mac_address", T_MAC, DASH_A_ROUTE_MAC, ALIAS("mac")),
	FIELD("vni", T_U32, DASH_A_ROUTE_VNI, .flags = F_VNI),
	FIELD("metering_class_or", T_U32, DASH_A_ROUTE_METERING_CLASS_OR,
	      ALIAS("metering_class"), .def = "0"),
	FIELD("metering_class_and", T_U32, DASH_A_ROUTE_METERING_CLASS_AND,
	      .def = "4294967295"),
	FIELD("metering_policy_en", T_BOOL, DASH_A_ROUTE_METERING_POLICY, .def = "false"),
	FIELD("tunnel", T_STR, DASH_A_ROUTE_TUNNEL),
	FIELD("appliance", T_STR, DASH_A_ROUTE_APPLIANCE),
	FIELD("nat_ip", T_ADDR, DASH_A_ROUTE_NAT_IP, .flags = F_LIST | F_SCALAR),
	FIELD("nat_ports", T_PORTS, DASH_A_ROUTE_NAT_PORTS, .absent = "keep"),
	COUNTER(ROUTE),
	FIELD("overlay_sip_prefix", T_PREFIX, DASH_A_ROUTE_OVERLAY_SIP, ALIAS("overlay_sip"),
	      .len_attr = DASH_A_ROUTE_OVERLAY_SIP_LEN, .flags = F_V6),
	FIELD("overlay_dip_prefix", T_PREFIX, DASH_A_ROUTE_OVERLAY_DIP, ALIAS("overlay_dip"),
	      .len_attr = DASH_A_ROUTE_OVERLAY_DIP_LEN, .flags = F_V6),
	FIELD("underlay_sip", T_ADDR, DASH_A_ROUTE_UNDERLAY_SIP),
	FIELD("underlay_dip", T_ADDR, DASH_A_ROUTE_UNDERLAY_DIP),
	END
};

static const struct field route_rule_fields[] = {
	ENI_KEY(DASH_A_ROUTE_RULE_ENI),
	VNI_KEY("vni", DASH_A_ROUTE_RULE_VNI),
	OPT_KEY("prefix", T_PREFIX, DASH_A_ROUTE_RULE_ADDR,
		.len_attr = DASH_A_ROUTE_RULE_LEN),
	{ .name = "priority", .type = T_U32, .flags = F_KEY | F_OPT_KEY | F_NEEDED,
	  .attr = DASH_A_ROUTE_RULE_PRIORITY },
	NEEDED_ENUM("action_type", DASH_A_ROUTE_RULE_ACTION, rule_action_names,
		    ALIAS("routing_type", "action")),
	FIELD("protocol", T_PROTO, DASH_A_ROUTE_RULE_PROTOCOL, .def = "0"),
	FIELD("vnet", T_STR, DASH_A_ROUTE_RULE_VNET),
	FIELD("pa_validation", T_BOOL, DASH_A_ROUTE_RULE_PA_VALIDATION, .def = "true"),
	FIELD("metering_class_or", T_U32, DASH_A_ROUTE_RULE_METERING_CLASS_OR,
	      ALIAS("metering_class"), .def = "0"),
	FIELD("metering_class_and", T_U32, DASH_A_ROUTE_RULE_METERING_CLASS_AND,
	      .def = "4294967295"),
	FIELD("region", T_STR, DASH_A_ROUTE_RULE_REGION),
	COUNTER(ROUTE_RULE),
	END
};

static const struct field mapping_fields[] = {
	KEY("vnet", T_STR, DASH_A_MAPPING_VNET),
	KEY("ip", T_ADDR, DASH_A_MAPPING_IP, ALIAS("ip_address")),
	FIELD("routing_type", T_STR, DASH_A_MAPPING_ROUTING_TYPE, ALIAS("action_type")),
	FIELD("underlay_ip", T_ADDR, DASH_A_MAPPING_UNDERLAY_IP, ALIAS("pa_addr")),
	FIELD("underlay_ip6", T_ADDR, DASH_A_MAPPING_UNDERLAY_IP6, .flags = F_V6),
	FIELD("mac_address", T_MAC, DASH_A_MAPPING_MAC, ALIAS("mac")),
	FIELD("use_dst_vni", T_BOOL, DASH_A_MAPPING_USE_DST_VNI, .def = "false"),
	FIELD("vni", T_U32, DASH_A_MAPPING_VNI, .flags = F_VNI),
	FIELD("metering_class_or", T_U32, DASH_A_MAPPING_METERING_CLASS_OR,
	      ALIAS("metering_class"), .def = "0"),
	IGNORED("override_meter"),
	IGNORED("routing_appliance_id"),
	COUNTER(MAPPING),
	FIELD("overlay_sip_prefix", T_PREFIX, DASH_A_MAPPING_OVERLAY_SIP, ALIAS("overlay_sip"),
	      .len_attr = DASH_A_MAPPING_OVERLAY_SIP_LEN, .flags = F_V6),
	FIELD("overlay_dip_prefix", T_PREFIX, DASH_A_MAPPING_OVERLAY_DIP, ALIAS("overlay_dip"),
	      .len_attr = DASH_A_MAPPING_OVERLAY_DIP_LEN, .flags = F_V6),
	FIELD("use_pl_sip_eni", T_BOOL, DASH_A_MAPPING_USE_PL_SIP_ENI, .def = "false"),
	UNSUPPORTED("tunnel"),
	UNSUPPORTED("port_map"),
	END
};

static const struct field pa_validation_fields[] = {
	VNI_KEY("vni", DASH_A_PA_VALIDATION_VNI),
	FIELD("addresses", T_PREFIX, DASH_A_PA_VALIDATION_PREFIX,
	      ALIAS("prefixes", "prefix_list"), .flags = F_LIST | F_SET),
	END
};

static const struct field meter_policy_fields[] = {
	KEY("meter_policy_id", T_STR, DASH_A_METER_POLICY_NAME),
	ENUM("ip_version", DASH_A_METER_POLICY_IP_VERSION, ip_version_names),
	END
};

static const struct field meter_rule_fields[] = {
	KEY("meter_policy_id", T_STR, DASH_A_METER_RULE_POLICY),
	KEY("rule_num", T_U32, DASH_A_METER_RULE_NUM),
	FIELD("priority", T_U32, DASH_A_METER_RULE_PRIORITY),
	NEEDED("ip_prefix", T_PREFIX, DASH_A_METER_RULE_ADDR,
	      .len_attr = DASH_A_METER_RULE_LEN),
	FIELD("metering_class", T_U32, DASH_A_METER_RULE_CLASS),
	END
};

static const struct field meter_fields[] = {
	ENI_KEY(DASH_A_METER_ENI),
	KEY("class", T_U32, DASH_A_METER_CLASS, ALIAS("metering_class")),
	FIELD("metadata", T_STR, DASH_A_METER_METADATA),
	REPLY("tx_counter", T_U64, DASH_A_METER_TX_COUNTER),
	REPLY("rx_counter", T_U64, DASH_A_METER_RX_COUNTER),
	REPLY("tx_packets", T_U64, DASH_A_METER_TX_PACKETS),
	REPLY("rx_packets", T_U64, DASH_A_METER_RX_PACKETS),
	END
};

static const struct field port_fields[] = {
	KEY("port", T_STR, DASH_A_PORT_NAME, ALIAS("name"), .max = 15),
	ENUM("role", DASH_A_PORT_ROLE, port_role_names),
	FIELD("eni", T_STR, DASH_A_PORT_ENI, .flags = F_ENI),
	FIELD("netns", T_NETNS, DASH_A_PORT_NETNS, .max = 255),
	REPLY("ifindex", T_U32, DASH_A_PORT_IFINDEX),
	END
};

static const struct field tunnel_fields[] = {
	KEY("tunnel", T_STR, DASH_A_TUNNEL_NAME, ALIAS("tunnel_name", "name")),
	FIELD("endpoints", T_ADDR, DASH_A_TUNNEL_ENDPOINT, ALIAS("endpoint"),
	      .flags = F_LIST | F_NEEDED),
	ENUM("encap_type", DASH_A_TUNNEL_ENCAP, encap_type_names),
	FIELD("vni", T_U32, DASH_A_TUNNEL_VNI, .flags = F_VNI | F_NEEDED),
	FIELD("sip", T_ADDR, DASH_A_TUNNEL_SIP, .flags = F_LIST | F_SCALAR),
	FIELD("metering_class_or", T_U32, DASH_A_TUNNEL_METERING_CLASS_OR,
	      .def = "0"),
	END
};

static const struct field routing_appliance_fields[] = {
	KEY("appliance", T_STR, DASH_A_ROUTING_APPLIANCE_ID, ALIAS("appliance_id")),
	FIELD("appliance_guid", T_STR, DASH_A_ROUTING_APPLIANCE_GUID, ALIAS("guid")),
	FIELD("addresses", T_ADDR, DASH_A_ROUTING_APPLIANCE_ADDRESS, ALIAS("address"),
	      .flags = F_LIST),
	ENUM("encap_type", DASH_A_ROUTING_APPLIANCE_ENCAP, encap_type_names),
	FIELD("vni", T_U32, DASH_A_ROUTING_APPLIANCE_VNI, .flags = F_VNI),
	END
};

static const struct field no_fields[] = { END };

#define TABLE(n, t, ...) \
	.name = n, .attr = DASH_A_CONFIG_##t, .type = DASH_OBJECT_TYPE_##t, ##__VA_ARGS__

const struct table tables[] = {
	{
		TABLE("DASH_APPLIANCE_TABLE", APPLIANCE), .base = "APPLIANCE",
		.append = DASH_A_APPLIANCE_APPEND,
		.object = "appliance", .field = appliance_fields,
		.help = "VIPs, VM VNIs and settings of the instance",
	}, {
		TABLE("DASH_VNET_TABLE", VNET), .base = "VNET",
		.append = DASH_A_VNET_APPEND,
		.object = "vnet", .field = vnet_fields, .help = "virtual networks",
	}, {
		TABLE("DASH_QOS_TABLE", QOS), .base = "QOS",
		.object = "qos", .field = qos_fields, .help = "limits for ENIs",
	}, {
		TABLE("DASH_ROUTING_TYPE_TABLE", ROUTING_TYPE), .base = "ROUTING_TYPE",
		.object = "routing-type", .field = routing_type_fields, .value_list = true,
		.help = "steps of a routing type",
	}, {
		TABLE("DASH_PREFIX_TAG_TABLE", TAG), .base = "PREFIX_TAG",
		.append = DASH_A_TAG_APPEND,
		.object = "tag", .field = tag_fields, .help = "named prefix lists",
	}, {
		TABLE("DASH_ACL_GROUP_TABLE", ACL_GROUP), .base = "ACL_GROUP",
		.object = "acl", .kind = "group", .field = acl_group_fields,
		.help = "ACL groups",
	}, {
		TABLE("DASH_ACL_RULE_TABLE", ACL_RULE), .base = "ACL_RULE",
		.append = DASH_A_ACL_RULE_APPEND,
		.object = "acl", .kind = "rule", .field = acl_rule_fields,
		.help = "rules of ACL groups",
	}, {
		TABLE("DASH_ROUTE_GROUP_TABLE", ROUTE_GROUP), .base = "ROUTE_GROUP",
		.object = "route", .kind = "group", .field = route_group_fields,
		.help = "groups of outbound routes",
	}, {
		TABLE("DASH_ROUTE_TABLE", ROUTE), .base = "ROUTE",
		.object = "route", .field = route_fields, .help = "outbound routes",
	}, {
		TABLE("DASH_VNET_MAPPING_TABLE", MAPPING), .base = "VNET_MAPPING",
		.object = "mapping", .field = mapping_fields,
		.help = "customer to provider addresses",
	}, {
		TABLE("DASH_PA_VALIDATION_TABLE", PA_VALIDATION), .base = "PA_VALIDATION",
		.append = DASH_A_PA_VALIDATION_APPEND,
		.object = "pa", .field = pa_validation_fields,
		.help = "further valid provider addresses of a VNI",
	}, {
		TABLE("DASH_METER_POLICY", METER_POLICY), .base = "METER_POLICY",
		.object = "meter", .kind = "policy", .field = meter_policy_fields,
		.help = "metering policies",
	}, {
		TABLE("DASH_METER_RULE", METER_RULE), .base = "METER_RULE",
		.object = "meter", .kind = "rule", .field = meter_rule_fields,
		.help = "rules of metering policies",
	}, {
		TABLE("DASH_ENI_TABLE", ENI), .base = "ENI",
		.append = DASH_A_ENI_APPEND,
		.object = "eni", .field = eni_fields, .help = "NICs of virtual machines",
	}, {
		TABLE("DASH_METER", METER), .base = "METER",
		.object = "meter", .kind = "class", .field = meter_fields,
		.help = "metering classes of an ENI and their counters",
	}, {
		TABLE("DASH_ACL_IN_TABLE", ACL_BIND), .base = "ACL_IN",
		.fixed_attr = DASH_A_ACL_BIND_DIRECTION, .fixed = DASH_DIRECTION_INBOUND,
		.object = "acl", .kind = "in", .field = acl_bind_fields,
		.help = "groups bound to an ENI's inbound stages",
	}, {
		TABLE("DASH_ACL_OUT_TABLE", ACL_BIND), .base = "ACL_OUT",
		.fixed_attr = DASH_A_ACL_BIND_DIRECTION, .fixed = DASH_DIRECTION_OUTBOUND,
		.object = "acl", .kind = "out", .field = acl_bind_fields,
		.help = "groups bound to an ENI's outbound stages",
	}, {
		TABLE("DASH_ENI_ROUTE_TABLE", ENI_ROUTE), .base = "ENI_ROUTE",
		.object = "route", .kind = "bind", .field = eni_route_fields,
		.help = "an ENI's route group",
	}, {
		TABLE("DASH_ROUTE_RULE_TABLE", ROUTE_RULE), .base = "ROUTE_RULE",
		.object = "rule", .field = route_rule_fields, .help = "inbound route rules",
	}, {
		TABLE("PORT", PORT), .base = "PORT",
		.object = "port", .field = port_fields, .help = "attached devices",
	},
	{
		TABLE("DASH_TUNNEL_TABLE", TUNNEL), .base = "TUNNEL",
		.object = "tunnel", .field = tunnel_fields,
		.help = "overlay tunnels that routes lead into",
	}, {
		TABLE("DASH_ROUTING_APPLIANCE_TABLE", ROUTING_APPLIANCE),
		.base = "ROUTING_APPLIANCE",
		.object = "routing-appliance", .field = routing_appliance_fields,
		.help = "routing appliances, kept without effect",
	},
	{ .name = "DASH_OUTBOUND_PORT_MAP_TABLE", .base = "OUTBOUND_PORT_MAP", .field = no_fields },
	{ .name = "DASH_OUTBOUND_PORT_MAP_RANGE_TABLE", .base = "OUTBOUND_PORT_MAP_RANGE",
	  .field = no_fields },
};

const unsigned int n_tables = ARRAY_SIZE(tables);

/* What the kernel reports besides rows. */

const struct field xform_fields[] = {
	FIELD("outer_src", T_ADDR, DASH_A_XFORM_OUTER_SRC, .flags = F_NULL),
	FIELD("outer_dst", T_ADDR, DASH_A_XFORM_OUTER_DST, .flags = F_NULL),
	FIELD("vni", T_U32, DASH_A_XFORM_VNI, .flags = F_NULL),
	ENUM("encap", DASH_A_XFORM_ENCAP, encap_type_names, .flags = F_NULL),
	FIELD("dst_mac", T_MAC, DASH_A_XFORM_DST_MAC, .flags = F_NULL),
	FIELD("udp_sport", T_U16, DASH_A_XFORM_UDP_SPORT, .flags = F_NULL),
	FIELD("dev", T_STR, DASH_A_XFORM_DEV),
	FIELD("packets", T_U64, DASH_A_XFORM_PACKETS),
	FIELD("bytes", T_U64, DASH_A_XFORM_BYTES),
	FIELD("nat_src", T_ADDR, DASH_A_XFORM_NAT_SRC),
	FIELD("nat_sport", T_U16, DASH_A_XFORM_NAT_SPORT),
	FIELD("overlay_src", T_ADDR, DASH_A_XFORM_OVERLAY_SRC),
	FIELD("overlay_dst", T_ADDR, DASH_A_XFORM_OVERLAY_DST),
	END
};

const struct field flow_fields[] = {
	FIELD("eni", T_STR, DASH_A_FLOW_ENI, .flags = F_ENI),
	ENUM("direction", DASH_A_FLOW_DIRECTION, direction_names, .flags = F_REPLY),
	FIELD("src", T_ADDR, DASH_A_FLOW_SRC),
	FIELD("dst", T_ADDR, DASH_A_FLOW_DST),
	FIELD("proto", T_PROTO, DASH_A_FLOW_PROTO, .flags = F_NAMED),
	FIELD("sport", T_U16, DASH_A_FLOW_SPORT),
	FIELD("dport", T_U16, DASH_A_FLOW_DPORT),
	ENUM("state", DASH_A_FLOW_STATE, flow_state_names),
	FIELD("age", T_U32, DASH_A_FLOW_AGE),
	REPLY("idle", T_U32, DASH_A_FLOW_IDLE),
	REPLY("expires", T_U32, DASH_A_FLOW_EXPIRES),
	REPLY("forward", T_NEST, DASH_A_FLOW_FORWARD, .sub = xform_fields),
	REPLY("reverse", T_NEST, DASH_A_FLOW_REVERSE, .sub = xform_fields),
	REPLY("pa", T_ADDR, DASH_A_FLOW_PA),
	REPLY("vni", T_U32, DASH_A_FLOW_VNI),
	REPLY("rule", T_STR, DASH_A_FLOW_RULE),
	FIELD("stale", T_BOOL, DASH_A_FLOW_STALE, .flags = F_REPLY),
	REPLY("dev", T_STR, DASH_A_FLOW_DEV),
	END
};

const struct field flow_filter_fields[] = {
	FIELD("eni", T_STR, DASH_A_FLOW_ENI, .flags = F_ENI),
	FIELD("src", T_PREFIX, DASH_A_FLOW_SRC, .len_attr = DASH_A_FLOW_SRC_LEN),
	FIELD("dst", T_PREFIX, DASH_A_FLOW_DST, .len_attr = DASH_A_FLOW_DST_LEN),
	FIELD("proto", T_PROTO, DASH_A_FLOW_PROTO),
	FIELD("sport", T_U16, DASH_A_FLOW_SPORT),
	FIELD("dport", T_U16, DASH_A_FLOW_DPORT),
	FIELD("port", T_U16, DASH_A_FLOW_PORT),
	ENUM("state", DASH_A_FLOW_STATE, flow_state_names),
	FIELD("age", T_U32, DASH_A_FLOW_AGE),
	FIELD("rule", T_STR, DASH_A_FLOW_RULE),
	FIELD("stale", T_BOOL, DASH_A_FLOW_STALE),
	END
};

const struct field flow_add_fields[] = {
	FIELD("eni", T_STR, DASH_A_FLOW_ENI, .flags = F_ENI),
	ENUM("direction", DASH_A_FLOW_DIRECTION, direction_names),
	FIELD("src", T_ADDR, DASH_A_FLOW_SRC),
	FIELD("dst", T_ADDR, DASH_A_FLOW_DST),
	FIELD("proto", T_PROTO, DASH_A_FLOW_PROTO),
	FIELD("sport", T_U16, DASH_A_FLOW_SPORT),
	FIELD("dport", T_U16, DASH_A_FLOW_DPORT),
	ENUM("state", DASH_A_FLOW_STATE, flow_state_names),
	FIELD("pa", T_ADDR, DASH_A_FLOW_PA),
	FIELD("vni", T_U32, DASH_A_FLOW_VNI, .flags = F_VNI),
	FIELD("vip", T_ADDR, DASH_A_FLOW_VIP),
	ENUM("encap", DASH_A_FLOW_ENCAP, encap_type_names),
	FIELD("icmp_type", T_U8, DASH_A_FLOW_ICMP_TYPE),
	END
};

const struct field flow_xform_fields[] = {
	FIELD("outer_src", T_ADDR, DASH_A_XFORM_OUTER_SRC),
	FIELD("outer_dst", T_ADDR, DASH_A_XFORM_OUTER_DST),
	FIELD("vni", T_U32, DASH_A_XFORM_VNI, .flags = F_VNI),
	ENUM("encap", DASH_A_XFORM_ENCAP, encap_type_names),
	FIELD("dst_mac", T_MAC, DASH_A_XFORM_DST_MAC),
	FIELD("udp_sport", T_U16, DASH_A_XFORM_UDP_SPORT),
	END
};

const struct field flow_del_fields[] = {
	FIELD("eni", T_STR, DASH_A_FLOW_ENI, .flags = F_ENI),
	FIELD("src", T_ADDR, DASH_A_FLOW_SRC),
	FIELD("dst", T_ADDR, DASH_A_FLOW_DST),
	FIELD("proto", T_PROTO, DASH_A_FLOW_PROTO),
	FIELD("sport", T_U16, DASH_A_FLOW_SPORT),
	FIELD("dport", T_U16, DASH_A_FLOW_DPORT),
	END
};

const struct field acl_step_fields[] = {
	FIELD("stage", T_U8, DASH_A_ACL_STEP_STAGE),
	FIELD("group", T_STR, DASH_A_ACL_STEP_GROUP),
	FIELD("rule", T_STR, DASH_A_ACL_STEP_RULE, .flags = F_NULL),
	FIELD("priority", T_U32, DASH_A_ACL_STEP_PRIORITY, .flags = F_NULL),
	ENUM("action", DASH_A_ACL_STEP_ACTION, acl_action_names),
	FIELD("terminating", T_BOOL, DASH_A_ACL_STEP_TERMINATING),
	END
};

/* The request's fields first, then what only the reply has. */
const struct field explain_fields[] = {
	FIELD("eni", T_STR, DASH_A_EXPLAIN_ENI, .flags = F_ENI),
	ENUM("direction", DASH_A_EXPLAIN_DIRECTION, direction_names),
	FIELD("src", T_ADDR, DASH_A_EXPLAIN_SRC),
	FIELD("dst", T_ADDR, DASH_A_EXPLAIN_DST),
	FIELD("proto", T_PROTO, DASH_A_EXPLAIN_PROTO, .flags = F_NAMED),
	FIELD("sport", T_U16, DASH_A_EXPLAIN_SPORT),
	FIELD("dport", T_U16, DASH_A_EXPLAIN_DPORT),
	FIELD("vni", T_U32, DASH_A_EXPLAIN_VNI, .flags = F_VNI),
	FIELD("pa", T_ADDR, DASH_A_EXPLAIN_PA),
	{ .name = "stages", .type = T_NEST, .flags = F_LIST | F_REPLY,
	  .attr = DASH_A_EXPLAIN_ACL_STEP, .sub = acl_step_fields },
	ANSWER("route_rule", T_NEST, DASH_A_EXPLAIN_ROUTE_RULE, .sub = route_rule_fields),
	ANSWER("pa_valid", T_BOOL, DASH_A_EXPLAIN_PA_VALID),
	ANSWER("route", T_NEST, DASH_A_EXPLAIN_ROUTE, .sub = route_fields),
	ANSWER("tunnel", T_NEST, DASH_A_EXPLAIN_TUNNEL, .sub = tunnel_fields),
	ANSWER("mapping", T_NEST, DASH_A_EXPLAIN_MAPPING, .sub = mapping_fields),
	ANSWER("metering_class", T_U32, DASH_A_EXPLAIN_METERING_CLASS),
	ANSWER("meter_rule", T_NEST, DASH_A_EXPLAIN_METER_RULE, .sub = meter_rule_fields),
	ANSWER("flow", T_ENUM, DASH_A_EXPLAIN_FLOW_STATE, .names = &flow_state_names),
	ANSWER("packet", T_NEST, DASH_A_EXPLAIN_XFORM, .sub = xform_fields),
	REPLY("port", T_STR, DASH_A_EXPLAIN_PORT),
	END
};

static const struct field event_count_fields[] = {
	ENUM("type", DASH_A_EVENT_COUNT_TYPE, object_type_names),
	FIELD("set", T_U32, DASH_A_EVENT_COUNT_SET),
	FIELD("deleted", T_U32, DASH_A_EVENT_COUNT_DELETED),
	END
};

/* Counters of what ended; of what began, addresses of another family. */
static const struct field event_counter_fields[] = {
	FIELD("packets", T_U64, DASH_A_XFORM_PACKETS),
	FIELD("bytes", T_U64, DASH_A_XFORM_BYTES),
	FIELD("overlay_src", T_ADDR, DASH_A_XFORM_OVERLAY_SRC),
	FIELD("overlay_dst", T_ADDR, DASH_A_XFORM_OVERLAY_DST),
	END
};

const struct field event_fields[] = {
	ENUM("event", DASH_A_EVENT_KIND, event_names),
	FIELD("gen", T_U32, DASH_A_EVENT_GEN),
	{ .name = "counts", .type = T_NEST, .flags = F_LIST, .attr = DASH_A_EVENT_COUNT,
	  .sub = event_count_fields },
	FIELD("name", T_STR, DASH_A_EVENT_NAME),
	ENUM("reason", DASH_A_EVENT_REASON, drop_names),
	ENUM("reason", DASH_A_EVENT_END, flow_end_names),
	FIELD("eni", T_STR, DASH_A_EVENT_ENI),
	ENUM("direction", DASH_A_EVENT_DIRECTION, direction_names),
	FIELD("src", T_ADDR, DASH_A_EVENT_SRC),
	FIELD("dst", T_ADDR, DASH_A_EVENT_DST),
	FIELD("proto", T_PROTO, DASH_A_EVENT_PROTO, .flags = F_NAMED),
	FIELD("sport", T_U16, DASH_A_EVENT_SPORT),
	FIELD("dport", T_U16, DASH_A_EVENT_DPORT),
	FIELD("vni", T_U32, DASH_A_EVENT_VNI),
	FIELD("pa", T_ADDR, DASH_A_EVENT_PA),
	FIELD("port", T_STR, DASH_A_EVENT_PORT),
	ENUM("state", DASH_A_EVENT_STATE, flow_state_names),
	FIELD("age", T_U32, DASH_A_EVENT_AGE),
	FIELD("acl", T_NEST, DASH_A_EVENT_ACL_STEP, .sub = acl_step_fields),
	FIELD("forward", T_NEST, DASH_A_EVENT_FORWARD, .sub = event_counter_fields),
	FIELD("reverse", T_NEST, DASH_A_EVENT_REVERSE, .sub = event_counter_fields),
	END
};

const struct field dir_stats_fields[] = {
	FIELD("rx_packets", T_U64, DASH_A_DIR_STATS_RX_PACKETS),
	FIELD("rx_bytes", T_U64, DASH_A_DIR_STATS_RX_BYTES),
	FIELD("tx_packets", T_U64, DASH_A_DIR_STATS_TX_PACKETS),
	FIELD("tx_bytes", T_U64, DASH_A_DIR_STATS_TX_BYTES),
	FIELD("generated_packets", T_U64, DASH_A_DIR_STATS_GENERATED_PACKETS),
	END
};

const struct field flow_stats_fields[] = {
	FIELD("current", T_U64, DASH_A_FLOW_STATS_CURRENT),
	FIELD("max", T_U64, DASH_A_FLOW_STATS_PEAK),
	FIELD("created", T_U64, DASH_A_FLOW_STATS_CREATED),
	FIELD("removed", T_U64, DASH_A_FLOW_STATS_REMOVED),
	FIELD("timed_out", T_U64, DASH_A_FLOW_STATS_TIMED_OUT),
	FIELD("matched", T_U64, DASH_A_FLOW_STATS_MATCHED),
	FIELD("redecided", T_U64, DASH_A_FLOW_STATS_REDECIDED),
	FIELD("tcp_syn", T_U64, DASH_A_FLOW_STATS_TCP_SYN),
	FIELD("tcp_syn_ack", T_U64, DASH_A_FLOW_STATS_TCP_SYN_ACK),
	FIELD("tcp_fin", T_U64, DASH_A_FLOW_STATS_TCP_FIN),
	FIELD("tcp_rst", T_U64, DASH_A_FLOW_STATS_TCP_RST),
	FIELD("tcp_established", T_U64, DASH_A_FLOW_STATS_TCP_ESTABLISHED),
	FIELD("tcp_reset", T_U64, DASH_A_FLOW_STATS_TCP_RESET),
	FIELD("tcp_closed", T_U64, DASH_A_FLOW_STATS_TCP_CLOSED),
	FIELD("tcp_replaced", T_U64, DASH_A_FLOW_STATS_TCP_REPLACED),
	FIELD("tcp_syn_timed_out", T_U64, DASH_A_FLOW_STATS_TCP_SYN_TIMED_OUT),
	FIELD("tcp_timed_out", T_U64, DASH_A_FLOW_STATS_TCP_TIMED_OUT),
	FIELD("denied", T_U64, DASH_A_FLOW_STATS_DENIED),
	FIELD("created_udp", T_U64, DASH_A_FLOW_STATS_CREATED_UDP),
	FIELD("created_tcp", T_U64, DASH_A_FLOW_STATS_CREATED_TCP),
	FIELD("current_udp", T_U64, DASH_A_FLOW_STATS_CURRENT_UDP),
	FIELD("current_tcp", T_U64, DASH_A_FLOW_STATS_CURRENT_TCP),
	FIELD("matched_udp", T_U64, DASH_A_FLOW_STATS_MATCHED_UDP),
	FIELD("matched_tcp", T_U64, DASH_A_FLOW_STATS_MATCHED_TCP),
	FIELD("rate_max", T_U64, DASH_A_FLOW_STATS_RATE_MAX),
	FIELD("resim_deferred", T_U64, DASH_A_FLOW_STATS_RESIM_DEFERRED),
	FIELD("cut", T_U64, DASH_A_FLOW_STATS_CUT),
	FIELD("evicted", T_U64, DASH_A_FLOW_STATS_EVICTED),
	FIELD("half_open", T_U64, DASH_A_FLOW_STATS_HALF_OPEN),
	FIELD("bytes", T_U64, DASH_A_FLOW_STATS_BYTES),
	END
};

const struct field port_stats_fields[] = {
	FIELD("port", T_STR, DASH_A_STATS_PORT),
	FIELD("ours", T_U64, DASH_A_STATS_OURS),
	FIELD("to_eni", T_U64, DASH_A_STATS_TO_ENI),
	FIELD("passed", T_U64, DASH_A_STATS_PASSED),
	END
};

/* Finding. */

const struct table *table_find(const char *name, unsigned int len)
{
	unsigned int i;

	if (len > 5 && !memcmp(name, "DASH_", 5)) {
		name += 5;
		len -= 5;
	}
	if (len > 6 && !memcmp(name + len - 6, "_TABLE", 6))
		len -= 6;
	for (i = 0; i < n_tables; i++) {
		const char *base = tables[i].base;

		if (!strncmp(base, name, len) && !base[len])
			return &tables[i];
	}
	return NULL;
}

const struct table *table_by_attr(uint16_t attr)
{
	unsigned int i;

	for (i = 0; i < n_tables; i++)
		if (tables[i].object && tables[i].attr == attr)
			return &tables[i];
	return NULL;
}

const struct field *field_find(const struct field *field, const char *name)
{
	unsigned int i;

	for (; field->name; field++) {
		if (!strcmp(field->name, name))
			return field;
		for (i = 0; i < ARRAY_SIZE(field->alias) && field->alias[i]; i++)
			if (!strcmp(field->alias[i], name))
				return field;
	}
	return NULL;
}

/* Values are written with '-' in some of the documents, with '_' in others. */
static bool same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		char x = *a == '-' ? '_' : *a, y = *b == '-' ? '_' : *b;

		if (x != y && strncasecmp(&x, &y, 1))
			return false;
	}
	return *a == *b;
}

int name_find(const struct names *names, const char *name)
{
	unsigned int i;

	for (i = 0; names->name[i]; i++)
		if (same_name(names->name[i], name))
			return names->first + i;
	for (i = 0; names->synonym && names->synonym[i]; i += 2)
		if (same_name(names->synonym[i], name))
			return name_find(names, names->synonym[i + 1]);
	for (i = 0; names->unsupported && names->unsupported[i]; i++)
		if (same_name(names->unsupported[i], name))
			return NAME_UNSUPPORTED;
	return NAME_UNKNOWN;
}

const char *name_of(const struct names *names, unsigned int value)
{
	unsigned int i;

	for (i = 0; names->name[i]; i++)
		if (names->first + i == value)
			return names->name[i];
	return NULL;
}
