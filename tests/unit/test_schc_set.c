/* SPDX-License-Identifier: Apache-2.0 */
/* Rule sets: the examples of RFC 8724 and RFC 8824, identity, and what is refused. */
#include "schc/bits.h"
#include "schc/coap.h"
#include "schc/decompress.h"
#include "schc/explain.h"
#include "schc/set_packet.h"
#include "base/wire.h"
#include "ip/packet.h"
#include "reference/inner.h"
#include "reference/random.h"
#include "reference/rules.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

enum { ROOM = 2048 };

static const struct outer no_outer;

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned octet;

		cr_assert_eq(sscanf(hex + 2 * i, "%2x", &octet), 1);
		out[i] = (uint8_t)octet;
	}
	return n;
}

static struct schc_set *compile(
	const struct schc_rule *rules, unsigned n, const struct schc_end *end)
{
	struct schc_rule_set rule_set = {rules, n};
	struct schc_fault fault = {0};
	struct schc_set *set = NULL;

	cr_assert(schc_set_check(&rule_set, &fault), "rule %u field %u: %s", fault.rule,
		fault.field, fault.text);
	cr_assert_eq(schc_set_compile(&set, &rule_set, end), 0);
	return set;
}

/* From the octets that travel back to the packet that was sent. */
static void expect_restored(const struct schc_set *set, const uint8_t *wire, size_t wire_len,
	const uint8_t *packet, size_t len)
{
	uint8_t header[SCHC_SET_HEADER_MAX];
	uint8_t back[ROOM + SCHC_SET_HEADER_MAX];
	struct schc_restored restored;
	size_t payload;

	cr_assert(schc_set_restore(set, wire, wire_len, header, &no_outer, &restored));
	cr_assert_not_null(restored.entry);
	payload = wire_len - restored.taken;
	cr_assert_eq(restored.header_len + payload, len);
	memcpy(back, header, restored.header_len);
	memcpy(back + restored.header_len, wire + restored.taken, payload);
	schc_compute(schc_entry_plan(set, restored.entry), back, len, &no_outer);
	cr_assert_arr_eq(back, packet, len);
}

static size_t put_on_wire(const struct schc_set *set, const struct schc_view *view, uint8_t *wire)
{
	struct outer outer = {0};
	size_t payload = view->len - view->header_len;

	schc_view_compress(view, set, wire, &outer);
	memcpy(wire + view->residue_len, view->header + view->header_len, payload);
	return view->residue_len + payload;
}

/* The packet travels as these octets, and back. */
static void expect_wire(const struct schc_set *set, unsigned version, const uint8_t *packet,
	size_t len, const char *hex)
{
	uint8_t expected[ROOM];
	uint8_t wire[ROOM];
	struct schc_view view;
	size_t n = from_hex(hex, expected);

	schc_view_open(&view, set, version, packet, len);
	cr_assert(schc_view_next(&view, set), "no rule for what should become %s", hex);
	cr_assert_eq(put_on_wire(set, &view, wire), n, "%s", hex);
	cr_assert_arr_eq(wire, expected, n, "%s", hex);
	expect_restored(set, wire, n, packet, len);
}

static void expect_no_rule(
	const struct schc_set *set, unsigned version, const uint8_t *packet, size_t len)
{
	struct schc_view view;

	schc_view_open(&view, set, version, packet, len);
	cr_assert_not(schc_view_next(&view, set));
}

/* --- RFC 8724 appendix A -----------------------------------------------------------------------
 */

/*
 * As printed but for two things: the version is equal instead of ignored, which no packet can tell,
 * and so is Rule 1's and 2's Hop Limit, which would otherwise be lost.
 */
#define RFC8724_IPV6_HEAD \
	RULE_IS(SCHC_IPV6_VER, RULE_BI, "06"), RULE_IS(SCHC_IPV6_TC, RULE_BI, "00"), \
		RULE_IS(SCHC_IPV6_FL, RULE_BI, "000000"), \
		RULE_BY(SCHC_IPV6_LEN, RULE_BI, SCHC_CDA_COMPUTE), \
		RULE_IS(SCHC_IPV6_NXT, RULE_BI, "11")
#define RFC8724_UDP_TAIL \
	RULE_BY(SCHC_UDP_LEN, RULE_BI, SCHC_CDA_COMPUTE), \
		RULE_BY(SCHC_UDP_CKSUM, RULE_BI, SCHC_CDA_COMPUTE), RULE_END
#define ALPHA      "20010db80000000a"
#define BETA       "20010db80000000b"
#define GAMMA      "20010db80000000c"
#define LINK_LOCAL "fe80000000000000"

static const struct rule_row rfc8724_rule1[] = {RFC8724_IPV6_HEAD,
	RULE_IS(SCHC_IPV6_HOP_LMT, RULE_BI, "ff"),
	RULE_IS(SCHC_IPV6_DEVPREFIX, RULE_BI, LINK_LOCAL),
	RULE_BY(SCHC_IPV6_DEVIID, RULE_BI, SCHC_CDA_DEVIID),
	RULE_IS(SCHC_IPV6_APPPREFIX, RULE_BI, LINK_LOCAL),
	RULE_IS(SCHC_IPV6_APPIID, RULE_BI, "0000000000000001"),
	RULE_IS(SCHC_UDP_DEVPORT, RULE_BI, "007b"), RULE_IS(SCHC_UDP_APPPORT, RULE_BI, "007c"),
	RFC8724_UDP_TAIL};

static const struct rule_row rfc8724_rule2[] = {RFC8724_IPV6_HEAD,
	RULE_IS(SCHC_IPV6_HOP_LMT, RULE_BI, "ff"),
	RULE_OF(SCHC_IPV6_DEVPREFIX, RULE_BI, ALPHA "," LINK_LOCAL),
	RULE_BY(SCHC_IPV6_DEVIID, RULE_BI, SCHC_CDA_DEVIID),
	RULE_OF(SCHC_IPV6_APPPREFIX, RULE_BI, BETA "," ALPHA "," LINK_LOCAL),
	RULE_IS(SCHC_IPV6_APPIID, RULE_BI, "0000000000001000"),
	RULE_IS(SCHC_UDP_DEVPORT, RULE_BI, "1633"), RULE_IS(SCHC_UDP_APPPORT, RULE_BI, "1633"),
	RFC8724_UDP_TAIL};

