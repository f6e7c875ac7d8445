/* SPDX-License-Identifier: Apache-2.0 */
/* Rule sets as a running daemon tells of them. */
#ifndef DIETVPN_CLI_RULES_LIVE_H
#define DIETVPN_CLI_RULES_LIVE_H

#include "cli/cli.h"

#include <jansson.h>

/* "BEFORErules NAME, version 2, 3 rules, digest 1a2b3c4d, Dev is here" and a line end. */
void rules_live_line(const json_t *rules, const char *before);
/* The sets of the peers of a running daemon into *sets, an empty array where none runs; a CLI exit
 * status, the error is printed. */
int rules_live_ask(const struct cli *cli, json_t **sets);
/* For people: a table per peer, with --verbose field by field. */
void rules_live_print(const json_t *sets, bool verbose, bool colour);

#endif
