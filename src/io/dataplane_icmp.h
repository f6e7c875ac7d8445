/* SPDX-License-Identifier: Apache-2.0 */
/* Packet Too Big towards the inside (RFC 1191, RFC 4443 3.2), at a bounded rate. */
#ifndef DIETVPN_IO_DATAPLANE_ICMP_H
#define DIETVPN_IO_DATAPLANE_ICMP_H

#include "dietvpn/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum { ICMP_PER_SECOND = 100 };

struct icmp_rate {
	uint64_t since_ms;
	unsigned used;
};

/* Where an error may come from when it cannot come from the packet's destination. */
struct icmp_from {
	const struct ip_addr *own;
	size_t n;
};

/* RFC 4443 2.4 (f): true, and counted, while this second has room. */
bool icmp_rate_allows(struct icmp_rate *rate, uint64_t now_ms);
/* Builds the error about pkt into out; false where none may be sent. */
bool icmp_too_big(struct buf *out, struct buf *pkt, const struct icmp_from *from, uint32_t mtu);

#endif
