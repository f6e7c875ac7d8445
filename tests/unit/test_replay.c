/* SPDX-License-Identifier: Apache-2.0 */
/* The window of RFC 6479: numbered edges, and every step against a set of all numbers seen. */
#include "esp/replay.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed = 0x2545f4914f6cdd1d;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static enum drop receive(struct replay *replay, uint64_t sequence)
{
	enum drop drop = replay_check(replay, sequence);

	if (!drop)
		replay_commit(replay, sequence);
	return drop;
}

struct edge {
	uint64_t sequence;
	enum drop drop;
};

static void run(uint32_t window, const struct edge *edges, size_t n)
{
	struct replay replay;

	cr_assert_eq(replay_init(&replay, window), 0);
	for (size_t i = 0; i < n; i++)
		cr_expect_eq(receive(&replay, edges[i].sequence), edges[i].drop,
			"window %u edge %zu: number %llu", window, i + 1,
			(unsigned long long)edges[i].sequence);
	replay_fini(&replay);
}

Test(replay, edges)
{
	enum { W = 1024 };
	const struct edge edges[] = {
		/*  1 */ {0, DROP_REPLAY_OLD},
		/*  2 */ {1, DROP_NONE},
		/*  3 */ {1, DROP_REPLAY_SEEN},
		/*  4 */ {9, DROP_NONE},
		/*  5 */ {8, DROP_NONE},
		/*  6 */ {7, DROP_NONE},
		/*  7 */ {7, DROP_REPLAY_SEEN},
		/*  8 */ {W, DROP_NONE},
		/*  9 */ {W - 1, DROP_NONE},
		/* 10 */ {W - 1, DROP_REPLAY_SEEN},
		/* 11 */ {2, DROP_NONE},
		/* 12 */ {2, DROP_REPLAY_SEEN},
		/* 13 */ {W + 16, DROP_NONE},
		/* 14 */ {3, DROP_REPLAY_OLD},
		/* 15 */ {16, DROP_REPLAY_OLD},
		/* 16 */ {17, DROP_NONE},
		/* 17 */ {17, DROP_REPLAY_SEEN},
		/* 18 */ {W + 16, DROP_REPLAY_SEEN},
		/* 19 */ {4ull * W, DROP_NONE},
		/* 20 */ {4ull * W - (W - 1), DROP_NONE},
		/* 21 */ {10, DROP_REPLAY_OLD},
		/* 22 */ {4ull * W - W, DROP_REPLAY_OLD},
		/* 23 */ {4ull * W - (W + 1), DROP_REPLAY_OLD},
		/* 24 */ {4ull * W - (W - 2), DROP_NONE},
		/* 25 */ {4ull * W + 1 - W, DROP_REPLAY_SEEN},
		/* 26 */ {0, DROP_REPLAY_OLD},
		/* 27 */ {UINT32_MAX, DROP_NONE},
		/* 28 */ {UINT32_MAX, DROP_REPLAY_SEEN},
		/* 29 */ {(uint64_t)UINT32_MAX + 1, DROP_NONE},
		/* 30 */ {UINT32_MAX - 1ull, DROP_NONE},
		/* 31 */ {(1ull << 48) - 1, DROP_NONE},
		/* 32 */ {1ull << 48, DROP_NONE},
		/* 33 */ {UINT64_MAX - 1, DROP_NONE},
		/* 34 */ {UINT64_MAX, DROP_NONE},
		/* 35 */ {UINT64_MAX, DROP_REPLAY_SEEN},
		/* 36 */ {UINT64_MAX - W + 1, DROP_NONE},
		/* 37 */ {UINT64_MAX - W, DROP_REPLAY_OLD},
	};

	run(W, edges, sizeof(edges) / sizeof(edges[0]));
}

Test(replay, smallest_windows)
{
	const struct edge one[] = {
		{5, DROP_NONE}, {4, DROP_REPLAY_OLD}, {5, DROP_REPLAY_SEEN}, {6, DROP_NONE}};
	const struct edge two[] = {
		{5, DROP_NONE}, {4, DROP_NONE}, {4, DROP_REPLAY_SEEN}, {3, DROP_REPLAY_OLD}};
	struct replay replay;

	run(1, one, 4);
	run(2, two, 4);
	cr_assert_eq(replay_init(&replay, 0), -EINVAL);
	cr_assert_eq(replay_init(&replay, REPLAY_WINDOW_MAX + 1), -EINVAL);
}

