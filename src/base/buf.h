/* SPDX-License-Identifier: Apache-2.0 */
/* Packet buffer: one block with headroom and tailroom, and fixed pools of them. */
#ifndef DIETVPN_BASE_BUF_H
#define DIETVPN_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

enum {
	BUF_HEADROOM = 128, /* the largest header that decompression or ESP puts in front */
	BUF_TAILROOM = 64,  /* trailer with 8-octet alignment, ICV */
	BUF_PACKET = 2048,  /* room of an ordinary pool's packets, headroom and tailroom apart */
	BUF_MAX = 65535,
};

struct buf {
	uint8_t *data;
	size_t len;
	size_t size;    /* of base[] */
	uint8_t base[]; /* cache-line aligned by the pool */
};

/* One packet of up to room octets, outside any pool. NULL without memory; buf_free frees it. */
struct buf *buf_alloc(size_t room);
void buf_free(struct buf *pkt);

/* Empties the packet: len 0, data at the headroom's end. */
void buf_reset(struct buf *pkt);

/* Octets free in front of the packet and behind it. */
size_t buf_headroom(const struct buf *pkt);
size_t buf_tailroom(const struct buf *pkt);

/*
 * Each returns the first octet of what it added or uncovered, NULL (and changes nothing) where
 * there is no room or not enough data.
 */
uint8_t *buf_push(struct buf *pkt, size_t n); /* n octets in front */
uint8_t *buf_put(struct buf *pkt, size_t n);  /* n octets behind */
uint8_t *buf_pull(
	struct buf *pkt, size_t n); /* takes n octets from the front; returns the new front */
uint8_t *buf_trim(
	struct buf *pkt, size_t n); /* takes n octets from the end; returns the first taken */

/* Copies len octets in as the whole packet; 0 or -EMSGSIZE. */
int buf_set(struct buf *pkt, const void *data, size_t len);

/*
 * A fixed number of packets in one block; the packet path never allocates. A packet's memory is
 * touched when it is first got, so an idle process has few. NULL: no memory, n is 0 or room over
 * BUF_MAX. Destroying takes NULL, and ends all its packets.
 */
struct buf_pool;
struct buf_pool *buf_pool_create(size_t n, size_t room);
void buf_pool_destroy(struct buf_pool *pool);
struct buf *buf_pool_get(struct buf_pool *pool);           /* reset; NULL: all are out */
void buf_pool_put(struct buf_pool *pool, struct buf *pkt); /* one of this pool's, or NULL */
size_t buf_pool_free(const struct buf_pool *pool);         /* how many are not out */

#endif
