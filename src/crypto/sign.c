/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of IKE's AUTH payload as a table: Ed25519, RSA, ECDSA P-256 (RFC 7427, 8420, 4754). */
#include "sign.h"

#include "sign_ops.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static int ed25519_make(const struct sign_private *key, const struct sign_alg *alg,
	struct slice text, struct sign_value *out)
{
	(void)alg;
	if (crypto_sign_detached(out->data, NULL, text.data, text.len, key->ed25519) != 0)
		return -EIO;
	out->len = crypto_sign_BYTES;
	return 0;
}

static int ed25519_verify(const struct sign_public *key, const struct sign_alg *alg,
	struct slice text, struct slice signature)
{
	struct slice raw = sign_public_bits(key);

	(void)alg;
	if (signature.len != crypto_sign_BYTES || raw.len != crypto_sign_PUBLICKEYBYTES ||
		crypto_sign_verify_detached(signature.data, text.data, text.len, raw.data) != 0)
		return -EBADMSG;
	return 0;
}

static const struct sign_ops ed25519 = {.make = ed25519_make, .verify = ed25519_verify};

/* RFC 8410 section 3, RFC 5758 section 3.2, RFC 4055 sections 5 and 3.1; RFC 7427 appendix A. */
static const uint8_t id_ed25519[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};
#define ECDSA_ID(last) \
	{ \
		0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, last \
	}
static const uint8_t id_ecdsa_256[] = ECDSA_ID(0x02);
static const uint8_t id_ecdsa_384[] = ECDSA_ID(0x03);
static const uint8_t id_ecdsa_512[] = ECDSA_ID(0x04);
#define RSA_ID(last) \
	{ \
		0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last, \
			0x05, 0x00 \
	}
static const uint8_t id_rsa_256[] = RSA_ID(0x0b);
static const uint8_t id_rsa_384[] = RSA_ID(0x0c);
static const uint8_t id_rsa_512[] = RSA_ID(0x0d);
/* The same hash for the text and for MGF1, the salt as long as the hash. */
#define PSS_ID(len, params_len, hash, ...) \
	{ \
		0x30, len, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, \
			params_len, 0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, \
			0x65, 0x03, 0x04, 0x02, hash, 0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a, 0x06, \
			0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, \
			0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, hash, 0x05, \
			0x00, 0xa2, 0x03, 0x02, 0x01, __VA_ARGS__ \
	}
static const uint8_t id_pss_256[] = PSS_ID(0x41, 0x34, 0x01, 32);
static const uint8_t id_pss_384[] = PSS_ID(0x41, 0x34, 0x02, 48);
static const uint8_t id_pss_512[] = PSS_ID(0x41, 0x34, 0x03, 64);
/* RFC 7427 A.4.3 writes the trailer field out, although DER leaves a default value out. */
static const uint8_t id_pss_256_long[] = PSS_ID(0x46, 0x39, 0x01, 32, 0xa3, 3, 2, 1, 1);
static const uint8_t id_pss_384_long[] = PSS_ID(0x46, 0x39, 0x02, 48, 0xa3, 3, 2, 1, 1);
static const uint8_t id_pss_512_long[] = PSS_ID(0x46, 0x39, 0x03, 64, 0xa3, 3, 2, 1, 1);

/* clang-format off */
#define DIGITAL(name, type, hash, id, ops) \
	{name, SIGN_METHOD_DIGITAL, type, hash, 0, {id, sizeof(id)}, {NULL, 0}, &(ops)}
#define PSS(name, hash, id, also) \
	{name, SIGN_METHOD_DIGITAL, SIGN_RSA, hash, 0, {id, sizeof(id)}, {also, sizeof(also)}, \
		&sign_evp_pss}
