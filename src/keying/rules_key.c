/* SPDX-License-Identifier: Apache-2.0 */
/* Manual keys under explicit rules: a mismatch fails the ICV (RFC 4303 3.4.4) instead of making a
 * wrong packet (docs/rules.md). */
#include "keying/rules_key.h"

#include <string.h>

static const char label[] = "dietvpn manual rules";

enum { LABEL_LEN = sizeof label - 1, INFO_LEN = LABEL_LEN + HASH_SHA256_LEN + 1 };

void rules_key_bind(
	uint8_t *keymat, size_t len, const uint8_t digest[static HASH_SHA256_LEN], bool dev_sends)
{
	uint8_t info[INFO_LEN];

	memcpy(info, label, LABEL_LEN);
	memcpy(info + LABEL_LEN, digest, HASH_SHA256_LEN);
	info[INFO_LEN - 1] = dev_sends;
	hash_hkdf_replace(keymat, len, (struct slice){info, sizeof info});
}
