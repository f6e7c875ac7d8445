/* SPDX-License-Identifier: Apache-2.0 */
/* Rules and sets that are refused: RuleIDs, natures, headers, options, roles. */
#include "reference/rfc_rules.h"
#include "reference/wire.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static const struct rule_row plain_udp[] = {RULE_IS(SCHC_IPV6_VER, RULE_BI, "06"),
	RULE_ANY(SCHC_IPV6_TC, RULE_BI), RULE_ANY(SCHC_IPV6_FL, RULE_BI),
	RULE_BY(SCHC_IPV6_LEN, RULE_BI, SCHC_CDA_COMPUTE), RULE_IS(SCHC_IPV6_NXT, RULE_BI, "11"),
	RULE_ANY(SCHC_IPV6_HOP_LMT, RULE_BI), RULE_ANY(SCHC_IPV6_SRC, RULE_BI),
	RULE_ANY(SCHC_IPV6_DST, RULE_BI), RULE_ANY(SCHC_UDP_SPORT, RULE_BI),
	RULE_ANY(SCHC_UDP_DPORT, RULE_BI), RULE_BY(SCHC_UDP_LEN, RULE_BI, SCHC_CDA_COMPUTE),
	RULE_BY(SCHC_UDP_CKSUM, RULE_BI, SCHC_CDA_COMPUTE), RULE_END};

static void expect_fault(
	const struct schc_rule *rules, unsigned n, unsigned rule, unsigned field, const char *word)
{
	struct schc_rule_set set = {rules, n};
	struct schc_end end = {.di = SCHC_DI_UP};
	struct schc_set *compiled = NULL;
	struct schc_fault fault = {0};

	cr_assert_not(schc_set_check(&set, &fault), "accepted although %s", word);
	cr_assert_not_null(strstr(fault.text, word), "'%s' does not say '%s'", fault.text, word);
	cr_assert_eq(fault.rule, rule, "%s: rule %u", fault.text, fault.rule);
	cr_assert_eq(fault.field, field, "%s: field %u", fault.text, fault.field);
	cr_assert_eq(schc_set_compile(&compiled, &set, &end), -EINVAL);
	cr_assert_null(compiled);
}

static void two_rules(struct schc_rule rules[2])
{
	for (unsigned i = 0; i < 2; i++)
		rules[i] = wire_rule(plain_udp, (uint8_t)i, 2);
}

Test(schc_refuse, rule_ids_that_cannot_stand_together_are_refused)
{
	static struct schc_rule many[SCHC_SET_RULES + 1];
	struct schc_rule rules[2];
	unsigned n = wire_rule(plain_udp, 0, 1).n;

	two_rules(rules);
	cr_assert(schc_set_check(&(struct schc_rule_set){rules, 2}, NULL));
	rules[1].id = 0;
	expect_fault(rules, 2, 1, n, "the same");
	two_rules(rules);
	rules[1] = wire_rule(plain_udp, 1, 8); /* 00000001 begins with 00 */
	expect_fault(rules, 2, 1, n, "beginning");
	rules[1] = wire_rule(plain_udp, 4, 2);
	expect_fault(rules, 2, 1, n, "wider");
	rules[1] = wire_rule(plain_udp, 1, 9);
	expect_fault(rules, 2, 1, n, "8 bits");
	rules[1] = wire_rule(plain_udp, 0, 0);
	expect_fault(rules, 2, 1, n, "no RuleID");
	two_rules(rules);
	rules[0].id_bits = rules[1].id_bits = 1; /* 0 and 1: nothing is left */
	expect_fault(rules, 2, 2, 0, "left");
	for (unsigned i = 0; i <= SCHC_SET_RULES; i++)
		many[i] = wire_rule(plain_udp, (uint8_t)i, 7);
	expect_fault(many, SCHC_SET_RULES + 1, SCHC_SET_RULES + 1, 0, "64");
	expect_fault(many, 0, 0, 0, "no rule");
}

