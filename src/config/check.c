/* SPDX-License-Identifier: Apache-2.0 */
/* Contradictions within a peer, between the peers of a tunnel, and between tunnels. */
#include "config/build.h"

#include "ip/ts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The row of the first of these keys that the peer has, else its heading. */
static uint32_t first_row(
	const struct build *b, const struct config_peer *peer, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t row = build_row(b, peer->at, keys[i]);
		if (row != peer->at)
			return row;
	}
	return peer->at;
}

static void check_attrs(struct build *b, const struct config_peer *peer)
{
	static const char *const keys[] = {"EspSnLsb", "EspSpiLsb", "DscpCda", "Window",
		"Alignment", "EspTrailer", "FlowLabelCda", "EcnCda", "HopLimitCda", "RuleId",
		"Compress"};
	const char *wrong = diet_attrs_check(&peer->attrs);
	if (wrong)
		build_error(b, first_row(b, peer, keys, sizeof keys / sizeof *keys), NULL,
			"[Peer \"%s\"]: %s", peer->name, wrong);
}

static void check_idle_keys(struct build *b, const struct config_peer *peer)
{
	static const char *const keys[] = {
		"DscpCda", "EcnCda", "FlowLabelCda", "HopLimitCda", "RuleId"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys && !peer->attrs.iipc; i++) {
		uint32_t row = build_row(b, peer->at, keys[i]);
		if (row != peer->at)
			build_error(b, row, "leave it out, or choose another preset",
				"[Peer \"%s\"] has %s but Compress = %s leaves inner headers alone",
				peer->name, keys[i], peer->compress);
	}
}

static void check_compression(struct build *b, const struct config_peer *peer)
{
	struct ts cover;
	if (!peer->attrs.iipc || peer->rules)
		return;
	if (!ts_cover(peer->ts_local, peer->n_ts_local, &cover) ||
		!ts_cover(peer->ts_remote, peer->n_ts_remote, &cover))
		build_error(b, build_row(b, peer->at, "Compress"),
			"use one [Peer] section per family, or Compress = off",
			"[Peer \"%s\"] has IPv4 and IPv6 addresses: compression needs one family",
			peer->name);
	if (peer->attrs.flow_label_cda == FLOW_LABEL_LOWER && peer->endpoint.addr.family == 4)
		build_error(b, build_row(b, peer->at, "FlowLabelCda"),
			"use zero, generated or not_compressed",
			"[Peer \"%s\"]: flow label lower needs an IPv6 Endpoint", peer->name);
}

static void check_endpoint(struct build *b, const struct config_peer *peer)
{
	const struct ip_addr *addr = &peer->endpoint.addr;
	uint32_t row = build_row(b, peer->at, "Endpoint");
	for (size_t i = 0; i < peer->n_addresses + peer->n_routes; i++) {
		bool route = i >= peer->n_addresses;
		const struct ip_prefix *p =
			route ? &peer->routes[i - peer->n_addresses] : &peer->addresses[i];
		/* A default route is meant to hold everything; the daemon keeps the outside free.
		 */
		if (addr->family && p->len && ip_prefix_contains(p, addr))
			build_error(b, row, "the tunnel cannot travel through itself",
				"[Peer \"%s\"]: Endpoint lies within its own %s", peer->name,
				route ? "Routes" : "Address");
	}
	if (peer->endpoint_host[0])
		return;
	if (peer->role == ROLE_INITIATOR)
		build_error(b, first_row(b, peer, (const char *const[]){"Role"}, 1),
			"give it an Endpoint, or Role = responder",
			"[Peer \"%s\"]: an initiator needs an Endpoint", peer->name);
	else if (peer->start == START_BOOT && strcmp(peer->keying, "manual") != 0)
		build_error(b, build_row(b, peer->at, "Start"), "give it an Endpoint",
			"[Peer \"%s\"]: Start = boot needs an Endpoint", peer->name);
}

