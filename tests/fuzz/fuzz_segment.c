/* SPDX-License-Identifier: Apache-2.0 */
/* A virtio header (10 octets, little endian) and a packet: what comes out of the segmenter is
 * whole. */
#include "io/segment.h"

#include "base/buf.h"
#include "fuzz/must.h"
#include "ip/checksum.h"
#include "ip/packet.h"
#include "ipsec/ipsec.h"

#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 10, ROOM = 9000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint16_t get_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

/* A segment of a super-packet parses, and its sum can be made. */
static void check_cut(const struct segmenter *s, struct batch_item *item)
{
	struct buf *pkt = item->pkt;
	size_t len = pkt->len;
	struct ip_packet ip;

	must(ip_packet_parse(&ip, pkt) == DROP_NONE && pkt->len == len);
	must(item->csum_start == ip.hdr_len);
	must(checksum_complete(pkt->data, pkt->len, item->csum_start, item->csum_offset, ip.proto));
	/* Behind options and extension headers it is the sum that the kernel gave. */
	if (ip.hdr_len == (s->version == 4 ? IPV4_HEADER : IPV6_HEADER))
		must(checksum_transport_ok(&ip));
	if (s->version == 4)
		must(checksum_ipv4_header(pkt->data, s->l4) ==
			(pkt->data[10] << 8 | pkt->data[11]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct virtio_net_hdr vnet = {0};
	struct buf *pkt = buf_alloc(ROOM);
	struct segmenter s;
	size_t payload = 0;
	unsigned n = 0;
	bool lost = false;

	must(pkt != NULL);
	if (len <= HEADER || len - HEADER > 65535)
		goto out;
	vnet.flags = data[0];
	vnet.gso_type = data[1];
	vnet.gso_size = get_le16(data + 4);
	vnet.csum_start = get_le16(data + 6);
	vnet.csum_offset = get_le16(data + 8);
	if (segment_begin(&s, &vnet, data + HEADER, len - HEADER) != DROP_NONE) {
		must(!segment_left(&s));
		goto out;
	}
	for (; segment_left(&s); n++) {
		struct batch_item item = {.pkt = pkt};

		buf_reset(pkt);
		if (segment_next(&s, &item) != DROP_NONE) {
			lost = true;
			continue;
		}
		must(item.alike == (n > 0));
		payload += pkt->len - s.header_len;
		if (s.gso_size > 0)
			check_cut(&s, &item);
		else
			must(pkt->len == len - HEADER);
	}
	must(lost || payload == len - HEADER - s.header_len);
out:
	buf_free(pkt);
	return 0;
}
