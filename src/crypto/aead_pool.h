/* SPDX-License-Identifier: Apache-2.0 */
/* Keys borrow cipher contexts here, the least recently used one goes first; inside this wing only.
 */
#ifndef DIETVPN_CRYPTO_AEAD_POOL_H
#define DIETVPN_CRYPTO_AEAD_POOL_H

#include "aead.h"

/*
 * A packet of len octets of ChaCha20-Poly1305 goes to OpenSSL. Measured once per pool, by the first
 * packet of AEAD_CHOICE_FLOOR octets: a process with short packets only never touches libcrypto.
 */
bool aead_pool_prefers_evp(struct aead_pool *pool, size_t len);
/* Puts from, as of aead_choice.h, in place of a measurement. */
void aead_pool_prefer_evp_from(struct aead_pool *pool, size_t from);
/* Who seals ChaCha20-Poly1305 here, in words. */
const char *aead_pool_chacha(const struct aead_pool *pool);
/* The context that is keyed for key and direction; NULL: no memory or the cipher is missing. */
void *aead_pool_context(struct aead_key *key, bool seal);
/* Wipes the context that key has borrowed, if any. */
void aead_pool_release(struct aead_key *key);

#endif
