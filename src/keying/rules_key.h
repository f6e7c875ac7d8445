/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that no exchange has made, bound to the explicit rules that both ends must share. */
#ifndef DIETVPN_KEYING_RULES_KEY_H
#define DIETVPN_KEYING_RULES_KEY_H

#include "crypto/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * In place: key and salt become HKDF-SHA-256 (RFC 5869) of themselves, no salt, info "dietvpn
 * manual rules", the SHA-256 of the encoded set and one octet, 1 where Dev sends under this key. So
 * ends whose sets or ideas of Dev differ have different keys, and nothing of one passes the other's
 * ICV. The numbers stay those of the key as it was: they are on record under its digest.
 */
void rules_key_bind(
	uint8_t *keymat, size_t len, const uint8_t digest[static HASH_SHA256_LEN], bool dev_sends);

#endif
