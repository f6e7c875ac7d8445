/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR items read through libcbor behind the guard (RFC 8949), and typed getters over them. */
#include "codec/tree.h"

#include "codec/guard.h"

#include <cbor.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tree {
	cbor_item_t *root;
	bool canonical;
};

/* A tree_node is libcbor's item under an opaque name; libcbor's readers want it unqualified. */
static cbor_item_t *item_of(tree_node node)
{
	union {
		tree_node node;
		cbor_item_t *item;
	} both = {.node = node};
	return both.item;
}

static tree_node node_of(const cbor_item_t *item)
{
	return (tree_node)(const void *)item;
}

/* libcbor before 0.11 does not read tags 6 to 20. */
static struct tree *not_loaded(bool memory, struct tree_error *error)
{
	if (error) {
		error->at[0] = '\0';
		snprintf(error->text, sizeof error->text, "%s",
			memory ? "not enough memory" : "a tag that the CBOR library does not know");
	}
	return NULL;
}

static struct tree *parse(const uint8_t *data, size_t len, const struct guard_limits *limits,
	struct tree_error *error)
{
	bool canonical;
	if (!guard_walk(data, len, limits, &canonical, error))
		return NULL;
	struct cbor_load_result result;
	struct tree *tree = malloc(sizeof *tree);
	cbor_item_t *root = tree ? cbor_load(data, len, &result) : NULL;
	if (!root) {
		bool memory = !tree || result.error.code == CBOR_ERR_MEMERROR;
		free(tree);
		return not_loaded(memory, error);
	}
	*tree = (struct tree){.root = root, .canonical = canonical};
	return tree;
}

struct tree *tree_parse(const uint8_t *data, size_t len, unsigned depth, struct tree_error *error)
{
	struct guard_limits limits = {depth, TREE_SIZE_MAX, GUARD_ITEMS_MAX};
	return parse(data, len, &limits, error);
}

struct tree *tree_parse_own(
	const uint8_t *data, size_t len, unsigned depth, struct tree_error *error)
{
	struct guard_limits limits = {depth, SIZE_MAX, SIZE_MAX};
	return parse(data, len, &limits, error);
}

void tree_free(struct tree *tree)
{
	if (!tree)
		return;
	cbor_decref(&tree->root);
	free(tree);
}

/* Volatile: nobody reads what is written, and it must be written all the same. */
static void wipe(volatile unsigned char *data, size_t len)
{
	while (len--)
		*data++ = 0;
}

static void wipe_item(cbor_item_t *item)
{
	cbor_type type = cbor_typeof(item);
	if (type == CBOR_TYPE_BYTESTRING) {
		wipe(cbor_bytestring_handle(item), cbor_bytestring_length(item));
	} else if (type == CBOR_TYPE_STRING) {
		wipe(cbor_string_handle(item), cbor_string_length(item));
	} else if (type == CBOR_TYPE_ARRAY) {
		for (size_t i = 0; i < cbor_array_size(item); i++)
			wipe_item(cbor_array_handle(item)[i]);
	} else if (type == CBOR_TYPE_MAP) {
		for (size_t i = 0; i < cbor_map_size(item); i++) {
			wipe_item(cbor_map_handle(item)[i].key);
			wipe_item(cbor_map_handle(item)[i].value);
		}
	} else if (type == CBOR_TYPE_TAG) {
		cbor_item_t *tagged = cbor_tag_item(item);
		wipe_item(tagged);
		cbor_decref(&tagged);
	}
}

void tree_free_secret(struct tree *tree)
{
	if (tree)
		wipe_item(tree->root);
	tree_free(tree);
}

tree_node tree_root(const struct tree *tree)
{
	return tree ? node_of(tree->root) : NULL;
}

bool tree_canonical(const struct tree *tree)
{
	return tree->canonical;
}