/* diet-esp.md 5.2: without SPI bits the source address alone has to find the SA. */
static void check_source(struct build *b, const struct config_peer *peer)
{
	uint32_t row = build_row(b, peer->at, "EspSpiLsb");
	if (peer->attrs.esp_spi_lsb)
		return;
	if (peer->encap != CONFIG_ENCAP_RAW)
		build_error(b, row, "Encap = raw, or EspSpiLsb = 8",
			"[Peer \"%s\"]: EspSpiLsb = 0 needs Encap = raw", peer->name);
	if (!peer->endpoint.addr.family)
		build_error(b, row, "an Endpoint that is an address, or EspSpiLsb = 8",
			"[Peer \"%s\"]: with EspSpiLsb = 0 only its address finds a peer",
			peer->name);
}

static void check_addresses(struct build *b, const struct config_peer *peer)
{
	const struct config_interface *own = &b->config->interface;
	char text[IP_ADDR_TEXT];
	for (size_t i = 0; i < peer->n_addresses; i++)
		for (size_t k = 0; k < own->n_addresses; k++)
			if (ip_addr_equal(&peer->addresses[i].addr, &own->addresses[k].addr))
				build_error(b, build_row(b, peer->at, "Address"),
					"Address in [Peer] is the other side's",
					"[Peer \"%s\"] has our own address %s", peer->name,
					ip_addr_print(&own->addresses[k].addr, text, sizeof text));
}

/* RFC 7296 2.19: the initiator asks, and its selectors are what it gets. */
static void check_given(struct build *b, const struct config_peer *peer)
{
	uint32_t local = build_row(b, peer->at, "Local");
	if (!b->config->interface.address_auto)
		return;
	if (local != peer->at)
		build_error(b, local, "leave it out: it is the address that the peer gives",
			"[Peer \"%s\"] has Local but [Interface] has Address = auto", peer->name);
	if (peer->role == ROLE_RESPONDER)
		build_error(b, build_row(b, peer->at, "Role"), "Role = initiator",
			"[Peer \"%s\"]: Address = auto is asked for by the initiator", peer->name);
	if (strcmp(peer->keying, "ikev2") != 0)
		build_error(b, build_row(b, peer->at, "Keying"),
			"Keying = ikev2, or an Address of your own",
			"[Peer \"%s\"]: Keying = %s gives no addresses", peer->name, peer->keying);
}

void build_check_peer(struct build *b, const struct config_peer *peer)
{
	check_given(b, peer);
	check_attrs(b, peer);
	check_idle_keys(b, peer);
	check_compression(b, peer);
	build_check_rules(b, peer);
	if (peer->template)
		build_check_template(b, peer);
	else
		check_endpoint(b, peer);
	check_source(b, peer);
	check_addresses(b, peer);
}

/* Some packet matches a selector of each list. */
static bool meets(const struct ts *a, size_t n_a, const struct ts *b, size_t n_b)
{
	struct ts both;
	for (size_t i = 0; i < n_a; i++)
		for (size_t k = 0; k < n_b; k++)
			if (ts_narrow(&a[i], &b[k], &both))
				return true;
	return false;
}

/* Every selector of b lies in one of a. */
static bool holds(const struct ts *a, size_t n_a, const struct ts *b, size_t n_b)
{
	for (size_t k = 0; k < n_b; k++) {
		bool inside = false;
		struct ts both;
		for (size_t i = 0; i < n_a && !inside; i++)
			inside = ts_narrow(&a[i], &b[k], &both) && ts_equal(&both, &b[k]);
		if (!inside)
			return false;
	}
	return true;
}

