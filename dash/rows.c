// SPDX-License-Identifier: GPL-2.0
/*
 * One description for every table: how a row is named, what it mentions and
 * what its attributes may hold. Everything else about configuration works on
 * this description.
 */
#include <linux/atomic.h>
#include <linux/ctype.h>
#include <linux/string.h>

#include "addr.h"
#include "mapping.h"
#include "parse.h"
#include "nl_gen.h"
#include "route.h"
#include "rows.h"
#include "to6.h"

#define B(attr)	BIT_ULL(attr)

/* More than the attributes of any row; these arrays are on the stack. */
#define DASH_ROW_ATTRS		32

/* As many members as a DASH tunnel has. */
#define DASH_MAX_ENDPOINTS	128

/* netlink_ack() reads the text after the handler returned; so it lives in a
 * ring that is large enough not to be overwritten by then. Should it be, the
 * text is another request's, still terminated: nothing writes the last byte.
 */
#define DASH_ERRS	64
#define DASH_ERR_LEN	320
static char dash_errs[DASH_ERRS][DASH_ERR_LEN];
static atomic_t dash_err_next;

void dash_err(struct netlink_ext_ack *extack, const struct nlattr *attr,
	      const char *fmt, ...)
{
	va_list args;
	char *buf;

	if (!extack)
		return;

	buf = dash_errs[(u32)atomic_inc_return(&dash_err_next) % DASH_ERRS];
	va_start(args, fmt);
	vsnprintf(buf, DASH_ERR_LEN - 1, fmt, args);
	va_end(args);
	extack->_msg = buf;
	if (attr)
		extack->bad_attr = attr;
}

void dash_nla_addr(const struct nlattr *nla, struct in6_addr *addr)
{
	if (nla_len(nla) == sizeof(__be32))
		dash_addr_from_v4(addr, nla_get_in_addr(nla));
	else
		*addr = nla_get_in6_addr(nla);
}

const struct nlattr *dash_row_get(const struct dash_row *row, int attr)
{
	return nla_find(dash_row_attrs(row), row->len, attr);
}

u32 dash_row_u32(const struct dash_row *row, int attr, u32 absent)
{
	const struct nlattr *nla = dash_row_get(row, attr);

	return nla ? nla_get_u32(nla) : absent;
}

u8 dash_row_u8(const struct dash_row *row, int attr, u8 absent)
{
	const struct nlattr *nla = dash_row_get(row, attr);

	return nla ? nla_get_u8(nla) : absent;
}

bool dash_row_is_v6(const struct dash_row *row, int attr)
{
	return dash_row_u8(row, attr, 0) == DASH_IP_VERSION_IPV6;
}

static int dash_check_prefix(const struct nlattr *addr,
			     const struct nlattr *len,
			     struct netlink_ext_ack *extack)
{
	if (!addr || !len) {
		dash_err(extack, addr ?: len, "prefix without address or length");
		return -EINVAL;
	}
	if (nla_len(addr) != 4 && nla_len(addr) != 16) {
		dash_err(extack, addr, "address of %d bytes", nla_len(addr));
		return -EINVAL;
	}
	if (nla_get_u8(len) > nla_len(addr) * 8) {
		dash_err(extack, len, "prefix length %u of an address of %d bits",
			 nla_get_u8(len), nla_len(addr) * 8);
		return -ERANGE;
	}
	return 0;
}

/* Policy allows 63 bytes; nla_strscpy() fills all the room that it is given. */
#define DASH_NAME_PART	64

static int dash_name_1(char *buf, struct nlattr *nla)
{
	/* what policy lets pass may have zeros in the middle */
	nla_strscpy(buf, nla, DASH_NAME_PART);
	return strlen(buf);
}

/* A separator in a parent's name would make names ambiguous. */
static int dash_check_parent(const struct nlattr *nla,
			     struct netlink_ext_ack *extack)
{
	if (strnchr(nla_data(nla), nla_len(nla), ':')) {
		dash_err(extack, nla, "name has a colon");
		return -EINVAL;
	}
	return 0;
}

static int dash_name_prefix(char *buf, struct nlattr *addr, struct nlattr *len,
			    struct netlink_ext_ack *extack)
{
	int err = dash_check_prefix(addr, len, extack);

	if (err)
		return err;
	return nla_len(addr) == 4 ?
	       sprintf(buf, "%pI4/%u", nla_data(addr), nla_get_u8(len)) :
	       sprintf(buf, "%pI6c/%u", nla_data(addr), nla_get_u8(len));
}

#define DASH_NAME_STR(fn, attr)						\
static int fn(struct nlattr **tb, char *buf,				\
	      struct netlink_ext_ack *extack)				\
{									\
	return dash_name_1(buf, tb[attr]);				\
}

DASH_NAME_STR(dash_name_appliance, DASH_A_APPLIANCE_ID)
DASH_NAME_STR(dash_name_vnet, DASH_A_VNET_NAME)
DASH_NAME_STR(dash_name_qos, DASH_A_QOS_NAME)
DASH_NAME_STR(dash_name_routing_type, DASH_A_ROUTING_TYPE_NAME)
DASH_NAME_STR(dash_name_tag, DASH_A_TAG_NAME)
DASH_NAME_STR(dash_name_acl_group, DASH_A_ACL_GROUP_NAME)
DASH_NAME_STR(dash_name_route_group, DASH_A_ROUTE_GROUP_NAME)
DASH_NAME_STR(dash_name_meter_policy, DASH_A_METER_POLICY_NAME)
DASH_NAME_STR(dash_name_eni, DASH_A_ENI_NAME)
DASH_NAME_STR(dash_name_eni_route, DASH_A_ENI_ROUTE_ENI)
DASH_NAME_STR(dash_name_port, DASH_A_PORT_NAME)
DASH_NAME_STR(dash_name_tunnel, DASH_A_TUNNEL_NAME)
DASH_NAME_STR(dash_name_routing_appliance, DASH_A_ROUTING_APPLIANCE_ID)

