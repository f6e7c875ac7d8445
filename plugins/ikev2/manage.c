/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator asks about peers by name: enrol, adopt, revoke, reset, list
 * (conf/schema/keying.cddl). What changes a row is answered when it is on disk. */
#include "ikev2/manage.h"

#include "crypto/secret.h"
#include "ikev2/imprint.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 240, WINDOW_S_MIN = 5, WINDOW_S_MAX = 3600, ADOPT_PSK_MIN = 16 };

void manage_refuse(const struct keying *k, uint32_t request, int error, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	k->host->managed(
		k->host, request, error, (struct slice){(const uint8_t *)text, strlen(text)});
}

void manage_answer(const struct keying *k, uint32_t request, struct tree_writer *w)
{
	if (w->error)
		manage_refuse(k, request, -ENOMEM, "no memory for the answer");
	else
		k->host->managed(k->host, request, 0, (struct slice){w->data, w->len});
	tree_writer_fini(w);
}

void manage_put_text(struct tree_writer *w, const char *key, const char *value)
{
	tree_put_text(w, key);
	tree_put_text(w, value);
}

void manage_put_uint(struct tree_writer *w, const char *key, uint64_t value)
{
	tree_put_text(w, key);
	tree_put_uint(w, value);
}

static void put_addr(struct tree_writer *w, const struct ip_addr *addr)
{
	tree_put_bytes(w, addr->bytes, addr->family == 4 ? 4 : 16);
}

void manage_put_addr(struct tree_writer *w, const char *key, const struct ip_addr *addr)
{
	tree_put_text(w, key);
	put_addr(w, addr);
}

static struct peer *configured(const struct keying *k, const char *name)
{
	struct identity id;

	if (!settings_identity(name, &id))
		return NULL;
	for (size_t i = 0; i < k->settings.n; i++) {
		const struct settings *s = &k->settings.list[i];

		if (!s->template &&
			(!strcmp(s->core.name, name) ||
				slice_equal((struct slice){id.body, id.len},
					(struct slice){s->peer_id.body, s->peer_id.len})))
			return &k->peers[i];
	}
	return NULL;
}

static bool name_is_plain(const char *name)
{
	char again[PEER_NAME_MAX];
	struct identity id;

	return settings_identity(name, &id) &&
	       settings_identity_text((struct slice){id.body, id.len}, again) &&
	       !strcmp(again, name);
}

/* The name of one device that a template lets in, and what is remembered of it. */
static bool take_name(struct order *o)
{
	const struct keying *k = o->k;

	if (!tree_text_copy(tree_get(o->with, "name"), o->name, sizeof o->name) ||
		!name_is_plain(o->name)) {
		manage_refuse(k, o->request, -EINVAL,
			"not a name of a device: up to 40 letters, digits, . _ - + : @, or 0x and "
			"hexadecimal in lower case");
		return false;
	}
	if (configured(k, o->name)) {
		manage_refuse(k, o->request, -EEXIST,
			"\"%s\" stands in the file: its [Peer] says who it is", o->name);
		return false;
	}
	o->template = device_template(k, o->name);
	if (!o->template) {
		manage_refuse(k, o->request, -ENOENT,
			"no template's name fits \"%s\": a [Peer \"sensor-*\"] would let in "
			"sensor-07",
			o->name);
		return false;
	}
	if (known_load(&o->k->known)) {
		manage_refuse(k, o->request, -EIO, "state store: %s", strerror(-k->known.error));
		return false;
	}
	o->known = known_find(&k->known, KNOWN_DEVICE, o->name);
	return true;
}

/* Answered by manage_saved. */
static void write_down(struct order *o, enum known_change change)
{
	int r = known_write(&o->k->known, o->known, change);

	if (!r) {
		o->known->asked = true;
		o->known->request = o->request;
		return;
	}
	manage_refuse(o->k, o->request, r, "\"%s\": %s", o->known->name,
		r == -EBUSY ? "the last change is still being written: ask again" : strerror(-r));
	known_tidy(&o->k->known, o->known);
}

static bool need_known(struct order *o)
{
	if (!o->known)
		o->known = known_need(&o->k->known, KNOWN_DEVICE, o->name);
	if (!o->known)
		manage_refuse(o->k, o->request, -ENOMEM, "no memory");
	return o->known;
}

static void put_gateways(struct tree_writer *w, const struct settings *template)
{
	const struct selectors *local = &template->core.local;
	size_t n = 0;

	for (size_t i = 0; i < local->n; i++)
		n += addr_same(&local->list[i].addr_start, &local->list[i].addr_end);
	tree_put_text(w, "gateway");
	tree_put_array(w, n);
	for (size_t i = 0; i < local->n; i++)
		if (addr_same(&local->list[i].addr_start, &local->list[i].addr_end))
			put_addr(w, &local->list[i].addr_start);
}

