/* SPDX-License-Identifier: GPL-2.0 */
/* Connections: lookup, TCP state, ageing. */
#ifndef _DASH_FLOW_H
#define _DASH_FLOW_H

#include <linux/cache.h>
#include <linux/dash.h>
#include <linux/in6.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/prefetch.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>

#include "flow_act.h"
#include "flow_key.h"
#include "parse.h"
#include "tcp.h"

struct dash_eni;
struct dash_flow_table;
struct dash_nat;
struct dash_net;
struct dash_vnet;

/**
 * enum dash_timeout - idle times, by state and protocol
 */
enum dash_timeout {
	/** @DASH_TIMEOUT_SYN: TCP before it is established */
	DASH_TIMEOUT_SYN,
	/** @DASH_TIMEOUT_ESTABLISHED: TCP, established */
	DASH_TIMEOUT_ESTABLISHED,
	/** @DASH_TIMEOUT_FIN: TCP, closing */
	DASH_TIMEOUT_FIN,
	/** @DASH_TIMEOUT_CLOSED: TCP, reset */
	DASH_TIMEOUT_CLOSED,
	/** @DASH_TIMEOUT_TIME_WAIT: TCP, closed by both sides */
	DASH_TIMEOUT_TIME_WAIT,
	/** @DASH_TIMEOUT_UDP_NEW: UDP without an answer yet */
	DASH_TIMEOUT_UDP_NEW,
	/** @DASH_TIMEOUT_UDP_STREAM: UDP with packets in both directions */
	DASH_TIMEOUT_UDP_STREAM,
	/** @DASH_TIMEOUT_ICMP: ICMP and ICMPv6 */
	DASH_TIMEOUT_ICMP,
	/** @DASH_TIMEOUT_OTHER: other protocols */
	DASH_TIMEOUT_OTHER,
	/** @DASH_TIMEOUTS: how many timeouts there are */
	DASH_TIMEOUTS
};

/* In jiffies; dash_flow.last has 32 bits, and half of them are the future. */
#define DASH_TIMEOUT_MAX	(S32_MAX / 2)

/**
 * struct dash_flow - a connection, both directions
 *
 * A line of the cache for finding it, which is written where time or state
 * change; one for what every packet needs and counts; one for TCP; one for the
 * rest.
 */
struct dash_flow {
	/** @node: in the table, hashed by @key */
	struct rhash_head node;
	/** @key: constant */
	struct dash_flow_key key;
	/** @hash: keyed hash of @key, for entropy and balance; constant */
	u32 hash;
	/** @last: jiffies of the last packet that counts, to about HZ / 8 */
	u32 last;
	/** @dir: enum dash_direction of the initiator's packets, constant */
	u8 dir;
	/** @state: enum dash_flow_state, written under @lock after @last */
	u8 state;
	/** @answered: not in @half; written under dash_eni.half_lock */
	bool answered;
	/** @dead: out of the table; written under the shard's lock */
	bool dead;
	/** @lock: serialises changes of state and @act; BH off */
	spinlock_t lock;

	/** @act: RCU, replaced under @lock */
	struct dash_flow_act __rcu *act;
	/** @eni: whose connection; the ENI outlives it */
	struct dash_eni *eni;
	/**
	 * @packets: by [initiator, responder]; a direction's packets are
	 * expected on one CPU at a time, else an increment may get lost
	 */
	u64 packets[2];
	/** @bytes: inner bytes with the Ethernet header, as @packets */
	u64 bytes[2];
	/** @created: jiffies */
	unsigned long created;

	/** @tcp: state of a TCP connection */
	struct dash_tcp tcp ____cacheline_aligned;

	/** @wheel: in the ageing wheel of its shard, under the shard's lock */
	struct hlist_node wheel ____cacheline_aligned;
	/** @half: in dash_eni.half while unanswered, under its half_lock */
	struct list_head half;
	/** @half_last: @last when it was put at the end of that list */
	u32 half_last;
	/** @nat: the responder's name of it, or NULL; constant */
	struct dash_nat *nat;
	/** @rcu: for freeing */
	struct rcu_head rcu;
};

/**
 * dash_flow_dir - which of a connection's two directions a packet is of
 * @flow: connection
 * @dir: enum dash_direction of the packet
 *
 * Return: 0 for the initiator's, 1 for the responder's.
 */
static inline int dash_flow_dir(const struct dash_flow *flow, u8 dir)
{
	return flow->dir != dir;
}

