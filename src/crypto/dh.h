/* SPDX-License-Identifier: Apache-2.0 */
/* Diffie-Hellman: X25519 (RFC 7748; group 31 of RFC 8031). */
#ifndef DIETVPN_CRYPTO_DH_H
#define DIETVPN_CRYPTO_DH_H

#include <stdint.h>

enum { DH_X25519 = 31, DH_X25519_LEN = 32 }; /* IKEv2 Transform Type 4; octets of every value */

/* A private key is any 32 random octets (secret_random); clamping is done inside. */
void dh_x25519_public(const uint8_t private_key[DH_X25519_LEN], uint8_t public_key[DH_X25519_LEN]);
/*
 * -EINVAL: the peer's point is of small order and the result would be all zero (RFC 7748 6.1);
 * shared is then zeroed. The caller wipes shared after use.
 */
int dh_x25519_shared(const uint8_t private_key[DH_X25519_LEN],
	const uint8_t peer_public[DH_X25519_LEN], uint8_t shared[DH_X25519_LEN]);

#endif
