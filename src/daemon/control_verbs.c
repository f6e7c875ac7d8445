/* SPDX-License-Identifier: Apache-2.0 */
/* The table of control verbs: who may call each, and the ones that change something. */
#include "daemon/control_verbs.h"

#include "base/log.h"
#include "daemon/control.h"
#include "daemon/control_exchange.h"
#include "daemon/control_manage.h"
#include "daemon/control_rules.h"
#include "daemon/control_show.h"
#include "daemon/daemon.h"
#include "daemon/put.h"
#include "daemon/tunnel.h"
#include "daemon/tunnel_net.h"
#include "esp/sa.h"
#include "io/dataplane.h"
#include "ipsec/sad.h"
#include "ipsec/spd.h"
#include "keying/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_TAG "control"

enum { ERRORS_PER_FRAME = CONFIG_ERRORS_MAX, ROUTES_SHOWN = 256 };

static bool name_in(struct control_call *call, const char *key, char *out, size_t cap)
{
	tree_node node = tree_get(call->with, key);

	if (node && tree_text_copy(node, out, cap) && *out)
		return true;
	control_fail(call, -EINVAL, "with.%s: a name is missing", key);
	return false;
}

/* The errors as a list first, then the failure itself (docs/control.md). */
static void fail_config(struct control_call *call, int error, struct config_errors *errors)
{
	const struct config_error *first = &errors->list[0];
	struct put list;

	if (!errors->n) {
		free(errors);
		control_fail(call, error, "%s", strerror(-error));
		return;
	}
	put_init(&list);
	for (size_t i = 0; i < errors->n; i++) {
		struct put map;

		put_init(&map);
		put_text(&map, "at", errors->list[i].at);
		put_text(&map, "text", errors->list[i].text);
		if (errors->list[i].hint[0])
			put_text(&map, "hint", errors->list[i].hint);
		put_map_end(&map, put_next(&list));
	}
	tree_put_map(call->ok, 2);
	tree_put_text(call->ok, "errors");
	put_array_end(&list, call->ok);
	tree_put_text(call->ok, "lost");
	tree_put_uint(call->ok, errors->lost);
	snprintf(call->place, sizeof(call->place), "%s", first->at);
	snprintf(call->hint, sizeof(call->hint), "%s", first->hint);
	snprintf(call->text, sizeof(call->text), "%zu error%s, %s: %s", errors->n + errors->lost,
		errors->n + errors->lost == 1 ? "" : "s",
		error == -EINVAL || error == -ENOENT ? "nothing was changed"
						     : "not all of it was done",
		first->text);
	call->state = errors;
	call->release = free;
	call->at[0] = (size_t)-error;
	call->more = true;
}

/* The second frame of fail_config; true: this was it. */
static bool failed_before(struct control_call *call)
{
	if (!call->state)
		return false;
	call->code = -(int)call->at[0];
	return true;
}

static void put_tunnel_up(struct daemon *daemon, const struct tunnel *tunnel, uint64_t began_ms,
	struct tree_writer *w)
{
	const struct config *config = tunnel->config;
	struct ip_prefix own[TUNNEL_ADDRESSES_MAX];
	const struct ip_prefix *prefix;
	char text[IP_PREFIX_TEXT];
	struct put map;
	struct put list;

	put_init(&map);
	put_text(&map, "tunnel", config->tunnel);
	put_text(&map, "ifname", tunnel->tun.name);
	put_uint(&map, "mtu", tunnel->mtu);
	put_uint(&map, "path_mtu", tunnel->path_mtu);
	put_prefixes(&map, "addresses", own, tunnel_addresses(tunnel, own, TUNNEL_ADDRESSES_MAX));
	put_init(&list);
	for (size_t p = 0; p < config->n_peers; p++)
		for (size_t i = 0;
			(prefix = net_prefix(&config->peers[p], i)) && list.n < ROUTES_SHOWN; i++)
			tree_put_text(put_next(&list), ip_prefix_print(prefix, text, sizeof(text)));
	put_array_end(&list, put_key(&map, "routes"));
	put_init(&list);
	for (size_t p = 0; p < config->n_peers && p < ROUTES_SHOWN; p++)
		tree_put_text(put_next(&list), config->peers[p].name);
	put_array_end(&list, put_key(&map, "peers"));
	put_init(&list);
	tree_put_uint(put_next(&list), daemon->port_ike);
	tree_put_uint(put_next(&list), daemon->port_nat);
	put_array_end(&list, put_key(&map, "listen"));
	put_bool(&map, "raw", daemon->raw);
	put_uint(&map, "ms", dataplane_now_ms() - began_ms);
	put_map_end(&map, w);
}

