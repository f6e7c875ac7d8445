/* SPDX-License-Identifier: Apache-2.0 */
/* AEAD suites: the table, RFC 8439's packet, a CCM model after RFC 3610, tampering, the pool. */
#include "crypto/aead.h"
#include "crypto/aead_choice.h"
#include "crypto/aead_pool.h"
#include "crypto/hash.h"
#include "crypto/secret.h"

#include "crypto_cases.h"

#include <openssl/evp.h>
#include <unistd.h>

enum { TEXT_MAX = 1500 };

static struct aead_pool *pool;

static void start(void)
{
	cr_assert_eq(crypto_init(), 0);
	pool = aead_pool_create(4);
	cr_assert_not_null(pool);
}

static void stop(void)
{
	aead_pool_destroy(pool);
}

TestSuite(aead, .init = start, .fini = stop);

struct row {
	const char *name;
	enum encr encr;
	uint8_t key_len, salt_len, iv_len, icv_len;
};

/* Names from the configuration, lengths from RFC 4106, 4309, 7634 and 8750. */
static const struct row rows[] = {
	{"chacha20-poly1305", 28, 32, 4, 8, 16},
	{"chacha20-poly1305-iiv", 31, 32, 4, 0, 16},
	{"aes-gcm-16", 20, 16, 4, 8, 16},
	{"aes-gcm-16-iiv", 30, 16, 4, 0, 16},
	{"aes-gcm-12", 19, 16, 4, 8, 12},
	{"aes-gcm-8", 18, 16, 4, 8, 8},
	{"aes-ccm-8", 14, 16, 3, 8, 8},
	{"aes-ccm-8-iiv", 29, 16, 3, 0, 8},
	{"aes-ccm-12", 15, 16, 3, 8, 12},
	{"aes-ccm-16", 16, 16, 3, 8, 16},
	{"aes256-gcm-16", 20, 32, 4, 8, 16},
	{"aes256-gcm-16-iiv", 30, 32, 4, 0, 16},
	{"aes256-gcm-12", 19, 32, 4, 8, 12},
	{"aes256-gcm-8", 18, 32, 4, 8, 8},
	{"aes256-ccm-8", 14, 32, 3, 8, 8},
	{"aes256-ccm-8-iiv", 29, 32, 3, 0, 8},
	{"aes256-ccm-12", 15, 32, 3, 8, 12},
	{"aes256-ccm-16", 16, 32, 3, 8, 16},
	/* never offered unasked */
	{"aes192-gcm-16", 20, 24, 4, 8, 16},
	{"aes192-gcm-16-iiv", 30, 24, 4, 0, 16},
	{"aes192-gcm-12", 19, 24, 4, 8, 12},
	{"aes192-gcm-8", 18, 24, 4, 8, 8},
	{"aes192-ccm-8", 14, 24, 3, 8, 8},
	{"aes192-ccm-8-iiv", 29, 24, 3, 0, 8},
	{"aes192-ccm-12", 15, 24, 3, 8, 12},
	{"aes192-ccm-16", 16, 24, 3, 8, 16},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]), OFFERED = 18 };

static const struct aead_suite *suite_of(size_t row)
{
	const struct aead_suite *suite = aead_suite_by_name(rows[row].name);

	cr_assert_not_null(suite, "%s", rows[row].name);
	return suite;
}

Test(aead, table)
{
	for (size_t i = 0; i < ROWS; i++) {
		const struct row *row = &rows[i];
		const struct aead_suite *suite = suite_of(i);
		size_t keymat_len = (size_t)row->key_len + row->salt_len;

		cr_assert_eq(suite, aead_suite_find(row->encr, keymat_len), "%s", row->name);
		cr_assert_eq(aead_suite_at(i), i < OFFERED ? suite : NULL, "%s", row->name);
		cr_assert_str_eq(suite->name, row->name);
		cr_assert_eq(suite->encr, row->encr, "%s", row->name);
		cr_assert_eq(suite->key_len, row->key_len, "%s", row->name);
		cr_assert_eq(suite->salt_len, row->salt_len, "%s", row->name);
		cr_assert_eq(suite->iv_len, row->iv_len, "%s", row->name);
		cr_assert_eq(suite->icv_len, row->icv_len, "%s", row->name);
		cr_assert_leq(keymat_len, (size_t)AEAD_KEYMAT_MAX, "%s", row->name);
		cr_assert_leq(suite->salt_len + 8, AEAD_NONCE_MAX, "%s", row->name);
	}
	cr_assert_null(aead_suite_find(ENCR_AES_GCM_16, 19));
	cr_assert_null(aead_suite_find(ENCR_CHACHA20_POLY1305, 20));
	cr_assert_null(aead_suite_find((enum encr)12, 16));
	cr_assert_null(aead_suite_by_name("aes-cbc"));
	cr_assert_null(aead_suite_by_name(""));
	cr_assert_null(aead_suite_at((size_t)-1));
}

