/* SPDX-License-Identifier: Apache-2.0 */
/* AEAD suites as a table (RFC 4106, 4309, 7634, 8750); seal and open go to the row. */
#include "aead.h"

#include "aead_ops.h"
#include "aead_pool.h"
#ifdef DIETVPN_SEAL_LOG
#include "seal_log.h"
#endif

#include <sodium.h>

#include <assert.h>
#include <errno.h>
#include <string.h>

#define CHACHA(encr_, name_, iv_) \
	{ \
		.encr = (encr_), .name = (name_), .key_len = 32, .salt_len = 4, .iv_len = (iv_), \
		.icv_len = 16, .ops = &aead_sodium \
	}
#define AES(encr_, name_, key_, salt_, iv_, icv_) \
	{ \
		.encr = (encr_), .name = (name_), .key_len = (key_), .salt_len = (salt_), \
		.iv_len = (iv_), .icv_len = (icv_), .ops = &aead_evp \
	}
#define GCM(encr_, name_, key_, iv_, icv_) AES(encr_, name_, key_, 4, iv_, icv_)
#define CCM(encr_, name_, key_, iv_, icv_) AES(encr_, name_, key_, 3, iv_, icv_)

/* In the order of preference. */
static const struct aead_suite suites[] = {
	CHACHA(ENCR_CHACHA20_POLY1305, "chacha20-poly1305", 8),
	CHACHA(ENCR_CHACHA20_POLY1305_IIV, "chacha20-poly1305-iiv", 0),
	GCM(ENCR_AES_GCM_16, "aes-gcm-16", 16, 8, 16),
	GCM(ENCR_AES_GCM_16_IIV, "aes-gcm-16-iiv", 16, 0, 16),
	GCM(ENCR_AES_GCM_12, "aes-gcm-12", 16, 8, 12),
	GCM(ENCR_AES_GCM_8, "aes-gcm-8", 16, 8, 8),
	CCM(ENCR_AES_CCM_8, "aes-ccm-8", 16, 8, 8),
	CCM(ENCR_AES_CCM_8_IIV, "aes-ccm-8-iiv", 16, 0, 8),
	CCM(ENCR_AES_CCM_12, "aes-ccm-12", 16, 8, 12),
	CCM(ENCR_AES_CCM_16, "aes-ccm-16", 16, 8, 16),
	GCM(ENCR_AES_GCM_16, "aes256-gcm-16", 32, 8, 16),
	GCM(ENCR_AES_GCM_16_IIV, "aes256-gcm-16-iiv", 32, 0, 16),
	GCM(ENCR_AES_GCM_12, "aes256-gcm-12", 32, 8, 12),
	GCM(ENCR_AES_GCM_8, "aes256-gcm-8", 32, 8, 8),
	CCM(ENCR_AES_CCM_8, "aes256-ccm-8", 32, 8, 8),
	CCM(ENCR_AES_CCM_8_IIV, "aes256-ccm-8-iiv", 32, 0, 8),
	CCM(ENCR_AES_CCM_12, "aes256-ccm-12", 32, 8, 12),
	CCM(ENCR_AES_CCM_16, "aes256-ccm-16", 32, 8, 16),
	/* From here on only for who asks by name or number. */
	GCM(ENCR_AES_GCM_16, "aes192-gcm-16", 24, 8, 16),
	GCM(ENCR_AES_GCM_16_IIV, "aes192-gcm-16-iiv", 24, 0, 16),
	GCM(ENCR_AES_GCM_12, "aes192-gcm-12", 24, 8, 12),
	GCM(ENCR_AES_GCM_8, "aes192-gcm-8", 24, 8, 8),
	CCM(ENCR_AES_CCM_8, "aes192-ccm-8", 24, 8, 8),
	CCM(ENCR_AES_CCM_8_IIV, "aes192-ccm-8-iiv", 24, 0, 8),
	CCM(ENCR_AES_CCM_12, "aes192-ccm-12", 24, 8, 12),
	CCM(ENCR_AES_CCM_16, "aes192-ccm-16", 24, 8, 16),
};

