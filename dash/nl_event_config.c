// SPDX-License-Identifier: GPL-2.0
/*
 * Events of configuration: what a transaction did, and to which objects unless
 * they are too many. Told when it is in force.
 */
#include <linux/mm.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/genetlink.h>

#include "config.h"
#include "event.h"
#include "netns.h"
#include "nl.h"
#include "nl_event.h"
#include "nl_gen.h"
#include "rows.h"

/* Of larger transactions only numbers are told. */
#define DASH_EVENT_ROWS		1000
#define DASH_EVENT_NAMES	(64 * 1024)
/* a header, and a name with its table */
#define DASH_EVENT_ROOM		(256 + DASH_NAME_LEN)

/**
 * struct dash_event_config - what a transaction does
 */
struct dash_event_config {
	/** @dn: instance */
	struct dash_net *dn;
	/** @n: rows by enum dash_object_type, set and deleted */
	u32 n[DASH_OBJECT_TYPES][2];
	/** @rows: their sum */
	u32 rows;
	/** @used: bytes of @names */
	u32 used;
	/** @names: for each row its type, whether it was deleted, its name */
	u8 names[DASH_EVENT_NAMES];
};

struct dash_event_config *dash_event_config_begin(struct dash_net *dn)
{
	struct dash_event_config *ev;

	if (!dash_nl_event_wanted(dn, DASH_NLGRP_CONFIG))
		return NULL;
	ev = kvzalloc(sizeof(*ev), GFP_KERNEL);
	if (ev)
		ev->dn = dn;
	else
		dn->events_lost++;
	return ev;
}

void dash_event_config_note(struct dash_event_config *ev, u8 type, bool del,
			    const char *name)
{
	size_t len;

	if (!ev)
		return;
	ev->n[type][del]++;
	if (ev->rows++ >= DASH_EVENT_ROWS)
		return;
	len = strlen(name) + 1;
	if (ev->used + len + 2 > sizeof(ev->names)) {
		ev->rows += DASH_EVENT_ROWS;
		return;
	}
	ev->names[ev->used++] = type;
	ev->names[ev->used++] = del;
	memcpy(&ev->names[ev->used], name, len);
	ev->used += len;
}

void dash_event_config_row(struct dash_event_config *ev,
			   const struct dash_row *row)
{
	char name[DASH_NAME_LEN] = "";

	if (!ev)
		return;
	if (ev->rows < DASH_EVENT_ROWS)
		dash_row_name(row, name);
	dash_event_config_note(ev, row->type, row->del, name);
}

void dash_event_config_syms(struct dash_event_config *ev,
			    const struct dash_txn *txn)
{
	const struct dash_sym *sym;

	if (!ev)
		return;
	list_for_each_entry(sym, &txn->syms, staged_list)
		if (sym->next || rcu_access_pointer(sym->cur))
			dash_event_config_note(ev, sym->type, !sym->next,
					       sym->name);
}

/**
 * struct dash_event_out - messages on their way
 */
struct dash_event_out {
	/** @dn: instance */
	struct dash_net *dn;
	/** @skb: datagram that is being filled, or NULL */
	struct sk_buff *skb;
};

static void dash_event_flush(struct dash_event_out *out)
{
	if (out->skb)
		dash_nl_event_send(out->dn, out->skb, DASH_NLGRP_CONFIG);
	out->skb = NULL;
}

static void *dash_event_open(struct dash_event_out *out, u8 kind, u32 gen,
			     size_t room)
{
	struct dash_net *dn = out->dn;
	void *hdr;

	if (out->skb && skb_tailroom(out->skb) < room)
		dash_event_flush(out);
	if (!out->skb)
		out->skb = nlmsg_new(max_t(size_t, NLMSG_GOODSIZE, room),
				     GFP_KERNEL);
	if (!out->skb)
		goto lost;
	hdr = genlmsg_put(out->skb, 0, dn->events_seq + 1, &dash_nl_family, 0,
			  DASH_CMD_CONFIG_EVENT);
	if (!hdr)
		goto lost;
	if (nla_put_u8(out->skb, DASH_A_EVENT_KIND, kind) ||
	    nla_put_u32(out->skb, DASH_A_EVENT_GEN, gen) ||
	    (dn->events_lost && dash_nl_put_u64(out->skb, DASH_A_EVENT_LOST,
						dn->events_lost))) {
		genlmsg_cancel(out->skb, hdr);
		goto lost;
	}
	dn->events_seq++;
	dn->events_lost = 0;
	return hdr;

lost:
	dn->events_lost++;
	return NULL;
}

static void dash_event_commit(struct dash_event_out *out,
			      const struct dash_event_config *ev, u32 gen)
{
	struct nlattr *nest;
	void *hdr;
	int type;

	hdr = dash_event_open(out, DASH_EVENT_KIND_COMMIT, gen,
			      DASH_EVENT_ROOM + DASH_OBJECT_TYPES * 32);
	if (!hdr)
		return;
	for (type = 0; type < DASH_OBJECT_TYPES; type++) {
		if (!ev->n[type][0] && !ev->n[type][1])
			continue;
		nest = nla_nest_start(out->skb, DASH_A_EVENT_COUNT);
		if (!nest)
			break;
		nla_put_u32(out->skb, DASH_A_EVENT_COUNT_TYPE, type);
		nla_put_u32(out->skb, DASH_A_EVENT_COUNT_SET, ev->n[type][0]);
		nla_put_u32(out->skb, DASH_A_EVENT_COUNT_DELETED,
			    ev->n[type][1]);
		nla_nest_end(out->skb, nest);
	}
	genlmsg_end(out->skb, hdr);
}

static void dash_event_object(struct dash_event_out *out, u32 gen, u8 type,
			      bool del, const char *name)
{
	char full[DASH_NAME_LEN + 32];
	void *hdr;

	hdr = dash_event_open(out, del ? DASH_EVENT_KIND_DELETE :
					 DASH_EVENT_KIND_SET,
			      gen, DASH_EVENT_ROOM);
	if (!hdr)
		return;
	snprintf(full, sizeof(full), "%s%s", dash_types[type].table, name);
	nla_put_u32(out->skb, DASH_A_EVENT_TYPE, type);
	nla_put_string(out->skb, DASH_A_EVENT_NAME, full);
	genlmsg_end(out->skb, hdr);
}

void dash_event_config_end(struct dash_event_config *ev, bool done)
{
	struct dash_event_out out;
	const u8 *at, *end;

	if (!ev)
		return;
	if (done && ev->rows) {
		out = (struct dash_event_out){ .dn = ev->dn };
		dash_event_commit(&out, ev, ev->dn->gen);
		end = ev->names;
		if (ev->rows <= DASH_EVENT_ROWS)
			end += ev->used;
		for (at = ev->names; at < end; at += strlen(at + 2) + 3)
			dash_event_object(&out, ev->dn->gen, at[0], at[1],
					  at + 2);
		dash_event_flush(&out);
	}
	kvfree(ev);
}
