/* SPDX-License-Identifier: Apache-2.0 */
/* Sequence numbers from their low bits: shared rows, RFC 4303 A2 and bursts of loss. */
#include "diet/context.h"
#include "diet/eec.h"
#include "base/buf.h"
#include "reference/random.h"
#include "vectors.h"

#include <criterion/criterion.h>
#include <string.h>

enum { ROWS = 21, CASES = 200000, BURSTS = 200000 };

Test(eec, shared_rows)
{
	json_t *root = vectors_open("diet-esp-sn.json");
	size_t i;
	json_t *row;

	json_array_foreach(json_object_get(root, "rows"), i, row)
	{
		const json_t *expected = vectors_find(row, "reconstructed");
		unsigned n = (unsigned)vectors_number(row, "sn_lsb_bits");
		uint32_t lsb = (uint32_t)vectors_number(row, "received_lsb");
		uint64_t highest = (uint64_t)vectors_number(row, "highest_authenticated");
		uint64_t sequence = 0;
		bool found = eec_restore_sequence(lsb, n, highest,
			(uint32_t)vectors_number(row, "window"), vectors_bool(row, "esn"),
			&sequence);

		cr_assert_eq(found, !json_is_null(expected), "%s", vectors_text(row, "name"));
		if (!found)
			continue;
		cr_assert_eq(sequence, (uint64_t)json_integer_value(expected), "%s: %llu",
			vectors_text(row, "name"), (unsigned long long)sequence);
		cr_assert_str_eq(
			vectors_text(row, "relation"), sequence > highest ? "new" : "in_window");
		cr_assert_eq(n ? sequence & ~0ull >> (64 - n) : 0, lsb);
	}
	cr_assert_eq(i, ROWS);
	json_decref(root);
}

/* RFC 4303 appendix A2.2, in its own terms: T = (Th, Tl), W the window's size. */
static uint64_t rfc4303_a2(uint32_t seql, uint64_t highest, uint32_t window)
{
	uint32_t tl = (uint32_t)highest;
	uint32_t th = (uint32_t)(highest >> 32);
	uint32_t low = tl - window + 1; /* modulo 2^32 */
	uint32_t seqh;

	if (tl >= window - 1) /* case A: the window lies in one subspace */
		seqh = seql >= low ? th : th + 1;
	else /* case B: it spans two */
		seqh = seql >= low ? th - 1 : th;
	return (uint64_t)seqh << 32 | seql;
}

Test(eec, equals_rfc4303_a2)
{
	struct rnd r = rnd_start("eec a2");

	for (unsigned done = 0; done < CASES;) {
		uint32_t window = 1 + rnd_below(&r, 16384);
		uint64_t highest = rnd_u64(&r) >> rnd_below(&r, 50);
		uint32_t seql = (uint32_t)rnd_u64(&r);
		uint64_t sequence;

		/* Near a wrap of the low half, where it matters. */
		if (rnd_below(&r, 2))
			highest = (highest & ~0xffffffffull) + rnd_below(&r, 40000) - 20000;
		if (rnd_below(&r, 2))
			seql = (uint32_t)highest + rnd_below(&r, 40000) - 20000;
		if (highest < window || highest > UINT64_MAX - (1ull << 33))
			continue;
		done++;
		cr_assert(eec_restore_sequence(seql, 32, highest, window, true, &sequence));
		cr_assert_eq(sequence, rfc4303_a2(seql, highest, window),
			"T=%llx W=%u low=%x: %llx", (unsigned long long)highest, window, seql,
			(unsigned long long)sequence);
	}
}

