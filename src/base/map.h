/* SPDX-License-Identifier: Apache-2.0 */
/* Open-addressing table from a 64-bit hash to a pointer; the caller brings hash and equality. */
#ifndef DIETVPN_BASE_MAP_H
#define DIETVPN_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* true when the stored value has this key. */
typedef bool map_equal(const void *value, const void *key);

struct map {
	struct map_slot *slots;
	size_t cap, used, dead; /* cap is 0 or a power of two */
	map_equal *equal;
};

/* Empty: takes no memory before the first map_add. */
void map_init(struct map *map, map_equal *equal);
void map_fini(struct map *map); /* frees the table, not the values */

/* A number as a hash, one to one. Without a key: only for numbers that no stranger chooses. */
static inline uint64_t map_mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0x9e3779b97f4a7c15;
	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9;
	return x ^ x >> 32;
}

/* The hash must not be choosable by strangers where keys come from them: use hash_short. */
void *map_find(const struct map *map, uint64_t hash, const void *key);
/* value non-NULL and its key not in the map; 0 or -ENOMEM. */
int map_add(struct map *map, uint64_t hash, void *value);
/* Returns the value removed, or NULL. */
void *map_remove(struct map *map, uint64_t hash, const void *key);
/* Walks all values: *at begins as 0; NULL at the end. No change to the map on the way. */
void *map_next(const struct map *map, size_t *at);

#endif
