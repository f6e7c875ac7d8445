/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/ikev2/fragment.c: any order, doubles, other sizes, strangers' octets and too much of them
 * (RFC 7383). */
#include "ikev2/fragment.h"

#include "base/wire.h"
#include "crypto/secret.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

enum { BLOCK = 65536, POOL = 100000, TEXT_FIRST = 7, PIECES_MAX = 128, AT_NUMBER = 32 };

static struct fragment_pool pool;
static struct assembly *place;
static struct aead_key seal_key;
static struct aead_key open_key;
static uint64_t iv;
static uint64_t now;
static uint8_t plain[BLOCK];

/* A message cut into pieces. */
struct sealed {
	uint8_t data[BLOCK];
	struct slice pieces[PIECES_MAX];
	size_t n;
};
static struct sealed one;
static struct sealed two;

static void set_up(void)
{
	static const uint8_t keymat[AEAD_KEYMAT_MAX] = {1, 2, 3};
	const struct aead_suite *suite = keymat_suite(ENCR_CHACHA20_POLY1305, 0);

	cr_assert_eq(crypto_init(), 0);
	aead_key_init(&seal_key, NULL, suite, keymat);
	aead_key_init(&open_key, NULL, suite, keymat);
	fragment_pool_init(&pool, POOL);
	iv = 0;
	now = 1000;
	place = NULL;
}

static void tear_down(void)
{
	fragment_pool_fini(&pool);
	cr_assert_null(place);
	cr_assert_eq(pool.octets, 0u);
	aead_key_fini(&seal_key);
	aead_key_fini(&open_key);
}

TestSuite(ikev2_fragment, .init = set_up, .fini = tear_down);

static uint8_t octet(size_t i, uint32_t id)
{
	return (uint8_t)(i * 31 + i / 256 + id);
}

/* len octets of payload, whatever they are. */
static void make(struct sealed *s, uint32_t id, size_t len, size_t limit)
{
	const struct message head = {.exchange = 35, .id = id};
	struct message_writer w;
	struct slice all = {s->data, 0};

	message_begin(&w, &head, true, s->data, sizeof s->data);
	w.payloads.first = PAYLOAD_IDI;
	w.payloads.len = len;
	for (size_t i = 0; i < len; i++)
		w.payloads.data[i] = octet(i, id);
	all.len = fragment_end(&w, &seal_key, &iv, limit);
	s->n = 0;
	for (struct slice m = message_next(&all); m.len; m = message_next(&all)) {
		cr_assert(!limit || m.len <= limit);
		s->pieces[s->n++] = m;
	}
	cr_assert_eq(all.len, 0u);
}

static int give_to(struct assembly **at, struct slice octets, struct opened *out)
{
	struct message m;
	struct payloads outer;
	struct fragment f = {
		.message = &m, .outer = &outer, .key = &open_key, .plain = plain, .now_ms = now};

	cr_assert_eq(message_parse(octets, &m), 0);
	cr_assert_eq(
		payloads_parse(m.first,
			(struct slice){octets.data + IKE_HEADER_LEN, octets.len - IKE_HEADER_LEN},
			&outer),
		0);
	return fragment_open(&pool, at, &f, out);
}

static int give(const struct sealed *s, size_t i)
{
	struct opened out;

	return give_to(&place, s->pieces[i], &out);
}

static void expect_whole(struct slice last, uint32_t id, size_t len)
{
	struct opened out;

	cr_assert_eq(give_to(&place, last, &out), 0);
	cr_assert_eq(out.len, len);
	cr_assert_eq(out.first, PAYLOAD_IDI);
	for (size_t i = 0; i < len; i++)
		cr_assert_eq(plain[i], octet(i, id), "octet %zu", i);
	cr_assert_null(place);
	cr_assert_eq(pool.octets, 0u);
}

