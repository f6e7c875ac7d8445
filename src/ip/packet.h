/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds-checked view of an IP packet (RFC 791, RFC 8200), and the outer header's fields. */
#ifndef DIETVPN_IP_PACKET_H
#define DIETVPN_IP_PACKET_H

#include "base/drop.h"
#include "dietvpn/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum {
	IP_PROTO_ICMP = 1,
	IP_PROTO_IPV4 = 4,
	IP_PROTO_TCP = 6,
	IP_PROTO_UDP = 17,
	IP_PROTO_IPV6 = 41,
	IP_PROTO_ESP = 50,
	IP_PROTO_ICMPV6 = 58,
	IP_PROTO_NONE = 59,
	IP_PROTO_SCTP = 132,
	IP_PROTO_UDPLITE = 136,
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	IPV6_MIN_MTU = 1280,
};

/* Borrows the packet: valid until its data moves. */
struct ip_packet {
	const uint8_t *data;
	size_t len;               /* of the IP packet; octets behind it were cut by parse */
	const uint8_t *src, *dst; /* 4 or 16 octets */
	uint8_t version;          /* 4 or 6 */
	uint8_t next_header;      /* of the fixed header: an extension header where there is one */
	uint8_t proto;            /* upper layer, behind all extension headers */
	bool fragment;            /* any fragment */
	bool first;               /* offset 0: the transport header is here */
	bool has_ports; /* sport, dport valid: TCP, UDP, UDP-Lite, SCTP; ICMP: type<<8|code in both
			 */
	bool sum_pending; /* the caller says: the transport checksum is still to be made */
	uint16_t hdr_len; /* up to the transport header */
	uint16_t sport, dport;
};

/*
 * Checks and views one inner packet: version, lengths, extension header chain (at most 8 headers
 * and 256 octets), transport header present unless a later fragment. Octets behind the IP total
 * length are cut off the buf. DROP_NONE, DROP_IP_*, DROP_TRANSPORT_SHORT.
 */
enum drop ip_packet_parse(struct ip_packet *ip, struct buf *pkt);
/*
 * Views the beginning of a packet, as an ICMP error quotes it: len is what is there, has_ports only
 * if 4 octets of the transport header are. false: not even a whole IP header, or not acceptable.
 */
bool ip_packet_parse_quoted(struct ip_packet *ip, const uint8_t *data, size_t len);
struct ip_addr ip_packet_src(const struct ip_packet *ip);
struct ip_addr ip_packet_dst(const struct ip_packet *ip);
uint8_t ip_packet_hop_limit(const struct ip_packet *ip);
uint8_t ip_packet_traffic_class(const struct ip_packet *ip); /* DSCP and ECN */
bool ip_packet_dont_fragment(const struct ip_packet *ip);    /* IPv4 DF; always true for IPv6 */
const char *ip_proto_name(uint8_t proto);                    /* "udp"; NULL: not in the table */

/*
 * What is known of, or wanted in, the header outside: endpoints, and the fields that "lower" copies
 * (diet-esp.md section 7). Ports are 0 for raw ESP.
 */
struct outer {
	struct ip_endpoint local, remote;
	uint8_t hop_limit; /* 0 outbound: the system's default */
	uint8_t traffic_class;
	uint32_t flow_label; /* 20 bits; outer IPv4: the Identification where it can be set */
};

#endif
