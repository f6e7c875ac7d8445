/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled plans against the bit-by-bit interpreter, and what a rule may not say. */
#include "schc/compress.h"
#include "schc/decompress.h"
#include "schc/plan.h"
#include "schc/rule.h"
#include "base/wire.h"
#include "reference/bit_interpreter.h"
#include "reference/random.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <malloc.h>
#include <string.h>

enum { RULES = 12000, PACKETS = 10, PAYLOAD_MAX = 96, PACKET_MAX = SCHC_HEADER_MAX + PAYLOAD_MAX };

static void add_layer(struct schc_rule *rule, enum schc_layer layer)
{
	for (unsigned i = 0; i < schc_layer_fields(layer); i++)
		schc_rule_append(rule, schc_layer_first(layer) + i);
}

/* A few values of the field's own width, all different. */
static void random_mapping(struct rnd *r, struct schc_rule *rule, struct schc_field_desc *desc)
{
	unsigned limit = desc->fl < 5 ? 1u << desc->fl : 20;
	unsigned n = 1 + rnd_below(r, limit);
	uint64_t start = rnd_u64(r);

	desc->mo = SCHC_MO_MATCH_MAPPING;
	desc->cda = SCHC_CDA_MAPPING_SENT;
	for (unsigned i = 0; i < n; i++) {
		uint8_t value[8];

		put_be64(value, (start + i * 5u) & ~(uint64_t)0 >> (64 - desc->fl));
		cr_assert(schc_rule_add_value(
			rule, desc, value + 8 - (desc->fl + 7) / 8, (desc->fl + 7u) / 8));
	}
}

/* Any legal pair of operator and action. */
static void random_field(struct rnd *r, struct schc_rule *rule, struct schc_field_desc *desc)
{
	enum schc_source source = schc_field(desc->fid)->source;

	rnd_fill(r, desc->tv, (desc->fl + 7u) / 8u);
	if (desc->fl % 8)
		desc->tv[0] &= (uint8_t)((1u << desc->fl % 8) - 1);
	switch (rnd_below(r, 6)) {
	case 0:
		desc->mo = SCHC_MO_EQUAL;
		desc->cda = SCHC_CDA_NOT_SENT;
		break;
	case 1:
		desc->mo = SCHC_MO_MSB;
		desc->cda = SCHC_CDA_LSB;
		desc->msb = (uint8_t)rnd_below(r, desc->fl + 1u);
		break;
	case 2:
		if (desc->fl <= SCHC_MAPPED_WIDTH)
			random_mapping(r, rule, desc);
		break;
	case 3:
	case 4:
		if (source == SCHC_FROM_PACKET)
			desc->cda = SCHC_CDA_COMPUTE;
		else if (source == SCHC_FROM_OUTER)
			desc->cda = SCHC_CDA_LOWER;
		else if (source == SCHC_FROM_OUTER_OR_ANY)
			desc->cda = rnd_below(r, 2) ? SCHC_CDA_LOWER : SCHC_CDA_GENERATED;
		break;
	default:
		break;
	}
}

static void random_rule(struct rnd *r, struct schc_rule *rule)
{
	static const uint8_t l3[] = {SCHC_IPV6, SCHC_IPV4, SCHC_LAYERS};
	static const uint8_t l4[] = {SCHC_UDP, SCHC_UDPLITE, SCHC_TCP, SCHC_SCTP, SCHC_LAYERS};
	enum schc_layer layer = l3[rnd_below(r, 3)];

	memset(rule, 0, sizeof *rule);
	if (layer != SCHC_LAYERS)
		add_layer(rule, layer);
	layer = l4[rnd_below(r, 5)];
	if (layer != SCHC_LAYERS)
		add_layer(rule, layer);
	for (unsigned i = 0; i < rule->n; i++)
		random_field(r, rule, &rule->field[i]);
	/* Version and IHL are what the offsets rest on. */
	for (unsigned i = 0; i < rule->n && rnd_below(r, 8); i++)
		if (rule->field[i].fid == SCHC_IPV4_VER || rule->field[i].fid == SCHC_IPV4_IHL) {
			rule->field[i].mo = SCHC_MO_EQUAL;
			rule->field[i].cda = SCHC_CDA_NOT_SENT;
			rule->field[i].tv[0] = rule->field[i].fid == SCHC_IPV4_VER ? 4 : 5;
		}
}