/* Every size around the border, whole and in the fewest pieces. */
Test(ikev2_fragment, sizes)
{
	static const size_t limits[] = {FRAGMENT_LIMIT_4, FRAGMENT_LIMIT_6, 320};

	for (size_t l = 0; l < 3; l++)
		for (size_t len = 1; len < 4 * limits[l]; len += len % 97 ? 1 : 13) {
			size_t whole = len + message_overhead(seal_key.suite);
			size_t room = limits[l] - message_overhead(seal_key.suite) - 4;

			make(&one, 1, len, limits[l]);
			cr_assert_eq(one.n, whole <= limits[l] ? 1 : (len + room - 1) / room);
			for (size_t i = 0; i + 1 < one.n; i++)
				cr_assert_eq(give(&one, i), -EINPROGRESS);
			expect_whole(one.pieces[one.n - 1], 1, len);
		}
	make(&one, 1, 3000, 0);
	cr_assert_eq(one.n, 1u);
	expect_whole(one.pieces[0], 1, 3000);
}

/* Every order that a step makes, every piece twice. */
Test(ikev2_fragment, order_and_doubles)
{
	size_t len = 6000;

	make(&one, 3, len, FRAGMENT_LIMIT_4);
	cr_assert_eq(one.n, 13u); /* a prime: each step comes to all of them */
	for (size_t step = 1; step < one.n; step++) {
		size_t at = step;

		for (size_t i = 1; i < one.n; i++) {
			cr_assert_eq(give(&one, at), -EINPROGRESS);
			cr_assert_eq(give(&one, at), -EALREADY);
			at = (at + step) % one.n;
		}
		cr_assert_eq(at, 0u);
		expect_whole(one.pieces[at], 3, len);
	}
}

static int give_damaged(struct slice piece, size_t at, uint8_t by)
{
	uint8_t copy[FRAGMENT_LIMIT_6];
	struct opened out;

	memcpy(copy, piece.data, piece.len);
	copy[at] ^= by;
	return give_to(&place, (struct slice){copy, piece.len}, &out);
}

/* Numbers that mean nothing, and every octet damaged: nothing is kept of it. */
Test(ikev2_fragment, what_is_not_authentic)
{
	size_t held;

	make(&one, 1, 1500, FRAGMENT_LIMIT_4);
	cr_assert_eq(give_damaged(one.pieces[0], AT_NUMBER + 1, 1), -EINVAL);     /* 0 of 4 */
	cr_assert_eq(give_damaged(one.pieces[0], AT_NUMBER + 3, 4), -EINVAL);     /* 1 of 0 */
	cr_assert_eq(give_damaged(one.pieces[0], AT_NUMBER, 0xff), -EINVAL);      /* 65281 of 4 */
	cr_assert_eq(give_damaged(one.pieces[0], AT_NUMBER + 2, 0xff), -EINVAL);  /* of 65284 */
	cr_assert_eq(give_damaged(one.pieces[0], AT_NUMBER + 3, 0x45), -EINVAL);  /* of 65 */
	cr_assert_eq(give_damaged(one.pieces[0], AT_NUMBER + 3, 0x44), -EBADMSG); /* of 64 */
	cr_assert_eq(pool.octets, 0u);
	cr_assert_eq(give(&one, 0), -EINPROGRESS);
	held = pool.octets;
	for (size_t i = AT_NUMBER; i < one.pieces[1].len; i++) {
		int r = give_damaged(one.pieces[1], i, 0x40);

		cr_assert(r == -EBADMSG || r == -EINVAL, "octet %zu: %d", i, r);
		cr_assert_eq(pool.octets, held);
	}
	cr_assert_eq(give(&one, 1), -EINPROGRESS);
	cr_assert_eq(give(&one, 3), -EINPROGRESS);
	expect_whole(one.pieces[2], 1, 1500);
}