Test(schc_refuse, natures)
{
	struct schc_rule rules[2];
	struct schc_rule_set set = {rules, 2};
	uint8_t id;
	uint8_t bits;

	two_rules(rules);
	cr_assert(schc_set_reserve(&set, &id, &bits)); /* 00 and 01 are taken: 1 */
	cr_assert_eq(id, 1);
	cr_assert_eq(bits, 1);
	rules[1] = (struct schc_rule){.id = 3, .id_bits = 2, .nature = SCHC_NO_COMPRESSION};
	cr_assert(schc_set_check(&set, NULL));
	cr_assert(schc_set_reserve(&set, &id, &bits));
	cr_assert_eq(id, 3);
	cr_assert_eq(bits, 2);
	rules[0] = (struct schc_rule){.id = 2, .id_bits = 2, .nature = SCHC_NO_COMPRESSION};
	expect_fault(rules, 2, 1, 0, "two rules");
	two_rules(rules);
	rules[0].nature = SCHC_NO_COMPRESSION;
	expect_fault(rules, 2, 0, rules[0].n, "no fields");
	rules[0] = (struct schc_rule){.id = 2, .id_bits = 2};
	expect_fault(rules, 2, 0, 0, "needs fields");
}

static void expect_field_fault(
	unsigned field, enum schc_mo mo, enum schc_cda cda, uint8_t value, const char *word)
{
	struct schc_rule rule = wire_rule(plain_udp, 0, 1);

	rule.field[field].mo = (uint8_t)mo;
	rule.field[field].cda = (uint8_t)cda;
	rule.field[field].tv[0] = value;
	expect_fault(&rule, 1, 0, field, word);
}

/* What other fields' places rest on has to be known from the rule. */
Test(schc_refuse, headers_that_could_be_others_are_refused)
{
	struct schc_rule rule = wire_rule(plain_udp, 0, 1);

	expect_field_fault(0, SCHC_MO_IGNORE, SCHC_CDA_VALUE_SENT, 0, "version");
	expect_field_fault(0, SCHC_MO_EQUAL, SCHC_CDA_NOT_SENT, 4, "version");
	expect_field_fault(0, SCHC_MO_IGNORE, SCHC_CDA_NOT_SENT, 6, "loses");
	rule.field[4].tv[0] = 6;
	expect_fault(&rule, 1, 0, 8, "protocol");
	rule = wire_rule(rfc8824_table6, 1, 8);
	rule.field[0].tv[0] = 2;
	expect_fault(&rule, 1, 0, 0, "version of CoAP");
	rule = (struct schc_rule){.id_bits = 1};
	for (unsigned i = 0; i < 2; i++)
		schc_rule_append(&rule, SCHC_ESP_SPI + i);
	expect_fault(&rule, 1, 0, 0, "ESP");
}

static void expect_rows_fault(const struct rule_row *rows, unsigned field, const char *word)
{
	struct schc_rule rule = wire_rule(rows, 0, 1);

	expect_fault(&rule, 1, 0, field, word);
}

#define ANY_HEAD(tkl) \
	RULE_IS(SCHC_COAP_VER, RULE_BI, "01"), RULE_ANY(SCHC_COAP_TYPE, RULE_BI), tkl, \
		RULE_ANY(SCHC_COAP_CODE, RULE_BI), RULE_ANY(SCHC_COAP_MID, RULE_BI)
#define A_TOKEN RULE_IS(SCHC_COAP_TKL, RULE_DW, "00"), RULE_ANY(SCHC_COAP_TKL, RULE_UP)