static int dash_name_acl_rule(struct nlattr **tb, char *buf,
			      struct netlink_ext_ack *extack)
{
	int n = dash_name_1(buf, tb[DASH_A_ACL_RULE_GROUP]);

	buf[n++] = ':';
	return n + dash_name_1(buf + n, tb[DASH_A_ACL_RULE_NAME]);
}

static int dash_name_acl_bind(struct nlattr **tb, char *buf,
			      struct netlink_ext_ack *extack)
{
	char eni[DASH_NAME_PART];

	nla_strscpy(eni, tb[DASH_A_ACL_BIND_ENI], sizeof(eni));
	return sprintf(buf, "%s_TABLE:%s:%u",
		       nla_get_u8(tb[DASH_A_ACL_BIND_DIRECTION]) ==
		       DASH_DIRECTION_OUTBOUND ? "OUT" : "IN",
		       eni, nla_get_u8(tb[DASH_A_ACL_BIND_STAGE]));
}

static int dash_name_route(struct nlattr **tb, char *buf,
			   struct netlink_ext_ack *extack)
{
	int n = dash_name_1(buf, tb[DASH_A_ROUTE_GROUP]);

	buf[n++] = ':';
	return dash_name_prefix(buf + n, tb[DASH_A_ROUTE_ADDR],
				tb[DASH_A_ROUTE_LEN], extack);
}

static int dash_check_route_key(struct nlattr **tb,
				struct netlink_ext_ack *extack)
{
	return dash_check_prefix(tb[DASH_A_ROUTE_ADDR], tb[DASH_A_ROUTE_LEN],
				 extack);
}

static int dash_name_mapping(struct nlattr **tb, char *buf,
			     struct netlink_ext_ack *extack)
{
	int n = dash_name_1(buf, tb[DASH_A_MAPPING_VNET]);
	struct nlattr *ip = tb[DASH_A_MAPPING_IP];

	return nla_len(ip) == 4 ? sprintf(buf + n, ":%pI4", nla_data(ip)) :
				  sprintf(buf + n, ":%pI6c", nla_data(ip));
}

/* Without a priority, for deletion, the name ends in its separator. */
static int dash_name_route_rule(struct nlattr **tb, char *buf,
				struct netlink_ext_ack *extack)
{
	int n = dash_name_1(buf, tb[DASH_A_ROUTE_RULE_ENI]);
	int err;

	n += sprintf(buf + n, ":%u:", nla_get_u32(tb[DASH_A_ROUTE_RULE_VNI]));
	if (tb[DASH_A_ROUTE_RULE_ADDR] || tb[DASH_A_ROUTE_RULE_LEN]) {
		err = dash_name_prefix(buf + n, tb[DASH_A_ROUTE_RULE_ADDR],
				       tb[DASH_A_ROUTE_RULE_LEN], extack);
		if (err < 0)
			return err;
		n += err;
	}
	buf[n++] = ':';
	buf[n] = 0;
	if (tb[DASH_A_ROUTE_RULE_PRIORITY])
		n += sprintf(buf + n, "%u",
			     nla_get_u32(tb[DASH_A_ROUTE_RULE_PRIORITY]));
	return n;
}

static int dash_name_pa_validation(struct nlattr **tb, char *buf,
				   struct netlink_ext_ack *extack)
{
	return sprintf(buf, "%u", nla_get_u32(tb[DASH_A_PA_VALIDATION_VNI]));
}

static int dash_name_meter_rule(struct nlattr **tb, char *buf,
				struct netlink_ext_ack *extack)
{
	int n = dash_name_1(buf, tb[DASH_A_METER_RULE_POLICY]);

	return n + sprintf(buf + n, ":%u", nla_get_u32(tb[DASH_A_METER_RULE_NUM]));
}

static int dash_name_meter(struct nlattr **tb, char *buf,
			   struct netlink_ext_ack *extack)
{
	int n = dash_name_1(buf, tb[DASH_A_METER_ENI]);

	return n + sprintf(buf + n, ":%u", nla_get_u32(tb[DASH_A_METER_CLASS]));
}

static int dash_check_nexthops(struct nlattr **tb, const struct nlattr *attrs,
			       int len, struct netlink_ext_ack *extack)
{
	struct nlattr *nh[DASH_A_NEXTHOP_MAX + 1];
	const struct nlattr *pos;
	int rem, err;

	nla_for_each_attr(pos, attrs, len, rem) {
		if (nla_type(pos) != DASH_A_APPLIANCE_NEXTHOP)
			continue;
		err = nla_parse_nested(nh, DASH_A_NEXTHOP_MAX, pos,
				       dash_nexthop_nl_policy, extack);
		if (!err)
			err = dash_check_prefix(nh[DASH_A_NEXTHOP_ADDR],
						nh[DASH_A_NEXTHOP_LEN], extack);
		if (err)
			return err;
		if (!nh[DASH_A_NEXTHOP_DST_MAC]) {
			dash_err(extack, pos, "next hop without dst_mac");
			return -EINVAL;
		}
	}
	return 0;
}

