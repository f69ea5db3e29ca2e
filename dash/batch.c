// SPDX-License-Identifier: GPL-2.0
/*
 * Packets on their way into the pipeline, several at a time.
 */

/**
 * DOC: Theory of operation
 *
 * Past a few thousand connections a packet mostly waits for memory: for the
 * slot of the hash table, then for the connection, then for what is done to
 * it. Waits of different packets can overlap, so those of ours are collected
 * and go through the pipeline in passes that fetch ahead (PERFORMANCE: 480 ns
 * against 50 for a lookup among 8 million).
 *
 * An rx_handler is given one packet at a time and not told about the next.
 * Hence each CPU has a NAPI of its own, which is scheduled with the first
 * packet of a batch. It is polled when the device's NAPI has been, in the same
 * softirq: nothing waits for a timer, and the driver's own poll bounds how
 * long a packet can wait. A batch that is full goes at once, so that the queue
 * is bounded and never a reason to drop.
 *
 *	device's poll --> rx_handler: is it ours? -+-> [ batch of this CPU ]
 *	                                           |    full |    | polled
 *	                     alone, or from within |         v    v
 *	                                           `-------> pipeline
 *
 * Where packets come one by one, collecting costs a poll for each. So when one
 * was all there was in a poll, the next few go directly, and then again one is
 * a probe. Packets of a CPU stay in order either way: what goes directly finds
 * the batch empty.
 *
 * Sending may lead straight back here (tc-mirred). Such a packet goes directly.
 *
 * A packet in a batch is not within the RCU section that it came in. What it
 * keeps are its own bytes and its port; ports wait for their packets.
 */
#include <linux/delay.h>
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <linux/skbuff.h>
#include <net/dst.h>

#include "batch.h"
#include "flow.h"
#include "parse.h"
#include "pipeline.h"
#include "port.h"

/* Between VMs of one host a packet comes in twice, and so does an error that it
 * causes where it arrives.
 */
#define DASH_BATCH_LOOPS	2

/* packets that go directly after one came alone */
#define DASH_BATCH_ALONE	16

/**
 * struct dash_batch - packets of one CPU
 */
struct dash_batch {
	/** @napi: polled when the device has been */
	struct napi_struct napi;
	/** @n: packets waiting or being processed */
	unsigned int n;
	/** @runs: batches processed */
	unsigned int runs;
	/** @since: packets collected since @napi was scheduled */
	unsigned int since;
	/** @direct: so many more go directly */
	unsigned int direct;
	/** @scheduled: @napi will be polled */
	bool scheduled;
	/** @loops: packets under way that the pipeline sent to itself */
	u8 loops;
	/** @busy: in the pipeline; what arrives now is of its making */
	bool busy;
	/** @pkt: packets */
	struct dash_pkt pkt[DASH_BATCH_MAX];
	/** @act: what is decided about them, if they are the first of theirs */
	struct dash_flow_act act[DASH_BATCH_MAX];
};

static struct dash_batch __percpu *dash_batches;

/* What NAPIs have to belong to. */
static struct net_device dash_batch_dev;

static void dash_batch_run(struct dash_batch *b, unsigned int n)
{
	b->busy = true;
	dash_pipeline_rx(b->pkt, b->act, n);
	b->busy = false;
}

static void dash_batch_flush(struct dash_batch *b)
{
	dash_batch_run(b, b->n);
	/* pairs with dash_batch_drain(): all of it is done */
	smp_store_release(&b->n, 0);
	/* the same, for when there are new ones already */
	smp_store_release(&b->runs, b->runs + 1);
}

static int dash_batch_poll(struct napi_struct *napi, int budget)
{
	/* not always this CPU's: that may have gone offline */
	struct dash_batch *b = container_of(napi, struct dash_batch, napi);

	rcu_read_lock();
	if (b->n)
		dash_batch_flush(b);
	rcu_read_unlock();

	b->direct = b->since == 1 ? DASH_BATCH_ALONE : 0;
	b->since = 0;
	b->scheduled = false;
	napi_complete_done(napi, 0);
	return 0;
}

