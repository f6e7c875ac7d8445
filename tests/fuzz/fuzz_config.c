/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a configuration: either at least one error with a place, or a struct that is legal.
 */
#include "config/config.h"
#include "ip/ts.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_peer(const struct config *config, const struct config_peer *peer)
{
	char at[96];
	if (!ts_list_valid(peer->ts_local, peer->n_ts_local) ||
		!ts_list_valid(peer->ts_remote, peer->n_ts_remote))
		abort();
	if (diet_attrs_check(&peer->attrs) || peer->n_allow == 0 || peer->n_ciphers == 0 ||
		peer->n_addresses == 0 || peer->n_local == 0 || !peer->keying[0])
		abort();
	for (size_t i = 0; i < peer->n_keys; i++)
		if (!strchr(config_at(config, peer->keys[i].at, at, sizeof at), ':'))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct config_errors *errors = calloc(1, sizeof *errors);
	struct config config;
	if (!errors)
		return 0;
	int err = config_load_text("fuzz", (const char *)data, len, &config, errors);
	if ((err != 0) != (errors->n != 0))
		abort();
	for (size_t i = 0; i < errors->n; i++)
		if (!errors->list[i].at[0] || !errors->list[i].text[0])
			abort();
	if (!err) {
		for (size_t i = 0; i < config.n_peers; i++)
			check_peer(&config, &config.peers[i]);
		config_fini(&config);
	}
	free(errors);
	return 0;
}
