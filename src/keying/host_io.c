/* SPDX-License-Identifier: Apache-2.0 */
/* The door's slots for time, chance, secrets, state and events (house.md 5.2). */
#include "keying/instance.h"

#include "base/log.h"
#include "codec/tree.h"
#include "crypto/secret.h"
#include "io/dataplane.h"
#include "ip/addr.h"
#include "ipsec/ipsec.h"
#include "ipsec/spd.h"
#include "keying/plugin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_TAG "keying"

enum { EVENT_MAX = 4096, EVENT_NAME_MAX = 64, PLACE_MAX = 96, CHOICE_MAX = 65536 };

struct timer {
	uint32_t id; /* first: key of instance.timers */
	struct instance *instance;
	uv_timer_t *handle;
};

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

uv_timer_t *host_timer_new(struct host *host, void *data)
{
	uv_timer_t *timer = malloc(sizeof *timer);

	if (!timer)
		return NULL;
	uv_timer_init(host->params.loop, timer);
	timer->data = data;
	return timer;
}

void host_timer_close(uv_timer_t *timer)
{
	if (timer)
		uv_close((uv_handle_t *)timer, free_handle);
}

static void io_log(const struct keying_host *host, enum keying_log level, const char *text)
{
	static const enum log_level levels[] = {
		LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG};

	if ((unsigned)level <= KEYING_DEBUG && text)
		log_line(levels[level], instance_of(host)->ops->name, "%s", text);
}

static uint64_t now_ms(const struct keying_host *host)
{
	(void)host;
	return dataplane_now_ms();
}

static void chance(const struct keying_host *host, void *out, size_t len)
{
	(void)host;
	if (out && len <= CHOICE_MAX)
		secret_random(out, len);
}

static void config_error(
	const struct keying_host *host, uint32_t at, const char *text, const char *hint)
{
	const struct instance *in = instance_of(host);
	char place[PLACE_MAX];

	config_at(in->config, at, place, sizeof place);
	if (in->errors)
		config_errors_add(in->errors, place, hint ? hint : "", "%s", text);
	else
		log_error("%s: %s", place, text);
}

static void timer_forget(struct timer *timer)
{
	key_remove(&timer->instance->timers, timer->id);
	timer->instance->n_timers--;
	host_timer_close(timer->handle);
	free(timer);
}

static void on_timer(uv_timer_t *handle)
{
	struct timer *timer = handle->data;
	struct instance *in = timer->instance;
	uint32_t id = timer->id;

	timer_forget(timer);
	if (!PLUGIN_HAS(in->ops, timeout))
		return;
	in->depth++;
	in->ops->timeout(in->keying, id);
	in->depth--;
	instance_deliver(in);
}

static int timer_add(struct instance *in, uint32_t id, struct timer **out)
{
	struct timer *timer;
	int r;

	if (in->n_timers >= HOST_TIMERS_MAX)
		return -ENOSPC;
	timer = malloc(sizeof *timer);
	if (!timer)
		return -ENOMEM;
	*timer = (struct timer){id, in, host_timer_new(in->host, timer)};
	r = timer->handle ? map_add(&in->timers, key_hash(id), timer) : -ENOMEM;
	if (r) {
		host_timer_close(timer->handle);
		free(timer);
		return r;
	}
	in->n_timers++;
	*out = timer;
	return 0;
}

static int timer_start(const struct keying_host *host, uint32_t id, uint64_t delay_ms)
{
	struct instance *in = instance_of(host);
	struct timer *timer = key_find(&in->timers, id);
	int r = timer ? 0 : timer_add(in, id, &timer);

	if (r)
		return r;
	/* libuv's notion of now is that of the last wake-up. */
	uv_update_time(in->host->params.loop);
	return uv_timer_start(timer->handle, on_timer, delay_ms, 0);
}

static void timer_stop(const struct keying_host *host, uint32_t id)
{
	struct timer *timer = key_find(&instance_of(host)->timers, id);

	if (timer)
		timer_forget(timer);
}

static int secret(
	const struct keying_host *host, const char *name, uint8_t *out, size_t cap, size_t *len)
{
	if (!name || !out || !len)
		return -EINVAL;
	return plugin_read_secret(instance_of(host)->config, name, out, cap, len);
}

struct state *host_state(struct host *host, char *text, size_t text_len)
{
	if (!host->state && host->params.state)
		host->state = host->params.state(host->params.owner, text, text_len);
	else if (!host->state)
		snprintf(text, text_len, "there is no state store");
	if (host->state) {
		host->state_trouble[0] = '\0';
	} else if (strcmp(host->state_trouble, text) != 0) { /* once, not per SA */
		snprintf(host->state_trouble, sizeof host->state_trouble, "%s", text);
		log_error("%s", text);
	}
	return host->state;
}

