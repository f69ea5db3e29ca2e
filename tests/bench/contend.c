// SPDX-License-Identifier: GPL-2.0
/*
 * What the datapath is measured against inside the same kernel, with the same
 * source and sink:
 *
 *   drop        the frame is freed: what source and stack cost
 *   rewrite     outer headers are rewritten in place, nothing is looked up
 *   lookup      the same after one lookup of the inner tuple in a table of
 *               80 bytes a flow: a bucket is a cache line of eight (tag, index)
 *               and half full, an entry is another
 *   pipelined   the same, sixteen frames at a time, with prefetch
 *
 * None of them checks more of a frame than it must not to be wrong.
 */
#include <linux/jhash.h>
#include <linux/log2.h>
#include <linux/prefetch.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/ip.h>

#include "bench.h"

#define BENCH_PIPE	16
#define BENCH_SLOTS	8
/* Memory in pieces that the page allocator has, for huge pages at the host */
#define BENCH_CHUNK	(4u << 20)
#define BENCH_PER_CHUNK	(BENCH_CHUNK / 64)

struct bench_key {
	u32 w[10];
};

struct bench_slot {
	u32 tag;
	u32 entry;
};

struct bench_bucket {
	struct bench_slot slot[BENCH_SLOTS];
} __aligned(64);

struct bench_entry {
	struct bench_key key;
	__be32 daddr;
	__be32 vni;
	u8 dmac[ETH_ALEN];
	u8 pad[10];
} __aligned(64);

struct bench_contender {
	struct bench_dev *out;
	/** @entry0: what is rewritten to, when nothing is looked up */
	struct bench_entry entry0;
	__be32 saddr;
	__be32 vip;
	u8 eth_dst[ETH_ALEN];
	u32 bucket_mask;
	u32 n_chunks[2];
	void **bucket;
	void **entry;

	unsigned int n;
	struct sk_buff *skb[BENCH_PIPE];
	struct bench_key key[BENCH_PIPE];
	u32 hash[BENCH_PIPE];
	struct bench_entry *found[BENCH_PIPE];
};

static struct bench_bucket *bench_bucket(const struct bench_contender *c, u32 i)
{
	i &= c->bucket_mask;
	return (struct bench_bucket *)c->bucket[i / BENCH_PER_CHUNK] +
	       i % BENCH_PER_CHUNK;
}

static struct bench_entry *bench_entry(const struct bench_contender *c, u32 i)
{
	return (struct bench_entry *)c->entry[i / BENCH_PER_CHUNK] +
	       i % BENCH_PER_CHUNK;
}

static void bench_key_make(struct bench_key *key, const struct bench_frame *f)
{
	key->w[0] = 0;
	key->w[1] = 0;
	key->w[2] = (__force u32)htonl(0xffff);
	key->w[3] = (__force u32)f->iip.saddr;
	key->w[4] = 0;
	key->w[5] = 0;
	key->w[6] = (__force u32)htonl(0xffff);
	key->w[7] = (__force u32)f->iip.daddr;
	key->w[8] = (__force u32)get_unaligned((__be32 *)&f->l4.u.udp.source);
	key->w[9] = f->iip.protocol;
}

static u32 bench_key_hash(const struct bench_key *key)
{
	return jhash2(key->w, ARRAY_SIZE(key->w), 0xb5297a4d);
}

static bool bench_key_equal(const struct bench_key *a, const struct bench_key *b)
{
	const u64 *x = (const u64 *)a, *y = (const u64 *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) |
		 (x[3] ^ y[3]) | (x[4] ^ y[4]));
}

/* The first entry whose tag is right, which is nearly always the one. */
static struct bench_entry *bench_candidate(const struct bench_contender *c,
					   u32 hash)
{
	u32 i = hash, n;

	for (;; i++) {
		const struct bench_bucket *b = bench_bucket(c, i);

		for (n = 0; n < BENCH_SLOTS; n++) {
			if (b->slot[n].tag == (hash | 1))
				return bench_entry(c, b->slot[n].entry);
			if (!b->slot[n].tag)
				return NULL;
		}
	}
}

static struct bench_entry *bench_lookup(const struct bench_contender *c,
					const struct bench_key *key, u32 hash)
{
	u32 i = hash, n;

	for (;; i++) {
		const struct bench_bucket *b = bench_bucket(c, i);

		for (n = 0; n < BENCH_SLOTS; n++) {
			struct bench_entry *e;

			if (!b->slot[n].tag)
				return NULL;
			if (b->slot[n].tag != (hash | 1))
				continue;
			e = bench_entry(c, b->slot[n].entry);
			if (bench_key_equal(&e->key, key))
				return e;
		}
	}
}

