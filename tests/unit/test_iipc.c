/* SPDX-License-Identifier: Apache-2.0 */
/* The inner header compressor: identity for all that fits, and what must not fit (section 3.5). */
#include "diet/context.h"
#include "diet/ctec.h"
#include "diet/eec.h"
#include "diet/iipc.h"
#include "base/buf.h"
#include "base/wire.h"
#include "ip/addr.h"
#include "ip/ts.h"
#include "reference/bit_interpreter.h"
#include "reference/inner.h"
#include "reference/random.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>

enum { CASES = 60000, ROOM = 2048, PAYLOAD_MAX = 300, SEED_MAX = 65535 };

/* One SA with all that it borrows. */
struct fixture {
	struct diet_attrs attrs;
	struct ts src[3], dst[3];
	struct diet_sa sa;
	struct diet_context context;
};

/* Of the one fixture in use. */
static struct schc_plan *plan_in_use;

static void free_plan(void)
{
	schc_plan_free(plan_in_use);
	plan_in_use = NULL;
}

static void fixture_init(struct fixture *f)
{
	free_plan();
	f->sa.src = f->src;
	f->sa.dst = f->dst;
	cr_assert_eq(diet_context_init(&f->context, &f->attrs, &f->sa), 0);
	plan_in_use = f->context.plan;
}

TestSuite(iipc, .fini = free_plan);

static struct ts host(uint8_t family, const uint8_t *addr, uint8_t proto, uint16_t port)
{
	struct ts ts = {.ip_proto = proto, .port_start = port, .port_end = port};

	if (proto != 6 && proto != 17 && proto != 132 && proto != 136) {
		ts.port_start = 0;
		ts.port_end = UINT16_MAX;
	}
	ts.addr_start = ts.addr_end = ip_addr_from(family, addr);
	return ts;
}

/* --- what comes back ----------------------------------------------------------------------- */

/* The declared exceptions (section 16), applied to what was sent. */
static void expect_exceptions(
	const struct fixture *f, const struct ip_packet *ip, uint8_t *expected, const uint8_t *got)
{
	const struct schc_plan *plan = f->context.plan;
	uint8_t *l4 = expected + ip->hdr_len;
	size_t len = ip->len - ip->hdr_len;

	if (f->sa.mode == SA_TUNNEL && f->attrs.flow_label_cda == FLOW_LABEL_GENERATED) {
		if (ip->version == 6) {
			cr_assert_neq(get_be32(got) & 0xfffff, 0);
			put_be32(expected,
				(get_be32(expected) & 0xfff00000) | (get_be32(got) & 0xfffff));
		} else {
			cr_assert_neq(get_be16(got + 4), 0);
			memcpy(expected + 4, got + 4, 2);
			put_be16(expected + 10, 0);
			put_be16(expected + 10, ref_ip_sum(expected, 20));
		}
	}
	if (f->sa.mode == SA_TUNNEL && f->attrs.flow_label_cda == FLOW_LABEL_LOWER &&
		f->sa.outer_family == 4 && ip->version == 6)
		expected[1] &= 0xf0;
	if (plan->proto == IP_PROTO_UDP && !get_be16(l4 + 6)) {
		uint16_t sum = ref_l4_sum(expected, l4, len, len);

		put_be16(l4 + 6, sum ? sum : 0xffff);
	}
	if (plan->proto == IP_PROTO_UDPLITE && !get_be16(l4 + 4)) {
		uint16_t sum;

		put_be16(l4 + 4, (uint16_t)len);
		sum = ref_l4_sum(expected, l4, len, len);
		put_be16(l4 + 6, sum ? sum : 0xffff);
	}
}

/* Whether the rule (not RuleID 0) took the packet: only then do the exceptions apply. */
static bool rule_took_it(const struct fixture *f, const struct buf *pkt)
{
	return f->attrs.iipc && (!f->attrs.rule_id || pkt->data[0] == DIET_RULE_ID);
}

static void through_trailer_and_header(
	const struct fixture *f, const struct ip_packet *ip, struct buf *pkt, uint8_t *next_header)
{
	uint8_t value = ip->version == 6 ? IP_PROTO_IPV6 : IP_PROTO_IPV4;
	size_t len = pkt->len;
	size_t trailer = ctec_trailer_len(&f->context, len);
	uint32_t lsb;

	if (f->sa.mode == SA_TRANSPORT)
		value = ip->proto;
	cr_assert_eq(ctec_add_trailer(&f->context, value, pkt), DROP_NONE);
	cr_assert_eq(pkt->len, len + trailer);
	if (f->context.pad_length_sent)
		cr_assert_eq(pkt->len % f->context.align, 0);
	cr_assert_eq(eec_compress(&f->context, 7, pkt), DROP_NONE);
	cr_assert_eq(pkt->len, len + trailer + f->context.header_len);
	cr_assert_eq(eec_parse(&f->context, pkt, &lsb), DROP_NONE);
	cr_assert_eq(ctec_remove_trailer(&f->context, pkt, next_header), DROP_NONE);
	cr_assert_eq(pkt->len, len);
	cr_assert(*next_header == value || *next_header == 0);
}

