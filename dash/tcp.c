// SPDX-License-Identifier: GPL-2.0
/*
 * TCP state of a connection.
 *
 *	  SYN          SYN|ACK of      ACK of          second   ACK of
 *	               responder       initiator       FIN      that
 *	------> syn_sent ---> syn_recv ---> established ---> fin ---> time_wait
 *	            |             |              |            |
 *	   FIN, RST |             `--------------+------------' RST in window
 *	            v                                           v
 *	        (removed)                                     closed
 *
 * What was seen is taken for what was received: segments that are lost after
 * us come again, and states only go forward. A window is never a reason to
 * drop a segment, it only keeps a forged RST from ending a connection.
 */
#include <linux/dash.h>
#include <linux/minmax.h>

#include "tcp.h"

/* RFC 7323, 2.3 */
#define TCP_MAX_SHIFT	14

static bool seq_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

/* Sequence number after the segment; SYN and FIN take one each. */
static u32 seg_end(const struct dash_tcp_seg *seg)
{
	return seg->seq + seg->len + !!(seg->flags & DASH_TCP_SYN) +
	       !!(seg->flags & DASH_TCP_FIN);
}

/* Segments may be reordered, so only what goes forward counts. Possibly
 * without lock, and mostly by one CPU per direction.
 */
static void tcp_note(struct dash_tcp_dir *d, const struct dash_tcp_seg *seg,
		     u8 wscale)
{
	u32 win = (u32)seg->win << wscale;
	u32 end = seg_end(seg);

	if (!d->seen || seq_before(d->next, end)) {
		WRITE_ONCE(d->next, end);
		if (!d->seen)
			WRITE_ONCE(d->seen, true);
	}

	if (!(seg->flags & DASH_TCP_ACK))
		return;
	if (d->acked && seq_before(seg->ack, d->ack))
		return;
	if (d->ack != seg->ack)
		WRITE_ONCE(d->ack, seg->ack);
	if (d->win != win)
		WRITE_ONCE(d->win, win);
	if (!d->acked)
		WRITE_ONCE(d->acked, true);
}

/* Windows in a SYN itself are never scaled. */
static void tcp_note_syn(struct dash_tcp_dir *d, const struct dash_tcp_seg *seg)
{
	tcp_note(d, seg, 0);
	d->scaled = seg->wscale >= 0;
	d->wscale = d->scaled ? min_t(u8, seg->wscale, TCP_MAX_SHIFT) : 0;
}

static u8 tcp_syn(struct dash_tcp *tcp, u8 state,
		  const struct dash_tcp_seg *seg, int dir)
{
	/* the initiator's SYN|ACK of a simultaneous open acknowledges too */
	if (state == DASH_FLOW_STATE_SYN_RECV && dir == 0 &&
	    seg->flags & DASH_TCP_ACK) {
		tcp_note(&tcp->dir[0], seg, 0);
		return DASH_FLOW_STATE_ESTABLISHED;
	}
	if (state != DASH_FLOW_STATE_SYN_SENT || dir == 0)
		return state;

	tcp_note_syn(&tcp->dir[1], seg);
	if (!(seg->flags & DASH_TCP_ACK))
		return state;
	if (!tcp->dir[0].scaled || !tcp->dir[1].scaled) {
		tcp->dir[0].wscale = 0;
		tcp->dir[1].wscale = 0;
	}
	return DASH_FLOW_STATE_SYN_RECV;
}

/* Would the receiver believe this RST? */
static bool tcp_rst_valid(const struct dash_tcp *tcp,
			  const struct dash_tcp_seg *seg, int dir)
{
	const struct dash_tcp_dir *peer = &tcp->dir[!dir];
	const struct dash_tcp_dir *d = &tcp->dir[dir];
	u32 win = READ_ONCE(peer->win);

	if (!peer->acked)
		return d->seen && seg->seq == READ_ONCE(d->next);
	/* a closed window takes exactly the next one */
	return seg->seq - READ_ONCE(peer->ack) < (win ?: 1);
}

bool dash_tcp_flags_valid(u8 flags)
{
	u8 kind = flags & (DASH_TCP_SYN | DASH_TCP_FIN | DASH_TCP_RST);

	/* at most one of the three, so no bit is left without the lowest */
	if (kind & (kind - 1))
		return false;
	return kind || flags & DASH_TCP_ACK;
}

u8 dash_tcp_open(struct dash_tcp *tcp, const struct dash_tcp_seg *seg)
{
	*tcp = (struct dash_tcp){};
	if (dash_tcp_is_syn(seg->flags)) {
		tcp_note_syn(&tcp->dir[0], seg);
		return DASH_FLOW_STATE_SYN_SENT;
	}

	tcp_note(&tcp->dir[0], seg, 0);
	tcp->dir[0].fin = seg->flags & DASH_TCP_FIN;
	return DASH_FLOW_STATE_ESTABLISHED;
}

u8 dash_tcp_advance(struct dash_tcp *tcp, u8 state,
		    const struct dash_tcp_seg *seg, int dir, bool *end)
{
	struct dash_tcp_dir *peer = &tcp->dir[!dir];
	struct dash_tcp_dir *d = &tcp->dir[dir];

	*end = false;
	if (state == DASH_FLOW_STATE_CLOSED ||
	    state == DASH_FLOW_STATE_TIME_WAIT)
		return state;

	if (state == DASH_FLOW_STATE_SYN_SENT &&
	    seg->flags & (DASH_TCP_FIN | DASH_TCP_RST)) {
		*end = true;
		return state;
	}
	if (seg->flags & DASH_TCP_RST)
		return tcp_rst_valid(tcp, seg, dir) ? DASH_FLOW_STATE_CLOSED :
						      state;
	if (seg->flags & DASH_TCP_SYN)
		return tcp_syn(tcp, state, seg, dir);
	/* e.g. the ACK of an end that still has the connection before */
	if (state == DASH_FLOW_STATE_SYN_SENT)
		return state;

	tcp_note(d, seg, d->wscale);
	if (state == DASH_FLOW_STATE_SYN_RECV && dir == 0 &&
	    seg->flags & DASH_TCP_ACK)
		state = DASH_FLOW_STATE_ESTABLISHED;

	if (seg->flags & DASH_TCP_FIN && !d->fin) {
		d->fin = true;
		if (peer->fin) {
			tcp->fin_dir = dir;
			tcp->fin_end = seg_end(seg);
			state = DASH_FLOW_STATE_FIN;
		}
	} else if (state == DASH_FLOW_STATE_FIN && dir != tcp->fin_dir &&
		   seg->flags & DASH_TCP_ACK &&
		   !seq_before(seg->ack, tcp->fin_end)) {
		state = DASH_FLOW_STATE_TIME_WAIT;
	}
	return state;
}
