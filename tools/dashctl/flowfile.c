// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: Files of connections
 *
 *	magic, version, byte order     16 bytes
 *	record: length, type, content  connection, any number of times
 *	...
 *	record: length, type, content  end: how many connections there were
 *
 * Records are framed as netlink attributes are, and so is what a connection's
 * record contains: attributes of the set "flow" as the kernel gave them. Their
 * meaning never changes. A reader skips records and the kernel attributes that
 * it does not know; the version is that of this frame alone. As the output may
 * be a pipe, numbers are at the end, without which a file is not whole.
 *
 * A file is read twice. First its frame is checked from beginning to end, so
 * that nothing is restored from a file that was cut off.
 */
#include <errno.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/dash.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "nl.h"
#include "print.h"

#define MAGIC		"DASHFLOW"
#define VERSION		1
#define BYTE_ORDER_MARK	0x01020304u
#define MESSAGE_MAX	(128 * 1024)
#define BUFFER		(256 * 1024)

enum {
	RECORD_CONNECTION = 1,
	RECORD_END = 2,		/* u64: connections before it */
};

struct head {
	char magic[8];
	uint32_t version;
	uint32_t order;
};

/* --- saving --- */

struct save {
	FILE *file;
	uint64_t n;
	int error;
};

static void put(struct save *s, const void *data, size_t len)
{
	if (!s->error && fwrite(data, 1, len, s->file) != len)
		s->error = errno ? errno : EIO;
}

static void put_record(struct save *s, uint16_t type, const void *data, unsigned int len)
{
	struct nlattr a = { .nla_len = sizeof(a) + len, .nla_type = type };
	static const char padding[NLA_ALIGNTO];

	put(s, &a, sizeof(a));
	put(s, data, len);
	put(s, padding, NLA_ALIGN(len) - len);
}

static void save_cb(const struct nlmsghdr *msg, void *arg)
{
	struct save *s = arg;
	unsigned int len;
	const struct nlattr *attrs = nl_attrs(msg, &len);

	put_record(s, RECORD_CONNECTION, attrs, len);
	s->n++;
}

static int save_to(struct save *s, struct nl *nl)
{
	struct head head = { MAGIC, VERSION, BYTE_ORDER_MARK };
	struct abuf b = { 0 };
	struct nl_error err;
	size_t at;
	bool ok;

	/* system calls are what takes the time */
	setvbuf(s->file, NULL, _IOFBF, BUFFER);
	put(s, &head, sizeof(head));
	at = nl_begin(nl, &b, DASH_CMD_FLOW_SAVE, NLM_F_DUMP | NLM_F_ACK);
	nl_end(&b, at);
	ok = nl_dump(nl, &b, false, save_cb, s, &err);
	abuf_free(&b);
	if (!ok)
		return nl_refused(&err, "save");
	put_record(s, RECORD_END, &s->n, sizeof(s->n));
	if (!s->error && fflush(s->file))
		s->error = errno;
	return DONE;
}

/* Into a file of another name first: the old one is whole until the new one is. */
static int save_as(struct save *s, struct nl *nl, const char *path)
{
	char *tmp = xasprintf("%s.new", path);
	int ret = WRONG_CALL;

	s->file = fopen(tmp, "we");
	if (!s->file) {
		complain("%s: %s", tmp, strerror(errno));
		goto free;
	}
	ret = save_to(s, nl);
	if (!s->error && fsync(fileno(s->file)) && errno != EINVAL)
		s->error = errno;
	fclose(s->file);
	if (ret == DONE && !s->error && rename(tmp, path))
		s->error = errno;
	if (ret != DONE || s->error)
		unlink(tmp);
free:
	free(tmp);
	return ret;
}

int save_flows(struct args *a)
{
	struct save s = { .file = stdout };
	const char *path = NULL;
	struct nl *nl;
	int ret;

	if (args_take(a, "-o")) {
		path = args_next(a);
		if (!path)
			return wrong_call("save: -o: which file?");
	}
	if (!args_done(a))
		return WRONG_CALL;
	if (!path && isatty(STDOUT_FILENO))
		return wrong_call("save: connections are no text: > FILE or -o FILE");
	nl = nl_open();
	if (!nl)
		return REFUSED;
	ret = path ? save_as(&s, nl, path) : save_to(&s, nl);
	nl_close(nl);
	if (ret == DONE && s.error)
		return wrong_call("%s: %s", path ? path : "save", strerror(s.error));
	return ret;
}

