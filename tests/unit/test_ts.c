/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic selectors: the rules of RFC 7296 3.13.1, and match, narrow, cover against a plain model.
 */
#include "ip/ts.h"

#include "fakes/chance.h"
#include "fakes/ip_build.h"
#include "ip/addr.h"
#include "ip/packet.h"

#include <criterion/criterion.h>

static struct ts make(const char *prefix, uint8_t proto, uint16_t start, uint16_t end)
{
	struct ip_prefix p;

	cr_assert_eq(ip_prefix_parse(prefix, &p), 0);
	return ts_from_prefix(&p, proto, start, end);
}

Test(ts, valid)
{
	static const struct {
		uint8_t proto;
		uint16_t start, end;
		bool valid;
	} rows[] = {{0, 0, 65535, true}, {0, 1, 65535, false}, {0, 80, 80, false},
		{17, 5683, 5683, true}, {17, 5684, 5683, false}, {6, 0, 0, true}, {132, 1, 2, true},
		{136, 1, 2, true}, {58, 0x8000, 0x80ff, true}, {1, 0x0800, 0x0800, true},
		{47, 0, 65535, true}, {47, 0, 1, false}, {50, 0, 65534, false},
		{17, 65535, 0, false}};
	struct ts ts;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		ts = make("fd00::/64", rows[i].proto, rows[i].start, rows[i].end);
		cr_assert_eq(ts_valid(&ts), rows[i].valid, "row %zu", i);
	}
	ts = make("fd00::1", 0, 0, 65535);
	cr_assert(ts_valid(&ts));
	ts.addr_start.bytes[15] = 2;
	cr_assert(!ts_valid(&ts), "start behind end");
	ts = make("10.0.0.1", 0, 0, 65535);
	ts.addr_end.family = 6;
	cr_assert(!ts_valid(&ts), "two families");
	ts.addr_start.family = ts.addr_end.family = 0;
	cr_assert(!ts_valid(&ts), "no family");
}

Test(ts, print)
{
	struct ts ts = make("fd00::/64", 17, 5683, 5683);
	struct ts range = make("10.0.0.1", 0, 0, 65535);
	char out[TS_TEXT];

	cr_assert_str_eq(ts_print(&ts, out, sizeof out), "fd00::/64 udp 5683");
	ts.port_end = 5684;
	cr_assert_str_eq(ts_print(&ts, out, sizeof out), "fd00::/64 udp 5683-5684");
	cr_assert_str_eq(ts_print(&ts, out, 8), "fd00::/");
	range.addr_end.bytes[3] = 9;
	cr_assert_str_eq(ts_print(&range, out, sizeof out), "10.0.0.1-10.0.0.9");
	range.ip_proto = 47;
	cr_assert_str_eq(ts_print(&range, out, sizeof out), "10.0.0.1-10.0.0.9 proto-47");
	memset(ts.addr_start.bytes, 0x11, 16);
	memset(ts.addr_end.bytes, 0xee, 16);
	ts.ip_proto = 136;
	ts.port_start = 10000;
	ts.port_end = 65535;
	cr_assert_str_eq(ts_print(&ts, out, sizeof out),
		"1111:1111:1111:1111:1111:1111:1111:1111-eeee:eeee:eeee:eeee:eeee:eeee:eeee:eeee "
		"udplite 10000-65535");
}

/* A small world, so that everything in it can be tried: 16 addresses, 3 protocols, 8 ports. */
enum { ADDRS = 16, PORTS = 8 };
static const uint8_t protos[] = {17, 6, 47};

static struct ts random_ts(uint64_t *rng)
{
	struct ts ts = make("10.0.0.0", 0, 0, 65535);
	size_t kind = chance_below(rng, 4);
	uint8_t a = (uint8_t)chance_below(rng, ADDRS);
	uint8_t b = (uint8_t)chance_below(rng, ADDRS);

	ts.addr_start.bytes[3] = a < b ? a : b;
	ts.addr_end.bytes[3] = a < b ? b : a;
	ts.ip_proto = kind == 3 ? 0 : protos[kind];
	if (kind < 2 && chance(rng) & 1) {
		ts.port_start = (uint16_t)chance_below(rng, PORTS);
		ts.port_end = (uint16_t)(ts.port_start + chance_below(rng, PORTS));
	}
	cr_assert(ts_valid(&ts));
	return ts;
}

struct world_packet {
	uint8_t proto;
	bool later; /* fragment */
	uint8_t addr;
	uint16_t port;
};

static bool model(const struct ts *ts, const struct world_packet *p)
{
	bool all = ts->port_start == 0 && ts->port_end == 65535;

	if (ts->ip_proto != 0 && ts->ip_proto != p->proto)
		return false;
	if (p->addr < ts->addr_start.bytes[3] || p->addr > ts->addr_end.bytes[3])
		return false;
	if (p->later || p->proto == 47)
		return all;
	return p->port >= ts->port_start && p->port <= ts->port_end;
}

static bool matches(const struct ts *ts, const struct world_packet *p)
{
	struct ts all = make("0.0.0.0/0", 0, 0, 65535);
	uint8_t data[40];
	uint8_t *transport = ip_build(data, 4, p->proto, 20);
	struct buf *pkt;
	struct ip_packet ip;
	bool as_source;
	bool as_destination;

	data[15] = data[19] = p->addr;
	put_be16(transport, p->port);
	put_be16(transport + 2, p->port);
	if (p->later)
		put_be16(data + 6, 5);
	pkt = exact_buf(data, sizeof data);
	cr_assert_eq(ip_packet_parse(&ip, pkt), DROP_NONE);
	as_source = ts_match_packet(ts, 1, &all, 1, &ip);
	as_destination = ts_match_packet(&all, 1, ts, 1, &ip);
	cr_assert_eq(as_source, as_destination);
	cr_assert(!ts_match_packet(ts, 1, ts, 0, &ip) && !ts_match_packet(ts, 0, ts, 1, &ip));
	buf_free(pkt);
	return as_source;
}

