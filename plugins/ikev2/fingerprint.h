/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys for people: a fingerprint, and what two ends compare by eye (ikev2.md 6). */
#ifndef DIETVPN_IKEV2_FINGERPRINT_H
#define DIETVPN_IKEV2_FINGERPRINT_H

#include "crypto/sign_key.h"

enum {
	FINGERPRINT_TEXT = 2 * SIGN_FINGERPRINT_LEN + 1,
	FINGERPRINT_PAIR_LEN = 12, /* 2^48 keys to find two that look alike to both ends */
	FINGERPRINT_PAIR_TEXT = 2 * FINGERPRINT_PAIR_LEN + 6,
};

/* Hexadecimal digits. */
void fingerprint_print(const uint8_t fingerprint[SIGN_FINGERPRINT_LEN], char out[FINGERPRINT_TEXT]);
/* "3f2a-91bc-...": the same at both ends where each has the other's key, and nobody stands between
 * them. SHA-256 over a label and both fingerprints, the responder's first. */
void fingerprint_pair(const uint8_t responder[SIGN_FINGERPRINT_LEN],
	const uint8_t initiator[SIGN_FINGERPRINT_LEN], char out[FINGERPRINT_PAIR_TEXT]);

#endif