/* libsodium alone, OpenSSL alone. */
static const size_t evp_from[] = {AEAD_CHOICE_NEVER, 0};

static void both_providers(const struct aead_case *c)
{
	for (size_t i = 0; i < 2; i++) {
		aead_pool_prefer_evp_from(pool, evp_from[i]);
		check_aead_case(pool, aead_suite_find(ENCR_CHACHA20_POLY1305, 36), c);
		check_aead_case(pool, aead_suite_find(ENCR_CHACHA20_POLY1305_IIV, 36), c);
	}
}

/* The ESP packet of appendix A, ICV included. */
Test(aead, rfc7634_appendix_a)
{
	static struct aead_case c = {.where = "RFC 7634 A", .valid = true, .has_msg = true};

	unhex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", &c.key);
	unhex("a0a1a2a31011121314151617", &c.nonce);
	unhex("0102030400000005", &c.aad);
	unhex("45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10"
	      "0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
	      "2425262728292a2b2c2d2e2f303132333435363701020204",
		&c.msg);
	unhex("24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6"
	      "14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3"
	      "cbec163fac469b502773f6fb94e664da9165b82829f641e0",
		&c.ct);
	unhex("76aaa8266b7fb0f7b11b369907e1ad43", &c.tag);
	cr_assert_eq(c.msg.len, 88);
	cr_assert_eq(c.ct.len, c.msg.len);
	both_providers(&c);
}

Test(aead, rfc8439_2_8_2)
{
	static const char text[] = "Ladies and Gentlemen of the class of '99: If I could offer you "
				   "only one tip for the future, sunscreen would be it.";
	static struct aead_case c = {.where = "RFC 8439 2.8.2", .valid = true, .has_msg = true};

	unhex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", &c.key);
	unhex("070000004041424344454647", &c.nonce);
	unhex("50515253c0c1c2c3c4c5c6c7", &c.aad);
	memcpy(c.msg.data, text, sizeof(text) - 1);
	c.msg.len = sizeof(text) - 1;
	unhex("d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
	      "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
	      "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
	      "3ff4def08e4b7a9de576d26586cec64b6116",
		&c.ct);
	unhex("1ae10b594f09e26a7e902ecbd0600691", &c.tag);
	cr_assert_eq(c.ct.len, c.msg.len);
	both_providers(&c);
}

/* A model of CCM on single AES blocks, written after RFC 3610 section 2. */

struct ccm {
	EVP_CIPHER_CTX *aes;
	const uint8_t *nonce;
	size_t nonce_len, icv_len;
	uint8_t mac[16];
	size_t fill;
};

static void aes_block(const struct ccm *m, const uint8_t in[16], uint8_t out[16])
{
	int n;

	cr_assert_eq(EVP_EncryptUpdate(m->aes, out, &n, in, 16), 1);
	cr_assert_eq(n, 16);
}

static void mac_flush(struct ccm *m)
{
	uint8_t out[16];

	if (m->fill == 0)
		return;
	aes_block(m, m->mac, out);
	memcpy(m->mac, out, 16);
	m->fill = 0;
}

static void mac_add(struct ccm *m, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		m->mac[m->fill++] ^= data[i];
		if (m->fill == 16)
			mac_flush(m);
	}
}

static void block_with_number(const struct ccm *m, uint8_t flags, size_t number, uint8_t out[16])
{
	memset(out, 0, 16);
	out[0] = flags;
	memcpy(out + 1, m->nonce, m->nonce_len);
	for (size_t i = 15; i > m->nonce_len; i--, number >>= 8)
		out[i] = (uint8_t)number;
}

static void key_stream(const struct ccm *m, size_t i, uint8_t out[16])
{
	uint8_t a[16];

	block_with_number(m, (uint8_t)(14 - m->nonce_len), i, a);
	aes_block(m, a, out);
}

