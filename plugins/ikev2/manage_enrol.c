/* SPDX-License-Identifier: Apache-2.0 */
/* Devices and gateways by name: enrol, adopt, revoke, reset (conf/schema/keying.cddl). */
#include "ikev2/manage.h"

#include "crypto/secret.h"
#include "ikev2/imprint.h"

#include <errno.h>
#include <string.h>

enum { WINDOW_S_MIN = 5, WINDOW_S_MAX = 3600, ADOPT_PSK_MIN = 16 };

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
			manage_add_addr(w, &local->list[i].addr_start);
}

void manage_add(struct order *o)
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

/* What it was known by before, is over. */
static void adopt(struct order *o, struct known_facts *facts)
{
	if (!manage_need_known(o))
		return;
	facts->generation = o->known->facts.generation;
	if (!o->known->token)
		manage_drop_device(o->k, o->name);
	manage_write(o, KNOWN_ADOPT, facts);
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

void manage_adopt(struct order *o)
{
	tree_node psk = tree_get(o->with, "psk");
	bool first = false;

	if (tree_bool(tree_get(o->with, "first"), &first) && first)
		adopt_first(o);
	else if (!manage_take_name(o))
		return;
	else if (psk)
		adopt_psk(o, psk);
	else
		adopt_key(o, tree_get(o->with, "fingerprint"));
}

void manage_revoke(struct order *o)
{
	struct known_facts revoked = {.revoked = true};

	if (!manage_take_name(o) || !manage_need_known(o))
		return;
	if (o->known->facts.generation == UINT32_MAX) {
		manage_refuse(o->k, o->request, -ERANGE, "\"%s\" has no generation left", o->name);
		return;
	}
	o->known->new = known_is_blank(&o->known->facts) && !device_find(o->k, o->name);
	revoked.generation = o->known->facts.generation + 1;
	if (!o->known->token) {
		secret_wipe(&o->known->facts, sizeof o->known->facts);
		o->known->facts = revoked;
		manage_drop_device(o->k, o->name);
	}
	manage_write(o, KNOWN_REVOKE, &revoked);
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

void manage_reset(struct order *o)
{
	struct known_facts nothing = {0};
	struct peer *peer = NULL;

	if (tree_text_copy(tree_get(o->with, "name"), o->name, sizeof o->name))
		peer = manage_configured(o->k, o->name);
	if (peer) {
		reset_gateway(o, peer);
		return;
	}
	if (!manage_take_name(o) || !manage_need_known(o))
		return;
	nothing.generation = o->known->facts.generation;
	if (!o->known->token)
		manage_drop_device(o->k, o->name);
	manage_write(o, KNOWN_RESET, &nothing);
}
