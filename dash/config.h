/* SPDX-License-Identifier: GPL-2.0 */
/* Configuration: named objects, and changes that happen whole or not at all. */
#ifndef _DASH_CONFIG_H
#define _DASH_CONFIG_H

#include <linux/jhash.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>
#include <linux/string.h>
#include <linux/types.h>

#include "netns.h"
#include "rows.h"

struct dash_event_config;
struct dash_inst;
struct dash_tag_txn;
struct netlink_ext_ack;

/**
 * struct dash_name_key - what objects are looked up by
 */
struct dash_name_key {
	/** @type: enum dash_object_type */
	u8 type;
	/** @name: name, without the table's */
	const char *name;
};

static inline u32 dash_name_hash(u8 type, const char *name, u32 seed)
{
	return jhash(name, strlen(name), seed ^ type);
}

/* for rhashtables whose keys are struct dash_name_key */
static inline u32 dash_name_hashfn(const void *data, u32 len, u32 seed)
{
	const struct dash_name_key *key = data;

	return dash_name_hash(key->type, key->name, seed);
}

static inline bool dash_name_is(const struct dash_name_key *key, u8 type,
				const char *name)
{
	return type == key->type && !strcmp(name, key->name);
}

/**
 * struct dash_sym - name of an object, whether it exists or is only mentioned
 *
 * Guarded by dash_net.lock; @cur, @name, @id and @node also read under RCU.
 */
struct dash_sym {
	/** @node: in dash_net.syms */
	struct rhash_head node;
	/** @cur: the object now, NULL when there is none; RCU */
	struct dash_row __rcu *cur;
	/** @next: the object after the change under way, when @staged */
	struct dash_row *next;
	/** @staged: the change under way concerns it */
	bool staged;
	/** @dirty: types of its children that are staged, as bits */
	u32 dirty;
	/** @doomed: @data goes with this change */
	bool doomed;
	/** @type: enum dash_object_type */
	u8 type;
	/** @id: in dash_net.by_id; 0 as long as it never existed */
	u32 id;
	/** @staged_list: in dash_txn.syms */
	struct list_head staged_list;
	/** @refs: mentions, struct dash_ref */
	struct list_head refs;
	/** @parent: group, VNET, ENI or policy that it goes along with */
	struct dash_sym *parent;
	/** @children: objects that go along with it */
	struct list_head children;
	/** @sibling: in @parent's @children */
	struct list_head sibling;
	/**
	 * @data: what packets see of it, by type: dash_vnet, dash_eni,
	 * dash_acl_group, dash_route_group, dash_port, dash_tunnel,
	 * dash_meter_policy
	 */
	void *data;
	/** @rcu: for freeing */
	struct rcu_head rcu;
	/** @name: without table */
	char name[];
};

/**
 * struct dash_txn - a change of configuration under way
 *
 * Rows are staged in order, the end state is checked, everything that may
 * fail is prepared, and then it is published, or all of it is undone.
 */
struct dash_txn {
	/** @dn: instance; dash_net.change is held, mostly also its lock */
	struct dash_net *dn;
	/** @extack: for errors */
	struct netlink_ext_ack *extack;
	/** @row: row that is worked on, for errors; NULL when unknown */
	const struct dash_row *row;
	/** @numbered: rows have numbers that mean something to the client */
	bool numbered;
	/** @syms: objects concerned */
	struct list_head syms;
	/** @dead_rows: rows to free a grace period later */
	struct list_head dead_rows;
	/** @tags: changes of tags [v4, v6], or NULL */
	struct dash_tag_txn *tags[2];
	/** @acl_groups: groups to compile */
	struct list_head acl_groups;
	/** @route_groups: groups with staged routes */
	struct list_head route_groups;
	/** @vnets: VNETs with staged mappings */
	struct list_head vnets;
	/** @old_inst: settings that were replaced, or NULL */
	struct dash_inst *old_inst;
	/** @types: tables concerned, as bits */
	u32 types;
	/** @events: notes for those who listen, or NULL */
	struct dash_event_config *events;
	/** @policy: enum dash_policy */
	u8 policy;
	/** @adds: it does not only delete */
	bool adds;
	/** @marked: decisions made before do not hold */
	bool marked;
};

/**
 * dash_sym_next - the object of a name as the change under way will leave it
 * @sym: name
 *
 * Context: dash_net.lock held.
 * Return: its row or NULL.
 */
struct dash_row *dash_sym_next(const struct dash_sym *sym);

/**
 * dash_sym_find - find a name
 * @dn: instance
 * @type: enum dash_object_type
 * @name: name without table
 *
 * Context: dash_net.lock held or RCU.
 * Return: name or NULL.
 */
struct dash_sym *dash_sym_find(struct dash_net *dn, u8 type, const char *name);

/**
 * dash_sym_get - find a name or make it
 * @dn: instance
 * @type: enum dash_object_type
 * @name: name without table
 *
 * One that nothing comes to use goes with dash_sym_put().
 * Context: dash_net.lock held.
 * Return: name or ERR_PTR.
 */
struct dash_sym *dash_sym_get(struct dash_net *dn, u8 type, const char *name);

/**
 * dash_sym_put - forget a name, and its parents, unless used
 * @dn: instance
 * @sym: name
 *
 * Context: dash_net.lock held.
 */
void dash_sym_put(struct dash_net *dn, struct dash_sym *sym);

/**
 * dash_sym_of_nla - find the name in an attribute
 * @dn: instance
 * @type: enum dash_object_type
 * @nla: attribute or NULL
 *
 * Context: dash_net.lock held or RCU.
 * Return: name or NULL.
 */
struct dash_sym *dash_sym_of_nla(struct dash_net *dn, u8 type,
				 const struct nlattr *nla);

/**
 * dash_txn_fail - say why a transaction is refused
 * @txn: transaction
 * @err: returned
 * @fmt: text; the number of the row and its object's name go before it
 *
 * Return: @err.
 */
__printf(3, 4)
int dash_txn_fail(struct dash_txn *txn, int err, const char *fmt, ...);

/**
 * dash_config_apply - make a change of configuration
 * @dn: instance
 * @rows: rows; consumed
 * @numbered: name the row's number in errors
 * @check: refuse or accept, but change nothing
 * @policy: enum dash_policy: what becomes of the connections concerned
 * @extack: for errors
 *
 * Context: process; takes dn->change, RTNL if ports are concerned, and dn->lock.
 * Return: 0 or an error, after which nothing has changed.
 */
int dash_config_apply(struct dash_net *dn, struct dash_rows *rows,
		      bool numbered, bool check, u8 policy,
		      struct netlink_ext_ack *extack);

/**
 * dash_config_clear - remove everything from an instance that goes
 * @dn: instance
 *
 * Context: process; takes dn->change, RTNL and dn->lock.
 */
void dash_config_clear(struct dash_net *dn);

/**
 * dash_config_init - prepare the configuration of a new instance
 * @dn: zeroed instance
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int dash_config_init(struct dash_net *dn);

/**
 * dash_config_fini - free what dash_config_clear() leaves
 * @dn: instance
 *
 * Context: process, may sleep.
 */
void dash_config_fini(struct dash_net *dn);

/**
 * dash_refs_unlink - a row does not mention others any more
 * @dn: instance
 * @row: row
 *
 * Context: dash_net.lock held.
 */
void dash_refs_unlink(struct dash_net *dn, struct dash_row *row);

#endif /* _DASH_CONFIG_H */
