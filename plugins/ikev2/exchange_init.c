/* SPDX-License-Identifier: Apache-2.0 */
/* The initiator's first two exchanges: IKE_SA_INIT and IKE_AUTH (RFC 7296 1.2, RFC 7815). */
#include "ikev2/auth.h"
#include "ikev2/ikev2.h"
#include "ikev2/imprint.h"
#include "ikev2/payload_cert.h"

#include "base/wire.h"
#include "crypto/secret.h"

#include <errno.h>
#include <string.h>

enum {
	NONCE_LEN = 16, /* half the key of HMAC-SHA-256; the longer PRFs need more */
	BACKOFF_FIRST_MS = 1000,
	BACKOFF_MAX_MS = 3600000,
	BACKOFF_STEPS = 12,
};

static size_t nonce_len_for(const struct allowed *offer)
{
	size_t len = NONCE_LEN;

	for (size_t i = 0; i < offer->n_prfs; i++) {
		const struct prf *prf = prf_find(offer->prfs[i]);

		if (prf && prf->len / 2u > len)
			len = prf->len / 2u;
	}
	return len;
}

static void put_init(struct ike_sa *sa, struct message_writer *w)
{
	const struct settings *s = sa->peer->settings;
	struct handshake *h = sa->handshake;

	exchange_begin(sa, w, IKE_SA_INIT, false);
	if (h->cookie_len)
		payload_add_notify(&w->payloads, COOKIE, (struct slice){h->cookie, h->cookie_len});
	payload_sa_offer(&w->payloads, &h->offer, (struct slice){NULL, 0});
	payload_add_ke(
		&w->payloads, h->group->id, (struct slice){h->public_key, h->group->public_len});
	payload_add(&w->payloads, PAYLOAD_NONCE, ike_sa_nonce(sa, SIDE_I));
	if (s->nat_detection)
		nat_add(sa->keying, &w->payloads, sa->spis, &sa->way, s->core.encap == ENCAP_UDP);
	auth_add_hashes(&w->payloads, auth_hashes(s));
	if (s->ppk_len)
		payload_add_notify(&w->payloads, USE_PPK, (struct slice){NULL, 0});
	if (wants_fragments(s))
		payload_add_notify(
			&w->payloads, IKEV2_FRAGMENTATION_SUPPORTED, (struct slice){NULL, 0});
}

static int send_init(struct ike_sa *sa)
{
	struct message_writer w;
	int r;

	put_init(sa, &w);
	r = request_send(sa, &w, (struct request){.what = ASK_INIT});
	if (r)
		return r;
	return ike_sa_keep_init(sa, SIDE_I, (struct slice){sa->request.octets, sa->request.len});
}

/* Where the peer is reached: 500 floats to 4500 later, any other port is one with the marker. */
static void find_way(struct ike_sa *sa)
{
	struct keying *k = sa->keying;
	struct way *way = &sa->way;

	way->remote = sa->peer->remote;
	if (!way->remote.port)
		way->remote.port = PORT_IKE;
	way->socket = way->remote.port == PORT_IKE ? ON_IKE : ON_NAT;
	way->local = (struct ip_endpoint){.port = k->settings.ports[way->socket]};
	if (KEYING_HOST_HAS(k->host, route))
		k->host->route(k->host, &way->remote, &way->local.addr);
}

static int begin(struct ike_sa *sa)
{
	struct handshake *h = sa->handshake;
	struct keying *k = sa->keying;
	int r;

	sa->state = IKE_INIT;
	h->offer = sa->peer->settings->ike;
	h->group = dh_find(h->offer.groups[0]);
	h->nonce_len[SIDE_I] = nonce_len_for(&h->offer);
	k->host->random(k->host, h->nonce[SIDE_I], h->nonce_len[SIDE_I]);
	ike_sa_random_spi(k, sa->spis);
	r = ike_sa_enter(sa);
	if (!r)
		r = dh_generate(h->group, h->private_key, h->public_key);
	find_way(sa);
	return r ? r : send_init(sa);
}

int initiate(struct keying *k, struct peer *peer)
{
	struct ike_sa *sa;
	int r;

	if (peer->settings->core.role == ROLE_RESPONDER)
		return -EPERM;
	if (!peer->remote.addr.family)
		return -EDESTADDRREQ;
	if (peer->sa)
		return -EALREADY;
	sa = ike_sa_create(k, peer, SIDE_I);
	if (!sa)
		return -ENOMEM;
	peer->sa = sa;
	r = begin(sa);
	if (r)
		ike_sa_fail(sa, strerror(-r));
	else
		say(k, KEYING_DEBUG, peer, "IKE_SA_INIT sent");
	return r;
}

