/* SPDX-License-Identifier: Apache-2.0 */
/* Packet buffers and pools: every edge of room, and that nothing changes where there is none. */
#include "base/buf.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

static void expect(const struct buf *pkt, size_t headroom, size_t len)
{
	cr_assert_eq(buf_headroom(pkt), headroom);
	cr_assert_eq(pkt->len, len);
	cr_assert_eq(buf_headroom(pkt) + pkt->len + buf_tailroom(pkt), pkt->size);
}

Test(buf, both_ends)
{
	struct buf *pkt = buf_alloc(100);

	cr_assert_not_null(pkt);
	cr_assert_eq(pkt->size, BUF_HEADROOM + 100 + BUF_TAILROOM);
	expect(pkt, BUF_HEADROOM, 0);
	cr_assert_eq(buf_put(pkt, 10), pkt->base + BUF_HEADROOM);
	memset(pkt->data, 0xaa, 10);
	cr_assert_eq(buf_push(pkt, BUF_HEADROOM), pkt->base);
	memset(pkt->data, 0xbb, BUF_HEADROOM);
	expect(pkt, 0, BUF_HEADROOM + 10);
	cr_assert_null(buf_push(pkt, 1));
	expect(pkt, 0, BUF_HEADROOM + 10);
	cr_assert_eq(buf_pull(pkt, BUF_HEADROOM), pkt->base + BUF_HEADROOM);
	expect(pkt, BUF_HEADROOM, 10);
	cr_assert_eq(pkt->data[9], 0xaa);
	cr_assert_null(buf_pull(pkt, 11));
	cr_assert_null(buf_trim(pkt, 11));
	expect(pkt, BUF_HEADROOM, 10);
	cr_assert_eq(buf_trim(pkt, 4), pkt->data + 6);
	expect(pkt, BUF_HEADROOM, 6);
	cr_assert_not_null(buf_put(pkt, buf_tailroom(pkt)));
	memset(pkt->data, 0xcc, pkt->len);
	cr_assert_eq(buf_tailroom(pkt), 0);
	cr_assert_null(buf_put(pkt, 1));
	cr_assert_null(buf_put(pkt, SIZE_MAX));
	cr_assert_null(buf_push(pkt, SIZE_MAX));
	cr_assert_not_null(buf_pull(pkt, pkt->len));
	cr_assert_eq(pkt->len, 0);
	buf_reset(pkt);
	expect(pkt, BUF_HEADROOM, 0);
	buf_free(pkt);
	buf_free(NULL);
}

Test(buf, set)
{
	static const uint8_t data[300] = {1, 2, 3};
	struct buf *pkt = buf_alloc(100);

	buf_pull(pkt, 0);
	cr_assert_eq(buf_set(pkt, data, 100 + BUF_TAILROOM), 0);
	expect(pkt, BUF_HEADROOM, 100 + BUF_TAILROOM);
	cr_assert_arr_eq(pkt->data, data, pkt->len);
	cr_assert_eq(buf_set(pkt, data, 100 + BUF_TAILROOM + 1), -EMSGSIZE);
	expect(pkt, BUF_HEADROOM, 100 + BUF_TAILROOM);
	cr_assert_eq(buf_set(pkt, NULL, 0), 0);
	expect(pkt, BUF_HEADROOM, 0);
	buf_free(pkt);
	cr_assert_null(buf_alloc(SIZE_MAX));
	cr_assert_null(buf_alloc(SIZE_MAX - BUF_HEADROOM - BUF_TAILROOM));
}

Test(buf, pool_gives_what_it_has)
{
	enum { N = 7 };
	struct buf_pool *pool = buf_pool_create(N, 1501);
	struct buf *out[N];

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < N; i++) {
			out[i] = buf_pool_get(pool);
			cr_assert_not_null(out[i]);
			cr_assert_eq((uintptr_t)out[i]->base % 64, 0);
			expect(out[i], BUF_HEADROOM, 0);
			cr_assert_eq(buf_pool_free(pool), N - 1 - i);
			buf_push(out[i], BUF_HEADROOM);
			cr_assert_not_null(buf_put(out[i], 1501 + BUF_TAILROOM));
			memset(out[i]->data, (int)i, out[i]->len);
		}
		cr_assert_null(buf_pool_get(pool));
		for (size_t i = 0; i < N; i++) {
			for (size_t k = 0; k < out[i]->len; k++)
				cr_assert_eq(out[i]->data[k], i);
			buf_pool_put(pool, out[i]);
		}
		cr_assert_eq(buf_pool_free(pool), N);
	}
	buf_pool_put(pool, NULL);
	cr_assert_eq(buf_pool_free(pool), N);
	buf_pool_destroy(pool);
}

/* So an idle daemon touches few, and a busy one finds them in its cache. */
Test(buf, pool_gives_the_last_put)
{
	struct buf_pool *pool = buf_pool_create(100, 64);
	struct buf *first = buf_pool_get(pool);
	struct buf *second = buf_pool_get(pool);

	for (int i = 0; i < 200; i++) {
		buf_pool_put(pool, i & 1 ? first : second);
		cr_assert_eq(buf_pool_get(pool), i & 1 ? first : second);
		cr_assert_eq(buf_pool_free(pool), 98);
	}
	buf_pool_put(pool, first);
	buf_pool_put(pool, second);
	cr_assert_eq(buf_pool_get(pool), second);
	cr_assert_eq(buf_pool_get(pool), first);
	buf_pool_destroy(pool);
}

Test(buf, pool_sizes)
{
	struct buf_pool *pool = buf_pool_create(1, BUF_MAX);
	struct buf *pkt = buf_pool_get(pool);

	cr_assert_not_null(buf_put(pkt, BUF_MAX));
	memset(pkt->data, 1, pkt->len);
	buf_pool_put(pool, pkt);
	buf_pool_destroy(pool);
	buf_pool_destroy(NULL);
	cr_assert_null(buf_pool_create(0, 100));
	cr_assert_null(buf_pool_create(1, BUF_MAX + 1));
	cr_assert_null(buf_pool_create(SIZE_MAX / 2, 100));
}