/**
 * dash_flow_last - when the last packet that counts came
 * @flow: connection
 *
 * Timeouts are limited such that 31 bits can say how long ago that was.
 *
 * Return: jiffies.
 */
static inline unsigned long dash_flow_last(const struct dash_flow *flow)
{
	unsigned long now = jiffies;

	/* it may also be newer than now was */
	return now + (s32)(READ_ONCE(flow->last) - (u32)now);
}

/**
 * dash_flow_seconds - how long is it from one time to another?
 * @from: jiffies
 * @to: jiffies
 *
 * Return: seconds, 0 when @to is before.
 */
static inline u32 dash_flow_seconds(unsigned long from, unsigned long to)
{
	return time_after(to, from) ? (to - from) / HZ : 0;
}

/**
 * dash_flow_key_init - name the connection of a packet
 * @key: filled
 * @eni_id: id of the ENI
 * @t: addresses and ports
 * @dir: enum dash_direction
 *
 * ICMP echo requests of one side and the replies of the other make a
 * connection, told from that of the opposite direction by a class in
 * key->rport. The same holds for the ICMPv4 pairs timestamp, information and
 * address mask. Other ICMP types have a class of their own by type and
 * direction, so nothing is ever a reply to them.
 */
void dash_flow_key_init(struct dash_flow_key *key, u32 eni_id,
			const struct dash_tuple *t, u8 dir);

/**
 * dash_flow_eni_init - prepare what a new ENI has for its connections
 * @eni: zeroed ENI
 */
void dash_flow_eni_init(struct dash_eni *eni);

int dash_flow_module_init(void);
void dash_flow_module_exit(void);

/**
 * dash_flow_table_alloc - make the table of an instance and start its ageing
 * @dn: instance
 *
 * Context: process.
 * Return: table or NULL without memory.
 */
struct dash_flow_table *dash_flow_table_alloc(struct dash_net *dn);

/**
 * dash_flow_table_free - remove every connection and the table
 * @ft: table or NULL; no packet uses it any more
 *
 * Context: process, may sleep.
 */
void dash_flow_table_free(struct dash_flow_table *ft);

/**
 * dash_flow_lookup - find a connection
 * @ft: table
 * @key: name
 * @hash: dash_flow_hash() of it
 *
 * Context: RCU.
 * Return: connection or NULL.
 */
struct dash_flow *dash_flow_lookup(struct dash_flow_table *ft,
				   const struct dash_flow_key *key, u32 hash);

/**
 * dash_flow_find - look up the connections of several packets together
 * @pkts: packets; flow is set, to NULL where dash_flow_lookup() has to tell
 * @n: how many, as many as a long has bits at most
 *
 * Has the cache fetch what their way on needs.
 * Context: RCU.
 * Return: those with a name and without a connection, by bits.
 */
unsigned long dash_flow_find(struct dash_pkt *pkts, unsigned int n);

/**
 * dash_flow_act_hash - hash of what is decided
 * @ft: table
 * @act: decision, complete but for its hash
 *
 * Return: 32 bits, unpredictable for senders.
 */
u32 dash_flow_act_hash(const struct dash_flow_table *ft,
		       const struct dash_flow_act *act);

/**
 * dash_flow_act_ahead - begin the search for a stored decision like this one
 * @ft: table
 * @act: decision
 *
 * Context: RCU.
 * Return: for dash_flow_act_prefetch().
 */
const void *dash_flow_act_ahead(const struct dash_flow_table *ft,
				const struct dash_flow_act *act);

/**
 * dash_flow_act_prefetch - have the cache fetch it
 * @slot: what dash_flow_act_ahead() returned, fetched meanwhile
 *
 * Context: RCU.
 */
void dash_flow_act_prefetch(const void *slot);

/**
 * dash_flow_prefetch_act - have the cache fetch what is done to packets
 * @flow: connection
 *
 * Context: RCU.
 */
static inline void dash_flow_prefetch_act(const struct dash_flow *flow)
{
	const u8 *act = (const u8 *)rcu_access_pointer(flow->act);

	prefetch(act);
	prefetch(act + 64);
	prefetch(act + 128);
}

/**
 * dash_flow_hash - keyed hash of a packet's connection
 * @ft: table
 * @key: name
 *
 * The same for both directions, unpredictable for senders, stable as long as
 * the table lives.
 * Return: 32 bits.
 */
u32 dash_flow_hash(const struct dash_flow_table *ft,
		   const struct dash_flow_key *key);

