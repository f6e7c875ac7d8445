/* SPDX-License-Identifier: Apache-2.0 */
/* CoAP under rules: sizes, absence, indexes, and messages that are none (RFC 8824, RFC 7252). */
#include "schc/coap.h"
#include "base/wire.h"
#include "reference/wire.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct rule_row queries[] = {RULE_IS(SCHC_COAP_VER, RULE_BI, "01"),
	RULE_IS(SCHC_COAP_TYPE, RULE_BI, "01"), RULE_IS(SCHC_COAP_TKL, RULE_BI, "00"),
	RULE_IS(SCHC_COAP_CODE, RULE_BI, "01"), RULE_IS(SCHC_COAP_MID, RULE_BI, "1234"),
	RULE_ANY(SCHC_COAP_URI_PATH, RULE_BI),
	{SCHC_COAP_URI_PATH, 0, RULE_BI, SCHC_MO_IGNORE, 0, SCHC_CDA_VALUE_SENT, NULL, 0},
	RULE_END};

/* RFC 8724 7.4.2: 4, 12 or 28 bits; 0 for an option that is not there. */
Test(schc_coap, sizes_of_variable_fields)
{
	static const struct {
		size_t len;
		unsigned bits;
	} sizes[] = {{1, 4}, {14, 4}, {15, 12}, {116, 12}};
	struct schc_rule rule = wire_rule(queries, 0, 4);
	struct schc_end end = {.di = SCHC_DI_UP};
	struct schc_set *set = wire_compile(&rule, 1, &end);
	uint8_t message[WIRE_ROOM] = {0x50, 1, 0x12, 0x34};
	uint8_t wire[WIRE_ROOM];
	struct schc_view view;

	wire_message(queries, SCHC_DI_UP, "50011234", "0100");
	wire_message(queries, SCHC_DI_UP, "50011234b161", "011610");
	wire_message(queries, SCHC_DI_UP,
		"50011234b16102"
		"6263",
		"01161"
		"26263"
		"");
	wire_message(queries, SCHC_DI_UP, "50011234b0", NULL);
	wire_message(queries, SCHC_DI_UP,
		"50011234b161016202"
		"6364",
		NULL);
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct coap_writer w = {message + 4, 0, WIRE_ROOM - 4, 0};
		size_t n = sizes[i].len;

		cr_assert(coap_put_option(&w, 11, n));
		memset(message + 4 + w.at, 'x', n);
		schc_view_open(&view, set, 0, message, 4 + w.at + n);
		cr_assert(schc_view_next(&view, set), "%zu", n);
		cr_assert_eq(view.residue_len, (4 + sizes[i].bits + 8 * n + 4 + 7) / 8, "%zu", n);
		wire_restored(set, wire, wire_put(set, &view, wire), message, 4 + w.at + n);
	}
	/* 1024 bits are the most that a residue has: so long goes whole. */
	for (size_t n = 124; n <= 300; n++) {
		struct coap_writer w = {message + 4, 0, WIRE_ROOM - 4, 0};

		cr_assert(coap_put_option(&w, 11, n));
		schc_view_open(&view, set, 0, message, 4 + w.at + n);
		cr_assert_eq(schc_view_next(&view, set), n <= 125, "%zu", n);
	}
	schc_set_free(set);
}

/* Each residue has one way to be written; the others are dropped. */
Test(schc_coap, residues_that_compressing_never_leaves)
{
	static const char *const bad[] = {
		"01",           /* the residue is missing */
		"0120",         /* one octet of two */
		"01f01610",     /* 1 in 12 bits */
		"01fff0001610", /* 1 in 28 bits */
		"02",           /* no such RuleID */
	};
	struct schc_rule rule = wire_rule(queries, 1, 8);
	struct schc_end end = {.di = SCHC_DI_UP};
	struct schc_set *set = wire_compile(&rule, 1, &end);
	uint8_t header[SCHC_SET_HEADER_MAX];
	struct schc_restored restored;
	uint8_t wire[WIRE_ROOM] = {0};

	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		size_t n = wire_hex(bad[i], wire);

		cr_assert_not(schc_set_restore(set, wire, n, header, &wire_outer, &restored), "%s",
			bad[i]);
	}
	cr_assert_not(schc_set_restore(set, wire, 0, header, &wire_outer, &restored));
	/* The reserved RuleID: one octet, then the packet as it is. */
	wire[0] = schc_set_none(set);
	cr_assert(schc_set_restore(set, wire, 9, header, &wire_outer, &restored));
	cr_assert_null(restored.entry);
	cr_assert_eq(restored.taken, schc_set_none_len(set));
	schc_set_free(set);
}

static void expect_drop(const struct schc_rule *rule, const char *hex)
{
	struct schc_end end = {.di = SCHC_DI_UP};
	struct schc_set *set = wire_compile(rule, 1, &end);
	uint8_t header[SCHC_SET_HEADER_MAX];
	struct schc_restored restored;
	uint8_t wire[WIRE_ROOM] = {0};

	cr_assert_not(
		schc_set_restore(set, wire, wire_hex(hex, wire), header, &wire_outer, &restored),
		"%s", hex);
	schc_set_free(set);
}

