/* SPDX-License-Identifier: Apache-2.0 */
/* All instances of all plugins: which tunnel's peers belong to which, started, reloaded, stopped,
 * and the news of the dataplane handed on. */
#include "keying/host.h"

#include "base/log.h"
#include "crypto/secret.h"
#include "esp/sa.h"
#include "io/dataplane.h"
#include "ip/packet.h"
#include "ipsec/ipsec.h"
#include "ipsec/path.h"
#include "ipsec/sad.h"
#include "ipsec/spd.h"
#include "keying/instance.h"
#include "keying/plugin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_TAG "keying"

int host_create(const struct host_params *params, struct host **out)
{
	struct host *host = calloc(1, sizeof *host);

	if (!host)
		return -ENOMEM;
	host->params = *params;
	list_init(&host->plugins);
	list_init(&host->instances);
	list_init(&host->saves);
	list_init(&host->requests);
	list_init(&host->answered);
	map_init(&host->slots, key_equal);
	host_sa_init(host);
	host->later = host_timer_new(host, host);
	if (!host->later) {
		free(host);
		return -ENOMEM;
	}
	*out = host;
	return 0;
}

static void unload_unused(struct host *host)
{
	list_each_safe (node, &host->plugins) {
		struct loaded *loaded = container_of(node, struct loaded, link);

		if (loaded->users)
			continue;
		list_remove(&loaded->link);
		plugin_unload(loaded->plugin);
		free(loaded);
	}
}

void host_destroy(struct host *host)
{
	if (!host)
		return;
	list_each_safe (node, &host->instances) {
		struct instance *in = container_of(node, struct instance, link);

		instance_stop(in);
		instance_destroy(in);
	}
	unload_unused(host);
	list_each_safe (node, &host->saves) {
		container_of(node, struct host_save, link)->host = NULL;
		list_remove(node);
	}
	host_manage_fini(host);
	host_timer_close(host->later);
	map_fini(&host->slots);
	map_fini(&host->sas);
	map_fini(&host->digests);
	trace_fini(&host->trace);
	free(host);
}

static void on_later(uv_timer_t *timer)
{
	struct host *host = timer->data;

	/* Here nearly all of the stack is below us. */
	if (host->wipe)
		secret_wipe_stack();
	host->wipe = false;
	if (host->kick) {
		host->kick = false;
		dataplane_kick(host->params.dataplane);
	}
	list_each_safe (node, &host->instances)
		instance_deliver(container_of(node, struct instance, link));
	host_manage_deliver(host);
}

void host_wake(struct host *host)
{
	uv_timer_start(host->later, on_later, 0, 0);
}

void host_kick(struct host *host)
{
	host->kick = true;
	host_wake(host);
}

static struct loaded *find_loaded(const struct host *host, const char *name)
{
	list_each (node, &host->plugins) {
		struct loaded *loaded = container_of(node, struct loaded, link);

		if (!strcmp(plugin_ops(loaded->plugin)->name, name))
			return loaded;
	}
	return NULL;
}

static int load(struct host *host, const char *name, struct loaded **out, char *text, size_t len)
{
	struct loaded *loaded = find_loaded(host, name);
	int r;

	if (loaded) {
		*out = loaded;
		return 0;
	}
	loaded = calloc(1, sizeof *loaded);
	if (!loaded) {
		snprintf(text, len, "no memory for plugin \"%s\"", name);
		return -ENOMEM;
	}
	r = plugin_load(host->params.plugin_dir, name, &loaded->plugin, text, len);
	if (r) {
		free(loaded);
		return r;
	}
	list_append(&host->plugins, &loaded->link);
	*out = loaded;
	return 0;
}

/* Peers of one plugin are one instance: its first peer stands for them. */
static bool is_first(const struct config *config, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (!strcmp(config->peers[i].keying, config->peers[index].keying))
			return false;
	return true;
}

static int complain(struct config_errors *errors, const struct config *config, uint32_t row, int r,
	const char *text)
{
	char at[96];

	config_errors_add(errors, config_at(config, row, at, sizeof at), "", "%s", text);
	return r;
}

