/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traffic selectors (RFC 7296 3.13.1) from Address, Routes, Local and Allow of a peer: addresses
 * joined to as few ranges as possible, each with the protocol and ports of one Allow entry.
 */
#include "config/build.h"

#include "ip/packet.h"
#include "ip/ts.h"

#include <string.h>

enum { RANGES_MAX = CONFIG_ADDRESSES_MAX + CONFIG_ROUTES_MAX };

struct range {
	struct ip_addr start, end;
};

struct ranges {
	struct range list[RANGES_MAX];
	size_t n;
};

static void add_prefixes(struct ranges *ranges, const struct ip_prefix *prefixes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct range *r = &ranges->list[ranges->n++];
		ip_prefix_range(&prefixes[i], &r->start, &r->end);
	}
}

/* b begins within a or right behind its end. */
static bool joins(const struct range *a, const struct range *b)
{
	struct ip_addr next = a->end;
	if (a->start.family != b->start.family)
		return false;
	if (ip_addr_compare(&b->start, &a->end) <= 0)
		return true;
	for (size_t i = ip_addr_len(&next); i-- > 0;)
		if (++next.bytes[i] != 0)
			return ip_addr_equal(&next, &b->start);
	return false;
}

static void sort(struct ranges *ranges)
{
	for (size_t i = 1; i < ranges->n; i++) {
		struct range key = ranges->list[i];
		size_t k = i;
		for (; k > 0 && ip_addr_compare(&ranges->list[k - 1].start, &key.start) > 0; k--)
			ranges->list[k] = ranges->list[k - 1];
		ranges->list[k] = key;
	}
}

static void merge(struct ranges *ranges)
{
	size_t n = 0;
	sort(ranges);
	for (size_t i = 0; i < ranges->n; i++) {
		struct range *last = n ? &ranges->list[n - 1] : NULL;
		if (!last || !joins(last, &ranges->list[i]))
			ranges->list[n++] = ranges->list[i];
		else if (ip_addr_compare(&ranges->list[i].end, &last->end) > 0)
			last->end = ranges->list[i].end;
	}
	ranges->n = n;
}

static bool has_family(const struct ranges *ranges, uint8_t family)
{
	for (size_t i = 0; i < ranges->n; i++)
		if (ranges->list[i].start.family == family)
			return true;
	return false;
}

static bool fits_family(const struct config_allow *allow, uint8_t family)
{
	return allow->proto == IP_PROTO_ICMP     ? family == 4
	       : allow->proto == IP_PROTO_ICMPV6 ? family == 6
						 : true;
}

/* Each range with each Allow entry of its family; equal ones once. false: more than TS_MAX. */
static bool combine(const struct ranges *ranges, const struct config_peer *peer, bool remote,
	struct ts out[static TS_MAX], uint8_t *n)
{
	*n = 0;
	for (size_t i = 0; i < ranges->n * peer->n_allow; i++) {
		const struct range *r = &ranges->list[i / peer->n_allow];
		const struct config_allow *a = &peer->allow[i % peer->n_allow];
		struct ts ts = {
			.ip_proto = a->proto,
			.port_start = remote ? a->port_start : a->from_start,
			.port_end = remote ? a->port_end : a->from_end,
			.addr_start = r->start,
			.addr_end = r->end,
		};
		bool known = !fits_family(a, r->start.family);
		for (uint8_t k = 0; k < *n; k++)
			known = known || ts_equal(&out[k], &ts);
		if (known)
			continue;
		if (*n == TS_MAX)
			return false;
		out[(*n)++] = ts;
	}
	return true;
}

/* Default: our own addresses as hosts, of the families that the peer has. */
static void default_local(
	const struct build *b, struct config_peer *peer, const struct ranges *remote)
{
	const struct config_interface *interface = &b->config->interface;
	for (size_t i = 0; i < interface->n_addresses; i++) {
		struct ip_prefix host = interface->addresses[i];
		host.len = (uint8_t)(8 * ip_addr_len(&host.addr));
		if (has_family(remote, host.addr.family))
			peer->local[peer->n_local++] = host;
	}
}

static void any_local(struct config_peer *peer, const struct ranges *remote)
{
	peer->n_local = 0;
	for (uint8_t family = 4; family <= 6; family += 2)
		if (has_family(remote, family))
			peer->local[peer->n_local++] = (struct ip_prefix){.addr.family = family};
}