/* value NULL: the row goes. */
static int queue(struct host *host, const struct host_save *params, const char *name,
	const struct slice *value, state_saved *done)
{
	char text[HOST_TROUBLE_MAX];
	struct state *state = host_state(host, text, sizeof text);
	struct host_save *save = state ? malloc(sizeof *save) : NULL;
	int r;

	if (!save)
		return state ? -ENOMEM : -EIO;
	*save = *params;
	save->host = host;
	list_append(&host->saves, &save->link);
	r = value ? state_save(state, name, *value, done, save)
		  : state_delete(state, name, done, save);
	if (r) {
		list_remove(&save->link);
		free(save);
	}
	return r;
}

int host_save(struct host *host, const struct host_save *params, const char *name,
	struct slice value, state_saved *done)
{
	return queue(host, params, name, &value, done);
}

bool host_save_take(struct host_save *save)
{
	list_remove(&save->link);
	return save->host;
}

/* Rows of a plugin lie below its own name: it can name neither the core's nor another's. */
static int row_name(const struct instance *in, const char *name, char out[STATE_NAME_MAX + 1])
{
	int n = snprintf(out, STATE_NAME_MAX + 1, "%s/%s", in->ops->name, name);

	return n < 0 || n > STATE_NAME_MAX ? -EINVAL : 0;
}

static int load(
	const struct keying_host *host, const char *name, uint8_t *out, size_t cap, size_t *len)
{
	struct instance *in = instance_of(host);
	char row[STATE_NAME_MAX + 1];
	char text[HOST_TROUBLE_MAX];
	struct state *state;

	if (!name || !out || !len || row_name(in, name, row))
		return -EINVAL;
	state = host_state(in->host, text, sizeof text);
	return state ? state_load(state, row, out, cap, len) : -EIO;
}

static void saved(void *owner, int error)
{
	struct host_save *save = owner;
	struct host_call call = {.kind = CALL_SAVED, .saved = {save->token, error}};

	if (host_save_take(save) && save->instance) {
		save->instance->n_saves--;
		instance_tell(save->instance, &call);
	}
	free(save);
}

static int change(struct instance *in, const char *name, const struct slice *value, uint32_t token)
{
	struct host_save params = {.instance = in, .token = token};
	char row[STATE_NAME_MAX + 1];
	int r;

	if (!name || row_name(in, name, row))
		return -EINVAL;
	if (in->n_saves >= HOST_SAVES_MAX)
		return -EAGAIN;
	in->n_saves++;
	r = queue(in->host, &params, row, value, saved);
	if (r)
		in->n_saves--;
	return r;
}

static int save(
	const struct keying_host *host, const char *name, struct slice value, uint32_t token)
{
	if (value.len > STATE_VALUE_MAX || (value.len && !value.data))
		return -EINVAL;
	return change(instance_of(host), name, &value, token);
}

static int delete (const struct keying_host *host, const char *name, uint32_t token)
{
	return change(instance_of(host), name, NULL, token);
}

/* What a plugin hears of its rows: their names without its own in front. */
struct listing {
	void (*each)(void *context, const char *name);
	void *context;
	size_t cut;
};

static void on_name(void *context, const char *name)
{
	const struct listing *listing = context;

	listing->each(listing->context, name + listing->cut);
}

static int list(const struct keying_host *host, const char *prefix,
	void (*each)(void *context, const char *name), void *context)
{
	struct instance *in = instance_of(host);
	struct listing listing = {each, context, strlen(in->ops->name) + 1};
	char row[STATE_NAME_MAX + 1];
	char text[HOST_TROUBLE_MAX];
	struct state *state;

	if (!prefix || !each || row_name(in, prefix, row))
		return -EINVAL;
	state = host_state(in->host, text, sizeof text);
	return state ? state_list(state, row, on_name, &listing) : -EIO;
}

static bool is_map(struct slice cbor)
{
	struct tree *tree = tree_parse(cbor.data, cbor.len, TREE_DEPTH_FILE, NULL);
	bool map = tree && tree_kind(tree_root(tree)) == TREE_MAP;

	tree_free(tree);
	return map;
}

/* "plugin.manual.no-record": what stands before the first dot is the topic that clients watch. */
static void event(const struct keying_host *host, const char *name, struct slice cbor)
{
	struct instance *in = instance_of(host);
	char full[EVENT_NAME_MAX];

	if (!in->host->params.event || !name || !cbor.data || cbor.len > EVENT_MAX || !is_map(cbor))
		return;
	snprintf(full, sizeof full, "plugin.%s.%s", in->ops->name, name);
	in->host->params.event(in->host->params.owner, full, cbor);
}

