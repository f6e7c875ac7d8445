/* SPDX-License-Identifier: Apache-2.0 */
/* An IKE SA: how it is made, found and ended, and how its messages go out (RFC 7296 2.1-2.3). */
#include "ikev2/ikev2.h"

#include "crypto/secret.h"
#include "crypto/sign_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	MARKER_LEN = 4,     /* of port 4500, RFC 3948 2.2 */
	IDS_SOFT = 1 << 30, /* message IDs never wrap: from here on the IKE SA is rekeyed */
	SUSPECT_PART = 2,   /* after half of all tries: 7 s, and 13 s with the lossy profile */
};

static uint64_t spi_hash(const struct keying *k, const uint8_t spi[IKE_SPI_LEN])
{
	return hash_short(k->table_key, spi, IKE_SPI_LEN);
}

struct ike_sa *ike_sa_find(const struct keying *k, const uint8_t spi[IKE_SPI_LEN])
{
	return map_find(&k->sas, spi_hash(k, spi), spi);
}

struct ike_sa *ike_sa_by_id(const struct keying *k, uint32_t id)
{
	return map_find(&k->sas_by_id, map_mix(id), &id);
}

void ike_sa_random_spi(struct keying *k, uint8_t spi[IKE_SPI_LEN])
{
	static const uint8_t zero[IKE_SPI_LEN];

	do
		k->host->random(k->host, spi, IKE_SPI_LEN);
	while (!memcmp(spi, zero, IKE_SPI_LEN) || ike_sa_find(k, spi));
}

static uint8_t *own_spi(struct ike_sa *sa)
{
	return sa->spis + (size_t)sa->side * IKE_SPI_LEN;
}

int ike_sa_enter(struct ike_sa *sa)
{
	return map_add(&sa->keying->sas, spi_hash(sa->keying, own_spi(sa)), sa);
}

struct ike_sa *ike_sa_create(struct keying *k, struct peer *peer, enum side side)
{
	struct ike_sa *sa = calloc(1, sizeof *sa);

	if (!sa)
		return NULL;
	sa->handshake = calloc(1, sizeof *sa->handshake);
	do
		sa->id = k->next_id = (k->next_id + 1) % (UINT32_MAX / TIMER_KINDS);
	while (ike_sa_by_id(k, sa->id));
	if (!sa->handshake || map_add(&k->sas_by_id, map_mix(sa->id), sa)) {
		free(sa->handshake);
		free(sa);
		return NULL;
	}
	sa->keying = k;
	sa->peer = peer;
	sa->side = side;
	peer->n_sas++;
	list_init(&sa->children);
	list_append(&k->all, &sa->link);
	return sa;
}

void ike_sa_make_room(struct keying *k, const struct peer *peer, const struct ike_sa *keep)
{
	if (peer->n_sas < IKE_SAS_MAX)
		return;
	list_each_safe (node, &k->all) {
		struct ike_sa *sa = container_of(node, struct ike_sa, link);

		if (sa->peer == peer && sa != peer->sa && sa != keep && peer->n_sas >= IKE_SAS_MAX)
			ike_sa_destroy(sa);
	}
}

void ike_sa_drop_handshake(struct ike_sa *sa)
{
	struct handshake *h = sa->handshake;

	if (!h)
		return;
	free(h->init[SIDE_I]);
	free(h->init[SIDE_R]);
	secret_wipe(h, sizeof *h);
	free(h);
	sa->handshake = NULL;
	secret_wipe(sa->keys.sk_p, sizeof sa->keys.sk_p);
	secret_wipe(sa->keys.sk_e, sizeof sa->keys.sk_e);
}

static void forget_successor(const struct ike_sa *gone)
{
	list_each (node, &gone->keying->all) {
		struct ike_sa *sa = container_of(node, struct ike_sa, link);

		if (sa->successor == gone)
			sa->successor = NULL;
		if (sa->request.create && sa->request.create->rival_sa == gone)
			sa->request.create->rival_sa = NULL;
	}
}

