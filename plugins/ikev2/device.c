/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that the file does not name: the peers that they are once their AUTH held (ikev2.md 6).
 */
#include "ikev2/device.h"

#include "base/glob.h"
#include "crypto/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool name_equal(const void *value, const void *key)
{
	return !strcmp(((const struct device *)value)->settings.core.name, key);
}

/* Strangers choose the names that are looked for. */
static uint64_t name_hash(const struct keying *k, const char *name)
{
	return hash_short(k->table_key, name, strlen(name));
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
	return table->candidate && !device_make_nobody(k, &k->settings) ? 0 : -ENOMEM;
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
			ike_sa_leave(sa);
	}
	k->host->peer_remove(k->host, device->settings.core.policy);
	release(k, device);
}
