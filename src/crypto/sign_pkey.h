/* SPDX-License-Identifier: Apache-2.0 */
/* Signature keys as OpenSSL has them (RFC 8017, 5480); inside this wing only. */
#ifndef DIETVPN_CRYPTO_SIGN_PKEY_H
#define DIETVPN_CRYPTO_SIGN_PKEY_H

#include "sign_private.h"

#include <openssl/types.h>
#include <sodium.h>

struct sign_private {
	struct sign_public public;
	uint8_t ed25519[crypto_sign_SECRETKEYBYTES]; /* seed, then public key */
	EVP_PKEY *pkey;                              /* NULL for Ed25519 */
};

/* The numbers of RFC 8017's RSAPrivateKey in its order; only the first two: a public key. */
enum {
	RSA_N,
	RSA_E,
	RSA_PUBLIC,
	RSA_D = RSA_PUBLIC,
	RSA_P,
	RSA_Q,
	RSA_DP,
	RSA_DQ,
	RSA_QI,
	RSA_NUMBERS
};

/* Made anew, to be freed by EVP_PKEY_free; NULL: no memory, or numbers that the library refuses. */
EVP_PKEY *sign_pkey_rsa(const struct slice *numbers, size_t n_numbers);
/* point is 04 | x | y; scalar is empty for a public key. */
EVP_PKEY *sign_pkey_p256(struct slice point, struct slice scalar);
/* RSA and ECDSA only. */
EVP_PKEY *sign_pkey_public(const struct sign_public *key);

#endif
