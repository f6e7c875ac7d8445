/* SPDX-License-Identifier: Apache-2.0 */
/* Attribute maps: keys as the IKE code points of the Diet-ESP attributes (conf/schema/rules.cddl).
 */
#include "config/rules.h"

#include "config/preset.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	KEY_DSCP_CDA = 0,
	KEY_ECN_CDA = 1,
	KEY_FLOW_LABEL_CDA = 2,
	KEY_ALIGNMENT = 3,
	KEY_ESP_SPI_LSB = 4,
	KEY_ESP_SN_LSB = 5,
	KEY_ESP_TRAILER = 6,
	KEY_IIPC = -1,
	KEY_DSCP_LIST = -2,
	KEY_TS = -3,
	KEY_RULE_ID = -4,
	KEY_HOP_LIMIT_CDA = -5,
	KEY_WINDOW = -6,
	KEY_RULES_DIGEST = -16, /* these two only between host and plugin, never in a file */
	KEY_DEVICE = -17,
	DSCP_TOP = 63,
	WINDOW_TOP = 16384,
};

/* In the order of the encoded keys, RFC 8949 4.2.1. */
static const struct rules_attribute attributes[] = {
	{KEY_DSCP_CDA, "dscp_cda", 0, DSCP_SA, {"not_compressed", "lower", "sa"}},
	{KEY_ECN_CDA, "ecn_cda", 0, ECN_LOWER, {"not_compressed", "lower"}},
	{KEY_FLOW_LABEL_CDA, "flow_label_cda", 0, FLOW_LABEL_ZERO,
		{"not_compressed", "lower", "generated", "zero"}},
	{KEY_ALIGNMENT, "alignment", 0, ALIGNMENT_64, {"8", "16", "32", "64"}},
	{KEY_ESP_SPI_LSB, "esp_spi_lsb", 0, 32, {NULL}},
	{KEY_ESP_SN_LSB, "esp_sn_lsb", 0, 32, {NULL}},
	{KEY_ESP_TRAILER, "esp_trailer", 0, ESP_TRAILER_OPTIONAL, {"mandatory", "optional"}},
	{KEY_IIPC, "iipc_profile", 0, 1, {"not_compressed", "diet-esp"}},
	{KEY_DSCP_LIST, "dscp_list", 0, DSCP_TOP, {NULL}},
	{KEY_RULE_ID, "rule_id", 0, 1, {"false", "true"}},
	{KEY_HOP_LIMIT_CDA, "hop_limit_cda", 0, HOP_LIMIT_NOT_COMPRESSED,
		{"lower", "not_compressed"}},
	{KEY_WINDOW, "window", 1, WINDOW_TOP, {NULL}},
};

enum { N_ATTRIBUTES = sizeof attributes / sizeof *attributes };

const struct rules_attribute *rules_attributes(size_t *n)
{
	*n = N_ATTRIBUTES;
	return attributes;
}

bool rules_attribute_is_list(const struct rules_attribute *attribute)
{
	return attribute->key == KEY_DSCP_LIST;
}

__attribute__((format(printf, 3, 4))) static int wrong(
	struct tree_error *error, const char *at, const char *fmt, ...)
{
	if (error) {
		va_list args;
		va_start(args, fmt);
		vsnprintf(error->text, sizeof error->text, fmt, args);
		va_end(args);
		snprintf(error->at, sizeof error->at, "%s", at);
	}
	return -EINVAL;
}

static void set(struct diet_attrs *attrs, int64_t key, uint32_t value)
{
	switch (key) {
	case KEY_DSCP_CDA:
		attrs->dscp_cda = (uint8_t)value;
		break;
	case KEY_ECN_CDA:
		attrs->ecn_cda = (uint8_t)value;
		break;
	case KEY_FLOW_LABEL_CDA:
		attrs->flow_label_cda = (uint8_t)value;
		break;
	case KEY_ALIGNMENT:
		attrs->alignment = (uint8_t)value;
		break;
	case KEY_ESP_SPI_LSB:
		attrs->esp_spi_lsb = (uint8_t)value;
		break;
	case KEY_ESP_SN_LSB:
		attrs->esp_sn_lsb = (uint8_t)value;
		break;
	case KEY_ESP_TRAILER:
		attrs->esp_trailer = (uint8_t)value;
		break;
	case KEY_IIPC:
		attrs->iipc = value != 0;
		break;
	case KEY_RULE_ID:
		attrs->rule_id = value != 0;
		break;
	case KEY_HOP_LIMIT_CDA:
		attrs->hop_limit_cda = (uint8_t)value;
		break;
	default:
		attrs->window = value;
	}
}

static int read_dscp_list(
	struct diet_attrs *attrs, tree_node list, const char *at, struct tree_error *error)
{
	size_t n = tree_count(list);
	uint64_t value;
	if (tree_kind(list) != TREE_ARRAY || n == 0 || n > DIET_DSCP_MAX)
		return wrong(error, at, "dscp_list has 1 to %d entries", DIET_DSCP_MAX);
	for (size_t i = 0; i < n; i++) {
		if (!tree_uint(tree_at(list, i), DSCP_TOP, &value))
			return wrong(error, at, "dscp_list holds numbers from 0 to %d", DSCP_TOP);
		if (memchr(attrs->dscp_list, (int)value, i))
			return wrong(error, at, "dscp_list holds %u twice", (unsigned)value);
		attrs->dscp_list[i] = (uint8_t)value;
	}
	attrs->n_dscp = (uint8_t)n;
	return 0;
}