static const struct ip_prefix *shared_address(
	const struct config_peer *a, const struct config_peer *b)
{
	for (size_t i = 0; i < a->n_addresses; i++)
		for (size_t k = 0; k < b->n_addresses; k++) {
			const struct ip_prefix *x = &a->addresses[i];
			const struct ip_prefix *y = &b->addresses[k];
			const struct ip_prefix *wide = x->len <= y->len ? x : y;
			const struct ip_prefix *slim = wide == x ? y : x;
			if (ip_prefix_contains(wide, &slim->addr))
				return slim;
		}
	return NULL;
}

/* All raw ESP from one address would be one peer's. */
static bool same_source(const struct config_peer *a, const struct config_peer *b)
{
	return (!a->attrs.esp_spi_lsb || !b->attrs.esp_spi_lsb) && a->encap == CONFIG_ENCAP_RAW &&
	       b->encap == CONFIG_ENCAP_RAW && a->endpoint.addr.family &&
	       ip_addr_equal(&a->endpoint.addr, &b->endpoint.addr);
}

static bool same_traffic(const struct config_peer *a, const struct config_peer *b)
{
	return meets(a->ts_remote, a->n_ts_remote, b->ts_remote, b->n_ts_remote) &&
	       meets(a->ts_local, a->n_ts_local, b->ts_local, b->n_ts_local);
}

/* A device of its own within the prefix of a template: the longer prefix wins. */
static bool is_exception(const struct config_peer *a, const struct config_peer *b)
{
	const struct config_peer *template = a->template ? a : b;
	const struct config_peer *exact = a->template ? b : a;
	for (size_t i = 0; i < exact->n_addresses; i++)
		if (exact->addresses[i].len <= template->addresses[0].len &&
			ip_prefix_contains(&exact->addresses[i], &template->addresses[0].addr))
			return false;
	return a->template != b->template;
}

static const char source_hint[] = "EspSpiLsb = 8 in both, or Encap = udp in one";

static void check_pair(
	struct build *b, const struct config_peer *first, const struct config_peer *second)
{
	char text[IP_PREFIX_TEXT];
	if (same_source(first, second))
		build_error(b, build_row(b, second->at, "Endpoint"), source_hint,
			"[Peer \"%s\"]: with EspSpiLsb = 0, its Endpoint cannot be [Peer "
			"\"%s\"]'s, too",
			second->name, first->name);
	if (!same_traffic(first, second) || is_exception(first, second))
		return;
	const struct ip_prefix *shared = shared_address(first, second);
	if (shared)
		build_error(b, build_row(b, second->at, "Address"),
			"one peer, one inner address; or let Allow tell them apart",
			"[Peer \"%s\"]: inner address %s is also of [Peer \"%s\"]", second->name,
			ip_prefix_print(shared, text, sizeof text), first->name);
	else if (holds(first->ts_remote, first->n_ts_remote, second->ts_remote,
			 second->n_ts_remote) &&
		 holds(first->ts_local, first->n_ts_local, second->ts_local, second->n_ts_local))
		build_error(b, second->at, "move the narrower peer in front",
			"[Peer \"%s\"] is never reached: [Peer \"%s\"] before it takes all of it",
			second->name, first->name);
}

void build_check_peers(struct build *b)
{
	for (size_t i = 1; i < b->config->n_peers; i++)
		for (size_t k = 0; k < i; k++)
			check_pair(b, &b->config->peers[k], &b->config->peers[i]);
}

