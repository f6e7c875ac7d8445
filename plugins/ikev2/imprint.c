/* SPDX-License-Identifier: Apache-2.0 */
/* The device's side: BLANK, it believes the first gateway whose AUTH holds with the key of its
 * CERT; IMPRINTED, only that one (ikev2.md 6, RFC 7815 B.2). */
#include "ikev2/imprint.h"

#include "crypto/secret.h"
#include "crypto/sign_private.h"
#include "ikev2/fingerprint.h"
#include "ikev2/payload_cert.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct known *remembered(const struct keying *k, const struct peer *peer)
{
	return known_find(&k->known, KNOWN_GATEWAY, peer->settings->core.name);
}

static bool is_pinned(const struct known *known)
{
	return known && known->facts.pinned;
}

static bool name_fits(const struct settings *s, const struct known *known, struct slice id)
{
	if (is_pinned(known))
		return slice_equal(id, (struct slice){known->facts.id.body, known->facts.id.len});
	return (!s->peer_id_named && id.len <= sizeof s->peer_id.body) ||
	       slice_equal(id, (struct slice){s->peer_id.body, s->peer_id.len});
}

/* The fingerprint decides before the key is looked at. */
static const char *judge(
	const struct settings *s, const struct known *known, const struct payloads *p)
{
	const struct slice spki = payloads_raw_key(p);
	uint8_t fingerprint[SIGN_FINGERPRINT_LEN];

	if (known && known->facts.revoked)
		return "Imprint: what is remembered of its key cannot be read: dietvpn adopt "
		       "--reset PEER, if the gateway is the right one";
	if (!name_fits(s, known, p->id_r))
		return is_pinned(known) ? "it is not the gateway that was imprinted: it has "
					  "another identity; dietvpn adopt --reset PEER, if it was "
					  "replaced"
					: "it has another identity than PeerId";
	if (!spki.data)
		return "it sends no CERT with its key: Imprint needs a gateway that has a Key";
	hash_sha256(spki, fingerprint);
	if (is_pinned(known) &&
		!secret_equal_bytes(fingerprint, known->facts.fingerprint, sizeof fingerprint))
		return "it is not the gateway that was imprinted: it has another key; dietvpn "
		       "adopt --reset PEER, if it was replaced";
	return NULL;
}

const char *imprint_key(const struct ike_sa *sa, const struct payloads *p, struct sign_public *key)
{
	const char *why;

	if (known_load(&sa->keying->known))
		return "Imprint: the state store cannot be read, so whose it is, is not known";
	why = judge(sa->peer->settings, remembered(sa->keying, sa->peer), p);
	if (why)
		return why;
	return sign_public_from_spki(payloads_raw_key(p), key) ? "its CERT is no key that we read"
							       : NULL;
}

/* Only one writes at a time, and only one is believed: the first. */
static int pin(struct ike_sa *sa, const struct payloads *p, const struct sign_public *key)
{
	struct keying *k = sa->keying;
	struct known *known = known_need(&k->known, KNOWN_GATEWAY, sa->peer->settings->core.name);
	struct known_facts next = {.pinned = true, .id.len = p->id_r.len};
	int r;

	if (!known)
		return -ENOMEM;
	if (known->token)
		return 0;
	memcpy(next.id.body, p->id_r.data, p->id_r.len);
	sign_public_fingerprint(key, next.fingerprint);
	r = known_write(&k->known, known, KNOWN_IMPRINT, &next);
	if (r)
		known_tidy(&k->known, known);
	return r;
}

bool imprint_is_over(struct keying *k, struct peer *peer)
{
	static const char over[] =
		"Imprint: no gateway was found in ImprintTime: dietvpn adopt --reset "
		"PEER, or a restart, begins it anew";
	uint64_t now = k->host->now_ms(k->host);
	uint64_t time_ms = peer->settings->imprint_s * 1000;

	if (!peer->settings->imprint || !time_ms || known_load(&k->known) ||
		is_pinned(remembered(k, peer)))
		return false;
	if (!peer->blank_ms)
		peer->blank_ms = now;
	if (now - peer->blank_ms < time_ms)
		return false;
	if (!peer->blank_over) {
		say(k, KEYING_WARN, peer, "%s", over);
		trouble(k, peer, over);
	}
	peer->blank_over = true;
	return true;
}