static void model_seal(struct ccm *m, struct slice aad, uint8_t *data, size_t len)
{
	size_t l = 15 - m->nonce_len;
	uint8_t flags = (uint8_t)((aad.len > 0 ? 64 : 0) | (m->icv_len - 2) / 2 << 3 | (l - 1));
	uint8_t b[16];

	memset(m->mac, 0, sizeof(m->mac));
	m->fill = 0;
	block_with_number(m, flags, len, b);
	mac_add(m, b, 16);
	if (aad.len > 0) {
		mac_add(m, (uint8_t[2]){(uint8_t)(aad.len >> 8), (uint8_t)aad.len}, 2);
		mac_add(m, aad.data, aad.len);
		mac_flush(m);
	}
	mac_add(m, data, len);
	mac_flush(m);
	for (size_t i = 0; i < len; i++) {
		if (i % 16 == 0)
			key_stream(m, i / 16 + 1, b);
		data[i] ^= b[i % 16];
	}
	key_stream(m, 0, b);
	for (size_t i = 0; i < m->icv_len; i++)
		data[len + i] = m->mac[i] ^ b[i];
}

static void model_open(struct ccm *m, const uint8_t *key, size_t key_len)
{
	const EVP_CIPHER *aes = key_len == 16   ? EVP_aes_128_ecb()
				: key_len == 24 ? EVP_aes_192_ecb()
						: EVP_aes_256_ecb();

	m->aes = EVP_CIPHER_CTX_new();
	cr_assert_eq(EVP_EncryptInit_ex(m->aes, aes, NULL, key, NULL), 1);
	EVP_CIPHER_CTX_set_padding(m->aes, 0);
}

static void model_vs_rfc3610(void)
{
	static struct octets key, nonce, packet, out;
	struct ccm m = {.icv_len = 8};

	unhex("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf", &key);
	unhex("00000003020100a0a1a2a3a4a5", &nonce);
	unhex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e", &packet);
	unhex("588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0", &out);
	m.nonce = nonce.data;
	m.nonce_len = nonce.len;
	model_open(&m, key.data, key.len);
	model_seal(&m, (struct slice){packet.data, 8}, packet.data + 8, 23);
	cr_assert(same(&out, packet.data + 8, 31), "the model itself, packet vector 1");
	EVP_CIPHER_CTX_free(m.aes);
}

static void suite_vs_model(const struct aead_suite *suite, uint32_t *seed)
{
	uint8_t keymat[AEAD_KEYMAT_MAX];
	uint8_t nonce[AEAD_NONCE_MAX];
	uint8_t aad[32];
	static uint8_t ours[TEXT_MAX + AEAD_ICV_MAX];
	static uint8_t model[TEXT_MAX + AEAD_ICV_MAX];
	struct ccm m = {.nonce = nonce, .nonce_len = 11, .icv_len = suite->icv_len};
	struct aead_key key;

	fill(seed, keymat, sizeof(keymat));
	memcpy(nonce, keymat + suite->key_len, 3);
	aead_key_init(&key, pool, suite, keymat);
	model_open(&m, keymat, suite->key_len);
	for (size_t len = 0; len < 70; len++) {
		struct slice a = {aad, draw(seed) % sizeof(aad)};

		fill(seed, nonce + 3, 8);
		fill(seed, aad, sizeof(aad));
		fill(seed, ours, len);
		memcpy(model, ours, len);
		model_seal(&m, a, model, len);
		cr_assert_eq(aead_seal(&key, nonce + 3, a, ours, len), 0);
		cr_assert_arr_eq(
			ours, model, len + suite->icv_len, "%s, %zu octets", suite->name, len);
	}
	EVP_CIPHER_CTX_free(m.aes);
	aead_key_fini(&key);
}

Test(aead, ccm_against_model)
{
	uint32_t seed = 3610;
	unsigned n = 0;

	model_vs_rfc3610();
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].salt_len == 3) {
			suite_vs_model(suite_of(i), &seed);
			n++;
		}
	cr_assert_eq(n, 12);
	printf("aes-ccm: %u suites agree with a model of RFC 3610, 70 lengths each\n", n);
}

struct packet {
	uint8_t iv[8], aad[12];
	struct slice a;
	uint8_t text[TEXT_MAX], data[TEXT_MAX + AEAD_ICV_MAX];
	size_t len, sealed;
};

