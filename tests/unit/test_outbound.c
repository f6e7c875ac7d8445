/* SPDX-License-Identifier: Apache-2.0 */
/* The way out: which SA, what is too big, what is copied outside, and that no drop wastes a number.
 */
#include "base/buf.h"
#include "base/wire.h"
#include "crypto/secret.h"
#include "fakes/pair.h"
#include "ip/addr.h"
#include "ip/checksum.h"
#include "reference/rules.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static struct pair pair;
static uint8_t packet[PAIR_ROOM];

static void set_up(void)
{
	cr_assert_eq(crypto_init(), 0);
	cr_assert_eq(pair_init(&pair, 5), 0);
}

static void tear_down(void)
{
	pair_fini(&pair);
}

TestSuite(outbound, .init = set_up, .fini = tear_down);

static struct pair_link link_of(const char *preset, const char *suite)
{
	struct pair_link link = {.suite = suite,
		.ts_a = pair_ts("fd00:a::1", "fd00:a::1", 17, 5683, 5683),
		.ts_b = pair_ts("fd00:b::1", "fd00:b::1", 17, 5683, 5683)};

	cr_assert(diet_attrs_preset(preset, &link.attrs), "%s", preset);
	if (link.attrs.esp_spi_lsb == 0)
		link.attrs.esp_spi_lsb = 8;
	return link;
}

static struct pair_link four_link(void)
{
	return (struct pair_link){.suite = "aes-gcm-16",
		.attrs = diet_attrs_plain(),
		.ts_a = pair_ts("10.1.0.0", "10.1.255.255", 0, 0, 65535),
		.ts_b = pair_ts("10.2.0.0", "10.2.255.255", 0, 0, 65535)};
}

static struct batch_item *send(const struct pair_link *link, size_t payload)
{
	size_t len = pair_packet(&pair.random, &link->ts_a, &link->ts_b, payload, packet);

	pair_put(&pair, 0, packet, len);
	pair_out(&pair, true, 1);
	return &pair.batch.items[0];
}

/* Nothing of the packet, no number, no counter but the drop's own. */
static void expect_untouched(const struct sa *sa, uint64_t sequence, enum drop drop)
{
	const struct batch_item *item = &pair.batch.items[0];

	cr_expect_eq(item->drop, drop, "%s", drop_name(item->drop));
	cr_expect_arr_eq(item->pkt->data, packet, item->pkt->len);
	cr_expect_eq(sa->sequence, sequence);
}

Test(outbound, policy_and_sa)
{
	struct pair_link link = link_of("iot", "aes-ccm-8-iiv");
	struct pair_link other = link;
	struct batch_item *item;

	cr_expect_eq(send(&link, 10)->drop, DROP_NO_POLICY);
	cr_assert_eq(pair_connect(&pair, &link), 0);
	item = send(&link, 10);
	cr_expect_eq(item->drop, DROP_NONE);
	cr_expect_eq(item->sa, link.a_out);
	cr_expect_eq(item->policy, link.policy_a);
	cr_expect_eq(item->encap, SA_ENCAP_UDP);
	cr_expect(ip_endpoint_equal(&item->outer.remote, &link.policy_a->path->remote));
	cr_expect(ip_endpoint_equal(&item->outer.local, &link.policy_a->path->local));
	other.ts_b = pair_ts("fd00:c::1", "fd00:c::1", 17, 5683, 5683);
	cr_expect_eq(send(&other, 10)->drop, DROP_NO_POLICY);
	cr_expect_null(pair.batch.items[0].policy);

	ipsec_sa_remove(&pair.a, link.a_out);
	item = send(&link, 10);
	cr_expect_eq(item->drop, DROP_NO_SA);
	cr_expect_eq(item->policy, link.policy_a);
	cr_expect_null(item->sa);
	link.policy_a->action = POLICY_DISCARD;
	cr_expect_eq(send(&link, 10)->drop, DROP_DISCARD);
	cr_expect_eq(pair.a.drops[DROP_NONE], 1);
	cr_expect_eq(pair.a.drops[DROP_NO_SA], 1);
	cr_expect_eq(pair.a.drops[DROP_DISCARD], 1);
	cr_expect_eq(pair.a.drops[DROP_NO_POLICY], 2);
}

/* A UDP checksum that is wrong cannot be elided. */
static void spoil_checksum(void)
{
	pair.pkts[0]->data[47] ^= 1;
	packet[47] ^= 1;
}

