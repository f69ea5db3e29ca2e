// SPDX-License-Identifier: GPL-2.0
/*
 * Frames by number: what the source makes is computed, not looked up, so that
 * the source itself does not miss the cache; and as the number is in the
 * frame, the sink can compute what should have come.
 */
#include <linux/fs.h>
#include <linux/kernel_read_file.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include <net/checksum.h>
#include <net/ip.h>

#include "bench.h"

#define BENCH_MAGIC	cpu_to_be32(0xda5b5eed)
/* Ports that flows use: enough for all, and none below 1024 */
#define BENCH_SPORTS	32768

struct bench_tuple {
	__be32 saddr;
	__be32 daddr;
	__be16 sport;
	__be16 dport;
};

static void bench_tuple(const struct bench_gen *gen, u32 i,
			struct bench_tuple *t, const struct bench_pool **row)
{
	u32 n;

	if (gen->pool) {
		const struct bench_pool *p = &gen->pool[i % gen->n_pool];

		t->saddr = p->saddr;
		t->daddr = p->daddr;
		t->dport = p->dport;
		t->sport = htons(1024 + i / gen->n_pool % 60000);
		*row = p;
		return;
	}
	n = i >> gen->dst_shift;
	t->daddr = htonl(gen->daddr + (i & (gen->n_dst - 1)));
	t->sport = htons(1024 + n % BENCH_SPORTS);
	t->saddr = htonl(gen->saddr + n / BENCH_SPORTS);
	t->dport = gen->tmpl.l4.u.udp.dest;
	*row = NULL;
	if (gen->reverse) {
		swap(t->saddr, t->daddr);
		swap(t->sport, t->dport);
	}
}

static __sum16 bench_l4_sum(const struct bench_gen *gen,
			    const struct bench_tuple *t, u32 index, u32 seq)
{
	u64 sum = (__force u32)gen->l4_sum;

	sum += (__force u32)t->saddr;
	sum += (__force u32)t->daddr;
	sum += (__force u16)t->sport;
	sum += (__force u16)t->dport;
	sum += index;
	sum += seq;
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	return csum_fold((__force __wsum)(u32)sum);
}

static __sum16 bench_ip_sum(const struct bench_gen *gen,
			    const struct bench_tuple *t)
{
	return csum_fold(csum_add(csum_add(gen->ip_sum, (__force __wsum)t->saddr),
				  (__force __wsum)t->daddr));
}

void bench_frame_make(const struct bench_gen *gen, void *to, u32 index, u32 seq)
{
	const struct bench_pool *row;
	struct bench_frame *f = to;
	struct bench_tuple t;

	memcpy(f, &gen->tmpl, sizeof(*f) <= gen->len ? sizeof(*f) : gen->len);
	bench_tuple(gen, index, &t, &row);
	if (row)
		ether_addr_copy(f->ieth.h_source, row->smac);
	f->iip.saddr = t.saddr;
	f->iip.daddr = t.daddr;
	f->iip.check = bench_ip_sum(gen, &t);
	/* UDP and TCP begin alike */
	f->l4.u.udp.source = t.sport;
	f->l4.u.udp.dest = t.dport;
	/* entropy, as a hypervisor gives */
	f->udp.source = t.sport | htons(0xc000);
	if (gen->tcp) {
		f->l4.t.mark.index = index;
		f->l4.t.mark.seq = seq;
		f->l4.t.tcp.check = bench_l4_sum(gen, &t, index, seq);
	} else {
		f->l4.u.mark.index = index;
		f->l4.u.mark.seq = seq;
		f->l4.u.udp.check = bench_l4_sum(gen, &t, index, seq) ?: CSUM_MANGLED_0;
	}
}

const char *bench_frame_check(const struct bench_want *want,
			      const struct sk_buff *skb, u32 *index, u32 *seq)
{
	const struct bench_frame *f = (const void *)skb->data;
	const struct bench_gen *gen = want->gen;
	const struct bench_pool *row;
	const struct bench_mark *m;
	struct bench_tuple t;

	if (unlikely(!gen || skb->len != gen->len || skb_headlen(skb) < gen->len))
		return "length";
	m = gen->tcp ? &f->l4.t.mark : &f->l4.u.mark;
	if (unlikely(m->magic != BENCH_MAGIC))
		return "magic";
	*index = m->index;
	*seq = m->seq;
	bench_tuple(gen, m->index, &t, &row);

	if (unlikely(f->eth.h_proto != htons(ETH_P_IP) ||
		     f->ip.ihl != 5 || f->ip.version != 4 ||
		     f->ip.protocol != IPPROTO_UDP ||
		     f->ip.frag_off & htons(IP_MF | IP_OFFSET)))
		return "outer header";
	if (unlikely(ntohs(f->ip.tot_len) != gen->len - ETH_HLEN ||
		     ntohs(f->udp.len) != gen->len - ETH_HLEN - sizeof(f->ip)))
		return "outer length";
	if (unlikely(ip_fast_csum(&f->ip, 5)))
		return "outer IP checksum";
	if (unlikely(f->udp.check))
		return "outer UDP checksum";
	if (unlikely(f->udp.dest != gen->tmpl.udp.dest))
		return "UDP port";
	if (unlikely(want->saddr && f->ip.saddr != want->saddr))
		return "outer source";
	if (unlikely(!want->any_daddr &&
		     f->ip.daddr != (row ? row->xdaddr : want->daddr)))
		return "outer destination";
	if (unlikely(f->vxlan.flags != htonl(0x08000000) ||
		     f->vxlan.vni != (row ? htonl(row->xvni << 8) : want->vni)))
		return "VNI";
	if (unlikely(!is_zero_ether_addr(want->imac) &&
		     !ether_addr_equal_unaligned(f->ieth.h_dest, want->imac)))
		return "inner MAC";

	if (unlikely(f->ieth.h_proto != htons(ETH_P_IP) ||
		     f->iip.saddr != t.saddr || f->iip.daddr != t.daddr ||
		     f->iip.tot_len != gen->tmpl.iip.tot_len))
		return "inner header";
	if (unlikely(ip_fast_csum(&f->iip, 5)))
		return "inner IP checksum";
	if (unlikely(f->l4.u.udp.source != t.sport || f->l4.u.udp.dest != t.dport))
		return "inner ports";
	if (gen->tcp) {
		if (unlikely(f->l4.t.tcp.check !=
			     bench_l4_sum(gen, &t, m->index, m->seq)))
			return "inner checksum";
	} else {
		if (unlikely(f->l4.u.udp.check !=
			     (bench_l4_sum(gen, &t, m->index, m->seq) ?:
			      CSUM_MANGLED_0)))
			return "inner checksum";
	}
	return NULL;
}

