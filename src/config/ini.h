/* SPDX-License-Identifier: Apache-2.0 */
/* Text of configuration files into rows (file, line, section, key, value) through inih. */
#ifndef DIETVPN_CONFIG_INI_H
#define DIETVPN_CONFIG_INI_H

#include "config/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
	INI_NAME_MAX = 40,
	INI_LINE_MAX = 1000,
	INI_FILE_MAX = 1 << 24, /* octets of one file */
	INI_ROWS_MAX = 1 << 20,
};

struct ini_row {
	uint32_t file; /* index into ini.files */
	uint32_t line;
	char *section; /* "Interface", "Peer", "Group" */
	char *name;    /* of [Peer "NAME"], "" for [Interface] */
	char *key;     /* NULL: the heading itself */
	char *value;
};

struct ini {
	char **files; /* as shown in errors: "home.conf", "home.d/garage.conf" */
	size_t n_files;
	struct ini_row *rows;
	size_t n_rows;
};

/* Reads FILE, and FILE without ".conf" plus ".d/" in order of names. 0 or -EINVAL/-errno; errors
 * are added. ini is set in any case: ini_fini frees it. */
int ini_read(const char *path, struct ini *ini, struct config_errors *errors);
/* The same from memory, for tests and fuzzing; shown as name. */
int ini_read_text(const char *name, const char *text, size_t len, struct ini *ini,
	struct config_errors *errors);
/* Another file behind what ini holds already. */
int ini_add_text(const char *name, const char *text, size_t len, struct ini *ini,
	struct config_errors *errors);
void ini_fini(struct ini *ini);
/* "home.conf:14" for a row index. */
const char *ini_at(const struct ini *ini, uint32_t row, char *out, size_t cap);

#endif
