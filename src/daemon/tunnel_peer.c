/* SPDX-License-Identifier: Apache-2.0 */
/* One peer of a tunnel: its policy, where it is, and the look-up of its name (RFC 4301 4.4.1). */
#include "daemon/tunnel_peer.h"

#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/tunnel.h"
#include "daemon/tunnel_net.h"
#include "io/dataplane.h"
#include "io/resolve.h"
#include "esp/sa.h"
#include "ipsec/path.h"
#include "ipsec/spd.h"
#include "keying/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_TAG "peer"

const struct config_peer *tunnel_config_of(const struct tunnel_peer *peer)
{
	return peer->config;
}

struct policy *tunnel_policy(const struct tunnel_peer *peer)
{
	return spd_find(peer->tunnel->daemon->ipsec.spd, peer->policy);
}

/* Without NAT detection (manual keys) "auto" has to be what passes a NAT. */
static uint8_t encap_of(const struct config_peer *config)
{
	return config->encap == CONFIG_ENCAP_RAW ? SA_ENCAP_ESP : SA_ENCAP_UDP;
}

static uint16_t port_of(const struct tunnel_peer *peer, const struct config_peer *config)
{
	if (encap_of(config) == SA_ENCAP_ESP)
		return 0;
	return config->endpoint.port ? config->endpoint.port : peer->tunnel->daemon->port_nat;
}

/* The peer is there from now on, by configuration or by name: nothing of an older place counts. */
static void place(struct tunnel_peer *peer, const struct ip_endpoint *remote)
{
	struct policy *policy = tunnel_policy(peer);

	if (!policy || ip_endpoint_equal(&policy->path->remote, remote))
		return;
	policy->path->remote = *remote;
	policy->path->previous = (struct ip_endpoint){0};
	policy->path->unproven = 0;
	policy->path->mtu = 0; /* another path: the route is asked anew */
}

/* params: without what the tunnel knows of a policy of its own. */
static int create(struct tunnel *tunnel, const struct config_peer *config,
	struct policy_params *params, struct tunnel_peer **out)
{
	struct daemon *daemon = tunnel->daemon;
	struct tunnel_peer *peer = calloc(1, sizeof(*peer));
	struct policy *policy;
	int error;

	if (!peer)
		return -ENOMEM;
	params->id = daemon->next_policy;
	params->tunnel = tunnel->index;
	params->n_local = config->n_ts_local;
	memcpy(params->local, config->ts_local, sizeof(params->local));
	error = spd_add(daemon->ipsec.spd, params, NULL, &policy);
	if (error) {
		free(peer);
		return error;
	}
	daemon->next_policy++;
	peer->tunnel = tunnel;
	peer->config = config;
	peer->policy = params->id;
	snprintf(peer->name, sizeof(peer->name), "%s", params->name);
	policy->path->encap = encap_of(config);
	*out = peer;
	return 0;
}

int peer_create(struct tunnel *tunnel, const struct config_peer *config, struct tunnel_peer **out)
{
	struct policy_params params = {
		.action = config->template ? POLICY_TEMPLATE : POLICY_PROTECT,
		.n_remote = config->n_ts_remote,
	};
	int error;

	memcpy(params.remote, config->ts_remote, sizeof(params.remote));
	snprintf(params.name, sizeof(params.name), "%s", config->name);
	error = create(tunnel, config, &params, out);
	if (!error && config->endpoint.addr.family) {
		struct ip_endpoint remote = config->endpoint;

		remote.port = port_of(*out, config);
		place(*out, &remote);
	}
	return error;
}

int peer_create_guest(
	struct tunnel *tunnel, const struct host_guest *guest, struct tunnel_peer **out)
{
	struct policy_params params = {
		.action = POLICY_PROTECT, .n_remote = (uint8_t)guest->n_remote};
	int error;

	memcpy(params.remote, guest->remote, guest->n_remote * sizeof(params.remote[0]));
	snprintf(params.name, sizeof(params.name), "%s", guest->name);
	error = create(tunnel, guest->config, &params, out);
	if (!error)
		(*out)->template = guest->template;
	return error;
}

static void remove_sas(struct daemon *daemon, struct policy *policy)
{
	while (!list_empty(&policy->sas))
		ipsec_sa_remove(
			&daemon->ipsec, container_of(policy->sas.next, struct sa, by_policy));
}

void peer_destroy(struct tunnel_peer *peer)
{
	struct daemon *daemon;
	struct policy *policy;

	if (!peer)
		return;
	daemon = peer->tunnel->daemon;
	policy = tunnel_policy(peer);
	if (peer->resolve)
		resolve_cancel(peer->resolve);
	if (policy) {
		if (peer->keepalive)
			dataplane_keepalive(daemon->dataplane, policy, false);
		remove_sas(daemon, policy);
		spd_remove(daemon->ipsec.spd, peer->policy);
	}
	free(peer);
}

