/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations that dietvpn writes itself: checked as the daemon would before they are written.
 */
#ifndef DIETVPN_CLI_CONF_TEXT_H
#define DIETVPN_CLI_CONF_TEXT_H

#include "cli/cli.h"

enum {
	CONF_TEXT_MAX = 4096,
	CONF_IFNAME_MAX = 16,
	CONF_INIT_NAME = 36, /* "gw." before it is an identity of 40 at most */
};

/* The first "dietN" that no NAME.conf of the folder has; other keys need not be right. A CLI exit
 * status. */
int conf_free_ifname(const char *dir, char out[CONF_IFNAME_MAX]);
/* The text as tunnel NAME, in the place of one of this name, beside the others of the folder unless
 * they are wrong already. A CLI exit status, after all complaints. */
int conf_text_check(const char *dir, const char *name, const char *text);
/* "next   dietvpn up NAME", or how to start the daemon first. */
void conf_print_up(const struct cli *cli, const char *name, bool replaced);

#endif