static void trouble(const struct keying_host *host, uint32_t policy, const char *text)
{
	struct instance *in = instance_of(host);
	struct peer_slot *slot = key_find(&in->host->slots, policy);

	if (slot && slot->instance == in && text)
		snprintf(slot->trouble, sizeof slot->trouble, "%s", text);
}

/* "exchange.refused" and the like for those who watch. */
static void tell_exchange(const struct instance *in, const struct trace_entry *entry)
{
	const char *const pairs[][2] = {{"tunnel", entry->tunnel}, {"peer", entry->peer},
		{"exchange", entry->exchange}, {"error", entry->error}};
	char name[EVENT_NAME_MAX];
	char from[IP_ENDPOINT_TEXT];
	struct tree_writer w;
	size_t n = 1;

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		n += pairs[i][1][0] != '\0';
	tree_writer_init(&w);
	tree_put_map(&w, n);
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (pairs[i][1][0]) {
			tree_put_text(&w, pairs[i][0]);
			tree_put_text(&w, pairs[i][1]);
		}
	tree_put_text(&w, "with");
	tree_put_text(&w, ip_endpoint_print(&entry->remote, from, sizeof from));
	snprintf(name, sizeof name, "exchange.%.24s", entry->outcome);
	if (!w.error)
		in->host->params.event(in->host->params.owner, name, (struct slice){w.data, w.len});
	tree_writer_fini(&w);
}

static void trace(const struct keying_host *host, uint32_t policy, struct slice cbor)
{
	struct instance *in = instance_of(host);
	const struct peer_slot *slot = key_find(&in->host->slots, policy);
	const struct policy *known = slot ? spd_find(in->host->params.ipsec->spd, policy) : NULL;
	const struct trace_source from = {.now_ms = dataplane_now_ms(),
		.policy = known ? policy : 0,
		.plugin = in->ops->name,
		.tunnel = in->config->tunnel,
		.peer = known ? known->name : ""};
	const struct trace_entry *entry;
	int r;

	if (!cbor.data || (policy && (!known || slot->instance != in)))
		return;
	r = trace_add(&in->host->trace, &from, cbor, &entry);
	if (r)
		log_debug(
			"%s: a record of an exchange is left out: %s", in->ops->name, strerror(-r));
	else if (in->host->params.event)
		tell_exchange(in, entry);
}

/* Nothing that would capture what belongs to the host itself, or to everybody. */
static bool is_usable(const struct ip_addr *addr)
{
	static const struct ip_prefix reserved[] = {
		{{4, {0}}, 8},
		{{4, {127}}, 8},
		{{4, {169, 254}}, 16},
		{{4, {240}}, 4},
		{{6, {0}}, 64},
		{{6, {0xfe, 0x80}}, 10},
	};

	if ((addr->family != 4 && addr->family != 6) || ip_addr_is_multicast(addr))
		return false;
	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		if (ip_prefix_contains(&reserved[i], addr))
			return false;
	return true;
}

static int inner_address(const struct keying_host *host, uint32_t policy,
	const struct ip_addr *addr, uint8_t prefix_len)
{
	struct instance *in = instance_of(host);
	const struct peer_slot *slot = key_find(&in->host->slots, policy);
	const struct host_params *params = &in->host->params;
	struct ip_prefix address;

	if (!slot || slot->instance != in || !addr || !in->config->interface.address_auto)
		return -EINVAL;
	if (!params->inner_address)
		return -ENOTSUP;
	if (!is_usable(addr) || prefix_len > 8 * ip_addr_len(addr) || !prefix_len)
		return -EADDRNOTAVAIL;
	address = (struct ip_prefix){*addr, prefix_len};
	return params->inner_address(params->owner, policy, &address);
}

void host_io_fill(struct keying_host *table)
{
	table->log = io_log;
	table->now_ms = now_ms;
	table->random = chance;
	table->config_error = config_error;
	table->timer_start = timer_start;
	table->timer_stop = timer_stop;
	table->secret = secret;
	table->state_load = load;
	table->state_save = save;
	table->state_delete = delete;
	table->state_list = list;
	table->event = event;
	table->trouble = trouble;
	table->inner_address = inner_address;
	table->trace = trace;
}

void host_io_stop(struct instance *in)
{
	struct timer *timer;
	size_t at = 0;

	while ((timer = map_next(&in->timers, &at))) {
		host_timer_close(timer->handle);
		free(timer);
	}
	map_fini(&in->timers);
	map_init(&in->timers, key_equal);
	in->n_timers = 0;
	list_each (node, &in->host->saves) {
		struct host_save *under_way = container_of(node, struct host_save, link);

		if (under_way->instance == in)
			under_way->instance = NULL;
	}
}
