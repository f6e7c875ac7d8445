/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as the JSON of a rule file: refused with a sentence, or compiled to CBOR that is
 * deterministic and whose JSON compiles to the same octets.
 */
#include "cli/rules_json.h"

#include "config/rules_file.h"
#include "config/rules_set.h"
#include "fuzz/must.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_set(const struct rules_file *file)
{
	struct tree_error error = {0};
	struct rules_set set;
	int err = file->context ? rules_set_read(file->context, &set, &error) : -ENOENT;

	must(err != -EINVAL || (error.text[0] && error.at[0]));
	if (!err)
		rules_set_free(&set);
}

/* dump, then compile again. */
static void come_back(const struct tree_writer *first, bool bare)
{
	struct tree_error error = {0};
	struct tree_writer again;
	json_t *json = rules_json_dump(first->data, first->len, &error);

	must(json != NULL);
	tree_writer_init(&again);
	must(rules_json_compile(json, bare, &again, &error) && !again.error);
	must(again.len == first->len && memcmp(again.data, first->data, first->len) == 0);
	tree_writer_fini(&again);
	json_decref(json);
}

static void compile(const json_t *json, bool bare)
{
	struct tree_error error = {0};
	struct rules_file file;
	struct tree_writer w;

	tree_writer_init(&w);
	if (!rules_json_compile(json, bare, &w, &error)) {
		must(error.text[0]);
	} else if (!w.error && bare) {
		come_back(&w, true);
	} else if (!w.error) {
		int err = rules_file_open((struct slice){w.data, w.len}, &file, &error);

		/* The loader refuses what one member alone does not show. */
		must(err == 0 || (err == -EINVAL && error.text[0]));
		if (!err) {
			check_set(&file);
			rules_file_close(&file);
			come_back(&w, false);
		}
	}
	tree_writer_fini(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	json_t *json = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, NULL);

	if (!json)
		return 0;
	compile(json, false);
	compile(json, true);
	json_decref(json);
	return 0;
}