enum tree_kind tree_kind(tree_node node)
{
	static const enum tree_kind kinds[] = {
		[CBOR_TYPE_UINT] = TREE_UINT,
		[CBOR_TYPE_NEGINT] = TREE_NINT,
		[CBOR_TYPE_BYTESTRING] = TREE_BYTES,
		[CBOR_TYPE_STRING] = TREE_TEXT,
		[CBOR_TYPE_ARRAY] = TREE_ARRAY,
		[CBOR_TYPE_MAP] = TREE_MAP,
		[CBOR_TYPE_TAG] = TREE_TAG,
	};
	if (!node)
		return TREE_NULL;
	cbor_type type = cbor_typeof(item_of(node));
	if (type == CBOR_TYPE_FLOAT_CTRL)
		return cbor_is_bool(item_of(node)) ? TREE_BOOL : TREE_NULL;
	return kinds[type];
}

size_t tree_count(tree_node node)
{
	enum tree_kind kind = tree_kind(node);
	if (kind == TREE_ARRAY)
		return cbor_array_size(item_of(node));
	return kind == TREE_MAP ? cbor_map_size(item_of(node)) : 0;
}

tree_node tree_at(tree_node array, size_t index)
{
	if (tree_kind(array) != TREE_ARRAY || index >= tree_count(array))
		return NULL;
	return node_of(cbor_array_handle(item_of(array))[index]);
}

void tree_pair(tree_node map, size_t index, tree_node *key, tree_node *value)
{
	*key = NULL;
	*value = NULL;
	if (tree_kind(map) != TREE_MAP || index >= tree_count(map))
		return;
	const struct cbor_pair *pair = &cbor_map_handle(item_of(map))[index];
	*key = node_of(pair->key);
	*value = node_of(pair->value);
}

tree_node tree_get(tree_node map, const char *key)
{
	size_t want = strlen(key);
	for (size_t i = 0; i < tree_count(map); i++) {
		tree_node name;
		tree_node value;
		const char *text;
		size_t len;
		tree_pair(map, i, &name, &value);
		if (tree_text(name, &text, &len) && len == want && memcmp(text, key, len) == 0)
			return value;
	}
	return NULL;
}

tree_node tree_get_int(tree_node map, int64_t key)
{
	for (size_t i = 0; i < tree_count(map); i++) {
		tree_node name;
		tree_node value;
		int64_t number;
		tree_pair(map, i, &name, &value);
		if (tree_int(name, &number) && number == key)
			return value;
	}
	return NULL;
}

tree_node tree_tagged(tree_node node, uint64_t *tag)
{
	if (tree_kind(node) != TREE_TAG)
		return NULL;
	*tag = cbor_tag_value(item_of(node));
	/* libcbor hands out a reference of its own here; ours is borrowed. */
	return node_of(cbor_move(cbor_tag_item(item_of(node))));
}

bool tree_uint(tree_node node, uint64_t max, uint64_t *out)
{
	if (tree_kind(node) != TREE_UINT || cbor_get_int(item_of(node)) > max)
		return false;
	*out = cbor_get_int(item_of(node));
	return true;
}

bool tree_int(tree_node node, int64_t *out)
{
	enum tree_kind kind = tree_kind(node);
	if (kind != TREE_UINT && kind != TREE_NINT)
		return false;
	uint64_t value = cbor_get_int(item_of(node));
	if (value > INT64_MAX)
		return false;
	*out = kind == TREE_UINT ? (int64_t)value : -1 - (int64_t)value;
	return true;
}

bool tree_bool(tree_node node, bool *out)
{
	if (tree_kind(node) != TREE_BOOL)
		return false;
	*out = cbor_get_bool(item_of(node));
	return true;
}

bool tree_text(tree_node node, const char **text, size_t *len)
{
	if (tree_kind(node) != TREE_TEXT)
		return false;
	*len = cbor_string_length(item_of(node));
	*text = *len ? (const char *)cbor_string_handle(item_of(node)) : "";
	return true;
}

bool tree_bytes(tree_node node, const uint8_t **data, size_t *len)
{
	if (tree_kind(node) != TREE_BYTES)
		return false;
	*len = cbor_bytestring_length(item_of(node));
	*data = *len ? cbor_bytestring_handle(item_of(node)) : (const uint8_t *)"";
	return true;
}

bool tree_text_copy(tree_node node, char *out, size_t cap)
{
	const char *text;
	size_t len;
	if (!tree_text(node, &text, &len) || len >= cap || memchr(text, '\0', len))
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}
