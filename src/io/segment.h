/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts what the TUN gives (virtio 1.2 section 5.1.6) into the packets that travel. */
#ifndef DIETVPN_IO_SEGMENT_H
#define DIETVPN_IO_SEGMENT_H

#include "base/drop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch_item;
struct virtio_net_hdr;

/* Older headers lack it; Linux 6.2. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/* One packet on its way through; borrows its octets until nothing is left. */
struct segmenter {
	const uint8_t *data;
	size_t len;
	size_t at;           /* the next octet of payload; len: nothing is left */
	uint64_t pseudo;     /* sum of addresses and protocol */
	uint32_t sequence;   /* TCP's, of the next segment */
	uint16_t gso_size;   /* octets of payload in all segments but the last; 0: not to be cut */
	uint16_t header_len; /* up to the payload */
	uint16_t l4;         /* where the transport header begins */
	uint16_t index;      /* of the next segment */
	uint16_t csum_start, csum_offset; /* as in struct batch_item */
	uint8_t version;
	bool udp;
};

/*
 * Begins with len octets and what the kernel says of them. DROP_NONE, or DROP_TUN_SEGMENT where it
 * contradicts itself; then nothing is left.
 */
enum drop segment_begin(struct segmenter *segmenter, const struct virtio_net_hdr *vnet,
	const uint8_t *data, size_t len);
static inline bool segment_left(const struct segmenter *segmenter)
{
	return segmenter->at < segmenter->len;
}
/*
 * The next packet into item->pkt, which is empty; sets item->alike and the item's pending checksum.
 * Numbers, flags and lengths are those that the kernel's own segmentation would give: RFC 9293 3.4,
 * RFC 3168 6.1.2 (CWR on the first only), RFC 6864. DROP_NONE or DROP_NO_BUFFER; what did not fit
 * is gone.
 */
enum drop segment_next(struct segmenter *segmenter, struct batch_item *item);

#endif
