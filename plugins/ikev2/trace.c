/* SPDX-License-Identifier: Apache-2.0 */
/* What key exchanges came to, for `dietvpn why`: records of the IKE SA (RFC 7296 1.2, 1.3.2). */
#include "ikev2/trace_record.h"

#include "ikev2/half_open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STRANGERS_MS = 10000, CLAIMED_MS = 1000 };

static const char it_does_not_say[] =
	"give both ends one Cipher, Exchange and Prf in common. It does not say what it allows; "
	"its own log does.";

/* Ours beside what came of it; chosen NULL: nothing has. */
static void add_offer(struct record *r, const struct allowed *ours, const struct chosen *chosen)
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

/* One word of each end; NULL: not known. */
static void add_word(
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

static const char *own_method(const struct settings *s)
{
	return s->peer_key ? "Key" : "Psk";
}

static const char *method_text(uint8_t method)
{
	return method == AUTH_SHARED_KEY ? "Psk" : "Key";
}

static const struct row identity = {.what = "identity", .key = "PeerId"};

/* Where methods agree it is the key that does not. */
static void add_authentication(struct record *r, uint8_t method, const struct settings *s)
{
	const struct row row = {.what = "authentication", .key = s->peer_key ? "PeerKey" : "Psk"};
	const char *want = s->peer_key ? "Key that PeerKey pins" : "Psk";
	bool same = !strcmp(method_text(method), own_method(s));

	if (same)
		add_word(r, &row, s->peer_key ? "another Key" : "another Psk", want);
	else
		add_word(r, &row, method_text(method), want);
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
	add_offer(r, &sa->handshake->offer, NULL);
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
	add_word(r, &identity, id, NULL);
	add_word(r, &(struct row){.what = "authentication"}, own_method(s), NULL);
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
	add_word(r, &identity, t->their_id, id);
	if (r->rows.differ)
		rows_fix(&r->rows, "here PeerId = %s; or on the peer Id = %s.", t->their_id, id);
	else
		add_authentication(r, t->method, s);
}

static void unanswered(struct record *r, const struct ike_sa *sa)
{
	char addr[WORD_LEN];

	r->outcome = "unanswered";
	if (sa->state == IKE_INIT)
		add_offer(r, &sa->handshake->offer, NULL);
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

static void add_proposals(struct record *r, const struct allowed *allowed, struct slice sa)
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
	add_offer(r, sa->side == SIDE_I ? &h->offer : &allowed, &h->chosen);
	identity_text(sa->side == SIDE_I ? p->id_r : p->id_i, id);
	add_word(r, &identity, id, id);
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
		add_offer(r, &sa->peer->settings->ike, NULL);
		rows_fix(&r->rows, "%s", it_does_not_say);
	} else if (r->why || !outcome->begun_here) {
		add_proposals(r, &sa->peer->settings->ike, p->sa);
	} else {
		struct transforms mine;
		struct transforms theirs;

		transforms_of_allowed(&sa->peer->settings->ike, &mine);
		transforms_of_payload(p->sa, &theirs);
		rows_add_transforms(&r->rows, &mine, &theirs, false);
	}
	record_tell(sa, r);
}

/* The one peer that may begin from this address; or the only one there is, where its address is not
 * known. NULL: it could be anybody. */
static struct peer *peer_at(struct keying *k, const struct ip_addr *addr)
{
	struct peer *found = NULL;
	struct peer *roaming = NULL;
	size_t n_found = 0;
	size_t n_roaming = 0;

	for (size_t i = 0; i < k->settings.n; i++) {
		struct peer *peer = &k->peers[i];

		if (peer->settings->core.role == ROLE_INITIATOR || peer->settings->template)
			continue;
		if (!peer->remote.addr.family) {
			n_roaming++;
			roaming = peer;
		} else if (!memcmp(&peer->remote.addr, addr, sizeof *addr)) {
			n_found++;
			found = peer;
		}
	}
	if (n_found)
		return n_found == 1 ? found : NULL;
	return n_roaming == 1 && k->settings.n == 1 && !roaming->sa ? roaming : NULL;
}

/* Before anything is written: whoever sends a lot gets a line in a while. */
static bool may_note(struct keying *k, struct peer *peer)
{
	uint64_t now = k->host->now_ms(k->host);
	uint64_t *next = peer ? &peer->noted_ms : &k->strangers_ms;

	if (now < *next)
		return false;
	*next = now + (peer ? CLAIMED_MS : STRANGERS_MS);
	return true;
}

static void all_allowed(const struct keying *k, const struct peer *peer, struct allowed *out)
{
	static const uint16_t prfs[] = {PRF_HMAC_SHA2_256, PRF_HMAC_SHA2_384, PRF_HMAC_SHA2_512};

	*out = (struct allowed){.protocol = PROTOCOL_IKE, .n_prfs = 3};
	memcpy(out->prfs, prfs, sizeof prfs);
	for (size_t i = 0; i < k->settings.n; i++)
		if (k->settings.list[i].core.role != ROLE_INITIATOR &&
			(!peer || peer == &k->peers[i]))
			settings_add_allowed(out, &k->settings.list[i].ike);
}

