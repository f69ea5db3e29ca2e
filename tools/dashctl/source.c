// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dashctl.h"
#include "source.h"

#define CHUNK		(128 * 1024)
#define ROW_MAX		(64 * 1024 * 1024)	/* bytes of text */
#define PIPE_KEPT	(4 * 1024 * 1024)

enum state {
	BEFORE_LIST,
	FIRST_ROW,	/* a row or ']' */
	NEXT_ROW,	/* a row */
	AFTER_ROW,	/* ',' or ']' */
	AFTER_LIST,
};

struct source {
	char *name;
	int fd;			/* negative: all there is was kept */
	bool seekable;

	/* The beginning of a pipe; all of it if @whole. */
	char *kept;
	size_t n_kept;
	size_t from_kept;	/* how much of it was read */
	bool whole;

	struct jtree tree;
	char *buf;
	size_t size;
	size_t n, pos;		/* bytes in it, and used of them */
	bool at_end;		/* nothing follows them */
	enum state state;
	unsigned long line;	/* of buf[pos] */
	unsigned long row_line;
	char error[160];
};

static const struct jnode *fail(struct source *s, unsigned long line, const char *why)
{
	s->row_line = line;
	snprintf(s->error, sizeof(s->error), "%s", why);
	return NULL;
}

static bool read_all(int fd, char *buf, size_t max, size_t *n)
{
	*n = 0;
	while (*n < max) {
		ssize_t got = read(fd, buf + *n, max - *n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (!got)
			break;
		*n += got;
	}
	return true;
}

static bool keep_beginning(struct source *s)
{
	char *kept = xrealloc(NULL, PIPE_KEPT);

	s->kept = kept;
	if (!read_all(s->fd, kept, PIPE_KEPT, &s->n_kept))
		return false;
	s->whole = s->n_kept < PIPE_KEPT;
	return true;
}

static struct source *source_new(const char *name)
{
	struct source *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->size = CHUNK;
	s->buf = xrealloc(NULL, s->size);
	s->name = xstrdup(name);
	s->fd = -1;
	s->line = 1;
	s->row_line = 1;
	return s;
}

struct source *source_text(const char *name, const char *text)
{
	struct source *s = source_new(name);

	s->kept = xstrdup(text);
	s->n_kept = strlen(text);
	s->whole = true;
	return s;
}

struct source *source_open(const char *path)
{
	bool is_stdin = !strcmp(path, "-");
	struct source *s = source_new(is_stdin ? "<stdin>" : path);
	struct stat st;

	s->fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0 || fstat(s->fd, &st)) {
		complain("%s: %s", s->name, strerror(errno));
		goto err;
	}
	if (S_ISDIR(st.st_mode)) {
		complain("%s: is a directory", s->name);
		goto err;
	}
	s->seekable = S_ISREG(st.st_mode) && !lseek(s->fd, 0, SEEK_SET);
	if (!s->seekable && !keep_beginning(s)) {
		complain("%s: %s", s->name, strerror(errno));
		goto err;
	}
	return s;
err:
	source_close(s);
	return NULL;
}

void source_close(struct source *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	jtree_free(&s->tree);
	free(s->buf);
	free(s->kept);
	free(s->name);
	free(s);
}

const char *source_name(const struct source *s)
{
	return s->name;
}

unsigned long source_line(const struct source *s)
{
	return s->row_line;
}

const char *source_error(const struct source *s)
{
	return s->error[0] ? s->error : NULL;
}

/* Read more behind what is left in the buffer; false at the end or on an error. */
static bool more(struct source *s)
{
	size_t left = s->n_kept - s->from_kept, got = 0;

	if (s->at_end)
		return false;
	memmove(s->buf, s->buf + s->pos, s->n - s->pos);
	s->n -= s->pos;
	s->pos = 0;
	if (s->n == s->size) {
		s->size *= 2;
		s->buf = xrealloc(s->buf, s->size);
	}
	if (left) {
		got = left < s->size - s->n ? left : s->size - s->n;
		memcpy(s->buf + s->n, s->kept + s->from_kept, got);
		s->from_kept += got;
	} else if (!s->whole && !read_all(s->fd, s->buf + s->n, s->size - s->n, &got)) {
		fail(s, s->line, strerror(errno));
		return false;
	}
	s->n += got;
	s->at_end = !got;
	return got > 0;
}

