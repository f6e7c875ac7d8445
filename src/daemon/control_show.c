/* SPDX-License-Identifier: Apache-2.0 */
/* The control verbs that read (docs/control.md says what each key means). */
#include "daemon/control_show.h"

#include "daemon/control.h"
#include "daemon/control_peer.h"
#include "daemon/daemon.h"
#include "daemon/put.h"
#include "daemon/tunnel.h"
#include "esp/sa.h"
#include "io/dataplane.h"
#include "ipsec/sad.h"
#include "ipsec/spd.h"
#include "keying/host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_PEERS = 64, SHOW_PEERS = 8, SAS_PER_FRAME = 96, POLICIES_PER_FRAME = 32 };

/* The text under this key of "with"; "" where it is absent, false where it is no short text. */
static bool with_text(struct control_call *call, const char *key, char *out, size_t cap)
{
	tree_node node = tree_get(call->with, key);

	out[0] = '\0';
	if (!node || tree_text_copy(node, out, cap))
		return true;
	control_fail(call, -EINVAL, "%s: a name", key);
	return false;
}

/* One pass over tunnels and peers: what "name" selects, and where the last frame ended. */
struct pass {
	struct daemon *daemon;
	struct control_call *call;
	struct put tunnels;
	const char *name;
	bool details, found;
	size_t room; /* peers that still go into this frame */
};

static void put_tunnel(struct pass *pass, const struct tunnel *tunnel, struct put *peers)
{
	const struct config_interface *interface = &tunnel->config->interface;
	struct ip_prefix own[TUNNEL_ADDRESSES_MAX];
	size_t n_own = tunnel_addresses(tunnel, own, TUNNEL_ADDRESSES_MAX);
	struct put map;

	put_init(&map);
	put_text(&map, "name", tunnel->config->tunnel);
	put_text(&map, "ifname", interface->name);
	put_uint(&map, "mtu", tunnel->mtu);
	put_prefixes(&map, "addresses", own, n_own);
	if (pass->details)
		control_put_tunnel_details(&map, tunnel);
	put_array_end(peers, put_key(&map, "peers"));
	put_map_end(&map, put_next(&pass->tunnels));
}

/* Its peers from call->at[1] on; false: the frame is full. */
static bool pass_tunnel(struct pass *pass, const struct tunnel *tunnel)
{
	bool whole = !*pass->name || !strcmp(pass->name, tunnel->config->tunnel);
	size_t *at = &pass->call->at[1];
	const struct tunnel_peer *peer = NULL;
	struct put peers;

	if (!whole && !tunnel_find_peer(tunnel, pass->name))
		return true;
	pass->found = true;
	put_init(&peers);
	for (; pass->room && (peer = tunnel_peer_at(tunnel, *at)); ++*at) {
		if (!whole && strcmp(peer->name, pass->name) != 0)
			continue;
		control_put_peer(peer, pass->details, put_next(&peers));
		pass->room--;
	}
	put_tunnel(pass, tunnel, &peers);
	return !tunnel_peer_at(tunnel, *at);
}

static uint64_t drops(const struct daemon *daemon)
{
	uint64_t n = 0;

	for (size_t i = DROP_NONE + 1; i < DROP_COUNT; i++)
		if (i != DROP_KEEPALIVE)
			n += daemon->ipsec.drops[i];
	return n;
}

static void put_head(struct put *map, const struct daemon *daemon)
{
	put_text(map, "version", DIETVPN_VERSION);
	put_uint(map, "pid", (uint64_t)getpid());
	put_uint(map, "uptime_s", (dataplane_now_ms() - daemon->started_ms) / 1000);
	put_uint(map, "drops", drops(daemon));
}

static void show(struct daemon *daemon, struct control_call *call, bool details)
{
	char name[CONFIG_NAME_MAX];
	struct pass pass = {.daemon = daemon,
		.call = call,
		.name = name,
		.details = details,
		.found = call->at[0] || call->at[1],
		.room = details ? SHOW_PEERS : STATUS_PEERS};
	struct put map;

	if (!with_text(call, "name", name, sizeof(name)))
		return;
	put_init(&pass.tunnels);
	for (; call->at[0] < TUNNELS_MAX && pass.room; call->at[0]++) {
		const struct tunnel *tunnel = daemon->tunnels[call->at[0]];

		if (tunnel && !pass_tunnel(&pass, tunnel))
			break;
		call->at[1] = 0;
	}
	call->more = call->at[0] < TUNNELS_MAX;
	put_init(&map);
	put_head(&map, daemon);
	put_array_end(&pass.tunnels, put_key(&map, "tunnels"));
	put_map_end(&map, call->ok);
	if (!pass.found && *name && !call->more) {
		control_fail(call, -ENOENT, "no tunnel or peer is called %s", name);
		control_hint_names(call);
	}
}

