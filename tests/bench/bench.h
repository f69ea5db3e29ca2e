/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of dash_bench.ko share. */
#ifndef _DASH_BENCH_H
#define _DASH_BENCH_H

#include <linux/completion.h>
#include <linux/etherdevice.h>
#include <linux/ip.h>
#include <linux/netdevice.h>
#include <linux/types.h>
#include <linux/udp.h>
#include <linux/tcp.h>

/* --- args.c: "word key=value ..." --- */

#define BENCH_ARGS	40
#define BENCH_TEXT	1024

/**
 * struct bench_cmd - a command and the text that answers it
 */
struct bench_cmd {
	/** @line: the command, cut into words */
	char line[BENCH_TEXT];
	/** @word: the first word */
	char *word;
	/** @key: names of the arguments */
	char *key[BENCH_ARGS];
	/** @val: their values */
	char *val[BENCH_ARGS];
	/** @n: how many */
	unsigned int n;
	/** @out: the answer, "key=value ..." */
	char out[BENCH_TEXT];
	/** @len: its length */
	size_t len;
};

int bench_cmd_parse(struct bench_cmd *cmd);
const char *bench_str(const struct bench_cmd *cmd, const char *key);
u64 bench_num(const struct bench_cmd *cmd, const char *key, u64 otherwise);
__be32 bench_ip(const struct bench_cmd *cmd, const char *key, __be32 otherwise);
void bench_mac(const struct bench_cmd *cmd, const char *key, u8 *mac);
__printf(2, 3) void bench_say(struct bench_cmd *cmd, const char *fmt, ...);

/* --- clock.c --- */

u64 bench_clock(void);

/* --- frame.c: frames by number --- */

struct bench_vxlanhdr {
	__be32 flags;
	__be32 vni;
} __packed;

/**
 * struct bench_mark - payload that every frame begins with
 */
struct bench_mark {
	/** @magic: it is one of ours */
	__be32 magic;
	/** @index: number of the flow */
	u32 index;
	/** @seq: number of the frame */
	u32 seq;
	/** @pad: up to the least Ethernet frame */
	u8 pad[6];
} __packed;

/**
 * struct bench_frame - a frame on the wire, VXLAN over IPv4
 */
struct bench_frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	struct bench_vxlanhdr vxlan;
	struct ethhdr ieth;
	struct iphdr iip;
	union {
		struct {
			struct udphdr udp;
			struct bench_mark mark;
		} __packed u;
		struct {
			struct tcphdr tcp;
			struct bench_mark mark;
		} __packed t;
	} l4;
} __packed;

/**
 * struct bench_pool - a row of a table of flows, as it is in its file
 */
struct bench_pool {
	__be32 saddr;
	__be32 daddr;
	/** @xdaddr: outer destination that the sink expects */
	__be32 xdaddr;
	/** @xvni: VNI that the sink expects, host order */
	u32 xvni;
	u8 smac[ETH_ALEN];
	__be16 dport;
	u8 pad[8];
};

/**
 * struct bench_gen - how frames are made of numbers
 */
struct bench_gen {
	/** @tmpl: all that is the same in all frames */
	struct bench_frame tmpl;
	/** @len: length of a frame */
	unsigned int len;
	/** @l4_sum: sum over what does not change of the inner transport */
	__wsum l4_sum;
	/** @ip_sum: the same for the inner IP header */
	__wsum ip_sum;
	/** @saddr: inner source of the first flow, host order */
	u32 saddr;
	/** @daddr: inner destination of the first flow, host order */
	u32 daddr;
	/** @n_dst: number of inner destinations, a power of two */
	u32 n_dst;
	/** @dst_shift: its logarithm */
	u32 dst_shift;
	/** @pool: flows from a file, or NULL */
	struct bench_pool *pool;
	/** @n_pool: how many */
	u32 n_pool;
	/** @tcp: inner TCP SYN, otherwise UDP */
	bool tcp;
	/** @reverse: what answers the flows of that number */
	bool reverse;
};

/**
 * struct bench_want - what the sink lets pass
 */
struct bench_want {
	/** @gen: how the frames were made */
	const struct bench_gen *gen;
	/** @saddr: outer source, 0: any */
	__be32 saddr;
	/** @daddr: outer destination */
	__be32 daddr;
	/** @vni: as in the header */
	__be32 vni;
	/** @any_daddr: even if the pool says otherwise */
	bool any_daddr;
	/** @imac: inner destination, all zero: any */
	u8 imac[ETH_ALEN];
};

