/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, HMAC, HKDF (RFC 5869), SHA-1, BLAKE2b and a keyed short hash for tables. */
#ifndef DIETVPN_CRYPTO_HASH_H
#define DIETVPN_CRYPTO_HASH_H

#include "dietvpn/types.h"

#include <stddef.h>
#include <stdint.h>

enum {
	HASH_SHA1_LEN = 20,
	HASH_SHA256_LEN = 32,
	HASH_DIGEST_LEN = 16,
	HASH_SHORT_KEY_LEN = 16,
	HASH_SHORT_MAC_LEN = 16
};

/* SHA-256 (FIPS 180-4) and HMAC over it (RFC 2104). */
void hash_sha256(struct slice in, uint8_t out[HASH_SHA256_LEN]);
void hash_hmac_sha256(struct slice key, struct slice in, uint8_t out[HASH_SHA256_LEN]);
/*
 * SHA-1 (FIPS 180-4), for NAT detection only (RFC 7296 2.23): collisions can be made. 0 or -EIO
 * (libcrypto has no memory; out is then zeroed).
 */
int hash_sha1(struct slice in, uint8_t out[HASH_SHA1_LEN]);
/* HKDF-Extract and -Expand with SHA-256; len <= 8160. */
void hash_hkdf_extract(struct slice salt, struct slice ikm, uint8_t prk[HASH_SHA256_LEN]);
void hash_hkdf_expand(
	const uint8_t prk[HASH_SHA256_LEN], struct slice info, uint8_t *out, size_t len);
/* In place: a key becomes the one that HKDF without salt derives from it for info. */
void hash_hkdf_replace(uint8_t *key, size_t len, struct slice info);
/* BLAKE2b-128: names a key in the state store without telling it. */
void hash_digest(struct slice in, uint8_t out[HASH_DIGEST_LEN]);
/* SipHash-2-4 for tables whose keys strangers can choose. */
uint64_t hash_short(const uint8_t key[HASH_SHORT_KEY_LEN], const void *data, size_t len);
/* The same with 128 bits: a MAC for what lives a minute or two. */
void hash_short_mac(
	const uint8_t key[HASH_SHORT_KEY_LEN], struct slice in, uint8_t out[HASH_SHORT_MAC_LEN]);

#endif
