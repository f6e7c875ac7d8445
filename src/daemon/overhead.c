/* SPDX-License-Identifier: Apache-2.0 */
/* What this SA puts around the smallest packet that its selectors allow: a figure for status. */
#include "daemon/overhead.h"

#include "base/buf.h"
#include "base/wire.h"
#include "diet/ctec.h"
#include "diet/iipc.h"
#include "esp/esp.h"
#include "esp/sa.h"
#include "ip/addr.h"
#include "ip/checksum.h"
#include "ip/packet.h"

#include <string.h>

enum {
	UDP_HEADER = 8,
	TCP_HEADER = 20,
	ICMP_HEADER = 8,
	HOP_LIMIT = 64,
	TTL_PLACE = 8,
	PROTO_PLACE = 9,
	ESP_HEADER = 8,
	ESP_TRAILER = 2,
};

static uint8_t proto_of(const struct sa *sa)
{
	const struct ts *ts = sa_ts_local(sa);

	return ts->ip_proto ? ts->ip_proto : IP_PROTO_UDP;
}

static size_t transport_len(uint8_t proto)
{
	return proto == IP_PROTO_TCP                                ? TCP_HEADER
	       : proto == IP_PROTO_ICMP || proto == IP_PROTO_ICMPV6 ? ICMP_HEADER
								    : UDP_HEADER;
}

static void put_header(uint8_t *p, const struct sa *sa, size_t hdr, size_t len)
{
	const struct ip_addr *src = &sa_ts_local(sa)->addr_start;
	const struct ip_addr *dst = &sa_ts_remote(sa)->addr_start;

	memset(p, 0, hdr + len);
	if (src->family == 6) {
		p[0] = 0x60;
		put_be16(p + 4, (uint16_t)len);
		p[6] = proto_of(sa);
		p[7] = HOP_LIMIT;
		memcpy(p + 8, src->bytes, 16);
		memcpy(p + 24, dst->bytes, 16);
		return;
	}
	p[0] = 0x45;
	put_be16(p + 2, (uint16_t)(hdr + len));
	p[6] = 0x40; /* don't fragment */
	p[TTL_PLACE] = HOP_LIMIT;
	p[PROTO_PLACE] = proto_of(sa);
	memcpy(p + 12, src->bytes, 4);
	memcpy(p + 16, dst->bytes, 4);
	put_be16(p + 10, checksum_ipv4_header(p, hdr));
}

/* Where the checksum stands in the transport header. */
static size_t checksum_place(uint8_t proto)
{
	return proto == IP_PROTO_TCP                                ? 16
	       : proto == IP_PROTO_ICMP || proto == IP_PROTO_ICMPV6 ? 2
								    : 6;
}

static void put_transport(uint8_t *ip, const struct sa *sa, size_t hdr, size_t len)
{
	uint8_t proto = proto_of(sa);
	uint8_t *t = ip + hdr;
	uint64_t sum = 0;

	put_be16(t, sa_ts_local(sa)->port_start);
	if (proto == IP_PROTO_TCP)
		t[12] = 0x50;
	if (proto != IP_PROTO_ICMP && proto != IP_PROTO_ICMPV6)
		put_be16(t + 2, sa_ts_remote(sa)->port_start);
	if (proto == IP_PROTO_UDP || proto == IP_PROTO_UDPLITE)
		put_be16(t + 4, (uint16_t)len);
	if (proto != IP_PROTO_ICMP)
		sum = checksum_pseudo(ip[0] >> 4, ip[0] >> 4 == 6 ? ip + 8 : ip + 12,
			ip[0] >> 4 == 6 ? ip + 24 : ip + 16, proto, (uint32_t)len);
	put_be16(t + checksum_place(proto), checksum_finish(checksum_add(sum, t, len)));
}

static int measure(const struct sa *sa, struct buf *pkt)
{
	struct ip_packet ip;
	size_t len;

	if (ip_packet_parse(&ip, pkt) || !iipc_fits(&sa->diet, &ip))
		return -1;
	len = iipc_compressed_len(&sa->diet, &ip);
	len += ctec_trailer_len(&sa->diet, len);
	return (int)(len + sa->diet.header_len + esp_overhead(sa));
}

int overhead_smallest(const struct sa *sa)
{
	size_t hdr;
	size_t len;
	struct buf *pkt;
	int octets;

	if (sa->mode != SA_TUNNEL || !sa->n_ts_local ||
		sa_ts_local(sa)->addr_start.family != sa_ts_remote(sa)->addr_start.family)
		return -1;
	hdr = sa_ts_local(sa)->addr_start.family == 6 ? IPV6_HEADER : IPV4_HEADER;
	len = transport_len(proto_of(sa));
	pkt = buf_alloc(hdr + len);
	if (!pkt)
		return -1;
	put_header(buf_put(pkt, hdr + len), sa, hdr, len);
	put_transport(pkt->data, sa, hdr, len);
	octets = measure(sa, pkt);
	buf_free(pkt);
	return octets;
}

uint64_t overhead_plain(const struct sa *sa)
{
	const struct aead_suite *suite = sa->key.suite;
	uint64_t each = (uint64_t)ESP_HEADER + suite->iv_len + ESP_TRAILER + suite->icv_len;

	return sa->counters.inner_bytes + sa->counters.packets * each +
	       sa->counters.packets * 3 / 2;
}
