/* SPDX-License-Identifier: Apache-2.0 */
/* The SAD: ids, look-up by the wire, the newest SA out, deadlines in order, ten thousand of all. */
#include "ipsec/sad.h"

#include "base/wire.h"
#include "crypto/secret.h"
#include "fakes/pair.h"
#include "ip/ts.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pair pair;

static void set_up(void)
{
	cr_assert_eq(crypto_init(), 0);
	cr_assert_eq(pair_init(&pair, 99), 0);
}

static void tear_down(void)
{
	pair_fini(&pair);
}

TestSuite(sad, .init = set_up, .fini = tear_down);

static struct pair_link plain_link(void)
{
	return (struct pair_link){.suite = "chacha20-poly1305-iiv",
		.attrs = diet_attrs_plain(),
		.ts_a = pair_ts("fd00:a::", "fd00:a::ffff", 0, 0, 65535),
		.ts_b = pair_ts("fd00:b::", "fd00:b::ffff", 0, 0, 65535)};
}

Test(sad, newest_outbound_sa_is_used)
{
	struct pair_link first = plain_link();
	struct pair_link second = plain_link();
	struct pair_link fallback = plain_link();
	sa_id id;

	cr_assert_eq(pair_connect(&pair, &first), 0);
	cr_expect_eq(first.policy_a->out, first.a_out);
	cr_expect_null(first.policy_a->out_fallback);
	second.policy = fallback.policy = first.policy;
	fallback.fallback = true;
	cr_assert_eq(pair_connect(&pair, &second), 0);
	cr_assert_eq(pair_connect(&pair, &fallback), 0);
	cr_expect_eq(first.policy_a->out, second.a_out);
	cr_expect_eq(first.policy_a->out_fallback, fallback.a_out);
	id = second.a_out->id;
	cr_expect_eq(sad_find(pair.a.sad, id), second.a_out);
	ipsec_sa_remove(&pair.a, second.a_out);
	cr_expect_eq(first.policy_a->out, first.a_out);
	cr_expect_null(sad_find(pair.a.sad, id));
	ipsec_sa_remove(&pair.a, fallback.a_out);
	cr_expect_null(first.policy_a->out_fallback);
	ipsec_sa_remove(&pair.a, first.a_out);
	cr_expect_null(first.policy_a->out);
	cr_expect_eq(sad_count(pair.a.sad), 3);
}

static void wire_of(const struct sa *sa, uint8_t wire[4])
{
	put_be32(wire, sa->spi << (32 - sa->diet.spi_bits));
}

Test(sad, ten_thousand)
{
	enum { N = 10000 };
	struct pair_link *links = calloc(N, sizeof(*links));
	uint8_t wire[4];
	size_t at = 0;
	size_t walked = 0;

	for (size_t i = 0; i < N; i++) {
		links[i] = plain_link();
		links[i].attrs.esp_spi_lsb = i % 3 ? 32 : 16;
		links[i].attrs.esp_sn_lsb = links[i].attrs.esp_spi_lsb;
		cr_assert_eq(pair_connect(&pair, &links[i]), 0, "%zu", i);
	}
	cr_expect_eq(sad_count(pair.a.sad), 2 * N);
	for (size_t i = 0; i < N; i++) {
		wire_of(links[i].b_in, wire);
		cr_assert_eq(sad_find_inbound(pair.b.sad, wire, 4), links[i].b_in);
		cr_assert_eq(sad_find(pair.b.sad, links[i].b_out->id), links[i].b_out);
	}
	while (sad_next(pair.b.sad, &at))
		walked++;
	cr_expect_eq(walked, 2 * N);
	for (size_t i = 0; i < N; i += 2) {
		wire_of(links[i].b_in, wire);
		ipsec_sa_remove(&pair.b, links[i].b_in);
		cr_assert_null(sad_find_inbound(pair.b.sad, wire, 4));
	}
	for (size_t i = 1; i < N; i += 2) {
		wire_of(links[i].b_in, wire);
		cr_assert_eq(sad_find_inbound(pair.b.sad, wire, 4), links[i].b_in);
	}
	free(links);
}

/* An id that was given back names nobody for more than a million installs. */
Test(sad, ids_come_back_late)
{
	struct pair_link link = plain_link();
	struct pair_link other = plain_link();
	sa_id id;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	other.policy = link.policy;
	cr_assert_eq(pair_connect(&pair, &other), 0);
	id = other.a_in->id;
	ipsec_sa_remove(&pair.a, other.a_in);
	for (int i = 0; i < 4000; i++) {
		struct pair_link again = plain_link();

		again.policy = link.policy;
		cr_assert_eq(pair_connect(&pair, &again), 0);
		cr_assert_null(sad_find(pair.a.sad, id));
		cr_assert_neq(again.a_in->id, 0);
		ipsec_sa_remove(&pair.a, again.a_in);
		ipsec_sa_remove(&pair.a, again.a_out);
		ipsec_sa_remove(&pair.b, again.b_in);
		ipsec_sa_remove(&pair.b, again.b_out);
	}
	cr_expect_null(sad_find(pair.a.sad, 0));
	cr_expect_null(sad_find(pair.a.sad, UINT32_MAX));
}

static void expect_due(const struct sa *sa, uint32_t notices)
{
	uint32_t got = 0;
	struct sa *noted = ipsec_take_notice(&pair.a, &got);

	cr_expect_eq(noted, sa);
	cr_expect_eq(got, notices);
}