static const struct rule_row rfc8724_rule3[] = {RFC8724_IPV6_HEAD,
	RULE_IS(SCHC_IPV6_HOP_LMT, RULE_UP, "ff"), RULE_ANY(SCHC_IPV6_HOP_LMT, RULE_DW),
	RULE_IS(SCHC_IPV6_DEVPREFIX, RULE_BI, ALPHA),
	RULE_BY(SCHC_IPV6_DEVIID, RULE_BI, SCHC_CDA_DEVIID),
	RULE_IS(SCHC_IPV6_APPPREFIX, RULE_BI, GAMMA),
	RULE_IS(SCHC_IPV6_APPIID, RULE_BI, "0000000000001000"),
	RULE_MSB(SCHC_UDP_DEVPORT, RULE_BI, 12, "2210"),
	RULE_MSB(SCHC_UDP_APPPORT, RULE_BI, 12, "2210"), RFC8724_UDP_TAIL};

/* Rule 0 to 3 with RuleIDs of two bits. */
static void rfc8724_rules(struct schc_rule rules[4])
{
	memset(rules, 0, 4 * sizeof *rules);
	for (unsigned i = 0; i < 4; i++) {
		rules[i].id = (uint8_t)i;
		rules[i].id_bits = 2;
	}
	rules[0].nature = SCHC_NO_COMPRESSION;
	rule_rows(&rules[1], rfc8724_rule1);
	rule_rows(&rules[2], rfc8724_rule2);
	rule_rows(&rules[3], rfc8724_rule3);
}

static struct schc_end rfc8724_end(enum schc_di di)
{
	return (struct schc_end){
		.di = di, .has_dev_iid = true, .dev_iid = {2, 0, 0, 0xff, 0xfe, 0, 0, 9}};
}

struct flow {
	const char *dev, *app; /* prefixes */
	uint8_t app_iid[2];
	uint16_t dev_port, app_port;
	uint8_t hop_limit;
};

static size_t rfc8724_packet(const struct flow *flow, enum schc_di di, uint8_t *out)
{
	struct schc_end end = rfc8724_end(di);
	bool up = di == SCHC_DI_UP;
	struct inner inner = {.version = 6,
		.proto = IP_PROTO_UDP,
		.sport = up ? flow->dev_port : flow->app_port,
		.dport = up ? flow->app_port : flow->dev_port,
		.hop_limit = flow->hop_limit,
		.payload = (const uint8_t *)"abc",
		.payload_len = 3};
	uint8_t *dev = up ? inner.src : inner.dst;
	uint8_t *app = up ? inner.dst : inner.src;

	from_hex(flow->dev, dev);
	memcpy(dev + 8, end.dev_iid, 8);
	from_hex(flow->app, app);
	memcpy(app + 14, flow->app_iid, 2);
	return inner_build(&inner, out);
}

static void expect_flow(
	const struct schc_rule rules[4], const struct flow *flow, enum schc_di di, const char *hex)
{
	struct schc_end end = rfc8724_end(di);
	struct schc_set *set = compile(rules, 4, &end);
	uint8_t packet[ROOM];
	size_t len = rfc8724_packet(flow, di, packet);

	if (hex)
		expect_wire(set, 6, packet, len, hex);
	else
		expect_no_rule(set, 6, packet, len);
	schc_set_free(set);
}

Test(schc_set, rfc8724_appendix_a)
{
	static const struct flow management = {LINK_LOCAL, LINK_LOCAL, {0, 1}, 123, 124, 255};
	static const struct flow data = {ALPHA, BETA, {0x10, 0}, 5683, 5683, 255};
	static const struct flow local = {LINK_LOCAL, LINK_LOCAL, {0x10, 0}, 5683, 5683, 255};
	static const struct flow legacy = {ALPHA, GAMMA, {0x10, 0}, 0x2213, 0x221e, 255};
	static const struct flow far = {ALPHA, GAMMA, {0x10, 0}, 0x2213, 0x221e, 42};
	static const struct flow other = {ALPHA, GAMMA, {0x10, 0}, 0x2223, 0x221e, 255};
	struct schc_rule rules[4];

	rfc8724_rules(rules);
	for (enum schc_di di = SCHC_DI_UP; di <= SCHC_DI_DOWN; di++) {
		expect_flow(rules, &management, di, "40616263"); /* 01 */
		expect_flow(rules, &data, di, "80616263");       /* 10 0 00 */
		expect_flow(rules, &local, di, "b0616263");      /* 10 1 10 */
		expect_flow(rules, &other, di, NULL);
	}
	expect_flow(rules, &legacy, SCHC_DI_UP, "cf80616263"); /* 11 0011 1110 */
	expect_flow(rules, &far, SCHC_DI_UP, NULL);
	expect_flow(rules, &far, SCHC_DI_DOWN, "ca8f80616263"); /* 11 00101010 0011 1110 */
}

/* --- RFC 8824 ----------------------------------------------------------------------------------
 */

#define COAP_TYPE_OF(up, down) \
	RULE_IS(SCHC_COAP_TYPE, RULE_UP, up), RULE_IS(SCHC_COAP_TYPE, RULE_DW, down)

/* Table 6, where the request's code is POST although the message says GET. */
static const struct rule_row rfc8824_table6[] = {RULE_IS(SCHC_COAP_VER, RULE_BI, "01"),
	COAP_TYPE_OF("00", "02"), RULE_IS(SCHC_COAP_TKL, RULE_BI, "01"),
	RULE_IS(SCHC_COAP_CODE, RULE_UP, "01"), RULE_OF(SCHC_COAP_CODE, RULE_DW, "45,84"),
	RULE_MSB(SCHC_COAP_MID, RULE_BI, 12, "0000"), RULE_MSB(SCHC_COAP_TOKEN, RULE_BI, 5, "80"),
	RULE_IS(SCHC_COAP_URI_PATH, RULE_UP, "=temperature"), RULE_END};

