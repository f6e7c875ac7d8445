/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic selectors: match, cover, narrow; RFC 4301 4.4.1.1, RFC 7296 2.9 and 3.13.1. */
#include "ip/ts.h"

#include "ip/addr.h"
#include "ip/packet.h"

#include <stdio.h>
#include <string.h>

static bool all_ports(const struct ts *ts)
{
	return ts->port_start == 0 && ts->port_end == UINT16_MAX;
}

static bool has_ports(uint8_t proto)
{
	switch (proto) {
	case IP_PROTO_TCP:
	case IP_PROTO_UDP:
	case IP_PROTO_SCTP:
	case IP_PROTO_UDPLITE:
	case IP_PROTO_ICMP:
	case IP_PROTO_ICMPV6:
		return true;
	default:
		return false;
	}
}

struct ts ts_from_prefix(
	const struct ip_prefix *prefix, uint8_t proto, uint16_t port_start, uint16_t port_end)
{
	struct ts ts = {.ip_proto = proto, .port_start = port_start, .port_end = port_end};

	ip_prefix_range(prefix, &ts.addr_start, &ts.addr_end);
	return ts;
}

bool ts_valid(const struct ts *ts)
{
	uint8_t family = ts->addr_start.family;

	if ((family != 4 && family != 6) || ts->addr_end.family != family)
		return false;
	if (ip_addr_compare(&ts->addr_start, &ts->addr_end) > 0 || ts->port_start > ts->port_end)
		return false;
	return all_ports(ts) || has_ports(ts->ip_proto);
}

bool ts_list_valid(const struct ts *ts, size_t n)
{
	if (n == 0 || n > TS_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!ts_valid(&ts[i]))
			return false;
	return true;
}

bool ts_equal(const struct ts *a, const struct ts *b)
{
	return a->ip_proto == b->ip_proto && a->port_start == b->port_start &&
	       a->port_end == b->port_end && ip_addr_equal(&a->addr_start, &b->addr_start) &&
	       ip_addr_equal(&a->addr_end, &b->addr_end);
}

/* One end of a packet. */
struct end {
	const uint8_t *addr;
	uint16_t port;
};

static bool match(const struct ts *ts, const struct ip_packet *ip, struct end end)
{
	size_t len = ip_addr_len(&ts->addr_start);

	if (ts->addr_start.family != ip->version || (ts->ip_proto && ts->ip_proto != ip->proto))
		return false;
	if (memcmp(end.addr, ts->addr_start.bytes, len) < 0 ||
		memcmp(end.addr, ts->addr_end.bytes, len) > 0)
		return false;
	if (all_ports(ts))
		return true;
	return ip->has_ports && end.port >= ts->port_start && end.port <= ts->port_end;
}

static bool match_any(const struct ts *ts, size_t n, const struct ip_packet *ip, struct end end)
{
	for (size_t i = 0; i < n; i++)
		if (match(&ts[i], ip, end))
			return true;
	return false;
}

bool ts_match_packet(const struct ts *src, size_t n_src, const struct ts *dst, size_t n_dst,
	const struct ip_packet *ip)
{
	return match_any(src, n_src, ip, (struct end){ip->src, ip->sport}) &&
	       match_any(dst, n_dst, ip, (struct end){ip->dst, ip->dport});
}

static const struct ip_addr *lower(const struct ip_addr *a, const struct ip_addr *b)
{
	return ip_addr_compare(a, b) <= 0 ? a : b;
}

static const struct ip_addr *higher(const struct ip_addr *a, const struct ip_addr *b)
{
	return ip_addr_compare(a, b) >= 0 ? a : b;
}

static void widen(struct ts *to, const struct ts *by)
{
	to->addr_start = *lower(&to->addr_start, &by->addr_start);
	to->addr_end = *higher(&to->addr_end, &by->addr_end);
	if (by->port_start < to->port_start)
		to->port_start = by->port_start;
	if (by->port_end > to->port_end)
		to->port_end = by->port_end;
	if (to->ip_proto == by->ip_proto)
		return;
	to->ip_proto = 0;
	to->port_start = 0;
	to->port_end = UINT16_MAX;
}

bool ts_cover(const struct ts *ts, size_t n, struct ts *out)
{
	struct ts cover;

	if (!n)
		return false;
	cover = ts[0];
	for (size_t i = 1; i < n; i++) {
		if (ts[i].addr_start.family != cover.addr_start.family)
			return false;
		widen(&cover, &ts[i]);
	}
	*out = cover;
	return true;
}

bool ts_narrow(const struct ts *a, const struct ts *b, struct ts *out)
{
	struct ts both = *a;

	if (a->addr_start.family != b->addr_start.family)
		return false;
	if (a->ip_proto && b->ip_proto && a->ip_proto != b->ip_proto)
		return false;
	both.ip_proto = a->ip_proto ? a->ip_proto : b->ip_proto;
	if (b->port_start > both.port_start)
		both.port_start = b->port_start;
	if (b->port_end < both.port_end)
		both.port_end = b->port_end;
	both.addr_start = *higher(&a->addr_start, &b->addr_start);
	both.addr_end = *lower(&a->addr_end, &b->addr_end);
	if (both.port_start > both.port_end ||
		ip_addr_compare(&both.addr_start, &both.addr_end) > 0)
		return false;
	*out = both;
	return true;
}

static void print_addrs(const struct ts *ts, char *out, size_t cap)
{
	char start[IP_ADDR_TEXT];
	char end[IP_ADDR_TEXT];
	struct ip_prefix prefix;

	if (ip_range_prefix(&ts->addr_start, &ts->addr_end, &prefix) == 0) {
		ip_prefix_print(&prefix, out, cap);
		return;
	}
	snprintf(out, cap, "%s-%s", ip_addr_print(&ts->addr_start, start, sizeof start),
		ip_addr_print(&ts->addr_end, end, sizeof end));
}

static void print_proto(const struct ts *ts, char *out, size_t cap)
{
	const char *name = ip_proto_name(ts->ip_proto);

	*out = 0;
	if (name)
		snprintf(out, cap, " %s", name);
	else if (ts->ip_proto)
		snprintf(out, cap, " proto-%u", ts->ip_proto);
}

static void print_ports(const struct ts *ts, char *out, size_t cap)
{
	*out = 0;
	if (all_ports(ts))
		return;
	if (ts->port_start == ts->port_end)
		snprintf(out, cap, " %u", ts->port_start);
	else
		snprintf(out, cap, " %u-%u", ts->port_start, ts->port_end);
}

const char *ts_print(const struct ts *ts, char *out, size_t cap)
{
	char addrs[2 * IP_ADDR_TEXT];
	char proto[16];
	char ports[16];

	print_addrs(ts, addrs, sizeof addrs);
	print_proto(ts, proto, sizeof proto);
	print_ports(ts, ports, sizeof ports);
	snprintf(out, cap, "%s%s%s", addrs, proto, ports);
	return out;
}
