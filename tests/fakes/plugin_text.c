/* SPDX-License-Identifier: Apache-2.0 */
/* A tunnel's file as its keying plugin hears of it. */
#include "fakes/plugin_text.h"

#include "codec/tree.h"
#include "keying/plugin.h"

#include <string.h>

struct slice plugin_text(const char *text, const uint32_t *policies, const char **wrong)
{
	static struct tree_writer w;
	static struct config_errors errors;
	struct config config;

	memset(&errors, 0, sizeof errors);
	*wrong = errors.list[0].text;
	if (config_load_text("home", text, strlen(text), &config, &errors))
		return (struct slice){NULL, 0};
	tree_writer_fini(&w);
	tree_writer_init(&w);
	plugin_write_config(&w, &config, "ikev2", policies);
	config_fini(&config);
	return (struct slice){w.data, w.len};
}
