// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of dash/tcp.c: sequences of segments and the states after each.
 */
#include <kunit/test.h>
#include <linux/dash.h>
#include <linux/string.h>

#include "tcp.h"

#define F	DASH_TCP_FIN
#define S	DASH_TCP_SYN
#define R	DASH_TCP_RST
#define A	DASH_TCP_ACK
#define FA	(F | A)
#define SA	(S | A)
#define RA	(R | A)

#define SYN_SENT	DASH_FLOW_STATE_SYN_SENT
#define SYN_RECV	DASH_FLOW_STATE_SYN_RECV
#define ESTABLISHED	DASH_FLOW_STATE_ESTABLISHED
#define FIN		DASH_FLOW_STATE_FIN
#define TIMEWAIT	DASH_FLOW_STATE_TIME_WAIT
#define CLOSED		DASH_FLOW_STATE_CLOSED

/* Stands for a segment that ends the connection at once. */
#define END		0xff
/* No segment was seen yet. */
#define NONE		0xfe

/* Who sent a segment: initiator or peer. */
#define I	0
#define P	1

#define MAX_STEPS	24

struct tcp_step {
	u8 dir;
	u8 flags;
	/* relative to the initial numbers of the sender and the other */
	u32 seq, ack;
	u32 len;
	u16 win;
	/* 0 is no option, else the shift + 1 */
	u8 scale;
	/* state after it */
	u8 want;
};

/* What comes before the steps of a case. */
enum tcp_before {
	NOTHING,
	HANDSHAKE,
	/* with shifts 7 and 4 */
	SCALED,
};

struct tcp_case {
	const char *name;
	enum tcp_before before;
	struct tcp_step step[MAX_STEPS];
};

#define SYN_STEP	{ I, S, 0, 0, 0, 1000, 0, SYN_SENT }
#define SYN_ACK_STEP	{ P, SA, 0, 1, 0, 2000, 0, SYN_RECV }
#define ACK_STEP	{ I, A, 1, 1, 0, 1000, 0, ESTABLISHED }
static const struct tcp_step tcp_handshake[] = {
	SYN_STEP, SYN_ACK_STEP, ACK_STEP,
};

static const struct tcp_step tcp_scaled[] = {
	{ I, S, 0, 0, 0, 1000, 8, SYN_SENT },
	{ P, SA, 0, 1, 0, 2000, 5, SYN_RECV },
	{ I, A, 1, 1, 0, 10, 0, ESTABLISHED },
	{ P, A, 1, 1, 0, 20, 0, ESTABLISHED },
};

