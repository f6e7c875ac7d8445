/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer that has authenticated and sends what it likes: any payloads behind the seal, as question
 * and answer, whole and in fragments, between what both ends would say themselves, with timers,
 * orders and events of SAs. However it goes, each end keeps a bounded number of SAs, and nothing is
 * left over. Octets: action, then what it needs.
 */
#include "fakes/fake_host.h"
#include "fakes/forge.h"
#include "fakes/plugin_text.h"

#include "base/wire.h"
#include "crypto/secret.h"
#include "ikev2/half_open.h"
#include "must.h"

#include <stdio.h>

extern const struct keying_plugin_ops keying_plugin_ikev2;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { POLICY = 10, STEPS_MAX = 60, BODY_MAX = 64, CANNED = 0x80, LIFE = 256 };

static const struct keying_plugin_ops *const ops = &keying_plugin_ikev2;

static struct end {
	struct fake_host fake;
	struct keying *k;
	size_t taken;
} ends[2];

/* What is left of the input. */
static struct slice input;

static uint8_t next(void)
{
	if (!input.len)
		return 0;
	input.len--;
	return *input.data++;
}

static void begin(int who, bool rules)
{
	static const char *const more[] = {"Compress = off\nPfs = yes\n", "Compress = iot\n"};
	const uint32_t policies[] = {POLICY};
	struct end *e = &ends[who];
	struct slice config;
	const char *wrong;
	char text[600];

	memset(e, 0, sizeof *e);
	fake_host_init(&e->fake);
	e->fake.now_ms = 1000;
	e->fake.random = 7u + 100000u * (unsigned)who;
	e->fake.own = (struct ip_addr){4, {192, 0, 2, (uint8_t)(who + 1)}};
	fake_host_secret(&e->fake, who ? "end-0/Psk" : "end-1/Psk", "one secret for both", 0);
	snprintf(text, sizeof text,
		"[Interface]\nName = diet0\nAddress = %s\nId = end-%d\n[Peer \"end-%d\"]\n"
		"Keying = ikev2\nEndpoint = 192.0.2.%d\nAddress = fd00::%s\nCipher = "
		"chacha20-poly1305\n%s%s",
		who ? "fd00::2/64" : "auto", who, !who, 2 - who, who ? "1" : "2", more[rules],
		who ? "" : "Role = initiator\n");
	config = plugin_text(text, policies, &wrong);
	must(config.data);
	must(!ops->create(&e->fake.table, config, &e->k));
	must(!ops->start(e->k));
}

static void give(int to, struct slice octets)
{
	struct keying_datagram d = {.local = {ends[to].fake.own, 500},
		.remote = {ends[!to].fake.own, 500},
		.payload = octets};

	ops->datagram(ends[to].k, &d);
}

/* The next message of this end goes over, or is lost; false: there is none. */
static bool pass(int from, bool lost)
{
	struct end *e = &ends[from];

	if (e->taken == e->fake.n_sent) {
		e->taken = e->fake.n_sent = 0;
		return false;
	}
	e->taken++;
	if (!lost)
		give(!from, (struct slice){e->fake.sent[e->taken - 1].data,
				    e->fake.sent[e->taken - 1].len});
	return true;
}

static void pump(void)
{
	for (int n = 0; n < 40 && (pass(0, false) || pass(1, false)); n++)
		;
}

static struct ike_sa *sa_of(int who)
{
	return ends[who].k->peers[0].sa;
}

static void add(struct chain *c, uint8_t type, const void *body, size_t len)
{
	uint8_t *to = &c->first;
	size_t at = 0;

	for (; at < c->len; at += get_be16(c->data + at + 2))
		to = c->data + at;
	if (at + PAYLOAD_HEADER_LEN + len > sizeof c->data)
		return;
	*to = type;
	memset(c->data + at, 0, PAYLOAD_HEADER_LEN);
	put_be16(c->data + at + 2, (uint16_t)(PAYLOAD_HEADER_LEN + len));
	if (len)
		memcpy(c->data + at + PAYLOAD_HEADER_LEN, body, len);
	c->len = at + PAYLOAD_HEADER_LEN + len;
}