static void tell(struct tunnel_peer *peer, const char *event, const char *key, const char *value)
{
	const char *const pairs[3][2] = {
		{"tunnel", peer->tunnel->config->tunnel}, {"peer", peer->name}, {key, value}};

	daemon_event_text(peer->tunnel->daemon, event, pairs);
}

/* Its own packets would go into the tunnel again. */
static bool swallowed(const struct tunnel_peer *peer, const struct ip_addr *addr)
{
	const struct config *config = peer->tunnel->config;
	const struct ip_prefix *prefix;

	for (size_t p = 0; p < config->n_peers; p++)
		for (size_t i = 0; (prefix = net_prefix(&config->peers[p], i)); i++)
			if (ip_prefix_contains(prefix, addr))
				return true;
	return false;
}

static void unresolved(struct tunnel_peer *peer, const char *text)
{
	if (strcmp(peer->trouble, text) != 0) {
		log_warn("peer=%s: %s", peer->name, text);
		tell(peer, "peer.unresolved", "text", text);
	}
	snprintf(peer->trouble, sizeof(peer->trouble), "%s", text);
	peer->unresolved = true;
	daemon_retry_later(peer->tunnel->daemon);
}

static void on_resolved(
	void *owner, const char *host, int error, const struct ip_endpoint *endpoint)
{
	struct tunnel_peer *peer = owner;
	struct daemon *daemon = peer->tunnel->daemon;
	char place_text[IP_ENDPOINT_TEXT];
	char text[160];

	peer->resolve = NULL;
	if (error) {
		snprintf(text, sizeof(text), "Endpoint %.80s: %s; again in 30 s", host,
			uv_strerror(error));
		unresolved(peer, text);
		return;
	}
	ip_endpoint_print(endpoint, place_text, sizeof(place_text));
	if (swallowed(peer, &endpoint->addr)) {
		snprintf(text, sizeof(text), "Endpoint %.60s is %s, inside this tunnel's routes",
			host, place_text);
		unresolved(peer, text);
		return;
	}
	peer->unresolved = false;
	peer->trouble[0] = '\0';
	/* A peer that moved by itself since is where its packets came from, not where its name is.
	 */
	if (ip_endpoint_equal(&peer->resolved, endpoint))
		return;
	peer->resolved = *endpoint;
	place(peer, endpoint);
	log_info("peer=%s: %s is %s", peer->name, host, place_text);
	tell(peer, "peer.endpoint", "endpoint", place_text);
	host_endpoint(daemon->host, peer->policy, endpoint);
	tunnel_refresh_mtu(peer->tunnel);
	dataplane_kick(daemon->dataplane);
}

void peer_resolve(struct tunnel_peer *peer)
{
	const struct config_peer *config = tunnel_config_of(peer);

	if (!config || !config->endpoint_host[0] || config->endpoint.addr.family || peer->resolve)
		return;
	peer->resolve = resolve_start(&peer->tunnel->daemon->loop, config->endpoint_host,
		port_of(peer, config), on_resolved, peer);
	if (!peer->resolve)
		unresolved(peer, "no memory to look its Endpoint up");
}

/*
 * Manual keys cannot see a NAT. Whoever has Role = initiator and an Endpoint is the one that may
 * sit behind one; everybody else stays silent, so that an idle gateway does not wake up.
 */
static void set_keepalive(struct tunnel_peer *peer, const struct config_peer *config)
{
	bool on = config->endpoint_host[0] && config->role == ROLE_INITIATOR &&
		  config->encap != CONFIG_ENCAP_RAW && !config->sleepy;
	struct policy *policy = tunnel_policy(peer);

	if (policy && on != peer->keepalive)
		dataplane_keepalive(peer->tunnel->daemon->dataplane, policy, on);
	peer->keepalive = on;
}

void peer_start(struct tunnel_peer *peer)
{
	const struct config_peer *config = tunnel_config_of(peer);

	if (!config)
		return;
	set_keepalive(peer, config);
	peer_resolve(peer);
}

void peer_update(
	struct tunnel_peer *peer, const struct config_peer *old, const struct config_peer *config)
{
	struct ip_endpoint remote = config->endpoint;

	if (strcmp(old->endpoint_host, config->endpoint_host) != 0 ||
		!ip_endpoint_equal(&old->endpoint, &config->endpoint)) {
		if (peer->resolve)
			resolve_cancel(peer->resolve);
		peer->resolve = NULL;
		peer->resolved = (struct ip_endpoint){0};
		peer->unresolved = false;
		peer->trouble[0] = '\0';
		remote.port = port_of(peer, config);
		if (remote.addr.family) {
			place(peer, &remote);
			host_endpoint(peer->tunnel->daemon->host, peer->policy, &remote);
		}
	}
	peer_start(peer);
}
