/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One NAME.conf in life: guards, TUN, addresses, routes, policies, MTU, its peers' endpoints
 * (trust.md section 4.5).
 */
#ifndef DIETVPN_DAEMON_TUNNEL_H
#define DIETVPN_DAEMON_TUNNEL_H

#include "base/map.h"
#include "config/config.h"
#include "crypto/hash.h"
#include "io/tun.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct daemon;
struct policy;
struct resolve;

struct tunnel_peer {
	struct tunnel *tunnel;
	char name[CONFIG_NAME_MAX];
	const struct config_peer *config; /* what the file says now; a guest's is its template's */
	uint32_t policy;
	uint32_t template;           /* a guest's: its template's policy */
	size_t at;                   /* a guest's: in tunnel.guests */
	struct resolve *resolve;     /* under way */
	struct ip_endpoint resolved; /* what its name meant last */
	bool unresolved;             /* its name has no address yet */
	struct ip_prefix given[2]; /* Address = auto: what it gave us; IPv4, IPv6; family 0: none */
	bool keepalive;
	char trouble[160]; /* of the endpoint; "": none */
};

struct tunnel {
	struct daemon *daemon;
	uint16_t index;
	struct config *config;      /* owned; the host borrows it */
	struct tun tun;             /* fd -1: not open */
	uint32_t mtu, path_mtu;     /* path_mtu: of the peer with the smallest; 0: none known */
	bool attached;              /* to the data path */
	bool hosted;                /* host_start has succeeded */
	struct tunnel_peer **peers; /* in the order of config->peers */
	size_t n_peers;
	struct tunnel_peer **guests; /* peers that templates let in, in no order */
	size_t n_guests, guests_cap;
	struct map guest_names;
	uint8_t guest_key[HASH_SHORT_KEY_LEN];
};

/*
 * In two steps, because privileges are dropped in between. open: policies, guards, TUN, MTU,
 * addresses, routes; config is taken, also on error. 0 or negative errno with one error added and
 * *out NULL; keep: then leave guards and routes in place (fail closed).
 */
int tunnel_open(struct daemon *daemon, struct config *config, bool keep, struct tunnel **out,
	struct config_errors *errors);
/* start: keying, endpoints, keepalives, OnUp. 0 or -EINVAL. */
int tunnel_start(struct tunnel *tunnel, struct config_errors *errors);
/* Makes a deleted device anew; guards, SAs and counters have stayed. 0 or negative errno with one
 * error added. */
int tunnel_reopen(struct tunnel *tunnel, struct config_errors *errors);
/* Keying, SAs and policies end. keep: TUN, addresses, routes and guards stay; else all goes, with
 * OnDown before it. */
void tunnel_close(struct tunnel *tunnel, bool keep);

/* The file has changed and nothing in it asks for more than this; config is taken. */
int tunnel_update(struct tunnel *tunnel, struct config *config, const bool *restart,
	struct config_errors *errors);

/* Address = auto: the peer gave us this one, in place of an earlier one of the family. On the TUN,
 * source of its routes, local selector of its policy. 0 or negative errno. */
int tunnel_give(struct tunnel_peer *peer, const struct ip_prefix *address);
enum { TUNNEL_ADDRESSES_MAX = CONFIG_ADDRESSES_MAX + 16 };
/* Our inner addresses: the configured ones, then those that peers gave; at most cap. */
size_t tunnel_addresses(const struct tunnel *tunnel, struct ip_prefix *out, size_t cap);
/* MTU of the TUN from its peers' paths, where it has changed. */
void tunnel_refresh_mtu(struct tunnel *tunnel);
/* Routes and guards that somebody deleted are put back, with a line about it. */
void tunnel_mend(struct tunnel *tunnel);
/* Looks up the names of endpoints: those without an address, or all. */
void tunnel_resolve(struct tunnel *tunnel, bool all);

/* The peer of this name, what its configuration says now, its policy; each NULL where there is
 * none. */
struct tunnel_peer *tunnel_find_peer(const struct tunnel *tunnel, const char *name);
/* All of them: the file's, then guests; NULL past the end. */
struct tunnel_peer *tunnel_peer_at(const struct tunnel *tunnel, size_t index);
const struct config_peer *tunnel_config_of(const struct tunnel_peer *peer);
struct policy *tunnel_policy(const struct tunnel_peer *peer);

/* For checks before anything is touched: routes that would swallow an endpoint, what this version
 * lacks. */
void tunnel_check(const struct config *configs, size_t n, struct config_errors *errors);

#endif
