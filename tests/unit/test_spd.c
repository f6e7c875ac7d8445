/* SPDX-License-Identifier: Apache-2.0 */
/* The SPD against a walk through all policies; order, lifetime and sharing of paths. */
#include "ipsec/spd.h"

#include "base/buf.h"
#include "fakes/pair.h"
#include "ip/addr.h"
#include "ip/ts.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

static struct pair_random dice = {4242};

static struct ts prefix_ts(const char *text, uint8_t proto, uint16_t low, uint16_t high)
{
	struct ip_prefix prefix;

	cr_assert_eq(ip_prefix_parse(text, &prefix), 0, "%s", text);
	return ts_from_prefix(&prefix, proto, low, high);
}

static struct policy *add(
	struct spd *spd, uint32_t id, uint16_t tunnel, struct ts local, struct ts remote)
{
	struct policy_params params = {.id = id, .tunnel = tunnel, .n_local = 1, .n_remote = 1};
	struct policy *policy = NULL;

	params.local[0] = local;
	params.remote[0] = remote;
	cr_assert_eq(spd_add(spd, &params, NULL, &policy), 0);
	return policy;
}

/* Length of the covering prefix, bit by bit. */
static unsigned covering_len(const struct ts *ts)
{
	unsigned bits = (unsigned)ip_addr_len(&ts->addr_start) * 8;

	for (unsigned i = 0; i < bits; i++)
		if ((ts->addr_start.bytes[i / 8] ^ ts->addr_end.bytes[i / 8]) & (0x80 >> i % 8))
			return i;
	return bits;
}

/* The contract in its own words: longest remote prefix wins, among equals the one added first. */
static struct policy *walk(const struct spd *spd, uint16_t tunnel, const struct ip_packet *ip)
{
	struct policy *best = NULL;
	int best_len = -1;
	size_t at = 0;

	for (struct policy *p; (p = spd_next(spd, &at));) {
		struct ip_addr dst = ip_packet_dst(ip);
		int len = -1;

		if (p->tunnel != tunnel ||
			!ts_match_packet(p->local, p->n_local, p->remote, p->n_remote, ip))
			continue;
		for (size_t i = 0; i < p->n_remote; i++) {
			const struct ts *ts = &p->remote[i];
			struct ip_prefix cover = {ts->addr_start, (uint8_t)covering_len(ts)};

			if (ts->addr_start.family == dst.family &&
				ip_prefix_contains(&cover, &dst) && cover.len > len)
				len = cover.len;
		}
		if (len > best_len) {
			best = p;
			best_len = len;
		}
	}
	return best;
}

/* Small numbers in the last octets, so that ranges meet and nest. */
static struct ip_addr draw_addr(uint8_t family)
{
	struct ip_addr addr = {.family = family};
	size_t len = ip_addr_len(&addr);

	addr.bytes[0] = family == 4 ? 10 : 0xfd;
	addr.bytes[len - 2] = (uint8_t)pair_below(&dice, 4);
	addr.bytes[len - 1] = (uint8_t)pair_below(&dice, 256);
	return addr;
}

static struct ts draw_ts(uint8_t family)
{
	static const uint8_t protos[] = {0, 17, 6, 17};
	struct ts ts = {.port_end = 65535, .ip_proto = protos[pair_below(&dice, 4)]};
	struct ip_addr a = draw_addr(family);
	struct ip_addr b = draw_addr(family);

	if (pair_below(&dice, 2)) {
		struct ip_prefix prefix = {a, 0};

		prefix.len = (uint8_t)(ip_addr_len(&a) * 8 - pair_below(&dice, 14));
		return ts_from_prefix(&prefix, ts.ip_proto, 0, 65535);
	}
	ts.addr_start = ip_addr_compare(&a, &b) <= 0 ? a : b;
	ts.addr_end = ip_addr_compare(&a, &b) <= 0 ? b : a;
	if (ts.ip_proto && pair_below(&dice, 3) == 0) {
		ts.port_start = (uint16_t)pair_below(&dice, 4);
		ts.port_end = (uint16_t)(ts.port_start + pair_below(&dice, 4));
	}
	return ts;
}

static void draw_policy(struct policy_params *params)
{
	uint8_t family = pair_below(&dice, 2) ? 4 : 6;

	params->tunnel = (uint16_t)pair_below(&dice, 3);
	params->n_local = (uint8_t)(1 + pair_below(&dice, TS_MAX));
	params->n_remote = (uint8_t)(1 + pair_below(&dice, TS_MAX));
	for (size_t i = 0; i < params->n_local; i++)
		params->local[i] = draw_ts(family);
	for (size_t i = 0; i < params->n_remote; i++)
		params->remote[i] = draw_ts(family);
}

