/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that the file does not name: who they claim to be, what they have to prove, and the peer
 * that they are from then on (ikev2.md 6, trust.md 4.3). */
#include "ikev2/device.h"

#include "base/glob.h"
#include "crypto/secret.h"
#include "crypto/sign_private.h"
#include "ikev2/fingerprint.h"
#include "ikev2/payload_cert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOBODY_PSK, NOBODY_KEY };

static bool name_equal(const void *value, const void *key)
{
	return !strcmp(((const struct device *)value)->settings.core.name, key);
}

/* Strangers choose the names that are looked for. */
static uint64_t name_hash(const struct keying *k, const char *name)
{
	return hash_short(k->table_key, name, strlen(name));
}

/* A PSK that nobody has, and our own key in the place of somebody's. */
static int make_nobody(struct keying *k, const struct settings_list *settings)
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

int devices_create(struct keying *k)
{
	struct device_table *table = calloc(1, sizeof *table);

	if (!table)
		return -ENOMEM;
	k->devices = table;
	list_init(&table->all);
	map_init(&table->by_name, name_equal);
	table->candidate = calloc(1, sizeof *table->candidate);
	return table->candidate && !make_nobody(k, &k->settings) ? 0 : -ENOMEM;
}

static void release(struct keying *k, struct device *device)
{
	map_remove(&k->devices->by_name, name_hash(k, device->settings.core.name),
		device->settings.core.name);
	list_remove(&device->link);
	secret_wipe(device, sizeof *device);
	free(device);
}

void devices_destroy(struct keying *k)
{
	struct device_table *table = k->devices;

	if (!table)
		return;
	list_each_safe (node, &table->all)
		release(k, container_of(node, struct device, link));
	map_fini(&table->by_name);
	if (table->candidate)
		secret_wipe(table->candidate, sizeof *table->candidate);
	free(table->candidate);
	secret_wipe(table, sizeof *table);
	free(table);
	k->devices = NULL;
}

struct device *device_find(const struct keying *k, const char *name)
{
	return map_find(&k->devices->by_name, name_hash(k, name), name);
}

struct device *device_by_policy(const struct keying *k, uint32_t policy)
{
	list_each (node, &k->devices->all) {
		struct device *device = container_of(node, struct device, link);

		if (device->settings.core.policy == policy)
			return device;
	}
	return NULL;
}

struct device *device_of(const struct keying *k, const struct peer *peer)
{
	return peer == &k->devices->candidate->peer ? k->devices->candidate
						    : device_find(k, peer->settings->core.name);
}

bool device_is_candidate(const struct keying *k, const struct peer *peer)
{
	return peer == &k->devices->candidate->peer;
}

const struct settings *device_template(const struct keying *k, const char *name)
{
	for (size_t i = 0; i < k->settings.n; i++) {
		const struct settings *s = &k->settings.list[i];

		if (s->template && glob_match(s->core.name, name))
			return s;
	}
	return NULL;
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
		*why = "the state store cannot be read, so who was revoked is not known";
		return NULL;
	}
	known = known_find(&k->known, KNOWN_DEVICE, name);
	become(c, template, name);
	*why = p->auth.data[0] == AUTH_SHARED_KEY ? take_psk(k, c, known)
						  : take_key(k, c, known, template, p);
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

/* Whoever has been silent longest makes room, where it has no SA. */
static bool make_room(struct keying *k)
{
	struct device *idle = NULL;

	list_each (node, &k->devices->all) {
		struct device *device = container_of(node, struct device, link);

		if (!device->peer.sa && (!idle || device->seen_ms < idle->seen_ms))
			idle = device;
	}
	if (idle)
		device_drop(k, idle);
	return idle;
}

static const char *add_error(int error)
{
	switch (error) {
	case -EEXIST:
		return "another peer has its name";
	case -ENOSPC:
		return "too many peers: no room for it";
	case -ERANGE:
		return "its selectors are not within its template's";
	default:
		return strerror(-error);
	}
}