/* The next byte that is not blank, left in place; negative at the end. */
static int peek(struct source *s)
{
	while (s->pos < s->n || more(s)) {
		char c = s->buf[s->pos];

		if (c == '\n')
			s->line++;
		else if (c != ' ' && c != '\t' && c != '\r')
			return (unsigned char)c;
		s->pos++;
	}
	return -1;
}

static const struct jnode *parse_row(struct source *s)
{
	struct jtree *t = &s->tree;
	const struct jnode *row;
	char why[128];

	for (;;) {
		t->line = s->line;
		row = jtree_parse(t, s->buf + s->pos, s->n - s->pos);
		if (row || t->error)
			break;
		/* Begin again with a longer text. */
		if (s->n - s->pos > ROW_MAX)
			return fail(s, s->row_line, "a row of more than 64 MiB");
		if (!more(s))
			return s->error[0] ? NULL :
			       fail(s, t->line, "not JSON: the file ends within a row");
	}
	if (!row) {
		snprintf(why, sizeof(why), "not JSON: %s", t->error);
		return fail(s, t->line, why);
	}
	s->line = t->line;
	s->pos = t->pos - s->buf;
	return row;
}

const struct jnode *source_next(struct source *s)
{
	if (s->error[0])
		return NULL;
	for (;;) {
		int c = peek(s);

		if (s->error[0])
			return NULL;
		if (c < 0) {
			if (s->state == AFTER_LIST)
				return NULL;
			return fail(s, s->line, s->state == BEFORE_LIST ?
				    "empty, not a JSON list" :
				    "not JSON: the file ends within the list");
		}
		switch (s->state) {
		case BEFORE_LIST:
			if (c != '[')
				return fail(s, s->line, "not a JSON list of rows: no '[' at the beginning");
			s->state = FIRST_ROW;
			break;
		case FIRST_ROW:
		case NEXT_ROW:
			if (c == ']' && s->state == FIRST_ROW) {
				s->state = AFTER_LIST;
				break;
			}
			if (c != '{')
				return fail(s, s->line, c == ']' ?
					    "not JSON: a comma before the end of the list" :
					    "a row must be an object {\"TABLE:key\": {…}, \"OP\": …}");
			s->row_line = s->line;
			s->state = AFTER_ROW;
			return parse_row(s);
		case AFTER_ROW:
			if (c != ',' && c != ']')
				return fail(s, s->line, "not JSON: neither ',' nor ']' after a row");
			s->state = c == ',' ? NEXT_ROW : AFTER_LIST;
			break;
		case AFTER_LIST:
			return fail(s, s->line, "not JSON: something follows the list");
		}
		s->pos++;
	}
}

bool source_rewind(struct source *s)
{
	if (s->seekable) {
		if (lseek(s->fd, 0, SEEK_SET))
			return false;
	} else if (!s->whole) {
		return false;
	}
	s->from_kept = 0;
	s->n = 0;
	s->pos = 0;
	s->at_end = false;
	s->state = BEFORE_LIST;
	s->line = 1;
	s->row_line = 1;
	s->error[0] = '\0';
	return true;
}

bool source_keep(struct source *s)
{
	FILE *copy;
	int fd;

	if (s->seekable || s->whole)
		return true;
	copy = tmpfile();
	if (!copy)
		goto err;
	fd = dup(fileno(copy));
	if (fd < 0 || fwrite(s->kept, 1, s->n_kept, copy) != s->n_kept)
		goto err;
	do {
		if (!read_all(s->fd, s->buf, s->size, &s->n) ||
		    fwrite(s->buf, 1, s->n, copy) != s->n)
			goto err;
	} while (s->n);
	if (fclose(copy))
		goto err;
	close(s->fd);
	s->fd = fd;
	s->n_kept = 0;
	s->seekable = true;
	return source_rewind(s);
err:
	complain("%s: temporary copy: %s", s->name, strerror(errno));
	return false;
}
