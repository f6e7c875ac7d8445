/* SPDX-License-Identifier: Apache-2.0 */
/* What survives a crash, in SQLite (trust.md section 5): one table {name, value}, written on the
 * work queue. */
#ifndef DIETVPN_KEYING_STATE_H
#define DIETVPN_KEYING_STATE_H

#include "dietvpn/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct uv_loop_s uv_loop_t;

enum { STATE_NAME_MAX = 160, STATE_VALUE_MAX = 16384 };

struct state;

typedef void state_saved(void *owner, int error); /* 0: on disk */

/*
 * dir/state.db (0600, created where neither it nor its witness exists), WAL, synchronous FULL,
 * locking_mode EXCLUSIVE; pragmas are read back. witness: a file outside dir that holds the
 * generation of the last start; a store older than it is refused, and one that has lost it. loop
 * NULL: saves are done at once (CLI and tests). 0; -EBUSY another process has it; -EBADMSG not a
 * database or damaged; -ESTALE older than its witness, or without it; other negative errno. text:
 * one sentence with the remedy.
 */
int state_open(uv_loop_t *loop, const char *dir, const char *witness, struct state **out,
	char *text, size_t text_len);
/*
 * Waits for what is under way, writes what is queued, tells all owners, checkpoints, closes. Where
 * a transaction was under way the loop has to turn once more to give its memory back. NULL is
 * allowed.
 */
void state_close(struct state *state);

/*
 * Direct read of what is on disk; values queued or in a running transaction are not seen (it waits
 * for the end of one). 0, -ENOENT, -EMSGSIZE, -EIO.
 */
int state_load(struct state *state, const char *name, uint8_t *out, size_t cap, size_t *len);
/* Queues; done follows when the transaction that holds it is on disk. 0 or -ENOMEM, -EINVAL. */
int state_save(
	struct state *state, const char *name, struct slice value, state_saved *done, void *owner);
/* As state_save, in one order with it: the row is gone when done says 0, and also 0 where there was
 * none. */
int state_delete(struct state *state, const char *name, state_saved *done, void *owner);
/*
 * The names on disk that begin with prefix, in order of their octets; each may call any function
 * here. 0, -ENOMEM, -EIO.
 */
int state_list(struct state *state, const char *prefix,
	void (*each)(void *context, const char *name), void *context);
/* Writes a first row only: -EEXIST where the name exists. At once, on the calling thread. */
int state_create(struct state *state, const char *name, struct slice value);
/* No pending or running write. */
bool state_idle(const struct state *state);

#endif