void imprint_contested(struct ike_sa *sa, const struct message *m, const struct payloads *p)
{
	struct known *known = remembered(sa->keying, sa->peer);

	if (!sa->peer->settings->imprint || is_pinned(known) || !p->sa.data || !p->ke.data ||
		!p->nonce.data || slice_equal(m->octets, ike_sa_init_message(sa, SIDE_R)))
		return;
	sa->handshake->contested = true;
	/* imprint_saved takes it back, whatever becomes of this IKE SA until then. */
	if (known && known->token && known->change == KNOWN_IMPRINT)
		known->spoiled = true;
}

/* As if it had not been written: in memory at once, on the disk when that is done. */
static void take_back(struct keying *k, const struct peer *peer, struct known *known)
{
	const struct known_facts nothing = {0};

	known->facts = nothing;
	if (known_write(&k->known, known, KNOWN_RESET, &nothing))
		say(k, KEYING_ERROR, peer,
			"Imprint: that neither is believed cannot be written down: after the next "
			"start one of them is; dietvpn adopt --reset %s",
			known->name);
}

static const char two[] = "Imprint: two gateways have answered: neither is believed";

bool imprint_settle(struct ike_sa *sa, const struct payloads *p, const struct sign_public *key)
{
	int r;

	if (is_pinned(remembered(sa->keying, sa->peer)))
		return true;
	if (sa->handshake->contested) {
		ike_sa_fail(sa, two);
		return false;
	}
	r = pin(sa, p, key);
	if (r) {
		say(sa->keying, KEYING_ERROR, sa->peer, "state store: %s", strerror(-r));
		ike_sa_fail(sa, "Imprint: the key of the gateway cannot be written down");
	}
	return false;
}

static struct peer *peer_of(struct keying *k, const char *name)
{
	for (size_t i = 0; i < k->settings.n; i++)
		if (!strcmp(k->settings.list[i].core.name, name))
			return &k->peers[i];
	return NULL;
}

/* The check is for eyes: the gateway shows the same. */
static void announce(struct keying *k, const struct peer *peer, const struct known *known)
{
	char text[FINGERPRINT_TEXT];
	char pair[FINGERPRINT_PAIR_TEXT];
	uint8_t own[SIGN_FINGERPRINT_LEN];

	sign_public_fingerprint(sign_private_public(peer->settings->key), own);
	fingerprint_print(known->facts.fingerprint, text);
	fingerprint_pair(known->facts.fingerprint, own, pair);
	say(k, KEYING_INFO, peer, "imprinted: from now on its key is %s; check %s", text, pair);
	tell_key(k, "imprinted", peer->settings->core.name,
		&(struct key_news){known->facts.fingerprint, pair});
}

void imprint_introduce(const struct ike_sa *sa)
{
	uint8_t own[SIGN_FINGERPRINT_LEN];
	const struct identity *id = &sa->peer->settings->id;
	char text[FINGERPRINT_TEXT];
	char name[PEER_NAME_MAX] = "NAME";

	sign_public_fingerprint(sign_private_public(sa->peer->settings->key), own);
	fingerprint_print(own, text);
	settings_identity_text((struct slice){id->body, id->len}, name);
	say(sa->keying, KEYING_INFO, sa->peer,
		"on the gateway: dietvpn adopt --fingerprint %s --as %s", text, name);
}

/* What waits for it is asked for again: the gateway repeats its answer. */
void imprint_saved(struct keying *k, struct known *known, int error)
{
	struct peer *peer = peer_of(k, known->name);
	struct ike_sa *sa = peer ? peer->sa : NULL;
	bool spoiled = known->spoiled;

	known->spoiled = false;
	if (!error && spoiled) {
		take_back(k, peer, known);
		if (sa && sa->handshake && sa->handshake->contested)
			ike_sa_fail(sa, two);
		return;
	}
	if (!peer || !peer->settings->imprint)
		return;
	if (!error)
		announce(k, peer, known);
	if (!sa || sa->state != IKE_AUTHING || sa->request.what != ASK_AUTH)
		return;
	if (error)
		ike_sa_fail(sa, "Imprint: the key of the gateway cannot be written down");
	else
		on_request_timeout(sa);
}

int imprint_reset(struct keying *k, struct peer *peer, struct known **out)
{
	struct known *known = known_need(&k->known, KNOWN_GATEWAY, peer->settings->core.name);
	int r;

	if (!known)
		return -ENOMEM;
	r = known_write(&k->known, known, KNOWN_RESET, &(struct known_facts){0});
	*out = known;
	return r;
}
