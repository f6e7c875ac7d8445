/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No way past AUTH (trust.md 3: strongSwan CVE-2014-2338, OpenVPN CVE-2020-15078): whoever makes
 * the key exchange and has no credential sends whatever he likes, in any order. Each state that can
 * be reached is tried with each kind of message; in none of them is anybody believed.
 */
#include "fakes/ikev2_pair.h"

#include "ikev2/device.h"

TestSuite(ikev2_model, .fini = end);

enum {
	DEPTH = 7,
	STATES_MAX = 512,
	KIND_TIMER = 0, /* then the first exchange, then sealed messages */
	KIND_INIT,
	KIND_INIT_ANSWERED,
	KIND_COOKIE,
	KIND_SEALED,
	SEALED = 12,
	IDS = 3,
	KINDS = KIND_SEALED + SEALED * IDS * 2,
};

/* One way to a state, and what it looks like from outside. */
struct state {
	uint8_t path[DEPTH];
	size_t depth;
	uint8_t digest[HASH_DIGEST_LEN];
};

static struct {
	struct state states[STATES_MAX];
	size_t n;
	struct end *target;
	const char *interface, *peer; /* of the target */
	uint8_t init[1500];           /* left's first message */
	size_t init_len;
} model;

static struct ike_sa *left_sa(void)
{
	return list_empty(&left->k->all) ? NULL
					 : container_of(left->k->all.next, struct ike_sa, link);
}

/* Left has another secret than right; one of them is the target. */
static void create(void)
{
	end();
	cr_assert_eq(crypto_init(), 0);
	begin(0, model.target == left ? model.interface : "",
		model.target == left ? model.peer
				     : PLAIN "Retransmission = normal\nRole = initiator\n");
	begin(1, model.target == right ? model.interface : "",
		model.target == right ? model.peer : PLAIN);
}

/* As just created: to create it anew takes longer than all the rest. */
static void renew(void)
{
	struct slice first;

	for (int i = 0; i < 2; i++) {
		struct end *e = &ends[i];

		list_each_safe (node, &e->k->all)
			ike_sa_destroy(container_of(node, struct ike_sa, link));
		e->fake.now_ms += 1000000;
		if (e->k->half)
			half_expire(e->k->half);
		e->k->settings.cookie_threshold = 64;
		e->k->peers[0].waiting = false;
		e->k->peers[0].failures = 0;
		e->fake.n_sent = e->taken = e->fake.n_timers = e->fake.n_logs = 0;
	}
	order(left, KEYING_INITIATE);
	first = next_of(left);
	cr_assert(first.len && first.len <= sizeof model.init);
	memcpy(model.init, first.data, first.len);
	model.init_len = first.len;
	left->fake.n_sent = left->taken = 0;
}

static void add_typed(struct chain *c, uint8_t type, uint8_t first, const char *text)
{
	uint8_t body[64] = {first};

	memcpy(body + 4, text, strlen(text));
	add(c, type, body, 4 + strlen(text));
}

static void add_child(struct chain *c, uint8_t protocol)
{
	const uint8_t nonce[32] = {1};
	const uint8_t spi[IKE_SPI_LEN] = {1, 2, 3, 4};
	const struct settings *s = &left->k->settings.list[0];
	struct payload_writer w;
	uint8_t out[256];

	payload_writer_init(&w, out, sizeof out);
	payload_sa_offer(&w, protocol == PROTOCOL_IKE ? &s->ike : &s->esp,
		(struct slice){spi, protocol == PROTOCOL_IKE ? 8 : 4});
	add(c, PAYLOAD_SA, out + 4, w.len - 4);
	add(c, PAYLOAD_NONCE, nonce, sizeof nonce);
	payload_writer_init(&w, out, sizeof out);
	payload_ts_add(&w, PAYLOAD_TSI, &s->core.local);
	add(c, PAYLOAD_TSI, out + 4, w.len - 4);
	payload_writer_init(&w, out, sizeof out);
	payload_ts_add(&w, PAYLOAD_TSR, &s->core.remote_ts);
	add(c, PAYLOAD_TSR, out + 4, w.len - 4);
}