static int dash_check_nat(struct nlattr **tb, const struct nlattr *attrs,
			  int len, struct netlink_ext_ack *extack)
{
	struct nlattr *ports = tb[DASH_A_ROUTE_NAT_PORTS];
	const struct nlattr *nla, *lo;
	bool snat = nla_get_u8(tb[DASH_A_ROUTE_ACTION]) ==
		    DASH_ROUTE_ACTION_SNAT;
	struct in6_addr addr;
	u32 n = 0;
	int rem;

	if (snat != !!tb[DASH_A_ROUTE_NAT_IP] || (ports && !snat)) {
		dash_err(extack, tb[DASH_A_ROUTE_ACTION],
			 snat ? "routing type snat needs a nat_ip" :
				"nat_ip and nat_ports are for routing type snat");
		return -EINVAL;
	}
	lo = ports ? nla_find_nested(ports, DASH_A_PORT_RANGE_LO) : NULL;
	if (lo && !nla_get_u16(lo)) {
		dash_err(extack, ports, "nat_ports: there is no port 0");
		return -ERANGE;
	}
	nla_for_each_attr(nla, attrs, len, rem) {
		if (nla_type(nla) != DASH_A_ROUTE_NAT_IP)
			continue;
		n++;
		if (nla_len(nla) != nla_len(tb[DASH_A_ROUTE_ADDR])) {
			dash_err(extack, nla,
				 "nat_ip: of another family than the prefix");
			return -EINVAL;
		}
		dash_nla_addr(nla, &addr);
		if (ipv6_addr_any(&addr) || ipv6_addr_is_multicast(&addr) ||
		    (dash_addr_is_v4(&addr) &&
		     (ipv4_is_zeronet(dash_addr_v4(&addr)) ||
		      ipv4_is_multicast(dash_addr_v4(&addr)) ||
		      ipv4_is_lbcast(dash_addr_v4(&addr))))) {
			dash_err(extack, nla, "nat_ip: no address of a host");
			return -EINVAL;
		}
	}
	if (n > DASH_MAX_ENDPOINTS) {
		dash_err(extack, tb[DASH_A_ROUTE_NAT_IP],
			 "%u NAT addresses, more than the %u possible", n,
			 DASH_MAX_ENDPOINTS);
		return -E2BIG;
	}
	return 0;
}

/* So many as are chosen among. */
static int dash_check_endpoints(const struct nlattr *attrs, int len, int attr,
				struct netlink_ext_ack *extack)
{
	const struct nlattr *nla, *last = NULL;
	u32 n = 0;
	int rem;

	nla_for_each_attr(nla, attrs, len, rem) {
		if (nla_type(nla) != attr)
			continue;
		last = nla;
		n++;
	}
	if (n <= DASH_MAX_ENDPOINTS)
		return 0;
	dash_err(extack, last, "%u endpoints, more than the %u possible", n,
		 DASH_MAX_ENDPOINTS);
	return -E2BIG;
}

static int dash_check_tunnel(struct nlattr **tb, const struct nlattr *attrs,
			     int len, struct netlink_ext_ack *extack)
{
	const struct nlattr *nla;
	u32 sips[2] = {};
	int rem;

	nla_for_each_attr(nla, attrs, len, rem) {
		if (nla_type(nla) != DASH_A_TUNNEL_SIP ||
		    !sips[nla_len(nla) == 16]++)
			continue;
		dash_err(extack, nla, "two sources of one family");
		return -EINVAL;
	}
	return dash_check_endpoints(attrs, len, DASH_A_TUNNEL_ENDPOINT, extack);
}

static int dash_check_routing_appliance(struct nlattr **tb,
					const struct nlattr *attrs, int len,
					struct netlink_ext_ack *extack)
{
	return dash_check_endpoints(attrs, len,
				    DASH_A_ROUTING_APPLIANCE_ADDRESS, extack);
}

/* What routes to services have, and others must not. */
static int dash_check_service(struct nlattr **tb,
			      struct netlink_ext_ack *extack)
{
	u8 action = nla_get_u8(tb[DASH_A_ROUTE_ACTION]);
	bool service = action == DASH_ROUTE_ACTION_SERVICETUNNEL;
	struct nlattr *sip = tb[DASH_A_ROUTE_UNDERLAY_SIP];
	struct nlattr *dip = tb[DASH_A_ROUTE_UNDERLAY_DIP];

	if (service && nla_len(tb[DASH_A_ROUTE_ADDR]) != 4) {
		dash_err(extack, tb[DASH_A_ROUTE_ADDR],
			 "routing type servicetunnel is for IPv4 prefixes");
		return -EINVAL;
	}
	if (dip && !service) {
		dash_err(extack, dip,
			 "underlay_dip is for routing type servicetunnel");
		return -EINVAL;
	}
	if (sip && !service && action != DASH_ROUTE_ACTION_VNET &&
	    action != DASH_ROUTE_ACTION_VNET_DIRECT) {
		dash_err(extack, sip,
			 "underlay_sip is for routing types servicetunnel, vnet and vnet_direct");
		return -EINVAL;
	}
	/* without an underlay_dip it is that of the packet, which is IPv4 */
	if (service && sip && nla_len(sip) != (dip ? nla_len(dip) : 4)) {
		dash_err(extack, sip,
			 "underlay_sip: of another family than the outer destination");
		return -EINVAL;
	}
	return dash_to6_check_row(tb, false, service, extack);
}

static int dash_check_route(struct nlattr **tb, const struct nlattr *attrs,
			    int len, struct netlink_ext_ack *extack)
{
	u8 action = nla_get_u8(tb[DASH_A_ROUTE_ACTION]);
	int err;

	if (tb[DASH_A_ROUTE_TUNNEL] && action != DASH_ROUTE_ACTION_TUNNEL &&
	    action != DASH_ROUTE_ACTION_DIRECT) {
		dash_err(extack, tb[DASH_A_ROUTE_TUNNEL],
			 "only routing types tunnel and direct lead into a tunnel");
		return -EOPNOTSUPP;
	}
	switch (action) {
	case DASH_ROUTE_ACTION_VNET:
	case DASH_ROUTE_ACTION_VNET_DIRECT:
		if (!tb[DASH_A_ROUTE_VNET]) {
			dash_err(extack, tb[DASH_A_ROUTE_ACTION],
				 "routing type vnet or vnet_direct needs a vnet");
			return -EINVAL;
		}
		break;
	case DASH_ROUTE_ACTION_VNET_ENCAP:
		if (!tb[DASH_A_ROUTE_UNDERLAY_IP]) {
			dash_err(extack, tb[DASH_A_ROUTE_ACTION],
				 "routing type vnet_encap needs an underlay_ip");
			return -EINVAL;
		}
		break;
	case DASH_ROUTE_ACTION_TUNNEL:
		if (!tb[DASH_A_ROUTE_TUNNEL]) {
			dash_err(extack, tb[DASH_A_ROUTE_ACTION],
				 "routing type tunnel needs a tunnel");
			return -EINVAL;
		}
		break;
	}
	err = dash_check_endpoints(attrs, len, DASH_A_ROUTE_UNDERLAY_IP,
				   extack);
	if (!err)
		err = dash_check_service(tb, extack);
	return err ?: dash_check_nat(tb, attrs, len, extack);
}