static size_t compare_matches(const struct spd *spd, struct buf *pkt, int n)
{
	uint8_t packet[PAIR_ROOM];
	size_t hits = 0;

	for (int i = 0; i < n; i++) {
		uint8_t family = pair_below(&dice, 2) ? 4 : 6;
		struct ts src = {.port_end = 5};
		struct ts dst = {.port_end = 5};
		struct ip_packet ip;
		uint16_t tunnel = (uint16_t)pair_below(&dice, 3);
		struct policy *found;

		src.addr_start = src.addr_end = draw_addr(family);
		dst.addr_start = dst.addr_end = draw_addr(family);
		buf_set(pkt, packet, pair_packet(&dice, &src, &dst, 8, packet));
		cr_assert_eq(ip_packet_parse(&ip, pkt), DROP_NONE);
		found = spd_match(spd, tunnel, &ip);
		cr_assert_eq(found, walk(spd, tunnel, &ip));
		hits += found != NULL;
	}
	return hits;
}

Test(spd, against_a_walk)
{
	struct spd *spd = spd_create();
	struct buf *pkt = buf_alloc(PAIR_ROOM);
	bool used[200] = {false};
	size_t hits = 0;

	for (int round = 0; round < 400; round++) {
		uint32_t id = pair_below(&dice, 200);
		struct policy_params params = {.id = id};
		struct policy *policy;

		if (used[id]) {
			spd_remove(spd, id);
			cr_assert_null(spd_find(spd, id));
		} else {
			draw_policy(&params);
			cr_assert_eq(spd_add(spd, &params, NULL, &policy), 0);
			cr_assert_eq(spd_find(spd, id), policy);
			cr_assert_eq(spd_add(spd, &params, NULL, &policy), -EEXIST);
		}
		used[id] = !used[id];
		hits += compare_matches(spd, pkt, 50);
	}
	cr_expect_gt(hits, 2000, "%zu", hits);
	for (uint32_t id = 0; id < 200; id++)
		spd_remove(spd, id);
	cr_expect_eq(compare_matches(spd, pkt, 50), 0);
	buf_free(pkt);
	spd_destroy(spd);
}

/* Who else has a packet with them: by every order of adding and removing, templates aside. */
Test(spd, meets_what_shares_a_packet)
{
	struct spd *spd = spd_create();
	struct ts any = pair_ts("fd00::", "fd00::ffff", 0, 0, 65535);
	struct ts own = pair_ts("fd00:1::1", "fd00:1::1", 17, 53, 53);
	struct ts other = pair_ts("fd00:1::1", "fd00:1::1", 6, 0, 65535);
	struct ts seven = pair_ts("fd00::7", "fd00::7", 17, 0, 65535);
	struct ts eight = pair_ts("fd00::8", "fd00::8", 17, 0, 65535);
	struct policy_params params = {.id = 1,
		.action = POLICY_TEMPLATE,
		.n_local = 1,
		.n_remote = 1,
		.local = {own},
		.remote = {any}};
	struct policy *template;
	struct policy *policy;
	size_t at = 0;

	cr_assert_eq(spd_add(spd, &params, NULL, &template), 0);
	cr_expect_null(spd_meets(spd, 0, &own, &seven, NULL));
	params = (struct policy_params){
		.id = 2, .n_local = 1, .n_remote = 1, .local = {own}, .remote = {seven}};
	cr_assert_eq(spd_add(spd, &params, NULL, &policy), 0);
	cr_expect_eq(spd_meets(spd, 0, &own, &seven, NULL), policy);
	cr_expect_null(spd_meets(spd, 0, &own, &seven, policy), "itself does not count");
	cr_expect_null(spd_meets(spd, 1, &own, &seven, NULL), "another tunnel");
	cr_expect_null(spd_meets(spd, 0, &other, &seven, NULL), "another protocol");
	cr_expect_null(spd_meets(spd, 0, &own, &eight, NULL));
	spd_remove(spd, 2);
	cr_expect_null(spd_meets(spd, 0, &own, &seven, NULL));
	cr_expect_eq(spd_next(spd, &at), template);
	cr_expect_null(spd_next(spd, &at));
	spd_destroy(spd);
}

static struct policy *match(struct spd *spd, uint16_t tunnel, const char *from, const char *to)
{
	struct buf *pkt = buf_alloc(PAIR_ROOM);
	struct ts src = pair_ts(from, from, 17, 1000, 1000);
	struct ts dst = pair_ts(to, to, 17, 53, 53);
	uint8_t packet[PAIR_ROOM];
	struct ip_packet ip;
	struct policy *policy;

	buf_set(pkt, packet, pair_packet(&dice, &src, &dst, 8, packet));
	cr_assert_eq(ip_packet_parse(&ip, pkt), DROP_NONE);
	policy = spd_match(spd, tunnel, &ip);
	buf_free(pkt);
	return policy;
}