Test(schc_refuse, options_out_of_order_are_refused)
{
	static const struct rule_row no_token[] = {ANY_HEAD(A_TOKEN), RULE_END};
	static const struct rule_row before[] = {
		ANY_HEAD(A_TOKEN), RULE_ANY(SCHC_COAP_URI_PATH, RULE_BI), RULE_END};
	static const struct rule_row order[] = {ANY_HEAD(NO_TOKEN),
		RULE_ANY(SCHC_COAP_URI_PATH, RULE_BI), RULE_ANY(SCHC_COAP_OBSERVE, RULE_UP),
		RULE_END};
	static const struct rule_row position[] = {ANY_HEAD(NO_TOKEN),
		RULE_ANY(SCHC_COAP_URI_PATH, RULE_UP),
		{SCHC_COAP_URI_PATH, 2, RULE_BI, SCHC_MO_IGNORE, 0, SCHC_CDA_VALUE_SENT, NULL, 0},
		RULE_END};
	static const struct rule_row half[] = {
		ANY_HEAD(NO_TOKEN), RULE_MSB(SCHC_COAP_URI_PATH, RULE_BI, 12, "=ab"), RULE_END};
	static const struct rule_row no_value[] = {ANY_HEAD(NO_TOKEN),
		{SCHC_COAP_URI_PATH, 1, RULE_BI, SCHC_MO_EQUAL, 0, SCHC_CDA_NOT_SENT, NULL, 0},
		RULE_END};
	static const struct rule_row compute[] = {ANY_HEAD(NO_TOKEN),
		RULE_BY(SCHC_COAP_OBSERVE, RULE_BI, SCHC_CDA_COMPUTE), RULE_END};
	struct schc_rule rule;

	expect_rows_fault(no_token, 6, "token");
	expect_rows_fault(before, 6, "token");
	expect_rows_fault(order, 6, "order");
	expect_rows_fault(position, 6, "positions"); /* Down, the second one comes first */
	expect_rows_fault(half, 5, "whole octets");
	expect_rows_fault(no_value, 5, "missing");
	expect_rows_fault(compute, 5, "computed");
	rule = wire_rule(half, 0, 1);
	rule.field[5].fl = 12;
	expect_fault(&rule, 1, 0, 5, "whole octets");
}

#define SENT(fid) RULE_ANY(fid, RULE_BI)

/* RFC 8824 6.4: the four parts of OSCORE's option; 5.3: elements as one value. */
Test(schc_refuse, parts_and_groups_that_are_not_whole)
{
	static const struct rule_row kid_first[] = {ANY_HEAD(NO_TOKEN),
		SENT(SCHC_COAP_OSCORE_FLAGS), SENT(SCHC_COAP_OSCORE_PIV),
		SENT(SCHC_COAP_OSCORE_KID), SENT(SCHC_COAP_OSCORE_KIDCTX), RULE_END};
	static const struct rule_row no_flags[] = {
		ANY_HEAD(NO_TOKEN), SENT(SCHC_COAP_OSCORE_PIV), RULE_END};
	static const struct rule_row cut[] = {ANY_HEAD(NO_TOKEN), SENT(SCHC_COAP_OSCORE_FLAGS),
		SENT(SCHC_COAP_OSCORE_PIV), RULE_END};
	static const struct rule_row between[] = {ANY_HEAD(NO_TOKEN), SENT(SCHC_COAP_OSCORE_FLAGS),
		SENT(SCHC_COAP_URI_PATH), RULE_END};
	static const struct rule_row uneven[] = {
		ANY_HEAD(NO_TOKEN), RULE_OF(SCHC_COAP_URI_PATH, RULE_BI, "=/a/b,=/c"), RULE_END};
	static const struct rule_row mixed[] = {
		ANY_HEAD(NO_TOKEN), RULE_OF(SCHC_COAP_URI_QUERY, RULE_BI, "=a=1,=&b=2"), RULE_END};
	static const struct rule_row counted[] = {ANY_HEAD(NO_TOKEN),
		RULE_IS(SCHC_COAP_URI_PATH, RULE_BI, "=/a/b"),
		{SCHC_COAP_URI_PATH, 2, RULE_BI, SCHC_MO_IGNORE, 0, SCHC_CDA_VALUE_SENT, NULL, 0},
		RULE_END};

	expect_rows_fault(kid_first, 7, "stand together");
	expect_rows_fault(no_flags, 5, "stand together");
	expect_rows_fault(cut, 7, "stand together");
	expect_rows_fault(between, 6, "stand together");
	expect_rows_fault(uneven, 5, "number of elements");
	expect_rows_fault(mixed, 5, "number of elements");
	expect_rows_fault(counted, 6, "positions"); /* it is the third one */
}

Test(schc_refuse, roles_and_places_do_not_mix)
{
	struct schc_rule rule = wire_rule(plain_udp, 0, 1);
	struct schc_end end = {.di = SCHC_DI_DOWN};
	struct schc_set *set;

	rule.field[9].fid = SCHC_UDP_APPPORT;
	expect_fault(&rule, 1, 0, 9, "roles");
	rule = wire_rule(rfc8724_rule1, 0, 1);
	cr_assert_eq(schc_set_compile(&set, &(struct schc_rule_set){&rule, 1}, &end), -EINVAL);
}