static int dash_check_mapping(struct nlattr **tb, const struct nlattr *attrs,
			      int len, struct netlink_ext_ack *extack)
{
	struct nlattr *type = tb[DASH_A_MAPPING_ROUTING_TYPE];
	bool pl = type && !nla_strcmp(type, "privatelink");

	if (!tb[DASH_A_MAPPING_UNDERLAY_IP] && !tb[DASH_A_MAPPING_UNDERLAY_IP6]) {
		dash_err(extack, NULL, "a mapping needs an underlay_ip");
		return -EINVAL;
	}
	/* "vnet" is how SONiC's own tests call what has no more to it */
	if (type && !pl && nla_strcmp(type, "vnet_encap") &&
	    nla_strcmp(type, "vnet")) {
		dash_err(extack, type, "routing type %.*s of a mapping is not supported",
			 nla_len(type), (const char *)nla_data(type));
		return -EOPNOTSUPP;
	}
	if (pl && nla_len(tb[DASH_A_MAPPING_IP]) != 4) {
		dash_err(extack, type,
			 "routing type privatelink is for IPv4 addresses");
		return -EINVAL;
	}
	return dash_to6_check_row(tb, true, pl, extack);
}

static int dash_check_eni(struct nlattr **tb, const struct nlattr *attrs,
			  int len, struct netlink_ext_ack *extack)
{
	struct nlattr *sip = tb[DASH_A_ENI_PL_SIP];
	struct nlattr *mask = tb[DASH_A_ENI_PL_SIP_MASK];

	if (!sip == !mask)
		return 0;
	dash_err(extack, sip ?: mask,
		 "pl_sip_encoding: takes both a value and a mask");
	return -EINVAL;
}

static int dash_check_meter_rule(struct nlattr **tb, const struct nlattr *attrs,
				 int len, struct netlink_ext_ack *extack)
{
	return dash_check_prefix(tb[DASH_A_METER_RULE_ADDR],
				 tb[DASH_A_METER_RULE_LEN], extack);
}

/* Of what is behind an underlay port there is nothing to say. */
static int dash_check_port(struct nlattr **tb, const struct nlattr *attrs,
			   int len, struct netlink_ext_ack *extack)
{
	struct nlattr *role = tb[DASH_A_PORT_ROLE], *nsid = tb[DASH_A_PORT_NSID];

	if (role && nla_get_u8(role) == DASH_PORT_ROLE_VPORT) {
		if (!tb[DASH_A_PORT_ENI]) {
			dash_err(extack, role, "role vport needs an eni");
			return -EINVAL;
		}
	} else if (tb[DASH_A_PORT_ENI] || tb[DASH_A_PORT_NETNS]) {
		dash_err(extack, tb[DASH_A_PORT_ENI] ?: tb[DASH_A_PORT_NETNS],
			 "only role vport has an eni or a netns");
		return -EINVAL;
	}
	if (!tb[DASH_A_PORT_NETNS] != !nsid) {
		dash_err(extack, tb[DASH_A_PORT_NETNS] ?: nsid,
			 "netns takes both a name and an id");
		return -EINVAL;
	}
	if (nsid && nla_get_u32(nsid) > S32_MAX) {
		dash_err(extack, nsid, "no id of a network namespace");
		return -ERANGE;
	}
	return 0;
}

static const struct dash_ref_desc dash_refs_port[] = {
	{ DASH_A_PORT_ENI, DASH_OBJECT_TYPE_ENI, "eni" },
	{}
};

static const struct dash_ref_desc dash_refs_eni[] = {
	{ DASH_A_ENI_VNET, DASH_OBJECT_TYPE_VNET, "vnet" },
	{ DASH_A_ENI_QOS, DASH_OBJECT_TYPE_QOS, "qos" },
	{ DASH_A_ENI_V4_METER_POLICY, DASH_OBJECT_TYPE_METER_POLICY,
	  "v4_meter_policy_id" },
	{ DASH_A_ENI_V6_METER_POLICY, DASH_OBJECT_TYPE_METER_POLICY,
	  "v6_meter_policy_id" },
	{}
};

static const struct dash_ref_desc dash_refs_acl_rule[] = {
	{ DASH_A_ACL_RULE_SRC_TAG, DASH_OBJECT_TYPE_TAG, "src_tag" },
	{ DASH_A_ACL_RULE_DST_TAG, DASH_OBJECT_TYPE_TAG, "dst_tag" },
	{}
};

static const struct dash_ref_desc dash_refs_acl_bind[] = {
	{ DASH_A_ACL_BIND_V4_GROUP, DASH_OBJECT_TYPE_ACL_GROUP, "v4_acl_group_id" },
	{ DASH_A_ACL_BIND_V6_GROUP, DASH_OBJECT_TYPE_ACL_GROUP, "v6_acl_group_id" },
	{}
};

static const struct dash_ref_desc dash_refs_eni_route[] = {
	{ DASH_A_ENI_ROUTE_GROUP, DASH_OBJECT_TYPE_ROUTE_GROUP, "group_id" },
	{}
};

static const struct dash_ref_desc dash_refs_route_rule[] = {
	{ DASH_A_ROUTE_RULE_VNET, DASH_OBJECT_TYPE_VNET, "vnet" },
	{}
};

