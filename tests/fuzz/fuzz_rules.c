/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as rule file and as attribute map; what is accepted survives a round trip. */
#include "config/rules.h"
#include "config/rules_file.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice cbor = {data, len};
	struct tree_error error = {0};
	struct diet_attrs attrs;
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
