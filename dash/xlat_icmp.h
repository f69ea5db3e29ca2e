/* SPDX-License-Identifier: GPL-2.0 */
/* Headers of ICMP errors in the other family. */
#ifndef _DASH_XLAT_ICMP_H
#define _DASH_XLAT_ICMP_H

#include <linux/types.h>

/**
 * dash_xlat_icmp - say an ICMP error in the other family
 * @in: its header
 * @out: header of eight bytes, filled but for the checksum
 * @to6: the other family is IPv6
 *
 * Return: false when the other family has no such error.
 */
bool dash_xlat_icmp(const void *in, void *out, bool to6);

#endif /* _DASH_XLAT_ICMP_H */
