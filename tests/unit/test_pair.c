/* SPDX-License-Identifier: Apache-2.0 */
/* Both ways together: what goes in at one end comes out at the other, and nothing else ever does.
 */
#include "fakes/pair.h"

#include "base/wire.h"
#include "crypto/secret.h"
#include "ip/checksum.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IPV6_HOP_LIMIT = 7, IPV4_TTL = 8, WIRE_MAX = 3000 };

static struct pair pair;
static uint8_t packet[PAIR_ROOM];

static void set_up(void)
{
	cr_assert_eq(crypto_init(), 0);
	cr_assert_eq(pair_init(&pair, 77), 0);
}

static void tear_down(void)
{
	pair_fini(&pair);
}

TestSuite(pair, .init = set_up, .fini = tear_down);

/* Selectors of every shape: a host, a prefix, a range that is no prefix. */
static struct ts draw_ts(uint8_t family, uint8_t proto, uint32_t site)
{
	static const char *const ends[2][3] = {{"fd00:%x::1", "fd00:%x::ffff", "fd00:%x::6:5"},
		{"10.%u.0.1", "10.%u.0.255", "10.%u.3.7"}};
	uint16_t low = proto == 17 || proto == 6 ? (uint16_t)pair_below(&pair.random, 60000) : 0;
	char start[64];
	char end[64];

	snprintf(start, sizeof(start), family == 6 ? "fd00:%x::1" : "10.%u.0.1", site);
	snprintf(end, sizeof(end), ends[family == 4][pair_below(&pair.random, 3)], site);
	if (low == 0 || pair_below(&pair.random, 3) == 0)
		return pair_ts(start, end, proto, 0, 65535);
	return pair_ts(start, end, proto, low, (uint16_t)(low + pair_below(&pair.random, 300)));
}

static uint8_t below(uint32_t n)
{
	return (uint8_t)pair_below(&pair.random, n);
}

/* Any attributes that the check lets through. */
static struct diet_attrs draw_attrs(void)
{
	static const uint8_t lsbs[][2] = {{8, 8}, {16, 16}, {32, 32}, {8, 16}, {12, 12}, {24, 8},
		{32, 16}, {16, 8}, {10, 14}};
	const uint8_t *lsb = lsbs[below(9)];
	struct diet_attrs attrs = diet_attrs_plain();

	attrs.iipc = below(8) != 0;
	attrs.dscp_cda = below(3);
	attrs.n_dscp = DIET_DSCP_MAX; /* all values, so that every packet fits */
	for (unsigned i = 0; i < DIET_DSCP_MAX; i++)
		attrs.dscp_list[i] = (uint8_t)(i ^ 21);
	attrs.ecn_cda = below(2);
	attrs.flow_label_cda = below(2) ? FLOW_LABEL_LOWER : FLOW_LABEL_NOT_COMPRESSED;
	attrs.alignment = below(4);
	attrs.esp_trailer = below(2);
	attrs.hop_limit_cda = below(2);
	attrs.esp_spi_lsb = lsb[0];
	attrs.esp_sn_lsb = lsb[1];
	attrs.rule_id = below(3) == 0;
	attrs.window = 64;
	return attrs;
}

static const char *draw_suite(void)
{
	size_t n = 0;

	while (aead_suite_at(n))
		n++;
	return aead_suite_at(pair_below(&pair.random, (uint32_t)n))->name;
}

static bool connect_any(struct pair_link *link, uint32_t site)
{
	static const uint8_t protos4[] = {0, 17, 6, 1}, protos6[] = {0, 17, 6, 58};
	uint8_t family = below(2) ? 4 : 6;
	uint8_t proto = family == 4 ? protos4[below(4)] : protos6[below(4)];

	*link = (struct pair_link){.suite = draw_suite(),
		.attrs = draw_attrs(),
		.ts_a = draw_ts(family, proto, 2 * site),
		.ts_b = draw_ts(family, proto, 2 * site + 1),
		.esn = below(2),
		.encap = below(2) ? SA_ENCAP_UDP : SA_ENCAP_ESP,
		.window = 64};
	/* The flow label and the Identification are only kept by an outer header of that family. */
	link->v4_outside = family == 4;
	return diet_attrs_check(&link->attrs) == NULL && pair_connect(&pair, link) == 0;
}

