/* SPDX-License-Identifier: Apache-2.0 */
/* The prefix code of the SPI table against a plain list of prefixes, over very many rekeys. */
#include "esp/spi.h"

#include "base/wire.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed;

static uint32_t draw(void *arg)
{
	(void)arg;
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

static uint32_t width_bit(unsigned width)
{
	return (uint32_t)1 << (width - 1);
}

enum { LIVE_MAX = 400 };

struct live {
	uint32_t spi, widths;
	unsigned bound;
	int value;
};

/* Two prefixes of one wire: one is the beginning of the other. */
static bool collide(uint32_t a, unsigned wa, uint32_t b, unsigned wb)
{
	unsigned w = wa < wb ? wa : wb;
	uint64_t la = ((uint64_t)a << (32 - wa)) & UINT32_MAX;
	uint64_t lb = ((uint64_t)b << (32 - wb)) & UINT32_MAX;

	return la >> (32 - w) == lb >> (32 - w);
}

static bool any_collision(const struct live *a, const struct live *b)
{
	for (unsigned wa = 1; wa <= 32; wa++)
		for (unsigned wb = 1; wb <= 32; wb++)
			if ((a->widths & width_bit(wa)) && (b->widths & width_bit(wb)) &&
				collide(a->spi, wa, b->spi, wb))
				return true;
	return false;
}

static void check_new(const struct live *live, size_t n, const struct live *new)
{
	cr_assert_gt(new->spi, SPI_RESERVED_MAX);
	for (unsigned w = 1; w <= 32; w++)
		if (new->widths & width_bit(w))
			cr_assert_neq((uint8_t)((uint64_t) new->spi << (32 - w) >> 24), 0);
	for (size_t i = 0; i < n; i++)
		cr_assert_not(any_collision(&live[i], new));
}

/* A datagram of this SA: its bits, then anything. */
static void *find(const struct spi_table *table, uint32_t spi, unsigned width)
{
	uint64_t wire = (uint64_t)spi << (64 - width) |
			(width < 64 ? ((uint64_t)draw(NULL) << 32 | draw(NULL)) >> width : 0);
	uint8_t bytes[8];

	put_be64(bytes, wire);
	return spi_find(table, bytes, 4 + draw(NULL) % 5);
}

static void *find_naively(struct live *live, size_t n, uint32_t leading)
{
	void *found = NULL;

	for (size_t i = 0; i < n; i++)
		if (live[i].bound && collide(live[i].spi, live[i].bound, leading, 32)) {
			cr_assert_null(found, "two SAs answer to %08x", leading);
			found = &live[i].value;
		}
	return found;
}

static uint32_t some_widths(void)
{
	static const uint32_t sets[] = {0x80000000, 0x80008000, 0x8000, 0x800080, 0x80, 0x8,
		0x80008080, 0x800, 0x80000800, 0x40};

	return sets[draw(NULL) % (sizeof(sets) / sizeof(sets[0]))];
}

static unsigned pick_width(uint32_t widths)
{
	unsigned width;

	do
		width = 1 + draw(NULL) % 32;
	while (!(widths & width_bit(width)));
	return width;
}

/*
 * The table keeps the address of live[i].value, so a slot that empties is filled by its last one
 * and that one is bound anew.
 */
Test(spi, against_a_list)
{
	static struct live live[LIVE_MAX];
	struct spi_table *table;
	bool used[LIVE_MAX] = {false};
	size_t reserved = 0;

	seed = 88172645463325252ull;
	table = spi_table_create(draw, NULL);
	for (int step = 0; step < 20000; step++) {
		size_t i = draw(NULL) % LIVE_MAX;

		if (!used[i]) {
			struct live new = {.widths = some_widths()};
			int error;

			if (draw(NULL) % 4 == 0)
				new.spi = draw(NULL);
			error = spi_reserve(table, new.widths, &new.spi);
			if (error)
				continue;
			for (size_t k = 0; k < LIVE_MAX; k++)
				if (used[k])
					check_new(&live[k], 1, &new);
			check_new(NULL, 0, &new);
			live[i] = new;
			used[i] = true;
			reserved++;
			cr_assert_null(find(table, new.spi, pick_width(new.widths)));
		} else if (!live[i].bound && draw(NULL) % 2) {
			unsigned width = pick_width(live[i].widths);

			cr_assert_eq(spi_bind(table, live[i].spi, width, &live[i].value), 0);
			live[i].bound = width;
			live[i].widths = width_bit(width);
			cr_assert_eq(find(table, live[i].spi, width), &live[i].value);
			cr_assert_eq(
				spi_bind(table, live[i].spi, width, &live[i].value), -EADDRINUSE);
		} else {
			spi_release(table, live[i].spi);
			used[i] = false;
			live[i] = (struct live){0};
		}
		if (step % 16 == 0) {
			uint32_t leading = draw(NULL);
			uint8_t wire[4];

			put_be32(wire, leading);
			cr_assert_eq(
				spi_find(table, wire, 4), find_naively(live, LIVE_MAX, leading));
		}
		if (step % 64 == 0)
			for (size_t k = 0; k < LIVE_MAX; k++)
				if (used[k] && live[k].bound)
					cr_assert_eq(find(table, live[k].spi, live[k].bound),
						&live[k].value);
	}
	cr_assert_gt(reserved, 3000);
	spi_table_destroy(table);
}

Test(spi, refusals)
{
	struct spi_table *table = spi_table_create(draw, NULL);
	uint32_t spi = 0;
	int value;

	seed = 7;
	cr_expect_eq(spi_reserve(table, 0, &spi), -EINVAL);
	for (spi = 1; spi <= 255; spi++)
		cr_expect_eq(spi_reserve(table, width_bit(32), &spi), -EINVAL);
	spi = 0x00123456; /* whole: begins with a zero octet */
	cr_expect_eq(spi_reserve(table, width_bit(32), &spi), -EINVAL);
	cr_expect_eq(spi_reserve(table, width_bit(24) | width_bit(32), &spi), -EINVAL);
	cr_expect_eq(spi_reserve(table, width_bit(24), &spi), 0);
	spi = 0xaabb0077; /* 16 bits: 00 77 */
	cr_expect_eq(spi_reserve(table, width_bit(16), &spi), -EINVAL);
	spi = 0xaabbcc10; /* 4 bits: 0 */
	cr_expect_eq(spi_reserve(table, width_bit(4), &spi), -EINVAL);
	cr_expect_eq(spi_bind(table, 0x12345678, 32, &value), -ENOENT);
	cr_expect_eq(spi_bind(table, 0x00123456, 16, &value), -EINVAL);
	cr_expect_eq(spi_bind(table, 0x00123456, 0, &value), -EINVAL);
	cr_expect_eq(spi_bind(table, 0x00123456, 33, &value), -EINVAL);
	cr_expect_eq(spi_bind(table, 0x00123456, 24, NULL), -EINVAL);
	spi_release(table, 0x99999999);
	spi = 0x77123456;
	cr_expect_eq(spi_reserve(table, width_bit(24), &spi), -EADDRINUSE);
	spi = 0x12345600; /* its 32 bits begin with the 24 bits taken */
	cr_expect_eq(spi_reserve(table, width_bit(32), &spi), -EADDRINUSE);
	spi = 0xff000012; /* its 8 bits hold them */
	cr_expect_eq(spi_reserve(table, width_bit(8), &spi), -EADDRINUSE);
	spi_release(table, 0x00123456);
	cr_expect_eq(spi_reserve(table, width_bit(8), &spi), 0);
	spi_table_destroy(table);
}

/* All values of a short prefix can be had, and not one more. */
Test(spi, every_prefix_of_a_width)
{
	for (unsigned width = 1; width <= 12; width++) {
		struct spi_table *table = spi_table_create(draw, NULL);
		uint32_t all = width < 8 ? (1u << width) - 1 : 255u << (width - 8);
		uint32_t got = 0;
		int value;
		int error;

		seed = 1000 + width;
		for (;;) {
			uint32_t spi = 0;

			error = spi_reserve(table, width_bit(width), &spi);
			if (error)
				break;
			cr_assert_eq(spi_bind(table, spi, width, &value), 0);
			cr_assert_eq(find(table, spi, width), &value);
			got++;
		}
		cr_assert_eq(error, -ENOSPC);
		cr_expect_eq(got, all, "width %u: %u of %u", width, got, all);
		spi_table_destroy(table);
	}
}

Test(spi, short_datagrams_find_nothing_that_is_longer)
{
	struct spi_table *table = spi_table_create(draw, NULL);
	const uint8_t wire[] = {0x81, 0x02, 0x03, 0x04};
	uint32_t spi = 0x81020304;
	int value;

	cr_assert_eq(spi_reserve(table, width_bit(32), &spi), 0);
	cr_assert_eq(spi_bind(table, spi, 32, &value), 0);
	for (size_t len = 0; len < 4; len++)
		cr_expect_null(spi_find(table, wire, len));
	cr_expect_eq(spi_find(table, wire, 4), &value);
	spi_table_destroy(table);
}
