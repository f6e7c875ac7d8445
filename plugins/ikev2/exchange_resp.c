/* SPDX-License-Identifier: Apache-2.0 */
/* The responder's first two exchanges: nothing is computed for IKE_SA_INIT that a cookie would not
 * have paid, no Diffie-Hellman before IKE_AUTH (RFC 7296 1.2, 2.6, trust.md 4.3). */
#include "ikev2/auth.h"
#include "ikev2/device.h"
#include "ikev2/half_open.h"
#include "ikev2/payload_cert.h"

#include "base/wire.h"
#include "crypto/secret.h"
#include "crypto/sign_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	HALF_SWEEP_MS = 5000,
	REFUSAL_MAX = 128,
	KE_GROUP_LEN = 2,
	NOTIFY_LEN = 8,
	CERTREQ_LEN = 5,
	STRANGERS_MS = 10000
};

/* What any of our responders allows; the peer itself is known only in IKE_AUTH. */
static void allowed_of_all(const struct keying *k, struct allowed *out)
{
	static const uint16_t prfs[] = {PRF_HMAC_SHA2_256, PRF_HMAC_SHA2_384, PRF_HMAC_SHA2_512};

	*out = (struct allowed){.protocol = PROTOCOL_IKE, .n_prfs = 3};
	memcpy(out->prfs, prfs, sizeof prfs);
	for (size_t i = 0; i < k->settings.n; i++) {
		const struct settings *s = &k->settings.list[i];

		if (s->core.role != ROLE_INITIATOR)
			settings_add_allowed(out, &s->ike);
	}
}

/* An answer without protection and without state: the question's header, as a response. */
static void refuse(struct keying *k, const struct message *m, const struct way *way, uint16_t type,
	struct slice data)
{
	struct message head = {
		.exchange = m->exchange, .flags = MESSAGE_FLAG_RESPONSE, .id = m->id};
	struct message_writer w;
	uint8_t out[REFUSAL_MAX];
	size_t len;

	if (!(m->flags & MESSAGE_FLAG_INITIATOR))
		head.flags |= MESSAGE_FLAG_INITIATOR;
	memcpy(head.spis, m->spis, sizeof head.spis);
	message_begin(&w, &head, false, out, sizeof out);
	payload_add_notify(&w.payloads, type, data);
	len = message_end(&w, NULL, 0);
	if (len && len <= m->octets.len)
		send_octets(k, way, (struct slice){out, len});
}

static bool refuse_some(struct keying *k, const struct message *m, const struct way *way,
	uint16_t type, struct slice data)
{
	bool may = (size_t)IKE_HEADER_LEN + NOTIFY_LEN + data.len <= m->octets.len &&
		   half_may_refuse(k->half, type == INVALID_KE_PAYLOAD ? NULL : &way->remote.addr);

	if (may)
		refuse(k, m, way, type, data);
	return may;
}

void on_other_version(struct keying *k, const struct message *m, const struct way *way)
{
	if (k->half && !(m->flags & MESSAGE_FLAG_RESPONSE))
		refuse_some(k, m, way, INVALID_MAJOR_VERSION, (struct slice){NULL, 0});
}

/* Who it is that asks is not known yet. */
static uint32_t hashes_of_all(const struct keying *k)
{
	uint32_t hashes = 0;

	for (size_t i = 0; i < k->settings.n; i++)
		if (k->settings.list[i].core.role != ROLE_INITIATOR)
			hashes |= auth_hashes(&k->settings.list[i]);
	return hashes;
}

static bool any_ppk(const struct keying *k)
{
	for (size_t i = 0; i < k->settings.n; i++)
		if (k->settings.list[i].core.role != ROLE_INITIATOR && k->settings.list[i].ppk_len)
			return true;
	return false;
}

/* A device with a key is known by what its CERT carries. */
static bool wants_keys(const struct keying *k)
{
	for (size_t i = 0; i < k->settings.n; i++)
		if (k->settings.list[i].template && k->settings.list[i].key)
			return true;
	return false;
}

/* The same octets whenever it is asked for: nothing in it but what the slot holds. Returns the
 * length, 0 where it does not fit. */
