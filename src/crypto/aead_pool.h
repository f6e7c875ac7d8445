/* SPDX-License-Identifier: Apache-2.0 */
/* Keys borrow cipher contexts here, the least recently used one goes first; inside this wing only.
 */
#ifndef DIETVPN_CRYPTO_AEAD_POOL_H
#define DIETVPN_CRYPTO_AEAD_POOL_H

#include "aead.h"

/* The context that is keyed for key and direction; NULL: no memory or the cipher is missing. */
void *aead_pool_context(struct aead_key *key, bool seal);
/* Wipes the context that key has borrowed, if any. */
void aead_pool_release(struct aead_key *key);

#endif