static void put_bit(uint8_t *data, size_t at, unsigned bit)
{
	data[at / 8] = (uint8_t)((data[at / 8] & ~(0x80u >> at % 8)) | bit << (7 - at % 8));
}

/* A random header that fulfils the rule, then perhaps one flipped bit. */
static void random_header(struct rnd *r, const struct schc_rule *rule, uint8_t *header)
{
	size_t at = 0;

	rnd_fill(r, header, SCHC_HEADER_MAX);
	for (unsigned i = 0; i < rule->n; i++) {
		const struct schc_field_desc *desc = &rule->field[i];
		unsigned lead = (8u - desc->fl % 8u) % 8u;
		unsigned n = desc->mo == SCHC_MO_EQUAL ? desc->fl : desc->msb;
		const uint8_t *from = desc->tv;

		if (desc->mo == SCHC_MO_MATCH_MAPPING) {
			size_t len;

			from = schc_rule_value(rule, desc, rnd_below(r, desc->mapping_n), &len);
			n = desc->fl;
		}
		for (unsigned b = 0; b < n; b++)
			put_bit(header, at + b,
				(unsigned)from[(lead + b) / 8] >> (7 - (lead + b) % 8) & 1);
		at += desc->fl;
	}
	if (rule->n && rule->field[0].fid == SCHC_IPV4_VER && rnd_below(r, 16))
		header[0] = 0x45;
	if (at && !rnd_below(r, 3))
		header[rnd_below(r, (unsigned)at / 8)] ^= (uint8_t)(1u << rnd_below(r, 8));
}

static void to_octets(const char *bits, size_t n, uint8_t *out)
{
	memset(out, 0, (n + 7) / 8);
	for (size_t i = 0; i < n; i++)
		put_bit(out, i, bits[i] == '1');
}

static void random_outer(struct rnd *r, struct outer *outer)
{
	memset(outer, 0, sizeof *outer);
	outer->remote.addr.family = outer->local.addr.family = rnd_below(r, 2) ? 6 : 4;
	rnd_fill(r, outer->remote.addr.bytes, outer->remote.addr.family == 6 ? 16 : 4);
	rnd_fill(r, outer->local.addr.bytes, outer->remote.addr.family == 6 ? 16 : 4);
	outer->hop_limit = (uint8_t)rnd_u64(r);
	outer->traffic_class = (uint8_t)rnd_u64(r);
	outer->flow_label = (uint32_t)(rnd_u64(r) & 0xfffff);
}

/* The interpreter takes over what was generated, since any value would do. */
static void take_generated(const struct schc_rule *rule, const uint8_t *from, uint8_t *to)
{
	for (unsigned i = 0; i < rule->n; i++) {
		if (rule->field[i].cda != SCHC_CDA_GENERATED)
			continue;
		if (rule->field[i].fid == SCHC_IPV4_ID) {
			memcpy(to + 4, from + 4, 2);
			cr_assert(from[4] || from[5]);
		} else {
			to[1] = (uint8_t)((to[1] & 0xf0) | (from[1] & 15));
			memcpy(to + 2, from + 2, 2);
			cr_assert((from[1] & 15) || from[2] || from[3]);
		}
	}
}

static void compare_decompression(
	struct rnd *r, const struct schc_rule *rule, const struct schc_plan *plan, char *bits)
{
	uint8_t residue[SCHC_RESIDUE_MAX + 1] = {0};
	uint8_t packet[PACKET_MAX];
	uint8_t expected[PACKET_MAX];
	size_t len = plan->header_len + rnd_below(r, PAYLOAD_MAX);
	struct outer outer;
	bool ok;

	random_outer(r, &outer);
	rnd_fill(r, packet, sizeof packet);
	memcpy(expected, packet, sizeof packet);
	to_octets(bits, plan->residue_bits, residue);
	ok = ref_decompress(rule, bits, expected, &outer);
	cr_assert_eq(schc_decompress(plan, residue, plan->residue_len, packet, &outer), ok);
	if (plan->residue_len)
		cr_assert_not(schc_decompress(
			plan, residue, plan->residue_len - 1u, packet + SCHC_HEADER_MAX, &outer));
	if (!ok)
		return;
	memcpy(packet + plan->header_len, expected + plan->header_len, PAYLOAD_MAX);
	cr_assert_arr_eq(packet, expected, plan->header_len);
	schc_compute(plan, packet, len, &outer);
	take_generated(rule, packet, expected);
	ref_compute(rule, expected, len, &outer);
	cr_assert_arr_eq(packet, expected, len, "computed fields differ");
}

