/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files: tag, version, profiles by name, and the rule set's schema (diet-esp.md 12.2). */
#include "config/rules_file.h"

#include "config/rules.h"
#include "config/yang.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int wrong(struct tree_error *error, const char *at, const char *text)
{
	if (error) {
		snprintf(error->at, sizeof error->at, "%s", at);
		snprintf(error->text, sizeof error->text, "%s", text);
	}
	return -EINVAL;
}

static bool is_known_key(tree_node key)
{
	int64_t number;
	return tree_int(key, &number) && number >= RULES_KEY_VERSION && number <= RULES_KEY_CONTEXT;
}

/* The map within tag 55799 with its version. */
static int read_envelope(tree_node root, struct rules_file *out, struct tree_error *error)
{
	uint64_t tag = 0;
	uint64_t version;
	tree_node map = tree_tagged(root, &tag);
	if (tag != RULES_TAG || tree_kind(map) != TREE_MAP)
		return wrong(error, "", "not a rule file: a map with tag 55799 is expected");
	for (size_t i = 0; i < tree_count(map); i++) {
		tree_node key;
		tree_node value;
		tree_pair(map, i, &key, &value);
		if (!is_known_key(key))
			return wrong(error, "", "unknown key in a rule file");
	}
	if (!tree_uint(tree_get_int(map, RULES_KEY_VERSION), UINT64_MAX, &version) ||
		version != RULES_VERSION)
		return wrong(error, "[0]", "the version of a rule file is 1");
	out->profiles = tree_get_int(map, RULES_KEY_PROFILES);
	if (tree_kind(out->profiles) != TREE_MAP || tree_count(out->profiles) == 0)
		return wrong(error, "[1]", "a map of profiles is expected");
	out->context = tree_get_int(map, RULES_KEY_CONTEXT);
	return 0;
}

static int read_profile(const struct rules_file *file, size_t i,
	char name[static RULES_NAME_LEN_MAX + 1], struct diet_attrs *attrs,
	struct tree_error *error)
{
	tree_node key;
	tree_node value;
	tree_pair(file->profiles, i, &key, &value);
	if (!tree_text_copy(key, name, RULES_NAME_LEN_MAX + 1) || !*name)
		return wrong(error, "[1]", "the name of a profile has 1 to 40 octets");
	return rules_attrs_take(value, name, attrs, error);
}

static int read_content(const struct rules_file *file, struct tree_error *error)
{
	for (size_t i = 0; i < tree_count(file->profiles); i++) {
		char name[RULES_NAME_LEN_MAX + 1];
		struct diet_attrs attrs;
		int err = read_profile(file, i, name, &attrs, error);
		if (err)
			return err;
	}
	return !file->context || yang_check(file->context, error) ? 0 : -EINVAL;
}

static int open_file(
	struct slice cbor, bool strict, struct rules_file *out, struct tree_error *error)
{
	struct rules_file file = {.tree = tree_parse(cbor.data, cbor.len, RULES_DEPTH, error)};
	if (!file.tree)
		return -EINVAL;
	int err = !strict || tree_canonical(file.tree)
			  ? read_envelope(tree_root(file.tree), &file, error)
			  : wrong(error, "", "not deterministic (RFC 8949 4.2)");
	if (!err)
		err = read_content(&file, error);
	if (err)
		tree_free(file.tree);
	else
		*out = file;
	return err;
}

int rules_file_open(struct slice cbor, struct rules_file *out, struct tree_error *error)
{
	return open_file(cbor, true, out, error);
}

int rules_file_open_any(struct slice cbor, struct rules_file *out, struct tree_error *error)
{
	return open_file(cbor, false, out, error);
}

void rules_file_close(struct rules_file *file)
{
	tree_free(file->tree);
	*file = (struct rules_file){0};
}

int rules_file_find(const struct rules_file *file, const char *name, struct diet_attrs *out,
	struct tree_error *error)
{
	size_t n = tree_count(file->profiles);
	for (size_t i = 0; i < n; i++) {
		char text[RULES_NAME_LEN_MAX + 1];
		struct diet_attrs attrs;
		if (read_profile(file, i, text, &attrs, error))
			return -EINVAL;
		if (*name ? strcmp(text, name) == 0 : n == 1) {
			*out = attrs;
			return 0;
		}
	}
	wrong(error, "[1]", *name ? "no such profile" : "several profiles, so give a name");
	return -ENOENT;
}

int rules_file_profile(
	struct slice cbor, const char *name, struct diet_attrs *out, struct tree_error *error)
{
	struct rules_file file;
	int err = rules_file_open(cbor, &file, error);
	if (err)
		return err;
	err = rules_file_find(&file, name, out, error);
	rules_file_close(&file);
	return err;
}