Test(outbound, what_the_rule_cannot_restore_takes_the_fallback)
{
	struct pair_link link = link_of("iot", "aes-ccm-8-iiv");
	struct pair_link fallback;
	size_t len;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	len = pair_packet(&pair.random, &link.ts_a, &link.ts_b, 30, packet);
	pair_put(&pair, 0, packet, len);
	spoil_checksum();
	pair_out(&pair, true, 1);
	expect_untouched(link.a_out, 0, DROP_NO_FIT);
	cr_expect_null(pair.batch.items[0].sa);

	fallback = link;
	fallback.attrs = diet_attrs_plain();
	fallback.fallback = true;
	cr_assert_eq(pair_connect(&pair, &fallback), 0);
	pair_put(&pair, 0, packet, len);
	pair_out(&pair, true, 1);
	cr_expect_eq(pair.batch.items[0].drop, DROP_NONE);
	cr_expect_eq(pair.batch.items[0].sa, fallback.a_out);
	pair_wire(&pair);
	pair_in(&pair, true);
	cr_assert_eq(pair.batch.items[0].drop, DROP_NONE);
	cr_expect_eq(pair.batch.items[0].sa, fallback.b_in);
	cr_assert_eq(pair.pkts[0]->len, len);
	cr_expect_arr_eq(pair.pkts[0]->data, packet, len);

	link.a_out->dead = 1;
	cr_expect_eq(send(&link, 10)->sa, fallback.a_out);
	fallback.a_out->dead = 1;
	cr_expect_eq(send(&link, 10)->drop, DROP_LIFETIME);
}

static void check_limit(struct pair_link *link, size_t payload, uint32_t mtu)
{
	struct sa *sa = link->a_out;
	uint64_t sequence = sa->sequence;
	struct batch_item *item;
	size_t told;
	size_t headers;

	link->policy_a->path->mtu = mtu;
	item = send(link, payload);
	expect_untouched(sa, sequence, DROP_TOO_BIG);
	told = item->mtu;
	headers = item->pkt->len - payload;
	cr_assert_lt(told, item->pkt->len);
	item = send(link, told - headers);
	cr_assert_eq(item->drop, DROP_NONE);
	cr_expect(item->fragment || item->pkt->len + path_outer_len(sa->path) <= mtu);
	cr_expect_eq(sa->sequence, sequence + 1);
	if (told <= IPV6_MIN_MTU)
		return;
	cr_expect_not(item->fragment);
	item = send(link, told - headers + 1);
	cr_expect_eq(item->drop, DROP_TOO_BIG);
	cr_expect_eq(item->mtu, told);
}

Test(outbound, too_big_tells_the_size_that_fits)
{
	static const char *const presets[] = {"off", "safe", "iot", "link"};
	static const char *const suites[] = {"aes-gcm-16", "aes-ccm-8-iiv", "chacha20-poly1305"};

	for (size_t p = 0; p < 4; p++)
		for (size_t s = 0; s < 3; s++) {
			struct pair_link link = link_of(presets[p], suites[s]);

			link.ts_a = pair_ts("fd00:a::1", "fd00:a::1", 17, 5683, 5683);
			link.ts_a.addr_start.bytes[15] = link.ts_a.addr_end.bytes[15] =
				(uint8_t)(16 + 4 * p + s);
			cr_assert_eq(pair_connect(&pair, &link), 0);
			for (uint32_t mtu = 1380; mtu < 1500; mtu += 7)
				check_limit(&link, 1600, mtu);
		}
}

Test(outbound, small_packets_are_fragmented_outside)
{
	struct pair_link link = link_of("off", "aes-gcm-16");
	struct batch_item *item;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	link.policy_a->path->mtu = 1280;
	item = send(&link, 1280 - 48);
	cr_expect_eq(item->drop, DROP_NONE);
	cr_expect(item->fragment);
	item = send(&link, 1281 - 48);
	cr_expect_eq(item->drop, DROP_TOO_BIG);
	cr_expect_eq(item->mtu, 1280);
	item = send(&link, 1000);
	cr_expect_eq(item->drop, DROP_NONE);
	cr_expect_not(item->fragment);
	link.policy_a->path->mtu = 0;
	item = send(&link, 1900);
	cr_expect_eq(item->drop, DROP_NONE, "no MTU known");
	cr_expect_not(item->fragment);
}

static void set_df(bool df)
{
	packet[6] = df ? 0x40 : 0;
	put_be16(packet + 10, checksum_ipv4_header(packet, IPV4_HEADER));
}

