// SPDX-License-Identifier: GPL-2.0
/*
 * Devices "dash_bench": what one receives is made by the source below in the
 * poll of a NAPI of its own, as a driver would do; what one is to send goes to
 * the checking sink.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rtnetlink.h>
#include <linux/vmalloc.h>
#include <net/rtnetlink.h>

#include "bench.h"

/* Polls after which nothing comes any more. A NAPI that is scheduled in one of
 * ours is polled before ours is again.
 */
#define BENCH_IDLE_POLLS	64

static LIST_HEAD(bench_devs);

/* --- sink --- */

static void bench_sink_bad(struct bench_dev *bd, const struct sk_buff *skb,
			   const char *why)
{
	bd->bad++;
	bd->why = why;
	bd->sample_len = min_t(unsigned int, skb_headlen(skb),
			       sizeof(bd->sample));
	memcpy(bd->sample, skb->data, bd->sample_len);
}

static netdev_tx_t bench_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct bench_dev *bd = netdev_priv(dev);
	unsigned int payload;
	u32 index, seq;
	const char *why;

	if (unlikely(bd->large)) {
		why = bench_gso_check(&bd->want, skb, &payload);
		if (!why) {
			bd->ok++;
			bd->bytes += payload;
		} else {
			bench_sink_bad(bd, skb, why);
		}
		goto free;
	}
	why = bench_frame_check(&bd->want, skb, &index, &seq);
	if (unlikely(why)) {
		bench_sink_bad(bd, skb, why);
	} else {
		bd->ok++;
		bd->bytes += skb->len;
		if (bd->last && index < bd->n_last) {
			if ((s32)(seq - bd->last[index]) < 0)
				bd->reordered++;
			bd->last[index] = seq;
		}
	}
free:
	if (likely(in_serving_softirq()))
		napi_consume_skb(skb, 1);
	else
		dev_consume_skb_any(skb);
	return NETDEV_TX_OK;
}

static const struct net_device_ops bench_ops = {
	.ndo_start_xmit = bench_xmit,
	.ndo_set_mac_address = eth_mac_addr,
};

/* --- source --- */

static u32 bench_next_flow(struct bench_dev *bd)
{
	u32 x;

	switch (bd->order) {
	case BENCH_RANDOM:
		x = bd->rnd;
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		bd->rnd = x;
		return x & bd->mask;
	case BENCH_SEQ:
		return bd->next++ & bd->mask;
	default:
		return bd->next++;
	}
}

static bool bench_emit(struct bench_dev *bd)
{
	struct net_device *dev = bd->dev;
	struct sk_buff *skb;

	if (unlikely(bd->gso)) {
		skb = bench_gso_make(bd, bench_next_flow(bd));
		if (skb)
			bench_gso_emit(bd, skb);
		return skb;
	}
	skb = napi_alloc_skb(&bd->napi, bd->gen.len);
	if (unlikely(!skb))
		return false;
	bench_frame_make(&bd->gen, __skb_put(skb, bd->gen.len),
			 bench_next_flow(bd), bd->seq++);
	skb_reset_mac_header(skb);
	__skb_pull(skb, ETH_HLEN);
	skb->dev = dev;
	skb->protocol = htons(ETH_P_IP);
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->csum_level = 1;
	if (bd->gro)
		napi_gro_receive(&bd->napi, skb);
	else
		netif_receive_skb(skb);
	return true;
}

static int bench_poll(struct napi_struct *napi, int budget)
{
	struct bench_dev *bd = container_of(napi, struct bench_dev, napi);
	u64 n = min3((u64)budget, (u64)bd->batch, bd->todo), i;
	u64 seen;

	if (n && bd->end && ktime_get_ns() >= bd->end)
		n = bd->todo = 0;
	for (i = 0; i < n && bench_emit(bd); i++)
		;
	bd->todo -= i;
	bd->sent += i;
	if (bd->flush)
		bd->flush(bd);
	/* claiming to have used it all keeps the NAPI scheduled */
	if (bd->todo)
		return budget;

	seen = bd->peer ? READ_ONCE(bd->peer->ok) + READ_ONCE(bd->peer->bad) : 0;
	if (i || seen != bd->seen) {
		bd->seen = seen;
		bd->idle = 0;
		return budget;
	}
	if (++bd->idle < BENCH_IDLE_POLLS)
		return budget;
	if (napi_complete_done(napi, 0))
		complete(&bd->done);
	return 0;
}

