/* SPDX-License-Identifier: Apache-2.0 */
/* The initiator's IKE_AUTH: who we are, whether the peer is whom we want, the first child (RFC 7296
 * 1.2, 2.15, RFC 8784 3). */
#include "ikev2/auth.h"
#include "ikev2/ikev2.h"
#include "ikev2/imprint.h"
#include "ikev2/payload_cert.h"

#include "base/wire.h"

#include <errno.h>
#include <string.h>

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

int ask_auth(struct ike_sa *sa)
{
	struct child *child = sa->handshake->childless ? NULL : child_create(sa);
	struct message_writer w;
	int r = 0;

	if (!sa->handshake->childless)
		r = child ? child_wish_hcp(child, NULL) : -ENOMEM;
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
