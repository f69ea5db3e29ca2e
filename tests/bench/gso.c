// SPDX-License-Identifier: GPL-2.0
/*
 * TCP in large packets, as GRO makes them: VXLAN around one header and up to
 * 64 kB in pages. The source gives them out whole, or cut into segments before
 * anybody sees them; the sink counts what comes either way.
 */
#include <linux/skbuff.h>
#include <net/gso.h>
#include <net/ip.h>
#include <net/tcp.h>

#include "bench.h"

#define GSO_MSS		1400
#define GSO_PAGES	15

struct sk_buff *bench_gso_make(struct bench_dev *bd, u32 index)
{
	unsigned int payload = GSO_PAGES * PAGE_SIZE, i;
	struct skb_shared_info *info;
	struct bench_frame *f;
	struct sk_buff *skb;

	if (!bd->gen.tcp)
		return NULL;
	skb = napi_alloc_skb(&bd->napi, bd->gen.len);
	if (!skb)
		return NULL;
	f = __skb_put(skb, bd->gen.len);
	bench_frame_make(&bd->gen, f, index, bd->seq++);

	info = skb_shinfo(skb);
	for (i = 0; i < GSO_PAGES; i++) {
		get_page(bd->page);
		skb_add_rx_frag(skb, i, bd->page, 0, PAGE_SIZE, PAGE_SIZE);
	}
	f->ip.tot_len = htons(skb->len - ETH_HLEN);
	ip_send_check(&f->ip);
	f->udp.len = htons(skb->len - ETH_HLEN - sizeof(f->ip));
	f->iip.tot_len = htons(sizeof(f->iip) + sizeof(f->l4.t) + payload);
	ip_send_check(&f->iip);
	f->l4.t.tcp.ack = !bd->gso_syn;
	f->l4.t.tcp.syn = bd->gso_syn;

	skb_reset_mac_header(skb);
	__skb_pull(skb, ETH_HLEN);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(f->ip));
	skb->encapsulation = 1;
	skb_set_inner_mac_header(skb, offsetof(struct bench_frame, ieth) - ETH_HLEN);
	skb_set_inner_network_header(skb, offsetof(struct bench_frame, iip) - ETH_HLEN);
	skb_set_inner_transport_header(skb, offsetof(struct bench_frame, l4) - ETH_HLEN);
	skb_set_inner_protocol(skb, htons(ETH_P_TEB));
	info->gso_type = SKB_GSO_TCPV4 | SKB_GSO_UDP_TUNNEL;
	info->gso_size = GSO_MSS;
	info->gso_segs = DIV_ROUND_UP(payload + sizeof(f->l4.t.mark), GSO_MSS);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_inner_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct tcphdr, check);
	f->l4.t.tcp.check = ~tcp_v4_check(sizeof(f->l4.t) + payload,
					  f->iip.saddr, f->iip.daddr, 0);
	skb->dev = bd->dev;
	skb->protocol = htons(ETH_P_IP);
	return skb;
}

/* Give it out, whole or in segments. */
void bench_gso_emit(struct bench_dev *bd, struct sk_buff *skb)
{
	struct sk_buff *segs, *next;

	if (bd->gso == BENCH_GSO_WHOLE) {
		netif_receive_skb(skb);
		return;
	}
	__skb_push(skb, ETH_HLEN);
	segs = __skb_gso_segment(skb, NETIF_F_SG | NETIF_F_HW_CSUM, false);
	consume_skb(skb);
	if (IS_ERR_OR_NULL(segs))
		return;
	skb_list_walk_safe(segs, skb, next) {
		skb_mark_not_on_list(skb);
		__skb_pull(skb, ETH_HLEN);
		netif_receive_skb(skb);
	}
}

/* What a sink checks of these; the bytes of TCP in @payload. */
const char *bench_gso_check(const struct bench_want *want,
			    const struct sk_buff *skb, unsigned int *payload)
{
	const struct bench_frame *f = (const void *)skb->data;
	unsigned int head = sizeof(*f) - sizeof(f->l4) + sizeof(struct tcphdr);

	if (skb_headlen(skb) < head)
		return "length";
	if (ntohs(f->ip.tot_len) != skb->len - ETH_HLEN ||
	    ntohs(f->udp.len) != skb->len - ETH_HLEN - sizeof(f->ip) ||
	    ntohs(f->iip.tot_len) !=
		    skb->len - offsetof(struct bench_frame, iip))
		return "lengths of a large packet";
	if (ip_fast_csum(&f->ip, 5) || ip_fast_csum(&f->iip, 5))
		return "IP checksum";
	if (f->ip.daddr != want->daddr || f->vxlan.vni != want->vni)
		return "outer destination or VNI";
	if (skb_is_gso(skb) && (skb_shinfo(skb)->gso_size != GSO_MSS ||
				skb->ip_summed != CHECKSUM_PARTIAL ||
				!(skb_shinfo(skb)->gso_type & SKB_GSO_UDP_TUNNEL)))
		return "GSO type";
	*payload = skb->len - head;
	return NULL;
}
