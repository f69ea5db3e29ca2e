/* SPDX-License-Identifier: GPL-2.0 */
/* One form for addresses of both families: IPv4 is kept v4-mapped. */
#ifndef _DASH_ADDR_H
#define _DASH_ADDR_H

#include <linux/in6.h>
#include <net/ipv6.h>

static inline void dash_addr_from_v4(struct in6_addr *a, __be32 v4)
{
	ipv6_addr_set_v4mapped(v4, a);
}

static inline bool dash_addr_is_v4(const struct in6_addr *a)
{
	return ipv6_addr_v4mapped(a);
}

static inline __be32 dash_addr_v4(const struct in6_addr *a)
{
	return a->s6_addr32[3];
}

/**
 * dash_addr_bytes - the address as its family writes it
 * @a: address
 *
 * Return: 4 bytes of an IPv4 or 16 of an IPv6 address, network order.
 */
static inline const void *dash_addr_bytes(const struct in6_addr *a)
{
	return dash_addr_is_v4(a) ? (const void *)&a->s6_addr32[3] :
				    (const void *)a;
}

static inline unsigned int dash_addr_len(const struct in6_addr *a)
{
	return dash_addr_is_v4(a) ? sizeof(__be32) : sizeof(*a);
}

/**
 * dash_addr_in - is an address within a prefix of its family?
 * @a: address
 * @prefix: of the prefix
 * @plen: its length, counted in the v4-mapped form if it is IPv4
 *
 * A short IPv6 prefix such as ::/0 covers what IPv4 is mapped to, but means no
 * IPv4 address.
 *
 * Return: whether it is.
 */
static inline bool dash_addr_in(const struct in6_addr *a,
				const struct in6_addr *prefix, u8 plen)
{
	return ipv6_prefix_equal(a, prefix, plen) &&
	       (plen >= 96 || !dash_addr_is_v4(a));
}

#endif /* _DASH_ADDR_H */