static int read_attribute(struct diet_attrs *attrs, tree_node key, tree_node value,
	const char *path, struct tree_error *error)
{
	char at[TREE_PATH_MAX];
	int64_t number;
	uint64_t v;
	if (!tree_int(key, &number))
		return wrong(error, path, "a profile has integer keys only");
	snprintf(at, sizeof at, "%.60s[%lld]", path, (long long)number);
	if (number == KEY_DSCP_LIST)
		return read_dscp_list(attrs, value, at, error);
	if (number == KEY_TS)
		return wrong(error, at, "static traffic selectors are not loaded in this version");
	for (size_t i = 0; i < N_ATTRIBUTES; i++) {
		const struct rules_attribute *a = &attributes[i];
		if (a->key != number)
			continue;
		if (!tree_uint(value, a->max, &v) || v < a->min)
			return wrong(error, at, "%s is a number from %u to %u", a->name,
				(unsigned)a->min, (unsigned)a->max);
		set(attrs, number, (uint32_t)v);
		return 0;
	}
	return wrong(error, at, "unknown attribute");
}

static struct diet_attrs defaults(void)
{
	struct diet_attrs attrs = diet_attrs_plain();
	attrs.iipc = true;
	attrs.alignment = ALIGNMENT_64;
	attrs.esp_trailer = ESP_TRAILER_OPTIONAL;
	attrs.hop_limit_cda = HOP_LIMIT_LOWER;
	attrs.verify_checksum = true;
	return attrs;
}

static bool names_rules(tree_node key)
{
	int64_t number;
	return tree_int(key, &number) && (number == KEY_RULES_DIGEST || number == KEY_DEVICE);
}

static int take(tree_node map, const char *path, bool rules, struct diet_attrs *out,
	struct tree_error *error)
{
	struct diet_attrs attrs = defaults();
	if (tree_kind(map) != TREE_MAP)
		return wrong(error, path, "a profile is a map");
	for (size_t i = 0; i < tree_count(map); i++) {
		tree_node key;
		tree_node value;
		tree_pair(map, i, &key, &value);
		if (rules && names_rules(key))
			continue;
		int err = read_attribute(&attrs, key, value, path, error);
		if (err)
			return err;
	}
	if (!tree_get_int(map, KEY_WINDOW))
		preset_fit_window(&attrs);
	const char *illegal = diet_attrs_check(&attrs);
	if (illegal)
		return wrong(error, path, "%s", illegal);
	*out = attrs;
	return 0;
}

int rules_attrs_take(
	tree_node map, const char *path, struct diet_attrs *out, struct tree_error *error)
{
	return take(map, path, false, out, error);
}

/* Both or none. */
static int read_rules(tree_node map, struct diet_attrs *attrs, struct tree_error *error)
{
	tree_node digest = tree_get_int(map, KEY_RULES_DIGEST);
	tree_node device = tree_get_int(map, KEY_DEVICE);
	uint64_t name = 0;
	uint64_t up = 0;
	if (!digest && !device)
		return 0;
	if (!tree_uint(digest, UINT32_MAX, &name) || !tree_uint(device, 1, &up))
		return wrong(error, "[-16]", "a rule set is named by 32 bits and the end of Dev");
	attrs->rules_named = true;
	attrs->rules_digest = (uint32_t)name;
	attrs->device = up;
	return 0;
}

int rules_attrs_read(struct slice cbor, struct diet_attrs *out, struct tree_error *error)
{
	struct tree *tree = tree_parse(cbor.data, cbor.len, TREE_DEPTH_FILE, error);
	struct diet_attrs attrs;
	if (!tree)
		return -EINVAL;
	int err = take(tree_root(tree), "", true, &attrs, error);
	if (!err)
		err = read_rules(tree_root(tree), &attrs, error);
	tree_free(tree);
	if (!err)
		*out = attrs;
	return err;
}

static void put_pair(struct tree_writer *w, int64_t key, uint64_t value)
{
	tree_put_int(w, key);
	tree_put_uint(w, value);
}

void rules_attrs_write(struct tree_writer *w, const struct diet_attrs *attrs)
{
	size_t pairs = N_ATTRIBUTES;
	if (attrs->n_dscp == 0)
		pairs--;
	if (attrs->rules_named)
		pairs += 2;
	tree_put_map(w, pairs);
	put_pair(w, KEY_DSCP_CDA, attrs->dscp_cda);
	put_pair(w, KEY_ECN_CDA, attrs->ecn_cda);
	put_pair(w, KEY_FLOW_LABEL_CDA, attrs->flow_label_cda);
	put_pair(w, KEY_ALIGNMENT, attrs->alignment);
	put_pair(w, KEY_ESP_SPI_LSB, attrs->esp_spi_lsb);
	put_pair(w, KEY_ESP_SN_LSB, attrs->esp_sn_lsb);
	put_pair(w, KEY_ESP_TRAILER, attrs->esp_trailer);
	put_pair(w, KEY_IIPC, attrs->iipc);
	if (attrs->n_dscp > 0) {
		tree_put_int(w, KEY_DSCP_LIST);
		tree_put_array(w, attrs->n_dscp);
		for (size_t i = 0; i < attrs->n_dscp; i++)
			tree_put_uint(w, attrs->dscp_list[i]);
	}
	put_pair(w, KEY_RULE_ID, attrs->rule_id);
	put_pair(w, KEY_HOP_LIMIT_CDA, attrs->hop_limit_cda);
	put_pair(w, KEY_WINDOW, attrs->window);
	if (!attrs->rules_named)
		return;
	put_pair(w, KEY_RULES_DIGEST, attrs->rules_digest);
	put_pair(w, KEY_DEVICE, attrs->device);
}
