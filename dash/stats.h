/* SPDX-License-Identifier: GPL-2.0 */
/* Counters, per CPU: rx = tx + the sum of drops, always. */
#ifndef _DASH_STATS_H
#define _DASH_STATS_H

#include <linux/dash.h>
#include <linux/percpu.h>
#include <linux/u64_stats_sync.h>

#define DASH_ACL_STAGES	5

/**
 * struct dash_dir_stats - packets of one ENI and direction
 */
struct dash_dir_stats {
	/** @rx_packets: packets whose ENI was found */
	u64_stats_t rx_packets;
	/** @rx_bytes: their bytes from the outer network header on */
	u64_stats_t rx_bytes;
	/** @tx_packets: packets sent */
	u64_stats_t tx_packets;
	/** @tx_bytes: their bytes as sent, from the network header on */
	u64_stats_t tx_bytes;
	/** @generated_packets: ICMP errors of our own, not in the others */
	u64_stats_t generated_packets;
	/** @drops: packets dropped, by reason */
	u64_stats_t drops[DASH_DROP_MAX + 1];
	/** @acl_drops: of drops[DASH_DROP_ACL_DENY], by deciding stage */
	u64_stats_t acl_drops[DASH_ACL_STAGES];
};

/**
 * enum dash_flow_stat - counters about the connections of an ENI
 */
enum dash_flow_stat {
	/** @DASH_FLOW_CREATED: connections inserted */
	DASH_FLOW_CREATED,
	/** @DASH_FLOW_REMOVED: connections gone, for whatever reason */
	DASH_FLOW_REMOVED,
	/** @DASH_FLOW_TIMED_OUT: of these, by ageing */
	DASH_FLOW_TIMED_OUT,
	/**
	 * @DASH_FLOW_MATCHED: packets of connections that existed, of other
	 * protocols than those that follow
	 */
	DASH_FLOW_MATCHED,
	/** @DASH_FLOW_MATCHED_UDP: the same of UDP */
	DASH_FLOW_MATCHED_UDP,
	/** @DASH_FLOW_MATCHED_TCP: the same of TCP */
	DASH_FLOW_MATCHED_TCP,
	/** @DASH_FLOW_REDECIDED: connections decided anew by changed policy */
	DASH_FLOW_REDECIDED,
	/** @DASH_FLOW_TCP_SYN: segments with SYN, without ACK */
	DASH_FLOW_TCP_SYN,
	/** @DASH_FLOW_TCP_SYN_ACK: segments with SYN and ACK */
	DASH_FLOW_TCP_SYN_ACK,
	/** @DASH_FLOW_TCP_FIN: segments with FIN */
	DASH_FLOW_TCP_FIN,
	/** @DASH_FLOW_TCP_RST: segments with RST */
	DASH_FLOW_TCP_RST,
	/** @DASH_FLOW_TCP_ESTABLISHED: connections that became established */
	DASH_FLOW_TCP_ESTABLISHED,
	/** @DASH_FLOW_TCP_RESET: connections that a RST ended */
	DASH_FLOW_TCP_RESET,
	/** @DASH_FLOW_TCP_CLOSED: connections that both sides closed */
	DASH_FLOW_TCP_CLOSED,
	/** @DASH_FLOW_TCP_REPLACED: connections that were over, begun anew */
	DASH_FLOW_TCP_REPLACED,
	/** @DASH_FLOW_TCP_SYN_TIMED_OUT: connections never established */
	DASH_FLOW_TCP_SYN_TIMED_OUT,
	/** @DASH_FLOW_TCP_TIMED_OUT: connections established and idle */
	DASH_FLOW_TCP_TIMED_OUT,
	/** @DASH_FLOW_DENIED: connections that changed policy denies */
	DASH_FLOW_DENIED,
	/** @DASH_FLOW_CREATED_UDP: connections of UDP inserted */
	DASH_FLOW_CREATED_UDP,
	/** @DASH_FLOW_CREATED_TCP: connections of TCP inserted */
	DASH_FLOW_CREATED_TCP,
	/** @DASH_FLOW_REMOVED_UDP: connections of UDP gone */
	DASH_FLOW_REMOVED_UDP,
	/** @DASH_FLOW_REMOVED_TCP: connections of TCP gone */
	DASH_FLOW_REMOVED_TCP,
	/** @DASH_FLOW_RESIM_DEFERRED: packets that went by a stale decision */
	DASH_FLOW_RESIM_DEFERRED,
	/** @DASH_FLOW_CUT: connections removed by a change of policy */
	DASH_FLOW_CUT,
	/** @DASH_FLOW_EVICTED: connections removed to make room */
	DASH_FLOW_EVICTED,
	/** @DASH_FLOW_STATS: how many counters there are */
	DASH_FLOW_STATS
};

