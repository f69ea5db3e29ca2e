// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Theory of operation
 *
 * Events are messages of multicast groups. What happens to packets is told from
 * softirq: it is put into a buffer, of an instance and group, that a worker
 * sends a twentieth of a second later, many events in a datagram::
 *
 *   packet ──> is anybody there? ──> buffer ──worker──> group
 *                  │ no                │ full: count as lost
 *
 * So however many packets are dropped, there is a limit to what telling of
 * them costs, in time and memory. What did not fit is counted, and the next
 * event says how many; when there is none, one comes for that. What a listener
 * loses because its socket is full it sees by the numbers of the messages.
 *
 * Whether somebody listens is asked where something happens that would be told:
 * a packet of a known connection that is sent is no such thing.
 */
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>

#include "acl.h"
#include "addr.h"
#include "eni.h"
#include "event.h"
#include "explain.h"
#include "flow.h"
#include "nat.h"
#include "netns.h"
#include "nl.h"
#include "nl_event.h"
#include "nl_gen.h"
#include "parse.h"
#include "port.h"
#include "trace.h"

/* A listener learns of what happens after so long. */
#define DASH_EVENT_DELAY	(HZ / 20 ?: 1)
/* In that time, at most so many. */
#define DASH_EVENT_FLOWS	8192
#define DASH_EVENT_DROPS	512
/* No event is larger; names have 63 bytes. */
#define DASH_EVENT_ROOM		768

/**
 * struct dash_event_queue - events of a group that wait for the worker
 */
struct dash_event_queue {
	/** @lock: guards what follows; BH off; nothing of ours is taken inside */
	spinlock_t lock;
	/** @skb: datagram that is being filled, or NULL */
	struct sk_buff *skb;
	/** @full: those that were */
	struct sk_buff_head full;
	/** @n: events since the worker ran */
	u32 n;
	/** @seq: number of the last message */
	u32 seq;
	/** @lost: events since that were lost */
	u64 lost;
	/** @dn: instance */
	struct dash_net *dn;
	/** @max: limit of @n */
	u32 max;
	/** @group: DASH_NLGRP_* */
	u8 group;
	/** @cmd: DASH_CMD_* of its messages */
	u8 cmd;
	/** @work: the worker */
	struct delayed_work work;
};

/**
 * struct dash_events - of an instance
 */
struct dash_events {
	/** @flows: connections */
	struct dash_event_queue flows;
	/** @drops: packets */
	struct dash_event_queue drops;
};

/* The number of a group means another family's once ours is gone. */
static bool dash_events_up;

void dash_nl_events_up(bool up)
{
	WRITE_ONCE(dash_events_up, up);
	if (!up)
		synchronize_rcu();
}

bool dash_nl_event_wanted(const struct dash_net *dn, u8 group)
{
	return READ_ONCE(dash_events_up) &&
	       genl_has_listeners(&dash_nl_family, dn->net, group);
}

void dash_nl_event_send(const struct dash_net *dn, struct sk_buff *skb,
			u8 group)
{
	rcu_read_lock();
	if (READ_ONCE(dash_events_up))
		/* listeners without room see that by the numbers */
		genlmsg_multicast_netns(&dash_nl_family, dn->net, skb, 0, group,
					GFP_ATOMIC);
	else
		nlmsg_free(skb);
	rcu_read_unlock();
}

/* --- the buffer --- */

static void *dash_event_put_hdr(struct dash_event_queue *q, u8 kind)
{
	void *hdr;

	if (q->skb && skb_tailroom(q->skb) < DASH_EVENT_ROOM) {
		__skb_queue_tail(&q->full, q->skb);
		q->skb = NULL;
	}
	if (!q->skb)
		q->skb = nlmsg_new(NLMSG_GOODSIZE, GFP_ATOMIC | __GFP_NOWARN);
	if (!q->skb)
		return NULL;
	hdr = genlmsg_put(q->skb, 0, q->seq + 1, &dash_nl_family, 0, q->cmd);
	if (!hdr)
		return NULL;
	if (nla_put_u8(q->skb, DASH_A_EVENT_KIND, kind) ||
	    (q->lost && dash_nl_put_u64(q->skb, DASH_A_EVENT_LOST, q->lost))) {
		genlmsg_cancel(q->skb, hdr);
		return NULL;
	}
	q->seq++;
	return hdr;
}