/* What a sealed message of this kind holds; returns its exchange. */
static uint8_t fill(unsigned kind, struct chain *c)
{
	static const uint8_t methods[] = {AUTH_SHARED_KEY, 13, AUTH_SIGNATURE, AUTH_RSA, 9};
	const uint8_t ke[KE_HEADER_LEN + 32] = {0, 31, [35] = 9};
	const char *id = model.target == right ? "end-0" : "end-1";
	const uint8_t none[4] = {1};

	*c = (struct chain){.first = PAYLOAD_NONE};
	if (kind < 8) {
		if (kind != 5)
			add_typed(
				c, model.target == right ? PAYLOAD_IDI : PAYLOAD_IDR, ID_FQDN, id);
		if (kind < 5)
			add_typed(c, PAYLOAD_AUTH, methods[kind],
				"no proof at all, of the length of one..");
		else if (kind == 7)
			add(c, PAYLOAD_NOTIFY, (const uint8_t[]){0, 0, 64, 0}, 4);
		else if (kind == 6)
			add(c, PAYLOAD_EAP, none, 4);
		add_child(c, PROTOCOL_ESP);
		return IKE_AUTH;
	}
	if (kind == 8 || kind == 9) {
		add_child(c, kind == 8 ? PROTOCOL_ESP : PROTOCOL_IKE);
		add(c, PAYLOAD_KE, ke, sizeof ke);
		return CREATE_CHILD_SA;
	}
	if (kind == 10)
		add(c, PAYLOAD_DELETE, (const uint8_t[]){PROTOCOL_IKE, 0, 0, 0}, 4);
	return INFORMATIONAL;
}

/* Sealed with the keys of the handshake, which need no credential. */
static void send_by_handshake(const struct message *head, const struct chain *c)
{
	const struct ike_sa *sa = left_sa();
	enum side side = model.target == right ? SIDE_I : SIDE_R;
	struct ike_sa from = {.side = side, .next_iv = 1000};
	uint8_t out[2000];
	size_t len;

	if (!sa || !sa->keys.suite || !sa->handshake)
		return;
	memcpy(from.spis, sa->spis, sizeof from.spis);
	aead_key_init(&from.seal, NULL, sa->keys.suite, sa->keys.sk_e[side]);
	len = forge(&from, head, c, out, sizeof out);
	aead_key_fini(&from.seal);
	give(model.target, (struct slice){out, len});
}

static void send_sealed(unsigned n)
{
	struct message head = {.id = n / 2 % IDS, .flags = n % 2 ? MESSAGE_FLAG_RESPONSE : 0};
	struct chain c;

	head.exchange = fill(n / 2 / IDS, &c);
	send_by_handshake(&head, &c);
}

/* The same with no seal, or one that is none. */
static void send_clear(const struct message *head, const struct chain *c, bool sk)
{
	struct message full = *head;
	struct message_writer w;
	uint8_t out[2000];
	size_t len;

	if (left_sa())
		memcpy(full.spis, left_sa()->spis, sizeof full.spis);
	full.flags |= model.target == right ? MESSAGE_FLAG_INITIATOR : 0;
	message_begin(&w, &full, false, out, sizeof out);
	payload_put(&w.payloads, c->data, sk ? 60 : c->len);
	w.payloads.first = sk ? PAYLOAD_SK : c->first;
	len = message_end(&w, NULL, 0);
	if (sk)
		put_be16(out + IKE_HEADER_LEN + 2, 60);
	give(model.target, (struct slice){out, len});
}

static void apply(unsigned kind)
{
	uint32_t timer;
	struct slice s;

	if (kind == KIND_TIMER) {
		if (fake_host_advance(&model.target->fake, 100000, &timer))
			ops->timeout(model.target->k, timer);
	} else if (kind == KIND_INIT) {
		give(right, (struct slice){model.init, model.init_len});
	} else if (kind == KIND_INIT_ANSWERED) {
		s = next_of(right);
		if (s.len)
			give(left, s);
	} else if (kind == KIND_COOKIE) {
		right->k->settings.cookie_threshold = right->k->settings.cookie_threshold ? 0 : 64;
	} else {
		send_sealed(kind - KIND_SEALED);
	}
	if (kind >= KIND_SEALED)
		right->fake.n_sent = right->taken = 0;
	left->fake.n_sent = left->taken = 0;
}

static void look(uint8_t out[HASH_DIGEST_LEN])
{
	struct keying *k = model.target->k;
	uint32_t seen[64] = {0};
	size_t n = 0;

	seen[n++] = left_sa() ? (uint32_t)left_sa()->state + 1 : 0;
	seen[n++] = k->half ? (uint32_t)half_open_count(k->half) : 0;
	seen[n++] = k->settings.cookie_threshold + (uint32_t)(right->fake.n_sent << 16);
	if (k->half && left_sa()) {
		const struct half *half = half_find(k->half, left_sa()->spis + IKE_SPI_LEN);

		seen[n++] = half ? 1u + half->attempts * 2u + half->dh_done : 0;
	}
	list_each (node, &k->all) {
		const struct ike_sa *sa = container_of(node, struct ike_sa, link);

		seen[n++] = (uint32_t)sa->state << 24 | (uint32_t)sa->request.what << 16 |
			    (uint32_t)(sa->request.len != 0) << 8 | sa->next_expected << 4 |
			    sa->next_request;
	}
	hash_digest((struct slice){(const uint8_t *)seen, sizeof seen}, out);
}

