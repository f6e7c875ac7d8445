/* SPDX-License-Identifier: Apache-2.0 */
/* Repeatable numbers for property tests: splitmix64 from a seed. */
#ifndef DIETVPN_TESTS_CHANCE_H
#define DIETVPN_TESTS_CHANCE_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t chance(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* 0 .. n-1 */
static inline size_t chance_below(uint64_t *state, size_t n)
{
	return (size_t)(chance(state) % n);
}

static inline void chance_fill(uint64_t *state, void *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = (uint8_t)chance(state);
}

#endif
