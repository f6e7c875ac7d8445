/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP errors: octets of RFC 792, 1191 and 4443, who gets none, and quotes cut anywhere. */
#include "ip/icmp.h"

#include "fakes/ip_build.h"
#include "ip/addr.h"
#include "ip/checksum.h"
#include "ip/packet.h"

#include <criterion/criterion.h>

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	cr_assert_eq(ip_addr_parse(text, &a), 0);
	return a;
}

struct case_packet {
	uint8_t data[2048];
	struct buf *pkt;
	struct ip_packet ip;
};

/* UDP 1000 -> 2000 with len octets of transport. */
static struct case_packet *udp(struct case_packet *c, int version, size_t len)
{
	uint8_t *p = ip_build(c->data, version, IP_PROTO_UDP, len);

	put_be16(p, 1000);
	put_be16(p + 2, 2000);
	return c;
}

static void parse(struct case_packet *c)
{
	size_t len = c->data[0] >> 4 == 4 ? get_be16(c->data + 2) : 40u + get_be16(c->data + 4);

	c->pkt = exact_buf(c->data, len);
	cr_assert_eq(ip_packet_parse(&c->ip, c->pkt), DROP_NONE);
}

static bool build(struct buf *out, struct case_packet *c, enum icmp_error error)
{
	struct ip_addr from = addr(c->data[0] >> 4 == 4 ? "192.0.2.9" : "2001:db8::9");
	bool built;

	parse(c);
	built = icmp_error_build(out, &c->ip, error, &from, 1300);
	if (!built)
		cr_assert_eq(out->len, 0);
	buf_free(c->pkt);
	return built;
}

static void check_built(struct buf *out, struct case_packet *c, const uint8_t icmp[8])
{
	bool v4 = c->data[0] >> 4 == 4;
	size_t header = v4 ? 20 : 40;
	struct ip_addr from = addr(v4 ? "192.0.2.9" : "2001:db8::9");
	struct ip_packet ip;
	struct ip_packet quoted;
	struct ip_addr a;

	cr_assert_eq(ip_packet_parse(&ip, out), DROP_NONE);
	cr_assert_eq(ip.len, out->len);
	cr_assert(checksum_transport_ok(&ip));
	cr_assert_eq(ip_packet_hop_limit(&ip), 64);
	cr_assert_eq(ip.proto, v4 ? IP_PROTO_ICMP : IP_PROTO_ICMPV6);
	a = ip_packet_src(&ip);
	cr_assert(ip_addr_equal(&a, &from));
	cr_assert_arr_eq(ip.dst, c->data + (v4 ? 12 : 8), v4 ? 4 : 16);
	if (v4)
		cr_assert_eq(naive_checksum(out->data, 20), 0);
	cr_assert_arr_eq(out->data + header, icmp, 2);
	cr_assert_arr_eq(out->data + header + 4, icmp + 4, 4);
	cr_assert_arr_eq(out->data + header + 8, c->data, out->len - header - 8);
	cr_assert(icmp_error_quoted(&ip, &quoted));
	cr_assert(quoted.has_ports && quoted.sport == 1000 && quoted.dport == 2000);
	cr_assert_eq(quoted.proto, IP_PROTO_UDP);
}

Test(icmp, octets)
{
	static const struct {
		int version;
		enum icmp_error error;
		uint8_t icmp[8];
	} rows[] = {
		{6, ICMP_PACKET_TOO_BIG, {2, 0, 0, 0, 0, 0, 0x05, 0x14}},
		{6, ICMP_ADMIN_PROHIBITED, {1, 1}},
		{6, ICMP_ADDRESS_UNREACHABLE, {1, 3}},
		{4, ICMP_PACKET_TOO_BIG, {3, 4, 0, 0, 0, 0, 0x05, 0x14}},
		{4, ICMP_ADMIN_PROHIBITED, {3, 13}},
		{4, ICMP_ADDRESS_UNREACHABLE, {3, 1}},
	};
	static const size_t lens[] = {8, 9, 500, 528, 529, 1192, 1193, 1400};
	struct buf *out = buf_alloc(BUF_PACKET);
	struct case_packet c;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t k = 0; k < sizeof lens / sizeof *lens; k++) {
			size_t header = rows[i].version == 4 ? 20 : 40;
			size_t max = rows[i].version == 4 ? 576 : 1280;
			size_t all = 2 * header + 8 + lens[k];

			cr_assert(build(out, udp(&c, rows[i].version, lens[k]), rows[i].error));
			cr_assert_eq(out->len, all < max ? all : max);
			check_built(out, &c, rows[i].icmp);
		}
	buf_free(out);
}

