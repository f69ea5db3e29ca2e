// SPDX-License-Identifier: GPL-2.0
/* Without a number of references since 6.6. */
#include <net/dst.h>

void probe(struct dst_entry *dst, struct dst_ops *ops);

void probe(struct dst_entry *dst, struct dst_ops *ops)
{
	dst_init(dst, ops, NULL, DST_OBSOLETE_NONE, DST_NOCOUNT);
}
