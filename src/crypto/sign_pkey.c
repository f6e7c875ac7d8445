/* SPDX-License-Identifier: Apache-2.0 */
/* Signature keys as OpenSSL has them (RFC 8017, 5480); inside this wing only. */
#include "sign_pkey.h"

#include "der.h"
#include "libcrypto.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

static EVP_PKEY *from_params(const char *type, int selection, OSSL_PARAM_BLD *build)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY *pkey = NULL;

	if (context == NULL || params == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
		EVP_PKEY_fromdata(context, &pkey, selection, params) != 1)
		pkey = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(context);
	libcrypto_forget_errors();
	return pkey;
}

/* The builder borrows the number; secret ones are wiped with it and with the parameters. */
static bool push(OSSL_PARAM_BLD *build, const char *name, struct slice value, BIGNUM **number)
{
	*number = BN_secure_new();
	return *number != NULL && BN_bin2bn(value.data, (int)value.len, *number) != NULL &&
	       OSSL_PARAM_BLD_push_BN(build, name, *number) == 1;
}

EVP_PKEY *sign_pkey_rsa(const struct slice *numbers, size_t n_numbers)
{
	static const char *const names[RSA_NUMBERS] = {
		[RSA_N] = OSSL_PKEY_PARAM_RSA_N,
		[RSA_E] = OSSL_PKEY_PARAM_RSA_E,
		[RSA_D] = OSSL_PKEY_PARAM_RSA_D,
		[RSA_P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
		[RSA_Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,
		[RSA_DP] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
		[RSA_DQ] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
		[RSA_QI] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};
	int selection = n_numbers == RSA_PUBLIC ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR;
	OSSL_PARAM_BLD *build = libcrypto_init() == 0 ? OSSL_PARAM_BLD_new() : NULL;
	BIGNUM *values[RSA_NUMBERS] = {NULL};
	EVP_PKEY *pkey = NULL;
	bool ok = build != NULL;

	for (size_t i = 0; ok && i < n_numbers; i++)
		ok = push(build, names[i], numbers[i], &values[i]);
	if (ok)
		pkey = from_params("RSA", selection, build);
	for (size_t i = 0; i < n_numbers; i++)
		BN_clear_free(values[i]);
	OSSL_PARAM_BLD_free(build);
	return pkey;
}

EVP_PKEY *sign_pkey_p256(struct slice point, struct slice scalar)
{
	int selection = scalar.len == 0 ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR;
	OSSL_PARAM_BLD *build = libcrypto_init() == 0 ? OSSL_PARAM_BLD_new() : NULL;
	BIGNUM *number = NULL;
	EVP_PKEY *pkey = NULL;

	if (build != NULL &&
		OSSL_PARAM_BLD_push_utf8_string(
			build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
		OSSL_PARAM_BLD_push_octet_string(
			build, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len) == 1 &&
		(scalar.len == 0 || push(build, OSSL_PKEY_PARAM_PRIV_KEY, scalar, &number)))
		pkey = from_params("EC", selection, build);
	BN_clear_free(number);
	OSSL_PARAM_BLD_free(build);
	return pkey;
}

EVP_PKEY *sign_pkey_public(const struct sign_public *key)
{
	struct slice bits = sign_public_bits(key);
	struct slice numbers[RSA_PUBLIC];
	struct slice fields;

	if (key->type == SIGN_ECDSA_P256)
		return sign_pkey_p256(bits, (struct slice){NULL, 0});
	if (key->type != SIGN_RSA || der_take(&bits, DER_SEQUENCE, &fields) != 0 ||
		der_take_unsigned(&fields, &numbers[RSA_N]) != 0 ||
		der_take_unsigned(&fields, &numbers[RSA_E]) != 0)
		return NULL;
	return sign_pkey_rsa(numbers, RSA_PUBLIC);
}