/* Tunnels share the listen ports, the TUN names of the host and its routing table. */
static void check_tunnels(
	const struct config *a, const struct config *b, struct config_errors *errors)
{
	char at[CONFIG_NAME_MAX + 8];
	char text[IP_ADDR_TEXT];
	snprintf(at, sizeof at, "%s.conf", b->tunnel);
	if (strcmp(a->tunnel, b->tunnel) == 0)
		config_errors_add(errors, at, NULL, "two tunnels are named %s", b->tunnel);
	if (strcmp(a->interface.name, b->interface.name) == 0)
		config_errors_add(errors, at, "give it another Name", "%s.conf has Name = %s, too",
			a->tunnel, b->interface.name);
	if (a->interface.listen_ike != b->interface.listen_ike ||
		a->interface.listen_nat != b->interface.listen_nat)
		config_errors_add(errors, at, "Listen is equal in all files",
			"Listen differs from %s.conf", a->tunnel);
	for (size_t i = 0; i < a->interface.n_addresses; i++)
		for (size_t k = 0; k < b->interface.n_addresses; k++)
			if (ip_addr_equal(&a->interface.addresses[i].addr,
				    &b->interface.addresses[k].addr))
				config_errors_add(errors, at, "each tunnel needs own addresses",
					"own address %s is also in %s.conf",
					ip_addr_print(
						&b->interface.addresses[k].addr, text, sizeof text),
					a->tunnel);
}

static void check_tunnel_peers(
	const struct config *a, const struct config *b, struct config_errors *errors)
{
	for (size_t i = 0; i < a->n_peers; i++)
		for (size_t k = 0; k < b->n_peers; k++) {
			const struct config_peer *x = &a->peers[i];
			const struct config_peer *y = &b->peers[k];
			const struct ip_prefix *shared = shared_address(x, y);
			char at[96];
			char text[IP_PREFIX_TEXT];
			if (same_source(x, y))
				config_errors_add(errors, config_at(b, y->at, at, sizeof at),
					source_hint,
					"[Peer \"%s\"]: with EspSpiLsb = 0, its Endpoint cannot be "
					"[Peer \"%s\"]'s in %s.conf, too",
					y->name, x->name, a->tunnel);
			if (!shared)
				continue;
			config_errors_add(errors, config_at(b, y->at, at, sizeof at),
				"an inner address belongs to one tunnel",
				"[Peer \"%s\"]: inner address %s is also of [Peer \"%s\"] in "
				"%s.conf",
				y->name, ip_prefix_print(shared, text, sizeof text), x->name,
				a->tunnel);
		}
}

/* An exchange of theirs may begin at the same place, and its first message names nobody. */
static bool same_beginning(const struct config_peer *a, const struct config_peer *b)
{
	const struct ip_addr *addr = &a->endpoint.addr;
	if (strcmp(a->keying, b->keying) != 0 || strcmp(a->keying, "manual") == 0 ||
		a->role == ROLE_INITIATOR || b->role == ROLE_INITIATOR)
		return false;
	return addr->family ? ip_addr_equal(addr, &b->endpoint.addr)
			    : strcmp(a->endpoint_host, b->endpoint_host) == 0;
}

static void check_beginnings(
	const struct config *a, const struct config *b, struct config_errors *errors)
{
	char at[96];
	for (size_t i = 0; i < b->n_peers; i++)
		for (size_t k = 0; k < a->n_peers; k++) {
			const struct config_peer *peer = &b->peers[i];
			if (!same_beginning(&a->peers[k], peer))
				continue;
			config_errors_add(errors, config_at(b, peer->at, at, sizeof at),
				peer->endpoint_host[0]
					? "Role = initiator in one of them, or one tunnel for both"
					: "an Endpoint, Role = initiator, or one tunnel for both",
				"[Peer \"%s\"] begins %s as [Peer \"%s\"] in %s.conf does: whose "
				"tunnel it wants could not be told",
				peer->name, peer->endpoint_host[0] ? "there" : "from anywhere",
				a->peers[k].name, a->tunnel);
			return; /* one says it all */
		}
}

int config_check_all(const struct config *configs, size_t n, struct config_errors *errors)
{
	size_t before = errors->n + errors->lost;
	for (size_t i = 1; i < n; i++)
		for (size_t k = 0; k < i; k++) {
			check_tunnels(&configs[k], &configs[i], errors);
			check_tunnel_peers(&configs[k], &configs[i], errors);
			check_beginnings(&configs[k], &configs[i], errors);
		}
	return errors->n + errors->lost > before ? -EINVAL : 0;
}
