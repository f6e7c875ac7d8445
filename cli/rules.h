/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of `dietvpn rules` share. */
#ifndef DIETVPN_CLI_RULES_H
#define DIETVPN_CLI_RULES_H

#include "cli/cli.h"
#include "codec/tree.h"
#include "dietvpn/types.h"

/* A whole file of at most max octets, for free(); a CLI exit status, the error is printed. */
int rules_read_file(const char *path, size_t max, uint8_t **data, size_t *len);
/* "FILE: AT: TEXT" as an error; CLI_CONFIG. */
int rules_wrong(const char *path, const struct tree_error *error);

cli_verb rules_compile, rules_dump; /* rules.c */

#endif
