/* SPDX-License-Identifier: GPL-2.0 */
/* A growing buffer that netlink messages and attributes are built in. */
#ifndef DASHCTL_ABUF_H
#define DASHCTL_ABUF_H

#include <stddef.h>
#include <stdint.h>

struct abuf {
	char *data;
	size_t len;
	size_t cap;
};

/* The most an attribute can carry: nla_len is 16 bits wide. */
#define ATTR_MAX_LEN	(UINT16_MAX - 4)

/* Append @n zeroed bytes; returns where they are until the next append. */
void *abuf_add(struct abuf *b, size_t n);
void abuf_append(struct abuf *b, const void *data, size_t n);
void abuf_free(struct abuf *b);

void attr_put(struct abuf *b, uint16_t type, const void *data, size_t len);
void attr_u8(struct abuf *b, uint16_t type, uint8_t v);
void attr_u16(struct abuf *b, uint16_t type, uint16_t v);
void attr_u32(struct abuf *b, uint16_t type, uint32_t v);
void attr_u64(struct abuf *b, uint16_t type, uint64_t v);
void attr_str(struct abuf *b, uint16_t type, const char *s);

/* Open a nest; returns the token that closes it. */
size_t attr_nest(struct abuf *b, uint16_t type);

/* Close a nest; returns its length, which may be more than nla_len holds. */
size_t attr_nest_end(struct abuf *b, size_t token);

#endif