Test(spd, longest_prefix_then_order_then_shorter)
{
	struct spd *spd = spd_create();
	struct ts any = prefix_ts("10.0.0.0/8", 0, 0, 65535);
	struct policy *all = add(spd, 1, 0, any, prefix_ts("0.0.0.0/0", 0, 0, 65535));
	struct policy *net = add(spd, 2, 0, any, prefix_ts("10.1.0.0/16", 0, 0, 65535));
	struct policy *dns = add(spd, 3, 0, any, prefix_ts("10.1.2.0/24", 17, 53, 53));
	struct policy *second = add(spd, 4, 0, any, prefix_ts("10.1.2.0/24", 17, 0, 65535));
	struct policy *tcp = add(spd, 5, 0, any, prefix_ts("10.1.2.3/32", 6, 0, 65535));
	struct policy *other = add(spd, 6, 1, any, prefix_ts("10.1.2.3/32", 0, 0, 65535));
	struct policy *six =
		add(spd, 7, 0, prefix_ts("fd00::/8", 0, 0, 65535), prefix_ts("::/0", 0, 0, 65535));

	cr_expect_eq(match(spd, 0, "10.0.0.1", "10.1.2.3"), dns);
	cr_expect_eq(match(spd, 0, "10.0.0.1", "10.1.3.3"), net);
	cr_expect_eq(match(spd, 0, "10.0.0.1", "8.8.8.8"), all);
	cr_expect_null(match(spd, 0, "192.0.2.1", "10.1.2.3"));
	cr_expect_eq(match(spd, 1, "10.0.0.1", "10.1.2.3"), other);
	cr_expect_null(match(spd, 1, "10.0.0.1", "10.1.2.4"));
	cr_expect_null(match(spd, 2, "10.0.0.1", "10.1.2.3"));
	cr_expect_eq(match(spd, 0, "fd00::1", "2001:db8::1"), six);
	spd_remove(spd, 3);
	cr_expect_eq(match(spd, 0, "10.0.0.1", "10.1.2.3"), second);
	spd_remove(spd, 4);
	cr_expect_eq(match(spd, 0, "10.0.0.1", "10.1.2.3"), net);
	cr_expect_eq(tcp->id, 5);
	spd_destroy(spd);
}

Test(spd, path_is_shared_and_lives_as_long_as_its_last_policy)
{
	struct spd *spd = spd_create();
	struct ts any = prefix_ts("10.0.0.0/8", 0, 0, 65535);
	struct policy_params params = {.n_local = 1, .n_remote = 1};
	struct policy *first = add(spd, 1, 0, any, any);
	struct policy *last = first;

	params.local[0] = params.remote[0] = any;
	for (uint32_t id = 2; id <= 1000; id++) {
		params.id = id;
		cr_assert_eq(spd_add(spd, &params, first, &last), 0);
		cr_assert_eq(last->path, first->path);
	}
	cr_expect_eq(first->path->users, 1000);
	for (uint32_t id = 1; id < 1000; id++)
		spd_remove(spd, id);
	cr_expect_eq(last->path->users, 1);
	last->path->mtu = 1400;
	spd_destroy(spd);
}

Test(spd, other_local_selectors)
{
	struct spd *spd = spd_create();
	struct ts any = prefix_ts("::/0", 0, 0, UINT16_MAX);
	struct ts host = prefix_ts("fd00::7/128", 0, 0, UINT16_MAX);
	struct ts bad = host;
	struct policy *policy = add(spd, 1, 0, any, prefix_ts("fd00:9::/32", 0, 0, UINT16_MAX));
	struct ts remote = policy->remote[0];

	for (int i = 0; i < 3; i++)
		cr_assert_eq(spd_set_local(spd, 1, &host, 1), 0);
	cr_assert_eq(policy->n_local, 1);
	cr_assert(ts_equal(&policy->local[0], &host));
	cr_assert_eq(policy->n_remote, 1);
	cr_assert(ts_equal(&policy->remote[0], &remote));
	bad.addr_start = prefix_ts("fd00::8/128", 0, 0, 0).addr_start;
	cr_assert_eq(spd_set_local(spd, 1, &bad, 1), -EINVAL);
	cr_assert_eq(spd_set_local(spd, 2, &host, 1), -ENOENT);
	cr_assert(ts_equal(&policy->local[0], &host));
	spd_destroy(spd);
}

Test(spd, refusals)
{
	struct spd *spd = spd_create();
	struct ts good = prefix_ts("10.0.0.0/8", 0, 0, 65535);
	struct policy_params params = {.id = 1, .n_local = 1, .n_remote = 1};
	struct policy *out = NULL;

	params.local[0] = params.remote[0] = good;
	params.n_remote = 0;
	cr_expect_eq(spd_add(spd, &params, NULL, &out), -EINVAL);
	params.n_remote = TS_MAX + 1;
	cr_expect_eq(spd_add(spd, &params, NULL, &out), -EINVAL);
	params.n_remote = 1;
	params.action = 7;
	cr_expect_eq(spd_add(spd, &params, NULL, &out), -EINVAL);
	params.action = POLICY_PROTECT;
	params.remote[0].addr_start.family = 6;
	cr_expect_eq(spd_add(spd, &params, NULL, &out), -EINVAL);
	cr_expect_null(out);
	cr_expect_null(spd_find(spd, 1));
	spd_remove(spd, 1);
	spd_destroy(spd);
}
