/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What broke others, tried on plugins/ikev2: payloads missing, doubled, out of order; every number
 * of the wire; every bit of what is sealed; each state by each message; authentication passed by;
 * counters at their end; answers longer than questions; memory.
 */
#include "fakes/ikev2_pair.h"

#include <stdlib.h>

enum { DEPTH = 7 };

TestSuite(ikev2_abuse, .fini = end);

enum change { DROP, DOUBLE, SWAP, EMPTY, CUT, UNKNOWN, CRITICAL, CHANGES };

/* The chain with one payload changed; false: it has no n-th one. */
static bool change(const struct chain *in, enum change what, size_t n, struct chain *out)
{
	uint8_t type;
	uint8_t follows;
	size_t at;
	size_t after;

	memset(out, 0, sizeof *out);
	if (!find(in, n, &at, &type) || (what == SWAP && !find(in, n + 1, &after, &follows)))
		return false;
	for (size_t i = 0; find(in, i, &at, &type); i++) {
		size_t k = what == SWAP && (i == n || i == n + 1) ? 2 * n + 1 - i : i;
		size_t len;

		find(in, k, &at, &type);
		len = get_be16(in->data + at + 2) - 4u;
		if (i == n && what == DROP)
			continue;
		if (i == n && what == DOUBLE)
			add(out, type, in->data + at + 4, len);
		if (i == n && (what == UNKNOWN || what == CRITICAL))
			type = 200;
		add(out, type, in->data + at + 4,
			i != n || (what != EMPTY && what != CUT) ? len
			: what == EMPTY                          ? 0
								 : len / 2);
		if (i == n && what == CRITICAL)
			out->data[out->len - len - 3] = 0x80;
	}
	return true;
}

/* The SA payload with its n-th transform gone, twice, or without its attribute. */
static bool change_transform(const struct chain *in, enum change what, size_t n, struct chain *out)
{
	uint8_t body[512];
	uint8_t type;
	size_t at = 0;
	size_t len = 0;

	memset(out, 0, sizeof *out);
	for (size_t i = 0; find(in, i, &at, &type); i++) {
		const uint8_t *from = in->data + at + 4;
		size_t head = 8u + from[6];

		len = get_be16(in->data + at + 2) - 4u;
		memcpy(body, from, len < sizeof body ? len : sizeof body);
		if (type == PAYLOAD_SA) {
			uint8_t *t = body + head;
			size_t t_len;

			if (n >= body[7])
				return false;
			for (size_t k = 0; k < n; k++)
				t += get_be16(t + 2);
			t_len = get_be16(t + 2);
			if (what == DROP) {
				memmove(t, t + t_len, (size_t)(body + len - t) - t_len);
				len -= t_len;
			} else if (what == DOUBLE) {
				memmove(t + t_len, t, (size_t)(body + len - t));
				len += t_len;
				t[0] = 3;
			} else {
				put_be16(t + 6, 0xffff);
			}
			body[7] = (uint8_t)(body[7] - (what == DROP) + (what == DOUBLE));
			put_be16(body + 2, (uint16_t)len);
			t = body + head;
			for (size_t k = 0; k + 1 < body[7]; k++) {
				t[0] = 3;
				t += get_be16(t + 2);
			}
			if (body[7])
				t[0] = 0;
		}
		add(out, type, body, len);
	}
	return true;
}

/* Who has sent this, if it has keys. */
static struct ike_sa *sender(const struct end *from, struct slice octets)
{
	struct ike_sa *sa = ike_sa_find(from->k, octets.data);

	return sa ? sa : ike_sa_find(from->k, octets.data + IKE_SPI_LEN);
}

/* The message with this change instead of it; false: it has nothing to change there. */
static bool give_changed(
	struct end *from, struct slice octets, enum change what, size_t n, bool transform)
{
	struct ike_sa *sa = sender(from, octets);
	uint8_t out[5000];
	struct message head;
	struct chain chain;
	struct chain changed;
	size_t len;