static int bench_gen_pool(struct bench_gen *gen, const char *path)
{
	ssize_t size;

	vfree(gen->pool);
	gen->pool = NULL;
	size = kernel_read_file_from_path(path, 0, (void **)&gen->pool, INT_MAX,
					  NULL, READING_UNKNOWN);
	if (size < 0) {
		gen->pool = NULL;
		return size;
	}
	gen->n_pool = size / sizeof(*gen->pool);
	return gen->n_pool ? 0 : -EINVAL;
}

int bench_gen_init(struct bench_gen *gen, const struct bench_cmd *cmd)
{
	const char *proto = bench_str(cmd, "proto");
	struct bench_frame *f = &gen->tmpl;
	struct bench_mark *m;
	unsigned int l4;

	memset(f, 0, sizeof(*f));
	gen->reverse = bench_num(cmd, "reverse", 0);
	gen->tcp = proto && !strcmp(proto, "tcp");
	l4 = gen->tcp ? sizeof(f->l4.t) : sizeof(f->l4.u);
	gen->len = offsetof(struct bench_frame, l4) + l4;
	gen->saddr = ntohl(bench_ip(cmd, "src", htonl(0x0a010001)));
	gen->daddr = ntohl(bench_ip(cmd, "dst", htonl(0x0a020000)));
	gen->n_dst = roundup_pow_of_two(bench_num(cmd, "ndst", 256));
	gen->dst_shift = ilog2(gen->n_dst);

	eth_zero_addr(f->eth.h_dest);
	bench_mac(cmd, "dmac", f->eth.h_dest);
	bench_mac(cmd, "smac", f->eth.h_source);
	f->eth.h_proto = htons(ETH_P_IP);
	f->ip.version = 4;
	f->ip.ihl = 5;
	f->ip.ttl = 64;
	f->ip.frag_off = htons(IP_DF);
	f->ip.protocol = IPPROTO_UDP;
	f->ip.tot_len = htons(gen->len - ETH_HLEN);
	f->ip.saddr = bench_ip(cmd, "osrc", htonl(0xac100002));
	f->ip.daddr = bench_ip(cmd, "odst", htonl(0xac100001));
	ip_send_check(&f->ip);
	f->udp.dest = htons(bench_num(cmd, "port", 4789));
	f->udp.len = htons(gen->len - ETH_HLEN - sizeof(f->ip));
	f->vxlan.flags = htonl(0x08000000);
	f->vxlan.vni = htonl((u32)bench_num(cmd, "vni", 100) << 8);

	bench_mac(cmd, "idmac", f->ieth.h_dest);
	bench_mac(cmd, "ismac", f->ieth.h_source);
	f->ieth.h_proto = htons(ETH_P_IP);
	f->iip.version = 4;
	f->iip.ihl = 5;
	f->iip.ttl = 64;
	f->iip.frag_off = htons(IP_DF);
	f->iip.protocol = gen->tcp ? IPPROTO_TCP : IPPROTO_UDP;
	f->iip.tot_len = htons(sizeof(f->iip) + l4);
	gen->ip_sum = csum_partial(&f->iip, sizeof(f->iip), 0);

	if (gen->tcp) {
		f->l4.t.tcp.doff = 5;
		f->l4.t.tcp.syn = 1;
		f->l4.t.tcp.ack = gen->reverse;
		f->l4.t.tcp.window = htons(65535);
		m = &f->l4.t.mark;
	} else {
		f->l4.u.udp.len = htons(l4);
		m = &f->l4.u.mark;
	}
	m->magic = BENCH_MAGIC;
	gen->l4_sum = csum_partial(&f->l4, l4, 0);
	gen->l4_sum = csum_add(gen->l4_sum, (__force __wsum)htons(l4));
	gen->l4_sum = csum_add(gen->l4_sum,
			       (__force __wsum)htons(f->iip.protocol));
	/* not in the sum: it varies, or a row of the pool has it */
	f->l4.u.udp.dest = htons(bench_num(cmd, "dport", 80));

	if (bench_str(cmd, "pool"))
		return bench_gen_pool(gen, bench_str(cmd, "pool"));
	vfree(gen->pool);
	gen->pool = NULL;
	return 0;
}

void bench_gen_fini(struct bench_gen *gen)
{
	vfree(gen->pool);
	gen->pool = NULL;
}
