/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator wrote, with all defaults and cross-checks done; the same for daemon and
 * `check`. */
#ifndef DIETVPN_CONFIG_CONFIG_H
#define DIETVPN_CONFIG_CONFIG_H

#include "config/error.h"
#include "config/ini.h"
#include "diet/context.h"
#include "dietvpn/types.h"
#include "ip/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CONFIG_ADDRESSES_MAX = 8,
	CONFIG_ROUTES_MAX = 32,
	CONFIG_ALLOW_MAX = TS_MAX,
	CONFIG_CIPHERS_MAX = 16,
	CONFIG_NAME_MAX = INI_NAME_MAX + 1,
	CONFIG_PATH_MAX = 256,
	CONFIG_KEY_MAX = 32,
	CONFIG_PEERS_MAX = 65535,
};

enum config_role { ROLE_BOTH, ROLE_INITIATOR, ROLE_RESPONDER };
enum config_encap { CONFIG_ENCAP_AUTO, CONFIG_ENCAP_UDP, CONFIG_ENCAP_RAW };
enum config_start { START_ON_TRAFFIC, START_BOOT };

/* "udp 5683 from 5683": port is the peer's, from is ours; 0..65535 where none is given. */
struct config_allow {
	uint8_t proto; /* 0: any */
	uint16_t port_start, port_end, from_start, from_end;
};

struct config_cipher {
	enum encr encr;
	uint16_t key_bits;
};

/* A key the core does not know: for the plugin named by Keying. */
struct config_plugin_key {
	const char *name, *value; /* of the row, below CONFIG_KEY_MAX and CONFIG_PATH_MAX octets */
	uint32_t at;              /* index of the row: config_at() prints file:line */
};

struct config_peer {
	char name[CONFIG_NAME_MAX];
	uint32_t at;                 /* row of its heading */
	bool template;               /* its name holds '*': for every enrolled peer that fits */
	char endpoint_host[256];     /* "": the peer comes to us */
	struct ip_endpoint endpoint; /* family 0 where host is a name */
	struct ip_prefix addresses[CONFIG_ADDRESSES_MAX];
	size_t n_addresses;
	struct ip_prefix *routes; /* at most CONFIG_ROUTES_MAX */
	size_t n_routes;
	struct ip_prefix local[CONFIG_ADDRESSES_MAX]; /* Local: what of ours it may reach; default
							 our Address as hosts */
	size_t n_local;
	struct config_allow allow[CONFIG_ALLOW_MAX];
	size_t n_allow; /* at least 1 */
	enum config_role role;
	char id[128];
	char keying[32];
	enum config_encap encap;
	bool lossy;                       /* Retransmission = lossy */
	char compress[64];                /* preset, for display */
	const struct config_rules *rules; /* explicit ones; NULL: attrs say it all */
	struct diet_attrs attrs;
	struct config_cipher ciphers[CONFIG_CIPHERS_MAX];
	size_t n_ciphers;
	enum config_start start;
	bool sleepy;
	/* the selectors that follow from addresses, routes, local and allow: one SA pair's */
	struct ts ts_local[TS_MAX], ts_remote[TS_MAX];
	uint8_t n_ts_local, n_ts_remote;
	struct config_plugin_key *keys;
	size_t n_keys;
};

struct config_interface {
	char name[16]; /* of the TUN */
	enum config_role role;
	struct ip_prefix addresses[CONFIG_ADDRESSES_MAX];
	size_t n_addresses;
	bool address_auto; /* Address = auto: the peers give them */
	char id[128];
	uint16_t listen_ike, listen_nat; /* 500, 4500 */
	uint32_t mtu;                    /* 0: auto */
	bool clamp_mss;
	bool offload; /* super-packets of the TUN, UDP segmentation outside */
	char on_up[CONFIG_PATH_MAX], on_down[CONFIG_PATH_MAX];
	char psk[CONFIG_PATH_MAX], key[CONFIG_PATH_MAX];
	char master[CONFIG_PATH_MAX]; /* "": none */
	uint32_t master_at;           /* its row */
};

struct config_rules;

struct config {
	char tunnel[CONFIG_NAME_MAX]; /* NAME of NAME.conf */
	char dir[CONFIG_PATH_MAX];    /* folder that relative paths start from */
	struct config_interface interface;
	struct config_peer *peers;
	size_t n_peers;
	struct config_rules **rules; /* config/rules_kept.h; owned */
	size_t n_rules;
	struct ini ini; /* rows, for places */
};

/*
 * path: ".../NAME.conf". 0 and *out, or a negative errno with at least one error added and *out
 * untouched. Plugins' own keys are not judged here (keying/plugin.h does).
 */
int config_load(const char *path, struct config *out, struct config_errors *errors);
int config_load_text(const char *tunnel, const char *text, size_t len, struct config *out,
	struct config_errors *errors);
void config_fini(struct config *config);
/* "home.conf:14" for a row index. */
const char *config_at(const struct config *config, uint32_t at, char *out, size_t cap);
/* Checks between tunnels: names, TUN names, listen ports equal, inner addresses. 0 or -EINVAL. */
int config_check_all(const struct config *configs, size_t n, struct config_errors *errors);
/* Path of a file named in the configuration: absolute as it is, else below dir. */
const char *config_path(const struct config *config, const char *value, char *out, size_t cap);

#endif
