/* SPDX-License-Identifier: Apache-2.0 */
/* Where things lie in TCP (RFC 9293 3.1) and UDP (RFC 768), for what is cut and joined. */
#ifndef DIETVPN_IO_L4_H
#define DIETVPN_IO_L4_H

#include "ip/packet.h"

#include <stddef.h>
#include <stdint.h>

enum {
	UDP_HEADER = 8,
	UDP_LENGTH_AT = 4,
	UDP_CHECKSUM_AT = 6,
	TCP_SEQUENCE_AT = 4,
	TCP_ACK_AT = 8,
	TCP_OFFSET_AT = 12, /* data offset and reserved bits */
	TCP_FLAGS_AT = 13,
	TCP_WINDOW_AT = 14,
	TCP_CHECKSUM_AT = 16,
	TCP_URGENT_AT = 18,
	TCP_OPTIONS_AT = 20,
};

enum { TCP_FIN = 1, TCP_PSH = 8, TCP_ACK = 16, TCP_CWR = 128 };

/* Octets of the TCP header with options; 0: it says less than 20 or more than the len that is
 * there. */
static inline size_t tcp_header_len(const uint8_t *tcp, size_t len)
{
	size_t header_len = len < TCP_OPTIONS_AT ? 0 : (size_t)(tcp[TCP_OFFSET_AT] >> 4) * 4;

	return header_len < TCP_OPTIONS_AT || header_len > len ? 0 : header_len;
}

/* Of the checksum field in the header of TCP or UDP. */
static inline uint16_t l4_csum_at(uint8_t proto)
{
	return proto == IP_PROTO_TCP ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT;
}

#endif
