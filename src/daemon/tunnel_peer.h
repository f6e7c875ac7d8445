/* SPDX-License-Identifier: Apache-2.0 */
/* One peer of a tunnel: its policy, where it is, and the look-up of its name (RFC 4301 4.4.1). */
#ifndef DIETVPN_DAEMON_TUNNEL_PEER_H
#define DIETVPN_DAEMON_TUNNEL_PEER_H

#include "config/config.h"

#include <stdint.h>

struct host_guest;
struct tunnel;
struct tunnel_peer;

/* Adds the policy. 0 or negative errno. */
int peer_create(struct tunnel *tunnel, const struct config_peer *config, struct tunnel_peer **out);
int peer_create_guest(
	struct tunnel *tunnel, const struct host_guest *guest, struct tunnel_peer **out);
/* Its SAs, its policy, a look-up under way. NULL is allowed. */
void peer_destroy(struct tunnel_peer *peer);
/* Once keying has it: look-up, keepalive. */
void peer_start(struct tunnel_peer *peer);
/* The configuration of the same peer has changed where SAs do not care. */
void peer_update(
	struct tunnel_peer *peer, const struct config_peer *old, const struct config_peer *config);
void peer_resolve(struct tunnel_peer *peer);

#endif
