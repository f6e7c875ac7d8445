/* SPDX-License-Identifier: Apache-2.0 */
/* Inner packets that wait for an SA or for sequence numbers: few, and not for long. */
#ifndef DIETVPN_IO_DATAPLANE_HELD_H
#define DIETVPN_IO_DATAPLANE_HELD_H

#include "base/drop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch;
struct batch_item;
struct buf;
struct buf_pool;

enum { HELD_MAX = 16, HELD_PER_POLICY = 8, HELD_MS = 2000 };

struct held {
	size_t n;
	struct held_packet {
		struct buf *pkt;
		uint64_t until_ms;
		uint32_t policy;
		uint16_t tunnel;
		enum drop drop; /* what it is dropped for at the end */
	} packets[HELD_MAX];
};

/* Takes item's buffer (item->pkt is NULL then); false: no room, or the policy has its share. */
bool held_add(struct held *held, struct batch_item *item, uint64_t until_ms);
/* All packets into an empty batch, in order, and their deadlines into until[HELD_MAX]. */
void held_take_all(struct held *held, struct batch *batch, uint64_t *until_ms);
/* Gives back what waited too long, counting it in drops[]. */
void held_expire(struct held *held, struct buf_pool *pool, uint64_t *drops, uint64_t now_ms);
/* Drops what came from this TUN, whatever its age. */
void held_forget(struct held *held, struct buf_pool *pool, uint64_t *drops, uint16_t tunnel);
uint64_t held_deadline(const struct held *held); /* UINT64_MAX: none */

#endif
