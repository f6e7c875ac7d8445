/* SPDX-License-Identifier: Apache-2.0 */
/* Address = auto: the inner addresses that peers give us (RFC 7296 2.19). */
#include "daemon/tunnel.h"

#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/tunnel_net.h"
#include "ipsec/ipsec.h"

#include <errno.h>
#include <string.h>

#define LOG_TAG "tunnel"

size_t tunnel_addresses(const struct tunnel *tunnel, struct ip_prefix *out, size_t cap)
{
	const struct config_interface *interface = &tunnel->config->interface;
	size_t n = 0;

	for (; n < interface->n_addresses && n < cap; n++)
		out[n] = interface->addresses[n];
	for (size_t i = 0; interface->address_auto && i < 2 * tunnel->n_peers && n < cap; i++)
		if (tunnel->peers[i / 2]->given[i % 2].addr.family)
			out[n++] = tunnel->peers[i / 2]->given[i % 2];
	return n;
}

/* The configured selectors, those of the given families with the given addresses. */
static uint8_t given_selectors(const struct tunnel_peer *peer, const struct config_peer *config,
	struct ts out[static TS_MAX])
{
	for (uint8_t i = 0; i < config->n_ts_local; i++) {
		const struct ip_prefix *given =
			&peer->given[config->ts_local[i].addr_start.family == 6];

		out[i] = config->ts_local[i];
		if (given->addr.family)
			out[i].addr_start = out[i].addr_end = given->addr;
	}
	return config->n_ts_local;
}

int tunnel_give(struct tunnel_peer *peer, const struct ip_prefix *address)
{
	struct tunnel *tunnel = peer->tunnel;
	const struct config_peer *config = tunnel_config_of(peer);
	struct ip_addr was = peer->given[address->addr.family == 6].addr;
	struct ts local[TS_MAX];
	char text[IP_PREFIX_TEXT];
	int error;

	if (!config || !tunnel->config->interface.address_auto)
		return -EINVAL;
	for (size_t i = 0; i < config->n_addresses; i++)
		if (ip_addr_equal(&config->addresses[i].addr, &address->addr))
			return -EADDRNOTAVAIL; /* the peer's own */
	error = net_give(peer, address);
	if (!error)
		error = ipsec_set_local(&tunnel->daemon->ipsec, peer->policy, local,
			given_selectors(peer, config, local));
	if (!error && !ip_addr_equal(&was, &address->addr))
		log_info("%s: peer \"%s\" gives us %s", tunnel->config->tunnel, peer->name,
			ip_prefix_print(address, text, sizeof(text)));
	return error;
}