void reauthenticate(struct ike_sa *sa)
{
	struct ike_sa *next = ike_sa_create(sa->keying, sa->peer, SIDE_I);

	if (next && begin(next))
		ike_sa_destroy(next);
}

/* The peer gets 1, 2, 4 .. seconds of rest, with up to a quarter on top so that many do not meet.
 */
void ike_sa_fail(struct ike_sa *sa, const char *why)
{
	struct keying *k = sa->keying;
	struct peer *peer = sa->peer;
	uint64_t delay = BACKOFF_FIRST_MS;
	bool current = peer->sa == sa;
	uint32_t chance;

	trace_failed(sa, why);
	ike_sa_destroy(sa);
	if (!current) {
		say(k, KEYING_WARN, peer, "no new IKE SA: %s", why);
		return;
	}
	say(k, peer->failures ? KEYING_INFO : KEYING_WARN, peer, "no IKE SA: %s", why);
	tell(k, "failed", peer, why);
	if (peer->hint) {
		trouble(k, peer, peer->hint);
		peer->hint = NULL;
	} else {
		trouble(k, peer, why);
	}
	if (peer->settings->core.role == ROLE_RESPONDER)
		return;
	delay <<= peer->failures < BACKOFF_STEPS ? peer->failures : BACKOFF_STEPS;
	if (delay > BACKOFF_MAX_MS)
		delay = BACKOFF_MAX_MS;
	k->host->random(k->host, &chance, sizeof chance);
	peer->failures++;
	peer->waiting = true;
	timer_start(k, (uint32_t)(peer - k->peers), TIMER_RETRY, delay + chance % (delay / 4));
}

/* RFC 7296 2.6: the same request again, the cookie in front. */
static void again_with_cookie(struct ike_sa *sa, const struct notify *cookie)
{
	struct handshake *h = sa->handshake;

	if (!cookie->data.len || cookie->data.len > COOKIE_MAX || h->retries == COOKIE_RETRIES)
		return;
	h->retries++;
	memcpy(h->cookie, cookie->data.data, cookie->data.len);
	h->cookie_len = cookie->data.len;
	if (send_init(sa))
		ike_sa_fail(sa, "out of memory");
}

/* RFC 7296 1.2: another group of our own list. */
static void again_with_group(struct ike_sa *sa, const struct notify *n)
{
	struct handshake *h = sa->handshake;
	uint16_t wanted = n->data.len == 2 ? get_be16(n->data.data) : 0;

	if (h->retries == COOKIE_RETRIES || wanted == h->group->id)
		return;
	for (size_t i = 0; i < h->offer.n_groups; i++) {
		if (h->offer.groups[i] != wanted)
			continue;
		h->retries++;
		h->group = dh_find(wanted);
		if (dh_generate(h->group, h->private_key, h->public_key) || send_init(sa))
			ike_sa_fail(sa, "out of memory");
		return;
	}
}

/* Whoever can see our request can send this: it is a hint for the operator, and we go on asking. */
static void note_refusal(struct ike_sa *sa, const struct notify *n)
{
	static const char none[] = "NO_PROPOSAL_CHOSEN: it refuses all that we offer for the IKE "
				   "SA: compare Cipher, Exchange and Prf";

	trace_init_refused(sa, n);
	if (n->type != NO_PROPOSAL_CHOSEN) {
		say(sa->keying, KEYING_INFO, sa->peer, "it answers IKE_SA_INIT with error %u",
			n->type);
		return;
	}
	if (!sa->peer->hint)
		say(sa->keying, KEYING_WARN, sa->peer, "%s", none);
	sa->peer->hint = none;
	trouble(sa->keying, sa->peer, none);
}

