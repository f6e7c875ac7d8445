/* SPDX-License-Identifier: Apache-2.0 */
/* IKE's pseudo-random functions as a table, and prf+ over them (RFC 7296 2.13, 4868, 4615). */
#ifndef DIETVPN_CRYPTO_PRF_H
#define DIETVPN_CRYPTO_PRF_H

#include "dietvpn/types.h"

#include <stddef.h>
#include <stdint.h>

/* IKEv2 Transform Type 2. */
enum {
	PRF_HMAC_SHA2_256 = 5,
	PRF_HMAC_SHA2_384 = 6,
	PRF_HMAC_SHA2_512 = 7,
	PRF_AES128_CMAC = 8,
};

enum { PRF_LEN_MAX = 64, PRF_PLUS_BLOCKS = 255 };

struct prf_ops;

struct prf {
	uint16_t id; /* of Transform Type 2 */
	uint8_t len; /* octets of output, and of the preferred key: SK_d, SK_pi, SK_pr */
	/*
	 * How much of Ni and of Nr is SKEYSEED's key: 0 is all; 8 for AES128-CMAC (RFC 7296 2.14).
	 * prf+ takes the nonces whole.
	 */
	uint8_t nonce_len;
	const char *name; /* "hmac-sha2-256" */
	const struct prf_ops *ops;
};

/* The row of a transform; NULL: none. */
const struct prf *prf_find(uint16_t id);
const struct prf *prf_by_name(const char *name);
/* The rows in the default order of preference; NULL past the end. */
const struct prf *prf_at(size_t index);

/*
 * prf(key, parts[0] | parts[1] | ..) into out, prf->len octets; out may be one of the inputs. The
 * key may have any length, none included. 0 or -EIO (libcrypto has no memory); out is then zeroed.
 */
int prf_compute(const struct prf *prf, struct slice key, const struct slice *parts, size_t n_parts,
	uint8_t *out);

/* prf+(key, parts[0] | parts[1] | ..). */
struct prf_plus {
	const struct prf *prf;
	struct slice key;
	const struct slice *parts;
	size_t n_parts;
};

/*
 * The first len octets of prf+ into out, which overlaps no input; the caller wipes them. 0,
 * -EMSGSIZE (more than PRF_PLUS_BLOCKS blocks) or -EIO; out is zeroed on error.
 */
int prf_plus(const struct prf_plus *in, uint8_t *out, size_t len);

#endif
