/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers behind a gap, and what forged packets can cost; SAs that an address alone finds. */
#include "crypto/secret.h"
#include "fakes/pair.h"
#include "ip/addr.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { FORGED = 1000, BUCKET = 64 };

static struct pair pair;

static void set_up(void)
{
	cr_assert_eq(crypto_init(), 0);
	cr_assert_eq(pair_init(&pair, 77), 0);
}

static void tear_down(void)
{
	pair_fini(&pair);
}

TestSuite(resync, .init = set_up, .fini = tear_down);

/* Every link has inner addresses of its own. */
static struct pair_link link_with(unsigned spi_bits, unsigned sn_bits, const char *suite)
{
	char a[40];
	char b[40];
	struct pair_link link = {.suite = suite};

	snprintf(a, sizeof a, "fd00:a::%x", pair.next_policy);
	snprintf(b, sizeof b, "fd00:b::%x", pair.next_policy);
	link.ts_a = pair_ts(a, a, 17, 5683, 5683);
	link.ts_b = pair_ts(b, b, 17, 5683, 5683);
	cr_assert(diet_attrs_preset("iot", &link.attrs));
	link.attrs.esp_spi_lsb = (uint8_t)spi_bits;
	link.attrs.esp_sn_lsb = (uint8_t)sn_bits;
	link.attrs.window = sn_bits && sn_bits < 8 ? 1u << (sn_bits - 1) : 64;
	link.window = link.attrs.window;
	return link;
}

/* Out of a, with all headers as b would see them; not yet given to b. */
static void send_one(const struct pair_link *link)
{
	uint8_t packet[PAIR_ROOM];
	size_t len = pair_packet(
		&pair.random, &link->ts_a, &link->ts_b, pair_below(&pair.random, 300), packet);

	pair_put(&pair, 0, packet, len);
	pair_out(&pair, true, 1);
	cr_assert_eq(pair.batch.items[0].drop, DROP_NONE);
	pair_wire(&pair);
}

static enum drop receive(void)
{
	pair_in(&pair, true);
	return pair.batch.items[0].drop;
}

static void lose(const struct pair_link *link, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		send_one(link);
}

/* The packet behind a burst of n losses; a second later, so that every burst finds a full bucket.
 */
static enum drop behind(const struct pair_link *link, unsigned n)
{
	pair.now_ms += 1100;
	lose(link, n);
	send_one(link);
	return receive();
}

/* All that can be found is, and one loss more is not; the SA then lives on with its next numbers.
 */
static void bursts(unsigned spi_bits, unsigned sn_bits, unsigned longest)
{
	static const char *const suites[] = {
		"aes-ccm-8-iiv", "aes-gcm-16", "chacha20-poly1305-iiv", "chacha20-poly1305"};

	for (size_t k = 0; k < sizeof suites / sizeof *suites; k++) {
		struct pair_link link = link_with(spi_bits, sn_bits, suites[k]);
		uint32_t found = 0;

		cr_assert_eq(pair_connect(&pair, &link), 0);
		cr_assert_eq(behind(&link, 0), DROP_NONE);
		for (unsigned n = 0; n <= longest; n++) {
			uint64_t highest = link.b_in->replay.highest;

			cr_assert_eq(behind(&link, n), DROP_NONE, "%s n=%u: burst of %u", suites[k],
				sn_bits, n);
			cr_assert_eq(link.b_in->replay.highest, highest + n + 1);
			found = link.b_in->counters.resyncs;
		}
		cr_expect_gt(found, 0);
		cr_expect(link.b_in->notices & SA_NOTICE_RESYNC);
		cr_assert_neq(behind(&link, longest + 1), DROP_NONE);
		cr_expect_eq(link.b_in->counters.resyncs, found);
	}
}

Test(resync, bursts_without_low_bits)
{
	bursts(8, 0, 32);
}

