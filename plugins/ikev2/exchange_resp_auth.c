/* SPDX-License-Identifier: Apache-2.0 */
/* IKE_AUTH under examination: who asks, whether its AUTH holds, and what is said of a refusal (RFC
 * 7296 2.15, RFC 8784 3). */
#include "ikev2/exchange_resp.h"
#include "ikev2/auth.h"
#include "ikev2/device.h"

#include "crypto/sign_private.h"

#include <string.h>

enum { STRANGERS_MS = 10000 };

static struct peer *find_peer(struct keying *k, struct slice id)
{
	for (size_t i = 0; i < k->settings.n; i++) {
		const struct settings *s = &k->settings.list[i];

		if (s->core.role != ROLE_INITIATOR && !s->template &&
			slice_equal(id, (struct slice){s->peer_id.body, s->peer_id.len}))
			return &k->peers[i];
	}
	return NULL;
}

/* The peer names the post-quantum key that we have for it. */
static bool names_ppk(const struct examined *e)
{
	const struct settings *s = e->peer->settings;
	const struct notify *n = payloads_notify(&e->inner, PPK_IDENTITY);

	return e->half->ppk && n && s->ppk_len && n->data.len == 1 + strlen(s->ppk_id) &&
	       n->data.data[0] == PPK_ID_FIXED &&
	       !memcmp(n->data.data + 1, s->ppk_id, n->data.len - 1);
}

static struct auth_claim claim_of(const struct examined *e, const struct settings *s)
{
	return (struct auth_claim){.settings = s,
		.keys = &e->keys,
		.side = SIDE_I,
		.message = half_init(e->k->half, e->half),
		.nonce = {e->half->nonce_r, e->half->nonce_r_len},
		.id = e->inner.id_i,
		.peer_key = s->peer_key};
}

/* The time that it takes to be refused does not tell who is known here. */
static void examine_nobody(const struct examined *e)
{
	const struct settings *nobody = device_nobody(e->k, &e->inner);
	struct auth_claim claim = claim_of(e, nobody);
	const struct slice auth = e->inner.auth;

	if (nobody->key)
		claim.peer_key = sign_private_public(nobody->key);
	auth_holds(&claim, auth.data[0],
		(struct slice){auth.data + AUTH_HEADER_LEN, auth.len - AUTH_HEADER_LEN});
}

/* Where it names another one, what AUTH would be without stands beside it (RFC 8784 3). */
static bool auth_is_right(struct examined *e)
{
	struct auth_claim claim = claim_of(e, e->peer->settings);
	const struct slice auth = e->inner.auth;
	struct slice value = {auth.data + AUTH_HEADER_LEN, auth.len - AUTH_HEADER_LEN};
	const struct notify *without = payloads_notify(&e->inner, NO_PPK_AUTH);

	e->ppk = names_ppk(e);
	if (e->ppk &&
		keymat_ppk(&e->keys, (struct slice){claim.settings->ppk, claim.settings->ppk_len}))
		return false;
	if (!e->ppk && payloads_notify(&e->inner, PPK_IDENTITY)) {
		if (!without)
			return false;
		value = without->data;
	}
	return auth_holds(&claim, auth.data[0], value);
}

static bool suite_allowed(const struct examined *e)
{
	const struct allowed *a = &e->peer->settings->ike;
	const struct chosen *c = &e->half->chosen;

	for (size_t i = 0; i < a->n_suites; i++)
		if (a->suites[i].encr == c->encr && a->suites[i].key_bits == c->key_bits)
			return true;
	return false;
}

bool resp_admit(struct examined *e)
{
	const struct payloads *p = &e->inner;

	if (!p->id_i.data || !p->auth.data || p->critical) {
		e->why = "IKE_AUTH without identity or AUTH (EAP is not in this version)";
		return false;
	}
	e->peer = find_peer(e->k, p->id_i);
	if (e->peer)
		device_spend(e->k, p);
	else
		e->peer = device_claim(e->k, p, &e->why);
	if (!e->peer) {
		examine_nobody(e);
		return false;
	}
	if (p->id_r.data && !slice_equal(p->id_r, (struct slice){e->peer->settings->id.body,
							  e->peer->settings->id.len}))
		e->why = "it asks for another identity than our Id";
	else if (!auth_is_right(e))
		e->why = device_hint(e->k, e->peer);
	else if (e->peer->settings->ppk_required && !e->ppk)
		e->why = "it does without the Ppk: compare Ppk and PpkId";
	else if (!suite_allowed(e))
		e->why = "the cipher of the IKE SA is not in its Cipher list";
	else
		e->later = device_admit(e->k, e->peer, p, &e->why) == DEVICE_LATER;
	return !e->why && !e->later;
}

/* Who is not known here has a line in a while. */
static bool may_be_noted(struct keying *k, const struct peer *peer)
{
	uint64_t now = k->host->now_ms(k->host);

	if (peer && !device_is_candidate(k, peer))
		return true;
	if (now < k->strangers_ms)
		return false;
	k->strangers_ms = now + STRANGERS_MS;
	return true;
}

/* octets: of our two answers. */
static void note_refusal(struct keying *k, const struct examined *e, const size_t octets[2])
{
	char name[PEER_NAME_MAX] = "a name that is not plain";
	const struct peer *shown = e->peer;
	const struct settings *template;

	if (!may_be_noted(k, e->peer))
		return;
	if (e->inner.id_i.data)
		settings_identity_text(e->inner.id_i, name);
	template = shown ? NULL : device_template(k, name);
	if (template)
		shown = &k->peers[template - k->settings.list];
	trace_auth_refused(k, &(struct refused_auth){.peer = e->peer,
				      .shown = shown,
				      .half = e->half,
				      .message = e->m,
				      .inner = &e->inner,
				      .why = e->why,
				      .octets = {octets[0], octets[1]}});
	if (e->peer)
		say(k, KEYING_WARN, e->peer, "IKE_AUTH refused: %s", e->why);
	else
		say(k, KEYING_WARN, shown, "IKE_AUTH of \"%s\" refused: %s", name, e->why);
	if (shown) {
		tell(k, "refused", shown, e->why);
		trouble(k, shown, e->why);
	}
}

void resp_reject(struct examined *e)
{
	struct message head = {
		.exchange = IKE_AUTH, .flags = MESSAGE_FLAG_RESPONSE, .id = e->m->id};
	struct keying *k = e->k;
	size_t octets[2] = {resp_write_answer(k, e->half)};
	struct message_writer w;
	struct aead_key key;
	size_t len;

	memcpy(head.spis, e->half->spis, sizeof head.spis);
	message_begin(&w, &head, true, k->scratch, SCRATCH_LEN);
	payload_add_notify(&w.payloads, AUTHENTICATION_FAILED, (struct slice){NULL, 0});
	aead_key_init(&key, k->pool, e->keys.suite, e->keys.sk_e[SIDE_R]);
	len = message_end(&w, &key, e->half->next_iv++);
	aead_key_fini(&key);
	if (len)
		send_octets(k, e->way, (struct slice){k->scratch, len});
	octets[1] = len;
	note_refusal(k, e, octets);
	if (++e->half->attempts >= HALF_ATTEMPTS)
		half_drop(k->half, e->half);
}
