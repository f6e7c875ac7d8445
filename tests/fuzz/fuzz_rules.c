/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as rule file, rule set and attribute map; what is accepted survives a round trip. */
#include "config/rules.h"
#include "config/rules_file.h"
#include "config/rules_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct diet_attrs *attrs)
{
	struct diet_attrs again;
	struct tree_writer w;
	tree_writer_init(&w);
	rules_attrs_write(&w, attrs);
	if (diet_attrs_check(attrs) || w.error ||
		rules_attrs_read((struct slice){w.data, w.len}, &again, NULL) != 0 ||
		again.window != attrs->window || again.esp_sn_lsb != attrs->esp_sn_lsb ||
		again.n_dscp != attrs->n_dscp)
		abort();
	tree_writer_fini(&w);
}

/* What the schema accepts is a legal set or refused with a sentence. */
static void check_set(tree_node context)
{
	struct tree_error error = {0};
	struct rules_set set;
	int err = rules_set_read(context, &set, &error);
	if (err == -ENOMEM)
		return;
	if (err) {
		if (err != -EINVAL || !error.text[0] || !error.at[0])
			abort();
		return;
	}
	if (!schc_set_check(&set.set, NULL))
		abort();
	rules_set_free(&set);
}

/* Deterministic means that writing it again gives the same octets. */
static void check_file(struct slice cbor)
{
	struct tree_error error = {0};
	struct rules_file file;
	struct tree_writer w;
	if (rules_file_open(cbor, &file, &error)) {
		if (!error.text[0])
			abort();
		return;
	}
	tree_writer_init(&w);
	tree_put_node(&w, tree_root(file.tree));
	if (!w.error && (w.len != cbor.len || memcmp(w.data, cbor.data, w.len) != 0))
		abort();
	tree_writer_fini(&w);
	if (file.context)
		check_set(file.context);
	rules_file_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice cbor = {data, len};
	struct tree_error error = {0};
	struct diet_attrs attrs;
	check_file(cbor);
	int err = rules_file_profile(cbor, "", &attrs, &error);
	if (err == 0)
		check(&attrs);
	else if (!error.text[0] || (err != -EINVAL && err != -ENOENT))
		abort();
	error.text[0] = '\0';
	err = rules_attrs_read(cbor, &attrs, &error);
	if (err == 0)
		check(&attrs);
	else if (!error.text[0] || err != -EINVAL)
		abort();
	return 0;
}