/* The policy comes first: an SA sees only what its selectors allow. */
static bool selected(const struct fixture *f, const struct ip_packet *ip)
{
	/* Without its IP header it is a dummy packet to the receiver, RFC 4303 2.6. */
	if (f->sa.mode == SA_TRANSPORT && ip->proto == IP_PROTO_NONE)
		return false;
	return ts_match_packet(f->src, f->sa.n_src, f->dst, f->sa.n_dst, ip);
}

/* Out and in again; false: the guard refused. Anything else than the same packet fails the test. */
static bool round_trip(const struct fixture *f, struct buf *pkt)
{
	static uint8_t expected[BUF_MAX];
	struct outer outer = {0};
	struct ip_packet ip;
	struct ip_packet view;
	uint8_t next_header;
	size_t len;
	size_t from;

	if (ip_packet_parse(&ip, pkt) != DROP_NONE || !selected(f, &ip) ||
		!iipc_fits(&f->context, &ip))
		return false;
	memcpy(expected, pkt->data, pkt->len);
	view = ip;
	view.data = expected;
	len = iipc_compressed_len(&f->context, &ip);
	from = f->sa.mode == SA_TRANSPORT ? ip.hdr_len : 0;
	outer.remote.addr = ip_packet_src(&ip);
	outer.local.addr = ip_packet_dst(&ip);
	buf_pull(pkt, from);
	cr_assert_eq(iipc_compress(&f->context, &ip, pkt, &outer), DROP_NONE);
	cr_assert_eq(pkt->len, len, "iipc_compressed_len said %zu, it is %zu", len, pkt->len);
	view.src = expected + (ip.version == 6 ? 8 : 12);
	view.dst = expected + (ip.version == 6 ? 24 : 16);
	if (rule_took_it(f, pkt)) {
		uint8_t *copy = pkt->data;

		through_trailer_and_header(f, &view, pkt, &next_header);
		cr_assert_eq(pkt->data, copy);
		cr_assert_eq(iipc_decompress(&f->context, next_header, pkt, &outer), DROP_NONE);
		expect_exceptions(f, &view, expected, pkt->data - from);
	} else {
		through_trailer_and_header(f, &view, pkt, &next_header);
		cr_assert_eq(iipc_decompress(&f->context, next_header, pkt, &outer), DROP_NONE);
	}
	cr_assert_eq(pkt->len, ip.len - from);
	cr_assert(memcmp(pkt->data, expected + from, pkt->len) == 0, "restored packet differs");
	return true;
}

/* --- random SAs and packets ---------------------------------------------------------------- */

static const uint8_t protos4[] = {17, 6, 132, 136, 1, 47};
static const uint8_t protos6[] = {17, 6, 132, 136, 58, 47};

static void random_dscp_list(struct rnd *r, struct diet_attrs *attrs)
{
	uint8_t start = (uint8_t)rnd_below(r, 64);

	attrs->n_dscp = (uint8_t)(1 + rnd_below(r, 64));
	for (unsigned i = 0; i < attrs->n_dscp; i++)
		attrs->dscp_list[i] = (uint8_t)((start + i * 11) & 63);
}

static void random_attrs(struct rnd *r, struct diet_attrs *attrs)
{
	static const uint8_t widths[][2] = {{8, 8}, {0, 0}, {4, 4}, {16, 16}, {32, 32}, {5, 11}};
	const uint8_t *width = widths[rnd_below(r, 6)];

	*attrs = diet_attrs_plain();
	attrs->iipc = rnd_below(r, 10) != 0;
	attrs->rule_id = rnd_below(r, 4) == 0;
	attrs->dscp_cda = (uint8_t)rnd_below(r, 3);
	attrs->ecn_cda = (uint8_t)rnd_below(r, 2);
	attrs->flow_label_cda = (uint8_t)rnd_below(r, 4);
	attrs->hop_limit_cda = (uint8_t)rnd_below(r, 2);
	attrs->alignment = (uint8_t)rnd_below(r, 4);
	attrs->esp_trailer = (uint8_t)rnd_below(r, 2);
	attrs->esp_spi_lsb = width[0];
	attrs->esp_sn_lsb = width[1];
	attrs->window = width[1] > 7 ? 64 : 8;
	if (attrs->dscp_cda == DSCP_SA)
		random_dscp_list(r, attrs);
}

static struct ts random_ts(struct rnd *r, uint8_t family, const uint8_t *base, uint8_t proto)
{
	struct ts ts = {.ip_proto = proto, .port_end = UINT16_MAX};
	unsigned octets = family == 6 ? 16 : 4;
	unsigned from = rnd_below(r, octets + 1);

	ts.addr_start = ts.addr_end = ip_addr_from(family, base);
	/* From a single host over ragged ranges to nearly everything. */
	for (unsigned i = octets - from; i < octets; i++) {
		ts.addr_end.bytes[i] = 0xff;
		ts.addr_start.bytes[i] = (uint8_t)(rnd_below(r, 3) ? 0 : ts.addr_start.bytes[i]);
	}
	if (proto == 6 || proto == 17 || proto == 132 || proto == 136) {
		ts.port_start = (uint16_t)rnd_u64(r);
		ts.port_end = (uint16_t)(ts.port_start |
					 (rnd_below(r, 2) ? (1u << rnd_below(r, 17)) - 1 : 0));
	}
	return ts;
}

