/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, HMAC, HKDF (RFC 5869), SHA-1, BLAKE2b and a keyed short hash for tables. */
#include "hash.h"

#include "libcrypto.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <assert.h>
#include <errno.h>
#include <string.h>

/* libsodium declares its pointers non-NULL, an empty slice may hold NULL. */
static const uint8_t *octets(struct slice s)
{
	static const uint8_t none[1];

	return s.len ? s.data : none;
}

void hash_sha256(struct slice in, uint8_t out[HASH_SHA256_LEN])
{
	crypto_hash_sha256(out, octets(in), in.len);
}

void hash_hmac_sha256(struct slice key, struct slice in, uint8_t out[HASH_SHA256_LEN])
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, octets(key), key.len);
	crypto_auth_hmacsha256_update(&state, octets(in), in.len);
	crypto_auth_hmacsha256_final(&state, out);
	sodium_memzero(&state, sizeof(state));
}

int hash_sha1(struct slice in, uint8_t out[HASH_SHA1_LEN])
{
	if (libcrypto_init() == 0 &&
		EVP_Digest(octets(in), in.len, out, NULL, EVP_sha1(), NULL) == 1)
		return 0;
	libcrypto_forget_errors();
	memset(out, 0, HASH_SHA1_LEN);
	return -EIO;
}

void hash_hkdf_extract(struct slice salt, struct slice ikm, uint8_t prk[HASH_SHA256_LEN])
{
	hash_hmac_sha256(salt, ikm, prk);
}

/* T(i) of RFC 5869 2.3; prev is T(i - 1), empty for i = 1. */
static void expand_block(struct slice prev, struct slice info, uint8_t i,
	crypto_auth_hmacsha256_state keyed, uint8_t out[HASH_SHA256_LEN])
{
	crypto_auth_hmacsha256_update(&keyed, octets(prev), prev.len);
	crypto_auth_hmacsha256_update(&keyed, octets(info), info.len);
	crypto_auth_hmacsha256_update(&keyed, &i, 1);
	crypto_auth_hmacsha256_final(&keyed, out);
	sodium_memzero(&keyed, sizeof(keyed));
}

void hash_hkdf_expand(
	const uint8_t prk[HASH_SHA256_LEN], struct slice info, uint8_t *out, size_t len)
{
	crypto_auth_hmacsha256_state keyed;
	uint8_t block[HASH_SHA256_LEN];
	struct slice prev = {block, 0};

	assert(len <= (size_t)255 * HASH_SHA256_LEN);
	crypto_auth_hmacsha256_init(&keyed, prk, HASH_SHA256_LEN);
	for (uint8_t i = 1; len > 0; i++) {
		size_t n = len < sizeof(block) ? len : sizeof(block);

		expand_block(prev, info, i, keyed, block);
		prev.len = sizeof(block);
		memcpy(out, block, n);
		out += n;
		len -= n;
	}
	sodium_memzero(&keyed, sizeof(keyed));
	sodium_memzero(block, sizeof(block));
}

void hash_hkdf_replace(uint8_t *key, size_t len, struct slice info)
{
	uint8_t prk[HASH_SHA256_LEN];

	hash_hkdf_extract((struct slice){NULL, 0}, (struct slice){key, len}, prk);
	hash_hkdf_expand(prk, info, key, len);
	sodium_memzero(prk, sizeof(prk));
}

void hash_digest(struct slice in, uint8_t out[HASH_DIGEST_LEN])
{
	crypto_generichash(out, HASH_DIGEST_LEN, in.data, in.len, NULL, 0);
}

uint64_t hash_short(const uint8_t key[HASH_SHORT_KEY_LEN], const void *data, size_t len)
{
	uint8_t out[crypto_shorthash_BYTES];
	uint64_t number = 0;

	crypto_shorthash(out, data, len, key);
	for (size_t i = sizeof(out); i > 0; i--)
		number = number << 8 | out[i - 1];
	return number;
}

void hash_short_mac(
	const uint8_t key[HASH_SHORT_KEY_LEN], struct slice in, uint8_t out[HASH_SHORT_MAC_LEN])
{
	crypto_shorthash_siphashx24(out, in.data, in.len, key);
}