/* Window 8: 8 numbers ahead are meant by the bits, and 16 more by the one try. */
Test(resync, bursts_of_4_bits)
{
	bursts(4, 4, 8 + 16 - 1);
}

Test(resync, bursts_of_8_bits)
{
	bursts(8, 8, 256 - 64 + 256 - 1);
}

/* Whatever the gap, it is crossed within about one packet per range of the low bits. */
static void silence(unsigned spi_bits, unsigned sn_bits, uint64_t gap)
{
	struct pair_link link = link_with(spi_bits, sn_bits, "aes-ccm-8-iiv");
	uint64_t packets = 0; /* in vain; meanwhile the gap grows, too */

	cr_assert_eq(pair_connect(&pair, &link), 0);
	cr_assert_eq(behind(&link, 0), DROP_NONE);
	link.a_out->sequence += gap;
	while (behind(&link, 0) != DROP_NONE)
		cr_assert_lt(packets++, 2 * (gap >> sn_bits) + 3, "n=%u gap=%lu", sn_bits, gap);
	cr_expect_eq(link.b_in->replay.highest, link.a_out->sequence);
	cr_expect_leq(link.b_in->counters.resyncs, 1);
	cr_expect_eq(behind(&link, 0), DROP_NONE);
	cr_expect_leq(link.b_in->counters.resyncs, 1);
}

Test(resync, long_silence)
{
	static const uint64_t gaps[] = {447, 448, 449, 700, 1951, 20000, 1000000};

	for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++) {
		silence(8, 8, gaps[i]);
		silence(16, 16, gaps[i]);
	}
	silence(4, 4, 300);
	silence(4, 4, 30000);
}

/* With more bits, nothing is copied before a failure: one packet more is lost. */
Test(resync, second_packet_of_16_bits)
{
	struct pair_link link = link_with(16, 16, "aes-ccm-8-iiv");

	cr_assert_eq(pair_connect(&pair, &link), 0);
	cr_assert_eq(behind(&link, 0), DROP_NONE);
	link.a_out->sequence += 70000;
	cr_expect_eq(behind(&link, 0), DROP_ICV);
	cr_expect_eq(behind(&link, 0), DROP_NONE);
	cr_expect_eq(link.b_in->replay.highest, link.a_out->sequence);
	cr_expect_eq(link.b_in->counters.resyncs, 1);
}

/* The window stays where it was, and the reason is the one of the first number. */
Test(resync, replays_stay_replays)
{
	struct pair_link link = link_with(8, 8, "chacha20-poly1305-iiv");
	uint8_t wire[PAIR_ROOM];
	struct outer outer;
	size_t len;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	cr_assert_eq(behind(&link, 3), DROP_NONE);
	send_one(&link);
	outer = pair.batch.items[0].outer;
	len = pair.pkts[0]->len;
	memcpy(wire, pair.pkts[0]->data, len);
	cr_assert_eq(receive(), DROP_NONE);
	for (unsigned i = 0; i < 200; i++) {
		pair_put(&pair, 0, wire, len);
		pair.batch.items[0].outer = outer;
		cr_assert_eq(receive(), DROP_REPLAY_SEEN);
	}
	cr_expect_eq(link.b_in->replay.highest, 5);
	cr_expect_eq(link.b_in->counters.replays, 200);
	cr_expect_eq(link.b_in->counters.resyncs, 0);
}

/* How many tries are left; takes them all. */
static unsigned drain(struct sa *sa)
{
	unsigned n = 0;

	while (sa_take_try(sa, pair.now_ms))
		n++;
	return n;
}

static void forge(const struct pair_link *link, bool from_peer)
{
	struct batch_item *item = &pair.batch.items[0];
	uint8_t octets[64];

	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = (uint8_t)pair_below(&pair.random, 256);
	octets[0] = (uint8_t)link->b_in->spi;
	send_one(link);
	pair_put(&pair, 0, octets, 20 + pair_below(&pair.random, 40));
	if (!from_peer)
		item->outer.remote.addr.bytes[15] ^= 1;
	cr_assert_neq(receive(), DROP_NONE);
}

