/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys of signatures: SubjectPublicKeyInfo (RFC 7670, 8410, 5480, 8017), PEM and base64. */
#ifndef DIETVPN_CRYPTO_SIGN_KEY_H
#define DIETVPN_CRYPTO_SIGN_KEY_H

#include "dietvpn/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sign_key_type { SIGN_ED25519 = 1, SIGN_RSA, SIGN_ECDSA_P256 };

enum {
	SIGN_RSA_BITS_MIN = 2048,
	SIGN_RSA_BITS_MAX = 4096,
	SIGN_RSA_EXPONENT_MAX = 4, /* octets */
	SIGN_SPKI_MAX = 560,       /* RSA-4096 with an exponent of four octets needs 553 */
	SIGN_ED25519_LEN = 32,
	SIGN_FINGERPRINT_LEN = 32,
	SIGN_TEXT_MAX = 8192, /* a key file */
};

/* Only what sign_public_.. accepted; plain data, may be copied. The encoding is unique. */
struct sign_public {
	enum sign_key_type type;
	uint16_t spki_len;
	uint8_t spki[SIGN_SPKI_MAX]; /* what a CERT payload of encoding 15 carries */
};

/*
 * All of der must be one SubjectPublicKeyInfo in DER, as a stranger's CERT payload has it: Ed25519,
 * RSA of 2048 to 4096 bits with an odd exponent of at most 32 bits, or a point of P-256,
 * uncompressed and on the curve. 0, -EINVAL (malformed, or no valid key), -ENOTSUP (another
 * algorithm or curve), -ERANGE (size of an RSA key) or -EIO; out is untouched on error.
 */
int sign_public_from_spki(struct slice der, struct sign_public *out);
/* 32 octets of RFC 8032. -EINVAL: no point of the curve, or of small order. */
int sign_public_from_ed25519(const uint8_t raw[SIGN_ED25519_LEN], struct sign_public *out);
/* x | y. Errors as sign_public_from_spki. */
int sign_public_from_p256(const uint8_t point[64], struct sign_public *out);
/* Modulus and exponent, big-endian. Errors as sign_public_from_spki. */
int sign_public_from_rsa(struct slice n, struct slice e, struct sign_public *out);
/*
 * A key file: PEM ("PUBLIC KEY"), or base64 of a SubjectPublicKeyInfo, or base64 of the 32 octets
 * of an Ed25519 key. Errors as sign_public_from_spki, and -EMSGSIZE.
 */
int sign_public_from_text(struct slice text, struct sign_public *out);
/* SHA-256 over the SubjectPublicKeyInfo. */
void sign_public_fingerprint(
	const struct sign_public *key, uint8_t fingerprint[SIGN_FINGERPRINT_LEN]);
bool sign_public_equal(const struct sign_public *a, const struct sign_public *b);
/* The key itself inside the SubjectPublicKeyInfo: 32 octets, 04 | x | y, or RFC 8017's structure.
 */
struct slice sign_public_bits(const struct sign_public *key);
/* "ed25519", "rsa" or "ecdsa-p256". */
const char *sign_key_type_name(enum sign_key_type type);

/* One sentence for the operator about an error of these functions and of sign_private.h. */
const char *sign_key_error(int err);

#endif
