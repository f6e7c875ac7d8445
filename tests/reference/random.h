/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that a printed seed repeats. */
#ifndef DIETVPN_TESTS_RANDOM_H
#define DIETVPN_TESTS_RANDOM_H

#include "fakes/chance.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct rnd {
	uint64_t state;
};

static inline uint64_t rnd_u64(struct rnd *r)
{
	return chance(&r->state);
}

static inline unsigned rnd_below(struct rnd *r, unsigned n)
{
	return (unsigned)(rnd_u64(r) % n);
}

static inline void rnd_fill(struct rnd *r, uint8_t *out, size_t len)
{
	chance_fill(&r->state, out, len);
}

/* $DIETVPN_TEST_SEED, or another one each run; printed, so that a failure can be repeated. */
static inline struct rnd rnd_start(const char *what)
{
	const char *text = getenv("DIETVPN_TEST_SEED");
	struct timespec now;
	uint64_t seed;

	timespec_get(&now, TIME_UTC);
	seed = text ? strtoull(text, NULL, 0) : (uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec;
	printf("%s: DIETVPN_TEST_SEED=%llu\n", what, (unsigned long long)seed);
	return (struct rnd){seed};
}

#endif
