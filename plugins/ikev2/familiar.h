/* SPDX-License-Identifier: Apache-2.0 */
/* Prefixes from which somebody has authenticated; a part of what a responder can do at once is for
 * them (trust.md 4.3). */
#ifndef DIETVPN_IKEV2_FAMILIAR_H
#define DIETVPN_IKEV2_FAMILIAR_H

#include "crypto/hash.h"
#include "dietvpn/keying.h"

#include <stdbool.h>

enum { FAMILIAR_SLOTS = 4096, FAMILIAR_PREFIX_4 = 3, FAMILIAR_PREFIX_6 = 7 };

struct familiar {
	const struct keying_host *host;
	const uint8_t *hash_key;           /* HASH_SHORT_KEY_LEN octets, the owner's */
	uint64_t prefixes[FAMILIAR_SLOTS]; /* 0: none; of two in one slot the newer one stays */
	bool changed;
	uint64_t save_ms; /* not before */
};

/* A /24 or a /56: whoever has one address of it has them all. */
uint64_t familiar_prefix(const struct ip_addr *addr);

/* What the state store holds is read. */
void familiar_init(struct familiar *f, const struct keying_host *host,
	const uint8_t hash_key[HASH_SHORT_KEY_LEN]);
bool familiar_has(const struct familiar *f, const struct ip_addr *addr);
/* Somebody at this address has authenticated. Saved at most once in ten minutes. */
void familiar_add(struct familiar *f, const struct ip_addr *addr);
/* At the end: what is not saved yet. */
void familiar_save(struct familiar *f);

#endif
