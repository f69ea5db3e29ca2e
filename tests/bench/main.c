// SPDX-License-Identifier: GPL-2.0
/*
 * Measuring inside the kernel: /proc/dash_bench takes a command in one write
 * and answers it in the next read of the same open file, with "key=value ...".
 * The commands are in the table below.
 */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "bench.h"

static const struct {
	const char *word;
	int (*run)(struct bench_cmd *cmd);
} bench_cmds[] = {
	{ "source", bench_dev_source },
	{ "sink", bench_dev_sink },
	{ "run", bench_dev_run },
	{ "contend", bench_contend },
	{ "chase", bench_chase },
	{ "prefix_load", bench_prefix_load },
	{ "prefix_update", bench_prefix_update },
	{ "prefix_run", bench_prefix_run },
	{ "stall", bench_stall },
	{ "cpu", bench_cpu },
	{ "rules_load", bench_rules_load },
	{ "rules_run", bench_rules_run },
};

static int bench_open(struct inode *inode, struct file *file)
{
	file->private_data = kzalloc(sizeof(struct bench_cmd), GFP_KERNEL);
	return file->private_data ? 0 : -ENOMEM;
}

static int bench_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static ssize_t bench_write(struct file *file, const char __user *buf,
			   size_t len, loff_t *pos)
{
	struct bench_cmd *cmd = file->private_data;
	unsigned int i;
	int err;

	if (len >= sizeof(cmd->line))
		return -E2BIG;
	if (copy_from_user(cmd->line, buf, len))
		return -EFAULT;
	cmd->line[len] = 0;
	err = bench_cmd_parse(cmd);
	if (err)
		return err;
	for (i = 0; i < ARRAY_SIZE(bench_cmds); i++) {
		if (strcmp(cmd->word, bench_cmds[i].word))
			continue;
		err = bench_cmds[i].run(cmd);
		return err ?: len;
	}
	return -EINVAL;
}

static ssize_t bench_read(struct file *file, char __user *buf, size_t len,
			  loff_t *pos)
{
	struct bench_cmd *cmd = file->private_data;

	return simple_read_from_buffer(buf, len, pos, cmd->out, cmd->len);
}

static const struct proc_ops bench_proc_ops = {
	.proc_open = bench_open,
	.proc_release = bench_release,
	.proc_write = bench_write,
	.proc_read = bench_read,
	.proc_lseek = default_llseek,
};

static int __init bench_init(void)
{
	int err = bench_dev_init();

	if (err)
		return err;
	if (!proc_create("dash_bench", 0600, NULL, &bench_proc_ops)) {
		bench_dev_fini();
		return -ENOMEM;
	}
	return 0;
}

static void __exit bench_exit(void)
{
	remove_proc_entry("dash_bench", NULL);
	bench_stall_fini();
	bench_prefix_fini();
	bench_rules_fini();
	bench_dev_fini();
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_DESCRIPTION("Packet source, checking sink and contenders for measuring dash.ko");
MODULE_LICENSE("GPL");