/* Another one that is being made with the same peer; NULL: none. */
static struct ike_sa *under_way(const struct ike_sa *gone)
{
	list_each (node, &gone->keying->all) {
		struct ike_sa *sa = container_of(node, struct ike_sa, link);

		if (sa->peer == gone->peer && sa->handshake && sa->side == SIDE_I)
			return sa;
	}
	return NULL;
}

/* No other one of the same peer carries packets. */
static bool is_alone(const struct ike_sa *sa)
{
	list_each (node, &sa->keying->all) {
		struct ike_sa *other = container_of(node, struct ike_sa, link);

		if (other != sa && other->peer == sa->peer && ike_sa_has_child(other))
			return false;
	}
	return true;
}

void ike_sa_destroy(struct ike_sa *sa)
{
	struct keying *k = sa->keying;
	struct peer *peer = sa->peer;

	for (int kind = 0; kind < TIMER_KINDS; kind++)
		if (kind < TIMER_RETRY)
			timer_stop(k, sa->id, (enum timer_kind)kind);
	trace_end(sa);
	request_done(sa);
	list_each_safe (node, &sa->children)
		child_destroy(container_of(node, struct child, link));
	answer_fini(&sa->answer);
	fragment_forget(&sa->assembly);
	ike_sa_drop_handshake(sa);
	if (sa->open.suite) {
		aead_key_fini(&sa->open);
		aead_key_fini(&sa->seal);
	}
	map_remove(&k->sas, spi_hash(k, own_spi(sa)), own_spi(sa));
	map_remove(&k->sas_by_id, map_mix(sa->id), &sa->id);
	list_remove(&sa->link);
	peer->n_sas--;
	forget_successor(sa);
	if (peer->sa == sa)
		peer->sa = under_way(sa);
	secret_wipe(sa, sizeof *sa);
	free(sa);
	if (peer->sa && is_alone(peer->sa))
		child_use_all(peer->sa);
}

const struct child *ike_sa_first_child(const struct ike_sa *sa)
{
	return list_empty(&sa->children) ? NULL
					 : container_of(sa->children.next, struct child, link);
}

bool ike_sa_has_child(const struct ike_sa *sa)
{
	if (sa->request.len && sa->request.what == ASK_CHILD)
		return true;
	list_each (node, &sa->children)
		if (child_is_live(container_of(node, struct child, link)))
			return true;
	return false;
}

void ike_sa_set_keys(struct ike_sa *sa)
{
	enum side other = sa->side == SIDE_I ? SIDE_R : SIDE_I;

	aead_key_init(&sa->seal, sa->keying->pool, sa->keys.suite, sa->keys.sk_e[sa->side]);
	aead_key_init(&sa->open, sa->keying->pool, sa->keys.suite, sa->keys.sk_e[other]);
}

int ike_sa_keep_init(struct ike_sa *sa, enum side side, struct slice octets)
{
	struct handshake *h = sa->handshake;
	uint8_t *copy = malloc(octets.len);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, octets.data, octets.len);
	free(h->init[side]);
	h->init[side] = copy;
	h->init_len[side] = octets.len;
	return 0;
}

struct slice ike_sa_init_message(const struct ike_sa *sa, enum side side)
{
	return (struct slice){sa->handshake->init[side], sa->handshake->init_len[side]};
}

struct slice ike_sa_nonce(const struct ike_sa *sa, enum side side)
{
	return (struct slice){sa->handshake->nonce[side], sa->handshake->nonce_len[side]};
}

void timer_start(struct keying *k, uint32_t owner, enum timer_kind kind, uint64_t delay_ms)
{
	if (k->host->timer_start(k->host, owner * TIMER_KINDS + (uint32_t)kind, delay_ms))
		say(k, KEYING_ERROR, NULL, "no timer left: an exchange may hang");
}

