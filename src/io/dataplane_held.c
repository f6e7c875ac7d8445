/* SPDX-License-Identifier: Apache-2.0 */
/* Inner packets that wait for an SA or for sequence numbers, RFC 4301 4.4.1 ("queue or discard").
 */
#include "io/dataplane_held.h"

#include "base/buf.h"
#include "ipsec/ipsec.h"
#include "ipsec/spd.h"

#include <string.h>

/* One silent peer must not take the room of all others. */
static bool has_share(const struct held *held, uint32_t policy)
{
	size_t n = 0;

	for (size_t i = 0; i < held->n; i++)
		n += held->packets[i].policy == policy;
	return n < HELD_PER_POLICY;
}

bool held_add(struct held *held, struct batch_item *item, uint64_t until_ms)
{
	if (held->n == HELD_MAX || item->policy == NULL || !has_share(held, item->policy->id))
		return false;
	held->packets[held->n++] = (struct held_packet){
		.pkt = item->pkt,
		.until_ms = until_ms,
		.policy = item->policy->id,
		.tunnel = item->tunnel,
		.drop = item->drop,
	};
	item->pkt = NULL;
	return true;
}

void held_take_all(struct held *held, struct batch *batch, uint64_t *until_ms)
{
	for (size_t i = 0; i < held->n; i++) {
		struct batch_item *item = &batch->items[i];

		memset(item, 0, sizeof(*item));
		item->pkt = held->packets[i].pkt;
		item->tunnel = held->packets[i].tunnel;
		until_ms[i] = held->packets[i].until_ms;
	}
	batch->n = held->n;
	held->n = 0;
}

static void give_up(struct held *held, size_t i, struct buf_pool *pool, uint64_t *drops)
{
	drops[held->packets[i].drop]++;
	buf_pool_put(pool, held->packets[i].pkt);
	held->n--;
	memmove(&held->packets[i], &held->packets[i + 1], (held->n - i) * sizeof(held->packets[0]));
}

void held_expire(struct held *held, struct buf_pool *pool, uint64_t *drops, uint64_t now_ms)
{
	for (size_t i = held->n; i-- > 0;)
		if (held->packets[i].until_ms <= now_ms)
			give_up(held, i, pool, drops);
}

void held_forget(struct held *held, struct buf_pool *pool, uint64_t *drops, uint16_t tunnel)
{
	for (size_t i = held->n; i-- > 0;)
		if (held->packets[i].tunnel == tunnel)
			give_up(held, i, pool, drops);
}

uint64_t held_deadline(const struct held *held)
{
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < held->n; i++)
		if (held->packets[i].until_ms < first)
			first = held->packets[i].until_ms;
	return first;
}