static const struct tcp_case tcp_cases[] = {
	{ "handshake", HANDSHAKE, {} },
	{ "handshake with retransmissions", NOTHING, {
		SYN_STEP, SYN_STEP, SYN_ACK_STEP,
		{ I, S, 0, 0, 0, 1000, 0, SYN_RECV }, SYN_ACK_STEP, ACK_STEP,
		{ P, SA, 0, 1, 0, 2000, 0, ESTABLISHED }, ACK_STEP } },
	{ "data as the handshake's ACK", NOTHING, {
		SYN_STEP, SYN_ACK_STEP,
		{ I, A, 1, 1, 100, 1000, 0, ESTABLISHED } } },
	{ "responder's data before the ACK", NOTHING, {
		SYN_STEP, SYN_ACK_STEP,
		{ P, A, 1, 1, 100, 2000, 0, SYN_RECV }, ACK_STEP } },
	{ "data in SYN and SYN-ACK", NOTHING, {
		{ I, S, 0, 0, 10, 1000, 0, SYN_SENT },
		{ P, SA, 0, 11, 5, 2000, 0, SYN_RECV },
		{ I, A, 11, 6, 0, 1000, 0, ESTABLISHED },
		{ I, F, 11, 6, 0, 1000, 0, ESTABLISHED } } },
	{ "ACK of an old connection does not open", NOTHING, {
		SYN_STEP, { P, A, 77, 12345, 0, 2000, 0, SYN_SENT },
		{ I, A, 1, 1, 0, 1000, 0, SYN_SENT },
		SYN_ACK_STEP, ACK_STEP,
		{ I, R, 1, 0, 0, 0, 0, CLOSED } } },
	{ "SYN-ACK of the initiator does not open", NOTHING, {
		SYN_STEP, { I, SA, 0, 1, 0, 1000, 0, SYN_SENT } } },
	{ "simultaneous open", NOTHING, {
		SYN_STEP, { P, S, 0, 0, 0, 2000, 0, SYN_SENT },
		{ I, SA, 0, 1, 0, 1000, 0, SYN_SENT },
		{ P, SA, 0, 1, 0, 2000, 0, SYN_RECV },
		{ I, A, 1, 1, 0, 1000, 0, ESTABLISHED } } },
	{ "simultaneous open, other order", NOTHING, {
		SYN_STEP, { P, S, 0, 0, 0, 2000, 0, SYN_SENT },
		{ P, SA, 0, 1, 0, 2000, 0, SYN_RECV },
		{ I, SA, 0, 1, 0, 1000, 0, ESTABLISHED } } },
	{ "SYN on a live connection changes nothing", HANDSHAKE, {
		{ I, S, 500000, 0, 0, 1000, 0, ESTABLISHED },
		{ P, S, 500000, 0, 0, 1000, 0, ESTABLISHED },
		{ P, SA, 500000, 500000, 0, 1000, 0, ESTABLISHED },
		{ I, R, 500000, 0, 0, 0, 0, ESTABLISHED },
		{ I, R, 1, 0, 0, 0, 0, CLOSED } } },

	{ "close by the initiator", HANDSHAKE, {
		{ I, FA, 1, 1, 0, 1000, 0, ESTABLISHED },
		{ P, A, 1, 2, 0, 2000, 0, ESTABLISHED },
		{ P, FA, 1, 2, 0, 2000, 0, FIN },
		{ I, A, 2, 2, 0, 1000, 0, TIMEWAIT } } },
	{ "close by the responder", HANDSHAKE, {
		{ P, FA, 1, 1, 0, 2000, 0, ESTABLISHED },
		{ I, FA, 1, 2, 0, 1000, 0, FIN },
		{ P, A, 2, 2, 0, 2000, 0, TIMEWAIT } } },
	{ "half-closed carries data on", HANDSHAKE, {
		{ I, FA, 1, 1, 0, 1000, 0, ESTABLISHED },
		{ P, A, 1, 2, 1000, 2000, 0, ESTABLISHED },
		{ I, A, 2, 1001, 0, 1000, 0, ESTABLISHED },
		{ P, FA, 1001, 2, 500, 2000, 0, FIN },
		{ I, A, 2, 1001, 0, 1000, 0, FIN },
		{ I, A, 2, 1501, 0, 1000, 0, FIN },
		{ I, A, 2, 1502, 0, 1000, 0, TIMEWAIT } } },
	{ "bare FIN", HANDSHAKE, {
		{ I, F, 1, 0, 0, 1000, 0, ESTABLISHED },
		{ P, F, 1, 0, 0, 2000, 0, FIN },
		{ I, A, 2, 2, 0, 1000, 0, TIMEWAIT } } },
	{ "retransmitted FIN is no second one", HANDSHAKE, {
		{ I, FA, 1, 1, 0, 1000, 0, ESTABLISHED },
		{ I, FA, 1, 1, 0, 1000, 0, ESTABLISHED },
		{ P, FA, 1, 2, 0, 2000, 0, FIN },
		{ P, FA, 1, 2, 0, 2000, 0, FIN },
		{ I, FA, 1, 1, 0, 1000, 0, FIN },
		{ I, A, 2, 2, 0, 1000, 0, TIMEWAIT },
		{ P, FA, 1, 2, 0, 2000, 0, TIMEWAIT },
		{ I, A, 2, 2, 0, 1000, 0, TIMEWAIT } } },
	{ "simultaneous close", HANDSHAKE, {
		{ I, FA, 1, 1, 0, 1000, 0, ESTABLISHED },
		{ P, FA, 1, 1, 0, 2000, 0, FIN },
		{ P, A, 2, 2, 0, 2000, 0, FIN },
		{ I, A, 2, 2, 0, 1000, 0, TIMEWAIT } } },
	{ "simultaneous close, FIN again with the ACK", HANDSHAKE, {
		{ I, FA, 1, 1, 0, 1000, 0, ESTABLISHED },
		{ P, FA, 1, 1, 0, 2000, 0, FIN },
		{ I, FA, 1, 2, 0, 1000, 0, TIMEWAIT } } },
	{ "FIN with the handshake's ACK", NOTHING, {
		SYN_STEP, SYN_ACK_STEP,
		{ I, FA, 1, 1, 0, 1000, 0, ESTABLISHED },
		{ P, FA, 1, 2, 0, 2000, 0, FIN } } },
	{ "responder closes before the ACK", NOTHING, {
		SYN_STEP, SYN_ACK_STEP, { P, FA, 1, 1, 0, 2000, 0, SYN_RECV },
		ACK_STEP, { I, FA, 1, 2, 0, 1000, 0, FIN } } },
	{ "responder closes, ACK and FIN in one", NOTHING, {
		SYN_STEP, SYN_ACK_STEP, { P, FA, 1, 1, 0, 2000, 0, SYN_RECV },
		{ I, FA, 1, 2, 0, 1000, 0, FIN },
		{ P, A, 2, 2, 0, 2000, 0, TIMEWAIT } } },

	{ "FIN in SYN-sent ends", NOTHING, { SYN_STEP, { I, F, 1, 0, 0, 0, 0, END } } },
	{ "FIN-ACK in SYN-sent ends", NOTHING, {
		SYN_STEP, { P, FA, 1, 1, 0, 0, 0, END } } },
	{ "RST in SYN-sent ends", NOTHING, {
		SYN_STEP, { P, RA, 0, 1, 0, 0, 0, END } } },
	{ "initiator's RST in SYN-sent ends", NOTHING, {
		SYN_STEP, { I, R, 1, 0, 0, 0, 0, END } } },
	{ "initiator's RST in SYN-recv: in the window", NOTHING, {
		SYN_STEP, SYN_ACK_STEP, { I, R, 2001, 0, 0, 0, 0, SYN_RECV },
		{ I, R, 2000, 0, 0, 0, 0, CLOSED } } },
	{ "responder's RST in SYN-recv: the expected one", NOTHING, {
		SYN_STEP, SYN_ACK_STEP, { P, RA, 2, 1, 0, 0, 0, SYN_RECV },
		{ P, RA, 0, 1, 0, 0, 0, SYN_RECV },
		{ P, RA, 1, 1, 0, 0, 0, CLOSED } } },

	{ "RST at the left edge", HANDSHAKE, {
		{ P, R, 0, 0, 0, 0, 0, ESTABLISHED },
		{ P, R, 1, 0, 0, 0, 0, CLOSED } } },
	{ "RST at the right edge", HANDSHAKE, {
		{ P, R, 1001, 0, 0, 0, 0, ESTABLISHED },
		{ P, R, 1000, 0, 0, 0, 0, CLOSED } } },
	{ "RST far away", HANDSHAKE, {
		{ P, R, 0x80000000, 0, 0, 0, 0, ESTABLISHED },
		{ P, R, 0xfffffff0, 0, 0, 0, 0, ESTABLISHED },
		{ I, R, 0x80000001, 0, 0, 0, 0, ESTABLISHED } } },
	{ "RST with a closed window: exactly the next", HANDSHAKE, {
		{ I, A, 1, 1, 0, 0, 0, ESTABLISHED },
		{ P, R, 2, 0, 0, 0, 0, ESTABLISHED },
		{ P, R, 0, 0, 0, 0, 0, ESTABLISHED },
		{ P, R, 1, 0, 0, 0, 0, CLOSED } } },
	{ "RST: the window moves with the ACKs", HANDSHAKE, {
		{ P, A, 1, 1, 500, 2000, 0, ESTABLISHED },
		{ I, A, 1, 501, 0, 300, 0, ESTABLISHED },
		{ P, R, 500, 0, 0, 0, 0, ESTABLISHED },
		{ P, R, 801, 0, 0, 0, 0, ESTABLISHED },
		{ P, R, 800, 0, 0, 0, 0, CLOSED } } },
	{ "RST: an old ACK does not move the window back", HANDSHAKE, {
		{ I, A, 1, 501, 0, 300, 0, ESTABLISHED },
		{ I, A, 1, 1, 0, 5000, 0, ESTABLISHED },
		{ P, R, 500, 0, 0, 0, 0, ESTABLISHED },
		{ P, R, 801, 0, 0, 0, 0, ESTABLISHED },
		{ P, R, 501, 0, 0, 0, 0, CLOSED } } },
	{ "RST: its own numbers count for nothing", HANDSHAKE, {
		{ P, RA, 5000, 900, 0, 60000, 0, ESTABLISHED },
		{ I, R, 1, 0, 0, 0, 0, CLOSED } } },
	{ "RST in FIN", HANDSHAKE, {
		{ I, FA, 1, 1, 0, 1000, 0, ESTABLISHED },
		{ P, FA, 1, 2, 0, 2000, 0, FIN },
		{ I, R, 5000, 0, 0, 0, 0, FIN },
		{ I, R, 2, 0, 0, 0, 0, CLOSED } } },
	{ "closed and time-wait are the end", HANDSHAKE, {
		{ I, R, 1, 0, 0, 0, 0, CLOSED },
		{ I, S, 1, 0, 0, 0, 0, CLOSED },
		{ P, A, 1, 1, 0, 2000, 0, CLOSED },
		{ P, FA, 1, 1, 0, 2000, 0, CLOSED },
		{ I, FA, 1, 2, 0, 2000, 0, CLOSED } } },
	{ "RST in time-wait", HANDSHAKE, {
		{ I, FA, 1, 1, 0, 1000, 0, ESTABLISHED },
		{ P, FA, 1, 2, 0, 2000, 0, FIN },
		{ I, A, 2, 2, 0, 1000, 0, TIMEWAIT },
		{ P, R, 2, 0, 0, 0, 0, TIMEWAIT } } },

	{ "scaled: initiator's window of 10 << 7", SCALED, {
		{ P, R, 1281, 0, 0, 0, 0, ESTABLISHED },
		{ P, R, 1280, 0, 0, 0, 0, CLOSED } } },
	{ "scaled: responder's window of 20 << 4", SCALED, {
		{ I, R, 321, 0, 0, 0, 0, ESTABLISHED },
		{ I, R, 320, 0, 0, 0, 0, CLOSED } } },
	{ "scaled: not the SYN-ACK's own window", NOTHING, {
		{ I, S, 0, 0, 0, 1000, 8, SYN_SENT },
		{ P, SA, 0, 1, 0, 2000, 5, SYN_RECV },
		{ I, R, 2001, 0, 0, 0, 0, SYN_RECV },
		{ I, R, 2000, 0, 0, 0, 0, CLOSED } } },
	{ "scaled: a shift of 0 counts as option", NOTHING, {
		{ I, S, 0, 0, 0, 1000, 8, SYN_SENT },
		{ P, SA, 0, 1, 0, 2000, 1, SYN_RECV },
		{ I, A, 1, 1, 0, 10, 0, ESTABLISHED },
		{ P, R, 1281, 0, 0, 0, 0, ESTABLISHED },
		{ P, R, 1280, 0, 0, 0, 0, CLOSED } } },
	{ "scaled: only the initiator offers", NOTHING, {
		{ I, S, 0, 0, 0, 1000, 8, SYN_SENT },
		{ P, SA, 0, 1, 0, 2000, 0, SYN_RECV },
		{ I, A, 1, 1, 0, 10, 0, ESTABLISHED },
		{ P, R, 11, 0, 0, 0, 0, ESTABLISHED },
		{ P, R, 10, 0, 0, 0, 0, CLOSED } } },
	{ "scaled: only the responder offers", NOTHING, {
		{ I, S, 0, 0, 0, 1000, 0, SYN_SENT },
		{ P, SA, 0, 1, 0, 2000, 8, SYN_RECV },
		{ I, A, 1, 1, 0, 10, 0, ESTABLISHED },
		{ P, A, 1, 1, 0, 20, 0, ESTABLISHED },
		{ I, R, 21, 0, 0, 0, 0, ESTABLISHED },
		{ I, R, 20, 0, 0, 0, 0, CLOSED } } },
	{ "scaled: at most 14", NOTHING, {
		{ I, S, 0, 0, 0, 1000, 101, SYN_SENT },
		{ P, SA, 0, 1, 0, 2000, 1, SYN_RECV },
		{ I, A, 1, 1, 0, 1, 0, ESTABLISHED },
		{ P, R, 0x4001, 0, 0, 0, 0, ESTABLISHED },
		{ P, R, 0x4000, 0, 0, 0, 0, CLOSED } } },

	{ "loose: starts established", NOTHING, {
		{ I, A, 100, 200, 50, 1000, 0, ESTABLISHED },
		{ P, A, 200, 150, 10, 1000, 0, ESTABLISHED },
		{ I, FA, 150, 210, 0, 1000, 0, ESTABLISHED },
		{ P, FA, 210, 151, 0, 1000, 0, FIN },
		{ I, A, 151, 211, 0, 1000, 0, TIMEWAIT } } },
	{ "loose: from a FIN", NOTHING, {
		{ I, FA, 100, 200, 0, 1000, 0, ESTABLISHED },
		{ P, FA, 200, 101, 0, 1000, 0, FIN } } },
	{ "loose: RST before the peer's first ACK is the expected one", NOTHING, {
		{ I, A, 100, 200, 50, 1000, 0, ESTABLISHED },
		{ I, R, 100, 0, 0, 0, 0, ESTABLISHED },
		{ I, R, 151, 0, 0, 0, 0, ESTABLISHED },
		{ I, R, 150, 0, 0, 0, 0, CLOSED } } },
	{ "loose: RST of the responder, in the window", NOTHING, {
		{ I, A, 100, 200, 50, 1000, 0, ESTABLISHED },
		{ P, R, 1200, 0, 0, 0, 0, ESTABLISHED },
		{ P, R, 1199, 0, 0, 0, 0, CLOSED } } },
	{ "loose: nothing is known of the other side", NOTHING, {
		{ I, F, 100, 0, 0, 1000, 0, ESTABLISHED },
		{ P, R, 0, 0, 0, 0, 0, ESTABLISHED } } },
};