static int take_answer(struct ike_sa *sa, const struct message *m, const struct payloads *p)
{
	struct handshake *h = sa->handshake;

	if (!p->sa.data || !p->ke.data || !p->nonce.data || p->critical ||
		payload_sa_accept(p->sa, &h->offer, &h->chosen) ||
		h->chosen.group != h->group->id || get_be16(p->ke.data) != h->group->id)
		return -EBADMSG;
	memcpy(sa->spis, m->spis, sizeof sa->spis);
	memcpy(h->nonce[SIDE_R], p->nonce.data, p->nonce.len);
	h->nonce_len[SIDE_R] = p->nonce.len;
	h->peer_hashes = auth_read_hashes(p);
	h->ppk = sa->peer->settings->ppk_len && payloads_notify(p, USE_PPK);
	h->cert_asked = p->certreq_raw;
	h->childless =
		sa->peer->settings->childless && payloads_notify(p, CHILDLESS_IKEV2_SUPPORTED);
	if (sa->peer->settings->childless && !h->childless)
		say(sa->keying, KEYING_INFO, sa->peer,
			"it does not do without a child in IKE_AUTH");
	sa->fragments = wants_fragments(sa->peer->settings) &&
			payloads_notify(p, IKEV2_FRAGMENTATION_SUPPORTED);
	return ike_sa_keep_init(sa, SIDE_R, m->octets);
}

static int derive(struct ike_sa *sa, struct slice peer_public)
{
	struct handshake *h = sa->handshake;
	const struct nonces n = {ike_sa_nonce(sa, SIDE_I), ike_sa_nonce(sa, SIDE_R)};
	uint8_t g_ir[DH_SHARED_MAX];
	int r = dh_compute(h->group, h->private_key, peer_public, g_ir);

	secret_wipe(h->private_key, sizeof h->private_key);
	sa->keys.prf = prf_find(h->chosen.prf);
	sa->keys.suite = keymat_suite(h->chosen.encr, h->chosen.key_bits);
	if (!r && (!sa->keys.prf || !sa->keys.suite))
		r = -EINVAL;
	if (!r)
		r = keymat_ike(&sa->keys, (struct slice){g_ir, h->group->shared_len}, &n, sa->spis);
	secret_wipe(g_ir, sizeof g_ir);
	if (!r)
		ike_sa_set_keys(sa);
	return r;
}

/* RFC 7296 2.23: where an address is translated, all goes on between the ports 4500. */
static void find_nat(struct ike_sa *sa, const struct payloads *p, const struct way *way)
{
	const struct settings *s = sa->peer->settings;
	struct handshake *h = sa->handshake;
	bool asked = s->nat_detection && payloads_notify(p, NAT_DETECTION_SOURCE_IP);

	if (!sa->way.local.addr.family)
		sa->way.local.addr = way->local.addr;
	h->nat = s->core.encap == ENCAP_UDP || sa->way.socket == ON_NAT ||
		 (asked && s->core.encap == ENCAP_AUTO &&
			 nat_seen(sa->keying, p, sa->spis, &sa->way));
	if (!h->nat || sa->way.socket == ON_NAT)
		return;
	sa->way.socket = ON_NAT;
	sa->way.local.port = sa->keying->settings.ports[ON_NAT];
	sa->way.remote.port = PORT_NAT;
}

static struct auth_claim claim_of(const struct ike_sa *sa, enum side side, struct slice id)
{
	return (struct auth_claim){.settings = sa->peer->settings,
		.keys = &sa->keys,
		.side = side,
		.message = ike_sa_init_message(sa, side),
		.nonce = ike_sa_nonce(sa, side == SIDE_I ? SIDE_R : SIDE_I),
		.id = id,
		.peer_key = sa->peer->settings->peer_key};
}

/* RFC 8784 3: AUTH with the post-quantum key, and what it would be without where we do not insist.
 */
static int add_auth(struct ike_sa *sa, struct auth_claim claim, struct payload_writer *w)
{
	const struct settings *s = sa->peer->settings;
	struct handshake *h = sa->handshake;
	uint8_t id[1 + sizeof s->ppk_id] = {PPK_ID_FIXED};
	size_t len = strlen(s->ppk_id);
	int r;

	if (!h->ppk)
		return auth_add(&claim, h->peer_hashes, w);
	h->mixed = sa->keys;
	r = keymat_ppk(&h->mixed, (struct slice){s->ppk, s->ppk_len});
	claim.keys = &h->mixed;
	if (!r)
		r = auth_add(&claim, h->peer_hashes, w);
	memcpy(id + 1, s->ppk_id, len);
	payload_add_notify(w, PPK_IDENTITY, (struct slice){id, 1 + len});
	claim.keys = &sa->keys;
	if (!r && !s->ppk_required)
		r = auth_add_without_ppk(&claim, h->peer_hashes, w);
	return r;
}

