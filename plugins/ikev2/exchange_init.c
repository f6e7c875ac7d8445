/* SPDX-License-Identifier: Apache-2.0 */
/* The initiator's IKE_SA_INIT: what it offers, cookies and other groups, keys (RFC 7296 1.2, 2.6).
 */
#include "ikev2/auth.h"
#include "ikev2/ikev2.h"
#include "ikev2/imprint.h"

#include "base/wire.h"
#include "crypto/secret.h"

#include <errno.h>
#include <string.h>

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
	/* Not asked for by RFC 6023, but a responder whose answers are no longer than their
	 * questions has room for it. */
	if (s->childless)
		payload_add_notify_ike(&w->payloads, CHILDLESS_IKEV2_SUPPORTED);
	if (s->ppk_len)
		payload_add_notify(&w->payloads, USE_PPK, (struct slice){NULL, 0});
	if (wants_fragments(s))
		payload_add_notify(
			&w->payloads, IKEV2_FRAGMENTATION_SUPPORTED, (struct slice){NULL, 0});
}

int ask_init(struct ike_sa *sa)
{
	struct message_writer w;
	int r;

	put_init(sa, &w);
	r = request_send(sa, &w, (struct request){.what = ASK_INIT});
	if (r)
		return r;
	return ike_sa_keep_init(sa, SIDE_I, (struct slice){sa->request.octets, sa->request.len});
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
	if (ask_init(sa))
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
		if (dh_generate(h->group, h->private_key, h->public_key) || ask_init(sa))
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
	sa->group = h->chosen.group;
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

void on_init_response(struct ike_sa *sa, const struct message *m, const struct way *way)
{
	const struct notify *n;
	struct payloads p;
	int r;

	if (!sa->handshake || m->id ||
		payloads_parse(m->first,
			(struct slice){
				m->octets.data + IKE_HEADER_LEN, m->octets.len - IKE_HEADER_LEN},
			&p))
		return;
	if (sa->state != IKE_INIT) {
		imprint_contested(sa, m, &p);
		return;
	}
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
		r = ask_auth(sa);
	if (r)
		ike_sa_fail(
			sa, r == -EINVAL ? "its key exchange value is not legal" : strerror(-r));
}
