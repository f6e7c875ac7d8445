/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes: presets, constraints of diet-esp.md 2 and 12.2, and rules over several selectors. */
#include "diet/context.h"
#include "schc/rule.h"
#include "base/wire.h"
#include "ip/addr.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(context, presets)
{
	static const struct {
		const char *name;
		bool iipc;
		uint8_t spi, sn, alignment, trailer, hop_limit;
		uint32_t window;
	} rows[] = {
		{"off", false, 32, 32, ALIGNMENT_32, ESP_TRAILER_MANDATORY,
			HOP_LIMIT_NOT_COMPRESSED, 1024},
		{"safe", true, 32, 32, ALIGNMENT_32, ESP_TRAILER_OPTIONAL, HOP_LIMIT_NOT_COMPRESSED,
			1024},
		{"iot", true, 8, 8, ALIGNMENT_8, ESP_TRAILER_OPTIONAL, HOP_LIMIT_LOWER, 64},
		{"link", true, 16, 16, ALIGNMENT_8, ESP_TRAILER_OPTIONAL, HOP_LIMIT_NOT_COMPRESSED,
			1024},
	};
	struct diet_attrs attrs;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cr_assert(diet_attrs_preset(rows[i].name, &attrs));
		cr_assert_null(diet_attrs_check(&attrs), "%s", rows[i].name);
		cr_assert_eq(attrs.iipc, rows[i].iipc);
		cr_assert_eq(attrs.esp_spi_lsb, rows[i].spi);
		cr_assert_eq(attrs.esp_sn_lsb, rows[i].sn);
		cr_assert_eq(attrs.alignment, rows[i].alignment);
		cr_assert_eq(attrs.esp_trailer, rows[i].trailer);
		cr_assert_eq(attrs.hop_limit_cda, rows[i].hop_limit);
		cr_assert_eq(attrs.window, rows[i].window);
		cr_assert(attrs.verify_checksum);
	}
	cr_assert_not(diet_attrs_preset("IOT", &attrs));
	cr_assert_not(diet_attrs_preset("", &attrs));
}

static void expect_complaint(const struct diet_attrs *attrs, const char *word)
{
	const char *text = diet_attrs_check(attrs);
	struct diet_context context;
	struct schc_rule rule;
	struct ts ts = {.addr_start.family = 6, .addr_end.family = 6, .port_end = 65535};
	struct diet_sa sa = {.src = &ts, .dst = &ts, .n_src = 1, .n_dst = 1};

	cr_assert_not_null(text, "accepted: %s", word);
	cr_assert_not_null(strstr(text, word), "'%s' does not say '%s'", text, word);
	cr_assert_eq(diet_context_init(&context, attrs, &sa), -EINVAL);
	cr_assert_eq(diet_iipc_rule(attrs, &sa, &rule), -EINVAL);
	cr_assert_eq(diet_eec_rule(attrs, &sa, &rule), -EINVAL);
}

#define COMPLAINT(word, ...) \
	do { \
		struct diet_attrs a; \
		cr_assert(diet_attrs_preset("iot", &a)); \
		__VA_ARGS__; \
		expect_complaint(&a, word); \
	} while (0)

Test(context, constraints)
{
	COMPLAINT("wire profile", a.wire_profile = WIRE_DIET_ESP_07 + 1);
	COMPLAINT("dscp_cda", a.dscp_cda = 3);
	COMPLAINT("ecn_cda", a.ecn_cda = 2);
	COMPLAINT("flow_label_cda", a.flow_label_cda = 4);
	COMPLAINT("hop_limit_cda", a.hop_limit_cda = 2);
	COMPLAINT("alignment", a.alignment = 4);
	COMPLAINT("esp_trailer", a.esp_trailer = 2);
	COMPLAINT("0 to 32", a.esp_spi_lsb = 40);
	COMPLAINT("0 to 32", a.esp_sn_lsb = 40);
	COMPLAINT("multiple of 8", a.esp_spi_lsb = 9);
	COMPLAINT("window", a.window = 0);
	COMPLAINT("window", a.esp_sn_lsb = 32; a.window = 16385);
	COMPLAINT("half the range", a.window = 129);
	COMPLAINT("half the range", a.esp_spi_lsb = 4; a.esp_sn_lsb = 4; a.window = 9);
	COMPLAINT("needs a dscp_list", a.dscp_cda = DSCP_SA);
	COMPLAINT("64 entries", a.n_dscp = 65);
	COMPLAINT("6 bits", a.n_dscp = 1; a.dscp_list[0] = 64);
	COMPLAINT("twice", a.n_dscp = 2);
}

Test(context, windows_at_the_limit_are_allowed)
{
	struct diet_attrs attrs;

	cr_assert(diet_attrs_preset("iot", &attrs));
	attrs.window = 128;
	cr_assert_null(diet_attrs_check(&attrs));
	attrs.esp_spi_lsb = attrs.esp_sn_lsb = 0;
	attrs.window = 16384;
	cr_assert_null(diet_attrs_check(&attrs));
}

/* The rule covers the selectors of a side; different protocols leave layer 4 alone. */
Test(context, several_selectors)
{
	struct ts src[2] = {{.ip_proto = 17, .port_start = 0x1600, .port_end = 0x1600},
		{.ip_proto = 17, .port_start = 0x16f0, .port_end = 0x16ff}};
	struct ts dst = {.ip_proto = 17, .port_end = 65535};
	struct diet_sa sa = {.src = src, .dst = &dst, .n_src = 2, .n_dst = 1};
	struct diet_attrs attrs;
	struct schc_rule rule;

	cr_assert(diet_attrs_preset("iot", &attrs));
	cr_assert_eq(ip_addr_parse("2001:db8::1:0", &src[0].addr_start), 0);
	cr_assert_eq(ip_addr_parse("2001:db8::1:0", &src[0].addr_end), 0);
	cr_assert_eq(ip_addr_parse("2001:db8::1:f000", &src[1].addr_start), 0);
	cr_assert_eq(ip_addr_parse("2001:db8::1:ffff", &src[1].addr_end), 0);
	cr_assert_eq(ip_addr_parse("2001:db8::2", &dst.addr_start), 0);
	dst.addr_end = dst.addr_start;
	cr_assert_eq(diet_iipc_rule(&attrs, &sa, &rule), 0);
	cr_assert_eq(rule.n, 13);
	cr_assert_eq(rule.field[7].msb, 112);
	cr_assert_eq(rule.field[8].msb, 128);
	cr_assert_eq(rule.field[9].msb, 8);
	cr_assert_eq(rule.field[10].msb, 0);
	dst.ip_proto = 6;
	cr_assert_eq(diet_iipc_rule(&attrs, &sa, &rule), 0);
	cr_assert_eq(rule.n, 9);
	cr_assert_eq(rule.field[5].cda, SCHC_CDA_VALUE_SENT);
	dst.addr_start.family = dst.addr_end.family = 4;
	cr_assert_eq(diet_iipc_rule(&attrs, &sa, &rule), -EINVAL);
}

/* The plan lies apart, as long as it has to be: test_sad sums up. */
Test(context, is_small)
{
	cr_assert_leq(sizeof(struct diet_context), 32);
}
