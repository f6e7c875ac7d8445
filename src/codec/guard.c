/* SPDX-License-Identifier: Apache-2.0 */
/* Walks CBOR heads without allocating: well-formedness (RFC 8949 section 5.3) and our profile. */
#include "codec/guard.h"

#include "base/wire.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	MAJOR_UINT,
	MAJOR_NINT,
	MAJOR_BYTES,
	MAJOR_TEXT,
	MAJOR_ARRAY,
	MAJOR_MAP,
	MAJOR_TAG,
	MAJOR_SIMPLE,
	INFO_1_OCTET = 24,
	INFO_8_OCTETS = 27,
	INFO_INDEFINITE = 31,
	SIMPLE_FALSE = 20,
	SIMPLE_NULL = 22,
};

struct head {
	unsigned major, info;
	uint64_t value;
	const uint8_t *content; /* of strings */
};

/* Where the walk stands, for error messages; a chain on the C stack. */
struct place {
	const struct place *up;
	const struct head *key; /* NULL: index */
	size_t index;
};

struct guard {
	const uint8_t *at, *end;
	size_t items, items_max;
	bool canonical;
	struct tree_error *error;
};

static size_t print_key(const struct head *key, bool first, char *out, size_t cap)
{
	int n;
	if (key->major == MAJOR_TEXT)
		n = snprintf(out, cap, "%s%.*s", first ? "" : ".",
			key->value > 40 ? 40 : (int)key->value, (const char *)key->content);
	else if (key->major == MAJOR_NINT && key->value < INT64_MAX)
		n = snprintf(out, cap, "[-%" PRIu64 "]", key->value + 1);
	else
		n = snprintf(out, cap, "[%" PRIu64 "]", key->value);
	return n < 0 ? 0 : (size_t)n;
}

static size_t print_place(const struct place *place, char *out, size_t cap)
{
	if (!place)
		return 0;
	size_t used = print_place(place->up, out, cap);
	if (used >= cap)
		return used;
	if (place->key)
		return used + print_key(place->key, used == 0, out + used, cap - used);
	int n = snprintf(out + used, cap - used, "[%zu]", place->index);
	return used + (n < 0 ? 0 : (size_t)n);
}

