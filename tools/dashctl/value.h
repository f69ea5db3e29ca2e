/* SPDX-License-Identifier: GPL-2.0 */
/* Text of single values: numbers, addresses, prefixes, ranges. */
#ifndef DASHCTL_VALUE_H
#define DASHCTL_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#define ADDR_TEXT	46	/* INET6_ADDRSTRLEN */
#define MAC_TEXT	18
#define PREFIX_TEXT	(ADDR_TEXT + 6)

struct addr {
	uint8_t b[16];
	uint8_t size;		/* 4 or 16 */
};

/* Decimal or 0x hexadecimal, nothing else around it. */
bool parse_number(const char *s, uint64_t *v);
bool parse_bool(const char *s, bool *v);
bool parse_addr(const char *s, struct addr *a);

/*
 * "10.0.0.0/8" or "10.0.0.0/255.0.0.0"; without a length the prefix is the
 * address alone.
 */
bool parse_prefix(const char *s, struct addr *a, uint8_t *len);

/*
 * "::1:0:0/::ffff:0:0", or both as hexadecimal digits from the first bit on, as
 * in "0x0020.../0xffff...".
 */
bool parse_masked(const char *s, struct addr *value, struct addr *mask);

/* Clear the bits beyond @len; true if one was set. */
bool mask_prefix(struct addr *a, uint8_t len);

/* Six bytes with ':', '-' or nothing between them. */
bool parse_mac(const char *s, uint8_t mac[6]);

/* "80" or "80-90", both at most @max, the first not above the second. */
bool parse_range(const char *s, uint64_t max, uint32_t *lo, uint32_t *hi);

/* "tcp" or "6". */
bool parse_proto(const char *s, uint8_t *proto);

/* NULL for a protocol without a name here. */
const char *proto_name(uint8_t proto);

const char *format_addr(const void *data, unsigned int size, char text[ADDR_TEXT]);
const char *format_mac(const uint8_t *mac, char text[MAC_TEXT]);

#endif
