/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon itself asks of a configuration before it touches anything (trust.md 4.5). */
#include "daemon/daemon.h"
#include "daemon/tunnel.h"
#include "daemon/tunnel_net.h"

#include <stdio.h>
#include <string.h>

/* The row of an [Interface] key, for the place of a complaint; of the first row where none. */
static const char *interface_at(const struct config *config, const char *key, char *out, size_t cap)
{
	for (size_t i = 0; i < config->ini.n_rows; i++) {
		const struct ini_row *row = &config->ini.rows[i];

		if (row->key && !strcmp(row->section, "Interface") && !strcmp(row->key, key))
			return config_at(config, (uint32_t)i, out, cap);
	}
	snprintf(out, cap, "%s.conf", config->tunnel);
	return out;
}

static void check_interface(const struct config *config, struct config_errors *errors)
{
	char at[96];

	if (config->interface.clamp_mss)
		config_errors_add(errors, interface_at(config, "ClampMss", at, sizeof(at)),
			"leave it out; packets that are too big are answered by Packet Too Big",
			"ClampMss = yes is not in this version");
}

/* A prefix of length 0 holds every endpoint, also those that are not known yet. */
static bool swallows(const struct ip_prefix *prefix, const struct config_peer *victim)
{
	const struct ip_addr *addr = &victim->endpoint.addr;

	return addr->family && ip_prefix_contains(prefix, addr);
}

static void check_prefix(const struct config *config, const struct config_peer *peer,
	const struct ip_prefix *prefix, const struct config_peer *victim,
	struct config_errors *errors)
{
	char text[IP_PREFIX_TEXT];
	char at[96];

	if (!swallows(prefix, victim))
		return;
	ip_prefix_print(prefix, text, sizeof(text));
	config_errors_add(errors, config_at(config, peer->at, at, sizeof(at)),
		"name the prefixes behind the peer without that address",
		"%s of [Peer \"%s\"] holds the Endpoint of [Peer \"%s\"]: its packets would go "
		"into the tunnel",
		text, peer->name, victim->name);
}

static void check_default(const struct config *config, const struct config_peer *peer,
	const struct ip_prefix *prefix, struct config_errors *errors)
{
	char text[IP_PREFIX_TEXT];
	char at[96];

	if (prefix->len == 0)
		config_errors_add(errors, config_at(config, peer->at, at, sizeof(at)),
			"name the prefixes behind the peer",
			"%s of [Peer \"%s\"] would take the tunnel's own packets too: not in this "
			"version",
			ip_prefix_print(prefix, text, sizeof(text)), peer->name);
}

static void check_routes(const struct config *config, const struct config_peer *peer,
	const struct config *configs, size_t n, struct config_errors *errors)
{
	const struct ip_prefix *prefix;

	for (size_t i = 0; (prefix = net_prefix(peer, i)); i++) {
		check_default(config, peer, prefix, errors);
		if (!prefix->len)
			continue;
		for (size_t c = 0; c < n; c++)
			for (size_t p = 0; p < configs[c].n_peers; p++)
				check_prefix(config, peer, prefix, &configs[c].peers[p], errors);
	}
}

void tunnel_check(const struct config *configs, size_t n, struct config_errors *errors)
{
	if (n > TUNNELS_MAX)
		config_errors_add(errors, configs[TUNNELS_MAX].tunnel, "", "at most 64 tunnels");
	for (size_t c = 0; c < n; c++) {
		check_interface(&configs[c], errors);
		for (size_t p = 0; p < configs[c].n_peers; p++)
			check_routes(&configs[c], &configs[c].peers[p], configs, n, errors);
	}
}
