/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between two lives of one configuration, and whether SAs survive it. */
#include "daemon/change.h"

#include "config/rules.h"
#include "ip/ts.h"
#include "keying/host.h"

#include <stdio.h>
#include <string.h>

struct changes {
	enum change worst;
	char *keys;
	size_t cap, len;
};

static void add(struct changes *changes, bool same, const char *key, enum change change)
{
	int n;

	if (same)
		return;
	if (change > changes->worst)
		changes->worst = change;
	n = snprintf(changes->keys + changes->len, changes->cap - changes->len, "%s%s",
		changes->len ? ", " : "", key);
	if (n > 0 && (size_t)n < changes->cap - changes->len)
		changes->len += (size_t)n;
	else
		changes->keys[changes->len] = '\0';
}

static bool same_text(const char *a, const char *b)
{
	return !strcmp(a, b);
}

static bool same_prefixes(
	const struct ip_prefix *a, size_t n_a, const struct ip_prefix *b, size_t n_b)
{
	for (size_t i = 0; n_a == n_b && i < n_a; i++)
		if (a[i].len != b[i].len || !ip_addr_equal(&a[i].addr, &b[i].addr))
			return false;
	return n_a == n_b;
}

static bool same_ts(const struct ts *a, size_t n_a, const struct ts *b, size_t n_b)
{
	for (size_t i = 0; n_a == n_b && i < n_a; i++)
		if (!ts_equal(&a[i], &b[i]))
			return false;
	return n_a == n_b;
}

enum change change_interface(
	const struct config *old, const struct config *next, char *keys, size_t cap)
{
	const struct config_interface *a = &old->interface;
	const struct config_interface *b = &next->interface;
	struct changes c = {.keys = keys, .cap = cap};

	keys[0] = '\0';
	add(&c, same_text(a->name, b->name), "Name", CHANGE_REFUSE);
	add(&c, a->listen_ike == b->listen_ike && a->listen_nat == b->listen_nat, "Listen",
		CHANGE_REFUSE);
	add(&c, same_text(a->id, b->id), "Id", CHANGE_RESTART);
	add(&c, same_prefixes(a->addresses, a->n_addresses, b->addresses, b->n_addresses),
		"Address", CHANGE_UPDATE);
	add(&c, a->address_auto == b->address_auto, "Address", CHANGE_RESTART);
	add(&c, a->role == b->role, "Role", CHANGE_UPDATE);
	add(&c, a->mtu == b->mtu, "Mtu", CHANGE_UPDATE);
	add(&c, same_text(a->on_up, b->on_up), "OnUp", CHANGE_UPDATE);
	add(&c, same_text(a->on_down, b->on_down), "OnDown", CHANGE_UPDATE);
	add(&c, same_text(a->psk, b->psk), "Psk", CHANGE_UPDATE);
	add(&c, same_text(a->key, b->key), "Key", CHANGE_UPDATE);
	add(&c, same_text(a->master, b->master), "Master", CHANGE_UPDATE);
	return c.worst;
}

/* In their encoded form: a struct has padding that nobody wrote. */
static bool same_attrs(const struct diet_attrs *a, const struct diet_attrs *b)
{
	struct tree_writer first;
	struct tree_writer second;
	bool same;

	tree_writer_init(&first);
	tree_writer_init(&second);
	rules_attrs_write(&first, a);
	rules_attrs_write(&second, b);
	same = !first.error && !second.error && first.len == second.len &&
	       !memcmp(first.data, second.data, first.len) && a->window == b->window &&
	       a->verify_checksum == b->verify_checksum;
	tree_writer_fini(&first);
	tree_writer_fini(&second);
	return same;
}

static bool same_ciphers(const struct config_peer *a, const struct config_peer *b)
{
	for (size_t i = 0; a->n_ciphers == b->n_ciphers && i < a->n_ciphers; i++)
		if (a->ciphers[i].encr != b->ciphers[i].encr ||
			a->ciphers[i].key_bits != b->ciphers[i].key_bits)
			return false;
	return a->n_ciphers == b->n_ciphers;
}