/* --- reading --- */

struct reader {
	FILE *file;
	const char *name;
	uint64_t offset;	/* of the record read last */
	uint64_t next;		/* of the one behind it */
	uint16_t type;
	unsigned int len;
	char data[UINT16_MAX + NLA_ALIGNTO];
};

static bool bad_file(const struct reader *r, const char *what)
{
	if (ferror(r->file))
		complain("%s: %s", r->name, strerror(errno));
	else
		complain("%s: at byte %" PRIu64 ": %s", r->name, r->offset, what);
	return false;
}

static bool read_head(struct reader *r)
{
	struct head head;

	r->offset = 0;
	r->type = 0;
	rewind(r->file);
	if (fread(&head, sizeof(head), 1, r->file) != 1 ||
	    memcmp(head.magic, MAGIC, sizeof(head.magic)))
		return bad_file(r, "this is no file of connections");
	r->offset = offsetof(struct head, order);
	if (head.order == __builtin_bswap32(BYTE_ORDER_MARK))
		return bad_file(r, "written by a machine of the other byte order");
	if (head.order != BYTE_ORDER_MARK)
		return bad_file(r, "the header is damaged");
	r->offset = offsetof(struct head, version);
	if (head.version != VERSION) {
		complain("%s: at byte %" PRIu64
			 ": version %" PRIu32 ", this dashctl knows version %d",
			 r->name, r->offset, head.version, VERSION);
		return false;
	}
	r->next = sizeof(head);
	return true;
}

static bool read_record(struct reader *r)
{
	struct nlattr a;
	size_t padded;

	r->offset = r->next;
	if (fread(&a, sizeof(a), 1, r->file) != 1)
		return bad_file(r, "the file ends too early");
	if (a.nla_len < sizeof(a))
		return bad_file(r, "a record without a length");
	r->type = a.nla_type;
	r->len = a.nla_len - sizeof(a);
	padded = NLA_ALIGN(r->len);
	if (padded && fread(r->data, padded, 1, r->file) != 1)
		return bad_file(r, "the file ends within this record");
	r->next += sizeof(a) + padded;
	return true;
}

/* From beginning to end, without effect; *@n: connections. */
static bool check_file(struct reader *r, uint64_t *n)
{
	uint64_t said;

	*n = 0;
	if (!read_head(r))
		return false;
	for (;;) {
		if (!read_record(r))
			return false;
		if (r->type == RECORD_END)
			break;
		*n += r->type == RECORD_CONNECTION;
	}
	if (r->len != sizeof(said))
		return bad_file(r, "the last record is damaged");
	memcpy(&said, r->data, sizeof(said));
	if (said != *n) {
		complain("%s: at byte %" PRIu64 ": %" PRIu64 " connections instead of %" PRIu64,
			 r->name, r->offset, *n, said);
		return false;
	}
	r->offset = r->next;
	if (getc(r->file) != EOF)
		return bad_file(r, "something behind the end");
	return true;
}

/* A pipe cannot be read twice. */
static bool keep(struct reader *r)
{
	char *buffer;
	FILE *copy;
	size_t n;

	if (!fseek(r->file, 0, SEEK_SET))
		return true;
	copy = tmpfile();
	if (!copy) {
		complain("%s: temporary file: %s", r->name, strerror(errno));
		return false;
	}
	setvbuf(copy, NULL, _IOFBF, BUFFER);
	buffer = xrealloc(NULL, BUFFER);
	while ((n = fread(buffer, 1, BUFFER, r->file)) && fwrite(buffer, 1, n, copy) == n)
		;
	free(buffer);
	if (ferror(r->file) || ferror(copy) || fflush(copy)) {
		complain("%s: %s", r->name, strerror(errno));
		fclose(copy);
		return false;
	}
	if (r->file != stdin)
		fclose(r->file);
	r->file = copy;
	return true;
}

/* --- restoring --- */

struct result {
	uint64_t restored;
	uint64_t existing;
	uint64_t expired;
	uint64_t failed[256];	/* by reason */
};

static void take_drop(struct result *res, const struct nlattr *nest)
{
	const struct nlattr *a;
	uint32_t reason = 0;
	uint64_t n = 0;

	mnl_attr_for_each_nested(a, nest) {
		if (mnl_attr_get_type(a) == DASH_A_DROP_REASON)
			reason = mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == DASH_A_DROP_PACKETS)
			n = mnl_attr_get_u64(a);
	}
	res->failed[reason < 256 ? reason : 255] += n;
}

