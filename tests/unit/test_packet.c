/* SPDX-License-Identifier: Apache-2.0 */
/* The packet view: every length, every fragment field, and chains made by chance. */
#include "ip/packet.h"

#include "fakes/chance.h"
#include "fakes/ip_build.h"
#include "ip/addr.h"

#include <criterion/criterion.h>

static enum drop parse(const uint8_t *data, size_t len, struct ip_packet *ip)
{
	struct buf *pkt = exact_buf(data, len);
	enum drop drop = ip_packet_parse(ip, pkt);

	if (!drop)
		cr_assert_eq(ip->len, pkt->len);
	buf_free(pkt);
	return drop;
}

Test(packet, every_length)
{
	static const struct {
		int version;
		uint8_t proto;
		size_t min;
	} rows[] = {{4, 6, 20}, {6, 6, 20}, {4, 17, 8}, {6, 17, 8}, {4, 136, 8}, {6, 136, 8},
		{4, 132, 12}, {6, 132, 12}, {4, 1, 8}, {6, 58, 8}, {4, 50, 8}, {6, 50, 8},
		{4, 47, 0}, {6, 59, 0}};
	struct ip_packet ip;
	uint8_t data[128];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t len = 0; len < 30; len++) {
			size_t header = rows[i].version == 4 ? 20 : 40;

			ip_build(data, rows[i].version, rows[i].proto, len);
			cr_assert_eq(parse(data, header + len, &ip),
				len < rows[i].min ? DROP_TRANSPORT_SHORT : DROP_NONE,
				"proto %u, %zu octets", rows[i].proto, len);
			for (size_t cut = 0; cut < header + len; cut++)
				cr_assert_eq(parse(data, cut, &ip), DROP_IP_SHORT);
			if (len < rows[i].min)
				continue;
			cr_assert_eq(parse(data, header + len + 7, &ip), DROP_NONE);
			cr_assert_eq(ip.len, header + len, "what is behind is cut off");
			cr_assert_eq(ip.hdr_len, header);
			cr_assert_eq(ip.proto, rows[i].proto);
			cr_assert(ip.first && !ip.fragment);
		}
}

Test(packet, fixed_headers)
{
	struct ip_packet ip;
	uint8_t data[100];
	uint8_t *p;
	struct ip_addr a;
	char text[IP_ADDR_TEXT];

	for (unsigned version = 0; version < 16; version++) {
		p = ip_build(data, version == 4 ? 4 : 6, IP_PROTO_UDP, 20);
		data[0] = (uint8_t)(version << 4 | (version == 4 ? 5 : 0));
		cr_assert_eq(parse(data, (size_t)(p + 20 - data), &ip),
			version == 4 || version == 6 ? DROP_NONE : DROP_IP_VERSION);
	}
	for (unsigned ihl = 0; ihl < 16; ihl++) {
		ip_build(data, 4, IP_PROTO_UDP, 30);
		data[0] = (uint8_t)(0x40 | ihl);
		cr_assert_eq(parse(data, 50, &ip), ihl < 5        ? DROP_IP_HEADER
						   : ihl * 4 > 50 ? DROP_IP_HEADER
						   : ihl * 4 > 42 ? DROP_TRANSPORT_SHORT
								  : DROP_NONE);
	}
	p = ip_build(data, 4, IP_PROTO_UDP, 8);
	put_be16(p, 0x1234);
	put_be16(p + 2, 0x5678);
	data[1] = 0xb9;
	put_be16(data + 6, 0x4000);
	p = memcpy(data + 50, data, 28);
	cr_assert_eq(parse(p, 28, &ip), DROP_NONE);
	ip.data = p, ip.src = p + 12, ip.dst = p + 16;
	cr_assert(ip.has_ports && ip.sport == 0x1234 && ip.dport == 0x5678);
	cr_assert_eq(ip_packet_traffic_class(&ip), 0xb9);
	cr_assert_eq(ip_packet_hop_limit(&ip), 63);
	cr_assert(ip_packet_dont_fragment(&ip) && !ip.fragment);
	a = ip_packet_src(&ip);
	cr_assert_str_eq(ip_addr_print(&a, text, sizeof text), "10.0.0.1");
	put_be16(data + 2, 19);
	cr_assert_eq(parse(data, 28, &ip), DROP_IP_HEADER, "total length below the header");
	put_be16(data + 2, 0);
	cr_assert_eq(parse(data, 28, &ip), DROP_IP_HEADER, "left to the network card (TSO)");

	ip_build(data, 6, IP_PROTO_ICMPV6, 8);
	data[0] = 0x6b;
	data[1] = 0x9f;
	data[40] = 128;
	data[41] = 7;
	cr_assert_eq(parse(data, 48, &ip), DROP_NONE);
	cr_assert(ip.has_ports && ip.sport == 0x8007 && ip.dport == 0x8007);
	ip.data = data, ip.src = data + 8, ip.dst = data + 24;
	cr_assert_eq(ip_packet_traffic_class(&ip), 0xb9);
	cr_assert(ip_packet_dont_fragment(&ip));
	a = ip_packet_dst(&ip);
	cr_assert_str_eq(ip_addr_print(&a, text, sizeof text), "2001:db8::2");
	ip_build(data, 4, IP_PROTO_ICMPV6, 8);
	cr_assert_eq(parse(data, 28, &ip), DROP_NONE);
	cr_assert(!ip.has_ports, "ICMPv6 over IPv4 is nothing that we know");
	ip_build(data, 6, 0, 8);
	put_be16(data + 4, 0);
	cr_assert_eq(parse(data, 48, &ip), DROP_IP_HEADER, "jumbogram");
	cr_assert_str_eq(ip_proto_name(17), "udp");
	cr_assert_null(ip_proto_name(47));
}

