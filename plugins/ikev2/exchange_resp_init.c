/* SPDX-License-Identifier: Apache-2.0 */
/* The responder's IKE_SA_INIT: nothing is computed for it that a cookie would not have paid (RFC
 * 7296 1.2, 2.6). */
#include "ikev2/auth.h"
#include "ikev2/exchange_resp.h"
#include "ikev2/half_open.h"
#include "ikev2/payload_cert.h"

#include "base/wire.h"

#include <errno.h>
#include <string.h>

enum {
	HALF_SWEEP_MS = 5000,
	REFUSAL_MAX = 128,
	KE_GROUP_LEN = 2,
	NOTIFY_LEN = 8,
	NAT_LEN = NOTIFY_LEN + HASH_SHA1_LEN,
	CERTREQ_LEN = 5,
	HASH_LEN = 2, /* of one in SIGNATURE_HASH_ALGORITHMS */
	HASH_BITS = 32,
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

/* SA, KE and Nr: without them it is no answer. */
static void begin_answer(struct keying *k, const struct half *half, struct message_writer *w)
{
	const struct dh_group *group = dh_find(half->chosen.group);
	struct message head = {.exchange = IKE_SA_INIT, .flags = MESSAGE_FLAG_RESPONSE};

	memcpy(head.spis, half->spis, sizeof head.spis);
	message_begin(w, &head, false, k->scratch, SCRATCH_LEN);
	payload_sa_answer(&w->payloads, PROTOCOL_IKE, &half->chosen, (struct slice){NULL, 0});
	payload_add_ke(
		&w->payloads, group->id, (struct slice){half->public_key, group->public_len});
	payload_add(&w->payloads, PAYLOAD_NONCE, (struct slice){half->nonce_r, half->nonce_r_len});
}

size_t resp_write_answer(struct keying *k, const struct half *half)
{
	struct message_writer w;

	begin_answer(k, half, &w);
	if (half->nat)
		nat_add(k, &w.payloads, half->spis, &half->way, false);
	if (half->ppk)
		payload_add_notify(&w.payloads, USE_PPK, (struct slice){NULL, 0});
	if (half->childless)
		payload_add_notify_ike(&w.payloads, CHILDLESS_IKEV2_SUPPORTED);
	auth_add_hashes(&w.payloads, half->hashes);
	if (half->key_request)
		payload_add_raw_key_request(&w.payloads);
	if (half->fragments)
		payload_add_notify(
			&w.payloads, IKEV2_FRAGMENTATION_SUPPORTED, (struct slice){NULL, 0});
	return message_end(&w, NULL, 0);
}

static bool take(size_t *room, bool wanted, size_t len)
{
	if (!wanted || len > *room)
		return false;
	*room -= len;
	return true;
}

/* As many as there is room for, those that the peer lists itself before others. */
static uint32_t take_hashes(size_t *room, uint32_t ours, uint32_t theirs)
{
	const uint32_t order[] = {ours & theirs, ours & ~theirs};
	size_t left = *room > NOTIFY_LEN ? *room - NOTIFY_LEN : 0;
	uint32_t taken = 0;

	for (size_t i = 0; i < 2; i++)
		for (unsigned hash = 0; hash < HASH_BITS; hash++)
			if (take(&left, order[i] >> hash & 1, HASH_LEN))
				taken |= (uint32_t)1 << hash;
	if (taken)
		*room = left;
	return taken;
}

/*
 * The answer is no longer than its question, whatever both ends can do. What the peer has said
 * costs what it paid for and comes first; then which hashes we read, then what nobody asked for:
 * that we want its key, that it may come without a child. false: not even SA, KE and Nr fit.
 */
static bool plan_answer(struct keying *k, struct half *half, const struct payloads *p)
{
	struct message_writer w;
	bool childless = payloads_notify(p, CHILDLESS_IKEV2_SUPPORTED);
	bool nat = payloads_notify(p, NAT_DETECTION_SOURCE_IP) &&
		   payloads_notify(p, NAT_DETECTION_DESTINATION_IP);
	size_t room = half->init_len;
	size_t len;

	begin_answer(k, half, &w);
	len = message_end(&w, NULL, 0);
	if (!take(&room, len, len))
		return false;
	half->nat = take(&room, nat, (size_t)2 * NAT_LEN);
	half->ppk = take(&room, payloads_notify(p, USE_PPK) && any_ppk(k), NOTIFY_LEN);
	half->childless = take(&room, childless, NOTIFY_LEN);
	half->fragments =
		take(&room, payloads_notify(p, IKEV2_FRAGMENTATION_SUPPORTED), NOTIFY_LEN);
	half->hashes = 0;
	if (payloads_notify(p, SIGNATURE_HASH_ALGORITHMS))
		half->hashes = take_hashes(&room, hashes_of_all(k), auth_read_hashes(p));
	half->key_request = take(&room, wants_keys(k), CERTREQ_LEN);
	half->childless = half->childless || take(&room, true, NOTIFY_LEN);
	return true;
}

static void answer(struct keying *k, const struct half *half, const struct way *way)
{
	size_t len = resp_write_answer(k, half);

	if (len && len <= half->init_len)
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

static int fill(struct keying *k, struct half *half, const struct chosen *chosen)
{
	const struct prf *prf = prf_find(chosen->prf);
	const struct dh_group *group = dh_find(chosen->group);

	half->chosen = *chosen;
	half->chosen.spi_len = 0;
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
	if (fill(k, half, &chosen)) {
		half_drop(k->half, half);
	} else if (!plan_answer(k, half, &p)) {
		/* its nonce is shorter than this PRF lets it be (RFC 7296 2.10) */
		half_drop(k->half, half);
		refuse_some(k, m, way, NO_PROPOSAL_CHOSEN, (struct slice){NULL, 0});
	} else {
		answer(k, half, way);
	}
}
