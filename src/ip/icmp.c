/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP errors towards the inside: RFC 4443 2.4 and 3.1 to 3.2, RFC 792, RFC 1191, RFC 1812 4.3.2.
 */
#include "ip/icmp.h"

#include "base/buf.h"
#include "base/wire.h"
#include "ip/addr.h"
#include "ip/checksum.h"
#include "ip/packet.h"

#include <string.h>

enum {
	ICMP_HEADER = 8,
	HOP_LIMIT = 64,
	IPV4_ERROR_MAX = 576,    /* RFC 1812 4.3.2.3 */
	IPV4_TOS_CONTROL = 0xc0, /* RFC 1812 4.3.2.5: precedence 6 */
	IPV4_DF = 0x4000,
};

enum {
	V4_UNREACHABLE = 3,
	V4_SOURCE_QUENCH = 4,
	V4_REDIRECT = 5,
	V4_TIME_EXCEEDED = 11,
	V4_PARAMETER = 12,
	V6_UNREACHABLE = 1,
	V6_TOO_BIG = 2,
	V6_INFORMATIONAL = 128, /* from here on */
	V6_REDIRECT = 137,
};

struct kind {
	uint8_t type, code;
};

static const struct kind kinds_v4[] = {
	[ICMP_PACKET_TOO_BIG] = {V4_UNREACHABLE, 4},
	[ICMP_ADMIN_PROHIBITED] = {V4_UNREACHABLE, 13},
	[ICMP_ADDRESS_UNREACHABLE] = {V4_UNREACHABLE, 1},
};

static const struct kind kinds_v6[] = {
	[ICMP_PACKET_TOO_BIG] = {V6_TOO_BIG, 0},
	[ICMP_ADMIN_PROHIBITED] = {V6_UNREACHABLE, 1},
	[ICMP_ADDRESS_UNREACHABLE] = {V6_UNREACHABLE, 3},
};

/* A redirect is left out: nobody may turn routes from within a tunnel. */
static bool is_error(const struct ip_packet *ip)
{
	uint8_t type = (uint8_t)(ip->sport >> 8);

	if (!ip->has_ports)
		return false;
	if (ip->version == 6)
		return ip->proto == IP_PROTO_ICMPV6 && type < V6_INFORMATIONAL;
	return ip->proto == IP_PROTO_ICMP &&
	       (type == V4_UNREACHABLE || type == V4_SOURCE_QUENCH || type == V4_TIME_EXCEEDED ||
		       type == V4_PARAMETER);
}

static bool is_redirect(const struct ip_packet *ip)
{
	uint8_t type = (uint8_t)(ip->sport >> 8);

	if (!ip->has_ports)
		return false;
	if (ip->version == 6)
		return ip->proto == IP_PROTO_ICMPV6 && type == V6_REDIRECT;
	return ip->proto == IP_PROTO_ICMP && type == V4_REDIRECT;
}

/* One host, and not one of its own making: RFC 1122 3.2.2 lists the others. */
static bool source_answerable(const struct ip_addr *src)
{
	if (ip_addr_is_any(src) || ip_addr_is_multicast(src))
		return false;
	return src->family == 6 ||
	       (src->bytes[0] != 0 && src->bytes[0] != 127 && src->bytes[0] < 240);
}

static bool answerable(const struct ip_packet *about, enum icmp_error error)
{
	struct ip_addr src = ip_packet_src(about);
	struct ip_addr dst = ip_packet_dst(about);

	if (!about->first || is_error(about) || is_redirect(about) || !source_answerable(&src))
		return false;
	if (dst.family == 4)
		return !ip_addr_is_multicast(&dst) && dst.bytes[0] < 240;
	/* RFC 4443 2.4 (e.3): path MTU discovery works for IPv6 multicast too. */
	return !ip_addr_is_multicast(&dst) || error == ICMP_PACKET_TOO_BIG;
}

static void fill_ipv4(uint8_t *p, size_t len, const struct ip_addr *from, const uint8_t *to)
{
	memset(p, 0, IPV4_HEADER);
	p[0] = 0x45;
	p[1] = IPV4_TOS_CONTROL;
	put_be16(p + 2, (uint16_t)len);
	put_be16(p + 6, IPV4_DF);
	p[8] = HOP_LIMIT;
	p[9] = IP_PROTO_ICMP;
	memcpy(p + 12, from->bytes, 4);
	memcpy(p + 16, to, 4);
	put_be16(p + 10, checksum_ipv4_header(p, IPV4_HEADER));
}

static void fill_ipv6(uint8_t *p, size_t len, const struct ip_addr *from, const uint8_t *to)
{
	memset(p, 0, IPV6_HEADER);
	p[0] = 0x60;
	put_be16(p + 4, (uint16_t)(len - IPV6_HEADER));
	p[6] = IP_PROTO_ICMPV6;
	p[7] = HOP_LIMIT;
	memcpy(p + 8, from->bytes, 16);
	memcpy(p + 24, to, 16);
}

/* RFC 1191: 16 bits behind 16 unused ones; RFC 4443 3.2: all 32. */
static uint32_t mtu_field(uint8_t version, uint32_t mtu)
{
	return version == 4 && mtu > UINT16_MAX ? UINT16_MAX : mtu;
}

bool icmp_error_build(struct buf *out, const struct ip_packet *about, enum icmp_error error,
	const struct ip_addr *from, uint32_t mtu)
{
	bool v4 = about->version == 4;
	struct kind kind = v4 ? kinds_v4[error] : kinds_v6[error];
	size_t ip_len = v4 ? IPV4_HEADER : IPV6_HEADER;
	size_t max = (v4 ? IPV4_ERROR_MAX : IPV6_MIN_MTU) - ip_len - ICMP_HEADER;
	size_t quoted = about->len < max ? about->len : max;
	size_t len = ip_len + ICMP_HEADER + quoted;
	uint64_t sum = 0;
	uint8_t *icmp;

	buf_reset(out);
	if (from->family != about->version || !answerable(about, error) || !buf_put(out, len))
		return false;
	(v4 ? fill_ipv4 : fill_ipv6)(out->data, len, from, about->src);
	icmp = out->data + ip_len;
	memset(icmp, 0, ICMP_HEADER);
	icmp[0] = kind.type;
	icmp[1] = kind.code;
	if (error == ICMP_PACKET_TOO_BIG)
		put_be32(icmp + 4, mtu_field(about->version, mtu));
	memcpy(icmp + ICMP_HEADER, about->data, quoted);
	if (!v4)
		sum = checksum_pseudo(6, out->data + 8, out->data + 24, IP_PROTO_ICMPV6,
			(uint32_t)(ICMP_HEADER + quoted));
	put_be16(icmp + 2, checksum_finish(checksum_add(sum, icmp, ICMP_HEADER + quoted)));
	return true;
}

bool icmp_error_quoted(const struct ip_packet *ip, struct ip_packet *quoted)
{
	size_t start = ip->hdr_len + (size_t)ICMP_HEADER;

	if (!is_error(ip) || ip->len < start)
		return false;
	return ip_packet_parse_quoted(quoted, ip->data + start, ip->len - start) &&
	       quoted->version == ip->version;
}
