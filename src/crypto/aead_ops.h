/* SPDX-License-Identifier: Apache-2.0 */
/* What a provider of AEAD ciphers offers to aead.c (RFC 5116); inside this wing only. */
#ifndef DIETVPN_CRYPTO_AEAD_OPS_H
#define DIETVPN_CRYPTO_AEAD_OPS_H

#include "aead.h"

/* One packet: len octets of text at data, the ICV behind them. */
struct aead_job {
	uint8_t nonce[AEAD_NONCE_MAX]; /* salt, then IV */
	struct slice aad;
	uint8_t *data;
	size_t len;
};

/*
 * context is the key's own out of the pool, which aead_sodium does not look at. 0, or -EIO from
 * seal and -EBADMSG from open; what a refused open leaves in data is aead.c's to destroy.
 */
struct aead_ops {
	const char *provider;
	bool pooled;
	int (*seal)(void *context, const struct aead_key *key, const struct aead_job *job);
	int (*open)(void *context, const struct aead_key *key, const struct aead_job *job);
};

extern const struct aead_ops aead_sodium;
extern const struct aead_ops aead_evp;

/* The pooled contexts, all of aead_evp. NULL without memory. */
void *aead_evp_create(void);
void aead_evp_destroy(void *context);
/* Forgets the key; the context can be keyed again. */
void aead_evp_wipe(void *context);
/*
 * Keys the context for key and its direction. keyed: the suite for which the context is keyed
 * already, NULL for none; with the same suite the cipher's own state is kept. 0 or -EIO.
 */
int aead_evp_rekey(void *context, const struct aead_key *key, const struct aead_suite *keyed);

#endif
