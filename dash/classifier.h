/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Compiled rule matcher: (addresses, protocol, ports) -> first matching rule.
 * See classifier.c for the theory of operation.
 */
#ifndef _DASH_CLASSIFIER_H
#define _DASH_CLASSIFIER_H

#include <linux/gfp_types.h>
#include <linux/in6.h>
#include <linux/limits.h>
#include <linux/sizes.h>
#include <linux/types.h>

/* DASH_CLS_NONE: no rule matches */
#define DASH_CLS_NONE U32_MAX

/* DASH_CLS_MAX_RULES: most rules of one classifier */
#define DASH_CLS_MAX_RULES 10000

/*
 * DASH_CLS_MAX_PREFIXES: most prefixes of one side, source or destination
 *
 * A set that several rules share (same array, same length) counts once. The
 * same limit holds for the references from rules to sets.
 */
#define DASH_CLS_MAX_PREFIXES SZ_1M

/* DASH_CLS_MAX_PORT_RANGES: most port ranges of one side, all rules */
#define DASH_CLS_MAX_PORT_RANGES SZ_128K

/* DASH_CLS_MAX_BYTES: most memory a compiled classifier may keep */
#define DASH_CLS_MAX_BYTES SZ_128M

/**
 * struct dash_prefix - an address prefix; bits beyond @plen are ignored
 */
struct dash_prefix {
	union {
		/** @v4: IPv4 address, when compiled for 32 bits */
		__be32 v4;
		/** @v6: IPv6 address, when compiled for 128 bits */
		struct in6_addr v6;
		/** @b: the same as network-order bytes */
		u8 b[16];
	};
	/** @plen: prefix length, 0 up to the address length */
	u8 plen;
};

/**
 * struct dash_prefix_set - a borrowed array of prefixes, such as a tag's
 */
struct dash_prefix_set {
	/** @p: the prefixes, in any order; NULL if there are none */
	const struct dash_prefix *p;
	/** @n: number of prefixes; 0 contributes nothing */
	u32 n;
};

/**
 * struct dash_port_range - ports in host order, both ends included
 */
struct dash_port_range {
	/** @lo: lowest port */
	u16 lo;
	/** @hi: highest port, not below @lo */
	u16 hi;
};

/**
 * struct dash_cls_rule - one rule as given to the compiler
 *
 * All arrays are borrowed for the duration of dash_classifier_build() only.
 */
struct dash_cls_rule {
	/** @protos: IP protocol numbers, any of which matches */
	const u8 *protos;
	/** @n_protos: length of @protos; 0 = any protocol */
	u32 n_protos;
	/** @n_src_sets: length of @src; 0 without @src_any matches nothing */
	u32 n_src_sets;
	/** @src: source address must be in a prefix of any of these sets */
	const struct dash_prefix_set *src;
	/** @dst: as @src, for the destination address */
	const struct dash_prefix_set *dst;
	/** @n_dst_sets: as @n_src_sets, for the destination address */
	u32 n_dst_sets;
	/** @n_sport: length of @sport; 0 = any, even a packet without ports */
	u32 n_sport;
	/** @sport: source port must be in any of these ranges */
	const struct dash_port_range *sport;
	/** @dport: as @sport, for the destination port */
	const struct dash_port_range *dport;
	/** @n_dport: as @n_sport, for the destination port */
	u32 n_dport;
	/** @src_any: every source matches, @src is not looked at */
	bool src_any;
	/** @dst_any: every destination matches, @dst is not looked at */
	bool dst_any;
};

/**
 * union dash_cls_addr - an address in network order
 */
union dash_cls_addr {
	/** @v4: IPv4 address, for a classifier of 32 bits */
	__be32 v4;
	/** @v6: IPv6 address, for a classifier of 128 bits */
	struct in6_addr v6;
	/** @b: the same as bytes */
	u8 b[16];
};

/**
 * struct dash_cls_key - what is matched, one packet
 */
struct dash_cls_key {
	/** @src: source address */
	union dash_cls_addr src;
	/** @dst: destination address */
	union dash_cls_addr dst;
	/** @sport: source port, host order; ignored without @has_ports */
	u16 sport;
	/** @dport: destination port, host order; ignored without @has_ports */
	u16 dport;
	/** @proto: IP protocol number */
	u8 proto;
	/** @has_ports: the packet has ports; rules with ports need it */
	bool has_ports;
};

struct dash_classifier;

struct dash_classifier *
dash_classifier_build(unsigned int bits, const struct dash_cls_rule *rules,
		      u32 n_rules, gfp_t gfp);
u32 dash_classifier_match(const struct dash_classifier *cls,
			  const struct dash_cls_key *key);
void dash_classifier_free(struct dash_classifier *cls);
size_t dash_classifier_bytes(const struct dash_classifier *cls);

#endif /* _DASH_CLASSIFIER_H */
