/* SPDX-License-Identifier: Apache-2.0 */
/* The way in: what is refused before and after the ICV, ICMP errors, endpoints, lifetimes. */
#include "base/buf.h"
#include "base/wire.h"
#include "crypto/secret.h"
#include "diet/ctec.h"
#include "diet/eec.h"
#include "esp/esp.h"
#include "fakes/pair.h"
#include "ip/addr.h"
#include "ip/checksum.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

enum { WIRE_MAX = 3000, DUMMY = 59 };

static struct pair pair;
static uint8_t packet[PAIR_ROOM];
static size_t packet_len;

static void set_up(void)
{
	cr_assert_eq(crypto_init(), 0);
	cr_assert_eq(pair_init(&pair, 31), 0);
}

static void tear_down(void)
{
	pair_fini(&pair);
}

TestSuite(inbound, .init = set_up, .fini = tear_down);

struct datagram {
	uint8_t data[WIRE_MAX];
	size_t len;
	struct outer outer;
};

static struct pair_link plain_link(void)
{
	struct pair_link link = {.suite = "chacha20-poly1305-iiv",
		.attrs = diet_attrs_plain(),
		.ts_a = pair_ts("fd00:a::", "fd00:a::ff", 0, 0, 65535),
		.ts_b = pair_ts("fd00:b::", "fd00:b::ff", 0, 0, 65535)};

	return link;
}

static struct datagram captured(void)
{
	struct datagram d = {.len = pair.pkts[0]->len, .outer = pair.batch.items[0].outer};

	memcpy(d.data, pair.pkts[0]->data, d.len);
	return d;
}

static struct datagram capture(const struct pair_link *link)
{
	packet_len = pair_packet(&pair.random, &link->ts_a, &link->ts_b, 20, packet);
	pair_put(&pair, 0, packet, packet_len);
	pair_out(&pair, true, 1);
	cr_assert_eq(pair.batch.items[0].drop, DROP_NONE);
	pair_wire(&pair);
	return captured();
}

/* Seals any plaintext as a's next packet: a peer that has the key and does what it likes. */
static struct datagram seal(struct pair_link *link, const uint8_t *plain, size_t len)
{
	struct buf *pkt = pair.pkts[0];

	buf_set(pkt, plain, len);
	cr_assert_eq(sa_take_sequence(link->a_out, pair.now_ms), DROP_NONE);
	cr_assert_eq(esp_seal(link->a_out, pkt), DROP_NONE);
	cr_assert_eq(eec_compress(&link->a_out->diet, link->a_out->sequence, pkt), DROP_NONE);
	pair.batch.items[0].outer = (struct outer){
		.local = link->policy_b->path->local, .remote = link->policy_b->path->remote};
	return captured();
}

static enum drop receive_as(const struct datagram *d, uint8_t encap)
{
	pair.batch = (struct batch){.n = 1};
	pair.batch.items[0].pkt = pair.pkts[0];
	pair.batch.items[0].outer = d->outer;
	pair.batch.items[0].encap = encap;
	pair_put(&pair, 0, d->data, d->len);
	pair_in(&pair, true);
	return pair.batch.items[0].drop;
}

static enum drop receive(const struct datagram *d)
{
	return receive_as(d, SA_ENCAP_UDP);
}

Test(inbound, before_the_icv)
{
	struct pair_link link = plain_link();
	struct datagram good;
	struct datagram bad;
	uint64_t audits;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	good = capture(&link);
	for (size_t len = 0; len < 4; len++) {
		bad = good;
		bad.len = len;
		cr_expect_eq(receive(&bad), DROP_UNKNOWN_SPI);
		cr_expect_null(pair.batch.items[0].sa);
	}
	audits = pair.b.audits;
	cr_expect_eq(audits, 4);
	for (size_t len = 4; len < 8 + 16; len++) {
		bad = good;
		bad.len = len;
		cr_expect_eq(receive(&bad), DROP_ESP_SHORT);
	}
	bad = good;
	put_be32(bad.data, link.b_in->spi ^ 1);
	cr_expect_eq(receive(&bad), DROP_UNKNOWN_SPI);
	bad = good;
	put_be32(bad.data + 4, 0);
	cr_expect_eq(receive(&bad), DROP_REPLAY_OLD);
	cr_expect_eq(receive_as(&good, SA_ENCAP_ESP), DROP_ENCAP);
	put_be32(bad.data + 4, 2);
	cr_expect_eq(receive(&bad), DROP_ICV);
	cr_expect_eq(pair.b.audits, audits + 3);
	link.b_in->dead = 1;
	cr_expect_eq(receive(&good), DROP_SA_STATE);
	link.b_in->dead = 0;
	cr_expect_eq(receive(&good), DROP_NONE);
	cr_expect_eq(pair.b.drops[DROP_UNKNOWN_SPI], 5);
	cr_expect_eq(pair.b.drops[DROP_ESP_SHORT], 20);
	cr_expect_eq(link.b_in->counters.icv_failures, 1);
	cr_expect_eq(link.b_in->counters.replays, 1);
	cr_expect_eq(link.b_in->counters.other_drops, 22);
	cr_expect_eq(link.b_in->counters.packets, 1);
}

