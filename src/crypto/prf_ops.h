/* SPDX-License-Identifier: Apache-2.0 */
/* What a provider of MACs offers to prf.c (RFC 2104, 4493); inside this wing only. */
#ifndef DIETVPN_CRYPTO_PRF_OPS_H
#define DIETVPN_CRYPTO_PRF_OPS_H

#include "prf.h"

#include <sodium.h>

union prf_state {
	crypto_auth_hmacsha256_state sha256;
	crypto_auth_hmacsha512_state sha512;
	void *context; /* of libcrypto */
};

/*
 * start may fail and leaves then nothing behind; afterwards add may be called any number of times,
 * then finish once, whatever add gave. finish writes prf->len octets (out NULL: only gives back).
 * 0 or -EIO. Empty slices point somewhere.
 */
struct prf_ops {
	int (*start)(union prf_state *state, struct slice key);
	int (*add)(union prf_state *state, struct slice part);
	int (*finish)(union prf_state *state, uint8_t *out);
};

extern const struct prf_ops prf_mac_sha384;
extern const struct prf_ops prf_mac_cmac;

#endif
