// SPDX-License-Identifier: GPL-2.0
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dashctl.h"
#include "jtree.h"

#define BLOCK_LEN	(64 * 1024)
#define DEPTH_MAX	16

/* The arena: blocks, so that nodes stay where they are. */

struct jblock {
	struct jblock *next;
	size_t size;
	char data[] __attribute__((aligned(16)));
};

static void *take(struct jtree *t, size_t n)
{
	void *p;

	n = (n + 7) & ~(size_t)7;
	if (!t->block || t->used + n > t->block->size) {
		size_t size = n > BLOCK_LEN ? n : BLOCK_LEN;
		struct jblock *block = xrealloc(NULL, sizeof(*block) + size);

		block->size = size;
		block->next = t->block;
		t->block = block;
		t->used = 0;
	}
	p = t->block->data + t->used;
	t->used += n;
	return p;
}

/* Keep one block for the next value. */
static void reset(struct jtree *t)
{
	while (t->block && t->block->next) {
		struct jblock *next = t->block->next;

		free(t->block);
		t->block = next;
	}
	t->used = 0;
}

void jtree_free(struct jtree *t)
{
	reset(t);
	free(t->block);
	t->block = NULL;
}

/* The text. */

static void *wrong(struct jtree *t, const char *why)
{
	t->error = why;
	return NULL;
}

static void *cut(struct jtree *t)
{
	t->cut = true;
	return NULL;
}

/* The next byte that is not blank, left in place; 0 at the end. */
static char peek(struct jtree *t)
{
	for (; t->pos < t->end; t->pos++) {
		switch (*t->pos) {
		case '\n':
			t->line++;
			break;
		case ' ':
		case '\t':
		case '\r':
			break;
		case '\0':
			wrong(t, "a zero byte");
			return 0;
		default:
			return *t->pos;
		}
	}
	t->cut = true;
	return 0;
}

static int hex4(const char *p)
{
	int v = 0, i;

	for (i = 0; i < 4; i++) {
		char c = p[i] | 0x20;

		if (p[i] >= '0' && p[i] <= '9')
			v = v << 4 | (p[i] - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (c - 'a' + 10);
		else
			return -1;
	}
	return v;
}

static char *put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = c;
	} else if (c < 0x800) {
		*out++ = 0xc0 | c >> 6;
		*out++ = 0x80 | (c & 0x3f);
	} else if (c < 0x10000) {
		*out++ = 0xe0 | c >> 12;
		*out++ = 0x80 | (c >> 6 & 0x3f);
		*out++ = 0x80 | (c & 0x3f);
	} else {
		*out++ = 0xf0 | c >> 18;
		*out++ = 0x80 | (c >> 12 & 0x3f);
		*out++ = 0x80 | (c >> 6 & 0x3f);
		*out++ = 0x80 | (c & 0x3f);
	}
	return out;
}

/* \uXXXX, or two for what is beyond 16 bits; @p is behind the u. Sets *@used. */
static char *unescape_unicode(struct jtree *t, const char *p, const char *end, char *out,
			      size_t *used)
{
	int hi, lo;

	hi = end - p < 4 ? -1 : hex4(p);
	*used = 4;
	if (hi <= 0)
		return wrong(t, "a bad \\u escape");
	if (hi < 0xd800 || hi > 0xdfff)
		return put_utf8(out, hi);
	lo = end - p < 10 || p[4] != '\\' || p[5] != 'u' ? -1 : hex4(p + 6);
	if (hi > 0xdbff || lo < 0xdc00 || lo > 0xdfff)
		return wrong(t, "half of a surrogate pair");
	*used = 10;
	return put_utf8(out, 0x10000 + ((hi - 0xd800) << 10) + (lo - 0xdc00));
}

/* Bytes of the UTF-8 sequence at @p, 0 if it is none. */
static unsigned int utf8_len(const char *p, const char *end)
{
	unsigned char c = *p, min = 0x80, max = 0xbf;
	unsigned int n, i;

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (end - p < (long)n)
		return 0;
	if (c == 0xe0)
		min = 0xa0;
	if (c == 0xed)
		max = 0x9f;
	if (c == 0xf0)
		min = 0x90;
	if (c == 0xf4)
		max = 0x8f;
	for (i = 1; i < n; i++, min = 0x80, max = 0xbf)
		if ((unsigned char)p[i] < min || (unsigned char)p[i] > max)
			return 0;
	return n;
}

