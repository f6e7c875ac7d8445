/* SPDX-License-Identifier: Apache-2.0 */
/* Key exchange groups as a table: X25519 (RFC 7748, 8031) and NIST P-256 (RFC 5903). */
#ifndef DIETVPN_CRYPTO_DH_H
#define DIETVPN_CRYPTO_DH_H

#include "dietvpn/types.h"

#include <stddef.h>
#include <stdint.h>

/* IKEv2 Transform Type 4. */
enum { DH_P256 = 19, DH_X25519 = 31 };

enum {
	DH_X25519_LEN = 32, /* octets of every value of X25519 */
	DH_PRIVATE_MAX = 32,
	DH_PUBLIC_MAX = 64,
	DH_SHARED_MAX = 32,
};

struct dh_ops;

struct dh_group {
	uint16_t id;      /* of Transform Type 4 */
	const char *name; /* "x25519", "p256" */
	/* Octets. P-256: public is x | y, what is shared is x alone (RFC 5903 section 7). */
	uint8_t private_len, public_len, shared_len;
	const struct dh_ops *ops;
};

/* The row of a transform; NULL: none. */
const struct dh_group *dh_find(uint16_t id);
const struct dh_group *dh_by_name(const char *name);
/* The rows in the default order of preference; NULL past the end. */
const struct dh_group *dh_at(size_t index);

/*
 * A new key pair, private_len and public_len octets; the caller wipes the private key. 0 or -EIO
 * (libcrypto has no memory; both are then zeroed).
 */
int dh_generate(const struct dh_group *group, uint8_t *private_key, uint8_t *public_key);
/* -EINVAL: no private key of this group (P-256: zero, or not below the order). */
int dh_public(const struct dh_group *group, const uint8_t *private_key, uint8_t *public_key);
/*
 * shared_len octets, which the caller wipes. -EINVAL: peer_public has the wrong length, is no point
 * of the curve or of small order, so that the result would be all zero (RFC 7748 6.1, RFC 6989
 * 2.3); -EIO. shared is zeroed on error.
 */
int dh_compute(const struct dh_group *group, const uint8_t *private_key, struct slice peer_public,
	uint8_t *shared);

/* X25519 alone. A private key is any 32 random octets (secret_random); clamping is done inside. */
void dh_x25519_public(const uint8_t private_key[DH_X25519_LEN], uint8_t public_key[DH_X25519_LEN]);
/* As dh_compute. */
int dh_x25519_shared(const uint8_t private_key[DH_X25519_LEN],
	const uint8_t peer_public[DH_X25519_LEN], uint8_t shared[DH_X25519_LEN]);

#endif
