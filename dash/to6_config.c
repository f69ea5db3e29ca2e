// SPDX-License-Identifier: GPL-2.0
/* Service tunnel and private link: what rows say. */
#include <linux/string.h>
#include <net/ipv6.h>

#include "addr.h"
#include "nl_gen.h"
#include "route.h"
#include "rows.h"
#include "to6.h"

/* Of IPv6, without the IPv4 address that is its end. */
#define TO6_PLEN	96

/**
 * struct to6_attrs - attributes that one of the two tables has
 */
struct to6_attrs {
	/** @sip: overlay_sip_prefix */
	u16 sip;
	/** @sip_len: its length */
	u16 sip_len;
	/** @dip: overlay_dip_prefix */
	u16 dip;
	/** @dip_len: its length */
	u16 dip_len;
};

static const struct to6_attrs to6_route = {
	DASH_A_ROUTE_OVERLAY_SIP, DASH_A_ROUTE_OVERLAY_SIP_LEN,
	DASH_A_ROUTE_OVERLAY_DIP, DASH_A_ROUTE_OVERLAY_DIP_LEN,
};

static const struct to6_attrs to6_mapping = {
	DASH_A_MAPPING_OVERLAY_SIP, DASH_A_MAPPING_OVERLAY_SIP_LEN,
	DASH_A_MAPPING_OVERLAY_DIP, DASH_A_MAPPING_OVERLAY_DIP_LEN,
};

void dash_to6_parse(struct dash_to6 *to6, const struct dash_row *row)
{
	bool mapping = row->type == DASH_OBJECT_TYPE_MAPPING;
	const struct to6_attrs *a = mapping ? &to6_mapping : &to6_route;
	const struct nlattr *sip = dash_row_get(row, a->sip);

	memset(to6, 0, sizeof(*to6));
	to6->pl = mapping;
	to6->by_eni = mapping &&
		      dash_row_u8(row, DASH_A_MAPPING_USE_PL_SIP_ENI, 0);
	if (sip && !to6->by_eni)
		to6->sip = nla_get_in6_addr(sip);
	to6->sip.s6_addr32[3] = 0;
	to6->dip = nla_get_in6_addr(dash_row_get(row, a->dip));
	/* zeros at the end of an address are room for another one, but for a
	 * private link, which has a destination of its own
	 */
	to6->whole_dip = dash_row_u8(row, a->dip_len, 128) > TO6_PLEN &&
			 (mapping || to6->dip.s6_addr32[3]);
}

size_t dash_to6_room(const struct dash_row *row)
{
	const struct nlattr *type;
	bool to6;

	if (row->type == DASH_OBJECT_TYPE_MAPPING) {
		type = dash_row_get(row, DASH_A_MAPPING_ROUTING_TYPE);
		to6 = type && !nla_strcmp(type, "privatelink");
	} else {
		to6 = dash_row_u8(row, DASH_A_ROUTE_ACTION, 0) ==
		      DASH_ROUTE_ACTION_SERVICETUNNEL;
	}
	return to6 ? sizeof(struct dash_to6) : 0;
}

int dash_to6_parse_route(struct dash_route_act *a, const struct dash_row *row)
{
	const struct nlattr *sip = dash_row_get(row,
						DASH_A_ROUTE_UNDERLAY_SIP);
	int attr = DASH_A_ROUTE_UNDERLAY_IP;

	if (sip) {
		dash_nla_addr(sip, &a->sip);
		a->has_sip = true;
	}
	if (dash_to6_room(row)) {
		a->to6 = (struct dash_to6 *)(a->attrs + a->len);
		dash_to6_parse(a->to6, row);
		attr = DASH_A_ROUTE_UNDERLAY_DIP;
	}
	return dash_endpoints_parse(&a->to, row, attr);
}