static const struct dash_need dash_needs_route_rule[] = {
	{ DASH_A_ROUTE_RULE_PRIORITY, "priority" },
	{ DASH_A_ROUTE_RULE_ACTION, "action_type" },
	{}
};

static const struct dash_need dash_needs_acl_group[] = {
	{ DASH_A_ACL_GROUP_IP_VERSION, "ip_version" },
	{}
};

static const struct dash_need dash_needs_eni_route[] = {
	{ DASH_A_ENI_ROUTE_GROUP, "group_id" },
	{}
};

static const struct dash_need dash_needs_acl_rule[] = {
	{ DASH_A_ACL_RULE_PRIORITY, "priority" },
	{ DASH_A_ACL_RULE_ACTION, "action" },
	{}
};

static const struct dash_need dash_needs_route[] = {
	{ DASH_A_ROUTE_ACTION, "routing_type" },
	{}
};

static const struct dash_need dash_needs_vnet[] = {
	{ DASH_A_VNET_VNI, "vni" },
	{}
};

static const struct dash_need dash_needs_tag[] = {
	{ DASH_A_TAG_IP_VERSION, "ip_version" },
	{}
};

static const struct dash_need dash_needs_eni[] = {
	{ DASH_A_ENI_MAC, "mac_address" },
	{}
};

static const struct dash_need dash_needs_tunnel[] = {
	{ DASH_A_TUNNEL_ENDPOINT, "endpoints" },
	{ DASH_A_TUNNEL_VNI, "vni" },
	{}
};