/* Everything that can be judged without a side effect, for all plugins of this file. */
static int check_all(struct host *host, const struct config *config, struct config_errors *errors)
{
	char text[HOST_TROUBLE_MAX];
	struct loaded *loaded;
	int result = 0;

	for (size_t i = 0; i < config->n_peers; i++) {
		const struct config_peer *peer = &config->peers[i];
		int r;

		if (!is_first(config, i))
			continue;
		r = load(host, peer->keying, &loaded, text, sizeof text);
		if (r)
			complain(errors, config, peer->at, r, text);
		else
			r = plugin_check_keys(loaded->plugin, config, errors);
		if (!r)
			r = plugin_check(loaded->plugin, config, errors);
		if (r)
			result = r;
	}
	return result;
}

static struct instance *find_instance(
	const struct host *host, const struct config *config, const char *plugin)
{
	list_each (node, &host->instances) {
		struct instance *in = container_of(node, struct instance, link);

		if (!strcmp(in->config->tunnel, config->tunnel) && !strcmp(in->ops->name, plugin))
			return in;
	}
	return NULL;
}

static int begin(struct host *host, const struct config *config, size_t index,
	const uint32_t *policies, struct config_errors *errors)
{
	const struct config_peer *peer = &config->peers[index];
	struct instance *in;
	char text[HOST_TROUBLE_MAX];
	size_t before = errors->n;
	int r = instance_create(host, find_loaded(host, peer->keying), config, policies, &in);

	if (!r) {
		r = instance_start(in, errors);
		if (r)
			instance_destroy(in);
	}
	if (r && errors->n == before) {
		snprintf(text, sizeof text, "Keying = %s does not start: %s", peer->keying,
			strerror(r < 0 ? -r : r));
		complain(errors, config, peer->at, r, text);
	}
	return r;
}

int host_start(struct host *host, const struct config *config, const uint32_t *policies,
	struct config_errors *errors)
{
	int r = check_all(host, config, errors);

	for (size_t i = 0; !r && i < config->n_peers; i++)
		if (is_first(config, i))
			r = begin(host, config, i, policies, errors);
	if (r)
		host_stop(host, config);
	return r;
}

static void end(struct instance *in)
{
	instance_stop(in);
	instance_destroy(in);
}

void host_stop(struct host *host, const struct config *config)
{
	list_each_safe (node, &host->instances) {
		struct instance *in = container_of(node, struct instance, link);

		if (!strcmp(in->config->tunnel, config->tunnel))
			end(in);
	}
	unload_unused(host);
}

static bool has_peer(const struct config *config, const char *plugin)
{
	for (size_t i = 0; i < config->n_peers; i++)
		if (!strcmp(config->peers[i].keying, plugin))
			return true;
	return false;
}

static void stop_absent(struct host *host, const struct config *old, const struct config *config)
{
	list_each_safe (node, &host->instances) {
		struct instance *in = container_of(node, struct instance, link);

		if (!strcmp(in->config->tunnel, old->tunnel) && !has_peer(config, in->ops->name))
			end(in);
	}
}

/*
 * A plugin that cannot take a new file while it runs is started anew; one that fails to take it is
 * stopped: it must not go on with a file that is gone.
 */
static void follow(struct host *host, const struct config *config, size_t index,
	const uint32_t *policies, struct config_errors *errors)
{
	const struct config_peer *peer = &config->peers[index];
	struct instance *in = find_instance(host, config, peer->keying);
	char text[HOST_TROUBLE_MAX];
	int r;

	if (in && !PLUGIN_HAS(in->ops, reload)) {
		end(in);
		in = NULL;
	}
	if (!in) {
		begin(host, config, index, policies, errors);
		return;
	}
	r = instance_reload(in, config, policies, errors);
	if (!r)
		return;
	end(in);
	snprintf(text, sizeof text, "Keying = %s does not take the new file and was stopped: %s",
		peer->keying, strerror(r < 0 ? -r : r));
	complain(errors, config, peer->at, r, text);
}

int host_reload(struct host *host, const struct config *old, const struct config *config,
	const uint32_t *policies, struct config_errors *errors)
{
	if (check_all(host, config, errors))
		return -EINVAL;
	stop_absent(host, old, config);
	for (size_t i = 0; i < config->n_peers; i++)
		if (is_first(config, i))
			follow(host, config, i, policies, errors);
	unload_unused(host);
	return 0;
}

