/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the configuration folder, loaded and checked before anything is touched. */
#ifndef DIETVPN_DAEMON_CONFIGS_H
#define DIETVPN_DAEMON_CONFIGS_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct configs {
	struct config *list;
	bool *owned; /* false: a shallow copy of somebody else's, or taken */
	size_t n;
};

/* All DIR/NAME.conf in order of their names. 0 or -EINVAL with errors; partly loaded then, too. */
int configs_load(const char *dir, struct configs *configs, struct config_errors *errors);
/* One more: loaded from dir/name.conf, or borrowed. 0 or negative errno. */
int configs_add_file(
	const char *dir, const char *name, struct configs *configs, struct config_errors *errors);
int configs_add_borrowed(struct configs *configs, const struct config *config);
void configs_fini(struct configs *configs);

/* Between files, what this daemon lacks, and what each plugin says of its own. 0 or -EINVAL. */
int configs_check(
	const struct configs *configs, const char *plugin_dir, struct config_errors *errors);

/* Moves one to the heap; NULL without memory. */
struct config *configs_take(struct configs *configs, size_t i);
struct config *configs_find(const struct configs *configs, const char *tunnel);
/* Some peer has Encap = raw. */
bool configs_raw(const struct configs *configs);
/* "file:line: text", "hint: ...", and how many there were. */
void configs_print_errors(FILE *to, const struct config_errors *errors);

#endif