static int add_policy(struct keying *k, struct device *c)
{
	const struct keying_host *host = k->host;
	const struct selectors *remote = &c->settings.core.remote_ts;
	uint32_t policy;
	int r;

	do
		r = host->peer_add(host, c->template_policy, c->settings.core.name, remote->list,
			remote->n, &policy);
	while (r == -ENOSPC && make_room(k));
	if (!r)
		c->settings.core.policy = policy;
	return r;
}

/* The candidate becomes a device, another one takes its place. */
static int enter(struct keying *k)
{
	struct device_table *table = k->devices;
	struct device *c = table->candidate;
	struct device *next = calloc(1, sizeof *next);
	int r = next ? map_add(&table->by_name, name_hash(k, c->settings.core.name), c) : -ENOMEM;

	if (r) {
		free(next);
		return r;
	}
	list_append(&table->all, &c->link);
	table->candidate = next;
	return 0;
}

enum device_verdict device_admit(
	struct keying *k, struct peer *peer, const struct payloads *p, const char **why)
{
	struct device *c = device_of(k, peer);
	const struct settings *template;
	struct selectors wish = {0};
	struct ip_addr addr;
	bool all;
	int r;

	if (c)
		c->seen_ms = k->host->now_ms(k->host);
	if (!c || c != k->devices->candidate)
		return DEVICE_IN;
	if (c->first)
		return first_seen(k, c, why);
	if (p->ts_i.data)
		payload_ts_parse(p->ts_i, &wish, &all);
	template = device_template(k, c->settings.core.name);
	r = device_address(k, template, c->settings.core.name, &wish, &addr);
	if (r) {
		*why = "every address of its template is another's";
		return DEVICE_OUT;
	}
	device_selectors(template, &addr, &c->settings.core.remote_ts);
	c->settings.fixed[addr.family == 4 ? INNER_IPV4 : INNER_IPV6] = addr;
	r = add_policy(k, c);
	if (!r) {
		r = enter(k);
		if (r)
			k->host->peer_remove(k->host, c->settings.core.policy);
	}
	*why = r ? add_error(r) : NULL;
	return r ? DEVICE_OUT : DEVICE_IN;
}

void device_drop(struct keying *k, struct device *device)
{
	list_each_safe (node, &k->all) {
		struct ike_sa *sa = container_of(node, struct ike_sa, link);

		if (sa->peer == &device->peer)
			ike_sa_part(sa);
	}
	k->host->peer_remove(k->host, device->settings.core.policy);
	release(k, device);
}

static const struct settings *same_template(
	const struct keying *k, const struct settings_list *now, uint32_t policy)
{
	const struct settings *was = NULL;

	for (size_t i = 0; i < k->settings.n; i++)
		if (k->settings.list[i].core.policy == policy)
			was = &k->settings.list[i];
	for (size_t i = 0; was && i < now->n; i++)
		if (now->list[i].core.policy == policy)
			return settings_equal(&now->list[i], was) ? &now->list[i] : NULL;
	return NULL;
}

static bool same_master(const struct settings_list *a, const struct settings_list *b)
{
	return a->master_len == b->master_len &&
	       secret_equal_bytes(a->master, b->master, sizeof a->master);
}

/* A [Peer] of its own has come for it, or for its address. */
static bool is_replaced(const struct device *device, const struct settings_list *now)
{
	const struct settings *d = &device->settings;

	for (size_t i = 0; i < now->n; i++) {
		const struct settings *s = &now->list[i];

		if (s->template)
			continue;
		if (!strcmp(s->core.name, d->core.name) ||
			slice_equal((struct slice){s->peer_id.body, s->peer_id.len},
				(struct slice){d->peer_id.body, d->peer_id.len}) ||
			device_has_address(s, &d->core.remote_ts.list[0].addr_start))
			return true;
	}
	return false;
}

void devices_settle(struct keying *k, const struct settings_list *now)
{
	bool master = same_master(&k->settings, now);

	make_nobody(k, now);
	list_each_safe (node, &k->devices->all) {
		struct device *device = container_of(node, struct device, link);
		const struct settings *template = same_template(k, now, device->template_policy);

		if (!template || is_replaced(device, now) ||
			(device->kind == DEVICE_DERIVED && !master))
			device_drop(k, device);
		else if (device->settings.key)
			device->settings.key = template->key;
	}
}
