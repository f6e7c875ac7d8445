/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way in: octets as datagrams, and octets as the plaintext of a peer that has the key, so that
 * the parsers behind the ICV are reached, behind a gap of numbers too. The first octet chooses.
 */
#include "base/buf.h"
#include "crypto/secret.h"
#include "diet/eec.h"
#include "esp/esp.h"
#include "fakes/pair.h"
#include "ip/addr.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { LINKS = 12, DATAGRAM = 0x80, GAP_SHIFT = 4, GAP_MASK = 7, LINK_MASK = 15, OUTER = 4 };

static struct pair pair;
static struct pair_link links[LINKS];

static void six(struct pair_link *link, uint8_t proto, uint16_t low, uint16_t high)
{
	link->ts_a = pair_ts("fd00:a::1", "fd00:a::1:7", proto, low, high);
	link->ts_b = pair_ts("fd00:b::1", "fd00:b::1", proto, low, high);
}

static void four(struct pair_link *link, uint8_t proto, uint16_t low, uint16_t high)
{
	link->ts_a = pair_ts("10.1.0.1", "10.1.0.77", proto, low, high);
	link->ts_b = pair_ts("10.2.0.0", "10.2.255.255", proto, low, high);
	link->v4_outside = true;
}

/* The peer's address finds the SA. */
static void without_spi(struct pair_link *link, uint8_t sn_bits)
{
	link->encap = SA_ENCAP_ESP;
	link->attrs.esp_spi_lsb = 0;
	link->attrs.esp_sn_lsb = sn_bits;
}

static void describe(void)
{
	static const char *const presets[LINKS] = {"off", "iot", "iot", "safe", "off", "link",
		"safe", "iot", "iot", "iot", "iot", "iot"};

	for (int i = 0; i < LINKS; i++) {
		links[i].suite = "chacha20-poly1305-iiv";
		diet_attrs_preset(presets[i], &links[i].attrs);
	}
	six(&links[0], 0, 0, 65535);
	six(&links[1], IP_PROTO_UDP, 5683, 5690);
	four(&links[2], IP_PROTO_UDP, 1000, 1999);
	six(&links[3], IP_PROTO_TCP, 1, 65535);
	four(&links[4], 0, 0, 65535);
	six(&links[5], IP_PROTO_ICMPV6, 0, 65535);
	four(&links[6], IP_PROTO_SCTP, 0, 65535);
	six(&links[7], IP_PROTO_UDPLITE, 9, 9);
	six(&links[8], IP_PROTO_UDP, 5683, 5683);
	four(&links[9], IP_PROTO_UDP, 5683, 5683);
	six(&links[10], IP_PROTO_UDP, 5683, 5683);
	six(&links[11], 0, 0, 65535);
	without_spi(&links[8], 0);
	without_spi(&links[9], 8);
	links[10].attrs.esp_sn_lsb = 0;
	links[11].attrs.esp_spi_lsb = links[11].attrs.esp_sn_lsb = 4;
	links[11].attrs.window = 8;
	links[1].attrs.rule_id = true;
	links[1].attrs.dscp_cda = DSCP_SA;
	links[1].attrs.n_dscp = 3;
	links[1].attrs.dscp_list[1] = 10;
	links[1].attrs.dscp_list[2] = 46;
}

static void set_up(void)
{
	if (crypto_init() || pair_init(&pair, 1))
		abort();
	describe();
	for (int i = 0; i < LINKS; i++) {
		/* Each peer has an address of its own. */
		size_t last = ip_addr_len(&links[i].ts_b.addr_start) == 16 ? 13 : 1;

		links[i].ts_b.addr_start.bytes[last] = (uint8_t)(2 + i);
		links[i].ts_b.addr_end.bytes[last] = (uint8_t)(2 + i);
		if (pair_connect(&pair, &links[i])) {
			fprintf(stderr, "link %d cannot be connected\n", i);
			abort();
		}
	}
}

static const uint16_t gaps[] = {0, 1, 7, 22, 31, 32, 300, 1000};

/* So many lost packets do not end an SA: diet-esp.md section 5.1. */
static uint64_t reach(const struct sa *sa)
{
	uint64_t numbers = (uint64_t)1 << sa->diet.sn_bits;

	if (!sa->diet.sn_bits)
		return 32;
	return sa->diet.sn_bits < 32 ? 2 * numbers - sa->window - 1 : numbers - sa->window;
}

/* A peer with the key writes whatever plaintext it likes; some numbers before it were lost. */
static void seal(struct pair_link *link, unsigned gap, const uint8_t *data, size_t len)
{
	struct sa *sa = link->a_out;
	struct buf *pkt = pair.pkts[0];

	sa->sequence = link->b_in->replay.highest;
	if (sa->sequence > UINT32_MAX - 2000) {
		replay_fini(&link->b_in->replay);
		if (replay_init(&link->b_in->replay, link->b_in->window))
			abort();
		sa->sequence = 0;
	}
	sa->sequence += gaps[gap];
	buf_set(pkt, data, len);
	if (sa_take_sequence(sa, pair.now_ms) || esp_seal(sa, pkt) ||
		eec_compress(&sa->diet, sa->sequence, pkt))
		abort();
}

/* What the peer sealed is found and opened, whatever its plaintext is worth. */
static void check_opened(const struct batch_item *item, const struct sa *sa, unsigned gap)
{
	if (item->sa != sa)
		abort();
	if (gaps[gap] > reach(sa))
		return;
	if (item->drop == DROP_ICV || item->drop == DROP_REPLAY_OLD ||
		item->drop == DROP_REPLAY_SEEN || item->drop == DROP_SEQ_RESTORE)
		abort();
}

/* Whatever comes out is a whole packet between the selectors, or an error about one. */
static void check(const struct batch_item *item)
{
	struct ip_packet ip;

	if (item->drop)
		return;
	if (!item->sa || item->tunnel != PAIR_TUNNEL_B || ip_packet_parse(&ip, item->pkt) ||
		ip.len != item->pkt->len)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct batch_item *item = &pair.batch.items[0];
	struct pair_link *link;
	unsigned gap;

	if (!pair.now_ms)
		set_up();
	if (len < 1 + OUTER || len > 2000)
		return 0;
	link = &links[(data[0] & LINK_MASK) % LINKS];
	/* Every input finds a full bucket of tries, and nothing of the one before. */
	gap = data[0] >> GAP_SHIFT & GAP_MASK;
	pair.now_ms += 5000;
	link->b_in->icv_burst = 0;
	pair.batch = (struct batch){.n = 1};
	item->pkt = pair.pkts[0];
	item->encap = link->encap;
	item->outer.local = link->policy_b->path->local;
	item->outer.remote = link->policy_b->path->remote;
	item->outer.hop_limit = data[1];
	item->outer.traffic_class = data[2];
	item->outer.flow_label = (uint32_t)data[3] << 8 | data[4];
	if (data[0] & DATAGRAM)
		pair_put(&pair, 0, data + 1 + OUTER, len - 1 - OUTER);
	else
		seal(link, gap, data + 1 + OUTER, len - 1 - OUTER);
	pair_in(&pair, true);
	check(item);
	if (!(data[0] & DATAGRAM))
		check_opened(item, link->b_in, gap);
	/* Deterministic: what one input did to lifetimes or paths is gone for the next. */
	link->b_in->notices = 0;
	return 0;
}