/* Stores nothing: all of it follows from Master, identity and generation. */
static void enroll_add(struct order *o)
{
	const struct keying *k = o->k;
	struct enrol_pool pool;
	struct ip_addr addr;
	struct tree_writer w;
	char id[PEER_NAME_MAX] = "";

	if (o->known && (o->known->facts.pinned || o->known->facts.psk_len)) {
		manage_refuse(k, o->request, -EEXIST,
			"\"%s\" was adopted with its own %s: dietvpn revoke first", o->name,
			o->known->facts.pinned ? "key" : "PSK");
		return;
	}
	if (!k->settings.master_len) {
		manage_refuse(k, o->request, -ENOKEY,
			"no Master in [Interface]: dietvpn genkey > keys/master");
		return;
	}
	device_pool(o->template, &pool);
	if (device_address(k, o->template, o->name, NULL, &addr)) {
		manage_refuse(k, o->request, -ENOSPC, "every address of [Peer \"%s\"] is in use",
			o->template->core.name);
		return;
	}
	settings_identity_text((struct slice){o->template->id.body, o->template->id.len}, id);
	tree_writer_init(&w);
	tree_put_map(&w, 6);
	manage_put_text(&w, "id", id);
	manage_put_addr(&w, "address", &addr);
	manage_put_uint(&w, "prefix", pool.prefix_len);
	put_gateways(&w, o->template);
	manage_put_uint(&w, "generation", o->known ? o->known->facts.generation : 0);
	manage_put_uint(&w, "port", k->settings.ports[ON_NAT]);
	manage_answer(k, o->request, &w);
}

static void drop_device(struct keying *k, const char *name)
{
	struct device *device = device_find(k, name);

	if (device)
		device_drop(k, device);
}

/* What it was known by before, is over. */
static void adopt(struct order *o, const struct known_facts *facts)
{
	if (!need_known(o))
		return;
	if (!o->known->token) {
		o->known->next = *facts;
		o->known->next.generation = o->known->facts.generation;
		drop_device(o->k, o->name);
	}
	write_down(o, KNOWN_ADOPT);
}

static void adopt_first(struct order *o)
{
	const struct keying *k = o->k;
	uint64_t seconds = 0;
	bool any = false;

	for (size_t i = 0; i < k->settings.n; i++)
		any = any || (k->settings.list[i].template && k->settings.list[i].key);
	if (!any) {
		manage_refuse(k, o->request, -ENOKEY,
			"no template has a Key to answer a device's key with: dietvpn keygen");
	} else if (known_load(&o->k->known)) {
		manage_refuse(k, o->request, -EIO, "state store: %s", strerror(-k->known.error));
	} else if (!tree_uint(tree_get(o->with, "seconds"), WINDOW_S_MAX, &seconds) ||
		   seconds < WINDOW_S_MIN) {
		manage_refuse(
			k, o->request, -EINVAL, "not %d to %d seconds", WINDOW_S_MIN, WINDOW_S_MAX);
	} else {
		struct tree_writer w;

		first_open(o->k, seconds);
		tree_writer_init(&w);
		tree_put_map(&w, 1);
		manage_put_uint(&w, "seconds", seconds);
		manage_answer(k, o->request, &w);
	}
}

static void adopt_key(struct order *o, tree_node fingerprint)
{
	struct known_facts facts = {.pinned = true};
	const uint8_t *octets;
	size_t len;

	if (!o->template->key)
		manage_refuse(o->k, o->request, -ENOKEY,
			"[Peer \"%s\"] has no Key to answer a device's key with: dietvpn keygen",
			o->template->core.name);
	else if (!tree_bytes(fingerprint, &octets, &len) || len != sizeof facts.fingerprint)
		manage_refuse(o->k, o->request, -EINVAL,
			"not a fingerprint: SHA-256 of the public key, 32 octets");
	else {
		memcpy(facts.fingerprint, octets, len);
		adopt(o, &facts);
	}
}

static void adopt_psk(struct order *o, tree_node psk)
{
	struct known_facts facts = {0};
	const uint8_t *octets;
	size_t len;

	if (!tree_bytes(psk, &octets, &len) || len < ADOPT_PSK_MIN || len > sizeof facts.psk) {
		manage_refuse(o->k, o->request, -EINVAL, "not a PSK of 16 to 64 octets");
		return;
	}
	memcpy(facts.psk, octets, len);
	facts.psk_len = len;
	adopt(o, &facts);
	secret_wipe(&facts, sizeof facts);
}

