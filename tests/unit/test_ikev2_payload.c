/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/ikev2/payload*.c: recorded strongSwan messages, the sizes of ikev2.md 7.2, hostile
 * chains. */
#include "ikev2/payload.h"
#include "ikev2/payload_cert.h"
#include "ikev2/payload_sa.h"
#include "ikev2/payload_ts.h"

#include "base/wire.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

static struct slice bytes(const uint8_t *data, size_t len)
{
	return (struct slice){data, len};
}

/* Cuts what a writer made. */
static int again(const struct payload_writer *w, struct payloads *p)
{
	return payloads_parse(w->first, bytes(w->data, w->len), p);
}

static const struct allowed ike = {
	.protocol = PROTOCOL_IKE,
	.suites = {{28, 0}},
	.prfs = {5},
	.groups = {31},
	.n_suites = 1,
	.n_prfs = 1,
	.n_groups = 1,
};
static const struct allowed esp = {
	.protocol = PROTOCOL_ESP,
	.suites = {{31, 0}, {28, 0}, {20, 256}, {14, 128}},
	.groups = {31},
	.esn = {1, 0},
	.n_suites = 4,
	.n_groups = 1,
	.n_esn = 2,
	.groups_optional = true,
};

Test(ikev2_payload, smallest_sizes)
{
	uint8_t out[512];
	uint8_t spi[4] = {1, 2, 3, 4};
	uint8_t nonce[16] = {0};
	uint8_t ke[32] = {0};
	struct payload_writer w;
	struct chosen chosen = {.number = 1, .encr = 28, .esn = 0};

	payload_writer_init(&w, out, sizeof out);
	payload_sa_offer(&w, &ike, bytes(NULL, 0));
	cr_assert_eq(w.len, 36u);
	payload_add_ke(&w, 31, bytes(ke, 32));
	payload_add(&w, PAYLOAD_NONCE, bytes(nonce, 16));
	cr_assert_eq(28 + w.len, 124u, "IKE_SA_INIT of ikev2.md 7.2");
	payload_writer_init(&w, out, sizeof out);
	payload_sa_answer(&w, PROTOCOL_ESP, &chosen, bytes(spi, 4));
	cr_assert_eq(w.len, 32u);
	payload_writer_init(&w, out, sizeof out);
	payload_add_delete_ike(&w);
	cr_assert_eq(w.len, 8u);
	payload_add_delete_child(&w, 0x01020304);
	cr_assert_eq(w.len, 20u);
}

Test(ikev2_payload, offer_and_answer)
{
	uint8_t out[512];
	uint8_t spi[4] = {9, 8, 7, 6};
	struct payload_writer w;
	struct payloads p;
	struct chosen chosen;
	struct chosen answer;
	struct allowed only = esp;

	payload_writer_init(&w, out, sizeof out);
	payload_sa_offer(&w, &esp, bytes(spi, 4));
	cr_assert_eq(again(&w, &p), 0);
	cr_assert_eq(payload_sa_choose(p.sa, &esp, 0, &chosen), 0);
	cr_assert_eq(chosen.encr, 31);
	cr_assert_eq(chosen.esn, 1);
	cr_assert_eq(chosen.group, 31);
	cr_assert_eq(get_be32(chosen.spi), 0x09080706u);
	/* the other side's list decides among ours */
	only.suites[0].encr = 14;
	only.suites[0].key_bits = 128;
	only.n_suites = 1;
	only.esn[0] = 0;
	only.n_esn = 1;
	cr_assert_eq(payload_sa_choose(p.sa, &only, 0, &chosen), 0);
	cr_assert_eq(chosen.encr, 14);
	cr_assert_eq(chosen.key_bits, 128);
	cr_assert_eq(chosen.esn, 0);
	only.suites[0].key_bits = 256;
	cr_assert_eq(payload_sa_choose(p.sa, &only, 0, &chosen), -ENOENT);
	chosen = (struct chosen){.number = 1, .encr = 20, .key_bits = 256, .esn = 1};
	payload_writer_init(&w, out, sizeof out);
	payload_sa_answer(&w, PROTOCOL_ESP, &chosen, bytes(spi, 4));
	cr_assert_eq(again(&w, &p), 0);
	cr_assert_eq(payload_sa_accept(p.sa, &esp, &answer), 0);
	cr_assert_eq(answer.key_bits, 256);
	/* an answer that was never offered, and one that chooses two */
	cr_assert_eq(payload_sa_accept(p.sa, &only, &answer), -EBADMSG);
	payload_writer_init(&w, out, sizeof out);
	payload_sa_offer(&w, &esp, bytes(spi, 4));
	cr_assert_eq(again(&w, &p), 0);
	cr_assert_eq(payload_sa_accept(p.sa, &esp, &answer), -EBADMSG);
}