static int to6_check_prefix(const struct nlattr *addr, const struct nlattr *len,
			    const char *field, struct netlink_ext_ack *extack)
{
	struct in6_addr a;
	u8 plen;

	if (!addr)
		return 0;
	plen = len ? nla_get_u8(len) : 128;
	a = nla_get_in6_addr(addr);
	if (plen > TO6_PLEN && plen < 128) {
		dash_err(extack, len,
			 "%s: a prefix of %u bits leaves no 32 for the IPv4 address",
			 field, plen);
		return -EINVAL;
	}
	if (ipv6_addr_v4mapped(&a) || ipv6_addr_is_multicast(&a)) {
		dash_err(extack, addr, "%s: no address of a host", field);
		return -EINVAL;
	}
	return 0;
}

int dash_to6_check_row(struct nlattr **tb, bool mapping, bool wanted,
		       struct netlink_ext_ack *extack)
{
	const char *type = mapping ? "privatelink" : "servicetunnel";
	const struct to6_attrs *a = mapping ? &to6_mapping : &to6_route;
	const struct nlattr *by = mapping ? tb[DASH_A_MAPPING_ROUTING_TYPE] :
					    tb[DASH_A_ROUTE_ACTION];
	struct nlattr *by_eni = NULL;
	const struct nlattr *odd;
	int err;

	if (mapping && tb[DASH_A_MAPPING_USE_PL_SIP_ENI] &&
	    nla_get_u8(tb[DASH_A_MAPPING_USE_PL_SIP_ENI]))
		by_eni = tb[DASH_A_MAPPING_USE_PL_SIP_ENI];
	odd = tb[a->sip] ?: tb[a->dip] ?: by_eni;
	if (!wanted && odd) {
		dash_err(extack, odd, "%s is for routing type %s",
			 odd == by_eni ? "use_pl_sip_eni" :
			 odd == tb[a->sip] ? "overlay_sip_prefix" :
					     "overlay_dip_prefix", type);
		return -EINVAL;
	}
	if (!wanted)
		return 0;
	if (!tb[a->dip] || (!tb[a->sip] && !by_eni)) {
		dash_err(extack, by, "routing type %s needs an %s", type,
			 tb[a->dip] ? "overlay_sip_prefix" :
				      "overlay_dip_prefix");
		return -EINVAL;
	}
	err = to6_check_prefix(tb[a->sip], tb[a->sip_len],
			       "overlay_sip_prefix", extack);
	return err ?: to6_check_prefix(tb[a->dip], tb[a->dip_len],
				       "overlay_dip_prefix", extack);
}

/* Those two do this; what a row adds is the encapsulation. */
int dash_to6_check_type(struct nlattr **tb, const struct nlattr *attrs,
			int len, struct netlink_ext_ack *extack)
{
	const struct nlattr *name = tb[DASH_A_ROUTING_TYPE_NAME];
	struct nlattr *step[DASH_A_TYPE_STEP_MAX + 1];
	bool to6 = false, encap = false;
	const struct nlattr *nla;
	int rem, err;

	if (nla_strcmp(name, "servicetunnel") &&
	    nla_strcmp(name, "privatelink"))
		return 0;
	nla_for_each_attr(nla, attrs, len, rem) {
		if (nla_type(nla) != DASH_A_ROUTING_TYPE_STEP)
			continue;
		err = nla_parse_nested(step, DASH_A_TYPE_STEP_MAX, nla,
				       dash_type_step_nl_policy, extack);
		if (err)
			return err;
		if (!step[DASH_A_TYPE_STEP_ACTION])
			goto fail;
		switch (nla_get_u8(step[DASH_A_TYPE_STEP_ACTION])) {
		case DASH_TYPE_ACTION_4TO6:
			to6 = true;
			break;
		case DASH_TYPE_ACTION_STATICENCAP:
			encap = true;
			break;
		default:
			goto fail;
		}
	}
	if (to6 && encap)
		return 0;
fail:
	dash_err(extack, NULL,
		 "action_type: this routing type consists of 4to6 and staticencap");
	return -EINVAL;
}