static void do_up(struct daemon *daemon, struct control_call *call)
{
	uint64_t began_ms = dataplane_now_ms();
	struct config_errors *errors;
	char name[CONFIG_NAME_MAX];
	int error;

	if (failed_before(call) || !name_in(call, "name", name, sizeof(name)))
		return;
	errors = calloc(1, sizeof(*errors));
	error = errors ? daemon_up(daemon, name, errors) : -ENOMEM;
	if (error == -EEXIST) {
		control_fail(call, error, "%s is up already", name);
		snprintf(call->hint, sizeof(call->hint),
			"dietvpn reload takes over what has changed in its file; new keys under "
			"an old name: dietvpn down %s, then up",
			name);
	} else if (error) {
		if (errors)
			fail_config(call, error, errors);
		else
			control_fail(call, error, "no memory");
		return;
	} else {
		put_tunnel_up(daemon, daemon_find(daemon, name), began_ms, call->ok);
	}
	free(errors);
}

static void do_down(struct daemon *daemon, struct control_call *call)
{
	const struct tunnel *tunnel;
	char name[CONFIG_NAME_MAX];
	struct put map;

	if (!name_in(call, "name", name, sizeof(name)))
		return;
	tunnel = daemon_find(daemon, name);
	if (!tunnel) {
		control_fail(call, -ENOENT, "no tunnel called %s is up", name);
		snprintf(call->hint, sizeof(call->hint), "dietvpn status lists those that are");
		return;
	}
	put_init(&map);
	put_text(&map, "tunnel", name);
	put_text(&map, "ifname", tunnel->config->interface.name);
	put_map_end(&map, call->ok);
	daemon_down(daemon, name);
}

static void put_changes(const struct daemon_changes *changes, struct tree_writer *w)
{
	struct put list;

	put_init(&list);
	for (size_t i = 0; i < changes->n; i++) {
		const struct daemon_change *change = &changes->list[i];
		struct put map;

		put_init(&map);
		put_text(&map, "tunnel", change->tunnel);
		if (change->peer[0])
			put_text(&map, "peer", change->peer);
		put_text(&map, "what", change->what);
		if (change->keys[0])
			put_text(&map, "keys", change->keys);
		put_map_end(&map, put_next(&list));
	}
	tree_put_map(w, 1);
	tree_put_text(w, "changes");
	put_array_end(&list, w);
}

static void do_reload(struct daemon *daemon, struct control_call *call)
{
	struct config_errors *errors;
	struct daemon_changes *changes;
	int error = -ENOMEM;

	if (failed_before(call))
		return;
	errors = calloc(1, sizeof(*errors));
	changes = calloc(1, sizeof(*changes));
	if (errors && changes)
		error = daemon_reload(daemon, changes, errors);
	if (!error)
		put_changes(changes, call->ok);
	free(changes);
	if (error && errors)
		fail_config(call, error, errors);
	else if (error)
		control_fail(call, error, "no memory");
	else
		free(errors);
}

/* The policy of a peer; several tunnels may have a peer of this name, then "tunnel" says which. */
static const struct tunnel_peer *peer_in(struct daemon *daemon, struct control_call *call)
{
	const struct tunnel_peer *found = NULL;
	char tunnel[CONFIG_NAME_MAX] = "";
	char name[CONFIG_NAME_MAX];
	size_t n = 0;

	if (!name_in(call, "peer", name, sizeof(name)) ||
		(tree_get(call->with, "tunnel") &&
			!name_in(call, "tunnel", tunnel, sizeof(tunnel))))
		return NULL;
	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		const struct tunnel *t = daemon->tunnels[i];
		const struct tunnel_peer *peer =
			!t || (*tunnel && strcmp(t->config->tunnel, tunnel) != 0)
				? NULL
				: tunnel_find_peer(t, name);

		if (peer) {
			found = peer;
			n++;
		}
	}
	if (n == 1)
		return found;
	control_fail(call, n ? -EINVAL : -ENOENT,
		n ? "%s is in several tunnels: name one" : "no peer is called %s", name);
	if (!n)
		control_hint_names(call);
	return NULL;
}

static struct sa *sa_in(struct daemon *daemon, struct control_call *call, uint64_t id)
{
	struct sa *sa = sad_find(daemon->ipsec.sad, (sa_id)id);

	if (!sa)
		control_fail(call, -ENOENT, "no SA has this id");
	return sa;
}

static void do_delete(struct daemon *daemon, struct control_call *call)
{
	const struct tunnel_peer *peer;
	const struct policy *policy;
	struct sa *sa;
	uint64_t id;
	size_t n = 0;

	if (tree_uint(tree_get(call->with, "id"), UINT32_MAX, &id)) {
		sa = sa_in(daemon, call, id);
		if (!sa)
			return;
		n = !host_sa_remove(daemon->host, sa->id);
	} else {
		peer = peer_in(daemon, call);
		policy = peer ? tunnel_policy(peer) : NULL;
		if (!policy)
			return;
		list_each_safe (node, &policy->sas)
			n += !host_sa_remove(
				daemon->host, container_of(node, struct sa, by_policy)->id);
	}
	dataplane_kick(daemon->dataplane);
	tree_put_map(call->ok, 1);
	tree_put_text(call->ok, "deleted");
	tree_put_uint(call->ok, n);
}

