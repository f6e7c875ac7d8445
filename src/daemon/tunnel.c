/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One NAME.conf in life: guards, TUN, addresses, routes, policies, MTU, its peers' endpoints
 * (trust.md section 4.5).
 */
#include "daemon/tunnel.h"

#include "base/log.h"
#include "daemon/clear_text.h"
#include "daemon/daemon.h"
#include "daemon/hook.h"
#include "daemon/tunnel_guest.h"
#include "daemon/tunnel_net.h"
#include "daemon/tunnel_peer.h"
#include "io/dataplane.h"
#include "io/pmtu.h"
#include "ip/packet.h"
#include "ipsec/path.h"
#include "ipsec/spd.h"
#include "keying/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_TAG "tunnel"

enum { MTU_UNKNOWN_PATH = 1500, MTU_MARGIN = 100 };

/* Of the file's. */
static struct tunnel_peer *find_named(const struct tunnel *tunnel, const char *name)
{
	for (size_t i = 0; i < tunnel->n_peers; i++)
		if (!strcmp(tunnel->peers[i]->name, name))
			return tunnel->peers[i];
	return NULL;
}

struct tunnel_peer *tunnel_find_peer(const struct tunnel *tunnel, const char *name)
{
	struct tunnel_peer *peer = find_named(tunnel, name);

	return peer ? peer : guests_find(tunnel, name);
}

struct tunnel_peer *tunnel_peer_at(const struct tunnel *tunnel, size_t index)
{
	if (index < tunnel->n_peers)
		return tunnel->peers[index];
	index -= tunnel->n_peers;
	return index < tunnel->n_guests ? tunnel->guests[index] : NULL;
}

static int create_peers(struct tunnel *tunnel, struct config_errors *errors)
{
	const struct config *config = tunnel->config;

	tunnel->peers = calloc(config->n_peers + 1, sizeof(struct tunnel_peer *));
	if (!tunnel->peers)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_peers; i++) {
		const struct config_peer *peer = &config->peers[i];
		int error = peer_create(tunnel, peer, &tunnel->peers[i]);
		char at[96];

		if (error) {
			config_errors_add(errors, config_at(config, peer->at, at, sizeof(at)), "",
				"policy of [Peer \"%s\"]: %s", peer->name, strerror(-error));
			return error;
		}
		tunnel->n_peers++;
	}
	return 0;
}

/* The worst of all paths, each with the worst that its SAs may add; Mtu = wins. */
static uint32_t compute_mtu(struct tunnel *tunnel)
{
	uint32_t mtu = UINT32_MAX;
	const struct tunnel_peer *peer;

	tunnel->path_mtu = 0;
	for (size_t i = 0; (peer = tunnel_peer_at(tunnel, i)); i++) {
		struct policy *policy = tunnel_policy(peer);
		uint32_t path_mtu = MTU_UNKNOWN_PATH;
		uint32_t inner;

		if (!policy)
			continue;
		if (!policy->path->mtu)
			pmtu_refresh(policy->path);
		if (policy->path->mtu) {
			path_mtu = policy->path->mtu;
			if (!tunnel->path_mtu || path_mtu < tunnel->path_mtu)
				tunnel->path_mtu = path_mtu;
		}
		inner = ipsec_even_mtu(policy, ipsec_inner_mtu(policy, path_mtu));
		if (inner < mtu)
			mtu = inner;
	}
	if (tunnel->config->interface.mtu)
		mtu = tunnel->config->interface.mtu;
	else if (mtu == UINT32_MAX)
		mtu = MTU_UNKNOWN_PATH - MTU_MARGIN;
	if (mtu < IPV6_MIN_MTU)
		mtu = IPV6_MIN_MTU; /* below it Linux takes the IPv6 addresses away */
	return mtu > DATAPLANE_MTU_MAX ? DATAPLANE_MTU_MAX : mtu;
}

void tunnel_refresh_mtu(struct tunnel *tunnel)
{
	uint32_t mtu = compute_mtu(tunnel);
	uint32_t before = tunnel->mtu;
	char text[16];
	const char *const pairs[3][2] = {
		{"tunnel", tunnel->config->tunnel}, {"ifname", tunnel->tun.name}, {"mtu", text}};

	if (mtu == before || !tunnel->attached)
		return;
	net_set_mtu(tunnel, mtu);
	if (tunnel->mtu == before)
		return;
	log_info("%s: mtu %u, was %u (path %u)", tunnel->tun.name, mtu, before, tunnel->path_mtu);
	snprintf(text, sizeof(text), "%u", mtu);
	daemon_event_text(tunnel->daemon, "tunnel.mtu", pairs);
}