Test(outbound, ipv4_without_df_is_fragmented_outside)
{
	struct pair_link link = four_link();
	size_t len;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	link.policy_a->path->mtu = 1400;
	len = pair_packet(&pair.random, &link.ts_a, &link.ts_b, 1500, packet);
	set_df(false);
	pair_put(&pair, 0, packet, len);
	pair_out(&pair, true, 1);
	cr_expect_eq(pair.batch.items[0].drop, DROP_NONE);
	cr_expect(pair.batch.items[0].fragment);
	set_df(true);
	pair_put(&pair, 0, packet, len);
	pair_out(&pair, true, 1);
	expect_untouched(link.a_out, 1, DROP_TOO_BIG);
	cr_expect_gt(pair.batch.items[0].mtu, 1280);
	link.policy_a->path->mtu = 600;
	pair_put(&pair, 0, packet, len);
	pair_out(&pair, true, 1);
	expect_untouched(link.a_out, 1, DROP_TOO_BIG);
	cr_expect_eq(pair.batch.items[0].mtu, 576);
}

Test(outbound, peer_not_known_or_not_proven)
{
	struct pair_link link = link_of("iot", "chacha20-poly1305-iiv");
	struct path *path;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	path = link.policy_a->path;
	path->remote.addr.family = 0;
	send(&link, 20);
	expect_untouched(link.a_out, 0, DROP_NO_ENDPOINT);
	path->remote.addr.family = 6;
	path->unproven = 1;
	path->rx_octets = 100;
	cr_expect_eq(send(&link, 20)->drop, DROP_NONE);
	cr_expect_gt(path->tx_octets, 48 + 20);
	send(&link, 250);
	expect_untouched(link.a_out, 1, DROP_NO_ENDPOINT);
}

Test(outbound, waits_for_the_disk_and_keeps_the_packet)
{
	struct pair_link link = link_of("iot", "chacha20-poly1305-iiv");
	uint32_t notices = 0;

	link.long_lived = true;
	cr_assert_eq(pair_connect(&pair, &link), 0);
	send(&link, 20);
	expect_untouched(link.a_out, 0, DROP_SEQ_WAIT);
	cr_expect_eq(pair.batch.items[0].sa, link.a_out);
	cr_expect_eq(ipsec_take_notice(&pair.a, &notices), link.a_out);
	cr_expect_eq(notices, SA_NOTICE_RESERVE);
	cr_expect_null(ipsec_take_notice(&pair.a, &notices));
	sa_set_ceiling(link.a_out, 3, 2);
	pair_out(&pair, true, 1);
	cr_expect_eq(pair.batch.items[0].drop, DROP_NONE, "the same packet again");
	cr_expect_eq(send(&link, 20)->drop, DROP_NONE);
	send(&link, 20);
	expect_untouched(link.a_out, 2, DROP_SEQ_WAIT);
	cr_expect_eq(ipsec_take_notice(&pair.a, &notices), link.a_out);
	cr_expect_eq(notices, SA_NOTICE_RESERVE);
}

Test(outbound, lifetimes_end_the_sa_and_are_told)
{
	struct pair_link link = link_of("iot", "chacha20-poly1305-iiv");
	uint32_t notices = 0;

	link.soft_packets = 2;
	link.hard_packets = 3;
	cr_assert_eq(pair_connect(&pair, &link), 0);
	cr_expect_eq(send(&link, 20)->drop, DROP_NONE);
	cr_expect_null(ipsec_take_notice(&pair.a, &notices));
	cr_expect_eq(send(&link, 20)->drop, DROP_NONE);
	cr_expect_eq(ipsec_take_notice(&pair.a, &notices), link.a_out);
	cr_expect_eq(notices, SA_NOTICE_SOFT);
	cr_expect_eq(send(&link, 20)->drop, DROP_NONE);
	cr_expect_eq(ipsec_take_notice(&pair.a, &notices), link.a_out);
	cr_expect_eq(notices, SA_NOTICE_HARD);
	send(&link, 20);
	expect_untouched(link.a_out, 3, DROP_LIFETIME);
	cr_expect_null(ipsec_take_notice(&pair.a, &notices));
}

