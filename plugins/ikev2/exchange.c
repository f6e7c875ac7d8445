/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram to whom it is for; what an SA does next; how it comes up and ends (RFC 7296 2.2-2.4).
 */
#include "ikev2/ikev2.h"

#include "base/wire.h"

#include <string.h>

enum {
	MAJOR = 2,
	CROSSING_MS = 30000, /* SAs of both directions that are closer than this crossed */
	LINGER_MS = 5000,
	LINGER_LONG_MS = 60000,
	LIFE_SOFT_PERCENT = 90,
	LIFE_SPREAD_PERCENT = 10,
	LIFE_AGAIN_MS = 60000,
	AGAIN_MS = 1000,
};

static bool next_of_children(struct ike_sa *sa)
{
	list_each (node, &sa->children) {
		struct child *child = container_of(node, struct child, link);

		if (child->want_delete) {
			ask_delete_child(sa, child);
			return true;
		}
	}
	list_each (node, &sa->children) {
		struct child *child = container_of(node, struct child, link);

		if (child->want_rekey && child->state == CHILD_UP && !child->due_ms) {
			ask_child(sa, child);
			return true;
		}
	}
	return false;
}

void exchange_next(struct ike_sa *sa)
{
	if (sa->request.len || sa->state == IKE_CLOSING || sa->handshake)
		return;
	if (sa->want_delete) {
		ask_delete_ike(sa);
		return;
	}
	if (sa->state != IKE_UP || next_of_children(sa))
		return;
	if (sa->want_rekey) {
		ask_rekey_ike(sa);
	} else if (sa->want_child) {
		ask_child(sa, NULL);
	} else if (sa->want_alive) {
		sa->want_alive = false;
		ask_alive(sa);
	}
}

/*
 * Who has begun both knows that both ends have the better one, and takes the other down soon. Else
 * much later, and by chance one end before the other: so they never take down both.
 */
static void replace(struct ike_sa *old, const struct ike_sa *better)
{
	struct keying *k = old->keying;
	uint64_t wait_ms = LINGER_MS;
	uint32_t chance;

	old->state = IKE_REPLACED;
	k->host->random(k->host, &chance, sizeof chance);
	if (old->side == SIDE_R || better->side == SIDE_R)
		wait_ms = LINGER_LONG_MS + chance % LINGER_LONG_MS;
	timer_start(k, old->id, TIMER_LINGER, wait_ms);
}

/* Who does not answer would not answer a D either; but he may still send on this one for a while.
 */
void on_linger(struct ike_sa *sa)
{
	struct keying *k = sa->keying;
	uint64_t silent_ms = k->host->now_ms(k->host) - sa->suspect_ms;

	if (ike_sa_is_parting(sa)) {
		ike_sa_destroy(sa);
		return;
	}
	if (sa->request.len && sa->suspect_ms) {
		if (silent_ms >= LINGER_LONG_MS)
			ike_sa_destroy(sa);
		else
			timer_start(k, sa->id, TIMER_LINGER, LINGER_LONG_MS - silent_ms);
		return;
	}
	sa->want_delete = true;
	exchange_next(sa);
}

/* The peer seemed to have lost it, and nothing has come of it since. */
static bool is_lost(const struct ike_sa *sa)
{
	return sa->suspect_ms && sa->heard_ms < sa->suspect_ms;
}

/* The peer ended the one that we thought the better: it kept this one. */
static void revive(struct keying *k, struct peer *peer)
{
	list_each_safe (node, &k->all) {
		struct ike_sa *sa = container_of(node, struct ike_sa, link);

		if (peer->sa || sa->peer != peer || sa->state != IKE_REPLACED ||
			!ike_sa_has_child(sa))
			continue;
		if (is_lost(sa)) {
			ike_sa_destroy(sa);
			continue;
		}
		sa->state = IKE_UP;
		timer_stop(k, sa->id, TIMER_LINGER);
		peer->sa = sa;
		child_use_all(sa);
		on_used(sa);
	}
}

/* Two that crossed: the one with the lower SPIi goes, and both ends see which it is. Else the older
 * one. */
static bool newer_loses(const struct ike_sa *old, const struct ike_sa *sa)
{
	return old->side != sa->side && sa->up_ms - old->up_ms < CROSSING_MS &&
	       memcmp(sa->spis, old->spis, IKE_SPI_LEN) < 0;
}

