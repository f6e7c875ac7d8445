/* SPDX-License-Identifier: Apache-2.0 */
/* YANG data of ietf-schc as JSON (RFC 7951) and as CBOR (RFC 9254), along the schema's table. */
#include "cli/rules_yang.h"

#include "config/keys.h"
#include "config/sid.h"
#include "config/yang.h"
#include "crypto/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBERS_MAX = 16, NAMES_MAX = 128, BINARY_MAX = 64 };

/* What one value is, on the way to CBOR. */
struct item {
	const struct yang_node *node;
	const char *path; /* of the schema, "/ietf-schc:schc/rule" */
	const json_t *value;
	const struct yang_place *place;
};

struct member {
	uint64_t delta;
	const struct yang_node *node;
	const json_t *value;
};

static bool put_item(struct tree_writer *w, const struct item *item, struct tree_error *error);

static bool put_identity(struct tree_writer *w, const struct item *item, struct tree_error *error)
{
	const char *names[NAMES_MAX];
	const char *text = json_string_value(item->value);
	const char *colon = text ? strchr(text, ':') : NULL;
	const char *base = item->node->base;

	if (!text)
		return yang_refuse(
			error, item->place, "the name of an identity %s... is expected", base);
	const struct sid *sid = sid_identity(text, strlen(text));
	if (sid && sid_is_kind(sid, base)) {
		tree_put_uint(w, sid->number);
		return true;
	}
	const char *near =
		keys_nearest(colon ? colon + 1 : text, names, sid_names(base, names, NAMES_MAX));
	if (near)
		return yang_refuse(error, item->place,
			"%.40s is no identity %s...; did you mean %s?", text, base, near);
	return yang_refuse(error, item->place, "%.40s is no identity %s...", text, base);
}

static bool put_uint(struct tree_writer *w, const struct item *item, struct tree_error *error)
{
	json_int_t number = json_integer_value(item->value);

	if (!json_is_integer(item->value) || number < item->node->min || number > item->node->max)
		return yang_refuse(error, item->place, "a number from %u to %u is expected",
			(unsigned)item->node->min, (unsigned)item->node->max);
	tree_put_uint(w, (uint64_t)number);
	return true;
}

static bool put_binary(struct tree_writer *w, const struct item *item, struct tree_error *error)
{
	const char *text = json_string_value(item->value);
	uint8_t data[BINARY_MAX];
	size_t len;

	if (!text || secret_from_base64(text, strlen(text), data, item->node->max, &len))
		return yang_refuse(error, item->place,
			"base64 (RFC 4648) of at most %u octets is expected",
			(unsigned)item->node->max);
	tree_put_bytes(w, data, len);
	return true;
}