/* RFC 6040 4.1: always the congestion field, the rest only where the rule takes it from there. */
Test(outbound, what_goes_outside)
{
	struct pair_link plain = link_of("off", "aes-gcm-16");
	struct pair_link iot = plain;
	struct batch_item *item;

	iot.attrs.iipc = true;
	iot.attrs.dscp_cda = DSCP_LOWER;
	iot.attrs.hop_limit_cda = HOP_LIMIT_LOWER;
	iot.ts_a = pair_ts("fd00:a::2", "fd00:a::2", 17, 5683, 5683);
	cr_assert_eq(pair_connect(&pair, &plain), 0);
	cr_assert_eq(pair_connect(&pair, &iot), 0);
	for (int i = 0; i < 200; i++) {
		item = send(&plain, 10);
		cr_assert_eq(item->drop, DROP_NONE);
		cr_assert_eq(item->outer.traffic_class, (packet[1] >> 4) & 3);
		cr_assert_eq(item->outer.hop_limit, 0);
		item = send(&iot, 10);
		cr_assert_eq(item->drop, DROP_NONE);
		cr_assert_eq(item->outer.traffic_class, (uint8_t)(packet[0] << 4 | packet[1] >> 4));
		cr_assert_eq(item->outer.hop_limit, packet[7]);
	}
}

/* "Time exceeded" from a router behind a, about a packet between these two. */
static struct batch_item *send_icmp_error(const struct ts *src, const struct ts *dst, uint8_t type)
{
	uint8_t quoted[PAIR_ROOM];
	size_t len = pair_packet(&pair.random, src, dst, 20, quoted);
	struct ip_addr from;

	cr_assert_eq(ip_addr_parse("2001:db8:77::1", &from), 0);
	memset(packet, 0, 48);
	packet[0] = 0x60;
	put_be16(packet + 4, (uint16_t)(8 + len));
	packet[6] = IP_PROTO_ICMPV6;
	packet[7] = 64;
	memcpy(packet + 8, from.bytes, 16);
	memcpy(packet + 24, quoted + 8, 16);
	packet[40] = type;
	memcpy(packet + 48, quoted, len);
	pair_put(&pair, 0, packet, 48 + len);
	pair_out(&pair, true, 1);
	return &pair.batch.items[0];
}

/* RFC 4301 6.2: an error about what the peer sent goes back to it, where the selectors name only
 * that. */
Test(outbound, icmp_errors_by_what_they_quote)
{
	struct pair_link link = link_of("off", "aes-gcm-16");
	struct pair_link other = link;
	struct batch_item *item;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	item = send_icmp_error(&link.ts_b, &link.ts_a, 3);
	cr_expect_eq(item->drop, DROP_NONE, "%s", drop_name(item->drop));
	cr_expect_eq(item->policy, link.policy_a);
	pair_wire(&pair);
	pair_in(&pair, true);
	cr_expect_eq(pair.batch.items[0].drop, DROP_NONE);
	/* No error; about our own packet; about packets between others. */
	cr_expect_eq(send_icmp_error(&link.ts_b, &link.ts_a, 128)->drop, DROP_NO_POLICY);
	cr_expect_eq(send_icmp_error(&link.ts_a, &link.ts_b, 3)->drop, DROP_NO_POLICY);
	other.ts_b = pair_ts("fd00:b::1", "fd00:b::1", 17, 5684, 5684);
	cr_expect_eq(send_icmp_error(&other.ts_b, &link.ts_a, 3)->drop, DROP_NO_POLICY);
	other.ts_b = pair_ts("fd00:c::1", "fd00:c::1", 17, 5683, 5683);
	cr_expect_eq(send_icmp_error(&other.ts_b, &link.ts_a, 3)->drop, DROP_NO_POLICY);
	cr_expect_eq(link.a_out->sequence, 1);
}

Test(outbound, bad_packets)
{
	struct pair_link link = link_of("off", "aes-gcm-16");
	size_t len;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	len = pair_packet(&pair.random, &link.ts_a, &link.ts_b, 20, packet);
	for (size_t cut = 0; cut < len; cut++) {
		pair_put(&pair, 0, packet, cut);
		pair_out(&pair, true, 1);
		cr_assert_neq(pair.batch.items[0].drop, DROP_NONE, "%zu octets", cut);
	}
	packet[0] = 0x50;
	pair_put(&pair, 0, packet, len);
	pair_out(&pair, true, 1);
	cr_expect_eq(pair.batch.items[0].drop, DROP_IP_VERSION);
	cr_expect_eq(link.a_out->sequence, 0);
}

