/* SPDX-License-Identifier: Apache-2.0 */
/* What key exchanges came to, for `dietvpn why`: whom the responder refused before it had an SA. */
#include "ikev2/trace_record.h"

#include "ikev2/device.h"
#include "ikev2/half_open.h"

#include <stdio.h>
#include <string.h>

enum { STRANGERS_MS = 10000, CLAIMED_MS = 1000 };

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
	record_add_proposals(r, &allowed, p->sa);
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

/* A device that a template lets in has no [Peer] that anybody could change. */
static void fix_device(struct record *r, uint8_t method, const char *name)
{
	if (method == AUTH_SHARED_KEY)
		rows_fix(&r->rows,
			"here dietvpn enroll %s; on the device dietvpn adopt --force what it "
			"prints.",
			name);
	else
		rows_fix(&r->rows,
			"here dietvpn adopt --fingerprint, that of the device's key, --as %s.",
			name);
}

static void add_refused_auth(struct record *r, const struct refused_auth *a, bool device)
{
	const struct settings *s = a->peer->settings;
	const struct payloads *p = a->inner;
	struct allowed allowed = s->ike;
	char theirs[WORD_LEN];
	char own[WORD_LEN];

	identity_text(p->id_i, theirs);
	record_add_identity(r, theirs, theirs);
	if (p->id_r.data) {
		identity_text(p->id_r, theirs);
		identity_text((struct slice){s->id.body, s->id.len}, own);
		record_add_word(r, &(struct row){.what = "our identity", .key = "Id"}, theirs, own);
		if (r->rows.differ) {
			rows_fix(
				&r->rows, "on the peer PeerId = %s; or here Id = %s.", own, theirs);
			return;
		}
	}
	settings_all_prfs(&allowed);
	record_add_offer(r, &allowed, &a->half->chosen);
	if (!strncmp(a->why, "AUTHENTICATION_FAILED", 21) && device)
		fix_device(r, p->auth.data[0], identity_text(p->id_i, theirs));
	else if (!strncmp(a->why, "AUTHENTICATION_FAILED", 21))
		record_add_authentication(r, p->auth.data[0], s);
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
		add_refused_auth(r, a, device_of(k, a->peer));
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