static bool compare_packet(
	struct rnd *r, const struct schc_rule *rule, const struct schc_plan *plan)
{
	uint8_t header[SCHC_HEADER_MAX];
	uint8_t residue[SCHC_RESIDUE_MAX];
	uint8_t expected[SCHC_RESIDUE_MAX + 1];
	char bits[SCHC_HEADER_MAX * 8 + 1];
	struct outer outer = {0};
	bool matches;
	size_t n;

	random_header(r, rule, header);
	matches = ref_matches(rule, header, sizeof header);
	cr_assert_eq(schc_matches(plan, header, sizeof header), matches);
	if (plan->header_len)
		cr_assert_not(schc_matches(plan, header, plan->header_len - 1u));
	if (matches) {
		n = ref_compress(rule, header, bits);
		cr_assert_eq(n, plan->residue_bits);
		to_octets(bits, n, expected);
		schc_compress(plan, header, residue, &outer);
		cr_assert_arr_eq(residue, expected, plan->residue_len, "residue differs");
	} else {
		for (n = 0; n < plan->residue_bits; n++)
			bits[n] = rnd_below(r, 2) ? '1' : '0';
		bits[n] = 0;
	}
	compare_decompression(r, rule, plan, bits);
	return matches;
}

Test(schc, plans_equal_the_bit_interpreter)
{
	struct rnd r = rnd_start("schc");
	size_t matched = 0;
	size_t largest = 0;

	for (unsigned i = 0; i < RULES; i++) {
		struct schc_rule rule;
		struct schc_plan *plan;
		unsigned at;
		const char *text;

		random_rule(&r, &rule);
		text = schc_rule_check(&rule, &at);
		cr_assert_null(text, "rule %u field %u: %s", i, at, text ? text : "");
		cr_assert_eq(schc_plan_compile(&plan, &rule), 0, "rule %u", i);
		cr_assert_eq(plan->header_len, ref_header_len(&rule));
		cr_assert_leq(malloc_usable_size(plan), plan->size + 24u);
		largest = plan->size > largest ? plan->size : largest;
		for (unsigned p = 0; p < PACKETS; p++)
			matched += compare_packet(&r, &rule, plan);
		schc_plan_free(plan);
	}
	printf("schc: %u headers, %zu matched; plans of up to %zu octets\n", RULES * PACKETS,
		matched, largest);
	cr_assert_gt(matched, RULES * PACKETS / 3);
	cr_assert_lt(matched, RULES * PACKETS);
}

static struct schc_rule ipv6_udp(void)
{
	struct schc_rule rule = {0};

	add_layer(&rule, SCHC_IPV6);
	add_layer(&rule, SCHC_UDP);
	return rule;
}

static void expect_refused(const struct schc_rule *rule, unsigned field, const char *word)
{
	struct schc_plan *plan = NULL;
	unsigned at = 99;
	const char *text = schc_rule_check(rule, &at);

	cr_assert_not_null(text, "accepted although %s", word);
	cr_assert_not_null(strstr(text, word), "'%s' does not say '%s'", text, word);
	cr_assert_eq(at, field, "%s: field %u", text, at);
	cr_assert_eq(schc_plan_compile(&plan, rule), -EINVAL);
	cr_assert_null(plan);
}

static void expect_pair_refused(unsigned mo, unsigned cda, unsigned field, const char *word)
{
	struct schc_rule rule = ipv6_udp();

	rule.field[field].mo = (uint8_t)mo;
	rule.field[field].cda = (uint8_t)cda;
	expect_refused(&rule, field, word);
}

