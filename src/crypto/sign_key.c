/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys of signatures: SubjectPublicKeyInfo (RFC 7670, 8410, 5480, 8017), PEM and base64. */
#include "sign_key.h"

#include "der.h"
#include "hash.h"
#include "p256.h"
#include "pem.h"

#include <sodium.h>

#include <errno.h>
#include <string.h>

/* SubjectPublicKeyInfo up to the BIT STRING's octets: algorithm, curve, and no unused bits. */
static const uint8_t ed25519_id[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};
static const uint8_t p256_id[] = {0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
	0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t rsa_id[] = {
	0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};

static const struct algorithm {
	enum sign_key_type type;
	const char *name;
	struct slice id;
} table[] = {
	{SIGN_ED25519, "ed25519", {ed25519_id, sizeof(ed25519_id)}},
	{SIGN_RSA, "rsa", {rsa_id, sizeof(rsa_id)}},
	{SIGN_ECDSA_P256, "ecdsa-p256", {p256_id, sizeof(p256_id)}},
};

enum { ROWS = sizeof(table) / sizeof(table[0]) };

static const struct algorithm *row(enum sign_key_type type)
{
	for (size_t i = 0; i < ROWS; i++)
		if (table[i].type == type)
			return &table[i];
	return NULL;
}

const char *sign_key_type_name(enum sign_key_type type)
{
	const struct algorithm *algorithm = row(type);

	return algorithm != NULL ? algorithm->name : "none";
}

static int wrap(enum sign_key_type type, struct slice bits, struct sign_public *out)
{
	static const uint8_t no_unused_bits = 0;
	const struct algorithm *algorithm = row(type);
	uint8_t spki[SIGN_SPKI_MAX];
	uint8_t *end = spki + sizeof(spki);
	struct der_out der = {.start = spki, .at = end};

	der_put(&der, bits.data, bits.len);
	der_put(&der, &no_unused_bits, 1);
	der_put_head(&der, DER_BIT_STRING, bits.len + 1);
	der_put(&der, algorithm->id.data, algorithm->id.len);
	der_put_head(&der, DER_SEQUENCE, (size_t)(end - der.at));
	if (der.overrun)
		return -ERANGE;
	out->type = type;
	out->spki_len = (uint16_t)(end - der.at);
	memcpy(out->spki, der.at, out->spki_len);
	memset(out->spki + out->spki_len, 0, sizeof(out->spki) - out->spki_len);
	return 0;
}

int sign_public_from_ed25519(const uint8_t raw[SIGN_ED25519_LEN], struct sign_public *out)
{
	if (crypto_core_ed25519_is_valid_point(raw) != 1)
		return -EINVAL;
	return wrap(SIGN_ED25519, (struct slice){raw, SIGN_ED25519_LEN}, out);
}

int sign_public_from_p256(const uint8_t point[P256_POINT_LEN], struct sign_public *out)
{
	uint8_t bits[1 + P256_POINT_LEN] = {0x04};
	int err = p256_check(point);

	if (err != 0)
		return err;
	memcpy(bits + 1, point, P256_POINT_LEN);
	return wrap(SIGN_ECDSA_P256, (struct slice){bits, sizeof(bits)}, out);
}

static struct slice trim(struct slice value)
{
	while (value.len > 0 && value.data[0] == 0)
		value = (struct slice){value.data + 1, value.len - 1};
	return value;
}

/* Of a number without leading zero octets. */
static size_t bit_length(struct slice value)
{
	size_t bits = value.len * 8;

	for (unsigned top = value.len != 0 ? value.data[0] : 0x80; top < 0x80; top <<= 1)
		bits--;
	return bits;
}

/* The exponent 1 would make every signature its own text. */
static int check_rsa(struct slice n, struct slice e)
{
	size_t bits = bit_length(n);

	if (bits < SIGN_RSA_BITS_MIN || bits > SIGN_RSA_BITS_MAX)
		return -ERANGE;
	if (e.len == 0 || (e.len == 1 && e.data[0] < 3))
		return -EINVAL;
	if (e.len > SIGN_RSA_EXPONENT_MAX)
		return -ERANGE;
	return (n.data[n.len - 1] & e.data[e.len - 1] & 1) == 1 ? 0 : -EINVAL;
}

int sign_public_from_rsa(struct slice n, struct slice e, struct sign_public *out)
{
	uint8_t bits[SIGN_SPKI_MAX];
	uint8_t *end = bits + sizeof(bits);
	struct der_out der = {.start = bits, .at = end};
	int err;

	n = trim(n);
	e = trim(e);
	err = check_rsa(n, e);
	if (err != 0)
		return err;
	der_put_unsigned(&der, e);
	der_put_unsigned(&der, n);
	der_put_head(&der, DER_SEQUENCE, (size_t)(end - der.at));
	return der.overrun ? -ERANGE
			   : wrap(SIGN_RSA, (struct slice){der.at, (size_t)(end - der.at)}, out);
}

static int read_rsa(struct slice bits, struct sign_public *out)
{
	struct slice fields;
	struct slice n;
	struct slice e;

	if (der_take(&bits, DER_SEQUENCE, &fields) != 0 || bits.len != 0 ||
		der_take_unsigned(&fields, &n) != 0 || der_take_unsigned(&fields, &e) != 0 ||
		fields.len != 0)
		return -EINVAL;
	return sign_public_from_rsa(n, e, out);
}

static int read_bits(enum sign_key_type type, struct slice bits, struct sign_public *out)
{
	switch (type) {
	case SIGN_ED25519:
		return bits.len == SIGN_ED25519_LEN ? sign_public_from_ed25519(bits.data, out)
						    : -EINVAL;
	case SIGN_ECDSA_P256:
		if (bits.len != 1 + P256_POINT_LEN || bits.data[0] != 0x04)
			return -EINVAL;
		return sign_public_from_p256(bits.data + 1, out);
	case SIGN_RSA:
		return read_rsa(bits, out);
	}
	return -ENOTSUP;
}

/* One well-formed SubjectPublicKeyInfo: algorithm is its AlgorithmIdentifier with the head. */
static int split(struct slice der, struct slice *algorithm, struct slice *bits)
{
	struct slice fields;
	struct slice content;

	if (der_take(&der, DER_SEQUENCE, &fields) != 0 || der.len != 0)
		return -EINVAL;
	algorithm->data = fields.data;
	if (der_take(&fields, DER_SEQUENCE, &content) != 0)
		return -EINVAL;
	algorithm->len = (size_t)(fields.data - algorithm->data);
	return der_take_bits(&fields, bits) == 0 && fields.len == 0 ? 0 : -EINVAL;
}

int sign_public_from_spki(struct slice der, struct sign_public *out)
{
	struct slice algorithm;
	struct slice bits;
	int err = split(der, &algorithm, &bits);

	if (err != 0)
		return err;
	for (size_t i = 0; i < ROWS; i++)
		if (der_is(algorithm, table[i].id.data, table[i].id.len))
			return read_bits(table[i].type, bits, out);
	return -ENOTSUP;
}

struct slice sign_public_bits(const struct sign_public *key)
{
	struct slice algorithm;
	struct slice bits = {NULL, 0};

	split((struct slice){key->spki, key->spki_len}, &algorithm, &bits);
	return bits;
}

int sign_public_from_text(struct slice text, struct sign_public *out)
{
	/* A little more than fits, so that RSA-8192 is told apart from what is no key at all. */
	uint8_t der[2 * SIGN_SPKI_MAX];
	struct slice body = text;
	size_t len = 0;
	int err = 0;

	if (text.len > SIGN_TEXT_MAX)
		return -EMSGSIZE;
	if (pem_is(text))
		err = pem_find(text, "PUBLIC KEY", &body);
	if (err == -ENOENT)
		return -ENOKEY;
	if (err == 0)
		err = pem_decode(body, der, sizeof(der), &len);
	if (err != 0)
		return err;
	if (len == SIGN_ED25519_LEN)
		return sign_public_from_ed25519(der, out);
	return sign_public_from_spki((struct slice){der, len}, out);
}

void sign_public_fingerprint(
	const struct sign_public *key, uint8_t fingerprint[SIGN_FINGERPRINT_LEN])
{
	hash_sha256((struct slice){key->spki, key->spki_len}, fingerprint);
}

bool sign_public_equal(const struct sign_public *a, const struct sign_public *b)
{
	return a->spki_len == b->spki_len && memcmp(a->spki, b->spki, a->spki_len) == 0;
}

const char *sign_key_error(int err)
{
	switch (err) {
	case -EINVAL:
		return "no key: neither PEM nor base64 of a key, or its content is damaged";
	case -ENOKEY:
		return "PEM of something else: a private key stands in a block \"PRIVATE KEY\", a "
		       "public one in \"PUBLIC KEY\"";
	case -ENOTSUP:
		return "a key of another kind than Ed25519, ECDSA P-256 or RSA";
	case -ERANGE:
		return "an RSA key must have 2048 to 4096 bits and an exponent of at most 32";
	case -EACCES:
		return "the key is encrypted; only keys without a passphrase can be read";
	case -EKEYREJECTED:
		return "the private key does not belong to the public key in it";
	case -EMSGSIZE:
		return "the file is too large to be a key";
	default:
		return "the cryptographic library failed, most likely for lack of memory";
	}
}
