/* SPDX-License-Identifier: Apache-2.0 */
/* Diffie-Hellman: X25519 (RFC 7748; group 31 of RFC 8031). */
#include "dh.h"

#include <sodium.h>

#include <errno.h>

void dh_x25519_public(const uint8_t private_key[DH_X25519_LEN], uint8_t public_key[DH_X25519_LEN])
{
	crypto_scalarmult_base(public_key, private_key);
}

int dh_x25519_shared(const uint8_t private_key[DH_X25519_LEN],
	const uint8_t peer_public[DH_X25519_LEN], uint8_t shared[DH_X25519_LEN])
{
	/* The second look does not rely on which of the two checks the library makes. */
	if (crypto_scalarmult(shared, private_key, peer_public) == 0 &&
		!sodium_is_zero(shared, DH_X25519_LEN))
		return 0;
	sodium_memzero(shared, DH_X25519_LEN);
	return -EINVAL;
}