static void expect_same(const struct batch_item *item, const uint8_t *want, size_t len,
	const struct pair_link *link)
{
	cr_assert_eq(item->drop, DROP_NONE, "%s under %s", drop_name(item->drop), link->suite);
	cr_assert_eq(item->pkt->len, len);
	cr_assert_arr_eq(item->pkt->data, want, len);
}

/*
 * Thousands of links with random rules, suites, selectors; each carries batches both ways, with an
 * iipc switched off the packet takes RFC 4303's plain way through the same code.
 */
Test(pair, identity)
{
	static uint8_t sent[BATCH_MAX][PAIR_ROOM];
	size_t lens[BATCH_MAX];
	size_t carried = 0;
	size_t compressed = 0;

	for (uint32_t site = 0; site < 120; site++) {
		struct pair_link link;

		if (!connect_any(&link, site))
			continue;
		for (int round = 0; round < 6; round++) {
			bool from_a = round % 2;
			const struct ts *src = from_a ? &link.ts_a : &link.ts_b;
			const struct ts *dst = from_a ? &link.ts_b : &link.ts_a;
			size_t n = 1 + below(BATCH_MAX);

			for (size_t i = 0; i < n; i++) {
				size_t payload = pair_below(&pair.random, i % 8 ? 80 : 1500);

				lens[i] = pair_packet(&pair.random, src, dst, payload, sent[i]);
				pair_put(&pair, i, sent[i], lens[i]);
			}
			pair_out(&pair, from_a, n);
			for (size_t i = 0; i < n; i++) {
				cr_assert_eq(pair.batch.items[i].drop, DROP_NONE, "%s",
					drop_name(pair.batch.items[i].drop));
				compressed += pair.pkts[i]->len < lens[i];
			}
			pair_wire(&pair);
			pair_in(&pair, from_a);
			for (size_t i = 0; i < n; i++) {
				expect_same(&pair.batch.items[i], sent[i], lens[i], &link);
				cr_assert_eq(pair.batch.items[i].tunnel,
					from_a ? PAIR_TUNNEL_B : PAIR_TUNNEL_A);
				cr_assert_eq(
					pair.batch.items[i].sa, from_a ? link.b_in : link.a_in);
			}
			carried += n;
		}
		cr_assert_eq(link.b_in->counters.packets, link.a_out->counters.packets);
		cr_assert_eq(link.b_in->counters.inner_bytes, link.a_out->counters.inner_bytes);
		cr_assert_eq(link.b_in->counters.wire_bytes, link.a_out->counters.wire_bytes);
	}
	printf("identity packets=%zu shorter_than_inside=%zu\n", carried, compressed);
	cr_expect_gt(carried, 10000);
	cr_expect_gt(compressed, 500);
	cr_expect_eq(pair.a.audits + pair.b.audits, 0);
}

static struct pair_link iot_link(const char *suite)
{
	struct pair_link link = {.suite = suite,
		.ts_a = pair_ts("fd00:a::1", "fd00:a::1", 17, 5683, 5683),
		.ts_b = pair_ts("fd00:b::1", "fd00:b::1", 17, 5683, 5690)};

	cr_assert(diet_attrs_preset("iot", &link.attrs));
	link.attrs.flow_label_cda = FLOW_LABEL_LOWER; /* "generated" is another one than before */
	return link;
}

struct datagram {
	uint8_t data[WIRE_MAX];
	size_t len;
	struct outer outer;
};

/* One sealed packet of link from a, as b would receive it. */
static struct datagram capture(struct pair_link *link, size_t payload)
{
	struct datagram d = {.len = 0};
	size_t len = pair_packet(&pair.random, &link->ts_a, &link->ts_b, payload, packet);

