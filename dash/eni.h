/* SPDX-License-Identifier: GPL-2.0 */
/* An ENI: a VM's network interface, and the policy bound to it. */
#ifndef _DASH_ENI_H
#define _DASH_ENI_H

#include <linux/dash.h>
#include <linux/if_ether.h>
#include <linux/in6.h>
#include <linux/rcupdate.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>

#include "bucket.h"
#include "event.h"
#include "flow.h"
#include "icmp.h"
#include "meter.h"
#include "policy.h"
#include "stats.h"

struct dash_acl_group;
struct dash_flow_table;
struct dash_net;
struct dash_port;
struct dash_route_group;
struct dash_row;
struct dash_rule_table;
struct dash_sym;
struct dash_txn;
struct dash_vnet;
struct nlattr;

/**
 * struct dash_vni_range - inclusive range of VNIs
 */
struct dash_vni_range {
	/** @lo: first */
	u32 lo;
	/** @hi: last */
	u32 hi;
};

/**
 * struct dash_acl_bind - groups bound to one direction and family
 */
struct dash_acl_bind {
	/** @group: in order of their stages */
	struct dash_acl_group *group[DASH_ACL_STAGES];
	/** @stage: number of each, 1 to 5 */
	u8 stage[DASH_ACL_STAGES];
	/** @n: how many */
	u8 n;
};

/**
 * struct dash_eni_cfg - configuration of an ENI at one time
 *
 * Immutable once published; replaced whole. RCU.
 */
struct dash_eni_cfg {
	/** @node: in dash_net.eni_hash, hashed by @mac */
	struct hlist_node node;
	/** @eni: whose configuration */
	struct dash_eni *eni;
	/** @mac: MAC address of the VM */
	u8 mac[ETH_ALEN];
	/** @enabled: admin_state */
	bool enabled;
	/** @check_reply_pa: replies must come from where the connection goes */
	bool check_reply_pa;
	/** @dscp_pipe: outer DSCP is @dscp instead of the received one */
	bool dscp_pipe;
	/** @dscp: 0 to 63 */
	u8 dscp;
	/** @has_underlay_ip: @underlay_ip is set */
	bool has_underlay_ip;
	/** @has_pl_sip: @pl_sip is set */
	bool has_pl_sip;
	/** @vnet: the ENI's VNET, or NULL */
	struct dash_vnet *vnet;
	/** @underlay_ip: PA of the VM's host, when @has_underlay_ip */
	struct in6_addr underlay_ip;
	/** @vm_vni: VNI towards the VM */
	u32 vm_vni;
	/** @encap_sip: outer source by family [v4, v6]; unspecified: the VIP */
	struct in6_addr encap_sip[2];
	/** @pl_underlay_sip: the same towards private links, before @encap_sip */
	struct in6_addr pl_underlay_sip[2];
	/** @pl_sip: pl_sip_encoding, when @has_pl_sip */
	struct in6_addr pl_sip;
	/** @pl_mask: bits of overlay sources that give way to @pl_sip */
	struct in6_addr pl_mask;
	/** @acl: by enum dash_direction and family [v4, v6] */
	struct dash_acl_bind acl[2][2];
	/** @routes: outbound routes, or NULL */
	struct dash_route_group *routes;
	/** @meter: metering policies [v4, v6], or NULL */
	struct dash_meter_policy *meter[2];
	/** @timeout: jiffies, by enum dash_timeout */
	unsigned long timeout[DASH_TIMEOUTS];
	/** @max_flows: limit of connections, 0 is none */
	u32 max_flows;
	/** @max_cps: limit of new connections per second, 0 is none */
	u32 max_cps;
	/** @max_half: limit of unanswered connections, 0 is none */
	u32 max_half;
	/** @resim_rate: limit of decisions made again per second, 0 is none */
	u32 resim_rate;
	/** @bw: limit of bytes per second, 0 is none */
	u64 bw;
	/** @trusted: VNIs trusted for this ENI */
	struct dash_vni_range *trusted;
	/** @n_trusted: how many */
	u32 n_trusted;
	/** @addr: CAs allowed as source, sorted */
	struct in6_addr *addr;
	/** @n_addr: how many; 0 allows any */
	u32 n_addr;
};

/**
 * struct dash_eni - an ENI
 *
 * Lives from its creation until a grace period after its last connection.
 */