Test(packet, ipv4_fragments)
{
	struct ip_packet ip;
	uint8_t data[28];

	for (unsigned field = 0; field < 65536; field++) {
		bool later = field % 8192 != 0;
		bool more = field / 8192 & 1;

		ip_build(data, 4, IP_PROTO_UDP, 8);
		put_be16(data + 6, (uint16_t)field);
		cr_assert_eq(parse(data, sizeof data, &ip), DROP_NONE);
		cr_assert_eq(ip.fragment, later || more);
		cr_assert_eq(ip.first, !later);
		cr_assert_eq(ip.has_ports, !later);
		cr_assert_eq(ip.proto, IP_PROTO_UDP);
	}
	put_be16(data + 2, 21);
	cr_assert_eq(parse(data, 21, &ip), DROP_NONE, "a later fragment may be tiny");
	put_be16(data + 6, 0x2000);
	cr_assert_eq(parse(data, 21, &ip), DROP_TRANSPORT_SHORT, "the first may not (RFC 1858)");
}

Test(packet, ipv6_fragments)
{
	struct ip_packet ip;
	uint8_t data[56];

	for (unsigned field = 0; field < 65536; field++) {
		uint8_t *p = ip_build(data, 6, 44, 16);
		bool later = field / 8 != 0;

		p[0] = IP_PROTO_UDP;
		p[1] = 0xff; /* reserved, no length */
		put_be16(p + 2, (uint16_t)field);
		cr_assert_eq(parse(data, sizeof data, &ip), DROP_NONE);
		cr_assert_eq(ip.fragment, later || field % 2);
		cr_assert_eq(ip.first, !later);
		cr_assert_eq(ip.has_ports, !later);
		cr_assert_eq(ip.proto, IP_PROTO_UDP);
		cr_assert_eq(ip.hdr_len, 48);
	}
	data[40] = 60;
	cr_assert_eq(parse(data, sizeof data, &ip), DROP_NONE);
	cr_assert_eq(ip.proto, 60, "what a later fragment's first header was is all we know");
	put_be16(data + 42, 1);
	data[48] = IP_PROTO_UDP;
	cr_assert_eq(parse(data, sizeof data, &ip), DROP_TRANSPORT_SHORT,
		"RFC 7112: the first fragment holds the whole chain");
}

