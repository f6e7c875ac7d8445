/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/ikev2 at both ends of a wire of our own, in virtual time: every message lost, doubled or
 * overtaken, both ends beginning at once, either end restarted after any message.
 */
#include "fakes/fake_host.h"

#include "codec/tree.h"
#include "crypto/enrol.h"
#include "crypto/secret.h"
#include "ikev2/numbers.h"
#include "keying/plugin.h"
#include "keying/trace.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct keying_plugin_ops keying_plugin_ikev2;

enum {
	POLICY = 10,
	SECOND = 1000,
	MESSAGE_MAX = 1500,
	MINIMUM_SUM = 620,
	EXCHANGE_AT = 18,
	FIRST_AT = 16,
	LENGTH_AT = 24,
	HEADER_LEN = 28,
	KE_AT = 64, /* in an answer to IKE_SA_INIT */
	KE_LEN = 40,
	LOADED_FROM = 62, /* the 64th handshake at once, that of left included */
	UNCUT_MAX = 576 - 20 - 8
};

struct end {
	struct fake_host fake;
	struct keying *k;
	struct ip_endpoint at;
	const char *name, *peer;
	const char *address, *its_address; /* Address of both sections; NULL: fd00::N */
	size_t taken;                      /* of fake.sent */
};

/* left begins unless a test says otherwise */
static struct end left;
static struct end right;
static const struct keying_plugin_ops *const ops = &keying_plugin_ikev2;

static struct {
	uint32_t seed;
	unsigned loss, twice, late; /* in percent */
	bool corrupt;
	size_t messages, octets, cut; /* cut: nothing goes after so many; 0: no limit */
	size_t longest, fragments;
} wire;

static unsigned chance(void)
{
	wire.seed ^= wire.seed << 13;
	wire.seed ^= wire.seed >> 17;
	wire.seed ^= wire.seed << 5;
	return wire.seed % 100;
}

static struct slice config_of(
	const struct end *e, const struct end *other, const char *interface, const char *peer)
{
	static struct tree_writer w;
	static struct config_errors errors;
	const uint32_t policies[] = {POLICY};
	struct config config;
	char text[1024];
	char own[16];
	char its[16];
	int n;

	snprintf(own, sizeof own, "fd00::%u/64", e->at.addr.bytes[3]);
	snprintf(its, sizeof its, "fd00::%u", other->at.addr.bytes[3]);
	n = snprintf(text, sizeof text,
		"[Interface]\nName = diet0\nAddress = %s\nId = %s\n%s\n"
		"[Peer \"%s\"]\nKeying = ikev2\nEndpoint = 192.0.2.%u\nAddress = %s\n%s\n",
		e->address ? e->address : own, e->name, interface, e->peer, other->at.addr.bytes[3],
		e->its_address ? e->its_address : its, peer);

	memset(&errors, 0, sizeof errors);
	cr_assert_eq(config_load_text("home", text, (size_t)n, &config, &errors), 0, "%s: %s",
		errors.list[0].at, errors.list[0].text);
	tree_writer_fini(&w);
	tree_writer_init(&w);
	plugin_write_config(&w, &config, "ikev2", policies);
	config_fini(&config);
	return (struct slice){w.data, w.len};
}

static void begin(struct end *e, const struct end *other, const char *interface, const char *peer)
{
	struct slice config = config_of(e, other, interface, peer);

	cr_assert_eq(ops->check(&e->fake.table, config), 0, "%s", e->fake.errors[0].text);
	cr_assert_eq(ops->create(&e->fake.table, config, &e->k), 0);
	cr_assert_eq(ops->start(e->k), 0);
}

static void both(const char *peer)
{
	begin(&left, &right, "", peer);
	begin(&right, &left, "", peer);
}

static void init_end(struct end *e, const char *name, const char *peer, uint8_t last, uint64_t seed)
{
	char psk[64];

	memset(e, 0, sizeof *e);
	fake_host_init(&e->fake);
	e->fake.random = seed;
	e->fake.now_ms = 1000000;
	e->name = name;
	e->peer = peer;
	e->at.addr = (struct ip_addr){4, {192, 0, 2, last}};
	e->fake.own = e->at.addr;
	snprintf(psk, sizeof psk, "%s/Psk", peer);
	fake_host_secret(&e->fake, psk, "one secret for both ends", 0);
}

static void set_up(void)
{
	cr_assert_eq(crypto_init(), 0);
	init_end(&left, "left", "right", 1, 7);
	init_end(&right, "right", "left", 2, 100007);
	memset(&wire, 0, sizeof wire);
	wire.seed = 1;
}

static void end(struct end *e)
{
	if (!e->k)
		return;
	ops->stop(e->k);
	ops->destroy(e->k);
	e->k = NULL;
	cr_assert_eq(fake_host_living(&e->fake), 0u, "%s leaves SAs", e->name);
	cr_assert_eq(e->fake.n_spis, 0u, "%s leaves SPIs", e->name);
}

static void tear_down(void)
{
	end(&left);
	end(&right);
}

TestSuite(ikev2, .init = set_up, .fini = tear_down);

static void deliver(struct end *to, const struct end *from, size_t i)
{
	struct keying_datagram d = {.socket = from->fake.sent[i].socket,
		.local = to->at,
		.remote = from->at,
		.payload = {from->fake.sent[i].data, from->fake.sent[i].len}};
	uint8_t copy[MESSAGE_MAX];

	d.local.port = d.remote.port = d.socket ? 4500 : 500;
	if (wire.corrupt) {
		memcpy(copy, d.payload.data, d.payload.len);
		copy[wire.seed % d.payload.len] ^= (uint8_t)(1 + wire.seed % 255);
		d.payload.data = copy;
	}
	if (to->k)
		ops->datagram(to->k, &d);
}

/* One waiting message of this end goes over, or not. */
static bool step(struct end *from, struct end *to)
{
	size_t i = from->taken;

	if (i == from->fake.n_sent)
		return false;
	if (i + 1 < from->fake.n_sent && chance() < wire.late) {
		/* The next one overtakes it. */
		struct fake_host *f = &from->fake;
		uint8_t hold[sizeof f->sent[0]];

		memcpy(hold, &f->sent[i], sizeof hold);
		memcpy(&f->sent[i], &f->sent[i + 1], sizeof hold);
		memcpy(&f->sent[i + 1], hold, sizeof hold);
	}
	from->taken++;
	wire.messages++;
	wire.octets += from->fake.sent[i].len;
	wire.fragments += from->fake.sent[i].data[FIRST_AT] == PAYLOAD_SKF;
	if (from->fake.sent[i].len > wire.longest)
		wire.longest = from->fake.sent[i].len;
	if ((!wire.cut || wire.messages <= wire.cut) && chance() >= wire.loss) {
		deliver(to, from, i);
		if (chance() < wire.twice)
			deliver(to, from, i);
	}
	if (from->taken == from->fake.n_sent)
		from->taken = from->fake.n_sent = 0;
	return true;
}

static void pump(void)
{
	for (int n = 0; n < 10000; n++) {
		bool some = step(&left, &right);

		if (!step(&right, &left) && !some)
			return;
	}
	cr_assert_fail("the two never come to rest");
}

