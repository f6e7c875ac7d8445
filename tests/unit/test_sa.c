/* SPDX-License-Identifier: Apache-2.0 */
/* One SA: what may be created, its numbers and their reservation, its lifetimes. */
#include "esp/sa.h"

#include "crypto/hash.h"
#include "crypto/secret.h"
#include "diet/iipc.h"
#include "base/buf.h"
#include "ip/addr.h"
#include "ip/packet.h"
#include "reference/rules.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct aead_pool *pool;

static void set_up(void)
{
	cr_assert_eq(crypto_init(), 0);
	pool = aead_pool_create(4);
}

static void tear_down(void)
{
	aead_pool_destroy(pool);
}

TestSuite(sa, .init = set_up, .fini = tear_down);

static struct ts any_ts(void)
{
	struct ts ts = {.port_end = 65535};

	ip_addr_parse("fd00::", &ts.addr_start);
	ip_addr_parse("fd00::ffff", &ts.addr_end);
	return ts;
}

static struct sa_params good_params(enum sa_dir dir)
{
	struct sa_params params = {.dir = dir,
		.spi = 0x80001234,
		.encr = ENCR_CHACHA20_POLY1305_IIV,
		.keymat_len = 36,
		.n_ts_local = 1,
		.n_ts_remote = 1};

	memset(params.keymat, 0x5a, params.keymat_len);
	params.ts_local[0] = params.ts_remote[0] = any_ts();
	return params;
}

static struct sa *create(const struct sa_params *params, uint8_t sn_lsb, uint64_t now_ms)
{
	struct diet_attrs attrs = diet_attrs_plain();
	struct sa *sa = NULL;

	attrs.esp_sn_lsb = sn_lsb;
	if (sn_lsb == 8)
		attrs.window = 64;
	cr_assert_eq(sa_create(params, &attrs, pool, now_ms, &sa), 0);
	return sa;
}

