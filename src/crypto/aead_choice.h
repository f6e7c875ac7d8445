/* SPDX-License-Identifier: Apache-2.0 */
/* From which length OpenSSL seals ChaCha20-Poly1305 faster than libsodium; inside this wing only.
 */
#ifndef DIETVPN_CRYPTO_AEAD_CHOICE_H
#define DIETVPN_CRYPTO_AEAD_CHOICE_H

#include <stddef.h>
#include <stdint.h>

enum {
	/* No machine measured so far gains from OpenSSL below; so none is asked before. */
	AEAD_CHOICE_FLOOR = 128,
	AEAD_CHOICE_POINTS = 7,
};

#define AEAD_CHOICE_NEVER SIZE_MAX

/* What one packet of each measured length costs, in any unit of time. */
struct aead_choice_costs {
	uint64_t sodium[AEAD_CHOICE_POINTS], evp[AEAD_CHOICE_POINTS];
};

/*
 * Measures both libraries, in well under a millisecond on a server and about two on a small board.
 * Octets of text from which a packet goes to OpenSSL: 0 for all, AEAD_CHOICE_NEVER for none (so
 * too if OpenSSL lacks the cipher).
 */
size_t aead_choice_measure(void);
/* The start of OpenSSL's lengths that costs least. libsodium needs no context and wins near ties.
 */
size_t aead_choice_from(const struct aead_choice_costs *costs);
/* Words for a result of the functions above: "libsodium below 128 octets, OpenSSL from there". */
const char *aead_choice_name(size_t from);

#endif
