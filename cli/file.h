/* SPDX-License-Identifier: Apache-2.0 */
/* New files of the configuration: whole or not at all, owned and readable as the daemon needs. */
#ifndef DIETVPN_CLI_FILE_H
#define DIETVPN_CLI_FILE_H

#include <stdbool.h>
#include <stddef.h>

enum { FILE_PATH_MAX = 512 };

enum file_kind {
	FILE_SECRET, /* 0600, the daemon's user's; a key */
	FILE_CONF,   /* 0640 root:_dietvpn; where there is no such group 0600 */
	FILE_OWN,    /* 0600, the caller's: labels */
};

struct file_new {
	const char *path;
	enum file_kind kind;
	const void *data;
	size_t len;
	bool force; /* an existing file is replaced, else refused */
};

/* DIR/NAME of at most FILE_PATH_MAX octets; false: too long. */
bool file_path(char out[FILE_PATH_MAX], const char *dir, const char *name);
/* The folder of such files, if it is not there: 0700 for secrets, 0750 for configurations. A CLI
 * exit status. */
int file_make_dir(const char *dir, enum file_kind kind);
/*
 * Writes beside path and then gives it the name, so that nobody sees half a file. A CLI exit
 * status, after a complaint.
 */
int file_write(const struct file_new *file);
/*
 * The whole of a file, or with path "-" of standard input, as text with a final NUL; the caller
 * frees it, and wipes it where it is a secret. NULL after a complaint.
 */
char *file_read(const char *path, size_t max, size_t *len);

#endif
