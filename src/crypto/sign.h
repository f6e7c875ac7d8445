/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of IKE's AUTH payload as a table: Ed25519, RSA, ECDSA P-256 (RFC 7427, 8420, 4754). */
#ifndef DIETVPN_CRYPTO_SIGN_H
#define DIETVPN_CRYPTO_SIGN_H

#include "sign_key.h"
#include "sign_private.h"

#include "dietvpn/types.h"

#include <stddef.h>
#include <stdint.h>

/* IKEv2 Authentication Method. */
enum {
	SIGN_METHOD_RSA = 1,        /* PKCS#1 v1.5 with SHA-1 */
	SIGN_METHOD_ECDSA_P256 = 9, /* SHA-256, r | s (RFC 4754) */
	SIGN_METHOD_DIGITAL = 14,   /* an AlgorithmIdentifier, then the signature */
};

/* IKEv2 Hash Algorithms: what SIGNATURE_HASH_ALGORITHMS lists. */
enum {
	SIGN_HASH_SHA1 = 1,
	SIGN_HASH_SHA2_256 = 2,
	SIGN_HASH_SHA2_384 = 3,
	SIGN_HASH_SHA2_512 = 4,
	SIGN_HASH_IDENTITY = 5,
};

enum { SIGN_VALUE_MAX = 512 };

struct sign_ops;

struct sign_alg {
	const char *name;        /* "ed25519", "rsa-sha2-256", "rsa-pss-sha2-256" */
	uint8_t method;          /* 14 for what RFC 7427 negotiates */
	enum sign_key_type type; /* of the key that it takes */
	uint8_t hash;
	uint8_t verify_only;  /* 1: sign_make refuses it */
	struct slice wire_id; /* method 14: the AlgorithmIdentifier in DER, octet for octet */
	struct slice also_id; /* accepted like wire_id, never sent; mostly empty */
	const struct sign_ops *ops;
};

struct sign_value {
	uint16_t len;
	uint8_t data[SIGN_VALUE_MAX];
};

/* The rows in the default order of preference; NULL past the end. */
const struct sign_alg *sign_at(size_t index);
const struct sign_alg *sign_by_name(const char *name);
/*
 * The row of an AUTH payload: its method, and for method 14 the AlgorithmIdentifier without its
 * length octet (else wire_id is empty). NULL: none of ours. The identifier must be equal octet for
 * octet: absent for NULL parameters and PSS with SHA-1 or another length of salt are not known.
 */
const struct sign_alg *sign_find(uint8_t method, struct slice wire_id);
/*
 * What to sign with: the first row of method 14 for this type of key whose hash is in hashes, bits
 * 1 << SIGN_HASH_.. of the peer's list; with hashes 0 (no list came) a row of another method. NULL:
 * the key cannot be used with this peer.
 */
const struct sign_alg *sign_choose(enum sign_key_type type, uint32_t hashes);
/*
 * The hashes that we have to list when keys of this type must be verified, as bits: SHA-2 for RSA
 * and ECDSA, Identity for Ed25519 and never without (RFC 8420 section 2).
 */
uint32_t sign_hashes(enum sign_key_type type);

/* 0, -EINVAL (alg takes another type of key or is verify_only) or -EIO. */
int sign_make(const struct sign_private *key, const struct sign_alg *alg, struct slice text,
	struct sign_value *out);
/*
 * Anything strangers may send. 0, -EBADMSG (not authentic), -EINVAL (alg takes another type of key)
 * or -EIO (no memory). An RSA-4096 key is the most it can cost.
 */
int sign_verify(const struct sign_public *key, const struct sign_alg *alg, struct slice text,
	struct slice signature);

#endif
