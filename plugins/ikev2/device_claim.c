/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks in IKE_AUTH where the file does not name it: what it has to prove, and what it costs
 * whoever is nobody (ikev2.md 6, trust.md 4.3). */
#include "ikev2/device.h"

#include "crypto/secret.h"
#include "ikev2/fingerprint.h"
#include "ikev2/payload_cert.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { NOBODY_PSK, NOBODY_KEY };

int device_make_nobody(struct keying *k, const struct settings_list *settings)
{
	struct settings *nobody = k->devices->nobody;
	uint8_t psk[ENROL_PSK_LEN];

	k->host->random(k->host, k->devices->nobodys_master, sizeof k->devices->nobodys_master);
	memset(nobody, 0, sizeof k->devices->nobody);
	k->host->random(k->host, psk, sizeof psk);
	for (size_t i = 0; i < settings->n; i++)
		if (settings->list[i].key && !nobody[NOBODY_KEY].key)
			nobody[NOBODY_KEY].key = settings->list[i].key;
	return settings_set_psk(&nobody[NOBODY_PSK], (struct slice){psk, sizeof psk});
}

const struct settings *device_nobody(const struct keying *k, const struct payloads *p)
{
	bool by_key = p->auth.data[0] != AUTH_SHARED_KEY;
	const struct settings *nobody = &k->devices->nobody[by_key ? NOBODY_KEY : NOBODY_PSK];

	return by_key && !nobody->key ? &k->devices->nobody[NOBODY_PSK] : nobody;
}

static int nobodys_psk(const struct keying *k, struct slice id, uint8_t psk[ENROL_PSK_LEN])
{
	const uint8_t *master = k->devices->nobodys_master;
	const struct slice name = {id.data + ID_HEADER_LEN, id.len - ID_HEADER_LEN};

	if (!k->settings.master_len)
		return -ENOKEY;
	return enrol_psk((struct slice){master, ENROL_MASTER_MIN}, name, 0, psk);
}

/* The template's settings in the name of this identity; credentials follow. */
static void become(struct device *c, const struct settings *template, const char *name)
{
	secret_wipe(c, sizeof *c);
	c->settings = *template;
	c->settings.template = false;
	c->settings.key = NULL;
	c->settings.peer_id_named = true;
	strcpy(c->settings.core.name, name);
	settings_identity(name, &c->settings.peer_id);
	c->peer.settings = &c->settings;
	c->template_policy = template->core.policy;
}

/* Who comes with a key costs its signature only. */
void device_spend(struct keying *k, const struct payloads *p)
{
	uint8_t psk[ENROL_PSK_LEN];

	if (p->auth.data[0] == AUTH_SHARED_KEY && !nobodys_psk(k, p->id_i, psk))
		settings_set_psk(&k->devices->nobody[NOBODY_PSK], (struct slice){psk, sizeof psk});
	secret_wipe(psk, sizeof psk);
}

/* The adopted one before the derived one. */
static const char *take_psk(struct keying *k, struct device *c, const struct known *known)
{
	const char *name = c->settings.core.name;
	const struct slice master = {k->settings.master, k->settings.master_len};
	const struct slice id = {(const uint8_t *)name, strlen(name)};
	uint32_t generation = known ? known->facts.generation : 0;
	uint8_t psk[ENROL_PSK_LEN];
	int r;

	if (known && known->facts.pinned)
		return "a key is pinned for it, and it comes with a PSK";
	if (known && known->facts.psk_len) {
		c->kind = DEVICE_ADOPTED;
		r = settings_set_psk(
			&c->settings, (struct slice){known->facts.psk, known->facts.psk_len});
		nobodys_psk(
			k, (struct slice){c->settings.peer_id.body, c->settings.peer_id.len}, psk);
	} else if (!master.len) {
		return "no PSK was adopted for it, and there is no Master in [Interface]";
	} else {
		c->kind = DEVICE_DERIVED;
		r = enrol_psk(master, id, generation, psk);
		if (!r)
			r = settings_set_psk(&c->settings, (struct slice){psk, sizeof psk});
		secret_wipe(psk, sizeof psk);
	}
	return r ? strerror(-r) : NULL;
}