/* A whole window falling in from behind, then a second time. */
Test(replay, backwards)
{
	const uint32_t windows[] = {1, 2, 63, 64, 65, 127, 128, 1000, 1024, 4096, 16384};

	for (size_t w = 0; w < sizeof(windows) / sizeof(windows[0]); w++) {
		uint32_t window = windows[w];
		uint64_t top = 3ull * window + 7;
		struct replay replay;

		cr_assert_eq(replay_init(&replay, window), 0);
		for (uint64_t i = 0; i < window; i++)
			cr_assert_eq(receive(&replay, top - i), DROP_NONE);
		cr_assert_eq(receive(&replay, top - window), DROP_REPLAY_OLD);
		for (uint64_t i = 0; i < window; i++)
			cr_assert_eq(receive(&replay, top - i), DROP_REPLAY_SEEN);
		replay_fini(&replay);
	}
}

enum { SPAN = 1 << 17 };

/* The naive model: one octet per number, and the rule of RFC 4303 3.4.3 in its own words. */
struct model {
	uint8_t *seen;
	uint64_t highest, floor;
};

static enum drop model_check(const struct model *model, uint64_t sequence, uint32_t window)
{
	if (sequence == 0 || sequence <= model->floor || sequence + window <= model->highest)
		return DROP_REPLAY_OLD;
	return model->seen[sequence] ? DROP_REPLAY_SEEN : DROP_NONE;
}

static uint64_t next_number(const struct model *model, uint32_t window)
{
	uint64_t reach = draw() % 8 == 0 ? 5ull * window : draw() % 4 == 0 ? window + 66ull : 8;
	uint64_t back = draw() % (2ull * window + 2);
	uint64_t sequence = model->highest + draw() % (reach + 1);

	if (draw() % 2)
		sequence = sequence > back ? sequence - back : 0;
	return sequence < SPAN ? sequence : SPAN - 1;
}

Test(replay, against_a_set)
{
	const uint32_t windows[] = {1, 5, 63, 64, 65, 128, 300, 1024, 16384};

	for (size_t w = 0; w < sizeof(windows) / sizeof(windows[0]); w++) {
		struct model model = {.seen = calloc(SPAN, 1)};
		struct replay replay;

		cr_assert_eq(replay_init(&replay, windows[w]), 0);
		for (int i = 0; i < 100000; i++) {
			uint64_t sequence = next_number(&model, windows[w]);
			enum drop want = model_check(&model, sequence, windows[w]);

			cr_assert_eq(replay_check(&replay, sequence), want);
			/* A forged number changes nothing: only half of the good ones arrive. */
			if (want || draw() % 2)
				continue;
			replay_commit(&replay, sequence);
			model.seen[sequence] = 1;
			if (sequence > model.highest)
				model.highest = sequence;
			cr_assert_eq(replay.highest, model.highest);
			if (draw() % 5000 == 0) {
				uint64_t to = model.highest - draw() % 3 + draw() % 200;

				replay_restore(&replay, to);
				model.floor = to > model.floor ? to : model.floor;
				model.highest = to > model.highest ? to : model.highest;
			}
			if (model.highest + 6ull * windows[w] >= SPAN)
				break;
		}
		free(model.seen);
		replay_fini(&replay);
	}
}

Test(replay, restored_number_and_everything_below_are_old)
{
	struct replay replay;

	cr_assert_eq(replay_init(&replay, 64), 0);
	cr_assert_eq(receive(&replay, 10), DROP_NONE);
	replay_restore(&replay, 1000);
	cr_expect_eq(replay_check(&replay, 1000), DROP_REPLAY_OLD);
	cr_expect_eq(replay_check(&replay, 990), DROP_REPLAY_OLD);
	cr_expect_eq(receive(&replay, 1001), DROP_NONE);
	cr_expect_eq(receive(&replay, 1040), DROP_NONE);
	cr_expect_eq(receive(&replay, 1002), DROP_NONE);
	cr_expect_eq(receive(&replay, 1000), DROP_REPLAY_OLD);
	replay_restore(&replay, 1010);
	cr_expect_eq(replay.highest, 1040);
	cr_expect_eq(receive(&replay, 1009), DROP_REPLAY_OLD);
	cr_expect_eq(receive(&replay, 1011), DROP_NONE);
	cr_expect_eq(receive(&replay, 1040), DROP_REPLAY_SEEN);
	replay_fini(&replay);
}
