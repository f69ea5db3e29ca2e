// SPDX-License-Identifier: GPL-2.0
/* Commands: "word key=value key=value ..." */
#include <linux/inet.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "bench.h"

int bench_cmd_parse(struct bench_cmd *cmd)
{
	char *rest = strim(cmd->line), *arg;

	cmd->n = 0;
	cmd->len = 0;
	cmd->out[0] = 0;
	cmd->word = strsep(&rest, " ");
	while ((arg = strsep(&rest, " "))) {
		char *val = strchr(arg, '=');

		if (!*arg)
			continue;
		if (!val || cmd->n == BENCH_ARGS)
			return -EINVAL;
		*val = 0;
		cmd->key[cmd->n] = arg;
		cmd->val[cmd->n++] = val + 1;
	}
	return 0;
}

const char *bench_str(const struct bench_cmd *cmd, const char *key)
{
	unsigned int i;

	for (i = 0; i < cmd->n; i++)
		if (!strcmp(cmd->key[i], key))
			return cmd->val[i];
	return NULL;
}

u64 bench_num(const struct bench_cmd *cmd, const char *key, u64 otherwise)
{
	const char *s = bench_str(cmd, key);
	u64 n;

	if (!s)
		return otherwise;
	if (kstrtou64(s, 0, &n)) {
		pr_warn("dash_bench: %s=%s is no number\n", key, s);
		return otherwise;
	}
	return n;
}

__be32 bench_ip(const struct bench_cmd *cmd, const char *key, __be32 otherwise)
{
	const char *s = bench_str(cmd, key);

	return s ? in_aton(s) : otherwise;
}

void bench_mac(const struct bench_cmd *cmd, const char *key, u8 *mac)
{
	const char *s = bench_str(cmd, key);

	if (s && !mac_pton(s, mac))
		pr_warn("dash_bench: %s=%s is no MAC\n", key, s);
}

void bench_say(struct bench_cmd *cmd, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	cmd->len += vscnprintf(cmd->out + cmd->len, BENCH_TEXT - cmd->len, fmt,
			       args);
	va_end(args);
}
