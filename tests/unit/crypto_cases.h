/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the crypto wing share: hex, AEAD cases with a place, data from elsewhere. */
#ifndef DIETVPN_TESTS_CRYPTO_CASES_H
#define DIETVPN_TESTS_CRYPTO_CASES_H

#include "crypto/aead.h"
#include "crypto/secret.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASE_MAX = 8192 };

struct octets {
	uint8_t data[CASE_MAX];
	size_t len;
};

/* One AEAD case as files of others state it; ct has no tag. */
struct aead_case {
	char where[96];
	struct octets key, nonce, aad, msg, ct, tag;
	bool valid;
	bool has_msg; /* false: the file gives no plaintext, as the case must be refused */
};

static inline int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Hex up to the first other character; white space between octets is skipped. */
static inline void unhex(const char *text, struct octets *out)
{
	out->len = 0;
	while (*text == ' ')
		text++;
	while (nibble(text[0]) >= 0 && nibble(text[1]) >= 0) {
		cr_assert_lt(out->len, (size_t)CASE_MAX, "a case of more than %d octets", CASE_MAX);
		out->data[out->len++] = (uint8_t)(nibble(text[0]) << 4 | nibble(text[1]));
		text += 2;
		while (*text == ' ' || *text == '\n')
			text++;
	}
}

static inline struct slice slice_of(const struct octets *o)
{
	return (struct slice){o->data, o->len};
}

static inline bool same(const struct octets *a, const void *b, size_t len)
{
	return a->len == len && memcmp(a->data, b, len) == 0;
}

static inline bool all_zero(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] != 0)
			return false;
	return true;
}

/* The same octets in every run. */
static inline uint32_t draw(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static inline void fill(uint32_t *state, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(draw(state) >> 11);
}

/* Both directions of one case, each with a key of its own as in an SA pair. */
static inline void check_aead_case(
	struct aead_pool *pool, const struct aead_suite *suite, const struct aead_case *c)
{
	static uint8_t sealed[CASE_MAX + AEAD_ICV_MAX];
	static uint8_t expected[CASE_MAX + AEAD_ICV_MAX];
	uint8_t keymat[AEAD_KEYMAT_MAX];
	const uint8_t *iv = c->nonce.data + suite->salt_len;
	size_t total = c->ct.len + c->tag.len;
	struct aead_key out;
	struct aead_key in;
	int err;

	memcpy(keymat, c->key.data, suite->key_len);
	memcpy(keymat + suite->key_len, c->nonce.data, suite->salt_len);
	memcpy(expected, c->ct.data, c->ct.len);
	memcpy(expected + c->ct.len, c->tag.data, c->tag.len);
	aead_key_init(&out, pool, suite, keymat);
	aead_key_init(&in, pool, suite, keymat);
	if (c->has_msg) {
		memcpy(sealed, c->msg.data, c->msg.len);
		err = aead_seal(&out, iv, slice_of(&c->aad), sealed, c->msg.len);
		cr_assert_eq(err, 0, "%s: seal gives %d", c->where, err);
		cr_assert_eq(c->valid, memcmp(sealed, expected, total) == 0, "%s: seal", c->where);
	}
	memcpy(sealed, expected, total);
	err = aead_open(&in, iv, slice_of(&c->aad), sealed, total);
	cr_assert_eq(err, c->valid ? 0 : -EBADMSG, "%s: open gives %d", c->where, err);
	if (c->valid)
		cr_assert(same(&c->msg, sealed, total - c->tag.len), "%s: open", c->where);
	else
		cr_assert(all_zero(sealed, total), "%s: plaintext is left", c->where);
	aead_key_fini(&out);
	aead_key_fini(&in);
}

/* ESP's suite for a cipher and tag length; NULL: ESP has none. */
static inline const struct aead_suite *suite_for(bool ccm, size_t key_len, size_t tag_len)
{
	size_t keymat_len = key_len + (ccm ? 3 : 4);

	switch (tag_len) {
	case 8:
		return aead_suite_find(ccm ? ENCR_AES_CCM_8 : ENCR_AES_GCM_8, keymat_len);
	case 12:
		return aead_suite_find(ccm ? ENCR_AES_CCM_12 : ENCR_AES_GCM_12, keymat_len);
	case 16:
		return aead_suite_find(ccm ? ENCR_AES_CCM_16 : ENCR_AES_GCM_16, keymat_len);
	default:
		return NULL;
	}
}

/* A field of a case in hex; a missing one is an error of the file. */
static inline void field(const json_t *object, const char *name, struct octets *out)
{
	const char *text = json_string_value(json_object_get(object, name));

	cr_assert_not_null(text, "no \"%s\" in a case", name);
	unhex(text, out);
}

static inline int number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	cr_assert(json_is_integer(value), "no number \"%s\"", name);
	return (int)json_integer_value(value);
}

static inline bool is(const json_t *object, const char *name, const char *text)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value != NULL && strcmp(value, text) == 0;
}

#endif