const struct dash_type dash_types[] = {
	[DASH_OBJECT_TYPE_APPLIANCE] = {
		.table = "DASH_APPLIANCE_TABLE:",
		.attr = DASH_A_CONFIG_APPLIANCE,
		.policy = dash_appliance_nl_policy,
		.maxattr = DASH_A_APPLIANCE_MAX,
		.append = DASH_A_APPLIANCE_APPEND,
		.name = dash_name_appliance,
		.check = dash_check_nexthops,
		.keys = B(DASH_A_APPLIANCE_ID),
		.addrs = B(DASH_A_APPLIANCE_SIP),
		.vnis = B(DASH_A_APPLIANCE_VM_VNI),
		.vni_ranges = B(DASH_A_APPLIANCE_TRUSTED_VNI),
	},
	[DASH_OBJECT_TYPE_VNET] = {
		.table = "DASH_VNET_TABLE:",
		.attr = DASH_A_CONFIG_VNET,
		.policy = dash_vnet_nl_policy,
		.maxattr = DASH_A_VNET_MAX,
		.append = DASH_A_VNET_APPEND,
		.name = dash_name_vnet,
		.keys = B(DASH_A_VNET_NAME),
		.needs = dash_needs_vnet,
		.vnis = B(DASH_A_VNET_VNI),
	},
	[DASH_OBJECT_TYPE_QOS] = {
		.table = "DASH_QOS_TABLE:",
		.attr = DASH_A_CONFIG_QOS,
		.policy = dash_qos_nl_policy,
		.maxattr = DASH_A_QOS_MAX,
		.name = dash_name_qos,
		.keys = B(DASH_A_QOS_NAME),
	},
	[DASH_OBJECT_TYPE_ROUTING_TYPE] = {
		.table = "DASH_ROUTING_TYPE_TABLE:",
		.attr = DASH_A_CONFIG_ROUTING_TYPE,
		.policy = dash_routing_type_nl_policy,
		.maxattr = DASH_A_ROUTING_TYPE_MAX,
		.name = dash_name_routing_type,
		.check = dash_to6_check_type,
		.keys = B(DASH_A_ROUTING_TYPE_NAME),
	},
	[DASH_OBJECT_TYPE_TAG] = {
		.table = "DASH_PREFIX_TAG_TABLE:",
		.attr = DASH_A_CONFIG_TAG,
		.policy = dash_tag_nl_policy,
		.maxattr = DASH_A_TAG_MAX,
		.append = DASH_A_TAG_APPEND,
		.name = dash_name_tag,
		.keys = B(DASH_A_TAG_NAME),
		.needs = dash_needs_tag,
		.prefixes = B(DASH_A_TAG_PREFIX),
	},
	[DASH_OBJECT_TYPE_ACL_GROUP] = {
		.table = "DASH_ACL_GROUP_TABLE:",
		.attr = DASH_A_CONFIG_ACL_GROUP,
		.policy = dash_acl_group_nl_policy,
		.maxattr = DASH_A_ACL_GROUP_MAX,
		.name = dash_name_acl_group,
		.keys = B(DASH_A_ACL_GROUP_NAME),
		.needs = dash_needs_acl_group,
	},
	[DASH_OBJECT_TYPE_ACL_RULE] = {
		.table = "DASH_ACL_RULE_TABLE:",
		.attr = DASH_A_CONFIG_ACL_RULE,
		.policy = dash_acl_rule_nl_policy,
		.maxattr = DASH_A_ACL_RULE_MAX,
		.counter = DASH_A_ACL_RULE_COUNTER,
		.counts = DASH_A_ACL_RULE_PACKETS,
		.append = DASH_A_ACL_RULE_APPEND,
		.name = dash_name_acl_rule,
		.refs = dash_refs_acl_rule,
		.keys = B(DASH_A_ACL_RULE_GROUP) | B(DASH_A_ACL_RULE_NAME),
		.needs = dash_needs_acl_rule,
		.prefixes = B(DASH_A_ACL_RULE_SRC_ADDR) |
			    B(DASH_A_ACL_RULE_DST_ADDR),
		.port_ranges = B(DASH_A_ACL_RULE_SRC_PORT) |
			       B(DASH_A_ACL_RULE_DST_PORT),
		.parent_attr = DASH_A_ACL_RULE_GROUP,
		.parent = DASH_OBJECT_TYPE_ACL_GROUP,
	},
	[DASH_OBJECT_TYPE_ROUTE_GROUP] = {
		.table = "DASH_ROUTE_GROUP_TABLE:",
		.attr = DASH_A_CONFIG_ROUTE_GROUP,
		.policy = dash_route_group_nl_policy,
		.maxattr = DASH_A_ROUTE_GROUP_MAX,
		.name = dash_name_route_group,
		.keys = B(DASH_A_ROUTE_GROUP_NAME),
	},
	[DASH_OBJECT_TYPE_ROUTE] = {
		.table = "DASH_ROUTE_TABLE:",
		.attr = DASH_A_CONFIG_ROUTE,
		.policy = dash_route_nl_policy,
		.maxattr = DASH_A_ROUTE_MAX,
		.counter = DASH_A_ROUTE_COUNTER,
		.counts = DASH_A_ROUTE_PACKETS,
		.check_key = dash_check_route_key,
		.name = dash_name_route,
		.check = dash_check_route,
		.stage = dash_route_stage,
		.keys = B(DASH_A_ROUTE_GROUP) | B(DASH_A_ROUTE_ADDR) |
			B(DASH_A_ROUTE_LEN),
		.needs = dash_needs_route,
		.addrs = B(DASH_A_ROUTE_ADDR) | B(DASH_A_ROUTE_OVERLAY_IP) |
			 B(DASH_A_ROUTE_UNDERLAY_IP) | B(DASH_A_ROUTE_NAT_IP) |
			 B(DASH_A_ROUTE_UNDERLAY_SIP) |
			 B(DASH_A_ROUTE_UNDERLAY_DIP),
		.port_ranges = B(DASH_A_ROUTE_NAT_PORTS),
		.vnis = B(DASH_A_ROUTE_VNI),
		.parent_attr = DASH_A_ROUTE_GROUP,
		.parent = DASH_OBJECT_TYPE_ROUTE_GROUP,
	},
	[DASH_OBJECT_TYPE_MAPPING] = {
		.table = "DASH_VNET_MAPPING_TABLE:",
		.attr = DASH_A_CONFIG_MAPPING,
		.policy = dash_mapping_nl_policy,
		.maxattr = DASH_A_MAPPING_MAX,
		.counter = DASH_A_MAPPING_COUNTER,
		.counts = DASH_A_MAPPING_PACKETS,
		.name = dash_name_mapping,
		.check = dash_check_mapping,
		.stage = dash_mapping_stage,
		.keys = B(DASH_A_MAPPING_VNET) | B(DASH_A_MAPPING_IP),
		.addrs = B(DASH_A_MAPPING_IP) | B(DASH_A_MAPPING_UNDERLAY_IP),
		.vnis = B(DASH_A_MAPPING_VNI),
		.parent_attr = DASH_A_MAPPING_VNET,
		.parent = DASH_OBJECT_TYPE_VNET,
	},
	[DASH_OBJECT_TYPE_PA_VALIDATION] = {
		.table = "DASH_PA_VALIDATION_TABLE:",
		.attr = DASH_A_CONFIG_PA_VALIDATION,
		.policy = dash_pa_validation_nl_policy,
		.maxattr = DASH_A_PA_VALIDATION_MAX,
		.append = DASH_A_PA_VALIDATION_APPEND,
		.name = dash_name_pa_validation,
		.keys = B(DASH_A_PA_VALIDATION_VNI),
		.vnis = B(DASH_A_PA_VALIDATION_VNI),
		.prefixes = B(DASH_A_PA_VALIDATION_PREFIX),
	},
	[DASH_OBJECT_TYPE_METER_POLICY] = {
		.table = "DASH_METER_POLICY:",
		.attr = DASH_A_CONFIG_METER_POLICY,
		.policy = dash_meter_policy_nl_policy,
		.maxattr = DASH_A_METER_POLICY_MAX,
		.name = dash_name_meter_policy,
		.keys = B(DASH_A_METER_POLICY_NAME),
	},
	[DASH_OBJECT_TYPE_METER_RULE] = {
		.table = "DASH_METER_RULE:",
		.attr = DASH_A_CONFIG_METER_RULE,
		.policy = dash_meter_rule_nl_policy,
		.maxattr = DASH_A_METER_RULE_MAX,
		.name = dash_name_meter_rule,
		.check = dash_check_meter_rule,
		.keys = B(DASH_A_METER_RULE_POLICY) | B(DASH_A_METER_RULE_NUM),
		.parent_attr = DASH_A_METER_RULE_POLICY,
		.parent = DASH_OBJECT_TYPE_METER_POLICY,
	},
	[DASH_OBJECT_TYPE_ENI] = {
		.table = "DASH_ENI_TABLE:",
		.attr = DASH_A_CONFIG_ENI,
		.policy = dash_eni_nl_policy,
		.maxattr = DASH_A_ENI_MAX,
		.append = DASH_A_ENI_APPEND,
		.name = dash_name_eni,
		.refs = dash_refs_eni,
		.check = dash_check_eni,
		.keys = B(DASH_A_ENI_NAME),
		.needs = dash_needs_eni,
		.addrs = B(DASH_A_ENI_UNDERLAY_IP) | B(DASH_A_ENI_ENCAP_SIP) |
			 B(DASH_A_ENI_ADDRESS) | B(DASH_A_ENI_PL_UNDERLAY_SIP),
		.vnis = B(DASH_A_ENI_VM_VNI),
		.vni_ranges = B(DASH_A_ENI_TRUSTED_VNI),
	},
	[DASH_OBJECT_TYPE_METER] = {
		.table = "DASH_METER:",
		.attr = DASH_A_CONFIG_METER,
		.policy = dash_meter_nl_policy,
		.maxattr = DASH_A_METER_MAX,
		.name = dash_name_meter,
		.keys = B(DASH_A_METER_ENI) | B(DASH_A_METER_CLASS),
	},
	[DASH_OBJECT_TYPE_ACL_BIND] = {
		.table = "DASH_ACL_",
		.attr = DASH_A_CONFIG_ACL_BIND,
		.policy = dash_acl_bind_nl_policy,
		.maxattr = DASH_A_ACL_BIND_MAX,
		.name = dash_name_acl_bind,
		.refs = dash_refs_acl_bind,
		.keys = B(DASH_A_ACL_BIND_ENI) | B(DASH_A_ACL_BIND_DIRECTION) |
			B(DASH_A_ACL_BIND_STAGE),
		.parent_attr = DASH_A_ACL_BIND_ENI,
		.parent = DASH_OBJECT_TYPE_ENI,
	},
	[DASH_OBJECT_TYPE_ENI_ROUTE] = {
		.table = "DASH_ENI_ROUTE_TABLE:",
		.attr = DASH_A_CONFIG_ENI_ROUTE,
		.policy = dash_eni_route_nl_policy,
		.maxattr = DASH_A_ENI_ROUTE_MAX,
		.name = dash_name_eni_route,
		.refs = dash_refs_eni_route,
		.keys = B(DASH_A_ENI_ROUTE_ENI),
		.needs = dash_needs_eni_route,
		.parent_attr = DASH_A_ENI_ROUTE_ENI,
		.parent = DASH_OBJECT_TYPE_ENI,
	},
	[DASH_OBJECT_TYPE_ROUTE_RULE] = {
		.table = "DASH_ROUTE_RULE_TABLE:",
		.attr = DASH_A_CONFIG_ROUTE_RULE,
		.policy = dash_route_rule_nl_policy,
		.maxattr = DASH_A_ROUTE_RULE_MAX,
		.counter = DASH_A_ROUTE_RULE_COUNTER,
		.counts = DASH_A_ROUTE_RULE_PACKETS,
		.name = dash_name_route_rule,
		.refs = dash_refs_route_rule,
		.keys = B(DASH_A_ROUTE_RULE_ENI) | B(DASH_A_ROUTE_RULE_VNI),
		.needs = dash_needs_route_rule,
		.vnis = B(DASH_A_ROUTE_RULE_VNI),
		.parent_attr = DASH_A_ROUTE_RULE_ENI,
		.parent = DASH_OBJECT_TYPE_ENI,
	},
	[DASH_OBJECT_TYPE_PORT] = {
		.table = "PORT:",
		.attr = DASH_A_CONFIG_PORT,
		.policy = dash_port_nl_policy,
		.maxattr = DASH_A_PORT_MAX,
		.name = dash_name_port,
		.refs = dash_refs_port,
		.check = dash_check_port,
		.keys = B(DASH_A_PORT_NAME),
	},
	[DASH_OBJECT_TYPE_TUNNEL] = {
		.table = "DASH_TUNNEL_TABLE:",
		.attr = DASH_A_CONFIG_TUNNEL,
		.policy = dash_tunnel_nl_policy,
		.maxattr = DASH_A_TUNNEL_MAX,
		.name = dash_name_tunnel,
		.check = dash_check_tunnel,
		.keys = B(DASH_A_TUNNEL_NAME),
		.needs = dash_needs_tunnel,
		.addrs = B(DASH_A_TUNNEL_ENDPOINT) | B(DASH_A_TUNNEL_SIP),
		.vnis = B(DASH_A_TUNNEL_VNI),
	},
	[DASH_OBJECT_TYPE_ROUTING_APPLIANCE] = {
		.table = "DASH_ROUTING_APPLIANCE_TABLE:",
		.attr = DASH_A_CONFIG_ROUTING_APPLIANCE,
		.policy = dash_routing_appliance_nl_policy,
		.maxattr = DASH_A_ROUTING_APPLIANCE_MAX,
		.name = dash_name_routing_appliance,
		.check = dash_check_routing_appliance,
		.keys = B(DASH_A_ROUTING_APPLIANCE_ID),
		.addrs = B(DASH_A_ROUTING_APPLIANCE_ADDRESS),
		.vnis = B(DASH_A_ROUTING_APPLIANCE_VNI),
	},
};