/* Copy the string from @p to @end, its quotes left out, without its escapes. */
static char *unescape(struct jtree *t, const char *p, const char *end)
{
	static const char plain[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	char *text = take(t, end - p + 1), *out = text;

	while (p < end) {
		const char *which;
		unsigned int n;
		size_t used;

		if (*p != '\\') {
			n = utf8_len(p, end);
			if (!n)
				return wrong(t, "a string that is not UTF-8");
			memcpy(out, p, n);
			out += n;
			p += n;
			continue;
		}
		p++;
		if (*p == 'u') {
			out = unescape_unicode(t, p + 1, end, out, &used);
			if (!out)
				return NULL;
			p += 1 + used;
			continue;
		}
		which = strchr(plain, *p);
		if (!which)
			return wrong(t, "an unknown escape in a string");
		*out++ = means[which - plain];
		p++;
	}
	*out = '\0';
	return text;
}

/* The string at the quote t->pos. */
static const char *parse_string(struct jtree *t)
{
	const char *start = ++t->pos, *p;
	bool simple = true;
	char *text;

	for (p = start; p < t->end && *p != '"'; p++) {
		if ((unsigned char)*p < 0x20) {
			t->pos = p;
			return wrong(t, "a control character in a string");
		}
		if ((signed char)*p >= 0x20 && *p != '\\')
			continue;
		simple = false;
		if (*p == '\\')
			p++;
	}
	if (p >= t->end)
		return cut(t);
	t->pos = p + 1;
	if (!simple)
		return unescape(t, start, p);
	text = take(t, p - start + 1);
	memcpy(text, start, p - start);
	text[p - start] = '\0';
	return text;
}

static const char *digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* Where the number at @p ends; NULL: there is none. */
static const char *number_end(const char *p, const char *end)
{
	const char *q;

	if (p < end && *p == '-')
		p++;
	q = digits(p, end);
	if (q == p || (*p == '0' && q != p + 1))
		return NULL;
	if (q < end && *q == '.') {
		p = q + 1;
		q = digits(p, end);
		if (q == p)
			return NULL;
	}
	if (q < end && (*q == 'e' || *q == 'E')) {
		p = q + 1;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		q = digits(p, end);
		if (q == p)
			return NULL;
	}
	return q;
}

/* A number, true, false or null. */
static struct jnode *parse_word(struct jtree *t, struct jnode *node)
{
	const char *p = t->pos, *q = p;
	char *text;

	while (q < t->end && (*q == '-' || *q == '+' || *q == '.' || (*q >= '0' && *q <= '9') ||
			      (*q >= 'a' && *q <= 'z') || (*q >= 'A' && *q <= 'Z')))
		q++;
	if (q == t->end)
		return cut(t);
	text = take(t, q - p + 1);
	memcpy(text, p, q - p);
	text[q - p] = '\0';
	node->text = text;
	if (!strcmp(text, "true") || !strcmp(text, "false"))
		node->type = J_BOOL;
	else if (!strcmp(text, "null"))
		node->type = J_NULL;
	else if (number_end(p, q) == q)
		node->type = J_NUMBER;
	else
		return wrong(t, "no value where one should be");
	t->pos = q;
	return node;
}

static struct jnode *parse_value(struct jtree *t);

/* A member's name and its colon. */
static const char *parse_name(struct jtree *t)
{
	const char *name;

	if (peek(t) != '"')
		return t->cut || t->error ? NULL : wrong(t, "a member without a name in quotes");
	name = parse_string(t);
	if (!name)
		return NULL;
	if (peek(t) != ':')
		return t->cut || t->error ? NULL : wrong(t, "no ':' after a member's name");
	t->pos++;
	return name;
}

/* The list or object that t->pos opens. */
static struct jnode *parse_many(struct jtree *t, struct jnode *node, char close)
{
	struct jnode **tail = &node->first, *v;
	const char *name = NULL;
	char c;

	node->type = close == '}' ? J_OBJECT : J_LIST;
	if (++t->depth > DEPTH_MAX)
		return wrong(t, "too many levels");
	t->pos++;
	c = peek(t);
	while (c && c != close) {
		if (node->type == J_OBJECT) {
			name = parse_name(t);
			if (!name)
				return NULL;
			if (jnode_member(node, name))
				return wrong(t, "two members of the same name");
		}
		v = parse_value(t);
		if (!v)
			return NULL;
		v->name = name;
		*tail = v;
		tail = &v->next;
		node->n++;
		c = peek(t);
		if (c == close)
			break;
		if (c && c != ',')
			return wrong(t, "no ',' between values");
		if (!c)
			break;
		t->pos++;
		c = peek(t);
		if (c == close)
			return wrong(t, "a ',' before the end");
	}
	if (!c)
		return NULL;
	t->pos++;
	t->depth--;
	return node;
}

static struct jnode *parse_value(struct jtree *t)
{
	struct jnode *node;
	char c = peek(t);

	if (!c)
		return NULL;
	node = take(t, sizeof(*node));
	memset(node, 0, sizeof(*node));
	switch (c) {
	case '{':
		return parse_many(t, node, '}');
	case '[':
		return parse_many(t, node, ']');
	case '"':
		node->type = J_STRING;
		node->text = parse_string(t);
		return node->text ? node : NULL;
	default:
		return parse_word(t, node);
	}
}

struct jnode *jtree_parse(struct jtree *t, const char *text, size_t len)
{
	reset(t);
	t->pos = text;
	t->end = text + len;
	t->depth = 0;
	t->cut = false;
	t->error = NULL;
	return parse_value(t);
}

const struct jnode *jnode_member(const struct jnode *object, const char *name)
{
	const struct jnode *v;

	for (v = object->first; v; v = v->next)
		if (!strcmp(v->name, name))
			return v;
	return NULL;
}

bool jnode_equal(const struct jnode *a, const struct jnode *b)
{
	if (a->type != b->type || a->n != b->n)
		return false;
	if (a->text)
		return !strcmp(a->text, b->text);
	for (a = a->first, b = b->first; a; a = a->next, b = b->next)
		if (!jnode_equal(a, b) || (a->name && strcmp(a->name, b->name)))
			return false;
	return true;
}