/* Both clocks are one. */
static bool run_timer(struct end *e, uint64_t until)
{
	uint32_t timer;

	if (!e->k || e->fake.now_ms >= until)
		return false;
	if (!fake_host_advance(&e->fake, until - e->fake.now_ms, &timer))
		return false;
	ops->timeout(e->k, timer);
	return true;
}

static void run(uint64_t ms)
{
	uint64_t end = left.fake.now_ms + ms;

	pump();
	for (uint64_t now = left.fake.now_ms; now < end; now += 50) {
		while (run_timer(&left, now + 50))
			pump();
		while (run_timer(&right, now + 50))
			pump();
		left.fake.now_ms = right.fake.now_ms = now + 50;
		pump();
	}
}

static void expire(struct end *e, enum sa_event event);

static void acquire(struct end *e)
{
	const struct keying_acquire asked = {.policy = POLICY};

	ops->acquire(e->k, &asked);
}

/* Somebody at this end has something to say all the time. */
static void traffic(struct end *e, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		bool has_out = false;

		for (size_t k = 0; k < e->fake.n_sas; k++)
			has_out = has_out ||
				  (e->fake.sas[k].id && e->fake.sas[k].params.dir == SA_OUT &&
					  !e->fake.sas[k].params.fallback);
		if (!has_out)
			acquire(e);
		run(SECOND);
	}
}

/* The newest outbound SA, as the data path takes it. */
static struct fake_sa *newest(struct end *e, enum sa_dir dir, bool fallback)
{
	for (size_t i = e->fake.n_sas; i-- > 0;) {
		struct fake_sa *sa = &e->fake.sas[i];

		if (sa->id && sa->params.dir == dir && sa->params.fallback == fallback)
			return sa;
	}
	return NULL;
}

/* What one sends on, the other one opens. */
static bool reaches(struct end *from, struct end *to, bool fallback)
{
	const struct fake_sa *out = newest(from, SA_OUT, fallback);
	const struct fake_sa *in = out ? fake_host_find(&to->fake, SA_IN, out->params.spi) : NULL;

	return in && in->params.keymat_len == out->params.keymat_len &&
	       in->params.encr == out->params.encr && in->params.esn == out->params.esn &&
	       in->params.attrs.len == out->params.attrs.len &&
	       !memcmp(in->attrs, out->attrs, in->params.attrs.len) &&
	       !memcmp(in->params.keymat, out->params.keymat, out->params.keymat_len);
}

static bool stands(void)
{
	return reaches(&left, &right, false) && reaches(&right, &left, false);
}

static void dump(const struct end *e)
{
	for (size_t i = 0; i < e->fake.n_sas; i++)
		if (e->fake.sas[i].id)
			fprintf(stderr, "%s: SA %zu %s 0x%x\n", e->name, i,
				e->fake.sas[i].params.dir == SA_OUT ? "out" : "in",
				e->fake.sas[i].params.spi);
	for (size_t i = 0; i < e->fake.n_logs; i++)
		fprintf(stderr, "%s: %s\n", e->name, e->fake.logs[i]);
}

static void expect_standing(void)
{
	if (!stands()) {
		dump(&left);
		dump(&right);
	}
	cr_assert(stands(), "seed %u", wire.seed);
}

static void expect_one_pair(size_t sas)
{
	if (!stands() || fake_host_living(&left.fake) != sas ||
		fake_host_living(&right.fake) != sas) {
		dump(&left);
		dump(&right);
	}
	cr_assert(stands(), "seed %u", wire.seed);
	cr_assert_eq(fake_host_living(&left.fake), sas, "seed %u: %zu", wire.seed,
		fake_host_living(&left.fake));
	cr_assert_eq(fake_host_living(&right.fake), sas, "%zu", fake_host_living(&right.fake));
}

#define SMALLEST \
	"Cipher = chacha20-poly1305\nCompress = off\nPrf = sha256\nExchange = x25519\n" \
	"NatDetection = no\nRetransmission = lossy\n"
#define PLAIN "Cipher = chacha20-poly1305\nCompress = off\n"

Test(ikev2, four_messages_of_the_smallest_size)
{
	both(SMALLEST);
	acquire(&left);
	pump();
	expect_one_pair(2);
	cr_assert_eq(wire.messages, 4u);
	/* the floor for identities of one octet and IPv4 selectors; ours are IPv6 and longer:
	 * 4 x 48 - 4 x 24 for selectors, names of 4 and 5 octets, ESN offered as a choice,
	 * INITIAL_CONTACT */
	cr_assert_eq(wire.octets, MINIMUM_SUM + 96u + (4 + 5 - 2) + 8 + 8, "%zu", wire.octets);
	cr_assert_leq(wire.octets - 96, 680u);
}

Test(ikev2, every_single_loss)
{
	for (size_t lost = 1; lost <= 4; lost++) {
		set_up();
		both(PLAIN);
		acquire(&left);
		wire.cut = lost - 1;
		if (!wire.cut)
			wire.loss = 100;
		run(300);
		cr_assert(!stands());
		wire.cut = wire.loss = 0;
		run(20 * SECOND);
		expect_one_pair(2);
		tear_down();
	}
}

/* Loss, doubles and overtaking in both directions: it comes up, and nothing is left over. */
Test(ikev2, rough_wire)
{
	unsigned in_time = 0;

	for (uint32_t seed = 1; seed <= 120; seed++) {
		set_up();
		wire.seed = seed * 2654435761u;
		wire.loss = 30;
		wire.twice = 20;
		wire.late = 20;
		both(PLAIN "Retransmission = lossy\n");
		acquire(&left);
		run(15 * SECOND);
		in_time += stands();
		wire.loss = 0;
		run(90 * SECOND);
		expect_one_pair(2);
		tear_down();
	}
	cr_assert_geq(in_time, 118u, "%u of 120 within 15 s", in_time);
}

/* Names and selectors that no datagram of 576 octets holds. */
static void both_long(const char *peer)
{
	static const char text[] = "%sLocal = fd00::%d, fd01::%d, fd02::%d, fd03::%d\n"
				   "Routes = fd01::%d, fd02::%d, fd03::%d\nPeerId = %s\nPfs = yes\n"
				   "Exchange = p256\n";
	static char names[2][101];
	char lines[2][600];

	memset(names[0], 'l', sizeof names[0] - 1);
	memset(names[1], 'r', sizeof names[1] - 1);
	left.name = names[0];
	right.name = names[1];
	snprintf(lines[0], sizeof lines[0], text, peer, 1, 1, 1, 1, 2, 2, 2, names[1]);
	snprintf(lines[1], sizeof lines[1], text, peer, 2, 2, 2, 2, 1, 1, 1, names[0]);
	begin(&left, &right, "", lines[0]);
	begin(&right, &left, "", lines[1]);
}

/* RFC 7383, whatever happens to single fragments of IKE_AUTH and of CREATE_CHILD_SA. */
Test(ikev2, fragments)
{
	for (uint32_t seed = 0; seed <= 40; seed++) {
		set_up();
		wire.seed = seed * 2654435761u + 1;
		wire.loss = seed ? 20 : 0;
		wire.twice = seed ? 20 : 0;
		wire.late = seed ? 30 : 0;
		both_long("Cipher = chacha20-poly1305, aes-gcm-16\nCompress = off\n");
		acquire(&left);
		run(60 * SECOND);
		if (!seed)
			cr_assert_eq(wire.fragments, 4u, "%zu", wire.fragments);
		expect_standing();
		expire(&right, SA_SOFT_EXPIRED);
		run(60 * SECOND);
		wire.loss = 0;
		run(60 * SECOND);
		expect_one_pair(2);
		cr_assert_geq(wire.fragments, 6u);
		cr_assert_leq(wire.longest, (size_t)UNCUT_MAX, "%zu", wire.longest);
		tear_down();
	}
}