static void result_cb(const struct nlmsghdr *msg, void *arg)
{
	struct result *res = arg;
	const struct nlattr *a;

	mnl_attr_for_each(a, msg, NL_HEADERS - NLMSG_HDRLEN) {
		switch (mnl_attr_get_type(a)) {
		case DASH_A_FLOW_RESTORED:
			res->restored += mnl_attr_get_u32(a);
			break;
		case DASH_A_FLOW_EXISTING:
			res->existing += mnl_attr_get_u32(a);
			break;
		case DASH_A_FLOW_EXPIRED:
			res->expired += mnl_attr_get_u32(a);
			break;
		case DASH_A_FLOW_DROP:
			take_drop(res, a);
			break;
		}
	}
}

static const char *reason_name(unsigned int reason, char text[16])
{
	const char *name = name_of(&drop_names, reason);

	if (name)
		return name;
	snprintf(text, 16, "reason %u", reason);
	return text;
}

static void print_result(const struct result *res)
{
	struct json_object *o, *failed;
	char text[16];
	unsigned int i;

	if (opt.json) {
		o = json_object_new_object();
		failed = json_object_new_object();
		json_object_object_add(o, "restored", json_object_new_uint64(res->restored));
		json_object_object_add(o, "existing", json_object_new_uint64(res->existing));
		json_object_object_add(o, "expired", json_object_new_uint64(res->expired));
		for (i = 0; i < 256; i++)
			if (res->failed[i])
				json_object_object_add(failed, reason_name(i, text),
						       json_object_new_uint64(res->failed[i]));
		json_object_object_add(o, "failed", failed);
		print_json(o);
		json_object_put(o);
		return;
	}
	printf("restored %" PRIu64 ", existing %" PRIu64 ", expired %" PRIu64, res->restored,
	       res->existing, res->expired);
	for (i = 0; i < 256; i++)
		if (res->failed[i])
			printf(", %s %" PRIu64, reason_name(i, text), res->failed[i]);
	putchar('\n');
}

/* The next message: connections from @r's place on; false at the end or an error. */
static bool fill(struct reader *r, struct abuf *b, bool *ok)
{
	size_t start = b->len;

	*ok = true;
	while (b->len < MESSAGE_MAX && r->type != RECORD_END && (*ok = read_record(r)))
		if (r->type == RECORD_CONNECTION)
			attr_put(b, DASH_A_FLOW_CONNECTION, r->data, r->len);
	return *ok && b->len > start;
}

static int restore(struct reader *r, struct nl *nl, struct result *res)
{
	uint64_t from = r->next;
	struct abuf b = { 0 };
	struct nl_error err;
	size_t at;
	int ret = DONE;
	bool ok;

	while (ret == DONE) {
		b.len = 0;
		at = nl_begin(nl, &b, DASH_CMD_FLOW_RESTORE, NLM_F_ACK);
		if (!fill(r, &b, &ok))
			break;
		nl_end(&b, at);
		if (!nl_talk(nl, &b, result_cb, res, &err)) {
			complain("%s: at byte %" PRIu64 ": %s; what is before that was loaded",
				 r->name, from, err.text);
			ret = REFUSED;
		}
		from = r->next;
	}
	abuf_free(&b);
	return ok ? ret : WRONG_CALL;
}

static int load_open(struct reader *r)
{
	struct result res = { 0 };
	struct nl *nl;
	uint64_t n;
	int ret;

	if (!keep(r) || !check_file(r, &n) || !read_head(r))
		return WRONG_CALL;
	nl = nl_open();
	if (!nl)
		return REFUSED;
	ret = restore(r, nl, &res);
	nl_close(nl);
	print_result(&res);
	if (ret == DONE && res.failed[DASH_DROP_MALFORMED])
		return wrong_call("%s: %" PRIu64 " damaged connections were left out", r->name,
				  res.failed[DASH_DROP_MALFORMED]);
	return ret;
}

int load_flows(const char *path)
{
	struct reader *r = xrealloc(NULL, sizeof(*r));
	int ret = WRONG_CALL;

	memset(r, 0, sizeof(*r));
	r->file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	r->name = r->file == stdin ? "<stdin>" : path;
	if (r->file) {
		setvbuf(r->file, NULL, _IOFBF, BUFFER);
		ret = load_open(r);
	} else {
		complain("%s: %s", path, strerror(errno));
	}
	if (r->file && r->file != stdin)
		fclose(r->file);
	free(r);
	return ret;
}
