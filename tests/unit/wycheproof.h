/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a file of Wycheproof's cases and counts what was run of it. */
#ifndef DIETVPN_TESTS_WYCHEPROOF_H
#define DIETVPN_TESTS_WYCHEPROOF_H

#include "crypto_cases.h"

struct tally {
	unsigned total, run;
};

typedef void (*case_fn)(const json_t *group, const json_t *test, struct tally *tally);

static inline json_t *load_data(const char *name)
{
	const char *dir = getenv("DIETVPN_DATA_DIR");
	char path[512];
	json_error_t error;
	json_t *root;

	snprintf(path, sizeof(path), "%s/%s.json", dir, name);
	root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	cr_assert_not_null(root, "%s:%d: %s", path, error.line, error.text);
	return root;
}

static inline bool has_flag(const json_t *test, const char *flag)
{
	const json_t *flags = json_object_get(test, "flags");

	for (size_t i = 0; i < json_array_size(flags); i++)
		if (strcmp(json_string_value(json_array_get(flags, i)), flag) == 0)
			return true;
	return false;
}

/* why_not: what those cases are that fn did not count. */
static inline void run_file(const char *name, case_fn fn, const char *why_not)
{
	char file[64];
	json_t *root;
	const json_t *groups;
	struct tally tally = {0};

	snprintf(file, sizeof(file), "wycheproof/%s_test", name);
	root = load_data(file);
	groups = json_object_get(root, "testGroups");
	cr_assert_eq(crypto_init(), 0);
	for (size_t i = 0; i < json_array_size(groups); i++) {
		const json_t *group = json_array_get(groups, i);
		const json_t *tests = json_object_get(group, "tests");

		for (size_t j = 0; j < json_array_size(tests); j++) {
			tally.total++;
			fn(group, json_array_get(tests, j), &tally);
		}
	}
	cr_assert_eq(tally.total, (unsigned)number(root, "numberOfTests"));
	printf("wycheproof %s: %u of %u run", name, tally.run, tally.total);
	if (tally.run != tally.total)
		printf(", %u %s", tally.total - tally.run, why_not);
	printf("\n");
	fflush(stdout);
	json_decref(root);
}

#endif
