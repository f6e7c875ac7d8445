/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of compression rules (RFC 9363 section 6) and the check of YANG-CBOR against it. */
#include "config/yang.h"

#include "config/sid.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	RULES_MAX = 256,
	ENTRIES_MAX = 64,
	VALUES_MAX = 64,
	VALUE_LEN_MAX = 64,
	U8 = UINT8_MAX,
	U16 = UINT16_MAX,
	ID_BITS_MAX = 32,
};

#define CHILDREN(list) .child = (list), .n_child = sizeof(list) / sizeof *(list)

static const struct yang_node value_nodes[] = {
	{.name = "index", .type = YANG_UINT, .max = U16, .mandatory = true},
	{.name = "value", .type = YANG_BINARY, .max = VALUE_LEN_MAX, .mandatory = true},
};

#define VALUE_LIST .type = YANG_LIST, .max = VALUES_MAX, CHILDREN(value_nodes)

static const struct yang_node entry_nodes[] = {
	{.name = "field-id", .type = YANG_IDENTITY, .base = "fid-", .mandatory = true},
	{.name = "field-length", .type = YANG_LENGTH, .max = U8, .base = "fl-", .mandatory = true},
	{.name = "field-position", .type = YANG_UINT, .max = U8, .mandatory = true},
	{.name = "direction-indicator", .type = YANG_IDENTITY, .base = "di-", .mandatory = true},
	{.name = "target-value", VALUE_LIST},
	{.name = "matching-operator", .type = YANG_IDENTITY, .base = "mo-", .mandatory = true},
	{.name = "matching-operator-value", VALUE_LIST},
	{.name = "comp-decomp-action", .type = YANG_IDENTITY, .base = "cda-", .mandatory = true},
	{.name = "comp-decomp-action-value", VALUE_LIST},
};

static const struct yang_node rule_nodes[] = {
	{.name = "rule-id-value", .type = YANG_UINT, .max = UINT32_MAX, .mandatory = true},
	{.name = "rule-id-length", .type = YANG_UINT, .max = ID_BITS_MAX, .mandatory = true},
	{.name = "rule-nature", .type = YANG_IDENTITY, .base = "nature-", .mandatory = true},
	{.name = "entry", .type = YANG_LIST, .max = ENTRIES_MAX, CHILDREN(entry_nodes)},
};

static const struct yang_node schc_nodes[] = {
	{.name = YANG_VERSION, .type = YANG_UINT, .min = 1, .max = UINT32_MAX},
	{.name = "rule",
		.type = YANG_LIST,
		.max = RULES_MAX,
		.mandatory = true,
		CHILDREN(rule_nodes)},
};

static const struct yang_node root = {
	.name = YANG_ROOT, .type = YANG_CONTAINER, CHILDREN(schc_nodes)};

const struct yang_node *yang_root(void)
{
	return &root;
}

const struct yang_node *yang_child(const struct yang_node *node, const char *name, size_t len)
{
	for (size_t i = 0; i < node->n_child; i++)
		if (strlen(node->child[i].name) == len &&
			memcmp(node->child[i].name, name, len) == 0)
			return &node->child[i];
	return NULL;
}

/*
 * The member of node (whose path, "/ietf-schc:schc/rule", has number sid) that stands under this
 * delta; NULL: none that compression knows, *unknown then says what it would be, or NULL.
 */
static const struct yang_node *by_delta(
	const struct yang_node *node, uint64_t sid, int64_t delta, const char **unknown)
{
	const struct sid *parent = sid_find(sid);
	const struct sid *item = sid_find(sid + (uint64_t)delta);
	size_t len = parent ? strlen(parent->identifier) : 0;
	*unknown = NULL;
	if (!item || !parent || item->space != SID_DATA ||
		strncmp(item->identifier, parent->identifier, len) != 0 ||
		item->identifier[len] != '/')
		return NULL;
	const char *name = item->identifier + len + 1;
	*unknown = name;
	return yang_child(node, name, strlen(name));
}

static size_t print_place(const struct yang_place *place, char *out, size_t cap)
{
	if (!place)
		return 0;
	size_t used = print_place(place->up, out, cap);
	if (used >= cap)
		return used;
	int n = place->name ? snprintf(out + used, cap - used, "%s%s", used ? "." : "", place->name)
			    : snprintf(out + used, cap - used, "[%zu]", place->index);
	return used + (n < 0 ? 0 : (size_t)n);
}

bool yang_refuse(struct tree_error *error, const struct yang_place *place, const char *fmt, ...)
{
	if (!error)
		return false;
	va_list args;
	va_start(args, fmt);
	vsnprintf(error->text, sizeof error->text, fmt, args);
	va_end(args);
	error->at[0] = '\0';
	print_place(place, error->at, sizeof error->at);
	return false;
}

