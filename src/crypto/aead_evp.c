/* SPDX-License-Identifier: Apache-2.0 */
/* AES-GCM (RFC 4106), AES-CCM (RFC 4309) and ChaCha20-Poly1305 (RFC 7634) by OpenSSL: keyed once.
 */
#include "aead_ops.h"

#include "libcrypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <errno.h>
#include <limits.h>

enum mode { CCM, GCM, CHACHA, MODES };

enum { KEY_SIZES = 3 };

/* Fetched once per process: a fetch costs more than a packet. */
static struct {
	CRYPTO_ONCE once;
	EVP_CIPHER *cipher[MODES][KEY_SIZES];
} table = {.once = CRYPTO_ONCE_STATIC_INIT};

static void fetch_all(void)
{
	static const char *const names[MODES][KEY_SIZES] = {
		[CCM] = {"AES-128-CCM", "AES-192-CCM", "AES-256-CCM"},
		[GCM] = {"AES-128-GCM", "AES-192-GCM", "AES-256-GCM"},
		[CHACHA] = {NULL, NULL, "ChaCha20-Poly1305"},
	};

	if (libcrypto_init() != 0)
		return;
	for (int mode = 0; mode < MODES; mode++)
		for (int size = 0; size < KEY_SIZES; size++)
			if (names[mode][size] != NULL)
				table.cipher[mode][size] =
					EVP_CIPHER_fetch(NULL, names[mode][size], NULL);
}

/* A module that is unloaded takes its table along; at the process's end libcrypto may be gone. */
static __attribute__((destructor)) void give_back(void)
{
	if (table.cipher[0][0] == NULL || !libcrypto_running())
		return;
	for (size_t i = 0; i < sizeof(table.cipher) / sizeof(table.cipher[0]); i++)
		for (size_t k = 0; k < sizeof(table.cipher[0]) / sizeof(table.cipher[0][0]); k++)
			EVP_CIPHER_free(table.cipher[i][k]);
}

/* RFC 4309 has three octets of salt, RFC 4106 four. */
static bool is_ccm(const struct aead_suite *suite)
{
	return suite->salt_len == 3;
}

static enum mode mode_of(const struct aead_suite *suite)
{
	if (suite->encr == ENCR_CHACHA20_POLY1305 || suite->encr == ENCR_CHACHA20_POLY1305_IIV)
		return CHACHA;
	return is_ccm(suite) ? CCM : GCM;
}

static const EVP_CIPHER *cipher_of(const struct aead_suite *suite)
{
	if (CRYPTO_THREAD_run_once(&table.once, fetch_all) != 1)
		return NULL;
	return table.cipher[mode_of(suite)][suite->key_len / 8 - 2];
}

void *aead_evp_create(void)
{
	return libcrypto_init() == 0 ? EVP_CIPHER_CTX_new() : NULL;
}

void aead_evp_destroy(void *context)
{
	EVP_CIPHER_CTX_free(context);
}

void aead_evp_wipe(void *context)
{
	EVP_CIPHER_CTX_reset(context);
}

/* Nonce and ICV length come before the key: both are part of CCM's first block. */
static bool set_cipher(EVP_CIPHER_CTX *context, const struct aead_suite *suite, int encrypt)
{
	const EVP_CIPHER *cipher = cipher_of(suite);
	int nonce_len = suite->salt_len + 8;

	return cipher != NULL &&
	       EVP_CipherInit_ex(context, cipher, NULL, NULL, NULL, encrypt) == 1 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, nonce_len, NULL) == 1;
}

static bool set_icv_len(EVP_CIPHER_CTX *context, const struct aead_suite *suite)
{
	return !is_ccm(suite) ||
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, suite->icv_len, NULL) == 1;
}

int aead_evp_rekey(void *context, const struct aead_key *key, const struct aead_suite *keyed)
{
	int encrypt = key->seal ? 1 : 0;

	if (keyed != key->suite && !set_cipher(context, key->suite, encrypt))
		return -EIO;
	if (!set_icv_len(context, key->suite))
		return -EIO;
	if (EVP_CipherInit_ex(context, NULL, NULL, key->keymat, NULL, encrypt) != 1)
		return -EIO;
	return 0;
}

/* CCM authenticates the length of the text, so it must know it before the AAD. */
static bool begin(
	EVP_CIPHER_CTX *context, const struct aead_suite *suite, const struct aead_job *job)
{
	int n;

	if (is_ccm(suite) && EVP_CipherUpdate(context, NULL, &n, NULL, (int)job->len) != 1)
		return false;
	return job->aad.len == 0 ||
	       EVP_CipherUpdate(context, NULL, &n, job->aad.data, (int)job->aad.len) == 1;
}

static bool finish(EVP_CIPHER_CTX *context, const struct aead_job *job)
{
	int n;

	return EVP_CipherFinal_ex(context, job->data + job->len, &n) == 1;
}

static bool fits(const struct aead_job *job)
{
	return job->len <= INT_MAX && job->aad.len <= INT_MAX;
}

/* Without EVP_CIPHER_CTX_ctrl around it, a short packet costs up to a tenth less. */
static void icv_param(
	OSSL_PARAM param[2], const struct aead_suite *suite, const struct aead_job *job)
{
	param[0] = OSSL_PARAM_construct_octet_string(
		OSSL_CIPHER_PARAM_AEAD_TAG, job->data + job->len, suite->icv_len);
	param[1] = OSSL_PARAM_construct_end();
}

static int seal(void *context, const struct aead_key *key, const struct aead_job *job)
{
	const struct aead_suite *suite = key->suite;
	OSSL_PARAM icv[2];
	int n;

	icv_param(icv, suite, job);
	if (!fits(job) || EVP_EncryptInit_ex(context, NULL, NULL, NULL, job->nonce) != 1 ||
		!begin(context, suite, job) ||
		EVP_EncryptUpdate(context, job->data, &n, job->data, (int)job->len) != 1 ||
		!finish(context, job) || EVP_CIPHER_CTX_get_params(context, icv) != 1)
		return -EIO;
	return 0;
}

static int refuse(void)
{
	/* OpenSSL queues an error for a wrong CCM tag, and another reader would take it for his. */
	if (ERR_peek_error() != 0)
		ERR_clear_error();
	return -EBADMSG;
}

static int open(void *context, const struct aead_key *key, const struct aead_job *job)
{
	const struct aead_suite *suite = key->suite;
	OSSL_PARAM icv[2];
	int n;

	icv_param(icv, suite, job);
	if (!fits(job) || EVP_DecryptInit_ex(context, NULL, NULL, NULL, job->nonce) != 1 ||
		EVP_CIPHER_CTX_set_params(context, icv) != 1 || !begin(context, suite, job) ||
		EVP_DecryptUpdate(context, job->data, &n, job->data, (int)job->len) != 1)
		return refuse();
	/* CCM has verified in the update already, and a final would only report that again. */
	return is_ccm(suite) || finish(context, job) ? 0 : refuse();
}

const struct aead_ops aead_evp = {
	.provider = "OpenSSL",
	.pooled = true,
	.seal = seal,
	.open = open,
};
