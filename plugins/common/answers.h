/* SPDX-License-Identifier: Apache-2.0 */
/* A responder's stored answer: the same request is answered with the same octets, at no other cost
 * (RFC 7296 2.1). */
#ifndef DIETVPN_COMMON_ANSWERS_H
#define DIETVPN_COMMON_ANSWERS_H

#include "crypto/hash.h"
#include "dietvpn/types.h"

#include <stdbool.h>

struct answer {
	uint8_t request[HASH_DIGEST_LEN]; /* digest of what was answered */
	uint8_t *octets;
	size_t len; /* 0: none */
};

/* Replaces what was stored. 0 or -ENOMEM; then nothing is stored. */
int answer_store(struct answer *a, struct slice request, struct slice octets);
/* true: this very request was answered with a->octets. */
bool answer_is_for(const struct answer *a, struct slice request);
void answer_fini(struct answer *a);

#endif
