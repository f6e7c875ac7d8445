/* SPDX-License-Identifier: Apache-2.0 */
/* The door's slots for peers that a template lets in: each with a policy of its own, within the
 * template's (RFC 4301 4.4.3.1: a PAD entry that stands for many peers). */
#include "keying/instance.h"

#include "base/glob.h"
#include "esp/sa.h"
#include "ip/ts.h"
#include "ipsec/ipsec.h"
#include "ipsec/spd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a name in the configuration cannot hold either: it goes into logs, tables and arguments. */
static bool name_ok(const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= CONFIG_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~' || strchr("\"'[]/#;*", name[i]))
			return false;
	return true;
}

static bool is_own(const struct config *config, const struct ip_addr *addr)
{
	for (size_t i = 0; i < config->interface.n_addresses; i++)
		if (ip_addr_equal(&config->interface.addresses[i].addr, addr))
			return true;
	return false;
}

static bool is_within(const struct ts *ts, const struct policy *policy)
{
	struct ts common;

	for (size_t i = 0; i < policy->n_remote; i++)
		if (ts_narrow(ts, &policy->remote[i], &common) && ts_equal(ts, &common))
			return true;
	return false;
}

/* One address within the template's, neither ours nor of another peer that has the same traffic. */
static int check_remote(const struct host *host, const struct peer_slot *slot,
	const struct policy *policy, const struct ts *remote)
{
	if (!ts_valid(remote) || !ip_addr_equal(&remote->addr_start, &remote->addr_end) ||
		!is_within(remote, policy) || is_own(slot->instance->config, &remote->addr_start))
		return -ERANGE;
	for (size_t i = 0; i < policy->n_local; i++)
		if (spd_meets(host->params.ipsec->spd, policy->tunnel, &policy->local[i], remote,
			    NULL))
			return -EADDRINUSE;
	return 0;
}

static int check(const struct instance *in, const struct peer_slot *slot, const char *name,
	const struct ts *remote, size_t n_remote)
{
	const struct policy *policy;
	int r = 0;

	if (!slot || slot->instance != in || !slot->peer->template || slot->guest)
		return -ENOENT;
	if (!name_ok(name) || !glob_match(slot->peer->name, name))
		return -EINVAL;
	if (!n_remote || n_remote > TS_MAX)
		return -ERANGE;
	if (slot->n_guests >= HOST_GUESTS_MAX)
		return -ENOSPC;
	policy = spd_find(in->host->params.ipsec->spd, slot->policy);
	if (!policy || !in->host->params.peer_add)
		return -ENOENT;
	for (size_t i = 0; !r && i < n_remote; i++)
		r = check_remote(in->host, slot, policy, &remote[i]);
	return r;
}

static int enter(struct instance *in, struct peer_slot *template, uint32_t policy)
{
	struct guest *guest = calloc(1, sizeof *guest);
	int r;

	if (!guest)
		return -ENOMEM;
	guest->template = template->policy;
	guest->slot = (struct peer_slot){
		.policy = policy, .instance = in, .peer = template->peer, .guest = guest};
	r = map_add(&in->host->slots, key_hash(policy), &guest->slot);
	if (r) {
		free(guest);
		return r;
	}
	list_append(&in->guests, &guest->link);
	in->n_guests++;
	template->n_guests++;
	return 0;
}

static int peer_add(const struct keying_host *table, uint32_t template, const char *name,
	const struct ts *remote, size_t n_remote, uint32_t *made)
{
	struct instance *in = instance_of(table);
	struct host *host = in->host;
	struct peer_slot *slot = key_find(&host->slots, template);
	int r = name && remote && made ? check(in, slot, name, remote, n_remote) : -EINVAL;

	if (!r) {
		const struct host_guest guest = {.template = template,
			.name = name,
			.config = slot->peer,
			.remote = remote,
			.n_remote = n_remote};

		r = host->params.peer_add(host->params.owner, &guest, made);
	}
	if (r)
		return r;
	r = enter(in, slot, *made);
	if (r)
		host->params.peer_remove(host->params.owner, *made);
	return r;
}

/* The SAs of one peer, by its policy and not among those of all. tell: the plugin, but not from
 * within, where it could remove the next one. */
static void drop_sas(struct host *host, uint32_t id, bool tell)
{
	struct policy *policy = spd_find(host->params.ipsec->spd, id);

	if (!policy)
		return;
	list_each_safe (node, &policy->sas) {
		struct sa *esp = container_of(node, struct sa, by_policy);
		struct host_sa *sa = key_find(&host->sas, esp->id);
		const struct host_call call = {
			.kind = CALL_SA_EVENT, .sa_event = {esp->id, SA_REMOVED}};

		if (sa && tell)
			instance_later(sa->instance, &call);
		if (sa)
			host_sa_drop(sa, false);
	}
}

static void end(struct guest *guest, bool tell)
{
	struct instance *in = guest->slot.instance;
	struct host *host = in->host;
	struct peer_slot *template = key_find(&host->slots, guest->template);
	uint32_t policy = guest->slot.policy;

	drop_sas(host, policy, tell);
	key_remove(&host->slots, policy);
	list_remove(&guest->link);
	in->n_guests--;
	if (template && template->n_guests)
		template->n_guests--;
	free(guest);
	host->params.peer_remove(host->params.owner, policy);
}

static int peer_remove(const struct keying_host *table, uint32_t policy)
{
	struct instance *in = instance_of(table);
	struct peer_slot *slot = key_find(&in->host->slots, policy);

	if (!slot || slot->instance != in || !slot->guest)
		return -ENOENT;
	end(slot->guest, false);
	return 0;
}

void host_peer_end(struct host *host, uint32_t policy)
{
	struct peer_slot *slot = key_find(&host->slots, policy);

	if (slot && slot->guest)
		end(slot->guest, true);
}

void host_peer_follow(struct instance *in)
{
	list_each_safe (node, &in->guests) {
		struct guest *guest = container_of(node, struct guest, link);
		struct peer_slot *template = key_find(&in->host->slots, guest->template);

		if (!template || template->instance != in || !template->peer->template) {
			end(guest, true);
			continue;
		}
		guest->slot.peer = template->peer;
		template->n_guests++;
	}
}

void host_peer_stop(struct instance *in)
{
	list_each_safe (node, &in->guests)
		end(container_of(node, struct guest, link), false);
}

void host_peer_fill(struct keying_host *table)
{
	table->peer_add = peer_add;
	table->peer_remove = peer_remove;
}