Test(schc_coap, indexes_and_tokens_that_nothing_stands_for)
{
	static const struct rule_row list[] = {
		COAP_HEAD(NO_TOKEN), RULE_OF(SCHC_COAP_URI_PATH, RULE_BI, "=a,=b,=c"), RULE_END};
	static const struct rule_row token[] = {
		COAP_HEAD(SOME_TOKEN), RULE_IS(SCHC_COAP_TOKEN, RULE_BI, "8081"), RULE_END};
	static const struct rule_row sent[] = {
		COAP_HEAD(SOME_TOKEN), RULE_ANY(SCHC_COAP_TOKEN, RULE_BI), RULE_END};
	struct schc_rule rule = wire_rule(list, 1, 8);

	wire_message(list, SCHC_DI_UP, "40011234b163", "0180");
	expect_drop(&rule, "01c0");
	rule = wire_rule(token, 1, 8);
	wire_message(token, SCHC_DI_UP, "420112348081", "0120");
	expect_drop(&rule, "0130");
	rule = wire_rule(sent, 1, 8);
	wire_message(sent, SCHC_DI_UP, "480112340102030405060708",
		"0180102030405060"
		"7080");
	expect_drop(&rule, "019000000000000000000000"); /* 9 octets of token */
}

/* --- CoAP, RFC 7252 3 --------------------------------------------------------------------------
 */

/* Parts that a splitter would cut elsewhere: what the residue says is not what compressing left. */
Test(schc_coap, oscore_parts_that_do_not_fit)
{
	static const struct rule_row sent[] = {COAP_HEAD(NO_TOKEN),
		RULE_ANY(SCHC_COAP_OSCORE_FLAGS, RULE_BI), RULE_ANY(SCHC_COAP_OSCORE_PIV, RULE_BI),
		RULE_ANY(SCHC_COAP_OSCORE_KIDCTX, RULE_BI), RULE_ANY(SCHC_COAP_OSCORE_KID, RULE_BI),
		RULE_END};
	struct schc_rule rule = wire_rule(sent, 1, 8);

	/* Sizes in nibbles: flags, piv, kid context with its size, kid. */
	wire_message(sent, SCHC_DI_UP, "4001123490", "010000");
	wire_message(sent, SCHC_DI_UP, "400112349109", NULL); /* no piv */
	wire_message(sent, SCHC_DI_UP, "4001123493190400ff61", "01119104100061");
	wire_message(sent, SCHC_DI_UP,
		"40011234961904"
		"02aabb"
		"63",
		"01119104302aabb163");
	wire_message(sent, SCHC_DI_UP,
		"4001123492"
		"0104"
		"ff61",
		"0110110400"
		"61");
	wire_message(sent, SCHC_DI_UP,
		"4001123492"
		"8004",
		NULL); /* reserved flag */
	wire_message(sent, SCHC_DI_UP,
		"4001123493"
		"090461",
		"01109104016"
		"1");
	expect_drop(&rule, "01109204050161"); /* two octets of piv, the flags say one */
	expect_drop(&rule, "01010400");       /* a piv without flags */
	expect_drop(&rule, "0110000161");     /* a kid that the flags do not have */
	expect_drop(&rule, "0111002050"
			   "00"); /* a kid context of another size */
}

Test(schc_coap, messages_that_are_not_coap)
{
	static const char *const bad[] = {"400112",        /* cut in the header */
		"4901123400000000000000000000",            /* TKL 9 */
		"42011234ff",                              /* the token is cut */
		"40011234ff",                              /* marker without payload */
		"40011234f1",                              /* reserved difference */
		"400112341f",                              /* reserved length */
		"40011234d1",                              /* cut in the extension */
		"40011234e100", "40011234b261",            /* cut in the value */
		"40011234e0ffff", "40011234e0fe00e00f00"}; /* numbers above 65535 */
	struct coap_view view;
	uint8_t message[WIRE_ROOM];

	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_assert_not(coap_parse(&view, message, wire_hex(bad[i], message)), "%s", bad[i]);
	cr_assert(coap_parse(&view, message, wire_hex("41011234aae0fef20161ff00", message)));
	cr_assert_eq(view.tkl, 1);
	cr_assert_eq(view.n, 2);
	cr_assert_eq(view.option[0].number, 65535);
	cr_assert_eq(view.option[0].begin, 5);
	cr_assert_eq(view.header_len, 11);
}

Test(schc_coap, messages_with_more_than_we_look_at)
{
	struct coap_view view;
	uint8_t message[WIRE_ROOM] = {0x40, 1, 0, 1};

	cr_assert(coap_parse(&view, message, 4 + COAP_OPTIONS));
	cr_assert_not(coap_parse(&view, message, 5 + COAP_OPTIONS));
	memcpy(message + 4, (uint8_t[]){0x0e, 0, COAP_HEADER_MAX - 269 - 7}, 3);
	put_be16(message + 5, COAP_HEADER_MAX - 269 - 7);
	cr_assert(coap_parse(&view, message, COAP_HEADER_MAX));
	put_be16(message + 5, COAP_HEADER_MAX - 269 - 6);
	cr_assert_not(coap_parse(&view, message, COAP_HEADER_MAX + 1));
}
