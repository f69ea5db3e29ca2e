// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/dash.h>
#include <linux/genetlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dashctl.h"
#include "nl.h"

#ifndef NLM_F_DUMP_INTR
#define NLM_F_DUMP_INTR	0x10
#endif

#define SPOOL_MEMORY	(8 * 1024 * 1024)
#define DUMP_TRIES	20

struct nl {
	struct mnl_socket *sock;
	int fd;
	uint16_t family;
	uint32_t seq;
	uint32_t portid;
	size_t sndbuf;
	char *buf;
	size_t buf_len;
};

size_t nl_begin(struct nl *nl, struct abuf *b, uint8_t cmd, uint16_t flags)
{
	size_t at = b->len;
	struct nlmsghdr *nlh = abuf_add(b, NLMSG_HDRLEN + GENL_HDRLEN);
	struct genlmsghdr *genl = (void *)((char *)nlh + NLMSG_HDRLEN);

	nlh->nlmsg_type = nl->family;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++nl->seq;
	genl->cmd = cmd;
	genl->version = 1;
	return at;
}

void nl_end(struct abuf *b, size_t at)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)(b->data + at);

	nlh->nlmsg_len = b->len - at;
}

uint32_t nl_seq(const struct abuf *b, size_t at)
{
	return ((const struct nlmsghdr *)(b->data + at))->nlmsg_seq;
}

const struct nlattr *nl_attrs(const struct nlmsghdr *msg, unsigned int *len)
{
	*len = mnl_nlmsg_get_payload_len(msg);
	*len = *len > GENL_HDRLEN ? *len - GENL_HDRLEN : 0;
	return (const struct nlattr *)((const char *)msg + NLMSG_HDRLEN + GENL_HDRLEN);
}

bool nl_names_row(const char *text)
{
	return !strncmp(text, "DASH_", 5) || !strncmp(text, "PORT:", 5);
}

int nl_refused(const struct nl_error *err, const char *what)
{
	if (what && !nl_names_row(err->text))
		complain("%s: %s", what, err->text);
	else
		complain("%s", err->text);
	return REFUSED;
}

static bool trouble(struct nl_error *err, const char *what)
{
	memset(err, 0, sizeof(*err));
	err->code = errno;
	snprintf(err->text, sizeof(err->text), "netlink: %s: %s", what, strerror(errno));
	return false;
}

bool nl_send(struct nl *nl, const struct abuf *b, struct nl_error *err)
{
	/* The kernel charges a message with more than its bytes. */
	int want = b->len + 4096;

	if (nl->sndbuf < b->len) {
		if (setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &want, sizeof(want)))
			setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof(want));
		nl->sndbuf = b->len;
	}
	if (mnl_socket_sendto(nl->sock, b->data, b->len) < 0)
		return trouble(err, "send");
	return true;
}

