/* SPDX-License-Identifier: Apache-2.0 */
/* The responder's IKE_AUTH: no Diffie-Hellman before it, and an IKE SA only behind an AUTH that
 * holds (RFC 7296 1.2, trust.md 4.3). */
#include "ikev2/exchange_resp.h"
#include "ikev2/auth.h"
#include "ikev2/payload_cert.h"

#include "crypto/secret.h"

#include <errno.h>
#include <string.h>

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

/* The slot becomes an IKE SA; its IV goes on where refusals left it. */
static struct ike_sa *promote(struct examined *e)
{
	const struct half *half = e->half;
	struct ike_sa *sa;
	struct handshake *h;
	size_t len = resp_write_answer(e->k, half);

	ike_sa_make_room(e->k, e->peer, NULL);
	sa = ike_sa_create(e->k, e->peer, SIDE_R);
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
	sa->group = half->chosen.group;
	sa->follows = true;
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
	if (!r)
		r = payloads_parse(
			opened.first, (struct slice){e->k->plain, opened.len}, &e->inner);
	if (r == -EBADMSG && ++e->half->attempts >= HALF_ATTEMPTS)
		half_drop(e->k->half, e->half);
	return !r;
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
		if (resp_admit(&e))
			grant(&e);
		else if (!e.later)
			resp_reject(&e);
	}
	secret_wipe(&e.keys, sizeof e.keys);
}