	if (!unseal(octets, sa ? &sa->seal : NULL, &head, &chain) ||
		!(transform ? change_transform : change)(&chain, what, n, &changed))
		return false;
	if (octets.data[18] != IKE_SA_INIT) {
		head.flags &= MESSAGE_FLAG_RESPONSE;
		len = forge(sa, &head, &changed, out, sizeof out);
	} else {
		len = IKE_HEADER_LEN + changed.len;
		memcpy(out, octets.data, IKE_HEADER_LEN);
		memcpy(out + IKE_HEADER_LEN, changed.data, changed.len);
		out[16] = changed.first;
		put_be32(out + 24, (uint32_t)len);
	}
	give(&ends[from == left], (struct slice){out, len});
	return true;
}

/* All exchanges that left begins, with the n-th message changed. Nothing that AUTH covers may be
 * other than it was sent, and whoever lacks AUTH or identity is nobody. */
static bool try_change(
	enum keying_order what, size_t message, enum change kind, size_t n, bool transform)
{
	bool first = what == KEYING_INITIATE;
	struct end *from = left;
	struct slice octets;
	bool did;

	if (first)
		both(PLAIN);
	else
		connect_both();
	order(left, what);
	for (size_t i = 0; i < message; i++, from = &ends[from == left]) {
		octets = next_of(from);
		cr_assert(octets.len);
		give(&ends[from == left], octets);
	}
	octets = next_of(from);
	cr_assert(octets.len, "order %d, message %zu", what, message);
	did = give_changed(from, octets, kind, n, transform);
	/* A cookie, another group: it would begin again, as it should. */
	octets = message ? octets : next_of(right);
	if (!message && octets.len && octets.data[16] != PAYLOAD_NOTIFY)
		give(left, octets);
	pump();
	if (did && first && message < 2)
		cr_assert_eq(fake_host_living(&left->fake) + fake_host_living(&right->fake), 0u,
			"message %zu, change %d of payload %zu", message, kind, n);
	run(3 * SECOND);
	end();
	return did;
}

Test(ikev2_abuse, every_payload_and_transform_missing_doubled_strange)
{
	static const struct {
		enum keying_order what;
		size_t messages;
	} exchanges[] = {{KEYING_INITIATE, 4}, {KEYING_REKEY, 2}, {KEYING_REKEY_IKE, 2},
		{KEYING_TERMINATE, 2}};
	size_t tried = 0;

	for (size_t i = 0; i < 4; i++)
		for (size_t m = 0; m < exchanges[i].messages; m++) {
			for (int kind = 0; kind < CHANGES; kind++)
				for (size_t n = 0; try_change(
					     exchanges[i].what, m, (enum change)kind, n, false);
					n++)
					tried++;
			for (int kind = DROP; i < 3 && kind <= SWAP; kind++)
				for (size_t n = 0; try_change(
					     exchanges[i].what, m, (enum change)kind, n, true);
					n++)
					tried++;
		}
	cr_assert_geq(tried, 300u, "%zu", tried);
}

/* IKE_AUTH without the one or the other. */
Test(ikev2_abuse, nobody_without_auth)
{
	for (size_t n = 0; n < 12; n++) {
		struct chain chain;
		struct message head;
		struct slice octets;
		uint8_t type;
		size_t at;

		for (int message = 2; message <= 3; message++) {
			both(PLAIN);
			order(left, KEYING_INITIATE);
			give(right, next_of(left));
			give(left, next_of(right));
			octets = next_of(left);
			if (message == 3) {
				give(right, octets);
				octets = next_of(right);
			}
			cr_assert(unseal(
				octets, &sender(&ends[message == 3], octets)->seal, &head, &chain));
			if (find(&chain, n, &at, &type) &&
				(type == PAYLOAD_AUTH || type == PAYLOAD_IDI ||
					type == PAYLOAD_IDR)) {
				give_changed(&ends[message == 3], octets, DROP, n, false);
				cr_assert_eq(fake_host_living(&ends[message == 2].fake), 0u);
			}
			end();
		}
	}
}

