/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files as JSON: the envelope and the profiles (conf/schema/rules.cddl). */
#include "cli/rules_json.h"

#include "cli/rules_yang.h"
#include "config/keys.h"
#include "config/rules.h"
#include "config/rules_file.h"
#include "config/yang.h"

#include <stdlib.h>
#include <string.h>

enum { PROFILES_MAX = 64, ATTRIBUTES_MAX = 16, WORDS = 4, SCALAR_LEN = 32 };

/* true, 64 and "lower" as the words of an attribute's table. */
static const char *scalar(const json_t *value, char out[static SCALAR_LEN])
{
	if (json_is_integer(value)) {
		snprintf(out, SCALAR_LEN, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return out;
	}
	if (json_is_boolean(value))
		return json_is_true(value) ? "true" : "false";
	return json_is_string(value) ? json_string_value(value) : "";
}

static json_t *from_scalar(const char *word)
{
	if (word[strspn(word, "0123456789")] == '\0')
		return json_integer(strtol(word, NULL, 10));
	if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
		return json_boolean(strcmp(word, "true") == 0);
	return json_string(word);
}

static void list_words(const struct rules_attribute *a, char *out, size_t cap)
{
	size_t used = 0;

	for (size_t i = 0; i < WORDS && a->words[i] && used < cap; i++) {
		int n = snprintf(out + used, cap - used, "%s%s",
			!i            ? ""
			: i == a->max ? " or "
				      : ", ",
			a->words[i]);

		used += n < 0 ? 0 : (size_t)n;
	}
}

static bool put_number(struct tree_writer *w, const struct rules_attribute *a, const json_t *value,
	const struct yang_place *place, struct tree_error *error)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < a->min || number > a->max)
		return yang_refuse(error, place, "a number from %u to %u is expected",
			(unsigned)a->min, (unsigned)a->max);
	tree_put_uint(w, (uint64_t)number);
	return true;
}

static bool put_numbers(struct tree_writer *w, const struct rules_attribute *a, const json_t *list,
	const struct yang_place *up, struct tree_error *error)
{
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n == 0 || n > DIET_DSCP_MAX)
		return yang_refuse(
			error, up, "a list of 1 to %d numbers is expected", DIET_DSCP_MAX);
	tree_put_array(w, n);
	for (size_t i = 0; i < n; i++) {
		struct yang_place place = {.up = up, .index = i};

		if (!put_number(w, a, json_array_get(list, i), &place, error))
			return false;
	}
	return true;
}

static bool put_attribute(struct tree_writer *w, const struct rules_attribute *a,
	const json_t *value, const struct yang_place *place, struct tree_error *error)
{
	char text[SCALAR_LEN];
	char words[96];
	const char *word = scalar(value, text);

	tree_put_int(w, a->key);
	if (rules_attribute_is_list(a))
		return put_numbers(w, a, value, place, error);
	if (!a->words[0])
		return put_number(w, a, value, place, error);
	for (size_t i = 0; i < WORDS && a->words[i]; i++)
		if (strcmp(a->words[i], word) == 0) {
			tree_put_uint(w, i);
			return true;
		}
	list_words(a, words, sizeof words);
	return yang_refuse(error, place, "%s is expected", words);
}

static bool known_attributes(
	json_t *profile, const struct yang_place *place, struct tree_error *error)
{
	const char *names[ATTRIBUTES_MAX];
	const char *name;
	json_t *value;
	size_t n;
	const struct rules_attribute *list = rules_attributes(&n);

	for (size_t i = 0; i < n; i++)
		names[i] = list[i].name;
	json_object_foreach(profile, name, value)
	{
		size_t i = 0;

		while (i < n && strcmp(names[i], name) != 0)
			i++;
		if (i < n)
			continue;
		const char *near = keys_nearest(name, names, n);
		return near ? yang_refuse(error, place, "%.40s is no attribute; did you mean %s?",
				      name, near)
			    : yang_refuse(error, place, "%.40s is no attribute", name);
	}
	return true;
}

static bool put_profile(struct tree_writer *w, json_t *profile, const struct yang_place *up,
	struct tree_error *error)
{
	size_t n;
	const struct rules_attribute *list = rules_attributes(&n);