/* Any jump of at most 2^n - Weff forward, or anything still in the window, comes back exactly. */
Test(eec, bursts_of_loss_and_reordering)
{
	struct rnd r = rnd_start("eec bursts");

	for (unsigned done = 0; done < BURSTS;) {
		unsigned n = rnd_below(&r, 33);
		uint64_t range = n ? 1ull << n : 1;
		uint32_t window = 1 + rnd_below(&r, 1024);
		uint64_t reach = window < range - 1 ? window : range - 1;
		bool esn = rnd_below(&r, 2);
		uint64_t highest = esn ? rnd_u64(&r) >> 1 : rnd_u64(&r) >> 33;
		uint64_t sent;
		uint64_t got = 0;

		if (rnd_below(&r, 4) == 0)
			highest = rnd_below(&r, 300);
		if (rnd_below(&r, 2) || highest < reach)
			sent = highest + 1 + rnd_u64(&r) % (range - reach);
		else
			sent = reach ? highest - rnd_u64(&r) % reach : highest + 1;
		if (!sent || (!esn && sent > UINT32_MAX))
			continue;
		done++;
		cr_assert(eec_restore_sequence((uint32_t)(n ? sent & ~0ull >> (64 - n) : 0), n,
			highest, window, esn, &got));
		cr_assert_eq(got, sent, "n=%u W=%u T=%llu sent=%llu got=%llu", n, window,
			(unsigned long long)highest, (unsigned long long)sent,
			(unsigned long long)got);
	}
}

Test(eec, ends_of_the_number_space)
{
	uint64_t got;

	cr_assert_not(eec_restore_sequence(0, 0, UINT64_MAX, 64, true, &got));
	cr_assert_not(eec_restore_sequence(0, 0, UINT32_MAX, 64, false, &got));
	cr_assert_not(eec_restore_sequence(0, 8, UINT32_MAX, 64, false, &got));
	cr_assert(eec_restore_sequence(0, 8, UINT32_MAX, 64, true, &got));
	cr_assert_eq(got, 0x100000000ull);
	cr_assert(eec_restore_sequence(0xff, 8, UINT64_MAX, 64, true, &got));
	cr_assert_eq(got, UINT64_MAX);
	cr_assert_not(eec_restore_sequence(0, 8, UINT64_MAX, 64, true, &got));
	cr_assert_not(eec_restore_sequence(0, 32, 5, 64, false, &got));
}

Test(eec, header_of_every_width)
{
	struct rnd r = rnd_start("eec header");
	struct buf *pkt = buf_alloc(64);

	for (unsigned i = 0; i < 20000; i++) {
		unsigned octets = rnd_below(&r, 9);
		unsigned least = octets * 8 > 32 ? octets * 8 - 32 : 0;
		unsigned most = octets * 8 < 32 ? octets * 8 : 32;
		unsigned spi_bits = least + rnd_below(&r, most - least + 1);
		struct diet_context context = {.spi = (uint32_t)rnd_u64(&r),
			.spi_bits = (uint8_t)spi_bits,
			.sn_bits = (uint8_t)(octets * 8 - spi_bits),
			.header_len = (uint8_t)octets};
		uint64_t sequence = rnd_u64(&r);
		uint32_t lsb = 1;

		buf_reset(pkt);
		cr_assert_eq(eec_compress(&context, sequence, pkt), DROP_NONE);
		cr_assert_eq(pkt->len, octets);
		for (unsigned bit = 0; bit < octets * 8; bit++) {
			uint64_t sent = pkt->data[bit / 8] >> (7 - bit % 8) & 1;
			uint64_t want = bit < spi_bits ? context.spi >> (spi_bits - 1 - bit) & 1
						       : sequence >> (octets * 8 - 1 - bit) & 1;
			cr_assert_eq(sent, want);
		}
		if (octets) {
			pkt->len--;
			cr_assert_eq(eec_parse(&context, pkt, &lsb), DROP_ESP_SHORT);
			pkt->len++;
		}
		cr_assert_eq(eec_parse(&context, pkt, &lsb), DROP_NONE);
		cr_assert_eq(pkt->len, 0);
		cr_assert_eq(lsb, context.sn_bits ? sequence & ~0ull >> (64 - context.sn_bits) : 0);
	}
	buf_free(pkt);
}