/* Begin an event, which dash_event_end() ends also when there is no room. */
static int dash_event_begin(struct dash_event_queue *q, u8 kind, void **hdr)
	__acquires(&q->lock)
{
	*hdr = NULL;
	spin_lock(&q->lock);
	if (!q->n)
		queue_delayed_work(system_unbound_wq, &q->work,
				   DASH_EVENT_DELAY);
	if (q->n < q->max)
		*hdr = dash_event_put_hdr(q, kind);
	/* also of those that are lost, for the worker to be on its way once */
	q->n = min(q->n + 1, q->max);
	return *hdr ? 0 : -ENOBUFS;
}

static void dash_event_end(struct dash_event_queue *q, void *hdr, int err)
	__releases(&q->lock)
{
	if (!hdr) {
		q->lost++;
	} else if (err) {
		genlmsg_cancel(q->skb, hdr);
		q->seq--;
		q->lost++;
	} else {
		genlmsg_end(q->skb, hdr);
		q->lost = 0;
	}
	spin_unlock(&q->lock);
}

static void dash_event_work(struct work_struct *work)
{
	struct dash_event_queue *q;
	struct sk_buff_head full;
	struct sk_buff *skb;
	void *hdr;

	q = container_of(to_delayed_work(work), struct dash_event_queue, work);
	__skb_queue_head_init(&full);
	spin_lock_bh(&q->lock);
	if (q->lost) {
		hdr = dash_event_put_hdr(q, DASH_EVENT_KIND_LOST);
		if (hdr) {
			genlmsg_end(q->skb, hdr);
			q->lost = 0;
		} else {
			/* no memory: once more, and until it is told */
			queue_delayed_work(system_unbound_wq, &q->work,
					   DASH_EVENT_DELAY);
		}
	}
	skb_queue_splice_init(&q->full, &full);
	if (q->skb)
		__skb_queue_tail(&full, q->skb);
	q->skb = NULL;
	q->n = 0;
	spin_unlock_bh(&q->lock);

	while ((skb = __skb_dequeue(&full))) {
		dash_nl_event_send(q->dn, skb, q->group);
		cond_resched();
	}
}

static void dash_event_queue_init(struct dash_event_queue *q,
				  struct dash_net *dn, u8 group, u8 cmd,
				  u32 max)
{
	spin_lock_init(&q->lock);
	__skb_queue_head_init(&q->full);
	INIT_DELAYED_WORK(&q->work, dash_event_work);
	q->dn = dn;
	q->group = group;
	q->cmd = cmd;
	q->max = max;
}

static void dash_event_queue_fini(struct dash_event_queue *q)
{
	/* nobody is left who might queue it again but itself */
	cancel_delayed_work_sync(&q->work);
	kfree_skb(q->skb);
	__skb_queue_purge(&q->full);
}

int dash_events_init(struct dash_net *dn)
{
	dn->events = kzalloc(sizeof(*dn->events), GFP_KERNEL);
	if (!dn->events)
		return -ENOMEM;
	dash_event_queue_init(&dn->events->flows, dn, DASH_NLGRP_FLOWS,
			      DASH_CMD_FLOW_EVENT, DASH_EVENT_FLOWS);
	dash_event_queue_init(&dn->events->drops, dn, DASH_NLGRP_DROPS,
			      DASH_CMD_DROP_EVENT, DASH_EVENT_DROPS);
	return 0;
}

void dash_events_fini(struct dash_net *dn)
{
	dash_event_queue_fini(&dn->events->flows);
	dash_event_queue_fini(&dn->events->drops);
	kfree(dn->events);
}

/* --- what happens to packets --- */