struct dash_eni {
	/** @dn: instance */
	struct dash_net *dn;
	/** @sym: its name */
	struct dash_sym *sym;
	/** @name: the same for readers */
	const char *name;
	/** @cfg: RCU, written under dash_net.lock; NULL once deleted */
	struct dash_eni_cfg __rcu *cfg;
	/** @next: configuration about to be published, under dash_net.lock */
	struct dash_eni_cfg *next;
	/** @vport: device of its VM, RCU, written under dash_net.lock */
	struct dash_port __rcu *vport;
	/** @rules: inbound route rules, RCU, written under dash_net.lock */
	struct dash_rule_table __rcu *rules;
	/** @next_rules: about to be published, under dash_net.lock */
	struct dash_rule_table *next_rules;
	/** @old_cfg: replaced, until a grace period has passed */
	struct dash_eni_cfg *old_cfg;
	/** @old_rules: the same */
	struct dash_rule_table *old_rules;
	/** @id: names it in keys of connections, never used twice */
	u32 id;
	/** @gen: generation of the policy that concerns it */
	u32 gen;
	/** @n_to6: connections whose answers are of the other family */
	atomic_t n_to6;
	/** @marks: since which of them decisions hold */
	struct dash_policy_marks marks;
	/** @flows: connections */
	atomic_t flows;
	/** @flows_max: the most there were */
	u32 flows_max;
	/** @rate: connections created in @rate_second */
	atomic_t rate;
	/** @rate_second: second since boot */
	u32 rate_second;
	/** @rate_max: the most in any second before */
	u32 rate_max;
	/** @cps: limit of connections created */
	struct dash_bucket cps;
	/** @resim: limit of decisions made again */
	struct dash_bucket resim;
	/** @half_lock: guards @half, @n_half, its members' answered; BH off */
	spinlock_t half_lock;
	/** @n_half: length of @half, and connections about to get there */
	u32 n_half;
	/** @half: unanswered connections, see dash_flow.half_last */
	struct list_head half;
	/** @bw_lock: guards @bw_tokens and @bw_last; BH off */
	spinlock_t bw_lock;
	/** @bw_tokens: bytes that may be sent now */
	u64 bw_tokens;
	/** @bw_last: ktime of the last refill, in ns */
	u64 bw_last;
	/** @frags: fragmented datagrams under way, under dash_frags.lock */
	u32 frags;
	/** @limit_told: jiffies of the last event about each limit, 0 is never */
	u32 limit_told[DASH_EVENT_LIMITS];
	/** @icmp: limits of ICMP errors, by direction of what causes them */
	struct dash_icmp_limit icmp[2];
	/** @meters: counters by metering class */
	struct dash_meters meters;
	/** @stats: counters */
	struct dash_eni_stats __percpu *stats;
	/** @rcu: for freeing */
	struct rcu_head rcu;
};

/**
 * dash_vni_in - is a VNI in one of several ranges?
 * @r: ranges
 * @n: how many
 * @vni: VNI
 *
 * Return: whether it is.
 */
bool dash_vni_in(const struct dash_vni_range *r, u32 n, u32 vni);

/**
 * dash_eni_may_use - is a source address allowed?
 * @cfg: configuration of the ENI
 * @addr: address
 *
 * Return: true when no addresses are configured or @addr is one of them.
 */
bool dash_eni_may_use(const struct dash_eni_cfg *cfg,
		      const struct in6_addr *addr);

/**
 * dash_eni_may_send - charge the bandwidth that QoS allows an ENI
 * @eni: ENI
 * @cfg: its configuration
 * @len: bytes
 *
 * Both directions share one bucket, an eighth of a second deep.
 * Context: BH off.
 * Return: false when @len is more than there is.
 */
bool dash_eni_may_send(struct dash_eni *eni, const struct dash_eni_cfg *cfg,
		       u32 len);

/**
 * dash_timeouts_parse - read timeouts of a row over what is inherited
 * @nest: nested timeouts in seconds, or NULL
 * @timeout: DASH_TIMEOUTS times in jiffies; those given are changed
 */
void dash_timeouts_parse(const struct nlattr *nest, unsigned long *timeout);

/**
 * dash_vni_ranges_parse - add the VNI ranges of a row to an array
 * @row: row
 * @attr: attribute of a range
 * @ranges: array or NULL; reallocated
 * @n: length of the array
 *
 * Context: process.
 * Return: new length, -ENOMEM or -E2BIG.
 */
int dash_vni_ranges_parse(const struct dash_row *row, int attr,
			  struct dash_vni_range **ranges, u32 n);

/**
 * dash_eni_alloc - make an ENI that packets do not find yet
 * @dn: instance
 * @sym: its name
 *
 * Context: dash_net.lock held.
 * Return: ENI or NULL.
 */
struct dash_eni *dash_eni_alloc(struct dash_net *dn, struct dash_sym *sym);

/**
 * dash_eni_free - free an ENI
 * @eni: ENI; no reader and no connection is left
 */
void dash_eni_free(struct dash_eni *eni);

/**
 * dash_eni_check - is the MAC address of an ENI its own?
 * @txn: transaction
 * @sym: ENI; it exists in the end state
 *
 * Context: dash_net.lock held.
 * Return: 0 or -EEXIST.
 */
int dash_eni_check(struct dash_txn *txn, struct dash_sym *sym);

/**
 * dash_eni_prepare - build what packets will see of an ENI
 * @txn: transaction
 * @eni: ENI; it exists in the end state, as all that it mentions
 *
 * Context: dash_net.lock held.
 * Return: 0, -ENOMEM, or -E2BIG for lists of absurd length.
 */
int dash_eni_prepare(struct dash_txn *txn, struct dash_eni *eni);

/**
 * dash_eni_unprepare - forget what was prepared
 * @eni: ENI
 *
 * Context: dash_net.lock held.
 */
void dash_eni_unprepare(struct dash_eni *eni);

/**
 * dash_eni_publish - let packets see what was prepared, if anything
 * @eni: ENI
 *
 * Context: dash_net.lock held.
 */
void dash_eni_publish(struct dash_eni *eni);

/**
 * dash_eni_retire - let packets find an ENI no more
 * @eni: ENI
 *
 * Its connections go in dash_eni_reap().
 * Context: dash_net.lock held.
 */
void dash_eni_retire(struct dash_eni *eni);

/**
 * dash_eni_mark - have connections re-decided that a transaction concerns
 * @txn: transaction
 * @eni: ENI
 *
 * The new policy is published. Each connection is decided anew with its next
 * packet.
 * Context: dash_net.lock held.
 */
void dash_eni_mark(struct dash_txn *txn, struct dash_eni *eni);

/**
 * dash_eni_reap - free what was replaced, and connections if it goes
 * @eni: ENI
 * @ft: connections or NULL
 *
 * A grace period has passed since publishing or retiring.
 * Context: dash_net.lock held, may sleep.
 */
void dash_eni_reap(struct dash_eni *eni, struct dash_flow_table *ft);

#endif /* _DASH_ENI_H */
