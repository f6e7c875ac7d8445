/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers that have the keys and mean no good, and strangers that have none: what they ask costs a
 * bounded share, ends no more than their own SAs, and is answered with no more than it was asked
 * with (trust.md 3, 4.3).
 */
#include "fakes/ikev2_pair.h"

#include <stdlib.h>

TestSuite(ikev2_hostile, .fini = end);

/* What the other end knows as this end's inbound SPI. */
static uint32_t spi_in(const struct end *e)
{
	return ike_sa_first_child(sa_of(e))->spi[SA_IN];
}

static void add_delete(struct chain *c, uint8_t protocol, uint16_t n, uint32_t spi)
{
	static uint8_t body[4 + 4 * 1000];

	body[0] = protocol;
	body[1] = protocol == PROTOCOL_IKE ? 0 : 4;
	put_be16(body + 2, n);
	for (unsigned i = 0; i < n; i++)
		put_be32(body + 4 + 4 * (size_t)i, spi);
	add(c, PAYLOAD_DELETE, body, 4 + 4 * (size_t)n);
}

/* libreswan CVE-2023-38712, -38710: D and rekey of what is not there, or not yet. */
Test(ikev2_hostile, deletes_of_every_kind)
{
	static const struct {
		uint8_t protocol;
		uint16_t n;
		uint32_t spi; /* 1: the child's */
		bool ends_it;
	} cases[] = {{PROTOCOL_ESP, 0, 0, false}, {PROTOCOL_ESP, 1000, 77, false},
		{PROTOCOL_AH, 1, 1, false}, {PROTOCOL_ESP, 1, 0, false}, {PROTOCOL_ESP, 3, 1, true},
		{PROTOCOL_ESP, 1000, 1, true}, {PROTOCOL_IKE, 0, 0, true}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int rekeying = 0; rekeying < 2; rekeying++) {
			struct chain c = {.first = PAYLOAD_NONE};

			connect_both();
			if (rekeying)
				order(right, KEYING_REKEY);
			add_delete(&c, cases[i].protocol, cases[i].n,
				cases[i].spi == 1 ? spi_in(left) : cases[i].spi);
			/* our own request stays on its way */
			right->taken = right->fake.n_sent;
			ask(INFORMATIONAL, &c);
			run(20 * SECOND);
			if (!cases[i].ends_it)
				cr_assert_geq(fake_host_living(&right->fake), 2u, "case %zu", i);
			else if (!rekeying)
				cr_assert_eq(fake_host_living(&right->fake), 0u, "case %zu", i);
			end();
		}
}

/* The one that is under way has no SPI of the peer's: 0 must not name it. */
Test(ikev2_hostile, delete_of_a_child_that_is_being_made)
{
	struct chain c = {.first = PAYLOAD_NONE};
	struct slice request;

	connect_both();
	order(right, KEYING_REKEY);
	request = next_of(right);
	add_delete(&c, PROTOCOL_ESP, 1, 0);
	give(left, request);
	ask(INFORMATIONAL, &c);
	pump();
	run(5 * SECOND);
	cr_assert_eq(fake_host_living(&right->fake), 2u);
	cr_assert_eq(fake_host_living(&left->fake), 2u);
}

static size_t ike_sas(const struct end *e)
{
	size_t n = 0;

	list_each (node, &e->k->all)
		n++;
	return n;
}

static void note_rekey(struct chain *c, uint32_t spi)
{
	uint8_t body[8] = {PROTOCOL_ESP, 4, REKEY_SA >> 8, REKEY_SA & 0xff};

	put_be32(body + 4, spi);
	add(c, PAYLOAD_NOTIFY, body, sizeof body);
}

static void add_sa(struct chain *c, const struct allowed *offer, struct slice spi)
{
	uint8_t out[512];
	struct payload_writer w;

	payload_writer_init(&w, out, sizeof out);
	payload_sa_offer(&w, offer, spi);
	add(c, PAYLOAD_SA, out + PAYLOAD_HEADER_LEN, w.len - PAYLOAD_HEADER_LEN);
}

static void add_ke(struct chain *c, uint16_t group)
{
	uint8_t body[KE_HEADER_LEN + DH_X25519_LEN];
	uint8_t secret[DH_PRIVATE_MAX];

	put_be16(body, group);
	put_be16(body + 2, 0);
	cr_assert_eq(dh_generate(dh_find(31), secret, body + KE_HEADER_LEN), 0);
	add(c, PAYLOAD_KE, body, sizeof body);
}

/* CREATE_CHILD_SA for a child of left's, in every respect a good one. */
static void good_child(struct chain *c, uint32_t spi)
{
	const struct settings *s = sa_of(left)->peer->settings;
	uint8_t octets[4];
	uint8_t nonce[32] = {(uint8_t)spi, 1};
	uint8_t ts[256];
	struct payload_writer w;

	put_be32(octets, spi);
	add_sa(c, &s->esp, (struct slice){octets, 4});
	add(c, PAYLOAD_NONCE, nonce, sizeof nonce);
	payload_writer_init(&w, ts, sizeof ts);
	payload_ts_add(&w, PAYLOAD_TSI, &s->core.local);
	add(c, PAYLOAD_TSI, ts + PAYLOAD_HEADER_LEN, w.len - PAYLOAD_HEADER_LEN);
	payload_writer_init(&w, ts, sizeof ts);
	payload_ts_add(&w, PAYLOAD_TSR, &s->core.remote_ts);
	add(c, PAYLOAD_TSR, ts + PAYLOAD_HEADER_LEN, w.len - PAYLOAD_HEADER_LEN);
}

