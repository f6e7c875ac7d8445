/* SPDX-License-Identifier: Apache-2.0 */
/* RSA (RFC 8017) and ECDSA P-256 (RFC 5480, 4754) by OpenSSL; inside this wing only. */
#include "sign_ops.h"

#include "der.h"
#include "libcrypto.h"
#include "p256.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <errno.h>
#include <string.h>

enum { ECDSA_DER_MAX = 72 }; /* two INTEGERs of at most 33 octets and three heads */

static const char *digest_name(uint8_t hash)
{
	static const char *const names[] = {
		[SIGN_HASH_SHA1] = "SHA1",
		[SIGN_HASH_SHA2_256] = "SHA256",
		[SIGN_HASH_SHA2_384] = "SHA384",
		[SIGN_HASH_SHA2_512] = "SHA512",
	};

	return names[hash];
}

/* MGF1 takes the hash of the text, as the identifiers of the table say. */
static bool set_pss(EVP_PKEY_CTX *context)
{
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static int make(
	EVP_PKEY *pkey, const struct sign_alg *alg, struct slice text, struct sign_value *out)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *of_key = NULL;
	size_t len = sizeof(out->data);
	int err = -EIO;

	if (context != NULL &&
		EVP_DigestSignInit_ex(
			context, &of_key, digest_name(alg->hash), NULL, NULL, pkey, NULL) == 1 &&
		(alg->ops != &sign_evp_pss || set_pss(of_key)) &&
		EVP_DigestSign(context, out->data, &len, text.data, text.len) == 1)
		err = 0;
	out->len = err == 0 ? (uint16_t)len : 0;
	EVP_MD_CTX_free(context);
	libcrypto_forget_errors();
	return err;
}

static int verify(
	EVP_PKEY *pkey, const struct sign_alg *alg, struct slice text, struct slice signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *of_key = NULL;
	int err = -EIO;

	if (context != NULL &&
		EVP_DigestVerifyInit_ex(
			context, &of_key, digest_name(alg->hash), NULL, NULL, pkey, NULL) == 1 &&
		(alg->ops != &sign_evp_pss || set_pss(of_key)))
		err = EVP_DigestVerify(
			      context, signature.data, signature.len, text.data, text.len) == 1
			      ? 0
			      : -EBADMSG;
	EVP_MD_CTX_free(context);
	libcrypto_forget_errors();
	return err;
}

static int evp_make(const struct sign_private *key, const struct sign_alg *alg, struct slice text,
	struct sign_value *out)
{
	return make(key->pkey, alg, text, out);
}

static int evp_verify(const struct sign_public *key, const struct sign_alg *alg, struct slice text,
	struct slice signature)
{
	EVP_PKEY *pkey = sign_pkey_public(key);
	int err = pkey != NULL ? verify(pkey, alg, text, signature) : -EIO;

	EVP_PKEY_free(pkey);
	return err;
}

/* Ecdsa-Sig-Value (RFC 3279 2.2.3) into r | s. */
static int to_plain(struct sign_value *value)
{
	struct slice in = {value->data, value->len};
	uint8_t plain[P256_POINT_LEN] = {0};
	struct slice fields;
	struct slice r;
	struct slice s;

	if (der_take(&in, DER_SEQUENCE, &fields) != 0 || der_take_unsigned(&fields, &r) != 0 ||
		der_take_unsigned(&fields, &s) != 0 || r.len > P256_LEN || s.len > P256_LEN)
		return -EIO;
	memcpy(plain + P256_LEN - r.len, r.data, r.len);
	memcpy(plain + P256_POINT_LEN - s.len, s.data, s.len);
	memcpy(value->data, plain, sizeof(plain));
	value->len = sizeof(plain);
	return 0;
}

static int plain_make(const struct sign_private *key, const struct sign_alg *alg, struct slice text,
	struct sign_value *out)
{
	int err = evp_make(key, alg, text, out);

	return err == 0 ? to_plain(out) : err;
}

static int plain_verify(const struct sign_public *key, const struct sign_alg *alg,
	struct slice text, struct slice signature)
{
	uint8_t octets[ECDSA_DER_MAX];
	uint8_t *end = octets + sizeof(octets);
	struct der_out der = {.start = octets, .at = end};

	if (signature.len != P256_POINT_LEN)
		return -EBADMSG;
	der_put_unsigned(&der, (struct slice){signature.data + P256_LEN, P256_LEN});
	der_put_unsigned(&der, (struct slice){signature.data, P256_LEN});
	der_put_head(&der, DER_SEQUENCE, (size_t)(end - der.at));
	return evp_verify(key, alg, text, (struct slice){der.at, (size_t)(end - der.at)});
}

const struct sign_ops sign_evp = {.make = evp_make, .verify = evp_verify};
const struct sign_ops sign_evp_pss = {.make = evp_make, .verify = evp_verify};
const struct sign_ops sign_evp_plain = {.make = plain_make, .verify = plain_verify};
