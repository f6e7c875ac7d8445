/* SPDX-License-Identifier: Apache-2.0 */
/* The packets of diet-esp-draft07.json through the SA: sealed and opened byte for byte. */
#include "base/buf.h"
#include "crypto/secret.h"
#include "diet/ctec.h"
#include "diet/eec.h"
#include "diet/iipc.h"
#include "esp/esp.h"
#include "fakes/pair.h"
#include "vectors.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

enum { WINDOW = 64, IV = 8 };

static struct pair pair;
static struct buf *pkt;

static void set_up(void)
{
	cr_assert_eq(crypto_init(), 0);
	cr_assert_eq(pair_init(&pair, 1), 0);
	pkt = pair.pkts[0];
}

static void tear_down(void)
{
	pair_fini(&pair);
}

TestSuite(draft07, .init = set_up, .fini = tear_down);

struct bytes {
	uint8_t data[PAIR_ROOM];
	size_t len;
};

static struct bytes hex(const json_t *vector, const char *path)
{
	struct bytes b;

	b.len = vectors_hex(vector, path, b.data, sizeof(b.data));
	return b;
}

static void expect(const struct bytes *want, const char *name, const char *what)
{
	cr_assert_eq(pkt->len, want->len, "%s: %s has %zu octets, not %zu", name, what, pkt->len,
		want->len);
	cr_assert_arr_eq(pkt->data, want->data, want->len, "%s: %s", name, what);
}

static struct sa_params params_of(const json_t *vector, const struct vectors_sa *v, enum sa_dir dir)
{
	bool out = dir == SA_OUT;
	struct sa_params params = {.dir = dir,
		.mode = v->sa.mode,
		.encap = SA_ENCAP_ESP,
		.spi = v->sa.spi,
		.esn = v->sa.esn,
		.encr = (enum encr)vectors_number(vector, "sa.transform_id"),
		.n_ts_local = 1,
		.n_ts_remote = 1,
		.window = WINDOW};

	params.keymat_len = vectors_hex(vector, "sa.key", params.keymat, KEYMAT_MAX);
	params.keymat_len += vectors_hex(vector, "sa.salt", params.keymat + params.keymat_len,
		KEYMAT_MAX - params.keymat_len);
	params.ts_local[0] = out ? v->src : v->dst;
	params.ts_remote[0] = out ? v->dst : v->src;
	params.remote.addr.family = v->sa.outer_family;
	return params;
}

static struct sa *create(const json_t *vector, const struct vectors_sa *v, enum sa_dir dir)
{
	struct sa_params params = params_of(vector, v, dir);
	struct sa *sa = NULL;

	cr_assert_eq(sa_create(&params, &v->attrs, pair.a.aead, 0, &sa), 0);
	return sa;
}

/* esp_seal makes its own explicit IV, so theirs is forced by calling the cipher. */
static void seal_with_iv(struct sa *sa, const json_t *vector)
{
	struct bytes iv = hex(vector, "crypto.iv_on_wire");
	struct bytes aad = hex(vector, "crypto.aad");
	size_t len = pkt->len;

	cr_assert_eq(iv.len, IV);
	cr_assert_not_null(buf_put(pkt, sa->key.suite->icv_len));
	cr_assert_eq(
		aead_seal(&sa->key, iv.data, (struct slice){aad.data, aad.len}, pkt->data, len), 0);
	memcpy(buf_push(pkt, IV), iv.data, IV);
}

static void seal(const json_t *vector, const struct vectors_sa *v, const char *name)
{
	struct bytes plain = hex(vector, "ctec.plaintext");
	struct bytes sealed = hex(vector, "crypto.ciphertext_and_icv");
	struct bytes final = hex(vector, "final_esp");
	struct sa *sa = create(vector, v, SA_OUT);

	sa_resume(sa, v->sequence - 1);
	cr_assert_eq(sa_take_sequence(sa, 0), DROP_NONE);
	cr_assert_eq(sa->sequence, v->sequence);
	buf_set(pkt, plain.data, plain.len);
	if (sa->key.suite->iv_len) {
		seal_with_iv(sa, vector);
		cr_assert_arr_eq(pkt->data + IV, sealed.data, sealed.len, "%s", name);
	} else {
		cr_assert_eq(esp_seal(sa, pkt), DROP_NONE);
		expect(&sealed, name, "ciphertext and ICV");
	}
	cr_assert_eq(eec_compress(&sa->diet, sa->sequence, pkt), DROP_NONE);
	expect(&final, name, "final ESP");
	sa_destroy(sa);
}