/* --- commands --- */

struct bench_dev *bench_dev_find(const struct bench_cmd *cmd, const char *key)
{
	const char *name = bench_str(cmd, key);
	struct bench_dev *bd;

	ASSERT_RTNL();
	if (name)
		list_for_each_entry(bd, &bench_devs, list)
			if (!strcmp(bd->dev->name, name))
				return bd;
	return NULL;
}

/* What frames a device's source makes. */
int bench_dev_source(struct bench_cmd *cmd)
{
	struct bench_dev *bd;
	int err = -ENODEV;

	rtnl_lock();
	bd = bench_dev_find(cmd, "dev");
	if (bd) {
		err = bench_gen_init(&bd->gen, cmd);
		if (is_zero_ether_addr(bd->gen.tmpl.eth.h_dest))
			ether_addr_copy(bd->gen.tmpl.eth.h_dest,
					bd->dev->dev_addr);
	}
	rtnl_unlock();
	return err;
}

/* What a device's sink takes for right, and which source it is of. */
int bench_dev_sink(struct bench_cmd *cmd)
{
	struct bench_dev *bd, *src;
	int err = -ENODEV;

	rtnl_lock();
	bd = bench_dev_find(cmd, "dev");
	src = bench_dev_find(cmd, "src");
	if (bd && src) {
		src->peer = bd;
		bd->want.gen = &src->gen;
		bd->want.saddr = bench_ip(cmd, "saddr", 0);
		bd->want.daddr = bench_ip(cmd, "daddr", 0);
		bd->want.vni = htonl((u32)bench_num(cmd, "vni", 0) << 8);
		bd->want.any_daddr = bench_num(cmd, "any_daddr", 0);
		eth_zero_addr(bd->want.imac);
		bench_mac(cmd, "idmac", bd->want.imac);
		err = 0;
		vfree(bd->last);
		bd->n_last = bench_num(cmd, "check_order", 0);
		bd->last = bd->n_last ? vzalloc(bd->n_last * sizeof(u32)) : NULL;
	}
	rtnl_unlock();
	return err;
}

static void bench_dev_say_bad(struct bench_cmd *cmd, const struct bench_dev *bd)
{
	unsigned int i;

	bench_say(cmd, " why=%s frame=", bd->why);
	for (i = 0; i < bd->sample_len; i++)
		bench_say(cmd, "%02x", bd->sample[i]);
}

static void bench_dev_start(void *data)
{
	struct bench_dev *bd = data;

	/* an IPI's context: the softirq follows it */
	napi_schedule(&bd->napi);
}

/*
 * run dev= packets= | ms=  flows= order=random|seq|new batch= gro= gso= syn=
 * cpu= where the NAPI is polled
 */
