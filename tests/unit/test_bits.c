/* SPDX-License-Identifier: Apache-2.0 */
/* Bit writer and reader against an array that holds one bit per element. */
#include "base/bits.h"

#include "fakes/chance.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

enum { OCTETS = 40, BITS = OCTETS * 8 };

static unsigned bit_of(const uint8_t *data, size_t at)
{
	return (unsigned)data[at / 8] >> (7 - at % 8) & 1;
}

Test(bits, edges)
{
	uint8_t data[9];
	struct bits_writer w = {data, sizeof data, 0};
	struct bits_reader r = {data, sizeof data, 0};
	uint64_t v = 7;

	memset(data, 0xff, sizeof data);
	cr_assert(bits_put(&w, 0xdead, 0));
	cr_assert_eq(data[0], 0xff, "nothing written, nothing touched");
	cr_assert(bits_put(&w, 5, 3));
	cr_assert_eq(data[0], 0xa0, "unwritten bits are zero");
	cr_assert_eq(bits_pad(&w), 1);
	cr_assert_eq(bits_pad(&w), 1);
	cr_assert(bits_put(&w, 0x0123456789abcdef, 64));
	cr_assert(!bits_put(&w, 0, 1), "full");
	cr_assert(!bits_put(&w, 0, 65));
	cr_assert(!bits_put_range(&w, data, 0, 1));
	cr_assert_eq(w.nbits, 72);

	cr_assert(bits_get(&r, 0, &v));
	cr_assert_eq(v, 0);
	cr_assert_eq(bits_octets(&r), 0);
	cr_assert(bits_get(&r, 3, &v));
	cr_assert_eq(v, 5);
	cr_assert_eq(bits_octets(&r), 1);
	cr_assert(bits_get(&r, 5, &v));
	cr_assert_eq(v, 0);
	cr_assert(!bits_get(&r, 65, &v));
	cr_assert_eq(v, 0, "untouched");
	cr_assert(bits_get(&r, 64, &v));
	cr_assert_eq(v, 0x0123456789abcdef);
	cr_assert(!bits_get(&r, 1, &v));
	cr_assert(!bits_get_range(&r, data, 0, 1));
	cr_assert(!bits_get_range(&r, data, 0, SIZE_MAX));
	cr_assert_eq(bits_octets(&r), 9);
}

/* Writes pieces of chance into data and bits; returns how many bits. */
static size_t write_pieces(uint64_t *rng, struct bits_writer *w, uint8_t *bits)
{
	for (;;) {
		unsigned n = (unsigned)chance_below(rng, 65);
		uint64_t value = chance(rng);
		uint8_t src[48];
		size_t at = chance_below(rng, 64);
		bool range = chance(rng) & 1;
		size_t before = w->nbits;

		chance_fill(rng, src, sizeof src);
		if (!(range ? bits_put_range(w, src, at, n) : bits_put(w, value, n))) {
			cr_assert_gt(before + n, BITS);
			cr_assert_eq(w->nbits, before);
			return before;
		}
		cr_assert_eq(w->nbits, before + n);
		for (unsigned i = 0; i < n; i++)
			bits[before + i] =
				(uint8_t)(range ? bit_of(src, at + i) : (value >> (n - 1 - i)) & 1);
	}
}

static void read_pieces(uint64_t *rng, struct bits_reader *r, const uint8_t *bits)
{
	for (;;) {
		unsigned n = (unsigned)chance_below(rng, 65);
		size_t at = chance_below(rng, 64);
		size_t before = r->nbits;
		uint8_t dst[24];
		uint64_t value = 0;

		memset(dst, 0xa5, sizeof dst);
		if (chance(rng) & 1) {
			if (!bits_get_range(r, dst, at, n))
				return;
			for (size_t i = 0; i < sizeof dst * 8; i++)
				cr_assert_eq(bit_of(dst, i), i >= at && i < at + n
								     ? bits[before + i - at]
								     : 0xa5u >> (7 - i % 8) & 1);
			continue;
		}
		if (!bits_get(r, n, &value))
			return;
		for (unsigned i = 0; i < n; i++)
			cr_assert_eq(value >> (n - 1 - i) & 1, bits[before + i]);
		cr_assert(n == 64 || value >> n == 0);
	}
}

Test(bits, like_an_array_of_bits)
{
	uint64_t rng = 1;

	for (int round = 0; round < 3000; round++) {
		uint8_t *data = malloc(OCTETS);
		uint8_t bits[BITS] = {0};
		struct bits_writer w = {data, OCTETS, 0};
		struct bits_reader r = {data, OCTETS, 0};
		size_t n;

		memset(data, 0xff, OCTETS);
		n = write_pieces(&rng, &w, bits);
		for (size_t i = 0; i < (n + 7) / 8 * 8; i++)
			cr_assert_eq(bit_of(data, i), bits[i], "round %d bit %zu", round, i);
		cr_assert_eq(bits_pad(&w), (n + 7) / 8);
		memset(data + w.nbits / 8, 0, OCTETS - w.nbits / 8);
		read_pieces(&rng, &r, bits);
		free(data);
	}
}
