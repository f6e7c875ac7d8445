/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/ikev2/keymat.c and message.c against exchanges that strongSwan recorded with its secrets.
 */
#include "vectors.h"

#include "crypto/secret.h"
#include "ikev2/keymat.h"
#include "ikev2/message.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGES = 4, OCTETS_MAX = 1024 };

struct recorded {
	const json_t *row;
	uint8_t octets[MESSAGES][OCTETS_MAX];
	struct message m[MESSAGES];
	struct payloads outer[MESSAGES];
	struct ike_keys keys;
	struct nonces n;
};

static struct slice hex(const json_t *row, const char *path, uint8_t *out, size_t cap)
{
	return (struct slice){out, vectors_hex(row, path, out, cap)};
}

static void read_row(const json_t *row, struct recorded *r)
{
	char path[32];

	memset(r, 0, sizeof *r);
	r->row = row;
	for (int i = 0; i < MESSAGES; i++) {
		struct slice datagram;

		snprintf(path, sizeof path, "messages.%d", i);
		datagram = hex(row, path, r->octets[i], OCTETS_MAX);
		cr_assert_eq(message_parse(datagram, &r->m[i]), 0);
		cr_assert_eq(payloads_parse(r->m[i].first,
				     (struct slice){datagram.data + IKE_HEADER_LEN,
					     datagram.len - IKE_HEADER_LEN},
				     &r->outer[i]),
			0);
	}
	r->n = (struct nonces){r->outer[0].nonce, r->outer[1].nonce};
	r->keys.prf = prf_find(PRF_HMAC_SHA2_256);
	r->keys.suite = keymat_suite(ENCR_CHACHA20_POLY1305, 0);
}

static void expect(const struct recorded *r, const char *path, const uint8_t *have)
{
	uint8_t want[OCTETS_MAX];
	struct slice s = hex(r->row, path, want, sizeof want);

	cr_assert_arr_eq(have, want, s.len, "%s of %s", path, vectors_text(r->row, "name"));
}

static void derive(struct recorded *r)
{
	uint8_t octets[64];
	uint8_t child[2 * AEAD_KEYMAT_MAX];
	struct slice g_ir = hex(r->row, "g_ir", octets, sizeof octets);

	cr_assert_eq(keymat_ike(&r->keys, g_ir, &r->n, r->m[1].spis), 0);
	expect(r, "sk_d", r->keys.sk_d);
	expect(r, "sk_ei", r->keys.sk_e[SIDE_I]);
	expect(r, "sk_er", r->keys.sk_e[SIDE_R]);
	expect(r, "sk_pi", r->keys.sk_p[SIDE_I]);
	expect(r, "sk_pr", r->keys.sk_p[SIDE_R]);
	cr_assert_eq(
		keymat_child(&r->keys, (struct slice){NULL, 0}, &r->n, child, sizeof child), 0);
	expect(r, "child_i", child);
	expect(r, "child_r", child + AEAD_KEYMAT_MAX);
}

static void open_one(struct recorded *r, int i, enum side side, uint8_t *plain, struct payloads *in)
{
	struct aead_key key;
	size_t len = 0;

	aead_key_init(&key, NULL, r->keys.suite, r->keys.sk_e[side]);
	cr_assert_eq(message_open(&r->m[i], &r->outer[i], &key, plain, &len), 0);
	cr_assert_eq(payloads_parse(r->outer[i].next_sk, (struct slice){plain, len}, in), 0);
	/* any flipped bit in header, IV, text or tag is noticed */
	for (size_t at = 0; at < r->m[i].octets.len; at += 7) {
		uint8_t other[OCTETS_MAX];

		if (at >= 24 && at < 32)
			continue; /* lengths: the message would be cut elsewhere */
		r->octets[i][at] ^= 0x40;
		cr_assert_eq(message_open(&r->m[i], &r->outer[i], &key, other, &len), -EBADMSG,
			"octet %zu", at);
		r->octets[i][at] ^= 0x40;
	}
	aead_key_fini(&key);
}