static size_t write_answer(struct keying *k, const struct half *half)
{
	const struct dh_group *group = dh_find(half->chosen.group);
	struct message head = {.exchange = IKE_SA_INIT, .flags = MESSAGE_FLAG_RESPONSE};
	struct message_writer w;

	memcpy(head.spis, half->spis, sizeof head.spis);
	message_begin(&w, &head, false, k->scratch, SCRATCH_LEN);
	payload_sa_answer(&w.payloads, PROTOCOL_IKE, &half->chosen, (struct slice){NULL, 0});
	payload_add_ke(&w.payloads, group->id, (struct slice){half->public_key, group->public_len});
	payload_add(&w.payloads, PAYLOAD_NONCE, (struct slice){half->nonce_r, half->nonce_r_len});
	if (half->nat_asked)
		nat_add(k, &w.payloads, half->spis, &half->way, false);
	if (half->ppk)
		payload_add_notify(&w.payloads, USE_PPK, (struct slice){NULL, 0});
	payload_add_notify_ike(&w.payloads, CHILDLESS_IKEV2_SUPPORTED);
	if (half->hashes_asked)
		auth_add_hashes(&w.payloads, hashes_of_all(k));
	if (wants_keys(k) &&
		IKE_HEADER_LEN + w.payloads.len + CERTREQ_LEN + NOTIFY_LEN <= half->init_len)
		payload_add_raw_key_request(&w.payloads);
	if (half->fragments)
		payload_add_notify(
			&w.payloads, IKEV2_FRAGMENTATION_SUPPORTED, (struct slice){NULL, 0});
	return message_end(&w, NULL, 0);
}

static void answer(struct keying *k, const struct half *half, const struct way *way)
{
	size_t len = write_answer(k, half);

	if (len)
		send_octets(k, way, (struct slice){k->scratch, len});
}

/* true: go on. Else a cookie was asked for. */
static bool cookie_paid(
	struct keying *k, const struct message *m, const struct way *way, const struct payloads *p)
{
	uint8_t cookie[HALF_COOKIE_LEN];

	if (!half_wants_cookie(k->half, &way->remote.addr))
		return true;
	if (p->cookie &&
		half_cookie_holds(k->half, m, p->nonce, &way->remote.addr, p->notify[0].data))
		return true;
	half_cookie(k->half, m, p->nonce, &way->remote.addr, cookie);
	refuse(k, m, way, COOKIE, (struct slice){cookie, sizeof cookie});
	return false;
}

static bool choose(struct keying *k, const struct message *m, const struct way *way,
	const struct payloads *p, struct chosen *chosen)
{
	struct allowed allowed;
	uint8_t group[KE_GROUP_LEN];
	uint16_t offered = get_be16(p->ke.data);

	allowed_of_all(k, &allowed);
	if (payload_sa_choose(p->sa, &allowed, offered, chosen)) {
		trace_stranger(k, m, way, p,
			refuse_some(k, m, way, NO_PROPOSAL_CHOSEN, (struct slice){NULL, 0}));
		return false;
	}
	if (chosen->group == offered)
		return p->ke.len == (size_t)KE_HEADER_LEN + dh_find(offered)->public_len;
	put_be16(group, chosen->group);
	refuse_some(k, m, way, INVALID_KE_PAYLOAD, (struct slice){group, sizeof group});
	return false;
}

static int fill(
	struct keying *k, struct half *half, const struct chosen *chosen, const struct payloads *p)
{
	const struct prf *prf = prf_find(chosen->prf);
	const struct dh_group *group = dh_find(chosen->group);

	half->chosen = *chosen;
	half->chosen.spi_len = 0;
	half->nat_asked = payloads_notify(p, NAT_DETECTION_SOURCE_IP);
	half->hashes_asked = payloads_notify(p, SIGNATURE_HASH_ALGORITHMS);
	half->ppk = payloads_notify(p, USE_PPK) && any_ppk(k);
	half->fragments = payloads_notify(p, IKEV2_FRAGMENTATION_SUPPORTED);
	half->nonce_r_len = prf->len / 2 > NONCE_MIN ? prf->len / 2 : NONCE_MIN;
	k->host->random(k->host, half->nonce_r, half->nonce_r_len);
	return half_generate(k->half, half, group);
}