/* Table 3. */
static const struct rule_row rfc8824_table3[] = {RULE_IS(SCHC_COAP_VER, RULE_BI, "01"),
	RULE_IS(SCHC_COAP_TYPE, RULE_DW, "00"), RULE_OF(SCHC_COAP_TYPE, RULE_UP, "02,03"),
	RULE_IS(SCHC_COAP_TKL, RULE_BI, "00"),
	RULE_OF(SCHC_COAP_CODE, RULE_BI,
		"00,01,02,03,04,41,42,43,44,45,80,81,82,83,84,85,86,8c,8d,8f,a0,a1,a2,a3,a4,a5"),
	RULE_MSB(SCHC_COAP_MID, RULE_BI, 7, "0000"), RULE_IS(SCHC_COAP_URI_PATH, RULE_DW, "=path"),
	RULE_END};

/* Table 2, behind a header that says nothing. */
static const struct rule_row rfc8824_table2[] = {RULE_IS(SCHC_COAP_VER, RULE_BI, "01"),
	RULE_IS(SCHC_COAP_TYPE, RULE_BI, "01"), RULE_IS(SCHC_COAP_TKL, RULE_BI, "00"),
	RULE_IS(SCHC_COAP_CODE, RULE_BI, "01"), RULE_IS(SCHC_COAP_MID, RULE_BI, "1234"),
	RULE_IS(SCHC_COAP_URI_PATH, RULE_BI, "=c"),
	{SCHC_COAP_URI_PATH, 2, RULE_BI, SCHC_MO_IGNORE, 0, SCHC_CDA_VALUE_SENT, NULL},
	RULE_MSB(SCHC_COAP_URI_QUERY, RULE_BI, 16, "=k="), RULE_END};

static struct schc_rule rule_of(const struct rule_row *rows, uint8_t id, uint8_t bits)
{
	struct schc_rule rule = {.id = id, .id_bits = bits};

	rule_rows(&rule, rows);
	return rule;
}

static void expect_message(
	const struct rule_row *rows, enum schc_di di, const char *message, const char *hex)
{
	struct schc_rule rule = rule_of(rows, 1, 8);
	struct schc_end end = {.di = di};
	struct schc_set *set = compile(&rule, 1, &end);
	uint8_t packet[ROOM];
	size_t len = from_hex(message, packet);

	if (hex)
		expect_wire(set, 0, packet, len, hex);
	else
		expect_no_rule(set, 0, packet, len);
	schc_set_free(set);
}

Test(schc_set, rfc8824_examples)
{
	/* Figures 8 and 16, 9 and 17. */
	expect_message(rfc8824_table6, SCHC_DI_UP, "4101000182bb74656d7065726174757265", "0114");
	expect_message(rfc8824_table6, SCHC_DI_DOWN, "6145000182ff32332043", "010a32332043");
	/* Other path, other code, another option, more of the Message ID. */
	expect_message(rfc8824_table6, SCHC_DI_UP, "4101000182bb74656d7065726174757266", NULL);
	expect_message(rfc8824_table6, SCHC_DI_DOWN, "6144000182ff32332043", NULL);
	expect_message(rfc8824_table6, SCHC_DI_DOWN, "6145000182c132ff32332043", NULL);
	expect_message(rfc8824_table6, SCHC_DI_DOWN, "6145001182ff32332043", NULL);
	/* Table 3: 5 bits of code, 9 of the Message ID; on the way Up one of the type. */
	expect_message(rfc8824_table3, SCHC_DI_DOWN, "40020017b470617468ff21", "01105c21");
	expect_message(rfc8824_table3, SCHC_DI_UP, "60440017", "01202e");
	/* Table 2: 2 "X6", 4 "eth0". */
	expect_message(rfc8824_table2, SCHC_DI_UP,
		"50011234b16302583646"
		"6b3d65746830",
		"0125836465746830");
}

/* --- sizes, absence, order -----------------------------------------------------------------------
 */

static const struct rule_row queries[] = {RULE_IS(SCHC_COAP_VER, RULE_BI, "01"),
	RULE_IS(SCHC_COAP_TYPE, RULE_BI, "01"), RULE_IS(SCHC_COAP_TKL, RULE_BI, "00"),
	RULE_IS(SCHC_COAP_CODE, RULE_BI, "01"), RULE_IS(SCHC_COAP_MID, RULE_BI, "1234"),
	RULE_ANY(SCHC_COAP_URI_PATH, RULE_BI),
	{SCHC_COAP_URI_PATH, 0, RULE_BI, SCHC_MO_IGNORE, 0, SCHC_CDA_VALUE_SENT, NULL}, RULE_END};

/* RFC 8724 7.4.2: 4, 12 or 28 bits; 0 for an option that is not there. */
Test(schc_set, sizes_of_variable_fields)
{
	static const struct {
		size_t len;
		unsigned bits;
	} sizes[] = {{1, 4}, {14, 4}, {15, 12}, {116, 12}};
	struct schc_rule rule = rule_of(queries, 0, 4);
	struct schc_end end = {.di = SCHC_DI_UP};
	struct schc_set *set = compile(&rule, 1, &end);
	uint8_t message[ROOM] = {0x50, 1, 0x12, 0x34};
	uint8_t wire[ROOM];
	struct schc_view view;

	expect_message(queries, SCHC_DI_UP, "50011234", "0100");
	expect_message(queries, SCHC_DI_UP, "50011234b161", "011610");
	expect_message(queries, SCHC_DI_UP,
		"50011234b16102"
		"6263",
		"01161"
		"26263"
		"");
	expect_message(queries, SCHC_DI_UP, "50011234b0", NULL);
	expect_message(queries, SCHC_DI_UP,
		"50011234b161016202"
		"6364",
		NULL);
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct coap_writer w = {message + 4, 0, ROOM - 4, 0};
		size_t n = sizes[i].len;

		cr_assert(coap_put_option(&w, 11, n));
		memset(message + 4 + w.at, 'x', n);
		schc_view_open(&view, set, 0, message, 4 + w.at + n);
		cr_assert(schc_view_next(&view, set), "%zu", n);
		cr_assert_eq(view.residue_len, (4 + sizes[i].bits + 8 * n + 4 + 7) / 8, "%zu", n);
		expect_restored(set, wire, put_on_wire(set, &view, wire), message, 4 + w.at + n);
	}
	/* 1024 bits are the most that a residue has: so long goes whole. */
	for (size_t n = 124; n <= 300; n++) {
		struct coap_writer w = {message + 4, 0, ROOM - 4, 0};

		cr_assert(coap_put_option(&w, 11, n));
		schc_view_open(&view, set, 0, message, 4 + w.at + n);
		cr_assert_eq(schc_view_next(&view, set), n <= 125, "%zu", n);
	}
	schc_set_free(set);
}

