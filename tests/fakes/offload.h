/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of packets that may or may not be joined, and what the kernel would make of a run. */
#ifndef DIETVPN_TESTS_OFFLOAD_H
#define DIETVPN_TESTS_OFFLOAD_H

#include "base/buf.h"
#include "base/wire.h"
#include "fakes/ip_build.h"
#include "io/coalesce.h"
#include "io/segment.h"
#include "ip/checksum.h"
#include "ip/packet.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { OFFLOAD_ROOM = 2048, OFFLOAD_SUPER = 70000 };

/* One flow: the next packet goes on where the last one ended. */
struct offload_flow {
	int version;
	uint8_t proto;
	uint16_t port;
	uint16_t id;
	uint32_t sequence;
};

static inline void offload_sums(uint8_t *p, size_t len)
{
	int version = p[0] >> 4;
	size_t header = version == 4 ? 20 : 40;
	uint8_t proto = version == 4 ? p[9] : p[6];
	size_t at = header + (proto == IP_PROTO_TCP ? 16 : 6);
	uint16_t sum;

	if (version == 4) {
		put_be16(p + 10, 0);
		put_be16(p + 10, naive_checksum(p, 20));
	}
	put_be16(p + at, 0);
	sum = naive_transport(p, proto, p + header, len - header, len - header);
	put_be16(p + at, sum == 0 && proto == IP_PROTO_UDP ? 0xffff : sum);
}

/* The flow's next packet with this much payload, sums right; TCP: ACK and a timestamp option. */
static inline void offload_next(struct offload_flow *flow, struct buf *pkt, size_t payload)
{
	static const uint8_t timestamp[12] = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8};
	bool tcp = flow->proto == IP_PROTO_TCP;
	size_t l4 = (tcp ? 32 : 8) + payload;
	size_t header = flow->version == 4 ? 20 : 40;
	uint8_t *p;
	uint8_t *t;

	buf_reset(pkt);
	p = buf_put(pkt, header + l4);
	t = ip_build(p, flow->version, flow->proto, l4);
	if (flow->version == 4) {
		put_be16(p + 4, flow->id++);
		p[6] = 0x40;
	}
	put_be16(t, flow->port);
	put_be16(t + 2, 443);
	if (tcp) {
		put_be32(t + 4, flow->sequence);
		put_be32(t + 8, 77);
		t[12] = 0x80;
		t[13] = 0x10;
		put_be16(t + 14, 501);
		memcpy(t + 20, timestamp, sizeof(timestamp));
		flow->sequence += (uint32_t)payload;
	} else {
		put_be16(t + 4, (uint16_t)l4);
	}
	for (size_t i = 0; i < payload; i++)
		p[pkt->len - payload + i] = (uint8_t)(i * 3 + flow->sequence + flow->id);
	offload_sums(p, pkt->len);
}

/* The run as it would be written: one packet. Its length. */
static inline size_t offload_flatten(const struct coalescer *co, const struct coalesce_run *run,
	const struct batch *batch, uint8_t *out)
{
	size_t len = run->header_len;
	uint8_t i = run->first;

	memcpy(out, run->header, run->header_len);
	for (unsigned left = run->n; left > 0; left--, i = co->next[i]) {
		const struct buf *pkt = batch->items[i].pkt;

		memcpy(out + len, pkt->data + run->header_len, pkt->len - run->header_len);
		len += pkt->len - run->header_len;
	}
	return len;
}

/*
 * Cut again and finished, a run is what its packets were: true. Our own segmentation stands for
 * the kernel's, which tests/netns/offload.sh compares.
 */
static inline bool offload_restores(
	const struct coalescer *co, const struct coalesce_run *run, const struct batch *batch)
{
	static uint8_t super[OFFLOAD_SUPER];
	size_t len = offload_flatten(co, run, batch, super);
	struct buf *pkt = buf_alloc(OFFLOAD_ROOM);
	struct segmenter s;
	uint8_t i = run->first;
	bool same = pkt != NULL && segment_begin(&s, &run->vnet, super, len) == DROP_NONE;
	unsigned n = 0;

	for (; same && segment_left(&s); n++, i = co->next[i]) {
		struct batch_item item = {.pkt = pkt};
		const struct buf *was = batch->items[i].pkt;

		buf_reset(pkt);
		same = n < run->n && segment_next(&s, &item) == DROP_NONE;
		if (same && item.csum_start != 0)
			checksum_complete(pkt->data, pkt->len, item.csum_start, item.csum_offset,
				run->udp ? IP_PROTO_UDP : IP_PROTO_TCP);
		same = same && pkt->len == was->len && memcmp(pkt->data, was->data, was->len) == 0;
	}
	buf_free(pkt);
	return same && n == run->n;
}

#endif
