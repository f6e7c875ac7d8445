/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys for people: a fingerprint, and what two ends compare by eye (ikev2.md 6). */
#include "ikev2/fingerprint.h"

#include "crypto/hash.h"

#include <string.h>

static const char label[] = "dietvpn pair v1"; /* with its final 0x00 */

enum { GROUP_LEN = 2 };

static char *put_hex(char *at, uint8_t octet)
{
	static const char digits[] = "0123456789abcdef";

	*at++ = digits[octet >> 4];
	*at++ = digits[octet & 15];
	return at;
}

void fingerprint_print(const uint8_t fingerprint[SIGN_FINGERPRINT_LEN], char out[FINGERPRINT_TEXT])
{
	for (size_t i = 0; i < SIGN_FINGERPRINT_LEN; i++)
		out = put_hex(out, fingerprint[i]);
	*out = '\0';
}

void fingerprint_pair(const uint8_t responder[SIGN_FINGERPRINT_LEN],
	const uint8_t initiator[SIGN_FINGERPRINT_LEN], char out[FINGERPRINT_PAIR_TEXT])
{
	uint8_t in[sizeof label + 2 * SIGN_FINGERPRINT_LEN];
	uint8_t digest[HASH_SHA256_LEN];

	memcpy(in, label, sizeof label);
	memcpy(in + sizeof label, responder, SIGN_FINGERPRINT_LEN);
	memcpy(in + sizeof label + SIGN_FINGERPRINT_LEN, initiator, SIGN_FINGERPRINT_LEN);
	hash_sha256((struct slice){in, sizeof in}, digest);
	for (size_t i = 0; i < FINGERPRINT_PAIR_LEN; i++) {
		if (i && i % GROUP_LEN == 0)
			*out++ = '-';
		out = put_hex(out, digest[i]);
	}
	*out = '\0';
}