/* Each residue has one way to be written; the others are dropped. */
Test(schc_set, residues_that_compressing_never_leaves)
{
	static const char *const bad[] = {
		"01",           /* the residue is missing */
		"0120",         /* one octet of two */
		"01f01610",     /* 1 in 12 bits */
		"01fff0001610", /* 1 in 28 bits */
		"02",           /* no such RuleID */
	};
	struct schc_rule rule = rule_of(queries, 1, 8);
	struct schc_end end = {.di = SCHC_DI_UP};
	struct schc_set *set = compile(&rule, 1, &end);
	uint8_t header[SCHC_SET_HEADER_MAX];
	struct schc_restored restored;
	uint8_t wire[ROOM] = {0};

	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		size_t n = from_hex(bad[i], wire);

		cr_assert_not(
			schc_set_restore(set, wire, n, header, &no_outer, &restored), "%s", bad[i]);
	}
	cr_assert_not(schc_set_restore(set, wire, 0, header, &no_outer, &restored));
	/* The reserved RuleID: one octet, then the packet as it is. */
	wire[0] = schc_set_none(set);
	cr_assert(schc_set_restore(set, wire, 9, header, &no_outer, &restored));
	cr_assert_null(restored.entry);
	cr_assert_eq(restored.taken, schc_set_none_len(set));
	schc_set_free(set);
}

static void expect_drop(const struct schc_rule *rule, const char *hex)
{
	struct schc_end end = {.di = SCHC_DI_UP};
	struct schc_set *set = compile(rule, 1, &end);
	uint8_t header[SCHC_SET_HEADER_MAX];
	struct schc_restored restored;
	uint8_t wire[ROOM] = {0};

	cr_assert_not(
		schc_set_restore(set, wire, from_hex(hex, wire), header, &no_outer, &restored),
		"%s", hex);
	schc_set_free(set);
}

#define COAP_HEAD(tkl) \
	RULE_IS(SCHC_COAP_VER, RULE_BI, "01"), RULE_IS(SCHC_COAP_TYPE, RULE_BI, "00"), tkl, \
		RULE_IS(SCHC_COAP_CODE, RULE_BI, "01"), RULE_IS(SCHC_COAP_MID, RULE_BI, "1234")
#define NO_TOKEN   RULE_IS(SCHC_COAP_TKL, RULE_BI, "00")
#define SOME_TOKEN RULE_ANY(SCHC_COAP_TKL, RULE_BI)

Test(schc_set, indexes_and_tokens_that_nothing_stands_for)
{
	static const struct rule_row list[] = {
		COAP_HEAD(NO_TOKEN), RULE_OF(SCHC_COAP_URI_PATH, RULE_BI, "=a,=b,=c"), RULE_END};
	static const struct rule_row token[] = {
		COAP_HEAD(SOME_TOKEN), RULE_IS(SCHC_COAP_TOKEN, RULE_BI, "8081"), RULE_END};
	static const struct rule_row sent[] = {
		COAP_HEAD(SOME_TOKEN), RULE_ANY(SCHC_COAP_TOKEN, RULE_BI), RULE_END};
	struct schc_rule rule = rule_of(list, 1, 8);

	expect_message(list, SCHC_DI_UP, "40011234b163", "0180");
	expect_drop(&rule, "01c0");
	rule = rule_of(token, 1, 8);
	expect_message(token, SCHC_DI_UP, "420112348081", "0120");
	expect_drop(&rule, "0130");
	rule = rule_of(sent, 1, 8);
	expect_message(sent, SCHC_DI_UP, "480112340102030405060708",
		"0180102030405060"
		"7080");
	expect_drop(&rule, "019000000000000000000000"); /* 9 octets of token */
}

/* --- CoAP, RFC 7252 3 --------------------------------------------------------------------------
 */

Test(schc_set, messages_that_are_not_coap)
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
	uint8_t message[ROOM];

	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_assert_not(coap_parse(&view, message, from_hex(bad[i], message)), "%s", bad[i]);
	cr_assert(coap_parse(&view, message, from_hex("41011234aae0fef20161ff00", message)));
	cr_assert_eq(view.tkl, 1);
	cr_assert_eq(view.n, 2);
	cr_assert_eq(view.option[0].number, 65535);
	cr_assert_eq(view.option[0].begin, 5);
	cr_assert_eq(view.header_len, 11);
}

Test(schc_set, messages_with_more_than_we_look_at)
{
	struct coap_view view;
	uint8_t message[ROOM] = {0x40, 1, 0, 1};

	cr_assert(coap_parse(&view, message, 4 + COAP_OPTIONS));
	cr_assert_not(coap_parse(&view, message, 5 + COAP_OPTIONS));
	memcpy(message + 4, (uint8_t[]){0x0e, 0, COAP_HEADER_MAX - 269 - 7}, 3);
	put_be16(message + 5, COAP_HEADER_MAX - 269 - 7);
	cr_assert(coap_parse(&view, message, COAP_HEADER_MAX));
	put_be16(message + 5, COAP_HEADER_MAX - 269 - 6);
	cr_assert_not(coap_parse(&view, message, COAP_HEADER_MAX + 1));
}