Test(ikev2_hostile, children_without_end)
{
	struct chain c;

	connect_both();
	for (uint32_t i = 0; i < 200; i++) {
		c = (struct chain){.first = PAYLOAD_NONE};
		if (i % 3 == 1)
			note_rekey(&c, i % 2 ? spi_in(left) : 0x12345678);
		if (i % 7 == 6)
			add_delete(&c, PROTOCOL_ESP, 1, 0x1000 + i - 1);
		good_child(&c, 0x1000 + i);
		ask(i % 7 == 6 ? INFORMATIONAL : CREATE_CHILD_SA, &c);
		cr_assert_leq(fake_host_living(&right->fake), 2u * CHILDREN_MAX);
	}
	cr_assert_eq(ike_sas(right), 1u);
}

static void good_ike_rekey(struct chain *c, uint64_t spi)
{
	uint8_t octets[IKE_SPI_LEN];
	uint8_t nonce[32] = {(uint8_t)spi, (uint8_t)(spi >> 8), 1};

	put_be64(octets, spi);
	add_sa(c, &sa_of(left)->peer->settings->ike, (struct slice){octets, sizeof octets});
	add(c, PAYLOAD_NONCE, nonce, sizeof nonce);
	add_ke(c, 31);
}

/* One IKE SA made of the other, or many beside one whose rekey is never answered. */
Test(ikev2_hostile, ike_sas_without_end)
{
	for (int crossing = 0; crossing < 2; crossing++) {
		connect_both();
		if (crossing)
			order(right, KEYING_REKEY_IKE);
		for (uint64_t i = 1; i <= 100; i++) {
			struct chain c = {.first = PAYLOAD_NONE};

			if (!crossing) {
				order(left, KEYING_REKEY_IKE);
				give(right, next_of(left));
				give(left, next_of(right));
				/* its D never comes */
				left->taken = left->fake.n_sent = 0;
			} else {
				good_ike_rekey(&c, i);
				ask(CREATE_CHILD_SA, &c);
			}
			cr_assert_leq(ike_sas(right), (size_t)IKE_SAS_MAX);
			cr_assert_leq(ike_sas(left), 110u);
		}
		end();
	}
}

/* A device that comes again and again, by name and key: its last IKE SAs stay, with their children.
 */
Test(ikev2_hostile, handshakes_without_end)
{
	size_t most = 0;

	connect_both();
	for (uint32_t i = 0; i < 60; i++) {
		for (size_t k = 0; k < left->fake.n_sas; k++)
			left->fake.sas[k].id = 0;
		ops->destroy(left->k);
		begin(0, "", PLAIN);
		left->fake.random += (i + 1) * 1000u;
		left->k->peers[0].contacted = true;
		order(left, KEYING_INITIATE);
		pump();
		cr_assert_eq(sa_of(left)->state, IKE_UP);
		cr_assert_leq(ike_sas(right), (size_t)IKE_SAS_MAX);
		most = fake_host_living(&right->fake) > most ? fake_host_living(&right->fake)
							     : most;
	}
	cr_assert_leq(most, 2u * IKE_SAS_MAX);
}

/* Message IDs never come again: before they would, there is another IKE SA. */
Test(ikev2_hostile, message_ids_at_their_end)
{
	const struct chain nothing = {.first = PAYLOAD_NONE};
	const struct ike_sa *sa;

	connect_both();
	sa = sa_of(right);
	sa_of(left)->next_request = sa_of(right)->next_expected = (1u << 30) - 1;
	sa_of(left)->want_alive = true;
	exchange_next(sa_of(left));
	pump();
	cr_assert_neq(sa_of(right), sa, "not rekeyed");
	cr_assert_eq(sa_of(left)->state, IKE_UP);
	cr_assert_lt(sa_of(left)->next_request, 10u);
	sa_of(right)->next_expected = UINT32_MAX;
	ask(INFORMATIONAL, &nothing);
	cr_assert_eq(right->fake.n_sent, 0u);
	cr_assert_eq(sa_of(right)->next_expected, UINT32_MAX);
}

/* What an allocator that watches says; without one there is no figure. */
#if defined(__SANITIZE_ADDRESS__)
size_t __sanitizer_get_current_allocated_bytes(void);

static size_t allocated(void)
{
	return __sanitizer_get_current_allocated_bytes();
}
#else
static size_t allocated(void)
{
	return 0;
}
#endif