static void ts_of_packet(const struct ip_packet *ip, bool local, struct ts *ts)
{
	*ts = (struct ts){.ip_proto = ip->proto, .port_end = UINT16_MAX};
	ts->addr_start = local ? ip_packet_src(ip) : ip_packet_dst(ip);
	ts->addr_end = ts->addr_start;
	if (!ip->has_ports)
		return;
	ts->port_start = local ? ip->sport : ip->dport;
	ts->port_end = ts->port_start;
}

void host_acquire(struct host *host, struct policy *policy, const struct ip_packet *ip)
{
	const struct peer_slot *slot = key_find(&host->slots, policy->id);
	struct host_call call = {.kind = CALL_ACQUIRE,
		.acquire = {.policy = policy->id, .remote = policy->path->remote}};

	if (!slot)
		return;
	ts_of_packet(ip, true, &call.acquire.ts_local);
	ts_of_packet(ip, false, &call.acquire.ts_remote);
	/* Packets of this peer may be on their way still: the plugin must not remove it now. */
	instance_later(slot->instance, &call);
}

void host_endpoint(struct host *host, uint32_t policy, const struct ip_endpoint *remote)
{
	const struct peer_slot *slot = key_find(&host->slots, policy);
	const struct host_call call = {.kind = CALL_ENDPOINT, .endpoint = {policy, *remote}};

	if (slot)
		instance_tell(slot->instance, &call);
}

/* Whoever knows an SPI can send what fails, as often as he likes, between the peer's packets. */
static bool may_tell(struct host_sa *own, enum sa_event event)
{
	uint64_t now_ms = dataplane_now_ms();

	if (event != SA_ICV_FAILING)
		return true;
	if (now_ms < own->forged_ms)
		return false;
	own->forged_ms = now_ms + HOST_FORGED_MS;
	return true;
}

void host_notice(struct host *host, struct sa *sa, uint32_t notices)
{
	static const struct {
		uint32_t notice;
		enum sa_event event;
	} news[] = {
		{SA_NOTICE_SOFT, SA_SOFT_EXPIRED},
		{SA_NOTICE_SEQUENCE_LOW, SA_SEQUENCE_LOW},
		{SA_NOTICE_ICV, SA_ICV_FAILING},
		{SA_NOTICE_RESERVE | SA_NOTICE_STORE, SA_USED},
		{SA_NOTICE_HARD, SA_HARD_EXPIRED},
	};
	sa_id id = sa->id;
	struct host_sa *own = key_find(&host->sas, id);

	if (!own)
		return;
	if (own->long_lived) {
		counter_notice(own, sa, notices);
		notices &= ~(uint32_t)(SA_NOTICE_RESERVE | SA_NOTICE_STORE);
	}
	/* The plugin may remove the SA at any of these. */
	for (size_t i = 0; i < sizeof news / sizeof *news; i++) {
		const struct host_call call = {
			.kind = CALL_SA_EVENT, .sa_event = {id, news[i].event}};

		if (notices & news[i].notice && (own = key_find(&host->sas, id)) &&
			may_tell(own, news[i].event))
			instance_tell(own->instance, &call);
	}
}

int host_sa_remove(struct host *host, sa_id id)
{
	const struct host_call call = {.kind = CALL_SA_EVENT, .sa_event = {id, SA_REMOVED}};
	struct host_sa *own = key_find(&host->sas, id);
	struct sa *sa = own ? NULL : sad_find(host->params.ipsec->sad, id);
	struct instance *in;

	if (own) {
		in = own->instance;
		host_sa_drop(own, false);
		instance_later(in, &call);
	} else if (sa) {
		ipsec_sa_remove(host->params.ipsec, sa);
	}
	return own || sa ? 0 : -ENOENT;
}

static bool has_long_lived(const struct peer_slot *slot)
{
	list_each (node, &slot->instance->sas) {
		const struct host_sa *sa = container_of(node, struct host_sa, link);

		if (sa->policy == slot->policy && sa->long_lived)
			return true;
	}
	return false;
}

