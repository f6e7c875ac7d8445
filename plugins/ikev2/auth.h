/* SPDX-License-Identifier: Apache-2.0 */
/* The AUTH payload: a pre-shared key or a signature over what one side has sent (RFC 7296 2.15, RFC
 * 7427, RFC 8420). */
#ifndef DIETVPN_IKEV2_AUTH_H
#define DIETVPN_IKEV2_AUTH_H

#include "ikev2/keymat.h"
#include "ikev2/payload.h"
#include "ikev2/settings.h"

/* What one side vouches for: its own IKE_SA_INIT, the other's nonce, its identity. */
struct auth_claim {
	const struct settings *settings;
	const struct ike_keys *keys;
	enum side side;
	struct slice message, nonce, id;    /* id: body of the payload */
	const struct sign_public *peer_key; /* what the peer's AUTH is held against; NULL: a PSK */
};

/* Writes our AUTH; peer_hashes: bits 1 << SIGN_HASH_.. of what the peer listed. 0, -ENOTSUP (our
 * key has no signature that the peer reads), -ENOMEM or -EIO. */
int auth_add(const struct auth_claim *claim, uint32_t peer_hashes, struct payload_writer *w);
/* The same as NO_PPK_AUTH: what AUTH would be without the post-quantum key (RFC 8784 3). */
int auth_add_without_ppk(
	const struct auth_claim *claim, uint32_t peer_hashes, struct payload_writer *w);
/* Whether the peer's AUTH holds, by the one method that it is known by; value: what stands behind
 * method and zeros. */
bool auth_holds(const struct auth_claim *claim, uint8_t method, struct slice value);

/* SIGNATURE_HASH_ALGORITHMS: bits of one that came, 0 without; and ours, where hashes is not 0. */
uint32_t auth_read_hashes(const struct payloads *p);
void auth_add_hashes(struct payload_writer *w, uint32_t hashes);
/* SubjectPublicKeyInfo of our key, for CERT. */
struct slice auth_own_key(const struct settings *settings);
/* What we list for this peer's key. */
uint32_t auth_hashes(const struct settings *settings);

#endif