static void random_sa(struct rnd *r, struct fixture *f)
{
	uint8_t family = rnd_below(r, 2) ? 6 : 4;
	uint8_t proto = 0;
	uint8_t base[16];

	memset(f, 0, sizeof *f);
	random_attrs(r, &f->attrs);
	if (rnd_below(r, 4))
		proto = (family == 6 ? protos6 : protos4)[rnd_below(r, 6)];
	f->sa.mode = rnd_below(r, 4) ? SA_TUNNEL : SA_TRANSPORT;
	f->sa.spi = (uint32_t)rnd_u64(r);
	f->sa.outer_family = (uint8_t[]){4, 6, 0}[rnd_below(r, 3)];
	f->sa.n_src = (uint8_t)(1 + rnd_below(r, 3));
	f->sa.n_dst = (uint8_t)(1 + rnd_below(r, 3));
	for (unsigned i = 0; i < 3; i++) {
		rnd_fill(r, base, sizeof base);
		base[0] = family == 6 ? 0x20 : 10;
		f->src[i] = random_ts(r, family, base, proto);
		f->dst[i] = random_ts(r, family, base, proto);
	}
	fixture_init(f);
}

/* An address within start..end as long as these differ in trailing octets only. */
static void random_addr(struct rnd *r, const struct ts *ts, uint8_t *out)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned low = ts->addr_start.bytes[i];
		unsigned high = ts->addr_end.bytes[i];

		out[i] = (uint8_t)(low + rnd_below(r, high - low + 1));
	}
}

static uint16_t random_port(struct rnd *r, const struct ts *ts)
{
	return (uint16_t)(ts->port_start + rnd_below(r, ts->port_end - ts->port_start + 1u));
}

static size_t random_packet(struct rnd *r, const struct fixture *f, uint8_t *out)
{
	static uint8_t payload[PAYLOAD_MAX];
	const struct ts *src = &f->src[rnd_below(r, f->sa.n_src)];
	const struct ts *dst = &f->dst[rnd_below(r, f->sa.n_dst)];
	struct inner inner = {.version = src->addr_start.family, .proto = src->ip_proto};

	if (!inner.proto)
		inner.proto = (inner.version == 6 ? protos6 : protos4)[rnd_below(r, 6)];
	random_addr(r, src, inner.src);
	random_addr(r, dst, inner.dst);
	inner.sport = random_port(r, src);
	inner.dport = random_port(r, dst);
	inner.hop_limit = (uint8_t)rnd_u64(r);
	inner.traffic_class = (uint8_t)rnd_u64(r);
	if (f->attrs.dscp_cda == DSCP_SA && rnd_below(r, 8))
		inner.traffic_class =
			(uint8_t)(f->attrs.dscp_list[rnd_below(r, f->attrs.n_dscp)] * 4u +
				  rnd_below(r, 4));
	if (f->attrs.flow_label_cda != FLOW_LABEL_ZERO || !rnd_below(r, 8))
		inner.flow_label = (uint32_t)(rnd_u64(r) & 0xfffff);
	if (inner.version == 4)
		inner.fragment = rnd_below(r, 3) ? 0x4000 : (uint16_t)rnd_u64(r);
	else if (!rnd_below(r, 10))
		inner.fragment = (uint16_t)rnd_u64(r);
	inner.extension = !rnd_below(r, 12);
	inner.ihl = rnd_below(r, 16) ? 5 : 7;
	inner.payload_len = rnd_below(r, PAYLOAD_MAX);
	rnd_fill(r, payload, inner.payload_len);
	inner.payload = payload;
	return inner_build(&inner, out);
}

/* Checksums absent, wrong or of partial coverage; lengths that lie. */
static void spoil(struct rnd *r, uint8_t *packet, size_t len)
{
	size_t l4 = packet[0] >> 4 == 6 ? 40 : (packet[0] & 15) * 4u;

	switch (rnd_below(r, 12)) {
	case 0:
		packet[rnd_below(r, (unsigned)len)] ^= (uint8_t)(1u << rnd_below(r, 8));
		break;
	case 1:
		if (len >= l4 + 8)
			put_be16(packet + l4 + 6, 0);
		break;
	case 2:
		if (len >= l4 + 8 && packet[0] >> 4 == 4 && packet[9] == 136) {
			uint16_t sum;

			put_be16(packet + l4 + 4, 0);
			sum = ref_l4_sum(packet, packet + l4, len - l4, len - l4);
			put_be16(packet + l4 + 6, sum ? sum : 0xffff);
		}
		break;
	default:
		break;
	}
}

