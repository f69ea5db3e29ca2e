/* SPDX-License-Identifier: GPL-2.0 */
/* Rows of the DASH_* tables: their keys, references and checks. */
#ifndef _DASH_ROWS_H
#define _DASH_ROWS_H

#include <linux/in6.h>
#include <linux/list.h>
#include <linux/types.h>
#include <net/netlink.h>

#include <linux/dash.h>

struct dash_counter;
struct dash_row;
struct dash_sym;
struct dash_txn;

/* Longest name of an object: parent, member and separators. */
#define DASH_NAME_LEN	200

/**
 * struct dash_ref_desc - an attribute that names another object
 */
struct dash_ref_desc {
	/** @attr: attribute, 0 ends a list */
	u16 attr;
	/** @type: enum dash_object_type of what it names */
	u8 type;
	/** @field: name of the field in the table */
	const char *field;
};

/**
 * struct dash_need - an attribute that a row must have
 */
struct dash_need {
	/** @attr: attribute, 0 ends a list */
	u16 attr;
	/** @field: name of the field in the table */
	const char *field;
};

/**
 * struct dash_type - what rows of a table look like
 */
struct dash_type {
	/** @table: name of the table, up to where the object's name follows */
	const char *table;
	/** @policy: of the row's attributes */
	const struct nla_policy *policy;
	/** @refs: attributes that name objects, the parent excepted */
	const struct dash_ref_desc *refs;
	/** @check_key: what policy cannot express of a key, or NULL */
	int (*check_key)(struct nlattr **tb, struct netlink_ext_ack *extack);
	/** @name: form the object's name, without table, of a row's key */
	int (*name)(struct nlattr **tb, char *buf,
		    struct netlink_ext_ack *extack);
	/** @check: what policy cannot express, or NULL */
	int (*check)(struct nlattr **tb, const struct nlattr *attrs, int len,
		     struct netlink_ext_ack *extack);
	/** @stage: for members that are no objects of their own, else NULL */
	int (*stage)(struct dash_txn *txn, struct dash_row *row);
	/** @keys: attributes that form the name, as bits */
	u64 keys;
	/** @needs: further attributes that a row must have, or NULL */
	const struct dash_need *needs;
	/** @addrs: attributes that are addresses */
	u64 addrs;
	/** @vnis: attributes that are VNIs */
	u64 vnis;
	/** @prefixes: nested prefixes */
	u64 prefixes;
	/** @port_ranges: nested ranges of ports */
	u64 port_ranges;
	/** @vni_ranges: nested ranges of VNIs */
	u64 vni_ranges;
	/** @attr: DASH_A_CONFIG_* of a row */
	u16 attr;
	/** @maxattr: highest attribute */
	u16 maxattr;
	/** @append: attribute that says the row goes on, or 0 */
	u16 append;
	/** @counter: attribute that says the object is counted, or 0 */
	u16 counter;
	/** @counts: first of the four attributes that tell the counts */
	u16 counts;
	/** @parent_attr: attribute that names the parent, or 0 */
	u16 parent_attr;
	/** @parent: enum dash_object_type of the parent */
	u8 parent;
};

extern const struct dash_type dash_types[];

/**
 * struct dash_ref - a mention of an object by another
 */
struct dash_ref {
	/** @list: in dash_sym.refs */
	struct list_head list;
	/** @sym: the object mentioned */
	struct dash_sym *sym;
	/** @row: who mentions it, or NULL when a route action does */
	struct dash_row *row;
	/** @field: in which field */
	const char *field;
};

/**
 * struct dash_row - a row as it was set
 *
 * Keeps the attributes as they came, which is what dumps return and what
 * everything compiled is made from. Immutable once current; RCU.
 */
struct dash_row {
	/** @list: in struct dash_rows, then among the dead */
	struct list_head list;
	/** @more: next part of a row that arrives in parts, until it is whole */
	struct dash_row *more;
	/** @sym: the object's name, once staged */
	struct dash_sym *sym;
	/** @refs: objects mentioned */
	struct dash_ref *refs;
	/** @counter: what counts for the object, or NULL */
	struct dash_counter *counter;
	/** @seq: number in the transaction */
	u32 seq;
	/** @gen: dash_net.gen that it came with, for dumps in parts */
	u32 gen;
	/** @len: length of @attrs in bytes */
	u32 len;
	/** @whole: the same with all parts */
	u32 whole;
	/** @n_refs: length of @refs */
	u16 n_refs;
	/** @type: enum dash_object_type */
	u8 type;
	/** @del: the object shall go */
	bool del;
	/** @many: @attrs are nests, each a row of a table with dash_type.stage */
	bool many;
	/** @attrs: attributes; at @data, or within those of a row of @many */
	const u8 *attrs;
	/** @data: room for them */
	u8 data[] __aligned(NLA_ALIGNTO);
};

/**
 * struct dash_rows - rows in order
 */
struct dash_rows {
	/** @list: of struct dash_row */
	struct list_head list;
	/** @part: last part of the last row that may go on, or NULL */
	struct dash_row *part;
	/** @name: name of that row */
	char name[DASH_NAME_LEN];
};

