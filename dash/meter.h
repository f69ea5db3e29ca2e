/* SPDX-License-Identifier: GPL-2.0 */
/* Metering: bytes of an ENI by class, for whoever bills them. */
#ifndef _DASH_METER_H
#define _DASH_METER_H

#include <linux/cache.h>
#include <linux/in6.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/types.h>
#include <linux/u64_stats_sync.h>
#include <linux/xarray.h>

#include "lpm.h"

struct dash_pkt;
struct dash_row;
struct dash_sym;
struct dash_txn;

/* As many classes as DASH wants of an ENI, 0 being none. */
#define DASH_METER_CLASSES	4095

/**
 * struct dash_meter_cpu - counters of one CPU
 */
struct dash_meter_cpu {
	/** @packets: inner frames, by enum dash_direction */
	u64_stats_t packets[2];
	/** @bytes: of these, with their Ethernet headers */
	u64_stats_t bytes[2];
	/** @syncp: lets 32-bit readers see whole numbers */
	struct u64_stats_sync syncp;
	/** @pad: other CPUs write the next line */
	u8 pad[SMP_CACHE_BYTES - 4 * sizeof(u64)];
};

/**
 * struct dash_meter - counters of an ENI's class
 */
struct dash_meter {
	/** @class: constant; 0 for all classes that there is no room for */
	u32 class;
	/** @cpu: by CPU */
	struct dash_meter_cpu cpu[];
};

/**
 * struct dash_meters - the classes of an ENI
 */
struct dash_meters {
	/** @by_class: dash_meter, RCU; never removed */
	struct xarray by_class;
	/** @n: how many */
	atomic_t n;
	/** @rest: the one of all further classes */
	struct dash_meter *rest;
};

int dash_meters_init(struct dash_meters *meters);

/**
 * dash_meters_fini - free the counters of an ENI
 * @meters: no reader and no connection is left
 *
 * Context: may sleep.
 */
void dash_meters_fini(struct dash_meters *meters);

/**
 * struct dash_meter_sum - sum of all CPUs
 */
struct dash_meter_sum {
	/** @packets: by enum dash_direction */
	u64 packets[2];
	/** @bytes: the same */
	u64 bytes[2];
};

/**
 * dash_meter_read - add up the counters of a class
 * @meter: counters, or NULL for zeros
 * @sum: filled
 */
void dash_meter_read(const struct dash_meter *meter,
		     struct dash_meter_sum *sum);

/**
 * dash_meter_len - what of a packet is metered
 * @pkt: packet as received
 * @frames: number of inner frames that it stands for
 *
 * A GSO packet counts as the frames that it will be cut into, so that what is
 * billed does not depend on what the path has put together.
 *
 * Return: bytes.
 */
u32 dash_meter_len(const struct dash_pkt *pkt, u32 *frames);

/**
 * dash_meter_count - count a packet that was sent
 * @meter: counters
 * @dir: enum dash_direction
 * @frames: of dash_meter_len()
 * @bytes: what that returned
 *
 * Context: BH off.
 */
static inline void dash_meter_count(struct dash_meter *meter, u8 dir,
				    u32 frames, u32 bytes)
{
	struct dash_meter_cpu *c = &meter->cpu[smp_processor_id()];

	u64_stats_update_begin(&c->syncp);
	u64_stats_add(&c->packets[dir], frames);
	u64_stats_add(&c->bytes[dir], bytes);
	u64_stats_update_end(&c->syncp);
}

/**
 * struct dash_metering - what the tables that decide say about the class
 */
struct dash_metering {
	/** @or: bits set */
	u32 or;
	/** @and: bits kept */
	u32 and;
	/** @policy: the ENI's policy goes before them */
	bool policy;
};

#define DASH_METERING_INIT	{ .and = U32_MAX }

/**
 * dash_meter_get - the counters for the packets of a connection
 * @pkt: its initiator's packet; for a packet in thought the class is recorded
 * @m: what the tables say
 *
 * The class is what the bits say, and if these say 0, what the ENI's policy
 * says of the other side's address. A class that is met for the first time gets
 * its counters here.
 * Context: RCU, BH off.
 *
 * Return: counters, which live as long as the ENI, or NULL without a class.
 */
struct dash_meter *dash_meter_get(const struct dash_pkt *pkt,
				  const struct dash_metering *m);

/**
 * struct dash_meter_rule - a rule of a policy
 */
struct dash_meter_rule {
	/** @row: as set; lives as long as the rules do */
	const struct dash_row *row;
	/** @addr: prefix, v4-mapped if IPv4 */
	struct in6_addr addr;
	/** @plen: its length, counted in that form */
	u8 plen;
	/** @class: class */
	u32 class;
	/** @priority: lowest first */
	u32 priority;
	/** @num: decides among equals */
	u32 num;
	/** @up: next shorter prefix around it, or itself */
	u32 up;
	/** @best: rule that decides where this is the longest prefix */
	u32 best;
};

/**
 * struct dash_meter_rules - the rules of a policy at one time
 *
 * Immutable once published; replaced whole. RCU.
 */
struct dash_meter_rules {
	/** @lpm: prefix -> best rule */
	struct dash_lpm lpm;
	/** @n: length of @rule */
	u32 n;
	/** @rule: sorted by prefix, shorter ones first */
	struct dash_meter_rule rule[];
};

/**
 * struct dash_meter_policy - a policy
 *
 * Guarded by dash_net.lock but for @rules.
 */
struct dash_meter_policy {
	/** @sym: its name */
	struct dash_sym *sym;
	/** @rules: RCU */
	struct dash_meter_rules __rcu *rules;
	/** @next: about to be published */
	struct dash_meter_rules *next;
	/** @old: replaced, until a grace period has passed */
	struct dash_meter_rules *old;
};

struct dash_meter_policy *dash_meter_policy_alloc(struct dash_sym *sym);
void dash_meter_policy_free(struct dash_meter_policy *policy);

/**
 * dash_meter_prepare - compile the policies that a transaction concerns
 * @txn: transaction
 *
 * Context: dash_net.lock held, may sleep.
 * Return: 0, -ENOMEM, or -EINVAL for a prefix of the other family.
 */
int dash_meter_prepare(struct dash_txn *txn);

void dash_meter_unprepare(struct dash_txn *txn);

/**
 * dash_meter_publish - let packets see what was prepared
 * @txn: transaction
 *
 * Context: dash_net.lock held.
 */
void dash_meter_publish(struct dash_txn *txn);

/**
 * dash_meter_reap - free what a transaction replaced
 * @txn: transaction; a grace period has passed since publishing
 *
 * Context: dash_net.lock held, may sleep.
 */
void dash_meter_reap(struct dash_txn *txn);

#endif /* _DASH_METER_H */
