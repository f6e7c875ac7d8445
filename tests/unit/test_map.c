/* SPDX-License-Identifier: Apache-2.0 */
/* The hash table against an array that is searched from end to end. */
#include "base/map.h"

#include "fakes/chance.h"

#include <criterion/criterion.h>

struct item {
	unsigned key;
	bool in;
	bool seen;
};

static bool item_equal(const void *value, const void *key)
{
	return ((const struct item *)value)->key == *(const unsigned *)key;
}

static void check_walk(const struct map *map, struct item *items, size_t n)
{
	size_t at = 0;
	size_t count = 0;
	struct item *item;

	while ((item = map_next(map, &at))) {
		cr_assert(item->in && !item->seen);
		item->seen = true;
		count++;
	}
	cr_assert_eq(count, map->used);
	for (size_t i = 0; i < n; i++) {
		cr_assert_eq(items[i].in, items[i].seen);
		items[i].seen = false;
	}
}

/* mask: how many different hashes there are; 0 makes all of them collide. */
static void run(uint64_t mask, unsigned shift)
{
	enum { N = 200, STEPS = 20000 };
	struct item items[N] = {0};
	uint64_t rng = mask + shift;
	struct map map;

	map_init(&map, item_equal);
	for (int step = 0; step < STEPS; step++) {
		unsigned key = (unsigned)chance_below(&rng, N);
		uint64_t hash = (key & mask) << shift;
		struct item *item = &items[key];
		bool grow = step / 1000 % 2 == 0;

		item->key = key;
		cr_assert_eq(map_find(&map, hash, &key), item->in ? item : NULL);
		if (!item->in && (grow || chance(&rng) % 4 == 0)) {
			cr_assert_eq(map_add(&map, hash, item), 0);
			item->in = true;
		} else if (item->in && (!grow || chance(&rng) % 4 == 0)) {
			cr_assert_eq(map_remove(&map, hash, &key), item);
			cr_assert_null(map_remove(&map, hash, &key));
			item->in = false;
		}
		cr_assert_leq((map.used + map.dead) * 4, map.cap * 3);
		if (step % 100 == 0)
			check_walk(&map, items, N);
	}
	cr_assert_leq(map.cap, 1024, "removed values do not make it grow");
	map_fini(&map);
	cr_assert_eq(map.cap, 0);
}

Test(map, like_a_list)
{
	run(UINT64_MAX, 0);
	run(UINT64_MAX, 40);
	run(7, 0);
	run(0, 0);
}

Test(map, empty)
{
	struct map map;
	unsigned key = 1;
	size_t at = 0;

	map_init(&map, item_equal);
	cr_assert_null(map_find(&map, 1, &key));
	cr_assert_null(map_remove(&map, 1, &key));
	cr_assert_null(map_next(&map, &at));
	map_fini(&map);
	map_fini(&map);
}
