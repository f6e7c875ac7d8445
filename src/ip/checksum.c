/* SPDX-License-Identifier: Apache-2.0 */
/* Internet checksum (RFC 1071), transport checksums over it, and CRC32c (RFC 9260 appendix A). */
#include "ip/checksum.h"

#include "base/wire.h"
#include "ip/packet.h"

#include <string.h>

static uint64_t load(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static uint32_t fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)((sum & 0xffff) + (sum >> 16));
}

/* RFC 1071 section 2 (B): the sum may be taken in either byte order and swapped at the end. */
static uint16_t to_host_order(uint32_t native)
{
	uint16_t value = (uint16_t)native;
	uint8_t octets[2];

	memcpy(octets, &value, sizeof octets);
	return get_be16(octets);
}

/* One's complement addition in 64 bits: the carries are counted, and come in again at the end. */
struct lane {
	uint64_t sum, carries;
};

static void add(struct lane *lane, uint64_t value)
{
	lane->sum += value;
	lane->carries += lane->sum < value;
}

/* Up to 7 octets behind the last eight, as if a zero followed an odd one. */
static uint64_t rest(const uint8_t *p, size_t len)
{
	uint8_t last[2] = {0};
	uint32_t four = 0;
	uint16_t two = 0;
	uint16_t one = 0;

	if (len & 4)
		memcpy(&four, p, sizeof four);
	if (len & 2)
		memcpy(&two, p + (len & 4), sizeof two);
	if (len & 1) {
		last[0] = p[len - 1];
		memcpy(&one, last, sizeof one);
	}
	return (uint64_t)four + two + one;
}

/* 2^32 and 2^64 are both 1 modulo 0xffff. */
static uint64_t join(struct lane a, const struct lane *b)
{
	add(&a, b->sum);
	return (a.sum & 0xffffffff) + (a.sum >> 32) + a.carries + b->carries;
}

/* Two lanes, so that neither waits for the other. */
uint64_t checksum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	struct lane a = {0};
	struct lane b = {0};

	for (; len >= 32; len -= 32, p += 32) {
		add(&a, load(p));
		add(&b, load(p + 8));
		add(&a, load(p + 16));
		add(&b, load(p + 24));
	}
	for (; len >= 8; len -= 8, p += 8)
		add(&a, load(p));
	add(&b, rest(p, len));
	return sum + to_host_order(fold(join(a, &b)));
}

uint16_t checksum_finish(uint64_t sum)
{
	return (uint16_t)~fold(sum);
}

uint16_t checksum_fold(uint64_t sum)
{
	return (uint16_t)fold(sum);
}

uint16_t checksum_ipv4_header(const uint8_t *header, size_t len)
{
	uint64_t sum = checksum_add(0, header, 10);

	return checksum_finish(checksum_add(sum, header + 12, len - 12));
}

uint64_t checksum_pseudo(
	uint8_t version, const uint8_t *src, const uint8_t *dst, uint8_t proto, uint32_t len)
{
	size_t addr = version == 4 ? 4 : 16;
	uint64_t sum = (uint64_t)proto + (len >> 16) + (len & 0xffff);

	sum = checksum_add(sum, src, addr);
	return checksum_add(sum, dst, addr);
}

bool checksum_complete(uint8_t *packet, size_t len, size_t start, size_t offset, uint8_t proto)
{
	uint16_t value;

	if (start > len || len - start < 2 || offset > len - start - 2)
		return false;
	value = checksum_finish(checksum_add(0, packet + start, len - start));
	if (!value && (proto == IP_PROTO_UDP || proto == IP_PROTO_UDPLITE))
		value = 0xffff;
	put_be16(packet + start + offset, value);
	return true;
}

/*
 * The CRC is linear: the entry of an octet is the sum of the entries of its bits, so that the table
 * grows out of eight numbers, x^32 to x^39 modulo the polynomial 0x1edc6f41, bits reversed.
 */