/* Every bit of a sealed message, where it is awaited: nothing is believed, nothing is sealed for
 * it. */
static void flip_all(struct end *from, struct slice octets)
{
	struct end *to = &ends[from == left];
	uint8_t copy[1500];
	size_t living = fake_host_living(&to->fake);
	const struct ike_sa *sa = sa_of(to);
	uint32_t expected = sa ? sa->next_expected : 0;

	memcpy(copy, octets.data, octets.len);
	to->fake.n_sent = to->taken = 0;
	for (size_t bit = 0; bit < 8 * octets.len; bit++) {
		struct half *half = to->k->half ? half_find(to->k->half, copy + IKE_SPI_LEN) : NULL;

		if (half)
			half->attempts = 0;
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		give(to, (struct slice){copy, octets.len});
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		for (size_t i = 0; i < to->fake.n_sent; i++)
			cr_assert(to->fake.sent[i].data[16] == PAYLOAD_NOTIFY, "bit %zu", bit);
		to->fake.n_sent = to->taken = 0;
		cr_assert_eq(fake_host_living(&to->fake), living, "bit %zu", bit);
		cr_assert(!sa || (sa_of(to) == sa && sa->next_expected == expected));
	}
	give(to, (struct slice){copy, octets.len});
}

Test(ikev2_abuse, every_bit_of_what_is_sealed)
{
	static const enum keying_order orders[] = {
		KEYING_REKEY, KEYING_REKEY_IKE, KEYING_TERMINATE};
	struct slice octets;

	both(PLAIN);
	order(left, KEYING_INITIATE);
	give(right, next_of(left));
	give(left, next_of(right));
	flip_all(left, next_of(left));
	flip_all(right, next_of(right));
	cr_assert_eq(fake_host_living(&left->fake) + fake_host_living(&right->fake), 4u);
	for (size_t i = 0; i < 3; i++) {
		order(left, orders[i]);
		octets = next_of(left);
		flip_all(left, octets);
		flip_all(right, next_of(right));
		pump();
	}
	cr_assert_eq(fake_host_living(&left->fake), 0u);
}

static void add_init(struct chain *c, const struct allowed *offer, uint16_t group)
{
	uint8_t sa[256];
	uint8_t ke[KE_HEADER_LEN + 32] = {(uint8_t)(group >> 8), (uint8_t)group, [35] = 9};
	const uint8_t nonce[32] = {(uint8_t)(group >> 8), (uint8_t)group};
	struct payload_writer w;

	payload_writer_init(&w, sa, sizeof sa);
	payload_sa_offer(&w, offer, (struct slice){NULL, 0});
	add(c, PAYLOAD_SA, sa + PAYLOAD_HEADER_LEN, w.len - PAYLOAD_HEADER_LEN);
	add(c, PAYLOAD_KE, ke, sizeof ke);
	add(c, PAYLOAD_NONCE, nonce, sizeof nonce);
}

/* Unsealed. */
static void throw_at(struct end *to, const struct message *head, const struct chain *c)
{
	struct message_writer w;
	uint8_t out[5000];
	size_t len;

	message_begin(&w, head, false, out, sizeof out);
	payload_put(&w.payloads, c->data, c->len);
	w.payloads.first = c->first;
	len = message_end(&w, NULL, 0);
	out[17] = head->version;
	to->fake.n_sent = to->taken = 0;
	give(to, (struct slice){out, len});
	for (size_t i = 0; i < to->fake.n_sent; i++)
		cr_assert_leq(to->fake.sent[i].len, len);
}