/* --- which rule --------------------------------------------------------------------------------
 */

/* The one that saves more comes first, wherever it stands; CoAP may begin in more than one place.
 */
Test(schc_set, rules_are_tried_by_what_they_save)
{
	static const struct rule_row udp[] = {RULE_ANY(SCHC_UDP_DEVPORT, RULE_BI),
		RULE_ANY(SCHC_UDP_APPPORT, RULE_BI), RULE_ANY(SCHC_UDP_LEN, RULE_BI),
		RULE_ANY(SCHC_UDP_CKSUM, RULE_BI), RULE_END};
	static const struct rule_row coap[] = {
		COAP_HEAD(NO_TOKEN), RULE_IS(SCHC_COAP_URI_PATH, RULE_BI, "=path"), RULE_END};
	struct schc_rule rules[3] = {rule_of(udp, 0, 2), rule_of(udp, 1, 2), rule_of(coap, 2, 2)};
	struct schc_end end = {.di = SCHC_DI_UP};
	uint8_t packet[ROOM];
	size_t len = from_hex("40011234b470617468"
			      "40011234b470617468",
		packet);
	struct schc_set *set;
	struct schc_view view;

	rule_rows(&rules[1], coap);
	set = compile(rules, 3, &end);
	schc_view_open(&view, set, 0, packet + 9, len - 9);
	cr_assert(schc_view_next(&view, set));
	cr_assert_eq(view.entry->rule, 2);
	cr_assert(schc_view_next(&view, set));
	cr_assert_eq(view.entry->rule, 0);
	cr_assert_not(schc_view_next(&view, set));
	memcpy(packet, "12345678", 8);
	schc_view_open(&view, set, 0, packet, 8);
	memmove(packet + 8, packet + 9, 9);
	schc_view_open(&view, set, 0, packet, 17);
	cr_assert(schc_view_next(&view, set));
	cr_assert_eq(view.entry->rule, 1);
	cr_assert_eq(view.header_len, 17);
	schc_set_free(set);
}

static const struct schc_explained *explain(
	const struct rule_row *rows, const char *message, struct schc_explained *out)
{
	struct schc_rule rule = rule_of(rows, 1, 8);
	struct schc_end end = {.di = SCHC_DI_UP};
	uint8_t packet[ROOM];

	schc_explain(&rule, &end, 0, packet, from_hex(message, packet), out);
	return out;
}

static void expect_why(
	const struct rule_row *rows, const char *message, unsigned failed, const char *word)
{
	static struct schc_explained out;

	explain(rows, message, &out);
	cr_assert_not(out.matches, "%s", message);
	cr_assert_eq(out.failed, failed, "%s: field %u", message, out.failed);
	cr_assert_not_null(strstr(out.text, word), "'%s' does not say '%s'", out.text, word);
}

Test(schc_set, explains_what_failed_and_where)
{
	static struct schc_explained out;

	explain(rfc8824_table6, "4101000182bb74656d7065726174757265", &out);
	cr_assert(out.matches);
	cr_assert_eq(out.n, 7);
	cr_assert_eq(out.header_bits, 17 * 8);
	cr_assert_eq(out.residue_bits, 8 + 4 + 3);
	cr_assert_eq(out.field[4].sent_bits, 4);
	cr_assert_eq(out.field[6].at, 6 * 8);
	cr_assert_eq(out.field[6].bits, 11 * 8);
	expect_why(rfc8824_table6, "4101001182bb74656d7065726174757265", 4, "first bits");
	expect_why(rfc8824_table6, "4101000182bb74656d7065726174757266", 6, "differs");
	expect_why(rfc8824_table6, "4101000182", 6, "no such option");
	expect_why(rfc8824_table6, "4101000182bb74656d70657261747572651132", 7, "not describe");
	expect_why(rfc8824_table6, "410100", 0, "ends before");
	expect_why(rfc8824_table6, "4101000182bb74", 5, "no CoAP");
	expect_why(rfc8824_table2, "50011234b163025836", 7, "no such option");
	explain(rfc8824_table6,
		"4101000182913"
		"2bb"
		"74656d70657261747572650",
		&out);
	cr_assert(out.has_extra);
	cr_assert_eq(out.extra, 9);
	cr_assert_eq(out.extra_at, 5 * 8);
	expect_why(rfc8724_rule1, "6000000000081100", 0, "ends before");
}

/* --- any rules, any messages ---------------------------------------------------------------------
 */

enum { SETS = 1500, MESSAGES = 24, OPTIONS_MAX = 6, RULES_MAX = 10 };

/* A CoAP message in parts. */
struct parts {
	uint8_t fixed[4];
	uint8_t token[8];
	unsigned n;
	struct {
		enum schc_fid fid;
		uint8_t len;
		uint8_t value[40];
	} option[OPTIONS_MAX];
	unsigned payload;
};

static void random_parts(struct rnd *r, struct parts *p)
{
	static const uint8_t fids[] = {SCHC_COAP_ETAG, SCHC_COAP_OBSERVE, SCHC_COAP_URI_PATH,
		SCHC_COAP_URI_PATH, SCHC_COAP_URI_PATH, SCHC_COAP_CONTENT_FORMAT, SCHC_COAP_MAX_AGE,
		SCHC_COAP_URI_QUERY, SCHC_COAP_URI_QUERY, SCHC_COAP_BLOCK2, SCHC_COAP_BLOCK1,
		SCHC_COAP_SIZE1, SCHC_COAP_NO_RESPONSE, SCHC_COAP_REQUEST_TAG};
	unsigned tkl = rnd_below(r, 4) * rnd_below(r, 3);

	rnd_fill(r, p->fixed, 4);
	p->fixed[0] = (uint8_t)(0x40 | rnd_below(r, 4) << 4 | tkl);
	p->fixed[2] = 0;
	rnd_fill(r, p->token, 8);
	p->n = 0;
	for (unsigned i = 0; i < sizeof fids && p->n < OPTIONS_MAX; i++) {
		if (rnd_below(r, 3))
			continue;
		p->option[p->n].fid = fids[i];
		p->option[p->n].len =
			(uint8_t)(rnd_below(r, 4) ? rnd_below(r, 4) : rnd_below(r, 40));
		rnd_fill(r, p->option[p->n++].value, 40);
	}
	p->payload = rnd_below(r, 2) * rnd_below(r, 20);
}