int bench_dev_run(struct bench_cmd *cmd)
{
	const char *order = bench_str(cmd, "order");
	u64 start, ns, ok, bad, bytes, reordered;
	unsigned int cpu;
	struct bench_dev *bd, *sink;

	rtnl_lock();
	bd = bench_dev_find(cmd, "dev");
	rtnl_unlock();
	if (!bd || !(bd->dev->flags & IFF_UP))
		return -ENODEV;

	sink = bd->peer;
	bd->order = BENCH_RANDOM;
	if (order && !strcmp(order, "seq"))
		bd->order = BENCH_SEQ;
	else if (order && !strcmp(order, "new"))
		bd->order = BENCH_NEW;
	bd->mask = roundup_pow_of_two(bench_num(cmd, "flows", 1)) - 1;
	bd->next = bench_num(cmd, "first", bd->order == BENCH_NEW ? bd->next : 0);
	bd->batch = bench_num(cmd, "batch", NAPI_POLL_WEIGHT);
	bd->gro = bench_num(cmd, "gro", 0);
	bd->gso = bench_num(cmd, "gso", BENCH_GSO_NONE);
	bd->gso_syn = bench_num(cmd, "syn", 0);
	if (sink)
		sink->large = bd->gso;
	bd->todo = bench_num(cmd, "packets", bench_str(cmd, "ms") ? U64_MAX : 1);
	bd->sent = 0;
	bd->idle = 0;
	cpu = bench_num(cmd, "cpu", 0);
	if (!bd->batch || cpu >= nr_cpu_ids || !cpu_online(cpu))
		return -EINVAL;

	ok = sink ? sink->ok : 0;
	bad = sink ? sink->bad : 0;
	bytes = sink ? sink->bytes : 0;
	reordered = sink ? sink->reordered : 0;
	bd->seen = ok + bad;
	reinit_completion(&bd->done);
	bd->end = bench_str(cmd, "ms") ?
		  ktime_get_ns() + bench_num(cmd, "ms", 0) * NSEC_PER_MSEC : 0;
	start = bench_clock();
	local_bh_disable();
	if (cpu == smp_processor_id())
		bench_dev_start(bd);
	else
		smp_call_function_single(cpu, bench_dev_start, bd, 1);
	local_bh_enable();
	wait_for_completion(&bd->done);
	ns = bench_clock() - start;

	bench_say(cmd, "sent=%llu ns=%llu", bd->sent, ns);
	if (!sink)
		return 0;
	bench_say(cmd, " ok=%llu bad=%llu bytes=%llu reordered=%llu next=%u",
		  sink->ok - ok, sink->bad - bad, sink->bytes - bytes,
		  sink->reordered - reordered, bd->next);
	if (sink->bad != bad)
		bench_dev_say_bad(cmd, sink);
	return 0;
}

/* --- devices --- */

static void bench_dev_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &bench_ops;
	dev->needs_free_netdev = true;
	dev->lltx = true;
	dev->priv_flags |= IFF_NO_QUEUE | IFF_LIVE_ADDR_CHANGE;
	dev->max_mtu = ETH_MAX_MTU;
	dev->mtu = 9000;
	dev->hw_features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_FRAGLIST |
			   NETIF_F_GSO_SOFTWARE | NETIF_F_GSO_ENCAP_ALL |
			   NETIF_F_HIGHDMA | NETIF_F_RXCSUM;
	dev->hw_enc_features = dev->hw_features;
	dev->features |= dev->hw_features;
	eth_hw_addr_random(dev);
}

static int bench_dev_newlink(struct net *net, struct net_device *dev,
			     struct nlattr *tb[], struct nlattr *data[],
			     struct netlink_ext_ack *extack)
{
	struct bench_dev *bd = netdev_priv(dev);
	int err;

	bd->dev = dev;
	bd->rnd = 2463534242U;
	init_completion(&bd->done);
	bd->page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!bd->page)
		return -ENOMEM;
	netif_napi_add(dev, &bd->napi, bench_poll);
	napi_enable(&bd->napi);
	err = register_netdevice(dev);
	if (err) {
		put_page(bd->page);
		return err;
	}
	list_add_tail(&bd->list, &bench_devs);
	return 0;
}

static void bench_dev_dellink(struct net_device *dev, struct list_head *head)
{
	struct bench_dev *bd = netdev_priv(dev), *other;

	bench_contend_stop(bd);
	list_for_each_entry(other, &bench_devs, list) {
		if (other->peer == bd)
			other->peer = NULL;
		if (other->want.gen == &bd->gen)
			other->want.gen = NULL;
	}
	list_del(&bd->list);
	napi_disable(&bd->napi);
	bench_gen_fini(&bd->gen);
	vfree(bd->last);
	put_page(bd->page);
	unregister_netdevice_queue(dev, head);
}

static struct rtnl_link_ops bench_link_ops = {
	.kind = "dash_bench",
	.priv_size = sizeof(struct bench_dev),
	.setup = bench_dev_setup,
	.newlink = bench_dev_newlink,
	.dellink = bench_dev_dellink,
};

int bench_dev_init(void)
{
	return rtnl_link_register(&bench_link_ops);
}

void bench_dev_fini(void)
{
	rtnl_link_unregister(&bench_link_ops);
}
