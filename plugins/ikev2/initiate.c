/* SPDX-License-Identifier: Apache-2.0 */
/* How an initiator begins, and begins again (RFC 7296 2.4). */
#include "ikev2/ikev2.h"
#include "ikev2/imprint.h"

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
	return r ? r : ask_init(sa);
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
	if (imprint_is_over(k, peer))
		return -ETIME;
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
