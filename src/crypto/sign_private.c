/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys of signatures: PKCS#8 in PEM (RFC 5958, 8410), or base64 of an Ed25519 seed. */
#include "sign_private.h"

#include "der.h"
#include "p256.h"
#include "pem.h"
#include "secret.h"
#include "sign.h"
#include "sign_pkey.h"

#include <openssl/evp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DER_MAX = 4096 }; /* RSA-4096 in PKCS#8 takes 2375 octets */

static const uint8_t p256_oid[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};

static int read_seed(struct slice seed, struct sign_private *key)
{
	uint8_t public_key[SIGN_ED25519_LEN];

	if (seed.len != SIGN_ED25519_LEN)
		return -EINVAL;
	if (crypto_sign_seed_keypair(public_key, key->ed25519, seed.data) != 0)
		return -EIO;
	return sign_public_from_ed25519(public_key, &key->public);
}

/* RFC 8410 section 7: an OCTET STRING in the OCTET STRING. */
static int read_ed25519(struct slice der, struct sign_private *key)
{
	struct slice seed;

	if (der_take(&der, DER_OCTET_STRING, &seed) != 0 || der.len != 0)
		return -EINVAL;
	return read_seed(seed, key);
}

/* RSAPrivateKey of RFC 8017 A.1.2, two primes. */
static int read_rsa(struct slice der, struct sign_private *key)
{
	struct slice numbers[RSA_NUMBERS];
	struct slice fields;
	struct slice version;
	int err;

	if (der_take(&der, DER_SEQUENCE, &fields) != 0 || der.len != 0 ||
		der_take_unsigned(&fields, &version) != 0)
		return -EINVAL;
	if (version.len != 0)
		return -ENOTSUP;
	for (size_t i = 0; i < RSA_NUMBERS; i++)
		if (der_take_unsigned(&fields, &numbers[i]) != 0)
			return -EINVAL;
	if (fields.len != 0)
		return -EINVAL;
	err = sign_public_from_rsa(numbers[RSA_N], numbers[RSA_E], &key->public);
	if (err != 0)
		return err;
	key->pkey = sign_pkey_rsa(numbers, RSA_NUMBERS);
	return key->pkey != NULL ? 0 : -EIO;
}

static bool curve_ok(struct slice parameters)
{
	struct slice oid;

	return der_take(&parameters, DER_OID, &oid) == 0 && parameters.len == 0 &&
	       der_is(oid, p256_oid, sizeof(p256_oid));
}

/* The public key that stands in the file may be left out; if it is there it must be the right one.
 */
static int check_public(struct slice fields, const uint8_t point[P256_POINT_LEN])
{
	struct slice content;
	struct slice bits;

	if (fields.len == 0)
		return 0;
	if (der_take(&fields, DER_CONTEXT_1, &content) != 0 || fields.len != 0 ||
		der_take_bits(&content, &bits) != 0 || content.len != 0)
		return -EINVAL;
	if (bits.len != 1 + P256_POINT_LEN || bits.data[0] != 0x04)
		return -EINVAL;
	return memcmp(bits.data + 1, point, P256_POINT_LEN) == 0 ? 0 : -EKEYREJECTED;
}

/* ECPrivateKey of RFC 5915; in PKCS#8 the curve is named outside, then curve_known. */
static int read_ec(struct slice der, bool curve_known, struct sign_private *key)
{
	uint8_t point[P256_POINT_LEN];
	struct slice fields;
	struct slice version;
	struct slice scalar;
	struct slice parameters;
	int err;

	if (der_take(&der, DER_SEQUENCE, &fields) != 0 || der.len != 0 ||
		der_take_unsigned(&fields, &version) != 0 || version.len != 1 ||
		version.data[0] != 1 || der_take(&fields, DER_OCTET_STRING, &scalar) != 0)
		return -EINVAL;
	if (der_take(&fields, DER_CONTEXT_0, &parameters) == 0)
		curve_known = curve_ok(parameters);
	if (!curve_known)
		return -ENOTSUP;
	if (scalar.len != P256_LEN)
		return -EINVAL;
	err = p256_public(scalar.data, point);
	if (err == 0)
		err = check_public(fields, point);
	if (err == 0)
		err = sign_public_from_p256(point, &key->public);
	if (err != 0)
		return err;
	key->pkey = sign_pkey_p256(sign_public_bits(&key->public), scalar);
	return key->pkey != NULL ? 0 : -EIO;
}