/* A payload as it should be; some of its octets are the input's. */
static void add_canned(struct chain *c, int from, uint8_t which)
{
	const struct settings *s = &ends[from].k->settings.list[0];
	const struct child *child = sa_of(from) ? ike_sa_first_child(sa_of(from)) : NULL;
	uint8_t spi[IKE_SPI_LEN] = {1, next()};
	uint8_t nonce[32] = {next()};
	uint8_t ke[KE_HEADER_LEN + 32] = {0, 31, [35] = 9};
	uint8_t out[512];
	struct payload_writer w;

	payload_writer_init(&w, out, sizeof out);
	switch (which % 10) {
	case 0:
		payload_sa_offer(&w, &s->esp, (struct slice){spi, 4});
		break;
	case 1:
		payload_sa_offer(&w, &s->ike, (struct slice){spi, sizeof spi});
		break;
	case 2:
		payload_add(&w, PAYLOAD_NONCE, (struct slice){nonce, sizeof nonce});
		break;
	case 3:
		payload_add(&w, PAYLOAD_KE, (struct slice){ke, sizeof ke});
		break;
	case 4:
		payload_ts_add(&w, PAYLOAD_TSI, &s->core.local);
		break;
	case 5:
		payload_ts_add(&w, PAYLOAD_TSR, &s->core.remote_ts);
		break;
	case 6:
		payload_add_notify_child(&w, REKEY_SA, child ? child->spi[SA_IN] : 0);
		break;
	case 7:
		payload_add_delete_child(&w, child ? child->spi[SA_IN] : next());
		break;
	case 8:
		payload_add_delete_ike(&w);
		break;
	default:
		payload_add_notify(&w, (uint16_t)(next() << 8 | next()), (struct slice){spi, 4});
		break;
	}
	must(!w.overflow);
	add(c, w.first, out + PAYLOAD_HEADER_LEN, w.len - PAYLOAD_HEADER_LEN);
}

static void add_any(struct chain *c, int from)
{
	uint8_t type = next();
	size_t len = next() % BODY_MAX;

	if (type >= CANNED) {
		add_canned(c, from, type);
		return;
	}
	if (len > input.len)
		len = input.len;
	add(c, type, input.data, len);
	input.data += len;
	input.len -= len;
}

/* In fragments where the input says so: all of them, or one alone. */
static void send_fragments(int from, const struct message *head, const struct chain *c)
{
	struct ike_sa *sa = sa_of(from);
	struct message full = *head;
	struct message_writer w;
	uint8_t scratch[MESSAGE_SK_OVERHEAD];
	uint8_t out[5000];
	uint8_t total = 1 + next() % 4;
	size_t part = c->len / total;

	memcpy(full.spis, sa->spis, sizeof full.spis);
	full.flags |= sa->side == SIDE_I ? MESSAGE_FLAG_INITIATOR : 0;
	message_begin(&w, &full, true, scratch, sizeof scratch);
	w.payloads.first = c->first;
	for (uint8_t i = 1; i <= total; i++) {
		const struct message_fragment f = {out, i, total,
			{c->data + (i - 1u) * part, i == total ? c->len - (i - 1u) * part : part}};
		size_t n = message_seal_fragment(&w, &sa->seal, sa->next_iv++, &f);

		give(!from, (struct slice){out, n});
		if (sa_of(from) != sa)
			return;
	}
}

