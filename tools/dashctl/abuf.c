// SPDX-License-Identifier: GPL-2.0
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "abuf.h"
#include "dashctl.h"

void *abuf_add(struct abuf *b, size_t n)
{
	void *p;

	if (b->len + n > b->cap) {
		b->cap = b->cap ? b->cap : 4096;
		while (b->len + n > b->cap)
			b->cap *= 2;
		b->data = xrealloc(b->data, b->cap);
	}
	p = b->data + b->len;
	memset(p, 0, n);
	b->len += n;
	return p;
}

void abuf_append(struct abuf *b, const void *data, size_t n)
{
	void *p = abuf_add(b, n);

	if (n)
		memcpy(p, data, n);
}

void abuf_free(struct abuf *b)
{
	free(b->data);
	*b = (struct abuf){ 0 };
}

void attr_put(struct abuf *b, uint16_t type, const void *data, size_t len)
{
	struct nlattr *nla = abuf_add(b, NLA_HDRLEN + NLA_ALIGN(len));

	nla->nla_len = NLA_HDRLEN + len;
	nla->nla_type = type;
	if (len)
		memcpy((char *)nla + NLA_HDRLEN, data, len);
}

void attr_u8(struct abuf *b, uint16_t type, uint8_t v)
{
	attr_put(b, type, &v, sizeof(v));
}

void attr_u16(struct abuf *b, uint16_t type, uint16_t v)
{
	attr_put(b, type, &v, sizeof(v));
}

void attr_u32(struct abuf *b, uint16_t type, uint32_t v)
{
	attr_put(b, type, &v, sizeof(v));
}

void attr_u64(struct abuf *b, uint16_t type, uint64_t v)
{
	attr_put(b, type, &v, sizeof(v));
}

void attr_str(struct abuf *b, uint16_t type, const char *s)
{
	attr_put(b, type, s, strlen(s) + 1);
}

size_t attr_nest(struct abuf *b, uint16_t type)
{
	size_t token = b->len;
	struct nlattr *nla = abuf_add(b, NLA_HDRLEN);

	nla->nla_type = type | NLA_F_NESTED;
	return token;
}

size_t attr_nest_end(struct abuf *b, size_t token)
{
	struct nlattr *nla = (struct nlattr *)(b->data + token);
	size_t len = b->len - token;

	nla->nla_len = len;
	return len;
}