void on_init_request(struct keying *k, const struct message *m, const struct way *way)
{
	const struct slice chain = {
		m->octets.data + IKE_HEADER_LEN, m->octets.len - IKE_HEADER_LEN};
	struct half *half = k->half ? half_find_init(k->half, m->octets) : NULL;
	struct payloads p;
	struct chosen chosen;

	if (half) {
		answer(k, half, way);
		return;
	}
	if (!k->half || m->id || payloads_parse(m->first, chain, &p))
		return;
	if (p.critical) {
		refuse_some(
			k, m, way, UNSUPPORTED_CRITICAL_PAYLOAD, (struct slice){&p.critical, 1});
		return;
	}
	if (!p.sa.data || !p.ke.data || !p.nonce.data || p.sk_type)
		return;
	if (!cookie_paid(k, m, way, &p) || !choose(k, m, way, &p, &chosen))
		return;
	if (!half_open_count(k->half))
		timer_start(k, 0, TIMER_HALF, HALF_SWEEP_MS);
	half = half_add(k->half, m->spis, way, m->octets);
	if (!half)
		return;
	if (fill(k, half, &chosen, &p)) {
		half_drop(k->half, half);
		return;
	}
	answer(k, half, way);
}

/* The slot's private key becomes what is shared: it is computed once, however often IKE_AUTH
 * fails. */
static int compute(struct keying *k, struct half *half, const struct payloads *init)
{
	const struct dh_group *group = dh_find(half->chosen.group);
	const struct slice theirs = {init->ke.data + KE_HEADER_LEN, init->ke.len - KE_HEADER_LEN};
	uint8_t shared[DH_SHARED_MAX];
	int r;

	if (half->dh_done)
		return 0;
	if (!half_may_compute(k->half, half))
		return -EAGAIN;
	r = dh_compute(group, half->secret, theirs, shared);
	memcpy(half->secret, shared, sizeof half->secret);
	secret_wipe(shared, sizeof shared);
	half->dh_done = !r;
	return r;
}

static int derive(const struct half *half, struct slice ni, struct ike_keys *keys)
{
	const struct nonces n = {ni, {half->nonce_r, half->nonce_r_len}};
	const struct dh_group *group = dh_find(half->chosen.group);

	keys->prf = prf_find(half->chosen.prf);
	keys->suite = keymat_suite(half->chosen.encr, half->chosen.key_bits);
	return keymat_ike(keys, (struct slice){half->secret, group->shared_len}, &n, half->spis);
}

/* One IKE_AUTH under examination. */
struct examined {
	struct keying *k;
	struct half *half;
	const struct message *m;
	const struct way *way;
	struct payloads init, outer, inner;
	struct ike_keys keys;
	struct peer *peer;
	bool ppk;        /* keys are mixed with the post-quantum key */
	bool later;      /* not answered now: it will ask again */
	const char *why; /* it is refused */
};

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

/* On the wire all of these look alike. */
static bool admit(struct examined *e)
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

