/* SPDX-License-Identifier: Apache-2.0 */
/* One table of all configuration keys: parser, checks, reference.conf, manual page and suggestions
 * come from it. */
#ifndef DIETVPN_CONFIG_KEYS_H
#define DIETVPN_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct config_key {
	const char *section; /* "Interface", "Peer" */
	const char *name;
	const char *values;       /* as shown: "auto, udp, raw" */
	const char *default_text; /* "auto"; "-" none; "required" */
	bool reloadable;          /* takes effect on reload without dropping SAs */
	const char *help;         /* one line */
};

const struct config_key *keys_at(size_t index); /* NULL past the end */
const struct config_key *keys_find(const char *section, const char *name);
/*
 * The nearest of n names (edit distance at most 2, or a third of the length), NULL: none is near.
 * names[i] may be NULL.
 */
const char *keys_nearest(const char *name, const char *const *names, size_t n);
/* The nearest of the keys of a section and of the plugin's (NULL: of none). */
const char *keys_nearest_in(const char *section, const char *plugin, const char *name);

/* Keys of [Peer] that a plugin owns: only for hints and reference.conf, the plugin itself judges.
 */
struct config_plugin_hint {
	const char *plugin, *name;
	const char *help; /* NULL where the plugin is not shipped yet */
};
const struct config_plugin_hint *keys_plugin_at(size_t index); /* NULL past the end */
bool keys_plugin_known(const char *plugin);                    /* the table has it */
bool keys_plugin_has(const char *plugin, const char *name);
const char *keys_plugin_of(const char *name); /* first plugin that owns it, or NULL */
/* A key that a later version brings: "Dns". */
bool keys_is_later(const char *section, const char *name);

/* conf/reference.conf, and the key lists of dietvpn.conf(5) as mdoc. */
void keys_print_reference(FILE *out);
void keys_print_mdoc(FILE *out);

#endif
