/* SPDX-License-Identifier: Apache-2.0 */
/* Super-packets: what is cut is what the kernel would have cut, what is joined comes apart again.
 */
#include "fakes/chance.h"
#include "fakes/offload.h"

#include <criterion/criterion.h>

#include <stdlib.h>

static struct batch batch;
static struct coalescer co;

static struct buf *add(void)
{
	struct batch_item *item = &batch.items[batch.n++];

	memset(item, 0, sizeof(*item));
	item->pkt = buf_alloc(OFFLOAD_ROOM);
	cr_assert(item->pkt != NULL);
	return item->pkt;
}

static size_t coalesce(void)
{
	coalesce_begin(&co);
	for (uint8_t i = 0; i < batch.n; i++)
		coalesce_add(&co, &batch, i, COALESCE_TCP | COALESCE_UDP);
	coalesce_end(&co, &batch);
	for (size_t r = 0; r < co.n_runs; r++)
		cr_assert(co.runs[r].n == 1 || offload_restores(&co, &co.runs[r], &batch),
			"run %zu", r);
	return co.n_runs;
}

static void clear(void)
{
	for (size_t i = 0; i < batch.n; i++)
		buf_free(batch.items[i].pkt);
	batch.n = 0;
}

static const struct offload_flow kinds[] = {
	{4, IP_PROTO_TCP, 1000, 65534, UINT32_MAX - 500},
	{6, IP_PROTO_TCP, 1000, 0, 5},
	{4, IP_PROTO_UDP, 1000, 65534, 0},
	{6, IP_PROTO_UDP, 1000, 0, 0},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* Equal ones and a shorter last, over the wrap of both numbers. */
Test(segment, a_flow_becomes_one_packet_and_comes_apart)
{
	for (size_t k = 0; k < KINDS; k++) {
		for (size_t n = 2; n <= BATCH_MAX; n += 31) {
			struct offload_flow flow = kinds[k];

			for (size_t i = 0; i < n; i++)
				offload_next(&flow, add(), i + 1 < n ? 500 : 333);
			cr_assert_eq(coalesce(), 1, "kind %zu n %zu", k, n);
			cr_assert_eq(co.runs[0].n, n);
			cr_assert_eq(co.runs[0].vnet.gso_size, 500);
			clear();
		}
	}
}

Test(segment, nothing_is_longer_than_a_packet_may_be)
{
	for (size_t k = 0; k < KINDS; k++) {
		struct offload_flow flow = kinds[k];

		for (size_t i = 0; i < BATCH_MAX; i++)
			offload_next(&flow, add(), 1400);
		cr_assert_eq(coalesce(), 2);
		cr_assert(co.runs[0].len <= 65535 && co.runs[0].len + 1400 > 65535);
		clear();
	}
}

/* A change of the octet at this place, checksums following, ends the run of the flow. */
static void expect_apart(size_t kind, size_t at, uint8_t change)
{
	struct offload_flow flow = kinds[kind];
	struct buf *pkt = NULL;

	for (int i = 0; i < 4; i++) {
		offload_next(&flow, add(), 200);
		if (i == 2)
			pkt = batch.items[batch.n - 1].pkt;
	}
	pkt->data[at] ^= change;
	offload_sums(pkt->data, pkt->len);
	cr_assert_gt(coalesce(), 1, "kind %zu, octet %zu", kind, at);
	cr_assert_eq(co.runs[0].n, 2);
	clear();
}

Test(segment, what_segmentation_would_lose_stays_apart)
{
	static const struct {
		size_t kind, at;
		uint8_t change;
	} cases[] = {
		/* IPv4: class, Identification, DF, TTL */
		{0, 1, 3},
		{0, 5, 1},
		{0, 6, 0x40},
		{0, 8, 1},
		{2, 1, 0xb8},
		{2, 4, 1},
		{2, 6, 0x40},
		{2, 8, 1},
		/* IPv6: class, label, hop limit */
		{1, 0, 1},
		{1, 1, 0x10},
		{1, 3, 1},
		{1, 7, 1},
		{3, 1, 0x30},
		{3, 2, 1},
		{3, 7, 4},
		/* TCP: sequence, acknowledgment, reserved, CWR ECE URG RST SYN FIN, window, urgent,
		   option */
		{0, 27, 1},
		{0, 31, 1},
		{0, 32, 1},
		{0, 33, 0x80},
		{0, 33, 0x40},
		{0, 33, 0x20},
		{0, 33, 4},
		{0, 33, 2},
		{0, 33, 1},
		{0, 35, 1},
		{0, 39, 1},
		{0, 51, 1},
		{1, 53, 0x80},
		{1, 53, 0x10},
		{1, 71, 1},
		/* ports: another flow, and the old one has a gap */
		{0, 21, 1},
		{1, 43, 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_apart(cases[i].kind, cases[i].at, cases[i].change);
}

Test(segment, wrong_and_absent_checksums_stay_what_they_are)
{
	for (size_t k = 0; k < KINDS; k++) {
		size_t at = (kinds[k].version == 4 ? 20 : 40) +
			    (kinds[k].proto == IP_PROTO_TCP ? 16u : 6u);
		struct offload_flow flow = kinds[k];

		for (int i = 0; i < 3; i++)
			offload_next(&flow, add(), 100);
		batch.items[1].pkt->data[at] ^= 1;
		cr_assert_eq(coalesce(), 3);
		put_be16(batch.items[1].pkt->data + at, 0);
		cr_assert_eq(coalesce(), 3);
		clear();
	}
}

/* PSH ends a run and stands on its last packet only. */
Test(segment, push_is_the_last)
{
	for (size_t k = 0; k < 2; k++) {
		size_t at = kinds[k].version == 4 ? 33 : 53;
		struct offload_flow flow = kinds[k];

		for (int i = 0; i < 6; i++)
			offload_next(&flow, add(), 100);
		for (int i = 2; i < 4; i++) {
			batch.items[i].pkt->data[at] |= 8;
			offload_sums(batch.items[i].pkt->data, batch.items[i].pkt->len);
		}
		cr_assert_eq(coalesce(), 3);
		cr_assert(co.runs[0].n == 3 && co.runs[1].n == 1 && co.runs[2].n == 2);
		cr_assert(co.runs[0].header[at] & 8);
		clear();
	}
}

Test(segment, many_flows_side_by_side)
{
	struct offload_flow flows[20];

	for (size_t n = 1; n <= 20; n++) {
		for (size_t i = 0; i < n; i++) {
			flows[i] = kinds[i % KINDS];
			flows[i].port = (uint16_t)(2000 + i);
		}
		for (size_t i = 0; i < 60; i++)
			offload_next(&flows[i % n], add(), 64);
		if (n <= COALESCE_OPEN)
			cr_assert_eq(coalesce(), n);
		else
			cr_assert_eq(coalesce(), 60, "each packet finds its run closed again");
		clear();
	}
}

/* A packet of another tunnel never joins, whatever it looks like. */
Test(segment, tunnels_are_apart)
{
	struct offload_flow flow = kinds[3];

	for (int i = 0; i < 4; i++) {
		offload_next(&flow, add(), 100);
		batch.items[i].tunnel = (uint16_t)(i % 2);
	}
	cr_assert_eq(coalesce(), 2);
	clear();
}

/* Random streams with random changes: nothing is lost, nothing changes, a flow keeps its order. */
Test(segment, random_streams_come_out_as_they_went_in)
{
	uint64_t seed = 20;
	size_t joined = 0;

	for (int round = 0; round < 3000; round++) {
		struct offload_flow flows[3];

		for (size_t i = 0; i < 3; i++) {
			flows[i] = kinds[chance_below(&seed, KINDS)];
			flows[i].port = (uint16_t)(3000 + i);
		}
		for (size_t i = 1 + chance_below(&seed, BATCH_MAX); i > 0; i--) {
			struct buf *pkt = add();

			offload_next(&flows[chance_below(&seed, 3)], pkt,
				chance_below(&seed, 4) ? 120 : 1 + chance_below(&seed, 120));
			if (chance_below(&seed, 12) == 0)
				pkt->data[chance_below(&seed, 80) % pkt->len] ^=
					(uint8_t)(1u << chance_below(&seed, 8));
			if (chance_below(&seed, 12) == 0 &&
				(pkt->data[0] >> 4 == 4 || pkt->data[0] >> 4 == 6))
				offload_sums(pkt->data, pkt->len);
		}
		joined += batch.n - coalesce();
		clear();
	}
	cr_assert_gt(joined, 10000, "only %zu packets were joined", joined);
}

/* Where each item comes out. */
static void positions(size_t out[BATCH_MAX])
{
	size_t at = 0;

	for (size_t r = 0; r < co.n_runs; r++) {
		uint8_t i = co.runs[r].first;

		for (unsigned left = co.runs[r].n; left > 0; left--, i = co.next[i])
			out[i] = at++;
	}
	cr_assert_eq(at, batch.n);
}

/* A fragment or a packet with options may belong to any flow: it overtakes none, none overtakes it.
 */
Test(segment, order_is_kept_within_flows_and_around_what_has_none)
{
	uint64_t seed = 21;

	for (int round = 0; round < 400; round++) {
		struct offload_flow flows[4];
		size_t of[BATCH_MAX];
		size_t out[BATCH_MAX];

		for (size_t i = 0; i < 4; i++) {
			flows[i] = kinds[chance_below(&seed, KINDS)];
			flows[i].port = (uint16_t)(4000 + i);
		}
		while (batch.n < BATCH_MAX) {
			struct buf *pkt = add();
			size_t flow = chance_below(&seed, 4);

			offload_next(&flows[flow], pkt, 100);
			of[batch.n - 1] = flow;
			if (pkt->data[0] >> 4 == 4 && chance_below(&seed, 10) == 0) {
				pkt->data[6] ^= 0x20; /* more fragments */
				offload_sums(pkt->data, pkt->len);
				of[batch.n - 1] = 4;
			}
		}
		coalesce();
		positions(out);
		for (size_t j = 1; j < batch.n; j++)
			for (size_t i = 0; i < j; i++)
				cr_assert(out[i] < out[j] ||
						  (of[i] != of[j] && of[i] < 4 && of[j] < 4),
					"round %d: %zu and %zu", round, i, j);
		clear();
	}
}

/* CWR on the first only (RFC 3168 6.1.2), FIN and PSH on the last only. */
Test(segment, flags_of_a_super_packet)
{
	for (size_t k = 0; k < 2; k++) {
		static uint8_t super[OFFLOAD_SUPER];
		struct virtio_net_hdr vnet = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.gso_size = 100,
			.gso_type =
				(uint8_t)(VIRTIO_NET_HDR_GSO_ECN | (k ? VIRTIO_NET_HDR_GSO_TCPV6
								      : VIRTIO_NET_HDR_GSO_TCPV4)),
			.csum_offset = 16};
		struct offload_flow flow = kinds[k];
		struct segmenter s;
		struct buf *pkt = add();
		size_t at;
		unsigned n = 0;

		offload_next(&flow, pkt, 950);
		vnet.csum_start = kinds[k].version == 4 ? 20 : 40;
		at = vnet.csum_start + 13u;
		pkt->data[at] = 0x80 | 0x40 | 0x10 | 8 | 1;
		memcpy(super, pkt->data, pkt->len);
		cr_assert_eq(segment_begin(&s, &vnet, super, pkt->len), DROP_NONE);
		for (; segment_left(&s); n++) {
			buf_reset(pkt);
			cr_assert_eq(segment_next(&s, &batch.items[0]), DROP_NONE);
			cr_assert_eq(pkt->data[at],
				n == 0  ? 0xd0
				: n < 9 ? 0x50
					: 0x59,
				"segment %u", n);
			cr_assert_eq(batch.items[0].alike, n > 0);
		}
		cr_assert_eq(n, 10);
		clear();
	}
}

/* RFC 8200 8.1: the destination that is summed is the final one. */
Test(segment, a_routing_header_keeps_its_destination_in_the_sum)
{
	enum { ROUTING = 24, L4 = 40 + ROUTING };
	static const uint8_t routing[8] = {IP_PROTO_TCP, 2, 4, 1};
	static uint8_t super[OFFLOAD_SUPER];
	const uint8_t *final = super + 48;
	const struct virtio_net_hdr vnet = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_size = 100,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV6,
		.csum_start = L4,
		.csum_offset = 16};
	struct offload_flow flow = kinds[1];
	struct buf *pkt = add();
	struct segmenter s;
	size_t len;
	unsigned n = 0;

	offload_next(&flow, pkt, 950);
	len = pkt->len + ROUTING;
	memcpy(super, pkt->data, 40);
	super[6] = 43;
	put_be16(super + 4, (uint16_t)(len - 40));
	memcpy(super + 40, routing, sizeof(routing));
	for (uint8_t i = 0; i < 16; i++)
		super[48 + i] = (uint8_t)(0xf0 + i);
	memcpy(super + L4, pkt->data + 40, pkt->len - 40);
	put_be16(super + L4 + 16, checksum_fold(checksum_pseudo(
					  6, super + 8, final, IP_PROTO_TCP, (uint32_t)len - L4)));
	cr_assert_eq(segment_begin(&s, &vnet, super, len), DROP_NONE);
	for (; segment_left(&s); n++) {
		buf_reset(pkt);
		cr_assert_eq(segment_next(&s, &batch.items[0]), DROP_NONE);
		cr_assert_eq(get_be16(pkt->data + L4 + 16),
			checksum_fold(checksum_pseudo(
				6, pkt->data + 8, final, IP_PROTO_TCP, (uint32_t)pkt->len - L4)),
			"segment %u", n);
	}
	cr_assert_eq(n, 10);
	clear();
}

Test(segment, contradictions_are_refused)
{
	struct virtio_net_hdr good = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_size = 100,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.csum_start = 20,
		.csum_offset = 16};
	struct offload_flow flow = kinds[0];
	struct buf *pkt = add();
	struct segmenter s;

	offload_next(&flow, pkt, 950);
	cr_assert_eq(segment_begin(&s, &good, pkt->data, pkt->len), DROP_NONE);
	for (int i = 0; i < 9; i++) {
		struct virtio_net_hdr bad = good;
		size_t len = pkt->len;

		switch (i) {
		case 0:
			bad.gso_size = 0;
			break;
		case 1:
			bad.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
			break;
		case 2:
			bad.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
			break;
		case 3:
			bad.gso_type = VIRTIO_NET_HDR_GSO_UDP;
			break;
		case 4:
			bad.flags = 0;
			break;
		case 5:
			bad.csum_start = 24;
			break;
		case 6:
			bad.csum_offset = 6;
			break;
		case 7:
			len = 52;
			break;
		default:
			bad.gso_type = VIRTIO_NET_HDR_GSO_NONE;
			bad.csum_offset = 0xfff0;
			break;
		}
		cr_assert_eq(
			segment_begin(&s, &bad, pkt->data, len), DROP_TUN_SEGMENT, "case %d", i);
		cr_assert(!segment_left(&s));
	}
	clear();
}

/* What does not fit a buffer is dropped whole, and said. */
Test(segment, no_room)
{
	struct virtio_net_hdr vnet = {.gso_type = VIRTIO_NET_HDR_GSO_NONE};
	static uint8_t data[9000];
	struct segmenter s;

	add();
	cr_assert_eq(segment_begin(&s, &vnet, data, sizeof(data)), DROP_NONE);
	cr_assert_eq(segment_next(&s, &batch.items[0]), DROP_NO_BUFFER);
	cr_assert(!segment_left(&s));
	clear();
}
