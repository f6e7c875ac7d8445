/* SPDX-License-Identifier: Apache-2.0 */
/* ChaCha20-Poly1305 by two libraries: the same octets, who is asked, and at whose cost. */
#include "crypto/aead_choice.h"
#include "crypto/aead_ops.h"
#include "crypto/aead_pool.h"

#include "crypto_cases.h"

enum { TEXT_MAX = 2048, ICV = 16, KEYS = 10 };

static const struct aead_suite *chacha;

static void start(void)
{
	cr_assert_eq(crypto_init(), 0);
	chacha = aead_suite_find(ENCR_CHACHA20_POLY1305, 36);
	cr_assert_not_null(chacha);
}

TestSuite(aead_choice, .init = start);

/* Costs as measured, or thought out; the first length that goes to OpenSSL. */
static const struct {
	struct aead_choice_costs costs;
	size_t from;
	const char *name;
} rows[] = {
	/* x86-64 server: libsodium 1.0.18 has steps and wins near ties below 128. */
	{{{356, 510, 658, 809, 748, 760, 1380}, {390, 514, 522, 527, 515, 461, 627}}, 128,
		"libsodium below 128 octets, OpenSSL from there"},
	{{{10, 20, 30, 40, 50, 60, 70}, {11, 21, 31, 41, 51, 61, 71}}, AEAD_CHOICE_NEVER,
		"libsodium"},
	{{{10, 20, 30, 40, 50, 60, 70}, {10, 20, 30, 40, 50, 60, 70}}, AEAD_CHOICE_NEVER,
		"libsodium"},
	/* A gain of less than a sixteenth is none. */
	{{{1600, 1600, 1600, 1600, 1600, 1600, 1600}, {1550, 1550, 1550, 1550, 1550, 1550, 1550}},
		AEAD_CHOICE_NEVER, "libsodium"},
	{{{1600, 1600, 1600, 1600, 1600, 1600, 1600}, {1450, 1450, 1450, 1450, 1450, 1450, 1450}},
		0, "OpenSSL"},
	{{{40, 60, 80, 100, 200, 400, 800}, {50, 50, 60, 70, 90, 100, 200}}, 64,
		"libsodium below 64 octets, OpenSSL from there"},
	{{{40, 60, 80, 100, 200, 400, 800}, {90, 90, 90, 70, 90, 100, 200}}, 192,
		"libsodium below 192 octets, OpenSSL from there"},
	{{{40, 60, 80, 100, 200, 400, 800}, {90, 90, 90, 110, 120, 100, 200}}, 256,
		"libsodium below 256 octets, OpenSSL from there"},
	{{{40, 60, 80, 100, 200, 400, 800}, {90, 90, 90, 110, 220, 100, 200}}, 512,
		"libsodium below 512 octets, OpenSSL from there"},
	{{{40, 60, 80, 100, 200, 400, 800}, {90, 90, 90, 110, 220, 450, 200}}, 1024,
		"libsodium below 1024 octets, OpenSSL from there"},
	/* One length that is better elsewhere does not turn the rest. */
	{{{40, 60, 80, 100, 80, 400, 800}, {50, 70, 60, 60, 90, 100, 200}}, 128,
		"libsodium below 128 octets, OpenSSL from there"},
	/* Not measured at all, and OpenSSL not measured. */
	{{{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX},
		 {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
			 UINT64_MAX}},
		AEAD_CHOICE_NEVER, "libsodium"},
	{{{40, 60, 80, 100, 80, 400, 800}, {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
						   UINT64_MAX, UINT64_MAX, UINT64_MAX}},
		AEAD_CHOICE_NEVER, "libsodium"},
};

Test(aead_choice, from_costs)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t from = aead_choice_from(&rows[i].costs);

		cr_assert_eq(from, rows[i].from, "row %zu: %zu", i, from);
		cr_assert_str_eq(aead_choice_name(from), rows[i].name);
	}
}

Test(aead_choice, measured_once_and_late)
{
	struct aead_pool *pool = aead_pool_create(4);
	const struct aead_suite *gcm = aead_suite_by_name("aes-gcm-16");
	uint8_t keymat[AEAD_KEYMAT_MAX] = {1}, iv[8] = {0};
	static uint8_t data[AEAD_CHOICE_FLOOR + ICV];
	struct aead_key key, alone, aes;
	const char *name;

	aead_key_init(&key, pool, chacha, keymat);
	aead_key_init(&alone, NULL, chacha, keymat);
	aead_key_init(&aes, pool, gcm, keymat);
	cr_assert_eq(aead_seal(&key, iv, (struct slice){0}, data, AEAD_CHOICE_FLOOR - 1), 0);
	cr_assert_str_eq(aead_provider(&key), "libsodium", "nothing long was sent yet");
	cr_assert_eq(aead_seal(&key, iv, (struct slice){0}, data, AEAD_CHOICE_FLOOR), 0);
	name = aead_provider(&key);
	printf("ChaCha20-Poly1305 here: %s\n", name);
	cr_assert_eq(aead_seal(&key, iv, (struct slice){0}, data, AEAD_CHOICE_FLOOR), 0);
	cr_assert_eq(aead_provider(&key), name);
	cr_assert_str_eq(aead_provider(&alone), "libsodium");
	cr_assert_str_eq(aead_provider(&aes), "OpenSSL");
	aead_pool_prefer_evp_from(pool, 0);
	cr_assert_str_eq(aead_provider(&key), "OpenSSL");
	aead_key_fini(&key);
	aead_key_fini(&alone);
	aead_key_fini(&aes);
	aead_pool_destroy(pool);
}

