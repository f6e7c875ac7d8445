/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR writer: heads in their shortest form, RFC 8949 section 4.2.1. */
#include "codec/tree.h"

#include "base/wire.h"
#include "codec/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAJOR_UINT = 0 << 5,
	MAJOR_NINT = 1 << 5,
	MAJOR_BYTES = 2 << 5,
	MAJOR_TEXT = 3 << 5,
	MAJOR_ARRAY = 4 << 5,
	MAJOR_MAP = 5 << 5,
	MAJOR_TAG = 6 << 5,
	ITEM_FALSE = 0xf4,
	ITEM_TRUE = 0xf5,
	ITEM_NULL = 0xf6,
	FIRST_BLOCK = 256,
};

void tree_writer_init(struct tree_writer *w)
{
	*w = (struct tree_writer){0};
}

void tree_writer_fini(struct tree_writer *w)
{
	free(w->data);
	*w = (struct tree_writer){0};
}

static uint8_t *reserve(struct tree_writer *w, size_t n)
{
	if (w->error)
		return NULL;
	if (n > w->cap - w->len) {
		size_t cap = w->cap ? w->cap : FIRST_BLOCK;
		while (cap - w->len < n && cap <= SIZE_MAX / 2)
			cap *= 2;
		uint8_t *data = cap - w->len < n ? NULL : realloc(w->data, cap);
		if (!data) {
			w->error = -ENOMEM;
			return NULL;
		}
		w->data = data;
		w->cap = cap;
	}
	uint8_t *at = w->data + w->len;
	w->len += n;
	return at;
}

void tree_put_raw(struct tree_writer *w, const uint8_t *data, size_t len)
{
	uint8_t *at = len ? reserve(w, len) : NULL;
	if (at)
		memcpy(at, data, len);
}

static void put_head(struct tree_writer *w, unsigned major, uint64_t value)
{
	uint8_t head[9];
	size_t len = value < 24            ? 1
		     : value <= 0xff       ? 2
		     : value <= 0xffff     ? 3
		     : value <= 0xffffffff ? 5
					   : 9;
	switch (len) {
	case 1:
		head[0] = (uint8_t)(major | value);
		break;
	case 2:
		head[0] = (uint8_t)(major | 24);
		head[1] = (uint8_t)value;
		break;
	case 3:
		head[0] = (uint8_t)(major | 25);
		put_be16(head + 1, (uint16_t)value);
		break;
	case 5:
		head[0] = (uint8_t)(major | 26);
		put_be32(head + 1, (uint32_t)value);
		break;
	default:
		head[0] = (uint8_t)(major | 27);
		put_be64(head + 1, value);
	}
	tree_put_raw(w, head, len);
}

void tree_put_uint(struct tree_writer *w, uint64_t value)
{
	put_head(w, MAJOR_UINT, value);
}

void tree_put_int(struct tree_writer *w, int64_t value)
{
	if (value < 0)
		put_head(w, MAJOR_NINT, (uint64_t)(-1 - value));
	else
		put_head(w, MAJOR_UINT, (uint64_t)value);
}

void tree_put_bool(struct tree_writer *w, bool value)
{
	tree_put_raw(w, &(uint8_t){value ? ITEM_TRUE : ITEM_FALSE}, 1);
}

void tree_put_null(struct tree_writer *w)
{
	tree_put_raw(w, &(uint8_t){ITEM_NULL}, 1);
}

/* Our own reader refuses text that is not UTF-8, so each stray octet becomes '?'. */
void tree_put_text(struct tree_writer *w, const char *text)
{
	size_t len = strlen(text);
	put_head(w, MAJOR_TEXT, len);
	uint8_t *at = len ? reserve(w, len) : NULL;
	if (!at)
		return;
	memcpy(at, text, len); /* NOLINT(bugprone-not-null-terminated-result): CBOR has a length */
	for (size_t good = guard_utf8(at, len); good < len;
		good += guard_utf8(at + good, len - good))
		at[good] = '?';
}

void tree_put_bytes(struct tree_writer *w, const void *data, size_t len)
{
	put_head(w, MAJOR_BYTES, len);
	tree_put_raw(w, data, len);
}

void tree_put_array(struct tree_writer *w, size_t n)
{
	put_head(w, MAJOR_ARRAY, n);
}

void tree_put_map(struct tree_writer *w, size_t pairs)
{
	put_head(w, MAJOR_MAP, pairs);
}

void tree_put_tag(struct tree_writer *w, uint64_t tag)
{
	put_head(w, MAJOR_TAG, tag);
}

static void put_string(struct tree_writer *w, unsigned major, const void *data, size_t len)
{
	put_head(w, major, len);
	tree_put_raw(w, data, len);
}

static void put_leaf(struct tree_writer *w, tree_node node)
{
	const uint8_t *data;
	const char *text;
	size_t len;
	uint64_t number;
	int64_t negative;
	bool flag;
	if (tree_uint(node, UINT64_MAX, &number))
		tree_put_uint(w, number);
	else if (tree_int(node, &negative))
		tree_put_int(w, negative);
	else if (tree_bytes(node, &data, &len))
		put_string(w, MAJOR_BYTES, data, len);
	else if (tree_text(node, &text, &len))
		put_string(w, MAJOR_TEXT, text, len);
	else if (tree_bool(node, &flag))
		tree_put_bool(w, flag);
	else
		tree_put_null(w);
}

void tree_put_node(struct tree_writer *w, tree_node node)
{
	enum tree_kind kind = tree_kind(node);
	tree_node key;
	tree_node value;
	uint64_t tag;
	if (kind == TREE_TAG) {
		value = tree_tagged(node, &tag);
		tree_put_tag(w, tag);
		tree_put_node(w, value);
		return;
	}
	if (kind != TREE_ARRAY && kind != TREE_MAP) {
		put_leaf(w, node);
		return;
	}
	put_head(w, kind == TREE_MAP ? MAJOR_MAP : MAJOR_ARRAY, tree_count(node));
	for (size_t i = 0; i < tree_count(node); i++) {
		tree_pair(node, i, &key, &value);
		if (key)
			put_leaf(w, key);
		tree_put_node(w, key ? value : tree_at(node, i));
	}
}
