/* SPDX-License-Identifier: Apache-2.0 */
/* Walks an IP packet up to its transport header: RFC 791 3.1, RFC 8200 section 4, RFC 7112. */
#include "ip/packet.h"

#include "base/buf.h"
#include "base/wire.h"
#include "ip/addr.h"

#include <string.h>

enum {
	CHAIN_HEADERS = 8,
	CHAIN_OCTETS = 256,
	FRAGMENT_HEADER = 8,
	IPV4_FRAGMENT = 0x3fff, /* MF and offset */
	IPV4_OFFSET = 0x1fff,
	IPV4_DF = 0x4000,
	IPV6_FRAGMENT = 0xfff9, /* offset and M */
	IPV6_OFFSET = 0xfff8,
};

/* Extension headers, RFC 8200 and IANA's list of them. */
enum {
	HOP_BY_HOP = 0,
	ROUTING = 43,
	FRAGMENT = 44,
	AUTHENTICATION = 51,
	DESTINATION = 60,
	MOBILITY = 135,
	HIP = 139,
	SHIM6 = 140,
};

static bool is_extension(uint8_t header)
{
	switch (header) {
	case HOP_BY_HOP:
	case ROUTING:
	case FRAGMENT:
	case AUTHENTICATION:
	case DESTINATION:
	case MOBILITY:
	case HIP:
	case SHIM6:
		return true;
	default:
		return false;
	}
}

/* These may also be the last header, and then they are the protocol (RFC 4301 4.4.1.1 for 135). */
static bool may_end_chain(uint8_t header)
{
	return header == MOBILITY || header == HIP || header == SHIM6;
}

static size_t extension_len(uint8_t header, const uint8_t *at)
{
	if (header == FRAGMENT)
		return FRAGMENT_HEADER;
	if (header == AUTHENTICATION)
		return ((size_t)at[1] + 2) * 4;
	return ((size_t)at[1] + 1) * 8;
}

static void fragment_header(struct ip_packet *ip, const uint8_t *at)
{
	uint16_t field = get_be16(at + 2);

	/* Offset 0 and no M: whole, as RFC 6946 has it. */
	ip->fragment = (field & IPV6_FRAGMENT) != 0;
	ip->first = (field & IPV6_OFFSET) == 0;
}

/* Moves hdr_len and proto behind the extension headers that are there. */
static enum drop walk_chain(struct ip_packet *ip)
{
	for (unsigned n = 0; ip->first && is_extension(ip->proto); n++) {
		const uint8_t *at = ip->data + ip->hdr_len;
		size_t left = ip->len - ip->hdr_len;
		size_t len;

		if (n == CHAIN_HEADERS)
			return DROP_IP_CHAIN;
		if (left < 8)
			return DROP_IP_SHORT;
		if (may_end_chain(ip->proto) && at[0] == IP_PROTO_NONE)
			break;
		len = extension_len(ip->proto, at);
		if (ip->hdr_len - IPV6_HEADER + len > CHAIN_OCTETS)
			return DROP_IP_CHAIN;
		if (len > left)
			return DROP_IP_SHORT;
		if (ip->proto == FRAGMENT)
			fragment_header(ip, at);
		ip->proto = at[0];
		ip->hdr_len = (uint16_t)(ip->hdr_len + len);
	}
	return DROP_NONE;
}

static enum drop view_ipv4(struct ip_packet *ip, const uint8_t *data, size_t len)
{
	uint16_t field;

	if (len < IPV4_HEADER)
		return DROP_IP_SHORT;
	field = get_be16(data + 6);
	ip->hdr_len = (uint16_t)((data[0] & 15) * 4);
	ip->len = get_be16(data + 2);
	ip->src = data + 12;
	ip->dst = data + 16;
	ip->next_header = ip->proto = data[9];
	ip->fragment = (field & IPV4_FRAGMENT) != 0;
	ip->first = (field & IPV4_OFFSET) == 0;
	if (ip->hdr_len < IPV4_HEADER || ip->len < ip->hdr_len)
		return DROP_IP_HEADER;
	return DROP_NONE;
}

static enum drop view_ipv6(struct ip_packet *ip, const uint8_t *data, size_t len)
{
	uint16_t payload;

	if (len < IPV6_HEADER)
		return DROP_IP_SHORT;
	payload = get_be16(data + 4);
	ip->hdr_len = IPV6_HEADER;
	ip->len = IPV6_HEADER + (size_t)payload;
	ip->src = data + 8;
	ip->dst = data + 24;
	ip->next_header = ip->proto = data[6];
	ip->first = true;
	/* Only a jumbogram (RFC 2675) has options in a payload of no octets. */
	if (!payload && ip->proto == HOP_BY_HOP)
		return DROP_IP_HEADER;
	return DROP_NONE;
}