/**
 * dash_flow_name - name the connection of a packet, and hash the name
 * @ft: table
 * @key: filled as by dash_flow_key_init()
 * @eni_id: id of the ENI
 * @t: tuple of the packet
 * @dir: enum dash_direction of the packet
 *
 * Return: dash_flow_hash() of @key.
 */
u32 dash_flow_name(const struct dash_flow_table *ft, struct dash_flow_key *key,
		   u32 eni_id, const struct dash_tuple *t, u8 dir);

/**
 * dash_flow_create - insert the connection of a packet that policy allowed
 * @ft: table
 * @pkt: the initiator's first packet; eni, ecfg, key and hash set
 * @what: decision
 * @flowp: the new connection, or the one that another CPU created meanwhile
 *
 * Charges the limits of ENI (flows, unanswered ones, cps) and instance; where one
 * of the numbers of connections is exhausted, the longest idle unanswered
 * connection of the ENI makes room. A TCP connection starts from pkt->tcp (syn_sent, or
 * established when taken up loosely). The packet itself is for
 * dash_flow_touch() to count.
 * Context: RCU, BH off.
 *
 * Return: DASH_DROP_NONE, DASH_DROP_CPS_LIMIT, DASH_DROP_FLOW_LIMIT,
 * DASH_DROP_HALF_OPEN_LIMIT, DASH_DROP_MAX_FLOWS, DASH_DROP_NAT_EXHAUSTED or
 * DASH_DROP_NO_MEMORY.
 */
enum dash_drop dash_flow_create(struct dash_flow_table *ft,
				const struct dash_pkt *pkt,
				const struct dash_flow_act *what,
				struct dash_flow **flowp);

/**
 * struct dash_flow_saved - a connection as it was elsewhere or before
 */
struct dash_flow_saved {
	/** @t: in the initiator's words; ICMP has its packets' type as dport */
	struct dash_tuple t;
	/** @dir: enum dash_direction of the initiator's packets */
	u8 dir;
	/** @state: enum dash_flow_state, one of the protocol's */
	u8 state;
	/** @answered: there were packets of the responder */
	bool answered;
	/** @encap: enum dash_encap_type of their packets or DASH_ENCAP_NONE */
	u8 encap;
	/** @has_nat: the responder knows it by @nat_addr and @nat_port */
	bool has_nat;
	/** @nat_port: see struct dash_nat */
	__be16 nat_port;
	/** @nat_addr: the same */
	struct in6_addr nat_addr;
	/** @has_smac: @smac is known */
	bool has_smac;
	/** @smac: inner Ethernet source of the initiator */
	u8 smac[ETH_ALEN];
	/** @vni: their VNI */
	u32 vni;
	/** @pa: outer source that they come from */
	struct in6_addr pa;
	/** @vip: VIP that they come to */
	struct in6_addr vip;
	/** @age: seconds since creation */
	u32 age;
	/** @idle: seconds since the last packet */
	u32 idle;
	/** @packets: by [initiator, responder] */
	u64 packets[2];
	/** @bytes: the same */
	u64 bytes[2];
	/** @tcp: state of a TCP connection, else zeros */
	struct dash_tcp tcp;
};

/**
 * enum dash_flow_restored - what became of a saved connection
 * @DASH_FLOW_RESTORED: it is there
 * @DASH_FLOW_EXISTING: there is one of that name, which stays as it is
 * @DASH_FLOW_EXPIRED: it was idle for too long
 */
enum dash_flow_restored {
	DASH_FLOW_RESTORED,
	DASH_FLOW_EXISTING,
	DASH_FLOW_EXPIRED,
};

/**
 * dash_flow_restore - insert a connection of former times
 * @ft: table
 * @pkt: as the initiator's packets come; eni, ecfg, key and hash set
 * @what: decision
 * @saved: all else about it
 * @res: what became of it, without a drop
 *
 * Charges the numbers of connections, but evicts nobody, and no rate. Of a
 * translated one the address has to be the one decided.
 * Context: RCU, BH off.
 *
 * Return: DASH_DROP_NONE, DASH_DROP_FLOW_LIMIT, DASH_DROP_MAX_FLOWS,
 * DASH_DROP_NAT_EXHAUSTED (another connection has its port) or
 * DASH_DROP_NO_MEMORY.
 */
enum dash_drop dash_flow_restore(struct dash_flow_table *ft,
				 const struct dash_pkt *pkt,
				 const struct dash_flow_act *what,
				 const struct dash_flow_saved *saved,
				 enum dash_flow_restored *res);