Test(iipc, compress_then_decompress_is_the_identity)
{
	struct rnd r = rnd_start("iipc");
	struct buf *pkt = buf_alloc(ROOM);
	uint8_t packet[PAYLOAD_MAX + 100];
	size_t taken[256] = {0};
	size_t fit = 0;
	size_t fragments = 0;

	for (unsigned i = 0; i < CASES; i++) {
		static struct fixture f;
		size_t len;

		if (i % 6 == 0)
			random_sa(&r, &f);
		len = random_packet(&r, &f, packet);
		spoil(&r, packet, len);
		cr_assert_eq(buf_set(pkt, packet, len), 0);
		if (!round_trip(&f, pkt))
			continue;
		fit++;
		if (f.context.iipc)
			taken[f.context.plan->proto]++;
		fragments += packet[0] >> 4 == 4 && (get_be16(packet + 6) & 0x3fff);
	}
	printf("iipc: %u packets, %zu fit: none %zu, udp %zu, tcp %zu, sctp %zu, udplite %zu; "
	       "%zu fragments\n",
		CASES, fit, taken[0], taken[17], taken[6], taken[132], taken[136], fragments);
	cr_assert(taken[0] > 500 && taken[17] > 500 && taken[6] > 500 && taken[132] > 500 &&
		  taken[136] > 500 && fragments > 500);
	cr_assert_lt(fit, CASES * 9 / 10, "nothing is refused");
	buf_free(pkt);
}

/* --- the guard ----------------------------------------------------------------------------- */

static const uint8_t v6_a[16] = {0x20, 1, 0xd, 0xb8, 0, 1, [15] = 0x10};
static const uint8_t v6_b[16] = {0x20, 1, 0xd, 0xb8, 0, 2, [15] = 0x20};
static const uint8_t v4_a[16] = {10, 1, 0, 5};
static const uint8_t v4_b[16] = {10, 2, 0, 9};

static struct inner base_inner(uint8_t version, uint8_t proto)
{
	struct inner inner = {.version = version,
		.proto = proto,
		.sport = 5683,
		.dport = 5683,
		.hop_limit = 64,
		.payload = (const uint8_t *)"Hello Diet-ESP!!",
		.payload_len = 16};

	memcpy(inner.src, version == 6 ? v6_a : v4_a, 16);
	memcpy(inner.dst, version == 6 ? v6_b : v4_b, 16);
	return inner;
}

/* Preset iot for the base packet's hosts; proto 0 is ANY. */
static void base_sa(struct fixture *f, uint8_t version, uint8_t proto)
{
	memset(f, 0, sizeof *f);
	cr_assert(diet_attrs_preset("iot", &f->attrs));
	f->src[0] = host(version, version == 6 ? v6_a : v4_a, proto, 5683);
	f->dst[0] = host(version, version == 6 ? v6_b : v4_b, proto, 5683);
	f->sa.n_src = f->sa.n_dst = 1;
	fixture_init(f);
}

static bool fits(const struct fixture *f, const uint8_t *packet, size_t len)
{
	struct buf *pkt = buf_alloc(ROOM);
	struct ip_packet ip;
	bool fit;

	cr_assert_eq(buf_set(pkt, packet, len), 0);
	cr_assert_eq(ip_packet_parse(&ip, pkt), DROP_NONE);
	fit = iipc_fits(&f->context, &ip);
	buf_free(pkt);
	return fit;
}

static bool inner_fits(const struct fixture *f, const struct inner *inner)
{
	uint8_t packet[400];

	return fits(f, packet, inner_build(inner, packet));
}

/* A changed octet of the base packet; sums are put right again unless the change is about them. */
static bool changed_fits(
	const struct fixture *f, const struct inner *inner, size_t at, uint8_t value)
{
	uint8_t packet[400];
	size_t len = inner_build(inner, packet);

	cr_assert(fits(f, packet, len), "the base packet does not fit");
	packet[at] = value;
	return fits(f, packet, len);
}

Test(iipc, guard_layer3)
{
	struct fixture f;
	struct inner inner = base_inner(6, 17);

	base_sa(&f, 6, 17);
	cr_assert(inner_fits(&f, &inner));
	inner = base_inner(4, 17);
	cr_assert_not(inner_fits(&f, &inner), "version");
	inner = base_inner(6, 6);
	cr_assert_not(inner_fits(&f, &inner), "next header");
	inner = base_inner(6, 17);
	inner.extension = true;
	cr_assert_not(inner_fits(&f, &inner), "extension header");
	inner = base_inner(6, 17);
	inner.src[15] ^= 1;
	cr_assert_not(inner_fits(&f, &inner), "source");
	inner = base_inner(6, 17);
	inner.dst[0] ^= 0x80;
	cr_assert_not(inner_fits(&f, &inner), "destination");
	inner = base_inner(6, 17);
	inner.sport++;
	cr_assert_not(inner_fits(&f, &inner), "source port");
	inner = base_inner(6, 17);
	inner.dport ^= 0x8000;
	cr_assert_not(inner_fits(&f, &inner), "destination port");

	f.attrs.flow_label_cda = FLOW_LABEL_ZERO;
	fixture_init(&f);
	inner = base_inner(6, 17);
	cr_assert(inner_fits(&f, &inner));
	inner.flow_label = 1;
	cr_assert_not(inner_fits(&f, &inner), "flow label");
	inner.flow_label = 0;
	f.attrs.dscp_cda = DSCP_SA;
	f.attrs.n_dscp = 3;
	memcpy(f.attrs.dscp_list, (uint8_t[]){0, 10, 46}, 3);
	fixture_init(&f);
	inner.traffic_class = 46 << 2 | 3;
	cr_assert(inner_fits(&f, &inner));
	inner.traffic_class = 47 << 2;
	cr_assert_not(inner_fits(&f, &inner), "DSCP list");
	f.attrs.n_dscp = 1;
	f.attrs.dscp_list[0] = 46;
	fixture_init(&f);
	cr_assert_not(inner_fits(&f, &inner), "single DSCP");
}