	pair_put(&pair, 0, packet, len);
	pair_out(&pair, true, 1);
	cr_assert_eq(pair.batch.items[0].drop, DROP_NONE);
	cr_assert_eq(pair.batch.items[0].sa, link->a_out);
	pair_wire(&pair);
	d.len = pair.pkts[0]->len;
	memcpy(d.data, pair.pkts[0]->data, d.len);
	d.outer = pair.batch.items[0].outer;
	return d;
}

static enum drop receive(const struct pair_link *link, const struct datagram *d)
{
	pair.batch = (struct batch){.n = 1};
	pair.batch.items[0].pkt = pair.pkts[0];
	pair.batch.items[0].outer = d->outer;
	pair.batch.items[0].encap = link->encap;
	pair_put(&pair, 0, d->data, d->len);
	pair_in(&pair, true);
	return pair.batch.items[0].drop;
}

/* What a forger must not be able to move. */
struct witness {
	struct path path;
	struct sa_counters counters;
	struct replay replay;
	uint64_t bits[64];
};

static struct witness look(const struct pair_link *link)
{
	struct witness w = {.path = *link->policy_b->path,
		.counters = link->b_in->counters,
		.replay = link->b_in->replay};

	memcpy(w.bits, w.replay.bits, w.replay.words * sizeof(uint64_t));
	w.counters.replays = w.counters.icv_failures = w.counters.other_drops = 0;
	return w;
}

static void expect_unmoved(const struct pair_link *link, const struct witness *before)
{
	struct witness now = look(link);

	cr_assert_arr_eq(&now.path, &before->path, sizeof(now.path));
	cr_assert_arr_eq(&now.counters, &before->counters, sizeof(now.counters));
	cr_assert_eq(now.replay.highest, before->replay.highest);
	cr_assert_arr_eq(now.bits, before->bits, sizeof(now.bits));
	cr_assert_not(pair.batch.items[0].moved);
}

static void refuse(const struct pair_link *link, const struct datagram *d,
	const struct witness *before, const char *what)
{
	enum drop drop = receive(link, d);

	cr_assert_neq(drop, DROP_NONE, "%s came through", what);
	cr_assert(drop == DROP_ICV || drop == DROP_UNKNOWN_SPI || drop == DROP_SEQ_RESTORE ||
			  drop == DROP_REPLAY_OLD || drop == DROP_REPLAY_SEEN ||
			  drop == DROP_ESP_SHORT,
		"%s: %s", what, drop_name(drop));
	expect_unmoved(link, before);
}

