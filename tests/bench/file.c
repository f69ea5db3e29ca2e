// SPDX-License-Identifier: GPL-2.0
/* Arrays that bench.py made, read from files. */
#include <linux/fs.h>
#include <linux/kernel_read_file.h>
#include <linux/limits.h>
#include <linux/vmalloc.h>

#include "bench.h"

void *bench_file(const struct bench_cmd *cmd, const char *key, size_t *size)
{
	const char *path = bench_str(cmd, key);
	void *buf = NULL;
	ssize_t len;

	if (!path)
		return ERR_PTR(-EINVAL);
	len = kernel_read_file_from_path(path, 0, &buf, INT_MAX, NULL,
					 READING_UNKNOWN);
	if (len < 0)
		return ERR_PTR(len);
	*size = len;
	return buf;
}
