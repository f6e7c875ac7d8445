/* SPDX-License-Identifier: Apache-2.0 */
/* Packet Too Big towards the inside, RFC 1191 and RFC 4443 3.2. */
#include "io/dataplane_icmp.h"

#include "ip/addr.h"
#include "ip/icmp.h"
#include "ip/packet.h"

bool icmp_rate_allows(struct icmp_rate *rate, uint64_t now_ms)
{
	if (now_ms - rate->since_ms >= 1000) {
		rate->since_ms = now_ms;
		rate->used = 0;
	}
	return rate->used < ICMP_PER_SECOND && ++rate->used > 0;
}

/*
 * The error comes from the packet's own destination. From one of our inner addresses the kernel
 * would take it for a martian: IPv4 refuses packets that arrive with a source of this very host,
 * and reverse path filters refuse every source that is not behind the TUN.
 */
static bool source(const struct ip_packet *about, const struct icmp_from *from, struct ip_addr *out)
{
	*out = ip_packet_dst(about);
	if (!ip_addr_is_multicast(out))
		return true;
	for (size_t i = 0; i < from->n; i++) {
		if (from->own[i].family == about->version) {
			*out = from->own[i];
			return true;
		}
	}
	return false;
}

bool icmp_too_big(struct buf *out, struct buf *pkt, const struct icmp_from *from, uint32_t mtu)
{
	struct ip_packet about;
	struct ip_addr src;

	if (ip_packet_parse(&about, pkt) != DROP_NONE || !source(&about, from, &src))
		return false;
	if (about.version == 6 && mtu < IPV6_MIN_MTU)
		mtu = IPV6_MIN_MTU;
	return icmp_error_build(out, &about, ICMP_PACKET_TOO_BIG, &src, mtu);
}
