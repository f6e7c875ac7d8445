/* SPDX-License-Identifier: Apache-2.0 */
/* One table of all configuration keys: parser, checks, reference.conf, manual page and suggestions
 * come from it. */
#ifndef DIETVPN_CONFIG_KEYS_H
#define DIETVPN_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>

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

#endif
