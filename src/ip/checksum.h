/* SPDX-License-Identifier: Apache-2.0 */
/* Internet checksum (RFC 1071, 1624), pseudo headers, SCTP's CRC32c (RFC 9260 appendix A). */
#ifndef DIETVPN_IP_CHECKSUM_H
#define DIETVPN_IP_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ip_packet;

/*
 * Adds octets to a running sum; an odd length counts as padded with zero, so only the last may be.
 * What is also copied is best summed at its source first: as fast as one loop that does both, and a
 * quarter faster than to sum the copy.
 */
uint64_t checksum_add(uint64_t sum, const void *data, size_t len);
/* Folds to 16 bits and complements: as stored in a header, in host byte order (use put_be16). */
uint16_t checksum_finish(uint64_t sum);
/* Folded and not complemented: what a field holds that is to be completed later (VIRTIO 1.1 5.1.6).
 */
uint16_t checksum_fold(uint64_t sum);
uint16_t checksum_ipv4_header(
	const uint8_t *header, size_t len); /* as if its checksum field were 0 */
/* Pseudo header of IPv4 or IPv6; addresses in wire order, len of transport header and data. */
uint64_t checksum_pseudo(
	uint8_t version, const uint8_t *src, const uint8_t *dst, uint8_t proto, uint32_t len);
/*
 * Completes the checksum of proto at packet + start + offset, which holds the folded sum of the
 * pseudo header: over packet[start] to packet[len - 1], as VIRTIO_NET_HDR_F_NEEDS_CSUM asks. A
 * result of 0 becomes 0xffff for UDP (RFC 768) and UDP-Lite (RFC 3828 3.1), where 0 means "none";
 * for all others it stays. False: the field does not lie in the packet, and nothing was changed.
 */
bool checksum_complete(uint8_t *packet, size_t len, size_t start, size_t offset, uint8_t proto);
uint32_t checksum_crc32c(const void *data, size_t len);
/*
 * The transport checksum of TCP, UDP, UDP-Lite, ICMPv6, ICMP or SCTP is right (UDP over IPv4 may
 * carry 0). Unknown protocols: true. Not for fragments. A routing header with segments left: false,
 * as the sum holds a destination that is not yet in the IP header (RFC 8200 8.1).
 */
bool checksum_transport_ok(const struct ip_packet *ip);

#endif
