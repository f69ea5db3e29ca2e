// SPDX-License-Identifier: GPL-2.0
/*
 * Longest prefix match alone: dash/lpm.c beside the kernel's routing table and
 * BPF's trie with the same prefixes.
 */
#include <linux/bpf.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/vmalloc.h>
#include <net/ip_fib.h>
#include <net/net_namespace.h>

#include "../../dash/lpm.h"
#include "bench.h"

/* as in the file */
struct bench_prefix {
	u8 addr[16];
	u32 plen;
};

static struct dash_lpm bench_lpm;
static struct bench_prefix *bench_prefixes;
static u32 bench_n_prefixes;

/* prefix_load file= bits= */
int bench_prefix_load(struct bench_cmd *cmd)
{
	u32 bits = bench_num(cmd, "bits", 32), i, n;
	struct dash_lpm_txn txn;
	size_t size;
	u64 ns;
	int err = 0;
	void *p;

	bench_prefix_fini();
	p = bench_file(cmd, "file", &size);
	if (IS_ERR(p))
		return PTR_ERR(p);
	bench_prefixes = p;
	n = size / sizeof(*bench_prefixes);
	bench_n_prefixes = n;

	dash_lpm_init(&bench_lpm, bits);
	ns = bench_clock();
	dash_lpm_begin(&txn, &bench_lpm);
	for (i = 0; i < n && !err; i++)
		err = dash_lpm_set(&txn, bench_prefixes[i].addr,
				   bench_prefixes[i].plen, i, NULL);
	if (err) {
		dash_lpm_abort(&txn);
		return err;
	}
	dash_lpm_commit(&txn);
	ns = bench_clock() - ns;
	bench_say(cmd, "load_ns=%llu bytes=%zu count=%u", ns,
		  dash_lpm_bytes(&bench_lpm), dash_lpm_count(&bench_lpm));
	return 0;
}

/* prefix_update n=: take out and put back, each in a transaction of its own.
 * Nobody else reads the table, so there is no grace period to wait for.
 */
int bench_prefix_update(struct bench_cmd *cmd)
{
	u32 n = bench_num(cmd, "n", 1000), i, at;
	struct dash_lpm_txn txn;
	u64 ns = bench_clock();
	int err;

	for (i = 0; i < 2 * n; i++) {
		const struct bench_prefix *p;

		at = (u64)(i / 2) * 2654435761U % bench_n_prefixes;
		p = &bench_prefixes[at];
		dash_lpm_begin(&txn, &bench_lpm);
		if (i & 1)
			err = dash_lpm_set(&txn, p->addr, p->plen, at, NULL);
		else
			err = dash_lpm_clear(&txn, p->addr, p->plen, NULL);
		if (err) {
			dash_lpm_abort(&txn);
			return err;
		}
		dash_lpm_publish(&txn);
		dash_lpm_reap(&txn);
	}
	ns = bench_clock() - ns;
	bench_say(cmd, "update_ps=%llu", ns * 1000 / (2 * n));
	return 0;
}

static u32 bench_lookup_lpm(const u8 *key)
{
	return dash_lpm_lookup(&bench_lpm, key, NULL);
}

/* The next address depends on the last result, so that lookups do not overlap:
 * a packet's do not either.
 */
static u32 bench_zero;

static int bench_run_lpm(const u8 *key, u32 n, u32 len, u64 *found)
{
	u32 i, v, zero = READ_ONCE(bench_zero);

	for (i = 0; i < n; i++, key += len) {
		v = bench_lookup_lpm(key);
		*found += v != DASH_LPM_NONE;
		key += v & zero;
	}
	return 0;
}

static int bench_run_fib(const u8 *key, u32 n, u32 len, u64 *found)
{
	struct net *net = current->nsproxy->net_ns;
	struct fib_result res;
	struct flowi4 fl = { .flowi4_scope = RT_SCOPE_UNIVERSE };
	u32 i, zero = READ_ONCE(bench_zero);

	for (i = 0; i < n; i++, key += len) {
		fl.daddr = *(__be32 *)key;
		*found += !fib_lookup(net, &fl, &res, FIB_LOOKUP_NOREF);
		key += res.prefixlen & zero;
	}
	return 0;
}

static int bench_run_bpf(struct bpf_map *map, const u8 *key, u32 n, u32 len,
			 u64 *found)
{
	struct {
		u32 plen;
		u8 addr[16];
	} k = { .plen = len * 8 };
	u32 i, zero = READ_ONCE(bench_zero);

	for (i = 0; i < n; i++, key += len) {
		u32 *v;

		memcpy(k.addr, key, len);
		v = map->ops->map_lookup_elem(map, &k);
		if (v) {
			*found += 1;
			key += *v & zero;
		}
	}
	return 0;
}

/* prefix_run what=lpm|fib|bpf keys=FILE bits= fd= loops= */
int bench_prefix_run(struct bench_cmd *cmd)
{
	u32 len = bench_num(cmd, "bits", 32) / 8, n, loops;
	const char *what = bench_str(cmd, "what");
	struct bpf_map *map = NULL;
	u64 found = 0, ns, done = 0;
	int err = -EINVAL;
	size_t size;
	void *keys;

	if (!what)
		return -EINVAL;
	keys = bench_file(cmd, "keys", &size);
	if (IS_ERR(keys))
		return PTR_ERR(keys);
	n = size / len;
	if (!strcmp(what, "bpf")) {
		map = bpf_map_get(bench_num(cmd, "fd", 0));
		if (IS_ERR(map)) {
			vfree(keys);
			return PTR_ERR(map);
		}
	}
	ns = bench_clock();
	for (loops = bench_num(cmd, "loops", 1); loops; loops--) {
		rcu_read_lock();
		if (!strcmp(what, "lpm"))
			err = bench_run_lpm(keys, n, len, &found);
		else if (!strcmp(what, "fib"))
			err = bench_run_fib(keys, n, len, &found);
		else if (map)
			err = bench_run_bpf(map, keys, n, len, &found);
		rcu_read_unlock();
		done += n;
	}
	ns = bench_clock() - ns;
	if (map)
		bpf_map_put(map);
	vfree(keys);
	bench_say(cmd, "ps=%llu found=%llu done=%llu",
		  done ? ns * 1000 / done : 0, found, done);
	return err;
}

void bench_prefix_fini(void)
{
	if (!bench_prefixes)
		return;
	dash_lpm_fini(&bench_lpm);
	vfree(bench_prefixes);
	bench_prefixes = NULL;
}

MODULE_IMPORT_NS(BPF_INTERNAL);