/* Two ends of one SA, which do not know whom the other has chosen. */
struct ends {
	struct aead_pool *pool[2];
	struct aead_key key[2];
	uint8_t iv[8], aad[12];
	struct slice a;
	uint8_t text[TEXT_MAX], sealed[2][TEXT_MAX + ICV];
};

static void across(struct ends *e, size_t len)
{
	for (int i = 0; i < 2; i++) {
		memcpy(e->sealed[i], e->text, len);
		cr_assert_eq(aead_seal(&e->key[i], e->iv, e->a, e->sealed[i], len), 0);
	}
	cr_assert_arr_eq(e->sealed[0], e->sealed[1], len + ICV, "%zu octets", len);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(aead_open(&e->key[1 - i], e->iv, e->a, e->sealed[i], len + ICV), 0);
		cr_assert_arr_eq(e->sealed[i], e->text, len, "%zu octets", len);
	}
}

Test(aead_choice, same_octets)
{
	static struct ends e;
	uint8_t keymat[AEAD_KEYMAT_MAX];
	uint32_t seed = 7634;

	fill(&seed, keymat, sizeof(keymat));
	for (int i = 0; i < 2; i++) {
		e.pool[i] = aead_pool_create(1);
		aead_pool_prefer_evp_from(e.pool[i], i == 0 ? AEAD_CHOICE_NEVER : 0);
		aead_key_init(&e.key[i], e.pool[i], chacha, keymat);
	}
	fill(&seed, e.text, sizeof(e.text));
	for (size_t len = 0; len <= TEXT_MAX; len++) {
		fill(&seed, e.iv, sizeof(e.iv));
		fill(&seed, e.aad, sizeof(e.aad));
		e.a = (struct slice){e.aad, len % 2 == 0 ? 8 : 12};
		across(&e, len);
	}
	for (int i = 0; i < 2; i++) {
		aead_key_fini(&e.key[i]);
		aead_pool_destroy(e.pool[i]);
	}
}

static void seal_and_open(struct aead_key *key, size_t len)
{
	static uint8_t text[TEXT_MAX], data[TEXT_MAX + ICV];
	uint8_t iv[8] = {(uint8_t)len};

	memcpy(data, text, len);
	cr_assert_eq(aead_seal(key, iv, (struct slice){iv, 8}, data, len), 0);
	cr_assert_eq(aead_open(key, iv, (struct slice){iv, 8}, data, len + ICV), 0);
	cr_assert_arr_eq(data, text, len);
}

/* With one context for both, a key that takes it away shows as a miss. */
Test(aead_choice, short_packets_take_no_context)
{
	struct aead_pool *pool = aead_pool_create(1);
	uint8_t keymat[AEAD_KEYMAT_MAX] = {1};
	struct aead_key key, aes;

	aead_key_init(&key, pool, chacha, keymat);
	aead_key_init(&aes, pool, aead_suite_by_name("aes-gcm-16"), keymat);
	aead_pool_prefer_evp_from(pool, 256);
	seal_and_open(&aes, 300);
	for (size_t len = 0; len < 256; len++)
		seal_and_open(&key, len);
	seal_and_open(&aes, 300);
	cr_assert_eq(aead_pool_misses(pool), 0);
	seal_and_open(&key, 256);
	cr_assert_eq(aead_pool_misses(pool), 1);
	seal_and_open(&key, 255);
	seal_and_open(&aes, 300);
	cr_assert_eq(aead_pool_misses(pool), 2);
	aead_key_fini(&key);
	aead_key_fini(&aes);
	aead_pool_destroy(pool);
}

/* More keys than contexts, both directions with each key, and forgeries in between. */
Test(aead_choice, more_keys_than_contexts)
{
	struct aead_pool *pool = aead_pool_create(3);
	struct aead_key key[KEYS];
	uint8_t keymat[AEAD_KEYMAT_MAX];
	static uint8_t forged[600];
	uint32_t seed = 10;

	aead_pool_prefer_evp_from(pool, 128);
	for (size_t i = 0; i < KEYS; i++) {
		fill(&seed, keymat, sizeof(keymat));
		aead_key_init(&key[i], pool, chacha, keymat);
	}
	for (int n = 0; n < 3000; n++) {
		struct aead_key *k = &key[draw(&seed) % KEYS];
		size_t len = draw(&seed) % sizeof(forged);

		seal_and_open(k, draw(&seed) % TEXT_MAX);
		fill(&seed, forged, len);
		cr_assert_eq(
			aead_open(k, (uint8_t[8]){0}, (struct slice){0}, forged, len), -EBADMSG);
		cr_assert(all_zero(forged, len));
	}
	cr_assert_gt(aead_pool_misses(pool), 1000);
	for (size_t i = 0; i < KEYS; i++)
		aead_key_fini(&key[i]);
	aead_pool_destroy(pool);
}