static void random_packet(struct packet *p, uint32_t *seed, size_t len)
{
	fill(seed, p->iv, sizeof(p->iv));
	fill(seed, p->aad, sizeof(p->aad));
	p->a = (struct slice){p->aad, (size_t[]){8, 12, 0}[draw(seed) % 3]};
	fill(seed, p->text, len);
	memcpy(p->data, p->text, len);
	p->len = len;
}

static void seal_packet(struct aead_key *key, struct packet *p)
{
	cr_assert_eq(aead_seal(key, p->iv, p->a, p->data, p->len), 0);
	p->sealed = p->len + key->suite->icv_len;
	cr_assert(p->len < 8 || memcmp(p->data, p->text, p->len) != 0);
}

static void open_packet(struct aead_key *key, struct packet *p)
{
	cr_assert_eq(aead_open(key, p->iv, p->a, p->data, p->sealed), 0, "%s", key->suite->name);
	cr_assert_arr_eq(p->data, p->text, p->len, "%s", key->suite->name);
}

Test(aead, round_trip_every_length)
{
	static struct packet p;
	uint32_t seed = 4303;
	unsigned n = 0;

	for (size_t i = 0; i < ROWS; i++) {
		uint8_t keymat[AEAD_KEYMAT_MAX];
		struct aead_key out, in;

		fill(&seed, keymat, sizeof(keymat));
		aead_key_init(&out, pool, suite_of(i), keymat);
		aead_key_init(&in, pool, suite_of(i), keymat);
		for (size_t len = 0; len <= TEXT_MAX; len += len < 66 ? 1 : 61) {
			random_packet(&p, &seed, len);
			seal_packet(&out, &p);
			open_packet(&in, &p);
			n++;
		}
		aead_key_fini(&out);
		aead_key_fini(&in);
	}
	printf("aead: %u packets of %d suites there and back\n", n, ROWS);
}

/* The library must not write behind the ICV nor in front of the text. */
Test(aead, stays_in_its_octets)
{
	uint8_t keymat[AEAD_KEYMAT_MAX] = {7};
	uint8_t iv[8] = {1};

	aead_pool_prefer_evp_from(pool, 20);
	for (size_t i = 0; i < ROWS; i++)
		for (size_t len = 0; len < 40; len++) {
			const struct aead_suite *suite = suite_of(i);
			size_t total = len + suite->icv_len;
			uint8_t *block = malloc(total);
			struct aead_key key;

			memset(block, 0x55, total);
			aead_key_init(&key, pool, suite, keymat);
			cr_assert_eq(aead_seal(&key, iv, (struct slice){0}, block, len), 0);
			cr_assert_eq(aead_open(&key, iv, (struct slice){0}, block, total), 0);
			aead_key_fini(&key);
			free(block);
		}
}

static void must_refuse(struct aead_key *key, const struct packet *p, const char *what)
{
	static uint8_t copy[TEXT_MAX + AEAD_ICV_MAX];

	memcpy(copy, p->data, p->sealed);
	cr_assert_eq(aead_open(key, p->iv, p->a, copy, p->sealed), -EBADMSG, "%s, %s",
		key->suite->name, what);
	cr_assert(all_zero(copy, p->sealed), "%s, %s: not destroyed", key->suite->name, what);
}

static unsigned flip_all(
	struct aead_key *key, const struct packet *p, uint8_t *octets, size_t len, const char *what)
{
	unsigned n = 0;