/* Receive one datagram into nl->buf, whatever its size; negative on an error. */
static ssize_t receive(struct nl *nl)
{
	ssize_t n;

	do {
		n = recv(nl->fd, nl->buf, nl->buf_len, MSG_PEEK | MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return n;
	if ((size_t)n > nl->buf_len) {
		nl->buf_len = n;
		nl->buf = xrealloc(nl->buf, nl->buf_len);
	}
	do {
		n = recv(nl->fd, nl->buf, nl->buf_len, 0);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* Errors of the kernel that its errno tells too little about. */
static const char *error_text(int code)
{
	switch (code) {
	case EPERM:
		return "permission denied (CAP_NET_ADMIN is needed)";
	case EOPNOTSUPP:
		return "the kernel module does not support this";
	default:
		return strerror(code);
	}
}

static void decode_error(const struct nlmsghdr *nlh, struct nl_error *err)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	unsigned int skip = sizeof(*e);

	memset(err, 0, sizeof(*err));
	err->code = -e->error;
	err->seq = e->msg.nlmsg_seq;
	snprintf(err->text, sizeof(err->text), "%s", error_text(err->code));
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += mnl_nlmsg_get_payload_len(&e->msg);
	mnl_attr_for_each(attr, nlh, skip) {
		switch (mnl_attr_get_type(attr)) {
		case NLMSGERR_ATTR_MSG:
			snprintf(err->text, sizeof(err->text), "%s", mnl_attr_get_str(attr));
			break;
		case NLMSGERR_ATTR_OFFS:
			err->offset = mnl_attr_get_u32(attr);
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			err->miss_type = mnl_attr_get_u32(attr);
			break;
		case NLMSGERR_ATTR_MISS_NEST:
			err->miss_nest = mnl_attr_get_u32(attr);
			break;
		}
	}
}

bool nl_acks(struct nl *nl, unsigned int n, nl_cb cb, void *arg, struct nl_error *err)
{
	bool ok = true;

	memset(err, 0, sizeof(*err));
	while (n) {
		const struct nlmsghdr *nlh;
		struct nl_error this;
		int len = receive(nl);

		if (len < 0)
			return trouble(err, "receive");
		for (nlh = (void *)nl->buf; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len)) {
			if (nlh->nlmsg_type != NLMSG_ERROR) {
				if (cb && nlh->nlmsg_type == nl->family)
					cb(nlh, arg);
				continue;
			}
			decode_error(nlh, &this);
			if (n)
				n--;
			if (this.code && ok) {
				*err = this;
				ok = false;
			}
		}
	}
	return ok;
}

bool nl_talk(struct nl *nl, const struct abuf *b, nl_cb cb, void *arg, struct nl_error *err)
{
	return nl_send(nl, b, err) && nl_acks(nl, 1, cb, arg, err);
}

/* Messages of a dump, kept until it is known to be whole. */
struct spool {
	struct abuf mem;
	FILE *file;
};

static bool spool_add(struct spool *s, const struct nlmsghdr *nlh)
{
	size_t len = NLMSG_ALIGN(nlh->nlmsg_len);
	void *copy;

	copy = abuf_add(&s->mem, len);
	memcpy(copy, nlh, nlh->nlmsg_len);
	((struct nlmsghdr *)copy)->nlmsg_len = len;
	if (s->mem.len < SPOOL_MEMORY)
		return true;
	if (!s->file)
		s->file = tmpfile();
	if (!s->file)	/* nowhere to put it: memory must do */
		return true;
	if (fwrite(s->mem.data, 1, s->mem.len, s->file) != s->mem.len)
		return false;
	s->mem.len = 0;
	return true;
}

static void give_out(const char *data, size_t len, nl_cb cb, void *arg)
{
	const struct nlmsghdr *nlh;
	size_t at;

	for (at = 0; at < len; at += nlh->nlmsg_len) {
		nlh = (const void *)(data + at);
		cb(nlh, arg);
	}
}

static bool spool_replay(struct spool *s, nl_cb cb, void *arg)
{
	struct nlmsghdr head, *nlh;
	struct abuf msg = { 0 };

	if (s->file) {
		rewind(s->file);
		while (fread(&head, sizeof(head), 1, s->file) == 1) {
			msg.len = 0;
			nlh = abuf_add(&msg, head.nlmsg_len);
			*nlh = head;
			if (fread(nlh + 1, head.nlmsg_len - sizeof(head), 1, s->file) != 1)
				break;
			cb(nlh, arg);
		}
		abuf_free(&msg);
		if (ferror(s->file))
			return false;
	}
	give_out(s->mem.data, s->mem.len, cb, arg);
	return true;
}

static void spool_free(struct spool *s)
{
	abuf_free(&s->mem);
	if (s->file)
		fclose(s->file);
	s->file = NULL;
}

struct dump {
	struct spool spool;
	bool whole;
	bool interrupted;
	nl_cb cb;
	void *arg;
};

/* Read a dump to its end. */
static bool dump_read(struct nl *nl, struct dump *d, struct nl_error *err)
{
	for (;;) {
		const struct nlmsghdr *nlh;
		int len = receive(nl);

		if (len < 0)
			return trouble(err, "receive");
		for (nlh = (void *)nl->buf; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len)) {
			if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
				d->interrupted = true;
			if (nlh->nlmsg_type == NLMSG_ERROR) {
				decode_error(nlh, err);
				return !err->code;
			}
			if (nlh->nlmsg_type == NLMSG_DONE) {
				int code = mnl_nlmsg_get_payload_len(nlh) >= sizeof(int) ?
					   *(int *)mnl_nlmsg_get_payload(nlh) : 0;

				if (code >= 0)
					return true;
				errno = -code;
				return trouble(err, "dump");
			}
			if (nlh->nlmsg_type != nl->family)
				continue;
			if (!d->whole)
				d->cb(nlh, d->arg);
			else if (!spool_add(&d->spool, nlh))
				return trouble(err, "temporary file");
		}
	}
}

bool nl_dump(struct nl *nl, const struct abuf *b, bool whole, nl_cb cb, void *arg,
	     struct nl_error *err)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)b->data;
	struct dump d = { .whole = whole, .cb = cb, .arg = arg };
	unsigned int try;
	bool ok;

	memset(err, 0, sizeof(*err));
	for (try = 0; try < DUMP_TRIES; try++) {
		d.interrupted = false;
		ok = nl_send(nl, b, err) && dump_read(nl, &d, err);
		if (!ok || !whole || !d.interrupted)
			break;
		spool_free(&d.spool);
		nlh->nlmsg_seq = ++nl->seq;
		usleep(1000u << (try < 8 ? try : 8));
	}
	if (ok && whole && d.interrupted) {
		snprintf(err->text, sizeof(err->text), "it keeps changing while it is read");
		err->code = EAGAIN;
		ok = false;
	}
	if (ok && whole && !spool_replay(&d.spool, cb, arg))
		ok = trouble(err, "temporary file");
	if (ok && !whole && d.interrupted)
		fprintf(stderr, "dashctl: changed while it was read, some may be missing or old\n");
	spool_free(&d.spool);
	return ok;
}