int dash_type_of_attr(u16 attr)
{
	int type;

	for (type = 0; type < ARRAY_SIZE(dash_types); type++)
		if (dash_types[type].attr == attr)
			return type;
	return -1;
}

static int dash_check_range(const struct nlattr *nest, bool vni,
			    struct netlink_ext_ack *extack)
{
	struct nlattr *tb[DASH_A_VNI_RANGE_MAX + 1];
	u32 lo, hi;
	int err;

	BUILD_BUG_ON((int)DASH_A_PORT_RANGE_LO != (int)DASH_A_VNI_RANGE_LO ||
		     (int)DASH_A_PORT_RANGE_HI !=
		     (int)DASH_A_VNI_RANGE_HI);

	err = nla_parse_nested(tb, DASH_A_VNI_RANGE_MAX, nest,
			       vni ? dash_vni_range_nl_policy :
				     dash_port_range_nl_policy, extack);
	if (err)
		return err;
	if (!tb[DASH_A_VNI_RANGE_LO] || !tb[DASH_A_VNI_RANGE_HI]) {
		dash_err(extack, nest, "range without lo or hi");
		return -EINVAL;
	}
	lo = vni ? nla_get_u32(tb[DASH_A_VNI_RANGE_LO]) :
		   nla_get_u16(tb[DASH_A_PORT_RANGE_LO]);
	hi = vni ? nla_get_u32(tb[DASH_A_VNI_RANGE_HI]) :
		   nla_get_u16(tb[DASH_A_PORT_RANGE_HI]);
	if (lo > hi || (vni && hi > DASH_MAX_VNI)) {
		dash_err(extack, nest, "range %u-%u", lo, hi);
		return -ERANGE;
	}
	return 0;
}

/* Names go into messages, traces and JSON as they are. */
static int dash_check_string(const struct nlattr *nla, bool is_key,
			     struct netlink_ext_ack *extack)
{
	const char *p = nla_data(nla);