static void enroll_adopt(struct order *o)
{
	tree_node psk = tree_get(o->with, "psk");
	bool first = false;

	if (tree_bool(tree_get(o->with, "first"), &first) && first)
		adopt_first(o);
	else if (!take_name(o))
		return;
	else if (psk)
		adopt_psk(o, psk);
	else
		adopt_key(o, tree_get(o->with, "fingerprint"));
}

/* From this moment on, on disk or not. */
static void enroll_revoke(struct order *o)
{
	if (!take_name(o) || !need_known(o))
		return;
	if (o->known->facts.generation == UINT32_MAX) {
		manage_refuse(o->k, o->request, -ERANGE, "\"%s\" has no generation left", o->name);
		return;
	}
	if (!o->known->token) {
		o->known->next = (struct known_facts){
			.generation = o->known->facts.generation + 1, .revoked = true};
		secret_wipe(&o->known->facts, sizeof o->known->facts);
		o->known->facts = o->known->next;
		drop_device(o->k, o->name);
	}
	write_down(o, KNOWN_REVOKE);
}

static void reset_gateway(struct order *o, struct peer *peer)
{
	int r = known_load(&o->k->known);

	if (!peer->settings->imprint) {
		manage_refuse(o->k, o->request, -EEXIST,
			"\"%s\" has no Imprint: its [Peer] says who it is",
			peer->settings->core.name);
		return;
	}
	if (!r)
		r = imprint_reset(o->k, peer, &o->known);
	if (r) {
		manage_refuse(
			o->k, o->request, r, "\"%s\": %s", peer->settings->core.name, strerror(-r));
		return;
	}
	o->known->asked = true;
	o->known->request = o->request;
}

/* A gateway that was imprinted, or a device: back to where nothing was known of it, but for the
 * generation, which never goes back. */
static void enroll_reset(struct order *o)
{
	struct peer *peer = NULL;

	if (tree_text_copy(tree_get(o->with, "name"), o->name, sizeof o->name))
		peer = configured(o->k, o->name);
	if (peer) {
		reset_gateway(o, peer);
		return;
	}
	if (!take_name(o) || !need_known(o))
		return;
	if (!o->known->token) {
		o->known->next = (struct known_facts){.generation = o->known->facts.generation};
		drop_device(o->k, o->name);
	}
	write_down(o, KNOWN_RESET);
}

static const struct {
	const char *verb;
	void (*run)(struct order *);
	bool named;
} verbs[] = {{"enroll.add", enroll_add, true}, {"enroll.adopt", enroll_adopt, false},
	{"enroll.revoke", enroll_revoke, false}, {"enroll.reset", enroll_reset, false},
	{"peer.list", manage_list, false}};

void manage(struct keying *k, uint32_t request, const char *verb, struct slice with)
{
	struct tree *tree = tree_parse(with.data, with.len, TREE_DEPTH_FILE, NULL);
	struct order o = {.k = k, .request = request, .with = tree ? tree_root(tree) : NULL};
	size_t i = 0;

	while (i < sizeof verbs / sizeof *verbs && strcmp(verbs[i].verb, verb) != 0)
		i++;
	if (!tree || tree_kind(o.with) != TREE_MAP)
		manage_refuse(k, request, -EINVAL, "not a request of this version");
	else if (i == sizeof verbs / sizeof *verbs)
		manage_refuse(k, request, -ENOSYS, "Keying = ikev2 does not know %s", verb);
	else if (!verbs[i].named || take_name(&o))
		verbs[i].run(&o);
	tree_free_secret(tree);
}

/* The device begins anew: its IKE SA is of the gateway that it forgets. */
static void forget_gateway(struct keying *k, const struct known *known)
{
	struct peer *peer = configured(k, known->name);

	if (!peer || !peer->sa)
		return;
	ike_sa_part(peer->sa);
	start_again(k, peer);
}

void manage_saved(struct keying *k, struct known *known, int error)
{
	bool asked = known->asked;
	struct tree_writer w;

	known->asked = false;
	if (known->kind == KNOWN_GATEWAY && !error)
		forget_gateway(k, known);
	else if (!error && known->change != KNOWN_REVOKE)
		drop_device(k, known->name); /* it may have come in while that was written */
	if (!asked)
		return;
	if (error) {
		manage_refuse(k, known->request, error, "\"%s\": state store: %s", known->name,
			strerror(-error));
		return;
	}
	tree_writer_init(&w);
	tree_put_map(&w, 2);
	manage_put_text(&w, "name", known->name);
	manage_put_uint(&w, "generation", known->facts.generation);
	manage_answer(k, known->request, &w);
}
