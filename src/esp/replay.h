/* SPDX-License-Identifier: Apache-2.0 */
/* Replay window without shifting, RFC 6479; RFC 4303 3.4.3. */
#ifndef DIETVPN_ESP_REPLAY_H
#define DIETVPN_ESP_REPLAY_H

#include "base/drop.h"

#include <stdint.h>

enum { REPLAY_WINDOW_MIN = 64, REPLAY_WINDOW_MAX = 16384, REPLAY_WINDOW_DEFAULT = 1024 };

struct replay {
	uint64_t highest; /* authenticated; 0: none yet */
	uint64_t floor;   /* numbers up to here are old whatever the bitmap says (restored state) */
	uint32_t window;  /* 1..16384 packets */
	uint32_t words;   /* of 64 bits: a power of two that holds the window */
	uint64_t *bits;
};

int replay_init(struct replay *replay, uint32_t window); /* 0, -EINVAL, -ENOMEM */
void replay_fini(struct replay *replay);
/* Before the ICV: DROP_NONE, DROP_REPLAY_OLD (0 is never valid) or DROP_REPLAY_SEEN. Changes
 * nothing. */
enum drop replay_check(const struct replay *replay, uint64_t sequence);
/* After the ICV has verified, and only then. */
void replay_commit(struct replay *replay, uint64_t sequence);
/* Everything up to and including sequence counts as seen: where a stored number is taken over. */
void replay_restore(struct replay *replay, uint64_t sequence);

#endif
