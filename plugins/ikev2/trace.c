/* SPDX-License-Identifier: Apache-2.0 */
/* What key exchanges came to, for `dietvpn why`: records of the IKE SA (RFC 7296 1.2, 1.3.2). */
#include "ikev2/trace_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char it_does_not_say[] =
	"give both ends one Cipher, Exchange and Prf in common. It does not say what it allows; "
	"its own log does.";

void record_add_offer(struct record *r, const struct allowed *ours, const struct chosen *chosen)
{
	struct transforms mine;
	struct transforms theirs;

	transforms_of_allowed(ours, &mine);
	if (chosen)
		transforms_of_chosen(chosen, ours->protocol, &theirs);
	if (r->offered_here || !chosen)
		rows_add_transforms(&r->rows, &mine, chosen ? &theirs : NULL, false);
	else
		rows_add_transforms(&r->rows, &theirs, &mine, false);
}

void record_add_word(
	struct record *r, const struct row *row, const char *offered, const char *allowed)
{
	struct words a = {.n = 0};
	struct words b = {.n = 0};
	struct row full = *row;

	words_add(&a, "%s", offered);
	if (allowed)
		words_add(&b, "%s", allowed);
	full.offered = &a;
	full.allowed = allowed ? &b : NULL;
	rows_add(&r->rows, &full);
}

void record_add_identity(struct record *r, const char *offered, const char *allowed)
{
	record_add_word(r, &(struct row){.what = "identity", .key = "PeerId"}, offered, allowed);
}

static const char *own_method(const struct settings *s)
{
	return s->peer_key ? "Key" : "Psk";
}

static const char *method_text(uint8_t method)
{
	return method == AUTH_SHARED_KEY ? "Psk" : "Key";
}

void record_add_authentication(struct record *r, uint8_t method, const struct settings *s)
{
	const struct row row = {.what = "authentication", .key = s->peer_key ? "PeerKey" : "Psk"};
	const char *want = s->peer_key ? "Key that PeerKey pins" : "Psk";
	bool same = !strcmp(method_text(method), own_method(s));

	if (same)
		record_add_word(r, &row, s->peer_key ? "another Key" : "another Psk", want);
	else
		record_add_word(r, &row, method_text(method), want);
	if (!same)
		rows_fix(&r->rows, "here %s in place of %s; or on the peer the other way round.",
			method == AUTH_SHARED_KEY ? "Psk" : "Key and PeerKey",
			s->peer_key ? "Key and PeerKey" : "Psk");
	else if (s->peer_key)
		rows_fix(&r->rows, "here PeerKey = the public key of the peer's Key; or on the "
				   "peer the Key that is pinned here.");
	else
		rows_fix(&r->rows, "one Psk in both files.");
}

void trace_init_refused(struct ike_sa *sa, const struct notify *n)
{
	struct record *r = sa->trail.told ? NULL : record_new(sa, IKE_SA_INIT, true);

	if (!r)
		return;
	sa->trail.told = true;
	r->error = n->type;
	r->why = "it refuses what we offer for the IKE SA";
	record_add_offer(r, &sa->handshake->offer, NULL);
	rows_fix(&r->rows, "%s", it_does_not_say);
	record_tell(sa, r);
}

void trace_auth_answer(struct ike_sa *sa, const struct payloads *p)
{
	const struct notify *n = payloads_error(p);
	char text[WORD_LEN];

	sa->trail.error = !p->auth.data && n ? n->type : 0;
	sa->trail.method = p->auth.data ? p->auth.data[0] : 0;
	if (p->id_r.data)
		snprintf(sa->trail.their_id, sizeof sa->trail.their_id, "%.*s", TRAIL_ID - 1,
			identity_text(p->id_r, text));
}

static void refused_by_peer(struct record *r, const struct ike_sa *sa)
{
	const struct settings *s = sa->peer->settings;
	char id[WORD_LEN];

	r->error = sa->trail.error;
	identity_text((struct slice){s->id.body, s->id.len}, id);
	record_add_identity(r, id, NULL);
	record_add_word(r, &(struct row){.what = "authentication"}, own_method(s), NULL);
	rows_fix(&r->rows, "one of these on the peer: PeerId = %s%s.", id,
		s->peer_key ? ", PeerKey = the public key of our Key" : ", the Psk that is here");
	rows_fix(&r->rows, "It does not say which; its own log does.");
}

