/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ns per packet of guard and compression, and of decompression, for the presets iot and link and
 * for sets of 1, 4 and 32 explicit rules; one key=value line each. --quick: a short run that only
 * shows that it works.
 */
#include "diet/context.h"
#include "diet/iipc.h"
#include "schc/set_plan.h"
#include "base/buf.h"
#include "base/wire.h"
#include "ip/addr.h"
#include "ip/checksum.h"
#include "ip/packet.h"
#include "reference/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HEADERS = 64, RULES = 32, TURNS = 2000, QUICK = 5, ROUNDS = 1001 };

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static size_t build(uint8_t *packet, size_t len)
{
	static const uint8_t head[48] = {0x60, [6] = IP_PROTO_UDP, 64, /* */
		0x20, 1, 0xd, 0xb8, 0, 1, [23] = 0x10, 0x20, 1, 0xd, 0xb8, 0, 2, [39] = 0x20, 0x16,
		0x33, 0x16, 0x33};
	uint64_t sum;

	for (size_t i = 0; i < len; i++)
		packet[i] = (uint8_t)(i * 7);
	memcpy(packet, head, sizeof head);
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

static void set_front(struct buf *pkt, size_t len)
{
	if (pkt->len > len)
		buf_pull(pkt, pkt->len - len);
	else
		buf_push(pkt, len - pkt->len);
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
		struct iipc_look look;

		/* As outbound.c asks: one look for all. */
		if (!iipc_look(context, &ip, &look) || !iipc_look_len(context, &ip, &look) ||
			iipc_look_compress(context, &look, pkt, &outer) != DROP_NONE)
			fail("does not fit");
		set_front(pkt, len);
		memcpy(pkt->data, saved, sizeof saved);
	}
	return (now_ns() - start) / n;
}

static double time_decompress(
	const struct diet_context *context, struct buf *pkt, size_t residue_len, unsigned n)
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
		set_front(pkt, len);
		memcpy(pkt->data, saved, residue_len);
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

struct result {
	double compress_ns, decompress_ns;
	size_t wire_len;
};

static struct result measure(
	const struct diet_context *context, const uint8_t *packet, size_t len, unsigned rounds)
{
	struct result result;
	struct outer outer = {0};
	struct ip_packet ip;
	struct buf *pkt = buf_alloc(2048);
	double compress[ROUNDS];
	double decompress[ROUNDS];

	if (!pkt)
		fail("no memory");
	for (unsigned i = 0; i < rounds; i++) {
		buf_set(pkt, packet, len);
		compress[i] = time_compress(context, pkt, TURNS);
		buf_set(pkt, packet, len);
		if (ip_packet_parse(&ip, pkt) != DROP_NONE ||
			iipc_compress(context, &ip, pkt, &outer) != DROP_NONE)
			fail("not compressed");
		result.wire_len = pkt->len;
		decompress[i] = time_decompress(
			context, pkt, HEADERS < pkt->len ? HEADERS : pkt->len, TURNS);
	}
	buf_free(pkt);
	result.compress_ns = median(compress, rounds);
	result.decompress_ns = median(decompress, rounds);
	return result;
}

static void bench(const char *preset, size_t len, unsigned rounds)
{
	struct diet_context context;
	struct result result;
	struct ts ts[2];
	uint8_t packet[2048];

	setup(preset, &context, ts);
	result = measure(&context, packet, build(packet, len), rounds);
	printf("bench=plan rule=%s octets=%zu residue_bits=%u compress_ns=%.1f "
	       "decompress_ns=%.1f\n",
		preset, len, context.plan->residue_bits, result.compress_ns, result.decompress_ns);
	diet_context_fini(&context);
}

/* --- sets of rules --------------------------------------------------------------------------- */

#define IPV6(proto) \
	RULE_IS(SCHC_IPV6_VER, RULE_BI, "06"), RULE_IS(SCHC_IPV6_TC, RULE_BI, "00"), \
		RULE_IS(SCHC_IPV6_FL, RULE_BI, "00"), \
		RULE_BY(SCHC_IPV6_LEN, RULE_BI, SCHC_CDA_COMPUTE), \
		RULE_IS(SCHC_IPV6_NXT, RULE_BI, proto), \
		RULE_BY(SCHC_IPV6_HOP_LMT, RULE_BI, SCHC_CDA_LOWER), \
		RULE_IS(SCHC_IPV6_DEVPREFIX, RULE_BI, "20010db800010000"), \
		RULE_IS(SCHC_IPV6_DEVIID, RULE_BI, "10"), \
		RULE_IS(SCHC_IPV6_APPPREFIX, RULE_BI, "20010db800020000"), \
		RULE_IS(SCHC_IPV6_APPIID, RULE_BI, "20")