static void do_fresh_key(struct daemon *daemon, struct control_call *call)
{
	const struct tunnel_peer *peer = peer_in(daemon, call);
	char text[256] = "";
	struct put map;
	int n;

	if (!peer)
		return;
	n = host_fresh_key(daemon->host, peer->policy, text, sizeof(text));
	if (n < 0) {
		control_fail(call, n, "%s",
			*text          ? text
			: n == -EEXIST ? "every key of this peer is on record already"
			: n == -ENOENT ? "no key of this peer waits to be declared fresh"
				       : strerror(-n));
		return;
	}
	dataplane_kick(daemon->dataplane);
	put_init(&map);
	put_uint(&map, "keys", (uint64_t)n);
	put_text(&map, "text", text);
	put_map_end(&map, call->ok);
}

static void give_order(struct daemon *daemon, struct control_call *call, enum keying_order order)
{
	const struct tunnel_peer *peer = peer_in(daemon, call);
	char text[256] = "";
	int error;

	if (!peer)
		return;
	error = host_order(daemon->host, peer->policy, order, text, sizeof(text));
	if (error) {
		control_fail(call, error, "%s", *text ? text : strerror(-error));
		return;
	}
	tree_put_map(call->ok, 1);
	tree_put_text(call->ok, "text");
	tree_put_text(call->ok, "begun");
}

static void do_initiate(struct daemon *daemon, struct control_call *call)
{
	give_order(daemon, call, KEYING_INITIATE);
}

static void do_rekey(struct daemon *daemon, struct control_call *call)
{
	give_order(daemon, call, KEYING_REKEY);
}

static void do_rekey_ike(struct daemon *daemon, struct control_call *call)
{
	give_order(daemon, call, KEYING_REKEY_IKE);
}

static void do_terminate(struct daemon *daemon, struct control_call *call)
{
	give_order(daemon, call, KEYING_TERMINATE);
}

static void do_log_level(struct daemon *daemon, struct control_call *call)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {{"error", LOG_LEVEL_ERROR}, {"warn", LOG_LEVEL_WARN},
		{"info", LOG_LEVEL_INFO}, {"debug", LOG_LEVEL_DEBUG}};
	char name[16] = "";
	bool found = !tree_get(call->with, "level");

	(void)daemon;
	if (!found && !name_in(call, "level", name, sizeof(name)))
		return;
	for (size_t i = 0; i < 4 && !found; i++)
		if (!strcmp(levels[i].name, name)) {
			log_set_level(levels[i].level);
			found = true;
		}
	if (!found) {
		control_fail(call, -EINVAL, "level: error, warn, info or debug");
		return;
	}
	tree_put_map(call->ok, 1);
	tree_put_text(call->ok, "level");
	for (size_t i = 0; i < 4; i++)
		if (levels[i].level == log_get_level())
			tree_put_text(call->ok, levels[i].name);
}

static const struct verb {
	const char *name;
	bool commands; /* control.sock only */
	void (*run)(struct daemon *daemon, struct control_call *call);
} verbs[] = {
	{"status", false, show_status},
	{"show", false, show_all},
	{"drops", false, show_drops},
	{"sa.list", false, show_sas},
	{"policy.list", false, show_policies},
	{"plugin.list", false, show_plugins},
	{"peer.list", false, manage_peers},
	{"rules.list", false, control_list_rules},
	{"exchange.list", false, show_exchanges},
	{"tunnel.up", true, do_up},
	{"tunnel.down", true, do_down},
	{"config.reload", true, do_reload},
	{"enroll.add", true, manage_enroll},
	{"enroll.adopt", true, manage_enroll},
	{"enroll.revoke", true, manage_enroll},
	{"enroll.reset", true, manage_enroll},
	{"sa.delete", true, do_delete},
	{"sa.fresh-key", true, do_fresh_key},
	{"sa.initiate", true, do_initiate},
	{"sa.rekey", true, do_rekey},
	{"sa.rekey-ike", true, do_rekey_ike},
	{"sa.terminate", true, do_terminate},
	{"log.level", true, do_log_level},
};

void control_dispatch(void *owner, struct control_call *call)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].name, call->verb) != 0)
			continue;
		if (verbs[i].commands && !call->commands)
			control_fail(call, -EPERM, "%s goes over control.sock only", call->verb);
		else
			verbs[i].run(owner, call);
		return;
	}
	control_fail(call, -ENOSYS, "there is no verb %s", call->verb);
}
