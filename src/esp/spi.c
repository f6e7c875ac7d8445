/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SPI allocator and lookup: a prefix code over the leading bits on the wire (diet-esp.md section
 * 5.2), so that at most one SA answers and no datagram is opened twice.
 */
#include "esp/spi.h"

#include "base/map.h"
#include "base/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	WIDTH_MAX = 32,
	OCTET_BITS = 8,
	RANDOM_TRIES = 64,
	SCAN_BITS = 12, /* of the shortest width that are searched one by one when chance failed */
	SCAN_TRIES = 4,
};

/* One reservation; bound is the width that its SA has, 0 until there is one. */
struct owner {
	uint32_t spi, widths;
	unsigned bound;
	void *value;
};

/* A prefix as the first of the 32-bit numbers that begin with it; kept in order. */
struct prefix {
	uint32_t start;
	uint32_t width;
	struct owner *owner;
};

struct spi_table {
	spi_random *random;
	void *arg;
	struct prefix *prefixes;
	size_t n, cap;
	uint32_t count[WIDTH_MAX + 1];
	uint32_t bound[WIDTH_MAX + 1];
	struct owner *first[1 << OCTET_BITS]; /* bound widths up to 8 */
	struct map by_spi, by_prefix;         /* by_prefix: bound widths above 8 */
};

struct prefix_key {
	uint32_t prefix;
	unsigned width;
};

static uint32_t low_bits(uint32_t spi, unsigned width)
{
	return width < WIDTH_MAX ? spi & (((uint32_t)1 << width) - 1) : spi;
}

static uint32_t start_of(uint32_t spi, unsigned width)
{
	return spi << (WIDTH_MAX - width);
}

static uint32_t end_of(uint32_t start, unsigned width)
{
	return start | low_bits(UINT32_MAX, WIDTH_MAX - width);
}

static bool has_width(uint32_t widths, unsigned width)
{
	return widths >> (width - 1) & 1;
}

static uint64_t prefix_hash(const struct prefix_key *key)
{
	return map_mix((uint64_t)key->width << 32 | key->prefix);
}

static bool owner_has_spi(const void *value, const void *key)
{
	return ((const struct owner *)value)->spi == *(const uint32_t *)key;
}

static bool owner_has_prefix(const void *value, const void *key)
{
	const struct owner *owner = value;
	const struct prefix_key *want = key;

	return owner->bound == want->width && low_bits(owner->spi, owner->bound) == want->prefix;
}

struct spi_table *spi_table_create(spi_random *random, void *arg)
{
	struct spi_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->random = random;
	table->arg = arg;
	map_init(&table->by_spi, owner_has_spi);
	map_init(&table->by_prefix, owner_has_prefix);
	return table;
}

void spi_table_destroy(struct spi_table *table)
{
	size_t at = 0;

	if (!table)
		return;
	for (void *owner; (owner = map_next(&table->by_spi, &at));)
		free(owner);
	map_fini(&table->by_spi);
	map_fini(&table->by_prefix);
	free(table->prefixes);
	free(table);
}