static int put_auth(struct ike_sa *sa, struct payload_writer *w)
{
	const struct settings *s = sa->peer->settings;
	const struct auth_claim claim = claim_of(sa, SIDE_I, (struct slice){s->id.body, s->id.len});

	payload_add(w, PAYLOAD_IDI, claim.id);
	if (s->imprint || (s->key && sa->handshake->cert_asked))
		payload_add_raw_key(w, auth_own_key(s));
	if (!sa->peer->contacted)
		payload_add_notify(w, INITIAL_CONTACT, (struct slice){NULL, 0});
	if (s->imprint)
		payload_add_raw_key_request(w);
	if (s->peer_id_named)
		payload_add(w, PAYLOAD_IDR, (struct slice){s->peer_id.body, s->peer_id.len});
	return add_auth(sa, claim, w);
}

static void put_child(struct child *child, struct payload_writer *w)
{
	const struct settings *s = child->ike->peer->settings;
	struct allowed offer;
	uint8_t spi[4];

	child_offer(child->ike, &offer, false);
	put_be32(spi, child->spi[SA_IN]);
	payload_sa_offer(w, &offer, (struct slice){spi, sizeof spi});
	child->local = s->core.local;
	child->remote = s->core.remote_ts;
	payload_ts_add(w, PAYLOAD_TSI, &child->local);
	payload_ts_add(w, PAYLOAD_TSR, &child->remote);
	child_offer_hcp(child, w);
}

static int send_auth(struct ike_sa *sa)
{
	const struct settings *s = sa->peer->settings;
	struct child *child = sa->handshake->childless ? NULL : child_create(sa);
	struct message_writer w;
	int r = 0;

	if (!sa->handshake->childless)
		r = child ? child_reserve(child, s->compress ? &s->hcp : NULL) : -ENOMEM;
	if (r)
		return r;
	sa->next_request = 1;
	exchange_begin(sa, &w, IKE_AUTH, false);
	r = put_auth(sa, &w.payloads);
	if (r)
		return r;
	inner_ask(sa, &w.payloads);
	if (child)
		put_child(child, &w.payloads);
	sa->state = IKE_AUTHING;
	return request_send(sa, &w, (struct request){.what = ASK_AUTH, .child = child});
}

void on_init_response(struct ike_sa *sa, const struct message *m, const struct way *way)
{
	const struct notify *n;
	struct payloads p;
	int r;

	if (sa->state != IKE_INIT || m->id ||
		payloads_parse(m->first,
			(struct slice){
				m->octets.data + IKE_HEADER_LEN, m->octets.len - IKE_HEADER_LEN},
			&p))
		return;
	trace_message(sa, &(struct trail_entry){.exchange = IKE_SA_INIT,
				  .octets = (uint32_t)m->octets.len,
				  .response = true});
	n = payloads_notify(&p, COOKIE);
	if (n && !p.sa.data) {
		again_with_cookie(sa, n);
		return;
	}
	n = payloads_error(&p);
	if (n) {
		if (n->type == INVALID_KE_PAYLOAD)
			again_with_group(sa, n);
		else
			note_refusal(sa, n);
		return;
	}
	if (take_answer(sa, m, &p))
		return;
	find_nat(sa, &p, way);
	request_done(sa);
	r = derive(sa, (struct slice){p.ke.data + KE_HEADER_LEN, p.ke.len - KE_HEADER_LEN});
	if (!r)
		r = send_auth(sa);
	if (r)
		ike_sa_fail(
			sa, r == -EINVAL ? "its key exchange value is not legal" : strerror(-r));
}

/* Why the child did not come up, NULL where it did. */
static const char *take_child(struct ike_sa *sa, struct child *child, const struct payloads *p)
{
	const struct notify *n = payloads_error(p);
	const struct nonces nonces = {ike_sa_nonce(sa, SIDE_I), ike_sa_nonce(sa, SIDE_R)};
	struct allowed offer;
	struct chosen chosen;
	const char *refusal;
	bool all;

	if (n && n->type == NO_PROPOSAL_CHOSEN && child_rules_refused(child, p))
		return "NO_PROPOSAL_CHOSEN: its rules are others than ours, and it takes nothing "
		       "else: compare `dietvpn rules list` and Device of both ends";
	if (n)
		return child_refused_why(n->type);
	child_offer(sa, &offer, false);
	if (!p->sa.data || !p->ts_i.data || !p->ts_r.data ||
		payload_sa_accept(p->sa, &offer, &chosen))
		return "its answer is not one of our offers";
	payload_ts_parse(p->ts_i, &child->local, &all);
	payload_ts_parse(p->ts_r, &child->remote, &all);
	if (!child_selects_within(child))
		return "its selectors reach beyond ours";
	refusal = child_accept_hcp(child, p);
	if (refusal)
		return refusal;
	if (child_install(child, &chosen, (struct slice){NULL, 0}, &nonces, CHILD_INITIATED))
		return "the SAs cannot be installed";
	return NULL;
}

