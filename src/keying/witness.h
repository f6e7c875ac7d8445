/* SPDX-License-Identifier: Apache-2.0 */
/* A number in a file of its own that only grows: tells a state store that was put back from an old
 * copy (trust.md 4.1). */
#ifndef DIETVPN_KEYING_WITNESS_H
#define DIETVPN_KEYING_WITNESS_H

#include <stdint.h>

/* 0; -ENOENT no such file; -EBADMSG not a witness; other negative errno. */
int witness_read(const char *path, uint64_t *generation);
/*
 * Replaces the file: temporary file, fsync, rename, fsync of its folder. When it returns 0 the
 * number is on disk; on an error the old file stays. 0 or negative errno.
 */
int witness_write(const char *path, uint64_t generation);
/* fsync of a folder: the names within are on disk. 0 or negative errno. */
int witness_sync_dir(const char *dir);

#endif