Test(iipc, guard_ipv4)
{
	struct fixture f;
	struct inner inner = base_inner(4, 17);

	base_sa(&f, 4, 17);
	cr_assert(inner_fits(&f, &inner));
	cr_assert_not(changed_fits(&f, &inner, 10, 0x77), "header checksum");
	inner.ihl = 6;
	cr_assert_not(inner_fits(&f, &inner), "IHL");
	inner.ihl = 5;
	inner.fragment = 0x2000;
	cr_assert_not(inner_fits(&f, &inner), "first fragment with a layer-4 rule");
	inner.fragment = 5;
	cr_assert_not(inner_fits(&f, &inner), "later fragment with a layer-4 rule");
	inner.fragment = 0x4000;
	cr_assert(inner_fits(&f, &inner), "DF");

	base_sa(&f, 4, 0);
	inner.fragment = 5;
	cr_assert_not(inner_fits(&f, &inner), "a fragment needs its own Identification");
	f.attrs.flow_label_cda = FLOW_LABEL_NOT_COMPRESSED;
	fixture_init(&f);
	cr_assert(inner_fits(&f, &inner), "fragments without a layer-4 rule");
	f.attrs.flow_label_cda = FLOW_LABEL_ZERO;
	fixture_init(&f);
	cr_assert(inner_fits(&f, &inner));
	inner.flow_label = 1;
	cr_assert_not(inner_fits(&f, &inner), "Identification");
}

/* The view and the packet disagree: lengths that parsing would have cut or refused. */
Test(iipc, guard_lengths)
{
	struct buf *pkt = buf_alloc(ROOM);
	uint8_t packet[400];

	for (uint8_t version = 4; version <= 6; version += 2) {
		struct fixture f;
		struct inner inner = base_inner(version, 17);
		struct ip_packet ip;
		size_t len = inner_build(&inner, packet);

		base_sa(&f, version, 0);
		cr_assert_eq(buf_set(pkt, packet, len), 0);
		cr_assert_eq(ip_packet_parse(&ip, pkt), DROP_NONE);
		cr_assert(iipc_fits(&f.context, &ip));
		ip.len--;
		cr_assert_not(iipc_fits(&f.context, &ip));
		ip.len = version == 6 ? 39 : 19;
		cr_assert_not(iipc_fits(&f.context, &ip));
	}
	buf_free(pkt);
}

Test(iipc, guard_udp)
{
	struct fixture f;
	struct inner inner = base_inner(6, 17);

	base_sa(&f, 6, 17);
	cr_assert_not(changed_fits(&f, &inner, 45, 0x17), "length below the payload's");
	cr_assert_not(changed_fits(&f, &inner, 46, 0xaa), "checksum");
	cr_assert_not(changed_fits(&f, &inner, 50, 0xaa), "payload");
	f.attrs.verify_checksum = false;
	fixture_init(&f);
	cr_assert(changed_fits(&f, &inner, 46, 0xaa), "the switch is off");
	cr_assert_not(changed_fits(&f, &inner, 45, 0x17), "lengths count all the same");

	for (uint8_t version = 4; version <= 6; version += 2) {
		uint8_t packet[400];
		size_t len;

		inner = base_inner(version, 17);
		base_sa(&f, version, 17);
		len = inner_build(&inner, packet);
		put_be16(packet + (version == 6 ? 46 : 26), 0);
		cr_assert_eq(fits(&f, packet, len), version == 4, "checksum 0 in IPv%u", version);
		f.attrs.verify_checksum = false;
		fixture_init(&f);
		cr_assert_eq(fits(&f, packet, len), version == 4, "checksum 0 in IPv%u", version);
	}
}

