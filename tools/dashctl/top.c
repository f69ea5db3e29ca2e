// SPDX-License-Identifier: GPL-2.0
/* top: what the ENIs do now, by differences of their counters. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "nl.h"
#include "print.h"

/* What an ENI did per second. */
struct rate {
	const char *eni;
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, drops, created;
	uint64_t flows;		/* there are */
};

static const char * const orders[] = { "packets", "bytes", "drops", NULL };

static uint64_t order_of(const struct rate *r, const char *order)
{
	if (!strcmp(order, "bytes"))
		return r->rx_bytes + r->tx_bytes;
	if (!strcmp(order, "drops"))
		return r->drops;
	return r->rx_packets + r->tx_packets;
}

static int compare(const void *a, const void *b, void *order)
{
	uint64_t x = order_of(a, order), y = order_of(b, order);

	if (x != y)
		return x < y ? 1 : -1;
	return strcmp(((const struct rate *)a)->eni, ((const struct rate *)b)->eni);
}

static uint64_t sum(struct json_object *eni, const char *name)
{
	return member_number(member(eni, "outbound"), name) +
	       member_number(member(eni, "inbound"), name);
}

static uint64_t sum_drops(struct json_object *eni)
{
	return sum(eni, "rx_packets") - sum(eni, "tx_packets");
}

static struct json_object *find_eni(struct json_object *enis, const char *name)
{
	size_t i;

	for (i = 0; enis && i < json_object_array_length(enis); i++) {
		struct json_object *o = json_object_array_get_idx(enis, i);

		if (!strcmp(member_text(o, "eni"), name))
			return o;
	}
	return NULL;
}

/* Per second; an ENI that was replaced begins with 0 again. */
static uint64_t per_second(uint64_t now, uint64_t was, double seconds)
{
	return now < was ? 0 : (now - was) / seconds + 0.5;
}

static void fill(struct rate *r, struct json_object *now, struct json_object *was, double seconds)
{
	r->eni = member_text(now, "eni");
	/* One that is new has nothing to be compared with yet. */
	if (!was)
		was = now;
	r->rx_packets = per_second(sum(now, "rx_packets"), sum(was, "rx_packets"), seconds);
	r->rx_bytes = per_second(sum(now, "rx_bytes"), sum(was, "rx_bytes"), seconds);
	r->tx_packets = per_second(sum(now, "tx_packets"), sum(was, "tx_packets"), seconds);
	r->tx_bytes = per_second(sum(now, "tx_bytes"), sum(was, "tx_bytes"), seconds);
	r->drops = per_second(sum_drops(now), sum_drops(was), seconds);
	r->created = per_second(member_number(member(now, "flows"), "created"),
				member_number(member(was, "flows"), "created"), seconds);
	r->flows = member_number(member(now, "flows"), "current");
}

static void print_doc(const struct rate *rate, size_t n, double seconds)
{
	struct json_object *doc = json_object_new_object(), *list = json_object_new_array(), *o;
	size_t i;

	json_object_object_add(doc, "seconds", json_object_new_double(seconds));
	json_object_object_add(doc, "enis", list);
	for (i = 0; i < n; i++) {
		const struct rate *r = &rate[i];

		o = json_object_new_object();
		json_object_object_add(o, "eni", json_object_new_string(r->eni));
		json_object_object_add(o, "rx_packets", json_object_new_uint64(r->rx_packets));
		json_object_object_add(o, "rx_bytes", json_object_new_uint64(r->rx_bytes));
		json_object_object_add(o, "tx_packets", json_object_new_uint64(r->tx_packets));
		json_object_object_add(o, "tx_bytes", json_object_new_uint64(r->tx_bytes));
		json_object_object_add(o, "drops", json_object_new_uint64(r->drops));
		json_object_object_add(o, "created", json_object_new_uint64(r->created));
		json_object_object_add(o, "flows", json_object_new_uint64(r->flows));
		json_object_array_add(list, o);
	}
	print_json(doc);
	json_object_put(doc);
}

static void print_table(const struct rate *rate, size_t n)
{
	size_t i;

	if (isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	printf("%-20s %11s %14s %11s %14s %11s %9s %11s\n", "ENI", "RX/S", "RX BYTES/S", "TX/S",
	       "TX BYTES/S", "DROPS/S", "NEW/S", "FLOWS");
	for (i = 0; i < n; i++) {
		const struct rate *r = &rate[i];

		printf("%-20s %11" PRIu64 " %14" PRIu64 " %11" PRIu64 " %14" PRIu64 " %11" PRIu64
		       " %9" PRIu64 " %11" PRIu64 "\n", r->eni, r->rx_packets, r->rx_bytes,
		       r->tx_packets, r->tx_bytes, r->drops, r->created, r->flows);
	}
	if (!isatty(STDOUT_FILENO))
		putchar('\n');
}

static void print_rates(struct json_object *now, struct json_object *was, double seconds,
			const char *order)
{
	struct json_object *enis = member(now, "enis");
	size_t n = json_object_array_length(enis), i;
	struct rate *rate = calloc(n + 1, sizeof(*rate));

	if (!rate)
		abort();
	for (i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(enis, i);

		fill(&rate[i], o, find_eni(member(was, "enis"), member_text(o, "eni")), seconds);
	}
	qsort_r(rate, n, sizeof(*rate), compare, (void *)order);
	if (opt.json)
		print_doc(rate, n, seconds);
	else
		print_table(rate, n);
	fflush(stdout);
	free(rate);
}

static double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Until so long after @since, or a signal. */
static void wait_until(double at)
{
	double left = at - now_seconds();
	struct timespec t = { .tv_sec = left > 0 ? left : 0 };
	sigset_t none;

	if (left <= 0)
		return;
	t.tv_nsec = (left - t.tv_sec) * 1e9;
	sigemptyset(&none);
	/* Signals are blocked but here, see nl_catch_signals(). */
	pselect(0, NULL, NULL, NULL, &t, &none);
}

int cmd_top(struct args *a)
{
	struct json_object *was = NULL, *now;
	unsigned long interval = 1, left = 0;
	const char *order = orders[0];
	double since = 0, at;
	struct nl_error err;
	bool counted = false;
	struct nl *nl;
	int ret = DONE;

	while (a->n) {
		const char *word = args_next(a);
		unsigned int i;

		if (!strcmp(word, "-c")) {
			if (!args_number(a, "top: -c", &left))
				return WRONG_CALL;
			counted = true;
			continue;
		}
		if (!strcmp(word, "-i")) {
			if (!args_number(a, "top: -i", &interval))
				return WRONG_CALL;
			continue;
		}
		for (i = 0; orders[i] && strcmp(orders[i], word); i++)
			;
		if (!orders[i])
			return wrong_call("top: \"%s\"? top [packets|bytes|drops] [-i SECONDS] [-c N]",
					  word);
		order = orders[i];
	}
	nl = nl_open();
	if (!nl)
		return REFUSED;
	nl_catch_signals();
	for (; !nl_quit(); was = now, since = at) {
		at = now_seconds();
		now = stats_all(nl, &err);
		if (!now) {
			ret = nl_refused(&err, "top");
			break;
		}
		if (was)
			print_rates(now, was, at - since, order);
		json_object_put(was);
		if (was && counted && !--left) {
			was = now;
			break;
		}
		wait_until(at + interval);
	}
	json_object_put(was);
	nl_close(nl);
	return ret;
}