/* strongSwan CVE-2014-9221, libreswan CVE-2016-3071: numbers of our own tables from the wire. */
Test(ikev2_abuse, every_group_of_a_key_exchange)
{
	struct message head = {.version = 0x20, .exchange = IKE_SA_INIT, .flags = 8};
	struct allowed offer;

	both(PLAIN "Exchange = x25519\n");
	order(left, KEYING_INITIATE);
	offer = left->k->settings.list[0].ike;
	for (uint32_t id = 0; id <= UINT16_MAX; id++) {
		struct chain c = {.first = PAYLOAD_NONE};
		const uint8_t group[2] = {(uint8_t)(id >> 8), (uint8_t)id};
		uint8_t notify[6] = {0, 0, 0, INVALID_KE_PAYLOAD, group[0], group[1]};

		offer.groups[0] = (uint16_t)id;
		offer.n_groups = 1;
		put_be32(head.spis, id + 1);
		head.flags = MESSAGE_FLAG_INITIATOR;
		add_init(&c, &offer, (uint16_t)id);
		throw_at(right, &head, &c);
		cr_assert_eq(half_open_count(right->k->half), id >= 31u, "group %u", id);
		/* and what a gateway answers */
		memcpy(head.spis, sa_of(left)->spis, IKE_SPI_LEN);
		head.spis[15] = 1;
		head.flags = MESSAGE_FLAG_RESPONSE;
		if (id != 31)
			throw_at(left, &head, &c);
		memset(head.spis + IKE_SPI_LEN, 0, IKE_SPI_LEN);
		c = (struct chain){.first = PAYLOAD_NONE};
		add(&c, PAYLOAD_NOTIFY, notify, sizeof notify);
		throw_at(left, &head, &c);
		cr_assert_eq(sa_of(left)->state, IKE_INIT);
	}
	cr_assert_eq(sa_of(left)->handshake->group->id, 31);
}

static void renew(void)
{
	if (left->k && right->k && sa_of(left) && sa_of(right) && sa_of(left)->state == IKE_UP &&
		sa_of(right)->state == IKE_UP)
		return;
	end();
	connect_both();
}

/* Payload types, protocols, versions: in clear text and behind the seal, as question and answer. */
Test(ikev2_abuse, every_type_protocol_and_version)
{
	static const uint8_t exchanges[] = {INFORMATIONAL, CREATE_CHILD_SA, IKE_AUTH};
	struct message head = {.version = 0x20, .exchange = IKE_SA_INIT, .flags = 8};

	for (unsigned i = 0; i < 256; i++) {
		uint8_t bodies[][8] = {{0}, {(uint8_t)i, 4, 0, 1}, {(uint8_t)i, 0, 0, 0},
			{(uint8_t)i, 4, REKEY_SA >> 8, (uint8_t)REKEY_SA, 1, 2, 3, 4}};
		const uint8_t types[] = {
			(uint8_t)i, PAYLOAD_DELETE, PAYLOAD_DELETE, PAYLOAD_NOTIFY};

		for (unsigned k = 0; k < 8; k++) {
			struct chain c = {.first = PAYLOAD_NONE};

			if (k / 2 == 2 && i > PROTOCOL_ESP)
				continue; /* is nonsense for all of them, and ends the IKE SA */
			add(&c, types[k / 2], bodies[k / 2], k / 2 == 2 ? 4 : 8);
			c.data[1] = (uint8_t)(k % 2 * 0x80);
			renew();
			memset(head.spis, (int)i + 1, IKE_SPI_LEN);
			throw_at(right, &head, &c);
			for (size_t x = 0; x < sizeof exchanges; x++) {
				renew();
				ask(exchanges[x], &c);
			}
			if (k < 2) {
				renew();
				order(right, i % 2 ? KEYING_REKEY : KEYING_REKEY_IKE);
				send_forged(left,
					&(struct message){
						.exchange = sa_of(right)->request.exchange,
						.flags = MESSAGE_FLAG_RESPONSE,
						.id = sa_of(right)->next_request},
					&c);
			}
		}
		head.version = (uint8_t)i;
		throw_at(right, &head, &(struct chain){.first = PAYLOAD_NONE});
		head.version = 0x20;
	}
}
