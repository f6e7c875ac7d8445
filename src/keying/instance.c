/* SPDX-License-Identifier: Apache-2.0 */
/* One plugin at work for one tunnel: made, started, told the news in order, stopped (house.md
 * 5.3). */
#include "keying/instance.h"

#include "base/log.h"
#include "codec/tree.h"
#include "io/dataplane.h"
#include "keying/plugin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_TAG "keying"

static size_t count_peers(const struct config *config, const char *plugin)
{
	size_t n = 0;

	for (size_t i = 0; i < config->n_peers; i++)
		n += !strcmp(config->peers[i].keying, plugin);
	return n;
}

static void remove_slots(struct instance *in)
{
	for (size_t i = 0; i < in->n_slots; i++)
		if (key_find(&in->host->slots, in->slots[i].policy) == &in->slots[i])
			key_remove(&in->host->slots, in->slots[i].policy);
	free(in->slots);
	in->slots = NULL;
	in->n_slots = 0;
}

/* What is known of a policy's troubles lives on where the policy does. */
static void fill_slot(struct instance *in, struct peer_slot *slot, const struct config_peer *peer,
	uint32_t policy)
{
	const struct peer_slot *old = key_find(&in->host->slots, policy);

	if (old && old->instance == in)
		*slot = *old;
	slot->policy = policy;
	slot->instance = in;
	slot->peer = peer;
	slot->n_guests = 0;
}

static int enter_slots(struct instance *in, struct peer_slot *slots, size_t n)
{
	int r = 0;

	remove_slots(in);
	in->slots = slots;
	for (; !r && in->n_slots < n; in->n_slots++)
		r = map_add(
			&in->host->slots, key_hash(slots[in->n_slots].policy), &slots[in->n_slots]);
	return r;
}

/* The slots of another config; SAs of policies that are gone are not touched. 0 or -ENOMEM. */
static int adopt(struct instance *in, const struct config *config, const uint32_t *policies)
{
	size_t n = count_peers(config, in->ops->name);
	struct peer_slot *slots = calloc(n ? n : 1, sizeof *slots);
	size_t at = 0;
	int r;

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_peers; i++)
		if (!strcmp(config->peers[i].keying, in->ops->name))
			fill_slot(in, &slots[at++], &config->peers[i], policies[i]);
	in->config = config;
	r = enter_slots(in, slots, n);
	if (!r)
		host_peer_follow(in);
	return r;
}

static void fill_table(struct keying_host *table)
{
	*table = (struct keying_host){.abi = KEYING_ABI, .size = sizeof *table};
	host_io_fill(table);
	host_socket_fill(table);
	host_sa_fill(table);
	host_peer_fill(table);
	host_manage_fill(table);
}

static struct instance *allocate(struct host *host, struct loaded *loaded)
{
	struct instance *in = calloc(1, sizeof *in);

	if (!in)
		return NULL;
	fill_table(&in->door.table);
	in->door.self = in;
	in->host = host;
	in->loaded = loaded;
	in->ops = plugin_ops(loaded->plugin);
	map_init(&in->timers, key_equal);
	map_init(&in->sockets, key_equal);
	map_init(&in->spis, key_equal);
	list_init(&in->sas);
	list_init(&in->guests);
	list_init(&in->calls);
	list_append(&host->instances, &in->link);
	loaded->users++;
	return in;
}

static int create_keying(struct instance *in, const struct config *config, const uint32_t *policies)
{
	struct tree_writer w;
	int r;

	tree_writer_init(&w);
	plugin_write_config(&w, config, in->ops->name, policies);
	r = w.error;
	if (!r) {
		in->depth++;
		r = in->ops->create(&in->door.table, (struct slice){w.data, w.len}, &in->keying);
		in->depth--;
	}
	tree_writer_fini(&w);
	if (r)
		in->keying = NULL;
	else if (!in->keying)
		r = -EINVAL;
	return r;
}

int instance_create(struct host *host, struct loaded *loaded, const struct config *config,
	const uint32_t *policies, struct instance **out)
{
	struct instance *in = allocate(host, loaded);
	int r;

	if (!in)
		return -ENOMEM;
	r = adopt(in, config, policies);
	if (!r) {
		in->tokens = HOST_SAS_BASE + in->n_slots * HOST_SAS_PER_PEER;
		in->tokens_ms = dataplane_now_ms();
		r = create_keying(in, config, policies);
	}
	if (r) {
		instance_destroy(in);
		return r;
	}
	*out = in;
	return 0;
}