/* One thing is different, perhaps. */
static void mutate(struct rnd *r, struct parts *p)
{
	unsigned i = p->n ? rnd_below(r, p->n) : 0;

	switch (rnd_below(r, 9)) {
	case 0:
		p->fixed[rnd_below(r, 3) + 1] ^= (uint8_t)(1 << rnd_below(r, 8));
		break;
	case 1:
		p->token[rnd_below(r, 8)] ^= (uint8_t)(1 << rnd_below(r, 8));
		break;
	case 2:
		if (p->n)
			memmove(&p->option[i], &p->option[i + 1],
				(--p->n - i) * sizeof p->option[0]);
		break;
	case 3:
		if (p->n && p->option[i].len)
			p->option[i].len--;
		break;
	case 4:
		p->option[i].value[rnd_below(r, 3)] ^= (uint8_t)(1 << rnd_below(r, 8));
		break;
	case 5:
		p->payload = p->payload ? 0 : 5;
		break;
	default:
		break;
	}
}

static size_t write_parts(const struct parts *p, uint8_t *out)
{
	unsigned tkl = p->fixed[0] & 15;
	struct coap_writer w = {out + 4 + tkl, 0, 400, 0};
	size_t at;

	memcpy(out, p->fixed, 4);
	memcpy(out + 4, p->token, tkl);
	for (unsigned i = 0; i < p->n; i++) {
		cr_assert(coap_put_option(
			&w, schc_field(p->option[i].fid)->option, p->option[i].len));
		memcpy(w.out + w.at, p->option[i].value, p->option[i].len);
		w.at += p->option[i].len;
	}
	at = 4 + tkl + w.at;
	if (p->payload)
		out[at++] = 0xff;
	for (unsigned i = 0; i < p->payload; i++)
		out[at++] = (uint8_t)i;
	return at;
}

/* Any legal descriptor that this value fulfils (with bits to spare, in whole octets if variable).
 */
static void random_desc(struct rnd *r, struct schc_rule *rule, enum schc_fid fid, unsigned fp,
	const uint8_t *value, size_t len)
{
	struct schc_field_desc *desc = schc_rule_append(rule, fid);
	bool option = schc_field(fid)->option;
	uint8_t other[64] = {0x5a};

	desc->fp = (uint8_t)(rnd_below(r, 4) && option ? fp : !option);
	if (option && len && rnd_below(r, 3) == 0)
		desc->fl = (uint8_t)(len * 8 < 248 ? len * 8 : SCHC_FL_VARIABLE);
	switch (rnd_below(r, 4)) {
	case 0:
		if (desc->fl < SCHC_FL_TKL && len > 16)
			break;
		desc->mo = SCHC_MO_EQUAL;
		desc->cda = SCHC_CDA_NOT_SENT;
		cr_assert(schc_rule_add_value(rule, desc, value, len));
		break;
	case 1:
		if (desc->fl < SCHC_FL_TKL && len > 16)
			break;
		desc->mo = SCHC_MO_MSB;
		desc->cda = SCHC_CDA_LSB;
		desc->msb =
			(uint16_t)rnd_below(r, (unsigned)(desc->fl < 64 ? desc->fl : len * 8) + 1);
		if (desc->fl == SCHC_FL_VARIABLE)
			desc->msb &= (uint16_t)~7u;
		cr_assert(schc_rule_add_value(rule, desc, value, len));
		break;
	case 2:
		desc->mo = SCHC_MO_MATCH_MAPPING;
		desc->cda = SCHC_CDA_MAPPING_SENT;
		if (desc->fl >= 8 && rnd_below(r, 2) && (len != 1 || value[0] != 0x5a) && len)
			cr_assert(schc_rule_add_value(rule, desc, other, desc->fl < 254 ? len : 1));
		cr_assert(schc_rule_add_value(rule, desc, value, len));
		break;
	default:
		break;
	}
}

static void random_coap(struct rnd *r, struct schc_rule *rule, const struct parts *p)
{
	uint8_t type = p->fixed[0] >> 4 & 3;
	uint8_t tkl = p->fixed[0] & 15;
	unsigned fp = 0;

	rule_rows(rule, (const struct rule_row[]){RULE_IS(SCHC_COAP_VER, RULE_BI, "01"), RULE_END});
	random_desc(r, rule, SCHC_COAP_TYPE, 1, &type, 1);
	random_desc(r, rule, SCHC_COAP_TKL, 1, &tkl, 1);
	random_desc(r, rule, SCHC_COAP_CODE, 1, p->fixed + 1, 1);
	random_desc(r, rule, SCHC_COAP_MID, 1, p->fixed + 2, 2);
	random_desc(r, rule, SCHC_COAP_TOKEN, 1, p->token, tkl);
	for (unsigned i = 0; i < p->n; i++) {
		fp = i && p->option[i].fid == p->option[i - 1].fid ? fp + 1 : 1;
		random_desc(r, rule, p->option[i].fid, fp, p->option[i].value, p->option[i].len);
	}
}

/* Code words that are not each other's beginning, one of them left over. */
static void random_ids(struct rnd *r, struct schc_rule *rules, unsigned n)
{
	struct {
		uint8_t value, bits;
	} word[RULES_MAX + 1] = {{0, 1}, {1, 1}};
	unsigned have = 2;

	while (have < n + 1) {
		unsigned i = rnd_below(r, have);

		if (word[i].bits == SCHC_RULE_ID_BITS)
			continue;
		word[i].bits++;
		word[i].value = (uint8_t)(word[i].value << 1);
		word[have] = word[i];
		word[have++].value |= 1;
	}
	for (unsigned i = 0; i < n; i++) {
		rules[i].id = word[i].value;
		rules[i].id_bits = word[i].bits;
	}
}