/* The other end does not know them: messages stay whole, as long as they are. */
Test(ikev2, no_fragments_without_both)
{
	both_long(PLAIN "Retransmission = lossy\n");
	acquire(&left);
	pump();
	expect_one_pair(2);
	cr_assert_eq(wire.messages, 4u);
	cr_assert_eq(wire.fragments, 0u);
	cr_assert_gt(wire.longest, (size_t)UNCUT_MAX);
}

Test(ikev2, both_begin_at_once)
{
	for (uint32_t seed = 1; seed <= 40; seed++) {
		set_up();
		wire.seed = seed * 2654435761u;
		left.fake.random += seed * 31;
		wire.loss = seed > 10 ? 20 : 0;
		both(PLAIN "Retransmission = lossy\n");
		acquire(&left);
		acquire(&right);
		run(30 * SECOND);
		wire.loss = 0;
		traffic(&left, 150);
		cr_assert(stands(), "seed %u", seed);
		expect_one_pair(2);
		tear_down();
	}
}

/* Without a last word: as if the power went. */
static void lose_all(struct end *e)
{
	ops->destroy(e->k);
	for (size_t i = 0; i < e->fake.n_sas; i++)
		e->fake.sas[i].id = 0;
	e->fake.n_spis = e->fake.n_timers = e->fake.n_sent = e->taken = 0;
	e->fake.next_socket = 0;
}

/* Either end is gone after any message and comes back with nothing in its memory. */
Test(ikev2, restart_at_any_point)
{
	for (int who = 0; who < 2; who++)
		for (size_t after = 1; after <= 6; after++) {
			struct end *e = who ? &right : &left;
			struct end *other = who ? &left : &right;

			set_up();
			both(PLAIN "Liveness = 5s\n");
			acquire(&left);
			wire.cut = after;
			run(100);
			lose_all(e);
			begin(e, other, "", PLAIN "Liveness = 5s\n");
			wire.cut = 0;
			traffic(&left, 120);
			cr_assert(stands(), "%s after message %zu", e->name, after);
			expect_one_pair(2);
			tear_down();
		}
}

/* The gateway lost an IKE SA, took another one and ended that: the first one stays lost. */
Test(ikev2, what_was_lost_does_not_come_back)
{
	static const char device[] = PLAIN "Role = initiator\nLiveness = 5s\n";
	static const char gateway[] = PLAIN "Role = responder\n";

	begin(&left, &right, "", device);
	begin(&right, &left, "", gateway);
	acquire(&left);
	run(SECOND);
	lose_all(&right);
	begin(&right, &left, "", gateway);
	for (int i = 0; i < 60 && !stands(); i++)
		run(SECOND);
	cr_assert(stands());
	cr_assert_gt(fake_host_living(&left.fake), 2u, "the old one lingers");
	cr_assert_eq(ops->reload(right.k,
			     config_of(&right, &left, "", PLAIN "Role = responder\nPfs = yes\n")),
		0);
	pump();
	cr_assert_eq(fake_host_living(&left.fake), 0u);
	acquire(&left);
	run(SECOND);
	expect_one_pair(2);
}

static void expire(struct end *e, enum sa_event event)
{
	const struct fake_sa *sa = newest(e, SA_OUT, false);

	cr_assert(sa);
	ops->sa_event(e->k, sa->id, event);
}

/* One after the other, and at once: always one pair that both know, and never none. */
Test(ikev2, child_rekeys)
{
	for (uint32_t seed = 1; seed <= 40; seed++) {
		uint32_t spi;

		set_up();
		wire.seed = seed * 2654435761u;
		left.fake.random += seed * 77;
		both(seed % 2 ? PLAIN : PLAIN "Pfs = yes\n");
		acquire(&left);
		pump();
		spi = newest(&left, SA_OUT, false)->params.spi;
		wire.loss = seed % 2 ? 30 : 0;
		for (int i = 0; i < 4; i++) {
			if (i != 1)
				expire(&left, SA_SOFT_EXPIRED);
			if (i != 0)
				expire(&right, SA_SOFT_EXPIRED);
			pump();
			expect_standing();
			run(30 * SECOND);
			expect_standing();
			cr_assert(stands(), "seed %u, rekey %d", seed, i);
		}
		wire.loss = 0;
		run(120 * SECOND);
		expect_one_pair(2);
		cr_assert_neq(newest(&left, SA_OUT, false)->params.spi, spi);
		tear_down();
	}
}

Test(ikev2, ike_rekeys)
{
	for (uint32_t seed = 1; seed <= 20; seed++) {
		set_up();
		wire.seed = seed * 2654435761u;
		left.fake.random += seed * 55;
		wire.loss = seed > 10 ? 20 : 0;
		both(PLAIN "IkeLifetime = 1min\nRetransmission = lossy\n");
		acquire(&left);
		run(20 * SECOND);
		cr_assert(stands());
		for (int i = 0; i < 10; i++) {
			run(30 * SECOND);
			expect_standing();
			cr_assert(stands(), "seed %u, half minute %d", seed, i);
		}
		/* the IKE SA of now still makes children */
		wire.loss = 0;
		run(20 * SECOND);
		expire(&right, SA_SOFT_EXPIRED);
		run(20 * SECOND);
		expect_one_pair(2);
		tear_down();
	}
}

Test(ikev2, compression_and_its_fallback)
{
	static const char iot[] =
		"Cipher = chacha20-poly1305-iiv, chacha20-poly1305\nCompress = iot\n";

	both(iot);
	acquire(&left);
	pump();
	cr_assert_eq(wire.messages, 6u);
	expect_one_pair(4);
	cr_assert(reaches(&left, &right, true) && reaches(&right, &left, true));
	cr_assert_eq(newest(&left, SA_OUT, false)->params.encr, ENCR_CHACHA20_POLY1305_IIV);
	expire(&left, SA_SOFT_EXPIRED);
	run(10 * SECOND);
	expect_one_pair(4);
	cr_assert(reaches(&left, &right, true) && reaches(&right, &left, true));
	cr_assert_gt(newest(&left, SA_OUT, false)->params.attrs.len,
		newest(&left, SA_OUT, true)->params.attrs.len);
}