/* The fixed header; ip->len is what the header says and may exceed len. */
static enum drop view_fixed(struct ip_packet *ip, const uint8_t *data, size_t len)
{
	memset(ip, 0, sizeof *ip);
	if (!len)
		return DROP_IP_SHORT;
	ip->data = data;
	ip->version = data[0] >> 4;
	if (ip->version == 4)
		return view_ipv4(ip, data, len);
	return ip->version == 6 ? view_ipv6(ip, data, len) : DROP_IP_VERSION;
}

static bool is_icmp(const struct ip_packet *ip)
{
	return ip->proto == (ip->version == 4 ? IP_PROTO_ICMP : IP_PROTO_ICMPV6);
}

/* The least that a transport header has; 0 where we know nothing of the protocol. */
static size_t transport_min(uint8_t proto)
{
	switch (proto) {
	case IP_PROTO_TCP:
		return 20;
	case IP_PROTO_SCTP:
		return 12;
	case IP_PROTO_UDP:
	case IP_PROTO_UDPLITE:
	case IP_PROTO_ICMP:
	case IP_PROTO_ICMPV6:
	case IP_PROTO_ESP:
		return 8;
	default:
		return 0;
	}
}

/* The first four octets of the transport header are there. */
static void view_ports(struct ip_packet *ip)
{
	const uint8_t *at = ip->data + ip->hdr_len;

	switch (ip->proto) {
	case IP_PROTO_TCP:
	case IP_PROTO_UDP:
	case IP_PROTO_UDPLITE:
	case IP_PROTO_SCTP:
		ip->sport = get_be16(at);
		ip->dport = get_be16(at + 2);
		ip->has_ports = true;
		return;
	default:
		break;
	}
	if (!is_icmp(ip))
		return;
	ip->sport = ip->dport = get_be16(at);
	ip->has_ports = true;
}

enum drop ip_packet_parse(struct ip_packet *ip, struct buf *pkt)
{
	enum drop drop = view_fixed(ip, pkt->data, pkt->len);

	if (drop)
		return drop;
	if (ip->len > pkt->len)
		return DROP_IP_SHORT;
	buf_trim(pkt, pkt->len - ip->len);
	if (ip->version == 6 && (drop = walk_chain(ip)))
		return drop;
	if (!ip->first)
		return DROP_NONE;
	if (ip->len - ip->hdr_len < transport_min(ip->proto))
		return DROP_TRANSPORT_SHORT;
	if (transport_min(ip->proto))
		view_ports(ip);
	return DROP_NONE;
}

bool ip_packet_parse_quoted(struct ip_packet *ip, const uint8_t *data, size_t len)
{
	enum drop drop = view_fixed(ip, data, len);

	if (drop)
		return false;
	if (ip->len > len)
		ip->len = len;
	if (ip->len < ip->hdr_len)
		return false;
	if (ip->version == 6 && (drop = walk_chain(ip)) && drop != DROP_IP_SHORT)
		return false;
	if (!drop && ip->first && ip->len - ip->hdr_len >= 4)
		view_ports(ip);
	return true;
}

struct ip_addr ip_packet_src(const struct ip_packet *ip)
{
	return ip_addr_from(ip->version, ip->src);
}

struct ip_addr ip_packet_dst(const struct ip_packet *ip)
{
	return ip_addr_from(ip->version, ip->dst);
}

uint8_t ip_packet_hop_limit(const struct ip_packet *ip)
{
	return ip->data[ip->version == 4 ? 8 : 7];
}

uint8_t ip_packet_traffic_class(const struct ip_packet *ip)
{
	if (ip->version == 4)
		return ip->data[1];
	return (uint8_t)(get_be16(ip->data) >> 4);
}

bool ip_packet_dont_fragment(const struct ip_packet *ip)
{
	return ip->version == 6 || (get_be16(ip->data + 6) & IPV4_DF) != 0;
}

const char *ip_proto_name(uint8_t proto)
{
	switch (proto) {
	case IP_PROTO_ICMP:
		return "icmp";
	case IP_PROTO_IPV4:
		return "ipv4";
	case IP_PROTO_TCP:
		return "tcp";
	case IP_PROTO_UDP:
		return "udp";
	case IP_PROTO_IPV6:
		return "ipv6";
	case IP_PROTO_ESP:
		return "esp";
	case IP_PROTO_ICMPV6:
		return "icmpv6";
	case IP_PROTO_SCTP:
		return "sctp";
	case IP_PROTO_UDPLITE:
		return "udplite";
	default:
		return NULL;
	}
}