static bool acquire_of(
	const struct host *host, const struct peer_slot *slot, struct host_call *call)
{
	const struct policy *policy = spd_find(host->params.ipsec->spd, slot->policy);

	if (!policy)
		return false;
	*call = (struct host_call){.kind = CALL_ACQUIRE,
		.acquire = {.policy = slot->policy,
			.remote = policy->path->remote,
			.ts_local = policy->local[0],
			.ts_remote = policy->remote[0]}};
	return true;
}

/* Asks the plugin again, in the loop's next turn: it may be the one that called. */
static void acquire_again(struct host *host, struct peer_slot *slot)
{
	struct host_call call;

	if (acquire_of(host, slot, &call))
		instance_later(slot->instance, &call);
}

/*
 * What waits now. A key that waited before may have been replaced since, and perhaps because it had
 * been used: it must not be declared fresh with the one that took its place.
 */
static void ask_what_waits(struct host *host, struct peer_slot *slot)
{
	struct host_call call;

	slot->n_pending = 0;
	instance_deliver(slot->instance);
	if (acquire_of(host, slot, &call))
		instance_tell(slot->instance, &call);
}

static int declare(
	struct host *host, struct peer_slot *slot, struct state *state, char *text, size_t text_len)
{
	char key[9];
	int n = 0;

	while (slot->n_pending) {
		const struct pending_key *pending = &slot->pending[slot->n_pending - 1];
		int r = counter_create(state, pending);

		if (r && r != -EEXIST) {
			snprintf(text, text_len, "key %s: %s",
				counter_key_name(pending->digest, key), strerror(-r));
			return r;
		}
		n += !r;
		slot->n_pending--;
	}
	slot->trouble[0] = '\0';
	acquire_again(host, slot);
	return n;
}

int host_fresh_key(struct host *host, uint32_t policy, char *text, size_t text_len)
{
	struct peer_slot *slot = key_find(&host->slots, policy);
	struct state *state;
	int n;

	text[0] = '\0';
	if (!slot || (!slot->n_pending && !has_long_lived(slot))) {
		snprintf(text, text_len, "no key of this peer waits for a record");
		return -ENOENT;
	}
	ask_what_waits(host, slot);
	if (!slot->n_pending) {
		snprintf(text, text_len, "%s",
			slot->trouble[0] ? slot->trouble : "all keys of this peer are on record");
		return slot->trouble[0] ? -EIO : -EEXIST;
	}
	state = host_state(host, text, text_len);
	if (!state)
		return -EIO;
	n = declare(host, slot, state, text, text_len);
	if (n == 0) {
		snprintf(text, text_len, "all keys of this peer are on record");
		return -EEXIST;
	}
	if (n > 0)
		snprintf(text, text_len, "declared fresh; %d SAs follow", n);
	return n;
}

int host_order(
	struct host *host, uint32_t policy, enum keying_order order, char *text, size_t text_len)
{
	const struct peer_slot *slot = key_find(&host->slots, policy);
	struct instance *in = slot ? slot->instance : NULL;
	int r;

	text[0] = '\0';
	if (!in || !in->keying || in->depth) {
		snprintf(text, text_len, "its keying does not run");
		return -ENOENT;
	}
	if (!PLUGIN_HAS(in->ops, order)) {
		snprintf(text, text_len, "Keying = %s has no exchanges to begin or end",
			in->ops->name);
		return -ENOTSUP;
	}
	in->depth++;
	r = in->ops->order(in->keying, policy, order, text, text_len);
	in->depth--;
	instance_deliver(in);
	return r;
}

const char *host_trouble(const struct host *host, uint32_t policy)
{
	const struct peer_slot *slot = key_find(&host->slots, policy);

	return slot ? slot->trouble : "";
}

const struct trace_entry *host_exchange_at(const struct host *host, size_t index)
{
	return trace_at(&host->trace, index);
}

const struct keying_plugin_ops *host_plugin_at(const struct host *host, size_t index)
{
	list_each (node, &host->plugins)
		if (!index--)
			return plugin_ops(container_of(node, struct loaded, link)->plugin);
	return NULL;
}