Test(iipc, guard_other_transports)
{
	struct fixture f;
	struct inner inner = base_inner(6, 6);
	uint8_t packet[400];
	size_t len;

	base_sa(&f, 6, 6);
	cr_assert_not(changed_fits(&f, &inner, 60, 0xaa), "TCP checksum");
	/* Both zeros of ones' complement verify; only one of them is what we would compute. */
	len = inner_build(&inner, packet);
	put_be16(packet + 60, (uint16_t)((get_be16(packet + 60) + get_be16(packet + 56)) % 0xffff));
	put_be16(packet + 56, 0);
	cr_assert(fits(&f, packet, len), "TCP checksum of plus zero");
	put_be16(packet + 56, 0xffff);
	cr_assert_not(fits(&f, packet, len), "TCP checksum of minus zero");

	base_sa(&f, 6, 132);
	inner = base_inner(6, 132);
	cr_assert_not(changed_fits(&f, &inner, 53, 0xaa), "CRC32c");

	base_sa(&f, 6, 136);
	inner = base_inner(6, 136);
	cr_assert_not(changed_fits(&f, &inner, 45, 8), "partial coverage");
	len = inner_build(&inner, packet);
	packet[6] = 136;
	put_be16(packet + 44, 0);
	put_be16(packet + 46, ref_l4_sum(packet, packet + 40, len - 40, len - 40));
	cr_assert(fits(&f, packet, len), "coverage 0");
	put_be16(packet + 46, 0);
	cr_assert_not(fits(&f, packet, len), "UDP-Lite without checksum");
}

/* Too short for the transport header: what ip_packet_parse refuses, the guard refuses too. */
Test(iipc, guard_transport_header_is_there)
{
	static const uint8_t lens[][2] = {{17, 8}, {136, 8}, {6, 20}, {132, 12}};
	uint8_t packet[400];

	for (unsigned i = 0; i < 4; i++) {
		struct fixture f;
		struct inner inner = base_inner(6, lens[i][0]);
		struct ip_packet ip = {.data = packet,
			.src = packet + 8,
			.dst = packet + 24,
			.version = 6,
			.proto = lens[i][0],
			.first = true,
			.hdr_len = 40};

		base_sa(&f, 6, lens[i][0]);
		f.attrs.verify_checksum = false;
		fixture_init(&f);
		inner.payload_len = 0;
		ip.len = inner_build(&inner, packet);
		cr_assert_eq(ip.len, 40u + lens[i][1]);
		cr_assert(iipc_fits(&f.context, &ip));
		ip.len--;
		put_be16(packet + 4, (uint16_t)(ip.len - 40));
		put_be16(packet + 44, (uint16_t)(ip.len - 40));
		cr_assert_not(iipc_fits(&f.context, &ip));
	}
}

Test(iipc, guard_hop_limit)
{
	struct fixture f;
	struct inner inner = base_inner(6, 58);

	base_sa(&f, 6, 0);
	memset(f.src[0].addr_start.bytes, 0, 16);
	memset(f.src[0].addr_end.bytes, 0xff, 16);
	f.dst[0] = f.src[0];
	for (unsigned kept = 0; kept < 2; kept++) {
		f.attrs.hop_limit_cda = kept ? HOP_LIMIT_NOT_COMPRESSED : HOP_LIMIT_LOWER;
		fixture_init(&f);
		inner = base_inner(6, 58);
		inner.hop_limit = 8;
		cr_assert(inner_fits(&f, &inner));
		inner.hop_limit = 7;
		cr_assert_eq(inner_fits(&f, &inner), kept, "hop limit 7");
		inner = base_inner(6, 58);
		memcpy(inner.src, (uint8_t[]){0xfe, 0x80}, 2);
		cr_assert_eq(inner_fits(&f, &inner), kept, "link-local source");
		inner = base_inner(6, 58);
		memcpy(inner.dst, (uint8_t[]){0xfe, 0xbf}, 2);
		cr_assert_eq(inner_fits(&f, &inner), kept, "link-local destination");
		inner = base_inner(6, 58);
		memcpy(inner.dst, (uint8_t[]){0xff, 0x02}, 2);
		cr_assert_eq(inner_fits(&f, &inner), kept, "multicast, link scope");
		inner = base_inner(6, 58);
		memcpy(inner.dst, (uint8_t[]){0xff, 0x05}, 2);
		cr_assert(inner_fits(&f, &inner), "multicast, site scope");
		inner = base_inner(6, 58);
		for (unsigned type = 132; type <= 138; type++)
			cr_assert_eq(changed_fits(&f, &inner, 40, (uint8_t)type),
				kept || type == 132 || type == 138, "ICMPv6 type %u", type);
	}
}

Test(iipc, guard_hop_limit_ipv4)
{
	struct fixture f;
	struct inner inner = base_inner(4, 17);

	base_sa(&f, 4, 0);
	memset(f.src[0].addr_start.bytes, 0, 4);
	memset(f.src[0].addr_end.bytes, 0xff, 4);
	f.dst[0] = f.src[0];
	fixture_init(&f);
	cr_assert(inner_fits(&f, &inner));
	inner.hop_limit = 1;
	cr_assert_not(inner_fits(&f, &inner), "TTL 1");
	inner = base_inner(4, 17);
	memcpy(inner.src, (uint8_t[]){169, 254}, 2);
	cr_assert_not(inner_fits(&f, &inner), "link-local");
	inner = base_inner(4, 17);
	memcpy(inner.dst, (uint8_t[]){224, 0, 0, 251}, 4);
	cr_assert_not(inner_fits(&f, &inner), "local network control block");
	memcpy(inner.dst, (uint8_t[]){239, 0, 0, 251}, 4);
	cr_assert(inner_fits(&f, &inner));
}