/* A chain of n headers; returns what must come out. */
static enum drop random_chain(uint64_t *rng, uint8_t *data, size_t *len, struct ip_packet *expected)
{
	static const uint8_t kinds[] = {0, 43, 44, 51, 60, 135, 139, 140};
	size_t n = chance_below(rng, 11);
	size_t octets = 0;
	uint8_t *next = data + 6;
	enum drop drop = DROP_NONE;
	uint8_t *p = data + 40;

	ip_build(data, 6, IP_PROTO_UDP, 2000);
	for (size_t i = 0; i < n; i++) {
		uint8_t kind = kinds[chance_below(rng, sizeof kinds)];
		uint8_t units = (uint8_t)(chance(rng) & 7 ? 0 : chance_below(rng, 30));
		size_t size = kind == 44 ? 8 : kind == 51 ? (units + 2u) * 4 : (units + 1u) * 8;

		*next = kind;
		chance_fill(rng, p, size);
		next = p;
		p[1] = units;
		if (kind == 44)
			put_be16(p + 2, chance(rng) & 1); /* the first, or all */
		if (kind == 44 && !drop)
			expected->fragment = p[3] & 1;
		octets += size;
		if (!drop && (i >= 8 || octets > 256))
			drop = DROP_IP_CHAIN;
		p += size;
	}
	*next = IP_PROTO_UDP;
	put_be16(p, 11);
	put_be16(p + 2, 12);
	*len = (size_t)(p - data) + 8;
	put_be16(data + 4, (uint16_t)(*len - 40));
	expected->hdr_len = (uint16_t)(*len - 8);
	return drop;
}

Test(packet, chains)
{
	enum { ROUNDS = 20000 };
	static uint8_t data[4000];
	uint64_t rng = 9;
	unsigned refused = 0;

	for (int round = 0; round < ROUNDS; round++) {
		struct ip_packet expected = {0};
		struct ip_packet ip;
		size_t len;
		enum drop drop = random_chain(&rng, data, &len, &expected);

		cr_assert_eq(parse(data, len, &ip), drop, "round %d", round);
		if (drop) {
			refused++;
			continue;
		}
		cr_assert_eq(ip.hdr_len, expected.hdr_len);
		cr_assert_eq(ip.fragment, expected.fragment);
		cr_assert_eq(ip.proto, IP_PROTO_UDP);
		cr_assert(ip.has_ports && ip.sport == 11 && ip.dport == 12);
		len = 40 + chance_below(&rng, len - 40);
		put_be16(data + 4, (uint16_t)(len - 40));
		cr_assert_neq(parse(data, len, &ip), DROP_NONE, "cut within the chain");
	}
	cr_assert(refused > ROUNDS / 20 && refused < ROUNDS / 2);
}

Test(packet, ends_of_chains)
{
	static const uint8_t ends[] = {135, 139, 140};
	struct ip_packet ip;
	uint8_t data[64];

	for (size_t i = 0; i < sizeof ends; i++) {
		uint8_t *p = ip_build(data, 6, ends[i], 16);

		p[0] = IP_PROTO_NONE;
		cr_assert_eq(parse(data, 56, &ip), DROP_NONE);
		cr_assert_eq(ip.proto, ends[i], "with nothing behind it, it is the protocol");
		cr_assert_eq(ip.hdr_len, 40);
		p[0] = IP_PROTO_UDP;
		cr_assert_eq(parse(data, 56, &ip), DROP_NONE);
		cr_assert_eq(ip.proto, IP_PROTO_UDP);
	}
	ip_build(data, 6, IP_PROTO_ESP, 16);
	cr_assert_eq(parse(data, 56, &ip), DROP_NONE);
	cr_assert_eq(ip.proto, IP_PROTO_ESP);
	ip_build(data, 6, 60, 16)[0] = IP_PROTO_NONE;
	cr_assert_eq(parse(data, 56, &ip), DROP_NONE);
	cr_assert_eq(ip.proto, IP_PROTO_NONE);
	cr_assert_eq(ip.next_header, 60);
	ip_build(data, 4, 51, 16);
	cr_assert_eq(parse(data, 36, &ip), DROP_NONE);
	cr_assert_eq(ip.proto, 51, "no chain in IPv4");
}