Test(sad, deadlines)
{
	struct pair_link links[3] = {plain_link(), plain_link(), plain_link()};
	const uint64_t soft[] = {30, 10, 0}, hard[] = {60, 20, 15};

	for (int i = 0; i < 3; i++) {
		links[i].soft_s = soft[i];
		links[i].hard_s = hard[i];
		cr_assert_eq(pair_connect(&pair, &links[i]), 0);
		ipsec_sa_remove(&pair.a, links[i].a_in);
	}
	cr_expect_eq(sad_next_deadline(pair.a.sad), pair.now_ms + 10000);
	ipsec_note_due(&pair.a, pair.now_ms + 9999);
	expect_due(NULL, 0);
	ipsec_note_due(&pair.a, pair.now_ms + 10000);
	expect_due(links[1].a_out, SA_NOTICE_SOFT);
	expect_due(NULL, 0);
	cr_expect_eq(sad_next_deadline(pair.a.sad), pair.now_ms + 15000);
	/* Told by packets before: only the hard one is left, at its time. */
	links[0].a_out->told |= SA_NOTICE_SOFT;
	ipsec_note_due(&pair.a, pair.now_ms + 30000);
	expect_due(links[2].a_out, SA_NOTICE_HARD);
	expect_due(links[1].a_out, SA_NOTICE_HARD);
	expect_due(NULL, 0);
	cr_expect_eq(sad_next_deadline(pair.a.sad), pair.now_ms + 60000);
	ipsec_sa_remove(&pair.a, links[0].a_out);
	cr_expect_eq(sad_next_deadline(pair.a.sad), UINT64_MAX);
	cr_expect_null(sad_take_due(pair.a.sad, UINT64_MAX));
}

Test(sad, deadlines_come_in_order)
{
	enum { N = 500 };
	struct pair_link links[N];
	uint64_t last = 0;
	size_t seen = 0;

	for (size_t i = 0; i < N; i++) {
		links[i] = plain_link();
		links[i].hard_s = 1 + pair_below(&pair.random, 1000);
		links[i].soft_s = pair_below(&pair.random, (uint32_t)links[i].hard_s);
		cr_assert_eq(pair_connect(&pair, &links[i]), 0);
	}
	for (size_t i = 0; i < N; i += 5)
		ipsec_sa_remove(&pair.a, links[i].a_out);
	for (uint64_t at; (at = sad_next_deadline(pair.a.sad)) != UINT64_MAX; seen++) {
		const struct sa *sa;

		cr_assert_geq(at, last);
		last = at;
		sa = sad_take_due(pair.a.sad, at);
		cr_assert_not_null(sa);
		cr_assert(sa->soft_ms <= at || sa->hard_ms <= at);
	}
	cr_expect_geq(seen, N - N / 5 + N);
}

Test(sad, refusals)
{
	struct pair_link link = plain_link();
	struct sa_params params = {.dir = SA_IN,
		.encr = ENCR_CHACHA20_POLY1305_IIV,
		.keymat_len = 36,
		.spi = 0x80000001,
		.n_ts_local = 1,
		.n_ts_remote = 1};
	struct sa *sa = NULL;

	cr_assert_eq(pair_connect(&pair, &link), 0);
	params.policy = link.policy;
	params.ts_local[0] = link.ts_a;
	params.ts_remote[0] = link.ts_b;
	cr_expect_eq(ipsec_sa_install(&pair.a, &params, &link.attrs, 0, &sa), -ENOENT,
		"nobody reserved this SPI");
	params.spi = link.a_in->spi;
	cr_expect_eq(ipsec_sa_install(&pair.a, &params, &link.attrs, 0, &sa), -EADDRINUSE);
	params.spi = 255;
	cr_expect_eq(ipsec_sa_install(&pair.a, &params, &link.attrs, 0, &sa), -EINVAL);
	params.spi = 0x80000001;
	params.policy = 777;
	cr_expect_eq(ipsec_sa_install(&pair.a, &params, &link.attrs, 0, &sa), -ENOENT);
	params.policy = link.policy;
	params.mode = SA_TRANSPORT;
	cr_expect_eq(ipsec_sa_install(&pair.a, &params, &link.attrs, 0, &sa), -EINVAL);
	cr_expect_null(sa);
	cr_expect_eq(sad_count(pair.a.sad), 2);
}

/* What glibc's heap takes for a block: its head of 8 octets counts. */
static size_t heap(const void *block)
{
	size_t usable = block ? malloc_usable_size((void *)(uintptr_t)block) : 0;

	return usable ? usable + sizeof(size_t) : 0;
}

/* A pair of SAs with its policy and path, rules and window included, cipher contexts apart. */
Test(sad, memory_of_a_pair)
{
	struct pair_link link = plain_link();
	size_t sas;
	size_t plans;
	size_t window;
	size_t policy;
	size_t path;
	size_t sum;

	cr_assert(diet_attrs_preset("iot", &link.attrs));
	link.attrs.esp_spi_lsb = 16;
	link.attrs.esp_sn_lsb = 16;
	link.window = 1024;
	cr_assert_eq(pair_connect(&pair, &link), 0);
	sas = heap(link.a_out) + heap(link.a_in);
	if (!link.a_out->ts_lent || !link.a_in->ts_lent)
		sas += heap(link.a_out->ts) + heap(link.a_in->ts);
	plans = (size_t)link.a_out->diet.plan->size + link.a_in->diet.plan->size;
	window = heap(link.a_in->replay.bits);
	policy = heap(link.policy_a);
	path = heap(link.policy_a->path);
	sum = sas + window + policy + path;
	printf("memory of a pair: sas=%zu (plans=%zu of it) window=%zu policy=%zu path=%zu sum=%zu "
	       "(sa=%zu of it aead_key=%zu diet_context=%zu replay=%zu)\n",
		sas, plans, window, policy, path, sum, sizeof(struct sa), sizeof(struct aead_key),
		sizeof(struct diet_context), sizeof(struct replay));
	cr_expect_leq(sum, 2048, "%zu octets", sum);
}
