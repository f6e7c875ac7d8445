/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between two lives of one configuration, and whether SAs survive it. */
#ifndef DIETVPN_DAEMON_CHANGE_H
#define DIETVPN_DAEMON_CHANGE_H

#include "config/config.h"

#include <stddef.h>

struct host;

enum change { CHANGE_NONE, CHANGE_UPDATE, CHANGE_RESTART, CHANGE_REFUSE };

/*
 * keys: names of what differs, joined by ", ". Update: SAs stay. Restart: this peer's (interface:
 * every peer's) SAs are built anew. Refuse: not while the tunnel is up.
 */
enum change change_interface(
	const struct config *old, const struct config *next, char *keys, size_t cap);
/* host: asked which of a plugin's own keys are reloadable. */
enum change change_peer(const struct host *host, const struct config_peer *old,
	const struct config_peer *next, char *keys, size_t cap);

#endif