/* The device says where the checksum goes, and a liar could move a packet past its selectors. */
Test(outbound, what_a_checksum_overwrites_is_looked_at_afterwards)
{
	struct pair_link link = link_of("off", "aes-gcm-16");
	struct batch_item *item = &pair.batch.items[0];
	size_t len;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	len = pair_packet(&pair.random, &link.ts_a, &link.ts_b, 20, packet);
	for (uint16_t field = 0; field < 4; field += 2) {
		pair_put(&pair, 0, packet, len);
		pair.batch = (struct batch){.now_ms = pair.now_ms, .n = 1};
		item->pkt = pair.pkts[0];
		item->tunnel = PAIR_TUNNEL_A;
		item->csum_start = 40;
		item->csum_offset = field;
		outbound(&pair.a, &pair.batch);
		cr_assert_neq(get_be16(item->pkt->data + 40 + field), 5683);
		cr_expect_eq(item->drop, DROP_NO_POLICY, "%s", drop_name(item->drop));
	}
}

#define UDP_RULE(sum) \
	RULE_IS(SCHC_IPV6_VER, RULE_BI, "06"), RULE_ANY(SCHC_IPV6_TC, RULE_BI), \
		RULE_ANY(SCHC_IPV6_FL, RULE_BI), \
		RULE_BY(SCHC_IPV6_LEN, RULE_BI, SCHC_CDA_COMPUTE), \
		RULE_IS(SCHC_IPV6_NXT, RULE_BI, "11"), RULE_ANY(SCHC_IPV6_HOP_LMT, RULE_BI), \
		RULE_ANY(SCHC_IPV6_DEVPREFIX, RULE_BI), RULE_ANY(SCHC_IPV6_DEVIID, RULE_BI), \
		RULE_ANY(SCHC_IPV6_APPPREFIX, RULE_BI), RULE_ANY(SCHC_IPV6_APPIID, RULE_BI), \
		RULE_ANY(SCHC_UDP_DEVPORT, RULE_BI), RULE_ANY(SCHC_UDP_APPPORT, RULE_BI), \
		RULE_BY(SCHC_UDP_LEN, RULE_BI, SCHC_CDA_COMPUTE), sum, RULE_END

/* The kernel's unfinished sum: made where a rule sends it or no rule takes the packet, else left
 * out; looked at once or twice, it comes out right at the other end and is counted once. */
Test(outbound, rules_and_unfinished_sums)
{
	static const struct rule_row sent[] = {UDP_RULE(RULE_ANY(SCHC_UDP_CKSUM, RULE_BI))};
	static const struct rule_row elided[] = {
		UDP_RULE(RULE_BY(SCHC_UDP_CKSUM, RULE_BI, SCHC_CDA_COMPUTE))};
	const struct rule_row *const rows[] = {sent, elided, NULL};

	for (size_t i = 0; i < 3; i++) {
		struct pair_link link = link_of("link", "aes-gcm-16");
		static struct schc_rule rule;
		const struct schc_rule_set set = {&rule, 1};
		struct batch_item *item = &pair.batch.items[0];
		const struct diet_by_set *by;
		size_t len;

		memset(&rule, 0, sizeof(rule));
		rule.id_bits = 1;
		rule_rows(&rule, rows[i] ? rows[i] : elided);
		if (!rows[i])
			rule.field[4].tv[0] = 6; /* TCP: no rule takes it */
		link.attrs.rules = &set;
		link.attrs.device = i == 0;
		if (i == 2)
			rule.n = 10; /* up to the addresses */
		cr_assert_eq(pair_connect(&pair, &link), 0, "%zu", i);
		by = link.a_out->diet.by;
		len = pair_packet(&pair.random, &link.ts_a, &link.ts_b, 20, packet);
		pair_put(&pair, 0, packet, len);
		put_be16(pair.pkts[0]->data + 46, 0x1234);
		pair.batch = (struct batch){.now_ms = pair.now_ms, .n = 1};
		item->pkt = pair.pkts[0];
		item->tunnel = PAIR_TUNNEL_A;
		item->csum_start = 40;
		item->csum_offset = 6;
		/* What the kernel leaves there: the pseudo header's sum. */
		put_be16(item->pkt->data + 46,
			(uint16_t)~checksum_finish(checksum_pseudo(
				6, packet + 8, packet + 24, 17, (uint32_t)len - 40)));
		outbound(&pair.a, &pair.batch);
		cr_assert_eq(item->drop, DROP_NONE, "%zu: %s", i, drop_name(item->drop));
		cr_assert_eq(by->count[i == 2 ? 1 : 0].packets, 1, "%zu", i);
		cr_assert_eq(by->count[i == 2 ? 1 : 0].before, len);
		cr_assert_eq(by->count[i == 2 ? 0 : 1].packets, 0);
		pair_wire(&pair);
		pair_in(&pair, true);
		cr_assert_eq(item->drop, DROP_NONE, "%zu: %s", i, drop_name(item->drop));
		cr_assert_eq(item->pkt->len, len);
		cr_assert_arr_eq(item->pkt->data, packet, len);
		cr_assert_eq(link.b_in->diet.by->count[i == 2 ? 1 : 0].packets, 1);
		cr_assert_eq(link.b_in->diet.by->strange, 0);
		pair_fini(&pair);
		cr_assert_eq(pair_init(&pair, 6 + i), 0);
	}
}