static void say_stranger(
	struct keying *k, const struct peer *peer, const struct way *way, const struct record *r)
{
	char addr[WORD_LEN];
	char text[ROWS_TEXT];

	snprintf(text, sizeof text,
		"%s: no IKE SA, NO_PROPOSAL_CHOSEN: it offers %.100s; we allow %.100s: compare %s",
		addr_text(&way->remote.addr, addr), r->rows.offers, r->rows.allows, r->rows.keys);
	say(k, KEYING_WARN, peer, "%s", text);
	if (peer && !peer->sa)
		trouble(k, peer, text);
}

void trace_stranger(struct keying *k, const struct message *m, const struct way *way,
	const struct payloads *p, bool answered)
{
	struct peer *peer = peer_at(k, &way->remote.addr);
	struct trail trail = {.n = 0};
	struct allowed allowed;
	struct record *r;

	if (!may_note(k, peer))
		return;
	r = record_of(peer, way, IKE_SA_INIT);
	if (!r)
		return;
	r->claimed = r->refused_here = true;
	r->error = NO_PROPOSAL_CHOSEN;
	r->why = "no common proposal for the IKE SA";
	all_allowed(k, peer, &allowed);
	add_proposals(r, &allowed, p->sa);
	trail_add(&trail,
		&(struct trail_entry){.exchange = IKE_SA_INIT, .octets = (uint32_t)m->octets.len});
	if (answered)
		trail_add(&trail, &(struct trail_entry){.exchange = IKE_SA_INIT,
					  .octets = IKE_HEADER_LEN + REFUSAL_LEN,
					  .sent = true,
					  .response = true});
	say_stranger(k, peer, way, r);
	record_put(k, r, &trail);
	record_free(r);
}

static void add_known_ids(struct record *r, const struct keying *k, const char *theirs)
{
	struct words offered = {.n = 0};
	struct words known = {.n = 0};
	char id[WORD_LEN];
	char text[WORD_LEN];

	words_add(&offered, "%s", theirs);
	for (size_t i = 0; i < k->settings.n && known.n < 6; i++) {
		const struct settings *s = &k->settings.list[i];

		if (s->core.role != ROLE_INITIATOR)
			words_add(&known, "%s",
				identity_text((struct slice){s->peer_id.body, s->peer_id.len}, id));
	}
	rows_add(&r->rows, &(struct row){"identity", "PeerId", &offered, &known, NULL});
	rows_fix(&r->rows, "here PeerId = %s in its [Peer]; or on the peer Id = %s.", theirs,
		words_join(&known, 1, text, sizeof text));
}

static void add_refused_auth(struct record *r, const struct refused_auth *a)
{
	const struct settings *s = a->peer->settings;
	const struct payloads *p = a->inner;
	struct allowed allowed = s->ike;
	char theirs[WORD_LEN];
	char own[WORD_LEN];

	identity_text(p->id_i, theirs);
	add_word(r, &identity, theirs, theirs);
	if (p->id_r.data) {
		identity_text(p->id_r, theirs);
		identity_text((struct slice){s->id.body, s->id.len}, own);
		add_word(r, &(struct row){.what = "our identity", .key = "Id"}, theirs, own);
		if (r->rows.differ) {
			rows_fix(
				&r->rows, "on the peer PeerId = %s; or here Id = %s.", own, theirs);
			return;
		}
	}
	settings_all_prfs(&allowed);
	add_offer(r, &allowed, &a->half->chosen);
	if (!strncmp(a->why, "AUTHENTICATION_FAILED", 21))
		add_authentication(r, p->auth.data[0], s);
	else if (s->ppk_required)
		rows_fix(&r->rows, "one Ppk and PpkId in both files.");
}

void trace_auth_refused(struct keying *k, const struct refused_auth *a)
{
	struct trail trail = {.n = 0};
	struct record *r = record_of(a->shown, &a->half->way, IKE_AUTH);
	const size_t octets[] = {
		a->half->init_len, a->octets[0], a->message->octets.len, a->octets[1]};
	char id[WORD_LEN];

	if (!r)
		return;
	r->claimed = r->refused_here = true;
	r->error = AUTHENTICATION_FAILED;
	r->why = a->why;
	if (a->peer)
		add_refused_auth(r, a);
	else if (a->inner->id_i.data)
		add_known_ids(r, k, identity_text(a->inner->id_i, id));
	for (int i = 0; i < 4; i++)
		trail_add(&trail, &(struct trail_entry){.exchange = i < 2 ? IKE_SA_INIT : IKE_AUTH,
					  .octets = (uint32_t)octets[i],
					  .sent = i & 1,
					  .response = i & 1});
	record_put(k, r, &trail);
	record_free(r);
}
