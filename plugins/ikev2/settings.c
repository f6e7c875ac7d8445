/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and judges the keys of [Peer] that belong to Keying = ikev2. */
#include "ikev2/settings_read.h"

#include "crypto/secret.h"
#include "crypto/sign_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT_MAX = 200,
	IKE_LIFE_S = 24 * 3600,
	CHILD_LIFE_S = 8 * 3600,
	LIFE_MIN_S = 60,
	COOKIE_THRESHOLD = 64,
	COOKIE_THRESHOLD_MAX = 4096,
	ALIVE_S = 60,
};

const struct keying_key settings_keys[] = {
	{"Psk",
		"file: pre-shared key, 16 octets or more; 0x and 0s (base64) in front are "
		"understood",
		KEYING_KEY_SECRET_FILE | KEYING_KEY_RELOADABLE},
	{"PeerId", "identity expected from the peer, default its name", KEYING_KEY_RELOADABLE},
	{"Exchange", "ordered list of key exchange groups: x25519, p256", 0},
	{"Prf", "ordered list offered: sha256, sha384, sha512; default all", 0},
	{"NatDetection", "yes (default) or no: find translators between the peers", 0},
	{"Pfs", "yes or no (default): a key exchange of its own for every rekeyed child", 0},
	{"Liveness", "silence after which the peer is asked whether it lives, default 60s; or no",
		KEYING_KEY_RELOADABLE},
	{"Fallback", "yes (default) or no: a plain child for what the compressed one cannot carry",
		0},
	{"IkeLifetime", "of the IKE SA: 10min, 24h (default), 30d", KEYING_KEY_RELOADABLE},
	{"ChildLifetime", "of the ESP SAs: 10min, 8h (default), 30d", KEYING_KEY_RELOADABLE},
	{"CookieThreshold", "half-open handshakes from which strangers need a cookie, default 64",
		KEYING_KEY_RELOADABLE},
	{"Key",
		"file: our private key, PEM or base64 of an Ed25519 seed; with PeerKey or "
		"Imprint, without Psk",
		KEYING_KEY_SECRET_FILE | KEYING_KEY_RELOADABLE},
	{"PeerKey", "the peer's public key: base64, or a file with base64 or PEM",
		KEYING_KEY_RELOADABLE},
	{"Pool",
		"yes or no (default): Address is a pool, of which the peer gets one and may use no "
		"other",
		0},
	{"Childless", "yes or no (default): IKE_AUTH without a child, which follows (RFC 6023)", 0},
	{"Imprint",
		"yes or no (default): pin the key that the peer shows first; needs a Key of our "
		"own",
		KEYING_KEY_RELOADABLE},
	{"ImprintTime",
		"how long a blank device looks for its gateway, default 1h; or no: without end",
		KEYING_KEY_RELOADABLE},
	{"Ppk", "file: post-quantum pre-shared key of 16 to 64 octets, as Psk",
		KEYING_KEY_SECRET_FILE},
	{"PpkId", "name of that key, the same on both sides", 0},
	{"PpkRequired", "yes or no (default): not without it", 0},
	{NULL, NULL, 0},
};

static void read_duration(struct settings_reader *r, const char *key, uint64_t *out)
{
	struct peer_value value;
	uint64_t seconds;

	if (!peer_value_get(&r->in, key, &value))
		return;
	seconds = peer_value_duration(value.text);
	if (seconds < LIFE_MIN_S)
		peer_refuse_value(&r->in, &value, key, "not a duration of a minute or more",
			"10min, 24h, 30d");
	else
		*out = seconds;
}

static void read_alive(struct settings_reader *r)
{
	struct settings *s = r->out;
	struct peer_value value;

	if (!peer_value_get(&r->in, "Liveness", &value))
		return;
	if (s->core.sleepy)
		peer_refuse_value(
			&r->in, &value, "Liveness", "a sleepy peer is not asked", "leave it out");
	s->alive_s = strcmp(value.text, "no") ? peer_value_duration(value.text) : 0;
	if (!s->alive_s && strcmp(value.text, "no") != 0)
		peer_refuse_value(&r->in, &value, "Liveness", "neither a duration nor no", "60s");
}

static void read_threshold(struct settings_reader *r)
{
	struct peer_value value;
	uint64_t number;
	const char *rest;

	if (!peer_value_get(&r->in, "CookieThreshold", &value))
		return;
	if (!peer_value_number(value.text, &number, &rest) || *rest ||
		number > COOKIE_THRESHOLD_MAX)
		peer_refuse_value(
			&r->in, &value, "CookieThreshold", "not a number from 0 to 4096", "64");
	else if (number < r->all->cookie_threshold)
		r->all->cookie_threshold = (uint32_t)number;
}