/* Where both are Dev, each restores the other's addresses turned around: nothing passes. */
Test(outbound, two_devs_are_noticed)
{
	static const struct rule_row rows[] = {
		UDP_RULE(RULE_BY(SCHC_UDP_CKSUM, RULE_BI, SCHC_CDA_COMPUTE))};
	struct pair_link link = link_of("link", "aes-gcm-16");
	static struct schc_rule rule;
	const struct schc_rule_set set = {&rule, 1};
	size_t len;

	memset(&rule, 0, sizeof(rule));
	rule.id_bits = 1;
	rule_rows(&rule, rows);
	link.attrs.rules = &set;
	link.attrs.device = link.two_devs = true;
	cr_assert_eq(pair_connect(&pair, &link), 0);
	len = pair_packet(&pair.random, &link.ts_a, &link.ts_b, 20, packet);
	cr_assert_eq(pair_carry(&pair, true, packet, len), DROP_POLICY_MISMATCH);
	cr_assert_eq(link.b_in->diet.by->strange, 1);
	cr_assert_eq(pair_carry(&pair, false, packet, len), DROP_NO_POLICY);
	cr_assert_eq(link.a_in->diet.by->strange, 0);
}

Test(outbound, inner_mtu_is_what_always_fits)
{
	struct pair_link link = link_of("off", "aes-gcm-16");
	uint32_t mtu;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	for (uint32_t outer = 1400; outer < 1600; outer++) {
		mtu = ipsec_inner_mtu(link.policy_a, outer);
		link.policy_a->path->mtu = outer;
		cr_assert_eq(send(&link, mtu - 48)->drop, DROP_NONE);
		cr_assert_not(pair.batch.items[0].fragment);
		cr_assert_geq(mtu, 1280);
	}
	cr_expect_eq(ipsec_inner_mtu(link.policy_a, 0), 1280);
	cr_expect_eq(ipsec_inner_mtu(link.policy_a, 1500), 1500 - 48 - 32 - 2);
}

/* The largest packet is sealed as whole blocks of ChaCha20, under each preset. */
Test(outbound, even_mtu_suits_the_cipher)
{
	static const char *const presets[] = {"off", "link", "iot"};

	for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
		struct pair_link link = link_of(presets[i], "chacha20-poly1305");
		size_t overhead;

		cr_assert_eq(pair_connect(&pair, &link), 0);
		overhead = link.a_out->diet.header_len + 8u + 16u; /* IV and ICV */
		for (uint32_t mtu = 1281; mtu < 1600; mtu++) {
			uint32_t even = ipsec_even_mtu(link.policy_a, mtu);

			cr_assert(even <= mtu && mtu - even < 64 && even >= 1280);
			link.policy_a->path->mtu = 2000;
			cr_assert_eq(send(&link, even - 48)->drop, DROP_NONE);
			if (even > 1280)
				cr_assert_eq((pair.batch.items[0].pkt->len - overhead) % 64, 0,
					"%s %u", presets[i], mtu);
		}
		cr_assert_eq(ipsec_even_mtu(link.policy_a, 1200), 1200);
		/* The next one has the same selectors. */
		pair_fini(&pair);
		cr_assert_eq(pair_init(&pair, 5), 0);
	}
}

Test(outbound, other_ciphers_take_any_length)
{
	struct pair_link link = link_of("off", "aes-gcm-16");

	cr_assert_eq(pair_connect(&pair, &link), 0);
	cr_assert_eq(ipsec_even_mtu(link.policy_a, 1437), 1437);
}