Test(inbound, lost_rear_of_a_truncated_number_space)
{
	struct pair_link link = plain_link();
	struct datagram first;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	first = capture(&link);
	cr_expect_eq(receive(&first), DROP_NONE);
	link.a_out->sequence = UINT32_MAX - 5;
	for (int i = 0; i < 5; i++) {
		struct datagram d = capture(&link);

		cr_expect_eq(receive(&d), DROP_NONE);
	}
	cr_expect_eq(receive(&first), DROP_REPLAY_OLD);
	cr_expect_eq(link.b_in->replay.highest, UINT32_MAX);
}

struct plaintext {
	uint8_t data[WIRE_MAX];
	size_t len;
};

/* The trailer of plain ESP: padding 1, 2, 3, pad length, next header. */
static struct plaintext with_trailer(size_t pad, uint8_t next_header)
{
	struct plaintext p = {.len = packet_len};

	memcpy(p.data, packet, packet_len);
	for (size_t i = 1; i <= pad; i++)
		p.data[p.len++] = (uint8_t)i;
	p.data[p.len++] = (uint8_t)pad;
	p.data[p.len++] = next_header;
	return p;
}

static enum drop carry(struct pair_link *link, const struct plaintext *p)
{
	struct datagram d = seal(link, p->data, p->len);

	return receive(&d);
}

Test(inbound, behind_a_good_icv)
{
	struct pair_link link = plain_link();
	struct plaintext p;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	packet_len = pair_packet(&pair.random, &link.ts_a, &link.ts_b, 20, packet);
	for (unsigned next = 0; next < 256; next++) {
		enum drop want = next == IP_PROTO_IPV6 ? DROP_NONE
				 : next == DUMMY       ? DROP_DUMMY
						       : DROP_NEXT_HEADER;
		enum drop got;

		p = with_trailer((4 - (packet_len + 2) % 4) % 4, (uint8_t)next);
		got = carry(&link, &p);
		cr_expect_eq(got, want, "next header %u: %s", next, drop_name(got));
	}
	p = with_trailer(6 - packet_len % 4, IP_PROTO_IPV6);
	p.data[packet_len + 1] ^= 1;
	cr_expect_eq(carry(&link, &p), DROP_PADDING);
	p = with_trailer(2, IP_PROTO_IPV6);
	p.data[p.len - 2] = 255;
	cr_expect_eq(carry(&link, &p), DROP_PADDING);
	p.len = 1;
	cr_expect_eq(carry(&link, &p), DROP_PADDING);
	p.len = 0;
	cr_expect_eq(carry(&link, &p), DROP_PADDING);
	packet[0] = 0x70;
	p = with_trailer(2, IP_PROTO_IPV6);
	cr_expect_neq(carry(&link, &p), DROP_NONE);
	/* Even refused ones have used their number. */
	cr_expect_eq(link.b_in->replay.highest, link.a_out->sequence);
	cr_expect_eq(link.b_in->counters.packets, 1);
}