static void tell(struct tunnel *tunnel, const char *event)
{
	const char *const pairs[3][2] = {{"tunnel", tunnel->config->tunnel},
		{"ifname", tunnel->config->interface.name}, {NULL, NULL}};

	daemon_event_text(tunnel->daemon, event, pairs);
}

static void free_config(struct config *config)
{
	if (config)
		config_fini(config);
	free(config);
}

static void free_peers(struct tunnel *tunnel)
{
	for (size_t i = 0; i < tunnel->n_peers; i++)
		peer_destroy(tunnel->peers[i]);
	free(tunnel->peers);
	tunnel->peers = NULL;
	tunnel->n_peers = 0;
}

static uint16_t free_index(const struct daemon *daemon)
{
	uint16_t index = 0;

	while (index < TUNNELS_MAX && daemon->tunnels[index])
		index++;
	return index;
}

int tunnel_open(struct daemon *daemon, struct config *config, bool keep, struct tunnel **out,
	struct config_errors *errors)
{
	struct tunnel *tunnel = calloc(1, sizeof(*tunnel));
	int error;

	if (!tunnel || free_index(daemon) == TUNNELS_MAX) {
		error = tunnel ? -ENOSPC : -ENOMEM;
		config_errors_add(errors, config->tunnel, "", "at most 64 tunnels");
		free_config(config);
		free(tunnel);
		return error;
	}
	*tunnel = (struct tunnel){
		.daemon = daemon, .config = config, .index = free_index(daemon), .tun.fd = -1};
	guests_init(tunnel);
	error = create_peers(tunnel, errors);
	if (!error) {
		tunnel->mtu = compute_mtu(tunnel);
		error = net_open(tunnel, errors);
	}
	if (error) {
		net_close(tunnel, keep);
		guests_fini(tunnel);
		free_peers(tunnel);
		free_config(tunnel->config);
		free(tunnel);
		return error;
	}
	daemon->tunnels[tunnel->index] = tunnel;
	*out = tunnel;
	return 0;
}

/* ids[i] is the policy of config->peers[i]. NULL without memory. */
static uint32_t *policy_ids(struct tunnel_peer *const *peers, size_t n)
{
	uint32_t *ids = calloc(n + 1, sizeof(*ids));

	for (size_t i = 0; ids && i < n; i++)
		ids[i] = peers[i]->policy;
	return ids;
}

int tunnel_start(struct tunnel *tunnel, struct config_errors *errors)
{
	struct daemon *daemon = tunnel->daemon;
	const struct config *config = tunnel->config;
	uint32_t *ids = policy_ids(tunnel->peers, tunnel->n_peers);
	int error = ids ? host_start(daemon->host, config, ids, errors) : -ENOMEM;

	free(ids);
	if (error) {
		if (!errors->n)
			config_errors_add(
				errors, config->tunnel, "", "keying: %s", strerror(-error));
		return error;
	}
	tunnel->hosted = true;
	for (size_t i = 0; i < tunnel->n_peers; i++)
		peer_start(tunnel->peers[i]);
	tunnel_refresh_mtu(tunnel); /* now the SAs say what they add */
	dataplane_kick(daemon->dataplane);
	hook_run(&daemon->loop, config->interface.on_up, config->tunnel, tunnel->tun.name);
	log_info("%s: %s up, mtu %u, %zu peer%s", config->tunnel, tunnel->tun.name, tunnel->mtu,
		tunnel->n_peers, tunnel->n_peers == 1 ? "" : "s");
	clear_text_advise(config);
	tell(tunnel, "tunnel.up");
	return 0;
}

int tunnel_reopen(struct tunnel *tunnel, struct config_errors *errors)
{
	int error = net_reopen(tunnel, errors);

	if (error)
		return error;
	dataplane_kick(tunnel->daemon->dataplane);
	log_info("%s: %s made anew, mtu %u", tunnel->config->tunnel, tunnel->tun.name, tunnel->mtu);
	tell(tunnel, "tunnel.up");
	return 0;
}

