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

/* DASH_CLS_MAX_PREFIXES: most prefixes, or mentions of tags, of one side */
#define DASH_CLS_MAX_PREFIXES SZ_1M

/* DASH_CLS_MAX_PORT_RANGES: most port ranges of one side, all rules */
#define DASH_CLS_MAX_PORT_RANGES SZ_128K

/* DASH_CLS_MAX_PORT_BYTES: most memory for what ports of one side make */
#define DASH_CLS_MAX_PORT_BYTES SZ_32M

/* DASH_CLS_MAX_BYTES: most memory a compiled classifier may keep */
#define DASH_CLS_MAX_BYTES SZ_128M

/* DASH_CLS_FLAGS: bits a rule can give to whom it matches */
#define DASH_CLS_FLAGS 3

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
 * struct dash_port_range - ports in host order, both ends included
 */
struct dash_port_range {
	/** @lo: lowest port */
	u16 lo;
	/** @hi: highest port, not below @lo */
	u16 hi;
};

/**
 * struct dash_cls_side - addresses a rule matches on one side
 */
struct dash_cls_side {
	/** @prefix: the address must be in any of these prefixes... */
	const struct dash_prefix *prefix;
	/** @tag: ...or have any of these tags */
	const u32 *tag;
	/** @n_prefix: length of @prefix */
	u32 n_prefix;
	/** @n_tag: length of @tag */
	u32 n_tag;
	/** @any: every address matches, the rest is not looked at */
	bool any;
};

/**
 * struct dash_cls_rule - one rule as given to the compiler
 *
 * All arrays are borrowed for the duration of dash_classifier_build() only.
 */
struct dash_cls_rule {
	/** @src: source addresses */
	struct dash_cls_side src;
	/** @dst: destination addresses */
	struct dash_cls_side dst;
	/** @protos: IP protocol numbers, any of which matches */
	const u8 *protos;
	/** @sport: source port must be in any of these ranges */
	const struct dash_port_range *sport;
	/** @dport: as @sport, for the destination port */
	const struct dash_port_range *dport;
	/** @n_protos: length of @protos; 0 = any protocol */
	u32 n_protos;
	/** @n_sport: length of @sport; 0 = any, even a packet without ports */
	u32 n_sport;
	/** @n_dport: as @n_sport, for the destination port */
	u32 n_dport;
	/** @flags: DASH_CLS_FLAGS bits, see struct dash_cls_hit */
	u8 flags;
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
 * struct dash_cls_tags - tags of an address
 */
struct dash_cls_tags {
	/** @id: numbers of the tags, each once */
	const u32 *id;
	/** @n: length of @id */
	u32 n;
};

/**
 * struct dash_cls_key - what is matched, one packet
 */
struct dash_cls_key {
	/** @src: source address */
	union dash_cls_addr src;
	/** @dst: destination address */
	union dash_cls_addr dst;
	/** @src_tags: tags of @src */
	struct dash_cls_tags src_tags;
	/** @dst_tags: tags of @dst */
	struct dash_cls_tags dst_tags;
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

/**
 * struct dash_cls_hit - a lookup and its result
 *
 * The rule itself costs another memory access, which dash_classifier_rule()
 * makes for those who need more than the flags.
 */
struct dash_cls_hit {
	/** @cls: where to look */
	const struct dash_classifier *cls;
	/** @slot: for dash_classifier_rule(), or DASH_CLS_NONE */
	u32 slot;
	/** @flags: those of the rule */
	u8 flags;
};

struct dash_classifier *
dash_classifier_build(unsigned int bits, const struct dash_cls_rule *rules,
		      u32 n_rules, gfp_t gfp, const char **why);
struct dash_classifier *
dash_classifier_without(const struct dash_classifier *cls,
			const u32 *rules, u32 n_rules, gfp_t gfp);
void dash_classifier_free(struct dash_classifier *cls);

u32 dash_classifier_match(const struct dash_classifier *cls,
			  const struct dash_cls_key *key);
void dash_classifier_match_many(struct dash_cls_hit *hit, u32 n,
				const struct dash_cls_key *key);
u32 dash_classifier_rule(const struct dash_classifier *cls, u32 slot);

bool dash_classifier_has(const struct dash_classifier *cls, u32 rule);
bool dash_classifier_has_tags(const struct dash_classifier *cls, bool dst);
size_t dash_classifier_bytes(const struct dash_classifier *cls);

#endif /* _DASH_CLASSIFIER_H */