/* An IPv4 packet under next header 41, and octets behind the inner packet (TFC padding). */
Test(inbound, version_and_tfc_padding)
{
	struct pair_link link = plain_link();
	struct plaintext p;

	link.ts_a = pair_ts("10.1.0.1", "10.1.0.9", 0, 0, 65535);
	link.ts_b = pair_ts("10.2.0.1", "10.2.0.9", 0, 0, 65535);
	cr_assert_eq(pair_connect(&pair, &link), 0);
	packet_len = pair_packet(&pair.random, &link.ts_a, &link.ts_b, 22, packet);
	p = with_trailer((4 - (packet_len + 2) % 4) % 4, IP_PROTO_IPV6);
	cr_expect_eq(carry(&link, &p), DROP_NEXT_HEADER);
	memset(packet + packet_len, 0, 100);
	packet_len += 100;
	p = with_trailer((4 - (packet_len + 2) % 4) % 4, IP_PROTO_IPV4);
	cr_expect_eq(carry(&link, &p), DROP_NONE);
	cr_expect_eq(pair.pkts[0]->len, packet_len - 100);
}

/* "Time exceeded" from a router on the way, quoting from a's side what b has sent. */
static void build_icmp_error(const struct pair_link *link, const char *router, bool reversed)
{
	uint8_t quoted[PAIR_ROOM];
	const struct ts *src = reversed ? &link->ts_a : &link->ts_b;
	const struct ts *dst = reversed ? &link->ts_b : &link->ts_a;
	size_t len = pair_packet(&pair.random, src, dst, 20, quoted);
	struct ip_addr from;
	uint64_t sum;

	cr_assert_eq(ip_addr_parse(router, &from), 0);
	memset(packet, 0, 48);
	packet[0] = 0x60;
	put_be16(packet + 4, (uint16_t)(8 + len));
	packet[6] = IP_PROTO_ICMPV6;
	packet[7] = 64;
	memcpy(packet + 8, from.bytes, 16);
	memcpy(packet + 24, quoted + 8, 16);
	packet[40] = 3;
	memcpy(packet + 48, quoted, len);
	packet_len = 48 + len;
	sum = checksum_pseudo(
		6, packet + 8, packet + 24, IP_PROTO_ICMPV6, (uint32_t)(packet_len - 40));
	sum = checksum_add(sum, packet + 40, packet_len - 40);
	put_be16(packet + 42, checksum_finish(sum));
}

static enum drop carry_packet(struct pair_link *link)
{
	struct plaintext p = with_trailer((4 - (packet_len + 2) % 4) % 4, IP_PROTO_IPV6);

	return carry(link, &p);
}

Test(inbound, icmp_errors_by_what_they_quote)
{
	struct pair_link link = plain_link();
	uint64_t audits;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	for (int i = 0; i < 50; i++) {
		build_icmp_error(&link, "2001:db8:77::1", false);
		cr_assert_eq(carry_packet(&link), DROP_NONE);
		cr_assert_eq(pair.pkts[0]->len, packet_len);
	}
	audits = pair.b.audits;
	build_icmp_error(&link, "2001:db8:77::1", true);
	cr_expect_eq(carry_packet(&link), DROP_POLICY_MISMATCH);
	/* Quotes a packet of ours, but goes to somebody else. */
	build_icmp_error(&link, "2001:db8:77::1", false);
	packet[24] ^= 1;
	cr_expect_eq(carry_packet(&link), DROP_POLICY_MISMATCH);
	/* No error: an echo from outside the selectors. */
	build_icmp_error(&link, "2001:db8:77::1", false);
	packet[40] = 128;
	cr_expect_eq(carry_packet(&link), DROP_POLICY_MISMATCH);
	cr_expect_eq(pair.b.audits, audits + 3);
}

static struct datagram from(const struct datagram *d, const char *where)
{
	struct datagram moved = *d;

	cr_assert_eq(ip_endpoint_parse(where, &moved.outer.remote), 0);
	return moved;
}

