/* SPDX-License-Identifier: Apache-2.0 */
/* The options of dietvpn: one table says where in struct cli each value goes. */
#ifndef DIETVPN_CLI_OPTIONS_H
#define DIETVPN_CLI_OPTIONS_H

#include "cli/cli.h"

enum options_result { OPTIONS_GO_ON, OPTIONS_HELP, OPTIONS_VERSION, OPTIONS_UNUSABLE };

/*
 * Reads the options, which may stand before and behind the verb, and leaves the rest in cli->argc
 * and cli->argv, the verb first. What is unusable has been complained about.
 */
enum options_result options_parse(int argc, char **argv, struct cli *cli);

#endif
