/* SPDX-License-Identifier: Apache-2.0 */
/* Peers of a tunnel that do not stand in its file: a template has let them in. */
#include "daemon/tunnel_guest.h"

#include "base/log.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "daemon/daemon.h"
#include "daemon/tunnel.h"
#include "daemon/tunnel_peer.h"
#include "io/dataplane.h"
#include "ipsec/spd.h"
#include "keying/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_TAG "peer"

enum { GUESTS_FIRST = 16 };

static bool has_name(const void *value, const void *key)
{
	return !strcmp(((const struct tunnel_peer *)value)->name, key);
}

static uint64_t name_hash(const struct tunnel *tunnel, const char *name)
{
	return hash_short(tunnel->guest_key, name, strlen(name));
}

void guests_init(struct tunnel *tunnel)
{
	map_init(&tunnel->guest_names, has_name);
	secret_random(tunnel->guest_key, sizeof(tunnel->guest_key));
}

struct tunnel_peer *guests_find(const struct tunnel *tunnel, const char *name)
{
	return map_find(&tunnel->guest_names, name_hash(tunnel, name), name);
}

static int make_room(struct tunnel *tunnel)
{
	size_t cap = tunnel->guests_cap ? 2 * tunnel->guests_cap : GUESTS_FIRST;
	struct tunnel_peer **grown;

	if (tunnel->n_guests < tunnel->guests_cap)
		return 0;
	grown = realloc(tunnel->guests, cap * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	tunnel->guests = grown;
	tunnel->guests_cap = cap;
	return 0;
}

static struct tunnel *tunnel_of(const struct daemon *daemon, uint32_t policy)
{
	const struct policy *found = spd_find(daemon->ipsec.spd, policy);

	return found ? daemon->tunnels[found->tunnel] : NULL;
}

static void tell(const struct tunnel_peer *peer, const char *event)
{
	const char *const pairs[3][2] = {{"tunnel", peer->tunnel->config->tunnel},
		{"peer", peer->name}, {"template", peer->config->name}};

	log_debug("peer=%s: %s, of [Peer \"%s\"]", peer->name, event, peer->config->name);
	daemon_event_text(peer->tunnel->daemon, event, pairs);
}

int guest_add(void *owner, const struct host_guest *params, uint32_t *made)
{
	struct tunnel *tunnel = tunnel_of(owner, params->template);
	struct tunnel_peer *peer;
	int error;

	if (!tunnel)
		return -ENOENT;
	if (tunnel_find_peer(tunnel, params->name))
		return -EEXIST;
	error = make_room(tunnel);
	if (!error)
		error = peer_create_guest(tunnel, params, &peer);
	if (error)
		return error;
	error = map_add(&tunnel->guest_names, name_hash(tunnel, peer->name), peer);
	if (error) {
		peer_destroy(peer);
		return error;
	}
	peer->at = tunnel->n_guests;
	tunnel->guests[tunnel->n_guests++] = peer;
	*made = peer->policy;
	tell(peer, "peer.added");
	return 0;
}

void guest_remove(void *owner, uint32_t policy)
{
	const struct policy *found = spd_find(((const struct daemon *)owner)->ipsec.spd, policy);
	struct tunnel *tunnel = tunnel_of(owner, policy);
	struct tunnel_peer *peer = tunnel ? guests_find(tunnel, found->name) : NULL;

	if (!peer)
		return;
	tell(peer, "peer.removed");
	map_remove(&tunnel->guest_names, name_hash(tunnel, peer->name), peer->name);
	tunnel->guests[peer->at] = tunnel->guests[--tunnel->n_guests];
	tunnel->guests[peer->at]->at = peer->at;
	peer_destroy(peer);
}

/* Some [Peer] of the file has traffic of this guest. */
static bool is_superseded(const struct tunnel_peer *guest)
{
	const struct spd *spd = guest->tunnel->daemon->ipsec.spd;
	const struct policy *policy = tunnel_policy(guest);

	for (size_t i = 0; policy && i < policy->n_local; i++)
		for (size_t k = 0; k < policy->n_remote; k++)
			if (spd_meets(spd, policy->tunnel, &policy->local[i], &policy->remote[k],
				    policy))
				return true;
	return false;
}

static void end_named(struct tunnel *tunnel)
{
	for (size_t i = 0; tunnel->n_guests && i < tunnel->n_peers; i++) {
		const struct tunnel_peer *guest = guests_find(tunnel, tunnel->peers[i]->name);

		if (guest)
			host_peer_end(tunnel->daemon->host, guest->policy);
	}
}

void guests_follow(struct tunnel *tunnel)
{
	for (size_t i = 0; tunnel->n_guests && i < tunnel->n_peers; i++) {
		const struct tunnel_peer *template = tunnel->peers[i];

		for (size_t k = 0; template->config->template && k < tunnel->n_guests; k++)
			if (tunnel->guests[k]->template == template->policy)
				tunnel->guests[k]->config = template->config;
	}
	end_named(tunnel);
	/* From the end: the last one takes the place of one that goes. */
	for (size_t k = tunnel->n_guests; k-- > 0;)
		if (is_superseded(tunnel->guests[k]))
			host_peer_end(tunnel->daemon->host, tunnel->guests[k]->policy);
}

void guests_fini(struct tunnel *tunnel)
{
	for (size_t i = 0; i < tunnel->n_guests; i++)
		peer_destroy(tunnel->guests[i]);
	map_fini(&tunnel->guest_names);
	free(tunnel->guests);
	tunnel->guests = NULL;
	tunnel->n_guests = tunnel->guests_cap = 0;
}