static const struct rule_row any_ipv6_udp[] = {RULE_IS(SCHC_IPV6_VER, RULE_BI, "06"),
	RULE_ANY(SCHC_IPV6_TC, RULE_BI), RULE_ANY(SCHC_IPV6_FL, RULE_UP),
	RULE_IS(SCHC_IPV6_FL, RULE_DW, "000000"), RULE_BY(SCHC_IPV6_LEN, RULE_BI, SCHC_CDA_COMPUTE),
	RULE_IS(SCHC_IPV6_NXT, RULE_BI, "11"), RULE_ANY(SCHC_IPV6_HOP_LMT, RULE_BI),
	RULE_IS(SCHC_IPV6_DEVPREFIX, RULE_BI, ALPHA),
	RULE_IS(SCHC_IPV6_DEVIID, RULE_BI, "0000000000000001"),
	RULE_IS(SCHC_IPV6_APPPREFIX, RULE_BI, BETA),
	RULE_MSB(SCHC_IPV6_APPIID, RULE_BI, 56, "0000000000000000"),
	RULE_MSB(SCHC_UDP_DEVPORT, RULE_BI, 8, "1600"), RULE_IS(SCHC_UDP_APPPORT, RULE_BI, "1633"),
	RULE_BY(SCHC_UDP_LEN, RULE_BI, SCHC_CDA_COMPUTE),
	RULE_BY(SCHC_UDP_CKSUM, RULE_BI, SCHC_CDA_COMPUTE), RULE_END};

static size_t packet_of(struct rnd *r, const struct parts *p, enum schc_di di, uint8_t *out)
{
	uint8_t message[512];
	bool up = di == SCHC_DI_UP;
	struct inner inner = {.version = 6,
		.proto = IP_PROTO_UDP,
		.traffic_class = (uint8_t)rnd_u64(r),
		.flow_label = rnd_below(r, 2) * 77,
		.hop_limit = (uint8_t)rnd_u64(r),
		.sport = (uint16_t)(up ? 0x1600 | rnd_below(r, 256) : 0x1633),
		.dport = (uint16_t)(up ? 0x1633 : 0x1600 | rnd_below(r, 256)),
		.payload = message};
	uint8_t *dev = up ? inner.src : inner.dst;
	uint8_t *app = up ? inner.dst : inner.src;

	from_hex(ALPHA "0000000000000001", dev);
	from_hex(BETA "0000000000000000", app);
	app[15] = (uint8_t)rnd_u64(r);
	if (rnd_below(r, 16) == 0)
		app[14] = 1;
	inner.payload_len = write_parts(p, message);
	return inner_build(&inner, out);
}

/* What explain says of each rule is what the plans do; all that match give the packet back. */
static unsigned compare_packet(const struct schc_rule_set *rules, const struct schc_set *set,
	const struct schc_end *end, const uint8_t *packet, size_t len)
{
	bool taken[RULES_MAX] = {false};
	uint8_t wire[ROOM];
	struct schc_view view;
	unsigned n = 0;

	schc_view_open(&view, set, 6, packet, len);
	while (schc_view_next(&view, set)) {
		struct schc_explained explained;

		taken[view.entry->rule] = true;
		n++;
		schc_explain(&rules->rule[view.entry->rule], end, ~0u, packet, len, &explained);
		cr_assert(explained.matches, "%s", explained.text);
		cr_assert_eq((explained.residue_bits + 7) / 8, view.residue_len);
		cr_assert_eq(explained.header_bits / 8, view.header_len);
		expect_restored(set, wire, put_on_wire(set, &view, wire), packet, len);
	}
	for (unsigned i = 0; i < rules->n; i++) {
		struct schc_explained explained;

		if (taken[i])
			continue;
		schc_explain(&rules->rule[i], end, ~0u, packet, len, &explained);
		cr_assert_not(explained.matches, "rule %u matches nevertheless", i);
	}
	return n;
}

Test(schc_set, what_matches_comes_back)
{
	static struct schc_rule rules[RULES_MAX];
	static struct parts parts[RULES_MAX];
	struct rnd r = rnd_start("schc_set");
	unsigned matched = 0;
	unsigned none = 0;

	for (unsigned i = 0; i < SETS; i++) {
		struct schc_rule_set rule_set = {rules, 1 + rnd_below(&r, RULES_MAX)};
		struct schc_end end = {.di = rnd_below(&r, 2) ? SCHC_DI_UP : SCHC_DI_DOWN};
		struct schc_set *set;

		memset(rules, 0, sizeof rules);
		random_ids(&r, rules, rule_set.n);
		for (unsigned k = 0; k < rule_set.n; k++) {
			if (!k || rnd_below(&r, 2))
				random_parts(&r, &parts[k]);
			else
				parts[k] = parts[k - 1];
			mutate(&r, &parts[k]);
			rule_rows(&rules[k], any_ipv6_udp);
			if (rnd_below(&r, 8))
				random_coap(&r, &rules[k], &parts[k]);
		}
		set = compile(rules, rule_set.n, &end);
		for (unsigned m = 0; m < MESSAGES; m++) {
			struct parts p = parts[rnd_below(&r, rule_set.n)];
			uint8_t packet[ROOM];
			unsigned n;

			mutate(&r, &p);
			n = compare_packet(
				&rule_set, set, &end, packet, packet_of(&r, &p, end.di, packet));
			matched += n;
			none += !n;
		}
		schc_set_free(set);
	}
	printf("schc_set: %u messages, %u without a rule, %u matches\n", SETS * MESSAGES, none,
		matched);
	cr_assert_gt(matched, SETS * MESSAGES / 2);
	cr_assert_gt(none, SETS);
}

