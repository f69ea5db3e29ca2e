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

/**
 * struct cls_event - a range begins, or has ended just before
 */
struct cls_event {
	/** @next: number of another event at the same port, or CLS_NO_ID */
	u32 next;
	/** @rule: the range's rule */
	u32 rule;
	/** @step: 1 if it begins, -1 if it has ended */
	s32 step;
};

#define CLS_PORTS 65536

static const struct dash_port_range *
cls_rule_ports(const struct dash_cls_rule *r, bool dst, u32 *n)
{
	*n = dst ? r->n_dport : r->n_sport;
	return dst ? r->dport : r->sport;
}

/* Put a rule without ports into scratch, count and check the ranges. */
static int cls_scan_ports(struct cls_build *b, bool dst, u32 *total)
{
	const struct dash_port_range *range;
	u64 sum = 0;
	u32 rule, n;

	memset(b->scratch, 0, b->n_words * sizeof(*b->scratch));
	for (rule = 0; rule < b->n_rules; rule++) {
		range = cls_rule_ports(&b->rules[rule], dst, &n);
		if (!n)
			cls_set_bit(b->scratch, rule);
		sum += n;
		if (sum > DASH_CLS_MAX_PORT_RANGES)
			return -E2BIG;
		for (; n; n--, range++)
			if (range->lo > range->hi)
				return -EINVAL;
	}
	*total = sum;
	return 0;
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
				used += head[port] == CLS_NO_ID;
				ev[n_ev].next = head[port];
				ev[n_ev].rule = rule;
				ev[n_ev].step = i ? -1 : 1;
				head[port] = n_ev++;
			}
		}
		if (rule % CLS_CHUNK == 0)
			cond_resched();
	}
	return used;
}

/* Sweep over the ports; scratch holds the rules without ports. */
static int cls_sweep_ports(struct cls_build *b, struct cls_ports *ports,
			   const u32 *head, const struct cls_event *ev,
			   s32 *open)
{
	u32 port, i, id, rule;
	int err;

	for (port = 0; port < CLS_PORTS; port++) {
		if (port && head[port] == CLS_NO_ID)
			continue;
		for (i = head[port]; i != CLS_NO_ID; i = ev[i].next) {
			/* ranges of one rule may overlap */
			rule = ev[i].rule;
			open[rule] += ev[i].step;
			if (open[rule])
				cls_set_bit(b->scratch, rule);
			else
				cls_clear_bit(b->scratch, rule);
		}
		err = dash_cls_class_intern(b, &id);
		if (err)
			return err;
		/* adjacent ranges of one rule make no difference */
		if (ports->n && ports->class[ports->n - 1] == id)
			continue;
		ports->lo[ports->n] = port;
		ports->class[ports->n] = id;
		if (++ports->n % CLS_CHUNK == 0)
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
 * Return: 0, -EINVAL, -E2BIG or -ENOMEM.
 */
int dash_cls_port_build(struct cls_build *b, bool dst)
{
	struct cls_ports *ports = dst ? &b->cls->dport : &b->cls->sport;
	struct cls_event *ev;
	u32 *head, total;
	s32 *open;
	int err;

	err = cls_scan_ports(b, dst, &total);
	if (err)
		return err;
	err = dash_cls_class_intern(b, &ports->none);
	if (err || !total)
		return err;

	head = kvmalloc_array(CLS_PORTS, sizeof(*head), GFP_KERNEL);
	ev = kvmalloc_array(total, 2 * sizeof(*ev), GFP_KERNEL);
	open = kvcalloc(b->n_rules, sizeof(*open), GFP_KERNEL);
	err = -ENOMEM;
	if (!head || !ev || !open)
		goto out_free;

	/* one more for port 0, where the first interval begins */
	ports->max = cls_chain_events(b, dst, head, ev) + 1;
	ports->lo = kvmalloc_array(ports->max, sizeof(*ports->lo), b->gfp);
	ports->class = kvmalloc_array(ports->max, sizeof(*ports->class),
				      b->gfp);
	if (!ports->lo || !ports->class)
		goto out_free;
	err = cls_sweep_ports(b, ports, head, ev, open);
out_free:
	kvfree(open);
	kvfree(ev);
	kvfree(head);
	return err;
}