/* Place of the first prefix that is not before (start, width). */
static size_t lower_bound(const struct spi_table *table, uint32_t start, unsigned width)
{
	size_t low = 0;
	size_t high = table->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct prefix *p = &table->prefixes[mid];

		if (p->start < start || (p->start == start && p->width < width))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool has_prefix(const struct spi_table *table, uint32_t start, unsigned width)
{
	size_t at = lower_bound(table, start, width);

	return at < table->n && table->prefixes[at].start == start &&
	       table->prefixes[at].width == width;
}

/* A prefix of somebody lies within this one, is the same, or holds it. */
static bool is_taken(const struct spi_table *table, uint32_t start, unsigned width)
{
	size_t at = lower_bound(table, start, 0);

	if (at < table->n && table->prefixes[at].start <= end_of(start, width))
		return true;
	for (unsigned shorter = 1; shorter < width; shorter++)
		if (table->count[shorter] &&
			has_prefix(
				table, start_of(start >> (WIDTH_MAX - shorter), shorter), shorter))
			return true;
	return false;
}

/* The first octet on the wire is never 0x00: there IKE's non-ESP marker begins. */
static bool begins_with_zero(uint32_t spi, unsigned width)
{
	return start_of(spi, width) >> (WIDTH_MAX - OCTET_BITS) == 0;
}

static int check_spi(const struct spi_table *table, uint32_t widths, uint32_t spi)
{
	if (spi <= SPI_RESERVED_MAX)
		return -EINVAL;
	for (unsigned width = 1; width <= WIDTH_MAX; width++)
		if (has_width(widths, width) && begins_with_zero(spi, width))
			return -EINVAL;
	if (map_find(&table->by_spi, map_mix(spi), &spi))
		return -EADDRINUSE;
	for (unsigned width = 1; width <= WIDTH_MAX; width++)
		if (has_width(widths, width) && is_taken(table, start_of(spi, width), width))
			return -EADDRINUSE;
	return 0;
}

/* Short prefixes get the lower half of the first octet's values, long ones the upper half. */
static uint32_t split_halves(uint32_t spi, uint32_t widths)
{
	for (unsigned width = 1; width <= WIDTH_MAX; width++)
		if (has_width(widths, width)) {
			uint32_t top = (uint32_t)1 << (width - 1);

			spi = width > 16 ? spi | top : spi & ~top;
		}
	return spi;
}

static bool choose_by_chance(const struct spi_table *table, uint32_t widths, uint32_t *spi)
{
	for (unsigned i = 0; i < 2 * RANDOM_TRIES; i++) {
		uint32_t candidate = table->random(table->arg);

		if (i < RANDOM_TRIES)
			candidate = split_halves(candidate, widths);
		if (!check_spi(table, widths, candidate)) {
			*spi = candidate;
			return true;
		}
	}
	return false;
}

/* Nearly full: every pattern of the shortest width's low bits, with a few random rests. */
static bool choose_by_scan(const struct spi_table *table, uint32_t widths, uint32_t *spi)
{
	unsigned bits = 1;
	uint32_t begin = table->random(table->arg);

	while (!has_width(widths, bits))
		bits++;
	if (bits > SCAN_BITS)
		bits = SCAN_BITS;
	for (uint32_t i = 0; i < (uint32_t)SCAN_TRIES << bits; i++) {
		uint32_t rest = table->random(table->arg);
		uint32_t candidate =
			(rest & ~low_bits(UINT32_MAX, bits)) | low_bits(begin + i, bits);

		if (!check_spi(table, widths, candidate)) {
			*spi = candidate;
			return true;
		}
	}
	return false;
}

static int make_room(struct spi_table *table, size_t more)
{
	size_t cap = table->cap ? table->cap : 16;
	struct prefix *grown;

	while (cap < table->n + more)
		cap *= 2;
	if (cap == table->cap)
		return 0;
	grown = realloc(table->prefixes, cap * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	table->prefixes = grown;
	table->cap = cap;
	return 0;
}

static void insert_prefix(struct spi_table *table, struct owner *owner, unsigned width)
{
	uint32_t start = start_of(owner->spi, width);
	size_t at = lower_bound(table, start, width);
	struct prefix *place = table->prefixes + at;

	memmove(place + 1, place, (table->n - at) * sizeof(*place));
	*place = (struct prefix){start, width, owner};
	table->n++;
	table->count[width]++;
}

static void delete_prefix(struct spi_table *table, const struct owner *owner, unsigned width)
{
	size_t at = lower_bound(table, start_of(owner->spi, width), width);
	struct prefix *place = table->prefixes + at;

	memmove(place, place + 1, (table->n - at - 1) * sizeof(*place));
	table->n--;
	table->count[width]--;
}

static int add_owner(struct spi_table *table, uint32_t widths, uint32_t spi)
{
	struct owner *owner = calloc(1, sizeof(*owner));

	if (!owner)
		return -ENOMEM;
	owner->spi = spi;
	owner->widths = widths;
	if (make_room(table, WIDTH_MAX) || map_add(&table->by_spi, map_mix(spi), owner)) {
		free(owner);
		return -ENOMEM;
	}
	for (unsigned width = 1; width <= WIDTH_MAX; width++)
		if (has_width(widths, width))
			insert_prefix(table, owner, width);
	return 0;
}

int spi_reserve(struct spi_table *table, uint32_t widths, uint32_t *spi)
{
	uint32_t chosen = *spi;
	int error;

	if (!widths)
		return -EINVAL;
	if (chosen) {
		error = check_spi(table, widths, chosen);
		if (error)
			return error;
	} else if (!choose_by_chance(table, widths, &chosen) &&
		   !choose_by_scan(table, widths, &chosen)) {
		return -ENOSPC;
	}
	error = add_owner(table, widths, chosen);
	if (!error)
		*spi = chosen;
	return error;
}

/* All values that the first octet may have behind this prefix of at most 8 bits. */
static void fill_first(
	struct spi_table *table, const struct owner *at, unsigned width, struct owner *value)
{
	uint32_t begin = start_of(at->spi, width) >> (WIDTH_MAX - OCTET_BITS);
	uint32_t n = (uint32_t)1 << (OCTET_BITS - width);

	for (uint32_t i = 0; i < n; i++)
		table->first[begin + i] = value;
}

static int publish(struct spi_table *table, struct owner *owner, unsigned width)
{
	struct prefix_key key = {low_bits(owner->spi, width), width};

	if (width <= OCTET_BITS)
		fill_first(table, owner, width, owner);
	else if (map_add(&table->by_prefix, prefix_hash(&key), owner))
		return -ENOMEM;
	owner->bound = width;
	table->bound[width]++;
	return 0;
}

static void unpublish(struct spi_table *table, struct owner *owner)
{
	struct prefix_key key = {low_bits(owner->spi, owner->bound), owner->bound};

	if (owner->bound <= OCTET_BITS)
		fill_first(table, owner, owner->bound, NULL);
	else
		map_remove(&table->by_prefix, prefix_hash(&key), &key);
	table->bound[owner->bound]--;
}

int spi_bind(struct spi_table *table, uint32_t spi, unsigned width, void *value)
{
	struct owner *owner = map_find(&table->by_spi, map_mix(spi), &spi);
	int error;

	if (!owner)
		return -ENOENT;
	if (owner->bound)
		return -EADDRINUSE;
	if (!value || width == 0 || width > WIDTH_MAX || !has_width(owner->widths, width))
		return -EINVAL;
	error = publish(table, owner, width);
	if (error)
		return error;
	for (unsigned other = 1; other <= WIDTH_MAX; other++)
		if (other != width && has_width(owner->widths, other))
			delete_prefix(table, owner, other);
	owner->widths = (uint32_t)1 << (width - 1);
	owner->value = value;
	return 0;
}

void spi_release(struct spi_table *table, uint32_t spi)
{
	struct owner *owner = map_remove(&table->by_spi, map_mix(spi), &spi);

	if (!owner)
		return;
	if (owner->bound)
		unpublish(table, owner);
	for (unsigned width = 1; width <= WIDTH_MAX; width++)
		if (has_width(owner->widths, width))
			delete_prefix(table, owner, width);
	free(owner);
}

/* Up to four octets, left-aligned; missing ones are zero. */
static uint32_t leading_bits(const uint8_t *wire, size_t len)
{
	uint32_t value = 0;

	for (size_t i = 0; i < 4; i++)
		value = value << 8 | (i < len ? wire[i] : 0);
	return value;
}

void *spi_find(const struct spi_table *table, const uint8_t *wire, size_t len)
{
	const struct owner *owner;
	uint32_t leading;

	if (len == 0)
		return NULL;
	owner = table->first[wire[0]];
	if (owner)
		return owner->value;
	leading = len >= 4 ? get_be32(wire) : leading_bits(wire, len);
	for (unsigned width = OCTET_BITS + 1; width <= WIDTH_MAX && width <= len * 8; width++) {
		struct prefix_key key = {leading >> (WIDTH_MAX - width), width};

		if (table->bound[width] &&
			(owner = map_find(&table->by_prefix, prefix_hash(&key), &key)))
			return owner->value;
	}
	return NULL;
}
