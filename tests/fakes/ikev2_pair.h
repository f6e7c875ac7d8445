/* SPDX-License-Identifier: Apache-2.0 */
/* Two ends of plugins/ikev2 with hosts of their own, messages of either in the hands of the test.
 */
#ifndef DIETVPN_TESTS_FAKES_IKEV2_PAIR_H
#define DIETVPN_TESTS_FAKES_IKEV2_PAIR_H

#include "fakes/fake_host.h"
#include "fakes/forge.h"
#include "fakes/plugin_text.h"

#include "base/wire.h"
#include "crypto/secret.h"
#include "ikev2/half_open.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

extern const struct keying_plugin_ops keying_plugin_ikev2;

enum { POLICY = 10, SECOND = 1000 };

#define PLAIN "Cipher = chacha20-poly1305\nCompress = off\n"

/* Left begins. */
static struct end {
	struct fake_host fake;
	struct keying *k;
	size_t taken; /* of fake.sent */
} ends[2];
static struct end *const left = &ends[0];
static struct end *const right = &ends[1];
static const struct keying_plugin_ops *const ops = &keying_plugin_ikev2;

__attribute__((unused)) static struct slice config_of(
	int who, const char *interface, const char *peer)
{
	const uint32_t policies[] = {POLICY};
	bool template = strchr(peer, '*');
	struct slice config;
	const char *wrong;
	char text[1024];

	snprintf(text, sizeof text,
		"[Interface]\nName = diet0\nAddress = fd00::%d/64\nId = end-%d\n%s\n[Peer \"%s\"]\n"
		"Keying = ikev2\n%s\n",
		who + 1, who, interface,
		template ? "*"
		: who    ? "end-0"
			 : "end-1",
		template ? strchr(peer, '*') + 1 : peer);
	config = plugin_text(text, policies, &wrong);
	cr_assert(config.data, "%s", wrong);
	return config;
}

__attribute__((unused)) static void begin(int who, const char *interface, const char *peer)
{
	struct end *e = &ends[who];
	const char *psk = who ? "end-0/Psk" : "end-1/Psk";
	char text[512];

	memset(e, 0, sizeof *e);
	fake_host_init(&e->fake);
	e->fake.random = 7u + 100000u * (unsigned)who;
	e->fake.now_ms = 1000000;
	e->fake.own = (struct ip_addr){4, {192, 0, 2, (uint8_t)(who + 1)}};
	fake_host_secret(&e->fake, psk,
		strstr(peer, "Retransmission") ? "what nobody else knows" : "one secret for both",
		0);
	fake_host_secret(&e->fake, who ? "end-0/Key" : "end-1/Key",
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 0);
	fake_host_secret(&e->fake, "Master", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 0);
	if (*peer == '*')
		snprintf(text, sizeof text, "%s\nRole = responder\nAddress = fd00::/64", peer);
	else
		snprintf(text, sizeof text, "%s\nEndpoint = 192.0.2.%d\nAddress = fd00::%d", peer,
			2 - who, 2 - who);
	cr_assert_eq(ops->create(&e->fake.table, config_of(who, interface, text), &e->k), 0, "%s",
		e->fake.errors[0].text);
	cr_assert_eq(ops->start(e->k), 0);
}

__attribute__((unused)) static void both(const char *peer)
{
	cr_assert_eq(crypto_init(), 0);
	begin(0, "", peer);
	begin(1, "", peer);
}

__attribute__((unused)) static void end(void)
{
	for (int i = 0; i < 2; i++) {
		if (!ends[i].k)
			continue;
		ops->stop(ends[i].k);
		ops->destroy(ends[i].k);
		ends[i].k = NULL;
		cr_assert_eq(fake_host_living(&ends[i].fake), 0u);
		cr_assert_eq(ends[i].fake.n_spis, 0u);
	}
}

__attribute__((unused)) static void give(struct end *to, struct slice octets)
{
	struct keying_datagram d = {.local = {to->fake.own, 500},
		.remote = {ends[to == left].fake.own, 500},
		.payload = octets};

	ops->datagram(to->k, &d);
}

__attribute__((unused)) static struct slice next_of(struct end *from)
{
	size_t at = from->taken++;

	if (at >= from->fake.n_sent) {
		from->taken = from->fake.n_sent = 0;
		return (struct slice){NULL, 0};
	}
	return (struct slice){from->fake.sent[at].data, from->fake.sent[at].len};
}

__attribute__((unused)) static void pump(void)
{
	for (bool some = true; some;) {
		some = false;
		for (int i = 0; i < 2; i++)
			for (struct slice s = next_of(&ends[i]); s.len; s = next_of(&ends[i])) {
				give(&ends[!i], s);
				some = true;
			}
	}
}

__attribute__((unused)) static void run(uint64_t ms)
{
	uint32_t timer;

	for (int i = 0; i < 2; i++) {
		uint64_t until = ends[i].fake.now_ms + ms;

		while (ends[i].fake.now_ms < until &&
			fake_host_advance(&ends[i].fake, until - ends[i].fake.now_ms, &timer)) {
			ops->timeout(ends[i].k, timer);
			pump();
		}
	}
}

__attribute__((unused)) static void order(struct end *e, enum keying_order what)
{
	char text[100];

	ops->order(e->k, POLICY, what, text, sizeof text);
}

__attribute__((unused)) static struct ike_sa *sa_of(const struct end *e)
{
	return e->k->peers[0].sa;
}

__attribute__((unused)) static void connect_both(void)
{
	both(PLAIN);
	order(left, KEYING_INITIATE);
	pump();
	cr_assert_eq(fake_host_living(&left->fake) + fake_host_living(&right->fake), 4u);
}

/* As this end, to the other one, sealed; whatever it answers goes nowhere. */
__attribute__((unused)) static void send_forged(
	struct end *from, const struct message *head, const struct chain *chain)
{
	struct end *to = &ends[from == left];
	uint8_t out[5000];
	size_t len = forge(sa_of(from), head, chain, out, sizeof out);

	to->fake.n_sent = to->taken = 0;
	give(to, (struct slice){out, len});
}

/* The next request of left's to right. */
__attribute__((unused)) static void ask(uint8_t exchange, const struct chain *chain)
{
	send_forged(left,
		&(struct message){.exchange = exchange, .id = sa_of(right)->next_expected}, chain);
}

__attribute__((unused)) static void add(struct chain *c, uint8_t type, const void *body, size_t len)
{
	size_t at = 0;
	uint8_t *next = &c->first;

	while (at < c->len) {
		next = c->data + at;
		at += get_be16(c->data + at + 2);
	}
	*next = type;
	memset(c->data + at, 0, 4);
	put_be16(c->data + at + 2, (uint16_t)(4 + len));
	if (len)
		memcpy(c->data + at + 4, body, len);
	c->len = at + 4 + len;
}

/* Where the n-th payload begins and what it is; false: there is none. */
__attribute__((unused)) static bool find(const struct chain *c, size_t n, size_t *at, uint8_t *type)
{
	*type = c->first;
	for (*at = 0; *at < c->len; n--) {
		if (!n)
			return true;
		*type = c->data[*at];
		*at += get_be16(c->data + *at + 2);
	}
	return false;
}

#endif