static void refused_by_us(struct record *r, const struct ike_sa *sa)
{
	const struct settings *s = sa->peer->settings;
	const struct trail *t = &sa->trail;
	char id[WORD_LEN];

	r->refused_here = true;
	r->offered_here = r->rows.here = false;
	if (!t->their_id[0])
		return;
	identity_text((struct slice){s->peer_id.body, s->peer_id.len}, id);
	/* Whoever is imprinted may have any. */
	record_add_identity(r, t->their_id, s->imprint ? t->their_id : id);
	if (r->rows.differ)
		rows_fix(&r->rows, "here PeerId = %s; or on the peer Id = %s.", t->their_id, id);
	else
		record_add_authentication(r, t->method, s);
}

static void unanswered(struct record *r, const struct ike_sa *sa)
{
	char addr[WORD_LEN];

	r->outcome = "unanswered";
	if (sa->state == IKE_INIT)
		record_add_offer(r, &sa->handshake->offer, NULL);
	rows_fix(&r->rows,
		"nothing came back from %s port %u: compare Endpoint, see that the peer runs and "
		"that UDP 500 and 4500 pass.",
		addr_text(&sa->way.remote.addr, addr), sa->way.remote.port);
}

void trace_failed(struct ike_sa *sa, const char *why)
{
	struct trail *t = &sa->trail;
	uint8_t exchange = sa->state == IKE_INIT ? IKE_SA_INIT
			   : sa->handshake       ? IKE_AUTH
						 : sa->request.exchange;
	bool told = !exchange || sa->fail_why || t->told;
	struct record *r = told ? NULL : record_new(sa, exchange, true);

	if (!r)
		return;
	t->told = true;
	r->why = why;
	if (!strcmp(why, "no answer"))
		unanswered(r, sa);
	else if (t->error)
		refused_by_peer(r, sa);
	else
		refused_by_us(r, sa);
	record_tell(sa, r);
}

void trace_ended(struct ike_sa *sa, uint16_t error, const char *why)
{
	struct record *r = record_new(sa, INFORMATIONAL, false);

	if (!r)
		return;
	sa->trail.told = true;
	sa->trail.error = r->error = error;
	r->why = why;
	r->offered_here = r->rows.here = true;
	if (error == AUTHENTICATION_FAILED)
		refused_by_peer(r, sa);
	record_tell(sa, r);
}

void record_add_proposals(struct record *r, const struct allowed *allowed, struct slice sa)
{
	struct transforms theirs;
	struct transforms mine;

	transforms_of_allowed(allowed, &mine);
	transforms_of_nearest(sa, &mine, &theirs);
	rows_add_transforms(&r->rows, &theirs, &mine, false);
	rows_fix_transforms(&r->rows, &theirs, &mine, false);
}

void trace_begin(struct ike_sa *sa, size_t init, size_t init_answer, size_t auth)
{
	const size_t octets[] = {init, init_answer, auth};

	for (int i = 0; i < 3; i++)
		trail_add(&sa->trail,
			&(struct trail_entry){.exchange = i < 2 ? IKE_SA_INIT : IKE_AUTH,
				.octets = (uint32_t)octets[i],
				.sent = i & 1,
				.response = i & 1});
}

void trace_up(struct ike_sa *sa, const struct payloads *p, const struct child *child)
{
	const struct handshake *h = sa->handshake;
	struct record *r = record_new(sa, IKE_AUTH, sa->side == SIDE_I);
	struct allowed allowed = sa->peer->settings->ike;
	char id[WORD_LEN];

	if (!r)
		return;
	settings_all_prfs(&allowed);
	r->outcome = "established";
	record_add_offer(r, sa->side == SIDE_I ? &h->offer : &allowed, &h->chosen);
	identity_text(sa->side == SIDE_I ? p->id_r : p->id_i, id);
	record_add_identity(r, id, id);
	if (child)
		record_add_child(r, sa, p, child);
	record_tell(sa, r);
}

void trace_rekey(struct ike_sa *sa, const struct payloads *p, const struct child_outcome *outcome)
{
	struct record *r = record_new(sa, CREATE_CHILD_SA, outcome->begun_here);

	if (!r)
		return;
	record_outcome(r, outcome);
	if (!r->why)
		r->outcome = "established";
	if (!p->sa.data) {
		record_add_offer(r, &sa->peer->settings->ike, NULL);
		rows_fix(&r->rows, "%s", it_does_not_say);
	} else if (r->why || !outcome->begun_here) {
		record_add_proposals(r, &sa->peer->settings->ike, p->sa);
	} else {
		struct transforms mine;
		struct transforms theirs;

		transforms_of_allowed(&sa->peer->settings->ike, &mine);
		transforms_of_payload(p->sa, &theirs);
		rows_add_transforms(&r->rows, &mine, &theirs, false);
	}
	record_tell(sa, r);
}