static bool find_member(const struct item *item, const char *name, const json_t *value,
	struct member *out, struct tree_error *error)
{
	char path[YANG_PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", item->path, name);
	*out = (struct member){.node = yang_child(item->node, name, strlen(name)), .value = value};
	if (out->node) {
		out->delta = sid_data(path) - sid_data(item->path);
		return true;
	}
	if (sid_data(path))
		return yang_refuse(error, item->place,
			"%.40s belongs to fragmentation, which is not done", name);
	return yang_refuse(error, item->place, "%.40s is no member of %s", name, item->node->name);
}

/* Ascending deltas: they are all positive, so this is the order of the encoded keys. */
static void insert(struct member *list, size_t n, const struct member *member)
{
	while (n > 0 && list[n - 1].delta > member->delta) {
		list[n] = list[n - 1];
		n--;
	}
	list[n] = *member;
}

static bool put_members(struct tree_writer *w, const struct item *item, struct tree_error *error)
{
	struct member list[MEMBERS_MAX];
	struct member member;
	size_t n = 0;
	const char *name;
	json_t *value;

	if (!json_is_object(item->value))
		return yang_refuse(error, item->place, "an object is expected");
	for (size_t i = 0; i < item->node->n_child; i++)
		if (item->node->child[i].mandatory &&
			!json_object_get(item->value, item->node->child[i].name))
			return yang_refuse(
				error, item->place, "%s is missing", item->node->child[i].name);
	void *iter = json_object_iter((json_t *)(uintptr_t)item->value);
	for (; iter; iter = json_object_iter_next((json_t *)(uintptr_t)item->value, iter)) {
		name = json_object_iter_key(iter);
		value = json_object_iter_value(iter);
		if (!find_member(item, name, value, &member, error))
			return false;
		insert(list, n++, &member);
	}
	tree_put_map(w, n);
	for (size_t i = 0; i < n; i++) {
		char path[YANG_PATH_MAX];
		struct yang_place place = {.up = item->place, .name = list[i].node->name};

		snprintf(path, sizeof path, "%s/%s", item->path, list[i].node->name);
		tree_put_uint(w, list[i].delta);
		if (!put_item(w, &(struct item){list[i].node, path, list[i].value, &place}, error))
			return false;
	}
	return true;
}

static bool put_list(struct tree_writer *w, const struct item *item, struct tree_error *error)
{
	size_t n = json_array_size(item->value);

	if (!json_is_array(item->value))
		return yang_refuse(error, item->place, "an array is expected");
	if (n == 0 || n > item->node->max)
		return yang_refuse(
			error, item->place, "has 1 to %u entries", (unsigned)item->node->max);
	tree_put_array(w, n);
	for (size_t i = 0; i < n; i++) {
		struct yang_place place = {.up = item->place, .index = i};
		struct item entry = {
			item->node, item->path, json_array_get(item->value, i), &place};

		if (!put_members(w, &entry, error))
			return false;
	}
	return true;
}

static bool put_item(struct tree_writer *w, const struct item *item, struct tree_error *error)
{
	switch (item->node->type) {
	case YANG_CONTAINER:
		return put_members(w, item, error);
	case YANG_LIST:
		return put_list(w, item, error);
	case YANG_UINT:
		return put_uint(w, item, error);
	case YANG_BINARY:
		return put_binary(w, item, error);
	case YANG_LENGTH:
		if (json_is_integer(item->value))
			return put_uint(w, item, error);
		tree_put_tag(w, YANG_TAG_IDENTITY);
		return put_identity(w, item, error);
	case YANG_IDENTITY:
		break;
	}
	return put_identity(w, item, error);
}

bool rules_yang_put(struct tree_writer *w, const json_t *schc, struct tree_error *error)
{
	struct yang_place place = {.name = YANG_ROOT};

	tree_put_map(w, 1);
	tree_put_uint(w, sid_data("/" YANG_ROOT));
	return put_item(w, &(struct item){yang_root(), "/" YANG_ROOT, schc, &place}, error);
}

static json_t *get_identity(tree_node value)
{
	uint64_t number = 0;
	const struct sid *sid = tree_uint(value, UINT64_MAX, &number) ? sid_find(number) : NULL;

	return sid ? json_sprintf("%s:%s", sid->module, sid->identifier) : NULL;
}

static json_t *get_binary(tree_node value)
{
	char text[SECRET_BASE64_LEN(BINARY_MAX)];
	const uint8_t *data;
	size_t len;

	if (!tree_bytes(value, &data, &len) || len > BINARY_MAX)
		return NULL;
	secret_to_base64(data, len, text);
	return json_string(text);
}

static json_t *get_node(const struct yang_node *node, const char *path, tree_node value);

static json_t *get_members(const struct yang_node *node, const char *path, tree_node map)
{
	json_t *out = json_object();
	uint64_t sid = sid_data(path);

	for (size_t i = 0; i < node->n_child; i++) {
		char child[YANG_PATH_MAX];

		snprintf(child, sizeof child, "%s/%s", path, node->child[i].name);
		tree_node value = tree_get_int(map, (int64_t)(sid_data(child) - sid));
		if (value)
			json_object_set_new(
				out, node->child[i].name, get_node(&node->child[i], child, value));
	}
	return out;
}

static json_t *get_node(const struct yang_node *node, const char *path, tree_node value)
{
	uint64_t number = 0;
	json_t *out;

	switch (node->type) {
	case YANG_CONTAINER:
		return get_members(node, path, value);
	case YANG_LIST:
		out = json_array();
		for (size_t i = 0; i < tree_count(value); i++)
			json_array_append_new(out, get_members(node, path, tree_at(value, i)));
		return out;
	case YANG_BINARY:
		return get_binary(value);
	case YANG_LENGTH:
		if (tree_kind(value) == TREE_TAG)
			return get_identity(tree_tagged(value, &number));
		break;
	case YANG_IDENTITY:
		return get_identity(value);
	case YANG_UINT:
		break;
	}
	return tree_uint(value, UINT32_MAX, &number) ? json_integer((json_int_t)number) : NULL;
}

json_t *rules_yang_get(tree_node map)
{
	tree_node value = tree_get_int(map, (int64_t)sid_data("/" YANG_ROOT));

	return get_node(yang_root(), "/" YANG_ROOT, value);
}