#define UDP(dev, app) \
	RULE_IS(SCHC_UDP_DEVPORT, RULE_BI, dev), RULE_IS(SCHC_UDP_APPPORT, RULE_BI, app), \
		RULE_BY(SCHC_UDP_LEN, RULE_BI, SCHC_CDA_COMPUTE), \
		RULE_BY(SCHC_UDP_CKSUM, RULE_BI, SCHC_CDA_COMPUTE)

static const struct rule_row coap[] = {IPV6("11"), UDP("1633", "1633"),
	RULE_IS(SCHC_COAP_VER, RULE_BI, "01"), RULE_IS(SCHC_COAP_TYPE, RULE_BI, "01"),
	RULE_IS(SCHC_COAP_TKL, RULE_BI, "01"), RULE_IS(SCHC_COAP_CODE, RULE_BI, "02"),
	RULE_MSB(SCHC_COAP_MID, RULE_BI, 8, "0000"), RULE_MSB(SCHC_COAP_TOKEN, RULE_BI, 4, "80"),
	RULE_IS(SCHC_COAP_URI_PATH, RULE_BI, "=t"),
	RULE_IS(SCHC_COAP_CONTENT_FORMAT, RULE_BI, "3c"), RULE_END};
/* As rule 0/1 of conf/rules/coap-sensor.json; the path is the last of its list. */
static const struct rule_row sensor[] = {IPV6("11"), UDP("1633", "1633"),
	RULE_IS(SCHC_COAP_VER, RULE_BI, "01"), RULE_OF(SCHC_COAP_TYPE, RULE_BI, "00,01"),
	RULE_IS(SCHC_COAP_TKL, RULE_BI, "01"), RULE_OF(SCHC_COAP_CODE, RULE_BI, "02,03"),
	RULE_ANY(SCHC_COAP_MID, RULE_BI), RULE_MSB(SCHC_COAP_TOKEN, RULE_BI, 5, "00"),
	RULE_OF(SCHC_COAP_URI_PATH, RULE_BI, "=temperature,=humidity,=battery,=data"), RULE_END};
/* RFC 8824 Table 5, with sizes. */
static const struct rule_row oscore[] = {IPV6("11"), UDP("1633", "1633"),
	RULE_IS(SCHC_COAP_VER, RULE_BI, "01"), RULE_IS(SCHC_COAP_TYPE, RULE_BI, "00"),
	RULE_IS(SCHC_COAP_TKL, RULE_BI, "01"), RULE_IS(SCHC_COAP_CODE, RULE_BI, "02"),
	RULE_MSB(SCHC_COAP_MID, RULE_BI, 12, "0000"), RULE_MSB(SCHC_COAP_TOKEN, RULE_BI, 5, "80"),
	RULE_IS(SCHC_COAP_OSCORE_FLAGS, RULE_BI, "09"), RULE_ANY(SCHC_COAP_OSCORE_PIV, RULE_BI),
	RULE_IS(SCHC_COAP_OSCORE_KIDCTX, RULE_BI, "="),
	RULE_IS(SCHC_COAP_OSCORE_KID, RULE_BI, "=client"), RULE_END};
static const struct rule_row mqtt_sn[] = {IPV6("11"), UDP("c001", "075b"), RULE_END};
static const struct rule_row echo[] = {IPV6("3a"), RULE_OF(SCHC_ICMPV6_TYPE, RULE_BI, "80,81"),
	RULE_IS(SCHC_ICMPV6_CODE, RULE_BI, "00"),
	RULE_BY(SCHC_ICMPV6_CKSUM, RULE_BI, SCHC_CDA_COMPUTE), RULE_ANY(SCHC_ICMPV6_IDENT, RULE_BI),
	RULE_ANY(SCHC_ICMPV6_SEQNO, RULE_BI), RULE_END};
