/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that a printed seed repeats: splitmix64, by its published constants. */
#ifndef DIETVPN_TESTS_RANDOM_H
#define DIETVPN_TESTS_RANDOM_H

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
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline unsigned rnd_below(struct rnd *r, unsigned n)
{
	return (unsigned)(rnd_u64(r) % n);
}

static inline void rnd_fill(struct rnd *r, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)rnd_u64(r);
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
