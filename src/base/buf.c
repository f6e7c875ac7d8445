/* SPDX-License-Identifier: Apache-2.0 */
/* Packet buffers with headroom and tailroom, and fixed pools of them; no protocol rules here. */
#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_LINE = 64 };

/* What a packet in the free list has for a length: a second put is caught. */
#define LEN_FREE SIZE_MAX

struct buf_pool {
	unsigned char *block;
	size_t block_size;
	size_t stride, size; /* from packet to packet; of base[] */
	size_t n, n_carved;  /* behind the carved ones nothing of the block was ever touched */
	struct buf *free;    /* linked through data: the last put is the next get, still warm */
	size_t n_free;
};

static size_t round_up(size_t n)
{
	return (n + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

struct buf *buf_alloc(size_t room)
{
	size_t size = BUF_HEADROOM + room + BUF_TAILROOM;
	struct buf *pkt;

	if (room > SIZE_MAX - BUF_HEADROOM - BUF_TAILROOM - sizeof *pkt)
		return NULL;
	pkt = malloc(sizeof *pkt + size);
	if (!pkt)
		return NULL;
	pkt->size = size;
	buf_reset(pkt);
	return pkt;
}

void buf_free(struct buf *pkt)
{
	free(pkt);
}

void buf_reset(struct buf *pkt)
{
	pkt->data = pkt->base + BUF_HEADROOM;
	pkt->len = 0;
}

size_t buf_headroom(const struct buf *pkt)
{
	return (size_t)(pkt->data - pkt->base);
}

size_t buf_tailroom(const struct buf *pkt)
{
	return pkt->size - buf_headroom(pkt) - pkt->len;
}

uint8_t *buf_push(struct buf *pkt, size_t n)
{
	if (n > buf_headroom(pkt))
		return NULL;
	pkt->data -= n;
	pkt->len += n;
	return pkt->data;
}

uint8_t *buf_put(struct buf *pkt, size_t n)
{
	uint8_t *end = pkt->data + pkt->len;

	if (n > buf_tailroom(pkt))
		return NULL;
	pkt->len += n;
	return end;
}

uint8_t *buf_pull(struct buf *pkt, size_t n)
{
	if (n > pkt->len)
		return NULL;
	pkt->data += n;
	pkt->len -= n;
	return pkt->data;
}

uint8_t *buf_trim(struct buf *pkt, size_t n)
{
	if (n > pkt->len)
		return NULL;
	pkt->len -= n;
	return pkt->data + pkt->len;
}

int buf_set(struct buf *pkt, const void *data, size_t len)
{
	if (len > pkt->size - BUF_HEADROOM)
		return -EMSGSIZE;
	buf_reset(pkt);
	if (len)
		memcpy(pkt->data, data, len);
	pkt->len = len;
	return 0;
}

#ifndef NDEBUG
static bool pool_owns(const struct buf_pool *pool, const struct buf *pkt)
{
	uintptr_t at = (uintptr_t)pkt;
	uintptr_t start = (uintptr_t)pool->block;

	return at >= start && at - start < pool->block_size;
}
#endif

struct buf_pool *buf_pool_create(size_t n, size_t room)
{
	size_t size = BUF_HEADROOM + room + BUF_TAILROOM;
	size_t stride = round_up(sizeof(struct buf) + size);
	struct buf_pool *pool;

	if (!n || room > BUF_MAX || n > (SIZE_MAX - CACHE_LINE) / stride)
		return NULL;
	pool = malloc(sizeof *pool);
	if (!pool)
		return NULL;
	*pool = (struct buf_pool){.stride = stride, .size = size, .n = n, .n_free = n};
	pool->block_size = CACHE_LINE + n * stride;
	pool->block = aligned_alloc(CACHE_LINE, pool->block_size);
	if (!pool->block) {
		free(pool);
		return NULL;
	}
	return pool;
}

void buf_pool_destroy(struct buf_pool *pool)
{
	if (!pool)
		return;
	free(pool->block);
	free(pool);
}

/* The first struct lies so that its base[], and with it the headroom's end, is aligned. */
static struct buf *carve(struct buf_pool *pool)
{
	size_t lead = CACHE_LINE - offsetof(struct buf, base);
	struct buf *pkt = (void *)(pool->block + lead + pool->n_carved * pool->stride);

	pool->n_carved++;
	pkt->size = pool->size;
	return pkt;
}

struct buf *buf_pool_get(struct buf_pool *pool)
{
	struct buf *pkt = pool->free;

	if (pkt)
		pool->free = (void *)pkt->data;
	else if (pool->n_carved < pool->n)
		pkt = carve(pool);
	else
		return NULL;
	pool->n_free--;
	buf_reset(pkt);
	return pkt;
}

void buf_pool_put(struct buf_pool *pool, struct buf *pkt)
{
	if (!pkt)
		return;
	assert(pool_owns(pool, pkt) && pkt->len != LEN_FREE);
	pkt->len = LEN_FREE;
	pkt->data = (uint8_t *)pool->free;
	pool->free = pkt;
	pool->n_free++;
}

size_t buf_pool_free(const struct buf_pool *pool)
{
	return pool->n_free;
}