/* A cut path must not end inside a character, nor carry control characters to a terminal. */
static void tidy(char *text)
{
	text[guard_utf8((const uint8_t *)text, strlen(text))] = '\0';
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

__attribute__((format(printf, 3, 4))) static bool refuse(
	const struct guard *g, const struct place *place, const char *fmt, ...)
{
	if (!g->error)
		return false;
	va_list args;
	va_start(args, fmt);
	vsnprintf(g->error->text, sizeof g->error->text, fmt, args);
	va_end(args);
	g->error->at[0] = '\0';
	print_place(place, g->error->at, sizeof g->error->at);
	tidy(g->error->at);
	return false;
}

static size_t utf8_length(const uint8_t *p, size_t left)
{
	static const struct {
		uint8_t first, last, low, high, len;
	} forms[] = {
		{0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3},
		{0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	if (p[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		if (p[0] < forms[i].first || p[0] > forms[i].last)
			continue;
		if (left < forms[i].len || p[1] < forms[i].low || p[1] > forms[i].high)
			return 0;
		for (size_t k = 2; k < forms[i].len; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

size_t guard_utf8(const uint8_t *text, size_t len)
{
	size_t at = 0;
	while (at < len) {
		size_t n = utf8_length(text + at, len - at);
		if (n == 0)
			break;
		at += n;
	}
	return at;
}

static bool read_argument(struct guard *g, struct head *head)
{
	static const uint64_t least[] = {24, 0x100, 0x10000, 0x100000000};
	unsigned form = head->info - INFO_1_OCTET;
	size_t n = (size_t)1 << form;
	if ((size_t)(g->end - g->at) < n)
		return false;
	head->value = n == 1   ? g->at[0]
		      : n == 2 ? get_be16(g->at)
		      : n == 4 ? get_be32(g->at)
			       : get_be64(g->at);
	g->at += n;
	if (head->value < least[form])
		g->canonical = false;
	return true;
}

static bool read_head(struct guard *g, const struct place *place, struct head *head)
{
	if (g->at == g->end)
		return refuse(g, place, "ends before the item");
	if (++g->items > g->items_max)
		return refuse(g, place, "more than %zu items", g->items_max);
	head->major = *g->at >> 5;
	head->info = *g->at++ & 0x1f;
	head->value = head->info;
	head->content = NULL;
	if (head->info == INFO_INDEFINITE)
		return refuse(g, place, "indefinite length");
	if (head->info > INFO_8_OCTETS)
		return refuse(g, place, "reserved head 0x%02x", (unsigned)g->at[-1]);
	if (head->major == MAJOR_SIMPLE) {
		if (head->info >= SIMPLE_FALSE && head->info <= SIMPLE_NULL)
			return true;
		if (head->info > INFO_1_OCTET)
			return refuse(g, place, "floating-point number");
		return refuse(g, place, "simple value other than false, true and null");
	}
	if (head->info >= INFO_1_OCTET && !read_argument(g, head))
		return refuse(g, place, "ends inside a head");
	return true;
}

static bool read_string(struct guard *g, const struct place *place, struct head *head)
{
	size_t left = (size_t)(g->end - g->at);
	if (head->value > left)
		return refuse(g, place, "claims %" PRIu64 " octets where %zu are left", head->value,
			left);
	head->content = g->at;
	g->at += head->value;
	if (head->major == MAJOR_TEXT &&
		guard_utf8(head->content, (size_t)head->value) != head->value)
		return refuse(g, place, "text is not UTF-8");
	return true;
}

static bool read_key(struct guard *g, const struct place *place, struct head *key)
{
	if (!read_head(g, place, key))
		return false;
	if (key->major == MAJOR_TEXT)
		return read_string(g, place, key);
	if (key->major != MAJOR_UINT && key->major != MAJOR_NINT)
		return refuse(g, place, "map key is neither integer nor text");
	return true;
}

/* Order of the encoded keys, RFC 8949 4.2.1. */
static int compare_keys(const struct head *a, const struct head *b)
{
	if (a->major != b->major)
		return a->major < b->major ? -1 : 1;
	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	return a->content ? memcmp(a->content, b->content, (size_t)a->value) : 0;
}

static bool walk(struct guard *g, const struct place *place, unsigned depth);

/* Keys of a map are read again for each later one: no table, since nothing may be allocated. */
static bool is_duplicate(
	const struct guard *g, const uint8_t *const *keys, size_t n, const struct head *key)
{
	struct guard again = {.end = g->end, .items_max = 1};
	for (size_t i = 0; i < n; i++) {
		struct head other = {0};
		again.at = keys[i];
		again.items = 0;
		if (read_key(&again, NULL, &other) && compare_keys(&other, key) == 0)
			return true;
	}
	return false;
}

static bool walk_map(struct guard *g, const struct place *place, uint64_t pairs, unsigned depth)
{
	const uint8_t *keys[GUARD_PAIRS_MAX];
	struct head last = {0};
	bool sorted = true;
	if (pairs > GUARD_PAIRS_MAX)
		return refuse(g, place, "more than %d pairs in a map", GUARD_PAIRS_MAX);
	for (size_t i = 0; i < pairs; i++) {
		struct head key = {0};
		struct place inner = {.up = place, .index = i};
		keys[i] = g->at;
		if (!read_key(g, &inner, &key))
			return false;
		inner.key = &key;
		if (i > 0 && compare_keys(&last, &key) >= 0)
			sorted = false;
		/* Ascending keys cannot repeat: the search runs only for maps out of order. */
		if (!sorted && is_duplicate(g, keys, i, &key))
			return refuse(g, &inner, "key stands twice");
		last = key;
		if (!walk(g, &inner, depth))
			return false;
	}
	g->canonical = g->canonical && sorted;
	return true;
}

static bool walk_container(
	struct guard *g, const struct place *place, const struct head *head, unsigned depth)
{
	uint64_t children = head->major == MAJOR_TAG ? 1 : head->value;
	uint64_t left = (uint64_t)(g->end - g->at);
	if (depth == 0)
		return refuse(g, place, "nested too deep");
	if (children > left || (head->major == MAJOR_MAP && children > left / 2))
		return refuse(g, place,
			"claims %" PRIu64 " entries where %" PRIu64 " octets are left", children,
			left);
	if (head->major == MAJOR_MAP)
		return walk_map(g, place, children, depth - 1);
	if (head->major == MAJOR_TAG)
		return walk(g, place, depth - 1);
	for (size_t i = 0; i < children; i++) {
		struct place inner = {.up = place, .index = i};
		if (!walk(g, &inner, depth - 1))
			return false;
	}
	return true;
}

static bool walk(struct guard *g, const struct place *place, unsigned depth)
{
	struct head head = {0};
	if (!read_head(g, place, &head))
		return false;
	if (head.major == MAJOR_BYTES || head.major == MAJOR_TEXT)
		return read_string(g, place, &head);
	if (head.major == MAJOR_ARRAY || head.major == MAJOR_MAP || head.major == MAJOR_TAG)
		return walk_container(g, place, &head, depth);
	return true;
}

bool guard_walk(const uint8_t *data, size_t len, const struct guard_limits *limits, bool *canonical,
	struct tree_error *error)
{
	struct guard g = {
		.at = data,
		.items_max = limits->items,
		.canonical = true,
		.error = error,
	};
	if (len == 0)
		return refuse(&g, NULL, "empty");
	if (len > limits->octets)
		return refuse(&g, NULL, "longer than %zu octets", limits->octets);
	g.end = data + len;
	if (!walk(&g, NULL, limits->depth))
		return false;
	if (g.at != g.end)
		return refuse(&g, NULL, "%zu octets behind the item", (size_t)(g.end - g.at));
	*canonical = g.canonical;
	return true;
}