Test(icmp, mtu_field)
{
	struct buf *out = buf_alloc(BUF_PACKET);
	struct ip_addr from = addr("10.0.0.9");
	struct case_packet c;

	parse(udp(&c, 4, 8));
	cr_assert(icmp_error_build(out, &c.ip, ICMP_PACKET_TOO_BIG, &from, 70000));
	cr_assert_eq(get_be32(out->data + 24), 65535);
	from = addr("fd00::1");
	cr_assert(!icmp_error_build(out, &c.ip, ICMP_PACKET_TOO_BIG, &from, 1300), "families");
	buf_free(c.pkt);
	parse(udp(&c, 6, 8));
	cr_assert(icmp_error_build(out, &c.ip, ICMP_PACKET_TOO_BIG, &from, 70000));
	cr_assert_eq(get_be32(out->data + 44), 70000);
	buf_free(c.pkt);
	buf_free(out);
}

Test(icmp, no_answer_to_these_addresses)
{
	static const struct {
		const char *src, *dst;
		bool answer, too_big;
	} rows[] = {
		{"10.0.0.1", "10.0.0.2", true, true},
		{"0.0.0.0", "10.0.0.2", false, false},
		{"0.1.2.3", "10.0.0.2", false, false},
		{"127.0.0.1", "10.0.0.2", false, false},
		{"224.0.0.5", "10.0.0.2", false, false},
		{"255.255.255.255", "10.0.0.2", false, false},
		{"240.0.0.1", "10.0.0.2", false, false},
		{"10.0.0.1", "224.0.0.1", false, false},
		{"10.0.0.1", "255.255.255.255", false, false},
		{"fd00::1", "fd00::2", true, true},
		{"::", "fd00::2", false, false},
		{"ff02::1", "fd00::2", false, false},
		/* RFC 4443 2.4 (e.3): Packet Too Big is the exception. */
		{"fd00::1", "ff0e::1", false, true},
	};
	struct buf *out = buf_alloc(BUF_PACKET);
	struct case_packet c;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ip_addr src = addr(rows[i].src);
		struct ip_addr dst = addr(rows[i].dst);
		size_t len = ip_addr_len(&src);

		udp(&c, src.family, 100);
		memcpy(c.data + (len == 4 ? 12 : 8), src.bytes, len);
		memcpy(c.data + (len == 4 ? 16 : 24), dst.bytes, len);
		cr_assert_eq(build(out, &c, ICMP_ADMIN_PROHIBITED), rows[i].answer, "row %zu", i);
		cr_assert_eq(build(out, &c, ICMP_PACKET_TOO_BIG), rows[i].too_big, "row %zu", i);
	}
	buf_free(out);
}

/* The types of IANA's registries that are errors, and the redirects. */
static bool is_error_type(int version, unsigned type)
{
	if (version == 6)
		return type < 128;
	return type == 3 || type == 4 || type == 11 || type == 12;
}

static bool is_redirect_type(int version, unsigned type)
{
	return type == (version == 6 ? 137 : 5);
}

Test(icmp, no_answer_to_errors)
{
	struct buf *out = buf_alloc(BUF_PACKET);
	struct case_packet c;

	for (int version = 4; version <= 6; version += 2)
		for (unsigned type = 0; type < 256; type++) {
			uint8_t *p = ip_build(c.data, version, version == 4 ? 1 : 58, 60);
			struct ip_packet quoted;

			p[0] = (uint8_t)type;
			ip_build(p + 8, version, IP_PROTO_UDP, version == 4 ? 20 : 8);
			cr_assert_eq(build(out, &c, ICMP_ADMIN_PROHIBITED),
				!is_error_type(version, type) && !is_redirect_type(version, type),
				"IPv%d type %u", version, type);
			parse(&c);
			cr_assert_eq(icmp_error_quoted(&c.ip, &quoted),
				is_error_type(version, type), "IPv%d type %u", version, type);
			buf_free(c.pkt);
		}
	buf_free(out);
}

