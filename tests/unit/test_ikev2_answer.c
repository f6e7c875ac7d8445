/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer to an IKE_SA_INIT is no longer than its question: the smallest legal requests, with
 * and without each notify, to gateways of every kind (trust.md 3, RFC 7296 1.2).
 */
#include "fakes/fake_host.h"

#include "codec/tree.h"
#include "crypto/secret.h"
#include "ikev2/message.h"
#include "ikev2/numbers.h"
#include "ikev2/payload.h"
#include "ikev2/payload_sa.h"
#include "keying/plugin.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

extern const struct keying_plugin_ops keying_plugin_ikev2;

enum {
	POLICY = 10,
	REQUEST_MAX = 600,
	HALF_LIFE = 36000,
	X25519 = 31,
	P256 = 19,
	LEGAL = 0, /* as long as half the key of its PRF */
	NONCE_SHORT = 16,
	ROOM = 13, /* what CERTREQ and CHILDLESS take */
};

/* What a request may say. */
enum {
	SAYS_SOURCE = 1,
	SAYS_DESTINATION = 2,
	SAYS_HASHES = 4,
	SAYS_PPK = 8,
	SAYS_CHILDLESS = 16,
	SAYS_FRAGMENTS = 32,
	SAYS_ALL = 63,
};

static const struct keying_plugin_ops *const ops = &keying_plugin_ikev2;
static struct fake_host fake;
static struct keying *k;

#define PEER \
	"Keying = ikev2\nRole = responder\nCipher = chacha20-poly1305, aes-gcm-16, aes256-ccm-8\n"
#define WITH    PEER "Address = fd00:1::7\nPsk = keys/psk\n"
#define MIXED   WITH "Ppk = keys/ppk\nPpkId = shelf\n"
#define DEVICES "[Peer \"sensor-*\"]\n" PEER "Address = fd00::/64\n"

static const struct gateway {
	const char *peers;
	bool ppk, keys;
} gateways[] = {
	{"[Peer \"a\"]\n" WITH, false, false},
	{"[Peer \"a\"]\n" MIXED, true, false},
	{DEVICES, false, true},
	{"[Peer \"a\"]\n" MIXED DEVICES, true, true},
};

