/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums: numbers of RFC 1071, 1624 and 3720, a 16-bit loop, and every flipped bit. */
#include "ip/checksum.h"

#include "fakes/chance.h"
#include "fakes/ip_build.h"
#include "ip/packet.h"

#include <criterion/criterion.h>

Test(checksum, published)
{
	/* RFC 1071 section 3. */
	static const uint8_t rfc1071[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	/* RFC 1624 section 4: ~0xdd2f, ~0x5555, 0x3285 give 0x0000 by equation 3. */
	static const uint8_t rfc1624[] = {0x22, 0xd0, 0xaa, 0xaa, 0x32, 0x85};
	uint8_t octets[32];

	cr_assert_eq(checksum_finish(checksum_add(0, rfc1071, 8)), 0x220d);
	cr_assert_eq(checksum_finish(checksum_add(0, rfc1624, 6)), 0x0000);
	/* RFC 3720 appendix B.4. */
	memset(octets, 0, sizeof octets);
	cr_assert_eq(checksum_crc32c(octets, 32), 0x8a9136aa);
	memset(octets, 0xff, sizeof octets);
	cr_assert_eq(checksum_crc32c(octets, 32), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		octets[i] = (uint8_t)i;
	cr_assert_eq(checksum_crc32c(octets, 32), 0x46dd794e);
	for (int i = 0; i < 32; i++)
		octets[i] = (uint8_t)(31 - i);
	cr_assert_eq(checksum_crc32c(octets, 32), 0x113fdb5c);
	cr_assert_eq(checksum_crc32c("123456789", 9), 0xe3069283);
}

Test(checksum, like_the_loop)
{
	static uint8_t data[65536 + 8];
	uint64_t rng = 5;

	chance_fill(&rng, data, sizeof data);
	for (size_t len = 0; len < 200; len++)
		for (size_t at = 0; at < 8; at++) {
			size_t half = len / 2 & ~(size_t)1;
			uint64_t sum = checksum_add(0, data + at, half);

			cr_assert_eq(checksum_finish(checksum_add(0, data + at, len)),
				naive_checksum(data + at, len));
			cr_assert_eq(
				checksum_finish(checksum_add(sum, data + at + half, len - half)),
				naive_checksum(data + at, len));
		}
	for (int i = 0; i < 200; i++) {
		size_t len = chance_below(&rng, 65536);

		cr_assert_eq(checksum_finish(checksum_add(0, data, len)), naive_checksum(data, len),
			"%zu octets", len);
	}
	memset(data, 0xff, sizeof data);
	cr_assert_eq(checksum_finish(checksum_add(0, data, 65535)), naive_checksum(data, 65535));
	cr_assert_eq(checksum_finish(checksum_add(0, data, 65536)), 0);
}

Test(checksum, ipv4_header)
{
	uint8_t p[80];
	uint64_t rng = 6;

	for (int i = 0; i < 1000; i++) {
		size_t len = 20 + 4 * chance_below(&rng, 11);
		uint16_t sum;

		chance_fill(&rng, p, sizeof p);
		sum = checksum_ipv4_header(p, len);
		put_be16(p + 10, 0);
		cr_assert_eq(sum, naive_checksum(p, len));
	}
}

/* Writes a right checksum of proto into a packet with len octets of transport. */
static void seal(uint8_t *ip, uint8_t proto, size_t len)
{
	uint8_t *p = ip + (ip[0] >> 4 == 4 ? 20 : 40);
	uint32_t crc;

	switch (proto) {
	case IP_PROTO_TCP:
		put_be16(p + 16, 0);
		put_be16(p + 16, naive_transport(ip, proto, p, len, len));
		break;
	case IP_PROTO_UDP:
	case IP_PROTO_UDPLITE:
		put_be16(p + 4, (uint16_t)len);
		put_be16(p + 6, 0);
		put_be16(p + 6, naive_transport(ip, proto, p, len, len));
		break;
	case IP_PROTO_ICMP:
		put_be16(p + 2, 0);
		put_be16(p + 2, naive_checksum(p, len));
		break;
	case IP_PROTO_ICMPV6:
		put_be16(p + 2, 0);
		put_be16(p + 2, naive_transport(ip, proto, p, len, len));
		break;
	default:
		put_be32(p + 8, 0);
		crc = checksum_crc32c(p, len);
		for (int i = 0; i < 4; i++)
			p[8 + i] = (uint8_t)(crc >> 8 * i);
	}
}

static bool ok(const uint8_t *data, size_t len)
{
	struct buf *pkt = exact_buf(data, len);
	struct ip_packet ip;
	bool right;

	cr_assert_eq(ip_packet_parse(&ip, pkt), DROP_NONE);
	right = checksum_transport_ok(&ip);
	buf_free(pkt);
	return right;
}

Test(checksum, every_flipped_bit)
{
	static const struct {
		int version;
		uint8_t proto;
	} rows[] = {{4, 6}, {6, 6}, {4, 17}, {6, 17}, {4, 136}, {6, 136}, {4, 132}, {6, 132},
		{4, 1}, {6, 58}};
	uint64_t rng = 7;
	uint8_t ip[256];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t len = 20; len < 60; len += 13) {
			size_t header = rows[i].version == 4 ? 20 : 40;
			uint8_t *p = ip_build(ip, rows[i].version, rows[i].proto, len);

			chance_fill(&rng, p, len);
			seal(ip, rows[i].proto, len);
			cr_assert(ok(ip, header + len), "proto %u", rows[i].proto);
			for (size_t bit = 0; bit < len * 8; bit++) {
				p[bit / 8] ^= (uint8_t)(1 << bit % 8);
				cr_assert(!ok(ip, header + len), "IPv%d proto %u bit %zu",
					rows[i].version, rows[i].proto, bit);
				p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			}
		}
}

/* A kernel with NEEDS_CSUM has written the sum of the pseudo header only. */
Test(checksum, completed)
{
	static const struct {
		uint8_t proto;
		size_t offset;
	} rows[] = {
		{IP_PROTO_TCP, 16}, {IP_PROTO_UDP, 6}, {IP_PROTO_UDPLITE, 6}, {IP_PROTO_ICMPV6, 2}};
	uint64_t rng = 8;
	uint8_t ip[256];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t len = 20; len < 120; len++) {
			uint8_t *p = ip_build(ip, 6, rows[i].proto, len);

			chance_fill(&rng, p, len);
			if (rows[i].offset == 6)
				put_be16(p + 4, (uint16_t)len);
			put_be16(p + rows[i].offset,
				checksum_fold(checksum_pseudo(
					6, ip + 8, ip + 24, rows[i].proto, (uint32_t)len)));
			cr_assert(!ok(ip, 40 + len));
			cr_assert(
				checksum_complete(ip, 40 + len, 40, rows[i].offset, rows[i].proto));
			cr_assert(ok(ip, 40 + len), "proto %u, %zu octets", rows[i].proto, len);
		}
}