/* --- the receiver -------------------------------------------------------------------------- */

static enum drop decompress(
	const struct fixture *f, uint8_t next_header, const uint8_t *octets, size_t len)
{
	struct buf *pkt = buf_alloc(ROOM);
	struct outer outer = {.hop_limit = 64};
	enum drop drop;

	cr_assert_eq(buf_set(pkt, octets, len), 0);
	drop = iipc_decompress(&f->context, next_header, pkt, &outer);
	buf_free(pkt);
	return drop;
}

Test(iipc, refuses_what_cannot_be_decoded)
{
	static const uint8_t zeros[64];
	struct fixture f;

	base_sa(&f, 4, 17);
	cr_assert_eq(f.context.plan->residue_bits, 20);
	cr_assert_eq(decompress(&f, 4, (uint8_t[]){0x50, 0, 0}, 3), DROP_NONE);
	cr_assert_eq(decompress(&f, 0, (uint8_t[]){0x50, 0, 0x0f}, 3), DROP_NONE, "pad bits");
	cr_assert_eq(decompress(&f, 4, (uint8_t[]){0x50, 0}, 2), DROP_RESIDUE, "short");
	cr_assert_eq(decompress(&f, 4, zeros, 0), DROP_RESIDUE, "empty");
	for (unsigned ihl = 0; ihl < 16; ihl++)
		cr_assert_eq(decompress(&f, 4, (uint8_t[]){(uint8_t)(ihl << 4), 0, 0}, 3),
			ihl == 5 ? DROP_NONE : DROP_RESIDUE, "IHL %u", ihl);
	cr_assert_eq(decompress(&f, 41, (uint8_t[]){0x50, 0, 0}, 3), DROP_NEXT_HEADER);
	cr_assert_eq(decompress(&f, 59, (uint8_t[]){0x50, 0, 0}, 3), DROP_DUMMY);

	base_sa(&f, 6, 17);
	f.attrs.dscp_cda = DSCP_SA;
	f.attrs.n_dscp = 5;
	memcpy(f.attrs.dscp_list, (uint8_t[]){0, 8, 10, 18, 46}, 5);
	fixture_init(&f);
	cr_assert_eq(f.context.plan->residue_bits, 3);
	for (unsigned index = 0; index < 8; index++)
		cr_assert_eq(decompress(&f, 41, (uint8_t[]){(uint8_t)(index << 5)}, 1),
			index < 5 ? DROP_NONE : DROP_RESIDUE, "mapping index %u", index);
}

Test(iipc, rule_id_mode)
{
	struct fixture f;
	struct inner inner = base_inner(6, 17);
	uint8_t packet[400];
	size_t len;

	base_sa(&f, 6, 17);
	f.attrs.rule_id = true;
	fixture_init(&f);
	cr_assert_eq(decompress(&f, 0, (uint8_t[]){DIET_RULE_ID}, 1), DROP_NONE);
	cr_assert_eq(decompress(&f, 0, (uint8_t[]){2, 0x60}, 2), DROP_RESIDUE, "unknown RuleID");
	cr_assert_eq(decompress(&f, 0, packet, 0), DROP_RESIDUE);
	cr_assert_eq(decompress(&f, 0, (uint8_t[]){DIET_RULE_ID_NONE}, 1), DROP_RESIDUE);
	cr_assert_eq(decompress(&f, 0, (uint8_t[]){DIET_RULE_ID_NONE, 0x50}, 2), DROP_IP_VERSION);
	cr_assert_eq(decompress(&f, 41, (uint8_t[]){DIET_RULE_ID_NONE, 0x45}, 2), DROP_NEXT_HEADER);
	/* What no rule restores goes whole behind RuleID 0. */
	inner.extension = true;
	packet[0] = DIET_RULE_ID_NONE;
	len = inner_build(&inner, packet + 1);
	cr_assert(fits(&f, packet + 1, len));
	cr_assert_eq(decompress(&f, 41, packet, len + 1), DROP_NONE);
}

/* Ports 5..9 send 4 bits, and 15 is representable: the caller's selector check has to see it. */
Test(iipc, bits_outside_the_selector_are_for_the_caller)
{
	struct buf *pkt = buf_alloc(ROOM);
	struct outer outer = {.hop_limit = 64};
	struct ip_packet ip;
	struct fixture f;

	base_sa(&f, 6, 17);
	f.src[0].port_start = 5;
	f.src[0].port_end = 9;
	fixture_init(&f);
	cr_assert_eq(f.context.plan->residue_bits, 4);
	for (unsigned port = 0; port < 16; port++) {
		uint8_t residue = (uint8_t)(port << 4);

		cr_assert_eq(buf_set(pkt, &residue, 1), 0);
		cr_assert_eq(iipc_decompress(&f.context, 0, pkt, &outer), DROP_NONE);
		cr_assert_eq(ip_packet_parse(&ip, pkt), DROP_NONE);
		cr_assert_eq(ip.sport, port);
		cr_assert_eq(ts_match_packet(f.src, 1, f.dst, 1, &ip), port >= 5 && port <= 9);
	}
	buf_free(pkt);
}