static inline const struct nlattr *dash_row_attrs(const struct dash_row *row)
{
	return (const struct nlattr *)row->attrs;
}

/* The rows of a row of many. */
#define dash_row_for_each_row(pos, row, rem) \
	nla_for_each_attr(pos, dash_row_attrs(row), (row)->len, rem)

#define dash_row_for_each(pos, row, rem) \
	nla_for_each_attr(pos, dash_row_attrs(row), (row)->len, rem)

const struct nlattr *dash_row_get(const struct dash_row *row, int attr);
u32 dash_row_u32(const struct dash_row *row, int attr, u32 absent);
u8 dash_row_u8(const struct dash_row *row, int attr, u8 absent);

/**
 * dash_row_is_v6 - is a row's ip_version IPv6?
 * @row: row
 * @attr: attribute that says it; absent means IPv4
 *
 * Return: whether it is.
 */
bool dash_row_is_v6(const struct dash_row *row, int attr);

/**
 * dash_row_check - is a row of a request what a row of its table may be?
 * @nest: nested attributes of the row
 * @type: enum dash_object_type
 * @del: only the key counts
 * @seq: number that errors name, or NULL
 * @extack: says what is wrong
 *
 * Return: 0 or an error.
 */
int dash_row_check(const struct nlattr *nest, u8 type, bool del,
		   const u32 *seq, struct netlink_ext_ack *extack);

/**
 * dash_row_alloc - check and keep a row of a request
 * @nest: nested attributes of the row
 * @type: enum dash_object_type
 * @del: only the key counts
 * @seq: number in the transaction
 * @numbered: errors name it
 * @extack: says what is wrong
 *
 * Context: process.
 * Return: row or ERR_PTR.
 */
struct dash_row *dash_row_alloc(const struct nlattr *nest, u8 type, bool del,
				u32 seq, bool numbered,
				struct netlink_ext_ack *extack);

/**
 * dash_row_alloc_many - check and keep rows that follow each other
 * @nest: nested attributes of the first row, of a table with dash_type.stage;
 * afterwards those of the last row taken
 * @rem: bytes from @nest on, before and afterwards
 * @del: only the keys count
 * @seq: number of the first row in the transaction; increased by their count
 * @numbered: errors name the row
 * @extack: says what is wrong
 *
 * Takes rows as long as they are of the same table. Many small rows in one
 * piece cost what they are long and one allocation.
 * Context: process.
 * Return: row whose attributes they are, or ERR_PTR.
 */
struct dash_row *dash_row_alloc_many(const struct nlattr **nest, int *rem,
				     bool del, u32 *seq, bool numbered,
				     struct netlink_ext_ack *extack);

/**
 * dash_row_free - free a row and its parts
 * @row: row
 *
 * Context: process, may sleep; dash_net.lock held once the row was staged.
 */
void dash_row_free(struct dash_row *row);

/* Is it the next part of the row before it? */
bool dash_row_goes_on(const struct dash_row *row);

void dash_rows_init(struct dash_rows *rows);
void dash_rows_free(struct dash_rows *rows);

/**
 * dash_rows_add - put a row at the end of rows of a message
 * @rows: rows before
 * @row: row; consumed, unless there is an error
 * @extack: for errors
 *
 * One that goes on becomes part of the row before it. That of the first one
 * may be in the message before.
 * Return: 0, -EINVAL when the two are not one, -E2BIG.
 */
int dash_rows_add(struct dash_rows *rows, struct dash_row *row,
		  struct netlink_ext_ack *extack);

/**
 * dash_rows_splice - put the rows of a message at the end of those before
 * @rows: rows before; all or nothing is added
 * @more: rows to add; empty afterwards, unless there is an error
 * @extack: for errors
 *
 * Return: 0, -EINVAL when the first one is not the next part of the last one
 * although it says so, -E2BIG.
 */
int dash_rows_splice(struct dash_rows *rows, struct dash_rows *more,
		     struct netlink_ext_ack *extack);

/**
 * dash_rows_finish - make rows whole that arrived in parts
 * @rows: all rows of a transaction
 * @extack: for errors
 *
 * Context: process.
 * Return: 0, -EINVAL, -E2BIG or -ENOMEM.
 */
int dash_rows_finish(struct dash_rows *rows, struct netlink_ext_ack *extack);

/**
 * dash_row_name - name of the object that a row is about
 * @row: row
 * @buf: DASH_NAME_LEN bytes
 */
void dash_row_name(const struct dash_row *row, char *buf);

int dash_type_of_attr(u16 attr);

void dash_nla_addr(const struct nlattr *nla, struct in6_addr *addr);

/**
 * dash_err - give an error a text of any length
 * @extack: where to, or NULL
 * @attr: offending attribute of the request, or NULL
 * @fmt: text
 */
__printf(3, 4)
void dash_err(struct netlink_ext_ack *extack, const struct nlattr *attr,
	      const char *fmt, ...);

#endif /* _DASH_ROWS_H */