/**
 * struct dash_eni_stats - counters of an ENI on one CPU
 */
struct dash_eni_stats {
	/** @dir: by enum dash_direction */
	struct dash_dir_stats dir[2];
	/** @flow: by enum dash_flow_stat */
	u64_stats_t flow[DASH_FLOW_STATS];
	/** @syncp: lets 32-bit readers see whole numbers */
	struct u64_stats_sync syncp;
};

/**
 * struct dash_port_stats - counters of a port on one CPU
 */
struct dash_port_stats {
	/** @ours: packets taken */
	u64_stats_t ours;
	/** @to_eni: of these, packets that an ENI counts from then on */
	u64_stats_t to_eni;
	/** @passed: packets left to the host stack */
	u64_stats_t passed;
	/** @drops: packets dropped before their ENI was known */
	u64_stats_t drops[DASH_DROP_MAX + 1];
	/** @syncp: as above */
	struct u64_stats_sync syncp;
};

struct dash_eni;

/**
 * dash_stats_flow - count an event of a connection
 * @stats: counters of its ENI
 * @what: event
 *
 * Context: BH off.
 */
static inline void dash_stats_flow(struct dash_eni_stats __percpu *stats,
				   enum dash_flow_stat what)
{
	struct dash_eni_stats *s = this_cpu_ptr(stats);

	u64_stats_update_begin(&s->syncp);
	u64_stats_inc(&s->flow[what]);
	u64_stats_update_end(&s->syncp);
}

/**
 * dash_stats_generated - count a packet of our own
 * @stats: counters of the ENI that it is about
 * @dir: enum dash_direction that it goes in
 *
 * Context: BH off.
 */
static inline void dash_stats_generated(struct dash_eni_stats __percpu *stats,
					u8 dir)
{
	struct dash_eni_stats *s = this_cpu_ptr(stats);

	u64_stats_update_begin(&s->syncp);
	u64_stats_inc(&s->dir[dir].generated_packets);
	u64_stats_update_end(&s->syncp);
}

/**
 * struct dash_eni_totals - sums over all CPUs
 */
struct dash_eni_totals {
	/** @dir: by enum dash_direction */
	struct {
		u64 rx_packets, rx_bytes, tx_packets, tx_bytes;
		u64 generated_packets;
		u64 drops[DASH_DROP_MAX + 1];
		u64 acl_drops[DASH_ACL_STAGES];
	} dir[2];
	/** @flow: by enum dash_flow_stat */
	u64 flow[DASH_FLOW_STATS];
};

/**
 * struct dash_port_totals - sums over all CPUs
 */
struct dash_port_totals {
	/** @ours: packets taken */
	u64 ours;
	/** @to_eni: of these, packets that an ENI counts from then on */
	u64 to_eni;
	/** @passed: packets left to the host stack */
	u64 passed;
	/** @drops: packets dropped before their ENI was known */
	u64 drops[DASH_DROP_MAX + 1];
};

/**
 * dash_stats_sum_eni - add up the counters of an ENI
 * @stats: counters
 * @sum: zeroed
 */
void dash_stats_sum_eni(const struct dash_eni_stats __percpu *stats,
			struct dash_eni_totals *sum);

/**
 * dash_stats_sum_port - add up the counters of a port
 * @stats: counters
 * @sum: zeroed
 */
void dash_stats_sum_port(const struct dash_port_stats __percpu *stats,
			 struct dash_port_totals *sum);

#endif /* _DASH_STATS_H */
