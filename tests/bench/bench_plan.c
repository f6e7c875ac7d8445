/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ns per packet of guard and compression, and of decompression, for the presets iot and link; one
 * key=value line each. --quick: a short run that only shows that it works.
 */
#include "diet/context.h"
#include "diet/iipc.h"
#include "base/buf.h"
#include "base/wire.h"
#include "ip/addr.h"
#include "ip/checksum.h"
#include "ip/packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HEADERS = 48, TURNS = 2000, QUICK = 5, ROUNDS = 1001 };

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static size_t build(uint8_t *packet, size_t len)
{
	static const uint8_t head[HEADERS] = {0x60, [6] = IP_PROTO_UDP, 64, /* */
		0x20, 1, 0xd, 0xb8, 0, 1, [23] = 0x10, 0x20, 1, 0xd, 0xb8, 0, 2, [39] = 0x20, 0x16,
		0x33, 0x16, 0x33};
	uint64_t sum;

	for (size_t i = 0; i < len; i++)
		packet[i] = (uint8_t)(i * 7);
	memcpy(packet, head, HEADERS);
	put_be16(packet + 4, (uint16_t)(len - IPV6_HEADER));
	put_be16(packet + 44, (uint16_t)(len - IPV6_HEADER));
	sum = checksum_pseudo(
		6, packet + 8, packet + 24, IP_PROTO_UDP, (uint32_t)len - IPV6_HEADER);
	sum = checksum_add(sum, packet + IPV6_HEADER, len - IPV6_HEADER);
	put_be16(packet + 46, checksum_finish(sum));
	return len;
}

static void fail(const char *what)
{
	fprintf(stderr, "bench_plan: %s\n", what);
	exit(1);
}

/* Either preset as it is meant: one flow of a sensor, or any protocol between two networks. */
static void setup(const char *preset, struct diet_context *context, struct ts ts[2])
{
	static const char *const addrs[] = {"2001:db8:1::10", "2001:db8:2::20"};
	struct diet_sa sa = {.spi = 0x11111155, .src = ts, .dst = ts + 1, .n_src = 1, .n_dst = 1};
	struct diet_attrs attrs;
	bool link = strcmp(preset, "link") == 0;

	for (unsigned i = 0; i < 2; i++) {
		ts[i] = (struct ts){.ip_proto = link ? 0 : IP_PROTO_UDP,
			.port_start = link ? 0 : 5683,
			.port_end = link ? UINT16_MAX : 5683};
		ip_addr_parse(addrs[i], &ts[i].addr_start);
		ts[i].addr_end = ts[i].addr_start;
		if (link) {
			memset(ts[i].addr_start.bytes + 8, 0, 8);
			memset(ts[i].addr_end.bytes + 8, 0xff, 8);
		}
	}
	if (!diet_attrs_preset(preset, &attrs) || diet_context_init(context, &attrs, &sa))
		fail("no such context");
}

/*
 * A clock call would cost as much as a packet, so that a loop is timed as a whole; what each turn
 * destroys is put back by a copy of at most a header, which the numbers include.
 */
static double time_compress(const struct diet_context *context, struct buf *pkt, unsigned n)
{
	uint8_t saved[HEADERS];
	struct outer outer = {0};
	struct ip_packet ip;
	double start;

	memcpy(saved, pkt->data, sizeof saved);
	if (ip_packet_parse(&ip, pkt) != DROP_NONE)
		fail("packet refused");
	start = now_ns();
	for (unsigned i = 0; i < n; i++) {
		size_t len = pkt->len;

		if (!iipc_fits(context, &ip) ||
			iipc_compress(context, &ip, pkt, &outer) != DROP_NONE)
			fail("does not fit");
		buf_push(pkt, len - pkt->len);
		memcpy(pkt->data, saved, sizeof saved);
	}
	return (now_ns() - start) / n;
}

static double time_decompress(const struct diet_context *context, struct buf *pkt, unsigned n)
{
	uint8_t saved[HEADERS];
	struct outer outer = {.hop_limit = 64};
	size_t len = pkt->len;
	double start;

	memcpy(saved, pkt->data, len < sizeof saved ? len : sizeof saved);
	start = now_ns();
	for (unsigned i = 0; i < n; i++) {
		if (iipc_decompress(context, 0, pkt, &outer) != DROP_NONE)
			fail("not restored");
		buf_pull(pkt, pkt->len - len);
		memcpy(pkt->data, saved, context->plan->residue_len);
	}
	return (now_ns() - start) / n;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned n)
{
	qsort(values, n, sizeof *values, by_value);
	return values[n / 2];
}

static void bench(const char *preset, size_t len, unsigned rounds)
{
	struct outer outer = {0};
	struct diet_context context;
	struct ip_packet ip;
	struct ts ts[2];
	uint8_t packet[2048];
	struct buf *pkt = buf_alloc(2048);
	double compress[ROUNDS];
	double decompress[ROUNDS];

	setup(preset, &context, ts);
	if (!pkt)
		fail("no memory");
	for (unsigned i = 0; i < rounds; i++) {
		buf_set(pkt, packet, build(packet, len));
		compress[i] = time_compress(&context, pkt, TURNS);
		buf_set(pkt, packet, len);
		if (ip_packet_parse(&ip, pkt) != DROP_NONE ||
			iipc_compress(&context, &ip, pkt, &outer) != DROP_NONE)
			fail("not compressed");
		decompress[i] = time_decompress(&context, pkt, TURNS);
	}
	printf("bench=plan rule=%s octets=%zu residue_bits=%u compress_ns=%.1f "
	       "decompress_ns=%.1f\n",
		preset, len, context.plan->residue_bits, median(compress, rounds),
		median(decompress, rounds));
	diet_context_fini(&context);
	buf_free(pkt);
}

int main(int argc, char **argv)
{
	static const size_t lens[] = {64, 256, 1400};
	bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;

	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		bench("iot", lens[i], quick ? QUICK : ROUNDS);
		bench("link", lens[i], quick ? QUICK : ROUNDS);
	}
	return 0;
}
