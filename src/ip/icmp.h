/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP errors that we build towards the inside: RFC 792, RFC 1191, RFC 4443. */
#ifndef DIETVPN_IP_ICMP_H
#define DIETVPN_IP_ICMP_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct ip_addr;
struct ip_packet;

enum icmp_error {
	ICMP_PACKET_TOO_BIG, /* IPv4: Fragmentation Needed */
	ICMP_ADMIN_PROHIBITED,
	ICMP_ADDRESS_UNREACHABLE,
};

/*
 * Builds the error about "about" into out (reset first), from address "from" (same family). mtu
 * only for PACKET_TOO_BIG. false where RFC 4443 2.4 (e) or RFC 1122 3.2.2 forbid an answer: an ICMP
 * error, a multicast or unspecified source, a later fragment, or no room.
 */
bool icmp_error_build(struct buf *out, const struct ip_packet *about, enum icmp_error error,
	const struct ip_addr *from, uint32_t mtu);

/* The packet is an ICMP error; view gets the quoted packet's selectors as far as they are there. */
bool icmp_error_quoted(const struct ip_packet *ip, struct ip_packet *quoted);

#endif