/* PrivateKeyInfo of RFC 5958; what follows the key (attributes, its public half) is not needed. */
static int read_pkcs8(struct slice der, struct sign_private *key)
{
	static const uint8_t ed25519[] = {DER_OID, 3, 0x2b, 0x65, 0x70};
	static const uint8_t rsa[] = {
		DER_OID, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, DER_NULL, 0};
	static const uint8_t ec_oid[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
	struct slice fields;
	struct slice version;
	struct slice algorithm;
	struct slice oid;
	struct slice octets;

	if (der_take(&der, DER_SEQUENCE, &fields) != 0 || der.len != 0 ||
		der_take_unsigned(&fields, &version) != 0 || version.len > 1 ||
		der_take(&fields, DER_SEQUENCE, &algorithm) != 0 ||
		der_take(&fields, DER_OCTET_STRING, &octets) != 0)
		return -EINVAL;
	if (der_is(algorithm, ed25519, sizeof(ed25519)))
		return read_ed25519(octets, key);
	if (der_is(algorithm, rsa, sizeof(rsa)))
		return read_rsa(octets, key);
	if (der_take(&algorithm, DER_OID, &oid) == 0 && der_is(oid, ec_oid, sizeof(ec_oid)) &&
		curve_ok(algorithm))
		return read_ec(octets, true, key);
	return -ENOTSUP;
}

/* A damaged file whose halves disagree would sign what no peer can verify. */
static int check_pair(const struct sign_private *key)
{
	static const uint8_t text[] = "the two halves of a key";
	const struct sign_alg *alg = sign_choose(key->public.type, UINT32_MAX);
	struct slice in = {text, sizeof(text)};
	struct sign_value value;

	if (sign_make(key, alg, in, &value) != 0 ||
		sign_verify(&key->public, alg, in, (struct slice){value.data, value.len}) != 0)
		return -EKEYREJECTED;
	return 0;
}

struct form {
	const char *label;
	enum { PKCS8, PKCS1, SEC1, ENCRYPTED } kind;
};

static int read_form(const struct form *form, struct slice der, struct sign_private *key)
{
	switch (form->kind) {
	case PKCS8:
		return read_pkcs8(der, key);
	case PKCS1:
		return read_rsa(der, key);
	case SEC1:
		return read_ec(der, false, key);
	case ENCRYPTED:
		break;
	}
	return -EACCES;
}

static int read_pem(struct slice text, struct sign_private *key)
{
	static const struct form forms[] = {
		{"PRIVATE KEY", PKCS8},
		{"RSA PRIVATE KEY", PKCS1},
		{"EC PRIVATE KEY", SEC1},
		{"ENCRYPTED PRIVATE KEY", ENCRYPTED},
	};
	static const char legacy[] = "Proc-Type: 4,ENCRYPTED";
	uint8_t der[DER_MAX];
	struct slice body;
	size_t len = 0;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		int err = pem_find(text, forms[i].label, &body);

		if (err == -ENOENT)
			continue;
		if (err == 0 && pem_has(body, legacy))
			err = -EACCES;
		if (err == 0)
			err = pem_decode(body, der, sizeof(der), &len);
		if (err == 0)
			err = read_form(&forms[i], (struct slice){der, len}, key);
		secret_wipe(der, sizeof(der));
		return err;
	}
	return -ENOKEY;
}

static int read_base64(struct slice text, struct sign_private *key)
{
	uint8_t seed[SIGN_ED25519_LEN];
	size_t len = 0;
	int err = pem_decode(text, seed, sizeof(seed), &len);

	if (err == 0)
		err = read_seed((struct slice){seed, len}, key);
	secret_wipe(seed, sizeof(seed));
	return err == -EMSGSIZE ? -EINVAL : err;
}

/* Takes key. */
static int hand_over(int err, struct sign_private *key, struct sign_private **out)
{
	if (err == 0)
		err = check_pair(key);
	if (err != 0)
		sign_private_destroy(key);
	else
		*out = key;
	return err;
}

int sign_private_from_text(struct slice text, struct sign_private **out)
{
	struct sign_private *key;

	if (text.len > SIGN_TEXT_MAX)
		return -EMSGSIZE;
	key = calloc(1, sizeof(*key));
	if (key == NULL)
		return -ENOMEM;
	return hand_over(pem_is(text) ? read_pem(text, key) : read_base64(text, key), key, out);
}

int sign_private_from_seed(const uint8_t seed[SIGN_ED25519_LEN], struct sign_private **out)
{
	struct sign_private *key = calloc(1, sizeof(*key));

	if (key == NULL)
		return -ENOMEM;
	return hand_over(read_seed((struct slice){seed, SIGN_ED25519_LEN}, key), key, out);
}

void sign_private_destroy(struct sign_private *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	secret_wipe(key, sizeof(*key));
	free(key);
}

const struct sign_public *sign_private_public(const struct sign_private *key)
{
	return &key->public;
}
