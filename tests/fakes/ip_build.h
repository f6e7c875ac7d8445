/* SPDX-License-Identifier: Apache-2.0 */
/* Small IP packets for tests, with checksums summed the slow way: 16 bits at a time. */
#ifndef DIETVPN_TESTS_IP_BUILD_H
#define DIETVPN_TESTS_IP_BUILD_H

#include "base/buf.h"
#include "base/wire.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline uint32_t naive_sum(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static inline uint16_t naive_checksum(const uint8_t *p, size_t len)
{
	return (uint16_t)~naive_sum(0, p, len);
}

/* Of the first covered octets of the transport part of len. */
static inline uint16_t naive_transport(
	const uint8_t *ip, uint8_t proto, const uint8_t *p, size_t len, size_t covered)
{
	uint8_t tail[8] = {0};
	uint32_t sum = ip[0] >> 4 == 4 ? naive_sum(0, ip + 12, 8) : naive_sum(0, ip + 8, 32);

	put_be32(tail, (uint32_t)len);
	tail[7] = proto;
	return (uint16_t)~naive_sum(naive_sum(sum, tail, 8), p, covered);
}

/* 10.0.0.1 -> 10.0.0.2 or 2001:db8::1 -> 2001:db8::2 with len octets behind the header, zeroed. */
static inline uint8_t *ip_build(uint8_t *p, int version, uint8_t proto, size_t len)
{
	static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8};
	size_t header = version == 4 ? 20 : 40;

	memset(p, 0, header + len);
	if (version == 4) {
		p[0] = 0x45;
		put_be16(p + 2, (uint16_t)(header + len));
		p[8] = 63;
		p[9] = proto;
		put_be32(p + 12, 0x0a000001);
		put_be32(p + 16, 0x0a000002);
		put_be16(p + 10, naive_checksum(p, 20));
		return p + header;
	}
	p[0] = 0x60;
	put_be16(p + 4, (uint16_t)len);
	p[6] = proto;
	p[7] = 63;
	memcpy(p + 8, v6, 16);
	memcpy(p + 24, v6, 16);
	p[23] = 1;
	p[39] = 2;
	return p + header;
}

/* A packet without tailroom: the sanitizer sees a read behind its end. Freed by buf_free. */
static inline struct buf *exact_buf(const uint8_t *data, size_t len)
{
	struct buf *pkt = malloc(sizeof *pkt + BUF_HEADROOM + len);

	pkt->size = BUF_HEADROOM + len;
	buf_reset(pkt);
	if (len)
		memcpy(pkt->data, data, len);
	pkt->len = len;
	return pkt;
}

#endif