Test(checksum, completed_zero_and_bounds)
{
	static const uint8_t sum_is_ffff[] = {0xed, 0xca, 0, 0, 0x12, 0x35};
	uint8_t p[6];

	memcpy(p, sum_is_ffff, sizeof p);
	cr_assert(checksum_complete(p, 6, 0, 2, IP_PROTO_TCP));
	cr_assert_eq(get_be16(p + 2), 0);
	cr_assert(checksum_complete(p, 6, 0, 2, IP_PROTO_UDP));
	cr_assert_eq(get_be16(p + 2), 0xffff);
	memcpy(p, sum_is_ffff, sizeof p);
	cr_assert(checksum_complete(p, 6, 0, 2, IP_PROTO_UDPLITE));
	cr_assert_eq(get_be16(p + 2), 0xffff);

	memcpy(p, sum_is_ffff, sizeof p);
	cr_assert(!checksum_complete(p, 6, 0, 5, IP_PROTO_TCP));
	cr_assert(!checksum_complete(p, 6, 4, 1, IP_PROTO_TCP));
	cr_assert(!checksum_complete(p, 6, 5, 0, IP_PROTO_TCP));
	cr_assert(!checksum_complete(p, 6, 7, 0, IP_PROTO_TCP));
	cr_assert(!checksum_complete(p, 6, SIZE_MAX, 4, IP_PROTO_TCP));
	cr_assert(!checksum_complete(p, 6, 0, SIZE_MAX, IP_PROTO_TCP));
	cr_assert_arr_eq(p, sum_is_ffff, sizeof p);
	cr_assert(checksum_complete(p, 6, 4, 0, IP_PROTO_TCP));
}

Test(checksum, udp_rules)
{
	uint8_t ip[128];
	uint8_t *p = ip_build(ip, 4, IP_PROTO_UDP, 20);

	put_be16(p + 4, 20);
	cr_assert(ok(ip, 40), "no checksum over IPv4");
	put_be16(p + 4, 21);
	cr_assert(!ok(ip, 40), "length beyond the packet");
	put_be16(p + 4, 7);
	cr_assert(!ok(ip, 40), "length below the header");
	put_be16(p + 4, 16);
	put_be16(p + 6, naive_transport(ip, IP_PROTO_UDP, p, 16, 16));
	p[19] = 1;
	cr_assert(ok(ip, 40), "octets behind the datagram are not summed");

	p = ip_build(ip, 6, IP_PROTO_UDP, 20);
	put_be16(p + 4, 20);
	cr_assert(!ok(ip, 60), "IPv6 wants a checksum");
	/* A sum that comes out as 0 travels as 0xffff (RFC 768). */
	put_be16(p, naive_transport(ip, IP_PROTO_UDP, p, 20, 20));
	put_be16(p + 6, 0xffff);
	cr_assert(ok(ip, 60));
}

Test(checksum, udplite_coverage)
{
	uint8_t ip[128];
	uint8_t *p = ip_build(ip, 6, IP_PROTO_UDPLITE, 40);

	for (uint16_t coverage = 0; coverage < 50; coverage++) {
		size_t covered = coverage ? coverage : 40;
		bool legal = covered >= 8 && covered <= 40;

		memset(p, 0x5a, 40);
		put_be16(p + 4, coverage);
		put_be16(p + 6, 0);
		put_be16(p + 6, naive_transport(ip, IP_PROTO_UDPLITE, p, 40, legal ? covered : 40));
		if (coverage >= 2 && coverage < 8) {
			/* The sum itself is made to come out right. */
			put_be16(p, 0);
			put_be16(p + 6, 0x00ff);
			put_be16(p, naive_transport(ip, IP_PROTO_UDPLITE, p, 40, coverage));
		}
		cr_assert_eq(ok(ip, 80), legal, "coverage %u", coverage);
		if (!legal)
			continue;
		p[39] ^= 1;
		cr_assert_eq(ok(ip, 80), covered < 40, "coverage %u", coverage);
	}
	put_be16(p + 4, 8);
	put_be16(p + 6, 0);
	cr_assert(!ok(ip, 80), "never absent");
	ip_build(ip, 4, 47, 12);
	cr_assert(ok(ip, 32), "nothing known of GRE");
}