	for (size_t bit = 0; bit < len * 8; bit++, n++) {
		octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
		must_refuse(key, p, what);
		octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	return n;
}

static unsigned tamper(const struct aead_suite *suite, uint32_t *seed, size_t len)
{
	static struct packet p;
	uint8_t keymat[AEAD_KEYMAT_MAX];
	struct aead_key key;
	unsigned n;

	fill(seed, keymat, sizeof(keymat));
	aead_key_init(&key, pool, suite, keymat);
	random_packet(&p, seed, len);
	seal_packet(&key, &p);
	n = flip_all(&key, &p, p.data, p.sealed, "text or ICV");
	n += flip_all(&key, &p, p.aad, p.a.len, "AAD");
	n += flip_all(&key, &p, p.iv, sizeof(p.iv), "IV");
	n += flip_all(&key, &p, key.keymat + suite->key_len, suite->salt_len, "salt");
	for (; p.sealed > 0; n++) {
		p.sealed--;
		must_refuse(&key, &p, "cut short");
	}
	p.sealed = p.len + suite->icv_len;
	open_packet(&key, &p);
	aead_key_fini(&key);
	return n;
}

Test(aead, every_flipped_bit_is_refused)
{
	uint32_t seed = 4302;
	unsigned n = 0;

	for (size_t i = 0; i < ROWS; i++)
		n += tamper(suite_of(i), &seed, 53) + tamper(suite_of(i), &seed, 0);
	aead_pool_prefer_evp_from(pool, 0);
	for (size_t i = 0; i < 2; i++)
		n += tamper(suite_of(i), &seed, 53) + tamper(suite_of(i), &seed, 0);
	printf("aead: %u flipped bits and cut packets of %d suites refused\n", n, ROWS);
}

enum { KEYS = 3 * ROWS };

static uint8_t pool_keymat[KEYS][AEAD_KEYMAT_MAX];

static void init_keys(struct aead_key *keys, struct aead_pool *from, uint32_t *seed)
{
	for (size_t i = 0; i < KEYS; i++) {
		fill(seed, pool_keymat[i], AEAD_KEYMAT_MAX);
		aead_key_init(&keys[i], from, suite_of(i % ROWS), pool_keymat[i]);
	}
}

/* What a context of its own makes of the packet. */
static void check_against_fresh(size_t i, const struct packet *p)
{
	static struct packet q;
	struct aead_pool *fresh = aead_pool_create(1);
	struct aead_key key;

	cr_assert_not_null(fresh);
	aead_pool_prefer_evp_from(fresh, AEAD_CHOICE_NEVER);
	memcpy(&q, p, sizeof(q));
	memcpy(q.data, q.text, q.len);
	aead_key_init(&key, fresh, suite_of(i % ROWS), pool_keymat[i]);
	seal_packet(&key, &q);
	cr_assert_arr_eq(q.data, p->data, p->sealed, "%s", key.suite->name);
	cr_assert_eq(aead_pool_misses(fresh), 0);
	aead_key_fini(&key);
	aead_pool_destroy(fresh);
}

Test(aead, pool_interleaved)
{
	static struct aead_key out[KEYS], in[KEYS];
	static struct packet p;
	uint32_t seed = 8750;
	unsigned n = 0;

	aead_pool_prefer_evp_from(pool, 100);
	init_keys(out, pool, &seed);
	for (size_t i = 0; i < KEYS; i++)
		aead_key_init(&in[i], pool, out[i].suite, pool_keymat[i]);
	for (; n < 4000; n++) {
		/* Now and then several packets of one key in a row, as on a real wire. */
		size_t i = n % 5 < 3 ? (n / 5) % KEYS : draw(&seed) % KEYS;

		random_packet(&p, &seed, draw(&seed) % 200);
		seal_packet(&out[i], &p);
		check_against_fresh(i, &p);
		if (n % 3 == 0)
			must_refuse(&in[(i + ROWS) % KEYS], &p, "another key");
		open_packet(&in[i], &p);
	}
	cr_assert_gt(aead_pool_misses(pool), 1000);
	for (size_t i = 0; i < KEYS; i++) {
		aead_key_fini(&out[i]);
		aead_key_fini(&in[i]);
		cr_assert(all_zero((const uint8_t *)&out[i], sizeof(out[i])), "not wiped");
	}
	printf("pool: %u packets of %d keys over 4 contexts as from fresh ones\n", n, 2 * KEYS);
}

static void use(struct aead_key *key)
{
	uint8_t data[1 + AEAD_ICV_MAX] = {0};

	cr_assert_eq(aead_seal(key, (uint8_t[8]){0}, (struct slice){0}, data, 1), 0);
}

/* Least recently used first; a finished key's context costs nobody a miss; ChaCha20 needs none. */
Test(aead, pool_misses)
{
	static const uint64_t after[] = {0, 0, 0, 0, 0, 1, 1, 2, 3, 3};
	static const size_t order[] = {0, 1, 2, 3, 0, 4, 0, 1, 2, 4};
	const struct aead_suite *gcm = suite_of(2);
	uint8_t keymat[AEAD_KEYMAT_MAX] = {1};
	struct aead_key key[5], last, chacha;

	for (size_t i = 0; i < 5; i++)
		aead_key_init(&key[i], pool, gcm, keymat);
	for (size_t i = 0; i < 10; i++) {
		use(&key[order[i]]);
		cr_assert_eq(aead_pool_misses(pool), after[i], "step %zu", i);
	}
	aead_key_fini(&key[0]);
	aead_key_init(&last, pool, suite_of(6), keymat);
	use(&last);
	aead_key_init(&chacha, NULL, suite_of(0), keymat);
	use(&chacha);
	cr_assert_eq(aead_pool_misses(pool), 3);
	use(&key[4]);
	cr_assert_eq(aead_pool_misses(pool), 3);
	aead_key_fini(&chacha);
	aead_key_fini(&last);
	for (size_t i = 1; i < 5; i++)
		aead_key_fini(&key[i]);
}

Test(aead, pool_of_one)
{
	struct aead_pool *one = aead_pool_create(0);
	static struct packet p;
	uint32_t seed = 1;
	struct aead_key a, b;

	cr_assert_not_null(one);
	aead_key_init(&a, one, suite_of(2), (uint8_t[AEAD_KEYMAT_MAX]){1});
	aead_key_init(&b, one, suite_of(6), (uint8_t[AEAD_KEYMAT_MAX]){2});
	for (int i = 0; i < 10; i++)
		for (struct aead_key *key = &a; key != NULL; key = key == &a ? &b : NULL) {
			random_packet(&p, &seed, 40);
			seal_packet(key, &p);
			open_packet(key, &p);
		}
	cr_assert_eq(aead_pool_misses(one), 19);
	aead_key_fini(&a);
	aead_key_fini(&b);
	aead_pool_destroy(one);
	cr_assert_null(aead_pool_create(SIZE_MAX));
	aead_pool_destroy(NULL);
}

#ifdef DIETVPN_SEAL_LOG

static void log_of_one(const char *path, size_t row)
{
	const struct aead_suite *suite = suite_of(row);
	static struct octets id, nonce;
	uint8_t keymat[AEAD_KEYMAT_MAX], want_id[HASH_DIGEST_LEN], want[AEAD_NONCE_MAX];
	size_t keymat_len = (size_t)suite->key_len + suite->salt_len;
	struct aead_key key;
	char line[256], more[2];
	static struct packet p;
	uint32_t seed = 41;
	FILE *file;

	fill(&seed, keymat, sizeof(keymat));
	hash_digest((struct slice){keymat, keymat_len}, want_id);
	aead_key_init(&key, pool, suite, keymat);
	random_packet(&p, &seed, 10);
	memcpy(want, keymat + suite->key_len, suite->salt_len);
	memcpy(want + suite->salt_len, p.iv, 8);
	cr_assert_eq(truncate(path, 0), 0);
	seal_packet(&key, &p);
	open_packet(&key, &p);
	aead_key_fini(&key);
	file = fopen(path, "r");
	cr_assert_not_null(file);
	cr_assert_not_null(fgets(line, sizeof(line), file), "no line");
	cr_assert_null(fgets(more, sizeof(more), file), "more than one line");
	fclose(file);
	cr_assert_eq(strlen(line), 2u * (HASH_DIGEST_LEN + 8 + suite->salt_len) + 2);
	cr_assert_eq(line[32], ' ');
	cr_assert_eq(line[strlen(line) - 1], '\n');
	line[32] = '\0';
	unhex(line, &id);
	unhex(line + 33, &nonce);
	cr_assert(same(&id, want_id, sizeof(want_id)));
	cr_assert(same(&nonce, want, suite->salt_len + 8u));
}

Test(aead, seal_log)
{
	char path[] = "seal-log-XXXXXX";
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	close(fd);
	setenv("DIETVPN_SEAL_LOG", path, 1);
	for (size_t i = 0; i < ROWS; i++)
		log_of_one(path, i);
	unlink(path);
	printf("seal log: one line per packet for %d suites\n", ROWS);
}

/* A packet without its line must not exist. */
Test(aead, seal_log_unwritable)
{
	uint8_t data[4 + AEAD_ICV_MAX] = {1, 2, 3, 4};
	struct aead_key key;

	setenv("DIETVPN_SEAL_LOG", "/dev/full", 1);
	aead_key_init(&key, pool, suite_of(2), (uint8_t[AEAD_KEYMAT_MAX]){1});
	cr_assert_eq(aead_seal(&key, (uint8_t[8]){0}, (struct slice){0}, data, 4), -EIO);
	cr_assert_arr_eq(data, ((uint8_t[]){1, 2, 3, 4}), 4);
	aead_key_fini(&key);
}

#endif