void show_status(struct daemon *daemon, struct control_call *call)
{
	show(daemon, call, false);
}

void show_all(struct daemon *daemon, struct control_call *call)
{
	show(daemon, call, true);
}

static bool peer_is_there(const struct daemon *daemon, const char *name)
{
	for (size_t i = 0; i < TUNNELS_MAX; i++)
		if (daemon->tunnels[i] && tunnel_find_peer(daemon->tunnels[i], name))
			return true;
	return false;
}

void show_sas(struct daemon *daemon, struct control_call *call)
{
	char peer[CONFIG_NAME_MAX];
	struct put list;
	struct sa *sa = NULL;

	if (!with_text(call, "peer", peer, sizeof(peer)))
		return;
	if (*peer && !peer_is_there(daemon, peer)) {
		control_fail(call, -ENOENT, "no peer is called %s", peer);
		control_hint_names(call);
		return;
	}
	put_init(&list);
	while (list.n < SAS_PER_FRAME && (sa = sad_next(daemon->ipsec.sad, &call->at[0]))) {
		const struct policy *policy = spd_find(daemon->ipsec.spd, sa->policy);

		if (!policy || (*peer && strcmp(policy->name, peer) != 0))
			continue;
		control_put_sa(daemon, sa, policy, put_next(&list));
	}
	call->more = sa != NULL;
	tree_put_map(call->ok, 1);
	tree_put_text(call->ok, "sas");
	put_array_end(&list, call->ok);
}

void show_drops(struct daemon *daemon, struct control_call *call)
{
	tree_put_map(call->ok, 3);
	tree_put_text(call->ok, "taken");
	tree_put_uint(call->ok, daemon->ipsec.taken);
	tree_put_text(call->ok, "received");
	tree_put_uint(call->ok, daemon->ipsec.received);
	tree_put_text(call->ok, "drops");
	tree_put_array(call->ok, DROP_COUNT);
	for (size_t i = 0; i < DROP_COUNT; i++) {
		struct put map;

		put_init(&map);
		put_text(&map, "name", drop_name((enum drop)i));
		put_text(&map, "help", drop_help((enum drop)i));
		put_uint(&map, "count", daemon->ipsec.drops[i]);
		put_map_end(&map, call->ok);
	}
}

static void put_policy(
	const struct daemon *daemon, const struct policy *policy, struct tree_writer *w)
{
	static const char *const actions[] = {[POLICY_PROTECT] = "protect",
		[POLICY_DISCARD] = "discard",
		[POLICY_TEMPLATE] = "template"};
	const struct tunnel *tunnel = daemon->tunnels[policy->tunnel];
	struct put map;
	size_t n = 0;

	list_each (node, &policy->sas)
		n++;
	put_init(&map);
	put_uint(&map, "id", policy->id);
	put_text(&map, "tunnel", tunnel ? tunnel->config->tunnel : "");
	put_text(&map, "peer", policy->name);
	put_text(&map, "action", actions[policy->action]);
	put_selectors(&map, "local", policy->local, policy->n_local);
	put_selectors(&map, "remote", policy->remote, policy->n_remote);
	put_uint(&map, "sas", n);
	put_map_end(&map, w);
}

void show_policies(struct daemon *daemon, struct control_call *call)
{
	struct put list;
	struct policy *policy = NULL;

	put_init(&list);
	while (list.n < POLICIES_PER_FRAME && (policy = spd_next(daemon->ipsec.spd, &call->at[0])))
		put_policy(daemon, policy, put_next(&list));
	call->more = policy != NULL;
	tree_put_map(call->ok, 1);
	tree_put_text(call->ok, "policies");
	put_array_end(&list, call->ok);
}

void show_plugins(struct daemon *daemon, struct control_call *call)
{
	const struct keying_plugin_ops *ops;
	struct put list;

	put_init(&list);
	for (size_t i = 0; daemon->host && (ops = host_plugin_at(daemon->host, i)); i++) {
		struct put map;

		put_init(&map);
		put_text(&map, "name", ops->name);
		put_text(&map, "summary", ops->summary);
		put_map_end(&map, put_next(&list));
	}
	tree_put_map(call->ok, 1);
	tree_put_text(call->ok, "plugins");
	put_array_end(&list, call->ok);
}