/* The responder takes the SA for one that is up: it is told once, without waiting for an answer
 * (RFC 7296 2.21.2). */
static void disbelieve(struct ike_sa *sa, const char *why)
{
	struct message_writer w;

	request_done(sa);
	sa->next_request = 2;
	exchange_begin(sa, &w, INFORMATIONAL, false);
	payload_add_notify(&w.payloads, AUTHENTICATION_FAILED, (struct slice){NULL, 0});
	request_send(sa, &w, (struct request){.what = ASK_ALIVE});
	ike_sa_fail(sa, why);
}

static const char *refusal(const struct ike_sa *sa, const struct payloads *p)
{
	const struct notify *n = payloads_error(p);

	if (!n || n->type != AUTHENTICATION_FAILED)
		return "it refuses to authenticate";
	return sa->peer->settings->key
		       ? "AUTHENTICATION_FAILED: it does not know us, or has another key of us: "
			 "compare Key, Id and PeerId, and ask it whether it adopted this key"
		       : "AUTHENTICATION_FAILED: it does not know us, or the keys differ: compare "
			 "Psk, Id and PeerId";
}

/* Why it is not the one that we want to talk to; NULL: it is. key: of a gateway that is imprinted.
 */
static const char *judge(
	const struct ike_sa *sa, const struct payloads *p, bool mixed, struct sign_public *key)
{
	const struct settings *s = sa->peer->settings;
	struct auth_claim claim = claim_of(sa, SIDE_R, p->id_r);
	const char *why = NULL;

	if (s->imprint)
		why = imprint_key(sa, p, key);
	else if (!slice_equal(p->id_r, (struct slice){s->peer_id.body, s->peer_id.len}))
		why = "it has another identity than PeerId";
	if (!why && s->ppk_required && !mixed)
		why = "it does without the Ppk: compare Ppk and PpkId";
	if (why)
		return why;
	if (mixed)
		claim.keys = &sa->handshake->mixed;
	if (s->imprint)
		claim.peer_key = key;
	return auth_holds(&claim, p->auth.data[0],
		       (struct slice){
			       p->auth.data + AUTH_HEADER_LEN, p->auth.len - AUTH_HEADER_LEN})
		       ? NULL
		       : settings_auth_hint(s);
}

/* It is who it says: the IKE SA is up, with a child or to be ended. */
static void accept(struct ike_sa *sa, const struct payloads *p)
{
	struct child *child = sa->request.child;
	const char *why;

	request_done(sa);
	sa->next_request = 2;
	sa->dietvpn = sa->dietvpn || p->vendor_ours;
	why = inner_take(sa, p);
	if (!why && child)
		why = take_child(sa, child, p);
	if (why)
		trace_child(sa, p,
			&(struct child_outcome){.child = child,
				.begun_here = true,
				.refused_here = !payloads_error(p),
				.error = payloads_error(p) ? payloads_error(p)->type : 0,
				.why = why});
	else
		trace_up(sa, p, child);
	sa->childless = !child;
	sa->want_child = !why && (!child || (child->compressed && sa->peer->settings->fallback));
	ike_sa_up(sa, false);
	if (!why) {
		exchange_next(sa);
		return;
	}
	/* Without a child it is of no use to us: it goes, and a new one is tried later. */
	child_destroy(child);
	sa->fail_why = why;
	sa->want_delete = true;
	exchange_next(sa);
}

void on_auth_response(struct ike_sa *sa, const struct payloads *p)
{
	bool mixed = sa->handshake->ppk && payloads_notify(p, PPK_IDENTITY);
	struct sign_public key;
	const char *why;

	trace_auth_answer(sa, p);
	if (!p->auth.data || !p->id_r.data) {
		if (sa->peer->settings->imprint)
			imprint_introduce(sa);
		ike_sa_fail(sa, refusal(sa, p));
		return;
	}
	why = judge(sa, p, mixed, &key);
	if (why) {
		disbelieve(sa, why);
		return;
	}
	if (sa->peer->settings->imprint && !imprint_settle(sa, p, &key))
		return;
	if (mixed)
		sa->keys = sa->handshake->mixed;
	accept(sa, p);
}
