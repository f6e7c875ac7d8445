/* SPDX-License-Identifier: Apache-2.0 */
/* Many devices at once: a list of names as CSV (RFC 4180), a sheet of labels as SVG. */
#ifndef DIETVPN_CLI_LABELS_H
#define DIETVPN_CLI_LABELS_H

#include "cli/cli.h"

#include <stddef.h>

enum { LABELS_NAME_MAX = 40, LABELS_TEXT_MAX = 80, LABELS_ROWS_MAX = 10000 };

struct labels_row {
	char name[LABELS_NAME_MAX + 1];
	char text[LABELS_TEXT_MAX + 1]; /* UTF-8; "" */
	size_t line;
};

struct labels {
	struct labels_row *rows;
	size_t n;
};

/*
 * Rows of name[,description]; either may stand in double quotes. Empty lines, lines that begin with
 * '#' and a heading "name" or "name,description" are passed over. 0, or the number of bad rows,
 * each complained about on stderr as "PATH:LINE: ..."; then out is empty. out: labels_fini.
 */
size_t labels_read(const char *path, const char *text, struct labels *out);
void labels_fini(struct labels *labels);

/* enroll --csv FILE --labels FILE: all of the devices, or after an error none. A CLI exit status.
 */
int labels_enrol(const struct cli *cli);

#endif