void timer_stop(struct keying *k, uint32_t owner, enum timer_kind kind)
{
	k->host->timer_stop(k->host, owner * TIMER_KINDS + (uint32_t)kind);
}

static void arm_clock(struct ike_sa *sa, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (int i = 0; i < DUES; i++)
		if (sa->due_ms[i] && sa->due_ms[i] < next)
			next = sa->due_ms[i];
	if (next != UINT64_MAX)
		timer_start(sa->keying, sa->id, TIMER_CLOCK, next > now ? next - now : 0);
}

void ike_sa_due_in(struct ike_sa *sa, enum ike_sa_due what, uint64_t delay_ms)
{
	uint64_t now = sa->keying->host->now_ms(sa->keying->host);

	sa->due_ms[what] = now + delay_ms;
	arm_clock(sa, now);
}

static bool take_due(struct ike_sa *sa, enum ike_sa_due what, uint64_t now)
{
	bool due = sa->due_ms[what] && sa->due_ms[what] <= now;

	if (due)
		sa->due_ms[what] = 0;
	return due;
}

void on_clock(struct ike_sa *sa)
{
	struct keying *k = sa->keying;
	uint32_t id = sa->id;
	uint64_t now = k->host->now_ms(k->host);
	bool life = take_due(sa, DUE_LIFE, now);
	bool alive = take_due(sa, DUE_ALIVE, now);

	arm_clock(sa, now);
	if (life)
		on_life(sa);
	if (alive && ike_sa_by_id(k, id) == sa)
		on_alive(sa);
}

int send_octets(struct keying *k, const struct way *way, struct slice octets)
{
	const struct keying_host *host = k->host;

	if (way->local.addr.family && KEYING_HOST_HAS(host, socket_send_from))
		return host->socket_send_from(
			host, k->sockets[way->socket], &way->local.addr, &way->remote, octets);
	return host->socket_send(host, k->sockets[way->socket], &way->remote, octets);
}

void send_messages(struct keying *k, const struct way *way, struct slice messages)
{
	struct slice one = message_next(&messages);

	/* A send that fails is a loss like any other. */
	for (; one.len; one = message_next(&messages))
		send_octets(k, way, one);
}

int open_message(struct keying *k, struct fragment_pool *pool, struct assembly **place,
	struct fragment *f, struct opened *out)
{
	bool idle = list_empty(&k->strangers.all) && list_empty(&k->peers_parts.all);
	int r;

	f->plain = k->plain;
	f->now_ms = k->host->now_ms(k->host);
	r = fragment_open(pool, place, f, out);
	if (idle && r == -EINPROGRESS)
		timer_start(k, 0, TIMER_PARTS, FRAGMENT_LIFE_MS);
	return r;
}

/* On links that are slow and lossy 8 octets can be a frame; only RSA makes long messages there. */
bool wants_fragments(const struct settings *s)
{
	return !s->core.lossy || (s->key && sign_private_public(s->key)->type == SIGN_RSA) ||
	       (s->peer_key && s->peer_key->type == SIGN_RSA);
}

/* Octets of a datagram that needs no fragments of IP on the way; 0: we may not cut. */
static size_t datagram_limit(const struct ike_sa *sa)
{
	size_t limit = sa->way.remote.addr.family == 4 ? FRAGMENT_LIMIT_4 : FRAGMENT_LIMIT_6;

	return sa->fragments ? limit - (sa->way.socket == ON_NAT ? MARKER_LEN : 0) : 0;
}

void exchange_begin(struct ike_sa *sa, struct message_writer *w, uint8_t exchange, bool response)
{
	struct message head = {.exchange = exchange,
		.flags = (uint8_t)((sa->side == SIDE_I ? MESSAGE_FLAG_INITIATOR : 0) |
				   (response ? MESSAGE_FLAG_RESPONSE : 0)),
		.id = response ? sa->next_expected : sa->next_request};

	memcpy(head.spis, sa->spis, sizeof head.spis);
	message_begin(w, &head, sa->seal.suite != NULL, sa->keying->scratch, SCRATCH_LEN);
}

