/* SPDX-License-Identifier: Apache-2.0 */
/* One packet: parsed, summed, answered with each ICMP error, and its quote looked into. */
#include "base/buf.h"
#include "ip/addr.h"
#include "ip/checksum.h"
#include "ip/icmp.h"
#include "ip/packet.h"
#include "ip/ts.h"
#include "fuzz/must.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void answer(const struct ip_packet *about, enum icmp_error error)
{
	static const uint8_t router[16] = {0x20, 1, 0xd, 0xb8, 9};
	struct ip_addr from = ip_addr_from(about->version, router);
	struct buf *out = buf_alloc(BUF_PACKET);
	struct ip_packet ip;
	struct ip_packet quoted;

	must(out != NULL);
	if (icmp_error_build(out, about, error, &from, 1280)) {
		must(out->len <= (about->version == 4 ? 576 : IPV6_MIN_MTU));
		must(ip_packet_parse(&ip, out) == DROP_NONE);
		must(checksum_transport_ok(&ip));
		must(icmp_error_quoted(&ip, &quoted));
		must(quoted.version == about->version && quoted.proto == about->proto);
	}
	buf_free(out);
}

static void match(const struct ip_packet *ip)
{
	struct ip_prefix src = {ip_packet_src(ip), 64};
	struct ip_prefix dst = {ip_packet_dst(ip), 32};
	struct ts local;
	struct ts remote;

	if (ip->version == 4)
		src.len = 24;
	local = ts_from_prefix(&src, ip->proto, 0, UINT16_MAX);
	remote = ts_from_prefix(&dst, 0, 0, UINT16_MAX);
	must(ts_match_packet(&local, 1, &remote, 1, ip));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ip_packet ip;
	struct ip_packet quoted;
	struct buf *pkt;

	if (len > BUF_MAX)
		return 0;
	pkt = malloc(sizeof *pkt + BUF_HEADROOM + len);
	must(pkt != NULL);
	pkt->size = BUF_HEADROOM + len;
	must(buf_set(pkt, data, len) == 0);
	if (ip_packet_parse(&ip, pkt) == DROP_NONE) {
		must(ip.hdr_len <= ip.len && ip.len == pkt->len);
		checksum_transport_ok(&ip);
		match(&ip);
		for (int error = ICMP_PACKET_TOO_BIG; error <= ICMP_ADDRESS_UNREACHABLE; error++)
			answer(&ip, (enum icmp_error)error);
		if (icmp_error_quoted(&ip, &quoted))
			must(quoted.hdr_len <= quoted.len && quoted.len <= ip.len);
	}
	ip_packet_parse_quoted(&quoted, pkt->data, pkt->len);
	free(pkt);
	return 0;
}
