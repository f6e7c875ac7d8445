/* SPDX-License-Identifier: Apache-2.0 */
/* ChaCha20-Poly1305 for ESP (RFC 8439, RFC 7634) by libsodium: no context, the key is enough. */
#include "aead_ops.h"

#include <sodium.h>

#include <errno.h>

static int seal(void *context, const struct aead_key *key, const struct aead_job *job)
{
	(void)context;
	crypto_aead_chacha20poly1305_ietf_encrypt_detached(job->data, job->data + job->len, NULL,
		job->data, job->len, job->aad.data, job->aad.len, NULL, job->nonce, key->keymat);
	return 0;
}

static int open(void *context, const struct aead_key *key, const struct aead_job *job)
{
	int err;

	(void)context;
	err = crypto_aead_chacha20poly1305_ietf_decrypt_detached(job->data, NULL, job->data,
		job->len, job->data + job->len, job->aad.data, job->aad.len, job->nonce,
		key->keymat);
	return err == 0 ? 0 : -EBADMSG;
}

const struct aead_ops aead_sodium = {
	.provider = "libsodium",
	.seal = seal,
	.open = open,
};
