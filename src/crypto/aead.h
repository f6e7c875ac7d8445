/* SPDX-License-Identifier: Apache-2.0 */
/* AEAD suites as a table (RFC 4106, 4309, 7634, 8750); seal and open go to the row. */
#ifndef DIETVPN_CRYPTO_AEAD_H
#define DIETVPN_CRYPTO_AEAD_H

#include "dietvpn/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	AEAD_KEYMAT_MAX = 36, /* AES-256 or ChaCha20 key and 4 octets of salt */
	AEAD_NONCE_MAX = 12,
	AEAD_ICV_MAX = 16,
	AEAD_POOL_DEFAULT = 1024,
};

struct aead_ops;

struct aead_suite {
	enum encr encr;   /* IKEv2 Transform Type 1 */
	const char *name; /* as in Cipher =, "aes-gcm-16-iiv", "aes256-gcm-16" */
	uint8_t key_len, salt_len, iv_len, icv_len; /* octets; iv_len is what travels: 8 or 0 */
	const struct aead_ops *ops;
};

/* The row for a transform and its keymat (key, then salt); NULL: none. */
const struct aead_suite *aead_suite_find(enum encr encr, size_t keymat_len);
const struct aead_suite *aead_suite_by_name(const char *name);
/*
 * The rows in the default order of preference; NULL past the end. AES-192 is not among them: the
 * two functions above find it, nobody offers it unasked.
 */
const struct aead_suite *aead_suite_at(size_t index);
/*
 * The longest text, up to len octets, that the cipher takes in whole steps. Both libraries make
 * ChaCha20's key stream in blocks of 64 octets (RFC 8439 2.4) and treat what is left over apart: at
 * 1400 octets a packet costs 40 % more than at 1408. For AES: len.
 */
size_t aead_even_len(const struct aead_suite *suite, size_t len);

/*
 * A bounded number of cipher contexts that keys borrow at first use (an OpenSSL GCM context takes
 * 1168 octets); the least recently used one is keyed anew. One pool per thread.
 */
struct aead_pool;
struct aead_pool *aead_pool_create(size_t contexts);     /* at least 1; NULL without memory */
void aead_pool_destroy(struct aead_pool *pool);          /* after aead_key_fini of all its keys */
uint64_t aead_pool_misses(const struct aead_pool *pool); /* contexts taken from another key */

struct aead_key {
	const struct aead_suite *suite;
	struct aead_pool *pool;
	uint32_t slot; /* of the pool; valid while the slot's owner is this key */
	bool seal;     /* direction of the last use: one key, one direction, a change re-keys */
	uint8_t keymat[AEAD_KEYMAT_MAX];
};

/*
 * Copies keymat: key_len octets of key, then salt_len of salt. The key must not move in memory
 * after its first use. pool outlives the key. For ChaCha20-Poly1305 it may be NULL: then libsodium
 * serves all lengths, else long packets go to OpenSSL where that has been measured to be faster.
 */
void aead_key_init(struct aead_key *key, struct aead_pool *pool, const struct aead_suite *suite,
	const uint8_t *keymat);
void aead_key_fini(struct aead_key *key); /* gives the context back wiped, wipes the key */
/* Which library serves the key so far: "libsodium", "OpenSSL", or from which length which one. */
const char *aead_provider(const struct aead_key *key);

/*
 * Nonce = salt || iv (8 octets, what travels or what RFC 8750 implies). In place: data holds len
 * octets of plaintext and room for the ICV behind; afterwards ciphertext and ICV. 0 or -EIO.
 * The only callers of the cipher with a key of anyone (aead_choice.c times it with zeros); under
 * DIETVPN_SEAL_LOG seal writes one line per nonce first.
 */
int aead_seal(
	struct aead_key *key, const uint8_t iv[8], struct slice aad, uint8_t *data, size_t len);
/*
 * data holds len octets of ciphertext and ICV; afterwards len - icv_len of plaintext. -EBADMSG:
 * not authentic; data is then destroyed, so a second attempt needs a copy.
 */
int aead_open(
	struct aead_key *key, const uint8_t iv[8], struct slice aad, uint8_t *data, size_t len);

#endif