	if (is_key && !*p) {
		dash_err(extack, nla, "empty name");
		return -EINVAL;
	}
	for (; *p; p++) {
		if (isascii(*p) && isprint(*p))
			continue;
		dash_err(extack, nla, "name with byte 0x%02x, not printable ASCII",
			 (u8)*p);
		return -EINVAL;
	}
	return 0;
}

static int dash_check_attr(const struct dash_type *type,
			   const struct nlattr *nla,
			   struct netlink_ext_ack *extack)
{
	struct nlattr *tb[DASH_A_PREFIX_MAX + 1];
	u64 bit = B(nla_type(nla));
	int err;

	if (type->policy[nla_type(nla)].type == NLA_NUL_STRING)
		return dash_check_string(nla, type->keys & bit, extack);
	if (type->addrs & bit && nla_len(nla) != 4 && nla_len(nla) != 16) {
		dash_err(extack, nla, "address of %d bytes", nla_len(nla));
		return -EINVAL;
	}
	if (type->vnis & bit && nla_get_u32(nla) > DASH_MAX_VNI) {
		dash_err(extack, nla, "VNI %u has more than 24 bits",
			 nla_get_u32(nla));
		return -ERANGE;
	}
	if (type->prefixes & bit) {
		err = nla_parse_nested(tb, DASH_A_PREFIX_MAX, nla,
				       dash_prefix_nl_policy, extack);
		if (err)
			return err;
		return dash_check_prefix(tb[DASH_A_PREFIX_ADDR],
					 tb[DASH_A_PREFIX_LEN], extack);
	}
	if (type->port_ranges & bit)
		return dash_check_range(nla, false, extack);
	if (type->vni_ranges & bit)
		return dash_check_range(nla, true, extack);
	return 0;
}

static int dash_check_keys(const struct dash_type *type, struct nlattr **tb,
			   const struct nlattr *nest,
			   struct netlink_ext_ack *extack)
{
	int i, err;

	for (i = 1; i <= type->maxattr; i++) {
		if (!(type->keys & B(i)))
			continue;
		if (!tb[i]) {
			dash_err(extack, NULL, "%s row without its key",
				 type->table);
			NL_SET_ERR_ATTR_MISS(extack, nest, i);
			return -EINVAL;
		}
		err = dash_check_attr(type, tb[i], extack);
		if (err)
			return err;
	}
	return 0;
}

static int dash_check_needs(const struct dash_type *type, struct nlattr **tb,
			    const struct nlattr *nest,
			    struct netlink_ext_ack *extack)
{
	const struct dash_need *need;

	for (need = type->needs; need && need->attr; need++) {
		if (tb[need->attr])
			continue;
		dash_err(extack, NULL, "%s is required", need->field);
		NL_SET_ERR_ATTR_MISS(extack, nest, need->attr);
		return -EINVAL;
	}
	return 0;
}

/* All but the key, for a row that is set. */
static int dash_check_row(const struct dash_type *type, struct nlattr **tb,
			  const struct nlattr *nest,
			  struct netlink_ext_ack *extack)
{
	const struct nlattr *nla;
	int rem, err;

	nla_for_each_nested(nla, nest, rem) {
		err = dash_check_attr(type, nla, extack);
		if (err)
			return err;
	}
	/* a part that goes on has what it needs in the first one */
	if (type->append && tb[type->append])
		return 0;
	if (type->counts && tb[type->counts]) {
		dash_err(extack, tb[type->counts], "counts are for replies");
		return -EINVAL;
	}
	err = dash_check_needs(type, tb, nest, extack);
	if (err || !type->check)
		return err;
	return type->check(tb, nla_data(nest), nla_len(nest), extack);
}

/* Say which object an error is about. */
static void dash_err_name(struct netlink_ext_ack *extack,
			  const struct dash_type *type, const char *name,
			  const u32 *seq)
{
	if (!extack || !extack->_msg)
		return;
	if (seq)
		dash_err(extack, extack->bad_attr, "row %u: %s%s: %s", *seq,
			 type->table, name, extack->_msg);
	else
		dash_err(extack, extack->bad_attr, "%s%s: %s", type->table,
			 name, extack->_msg);
}

int dash_row_check(const struct nlattr *nest, u8 type_id, bool del,
		   const u32 *seq, struct netlink_ext_ack *extack)
{
	const struct dash_type *type = &dash_types[type_id];
	struct nlattr *tb[DASH_ROW_ATTRS];
	char name[DASH_NAME_LEN];
	int err;

	BUILD_BUG_ON(ARRAY_SIZE(tb) <= DASH_A_ENI_MAX ||
		     ARRAY_SIZE(tb) <= DASH_A_APPLIANCE_MAX);

	err = nla_parse_nested(tb, type->maxattr, nest, type->policy, extack);
	if (err)
		return err;
	err = dash_check_keys(type, tb, nest, extack);
	if (!err && type->check_key)
		err = type->check_key(tb, extack);
	if (err)
		return err;
	/* names of rows that are many are formed for errors only */
	if (!type->stage) {
		err = type->name(tb, name, extack);
		if (err < 0)
			return err;
	}
	err = type->parent_attr ?
	      dash_check_parent(tb[type->parent_attr], extack) : 0;
	if (!err && !del)
		err = dash_check_row(type, tb, nest, extack);
	if (err) {
		if (type->stage)
			type->name(tb, name, NULL);
		dash_err_name(extack, type, name, seq);
	}
	return err;
}

void dash_row_name(const struct dash_row *row, char *buf)
{
	const struct dash_type *type = &dash_types[row->type];
	struct nlattr *tb[DASH_ROW_ATTRS] = {};
	const struct nlattr *nla;
	int rem;

	dash_row_for_each(nla, row, rem)
		tb[nla_type(nla)] = (struct nlattr *)nla;
	type->name(tb, buf, NULL);
}