static void check_auth(const struct recorded *r, enum side side, struct slice id, struct slice auth)
{
	uint8_t octets[64];
	uint8_t pad[PRF_LEN_MAX];
	uint8_t value[PRF_LEN_MAX];
	struct auth_octets text = {
		.message = r->m[side].octets, .nonce = side == SIDE_I ? r->n.nr : r->n.ni};

	if (!vectors_find(r->row, "psk"))
		return;
	cr_assert_eq(keymat_auth_octets(&r->keys, side, id, &text), 0);
	cr_assert_eq(
		keymat_psk_pad(r->keys.prf, hex(r->row, "psk", octets, sizeof octets), pad), 0);
	cr_assert_eq(keymat_psk_auth(r->keys.prf, pad, &text, value), 0);
	cr_assert_eq(auth.len, 4u + 32);
	cr_assert_arr_eq(value, auth.data + 4, 32);
}

Test(ikev2_keymat, recorded_exchanges)
{
	json_t *root = vectors_open("ikev2-strongswan.json");
	uint8_t plain[OCTETS_MAX];
	struct recorded r;
	struct payloads in;
	json_t *row;
	size_t i;

	cr_assert_eq(crypto_init(), 0);
	cr_assert_eq(json_array_size(json_object_get(root, "exchanges")), 3u);
	json_array_foreach(json_object_get(root, "exchanges"), i, row)
	{
		read_row(row, &r);
		derive(&r);
		open_one(&r, 2, SIDE_I, plain, &in);
		cr_assert(in.id_i.data && in.auth.data && in.sa.data && in.ts_i.data);
		check_auth(&r, SIDE_I, in.id_i, in.auth);
		open_one(&r, 3, SIDE_R, plain, &in);
		cr_assert(in.id_r.data && in.auth.data && in.sa.data && in.ts_r.data);
		check_auth(&r, SIDE_R, in.id_r, in.auth);
	}
	json_decref(root);
}

/* What is sealed here opens here, with any padding the other side likes; sizes of ikev2.md 7.1. */
Test(ikev2_keymat, empty_message_sizes)
{
	static const struct {
		uint16_t encr, bits;
		size_t len;
	} cases[] = {{ENCR_CHACHA20_POLY1305, 0, 57}, {ENCR_AES_GCM_16, 128, 57},
		{ENCR_AES_CCM_8, 128, 49}, {ENCR_AES_GCM_16, 256, 57}};
	const uint8_t keymat[AEAD_KEYMAT_MAX] = {1, 2, 3};
	const struct message head = {.exchange = INFORMATIONAL, .id = 7};
	struct aead_pool *pool = aead_pool_create(4);

	cr_assert_eq(crypto_init(), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct aead_suite *suite = keymat_suite(cases[i].encr, cases[i].bits);
		struct aead_key key;
		struct message_writer w;
		struct message m;
		struct payloads p;
		uint8_t out[128];
		uint8_t plain[128];
		size_t len;

		aead_key_init(&key, pool, suite, keymat);
		message_begin(&w, &head, true, out, sizeof out);
		len = message_end(&w, &key, i);
		cr_assert_eq(len, cases[i].len);
		cr_assert_eq(message_parse((struct slice){out, len}, &m), 0);
		cr_assert_eq(m.id, 7u);
		cr_assert_eq(payloads_parse(m.first, (struct slice){out + 28, len - 28}, &p), 0);
		cr_assert_eq(message_open(&m, &p, &key, plain, &len), 0);
		cr_assert_eq(len, 0u);
		cr_assert_eq(p.next_sk, PAYLOAD_NONE);
		aead_key_fini(&key);
	}
	aead_pool_destroy(pool);
}

Test(ikev2_keymat, suites)
{
	cr_assert_eq(keymat_suite_len(keymat_suite(ENCR_CHACHA20_POLY1305, 0)), 36u);
	cr_assert_eq(keymat_suite_len(keymat_suite(ENCR_AES_CCM_8, 128)), 19u);
	cr_assert_eq(keymat_suite_len(keymat_suite(ENCR_AES_GCM_16, 256)), 36u);
	cr_assert_null(keymat_suite(ENCR_CHACHA20_POLY1305, 256), "no key length there");
	cr_assert_null(keymat_suite(ENCR_AES_GCM_16, 0), "a key length here");
	cr_assert_null(keymat_suite(ENCR_AES_GCM_16, 120));
}