/* Without IIPC and with two families the version is all there is. */
Test(iipc, two_families_need_no_rule)
{
	static const uint8_t v4[] = {0x45, 0, 0, 20};
	static const uint8_t v6[] = {0x60, 0, 0, 0};
	struct fixture f = {0};

	cr_assert(diet_attrs_preset("iot", &f.attrs));
	f.src[0] = host(6, v6_a, 0, 0);
	f.src[1] = host(4, v4_a, 0, 0);
	f.dst[0] = host(6, v6_b, 0, 0);
	f.dst[1] = host(4, v4_b, 0, 0);
	f.sa = (struct diet_sa){.src = f.src, .dst = f.dst, .n_src = 2, .n_dst = 2};
	cr_assert_eq(diet_context_init(&f.context, &f.attrs, &f.sa), -EINVAL);
	f.attrs.iipc = false;
	fixture_init(&f);
	cr_assert_eq(decompress(&f, 0, v4, sizeof v4), DROP_NONE);
	cr_assert_eq(decompress(&f, 0, v6, sizeof v6), DROP_NONE);
	cr_assert_eq(decompress(&f, 41, v4, sizeof v4), DROP_NEXT_HEADER);
	cr_assert_eq(decompress(&f, 0, (uint8_t[]){0x55}, 1), DROP_IP_VERSION);
}

/* The longest result is 65535 octets. */
Test(iipc, result_is_bounded)
{
	struct buf *pkt = buf_alloc(BUF_MAX);
	struct outer outer = {.hop_limit = 64};
	struct fixture f;

	base_sa(&f, 6, 17);
	cr_assert_not_null(buf_put(pkt, BUF_MAX - 48));
	memset(pkt->data, 0, pkt->len);
	cr_assert_eq(iipc_decompress(&f.context, 0, pkt, &outer), DROP_NONE);
	cr_assert_eq(pkt->len, BUF_MAX);
	buf_reset(pkt);
	cr_assert_not_null(buf_put(pkt, BUF_MAX - 47));
	cr_assert_eq(iipc_decompress(&f.context, 0, pkt, &outer), DROP_RESIDUE);
	buf_free(pkt);
}

/* --- packets of others --------------------------------------------------------------------- */

/* SAs that this packet could travel on: each preset, its own protocol or ANY, RuleID or not. */
static unsigned try_seed(const uint8_t *octets, size_t len, struct buf *pkt)
{
	static const char *const presets[] = {"safe", "iot", "link"};
	struct ip_packet ip;
	unsigned restored = 0;

	for (unsigned i = 0; i < 12; i++) {
		static struct fixture f;
		struct ip_addr src;
		struct ip_addr dst;
		uint8_t proto;

		if (buf_set(pkt, octets, len) || ip_packet_parse(&ip, pkt) != DROP_NONE)
			return 0;
		src = ip_packet_src(&ip);
		dst = ip_packet_dst(&ip);
		proto = i % 2 && ip.version == ip_packet_src(&ip).family ? ip.proto : 0;
		memset(&f, 0, sizeof f);
		cr_assert(diet_attrs_preset(presets[i / 4], &f.attrs));
		f.attrs.rule_id = i / 2 % 2;
		f.src[0] = host(src.family, src.bytes, proto, ip.sport);
		f.dst[0] = host(dst.family, dst.bytes, proto, ip.dport);
		f.sa.n_src = f.sa.n_dst = 1;
		fixture_init(&f);
		if (selected(&f, &ip) && round_trip(&f, pkt))
			restored++;
		else
			cr_assert(!f.attrs.rule_id || !selected(&f, &ip),
				"RuleID mode refuses nothing");
	}
	return restored;
}

Test(iipc, packets_of_others)
{
	const char *data = getenv("DIETVPN_DATA_DIR");
	struct buf *pkt = buf_alloc(BUF_MAX);
	static uint8_t octets[SEED_MAX];
	unsigned n = 0;
	unsigned tries = 0;
	unsigned restored = 0;
	struct dirent *entry;
	char path[4096];
	DIR *dir;

	snprintf(path, sizeof path, "%s/seeds/inner-ip", data ? data : "");
	dir = data && *data ? opendir(path) : NULL;
	if (!dir) {
		buf_free(pkt);
		printf("iipc: packets of others skipped: no seeds/inner-ip in DIETVPN_DATA_DIR\n");
		cr_skip_test("DIETVPN_DATA_DIR has no seeds/inner-ip");
	}
	while ((entry = readdir(dir))) {
		FILE *file;
		unsigned good;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/seeds/inner-ip/%s", data, entry->d_name);
		file = fopen(path, "rb");
		cr_assert_not_null(file, "%s", path);
		good = try_seed(octets, fread(octets, 1, sizeof octets, file), pkt);
		fclose(file);
		n++;
		restored += good;
		tries += good ? 12 : 0;
	}
	closedir(dir);
	printf("iipc: %u packets of others, %u of %u tries restored\n", n, restored, tries);
	cr_assert(n > 100 && restored > n);
	buf_free(pkt);
}
