/* SPDX-License-Identifier: Apache-2.0 */
/* What a provider of signatures offers to sign.c; inside this wing only. */
#ifndef DIETVPN_CRYPTO_SIGN_OPS_H
#define DIETVPN_CRYPTO_SIGN_OPS_H

#include "sign.h"
#include "sign_pkey.h"

/* The key has alg's type; a signature has 1 to SIGN_VALUE_MAX octets. Results as in sign.h. */
struct sign_ops {
	int (*make)(const struct sign_private *key, const struct sign_alg *alg, struct slice text,
		struct sign_value *out);
	int (*verify)(const struct sign_public *key, const struct sign_alg *alg, struct slice text,
		struct slice signature);
};

extern const struct sign_ops sign_evp;       /* PKCS#1 v1.5; ECDSA in DER */
extern const struct sign_ops sign_evp_pss;   /* salt as long as the hash */
extern const struct sign_ops sign_evp_plain; /* ECDSA as r | s */

#endif