static void settle(struct ike_sa *sa, bool initial_contact)
{
	struct keying *k = sa->keying;
	struct peer *peer = sa->peer;
	const struct ike_sa *winner = NULL;

	list_each_safe (node, &k->all) {
		struct ike_sa *other = container_of(node, struct ike_sa, link);

		if (other == sa || other->peer != peer)
			continue;
		if (other->state == IKE_INIT)
			ike_sa_destroy(other);
		else if (other->state == IKE_UP && initial_contact)
			ike_sa_destroy(other);
		else if (other->state == IKE_UP && newer_loses(other, sa))
			winner = other;
		else if (other->state == IKE_UP)
			replace(other, sa);
	}
	if (winner)
		replace(sa, winner);
	else
		peer->sa = sa;
}

void ike_sa_settled(struct ike_sa *sa)
{
	struct keying *k = sa->keying;
	uint64_t life_ms = sa->peer->settings->ike_life_s * 1000;
	uint32_t chance;

	ike_sa_drop_handshake(sa);
	sa->state = IKE_UP;
	sa->up_ms = sa->heard_ms = k->host->now_ms(k->host);
	sa->end_ms = sa->up_ms + life_ms;
	k->host->random(k->host, &chance, sizeof chance);
	ike_sa_due_in(sa, DUE_LIFE,
		life_ms * LIFE_SOFT_PERCENT / 100 -
			chance % (life_ms * LIFE_SPREAD_PERCENT / 100 + 1));
	on_used(sa);
}

void ike_sa_up(struct ike_sa *sa, bool initial_contact)
{
	struct keying *k = sa->keying;
	struct peer *peer = sa->peer;

	ike_sa_settled(sa);
	peer->failures = 0;
	if (peer->waiting)
		timer_stop(k, (uint32_t)(peer - k->peers), TIMER_RETRY);
	peer->waiting = false;
	peer->contacted = true;
	settle(sa, initial_contact);
	say(k, KEYING_INFO, peer, "IKE SA is up, %s",
		sa->side == SIDE_I ? "from here" : "from there");
	tell(k, "up", peer, sa->side == SIDE_I ? "initiator" : "responder");
}

/* Both ends rekey in time, by chance one before the other; a sleepy peer is left alone. At the end
 * it goes. */
void on_life(struct ike_sa *sa)
{
	struct keying *k = sa->keying;
	uint64_t now = k->host->now_ms(k->host);
	uint64_t left = sa->end_ms > now ? sa->end_ms - now : 0;

	if (!left) {
		sa->want_delete = true;
		exchange_next(sa);
		return;
	}
	if (sa->state == IKE_UP && sa->peer->sa == sa && !sa->peer->settings->core.sleepy) {
		sa->want_rekey = true;
		exchange_next(sa);
	}
	ike_sa_due_in(sa, DUE_LIFE, left < LIFE_AGAIN_MS ? left : LIFE_AGAIN_MS);
}

void start_again(struct keying *k, struct peer *peer)
{
	const struct settings *s = peer->settings;

	if (!s->core.boot || s->core.role == ROLE_RESPONDER || peer->sa || peer->waiting)
		return;
	peer->waiting = true;
	timer_start(k, (uint32_t)(peer - k->peers), TIMER_RETRY, AGAIN_MS);
}

/* The peer's D: it has ended, without blame. */
void ike_sa_deleted(struct ike_sa *sa)
{
	struct keying *k = sa->keying;
	struct peer *peer = sa->peer;
	struct create *c = sa->request.create;

	/* Both rekeyed at once and the peer does not know it: its own one goes on. */
	if (c && c->rival_sa)
		ike_sa_promote(sa, c->rival_sa);
	if (peer->sa == sa)
		say(k, KEYING_INFO, peer, "the peer ended the IKE SA");
	ike_sa_destroy(sa);
	revive(k, peer);
	start_again(k, peer);
}

/* Our D has been answered, or nobody answers any more. */
void ike_sa_closed(struct ike_sa *sa)
{
	if (sa->fail_why)
		ike_sa_fail(sa, sa->fail_why);
	else
		ike_sa_destroy(sa);
}