/* AES without its key length and a transform with an unknown attribute are not acceptable. */
Test(ikev2_payload, strange_transforms)
{
	static const uint8_t no_length[] = {0, 0, 0, 28, 1, 3, 4, 2, 1, 1, 1, 1, 3, 0, 0, 8, 1, 0,
		0, 20, 0, 0, 0, 8, 5, 0, 0, 0};
	static const uint8_t unknown[] = {0, 0, 0, 32, 1, 3, 4, 2, 1, 1, 1, 1, 3, 0, 0, 12, 1, 0, 0,
		28, 0x80, 15, 0, 1, 0, 0, 0, 8, 5, 0, 0, 0};
	static const uint8_t good[] = {0, 0, 0, 28, 1, 3, 4, 2, 1, 1, 1, 1, 3, 0, 0, 8, 1, 0, 0, 28,
		0, 0, 0, 8, 5, 0, 0, 0};
	struct chosen chosen;

	cr_assert(payload_sa_valid(bytes(no_length, sizeof no_length)));
	cr_assert_eq(
		payload_sa_choose(bytes(no_length, sizeof no_length), &esp, 0, &chosen), -ENOENT);
	cr_assert(payload_sa_valid(bytes(unknown, sizeof unknown)));
	cr_assert_eq(payload_sa_choose(bytes(unknown, sizeof unknown), &esp, 0, &chosen), -ENOENT);
	cr_assert_eq(payload_sa_choose(bytes(good, sizeof good), &esp, 0, &chosen), 0);
	cr_assert_eq(chosen.esn, 0);
	for (size_t n = 0; n < sizeof good; n++)
		cr_assert(!payload_sa_valid(bytes(good, n)), "%zu octets", n);
}

static struct ts v4(uint8_t first, uint8_t last, uint8_t proto, uint16_t port)
{
	struct ts ts = {.ip_proto = proto,
		.port_start = port,
		.port_end = port ? port : 65535,
		.addr_start = {4, {10, 0, 0, first}},
		.addr_end = {4, {10, 0, 0, last}}};

	return ts;
}

Test(ikev2_payload, selectors)
{
	uint8_t out[512];
	struct payload_writer w;
	struct payloads p;
	struct selectors offered = {{v4(5, 5, 17, 53), v4(0, 255, 0, 0)}, 2};
	struct selectors mine = {{v4(0, 127, 0, 0)}, 1};
	struct selectors read;
	struct selectors both;
	bool all;

	payload_writer_init(&w, out, sizeof out);
	payload_ts_add(&w, PAYLOAD_TSI, &offered);
	cr_assert_eq(w.len, 8u + 2 * 16);
	payload_ts_add(&w, PAYLOAD_TSR, &mine);
	cr_assert_eq(again(&w, &p), 0);
	payload_ts_parse(p.ts_i, &read, &all);
	cr_assert(all);
	cr_assert_eq(read.n, 2);
	/* the packet's own selector lies within what follows it: one remains */
	cr_assert(selectors_narrow(&read, &mine, &both));
	cr_assert_eq(both.n, 1);
	cr_assert_eq(both.list[0].addr_end.bytes[3], 127);
	cr_assert(selectors_within(&both, &offered) && selectors_within(&both, &mine));
	mine.list[0] = v4(200, 210, 6, 80);
	cr_assert(selectors_narrow(&read, &mine, &both));
	cr_assert_eq(both.list[0].ip_proto, 6);
	mine.list[0].addr_start.family = mine.list[0].addr_end.family = 6;
	cr_assert(!selectors_narrow(&read, &mine, &both));
	/* start above end, no selector, a length that is not its type's */
	out[12 + 7] = 9;
	out[12 + 11] = 1;
	cr_assert_eq(payloads_parse(w.first, bytes(out, w.len), &p), -EBADMSG);
}

Test(ikev2_payload, hostile_chains)
{
	struct payloads p;
	uint8_t many[65 * 4];
	static const uint8_t short_header[] = {0, 0, 0};
	static const uint8_t zero_length[] = {0, 0, 0, 0};
	static const uint8_t too_long[] = {0, 0, 0, 5};
	static const uint8_t trailing[] = {0, 0, 0, 4, 0};
	static const uint8_t critical[] = {0, 0x80, 0, 4};
	static const uint8_t delete_ah[] = {0, 0, 0, 12, 2, 4, 0, 1, 0, 0, 1, 0};
	static const uint8_t delete_many[] = {0, 0, 0, 12, 3, 4, 0x03, 0xe8, 0, 0, 1, 0};

	cr_assert_eq(payloads_parse(43, bytes(short_header, 3), &p), -EBADMSG);
	cr_assert_eq(payloads_parse(43, bytes(zero_length, 4), &p), -EBADMSG);
	cr_assert_eq(payloads_parse(43, bytes(too_long, 4), &p), -EBADMSG);
	cr_assert_eq(payloads_parse(43, bytes(trailing, 5), &p), -EBADMSG);
	cr_assert_eq(payloads_parse(200, bytes(critical, 4), &p), 0);
	cr_assert_eq(p.critical, 200);
	cr_assert_eq(payloads_parse(43, bytes(critical, 4), &p), 0);
	cr_assert_eq(p.critical, 0, "critical means nothing on what is known");
	cr_assert_eq(payloads_parse(42, bytes(delete_ah, sizeof delete_ah), &p), 0);
	cr_assert_eq(payloads_parse(42, bytes(delete_many, sizeof delete_many), &p), -EBADMSG);
	for (size_t i = 0; i < 65; i++)
		memcpy(many + 4 * i, (uint8_t[]){i < 64 ? 43 : 0, 0, 0, 4}, 4);
	cr_assert_eq(payloads_parse(43, bytes(many, sizeof many), &p), -EBADMSG);
	cr_assert_eq(payloads_parse(43, bytes(many + 4, sizeof many - 4), &p), 0);
	cr_assert_eq(payloads_parse(0, bytes(NULL, 0), &p), 0, "an empty message");
}

