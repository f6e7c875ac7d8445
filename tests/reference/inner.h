/* SPDX-License-Identifier: Apache-2.0 */
/* Builds inner IP packets with right lengths and checksums (by the slow sums of the reference). */
#ifndef DIETVPN_TESTS_INNER_H
#define DIETVPN_TESTS_INNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inner {
	uint8_t version, proto;
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint8_t hop_limit, traffic_class;
	uint32_t flow_label; /* IPv4: the Identification */
	uint16_t fragment;   /* IPv4: flags and offset; IPv6: a fragment header's, 0 for none */
	bool extension;      /* IPv6: an empty destination options header */
	uint8_t ihl;         /* IPv4: 0 means 5; options are zeros (end of list) */
	const uint8_t *payload;
	size_t payload_len;
};

/* Returns the packet's length; out has room for the payload and 100 octets. */
size_t inner_build(const struct inner *inner, uint8_t *out);
/* Puts lengths (UDP, IP) and checksums right again after a change. */
void inner_fix(uint8_t *packet, size_t len, size_t l4_at, uint8_t proto);

#endif