/* Only the newest message that verified moves the peer (trust.md 4.4). */
static void follow(struct ike_sa *sa, const struct way *way)
{
	if (sa->follows && sa->way.socket == way->socket)
		sa->way = *way;
}

/* The protocol of the first proposal says what is to be made. */
static bool is_about_ike(const struct payloads *p)
{
	struct proposal list[PROPOSALS_MAX];

	return p->sa.data && payload_sa_parse(p->sa, list) && list[0].protocol == PROTOCOL_IKE;
}

static void on_create_request(
	struct ike_sa *sa, const struct message *m, const struct payloads *p, const struct way *way)
{
	struct message_writer w;

	exchange_begin(sa, &w, CREATE_CHILD_SA, true);
	if (p->critical)
		payload_add_notify(
			&w.payloads, UNSUPPORTED_CRITICAL_PAYLOAD, (struct slice){&p->critical, 1});
	else if (is_about_ike(p))
		on_rekey_request(sa, p, &w.payloads);
	else
		on_child_request(sa, p, &w.payloads);
	response_send(sa, &w, m, way);
	on_rekey_answered(sa);
}

static void on_create_response(struct ike_sa *sa, const struct payloads *p)
{
	struct request done = sa->request;

	sa->request.create = NULL;
	sa->next_request++;
	request_done(sa);
	if (done.what == ASK_REKEY_IKE)
		on_rekey_response(sa, done.create, p);
	else
		on_child_response(sa, done.create, p);
	create_free(done.create);
}

static void on_request(
	struct ike_sa *sa, const struct message *m, const struct payloads *p, const struct way *way)
{
	follow(sa, way);
	switch (m->exchange) {
	case INFORMATIONAL:
		on_informational_request(sa, p, m, way);
		break;
	case CREATE_CHILD_SA:
		on_create_request(sa, m, p, way);
		break;
	default:
		break;
	}
}

static void on_response(struct ike_sa *sa, const struct message *m, const struct payloads *p)
{
	switch (m->exchange) {
	case IKE_AUTH:
		on_auth_response(sa, p);
		break;
	case INFORMATIONAL:
		on_informational_response(sa, p);
		break;
	case CREATE_CHILD_SA:
		on_create_response(sa, p);
		break;
	default:
		break;
	}
}

/* What could not be read although it was authentic ends the SA on both sides (RFC 7296 2.21.2). */
static void on_nonsense(struct ike_sa *sa, const struct message *m, const struct way *way)
{
	struct message_writer w;

	say(sa->keying, KEYING_WARN, sa->peer, "it sent what is no IKE message: the IKE SA ends");
	if (!(m->flags & MESSAGE_FLAG_RESPONSE)) {
		exchange_begin(sa, &w, m->exchange, true);
		payload_add_notify(&w.payloads, INVALID_SYNTAX, (struct slice){NULL, 0});
		response_send(sa, &w, m, way);
	}
	if (sa->handshake)
		ike_sa_fail(sa, "its answer cannot be read");
	else
		ike_sa_destroy(sa);
}

/* Numbers first: what is not expected now is not worth opening. */
static bool expected(const struct ike_sa *sa, const struct message *m)
{
	if (m->flags & MESSAGE_FLAG_RESPONSE)
		return sa->request.len && m->id == sa->next_request &&
		       m->exchange == sa->request.exchange;
	return m->id == sa->next_expected && m->id != UINT32_MAX && !sa->handshake;
}

/* Of a request in fragments the first one asks for all of the answer again; it may be cut otherwise
 * than before, so its tag has to tell that it is no other (RFC 7383 2.6.1). */
static bool repeats(struct ike_sa *sa, const struct message *m, const struct payloads *outer)
{
	size_t len;

	if (outer->sk_type == PAYLOAD_SK)
		return answer_is_for(&sa->answer, m->octets);
	return sa->answer.len && outer->sk.len >= 2 && get_be16(outer->sk.data) == 1 &&
	       !message_open(m, outer, &sa->open, sa->keying->plain, &len);
}

/* Whoever has seen a request can send it again, in another's name: there goes no more than came. */
static bool may_repeat_to(const struct ike_sa *sa, const struct message *m, const struct way *way)
{
	return sa->answer.len <= m->octets.len ||
	       addr_same(&way->remote.addr, &sa->way.remote.addr);
}