Test(schc, illegal_pairs_are_refused)
{
	expect_pair_refused(SCHC_MO_IGNORE, SCHC_CDA_NOT_SENT, 0, "loses");
	expect_pair_refused(SCHC_MO_MSB, SCHC_CDA_NOT_SENT, 0, "equal");
	expect_pair_refused(SCHC_MO_EQUAL, SCHC_CDA_LSB, 7, "MSB");
	expect_pair_refused(SCHC_MO_IGNORE, SCHC_CDA_MAPPING_SENT, 1, "match-mapping");
	expect_pair_refused(SCHC_MO_EQUAL, SCHC_CDA_VALUE_SENT, 1, "ignore");
	expect_pair_refused(SCHC_MO_IGNORE, SCHC_CDA_COMPUTE, 7, "computed");
	expect_pair_refused(SCHC_MO_IGNORE, SCHC_CDA_LOWER, 5, "lower");
	expect_pair_refused(SCHC_MO_IGNORE, SCHC_CDA_GENERATED, 6, "generated");
	expect_pair_refused(SCHC_MO_IGNORE, SCHC_CDA_APPIID + 1, 6, "action");
}

Test(schc, illegal_fields_are_refused)
{
	static const uint8_t twice[] = {1, 2, 1};
	static const uint8_t wide[] = {1, 64};
	struct schc_rule rule = ipv6_udp();

	cr_assert_null(schc_rule_check(&rule, NULL));
	rule.field[0].fl = 3;
	expect_refused(&rule, 0, "FL");
	rule = ipv6_udp();
	rule.field[2].fp = 2;
	expect_refused(&rule, 2, "position");
	rule = ipv6_udp();
	rule.field[2].di = 3;
	expect_refused(&rule, 2, "direction");
	rule = ipv6_udp();
	rule.field[7].mo = SCHC_MO_MSB;
	rule.field[7].cda = SCHC_CDA_LSB;
	rule.field[7].msb = 129;
	expect_refused(&rule, 7, "longer");
	rule = ipv6_udp();
	rule.field[3].tv[0] = 0x10;
	expect_refused(&rule, 3, "wider");
	rule = ipv6_udp();
	schc_rule_map(&rule, &rule.field[1], twice, 3);
	expect_refused(&rule, 1, "twice");
	rule = ipv6_udp();
	schc_rule_map(&rule, &rule.field[1], wide, 2);
	expect_refused(&rule, 1, "wider");
	rule = ipv6_udp();
	schc_rule_map(&rule, &rule.field[1], wide, 0);
	expect_refused(&rule, 1, "empty");
	rule = ipv6_udp();
	schc_rule_map(&rule, &rule.field[7], twice, 2);
	expect_refused(&rule, 7, "64 bits");
	rule = ipv6_udp();
	rule.field[4].fid = SCHC_FIDS;
	expect_refused(&rule, 4, "no such field");
}

Test(schc, incomplete_or_disordered_headers_are_refused)
{
	struct schc_rule rule = ipv6_udp();
	struct schc_field_desc swap = rule.field[3];

	rule.field[3] = rule.field[4];
	rule.field[4] = swap;
	expect_refused(&rule, 3, "order");
	rule = ipv6_udp();
	rule.field[5] = rule.field[4];
	expect_refused(&rule, 5, "order");
	rule = ipv6_udp();
	rule.n--;
	expect_refused(&rule, rule.n, "not complete");
	rule = (struct schc_rule){0};
	schc_rule_append(&rule, SCHC_IPV6_VER);
	add_layer(&rule, SCHC_UDP);
	expect_refused(&rule, 1, "not complete");
	rule = (struct schc_rule){0};
	schc_rule_append(&rule, SCHC_IPV6_DSCP);
	expect_refused(&rule, 0, "first field");
	rule = (struct schc_rule){0};
	add_layer(&rule, SCHC_UDP);
	add_layer(&rule, SCHC_UDP);
	expect_refused(&rule, 4, "follow");
	rule = (struct schc_rule){0};
	add_layer(&rule, SCHC_ESP);
	cr_assert_null(schc_rule_check(&rule, NULL));
	cr_assert_eq(schc_plan_compile(&(struct schc_plan *){NULL}, &rule), -EINVAL);
}

/* A plan is as long as its rule needs: the flow of a sensor, everything elided. */
Test(schc, plans_are_small)
{
	struct schc_rule rule = ipv6_udp();
	struct schc_plan *plan;

	cr_assert_eq(sizeof(struct schc_plan), 16);
	cr_assert_eq(schc_plan_compile(&plan, &rule), 0);
	cr_assert_eq(plan->size, 16 + 2 * 6 * 8 + plan->n_copies * 4u);
	schc_plan_free(plan);
}
