/* SPDX-License-Identifier: GPL-2.0 */
/* Events for those who listen; the hooks, which know nothing of netlink. */
#ifndef _DASH_EVENT_H
#define _DASH_EVENT_H

#include <linux/dash.h>
#include <linux/types.h>

struct dash_eni;
struct dash_events;
struct dash_flow;
struct dash_net;
struct dash_pkt;
struct dash_row;
struct dash_txn;

/* Limits that have events: DASH_DROP_CPS_LIMIT and those that follow it. */
#define DASH_EVENT_LIMITS	4

/**
 * dash_event_flow_new - a connection was inserted
 * @flow: connection
 * @pkt: its first packet
 *
 * As all that follow without mention of another context: RCU, BH off. Where
 * nobody listens or traces, nothing is done.
 */
void dash_event_flow_new(const struct dash_flow *flow,
			 const struct dash_pkt *pkt);

/**
 * dash_event_flow_end - a connection was taken out of the table
 * @flow: connection
 * @why: reason
 */
void dash_event_flow_end(const struct dash_flow *flow, enum dash_flow_end why);

/**
 * dash_event_limit - a limit of connections has been reached
 * @eni: whose connection is refused, or one of whose had to make room
 * @which: DASH_DROP_CPS_LIMIT, DASH_DROP_FLOW_LIMIT, DASH_DROP_HALF_OPEN_LIMIT
 *	or DASH_DROP_MAX_FLOWS
 *
 * One event a second at most tells of it.
 */
void dash_event_limit(struct dash_eni *eni, enum dash_drop which);

/**
 * dash_event_deny - ACLs denied a connection
 * @pkt: initiator's packet
 */
void dash_event_deny(const struct dash_pkt *pkt);

/**
 * dash_event_drop - a packet is dropped
 * @pkt: packet
 * @reason: why
 */
void dash_event_drop(const struct dash_pkt *pkt, enum dash_drop reason);

/**
 * dash_pkt_is_parsed - are tuple and VNI of a packet known?
 * @pkt: packet
 * @reason: of its drop
 *
 * Return: whether they are.
 */
bool dash_pkt_is_parsed(const struct dash_pkt *pkt, enum dash_drop reason);

struct dash_event_config;

/**
 * dash_event_config_begin - begin to note what a transaction does
 * @dn: instance
 *
 * Context: process, dash_net.lock held.
 * Return: notes, NULL when nobody listens.
 */
struct dash_event_config *dash_event_config_begin(struct dash_net *dn);

/**
 * dash_event_config_row - note a row of a table without objects
 * @ev: notes or NULL
 * @row: row
 */
void dash_event_config_row(struct dash_event_config *ev,
			   const struct dash_row *row);

/**
 * dash_event_config_syms - note the objects that a transaction concerns
 * @ev: notes or NULL
 * @txn: transaction, staged
 */
void dash_event_config_syms(struct dash_event_config *ev,
			    const struct dash_txn *txn);

/**
 * dash_event_config_note - note one object
 * @ev: notes or NULL
 * @type: enum dash_object_type
 * @del: it was deleted
 * @name: name without table
 */
void dash_event_config_note(struct dash_event_config *ev, u8 type, bool del,
			    const char *name);

/**
 * dash_event_config_end - tell what was noted, and forget it
 * @ev: notes or NULL
 * @done: the change was made
 *
 * Context: process, dash_net.lock held.
 */
void dash_event_config_end(struct dash_event_config *ev, bool done);

/**
 * dash_events_init - prepare the events of a new instance
 * @dn: instance
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int dash_events_init(struct dash_net *dn);

/**
 * dash_events_fini - forget events that were not sent
 * @dn: instance; nothing happens in it any more
 *
 * Context: process, may sleep.
 */
void dash_events_fini(struct dash_net *dn);

#endif /* _DASH_EVENT_H */
