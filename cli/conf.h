/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration folder, read without a daemon. */
#ifndef DIETVPN_CLI_CONF_H
#define DIETVPN_CLI_CONF_H

#include "cli/cli.h"
#include "config/config.h"

enum { CONF_TUNNELS_MAX = 64 };

/* --dir, or what the service manager says, or /etc/dietvpn. */
const char *conf_dir(const struct cli *cli);
/* All NAME.conf of the folder into configs[CONF_TUNNELS_MAX]; *n were loaded even after an error.
 */
void conf_load_folder(
	const char *dir, struct config *configs, size_t *n, struct config_errors *errors);
void conf_print_errors(const struct config_errors *errors); /* to stderr */

#endif