static void family_cb(const struct nlmsghdr *msg, void *arg)
{
	uint16_t *family = arg;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, msg, GENL_HDRLEN)
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			*family = mnl_attr_get_u16(attr);
}

/* Ask what there is to know of our family. Replies are told by their family. */
static bool ask_family(struct nl *nl, nl_cb cb, void *arg, struct nl_error *err)
{
	uint16_t family = nl->family;
	struct abuf b = { 0 };
	size_t at;
	bool ok;

	nl->family = GENL_ID_CTRL;
	at = nl_begin(nl, &b, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	attr_str(&b, CTRL_ATTR_FAMILY_NAME, DASH_FAMILY_NAME);
	nl_end(&b, at);
	ok = nl_talk(nl, &b, cb, arg, err);
	abuf_free(&b);
	nl->family = family;
	return ok;
}

static bool resolve(struct nl *nl)
{
	struct nl_error err;
	uint16_t family = 0;
	bool ok = ask_family(nl, family_cb, &family, &err);

	if (ok && family) {
		nl->family = family;
		return true;
	}
	if (err.code == ENOENT || ok)
		complain("the kernel module dash is not loaded (modprobe dash)");
	else
		complain("generic netlink: %s", err.text);
	return false;
}

/* What the last command of a batch left for the next one. */
static struct nl *kept;

struct nl *nl_open(void)
{
	struct nl *nl = kept;
	int on = 1, rcvbuf = 4 * 1024 * 1024;

	kept = NULL;
	if (nl) {
		/* The module may be another one by now. */
		if (!resolve(nl))
			goto err;
		return nl;
	}
	nl = calloc(1, sizeof(*nl));
	if (!nl)
		abort();
	nl->buf_len = 64 * 1024;
	nl->buf = xrealloc(NULL, nl->buf_len);
	nl->seq = time(NULL);
	nl->sock = mnl_socket_open(NETLINK_GENERIC);
	if (!nl->sock || mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0) {
		complain("netlink: %s", strerror(errno));
		goto err;
	}
	nl->fd = mnl_socket_get_fd(nl->sock);
	/* All three improve matters where they work. */
	mnl_socket_setsockopt(nl->sock, NETLINK_CAP_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(nl->sock, NETLINK_EXT_ACK, &on, sizeof(on));
	if (setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof(rcvbuf)))
		setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	if (!resolve(nl))
		goto err;
	return nl;
err:
	nl_close(nl);
	return NULL;
}

/* Messages that come by themselves. */

struct group {
	const char *name;
	uint32_t id;
};

static void groups_cb(const struct nlmsghdr *msg, void *arg)
{
	const struct nlattr *attr, *entry, *in;
	struct group *g = arg;

	mnl_attr_for_each(attr, msg, GENL_HDRLEN) {
		if (mnl_attr_get_type(attr) != CTRL_ATTR_MCAST_GROUPS)
			continue;
		mnl_attr_for_each_nested(entry, attr) {
			const char *name = "";
			uint32_t id = 0;

			mnl_attr_for_each_nested(in, entry) {
				if (mnl_attr_get_type(in) == CTRL_ATTR_MCAST_GRP_NAME)
					name = mnl_attr_get_str(in);
				else if (mnl_attr_get_type(in) == CTRL_ATTR_MCAST_GRP_ID)
					id = mnl_attr_get_u32(in);
			}
			if (!strcmp(name, g->name))
				g->id = id;
		}
	}
}

bool nl_join(struct nl *nl, const char *group, struct nl_error *err)
{
	struct group g = { .name = group };

	if (!ask_family(nl, groups_cb, &g, err))
		return false;
	if (!g.id) {
		errno = EOPNOTSUPP;
		return trouble(err, group);
	}
	if (mnl_socket_setsockopt(nl->sock, NETLINK_ADD_MEMBERSHIP, &g.id, sizeof(g.id)) < 0)
		return trouble(err, group);
	return true;
}

static volatile sig_atomic_t quit;

static void on_signal(int sig)
{
	(void)sig;
	quit = 1;
}

/* The signals are blocked but for the time of waiting, so that none is missed. */
void nl_catch_signals(void)
{
	struct sigaction act = { .sa_handler = on_signal };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

bool nl_quit(void)
{
	return quit;
}

bool nl_enough(const struct nl_wanted *w)
{
	return w->counted && !w->left;
}

void nl_taken(struct nl_wanted *w)
{
	if (w->counted)
		w->left--;
}

/* Wait for messages, or a signal, and give them out. */
static bool give_next(struct nl *nl, nl_cb cb, void *arg, struct nl_error *err)
{
	struct pollfd fd = { .fd = nl->fd, .events = POLLIN };
	const struct nlmsghdr *nlh;
	sigset_t none;
	int len;

	sigemptyset(&none);
	if (ppoll(&fd, 1, NULL, &none) < 0)
		return errno == EINTR || trouble(err, "poll");
	len = receive(nl);
	if (len < 0)	/* an overrun is no end */
		return errno == ENOBUFS || trouble(err, "receive");
	for (nlh = (void *)nl->buf; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
		if (nlh->nlmsg_type == nl->family)
			cb(nlh, arg);
	return true;
}

int nl_follow(struct nl *nl, nl_cb cb, void *arg, const struct nl_wanted *w, const char *what)
{
	struct nl_error err;

	if (opt.details)
		fputs("# listening\n", stderr);
	while (!nl_quit() && !nl_enough(w))
		if (!give_next(nl, cb, arg, &err))
			return nl_refused(&err, what);
	return DONE;
}

void nl_keep(struct nl *nl)
{
	nl_close(kept);
	kept = nl;
}

void nl_close(struct nl *nl)
{
	if (!nl)
		return;
	if (nl->sock)
		mnl_socket_close(nl->sock);
	free(nl->buf);
	free(nl);
}