static const struct rule_row tcp[] = {IPV6("06"), RULE_ANY(SCHC_TCP_DEVPORT, RULE_BI),
	RULE_IS(SCHC_TCP_APPPORT, RULE_BI, "0050"), RULE_ANY(SCHC_TCP_SEQ, RULE_BI),
	RULE_ANY(SCHC_TCP_ACK, RULE_BI), RULE_ANY(SCHC_TCP_DOFF, RULE_BI),
	RULE_ANY(SCHC_TCP_RSVFLAGS, RULE_BI), RULE_ANY(SCHC_TCP_WIN, RULE_BI),
	RULE_BY(SCHC_TCP_CKSUM, RULE_BI, SCHC_CDA_COMPUTE), RULE_IS(SCHC_TCP_URG, RULE_BI, "00"),
	RULE_END};

/* A CoAP message that is measured, and the rule that takes it. */
static const struct message {
	const char *flow;
	const struct rule_row *rows;
	const char *octets;
	size_t len;
} messages[] = {
	{"coap", coap, "\x51\2\0\x17\x8a\xb1t\x11<\xff", 10},
	{"sensor", sensor,
		"\x51\2\x9f\x50\1\xb4"
		"data\xff",
		11},
	{"oscore", oscore, "\x41\2\0\1\x82\x98\x09\4client\xff", 15},
};

static const struct message *message_of(const char *flow)
{
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
		if (strcmp(messages[i].flow, flow) == 0)
			return &messages[i];
	return NULL;
}

/* The four flows, then other sensors: CoAP to other paths, and datagrams from other ports. */
static void make_rules(struct schc_rule rules[RULES], const char *flow)
{
	const struct message *message = message_of(flow);
	const struct rule_row *const flows[] = {message ? message->rows : coap, mqtt_sn, echo, tcp};

	memset(rules, 0, RULES * sizeof *rules);
	for (unsigned i = 0; i < RULES; i++) {
		struct schc_rule *rule = &rules[i];

		rule->id = (uint8_t)(i + 1);
		rule->id_bits = 6;
		rule_rows(rule, flows[i < 4 ? i : i % 2]);
		if (i < 4)
			continue;
		for (unsigned f = 0; f < rule->n; f++)
			if (rule->field[f].fid == SCHC_UDP_DEVPORT)
				rule->field[f].tv[1] = (uint8_t)(0x40 + i);
	}
}

static size_t build_flow(const char *flow, uint8_t *packet, size_t len)
{
	const struct message *message = message_of(flow);

	build(packet, len);
	if (message)
		memcpy(packet + 48, message->octets, message->len);
	else
		put_be32(packet + 40, strcmp(flow, "mqtt-sn") == 0 ? 0xc001075b : 0xc001ffff);
	put_be16(packet + 46, 0);
	put_be16(packet + 46,
		checksum_finish(checksum_add(checksum_pseudo(6, packet + 8, packet + 24,
						     IP_PROTO_UDP, (uint32_t)len - IPV6_HEADER),
			packet + IPV6_HEADER, len - IPV6_HEADER)));
	return len;
}

static void bench_set(unsigned n, const char *flow, size_t len, unsigned rounds)
{
	static struct schc_rule rules[RULES];
	struct schc_rule_set set = {rules, n};
	struct diet_attrs attrs = diet_attrs_plain();
	struct diet_sa sa = {.spi = 0x11111155, .out = true};
	struct diet_context context;
	struct result result;
	uint8_t packet[2048];

	make_rules(rules, flow);
	attrs.rules = &set;
	attrs.device = true;
	if (diet_context_init(&context, &attrs, &sa))
		fail("no such set");
	result = measure(&context, packet, build_flow(flow, packet, len), rounds);
	printf("bench=set rules=%u flow=%s octets=%zu wire_octets=%zu block=%zu compress_ns=%.1f "
	       "decompress_ns=%.1f\n",
		n, flow, len, result.wire_len, (size_t)context.by->set->size, result.compress_ns,
		result.decompress_ns);
	diet_context_fini(&context);
}

int main(int argc, char **argv)
{
	static const size_t lens[] = {64, 256, 1400};
	static const unsigned sets[] = {1, 4, 32};
	unsigned rounds = argc > 1 && strcmp(argv[1], "--quick") == 0 ? QUICK : ROUNDS;

	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		bench("iot", lens[i], rounds);
		bench("link", lens[i], rounds);
	}
	for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
		for (size_t k = 0; k < sizeof messages / sizeof *messages; k++)
			bench_set(sets[i], messages[k].flow, 64, rounds);
		if (sets[i] > 1)
			bench_set(sets[i], "mqtt-sn", 64, rounds);
		bench_set(sets[i], "none", 64, rounds); /* no rule takes it */
	}
	return 0;
}
