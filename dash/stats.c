// SPDX-License-Identifier: GPL-2.0
/*
 * Sums of the counters over all CPUs.
 */
#include <linux/string.h>

#include "stats.h"

static void stats_read(u64 *sum, const u64_stats_t *counter, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		sum[i] = u64_stats_read(&counter[i]);
}

static void stats_add(void *total, const void *part, size_t size)
{
	const u64 *p = part;
	u64 *t = total;
	size_t i;

	for (i = 0; i < size / sizeof(*t); i++)
		t[i] += p[i];
}

static void stats_read_eni(struct dash_eni_totals *t,
			   const struct dash_eni_stats *s)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(s->dir); i++) {
		const struct dash_dir_stats *d = &s->dir[i];

		t->dir[i].rx_packets = u64_stats_read(&d->rx_packets);
		t->dir[i].rx_bytes = u64_stats_read(&d->rx_bytes);
		t->dir[i].tx_packets = u64_stats_read(&d->tx_packets);
		t->dir[i].tx_bytes = u64_stats_read(&d->tx_bytes);
		t->dir[i].generated_packets =
			u64_stats_read(&d->generated_packets);
		stats_read(t->dir[i].drops, d->drops, ARRAY_SIZE(d->drops));
		stats_read(t->dir[i].acl_drops, d->acl_drops,
			   ARRAY_SIZE(d->acl_drops));
	}
	stats_read(t->flow, s->flow, ARRAY_SIZE(s->flow));
}

/**
 * dash_stats_sum_eni - add up the counters of an ENI
 * @stats: counters
 * @sum: filled
 *
 * What one CPU counted for one packet is seen whole or not at all.
 */
void dash_stats_sum_eni(const struct dash_eni_stats __percpu *stats,
			struct dash_eni_totals *sum)
{
	struct dash_eni_totals part;
	int cpu;

	/* nothing but u64, so that both can be taken for arrays of these */
	BUILD_BUG_ON(sizeof(part) % sizeof(u64));
	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const struct dash_eni_stats *s = per_cpu_ptr(stats, cpu);
		unsigned int start;

		do {
			start = u64_stats_fetch_begin(&s->syncp);
			stats_read_eni(&part, s);
		} while (u64_stats_fetch_retry(&s->syncp, start));
		stats_add(sum, &part, sizeof(part));
	}
}

/**
 * dash_stats_sum_port - add up the counters of a port
 * @stats: counters
 * @sum: filled
 */
void dash_stats_sum_port(const struct dash_port_stats __percpu *stats,
			 struct dash_port_totals *sum)
{
	struct dash_port_totals part;
	int cpu;

	BUILD_BUG_ON(sizeof(part) % sizeof(u64));
	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const struct dash_port_stats *s = per_cpu_ptr(stats, cpu);
		unsigned int start;

		do {
			start = u64_stats_fetch_begin(&s->syncp);
			part.ours = u64_stats_read(&s->ours);
			part.to_eni = u64_stats_read(&s->to_eni);
			part.passed = u64_stats_read(&s->passed);
			stats_read(part.drops, s->drops, ARRAY_SIZE(s->drops));
		} while (u64_stats_fetch_retry(&s->syncp, start));
		stats_add(sum, &part, sizeof(part));
	}
}