#define CRC_BIT(i, bit, value) ((i) & (bit) ? (value) : 0u)
#define CRC(i) \
	(CRC_BIT(i, 0x80, 0x82f63b78u) ^ CRC_BIT(i, 0x40, 0x417b1dbcu) ^ \
		CRC_BIT(i, 0x20, 0x20bd8edeu) ^ CRC_BIT(i, 0x10, 0x105ec76fu) ^ \
		CRC_BIT(i, 0x08, 0x8ad958cfu) ^ CRC_BIT(i, 0x04, 0xc79a971fu) ^ \
		CRC_BIT(i, 0x02, 0xe13b70f7u) ^ CRC_BIT(i, 0x01, 0xf26b8303u))
#define CRC_4(i)  CRC(i), CRC((i) + 1), CRC((i) + 2), CRC((i) + 3)
#define CRC_16(i) CRC_4(i), CRC_4((i) + 4), CRC_4((i) + 8), CRC_4((i) + 12)
#define CRC_64(i) CRC_16(i), CRC_16((i) + 16), CRC_16((i) + 32), CRC_16((i) + 48)

static const uint32_t crc_table[256] = {CRC_64(0), CRC_64(64), CRC_64(128), CRC_64(192)};

static uint32_t crc_update(uint32_t crc, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		crc = crc >> 8 ^ crc_table[(crc ^ p[i]) & 0xff];
	return crc;
}

uint32_t checksum_crc32c(const void *data, size_t len)
{
	return ~crc_update(0xffffffff, data, len);
}

/* Computed with the field as 0; carried with the least significant octet first. */
static bool sctp_ok(const uint8_t *p, size_t len)
{
	static const uint8_t zero[4];
	uint32_t crc;

	if (len < 12)
		return false;
	crc = crc_update(0xffffffff, p, 8);
	crc = crc_update(crc, zero, sizeof zero);
	crc = ~crc_update(crc, p + 12, len - 12);
	return crc == ((uint32_t)p[11] << 24 | (uint32_t)p[10] << 16 | (uint32_t)p[9] << 8 | p[8]);
}

/* The first "covered" octets of the transport part with a pseudo header that says len. */
static bool sum_ok(const struct ip_packet *ip, const uint8_t *p, size_t len, size_t covered)
{
	uint64_t sum = checksum_pseudo(ip->version, ip->src, ip->dst, ip->proto, (uint32_t)len);

	return checksum_finish(checksum_add(sum, p, covered)) == 0;
}

/* RFC 768: octets behind the length are no part of the datagram; RFC 8200 8.1: 0 is no checksum. */
static bool udp_ok(const struct ip_packet *ip, const uint8_t *p, size_t len)
{
	size_t udp_len;

	if (len < 8)
		return false;
	udp_len = get_be16(p + 4);
	if (udp_len < 8 || udp_len > len)
		return false;
	if (!get_be16(p + 6))
		return ip->version == 4;
	return sum_ok(ip, p, udp_len, udp_len);
}

/* RFC 3828 3.1: coverage 0 is everything, 1 to 7 are illegal; the checksum is never absent. */
static bool udplite_ok(const struct ip_packet *ip, const uint8_t *p, size_t len)
{
	size_t covered;

	if (len < 8)
		return false;
	covered = get_be16(p + 4);
	if (!covered)
		covered = len;
	return covered >= 8 && covered <= len && get_be16(p + 6) && sum_ok(ip, p, len, covered);
}

bool checksum_transport_ok(const struct ip_packet *ip)
{
	const uint8_t *p = ip->data + ip->hdr_len;
	size_t len = ip->len - ip->hdr_len;

	switch (ip->proto) {
	case IP_PROTO_TCP:
		return len >= 20 && sum_ok(ip, p, len, len);
	case IP_PROTO_UDP:
		return udp_ok(ip, p, len);
	case IP_PROTO_UDPLITE:
		return udplite_ok(ip, p, len);
	case IP_PROTO_SCTP:
		return sctp_ok(p, len);
	case IP_PROTO_ICMP:
		return ip->version != 4 || checksum_finish(checksum_add(0, p, len)) == 0;
	case IP_PROTO_ICMPV6:
		return ip->version != 6 || sum_ok(ip, p, len, len);
	default:
		return true;
	}
}
