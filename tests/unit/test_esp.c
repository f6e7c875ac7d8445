/* SPDX-License-Identifier: Apache-2.0 */
/* ESP packets of others (draft-mcgrew-gcm-test-01, RFC 7634 appendix A), and what a bit changes. */
#include "esp/esp.h"

#include "base/buf.h"
#include "base/wire.h"
#include "crypto/secret.h"
#include "esp/sa.h"
#include "ip/addr.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 2048, ESP_HEADER = 8, IV = 8 };

static struct aead_pool *pool;
static struct buf *pkt;

static void set_up(void)
{
	cr_assert_eq(crypto_init(), 0);
	pool = aead_pool_create(4);
	pkt = buf_alloc(ROOM);
}

static void tear_down(void)
{
	aead_pool_destroy(pool);
	buf_free(pkt);
}

TestSuite(esp, .init = set_up, .fini = tear_down);

struct bytes {
	uint8_t data[ROOM];
	size_t len;
};

static struct bytes hex(const json_t *of, const char *key)
{
	const char *text = json_string_value(json_object_get(of, key));
	struct bytes b = {.len = 0};
	unsigned octet;

	while (text && text[0] && sscanf(text, "%2x", &octet) == 1) {
		b.data[b.len++] = (uint8_t)octet;
		text += 2;
	}
	return b;
}

static struct ts any_ts(void)
{
	struct ts ts = {.port_end = 65535};

	ip_addr_parse("10.0.0.0", &ts.addr_start);
	ip_addr_parse("10.255.255.255", &ts.addr_end);
	return ts;
}

static struct sa *create(
	enum sa_dir dir, enum encr encr, uint32_t spi, bool esn, const struct bytes *keymat)
{
	struct diet_attrs attrs = diet_attrs_plain();
	struct sa_params params = {.dir = dir,
		.encr = encr,
		.spi = spi,
		.esn = esn,
		.keymat_len = keymat->len,
		.n_ts_local = 1,
		.n_ts_remote = 1};
	struct sa *sa = NULL;

	memcpy(params.keymat, keymat->data, keymat->len);
	params.ts_local[0] = params.ts_remote[0] = any_ts();
	cr_assert_eq(sa_create(&params, &attrs, pool, 0, &sa), 0);
	return sa;
}

static struct bytes keymat_of(const json_t *test)
{
	struct bytes key = hex(test, "key");
	struct bytes salt = hex(test, "salt");

	memcpy(key.data + key.len, salt.data, salt.len);
	key.len += salt.len;
	return key;
}

static json_t *load(void)
{
	const char *dir = getenv("DIETVPN_DATA_DIR");
	char path[1024];
	json_t *all;

	if (!dir || !*dir)
		return NULL;
	snprintf(path, sizeof(path), "%s/esp-vectors/esp_aead_vectors.json", dir);
	all = json_load_file(path, 0, NULL);
	cr_assert_not_null(all, "cannot read %s", path);
	return all;
}

static uint64_t sequence_of(const json_t *test)
{
	struct bytes low = hex(test, "sn_low");
	struct bytes high = hex(test, "sn_high");

	return get_be32(low.data) | (uint64_t)(high.len ? get_be32(high.data) : 0) << 32;
}

static void open_all(
	struct sa *sa, uint64_t sequence, const struct bytes *body, const struct bytes *plain)
{
	buf_set(pkt, body->data, body->len);
	cr_assert_eq(esp_open(sa, sequence, pkt), DROP_NONE);
	cr_assert_eq(pkt->len, plain->len);
	cr_assert_arr_eq(pkt->data, plain->data, plain->len);
	for (size_t bit = 0; bit < body->len * 8; bit++) {
		struct bytes bad = *body;

		bad.data[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		buf_set(pkt, bad.data, bad.len);
		cr_assert_eq(esp_open(sa, sequence, pkt), DROP_ICV, "bit %zu", bit);
	}
	for (unsigned bit = 0; bit < (sa->esn ? 64 : 32); bit++) {
		buf_set(pkt, body->data, body->len);
		cr_assert_eq(esp_open(sa, sequence ^ 1ull << bit, pkt), DROP_ICV);
	}
	for (unsigned bit = 0; bit < 32; bit++) {
		sa->spi ^= 1u << bit;
		buf_set(pkt, body->data, body->len);
		cr_assert_eq(esp_open(sa, sequence, pkt), DROP_ICV);
		sa->spi ^= 1u << bit;
	}
	for (size_t len = 0; len < body->len; len++) {
		buf_set(pkt, body->data, len);
		cr_assert_eq(esp_open(sa, sequence, pkt),
			len < esp_overhead(sa) ? DROP_ESP_SHORT : DROP_ICV);
	}
}

/* esp_seal chooses its IV itself, so the cipher is called with theirs. */
static void seal_theirs(
	struct sa *sa, const json_t *test, const struct bytes *plain, const struct bytes *sealed)
{
	struct bytes iv = hex(test, "iv");
	struct bytes aad = hex(test, "aad");
	struct bytes data = *plain;