/* Calls for every packet of the world. */
static void check_world(const struct ts *a, const struct ts *b)
{
	struct ts both[2] = {*a, *b};
	struct ts narrow;
	struct ts cover;
	bool narrowed = ts_narrow(a, b, &narrow);
	bool any = false;

	cr_assert(ts_cover(both, 2, &cover));
	cr_assert(ts_valid(&cover));
	cr_assert(!narrowed || ts_valid(&narrow));
	for (unsigned i = 0; i < 3 * 2 * ADDRS * PORTS * 2; i++) {
		struct world_packet p = {protos[i % 3], i / 3 & 1, (uint8_t)(i / 6 % ADDRS),
			(uint16_t)(i / 6 / ADDRS)};
		bool in_a = matches(a, &p);
		bool in_b = model(b, &p);

		cr_assert_eq(in_a, model(a, &p));
		if (narrowed && !p.later)
			cr_assert_eq(matches(&narrow, &p), in_a && in_b);
		any |= in_a && in_b && !p.later;
		if (in_a || in_b)
			cr_assert(matches(&cover, &p));
	}
	cr_assert(narrowed || !any, "empty only where nothing is common");
}

Test(ts, small_world)
{
	uint64_t rng = 8;

	for (int i = 0; i < 60; i++) {
		struct ts a = random_ts(&rng);
		struct ts b = random_ts(&rng);
		struct ts ab;
		struct ts ba;

		check_world(&a, &b);
		cr_assert(ts_narrow(&a, &a, &ab) && ts_equal(&ab, &a));
		if (ts_narrow(&a, &b, &ab))
			cr_assert(ts_narrow(&b, &a, &ba) && ts_equal(&ab, &ba));
		else
			cr_assert(!ts_narrow(&b, &a, &ba));
	}
}

Test(ts, cover_and_families)
{
	struct ts ts[3] = {
		make("10.0.0.4", 17, 5, 6), make("10.0.0.1", 17, 1, 2), make("fd00::1", 17, 1, 2)};
	struct ts out = {.ip_proto = 99};

	cr_assert(ts_cover(ts, 2, &out));
	cr_assert_eq(out.ip_proto, 17);
	cr_assert_eq(out.port_start, 1);
	cr_assert_eq(out.port_end, 6);
	cr_assert_eq(out.addr_start.bytes[3], 1);
	cr_assert_eq(out.addr_end.bytes[3], 4);
	out.ip_proto = 99;
	cr_assert(!ts_cover(ts, 3, &out));
	cr_assert(!ts_cover(ts, 0, &out));
	cr_assert(!ts_narrow(&ts[0], &ts[2], &out));
	cr_assert_eq(out.ip_proto, 99, "untouched");
	ts[1].ip_proto = 6;
	cr_assert(ts_cover(ts, 2, &out));
	cr_assert_eq(out.ip_proto, 0);
	cr_assert(out.port_start == 0 && out.port_end == 65535);
	cr_assert(!ts_equal(&ts[0], &ts[1]) && ts_equal(&ts[0], &ts[0]));
}

Test(ts, lists_and_both_ends)
{
	struct ts src[2] = {make("10.0.0.1", 17, 1000, 2000), make("10.0.0.0/24", 6, 0, 65535)};
	struct ts dst[2] = {make("10.0.0.2", 17, 5683, 5683), make("fd00::/8", 0, 0, 65535)};
	uint8_t data[28];
	uint8_t *udp = ip_build(data, 4, IP_PROTO_UDP, 8);
	struct ip_packet ip;
	struct buf *pkt;

	put_be16(udp, 1500);
	put_be16(udp + 2, 5683);
	pkt = exact_buf(data, sizeof data);
	cr_assert_eq(ip_packet_parse(&ip, pkt), DROP_NONE);
	cr_assert(ts_match_packet(src, 2, dst, 2, &ip));
	cr_assert(!ts_match_packet(dst, 2, src, 2, &ip), "ends swapped");
	cr_assert(!ts_match_packet(src + 1, 1, dst, 2, &ip), "TCP only");
	cr_assert(!ts_match_packet(src, 2, dst + 1, 1, &ip), "other family");
	put_be16(pkt->data + 20, 999);
	cr_assert_eq(ip_packet_parse(&ip, pkt), DROP_NONE);
	cr_assert(!ts_match_packet(src, 2, dst, 2, &ip), "port one below");
	buf_free(pkt);
}

Test(ts, icmp_type_and_code)
{
	struct ts echo = make("::/0", IP_PROTO_ICMPV6, 0x8000, 0x80ff);
	struct ts all = make("::/0", 0, 0, 65535);
	uint8_t data[48];

	for (unsigned type = 0; type < 256; type++) {
		uint8_t *icmp = ip_build(data, 6, IP_PROTO_ICMPV6, 8);
		struct ip_packet ip;
		struct buf *pkt;

		icmp[0] = (uint8_t)type;
		icmp[1] = (uint8_t)(type ^ 7);
		pkt = exact_buf(data, sizeof data);
		cr_assert_eq(ip_packet_parse(&ip, pkt), DROP_NONE);
		cr_assert_eq(ts_match_packet(&echo, 1, &all, 1, &ip), type == 128);
		cr_assert_eq(ts_match_packet(&all, 1, &echo, 1, &ip), type == 128);
		buf_free(pkt);
	}
}
