/* SPDX-License-Identifier: Apache-2.0 */
/* Keys borrow cipher contexts here, the least recently used one goes first; inside this wing only.
 */
#include "aead_pool.h"

#include "aead_choice.h"
#include "aead_ops.h"
#include "base/list.h"

#include <stdlib.h>

struct slot {
	struct list node;
	void *context;
	struct aead_key *owner;         /* NULL: nobody's, and wiped */
	const struct aead_suite *suite; /* for which the context is keyed; NULL: for none */
};

struct aead_pool {
	struct list recent; /* of all slots in use: last used first, ownerless ones last */
	uint64_t misses;
	uint32_t used, size;
	bool measured;   /* evp_from is; until then no packet has reached it */
	size_t evp_from; /* octets of ChaCha20-Poly1305 */
	struct slot slot[];
};

struct aead_pool *aead_pool_create(size_t contexts)
{
	struct aead_pool *pool;

	if (contexts == 0)
		contexts = 1;
	if (contexts > UINT32_MAX || contexts > (SIZE_MAX - sizeof(*pool)) / sizeof(struct slot))
		return NULL;
	/* Zeroed by the kernel page by page: a slot costs no memory before it is used. */
	pool = calloc(1, sizeof(*pool) + contexts * sizeof(struct slot));
	if (pool == NULL)
		return NULL;
	pool->size = (uint32_t)contexts;
	pool->evp_from = AEAD_CHOICE_FLOOR;
	list_init(&pool->recent);
	return pool;
}

void aead_pool_destroy(struct aead_pool *pool)
{
	if (pool == NULL)
		return;
	for (uint32_t i = 0; i < pool->used; i++)
		aead_evp_destroy(pool->slot[i].context);
	free(pool);
}

uint64_t aead_pool_misses(const struct aead_pool *pool)
{
	return pool->misses;
}

void aead_pool_prefer_evp_from(struct aead_pool *pool, size_t from)
{
	pool->measured = true;
	pool->evp_from = from;
}

bool aead_pool_prefers_evp(struct aead_pool *pool, size_t len)
{
	if (len >= pool->evp_from && !pool->measured)
		aead_pool_prefer_evp_from(pool, aead_choice_measure());
	return len >= pool->evp_from;
}

const char *aead_pool_chacha(const struct aead_pool *pool)
{
	return aead_choice_name(pool->measured ? pool->evp_from : AEAD_CHOICE_NEVER);
}

static void move_to_front(struct aead_pool *pool, struct slot *slot)
{
	if (pool->recent.next == &slot->node)
		return;
	list_remove(&slot->node);
	list_insert(&pool->recent, &slot->node);
}

/* A slot that never was used; NULL: none is left, or no memory for its context. */
static struct slot *add_slot(struct aead_pool *pool)
{
	struct slot *slot;

	if (pool->used == pool->size)
		return NULL;
	slot = &pool->slot[pool->used];
	slot->context = aead_evp_create();
	if (slot->context == NULL)
		return NULL;
	list_init(&slot->node);
	list_insert(&pool->recent, &slot->node);
	pool->used++;
	return slot;
}

static struct slot *oldest(struct aead_pool *pool)
{
	if (list_empty(&pool->recent))
		return NULL;
	return container_of(pool->recent.prev, struct slot, node);
}

/* Without memory for one more context, another key's still serves. */
static struct slot *take_slot(struct aead_pool *pool)
{
	struct slot *last = oldest(pool);
	struct slot *slot = last;

	if (last == NULL || last->owner != NULL)
		slot = add_slot(pool);
	if (slot == NULL)
		slot = last;
	if (slot != NULL && slot->owner != NULL)
		pool->misses++;
	return slot;
}

static void give_back(struct aead_pool *pool, struct slot *slot)
{
	aead_evp_wipe(slot->context);
	slot->owner = NULL;
	slot->suite = NULL;
	list_remove(&slot->node);
	list_append(&pool->recent, &slot->node);
}

static struct slot *own_slot(const struct aead_key *key)
{
	struct slot *slot;

	if (key->pool == NULL || key->slot >= key->pool->used)
		return NULL;
	slot = &key->pool->slot[key->slot];
	return slot->owner == key ? slot : NULL;
}

static void *rekey(struct aead_key *key, struct slot *slot, bool seal)
{
	struct aead_pool *pool = key->pool;

	key->seal = seal;
	if (aead_evp_rekey(slot->context, key, slot->suite) != 0) {
		give_back(pool, slot);
		return NULL;
	}
	slot->owner = key;
	slot->suite = key->suite;
	key->slot = (uint32_t)(slot - pool->slot);
	move_to_front(pool, slot);
	return slot->context;
}

void *aead_pool_context(struct aead_key *key, bool seal)
{
	struct slot *slot = own_slot(key);

	if (slot != NULL && key->seal == seal) {
		move_to_front(key->pool, slot);
		return slot->context;
	}
	if (slot == NULL && key->pool != NULL)
		slot = take_slot(key->pool);
	return slot != NULL ? rekey(key, slot, seal) : NULL;
}

void aead_pool_release(struct aead_key *key)
{
	struct slot *slot = own_slot(key);

	if (slot != NULL)
		give_back(key->pool, slot);
}
