/* SPDX-License-Identifier: Apache-2.0 */
/* Replay window without shifting, RFC 6479: a ring of 64-bit words that the newest number clears.
 */
#include "esp/replay.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_BITS = 64 };

static uint64_t *word_of(const struct replay *replay, uint64_t sequence)
{
	return &replay->bits[(sequence / WORD_BITS) & (replay->words - 1)];
}

static uint64_t bit_of(uint64_t sequence)
{
	return (uint64_t)1 << (sequence % WORD_BITS);
}

/* RFC 6479 clears whole words and spends one more for that; to clear bits saves it. */
int replay_init(struct replay *replay, uint32_t window)
{
	uint32_t words = 1;
	uint64_t *bits;

	if (window == 0 || window > REPLAY_WINDOW_MAX)
		return -EINVAL;
	while (words * WORD_BITS < window)
		words *= 2;
	bits = calloc(words, sizeof(*bits));
	if (!bits)
		return -ENOMEM;
	*replay = (struct replay){.window = window, .words = words, .bits = bits};
	return 0;
}

void replay_fini(struct replay *replay)
{
	free(replay->bits);
	*replay = (struct replay){0};
}

enum drop replay_check(const struct replay *replay, uint64_t sequence)
{
	/* The floor is 0 at least, and 0 is never sent (RFC 4303 2.2). */
	if (sequence <= replay->floor)
		return DROP_REPLAY_OLD;
	if (sequence > replay->highest)
		return DROP_NONE;
	if (replay->highest - sequence >= replay->window)
		return DROP_REPLAY_OLD;
	return *word_of(replay, sequence) & bit_of(sequence) ? DROP_REPLAY_SEEN : DROP_NONE;
}

/* The bits of the numbers between the old and the new highest one still show those a turn ago. */
static void advance(struct replay *replay, uint64_t sequence)
{
	uint64_t at = replay->highest + 1;

	if (sequence - replay->highest >= (uint64_t)replay->words * WORD_BITS) {
		memset(replay->bits, 0, replay->words * sizeof(*replay->bits));
		at = sequence;
	}
	while (at / WORD_BITS < sequence / WORD_BITS) {
		*word_of(replay, at) &= bit_of(at) - 1;
		at = (at / WORD_BITS + 1) * WORD_BITS;
	}
	/* In the last word from the bit of at to that of sequence, which is going to be set. */
	*word_of(replay, at) &= ~(bit_of(sequence) - bit_of(at));
	replay->highest = sequence;
}

void replay_commit(struct replay *replay, uint64_t sequence)
{
	if (sequence > replay->highest)
		advance(replay, sequence);
	else if (replay->highest - sequence >= replay->window)
		return;
	*word_of(replay, sequence) |= bit_of(sequence);
}

void replay_restore(struct replay *replay, uint64_t sequence)
{
	if (sequence > replay->floor)
		replay->floor = sequence;
	if (sequence <= replay->highest)
		return;
	memset(replay->bits, 0, replay->words * sizeof(*replay->bits));
	replay->highest = sequence;
}
