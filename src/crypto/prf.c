/* SPDX-License-Identifier: Apache-2.0 */
/* IKE's pseudo-random functions as a table, and prf+ over them (RFC 7296 2.13, 4868, 4615). */
#include "prf.h"

#include "prf_ops.h"

#include <errno.h>
#include <string.h>

static int start_sha256(union prf_state *state, struct slice key)
{
	crypto_auth_hmacsha256_init(&state->sha256, key.data, key.len);
	return 0;
}

static int add_sha256(union prf_state *state, struct slice part)
{
	crypto_auth_hmacsha256_update(&state->sha256, part.data, part.len);
	return 0;
}

static int finish_sha256(union prf_state *state, uint8_t *out)
{
	crypto_auth_hmacsha256_final(&state->sha256, out);
	sodium_memzero(&state->sha256, sizeof(state->sha256));
	return 0;
}

static int start_sha512(union prf_state *state, struct slice key)
{
	crypto_auth_hmacsha512_init(&state->sha512, key.data, key.len);
	return 0;
}

static int add_sha512(union prf_state *state, struct slice part)
{
	crypto_auth_hmacsha512_update(&state->sha512, part.data, part.len);
	return 0;
}

static int finish_sha512(union prf_state *state, uint8_t *out)
{
	crypto_auth_hmacsha512_final(&state->sha512, out);
	sodium_memzero(&state->sha512, sizeof(state->sha512));
	return 0;
}

static const struct prf_ops hmac_sha256 = {start_sha256, add_sha256, finish_sha256};
static const struct prf_ops hmac_sha512 = {start_sha512, add_sha512, finish_sha512};

static const struct prf table[] = {
	{PRF_HMAC_SHA2_256, 32, 0, "hmac-sha2-256", &hmac_sha256},
	{PRF_HMAC_SHA2_512, 64, 0, "hmac-sha2-512", &hmac_sha512},
	{PRF_HMAC_SHA2_384, 48, 0, "hmac-sha2-384", &prf_mac_sha384},
	{PRF_AES128_CMAC, 16, 8, "aes128-cmac", &prf_mac_cmac},
};

enum { ROWS = sizeof(table) / sizeof(table[0]) };

const struct prf *prf_find(uint16_t id)
{
	for (size_t i = 0; i < ROWS; i++)
		if (table[i].id == id)
			return &table[i];
	return NULL;
}

const struct prf *prf_by_name(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

const struct prf *prf_at(size_t index)
{
	return index < ROWS ? &table[index] : NULL;
}

/* The libraries declare their pointers non-NULL, an empty slice may hold NULL. */
static struct slice not_null(struct slice s)
{
	static const uint8_t none[1];

	return s.len != 0 ? s : (struct slice){none, 0};
}

static int add_all(const struct prf_ops *ops, union prf_state *state, const struct slice *parts,
	size_t n_parts)
{
	for (size_t i = 0; i < n_parts; i++)
		if (ops->add(state, not_null(parts[i])) != 0)
			return -EIO;
	return 0;
}

int prf_compute(const struct prf *prf, struct slice key, const struct slice *parts, size_t n_parts,
	uint8_t *out)
{
	const struct prf_ops *ops = prf->ops;
	union prf_state state;
	int err = ops->start(&state, not_null(key));

	if (err == 0) {
		err = add_all(ops, &state, parts, n_parts);
		if (ops->finish(&state, out) != 0)
			err = -EIO;
	}
	if (err != 0)
		sodium_memzero(out, prf->len);
	return err;
}

/* T(i) = prf(K, T(i - 1) | S | i) of RFC 7296 2.13; prev is empty for i = 1. */
static int block(const struct prf_plus *in, struct slice prev, uint8_t i, uint8_t *out)
{
	const struct prf_ops *ops = in->prf->ops;
	union prf_state state;
	int err = ops->start(&state, not_null(in->key));

	if (err != 0)
		return err;
	err = add_all(ops, &state, &prev, 1);
	if (err == 0)
		err = add_all(ops, &state, in->parts, in->n_parts);
	if (err == 0)
		err = add_all(ops, &state, &(struct slice){&i, 1}, 1);
	if (ops->finish(&state, out) != 0)
		err = -EIO;
	return err;
}

int prf_plus(const struct prf_plus *in, uint8_t *out, size_t len)
{
	size_t step = in->prf->len;
	uint8_t t[PRF_LEN_MAX];
	struct slice prev = {t, 0};
	int err = len > step * PRF_PLUS_BLOCKS ? -EMSGSIZE : 0;

	for (size_t at = 0; err == 0 && at < len; at += step) {
		err = block(in, prev, (uint8_t)(at / step + 1), t);
		prev.len = step;
		memcpy(out + at, t, len - at < step ? len - at : step);
	}
	if (err != 0)
		sodium_memzero(out, len);
	sodium_memzero(t, sizeof(t));
	return err;
}