/* What is compared comes before what is computed. */
static const char *judge_key(struct keying *k, struct device *c, const struct known *known)
{
	char text[FINGERPRINT_TEXT];
	bool pinned = known && known->facts.pinned;

	if (pinned && !memcmp(c->fingerprint, known->facts.fingerprint, sizeof c->fingerprint))
		return NULL;
	c->first = first_is_open(k) &&
		   (!known || (!pinned && !known->facts.psk_len && !known->facts.revoked));
	c->first = c->first || first_is_rival(k, c->settings.core.name, c->fingerprint);
	if (c->first)
		return NULL;
	fingerprint_print(c->fingerprint, text);
	snprintf(k->devices->why, sizeof k->devices->why, "%s: %s",
		pinned                          ? "it has another key than the pinned one"
		: known && known->facts.revoked ? "it is revoked; dietvpn adopt lets it in again"
						: "nobody has adopted its key",
		text);
	return k->devices->why;
}

static const char *take_key(struct keying *k, struct device *c, const struct known *known,
	const struct settings *template, const struct payloads *p)
{
	const struct slice spki = payloads_raw_key(p);
	const char *why;

	c->kind = DEVICE_PINNED;
	if (!template->key)
		return "it comes with a key, and its template has no Key to answer with";
	if (!spki.data)
		return "it comes with a key and sends no CERT with it";
	hash_sha256(spki, c->fingerprint);
	why = judge_key(k, c, known);
	if (why)
		return why;
	if (sign_public_from_spki(spki, &c->key))
		return "its CERT is no key that we read";
	c->settings.key = template->key;
	c->settings.peer_key = &c->key;
	return NULL;
}

/* One that is there already has what it is known by; a rival of its key has to be seen
 * nevertheless. */
static struct device *standing(const struct keying *k, const char *name, const struct payloads *p)
{
	struct device *device = device_find(k, name);
	const struct slice spki = payloads_raw_key(p);
	uint8_t fingerprint[SIGN_FINGERPRINT_LEN];

	if (!device || !spki.data || device->kind != DEVICE_PINNED)
		return device;
	hash_sha256(spki, fingerprint);
	return first_is_rival(k, name, fingerprint) ? NULL : device;
}

struct peer *device_claim(struct keying *k, const struct payloads *p, const char **why)
{
	struct device *c = k->devices->candidate;
	const struct settings *template;
	const struct known *known;
	struct device *device;
	char name[PEER_NAME_MAX];

	*why = "AUTHENTICATION_FAILED: unknown identity, no PeerId is equal to it";
	template = settings_identity_text(p->id_i, name) ? device_template(k, name) : NULL;
	device = template ? standing(k, name, p) : NULL;
	if (!template || device)
		device_spend(k, p);
	if (!template) {
		become(c, &k->devices->nobody[NOBODY_PSK], "nobody");
		return NULL;
	}
	if (device) {
		*why = NULL;
		return &device->peer;
	}
	if (known_load(&k->known)) {
		device_spend(k, p);
		*why = "the state store cannot be read, so who was revoked is not known";
		return NULL;
	}
	known = known_find(&k->known, KNOWN_DEVICE, name);
	become(c, template, name);
	*why = p->auth.data[0] == AUTH_SHARED_KEY ? take_psk(k, c, known)
						  : take_key(k, c, known, template, p);
	if (*why)
		device_spend(k, p);
	return *why ? NULL : &c->peer;
}

const char *device_hint(const struct keying *k, const struct peer *peer)
{
	const struct known *known =
		device_of(k, peer) ? known_find(&k->known, KNOWN_DEVICE, peer->settings->core.name)
				   : NULL;

	return known && known->facts.revoked
		       ? "AUTHENTICATION_FAILED: it is revoked, and what it has is of before: "
			 "dietvpn enroll makes it a new one"
		       : settings_auth_hint(peer->settings);
}
