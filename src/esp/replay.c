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

/* One word more than the window needs: the newest number's own word is only partly in use. */
int replay_init(struct replay *replay, uint32_t window)
{
	uint32_t words = 2;
	uint64_t *bits;

	if (window == 0 || window > REPLAY_WINDOW_MAX)
		return -EINVAL;
	while ((words - 1) * WORD_BITS < window)
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

/* Clears the words between the old and the new highest number, each at most once. */
static void advance(struct replay *replay, uint64_t sequence)
{
	uint64_t from = replay->highest / WORD_BITS;
	uint64_t steps = sequence / WORD_BITS - from;

	if (steps > replay->words)
		steps = replay->words;
	for (uint64_t i = 1; i <= steps; i++)
		replay->bits[(from + i) & (replay->words - 1)] = 0;
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