Test(inbound, endpoint_follows_only_new_good_packets)
{
	const char *nat = "192.0.2.9:61000";
	const char *relay = "198.51.100.1:4500";
	struct pair_link link = plain_link();
	struct ip_endpoint home;
	uint32_t notices = 0;
	struct datagram d[4];
	struct datagram m;
	struct path *path;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	path = link.policy_b->path;
	home = path->remote;
	for (int i = 0; i < 4; i++)
		d[i] = capture(&link);
	cr_expect_eq(receive(&d[1]), DROP_NONE);
	m = from(&d[0], nat);
	cr_expect_eq(receive(&m), DROP_NONE, "older: good, but moves nothing");
	cr_expect(ip_endpoint_equal(&path->remote, &home));
	cr_expect_not(pair.batch.items[0].moved);
	m = from(&d[1], relay);
	cr_expect_eq(receive(&m), DROP_REPLAY_SEEN);
	cr_expect(ip_endpoint_equal(&path->remote, &home));
	m = from(&d[2], nat);
	cr_expect_eq(receive(&m), DROP_NONE);
	cr_expect(pair.batch.items[0].moved);
	cr_expect(ip_endpoint_equal(&path->remote, &m.outer.remote));
	cr_expect_eq(ipsec_take_notice(&pair.b, &notices), link.b_in);
	cr_expect_eq(notices, SA_NOTICE_MOVED);
	cr_expect_eq(receive(&d[3]), DROP_NONE, "back within one packet");
	cr_expect(ip_endpoint_equal(&path->remote, &home));
	/* What b sends now goes there. */
	pair_put(&pair, 0, packet, pair_packet(&pair.random, &link.ts_b, &link.ts_a, 4, packet));
	pair_out(&pair, false, 1);
	cr_expect_eq(pair.batch.items[0].drop, DROP_NONE);
	cr_expect(ip_endpoint_equal(&pair.batch.items[0].outer.remote, &home));
}

Test(inbound, lifetimes)
{
	struct pair_link link = plain_link();
	struct pair_link old = plain_link();
	uint32_t notices = 0;
	struct datagram d;

	link.hard_packets = 3;
	cr_assert_eq(pair_connect(&pair, &link), 0);
	link.a_out->hard_packets = UINT64_MAX;
	for (int i = 0; i < 3; i++) {
		d = capture(&link);
		cr_expect_eq(receive(&d), DROP_NONE);
	}
	cr_expect_eq(ipsec_take_notice(&pair.b, &notices), link.b_in);
	cr_expect_eq(notices, SA_NOTICE_HARD);
	d = capture(&link);
	cr_expect_eq(receive(&d), DROP_LIFETIME);

	old.hard_s = 10;
	old.ts_a = pair_ts("fd00:c::1", "fd00:c::1", 0, 0, 65535);
	cr_assert_eq(pair_connect(&pair, &old), 0);
	d = capture(&old);
	pair.now_ms += 9999;
	cr_expect_eq(receive(&d), DROP_NONE);
	d = capture(&old);
	pair.now_ms += 1;
	cr_expect_eq(receive(&d), DROP_LIFETIME);
	cr_expect_eq(old.b_in->replay.highest, 1);
}

Test(inbound, long_lived_receiver_asks_to_store)
{
	struct pair_link link = plain_link();
	uint32_t notices = 0;
	struct datagram d;

	link.long_lived = true;
	cr_assert_eq(pair_connect(&pair, &link), 0);
	sa_set_ceiling(link.a_out, UINT64_MAX, 0);
	d = capture(&link);
	cr_expect_eq(receive(&d), DROP_NONE);
	cr_expect_null(ipsec_take_notice(&pair.b, &notices));
	link.a_out->sequence = 4095;
	d = capture(&link);
	cr_expect_eq(receive(&d), DROP_NONE);
	cr_expect_eq(ipsec_take_notice(&pair.b, &notices), link.b_in);
	cr_expect_eq(notices, SA_NOTICE_STORE);
	/* The next life knows what was stored: nothing from before comes in again. */
	replay_restore(&link.b_in->replay, 5000);
	cr_expect_eq(receive(&d), DROP_REPLAY_OLD);
}

Test(inbound, burst_of_bad_icvs_is_one_notice)
{
	struct pair_link link = plain_link();
	uint32_t notices = 0;
	struct datagram d;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	d = capture(&link);
	d.data[d.len - 1] ^= 1;
	for (int i = 0; i < 5000; i++)
		cr_assert_eq(receive(&d), DROP_ICV);
	cr_expect_eq(ipsec_take_notice(&pair.b, &notices), link.b_in);
	cr_expect_eq(notices, SA_NOTICE_ICV);
	cr_expect_null(ipsec_take_notice(&pair.b, &notices));
	cr_expect_eq(pair.b.audits, 5000);
}