/* --- what is refused -----------------------------------------------------------------------------
 */

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
		rules[i] = rule_of(plain_udp, (uint8_t)i, 2);
}

Test(schc_set, rule_ids_that_cannot_stand_together_are_refused)
{
	static struct schc_rule many[SCHC_SET_RULES + 1];
	struct schc_rule rules[2];
	unsigned n = rule_of(plain_udp, 0, 1).n;

	two_rules(rules);
	cr_assert(schc_set_check(&(struct schc_rule_set){rules, 2}, NULL));
	rules[1].id = 0;
	expect_fault(rules, 2, 1, n, "the same");
	two_rules(rules);
	rules[1] = rule_of(plain_udp, 1, 8); /* 00000001 begins with 00 */
	expect_fault(rules, 2, 1, n, "beginning");
	rules[1] = rule_of(plain_udp, 4, 2);
	expect_fault(rules, 2, 1, n, "wider");
	rules[1] = rule_of(plain_udp, 1, 9);
	expect_fault(rules, 2, 1, n, "8 bits");
	rules[1] = rule_of(plain_udp, 0, 0);
	expect_fault(rules, 2, 1, n, "no RuleID");
	two_rules(rules);
	rules[0].id_bits = rules[1].id_bits = 1; /* 0 and 1: nothing is left */
	expect_fault(rules, 2, 2, 0, "left");
	for (unsigned i = 0; i <= SCHC_SET_RULES; i++)
		many[i] = rule_of(plain_udp, (uint8_t)i, 7);
	expect_fault(many, SCHC_SET_RULES + 1, SCHC_SET_RULES + 1, 0, "64");
	expect_fault(many, 0, 0, 0, "no rule");
}

Test(schc_set, natures)
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
	struct schc_rule rule = rule_of(plain_udp, 0, 1);

	rule.field[field].mo = (uint8_t)mo;
	rule.field[field].cda = (uint8_t)cda;
	rule.field[field].tv[0] = value;
	expect_fault(&rule, 1, 0, field, word);
}

/* What other fields' places rest on has to be known from the rule. */
Test(schc_set, headers_that_could_be_others_are_refused)
{
	struct schc_rule rule = rule_of(plain_udp, 0, 1);

	expect_field_fault(0, SCHC_MO_IGNORE, SCHC_CDA_VALUE_SENT, 0, "version");
	expect_field_fault(0, SCHC_MO_EQUAL, SCHC_CDA_NOT_SENT, 4, "version");
	expect_field_fault(0, SCHC_MO_IGNORE, SCHC_CDA_NOT_SENT, 6, "loses");
	rule.field[4].tv[0] = 6;
	expect_fault(&rule, 1, 0, 8, "protocol");
	rule = rule_of(rfc8824_table6, 1, 8);
	rule.field[0].tv[0] = 2;
	expect_fault(&rule, 1, 0, 0, "version of CoAP");
	rule = (struct schc_rule){.id_bits = 1};
	for (unsigned i = 0; i < 2; i++)
		schc_rule_append(&rule, SCHC_ESP_SPI + i);
	expect_fault(&rule, 1, 0, 0, "ESP");
}

static void expect_rows_fault(const struct rule_row *rows, unsigned field, const char *word)
{
	struct schc_rule rule = rule_of(rows, 0, 1);

	expect_fault(&rule, 1, 0, field, word);
}

#define ANY_HEAD(tkl) \
	RULE_IS(SCHC_COAP_VER, RULE_BI, "01"), RULE_ANY(SCHC_COAP_TYPE, RULE_BI), tkl, \
		RULE_ANY(SCHC_COAP_CODE, RULE_BI), RULE_ANY(SCHC_COAP_MID, RULE_BI)
#define A_TOKEN RULE_IS(SCHC_COAP_TKL, RULE_DW, "00"), RULE_ANY(SCHC_COAP_TKL, RULE_UP)

Test(schc_set, options_out_of_order_are_refused)
{
	static const struct rule_row no_token[] = {ANY_HEAD(A_TOKEN), RULE_END};
	static const struct rule_row before[] = {
		ANY_HEAD(A_TOKEN), RULE_ANY(SCHC_COAP_URI_PATH, RULE_BI), RULE_END};
	static const struct rule_row order[] = {ANY_HEAD(NO_TOKEN),
		RULE_ANY(SCHC_COAP_URI_PATH, RULE_BI), RULE_ANY(SCHC_COAP_OBSERVE, RULE_UP),
		RULE_END};
	static const struct rule_row position[] = {ANY_HEAD(NO_TOKEN),
		RULE_ANY(SCHC_COAP_URI_PATH, RULE_UP),
		{SCHC_COAP_URI_PATH, 2, RULE_BI, SCHC_MO_IGNORE, 0, SCHC_CDA_VALUE_SENT, NULL},
		RULE_END};
	static const struct rule_row half[] = {
		ANY_HEAD(NO_TOKEN), RULE_MSB(SCHC_COAP_URI_PATH, RULE_BI, 12, "=ab"), RULE_END};
	static const struct rule_row no_value[] = {ANY_HEAD(NO_TOKEN),
		{SCHC_COAP_URI_PATH, 1, RULE_BI, SCHC_MO_EQUAL, 0, SCHC_CDA_NOT_SENT, NULL},
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
	rule = rule_of(half, 0, 1);
	rule.field[5].fl = 12;
	expect_fault(&rule, 1, 0, 5, "whole octets");
}

Test(schc_set, roles_and_places_do_not_mix)
{
	struct schc_rule rule = rule_of(plain_udp, 0, 1);
	struct schc_end end = {.di = SCHC_DI_DOWN};
	struct schc_set *set;

	rule.field[9].fid = SCHC_UDP_APPPORT;
	expect_fault(&rule, 1, 0, 9, "roles");
	rule = rule_of(rfc8724_rule1, 0, 1);
	cr_assert_eq(schc_set_compile(&set, &(struct schc_rule_set){&rule, 1}, &end), -EINVAL);
}