static void check(const struct state *s)
{
	struct end *e = model.target;

	list_each (node, &e->k->all) {
		const struct ike_sa *sa = container_of(node, struct ike_sa, link);

		cr_assert_lt(sa->state, IKE_UP, "depth %zu, last kind %u", s->depth,
			s->path[s->depth - 1]);
	}
	cr_assert_eq(e->fake.n_sas, 0u);
	cr_assert_eq(e->fake.n_peers, 0u);
	cr_assert_eq(e->fake.n_rows, 0u);
	cr_assert_eq(e->fake.n_inner, 0u);
	cr_assert(!fake_host_told(&e->fake, "up"));
}

static bool equal(const struct state *a, const struct state *b)
{
	return !memcmp(a->digest, b->digest, sizeof a->digest);
}

static void note(const struct state *next)
{
	for (size_t i = 0; i < model.n; i++)
		if (equal(&model.states[i], next))
			return;
	cr_assert_lt(model.n, (size_t)STATES_MAX);
	model.states[model.n++] = *next;
}

static void go_to(const struct state *s)
{
	renew();
	for (size_t i = 0; i < s->depth; i++)
		apply(s->path[i]);
}

/* From this state one step with each kind. What changed nothing needs no new beginning. */
static void expand(const struct state *from)
{
	bool there = false;

	for (unsigned kind = 0; kind < KINDS; kind++) {
		struct state next = *from;

		if (!there)
			go_to(from);
		next.path[next.depth++] = (uint8_t)kind;
		apply(kind);
		check(&next);
		look(next.digest);
		there = kind != KIND_TIMER && equal(&next, from);
		note(&next);
	}
}

/* Exchange types that nobody knows, and those that are known where they do not belong. */
static void every_exchange(const struct state *s)
{
	struct chain c;

	go_to(s);
	fill(7, &c);
	for (unsigned n = 0; n < 256 * 2 * 2; n++) {
		const struct message head = {.exchange = (uint8_t)(n / 4),
			.flags = n & 1 ? MESSAGE_FLAG_RESPONSE : 0,
			.id = n >> 1 & 1};

		if (head.exchange != IKE_AUTH)
			send_by_handshake(&head, &c);
		send_clear(&head, &c, false);
		send_clear(&head, &c, true);
		right->fake.n_sent = left->fake.n_sent = right->taken = left->taken = 0;
		check(s);
	}
}

/* Of every state that has been found, every next one; those that look alike are one. */
static void explore(struct end *target, const char *interface, const char *peer)
{
	model.target = target;
	model.interface = interface;
	model.peer = peer;
	model.n = 1;
	memset(&model.states[0], 0, sizeof model.states[0]);
	create();
	renew();
	look(model.states[0].digest);
	for (size_t at = 0; at < model.n; at++) {
		struct state from = model.states[at];

		if (from.depth < DEPTH)
			expand(&from);
		every_exchange(&from);
	}
	cr_assert_geq(model.n, 8u, "%zu states", model.n);
	end();
}

Test(ikev2_model, a_responder_believes_nobody)
{
	explore(right, "", PLAIN);
}

Test(ikev2_model, a_template_lets_nobody_in)
{
	explore(right, "Master = keys/master", "*" PLAIN);
}

Test(ikev2_model, an_initiator_believes_nobody)
{
	explore(left, "", PLAIN "Retransmission = lossy\nRole = initiator\n");
}

Test(ikev2_model, a_blank_device_believes_nobody)
{
	explore(left, "Key = keys/key",
		PLAIN
		"Retransmission = lossy\nRole = initiator\nImprint = yes\nImprintTime = no\n");
}

/* Each state that comes after AUTH, with every exchange of a peer that has the keys: what it may
 * end is its own IKE SA. */
Test(ikev2_model, every_exchange_after_auth)
{
	static const struct {
		struct end *by;
		int what; /* -1: nothing is under way */
		bool replaced;
	} states[] = {{NULL, -1, false}, {NULL, -1, true}, {&ends[1], KEYING_REKEY, false},
		{&ends[1], KEYING_REKEY_IKE, false}, {&ends[1], KEYING_TERMINATE, false}};

	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		end();
		for (unsigned n = 0; n < 256 * 4; n++) {
			const struct message head = {.exchange = (uint8_t)(n / 4),
				.flags = n & 1 ? MESSAGE_FLAG_RESPONSE : 0};
			struct message full = head;
			struct chain c;

			if (!right->k || !sa_of(right) || !sa_of(left)) {
				end();
				connect_both();
				if (states[i].by)
					order(states[i].by, (enum keying_order)states[i].what);
				if (states[i].replaced)
					sa_of(right)->state = IKE_REPLACED;
			}
			model.target = right;
			fill(n & 2 ? 10 : 8, &c);
			full.id = n & 1 ? sa_of(right)->next_request : sa_of(right)->next_expected;
			send_forged(left, &full, &c);
			cr_assert_leq(fake_host_living(&right->fake), 2u * CHILDREN_MAX);
		}
	}
}