Test(icmp, no_answer_to_fragments_and_no_room)
{
	struct buf *out = buf_alloc(BUF_PACKET);
	struct buf *small = buf_alloc(10);
	struct case_packet c;

	udp(&c, 4, 100);
	put_be16(c.data + 6, 0x2000);
	cr_assert(build(out, &c, ICMP_PACKET_TOO_BIG), "first fragment");
	put_be16(c.data + 6, 1);
	cr_assert(!build(out, &c, ICMP_PACKET_TOO_BIG), "later fragment");
	udp(&c, 6, 100);
	cr_assert(build(out, &c, ICMP_PACKET_TOO_BIG));
	cr_assert(!build(small, &c, ICMP_PACKET_TOO_BIG));
	c.data[6] = 44;
	c.data[40] = IP_PROTO_UDP;
	put_be16(c.data + 42, 8);
	cr_assert(!build(out, &c, ICMP_PACKET_TOO_BIG), "later fragment");
	buf_free(out);
	buf_free(small);
}

/* header: an extension header of 8 octets before the quoted UDP header, or 0. */
static void quote_cut(int version, uint8_t header)
{
	size_t fixed = version == 4 ? 20 : 40;
	size_t transport = fixed + (header ? 8 : 0);

	for (size_t len = 0; len <= transport + 12; len++) {
		struct case_packet c;
		struct ip_packet quoted;
		uint8_t inner[80];
		uint8_t *p = ip_build(inner, version, header ? header : IP_PROTO_UDP, 40);

		if (header) {
			p[0] = IP_PROTO_UDP;
			p += 8;
		}
		put_be16(p, 7);
		put_be16(p + 2, 9);
		p = ip_build(c.data, version, version == 4 ? 1 : 58, 8 + len);
		p[0] = version == 4 ? 3 : 1;
		memcpy(p + 8, inner, len);
		parse(&c);
		cr_assert_eq(icmp_error_quoted(&c.ip, &quoted), len >= fixed, "%zu", len);
		if (len >= fixed) {
			bool ports = len >= transport + 4;
			bool reached = len >= transport;

			cr_assert_eq(quoted.has_ports, ports, "%zu octets", len);
			cr_assert_eq(quoted.proto, reached ? IP_PROTO_UDP : header);
			cr_assert_eq(quoted.len, len);
			cr_assert(!ports || (quoted.sport == 7 && quoted.dport == 9));
		}
		buf_free(c.pkt);
	}
}

Test(icmp, quotes_cut_anywhere)
{
	quote_cut(4, 0);
	quote_cut(6, 0);
	quote_cut(6, 60);
	quote_cut(6, 44);
}

Test(icmp, quotes_that_are_none)
{
	struct case_packet c;
	struct ip_packet quoted;
	uint8_t *p = ip_build(c.data, 6, 58, 60);

	p[0] = 1;
	ip_build(p + 8, 4, IP_PROTO_UDP, 20);
	parse(&c);
	cr_assert(!icmp_error_quoted(&c.ip, &quoted), "other version");
	buf_free(c.pkt);
	p[8] = 0x70;
	parse(&c);
	cr_assert(!icmp_error_quoted(&c.ip, &quoted), "no version");
	buf_free(c.pkt);
	ip_build(p + 8, 6, IP_PROTO_UDP, 12);
	p[8 + 6] = 0;
	put_be16(p + 8 + 4, 0);
	parse(&c);
	cr_assert(!icmp_error_quoted(&c.ip, &quoted), "jumbogram");
	buf_free(c.pkt);
	udp(&c, 6, 60);
	parse(&c);
	cr_assert(!icmp_error_quoted(&c.ip, &quoted), "not ICMP");
	buf_free(c.pkt);
}