/**
 * dash_flow_redecide - give a connection a new decision
 * @ft: table
 * @flow: connection
 * @pkt: packet whose instance is meant
 * @what: new decision
 *
 * Context: RCU, BH off.
 * Return: DASH_DROP_NONE or DASH_DROP_NO_MEMORY.
 */
enum dash_drop dash_flow_redecide(struct dash_flow_table *ft,
				  struct dash_flow *flow,
				  const struct dash_pkt *pkt,
				  const struct dash_flow_act *what);

/**
 * dash_flow_touch - a packet of the connection is about to be sent
 * @ft: table
 * @flow: connection
 * @pkt: packet; parsed
 *
 * Advances TCP and other state, refreshes the idle time where the state
 * allows it, counts. Nothing shared is written unless it changes. ICMP errors
 * about a connection must not come here.
 * Context: RCU, BH off.
 *
 * Return: true when the connection ends with this packet and the caller shall
 * dash_flow_end() it after sending.
 */
bool dash_flow_touch(struct dash_flow_table *ft, struct dash_flow *flow,
		     const struct dash_pkt *pkt);

/**
 * dash_flow_is_over - may a SYN start this connection anew?
 * @flow: connection
 *
 * Return: true in the states closed and time_wait.
 */
static inline bool dash_flow_is_over(const struct dash_flow *flow)
{
	u8 state = READ_ONCE(flow->state);

	return state == DASH_FLOW_STATE_CLOSED ||
	       state == DASH_FLOW_STATE_TIME_WAIT;
}

/**
 * dash_flow_end - take a connection out of the table
 * @ft: table
 * @flow: connection; freed after a grace period
 * @why: reason, for those who listen
 *
 * Context: any with BH off, RCU. Safe to race with itself and ageing.
 * Return: true for the caller that did it.
 */
bool dash_flow_end(struct dash_flow_table *ft, struct dash_flow *flow,
		   enum dash_flow_end why);

/**
 * dash_flow_remove - take a connection out of the table, as somebody wishes
 * @ft: table
 * @flow: connection; freed after a grace period
 *
 * Context: as dash_flow_end().
 * Return: true for the caller that did it.
 */
static inline bool dash_flow_remove(struct dash_flow_table *ft,
				    struct dash_flow *flow)
{
	return dash_flow_end(ft, flow, DASH_FLOW_END_FLUSHED);
}

/**
 * dash_flow_flush_eni - remove the connections of an ENI that is going
 * @ft: table
 * @eni: no new connection can come, its ecfg is gone for a grace period
 *
 * Context: process, may sleep.
 */
void dash_flow_flush_eni(struct dash_flow_table *ft, struct dash_eni *eni);

/**
 * dash_flow_expires - when an idle connection goes
 * @flow: connection
 *
 * Context: RCU.
 * Return: jiffies.
 */
unsigned long dash_flow_expires(const struct dash_flow *flow);

/**
 * dash_flow_retime - timeouts of an ENI were shortened
 * @ft: table or NULL
 * @eni: ENI, its configuration published
 *
 * Without this a connection may stay for as long as it had to before.
 * Context: process, may sleep.
 */
void dash_flow_retime(struct dash_flow_table *ft, const struct dash_eni *eni);

/**
 * struct dash_flow_filter - which connections are meant
 *
 * Addresses, ports and state as in a dump: in the initiator's words.
 */
struct dash_flow_filter {
	/** @eni: of this ENI, unless NULL */
	const struct dash_eni *eni;
	/** @src: prefix of the initiator, when @by_src */
	struct in6_addr src;
	/** @dst: prefix of the responder, when @by_dst */
	struct in6_addr dst;
	/** @src_len: length of @src, counted in the v4-mapped form */
	u8 src_len;
	/** @dst_len: the same of @dst */
	u8 dst_len;
	/** @sport: its port, when @by_sport */
	__be16 sport;
	/** @dport: its port, when @by_dport */
	__be16 dport;
	/** @port: port of one of both, when @by_port */
	__be16 port;
	/** @age: created at least so many seconds ago */
	u32 age;
	/** @proto: protocol, when @by_proto */
	u8 proto;
	/** @state: enum dash_flow_state, when @by_state */
	u8 state;
	/** @by_src: compare @src */
	bool by_src:1;
	/** @by_dst: compare @dst */
	bool by_dst:1;
	/** @by_sport: compare @sport */
	bool by_sport:1;
	/** @by_dport: compare @dport */
	bool by_dport:1;
	/** @by_port: compare @port */
	bool by_port:1;
	/** @by_proto: compare @proto */
	bool by_proto:1;
	/** @by_state: compare @state */
	bool by_state:1;
	/** @by_stale: compare @stale with dash_resim_is_stale() */
	bool by_stale:1;
	/** @stale: whether it is */
	bool stale:1;
	/** @more: asked last, unless NULL; context as that of a walk's function */
	bool (*more)(const struct dash_flow_filter *f,
		     const struct dash_flow *flow);
};