static const struct bad {
	const char *what;
	uint8_t exchange, flags, version, first;
	size_t len;
	bool spis; /* those of the IKE SA that is up */
	uint32_t per_s;
} bad[] = {
	{"a header alone", IKE_SA_INIT, 8, 0x20, 0, 28, false, 0},
	{"nonsense", IKE_SA_INIT, 8, 0x20, 33, 120, false, 0},
	{"an unknown critical payload", IKE_SA_INIT, 8, 0x20, 200, 60, false, 10},
	{"another version", IKE_SA_INIT, 8, 0x30, 0, 60, false, 10},
	{"another version, short", IKE_AUTH, 8, 0x40, 0, 28, false, 0},
	{"IKE_AUTH of nobody", IKE_AUTH, 8, 0x20, 46, 200, false, 0},
	{"fragments of nobody", IKE_AUTH, 8, 0x20, 53, 200, false, 0},
	{"a request of nobody", INFORMATIONAL, 8, 0x20, 46, 80, false, 10},
	{"a short request of nobody", INFORMATIONAL, 8, 0x20, 0, 28, false, 0},
	{"an answer of nobody", INFORMATIONAL, 0x20, 0x20, 46, 80, false, 0},
	{"a false seal", INFORMATIONAL, 8, 0x20, 46, 80, true, 0},
	{"a false fragment", INFORMATIONAL, 8, 0x20, 53, 80, true, 0},
	{"a false answer", CREATE_CHILD_SA, 0x28, 0x20, 46, 80, true, 0},
	{"no seal at all", INFORMATIONAL, 8, 0x20, 42, 36, true, 0},
};

static size_t make_bad(const struct bad *b, uint32_t n, uint8_t out[256])
{
	memset(out, 0, 256);
	put_be32(out, n + 1);
	put_be32(out + 12, n ^ 0x5a5a5a5a);
	if (b->exchange == IKE_SA_INIT)
		memset(out + 8, 0, 8);
	if (b->spis)
		memcpy(out, sa_of(left)->spis, 16);
	out[16] = b->first;
	out[17] = b->version;
	out[18] = b->exchange;
	out[19] = b->flags;
	put_be32(out + 20, b->spis ? sa_of(right)->next_expected : b->exchange == IKE_AUTH);
	put_be32(out + 24, (uint32_t)b->len);
	if (b->len > 32) {
		out[29] = b->first == 200 ? 0x80 : 0;
		put_be16(out + 30, (uint16_t)(b->len - 28));
		put_be16(out + 32, 1);
		put_be16(out + 34, 2);
	}
	return b->len;
}

/* 100,000 of each, from as many places: nothing is kept, hardly anything is said. */
Test(ikev2_hostile, bad_messages_cost_nothing)
{
	enum { EACH = 100000, PER_MS = 100 };
	uint8_t octets[256];

	connect_both();
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		size_t before = 0;
		size_t answers = 0;

		for (uint32_t n = 0; n < EACH; n++) {
			const size_t len = make_bad(&bad[i], n, octets);
			struct keying_datagram d = {.local = {right->fake.own, 500},
				.remote = {{4, {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8),
						       (uint8_t)n}},
					500},
				.payload = {octets, len}};

			if (n == 1000)
				before = allocated();
			right->fake.now_ms += n % PER_MS == 0;
			right->fake.n_sent = right->taken = 0;
			ops->datagram(right->k, &d);
			for (size_t k = 0; k < right->fake.n_sent; k++)
				cr_assert_leq(right->fake.sent[k].len, len, "%s", bad[i].what);
			answers += right->fake.n_sent;
		}
		cr_assert_leq(allocated(), before, "%s", bad[i].what);
		/* within one second and one before it */
		cr_assert_leq(answers, 2u * bad[i].per_s, "%s: %zu", bad[i].what, answers);
		cr_assert_eq(answers != 0, bad[i].per_s != 0, "%s", bad[i].what);
		cr_assert_eq(half_open_count(right->k->half), 0u, "%s", bad[i].what);
		cr_assert_eq(ike_sas(right), 1u);
		right->fake.now_ms += 10 * SECOND;
	}
	cr_assert_eq(fake_host_living(&right->fake), 2u);
	order(left, KEYING_REKEY);
	pump();
	cr_assert_eq(sa_of(right)->state, IKE_UP);
}

/* Who has seen a request sends it again from elsewhere: what comes back is no more. */
Test(ikev2_hostile, requests_sent_again_from_elsewhere)
{
	struct chain unknown = {.first = PAYLOAD_NONE};
	struct message head = {.exchange = INFORMATIONAL};
	struct keying_datagram d = {.remote = {{4, {198, 51, 100, 1}}, 500}};
	uint8_t out[200];

	connect_both();
	add(&unknown, 200, NULL, 0);
	unknown.data[1] = 0x80;
	d.local = (struct ip_endpoint){right->fake.own, 500};
	head.id = sa_of(right)->next_expected;
	d.payload = (struct slice){out, forge(sa_of(left), &head, &unknown, out, sizeof out)};
	give(right, d.payload);
	cr_assert_eq(right->fake.n_sent, 1u);
	cr_assert_gt(right->fake.sent[0].len, d.payload.len);
	ops->datagram(right->k, &d);
	cr_assert_eq(right->fake.n_sent, 1u, "more than was asked goes to somebody else");
	give(right, d.payload);
	cr_assert_eq(right->fake.n_sent, 2u);
}
