/* SPDX-License-Identifier: GPL-2.0 */
/* Radix sort. The kernel's sort() is several times slower: indirect calls, and
 * O(n log n).
 */
#ifndef _DASH_RADIX_H
#define _DASH_RADIX_H

#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/types.h>

/* By one digit. Return: false when that is the same everywhere. */
static __always_inline bool
dash_radix_pass(const void *from, void *to, u32 n, size_t size,
		u8 (*digit)(const void *elem, unsigned int d), unsigned int d)
{
	u32 count[256] = {}, sum = 0, i;
	const void *elem;

	for (i = 0, elem = from; i < n; i++, elem += size)
		count[digit(elem, d)]++;
	if (count[digit(from, d)] == n)
		return false;
	for (i = 0; i < 256; i++) {
		swap(count[i], sum);
		sum += count[i];
	}
	for (i = 0, elem = from; i < n; i++, elem += size)
		memcpy(to + count[digit(elem, d)]++ * size, elem, size);
	return true;
}

/**
 * dash_radix_sort - sort an array; what is equal keeps its order
 * @from: array, overwritten
 * @to: room for another one
 * @n: length
 * @size: bytes of an element, a constant
 * @digits: number of digits
 * @digit: one of an element's, 0 the least significant; inlined
 *
 * Context: may sleep.
 * Return: @from or @to: where the result is.
 */
static __always_inline void *
dash_radix_sort(void *from, void *to, u32 n, size_t size, unsigned int digits,
		u8 (*digit)(const void *elem, unsigned int d))
{
	unsigned int d;

	for (d = 0; n && d < digits; d++) {
		if (dash_radix_pass(from, to, n, size, digit, d))
			swap(from, to);
		cond_resched();
	}
	return from;
}

#endif /* _DASH_RADIX_H */