int instance_start(struct instance *in, struct config_errors *errors)
{
	int r;

	in->errors = errors;
	in->depth++;
	r = in->ops->start(in->keying);
	in->depth--;
	in->errors = NULL;
	return r;
}

int instance_reload(struct instance *in, const struct config *config, const uint32_t *policies,
	struct config_errors *errors)
{
	struct tree_writer w;
	int r = adopt(in, config, policies);

	tree_writer_init(&w);
	plugin_write_config(&w, config, in->ops->name, policies);
	if (!r)
		r = w.error;
	if (!r) {
		in->errors = errors;
		in->depth++;
		r = in->ops->reload(in->keying, (struct slice){w.data, w.len});
		in->depth--;
		in->errors = NULL;
	}
	tree_writer_fini(&w);
	/* A plugin may have forgotten an SA of a peer that is gone: its policy goes, so must it. */
	list_each_safe (node, &in->sas) {
		struct host_sa *sa = container_of(node, struct host_sa, link);

		if (!key_find(&in->host->slots, sa->policy))
			host_sa_drop(sa, true);
	}
	instance_deliver(in);
	return r;
}

/* Not of a peer that has gone meanwhile. */
static bool is_known(const struct instance *in, uint32_t policy)
{
	return key_find(&in->host->slots, policy) != NULL;
}

static void call(struct instance *in, const struct host_call *news)
{
	const struct keying_plugin_ops *ops = in->ops;

	switch (news->kind) {
	case CALL_ACQUIRE:
		if (PLUGIN_HAS(ops, acquire) && is_known(in, news->acquire.policy))
			ops->acquire(in->keying, &news->acquire);
		break;
	case CALL_ENDPOINT:
		if (PLUGIN_HAS(ops, endpoint) && is_known(in, news->endpoint.policy))
			ops->endpoint(in->keying, news->endpoint.policy, &news->endpoint.remote);
		break;
	case CALL_SA_EVENT:
		if (PLUGIN_HAS(ops, sa_event))
			ops->sa_event(in->keying, news->sa_event.id, news->sa_event.event);
		break;
	case CALL_SAVED:
		if (PLUGIN_HAS(ops, saved))
			ops->saved(in->keying, news->saved.token, news->saved.error);
		break;
	}
}

static void put_off(struct instance *in, const struct host_call *news)
{
	struct host_call *copy;

	/* Saves have a bound of their own, and whoever waits for one would wait for ever. */
	if (in->n_calls >= HOST_CALLS_MAX && news->kind != CALL_SAVED)
		return;
	copy = malloc(sizeof *copy);
	if (!copy)
		return;
	*copy = *news;
	list_append(&in->calls, &copy->link);
	in->n_calls++;
	host_wake(in->host);
}

void instance_tell(struct instance *in, const struct host_call *news)
{
	if (!in->keying)
		return;
	if (in->depth || !list_empty(&in->calls)) {
		put_off(in, news);
		return;
	}
	in->depth++;
	call(in, news);
	in->depth--;
	instance_deliver(in);
}

void instance_later(struct instance *in, const struct host_call *news)
{
	if (in->keying)
		put_off(in, news);
}

/* Only what waits now: a plugin that makes news of every news gets the rest in the next turn. */
void instance_deliver(struct instance *in)
{
	size_t n = in->n_calls;

	if (in->depth)
		return;
	while (n-- && !list_empty(&in->calls)) {
		struct host_call *news = container_of(in->calls.next, struct host_call, link);

		list_remove(&news->link);
		in->n_calls--;
		in->depth++;
		call(in, news);
		in->depth--;
		free(news);
	}
	if (in->n_calls)
		host_wake(in->host);
}

void instance_stop(struct instance *in)
{
	if (!in->keying)
		return;
	in->depth++;
	in->ops->stop(in->keying);
	in->ops->destroy(in->keying);
	in->depth--;
	in->keying = NULL;
}

void instance_destroy(struct instance *in)
{
	if (in->keying) {
		in->depth++;
		in->ops->destroy(in->keying);
		in->depth--;
		in->keying = NULL;
	}
	host_manage_stop(in);
	host_peer_stop(in);
	host_sa_stop(in);
	host_io_stop(in);
	host_socket_stop(in);
	list_each_safe (node, &in->calls) {
		list_remove(node);
		free(container_of(node, struct host_call, link));
	}
	remove_slots(in);
	list_remove(&in->link);
	in->loaded->users--;
	free(in);
}
