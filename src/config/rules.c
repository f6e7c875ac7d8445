/* SPDX-License-Identifier: Apache-2.0 */
/* Attribute maps and rule files, keys as the IKE code points of the Diet-ESP attributes
 * (conf/schema/rules.cddl). */
#include "config/rules.h"

#include "config/preset.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	TAG_CBOR = 55799,
	FILE_VERSION = 0,
	FILE_PROFILES = 1,
	FILE_CONTEXT = 2,
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
	DSCP_TOP = 63,
	WINDOW_TOP = 16384,
};

static const struct attribute {
	int64_t key;
	const char *name;
	uint32_t min, max;
} attributes[] = {
	{KEY_DSCP_CDA, "dscp_cda", 0, DSCP_SA},
	{KEY_ECN_CDA, "ecn_cda", 0, ECN_LOWER},
	{KEY_FLOW_LABEL_CDA, "flow_label_cda", 0, FLOW_LABEL_ZERO},
	{KEY_ALIGNMENT, "alignment", 0, ALIGNMENT_64},
	{KEY_ESP_SPI_LSB, "esp_spi_lsb", 0, 32},
	{KEY_ESP_SN_LSB, "esp_sn_lsb", 0, 32},
	{KEY_ESP_TRAILER, "esp_trailer", 0, ESP_TRAILER_OPTIONAL},
	{KEY_IIPC, "iipc_profile", 0, 1},
	{KEY_RULE_ID, "rule_id", 0, 1},
	{KEY_HOP_LIMIT_CDA, "hop_limit_cda", 0, HOP_LIMIT_NOT_COMPRESSED},
	{KEY_WINDOW, "window", 1, WINDOW_TOP},
};

enum { N_ATTRIBUTES = sizeof attributes / sizeof *attributes };

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
		const struct attribute *a = &attributes[i];
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

static int read_profile(
	tree_node map, const char *path, struct diet_attrs *out, struct tree_error *error)
{
	struct diet_attrs attrs = defaults();
	if (tree_kind(map) != TREE_MAP)
		return wrong(error, path, "a profile is a map");
	for (size_t i = 0; i < tree_count(map); i++) {
		tree_node key;
		tree_node value;
		tree_pair(map, i, &key, &value);
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

int rules_attrs_read(struct slice cbor, struct diet_attrs *out, struct tree_error *error)
{
	struct tree *tree = tree_parse(cbor.data, cbor.len, TREE_DEPTH_FILE, error);
	if (!tree)
		return -EINVAL;
	int err = read_profile(tree_root(tree), "", out, error);
	tree_free(tree);
	return err;
}

static void put_pair(struct tree_writer *w, int64_t key, uint64_t value)
{
	tree_put_int(w, key);
	tree_put_uint(w, value);
}

void rules_attrs_write(struct tree_writer *w, const struct diet_attrs *attrs)
{
	tree_put_map(w, N_ATTRIBUTES + (attrs->n_dscp > 0));
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
}

/* The map within tag 55799 with its version; *profiles is a map with at least one entry. */
static int read_file(tree_node root, tree_node *profiles, struct tree_error *error)
{
	uint64_t tag = 0;
	uint64_t version;
	tree_node map = tree_tagged(root, &tag);
	if (tag != TAG_CBOR || tree_kind(map) != TREE_MAP)
		return wrong(error, "", "not a rule file: a map with tag 55799 is expected");
	for (size_t i = 0; i < tree_count(map); i++) {
		tree_node key;
		tree_node value;
		int64_t number;
		tree_pair(map, i, &key, &value);
		if (!tree_int(key, &number) || number < FILE_VERSION || number > FILE_CONTEXT)
			return wrong(error, "", "unknown key in a rule file");
	}
	if (!tree_uint(tree_get_int(map, FILE_VERSION), UINT64_MAX, &version) || version != 1)
		return wrong(error, "[0]", "the version of a rule file is 1");
	if (tree_get_int(map, FILE_CONTEXT))
		return wrong(error, "[2]", "explicit rule sets are not loaded in this version");
	*profiles = tree_get_int(map, FILE_PROFILES);
	if (tree_kind(*profiles) != TREE_MAP || tree_count(*profiles) == 0)
		return wrong(error, "[1]", "a map of profiles is expected");
	return 0;
}

/* All profiles have to be right, not only the one asked for. */
static int pick_profile(
	tree_node profiles, const char *name, struct diet_attrs *out, struct tree_error *error)
{
	struct diet_attrs picked;
	struct diet_attrs attrs;
	bool found = false;
	for (size_t i = 0; i < tree_count(profiles); i++) {
		tree_node key;
		tree_node value;
		char text[41];
		tree_pair(profiles, i, &key, &value);
		if (!tree_text_copy(key, text, sizeof text) || !*text)
			return wrong(error, "[1]", "the name of a profile has 1 to 40 octets");
		int err = read_profile(value, text, &attrs, error);
		if (err)
			return err;
		if (*name ? strcmp(text, name) == 0 : tree_count(profiles) == 1) {
			picked = attrs;
			found = true;
		}
	}
	if (found) {
		*out = picked;
		return 0;
	}
	wrong(error, "[1]", *name ? "no such profile" : "several profiles, so give a name");
	return -ENOENT;
}

int rules_file_profile(
	struct slice file, const char *name, struct diet_attrs *out, struct tree_error *error)
{
	struct tree *tree = tree_parse(file.data, file.len, TREE_DEPTH_FILE, error);
	tree_node profiles = NULL;
	if (!tree)
		return -EINVAL;
	int err = tree_canonical(tree) ? read_file(tree_root(tree), &profiles, error)
				       : wrong(error, "", "not deterministic (RFC 8949 4.2)");
	if (!err)
		err = pick_profile(profiles, name, out, error);
	tree_free(tree);
	return err;
}