static bool check_families(struct build *b, const struct config_peer *peer,
	const struct ranges *remote, const struct ranges *local)
{
	for (uint8_t family = 4; family <= 6; family += 2) {
		bool here = has_family(local, family);
		if (here == has_family(remote, family))
			continue;
		build_error(b, build_row(b, peer->at, here ? "Local" : "Address"),
			"both sides need an address of the same family",
			"[Peer \"%s\"] has IPv%u addresses on %s side only", peer->name,
			(unsigned)family, here ? "our" : "its");
		return false;
	}
	return true;
}

/* RFC 7296 matches each of one side with each of the other: pairs of ports would mix. */
static bool check_ports(struct build *b, const struct config_peer *peer)
{
	for (size_t i = 0; i < peer->n_allow; i++)
		for (size_t k = 0; k < i; k++) {
			const struct config_allow *x = &peer->allow[k];
			const struct config_allow *y = &peer->allow[i];
			bool port = x->port_start == y->port_start && x->port_end == y->port_end;
			bool from = x->from_start == y->from_start && x->from_end == y->from_end;
			if (x->proto != y->proto || port || from)
				continue;
			build_error(b, build_row(b, peer->at, "Allow"),
				"use one [Peer] section per service",
				"[Peer \"%s\"]: entries %zu and %zu of Allow would also pass the "
				"port of one with the from of the other",
				peer->name, k + 1, i + 1);
			return false;
		}
	return true;
}

static bool check_allow_families(
	struct build *b, const struct config_peer *peer, const struct ranges *remote)
{
	for (size_t i = 0; i < peer->n_allow; i++) {
		bool icmp = peer->allow[i].proto == IP_PROTO_ICMP;
		if ((fits_family(&peer->allow[i], 4) && has_family(remote, 4)) ||
			(fits_family(&peer->allow[i], 6) && has_family(remote, 6)))
			continue;
		build_error(b, build_row(b, peer->at, "Allow"),
			icmp ? "did you mean icmp6?" : "did you mean icmp?",
			"[Peer \"%s\"] allows %s but has no IPv%c address", peer->name,
			icmp ? "icmp" : "icmp6", icmp ? '4' : '6');
		return false;
	}
	return true;
}

static void complain_count(
	struct build *b, const struct config_peer *peer, size_t ranges, bool remote)
{
	const char *key = remote ? peer->n_routes ? "Routes" : "Address" : "Local";
	if (ranges > TS_MAX)
		build_error(b, build_row(b, peer->at, key),
			"write prefixes that join, or split the peer into several [Peer] sections",
			"[Peer \"%s\"]: %s address ranges: %zu, at most %d fit one SA", peer->name,
			remote ? "its" : "our", ranges, TS_MAX);
	else
		build_error(b, build_row(b, peer->at, "Allow"),
			"use one [Peer] section per service, or Allow = any",
			"[Peer \"%s\"]: %zu address ranges times %zu Allow entries are more than "
			"the %d selectors of one SA",
			peer->name, ranges, peer->n_allow, TS_MAX);
}

void build_selectors(struct build *b, struct config_peer *peer)
{
	struct ranges remote = {.n = 0};
	struct ranges local = {.n = 0};
	add_prefixes(&remote, peer->addresses, peer->n_addresses);
	add_prefixes(&remote, peer->routes, peer->n_routes);
	merge(&remote);
	if (b->config->interface.address_auto)
		any_local(peer, &remote);
	else if (peer->n_local == 0)
		default_local(b, peer, &remote);
	else if (peer->local[0].addr.family == 0)
		any_local(peer, &remote);
	add_prefixes(&local, peer->local, peer->n_local);
	merge(&local);
	if (!check_families(b, peer, &remote, &local) || !check_allow_families(b, peer, &remote) ||
		!check_ports(b, peer))
		return;
	if (!combine(&remote, peer, true, peer->ts_remote, &peer->n_ts_remote))
		complain_count(b, peer, remote.n, true);
	else if (!combine(&local, peer, false, peer->ts_local, &peer->n_ts_local))
		complain_count(b, peer, local.n, false);
}
