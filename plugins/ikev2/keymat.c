/* SPDX-License-Identifier: Apache-2.0 */
/* Key derivation and what AUTH covers, with the RFC's names (RFC 7296 2.13-2.18, RFC 8784 3). */
#include "ikev2/keymat.h"

#include "crypto/secret.h"

#include <errno.h>
#include <string.h>

enum { CHACHA_KEY_LEN = 32, SALT_MIN = 3, SALT_MAX = 4 };

static const char key_pad[] = "Key Pad for IKEv2";

const struct aead_suite *keymat_suite(uint16_t encr, uint16_t key_bits)
{
	size_t key_len = key_bits ? key_bits / 8u : CHACHA_KEY_LEN;
	bool has_bits = encr != ENCR_CHACHA20_POLY1305 && encr != ENCR_CHACHA20_POLY1305_IIV;

	if (has_bits != (key_bits != 0))
		return NULL;
	for (size_t salt = SALT_MIN; salt <= SALT_MAX; salt++) {
		const struct aead_suite *s = aead_suite_find((enum encr)encr, key_len + salt);

		if (s && s->key_len == key_len)
			return s;
	}
	return NULL;
}

size_t keymat_suite_len(const struct aead_suite *suite)
{
	return (size_t)suite->key_len + suite->salt_len;
}

/* SK_d | SK_ei | SK_er | SK_pi | SK_pr = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr) */
static int expand(struct ike_keys *keys, const uint8_t *skeyseed, size_t seed_len,
	const struct nonces *n, const uint8_t *spis)
{
	const struct slice parts[] = {n->ni, n->nr, {spis, 2 * IKE_SPI_LEN}};
	const struct prf_plus plus = {keys->prf, {skeyseed, seed_len}, parts, 3};
	uint8_t out[3 * PRF_LEN_MAX + 2 * AEAD_KEYMAT_MAX];
	size_t p = keys->prf->len;
	size_t e = keymat_suite_len(keys->suite);
	int r = prf_plus(&plus, out, 3 * p + 2 * e);

	memcpy(keys->sk_d, out, p);
	memcpy(keys->sk_e[SIDE_I], out + p, e);
	memcpy(keys->sk_e[SIDE_R], out + p + e, e);
	memcpy(keys->sk_p[SIDE_I], out + p + 2 * e, p);
	memcpy(keys->sk_p[SIDE_R], out + 2 * p + 2 * e, p);
	secret_wipe(out, sizeof out);
	return r;
}

int keymat_ike(struct ike_keys *keys, struct slice g_ir, const struct nonces *n,
	const uint8_t spis[2 * IKE_SPI_LEN])
{
	uint8_t key[2 * 256];
	uint8_t skeyseed[PRF_LEN_MAX];
	size_t ni = keys->prf->nonce_len ? keys->prf->nonce_len : n->ni.len;
	size_t nr = keys->prf->nonce_len ? keys->prf->nonce_len : n->nr.len;
	int r;

	if (ni > n->ni.len || nr > n->nr.len || ni + nr > sizeof key)
		return -EIO;
	memcpy(key, n->ni.data, ni);
	memcpy(key + ni, n->nr.data, nr);
	r = prf_compute(keys->prf, (struct slice){key, ni + nr}, &g_ir, 1, skeyseed);
	if (!r)
		r = expand(keys, skeyseed, keys->prf->len, n, spis);
	secret_wipe(skeyseed, sizeof skeyseed);
	return r;
}

/* The old PRF makes SKEYSEED, the new one all else. */
int keymat_ike_rekeyed(struct ike_keys *keys, const struct ike_keys *old, struct slice g_ir,
	const struct nonces *n, const uint8_t spis[2 * IKE_SPI_LEN])
{
	const struct slice parts[] = {g_ir, n->ni, n->nr};
	uint8_t skeyseed[PRF_LEN_MAX];
	int r = prf_compute(old->prf, (struct slice){old->sk_d, old->prf->len}, parts, 3, skeyseed);

	if (!r)
		r = expand(keys, skeyseed, old->prf->len, n, spis);
	secret_wipe(skeyseed, sizeof skeyseed);
	return r;
}

static int mix(const struct prf *prf, struct slice ppk, uint8_t *sk)
{
	const struct slice seed = {sk, prf->len};
	const struct prf_plus plus = {prf, ppk, &seed, 1};
	uint8_t out[PRF_LEN_MAX];
	int r = prf_plus(&plus, out, prf->len);

	memcpy(sk, out, prf->len);
	secret_wipe(out, sizeof out);
	return r;
}

int keymat_ppk(struct ike_keys *keys, struct slice ppk)
{
	int r = mix(keys->prf, ppk, keys->sk_d);

	if (!r)
		r = mix(keys->prf, ppk, keys->sk_p[SIDE_I]);
	return r ? r : mix(keys->prf, ppk, keys->sk_p[SIDE_R]);
}

int keymat_child(const struct ike_keys *keys, struct slice g_ir, const struct nonces *n,
	uint8_t *out, size_t len)
{
	const struct slice parts[] = {g_ir, n->ni, n->nr};
	const struct prf_plus plus = {
		keys->prf, {keys->sk_d, keys->prf->len}, parts, sizeof parts / sizeof *parts};

	return prf_plus(&plus, out, len);
}

int keymat_auth_octets(
	const struct ike_keys *keys, enum side side, struct slice id, struct auth_octets *out)
{
	out->maced_id_len = keys->prf->len;
	return prf_compute(
		keys->prf, (struct slice){keys->sk_p[side], keys->prf->len}, &id, 1, out->maced_id);
}

int keymat_psk_pad(const struct prf *prf, struct slice psk, uint8_t pad[PRF_LEN_MAX])
{
	const struct slice text = {(const uint8_t *)key_pad, sizeof key_pad - 1};

	return prf_compute(prf, psk, &text, 1, pad);
}

int keymat_psk_auth(const struct prf *prf, const uint8_t *pad, const struct auth_octets *octets,
	uint8_t auth[PRF_LEN_MAX])
{
	const struct slice parts[] = {
		octets->message, octets->nonce, {octets->maced_id, octets->maced_id_len}};

	return prf_compute(prf, (struct slice){pad, prf->len}, parts, 3, auth);
}