	cr_assert_eq(aead_seal(&sa->key, iv.data, (struct slice){aad.data, aad.len}, data.data,
			     data.len),
		0);
	cr_assert_arr_eq(data.data, sealed->data, sealed->len);
}

Test(esp, packets_of_others)
{
	json_t *all = load();
	size_t i;
	json_t *test;

	if (!all)
		cr_skip_test("DIETVPN_DATA_DIR is empty: no ESP packets of others");
	cr_assert_eq(json_array_size(json_object_get(all, "tests")), 15);
	json_array_foreach(json_object_get(all, "tests"), i, test)
	{
		bool gcm = !strcmp(json_string_value(json_object_get(test, "alg")), "AES-GCM-16");
		enum encr encr = gcm ? ENCR_AES_GCM_16 : ENCR_CHACHA20_POLY1305;
		bool esn = json_is_true(json_object_get(test, "esn"));
		struct bytes keymat = keymat_of(test);
		struct bytes spi = hex(test, "spi");
		struct bytes whole = hex(test, "esp_packet");
		struct bytes plain = hex(test, "plaintext_with_trailer");
		struct bytes sealed = hex(test, "ciphertext_icv");
		struct bytes body = {.len = whole.len - ESP_HEADER};
		struct sa *sa = create(SA_IN, encr, get_be32(spi.data), esn, &keymat);

		memcpy(body.data, whole.data + ESP_HEADER, body.len);
		cr_assert_eq(body.len, plain.len + esp_overhead(sa));
		open_all(sa, sequence_of(test), &body, &plain);
		sa_destroy(sa);
		sa = create(SA_OUT, encr, get_be32(spi.data), esn, &keymat);
		seal_theirs(sa, test, &plain, &sealed);
		sa_destroy(sa);
	}
	json_decref(all);
}

static struct bytes random_keymat(const struct aead_suite *suite)
{
	struct bytes b = {.len = (size_t)suite->key_len + suite->salt_len};

	secret_random(b.data, b.len);
	return b;
}

/* What seal makes, open takes back, for every suite, length and kind of number. */
Test(esp, every_suite)
{
	const struct aead_suite *suite;

	for (size_t i = 0; (suite = aead_suite_at(i)); i++) {
		struct bytes keymat = random_keymat(suite);
		struct sa *out = create(SA_OUT, suite->encr, 0x81020304, i % 2, &keymat);
		struct sa *in = create(SA_IN, suite->encr, 0x81020304, i % 2, &keymat);

		for (size_t len = 0; len <= 300; len++) {
			struct bytes plain = {.len = len};

			secret_random(plain.data, len);
			buf_set(pkt, plain.data, len);
			out->sequence += 1 + (i % 2 ? 0x10000001ull * len : len);
			cr_assert_eq(esp_seal(out, pkt), DROP_NONE);
			cr_assert_eq(pkt->len, len + esp_overhead(out));
			if (suite->iv_len)
				cr_assert_eq(get_be64(pkt->data), out->sequence);
			cr_assert_eq(esp_open(in, out->sequence, pkt), DROP_NONE);
			cr_assert_eq(pkt->len, len);
			cr_assert_arr_eq(pkt->data, plain.data, len);
		}
		sa_destroy(out);
		sa_destroy(in);
	}
}

Test(esp, no_room)
{
	const struct aead_suite *suite = aead_suite_find(ENCR_AES_GCM_16, 20);
	struct bytes keymat = random_keymat(suite);
	struct sa *sa = create(SA_OUT, suite->encr, 0x81020304, false, &keymat);

	buf_reset(pkt);
	cr_assert_not_null(buf_put(pkt, buf_tailroom(pkt) - AEAD_ICV_MAX + 1));
	cr_expect_eq(esp_seal(sa, pkt), DROP_NO_BUFFER);
	buf_reset(pkt);
	cr_assert_not_null(buf_push(pkt, buf_headroom(pkt) - IV + 1));
	cr_expect_eq(esp_seal(sa, pkt), DROP_NO_BUFFER);
	sa_destroy(sa);
}
