/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration folder as the daemon would read it, for verbs that work without one. */
#ifndef DIETVPN_CLI_FOLDER_H
#define DIETVPN_CLI_FOLDER_H

#include "cli/cli.h"
#include "config/config.h"

enum { FOLDER_TUNNELS_MAX = 64 };

struct folder {
	struct config tunnels[FOLDER_TUNNELS_MAX]; /* those without errors */
	size_t n;
	struct config_errors errors;
	bool forbidden; /* the folder may not be read */
};

/* --dir, else $CONFIGURATION_DIRECTORY, else /etc/dietvpn. */
const char *folder_dir(const struct cli *cli);
struct folder *folder_create(void); /* empty; NULL without memory */
void folder_destroy(struct folder *folder);
/* All NAME.conf of dir, also behind an error. */
void folder_load(struct folder *folder, const char *dir);
void folder_load_file(struct folder *folder, const char *path);
/* No NAME.conf in it: nobody has configured anything yet. */
bool folder_is_empty(const char *dir);
/* All errors, and hints, on stderr. */
void folder_print_errors(const struct folder *folder);

#endif