Test(ikev2_payload, once_means_once)
{
	uint8_t out[256];
	uint8_t nonce[16] = {0};
	struct payload_writer w;
	struct payloads p;

	payload_writer_init(&w, out, sizeof out);
	payload_add(&w, PAYLOAD_NONCE, bytes(nonce, 16));
	cr_assert_eq(again(&w, &p), 0);
	payload_add(&w, PAYLOAD_NONCE, bytes(nonce, 16));
	cr_assert_eq(again(&w, &p), -EBADMSG);
	payload_writer_init(&w, out, sizeof out);
	payload_add(&w, PAYLOAD_NONCE, bytes(nonce, 15));
	cr_assert_eq(again(&w, &p), -EBADMSG);
	payload_writer_init(&w, out, 10);
	payload_add(&w, PAYLOAD_NONCE, bytes(nonce, 16));
	cr_assert(w.overflow);
}

Test(ikev2_payload, notifies)
{
	uint8_t out[256];
	struct payload_writer w;
	struct payloads p;
	const struct notify *n;

	payload_writer_init(&w, out, sizeof out);
	payload_add_notify(&w, COOKIE, bytes((const uint8_t *)"abc", 3));
	payload_add_notify_child(&w, REKEY_SA, 0x01020304);
	payload_add_notify(&w, TS_UNACCEPTABLE, bytes(NULL, 0));
	payload_add_vendor(&w);
	cr_assert_eq(again(&w, &p), 0);
	cr_assert(p.cookie == out);
	cr_assert(p.vendor_ours);
	n = payloads_notify(&p, REKEY_SA);
	cr_assert(n && n->protocol == PROTOCOL_ESP && n->spi.len == 4);
	cr_assert_eq(get_be32(n->spi.data), 0x01020304u);
	cr_assert_eq(payloads_error(&p)->type, TS_UNACCEPTABLE);
	cr_assert_null(payloads_notify(&p, USE_PPK));
}

/* RFC 7670 appendix A.1: the SubjectPublicKeyInfo of a P-256 key; payload 96 of ikev2.md 2.3. */
static const uint8_t p256_spki[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce,
	0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42,
	0x00, 0x04};

Test(ikev2_payload, raw_public_keys)
{
	static const uint8_t x509[] = {4, 0x30, 0x00};
	static const uint8_t empty[] = {CERT_RAW_PUBLIC_KEY};
	static const uint8_t authority[] = {CERT_RAW_PUBLIC_KEY, 1, 2};
	uint8_t spki[91] = {0};
	uint8_t out[512];
	struct payload_writer w;
	struct payloads p;

	memcpy(spki, p256_spki, sizeof p256_spki);
	payload_writer_init(&w, out, sizeof out);
	payload_add_raw_key(&w, bytes(spki, sizeof spki));
	cr_assert_eq(w.len, 96u);
	payload_add_raw_key_request(&w);
	cr_assert_eq(w.len, 96u + 5u);
	cr_assert_eq(again(&w, &p), 0);
	cr_assert(p.certreq_raw && p.n_cert == 1);
	cr_assert(slice_equal(payloads_raw_key(&p), bytes(spki, sizeof spki)));
	/* others before it, none, and an empty one */
	payload_writer_init(&w, out, sizeof out);
	payload_add(&w, PAYLOAD_CERT, bytes(x509, sizeof x509));
	payload_add(&w, PAYLOAD_CERT, bytes(empty, sizeof empty));
	cr_assert_eq(again(&w, &p), 0);
	cr_assert_null(payloads_raw_key(&p).data);
	payload_add_raw_key(&w, bytes(spki, 44));
	cr_assert_eq(again(&w, &p), 0);
	cr_assert(slice_equal(payloads_raw_key(&p), bytes(spki, 44)));
	/* another encoding, or an authority, does not ask for a raw key */
	payload_writer_init(&w, out, sizeof out);
	payload_add(&w, PAYLOAD_CERTREQ, bytes(x509, sizeof x509));
	payload_add(&w, PAYLOAD_CERTREQ, bytes(authority, sizeof authority));
	cr_assert_eq(again(&w, &p), 0);
	cr_assert(!p.certreq_raw);
	payload_writer_init(&w, out, sizeof out);
	payload_add(&w, PAYLOAD_CERT, bytes(NULL, 0));
	cr_assert_neq(again(&w, &p), 0);
}