static int dash_put_tuple(struct sk_buff *skb, const struct dash_eni *eni,
			  u8 dir, const struct dash_tuple *t)
{
	if ((eni && (nla_put_string(skb, DASH_A_EVENT_ENI, eni->name) ||
		     nla_put_u8(skb, DASH_A_EVENT_DIRECTION, dir))) ||
	    dash_nl_put_addr(skb, DASH_A_EVENT_SRC, &t->src) ||
	    dash_nl_put_addr(skb, DASH_A_EVENT_DST, &t->dst) ||
	    nla_put_u8(skb, DASH_A_EVENT_PROTO, t->proto) ||
	    nla_put_u16(skb, DASH_A_EVENT_SPORT, ntohs(t->sport)) ||
	    nla_put_u16(skb, DASH_A_EVENT_DPORT, ntohs(t->dport)))
		return -EMSGSIZE;
	return 0;
}

/* The stage that decides about packets like this one, which was not noted: the
 * ACLs are asked once more. If they changed meanwhile there is none.
 */
static noinline int dash_put_deciding(struct sk_buff *skb,
				      const struct dash_pkt *pkt, bool allow)
{
	const struct dash_explain_acl *acl;
	struct dash_explain rec = {};
	struct dash_pkt thought = *pkt;

	thought.rec = &rec;
	dash_acl_check(&thought, NULL);
	if (!rec.n_acl)
		return 0;
	acl = &rec.acl[rec.n_acl - 1];
	if (acl->allow != allow)
		return 0;
	return dash_nl_put_acl_step(skb, DASH_A_EVENT_ACL_STEP, acl);
}

