// SPDX-License-Identifier: GPL-2.0
/*
 * Ports of one direction compiled: ranges -> intervals of classes. See
 * classifier.c for the theory of operation.
 */

#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "classifier_impl.h"

/* CLS_NO_EVENT: end of a list of events */
#define CLS_NO_EVENT U32_MAX

/**
 * struct cls_event - a range begins, or has ended just before
 */
struct cls_event {
	/** @next: number of another event at the same port, or CLS_NO_EVENT */
	u32 next;
	/** @slot: the range's rule */
	u16 slot;
	/** @step: 1 if it begins, -1 if it has ended */
	s16 step;
};

#define CLS_PORTS 65536
#define CLS_RANKS (CLS_PORTS / 32)

static const struct dash_port_range *
cls_rule_ports(const struct dash_cls_rule *r, bool dst, u32 *n)
{
	*n = dst ? r->n_dport : r->n_sport;
	return dst ? r->dport : r->sport;
}

/* Chain the events of each port; return how many ports have some. */
static u32 cls_chain_events(struct cls_build *b, bool dst, u32 *head,
			    struct cls_event *ev)
{
	const struct dash_port_range *range;
	u32 rule, n, n_ev = 0, used = 0, i, port;

	memset(head, 0xff, CLS_PORTS * sizeof(*head));
	for (rule = 0; rule < b->n_rules; rule++) {
		range = cls_rule_ports(&b->rules[rule], dst, &n);
		for (; n; n--, range++) {
			for (i = 0; i < 2; i++) {
				port = i ? range->hi + 1 : range->lo;
				if (port == CLS_PORTS)
					continue;
				used += head[port] == CLS_NO_EVENT;
				ev[n_ev].next = head[port];
				ev[n_ev].slot = b->slot[rule];
				ev[n_ev].step = i ? -1 : 1;
				head[port] = n_ev++;
			}
		}
		if (rule % CLS_CHUNK == 0)
			cond_resched();
	}
	return used;
}

/* Sweep over the ports, scratch being the ranges that are open. */
static int cls_sweep_ports(struct cls_build *b, struct cls_ports *ports,
			   const u32 *head, const struct cls_event *ev,
			   u32 *open)
{
	size_t limit = b->used + DASH_CLS_MAX_PORT_BYTES / sizeof(u64);
	u32 n = 0;
	u32 port, i, class;
	int err;

	memset(b->scratch, 0, sizeof(b->scratch));
	for (port = 0; port < CLS_PORTS; port++) {
		if (port % 32 == 0)
			ports->rank[port / 32] = (u64)n << 32;
		if (port && head[port] == CLS_NO_EVENT)
			continue;
		for (i = head[port]; i != CLS_NO_EVENT; i = ev[i].next) {
			/* ranges of one rule may overlap */
			open[ev[i].slot] += ev[i].step;
			if (open[ev[i].slot])
				cls_set_bit(b->scratch, ev[i].slot);
			else
				cls_clear_bit(b->scratch, ev[i].slot);
		}
		dash_cls_class_pack(b);
		err = dash_cls_class_intern(b, &class);
		if (err)
			return err;
		if (b->used > limit)
			return dash_cls_fail(b, -E2BIG,
					"the port ranges overlap in too many ways");
		/* adjacent ranges of one rule make no difference */
		if (n && ports->class[n - 1] == class)
			continue;
		ports->rank[port / 32] |= BIT_ULL(port % 32);
		ports->class[n++] = class;
		if (n % CLS_CHUNK == 0)
			cond_resched();
	}
	return 0;
}

/**
 * dash_cls_port_build() - compile the ports of one direction
 * @b: compiler
 * @dst: the destination ports, not the source ports
 *
 * Context: Process context, may sleep.
 * Return: 0, -E2BIG or -ENOMEM.
 */
int dash_cls_port_build(struct cls_build *b, bool dst)
{
	struct cls_ports *ports = dst ? &b->cls->dport : &b->cls->sport;
	u32 *head, *open, total = b->n_port[dst], n;
	struct cls_event *ev;
	int err = -ENOMEM;

	if (!total)
		return 0;
	head = kvmalloc_array(CLS_PORTS, sizeof(*head), GFP_KERNEL);
	ev = kvmalloc_array(total, 2 * sizeof(*ev), GFP_KERNEL);
	open = kvcalloc(b->n_words * 64, sizeof(*open), GFP_KERNEL);
	if (!head || !ev || !open)
		goto out_free;

	/* one more for port 0, where the first interval begins */
	n = cls_chain_events(b, dst, head, ev) + 1;
	ports->rank = kvmalloc_array(CLS_RANKS, sizeof(*ports->rank), b->gfp);
	ports->class = kvmalloc_array(n, sizeof(*ports->class), b->gfp);
	if (!ports->rank || !ports->class)
		goto out_free;
	b->ports += CLS_RANKS * sizeof(*ports->rank) +
		    n * sizeof(*ports->class);
	err = cls_sweep_ports(b, ports, head, ev, open);
out_free:
	kvfree(open);
	kvfree(ev);
	kvfree(head);
	return err;
}