	if (!json_is_object(profile))
		return yang_refuse(error, up, "an object is expected");
	if (!known_attributes(profile, up, error))
		return false;
	tree_put_map(w, json_object_size(profile));
	for (size_t i = 0; i < n; i++) {
		struct yang_place place = {.up = up, .name = list[i].name};
		const json_t *value = json_object_get(profile, list[i].name);

		if (value && !put_attribute(w, &list[i], value, &place, error))
			return false;
	}
	return true;
}

/* Order of encoded text: by length, then by octets (RFC 8949 4.2.1). */
static int compare_names(const void *a, const void *b)
{
	const char *x = *(const char *const *)a;
	const char *y = *(const char *const *)b;
	size_t n = strlen(x);
	size_t m = strlen(y);

	return n != m ? (n < m ? -1 : 1) : strcmp(x, y);
}

static bool put_profiles(struct tree_writer *w, json_t *profiles, struct tree_error *error)
{
	const struct yang_place up = {.name = "profiles"};
	const char *names[PROFILES_MAX];
	const char *name;
	json_t *value;
	size_t n = 0;

	if (!json_is_object(profiles) || !json_object_size(profiles) ||
		json_object_size(profiles) > PROFILES_MAX)
		return yang_refuse(
			error, &up, "an object with 1 to %d profiles is expected", PROFILES_MAX);
	json_object_foreach(profiles, name, value)
	{
		if (!*name || strlen(name) > RULES_NAME_LEN_MAX)
			return yang_refuse(error, &up, "the name of a profile has 1 to %d octets",
				RULES_NAME_LEN_MAX);
		names[n++] = name;
	}
	qsort(names, n, sizeof *names, compare_names);
	tree_put_map(w, n);
	for (size_t i = 0; i < n; i++) {
		struct yang_place place = {.up = &up, .name = names[i]};

		tree_put_text(w, names[i]);
		if (!put_profile(w, json_object_get(profiles, names[i]), &place, error))
			return false;
	}
	return true;
}

static bool check_top(const json_t *json, struct tree_error *error)
{
	static const char *const known[] = {"version", "profiles", YANG_ROOT};
	const char *name;
	json_t *value;

	if (!json_is_object(json))
		return yang_refuse(error, NULL, "an object is expected");
	json_object_foreach((json_t *)(uintptr_t)json, name, value)
	{
		size_t i = 0;

		while (i < 3 && strcmp(known[i], name) != 0)
			i++;
		if (i == 3)
			return yang_refuse(error, NULL,
				"%.40s is no member of a rule file: version, profiles "
				"and " YANG_ROOT " are",
				name);
	}
	return true;
}

bool rules_json_compile(
	const json_t *json, bool bare, struct tree_writer *w, struct tree_error *error)
{
	const struct yang_place at = {.name = "version"};
	const json_t *version = json_object_get(json, "version");
	const json_t *schc = json_object_get(json, YANG_ROOT);

	if (!check_top(json, error))
		return false;
	if (bare)
		return schc ? rules_yang_put(w, schc, error)
			    : yang_refuse(error, NULL, YANG_ROOT " is missing");
	if (!json_is_integer(version) || json_integer_value(version) != RULES_VERSION)
		return yang_refuse(error, &at, "the version of a rule file is %d", RULES_VERSION);
	tree_put_tag(w, RULES_TAG);
	tree_put_map(w, schc ? 3 : 2);
	tree_put_uint(w, RULES_KEY_VERSION);
	tree_put_uint(w, RULES_VERSION);
	tree_put_uint(w, RULES_KEY_PROFILES);
	if (!put_profiles(w, json_object_get(json, "profiles"), error))
		return false;
	if (!schc)
		return true;
	tree_put_uint(w, RULES_KEY_CONTEXT);
	return rules_yang_put(w, schc, error);
}

static json_t *get_attribute(const struct rules_attribute *a, tree_node value)
{
	uint64_t number = 0;
	json_t *out;

	if (rules_attribute_is_list(a)) {
		out = json_array();
		for (size_t i = 0; i < tree_count(value); i++)
			if (tree_uint(tree_at(value, i), a->max, &number))
				json_array_append_new(out, json_integer((json_int_t)number));
		return out;
	}
	if (!tree_uint(value, a->max, &number))
		return NULL;
	return a->words[0] ? from_scalar(a->words[number]) : json_integer((json_int_t)number);
}

