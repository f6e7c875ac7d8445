/* SPDX-License-Identifier: Apache-2.0 */
/* CERT and AUTH payloads of strangers: key, algorithm, signature; and what may stand in key files.
 */
#include "crypto/secret.h"
#include "crypto/sign.h"

#include "must.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What is accepted is the one encoding of its key. */
static void check_key(struct slice spki, const struct sign_public *key)
{
	struct slice bits = sign_public_bits(key);

	must(key->spki_len == spki.len && memcmp(key->spki, spki.data, spki.len) == 0);
	must(bits.data > key->spki && bits.data + bits.len == key->spki + key->spki_len);
}

/* Nothing can be signed by who has not the private key. */
static void check_signature(const struct sign_public *key, struct slice rest)
{
	static const uint8_t text[] = "signed octets";

	for (size_t i = 0; sign_at(i) != NULL; i++) {
		const struct sign_alg *alg = sign_at(i);
		struct slice value = rest;

		if (alg->type != key->type)
			continue;
		if (rest.len > alg->wire_id.len && alg->wire_id.len != 0 &&
			sign_find(SIGN_METHOD_DIGITAL,
				(struct slice){rest.data, alg->wire_id.len}) == alg)
			value = (struct slice){
				rest.data + alg->wire_id.len, rest.len - alg->wire_id.len};
		must(sign_verify(key, alg, (struct slice){text, sizeof(text)}, value) != 0);
	}
}

static void key_files(struct slice text)
{
	struct sign_private *private_key = NULL;
	struct sign_public key;

	if (sign_private_from_text(text, &private_key) == 0)
		must(sign_private_public(private_key)->spki_len != 0);
	else
		must(private_key == NULL);
	sign_private_destroy(private_key);
	if (sign_public_from_text(text, &key) == 0)
		check_key((struct slice){key.spki, key.spki_len}, &key);
}

/* Two octets say where the SubjectPublicKeyInfo ends; all of it is also taken for a key file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sign_public key;
	struct slice spki;
	size_t cut;

	must(crypto_init() == 0);
	if (len < 2)
		return 0;
	cut = (size_t)data[0] << 8 | data[1];
	if (cut <= len - 2) {
		spki = (struct slice){data + 2, cut};
		if (sign_public_from_spki(spki, &key) == 0) {
			check_key(spki, &key);
			check_signature(&key, (struct slice){data + 2 + cut, len - 2 - cut});
		}
	}
	key_files((struct slice){data, len});
	return 0;
}
