/* SPDX-License-Identifier: Apache-2.0 */
/* Wycheproof's cases through the wing's public functions; judged as the data folder says. */
#include "crypto/aead.h"
#include "crypto/aead_choice.h"
#include "crypto/aead_pool.h"
#include "crypto/dh.h"
#include "crypto/hash.h"
#include "crypto/secret.h"

#include "fakes/data_main.h"
#include "wycheproof.h"

static struct aead_pool *pool;

static void aead_case(
	const struct aead_suite *suite, size_t nonce_len, const json_t *test, struct tally *tally)
{
	static struct aead_case c;

	field(test, "iv", &c.nonce);
	if (suite == NULL || c.nonce.len != nonce_len)
		return;
	snprintf(c.where, sizeof(c.where), "%s tcId %d", suite->name, number(test, "tcId"));
	field(test, "key", &c.key);
	field(test, "aad", &c.aad);
	field(test, "msg", &c.msg);
	field(test, "ct", &c.ct);
	field(test, "tag", &c.tag);
	cr_assert(is(test, "result", "valid") || is(test, "result", "invalid"), "%s", c.where);
	c.valid = is(test, "result", "valid");
	c.has_msg = true;
	/* Only ChaCha20-Poly1305 has two providers. */
	aead_pool_prefer_evp_from(pool, AEAD_CHOICE_NEVER);
	check_aead_case(pool, suite, &c);
	aead_pool_prefer_evp_from(pool, 0);
	if (suite->encr == ENCR_CHACHA20_POLY1305)
		check_aead_case(pool, suite, &c);
	tally->run++;
}

static void ccm_case(const json_t *group, const json_t *test, struct tally *tally)
{
	size_t key_len = (size_t)number(group, "keySize") / 8;

	aead_case(suite_for(true, key_len, (size_t)number(group, "tagSize") / 8), 11, test, tally);
}

static void gcm_case(const json_t *group, const json_t *test, struct tally *tally)
{
	size_t key_len = (size_t)number(group, "keySize") / 8;

	aead_case(suite_for(false, key_len, (size_t)number(group, "tagSize") / 8), 12, test, tally);
}

static void chacha_case(const json_t *group, const json_t *test, struct tally *tally)
{
	size_t keymat_len = (size_t)number(group, "keySize") / 8 + 4;

	aead_case(number(group, "tagSize") == 128
			  ? aead_suite_find(ENCR_CHACHA20_POLY1305, keymat_len)
			  : NULL,
		12, test, tally);
}

static void hmac_case(const json_t *group, const json_t *test, struct tally *tally)
{
	static struct octets key, msg, tag;
	uint8_t mac[HASH_SHA256_LEN];

	field(test, "key", &key);
	field(test, "msg", &msg);
	field(test, "tag", &tag);
	hash_hmac_sha256(slice_of(&key), slice_of(&msg), mac);
	cr_assert_eq(tag.len, (size_t)number(group, "tagSize") / 8);
	cr_assert_eq(is(test, "result", "valid"), secret_equal_bytes(mac, tag.data, tag.len),
		"tcId %d", number(test, "tcId"));
	tally->run++;
}

static void hkdf_case(const json_t *group, const json_t *test, struct tally *tally)
{
	static struct octets ikm, salt, info, okm;
	static uint8_t out[CASE_MAX];
	uint8_t prk[HASH_SHA256_LEN];
	size_t size = (size_t)number(test, "size");

	(void)group;
	if (size > 255 * HASH_SHA256_LEN) {
		cr_assert(is(test, "result", "invalid"));
		return;
	}
	field(test, "ikm", &ikm);
	field(test, "salt", &salt);
	field(test, "info", &info);
	field(test, "okm", &okm);
	hash_hkdf_extract(slice_of(&salt), slice_of(&ikm), prk);
	hash_hkdf_expand(prk, slice_of(&info), out, size);
	cr_assert(is(test, "result", "valid"));
	cr_assert(same(&okm, out, size), "tcId %d", number(test, "tcId"));
	tally->run++;
}

static unsigned zero_refused;

static void x25519_case(const json_t *group, const json_t *test, struct tally *tally)
{
	static struct octets private_key, public_key, shared;
	uint8_t out[DH_X25519_LEN];
	int err;

	(void)group;
	field(test, "private", &private_key);
	field(test, "public", &public_key);
	field(test, "shared", &shared);
	cr_assert_eq(private_key.len, (size_t)DH_X25519_LEN);
	cr_assert_eq(public_key.len, (size_t)DH_X25519_LEN);
	memset(out, 0xa5, sizeof(out));
	err = dh_x25519_shared(private_key.data, public_key.data, out);
	if (has_flag(test, "ZeroSharedSecret")) {
		cr_assert_eq(err, -EINVAL, "tcId %d", number(test, "tcId"));
		zero_refused++;
	} else {
		cr_assert_eq(err, 0, "tcId %d", number(test, "tcId"));
	}
	cr_assert(same(&shared, out, sizeof(out)), "tcId %d", number(test, "tcId"));
	tally->run++;
}

static void make_pool(void)
{
	pool = aead_pool_create(8);
	cr_assert_not_null(pool);
}

static void drop_pool(void)
{
	aead_pool_destroy(pool);
}

TestSuite(wycheproof, .init = make_pool, .fini = drop_pool);

Test(wycheproof, aead)
{
	run_file("aes_gcm", gcm_case, "with other nonce lengths");
	run_file("aes_ccm", ccm_case, "with nonces other than 11 octets or tags other than ESP's");
	run_file("chacha20_poly1305", chacha_case, "with other nonce lengths");
}

Test(wycheproof, hashes)
{
	run_file("hmac_sha256", hmac_case, "");
	run_file("hkdf_sha256", hkdf_case, "ask for more than HKDF's 8160 octets");
}

Test(wycheproof, x25519)
{
	run_file("x25519", x25519_case, "");
	printf("wycheproof x25519: %u all-zero results refused\n", zero_refused);
	cr_assert_eq(zero_refused, 31);
}

/* Criterion's workers look main up by name. */
__attribute__((visibility("default"))) int main(int argc, char **argv)
{
	return data_main(argc, argv, "DIETVPN_DATA_DIR",
		"wycheproof: DIETVPN_DATA_DIR is not set: 1971 cases not run");
}
