/* SPDX-License-Identifier: Apache-2.0 */
/* What the peers' paths need besides packets: their MTU kept fresh, keepalives in silence. */
#ifndef DIETVPN_IO_DATAPLANE_PATHS_H
#define DIETVPN_IO_DATAPLANE_PATHS_H

#include "dietvpn/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct path;
struct spd;
struct transport;

struct paths {
	struct spd *spd;
	struct transport *transport;
	uint64_t walk_ms; /* when the next walk over all paths begins */
	uint64_t step_ms; /* when its next step may come */
	size_t walk_at;   /* where in spd_next the present walk stands; 0: none */
	bool unknown;     /* a packet went out on a path without MTU */
	uint64_t unknown_ms;
	uint64_t reports_ms; /* this second's reports of smaller MTUs */
	unsigned reports;
	uint32_t *keepalive; /* ids of policies that want keepalives */
	size_t n_keepalive, cap_keepalive;
	uint64_t keepalive_ms; /* not before then is one due; UINT64_MAX: never */
};

/* Both are borrowed for the life of paths. */
void paths_init(struct paths *paths, struct spd *spd, struct transport *transport);
void paths_fini(struct paths *paths);

/* The MTU of paths that have none; and the next walk begins with the next traffic. */
void paths_changed(struct paths *paths);
/* This path was used; its MTU may be unknown. */
void paths_used(struct paths *paths, const struct path *path);
/* A step of what is due, so that no wake-up is long: called where there is traffic. */
void paths_step(struct paths *paths, uint64_t now_ms);
/* A smaller MTU towards remote; port 0: of any. */
void paths_reported(
	struct paths *paths, const struct ip_endpoint *remote, uint32_t mtu, uint64_t now_ms);

/* 0 or -ENOMEM. */
int paths_keepalive(struct paths *paths, uint32_t policy, bool on, uint64_t now_ms);
/* Sends the keepalives that are due. */
void paths_keepalive_due(struct paths *paths, uint64_t now_ms);

#endif
