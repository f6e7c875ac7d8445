/* SPDX-License-Identifier: Apache-2.0 */
/* Keying plugins: find, dlopen, check, order, unload; the keys of [Peer] that only they know. No
 * libuv. */
#ifndef DIETVPN_KEYING_PLUGIN_H
#define DIETVPN_KEYING_PLUGIN_H

#include "config/config.h"
#include "dietvpn/keying.h"

#include <stdbool.h>
#include <stddef.h>

struct plugin; /* one loaded module */

/*
 * dir/NAME.so: readable, not writable by group or world, dlopen, symbol, abi, size, name equals
 * file name, mandatory slots. 0, or negative errno with one sentence in text.
 */
int plugin_load(
	const char *dir, const char *name, struct plugin **out, char *text, size_t text_len);
void plugin_unload(struct plugin *plugin);
const struct keying_plugin_ops *plugin_ops(const struct plugin *plugin);
const struct keying_key *plugin_find_key(const struct plugin *plugin, const char *name);
/* An optional slot counts as absent where the plugin is older than it. */
#define PLUGIN_HAS(ops, slot) \
	(offsetof(struct keying_plugin_ops, slot) + sizeof((ops)->slot) <= (ops)->size && \
		(ops)->slot)

/*
 * Every leftover key of the peers with this Keying: known to the plugin, required ones there,
 * secret files readable by the owner only. 0 or -EINVAL.
 */
int plugin_check_keys(
	const struct plugin *plugin, const struct config *config, struct config_errors *errors);

struct tree_writer;
/* keying-config of house.md 5.3 for the peers of this config whose Keying is name; policy ids as
 * given per peer. */
void plugin_write_config(struct tree_writer *w, const struct config *config, const char *name,
	const uint32_t *policies);

/*
 * What the host's secret() does: "PEER/KEY" of this config, or "KEY" of [Interface]. The file is
 * regular, readable by its owner only, and belongs to root, to this user or to the owner of its
 * folder where nobody else can write. 0 or negative errno.
 */
int plugin_read_secret(
	const struct config *config, const char *name, uint8_t *out, size_t cap, size_t *len);

/* ops->check with a host that has only log, config_error and secret; for `dietvpn check` and before
 * a start or reload. */
int plugin_check(
	const struct plugin *plugin, const struct config *config, struct config_errors *errors);

#endif
