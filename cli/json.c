/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR trees as jansson values, and answers of several frames joined. */
#include "cli/json.h"

#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *from_bytes(tree_node node)
{
	const uint8_t *data;
	size_t len;
	char *hex;
	json_t *out;

	if (!tree_bytes(node, &data, &len) || !(hex = malloc(len * 2 + 1)))
		return NULL;
	for (size_t i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", data[i]);
	out = json_stringn(hex, len * 2);
	free(hex);
	return out;
}

static json_t *from_text(tree_node node)
{
	const char *text;
	size_t len;

	return tree_text(node, &text, &len) ? json_stringn(text, len) : NULL;
}

static json_t *from_array(tree_node node)
{
	json_t *out = json_array();

	for (size_t i = 0; i < tree_count(node); i++)
		json_array_append_new(out, json_from_tree(tree_at(node, i)));
	return out;
}

static json_t *from_map(tree_node node)
{
	json_t *out = json_object();

	for (size_t i = 0; i < tree_count(node); i++) {
		tree_node key;
		tree_node value;
		char name[96];
		int64_t number;

		tree_pair(node, i, &key, &value);
		if (tree_int(key, &number))
			snprintf(name, sizeof name, "%lld", (long long)number);
		else if (!tree_text_copy(key, name, sizeof name))
			continue;
		json_object_set_new(out, name, json_from_tree(value));
	}
	return out;
}

json_t *json_from_tree(tree_node node)
{
	uint64_t u;
	int64_t i;
	bool b;

	if (!node)
		return NULL;
	switch (tree_kind(node)) {
	case TREE_UINT:
		return json_integer(tree_uint(node, UINT64_MAX, &u) ? (json_int_t)u : 0);
	case TREE_NINT:
		return json_integer(tree_int(node, &i) ? i : 0);
	case TREE_BOOL:
		return json_boolean(tree_bool(node, &b) && b);
	case TREE_BYTES:
		return from_bytes(node);
	case TREE_TEXT:
		return from_text(node);
	case TREE_ARRAY:
		return from_array(node);
	case TREE_MAP:
		return from_map(node);
	case TREE_TAG:
	case TREE_NULL:
		break;
	}
	return json_null();
}

static void join_object(json_t *into, json_t *from);

static bool same_name(const json_t *a, const json_t *b)
{
	const char *x = json_string_value(json_object_get(a, "name"));
	const char *y = json_string_value(json_object_get(b, "name"));

	return x && y && strcmp(x, y) == 0;
}

static void join_array(json_t *into, json_t *from)
{
	size_t i;
	json_t *item;

	json_array_foreach(from, i, item)
	{
		json_t *last = json_array_get(into, json_array_size(into) - 1);

		if (i == 0 && same_name(last, item))
			join_object(last, item);
		else
			json_array_append(into, item);
	}
}

static void join_object(json_t *into, json_t *from)
{
	const char *key;
	json_t *value;

	json_object_foreach(from, key, value)
	{
		json_t *there = json_object_get(into, key);

		if (json_is_array(there) && json_is_array(value))
			join_array(there, value);
		else
			json_object_set(into, key, value);
	}
}

void json_join(json_t *into, tree_node ok)
{
	json_t *from = json_from_tree(ok);

	if (json_is_object(from))
		join_object(into, from);
	json_decref(from);
}

const char *json_text(const json_t *object, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : otherwise;
}

long long json_number(const json_t *object, const char *key, long long otherwise)
{
	const json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool json_flag(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

int json_print(json_t *result)
{
	json_object_set_new(result, "v", json_integer(1));
	json_dumpf(result, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	return CLI_OK;
}