static void read_manner(struct settings_reader *r)
{
	struct settings *s = r->out;

	s->nat_detection = true;
	s->ike_life_s = IKE_LIFE_S;
	s->child_life_s = CHILD_LIFE_S;
	peer_value_yes(&r->in, "NatDetection", &s->nat_detection);
	peer_value_yes(&r->in, "Pfs", &s->pfs);
	peer_value_yes(&r->in, "Childless", &s->childless);
	s->alive_s = s->core.sleepy ? 0 : ALIVE_S;
	read_alive(r);
	read_duration(r, "IkeLifetime", &s->ike_life_s);
	read_duration(r, "ChildLifetime", &s->child_life_s);
	read_threshold(r);
}

static void read_peer(struct settings_reader *r, size_t index)
{
	if (!peer_config_read(&r->in, index, settings_keys, &r->out->core))
		return;
	settings_read_suites(r);
	settings_read_algorithms(r);
	read_manner(r);
	settings_read_attrs(r);
	settings_read_inner(r);
	settings_read_identities(r);
	settings_read_credentials(r);
	settings_read_ppk(r);
}

/* A responder finds the peer, and its key, by the identity: two peers with one are one too many. */
static void check_identities(struct settings_reader *r)
{
	const struct settings_list *all = r->all;
	char text[TEXT_MAX];

	for (size_t i = 0; i < all->n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct identity *a = &all->list[i].peer_id;
			const struct identity *b = &all->list[k].peer_id;

			if (a->len != b->len || memcmp(a->body, b->body, a->len) != 0)
				continue;
			snprintf(text, sizeof text, "\"%s\" and \"%s\" have the same PeerId",
				all->list[k].core.name, all->list[i].core.name);
			peer_refuse(&r->in, all->list[i].core.at, text, "give each its own");
		}
}

static int read_all(struct settings_reader *r)
{
	struct settings_list *all = r->all;

	all->list = calloc(all->n ? all->n : 1, sizeof *all->list);
	if (!all->list)
		return -ENOMEM;
	peer_config_tunnel(&r->in, all->tunnel);
	all->n_own = peer_config_own(&r->in, all->own, SETTINGS_OWN_MAX);
	for (size_t i = 0; i < 2; i++)
		all->ports[i] = peer_config_port(&r->in, i, 0);
	for (size_t i = 0; i < all->n; i++) {
		r->out = &all->list[i];
		read_peer(r, i);
	}
	settings_read_master(r);
	if (!r->in.bad)
		check_identities(r);
	return 0;
}

int settings_read(const struct keying_host *host, struct slice config, struct settings_list *out)
{
	struct settings_reader r = {.all = out};
	int error;
	int refused;

	*out = (struct settings_list){.cookie_threshold = COOKIE_THRESHOLD};
	error = peer_config_open(&r.in, host, config, &out->n);
	if (error)
		return error;
	error = read_all(&r);
	refused = peer_config_close(&r.in);
	if (error || refused)
		settings_fini(out);
	return error ? error : refused;
}

void settings_fini(struct settings_list *list)
{
	for (size_t i = 0; list->list && i < list->n; i++) {
		sign_private_destroy(list->list[i].key);
		free(list->list[i].peer_key);
	}
	if (list->list)
		secret_wipe(list->list, list->n * sizeof *list->list);
	free(list->list);
	list->list = NULL;
	list->n = 0;
	secret_wipe(list->master, sizeof list->master);
}

void settings_follow(struct settings *s, const struct settings *now)
{
	s->core.boot = now->core.boot;
	s->core.sleepy = now->core.sleepy;
	s->alive_s = now->alive_s;
	s->imprint_s = now->imprint_s;
	s->ike_life_s = now->ike_life_s;
	s->child_life_s = now->child_life_s;
}

/* All octets are set, so that two can be compared as memory; the keys lie elsewhere. */
static bool equal_but_keys(const struct settings *a, const struct settings *b)
{
	struct settings x = *a;
	struct settings y = *b;
	bool equal;

	x.core.at = y.core.at = 0;
	settings_follow(&x, &y);
	x.key = y.key = NULL;
	x.peer_key = y.peer_key = NULL;
	/* Padding that differs only makes them look changed. */
	/* NOLINTNEXTLINE */
	equal = !memcmp(&x, &y, sizeof x);
	secret_wipe(&x, sizeof x);
	secret_wipe(&y, sizeof y);
	return equal;
}

bool settings_equal(const struct settings *a, const struct settings *b)
{
	if (!equal_but_keys(a, b) || !a->key != !b->key || !a->peer_key != !b->peer_key)
		return false;
	if (a->key && !sign_public_equal(sign_private_public(a->key), sign_private_public(b->key)))
		return false;
	return !a->peer_key || sign_public_equal(a->peer_key, b->peer_key);
}
