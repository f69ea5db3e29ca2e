// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP errors in the other family: types, codes and what else their headers say
 * (RFC 7915, 4.2 and 5.2). That of the MTU is the size of packets as the other
 * family has them.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "xlat_icmp.h"

/* how much longer an IPv6 header is than an IPv4 header without options */
#define XLAT_GROWTH	(sizeof(struct ipv6hdr) - sizeof(struct iphdr))
/* the least MTU of IPv4 (RFC 791) */
#define XLAT_MTU4_MIN	68

/* The same byte of the header in the other family, -1 when there is none. */
static int xlat_pointer4(u32 at)
{
	static const s8 to6[sizeof(struct iphdr)] = {
		0, 1, 4, 4, -1, -1, -1, -1, 7, 6, -1, -1, 8, 8, 8, 8,
		24, 24, 24, 24,
	};

	return at < ARRAY_SIZE(to6) ? to6[at] : -1;
}

static int xlat_pointer6(u32 at)
{
	static const s8 to4[] = { 0, 1, -1, -1, 2, 2, 9, 8 };

	if (at < ARRAY_SIZE(to4))
		return to4[at];
	if (at < offsetof(struct ipv6hdr, daddr))
		return offsetof(struct iphdr, saddr);
	return at < sizeof(struct ipv6hdr) ? offsetof(struct iphdr, daddr) : -1;
}

static bool xlat_param4(const struct icmphdr *in, struct icmp6hdr *out)
{
	int at = xlat_pointer4(ntohl(in->un.gateway) >> 24);

	if ((in->code && in->code != 2) || at < 0)
		return false;
	out->icmp6_type = ICMPV6_PARAMPROB;
	out->icmp6_code = ICMPV6_HDR_FIELD;
	out->icmp6_pointer = htonl(at);
	return true;
}

static bool xlat_unreach4(const struct icmphdr *in, struct icmp6hdr *out)
{
	out->icmp6_type = ICMPV6_DEST_UNREACH;
	out->icmp6_code = ICMPV6_NOROUTE;
	switch (in->code) {
	case ICMP_PROT_UNREACH:
		out->icmp6_type = ICMPV6_PARAMPROB;
		out->icmp6_code = ICMPV6_UNK_NEXTHDR;
		out->icmp6_pointer = htonl(offsetof(struct ipv6hdr, nexthdr));
		return true;
	case ICMP_PORT_UNREACH:
		out->icmp6_code = ICMPV6_PORT_UNREACH;
		return true;
	case ICMP_FRAG_NEEDED:
		out->icmp6_type = ICMPV6_PKT_TOOBIG;
		out->icmp6_code = 0;
		out->icmp6_mtu = htonl(max_t(u32, ntohs(in->un.frag.mtu) +
					     XLAT_GROWTH, IPV6_MIN_MTU));
		return true;
	case ICMP_NET_ANO:
	case ICMP_HOST_ANO:
	case ICMP_PKT_FILTERED:
	case ICMP_PREC_CUTOFF:
		out->icmp6_code = ICMPV6_ADM_PROHIBITED;
		return true;
	case ICMP_PREC_VIOLATION:
		return false;
	}
	return in->code <= NR_ICMP_UNREACH;
}

static bool xlat_err4(const struct icmphdr *in, struct icmp6hdr *out)
{
	switch (in->type) {
	case ICMP_DEST_UNREACH:
		return xlat_unreach4(in, out);
	case ICMP_TIME_EXCEEDED:
		out->icmp6_type = ICMPV6_TIME_EXCEED;
		out->icmp6_code = in->code;
		return true;
	case ICMP_PARAMETERPROB:
		return xlat_param4(in, out);
	}
	return false;
}

static bool xlat_unreach6(const struct icmp6hdr *in, struct icmphdr *out)
{
	out->type = ICMP_DEST_UNREACH;
	switch (in->icmp6_code) {
	case ICMPV6_NOROUTE:
	case ICMPV6_NOT_NEIGHBOUR:
	case ICMPV6_ADDR_UNREACH:
		out->code = ICMP_HOST_UNREACH;
		return true;
	case ICMPV6_ADM_PROHIBITED:
		out->code = ICMP_HOST_ANO;
		return true;
	case ICMPV6_PORT_UNREACH:
		out->code = ICMP_PORT_UNREACH;
		return true;
	}
	return false;
}

static bool xlat_param6(const struct icmp6hdr *in, struct icmphdr *out)
{
	int at;

	if (in->icmp6_code == ICMPV6_UNK_NEXTHDR) {
		out->type = ICMP_DEST_UNREACH;
		out->code = ICMP_PROT_UNREACH;
		return true;
	}
	at = xlat_pointer6(ntohl(in->icmp6_pointer));
	if (in->icmp6_code != ICMPV6_HDR_FIELD || at < 0)
		return false;
	out->type = ICMP_PARAMETERPROB;
	out->un.gateway = htonl(at << 24);
	return true;
}

static bool xlat_err6(const struct icmp6hdr *in, struct icmphdr *out)
{
	u32 mtu = ntohl(in->icmp6_mtu);

	switch (in->icmp6_type) {
	case ICMPV6_DEST_UNREACH:
		return xlat_unreach6(in, out);
	case ICMPV6_PKT_TOOBIG:
		mtu = clamp_t(u32, mtu, XLAT_MTU4_MIN + XLAT_GROWTH,
			      U16_MAX);
		out->type = ICMP_DEST_UNREACH;
		out->code = ICMP_FRAG_NEEDED;
		out->un.frag.mtu = htons(mtu - XLAT_GROWTH);
		return true;
	case ICMPV6_TIME_EXCEED:
		out->type = ICMP_TIME_EXCEEDED;
		out->code = in->icmp6_code;
		return true;
	case ICMPV6_PARAMPROB:
		return xlat_param6(in, out);
	}
	return false;
}

bool dash_xlat_icmp(const void *in, void *out, bool to6)
{
	memset(out, 0, sizeof(struct icmphdr));
	return to6 ? xlat_err4(in, out) : xlat_err6(in, out);
}
