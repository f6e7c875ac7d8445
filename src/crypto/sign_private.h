/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys of signatures: PKCS#8 in PEM (RFC 5958, 8410), or base64 of an Ed25519 seed. */
#ifndef DIETVPN_CRYPTO_SIGN_PRIVATE_H
#define DIETVPN_CRYPTO_SIGN_PRIVATE_H

#include "sign_key.h"

struct sign_private;

/*
 * A key file: PEM ("PRIVATE KEY", not encrypted; also "RSA PRIVATE KEY" of RFC 8017 and "EC PRIVATE
 * KEY" of RFC 5915), or base64 of the 32 octets of an Ed25519 seed, the project's own form. The
 * caller wipes text and owns *out. Errors as sign_public_from_spki, and -EACCES (encrypted),
 * -EKEYREJECTED (private and public half do not belong together), -EMSGSIZE, -ENOKEY (PEM, but of
 * no private key), -ENOMEM.
 */
int sign_private_from_text(struct slice text, struct sign_private **out);
int sign_private_from_seed(const uint8_t seed[SIGN_ED25519_LEN], struct sign_private **out);
void sign_private_destroy(struct sign_private *key); /* wipes; NULL is fine */
/* Lives as long as key. */
const struct sign_public *sign_private_public(const struct sign_private *key);

#endif