static void open_one(const json_t *vector, const struct vectors_sa *v, const char *name)
{
	struct bytes plain = hex(vector, "ctec.plaintext");
	struct bytes final = hex(vector, "final_esp");
	struct sa *sa = create(vector, v, SA_IN);
	uint64_t sequence = 0;
	uint32_t lsb;

	sa_resume(sa, v->sequence - 1);
	buf_set(pkt, final.data, final.len);
	cr_assert_eq(eec_parse(&sa->diet, pkt, &lsb), DROP_NONE);
	cr_assert(eec_restore_sequence(
		lsb, sa->diet.sn_bits, sa->replay.highest, WINDOW, sa->esn, &sequence));
	cr_assert_eq(sequence, v->sequence, "%s", name);
	cr_assert_eq(esp_open(sa, sequence, pkt), DROP_NONE, "%s", name);
	expect(&plain, name, "plaintext");
	for (size_t bit = sa->diet.header_len * 8u; bit < final.len * 8; bit++) {
		final.data[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		buf_set(pkt, final.data, final.len);
		buf_pull(pkt, sa->diet.header_len);
		cr_assert_eq(esp_open(sa, sequence, pkt), DROP_ICV, "%s bit %zu", name, bit);
		final.data[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
	}
	sa_destroy(sa);
}

/* A later vector may want the SPI of an earlier one: the SA goes when its packet came through. */
static bool install(const json_t *vector, const struct vectors_sa *v, struct sa **sa)
{
	static uint32_t id;
	struct policy_params policy = {
		.id = ++id, .tunnel = PAIR_TUNNEL_B, .n_local = 1, .n_remote = 1};
	struct sa_params params = params_of(vector, v, SA_IN);
	struct policy *added;
	uint32_t spi = params.spi;

	if (v->attrs.esp_spi_lsb == 0 || v->sa.mode != SA_TUNNEL)
		return false;
	params.policy = id;
	policy.local[0] = params.ts_local[0];
	policy.remote[0] = params.ts_remote[0];
	cr_assert_eq(spd_add(pair.b.spd, &policy, NULL, &added), 0);
	cr_assert_eq(spi_reserve(pair.b.spis, 1u << (v->attrs.esp_spi_lsb - 1), &spi), 0);
	cr_assert_eq(ipsec_sa_install(&pair.b, &params, &v->attrs, 0, sa), 0);
	sa_resume(*sa, v->sequence - 1);
	return true;
}

static bool is_compared(const json_t *vector)
{
	return json_array_size(vectors_find(vector, "not_compared")) == 0;
}

/* From the outer packet as received to the inner one, by the way that the daemon takes. */
static bool walk_in(const json_t *vector, const struct vectors_sa *v, const char *name)
{
	struct bytes rx = hex(vector, "rx_outer_packet");
	struct bytes inner = hex(vector, "decapsulated_packet");
	struct batch_item *item = &pair.batch.items[0];
	struct sa *sa;
	size_t header;

	if (!install(vector, v, &sa))
		return false;
	pair.batch = (struct batch){.n = 1};
	item->pkt = pkt;
	item->encap = SA_ENCAP_ESP;
	header = vectors_outer(rx.data, &item->outer);
	buf_set(pkt, rx.data + header, rx.len - header);
	inbound(&pair.b, &pair.batch);
	cr_assert_eq(item->drop, DROP_NONE, "%s: %s", name, drop_name(item->drop));
	cr_assert_eq(item->tunnel, PAIR_TUNNEL_B);
	cr_assert_eq(pkt->len, inner.len, "%s", name);
	if (is_compared(vector))
		cr_assert_arr_eq(pkt->data, inner.data, inner.len, "%s", name);
	ipsec_sa_remove(&pair.b, sa);
	return true;
}

Test(draft07, every_packet)
{
	json_t *all = vectors_open("diet-esp-draft07.json");
	const json_t *vectors = vectors_find(all, "vectors");
	size_t walked = 0;

	cr_assert_eq(json_array_size(vectors), 24);
	for (size_t i = 0; i < json_array_size(vectors); i++) {
		const json_t *vector = json_array_get(vectors, i);
		const char *name = vectors_text(vector, "name");
		struct vectors_sa v;

		vectors_sa(vector, &v);
		seal(vector, &v, name);
		open_one(vector, &v, name);
		walked += walk_in(vector, &v, name);
	}
	cr_expect_eq(walked, 17, "%zu by inbound()", walked);
	json_decref(all);
}