static bool check_identity(const struct yang_node *node, tree_node value,
	const struct yang_place *place, struct tree_error *error)
{
	uint64_t number;
	if (!tree_uint(value, UINT64_MAX, &number))
		return yang_refuse(error, place, "the SID of an identity is expected");
	const struct sid *sid = sid_find(number);
	if (!sid || !sid_is_kind(sid, node->base))
		return yang_refuse(error, place, "%" PRIu64 " is no SID of an identity %s...",
			number, node->base);
	return true;
}

static bool check_leaf(const struct yang_node *node, tree_node value,
	const struct yang_place *place, struct tree_error *error)
{
	const uint8_t *data;
	size_t len;
	uint64_t number;
	uint64_t tag = 0;
	tree_node inner = node->type == YANG_LENGTH ? tree_tagged(value, &tag) : NULL;
	if (node->type == YANG_IDENTITY)
		return check_identity(node, value, place, error);
	if (inner && tag == YANG_TAG_IDENTITY)
		return check_identity(node, inner, place, error);
	if (node->type != YANG_BINARY)
		return (tree_uint(value, node->max, &number) && number >= node->min) ||
		       yang_refuse(error, place, "a number from %u to %u is expected",
			       (unsigned)node->min, (unsigned)node->max);
	if (!tree_bytes(value, &data, &len))
		return yang_refuse(error, place, "a byte string is expected");
	return len <= node->max ||
	       yang_refuse(error, place, "longer than %u octets", (unsigned)node->max);
}

struct walk {
	const struct yang_node *node;
	uint64_t sid; /* of node */
	tree_node value;
	const struct yang_place *place;
};

static bool check_node(const struct walk *at, struct tree_error *error);

static bool check_member(const struct walk *at, size_t i, uint64_t *seen, struct tree_error *error)
{
	tree_node key;
	tree_node value;
	int64_t delta;
	const char *unknown;
	tree_pair(at->value, i, &key, &value);
	if (!tree_int(key, &delta))
		return yang_refuse(error, at->place, "members have SID deltas as keys, not text");
	const struct yang_node *child = by_delta(at->node, at->sid, delta, &unknown);
	if (!child && unknown)
		return yang_refuse(error, at->place,
			"%s belongs to fragmentation, which is not done", unknown);
	if (!child)
		return yang_refuse(error, at->place, "key %" PRId64 " is no member of %s", delta,
			at->node->name);
	*seen |= UINT64_C(1) << (child - at->node->child);
	struct yang_place inner = {.up = at->place, .name = child->name};
	return check_node(&(struct walk){child, at->sid + (uint64_t)delta, value, &inner}, error);
}

static bool check_members(const struct walk *at, struct tree_error *error)
{
	uint64_t seen = 0;
	if (tree_kind(at->value) != TREE_MAP)
		return yang_refuse(error, at->place, "a map is expected");
	for (size_t i = 0; i < tree_count(at->value); i++)
		if (!check_member(at, i, &seen, error))
			return false;
	for (size_t i = 0; i < at->node->n_child; i++)
		if (at->node->child[i].mandatory && !(seen >> i & 1))
			return yang_refuse(
				error, at->place, "%s is missing", at->node->child[i].name);
	return true;
}

static bool check_list(const struct walk *at, struct tree_error *error)
{
	size_t n = tree_count(at->value);
	if (tree_kind(at->value) != TREE_ARRAY)
		return yang_refuse(error, at->place, "an array is expected");
	if (n == 0 || n > at->node->max)
		return yang_refuse(
			error, at->place, "has 1 to %u entries", (unsigned)at->node->max);
	for (size_t i = 0; i < n; i++) {
		struct yang_place inner = {.up = at->place, .index = i};
		struct walk entry = {at->node, at->sid, tree_at(at->value, i), &inner};
		if (!check_members(&entry, error))
			return false;
	}
	return true;
}

static bool check_node(const struct walk *at, struct tree_error *error)
{
	if (at->node->type == YANG_LIST)
		return check_list(at, error);
	if (at->node->type == YANG_CONTAINER)
		return check_members(at, error);
	return check_leaf(at->node, at->value, at->place, error);
}

bool yang_check(tree_node map, struct tree_error *error)
{
	uint64_t sid = sid_data("/" YANG_ROOT);
	tree_node key;
	tree_node value;
	uint64_t number;
	tree_pair(map, 0, &key, &value);
	if (tree_kind(map) != TREE_MAP || tree_count(map) != 1 ||
		!tree_uint(key, UINT64_MAX, &number) || number != sid)
		return yang_refuse(error, NULL,
			"a map with the one key %" PRIu64 ", the SID of " YANG_ROOT ", is expected",
			sid);
	struct yang_place place = {.name = root.name};
	return check_node(&(struct walk){&root, sid, value, &place}, error);
}
