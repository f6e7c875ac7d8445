/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC-SHA-384 and AES-CMAC-PRF-128 (RFC 4868, 4615) by OpenSSL. */
#include "prf_ops.h"

#include "libcrypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <errno.h>

enum { CMAC_LEN = 16 };

/* Fetched once per module. */
static struct {
	CRYPTO_ONCE once;
	EVP_MAC *hmac;
	EVP_MAC *cmac;
} table = {.once = CRYPTO_ONCE_STATIC_INIT};

static void fetch(void)
{
	if (libcrypto_init() != 0)
		return;
	table.hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	table.cmac = EVP_MAC_fetch(NULL, "CMAC", NULL);
}

static __attribute__((destructor)) void give_back(void)
{
	if ((table.hmac == NULL && table.cmac == NULL) || !libcrypto_running())
		return;
	EVP_MAC_free(table.hmac);
	EVP_MAC_free(table.cmac);
}

static int start(
	union prf_state *state, EVP_MAC *const *mac, const OSSL_PARAM *params, struct slice key)
{
	if (CRYPTO_THREAD_run_once(&table.once, fetch) != 1 || *mac == NULL)
		return -EIO;
	state->context = EVP_MAC_CTX_new(*mac);
	if (state->context != NULL && EVP_MAC_init(state->context, key.data, key.len, params) == 1)
		return 0;
	EVP_MAC_CTX_free(state->context);
	libcrypto_forget_errors();
	return -EIO;
}

static int add(union prf_state *state, struct slice part)
{
	return EVP_MAC_update(state->context, part.data, part.len) == 1 ? 0 : -EIO;
}

static int finish(union prf_state *state, uint8_t *out)
{
	size_t len;
	int err = 0;

	if (out != NULL && EVP_MAC_final(state->context, out, &len, PRF_LEN_MAX) != 1)
		err = -EIO;
	EVP_MAC_CTX_free(state->context);
	return err;
}

static int start_sha384(union prf_state *state, struct slice key)
{
	static char digest[] = "SHA384";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return start(state, &table.hmac, params, key);
}

static int start_aes128(union prf_state *state, struct slice key)
{
	static char cipher[] = "AES-128-CBC";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
		OSSL_PARAM_construct_end(),
	};

	return start(state, &table.cmac, params, key);
}

/* A key of another length than 16 is first made one, by CMAC under the key zero (RFC 4615 3). */
static int start_cmac(union prf_state *state, struct slice key)
{
	static const uint8_t zero[CMAC_LEN];
	uint8_t made[PRF_LEN_MAX];
	int err;

	if (key.len == CMAC_LEN)
		return start_aes128(state, key);
	err = start_aes128(state, (struct slice){zero, sizeof(zero)});
	if (err != 0)
		return err;
	err = add(state, key);
	if (finish(state, err == 0 ? made : NULL) != 0 || err != 0)
		return -EIO;
	err = start_aes128(state, (struct slice){made, CMAC_LEN});
	sodium_memzero(made, sizeof(made));
	return err;
}

const struct prf_ops prf_mac_sha384 = {.start = start_sha384, .add = add, .finish = finish};
const struct prf_ops prf_mac_cmac = {.start = start_cmac, .add = add, .finish = finish};