/* A packet that others of the batch led to. */
static noinline bool dash_batch_nested(struct dash_port *port,
				       struct sk_buff *skb)
{
	struct dash_pkt pkt;

	dash_pkt_init(&pkt, skb, port->dn, port);
	if (!dash_pipeline_is_ours(&pkt)) {
		dash_parse_undo(&pkt);
		return false;
	}
	dash_pipeline_rx(&pkt, NULL, 1);
	return true;
}

/* The packet is the last of those in the batch. */
static __always_inline void dash_batch_add(struct dash_batch *b,
					   struct sk_buff *skb)
{
	if (!b->n && b->direct) {
		b->direct--;
		dash_batch_run(b, 1);
		return;
	}

	/* a route may be one that only this RCU section keeps */
	skb_dst_drop(skb);
	b->since++;
	WRITE_ONCE(b->n, b->n + 1);
	if (!b->scheduled) {
		b->scheduled = true;
		napi_schedule(&b->napi);
	}
	if (b->n == DASH_BATCH_MAX)
		dash_batch_flush(b);
}

bool dash_batch_rx(struct dash_port *port, struct sk_buff *skb)
{
	struct dash_batch *b = this_cpu_ptr(dash_batches);
	struct dash_pkt *pkt;

	if (unlikely(b->busy))
		return dash_batch_nested(port, skb);

	pkt = &b->pkt[b->n];
	dash_pkt_init(pkt, skb, port->dn, port);
	if (!dash_pipeline_is_ours(pkt)) {
		dash_parse_undo(pkt);
		return false;
	}
	dash_batch_add(b, skb);
	return true;
}

/* A frame that others of the batch led to. */
static noinline void dash_batch_nested_frame(struct dash_port *port,
					     struct sk_buff *skb)
{
	struct dash_pkt pkt;

	dash_pkt_init_frame(&pkt, skb, port->dn, port);
	dash_pipeline_rx(&pkt, NULL, 1);
}

void dash_batch_rx_frame(struct dash_port *port, struct sk_buff *skb)
{
	struct dash_batch *b = this_cpu_ptr(dash_batches);

	if (unlikely(b->busy)) {
		dash_batch_nested_frame(port, skb);
		return;
	}
	dash_pkt_init_frame(&b->pkt[b->n], skb, port->dn, port);
	dash_batch_add(b, skb);
}

bool dash_batch_loop(struct dash_port *port, struct sk_buff *skb)
{
	struct dash_batch *b = this_cpu_ptr(dash_batches);
	bool taken;

	if (b->loops == DASH_BATCH_LOOPS)
		return false;
	b->loops++;
	taken = dash_batch_nested(port, skb);
	b->loops--;
	if (taken)
		dash_port_count(port, true);
	return taken;
}

void dash_batch_drain(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct dash_batch *b = per_cpu_ptr(dash_batches, cpu);
		/* pairs with dash_batch_flush(), as the others */
		unsigned int runs = smp_load_acquire(&b->runs);

		/* either tells that those of before are gone */
		while (smp_load_acquire(&b->n) && /* the same */
		       smp_load_acquire(&b->runs) == runs)
			usleep_range(20, 200);
	}
}

int dash_batch_module_init(void)
{
	int cpu;

	/* dash_flow_find() */
	BUILD_BUG_ON(DASH_BATCH_MAX > BITS_PER_LONG);
	dash_batches = alloc_percpu(struct dash_batch);
	if (!dash_batches)
		return -ENOMEM;

	init_dummy_netdev(&dash_batch_dev);
	for_each_possible_cpu(cpu) {
		struct dash_batch *b = per_cpu_ptr(dash_batches, cpu);

		netif_napi_add(&dash_batch_dev, &b->napi, dash_batch_poll);
		napi_enable(&b->napi);
	}
	return 0;
}

void dash_batch_module_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct dash_batch *b = per_cpu_ptr(dash_batches, cpu);

		napi_disable(&b->napi);
		__netif_napi_del(&b->napi);
	}
	/* those who walk the list of NAPIs */
	synchronize_net();
	free_percpu(dash_batches);
}