static void send(int from, uint8_t how)
{
	static const uint8_t exchanges[] = {
		INFORMATIONAL, CREATE_CHILD_SA, IKE_AUTH, CREATE_CHILD_SA};
	const struct ike_sa *to = sa_of(!from);
	struct message head = {.exchange = exchanges[how & 3]};
	struct chain c = {.first = PAYLOAD_NONE};
	uint8_t out[5000];

	if (!to || !sa_of(from) || !sa_of(from)->seal.suite)
		return;
	if (how & 4) {
		head.flags = MESSAGE_FLAG_RESPONSE;
		head.id = to->next_request;
		head.exchange = to->request.exchange;
	} else {
		head.id = to->next_expected + (how >> 6 == 3);
	}
	for (unsigned n = how >> 3 & 7; n; n--)
		add_any(&c, from);
	if (how >> 6 == 2)
		send_fragments(from, &head, &c);
	else
		give(!from, (struct slice){out, forge(sa_of(from), &head, &c, out, sizeof out)});
}

static void event(struct end *e, uint8_t which)
{
	static const enum sa_event events[] = {
		SA_SOFT_EXPIRED, SA_HARD_EXPIRED, SA_ICV_FAILING, SA_USED};
	size_t first = e->fake.n_sas > 8 ? e->fake.n_sas - 8 : 0;

	for (size_t i = first; i < e->fake.n_sas; i++)
		if (e->fake.sas[i].id && (which >> 2) % 8 == i - first)
			ops->sa_event(e->k, e->fake.sas[i].id, events[which & 3]);
}

static void step(void)
{
	uint8_t what = next();
	int who = what & 1;
	struct end *e = &ends[who];
	char text[200];
	uint32_t timer;

	switch (what >> 1 & 7) {
	case 0:
		pump();
		break;
	case 1:
		pass(who, what & 0x80);
		break;
	case 2:
		if (fake_host_advance(&e->fake, (uint64_t)next() << (what >> 5), &timer))
			ops->timeout(e->k, timer);
		break;
	case 3:
		ops->order(e->k, POLICY, (enum keying_order)(what >> 4 & 3), text, sizeof text);
		break;
	case 4:
		event(e, next());
		break;
	default:
		send(who, next());
		break;
	}
	for (int i = 0; i < 2; i++)
		must(fake_host_living(&ends[i].fake) <= (size_t)IKE_SAS_MAX * 2 * CHILDREN_MAX);
}

/* An end that has nothing left is as good as a new one, which takes longer to make than all the
 * rest. */
static void renew(bool rules)
{
	static unsigned runs;
	static bool were;

	for (int i = 0; i < 2; i++) {
		struct end *e = &ends[i];

		if (e->k && (rules != were || !(runs % LIFE))) {
			ops->stop(e->k);
			ops->destroy(e->k);
			e->k = NULL;
		}
		if (!e->k) {
			begin(i, rules);
			continue;
		}
		e->fake.now_ms += 1000000;
		if (e->k->half)
			half_expire(e->k->half);
		e->k->peers[0].waiting = false;
		e->k->peers[0].failures = 0;
		e->fake.n_timers = e->fake.n_sent = e->taken = e->fake.n_sas = 0;
		e->fake.n_logs = e->fake.n_events = e->fake.n_inner = 0;
	}
	were = rules;
	runs++;
}

static void clear(struct end *e)
{
	list_each_safe (node, &e->k->all)
		ike_sa_destroy(container_of(node, struct ike_sa, link));
	must(!e->k->peers[0].sa && !e->k->peers[0].n_sas && !e->k->parting.n_sas);
	must(list_empty(&e->k->peers_parts.all) && !e->k->peers_parts.octets);
	must(!fake_host_living(&e->fake));
	must(!e->fake.n_spis);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char text[200];

	must(!crypto_init());
	renew(len && *data & 1);
	input = (struct slice){data, len};
	ops->order(ends[0].k, POLICY, KEYING_INITIATE, text, sizeof text);
	pump();
	must(sa_of(0) && sa_of(1) && fake_host_living(&ends[1].fake));
	next();
	for (int n = 0; input.len && n < STEPS_MAX; n++)
		step();
	for (int i = 0; i < 2; i++)
		clear(&ends[i]);
	return 0;
}