static bool bench_insert(struct bench_contender *c, u32 no,
			 const struct bench_frame *f)
{
	struct bench_entry *e = bench_entry(c, no);
	u32 hash, i, n, tries;

	*e = c->entry0;
	bench_key_make(&e->key, f);
	hash = bench_key_hash(&e->key);
	for (i = hash, tries = 0; tries < 64; i++, tries++) {
		struct bench_bucket *b = bench_bucket(c, i);

		for (n = 0; n < BENCH_SLOTS; n++) {
			if (b->slot[n].tag)
				continue;
			b->slot[n].tag = hash | 1;
			b->slot[n].entry = no;
			return true;
		}
	}
	return false;
}

static bool bench_is_ours(const struct bench_contender *c,
			  const struct bench_frame *f, const struct sk_buff *skb)
{
	return f->ip.ihl == 5 && f->ip.protocol == IPPROTO_UDP &&
	       f->ip.daddr == c->vip && f->udp.dest == htons(4789) &&
	       f->iip.ihl == 5 &&
	       skb_headlen(skb) + ETH_HLEN >= offsetof(struct bench_frame, l4) + 8;
}

static void bench_rewrite(const struct bench_contender *c, struct sk_buff *skb,
			  struct bench_frame *f, const struct bench_entry *e)
{
	struct net_device *dev = c->out->dev;

	ether_addr_copy(f->eth.h_dest, c->eth_dst);
	ether_addr_copy(f->eth.h_source, dev->dev_addr);
	f->ip.saddr = c->saddr;
	f->ip.daddr = e->daddr;
	f->ip.ttl = 64;
	ip_send_check(&f->ip);
	f->vxlan.vni = e->vni;
	ether_addr_copy(f->ieth.h_dest, e->dmac);
	skb_push(skb, ETH_HLEN);
	skb->dev = dev;
	dev_queue_xmit(skb);
}

static rx_handler_result_t bench_rx_drop(struct sk_buff **pskb)
{
	napi_consume_skb(*pskb, 1);
	return RX_HANDLER_CONSUMED;
}

static rx_handler_result_t bench_rx_rewrite(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	struct bench_contender *c = rcu_dereference(skb->dev->rx_handler_data);
	struct bench_frame *f = (struct bench_frame *)skb_mac_header(skb);

	if (!bench_is_ours(c, f, skb))
		return RX_HANDLER_PASS;
	bench_rewrite(c, skb, f, &c->entry0);
	return RX_HANDLER_CONSUMED;
}

static rx_handler_result_t bench_rx_lookup(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	struct bench_contender *c = rcu_dereference(skb->dev->rx_handler_data);
	struct bench_frame *f = (struct bench_frame *)skb_mac_header(skb);
	struct bench_entry *e;
	struct bench_key key;

	if (!bench_is_ours(c, f, skb))
		return RX_HANDLER_PASS;
	bench_key_make(&key, f);
	e = bench_lookup(c, &key, bench_key_hash(&key));
	if (!e)
		return RX_HANDLER_PASS;
	bench_rewrite(c, skb, f, e);
	return RX_HANDLER_CONSUMED;
}

static void bench_pipe_flush(struct bench_dev *bd)
{
	struct bench_contender *c = bd->contender;
	unsigned int i, n = c->n;

	c->n = 0;
	for (i = 0; i < n; i++) {
		c->found[i] = bench_candidate(c, c->hash[i]);
		if (c->found[i])
			prefetch(c->found[i]);
	}
	for (i = 0; i < n; i++) {
		struct sk_buff *skb = c->skb[i];
		struct bench_frame *f = (struct bench_frame *)skb_mac_header(skb);
		struct bench_entry *e = c->found[i];

		if (!e || !bench_key_equal(&e->key, &c->key[i]))
			e = bench_lookup(c, &c->key[i], c->hash[i]);
		if (e)
			bench_rewrite(c, skb, f, e);
		else
			kfree_skb(skb);
	}
}

static rx_handler_result_t bench_rx_pipelined(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	struct bench_contender *c = rcu_dereference(skb->dev->rx_handler_data);
	struct bench_frame *f = (struct bench_frame *)skb_mac_header(skb);
	struct bench_dev *bd = netdev_priv(skb->dev);
	unsigned int n = c->n;

	if (!bench_is_ours(c, f, skb))
		return RX_HANDLER_PASS;
	bench_key_make(&c->key[n], f);
	c->hash[n] = bench_key_hash(&c->key[n]);
	prefetch(bench_bucket(c, c->hash[n]));
	c->skb[n] = skb;
	c->n = n + 1;
	if (c->n == BENCH_PIPE)
		bench_pipe_flush(bd);
	return RX_HANDLER_CONSUMED;
}