/* From elsewhere they cost no try at all, from the peer's place at most the bucket. */
Test(resync, forged_packets_cost_the_bucket)
{
	for (unsigned bits = 0; bits <= 8; bits += 8) {
		struct pair_link link = link_with(8, bits, "aes-ccm-8-iiv");
		struct sa *sa;

		pair.now_ms += 5000;
		cr_assert_eq(pair_connect(&pair, &link), 0);
		sa = link.b_in;
		for (unsigned i = 0; i < FORGED; i++)
			forge(&link, false);
		cr_expect_eq(drain(sa), BUCKET, "n=%u", bits);
		cr_expect_eq(sa->counters.icv_failures + sa->counters.other_drops, FORGED);
		pair.now_ms += 5000;
		for (unsigned i = 0; i < FORGED; i++)
			forge(&link, true);
		cr_expect_eq(drain(sa), 0);
		cr_expect_eq(sa->replay.highest, 0);
		cr_expect_eq(sa->counters.resyncs, 0);
		cr_expect_eq(link.policy_b->path->moved, 0);
		/* An empty bucket stops the looking ahead, not the next number. */
		sa->replay.highest = link.a_out->sequence;
		send_one(&link);
		cr_expect_eq(receive(), DROP_NONE);
	}
}

/* A crash skips at most two blocks of reserved numbers. */
Test(resync, crash_without_low_bits)
{
	struct pair_link link = link_with(8, 0, "aes-ccm-8-iiv");

	cr_assert_eq(pair_connect(&pair, &link), 0);
	for (unsigned life = 0; life < 50; life++) {
		cr_assert_eq(behind(&link, 0), DROP_NONE);
		sa_resume(link.a_out,
			link.a_out->sequence + 2 * sa_reservation_block(link.a_out, UINT32_MAX));
	}
	cr_expect_eq(behind(&link, 0), DROP_NONE);
}

/* --- nothing of the SPI on the wire ----------------------------------------------------------- */

static struct pair_link sourced(bool v4_outside)
{
	struct pair_link link = link_with(0, 0, "aes-ccm-8-iiv");

	link.encap = SA_ENCAP_ESP;
	link.v4_outside = v4_outside;
	return link;
}

Test(resync, eight_octets_more_than_the_payload)
{
	for (unsigned v4 = 0; v4 < 2; v4++) {
		struct pair_link link = sourced(v4);
		uint8_t packet[PAIR_ROOM];

		cr_assert_eq(pair_connect(&pair, &link), 0);
		for (size_t payload = 0; payload < 1200; payload += 1 + payload / 3) {
			size_t len =
				pair_packet(&pair.random, &link.ts_a, &link.ts_b, payload, packet);

			pair_put(&pair, 0, packet, len);
			pair_out(&pair, true, 1);
			cr_assert_eq(pair.batch.items[0].drop, DROP_NONE);
			cr_assert_eq(pair.pkts[0]->len, payload + 8);
			pair_wire(&pair);
			cr_assert_eq(receive(), DROP_NONE);
			cr_assert_eq(pair.pkts[0]->len, len);
			/* but for the flow label, which is generated, and the hop limit from
			 * outside */
			cr_assert_arr_eq(pair.pkts[0]->data + 8, packet + 8, len - 8);
			cr_assert_eq(pair.batch.items[0].sa, link.b_in);
		}
		cr_expect_eq(link.policy_b->path->pinned, 1);
	}
}

