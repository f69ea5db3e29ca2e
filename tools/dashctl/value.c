// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "value.h"

bool parse_number(const char *s, uint64_t *v)
{
	int base = 10;
	char *end;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	}
	/* strtoull() takes signs and blanks. */
	if (!isxdigit((unsigned char)*s))
		return false;
	errno = 0;
	*v = strtoull(s, &end, base);
	return !errno && !*end;
}

bool parse_bool(const char *s, bool *v)
{
	static const char * const yes[] = { "true", "1", "on", "yes", "enabled" };
	static const char * const no[] = { "false", "0", "off", "no", "disabled" };
	unsigned int i;

	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (!strcasecmp(s, yes[i])) {
			*v = true;
			return true;
		}
		if (!strcasecmp(s, no[i])) {
			*v = false;
			return true;
		}
	}
	return false;
}

bool parse_addr(const char *s, struct addr *a)
{
	memset(a, 0, sizeof(*a));
	a->size = strchr(s, ':') ? 16 : 4;
	return inet_pton(a->size == 16 ? AF_INET6 : AF_INET, s, a->b) == 1;
}

/* What is behind the slash, when it is written as an address. */
static bool parse_mask(const char *s, unsigned int size, uint8_t *len)
{
	unsigned int i, n = 0;
	struct addr mask;

	if (!parse_addr(s, &mask) || mask.size != size)
		return false;
	while (n < size * 8 && mask.b[n / 8] & 0x80 >> n % 8)
		n++;
	for (i = n; i < size * 8; i++)
		if (mask.b[i / 8] & 0x80 >> i % 8)
			return false;
	*len = n;
	return true;
}

bool parse_prefix(const char *s, struct addr *a, uint8_t *len)
{
	const char *slash = strchr(s, '/');
	char text[ADDR_TEXT];
	uint64_t n;

	if (!slash) {
		if (!parse_addr(s, a))
			return false;
		*len = a->size * 8;
		return true;
	}
	if (slash - s >= ADDR_TEXT)
		return false;
	memcpy(text, s, slash - s);
	text[slash - s] = '\0';
	if (!parse_addr(text, a))
		return false;
	if (!isdigit((unsigned char)slash[1]) || !parse_number(slash + 1, &n))
		return parse_mask(slash + 1, a->size, len);
	if (n > a->size * 8u)
		return false;
	*len = n;
	return true;
}

/* An IPv6 address, or its first bits in hexadecimal. */
static bool parse_bits(const char *s, size_t len, struct addr *a)
{
	char text[ADDR_TEXT];
	unsigned int byte;
	size_t i;

	if (len >= sizeof(text))
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	if (strncasecmp(text, "0x", 2))
		return parse_addr(text, a) && a->size == 16;

	memset(a, 0, sizeof(*a));
	a->size = 16;
	len -= 2;
	if (!len || len % 2 || len > 32 || strspn(text + 2, "0123456789abcdefABCDEF") != len)
		return false;
	for (i = 0; i < len / 2; i++) {
		if (sscanf(text + 2 + 2 * i, "%2x", &byte) != 1)
			return false;
		a->b[i] = byte;
	}
	return true;
}

bool parse_masked(const char *s, struct addr *value, struct addr *mask)
{
	const char *slash = strchr(s, '/');

	return slash && parse_bits(s, slash - s, value) &&
	       parse_bits(slash + 1, strlen(slash + 1), mask);
}

bool mask_prefix(struct addr *a, uint8_t len)
{
	bool host_bits = false;
	unsigned int i;

	for (i = 0; i < a->size; i++) {
		unsigned int keep = len <= i * 8 ? 0 : len - i * 8;
		uint8_t mask = keep >= 8 ? 0xff : ~(0xff >> keep);

		host_bits |= (a->b[i] & ~mask & 0xff) != 0;
		a->b[i] &= mask;
	}
	return host_bits;
}

bool parse_mac(const char *s, uint8_t mac[6])
{
	char sep = strlen(s) == 17 ? s[2] : 0;
	unsigned int i;

	if (sep ? sep != ':' && sep != '-' : strlen(s) != 12)
		return false;
	for (i = 0; i < 6; i++) {
		char byte[3] = { s[0], s[1], 0 };

		if (!isxdigit((unsigned char)s[0]) || !isxdigit((unsigned char)s[1]))
			return false;
		mac[i] = strtoul(byte, NULL, 16);
		s += 2;
		if (sep && i < 5 && *s++ != sep)
			return false;
	}
	return true;
}

bool parse_range(const char *s, uint64_t max, uint32_t *lo, uint32_t *hi)
{
	const char *dash = strchr(s, '-');
	char text[24];
	uint64_t a, b;

	if (!dash) {
		if (!parse_number(s, &a) || a > max)
			return false;
		*lo = a;
		*hi = a;
		return true;
	}
	if ((size_t)(dash - s) >= sizeof(text))
		return false;
	memcpy(text, s, dash - s);
	text[dash - s] = '\0';
	if (!parse_number(text, &a) || !parse_number(dash + 1, &b) || a > b || b > max)
		return false;
	*lo = a;
	*hi = b;
	return true;
}

static const struct {
	uint8_t number;
	const char *name;
} protos[] = {
	{ 6, "tcp" }, { 17, "udp" }, { 1, "icmp" }, { 58, "icmpv6" }, { 132, "sctp" },
};

bool parse_proto(const char *s, uint8_t *proto)
{
	unsigned int i;
	uint64_t v;

	for (i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		if (!strcasecmp(s, protos[i].name)) {
			*proto = protos[i].number;
			return true;
		}
	}
	if (!parse_number(s, &v) || v > 255)
		return false;
	*proto = v;
	return true;
}

const char *proto_name(uint8_t proto)
{
	unsigned int i;

	for (i = 0; i < sizeof(protos) / sizeof(protos[0]); i++)
		if (protos[i].number == proto)
			return protos[i].name;
	return NULL;
}

const char *format_addr(const void *data, unsigned int size, char text[ADDR_TEXT])
{
	if ((size != 4 && size != 16) ||
	    !inet_ntop(size == 16 ? AF_INET6 : AF_INET, data, text, ADDR_TEXT))
		strcpy(text, "?");
	return text;
}

const char *format_mac(const uint8_t *mac, char text[MAC_TEXT])
{
	snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x",
		 mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return text;
}
