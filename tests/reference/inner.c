/* SPDX-License-Identifier: Apache-2.0 */
/* Inner packets for tests: RFC 791, 8200, 768, 3828, 9293, 9260, 792 and 4443. */
#include "reference/inner.h"

#include "base/wire.h"
#include "reference/bit_interpreter.h"

#include <string.h>

static void fix_l4(uint8_t *packet, uint8_t *l4, size_t len, uint8_t proto)
{
	uint8_t ip[40];
	uint32_t crc;
	uint16_t sum;

	/* The pseudo header has the upper-layer protocol, not the first extension header. */
	memcpy(ip, packet, packet[0] >> 4 == 6 ? 40 : 20);
	ip[packet[0] >> 4 == 6 ? 6 : 9] = proto;
	switch (proto) {
	case 17:
	case 136:
		put_be16(l4 + 4, (uint16_t)len);
		sum = ref_l4_sum(ip, l4, len, len);
		put_be16(l4 + 6, sum ? sum : 0xffff);
		break;
	case 6:
		put_be16(l4 + 16, ref_l4_sum(ip, l4, len, len));
		break;
	case 132:
		memset(l4 + 8, 0, 4);
		crc = ref_crc32c(l4, len);
		for (unsigned i = 0; i < 4; i++)
			l4[8 + i] = (uint8_t)(crc >> 8 * i);
		break;
	case 1:
		put_be16(l4 + 2, 0);
		put_be16(l4 + 2, ref_ip_sum(l4, len));
		break;
	case 58:
		put_be16(l4 + 2, ref_l4_sum(ip, l4, len, len));
		break;
	default:
		break;
	}
}

void inner_fix(uint8_t *packet, size_t len, size_t l4_at, uint8_t proto)
{
	if (packet[0] >> 4 == 6) {
		put_be16(packet + 4, (uint16_t)(len - 40));
	} else {
		put_be16(packet + 2, (uint16_t)len);
		put_be16(packet + 10, 0);
		put_be16(packet + 10, ref_ip_sum(packet, (packet[0] & 15) * 4u));
	}
	if (l4_at)
		fix_l4(packet, packet + l4_at, len - l4_at, proto);
}

static size_t put_ipv6(const struct inner *inner, uint8_t *out)
{
	size_t at = 40;

	put_be32(out, 6u << 28 | (uint32_t)inner->traffic_class << 20 | inner->flow_label);
	out[6] = inner->proto;
	out[7] = inner->hop_limit;
	memcpy(out + 8, inner->src, 16);
	memcpy(out + 24, inner->dst, 16);
	if (inner->extension) {
		memset(out + at, 0, 8);
		out[at] = inner->proto;
		out[at + 2] = 1; /* PadN of 4 */
		out[at + 3] = 4;
		out[6] = 60;
		at += 8;
	}
	if (inner->fragment) {
		memset(out + at, 0, 8);
		out[at] = inner->proto;
		put_be16(out + at + 2, inner->fragment);
		out[at + 7] = 77;
		out[at - 40 ? 40 : 6] = 44;
		at += 8;
	}
	return at;
}

static size_t put_ipv4(const struct inner *inner, uint8_t *out)
{
	uint8_t ihl = inner->ihl ? inner->ihl : 5;

	memset(out, 0, ihl * 4u);
	out[0] = (uint8_t)(0x40 | ihl);
	out[1] = inner->traffic_class;
	put_be16(out + 4, (uint16_t)inner->flow_label);
	put_be16(out + 6, inner->fragment);
	out[8] = inner->hop_limit;
	out[9] = inner->proto;
	memcpy(out + 12, inner->src, 4);
	memcpy(out + 16, inner->dst, 4);
	return ihl * 4u;
}

static size_t put_l4(const struct inner *inner, uint8_t *out)
{
	static const uint8_t lens[256] = {
		[1] = 8, [6] = 20, [17] = 8, [58] = 8, [132] = 12, [136] = 8};
	size_t len = lens[inner->proto];

	memset(out, 0, len);
	if (inner->proto == 1 || inner->proto == 58) {
		out[0] = inner->proto == 1 ? 8 : 128; /* echo request */
		put_be32(out + 4, 0x12340001);
		return len;
	}
	if (!len)
		return 0;
	put_be16(out, inner->sport);
	put_be16(out + 2, inner->dport);
	if (inner->proto == 6) {
		put_be64(out + 4, 0x1122334455667788);
		put_be32(out + 12, 0x50184321);
		put_be16(out + 18, inner->sport & 3);
	}
	if (inner->proto == 132)
		put_be32(out + 4, 0xcafe0000u | inner->dport);
	return len;
}

size_t inner_build(const struct inner *inner, uint8_t *out)
{
	size_t l4 = inner->version == 6 ? put_ipv6(inner, out) : put_ipv4(inner, out);
	bool later = inner->version == 6 ? inner->fragment & 0xfff8 : inner->fragment & 0x1fff;
	size_t len = l4 + (later ? 0 : put_l4(inner, out + l4));

	memcpy(out + len, inner->payload, inner->payload_len);
	len += inner->payload_len;
	inner_fix(out, len, later ? 0 : l4, inner->proto);
	return len;
}