static json_t *get_profile(tree_node map)
{
	size_t n;
	const struct rules_attribute *list = rules_attributes(&n);
	json_t *out = json_object();

	for (size_t i = 0; i < n; i++) {
		tree_node value = tree_get_int(map, list[i].key);

		if (value)
			json_object_set_new(out, list[i].name, get_attribute(&list[i], value));
	}
	return out;
}

static json_t *get_file(const struct rules_file *file)
{
	json_t *out = json_object();
	json_t *profiles = json_object();

	for (size_t i = 0; i < tree_count(file->profiles); i++) {
		char name[RULES_NAME_LEN_MAX + 1];
		tree_node key;
		tree_node value;

		tree_pair(file->profiles, i, &key, &value);
		if (tree_text_copy(key, name, sizeof name))
			json_object_set_new(profiles, name, get_profile(value));
	}
	json_object_set_new(out, "version", json_integer(RULES_VERSION));
	json_object_set_new(out, "profiles", profiles);
	if (file->context)
		json_object_set_new(out, YANG_ROOT, rules_yang_get(file->context));
	return out;
}

static json_t *dump_bare(const struct tree *tree, struct tree_error *error)
{
	if (!yang_check(tree_root(tree), error))
		return NULL;
	return json_pack("{s:o}", YANG_ROOT, rules_yang_get(tree_root(tree)));
}

json_t *rules_json_dump(const uint8_t *cbor, size_t len, struct tree_error *error)
{
	struct rules_file file;
	struct tree *tree = tree_parse(cbor, len, RULES_DEPTH, error);
	json_t *out;

	if (!tree)
		return NULL;
	if (tree_kind(tree_root(tree)) == TREE_MAP) {
		out = dump_bare(tree, error);
		tree_free(tree);
		return out;
	}
	tree_free(tree);
	if (rules_file_open_any((struct slice){cbor, len}, &file, error))
		return NULL;
	out = get_file(&file);
	rules_file_close(&file);
	return out;
}

static void print_line(const json_t *value, FILE *out)
{
	json_dumpf(value, out, JSON_PRESERVE_ORDER | JSON_ENCODE_ANY);
}

static void print_profiles(json_t *profiles, FILE *out)
{
	size_t left = json_object_size(profiles);
	const char *name;
	json_t *value;

	fputs("  \"profiles\": {\n", out);
	json_object_foreach(profiles, name, value)
	{
		json_t *key = json_string(name);

		fputs("    ", out);
		print_line(key, out);
		fputs(": ", out);
		print_line(value, out);
		fputs(--left ? ",\n" : "\n", out);
		json_decref(key);
	}
	fputs("  }", out);
}

static void print_rule(json_t *rule, FILE *out)
{
	size_t left = json_object_size(rule);
	const char *name;
	json_t *value;
	json_t *entry;
	size_t i;

	fputs("    {", out);
	json_object_foreach(rule, name, value)
	{
		fprintf(out, "\"%s\": ", name);
		if (!json_is_array(value)) {
			print_line(value, out);
			fputs(--left ? ", " : "", out);
			continue;
		}
		fputs("[\n", out);
		json_array_foreach(value, i, entry)
		{
			fputs("      ", out);
			print_line(entry, out);
			fputs(i + 1 < json_array_size(value) ? ",\n" : "\n", out);
		}
		fputs(--left ? "    ], " : "    ]", out);
	}
	putc('}', out);
}

void rules_json_print(const json_t *json, FILE *out)
{
	json_t *profiles = json_object_get(json, "profiles");
	json_t *schc = json_object_get(json, YANG_ROOT);
	json_t *rules = json_object_get(schc, "rule");
	json_t *version = json_object_get(schc, YANG_VERSION);
	json_t *rule;
	size_t i;

	fputs("{\n", out);
	if (profiles) {
		fprintf(out, "  \"version\": %d,\n", RULES_VERSION);
		print_profiles(profiles, out);
		fputs(rules ? ",\n" : "\n", out);
	}
	if (rules) {
		fputs("  \"" YANG_ROOT "\": {", out);
		if (version)
			fprintf(out, "\"" YANG_VERSION "\": %lld, ",
				(long long)json_integer_value(version));
		fputs("\"rule\": [\n", out);
		json_array_foreach(rules, i, rule)
		{
			print_rule(rule, out);
			fputs(i + 1 < json_array_size(rules) ? ",\n" : "\n", out);
		}
		fputs("  ]}\n", out);
	}
	fputs("}\n", out);
}
