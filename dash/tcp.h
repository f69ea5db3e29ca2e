/* SPDX-License-Identifier: GPL-2.0 */
/* TCP state of a connection, a pure function of the segments seen. */
#ifndef _DASH_TCP_H
#define _DASH_TCP_H

#include <linux/types.h>

#include "parse.h"

/**
 * struct dash_tcp_dir - what one direction's segments said
 */
struct dash_tcp_dir {
	/** @next: sequence number after the last byte seen */
	u32 next;
	/** @ack: last acknowledgment sent */
	u32 ack;
	/** @win: last window advertised, scaled */
	u32 win;
	/** @wscale: scale of its windows, 0 unless both ends scale */
	u8 wscale;
	/** @seen: @next is valid; a byte each, as some are set without lock */
	bool seen;
	/** @acked: @ack and @win are valid */
	bool acked;
	/** @scaled: its SYN had the window scale option */
	bool scaled;
	/** @fin: it sent a FIN */
	bool fin;
};

/**
 * struct dash_tcp - both directions of a TCP connection
 */
struct dash_tcp {
	/** @dir: [initiator, responder] */
	struct dash_tcp_dir dir[2];
	/** @fin_end: sequence number after the second FIN */
	u32 fin_end;
	/** @fin_dir: who sent the second FIN */
	u8 fin_dir;
};

/**
 * dash_tcp_flags_valid - is a combination of flags possible?
 * @flags: byte 13 of the header
 *
 * Return: false for none of SYN, FIN, RST, ACK, or two of SYN, FIN, RST.
 */
bool dash_tcp_flags_valid(u8 flags);

/**
 * dash_tcp_is_syn - may a segment open a connection?
 * @flags: byte 13 of the header
 *
 * Return: true for SYN without ACK, FIN, RST.
 */
static inline bool dash_tcp_is_syn(u8 flags)
{
	return (flags & (DASH_TCP_SYN | DASH_TCP_ACK | DASH_TCP_RST |
			 DASH_TCP_FIN)) == DASH_TCP_SYN;
}

/**
 * dash_tcp_is_plain - is a segment only data or an acknowledgment?
 * @flags: byte 13 of the header
 *
 * In the state established such a segment changes no state, so that
 * dash_tcp_advance() may be called without a lock.
 *
 * Return: whether it is.
 */
static inline bool dash_tcp_is_plain(u8 flags)
{
	return !(flags & (DASH_TCP_SYN | DASH_TCP_FIN | DASH_TCP_RST));
}

/**
 * dash_tcp_open - state after a connection's first segment
 * @tcp: filled
 * @seg: segment of the initiator
 *
 * Return: enum dash_flow_state: syn-sent, or established when it is no SYN.
 */
u8 dash_tcp_open(struct dash_tcp *tcp, const struct dash_tcp_seg *seg);

/**
 * dash_tcp_advance - state after a further segment
 * @tcp: updated
 * @state: enum dash_flow_state before
 * @seg: segment with valid flags
 * @dir: 0 from the initiator, 1 from the responder
 * @end: set to whether the connection ends at once with this segment
 *
 * Return: enum dash_flow_state after.
 */
u8 dash_tcp_advance(struct dash_tcp *tcp, u8 state,
		    const struct dash_tcp_seg *seg, int dir, bool *end);

#endif /* _DASH_TCP_H */