/* --- making and ending one --- */

static void bench_chunks_free(void **chunk, u32 n)
{
	u32 i;

	for (i = 0; chunk && i < n; i++)
		kfree(chunk[i]);
	kfree(chunk);
}

static void **bench_chunks(u32 lines, u32 *n)
{
	void **chunk;
	u32 i;

	*n = DIV_ROUND_UP(lines, BENCH_PER_CHUNK);
	chunk = kcalloc(*n, sizeof(*chunk), GFP_KERNEL);
	for (i = 0; chunk && i < *n; i++) {
		chunk[i] = kzalloc(min(lines * 64, BENCH_CHUNK), GFP_KERNEL);
		if (!chunk[i]) {
			bench_chunks_free(chunk, i);
			return NULL;
		}
	}
	return chunk;
}

static void bench_contender_free(struct bench_contender *c)
{
	bench_chunks_free(c->bucket, c->n_chunks[0]);
	bench_chunks_free(c->entry, c->n_chunks[1]);
	kfree(c);
}

void bench_contend_stop(struct bench_dev *bd)
{
	ASSERT_RTNL();
	if (!bd->contender)
		return;
	netdev_rx_handler_unregister(bd->dev);
	bd->flush = NULL;
	bench_contender_free(bd->contender);
	bd->contender = NULL;
}

static int bench_contender_fill(struct bench_contender *c,
				const struct bench_dev *bd, u32 flows)
{
	u32 buckets = roundup_pow_of_two(max(flows / 4, 1u)), i;
	struct bench_frame f;

	c->bucket_mask = buckets - 1;
	c->bucket = bench_chunks(buckets, &c->n_chunks[0]);
	c->entry = bench_chunks(flows, &c->n_chunks[1]);
	if (!c->bucket || !c->entry)
		return -ENOMEM;
	for (i = 0; i < flows; i++) {
		bench_frame_make(&bd->gen, &f, i, 0);
		if (!bench_insert(c, i, &f))
			return -E2BIG;
	}
	return 0;
}

/*
 * contend dev= kind=drop|rewrite|lookup|pipelined|none out= flows= saddr=
 * daddr= vni= dmac= idmac=
 */
int bench_contend(struct bench_cmd *cmd)
{
	const char *kind = bench_str(cmd, "kind");
	rx_handler_func_t *handler;
	struct bench_contender *c;
	struct bench_dev *bd;
	int err = -EINVAL;
	u32 flows = 0;

	if (!kind)
		return -EINVAL;
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return -ENOMEM;

	rtnl_lock();
	bd = bench_dev_find(cmd, "dev");
	c->out = bench_dev_find(cmd, "out");
	if (!bd)
		goto err;
	bench_contend_stop(bd);

	if (!strcmp(kind, "drop"))
		handler = bench_rx_drop;
	else if (!strcmp(kind, "rewrite"))
		handler = bench_rx_rewrite;
	else if (!strcmp(kind, "lookup"))
		handler = bench_rx_lookup;
	else if (!strcmp(kind, "pipelined"))
		handler = bench_rx_pipelined;
	else
		goto err;
	if (handler != bench_rx_drop && !c->out)
		goto err;
	if (handler == bench_rx_lookup || handler == bench_rx_pipelined)
		flows = bench_num(cmd, "flows", 1);

	c->vip = bd->gen.tmpl.ip.daddr;
	c->saddr = bench_ip(cmd, "saddr", c->vip);
	c->entry0.daddr = bench_ip(cmd, "daddr", 0);
	c->entry0.vni = htonl((u32)bench_num(cmd, "vni", 0) << 8);
	bench_mac(cmd, "idmac", c->entry0.dmac);
	bench_mac(cmd, "dmac", c->eth_dst);
	if (flows) {
		err = bench_contender_fill(c, bd, flows);
		if (err)
			goto err;
	}
	err = netdev_rx_handler_register(bd->dev, handler, c);
	if (err)
		goto err;
	bd->contender = c;
	bd->flush = handler == bench_rx_pipelined ? bench_pipe_flush : NULL;
	rtnl_unlock();
	return 0;

err:
	rtnl_unlock();
	bench_contender_free(c);
	return err;
}