static const struct config_plugin_key *find_key(const struct config_peer *peer, const char *name)
{
	for (size_t i = 0; i < peer->n_keys; i++)
		if (!strcmp(peer->keys[i].name, name))
			return &peer->keys[i];
	return NULL;
}

static enum change plugin_key_change(const struct host *host, const char *keying, const char *name)
{
	const struct keying_plugin_ops *ops;

	for (size_t i = 0; host && (ops = host_plugin_at(host, i)); i++) {
		if (strcmp(ops->name, keying) != 0)
			continue;
		for (const struct keying_key *key = ops->keys; key->name; key++)
			if (!strcmp(key->name, name))
				return key->flags & KEYING_KEY_RELOADABLE ? CHANGE_UPDATE
									  : CHANGE_RESTART;
	}
	return CHANGE_RESTART;
}

static void add_plugin_keys(struct changes *c, const struct host *host, const struct config_peer *a,
	const struct config_peer *b)
{
	for (size_t i = 0; i < a->n_keys; i++) {
		const struct config_plugin_key *other = find_key(b, a->keys[i].name);

		add(c, other && same_text(other->value, a->keys[i].value), a->keys[i].name,
			plugin_key_change(host, b->keying, a->keys[i].name));
	}
	for (size_t i = 0; i < b->n_keys; i++)
		add(c, find_key(a, b->keys[i].name) != NULL, b->keys[i].name,
			plugin_key_change(host, b->keying, b->keys[i].name));
}

/* Selectors belong to the SA: where they change its rules do, and new SAs are needed. */
static void add_selectors(
	struct changes *c, const struct config_peer *a, const struct config_peer *b)
{
	bool same = same_ts(a->ts_local, a->n_ts_local, b->ts_local, b->n_ts_local) &&
		    same_ts(a->ts_remote, a->n_ts_remote, b->ts_remote, b->n_ts_remote);
	enum change change = same ? CHANGE_UPDATE : CHANGE_RESTART;
	size_t before = c->len;

	add(c, same_prefixes(a->addresses, a->n_addresses, b->addresses, b->n_addresses), "Address",
		change);
	add(c, same_prefixes(a->routes, a->n_routes, b->routes, b->n_routes), "Routes", change);
	add(c, same_prefixes(a->local, a->n_local, b->local, b->n_local), "Local", change);
	if (!same && c->len == before)
		add(c, false, "Allow", change);
}

enum change change_peer(const struct host *host, const struct config_peer *old,
	const struct config_peer *next, char *keys, size_t cap)
{
	struct changes c = {.keys = keys, .cap = cap};

	keys[0] = '\0';
	add(&c,
		same_text(old->endpoint_host, next->endpoint_host) &&
			ip_endpoint_equal(&old->endpoint, &next->endpoint),
		"Endpoint", CHANGE_UPDATE);
	add_selectors(&c, old, next);
	add(&c, old->role == next->role, "Role", CHANGE_UPDATE);
	add(&c, same_text(old->id, next->id), "Id", CHANGE_RESTART);
	add(&c, same_text(old->keying, next->keying), "Keying", CHANGE_RESTART);
	add(&c, old->encap == next->encap, "Encap", CHANGE_RESTART);
	add(&c, old->lossy == next->lossy, "Retransmission", CHANGE_RESTART);
	add(&c, same_attrs(&old->attrs, &next->attrs), "Compress", CHANGE_RESTART);
	add(&c, same_ciphers(old, next), "Cipher", CHANGE_RESTART);
	add(&c, old->start == next->start, "Start", CHANGE_UPDATE);
	add(&c, old->sleepy == next->sleepy, "Sleepy", CHANGE_UPDATE);
	add_plugin_keys(&c, host, old, next);
	return c.worst;
}