void tunnel_close(struct tunnel *tunnel, bool keep)
{
	struct daemon *daemon = tunnel->daemon;
	const struct config_interface *interface = &tunnel->config->interface;

	if (!keep && tunnel->hosted)
		hook_run(
			&daemon->loop, interface->on_down, tunnel->config->tunnel, interface->name);
	if (tunnel->hosted)
		host_stop(daemon->host, tunnel->config);
	guests_fini(tunnel);
	free_peers(tunnel);
	net_close(tunnel, keep);
	if (!keep)
		tell(tunnel, "tunnel.down");
	daemon->tunnels[tunnel->index] = NULL;
	free_config(tunnel->config);
	free(tunnel);
}

/* The peers of the next configuration: those that go on, and new ones. NULL with an error added. */
static struct tunnel_peer **next_peers(struct tunnel *tunnel, const struct config *next,
	const bool *restart, struct config_errors *errors)
{
	struct tunnel_peer **peers = calloc(next->n_peers + 1, sizeof(*peers));

	for (size_t i = 0; peers && i < next->n_peers; i++) {
		int error = 0;

		if (!restart[i])
			peers[i] = find_named(tunnel, next->peers[i].name);
		if (!peers[i])
			error = peer_create(tunnel, &next->peers[i], &peers[i]);
		if (error) {
			config_errors_add(errors, next->tunnel, "", "policy of [Peer \"%s\"]: %s",
				next->peers[i].name, strerror(-error));
			break;
		}
	}
	return peers;
}

static bool is_among(
	const struct tunnel_peer *peer, struct tunnel_peer *const *peers, size_t n_peers)
{
	for (size_t i = 0; i < n_peers; i++)
		if (peers[i] == peer)
			return true;
	return false;
}

static void destroy_others(
	struct tunnel_peer *const *peers, size_t n, struct tunnel_peer *const *kept, size_t n_kept)
{
	for (size_t i = 0; i < n; i++)
		if (peers[i] && !is_among(peers[i], kept, n_kept))
			peer_destroy(peers[i]);
}

static const struct config_peer *find_config(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_peers; i++)
		if (!strcmp(config->peers[i].name, name))
			return &config->peers[i];
	return NULL;
}

int tunnel_update(struct tunnel *tunnel, struct config *config, const bool *restart,
	struct config_errors *errors)
{
	struct config *old = tunnel->config;
	size_t before = errors->n;
	struct tunnel_peer **peers = next_peers(tunnel, config, restart, errors);
	uint32_t *ids = peers && errors->n == before ? policy_ids(peers, config->n_peers) : NULL;
	int error = ids ? host_reload(tunnel->daemon->host, old, config, ids, errors) : -ENOMEM;

	free(ids);
	if (error) {
		if (errors->n == before)
			config_errors_add(errors, config->tunnel, "", "reload of keying: %s",
				strerror(-error));
		if (peers)
			destroy_others(peers, config->n_peers, tunnel->peers, tunnel->n_peers);
		free(peers);
		free_config(config);
		return error;
	}
	destroy_others(tunnel->peers, tunnel->n_peers, peers, config->n_peers);
	free(tunnel->peers);
	tunnel->peers = peers;
	tunnel->n_peers = config->n_peers;
	error = net_change(tunnel, config, errors);
	tunnel->config = config;
	for (size_t i = 0; i < tunnel->n_peers; i++) {
		const struct config_peer *was = find_config(old, peers[i]->name);

		peers[i]->config = &config->peers[i];
		if (was && !restart[i])
			peer_update(peers[i], was, &config->peers[i]);
		else
			peer_start(peers[i]);
	}
	guests_follow(tunnel);
	free_config(old);
	tunnel_refresh_mtu(tunnel);
	dataplane_kick(tunnel->daemon->dataplane);
	return error;
}

void tunnel_mend(struct tunnel *tunnel)
{
	net_mend(tunnel);
}

void tunnel_resolve(struct tunnel *tunnel, bool all)
{
	for (size_t i = 0; i < tunnel->n_peers; i++)
		if (all || tunnel->peers[i]->unresolved)
			peer_resolve(tunnel->peers[i]);
}