/* The peer finds that the path is narrower: smaller pieces, or the other way round. */
Test(ikev2_fragment, another_size)
{
	struct opened out;

	make(&one, 1, 2000, FRAGMENT_LIMIT_6);
	make(&two, 1, 2000, FRAGMENT_LIMIT_4);
	cr_assert_eq(give(&one, 0), -EINPROGRESS);
	cr_assert_eq(give(&two, 0), -EINPROGRESS); /* more of them: begins anew */
	cr_assert_eq(give(&one, 1), -EINVAL);      /* fewer than before */
	for (size_t i = 1; i + 1 < two.n; i++)
		cr_assert_eq(give(&two, i), -EINPROGRESS);
	expect_whole(two.pieces[two.n - 1], 1, 2000);
	/* the whole message counts, its pieces are forgotten */
	cr_assert_eq(give(&one, 0), -EINPROGRESS);
	make(&two, 1, 2000, 0);
	cr_assert_eq(give_to(&place, two.pieces[0], &out), 0);
	cr_assert_eq(out.len, 2000u);
	cr_assert_null(place);
	/* the next message takes the place of one that was never complete */
	cr_assert_eq(give(&one, 0), -EINPROGRESS);
	make(&two, 2, 2000, FRAGMENT_LIMIT_6);
	cr_assert_eq(give(&two, 0), -EINPROGRESS);
	expect_whole(two.pieces[1], 2, 2000);
}

/* A response does not push out the request of the same number that is half there. */
Test(ikev2_fragment, both_directions)
{
	uint8_t copy[FRAGMENT_LIMIT_6];
	struct opened out;

	make(&one, 1, 2000, FRAGMENT_LIMIT_6);
	cr_assert_eq(give(&one, 0), -EINPROGRESS);
	memcpy(copy, one.pieces[1].data, one.pieces[1].len);
	copy[19] ^= MESSAGE_FLAG_RESPONSE;
	cr_assert_eq(give_to(&place, (struct slice){copy, one.pieces[1].len}, &out), -EBUSY);
	expect_whole(one.pieces[1], 1, 2000);
}

Test(ikev2_fragment, what_waits_for_too_long)
{
	make(&one, 1, 2000, FRAGMENT_LIMIT_6);
	cr_assert_not(fragment_expire(&pool, now));
	cr_assert_eq(give(&one, 0), -EINPROGRESS);
	cr_assert(fragment_expire(&pool, now + FRAGMENT_LIFE_MS - 1));
	cr_assert_not(fragment_expire(&pool, now + FRAGMENT_LIFE_MS));
	cr_assert_null(place);
	cr_assert_eq(pool.octets, 0u);
	cr_assert_eq(give(&one, 1), -EINPROGRESS);
	fragment_forget(&place);
	fragment_forget(&place);
	cr_assert_eq(pool.octets, 0u);
}

/* Many that never finish: the memory has a bound, and the newest has its place. */
Test(ikev2_fragment, too_much)
{
	static struct assembly *places[400];
	struct opened out;
	size_t living = 0;

	make(&one, 1, 2000, FRAGMENT_LIMIT_6);
	for (size_t i = 0; i < 400; i++) {
		cr_assert_eq(give_to(&places[i], one.pieces[0], &out), -EINPROGRESS);
		cr_assert_leq(pool.octets, pool.max);
		cr_assert_not_null(places[i]);
	}
	for (size_t i = 0; i < 400; i++)
		living += places[i] != NULL;
	cr_assert_gt(living, 60u);
	cr_assert_lt(living, 100u);
	cr_assert_null(places[0]);
	cr_assert_eq(give_to(&places[399], one.pieces[1], &out), 0);
	fragment_pool_fini(&pool);
	/* a message of more octets than we take goes when it gets there */
	make(&one, 2, FRAGMENT_OCTETS_MAX + 1, FRAGMENT_LIMIT_6);
	for (size_t i = 0; i + 1 < one.n; i++)
		cr_assert_eq(give(&one, i), -EINPROGRESS);
	cr_assert_eq(give(&one, one.n - 1), -EMSGSIZE);
	cr_assert_null(place);
	make(&one, 3, FRAGMENT_OCTETS_MAX, FRAGMENT_LIMIT_6);
	for (size_t i = 0; i + 1 < one.n; i++)
		cr_assert_eq(give(&one, i), -EINPROGRESS);
	expect_whole(one.pieces[one.n - 1], 3, FRAGMENT_OCTETS_MAX);
	/* and more than there are numbers for is not sent */
	make(&one, 3, 60000, FRAGMENT_LIMIT_4);
	cr_assert_eq(one.n, 0u);
}