static void reject(struct examined *e)
{
	struct message head = {
		.exchange = IKE_AUTH, .flags = MESSAGE_FLAG_RESPONSE, .id = e->m->id};
	struct keying *k = e->k;
	size_t octets[2] = {write_answer(k, e->half)};
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

/* The slot becomes an IKE SA; its IV goes on where refusals left it. */
static struct ike_sa *promote(struct examined *e)
{
	const struct half *half = e->half;
	struct ike_sa *sa = ike_sa_create(e->k, e->peer, SIDE_R);
	struct handshake *h;
	size_t len = write_answer(e->k, half);

	if (!sa)
		return NULL;
	h = sa->handshake;
	memcpy(sa->spis, half->spis, sizeof sa->spis);
	sa->keys = e->keys;
	sa->way = *e->way;
	sa->state = IKE_AUTHING;
	sa->next_iv = half->next_iv;
	sa->next_expected = 1;
	sa->fragments = half->fragments;
	h->chosen = half->chosen;
	memcpy(h->nonce[SIDE_I], e->init.nonce.data, e->init.nonce.len);
	h->nonce_len[SIDE_I] = e->init.nonce.len;
	memcpy(h->nonce[SIDE_R], half->nonce_r, half->nonce_r_len);
	h->nonce_len[SIDE_R] = half->nonce_r_len;
	h->nat = e->way->socket == ON_NAT;
	h->ppk = e->ppk;
	h->cert_asked = e->inner.certreq_raw;
	h->peer_hashes = auth_read_hashes(&e->init);
	trace_begin(sa, half->init_len, len, e->m->octets.len);
	if (!len || ike_sa_keep_init(sa, SIDE_R, (struct slice){e->k->scratch, len}) ||
		ike_sa_enter(sa)) {
		ike_sa_destroy(sa);
		return NULL;
	}
	ike_sa_set_keys(sa);
	return sa;
}

static int put_auth(struct ike_sa *sa, struct payload_writer *w)
{
	const struct settings *s = sa->peer->settings;
	const struct auth_claim claim = {.settings = s,
		.keys = &sa->keys,
		.side = SIDE_R,
		.message = ike_sa_init_message(sa, SIDE_R),
		.nonce = ike_sa_nonce(sa, SIDE_I),
		.id = {s->id.body, s->id.len}};

	payload_add(w, PAYLOAD_IDR, claim.id);
	if (sa->handshake->cert_asked && s->key)
		payload_add_raw_key(w, auth_own_key(s));
	if (sa->handshake->ppk)
		payload_add_notify(w, PPK_IDENTITY, (struct slice){NULL, 0});
	return auth_add(&claim, sa->handshake->peer_hashes, w);
}

static void grant(struct examined *e)
{
	struct ike_sa *sa = promote(e);
	struct message_writer w;
	uint16_t error;

	if (!sa)
		return;
	exchange_begin(sa, &w, IKE_AUTH, true);
	if (put_auth(sa, &w.payloads)) {
		say(e->k, KEYING_WARN, e->peer,
			"our Key has no signature that it reads: no IKE SA");
		ike_sa_destroy(sa);
		return;
	}
	error = inner_answer(sa, &e->inner, &w.payloads);
	if (error)
		payload_add_notify(&w.payloads, error, (struct slice){NULL, 0});
	else
		child_answer(sa, &e->inner, &w.payloads);
	trace_up(sa, &e->inner, ike_sa_first_child(sa));
	response_send(sa, &w, e->m, e->way);
	half_drop(e->k->half, e->half);
	half_learn(e->k->half, &e->way->remote.addr);
	sa->dietvpn = e->inner.vendor_ours;
	ike_sa_up(sa, payloads_notify(&e->inner, INITIAL_CONTACT));
}

/* Nothing is computed for a fragment that is there already. */
static bool worth_opening(struct examined *e)
{
	const struct slice chain = {
		e->m->octets.data + IKE_HEADER_LEN, e->m->octets.len - IKE_HEADER_LEN};

	return !payloads_parse(e->m->first, chain, &e->outer) &&
	       !fragment_check(e->half->assembly, e->m, &e->outer);
}

static bool open_it(struct examined *e)
{
	struct aead_key key;
	struct fragment f = {.message = e->m, .outer = &e->outer, .key = &key};
	struct opened opened;
	int r;

	aead_key_init(&key, e->k->pool, e->keys.suite, e->keys.sk_e[SIDE_I]);
	r = open_message(e->k, &e->k->strangers, &e->half->assembly, &f, &opened);
	aead_key_fini(&key);
	if (r == -EBADMSG && ++e->half->attempts >= HALF_ATTEMPTS)
		half_drop(e->k->half, e->half);
	return !r &&
	       !payloads_parse(opened.first, (struct slice){e->k->plain, opened.len}, &e->inner);
}

void on_auth_request(struct keying *k, const struct message *m, const struct way *way)
{
	struct examined e = {.k = k, .m = m, .way = way};
	struct slice init;

	e.half = k->half ? half_find(k->half, m->spis + IKE_SPI_LEN) : NULL;
	if (!e.half || m->id != 1 || memcmp(e.half->spis, m->spis, IKE_SPI_LEN) != 0)
		return;
	init = half_init(k->half, e.half);
	if (payloads_parse(init.data[16],
		    (struct slice){init.data + IKE_HEADER_LEN, init.len - IKE_HEADER_LEN}, &e.init))
		return;
	if (worth_opening(&e) && !compute(k, e.half, &e.init) &&
		!derive(e.half, e.init.nonce, &e.keys) && open_it(&e)) {
		if (admit(&e))
			grant(&e);
		else if (!e.later)
			reject(&e);
	}
	secret_wipe(&e.keys, sizeof e.keys);
}
