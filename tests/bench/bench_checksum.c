/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nanoseconds per Internet checksum: ours beside other ways to write it, and three ways to sum what
 * is copied. One line key=value per figure; the least of many rounds.
 */
#include "ip/checksum.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PACKETS = 44, PACKET = 1400, STRIDE = 2048, TEXT = 65536, ROUNDS = 2000 };

static uint8_t text[TEXT], tx[PACKETS * STRIDE];
static volatile uint64_t sink;
static int rounds = ROUNDS;

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The others give the sum in this machine's byte order; the folded results must be ours, swapped.
 */
static uint64_t by_16(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint16_t v;

	for (; len >= 2; len -= 2, p += 2) {
		memcpy(&v, p, sizeof v);
		sum += v;
	}
	v = 0;
	memcpy(&v, p, len);
	return sum + v;
}

static uint64_t split_32(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t high = 0;
	uint64_t low = 0;
	uint64_t v;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&v, p, sizeof v);
		low += v & 0xffffffff;
		high += v >> 32;
	}
	return by_16(sum + checksum_fold(low) + checksum_fold(high), p, len);
}

static uint64_t overflow_chain(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t carry = 0;
	uint64_t wide = 0;
	uint64_t v;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&v, p, sizeof v);
		carry = __builtin_add_overflow(wide, carry, &wide);
		carry |= __builtin_add_overflow(wide, v, &wide);
	}
	return by_16(sum + checksum_fold(wide) + carry, p, len);
}

typedef uint64_t pair __attribute__((vector_size(16)));

static uint64_t vectors(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	pair low = {0};
	pair high = {0};
	pair v;

	for (; len >= 16; len -= 16, p += 16) {
		memcpy(&v, p, sizeof v);
		low += v & 0xffffffff;
		high += v >> 32;
	}
	low += high;
	return by_16(sum + checksum_fold(low[0]) + checksum_fold(low[1]), p, len);
}

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 wide;

static uint64_t int128(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	wide a = 0;
	wide b = 0;
	uint64_t v[4];

	for (; len >= sizeof v; len -= sizeof v, p += sizeof v) {
		memcpy(v, p, sizeof v);
		a += v[0];
		b += v[1];
		a += v[2];
		b += v[3];
	}
	a += b;
	return split_32(sum + checksum_fold((uint64_t)a) + (uint64_t)(a >> 64), p, len);
}
#endif

static const struct way {
	const char *name;
	uint64_t (*add)(uint64_t sum, const void *data, size_t len);
	bool native; /* byte order of the result */
} ways[] = {
	{"checksum_add", checksum_add, false},
	{"16-bit", by_16, true},
	{"split-32", split_32, true},
	{"overflow-chain", overflow_chain, true},
	{"vector-16", vectors, true},
#ifdef __SIZEOF_INT128__
	{"int128", int128, true},
#endif
};

enum { WAYS = sizeof ways / sizeof *ways };

static double least(const struct way *way, size_t len)
{
	int repeat = len > 10000 ? 4 : 64;
	double best = 1e12;

	for (int round = 0; round < rounds; round++) {
		double start = now_ns();
		double took;

		for (int i = 0; i < repeat; i++)
			sink = way->add((uint64_t)i, text, len);
		took = (now_ns() - start) / repeat;
		best = took < best ? took : best;
	}
	return best;
}

static bool right(const struct way *way, size_t len)
{
	uint16_t value = checksum_fold(way->add(0, text, len));
	uint8_t octets[2];

	memcpy(octets, &value, sizeof octets);
	if (way->native)
		value = (uint16_t)(octets[0] << 8 | octets[1]);
	return value == checksum_fold(checksum_add(0, text, len));
}

static uint64_t copy_then_sum(void *to, const void *from, size_t len)
{
	memcpy(to, from, len);
	return checksum_add(0, to, len);
}

static uint64_t sum_then_copy(void *to, const void *from, size_t len)
{
	uint64_t sum = checksum_add(0, from, len);

	memcpy(to, from, len);
	return sum;
}

static uint64_t copy_only(void *to, const void *from, size_t len)
{
	memcpy(to, from, len);
	return 0;
}

static uint64_t one_loop(void *to, const void *from, size_t len)
{
	const uint8_t *p = from;
	uint8_t *out = to;
	pair low = {0};
	pair high = {0};
	pair v;

	for (; len >= 16; len -= 16, p += 16, out += 16) {
		memcpy(&v, p, sizeof v);
		memcpy(out, &v, sizeof v);
		low += v & 0xffffffff;
		high += v >> 32;
	}
	low += high;
	memcpy(out, p, len);
	return split_32((uint64_t)checksum_fold(low[0]) + checksum_fold(low[1]), p, len);
}

static const struct {
	const char *name;
	uint64_t (*run)(void *to, const void *from, size_t len);
} copies[] = {
	{"copy-only", copy_only},
	{"copy-then-sum", copy_then_sum},
	{"sum-then-copy", sum_then_copy},
	{"one-loop", one_loop},
};

/* As segmentation does: one long packet, cut into many. */
static double least_copy(uint64_t (*run)(void *to, const void *from, size_t len))
{
	double best = 1e12;

	for (int round = 0; round < rounds; round++) {
		double start = now_ns();
		double took;

		for (size_t i = 0; i < PACKETS; i++)
			sink = run(tx + i * STRIDE + 98, text + i * PACKET, PACKET);
		took = (now_ns() - start) / PACKETS;
		best = took < best ? took : best;
	}
	return best;
}

static bool run_ways(void)
{
	static const size_t lengths[] = {20, 64, 1400, 65000};

	for (size_t i = 0; i < WAYS; i++)
		for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
			if (!right(&ways[i], lengths[k] - 1))
				return false;
			printf("bench=checksum way=%s octets=%zu ns=%.1f\n", ways[i].name,
				lengths[k], least(&ways[i], lengths[k]));
		}
	return true;
}

static void run_copies(void)
{
	for (size_t i = 0; i < sizeof copies / sizeof *copies; i++)
		printf("bench=checksum-copy way=%s octets=%d ns=%.1f\n", copies[i].name, PACKET,
			least_copy(copies[i].run));
}

/* bench_checksum [--quick] */
int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--quick") == 0)
		rounds = 3;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (uint8_t)(i * 2654435761u >> 13);
	if (!run_ways()) {
		fprintf(stderr, "bench_checksum: a sum is wrong\n");
		return 1;
	}
	run_copies();
	return 0;
}