/**
 * dash_flow_tuple - a connection in the initiator's words
 * @flow: connection
 * @t: filled; ICMP echo has the identifier as sport and 0 as dport
 */
void dash_flow_tuple(const struct dash_flow *flow, struct dash_tuple *t);

/**
 * dash_flow_icmp_type - type of the packets of an ICMP connection's initiator
 * @flow: connection
 *
 * Return: type.
 */
u8 dash_flow_icmp_type(const struct dash_flow *flow);

/**
 * dash_flow_match - does a filter select a connection?
 * @f: filter
 * @flow: connection
 *
 * Return: whether it does.
 */
bool dash_flow_match(const struct dash_flow_filter *f,
		     const struct dash_flow *flow);

/**
 * dash_flow_flush - remove all selected connections
 * @ft: table or NULL
 * @f: filter
 *
 * Context: process, may sleep.
 * Return: how many.
 */
u32 dash_flow_flush(struct dash_flow_table *ft,
		    const struct dash_flow_filter *f);

/**
 * dash_flow_count - count all selected connections
 * @ft: table or NULL
 * @f: filter
 *
 * Context: process, may sleep.
 * Return: how many, or -EINTR.
 */
int dash_flow_count(struct dash_flow_table *ft,
		    const struct dash_flow_filter *f);

/**
 * struct dash_flow_rank - a connection's place in an order
 */
struct dash_flow_rank {
	/** @value: what it is ordered by */
	u64 value;
	/** @key: names the connection, which may go meanwhile */
	struct dash_flow_key key;
	/** @hash: of @key */
	u32 hash;
};

/**
 * dash_flow_top - find the selected connections with the highest values
 * @ft: table or NULL
 * @f: filter
 * @order: enum dash_flow_order
 * @rank: room for @n; filled, the highest first
 * @n: how many
 *
 * Costs one walk and, per connection that gets among the first so far, a few
 * comparisons.
 * Context: process, may sleep.
 * Return: how many there are, or -EINTR.
 */
int dash_flow_top(struct dash_flow_table *ft, const struct dash_flow_filter *f,
		  u8 order, struct dash_flow_rank *rank, unsigned int n);

/**
 * struct dash_flow_pos - where a walk over the table goes on
 */
struct dash_flow_pos {
	/** @shard: next shard */
	u32 shard;
	/** @slot: hash of the next bucket, bits reversed */
	u32 slot;
	/** @skip: connections of that bucket already seen */
	u32 skip;
	/** @size: buckets of the shard when @skip was counted */
	u32 size;
};

/**
 * dash_flow_walk - call a function for connections, resumably
 * @ft: table or NULL
 * @pos: start, zeroed at first; advanced
 * @fn: called under RCU with BH off, must not sleep, may remove the
 *	connection; returns nonzero to stop before advancing past it
 * @arg: for @fn
 *
 * Meets every connection that is there all the time at least once, whatever
 * happens to the table meanwhile; after a stop one in a bucket that changed
 * in between may be missed. Some may be met twice.
 * Context: process, may sleep.
 * Return: 0 at the end, else what @fn returned.
 */
int dash_flow_walk(struct dash_flow_table *ft, struct dash_flow_pos *pos,
		   int (*fn)(struct dash_flow *flow, void *arg), void *arg);

/**
 * dash_flow_remove_if - remove the connections of which a function says so
 * @ft: table or NULL
 * @fn: called under RCU with BH off, must not sleep
 * @arg: for it
 * @why: reason, for those who listen
 *
 * However many go, nothing else has to wait long.
 * Context: process, may sleep.
 * Return: how many went.
 */
u32 dash_flow_remove_if(struct dash_flow_table *ft,
			bool (*fn)(const struct dash_flow *flow,
				   const void *arg),
			const void *arg, enum dash_flow_end why);

#endif /* _DASH_FLOW_H */