static void on_unprotected(struct ike_sa *sa, const struct message *m, const struct payloads *p)
{
	if (m->flags & MESSAGE_FLAG_RESPONSE && expected(sa, m) &&
		payloads_notify(p, INVALID_IKE_SPI))
		on_unknown_there(sa);
}

static void on_protected(struct ike_sa *sa, const struct message *m, const struct way *way)
{
	const struct slice chain = {
		m->octets.data + IKE_HEADER_LEN, m->octets.len - IKE_HEADER_LEN};
	struct keying *k = sa->keying;
	struct payloads outer;
	struct payloads inner;
	struct fragment f = {.message = m, .outer = &outer, .key = &sa->open};
	struct opened opened;

	if (!sa->open.suite || payloads_parse(m->first, chain, &outer))
		return;
	if (!outer.sk_type) {
		if (!ike_sa_is_parting(sa))
			on_unprotected(sa, m, &outer);
		return;
	}
	if (!ike_sa_is_parting(sa) && !(m->flags & MESSAGE_FLAG_RESPONSE) &&
		m->id + 1 == sa->next_expected && may_repeat_to(sa, m, way) &&
		repeats(sa, m, &outer))
		send_messages(k, way, (struct slice){sa->answer.octets, sa->answer.len});
	if (!expected(sa, m) || open_message(k, &k->peers_parts, &sa->assembly, &f, &opened))
		return;
	if (ike_sa_is_parting(sa)) {
		if (m->flags & MESSAGE_FLAG_RESPONSE)
			on_parting_response(sa);
		else
			on_parting_request(sa, way);
		return;
	}
	sa->heard_ms = f.now_ms;
	trace_message(sa, &(struct trail_entry){.exchange = m->exchange,
				  .octets = (uint32_t)m->octets.len,
				  .response = m->flags & MESSAGE_FLAG_RESPONSE});
	if (payloads_parse(opened.first, (struct slice){k->plain, opened.len}, &inner))
		on_nonsense(sa, m, way);
	else if (m->flags & MESSAGE_FLAG_RESPONSE)
		on_response(sa, m, &inner);
	else
		on_request(sa, m, &inner, way);
}

static void on_init(struct keying *k, const struct message *m, const struct way *way)
{
	static const uint8_t zero[IKE_SPI_LEN];
	struct ike_sa *sa;

	if (!(m->flags & MESSAGE_FLAG_RESPONSE)) {
		if (m->flags & MESSAGE_FLAG_INITIATOR &&
			!memcmp(m->spis + IKE_SPI_LEN, zero, IKE_SPI_LEN) &&
			memcmp(m->spis, zero, IKE_SPI_LEN) != 0)
			on_init_request(k, m, way);
		return;
	}
	sa = m->flags & MESSAGE_FLAG_INITIATOR ? NULL : ike_sa_find(k, m->spis);
	if (sa && sa->side == SIDE_I)
		on_init_response(sa, m, way);
}

/* I set means that the sender made the IKE SA: we are found by the second SPI, else by the first.
 */
void on_datagram(struct keying *k, const struct keying_datagram *datagram)
{
	struct way way = {.socket = datagram->socket == k->sockets[ON_NAT] ? ON_NAT : ON_IKE,
		.local = datagram->local,
		.remote = datagram->remote};
	struct message m;
	struct ike_sa *sa;
	bool from_initiator;

	if (message_parse(datagram->payload, &m) || m.version >> 4 < MAJOR)
		return;
	way.local.port = k->settings.ports[way.socket];
	if (m.version >> 4 > MAJOR) {
		on_other_version(k, &m, &way);
		return;
	}
	if (m.exchange == IKE_SA_INIT) {
		on_init(k, &m, &way);
		return;
	}
	from_initiator = m.flags & MESSAGE_FLAG_INITIATOR;
	sa = ike_sa_find(k, m.spis + (from_initiator ? IKE_SPI_LEN : 0));
	if (!sa && from_initiator && m.exchange == IKE_AUTH && !(m.flags & MESSAGE_FLAG_RESPONSE))
		on_auth_request(k, &m, &way);
	else if (sa && (sa->side == SIDE_R) == from_initiator &&
		 !memcmp(m.spis, sa->spis, sizeof m.spis))
		on_protected(sa, &m, &way);
	else if (!sa)
		answer_stranger(k, &m, &way);
}
