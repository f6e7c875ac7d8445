/* SPDX-License-Identifier: Apache-2.0 */
/* The AEAD of the plain forwarding loop: libsodium's ChaCha20-Poly1305, or OpenSSL's AES-128-GCM
 * with contexts kept. */
#include "loop.h"

#include <sodium.h>
#include <string.h>

static bool gcm_init(struct cipher *c)
{
	const uint8_t iv[12] = {0};
	c->seal = EVP_CIPHER_CTX_new();
	c->open = EVP_CIPHER_CTX_new();
	return c->seal && c->open &&
	       EVP_EncryptInit_ex(c->seal, EVP_aes_128_gcm(), NULL, c->key, iv) == 1 &&
	       EVP_DecryptInit_ex(c->open, EVP_aes_128_gcm(), NULL, c->key, iv) == 1;
}

bool cipher_init(struct cipher *c, const char *name)
{
	*c = (struct cipher){0};
	if (!strcmp(name, "none"))
		return true;
	c->head = LOOP_HEAD;
	c->tag = LOOP_TAG;
	if (!strcmp(name, "chacha"))
		return sodium_init() >= 0;
	return !strcmp(name, "gcm") && gcm_init(c);
}

void cipher_end(struct cipher *c)
{
	EVP_CIPHER_CTX_free(c->seal);
	EVP_CIPHER_CTX_free(c->open);
}

static void gcm_seal(struct cipher *c, const uint8_t *iv, uint8_t *at, int n)
{
	uint8_t *text = at + LOOP_HEAD;
	int done;
	EVP_EncryptInit_ex(c->seal, NULL, NULL, NULL, iv);
	EVP_EncryptUpdate(c->seal, NULL, &done, at, LOOP_HEAD);
	EVP_EncryptUpdate(c->seal, text, &done, text, n);
	EVP_EncryptFinal_ex(c->seal, text + n, &done);
	EVP_CIPHER_CTX_ctrl(c->seal, EVP_CTRL_AEAD_GET_TAG, LOOP_TAG, text + n);
}

static bool gcm_open(struct cipher *c, const uint8_t *iv, uint8_t *at, int n)
{
	uint8_t *text = at + LOOP_HEAD;
	int done;
	EVP_DecryptInit_ex(c->open, NULL, NULL, NULL, iv);
	EVP_DecryptUpdate(c->open, NULL, &done, at, LOOP_HEAD);
	EVP_DecryptUpdate(c->open, text, &done, text, n);
	EVP_CIPHER_CTX_ctrl(c->open, EVP_CTRL_AEAD_SET_TAG, LOOP_TAG, text + n);
	return EVP_DecryptFinal_ex(c->open, text + n, &done) == 1;
}

size_t cipher_seal(struct cipher *c, uint8_t *at, size_t n)
{
	uint8_t iv[12] = {0}, *text = at + LOOP_HEAD;
	if (c->head == 0)
		return n;
	c->counter++;
	memcpy(at, &c->counter, LOOP_HEAD);
	memcpy(iv + 4, &c->counter, LOOP_HEAD);
	if (c->seal)
		gcm_seal(c, iv, at, (int)n);
	else
		crypto_aead_chacha20poly1305_ietf_encrypt(
			text, NULL, text, n, at, LOOP_HEAD, NULL, iv, c->key);
	return n + LOOP_HEAD + LOOP_TAG;
}

uint8_t *cipher_open(struct cipher *c, uint8_t *at, size_t *n)
{
	uint8_t iv[12] = {0}, *text = at + LOOP_HEAD;
	bool good;
	if (c->head == 0)
		return at;
	if (*n < LOOP_HEAD + LOOP_TAG)
		return NULL;
	*n -= LOOP_HEAD + LOOP_TAG;
	memcpy(iv + 4, at, LOOP_HEAD);
	if (c->open)
		good = gcm_open(c, iv, at, (int)*n);
	else
		good = !crypto_aead_chacha20poly1305_ietf_decrypt(
			text, NULL, NULL, text, *n + LOOP_TAG, at, LOOP_HEAD, iv, c->key);
	return good ? text : NULL;
}