/* Its packets from elsewhere mean nobody, others' packets from there are its own. */
Test(resync, address_decides)
{
	struct pair_link link = sourced(false);
	struct pair_link other;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	other = link_with(16, 16, "aes-ccm-8-iiv");
	other.encap = SA_ENCAP_ESP;
	other.v4_outside = true;
	cr_assert_eq(pair_connect(&pair, &other), 0);
	send_one(&link);
	pair.batch.items[0].outer.remote.addr.bytes[15] ^= 8;
	cr_expect_eq(receive(), DROP_UNKNOWN_SPI);
	send_one(&link);
	pair.batch.items[0].encap = SA_ENCAP_UDP;
	cr_expect_eq(receive(), DROP_UNKNOWN_SPI);
	send_one(&other);
	pair.batch.items[0].outer.remote = link.policy_b->path->remote;
	cr_expect_eq(receive(), DROP_ICV);
	cr_expect_eq(pair.batch.items[0].sa, link.b_in);
	send_one(&other);
	cr_expect_eq(receive(), DROP_NONE);
	cr_expect_eq(pair.batch.items[0].sa, other.b_in);
	cr_expect_eq(behind(&link, 0), DROP_NONE);
}

Test(resync, one_sa_for_one_address)
{
	struct pair_link link = sourced(false);
	struct pair_link same = sourced(false);
	struct pair_link with_spi = link_with(8, 8, "aes-ccm-8-iiv");
	struct pair_link udp = link_with(0, 8, "aes-ccm-8-iiv");

	with_spi.encap = SA_ENCAP_ESP;
	cr_assert_eq(pair_connect(&pair, &link), 0);
	cr_expect_eq(pair_connect(&pair, &same), -EADDRINUSE);
	cr_expect_eq(pair_connect(&pair, &with_spi), -EADDRINUSE);
	cr_expect_eq(pair_connect(&pair, &udp), -EINVAL);
	ipsec_sa_remove(&pair.b, link.b_in);
	ipsec_sa_remove(&pair.b, link.b_out);
	ipsec_sa_remove(&pair.a, link.a_in);
	ipsec_sa_remove(&pair.a, link.a_out);
	with_spi.policy = 0;
	cr_assert_eq(pair_connect(&pair, &with_spi), 0);
	same.policy = 0;
	cr_expect_eq(pair_connect(&pair, &same), -EADDRINUSE, "found by its SPI, from there");
	ipsec_sa_remove(&pair.b, with_spi.b_in);
	ipsec_sa_remove(&pair.a, with_spi.a_in);
	same.policy = 0;
	cr_expect_eq(pair_connect(&pair, &same), 0);
}

/* Found and gone again, also where the path leads elsewhere meanwhile; SPIs of others stay. */
Test(resync, many_addresses)
{
	enum { N = 500 };
	static struct sa *sas[N];
	struct pair_link link = sourced(false);
	struct sa_params params = {.dir = SA_IN,
		.encap = SA_ENCAP_ESP,
		.spi = 0x1000,
		.encr = ENCR_AES_CCM_8_IIV,
		.keymat_len = 19,
		.n_ts_local = 1,
		.n_ts_remote = 1};

	cr_assert_eq(pair_connect(&pair, &link), 0);
	params.policy = link.policy;
	params.ts_local[0] = link.ts_b;
	params.ts_remote[0] = link.ts_a;
	cr_expect_eq(ipsec_sa_install(&pair.b, &params, &link.attrs, 0, &sas[0]), -EADDRINUSE,
		"the policy's path has this address");
	for (unsigned i = 0; i < N; i++) {
		char text[40];

		snprintf(text, sizeof text, "2001:db8:%x::%x", i % 7, i);
		ip_addr_parse(text, &params.remote.addr);
		cr_assert_eq(ipsec_sa_install(&pair.b, &params, &link.attrs, 0, &sas[i]), 0);
		cr_assert_eq(sad_find_source(pair.b.sad, &params.remote.addr), sas[i]);
	}
	cr_expect_eq(sad_find_source(pair.b.sad, &params.remote.addr), sas[N - 1]);
	for (unsigned i = 0; i < N; i++)
		ipsec_sa_remove(&pair.b, sas[i]);
	cr_expect_null(sad_find_source(pair.b.sad, &params.remote.addr));
	cr_expect_eq(sad_count(pair.b.sad), 2);
}