/* Initial sequence numbers that make all of the above wrap somewhere. */
static const u32 tcp_isn[][2] = {
	{ 0, 0 },
	{ 0x12345678, 0x9abcdef0 },
	{ 0xffffffff, 0xffffffff },
	{ 0x7fffffff, 0x80000000 },
	{ 0xfffffc17, 0xfffffffe },
	{ 0x80000000, 0xfffff800 },
};

static void tcp_case_desc(const struct tcp_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(tcp_case, tcp_cases, tcp_case_desc);

/* One segment. Return: false when it ended the connection. */
static bool tcp_step(struct kunit *test, struct dash_tcp *tcp, u8 *state,
		     const struct tcp_step *s, const u32 *isn)
{
	struct dash_tcp_seg seg = {
		.seq = isn[s->dir] + s->seq,
		.ack = s->flags & A ? isn[!s->dir] + s->ack : s->ack,
		.len = s->len,
		.win = s->win,
		.flags = s->flags,
		.wscale = s->scale - 1,
	};
	bool end = true;

	/* the first packet of a connection goes both ways */
	if (*state == NONE)
		*state = dash_tcp_open(tcp, &seg);
	*state = dash_tcp_advance(tcp, *state, &seg, s->dir, &end);
	KUNIT_EXPECT_EQ(test, end, s->want == END);
	if (end)
		return false;
	KUNIT_EXPECT_EQ_MSG(test, *state, s->want, "isn %x %x, seq %d",
			    isn[0], isn[1], s->seq);
	return true;
}

static void tcp_run(struct kunit *test, const struct tcp_case *c,
		    const u32 *isn)
{
	struct dash_tcp tcp;
	u8 state = NONE;
	int i;

	/* dash_tcp_open() must leave nothing of what was there */
	memset(&tcp, 0xa5, sizeof(tcp));
	if (c->before == HANDSHAKE)
		for (i = 0; i < ARRAY_SIZE(tcp_handshake); i++)
			tcp_step(test, &tcp, &state, &tcp_handshake[i], isn);
	if (c->before == SCALED)
		for (i = 0; i < ARRAY_SIZE(tcp_scaled); i++)
			tcp_step(test, &tcp, &state, &tcp_scaled[i], isn);
	for (i = 0; i < MAX_STEPS && c->step[i].flags; i++)
		if (!tcp_step(test, &tcp, &state, &c->step[i], isn))
			return;
}

static void tcp_test_sequences(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(tcp_isn); i++)
		tcp_run(test, test->param_value, tcp_isn[i]);
}

