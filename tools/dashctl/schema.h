/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: The schema
 *
 * One description of every table, field and value name: how SONiC-DASH spells
 * it and which netlink attribute carries it. Loading, saving, showing, adding
 * and completing all walk these tables, none knows a field by itself.
 */
#ifndef DASHCTL_SCHEMA_H
#define DASHCTL_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

enum type {
	T_STR,
	T_U8,
	T_U16,
	T_U32,
	T_U64,
	T_BOOL,
	T_ENUM,
	T_PROTO,		/* IP protocol, number or name */
	T_ADDR,
	T_MAC,
	T_PREFIX,		/* a nest, or addr beside @len_attr */
	T_MASKED,		/* bits of an IPv6 address: value beside @len_attr, a mask */
	T_PREFIX_STR,		/* a prefix that the kernel keeps as text */
	T_PORTS,		/* a nest of a range */
	T_VNIS,			/* a nest of a range */
	T_NETNS,		/* a network namespace, its id beside the name */
	T_NEST,			/* an object of its own, by @sub */
	T_IGNORED,		/* has no meaning here, is accepted */
	T_UNSUPPORTED,		/* has one that does not exist yet */
};

enum {
	F_KEY = 1,		/* part of the row's key */
	F_LIST = 2,		/* several values: the attribute repeats */
	F_SET = 4,		/* a list whose order means nothing */
	F_SCALAR = 8,		/* a list of one is printed without brackets */
	F_REPLY = 16,		/* only the kernel says it */
	F_V6 = 32,		/* an IPv6 address only */
	F_VNI = 64,		/* 24 bits */
	F_OPT_KEY = 128,	/* part of the key, but a field in the file */
	F_NULL = 256,		/* printed even when absent (JSON null) */
	F_NAMED = 512,		/* a protocol printed by its name */
	F_OF_KEY = 1024,	/* defaults to the key where that is such a value */
	F_ENI = 2048,		/* name of an ENI: a MAC loses its separators */
	F_NEEDED = 4096,	/* a row without it is refused */
};

/* Names of an enum's values. */
struct names {
	unsigned int first;			/* number of the first name */
	const char * const *name;		/* NULL-terminated */
	const char * const *synonym;		/* pairs: other name, name */
	const char * const *unsupported;	/* names of values to come */
};

struct field {
	const char *name;
	const char *alias[3];
	enum type type;
	unsigned int flags;
	uint16_t attr;
	uint16_t len_attr;	/* T_PREFIX: the attribute of the length; T_MASKED: of the mask */
	uint16_t nest;		/* attribute that encloses this one */
	const struct names *names;
	uint64_t min;
	uint64_t max;		/* 0: what the type holds */
	const char *def;	/* value that is not saved, not supported: the one that is */
	const char *absent;	/* word for the value of a missing attribute */
	const struct field *sub;
};

struct table {
	const char *name;	/* as saved */
	const char *base;	/* without DASH_ and _TABLE */
	const char *object;	/* of the command line; NULL: not supported yet */
	const char *kind;	/* second word of the command line, or NULL */
	uint16_t attr;		/* DASH_A_CONFIG_… */
	uint32_t type;		/* DASH_OBJECT_TYPE_… */
	uint16_t fixed_attr;	/* attribute that tells tables of one type apart … */
	uint8_t fixed;		/* … and its value */
	uint16_t append;	/* flag that says a row goes on, for long rows; 0: none */
	bool value_list;	/* the row's value may be a list, the value of its one field */
	const struct field *field;	/* ends with a nameless one */
	const char *help;
};

extern const struct table tables[];
extern const unsigned int n_tables;

/* A field may be at most this far into its table. */
#define MAX_FIELDS	48

const struct table *table_find(const char *name, unsigned int len);
const struct table *table_by_attr(uint16_t attr);
const struct field *field_find(const struct field *field, const char *name);

/* The number of a value's name; negative: unknown, or not supported yet. */
enum { NAME_UNKNOWN = -1, NAME_UNSUPPORTED = -2 };
int name_find(const struct names *names, const char *name);

/* The name of a value; NULL if it has none. */
const char *name_of(const struct names *names, unsigned int value);

extern const struct names drop_names;
extern const struct names event_names;
extern const struct names memory_names;
extern const struct names policy_names;
extern const struct names direction_names;
extern const struct names flow_state_names;
extern const struct names flow_order_names;
extern const struct names acl_action_names;

/* What the kernel reports besides rows. */
extern const struct field xform_fields[];
extern const struct field flow_fields[];

/* What it is asked about connections, and told. */
extern const struct field flow_filter_fields[];
extern const struct field flow_add_fields[];
extern const struct field flow_xform_fields[];
extern const struct field flow_del_fields[];

extern const struct field explain_fields[];
extern const struct field event_fields[];
extern const struct field acl_step_fields[];
extern const struct field dir_stats_fields[];
extern const struct field flow_stats_fields[];
extern const struct field port_stats_fields[];

#endif