Test(sa, refuses)
{
	struct diet_attrs attrs = diet_attrs_plain();
	struct sa *sa = NULL;
	struct sa_params p;

#define REFUSED(change) \
	do { \
		p = good_params(SA_IN); \
		change; \
		cr_expect_eq(sa_create(&p, &attrs, pool, 0, &sa), -EINVAL, #change); \
		cr_expect_null(sa); \
	} while (0)
	REFUSED(p.encr = (enum encr)3);
	REFUSED(p.keymat_len = 35);
	REFUSED(p.keymat_len = 0);
	REFUSED(p.dir = SA_BOTH);
	REFUSED(p.mode = (enum sa_mode)2);
	REFUSED(p.encap = (enum sa_encap)2);
	REFUSED(p.n_ts_local = 0);
	REFUSED(p.n_ts_remote = TS_MAX + 1);
	REFUSED(p.ts_remote[0].addr_start.family = 4);
	REFUSED(p.window = REPLAY_WINDOW_MAX + 1);
	REFUSED(p.dir = SA_OUT; p.window = REPLAY_WINDOW_MAX + 1);
	REFUSED(attrs.esp_sn_lsb = 31);
#undef REFUSED
}

Test(sa, numbers_are_1_to_the_last_one)
{
	struct sa_params params = good_params(SA_OUT);
	struct sa *sa = create(&params, 32, 0);

	cr_expect_eq(sa_take_sequence(sa, 0), DROP_NONE);
	cr_expect_eq(sa->sequence, 1);
	sa->sequence = UINT32_MAX / 4ull * 3 - 2;
	cr_expect_eq(sa_take_sequence(sa, 0), DROP_NONE);
	cr_expect_eq(sa->notices, 0);
	cr_expect_eq(sa_take_sequence(sa, 0), DROP_NONE);
	cr_expect_eq(sa->notices, SA_NOTICE_SEQUENCE_LOW);
	sa->notices = 0;
	cr_expect_eq(sa_take_sequence(sa, 0), DROP_NONE);
	cr_expect_eq(sa->notices, 0);
	sa->sequence = UINT32_MAX - 1;
	cr_expect_eq(sa_take_sequence(sa, 0), DROP_NONE);
	cr_expect_eq(sa->sequence, UINT32_MAX);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(sa_take_sequence(sa, 0), DROP_SEQ_OVERFLOW);
	cr_expect_eq(sa->sequence, UINT32_MAX);
	cr_expect_eq(sa->notices, SA_NOTICE_HARD);
	sa_destroy(sa);

	params.esn = 1;
	sa = create(&params, 32, 0);
	cr_expect_eq(sa->sequence_max, 1ull << 48);
	sa->sequence = UINT32_MAX;
	cr_expect_eq(sa_take_sequence(sa, 0), DROP_NONE);
	cr_expect_eq(sa->sequence, 1ull << 32);
	sa->sequence = (1ull << 48) - 1;
	cr_expect_eq(sa_take_sequence(sa, 0), DROP_NONE);
	cr_expect_eq(sa_take_sequence(sa, 0), DROP_SEQ_OVERFLOW);
	cr_expect_eq(sa->sequence, 1ull << 48);
	sa_destroy(sa);
}

Test(sa, direction_and_death)
{
	struct sa_params params = good_params(SA_IN);
	struct sa *sa = create(&params, 32, 0);

	cr_expect_eq(sa_take_sequence(sa, 0), DROP_SA_STATE);
	cr_expect_eq(sa_check(sa, SA_OUT, 0), DROP_SA_STATE);
	cr_expect_eq(sa_check(sa, SA_IN, 0), DROP_NONE);
	sa->dead = 1;
	cr_expect_eq(sa_check(sa, SA_IN, 0), DROP_SA_STATE);
	sa_destroy(sa);
	sa_destroy(NULL);
}

Test(sa, long_lived_key_waits_for_its_reservation)
{
	struct sa_params params = good_params(SA_OUT);
	uint8_t digest[HASH_DIGEST_LEN];
	struct sa *sa;

	params.long_lived = 1;
	sa = create(&params, 32, 0);
	hash_digest((struct slice){params.keymat, params.keymat_len}, digest);
	cr_expect_arr_eq(sa->key_id, digest, sizeof(digest));
	for (int i = 0; i < 3; i++)
		cr_expect_eq(sa_take_sequence(sa, 0), DROP_SEQ_WAIT);
	cr_expect_eq(sa->notices, SA_NOTICE_RESERVE);
	cr_expect_eq(sa->sequence, 0);
	sa->notices = 0;
	/* The write failed: asked again at the next packet. */
	sa_set_ceiling(sa, 0, 100);
	cr_expect_eq(sa_take_sequence(sa, 0), DROP_SEQ_WAIT);
	cr_expect_eq(sa->notices, SA_NOTICE_RESERVE);
	sa->notices = 0;
	sa_set_ceiling(sa, 101, 100);
	for (int i = 1; i <= 50; i++)
		cr_expect_eq(sa_take_sequence(sa, 0), DROP_NONE);
	cr_expect_eq(sa->notices, 0);
	cr_expect_eq(sa_take_sequence(sa, 0), DROP_NONE);
	cr_expect_eq(sa->notices, SA_NOTICE_RESERVE, "half of the block is gone");
	for (int i = 52; i <= 100; i++)
		cr_expect_eq(sa_take_sequence(sa, 0), DROP_NONE);
	cr_expect_eq(sa_take_sequence(sa, 0), DROP_SEQ_WAIT);
	cr_expect_eq(sa->sequence, 100);
	sa_set_ceiling(sa, 50, 100);
	cr_expect_eq(sa->ceiling, 101, "a late answer lowers nothing");
	sa_set_ceiling(sa, UINT64_MAX, 100);
	cr_expect_eq(sa_take_sequence(sa, 0), DROP_NONE);
	sa_destroy(sa);
}

/*
 * Lives that end at any moment: what was on disk before a number below it was used is all that the
 * next one knows. No number may come out twice, over all of them together.
 */
Test(sa, no_number_twice_over_many_lives)
{
	enum { NUMBERS = 500000, LIVES = 300 };
	uint8_t *given = calloc(NUMBERS, 1);
	uint64_t disk = 1; /* the first number not yet promised */
	struct sa_params params = good_params(SA_OUT);
	size_t total = 0;

	params.long_lived = 1;
	srand(11);
	for (int life = 0; life < LIVES; life++) {
		struct sa *sa = create(&params, 32, 0);
		uint64_t block = 2 + (uint64_t)rand() % 300;
		uint64_t queued = 0;
		int steps = rand() % 1200;

		sa_resume(sa, disk - 1);
		sa_set_ceiling(sa, disk, block);
		for (int i = 0; i < steps; i++) {
			if (sa_take_sequence(sa, 0) == DROP_NONE) {
				cr_assert_lt(sa->sequence, disk, "used before it was on disk");
				cr_assert_lt(sa->sequence, NUMBERS);
				cr_assert_eq(given[sa->sequence]++, 0);
				total++;
			}
			if (sa->notices & SA_NOTICE_RESERVE) {
				cr_assert_eq(queued, 0, "asked twice");
				queued = sa->ceiling + block;
				sa->notices = 0;
			}
			if (queued && rand() % 20 == 0) {
				if (rand() % 8)
					disk = queued;
				sa_set_ceiling(sa, disk, block);
				queued = 0;
			} else if (rand() % 50 == 0) {
				sa_set_ceiling(sa, disk - (uint64_t)rand() % 40 % disk, block);
				queued = 0;
			}
		}
		/* Killed while a write was under way: it may or may not have arrived. */
		if (queued && rand() % 2)
			disk = queued;
		sa_destroy(sa);
	}
	cr_expect_gt(total, 20000, "%zu", total);
	free(given);
}

Test(sa, blocks)
{
	const struct {
		uint8_t bits;
		uint32_t window;
		uint64_t rate, block;
	} rows[] = {
		{32, 1024, 0, 4096},
		{32, 1024, 68, 4096},
		{32, 1024, 69, 8192},
		{32, 1024, 1000, 65536},
		{32, 1024, 280000, 1 << 20},
		{32, 1024, UINT64_MAX, 1 << 20},
		{16, 1024, 0, 4096},
		{16, 1024, 280000, 32256},
		{8, 64, 0, 96},
		{8, 64, 50, 96},
		{8, 128, 0, 64},
		{0, 64, 0, 16},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sa_params params = good_params(SA_OUT);
		struct diet_attrs attrs = diet_attrs_plain();
		struct sa *sa;

		params.window = rows[i].window;
		attrs.esp_sn_lsb = rows[i].bits;
		attrs.window = rows[i].window;
		cr_assert_eq(sa_create(&params, &attrs, pool, 0, &sa), 0);
		cr_expect_eq(sa_reservation_block(sa, rows[i].rate), rows[i].block, "row %zu: %llu",
			i + 1, (unsigned long long)sa_reservation_block(sa, rows[i].rate));
		sa_destroy(sa);
	}
}

static uint32_t take_notices(struct sa *sa)
{
	uint32_t notices = sa->notices;

	sa->notices = 0;
	return notices;
}

Test(sa, lifetime_in_packets_and_octets)
{
	struct sa_params params = good_params(SA_OUT);
	struct sa *sa;

	params.soft_packets = 3;
	params.hard_packets = 5;
	sa = create(&params, 32, 0);
	for (int i = 1; i <= 5; i++) {
		cr_expect_eq(sa_take_sequence(sa, 0), DROP_NONE);
		sa_count(sa, 100, 120, 7);
		cr_expect_eq(take_notices(sa),
			i == 3   ? SA_NOTICE_SOFT
			: i == 5 ? SA_NOTICE_HARD
				 : 0,
			"packet %d", i);
	}
	cr_expect_eq(sa->counters.packets, 5);
	cr_expect_eq(sa->counters.inner_bytes, 500);
	cr_expect_eq(sa->counters.wire_bytes, 600);
	cr_expect_eq(sa->last_ms, 7);
	cr_expect_eq(sa_take_sequence(sa, 0), DROP_LIFETIME);
	cr_expect_eq(take_notices(sa), 0);
	sa_destroy(sa);

	params = good_params(SA_IN);
	params.soft_bytes = 250;
	params.hard_bytes = 300;
	sa = create(&params, 32, 0);
	sa_count(sa, 200, 0, 1);
	cr_expect_eq(take_notices(sa), 0);
	sa_count(sa, 50, 0, 1);
	cr_expect_eq(take_notices(sa), SA_NOTICE_SOFT);
	cr_expect_eq(sa_check(sa, SA_IN, 1), DROP_NONE);
	sa_count(sa, 50, 0, 1);
	cr_expect_eq(take_notices(sa), SA_NOTICE_HARD);
	cr_expect_eq(sa_check(sa, SA_IN, 1), DROP_LIFETIME);
	sa_destroy(sa);
}

Test(sa, lifetime_by_the_clock)
{
	struct sa_params params = good_params(SA_OUT);
	struct sa *sa;

	params.soft_s = 10;
	params.hard_s = 20;
	sa = create(&params, 32, 5000);
	cr_expect_eq(sa_deadline(sa), 15000);
	sa_expire(sa, 14999);
	cr_expect_eq(take_notices(sa), 0);
	sa_expire(sa, 15000);
	cr_expect_eq(take_notices(sa), SA_NOTICE_SOFT);
	cr_expect_eq(sa_deadline(sa), 25000);
	cr_expect_eq(sa_take_sequence(sa, 24999), DROP_NONE);
	cr_expect_eq(sa_take_sequence(sa, 25000), DROP_LIFETIME);
	cr_expect_eq(take_notices(sa), SA_NOTICE_HARD);
	cr_expect_eq(sa_deadline(sa), UINT64_MAX);
	sa_destroy(sa);

	params.soft_s = params.hard_s = UINT64_MAX;
	sa = create(&params, 32, 5000);
	cr_expect_eq(sa_deadline(sa), UINT64_MAX);
	sa_destroy(sa);
	params.soft_s = params.hard_s = 0;
	sa = create(&params, 32, UINT64_MAX - 1);
	cr_expect_eq(sa_take_sequence(sa, UINT64_MAX - 1), DROP_NONE);
	sa_destroy(sa);
}

Test(sa, counters_run_over_without_harm)
{
	struct sa_params params = good_params(SA_IN);
	struct sa *sa = create(&params, 32, 0);

	sa->counters = (struct sa_counters){UINT64_MAX, UINT64_MAX - 10, UINT64_MAX - 10,
		UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
	sa_count(sa, 100, 100, 1);
	sa_count_icv_failure(sa);
	cr_expect_eq(sa->counters.packets, 0);
	cr_expect_eq(sa->counters.inner_bytes, 89);
	cr_expect_eq(sa->counters.icv_failures, 0);
	cr_expect_eq(sa_check(sa, SA_IN, 1), DROP_NONE);
	cr_expect_eq(sa->notices, 0);
	sa_destroy(sa);
}

Test(sa, stored_highest_number)
{
	struct sa_params params = good_params(SA_IN);
	struct sa *sa;

	params.long_lived = 1;
	params.window = 1024;
	sa = create(&params, 16, 0);
	cr_expect_eq(sa->store_step, (65536 - 1024) / 4);
	sa_resume(sa, 70000);
	cr_expect_eq(replay_check(&sa->replay, 70000), DROP_REPLAY_OLD);
	cr_expect(sa_accept_sequence(sa, 70001));
	cr_expect_not(sa_accept_sequence(sa, 70001));
	cr_expect_eq(take_notices(sa), 0);
	cr_expect(sa_accept_sequence(sa, 70000 + sa->store_step));
	cr_expect_eq(take_notices(sa), SA_NOTICE_STORE);
	cr_expect(sa_accept_sequence(sa, 70002 + sa->store_step));
	cr_expect_eq(take_notices(sa), 0);
	sa_destroy(sa);
	sa = create(&params, 32, 0);
	cr_expect_eq(sa->store_step, 4096);
	sa_destroy(sa);
}

Test(sa, burst_of_failures_is_told_once)
{
	struct sa_params params = good_params(SA_IN);
	struct sa *sa = create(&params, 32, 0);

	for (int i = 0; i < 31; i++)
		sa_count_icv_failure(sa);
	cr_expect_eq(take_notices(sa), 0);
	sa_count_icv_failure(sa);
	cr_expect_eq(take_notices(sa), SA_NOTICE_ICV);
	for (int i = 0; i < 1000; i++)
		sa_count_icv_failure(sa);
	cr_expect_eq(take_notices(sa), 0);
	sa_accept_sequence(sa, 1);
	for (int i = 0; i < 32; i++)
		sa_count_icv_failure(sa);
	cr_expect_eq(take_notices(sa), SA_NOTICE_ICV);
	cr_expect_eq(sa->counters.icv_failures, 1064);
	sa_destroy(sa);
}

/* A bucket of 64 tries, a full one about every second, on any clock. */
Test(sa, tries_are_bounded)
{
	static const uint64_t starts[] = {0, 3, 5000, UINT64_MAX - 100000};
	struct sa_params params = good_params(SA_IN);

	for (size_t k = 0; k < sizeof starts / sizeof *starts; k++) {
		struct sa *sa = create(&params, 8, 0);
		uint64_t now = starts[k];
		unsigned taken = 0;

		for (unsigned i = 0; i < 10000; i++, now++) {
			cr_assert_eq(sa_has_try(sa, now), sa_has_try(sa, now));
			while (sa_take_try(sa, now))
				taken++;
			cr_assert_leq(taken, 64 + (i + 1) / 16);
		}
		cr_expect_geq(taken, 10000 / 16 - 1);
		now += 1024;
		for (taken = 0; sa_take_try(sa, now);)
			taken++;
		cr_expect_eq(taken, 64);
		cr_expect_not(sa_has_try(sa, now));
		cr_expect_not(sa_has_try(sa, now - 500), "a clock that goes back");
		sa_destroy(sa);
	}
}

/* Without low bits the tries are the whole jump: a crash skips at most two blocks of 16. */
Test(sa, reservation_without_low_bits)
{
	struct sa_params params = good_params(SA_OUT);
	struct sa *sa = create(&params, 0, 0);

	cr_expect_eq(sa_resync_tries(sa), 32);
	cr_expect_eq(sa_reservation_block(sa, 0), 16);
	cr_expect_eq(sa_reservation_block(sa, UINT32_MAX), 16);
	sa_destroy(sa);
	params.dir = SA_IN;
	params.long_lived = 1;
	sa = create(&params, 0, 0);
	cr_expect_eq(sa->store_step, 8);
	sa_destroy(sa);
	sa = create(&params, 8, 0);
	cr_expect_eq(sa_resync_tries(sa), 1);
	sa_destroy(sa);
	sa = create(&params, 32, 0);
	cr_expect_eq(sa_resync_tries(sa), 0);
	sa_destroy(sa);
}

static const struct rule_row echo[] = {RULE_IS(SCHC_IPV6_VER, RULE_BI, "06"),
	RULE_IS(SCHC_IPV6_TC, RULE_BI, "00"), RULE_IS(SCHC_IPV6_FL, RULE_BI, "00"),
	RULE_BY(SCHC_IPV6_LEN, RULE_BI, SCHC_CDA_COMPUTE), RULE_IS(SCHC_IPV6_NXT, RULE_BI, "3a"),
	RULE_ANY(SCHC_IPV6_HOP_LMT, RULE_BI), RULE_MSB(SCHC_IPV6_SRC, RULE_BI, 112, "fd00"),
	RULE_MSB(SCHC_IPV6_DST, RULE_BI, 112, "fd00"), RULE_END};

/* The set moves in behind the SA; nobody needs the rules any more. */
Test(sa, carries_a_set_of_rules)
{
	struct schc_rule *rules = calloc(2, sizeof *rules);
	struct schc_rule_set set = {rules, 2};
	struct diet_attrs attrs = diet_attrs_plain();
	struct sa_params params = good_params(SA_OUT);
	uint8_t packet[48] = {0x60, [5] = 8, 58, 64, 0xfd, [23] = 7, 0xfd, [39] = 9, 128};
	struct buf *pkt = buf_alloc(256);
	struct outer outer = {0};
	struct ip_packet ip;
	struct sa *sa = NULL;

	rules[0].id = 1;
	rules[0].id_bits = rules[1].id_bits = 2;
	for (unsigned i = 0; i < 2; i++) {
		rule_rows(&rules[i], echo);
		for (unsigned f = 6; f < 8; f++) {
			rules[i].field[f].tv[0] = 0xfd;
			memset(rules[i].field[f].tv + 1, 0, SCHC_TV_LEN - 1);
		}
	}
	attrs.rules = &set;
	rules[1].id = 1;
	cr_assert_eq(sa_create(&params, &attrs, pool, 0, &sa), -EINVAL);
	rules[1].id = 0;
	cr_assert_eq(sa_create(&params, &attrs, pool, 0, &sa), 0);
	free(rules);
	cr_assert_eq(buf_set(pkt, packet, sizeof packet), 0);
	cr_assert_eq(ip_packet_parse(&ip, pkt), DROP_NONE);
	cr_assert_eq(iipc_compress(&sa->diet, &ip, pkt, &outer), DROP_NONE);
	cr_assert_eq(pkt->len, 6 + 8); /* 2 + 8 + 16 + 16 bits, and what is behind IPv6 */
	cr_assert_arr_eq(pkt->data, ((uint8_t[]){0x50, 0, 1, 0xc0, 2, 0x40}), 6);
	cr_assert_eq(iipc_decompress(&sa->diet, 0, pkt, &outer), DROP_NONE);
	cr_assert_arr_eq(pkt->data, packet, sizeof packet);
	buf_free(pkt);
	sa_destroy(sa);
}