void request_done(struct ike_sa *sa)
{
	free(sa->request.octets);
	create_free(sa->request.create);
	sa->request = (struct request){0};
	timer_stop(sa->keying, sa->id, TIMER_REQUEST);
}

static uint32_t chance(struct keying *k)
{
	uint32_t value;

	k->host->random(k->host, &value, sizeof value);
	return value;
}

/* Our own address may have changed since the last one: the peer follows whoever began. */
static void find_own_address(struct ike_sa *sa)
{
	const struct keying_host *host = sa->keying->host;

	if (!sa->follows && KEYING_HOST_HAS(host, route))
		host->route(host, &sa->way.remote, &sa->way.local.addr);
}

/* First time or again: the same octets, and the timer for the next time. false: it was the last. */
static bool transmit(struct ike_sa *sa)
{
	struct keying *k = sa->keying;
	uint32_t wait = retransmit_wait(&sa->request.retransmit, chance(k));

	if (!wait)
		return false;
	sa->request.sends++;
	find_own_address(sa);
	send_messages(k, &sa->way, (struct slice){sa->request.octets, sa->request.len});
	trace_message(sa, &(struct trail_entry){.exchange = sa->request.exchange,
				  .octets = (uint32_t)sa->request.len,
				  .sent = true});
	timer_start(k, sa->id, TIMER_REQUEST, wait);
	return true;
}

int request_send(struct ike_sa *sa, struct message_writer *w, struct request what)
{
	size_t len = fragment_end(w, &sa->seal, &sa->next_iv, datagram_limit(sa));

	request_done(sa);
	if (w->head.id == UINT32_MAX)
		return -EOVERFLOW;
	if (w->head.id == IDS_SOFT)
		sa->want_rekey = true;
	if (!len)
		return -EMSGSIZE;
	what.octets = malloc(len);
	if (!what.octets)
		return -ENOMEM;
	memcpy(what.octets, w->data, len);
	what.len = len;
	what.exchange = w->head.exchange;
	sa->request = what;
	retransmit_begin(
		&sa->request.retransmit, retransmit_profile(sa->peer->settings->core.lossy));
	/* A handshake begins anew sooner, and whoever is to go need not be waited for. */
	if (what.what == ASK_DELETE_IKE)
		sa->request.retransmit.sent = sa->request.retransmit.profile->tries / 2;
	else if (sa->handshake)
		sa->request.retransmit.sent = sa->request.retransmit.profile->tries / 4;
	transmit(sa);
	return 0;
}

void on_request_timeout(struct ike_sa *sa)
{
	if (!sa->request.len)
		return;
	if (transmit(sa)) {
		if (!sa->handshake && !ike_sa_is_parting(sa) &&
			sa->request.sends * SUSPECT_PART >= sa->request.retransmit.profile->tries)
			ike_sa_suspect(sa);
		return;
	}
	if (ike_sa_is_parting(sa))
		on_parting_silence(sa);
	else if (sa->state == IKE_CLOSING || sa->state == IKE_REPLACED)
		ike_sa_closed(sa);
	else
		ike_sa_fail(sa, "no answer");
}

void response_send(struct ike_sa *sa, struct message_writer *w, const struct message *request,
	const struct way *way)
{
	size_t len = fragment_end(w, &sa->seal, &sa->next_iv, datagram_limit(sa));
	struct slice octets = {w->data, len};

	if (!len || answer_store(&sa->answer, request->octets, octets))
		return;
	if (++sa->next_expected == IDS_SOFT)
		sa->want_rekey = true;
	send_messages(sa->keying, way, octets);
	trace_message(sa, &(struct trail_entry){.exchange = w->head.exchange,
				  .octets = (uint32_t)len,
				  .sent = true,
				  .response = true});
}