/* The addresses that the other side knows, where those are of another family. */
static int dash_put_translated(struct sk_buff *skb,
			       const struct dash_flow *flow)
{
	const struct dash_nat *nat = flow->nat;
	const struct in6_addr *overlay[2];
	struct nlattr *nest;

	if (!nat || dash_addr_is_v4(&nat->key.laddr) ==
		    dash_addr_is_v4(&flow->key.laddr))
		return 0;
	overlay[0] = &nat->key.laddr;
	overlay[1] = &nat->key.raddr;
	nest = nla_nest_start(skb, DASH_A_EVENT_FORWARD);
	if (!nest || dash_nl_put_overlay(skb, overlay))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

void dash_event_flow_new(const struct dash_flow *flow,
			 const struct dash_pkt *pkt)
{
	struct dash_event_queue *q = &pkt->dn->events->flows;
	struct dash_tuple t;
	void *hdr;
	int err;

	trace_dash_flow_create(flow, 0);
	if (!dash_nl_event_wanted(pkt->dn, DASH_NLGRP_FLOWS))
		return;
	dash_flow_tuple(flow, &t);
	err = dash_event_begin(q, DASH_EVENT_KIND_NEW, &hdr) ?:
	      dash_put_tuple(q->skb, flow->eni, flow->dir, &t) ?:
	      nla_put_u8(q->skb, DASH_A_EVENT_STATE, READ_ONCE(flow->state)) ?:
	      dash_put_translated(q->skb, flow) ?:
	      dash_put_deciding(q->skb, pkt, true);
	dash_event_end(q, hdr, err);
}

void dash_event_flow_end(const struct dash_flow *flow, enum dash_flow_end why)
{
	struct dash_net *dn = flow->eni->dn;
	struct dash_event_queue *q;
	struct dash_tuple t;
	void *hdr;
	int err;

	trace_dash_flow_end(flow, why);
	if (!dash_nl_event_wanted(dn, DASH_NLGRP_FLOWS))
		return;
	q = &dn->events->flows;
	dash_flow_tuple(flow, &t);
	err = dash_event_begin(q, DASH_EVENT_KIND_END, &hdr) ?:
	      dash_put_tuple(q->skb, flow->eni, flow->dir, &t) ?:
	      nla_put_u8(q->skb, DASH_A_EVENT_END, why) ?:
	      nla_put_u8(q->skb, DASH_A_EVENT_STATE, READ_ONCE(flow->state)) ?:
	      nla_put_u32(q->skb, DASH_A_EVENT_AGE,
			  (jiffies - flow->created) / HZ) ?:
	      dash_nl_put_counters(q->skb, DASH_A_EVENT_FORWARD,
				   READ_ONCE(flow->packets[0]),
				   READ_ONCE(flow->bytes[0])) ?:
	      dash_nl_put_counters(q->skb, DASH_A_EVENT_REVERSE,
				   READ_ONCE(flow->packets[1]),
				   READ_ONCE(flow->bytes[1]));
	dash_event_end(q, hdr, err);
}

void dash_event_deny(const struct dash_pkt *pkt)
{
	struct dash_event_queue *q = &pkt->dn->events->flows;
	void *hdr;
	int err;

	if (!dash_nl_event_wanted(pkt->dn, DASH_NLGRP_FLOWS))
		return;
	err = dash_event_begin(q, DASH_EVENT_KIND_DENY, &hdr) ?:
	      dash_put_tuple(q->skb, pkt->eni, pkt->dir, &pkt->t) ?:
	      dash_put_deciding(q->skb, pkt, false);
	dash_event_end(q, hdr, err);
}

/* Is it the first time within a second? */
static bool dash_event_is_news(u32 *told)
{
	u32 now = (u32)jiffies ?: 1;
	u32 last = READ_ONCE(*told);

	if (last && now - last < HZ)
		return false;
	return cmpxchg(told, last, now) == last;
}

void dash_event_limit(struct dash_eni *eni, enum dash_drop which)
{
	unsigned int i = which - DASH_DROP_CPS_LIMIT;
	struct dash_event_queue *q;
	void *hdr;
	int err;

	BUILD_BUG_ON(DASH_DROP_MAX_FLOWS - DASH_DROP_CPS_LIMIT + 1 !=
		     DASH_EVENT_LIMITS);
	if (i >= DASH_EVENT_LIMITS ||
	    !dash_nl_event_wanted(eni->dn, DASH_NLGRP_FLOWS) ||
	    !dash_event_is_news(&eni->limit_told[i]))
		return;
	q = &eni->dn->events->flows;
	err = dash_event_begin(q, DASH_EVENT_KIND_LIMIT, &hdr) ?:
	      nla_put_string(q->skb, DASH_A_EVENT_ENI, eni->name) ?:
	      nla_put_u32(q->skb, DASH_A_EVENT_REASON, which);
	dash_event_end(q, hdr, err);
}

/* Before that, parsing or looking for the VIP may have failed. */
bool dash_pkt_is_parsed(const struct dash_pkt *pkt, enum dash_drop reason)
{
	return pkt->eni || reason == DASH_DROP_NO_ENI;
}

static int dash_put_dropped(struct sk_buff *skb, const struct dash_pkt *pkt,
			    enum dash_drop reason)
{
	int err;

	err = nla_put_u32(skb, DASH_A_EVENT_REASON, reason) ?:
	      dash_nl_put_addr(skb, DASH_A_EVENT_PA, &pkt->outer.saddr) ?:
	      nla_put_string(skb, DASH_A_EVENT_PORT, pkt->port->dev->name);
	if (err || !dash_pkt_is_parsed(pkt, reason))
		return err;
	err = dash_put_tuple(skb, pkt->eni, pkt->dir, &pkt->t) ?:
	      nla_put_u32(skb, DASH_A_EVENT_VNI, pkt->outer.vni);
	if (err || reason != DASH_DROP_ACL_DENY)
		return err;
	/* of the packet's own direction, so not of one of a known connection */
	return dash_put_deciding(skb, pkt, false);
}

void dash_event_drop(const struct dash_pkt *pkt, enum dash_drop reason)
{
	struct dash_event_queue *q = &pkt->dn->events->drops;
	void *hdr;
	int err;

	if (!dash_nl_event_wanted(pkt->dn, DASH_NLGRP_DROPS))
		return;
	err = dash_event_begin(q, DASH_EVENT_KIND_DROP, &hdr) ?:
	      dash_put_dropped(q->skb, pkt, reason);
	dash_event_end(q, hdr, err);
}