/* Whoever replaces it, a child compresses as the two have agreed, not as he alone would wish. */
Test(ikev2, a_rekey_keeps_the_compression)
{
	static const char *const rows[][2] = {
		{"Compress = iot\nEspSnLsb = 16\n", "Compress = iot\n"},
		{"Compress = safe\nWindow = 64\n", "Compress = iot\n"},
		{"Compress = iot\n", "Compress = safe\n"}, /* refused: plain, and stays it */
		{"Compress = off\n", "Compress = iot\n"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[2][96];
		uint8_t was[64];
		size_t len;

		set_up();
		for (int k = 0; k < 2; k++)
			snprintf(text[k], sizeof text[k], "Cipher = chacha20-poly1305\n%s",
				rows[i][k]);
		begin(&left, &right, "", text[0]);
		begin(&right, &left, "", text[1]);
		acquire(&left);
		run(SECOND);
		len = newest(&left, SA_OUT, false)->params.attrs.len;
		cr_assert_leq(len, sizeof was);
		memcpy(was, newest(&left, SA_OUT, false)->attrs, len);
		for (int n = 0; n < 4; n++) {
			expire(n % 2 ? &left : &right, SA_SOFT_EXPIRED);
			run(10 * SECOND);
			expect_one_pair(i < 2 ? 4 : 2);
			cr_assert_eq(newest(&left, SA_OUT, false)->params.attrs.len, len);
			cr_assert_arr_eq(
				newest(&left, SA_OUT, false)->attrs, was, len, "row %zu", i);
		}
		tear_down();
	}
}

/* Neither asked after nor rekeyed, up to the end of its lifetime. */
Test(ikev2, a_sleepy_peer_is_left_alone)
{
	size_t before;

	begin(&left, &right, "", PLAIN "Liveness = no\n");
	begin(&right, &left, "", PLAIN "Sleepy = yes\nIkeLifetime = 1h\n");
	acquire(&left);
	run(SECOND);
	before = wire.messages;
	expire(&right, SA_SOFT_EXPIRED);
	run(59 * 60 * SECOND);
	cr_assert_eq(wire.messages, before);
	expect_one_pair(2);
	run(2 * 60 * SECOND);
	cr_assert_eq(fake_host_living(&right.fake), 0u, "nor does it stay for ever");
}

/* The plain child beside it is refused: that is no reason for another IKE SA. */
Test(ikev2, pfs_at_one_end)
{
	begin(&left, &right, "", "Cipher = chacha20-poly1305\nCompress = iot\n");
	begin(&right, &left, "", "Cipher = chacha20-poly1305\nCompress = iot\nPfs = yes\n");
	acquire(&left);
	run(20 * SECOND);
	cr_assert_eq(wire.messages, 6u, "%zu messages", wire.messages);
	expect_one_pair(2);
}

Test(ikev2, who_does_not_compress_gets_plain_esp)
{
	begin(&left, &right, "", "Cipher = chacha20-poly1305\nCompress = iot\n");
	begin(&right, &left, "", PLAIN);
	acquire(&left);
	pump();
	cr_assert_eq(wire.messages, 4u);
	expect_one_pair(2);
}

Test(ikev2, the_wrong_key_and_the_wrong_name)
{
	fake_host_secret(&right.fake, "left/Psk", "another secret, as long as that one", 0);
	both(PLAIN);
	acquire(&left);
	run(5 * SECOND);
	cr_assert_eq(fake_host_living(&left.fake) + fake_host_living(&right.fake), 0u);
	cr_assert(fake_host_logged(&left.fake, "AUTHENTICATION_FAILED"));
	cr_assert(fake_host_logged(&right.fake, "compare Psk"));
	cr_assert(fake_host_told(&left.fake, "failed") && fake_host_told(&right.fake, "refused"));
}

Test(ikev2, unknown_identity)
{
	left.name = "stranger";
	both(PLAIN);
	acquire(&left);
	run(SECOND);
	cr_assert_eq(fake_host_living(&left.fake) + fake_host_living(&right.fake), 0u);
	cr_assert(fake_host_logged(&right.fake, "unknown identity"));
}

Test(ikev2, nothing_in_common)
{
	begin(&left, &right, "", "Cipher = aes-gcm-16\nCompress = off\n");
	begin(&right, &left, "", PLAIN);
	acquire(&left);
	run(2 * SECOND);
	cr_assert_eq(fake_host_living(&left.fake) + fake_host_living(&right.fake), 0u);
	cr_assert(fake_host_logged(&left.fake, "NO_PROPOSAL_CHOSEN"));
}

Test(ikev2, another_group_is_asked_for)
{
	begin(&left, &right, "", PLAIN "Exchange = x25519, p256\n");
	begin(&right, &left, "", PLAIN "Exchange = p256\n");
	acquire(&left);
	pump();
	cr_assert_eq(wire.messages, 6u);
	expect_one_pair(2);
}

/* Both have it, one has it, one insists, both have it and not the same one. */
Test(ikev2, post_quantum_key)
{
	static const char has[] = PLAIN "Ppk = keys/ppk\nPpkId = shelf\n";
	static const char needs[] = PLAIN "Ppk = keys/ppk\nPpkId = shelf\nPpkRequired = yes\n";
	static const struct {
		const char *left, *right;
		bool same, stands;
	} cases[] = {{has, has, true, true}, {needs, needs, true, true}, {has, PLAIN, true, true},
		{PLAIN, has, true, true}, {needs, PLAIN, true, false}, {PLAIN, needs, true, false},
		{has, has, false, false}, {needs, needs, false, false}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		set_up();
		fake_host_secret(&left.fake, "right/Ppk", "a post-quantum secret", 0);
		fake_host_secret(&right.fake, "left/Ppk",
			cases[i].same ? "a post-quantum secret" : "another such secret", 0);
		begin(&left, &right, "", cases[i].left);
		begin(&right, &left, "", cases[i].right);
		acquire(&left);
		run(SECOND);
		cr_assert_eq(stands(), cases[i].stands, "case %zu", i);
		cr_assert_eq(fake_host_living(&left.fake), cases[i].stands ? 2u : 0u);
		/* nor does the responder, who heard of it last, go on */
		cr_assert_eq(
			fake_host_living(&right.fake), cases[i].stands ? 2u : 0u, "case %zu", i);
		tear_down();
	}
}

Test(ikev2, cookie_first)
{
	begin(&left, &right, "", PLAIN);
	begin(&right, &left, "", PLAIN "CookieThreshold = 0\n");
	acquire(&left);
	pump();
	cr_assert_eq(wire.messages, 6u);
	expect_one_pair(2);
}

Test(ikev2, delete_from_either_side)
{
	for (int who = 0; who < 2; who++) {
		struct end *e = who ? &right : &left;

		set_up();
		both(PLAIN);
		acquire(&left);
		pump();
		expect_one_pair(2);
		/* as `dietvpn sa delete` does it */
		for (size_t i = 0; i < e->fake.n_sas; i++) {
			sa_id id = e->fake.sas[i].id;

			e->fake.sas[i].id = 0;
			e->fake.n_spis = 0;
			ops->sa_event(e->k, id, SA_REMOVED);
		}
		run(3 * SECOND);
		cr_assert_eq(fake_host_living(&left.fake) + fake_host_living(&right.fake), 0u);
		acquire(&left);
		run(3 * SECOND);
		expect_one_pair(2);
		tear_down();
	}
}

/* Damaged copies of everything that is said change nothing; the true message does. */
Test(ikev2, damaged_messages)
{
	for (uint32_t seed = 1; seed <= 200; seed++) {
		set_up();
		wire.seed = seed * 2654435761u;
		both(PLAIN "Retransmission = lossy\n");
		acquire(&left);
		wire.corrupt = true;
		run(600);
		wire.corrupt = false;
		traffic(&left, 120);
		expect_one_pair(2);
		tear_down();
	}
}

/* Whatever a stranger sends: no answer is longer than the question, and no SA comes of it. */
Test(ikev2, strangers)
{
	uint8_t init[MESSAGE_MAX];
	size_t len;
	struct keying_datagram d = {.socket = 0};

	both(PLAIN);
	acquire(&left);
	len = left.fake.sent[0].len;
	memcpy(init, left.fake.sent[0].data, len);
	left.fake.n_sent = 0;
	d.local = right.at;
	d.payload = (struct slice){init, len};
	for (uint32_t n = 0; n < 6000; n++) {
		size_t before = right.fake.n_sent;

		d.remote = (struct ip_endpoint){
			{4, {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}}, 500};
		memcpy(init, &n, sizeof n);
		init[7] = 1;
		ops->datagram(right.k, &d);
		cr_assert_leq(right.fake.n_sent, before + 1);
		if (right.fake.n_sent > before)
			cr_assert_leq(right.fake.sent[before].len, len);
		if (right.fake.n_sent == FAKE_SENT_MAX)
			right.fake.n_sent = 0;
	}
	right.fake.n_sent = 0;
	/* cut at every octet, and every octet another */
	for (size_t n = 0; n < len; n++) {
		d.payload.len = n;
		ops->datagram(right.k, &d);
		d.payload.len = len;
		init[n] ^= 0x55;
		ops->datagram(right.k, &d);
		init[n] ^= 0x55;
		right.fake.n_sent = 0;
	}
	cr_assert_eq(fake_host_living(&right.fake), 0u);
	/* and an honest one comes through in the middle of it */
	run(40 * SECOND);
	acquire(&left);
	run(10 * SECOND);
	expect_one_pair(2);
}

/* The cookie of the last answer in front of a request. Returns the new length. */
static size_t put_cookie(uint8_t *init, size_t len)
{
	const uint8_t *answer = right.fake.sent[0].data;
	size_t n = right.fake.sent[0].len - HEADER_LEN;

	cr_assert_eq(answer[FIRST_AT], PAYLOAD_NOTIFY);
	memmove(init + HEADER_LEN + n, init + HEADER_LEN, len - HEADER_LEN);
	memcpy(init + HEADER_LEN, answer + HEADER_LEN, n);
	init[HEADER_LEN] = init[FIRST_AT];
	init[FIRST_AT] = PAYLOAD_NOTIFY;
	init[LENGTH_AT + 2] = (uint8_t)((len + n) >> 8);
	init[LENGTH_AT + 3] = (uint8_t)(len + n);
	return len + n;
}

/* Our half of the key exchange: the same one for a second, but only under load. */
static void expect_value(uint32_t n, uint8_t last[KE_LEN])
{
	const uint8_t *ke = right.fake.sent[0].data + KE_AT;

	cr_assert_gt(right.fake.sent[0].len, 100u);
	cr_assert_eq(!memcmp(last, ke, KE_LEN), n > LOADED_FROM, "%u", n);
	memcpy(last, ke, KE_LEN);
}

/* An IKE_SA_INIT from 4,500 prefixes, each of which returns its cookie. */
static void flood_right(const uint8_t *init, size_t len)
{
	uint8_t copy[MESSAGE_MAX];
	uint8_t last[KE_LEN] = {0};
	struct keying_datagram d = {.local = right.at, .payload = {copy, len}};

	for (uint32_t n = 0; n < 4500; n++) {
		memcpy(copy, init, len);
		memcpy(copy, &n, sizeof n);
		copy[7] = 10;
		d.remote = (struct ip_endpoint){{4, {10, (uint8_t)(n >> 8), (uint8_t)n, 9}}, 500};
		d.payload.len = len;
		right.fake.n_sent = 0;
		ops->datagram(right.k, &d);
		if (right.fake.sent[0].len <= 100) {
			d.payload.len = put_cookie(copy, len);
			right.fake.n_sent = 0;
			ops->datagram(right.k, &d);
		}
		expect_value(n, last);
	}
	right.fake.n_sent = 0;
}

/* A quarter of the half-open table is for prefixes from which somebody has authenticated, also
 * before a restart: a botnet that returns cookies does not push them out. */
Test(ikev2, familiar_prefixes_have_their_place)
{
	uint8_t init[MESSAGE_MAX];
	char text[100];
	size_t len;

	for (int familiar = 0; familiar < 3; familiar++) {
		set_up();
		both(PLAIN);
		if (familiar) {
			acquire(&left);
			pump();
			expect_one_pair(2);
			cr_assert_eq(
				ops->order(left.k, POLICY, KEYING_TERMINATE, text, sizeof text), 0,
				"%s", text);
			run(2 * SECOND);
		}
		if (familiar == 2) {
			ops->stop(right.k);
			ops->destroy(right.k);
			right.fake.n_timers = 0;
			right.fake.next_socket = 0;
			begin(&right, &left, "", PLAIN);
		}
		acquire(&left);
		len = left.fake.sent[0].len;
		memcpy(init, left.fake.sent[0].data, len);
		step(&left, &right);
		step(&right, &left);
		flood_right(init, len);
		pump();
		cr_assert_eq(stands(), familiar > 0, "%d", familiar);
		tear_down();
	}
}

/* Of another major version: ours is told, in as many octets at most, and once a second to one
 * prefix (RFC 7296 2.5). */
Test(ikev2, another_version)
{
	uint8_t other[64] = {[0] = 1, [8] = 2, [17] = 0x30, [18] = 37, [19] = 0x08, [23] = 9};
	struct keying_datagram d = {.local = right.at, .payload = {other, sizeof other}};
	const uint8_t *answer = right.fake.sent[0].data;

	both(PLAIN);
	other[27] = sizeof other;
	for (uint32_t n = 0; n < 50; n++) {
		d.remote = (struct ip_endpoint){{4, {10, 0, (uint8_t)(n / 25), (uint8_t)n}}, 500};
		ops->datagram(right.k, &d);
	}
	cr_assert_eq(right.fake.n_sent, 2u, "%zu", right.fake.n_sent);
	cr_assert_eq(right.fake.sent[0].len, 36u);
	cr_assert(!memcmp(answer, other, 16) && answer[17] == 0x20 && answer[18] == 37 &&
		  answer[19] == 0x20 && answer[23] == 9 && answer[35] == INVALID_MAJOR_VERSION);
	right.fake.now_ms += 5 * SECOND;
	/* too short to be answered, a response, a version before ours */
	d.payload.len = other[27] = 35;
	ops->datagram(right.k, &d);
	d.payload.len = other[27] = 64;
	other[19] = 0x20;
	ops->datagram(right.k, &d);
	other[19] = 0x08;
	other[17] = 0x10;
	ops->datagram(right.k, &d);
	cr_assert_eq(right.fake.n_sent, 2u);
	for (uint32_t n = 0; n < 50; n++) {
		d.remote = (struct ip_endpoint){{4, {11, (uint8_t)n, 0, 1}}, 500};
		other[17] = 0x41;
		ops->datagram(right.k, &d);
	}
	cr_assert_eq(right.fake.n_sent, 2u + 10, "%zu", right.fake.n_sent);
	right.fake.n_sent = 0;
}

static void refused(const char *peer, const char *why)
{
	struct slice config = config_of(&left, &right, "", peer);

	left.fake.n_errors = 0;
	cr_assert_neq(ops->check(&left.fake.table, config), 0, "%s", peer);
	cr_assert(fake_host_complained(&left.fake, why), "%s: %s", peer, left.fake.errors[0].text);
}

/* What has not changed stays; what has goes, and comes back with the new file. */
Test(ikev2, reload)
{
	uint32_t spi;

	both(PLAIN);
	acquire(&left);
	pump();
	spi = newest(&left, SA_OUT, false)->params.spi;
	cr_assert_eq(ops->reload(left.k, config_of(&left, &right, "", PLAIN)), 0);
	run(SECOND);
	expect_one_pair(2);
	cr_assert_eq(newest(&left, SA_OUT, false)->params.spi, spi);
	/* what they need not end for; from now on it counts */
	cr_assert_eq(ops->reload(left.k, config_of(&left, &right, "",
						 PLAIN "Start = boot\nLiveness = 5s\n"
						       "ChildLifetime = 1h\nIkeLifetime = 2h\n")),
		0);
	run(SECOND);
	expect_one_pair(2);
	cr_assert_eq(newest(&left, SA_OUT, false)->params.spi, spi);
	wire.messages = 0;
	run(12 * SECOND);
	cr_assert_gt(wire.messages, 0u);
	cr_assert_eq(ops->reload(left.k, config_of(&left, &right, "", PLAIN "Sleepy = yes\n")), 0);
	wire.messages = 0;
	run(200 * SECOND);
	cr_assert_leq(wire.messages, 2 * 4u, "%zu", wire.messages); /* right asks once a minute */
	cr_assert_eq(newest(&left, SA_OUT, false)->params.spi, spi);
	cr_assert_eq(ops->reload(left.k, config_of(&left, &right, "", PLAIN)), 0);
	expire(&left, SA_SOFT_EXPIRED);
	run(3 * SECOND);
	expect_one_pair(2);
	cr_assert_eq(ops->reload(left.k, config_of(&left, &right, "", PLAIN "Pfs = yes\n")), 0);
	run(SECOND);
	cr_assert_eq(fake_host_living(&left.fake), 0u);
	cr_assert_eq(fake_host_living(&right.fake), 0u);
	acquire(&left);
	run(SECOND);
	expect_one_pair(2);
	cr_assert_neq(ops->reload(left.k, config_of(&left, &right, "", PLAIN "Pfs = x\n")), 0);
	run(SECOND);
	expect_one_pair(2);
}

Test(ikev2, configuration)
{
	refused("Exchange = modp2048\n", "Exchange");
	refused("Exchange = x25519, x25519\n", "Exchange");
	refused("Prf = md5\n", "Prf");
	refused("IkeLifetime = 5s\n", "IkeLifetime");
	refused("ChildLifetime = soon\n", "ChildLifetime");
	refused("CookieThreshold = many\n", "CookieThreshold");
	refused("Liveness = never\n", "Liveness");
	refused("Sleepy = yes\nLiveness = 5s\n", "sleepy");
	refused("PeerId = 0x1\n", "PeerId");
	refused("Imprint = maybe\n", "neither yes nor no");
	refused("Imprint = yes\n", "needs a Key");
	refused("Imprint = yes\nRole = responder\n", "for the device");
	refused("Imprint = yes\nPsk = keys/psk\n", "one of them");
	refused("Imprint = yes\nPeerKey = keys/peer\n", "one of them");
	refused("PpkId = shelf\n", "need a Ppk");
	fake_host_secret(&left.fake, "right/Ppk", "a post-quantum secret", 0);
	refused("Ppk = keys/ppk\n", "needs a PpkId");
	fake_host_secret(&left.fake, "right/Psk", "short", 0);
	refused("", "can be guessed");
	fake_host_secret(&left.fake, "right/Psk", "0xzz", 0);
	refused("", "hexadecimal");
	fake_host_secret(&left.fake, "right/Psk", NULL, -EACCES);
	refused("Psk = keys/psk\n", "Psk");
	fake_host_secret(&left.fake, "right/Psk", NULL, -ENOENT);
	refused("", "needs a Psk");
}

/* A record of this end, read as the host reads it; NULL: there is none with this outcome. */
static struct tree *record(const struct end *e, const char *outcome)
{
	const struct trace_source from = {.policy = POLICY, .plugin = "", .tunnel = "", .peer = ""};
	size_t n = e->fake.n_traces;

	for (size_t i = n; i-- > 0 && n - i <= FAKE_TRACES_MAX;) {
		const uint8_t *cbor = e->fake.traces[i % FAKE_TRACES_MAX].cbor;
		size_t len = e->fake.traces[i % FAKE_TRACES_MAX].len;
		struct trace trace = {0};
		const struct trace_entry *entry;
		bool same;

		cr_assert_eq(trace_add(&trace, &from, (struct slice){cbor, len}, &entry), 0);
		same = !strcmp(entry->outcome, outcome);
		trace_fini(&trace);
		if (same)
			return tree_parse(cbor, len, TREE_DEPTH_FILE, NULL);
	}
	return NULL;
}

static tree_node row(const struct tree *tree, const char *what)
{
	tree_node rows = tree_get(tree_root(tree), "rows");
	char text[64];

	for (size_t i = 0; i < tree_count(rows); i++)
		if (tree_text_copy(tree_get(tree_at(rows, i), "what"), text, sizeof text) &&
			!strcmp(text, what))
			return tree_at(rows, i);
	return NULL;
}

static void expect_text(tree_node map, const char *key, const char *part)
{
	char text[700] = "";

	tree_text_copy(tree_get(map, key), text, sizeof text);
	cr_assert(strstr(text, part), "%s: %s, not %s", key, text, part);
}

static void expect_words(
	const struct tree *tree, const char *what, const char *side, const char *first, size_t n)
{
	tree_node list = tree_get(row(tree, what), side);
	char text[200] = "";

	cr_assert_eq(tree_count(list), n, "%s: %zu %s", what, tree_count(list), side);
	tree_text_copy(tree_at(list, 0), text, sizeof text);
	cr_assert_str_eq(text, first, "%s: %s", what, text);
}

/* left begins with this, right allows that; the record of one end, with this outcome. */
static struct tree *meet(const char *mine, const char *theirs, struct end *who, const char *outcome)
{
	struct tree *tree;

	begin(&left, &right, "", mine);
	begin(&right, &left, "", theirs);
	acquire(&left);
	run(SECOND / 2);
	tree = record(who, outcome);
	cr_assert_not_null(tree, "%s: no record %s", who->name, outcome);
	return tree;
}

static void anew(struct tree *tree)
{
	tree_free(tree);
	tear_down();
	set_up();
}

Test(ikev2, why_no_proposal)
{
	struct tree *tree = meet(
		"Cipher = aes-gcm-16\nCompress = off\n", PLAIN "Prf = sha512\n", &right, "refused");

	expect_text(tree_root(tree), "refused_by", "us");
	expect_text(tree_root(tree), "error", "NO_PROPOSAL_CHOSEN");
	expect_text(tree_root(tree), "exchange", "IKE_SA_INIT");
	expect_words(tree, "cipher", "offered", "aes-gcm-16", 1);
	expect_words(tree, "cipher", "allowed", "chacha20-poly1305", 1);
	cr_assert_null(tree_get(row(tree, "cipher"), "shared"));
	expect_text(row(tree, "key exchange"), "shared", "x25519");
	expect_text(tree_root(tree), "fix",
		"here add aes-gcm-16 to Cipher; or on the peer Cipher = chacha20-poly1305.");
	cr_assert_eq(tree_count(tree_get(tree_root(tree), "messages")), 2u);
	cr_assert(fake_host_logged(&right.fake,
		"192.0.2.1: no IKE SA, NO_PROPOSAL_CHOSEN: it offers aes-gcm-16; we allow "
		"chacha20-poly1305: compare Cipher"));
	tree_free(tree);
	/* the other end knows what it offered, and who refused */
	tree = record(&left, "refused");
	cr_assert_not_null(tree);
	expect_text(tree_root(tree), "refused_by", "peer");
	expect_words(tree, "cipher", "offered", "aes-gcm-16", 1);
	cr_assert_null(tree_get(row(tree, "cipher"), "allowed"));
	anew(tree);
	/* what we never could allow is not for us to change */
	tree = meet(PLAIN "Exchange = p256\n", PLAIN "Exchange = x25519\n", &right, "refused");
	expect_text(tree_root(tree), "fix", "here add p256 to Exchange");
	tree_free(tree);
}

Test(ikev2, why_not_authentic)
{
	struct tree *tree;

	fake_host_secret(&left.fake, "right/Psk", "another one, and long enough", 0);
	tree = meet(PLAIN, PLAIN, &right, "refused");
	expect_text(tree_root(tree), "error", "AUTHENTICATION_FAILED");
	expect_text(row(tree, "identity"), "shared", "left");
	expect_words(tree, "authentication", "offered", "another Psk", 1);
	cr_assert_null(tree_get(row(tree, "authentication"), "shared"));
	expect_text(tree_root(tree), "fix", "one Psk in both files.");
	cr_assert_eq(tree_count(tree_get(tree_root(tree), "messages")), 4u);
	tree_free(tree);
	tree = record(&left, "refused");
	expect_text(tree_root(tree), "refused_by", "peer");
	expect_text(tree_root(tree), "fix", "PeerId = left");
	anew(tree);
	tree = meet(PLAIN, PLAIN "PeerId = somebody\n", &right, "refused");
	expect_words(tree, "identity", "offered", "left", 1);
	expect_words(tree, "identity", "allowed", "somebody", 1);
	expect_text(tree_root(tree), "fix",
		"here PeerId = left in its [Peer]; or on the peer Id = somebody");
	anew(tree);
	tree = meet(PLAIN "PeerId = gateway\n", PLAIN, &right, "refused");
	expect_text(tree_root(tree), "fix", "on the peer PeerId = right; or here Id = gateway.");
	tree_free(tree);
}

Test(ikev2, why_no_child)
{
	struct tree *tree = meet("Cipher = chacha20-poly1305, aes-gcm-16\nCompress = off\nLocal = "
				 "fd00::1, fd00:9::/64\n",
		PLAIN "Allow = udp 5683\n", &right, "established");

	expect_text(row(tree, "ESP cipher"), "shared", "chacha20-poly1305");
	expect_text(row(tree, "networks there"), "shared", "udp 5683");
	anew(tree);
	tree = meet(PLAIN "Local = fd00::77\n", PLAIN, &right, "refused");
	expect_text(tree_root(tree), "error", "TS_UNACCEPTABLE");
	expect_text(tree_root(tree), "exchange", "IKE_AUTH");
	expect_words(tree, "networks there", "offered", "fd00::77", 1);
	expect_words(tree, "networks there", "allowed", "fd00::1", 1);
	expect_text(tree_root(tree), "fix",
		"here Address (Routes, Allow) of the peer = fd00::77; or there Local = fd00::1.");
	tree_free(tree);
	tree = record(&left, "refused");
	expect_text(tree_root(tree), "error", "TS_UNACCEPTABLE");
	expect_text(tree_root(tree), "refused_by", "peer");
	tree_free(tree);
}

Test(ikev2, why_not_compressed)
{
	static const char iot[] = "Cipher = chacha20-poly1305\nCompress = iot\n";
	static const char wide[] = "Cipher = chacha20-poly1305\nCompress = iot\nEspSnLsb = 16\n";
	struct tree *tree = meet(iot, wide, &right, "reduced");

	expect_words(tree, "esp_sn_lsb", "offered", "8", 1);
	expect_words(tree, "esp_sn_lsb", "allowed", "16-32", 1);
	expect_text(tree_root(tree), "fix", "on the peer EspSnLsb = 16; or here EspSnLsb = 8.");
	tree_free(tree);
	tree = record(&left, "reduced");
	cr_assert_not_null(tree);
	cr_assert_null(tree_get(row(tree, "compression"), "shared"));
	tree_free(tree);
	expect_standing();
}

Test(ikev2, why_nobody_answers_and_rekeys)
{
	struct tree *tree;

	begin(&left, &right, "", PLAIN);
	acquire(&left);
	run(400 * SECOND);
	tree = record(&left, "unanswered");
	cr_assert_not_null(tree);
	expect_words(tree, "cipher", "offered", "chacha20-poly1305", 1);
	expect_text(tree_root(tree), "fix", "nothing came back from 192.0.2.2 port 500");
	anew(tree);
	both(PLAIN);
	acquire(&left);
	run(SECOND);
	expect_one_pair(2);
	cr_assert_eq(ops->order(left.k, POLICY, KEYING_REKEY, (char[100]){0}, 100), 0);
	run(3 * SECOND);
	cr_assert_eq(ops->order(right.k, POLICY, KEYING_REKEY_IKE, (char[100]){0}, 100), 0);
	run(3 * SECOND);
	tree = record(&left, "established");
	expect_text(tree_root(tree), "exchange", "CREATE_CHILD_SA");
	expect_text(tree_root(tree), "begun", "peer");
	cr_assert_eq(tree_count(tree_get(tree_root(tree), "messages")), 2u);
	expect_text(row(tree, "prf"), "shared", "sha256");
	tree_free(tree);
	cr_assert_eq(left.fake.n_traces, 3u);
	cr_assert_eq(right.fake.n_traces, 3u);
}

/* Whoever floods gets one record in ten seconds, and no peer's name. */
Test(ikev2, why_strangers_are_rare)
{
	begin(&left, &right, "", "Cipher = aes-gcm-16\nCompress = off\n");
	begin(&right, &left, "", PLAIN);
	acquire(&left);
	for (unsigned i = 0; i < 2000; i++)
		deliver(&right, &left, 0);
	cr_assert_eq(right.fake.n_traces, 1u);
	cr_assert_eq(right.fake.traces[0].policy, (uint32_t)POLICY);
	left.at.addr.bytes[3] = 99;
	for (unsigned i = 0; i < 2000; i++)
		deliver(&right, &left, 0);
	cr_assert_eq(right.fake.n_traces, 2u);
	cr_assert_eq(right.fake.traces[1].policy, 0u);
	left.at.addr.bytes[3] = 1;
}

static bool selects_only(const struct ts *ts, const struct ip_addr *addr)
{
	return !memcmp(&ts->addr_start, addr, sizeof *addr) &&
	       !memcmp(&ts->addr_end, addr, sizeof *addr);
}

/* left has got this address, and both SAs are about it alone. */
static void expect_inner(const struct ip_addr *addr)
{
	const struct fake_sa *out = newest(&left, SA_OUT, false);
	const struct fake_sa *in = newest(&right, SA_IN, false);
	size_t last = left.fake.n_inner;

	expect_standing();
	cr_assert_gt(last, 0u);
	cr_assert_eq(left.fake.inner[last - 1].policy, POLICY);
	cr_assert(!memcmp(&left.fake.inner[last - 1].addr, addr, sizeof *addr));
	cr_assert_eq(left.fake.inner[last - 1].prefix_len, addr->family == 4 ? 32 : 128);
	cr_assert(selects_only(&out->params.ts_local[0], addr) && out->params.n_ts_local == 1);
	cr_assert(selects_only(&in->params.ts_remote[0], addr) && in->params.n_ts_remote == 1);
}

Test(ikev2, an_inner_address_is_given_and_kept)
{
	const struct ip_addr first = {6, {0xfd, [15] = 1}};
	char text[128];

	left.address = "auto";
	both("Cipher = chacha20-poly1305\nCompress = iot\n");
	acquire(&left);
	run(SECOND);
	expect_inner(&first);
	expect_one_pair(4);
	for (int what = KEYING_REKEY; what <= KEYING_REKEY_IKE; what++) {
		cr_assert_eq(
			ops->order(right.k, POLICY, (enum keying_order)what, text, sizeof text), 0);
		cr_assert_eq(
			ops->order(left.k, POLICY, (enum keying_order)what, text, sizeof text), 0);
		run(10 * SECOND);
		expect_inner(&first);
		expect_one_pair(4);
	}
	cr_assert_eq(left.fake.n_inner, 1u);
	/* Another IKE SA, another address: asked for the old one, given the new one. */
	end(&right);
	right.its_address = "fd00::77";
	begin(&right, &left, "", "Cipher = chacha20-poly1305\nCompress = iot\n");
	traffic(&left, 200);
	expect_inner(&(struct ip_addr){6, {0xfd, [15] = 0x77}});
}

Test(ikev2, an_inner_address_that_cannot_be_ours)
{
	left.address = "auto";
	left.fake.inner_error = -EADDRNOTAVAIL;
	both(PLAIN);
	acquire(&left);
	run(SECOND);
	cr_assert_eq(fake_host_living(&left.fake) + fake_host_living(&right.fake), 0u);
	cr_assert(fake_host_logged(&left.fake, "cannot be ours"));
}

Test(ikev2, inner_addresses_of_a_pool)
{
	static const struct enrol_pool pool = {
		.prefix = {4, {10, 9}}, .prefix_len = 29, .gateway = {4, {10, 9, 0, 1}}};
	const struct slice id = {(const uint8_t *)"left", 4};
	struct ip_addr probed[2];

	for (uint32_t probe = 0; probe < 2; probe++)
		cr_assert_eq(enrol_address(&pool, id, probe, &probed[probe]), 0);
	left.address = "auto";
	left.its_address = "10.9.0.1";
	right.address = "10.9.0.1/29";
	right.its_address = "10.9.0.0/29";
	begin(&left, &right, "", PLAIN);
	begin(&right, &left, "", PLAIN "Pool = yes\n");
	acquire(&left);
	run(SECOND);
	expect_inner(&probed[0]);
	cr_assert_eq(fake_host_rows(&right.fake, "inner"), 0u,
		"what follows from the identity is not kept");
	/* Somebody of our own is in the way: the next one, and that is remembered. */
	tear_down();
	right.address = probed[0].bytes[3] == 2   ? "10.9.0.1/29, 10.9.0.2/29"
			: probed[0].bytes[3] == 3 ? "10.9.0.1/29, 10.9.0.3/29"
			: probed[0].bytes[3] == 4 ? "10.9.0.1/29, 10.9.0.4/29"
			: probed[0].bytes[3] == 5 ? "10.9.0.1/29, 10.9.0.5/29"
						  : "10.9.0.1/29, 10.9.0.6/29";
	for (int life = 0; life < 2; life++) {
		if (life)
			right.address = "10.9.0.1/29";
		begin(&left, &right, "", PLAIN);
		begin(&right, &left, "", PLAIN "Pool = yes\n");
		acquire(&left);
		run(SECOND);
		expect_inner(&probed[1]);
		cr_assert_eq(fake_host_rows(&right.fake, "inner"), 1u);
		tear_down();
	}
}

/* Each refusal ends in a sentence for both operators. */
Test(ikev2, inner_addresses_that_are_not_given)
{
	static const struct {
		const char *own, *peer, *left, *right;
	} cases[] = {
		{"auto", PLAIN, "INTERNAL_ADDRESS_FAILURE", "Pool = yes"},
		{"fd00:5::99/64", PLAIN "Pool = yes\n", "Address = auto", "FAILED_CP_REQUIRED"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		set_up();
		left.address = cases[i].own;
		right.its_address = "fd00:5::/64";
		begin(&left, &right, "", PLAIN);
		begin(&right, &left, "", cases[i].peer);
		acquire(&left);
		run(SECOND);
		cr_assert_eq(fake_host_living(&left.fake) + fake_host_living(&right.fake), 0u);
		cr_assert(fake_host_logged(&left.fake, cases[i].left), "%zu", i);
		cr_assert(fake_host_logged(&right.fake, cases[i].right), "%zu", i);
		cr_assert(fake_host_told(&right.fake, "refused"), "%zu", i);
		tear_down();
	}
}

/* RFC 6023: four messages without a child, two for each. */
Test(ikev2, childless)
{
	static const char *const peers[] = {
		SMALLEST, "Cipher = chacha20-poly1305\nCompress = iot\n"};
	char text[256];

	for (size_t i = 0; i < 2; i++) {
		set_up();
		snprintf(text, sizeof text, "%sChildless = yes\n", peers[i]);
		begin(&left, &right, "", text);
		begin(&right, &left, "", peers[i]);
		acquire(&left);
		pump();
		cr_assert_eq(wire.messages, i ? 8u : 6u, "%zu", wire.messages);
		expect_one_pair(i ? 4 : 2);
		expire(&left, SA_SOFT_EXPIRED);
		run(10 * SECOND);
		expect_one_pair(i ? 4 : 2);
		tear_down();
	}
}

Test(ikev2, childless_with_an_inner_address)
{
	left.address = "auto";
	begin(&left, &right, "", PLAIN "Childless = yes\n");
	begin(&right, &left, "", PLAIN);
	acquire(&left);
	run(SECOND);
	expect_inner(&(struct ip_addr){6, {0xfd, [15] = 1}});
}

/* The first child is refused: the IKE SA is of no use, and tried again in a while. */
Test(ikev2, childless_and_no_child_comes)
{
	begin(&left, &right, "", PLAIN "Childless = yes\n");
	right.its_address = "fd00::9";
	begin(&right, &left, "", PLAIN);
	acquire(&left);
	run(SECOND / 2);
	cr_assert(fake_host_logged(&left.fake, "TS_UNACCEPTABLE"));
	cr_assert(fake_host_told(&left.fake, "failed"));
	cr_assert_leq(wire.messages, 8u, "%zu", wire.messages);
}