/* Only a plain segment may go without the lock. */
static void tcp_test_plain(struct kunit *test)
{
	int flags;

	for (flags = 0; flags < 256; flags++)
		KUNIT_EXPECT_EQ(test, dash_tcp_is_plain(flags),
				!(flags & S) && !(flags & F) && !(flags & R));
}

static void tcp_test_flags(struct kunit *test)
{
	int flags;

	for (flags = 0; flags < 256; flags++) {
		int n = !!(flags & S) + !!(flags & F) + !!(flags & R);

		KUNIT_EXPECT_EQ(test, dash_tcp_flags_valid(flags),
				n == 1 || (n == 0 && flags & A));
		KUNIT_EXPECT_EQ(test, dash_tcp_is_syn(flags),
				n == 1 && flags & S && !(flags & A));
	}
}

/* A connection that transfers more than the numbers can count. */
static void tcp_test_long(struct kunit *test)
{
	struct dash_tcp_seg seg = { .flags = A, .win = 1000, .wscale = -1 };
	u8 state = ESTABLISHED;
	struct dash_tcp tcp;
	bool end;
	int i;

	dash_tcp_open(&tcp, &seg);
	for (i = 0; i < 20; i++) {
		seg.len = 0x20000000;
		state = dash_tcp_advance(&tcp, state, &seg, I, &end);
		swap(seg.seq, seg.ack);
		seg.ack += seg.len;
		seg.len = 0;
		state = dash_tcp_advance(&tcp, state, &seg, P, &end);
		swap(seg.seq, seg.ack);
	}
	KUNIT_EXPECT_EQ(test, state, ESTABLISHED);
	seg.flags = R;
	seg.seq += 1000;
	KUNIT_EXPECT_EQ(test, dash_tcp_advance(&tcp, state, &seg, I, &end),
			ESTABLISHED);
	seg.seq -= 1;
	KUNIT_EXPECT_EQ(test, dash_tcp_advance(&tcp, state, &seg, I, &end),
			CLOSED);
}

static struct kunit_case tcp_kunit_cases[] = {
	KUNIT_CASE_PARAM(tcp_test_sequences, tcp_case_gen_params),
	KUNIT_CASE(tcp_test_plain),
	KUNIT_CASE(tcp_test_flags),
	KUNIT_CASE(tcp_test_long),
	{}
};

static struct kunit_suite tcp_suite = {
	.name = "dash_tcp",
	.test_cases = tcp_kunit_cases,
};

kunit_test_suite(tcp_suite);