static void begin_gateway(const struct gateway *g)
{
	static struct tree_writer w;
	static struct config_errors errors;
	const uint32_t policies[] = {POLICY, POLICY + 1};
	struct config config;
	char text[800];
	int n = snprintf(text, sizeof text,
		"[Interface]\nName = diet0\nAddress = fd00::1/64, fd00:1::1/64\nId = gw\n"
		"Master = keys/master\n%s",
		g->peers);

	fake_host_init(&fake);
	fake.now_ms = 1000000;
	fake_host_secret(&fake, "Master", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 0);
	fake_host_secret(&fake, "a/Psk", "one secret for both ends", 0);
	fake_host_secret(&fake, "a/Ppk", "a post-quantum secret", 0);
	if (g->keys)
		fake_host_secret(
			&fake, "sensor-*/Key", "yAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 0);
	memset(&errors, 0, sizeof errors);
	cr_assert_eq(config_load_text("home", text, (size_t)n, &config, &errors), 0, "%s",
		errors.list[0].text);
	tree_writer_fini(&w);
	tree_writer_init(&w);
	plugin_write_config(&w, &config, "ikev2", policies);
	config_fini(&config);
	cr_assert_eq(ops->create(&fake.table, (struct slice){w.data, w.len}, &k), 0, "%s",
		fake.errors[0].text);
	cr_assert_eq(ops->start(k), 0);
}

struct request {
	uint16_t encr, bits, prf, group;
	size_t nonce_len, room;
	unsigned says;
};

static size_t public_len(const struct request *r)
{
	return r->group == X25519 ? 32 : 64;
}

/* The least that is legal, and what it says. */
static size_t write_request(const struct request *r, uint32_t number, uint8_t out[REQUEST_MAX])
{
	static const uint8_t zeros[64] = {9};
	static const uint8_t identity[] = {0, 5};
	struct message head = {.exchange = IKE_SA_INIT, .flags = MESSAGE_FLAG_INITIATOR};
	struct allowed a = {.protocol = PROTOCOL_IKE, .n_suites = 1, .n_prfs = 1, .n_groups = 1};
	struct message_writer w;

	a.suites[0].encr = r->encr;
	a.suites[0].key_bits = r->bits;
	a.prfs[0] = r->prf;
	a.groups[0] = r->group;
	memcpy(head.spis, &number, sizeof number);
	head.spis[7] = 1;
	message_begin(&w, &head, false, out, REQUEST_MAX);
	payload_sa_offer(&w.payloads, &a, (struct slice){NULL, 0});
	payload_add_ke(&w.payloads, r->group, (struct slice){zeros, public_len(r)});
	payload_add(&w.payloads, PAYLOAD_NONCE, (struct slice){zeros, r->nonce_len});
	if (r->says & SAYS_SOURCE)
		payload_add_notify(&w.payloads, NAT_DETECTION_SOURCE_IP, (struct slice){zeros, 20});
	if (r->says & SAYS_DESTINATION)
		payload_add_notify(
			&w.payloads, NAT_DETECTION_DESTINATION_IP, (struct slice){zeros, 20});
	if (r->says & SAYS_HASHES)
		payload_add_notify(&w.payloads, SIGNATURE_HASH_ALGORITHMS,
			(struct slice){identity, sizeof identity});
	if (r->says & SAYS_PPK)
		payload_add_notify(&w.payloads, USE_PPK, (struct slice){NULL, 0});
	if (r->says & SAYS_CHILDLESS)
		payload_add_notify_ike(&w.payloads, CHILDLESS_IKEV2_SUPPORTED);
	if (r->says & SAYS_FRAGMENTS)
		payload_add_notify(
			&w.payloads, IKEV2_FRAGMENTATION_SUPPORTED, (struct slice){NULL, 0});
	if (r->room)
		payload_add(&w.payloads, PAYLOAD_VENDOR, (struct slice){zeros, r->room});
	return message_end(&w, NULL, 0);
}

/* Each comes alone: what was before is forgotten. */
static struct slice ask(const struct request *r, uint32_t number, size_t *len)
{
	static uint8_t octets[REQUEST_MAX];
	struct keying_datagram d = {.local = {{4, {192, 0, 2, 1}}, 500},
		.remote = {{4, {10, (uint8_t)(number >> 8), (uint8_t)number, 1}}, 500}};
	uint32_t timer;

	while (fake_host_advance(&fake, HALF_LIFE, &timer))
		ops->timeout(k, timer);
	*len = write_request(r, number, octets);
	cr_assert(*len);
	d.payload = (struct slice){octets, *len};
	fake.n_sent = 0;
	ops->datagram(k, &d);
	cr_assert_leq(fake.n_sent, 1u);
	return fake.n_sent ? (struct slice){fake.sent[0].data, fake.sent[0].len}
			   : (struct slice){NULL, 0};
}

static void parse(struct slice answer, struct payloads *p)
{
	struct message m;

	cr_assert_eq(message_parse(answer, &m), 0);
	cr_assert_eq(
		payloads_parse(m.first,
			(struct slice){answer.data + IKE_HEADER_LEN, answer.len - IKE_HEADER_LEN},
			p),
		0);
}

/* What the request says is answered; what nobody has paid for is left out. */
static void expect_answer(
	const struct gateway *g, const struct request *r, struct slice answer, size_t asked)
{
	struct payloads p;
	const struct notify *n;

	cr_assert(answer.len && answer.len <= asked, "%#x: %zu to %zu", r->says, answer.len, asked);
	parse(answer, &p);
	cr_assert(p.sa.data && p.ke.data && p.nonce.data, "%#x", r->says);
	cr_assert_eq(payloads_notify(&p, NAT_DETECTION_DESTINATION_IP) != NULL,
		(r->says & (SAYS_SOURCE | SAYS_DESTINATION)) == (SAYS_SOURCE | SAYS_DESTINATION));
	cr_assert_eq(payloads_notify(&p, USE_PPK) != NULL, g->ppk && r->says & SAYS_PPK);
	cr_assert(!(r->says & SAYS_CHILDLESS) || payloads_notify(&p, CHILDLESS_IKEV2_SUPPORTED));
	cr_assert_eq(payloads_notify(&p, IKEV2_FRAGMENTATION_SUPPORTED) != NULL,
		(r->says & SAYS_FRAGMENTS) != 0);
	n = payloads_notify(&p, SIGNATURE_HASH_ALGORITHMS);
	cr_assert_eq(n != NULL, g->keys && r->says & SAYS_HASHES, "%#x", r->says);
	/* the one that the peer lists itself is the last to go */
	cr_assert(!n || n->data.data[n->data.len - 1] == 5);
	if (!r->room)
		return;
	cr_assert_eq(p.certreq_raw, g->keys);
	cr_assert(payloads_notify(&p, CHILDLESS_IKEV2_SUPPORTED));
}

static const struct request smallest[] = {
	{ENCR_CHACHA20_POLY1305, 0, 5, X25519, 16, 0, 0},
	{ENCR_CHACHA20_POLY1305, 0, 5, P256, 16, 0, 0},
	{ENCR_AES_GCM_16, 128, 6, X25519, 24, 0, 0},
	{ENCR_AES_CCM_8, 256, 7, P256, 32, 0, 0},
};

Test(ikev2_answer, no_longer_than_the_question)
{
	cr_assert_eq(crypto_init(), 0);
	for (size_t g = 0; g < sizeof gateways / sizeof *gateways; g++) {
		uint32_t number = 0;

		begin_gateway(&gateways[g]);
		for (size_t i = 0; i < sizeof smallest / sizeof *smallest; i++)
			for (unsigned says = 0; says <= SAYS_ALL; says++)
				for (int room = 0; room < 2; room++) {
					struct request r = smallest[i];
					struct slice answer;
					size_t asked;

					r.says = says;
					r.room = room ? ROOM + 2 : 0; /* a hash more */
					answer = ask(&r, ++number, &asked);
					expect_answer(&gateways[g], &r, answer, asked);
				}
		ops->stop(k);
		ops->destroy(k);
	}
}

/* Where its nonce is shorter than the PRF lets it be, ours is the longer one: paid for by something
 * else, or refused. */
Test(ikev2_answer, a_nonce_that_is_too_short)
{
	size_t refused = 0;

	cr_assert_eq(crypto_init(), 0);
	begin_gateway(&gateways[0]);
	for (size_t i = 2; i < sizeof smallest / sizeof *smallest; i++)
		for (unsigned says = 0; says <= SAYS_ALL; says++) {
			struct request r = smallest[i];
			struct slice answer;
			struct payloads p;
			size_t asked;

			r.says = says;
			r.nonce_len = NONCE_SHORT;
			answer = ask(&r, says + 1000 * (uint32_t)i, &asked);
			cr_assert(answer.len && answer.len <= asked, "%#x", says);
			parse(answer, &p);
			cr_assert_eq(!p.sa.data, payloads_notify(&p, NO_PROPOSAL_CHOSEN) != NULL);
			refused += !p.sa.data;
		}
	cr_assert(refused > 0 && refused < 128, "%zu", refused);
	ops->stop(k);
	ops->destroy(k);
	cr_assert_eq(fake_host_living(&fake), 0u);
}
