/* SPDX-License-Identifier: Apache-2.0 */
/* Open-addressing hash table with linear probing; grows at three quarters, never shrinks. */
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>

enum { CAP_MIN = 16 };

struct map_slot {
	uint64_t hash;
	void *value; /* NULL: never used */
};

/* Stands where a value was removed: probing goes on behind it. */
static const char tombstone;

static bool is_dead(const struct map_slot *slot)
{
	return slot->value == &tombstone;
}

static bool is_live(const struct map_slot *slot)
{
	return slot->value && !is_dead(slot);
}

/* Callers may bring numbers that differ only in a few bits. */
static size_t start_of(uint64_t hash, size_t cap)
{
	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15u;
	return (size_t)(hash >> 32) & (cap - 1);
}

void map_init(struct map *map, map_equal *equal)
{
	*map = (struct map){.equal = equal};
}

void map_fini(struct map *map)
{
	free(map->slots);
	map_init(map, map->equal);
}

static struct map_slot *slot_of(const struct map *map, uint64_t hash, const void *key)
{
	if (!map->cap)
		return NULL;
	for (size_t i = start_of(hash, map->cap);; i = (i + 1) & (map->cap - 1)) {
		struct map_slot *slot = &map->slots[i];

		if (!slot->value)
			return NULL;
		if (slot->hash == hash && !is_dead(slot) && map->equal(slot->value, key))
			return slot;
	}
}

void *map_find(const struct map *map, uint64_t hash, const void *key)
{
	struct map_slot *slot = slot_of(map, hash, key);

	return slot ? slot->value : NULL;
}

static void place(struct map *map, uint64_t hash, void *value)
{
	size_t i = start_of(hash, map->cap);

	while (is_live(&map->slots[i]))
		i = (i + 1) & (map->cap - 1);
	if (is_dead(&map->slots[i]))
		map->dead--;
	map->slots[i] = (struct map_slot){hash, value};
	map->used++;
}

/* Leaves half of the new table free, and all tombstones behind. */
static int rehash(struct map *map)
{
	struct map old = *map;
	size_t cap = CAP_MIN;

	while (cap < (old.used + 1) * 2)
		cap *= 2;
	map->slots = calloc(cap, sizeof *map->slots);
	if (!map->slots) {
		map->slots = old.slots;
		return -ENOMEM;
	}
	map->cap = cap;
	map->used = 0;
	map->dead = 0;
	for (size_t i = 0; i < old.cap; i++)
		if (is_live(&old.slots[i]))
			place(map, old.slots[i].hash, old.slots[i].value);
	free(old.slots);
	return 0;
}

int map_add(struct map *map, uint64_t hash, void *value)
{
	if ((map->used + map->dead + 1) * 4 > map->cap * 3) {
		int err = rehash(map);

		if (err)
			return err;
	}
	place(map, hash, value);
	return 0;
}

void *map_remove(struct map *map, uint64_t hash, const void *key)
{
	struct map_slot *slot = slot_of(map, hash, key);
	struct map_slot *next;
	void *value;

	if (!slot)
		return NULL;
	value = slot->value;
	next = &map->slots[((size_t)(slot - map->slots) + 1) & (map->cap - 1)];
	map->used--;
	if (!next->value) {
		slot->value = NULL;
		return value;
	}
	slot->value = (void *)(uintptr_t)&tombstone;
	map->dead++;
	return value;
}

void *map_next(const struct map *map, size_t *at)
{
	while (*at < map->cap) {
		const struct map_slot *slot = &map->slots[(*at)++];

		if (is_live(slot))
			return slot->value;
	}
	return NULL;
}