int bench_gen_init(struct bench_gen *gen, const struct bench_cmd *cmd);
void bench_gen_fini(struct bench_gen *gen);
void bench_frame_make(const struct bench_gen *gen, void *to, u32 index,
		      u32 seq);
const char *bench_frame_check(const struct bench_want *want,
			      const struct sk_buff *skb, u32 *index, u32 *seq);

/* --- dev.c: sources and sinks --- */

enum bench_gso { BENCH_GSO_NONE, BENCH_GSO_WHOLE, BENCH_GSO_SEGMENTS };

enum bench_order { BENCH_RANDOM, BENCH_SEQ, BENCH_NEW };

/**
 * struct bench_dev - a device: source of what it receives, sink of what it
 * is to send
 */
struct bench_dev {
	struct net_device *dev;
	struct list_head list;

	/** @gen: what the source makes */
	struct bench_gen gen;
	/** @napi: in whose poll it does */
	struct napi_struct napi;
	/** @todo: frames still to be made */
	u64 todo;
	/** @sent: frames made */
	u64 sent;
	/** @end: time to stop, or 0 */
	u64 end;
	/** @next: number of the next new flow */
	u32 next;
	/** @rnd: state of the random numbers */
	u32 rnd;
	/** @mask: number of flows - 1 */
	u32 mask;
	/** @seq: number of the next frame */
	u32 seq;
	/** @order: in which flows follow one another */
	enum bench_order order;
	/** @batch: frames a poll */
	unsigned int batch;
	/** @gro: through GRO */
	bool gro;
	/** @gso: large packets of TCP, and how they are given out */
	enum bench_gso gso;
	/** @gso_syn: with SYN, to open the connections */
	bool gso_syn;
	/** @page: payload of large packets */
	struct page *page;
	/** @idle: polls since the sink got something */
	unsigned int idle;
	/** @seen: what the sink had then */
	u64 seen;
	/** @peer: the sink that it should arrive in */
	struct bench_dev *peer;
	/** @flush: what a contender has to do at the end of a poll */
	void (*flush)(struct bench_dev *bd);
	/** @contender: its state */
	void *contender;
	/** @done: all went out and the sink is silent */
	struct completion done;

	/* the sink */
	struct bench_want want;
	u64 ok ____cacheline_aligned;
	u64 bytes;
	u64 bad;
	const char *why;
	/** @large: large packets are expected, @bytes are those of TCP */
	bool large;
	/** @last: number of the last frame by flow, to see a wrong order */
	u32 *last;
	/** @n_last: size of @last */
	u32 n_last;
	/** @reordered: frames that were late */
	u64 reordered;
	/** @sample: the last bad frame */
	u8 sample[160];
	unsigned int sample_len;
};

int bench_dev_init(void);
void bench_dev_fini(void);
struct bench_dev *bench_dev_find(const struct bench_cmd *cmd, const char *key);
int bench_dev_source(struct bench_cmd *cmd);
int bench_dev_sink(struct bench_cmd *cmd);
int bench_dev_run(struct bench_cmd *cmd);

/* --- gso.c --- */

struct sk_buff *bench_gso_make(struct bench_dev *bd, u32 index);
void bench_gso_emit(struct bench_dev *bd, struct sk_buff *skb);
const char *bench_gso_check(const struct bench_want *want,
			    const struct sk_buff *skb, unsigned int *payload);

/* --- contend.c --- */

int bench_contend(struct bench_cmd *cmd);
void bench_contend_stop(struct bench_dev *bd);

/* --- chase.c --- */

int bench_chase(struct bench_cmd *cmd);

/* --- file.c --- */

void *bench_file(const struct bench_cmd *cmd, const char *key, size_t *size);

/* --- prefix.c --- */

int bench_prefix_load(struct bench_cmd *cmd);
int bench_prefix_update(struct bench_cmd *cmd);
int bench_prefix_run(struct bench_cmd *cmd);
void bench_prefix_fini(void);

/* --- rules.c --- */

int bench_rules_load(struct bench_cmd *cmd);
int bench_rules_run(struct bench_cmd *cmd);
void bench_rules_fini(void);

/* --- stall.c --- */

int bench_stall(struct bench_cmd *cmd);
int bench_cpu(struct bench_cmd *cmd);
void bench_stall_fini(void);

#endif /* _DASH_BENCH_H */