enum { CHACHA_BLOCK = 64 };

enum { SUITES = sizeof(suites) / sizeof(suites[0]), PREFERRED = 18, IV_LEN = 8 };

const struct aead_suite *aead_suite_find(enum encr encr, size_t keymat_len)
{
	for (size_t i = 0; i < SUITES; i++) {
		const struct aead_suite *suite = &suites[i];

		if (suite->encr == encr && (size_t)suite->key_len + suite->salt_len == keymat_len)
			return suite;
	}
	return NULL;
}

const struct aead_suite *aead_suite_by_name(const char *name)
{
	for (size_t i = 0; i < SUITES; i++)
		if (strcmp(suites[i].name, name) == 0)
			return &suites[i];
	return NULL;
}

const struct aead_suite *aead_suite_at(size_t index)
{
	return index < PREFERRED ? &suites[index] : NULL;
}

size_t aead_even_len(const struct aead_suite *suite, size_t len)
{
	bool chacha =
		suite->encr == ENCR_CHACHA20_POLY1305 || suite->encr == ENCR_CHACHA20_POLY1305_IIV;

	return chacha ? len - len % CHACHA_BLOCK : len;
}

void aead_key_init(struct aead_key *key, struct aead_pool *pool, const struct aead_suite *suite,
	const uint8_t *keymat)
{
	assert(pool != NULL || !suite->ops->pooled);
	memset(key, 0, sizeof(*key));
	key->suite = suite;
	key->pool = pool;
	memcpy(key->keymat, keymat, (size_t)suite->key_len + suite->salt_len);
}

void aead_key_fini(struct aead_key *key)
{
	aead_pool_release(key);
	sodium_memzero(key, sizeof(*key));
}

const char *aead_provider(const struct aead_key *key)
{
	const struct aead_ops *ops = key->suite->ops;

	return ops->pooled || key->pool == NULL ? ops->provider : aead_pool_chacha(key->pool);
}

static void make_nonce(const struct aead_key *key, const uint8_t iv[8], struct aead_job *job)
{
	memcpy(job->nonce, key->keymat + key->suite->key_len, key->suite->salt_len);
	memcpy(job->nonce + key->suite->salt_len, iv, IV_LEN);
}

/* Who works on len octets of text, and his context, NULL where none is needed. NULL: no memory. */
static const struct aead_ops *choose(struct aead_key *key, size_t len, bool seal, void **context)
{
	const struct aead_ops *ops = key->suite->ops;

	*context = NULL;
	if (!ops->pooled && (key->pool == NULL || !aead_pool_prefers_evp(key->pool, len)))
		return ops;
	*context = aead_pool_context(key, seal);
	if (*context != NULL)
		return &aead_evp;
	return ops->pooled ? NULL : ops;
}

int aead_seal(
	struct aead_key *key, const uint8_t iv[8], struct slice aad, uint8_t *data, size_t len)
{
	struct aead_job job = {.aad = aad, .data = data, .len = len};
	const struct aead_ops *ops;
	void *context;

	make_nonce(key, iv, &job);
#ifdef DIETVPN_SEAL_LOG
	if (seal_log(key, job.nonce) != 0)
		return -EIO;
#endif
	ops = choose(key, len, true, &context);
	return ops != NULL ? ops->seal(context, key, &job) : -EIO;
}

static int open_job(struct aead_key *key, const struct aead_job *job)
{
	void *context;
	const struct aead_ops *ops = choose(key, job->len, false, &context);

	return ops != NULL ? ops->open(context, key, job) : -EIO;
}

int aead_open(
	struct aead_key *key, const uint8_t iv[8], struct slice aad, uint8_t *data, size_t len)
{
	struct aead_job job = {.aad = aad, .data = data};
	int err = -EBADMSG;

	if (len >= key->suite->icv_len) {
		job.len = len - key->suite->icv_len;
		make_nonce(key, iv, &job);
		err = open_job(key, &job);
	}
	/* A mode that decrypts before it verifies has left plaintext that nobody vouches for. */
	if (err != 0)
		memset(data, 0, len);
	return err;
}