static void forge(struct pair_link *link, size_t payload)
{
	struct datagram good = capture(link, payload);
	struct witness before = look(link);
	struct datagram bad;

	good.outer.remote.port ^= 1; /* from another place, too */
	for (size_t bit = 0; bit < good.len * 8; bit++) {
		bad = good;
		bad.data[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		refuse(link, &bad, &before, "a flipped bit");
	}
	for (size_t len = 0; len < good.len; len++) {
		bad = good;
		bad.len = len;
		refuse(link, &bad, &before, "a truncated packet");
	}
	for (size_t more = 1; more <= 64; more++) {
		bad = good;
		memset(bad.data + bad.len, (int)more, more);
		bad.len += more;
		refuse(link, &bad, &before, "an extended packet");
	}
	for (int i = 0; i < 200; i++) {
		bad = good;
		for (size_t k = link->b_in->diet.header_len; k < bad.len; k++)
			bad.data[k] = below(256);
		refuse(link, &bad, &before, "a random body");
	}
	good.outer.remote.port ^= 1;
	cr_assert_eq(receive(link, &good), DROP_NONE, "the good one, last");
	before = look(link);
	refuse(link, &good, &before, "a replay");
	cr_assert_eq(pair.batch.items[0].drop, DROP_REPLAY_SEEN);
}

Test(pair, forged_packets_move_nothing)
{
	const struct aead_suite *suite;

	for (size_t i = 0; (suite = aead_suite_at(i)); i++) {
		struct pair_link link = iot_link(suite->name);
		struct pair_link plain = link;

		plain.attrs = diet_attrs_plain();
		link.ts_a.addr_start.bytes[15] = link.ts_a.addr_end.bytes[15] = (uint8_t)(2 * i);
		plain.ts_a.addr_start.bytes[15] = plain.ts_a.addr_end.bytes[15] =
			(uint8_t)(2 * i + 1);
		cr_assert_eq(pair_connect(&pair, &link), 0);
		cr_assert_eq(pair_connect(&pair, &plain), 0);
		for (size_t payload = 0; payload < 60; payload += 29) {
			forge(&link, payload);
			forge(&plain, payload);
		}
	}
	cr_expect_gt(pair.b.audits, 10000);
}

/* Any order within the window is accepted once; what fell out of it is not. */
Test(pair, reordered)
{
	enum { N = 200, WINDOW = 64 };
	static struct datagram sent[N];
	struct pair_link link = iot_link("chacha20-poly1305-iiv");
	size_t good = 0;

	link.attrs.esp_sn_lsb = link.attrs.esp_spi_lsb = 16;
	link.window = WINDOW;
	cr_assert_eq(pair_connect(&pair, &link), 0);
	for (size_t i = 0; i < N; i++)
		sent[i] = capture(&link, 10);
	for (size_t i = 0; i + WINDOW <= N; i += WINDOW) {
		for (size_t k = WINDOW; k-- > 0;)
			good += receive(&link, &sent[i + k]) == DROP_NONE;
		for (size_t k = 0; k < WINDOW; k++)
			cr_assert_eq(receive(&link, &sent[i + k]), DROP_REPLAY_SEEN);
	}
	cr_expect_eq(good, N / WINDOW * WINDOW);
	cr_expect_eq(receive(&link, &sent[N - 1]), DROP_NONE);
	/* One left of the window is taken for one of the next turn of its low bits. */
	cr_expect_eq(receive(&link, &sent[0]), DROP_ICV);
}

static void set_sequence(struct pair_link *link, uint64_t last)
{
	link->a_out->sequence = last;
	replay_restore(&link->b_in->replay, last);
}

Test(pair, first_and_last_number)
{
	struct pair_link link = iot_link("aes-gcm-16");
	struct datagram d;

	link.attrs = diet_attrs_plain();
	cr_assert_eq(pair_connect(&pair, &link), 0);
	d = capture(&link, 8);
	cr_expect_eq(get_be32(d.data + 4), 1);
	cr_expect_eq(receive(&link, &d), DROP_NONE);
	set_sequence(&link, UINT32_MAX - 1);
	d = capture(&link, 8);
	cr_expect_eq(get_be32(d.data + 4), UINT32_MAX);
	cr_expect_eq(receive(&link, &d), DROP_NONE);
	pair_put(&pair, 0, packet, pair_packet(&pair.random, &link.ts_a, &link.ts_b, 8, packet));
	pair_out(&pair, true, 1);
	cr_expect_eq(pair.batch.items[0].drop, DROP_SEQ_OVERFLOW);
}

/* Over the borders of 8, 16, 32 bits, with losses of up to what the low bits can bridge. */
Test(pair, numbers_wrap_on_the_wire)
{
	static const uint8_t bits[] = {8, 16, 32};

	for (size_t b = 0; b < 3; b++) {
		struct pair_link link = iot_link("aes-ccm-8-iiv");
		uint64_t jump = (b == 2 ? 1ull << 20 : 1ull << bits[b]) - 64;

		link.esn = true;
		link.window = 64;
		link.attrs.window = 64;
		link.attrs.esp_sn_lsb = bits[b];
		link.attrs.esp_spi_lsb = b == 0 ? 8 : b == 1 ? 16 : 32;
		link.ts_a.addr_start.bytes[14] = link.ts_a.addr_end.bytes[14] = (uint8_t)(b + 1);
		cr_assert_eq(pair_connect(&pair, &link), 0);
		set_sequence(&link, (1ull << 32) - 40);
		for (int i = 0; i < 100; i++) {
			struct datagram d;

			link.a_out->sequence +=
				i % 10 ? 0 : pair_below(&pair.random, (uint32_t)jump - 1);
			d = capture(&link, 5);
			cr_assert_eq(receive(&link, &d), DROP_NONE);
			cr_assert_eq(link.b_in->replay.highest, link.a_out->sequence);
		}
		cr_expect_gt(link.a_out->sequence, 1ull << 32);
	}
}

/* RFC 6040 figure 4: rows inner, columns outer, each Not-ECT, ECT(1), ECT(0), CE as numbered. */
Test(pair, ecn)
{
	static const int after[4][4] = {{0, 0, 0, -1}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};
	struct pair_link links[2] = {iot_link("chacha20-poly1305"), iot_link("chacha20-poly1305")};

	links[0].attrs = links[1].attrs = diet_attrs_plain();
	links[1].ts_a = pair_ts("10.1.0.1", "10.1.0.9", 0, 0, 65535);
	links[1].ts_b = pair_ts("10.2.0.1", "10.2.0.9", 0, 0, 65535);
	for (int six = 1; six >= 0; six--) {
		struct pair_link *link = &links[!six];

		cr_assert_eq(pair_connect(&pair, link), 0);
		for (int inner = 0; inner < 4; inner++)
			for (int outer = 0; outer < 4; outer++) {
				struct datagram d;
				enum drop drop;

				do
					d = capture(link, 12);
				while ((six ? packet[1] >> 4 & 3 : packet[1] & 3) != inner);
				cr_assert_eq(d.outer.traffic_class & 3, inner);
				d.outer.traffic_class = (uint8_t)outer;
				drop = receive(link, &d);
				if (after[inner][outer] < 0) {
					cr_assert_eq(drop, DROP_ECN);
					continue;
				}
				cr_assert_eq(drop, DROP_NONE);
				if (six)
					packet[1] = (uint8_t)((packet[1] & 0xcf) |
							      after[inner][outer] << 4);
				else
					packet[1] =
						(uint8_t)((packet[1] & 0xfc) | after[inner][outer]);
				if (!six)
					put_be16(packet + 10, checksum_ipv4_header(packet, 20));
				cr_assert_arr_eq(pair.pkts[0]->data, packet, pair.pkts[0]->len);
			}
	}
}

/* Each end thinks for itself: the peer's selectors are wider, ours decide. */
Test(pair, edges_of_the_selectors)
{
	struct pair_link link = iot_link("chacha20-poly1305");
	static struct ts narrow[2];
	struct ts *in_dst = &narrow[0];
	struct ts *in_src = &narrow[1];
	struct ts sent_src = pair_ts("fd00:a::10", "fd00:a::20", 17, 100, 200);
	struct ts sent_dst = pair_ts("fd00:b::10", "fd00:b::20", 17, 300, 400);
	size_t passed = 0;

	link.attrs = diet_attrs_plain();
	link.ts_a = sent_src;
	link.ts_b = sent_dst;
	cr_assert_eq(pair_connect(&pair, &link), 0);
	memcpy(narrow, link.b_in->ts, sizeof narrow);
	sa_lend_selectors(link.b_in, narrow);
	in_src->addr_start.bytes[15] = 0x12;
	in_src->addr_end.bytes[15] = 0x1e;
	in_dst->addr_start.bytes[15] = 0x11;
	in_dst->addr_end.bytes[15] = 0x1f;
	in_src->port_start = 110;
	in_dst->port_end = 390;
	for (int i = 0; i < 3000; i++) {
		struct datagram d = capture(&link, 4);
		bool inside = packet[23] >= 0x12 && packet[23] <= 0x1e && packet[39] >= 0x11 &&
			      packet[39] <= 0x1f && get_be16(packet + 40) >= 110 &&
			      get_be16(packet + 42) <= 390;

		inside = inside && memcmp(packet + 8, in_src->addr_start.bytes, 15) == 0 &&
			 memcmp(packet + 24, in_dst->addr_start.bytes, 15) == 0;
		cr_assert_eq(receive(&link, &d), inside ? DROP_NONE : DROP_POLICY_MISMATCH);
		passed += inside;
	}
	cr_expect(passed > 500 && passed < 2900, "%zu", passed);
	cr_expect_eq(pair.b.audits, 3000 - passed);
}

/* Many SAs, batches that mix them all. */
static void mixed(size_t n_links, int rounds)
{
	struct pair_link *links = calloc(n_links, sizeof(*links));
	static uint8_t sent[BATCH_MAX][PAIR_ROOM];
	struct sa *want[BATCH_MAX];
	size_t lens[BATCH_MAX];
	static const char *const suites[] = {
		"aes-gcm-16", "aes-ccm-8-iiv", "chacha20-poly1305-iiv"};

	for (size_t i = 0; i < n_links; i++) {
		char text[64];

		links[i] = iot_link(suites[i % 3]);
		links[i].attrs.esp_spi_lsb = i < 60 ? 8 : 24;
		links[i].attrs.esp_sn_lsb = 8;
		links[i].attrs.window = 64;
		snprintf(text, sizeof(text), "fd00:c::%zx:%zx", i >> 8, i & 255);
		links[i].ts_b = pair_ts(text, text, 17, 5683, 5690);
		cr_assert_eq(pair_connect(&pair, &links[i]), 0, "%zu", i);
	}
	for (int round = 0; round < rounds; round++) {
		for (size_t i = 0; i < BATCH_MAX; i++) {
			struct pair_link *link =
				&links[pair_below(&pair.random, (uint32_t)n_links)];

			want[i] = link->b_in;
			lens[i] = pair_packet(&pair.random, &link->ts_a, &link->ts_b, i, sent[i]);
			pair_put(&pair, i, sent[i], lens[i]);
		}
		pair_out(&pair, true, BATCH_MAX);
		pair_wire(&pair);
		cr_assert_eq(pair.batch.n, BATCH_MAX);
		pair_in(&pair, true);
		for (size_t i = 0; i < BATCH_MAX; i++) {
			cr_assert_eq(pair.batch.items[i].sa, want[i]);
			cr_assert_eq(pair.batch.items[i].drop, DROP_NONE);
			cr_assert_eq(pair.pkts[i]->len, lens[i]);
			cr_assert_arr_eq(pair.pkts[i]->data, sent[i], lens[i]);
		}
	}
	free(links);
}

Test(pair, ten_sas)
{
	mixed(10, 200);
}

Test(pair, ten_thousand_sas)
{
	mixed(10000, 400);
	cr_expect_gt(aead_pool_misses(pair.a.aead), 0);
}

/* A drop in the middle of a batch leaves its neighbours alone and in order. */
Test(pair, drops_among_good_packets)
{
	struct pair_link link = iot_link("aes-ccm-8-iiv");
	static uint8_t sent[BATCH_MAX][PAIR_ROOM];
	size_t lens[BATCH_MAX];
	size_t n = 0;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	for (size_t i = 0; i < BATCH_MAX; i++) {
		lens[i] = pair_packet(&pair.random, &link.ts_a, &link.ts_b, i, sent[i]);
		if (i % 3 == 1)
			sent[i][0] = 0;
		pair_put(&pair, i, sent[i], lens[i]);
	}
	pair_out(&pair, true, BATCH_MAX);
	cr_expect_eq(pair.a.drops[DROP_IP_VERSION], 21);
	pair_wire(&pair);
	for (size_t i = 0; i < pair.batch.n; i += 5)
		pair.batch.items[i].pkt->data[pair.batch.items[i].pkt->len - 1] ^= 1;
	pair_in(&pair, true);
	for (size_t i = 0; i < BATCH_MAX; i++) {
		const struct batch_item *item = &pair.batch.items[n];

		if (i % 3 == 1)
			continue;
		cr_assert_eq(item->drop, n % 5 ? DROP_NONE : DROP_ICV);
		if (n++ % 5) {
			cr_assert_eq(item->pkt->len, lens[i]);
			cr_assert_arr_eq(item->pkt->data, sent[i], lens[i]);
		}
	}
	cr_expect_eq(pair.b.drops[DROP_ICV], 9);
	cr_expect_eq(pair.b.drops[DROP_NONE], 34);
}
