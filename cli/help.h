/* SPDX-License-Identifier: Apache-2.0 */
/* What --help says, of all verbs or of one. */
#ifndef DIETVPN_CLI_HELP_H
#define DIETVPN_CLI_HELP_H

#include "cli/cli.h"

/* One verb, or one form of a verb ("sa rekey"): then run is NULL. */
struct help_verb {
	const char *name;
	cli_verb *run;
	const char *args;
	const char *help; /* NULL: hidden */
};

/* To standard output, within 80 columns: the verbs of the table, or those that begin with the word
 * verb, with their options. verb NULL, or none that is known: all. */
void help_print(const struct help_verb *verbs, size_t n, const char *verb);

/* The nearest of the table's verbs to what somebody typed, or NULL. */
const char *help_nearest(const struct help_verb *verbs, size_t n, const char *typed);

#endif