static const struct sign_alg table[] = {
	DIGITAL("ed25519", SIGN_ED25519, SIGN_HASH_IDENTITY, id_ed25519, ed25519),
	DIGITAL("ecdsa-p256-sha2-256", SIGN_ECDSA_P256, SIGN_HASH_SHA2_256, id_ecdsa_256, sign_evp),
	DIGITAL("ecdsa-p256-sha2-384", SIGN_ECDSA_P256, SIGN_HASH_SHA2_384, id_ecdsa_384, sign_evp),
	DIGITAL("ecdsa-p256-sha2-512", SIGN_ECDSA_P256, SIGN_HASH_SHA2_512, id_ecdsa_512, sign_evp),
	DIGITAL("rsa-sha2-256", SIGN_RSA, SIGN_HASH_SHA2_256, id_rsa_256, sign_evp),
	DIGITAL("rsa-sha2-384", SIGN_RSA, SIGN_HASH_SHA2_384, id_rsa_384, sign_evp),
	DIGITAL("rsa-sha2-512", SIGN_RSA, SIGN_HASH_SHA2_512, id_rsa_512, sign_evp),
	PSS("rsa-pss-sha2-256", SIGN_HASH_SHA2_256, id_pss_256, id_pss_256_long),
	PSS("rsa-pss-sha2-384", SIGN_HASH_SHA2_384, id_pss_384, id_pss_384_long),
	PSS("rsa-pss-sha2-512", SIGN_HASH_SHA2_512, id_pss_512, id_pss_512_long),
	{"ecdsa-p256", SIGN_METHOD_ECDSA_P256, SIGN_ECDSA_P256, SIGN_HASH_SHA2_256, 0,
		{NULL, 0}, {NULL, 0}, &sign_evp_plain},
	{"rsa-sha1", SIGN_METHOD_RSA, SIGN_RSA, SIGN_HASH_SHA1, 1, {NULL, 0},
		{NULL, 0}, &sign_evp},
};
/* clang-format on */

enum { ROWS = sizeof(table) / sizeof(table[0]) };

const struct sign_alg *sign_at(size_t index)
{
	return index < ROWS ? &table[index] : NULL;
}

const struct sign_alg *sign_by_name(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

static bool same(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

const struct sign_alg *sign_find(uint8_t method, struct slice wire_id)
{
	for (size_t i = 0; i < ROWS; i++)
		if (table[i].method == method &&
			(same(table[i].wire_id, wire_id) ||
				(wire_id.len != 0 && same(table[i].also_id, wire_id))))
			return &table[i];
	return NULL;
}

static bool suits(const struct sign_alg *alg, enum sign_key_type type, uint32_t hashes)
{
	if (alg->type != type || alg->verify_only)
		return false;
	if (hashes == 0)
		return alg->method != SIGN_METHOD_DIGITAL;
	return alg->method == SIGN_METHOD_DIGITAL && (hashes >> alg->hash & 1) != 0;
}

const struct sign_alg *sign_choose(enum sign_key_type type, uint32_t hashes)
{
	for (size_t i = 0; i < ROWS; i++)
		if (suits(&table[i], type, hashes))
			return &table[i];
	return NULL;
}

uint32_t sign_hashes(enum sign_key_type type)
{
	uint32_t hashes = 0;

	for (size_t i = 0; i < ROWS; i++)
		if (table[i].type == type && table[i].method == SIGN_METHOD_DIGITAL)
			hashes |= UINT32_C(1) << table[i].hash;
	return hashes;
}

/* The libraries declare their pointers non-NULL, an empty slice may hold NULL. */
static struct slice not_null(struct slice s)
{
	static const uint8_t none[1];

	return s.len != 0 ? s : (struct slice){none, 0};
}

int sign_make(const struct sign_private *key, const struct sign_alg *alg, struct slice text,
	struct sign_value *out)
{
	if (alg->type != key->public.type || alg->verify_only)
		return -EINVAL;
	return alg->ops->make(key, alg, not_null(text), out);
}

int sign_verify(const struct sign_public *key, const struct sign_alg *alg, struct slice text,
	struct slice signature)
{
	if (alg->type != key->type)
		return -EINVAL;
	if (signature.len == 0 || signature.len > SIGN_VALUE_MAX)
		return -EBADMSG;
	return alg->ops->verify(key, alg, not_null(text), signature);
}
